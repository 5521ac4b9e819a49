//! Parameters of requests and header fields of answers.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::query::{QueryPairs, decode};
use super::style::{Location, Style};
use super::text::{Tree, brackets, push_scalar};
use super::{MAX_VIOLATIONS, Operation};
use crate::json::{Document, TapeNode};
use crate::schema::{Direction, Kinds, Shape, Shared, Variant, Violation};

/// A parameter, or a header field of an answer.
#[derive(Debug)]
pub struct Parameter {
    /// Its name.
    pub name: Box<str>,
    /// Where it stands.
    pub location: Location,
    /// Whether it must be there.
    pub required: bool,
    pub(crate) allow_empty: bool,
    pub(crate) style: Style,
    pub(crate) explode: bool,
    /// Whether the value is JSON.
    pub(crate) is_json: bool,
    pub(crate) shape: Shape,
    pub(crate) position: Option<u32>,
    pub(crate) direction: Direction,
    /// The outline of its schema, where outlines are wanted.
    pub(crate) outline: Option<u32>,
}

/// The values that a message has for a parameter.
#[derive(Debug)]
pub enum Values<'v> {
    /// Parameters of a query.
    Query(&'v QueryPairs<'v>),
    /// Texts whose escapes are decoded already: of the path, of header fields, of cookies.
    Texts(SmallVec<[&'v str; 2]>),
    /// The whole query, as it was written.
    Whole(&'v str),
}

/// Why a parameter is not what the definition says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParameterFault {
    /// It is not there.
    Missing,
    /// It is there more than once, and is no list.
    Multiple,
    /// It cannot be read as the definition says.
    Unreadable(String),
    /// It does not conform to its schema.
    Invalid(Vec<Violation>),
    /// Its schema cannot be used.
    Broken(String),
}

impl Operation {
    /// Checks the value of a parameter, or of a header field of an answer.
    pub fn check(&self, parameter: &Parameter, values: &Values<'_>) -> Result<(), ParameterFault> {
        let Some(position) = parameter.position else { return parameter.presence(values) };
        let shared = self.validator(Variant::plain(parameter.direction));
        let Some(shared) = shared else { return Err(ParameterFault::Broken("it was not compiled".into())) };
        if let Some(fault) = shared.fault(position) {
            return Err(ParameterFault::Broken(fault.to_owned()));
        }
        parameter.check(values, &Judge { shared, position })
    }
}

struct Judge<'s> {
    shared: &'s Shared,
    position: u32,
}

impl Judge<'_> {
    /// Judges a text as each of the kinds of value that it may be.
    fn scalar(&self, text: &str, kinds: Kinds) -> Result<(), ParameterFault> {
        let mut first: Option<TapeNode<'_>> = None;
        let mut attempt = |node| {
            first.get_or_insert(node);
            self.shared.is_valid(self.position, &node)
        };
        let any = kinds.is_empty();
        if (any || kinds.has(Kinds::NUMBER))
            && let Some(number) = TapeNode::number(text)
            && attempt(number)
        {
            return Ok(());
        }
        if (any || kinds.has(Kinds::BOOLEAN))
            && matches!(text, "true" | "false")
            && attempt(TapeNode::Boolean(text == "true"))
        {
            return Ok(());
        }
        if kinds.has(Kinds::NULL) && matches!(text, "" | "null") && attempt(TapeNode::Null) {
            return Ok(());
        }
        if attempt(TapeNode::Text(text)) {
            return Ok(());
        }
        let node = first.unwrap_or(TapeNode::Text(text));
        Err(ParameterFault::Invalid(self.shared.violations(self.position, &node, None, MAX_VIOLATIONS)))
    }

    fn json(&self, json: &str) -> Result<(), ParameterFault> {
        let document =
            Document::parse(json.as_bytes()).map_err(|error| ParameterFault::Unreadable(error.message))?;
        let root = document.root();
        if self.shared.is_valid(self.position, &root) {
            return Ok(());
        }
        // Places in text that the client has not written say nothing.
        Err(ParameterFault::Invalid(self.shared.violations(self.position, &root, None, MAX_VIOLATIONS)))
    }
}

impl Parameter {
    fn presence(&self, values: &Values<'_>) -> Result<(), ParameterFault> {
        let is_there = match values {
            Values::Query(pairs) => pairs.iter().any(|(name, _)| name.eq_ignore_ascii_case(&self.name)),
            Values::Texts(texts) => !texts.is_empty(),
            Values::Whole(query) => !query.is_empty(),
        };
        if self.required && !is_there { Err(ParameterFault::Missing) } else { Ok(()) }
    }

    /// Whether a parameter of the query of this name belongs to it.
    pub fn covers(&self, name: &str) -> bool {
        if self.location == Location::QueryString {
            return true;
        }
        if self.location != Location::Query {
            return false;
        }
        if self.style == Style::DeepObject || self.shape.is_array() || self.shape.is_object() {
            if brackets(name).is_some_and(|(base, _)| base.eq_ignore_ascii_case(&self.name)) {
                return self.style == Style::DeepObject || name.ends_with("[]") || self.shape.is_object();
            }
            if self.style == Style::Form && self.explode && self.shape.is_object() && !self.is_json {
                return self.shape.property(name).is_some() || name.eq_ignore_ascii_case(&self.name);
            }
        }
        name.eq_ignore_ascii_case(&self.name)
    }

    fn check(&self, values: &Values<'_>, judge: &Judge<'_>) -> Result<(), ParameterFault> {
        match values {
            Values::Query(pairs) => self.query(pairs, judge),
            Values::Texts(texts) => self.texts(texts, judge),
            Values::Whole(query) => {
                if query.is_empty() {
                    return if self.required { Err(ParameterFault::Missing) } else { Ok(()) };
                }
                let decoded = decode(query, !self.is_json).ok_or_else(not_utf8)?;
                if self.is_json { judge.json(&decoded) } else { self.whole_query(query, judge) }
            }
        }
    }

    fn whole_query(&self, query: &str, judge: &Judge<'_>) -> Result<(), ParameterFault> {
        let json = super::form::to_json(query, &self.shape, &[]).map_err(ParameterFault::Unreadable)?;
        judge.json(&json)
    }

    fn query(&self, pairs: &QueryPairs<'_>, judge: &Judge<'_>) -> Result<(), ParameterFault> {
        if self.is_spread() {
            return self.spread(pairs, judge);
        }
        let mut found: SmallVec<[&str; 4]> = SmallVec::new();
        for (name, value) in pairs.iter() {
            if name.len() == self.name.len() && name.eq_ignore_ascii_case(&self.name)
                || self.shape.is_array() && name.strip_suffix("[]").is_some_and(|base| base == &*self.name)
            {
                found.push(value);
            }
        }
        let Some(first) = found.first() else {
            return if self.required { Err(ParameterFault::Missing) } else { Ok(()) };
        };
        if first.is_empty() && found.len() == 1 && self.allow_empty {
            return Ok(());
        }
        let takes_list = self.shape.is_array() && !self.is_json;
        if found.len() > 1 && !(takes_list && self.explode) {
            return Err(ParameterFault::Multiple);
        }
        if self.is_json {
            return judge.json(&decode(first, true).ok_or_else(not_utf8)?);
        }
        if takes_list {
            let parts: Vec<&str> = if self.explode { found.to_vec() } else { self.style.split(first) };
            return self.list(parts.into_iter(), true, judge);
        }
        if self.shape.is_object() {
            return self.members(&self.style.split(first), true, judge);
        }
        let text = decode(first, true).ok_or_else(not_utf8)?;
        judge.scalar(&text, self.shape.kinds)
    }

    /// Whether its parts are parameters of their own.
    fn is_spread(&self) -> bool {
        self.style == Style::DeepObject
            || self.style == Style::Form && self.explode && self.shape.is_object() && !self.is_json
    }

    fn spread(&self, pairs: &QueryPairs<'_>, judge: &Judge<'_>) -> Result<(), ParameterFault> {
        let mut tree = Tree::Object(Vec::new());
        let mut is_there = false;
        for (name, value) in pairs.iter() {
            let path: Vec<&str> = if self.style == Style::DeepObject {
                match brackets(name) {
                    Some((base, path)) if base.eq_ignore_ascii_case(&self.name) => path,
                    _ if name.eq_ignore_ascii_case(&self.name) => {
                        return Err(ParameterFault::Unreadable(
                            "its properties stand in brackets".to_owned(),
                        ));
                    }
                    _ => continue,
                }
            } else if self.shape.property(name).is_some() {
                vec![name]
            } else {
                continue;
            };
            is_there = true;
            let value = decode(value, true).ok_or_else(not_utf8)?.into_owned();
            let list = path.len() == 1
                && self.shape.property(path.first().unwrap_or(&"")).is_some_and(Shape::is_array);
            if list {
                // A list of an exploded object comes as one parameter many times.
                append(&mut tree, path.first().unwrap_or(&""), value);
                continue;
            }
            tree.insert(&path, value, Some(&self.shape)).map_err(ParameterFault::Unreadable)?;
        }
        if !is_there {
            return if self.required { Err(ParameterFault::Missing) } else { Ok(()) };
        }
        let mut json = String::new();
        tree.push(&mut json, Some(&self.shape));
        judge.json(&json)
    }

    fn texts(&self, texts: &[&str], judge: &Judge<'_>) -> Result<(), ParameterFault> {
        let Some(first) = texts.first() else {
            return if self.required { Err(ParameterFault::Missing) } else { Ok(()) };
        };
        let takes_list = self.shape.is_array() && !self.is_json;
        if texts.len() > 1 && !(takes_list && self.location == Location::Header) {
            return Err(ParameterFault::Multiple);
        }
        if self.is_json {
            return judge.json(first);
        }
        let mut text = Cow::Borrowed(*first);
        match self.style {
            Style::Label => {
                let Some(rest) = first.strip_prefix('.') else {
                    return Err(ParameterFault::Unreadable("it does not begin with a dot".to_owned()));
                };
                if self.explode && (self.shape.is_array() || self.shape.is_object()) {
                    return self.parts(rest.split('.').collect(), judge);
                }
                text = Cow::Borrowed(rest);
            }
            Style::Matrix => return self.matrix(first, judge),
            _ => {}
        }
        if takes_list {
            let parts = texts.iter().flat_map(|text| {
                let text =
                    if self.style == Style::Label { text.strip_prefix('.').unwrap_or(text) } else { text };
                self.style.split(text)
            });
            let is_header = self.location == Location::Header;
            let parts: Vec<&str> = parts.map(|part| if is_header { part.trim() } else { part }).collect();
            return self.list(parts.into_iter(), false, judge);
        }
        if self.shape.is_object() {
            return self.parts(text.split(',').map(str::trim).collect(), judge);
        }
        judge.scalar(&text, self.shape.kinds)
    }

    /// `;name=value` (RFC 6570, section 3.2.7).
    fn matrix(&self, text: &str, judge: &Judge<'_>) -> Result<(), ParameterFault> {
        let unreadable = || ParameterFault::Unreadable("it is not written as `;name=value`".to_owned());
        let rest = text.strip_prefix(';').ok_or_else(unreadable)?;
        if self.explode && self.shape.is_object() {
            return self.parts(rest.split(';').collect(), judge);
        }
        let mut values = Vec::new();
        for part in rest.split(';') {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            if name != &*self.name {
                return Err(unreadable());
            }
            values.push(value);
        }
        match (self.shape.is_array(), self.explode, values.as_slice()) {
            (true, true, _) => self.list(values.into_iter(), false, judge),
            (_, _, [_, _, ..]) => Err(ParameterFault::Multiple),
            (true, false, [value]) => self.list(value.split(','), false, judge),
            (false, _, [value]) if self.shape.is_object() => {
                self.members(&value.split(',').collect::<Vec<_>>(), false, judge)
            }
            (false, _, [value]) => judge.scalar(value, self.shape.kinds),
            _ => Err(unreadable()),
        }
    }

    /// The parts of a list, or of an object with `name=value` where it is exploded.
    fn parts(&self, parts: Vec<&str>, judge: &Judge<'_>) -> Result<(), ParameterFault> {
        if self.shape.is_array() {
            return self.list(parts.into_iter(), false, judge);
        }
        if !self.explode {
            return self.members(&parts, false, judge);
        }
        let mut flat = Vec::with_capacity(parts.len() * 2);
        for part in parts {
            let Some((name, value)) = part.split_once('=') else {
                return Err(ParameterFault::Unreadable(
                    "its properties are not written as `name=value`".to_owned(),
                ));
            };
            flat.extend([name, value]);
        }
        self.members(&flat, false, judge)
    }

    fn list<'t>(
        &self,
        parts: impl Iterator<Item = &'t str>,
        encoded: bool,
        judge: &Judge<'_>,
    ) -> Result<(), ParameterFault> {
        let mut json = String::from("[");
        for part in parts {
            if json.len() > 1 {
                json.push(',');
            }
            let text = if encoded { decode(part, true).ok_or_else(not_utf8)? } else { Cow::Borrowed(part) };
            push_scalar(&mut json, &text, self.shape.items.as_deref());
        }
        json.push(']');
        judge.json(&json)
    }

    /// Names and values one after the other.
    fn members(&self, parts: &[&str], encoded: bool, judge: &Judge<'_>) -> Result<(), ParameterFault> {
        if parts.len() % 2 == 1 {
            return Err(ParameterFault::Unreadable("a property has no value".to_owned()));
        }
        let mut members = Vec::with_capacity(parts.len() / 2);
        for pair in parts.chunks_exact(2) {
            let text = |at: usize| {
                let part = pair.get(at).copied().unwrap_or_default();
                if encoded { decode(part, true).ok_or_else(not_utf8) } else { Ok(Cow::Borrowed(part)) }
            };
            members.push((text(0)?.into_owned(), Tree::Text(text(1)?.into_owned())));
        }
        let mut json = String::new();
        Tree::Object(members).push(&mut json, Some(&self.shape));
        judge.json(&json)
    }
}

fn not_utf8() -> ParameterFault {
    ParameterFault::Unreadable("its escapes are not UTF-8".to_owned())
}

/// Adds an item to the list of a member.
fn append(tree: &mut Tree, name: &str, value: String) {
    let Tree::Object(members) = tree else { return };
    match members.iter_mut().find(|(known, _)| known == name) {
        Some((_, Tree::Array(items))) => items.push(Tree::Text(value)),
        Some(_) => {}
        None => members.push((name.to_owned(), Tree::Array(vec![Tree::Text(value)]))),
    }
}
