//! Joining strings: a chain of `+` and an interpolated string are one joining, whose parts are written one behind the
//! other.

use std::sync::Arc;

use super::Node;
use super::fused::Fused;
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::{Code, Machine};
use crate::value::Value;

/// The bytes of a text that is put together on the stack.
const SHORT: usize = 192;

/// A text that is put together: a short one on the stack, so that it is allocated once.
pub(super) struct Buffer {
    short: [u8; SHORT],
    /// How much of `short` is used.
    length: usize,
    /// The whole text, where it is longer.
    long: String,
}

impl Buffer {
    fn new() -> Self {
        Self { short: [0; SHORT], length: 0, long: String::new() }
    }

    /// Writes a text behind what there is.
    #[inline]
    pub(super) fn push(&mut self, text: &str) {
        match self.short.get_mut(self.length..self.length + text.len()) {
            Some(free) if self.long.is_empty() => {
                free.copy_from_slice(text.as_bytes());
                self.length += text.len();
            }
            _ => self.push_long(text),
        }
    }

    fn push_long(&mut self, text: &str) {
        if self.long.is_empty() {
            let short = self.short.get(..self.length).unwrap_or_default();
            self.long.reserve(2 * (self.length + text.len()));
            // Whole texts in a row are UTF-8.
            self.long.push_str(std::str::from_utf8(short).unwrap_or_default());
            self.length = 0;
        }
        self.long.push_str(text);
    }

    /// Its length in bytes.
    pub(super) fn len(&self) -> usize {
        self.length + self.long.len()
    }

    fn text(&self) -> &str {
        if self.long.is_empty() {
            std::str::from_utf8(self.short.get(..self.length).unwrap_or_default()).unwrap_or_default()
        } else {
            &self.long
        }
    }
}

/// A part of a joining.
pub(super) enum Piece {
    /// What is known at load.
    Known(Arc<str>),
    /// What is read where it stands.
    Read(Fused),
    /// What has to be computed.
    Computed(Code),
}

impl Piece {
    /// The part that a node is.
    pub(super) fn of(node: Node) -> Self {
        match (node.constant, node.fused) {
            (Some(value), _) => Self::Known(value.to_text()),
            (None, Some(fused)) => Self::Read(fused),
            (None, None) => Self::Computed(node.code),
        }
    }

    fn write(&self, m: &mut Machine<'_>, out: &mut Buffer) -> Result<(), Thrown> {
        match self {
            Self::Known(text) => {
                out.push(text);
                m.allocate(text.len())
            }
            Self::Read(fused) => fused.write(m, out),
            Self::Computed(code) => {
                let value = code(m)?;
                write(m, &value, out)
            }
        }
    }
}

/// `a + b` where one is a string; a chain becomes one joining.
pub(super) fn join(left: Node, right: Node) -> Node {
    let constant = left
        .constant
        .as_ref()
        .zip(right.constant.as_ref())
        .map(|(a, b)| Value::from(format!("{}{}", a.display(), b.display())));
    if let Some(value) = constant {
        return Node::constant(Type::STRING, value);
    }
    let mut parts = match left.parts {
        Some(parts) => parts,
        None => vec![Piece::of(left)],
    };
    parts.push(Piece::of(right));
    // The code is made when the chain has ended.
    Node { parts: Some(parts), ..Node::new(Type::STRING, Box::new(|_| Ok(Value::Null))) }
}

/// Makes the code of a chain that ends here.
pub(super) fn finished(node: Node) -> Node {
    match node.parts {
        Some(parts) => joined(parts),
        None => node,
    }
}

/// The text that its parts make.
pub(super) fn joined(parts: Vec<Piece>) -> Node {
    let joined = Joined(parts.into());
    let of_code = joined.clone();
    let code: Code = Box::new(move |m| {
        let mut out = Buffer::new();
        of_code.write(m, &mut out)?;
        Ok(Value::from(out.text()))
    });
    Node { joined: Some(joined), ..Node::new(Type::STRING, code) }
}

/// Parts that make one text.
#[derive(Clone)]
pub(crate) struct Joined(Arc<[Piece]>);

impl Joined {
    /// Puts the text together and hands it out where it stands.
    pub(crate) fn read<T>(&self, m: &mut Machine<'_>, read: impl FnOnce(&str) -> T) -> Result<T, Thrown> {
        let mut out = Buffer::new();
        self.write(m, &mut out)?;
        Ok(read(out.text()))
    }

    fn write(&self, m: &mut Machine<'_>, out: &mut Buffer) -> Result<(), Thrown> {
        for part in self.0.iter() {
            // Each is counted before the next is computed: a chain of long texts must not be held whole first.
            part.write(m, out)?;
        }
        m.allocate(out.len())
    }
}

/// Writes the text of a value; null has none.
pub(super) fn write(m: &mut Machine<'_>, value: &Value, out: &mut Buffer) -> Result<(), Thrown> {
    let before = out.len();
    match value {
        Value::Null => return Ok(()),
        Value::String(text) => out.push(text),
        Value::Int32(number) => write_number(*number, out),
        other => out.push(&other.display()),
    }
    m.allocate(out.len() - before)
}

fn write_number(number: i32, out: &mut Buffer) {
    let mut digits = [0; 10];
    let mut at = digits.len();
    let mut rest = number.unsigned_abs();
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (rest % 10) as u8;
        rest /= 10;
        at -= 1;
        if rest == 0 {
            break;
        }
    }
    if number < 0 {
        out.push("-");
    }
    out.push(std::str::from_utf8(digits.get(at..).unwrap_or_default()).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_grow_beyond_the_stack() {
        let mut out = Buffer::new();
        let mut wanted = String::new();
        for n in 0..100 {
            let part = "ü".repeat(n % 7);
            out.push(&part);
            wanted.push_str(&part);
            assert_eq!((out.text(), out.len()), (wanted.as_str(), wanted.len()));
        }
    }

    #[test]
    fn numbers_are_written_as_they_are_shown() {
        for number in [0, 7, -1, 10, 1_234_567, i32::MAX, i32::MIN] {
            let mut out = Buffer::new();
            write_number(number, &mut out);
            assert_eq!(out.text(), number.to_string());
        }
    }
}
