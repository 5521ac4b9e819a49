//! The operations of one API as a tree of path segments.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::RandomState;
use gatehouse_policy::Query;
use percent_encoding::percent_decode_str;
use smallvec::SmallVec;

use super::template::{Part, QueryValue, Segment, UrlTemplate, match_compound};

/// The position of an operation in its API.
pub(crate) type OperationIndex = u32;

/// The operations of one API.
///
/// A literal segment wins over a compound one, that over a parameter, that over the rest of the path; where a
/// choice leads nowhere the next one is tried. Of operations with the same path the one whose query parameters are all
/// there and are the most wins. The method is looked at last: no match is 404 whatever the method, as in Azure API
/// Management.
#[derive(Debug, Default)]
pub struct OperationTree {
    nodes: Vec<Node>,
}

/// A matched operation.
#[derive(Debug, PartialEq, Eq)]
pub struct OperationMatch {
    /// Which one.
    pub operation: OperationIndex,
    /// The values of the template's parameters, percent-decoded.
    pub parameters: SmallVec<[(Arc<str>, String); 4]>,
}

#[derive(Debug, Default)]
struct Node {
    literals: HashMap<Box<str>, usize, RandomState>,
    compounds: Vec<(Vec<Part>, usize)>,
    parameter: Option<usize>,
    rest: Vec<Leaf>,
    leaves: Vec<Leaf>,
}

/// An operation at the end of its path. Two templates may share a path and name its parameters differently.
#[derive(Debug)]
struct Leaf {
    method: Box<str>,
    operation: OperationIndex,
    template: UrlTemplate,
}

impl OperationTree {
    /// An API without operations.
    pub fn new() -> Self {
        Self { nodes: vec![Node::default()] }
    }

    /// Adds an operation; `method` in upper case, or `*`.
    pub fn insert(&mut self, method: &str, template: UrlTemplate, operation: OperationIndex) {
        if self.nodes.is_empty() {
            self.nodes.push(Node::default());
        }
        let mut at = 0;
        let mut to_rest = false;
        for segment in &template.segments {
            at = match segment {
                Segment::Literal(text) => match self.nodes[at].literals.get(text.as_str()) {
                    Some(next) => *next,
                    None => {
                        let next = self.add_node();
                        self.nodes[at].literals.insert(text.as_str().into(), next);
                        next
                    }
                },
                Segment::Parameter(_) => match self.nodes[at].parameter {
                    Some(next) => next,
                    None => {
                        let next = self.add_node();
                        self.nodes[at].parameter = Some(next);
                        next
                    }
                },
                Segment::Compound(parts) => {
                    match self.nodes[at].compounds.iter().find(|(known, _)| known == parts) {
                        Some((_, next)) => *next,
                        None => {
                            let next = self.add_node();
                            self.nodes[at].compounds.push((parts.clone(), next));
                            next
                        }
                    }
                }
                Segment::Rest(_) => {
                    to_rest = true;
                    break;
                }
            };
        }
        let leaf = Leaf { method: method.into(), operation, template };
        let node = &mut self.nodes[at];
        let leaves = if to_rest { &mut node.rest } else { &mut node.leaves };
        leaves.push(leaf);
        leaves.sort_by_key(|leaf| (std::cmp::Reverse(leaf.template.query.len()), &*leaf.method == "*"));
    }

    /// Finds the operation for a path below the API's path.
    pub fn find(&self, method: &str, path: &str, query: &Query) -> Option<OperationMatch> {
        let trimmed = path.strip_prefix('/').unwrap_or(path);
        let trimmed = trimmed.strip_suffix('/').unwrap_or(trimmed);
        let segments: SmallVec<[&str; 16]> =
            if trimmed.is_empty() { SmallVec::new() } else { trimmed.split('/').collect() };
        let leaf = self.descend(0, &segments, method, query)?;
        Some(OperationMatch { operation: leaf.operation, parameters: leaf.parameters(&segments, query) })
    }

    fn add_node(&mut self) -> usize {
        self.nodes.push(Node::default());
        self.nodes.len() - 1
    }

    /// Depth is bounded by the deepest template, since every call goes one node down.
    fn descend(&self, at: usize, segments: &[&str], method: &str, query: &Query) -> Option<&Leaf> {
        let node = self.nodes.get(at)?;
        let Some((segment, below)) = segments.split_first() else {
            return choose(&node.leaves, method, query).or_else(|| choose(&node.rest, method, query));
        };
        if !node.literals.is_empty() || !node.compounds.is_empty() {
            let decoded = percent_decode_str(segment).decode_utf8_lossy();
            let folded = Folded::new(&decoded);
            if let Some(leaf) =
                node.literals.get(folded.as_str()).and_then(|next| self.descend(*next, below, method, query))
            {
                return Some(leaf);
            }
            for (parts, next) in &node.compounds {
                if match_compound(parts, &decoded, |_, _| {})
                    && let Some(leaf) = self.descend(*next, below, method, query)
                {
                    return Some(leaf);
                }
            }
        }
        if !segment.is_empty()
            && let Some(leaf) = node.parameter.and_then(|next| self.descend(next, below, method, query))
        {
            return Some(leaf);
        }
        choose(&node.rest, method, query)
    }
}

fn choose<'l>(leaves: &'l [Leaf], method: &str, query: &Query) -> Option<&'l Leaf> {
    leaves.iter().find(|leaf| (&*leaf.method == method || &*leaf.method == "*") && leaf.query_matches(query))
}

impl Leaf {
    fn query_matches(&self, query: &Query) -> bool {
        self.template.query.iter().all(|wanted| match &wanted.value {
            QueryValue::Parameter(_) => query.first(&wanted.name).is_some(),
            QueryValue::Literal(text) => {
                let mut values = query.values(&wanted.name).peekable();
                values.peek().is_some() && values.all(|value| value == text.as_str())
            }
        })
    }

    fn parameters(&self, segments: &[&str], query: &Query) -> SmallVec<[(Arc<str>, String); 4]> {
        let mut parameters = SmallVec::new();
        for (index, segment) in self.template.segments.iter().enumerate() {
            let raw = segments.get(index).copied().unwrap_or_default();
            match segment {
                Segment::Literal(_) | Segment::Rest(None) => {}
                Segment::Parameter(name) => parameters.push((name.clone(), decode(raw))),
                Segment::Compound(parts) => {
                    let decoded = decode(raw);
                    match_compound(parts, &decoded, |name, value| {
                        parameters.push((name.clone(), value.to_owned()));
                    });
                }
                Segment::Rest(Some(name)) => {
                    let rest = segments.get(index..).unwrap_or_default().join("/");
                    parameters.push((name.clone(), decode(&rest)));
                }
            }
        }
        for wanted in &self.template.query {
            if let QueryValue::Parameter(name) = &wanted.value {
                let value = query.first(&wanted.name).unwrap_or_default().into_owned();
                parameters.push((name.clone(), value));
            }
        }
        parameters
    }
}

fn decode(raw: &str) -> String {
    percent_decode_str(raw).decode_utf8_lossy().into_owned()
}

/// A segment in lower case, on the stack where it is short.
pub(super) struct Folded(SmallVec<[u8; 64]>);

impl Folded {
    pub(super) fn new(text: &str) -> Self {
        Self(text.bytes().map(|byte| byte.to_ascii_lowercase()).collect())
    }

    pub(super) fn as_str(&self) -> &str {
        // Lower-casing ASCII keeps UTF-8 valid, so the default is never taken.
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(operations: &[(&str, &str)]) -> OperationTree {
        let mut tree = OperationTree::new();
        for (index, (method, template)) in operations.iter().enumerate() {
            tree.insert(method, UrlTemplate::parse(template).unwrap(), index as u32);
        }
        tree
    }

    fn find(tree: &OperationTree, method: &str, url: &str) -> Option<(u32, Vec<String>)> {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let found = tree.find(method, path, &Query::new(query))?;
        Some((
            found.operation,
            found.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect(),
        ))
    }

    #[test]
    fn literals_win_over_parameters_and_those_over_the_rest() {
        let tree = tree(&[
            ("GET", "/{*rest}"),
            ("GET", "/orders/{id}"),
            ("GET", "/orders/latest"),
            ("GET", "/orders/{id}.json"),
            ("GET", "/orders/{order}/lines"),
        ]);
        assert_eq!(find(&tree, "GET", "/orders/latest"), Some((2, vec![])));
        assert_eq!(find(&tree, "GET", "/Orders/LATEST/"), Some((2, vec![])));
        assert_eq!(find(&tree, "GET", "/orders/7"), Some((1, vec!["id=7".into()])));
        assert_eq!(find(&tree, "GET", "/orders/7.json"), Some((3, vec!["id=7".into()])));
        assert_eq!(find(&tree, "GET", "/orders/7/lines"), Some((4, vec!["order=7".into()])));
        assert_eq!(find(&tree, "GET", "/orders/7/other"), Some((0, vec!["rest=orders/7/other".into()])));
        assert_eq!(find(&tree, "GET", "/"), Some((0, vec!["rest=".into()])));
    }

    #[test]
    fn a_choice_that_leads_nowhere_is_taken_back() {
        let tree = tree(&[("GET", "/a/b/c"), ("GET", "/{x}/b/d")]);
        assert_eq!(find(&tree, "GET", "/a/b/d"), Some((1, vec!["x=a".into()])));
    }

    #[test]
    fn another_method_is_no_match() {
        let tree = tree(&[("GET", "/a"), ("*", "/b"), ("POST", "/b")]);
        assert_eq!(find(&tree, "POST", "/a"), None);
        assert_eq!(find(&tree, "HEAD", "/a"), None);
        assert_eq!(find(&tree, "PUT", "/b"), Some((1, vec![])));
        assert_eq!(find(&tree, "POST", "/b"), Some((2, vec![])));
    }

    #[test]
    fn required_query_parameters_choose_between_operations() {
        let tree =
            tree(&[("GET", "/find"), ("GET", "/find?date={date}"), ("GET", "/find?kind=full&date={d}")]);
        assert_eq!(find(&tree, "GET", "/find"), Some((0, vec![])));
        assert_eq!(find(&tree, "GET", "/find?x=1&Date=2%2F3"), Some((1, vec!["date=2/3".into()])));
        assert_eq!(find(&tree, "GET", "/find?kind=full&date=1"), Some((2, vec!["d=1".into()])));
    }

    #[test]
    fn parameters_are_decoded_and_never_empty() {
        let tree = tree(&[("GET", "/u/{name}/x")]);
        assert_eq!(find(&tree, "GET", "/u/a%20b%2Fc/x"), Some((0, vec!["name=a b/c".into()])));
        assert_eq!(find(&tree, "GET", "/u//x"), None);
    }
}
