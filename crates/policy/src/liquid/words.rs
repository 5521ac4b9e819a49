//! The words of markup.

use std::sync::Arc;

use super::data::Data;
use super::fault::{Fault, fault};
use super::syntax::{OPERATORS, Operator};

/// The words of markup.
pub(super) struct Words<'m> {
    pub(super) text: &'m str,
    pub(super) at: usize,
    offset: usize,
    pub(super) depth: usize,
    pub(super) conditions: usize,
}

impl<'m> Words<'m> {
    pub(super) fn new(text: &'m str, offset: usize) -> Self {
        Self { text, at: 0, offset, depth: 0, conditions: 0 }
    }

    pub(super) fn offset(&self) -> usize {
        self.offset + self.at
    }

    pub(super) fn rest(&self) -> &'m str {
        self.text.get(self.at..).unwrap_or_default()
    }

    pub(super) fn space(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    pub(super) fn eat(&mut self, what: &str) -> bool {
        self.space();
        let found = self.rest().starts_with(what);
        if found {
            self.at += what.len();
        }
        found
    }

    pub(super) fn eat_word(&mut self, word: &str) -> bool {
        self.space();
        let ends = |tail: &str| !tail.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        let found = self.rest().strip_prefix(word).is_some_and(ends);
        if found {
            self.at += word.len();
        }
        found
    }

    pub(super) fn colon(&mut self) -> Result<(), Fault> {
        if self.eat(":") { Ok(()) } else { Err(self.expected("`:`")) }
    }

    pub(super) fn name(&mut self) -> Option<Arc<str>> {
        self.space();
        self.name_here()
    }

    /// A name right here: `a.b` has no space in it.
    pub(super) fn name_here(&mut self) -> Option<Arc<str>> {
        let rest = self.rest();
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-');
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let name = rest.get(..length)?.trim_end_matches('-');
        if name.is_empty() {
            return None;
        }
        self.at += name.len();
        Some(name.into())
    }

    pub(super) fn quoted(&mut self) -> Option<Arc<str>> {
        self.space();
        let quote = self.rest().chars().next().filter(|c| matches!(c, '\'' | '"'))?;
        let (text, _) = self.rest().get(1..)?.split_once(quote)?;
        self.at += text.len() + 2;
        Some(text.into())
    }

    pub(super) fn number(&mut self) -> Option<Data> {
        let rest = self.rest();
        let sign = usize::from(rest.starts_with(['-', '+']));
        let digits = |from: usize| {
            let tail = rest.get(from..).unwrap_or_default();
            tail.len() - tail.trim_start_matches(|c: char| c.is_ascii_digit()).len()
        };
        let whole = digits(sign);
        if whole == 0 {
            return None;
        }
        let mut end = sign + whole;
        let has_point = rest.get(end..).is_some_and(|tail| tail.starts_with('.')) && digits(end + 1) > 0;
        if has_point {
            end += 1 + digits(end + 1);
        }
        // `1st` is a name.
        if rest.get(end..).is_some_and(|tail| tail.starts_with(|c: char| c.is_alphabetic() || c == '_')) {
            return None;
        }
        let text = rest.get(..end)?;
        let number = if has_point {
            Data::Real(text.parse().ok()?)
        } else {
            Data::Integer(text.trim_start_matches('+').parse().ok()?)
        };
        self.at += end;
        Some(number)
    }

    pub(super) fn operator(&mut self) -> Option<Operator> {
        self.space();
        let found = OPERATORS.iter().find(|(word, _)| {
            if word.starts_with(|c: char| c.is_alphabetic()) {
                let ends = |tail: &str| tail.starts_with(char::is_whitespace);
                self.rest().strip_prefix(word).is_some_and(ends)
            } else {
                self.rest().starts_with(word)
            }
        })?;
        self.at += found.0.len();
        Some(found.1)
    }

    pub(super) fn end(&mut self) -> Result<(), Fault> {
        self.space();
        if self.rest().is_empty() {
            return Ok(());
        }
        Err(fault(self.offset(), format!("`{}` is not expected here", self.rest().trim())))
    }

    pub(super) fn expected(&self, what: &str) -> Fault {
        let found = self.rest().trim();
        let found = if found.is_empty() { "the end".to_owned() } else { format!("`{found}`") };
        fault(self.offset(), format!("{what} is expected here, not {found}"))
    }
}
