//! Subscriptions, as artifacts declare them: never with keys.

use std::collections::BTreeMap;

use super::layout;
use super::resource::Resource;
use crate::resources::{Scope, Subscription, SubscriptionState};
use crate::{Diagnostic, Located, Severity};

/// Reads the subscriptions of a scope.
pub(super) fn read(scope: &Resource<'_>) -> BTreeMap<String, Subscription> {
    scope
        .children(&layout::SUBSCRIPTIONS)
        .filter_map(|resource| subscription(&resource))
        .map(|subscription| (subscription.name.clone(), subscription))
        .collect()
}

fn subscription(resource: &Resource<'_>) -> Option<Subscription> {
    let context = resource.context;
    resource.read(|fields| {
        fields.ignore(&["createdDate", "endDate", "notificationDate", "startDate", "stateComment"]);
        let display_name = fields.bounded(context, "displayName", 100).map(|name| name.value);
        let owner = fields.text(context, "ownerId").filter(|id| !id.is_empty());
        let allow_tracing = fields.boolean(context, "allowTracing").unwrap_or(false);
        for name in ["primaryKey", "secondaryKey"] {
            if fields.string(context, name).is_some() {
                resource.error_with_fix(
                    "key-in-artifacts",
                    fields.location_of(name),
                    "keys of subscriptions never stand in artifacts",
                    "take it out; keys come from the store or from `--keys FILE`",
                );
            }
        }
        if fields.string(context, "expirationDate").is_some() {
            context.push(note(
                resource,
                "no-effect",
                fields.location_of("expirationDate"),
                "`expirationDate` is for the record alone, as in API Management: the subscription does not expire by itself",
            ));
        }
        let states = SubscriptionState::ALL;
        let state = fields.choice(context, "state", &states);
        if fields.height("state").is_none() {
            context.push(note(
                resource,
                "no-state",
                fields.location(),
                "without `state` a subscription waits for approval (`submitted`), and its keys open nothing",
            ));
        }
        let scope = fields.required(context, "scope").and_then(|scope| resolve_scope(resource, &scope));
        Some(Subscription {
            name: resource.entry.name.clone(),
            display_name: display_name
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| resource.entry.name.clone()),
            scope: scope?,
            owner: owner.map(|id| id.rsplit('/').next().unwrap_or(&id).to_owned()),
            state: state.map_or(SubscriptionState::Submitted, |state| state.value),
            allow_tracing,
            location: resource.location(),
        })
    })
}

fn resolve_scope(resource: &Resource<'_>, text: &Located<String>) -> Option<Scope> {
    match Scope::parse(&text.value) {
        Some(Scope::AllApis) => Some(Scope::AllApis),
        Some(Scope::Product(name)) => {
            let id = Located::new(name, text.location.clone());
            resource.resolve(&layout::PRODUCTS, &id).map(|found| Scope::Product(found.value))
        }
        Some(Scope::Api(name)) => {
            let id = Located::new(name, text.location.clone());
            resource.resolve(&layout::APIS, &id).map(|found| Scope::Api(found.value))
        }
        None => {
            resource.error_with_fix(
                "bad-scope",
                text.location.clone(),
                format!("`{}` is not the scope of a subscription", text.value),
                "use /products/NAME, /apis/NAME or /apis",
            );
            None
        }
    }
}

fn note(resource: &Resource<'_>, id: &'static str, location: crate::Location, message: &str) -> Diagnostic {
    Diagnostic::error(id, location, message).severity(Severity::Low).resource(resource.id.as_str())
}
