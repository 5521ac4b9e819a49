//! The type table, resolved: every class with its bases and members, found by name.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::signature::{self, Names};
use super::{DEFINITIONS, Id};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::value::Value;

/// What a member does when it is called.
pub(crate) type Native = fn(&mut Call<'_, '_>) -> Result<Value, Thrown>;

/// A type as its file declares it.
pub(crate) struct Definition {
    /// Full name, with type parameters: `System.Collections.Generic.List<T>`.
    pub(crate) name: &'static str,
    /// Other names by which it is written: `string`.
    pub(crate) aliases: &'static [&'static str],
    pub(crate) form: Form,
    /// Base class and interfaces.
    pub(crate) bases: &'static [&'static str],
    pub(crate) members: &'static [Member],
    /// Names and numbers of an enumeration.
    pub(crate) values: &'static [(&'static str, i64)],
}

impl Definition {
    /// What a definition leaves out.
    pub(crate) const NEW: Self =
        Self { name: "", aliases: &[], form: Form::Class, bases: &[], members: &[], values: &[] };
}

/// What kind of type it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Class,
    Enumeration,
    /// An enumeration whose values combine.
    Flags,
    Interface,
    Structure,
}

/// A member as its file declares it.
#[derive(Clone, Copy)]
pub(crate) struct Member {
    signature: &'static str,
    call: Native,
    pure: bool,
}

impl Member {
    /// Its signature as written.
    pub(crate) fn signature(&self) -> &'static str {
        self.signature
    }
}

/// A member.
pub(crate) const fn member(signature: &'static str, call: Native) -> Member {
    Member { signature, call, pure: false }
}

/// A member that gives the same result for the same arguments whatever the state, and is computed at load where they
/// are known.
pub(crate) const fn pure(signature: &'static str, call: Native) -> Member {
    Member { signature, call, pure: true }
}

/// What kind of member it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Constructor,
    Explicit,
    Extension,
    Implicit,
    Index,
    IndexSetter,
    Method,
    Operator,
    Property,
    Setter,
}

/// A parameter.
#[derive(Debug)]
pub(crate) struct Parameter {
    pub(crate) name: &'static str,
    pub(crate) class: Type,
    pub(crate) default: Option<Value>,
    pub(crate) out: bool,
    pub(crate) many: bool,
}

/// A member with its signature resolved.
pub(crate) struct Method {
    pub(crate) owner: Id,
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) is_static: bool,
    pub(crate) type_parameters: usize,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) returns: Type,
    pub(crate) call: Native,
    pub(crate) pure: bool,
}

impl Method {
    /// Whether it is called on an object, which must not be null.
    pub(crate) fn takes_receiver(&self) -> bool {
        !self.is_static
            && matches!(
                self.kind,
                Kind::Method | Kind::Property | Kind::Setter | Kind::Index | Kind::IndexSetter
            )
    }
}

/// A class with its members.
pub(crate) struct Class {
    /// Full name without type parameters.
    pub(crate) name: &'static str,
    pub(crate) form: Form,
    pub(crate) bases: Vec<Type>,
    pub(crate) members: Vec<Method>,
    pub(crate) values: &'static [(&'static str, i64)],
    alias: Option<&'static str>,
}

impl Class {
    pub(crate) fn is_value(&self) -> bool {
        matches!(self.form, Form::Structure | Form::Enumeration | Form::Flags)
    }

    /// The name that C# writes.
    pub(crate) fn short(&self) -> &'static str {
        self.alias.unwrap_or_else(|| self.name.rsplit('.').next().unwrap_or(self.name))
    }

    pub(crate) fn named<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a Method> + use<'a, 'n> {
        self.members.iter().filter(move |m| m.name == name)
    }
}

/// Everything in the type table.
pub(crate) struct Registry {
    classes: Vec<Class>,
    names: HashMap<(&'static str, usize), Id>,
    /// Extension methods by name.
    extensions: HashMap<&'static str, Vec<(Id, usize)>>,
    /// Signatures that could not be read.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test looks at them"))]
    faults: Vec<&'static str>,
}

/// The type table, resolved on first use.
pub(crate) fn registry() -> &'static Registry {
    static REGISTRY: LazyLock<Registry> = LazyLock::new(Registry::build);
    &REGISTRY
}

impl Registry {
    pub(crate) fn class(&self, id: Id) -> &Class {
        // Built with one class for each identifier, in the same order.
        &self.classes[id as usize]
    }

    /// The type of that (full or short) name.
    pub(crate) fn find(&self, name: &str, arguments: Vec<Type>) -> Option<Type> {
        signature::named(&self.names, name, arguments)
    }

    /// Whether something is declared in a namespace that is, or begins with, this name.
    pub(crate) fn is_namespace(&self, name: &str) -> bool {
        self.classes.iter().any(|c| c.name.strip_prefix(name).is_some_and(|rest| rest.starts_with('.')))
    }

    pub(crate) fn type_names(&self) -> impl Iterator<Item = &'static str> {
        self.classes.iter().map(Class::short)
    }

    pub(crate) fn extensions<'a, 'n>(
        &'a self,
        name: &'n str,
    ) -> impl Iterator<Item = &'a Method> + use<'a, 'n> {
        self.extensions.get(name).into_iter().flatten().filter_map(|(id, n)| self.class(*id).members.get(*n))
    }

    pub(crate) fn extension_names(&self) -> impl Iterator<Item = &'static str> {
        self.extensions.keys().copied()
    }

    fn build() -> Self {
        let mut names = HashMap::new();
        for (id, definition) in DEFINITIONS {
            let (name, parameters) = split(definition.name);
            let short = name.rsplit('.').next().unwrap_or(name);
            for n in [name, short].into_iter().chain(definition.aliases.iter().copied()) {
                names.entry((n, parameters.len())).or_insert(*id);
            }
        }
        let mut faults = Vec::new();
        let mut classes: Vec<Class> = Vec::with_capacity(DEFINITIONS.len());
        let mut extensions: HashMap<&'static str, Vec<(Id, usize)>> = HashMap::new();
        for (id, definition) in DEFINITIONS {
            let (name, parameters) = split(definition.name);
            let mut scope = Names { types: &names, class: &parameters, method: Vec::new() };
            let mut bases = Vec::new();
            for base in definition.bases {
                match signature::parse_type(base, &scope) {
                    Some(found) => bases.push(found),
                    None => faults.push(*base),
                }
            }
            let mut members = Vec::with_capacity(definition.members.len());
            for declared in definition.members {
                let Some(s) = signature::parse(declared.signature, &mut scope) else {
                    faults.push(declared.signature);
                    continue;
                };
                if s.kind == Kind::Extension {
                    extensions.entry(s.name).or_default().push((*id, members.len()));
                }
                members.push(Method {
                    owner: *id,
                    name: s.name,
                    kind: s.kind,
                    is_static: s.is_static,
                    type_parameters: s.type_parameters,
                    parameters: s.parameters,
                    returns: s.returns,
                    call: declared.call,
                    pure: declared.pure,
                });
            }
            let alias = definition.aliases.first().copied();
            let (form, values) = (definition.form, definition.values);
            classes.push(Class { name, form, bases, members, values, alias });
        }
        Self { classes, names, extensions, faults }
    }
}

fn split(name: &'static str) -> (&'static str, Vec<&'static str>) {
    match name.split_once('<') {
        Some((name, rest)) => (name, rest.trim_end_matches('>').split(',').map(str::trim).collect()),
        None => (name, Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_signature_of_the_table_is_read() {
        assert_eq!(registry().faults, Vec::<&str>::new());
    }

    #[test]
    fn the_table_is_in_the_order_of_its_identifiers() {
        for (n, (id, definition)) in DEFINITIONS.iter().enumerate() {
            assert_eq!(*id as usize, n, "{}", definition.name);
        }
    }
}
