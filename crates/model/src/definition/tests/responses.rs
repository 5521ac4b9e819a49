//! Servers and responses.

use super::{FILE, findings, good, with_paths};

#[test]
fn servers_are_spelled_out() {
    let servers =
        |text: &str| -> Vec<String> { good(text).servers.into_iter().map(|one| one.value).collect() };
    let head = "openapi: 3.0.0\ninfo: { title: t }\npaths: {}\n";
    assert_eq!(
        servers(&format!(
            "{head}servers: [{{ url: 'http://{{host}}/v{{n}}', variables: {{ host: {{ default: a.example }}, n: {{ default: 1.10 }} }} }}, {{ url: 'https://b.example' }}]"
        )),
        ["http://a.example/v1.10", "https://b.example"]
    );
    let swagger = "swagger: '2.0'\ninfo: { title: t }\npaths: {}\n";
    assert_eq!(
        servers(&format!("{swagger}host: a.example\nbasePath: /v2\nschemes: [http, https]")),
        ["http://a.example/v2", "https://a.example/v2"]
    );
    assert_eq!(servers(&format!("{swagger}host: a.example\nbasePath: v2")), ["https://a.example/v2"]);
    assert_eq!(servers(&format!("{swagger}basePath: /v2")), ["/v2"]);
    assert_eq!(
        servers(&format!("{swagger}x-servers: [{{ url: 'https://c.example' }}]")),
        ["https://c.example"]
    );
}

#[test]
fn the_first_https_server_is_the_backend() {
    let definition = good(
        "openapi: 3.0.0\ninfo: { title: t }\npaths: {}\nservers: [{ url: /a }, { url: 'http://b.example' }, { url: 'HTTPS://c.example' }]",
    );
    assert_eq!(definition.service_url().unwrap().value, "HTTPS://c.example");
    assert_eq!(definition.service_url().unwrap().location.to_string(), format!("{FILE}:4:60"));
}

#[test]
fn a_server_that_is_not_asked_is_told() {
    let text = format!(
        "{}servers: [{{ url: 'https://a.example' }}]\n",
        with_paths(
            "  /a:\n    get: { servers: [{ url: 'https://b.example' }] }\n    put: { servers: [{ url: 'https://a.example' }] }\n"
        )
    );
    assert_eq!(
        findings(FILE, &text),
        [
            "5:21: low: `GET /a` has a server of its own, `https://b.example`, that requests are not sent to (send them \
          there with `set-backend-service` in a policy)"
        ]
    );
}

#[test]
fn examples_of_version_2_stand_by_media_type() {
    let definition = good(
        "swagger: '2.0'
info: { title: t }
produces: [application/json, application/xml]
paths:
  /a:
    get:
      responses:
        200:
          schema: { type: object, properties: { b: { type: integer } } }
          examples: { text/plain: hello, application/json: { b: 4 } }
        201: { schema: { type: array, items: { type: string } } }
        204: { description: nothing }
    put:
      produces: [text/json]
      responses: { default: { schema: { type: boolean } } }
",
    );
    let get = &definition.operations[0].responses;
    let row = |at: usize| -> Vec<(&str, usize, bool)> {
        get[at]
            .representations
            .iter()
            .map(|one| (one.content_type.as_str(), one.examples.len(), one.sample.is_some()))
            .collect()
    };
    assert_eq!(
        row(0),
        [("application/json", 1, false), ("application/xml", 0, false), ("text/plain", 1, false)]
    );
    assert_eq!(row(1), [("application/json", 0, true), ("application/xml", 0, false)]);
    assert_eq!(row(2), []);
    assert_eq!(get[1].representations[0].sample, Some(serde_json::json!(["string"])));
    assert_eq!(definition.operations[1].responses[0].representations[0].sample, Some(true.into()));
}

#[test]
fn wrong_statuses_places_and_types_are_refused_where_they_stand() {
    let text = with_paths(
        "  /a:
    get:
      operationId: 7
      parameters: [{ name: x, in: querry }, { in: query }, { name: y }, { name: z, in: query }, { name: z, in: query }]
      responses: { '20': {} }
    put: 5
",
    );
    assert_eq!(
        findings(FILE, &text),
        [
            "7:35: error: a parameter cannot stand in `querry` (did you mean `query`?)",
            "7:45: error: the parameter has no `name`",
            "7:60: error: the parameter has no `in` (one of path, query, header, cookie)",
            "7:97: error: the query parameter `z` is declared twice",
            "6:20: error: `operationId` must be a string, this is a number (put it between quotation marks)",
            "8:20: error: `20` is no status code (a code such as 200, a range such as 4XX, or `default`)",
            "9:10: error: `GET /a` must be a mapping, this is a number".replace("GET", "PUT").as_str(),
        ]
    );
}
