//! Plans: the documents of all scopes around an operation, merged.

use std::collections::HashMap;
use std::sync::Arc;

use gatehouse_model::Located;
use gatehouse_model::resources::{Api, Resources};
use gatehouse_model::{Diagnostic, Severity};

use super::builder::Surroundings;
use super::sections::{CompiledDocument, Item, Uses};
use super::{CompileInput, Compiler, Place, PolicyScope};
use crate::validators::Validators;
use crate::{Plan, Step};

/// The plans of all operations.
///
/// Only what has a document of its own has a plan of its own: an operation without shares the plan of its API, an API
/// without that of the product or the workspace.
#[derive(Debug)]
pub struct Policies {
    global: Arc<Plan>,
    service: Space,
    workspaces: HashMap<String, Space>,
    pub(super) certificates: Vec<Located<String>>,
    places: Vec<Place>,
    pub(super) validators: Validators,
}

/// Which plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlanKey<'k> {
    /// The workspace of the API; `None`: the service.
    pub workspace: Option<&'k str>,
    /// The API's resource name, with its revision where it is not the current one.
    pub api: &'k str,
    /// The operation's resource name; `None`: what runs for a request that matches none of the API's.
    pub operation: Option<&'k str>,
    /// The product in whose context the request runs.
    pub product: Option<&'k str>,
}

/// The plans of one workspace, or of the service.
#[derive(Debug)]
struct Space {
    plan: Arc<Plan>,
    products: HashMap<String, Arc<Plan>>,
    apis: HashMap<String, ApiPlans>,
}

/// The plans of an API that has a document, or whose operations have.
#[derive(Debug)]
struct ApiPlans {
    plain: OperationPlans,
    by_product: HashMap<String, OperationPlans>,
}

#[derive(Debug)]
struct OperationPlans {
    plan: Arc<Plan>,
    operations: HashMap<String, Arc<Plan>>,
}

impl Policies {
    /// The plan of an operation in the context of a product. What is not known has the plan of what is around it.
    pub fn plan(&self, key: &PlanKey<'_>) -> Arc<Plan> {
        Arc::clone(self.find(key))
    }

    /// The certificates that policies name, by id or thumbprint: each must be one of the configuration.
    pub fn certificates(&self) -> &[Located<String>] {
        &self.certificates
    }

    /// The validators of definitions that policies ask for.
    pub fn validators(&self) -> &Validators {
        &self.validators
    }

    /// What runs for a request that matches no API: its `on-error`.
    pub fn global(&self) -> Arc<Plan> {
        Arc::clone(&self.global)
    }

    /// Every policy of every document and every branch of one, in the order of their places.
    pub fn places(&self) -> &[Place] {
        &self.places
    }

    fn find(&self, key: &PlanKey<'_>) -> &Arc<Plan> {
        let space = match key.workspace {
            None => &self.service,
            Some(name) => match self.workspaces.get(name) {
                Some(space) => space,
                None => return &self.global,
            },
        };
        let product = key.product.filter(|name| space.products.contains_key(*name));
        let Some(api) = space.apis.get(key.api) else {
            return product.and_then(|name| space.products.get(name)).unwrap_or(&space.plan);
        };
        let plans = product.and_then(|name| api.by_product.get(name)).unwrap_or(&api.plain);
        key.operation.and_then(|name| plans.operations.get(name)).unwrap_or(&plans.plan)
    }
}

impl Compiler {
    pub(super) fn policies(&mut self, input: &CompileInput<'_>) -> Policies {
        let service = self.surroundings(None, &input.catalog.service, input);
        let global = match &input.catalog.service.policy {
            Some(source) => self.document(&service, source, PolicyScope::Global, "the service"),
            None => self.default_global(&service),
        };
        let uses = global.uses;
        let global = Arc::new(merge(&global, &Plan::default()));
        let mut policies = Policies {
            service: self.space(&service, &global, uses),
            workspaces: input
                .catalog
                .workspaces
                .iter()
                .map(|(name, resources)| {
                    let around = self.surroundings(Some(name), resources, input);
                    let owner = format!("workspaces/{name}");
                    let (plan, uses) = match &resources.policy {
                        Some(source) => {
                            let document = self.document(&around, source, PolicyScope::Workspace, &owner);
                            (merged(Some(&document), &global), uses.union(document.uses))
                        }
                        None => (Arc::clone(&global), uses),
                    };
                    (name.clone(), self.space(&around, &plan, uses))
                })
                .collect(),
            global,
            certificates: Vec::new(),
            validators: Validators::default(),
            places: Vec::new(),
        };
        policies.places = std::mem::take(&mut self.places);
        policies.places.sort();
        // A fragment is compiled anew wherever it is included.
        policies.places.dedup();
        policies
    }

    fn space(&mut self, around: &Surroundings<'_>, plan: &Arc<Plan>, uses: Uses) -> Space {
        let resources = around.resources;
        let mut products = HashMap::new();
        let mut uses_of_products = HashMap::new();
        for (name, product) in &resources.products {
            let owner = format!("products/{name}");
            let document = product
                .policy
                .as_ref()
                .map(|source| self.document(around, source, PolicyScope::Product, &owner));
            products.insert(name.clone(), merged(document.as_ref(), plan));
            uses_of_products.extend(document.map(|document| (name.as_str(), document.uses)));
        }
        let mut apis = HashMap::new();
        for (name, api) in &resources.apis {
            let of_products = resources
                .products
                .iter()
                .filter(|(_, product)| product.apis.iter().any(|root| root.value == api.root))
                .filter_map(|(name, _)| uses_of_products.get(name.as_str()));
            let uses = of_products.fold(uses, |uses, other| uses.union(*other));
            if let Some(plans) = self.api(around, api, resources, plan, &products, uses) {
                apis.insert(name.clone(), plans);
            }
        }
        self.unused_fragments(around);
        Space { plan: Arc::clone(plan), products, apis }
    }

    fn api(
        &mut self,
        around: &Surroundings<'_>,
        api: &Api,
        resources: &Resources,
        plan: &Arc<Plan>,
        products: &HashMap<String, Arc<Plan>>,
        uses: Uses,
    ) -> Option<ApiPlans> {
        let owner = format!("apis/{}", api.name);
        let document =
            api.policy.as_ref().map(|source| self.document(around, source, PolicyScope::Api, &owner));
        let mut operations = Vec::new();
        for (name, operation) in &api.operations {
            let Some(source) = &operation.policy else { continue };
            let owner = format!("apis/{}/operations/{name}", api.name);
            operations.push((name, self.document(around, source, PolicyScope::Operation, &owner)));
        }
        let documents = document.iter().chain(operations.iter().map(|(_, document)| document));
        let uses = documents.fold(uses, |uses, document| uses.union(document.uses));
        if api.service_url.is_none() && !api.operations.is_empty() && uses.lack_backend() {
            self.no_backend(api, &owner);
        }
        if document.is_none() && operations.is_empty() {
            return None;
        }
        let plans = |parent: &Arc<Plan>| {
            let plan = merged(document.as_ref(), parent);
            let operations = operations
                .iter()
                .map(|(name, document)| ((*name).clone(), merged(Some(document), &plan)))
                .collect();
            OperationPlans { plan, operations }
        };
        let by_product = resources
            .products
            .iter()
            .filter(|(_, product)| product.apis.iter().any(|root| root.value == api.root))
            .filter_map(|(name, _)| Some((name.clone(), plans(products.get(name)?))))
            .collect();
        Some(ApiPlans { plain: plans(plan), by_product })
    }
}

impl Compiler {
    /// Requests of such an API end in an error: that is worth a word, but others may go on.
    fn no_backend(&mut self, api: &Api, owner: &str) {
        let message =
            format!("the API `{}` has no backend: it has no `serviceUrl`, and no policy sets one", api.name);
        let found = Diagnostic::error("no-backend", api.location.clone(), message)
            .fix("add `serviceUrl`, or `set-backend-service` to its policy")
            .severity(Severity::Low)
            .resource(owner.to_owned());
        self.findings.push(found);
    }
}

/// The plan of a document within the plan around it; without a document, or with one that adds nothing, the same plan.
fn merged(document: Option<&CompiledDocument>, parent: &Arc<Plan>) -> Arc<Plan> {
    let Some(document) = document else { return Arc::clone(parent) };
    let plan = merge(document, parent);
    if is_same(&plan, parent) { Arc::clone(parent) } else { Arc::new(plan) }
}

fn merge(document: &CompiledDocument, parent: &Plan) -> Plan {
    Plan {
        inbound: section(&document.inbound, &parent.inbound),
        backend: section(&document.backend, &parent.backend),
        outbound: section(&document.outbound, &parent.outbound),
        on_error: section(&document.on_error, &parent.on_error),
    }
}

fn section(items: &[Item], parent: &[Arc<Step>]) -> Vec<Arc<Step>> {
    let mut steps = Vec::with_capacity(items.len());
    for item in items {
        match item {
            Item::Base => steps.extend_from_slice(parent),
            Item::Step(step) => steps.push(Arc::clone(step)),
        }
    }
    steps
}

fn is_same(plan: &Plan, other: &Plan) -> bool {
    let same = |a: &[Arc<Step>], b: &[Arc<Step>]| {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| Arc::ptr_eq(a, b))
    };
    same(&plan.inbound, &other.inbound)
        && same(&plan.backend, &other.backend)
        && same(&plan.outbound, &other.outbound)
        && same(&plan.on_error, &other.on_error)
}
