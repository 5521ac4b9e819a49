//! References from one resource to another.

use super::context::Context;
use super::folder::Entry;
use super::layout::Kind;
use crate::{Diagnostic, Located, Location, did_you_mean};

/// The name at the end of a resource id, relative (`/loggers/x`) or full (`/subscriptions/…/loggers/x`); a bare name
/// stands for itself. `None` where the id names another collection.
pub(super) fn trailing_name<'i>(id: &'i str, kind: &Kind) -> Option<&'i str> {
    let trimmed = id.trim().trim_end_matches('/');
    let Some((head, name)) = trimmed.rsplit_once('/') else {
        return (!trimmed.is_empty()).then_some(trimmed);
    };
    let collection = head.rsplit('/').next().unwrap_or(head);
    let matches = collection.eq_ignore_ascii_case(kind.collection)
        || kind.aliases.iter().any(|alias| collection.eq_ignore_ascii_case(alias));
    (matches && !name.is_empty()).then_some(name)
}

/// The name of an API without its revision.
pub(super) fn root_name(name: &str) -> &str {
    name.split_once(";rev=").map_or(name, |(root, _)| root)
}

/// Where names are looked up: the resource's own scope, then, for kinds that workspaces share, the service.
#[derive(Clone, Copy)]
pub(super) struct Scopes<'a> {
    /// The scope that the resource stands in.
    pub(super) own: &'a Entry,
    /// The service, where `own` is a workspace.
    pub(super) service: Option<&'a Entry>,
}

impl Scopes<'_> {
    /// The name of the resource that an id names, spelt as the resource spells it; an error that names both ends where
    /// there is none. `from` is the resource that refers, `verb` says how: ``names the logger``.
    pub(super) fn resolve(
        &self,
        context: &Context<'_>,
        from: &str,
        kind: &Kind,
        id: &Located<String>,
    ) -> Option<Located<String>> {
        let Some(name) = trailing_name(&id.value, kind) else {
            context.push(
                Diagnostic::error(
                    "bad-reference",
                    id.location.clone(),
                    format!("{from} refers to `{}`, which is not the id of {}", id.value, kind.one()),
                )
                .resource(from)
                .fix(format!("write `/{}/NAME`", kind.collection)),
            );
            return None;
        };
        self.find(context, from, kind, name, &id.location)
            .map(|found| Located::new(found, id.location.clone()))
    }

    /// The same for a bare name.
    pub(super) fn find(
        &self,
        context: &Context<'_>,
        from: &str,
        kind: &Kind,
        name: &str,
        location: &Location,
    ) -> Option<String> {
        let around = self.service.filter(|_| kind.shared);
        let entry = self.own.child(kind, name).or_else(|| around?.child(kind, name));
        if let Some(entry) = entry {
            return Some(entry.name.clone());
        }
        let known: Vec<&str> = self
            .own
            .children(kind)
            .chain(around.into_iter().flat_map(|service| service.children(kind)))
            .map(|entry| entry.name.as_str())
            .collect();
        let fix = did_you_mean(name, known).map_or_else(
            || format!("add `{}/{name}`", kind.collection),
            |known| format!("did you mean `{known}`?"),
        );
        context.push(
            Diagnostic::error(
                "missing-reference",
                location.clone(),
                format!("{from} refers to the {} `{name}`, which does not exist", kind.singular),
            )
            .resource(from)
            .fix(fix),
        );
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::apiops::layout::{LOGGERS, VERSION_SETS};

    #[test]
    fn the_end_of_an_id_names_the_resource() {
        let full =
            "/subscriptions/0/resourceGroups/g/providers/Microsoft.ApiManagement/service/s/loggers/one";
        for (id, expected) in [
            ("/loggers/one", Some("one")),
            (full, Some("one")),
            ("/Loggers/one/", Some("one")),
            ("one", Some("one")),
            ("/backends/one", None),
            ("/loggers/", None),
            ("", None),
        ] {
            assert_eq!(trailing_name(id, &LOGGERS), expected, "{id}");
        }
        assert_eq!(trailing_name("/apiVersionSets/set", &VERSION_SETS), Some("set"));
        assert_eq!(trailing_name("/versionSets/set", &VERSION_SETS), Some("set"));
    }
}
