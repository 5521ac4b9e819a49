//! Whether a file is still the one that was read.

use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

/// What tells one state of a file from the next: rotation by rename changes the inode, by symbolic link (as
/// Kubernetes does it) the resolved path, by writing in place the size and the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp {
    resolved: Option<PathBuf>,
    modified: (i64, i64),
    changed: (i64, i64),
    length: u64,
    inode: (u64, u64),
}

impl Stamp {
    /// The present state; a file that cannot be seen has one too.
    pub(super) fn of(path: &Path) -> Self {
        let Ok(metadata) = std::fs::metadata(path) else { return Self::default() };
        Self {
            resolved: std::fs::canonicalize(path).ok(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            length: metadata.len(),
            inode: (metadata.dev(), metadata.ino()),
        }
    }
}
