//! `System.Text.RegularExpressions`.

mod matches;

use std::sync::Arc;

use self::matches::Collection;
pub(super) use self::matches::{
    CAPTURE, CAPTURE_COLLECTION, GROUP, GROUP_COLLECTION, MATCH, MATCH_COLLECTION,
};
use super::{Definition, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::text;
use crate::value::{Object, Value};

/// A pattern with its options.
struct Regex {
    pattern: Arc<str>,
    options: i64,
    compiled: Arc<fancy_regex::Regex>,
}

impl Object for Regex {
    fn class(&self) -> Type {
        Type::Plain(Id::Regex)
    }

    fn text(&self) -> Option<String> {
        Some(self.pattern.to_string())
    }
}

fn compile(pattern: &str, options: i64) -> Result<Regex, Thrown> {
    let mut flags = String::new();
    for (bit, letter) in [(1, 'i'), (2, 'm'), (16, 's'), (32, 'x')] {
        if options & bit != 0 {
            flags.push(letter);
        }
    }
    if options & 64 != 0 {
        return Err(Thrown::not_supported("RegexOptions.RightToLeft is not supported."));
    }
    let full = if flags.is_empty() { pattern.to_owned() } else { format!("(?{flags}){pattern}") };
    let compiled =
        text::regex(&full).map_err(|e| Thrown::argument(format!("Invalid pattern '{pattern}': {e}")))?;
    Ok(Regex { pattern: pattern.into(), options, compiled })
}

/// Where groups matched, in bytes.
type Spans = Vec<Option<(usize, usize)>>;

/// A match, or its absence.
struct Match {
    regex: Option<Arc<Regex>>,
    input: Arc<str>,
    spans: Spans,
    /// Where the next search begins.
    next: usize,
}

/// What one group matched.
struct Group {
    class: Id,
    input: Arc<str>,
    span: Option<(usize, usize)>,
    name: Arc<str>,
}

impl Match {
    fn group(&self, index: usize, name: &str) -> Value {
        Value::object(Group {
            class: Id::RegexGroup,
            input: Arc::clone(&self.input),
            span: self.spans.get(index).copied().flatten(),
            name: name.into(),
        })
    }

    /// Groups in .NET's order: unnamed ones by number, then named ones.
    fn names(&self) -> Vec<(usize, String)> {
        let Some(regex) = &self.regex else { return vec![(0, "0".to_owned())] };
        let (mut plain, mut named) = (Vec::new(), Vec::new());
        for (n, name) in regex.compiled.capture_names().enumerate() {
            match name {
                Some(name) => named.push((n, name.to_owned())),
                None => plain.push((n, plain.len().to_string())),
            }
        }
        plain.extend(named);
        plain
    }

    fn text(&self, index: usize) -> &str {
        self.spans.get(index).copied().flatten().and_then(|(s, e)| self.input.get(s..e)).unwrap_or_default()
    }
}

impl Object for Match {
    fn class(&self) -> Type {
        Type::Plain(Id::Match)
    }

    fn text(&self) -> Option<String> {
        Some(self.text(0).to_owned())
    }
}

impl Object for Group {
    fn class(&self) -> Type {
        Type::Plain(self.class)
    }

    fn text(&self) -> Option<String> {
        Some(self.span.and_then(|(s, e)| self.input.get(s..e)).unwrap_or_default().to_owned())
    }
}

fn failed(error: &fancy_regex::Error) -> Thrown {
    Thrown::new(
        Id::RegexMatchTimeoutException,
        format!("The Regex engine has timed out while trying to match a pattern to an input string: {error}"),
    )
}

/// The pattern with a `$` that also matches before a newline at the very end, as .NET's does.
fn end_before_newline(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let (mut escaped, mut class) = (false, false);
    for c in pattern.chars() {
        match c {
            '$' if !escaped && !class => {
                out.push_str(r"(?=\n?\z)");
                continue;
            }
            '[' if !escaped => class = true,
            ']' if !escaped => class = false,
            _ => {}
        }
        escaped = c == '\\' && !escaped;
        out.push(c);
    }
    out
}

/// The match at or after a byte offset.
fn find(regex: &Arc<Regex>, input: &Arc<str>, from: usize) -> Result<Match, Thrown> {
    let none = || Match { regex: None, input: Arc::from(""), spans: Vec::new(), next: 0 };
    if from > input.len() {
        return Ok(none());
    }
    let before_newline;
    let mut compiled = &regex.compiled;
    if regex.options & 2 == 0 && input.ends_with('\n') && regex.pattern.contains('$') {
        before_newline = compile(&end_before_newline(&regex.pattern), regex.options)?.compiled;
        compiled = &before_newline;
    }
    let Some(found) = compiled.captures_from_pos(&**input, from).map_err(|e| failed(&e))? else {
        return Ok(none());
    };
    let spans: Spans = (0..found.len()).map(|n| found.get(n).map(|m| (m.start(), m.end()))).collect();
    let (start, end) = spans.first().copied().flatten().unwrap_or_default();
    let next = if end > start {
        end
    } else {
        end + input.get(end..).and_then(|r| r.chars().next()).map_or(1, char::len_utf8)
    };
    Ok(Match { regex: Some(Arc::clone(regex)), input: Arc::clone(input), spans, next })
}

fn all(c: &mut Call<'_, '_>, regex: &Arc<Regex>, input: &Arc<str>) -> Result<Vec<Match>, Thrown> {
    let mut found = Vec::new();
    let mut from = 0;
    loop {
        let one = find(regex, input, from)?;
        if one.regex.is_none() {
            return Ok(found);
        }
        c.machine.work(1 + input.len() / 64)?;
        c.machine.allocate(64)?;
        from = one.next;
        found.push(one);
    }
}

/// The pattern at one index with the options at another.
fn regex_at(c: &Call<'_, '_>, pattern: usize, options: Option<usize>) -> Result<Arc<Regex>, Thrown> {
    compile(c.text(pattern)?, options.map_or(0, |o| c.enumeration(o))).map(Arc::new)
}

fn this(c: &Call<'_, '_>) -> Result<Arc<Regex>, Thrown> {
    c.shared(0)
}

fn collection(matches: Vec<Match>) -> Value {
    Value::object(Collection {
        class: Id::MatchCollection,
        items: matches.into_iter().map(Value::object).collect(),
        names: Vec::new(),
    })
}

/// A replacement pattern put in for a match.
fn expand(found: &Match, pattern: &str, out: &mut String) {
    let mut rest = pattern;
    while let Some(at) = rest.find('$') {
        out.push_str(rest.get(..at).unwrap_or_default());
        rest = rest.get(at + 1..).unwrap_or_default();
        let (start, end) = found.spans.first().copied().flatten().unwrap_or_default();
        let group = |name: &str| {
            found
                .names()
                .into_iter()
                .enumerate()
                .find(|(n, (_, g))| g == name || n.to_string() == name)
                .map(|(_, (n, _))| n)
        };
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
        } else if let Some(after) = rest.strip_prefix('&') {
            out.push_str(found.text(0));
            rest = after;
        } else if let Some(after) = rest.strip_prefix('`') {
            out.push_str(found.input.get(..start).unwrap_or_default());
            rest = after;
        } else if let Some(after) = rest.strip_prefix('\'') {
            out.push_str(found.input.get(end..).unwrap_or_default());
            rest = after;
        } else if let Some((name, after)) = rest.strip_prefix('{').and_then(|r| r.split_once('}'))
            && let Some(n) = group(name)
        {
            out.push_str(found.text(n));
            rest = after;
        } else {
            let digits = rest.bytes().take(3).take_while(u8::is_ascii_digit).count();
            let known = (1..=digits).rev().find_map(|k| rest.get(..k).and_then(|d| group(d).map(|n| (n, k))));
            match known {
                Some((n, k)) => {
                    out.push_str(found.text(n));
                    rest = rest.get(k..).unwrap_or_default();
                }
                None => out.push('$'),
            }
        }
    }
    out.push_str(rest);
}

/// `Regex.Replace` outside of an evaluation.
pub(crate) fn replace_text(text: &str, pattern: &str, with: &str, most: usize) -> Result<String, Thrown> {
    /// A bound on what is written: `$_` and the like may multiply the text.
    const MAX_BYTES: usize = 64 * 1024 * 1024;
    let regex = Arc::new(compile(pattern, 0)?);
    let input: Arc<str> = text.into();
    let mut out = String::with_capacity(text.len());
    let (mut at, mut from) = (0, 0);
    for _ in 0..most {
        let found = find(&regex, &input, from)?;
        if found.regex.is_none() {
            break;
        }
        let (start, end) = found.spans.first().copied().flatten().unwrap_or_default();
        out.push_str(input.get(at..start).unwrap_or_default());
        expand(&found, with, &mut out);
        if out.len() > MAX_BYTES {
            return Err(Thrown::Limit("made too long a text"));
        }
        (at, from) = (end, found.next);
    }
    out.push_str(input.get(at..).unwrap_or_default());
    Ok(out)
}

/// How many are replaced at most; -1 is all.
fn most(count: i32) -> Result<usize, Thrown> {
    match usize::try_from(count) {
        Ok(most) => Ok(most),
        Err(_) if count == -1 => Ok(usize::MAX),
        Err(_) => Err(Thrown::out_of_range("count", "Count cannot be less than -1.")),
    }
}
fn replace(
    c: &mut Call<'_, '_>,
    regex: &Arc<Regex>,
    input: usize,
    with: usize,
    most: usize,
) -> Result<Value, Thrown> {
    let input = c.shared_text(input)?;
    let matches = all(c, regex, &input)?;
    let mut out = String::with_capacity(input.len());
    let mut at = 0;
    for found in matches.into_iter().take(most) {
        let (start, end) = found.spans.first().copied().flatten().unwrap_or_default();
        out.push_str(input.get(at..start).unwrap_or_default());
        let before = out.len();
        match c.get(with) {
            Value::String(pattern) => expand(&found, pattern, &mut out),
            delegate => {
                let delegate = delegate.clone();
                let text = c.machine.invoke(&delegate, &[Value::object(found)])?.to_text();
                out.push_str(&text);
            }
        }
        c.machine.allocate(out.len() - before)?;
        at = end;
    }
    out.push_str(input.get(at..).unwrap_or_default());
    Ok(Value::from(out))
}

fn split(c: &mut Call<'_, '_>, regex: &Arc<Regex>, input: usize) -> Result<Value, Thrown> {
    let input = c.shared_text(input)?;
    let mut parts: Vec<String> = Vec::new();
    let mut at = 0;
    for found in all(c, regex, &input)? {
        let (start, end) = found.spans.first().copied().flatten().unwrap_or_default();
        parts.push(input.get(at..start).unwrap_or_default().to_owned());
        // What groups matched stands between the parts.
        for (n, span) in found.spans.iter().enumerate().skip(1) {
            if span.is_some() {
                parts.push(found.text(n).to_owned());
            }
        }
        at = end;
    }
    parts.push(input.get(at..).unwrap_or_default().to_owned());
    c.machine.allocate(input.len())?;
    Ok(Value::strings(parts))
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '*' | '+' | '?' | '|' | '{' | '[' | '(' | ')' | '^' | '$' | '.' | '#' | ' ' => {
                out.push('\\');
                out.push(c);
            }
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{c}' => out.push_str("\\f"),
            c => out.push(c),
        }
    }
    out
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some('n') => out.push('\n'),
            Some('r') => out.push('\r'),
            Some('t') => out.push('\t'),
            Some('f') => out.push('\u{c}'),
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

pub(super) const REGEX: Definition = Definition {
    name: "System.Text.RegularExpressions.Regex",
    bases: &["object"],
    members: &[
        member("new(string)", |c| compile(c.text(0)?, 0).map(Value::object)),
        member("new(string, RegexOptions)", |c| compile(c.text(0)?, c.enumeration(1)).map(Value::object)),
        member("new(string, RegexOptions, TimeSpan)", |c| {
            compile(c.text(0)?, c.enumeration(1)).map(Value::object)
        }),
        member("Options: RegexOptions", |c| {
            Ok(Value::Enumeration(crate::value::Enumeration {
                id: Id::RegexOptions,
                number: this(c)?.options,
            }))
        }),
        member("IsMatch(string): bool", |c| {
            Ok(Value::Boolean(find(&this(c)?, &c.shared_text(1)?, 0)?.regex.is_some()))
        }),
        member("Match(string): Match", |c| find(&this(c)?, &c.shared_text(1)?, 0).map(Value::object)),
        member("Match(string, int): Match", |c| {
            let input = c.shared_text(1)?;
            let from = usize::try_from(c.int(2)?).ok().filter(|from| *from <= text::length(&input));
            let from = from.ok_or_else(|| {
                let message = "Start index cannot be less than 0 or greater than input length.";
                Thrown::out_of_range("startat", message)
            })?;
            let from = text::byte_of(&input, from);
            find(&this(c)?, &input, from).map(Value::object)
        }),
        member("Matches(string): MatchCollection", |c| {
            let (regex, input) = (this(c)?, c.shared_text(1)?);
            all(c, &regex, &input).map(collection)
        }),
        member("Replace(string, string): string", |c| {
            let regex = this(c)?;
            replace(c, &regex, 1, 2, usize::MAX)
        }),
        member("Replace(string, string, int): string", |c| {
            let (regex, most) = (this(c)?, most(c.int(3)?)?);
            replace(c, &regex, 1, 2, most)
        }),
        member("Replace(string, Func<Match, string>): string", |c| {
            let regex = this(c)?;
            replace(c, &regex, 1, 2, usize::MAX)
        }),
        member("Split(string): string[]", |c| {
            let regex = this(c)?;
            split(c, &regex, 1)
        }),
        member("GetGroupNames(): string[]", |c| {
            let names = Match { regex: Some(this(c)?), input: "".into(), spans: Vec::new(), next: 0 }.names();
            Ok(Value::strings(names.into_iter().map(|(_, n)| n)))
        }),
        member("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
        member("static IsMatch(string, string): bool", |c| {
            Ok(Value::Boolean(find(&regex_at(c, 1, None)?, &c.shared_text(0)?, 0)?.regex.is_some()))
        }),
        member("static IsMatch(string, string, RegexOptions): bool", |c| {
            Ok(Value::Boolean(find(&regex_at(c, 1, Some(2))?, &c.shared_text(0)?, 0)?.regex.is_some()))
        }),
        member("static IsMatch(string, string, RegexOptions, TimeSpan): bool", |c| {
            Ok(Value::Boolean(find(&regex_at(c, 1, Some(2))?, &c.shared_text(0)?, 0)?.regex.is_some()))
        }),
        member("static Match(string, string): Match", |c| {
            find(&regex_at(c, 1, None)?, &c.shared_text(0)?, 0).map(Value::object)
        }),
        member("static Match(string, string, RegexOptions): Match", |c| {
            find(&regex_at(c, 1, Some(2))?, &c.shared_text(0)?, 0).map(Value::object)
        }),
        member("static Matches(string, string): MatchCollection", |c| {
            let (regex, input) = (regex_at(c, 1, None)?, c.shared_text(0)?);
            all(c, &regex, &input).map(collection)
        }),
        member("static Matches(string, string, RegexOptions): MatchCollection", |c| {
            let (regex, input) = (regex_at(c, 1, Some(2))?, c.shared_text(0)?);
            all(c, &regex, &input).map(collection)
        }),
        member("static Replace(string, string, string): string", |c| {
            let regex = regex_at(c, 1, None)?;
            replace(c, &regex, 0, 2, usize::MAX)
        }),
        member("static Replace(string, string, string, RegexOptions): string", |c| {
            let regex = regex_at(c, 1, Some(3))?;
            replace(c, &regex, 0, 2, usize::MAX)
        }),
        member("static Replace(string, string, Func<Match, string>): string", |c| {
            let regex = regex_at(c, 1, None)?;
            replace(c, &regex, 0, 2, usize::MAX)
        }),
        member("static Replace(string, string, Func<Match, string>, RegexOptions): string", |c| {
            let regex = regex_at(c, 1, Some(3))?;
            replace(c, &regex, 0, 2, usize::MAX)
        }),
        member("static Split(string, string): string[]", |c| {
            let regex = regex_at(c, 1, None)?;
            split(c, &regex, 0)
        }),
        member("static Split(string, string, RegexOptions): string[]", |c| {
            let regex = regex_at(c, 1, Some(2))?;
            split(c, &regex, 0)
        }),
        member("static Escape(string): string", |c| Ok(Value::from(escape(c.text(0)?)))),
        member("static Unescape(string): string", |c| Ok(Value::from(unescape(c.text(0)?)))),
    ],
    ..Definition::NEW
};
