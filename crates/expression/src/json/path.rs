//! Newtonsoft's paths: names, indexes, slices, unions, wildcards, descent and filters.

use std::cmp::Ordering;
use std::sync::Arc;

use super::{Json, convert};
use crate::value::Value;

/// A path in steps.
#[derive(Debug)]
pub(crate) struct Path(Vec<Step>);

#[derive(Debug)]
enum Step {
    All,
    Descend(Option<Vec<Arc<str>>>),
    Filter { test: Test, descend: bool },
    Indexes(Vec<i64>),
    Names(Vec<Arc<str>>),
    Root,
    Slice(Option<i64>, Option<i64>, Option<i64>),
}

#[derive(Debug)]
enum Test {
    And(Vec<Test>),
    Compare(Operand, &'static str, Operand),
    Exists(Operand),
    Or(Vec<Test>),
}

#[derive(Debug)]
enum Operand {
    Literal(Json),
    Path { root: bool, path: Path },
    Pattern(String),
}

/// How deep filters may stand in filters.
const MAX_FILTERS: u8 = 8;

/// Reads a path; the error is the message of the exception.
pub(crate) fn parse_path(text: &str) -> Result<Path, String> {
    let mut reader = Reader { text, at: 0, depth: 0 };
    let text = text.trim_start();
    reader.at = reader.text.len() - text.len();
    let root = reader.eat("$");
    let mut steps = reader.steps(!root)?;
    if root && steps.is_empty() {
        steps.push(Step::Root);
    }
    // A space ends a path; nothing but more of them may follow.
    if !reader.rest().trim_start_matches(' ').is_empty() {
        return Err(format!(
            "Unexpected character while parsing path: {}",
            reader.peek().unwrap_or_default()
        ));
    }
    Ok(Path(steps))
}

impl Path {
    /// The tokens it finds from `root`.
    pub(crate) fn select(&self, from: &Json) -> Vec<Json> {
        self.select_from(from, from)
    }

    fn select_from(&self, root: &Json, from: &Json) -> Vec<Json> {
        let mut found = vec![from.clone()];
        for step in &self.0 {
            let mut next = Vec::new();
            for token in &found {
                step.apply(root, token, &mut next);
            }
            found = next;
        }
        found
    }
}

impl Step {
    fn apply(&self, root: &Json, token: &Json, found: &mut Vec<Json>) {
        match self {
            Self::Root => found.push(root.clone()),
            Self::All => found.extend(values(token)),
            Self::Names(names) => {
                for name in names {
                    found.extend(token.property(name));
                }
            }
            Self::Indexes(indexes) => {
                if token.is_array() {
                    for index in indexes {
                        let at = if *index < 0 { token.len() as i64 + index } else { *index };
                        found.extend(usize::try_from(at).ok().and_then(|i| token.item(i)));
                    }
                }
            }
            Self::Slice(start, end, step) => {
                if token.is_array() {
                    slice(token, *start, *end, step.unwrap_or(1), found);
                }
            }
            Self::Descend(names) => {
                for below in token.descendants(true) {
                    match names {
                        None => {
                            if !below.is_property() {
                                found.push(below);
                            }
                        }
                        Some(names) => {
                            for name in names {
                                found.extend(below.property(name));
                            }
                        }
                    }
                }
            }
            Self::Filter { test, descend } => {
                let holders = if *descend { token.descendants(true) } else { vec![token.clone()] };
                for holder in holders {
                    if holder.is_property() {
                        continue;
                    }
                    found.extend(values(&holder).into_iter().filter(|v| test.holds(root, v)));
                }
            }
        }
    }
}

/// The elements of an array or the values of an object.
fn values(token: &Json) -> Vec<Json> {
    token
        .children()
        .into_iter()
        .filter_map(|c| if c.is_property() { c.property_value() } else { Some(c) })
        .collect()
}

fn slice(token: &Json, start: Option<i64>, end: Option<i64>, step: i64, found: &mut Vec<Json>) {
    let length = token.len() as i64;
    let place = |n: i64| if n < 0 { n + length } else { n };
    let step = if step == 0 { 1 } else { step };
    let forward = step > 0;
    let start = place(start.unwrap_or(if forward { 0 } else { length - 1 }))
        .clamp(if forward { 0 } else { -1 }, if forward { length } else { length - 1 });
    let end = end.map_or(if forward { length } else { -1 }, |e| place(e).clamp(-1, length));
    let mut at = start;
    while if forward { at < end } else { at > end } {
        found.extend(usize::try_from(at).ok().and_then(|i| token.item(i)));
        at = at.saturating_add(step);
    }
}

impl Test {
    fn holds(&self, root: &Json, at: &Json) -> bool {
        match self {
            Self::And(tests) => tests.iter().all(|t| t.holds(root, at)),
            Self::Or(tests) => tests.iter().any(|t| t.holds(root, at)),
            Self::Exists(operand) => !operand.tokens(root, at).is_empty(),
            Self::Compare(left, operator, right) => {
                let lefts = left.tokens(root, at);
                if let Operand::Pattern(pattern) = right {
                    let Ok(regex) = crate::text::regex(pattern) else { return false };
                    return lefts.iter().any(|l| regex.is_match(&l.display()).unwrap_or(false));
                }
                let rights = right.tokens(root, at);
                lefts.iter().any(|l| rights.iter().any(|r| compare(l, operator, r)))
            }
        }
    }
}

fn compare(left: &Json, operator: &str, right: &Json) -> bool {
    let (Some(a), Some(b)) = (left.scalar(), right.scalar()) else {
        return match operator {
            "==" | "===" => left.deep_equals(right),
            "!=" | "!==" => !left.deep_equals(right),
            _ => false,
        };
    };
    let ordering = convert::compare_scalars(&a, &b);
    match operator {
        "==" | "===" => ordering == Some(Ordering::Equal),
        "!=" | "!==" => ordering != Some(Ordering::Equal),
        "<" => ordering == Some(Ordering::Less),
        ">" => ordering == Some(Ordering::Greater),
        "<=" => matches!(ordering, Some(Ordering::Less | Ordering::Equal)),
        _ => matches!(ordering, Some(Ordering::Greater | Ordering::Equal)),
    }
}

impl Operand {
    fn tokens(&self, root: &Json, at: &Json) -> Vec<Json> {
        match self {
            Self::Literal(json) => vec![json.clone()],
            Self::Path { root: from_root, path } => {
                path.select_from(root, if *from_root { root } else { at })
            }
            Self::Pattern(_) => Vec::new(),
        }
    }
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    depth: u8,
}

impl<'a> Reader<'a> {
    fn steps(&mut self, mut bare: bool) -> Result<Vec<Step>, String> {
        let mut steps = Vec::new();
        loop {
            if self.eat("..") {
                if self.peek() == Some('[') {
                    self.at += 1;
                    match self.bracket()? {
                        Step::Names(names) => steps.push(Step::Descend(Some(names))),
                        Step::Filter { test, .. } => steps.push(Step::Filter { test, descend: true }),
                        Step::All => steps.push(Step::Descend(None)),
                        other => {
                            steps.push(Step::Descend(None));
                            steps.push(other);
                        }
                    }
                } else if self.eat("*") {
                    steps.push(Step::Descend(None));
                } else {
                    steps.push(Step::Descend(Some(vec![self.name()?])));
                }
            } else if self.eat("[") {
                steps.push(self.bracket()?);
            } else if self.eat(".") || bare {
                if self.peek().is_none() {
                    if bare {
                        return Ok(steps);
                    }
                    return Err("Unexpected end while parsing path.".to_owned());
                }
                if self.eat("*") {
                    steps.push(Step::All);
                } else {
                    steps.push(Step::Names(vec![self.name()?]));
                }
            } else {
                return Ok(steps);
            }
            bare = false;
        }
    }

    fn name(&mut self) -> Result<Arc<str>, String> {
        let rest = self.rest();
        let stops: &[char] = if self.depth > 0 {
            &['.', '[', ']', '(', ')', ' ', '=', '!', '<', '>', '&', '|']
        } else {
            &['.', '[', ']', '(', ')', ' ']
        };
        let end = rest.find(stops).unwrap_or(rest.len());
        let name = rest.get(..end).unwrap_or_default().trim_end();
        if name.is_empty() {
            return Err(format!(
                "Unexpected character while parsing path: {}",
                self.peek().unwrap_or_default()
            ));
        }
        self.at += end;
        Ok(name.into())
    }

    fn bracket(&mut self) -> Result<Step, String> {
        self.space();
        let step = match self.peek() {
            Some('\'' | '"') => {
                let mut names = vec![self.quoted()?];
                self.space();
                while self.eat(",") {
                    self.space();
                    names.push(self.quoted()?);
                    self.space();
                }
                Step::Names(names)
            }
            Some('*') => {
                self.at += 1;
                Step::All
            }
            Some('?') => {
                self.at += 1;
                self.space();
                self.depth += 1;
                if self.depth > MAX_FILTERS {
                    return Err("Filters are nested too deeply.".to_owned());
                }
                if !self.eat("(") {
                    return Err("Unexpected character while parsing path query.".to_owned());
                }
                let test = self.or(0)?;
                self.space();
                if !self.eat(")") {
                    return Err("Path ended with an open query.".to_owned());
                }
                self.depth -= 1;
                Step::Filter { test, descend: false }
            }
            Some(c) if c == ':' || c == '-' || c.is_ascii_digit() => self.indexes()?,
            Some(c) => return Err(format!("Unexpected character while parsing path indexer: {c}")),
            None => return Err("Path ended with open indexer.".to_owned()),
        };
        self.space();
        if !self.eat("]") {
            return Err("Path ended with open indexer.".to_owned());
        }
        Ok(step)
    }

    fn indexes(&mut self) -> Result<Step, String> {
        let mut parts = vec![self.integer()];
        self.space();
        if self.peek() == Some(':') {
            while self.eat(":") {
                self.space();
                parts.push(self.integer());
                self.space();
            }
            let part = |n: usize| parts.get(n).copied().flatten();
            if part(2) == Some(0) {
                return Err("Step cannot be zero.".to_owned());
            }
            return Ok(Step::Slice(part(0), part(1), part(2)));
        }
        while self.eat(",") {
            self.space();
            parts.push(self.integer());
            self.space();
        }
        Ok(Step::Indexes(parts.into_iter().flatten().collect()))
    }

    fn integer(&mut self) -> Option<i64> {
        let rest = self.rest();
        let end = rest.find(|c: char| !(c.is_ascii_digit() || c == '-')).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end)?.parse().ok()
    }

    fn quoted(&mut self) -> Result<Arc<str>, String> {
        let quote = self
            .peek()
            .filter(|c| matches!(c, '\'' | '"'))
            .ok_or("Unexpected character while parsing path.")?;
        self.at += 1;
        let mut text = String::new();
        loop {
            let c = self.peek().ok_or("Path ended with an open string.")?;
            self.at += c.len_utf8();
            if c == quote {
                return Ok(text.into());
            }
            if c == '\\' {
                let next = self.peek().ok_or("Path ended with an open string.")?;
                self.at += next.len_utf8();
                text.push(next);
            } else {
                text.push(c);
            }
        }
    }

    fn or(&mut self, depth: u8) -> Result<Test, String> {
        if depth > MAX_FILTERS {
            return Err("Filters are nested too deeply.".to_owned());
        }
        let mut tests = vec![self.and(depth)?];
        loop {
            self.space();
            if !self.eat("||") {
                break;
            }
            tests.push(self.and(depth)?);
        }
        Ok(if tests.len() == 1 { tests.remove(0) } else { Test::Or(tests) })
    }

    fn and(&mut self, depth: u8) -> Result<Test, String> {
        let mut tests = vec![self.comparison(depth)?];
        loop {
            self.space();
            if !self.eat("&&") {
                break;
            }
            tests.push(self.comparison(depth)?);
        }
        Ok(if tests.len() == 1 { tests.remove(0) } else { Test::And(tests) })
    }

    fn comparison(&mut self, depth: u8) -> Result<Test, String> {
        self.space();
        if self.eat("(") {
            let test = self.or(depth + 1)?;
            self.space();
            return if self.eat(")") { Ok(test) } else { Err("Path ended with an open query.".to_owned()) };
        }
        let left = self.operand()?;
        self.space();
        for operator in ["===", "!==", "==", "!=", "<>", "<=", ">=", "=~", "<", ">"] {
            if self.eat(operator) {
                self.space();
                let right = self.operand()?;
                let operator = if operator == "<>" { "!=" } else { operator };
                return Ok(Test::Compare(left, operator, right));
            }
        }
        Ok(Test::Exists(left))
    }

    fn operand(&mut self) -> Result<Operand, String> {
        match self.peek() {
            Some(c @ ('@' | '$')) => {
                self.at += 1;
                Ok(Operand::Path { root: c == '$', path: Path(self.steps(false)?) })
            }
            Some('\'' | '"') => Ok(Operand::Literal(Json::value(Value::String(self.quoted()?)))),
            Some('/') => {
                self.at += 1;
                let rest = self.rest();
                let end = rest.find('/').ok_or("Path ended with an open regex.")?;
                let pattern = rest.get(..end).unwrap_or_default();
                self.at += end + 1;
                let insensitive = self.eat("i");
                Ok(Operand::Pattern(if insensitive { format!("(?i){pattern}") } else { pattern.to_owned() }))
            }
            _ => {
                let rest = self.rest();
                let end = rest.find([' ', ')', '&', '|', '=', '!', '<', '>']).unwrap_or(rest.len());
                let word = rest.get(..end).unwrap_or_default();
                self.at += end;
                super::parse_plain(word)
                    .map(Operand::Literal)
                    .map_err(|_| format!("Unexpected character while parsing path query: {word}"))
            }
        }
    }

    fn space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start().len();
    }

    fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.at += text.len();
        }
        found
    }

    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }
}

/// A property's name as a step of a path.
pub(super) fn name_step(name: &str) -> String {
    let plain = !name.is_empty()
        && !name.contains([' ', '\'', '/', '"', '[', ']', '(', ')', '\t', '\n', '\r', '\\', '.', '?', '@']);
    if plain { name.to_owned() } else { format!("['{}']", name.replace('\\', "\\\\").replace('\'', "\\'")) }
}
