//! Revisions of APIs: the folder without `;rev=` is the current one.

use super::apis::Apis;
use super::layout;
use super::reference::root_name;
use super::resource::Resource;
use crate::resources::Api;
use crate::{Diagnostic, Severity};

/// Settles which revisions serve, and what those that are not current share with the one that is.
///
/// An extract keeps the folder `API;rev=N` after revision N has become the current one. It is then a stale copy of the
/// root folder, which is the one that `APIOps` publishes as current: the copy is left out with a note.
pub(super) fn settle(scope: &Resource<'_>, found: &mut Apis, complete: bool) {
    let names: Vec<String> = found.apis.keys().filter(|name| name.contains(";rev=")).cloned().collect();
    for name in names {
        let Some(revision) = found.apis.get(&name).cloned() else { continue };
        let Some(entry) = scope.entry.child(&layout::APIS, &name) else { continue };
        let resource = scope.child(entry);
        let root = found
            .apis
            .get(root_name(&name))
            .or_else(|| found.apis.values().find(|api| api.name.eq_ignore_ascii_case(root_name(&name))))
            .cloned();
        let Some(root) = root else {
            if complete {
                resource.error_with_fix(
                    "missing-reference",
                    entry.location(),
                    format!(
                        "{} is a revision of `{}`, which has no current revision",
                        resource.id,
                        root_name(&name)
                    ),
                    format!("add the folder `{}`", root_name(&name)),
                );
            }
            found.apis.remove(&name);
            continue;
        };
        let place =
            found.places.get(&name).map_or_else(|| resource.location(), |places| places.revision.clone());
        if revision.revision == root.revision {
            let root_place = found
                .places
                .get(&root.name)
                .map_or_else(|| root.location.clone(), |places| places.revision.clone());
            resource.context.push(
                Diagnostic::error(
                    "stale-revision",
                    place,
                    format!(
                        "revision {} is the current one of `{}` ({root_place}); this folder is left out",
                        root.revision, root.name
                    ),
                )
                .severity(Severity::Low)
                .resource(resource.id.as_str())
                .fix("remove it, or raise `apiRevision` of the current revision"),
            );
            found.apis.remove(&name);
            continue;
        }
        if let Some(claim) = found.places.get(&name).and_then(|places| places.claims_current.clone()) {
            resource.error_with_fix(
                "current-revision",
                claim,
                format!(
                    "{} says that it is current, and so is the folder `{}` with revision {}",
                    resource.id, root.name, root.revision
                ),
                "the folder without `;rev=` is current: take `isCurrent` out, or exchange the folders",
            );
        }
        if let Some(api) = found.apis.get_mut(&name) {
            share(&resource, api, &root);
        }
    }
}

/// Revisions share their name, path, version, protocols and the need of a key with the current one: API Management
/// changes them for all revisions at once.
fn share(resource: &Resource<'_>, api: &mut Api, root: &Api) {
    let mut differing = Vec::new();
    let mut note = |name, differs: bool| {
        if differs {
            differing.push(name);
        }
    };
    note("path", api.path != root.path);
    note("apiVersion", api.version != root.version);
    note(
        "apiVersionSetId",
        api.version_set.as_ref().map(|set| &set.value) != root.version_set.as_ref().map(|set| &set.value),
    );
    note("protocols", api.protocols != root.protocols);
    note("type", api.kind != root.kind);
    note("subscriptionRequired", api.subscription_required != root.subscription_required);
    if !differing.is_empty() {
        resource.context.push(
            Diagnostic::error(
                "shared-property",
                resource.location(),
                format!(
                    "{} differs from the current revision in `{}`; the current revision's counts for both",
                    resource.id,
                    differing.join("`, `")
                ),
            )
            .severity(Severity::Low)
            .resource(resource.id.as_str()),
        );
    }
    api.root.clone_from(&root.root);
    api.display_name.clone_from(&root.display_name);
    api.path.clone_from(&root.path);
    api.version.clone_from(&root.version);
    api.version_set.clone_from(&root.version_set);
    api.protocols.clone_from(&root.protocols);
    api.kind = root.kind;
    api.subscription_required = root.subscription_required;
}
