//! The trait that every source of secrets implements.

use std::path::PathBuf;

use secrecy::SecretString;

/// A source of secrets.
///
/// Called when a configuration is loaded, from a thread that may block; never on the way of a request.
pub trait SecretProvider: Send + Sync {
    /// The secret of a place, or `None` when this source does not have it.
    fn secret(&self, place: Place<'_>) -> Result<Option<SecretString>, ProviderError>;

    /// Where the secret would stand, to tell an operator what to set: `environment variable X`.
    fn hint(&self, place: Place<'_>) -> String;
}

/// What a secret belongs to: a named value of the service or of a workspace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Place<'a> {
    /// The workspace; `None`: the service itself.
    pub workspace: Option<&'a str>,
    /// The display name of the named value.
    pub name: &'a str,
}

/// Why a source that has a secret, or should have it, cannot give it.
#[derive(Debug, thiserror::Error)]
pub enum ProviderError {
    /// Two variables say it.
    #[error("both {one} and {other} are set; unset one of them")]
    Ambiguous {
        /// One variable.
        one: String,
        /// The other.
        other: String,
    },
    /// The name cannot be that of a file.
    #[error("'{0}' cannot be the name of a file")]
    FileName(String),
    /// The file cannot be read.
    #[error("{}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: std::io::Error,
    },
    /// The secret is larger than any named value may be.
    #[error("{place} holds more than {limit} bytes")]
    TooLong {
        /// The variable or the file.
        place: String,
        /// How many bytes it may hold.
        limit: usize,
    },
    /// The secret is no text.
    #[error("{0} is not UTF-8 text")]
    NotText(String),
    /// A source of another kind failed.
    #[error("{0}")]
    Other(String),
}
