//! Compiled rules.

use std::fmt;

use crate::bit_set::BitSet;
use crate::byte_class::Gate;
use crate::error::Place;
use crate::macros::Macro;
use crate::operators::Operator;
use crate::seclang::{AuditEngine, Engine};
use crate::variables::{Scope, Selector, Variable};

/// A rule: one link, or a chain of links that must all match.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: u64,
    /// 1 to 5.
    pub(crate) phase: u8,
    pub(crate) links: Vec<Link>,
    pub(crate) disruption: Disruption,
    /// The status of a refusal.
    pub(crate) status: u16,
    pub(crate) message: Option<Macro>,
    pub(crate) data: Option<Macro>,
    /// 0 (emergency) to 7 (debug).
    pub(crate) severity: Option<u8>,
    pub(crate) tags: Vec<Box<str>>,
    pub(crate) version: Box<str>,
    pub(crate) revision: Box<str>,
    /// Whether a match is reported.
    pub(crate) log: bool,
    /// Whether a match is written to the audit log.
    pub(crate) audit: bool,
    /// How many rules a match passes over.
    pub(crate) skip: u32,
    /// The marker after which a match goes on, and the first rule after it.
    pub(crate) skip_after: Option<(Box<str>, u32)>,
    /// Whether it looks for injections, which some values cannot carry.
    pub(crate) for_injections: bool,
    /// Whether the values that matched stay out of logs.
    pub(crate) sanitise_matched: bool,
    /// The order of the rules in the files.
    pub(crate) order: u32,
    pub(crate) place: Place,
}

/// What a matching rule does to the transaction.
#[derive(Clone, Debug)]
pub(crate) enum Disruption {
    Pass,
    Deny,
    Drop,
    Allow(Allow),
    Redirect(Macro),
}

/// How far `allow` reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Allow {
    /// The rest of the transaction.
    Everything,
    /// The rest of the phase.
    Phase,
    /// The phases of the request.
    Request,
}

/// One condition and what it does where it holds.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) targets: Vec<Target>,
    /// None for `SecAction`, which always matches.
    pub(crate) operator: Option<Box<dyn Operator>>,
    pub(crate) operator_name: Box<str>,
    pub(crate) operator_text: Box<str>,
    pub(crate) negated: bool,
    /// What the operator needs of a value.
    pub(crate) gate: Gate,
    /// The chain of transformations, by its place in the table.
    pub(crate) chain: usize,
    pub(crate) capture: bool,
    pub(crate) multi_match: bool,
    pub(crate) actions: Vec<Action>,
    pub(crate) place: Place,
}

/// A variable that a rule looks at.
#[derive(Debug)]
pub(crate) struct Target {
    pub(crate) variable: Variable,
    /// The name as it stands in logs.
    pub(crate) name: &'static str,
    pub(crate) selector: Selector,
    /// The slot of a name of `TX`; the path of a part of XML.
    pub(crate) slot: Option<u32>,
    /// Entries that are left out.
    pub(crate) excluded: Vec<Selector>,
    /// Whether the number of entries is asked for.
    pub(crate) counted: bool,
}

/// What a matching link does without stopping anything.
#[derive(Debug)]
pub(crate) enum Action {
    Set {
        variable: Assigned,
        change: Change,
    },
    InitCollection {
        scope: Scope,
        key: Macro,
    },
    Expire {
        variable: Assigned,
        seconds: Macro,
    },
    SetEnv {
        name: Box<[u8]>,
        value: Macro,
    },
    Control(Control),
    /// A name of `ARGS` or `REQUEST_HEADERS` whose values stay out of logs.
    Sanitise {
        variable: &'static str,
        name: Box<[u8]>,
    },
}

/// A variable that an action changes.
#[derive(Debug)]
pub(crate) enum Assigned {
    Slot(u32),
    Tx(Macro),
    Persistent(Scope, Macro),
}

/// A change of a variable.
#[derive(Debug)]
pub(crate) enum Change {
    Set(Macro),
    SetNumber(i64),
    Add(Macro),
    Subtract(Macro),
    Remove,
}

/// A processor of bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Processor {
    Json,
    Multipart,
    Raw,
    UrlEncoded,
    Xml,
}

impl Processor {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Multipart => "MULTIPART",
            Self::Raw => "RAW",
            Self::UrlEncoded => "URLENCODED",
            Self::Xml => "XML",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Json, Self::Multipart, Self::Raw, Self::UrlEncoded, Self::Xml]
            .into_iter()
            .find(|processor| processor.name().eq_ignore_ascii_case(name))
    }
}

/// `ctl`: a change of the engine for the rest of the transaction.
#[derive(Debug)]
pub(crate) enum Control {
    AuditEngine(AuditEngine),
    ForceRequestBodyVariable(bool),
    RequestBodyAccess(bool),
    RequestBodyLimit(usize),
    RequestBodyProcessor(Processor),
    ResponseBodyAccess(bool),
    ResponseBodyLimit(usize),
    ResponseBodyProcessor(Processor),
    Engine(Engine),
    RemoveRules(BitSet),
    RemoveTargets(RemovedTarget),
    Nothing,
}

/// A variable that some rules no longer look at.
pub(crate) struct RemovedTarget {
    pub(crate) rules: BitSet,
    /// The variable's name as in logs.
    pub(crate) variable: &'static str,
    pub(crate) selector: Selector,
}

impl fmt::Debug for RemovedTarget {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("RemovedTarget").field("variable", &self.variable).finish_non_exhaustive()
    }
}
