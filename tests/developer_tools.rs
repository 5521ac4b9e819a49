//! What developers run on a laptop: `coverage`, `test`, `trace`, and traces of a running gateway.

use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::support::{Api, Backend, Gateway, Landing, gatehouse, peers};

fn text(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {}", text(output)))
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// Puts a word in the place of every `${…}` of Terraform.
fn rendered(text: &str) -> String {
    let mut text = text.to_owned();
    while let Some(start) = text.find("${") {
        let end = text[start..].find('}').map_or(text.len(), |end| start + end + 1);
        text.replace_range(start..end, "rendered");
    }
    text
}

#[test]
fn coverage_of_documents_in_use_finds_what_is_broken_and_little_else() {
    let Some(corpora) = peers::corpora() else { return };
    let folder = tempfile::tempdir().unwrap();
    copy(&corpora.join("policies"), folder.path());
    let table = std::fs::read_to_string(folder.path().join("FLAGS.tsv")).unwrap();
    let mut broken = Vec::new();
    for (path, flags) in table.lines().filter_map(|line| line.split_once('\t')) {
        let file = folder.path().join(path);
        if flags.split(',').any(|flag| flag == "tf") {
            let bytes = std::fs::read_to_string(&file).unwrap();
            std::fs::write(&file, rendered(&bytes)).unwrap();
        }
        if flags.split(',').any(|flag| flag == "malformed") {
            broken.push(path.to_owned());
        }
    }
    let output = gatehouse(folder.path(), &["coverage", ".", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output));
    let report = json(&output);
    let findings = report["findings"].as_array().unwrap();
    assert!(report["documents"].as_u64().unwrap() > 250, "{report}");
    let place = |finding: &Value| {
        assert!(
            finding["line"].as_u64().unwrap() > 0 && finding["column"].as_u64().unwrap() > 0,
            "{finding}"
        );
        finding["file"].as_str().unwrap().trim_start_matches("./").to_owned()
    };
    for path in &broken {
        assert!(findings.iter().any(|finding| place(finding) == *path), "{path} is not refused");
    }
    // What is left are policies that are not there yet, and documents that no compiler of C# would take.
    let lacking = |finding: &&Value| {
        let message = finding["message"].as_str().unwrap();
        !message.contains("not yet available") && !broken.contains(&place(finding))
    };
    let others: Vec<_> = findings.iter().filter(lacking).collect();
    assert!(others.len() <= 15, "{} of {}: {others:#?}", others.len(), findings.len());
    let (total, bound) = (&report["expressions"]["total"], &report["expressions"]["bound"]);
    assert!(total.as_u64().unwrap() - bound.as_u64().unwrap() <= 12, "{bound} of {total}");
    assert_eq!(report["policies"]["set-header"]["supported"], true);
}

#[test]
fn coverage_tells_a_folder_of_documents_from_artifacts() {
    let folder = tempfile::tempdir().unwrap();
    let document = "<policies>\n  <inbound>\n    <set-header name=\"x\"><value>{{unknown}}</value></set-header>\n    <rate-limit calls=\"{{limit}}\" renewal-period=\"@(1)\" />\n    <set-variable name=\"a\" value=\"@(context.Reqest.Method == {{word}})\" />\n    <set-hedder />\n  </inbound>\n</policies>";
    write(folder.path(), "samples/one.xml", document);
    write(folder.path(), "samples/good.xml", "<policies><inbound><base /></inbound></policies>");
    write(folder.path(), "samples/broken.xml", "<policies>\n<inbound>");
    let output = gatehouse(folder.path(), &["coverage", "samples", "--format", "json"]);
    assert_eq!(output.status.code(), Some(1));
    let report = json(&output);
    let mut told: Vec<String> = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|found| {
            let field = |name: &str| found[name].to_string().replace('"', "");
            format!("{}:{}:{}: {}", field("file"), field("line"), field("column"), field("kind"))
        })
        .collect();
    told.sort();
    assert_eq!(
        told,
        [
            "samples/broken.xml:2:1: syntax",
            "samples/one.xml:4:51: unsupported-expression",
            "samples/one.xml:5:45: unsupported-expression",
            "samples/one.xml:6:5: unsupported-policy",
        ],
        "{report:#}"
    );
    assert_eq!(report["documents"], 3);
    let human = gatehouse(folder.path(), &["coverage", "samples"]);
    assert!(text(&human).contains("did you mean `set-header`?"), "{}", text(&human));

    // In artifacts a named value must be declared; one without a value is no matter of coverage.
    let apis = "shop/apis/a";
    write(
        folder.path(),
        &format!("{apis}/apiInformation.json"),
        r#"{"properties":{"displayName":"a","path":"a","protocols":["https"],"subscriptionRequired":false}}"#,
    );
    write(
        folder.path(),
        &format!("{apis}/policy.xml"),
        "<policies><inbound>\n<set-header name=\"x\"><value>{{known}}{{unknown}}</value></set-header><include-fragment fragment-id=\"none\" /></inbound></policies>",
    );
    write(
        folder.path(),
        "shop/named values/known/namedValueInformation.json",
        r#"{"properties":{"displayName":"known","secret":true}}"#,
    );
    let report = json(&gatehouse(folder.path(), &["coverage", "shop", "--format", "json"]));
    let kinds: Vec<_> =
        report["findings"].as_array().unwrap().iter().map(|found| (&found["kind"], &found["line"])).collect();
    assert_eq!(kinds.len(), 2, "{report:#}");
    assert!(kinds.iter().all(|(kind, line)| **kind == "missing-reference" && **line == 2), "{report:#}");
    let good = gatehouse(folder.path(), &["coverage", "samples/good.xml"]);
    assert!(good.status.success(), "{}", text(&good));
    assert_eq!(gatehouse(folder.path(), &["coverage", "nowhere"]).status.code(), Some(2));
}

/// The example of the repository, beside which its tests stand.
fn example() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/apiops")
}

#[test]
fn the_tests_of_the_example_pass_and_reach_nearly_everything() {
    let output = gatehouse(&example(), &["test", "--format", "json"]);
    assert!(output.status.success(), "{}", text(&output));
    let report = json(&output);
    assert_eq!((&report["passed"], &report["failed"]), (&8.into(), &0.into()));
    let human = gatehouse(&example(), &["test", "tests"]);
    assert!(text(&human).contains("8 passed, 0 failed"), "{}", text(&human));
}

const POLICY: &str = r#"<policies><inbound><base />
<set-variable name="n" value="@(1 + 1)" />
<choose>
<when condition="@(context.Request.Headers.ContainsKey("X-Side"))">
<send-request response-variable-name="r" mode="new"><set-url>https://auth.example/token</set-url><set-method>GET</set-method></send-request>
<set-header name="X-Token" exists-action="override"><value>@(((IResponse)context.Variables["r"]).Body.As<JObject>()["token"].ToString())</value></set-header>
</when>
<otherwise><set-header name="X-Other"><value>{{secret}}</value></set-header></otherwise>
</choose>
</inbound><backend>
<retry condition="@(context.Response.StatusCode == 503)" count="2" interval="10"><forward-request buffer-request-body="true" /></retry>
</backend><outbound><base /></outbound><on-error><base /></on-error></policies>"#;

fn laboratory(cases: &str) -> tempfile::TempDir {
    laboratory_of(POLICY, cases)
}

fn laboratory_of(policy: &str, cases: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let api = r#"{"properties":{"displayName":"a","path":"a","protocols":["https"],"serviceUrl":"https://b.example/v1","subscriptionRequired":false}}"#;
    write(folder.path(), "shop/apis/a/apiInformation.json", api);
    write(
        folder.path(),
        "shop/apis/a/specification.json",
        r#"{"openapi":"3.0.3","info":{"title":"a","version":"1"},"paths":{"/x":{"post":{"operationId":"x","responses":{}}}}}"#,
    );
    write(folder.path(), "shop/apis/a/policy.xml", policy);
    write(
        folder.path(),
        "shop/named values/s/namedValueInformation.json",
        r#"{"properties":{"displayName":"secret","secret":true}}"#,
    );
    write(
        folder.path(),
        "a.test.yaml",
        &format!("artifacts: shop\nnamed_values: {{ secret: hush-hush }}\ncases:\n{cases}"),
    );
    folder
}

const REQUEST: &str = "request: { method: POST, url: https://api.example/a/x?q=1, body: { a: 1 }";

#[test]
fn a_case_says_what_differs() {
    let folder = laboratory(&format!(
        "  - name: differs\n    {REQUEST} }}\n    backend: [ {{ status: 503 }}, {{ status: 201, body: made }} ]\n    expect:\n      status: 200\n      headers: {{ X-None: present, X-A: {{ matches: ^b }} }}\n      body: other\n      body_contains: [ade, nothing]\n      backend_called: 1\n      backend_request: {{ method: PUT, url: 'https://b.example/v1/x?q=1', headers: {{ X-Other: wrong }}, body: {{ a: 2 }} }}\n      last_error: {{ source: x }}\n      variables: {{ n: 3, none: 1 }}\n"
    ));
    let output = gatehouse(folder.path(), &["test", "--trace"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output);
    for wanted in [
        "a.test.yaml:4:11: failed: differs",
        "status: expected 200, got 201",
        "headers.X-None: expected to be present, but it is absent",
        "headers.X-A: expected a match of `^b`, got none",
        "body: expected `other`, got `made`",
        "body_contains: `nothing` is not in `made`",
        "backend_called: expected 1 times, got 2",
        "backend_request.method: expected PUT, got POST",
        "backend_request.headers.X-Other: expected `wrong`, got `hush-hush`",
        "backend_request.body: expected {\"a\":2}, got {\"a\":1}",
        "last_error: there is none",
        "variables.n: expected `3`, got `2`",
        "variables.none: there is none",
        "shop/apis/a/policy.xml:4:1: choose when[1]",
        "shop/apis/a/policy.xml:5:1: send-request",
        "0 passed, 1 failed",
        "· runs again at line",
    ] {
        assert!(told.contains(wanted), "`{wanted}` is not in:\n{told}");
    }
    assert!(!told.contains("backend_request.url"), "{told}");
    assert!(!told.contains("again\n"), "the retry was reached:\n{told}");
}

#[test]
fn stubs_answer_policies_and_what_was_sent_is_told() {
    let folder = laboratory(&format!(
        "  - name: side request\n    {REQUEST}, headers: {{ X-Side: 1 }} }}\n    stubs: [ {{ url: https://auth.example/token, body: {{ token: abc }} }} ]\n    expect: {{ status: 200, backend_request: {{ headers: {{ X-Token: abc, X-Other: absent }} }}, policy_requests: [ {{ method: GET, url: https://auth.example/token }} ], last_error: absent }}\n  - name: no stub\n    {REQUEST}, headers: {{ X-Side: 1 }} }}\n    expect: {{ status: 500, backend_called: false, last_error: {{ source: send-request, message: {{ contains: no stub answers GET https://auth.example/token }} }} }}\n  - name: a token\n    {REQUEST}, headers: {{ Authorization: 'Bearer {{{{jwt: {{aud: other, exp: +1h}}}}}}' }} }}\n    expect: {{ backend_request: {{ headers: {{ Authorization: {{ matches: '^Bearer eyJ[^.]+\\.eyJ[^.]+\\.[^.]+$' }} }} }} }}\n"
    ));
    let output = gatehouse(folder.path(), &["test", "--format", "junit"]);
    assert!(output.status.success(), "{}", text(&output));
    let report = text(&output);
    assert!(report.contains("<testsuites tests=\"3\" failures=\"0\""), "{report}");
}

#[test]
fn tokens_of_managed_identities_are_given_and_can_be_stubbed() {
    let policy = r#"<policies><inbound><base />
<authentication-managed-identity resource="https://vault.example" />
<authentication-managed-identity resource="https://store.example" client-id="c-1" output-token-variable-name="other" />
<set-variable name="audience" value="@(context.Request.Headers.GetValueOrDefault("Authorization").AsJwt().Audiences.First())" />
<set-variable name="client" value="@(((string)context.Variables["other"]).AsJwt()?.Claims["appid"][0])" />
</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"#;
    let stub = "url: 'http://169.254.169.254/metadata/identity/oauth2/token*'";
    let folder = laboratory_of(
        policy,
        &format!(
            "  - name: by themselves\n    {REQUEST} }}\n    expect: {{ status: 200, variables: {{ audience: https://vault.example, client: c-1 }}, policy_requests: [] }}\n  - name: stubbed\n    {REQUEST} }}\n    stubs: [ {{ {stub}, body: {{ access_token: '{{{{jwt: {{aud: mine, appid: c-1}}}}}}', expires_in: 3600 }} }} ]\n    expect: {{ status: 200, variables: {{ audience: mine }} }}\n  - name: refused\n    {REQUEST} }}\n    stubs: [ {{ {stub}, status: 400, body: {{ error: invalid_request }} }} ]\n    expect: {{ status: 500, last_error: {{ source: authentication-managed-identity, reason: ManagedIdentityTokenUnavailable, message: {{ contains: status 400 invalid_request }} }} }}\n  - name: no answer\n    {REQUEST} }}\n    stubs: [ {{ {stub}, error: timeout }} ]\n    expect: {{ status: 500, last_error: {{ source: authentication-managed-identity }} }}\n"
        ),
    );
    let output = gatehouse(folder.path(), &["test"]);
    assert!(text(&output).contains("4 passed, 0 failed"), "{}", text(&output));
}

#[test]
fn validate_jwt_believes_the_tokens_of_tests_and_no_others() {
    let policy = r#"<policies><inbound><base />
<validate-jwt header-name="Authorization" output-token-variable-name="jwt"><openid-config url="https://login.example/v2.0/.well-known/openid-configuration" /><audiences><audience>orders</audience></audiences><required-claims><claim name="roles" match="any"><value>reader</value></claim></required-claims></validate-jwt>
</inbound><backend><base /></backend><outbound><base /></outbound><on-error><base /></on-error></policies>"#;
    let case = |name: &str, claims: &str, more: &str, expect: &str| {
        format!(
            "  - name: {name}\n    {REQUEST}, headers: {{ Authorization: 'Bearer {{{{jwt: {{{claims}}}}}}}' }} }}\n    {more}expect: {{ {expect} }}\n"
        )
    };
    let good = "aud: orders, iss: https://login.example/v2.0, sub: ana, roles: [reader]";
    let refused = |reason: &str| {
        format!(
            "status: 401, backend_called: false, headers: {{ WWW-Authenticate: present }}, last_error: {{ source: validate-jwt, reason: {reason} }}"
        )
    };
    let cases = [
        case("good", good, "", "status: 200, variables: { jwt: present }"),
        case("audience", &good.replace("orders", "other"), "", &refused("TokenAudienceNotAllowed")),
        case("issuer", &good.replace("/v2.0", "/v1.0"), "", &refused("TokenIssuerNotAllowed")),
        case("expired", &format!("{good}, exp: -1h"), "", &refused("TokenExpired")),
        case("claim", &good.replace(", roles: [reader]", ""), "", &refused("TokenClaimNotFound")),
        case("role", &good.replace("reader", "writer"), "", &refused("TokenClaimValueNotAllowed")),
        case(
            "secret",
            &format!("{good}, $secret: c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LTEyMzQ="),
            "",
            "status: 401, backend_called: false",
        ),
        case(
            "other keys",
            good,
            "stubs: [ { url: 'https://login.example/v2.0/.well-known/openid-configuration', body: { issuer: https://login.example/v2.0, jwks_uri: https://login.example/keys } }, { url: https://login.example/keys, body: { keys: [] } } ]\n    ",
            &refused("TokenSignatureKeyNotFound"),
        ),
    ];
    let folder = laboratory_of(policy, &cases.concat());
    let output = gatehouse(folder.path(), &["test"]);
    assert!(text(&output).contains("8 passed, 0 failed"), "{}", text(&output));
}

#[test]
fn a_test_file_is_read_strictly() {
    let folder = laboratory(
        "  - name: a\n    reqest: { url: https://a.example/ }\n    expect: { statsu: 200, headers: { X: { regex: a } } }\n",
    );
    let output = gatehouse(folder.path(), &["test"]);
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output);
    for wanted in [
        "a.test.yaml:5:5: error: unknown key `reqest` in a case (did you mean `request`?)",
        "a case needs `request`",
        "unknown key `statsu` in what is expected (did you mean `status`?)",
        "unknown key `regex` in a matcher",
    ] {
        assert!(told.contains(wanted), "`{wanted}` is not in:\n{told}");
    }
    assert_eq!(gatehouse(&folder.path().join("shop"), &["test"]).status.code(), Some(2));
}

#[test]
fn thousands_of_cases_are_quick() {
    let case = format!("  - name: one\n    {REQUEST} }}\n    expect: {{ status: 200, backend_called: 1 }}\n");
    let folder = laboratory(&case.repeat(2000));
    let report = json(&gatehouse(folder.path(), &["test", "--format", "json"]));
    assert_eq!(report["passed"], 2000);
    let cases = report["cases"].as_array().unwrap();
    assert!(cases.iter().all(|case| case["duration_us"].is_u64()));
}

fn find<'r>(report: &'r Value, source: &str) -> &'r Value {
    let entries = report["entries"].as_array().unwrap();
    entries
        .iter()
        .find(|entry| entry["source"] == source)
        .unwrap_or_else(|| panic!("no {source}: {report:#}"))
}

const POLICIES: &str = r#"<set-variable name="auth" value="@("Basic " + Convert.ToBase64String(Encoding.UTF8.GetBytes("u:{{pass}}")))" /><set-header name="X-Plain"><value>@(context.Request.Method + "!")</value></set-header><set-header name="X-Copy"><value>@((string)context.Variables["auth"])</value></set-header><choose><when condition="@(context.Request.Method == "PUT")"><set-status code="418" reason="no" /></when><otherwise><rewrite-uri template="/new" /></otherwise></choose>"#;

fn traced(backend: &str) -> Landing {
    let api = Api::new("orders", backend).operation("get", "GET", "/old").inbound(POLICIES);
    let landing = Landing::new().api(api).api(Api::new("other", backend).operation("get", "GET", "/old"));
    landing.file(
        "artifacts/named values/p/namedValueInformation.json",
        r#"{"properties":{"displayName":"pass","secret":true,"value":"canary-secret"}}"#,
    );
    landing
}

fn hides_secrets(shown: &str) {
    for secret in ["canary-secret", "canary-token", "canary-cookie", "dTpjYW5hcnktc2VjcmV0"] {
        assert!(!shown.contains(secret), "{secret} is in:\n{shown}");
    }
}

#[test]
fn a_request_is_traced_offline_with_every_decision() {
    let landing = traced("http://127.0.0.1:9");
    landing.write_configuration();
    landing.file("stub.yaml", "backend: { status: 202, body: hello }\n");
    let url = "https://localhost/orders/old?x=1";
    let arguments = [
        "trace",
        "-H",
        "Authorization: Bearer canary-token",
        "-H",
        "Cookie: a=canary-cookie",
        url,
        "--stub",
        "stub.yaml",
    ];
    let human = gatehouse(landing.folder.path(), &arguments);
    assert!(human.status.success(), "{}", text(&human));
    hides_secrets(&text(&human));
    let output = gatehouse(landing.folder.path(), &[&arguments[..], &["--format", "json"]].concat());
    let report = json(&output);
    hides_secrets(&report.to_string());
    assert_eq!((&report["response"]["status"], &report["response"]["body"]), (&202.into(), &"hello".into()));
    assert_eq!(find(&report, "routing")["outcome"], "API `orders`, operation `get`");
    assert_eq!(find(&report, "subscription")["outcome"], "no key is needed");
    let header = find(&report, "set-header");
    assert!(
        header["file"].as_str().unwrap().ends_with("orders/policy.xml") && header["line"] == 1,
        "{header}"
    );
    assert_eq!((&header["scope"], &header["section"]), (&"api".into(), &"inbound".into()));
    assert_eq!(header["changes"][0]["what"], "request.headers.x-plain");
    assert_eq!(header["changes"][0]["after"], "GET!");
    let choose = find(&report, "choose");
    assert_eq!(choose["inputs"][0]["name"], "when[1].condition");
    assert_eq!(choose["inputs"][0]["value"], "False");
    assert!(choose["notes"][0].as_str().unwrap().contains("otherwise"), "{choose}");
    let rewrite = find(&report, "rewrite-uri");
    assert_eq!((&rewrite["depth"], &rewrite["changes"][0]["what"]), (&1.into(), &"request.url".into()));
    assert_eq!(find(&report, "backend")["outcome"], "status 202");
    let wrong = gatehouse(landing.folder.path(), &["trace", "http://localhost/orders/old"]);
    assert_eq!(wrong.status.code(), Some(1), "{}", text(&wrong));
    assert_eq!(gatehouse(landing.folder.path(), &["trace"]).status.code(), Some(2));
}

#[tokio::test]
async fn a_running_gateway_keeps_the_trace_of_a_request_with_a_token() {
    let backend = Backend::echo();
    let gateway = Gateway::start(traced(&backend.url())).await;
    let folder = gateway.landing.folder.path().to_owned();
    let token = |api: &str, expires: &str| {
        let output =
            gatehouse(&folder, &["trace", "token", "--api", api, "--expires", expires, "--format", "json"]);
        assert!(output.status.success(), "{}", text(&output));
        json(&output)["token"].as_str().unwrap().to_owned()
    };
    let client = gateway.client().header("authorization", "Bearer canary-token");
    let plain = client.get("/orders/old").await;
    assert!(plain.header("apim-trace-id").is_none());
    let valid = client.clone().header("apim-debug-authorization", &token("orders", "10m"));
    let answer = valid.get("/orders/old").await;
    assert_eq!(answer.status, 200);
    let id = answer.header("apim-trace-id").unwrap().to_owned();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    let shown = loop {
        let output = gatehouse(&folder, &["trace", "show", &id, "--format", "json"]);
        if output.status.success() {
            break output;
        }
        assert!(std::time::Instant::now() < deadline, "{}", text(&output));
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    };
    hides_secrets(&text(&shown));
    let report = json(&shown);
    assert_eq!((&report["api"], &report["response"]["status"]), (&"orders".into(), &200.into()));
    assert!(find(&report, "backend")["duration_us"].as_u64().unwrap() > 0, "{report:#}");
    let human = gatehouse(&folder, &["trace", "show", &id]);
    assert!(text(&human).contains("rewrite-uri"), "{}", text(&human));
    assert!(text(&gatehouse(&folder, &["trace", "list"])).contains(&id));

    // The token opens one API, for its time; what was not made here opens nothing.
    let elsewhere = valid.get("/other/old").await;
    assert!(elsewhere.header("apim-debug-authorization-wrongapi").is_some());
    assert!(elsewhere.header("apim-trace-id").is_none());
    let short = client.clone().header("apim-debug-authorization", &token("orders", "1s"));
    tokio::time::sleep(std::time::Duration::from_millis(2100)).await;
    let late = short.get("/orders/old").await;
    assert!(
        late.header("apim-debug-authorization-expired").is_some() && late.header("apim-trace-id").is_none()
    );
    let forged = client.clone().header("apim-debug-authorization", "aid=orders&exp=9999999999&id=a&sig=AAAA");
    let answer = forged.get("/orders/old").await;
    assert_eq!(answer.status, 200);
    assert!(answer.headers.keys().all(|name| !name.as_str().starts_with("apim-")));
    for request in backend.seen() {
        assert!(!request.headers.contains_key("apim-debug-authorization"));
    }
    for arguments in [["--api", "ordrs", "--expires", "1h"], ["--api", "orders", "--expires", "2h"]] {
        let output = gatehouse(&folder, &[&["trace", "token"][..], &arguments].concat());
        assert!(!output.status.success(), "{}", text(&output));
    }
}
