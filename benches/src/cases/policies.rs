//! Policies with expressions: what a document costs at load, and what it costs a request.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;

use gatehouse_model::resources::{Catalog, PolicySource};
use gatehouse_policy::{CompileInput, Policies};

use crate::Case;
use crate::plan::Bench;

/// A condition as policies have them: a header and a comparison.
const CONDITION: &str = "<choose><when condition='@(context.Request.Headers.GetValueOrDefault(\"X-Kind\",\"\") == \"order\" \
    && context.Request.Method == \"GET\")' /></choose>";
/// A condition over a variable and a cast.
const VARIABLE: &str = "<choose><when condition='@((bool)context.Variables[\"checked\"] || context.Response != null)' /></choose>";
/// A header whose value is interpolated.
const HEADER: &str = "<set-header name='x-caller' exists-action='override'>\
    <value>@($\"{context.Request.Method} {context.Request.Url.Path} by {(string)context.Variables[\"caller\"]}\")</value></set-header>";
/// Five expressions, as they stand in documents of real services.
const FIVE: &str = "<set-variable name='a' value='@(context.Request.Headers.GetValueOrDefault(\"X-Kind\",\"none\"))' />\
    <set-variable name='b' value='@(((string)context.Variables[\"a\"]).ToLowerInvariant().Contains(\"order\"))' />\
    <choose><when condition='@((bool)context.Variables[\"b\"])'><set-variable name='c' value='@(context.Request.Url.Path.Split(&apos;/&apos;).Length)' /></when></choose>\
    <set-header name='x-a' exists-action='override'><value>@($\"{context.Variables[\"a\"]}-{context.Variables[\"c\"]}\")</value></set-header>";
/// A body that is read as JSON.
const JSON: &str = "<set-variable name='id' value='@((string)context.Request.Body.As&lt;JObject>(preserveContent: true)[\"order\"][\"id\"])' />";

pub(crate) fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        ("policies/none", String::new()),
        ("policies/literal", "<set-variable name='a' value='literal' />".to_owned()),
        ("policies/condition", CONDITION.to_owned()),
        ("policies/condition-on-variable", VARIABLE.to_owned()),
        ("policies/set-header-interpolated", HEADER.to_owned()),
        ("policies/thirty-expressions", FIVE.repeat(6)),
        ("policies/json-body", JSON.to_owned()),
    ]
    .into_iter()
    .map(|(name, policies)| Case::new(name, move || run(&policies)))
    .collect();
    cases.push(Case::new("policies/compile-1000-documents", compile));
    cases.push(Case::new("policies/refuse-10-mb", refuse));
    cases
}

/// Runs the policies over one and the same request, whose body and variables they find as they left them.
fn run(policies: &str) -> crate::Run {
    let mut bench = Bench::new(policies);
    bench.check();
    Box::new(move || bench.run())
}

/// A service with this policy.
fn catalog(text: String) -> Catalog {
    let mut catalog = Catalog::default();
    catalog.service.policy = Some(PolicySource { text: text.into(), file: Path::new("policy.xml").into() });
    catalog
}

fn document(number: usize) -> String {
    let mut policies = String::new();
    for (place, text) in [CONDITION, HEADER, FIVE, FIVE].into_iter().enumerate() {
        // Each expression is another one, or all but the first document would cost nothing.
        policies.push_str(&text.replace("order", &format!("order{number}x{place}")).replace("x-a", "x-b"));
    }
    let _ = write!(policies, "<set-variable name='n' value='@({number} + context.Request.Url.Port)' />");
    format!("<policies><inbound>{policies}</inbound></policies>")
}

fn compile() -> crate::Run {
    let catalogs: Vec<Catalog> = (0..1000).map(|number| catalog(document(number))).collect();
    let named_values: Vec<_> =
        catalogs.iter().map(|catalog| gatehouse_vault::resolve(catalog, &[])).collect();
    Box::new(move || {
        for (catalog, named_values) in catalogs.iter().zip(&named_values) {
            let (policies, findings) =
                Policies::compile(&CompileInput { catalog, named_values, certificates: &Default::default() });
            assert!(!findings.has_errors(), "{findings}");
            black_box(policies);
        }
    })
}

/// Texts of ten million bytes that a reader could lose itself in.
fn refuse() -> crate::Run {
    let pieces =
        ["(", "a+", "\"", "$\"{", "/*", "a<", "1,", "x=>", "?.a", "new ", "{", "a ? ", "-", "[", "a.b("];
    let texts: Vec<String> =
        pieces.iter().map(|piece| format!("@({})", piece.repeat(10_000_000 / piece.len()))).collect();
    let mut next = 0;
    Box::new(move || {
        next = (next + 1) % texts.len();
        if let Some(text) = texts.get(next) {
            assert!(gatehouse_expression::compile(black_box(text)).is_err());
        }
    })
}
