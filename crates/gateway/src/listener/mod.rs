//! Listening: sockets, cores, TLS, limits of connections, reload and drain.
//!
//! ```text
//! // Once, at start. The factory runs on each core's own thread and may keep what is not `Send`.
//! let factory: HandlerFactory = Arc::new(move |core| Rc::new(Core::new(shared.clone(), …)) as Rc<dyn Handler>);
//! let report: Report = Arc::new(|diagnostics| eprint!("{diagnostics}"));   // files that changed and cannot be used
//! let listeners = Listeners::start(&configuration.listeners, &configuration.limits, None, &factory, report, &metrics)?;
//! for bound in listeners.bound() { println!("{} on {}", bound.name, bound.address); }
//!
//! // SIGHUP: all or nothing. Swap the snapshot before, so that requests of new listeners find their facts.
//! listeners.apply(&new.listeners, &new.limits)?;
//!
//! // SIGTERM: blocks until the requests under way are answered, at most `limits.drain_timeout`.
//! let drained = listeners.drain();
//! ```
//!
//! None of these needs a runtime around it. A request for a host of other TLS settings is told by
//! `connection.is_misdirected(host)`. Listeners are kept by address: a kept one drops no connection, and its new
//! configuration holds for connections made from then on. Those of a removed address end when their requests have.

mod accept;
mod connection;
mod core;
mod endpoint;
mod handshake_outcome;
mod plan;
mod quota;
mod socket;
mod transport;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use gatehouse_model::configuration::{Limits, Listener};
use gatehouse_model::{Diagnostic, Diagnostics, Location};
use gatehouse_telemetry::metrics::Metrics;
use parking_lot::Mutex;

use self::core::Core;
use self::endpoint::Protocol;
use self::plan::{Place, Plan};
use self::quota::Quota;
use crate::tls::{Report, TlsStore};

pub use self::core::HandlerFactory;

/// How long a drain waits for what is under way without a connection.
const AFTERWORK: Duration = Duration::from_secs(5);
/// How often a drain looks whether connections are left.
const DRAIN_LOOK: Duration = Duration::from_millis(10);

/// All listeners of the process.
#[derive(Debug)]
pub struct Listeners {
    cores: Vec<Core>,
    quota: Arc<Quota>,
    metrics: Metrics,
    tls: TlsStore,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    places: Vec<Place>,
    next_id: u64,
    drain_timeout: Duration,
}

/// Where a listener is bound.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// The listener's name.
    pub name: Arc<str>,
    /// The address with the port that it got.
    pub address: SocketAddr,
    /// Whether this is the plain port that redirects.
    pub is_redirect: bool,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Connections that were cut because their requests took longer than `limits.drain_timeout`.
    pub aborted: usize,
}

impl Listeners {
    /// Binds all addresses, reads all TLS files, and serves on `cores` threads (default: as many as the machine has
    /// cores). What happens to connections before there are requests is counted in `metrics`.
    ///
    /// # Errors
    /// Everything that keeps a listener from serving: addresses, certificates, keys, trust, revocation lists.
    pub fn start(
        listeners: &[Listener],
        limits: &Limits,
        cores: Option<usize>,
        factory: &HandlerFactory,
        report: Report,
        metrics: &Metrics,
    ) -> Result<Self, Diagnostics> {
        let threads =
            cores.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).max(1);
        let mut state = State { places: Vec::new(), next_id: 0, drain_timeout: limits.drain_timeout };
        let quota = Quota::new(limits);
        let tls = TlsStore::start(report).map_err(|error| no_threads(listeners, &error))?;
        let plan = Plan::make(listeners, limits, &mut state, threads, &tls, metrics)?;
        let cores: Result<Vec<_>, _> =
            (0..threads).map(|index| Core::start(index, Arc::clone(factory), Arc::clone(&quota))).collect();
        let cores = cores.map_err(|error| no_threads(listeners, &error))?;
        let started = Self { cores, quota, metrics: metrics.clone(), tls, state: Mutex::new(state) };
        started.carry_out(plan, &mut started.state.lock());
        Ok(started)
    }

    /// Goes over to another configuration, whole or not at all.
    ///
    /// # Errors
    /// As for [`Listeners::start`]; what served before goes on.
    pub fn apply(&self, listeners: &[Listener], limits: &Limits) -> Result<(), Diagnostics> {
        let mut state = self.state.lock();
        let plan = Plan::make(listeners, limits, &mut state, self.cores.len(), &self.tls, &self.metrics)?;
        self.quota.set(limits);
        state.drain_timeout = limits.drain_timeout;
        self.carry_out(plan, &mut state);
        Ok(())
    }

    fn carry_out(&self, mut plan: Plan, state: &mut State) {
        let mut places = Vec::with_capacity(plan.kept.len() + plan.added.len());
        for (place, mut serving) in plan.kept {
            // Connections that were made before judge their requests by the new state too.
            if let (Some(old), Protocol::Https(new)) = (place.endpoint.tls(), &serving.protocol) {
                let mut watched = plan.watched.iter_mut();
                if let Some(watched) = watched.find(|watched| Arc::ptr_eq(&watched.state(), new)) {
                    watched.move_into(&old);
                    serving.protocol = Protocol::Https(old);
                }
            }
            place.endpoint.set(serving);
            places.push(place);
        }
        for (place, sockets) in plan.added {
            for (core, socket) in self.cores.iter().zip(sockets) {
                core.listen(place.id, socket, Arc::clone(&place.endpoint));
            }
            places.push(place);
        }
        for gone in state.places.iter().filter(|old| places.iter().all(|new| new.id != old.id)) {
            for core in &self.cores {
                core.stop(gone.id);
            }
        }
        state.places = places;
        self.tls.watch(plan.watched);
    }

    /// Where the listeners are bound, in the order of the configuration; a redirecting port follows its listener.
    pub fn bound(&self) -> Vec<Bound> {
        self.state.lock().places.iter().map(Place::bound).collect()
    }

    /// Puts plain text into the place of TLS for connections made from now on, so that a load test can tell what TLS
    /// costs: no configuration leads here, and only loopback addresses are changed. `is_http2`: those connections speak
    /// HTTP/2, else HTTP/1. Says whether every listener was changed.
    pub fn go_in_the_clear(&self, is_http2: bool) -> bool {
        let state = self.state.lock();
        state.places.iter().all(|place| place.go_in_the_clear(is_http2))
    }

    /// Open client connections.
    pub fn open(&self) -> usize {
        self.quota.open()
    }

    /// Stops listening, lets requests under way end, and blocks until they have, at most `limits.drain_timeout`.
    pub fn drain(self) -> Drained {
        self.drain_with(&|| false)
    }

    /// The same; what is under way without a connection, as `is_busy` says, then has a few seconds to end.
    pub fn drain_with(mut self, is_busy: &dyn Fn() -> bool) -> Drained {
        let (places, patience) = {
            let mut state = self.state.lock();
            (std::mem::take(&mut state.places), state.drain_timeout)
        };
        for place in places {
            for core in &self.cores {
                core.stop(place.id);
            }
        }
        let deadline = Instant::now() + patience;
        // One look more after the last connection has gone: the queues of the sockets are emptied meanwhile.
        let mut quiet = 0;
        while quiet < 2 && Instant::now() < deadline {
            std::thread::sleep(DRAIN_LOOK);
            quiet = if self.quota.open() == 0 { quiet + 1 } else { 0 };
        }
        let aborted = self.quota.open();
        let deadline = deadline.min(Instant::now() + AFTERWORK);
        while is_busy() && Instant::now() < deadline {
            std::thread::sleep(DRAIN_LOOK);
        }
        self.end();
        Drained { aborted }
    }

    fn end(&mut self) {
        for core in &self.cores {
            core.exit();
        }
        for core in &mut self.cores {
            core.join();
        }
    }
}

impl Drop for Listeners {
    fn drop(&mut self) {
        self.end();
    }
}

fn no_threads(listeners: &[Listener], error: &std::io::Error) -> Diagnostics {
    let location = listeners.first().map_or_else(
        || Location::file(std::path::Path::new("gatehouse.yaml")),
        |first| first.location.clone(),
    );
    let mut diagnostics = Diagnostics::new();
    diagnostics.push(Diagnostic::error(
        "listener-threads",
        location,
        format!("no thread could be started: {error}"),
    ));
    diagnostics
}

#[cfg(test)]
mod tests;
