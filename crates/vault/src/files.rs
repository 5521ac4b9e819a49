//! Secrets in files.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::{Place, ProviderError, SecretProvider};

/// A folder with one file for each named value, by display name; those of a workspace stand in a folder of its
/// name. This is how Docker and Kubernetes mount secrets.
///
/// One line end at the end of a file does not belong to the secret.
#[derive(Clone, Debug)]
pub struct Files {
    folder: PathBuf,
}

impl Files {
    /// The secrets of a folder, which need not exist.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into() }
    }

    fn path(&self, place: Place<'_>) -> Result<PathBuf, ProviderError> {
        let mut path = self.folder.clone();
        for part in place.workspace.into_iter().chain([place.name]) {
            if matches!(part, "" | "." | "..") || part.contains(['/', '\\', '\0']) {
                return Err(ProviderError::FileName(part.to_owned()));
            }
            path.push(part);
        }
        Ok(path)
    }
}

impl SecretProvider for Files {
    fn secret(&self, place: Place<'_>) -> Result<Option<SecretString>, ProviderError> {
        let path = self.path(place)?;
        match read(&path) {
            Err(ProviderError::Io { error, .. })
                if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) =>
            {
                Ok(None)
            }
            read => read.map(Some),
        }
    }

    fn hint(&self, place: Place<'_>) -> String {
        let path = self.path(place).unwrap_or_else(|_| self.folder.clone());
        format!("file {}", path.display())
    }
}

/// How many bytes a secret may have: 4096 characters of at most four bytes, and a line end.
const LONGEST: usize = 4 * 4096 + 2;

/// The secret in a file, without the line end at its end.
pub(crate) fn read(path: &Path) -> Result<SecretString, ProviderError> {
    let io_error = |error| ProviderError::Io { path: path.to_owned(), error };
    let file = File::open(path).map_err(io_error)?;
    let mut content = Zeroizing::new(Vec::with_capacity(LONGEST + 1));
    file.take(LONGEST as u64 + 1).read_to_end(&mut content).map_err(io_error)?;
    if content.len() > LONGEST {
        return Err(ProviderError::TooLong { place: path.display().to_string(), limit: LONGEST });
    }
    let text =
        std::str::from_utf8(&content).map_err(|_| ProviderError::NotText(path.display().to_string()))?;
    let text = text.strip_suffix('\n').map_or(text, |text| text.strip_suffix('\r').unwrap_or(text));
    Ok(SecretString::from(text))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn service(name: &str) -> Place<'_> {
        Place { workspace: None, name }
    }

    #[test]
    fn a_secret_is_the_file_without_its_last_line_end() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("team")).unwrap();
        fs::write(folder.path().join("one"), "plain").unwrap();
        fs::write(folder.path().join("two"), "two\nlines\n\n").unwrap();
        fs::write(folder.path().join("team/one"), "of the team\r\n").unwrap();
        let files = Files::new(folder.path());
        let secret = |place| files.secret(place).unwrap().unwrap().expose_secret().to_owned();
        assert_eq!(secret(service("one")), "plain");
        assert_eq!(secret(service("two")), "two\nlines\n");
        assert_eq!(secret(Place { workspace: Some("team"), name: "one" }), "of the team");
        assert!(files.secret(service("three")).unwrap().is_none());
        assert!(Files::new("/nonexistent/folder").secret(service("one")).unwrap().is_none());
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("outside"), "secret").unwrap();
        let files = Files::new(folder.path().join("inside"));
        for name in ["..", ".", "", "../outside", "a/../../outside", "a\0b"] {
            let error = files.secret(service(name)).unwrap_err();
            assert!(matches!(error, ProviderError::FileName(_)), "{name}: {error}");
        }
        assert!(files.secret(Place { workspace: Some(".."), name: "outside" }).is_err());
    }

    #[test]
    fn what_is_no_secret_is_named() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("binary"), [0xFF, 0xFE]).unwrap();
        fs::write(folder.path().join("huge"), vec![b'x'; LONGEST + 1]).unwrap();
        fs::create_dir(folder.path().join("folder")).unwrap();
        let files = Files::new(folder.path());
        let error = |name| files.secret(service(name)).unwrap_err().to_string();
        assert!(error("binary").ends_with("binary is not UTF-8 text"));
        assert!(error("huge").contains("more than 16386 bytes"));
        assert!(error("folder").contains("folder"));
    }
}
