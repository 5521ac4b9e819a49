//! The load generator: threads with a runtime each, connections that stay open, and tallies that are put together at
//! the end.

mod closed;
mod connection;
mod open;
mod rehearsal;
mod tally;

use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use parking_lot::Mutex;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;

use super::arguments::HttpVersion;
use super::traffic::Call;

pub(super) use self::rehearsal::rehearse;
pub(super) use self::tally::Tally;

/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long one request may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
/// How long what is under way may take to end.
const GRACE: Duration = Duration::from_secs(10);

/// Where requests go.
#[derive(Clone)]
pub(super) struct Target {
    pub(super) address: SocketAddr,
    /// `None`: plain text.
    pub(super) tls: Option<(Arc<ClientConfig>, ServerName<'static>)>,
    pub(super) version: HttpVersion,
    /// The host that URLs name.
    pub(super) authority: String,
}

/// How requests are sent.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load {
    pub(super) connections: usize,
    /// Requests at a time on each connection.
    pub(super) streams: usize,
    /// Requests a second; `None`: each waits for the answer before.
    pub(super) rate: Option<f64>,
    /// What decides the times of an open loop.
    pub(super) seed: u64,
}

/// The load under way.
pub(super) struct Generator {
    threads: Vec<JoinHandle<Result<Tally>>>,
    control: Arc<Control>,
    connections: usize,
}

/// What the threads share.
struct Control {
    phase: AtomicU8,
    connected: AtomicUsize,
    completed: AtomicU64,
    /// Between which times requests count.
    window: Mutex<(Option<Instant>, Option<Instant>)>,
    failure: Mutex<Option<String>>,
}

const WARMING_UP: u8 = 0;
const MEASURING: u8 = 1;
const ENDING: u8 = 2;

/// One thread's share.
struct Worker {
    target: Target,
    /// Indices of the calls in the order in which they are sent, again and again.
    order: Vec<usize>,
    calls: Arc<[Call]>,
    control: Arc<Control>,
}

impl Control {
    fn is_measuring(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == MEASURING
    }

    fn is_ending(&self) -> bool {
        self.phase.load(Ordering::Relaxed) == ENDING
    }

    /// Whether a request that was meant for this time counts.
    fn counts(&self, meant: Instant) -> bool {
        let (begin, end) = *self.window.lock();
        begin.is_some_and(|begin| meant >= begin) && end.is_none_or(|end| meant < end)
    }

    fn fail(&self, why: String) {
        self.failure.lock().get_or_insert(why);
    }
}

impl Generator {
    /// Opens the connections and begins to send.
    pub(super) fn start(target: &Target, calls: &Arc<[Call]>, load: Load) -> Result<Self> {
        let control = Arc::new(Control {
            phase: AtomicU8::new(WARMING_UP),
            connected: AtomicUsize::new(0),
            completed: AtomicU64::new(0),
            window: Mutex::default(),
            failure: Mutex::default(),
        });
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        // The other half is for what is measured.
        let count = (cores / 2).clamp(1, load.connections);
        let mut threads = Vec::with_capacity(count);
        for index in 0..count {
            let share = load.connections / count + usize::from(index < load.connections % count);
            let own = Load {
                connections: share,
                rate: load.rate.map(|rate| rate * share as f64 / load.connections as f64),
                seed: load.seed.wrapping_add(index as u64),
                ..load
            };
            let worker = Worker {
                target: target.clone(),
                order: order(calls),
                calls: Arc::clone(calls),
                control: Arc::clone(&control),
            };
            let thread = std::thread::Builder::new().name(format!("load-{index}"));
            threads
                .push(thread.spawn(move || run(worker, own, index)).context("a thread cannot be started")?);
        }
        let generator = Self { threads, control, connections: load.connections };
        generator.wait_until_connected()?;
        Ok(generator)
    }

    fn wait_until_connected(&self) -> Result<()> {
        let deadline = Instant::now() + CONNECT_TIMEOUT;
        while self.control.connected.load(Ordering::Acquire) < self.connections {
            self.check()?;
            if Instant::now() > deadline {
                bail!("the connections are not made within {} s", CONNECT_TIMEOUT.as_secs());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// An error of the connections, where there is one.
    pub(super) fn check(&self) -> Result<()> {
        match &*self.control.failure.lock() {
            Some(why) => bail!("{why}"),
            None => Ok(()),
        }
    }

    /// From now on requests count.
    pub(super) fn begin(&self) {
        self.control.completed.store(0, Ordering::Relaxed);
        self.control.window.lock().0 = Some(Instant::now());
        self.control.phase.store(MEASURING, Ordering::Release);
    }

    /// No more requests are sent. Gives how many have been answered since the begin, and how long that was.
    pub(super) fn end(&self) -> (u64, Duration) {
        let completed = self.control.completed.load(Ordering::Relaxed);
        let mut window = self.control.window.lock();
        let now = Instant::now();
        window.1 = Some(now);
        self.control.phase.store(ENDING, Ordering::Release);
        (completed, window.0.map_or(Duration::ZERO, |begin| now.duration_since(begin)))
    }

    /// Waits for what is under way, and puts the tallies together.
    pub(super) fn finish(mut self) -> Result<Tally> {
        let mut all = Tally::new()?;
        for thread in self.threads.drain(..) {
            match thread.join() {
                Ok(tally) => all.add(tally?),
                Err(_) => bail!("a thread of the load generator has failed"),
            }
        }
        self.check()?;
        Ok(all)
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        self.control.phase.store(ENDING, Ordering::Release);
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

/// Every call as often as its weight says, spread evenly.
fn order(calls: &[Call]) -> Vec<usize> {
    let most = calls.iter().map(|call| call.weight).max().unwrap_or(1);
    let mut order = Vec::new();
    for turn in 0..most {
        for (index, call) in calls.iter().enumerate() {
            // The turns of a call are those where its share of them passes a whole number.
            let share = |turn: u32| u64::from(turn) * u64::from(call.weight) / u64::from(most);
            if share(turn + 1) > share(turn) {
                order.push(index);
            }
        }
    }
    order
}

fn run(worker: Worker, load: Load, index: usize) -> Result<Tally> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let control = Arc::clone(&worker.control);
    let local = tokio::task::LocalSet::new();
    let outcome = local.block_on(&runtime, async move {
        let worker = Rc::new(worker);
        match load.rate {
            None => closed::run(worker, load, index).await,
            Some(rate) => open::run(worker, load, rate, index).await,
        }
    });
    if let Err(error) = &outcome {
        control.fail(format!("{error:#}"));
    }
    outcome
}

#[cfg(test)]
mod tests;
