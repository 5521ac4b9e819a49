//! The `vaults` list: where secrets are that the artifacts only name.

use std::path::PathBuf;
use std::time::Duration;

use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::shapes::{duration, https_url, path};
use crate::tree::decode::{Fields, Shape, choice, list, record, text};
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
    /// A certificate that is shown.
    Certificate {
        /// Where the method is mounted: `cert`.
        mount: String,
        /// The role; `None`: any that fits.
        role: Option<String>,
        /// PEM file: leaf first, then intermediates; read anew every time.
        certificate: Located<PathBuf>,
        /// PEM file of the private key.
        key: Located<PathBuf>,
    },
    /// A token of the vault's identity, exchanged.
    Identity {
        /// Where the method is mounted: `jwt`.
        mount: String,
        /// The role: its name, or at AWS its ARN.
        role: Option<String>,
        /// The audience of the identity's token.
        audience: Option<String>,
        /// The service account that it stands in for, at Google.
        service_account: Option<String>,
        /// Where it is exchanged.
        exchange: Option<Url>,
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
                fields.optional("login", VaultLogin::shape(), "How the vault knows this instance (`hashicorp-vault`, `aws-secrets-manager`, `gcp-secret-manager`).");
            let location = fields.location();
            let (matches, kind) = (matches?, kind?);
            if kind == VaultKind::HashicorpVault && login.is_none() {
                let message = "`hashicorp-vault` needs `login`";
                fields.push(
                    Diagnostic::error("missing-key", location.clone(), message)
                        .fix("such as `login: { token_file: /run/secrets/vault-token }`"),
                );
            }
            check_login(fields, kind, login.as_ref(), &location);
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

/// A login is for the vaults that know it.
fn check_login(fields: &mut Fields<'_>, kind: VaultKind, login: Option<&VaultLogin>, location: &Location) {
    let Some(login) = login else { return };
    let (fits, wanted) = match (kind, login) {
        (VaultKind::HashicorpVault, VaultLogin::Identity { role, .. }) => (role.is_some(), "`role`"),
        (VaultKind::HashicorpVault, _) => (true, ""),
        (VaultKind::AwsSecretsManager, VaultLogin::Identity { role, .. }) => {
            (role.is_some(), "the ARN of a `role`")
        }
        (VaultKind::GcpSecretManager, VaultLogin::Identity { audience, .. }) => {
            (audience.is_some(), "`audience`")
        }
        (VaultKind::AwsSecretsManager, _) => (false, "the ARN of a `role`"),
        (VaultKind::GcpSecretManager, _) => (false, "`audience`"),
        _ => (false, ""),
    };
    if fits {
        return;
    }
    let (message, fix) = if wanted.is_empty() {
        ("a vault of this kind takes no `login`".to_owned(), "take it out")
    } else {
        (format!("the login of a vault of this kind needs {wanted}, for its `identity`"), "name it")
    };
    fields.push(Diagnostic::error("bad-value", location.clone(), message).fix(fix));
}

impl VaultLogin {
    fn shape() -> impl Shape<Value = Self> {
        record("the login", |fields| {
            let token = fields.optional("token", text(), "A token, such as `${VAULT_TOKEN}`.");
            let token_file = fields.optional("token_file", path(), "A file with a token.");
            let role = fields.optional(
                "role",
                text(),
                "The role: of `secret_id`, of `jwt_file`, of `certificate`, or that the vault's `identity` takes.",
            );
            let secret = fields.optional("secret_id", text(), "The secret of an AppRole.");
            let file = fields.optional(
                "jwt_file",
                path(),
                "The token of a Kubernetes service account, or another JSON Web Token.",
            );
            let certificate = fields.optional(
                "certificate",
                path(),
                "A PEM file with the certificate that is shown (`hashicorp-vault`): the leaf first, then the intermediates.",
            );
            let key = fields.optional("key", path(), "A PEM file with the private key of `certificate`.");
            let audience = fields.optional(
                "audience",
                text(),
                "The audience of the token of the vault's `identity`. `hashicorp-vault`: default the vault's URL. `gcp-secret-manager`: the provider of the pool, `//iam.googleapis.com/projects/…/providers/…`.",
            );
            let service_account = fields.optional(
                "service_account",
                text(),
                "The service account that the identity stands in for (`gcp-secret-manager`).",
            );
            let exchange = fields.optional(
                "token_endpoint",
                https_url(),
                "Where the identity's token is exchanged; default: the cloud's security token service.",
            );
            let mount = fields.optional(
                "mount",
                text(),
                "Where the method is mounted; default: `kubernetes` for `jwt_file`, `jwt` for the identity, `cert` for `certificate`.",
            );
            let by_identity = role.is_some() || audience.is_some();
            let login = match (token, token_file, secret, file, certificate) {
                (Some(token), None, None, None, None) if !by_identity => Self::Token(token.into()),
                (None, Some(file), None, None, None) if !by_identity => Self::TokenFile(file),
                (None, None, Some(secret), None, None) if role.is_some() => {
                    Self::AppRole { role: role?, secret: secret.into() }
                }
                (None, None, None, Some(file), None) if role.is_some() => {
                    Self::Jwt { mount: mount.unwrap_or_else(|| "kubernetes".to_owned()), role: role?, file }
                }
                (None, None, None, None, Some(certificate)) if key.is_some() => Self::Certificate {
                    mount: mount.unwrap_or_else(|| "cert".to_owned()),
                    role,
                    certificate,
                    key: key?,
                },
                (None, None, None, None, None) if by_identity => Self::Identity {
                    mount: mount.unwrap_or_else(|| "jwt".to_owned()),
                    role,
                    audience,
                    service_account,
                    exchange,
                },
                _ => {
                    let message = "a login is a `token`, a `token_file`, `role` and `secret_id`, `role` and `jwt_file`, `certificate` and `key`, or the `role` or `audience` of the vault's identity";
                    let location = fields.location();
                    fields.push(Diagnostic::error("bad-value", location, message).fix("keep one way"));
                    return None;
                }
            };
            Some(login)
        })
    }
}
