//! The TLS state of all listeners, renewed when files change.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

use arc_swap::ArcSwap;
use gatehouse_model::Diagnostics;
use gatehouse_model::configuration::ListenerTls;
use parking_lot::Mutex;

use super::entry::are_equivalent;
use super::server::{ServerTls, files_of};
use super::stamp::Stamp;

/// A change is taken when it has stood for one more look, so that a certificate and its key, written one after the
/// other, are read together.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// Told what keeps changed files from being used.
pub type Report = Arc<dyn Fn(&Diagnostics) + Send + Sync>;

/// One listener's files and the state made from them.
#[derive(Debug)]
pub struct Watched {
    tls: ListenerTls,
    state: Arc<ArcSwap<ServerTls>>,
    stamps: Vec<(PathBuf, Stamp)>,
    /// Stamps that differ from `stamps`, seen in the last look.
    seen: Option<Vec<(PathBuf, Stamp)>>,
    /// Whether the files differ from the state because they could not be used.
    broken: bool,
}

impl Watched {
    /// Reads the files for the first time.
    ///
    /// # Errors
    /// Everything that is wrong with them.
    pub fn load(tls: &ListenerTls) -> Result<Self, Diagnostics> {
        let stamps = stamps_of(tls);
        let state = Arc::new(ArcSwap::from_pointee(ServerTls::load(tls)?));
        Ok(Self { tls: tls.clone(), state, stamps, seen: None, broken: false })
    }

    /// The present state again, where the same block is read and no file has changed: sessions stay resumable.
    fn reuse(&self, tls: &ListenerTls) -> Option<Self> {
        let is_current = is_same(&self.tls, tls) && self.seen.is_none() && stamps_of(tls) == self.stamps;
        (is_current && !self.broken).then(|| Self {
            tls: tls.clone(),
            state: Arc::clone(&self.state),
            stamps: self.stamps.clone(),
            seen: None,
            broken: false,
        })
    }

    /// The state for new handshakes.
    pub fn state(&self) -> Arc<ArcSwap<ServerTls>> {
        Arc::clone(&self.state)
    }

    /// Moves the state into a place where connections already look for it.
    pub fn move_into(&mut self, place: &Arc<ArcSwap<ServerTls>>) {
        if !Arc::ptr_eq(place, &self.state) {
            place.store(self.state.load_full());
            self.state = Arc::clone(place);
        }
    }

    fn look(&mut self) -> Result<(), Diagnostics> {
        let now = stamps_of(&self.tls);
        if now == self.stamps {
            self.seen = None;
            return Ok(());
        }
        if self.seen.as_ref() != Some(&now) {
            self.seen = Some(now);
            return Ok(());
        }
        self.seen = None;
        // Kept even where the files are broken: they are reported once, and read again at their next change.
        self.stamps = now;
        self.broken = true;
        self.state.store(Arc::new(ServerTls::load(&self.tls)?));
        self.broken = false;
        Ok(())
    }
}

/// Whether two blocks say the same, wherever in their files.
fn is_same(a: &ListenerTls, b: &ListenerTls) -> bool {
    a.certificates.len() == b.certificates.len()
        && a.certificates.iter().zip(&b.certificates).all(|(a, b)| {
            a.certificate.value == b.certificate.value
                && a.key.value == b.key.value
                && a.hosts == b.hosts
                && are_equivalent(&a.settings, &b.settings)
        })
}

fn stamps_of(tls: &ListenerTls) -> Vec<(PathBuf, Stamp)> {
    files_of(tls).into_iter().map(|path| (path.clone(), Stamp::of(&path))).collect()
}

/// Watches files on a thread of its own, for as long as it lives.
pub struct TlsStore {
    watched: Arc<Mutex<Vec<Watched>>>,
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl TlsStore {
    /// Begins to watch.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(report: Report) -> std::io::Result<Self> {
        let watched: Arc<Mutex<Vec<Watched>>> = Arc::default();
        let (stop, stopped) = channel();
        let looked_at = Arc::clone(&watched);
        let thread = std::thread::Builder::new().name("tls-files".to_owned()).spawn(move || {
            while stopped.recv_timeout(LOOK_EVERY) == Err(RecvTimeoutError::Timeout) {
                let broken: Vec<Diagnostics> =
                    looked_at.lock().iter_mut().filter_map(|watched| watched.look().err()).collect();
                for diagnostics in &broken {
                    report(diagnostics);
                }
            }
        })?;
        Ok(Self { watched, stop: Some(stop), thread: Some(thread) })
    }

    /// The state of a `tls` block: the one in force where nothing has changed, else read anew.
    ///
    /// # Errors
    /// Everything that is wrong with the files.
    pub fn load(&self, tls: &ListenerTls) -> Result<Watched, Diagnostics> {
        let known = self.watched.lock().iter().find_map(|watched| watched.reuse(tls));
        known.map_or_else(|| Watched::load(tls), Ok)
    }

    /// Watches these from now on, and no others.
    pub fn watch(&self, watched: Vec<Watched>) {
        *self.watched.lock() = watched;
    }
}

impl Drop for TlsStore {
    fn drop(&mut self) {
        self.stop = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl std::fmt::Debug for TlsStore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TlsStore").field("listeners", &self.watched.lock().len()).finish_non_exhaustive()
    }
}
