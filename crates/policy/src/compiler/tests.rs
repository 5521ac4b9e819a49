use gatehouse_model::Located;
use gatehouse_model::resources::Resources;

use super::*;
use crate::testing::*;
use crate::{Plan, Step};

/// The headers that a plan's inbound section sets, in order: they tell which documents are in it.
fn trail(plan: &Plan) -> Vec<String> {
    let path = |step: &Arc<Step>| format!("{}:{}", step.origin.scope, step.origin.path);
    plan.inbound.iter().map(path).collect()
}

const SET: &str = "<set-header name=\"x\" exists-action=\"delete\" />";

fn with_base(policies: &str) -> String {
    format!(
        "<policies><inbound><base />{policies}</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"
    )
}

#[test]
fn scopes_are_merged_where_base_stands() {
    let mut catalog = catalog(&document("inbound", SET));
    let mut orders = api("orders", Some(&document("inbound", &format!("{SET}<base />"))));
    orders.operations.insert("get".into(), operation("get", Some(&with_base(SET))));
    orders.operations.insert("put".into(), operation("put", None));
    orders.operations.insert("alone".into(), operation("alone", Some("<policies />")));
    catalog.service.apis.insert("orders".into(), orders);
    catalog.service.apis.insert("plain".into(), api("plain", None));
    catalog
        .service
        .products
        .insert("gold".into(), product("gold", &["orders", "plain"], Some(&with_base(SET))));
    let policies = policies(&catalog);

    let get = plan_of(&policies, "orders", "get", Some("gold"));
    let wanted =
        ["api:set-header[1]", "global:set-header[1]", "product:set-header[1]", "operation:set-header[1]"];
    assert_eq!(trail(&get), wanted);
    let get = plan_of(&policies, "orders", "get", None);
    assert_eq!(trail(&get), ["api:set-header[1]", "global:set-header[1]", "operation:set-header[1]"]);
    assert_eq!(get.backend.len(), 1);
    assert_eq!(
        trail(&plan_of(&policies, "orders", "put", None)),
        ["api:set-header[1]", "global:set-header[1]"]
    );
    let alone = plan_of(&policies, "orders", "alone", Some("gold"));
    assert!(alone.inbound.is_empty() && alone.backend.is_empty());
    let plain = plan_of(&policies, "plain", "any", Some("gold"));
    assert_eq!(trail(&plain), ["global:set-header[1]", "product:set-header[1]"]);
}

#[test]
fn what_has_no_document_of_its_own_shares_a_plan() {
    let mut catalog = catalog(&document("inbound", SET));
    for n in 0..50 {
        let mut api = api(&format!("a{n}"), (n % 2 == 0).then(|| with_base("")).as_deref());
        for m in 0..10 {
            api.operations.insert(format!("o{m}"), operation(&format!("o{m}"), None));
        }
        catalog.service.apis.insert(api.name.clone(), api);
    }
    let policies = policies(&catalog);
    let global = policies.global();
    for n in 0..50 {
        let plan = plan_of(&policies, &format!("a{n}"), "o3", None);
        assert!(Arc::ptr_eq(&plan, &global), "a{n}");
    }
}

#[test]
fn a_service_without_a_policy_forwards() {
    let policies = policies(&Catalog::default());
    assert_eq!(policies.global().backend.len(), 1);
    assert_eq!(policies.global().backend[0].origin.policy, "forward-request");
}

#[test]
fn a_workspace_stands_between_the_service_and_its_products() {
    let mut catalog = catalog(&document("inbound", SET));
    let mut resources = Resources { policy: Some(source("w.xml", &with_base(SET))), ..Default::default() };
    resources.apis.insert("orders".into(), api("orders", Some(&with_base(SET))));
    resources.products.insert("gold".into(), product("gold", &["orders"], Some(&with_base(SET))));
    catalog.workspaces.insert("team".into(), resources);
    let policies = policies(&catalog);
    let key = PlanKey { workspace: Some("team"), api: "orders", operation: None, product: Some("gold") };
    let wanted =
        ["global:set-header[1]", "workspace:set-header[1]", "product:set-header[1]", "api:set-header[1]"];
    assert_eq!(trail(&policies.plan(&key)), wanted);
}

#[test]
fn fragments_are_inserted_and_do_not_nest() {
    let mut catalog = catalog(&document(
        "inbound",
        "<include-fragment fragment-id=\"f\" /><choose><when condition=\"true\"><include-fragment fragment-id=\"f\" /></when></choose>",
    ));
    catalog.service.fragments.insert("f".into(), fragment("f", &format!("<fragment>{SET}{SET}</fragment>")));
    let plan = policies(&catalog).global();
    let wanted = [
        "global:include-fragment[1]/set-header[1]",
        "global:include-fragment[1]/set-header[2]",
        "global:choose[1]",
    ];
    assert_eq!(trail(&plan), wanted);

    catalog.service.fragments.insert(
        "f".into(),
        fragment("f", "<fragment>\n<include-fragment fragment-id=\"f\" />\n<include-fragment fragment-id=\"g\" /><base /></fragment>"),
    );
    let told = findings(&catalog);
    assert!(told[0].starts_with("fragments/f.xml:2:1: error: the fragment `f` includes itself"), "{told:?}");
    assert!(
        told[1].contains("fragments/f.xml:3:1: error: the fragment `f` includes the fragment `g`"),
        "{told:?}"
    );
    assert!(told[2].contains("`<base />` stands in the fragment `f`"), "{told:?}");
    assert_eq!(told.len(), 3);
}

#[test]
fn a_missing_fragment_names_both_ends() {
    let mut catalog = catalog(&document("inbound", "<include-fragment fragment-id=\"authh\" />"));
    catalog.service.fragments.insert("auth".into(), fragment("auth", "<fragment />"));
    let told = findings(&catalog);
    assert_eq!(
        told,
        [
            "policy.xml:1:89: error: `include-fragment` of the service names the policy fragment `authh`, which does not exist (did you mean `auth`?)"
        ]
    );
}

#[test]
fn a_fragment_that_nobody_includes_is_checked_too() {
    let mut catalog = catalog("<policies />");
    catalog.service.fragments.insert("f".into(), fragment("f", "<fragment><set-headr /></fragment>"));
    catalog.service.fragments.insert("g".into(), fragment("g", "<policies />"));
    let told = findings(&catalog);
    assert!(told[0].contains("there is no policy `set-headr` (did you mean `set-header`?)"), "{told:?}");
    assert!(told[1].contains("a fragment has the root `<fragment>`, not `<policies>`"), "{told:?}");
}

#[test]
fn policies_out_of_place_are_refused() {
    let cases = [
        (
            "<policies><inbound><forward-request /></inbound></policies>",
            "1:20: error: `forward-request` cannot stand in the section `inbound` (it may stand in backend)",
        ),
        (
            "<policies><inbond /></policies>",
            "1:11: error: `inbond` cannot stand in `policies` (did you mean `inbound`?)",
        ),
        ("<policies><inbound /><inbound /></policies>", "1:22: error: `policies` holds a second `inbound`"),
        ("<fragment />", "1:1: error: a policy document has the root `<policies>`"),
        ("<policies>x</policies>", "1:11: error: text stands in `policies`"),
        ("<policies><inbound>x</inbound></policies>", "1:20: error: text stands in `inbound`"),
        (
            "<policies><inbound><sql-data-source /></inbound></policies>",
            "1:20: error: the policy `sql-data-source` is not yet available",
        ),
        (
            "<policies><backend><forward-request /><set-variable name=\"a\" value=\"b\" /></backend></policies>",
            "1:39: medium: the backend section holds more than one policy",
        ),
        (
            "<policies><inbound><choose><when condition=\"true\"><base /></when></choose></inbound></policies>",
            "1:51: error: `<base />` stands inside another policy",
        ),
        ("<policies a=\"b\" />", "1:11: error: `policies` has no attribute `a`"),
        (
            "<policies><inbound><base a=\"b\" /></inbound></policies>",
            "1:26: error: `base` has no attribute `a`",
        ),
    ];
    for (text, wanted) in cases {
        let told = findings(&catalog(text));
        let wanted = format!("policy.xml:{wanted}");
        assert!(
            told.iter().any(|told| told.starts_with(&wanted)),
            "{text}\n  told   {told:?}\n  wanted {wanted}"
        );
        assert_eq!(told.len(), 1, "{told:?}");
    }
}

#[test]
fn all_errors_are_told_at_once() {
    let told = findings_in(
        "inbound",
        "<set-header nam=\"a\" /><set-variable name=\"a\" /><choose><when><nope /></when></choose>",
    );
    let wanted = [
        "`set-header` has no attribute `name`, which it needs (write `name` instead of `nam`)",
        "`set-header` holds no `value`",
        "`set-header` has no attribute `nam` (did you mean `name`?)",
        "`set-variable` has no attribute `value`, which it needs (add `value=\"…\"`)",
        "`when` has no attribute `condition`",
        "there is no policy `nope`",
    ];
    assert_eq!(told.len(), wanted.len(), "{told:?}");
    for (told, wanted) in told.iter().zip(wanted) {
        assert!(told.contains(wanted), "{told}");
    }
}

#[test]
fn all_that_is_wrong_within_one_policy_is_told() {
    let told = findings_in(
        "inbound",
        "<rate-limit-by-key calls=\"no\" renewal-period=\"@(1 +)\" counter-key=\"{{a}} {{b}}\" \
         increment-condition=\"maybe\" total-calls-header-name=\"a b\" increment-after-response=\"x\" />",
    );
    let wanted = [
        "`calls` must be a whole number",
        "an expression",
        "the named value `a`",
        "the named value `b`",
        "`increment-condition` must be `true`, `false` or an expression",
        "`a b`",
        "`increment-after-response` must be `true` or `false`",
    ];
    assert_eq!(told.len(), wanted.len(), "{told:#?}");
    for (told, wanted) in told.iter().zip(wanted) {
        assert!(told.contains(wanted), "{told}");
    }
}

#[test]
fn named_values_are_put_in_by_display_name() {
    let mut catalog = catalog(&document(
        "inbound",
        "<set-header name=\"{{field}}\"><value>a{{field}}b{{from-vault}}</value></set-header>",
    ));
    for value in [named_value("field", Some("x-y"), false), named_value("from-vault", None, true)] {
        catalog.service.named_values.insert(value.name.clone(), value);
    }
    let mut exchange = exchange();
    TestWorld::new().run(&policies(&catalog).global(), &mut exchange);
    assert_eq!(exchange.request.headers["x-y"], "ax-ybvaulted");
}

#[test]
fn a_named_value_that_is_missing_or_without_value_names_both_ends() {
    let mut catalog = catalog(&document(
        "inbound",
        "\n<set-variable name=\"a\" value=\"b{{feild}}\" /><set-variable name=\"a\" value=\"{{lost}}\" />",
    ));
    for value in [named_value("field", Some("x"), false), named_value("lost", None, true)] {
        catalog.service.named_values.insert(value.name.clone(), value);
    }
    let told = findings(&catalog);
    assert_eq!(
        told,
        [
            "policy.xml:2:32: error: the policy of the service uses the named value `feild`, but the service has none of that display name (did you mean `{{field}}`?)",
            "policy.xml:2:75: error: the policy of the service uses the named value `lost` (declared at namedValues), which has no value: the artifacts leave its value out; set the secret of lost",
        ]
    );
}

#[test]
fn a_secret_is_not_shown_in_an_error() {
    let mut catalog = catalog(&document("inbound", "<set-status code=\"{{code}}\" />"));
    let value = named_value("code", Some("hush"), true);
    catalog.service.named_values.insert(value.name.clone(), value);
    let told = findings(&catalog).join("\n");
    assert!(told.contains("must be a whole number from 200 to 999, not `its named value`"), "{told}");
    assert!(!told.contains("hush"));
}

#[test]
fn fragments_and_named_values_do_not_grow_without_bound() {
    let includes = "<include-fragment fragment-id=\"f\" />".repeat(300);
    let mut catalog = catalog(&document("inbound", &includes));
    let policies = SET.repeat(100);
    catalog.service.fragments.insert("f".into(), fragment("f", &format!("<fragment>{policies}</fragment>")));
    let told = findings(&catalog);
    assert!(told[0].contains("more than 20000 policies once its fragments are inserted"), "{told:?}");

    let mut catalog = crate::testing::catalog(&document(
        "inbound",
        &format!("<set-variable name=\"a\" value=\"{}\" />", "{{v}}".repeat(1000)),
    ));
    let value = named_value("v", Some(&"x".repeat(4000)), false);
    catalog.service.named_values.insert(value.name.clone(), value);
    let told = findings(&catalog);
    assert!(told[0].contains("larger than 524288 bytes once its named values are put in"), "{told:?}");
}

#[test]
fn documents_of_all_scopes_name_their_resource() {
    let mut catalog = Catalog::default();
    let mut orders = api("orders", Some("<policies><inbound><nope /></inbound></policies>"));
    orders.operations.insert("get".into(), operation("get", Some("<policies><inbound></policies>")));
    catalog.service.apis.insert("orders".into(), orders);
    let (_, diagnostics) = compile(&catalog);
    let resources: Vec<_> =
        diagnostics.iter().map(|found| found.resource.clone().unwrap_or_default()).collect();
    // One of the API's is that nothing gives it a backend.
    assert_eq!(resources, ["apis/orders", "apis/orders", "apis/orders/operations/get"]);
}

/// Every mutation of a document compiles or is refused with a place: nothing panics.
#[test]
fn no_document_makes_the_compiler_panic() {
    let text = document(
        "inbound",
        "<base /><include-fragment fragment-id=\"f\" /><choose id=\"{{v}}\"><when condition=\"@(context.Request.Method == \"GET\")\"><set-header name=\"x\" exists-action=\"append\"><value>a @(1 + 1) {{v}}</value></set-header></when><otherwise><return-response><set-status code=\"200\" reason=\"é\" /><set-body>{\"a\": 1}</set-body></return-response></otherwise></choose><set-backend-service base-url=\"https://a.example/\" />",
    );
    let alphabet: Vec<char> = "<>\"'@(){}[]&;/= \nvé$\\".chars().collect();
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut random = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % bound as u64) as usize
    };
    for _ in 0..2_000 {
        let mut characters: Vec<char> = text.chars().collect();
        for _ in 0..=random(3) {
            let at = random(characters.len());
            match random(3) {
                0 => characters[at] = alphabet[random(alphabet.len())],
                1 => characters.insert(at, alphabet[random(alphabet.len())]),
                _ => drop(characters.remove(at)),
            }
        }
        let mutated: String = characters.into_iter().collect();
        let mut catalog = catalog(&mutated);
        catalog.service.fragments.insert("f".into(), fragment("f", &format!("<fragment>{SET}</fragment>")));
        let value = named_value("v", Some("w"), false);
        catalog.service.named_values.insert(value.name.clone(), value);
        for found in compile(&catalog).1 {
            assert!(found.location.is_some_and(|location| location.line > 0), "{mutated}\n{}", found.message);
        }
    }
}

#[test]
fn an_api_that_nothing_gives_a_backend_is_worth_a_word() {
    let told = |service: Option<&str>, api_policy: &str, operation_policy: Option<&str>, url: bool| {
        let mut catalog = Catalog::default();
        catalog.service.policy = service.map(|text| source("policy.xml", text));
        let mut api = api("orders", Some(api_policy));
        api.service_url = url
            .then(|| Located::new("https://b.example".parse().unwrap(), Location::file(Path::new("apis"))));
        api.operations.insert("get".into(), operation("get", operation_policy));
        catalog.service.apis.insert("orders".into(), api);
        catalog.service.products.insert("p".into(), product("p", &["orders"], None));
        let told: Vec<String> =
            findings(&catalog).into_iter().filter(|told| told.contains("has no backend")).collect();
        told.len()
    };
    let base = "<policies><inbound><base /></inbound><backend><base /></backend></policies>";
    assert_eq!(told(None, base, None, false), 1);
    assert_eq!(told(None, base, None, true), 0);
    let chosen = |policy: &str| {
        format!(
            "<policies><inbound><base /><choose><when condition=\"true\">{policy}</when></choose></inbound><backend><base /></backend></policies>"
        )
    };
    assert_eq!(told(None, &chosen("<set-backend-service base-url=\"https://c.example\" />"), None, false), 0);
    assert_eq!(told(None, base, Some(&chosen("<return-response />")), false), 0);
    assert_eq!(told(Some("<policies />"), base, None, false), 0);
    assert_eq!(
        told(Some(&chosen("<set-backend-service base-url=\"https://c.example\" />")), base, None, false),
        0
    );
}
