//! What a connection is: its grant, the provider's endpoints, and who may use it.

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;
use zeroize::Zeroizing;

use crate::http_client::HttpRequest;

/// How tokens are got (RFC 6749, sections 4.1 and 4.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Somebody consents once, and refresh tokens go on from there.
    AuthorizationCode,
    /// The client itself is asked for.
    ClientCredentials,
}

/// A connection to a provider.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionSettings {
    /// The provider's resource name.
    pub provider: String,
    /// The connection's resource name.
    pub connection: String,
    /// How tokens are got.
    pub grant: Grant,
    /// Where people consent.
    pub authorization_url: Option<Url>,
    /// Where tokens are given.
    pub token_url: Url,
    /// Where they are renewed; `None`: where they are given.
    pub refresh_url: Option<Url>,
    /// Where the provider sends people back to.
    pub redirect_url: Option<Url>,
    /// The client's id.
    pub client_id: String,
    /// The client's secret; `None`: a public client.
    pub client_secret: Option<Zeroizing<String>>,
    /// Scopes, with spaces between them; may be empty.
    pub scopes: String,
    /// The resource that tokens are for (RFC 8707).
    pub resource: Option<String>,
    /// Further parameters of the request for consent.
    pub parameters: &'static [(&'static str, &'static str)],
    /// Who may use it.
    pub access: Vec<AccessPolicy>,
}

/// Who may use a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessPolicy {
    /// The tenant: an id, or an https URL whose last segment is one.
    pub tenant: String,
    /// The object in that tenant.
    pub object: String,
    /// The applications through which it may come; empty: any.
    pub applications: Vec<String>,
}

/// How the client proves who it is (RFC 6749, section 2.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClientProof {
    Body,
    Basic,
}

impl ConnectionSettings {
    /// Provider and connection: what people call it.
    pub fn name(&self) -> String {
        format!("{}/{}", self.provider, self.connection)
    }

    /// The name of its tokens where they are kept. No named value can have it.
    pub fn kept_as(&self) -> String {
        format!("authorization/{}", self.name())
    }

    /// What kept tokens belong to: a token of another client, or for other scopes, is not this connection's.
    pub(super) fn fingerprint(&self) -> String {
        let mut context = Context::new(&SHA256);
        let grant = match self.grant {
            Grant::AuthorizationCode => "authorization_code",
            Grant::ClientCredentials => "client_credentials",
        };
        let parts = [
            &*self.name(),
            grant,
            self.token_url.as_str(),
            &self.client_id,
            &self.scopes,
            self.resource.as_deref().unwrap_or_default(),
        ];
        for part in parts {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part.as_bytes());
        }
        crate::jose::encode_base64url(context.finish())
    }

    /// A request for the client's own token.
    pub(super) fn own_token(&self, proof: ClientProof) -> HttpRequest {
        self.request(&self.token_url, proof, &[("grant_type", "client_credentials")], true)
    }

    /// A request that turns a code into tokens.
    pub(super) fn code(&self, code: &str, verifier: &str, proof: ClientProof) -> HttpRequest {
        let redirect = self.redirect_url.as_ref().map_or("", Url::as_str);
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect),
            ("code_verifier", verifier),
        ];
        self.request(&self.token_url, proof, &fields, false)
    }

    /// A request that renews tokens.
    pub(super) fn renewal(&self, refresh_token: &str, proof: ClientProof) -> HttpRequest {
        let url = self.refresh_url.as_ref().unwrap_or(&self.token_url);
        let fields = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        self.request(url, proof, &fields, false)
    }

    fn request(
        &self,
        url: &Url,
        proof: ClientProof,
        fields: &[(&str, &str)],
        with_scopes: bool,
    ) -> HttpRequest {
        let mut fields = fields.to_vec();
        if with_scopes && !self.scopes.is_empty() {
            fields.push(("scope", &self.scopes));
        }
        if let Some(resource) = &self.resource {
            fields.push(("resource", resource));
        }
        let secret = self.client_secret.as_ref();
        match (proof, secret) {
            (ClientProof::Basic, Some(secret)) => {
                let pair = Zeroizing::new(format!("{}:{}", &*encoded(&self.client_id), &*encoded(secret)));
                let value = Zeroizing::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())));
                HttpRequest::form(url.clone(), &fields).header("authorization", value.as_str())
            }
            _ => {
                fields.push(("client_id", &self.client_id));
                if let Some(secret) = secret {
                    fields.push(("client_secret", secret));
                }
                HttpRequest::form(url.clone(), &fields)
            }
        }
    }
}

impl std::fmt::Debug for ConnectionSettings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConnectionSettings").field("name", &self.name()).finish_non_exhaustive()
    }
}

/// As a form encodes it: what RFC 6749 puts into Basic credentials.
fn encoded(text: &str) -> Zeroizing<String> {
    Zeroizing::new(url::form_urlencoded::byte_serialize(text.as_bytes()).collect())
}
