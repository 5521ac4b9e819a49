//! Traffic from the definitions of APIs.

use std::collections::BTreeMap;

use anyhow::{Result, bail};
use bytes::Bytes;
use gatehouse_model::configuration::{Configuration, Listener};
use gatehouse_model::definition::{ExampleRequest, example_requests};
use gatehouse_model::did_you_mean;
use gatehouse_model::resources::{
    Api, ApiKind, Catalog, Operation, Representation, Resources, ResponseDescription, ResponseStatus,
};

use super::{Access, Draft, Route};
use crate::verbs::bench::stub::StubAnswer;

/// Requests for the operations that a listener exposes, and why there is none for some.
pub(in crate::verbs::bench) fn from_definitions(
    configuration: &Configuration,
    catalog: &Catalog,
    listener: &Listener,
    apis: &[String],
    operations: &[String],
) -> Result<(Vec<Draft>, Vec<String>)> {
    check_names(configuration, catalog, listener, apis, operations)?;
    let exposed = configuration.zones.of(listener.zone);
    let mut drafts = Vec::new();
    let mut left_out = Vec::new();
    for (workspace, resources) in catalog.scopes() {
        for api in resources.apis.values() {
            let name = label(workspace, &api.name);
            let of_api = |operation: &&String| operation.rsplit_once('/').is_some_and(|(api, _)| api == name);
            let is_wanted = (apis.is_empty() && operations.is_empty())
                || apis.contains(&name)
                || operations.iter().any(|operation| of_api(&operation));
            if !is_wanted || !api.is_online || !api.is_current || !exposed.contains(&api.root) {
                continue;
            }
            let chosen: Option<Vec<&str>> = (!operations.is_empty() && !apis.contains(&name)).then(|| {
                operations
                    .iter()
                    .filter_map(|operation| operation.rsplit_once('/'))
                    .map(|(_, name)| name)
                    .collect()
            });
            of_api_operations(workspace, resources, api, chosen.as_deref(), &mut drafts, &mut left_out);
        }
    }
    Ok((drafts, left_out))
}

fn of_api_operations(
    workspace: Option<&str>,
    resources: &Resources,
    api: &Api,
    chosen: Option<&[&str]>,
    drafts: &mut Vec<Draft>,
    left_out: &mut Vec<String>,
) {
    let access = Access::of(workspace, resources, api);
    let examples = examples(api);
    for operation in api.operations.values() {
        let name = format!("{}/{}", label(workspace, &api.name), operation.name);
        if chosen.is_some_and(|chosen| !chosen.contains(&operation.name.as_str())) {
            continue;
        }
        let why = match api.kind {
            ApiKind::WebSocket => Some("a WebSocket is no request with an answer".to_owned()),
            ApiKind::Grpc => Some("gRPC has no definition that requests could be made from".to_owned()),
            ApiKind::Soap => Some("no envelope can be made from the definition".to_owned()),
            ApiKind::Http | ApiKind::GraphQl | ApiKind::OData => {
                examples.get(operation.name.as_str()).and_then(|example| example.lacks.clone())
            }
        };
        if let Some(why) = why {
            left_out.push(format!("{name}: {why}; give it in a file with --requests"));
            continue;
        }
        drafts.push(draft(workspace, api, operation, &access, examples.get(operation.name.as_str())));
    }
}

fn examples(api: &Api) -> BTreeMap<String, ExampleRequest> {
    let Some(file) = &api.definition else { return BTreeMap::new() };
    // A definition that cannot be read is refused when the configuration is loaded.
    let text = std::fs::read_to_string(file).unwrap_or_default();
    example_requests(file, &text).into_iter().map(|made| (made.operation.clone(), made)).collect()
}

fn draft(
    workspace: Option<&str>,
    api: &Api,
    operation: &Operation,
    access: &Access,
    example: Option<&ExampleRequest>,
) -> Draft {
    let method = if operation.method == "*" { "GET".to_owned() } else { operation.method.clone() };
    let mut headers: Vec<(String, String)> = access.header.iter().cloned().collect();
    let mut body = Bytes::new();
    let mut path = match example {
        Some(example) => {
            headers.extend(example.headers.iter().cloned());
            if let Some(made) = &example.body {
                headers.push(("Content-Type".to_owned(), made.content_type.clone()));
                body = Bytes::from(made.content.clone());
            }
            example.path.clone()
        }
        None => filled(&operation.url_template),
    };
    if api.kind == ApiKind::GraphQl {
        headers.push(("Content-Type".to_owned(), "application/json".to_owned()));
        body = Bytes::from_static(br#"{"query":"{ __typename }"}"#);
        path = String::from("/");
    }
    if let Some(version) = &access.query {
        path.push(if path.contains('?') { '&' } else { '?' });
        path.push_str(version);
    }
    let base = &access.base;
    let path = if path == "/" && !base.is_empty() { base.clone() } else { format!("{base}{path}") };
    let method = if api.kind == ApiKind::GraphQl { "POST".to_owned() } else { method };
    let key = access.subscription.as_ref().map(|subscription| (access.key_field.clone(), subscription.id()));
    let name = format!("{}/{}", label(workspace, &api.name), operation.name);
    Draft {
        name,
        route: Some(Route {
            workspace: workspace.map(str::to_owned),
            api: api.name.clone(),
            operation: operation.name.clone(),
        }),
        method,
        path,
        headers,
        body,
        key,
        weight: 1,
        expect: None,
        answer: answer(&operation.responses),
    }
}

/// A template whose parameters have a value: nothing says what they are like.
fn filled(template: &str) -> String {
    let mut path = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        path.push_str(before);
        path.push('1');
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    path.push_str(rest);
    path.replace('*', "1")
}

/// What the definition says of a good answer: its example, else one from its schema.
pub(super) fn answer(responses: &[ResponseDescription]) -> StubAnswer {
    let status = |described: &ResponseDescription| match described.status {
        ResponseStatus::Code(code) if (200..300).contains(&code) => Some(code),
        ResponseStatus::Range(2) => Some(200),
        _ => None,
    };
    let Some((code, described)) = responses.iter().find_map(|one| Some((status(one)?, one))) else {
        return StubAnswer::default();
    };
    let Some(representation) = described.representations.first() else {
        return StubAnswer { status: code, content_type: None, body: Bytes::new() };
    };
    let content_type = match representation.content_type.as_str() {
        "*/*" | "application/*" => "application/json".to_owned(),
        other => other.to_owned(),
    };
    StubAnswer { status: code, content_type: Some(content_type), body: content(representation) }
}

fn content(representation: &Representation) -> Bytes {
    let value =
        representation.examples.first().map(|example| &example.value).or(representation.sample.as_ref());
    let is_json = representation.content_type.contains("json") || representation.content_type.contains('*');
    match value {
        Some(serde_json::Value::String(text)) if !is_json => Bytes::from(text.clone()),
        Some(value) => Bytes::from(value.to_string()),
        None => Bytes::new(),
    }
}

fn label(workspace: Option<&str>, api: &str) -> String {
    workspace.map_or_else(|| api.to_owned(), |workspace| format!("{workspace}/{api}"))
}

/// Names on the command line must be those of APIs and operations that the listener exposes.
fn check_names(
    configuration: &Configuration,
    catalog: &Catalog,
    listener: &Listener,
    apis: &[String],
    operations: &[String],
) -> Result<()> {
    let mut known = BTreeMap::new();
    for (workspace, resources) in catalog.scopes() {
        for api in resources.apis.values() {
            known.insert(label(workspace, &api.name), api);
        }
    }
    let zone = listener.zone;
    let check_api = |name: &str| -> Result<()> {
        let Some(api) = known.get(name) else {
            let near = did_you_mean(name, known.keys().map(String::as_str));
            let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
            bail!("there is no API `{name}`{hint}");
        };
        if !configuration.zones.of(zone).contains(&api.root) {
            bail!(
                "the zone `{}` of the listener `{}` does not expose the API `{name}`; choose another with --listener",
                zone.as_str(),
                listener.name
            );
        }
        Ok(())
    };
    for name in apis {
        check_api(name)?;
    }
    for name in operations {
        let Some((api, operation)) = name.rsplit_once('/') else {
            bail!("`{name}` is no operation; write API/OPERATION, such as orders/get-order");
        };
        check_api(api)?;
        let known = known.get(api).map(|api| &api.operations);
        let names = || known.into_iter().flat_map(BTreeMap::keys).map(String::as_str);
        if !names().any(|known| known == operation) {
            let near = did_you_mean(operation, names());
            let hint = near.map(|near| format!("; did you mean `{api}/{near}`?")).unwrap_or_default();
            bail!("the API `{api}` has no operation `{operation}`{hint}");
        }
    }
    Ok(())
}
