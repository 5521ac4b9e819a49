//! The `identity` block: who this instance is towards others.

use std::path::PathBuf;

use secrecy::SecretString;
use url::Url;

use super::shapes::{https_url, path};
use crate::tree::decode::{Fields, Shape, choice, list, record, text};
use crate::{Diagnostic, Located, Location};

/// Who this instance is towards others.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// The identity that is meant where none is named.
    pub system: Option<ManagedIdentity>,
    /// Others, by client id.
    pub user: Vec<ManagedIdentity>,
}

/// A managed identity: where its access tokens come from. What is not said comes from the environment variables that
/// Azure's SDKs read.
#[derive(Clone, Debug)]
pub struct ManagedIdentity {
    /// Where its tokens come from.
    pub kind: ManagedIdentityKind,
    /// Its client id.
    pub client_id: Option<String>,
    /// The tenant that it belongs to.
    pub tenant: Option<String>,
    /// The authority or the token endpoint.
    pub endpoint: Option<Url>,
    /// The secret of a client.
    pub client_secret: Option<SecretString>,
    /// The token of a workload.
    pub token_file: Option<Located<PathBuf>>,
    /// Where it stands.
    pub location: Location,
}

/// Where the tokens of a managed identity come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManagedIdentityKind {
    /// The metadata service of an Azure virtual machine.
    AzureImds,
    /// The identity endpoint of Azure App Service, Functions and Container Apps.
    AppService,
    /// A token file of an Azure workload, exchanged at the authority.
    AzureWorkload,
    /// A client with a secret.
    ClientCredentials,
}

impl ManagedIdentityKind {
    const WORDS: [(&'static str, Self); 4] = [
        ("azure-imds", Self::AzureImds),
        ("app-service", Self::AppService),
        ("azure-workload", Self::AzureWorkload),
        ("client-credentials", Self::ClientCredentials),
    ];
}

impl Identity {
    pub(super) fn shape() -> impl Shape<Value = Self> {
        record("identity", |fields| {
            let system = fields.optional(
                "system",
                ManagedIdentity::shape(),
                "The identity of this instance, which policies and vaults use unless they name another.",
            );
            let user = fields.optional(
                "user",
                list(ManagedIdentity::shape()),
                "Further identities, which policies and vaults name by `client_id`.",
            );
            let user = user.unwrap_or_default();
            for one in user.iter().filter(|one| one.client_id.is_none()) {
                let message = "an identity under `user` has no `client_id`, by which it is named";
                fields.push(
                    Diagnostic::error("missing-key", one.location.clone(), message).fix("add `client_id`"),
                );
            }
            Some(Self { system, user })
        })
    }
}

impl ManagedIdentity {
    fn shape() -> impl Shape<Value = Self> {
        record("a managed identity", |fields| {
            let kind = fields.required(
                "kind",
                choice(&ManagedIdentityKind::WORDS).later(&["issuer", "spiffe"]),
                "Where its access tokens come from.",
            );
            let client_id = fields.optional("client_id", text(), "Its client id.");
            let tenant = fields.optional(
                "tenant",
                text(),
                "The tenant that it belongs to (`azure-workload`); default: `AZURE_TENANT_ID`.",
            );
            let endpoint = fields.optional(
                "endpoint",
                https_url(),
                "`client-credentials`: the token endpoint. `azure-workload`: the authority; default: `AZURE_AUTHORITY_HOST`, else the public cloud's.",
            );
            let client_secret = fields.optional(
                "client_secret",
                text(),
                "The secret of the client (`client-credentials`), such as `${CLIENT_SECRET}`.",
            );
            let token_file = fields.optional(
                "token_file",
                path(),
                "The token of the workload (`azure-workload`); default: `AZURE_FEDERATED_TOKEN_FILE`.",
            );
            let identity = Self {
                kind: kind?,
                client_id,
                tenant,
                endpoint,
                client_secret: client_secret.map(SecretString::from),
                token_file,
                location: fields.location(),
            };
            identity.check(fields);
            Some(identity)
        })
    }

    /// What a client needs cannot come from elsewhere.
    fn check(&self, fields: &mut Fields<'_>) {
        if self.kind != ManagedIdentityKind::ClientCredentials {
            return;
        }
        let needed = [
            ("endpoint", self.endpoint.is_none()),
            ("client_id", self.client_id.is_none()),
            ("client_secret", self.client_secret.is_none()),
        ];
        for (key, is_missing) in needed {
            if is_missing {
                let message = format!("`client-credentials` needs `{key}`");
                let finding = Diagnostic::error("missing-key", self.location.clone(), message);
                fields.push(finding.fix(format!("add `{key}`")));
            }
        }
    }
}
