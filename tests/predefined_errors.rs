//! The predefined errors of Azure API Management's page on error handling: each condition is brought about, and
//! `on-error` tells what `context.LastError` says of it.

use std::io::Write as _;
use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::support::landing::free_port;
use crate::support::{Answer, Api, Backend, Gateway, Landing, RawBackend, RawClient};

const GLOBAL: &str = "<policies><inbound /><backend><forward-request /></backend><outbound /><on-error>\
    <set-header name=\"E-Source\"><value>@(context.LastError.Source)</value></set-header>\
    <set-header name=\"E-Reason\"><value>@(context.LastError.Reason)</value></set-header>\
    <set-header name=\"E-Message\"><value>@(context.LastError.Message)</value></set-header>\
    <set-header name=\"E-Place\"><value>@((context.LastError.Scope ?? \"-\") + \" \" + (context.LastError.Section ?? \"-\") + \" \" + (context.LastError.Path ?? \"-\"))</value></set-header>\
    <set-header name=\"E-Policy\"><value>@(context.LastError.PolicyId ?? \"-\")</value></set-header>\
    <set-header name=\"E-Status\"><value>@(context.Response.StatusCode.ToString())</value></set-header>\
    </on-error></policies>";
const KEY: &[u8] = b"a key that has two hundred and fifty-six bits at least";

/// The case that counts subscriptions, and needs one.
const KEYED: &str = "rate-limit";

/// A condition of the table and what is said of it; `*` in a message stands for anything.
struct Case {
    name: &'static str,
    /// The API's policies, with their section; what fails has the id `mine`.
    section: &'static str,
    policies: String,
    /// How often it is asked at most, until it has the status.
    times: usize,
    query: &'static str,
    headers: Vec<(&'static str, String)>,
    status: u16,
    source: &'static str,
    reason: &'static str,
    message: &'static str,
    path: &'static str,
}

fn case(name: &'static str, policies: impl Into<String>) -> Case {
    Case {
        name,
        section: "inbound",
        policies: policies.into(),
        times: 1,
        query: "",
        headers: Vec::new(),
        status: 500,
        source: "",
        reason: "",
        message: "",
        path: "",
    }
}

impl Case {
    fn fails(mut self, status: u16, path: &'static str, reason: &'static str, message: &'static str) -> Self {
        let last = path.rsplit('/').next().unwrap();
        self.source = last.split('[').next().unwrap();
        (self.status, self.path, self.reason, self.message) = (status, path, reason, message);
        self
    }

    fn section(self, section: &'static str) -> Self {
        Self { section, ..self }
    }

    fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }
}

fn token(header: &str, claims: &str, key: &[u8]) -> String {
    let signed = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), signed.as_bytes());
    format!("Bearer {signed}.{}", URL_SAFE_NO_PAD.encode(tag))
}

/// A case of `validate-jwt` with a token of these claims.
fn jwt(name: &'static str, claims: &str) -> Case {
    let key = base64::engine::general_purpose::STANDARD.encode(KEY);
    let policy = format!(
        "<validate-jwt id=\"mine\" header-name=\"Authorization\"><issuer-signing-keys><key id=\"one\">{key}</key></issuer-signing-keys><audiences><audience>orders</audience></audiences><issuers><issuer>me</issuer></issuers><required-claims><claim name=\"scp\"><value>read</value></claim></required-claims></validate-jwt>"
    );
    case(name, policy).header("authorization", token(r#"{"alg":"HS256","kid":"one"}"#, claims, KEY))
}

const GOOD: &str = r#"{"aud":"orders","iss":"me","exp":4102444800,"scp":"read"}"#;

fn cases(slow: &str) -> Vec<Case> {
    let claims = |from: &str, to: &str| {
        assert!(GOOD.contains(from));
        GOOD.replace(from, to)
    };
    let mut cases = vec![
        case(
            "expression",
            "<choose><when condition=\"@(true)\"><set-variable id=\"mine\" name=\"v\" value=\"@(context.Variables[&quot;none&quot;])\" /></when></choose>",
        )
        .fails(
            500,
            "choose[1]/when[1]/set-variable[1]",
            "ExpressionValueEvaluationFailure",
            "Expression at *'none' was not present in the dictionary.",
        ),
        case("rate-limit", "<rate-limit-by-key calls=\"9\" renewal-period=\"60\" counter-key=\"a\" /><rate-limit id=\"mine\" calls=\"1\" renewal-period=\"60\" />")
            .fails(429, "rate-limit[1]", "RateLimitExceeded", "Rate limit is exceeded"),
        case("rate-limit-by-key", "<rate-limit-by-key id=\"mine\" calls=\"1\" renewal-period=\"60\" counter-key=\"b\" />")
            .fails(429, "rate-limit-by-key[1]", "RateLimitExceeded", "Rate limit is exceeded"),
        case("quota", "<quota-by-key id=\"mine\" calls=\"1\" renewal-period=\"3600\" counter-key=\"q\" />").fails(
            403,
            "quota-by-key[1]",
            "QuotaExceeded",
            "Out of call volume quota. Quota will be replenished in *:*:*.",
        ),
        case("bandwidth", "<quota-by-key id=\"mine\" bandwidth=\"1\" renewal-period=\"3600\" counter-key=\"c\" />").fails(
            403,
            "quota-by-key[1]",
            "QuotaExceeded",
            "Out of bandwidth quota. Quota will be replenished in *:*:*.",
        ),
        case("jsonp", "<jsonp id=\"mine\" callback-parameter-name=\"cb\" />").section("outbound").fails(
            400,
            "jsonp[1]",
            "CallbackParameterInvalid",
            "Value of callback parameter cb is not a valid JavaScript identifier.",
        ),
        case("ip-allow", "<ip-filter id=\"mine\" action=\"allow\"><address>192.0.2.1</address></ip-filter>").fails(
            403,
            "ip-filter[1]",
            "CallerIpNotAllowed",
            "Caller IP address 127.0.0.1 is not allowed. Access denied.",
        ),
        case(
            "ip-forbid",
            "<ip-filter id=\"mine\" action=\"forbid\"><address-range from=\"127.0.0.1\" to=\"127.0.0.9\" /></ip-filter>",
        )
        .fails(403, "ip-filter[1]", "CallerIpBlocked", "Caller IP address is blocked. Access denied."),
        case("header-missing", check("X-Plan")).fails(
            401,
            "check-header[1]",
            "HeaderNotFound",
            "Header X-Plan was not found in the request. Access denied.",
        ),
        case("header-value", check("X-Plan")).header("x-plan", "free").fails(
            401,
            "check-header[1]",
            "HeaderValueNotAllowed",
            "Header X-Plan value of free is not allowed. Access denied.",
        ),
        jwt("jwt-signature", GOOD)
            .header("authorization", token(r#"{"alg":"HS256","kid":"one"}"#, GOOD, b"some other key that is long enough for it"))
            .fails(401, "validate-jwt[1]", "TokenSignatureInvalid", "* Access denied."),
        jwt("jwt-audience", &claims("orders", "bills")).fails(
            401,
            "validate-jwt[1]",
            "TokenAudienceNotAllowed",
            "* Access denied.",
        ),
        jwt("jwt-issuer", &claims("\"me\"", "\"you\"")).fails(
            401,
            "validate-jwt[1]",
            "TokenIssuerNotAllowed",
            "* Access denied.",
        ),
        jwt("jwt-expired", &claims("4102444800", "1000000000")).fails(
            401,
            "validate-jwt[1]",
            "TokenExpired",
            "* Access denied.",
        ),
        jwt("jwt-key", GOOD).header("authorization", token(r#"{"alg":"HS256","kid":"two"}"#, GOOD, KEY)).fails(
            401,
            "validate-jwt[1]",
            "TokenSignatureKeyNotFound",
            "* Access denied.",
        ),
        jwt("jwt-claim", &claims(",\"scp\":\"read\"", "")).fails(
            401,
            "validate-jwt[1]",
            "TokenClaimNotFound",
            "JWT token is missing the following claims: scp. Access denied.",
        ),
        jwt("jwt-claim-value", &claims("read", "write")).fails(
            401,
            "validate-jwt[1]",
            "TokenClaimValueNotAllowed",
            "Claim scp value of write is not allowed. Access denied.",
        ),
        jwt("jwt-other", GOOD).header("authorization", "Bearer no.token").fails(
            401,
            "validate-jwt[1]",
            "JwtInvalid",
            "*",
        ),
        case("backend", format!("<set-backend-service base-url=\"http://127.0.0.1:{}\" />", free_port()))
            .fails(500, "forward-request[1]", "BackendConnectionFailure", "*"),
        case("timeout", "<forward-request id=\"mine\" timeout=\"1\" />").section("backend").fails(
            500,
            "forward-request[1]",
            "Timeout",
            "*",
        ),
        case(
            "timeout-of-a-request",
            format!("<send-request id=\"mine\" mode=\"new\" timeout=\"1\" response-variable-name=\"r\"><set-url>{slow}</set-url><set-method>GET</set-method></send-request>"),
        )
        .fails(500, "send-request[1]", "Timeout", "*"),
    ];
    let absent = jwt("jwt-absent", GOOD);
    cases.push(Case { headers: Vec::new(), ..absent }.fails(
        401,
        "validate-jwt[1]",
        "TokenNotPresent",
        "JWT not present.",
    ));
    for case in &mut cases {
        match case.name {
            "rate-limit" | "rate-limit-by-key" | "quota" | "bandwidth" => case.times = 200,
            "jsonp" => case.query = "?cb=1%2B1",
            _ => {}
        }
        // What a case says last of a field is what it means.
        let last = case.headers.pop();
        case.headers.clear();
        case.headers.extend(last);
    }
    cases
}

fn check(name: &str) -> String {
    format!(
        "<check-header id=\"mine\" name=\"{name}\" failed-check-httpcode=\"401\" failed-check-error-message=\"no\" ignore-case=\"true\"><value>gold</value></check-header>"
    )
}

/// Whether a text is as wanted; `*` stands for anything.
fn fits(wanted: &str, text: &str) -> bool {
    match wanted.split_once('*') {
        None => wanted == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            rest.is_empty() || (0..=text.len()).any(|n| text.get(n..).is_some_and(|text| fits(rest, text)))
        }),
    }
}

fn said(answer: &Answer) -> [String; 5] {
    ["e-source", "e-reason", "e-message", "e-place", "e-policy"]
        .map(|name| answer.header(name).unwrap_or_else(|| panic!("{name} is missing: {answer:?}")).to_owned())
}

#[tokio::test]
async fn each_condition_of_the_table_has_its_source_reason_message_and_place() {
    let backend = Backend::answering(|_| http::Response::new(bytes::Bytes::from(vec![b'1'; 2000]).into()));
    // It reads and never answers.
    let silent = RawBackend::start(|peer| {
        peer.read_head();
        peer.read_some();
    });
    let cases = cases(&silent.url());
    let mut landing = Landing::new().with("egress: { allow: [localhost, 127.0.0.1] }");
    landing.file("artifacts/policy.xml", GLOBAL);
    for case in &cases {
        let in_section = |section: &str, base: &str| {
            if section == case.section { format!("{base}{}", case.policies) } else { "<base />".to_owned() }
        };
        let document = format!(
            "<policies><inbound>{}</inbound><backend>{}</backend><outbound>{}</outbound><on-error><base /></on-error></policies>",
            in_section("inbound", "<base />"),
            in_section("backend", ""),
            in_section("outbound", "<base />")
        );
        let url = if case.name == "timeout" { silent.url() } else { backend.url() };
        let api = Api::new(case.name, &url).operation("get", "GET", "/x").policy(&document);
        landing = landing.api(api.set("subscriptionRequired", case.name == KEYED));
    }
    let landing = landing.subscription("s", &format!("/apis/{KEYED}"));
    let gateway = Gateway::start(landing).await;
    for case in &cases {
        let mut client = gateway.client();
        if case.name == KEYED {
            client = client.header("Ocp-Apim-Subscription-Key", "s-primary");
        }
        for (name, value) in &case.headers {
            client = client.header(name, value);
        }
        let path = format!("/{}/x{}", case.name, case.query);
        let mut answer = client.get(&path).await;
        // What an answer has cost is counted when its last byte is sent, perhaps a moment later.
        for _ in 1..case.times {
            if answer.status == case.status {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
            answer = client.get(&path).await;
        }
        assert!(answer.headers.contains_key("e-source"), "{} is answered with {}", case.name, answer.status);
        let [source, reason, message, place, policy] = said(&answer);
        let name = case.name;
        assert_eq!((source.as_str(), reason.as_str()), (case.source, case.reason), "{name}: {message}");
        assert!(fits(case.message, &message), "{name}: {message}");
        assert_eq!(answer.status, case.status, "{name}");
        assert_eq!(answer.header("e-status").unwrap(), case.status.to_string(), "{name}");
        let is_global = case.name == "backend";
        let (scope, section) = match case.name {
            "backend" => ("global", "backend"),
            _ => ("api", case.section),
        };
        assert_eq!(place, format!("{scope} {section} {}", case.path), "{name}");
        assert_eq!(policy, if is_global { "-" } else { "mine" }, "{name}");
    }
}

#[tokio::test]
async fn each_built_in_step_of_the_table_has_its_source_reason_and_message() {
    let backend = Backend::echo();
    let read =
        "<set-variable id=\"mine\" name=\"b\" value=\"@(context.Request.Body.As&lt;string>(true))\" />";
    let landing = Landing::new()
        .api(Api::new("keys", &backend.url()).set("subscriptionRequired", true).operation("get", "GET", "/x"))
        .api(Api::new("read", &backend.url()).operation("post", "POST", "/x").inbound(read));
    landing.file("artifacts/policy.xml", GLOBAL);
    let gateway = Gateway::start(landing).await;
    let nowhere = "- - -";
    let wrong = gateway.client().header("Ocp-Apim-Subscription-Key", "wrong");
    let cases = [
        (
            gateway.client().get("/none/x").await,
            404,
            "configuration",
            "OperationNotFound",
            "Unable to match incoming request to an operation.",
        ),
        (
            gateway.client().send("POST", "/keys/x", "").await,
            404,
            "configuration",
            "OperationNotFound",
            "Unable to match incoming request to an operation.",
        ),
        (
            gateway.client().get("/keys/x").await,
            401,
            "authorization",
            "SubscriptionKeyNotFound",
            "Access denied due to missing subscription key. Make sure to include subscription key when making requests to this API.",
        ),
        (
            wrong.get("/keys/x").await,
            401,
            "authorization",
            "SubscriptionKeyInvalid",
            "Access denied due to invalid subscription key. Make sure to provide a valid key for an active subscription.",
        ),
    ];
    for (answer, status, source, reason, message) in cases {
        let [said_source, said_reason, said_message, place, policy] = said(&answer);
        assert_eq!(answer.status, status, "{reason}");
        assert_eq!((said_source.as_str(), said_reason.as_str()), (source, reason));
        assert_eq!((said_message.as_str(), place.as_str(), policy.as_str()), (message, nowhere, "-"));
    }
    // A client that breaks off what it sends: the framing of a chunk is wrong.
    let mut raw = RawClient::connect(&gateway.client(), "http/1.1").await;
    let head = "POST /read/x HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/octet-stream\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n";
    raw.send(head).await;
    let told = raw.read_to_end(Duration::from_secs(60)).await.to_lowercase();
    assert!(told.starts_with("http/1.1 400 "), "{told}");
    for wanted in [
        "e-source: set-variable\r\n",
        "e-reason: clientconnectionfailure\r\n",
        "e-place: api inbound set-variable[1]\r\n",
        "e-policy: mine\r\n",
    ] {
        assert!(told.contains(wanted), "{wanted}: {told}");
    }
}

#[tokio::test]
async fn a_backend_that_breaks_off_is_a_failure_of_the_connection() {
    let broken = RawBackend::start(|peer| {
        peer.read_head();
        let _ = peer.stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
    });
    let read = "<policies><inbound><base /></inbound><backend><base /></backend><outbound><base /><set-variable id=\"mine\" name=\"b\" value=\"@(context.Response.Body.As&lt;string>())\" /></outbound><on-error><base /></on-error></policies>";
    let landing = Landing::new().api(Api::new("a", &broken.url()).operation("get", "GET", "/x").policy(read));
    landing.file("artifacts/policy.xml", GLOBAL);
    let gateway = Gateway::start(landing).await;
    let answer = gateway.client().get("/a/x").await;
    let [source, reason, _, place, policy] = said(&answer);
    assert_eq!(answer.status, 502);
    assert_eq!((source.as_str(), reason.as_str()), ("set-variable", "BackendConnectionFailure"));
    assert_eq!((place.as_str(), policy.as_str()), ("api outbound set-variable[1]", "mine"));
}
