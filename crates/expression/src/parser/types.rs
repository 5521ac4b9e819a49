//! Names of types.

use std::sync::Arc;

use super::{PREDEFINED, Parser};
use crate::diagnostic::Fault;
use crate::lexer::Kind;
use crate::syntax::{Suffix, TypeName};

/// Deepest nesting of type arguments.
const MAX_ARGUMENTS_DEPTH: u32 = 8;

impl Parser<'_> {
    /// Reads a type, or says what is wrong.
    pub(super) fn type_name(&mut self) -> Result<TypeName, Fault> {
        match self.try_type(true)? {
            Some(found) => Ok(found),
            None => Err(self.fault(format!("a type is missing before {}", self.found()))),
        }
    }

    /// Reads a type if one stands here; otherwise nothing is read.
    pub(super) fn try_type(&mut self, nullable: bool) -> Result<Option<TypeName>, Fault> {
        let start = self.at;
        let found = self.type_at(nullable, 0);
        self.spend(self.at - start + 1)?;
        if found.is_none() {
            self.at = start;
        }
        Ok(found)
    }

    /// Reads `<A, B>` if it stands here and what follows says that it is one.
    pub(super) fn try_type_arguments(&mut self) -> Result<Option<Vec<TypeName>>, Fault> {
        if !self.is("<") {
            return Ok(None);
        }
        let start = self.at;
        let found = self.arguments_at(0);
        self.spend(self.at - start + 1)?;
        let follows = matches!(
            self.peek(),
            Kind::End
                | Kind::Punctuation(
                    "(" | ")"
                        | "]"
                        | "}"
                        | ":"
                        | ";"
                        | ","
                        | "."
                        | "?"
                        | "?."
                        | "?["
                        | "=="
                        | "!="
                        | "["
                        | "{"
                        | "&&"
                        | "||"
                        | ">"
                )
        );
        if found.is_some() && follows {
            return Ok(found);
        }
        self.at = start;
        Ok(None)
    }

    fn type_at(&mut self, nullable: bool, depth: u32) -> Option<TypeName> {
        let span = self.span();
        let mut arguments = Vec::new();
        let mut name = String::new();
        if self.is("(") {
            arguments = self.tuple_at(depth)?;
        } else {
            loop {
                match self.peek() {
                    Kind::Name(n) if PREDEFINED.contains(&n.as_ref()) && name.is_empty() => name.push_str(n),
                    Kind::Name(n) | Kind::Verbatim(n) if self.is_name_at(0) => name.push_str(n),
                    _ => return None,
                }
                self.advance();
                // A keyword is a whole name: what follows its point is a member.
                if PREDEFINED.contains(&name.as_str()) {
                    break;
                }
                if self.is("<") {
                    arguments = self.arguments_at(depth)?;
                    break;
                }
                if self.is("::") || self.is(".") && self.is_name_at(1) {
                    if self.is("::") {
                        name.clear();
                    } else {
                        name.push('.');
                    }
                    self.advance();
                    continue;
                }
                break;
            }
        }
        let mut suffixes = Vec::new();
        loop {
            if self.is("[") && self.is_at(1, "]") {
                self.at += 2;
                suffixes.push(Suffix::Array);
            } else if nullable && self.is("?") && !suffixes.contains(&Suffix::Nullable) {
                self.advance();
                suffixes.push(Suffix::Nullable);
            } else if nullable && self.is("?[") && self.is_at(1, "]") {
                self.at += 2;
                suffixes.push(Suffix::Nullable);
                suffixes.push(Suffix::Array);
            } else {
                break;
            }
            if suffixes.len() > 8 {
                return None;
            }
        }
        Some(TypeName { span, name: Arc::from(name), arguments, suffixes })
    }

    fn arguments_at(&mut self, depth: u32) -> Option<Vec<TypeName>> {
        if depth >= MAX_ARGUMENTS_DEPTH || !self.eat("<") {
            return None;
        }
        let mut arguments = Vec::new();
        loop {
            arguments.push(self.type_at(true, depth + 1)?);
            if self.eat(">") {
                return Some(arguments);
            }
            if !self.eat(",") || arguments.len() > 16 {
                return None;
            }
        }
    }

    fn tuple_at(&mut self, depth: u32) -> Option<Vec<TypeName>> {
        if depth >= MAX_ARGUMENTS_DEPTH || !self.eat("(") {
            return None;
        }
        let mut types = Vec::new();
        loop {
            types.push(self.type_at(true, depth + 1)?);
            // Names of elements are for the reader.
            if self.is_name_at(0) {
                self.advance();
            }
            if self.eat(")") {
                return (types.len() > 1).then_some(types);
            }
            if !self.eat(",") || types.len() > 16 {
                return None;
            }
        }
    }
}
