//! One entry of a trace.

use std::fmt;
use std::sync::Arc;

use gatehouse_model::Location;
use serde_json::{Map, Value, json};

use super::masks;
use crate::document::{Element, Node, Text, TextKind};
use crate::{Response, UpstreamError};

/// Something that happened: a policy that ran, a decision of the gateway, a request that was sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// `request`, `inbound`, `backend`, `outbound` or `on-error`.
    pub section: &'static str,
    /// The policy's name, `routing`, `subscription`, `backend` or `outgoing-request`.
    pub source: String,
    /// How deep it stands in other policies.
    pub depth: usize,
    /// The scope of the document.
    pub scope: Option<&'static str>,
    /// Where the policy stands.
    pub location: Option<Location>,
    /// The place in its section.
    pub path: Option<Arc<str>>,
    /// The `id` attribute.
    pub policy_id: Option<Arc<str>>,
    /// Microseconds from the arrival of the request's head to its begin.
    pub at_micros: u64,
    /// How long it took, in microseconds, with all that stands in it.
    pub micros: u64,
    /// What it was given.
    pub inputs: Vec<Input>,
    /// What was said on the way: branches that were taken, messages of policies and expressions.
    pub notes: Vec<String>,
    /// What it changed.
    pub changes: Vec<Change>,
    /// How it ended.
    pub outcome: Outcome,
}

/// An attribute, an element or an expression with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// What it is called, such as `when[1].condition`.
    pub name: String,
    /// Its value.
    pub value: String,
}

/// Something that a policy changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What: `request.headers.x-a`, `variables.name`, `response.status` …
    pub what: String,
    /// The value before; `None` where there was none.
    pub before: Option<String>,
    /// The value after; `None` where there is none any more.
    pub after: Option<String>,
}

/// How an entry ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Outcome {
    /// The exchange went on.
    #[default]
    Continued,
    /// It went on with outbound.
    Outbound,
    /// It gave the answer.
    Responded,
    /// It failed: reason and message.
    Failed(String),
    /// Something else, such as the status of a backend.
    Told(String),
}

impl Outcome {
    /// The answer to a request that was sent, or why there is none.
    pub(crate) fn of_answer(answer: &Result<Response, UpstreamError>) -> Self {
        match answer {
            Ok(response) => Self::Told(format!("status {}", response.status.as_u16())),
            Err(error) => Self::Failed(error.to_string()),
        }
    }

    /// What it is called.
    pub fn text(&self) -> &str {
        match self {
            Self::Continued => "continue",
            Self::Outbound => "continue with outbound",
            Self::Responded => "respond",
            Self::Failed(why) | Self::Told(why) => why,
        }
    }
}

impl Entry {
    /// Every text that may hold a secret.
    pub(super) fn for_each_text(&mut self, mut act: impl FnMut(&mut String)) {
        for input in &mut self.inputs {
            act(&mut input.value);
        }
        self.notes.iter_mut().for_each(&mut act);
        for change in &mut self.changes {
            change.before.iter_mut().chain(&mut change.after).for_each(&mut act);
        }
        if let Outcome::Failed(text) | Outcome::Told(text) = &mut self.outcome {
            act(text);
        }
    }

    /// The entry for machines.
    pub fn to_json(&self) -> Value {
        let mut row = Map::new();
        row.insert("section".into(), json!(self.section));
        row.insert("source".into(), json!(self.source));
        row.insert("depth".into(), json!(self.depth));
        if let Some(location) = &self.location {
            row.insert("file".into(), json!(location.file.display().to_string()));
            row.insert("line".into(), json!(location.line));
            row.insert("column".into(), json!(location.column));
        }
        let optional = [
            ("scope", self.scope.map(str::to_owned)),
            ("path", self.path.as_deref().map(str::to_owned)),
            ("policy_id", self.policy_id.as_deref().map(str::to_owned)),
        ];
        for (name, value) in optional {
            if let Some(value) = value {
                row.insert(name.into(), json!(value));
            }
        }
        row.insert("at_us".into(), json!(self.at_micros));
        row.insert("duration_us".into(), json!(self.micros));
        let inputs: Vec<Value> =
            self.inputs.iter().map(|input| json!({ "name": input.name, "value": input.value })).collect();
        row.insert("inputs".into(), json!(inputs));
        row.insert("notes".into(), json!(self.notes));
        let changes: Vec<Value> = self
            .changes
            .iter()
            .map(|change| json!({ "what": change.what, "before": change.before, "after": change.after }))
            .collect();
        row.insert("changes".into(), json!(changes));
        let kind = match self.outcome {
            Outcome::Failed(_) => "failed",
            _ => "good",
        };
        row.insert("outcome".into(), json!(self.outcome.text()));
        row.insert("verdict".into(), json!(kind));
        Value::Object(row)
    }
}

/// An attribute or a text of a policy as the document has it: what an expression at a place is called.
#[derive(Clone)]
pub(crate) struct Source {
    /// Such as `when[1].condition`.
    pub(crate) name: Box<str>,
    pub(crate) location: Location,
    /// The text where it is no expression; named values stand in it by name.
    pub(crate) literal: Option<Box<str>>,
    /// Whether the value must not be shown.
    pub(crate) is_secret: bool,
}

impl fmt::Debug for Source {
    /// A literal may be a secret: it is not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at {}", self.name, self.location)
    }
}

/// The attributes and texts of a policy, without those of the policies in it: `holders` are the elements whose children
/// are policies.
pub(crate) fn sources(element: &Element, holders: &[Location]) -> Box<[Source]> {
    let mut found = Vec::new();
    collect(element, "", false, holders, &mut found);
    found.into()
}

/// The most characters of a literal that are kept.
const MAX_LITERAL: usize = 200;

fn collect(element: &Element, prefix: &str, is_secret: bool, holders: &[Location], found: &mut Vec<Source>) {
    let named = |name: &str| if prefix.is_empty() { name.to_owned() } else { format!("{prefix}.{name}") };
    for attribute in &element.attributes {
        let is_secret = is_secret && attribute.name == "value" || masks::is_secret_attribute(&attribute.name);
        found.push(source(named(&attribute.name), &attribute.value, is_secret));
    }
    if holders.contains(&element.location) {
        return;
    }
    // The values of a header or a parameter that carries secrets, and keys that are written out.
    let of_secret = element.attribute("name").is_some_and(|name| {
        matches!(&*element.name, "set-header" | "set-query-parameter")
            && masks::is_secret_name(&name.value.text)
    });
    let is_secret = is_secret || of_secret || element.name == "key";
    let mut counts: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
    for node in &element.children {
        match node {
            Node::Text(text) => {
                let name = if prefix.is_empty() { "text".to_owned() } else { prefix.to_owned() };
                found.push(source(name, text, is_secret));
            }
            Node::Element(child) => {
                let count = counts.entry(&child.name).or_default();
                *count += 1;
                let name = named(&format!("{}[{count}]", child.name));
                collect(child, &name, is_secret, holders, found);
            }
        }
    }
}

fn source(name: String, text: &Text, is_secret: bool) -> Source {
    let literal = (text.kind() == TextKind::Literal).then(|| {
        let trimmed = text.text.trim();
        let mut short: String = trimmed.chars().take(MAX_LITERAL).collect();
        if short.len() < trimmed.len() {
            short.push('…');
        }
        short.into_boxed_str()
    });
    // An expression begins where its `@` stands.
    let start = text.text.len() - text.text.trim_start().len();
    Source { name: name.into(), location: text.locate(start), literal, is_secret }
}
