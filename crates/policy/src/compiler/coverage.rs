//! What of documents runs here: every policy and expression counted, and everything that does not run with its place.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use gatehouse_model::resources::{Catalog, Resources};
use gatehouse_model::{Diagnostic, Diagnostics, Location, Severity};
use gatehouse_vault::NamedValues;

use super::builder::Surroundings;
use super::expressions::Expressions;
use super::values::{expression_spans, offset_of};
use super::{Certificates, CompileInput, Compiler, Findings, PolicyScope};
use crate::document::{self, Element, Node, Text};
use crate::policies::{NOT_YET_AVAILABLE, find};

/// What of documents runs here.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Documents and fragments, those that cannot be read too.
    pub documents: usize,
    /// Expressions.
    pub expressions: usize,
    /// Those of them that bind to what there is here.
    pub bound: usize,
    /// Policies by name.
    pub policies: BTreeMap<String, PolicyUse>,
    /// What does not run, by place.
    pub findings: Vec<CoverageFinding>,
}

/// How a policy is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PolicyUse {
    /// How often it stands in the documents.
    pub uses: usize,
    /// Whether it runs here.
    pub supported: bool,
}

/// Something that does not run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CoverageFinding {
    /// Where.
    pub location: Location,
    /// Of which kind it is.
    pub kind: FindingKind,
    /// What it is, and what would be right.
    pub message: String,
}

/// Kinds of what does not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FindingKind {
    /// It is no policy document.
    Syntax,
    /// A policy that there is not.
    UnsupportedPolicy,
    /// An attribute, an element or a value that a policy does not take.
    UnsupportedAttribute,
    /// A policy stands where it cannot stand.
    WrongSection,
    /// An expression does not compile.
    UnsupportedExpression,
    /// It names a resource that there is not.
    MissingReference,
}

impl FindingKind {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::UnsupportedPolicy => "unsupported-policy",
            Self::UnsupportedAttribute => "unsupported-attribute",
            Self::WrongSection => "wrong-section",
            Self::UnsupportedExpression => "unsupported-expression",
            Self::MissingReference => "missing-reference",
        }
    }

    /// The kind of a finding by its id.
    pub fn of(id: &str) -> Self {
        match id {
            "unknown-policy" | "policy-not-available" => Self::UnsupportedPolicy,
            "bad-expression" | "expression-not-allowed" => Self::UnsupportedExpression,
            "missing-reference" | "unknown-named-value" => Self::MissingReference,
            "wrong-section" | "wrong-scope" | "repeated-policy" | "backend-section" | "misplaced-base"
            | "nested-fragment" => Self::WrongSection,
            "policy-syntax"
            | "invalid-utf8"
            | "policy-size"
            | "wrong-root"
            | "unexpected-text"
            | "json-syntax"
            | "yaml-syntax"
            | "unreadable-file"
            | "unreadable"
            | "unreadable-artifacts" => Self::Syntax,
            _ => Self::UnsupportedAttribute,
        }
    }
}

impl Coverage {
    /// Surveys all documents of a catalog. Values that named values lack are taken for granted, but every name must be
    /// declared, and every resource that is named must be there.
    pub fn of_catalog(input: &CompileInput<'_>) -> Self {
        let mut compiler = Compiler::new(Some(Survey::default()));
        compiler.policies(input);
        compiler.covered()
    }

    /// Surveys a document that stands alone: at no known scope, without the resources that it names. `bytes` are what
    /// the file holds.
    pub fn of_document(bytes: &[u8], file: &Path) -> Self {
        let file = Arc::from(file);
        let mut compiler = Compiler::new(Some(Survey { alone: true, ..Survey::default() }));
        match document::read_bytes(bytes, &file) {
            Ok(root) => compiler.alone(&root),
            Err(diagnostic) => {
                compiler.findings.push(diagnostic);
                if let Some(survey) = &mut compiler.survey {
                    survey.documents += 1;
                }
            }
        }
        compiler.covered()
    }

    /// Adds what another survey has found.
    pub fn add(&mut self, other: Self) {
        self.documents += other.documents;
        self.expressions += other.expressions;
        self.bound += other.bound;
        for (name, other) in other.policies {
            let policy = self.policies.entry(name).or_default();
            policy.uses += other.uses;
            policy.supported = other.supported;
        }
        self.findings.extend(other.findings);
    }

    /// Adds what a reader of resources has found: errors only.
    pub fn add_diagnostics(&mut self, diagnostics: Diagnostics) {
        let errors = diagnostics.into_iter().filter(|finding| finding.severity == Severity::Error);
        self.findings.extend(errors.filter_map(|finding| {
            let message = sentence(&finding);
            Some(CoverageFinding { location: finding.location?, kind: FindingKind::of(finding.id), message })
        }));
    }

    /// Puts findings in the order of their places.
    pub fn sort(&mut self) {
        self.findings.sort();
        self.findings.dedup();
    }
}

fn sentence(finding: &Diagnostic) -> String {
    match &finding.fix {
        Some(fix) => format!("{} ({fix})", finding.message),
        None => finding.message.clone(),
    }
}

impl Compiler {
    fn alone(&mut self, root: &Element) {
        let (catalog, named_values) = (Catalog::default(), NamedValues::default());
        let certificates = Certificates::default();
        let resources: &Resources = &catalog.service;
        let input =
            CompileInput { catalog: &catalog, named_values: &named_values, certificates: &certificates };
        let around = self.surroundings(None, resources, &input);
        if let Some(survey) = &mut self.survey {
            survey.documents += 1;
            survey.element(root, &around, &mut self.expressions, &mut self.findings);
        }
        let mut builder = self.builder(&around, PolicyScope::Global, "the document");
        if root.name == "fragment" {
            builder.fragment = Some("this");
            builder.lone_fragment(root);
        } else {
            builder.document(root);
        }
    }

    fn covered(self) -> Coverage {
        let survey = self.survey.unwrap_or_default();
        let mut coverage = Coverage {
            documents: survey.documents,
            expressions: survey.seen.len(),
            bound: survey.seen.len() - survey.unbound,
            policies: survey.policies,
            findings: Vec::new(),
        };
        coverage.add_diagnostics(self.findings.into_diagnostics());
        coverage.sort();
        coverage
    }
}

/// What is counted while documents are compiled.
#[derive(Default)]
pub(super) struct Survey {
    /// Whether documents are looked at without the resources that they name.
    pub(super) alone: bool,
    pub(super) documents: usize,
    /// The places of expressions.
    seen: BTreeSet<Location>,
    unbound: usize,
    policies: BTreeMap<String, PolicyUse>,
}

/// Elements that hold policies beside those that are policies themselves.
const HOLDERS: [&str; 7] = ["inbound", "backend", "outbound", "on-error", "fragment", "when", "otherwise"];

impl Survey {
    /// Counts the policies and expressions of an element and of all that stand in it.
    pub(super) fn element(
        &mut self,
        element: &Element,
        around: &Surroundings<'_>,
        expressions: &mut Expressions,
        findings: &mut Findings,
    ) {
        for attribute in &element.attributes {
            self.text(&attribute.value, around, expressions, findings);
        }
        if element.name == "set-body" {
            // A template has a language of its own.
            if element.attribute("template").is_none() {
                self.text(&element.payload(), around, expressions, findings);
            }
            return;
        }
        for node in &element.children {
            match node {
                Node::Text(text) => self.text(text, around, expressions, findings),
                Node::Element(child) => {
                    if HOLDERS.contains(&element.name.as_str()) || is_known(&child.name) {
                        let entry = self.policies.entry(child.name.clone()).or_default();
                        entry.uses += 1;
                        entry.supported = find(&child.name).is_some();
                    }
                    self.element(child, around, expressions, findings);
                }
            }
        }
    }

    fn text(
        &mut self,
        text: &Text,
        around: &Surroundings<'_>,
        expressions: &mut Expressions,
        findings: &mut Findings,
    ) {
        around.named_values.takes_placeholder(text);
        let before = around.named_values.stood_in();
        // A name that nothing declares is told where the policy is compiled.
        let Ok(done) = around.named_values.substitute(text, "") else { return };
        let has_stand_in = around.named_values.stood_in() > before;
        for span in expression_spans(&done.text) {
            let place = done.text.locate(span.start);
            let source = done.text.text.get(span.clone()).unwrap_or_default();
            if !self.seen.insert(place.clone()) {
                continue;
            }
            let Err(faults) = expressions.compile(source) else { continue };
            if has_stand_in && binds_with_another_value(text, expressions) {
                continue;
            }
            self.unbound += 1;
            if done.is_secret {
                let message = "the expression does not compile once its secret named value is put in";
                findings.push(Diagnostic::error("bad-expression", place, message));
                continue;
            }
            for fault in faults {
                let offset = offset_of(source, fault.line, fault.column);
                let location = done.text.locate(span.start + offset);
                let finding = Diagnostic::error("bad-expression", location, fault.message);
                findings.push(match fault.suggestion {
                    Some(fix) => finding.fix(fix),
                    None => finding,
                });
            }
        }
    }
}

fn is_known(name: &str) -> bool {
    find(name).is_some() || NOT_YET_AVAILABLE.contains(&name)
}

/// Whether some value in the place of the names makes the expressions of a text compile: what stands there is not
/// known, and an expression may take the value as a number, a text, a truth value or nothing.
fn binds_with_another_value(text: &Text, expressions: &mut Expressions) -> bool {
    const VALUES: [&str; 4] = ["\"a\"", "true", "null", "a"];
    VALUES.iter().any(|value| {
        let filled = fill(&text.text, value);
        let mut whole = Text::empty(text.location.clone());
        whole.push(&filled, text.location.clone());
        let spans = expression_spans(&whole);
        spans.iter().all(|span| expressions.compile(whole.text.get(span.clone()).unwrap_or_default()).is_ok())
    })
}

fn fill(text: &str, value: &str) -> String {
    let mut filled = String::with_capacity(text.len());
    let mut rest = 0;
    while let Some((start, end, _)) = super::named_values::next_name(text, rest) {
        filled.push_str(text.get(rest..start).unwrap_or_default());
        filled.push_str(value);
        rest = end;
    }
    filled.push_str(text.get(rest..).unwrap_or_default());
    filled
}
