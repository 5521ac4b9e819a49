//! The key that everything secret in the store hangs on.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use aws_lc_rs::hkdf;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use crate::{DebugTokens, KeyHasher, Sealer};

/// 32 secret bytes, from which a separate key for each use is derived (HKDF-SHA-256, RFC 5869).
#[derive(Clone, Debug)]
pub struct MasterKey {
    hasher: KeyHasher,
    sealer: Sealer,
    debug_tokens: DebugTokens,
    check: [u8; 32],
}

impl MasterKey {
    /// Reads the key file: 32 raw bytes, or their base64. Makes it, with new random bytes, mode 0600 and its
    /// folder, when it does not exist; a file is never seen half written, and of two processes that make it
    /// at once both get the same key.
    pub fn load_or_create(path: &Path) -> Result<Self, MasterKeyError> {
        match Self::load(path) {
            Err(MasterKeyError::Io { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                create(path).map_err(|error| MasterKeyError::Io { path: path.to_owned(), error })?;
                Self::load(path)
            }
            loaded => loaded,
        }
    }

    /// Reads the key file. A file that others than its owner may read is refused.
    pub fn load(path: &Path) -> Result<Self, MasterKeyError> {
        let io_error = |error| MasterKeyError::Io { path: path.to_owned(), error };
        let file = File::open(path).map_err(io_error)?;
        let mode = file.metadata().map_err(io_error)?.permissions().mode() & 0o777;
        if mode & 0o077 != 0 {
            return Err(MasterKeyError::Permissions { path: path.to_owned(), mode });
        }
        let mut content = Zeroizing::new(Vec::with_capacity(LONGEST_FILE + 1));
        file.take(LONGEST_FILE as u64 + 1).read_to_end(&mut content).map_err(io_error)?;
        let bytes = decode(&content)
            .ok_or_else(|| MasterKeyError::Content { path: path.to_owned(), length: content.len() })?;
        Self::from_bytes(&bytes)
    }

    /// The key of these bytes.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, MasterKeyError> {
        let root = hkdf::Salt::new(hkdf::HKDF_SHA256, b"gatehouse master key").extract(bytes);
        let derive = |purpose: &[u8]| {
            let mut key = Zeroizing::new([0_u8; 32]);
            root.expand(&[purpose], hkdf::HKDF_SHA256)
                .and_then(|okm| okm.fill(key.as_mut_slice()))
                .map_err(|_| MasterKeyError::Derivation)?;
            Ok(key)
        };
        Ok(Self {
            hasher: KeyHasher::new(&*derive(b"subscription keys 1")?),
            sealer: Sealer::new(&*derive(b"secrets at rest 1")?).ok_or(MasterKeyError::Derivation)?,
            debug_tokens: DebugTokens::new(&*derive(b"debug tokens 1")?),
            check: *derive(b"key check value 1")?,
        })
    }

    /// Hashes subscription keys under this key.
    pub fn key_hasher(&self) -> &KeyHasher {
        &self.hasher
    }

    /// Encrypts secrets under this key.
    pub fn sealer(&self) -> &Sealer {
        &self.sealer
    }

    /// Makes and checks debug tokens under this key.
    pub fn debug_tokens(&self) -> &DebugTokens {
        &self.debug_tokens
    }

    /// What a database keeps to know its master key again; tells nothing about the key.
    pub fn check_value(&self) -> &[u8; 32] {
        &self.check
    }
}

/// Why there is no master key.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The file holds no key.
    #[error(
        "master key {}: the file holds {length} bytes; it must hold 32 random bytes, or their base64 \
         (44 characters); `openssl rand -base64 32` makes one",
        path.display()
    )]
    Content {
        /// The file.
        path: PathBuf,
        /// How many bytes were read of it.
        length: usize,
    },
    /// The cryptographic library failed.
    #[error("the cryptographic library cannot derive keys from the master key")]
    Derivation,
    /// The file cannot be read or made.
    #[error("master key {}: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        error: io::Error,
    },
    /// Others may read the file.
    #[error(
        "master key {}: mode {mode:03o} lets others than its owner read it; run `chmod 600` on it",
        path.display()
    )]
    Permissions {
        /// The file.
        path: PathBuf,
        /// Its mode.
        mode: u32,
    },
}

const LONGEST_FILE: usize = 64;

fn decode(content: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    if let Ok(raw) = <[u8; 32]>::try_from(content) {
        return Some(Zeroizing::new(raw));
    }
    let decoded = Zeroizing::new(STANDARD.decode(content.trim_ascii()).ok()?);
    <[u8; 32]>::try_from(decoded.as_slice()).ok().map(Zeroizing::new)
}

fn create(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)?;

    let mut key = Zeroizing::new([0_u8; 32]);
    let mut suffix = [0_u8; 8];
    let no_randomness = |_| io::Error::other("the operating system has no random bytes for a new key");
    aws_lc_rs::rand::fill(key.as_mut_slice()).map_err(no_randomness)?;
    aws_lc_rs::rand::fill(&mut suffix).map_err(no_randomness)?;
    let text = Zeroizing::new(STANDARD.encode(key.as_slice()) + "\n");

    let temporary = folder.join(format!(".master-key-{:016x}", u64::from_le_bytes(suffix)));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()).and_then(|()| file.sync_all()))
        // A link, unlike a rename, never replaces the key that another process has just made.
        .and_then(|()| fs::hard_link(&temporary, path));
    let removed = fs::remove_file(&temporary);
    match written {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.exists() => {}
        written => written?,
    }
    removed?;
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SubscriptionKey;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn write(path: &Path, content: &[u8], mode: u32) {
        fs::write(path, content).unwrap();
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn a_missing_file_is_made_once_for_its_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/master.key");
        let made = MasterKey::load_or_create(&path).unwrap();
        let again = MasterKey::load_or_create(&path).unwrap();
        assert_eq!(made.check_value(), again.check_value());
        assert_eq!(mode(&path), 0o600);
        assert_eq!(mode(path.parent().unwrap()), 0o700);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1, "no temporary file is left");
    }

    #[test]
    fn processes_that_make_it_at_once_agree() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let keys: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| MasterKey::load_or_create(&path).unwrap())).collect();
            threads.into_iter().map(|thread| *thread.join().unwrap().check_value()).collect()
        });
        assert!(keys.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn raw_bytes_and_base64_are_the_same_key() {
        let folder = tempfile::tempdir().unwrap();
        let (raw, text) = (folder.path().join("raw"), folder.path().join("text"));
        write(&raw, &[7; 32], 0o600);
        write(&text, format!("{}\n", STANDARD.encode([7; 32])).as_bytes(), 0o400);
        let keys = [&raw, &text].map(|path| MasterKey::load(path).unwrap());
        assert_eq!(keys[0].check_value(), keys[1].check_value());
    }

    #[test]
    fn a_file_that_others_may_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        write(&path, &[7; 32], 0o640);
        let error = MasterKey::load_or_create(&path).unwrap_err().to_string();
        assert!(error.contains("mode 640") && error.contains("chmod 600"), "{error}");
    }

    #[test]
    fn a_file_without_a_key_is_refused_and_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        for content in [&b""[..], b"secret", &[7; 31], &[7; 33], &[7; 1000]] {
            write(&path, content, 0o600);
            let error = MasterKey::load_or_create(&path).unwrap_err();
            assert!(matches!(error, MasterKeyError::Content { .. }), "{error}");
            assert_eq!(fs::read(&path).unwrap(), content);
        }
    }

    #[test]
    fn keys_for_different_purposes_and_masters_differ() {
        let [one, two] = [[1; 32], [2; 32]].map(|bytes| MasterKey::from_bytes(&bytes).unwrap());
        assert_ne!(one.check_value(), two.check_value());
        let key = SubscriptionKey::parse("0123").unwrap();
        assert_ne!(one.key_hasher().hash(&key), two.key_hasher().hash(&key));
        assert!(!format!("{one:?}").contains("[1,"), "no bytes in debug output");
    }
}
