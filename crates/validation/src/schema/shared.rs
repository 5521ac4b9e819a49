//! One validator for all positions of a definition.
//!
//! Schemas refer to one another; a validator for each position would compile what it refers to again and again. Here all
//! positions are properties of one schema, and a value is validated as if it stood alone in an object under the name of
//! its position.

use std::borrow::Cow;
use std::collections::HashSet;

use jsonschema::{Draft, PatternOptions, Validator};
use serde_json::{Map, Value, json};

use super::convert::{Converter, Entry};
use super::{Dialect, Variant, Violation, formats, violation};
use crate::json::{Document, Tape, TapeNode};

/// How often a pattern with look-around or back-references may go back before it counts as not matching.
const BACKTRACK_LIMIT: usize = 10_000;
/// How large a compiled pattern may be, in bytes.
const PATTERN_BYTES: usize = 1 << 20;
/// How many broken schemas are taken out one by one before everything that is left counts as broken.
const MAX_BROKEN: usize = 256;

/// The validator of all positions of one variant of a definition.
#[derive(Debug)]
pub(crate) struct Shared {
    validator: Option<Validator<Tape>>,
    names: Box<[Box<str>]>,
    /// Why positions cannot be validated, by position.
    faults: Box<[Option<Box<str>>]>,
}

impl Shared {
    /// Compiles the schemas of positions.
    pub(crate) fn compile(
        document: &Value,
        dialect: Dialect,
        variant: Variant,
        positions: &[Cow<'_, Value>],
    ) -> Self {
        let mut converter = Converter::new(document, dialect, variant);
        let entries: Vec<Entry> = positions.iter().map(|schema| converter.position(schema)).collect();
        let mut build = Build { positions: entries, schemas: converter.finish() };
        let validator = build.validator();
        let faults = build.faults();
        let names = (0..positions.len()).map(|number| number.to_string().into_boxed_str()).collect();
        Self { validator, names, faults }
    }

    /// Why a position cannot be validated.
    pub(crate) fn fault(&self, position: u32) -> Option<&str> {
        self.faults.get(position as usize)?.as_deref()
    }

    /// Whether a value is valid at a position. At a broken one none is: whoever asks looks at [`fault`](Self::fault)
    /// first.
    pub(crate) fn is_valid(&self, position: u32, value: &TapeNode<'_>) -> bool {
        let (Some(validator), Some(name)) = (&self.validator, self.names.get(position as usize)) else {
            return false;
        };
        validator.is_valid(TapeNode::Position { name, value })
    }

    /// What is wrong with a value at a position, `limit` of it at the most. `document`: the text that it stands in.
    pub(crate) fn violations(
        &self,
        position: u32,
        value: &TapeNode<'_>,
        document: Option<&Document<'_>>,
        limit: usize,
    ) -> Vec<Violation> {
        let (Some(validator), Some(name)) = (&self.validator, self.names.get(position as usize)) else {
            return Vec::new();
        };
        let node = TapeNode::Position { name, value };
        violation::explain_all(validator.iter_errors(node), 1, document, limit)
    }
}

/// The options that every validator is built with.
pub(super) fn options<'i>()
-> jsonschema::ValidationOptions<'i, std::sync::Arc<dyn jsonschema::Retrieve>, Tape> {
    jsonschema::options_for::<Tape>()
        .offline()
        .should_validate_formats(true)
        .with_format(formats::BASE64, formats::is_base64)
        .with_pattern_options(
            PatternOptions::fancy_regex().backtrack_limit(BACKTRACK_LIMIT).size_limit(PATTERN_BYTES),
        )
}

struct Build {
    positions: Vec<Entry>,
    schemas: Vec<Entry>,
}

impl Build {
    fn validator(&mut self) -> Option<Validator<Tape>> {
        for entry in self.positions.iter_mut().chain(&mut self.schemas).filter(|entry| entry.fault.is_some())
        {
            entry.schema = Value::Bool(true);
        }
        for _ in 0..MAX_BROKEN {
            let root = self.root();
            let error = match options().with_draft(Draft::Draft202012).build(&root) {
                Ok(validator) => return Some(validator),
                Err(error) => error,
            };
            let message = violation::of_schema(&error);
            let culprit = [error.instance_path(), error.schema_path(), error.evaluation_path()]
                .into_iter()
                .find_map(|path| self.culprit(path.as_str()));
            let Some(entry) = culprit.and_then(|(kind, number)| self.entries(kind)?.get_mut(number)) else {
                break;
            };
            entry.schema = Value::Bool(true);
            entry.fault = Some(message);
        }
        for entry in &mut self.positions {
            entry.fault.get_or_insert_with(|| "the schemas of the definition cannot be compiled".to_owned());
        }
        None
    }

    fn root(&self) -> Value {
        let named = |entries: &[Entry]| -> Map<String, Value> {
            entries
                .iter()
                .enumerate()
                .map(|(number, entry)| (number.to_string(), entry.schema.clone()))
                .collect()
        };
        json!({
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "properties": named(&self.positions),
            "$defs": named(&self.schemas),
        })
    }

    /// The entry that a path into the root leads to, unless it is known to be broken.
    fn culprit<'p>(&mut self, path: &'p str) -> Option<(&'p str, usize)> {
        let mut steps = path.split('/').skip(1);
        let kind = steps.next()?;
        let number: usize = steps.next()?.parse().ok()?;
        let entry = self.entries(kind)?.get(number)?;
        entry.fault.is_none().then_some((kind, number))
    }

    fn entries(&mut self, kind: &str) -> Option<&mut Vec<Entry>> {
        match kind {
            "properties" => Some(&mut self.positions),
            "$defs" => Some(&mut self.schemas),
            _ => None,
        }
    }

    /// Why each position is broken: for itself, or for a schema that it uses.
    fn faults(&self) -> Box<[Option<Box<str>>]> {
        let has_faults = self.schemas.iter().any(|entry| entry.fault.is_some());
        self.positions
            .iter()
            .map(|entry| {
                if let Some(fault) = &entry.fault {
                    return Some(fault.as_str().into());
                }
                if !has_faults {
                    return None;
                }
                let mut seen: HashSet<usize> = HashSet::new();
                let mut queue = entry.refers.clone();
                while let Some(number) = queue.pop() {
                    let Some(schema) = self.schemas.get(number).filter(|_| seen.insert(number)) else {
                        continue;
                    };
                    if let Some(fault) = &schema.fault {
                        return Some(fault.as_str().into());
                    }
                    queue.extend(&schema.refers);
                }
                None
            })
            .collect()
    }
}
