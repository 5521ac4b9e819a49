//! Where the elements stand that instance paths name, such as `/Q{urn:o}order[1]/Q{urn:o}sku[2]`.

use roxmltree::Document;

use crate::json::Place;

/// The tree of a body in which places are looked up.
pub(super) fn tree(body: &[u8]) -> Option<Document<'_>> {
    Document::parse(std::str::from_utf8(body).ok()?).ok()
}

/// The place of the last element of a path that is found.
pub(super) fn of(document: &Document<'_>, path: &str) -> Place {
    let mut node = document.root();
    for (namespace, name, position) in steps(path) {
        let same = node.children().filter(|child| {
            child.is_element()
                && child.tag_name().name() == name
                && child.tag_name().namespace().unwrap_or_default() == namespace
        });
        match same.into_iter().nth(position.saturating_sub(1)) {
            Some(child) => node = child,
            None => break,
        }
    }
    let at = document.text_pos_at(node.range().start);
    Place { line: at.row as usize, position: at.col as usize }
}

/// Namespace, local name and position of each step; an attribute ends them.
fn steps(path: &str) -> impl Iterator<Item = (&str, &str, usize)> {
    let mut rest = path;
    std::iter::from_fn(move || {
        let step = rest.strip_prefix("/Q{")?;
        let (namespace, after) = step.split_once('}')?;
        let (name, after) = after.split_once('[')?;
        let (position, after) = after.split_once(']')?;
        rest = after;
        Some((namespace, name, position.parse().ok()?))
    })
}
