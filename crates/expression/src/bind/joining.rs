//! Joining strings: a chain of `+` and an interpolated string are one joining.

use smallvec::SmallVec;

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
        fused: None,
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
    let mut values: SmallVec<[Value; 8]> = SmallVec::with_capacity(parts.len());
    let mut length = 0_usize;
    for part in parts {
        let value = match part(m)? {
            Value::Null => continue,
            text @ Value::String(_) => text,
            other => Value::from(other.display()),
        };
        if let Value::String(text) = &value {
            length = length.saturating_add(text.len());
            // Before the next part is computed: a chain of long texts must not be held whole first.
            m.allocate(text.len())?;
        }
        values.push(value);
    }
    m.allocate(length)?;
    // A short text is put together on the stack, so that it is allocated once.
    let mut text: SmallVec<[u8; 128]> = SmallVec::with_capacity(length);
    for value in &values {
        if let Value::String(part) = value {
            text.extend_from_slice(part.as_bytes());
        }
    }
    // Whole strings in a row are UTF-8.
    Ok(Value::from(std::str::from_utf8(&text).unwrap_or_default()))
}
