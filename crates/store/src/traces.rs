//! Decision traces that were asked for, kept for a while.

use std::fs;
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Where traces are kept. All methods block: they are called from a thread of their own, never on a request's way.
pub trait TraceStore: Send + Sync {
    /// Keeps a trace under its id; older ones go where there is no room.
    ///
    /// # Errors
    /// What keeps it from being written.
    fn put(&self, id: &str, trace: &str) -> io::Result<()>;

    /// The trace of an id; `None` where there is none any more.
    ///
    /// # Errors
    /// What keeps it from being read.
    fn get(&self, id: &str) -> io::Result<Option<String>>;

    /// The ids of all with the moments at which they were kept, the newest first.
    ///
    /// # Errors
    /// What keeps them from being listed.
    fn list(&self) -> io::Result<Vec<(String, SystemTime)>>;
}

/// Traces as files of a folder that only its owner reads.
#[derive(Debug)]
pub struct TraceFolder {
    folder: PathBuf,
}

impl TraceFolder {
    /// How many are kept.
    pub const CAPACITY: usize = 100;
    /// How long one is kept.
    pub const LIFETIME: Duration = Duration::from_secs(24 * 3600);

    /// The folder beside a database.
    pub fn beside(database: &Path) -> Self {
        Self { folder: database.parent().unwrap_or(Path::new("")).join("traces") }
    }

    fn path(&self, id: &str) -> Option<PathBuf> {
        let is_id = !id.is_empty() && id.len() <= 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        is_id.then(|| self.folder.join(format!("{id}.json")))
    }

    fn prune(&self) -> io::Result<()> {
        let now = SystemTime::now();
        for (index, (id, kept)) in self.list()?.into_iter().enumerate() {
            let is_old = now.duration_since(kept).is_ok_and(|age| age > Self::LIFETIME);
            if (index >= Self::CAPACITY || is_old)
                && let Some(path) = self.path(&id)
            {
                match fs::remove_file(path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

impl TraceStore for TraceFolder {
    fn put(&self, id: &str, trace: &str) -> io::Result<()> {
        let path = self.path(id).ok_or_else(|| io::Error::other("the id of a trace is hexadecimal"))?;
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        // A reader never sees half of one.
        let temporary = path.with_extension("tmp");
        let mut file =
            fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
        file.write_all(trace.as_bytes())?;
        drop(file);
        fs::rename(&temporary, &path)?;
        self.prune()
    }

    fn get(&self, id: &str) -> io::Result<Option<String>> {
        let Some(path) = self.path(id) else { return Ok(None) };
        match fs::read_to_string(path) {
            Ok(trace) => Ok(Some(trace)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn list(&self) -> io::Result<Vec<(String, SystemTime)>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name();
            let Some(id) = name.to_str().and_then(|name| name.strip_suffix(".json")) else { continue };
            // Another process may have taken it away meanwhile.
            if let Ok(modified) = entry.metadata().and_then(|metadata| metadata.modified()) {
                found.push((id.to_owned(), modified));
            }
        }
        found.sort_by(|(a, kept_a), (b, kept_b)| kept_b.cmp(kept_a).then_with(|| a.cmp(b)));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn traces_are_kept_for_their_owner_up_to_a_number() {
        let folder = tempfile::tempdir().unwrap();
        let traces = TraceFolder::beside(&folder.path().join("gatehouse.db"));
        assert!(traces.list().unwrap().is_empty());
        for number in 0..TraceFolder::CAPACITY + 3 {
            traces.put(&format!("{number:032x}"), "{}").unwrap();
        }
        assert_eq!(traces.list().unwrap().len(), TraceFolder::CAPACITY);
        let newest = format!("{:032x}", TraceFolder::CAPACITY + 2);
        assert_eq!(traces.get(&newest).unwrap().as_deref(), Some("{}"));
        assert_eq!(traces.get("aa").unwrap(), None);
        let mode = fs::metadata(folder.path().join(format!("traces/{newest}.json"))).unwrap();
        assert_eq!(mode.permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn an_id_leads_nowhere_else() {
        let folder = tempfile::tempdir().unwrap();
        let traces = TraceFolder::beside(&folder.path().join("gatehouse.db"));
        for id in ["../../etc/passwd", "", "a/b", "g"] {
            assert!(traces.put(id, "x").is_err());
            assert_eq!(traces.get(id).unwrap(), None);
        }
    }
}
