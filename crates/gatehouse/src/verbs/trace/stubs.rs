//! `--stub FILE`: what the world answers to a traced request.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use gatehouse_model::tree::decode::{Context, Shape, integer, list, map, record};
use gatehouse_model::tree::parse_yaml;
use gatehouse_model::{Diagnostic, Diagnostics, Location};

use crate::offline::{Answer, Answers, Scalar, Stub, instant};

/// The answers, and what else the world is given.
#[derive(Debug, Default)]
pub(super) struct Stubs {
    pub(super) backend: Vec<Answer>,
    pub(super) requests: Vec<Stub>,
    pub(super) named_values: BTreeMap<String, String>,
    pub(super) time: Option<u64>,
    pub(super) random: Option<u64>,
}

impl Stubs {
    fn shape() -> impl Shape<Value = Self> {
        record("the stubs", |fields| {
            let backend = fields.optional("backend", Answers, "What the backend answers, call by call.");
            let stubs = fields.optional("stubs", list(Stub::shape()), "Answers to the requests of policies.");
            let named_values =
                fields.optional("named_values", map("named values", Scalar), "Values of named values.");
            let time = fields.optional("time", instant(), "The time; default: now.");
            let random = fields.optional("random", integer(0..=u64::MAX), "Where randomness begins.");
            let named_values = named_values.unwrap_or_default();
            Some(Self {
                backend: backend.unwrap_or_default(),
                requests: stubs.unwrap_or_default(),
                named_values: named_values.into_iter().map(|(name, value)| (name.value, value)).collect(),
                time,
                random,
            })
        })
    }

    /// Reads the file; everything that is wrong is told at once.
    pub(super) fn read(file: &Path) -> Result<Self, Diagnostics> {
        let name: Arc<Path> = file.into();
        let one = |diagnostic| {
            let mut diagnostics = Diagnostics::new();
            diagnostics.push(diagnostic);
            diagnostics
        };
        let text = std::fs::read_to_string(file).map_err(|error| {
            one(Diagnostic::error("unreadable", Location::file(file), format!("cannot be read: {error}")))
        })?;
        let node = parse_yaml(&text, &name).map_err(one)?;
        let mut context = Context::new(name, "the stubs");
        let stubs = Self::shape().decode(&node, &mut context);
        let diagnostics = context.into_diagnostics();
        match stubs {
            Some(stubs) if !diagnostics.has_errors() => Ok(stubs),
            _ => Err(diagnostics),
        }
    }
}
