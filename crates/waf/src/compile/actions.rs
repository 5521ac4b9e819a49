//! Actions: text into what a rule does.

use super::build::Compiler;
use crate::bit_set::BitSet;
use crate::error::did_you_mean;
use crate::macros::Macro;
use crate::names::Names;
use crate::rule::{Action, Allow, Assigned, Change, Control, Disruption, Processor, RemovedTarget};
use crate::seclang::{ActionText, AuditEngine, Engine, Filter, split_actions};
use crate::transformations::{self, TransformationId};
use crate::variables::{Scope, Selector, named};

/// A disruptive action before the defaults are known.
pub(super) enum Draft {
    /// What the default says.
    Block,
    Is(Disruption),
}

/// The actions of one directive.
#[derive(Default)]
pub(super) struct Parsed {
    pub(super) id: Option<u64>,
    pub(super) phase: Option<u8>,
    pub(super) disruption: Option<Draft>,
    pub(super) status: Option<u16>,
    pub(super) chain: bool,
    pub(super) skip: Option<u32>,
    pub(super) skip_after: Option<Box<str>>,
    pub(super) message: Option<Macro>,
    pub(super) data: Option<Macro>,
    pub(super) severity: Option<u8>,
    pub(super) tags: Vec<Box<str>>,
    pub(super) version: Option<Box<str>>,
    pub(super) revision: Option<Box<str>>,
    pub(super) log: Option<bool>,
    pub(super) audit: Option<bool>,
    pub(super) capture: bool,
    pub(super) multi_match: bool,
    pub(super) sanitise_matched: bool,
    pub(super) clears_transformations: bool,
    pub(super) transformations: Vec<TransformationId>,
    pub(super) actions: Vec<Action>,
    /// Filters of `ctl` actions, by the place of the action.
    pub(super) filters: Vec<(usize, Filter)>,
}

impl Compiler<'_> {
    pub(super) fn parse_actions(&mut self, text: &str) -> Result<Parsed, String> {
        let mut parsed = Parsed::default();
        for action in split_actions(text)? {
            parsed.add(&action, &mut self.names).map_err(|message| format!("{}: {message}", action.name))?;
        }
        Ok(parsed)
    }
}

impl Parsed {
    fn add(&mut self, action: &ActionText, names: &mut Names) -> Result<(), String> {
        let value = action.value.as_deref();
        let needed =
            || value.filter(|value| !value.is_empty()).ok_or_else(|| "a value is missing".to_owned());
        match action.name.as_str() {
            "id" => self.id = Some(positive(needed()?)?),
            "phase" => self.phase = Some(phase(needed()?)?),
            "msg" => self.message = Some(Macro::parse(value.unwrap_or(""), names)?),
            "logdata" => self.data = Some(Macro::parse(value.unwrap_or(""), names)?),
            "severity" => self.severity = Some(severity(needed()?)?),
            "tag" => self.tags.push(needed()?.into()),
            "ver" => self.version = Some(needed()?.into()),
            "rev" => self.revision = Some(needed()?.into()),
            "maturity" | "accuracy" => {
                positive(needed()?)?;
            }
            "pass" => self.disrupt(Disruption::Pass),
            "deny" => self.disrupt(Disruption::Deny),
            "drop" => self.disrupt(Disruption::Drop),
            "block" => self.disruption = Some(Draft::Block),
            "allow" => self.disrupt(Disruption::Allow(match value {
                None => Allow::Everything,
                Some("phase") => Allow::Phase,
                Some("request") => Allow::Request,
                Some(other) => return Err(format!("expected phase or request, found {other:?}")),
            })),
            "redirect" => self.disrupt(Disruption::Redirect(Macro::parse(needed()?, names)?)),
            "status" => {
                let status = positive(needed()?)?;
                if !(100..=599).contains(&status) {
                    return Err(format!("expected a status from 100 to 599, found {status}"));
                }
                self.status = Some(status as u16);
            }
            "chain" => self.chain = true,
            "skip" => self.skip = Some(positive(needed()?)? as u32),
            "skipafter" => self.skip_after = Some(needed()?.into()),
            "log" => self.log = Some(true),
            "nolog" => self.log = Some(false),
            "auditlog" => self.audit = Some(true),
            "noauditlog" => self.audit = Some(false),
            "capture" => self.capture = true,
            "multimatch" => self.multi_match = true,
            "t" => self.transformation(needed()?)?,
            "setvar" => {
                let (variable, change) = assignment(needed()?, names)?;
                self.actions.push(Action::Set { variable, change });
            }
            "expirevar" => {
                let (name, seconds) = needed()?.split_once('=').ok_or("expected VARIABLE=SECONDS")?;
                let variable = assigned(name, names)?;
                self.actions.push(Action::Expire { variable, seconds: Macro::parse(seconds, names)? });
            }
            "initcol" => {
                let (name, key) = needed()?.split_once('=').ok_or("expected COLLECTION=KEY")?;
                let scope = Scope::named(name.trim()).ok_or_else(|| {
                    format!("expected global, ip, resource, session or user, found {name:?}")
                })?;
                self.actions.push(Action::InitCollection { scope, key: Macro::parse(key, names)? });
            }
            "setsid" => self.collection(Scope::Session, needed()?, names)?,
            "setuid" => self.collection(Scope::User, needed()?, names)?,
            "setrsc" => self.collection(Scope::Resource, needed()?, names)?,
            "setenv" => {
                let (name, value) = needed()?.split_once('=').ok_or("expected NAME=VALUE")?;
                self.actions.push(Action::SetEnv {
                    name: name.trim().as_bytes().into(),
                    value: Macro::parse(value, names)?,
                });
            }
            "ctl" => self.control(needed()?)?,
            "sanitisematched" | "sanitizematched" | "sanitisematchedbytes" | "sanitizematchedbytes" => {
                self.sanitise_matched = true;
            }
            "sanitisearg" | "sanitizearg" => self.sanitise("ARGS", needed()?),
            "sanitiserequestheader" | "sanitizerequestheader" => self.sanitise("REQUEST_HEADERS", needed()?),
            "sanitiseresponseheader" | "sanitizeresponseheader" => {
                self.sanitise("RESPONSE_HEADERS", needed()?);
            }
            // Names in paths are compared with their prefixes, as the body writes them.
            "xmlns" => {
                needed()?;
            }
            name => return Err(refusal(name)),
        }
        Ok(())
    }

    fn disrupt(&mut self, disruption: Disruption) {
        self.disruption = Some(Draft::Is(disruption));
    }

    fn transformation(&mut self, name: &str) -> Result<(), String> {
        if name.eq_ignore_ascii_case("none") {
            self.clears_transformations = true;
            self.transformations.clear();
            return Ok(());
        }
        let transformation = TransformationId::named(name).ok_or_else(|| {
            format!("unknown transformation {name}{}", did_you_mean(name, transformations::names()))
        })?;
        self.transformations.push(transformation);
        Ok(())
    }

    fn collection(&mut self, scope: Scope, key: &str, names: &mut Names) -> Result<(), String> {
        self.actions.push(Action::InitCollection { scope, key: Macro::parse(key, names)? });
        Ok(())
    }

    fn sanitise(&mut self, variable: &'static str, name: &str) {
        self.actions.push(Action::Sanitise { variable, name: name.to_ascii_lowercase().into_bytes().into() });
    }

    fn control(&mut self, text: &str) -> Result<(), String> {
        let (name, value) = text.split_once('=').ok_or("expected NAME=VALUE")?;
        let value = value.trim();
        let mut filter = None;
        let removed_target = |value: &str| -> Result<(String, Control), String> {
            let (rules, target) = value.split_once(';').ok_or("expected RULES;VARIABLE")?;
            let (variable, selector) = target.split_once([':', '.']).unwrap_or((target, ""));
            let selector = if selector.is_empty() { Selector::All } else { Selector::parse(selector)? };
            let removed =
                RemovedTarget { rules: BitSet::default(), variable: named(variable.trim())?.1, selector };
            Ok((rules.trim().to_owned(), Control::RemoveTargets(removed)))
        };
        let control = match name.trim().to_ascii_lowercase().as_str() {
            "auditengine" => Control::AuditEngine(match value.to_ascii_lowercase().as_str() {
                "on" | "relevantonly" => AuditEngine::Matched,
                "off" => AuditEngine::Off,
                _ => return Err(format!("expected On, Off or RelevantOnly, found {value:?}")),
            }),
            "ruleengine" => Control::Engine(match value.to_ascii_lowercase().as_str() {
                "on" => Engine::On,
                "off" => Engine::Off,
                "detectiononly" => Engine::DetectionOnly,
                _ => return Err(format!("expected On, Off or DetectionOnly, found {value:?}")),
            }),
            "forcerequestbodyvariable" => Control::ForceRequestBodyVariable(switch(value)?),
            "requestbodyaccess" => Control::RequestBodyAccess(switch(value)?),
            "responsebodyaccess" => Control::ResponseBodyAccess(switch(value)?),
            "requestbodylimit" => Control::RequestBodyLimit(positive(value)? as usize),
            "responsebodylimit" => Control::ResponseBodyLimit(positive(value)? as usize),
            "requestbodyprocessor" => Control::RequestBodyProcessor(processor(value)?),
            "responsebodyprocessor" => Control::ResponseBodyProcessor(processor(value)?),
            "ruleremovebyid" => {
                filter = Some(Filter::ids(value)?);
                Control::RemoveRules(BitSet::default())
            }
            "ruleremovebytag" => {
                filter = Some(Filter::Tag(value.to_owned()));
                Control::RemoveRules(BitSet::default())
            }
            "ruleremovebymsg" => {
                filter = Some(Filter::Message(value.to_owned()));
                Control::RemoveRules(BitSet::default())
            }
            "ruleremovetargetbyid" => {
                let (rules, control) = removed_target(value)?;
                filter = Some(Filter::ids(&rules)?);
                control
            }
            "ruleremovetargetbytag" => {
                let (tag, control) = removed_target(value)?;
                filter = Some(Filter::Tag(tag));
                control
            }
            "ruleremovetargetbymsg" => {
                let (message, control) = removed_target(value)?;
                filter = Some(Filter::Message(message));
                control
            }
            // The audit log has one form, and there is no debug log.
            "auditlogparts" | "debugloglevel" => Control::Nothing,
            "hashengine" | "hashenforcement" => return Err("links are not signed here".to_owned()),
            other => {
                return Err(format!(
                    "unknown option {other}{}",
                    did_you_mean(other, CONTROLS.iter().copied())
                ));
            }
        };
        if let Some(filter) = filter {
            self.filters.push((self.actions.len(), filter));
        }
        self.actions.push(Action::Control(control));
        Ok(())
    }
}

const CONTROLS: &[&str] = &[
    "auditEngine",
    "forceRequestBodyVariable",
    "requestBodyAccess",
    "requestBodyLimit",
    "requestBodyProcessor",
    "responseBodyAccess",
    "responseBodyLimit",
    "responseBodyProcessor",
    "ruleEngine",
    "ruleRemoveById",
    "ruleRemoveByMsg",
    "ruleRemoveByTag",
    "ruleRemoveTargetById",
    "ruleRemoveTargetByMsg",
    "ruleRemoveTargetByTag",
];

const ACTIONS: &[&str] = &[
    "accuracy",
    "allow",
    "auditlog",
    "block",
    "capture",
    "chain",
    "ctl",
    "deny",
    "drop",
    "expirevar",
    "id",
    "initcol",
    "log",
    "logdata",
    "maturity",
    "msg",
    "multiMatch",
    "noauditlog",
    "nolog",
    "pass",
    "phase",
    "redirect",
    "rev",
    "sanitiseArg",
    "sanitiseMatched",
    "sanitiseRequestHeader",
    "sanitiseResponseHeader",
    "setenv",
    "setrsc",
    "setsid",
    "setuid",
    "setvar",
    "severity",
    "skip",
    "skipAfter",
    "status",
    "t",
    "tag",
    "ver",
    "xmlns",
];

fn refusal(name: &str) -> String {
    match name {
        "exec" => "not supported: it would run a program for each request".to_owned(),
        "proxy" => "not supported: policies route requests".to_owned(),
        "pause" => "not supported: a waiting request is what an attacker wants".to_owned(),
        "append" | "prepend" => "not supported: policies change bodies".to_owned(),
        "deprecatevar" => "not supported: use expirevar".to_owned(),
        _ => format!("unknown action{}", did_you_mean(name, ACTIONS.iter().copied())),
    }
}

fn positive(text: &str) -> Result<u64, String> {
    text.trim()
        .parse()
        .ok()
        .filter(|number| i64::try_from(*number).is_ok())
        .ok_or_else(|| format!("expected a number, found {text:?}"))
}

fn switch(text: &str) -> Result<bool, String> {
    match text.to_ascii_lowercase().as_str() {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err(format!("expected On or Off, found {text:?}")),
    }
}

fn processor(text: &str) -> Result<Processor, String> {
    Processor::named(text)
        .ok_or_else(|| format!("expected JSON, MULTIPART, RAW, URLENCODED or XML, found {text:?}"))
}

fn phase(text: &str) -> Result<u8, String> {
    Ok(match text.to_ascii_lowercase().as_str() {
        "1" => 1,
        "2" | "request" => 2,
        "3" => 3,
        "4" | "response" => 4,
        "5" | "logging" => 5,
        _ => return Err(format!("expected a phase from 1 to 5, found {text:?}")),
    })
}

fn severity(text: &str) -> Result<u8, String> {
    const NAMES: [&str; 8] =
        ["EMERGENCY", "ALERT", "CRITICAL", "ERROR", "WARNING", "NOTICE", "INFO", "DEBUG"];
    NAMES
        .iter()
        .position(|name| name.eq_ignore_ascii_case(text))
        .or_else(|| text.parse().ok().filter(|number| *number < NAMES.len()))
        .map(|number| number as u8)
        .ok_or_else(|| format!("expected one of {} or 0 to 7, found {text:?}", NAMES.join(", ")))
}

/// Reads `tx.name=value`, `tx.name=+1`, `tx.name=-1`, `!tx.name` or `tx.name`.
fn assignment(text: &str, names: &mut Names) -> Result<(Assigned, Change), String> {
    if let Some(name) = text.strip_prefix('!') {
        return Ok((assigned(name, names)?, Change::Remove));
    }
    let (name, value) = text.split_once('=').unwrap_or((text, "1"));
    let variable = assigned(name, names)?;
    let change = match value.as_bytes() {
        [b'+', ..] => Change::Add(Macro::parse(&value[1..], names)?),
        [b'-', ..] => Change::Subtract(Macro::parse(&value[1..], names)?),
        _ => match value.parse::<i64>() {
            Ok(number) if number.to_string() == value => Change::SetNumber(number),
            _ => Change::Set(Macro::parse(value, names)?),
        },
    };
    Ok((variable, change))
}

fn assigned(text: &str, names: &mut Names) -> Result<Assigned, String> {
    let (collection, name) = text.trim().split_once(['.', ':']).ok_or("expected COLLECTION.NAME")?;
    let name = Macro::parse(name, names)?;
    if collection.eq_ignore_ascii_case("tx") {
        return Ok(match name.as_constant() {
            Some(name) => Assigned::Slot(names.slot(name)),
            None => Assigned::Tx(name),
        });
    }
    let scope = Scope::named(collection)
        .ok_or_else(|| format!("expected tx, global, ip, resource, session or user, found {collection:?}"))?;
    Ok(Assigned::Persistent(scope, name))
}
