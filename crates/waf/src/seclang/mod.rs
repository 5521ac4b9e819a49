//! The reader of SecLang: files into directives, with the line of each.

mod actions;
mod load;
mod settings;
mod targets;
mod words;

pub(crate) use self::actions::{ActionText, split_actions};
pub use self::load::RuleSource;
pub(crate) use self::load::{Loaded, load};
pub use self::settings::Engine;
pub(crate) use self::settings::{AuditEngine, LimitAction, Settings};
pub(crate) use self::targets::{TargetText, split_targets};

use crate::error::Place;

/// A directive that makes or changes rules; settings are already applied where a file is read.
#[derive(Debug)]
pub(crate) enum Directive {
    /// `SecRule VARIABLES OPERATOR [ACTIONS]`
    Rule { targets: String, operator: String, actions: String },
    /// `SecAction ACTIONS`
    Action(String),
    /// `SecMarker NAME`
    Marker(String),
    /// `SecDefaultAction ACTIONS`
    DefaultAction(String),
    /// `SecRuleRemoveBy…`
    Remove(Filter),
    /// `SecRuleUpdateTargetBy… RULES TARGETS`
    UpdateTargets(Filter, String),
    /// `SecRuleUpdateActionById RULE ACTIONS`; the number after a colon is the link of a chain.
    UpdateActions { id: u64, link: usize, actions: String },
}

/// A directive and where it stands.
#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) place: Place,
    pub(crate) directive: Directive,
}

/// Which rules a directive or a `ctl` is about.
#[derive(Clone, Debug)]
pub(crate) enum Filter {
    /// Rules with an id in one of the ranges.
    Ids(Vec<(u64, u64)>),
    /// Rules with a tag that the pattern finds.
    Tag(String),
    /// Rules with a message that the pattern finds.
    Message(String),
}

impl Filter {
    /// Reads ids and ranges of ids, separated by white space or commas.
    pub(crate) fn ids(text: &str) -> Result<Self, String> {
        let mut ranges = Vec::new();
        for part in text.split([' ', '\t', ',']).filter(|part| !part.is_empty()) {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (Ok(first), Ok(last)) = (first.trim().parse(), last.trim().parse()) else {
                return Err(format!("expected a rule id or a range such as 942100-942190, found {part:?}"));
            };
            if first > last {
                return Err(format!("the range {part} ends before it begins"));
            }
            ranges.push((first, last));
        }
        if ranges.is_empty() { Err("expected a rule id".to_owned()) } else { Ok(Self::Ids(ranges)) }
    }
}
