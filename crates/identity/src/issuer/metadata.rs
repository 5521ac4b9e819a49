//! What an issuer says about itself.

use url::Url;

use super::MAX_DOCUMENT_BYTES;
use crate::jose::{Json, parse_json};

/// The members of a metadata document that are used (`OpenID` Connect Discovery 1.0, section 3).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerMetadata {
    /// `issuer`: what `iss` of its tokens is. Multi-tenant issuers put `{tenantid}` into it.
    pub issuer: String,
    /// `jwks_uri`: where its keys are.
    pub key_set: Url,
}

/// Why a document is no metadata that can be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the issuer's metadata cannot be used: {0}")]
pub struct InvalidMetadata(String);

impl IssuerMetadata {
    /// Reads a metadata document.
    pub fn parse(document: &[u8]) -> Result<Self, InvalidMetadata> {
        if document.len() > MAX_DOCUMENT_BYTES {
            return Err(InvalidMetadata(format!("it is longer than {MAX_DOCUMENT_BYTES} bytes")));
        }
        let json =
            parse_json(document).map_err(|error| InvalidMetadata(format!("it is not JSON: {error}")))?;
        let text = |name: &str| {
            let text = json.get(name).and_then(Json::as_str).filter(|text| !text.is_empty());
            text.ok_or_else(|| InvalidMetadata(format!("it has no `{name}`")))
        };
        let issuer = text("issuer")?.to_owned();
        let key_set = text("jwks_uri")?;
        let key_set = Url::parse(key_set)
            .ok()
            .filter(|url| url.scheme() == "https" && url.host_str().is_some())
            .ok_or_else(|| InvalidMetadata("its `jwks_uri` is no https URL".to_owned()))?;
        Ok(Self { issuer, key_set })
    }
}

/// The issuer that a metadata URL vouches for: what stands before the well-known path (section 4.1), without a slash at
/// its end.
pub fn vouched_issuer(metadata: &str) -> Option<&str> {
    let path = metadata.split(['?', '#']).next().unwrap_or_default();
    path.strip_suffix("/.well-known/openid-configuration").map(|issuer| issuer.trim_end_matches('/'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_needed_must_be_there() {
        let good = r#"{"issuer":"https://a.example","jwks_uri":"https://a.example/keys","x":1}"#;
        let read = IssuerMetadata::parse(good.as_bytes()).unwrap();
        assert_eq!(
            (read.issuer.as_str(), read.key_set.as_str()),
            ("https://a.example", "https://a.example/keys")
        );
        for (document, wanted) in [
            ("", "not JSON"),
            ("[]", "no `issuer`"),
            (r#"{"issuer":5,"jwks_uri":"https://a.example/keys"}"#, "no `issuer`"),
            (r#"{"issuer":"https://a.example"}"#, "no `jwks_uri`"),
            (r#"{"issuer":"https://a.example","jwks_uri":"http://a.example/keys"}"#, "no https URL"),
            (r#"{"issuer":"https://a.example","jwks_uri":"file:///etc/passwd"}"#, "no https URL"),
            (r#"{"issuer":"a","issuer":"b","jwks_uri":"https://a.example/keys"}"#, "stands twice"),
        ] {
            let refused = IssuerMetadata::parse(document.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(wanted), "{document}: {refused}");
        }
        assert!(IssuerMetadata::parse(&vec![b' '; MAX_DOCUMENT_BYTES + 1]).is_err());
    }

    #[test]
    fn a_url_vouches_for_what_stands_before_the_well_known_path() {
        assert_eq!(
            vouched_issuer("https://a.example/t/.well-known/openid-configuration"),
            Some("https://a.example/t")
        );
        assert_eq!(
            vouched_issuer("https://a.example/.well-known/openid-configuration?p=1"),
            Some("https://a.example")
        );
        assert_eq!(vouched_issuer("https://a.example/metadata.json"), None);
    }
}
