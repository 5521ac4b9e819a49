//! All APIs as a tree of path segments, with their versions and revisions.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use gatehouse_policy::Query;
use http::HeaderMap;
use percent_encoding::percent_decode_str;

use super::operation_tree::Folded;

/// The position of an API in the snapshot.
pub type ApiIndex = u32;

/// All APIs. The longest path wins, as in Azure API Management; what follows it is the operation's path.
#[derive(Debug)]
pub struct ApiTree {
    nodes: Vec<Node>,
}

/// A matched API.
#[derive(Debug, PartialEq, Eq)]
pub struct ApiMatch<'p> {
    /// Which one.
    pub api: ApiIndex,
    /// What of the path is left for the operation, with its slash; `/` at least.
    pub rest: &'p str,
}

/// Where a request says which version it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Versioning {
    /// The API has no version, or is the original one of its set.
    None,
    /// The path segment after the API's path.
    Segment(String),
    /// A query parameter: its name and the version.
    Query(String, String),
    /// A header: its name and the version.
    Header(String, String),
}

/// Two APIs answer the same path, version and revision.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("another API answers the same path, version and revision")]
pub struct DuplicateApi {
    /// The API that was there first.
    pub first: ApiIndex,
}

#[derive(Debug, Default)]
struct Node {
    children: HashMap<Box<str>, usize, RandomState>,
    versions: Vec<Version>,
}

/// One version of the APIs at a path. A version in the path has a node of its own.
#[derive(Debug)]
struct Version {
    selector: Selector,
    current: Option<ApiIndex>,
    revisions: Vec<(Box<str>, ApiIndex)>,
}

#[derive(Debug, PartialEq, Eq)]
enum Selector {
    Always,
    Query(Box<str>, Box<str>),
    Header(Box<str>, Box<str>),
}

impl Default for ApiTree {
    fn default() -> Self {
        Self { nodes: vec![Node::default()] }
    }
}

impl ApiTree {
    /// Adds one revision of one version of an API. A revision that is not current answers `;rev=N` only.
    ///
    /// # Errors
    /// Where another API answers the same path, version and revision already.
    pub fn insert(
        &mut self,
        path: &str,
        versioning: &Versioning,
        revision: &str,
        is_current: bool,
        api: ApiIndex,
    ) -> Result<(), DuplicateApi> {
        let mut at = 0;
        for segment in path.split('/').filter(|segment| !segment.is_empty()) {
            at = self.child(at, segment);
        }
        let selector = match versioning {
            Versioning::None => Selector::Always,
            Versioning::Segment(version) => {
                at = self.child(at, version);
                Selector::Always
            }
            Versioning::Query(name, version) => {
                Selector::Query(name.as_str().into(), version.as_str().into())
            }
            Versioning::Header(name, version) => {
                Selector::Header(name.as_str().into(), version.as_str().into())
            }
        };
        let versions = &mut self.nodes[at].versions;
        let index = match versions.iter().position(|version| version.selector == selector) {
            Some(index) => index,
            None => {
                versions.push(Version { selector, current: None, revisions: Vec::new() });
                versions.len() - 1
            }
        };
        let version = &mut versions[index];
        if is_current {
            if let Some(first) = version.current {
                return Err(DuplicateApi { first });
            }
            version.current = Some(api);
        }
        if let Some((_, first)) = version.revisions.iter().find(|(known, _)| &**known == revision) {
            return Err(DuplicateApi { first: *first });
        }
        version.revisions.push((revision.into(), api));
        // A version that has to be asked for is looked at before the one that answers always.
        versions.sort_by_key(|version| version.selector == Selector::Always);
        Ok(())
    }

    /// Finds the API that a path means.
    pub fn find<'p>(&self, path: &'p str, query: &Query, headers: &HeaderMap) -> Option<ApiMatch<'p>> {
        let mut at = 0;
        let mut best = self.resolve(at, None, path, query, headers);
        let mut position = 0;
        while let Some(tail) = path.get(position + 1..) {
            let end = tail.find('/').map_or(path.len(), |offset| position + 1 + offset);
            let (segment, revision) = split_revision(&path[position + 1..end]);
            if segment.is_empty() && revision.is_some() {
                // `/;rev=2/…`: a revision of the API at the root.
                return self.resolve(at, revision, &path[end..], query, headers);
            }
            let decoded = percent_decode_str(segment).decode_utf8_lossy();
            let Some(next) = self.nodes[at].children.get(Folded::new(&decoded).as_str()) else { break };
            at = *next;
            if revision.is_some() {
                return self.resolve(at, revision, &path[end..], query, headers);
            }
            if let Some(found) = self.resolve(at, None, &path[end..], query, headers) {
                best = Some(found);
            }
            position = end;
            if position >= path.len() {
                break;
            }
        }
        best
    }

    fn child(&mut self, at: usize, segment: &str) -> usize {
        let folded = segment.to_ascii_lowercase();
        if let Some(next) = self.nodes[at].children.get(folded.as_str()) {
            return *next;
        }
        self.nodes.push(Node::default());
        let next = self.nodes.len() - 1;
        self.nodes[at].children.insert(folded.into(), next);
        next
    }

    fn resolve<'p>(
        &self,
        at: usize,
        revision: Option<&str>,
        rest: &'p str,
        query: &Query,
        headers: &HeaderMap,
    ) -> Option<ApiMatch<'p>> {
        let version =
            self.nodes[at].versions.iter().find(|version| version.selector.accepts(query, headers))?;
        let api = match revision {
            None => version.current?,
            Some(wanted) => {
                version.revisions.iter().find(|(known, _)| &**known == wanted).map(|(_, api)| *api)?
            }
        };
        Some(ApiMatch { api, rest: if rest.is_empty() { "/" } else { rest } })
    }
}

impl Selector {
    /// A version that is said twice and differently is no version: the backend might take the other one.
    fn accepts(&self, query: &Query, headers: &HeaderMap) -> bool {
        match self {
            Self::Always => true,
            Self::Query(name, version) => {
                let mut values = query.values(name).peekable();
                values.peek().is_some() && values.all(|value| value.eq_ignore_ascii_case(version))
            }
            Self::Header(name, version) => {
                let mut values = headers.get_all(&**name).iter().peekable();
                values.peek().is_some()
                    && values.all(|value| value.as_bytes().eq_ignore_ascii_case(version.as_bytes()))
            }
        }
    }
}

/// Takes `;rev=N` off the end of a segment.
fn split_revision(segment: &str) -> (&str, Option<&str>) {
    match segment.rsplit_once(';') {
        Some((head, parameter)) => match parameter.split_once('=') {
            Some((name, revision)) if name.eq_ignore_ascii_case("rev") => (head, Some(revision)),
            _ => (segment, None),
        },
        None => (segment, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn find<'p>(tree: &ApiTree, url: &'p str, version_header: Option<&str>) -> Option<(u32, &'p str)> {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let mut headers = HeaderMap::new();
        if let Some(version) = version_header {
            headers.insert("api-version", HeaderValue::from_str(version).unwrap());
        }
        tree.find(path, &Query::new(query), &headers).map(|found| (found.api, found.rest))
    }

    #[test]
    fn the_longest_path_wins() {
        let mut tree = ApiTree::default();
        tree.insert("", &Versioning::None, "1", true, 0).unwrap();
        tree.insert("shop", &Versioning::None, "1", true, 1).unwrap();
        tree.insert("shop/orders", &Versioning::None, "1", true, 2).unwrap();
        assert_eq!(find(&tree, "/other/x", None), Some((0, "/other/x")));
        assert_eq!(find(&tree, "/", None), Some((0, "/")));
        assert_eq!(find(&tree, "/shop", None), Some((1, "/")));
        assert_eq!(find(&tree, "/Shop/x/y", None), Some((1, "/x/y")));
        assert_eq!(find(&tree, "/shop/orders/7", None), Some((2, "/7")));
        assert_eq!(find(&tree, "/shopping", None), Some((0, "/shopping")));
    }

    #[test]
    fn versions_are_chosen_by_segment_query_and_header() {
        let mut tree = ApiTree::default();
        tree.insert("a", &Versioning::None, "1", true, 0).unwrap();
        tree.insert("a", &Versioning::Segment("v1".into()), "1", true, 1).unwrap();
        tree.insert("a", &Versioning::Query("api-version".into(), "2".into()), "1", true, 2).unwrap();
        tree.insert("b", &Versioning::Header("Api-Version".into(), "3".into()), "1", true, 3).unwrap();
        assert_eq!(find(&tree, "/a/x", None), Some((0, "/x")));
        assert_eq!(find(&tree, "/a/v1/x", None), Some((1, "/x")));
        assert_eq!(find(&tree, "/a/x?api-version=2", None), Some((2, "/x")));
        assert_eq!(find(&tree, "/a/x?api-version=9", None), Some((0, "/x")));
        assert_eq!(find(&tree, "/a/x?api-version=2&API-Version=1", None), Some((0, "/x")));
        assert_eq!(find(&tree, "/b/x", Some("3")), Some((3, "/x")));
        assert_eq!(find(&tree, "/b/x", None), None);
    }

    #[test]
    fn revisions_are_asked_for_behind_the_apis_path() {
        let mut tree = ApiTree::default();
        tree.insert("c", &Versioning::Segment("v1".into()), "1", true, 0).unwrap();
        tree.insert("c", &Versioning::Segment("v1".into()), "2", false, 1).unwrap();
        assert_eq!(find(&tree, "/c/v1/x", None), Some((0, "/x")));
        assert_eq!(find(&tree, "/c/v1;rev=2/x", None), Some((1, "/x")));
        assert_eq!(find(&tree, "/c/v1;rev=1/x", None), Some((0, "/x")));
        assert_eq!(find(&tree, "/c/v1;rev=9/x", None), None);
        assert_eq!(find(&tree, "/c/v1/x;rev=2", None), Some((0, "/x;rev=2")));
        assert_eq!(
            tree.insert("C", &Versioning::Segment("V1".into()), "2", false, 7),
            Err(DuplicateApi { first: 1 })
        );
    }
}
