//! Operators whose right side is computed only where the left one leaves the result open.

use super::conversion::implicit;
use super::{Binder, Bound, Node};
use crate::class::Type;
use crate::diagnostic::{Fault, Span};
use crate::syntax::Expr;
use crate::value::Value;

impl Binder {
    pub(super) fn short_circuit(
        &mut self,
        operator: &str,
        left: Node,
        right: &Expr,
        span: Span,
    ) -> Result<Node, Fault> {
        let left = self.convert_node(left, &Type::BOOLEAN, span)?;
        let right = self.value_as(right, &Type::BOOLEAN)?;
        let and = operator == "&&";
        if let Some(Value::Boolean(known)) = left.constant {
            return Ok(if known == and {
                right
            } else {
                Node::constant(Type::BOOLEAN, Value::Boolean(known))
            });
        }
        let (a, b) = (left.code, right.code);
        Ok(Node::new(
            Type::BOOLEAN,
            Box::new(move |m| match a(m)? {
                Value::Boolean(known) if known == and => b(m),
                other => Ok(other),
            }),
        ))
    }

    pub(super) fn coalesce(&mut self, left: Node, right: &Expr, span: Span) -> Result<Node, Fault> {
        if !left.class.takes_null() {
            return Err(Fault::new(
                span,
                format!("'??' needs a value that can be null, and '{}' cannot", left.class),
            ));
        }
        let bound = self.bind(right)?;
        let inner = left.class.stripped().clone();
        let right_class = super::value::class_of(&bound);
        let constant = match &bound {
            Bound::Value(node) => node.constant.clone(),
            _ => None,
        };
        let class = match &right_class {
            None => inner,
            Some(class) => {
                if left.class == Type::Null {
                    class.clone()
                } else if inner != left.class && implicit(class, &inner, constant.as_ref()).is_some() {
                    inner
                } else if implicit(class, &left.class, constant.as_ref()).is_some() {
                    left.class.clone()
                } else if implicit(&inner, class, None).is_some() {
                    class.clone()
                } else {
                    return Err(Fault::new(
                        span,
                        format!(
                            "'??' joins '{}' and '{class}', and neither converts to the other",
                            left.class
                        ),
                    ));
                }
            }
        };
        let right = self.convert(bound, &class, span)?;
        let known_null = left.constant.as_ref().is_some_and(Value::is_null);
        if known_null {
            return Ok(right);
        }
        // The left value is converted only where it is not null.
        let slot = self.slot();
        let held = Node::new(left.class.stripped().clone(), Box::new(move |m| Ok(m.load(slot))));
        let held = self.convert_node(held, &class, span)?.code;
        let (a, b) = (left.code, right.code);
        Ok(Node::new(
            class,
            Box::new(move |m| {
                let value = a(m)?;
                if value.is_null() {
                    return b(m);
                }
                m.declare(slot, false, value);
                held(m)
            }),
        ))
    }
}
