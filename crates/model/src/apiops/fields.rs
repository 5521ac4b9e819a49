//! The properties of one resource, read strictly: every property is asked for, known to be of no use to a gateway, or
//! refused.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::context::Context;
use super::layered::Layered;
use crate::tree::NodeValue;
use crate::{Diagnostic, Located, Location, did_you_mean};

/// A mapping whose keys are taken one by one; [`Fields::finish`] refuses what nobody took.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    values: Layered<'a>,
    resource: String,
    path: String,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Fields<'a> {
    /// The fields of a mapping; `None`, with an error, where it is something else.
    pub(super) fn new(
        context: &Context<'_>,
        resource: &str,
        path: &str,
        values: Layered<'a>,
    ) -> Option<Self> {
        let top = values.top();
        if top.node.as_mapping().is_none() {
            let what = if path.is_empty() { "the document".to_owned() } else { format!("`{path}`") };
            context.push(
                Diagnostic::error(
                    "wrong-type",
                    top.location(),
                    format!("{what} must be an object, not {}", top.node.kind()),
                )
                .resource(resource),
            );
            return None;
        }
        Some(Self { values, resource: resource.to_owned(), path: path.to_owned(), known: RefCell::default() })
    }

    /// Whether there are no keys at all.
    pub(super) fn is_empty(&self) -> bool {
        self.values.keys().next().is_none()
    }

    /// Where the mapping stands in the resource's own file.
    pub(super) fn location(&self) -> Location {
        self.values.base_location()
    }

    /// The merged value of everything.
    pub(super) fn to_json(&self, context: &Context<'_>) -> serde_json::Value {
        self.values.to_json(context)
    }

    /// Names properties that are known and of no use to a gateway.
    pub(super) fn ignore(&self, names: &[&'static str]) {
        self.known.borrow_mut().extend_from_slice(names);
    }

    /// Names properties that are known and cannot be honoured yet: each that is there and says something is an error.
    pub(super) fn not_yet(&self, context: &Context<'_>, names: &[&'static str]) {
        for name in names {
            let Some((_, value)) = self.take(name) else { continue };
            let says_nothing = match &value.top().node.value {
                NodeValue::Null | NodeValue::Boolean(false) => true,
                NodeValue::Sequence(items) => items.is_empty(),
                NodeValue::Mapping(entries) => entries.is_empty(),
                _ => false,
            };
            if !says_nothing {
                self.fault(
                    context,
                    "not-yet-available",
                    value.top().location(),
                    &format!("`{}` is not yet available", self.qualified(name)),
                    None,
                );
            }
        }
    }

    /// Whether a property is there and not null; and the height of the layer that says so.
    pub(super) fn height(&self, name: &str) -> Option<usize> {
        self.values.get(name).filter(|(_, value)| !value.top().node.is_null()).map(|(height, _)| height)
    }

    /// Where a property stands, else where the mapping stands.
    pub(super) fn location_of(&self, name: &str) -> Location {
        self.values.get(name).map_or_else(|| self.location(), |(_, value)| value.top().location())
    }

    /// A text; placeholders are replaced.
    pub(super) fn string(&self, context: &Context<'_>, name: &'static str) -> Option<Located<String>> {
        let (_, value) = self.take(name)?;
        let top = value.top();
        match top.node.as_str() {
            Some(text) => {
                let location = top.location();
                Some(Located::new(context.expand(text, &location), location))
            }
            None => self.wrong_type(context, name, "a string", &value),
        }
    }

    /// A text that must be there and not be empty.
    pub(super) fn required(&self, context: &Context<'_>, name: &'static str) -> Option<Located<String>> {
        if self.height(name).is_none() {
            self.known.borrow_mut().push(name);
            self.missing(context, name);
            return None;
        }
        let text = self.string(context, name)?;
        if text.value.trim().is_empty() {
            self.missing(context, name);
            return None;
        }
        Some(text)
    }

    /// A text without its place.
    pub(super) fn text(&self, context: &Context<'_>, name: &'static str) -> Option<String> {
        self.string(context, name).map(|text| text.value)
    }

    /// A text of at most so many characters.
    pub(super) fn bounded(
        &self,
        context: &Context<'_>,
        name: &'static str,
        longest: usize,
    ) -> Option<Located<String>> {
        let text = self.string(context, name)?;
        let length = text.value.chars().count();
        if length > longest {
            self.fault(
                context,
                "too-long",
                text.location.clone(),
                &format!("`{}` has {length} characters, at most {longest} are allowed", self.qualified(name)),
                None,
            );
        }
        Some(text)
    }

    /// A switch. The strings `true` and `false` count, because overrides with placeholders can only write strings.
    pub(super) fn boolean(&self, context: &Context<'_>, name: &'static str) -> Option<bool> {
        let (_, value) = self.take(name)?;
        let top = value.top();
        if let Some(flag) = top.node.as_bool() {
            return Some(flag);
        }
        let text = top.node.as_str().map(|text| context.expand(text, &top.location()).to_lowercase());
        match text.as_deref() {
            Some("true") => Some(true),
            Some("false") => Some(false),
            _ => self.wrong_type(context, name, "`true` or `false`", &value),
        }
    }

    /// A whole number within bounds.
    pub(super) fn integer(
        &self,
        context: &Context<'_>,
        name: &'static str,
        bounds: RangeInclusive<u64>,
    ) -> Option<u64> {
        let (_, value) = self.take(name)?;
        let top = value.top();
        let number = top.node.as_u64().or_else(|| {
            let text = top.node.as_str()?;
            context.expand(text, &top.location()).trim().parse().ok()
        });
        match number {
            Some(number) if bounds.contains(&number) => Some(number),
            _ => self.wrong_type(
                context,
                name,
                &format!("a whole number from {} to {}", bounds.start(), bounds.end()),
                &value,
            ),
        }
    }

    /// A number within bounds.
    pub(super) fn number(
        &self,
        context: &Context<'_>,
        name: &'static str,
        bounds: RangeInclusive<f64>,
    ) -> Option<f64> {
        let (_, value) = self.take(name)?;
        match value.top().node.as_f64() {
            Some(number) if bounds.contains(&number) => Some(number),
            _ => self.wrong_type(
                context,
                name,
                &format!("a number from {} to {}", bounds.start(), bounds.end()),
                &value,
            ),
        }
    }

    /// One of the named values, in any case.
    pub(super) fn choice<T: Clone>(
        &self,
        context: &Context<'_>,
        name: &'static str,
        choices: &[(&'static str, T)],
    ) -> Option<Located<T>> {
        let text = self.string(context, name)?;
        if let Some((_, choice)) = choices.iter().find(|(known, _)| known.eq_ignore_ascii_case(&text.value)) {
            return Some(Located::new(choice.clone(), text.location));
        }
        let names = choices.iter().map(|(known, _)| *known);
        let fix = match did_you_mean(&text.value, names.clone()) {
            Some(known) => format!("did you mean `{known}`?"),
            None => {
                format!("one of {}", names.map(|known| format!("`{known}`")).collect::<Vec<_>>().join(", "))
            }
        };
        self.fault(
            context,
            "unknown-value",
            text.location,
            &format!("`{}` has the unknown value `{}`", self.qualified(name), text.value),
            Some(fix),
        );
        None
    }

    /// A list of texts.
    pub(super) fn strings(&self, context: &Context<'_>, name: &'static str) -> Option<Vec<Located<String>>> {
        let items = self.items(context, name)?;
        let texts = items.into_iter().filter_map(|item| {
            let top = item.top();
            let location = top.location();
            match top.node.as_str() {
                Some(text) => Some(Located::new(context.expand(text, &location), location)),
                None => self.wrong_type(context, name, "a list of strings", &item),
            }
        });
        Some(texts.collect())
    }

    /// A list of objects.
    pub(super) fn objects(&self, context: &Context<'_>, name: &'static str) -> Vec<Fields<'a>> {
        let items = self.items(context, name).unwrap_or_default();
        items
            .into_iter()
            .enumerate()
            .filter_map(|(at, item)| {
                Fields::new(context, &self.resource, &format!("{}[{at}]", self.qualified(name)), item)
            })
            .collect()
    }

    /// An object.
    pub(super) fn object(&self, context: &Context<'_>, name: &'static str) -> Option<Fields<'a>> {
        let (_, value) = self.take(name)?;
        Fields::new(context, &self.resource, &self.qualified(name), value)
    }

    /// An object of names and texts.
    pub(super) fn texts(
        &self,
        context: &Context<'_>,
        name: &'static str,
    ) -> BTreeMap<String, Located<String>> {
        let Some(fields) = self.object(context, name) else { return BTreeMap::new() };
        fields
            .entries()
            .filter_map(|(key, value)| {
                let top = value.top();
                let location = top.location();
                match &top.node.value {
                    NodeValue::Null => None,
                    NodeValue::String(text) => {
                        Some((key, Located::new(context.expand(text, &location), location)))
                    }
                    _ => fields.wrong_type(context, &key, "a string", &value),
                }
            })
            .collect()
    }

    /// An object of names and lists of texts, in the order of the file.
    pub(super) fn lists(
        &self,
        context: &Context<'_>,
        name: &'static str,
    ) -> Vec<(String, Vec<Located<String>>)> {
        let Some(fields) = self.object(context, name) else { return Vec::new() };
        fields
            .entries()
            .filter_map(|(key, value)| {
                let texts = match &value.top().node.value {
                    NodeValue::Sequence(items) => items.iter().collect(),
                    _ => vec![value.top().node],
                };
                let texts: Option<Vec<_>> = texts
                    .into_iter()
                    .map(|node| {
                        let location = node.location(value.top().file);
                        node.as_str().map(|text| Located::new(context.expand(text, &location), location))
                    })
                    .collect();
                match texts {
                    Some(texts) => Some((key, texts)),
                    None => fields.wrong_type(context, &key, "a list of strings", &value),
                }
            })
            .collect()
    }

    /// Refuses every property that nobody took.
    pub(super) fn finish(&self, context: &Context<'_>) {
        let known = self.known.borrow();
        if let Some((file, key)) = self.values.repeated_key() {
            self.fault(
                context,
                "duplicate-key",
                key.location(file),
                &format!("`{}` is set twice; names count without regard to case", self.qualified(&key.text)),
                None,
            );
        }
        for (file, key) in self.values.keys() {
            if known.iter().any(|name| name.eq_ignore_ascii_case(&key.text)) {
                continue;
            }
            let fix =
                did_you_mean(&key.text, known.iter().copied()).map(|name| format!("did you mean `{name}`?"));
            self.fault(
                context,
                "unknown-property",
                key.location(file),
                &format!("unknown property `{}`", self.qualified(&key.text)),
                fix,
            );
        }
    }

    /// Adds an error about this resource.
    pub(super) fn fault(
        &self,
        context: &Context<'_>,
        id: &'static str,
        location: Location,
        message: &str,
        fix: Option<String>,
    ) {
        let mut diagnostic = Diagnostic::error(id, location, message).resource(self.resource.as_str());
        diagnostic.fix = fix;
        context.push(diagnostic);
    }

    /// Says that a property must be there, or must not be empty. What is there and of a wrong type is told already.
    pub(super) fn missing(&self, context: &Context<'_>, name: &str) {
        let (id, location, message) = match self.values.get(name).map(|(_, value)| value.top()) {
            Some(top) if top.node.as_str().is_some_and(|text| text.trim().is_empty()) => {
                ("empty-value", top.location(), format!("`{}` must not be empty", self.qualified(name)))
            }
            Some(top) if !top.node.is_null() => return,
            _ => (
                "missing-property",
                self.location(),
                format!("{} has no `{}`", self.resource, self.qualified(name)),
            ),
        };
        self.fault(context, id, location, &message, None);
    }

    /// Every key once, with its merged value.
    fn entries(&self) -> impl Iterator<Item = (String, Layered<'a>)> + '_ {
        let mut seen: Vec<String> = Vec::new();
        self.values.keys().filter_map(move |(_, key)| {
            if seen.iter().any(|known| known.eq_ignore_ascii_case(&key.text)) {
                return None;
            }
            seen.push(key.text.clone());
            self.values.get(&key.text).map(|(_, value)| (key.text.clone(), value))
        })
    }

    fn take(&self, name: &'static str) -> Option<(usize, Layered<'a>)> {
        self.known.borrow_mut().push(name);
        self.values.get(name).filter(|(_, value)| !value.top().node.is_null())
    }

    fn items(&self, context: &Context<'_>, name: &'static str) -> Option<Vec<Layered<'a>>> {
        let (_, value) = self.take(name)?;
        let top = value.top();
        match top.node.as_sequence() {
            Some(items) => Some(items.iter().map(|item| Layered::new(top.file, item)).collect()),
            None => self.wrong_type(context, name, "a list", &value),
        }
    }

    fn wrong_type<T>(
        &self,
        context: &Context<'_>,
        name: &str,
        expected: &str,
        value: &Layered<'_>,
    ) -> Option<T> {
        let top = value.top();
        // Values that may be secret are never shown.
        let secret = matches!(name, "value" | "clientSecret") || self.path.starts_with("credentials");
        let found = match &top.node.value {
            _ if secret => top.node.kind().to_owned(),
            NodeValue::Number(number) => format!("`{number}`"),
            NodeValue::String(text) => format!("`{text}`"),
            _ => top.node.kind().to_owned(),
        };
        self.fault(
            context,
            "wrong-type",
            top.location(),
            &format!("`{}` must be {expected}, not {found}", self.qualified(name)),
            None,
        );
        None
    }

    fn qualified(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}
