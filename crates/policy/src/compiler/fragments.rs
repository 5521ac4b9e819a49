//! Policy fragments: read once, inserted where documents include them.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

use gatehouse_model::resources::{Fragment, Resources};

use super::Findings;
use crate::document::{self, Element};

/// The fragments of one workspace, or of the service.
pub(super) struct Fragments<'c> {
    by_name: BTreeMap<&'c str, ReadFragment<'c>>,
    included: RefCell<BTreeSet<String>>,
}

/// A fragment whose document has been read.
pub(super) struct ReadFragment<'c> {
    pub(super) fragment: &'c Fragment,
    /// `None` where it could not be read; the reason is among the findings.
    pub(super) root: Option<Element>,
}

impl<'c> Fragments<'c> {
    /// Reads all of them.
    pub(super) fn read(resources: &'c Resources, findings: &mut Findings) -> Self {
        let read = |fragment: &'c Fragment, findings: &mut Findings| {
            let root = match document::read(&fragment.policy) {
                Ok(root) if root.name == "fragment" => Some(root),
                Ok(root) => {
                    let message = format!("a fragment has the root `<fragment>`, not `<{}>`", root.name);
                    findings.push(gatehouse_model::Diagnostic::error("wrong-root", root.location, message));
                    None
                }
                Err(diagnostic) => {
                    findings.push(diagnostic.resource(format!("policyFragments/{}", fragment.name)));
                    None
                }
            };
            ReadFragment { fragment, root }
        };
        let by_name = resources
            .fragments
            .iter()
            .map(|(name, fragment)| (name.as_str(), read(fragment, findings)))
            .collect();
        Self { by_name, included: RefCell::default() }
    }

    /// The fragment of a name, which counts as included from now on.
    pub(super) fn include(&self, name: &str) -> Option<&ReadFragment<'c>> {
        let fragment = self.by_name.get(name)?;
        self.included.borrow_mut().insert(name.to_owned());
        Some(fragment)
    }

    /// The names of all.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.by_name.keys().copied()
    }

    /// The documents of those that could be read.
    pub(super) fn roots(&self) -> impl Iterator<Item = &Element> {
        self.by_name.values().filter_map(|read| read.root.as_ref())
    }

    /// Those that no document has included.
    pub(super) fn unused(&self) -> impl Iterator<Item = &ReadFragment<'c>> {
        self.by_name.iter().filter(|(name, _)| !self.included.borrow().contains(**name)).map(|(_, read)| read)
    }
}
