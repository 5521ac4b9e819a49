//! APIs: their properties. Revisions, definitions and operations have readers of their own.

use std::collections::BTreeMap;

use super::check;
use super::definitions;
use super::fields::Fields;
use super::layout;
use super::links;
use super::logging;
use super::operations;
use super::reference::root_name;
use super::resource::Resource;
use super::revisions;
use crate::resources::{Api, ApiKind, KeyParameterNames, Protocol, VersionSet, VersioningScheme};
use crate::{Located, Location};

/// Where the things of an API stand that other APIs can collide with.
#[derive(Clone, Debug)]
pub(super) struct Places {
    /// The `path` property.
    pub(super) path: Location,
    /// The `apiRevision` property.
    pub(super) revision: Location,
    /// The `isCurrent` property of a folder `;rev=N` that claims to be current.
    pub(super) claims_current: Option<Location>,
}

/// The APIs of a scope and where their paths stand.
#[derive(Debug, Default)]
pub(super) struct Apis {
    /// By resource name.
    pub(super) apis: BTreeMap<String, Api>,
    /// By the same name.
    pub(super) places: BTreeMap<String, Places>,
}

/// Reads the APIs of a scope.
pub(super) fn read(scope: &Resource<'_>, version_sets: &BTreeMap<String, VersionSet>) -> Apis {
    let resources: Vec<_> = scope.children(&layout::APIS).collect();
    let mut found = Apis::default();
    for resource in &resources {
        let Some((api, places)) = resource.read(|fields| api(resource, fields, version_sets)) else {
            continue;
        };
        found.places.insert(api.name.clone(), places);
        found.apis.insert(api.name.clone(), api);
    }
    let complete = found.apis.len() == resources.len();
    revisions::settle(scope, &mut found, complete);

    let serving: Vec<_> =
        resources.into_iter().filter(|resource| found.apis.contains_key(&resource.entry.name)).collect();
    let files: Vec<_> =
        serving.iter().map(|resource| resource.entry.file(layout::Role::Definition).cloned()).collect();
    let definitions = definitions::read(&files);
    for ((resource, file), outcome) in serving.iter().zip(files).zip(definitions) {
        let Some(api) = found.apis.get_mut(&resource.entry.name) else { continue };
        api.policy = resource.policy();
        api.diagnostics = logging::read_diagnostics(resource, &layout::API_DIAGNOSTICS);
        api.tags = links::read(resource, &layout::API_TAGS)
            .iter()
            .filter_map(|tag| {
                resource.scopes.find(resource.context, &resource.id, &layout::TAGS, &tag.value, &tag.location)
            })
            .collect();
        api.definition = file.as_ref().map(|file| file.to_path_buf());
        let definition = match outcome {
            Some((definition, diagnostics)) => {
                for diagnostic in diagnostics {
                    resource.context.push(diagnostic.resource(resource.id.as_str()));
                }
                definition
            }
            None => None,
        };
        operations::attach(resource, api, definition, file.as_ref());
    }
    found
}

fn api(
    resource: &Resource<'_>,
    fields: &Fields<'_>,
    version_sets: &BTreeMap<String, VersionSet>,
) -> Option<(Api, Places)> {
    let context = resource.context;
    fields.ignore(&[
        "apiRevisionDescription",
        "apiVersionDescription",
        "apiVersionSet",
        "authenticationSettings",
        "contact",
        "format",
        "license",
        "provisioningState",
        "sourceApiId",
        "termsOfServiceUrl",
        "translateRequiredQueryParameters",
        "wsdlSelector",
    ]);
    fields.not_yet(
        context,
        &["a2aProperties", "agent", "backendId", "jsonRpcProperties", "mcpProperties", "mcpTools", "value"],
    );
    let name = &resource.entry.name;
    let display_name = fields.bounded(context, "displayName", 300).map(|text| text.value);
    let description = fields.text(context, "description").filter(|text| !text.is_empty());
    let kind = kind(fields, resource);
    let path = match fields.string(context, "path") {
        Some(path) => Some(check::path(resource, &path)),
        None if fields.height("path").is_none() => {
            fields.missing(context, "path");
            None
        }
        None => None,
    };
    let revision = revision(resource, fields);
    let (is_current, claims_current) = current(resource, fields);
    let is_online = fields.boolean(context, "isOnline").unwrap_or(true);
    let version = fields.bounded(context, "apiVersion", 100).filter(|version| !version.value.is_empty());
    let version_set = fields
        .string(context, "apiVersionSetId")
        .filter(|id| !id.value.is_empty())
        .map(|id| resource.resolve(&layout::VERSION_SETS, &id));
    if let Some(version) = &version {
        let set = version_set.iter().flatten().find_map(|set| version_sets.get(&set.value));
        if version_set.is_some() {
            check_version(resource, version, set);
        } else {
            resource.error_with_fix(
                "bad-version",
                version.location.clone(),
                format!("{} has the version `{}` and no version set", resource.id, version.value),
                "name the set in `apiVersionSetId`",
            );
        }
    }
    let service_url = service_url(resource, fields, kind);
    let protocols = protocols(resource, fields, kind);
    let subscription_required = fields.boolean(context, "subscriptionRequired").unwrap_or(true);
    let key_names = key_names(resource, fields);
    let places = Places {
        path: fields.location_of("path"),
        revision: fields.location_of("apiRevision"),
        claims_current,
    };
    let api = Api {
        name: name.clone(),
        root: root_name(name).to_owned(),
        revision: revision?,
        is_current,
        is_online,
        display_name: display_name
            .filter(|text| !text.is_empty())
            .unwrap_or_else(|| root_name(name).to_owned()),
        description,
        path: path?,
        service_url,
        kind,
        protocols,
        version: version.map(|version| version.value),
        version_set: version_set.flatten(),
        subscription_required,
        key_names,
        operations: BTreeMap::new(),
        policy: None,
        diagnostics: BTreeMap::new(),
        tags: Vec::new(),
        definition: None,
        location: resource.location(),
    };
    Some((api, places))
}

fn kind(fields: &Fields<'_>, resource: &Resource<'_>) -> ApiKind {
    let context = resource.context;
    let kinds = [
        ("http", Some(ApiKind::Http)),
        ("soap", Some(ApiKind::Soap)),
        ("graphql", Some(ApiKind::GraphQl)),
        ("websocket", Some(ApiKind::WebSocket)),
        ("grpc", Some(ApiKind::Grpc)),
        ("odata", Some(ApiKind::OData)),
        ("mcp", None),
        ("a2a", None),
    ];
    let named = fields.choice(context, "type", &kinds).or_else(|| fields.choice(context, "apiType", &kinds));
    fields.ignore(&["apiType"]);
    match named {
        Some(Located { value: Some(kind), .. }) => kind,
        Some(Located { value: None, location }) => {
            resource.error("not-yet-available", location, "APIs of this type are not yet available");
            ApiKind::Http
        }
        None => ApiKind::Http,
    }
}

/// The revision that the file says, which must be the one that the folder says.
fn revision(resource: &Resource<'_>, fields: &Fields<'_>) -> Option<String> {
    let name = &resource.entry.name;
    let in_name = name.split_once(";rev=").map(|(_, revision)| revision);
    if let Some(revision) = in_name {
        if revision.is_empty() || revision.len() > 100 || !revision.bytes().all(|b| b.is_ascii_digit()) {
            resource.error_with_fix(
                "bad-name",
                resource.entry.location(),
                format!("`{name}` does not end in a revision number"),
                "name the folder `API;rev=N`",
            );
            return None;
        }
    } else if name.contains(';') {
        resource.error_with_fix(
            "bad-name",
            resource.entry.location(),
            format!("`{name}` cannot be the name of an API"),
            "only `;rev=N` may follow the name",
        );
        return None;
    }
    let in_file = fields.string(resource.context, "apiRevision").filter(|text| !text.value.is_empty());
    match (in_name, in_file) {
        (Some(in_name), Some(in_file)) if in_name != in_file.value => {
            resource.error_with_fix(
                "revision-mismatch",
                in_file.location,
                format!(
                    "the file says revision {}, its folder `{name}` says revision {in_name}",
                    in_file.value
                ),
                "make them agree",
            );
            None
        }
        (Some(in_name), _) => Some(in_name.to_owned()),
        (None, Some(in_file)) => {
            let digits = in_file.value.len() <= 100 && in_file.value.bytes().all(|b| b.is_ascii_digit());
            if !digits {
                resource.error_with_fix(
                    "bad-revision",
                    in_file.location,
                    format!("`{}` is not a revision number", in_file.value),
                    "write digits alone",
                );
                return None;
            }
            Some(in_file.value)
        }
        (None, None) => Some("1".to_owned()),
    }
}

/// Whether this is the current revision: the folder decides, and the file must not say otherwise. The second value is
/// the place where the file of another revision says that it is current.
fn current(resource: &Resource<'_>, fields: &Fields<'_>) -> (bool, Option<Location>) {
    let by_folder = !resource.entry.name.contains(";rev=");
    let by_file = fields.boolean(resource.context, "isCurrent");
    if by_folder && by_file == Some(false) {
        resource.error_with_fix(
            "current-revision",
            fields.location_of("isCurrent"),
            format!(
                "`{}` is the folder of the current revision, and the file says that it is not",
                resource.entry.name
            ),
            "name the folder `API;rev=N`, or take `isCurrent` out",
        );
    }
    let claim = (!by_folder && by_file == Some(true)).then(|| fields.location_of("isCurrent"));
    (by_folder, claim)
}

fn check_version(resource: &Resource<'_>, version: &Located<String>, set: Option<&VersionSet>) {
    let wrong = |message: String, fix: &str| {
        resource.error_with_fix("bad-version", version.location.clone(), message, fix);
    };
    match set.map(|set| &set.scheme) {
        Some(VersioningScheme::Segment) if !version.value.chars().all(check::is_segment_char) => wrong(
            format!("the version `{}` cannot be a path segment", version.value),
            "use letters, digits and any of -._~!$&'()+,=:@",
        ),
        Some(VersioningScheme::Query(_) | VersioningScheme::Header(_))
            if !version.value.chars().all(|c| c == ' ' || c.is_ascii_graphic()) =>
        {
            wrong(
                format!("the version `{}` has characters that no request can send", version.value),
                "use ASCII",
            );
        }
        _ => {}
    }
}

fn service_url(resource: &Resource<'_>, fields: &Fields<'_>, kind: ApiKind) -> Option<Located<url::Url>> {
    let text = fields.string(resource.context, "serviceUrl").filter(|url| !url.value.trim().is_empty())?;
    let schemes: &[&str] = match kind {
        ApiKind::WebSocket => &["ws", "wss"],
        _ => &["http", "https"],
    };
    check::url(resource, "serviceUrl", &text, schemes).map(|url| Located::new(url, text.location))
}

fn protocols(resource: &Resource<'_>, fields: &Fields<'_>, kind: ApiKind) -> Vec<Protocol> {
    let (known, default): (&[(&str, Protocol)], _) = match kind {
        ApiKind::WebSocket => (&[("ws", Protocol::Ws), ("wss", Protocol::Wss)], Protocol::Wss),
        _ => (&[("http", Protocol::Http), ("https", Protocol::Https)], Protocol::Https),
    };
    let mut protocols = Vec::new();
    for name in fields.strings(resource.context, "protocols").unwrap_or_default() {
        match known.iter().find(|(known, _)| known.eq_ignore_ascii_case(&name.value)) {
            Some((_, protocol)) if !protocols.contains(protocol) => protocols.push(*protocol),
            Some(_) => {}
            None => resource.error_with_fix(
                "unknown-value",
                name.location,
                format!("`{}` is not a protocol of this type of API", name.value),
                format!("use {}", known.iter().map(|(known, _)| *known).collect::<Vec<_>>().join(" or ")),
            ),
        }
    }
    if protocols.is_empty() { vec![default] } else { protocols }
}

fn key_names(resource: &Resource<'_>, fields: &Fields<'_>) -> KeyParameterNames {
    let mut names = KeyParameterNames::default();
    let context = resource.context;
    let Some(fields) = fields.object(context, "subscriptionKeyParameterNames") else { return names };
    if let Some(header) = fields.string(context, "header").filter(|name| !name.value.is_empty()) {
        check::header_name(resource, &header);
        names.header = header.value;
    }
    if let Some(query) = fields.string(context, "query").filter(|name| !name.value.is_empty()) {
        check::query_name(resource, &query);
        names.query = query.value;
    }
    fields.finish(context);
    names
}
