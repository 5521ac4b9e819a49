//! The definitions of APIs, read on all cores.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::document::{MAX_DEFINITION, read_text};
use crate::Diagnostics;
use crate::definition::{self, Definition};

/// The most threads that read at the same time.
const MAX_THREADS: usize = 16;

/// What reading a definition gave: what it says, and what is wrong with it.
pub(super) type Outcome = (Option<Definition>, Diagnostics);

/// Reads all files; the outcomes are in the order of the files.
pub(super) fn read(files: &[Option<Arc<Path>>]) -> Vec<Option<Outcome>> {
    let count = files.iter().flatten().count();
    let threads =
        std::thread::available_parallelism().map_or(1, usize::from).min(count.div_ceil(4)).min(MAX_THREADS);
    if threads <= 1 {
        return files.iter().map(|file| file.as_ref().map(read_one)).collect();
    }
    let next = AtomicUsize::new(0);
    let work = || {
        let mut done = Vec::new();
        loop {
            let at = next.fetch_add(1, Ordering::Relaxed);
            let Some(file) = files.get(at) else { return done };
            if let Some(file) = file {
                done.push((at, read_one(file)));
            }
        }
    };
    let mut outcomes: Vec<Option<Outcome>> = Vec::new();
    outcomes.resize_with(files.len(), || None);
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(done) => {
                    for (at, outcome) in done {
                        if let Some(slot) = outcomes.get_mut(at) {
                            *slot = Some(outcome);
                        }
                    }
                }
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    outcomes
}

fn read_one(file: &Arc<Path>) -> Outcome {
    match read_text(file, MAX_DEFINITION) {
        Ok(text) => definition::read(file, &text),
        Err(diagnostic) => {
            let mut diagnostics = Diagnostics::new();
            diagnostics.push(diagnostic);
            (None, diagnostics)
        }
    }
}
