//! Why a vault gives no secret.

use gatehouse_identity::http_client::HttpResponse;

/// Why a vault gives no secret. The text holds nothing of what the vault has answered but codes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct VaultError {
    /// What went wrong.
    pub message: String,
    /// Whether the vault may give it later.
    pub is_passing: bool,
    /// How many seconds the vault wants to be left alone.
    pub retry_after: Option<u64>,
}

impl VaultError {
    /// Trying again does not help.
    pub(super) fn lasting(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_passing: false, retry_after: None }
    }

    /// There are no vaults.
    pub(crate) fn without_vaults() -> Self {
        Self::lasting("no vault answers it: add one under `vaults` whose `match` is a part of it")
    }

    /// Trying again may help.
    pub(super) fn passing(message: impl Into<String>) -> Self {
        Self { message: message.into(), is_passing: true, retry_after: None }
    }

    /// What an answer that is none says.
    pub(super) fn of_answer(answer: &HttpResponse, code: Option<&str>) -> Self {
        let code: String = code
            .unwrap_or_default()
            .chars()
            .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
            .take(64)
            .collect();
        let what = match answer.status {
            401 | 403 => "the vault refuses this instance's identity",
            404 => "the vault has no such secret",
            429 => "the vault is asked too often",
            503 => "the vault is sealed or not available",
            500..=599 => "the vault has failed",
            _ => "the vault's answer cannot be used",
        };
        let message = format!("{what}: status {} {code}", answer.status);
        Self {
            message: message.trim_end().to_owned(),
            is_passing: matches!(answer.status, 408 | 429 | 500..=599),
            retry_after: answer.retry_after(),
        }
    }
}
