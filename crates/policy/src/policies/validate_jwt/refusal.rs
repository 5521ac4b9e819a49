//! Why a token is refused: reasons and messages as Azure API Management tells them.

use std::borrow::Cow;

use gatehouse_identity::jose::JoseError;
use http::header::{HeaderValue, WWW_AUTHENTICATE};
use http::{HeaderName, StatusCode};

use crate::Failure;

/// Why a token is refused.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) reason: &'static str,
    pub(super) message: Cow<'static, str>,
    /// Whether the message holds what the client has sent.
    pub(super) is_private: bool,
    pub(super) challenge: Challenge,
}

/// What the client is asked for (RFC 6750, section 3; RFC 9449, section 7.1).
#[derive(Debug)]
pub(super) enum Challenge {
    /// A token.
    Token,
    /// Another token.
    InvalidToken,
    /// Another proof.
    InvalidProof,
    /// A proof with this nonce.
    Nonce(String),
}

impl Refusal {
    pub(super) const NOT_PRESENT: Self = Self {
        reason: "TokenNotPresent",
        message: Cow::Borrowed("JWT not present."),
        is_private: false,
        challenge: Challenge::Token,
    };

    /// A refusal with a message of our own; Azure ends those of its library so, too.
    pub(super) fn new(reason: &'static str, what: &str) -> Self {
        let message = Cow::Owned(format!("{what} Access denied."));
        Self { reason, message, is_private: false, challenge: Challenge::InvalidToken }
    }

    /// Anything that has no reason of its own.
    pub(super) fn invalid(what: &str) -> Self {
        Self::new("JwtInvalid", what)
    }

    /// The same, because of the proof that came with the token.
    pub(super) fn proof(what: &str) -> Self {
        Self { challenge: Challenge::InvalidProof, ..Self::invalid(what) }
    }

    /// The message holds what the client has sent.
    pub(super) fn private(mut self) -> Self {
        self.is_private = true;
        self
    }

    /// The failure of a policy; the challenge is sent with status 401 only.
    pub(super) fn failure(self, policy: &'static str, status: StatusCode, takes_proofs: bool) -> Failure {
        let mut failure = Failure::new(status, policy, self.reason, self.message);
        failure.is_private = self.is_private;
        if status != StatusCode::UNAUTHORIZED {
            return failure;
        }
        let scheme = if takes_proofs { "DPoP" } else { "Bearer" };
        let algorithms = "algs=\"ES256 ES384 ES512 RS256 PS256 EdDSA\"";
        let challenge = match &self.challenge {
            Challenge::Token if takes_proofs => format!("{scheme} {algorithms}"),
            Challenge::Token => scheme.to_owned(),
            Challenge::InvalidToken => format!("{scheme} error=\"invalid_token\""),
            Challenge::InvalidProof => format!("DPoP error=\"invalid_dpop_proof\", {algorithms}"),
            Challenge::Nonce(_) => format!("DPoP error=\"use_dpop_nonce\", {algorithms}"),
        };
        if let Ok(value) = HeaderValue::try_from(challenge) {
            failure = failure.header(WWW_AUTHENTICATE, value);
        }
        if let Challenge::Nonce(nonce) = &self.challenge
            && let Ok(value) = HeaderValue::try_from(nonce)
        {
            failure = failure.header(HeaderName::from_static("dpop-nonce"), value);
        }
        failure
    }
}

impl From<JoseError> for Refusal {
    fn from(error: JoseError) -> Self {
        let text = sentence(&error.to_string());
        match error {
            JoseError::Signature => Self::new("TokenSignatureInvalid", &text),
            JoseError::KeyNotFound(_) => Self::new("TokenSignatureKeyNotFound", &text).private(),
            JoseError::Algorithm(_) => Self::invalid(&text).private(),
            _ => Self::invalid(&text),
        }
    }
}

/// A text as a sentence.
pub(super) fn sentence(text: &str) -> String {
    let mut characters = text.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).chain(['.']).collect()
}
