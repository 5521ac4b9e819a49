//! Documents and lists of policies: sections, what may stand in them, `base` and `include-fragment`.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::Arc;

use gatehouse_model::{Location, Severity, did_you_mean};

use super::Place;
use super::builder::{Builder, Reported};
use crate::document::{Element, MAX_ELEMENTS, Node};
use crate::policies::{self, Compile, PolicyKind};
use crate::steps::{Branch, Steps};
use crate::trace::sources;
use crate::unavailable;
use crate::{Needs, Origin, Section, Step};

/// What a section holds.
#[derive(Clone, Debug)]
pub(super) enum Item {
    /// The same section of the scope around.
    Base,
    /// A policy.
    Step(Arc<Step>),
}

/// A document, compiled.
#[derive(Debug, Default)]
pub(super) struct CompiledDocument {
    pub(super) inbound: Vec<Item>,
    pub(super) backend: Vec<Item>,
    pub(super) outbound: Vec<Item>,
    pub(super) on_error: Vec<Item>,
    pub(super) uses: Uses,
}

/// What the policies of a document do about the backend, anywhere in it.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Uses {
    /// They call it.
    pub(super) calls: bool,
    /// They say which it is.
    pub(super) chooses: bool,
    /// They answer in its place.
    pub(super) answers: bool,
}

impl Uses {
    fn add(&mut self, policy: &str) {
        match policy {
            "forward-request" => self.calls = true,
            "set-backend-service" => self.chooses = true,
            "mock-response" | "return-response" => self.answers = true,
            _ => {}
        }
    }

    /// What either does.
    pub(super) fn union(self, other: Self) -> Self {
        Self {
            calls: self.calls || other.calls,
            chooses: self.chooses || other.chooses,
            answers: self.answers || other.answers,
        }
    }

    /// Whether an API without a service URL comes to nothing.
    pub(super) fn lack_backend(self) -> bool {
        self.calls && !self.chooses && !self.answers
    }
}

impl CompiledDocument {
    fn section_mut(&mut self, section: Section) -> &mut Vec<Item> {
        match section {
            Section::Inbound => &mut self.inbound,
            Section::Backend => &mut self.backend,
            Section::Outbound => &mut self.outbound,
            Section::OnError => &mut self.on_error,
        }
    }
}

const SECTIONS: [Section; 4] = [Section::Inbound, Section::Backend, Section::Outbound, Section::OnError];

impl Builder<'_> {
    /// Compiles a document with the root `<policies>`.
    pub(super) fn document(&mut self, root: &Element) -> CompiledDocument {
        let mut document = CompiledDocument::default();
        if root.name != "policies" {
            let message = format!("a policy document has the root `<policies>`, not `<{}>`", root.name);
            self.error("wrong-root", &root.location, message);
            return document;
        }
        // Whatever is wrong is among the findings; the sections are compiled all the same, so that all is told.
        self.no_text(root);
        self.only(root, &[], &SECTIONS.map(Section::as_str));
        for section in SECTIONS {
            let Some(element) = self.child(root, section.as_str()) else { continue };
            self.only_own(element, &[]);
            self.section = Some(section);
            *document.section_mut(section) = self.items(element, true);
            if section == Section::Backend {
                self.one_policy(element);
            }
        }
        document.uses = self.uses;
        document
    }

    /// Compiles a fragment that no document includes, for its errors.
    pub(super) fn lone_fragment(&mut self, root: &Element) {
        self.section = None;
        self.items(root, false);
    }

    /// Compiles the policies inside an element. `allowed` are the only ones that may stand there, where not all may.
    pub(crate) fn steps(&mut self, element: &Element, allowed: Option<&[&str]>) -> Steps {
        if let Some(allowed) = allowed {
            for child in element.elements().filter(|child| !allowed.contains(&child.name.as_str())) {
                let message = format!("`{}` cannot stand in `{}`", child.name, element.name);
                let fix = format!("it holds {} only", allowed.join(", "));
                self.error_with_fix("unknown-element", &child.location, message, fix);
            }
        }
        self.holders.push(element.location.clone());
        let items = self.items(element, false);
        Steps::new(
            items
                .into_iter()
                .filter_map(|item| match item {
                    Item::Step(step) => Some(step),
                    Item::Base => None,
                })
                .collect(),
        )
    }

    /// Compiles the policies inside an element that is itself a part of the current policy, such as `when[2]`.
    pub(crate) fn steps_at(&mut self, element: &Element, place: &str) -> Steps {
        let outer = self.path.len();
        self.path.push('/');
        self.path.push_str(place);
        let steps = self.steps(element, None);
        self.path.truncate(outer);
        steps.at(self.branch(&element.location, place))
    }

    /// A branch of the current policy: what tells that it was taken.
    pub(crate) fn branch(&mut self, location: &Location, name: &str) -> Branch {
        let full = format!("{} {name}", self.policy);
        self.places.push(Place { location: location.clone(), name: full.into() });
        Branch { location: location.clone(), name: name.into() }
    }

    fn items(&mut self, parent: &Element, is_section: bool) -> Vec<Item> {
        let mut items = Vec::new();
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for node in &parent.children {
            let element = match node {
                Node::Element(element) => element,
                Node::Text(text) => {
                    let message = format!("text stands in `{}` where a policy is expected", parent.name);
                    let fix = "take it out, or make it a comment";
                    self.error_with_fix("unexpected-text", &text.location, message, fix);
                    continue;
                }
            };
            self.policies += 1;
            if self.policies > MAX_ELEMENTS {
                let message = format!(
                    "the document holds more than {MAX_ELEMENTS} policies once its fragments are inserted"
                );
                self.error("policy-size", &element.location, message);
                break;
            }
            let index = seen.entry(&element.name).or_default();
            *index += 1;
            let index = *index;
            let Some(kind) = self.kind(element) else { continue };
            if kind.once && index > 1 {
                let message = format!("`{}` may stand once in a section", kind.name);
                self.error_with_fix("repeated-policy", &element.location, message, "keep one of them");
                continue;
            }
            let outer = self.path.len();
            if outer > 0 {
                self.path.push('/');
            }
            // Writing to a string cannot fail.
            let _ = write!(self.path, "{}[{index}]", element.name);
            self.item(element, kind, is_section, &mut items);
            self.path.truncate(outer);
            if kind.name == "base" && index == 2 {
                let message = "`<base />` stands twice: the policies of the scopes around run twice";
                self.warn(Severity::Low, "repeated-base", &element.location, message);
            }
        }
        items
    }

    /// Finds the policy of an element and checks that it may stand here.
    fn kind(&mut self, element: &Element) -> Option<&'static PolicyKind> {
        let name = element.name.as_str();
        let Some(kind) = policies::find(name) else {
            if policies::NOT_YET_AVAILABLE.contains(&name) {
                let message = format!("the policy `{name}` is not yet available");
                match policies::why_not_available(name) {
                    Some(why) => self.error_with_fix("policy-not-available", &element.location, message, why),
                    None => self.error("policy-not-available", &element.location, message),
                };
                return None;
            }
            let known = policies::TABLE.iter().map(|kind| kind.name);
            let fix = match did_you_mean(name, known.chain(policies::NOT_YET_AVAILABLE.iter().copied())) {
                Some(known) => format!("did you mean `{known}`?"),
                None => "see the reference of policies for those that there are".to_owned(),
            };
            let message = format!("there is no policy `{name}`");
            self.error_with_fix("unknown-policy", &element.location, message, fix);
            return None;
        };
        let Some(section) = self.section else { return Some(kind) };
        if !kind.sections.contains(&section) {
            let allowed: Vec<&str> = kind.sections.iter().map(|section| section.as_str()).collect();
            let message = format!("`{name}` cannot stand in the section `{}`", section.as_str());
            let fix = format!("it may stand in {}", allowed.join(", "));
            self.error_with_fix("wrong-section", &element.location, message, fix);
            return None;
        }
        if !kind.scopes.contains(&self.scope) && !self.around.alone {
            let allowed: Vec<&str> = kind.scopes.iter().map(|scope| scope.as_str()).collect();
            let message = format!("`{name}` cannot stand in a policy of the scope `{}`", self.scope.as_str());
            let fix = format!("it may stand in the scopes {}", allowed.join(", "));
            self.error_with_fix("wrong-scope", &element.location, message, fix);
            return None;
        }
        Some(kind)
    }

    fn item(
        &mut self,
        element: &Element,
        kind: &'static PolicyKind,
        is_section: bool,
        items: &mut Vec<Item>,
    ) {
        self.uses.add(kind.name);
        let outer_policy = std::mem::replace(&mut self.policy, kind.name);
        let outer_reads = std::mem::take(&mut self.reads);
        let outer_stand_ins = std::mem::replace(&mut self.stand_ins, self.around.named_values.stood_in());
        match kind.compile {
            Compile::Base => {
                if self.base(element, is_section).is_ok() {
                    items.push(Item::Base);
                }
            }
            Compile::IncludeFragment => {
                if let Ok(included) = self.include_fragment(element) {
                    items.extend(included);
                }
            }
            Compile::Policy(compile) => {
                if let Ok(step) = self.step(element, compile) {
                    items.push(Item::Step(Arc::new(step)));
                }
            }
        }
        self.policy = outer_policy;
        self.reads = outer_reads;
        self.stand_ins = outer_stand_ins;
    }

    fn step(&mut self, element: &Element, compile: policies::CompilePolicy) -> Result<Step, Reported> {
        let (errors, unavailable) = (self.errors, self.unavailable);
        let policy_id = self.optional_literal(element, "id");
        let outer_holders = std::mem::take(&mut self.holders);
        let compiled = compile(self, element);
        let holders = std::mem::replace(&mut self.holders, outer_holders);
        // Something stood in the place of each value that is wrong.
        if self.errors > errors {
            return Err(Reported);
        }
        // A policy without its secret is not left out: nothing passes it.
        let is_unavailable = std::mem::replace(&mut self.unavailable, unavailable) > unavailable;
        let action = if is_unavailable { unavailable::action(self.policy) } else { compiled? };
        let needs = std::mem::take(&mut self.reads);
        self.inner_reads = self.inner_reads.union(needs);
        self.places.push(Place { location: element.location.clone(), name: self.policy.into() });
        Ok(Step {
            sources: sources(element, &holders).into(),
            action,
            needs,
            origin: Origin {
                policy: self.policy,
                scope: self.scope.as_str(),
                section: self.section.unwrap_or(Section::Inbound),
                path: self.path.as_str().into(),
                policy_id: policy_id?,
                location: element.location.clone(),
            },
        })
    }

    fn base(&mut self, element: &Element, is_section: bool) -> Result<(), Reported> {
        self.only(element, &[], &[]);
        self.no_text(element);
        if let Some(fragment) = self.fragment {
            let message = format!("`<base />` stands in the fragment `{fragment}`");
            let fix = "put it into the section that includes the fragment";
            return Err(self.error_with_fix("misplaced-base", &element.location, message, fix));
        }
        if !is_section {
            let message = "`<base />` stands inside another policy";
            let fix = "put it directly into the section";
            return Err(self.error_with_fix("misplaced-base", &element.location, message, fix));
        }
        Ok(())
    }

    fn include_fragment(&mut self, element: &Element) -> Result<Vec<Item>, Reported> {
        self.only(element, &["fragment-id"], &[]);
        self.no_text(element);
        let name = self.literal(element, "fragment-id")?;
        if let Some(outer) = self.fragment {
            let message = if *outer == *name {
                format!("the fragment `{name}` includes itself")
            } else {
                format!("the fragment `{outer}` includes the fragment `{name}`; fragments do not nest")
            };
            let fix = "include each fragment from the document";
            return Err(self.error_with_fix("nested-fragment", &element.location, message, fix));
        }
        let around = self.around;
        let Some(read) = around.fragments.include(&name) else {
            let location =
                element.attribute("fragment-id").map_or(&element.location, |known| &known.value.location);
            self.must_exist("policy fragment", &name, location, around.fragments.names());
            return Err(Reported);
        };
        let root = read.root.as_ref().ok_or(Reported)?;
        self.fragment = Some(&read.fragment.name);
        self.only_own(root, &[]);
        let items = self.items(root, false);
        self.fragment = None;
        Ok(items)
    }

    /// The backend section holds one policy as a rule: more may call the backend more than once.
    fn one_policy(&mut self, section: &Element) {
        if let Some(second) = section.elements().nth(1) {
            let message =
                format!("the backend section holds more than one policy: `{}` is the second", second.name);
            let message = format!("{message}: the backend may be called more than once");
            self.warn(Severity::Medium, "backend-section", &second.location, message);
        }
    }
}

impl Needs {
    /// Whether nothing is needed.
    pub fn is_none(self) -> bool {
        self == Self::default()
    }
}
