//! Credential providers, their connections, and who may use these.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::credentials::NamedValueNames;
use super::fields::Fields;
use super::layout;
use super::resource::{REDACTED, Resource};
use crate::Located;
use crate::resources::{
    AccessPolicy, Authorization, AuthorizationGrant, AuthorizationProvider, IdentityProvider,
};

type Parameters = BTreeMap<&'static str, Located<SecretString>>;

const PROVIDERS: [(&str, IdentityProvider); 5] = [
    ("aad", IdentityProvider::Entra),
    ("github", IdentityProvider::Github),
    ("google", IdentityProvider::Google),
    ("oauth2", IdentityProvider::OAuth2),
    // The same: a proof key is always sent.
    ("oauth2pkce", IdentityProvider::OAuth2),
];
const GRANTS: [(&str, AuthorizationGrant); 2] = [
    ("AuthorizationCode", AuthorizationGrant::AuthorizationCode),
    ("ClientCredentials", AuthorizationGrant::ClientCredentials),
];
/// Parameters of every provider.
const CLIENT: [&str; 3] = ["clientId", "clientSecret", "scopes"];

/// Reads the credential providers of a scope.
pub(super) fn read(scope: &Resource<'_>, names: &NamedValueNames) -> BTreeMap<String, AuthorizationProvider> {
    scope
        .children(&layout::AUTHORIZATION_PROVIDERS)
        .filter_map(|resource| provider(&resource, names))
        .map(|provider| (provider.name.clone(), provider))
        .collect()
}

fn provider(resource: &Resource<'_>, names: &NamedValueNames) -> Option<AuthorizationProvider> {
    let context = resource.context;
    resource.read(|fields| {
        let display_name = fields.bounded(context, "displayName", 300).map(|name| name.value);
        let identity_provider = match fields.height("identityProvider") {
            Some(_) => fields.choice(context, "identityProvider", &PROVIDERS).map(|found| found.value),
            None => {
                fields.missing(context, "identityProvider");
                None
            }
        };
        let Some(oauth2) = fields.object(context, "oauth2") else {
            fields.missing(context, "oauth2");
            return None;
        };
        let redirect_url = oauth2.string(context, "redirectUrl").filter(|url| !url.value.trim().is_empty());
        if let Some(url) = &redirect_url {
            names.check(resource, url);
        }
        let grants = oauth2.object(context, "grantTypes");
        if grants.is_none() {
            oauth2.missing(context, "grantTypes");
        }
        oauth2.finish(context);
        let (grants, identity_provider) = (grants?, identity_provider?);
        let code = grants.object(context, "authorizationCode");
        let client = grants.object(context, "clientCredentials");
        grants.finish(context);
        let known = known_parameters(identity_provider);
        let (grant, parameters) = match (code, client) {
            (Some(fields), None) => {
                (AuthorizationGrant::AuthorizationCode, parameters(resource, &fields, &known, names))
            }
            (None, Some(fields)) => {
                (AuthorizationGrant::ClientCredentials, parameters(resource, &fields, &known, names))
            }
            _ => {
                resource.error_with_fix(
                    "ambiguous-value",
                    grants.location(),
                    "a provider has one grant type",
                    "keep `authorizationCode` or `clientCredentials`",
                );
                return None;
            }
        };
        let authorizations = resource
            .children(&layout::AUTHORIZATIONS)
            .filter_map(|child| authorization(&child, grant, &known, names))
            .map(|authorization| (authorization.name.clone(), authorization))
            .collect();
        Some(AuthorizationProvider {
            name: resource.entry.name.clone(),
            display_name,
            identity_provider,
            redirect_url,
            grant,
            parameters,
            authorizations,
            location: resource.location(),
        })
    })
}

fn known_parameters(provider: IdentityProvider) -> Vec<&'static str> {
    let own: &[&str] = match provider {
        IdentityProvider::Entra => &["loginUri", "resourceUri", "tenantId"],
        IdentityProvider::Github | IdentityProvider::Google => &[],
        IdentityProvider::OAuth2 => &["authorizationUrl", "refreshUrl", "resourceUri", "tokenUrl"],
    };
    CLIENT.iter().chain(own).copied().collect()
}

fn parameters(
    resource: &Resource<'_>,
    fields: &Fields<'_>,
    known: &[&'static str],
    names: &NamedValueNames,
) -> Parameters {
    let mut found = Parameters::new();
    for name in known {
        let value = fields.string(resource.context, name).filter(|value| !value.value.trim().is_empty());
        let Some(value) = value.filter(|value| value.value != REDACTED) else { continue };
        names.check(resource, &value);
        found.insert(name, Located::new(SecretString::from(value.value), value.location));
    }
    fields.finish(resource.context);
    found
}

fn authorization(
    resource: &Resource<'_>,
    grant: AuthorizationGrant,
    known: &[&'static str],
    names: &NamedValueNames,
) -> Option<Authorization> {
    let context = resource.context;
    resource.read(|fields| {
        fields.ignore(&["status", "error"]);
        fields.choice(context, "authorizationType", &[("OAuth2", ())]);
        let said = fields.choice(context, "oauth2grantType", &GRANTS);
        if let Some(said) = said.filter(|said| said.value != grant) {
            resource.error(
                "conflicting-value",
                said.location,
                "the grant type is another one than that of the provider",
            );
        }
        let own = fields.object(context, "parameters");
        let own = own.map(|fields| parameters(resource, &fields, known, names));
        let access_policies =
            resource.children(&layout::ACCESS_POLICIES).filter_map(|child| access_policy(&child)).collect();
        Some(Authorization {
            name: resource.entry.name.clone(),
            parameters: own.unwrap_or_default(),
            access_policies,
            location: resource.location(),
        })
    })
}

fn access_policy(resource: &Resource<'_>) -> Option<AccessPolicy> {
    let context = resource.context;
    resource.read(|fields| {
        let tenant = fields.required(context, "tenantId");
        let object = fields.required(context, "objectId");
        let apps = fields.strings(context, "appIds").unwrap_or_default();
        Some(AccessPolicy {
            name: resource.entry.name.clone(),
            tenant_id: tenant?.value.trim().to_owned(),
            object_id: object?.value.trim().to_owned(),
            app_ids: apps.into_iter().map(|app| app.value).collect(),
        })
    })
}
