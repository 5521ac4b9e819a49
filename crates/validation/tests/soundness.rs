//! What counts as harmless is: with every proof tried on every argument, field and cookie of the OWASP CRS's regression tests, at
//! paranoia 4, each attack is still found.

#![allow(clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use gatehouse_validation::Dialect;
use gatehouse_validation::openapi::{Api, Operation, Proof};
use gatehouse_waf::regression::{load, run_case, run_declared_case};
use gatehouse_waf::{BodyDefinition, Definition, Options, RuleSet, RuleSource, Standing, Step};
use serde_json::json;

const SETUP: &str = r#"
SecRuleEngine DetectionOnly
SecResponseBodyAccess On
SecAction "id:900005,phase:1,nolog,pass,ctl:ruleEngine=DetectionOnly,ctl:ruleRemoveById=910000,\
  setvar:tx.blocking_paranoia_level=4,setvar:tx.crs_validate_utf8_encoding=1,setvar:tx.arg_name_length=100,\
  setvar:tx.arg_length=400,setvar:tx.total_arg_length=64000,setvar:tx.max_num_args=255,setvar:tx.max_file_size=64100,\
  setvar:tx.combined_file_sizes=65535"
"#;

/// A definition whose every argument may be anything that has a proof, whatever its name.
#[derive(Debug)]
struct Anything {
    operation: Arc<Operation>,
    proven: AtomicUsize,
}

impl Anything {
    fn new() -> Self {
        let schema = json!({ "anyOf": [
            { "type": ["integer", "boolean"] },
            { "type": "string", "format": "uuid" },
            { "type": "string", "format": "date-time" },
            { "type": "string", "pattern": "^[0-9A-Fa-f-]{1,128}$" },
            { "type": "string", "pattern": "^[0-9]{1,64}(?:-[0-9]{1,10}){0,5}$" },
            { "type": "string", "pattern": "^(?:ORD|INV|EUR|USD)-?[0-9a-f]{0,20}$" },
            { "enum": ["asc", "desc", "open", "price", "-price", "EUR", "a b"] }
        ] });
        let document = json!({ "openapi": "3.1.0", "paths": { "/": { "get": {
            "parameters": [{ "name": "x", "in": "query", "schema": schema }]
        } } } });
        let operation =
            Arc::clone(Api::outline(&document, Dialect::OpenApi31).operation("/", "GET").unwrap());
        Self { operation, proven: AtomicUsize::new(0) }
    }

    fn standing(&self, value: &[u8]) -> Standing {
        let proof = self.operation.query_argument("x", value).proof;
        self.proven.fetch_add(usize::from(proof.is_some()), Ordering::Relaxed);
        Standing { declared: true, spelled: false, proof: proof.map(Proof::as_str) }
    }
}

impl Definition for Anything {
    fn query(&self, _: &[u8], value: &[u8]) -> Standing {
        self.standing(value)
    }

    fn header(&self, _: &[u8], value: &[u8]) -> Standing {
        self.standing(value)
    }

    fn cookie(&self, _: &[u8], value: &[u8]) -> Standing {
        self.standing(value)
    }

    fn body(&self, _: &[u8]) -> Option<Box<dyn BodyDefinition + '_>> {
        Some(Box::new(AnyBody(self)))
    }
}

struct AnyBody<'a>(&'a Anything);

impl BodyDefinition for AnyBody<'_> {
    fn field(&self, _: &[u8], value: &[u8]) -> Standing {
        self.0.standing(value)
    }

    fn leaf(&self, _: &mut dyn Iterator<Item = Step<'_>>, value: &[u8]) -> Standing {
        self.0.standing(value)
    }
}

#[test]
fn no_attack_that_a_schema_admits_escapes() {
    let Some(corpus) =
        std::env::var_os("GATEHOUSE_CORPORA").map(|corpora| PathBuf::from(corpora).join("crs"))
    else {
        return eprintln!("skipped: GATEHOUSE_CORPORA is not set");
    };
    if !corpus.is_dir() {
        return eprintln!("skipped: there is no CRS below GATEHOUSE_CORPORA");
    }
    let sources = [
        RuleSource::File(corpus.join("crs-setup.conf.example")),
        RuleSource::Text { name: "setup".to_owned(), text: SETUP.to_owned(), folder: corpus.clone() },
        RuleSource::File(corpus.join("rules/*.conf")),
    ];
    let rules = RuleSet::load(&sources, &Options::default()).unwrap_or_else(|errors| panic!("{errors}"));
    let rules = Arc::new(rules);
    let anything = Arc::new(Anything::new());
    let definition: Arc<dyn Definition> = Arc::clone(&anything) as _;
    let (mut attacks, mut escaped) = (0, Vec::new());
    for test in load(&corpus.join("tests")).unwrap() {
        for (at, stage) in test.stages.iter().enumerate() {
            if stage.expected.ids.is_empty() || !run_case(&rules, stage).passed {
                continue;
            }
            attacks += 1;
            let case = run_declared_case(&rules, stage, Some(&definition));
            if !case.passed {
                escaped.push(format!("{}-{} stage {at}: {}", test.rule, test.number, case.reason));
            }
        }
    }
    let proven = anything.proven.load(Ordering::Relaxed);
    println!("{attacks} attacks, {proven} values proven");
    assert!(attacks > 2500 && proven > 1000, "{attacks} attacks, {proven} values");
    assert!(escaped.is_empty(), "{}", escaped.join("\n"));
}
