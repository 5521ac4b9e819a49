//! Attributes and texts of policies as typed values.
//!
//! A value that is wrong is reported and something stands in its place, so that what else is wrong with the element is
//! told too; the element as a whole is refused at its end.

use std::ops::{Range, RangeInclusive};
use std::sync::Arc;

use gatehouse_expression::lexer::scan_end;
use gatehouse_model::did_you_mean;

use super::builder::{Builder, Reported};
use super::named_values::Substituted;
use crate::BackendChoice;
use crate::document::{Element, Text as Source, TextKind};
use crate::value::{Boolean, Computed, Enumeration, Integer, Text};

/// Stands for a text that is wrong: it is not a literal that could be found wrong once more.
const UNKNOWN_TEXT: Text = Text::Mixed(Vec::new());

impl Builder<'_> {
    /// The attribute that an element must have.
    pub(crate) fn required<'e>(&mut self, element: &'e Element, name: &str) -> Result<&'e Source, Reported> {
        if let Some(attribute) = element.attribute(name) {
            return Ok(&attribute.value);
        }
        let message = format!("`{}` has no attribute `{name}`, which it needs", element.name);
        let near = did_you_mean(name, element.attributes.iter().map(|known| known.name.as_str()));
        let fix = match near {
            Some(near) => format!("write `{name}` instead of `{near}`"),
            None => format!("add `{name}=\"…\"`"),
        };
        Err(self.error_with_fix("missing-attribute", &element.location, message, fix))
    }

    /// The workspace of the document; `None`: the service.
    pub(crate) fn workspace(&self) -> Option<&str> {
        self.around.workspace
    }

    /// The name among all entities of a backend that the document names.
    pub(crate) fn backend_entity(&self, name: &str) -> Arc<str> {
        BackendChoice::entity_name(self.around.workspace, name)
    }

    /// A required attribute: text or an expression.
    pub(crate) fn text(&mut self, element: &Element, name: &str) -> Text {
        match self.required(element, name) {
            Ok(source) => self.text_of(source),
            Err(Reported) => UNKNOWN_TEXT,
        }
    }

    /// An optional attribute: text or an expression.
    pub(crate) fn optional_text(&mut self, element: &Element, name: &str) -> Option<Text> {
        element.attribute(name).map(|attribute| self.text_of(&attribute.value))
    }

    /// The text of an element, without white space at its ends: text or an expression.
    pub(crate) fn content(&mut self, element: &Element) -> Text {
        self.text_of(&element.text().trimmed())
    }

    /// A required attribute that takes no expression.
    pub(crate) fn literal(&mut self, element: &Element, name: &str) -> Result<Arc<str>, Reported> {
        let source = self.required(element, name)?;
        self.literal_of(source, &format!("the attribute `{name}` of `{}`", element.name))
    }

    /// An optional attribute that takes no expression.
    pub(crate) fn optional_literal(
        &mut self,
        element: &Element,
        name: &str,
    ) -> Result<Option<Arc<str>>, Reported> {
        if element.attribute(name).is_none() {
            return Ok(None);
        }
        self.literal(element, name).map(Some)
    }

    /// An optional attribute: a truth value or an expression that gives one.
    pub(crate) fn boolean(&mut self, element: &Element, name: &str, default: bool) -> Boolean {
        match element.attribute(name) {
            Some(_) => self.required_boolean(element, name),
            None => Boolean::Literal(default),
        }
    }

    /// An optional attribute: a truth value or an expression that gives one.
    pub(crate) fn optional_boolean(&mut self, element: &Element, name: &str) -> Option<Boolean> {
        element.attribute(name)?;
        Some(self.required_boolean(element, name))
    }

    /// A required attribute: a truth value or an expression that gives one.
    pub(crate) fn required_boolean(&mut self, element: &Element, name: &str) -> Boolean {
        self.read_boolean(element, name).unwrap_or(Boolean::Literal(false))
    }

    fn read_boolean(&mut self, element: &Element, name: &str) -> Result<Boolean, Reported> {
        let source = self.required(element, name)?;
        let done = self.substitute(source)?;
        if done.text.kind() == TextKind::Expression {
            return Ok(Boolean::Expression(self.whole_expression(&done)?));
        }
        match parse_boolean(&done.text.text) {
            Some(value) => Ok(Boolean::Literal(value)),
            None => Err(self.not_a(name, source, &done, "`true`, `false` or an expression")),
        }
    }

    /// An optional attribute that is `true` or `false` and takes no expression.
    pub(crate) fn literal_boolean(&mut self, element: &Element, name: &str, default: bool) -> bool {
        let Some(attribute) = element.attribute(name) else { return default };
        let Ok(text) = self.literal(element, name) else { return default };
        parse_boolean(&text).unwrap_or_else(|| {
            let message = format!("the attribute `{name}` must be `true` or `false`");
            self.error("bad-value", &attribute.value.location, message);
            default
        })
    }

    /// A required attribute: a whole number within bounds, or an expression that gives one.
    pub(crate) fn integer(&mut self, element: &Element, name: &str, range: RangeInclusive<i64>) -> Integer {
        let first = *range.start();
        self.read_integer(element, name, range).unwrap_or(Integer::Literal(first))
    }

    fn read_integer(
        &mut self,
        element: &Element,
        name: &str,
        range: RangeInclusive<i64>,
    ) -> Result<Integer, Reported> {
        let source = self.required(element, name)?;
        let done = self.substitute(source)?;
        if done.text.kind() == TextKind::Expression {
            return Ok(Integer::Expression(self.whole_expression(&done)?, range));
        }
        match done.text.text.trim().parse().ok().filter(|number| range.contains(number)) {
            Some(number) => Ok(Integer::Literal(number)),
            None => Err(self.not_a(name, source, &done, &bounds(&range))),
        }
    }

    /// An optional attribute: a whole number within bounds, or an expression that gives one.
    pub(crate) fn optional_integer(
        &mut self,
        element: &Element,
        name: &str,
        range: RangeInclusive<i64>,
    ) -> Option<Integer> {
        element.attribute(name)?;
        Some(self.integer(element, name, range))
    }

    /// A required attribute that is a whole number within bounds and takes no expression.
    pub(crate) fn literal_integer(
        &mut self,
        element: &Element,
        name: &str,
        range: RangeInclusive<i64>,
    ) -> i64 {
        let Ok(text) = self.literal(element, name) else { return *range.start() };
        text.parse().ok().filter(|number| range.contains(number)).unwrap_or_else(|| {
            let location = element.attribute(name).map_or(&element.location, |known| &known.value.location);
            let message = format!("the attribute `{name}` must be {}", bounds(&range));
            self.error("bad-value", location, message);
            *range.start()
        })
    }

    /// An optional attribute: one of a few words, or an expression that gives one.
    pub(crate) fn enumeration<T: Copy>(
        &mut self,
        element: &Element,
        name: &str,
        words: &'static [(&'static str, T)],
        default: T,
    ) -> Enumeration<T> {
        match element.attribute(name) {
            Some(_) => self.read_enumeration(element, name, words).unwrap_or(Enumeration::Literal(default)),
            None => Enumeration::Literal(default),
        }
    }

    /// A required attribute: one of a few words, or an expression that gives one.
    pub(crate) fn required_enumeration<T: Copy>(
        &mut self,
        element: &Element,
        name: &str,
        words: &'static [(&'static str, T)],
    ) -> Result<Enumeration<T>, Reported> {
        let first = words.first().ok_or(Reported)?.1;
        Ok(self.read_enumeration(element, name, words).unwrap_or(Enumeration::Literal(first)))
    }

    fn read_enumeration<T: Copy>(
        &mut self,
        element: &Element,
        name: &str,
        words: &'static [(&'static str, T)],
    ) -> Result<Enumeration<T>, Reported> {
        let source = self.required(element, name)?;
        let done = self.substitute(source)?;
        if done.text.kind() == TextKind::Expression {
            return Ok(Enumeration::Expression(self.whole_expression(&done)?, words));
        }
        let word = done.text.text.trim();
        if let Some((_, value)) = words.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)) {
            return Ok(Enumeration::Literal(*value));
        }
        let known: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
        Err(self.not_a(name, source, &done, &format!("one of {}", known.join(", "))))
    }

    /// A text of the document as text or an expression; expressions may stand between literal text.
    pub(crate) fn text_of(&mut self, source: &Source) -> Text {
        let done = self.substitute(source);
        done.and_then(|done| self.compiled_text(&done)).unwrap_or(UNKNOWN_TEXT)
    }

    /// A text whose named values are put in already.
    pub(crate) fn compiled_text(&mut self, done: &Substituted) -> Result<Text, Reported> {
        let text = &done.text.text;
        let spans = expression_spans(&done.text);
        if let [span] = &*spans
            && text.get(..span.start).is_none_or(|before| before.trim().is_empty())
            && text.get(span.end..).is_none_or(|after| after.trim().is_empty())
            && done.text.kind() == TextKind::Expression
        {
            return Ok(Text::Expression(self.expression(done, span.start, span.end)?));
        }
        if spans.is_empty() {
            return Ok(Text::Literal(text.as_str().into()));
        }
        let mut parts = Vec::new();
        let mut literal = 0;
        let mut wrong = Ok(());
        for span in spans {
            if span.start > literal {
                parts.push(Text::Literal(text.get(literal..span.start).unwrap_or_default().into()));
            }
            match self.expression(done, span.start, span.end) {
                Ok(expression) => parts.push(Text::Expression(expression)),
                Err(Reported) => wrong = Err(Reported),
            }
            literal = span.end;
        }
        wrong?;
        if literal < text.len() {
            parts.push(Text::Literal(text.get(literal..).unwrap_or_default().into()));
        }
        Ok(Text::Mixed(parts))
    }

    /// A text that is one expression.
    fn whole_expression(&mut self, done: &Substituted) -> Result<Computed, Reported> {
        let text = &done.text.text;
        let start = text.len() - text.trim_start().len();
        self.expression(done, start, text.trim_end().len())
    }

    /// Compiles the expression between two offsets of a text.
    fn expression(&mut self, done: &Substituted, start: usize, end: usize) -> Result<Computed, Reported> {
        let source = done.text.text.get(start..end).unwrap_or_default();
        match self.expressions.compile(source) {
            Ok((expression, needs)) => {
                self.reads = self.reads.union(needs);
                Ok(Computed {
                    expression,
                    policy: self.policy,
                    location: done.text.locate(start),
                    is_secret: done.is_secret,
                })
            }
            Err(faults) => {
                if done.is_secret {
                    let message = "the expression does not compile once its secret named value is put in";
                    return Err(self.error("bad-expression", &done.text.locate(start), message));
                }
                for fault in faults {
                    let offset = offset_of(source, fault.line, fault.column);
                    let location = done.text.locate(start + offset);
                    match fault.suggestion {
                        Some(fix) => self.error_with_fix("bad-expression", &location, fault.message, fix),
                        None => self.error("bad-expression", &location, fault.message),
                    };
                }
                Err(Reported)
            }
        }
    }

    fn not_a(&mut self, name: &str, source: &Source, done: &Substituted, wanted: &str) -> Reported {
        let shown = if done.is_secret { "its named value" } else { done.text.text.trim() };
        let message = format!("the attribute `{name}` must be {wanted}, not `{shown}`");
        self.error("bad-value", &source.location, message)
    }
}

/// Where the expressions of a text stand: the whole text where it begins with one and nothing follows, else each that
/// begins the text or follows white space.
pub(super) fn expression_spans(source: &Source) -> Vec<Range<usize>> {
    let text = &source.text;
    if source.kind() == TextKind::Expression {
        let start = text.len() - text.trim_start().len();
        let end = scan_end(text, start).unwrap_or(text.len());
        if text.get(end..).is_none_or(|rest| rest.trim().is_empty()) {
            return std::iter::once(start..end).collect();
        }
    }
    let mut spans = Vec::new();
    let mut at = 0;
    let mut failed = 0;
    while let Some(found) =
        text.get(at..).and_then(|rest| rest.find("@(").into_iter().chain(rest.find("@{")).min())
    {
        let start = at + found;
        at = start + 2;
        let begins =
            start == 0 || text.get(..start).is_some_and(|before| before.ends_with(char::is_whitespace));
        if !begins || failed > MAX_FAILED_SCANS {
            continue;
        }
        match scan_end(text, start) {
            Ok(end) => {
                spans.push(start..end);
                at = end;
            }
            Err(_) => failed += 1,
        }
    }
    spans
}

/// How often an expression in the middle of a text may turn out to be none: each try may scan the rest of the text.
const MAX_FAILED_SCANS: usize = 8;

fn bounds(range: &RangeInclusive<i64>) -> String {
    match (*range.start(), *range.end()) {
        (first, i64::MAX) => format!("a whole number from {first} on"),
        (first, last) => format!("a whole number from {first} to {last}"),
    }
}

fn parse_boolean(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// The byte offset of a line and a column, both from 1, in a text.
pub(super) fn offset_of(text: &str, line: u32, column: u32) -> usize {
    let skipped = (line as usize).saturating_sub(1);
    let start: usize = text.split_inclusive('\n').take(skipped).map(str::len).sum();
    let rest = text.get(start..).unwrap_or_default();
    let within =
        rest.char_indices().nth((column as usize).saturating_sub(1)).map_or(rest.len(), |(at, _)| at);
    start + within
}
