//! What a policy's compile function works with: attributes, children, diagnostics and the resources around it.

use std::sync::Arc;

use gatehouse_model::resources::Resources;
use gatehouse_model::{Diagnostic, Located, Location, Severity, did_you_mean};
use gatehouse_validation::Variant;

use super::expressions::Expressions;
use super::fragments::Fragments;
use super::named_values::{NamedValueTable, Substituted};
use super::sections::Uses;
use super::{Certificates, Findings, Place, PolicyScope};
use crate::document::{Element, Text, TextKind};
use crate::validators::Wanted;
use crate::{Needs, Section};

/// The reason is in the diagnostics already.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reported;

/// Which message a policy changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Message {
    /// The request: in `inbound` and `backend`.
    Request,
    /// The answer: in `outbound` and `on-error`.
    Response,
}

/// What the documents of one workspace, or of the service, share.
pub(super) struct Surroundings<'c> {
    pub(super) workspace: Option<&'c str>,
    pub(super) resources: &'c Resources,
    /// The resources of the service.
    pub(super) service: &'c Resources,
    pub(super) named_values: NamedValueTable<'c>,
    pub(super) certificates: &'c Certificates,
    pub(super) fragments: Fragments<'c>,
    /// Whether the documents are surveyed without the resources that they name.
    pub(super) alone: bool,
}

/// The place of a document at which compiling has arrived, and everything that a policy may ask for there.
pub(crate) struct Builder<'b> {
    pub(super) around: &'b Surroundings<'b>,
    pub(super) findings: &'b mut Findings,
    pub(super) expressions: &'b mut Expressions,
    pub(super) wanted: &'b mut Wanted,
    pub(super) scope: PolicyScope,
    /// The resource that the document belongs to, such as `apis/orders`.
    pub(super) owner: Arc<str>,
    /// `None` for a fragment that nothing includes: then it may stand in any section.
    pub(super) section: Option<Section>,
    /// The fragment that is being inserted.
    pub(super) fragment: Option<&'b str>,
    pub(super) policy: &'static str,
    pub(super) path: String,
    /// What the expressions of the current policy read.
    pub(super) reads: Needs,
    /// What the policies inside the current one read, at any depth.
    pub(super) inner_reads: Needs,
    /// Policies so far, with those of fragments.
    pub(super) policies: usize,
    /// What they do about the backend.
    pub(super) uses: Uses,
    /// Errors so far.
    pub(super) errors: usize,
    /// The elements within the current policy whose children are policies.
    pub(super) holders: Vec<Location>,
    /// Every policy and branch so far.
    pub(super) places: &'b mut Vec<Place>,
    /// How many values had been stood in for when the current policy began.
    pub(super) stand_ins: usize,
    /// Values so far that a vault may give later.
    pub(super) unavailable: usize,
}

impl Builder<'_> {
    /// Adds an error; its value is what a compile function returns.
    pub(crate) fn error(
        &mut self,
        id: &'static str,
        location: &Location,
        message: impl Into<String>,
    ) -> Reported {
        self.report(Diagnostic::error(id, location.clone(), message))
    }

    /// Adds an error and what would be right.
    pub(crate) fn error_with_fix(
        &mut self,
        id: &'static str,
        location: &Location,
        message: impl Into<String>,
        fix: impl Into<String>,
    ) -> Reported {
        self.report(Diagnostic::error(id, location.clone(), message).fix(fix))
    }

    /// Adds a finding that does not keep the configuration from serving.
    pub(crate) fn warn(
        &mut self,
        severity: Severity,
        id: &'static str,
        location: &Location,
        message: impl Into<String>,
    ) {
        self.report(Diagnostic::error(id, location.clone(), message).severity(severity));
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) -> Reported {
        if self.around.named_values.excuses(&diagnostic, self.stand_ins) {
            return Reported;
        }
        let owner = self.owner.to_string();
        self.errors += usize::from(diagnostic.severity == Severity::Error);
        self.findings.push(diagnostic.resource(owner));
        Reported
    }

    /// The name of the policy that is being compiled.
    pub(crate) fn policy(&self) -> &'static str {
        self.policy
    }

    /// Says that the current policy needs the request's body whole.
    pub(crate) fn read_request_body(&mut self) {
        self.reads.request_body = true;
    }

    /// Says that the current policy needs the answer's body whole.
    pub(crate) fn read_response_body(&mut self) {
        self.reads.response_body = true;
    }

    /// Says what the current policy needs whole.
    pub(crate) fn read(&mut self, needs: Needs) {
        self.reads = self.reads.union(needs);
    }

    /// Compiles policies and says what they read.
    pub(crate) fn reading<T>(&mut self, compile: impl FnOnce(&mut Self) -> T) -> (T, Needs) {
        let outer = std::mem::take(&mut self.inner_reads);
        let done = compile(self);
        let inner = self.inner_reads;
        self.inner_reads = outer.union(inner);
        (done, inner)
    }

    /// Says that something inside the current policy reads.
    pub(crate) fn read_inside(&mut self, needs: Needs) {
        self.inner_reads = self.inner_reads.union(needs);
    }

    /// The section of the document; `None` in a fragment that nothing includes.
    pub(crate) fn section(&self) -> Option<Section> {
        self.section
    }

    /// What the expressions of the current policy read so far, for a policy that sees to it by itself.
    pub(crate) fn take_reads(&mut self) -> Needs {
        std::mem::take(&mut self.reads)
    }

    /// The message that policies change here.
    pub(crate) fn message(&self) -> Message {
        match self.section {
            Some(Section::Outbound | Section::OnError) => Message::Response,
            Some(Section::Inbound | Section::Backend) | None => Message::Request,
        }
    }

    /// A name for the current policy's counters that stays the same when the configuration is loaded anew: the
    /// resource, the section, and the place in it.
    pub(crate) fn counter_identity(&self) -> Arc<str> {
        let workspace = self.around.workspace.map(|name| format!("workspaces/{name}/")).unwrap_or_default();
        let section = self.section.map_or("", Section::as_str);
        format!("{workspace}{}:{section}/{}", self.owner, self.path).into()
    }

    /// Asks for the validators of the APIs that the document is for.
    pub(crate) fn want(&mut self, variant: Variant) {
        self.wanted.add(self.scope, self.around.workspace, &self.owner, variant);
    }

    /// The resources that the document may name.
    pub(crate) fn resources(&self) -> &Resources {
        self.around.resources
    }

    /// The resources of the service, which are the document's own outside of workspaces.
    pub(crate) fn service(&self) -> &Resources {
        self.around.service
    }

    /// Whether the document is surveyed without the resources that it names.
    pub(crate) fn is_alone(&self) -> bool {
        self.around.alone
    }

    /// Checks that an element has no other attributes and child elements than these; a policy may always have an `id`.
    /// All that are not known are told at once.
    pub(crate) fn only(&mut self, element: &Element, attributes: &[&str], children: &[&str]) {
        let is_policy = element.name == self.policy || crate::policies::find(&element.name).is_some();
        for attribute in &element.attributes {
            let name = attribute.name.as_str();
            if attributes.contains(&name) || is_policy && name == "id" {
                continue;
            }
            let message = format!("`{}` has no attribute `{name}`", element.name);
            let fix = suggestion(name, attributes, "it takes no attributes");
            self.error_with_fix("unknown-attribute", &attribute.location, message, fix);
        }
        for child in element.elements() {
            let name = child.name.as_str();
            if children.contains(&name) {
                continue;
            }
            let message = format!("`{name}` cannot stand in `{}`", element.name);
            let fix = suggestion(name, children, "it holds no elements");
            self.error_with_fix("unknown-element", &child.location, message, fix);
        }
    }

    /// Checks the attributes of an element whose children are policies, which are checked as such.
    pub(crate) fn only_own(&mut self, element: &Element, attributes: &[&str]) {
        let children: Vec<&str> = element.elements().map(|child| child.name.as_str()).collect();
        self.only(element, attributes, &children);
    }

    /// Checks that an element which holds others holds no text beside them.
    pub(crate) fn no_text(&mut self, element: &Element) {
        let text = element.text();
        if text.is_blank() {
            return;
        }
        let message = format!("text stands in `{}`, which holds elements only", element.name);
        let fix = "take it out, or make it a comment";
        self.error_with_fix("unexpected-text", &text.location, message, fix);
    }

    /// The child element of a name, at most one.
    pub(crate) fn child<'e>(&mut self, element: &'e Element, name: &str) -> Option<&'e Element> {
        let mut found = element.elements().filter(|child| child.name == name);
        let first = found.next();
        if let Some(second) = found.next() {
            let message = format!("`{}` holds a second `{name}`", element.name);
            self.error_with_fix("repeated-element", &second.location, message, "keep one of them");
        }
        first
    }

    /// The certificate that the document names by its id, which must exist.
    pub(crate) fn certificate(
        &mut self,
        id: &str,
        location: &Location,
    ) -> Result<gatehouse_expression::Certificate, Reported> {
        let certificates = self.around.certificates;
        // A survey looks at documents without the configuration that has the certificates.
        if self.around.named_values.is_survey() {
            return certificates.get(id).cloned().ok_or(Reported);
        }
        self.must_exist("certificate", id, location, certificates.keys().map(|known| &**known));
        certificates.get(id).cloned().ok_or(Reported)
    }

    /// A resource that the document names and that must exist: tells both ends where it does not.
    pub(crate) fn must_exist<'n>(
        &mut self,
        kind: &str,
        name: &str,
        location: &Location,
        known: impl IntoIterator<Item = &'n str>,
    ) {
        let known: Vec<&str> = known.into_iter().collect();
        if known.contains(&name) || self.around.alone {
            return;
        }
        let message =
            format!("`{}` of {} names the {kind} `{name}`, which does not exist", self.policy, self.owner);
        let fix = match did_you_mean(name, known) {
            Some(known) => format!("did you mean `{known}`?"),
            None => format!("add the {kind} `{name}`, or name another"),
        };
        self.error_with_fix("missing-reference", location, message, fix);
    }

    /// Says that a policy names a certificate of the configuration.
    pub(crate) fn names_certificate(&mut self, name: &str, location: &Location) {
        self.findings.certificates.push(Located::new(name.trim().to_owned(), location.clone()));
    }

    /// Puts named values into a text.
    pub(crate) fn substitute(&mut self, text: &Text) -> Result<Substituted, Reported> {
        let done = self.around.named_values.substitute(text, &self.owner);
        self.told(done)
    }

    /// Puts named values into a template: what is no named value stays.
    pub(crate) fn substitute_known(&mut self, text: &Text) -> Result<Substituted, Reported> {
        let done = self.around.named_values.substitute_known(text, &self.owner);
        self.told(done)
    }

    fn told(&mut self, done: Result<Substituted, Vec<Diagnostic>>) -> Result<Substituted, Reported> {
        done.map_err(|wrong| {
            for diagnostic in wrong {
                self.unavailable += usize::from(diagnostic.severity != Severity::Error);
                self.report(diagnostic);
            }
            Reported
        })
    }

    /// The current policy reads the body of a message: it must be whole before.
    pub(crate) fn needs_body(&mut self, message: Message) {
        let needs = match message {
            Message::Request => Needs { request_body: true, response_body: false },
            Message::Response => Needs { request_body: false, response_body: true },
        };
        self.reads = self.reads.union(needs);
    }

    /// A text in which no expression is allowed, with its named values.
    pub(crate) fn literal_of(&mut self, text: &Text, what: &str) -> Result<Arc<str>, Reported> {
        let done = self.substitute(text)?;
        if done.text.kind() == TextKind::Expression {
            let message = format!("{what} takes no expression");
            return Err(self.error_with_fix(
                "expression-not-allowed",
                &text.location,
                message,
                "write the value itself, or a named value",
            ));
        }
        Ok(done.text.text.trim().into())
    }
}

fn suggestion(name: &str, known: &[&str], none: &str) -> String {
    match did_you_mean(name, known.iter().copied()) {
        Some(known) => format!("did you mean `{known}`?"),
        None if known.is_empty() => none.to_owned(),
        None => format!("known are: {}", known.join(", ")),
    }
}
