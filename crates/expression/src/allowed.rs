//! What expressions may use, as data: for reference pages, and for whoever generates expressions.

use crate::types::{DEFINITIONS, Form, Member};

/// A type that expressions may use.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct AllowedType {
    /// Full name with its type parameters: `System.Collections.Generic.List<T>`.
    pub name: &'static str,
    /// Other names by which it is written: `string`.
    pub aliases: &'static [&'static str],
    /// Base class and interfaces, whose members it has too.
    pub bases: &'static [&'static str],
    /// The names of an enumeration with their numbers.
    pub values: &'static [(&'static str, i64)],
    /// Whether it is a value type, which cannot be null.
    pub is_value: bool,
    index: usize,
}

impl AllowedType {
    /// The signatures of its own members, written as `static Name<T>(type, type name = default): type`; a constructor is
    /// `new(…)`, an indexer `this[…]: type`, what assigns begins with `set`.
    pub fn members(&self) -> impl Iterator<Item = &'static str> + use<> {
        DEFINITIONS
            .get(self.index)
            .into_iter()
            .flat_map(|(_, definition)| definition.members)
            .map(Member::signature)
    }
}

/// Every type that expressions may use.
pub fn allowed_types() -> impl Iterator<Item = AllowedType> {
    DEFINITIONS.iter().enumerate().map(|(index, (_, definition))| AllowedType {
        name: definition.name,
        aliases: definition.aliases,
        bases: definition.bases,
        values: definition.values,
        is_value: matches!(definition.form, Form::Structure | Form::Enumeration | Form::Flags),
        index,
    })
}
