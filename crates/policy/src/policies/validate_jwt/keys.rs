//! The keys that a policy names: its own, and those of issuers.

use std::sync::{Arc, OnceLock};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use gatehouse_identity::issuer::{IssuerSource, SourceKind};
use gatehouse_identity::jose::{DecryptionKey, InvalidKey, VerificationKey, decode_base64url};
use gatehouse_model::{Location, Severity};
use url::Url;
use zeroize::Zeroizing;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::Text;
use crate::{Exchange, Failure, World};

/// Where an issuer's keys come from.
#[derive(Debug)]
pub(super) enum Source {
    Fixed {
        url: Url,
        kind: SourceKind,
        /// What was found, and in which tokens' memory: tests have one for each case.
        source: OnceLock<(u64, Option<Arc<IssuerSource>>)>,
    },
    /// An expression gives the URL of the metadata.
    Computed(Text),
}

impl Source {
    pub(super) fn fixed(url: Url, kind: SourceKind) -> Self {
        Self::Fixed { url, kind, source: OnceLock::new() }
    }

    /// The source for this request; `None` where the URL cannot be used, or there are too many.
    pub(super) fn resolve(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Option<Arc<IssuerSource>>, Failure> {
        Ok(match self {
            Self::Fixed { url, kind, source } => {
                let find = || world.tokens.source(url, kind);
                let number = world.tokens.number();
                match source.get_or_init(|| (number, find())) {
                    (known, source) if *known == number => source.clone(),
                    _ => find(),
                }
            }
            Self::Computed(text) => {
                let text = text.evaluate(exchange, world)?;
                let url = Url::parse(text.trim()).ok().filter(is_usable);
                url.and_then(|url| world.tokens.source(&url, &SourceKind::Metadata))
            }
        })
    }
}

fn is_usable(url: &Url) -> bool {
    url.scheme() == "https"
        && url.host_str().is_some()
        && url.username().is_empty()
        && url.password().is_none()
}

/// Compiles `openid-config` and, which is an extension, `jwks-uri`.
pub(super) fn compile_sources(builder: &mut Builder<'_>, element: &Element) -> Result<Vec<Source>, Reported> {
    let mut sources = Vec::new();
    for child in element.elements() {
        match child.name.as_str() {
            "openid-config" => {
                builder.only(child, &["url"], &[]);
                let text = builder.text(child, "url");
                sources.push(match text.literal() {
                    Some(literal) => {
                        let url = compile_url(builder, child, literal)?;
                        Source::fixed(url, SourceKind::Metadata)
                    }
                    None => Source::Computed(text),
                });
            }
            "jwks-uri" => {
                builder.only(child, &["url", "issuer"], &[]);
                extension(builder, child);
                let literal = builder.literal(child, "url")?;
                let issuer = builder.literal(child, "issuer")?;
                let url = compile_url(builder, child, &literal)?;
                sources.push(Source::fixed(url, SourceKind::KeySet { issuer: (*issuer).into() }));
            }
            _ => {}
        }
    }
    Ok(sources)
}

/// Says that Azure API Management does not know an element.
pub(super) fn extension(builder: &mut Builder<'_>, element: &Element) {
    let message =
        format!("`{}` is an extension of Gatehouse, which Azure API Management refuses", element.name);
    builder.warn(Severity::Info, "extension", &element.location, message);
}

pub(super) fn compile_url(builder: &mut Builder<'_>, element: &Element, text: &str) -> Result<Url, Reported> {
    let location = element.attribute("url").map_or(&element.location, |known| &known.value.location);
    let problem = match Url::parse(text.trim()) {
        Ok(url) if is_usable(&url) => return Ok(url),
        Ok(url) if url.scheme() != "https" => "keys are fetched over https only".to_owned(),
        Ok(_) => "it must name a host, and no user".to_owned(),
        Err(error) => error.to_string(),
    };
    let message = format!("the `url` of `{}` cannot be used: {problem}", element.name);
    Err(builder.error_with_fix("bad-value", location, message, "write an https URL"))
}

/// Compiles `issuer-signing-keys`.
pub(super) fn compile_signing_keys(
    builder: &mut Builder<'_>,
    element: &Element,
) -> Result<Vec<VerificationKey>, Reported> {
    compile_keys(builder, element, "issuer-signing-keys", |builder, key, id| match key {
        Given::Certificate(name, location) => {
            let certificate = builder.certificate(&name, &location)?;
            Ok(VerificationKey::from_certificate(id, &certificate.der))
        }
        Given::Numbers(n, e) => Ok(VerificationKey::rsa(id, &n, &e)),
        Given::Secret(secret) => Ok(VerificationKey::symmetric(id, &secret)),
    })
}

/// Compiles `decryption-keys`.
pub(super) fn compile_decryption_keys(
    builder: &mut Builder<'_>,
    element: &Element,
) -> Result<Vec<DecryptionKey>, Reported> {
    compile_keys(builder, element, "decryption-keys", |builder, key, id| match key {
        Given::Certificate(name, location) => {
            let certificate = builder.certificate(&name, &location)?;
            match &certificate.private_key {
                Some(key) => Ok(DecryptionKey::from_pkcs8(id, key)),
                None => {
                    let message = format!("the certificate `{name}` has no private key to decrypt with");
                    Err(builder.error("bad-value", &location, message))
                }
            }
        }
        Given::Numbers(..) => Err(builder.error(
            "bad-value",
            &element.location,
            "a public key (`n` and `e`) decrypts nothing; name a certificate with its private key",
        )),
        Given::Secret(secret) => Ok(DecryptionKey::symmetric(id, &secret)),
    })
}

/// A key as a document gives it.
enum Given {
    Certificate(Arc<str>, Location),
    Numbers(Vec<u8>, Vec<u8>),
    Secret(Zeroizing<Vec<u8>>),
}

fn compile_keys<K>(
    builder: &mut Builder<'_>,
    element: &Element,
    list: &str,
    make: impl Fn(&mut Builder<'_>, Given, Option<&str>) -> Result<Result<K, InvalidKey>, Reported>,
) -> Result<Vec<K>, Reported> {
    let Some(list) = builder.child(element, list) else { return Ok(Vec::new()) };
    builder.only(list, &[], &["key"]);
    builder.no_text(list);
    let mut keys = Vec::new();
    for child in list.elements() {
        builder.only(child, &["id", "certificate-id", "n", "e"], &[]);
        let id = builder.optional_literal(child, "id")?;
        let given = compile_given(builder, child)?;
        match make(builder, given, id.as_deref())? {
            Ok(key) => keys.push(key),
            // Azure tells such a key from others only when a token comes. Here it verifies nothing.
            Err(error) => {
                let message = format!("this key verifies no token: {}", error.reason());
                builder.warn(Severity::High, "unusable-key", &child.location, message);
            }
        }
    }
    Ok(keys)
}

fn compile_given(builder: &mut Builder<'_>, element: &Element) -> Result<Given, Reported> {
    let has = |name| element.attribute(name).is_some();
    let has_text = !element.text().is_blank();
    match (has("certificate-id"), has("n") || has("e"), has_text) {
        (true, false, false) => {
            let location =
                element.attribute("certificate-id").map_or(&element.location, |a| &a.value.location);
            let location = location.clone();
            Ok(Given::Certificate(builder.literal(element, "certificate-id")?, location))
        }
        (false, true, false) => {
            let mut number = |name| {
                let text = builder.literal(element, name)?;
                decode_base64url(text.trim_end_matches('=')).ok_or_else(|| {
                    builder.error("bad-value", &element.location, format!("`{name}` is not base64url"))
                })
            };
            Ok(Given::Numbers(number("n")?, number("e")?))
        }
        (false, false, true) => {
            let text = builder.literal_of(&element.text(), "the key")?;
            match STANDARD.decode(text.trim()) {
                Ok(secret) => Ok(Given::Secret(Zeroizing::new(secret))),
                Err(_) => {
                    let fix = "write the key as base64";
                    Err(builder.error_with_fix("bad-value", &element.location, "the key is not base64", fix))
                }
            }
        }
        _ => {
            let message = "a `key` is given by its base64 text, or by `certificate-id`, or by `n` and `e`";
            Err(builder.error("bad-value", &element.location, message))
        }
    }
}
