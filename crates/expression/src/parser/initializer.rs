//! `new` in its forms.

use super::Parser;
use crate::diagnostic::{Fault, Span};
use crate::syntax::{Expr, ExprKind, Initializer, InitializerTarget, InitializerValue, Suffix};

impl Parser<'_> {
    /// Reads what follows `new`.
    pub(super) fn creation(&mut self, span: Span) -> Result<Expr, Fault> {
        if self.is("{") {
            return Ok(Expr { span, kind: self.anonymous()? });
        }
        if self.is("[") && self.is_at(1, "]") {
            self.at += 2;
            let items = Some(self.items()?);
            return Ok(Expr { span, kind: ExprKind::Array { element: None, length: None, items } });
        }
        let mut class = self.type_name()?;
        if self.eat("[") {
            let length = self.expression()?;
            self.expect("]")?;
            let mut element = class;
            while self.is("[") && self.is_at(1, "]") {
                self.at += 2;
                element.suffixes.push(Suffix::Array);
            }
            let items = if self.is("{") { Some(self.items()?) } else { None };
            let length = Some(Box::new(length));
            return Ok(Expr { span, kind: ExprKind::Array { element: Some(element), length, items } });
        }
        if class.suffixes.last() == Some(&Suffix::Array) {
            class.suffixes.pop();
            let items = Some(self.items()?);
            return Ok(Expr { span, kind: ExprKind::Array { element: Some(class), length: None, items } });
        }
        let arguments = if self.eat("(") { self.arguments(")")? } else { Vec::new() };
        let initializer = if self.is("{") { Some(self.initializer()?) } else { None };
        Ok(Expr { span, kind: ExprKind::New { class, arguments, initializer } })
    }

    fn items(&mut self) -> Result<Vec<Expr>, Fault> {
        self.expect("{")?;
        let mut items = Vec::new();
        while !self.eat("}") {
            items.push(if self.is("{") {
                let span = self.span();
                let items = Some(self.nested(Self::items)?);
                Expr { span, kind: ExprKind::Array { element: None, length: None, items } }
            } else {
                self.expression()?
            });
            if !self.eat(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(items)
    }

    fn anonymous(&mut self) -> Result<ExprKind, Fault> {
        self.expect("{")?;
        let mut members = Vec::new();
        while !self.eat("}") {
            let name = if self.is_name_at(0) && self.is_at(1, "=") {
                let name = self.name()?;
                self.advance();
                Some(name)
            } else {
                None
            };
            members.push((name, self.expression()?));
            if !self.eat(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(ExprKind::Anonymous(members))
    }

    pub(super) fn initializer(&mut self) -> Result<Initializer, Fault> {
        self.nested(Self::initializer_body)
    }

    fn initializer_body(&mut self) -> Result<Initializer, Fault> {
        self.expect("{")?;
        let members = self.is("[") || self.is_name_at(0) && self.is_at(1, "=");
        let (mut items, mut sets) = (Vec::new(), Vec::new());
        while !self.eat("}") {
            if members {
                let target = if self.eat("[") {
                    let mut keys = vec![self.expression()?];
                    while self.eat(",") {
                        keys.push(self.expression()?);
                    }
                    self.expect("]")?;
                    InitializerTarget::Index(keys)
                } else {
                    InitializerTarget::Name(self.name()?)
                };
                self.expect("=")?;
                let value = if self.is("{") {
                    InitializerValue::Nested(Box::new(self.initializer()?))
                } else {
                    InitializerValue::Expr(self.expression()?)
                };
                sets.push((target, value));
            } else if self.eat("{") {
                let mut parts = Vec::new();
                while !self.eat("}") {
                    parts.push(self.expression()?);
                    if !self.eat(",") {
                        self.expect("}")?;
                        break;
                    }
                }
                items.push(parts);
            } else {
                items.push(vec![self.expression()?]);
            }
            if !self.eat(",") {
                self.expect("}")?;
                break;
            }
        }
        Ok(if members { Initializer::Members(sets) } else { Initializer::Items(items) })
    }
}
