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
    /// Its object id, by which access policies name it.
    pub object_id: Option<String>,
    /// The tenant that it belongs to.
    pub tenant: Option<String>,
    /// The authority or the token endpoint.
    pub endpoint: Option<Url>,
    /// The secret of a client.
    pub client_secret: Option<SecretString>,
    /// Where this instance publishes itself as an issuer.
    pub issuer: Option<Url>,
    /// Who its own tokens say it is.
    pub subject: Option<String>,
    /// The token of a workload.
    pub token_file: Option<Located<PathBuf>>,
    /// The socket of the SPIFFE Workload API.
    pub socket: Option<Located<PathBuf>>,
    /// Where it stands.
    pub location: Location,
}

/// Where the tokens of a managed identity come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ManagedIdentityKind {
    /// This instance is an issuer of tokens that others trust.
    Issuer,
    /// The metadata service of an Azure virtual machine.
    AzureImds,
    /// The identity endpoint of Azure App Service, Functions and Container Apps.
    AppService,
    /// A token file of an Azure workload, exchanged at the authority.
    AzureWorkload,
    /// A client with a secret.
    ClientCredentials,
    /// The SPIFFE Workload API, or a token that it has written.
    Spiffe,
}

impl ManagedIdentityKind {
    const WORDS: [(&'static str, Self); 6] = [
        ("issuer", Self::Issuer),
        ("azure-imds", Self::AzureImds),
        ("app-service", Self::AppService),
        ("azure-workload", Self::AzureWorkload),
        ("spiffe", Self::Spiffe),
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
                choice(&ManagedIdentityKind::WORDS),
                "Where its access tokens come from.",
            );
            let client_id = fields.optional("client_id", text(), "Its client id.");
            let object_id = fields.optional(
                "object_id",
                text(),
                "Its object id, by which access policies of authorizations name it.",
            );
            let tenant = fields.optional(
                "tenant",
                text(),
                "The tenant that it belongs to; where its tokens are exchanged (`azure-workload`, `issuer`, `spiffe`); default for `azure-workload`: `AZURE_TENANT_ID`.",
            );
            let endpoint = fields.optional(
                "endpoint",
                https_url(),
                "`client-credentials`: the token endpoint. `azure-workload`, `issuer`, `spiffe`: the authority; default: `AZURE_AUTHORITY_HOST`, else the public cloud's.",
            );
            let client_secret = fields.optional(
                "client_secret",
                text(),
                "The secret of the client (`client-credentials`), such as `${CLIENT_SECRET}`.",
            );
            let token_file = fields.optional(
                "token_file",
                path(),
                "The token of the workload (`azure-workload`, `spiffe`); default for `azure-workload`: `AZURE_FEDERATED_TOKEN_FILE`.",
            );
            let issuer = fields.optional(
                "issuer",
                https_url(),
                "The URL by which others reach this instance's discovery document (`issuer`); default: the first internal listener.",
            );
            let subject = fields.optional(
                "subject",
                text(),
                "Who its own tokens say it is (`issuer`); default: `gatehouse`.",
            );
            let socket = fields.optional(
                "socket",
                path(),
                "The socket of the Workload API (`spiffe`); default: `SPIFFE_ENDPOINT_SOCKET`.",
            );
            let identity = Self {
                kind: kind?,
                client_id,
                object_id,
                tenant,
                endpoint,
                client_secret: client_secret.map(SecretString::from),
                issuer,
                subject,
                token_file,
                socket,
                location: fields.location(),
            };
            identity.check(fields);
            Some(identity)
        })
    }

    /// What a kind needs must be there, and what it has no use for must not.
    fn check(&self, fields: &mut Fields<'_>) {
        use ManagedIdentityKind as Kind;
        let given = [
            ("tenant", self.tenant.is_some(), &[Kind::AzureWorkload, Kind::Issuer, Kind::Spiffe][..]),
            (
                "endpoint",
                self.endpoint.is_some(),
                &[Kind::ClientCredentials, Kind::AzureWorkload, Kind::Issuer, Kind::Spiffe],
            ),
            ("client_secret", self.client_secret.is_some(), &[Kind::ClientCredentials]),
            ("token_file", self.token_file.is_some(), &[Kind::AzureWorkload, Kind::Spiffe]),
            ("issuer", self.issuer.is_some(), &[Kind::Issuer]),
            ("subject", self.subject.is_some(), &[Kind::Issuer]),
            ("socket", self.socket.is_some(), &[Kind::Spiffe]),
        ];
        // The tenant is also that of the object which access policies name.
        let has_object = self.object_id.is_some();
        let word = Kind::WORDS.iter().find(|(_, kind)| *kind == self.kind).map_or("", |(word, _)| word);
        for (key, is_given, kinds) in given {
            if is_given && !kinds.contains(&self.kind) && !(key == "tenant" && has_object) {
                let message = format!("`{key}` has no meaning for the kind `{word}`");
                let finding = Diagnostic::error("unusable-key", self.location.clone(), message);
                fields.push(finding.fix("take it out"));
            }
        }
        if self.token_file.is_some() && self.socket.is_some() {
            let message = "`spiffe` takes `token_file` or `socket`";
            let finding = Diagnostic::error("bad-value", self.location.clone(), message);
            fields.push(finding.fix("keep one of them"));
        }
        if self.kind != Kind::ClientCredentials {
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
