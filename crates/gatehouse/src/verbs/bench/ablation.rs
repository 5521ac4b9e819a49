//! What can be taken out: the policies around the requests, by their places in the documents.

mod limits;

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Result, bail};
use gatehouse_model::resources::{Catalog, PolicySource, Resources};
use gatehouse_model::{Diagnostics, did_you_mean};
use gatehouse_policy::document::{self, Element};

use super::experiment::Edit;
use super::traffic::{Access, Route};

pub(super) use self::limits::raised;

/// The most policies that one run takes out.
const MAX_POLICIES: usize = 200;
/// What is no policy that could be taken out: it stands for others, or the route would be another one without it.
const STAYS: [&str; 2] = ["base", "forward-request"];
/// What holds policies, directly or in its branches.
const CONTAINERS: [&str; 7] =
    ["choose", "when", "otherwise", "retry", "wait", "limit-concurrency", "fragment"];
/// What can be taken out beside policies.
pub(super) const PARTS: [&str; 3] = ["waf", "tls", "logging"];

/// A policy that can be taken out.
#[derive(Clone, Debug)]
pub(super) struct Policy {
    /// Its name.
    pub(super) name: String,
    /// The section that it stands in; empty in a fragment.
    pub(super) section: String,
    /// Whose document it stands in: `service`, `products/starter`, `apis/orders` …
    pub(super) scope: String,
    pub(super) file: PathBuf,
    pub(super) line: u32,
    pub(super) column: u32,
    /// How it is taken out.
    pub(super) edits: Vec<Edit>,
}

/// The documents around routes.
pub(super) struct Documents<'c> {
    /// Whose each is.
    all: Vec<(String, &'c PolicySource)>,
}

impl<'c> Documents<'c> {
    /// The documents that run for some of the routes, each once, the widest scope first.
    pub(super) fn around(catalog: &'c Catalog, routes: &BTreeSet<Route>) -> Result<Self, Diagnostics> {
        let mut documents = Self { all: Vec::new() };
        let mut fragments: Vec<(&'c Resources, &'c PolicySource)> = Vec::new();
        documents.add("service".to_owned(), catalog.service.policy.as_ref());
        for route in routes {
            let (prefix, resources) = match &route.workspace {
                None => (String::new(), &catalog.service),
                Some(workspace) => {
                    let Some(resources) = catalog.workspaces.get(workspace) else { continue };
                    documents.add(format!("workspaces/{workspace}"), resources.policy.as_ref());
                    (format!("workspaces/{workspace}/"), resources)
                }
            };
            let Some(api) = resources.apis.get(&route.api) else { continue };
            let product = Access::of(route.workspace.as_deref(), resources, api).product;
            let product = product.and_then(|name| resources.products.get(&name));
            if let Some(product) = product {
                documents.add(format!("{prefix}products/{}", product.name), product.policy.as_ref());
            }
            documents.add(format!("{prefix}apis/{}", api.name), api.policy.as_ref());
            let operation = api.operations.get(&route.operation);
            if let Some(operation) = operation {
                let scope = format!("{prefix}apis/{}/operations/{}", api.name, operation.name);
                documents.add(scope, operation.policy.as_ref());
            }
            let own = [
                catalog.service.policy.as_ref(),
                resources.policy.as_ref(),
                product.and_then(|product| product.policy.as_ref()),
                api.policy.as_ref(),
                operation.and_then(|operation| operation.policy.as_ref()),
            ];
            fragments.extend(own.into_iter().flatten().map(|source| (resources, source)));
        }
        // What they include, and what that includes.
        let mut next = 0;
        while let Some((resources, source)) = fragments.get(next).copied() {
            next += 1;
            for name in included(&read(source)?) {
                let Some(fragment) =
                    resources.fragments.get(&name).or_else(|| catalog.service.fragments.get(&name))
                else {
                    continue;
                };
                if documents.add(format!("fragments/{name}"), Some(&fragment.policy)) {
                    fragments.push((resources, &fragment.policy));
                }
            }
        }
        Ok(documents)
    }

    fn add(&mut self, scope: String, source: Option<&'c PolicySource>) -> bool {
        match source {
            Some(source) if self.all.iter().all(|(_, known)| known.file != source.file) => {
                self.all.push((scope, source));
                true
            }
            _ => false,
        }
    }

    /// Every policy of the documents that can be taken out.
    pub(super) fn policies(&self) -> Result<Vec<Policy>, Diagnostics> {
        let mut found = Vec::new();
        for (scope, source) in &self.all {
            let root = read(source)?;
            let mut walk = Walk { scope, source, found: &mut found };
            if root.name == "fragment" {
                walk.children(&root, "");
            }
            // What runs after a failure costs nothing while there is none.
            for section in root.elements().filter(|section| section.name != "on-error") {
                if root.name != "fragment" {
                    walk.children(section, &section.name);
                }
            }
        }
        Ok(found)
    }

    /// The roots of the documents.
    pub(super) fn roots(&self) -> Result<Vec<(&'c PolicySource, Element)>, Diagnostics> {
        self.all.iter().map(|(_, source)| Ok((*source, read(source)?))).collect()
    }
}

/// The policies of these names, or all; names that there are none of are refused.
pub(super) fn chosen(policies: Vec<Policy>, names: &[String]) -> Result<Vec<Policy>> {
    if names.iter().any(|name| name == "all") {
        if policies.len() > MAX_POLICIES {
            bail!(
                "{} policies run for these requests, and {MAX_POLICIES} can be taken out at most; choose with --operation or --ablate=NAME",
                policies.len()
            );
        }
        return Ok(policies);
    }
    for name in names {
        let known = || policies.iter().map(|policy| policy.name.as_str()).chain(PARTS);
        if !known().any(|known| known == name) {
            let near = did_you_mean(name, known());
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            bail!("no policy `{name}` runs for these requests{hint}");
        }
    }
    Ok(policies.into_iter().filter(|policy| names.contains(&policy.name)).collect())
}

/// Whether the firewall, TLS or the logs are to be taken out.
pub(super) fn has_part(names: &[String], part: &str) -> bool {
    names.iter().any(|name| name == "all" || name == part)
}

struct Walk<'w> {
    scope: &'w str,
    source: &'w PolicySource,
    found: &'w mut Vec<Policy>,
}

impl Walk<'_> {
    fn children(&mut self, parent: &Element, section: &str) {
        for element in parent.elements() {
            let is_branch = matches!(element.name.as_str(), "when" | "otherwise");
            if !is_branch && !STAYS.contains(&element.name.as_str()) {
                self.policy(element, section);
            }
            if CONTAINERS.contains(&element.name.as_str()) {
                self.children(element, section);
            }
        }
    }

    fn policy(&mut self, element: &Element, section: &str) {
        let edits = if !forwards(element) {
            vec![self.blank(element.span.start, element.span.end)]
        } else if element.name == "choose" {
            // Which branch would forward the request is not known here.
            return;
        } else {
            // What it holds stays: without the request to the backend this would be another route.
            let inner = element.inner_span();
            vec![self.blank(element.span.start, inner.start), self.blank(inner.end, element.span.end)]
        };
        self.found.push(Policy {
            name: element.name.clone(),
            section: section.to_owned(),
            scope: self.scope.to_owned(),
            file: self.source.file.to_path_buf(),
            line: element.location.line,
            column: element.location.column,
            edits,
        });
    }

    /// Spaces in the place of some bytes, so that everything else stays where it stands.
    fn blank(&self, start: usize, end: usize) -> Edit {
        let text = self.source.text.get(start..end).unwrap_or_default();
        let text = text.chars().map(|c| if c == '\n' || c == '\r' { c } else { ' ' }).collect();
        Edit { file: self.source.file.to_path_buf(), start, end, text }
    }
}

fn forwards(element: &Element) -> bool {
    element.name == "forward-request" || element.elements().any(forwards)
}

fn included(root: &Element) -> Vec<String> {
    let mut names = Vec::new();
    let mut open = vec![root];
    while let Some(element) = open.pop() {
        if element.name == "include-fragment"
            && let Some(id) = element.attribute("fragment-id")
        {
            names.push(id.value.text.trim().to_owned());
        }
        open.extend(element.elements());
    }
    names
}

fn read(source: &PolicySource) -> Result<Element, Diagnostics> {
    document::read(source).map_err(|finding| {
        let mut findings = Diagnostics::new();
        findings.push(finding);
        findings
    })
}

#[cfg(test)]
mod tests;
