//! Patterns of `is` and `case`.

use super::{Binder, Node};
use crate::class::Type;
use crate::diagnostic::Fault;
use crate::exception::Thrown;
use crate::machine::Machine;
use crate::syntax::{ExprKind, Pattern};
use crate::types::registry;
use crate::value::Value;

/// Code that tells whether a value matches.
pub(super) type Test = Box<dyn Fn(&mut Machine<'_>, &Value) -> Result<bool, Thrown> + Send + Sync>;

impl Binder {
    pub(super) fn is_pattern(&mut self, operand: Node, pattern: &Pattern) -> Result<Node, Fault> {
        let class = operand.class.clone();
        let test = self.pattern(pattern, &class)?;
        let code = operand.code;
        Ok(Node::new(
            Type::BOOLEAN,
            Box::new(move |m| {
                let value = code(m)?;
                test(m, &value).map(Value::Boolean)
            }),
        ))
    }

    pub(super) fn pattern(&mut self, pattern: &Pattern, of: &Type) -> Result<Test, Fault> {
        Ok(match pattern {
            Pattern::Discard => Box::new(|_, _| Ok(true)),
            Pattern::Not(inner) => {
                let test = self.pattern(inner, of)?;
                Box::new(move |m, value| Ok(!test(m, value)?))
            }
            Pattern::Var(name) => {
                let local = self.declare(&name.text, of.clone(), name.span)?;
                Box::new(move |m, value| {
                    m.declare(local.slot, local.shared, value.clone());
                    Ok(true)
                })
            }
            Pattern::Type(written, name) => {
                // `is X` may name a constant: an enumeration's member or a const variable.
                let class = match self.resolve(written) {
                    Ok(class) => class,
                    Err(fault) => {
                        let local = if written.arguments.is_empty() && name.is_none() {
                            self.local(&written.name)
                        } else {
                            None
                        };
                        match local.and_then(|l| l.constant) {
                            Some(value) => return Ok(Box::new(move |_, v| Ok(v.equals(&value)))),
                            None => return Err(fault),
                        }
                    }
                };
                let bound = match name {
                    Some(name) => Some(self.declare(&name.text, class.clone(), name.span)?),
                    None => None,
                };
                Box::new(move |m, value| {
                    let matches = value.is_instance(&class);
                    if matches && let Some(local) = &bound {
                        m.declare(local.slot, local.shared, value.clone());
                    }
                    Ok(matches)
                })
            }
            Pattern::Constant(value) => {
                if let ExprKind::TypeRef(written) = &value.kind {
                    return self.pattern(&Pattern::Type(written.clone(), None), of);
                }
                let node = self.value(value)?;
                let node = if node.class == Type::Null
                    || !of.is_value() && registry().class(of.id()).name == "System.Object"
                {
                    node
                } else {
                    self.convert_node(node, of, value.span)?
                };
                let Some(wanted) = node.constant else {
                    return Err(Fault::new(value.span, "a pattern must be a constant"));
                };
                Box::new(move |_, value| Ok(value.equals(&wanted)))
            }
        })
    }
}
