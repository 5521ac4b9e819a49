//! Places that lines go to.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write};
use std::os::fd::AsFd as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

/// Where lines go.
pub(crate) enum Sink {
    File { path: PathBuf, file: File },
    Stream(Box<dyn Write + Send>),
}

impl Sink {
    pub(crate) fn stdout() -> io::Result<Self> {
        Ok(Self::Stream(Box::new(File::from(io::stdout().as_fd().try_clone_to_owned()?))))
    }

    pub(crate) fn stderr() -> io::Result<Self> {
        Ok(Self::Stream(Box::new(File::from(io::stderr().as_fd().try_clone_to_owned()?))))
    }

    /// A file that is appended to, made with its folder when it does not exist.
    pub(crate) fn file(path: PathBuf) -> io::Result<Self> {
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::create_dir_all(folder)?;
        }
        let file = OpenOptions::new().append(true).create(true).mode(0o640).open(&path)?;
        Ok(Self::File { path, file })
    }

    pub(super) fn reopen(&mut self) -> io::Result<()> {
        if let Self::File { path, .. } = self {
            *self = Self::file(path.clone())?;
        }
        Ok(())
    }

    /// Whether the file ends within a line, left by a writer that was killed or a disk that was full. `None`:
    /// the place cannot say.
    pub(super) fn ends_within_line(&self) -> Option<bool> {
        let Self::File { path, file } = self else { return None };
        let metadata = file.metadata().ok()?;
        if !metadata.is_file() {
            return None;
        }
        if metadata.len() == 0 {
            return Some(false);
        }
        let mut last = [0];
        let mut reader = File::open(path).ok()?;
        reader.seek(SeekFrom::End(-1)).and_then(|_| reader.read_exact(&mut last)).ok()?;
        Some(last != *b"\n")
    }

    pub(super) fn writer(&mut self) -> &mut dyn Write {
        match self {
            Self::File { file, .. } => file,
            Self::Stream(stream) => stream,
        }
    }
}
