//! The route of a request that a file names: the API by the longest path, the operation by the template that says most.

use gatehouse_model::configuration::{Configuration, Listener};
use gatehouse_model::resources::{Api, Catalog, Operation};

use super::{Access, Draft, Route};

/// Fills in route and key of requests whose path is that of an operation.
pub(in crate::verbs::bench) fn find_routes(
    drafts: &mut [Draft],
    configuration: &Configuration,
    catalog: &Catalog,
    listener: &Listener,
) {
    let exposed = configuration.zones.of(listener.zone);
    let mut apis: Vec<(Option<&str>, &Api, Access)> = Vec::new();
    for (workspace, resources) in catalog.scopes() {
        for api in resources.apis.values().filter(|api| api.is_online && exposed.contains(&api.root)) {
            apis.push((workspace, api, Access::of(workspace, resources, api)));
        }
    }
    apis.sort_by_key(|(_, api, access)| (std::cmp::Reverse(access.base.len()), !api.is_current));
    for draft in drafts {
        let path = draft.path.split('?').next().unwrap_or_default();
        let found = apis.iter().find_map(|(workspace, api, access)| {
            let rest = path.get(..access.base.len()).filter(|start| start.eq_ignore_ascii_case(&access.base));
            let rest = rest.and_then(|_| path.get(access.base.len()..))?;
            if !rest.is_empty() && !rest.starts_with('/') {
                return None;
            }
            let matching =
                api.operations.values().filter_map(|one| Some((literal(one, &draft.method, rest)?, one)));
            let (_, operation) = matching.max_by_key(|(literal, _)| *literal)?;
            Some((*workspace, *api, access, operation))
        });
        let Some((workspace, api, access, operation)) = found else { continue };
        draft.route = Some(Route {
            workspace: workspace.map(str::to_owned),
            api: api.name.clone(),
            operation: operation.name.clone(),
        });
        let has_key = draft.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(&access.key_field));
        if !has_key {
            draft.key = access
                .subscription
                .as_ref()
                .map(|subscription| (access.key_field.clone(), subscription.id()));
        }
    }
}

/// How many segments of the template stand for themselves; `None` where the path is another one.
fn literal(operation: &Operation, method: &str, path: &str) -> Option<usize> {
    if operation.method != "*" && !operation.method.eq_ignore_ascii_case(method) {
        return None;
    }
    let template = operation.url_template.split('?').next().unwrap_or_default();
    let mut template = template.trim_matches('/').split('/');
    let mut segments = path.trim_matches('/').split('/');
    let mut literal = 0;
    loop {
        match (template.next(), segments.next()) {
            (None, None) => return Some(literal),
            (Some(rest), _) if rest == "*" || rest.starts_with("{*") => return Some(literal),
            (Some(one), Some(segment)) if one.eq_ignore_ascii_case(segment) => literal += 1,
            (Some(one), Some(segment)) if one.contains('{') && !segment.is_empty() => {}
            _ => return None,
        }
    }
}
