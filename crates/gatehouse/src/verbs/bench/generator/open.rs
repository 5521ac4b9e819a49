//! Open loop: requests come at times of their own, as those of many clients do (a Poisson process), whether or not the
//! answers before have come. Times are counted from when a request was meant to be sent: one that waits because the
//! gateway is slow counts with its waiting, so that no slowness hides itself (coordinated omission).

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Result;
use gatehouse_gateway::pipeline::CoreRandom;
use gatehouse_policy::Random as _;
use tokio::sync::Notify;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::closed::{ended, senders};
use super::connection::Lasting;
use super::{Control, Load, Tally, Worker};

/// Requests that wait for a connection; those beyond are counted as not sent.
const MAX_WAITING: usize = 1_000_000;

/// What the connections of a thread share.
struct Queue {
    meant: RefCell<VecDeque<Instant>>,
    bell: Notify,
    is_over: Cell<bool>,
    turn: Cell<usize>,
}

/// Sends at the rate until the phase ends.
pub(super) async fn run(worker: Rc<Worker>, load: Load, rate: f64, thread: usize) -> Result<Tally> {
    let tally = Rc::new(RefCell::new(Tally::new()?));
    let queue = Rc::new(Queue {
        meant: RefCell::default(),
        bell: Notify::new(),
        is_over: Cell::new(false),
        turn: Cell::new(thread * 31),
    });
    let mut tasks = Vec::new();
    for _ in 0..load.connections {
        for sender in senders(&worker, load.streams).await? {
            let lasting = Lasting::new(Rc::clone(&worker), sender);
            tasks.push(tokio::task::spawn_local(send(
                Rc::clone(&worker),
                lasting,
                Rc::clone(&queue),
                Rc::clone(&tally),
            )));
        }
        worker.control.connected.fetch_add(1, Ordering::AcqRel);
    }
    let (times, mut arrivals) = unbounded_channel();
    let control = Arc::clone(&worker.control);
    std::thread::Builder::new()
        .name("pacer".to_owned())
        .spawn(move || pace(rate, load.seed, &control, &times))?;
    let (filling, counted) = (Rc::clone(&queue), Rc::clone(&tally));
    tasks.push(tokio::task::spawn_local(async move {
        while let Some(meant) = arrivals.recv().await {
            let mut waiting = filling.meant.borrow_mut();
            if waiting.len() >= MAX_WAITING {
                counted.borrow_mut().unsent += 1;
                continue;
            }
            waiting.push_back(meant);
            filling.bell.notify_one();
        }
        filling.is_over.set(true);
        filling.bell.notify_waiters();
        Ok(())
    }));
    let all = async {
        for task in tasks {
            task.await??;
        }
        Ok::<_, anyhow::Error>(())
    };
    ended(&worker, all).await?;
    let mut tally = tally.borrow().clone();
    // What waits still has waited for longer than the gateway had time.
    let left = queue.meant.borrow().iter().filter(|meant| worker.control.counts(**meant)).count();
    tally.unsent += left as u64;
    Ok(tally)
}

/// Says when requests are due. A thread of its own, because the timers of a runtime tick in milliseconds.
fn pace(rate: f64, seed: u64, control: &Control, times: &UnboundedSender<Instant>) {
    let random = CoreRandom::new(seed);
    let mut next = Instant::now();
    while !control.is_ending() {
        // Intervals of a Poisson process are exponential.
        let uniform = (random.next() >> 11) as f64 / (1_u64 << 53) as f64;
        next += Duration::from_secs_f64((-(1.0 - uniform).ln() / rate).min(3600.0));
        loop {
            let now = Instant::now();
            if next <= now {
                break;
            }
            if control.is_ending() {
                return;
            }
            std::thread::sleep((next - now).min(Duration::from_millis(50)));
        }
        if times.send(next).is_err() {
            return;
        }
    }
}

async fn send(
    worker: Rc<Worker>,
    mut lasting: Lasting,
    queue: Rc<Queue>,
    tally: Rc<RefCell<Tally>>,
) -> Result<()> {
    let control = &worker.control;
    loop {
        let rung = queue.bell.notified();
        let due = queue.meant.borrow_mut().pop_front();
        let (meant, was_free) = match due {
            Some(meant) => (meant, false),
            None if queue.is_over.get() => return Ok(()),
            None => {
                rung.await;
                let Some(meant) = queue.meant.borrow_mut().pop_front() else { continue };
                (meant, true)
            }
        };
        let turn = queue.turn.get();
        queue.turn.set(turn + 1);
        let Some(number) = worker.order.get(turn % worker.order.len().max(1)).copied() else { return Ok(()) };
        if was_free && control.counts(meant) {
            tally.borrow_mut().late(meant.elapsed());
        }
        let outcome = lasting.send(number).await?;
        if control.is_measuring() {
            control.completed.fetch_add(u64::from(outcome.is_ok()), Ordering::Relaxed);
        }
        if control.counts(meant) {
            lasting.tell(&mut tally.borrow_mut(), number, &outcome, meant.elapsed());
        }
    }
}
