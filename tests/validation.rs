//! The validation policies, end to end: what does not conform never reaches the backend, or the client.

use std::io::Write as _;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::Response;
use http_body_util::Full;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::support::{Answer, Api, Backend, Client, Gateway, Landing};

const DEFINITION: &str = r##"
openapi: 3.0.3
info: { title: orders, version: "1" }
paths:
  /orders/{id}:
    parameters: [{ name: id, in: path, required: true, schema: { type: integer, format: int32 } }]
    get:
      operationId: get-order
      parameters:
        - { name: limit, in: query, schema: { type: integer, minimum: 1, maximum: 100 } }
        - { name: tags, in: query, style: pipeDelimited, explode: false, schema: { type: array, items: { type: string, maxLength: 5 } } }
        - { name: X-Trace, in: header, schema: { type: string, format: uuid } }
        - { name: session, in: cookie, schema: { type: string, minLength: 4 } }
      responses:
        "200":
          description: ok
          headers: { X-Count: { required: true, schema: { type: integer } } }
          content: { application/json: { schema: { $ref: "#/components/schemas/Order" } } }
        4XX: { description: wrong }
  /orders:
    post:
      operationId: post-order
      requestBody:
        required: true
        content:
          application/json: { schema: { $ref: "#/components/schemas/Order" } }
          application/x-www-form-urlencoded: { schema: { $ref: "#/components/schemas/Order" } }
          multipart/form-data: { schema: { $ref: "#/components/schemas/Order" } }
      responses: { "200": { description: ok } }
components:
  schemas:
    Order:
      type: object
      required: [id, name]
      additionalProperties: false
      properties:
        id: { type: integer, format: int64 }
        name: { type: string, maxLength: 20 }
        lines: { type: array, items: { $ref: "#/components/schemas/Line" } }
        created: { type: string, format: date-time, readOnly: true }
        secret: { type: string, writeOnly: true }
    Line: { type: object, properties: { amount: { type: integer, format: int32 }, next: { $ref: "#/components/schemas/Line" } } }
"##;

const CONTENT: &str = "<validate-content unspecified-content-type-action=\"prevent\" max-size=\"20000\" size-exceeded-action=\"prevent\" errors-variable-name=\"errors\"><content validate-as=\"json\" type=\"application/json\" action=\"prevent\" /><content validate-as=\"form\" action=\"prevent\" /></validate-content>";

fn document(inbound: &str, outbound: &str) -> String {
    format!(
        "<policies><inbound><base />{inbound}</inbound><backend><base /></backend><outbound><base />{outbound}</outbound><on-error><base /><set-header name=\"X-Source\"><value>@(context.LastError.Source + \"/\" + context.LastError.Reason)</value></set-header></on-error></policies>"
    )
}

async fn gateway(backend: &Backend, inbound: &str, outbound: &str) -> Gateway {
    let landing = Landing::new()
        // The firewall would have its say first.
        .with("waf: { mode: off }")
        .with("limits: { body_bytes: 300MiB, buffered_body_bytes: 1MiB }")
        .api(Api::new("shop", &backend.url()).policy(&document(inbound, outbound)));
    landing.file("artifacts/apis/shop/specification.yaml", DEFINITION);
    Gateway::start(landing).await
}

fn json(client: &Client) -> Client {
    client.clone().header("content-type", "application/json")
}

fn message(answer: &Answer) -> String {
    answer.json()["message"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn parameters_are_judged_before_the_backend_is_called() {
    let backend = Backend::echo();
    let policy = "<validate-parameters specified-parameter-action=\"prevent\" unspecified-parameter-action=\"prevent\" errors-variable-name=\"errors\"><headers specified-parameter-action=\"prevent\" unspecified-parameter-action=\"detect\"><parameter name=\"X-Evil\" action=\"prevent\" /></headers></validate-parameters>";
    let gateway = gateway(&backend, policy, "").await;
    let client = gateway.client();
    for good in ["/shop/orders/7", "/shop/orders/7?limit=100&tags=a|b%7Cc"] {
        assert_eq!(client.get(good).await.status, 200, "{good}");
    }
    let calls = backend.seen().len();
    for (bad, wanted) in [
        (
            "/shop/orders/x",
            "Value of the path parameter id does not conform to the definition. Invalid type. Expected Integer but got String.",
        ),
        (
            "/shop/orders/2147483648",
            "Value of the path parameter id does not conform to the definition. The number exceeds the maximum of 2147483647.",
        ),
        (
            "/shop/orders/7?limit=0",
            "Value of the query parameter limit does not conform to the definition. The number is less than the minimum of 1.",
        ),
        (
            "/shop/orders/7?limit=1&limit=2",
            "Request cannot contain multiple values for the query parameter limit.",
        ),
        (
            "/shop/orders/7?tags=abcdef",
            "Value of the query parameter tags does not conform to the definition. The string is longer than 5 characters.",
        ),
        ("/shop/orders/7?other=1", "Unspecified query parameter other is not allowed."),
        (
            "/shop/orders/7?limit=%ff",
            "Value of the query parameter limit cannot be parsed according to the definition. its escapes are not UTF-8",
        ),
    ] {
        let answer = client.get(bad).await;
        assert_eq!((answer.status.as_u16(), message(&answer).as_str()), (400, wanted), "{bad}");
        assert_eq!(answer.header("x-source"), Some("validate-parameters/Bad request"));
    }
    for (name, value) in [("X-Trace", "no"), ("Cookie", "session=abc"), ("X-Evil", "1")] {
        assert_eq!(client.clone().header(name, value).get("/shop/orders/7").await.status, 400, "{name}");
    }
    assert_eq!(client.clone().header("X-Other", "1").get("/shop/orders/7").await.status, 200);
    let problem = client.clone().header("accept", "application/problem+json").get("/shop/orders/x").await;
    assert_eq!(problem.json()["errors"][0]["parameter"], "id");
    assert_eq!(backend.seen().len(), calls + 1);
}

#[tokio::test]
async fn bodies_are_judged_in_every_encoding_and_sent_on_as_they_came() {
    let backend = Backend::echo();
    let gateway = gateway(&backend, CONTENT, "").await;
    let client = gateway.client();
    let body = "{ \"name\": \"a\",\n  \"id\" : 1.0 , \"lines\":[{\"amount\":1}] }";
    let answer = json(&client).send("POST", "/shop/orders", body).await;
    assert_eq!((answer.status.as_u16(), answer.json()["body"].as_str()), (200, Some(body)));
    let form = client.clone().header("content-type", "application/x-www-form-urlencoded");
    assert_eq!(form.send("POST", "/shop/orders", "id=1&name=a+b").await.status, 200);
    assert_eq!(form.send("POST", "/shop/orders", "id=x&name=a").await.status, 400);
    let multipart = client.clone().header("content-type", "multipart/form-data; boundary=b");
    let part = |name: &str, value: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let good = format!("{}{}--b--\r\n", part("id", "1"), part("name", "a"));
    assert_eq!(multipart.send("POST", "/shop/orders", good).await.status, 200);
    let bad = format!("{}--b--\r\n", part("id", "1"));
    assert_eq!(multipart.send("POST", "/shop/orders", bad).await.status, 400);
    let answer = json(&client).send("POST", "/shop/orders", "{\n  \"id\": \"1\",\n  \"name\": \"a\"}").await;
    let wanted = "Body of the request does not conform to the definition Order, which is associated with the content type application/json. Invalid type. Expected Integer but got String. Line: 2, Position: 9";
    assert_eq!((answer.status.as_u16(), message(&answer).as_str()), (400, wanted));
    assert_eq!(answer.header("x-source"), Some("validate-content/Bad request"));
    let problem = json(&client)
        .header("accept", "application/problem+json")
        .send("POST", "/shop/orders", "{\"id\":1,\"name\":\"a\",\"lines\":[{},{\"amount\":2147483648}],\"created\":\"2024-01-01T00:00:00Z\"}")
        .await;
    let pointers: Vec<_> = problem.json()["errors"]
        .as_array()
        .unwrap()
        .iter()
        .map(|error| error["pointer"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(pointers.len(), 2);
    assert!(pointers.contains(&"#/lines/1/amount".to_owned()) && pointers.contains(&"#/created".to_owned()));
    assert_eq!(backend.seen().len(), 3);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut child = std::process::Command::new("gzip")
        .arg("-9")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    output.stdout
}

#[tokio::test]
async fn bad_bodies_get_a_clear_400_within_bounds_and_never_reach_the_backend() {
    let backend = Backend::echo();
    let gateway = gateway(&backend, CONTENT, "").await;
    let client = json(&gateway.client());
    let long = "9".repeat(15_000);
    let cases: Vec<(&str, Vec<u8>, &str)> = vec![
        ("empty", b"".to_vec(), "The body is empty."),
        (
            "malformed",
            b"{\"id\":1,}".to_vec(),
            "A property name in quotation marks is expected. Line: 1, Position: 9",
        ),
        ("cut off", b"{\"id\":1".to_vec(), "The text ends before its last value is complete."),
        ("more than one value", b"{} {}".to_vec(), "The text goes on after its value."),
        (
            "duplicate keys",
            b"{\"id\":1,\"name\":\"a\",\"id\":2}".to_vec(),
            "The property 'id' is there twice. Line: 1, Position: 20",
        ),
        (
            "escaped duplicate keys",
            b"{\"id\":1,\"name\":\"a\",\"\\u0069d\":2}".to_vec(),
            "The property 'id' is there twice.",
        ),
        (
            "beyond int64",
            b"{\"id\":9223372036854775808,\"name\":\"a\"}".to_vec(),
            "The number exceeds the maximum",
        ),
        (
            "beyond int32",
            b"{\"id\":1,\"name\":\"a\",\"lines\":[{\"amount\":2147483648}]}".to_vec(),
            "The number exceeds the maximum",
        ),
        ("huge number", format!("{{\"id\":{long},\"name\":\"a\"}}").into_bytes(), "The number is too large."),
        ("huge exponent", b"{\"id\":1e999999999,\"name\":\"a\"}".to_vec(), "The number is too large."),
        ("deep", "[".repeat(10_000).into_bytes(), "Values are nested deeper than 128 levels."),
        (
            "not UTF-8",
            b"{\"id\":1,\"name\":\"\xff\"}".to_vec(),
            "The text is not UTF-8. Line: 1, Position: 17",
        ),
        ("byte order mark", b"\xEF\xBB\xBF{\"id\":1,\"name\":\"a\"}".to_vec(), "byte order mark"),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec(), "The text is not UTF-8."),
        ("single quotes", b"{'id':1}".to_vec(), "A property name in quotation marks is expected."),
        ("comment", b"{\"id\":1/*x*/}".to_vec(), "`,` or `}` is expected"),
        ("NaN", b"{\"id\":NaN}".to_vec(), "A value is expected."),
        ("lone surrogate", b"{\"id\":1,\"name\":\"\\ud800\"}".to_vec(), "surrogate"),
    ];
    for (what, body, wanted) in cases {
        let started = Instant::now();
        let answer = client.send("POST", "/shop/orders", body).await;
        assert_eq!(answer.status, 400, "{what}: {}", answer.text());
        assert!(message(&answer).contains(wanted), "{what}: {}", answer.text());
        assert!(started.elapsed() < Duration::from_secs(20), "{what}");
    }
    let post = |client: Client, body: Vec<u8>| async move { client.send("POST", "/shop/orders", body).await };
    let body = b"{\"id\":1,\"name\":\"a\"}".to_vec();
    let typed = |value: &str| gateway.client().header("content-type", value);
    for (client, wanted) in [
        (typed("application/json; charset=utf-16"), "The charset 'utf-16' is not UTF-8."),
        (typed("application/json; charset=\"ISO-8859-1\""), "The charset 'iso-8859-1' is not UTF-8."),
        (typed("text/plain"), "Unspecified content type text/plain is not allowed."),
        (gateway.client(), "Unspecified content type  is not allowed."),
        (client.clone().header("content-type", "text/plain"), "The message has more than one content type."),
        (client.clone().header("content-encoding", "zstd"), "The content coding of the body is not known."),
        (client.clone().header("content-encoding", "gzip"), "not compressed as its content coding says"),
    ] {
        let answer = post(client, body.clone()).await;
        assert_eq!(
            (answer.status.as_u16(), message(&answer).contains(wanted)),
            (400, true),
            "{}",
            answer.text()
        );
    }
    let zipped = client.clone().header("content-encoding", "gzip");
    assert_eq!(post(zipped.clone(), gzip(&body)).await.status, 200);
    let bomb = gzip(&vec![b' '; 200 << 20]);
    let bomb_size = bomb.len();
    let answer = post(zipped, gzip(&bomb)).await;
    assert_eq!(answer.status, 400, "{bomb_size}: {}", answer.text());
    let answer = post(client.clone().header("content-encoding", "gzip, gzip"), gzip(&bomb)).await;
    assert!(
        message(&answer).contains("it exceeds the limit of 20000 bytes"),
        "{bomb_size}: {}",
        answer.text()
    );
    let answer = post(client.clone(), vec![b' '; 20_001]).await;
    assert_eq!(
        message(&answer),
        "Request's body is 20001 bytes long and it exceeds the limit of 20000 bytes."
    );
    assert_eq!(backend.seen().len(), 1);
}

#[tokio::test]
async fn chunked_bodies_are_counted_as_they_arrive() {
    let backend = Backend::echo();
    let gateway = gateway(&backend, CONTENT, "").await;
    let mut stream = gateway.client().connect(&["http/1.1"]).await.unwrap();
    let head = format!(
        "POST /shop/orders HTTP/1.1\r\nHost: {}\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n",
        gateway.client().authority()
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    for _ in 0..5 {
        stream.write_all(format!("1388\r\n{}\r\n", " ".repeat(5000)).as_bytes()).await.unwrap();
    }
    let mut answer = vec![0; 4096];
    let read = stream.read(&mut answer).await.unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("more than 20000 bytes long"), "{answer}");
    assert!(backend.seen().is_empty());
}

fn answering(
    status: u16,
    content_type: &'static str,
    count: Option<&'static str>,
    body: &'static str,
) -> Backend {
    Backend::answering(move |_| {
        let mut response = Response::new(Full::new(Bytes::from(body)));
        *response.status_mut() = status.try_into().unwrap();
        response.headers_mut().insert("content-type", content_type.parse().unwrap());
        if let Some(count) = count {
            response.headers_mut().insert("x-count", count.parse().unwrap());
        }
        response
    })
}

#[tokio::test]
async fn answers_that_do_not_conform_never_reach_the_client() {
    const OUTBOUND: &str = "<validate-status-code unspecified-status-code-action=\"prevent\" errors-variable-name=\"e\"><status-code code=\"503\" action=\"ignore\" /></validate-status-code><validate-headers specified-header-action=\"prevent\" unspecified-header-action=\"ignore\" /><validate-content unspecified-content-type-action=\"prevent\" max-size=\"1000\" size-exceeded-action=\"prevent\"><content validate-as=\"json\" type=\"application/json\" action=\"prevent\" /></validate-content>";
    const MASKED: &str =
        "The request could not be processed due to an internal error. Contact the API owner.";
    let good = "{\"id\":1,\"name\":\"a\",\"created\":\"2024-01-01T00:00:00Z\"}";
    for (status, content_type, count, body, wanted, source) in [
        (200, "application/json", Some("5"), good, 200, None),
        (
            200,
            "application/json",
            Some("5"),
            "{\"id\":1,\"name\":\"a\",\"secret\":\"s\"}",
            502,
            Some("validate-content"),
        ),
        (200, "application/json", Some("5"), "{\"id\":1}", 502, Some("validate-content")),
        (200, "text/html", Some("5"), "<html>", 502, Some("validate-content")),
        (200, "application/json", Some("x"), good, 502, Some("validate-headers")),
        (200, "application/json", None, good, 502, Some("validate-headers")),
        (500, "text/plain", None, "stack trace", 502, Some("validate-status-code")),
        (503, "text/plain", None, "", 503, None),
        (404, "text/plain", None, "", 404, None),
    ] {
        let backend = answering(status, content_type, count, body);
        let gateway = gateway(&backend, "", OUTBOUND).await;
        let answer = gateway.client().get("/shop/orders/7").await;
        assert_eq!(answer.status.as_u16(), wanted, "{status} {body}: {}", answer.text());
        if let Some(source) = source {
            assert_eq!(answer.json()["message"], MASKED);
            let expected = format!("{source}/Response not allowed");
            assert_eq!(answer.header("x-source"), Some(expected.as_str()));
        }
    }
}

#[tokio::test]
async fn one_broken_schema_is_reported_and_disables_only_what_uses_it() {
    let backend = Backend::echo();
    let landing = Landing::new().api(Api::new("shop", &backend.url()).policy(&document(CONTENT, "")));
    let broken = DEFINITION.replace("maxLength: 20", "maxLength: many").replace(
        "  /orders:\n",
        "  /free:\n    post:\n      operationId: free\n      requestBody: { content: { application/json: { schema: { type: object } } } }\n      responses: { \"200\": { description: ok } }\n  /orders:\n",
    );
    landing.file("artifacts/apis/shop/specification.yaml", &broken);
    landing.write_configuration();
    let check = crate::support::gatehouse(landing.folder.path(), &["check"]);
    let told = String::from_utf8_lossy(&check.stdout).into_owned() + &String::from_utf8_lossy(&check.stderr);
    assert!(told.contains("messages cannot be validated against `/paths/~1orders/post/requestBody/content/application~1json/schema`"), "{told}");
    let gateway = Gateway::start(landing).await;
    let client = json(&gateway.client());
    let answer = client.send("POST", "/shop/orders", "{\"id\":1,\"name\":\"a\"}").await;
    assert_eq!(answer.status, 400);
    assert!(message(&answer).contains("internal error"), "{}", answer.text());
    assert_eq!(client.send("POST", "/shop/free", "{}").await.status, 200);
    assert_eq!(client.send("POST", "/shop/free", "[]").await.status, 400);
}

#[tokio::test]
async fn without_a_definition_nothing_is_let_through_that_must_conform() {
    let backend = Backend::echo();
    let policy = "<validate-parameters specified-parameter-action=\"prevent\" unspecified-parameter-action=\"ignore\" />";
    let landing = Landing::new().api(Api::new("shop", &backend.url()).inbound(policy));
    landing.file(
        "artifacts/apis/shop/operations/any/operationInformation.json",
        "{\"properties\":{\"displayName\":\"any\",\"method\":\"GET\",\"urlTemplate\":\"/x\"}}",
    );
    let gateway = Gateway::start(landing).await;
    let answer = gateway.client().get("/shop/x").await;
    assert_eq!(answer.status, 400);
    assert!(message(&answer).contains("internal error"), "{}", answer.text());
    assert!(backend.seen().is_empty());
}

#[tokio::test]
async fn validate_api_judges_everything_that_the_definition_says() {
    let backend = answering(200, "application/json", Some("5"), "{\"id\":1}");
    let gateway =
        gateway(&backend, "<validate-api />", "<validate-api action=\"prevent\" max-size=\"1000\" />").await;
    let client = gateway.client();
    for bad in ["/shop/orders/x", "/shop/orders/7?limit=0", "/shop/orders/7?other=1"] {
        let answer = client.get(bad).await;
        assert_eq!(answer.status, 400, "{bad}");
        assert_eq!(answer.header("x-source"), Some("validate-api/Bad request"));
    }
    assert_eq!(json(&client).send("POST", "/shop/orders", "{}").await.status, 400);
    assert!(backend.seen().is_empty());
    let answer = client.get("/shop/orders/7").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("x-source")),
        (502, Some("validate-api/Response not allowed"))
    );
}

#[tokio::test]
async fn undeclared_fields_are_taken_out_of_answers() {
    const OUTBOUND: &str = "<validate-content unspecified-content-type-action=\"prevent\" max-size=\"1000\" size-exceeded-action=\"prevent\" errors-variable-name=\"errors\"><content validate-as=\"json\" type=\"application/json\" action=\"strip\" /></validate-content><set-header name=\"X-Taken\"><value>@(context.Variables.ContainsKey(\"errors\") ? \"yes\" : \"no\")</value></set-header>";
    for (body, wanted, taken) in [
        ("{\"id\": 1.0, \"name\": \"a\"}", Some("{\"id\": 1.0, \"name\": \"a\"}"), "no"),
        (
            "{\"id\": 1.0, \"name\": \"\\u0061\", \"secret\": \"s\", \"trace\": {\"at\": 1}, \"lines\": [{\"amount\": 1, \"cost\": 2, \"next\": {\"amount\": 3, \"x/y~\": []}}]}",
            Some("{\"id\":1.0,\"name\":\"a\",\"lines\":[{\"amount\":1,\"next\":{\"amount\":3}}]}"),
            "yes",
        ),
        ("{\"id\": \"x\", \"name\": \"a\", \"trace\": 1}", None, ""),
    ] {
        let backend = answering(200, "application/json", Some("1"), body);
        let gateway = gateway(&backend, "", OUTBOUND).await;
        let answer = gateway.client().get("/shop/orders/7").await;
        match wanted {
            Some(wanted) => {
                assert_eq!((answer.status.as_u16(), answer.text().as_str()), (200, wanted));
                assert_eq!(answer.header("x-taken"), Some(taken));
            }
            None => assert_eq!(answer.status, 502),
        }
    }
}
