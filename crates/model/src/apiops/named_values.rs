//! Named values.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::fields::Fields;
use super::layout;
use super::resource::{REDACTED, Resource};
use crate::resources::{NamedValue, NamedValueSource};
use crate::{Located, Location};

/// Reads the named values of a scope.
pub(super) fn read(scope: &Resource<'_>) -> BTreeMap<String, NamedValue> {
    let mut found: BTreeMap<String, NamedValue> = BTreeMap::new();
    let mut places: BTreeMap<String, Location> = BTreeMap::new();
    for resource in scope.children(&layout::NAMED_VALUES) {
        let Some((value, place)) = resource.read(|fields| named_value(&resource, fields)) else { continue };
        if let Some(first) = places.get(&value.display_name) {
            resource.error(
                "duplicate-display-name",
                place.clone(),
                format!("the named value `{}` exists twice, first at {first}", value.display_name),
            );
        }
        places.entry(value.display_name.clone()).or_insert(place);
        found.insert(value.name.clone(), value);
    }
    found
}

fn named_value(resource: &Resource<'_>, fields: &Fields<'_>) -> Option<(NamedValue, Location)> {
    let context = resource.context;
    fields.ignore(&["provisioningState", "isKeyVaultRefreshFailed"]);
    let display_name = fields.required(context, "displayName");
    if let Some(name) = &display_name {
        check_display_name(resource, name);
    }
    let secret = fields.boolean(context, "secret").unwrap_or(false);
    let tags: Vec<_> =
        fields.strings(context, "tags").unwrap_or_default().into_iter().map(|tag| tag.value).collect();
    if tags.len() > 32 {
        resource.error("too-many", fields.location_of("tags"), "a named value has at most 32 tags");
    }
    let value = fields.string(context, "value").filter(|value| !(secret && value.value == REDACTED));
    // An empty object is a place for an override to fill.
    let vault = fields.object(context, "keyVault").filter(|vault| !vault.is_empty());
    let vault = vault.and_then(|vault| {
        vault.ignore(&["lastStatus"]);
        let secret_identifier = vault.required(context, "secretIdentifier");
        let identity_client_id = vault.text(context, "identityClientId");
        vault.finish(context);
        let secret_identifier = secret_identifier?;
        let is_https = url::Url::parse(&secret_identifier.value).is_ok_and(|url| url.scheme() == "https");
        if !is_https {
            resource.error(
                "bad-url",
                secret_identifier.location.clone(),
                format!("`{}` is not an https URL of a secret", secret_identifier.value),
            );
        }
        Some(NamedValueSource::KeyVault {
            secret_identifier: secret_identifier.value,
            identity_client_id: identity_client_id.filter(|id| !id.is_empty()),
        })
    });
    let in_vault = vault.is_some();
    // An override that gives a value takes the place of a vault below it, and the other way round.
    let heights = (fields.height("value"), fields.height("keyVault").filter(|_| in_vault));
    let source = match (value, vault) {
        (Some(value), Some(_)) if heights.0 == heights.1 => {
            resource.error_with_fix(
                "ambiguous-value",
                value.location,
                "a named value has a `value` or a `keyVault`, not both",
                "take one of them out",
            );
            return None;
        }
        (Some(_), Some(vault)) if heights.1 > heights.0 => vault,
        (Some(value), _) => {
            check_value(resource, &value);
            NamedValueSource::Value(SecretString::from(value.value))
        }
        (None, Some(vault)) => vault,
        (None, None) if secret => NamedValueSource::External,
        (None, None) if fields.height("value").is_some() => return None,
        (None, None) => {
            resource.error_with_fix(
                "missing-property",
                fields.location(),
                format!("{} has no `value`", resource.id),
                "give it one here or in the override file, or mark it `\"secret\": true`",
            );
            return None;
        }
    };
    let display_name = display_name?;
    let named_value = NamedValue {
        name: resource.entry.name.clone(),
        display_name: display_name.value,
        secret: secret || in_vault,
        source,
        tags,
        location: resource.location(),
    };
    Some((named_value, display_name.location))
}

fn check_display_name(resource: &Resource<'_>, name: &Located<String>) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    if name.value.len() > 256 || !name.value.chars().all(allowed) {
        resource.error_with_fix(
            "bad-name",
            name.location.clone(),
            format!("`{}` cannot be the display name of a named value", name.value),
            "use at most 256 of A-Z, a-z, 0-9, `-`, `.` and `_`",
        );
    }
}

fn check_value(resource: &Resource<'_>, value: &Located<String>) {
    let length = value.value.chars().count();
    if value.value.trim().is_empty() {
        resource.error("empty-value", value.location.clone(), "the value of a named value must not be empty");
    } else if length > 4096 {
        resource.error(
            "too-long",
            value.location.clone(),
            format!("the value has {length} characters, at most 4096 are allowed"),
        );
    }
}
