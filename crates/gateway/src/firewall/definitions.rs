//! What the definitions of APIs say of the arguments of requests, for the firewall.

use std::collections::HashMap;
use std::path::Path;
use std::sync::Arc;

use gatehouse_model::configuration::{Configuration, Undeclared};
use gatehouse_model::resources::{self, Catalog};
use gatehouse_policy::openapi_document;
use gatehouse_validation::openapi::{Api, BodyOutline, Operation, ParameterLocation, Proof, Step as Inner};
use gatehouse_waf::{BodyDefinition, Definition, Standing, Step};

/// The definitions that the firewall uses, by workspace and API.
#[derive(Debug, Default)]
pub(super) struct Definitions {
    apis: HashMap<(Option<String>, String), Api>,
    refused: Undeclared,
}

/// What the firewall knows of the arguments of one operation.
#[derive(Clone, Debug)]
pub struct Declared {
    pub(super) definition: Arc<dyn Definition>,
    /// Whether arguments that it does not have are refused.
    pub(super) refuses_others: bool,
}

impl Definitions {
    /// Reads the definitions. Whatever is wrong with one has been told when its operations were read.
    pub(super) fn load(configuration: &Configuration, catalog: &Catalog) -> Self {
        let waf = &configuration.waf;
        let mut definitions = Self { apis: HashMap::new(), refused: waf.refuse_undeclared.clone() };
        if !waf.use_definitions && waf.refuse_undeclared.is_empty() {
            return definitions;
        }
        for (workspace, resources) in catalog.scopes() {
            for (name, api) in &resources.apis {
                if let Some(outline) = api.definition.as_deref().and_then(outline) {
                    definitions.apis.insert((workspace.map(str::to_owned), name.clone()), outline);
                }
            }
        }
        definitions
    }

    /// What is known of an operation; `None` where no definition describes it.
    pub(super) fn operation(
        &self,
        workspace: Option<&str>,
        api: &resources::Api,
        operation: &resources::Operation,
        uses: bool,
    ) -> Option<Declared> {
        let outline = self.apis.get(&(workspace.map(str::to_owned), api.name.clone()))?;
        let described = operation.described.as_ref()?;
        let outline = Arc::clone(outline.operation(&described.path, &described.method)?);
        // The templates of APIM name parameters of the query, too.
        let own = operation.url_template.split_once('?').map_or("", |(_, query)| query);
        let mut names: Vec<Box<str>> =
            own.split('&').filter_map(|pair| Some(pair.split_once('=')?.0.into())).collect();
        names.push(api.key_names.query.as_str().into());
        let refuses_others = self.refused.contains(&api.root, &operation.name);
        Some(Declared {
            definition: Arc::new(Known { operation: outline, names, proves: uses }),
            refuses_others,
        })
    }
}

fn outline(file: &Path) -> Option<Api> {
    let (dialect, document) = openapi_document(file).ok()??;
    Some(Api::outline(&document, dialect))
}

#[derive(Debug)]
struct Known {
    operation: Arc<Operation>,
    /// Parameters of the query that do not stand in the definition.
    names: Vec<Box<str>>,
    /// Whether its proofs count.
    proves: bool,
}

struct Body<'k> {
    outline: BodyOutline<'k>,
    proves: bool,
}

impl Known {
    fn field(&self, location: ParameterLocation, name: &[u8], value: &[u8]) -> Standing {
        let name = String::from_utf8_lossy(name);
        standing(self.operation.field(location, &name, value), self.proves)
    }
}

impl Definition for Known {
    fn query(&self, name: &[u8], value: &[u8]) -> Standing {
        let Ok(name) = std::str::from_utf8(name) else { return Standing::default() };
        let found = standing(self.operation.query_argument(name, value), self.proves);
        if !found.declared && self.names.iter().any(|known| **known == *name) {
            return Standing { declared: true, ..found };
        }
        found
    }

    fn header(&self, name: &[u8], value: &[u8]) -> Standing {
        self.field(ParameterLocation::Header, name, value)
    }

    fn cookie(&self, name: &[u8], value: &[u8]) -> Standing {
        self.field(ParameterLocation::Cookie, name, value)
    }

    fn body(&self, content_type: &[u8]) -> Option<Box<dyn BodyDefinition + '_>> {
        let outline = self.operation.body_outline(std::str::from_utf8(content_type).ok()?)?;
        Some(Box::new(Body { outline, proves: self.proves }))
    }
}

impl BodyDefinition for Body<'_> {
    fn field(&self, name: &[u8], value: &[u8]) -> Standing {
        standing(self.outline.field(name, value), self.proves)
    }

    fn leaf(&self, path: &mut dyn Iterator<Item = Step<'_>>, value: &[u8]) -> Standing {
        let path = path.map(|step| match step {
            Step::Member(name) => Inner::Member(name),
            Step::Element => Inner::Element,
        });
        standing(self.outline.leaf(path, value), self.proves)
    }
}

fn standing(found: gatehouse_validation::openapi::Standing, proves: bool) -> Standing {
    Standing {
        declared: found.declared,
        spelled: found.spelled && proves,
        proof: found.proof.filter(|_| proves).map(Proof::as_str),
    }
}
