//! Values of variables, for targets and for macros.

use std::borrow::Cow;

use super::{Entry, SEVERITIES, Transaction};
use crate::macros::{Macro, Piece};
use crate::operators::Expand;
use crate::rule::Target;
use crate::text::leading_integer;
use crate::values::{Value, ValueId};
use crate::variables::{List, Part, Reference, Scope, TimePart, Variable};

impl Transaction {
    /// The text of a value.
    pub(super) fn text(&mut self, value: Value) -> ValueId {
        match value {
            Value::Text(id) => id,
            Value::Number(number) => self.values.add(itoa::Buffer::new().format(number).as_bytes()),
        }
    }

    /// The number at the start of a value.
    pub(super) fn number(&self, value: Value) -> i64 {
        match value {
            Value::Text(id) => leading_integer(self.values.get(id)),
            Value::Number(number) => number,
        }
    }

    fn bytes(&self, value: Value) -> Cow<'_, [u8]> {
        match value {
            Value::Text(id) => Cow::Borrowed(self.values.get(id)),
            Value::Number(number) => Cow::Owned(itoa::Buffer::new().format(number).as_bytes().to_vec()),
        }
    }

    pub(super) fn key(&self, scope: Scope) -> Option<&[u8]> {
        self.keys[scope as usize].as_deref()
    }

    /// The entries of a collection that outlives the transaction.
    pub(super) fn persistent(&mut self, scope: Scope) -> Vec<Entry> {
        let (Some(collections), Some(key)) = (&self.collections, self.key(scope)) else { return Vec::new() };
        let variables = collections.variables(scope, key, self.now.as_secs());
        variables
            .into_iter()
            .map(|(name, value)| Entry::new(self.values.add(&name), Value::Text(self.values.add(&value))))
            .collect()
    }

    /// How many places the variables of `TX` have, those with a slot first.
    pub(super) fn tx_places(&self) -> usize {
        self.slots.len() + self.others.len()
    }

    /// The variable at a place; none where a slot is empty.
    pub(super) fn tx_entry(&mut self, at: usize) -> Option<Entry> {
        if let Some(slot) = self.slots.get(at) {
            let value = (*slot)?;
            return Some(Entry::new(self.values.add(self.rules.names.name(at as u32)), value));
        }
        let (name, value) = *self.others.get(at - self.slots.len())?;
        Some(Entry::new(name, value))
    }

    /// How many entries a target has.
    pub(super) fn count(&mut self, target: &Target) -> i64 {
        let chosen = |transaction: &Self, name: ValueId| {
            let name = transaction.values.get(name);
            target.selector.selects(name) && !target.excluded.iter().any(|excluded| excluded.selects(name))
        };
        let count = match target.variable {
            Variable::Scalar(scalar) => usize::from(self.scalars[scalar as usize].is_some()),
            Variable::List(lists, _) => lists
                .iter()
                .map(|list| {
                    self.lists[*list as usize].iter().filter(|entry| chosen(self, entry.name)).count()
                })
                .sum(),
            Variable::Tx => match target.slot {
                Some(slot) => usize::from(self.slots[slot as usize].is_some()),
                None => {
                    let mut count = 0;
                    for at in 0..self.tx_places() {
                        let entry = self.tx_entry(at);
                        count += usize::from(entry.is_some_and(|entry| chosen(self, entry.name)));
                    }
                    count
                }
            },
            Variable::Persistent(scope) => {
                self.persistent(scope).iter().filter(|entry| chosen(self, entry.name)).count()
            }
            Variable::Xml => target.slot.map_or(0, |path| self.xml[path as usize].len()),
            Variable::MatchedVar | Variable::MatchedVarName => usize::from(self.matched.is_some()),
            Variable::HighestSeverity | Variable::Time(_) | Variable::Rule => 1,
        };
        count as i64
    }

    pub(super) fn time(&self, part: TimePart) -> Value {
        let seconds = self.now.as_secs() as i64;
        let time =
            jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_second(seconds).unwrap_or_default());
        Value::Number(match part {
            // Hours, minutes and seconds as one number; the text has colons.
            TimePart::Clock => {
                i64::from(time.hour()) * 10_000 + i64::from(time.minute()) * 100 + i64::from(time.second())
            }
            TimePart::Day => time.day().into(),
            TimePart::Epoch => seconds,
            TimePart::Hour => time.hour().into(),
            TimePart::Minute => time.minute().into(),
            TimePart::Month => time.month().into(),
            TimePart::Second => time.second().into(),
            TimePart::Weekday => time.weekday().to_sunday_zero_offset().into(),
            TimePart::Year => time.year().into(),
            // The engine has no clock; a transaction happens at one time.
            TimePart::Duration => 0,
        })
    }

    /// The text of a property of the rule that runs.
    pub(super) fn rule_property(&self, name: &[u8]) -> Option<Cow<'_, [u8]>> {
        let rule = self.rules.rules.get(self.current)?;
        Some(match name {
            b"id" => Cow::Owned(rule.id.to_string().into_bytes()),
            b"phase" => Cow::Owned(rule.phase.to_string().into_bytes()),
            b"msg" => Cow::Borrowed(rule.message.as_ref().and_then(Macro::as_constant).unwrap_or_default()),
            b"logdata" => Cow::Borrowed(rule.data.as_ref().and_then(Macro::as_constant).unwrap_or_default()),
            b"severity" => Cow::Owned(
                rule.severity.map_or_else(String::new, |severity| severity.to_string()).into_bytes(),
            ),
            b"ver" => Cow::Borrowed(rule.version.as_bytes()),
            b"rev" => Cow::Borrowed(rule.revision.as_bytes()),
            _ => return None,
        })
    }

    /// `ARGS:name`, or the name of the variable alone.
    pub(super) fn matched_name(&self) -> Vec<u8> {
        let Some(matched) = self.matched else { return Vec::new() };
        let mut name = matched.variable.as_bytes().to_vec();
        if let Some(entry) = matched.entry {
            name.push(b':');
            name.extend_from_slice(self.values.get(entry));
        }
        name
    }

    fn reference(&self, reference: &Reference) -> Cow<'_, [u8]> {
        self.find(reference).unwrap_or_default()
    }

    fn find(&self, reference: &Reference) -> Option<Cow<'_, [u8]>> {
        match reference.variable {
            Variable::Scalar(scalar) => self.scalars[scalar as usize].map(|value| self.bytes(value)),
            Variable::List(lists, part) => {
                let named = |list: &&List| {
                    self.lists[**list as usize].iter().find(|entry| {
                        reference.name.is_empty()
                            || self.values.get(entry.name).eq_ignore_ascii_case(&reference.name)
                    })
                };
                let entry = lists.iter().find_map(|list| named(&list))?;
                Some(match part {
                    Part::Names => Cow::Borrowed(self.values.get(entry.name)),
                    Part::Values => self.bytes(entry.value),
                })
            }
            Variable::Tx => {
                let value = match reference.slot {
                    Some(slot) => self.slots.get(slot as usize).copied().flatten(),
                    None => None,
                };
                value.map(|value| self.bytes(value))
            }
            Variable::Persistent(scope) => {
                let (collections, key) = (self.collections.as_ref()?, self.key(scope)?);
                let value = collections.get(scope, key, &reference.name, self.now.as_secs())?;
                Some(Cow::Owned(value.into_vec()))
            }
            Variable::MatchedVar => self.matched.map(|matched| self.bytes(matched.value)),
            Variable::MatchedVarName => Some(Cow::Owned(self.matched_name())),
            Variable::HighestSeverity => Some(Cow::Owned(self.highest_severity.to_string().into_bytes())),
            Variable::Time(TimePart::Clock) => {
                let time = self.number(self.time(TimePart::Clock));
                let text = format!("{:02}:{:02}:{:02}", time / 10_000, time / 100 % 100, time % 100);
                Some(Cow::Owned(text.into_bytes()))
            }
            Variable::Time(part) => Some(self.bytes(self.time(part))),
            Variable::Rule => self.rule_property(&reference.name),
            Variable::Xml => None,
        }
    }

    /// The text of a macro as a value.
    pub(super) fn expand_value(&mut self, text: &Macro) -> Value {
        if let Some(reference) = text.as_reference()
            && let Some(slot) = reference.slot
        {
            return self.slots[slot as usize].unwrap_or_else(|| Value::Text(self.values.add(b"")));
        }
        if let Some(constant) = text.as_constant() {
            return Value::Text(self.values.add(constant));
        }
        let expanded = self.expand(text).into_owned();
        Value::Text(self.values.add(&expanded))
    }

    pub(super) fn expand_text(&self, text: Option<&Macro>) -> String {
        text.map_or_else(String::new, |text| String::from_utf8_lossy(&self.expand(text)).into_owned())
    }
}

impl Expand for Transaction {
    fn expand<'m>(&'m self, text: &'m Macro) -> Cow<'m, [u8]> {
        match text.pieces() {
            [] => Cow::Borrowed(&[]),
            [Piece::Text(text)] => Cow::Borrowed(text),
            [Piece::Reference(reference)] => self.reference(reference),
            pieces => {
                let mut expanded = Vec::new();
                for piece in pieces {
                    match piece {
                        Piece::Text(text) => expanded.extend_from_slice(text),
                        Piece::Reference(reference) => expanded.extend_from_slice(&self.reference(reference)),
                    }
                }
                Cow::Owned(expanded)
            }
        }
    }

    fn expand_number(&self, text: &Macro) -> i64 {
        if let Some(reference) = text.as_reference()
            && let Some(slot) = reference.slot
        {
            return self.slots.get(slot as usize).copied().flatten().map_or(0, |value| self.number(value));
        }
        leading_integer(&self.expand(text))
    }
}

/// The name of a severity.
pub(super) fn severity(number: u8) -> Option<&'static str> {
    SEVERITIES.get(usize::from(number)).copied()
}
