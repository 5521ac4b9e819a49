//! Links between resources: folders named after the other end, or lists of names in association files.

use super::document::read_json;
use super::layout::{Kind, Role};
use super::resource::Resource;
use crate::{Diagnostic, Located};

/// The names that a resource is linked to, from link folders and from the association file, each once.
pub(super) fn read(parent: &Resource<'_>, kind: &'static Kind) -> Vec<Located<String>> {
    let mut names = association(parent, kind);
    for link in parent.children(kind) {
        let property = match kind.collection {
            "apis" => "apiId",
            "groups" => "groupId",
            "products" => "productId",
            _ => "tagId",
        };
        let linked = link.read(|fields| {
            fields.ignore(&["displayName"]);
            Some(fields.string(link.context, property))
        });
        let Some(linked) = linked else { continue };
        names.push(match linked {
            Some(id) => {
                let name = id.value.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned();
                Located::new(name, id.location)
            }
            None => Located::new(link.entry.name.clone(), link.location()),
        });
    }
    let mut seen: Vec<String> = Vec::with_capacity(names.len());
    names.retain(|name| {
        let folded = name.value.to_lowercase();
        let new = !seen.contains(&folded);
        seen.push(folded);
        new
    });
    names
}

/// The names in `apis.json`, `groups.json`, `tags.json` or `products.json`: a list of `{"name": …}`.
fn association(parent: &Resource<'_>, kind: &Kind) -> Vec<Located<String>> {
    let Some(file) = parent.entry.file(Role::Associations(kind.collection)) else { return Vec::new() };
    let document = match read_json(file) {
        Ok(document) => document,
        Err(diagnostic) => {
            parent.context.push(diagnostic.resource(parent.id.as_str()));
            return Vec::new();
        }
    };
    let wrong = |location| {
        parent.context.push(
            Diagnostic::error(
                "wrong-type",
                location,
                format!("`{}.json` must be a list of names", kind.collection),
            )
            .resource(parent.id.as_str())
            .fix("write `[{ \"name\": \"…\" }]`"),
        );
    };
    let Some(items) = document.as_sequence() else {
        wrong(document.location(file));
        return Vec::new();
    };
    let names = items.iter().filter_map(|item| {
        let name = match item.as_mapping() {
            Some([(key, value)]) if key.text == "name" => value,
            _ => item,
        };
        match name.as_str() {
            Some(text) if !text.is_empty() => Some(Located::new(text.to_owned(), name.location(file))),
            _ => {
                wrong(item.location(file));
                None
            }
        }
    });
    names.collect()
}
