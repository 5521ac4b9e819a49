//! `==` and `!=`, and operators on dynamic values.

use super::Node;
use super::arithmetic::arithmetic;
use super::operator::balanced;
use crate::class::Type;
use crate::exception::Thrown;
use crate::number::Number;
use crate::types::Id;
use crate::value::Value;

/// `==` and `!=`, by contents or by identity.
pub(super) fn equality(operator: &'static str, left: Node, right: Node, contents: bool) -> Node {
    let wanted = operator == "==";
    if right.constant.as_ref().is_some_and(Value::is_null) {
        let a = left.code;
        return Node::new(Type::BOOLEAN, Box::new(move |m| Ok(Value::Boolean(a(m)?.is_null() == wanted))));
    }
    if let (true, Some(Value::String(known))) = (contents && left.class == Type::STRING, &right.constant) {
        let (a, known) = (left.code, std::sync::Arc::clone(known));
        if let Some(fused) = left.fused {
            return fused.compared(a, known, wanted);
        }
        return Node::new(
            Type::BOOLEAN,
            Box::new(move |m| {
                let same = matches!(a(m)?, Value::String(text) if text == known);
                Ok(Value::Boolean(same == wanted))
            }),
        );
    }
    let (a, b) = (left.code, right.code);
    Node::new(
        Type::BOOLEAN,
        Box::new(move |m| {
            let (x, y) = (a(m)?, b(m)?);
            Ok(Value::Boolean((if contents { x.equals(&y) } else { x.same(&y) }) == wanted))
        }),
    )
}

/// An operator on dynamic values, by their types at run time.
pub(super) fn late(operator: &'static str, left: Node, right: Node) -> Node {
    let comparison = matches!(operator, "==" | "!=" | "<" | ">" | "<=" | ">=");
    let (a, b) = (left.code, right.code);
    Node::new(
        if comparison { Type::BOOLEAN } else { Type::Plain(Id::Dynamic) },
        Box::new(move |m| {
            let (x, y) = (a(m)?, b(m)?);
            let (x, y) = (crate::types::unwrapped(&x), crate::types::unwrapped(&y));
            if operator == "+" && (matches!(x, Value::String(_)) || matches!(y, Value::String(_))) {
                return Ok(Value::from(format!("{}{}", x.display(), y.display())));
            }
            match (Number::of(&x), Number::of(&y)) {
                (Some(_), Some(_)) => {
                    let (i, j) = (x.class().id(), y.class().id());
                    let plain = |v: &Value| Node::constant(v.class(), v.clone());
                    let id = balanced(i, j, &plain(&x), &plain(&y)).unwrap_or(Id::Double);
                    arithmetic(operator, &x, &y, id)
                }
                _ if operator == "==" => Ok(Value::Boolean(x.equals(&y))),
                _ if operator == "!=" => Ok(Value::Boolean(!x.equals(&y))),
                _ => Err(Thrown::invalid_operation(format!(
                    "Operator '{operator}' cannot be applied to these operands"
                ))),
            }
        }),
    )
}
