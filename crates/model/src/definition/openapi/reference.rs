//! References: what a `$ref` says, and where it leads.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use percent_encoding::percent_decode_str;

use super::document::{At, Document, Documents};
use crate::tree::{Node, NodeValue};
use crate::{Diagnostic, Diagnostics, Location, did_you_mean};

/// How many references may follow one another until a value is reached.
const MAX_HOPS: usize = 32;

/// A `$ref`, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reference {
    /// The file, relative to the one that holds the reference; empty for that file itself.
    pub(crate) path: String,
    /// A JSON pointer, the name of an anchor, or nothing for the whole file.
    pub(crate) fragment: String,
}

impl Reference {
    /// Takes a reference apart; the error says why it can never be followed.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (path, fragment) = text.split_once('#').unwrap_or((text, ""));
        let decode = |part: &str| {
            percent_decode_str(part)
                .decode_utf8()
                .map(std::borrow::Cow::into_owned)
                .map_err(|_| format!("`{text}` is not UTF-8 once its escapes are decoded"))
        };
        let path = decode(path)?;
        if has_scheme(&path) || path.starts_with("//") {
            return Err(format!("`{text}` leads to another machine or service; only files are read"));
        }
        if path.starts_with(['/', '\\']) {
            return Err(format!("`{text}` names an absolute path; write it relative to this file"));
        }
        if path.contains('\0') {
            return Err(format!("`{}` holds a NUL", text.escape_debug()));
        }
        Ok(Self { path, fragment: decode(fragment)? })
    }
}

fn has_scheme(path: &str) -> bool {
    path.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.chars().all(|other| other.is_ascii_alphanumeric() || matches!(other, '+' | '-' | '.'))
    })
}

/// Where every reference of a definition leads.
#[derive(Debug)]
pub(crate) struct References<'a> {
    documents: &'a Documents,
    targets: HashMap<(usize, &'a str), Option<At<'a>>>,
}

impl<'a> References<'a> {
    /// Looks all of them up, and reports each that leads nowhere at the first place that uses it.
    pub(crate) fn resolve(documents: &'a Documents, diagnostics: &mut Diagnostics) -> Self {
        let mut found = Self { documents, targets: HashMap::new() };
        let mut places: Vec<(At<'a>, &'a str, Location)> = Vec::new();
        for document in documents.iter() {
            for (text, location) in document.references() {
                if let Entry::Vacant(entry) = found.targets.entry((document.index, text)) {
                    let target = look_up(documents, document, text, &location);
                    entry.insert(target.as_ref().ok().copied());
                    match target {
                        Ok(at) => places.push((at, text, location)),
                        Err(Some(error)) => diagnostics.push(*error),
                        Err(None) => {}
                    }
                }
            }
        }
        for (target, text, location) in places {
            if found.chain(target).is_none() && !found.breaks_off(target) {
                diagnostics.error(
                    "circular-reference",
                    location,
                    format!("`{text}` leads back to itself and never to a value"),
                );
            }
        }
        found
    }

    /// The node itself, or the value that its `$ref` leads to in the end; `None` where it leads nowhere, which has been
    /// reported.
    pub(crate) fn follow(&self, at: At<'a>) -> Option<At<'a>> {
        self.chain(at)
    }

    /// Where the reference of a node leads, without following what stands there; `None` if it has none or it leads
    /// nowhere.
    pub(crate) fn target(&self, at: At<'a>) -> Option<At<'a>> {
        let text = at.node.get("$ref")?.as_str()?;
        if let Some(target) = self.targets.get(&(at.document.index, text)) {
            return *target;
        }
        look_up(self.documents, at.document, text, &at.location()).ok()
    }

    fn chain(&self, mut at: At<'a>) -> Option<At<'a>> {
        for _ in 0..MAX_HOPS {
            match at.node.get("$ref").and_then(Node::as_str) {
                Some(_) => at = self.target(at)?,
                None => return Some(at),
            }
        }
        None
    }

    /// Whether a chain ends at a reference that leads nowhere, as against one that never ends.
    fn breaks_off(&self, mut at: At<'a>) -> bool {
        for _ in 0..MAX_HOPS {
            match self.target(at) {
                Some(next) => at = next,
                None => return true,
            }
        }
        false
    }
}

/// `Err(None)`: the file could not be read, which has been reported.
fn look_up<'a>(
    documents: &'a Documents,
    from: &'a Document,
    text: &str,
    location: &Location,
) -> Result<At<'a>, Option<Box<Diagnostic>>> {
    let fail = |id, message: String| Box::new(Diagnostic::error(id, location.clone(), message));
    let reference = match Reference::parse(text) {
        Ok(reference) => reference,
        Err(message) => {
            // A schema may give itself an absolute name, and others may use it.
            if let Some(node) = text.split('#').next().and_then(|id| find(&from.root, "$id", id)) {
                let pointer = text.split_once('#').map_or("", |(_, pointer)| pointer);
                if let Some(node) = node.pointer(pointer) {
                    return Ok(At { document: from, node });
                }
            }
            return Err(Some(Box::new(
                Diagnostic::error("forbidden-reference", location.clone(), message)
                    .fix("copy what it names into this definition and refer to it there"),
            )));
        }
    };
    let document = documents.named(from, &reference.path).ok_or(None)?;
    let fragment = reference.fragment.as_str();
    let node = if fragment.is_empty() || fragment.starts_with('/') {
        pointed(&document.root, fragment).map_err(|problem| {
            let mut error =
                fail("dangling-reference", format!("`{text}` leads nowhere: {}", problem.message));
            if let Some(known) = problem.meant {
                error.fix = Some(format!("did you mean `{known}`?"));
            }
            error
        })?
    } else {
        find(&document.root, "$anchor", fragment)
            .or_else(|| find(&document.root, "$dynamicAnchor", fragment))
            .ok_or_else(|| {
                let mut error = fail(
                    "dangling-reference",
                    format!("`{text}` leads nowhere: no schema has this `$anchor`"),
                );
                error.fix = Some(format!("a JSON pointer begins with a slash: `#/{fragment}`"));
                error
            })?
    };
    Ok(At { document, node })
}

struct Problem {
    message: String,
    meant: Option<String>,
}

/// Follows a JSON pointer as far as it leads.
fn pointed<'a>(root: &'a Node, pointer: &str) -> Result<&'a Node, Problem> {
    if let Some(node) = root.pointer(pointer) {
        return Ok(node);
    }
    let mut node = root;
    let mut walked = String::from("#");
    for token in pointer.split('/').skip(1) {
        let part = format!("/{token}");
        if let Some(next) = node.pointer(&part) {
            node = next;
            walked.push_str(&part);
            continue;
        }
        let place = if walked == "#" { "the document".to_owned() } else { format!("`{walked}`") };
        let name = token.replace("~1", "/").replace("~0", "~");
        return Err(match &node.value {
            NodeValue::Mapping(entries) => {
                let known = did_you_mean(&name, entries.iter().map(|(key, _)| key.text.as_str()));
                let rest = pointer.split('/').skip(1 + walked.matches('/').count() + 1);
                Problem {
                    message: format!("{place} has no `{name}`"),
                    meant: known.map(|known| {
                        let known = known.replace('~', "~0").replace('/', "~1");
                        rest.fold(format!("{walked}/{known}"), |all, token| all + "/" + token)
                    }),
                }
            }
            NodeValue::Sequence(items) => Problem {
                message: format!("{place} is a list of {} and has no item `{name}`", items.len()),
                meant: None,
            },
            _ => Problem { message: format!("{place} is {}", node.kind()), meant: None },
        });
    }
    Ok(node)
}

/// The mapping, in the order of the file, in which a key has this text.
fn find<'a>(node: &'a Node, key: &str, text: &str) -> Option<&'a Node> {
    match &node.value {
        NodeValue::Sequence(items) => items.iter().find_map(|item| find(item, key, text)),
        NodeValue::Mapping(entries) => {
            if node.get(key).and_then(Node::as_str) == Some(text) {
                return Some(node);
            }
            entries.iter().find_map(|(_, value)| find(value, key, text))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_are_taken_apart_and_decoded() {
        let reference = Reference::parse("../common/Error%20s.json#/a%7Eb").unwrap();
        assert_eq!(
            (reference.path.as_str(), reference.fragment.as_str()),
            ("../common/Error s.json", "/a~b")
        );
        assert_eq!(
            Reference::parse("#").unwrap(),
            Reference { path: String::new(), fragment: String::new() }
        );
        assert_eq!(Reference::parse("Pet.json").unwrap().path, "Pet.json");
    }

    #[test]
    fn only_relative_files_can_be_followed() {
        for text in [
            "https://example.com/a.json#/b",
            "file:///etc/passwd",
            "//host/a.yaml",
            "/etc/a.yaml",
            "C:\\a.yaml",
        ] {
            assert!(Reference::parse(text).is_err(), "{text}");
        }
        assert!(Reference::parse("a%00.yaml").is_err());
    }
}
