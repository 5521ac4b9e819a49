//! Closed loop: each connection waits for its answer before it sends the next request. It tells how much a gateway can
//! do; the times are those of a gateway at its limit.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::time::Instant;

use anyhow::Result;

use super::connection::{Lasting, Sender};
use super::{GRACE, Load, Tally, Worker};

/// Sends until the phase ends.
pub(super) async fn run(worker: Rc<Worker>, load: Load, thread: usize) -> Result<Tally> {
    let tally = Rc::new(RefCell::new(Tally::new()?));
    let mut tasks = Vec::new();
    for connection in 0..load.connections {
        for (stream, sender) in senders(&worker, load.streams).await?.into_iter().enumerate() {
            let lasting = Lasting::new(Rc::clone(&worker), sender);
            // Connections are at different requests at the same time.
            let first = thread * 31 + connection * 7 + stream;
            tasks.push(tokio::task::spawn_local(send(Rc::clone(&worker), lasting, first, Rc::clone(&tally))));
        }
        worker.control.connected.fetch_add(1, Ordering::AcqRel);
    }
    let all = async {
        for task in tasks {
            task.await??;
        }
        Ok::<_, anyhow::Error>(())
    };
    ended(&worker, all).await?;
    let tally = tally.borrow().clone();
    Ok(tally)
}

/// A connection's senders: several where requests share it.
pub(super) async fn senders(worker: &Worker, streams: usize) -> Result<Vec<Sender>> {
    let first = Sender::connect(&worker.target).await?;
    let mut senders = Vec::with_capacity(streams);
    while senders.len() + 1 < streams {
        let Some(other) = first.share() else { break };
        senders.push(other);
    }
    senders.push(first);
    Ok(senders)
}

/// Waits for the tasks; when the phase has ended, they have a little more time.
pub(super) async fn ended(worker: &Worker, tasks: impl Future<Output = Result<()>>) -> Result<()> {
    tokio::pin!(tasks);
    loop {
        tokio::select! {
            outcome = &mut tasks => return outcome,
            () = tokio::time::sleep(std::time::Duration::from_millis(20)), if !worker.control.is_ending() => {}
            () = tokio::time::sleep(GRACE), if worker.control.is_ending() => return Ok(()),
        }
    }
}

async fn send(
    worker: Rc<Worker>,
    mut lasting: Lasting,
    first: usize,
    tally: Rc<RefCell<Tally>>,
) -> Result<()> {
    let control = &worker.control;
    for turn in first.. {
        if control.is_ending() {
            break;
        }
        let Some(number) = worker.order.get(turn % worker.order.len().max(1)).copied() else { break };
        let begun = Instant::now();
        let outcome = lasting.send(number).await?;
        if control.is_measuring() {
            control.completed.fetch_add(u64::from(outcome.is_ok()), Ordering::Relaxed);
            lasting.tell(&mut tally.borrow_mut(), number, &outcome, begun.elapsed());
        }
    }
    Ok(())
}
