//! Operators: what `@name argument` asks of a value. One a file; the table lists them.

mod begins_with;
mod compare;
mod contains;
mod contains_word;
mod detect_sqli;
mod detect_xss;
mod ends_with;
mod geo_lookup;
mod ip_match;
mod luhn;
mod no_match;
mod phrase_match;
mod rx;
mod streq;
mod unconditional_match;
mod validate_byte_range;
mod validate_url_encoding;
mod validate_utf8_encoding;
mod verify_cc;
mod verify_cpf;
mod verify_ssn;
mod verify_svnr;
mod within;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;
use std::path::Path;

use smallvec::SmallVec;

pub(crate) use self::rx::Linear;
use crate::byte_class::Gate;
use crate::macros::Macro;

/// The work of calling an operator.
pub(crate) const CALL: u64 = 32;

/// What an operator does at run time.
pub(crate) trait Operator: fmt::Debug + Send + Sync {
    /// Whether the value matches. Fills `captures` where the caller wants them.
    fn matches(&self, input: &[u8], context: &dyn Expand, captures: &mut Captures) -> bool;

    /// What a value must have to match at all; the engine runs the operator on no other.
    fn gate(&self) -> Gate {
        Gate::OPEN
    }

    /// The same question of a number, where that needs no text.
    fn matches_number(&self, number: i64, context: &dyn Expand, captures: &mut Captures) -> bool {
        self.matches(itoa::Buffer::new().format(number).as_bytes(), context, captures)
    }

    /// The work of one call, in the units of [`crate::Limits::work`].
    fn work(&self, input: &[u8]) -> u64 {
        input.len() as u64 + CALL
    }
}

/// Puts the values of a transaction into macros.
pub(crate) trait Expand {
    /// The text of a macro.
    fn expand<'m>(&'m self, text: &'m Macro) -> Cow<'m, [u8]>;

    /// The number at the start of the text of a macro.
    fn expand_number(&self, text: &Macro) -> i64 {
        crate::text::leading_integer(&self.expand(text))
    }
}

/// What an operator has captured, for `TX:0` to `TX:9`.
#[derive(Debug, Default)]
pub(crate) struct Captures {
    /// Whether the rule wants any.
    pub(crate) wanted: bool,
    /// The captured texts; `None` is a group that took no part.
    pub(crate) texts: SmallVec<[Option<Captured>; 10]>,
}

/// One captured text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Captured {
    /// A part of the input.
    Range(usize, usize),
    /// Something else, such as a fingerprint.
    Text(Box<[u8]>),
}

impl Captures {
    /// How many captures `TX:0` to `TX:9` hold.
    pub(crate) const MOST: usize = 10;

    fn push_range(&mut self, start: usize, end: usize) {
        if self.texts.len() < Self::MOST {
            self.texts.push(Some(Captured::Range(start, end)));
        }
    }
}

/// What an operator is built from.
pub(crate) struct Argument<'a> {
    /// The text after the operator's name.
    pub(crate) text: &'a str,
    /// The same with its macros.
    pub(crate) expanded: Macro,
    /// The folder of the rule file, for data files.
    pub(crate) folder: &'a Path,
}

impl Argument<'_> {
    /// The argument as a text without macros.
    fn constant(&self, operator: &str) -> Result<&str, String> {
        if self.expanded.is_constant() { Ok(self.text) } else { Err(format!("@{operator} takes no macros")) }
    }

    /// The lines of the data files that the argument names, without comments and empty lines.
    fn lines(&self, operator: &str) -> Result<Vec<String>, String> {
        let names = self.constant(operator)?;
        let mut lines = Vec::new();
        for name in names.split_ascii_whitespace() {
            let path = self.folder.join(name);
            let bytes = std::fs::read(&path).map_err(|error| {
                format!("the data file {} of @{operator} cannot be read: {error}", path.display())
            })?;
            let text = String::from_utf8(bytes)
                .map_err(|_| format!("the data file {} of @{operator} is not UTF-8", path.display()))?;
            lines.extend(
                text.lines()
                    .map(str::trim)
                    .filter(|line| !line.is_empty() && !line.starts_with('#'))
                    .map(str::to_owned),
            );
        }
        if lines.is_empty() { Err(format!("@{operator} needs a data file with entries")) } else { Ok(lines) }
    }
}

type Build = fn(&Argument<'_>) -> Result<Box<dyn Operator>, String>;

/// Builds the operator of that name. The error says what is wrong.
pub(crate) fn build(name: &str, argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    if let Some((_, build)) = TABLE.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return build(argument);
    }
    if let Some((_, reason)) = REFUSED.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        return Err(format!("@{name} is not supported: {reason}"));
    }
    let names = TABLE.iter().map(|(name, _)| *name);
    Err(format!("unknown operator @{name}{}", crate::error::did_you_mean(name, names)))
}

/// Whether an operator is known to need something that Gatehouse does not give; such a rule may stand only where it can never run.
pub(crate) fn needs_the_world(name: &str) -> bool {
    ["rbl", "geoLookup"].iter().any(|known| known.eq_ignore_ascii_case(name))
}

const REFUSED: &[(&str, &str)] = &[
    ("fuzzyHash", "it needs the ssdeep library"),
    ("gsbLookup", "it needs a local copy of a retired service of Google"),
    ("inspectFile", "it would run a program for each request"),
    ("rbl", "it would ask the DNS for each request; load the list into a file and use @ipMatchFromFile"),
    ("rsub", "it would change the request"),
    ("validateDTD", "bodies are validated by the API's definition"),
    ("validateHash", "it signs links, which is not a gateway's work"),
    ("validateSchema", "bodies are validated by the API's definition"),
];

const TABLE: &[(&str, Build)] = &[
    ("beginsWith", begins_with::build),
    ("contains", contains::build),
    ("containsWord", contains_word::build),
    ("detectSQLi", detect_sqli::build),
    ("detectXSS", detect_xss::build),
    ("endsWith", ends_with::build),
    ("eq", compare::build_eq),
    ("ge", compare::build_ge),
    ("geoLookup", geo_lookup::build),
    ("gt", compare::build_gt),
    ("ipMatch", ip_match::build),
    ("ipMatchF", ip_match::build_from_file),
    ("ipMatchFromFile", ip_match::build_from_file),
    ("le", compare::build_le),
    ("lt", compare::build_lt),
    ("noMatch", no_match::build),
    ("pm", phrase_match::build),
    ("pmf", phrase_match::build_from_file),
    ("pmFromFile", phrase_match::build_from_file),
    ("rx", rx::build),
    ("rxGlobal", rx::build_global),
    ("streq", streq::build),
    ("strmatch", contains::build),
    ("unconditionalMatch", unconditional_match::build),
    ("validateByteRange", validate_byte_range::build),
    ("validateUrlEncoding", validate_url_encoding::build),
    ("validateUtf8Encoding", validate_utf8_encoding::build),
    ("verifyCC", verify_cc::build),
    ("verifyCPF", verify_cpf::build),
    ("verifySSN", verify_ssn::build),
    ("verifySVNR", verify_svnr::build),
    ("within", within::build),
];
