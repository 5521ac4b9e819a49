//! Compiles the policy documents of a catalog into plans.
//!
//! Every document is compiled once, whatever the number of plans it is part of. The scopes around an operation are
//! merged by `<base />` at load; plans that turn out the same are one.

mod builder;
mod coverage;
mod expressions;
mod fragments;
mod named_values;
mod plans;
mod scope;
mod sections;
mod values;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::sync::Arc;

use gatehouse_model::resources::{Catalog, PolicySource, Resources};
use gatehouse_model::{Diagnostic, Diagnostics, Located, Location};
use gatehouse_vault::NamedValues;

use self::builder::Surroundings;
use self::coverage::Survey;
use self::expressions::Expressions;
use self::fragments::Fragments;
use self::named_values::NamedValueTable;
use self::sections::{CompiledDocument, Uses};
use crate::validators::{Validators, Wanted};
use crate::{Needs, document};

pub(crate) use self::builder::{Builder, Message, Reported};
pub use self::coverage::{Coverage, CoverageFinding, FindingKind, PolicyUse};
pub use self::plans::{PlanKey, Policies};
pub use self::scope::PolicyScope;

/// What policies are compiled from.
#[derive(Clone, Copy)]
pub struct CompileInput<'c> {
    /// The resources, with their policy documents.
    pub catalog: &'c Catalog,
    /// The values of its named values.
    pub named_values: &'c NamedValues,
    /// The certificates that documents name by id.
    pub certificates: &'c Certificates,
}

/// Certificates by id.
pub type Certificates = BTreeMap<Arc<str>, gatehouse_expression::Certificate>;

impl Policies {
    /// Compiles all documents of a catalog. With an error among the diagnostics, the policies must not be served.
    pub fn compile(input: &CompileInput<'_>) -> (Self, Diagnostics) {
        let mut compiler = Compiler::new(None);
        let mut policies = compiler.policies(input);
        policies.certificates = std::mem::take(&mut compiler.findings.certificates);
        policies.validators = Validators::compile(input.catalog, &compiler.wanted, &mut compiler.findings);
        (policies, compiler.findings.into_diagnostics())
    }
}

/// A policy or a branch of one, and where it stands.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place {
    /// Where its element begins.
    pub location: Location,
    /// The policy's name, and for a branch what it is: `choose when[2]`.
    pub name: Arc<str>,
}

/// The policy of a service that has none of its own: requests go to the backend.
const DEFAULT_GLOBAL_POLICY: &str =
    "<policies><inbound /><backend><forward-request /></backend><outbound /><on-error /></policies>";

/// Findings, each once: a fragment that many documents include has its errors once.
#[derive(Default)]
pub(crate) struct Findings {
    seen: HashSet<(Option<Location>, String)>,
    diagnostics: Diagnostics,
    /// The certificates that policies name.
    certificates: Vec<Located<String>>,
}

impl Findings {
    pub(crate) fn push(&mut self, diagnostic: Diagnostic) {
        if self.seen.insert((diagnostic.location.clone(), diagnostic.message.clone())) {
            self.diagnostics.push(diagnostic);
        }
    }

    fn into_diagnostics(mut self) -> Diagnostics {
        self.diagnostics.sort();
        self.diagnostics
    }
}

/// What all documents of one load share.
struct Compiler {
    findings: Findings,
    expressions: Expressions,
    /// What a survey has counted; `None` where the plans are to be served.
    survey: Option<Survey>,
    places: Vec<Place>,
    wanted: Wanted,
}

impl Compiler {
    fn new(survey: Option<Survey>) -> Self {
        Self {
            findings: Findings::default(),
            expressions: Expressions::default(),
            survey,
            places: Vec::new(),
            wanted: Wanted::default(),
        }
    }

    /// Reads the fragments of a workspace, or of the service.
    fn surroundings<'c>(
        &mut self,
        workspace: Option<&'c str>,
        resources: &'c Resources,
        input: &CompileInput<'c>,
    ) -> Surroundings<'c> {
        let survey = self.survey.as_ref();
        let named_values = NamedValueTable::new(workspace, resources, input.named_values);
        let around = Surroundings {
            workspace,
            resources,
            service: &input.catalog.service,
            named_values: match survey {
                Some(survey) => named_values.with_stand_ins(survey.alone),
                None => named_values,
            },
            certificates: input.certificates,
            fragments: Fragments::read(resources, &mut self.findings),
            alone: survey.is_some_and(|survey| survey.alone),
        };
        if let Some(survey) = &mut self.survey {
            survey.documents += resources.fragments.len();
            for root in around.fragments.roots() {
                survey.element(root, &around, &mut self.expressions, &mut self.findings);
            }
        }
        around
    }

    /// Reads and compiles the document of a scope.
    fn document(
        &mut self,
        around: &Surroundings<'_>,
        source: &PolicySource,
        scope: PolicyScope,
        owner: &str,
    ) -> CompiledDocument {
        let read = document::read(source);
        if let Some(survey) = &mut self.survey {
            survey.documents += 1;
            if let Ok(root) = &read {
                survey.element(root, around, &mut self.expressions, &mut self.findings);
            }
        }
        match read {
            Ok(root) => self.builder(around, scope, owner).document(&root),
            Err(diagnostic) => {
                self.findings.push(diagnostic.resource(owner));
                CompiledDocument::default()
            }
        }
    }

    fn default_global(&mut self, around: &Surroundings<'_>) -> CompiledDocument {
        let source =
            PolicySource { text: DEFAULT_GLOBAL_POLICY.into(), file: Path::new("default policy").into() };
        self.document(around, &source, PolicyScope::Global, "the service")
    }

    fn unused_fragments(&mut self, around: &Surroundings<'_>) {
        for read in around.fragments.unused() {
            let Some(root) = &read.root else { continue };
            let owner = format!("policyFragments/{}", read.fragment.name);
            let mut builder = self.builder(around, PolicyScope::Global, &owner);
            builder.fragment = Some(&read.fragment.name);
            builder.lone_fragment(root);
        }
    }

    fn builder<'b>(
        &'b mut self,
        around: &'b Surroundings<'b>,
        scope: PolicyScope,
        owner: &str,
    ) -> Builder<'b> {
        Builder {
            around,
            findings: &mut self.findings,
            expressions: &mut self.expressions,
            wanted: &mut self.wanted,
            scope,
            owner: Arc::from(owner),
            section: None,
            fragment: None,
            policy: "policies",
            path: String::new(),
            reads: Needs::default(),
            inner_reads: Needs::default(),
            policies: 0,
            uses: Uses::default(),
            errors: 0,
            holders: Vec::new(),
            places: &mut self.places,
            stand_ins: 0,
            unavailable: 0,
        }
    }
}

#[cfg(test)]
mod tests;
