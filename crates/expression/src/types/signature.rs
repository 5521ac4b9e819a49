//! Reads the member signatures of the type table, which are written much as in C#.
//!
//! `[static|extension] Name[<T>](type [name] [= default], …)[: type]`, `[static] Name: type` (a property), `set Name: type`,
//! `this[type]: type`, `set this[type]: type`, `new(…)`, `operator +(a, b): type`, `implicit(a): type`, `explicit(a): type`.
//! They are part of the program text: a fault in one is found by the test that builds the registry.

use std::collections::HashMap;
use std::sync::Arc;

use super::Id;
use super::registry::{Kind, Parameter};
use crate::class::Type;
use crate::value::Value;

/// A signature in parts.
pub(crate) struct Signature {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) is_static: bool,
    pub(crate) type_parameters: usize,
    pub(crate) parameters: Vec<Parameter>,
    pub(crate) returns: Type,
}

/// Resolves names of types while signatures are read.
pub(crate) struct Names<'a> {
    pub(crate) types: &'a HashMap<(&'static str, usize), Id>,
    pub(crate) class: &'a [&'static str],
    pub(crate) method: Vec<&'static str>,
}

pub(crate) fn parse(text: &'static str, names: &mut Names<'_>) -> Option<Signature> {
    let mut reader = Reader { rest: text };
    let mut kind = None;
    let mut is_static = false;
    if reader.word("static ") {
        is_static = true;
    } else if reader.word("extension ") {
        is_static = true;
        kind = Some(Kind::Extension);
    }
    let setter = reader.word("set ");
    names.method.clear();
    let name = if reader.word("operator ") {
        let end = reader.rest.find('(')?;
        let (symbol, rest) = reader.rest.split_at(end);
        reader.rest = rest;
        kind = Some(Kind::Operator);
        symbol.trim()
    } else {
        reader.name()
    };
    if reader.eat("<") {
        loop {
            names.method.push(reader.name());
            if reader.eat(">") {
                break;
            }
            reader.eat(",").then_some(())?;
        }
    }
    let mut parameters = Vec::new();
    let (open, close) = if name == "this" { ("[", "]") } else { ("(", ")") };
    let called = reader.eat(open);
    if called && !reader.eat(close) {
        loop {
            parameters.push(reader.parameter(names)?);
            if reader.eat(close) {
                break;
            }
            reader.eat(",").then_some(())?;
        }
    }
    let returns = if reader.eat(":") { reader.read_type(names)? } else { Type::VOID };
    reader.rest.trim().is_empty().then_some(())?;
    let kind = kind.unwrap_or(match name {
        "this" if setter => Kind::IndexSetter,
        "this" => Kind::Index,
        "new" => Kind::Constructor,
        "implicit" => Kind::Implicit,
        "explicit" => Kind::Explicit,
        _ if setter => Kind::Setter,
        _ if called => Kind::Method,
        _ => Kind::Property,
    });
    Some(Signature { name, kind, is_static, type_parameters: names.method.len(), parameters, returns })
}

/// Reads one type by itself, as in the list of bases.
pub(crate) fn parse_type(text: &'static str, names: &Names<'_>) -> Option<Type> {
    Reader { rest: text }.read_type(names)
}

struct Reader {
    rest: &'static str,
}

impl Reader {
    fn eat(&mut self, text: &str) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(text) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn word(&mut self, text: &str) -> bool {
        self.eat(text)
    }

    fn name(&mut self) -> &'static str {
        self.rest = self.rest.trim_start();
        let end = self
            .rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '.'))
            .unwrap_or(self.rest.len());
        let (name, rest) = self.rest.split_at(end);
        self.rest = rest;
        name
    }

    fn parameter(&mut self, names: &Names<'_>) -> Option<Parameter> {
        let out = self.word("out ");
        let many = self.word("params ");
        let class = self.read_type(names)?;
        let name = self.name();
        let mut default = None;
        if self.eat("=") {
            self.rest = self.rest.trim_start();
            let end = self.rest.find([',', ')', ']']).unwrap_or(self.rest.len());
            let (text, rest) = self.rest.split_at(end);
            self.rest = rest;
            default = Some(match text.trim() {
                "null" | "default" => Value::Null,
                "true" => Value::Boolean(true),
                "false" => Value::Boolean(false),
                other => Value::Int32(other.parse().ok()?),
            });
        }
        Some(Parameter { name, class, default, out, many })
    }

    fn read_type(&mut self, names: &Names<'_>) -> Option<Type> {
        let name = self.name();
        let mut arguments = Vec::new();
        if self.eat("<") {
            loop {
                arguments.push(self.read_type(names)?);
                if self.eat(">") {
                    break;
                }
                self.eat(",").then_some(())?;
            }
        }
        let mut found = if let Some(n) = names.method.iter().position(|p| *p == name) {
            Type::OfMethod(n as u8)
        } else if let Some(n) = names.class.iter().position(|p| *p == name) {
            Type::OfClass(n as u8)
        } else {
            named(names.types, name, arguments)?
        };
        loop {
            if self.eat("[]") {
                found = Type::array(found);
            } else if self.eat("?") {
                found = Type::nullable(found);
            } else {
                return Some(found);
            }
        }
    }
}

/// The type of that name; delegates with other names are known by what they are called with.
pub(crate) fn named(
    types: &HashMap<(&'static str, usize), Id>,
    name: &str,
    mut arguments: Vec<Type>,
) -> Option<Type> {
    let short = name.rsplit('.').next()?;
    match (short, arguments.len()) {
        ("Func", 1..) | ("Converter", 2) => return Some(Type::Generic(Id::Func, arguments.into())),
        ("Action", 1..) => return Some(Type::Generic(Id::Action, arguments.into())),
        ("Tuple", 1..) => return Some(Type::Generic(Id::Tuple, arguments.into())),
        ("ValueTuple", 1..) => return Some(Type::Generic(Id::ValueTuple, arguments.into())),
        ("Predicate", 1) => {
            arguments.push(Type::BOOLEAN);
            return Some(Type::Generic(Id::Func, arguments.into()));
        }
        ("Comparison", 1) => {
            let of = arguments.pop()?;
            return Some(Type::generic(Id::Func, [of.clone(), of, Type::INT]));
        }
        _ => {}
    }
    let count = arguments.len();
    let id = *types.get(&(name, count))?;
    Some(if arguments.is_empty() { Type::Plain(id) } else { Type::Generic(id, Arc::from(arguments)) })
}
