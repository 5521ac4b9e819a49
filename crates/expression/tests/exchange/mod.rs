//! An exchange in the state of `fixture.json`.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use bytes::Bytes;
use gatehouse_expression::{
    Api, Backend, BodyError, Context, Deployment, Group, LastError, Limits, Operation, Product, Response,
    Side, Subscription, Url, UrlOf, User, UserIdentity, Value, Workspace, compile,
};
use serde_json::Value as Json;

/// An exchange.
pub(crate) struct Exchange {
    method: String,
    urls: [Url<'static>; 2],
    headers: [Vec<(String, String)>; 2],
    bodies: [Option<Bytes>; 2],
    matched: Vec<(String, String)>,
    status: Option<(u16, String)>,
    error: Option<LastError>,
    variables: HashMap<String, Value>,
    api: Arc<Api>,
    operation: Arc<Operation>,
    product: Arc<Product>,
    subscription: Arc<Subscription>,
    user: Arc<User>,
    deployment: Arc<Deployment>,
    limits: Limits,
}

fn text(value: &Json) -> &str {
    value.as_str().unwrap_or_default()
}

fn shared(value: &Json) -> Arc<str> {
    text(value).into()
}

fn pairs(value: &Json) -> Vec<(String, String)> {
    value.as_array().into_iter().flatten().map(|p| (text(&p[0]).to_owned(), text(&p[1]).to_owned())).collect()
}

fn escape(text: &str) -> String {
    text.bytes()
        .map(|b| {
            if b.is_ascii_alphanumeric() || b"-_.~".contains(&b) {
                char::from(b).to_string()
            } else {
                format!("%{b:02X}")
            }
        })
        .collect()
}

fn token(fixture: &Json) -> String {
    let encode = |part: &Json| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(part.to_string());
    let jwt = &fixture["jwt"];
    format!("{}.{}.{}", encode(&jwt["header"]), encode(&jwt["payload"]), text(&jwt["signature"]))
}

fn response(fixture: &Json, row: &Json) -> Response {
    let it = &fixture["response"];
    let body = if row["responseKind"] == "xml" { &fixture["xmlBody"] } else { &it["body"] };
    let headers = pairs(&it["headers"]).into_iter().map(|(n, v)| (n.into(), v.into())).collect();
    let status = it["status"].as_u64().unwrap_or(200) as u16;
    Response::new(status, text(&it["reason"]), headers, Bytes::from(text(body).to_owned()))
}

impl Exchange {
    /// The same with other limits.
    #[allow(dead_code, reason = "not every test that has an exchange limits it")]
    pub(crate) fn limited(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// The state for one row.
    pub(crate) fn new(fixture: &Json, row: &Json) -> Self {
        let (request, section) = (&fixture["request"], text(&row["section"]));
        let body = match text(&row["bodyKind"]) {
            "xml" => text(&fixture["xmlBody"]),
            "form" => text(&fixture["formBody"]),
            _ => text(&request["body"]),
        };
        let jwt = token(fixture);
        let mut headers = pairs(&request["headers"]);
        for (name, value) in &mut headers {
            *value = value.replace("{{jwt}}", &jwt);
            if name == "Content-Type" {
                match text(&row["bodyKind"]) {
                    "xml" => "text/xml; charset=utf-8".clone_into(value),
                    "form" => "application/x-www-form-urlencoded".clone_into(value),
                    _ => {}
                }
            }
        }
        headers.push(("Host".into(), text(&request["host"]).into()));
        headers.push(("Ocp-Apim-Subscription-Key".into(), text(&fixture["subscription"]["key"]).into()));
        headers.push(("Content-Length".into(), body.len().to_string()));
        let query: Vec<String> =
            pairs(&request["query"]).iter().map(|(n, v)| format!("{}={}", escape(n), escape(v))).collect();
        let query = format!("?{}", query.join("&"));
        let path = text(&row["path"]);
        let original = Url {
            scheme: text(&request["scheme"]).to_owned().into(),
            host: text(&request["host"]).to_owned().into(),
            port: request["port"].as_u64().unwrap_or(443) as u16,
            path: format!("/{}{path}", text(&fixture["api"]["path"])).into(),
            query: query.clone().into(),
        };
        let service = Url {
            scheme: "http".into(),
            host: "127.0.0.1".into(),
            port: 18080,
            path: "/backend".into(),
            query: "".into(),
        };
        let url = Url { path: path.to_owned().into(), query: query.into(), ..service.clone() };
        let outbound = section == "outbound";
        let answer = &fixture["response"];
        let created = UNIX_EPOCH + Duration::from_secs(1_704_067_200);
        let subscription = &fixture["subscription"];
        let user = &fixture["user"];
        let groups = |of: &Json| {
            of["groups"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|g| Arc::new(Group { id: shared(&g["id"]), name: shared(&g["name"]) }))
                .collect::<Vec<_>>()
        };
        let error = &fixture["lastError"];
        let api = Arc::new(Api {
            id: shared(&fixture["api"]["id"]),
            name: shared(&fixture["api"]["name"]),
            path: shared(&fixture["api"]["path"]),
            protocols: vec!["https".into()],
            service_url: Some(Arc::new(service)),
            subscription_header_name: "Ocp-Apim-Subscription-Key".into(),
            subscription_query_name: "subscription-key".into(),
            is_current_revision: true,
            revision: shared(&fixture["api"]["revision"]),
            version: shared(&fixture["api"]["version"]),
        });
        let product = &fixture["product"];
        let mut exchange = Self {
            method: text(&request["method"]).to_owned(),
            urls: [url, original],
            headers: [headers, if outbound { pairs(&answer["headers"]) } else { Vec::new() }],
            bodies: [
                Some(Bytes::from(body.to_owned())),
                outbound.then(|| {
                    let body =
                        if row["responseKind"] == "xml" { &fixture["xmlBody"] } else { &answer["body"] };
                    Bytes::from(text(body).to_owned())
                }),
            ],
            matched: row["matched"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(n, v)| (n.clone(), text(v).to_owned()))
                .collect(),
            status: outbound.then(|| {
                (answer["status"].as_u64().unwrap_or(200) as u16, text(&answer["reason"]).to_owned())
            }),
            error: (section == "on-error").then(|| LastError {
                source: shared(&error["source"]),
                reason: Some(shared(&error["reason"])),
                message: shared(&error["message"]),
                scope: Some(shared(&error["scope"])),
                section: Some(shared(&error["section"])),
                path: Some(shared(&error["path"])),
                policy_id: Some(shared(&error["policyId"])),
                http_error_code: None,
            }),
            variables: HashMap::new(),
            operation: Arc::new(Operation {
                id: format!("{}{}", text(&fixture["operation"]["idPrefix"]), text(&row["sha"])).into(),
                method: shared(&fixture["operation"]["method"]),
                name: shared(&fixture["operation"]["name"]),
                url_template: shared(&row["template"]),
            }),
            product: Arc::new(Product {
                id: shared(&product["id"]),
                name: shared(&product["name"]),
                apis: vec![Arc::clone(&api)],
                approval_required: product["approvalRequired"] == true,
                groups: groups(product),
                published: true,
                subscription_limit: product["subscriptionLimit"].as_i64().map(|n| n as i32),
                subscription_required: product["subscriptionRequired"] == true,
            }),
            subscription: Arc::new(Subscription {
                created,
                end: None,
                id: shared(&subscription["id"]),
                key: shared(&subscription["key"]),
                name: shared(&subscription["name"]),
                primary_key: shared(&subscription["key"]),
                secondary_key: shared(&subscription["secondaryKey"]),
                start: None,
            }),
            user: Arc::new(User {
                email: shared(&user["email"]),
                first_name: shared(&user["firstName"]),
                groups: groups(user),
                id: shared(&user["id"]),
                identities: user["identities"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|i| {
                        Arc::new(UserIdentity { id: shared(&i["id"]), provider: shared(&i["provider"]) })
                    })
                    .collect(),
                last_name: shared(&user["lastName"]),
                note: shared(&user["note"]),
                registered: created,
            }),
            limits: Limits::default(),
            deployment: Arc::new(Deployment {
                gateway_id: shared(&fixture["deployment"]["gatewayId"]),
                gateway_instance_id: "instance-1".into(),
                gateway_is_managed: true,
                region: shared(&fixture["deployment"]["region"]),
                service_id: shared(&fixture["deployment"]["serviceName"]),
                service_name: shared(&fixture["deployment"]["serviceName"]),
                certificates: Vec::new(),
            }),
            api,
        };
        for variable in row["vars"].as_array().into_iter().flatten() {
            let init = text(&variable["init"]);
            let value = if init == "response" {
                response(fixture, row).into()
            } else {
                let made = compile(&format!("@({init})")).unwrap_or_else(|e| panic!("{init}: {}", e[0]));
                made.evaluate(&mut exchange).unwrap()
            };
            exchange.variables.insert(text(&variable["name"]).to_owned(), value);
        }
        exchange
    }
}

fn at(side: Side) -> usize {
    usize::from(side == Side::Response)
}

impl Context for Exchange {
    fn method(&self) -> &str {
        &self.method
    }
    fn url(&self, which: UrlOf) -> Url<'_> {
        self.urls[usize::from(which == UrlOf::Original)].clone()
    }
    fn header(&self, of: Side, name: &str, visit: &mut dyn FnMut(&str)) {
        self.headers[at(of)].iter().filter(|(n, _)| n.eq_ignore_ascii_case(name)).for_each(|(_, v)| visit(v));
    }
    fn header_names(&self, of: Side, visit: &mut dyn FnMut(&str)) {
        let mut seen: Vec<&str> = Vec::new();
        for (name, _) in &self.headers[at(of)] {
            if !seen.iter().any(|s| s.eq_ignore_ascii_case(name)) {
                seen.push(name);
                visit(name);
            }
        }
    }
    fn matched_parameters(&self, visit: &mut dyn FnMut(&str, &str)) {
        self.matched.iter().for_each(|(n, v)| visit(n, v));
    }
    fn ip_address(&self) -> Cow<'_, str> {
        "127.0.0.1".into()
    }
    fn client_certificate(&self) -> Option<Arc<[u8]>> {
        None
    }
    fn body(&mut self, of: Side, preserve: bool) -> Result<Bytes, BodyError> {
        let body = &mut self.bodies[at(of)];
        if preserve { body.clone() } else { body.take() }.ok_or(BodyError::Consumed)
    }
    fn has_body(&self, _: Side) -> bool {
        true
    }
    fn status(&self) -> Option<(u16, Cow<'_, str>)> {
        self.status.as_ref().map(|(code, reason)| (*code, reason.as_str().into()))
    }
    fn last_error(&self) -> Option<&LastError> {
        self.error.as_ref()
    }
    fn variable(&self, name: &str) -> Option<Value> {
        self.variables.get(name).cloned()
    }
    fn variables(&self, visit: &mut dyn FnMut(&str, &Value)) {
        self.variables.iter().for_each(|(n, v)| visit(n, v));
    }
    fn api(&self) -> Option<&Arc<Api>> {
        Some(&self.api)
    }
    fn operation(&self) -> Option<&Arc<Operation>> {
        Some(&self.operation)
    }
    fn product(&self) -> Option<&Arc<Product>> {
        Some(&self.product)
    }
    fn subscription(&self) -> Option<&Arc<Subscription>> {
        Some(&self.subscription)
    }
    fn user(&self) -> Option<&Arc<User>> {
        Some(&self.user)
    }
    fn deployment(&self) -> &Arc<Deployment> {
        &self.deployment
    }
    fn workspace(&self) -> Option<&Arc<Workspace>> {
        None
    }
    fn backend(&self) -> Option<&Arc<Backend>> {
        None
    }
    fn request_id(&self) -> [u8; 16] {
        [0; 16]
    }
    fn timestamp(&self) -> SystemTime {
        UNIX_EPOCH
    }
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
    fn now(&self) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_709_210_096)
    }
    fn tracing(&self) -> bool {
        false
    }
    fn trace(&mut self, _: &str) {}
    fn limits(&self) -> Limits {
        self.limits
    }
    fn random(&mut self, buffer: &mut [u8]) {
        for (n, byte) in buffer.iter_mut().enumerate() {
            *byte = (n as u8).wrapping_mul(37).wrapping_add(11);
        }
    }
}
