//! `@rx` and `@rxGlobal`: the pattern finds a match in the value. `TX:0` is the match, `TX:1` to `TX:9` its groups.
//!
//! Patterns run in linear time. Those with a look-around or a back reference, which no linear engine has, run on a bounded
//! backtracker; one that exceeds the bound counts as a match, so that nobody passes by making the engine give up.

mod needs;
mod pattern;

use regex_automata::meta::{Config, Regex};
use regex_automata::util::syntax;

use self::pattern::{Pattern, Translated};
use super::{Argument, CALL, Captured, Captures, Expand, Operator};
use crate::byte_class::Gate;
use crate::macros::Macro;

/// The most memory that one compiled pattern may take.
const SIZE_LIMIT: usize = 8 << 20;
/// The memory of the lazily built automaton of one pattern on one thread.
const CACHE_LIMIT: usize = 512 << 10;
/// How many steps the backtracker may take for one value.
const BACKTRACK_LIMIT: usize = 100_000;

pub(super) fn build(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    build_with(argument, false)
}

pub(super) fn build_global(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    build_with(argument, true)
}

fn build_with(argument: &Argument<'_>, global: bool) -> Result<Box<dyn Operator>, String> {
    if !argument.expanded.is_constant() {
        return Ok(Box::new(MacroPattern(argument.expanded.clone())));
    }
    match pattern::translate(argument.text)? {
        Translated { pattern, kind: Pattern::Linear } => {
            let gate = needs::gate(&pattern)?;
            Ok(Box::new(Rx { regex: Linear(linear(&pattern)?), gate, global }))
        }
        Translated { pattern, kind: Pattern::Backtracking } => {
            let regex = fancy_regex::RegexBuilder::new(&pattern)
                .backtrack_limit(BACKTRACK_LIMIT)
                .delegate_size_limit(SIZE_LIMIT)
                .build()
                .map_err(|error| format!("the pattern does not compile: {error}"))?;
            Ok(Box::new(Backtracking(Box::new(regex))))
        }
    }
}

fn linear(pattern: &str) -> Result<Regex, String> {
    let engines = Config::new()
        .utf8_empty(false)
        // One lazily built automaton serves all; the others would cost memory for each of some hundred patterns.
        .onepass(false)
        .dfa(false)
        .nfa_size_limit(Some(SIZE_LIMIT))
        .hybrid_cache_capacity(CACHE_LIMIT);
    let syntax = syntax::Config::new().unicode(false).utf8(false).dot_matches_new_line(true).multi_line(true);
    Regex::builder().configure(engines).syntax(syntax).build(pattern).map_err(|error| {
        match error.size_limit() {
            Some(limit) => format!("the pattern takes more than {} MiB", limit >> 20),
            None => match error.syntax_error() {
                Some(error) => format!("the pattern does not compile: {error}"),
                None => format!("the pattern does not compile: {error}"),
            },
        }
    })
}

/// A pattern that runs in linear time.
#[derive(Debug)]
pub(crate) struct Linear(Regex);

impl Linear {
    /// Translates and compiles a pattern of PCRE; one that needs more than linear time is an error.
    pub(crate) fn new(text: &str) -> Result<Self, String> {
        match pattern::translate(text)? {
            Translated { pattern, kind: Pattern::Linear } => linear(&pattern).map(Self),
            _ => Err("a look-around or a back reference cannot stand here".to_owned()),
        }
    }

    /// A pattern that is not case-sensitive.
    pub(crate) fn ignoring_case(text: &str) -> Result<Self, String> {
        Self::new(&format!("(?i:{text})"))
    }

    pub(crate) fn is_match(&self, input: &[u8]) -> bool {
        self.0.is_match(input)
    }

    /// Start and end of each match.
    pub(crate) fn find_iter(&self, input: &[u8]) -> impl Iterator<Item = (usize, usize)> {
        self.0.find_iter(input).map(|found| (found.start(), found.end()))
    }
}

#[derive(Debug)]
struct Rx {
    regex: Linear,
    gate: Gate,
    global: bool,
}

impl Operator for Rx {
    fn matches(&self, input: &[u8], _: &dyn Expand, captures: &mut Captures) -> bool {
        let Linear(regex) = &self.regex;
        if !regex.is_match(input) {
            return false;
        }
        if captures.wanted {
            let matches = if self.global { Captures::MOST } else { 1 };
            for found in regex.captures_iter(input).take(matches) {
                for group in found.iter() {
                    if captures.texts.len() < Captures::MOST {
                        captures.texts.push(group.map(|group| Captured::Range(group.start, group.end)));
                    }
                }
            }
        }
        true
    }

    fn gate(&self) -> Gate {
        self.gate
    }
}

/// A pattern with macros: compiled for each transaction anew, within the same bounds. One that does not compile matches nothing.
#[derive(Debug)]
struct MacroPattern(Macro);

impl Operator for MacroPattern {
    fn matches(&self, input: &[u8], context: &dyn Expand, captures: &mut Captures) -> bool {
        let text = context.expand(&self.0);
        let Some(regex) = std::str::from_utf8(&text).ok().and_then(|text| Linear::new(text).ok()) else {
            return false;
        };
        let rx = Rx { regex, gate: Gate::OPEN, global: false };
        rx.matches(input, context, captures)
    }

    fn work(&self, input: &[u8]) -> u64 {
        (input.len() as u64 + CALL) * 64
    }
}

/// A pattern for the backtracker, over the value as Latin-1 so that every byte is one character.
#[derive(Debug)]
struct Backtracking(Box<fancy_regex::Regex>);

impl Operator for Backtracking {
    fn matches(&self, input: &[u8], _: &dyn Expand, captures: &mut Captures) -> bool {
        let text: String = input.iter().map(|byte| char::from(*byte)).collect();
        let Self(regex) = self;
        match regex.captures(&text) {
            Ok(None) => false,
            Ok(Some(found)) => {
                if captures.wanted {
                    for group in found.iter().take(Captures::MOST) {
                        captures.texts.push(group.map(|group| Captured::Text(latin1(group.as_str()))));
                    }
                }
                true
            }
            Err(_) => true,
        }
    }

    fn work(&self, input: &[u8]) -> u64 {
        (input.len() as u64 + CALL) * 32
    }
}

fn latin1(text: &str) -> Box<[u8]> {
    text.chars().map(|character| character as u32 as u8).collect()
}
