//! Joining strings: a chain of `+` and an interpolated string are one joining.

use super::Node;
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::{Code, Machine};
use crate::value::Value;

/// `a + b` where one is a string; a chain becomes one joining.
pub(super) fn join(left: Node, right: Node) -> Node {
    let mut parts = match left.parts {
        Some(parts) => parts,
        None => vec![left.code],
    };
    parts.push(right.code);
    let constant = left
        .constant
        .zip(right.constant)
        .map(|(a, b)| Value::from(format!("{}{}", a.display(), b.display())));
    if let Some(value) = constant {
        return Node::constant(Type::STRING, value);
    }
    // The code is made when the chain has ended.
    Node {
        class: Type::STRING,
        code: Box::new(|_| Ok(Value::Null)),
        constant: None,
        parts: Some(parts),
        slot: None,
    }
}

/// Makes the code of a chain that ends here.
pub(super) fn finished(node: Node) -> Node {
    match node.parts {
        Some(parts) => Node { code: concatenation(parts), parts: None, ..node },
        None => node,
    }
}

/// The code that joins the texts of its parts.
pub(super) fn concatenation(parts: Vec<Code>) -> Code {
    Box::new(move |m| joined(m, &parts))
}

pub(super) fn joined(m: &mut Machine<'_>, parts: &[Code]) -> Result<Value, Thrown> {
    let mut text = String::new();
    for part in parts {
        let value = part(m)?;
        let before = text.len();
        match &value {
            Value::String(s) => text.push_str(s),
            Value::Null => {}
            other => text.push_str(&other.display()),
        }
        m.allocate(text.len() - before)?;
    }
    m.allocate(text.len())?;
    Ok(Value::from(text))
}
