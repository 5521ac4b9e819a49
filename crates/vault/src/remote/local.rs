//! Secrets of the machine under a secret identifier: files that Kubernetes or Docker mount, variables of the environment.
//! The last segment of the identifier's path is the secret's name.

use std::path::Path;

use secrecy::SecretString;

use super::VaultError;
use crate::files;

/// The secret in a file of a folder.
pub(super) fn file(folder: &Path, path: &str) -> Result<SecretString, VaultError> {
    let name = name(path)?;
    files::read(&folder.join(name)).map_err(|error| VaultError::passing(error.to_string()))
}

/// The secret in a variable: the name in upper case, with `_` for everything that is neither a letter nor a digit.
pub(super) fn variable(path: &str) -> Result<SecretString, VaultError> {
    let name: String = name(path)?
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' })
        .collect();
    match std::env::var(&name) {
        Ok(value) => Ok(SecretString::from(value)),
        Err(_) => {
            Err(VaultError::lasting(format!("the environment variable {name} is not set, or is not text")))
        }
    }
}

/// A name that stays in its folder.
fn name(path: &str) -> Result<&str, VaultError> {
    let name = path.rsplit('/').next().unwrap_or_default();
    let is_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    if !name.is_empty() && !name.starts_with('.') && name.chars().all(is_name) {
        return Ok(name);
    }
    Err(VaultError::lasting(
        "the identifier ends with no name of a secret: letters, digits, `-`, `_` and `.`",
    ))
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn names_stay_in_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("db-password"), "hush\n").unwrap();
        assert_eq!(file(folder.path(), "/secrets/db-password").unwrap().expose_secret(), "hush");
        for path in ["/", "/..", "/a/..", "/.hidden", "/a%2Fb", "/a b", ""] {
            assert!(!file(folder.path(), path).unwrap_err().is_passing, "{path}");
        }
        assert!(file(folder.path(), "/gone").unwrap_err().is_passing);
        assert!(variable("/secrets/certainly-not-set").unwrap_err().message.contains("CERTAINLY_NOT_SET"));
    }
}
