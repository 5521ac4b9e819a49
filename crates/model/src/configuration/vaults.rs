//! The `vaults` list: where secrets are that the artifacts only name.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::shapes::{duration, https_url, path};
use crate::tree::decode::{Shape, choice, list, record, text};
use crate::{Diagnostic, Located, Location};

/// A vault: it answers references to secrets under a URL.
#[derive(Clone, Debug, PartialEq)]
pub struct Vault {
    /// Secret identifiers under this URL are answered by it.
    pub matches: Url,
    /// What it speaks.
    pub kind: VaultKind,
    /// Which managed identity reaches it: `None` is the system's, else a client id.
    pub identity: Option<String>,
    /// Where requests go.
    pub endpoint: Url,
    /// How often its values are fetched anew.
    pub refresh: Duration,
    /// How long a value is used while it cannot be fetched.
    pub keep: Duration,
    /// How `HashiCorp` Vault knows the instance.
    pub login: Option<VaultLogin>,
    /// The folder of files.
    pub folder: Option<Located<PathBuf>>,
    /// The namespace in `HashiCorp` Vault.
    pub namespace: Option<String>,
    /// Where it stands.
    pub location: Location,
}

/// What a vault speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum VaultKind {
    /// Azure Key Vault.
    AzureKeyVault,
    /// `HashiCorp` Vault or `OpenBao`, its key-value engine of version 1 or 2.
    HashicorpVault,
    /// AWS Secrets Manager.
    AwsSecretsManager,
    /// Google Secret Manager.
    GcpSecretManager,
    /// Files in a folder, such as Kubernetes and Docker mount them.
    Folder,
    /// Variables of the environment.
    Environment,
}

/// How `HashiCorp` Vault knows the instance.
#[derive(Clone, Debug)]
pub enum VaultLogin {
    /// A token.
    Token(SecretString),
    /// A file with a token, read anew every time.
    TokenFile(Located<PathBuf>),
    /// A role with a secret.
    AppRole {
        /// `role_id`.
        role: String,
        /// `secret_id`.
        secret: SecretString,
    },
    /// A role and a token file: a Kubernetes service account, or any JSON Web Token.
    Jwt {
        /// Where the method is mounted: `kubernetes`, `jwt`.
        mount: String,
        /// The role.
        role: String,
        /// The token; read anew every time.
        file: Located<PathBuf>,
    },
}

/// Whether two configurations log in alike.
impl PartialEq for VaultLogin {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Token(one), Self::Token(other)) => one.expose_secret() == other.expose_secret(),
            (Self::TokenFile(one), Self::TokenFile(other)) => one == other,
            (Self::AppRole { role, secret }, Self::AppRole { role: other_role, secret: other_secret }) => {
                role == other_role && secret.expose_secret() == other_secret.expose_secret()
            }
            (
                Self::Jwt { mount, role, file },
                Self::Jwt { mount: other_mount, role: other_role, file: other_file },
            ) => (mount, role, file) == (other_mount, other_role, other_file),
            _ => false,
        }
    }
}

const KINDS: [(&str, VaultKind); 7] = [
    ("azure-key-vault", VaultKind::AzureKeyVault),
    ("hashicorp-vault", VaultKind::HashicorpVault),
    ("aws-secrets-manager", VaultKind::AwsSecretsManager),
    ("gcp-secret-manager", VaultKind::GcpSecretManager),
    ("kubernetes", VaultKind::Folder),
    ("file", VaultKind::Folder),
    ("environment", VaultKind::Environment),
];

const FIVE_MINUTES: Duration = Duration::from_secs(300);
const DAY: Duration = Duration::from_secs(86_400);

impl Vault {
    pub(super) fn shape() -> impl Shape<Value = Vec<Self>> {
        list(record("a vault", |fields| {
            let matches =
                fields.required("match", https_url(), "It answers every secret identifier under this URL.");
            let kind = fields.required("kind", choice(&KINDS), "What it speaks.");
            let identity = fields.optional(
                "identity",
                text(),
                "Which managed identity reaches it: `system`, or the client id of one under `identity.user`; default: `system`.",
            );
            let endpoint =
                fields.optional("endpoint", https_url(), "Where requests really go; default: `match`.");
            let refresh = fields.or(
                "refresh",
                duration(Duration::from_secs(1)..=DAY),
                FIVE_MINUTES,
                "How often its values are fetched anew.",
            );
            let keep = fields.or(
                "keep",
                duration(Duration::from_secs(1)..=30 * DAY),
                DAY,
                "How long the last good value is used while the vault is away.",
            );
            let namespace = fields.optional("namespace", text(), "The namespace (`hashicorp-vault`).");
            let folder = fields.optional(
                "folder",
                path(),
                "The folder of the files (`kubernetes`, `file`), each named as the last part of an identifier's path.",
            );
            let login =
                fields.optional("login", VaultLogin::shape(), "How `hashicorp-vault` knows this instance.");
            let location = fields.location();
            let (matches, kind) = (matches?, kind?);
            if kind == VaultKind::HashicorpVault && login.is_none() {
                let message = "`hashicorp-vault` needs `login`";
                fields.push(
                    Diagnostic::error("missing-key", location.clone(), message)
                        .fix("such as `login: { token_file: /run/secrets/vault-token }`"),
                );
            }
            if kind == VaultKind::Folder && folder.is_none() {
                let message = "`kubernetes` and `file` need `folder`";
                fields.push(
                    Diagnostic::error("missing-key", location.clone(), message)
                        .fix("such as `folder: /run/secrets`"),
                );
            }
            Some(Self {
                endpoint: endpoint.unwrap_or_else(|| matches.clone()),
                matches,
                kind,
                identity: identity.filter(|name| name != "system"),
                refresh,
                keep,
                login,
                folder,
                namespace,
                location,
            })
        }))
    }

    /// Whether it answers a secret identifier: the same origin, and a path below.
    pub fn answers(&self, identifier: &Url) -> bool {
        let base = self.matches.path().trim_end_matches('/');
        let below = identifier.path().strip_prefix(base);
        self.matches.origin() == identifier.origin() && below.is_some_and(|rest| rest.starts_with('/'))
    }
}

impl VaultLogin {
    fn shape() -> impl Shape<Value = Self> {
        record("the login", |fields| {
            let token = fields.optional("token", text(), "A token, such as `${VAULT_TOKEN}`.");
            let token_file = fields.optional("token_file", path(), "A file with a token.");
            let role = fields.optional("role", text(), "The role: of `secret_id`, or of `jwt_file`.");
            let secret = fields.optional("secret_id", text(), "The secret of an AppRole.");
            let file = fields.optional(
                "jwt_file",
                path(),
                "The token of a Kubernetes service account, or another JSON Web Token.",
            );
            let mount = fields.optional(
                "mount",
                text(),
                "Where the method of `jwt_file` is mounted; default: `kubernetes`.",
            );
            let login = match (token, token_file, role, secret, file) {
                (Some(token), None, None, None, None) => Self::Token(token.into()),
                (None, Some(file), None, None, None) => Self::TokenFile(file),
                (None, None, Some(role), Some(secret), None) => Self::AppRole { role, secret: secret.into() },
                (None, None, Some(role), None, Some(file)) => {
                    Self::Jwt { mount: mount.unwrap_or_else(|| "kubernetes".to_owned()), role, file }
                }
                _ => {
                    let message = "a login is a `token`, a `token_file`, `role` and `secret_id`, or `role` and `jwt_file`";
                    let location = fields.location();
                    fields.push(Diagnostic::error("bad-value", location, message).fix("keep one way"));
                    return None;
                }
            };
            Some(login)
        })
    }
}
