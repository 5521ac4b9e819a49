//! Tokens that belong to one sender: by a proof (RFC 9449) or by the client's certificate (RFC 8705). Extensions.

use aws_lc_rs::digest::{SHA256, digest};
use gatehouse_identity::Novelty;
use gatehouse_identity::dpop::{DpopProof, DpopRequest};
use gatehouse_identity::jose::{Json, decode_base64url};

use super::keys::extension;
use super::refusal::{Challenge, Refusal, sentence};
use crate::compiler::Builder;
use crate::document::Element;
use crate::{Exchange, World};

/// `dpop`.
#[derive(Debug)]
pub(super) struct Dpop {
    /// Whether every token needs a proof, not only one that names a key.
    required: bool,
    /// How old a proof may be, and how far ahead its clock, in seconds.
    max_age: i64,
    /// Whether a proof must hold a nonce of this gateway.
    nonce: bool,
}

impl Dpop {
    pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Option<Self> {
        let child = builder.child(element, "dpop")?;
        builder.only(child, &["required", "max-age", "nonce"], &[]);
        builder.no_text(child);
        extension(builder, child);
        let required = builder.literal_boolean(child, "required", true);
        let max_age = match child.attribute("max-age") {
            Some(_) => builder.literal_integer(child, "max-age", 1..=3600),
            None => 300,
        };
        let nonce = builder.literal_boolean(child, "nonce", false);
        Some(Self { required, max_age, nonce })
    }

    /// Checks the proof of a token that was presented.
    pub(super) fn check(
        &self,
        claims: &Json,
        token: &str,
        is_dpop: bool,
        exchange: &Exchange,
        world: &World<'_>,
    ) -> Result<(), Refusal> {
        let bound = claims.get("cnf").and_then(|cnf| cnf.get("jkt")).and_then(Json::as_str);
        if !is_dpop && bound.is_none() && !self.required {
            return Ok(());
        }
        if !is_dpop {
            return Err(Refusal::proof("The token must be presented with the DPoP scheme."));
        }
        let Some(bound) = bound else {
            return Err(Refusal::proof("The token is bound to no key."));
        };
        let mut values = exchange.request.headers.get_all("dpop").iter();
        let (Some(value), None) = (values.next(), values.next()) else {
            return Err(Refusal::proof("The request needs exactly one DPoP proof."));
        };
        let url = &exchange.request.original_url;
        let address = match url.port {
            443 => format!("{}://{}{}", url.scheme, url.host, url.path),
            port => format!("{}://{}:{port}{}", url.scheme, url.host, url.path),
        };
        let request =
            DpopRequest { method: exchange.request.method.as_str(), url: &address, access_token: token };
        let value = value.to_str().map_err(|_| Refusal::proof("The DPoP proof is not text."))?;
        let proof = DpopProof::verify(value, &request)
            .map_err(|error| Refusal::proof(&sentence(&error.to_string())))?;
        if proof.thumbprint != *bound {
            return Err(Refusal::proof(
                "The DPoP proof is made with another key than the token is bound to.",
            ));
        }
        let now = world.clock.now_millis() / 1000;
        if self.nonce && !proof.nonce().is_some_and(|nonce| world.tokens.nonces.accepts(nonce, now)) {
            let challenge = Challenge::Nonce(world.tokens.nonces.issue(now));
            let refusal = Refusal::proof("The DPoP proof needs the nonce of this gateway.");
            return Err(Refusal { challenge, ..refusal });
        }
        let age = now as f64 - proof.issued_at;
        if !(-(self.max_age as f64)..=self.max_age as f64).contains(&age) {
            return Err(Refusal::proof("The DPoP proof is too old, or from the future."));
        }
        let mut id = [0; 32];
        id.copy_from_slice(digest(&SHA256, format!("{} {}", proof.thumbprint, proof.id).as_bytes()).as_ref());
        let until = now + 2 * self.max_age.unsigned_abs() + 1;
        match world.tokens.proofs.note(id, now, until) {
            Novelty::New => Ok(()),
            Novelty::Seen => Err(Refusal::proof("The DPoP proof was used before.")),
            Novelty::Full => Err(Refusal::proof("Too many DPoP proofs are in use.")),
        }
    }
}

/// `certificate-bound`.
#[derive(Debug)]
pub(super) struct CertificateBound {
    /// Whether every token must be bound to a certificate, not only one that names one be checked.
    required: bool,
}

impl CertificateBound {
    pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Option<Self> {
        let child = builder.child(element, "certificate-bound")?;
        builder.only(child, &["required"], &[]);
        builder.no_text(child);
        extension(builder, child);
        Some(Self { required: builder.literal_boolean(child, "required", true) })
    }

    /// Compares the certificate of the connection with the one that the token names (section 3.1).
    pub(super) fn check(&self, claims: &Json, exchange: &Exchange) -> Result<(), Refusal> {
        let named = claims.get("cnf").and_then(|cnf| cnf.get("x5t#S256"));
        let Some(named) = named else {
            if self.required {
                return Err(Refusal::invalid("The token is bound to no certificate."));
            }
            return Ok(());
        };
        let named = named.as_str().and_then(decode_base64url);
        let own = exchange.request.certificate.as_ref().map(|known| digest(&SHA256, &known.der));
        match (named, own) {
            (Some(named), Some(own)) if named == own.as_ref() => Ok(()),
            (_, None) => {
                Err(Refusal::invalid("The token is bound to a certificate, and none was presented."))
            }
            _ => Err(Refusal::invalid("The token is bound to another certificate.")),
        }
    }
}
