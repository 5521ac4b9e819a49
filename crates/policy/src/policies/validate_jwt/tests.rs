use std::cell::Cell;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _};
use gatehouse_identity::jose::encode_base64url;
use http::{HeaderMap, HeaderValue, StatusCode};

use crate::testing::*;
use crate::{Body, Exchange, Plan, Response, UpstreamError};

/// 32 bytes, in base64.
const SECRET: &[u8] = b"0123456789abcdef0123456789abcdef";
const SECRET_TEXT: &str = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
/// The clock of a test's world, in seconds.
const NOW: i64 = 1_700_000_000;

fn signed(header: &str, payload: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let input = format!("{}.{}", encode_base64url(header), encode_base64url(payload));
    let signature = sign(input.as_bytes());
    format!("{input}.{}", encode_base64url(signature))
}

fn token(claims: &str) -> String {
    signed(r#"{"alg":"HS256","typ":"JWT"}"#, claims, |input| {
        hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), input).as_ref().to_vec()
    })
}

fn good_claims() -> String {
    format!(r#"{{"iss":"https://a.example","aud":"things","sub":"ana","exp":{}}}"#, NOW + 60)
}

fn policy(attributes: &str, children: &str) -> String {
    format!(
        "<validate-jwt {attributes}><issuer-signing-keys><key>{SECRET_TEXT}</key></issuer-signing-keys>{children}</validate-jwt>"
    )
}

fn with_token(policies: &str, token: &str) -> Exchange {
    run_with(&document("inbound", policies), |exchange| authorize(exchange, &format!("Bearer {token}")))
}

fn authorize(exchange: &mut Exchange, value: &str) {
    let value = HeaderValue::from_bytes(value.as_bytes()).unwrap();
    exchange.request.headers.append("authorization", value);
}

/// The reason of a refusal with status 401; empty: the token was taken.
fn reason(exchange: &Exchange) -> String {
    match &exchange.last_error {
        None => {
            assert_eq!(exchange.answered(), 200);
            String::new()
        }
        Some(error) => {
            assert_eq!((exchange.answered(), error.source.as_str()), (401, "validate-jwt"), "{error:?}");
            error.reason.clone()
        }
    }
}

const HEADER: &str = "header-name=\"Authorization\"";

fn verdict(claims: &str, children: &str) -> String {
    reason(&with_token(&policy(HEADER, children), &token(claims)))
}

#[test]
fn a_good_token_is_let_in_and_kept_for_expressions() {
    let policies = format!(
        "{}<set-header name=\"x\"><value>@(((Jwt)context.Variables[\"jwt\"]).Subject + ((Jwt)context.Variables[\"jwt\"]).Claims[\"aud\"][0])</value></set-header>",
        policy(
            "header-name=\"Authorization\" require-scheme=\"Bearer\" output-token-variable-name=\"jwt\"",
            ""
        )
    );
    let exchange = with_token(&policies, &token(&good_claims()));
    assert_eq!(reason(&exchange), "");
    assert_eq!(exchange.request.headers["x"], "anathings");
}

#[test]
fn a_token_must_be_there_once_and_with_its_scheme() {
    let good = token(&good_claims());
    let cases = [
        (vec![], "TokenNotPresent"),
        (vec![String::new()], "TokenNotPresent"),
        (vec!["Bearer".to_owned()], "TokenNotPresent"),
        (vec!["Bearer ".to_owned()], "TokenNotPresent"),
        (vec![format!("Basic {good}")], "TokenNotPresent"),
        (vec![good.clone()], "TokenNotPresent"),
        (vec![format!("Bearer {good}"); 2], "JwtInvalid"),
        (vec![format!("Bearer {good} x")], "JwtInvalid"),
        (vec![format!("Bearer {good},Bearer {good}")], "JwtInvalid"),
        (vec![format!("Bearer \u{fc}{good}")], "JwtInvalid"),
        (vec![format!("bearer {good}")], ""),
        (vec![format!("BEARER   {good} ")], ""),
    ];
    let text = document("inbound", &policy("header-name=\"Authorization\" require-scheme=\"Bearer\"", ""));
    for (values, wanted) in cases {
        let exchange = run_with(&text, |exchange| values.iter().for_each(|value| authorize(exchange, value)));
        assert_eq!(reason(&exchange), wanted, "{values:?}");
        if wanted == "TokenNotPresent" {
            assert_eq!(exchange.answer_text(), r#"{"statusCode":401,"message":"JWT not present."}"#);
            assert_eq!(exchange.response.as_ref().unwrap().headers["www-authenticate"], "Bearer");
        }
    }
}

#[test]
fn a_token_may_stand_elsewhere() {
    let good = token(&good_claims());
    // A scheme that is asked for is ignored in other fields.
    let text = document("inbound", &policy("header-name=\"X-Token\" require-scheme=\"Bearer\"", ""));
    let exchange = run_with(&text, |exchange| {
        exchange.request.headers.insert("x-token", good.parse().unwrap());
    });
    assert_eq!(reason(&exchange), "");
    let text = document("inbound", &policy("query-parameter-name=\"t\"", ""));
    let query = |query: String| {
        reason(&run_with(&text, |exchange| exchange.request.original_url.query = crate::Query::new(query)))
    };
    assert_eq!(query(format!("t={good}")), "");
    assert_eq!(query(format!("t={good}&T={good}")), "JwtInvalid");
    assert_eq!(query("a=1".into()), "TokenNotPresent");
    assert_eq!(query("t=".into()), "TokenNotPresent");
    let value = format!("token-value=\"@(&quot;{good}&quot;)\"");
    assert_eq!(reason(&run(&document("inbound", &policy(&value, "")))), "");
    let value = format!("token-value=\"Bearer {good}\"");
    assert_eq!(reason(&run(&document("inbound", &policy(&value, "")))), "JwtInvalid");
}

#[test]
fn the_answer_is_what_the_policy_says() {
    let attributes = format!(
        "{HEADER} failed-validation-httpcode=\"403\" failed-validation-error-message=\"@(&quot;no &quot; + context.Request.Method)\""
    );
    let exchange = run(&document("inbound", &policy(&attributes, "")));
    assert_eq!(exchange.answer_text(), r#"{"statusCode":403,"message":"no GET"}"#);
    let response = exchange.response.unwrap();
    assert!(!response.headers.contains_key("www-authenticate"));
    assert_eq!(exchange.last_error.unwrap().message, "JWT not present.");
}

#[test]
fn claims_are_held_against_the_clock() {
    let cases: [(String, &str); 18] = [
        (format!(r#"{{"exp":{}}}"#, NOW + 1), ""),
        (format!(r#"{{"exp":{NOW}.5}}"#), ""),
        (format!(r#"{{"exp":{NOW}}}"#), "TokenExpired"),
        (format!(r#"{{"exp":{}}}"#, NOW - 1), "TokenExpired"),
        (r#"{"exp":-1}"#.into(), "TokenExpired"),
        (r#"{"exp":0}"#.into(), "TokenExpired"),
        (format!(r#"{{"exp":"{}"}}"#, NOW + 60), "JwtInvalid"),
        (r#"{"exp":1e308}"#.into(), "JwtInvalid"),
        (r#"{"exp":1e999}"#.into(), "JwtInvalid"),
        (r#"{"exp":null}"#.into(), "JwtInvalid"),
        (r#"{"exp":true}"#.into(), "JwtInvalid"),
        (format!(r#"{{"exp":[{}]}}"#, NOW + 60), "JwtInvalid"),
        ("{}".into(), "JwtInvalid"),
        (format!(r#"{{"exp":{},"nbf":{}}}"#, NOW + 60, NOW), ""),
        (format!(r#"{{"exp":{},"nbf":{}}}"#, NOW + 60, NOW + 1), "JwtInvalid"),
        (format!(r#"{{"exp":{},"nbf":"0"}}"#, NOW + 60), "JwtInvalid"),
        (format!(r#"{{"exp":{},"iat":"yesterday"}}"#, NOW + 60), "JwtInvalid"),
        (format!(r#"{{"exp":{},"exp":{}}}"#, NOW + 60, NOW + 60), "JwtInvalid"),
    ];
    for (claims, wanted) in cases {
        assert_eq!(verdict(&claims, ""), wanted, "{claims}");
    }
    let skewed = policy(&format!("{HEADER} clock-skew=\"10\""), "");
    for (claims, wanted) in [
        (format!(r#"{{"exp":{}}}"#, NOW - 9), ""),
        (format!(r#"{{"exp":{}}}"#, NOW - 10), "TokenExpired"),
        (format!(r#"{{"exp":{},"nbf":{}}}"#, NOW + 60, NOW + 10), ""),
    ] {
        assert_eq!(reason(&with_token(&skewed, &token(&claims))), wanted, "{claims}");
    }
    let timeless = policy(&format!("{HEADER} require-expiration-time=\"false\""), "");
    assert_eq!(reason(&with_token(&timeless, &token("{}"))), "");
}

#[test]
fn audiences_and_issuers_are_any_of_those_listed() {
    let claims = |more: &str| format!(r#"{{"exp":{}{more}}}"#, NOW + 60);
    let audiences = "<audiences><audience>a</audience><audience>@(context.Request.OriginalUrl.Host)</audience></audiences>";
    for (more, wanted) in [
        (r#","aud":"a""#, ""),
        (r#","aud":"api.example""#, ""),
        (r#","aud":["x","a"]"#, ""),
        (r#","aud":"A""#, "TokenAudienceNotAllowed"),
        (r#","aud":["x"]"#, "TokenAudienceNotAllowed"),
        (r#","aud":[]"#, "TokenAudienceNotAllowed"),
        (r#","aud":["a",5]"#, "TokenAudienceNotAllowed"),
        (r#","aud":5"#, "TokenAudienceNotAllowed"),
        (r#","aud":null"#, "TokenAudienceNotAllowed"),
        ("", "TokenAudienceNotAllowed"),
    ] {
        assert_eq!(verdict(&claims(more), audiences), wanted, "{more}");
    }
    assert_eq!(verdict(&claims(r#","aud":5"#), ""), "JwtInvalid");
    let issuers = "<issuers><issuer>i</issuer><issuer>j</issuer></issuers>";
    for (more, wanted) in [
        (r#","iss":"i""#, ""),
        (r#","iss":"j""#, ""),
        (r#","iss":"i/""#, "TokenIssuerNotAllowed"),
        (r#","iss":["i"]"#, "TokenIssuerNotAllowed"),
        (r#","iss":5"#, "TokenIssuerNotAllowed"),
        ("", "TokenIssuerNotAllowed"),
    ] {
        assert_eq!(verdict(&claims(more), issuers), wanted, "{more}");
    }
    assert_eq!(verdict(&claims(r#","iss":["i"]"#), ""), "TokenIssuerNotAllowed");
}

#[test]
fn required_claims_match_all_or_any() {
    let claims = format!(
        r#"{{"exp":{},"scp":"read write","roles":["a","b"],"level":5,"half":0.5,"ok":true,"none":null,"o":{{}}}}"#,
        NOW + 60
    );
    let claim = |attributes: &str, values: &[&str]| {
        let values: Vec<String> = values.iter().map(|value| format!("<value>{value}</value>")).collect();
        format!("<required-claims><claim {attributes}>{}</claim></required-claims>", values.concat())
    };
    for (attributes, values, wanted) in [
        ("name=\"roles\"", &["a", "b"][..], ""),
        ("name=\"roles\"", &["a", "c"], "TokenClaimValueNotAllowed"),
        ("name=\"roles\" match=\"any\"", &["c", "a"], ""),
        ("name=\"roles\" match=\"any\"", &["c"], "TokenClaimValueNotAllowed"),
        ("name=\"scp\" separator=\" \"", &["write"], ""),
        ("name=\"scp\"", &["write"], "TokenClaimValueNotAllowed"),
        ("name=\"scp\"", &["read write"], ""),
        ("name=\"level\"", &["5"], ""),
        ("name=\"half\"", &["0.5"], ""),
        ("name=\"ok\"", &["true"], ""),
        ("name=\"ok\"", &["True"], "TokenClaimValueNotAllowed"),
        ("name=\"scp\"", &[], ""),
        ("name=\"o\"", &["{}"], "TokenClaimValueNotAllowed"),
        ("name=\"none\"", &[], "TokenClaimNotFound"),
        ("name=\"gone\"", &["a"], "TokenClaimNotFound"),
    ] {
        assert_eq!(verdict(&claims, &claim(attributes, values)), wanted, "{attributes} {values:?}");
    }
    let two = "<required-claims><claim name=\"x\" /><claim name=\"scp\"><value>z</value></claim><claim name=\"y\" /></required-claims>";
    let exchange = with_token(&policy(HEADER, two), &token(&claims));
    assert_eq!(
        exchange.last_error.unwrap().message,
        "JWT token is missing the following claims: x, y. Access denied."
    );
    let exchange = with_token(&policy(HEADER, &claim("name=\"roles\"", &["c"])), &token(&claims));
    let error = exchange.last_error.unwrap();
    assert_eq!(error.message, "Claim roles value of a, b is not allowed. Access denied.");
    assert!(error.is_private, "what a client has sent stands in no log");
}

#[test]
fn signatures_and_forms_have_their_reasons() {
    let claims = good_claims();
    let forged = token(&claims);
    let (input, _) = forged.rsplit_once('.').unwrap();
    let none = encode_base64url(r#"{"alg":"none"}"#);
    let payload = encode_base64url(&claims);
    let cases = [
        (format!("{input}.AAAA"), "TokenSignatureInvalid"),
        (format!("{none}.{payload}."), "JwtInvalid"),
        (format!("{none}.{payload}.AAAA"), "JwtInvalid"),
        (signed(r#"{"alg":"RS256","kid":"x"}"#, &claims, |_| vec![1; 256]), "TokenSignatureKeyNotFound"),
        (input.to_owned(), "JwtInvalid"),
        (format!("{forged}.x"), "JwtInvalid"),
        ("x".into(), "JwtInvalid"),
        ("a.b.c".into(), "JwtInvalid"),
        ("x".repeat(65_536), "JwtInvalid"),
        (token("[]"), "JwtInvalid"),
        (token("5"), "JwtInvalid"),
        (token("{"), "JwtInvalid"),
        (token("\u{0}"), "JwtInvalid"),
    ];
    for (token, wanted) in cases {
        let exchange = with_token(&policy(HEADER, ""), &token);
        assert_eq!(reason(&exchange), wanted, "{}", &token[..token.len().min(80)]);
        let challenge = &exchange.response.as_ref().unwrap().headers["www-authenticate"];
        assert_eq!(challenge, "Bearer error=\"invalid_token\"");
        assert!(exchange.last_error.unwrap().message.ends_with(" Access denied."));
    }
}

#[test]
fn tokens_for_other_purposes_are_no_access_tokens() {
    let typed = |kind: &str, attributes: &str| {
        let header = format!(r#"{{"alg":"HS256"{kind}}}"#);
        let token = signed(&header, &good_claims(), |input| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, SECRET), input).as_ref().to_vec()
        });
        reason(&with_token(&policy(&format!("{HEADER} {attributes}"), ""), &token))
    };
    for (kind, wanted) in [
        ("", ""),
        (r#","typ":"JWT""#, ""),
        (r#","typ":"at+jwt""#, ""),
        (r#","typ":"application/at+jwt""#, ""),
        (r#","typ":"logout+jwt""#, "JwtInvalid"),
        (r#","typ":"dpop+jwt""#, "JwtInvalid"),
        (r#","typ":"secevent+JWT""#, "JwtInvalid"),
    ] {
        assert_eq!(typed(kind, ""), wanted, "{kind}");
    }
    assert_eq!(typed(r#","typ":"AT+JWT""#, "token-type=\"at+jwt\""), "");
    assert_eq!(typed(r#","typ":"JWT""#, "token-type=\"at+jwt\""), "JwtInvalid");
    assert_eq!(typed("", "token-type=\"at+jwt\""), "JwtInvalid");
}

/// A text encrypted with the shared secret (RFC 7516, `dir` and `A256GCM`).
fn encrypted(text: &str) -> String {
    use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
    let header = encode_base64url(r#"{"alg":"dir","enc":"A256GCM","cty":"JWT"}"#);
    let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, SECRET).unwrap());
    let mut sealed = text.as_bytes().to_vec();
    let nonce = Nonce::assume_unique_for_key([7; 12]);
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(header.as_bytes()), &mut sealed).unwrap();
    format!("{header}..{}.{}.{}", encode_base64url([7; 12]), encode_base64url(&sealed), encode_base64url(tag))
}

#[test]
fn encrypted_tokens_are_as_good_as_what_is_inside() {
    let keys = format!("<decryption-keys><key>{SECRET_TEXT}</key></decryption-keys>");
    let good = token(&good_claims());
    let none = encode_base64url(r#"{"alg":"none"}"#);
    let forged = signed(r#"{"alg":"HS256"}"#, &good_claims(), |_| vec![0; 32]);
    for (inside, wanted) in [
        (good.clone(), ""),
        (format!("{none}.{}.", encode_base64url(good_claims())), "JwtInvalid"),
        (forged, "TokenSignatureInvalid"),
        (good_claims(), "JwtInvalid"),
        (encrypted(&good), "JwtInvalid"),
        (String::new(), "JwtInvalid"),
    ] {
        assert_eq!(reason(&with_token(&policy(HEADER, &keys), &encrypted(&inside))), wanted, "{inside}");
    }
    assert_ne!(reason(&with_token(&policy(HEADER, ""), &encrypted(&good))), "", "there is no key");
    let mut changed = encrypted(&good);
    changed.pop();
    assert_ne!(reason(&with_token(&policy(HEADER, &keys), &changed)), "");
}

#[test]
fn only_one_place_of_a_request_counts() {
    let good = token(&good_claims());
    let text = document("inbound", &policy(HEADER, ""));
    let both = |header: &str, query: &str| {
        reason(&run_with(&text, |exchange| {
            exchange.request.original_url.query = crate::Query::new(format!("access_token={query}"));
            if !header.is_empty() {
                authorize(exchange, &format!("Bearer {header}"));
            }
        }))
    };
    assert_eq!(both("", &good), "TokenNotPresent", "the query is no other way in");
    assert_eq!(both("x.y.z", &good), "JwtInvalid");
    assert_eq!(both(&good, "x.y.z"), "");
}

/// An issuer with a key on P-256.
struct Issuer {
    name: &'static str,
    kid: Cell<&'static str>,
    key: EcdsaKeyPair,
}

impl Issuer {
    fn new(name: &'static str, kid: &'static str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref()).unwrap();
        Self { name, kid: Cell::new(kid), key }
    }

    fn metadata(&self) -> String {
        format!(r#"{{"issuer":"{0}","jwks_uri":"{0}/keys"}}"#, self.name)
    }

    fn keys(&self) -> String {
        let point = self.key.public_key().as_ref();
        let (x, y) = (encode_base64url(&point[1..33]), encode_base64url(&point[33..]));
        let kid = self.kid.get();
        format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"{kid}","x":"{x}","y":"{y}"}}]}}"#)
    }

    fn token(&self, kid: &str, issuer: &str) -> String {
        let header = format!(r#"{{"alg":"ES256","kid":"{kid}"}}"#);
        let claims = format!(r#"{{"iss":"{issuer}","exp":{}}}"#, NOW + 86_400);
        signed(&header, &claims, |input| {
            self.key.sign(&SystemRandom::new(), input).unwrap().as_ref().to_vec()
        })
    }
}

fn answers(world: &TestWorld, documents: &[&str]) {
    for document in documents {
        let mut response = Response::new(StatusCode::OK);
        response.body = Body::Full(document.to_string().into());
        world.outside.borrow_mut().push_back(Ok(response));
    }
}

fn openid(urls: &[&str], more: &str) -> std::sync::Arc<Plan> {
    let configs: Vec<String> = urls
        .iter()
        .map(|url| format!("<openid-config url=\"{url}/.well-known/openid-configuration\" />"))
        .collect();
    plan(&document("inbound", &format!("<validate-jwt {HEADER}>{}{more}</validate-jwt>", configs.concat())))
}

fn ask(world: &TestWorld, plan: &Plan, token: &str) -> String {
    let mut exchange = exchange();
    authorize(&mut exchange, &format!("Bearer {token}"));
    world.run(plan, &mut exchange);
    reason(&exchange)
}

fn asked(world: &TestWorld) -> Vec<String> {
    let sent = world.sent.take();
    sent.into_iter()
        .map(|(request, _)| match request.target {
            crate::OutgoingTarget::Url(url) => url.to_string(),
            crate::OutgoingTarget::Backend { entity, .. } => entity.to_string(),
        })
        .collect()
}

#[test]
fn keys_come_from_the_issuers_metadata_once_an_hour() {
    let world = TestWorld::new();
    let issuer = Issuer::new("https://a.example", "one");
    let plan = openid(&["https://a.example"], "");
    answers(&world, &[&issuer.metadata(), &issuer.keys()]);
    let token = issuer.token("one", "https://a.example");
    for _ in 0..3 {
        assert_eq!(ask(&world, &plan, &token), "");
    }
    assert_eq!(ask(&world, &plan, &issuer.token("one", "https://b.example")), "TokenIssuerNotAllowed");
    assert_eq!(
        asked(&world),
        ["https://a.example/.well-known/openid-configuration", "https://a.example/keys"]
    );
    world.now_millis.set(world.now_millis.get() + 3_600_000);
    answers(&world, &[&issuer.metadata(), &issuer.keys()]);
    assert_eq!(ask(&world, &plan, &token), "");
    assert_eq!(asked(&world).len(), 2);
}

#[test]
fn a_flood_of_unknown_keys_causes_one_fetch_in_five_minutes() {
    let world = TestWorld::new();
    let issuer = Issuer::new("https://a.example", "one");
    let plan = openid(&["https://a.example"], "");
    answers(&world, &[&issuer.metadata(), &issuer.keys()]);
    assert_eq!(ask(&world, &plan, &issuer.token("one", "https://a.example")), "");
    asked(&world);
    answers(&world, &[&issuer.metadata(), &issuer.keys()]);
    for n in 0..50 {
        let reason = ask(&world, &plan, &issuer.token(&format!("k{n}"), "https://a.example"));
        assert_eq!(reason, "TokenSignatureKeyNotFound");
    }
    assert_eq!(asked(&world).len(), 2, "metadata and keys, once");
    // A key that was rotated in is found five minutes later at the latest.
    issuer.kid.set("two");
    world.now_millis.set(world.now_millis.get() + 300_000);
    answers(&world, &[&issuer.metadata(), &issuer.keys()]);
    assert_eq!(ask(&world, &plan, &issuer.token("two", "https://a.example")), "");
    // The old one is gone with it, whatever was verified before.
    assert_eq!(ask(&world, &plan, &issuer.token("one", "https://a.example")), "TokenSignatureKeyNotFound");
}

#[test]
fn the_last_good_keys_serve_while_the_issuer_is_away() {
    let world = TestWorld::new();
    let issuer = Issuer::new("https://a.example", "one");
    let plan = openid(&["https://a.example"], "");
    answers(&world, &[&issuer.metadata(), &issuer.keys()]);
    let token = issuer.token("one", "https://a.example");
    assert_eq!(ask(&world, &plan, &token), "");
    for hours in 1..20 {
        world.now_millis.set(1_700_000_000_000 + hours * 3_600_000);
        world.outside.borrow_mut().push_back(Err(UpstreamError::Connection("down".into())));
        assert_eq!(ask(&world, &plan, &token), "", "{hours}");
    }
}

#[test]
fn an_issuer_that_misbehaves_makes_401_and_nothing_else() {
    let redirect = |to: &str| {
        let mut response = Response::new(StatusCode::FOUND);
        response.headers = HeaderMap::from_iter([(http::header::LOCATION, to.parse().unwrap())]);
        Ok(response)
    };
    let text = |status: u16, text: String| {
        let mut response = Response::new(StatusCode::from_u16(status).unwrap());
        response.body = Body::Full(text.into());
        Ok(response)
    };
    let issuer = Issuer::new("https://a.example", "one");
    let cases: Vec<(&str, Vec<Result<Response, UpstreamError>>)> = vec![
        ("down", vec![Err(UpstreamError::Connection("refused".into()))]),
        ("slow", vec![Err(UpstreamError::Timeout(std::time::Duration::from_secs(10)))]),
        ("forbidden", vec![Err(UpstreamError::Forbidden("it is a metadata service".into()))]),
        ("500", vec![text(500, issuer.metadata())]),
        ("404 for keys", vec![text(200, issuer.metadata()), text(404, issuer.keys())]),
        ("no JSON", vec![text(200, "<html>".into())]),
        ("no keys", vec![text(200, issuer.metadata()), text(200, "{}".into())]),
        ("huge", vec![text(200, " ".repeat(300_000) + &issuer.metadata())]),
        ("to plain http", vec![redirect("http://a.example/x")]),
        ("to the metadata service", vec![redirect("http://169.254.169.254/latest")]),
        ("to nowhere", vec![redirect("https://")]),
        ("in circles", (0..5).map(|_| redirect("/again")).collect()),
        (
            "plain http keys",
            vec![text(200, issuer.metadata().replace("\"https://a.example/keys", "\"http://a.example/keys"))],
        ),
    ];
    for (name, outside) in cases {
        let world = TestWorld::new();
        world.outside.borrow_mut().extend(outside);
        let plan = openid(&["https://a.example"], "");
        let reason = ask(&world, &plan, &issuer.token("one", "https://a.example"));
        assert_eq!(reason, "TokenSignatureKeyNotFound", "{name}");
        assert!(asked(&world).iter().all(|url| url.starts_with("https://a.example")), "{name}");
    }
    let world = TestWorld::new();
    world.outside.borrow_mut().push_back(redirect("https://www.a.example/metadata"));
    answers(&world, &[&issuer.metadata(), &issuer.keys()]);
    let plan = openid(&["https://a.example"], "");
    assert_eq!(ask(&world, &plan, &issuer.token("one", "https://a.example")), "", "one redirect is followed");
}

#[test]
fn what_one_issuer_signs_is_not_anothers() {
    let (a, b) = (Issuer::new("https://a.example", "a"), Issuer::new("https://b.example", "b"));
    for listed in [
        "",
        "<issuers><issuer>https://a.example</issuer><issuer>https://b.example</issuer><issuer>https://old.example</issuer></issuers>",
    ] {
        let world = TestWorld::new();
        let plan = openid(&["https://a.example", "https://b.example"], listed);
        answers(&world, &[&a.metadata(), &a.keys(), &b.metadata(), &b.keys()]);
        assert_eq!(ask(&world, &plan, &a.token("a", "https://a.example")), "");
        assert_eq!(ask(&world, &plan, &b.token("b", "https://b.example")), "");
        assert_eq!(ask(&world, &plan, &b.token("b", "https://a.example")), "TokenIssuerNotAllowed");
        assert_eq!(ask(&world, &plan, &a.token("a", "https://b.example")), "TokenIssuerNotAllowed");
        let listed_beside = ask(&world, &plan, &a.token("a", "https://old.example"));
        assert_eq!(listed_beside, if listed.is_empty() { "TokenIssuerNotAllowed" } else { "" });
    }
    // An issuer that gives itself out as the other.
    let world = TestWorld::new();
    let plan = openid(&["https://a.example", "https://b.example"], "");
    let lie = b.metadata().replace("\"issuer\":\"https://b.example\"", "\"issuer\":\"https://a.example\"");
    answers(&world, &[&a.metadata(), &a.keys(), &lie, &b.keys()]);
    assert_eq!(ask(&world, &plan, &b.token("b", "https://a.example")), "TokenIssuerNotAllowed");
    assert_eq!(ask(&world, &plan, &a.token("a", "https://a.example")), "");
}

#[test]
fn tenants_of_a_shared_issuer_are_told_by_the_token() {
    let world = TestWorld::new();
    let issuer = Issuer::new("https://login.example/{tenantid}/v2.0", "one");
    let plan = openid(&["https://login.example/common"], "");
    let metadata = issuer.metadata().replace("{tenantid}/v2.0/keys", "keys");
    answers(&world, &[&metadata, &issuer.keys()]);
    let tenant = "00000000-0000-0000-0000-000000000001";
    let token = |iss: &str, tid: &str| {
        let claims = format!(r#"{{"iss":"{iss}","tid":"{tid}","exp":{}}}"#, NOW + 60);
        signed(r#"{"alg":"ES256","kid":"one"}"#, &claims, |input| {
            issuer.key.sign(&SystemRandom::new(), input).unwrap().as_ref().to_vec()
        })
    };
    let own = format!("https://login.example/{tenant}/v2.0");
    assert_eq!(ask(&world, &plan, &token(&own, tenant)), "");
    assert_eq!(
        ask(&world, &plan, &token(&own, "00000000-0000-0000-0000-000000000002")),
        "TokenIssuerNotAllowed"
    );
    assert_eq!(ask(&world, &plan, &token("https://login.example/x/v2.0", "x")), "TokenIssuerNotAllowed");
    assert_eq!(
        ask(&world, &plan, &token("https://login.example/{tenantid}/v2.0", tenant)),
        "TokenIssuerNotAllowed"
    );
}

#[test]
fn nothing_of_a_token_chooses_what_is_fetched() {
    let world = TestWorld::new();
    let issuer = Issuer::new("https://a.example", "one");
    let plan = openid(&["https://a.example"], "");
    answers(&world, &[&issuer.metadata(), &issuer.keys()]);
    let header = r#"{"alg":"ES256","kid":"one","jku":"https://evil.example/keys","x5u":"https://evil.example/c","jwk":{}}"#;
    let claims = format!(r#"{{"iss":"https://evil.example","exp":{}}}"#, NOW + 60);
    let token = signed(header, &claims, |input| {
        issuer.key.sign(&SystemRandom::new(), input).unwrap().as_ref().to_vec()
    });
    assert_eq!(ask(&world, &plan, &token), "TokenIssuerNotAllowed");
    assert!(asked(&world).iter().all(|url| url.starts_with("https://a.example/")));
}

#[test]
fn entra_takes_tokens_of_both_versions_for_its_clients() {
    let tenant = "11111111-2222-3333-4444-555555555555";
    let issuer =
        Issuer::new("https://login.microsoftonline.com/11111111-2222-3333-4444-555555555555/v2.0", "one");
    let world = TestWorld::new();
    let text = format!(
        "<validate-azure-ad-token tenant-id=\"{tenant}\"><client-application-ids><application-id>c1</application-id></client-application-ids><backend-application-ids><application-id>b1</application-id></backend-application-ids></validate-azure-ad-token>"
    );
    let plan = plan(&document("inbound", &text));
    answers(&world, &[&issuer.metadata(), &issuer.keys()]);
    let ask = |claims: &str| {
        let claims = format!(r#"{{{claims},"exp":{}}}"#, NOW + 60);
        let token = signed(r#"{"alg":"ES256","kid":"one"}"#, &claims, |input| {
            issuer.key.sign(&SystemRandom::new(), input).unwrap().as_ref().to_vec()
        });
        let mut exchange = exchange();
        authorize(&mut exchange, &format!("Bearer {token}"));
        world.run(&plan, &mut exchange);
        exchange.last_error.map_or_else(String::new, |error| {
            assert_eq!(error.source, "validate-azure-ad-token");
            error.reason
        })
    };
    let v2 = format!(r#""iss":"https://login.microsoftonline.com/{tenant}/v2.0","tid":"{tenant}""#);
    let v1 = format!(r#""iss":"https://sts.windows.net/{tenant}/","tid":"{tenant}""#);
    assert_eq!(ask(&format!(r#"{v2},"azp":"c1","aud":"b1""#)), "");
    assert_eq!(ask(&format!(r#"{v1},"appid":"c1","aud":"api://b1""#)), "");
    assert_eq!(ask(&format!(r#"{v2},"azp":"c2","aud":"b1""#)), "TokenClaimValueNotAllowed");
    assert_eq!(ask(&format!(r#"{v2},"aud":"b1""#)), "TokenClaimNotFound");
    assert_eq!(ask(&format!(r#"{v2},"azp":"c1","aud":"b2""#)), "TokenAudienceNotAllowed");
    let other =
        r#""iss":"https://sts.windows.net/99999999-2222-3333-4444-555555555555/","azp":"c1","aud":"b1""#;
    assert_eq!(ask(other), "TokenIssuerNotAllowed");
    assert_eq!(
        asked(&world),
        [
            format!("https://login.microsoftonline.com/{tenant}/v2.0/.well-known/openid-configuration"),
            format!("https://login.microsoftonline.com/{tenant}/v2.0/keys"),
        ]
    );
}

#[test]
fn tokens_are_introspected_where_they_say_nothing() {
    let text = format!(
        "<validate-jwt {HEADER} require-expiration-time=\"false\"><introspection url=\"https://a.example/introspect\" client-id=\"gate way\" client-secret=\"s:1\" /><required-claims><claim name=\"scope\"><value>read</value></claim></required-claims></validate-jwt>"
    );
    let plan = plan(&document("inbound", &text));
    let world = TestWorld::new();
    answers(&world, &[r#"{"active":true,"scope":"read"}"#, r#"{"active":false}"#, "nonsense"]);
    assert_eq!(ask(&world, &plan, "opaque+/="), "");
    assert_eq!(ask(&world, &plan, "opaque+/="), "", "the answer is kept");
    assert_eq!(world.sent.borrow().len(), 1);
    let (request, _) = world.sent.take().remove(0);
    assert_eq!(request.body, "token=opaque%2B%2F%3D&token_type_hint=access_token");
    assert_eq!(request.headers["authorization"], "Basic Z2F0ZSUyMHdheTpzJTNBMQ==");
    assert!(request.headers["authorization"].is_sensitive());
    assert_eq!(ask(&world, &plan, "revoked"), "JwtInvalid");
    assert_eq!(ask(&world, &plan, "unknown"), "JwtInvalid");
    assert_eq!(ask(&world, &plan, &"x".repeat(5000)), "JwtInvalid");
    world.now_millis.set(world.now_millis.get() + 61_000);
    answers(&world, &[r#"{"active":false}"#]);
    assert_eq!(ask(&world, &plan, "opaque+/="), "JwtInvalid", "a minute later it is asked again");
}

#[test]
fn what_cannot_be_is_told_at_load() {
    let key = format!("<issuer-signing-keys><key>{SECRET_TEXT}</key></issuer-signing-keys>");
    let cases = [
        (format!("<validate-jwt>{key}</validate-jwt>"), "needs exactly one of `header-name`"),
        (
            format!("<validate-jwt header-name=\"a\" token-value=\"b\">{key}</validate-jwt>"),
            "needs exactly one of `header-name`",
        ),
        (format!("<validate-jwt header-name=\"a b\">{key}</validate-jwt>"), "cannot be the `header-name`"),
        (
            format!("<validate-jwt {HEADER} />"),
            "names neither `openid-config` nor `issuer-signing-keys`: it refuses every token",
        ),
        (policy(&format!("{HEADER} require-signed-tokens=\"false\""), ""), "cannot be `false`"),
        (policy(HEADER, "<openid-config url=\"http://a.example\" />"), "fetched over https only"),
        (policy(HEADER, "<openid-config url=\"https://u:p@a.example\" />"), "no user"),
        (policy(HEADER, "<openid-config url=\"nonsense\" />"), "cannot be used"),
        (policy(HEADER, "<audiences />"), "would refuse every token"),
        (policy(HEADER, "<audience>a</audience>"), "`audience` cannot stand in"),
        (policy(HEADER, "<required-claims><claim /></required-claims>"), "has no attribute `name`"),
        (policy(HEADER, "").replace(SECRET_TEXT, "no base64"), "the key is not base64"),
        (
            policy(HEADER, "").replace(&format!("<key>{SECRET_TEXT}"), "<key certificate-id=\"c\">"),
            "names the certificate `c`, which does not exist",
        ),
        (policy(HEADER, "").replace("<key>", "<key n=\"AQAB\">"), "is given by its base64 text, or"),
        ("<validate-azure-ad-token />".into(), "has no attribute `tenant-id`"),
        ("<validate-azure-ad-token tenant-id=\"a b\" />".into(), "neither an id, a domain nor an https URL"),
    ];
    for (text, wanted) in cases {
        let told = findings_in("inbound", &text);
        assert!(told.iter().any(|one| one.contains(wanted)), "{text}: {told:?}");
    }
    let told = findings_in("inbound", &policy(HEADER, "").replace(SECRET_TEXT, "dGVzdA=="));
    assert!(told[0].contains("high") && told[0].contains("it has 4 bytes; HS256 needs 32"), "{told:?}");
}
