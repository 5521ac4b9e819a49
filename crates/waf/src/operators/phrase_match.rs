//! `@pm` and `@pmFromFile`: one of the phrases stands in the value, whatever the case of ASCII letters. `TX:0` is what was found.

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::{Argument, Captures, Expand, Operator};
use crate::byte_class::{ByteSet, Gate};

#[derive(Debug)]
struct PhraseMatch {
    automaton: AhoCorasick,
    gate: Gate,
}

pub(super) fn build(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    let text = argument.constant("pm")?;
    let mut between_bars = false;
    let phrases = text
        .split(|character: char| {
            between_bars ^= character == '|';
            character.is_ascii_whitespace() && !between_bars
        })
        .filter(|text| !text.is_empty())
        .map(phrase)
        .collect::<Result<Vec<_>, _>>()?;
    if phrases.is_empty() {
        Err("expected phrases, separated by spaces".to_owned())
    } else {
        automaton(&phrases)
    }
}

pub(super) fn build_from_file(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    automaton(&argument.lines("pmFromFile")?.into_iter().map(String::into_bytes).collect::<Vec<_>>())
}

/// A phrase, in which `|41 42|` are bytes in hexadecimal digits as Snort writes them.
fn phrase(text: &str) -> Result<Vec<u8>, String> {
    let mut phrase = Vec::new();
    let parts: Vec<&str> = text.split('|').collect();
    if parts.len().is_multiple_of(2) || parts.len() == 1 {
        return Ok(text.as_bytes().to_vec());
    }
    for (at, part) in parts.iter().enumerate() {
        if at % 2 == 0 {
            phrase.extend_from_slice(part.as_bytes());
            continue;
        }
        let digits: Vec<u8> = part.bytes().filter(|byte| *byte != b' ').collect();
        let bytes: Option<Vec<u8>> = digits.chunks(2).map(crate::text::hex_pair).collect();
        phrase.extend(
            bytes.ok_or_else(|| format!("expected hexadecimal digits between the bars of {text:?}"))?,
        );
    }
    Ok(phrase)
}

fn automaton(phrases: &[Vec<u8>]) -> Result<Box<dyn Operator>, String> {
    let automaton = AhoCorasick::builder()
        .ascii_case_insensitive(true)
        .kind(Some(AhoCorasickKind::ContiguousNFA))
        .build(phrases)
        .map_err(|error| format!("the phrases are too many or too long: {error}"))?;
    let min_len = phrases.iter().map(Vec::len).min().unwrap_or(0) as u32;
    // For every phrase its rarest byte: a value with none of those holds no phrase. Then the second rarest, and so on.
    let mut sets = [ByteSet::EMPTY; Gate::SETS];
    for phrase in phrases {
        let mut needs: Vec<ByteSet> = phrase
            .iter()
            .map(|byte| ByteSet::of(&[byte.to_ascii_lowercase(), byte.to_ascii_uppercase()]))
            .collect();
        needs.sort_by_key(|need| need.weight());
        needs.dedup();
        for (set, need) in sets.iter_mut().zip(needs.iter().map(Some).chain(std::iter::repeat(None))) {
            *set = set.union(need.copied().unwrap_or(ByteSet::ALL));
        }
    }
    Ok(Box::new(PhraseMatch { automaton, gate: Gate::new(sets.to_vec(), min_len) }))
}

impl Operator for PhraseMatch {
    fn matches(&self, input: &[u8], _: &dyn Expand, captures: &mut Captures) -> bool {
        if !captures.wanted {
            return self.automaton.is_match(input);
        }
        for found in self.automaton.find_iter(input).take(Captures::MOST) {
            captures.push_range(found.start(), found.end());
        }
        !captures.texts.is_empty()
    }

    fn gate(&self) -> Gate {
        self.gate
    }
}
