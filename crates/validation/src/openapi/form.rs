//! `application/x-www-form-urlencoded` bodies as JSON.

use super::media::{Encoding, Media, PropertyEncoding};
use super::query::decode;
use super::style::Style;
use super::text::{Tree, brackets};
use crate::schema::Shape;

/// How many fields a form may have.
const MAX_FIELDS: usize = 10_000;

/// The fields of a form as one JSON object, values after the outline of the schema. The error says what cannot be read.
pub(super) fn to_json(
    body: &str,
    shape: &Shape,
    encodings: &[(Box<str>, PropertyEncoding)],
) -> Result<String, String> {
    let mut tree = Fields::default();
    for (number, field) in body.split('&').filter(|field| !field.is_empty()).enumerate() {
        if number >= MAX_FIELDS {
            return Err(format!("the form has more than {MAX_FIELDS} fields"));
        }
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        let name = decode(name, true).ok_or("a name of the form is not UTF-8")?;
        let encoding = encodings.iter().find(|(known, _)| **known == *name).map(|(_, encoding)| encoding);
        tree.field(&name, value, shape, encoding)?;
    }
    let mut json = String::with_capacity(body.len() + body.len() / 4);
    tree.into_tree().push(&mut json, Some(shape));
    Ok(json)
}

#[derive(Default)]
struct Fields {
    members: Vec<(String, Tree)>,
    by_name: std::collections::HashMap<String, usize>,
}

impl Fields {
    fn into_tree(self) -> Tree {
        Tree::Object(self.members)
    }

    fn field(
        &mut self,
        name: &str,
        value: &str,
        shape: &Shape,
        encoding: Option<&PropertyEncoding>,
    ) -> Result<(), String> {
        let decoded = |text: &str| {
            decode(text, true)
                .map(std::borrow::Cow::into_owned)
                .ok_or_else(|| format!("the value of '{}' is not UTF-8", short(name)))
        };
        let own = shape.property(name);
        if let Some((base, path)) =
            brackets(name).filter(|_| shape.properties.iter().all(|(known, _)| **known != *name))
        {
            let inner = shape.property(base);
            let value = decoded(value)?;
            let at = self.slot(base, || Tree::empty(&path, inner));
            return match self.members.get_mut(at) {
                Some((_, tree)) => {
                    tree.insert(&path, value, inner).map_err(|why| format!("'{}': {why}", short(name)))
                }
                None => Ok(()),
            };
        }
        if own.is_some_and(Shape::is_array) {
            let style = encoding.and_then(|encoding| encoding.style).unwrap_or(Style::Form);
            let explode = encoding.and_then(|encoding| encoding.explode).unwrap_or(style == Style::Form);
            let parts = if explode { vec![value] } else { style.split(value) };
            let at = self.slot(name, || Tree::Array(Vec::new()));
            for part in parts {
                let text = decoded(part)?;
                if let Some((_, Tree::Array(items))) = self.members.get_mut(at) {
                    items.push(Tree::Text(text));
                }
            }
            return Ok(());
        }
        if self.by_name.contains_key(name) {
            return Err(format!("the field '{}' is there twice", short(name)));
        }
        let text = decoded(value)?;
        let is_json = own.is_some_and(Shape::is_object)
            || encoding.is_some_and(|encoding| {
                encoding.content_types.iter().any(|range| range.encoding() == Encoding::Json)
            });
        let tree = if is_json && crate::json::Document::parse(text.as_bytes()).is_ok() {
            Tree::Json(text)
        } else {
            Tree::Text(text)
        };
        self.slot(name, || tree);
        Ok(())
    }

    fn slot(&mut self, name: &str, make: impl FnOnce() -> Tree) -> usize {
        if let Some(at) = self.by_name.get(name) {
            return *at;
        }
        let at = self.members.len();
        self.members.push((name.to_owned(), make()));
        self.by_name.insert(name.to_owned(), at);
        at
    }
}

/// A form of a media type as JSON.
pub(super) fn of_media(body: &[u8], media: &Media) -> Result<String, String> {
    let text = std::str::from_utf8(body).map_err(|_| "the form is not UTF-8".to_owned())?;
    let default = Shape::default();
    to_json(text, media.shape.as_ref().unwrap_or(&default), &media.encodings)
}

fn short(name: &str) -> String {
    name.chars().take(64).collect()
}
