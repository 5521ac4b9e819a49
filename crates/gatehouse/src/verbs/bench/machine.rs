//! CPU time, memory and allocations of a process.

use std::fs;

use alloc_tracker::{Operation, ProcessSpan, Session};
use anyhow::{Context as _, Result};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// What a process has used since it began.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub(super) struct Reading {
    /// CPU time of all threads, in nanoseconds.
    pub(super) cpu_nanos: u64,
    /// Resident memory, in bytes.
    pub(super) memory_bytes: u64,
    /// Allocations and their bytes; `None` where they cannot be counted.
    pub(super) allocations: Option<(u64, u64)>,
}

/// Reads the counters of the own process.
#[derive(Debug)]
pub(super) struct OwnCounters {
    session: Session,
    operation: Operation,
    span: Option<ProcessSpan>,
}

impl OwnCounters {
    pub(super) fn new() -> Self {
        let session = Session::new().no_stdout().no_file();
        let operation = session.operation("process");
        let span = Some(operation.measure_process());
        Self { session, operation, span }
    }

    pub(super) fn read(&mut self) -> Reading {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        let cpu_nanos = time.tv_sec.unsigned_abs() * 1_000_000_000 + time.tv_nsec.unsigned_abs();
        // A span tells what it has counted when it ends.
        if let Some(span) = self.span.take() {
            drop(span.iterations(1));
        }
        self.span = Some(self.operation.measure_process());
        let report = self.session.to_report();
        let counted = report
            .operations()
            .next()
            .map(|(_, all)| (all.total_allocations_count(), all.total_bytes_allocated()));
        Reading { cpu_nanos, memory_bytes: resident("self").unwrap_or(0), allocations: counted }
    }
}

impl Drop for OwnCounters {
    fn drop(&mut self) {
        // A span must be told its iterations before it ends.
        if let Some(span) = self.span.take() {
            drop(span.iterations(1));
        }
    }
}

/// Reads the counters of another process of this machine, as far as Linux shows them.
pub(super) fn read_process(pid: u32) -> Result<Reading> {
    let name = pid.to_string();
    let tasks = format!("/proc/{pid}/task");
    let folder =
        fs::read_dir(&tasks).with_context(|| format!("the process {pid} cannot be looked at ({tasks})"))?;
    let mut cpu_nanos = 0;
    for task in folder.flatten() {
        // Nanoseconds on a processor come first (Documentation/scheduler/sched-stats.rst); a thread may have just ended.
        let line = fs::read_to_string(task.path().join("schedstat")).unwrap_or_default();
        cpu_nanos += line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0);
    }
    let memory_bytes = resident(&name).with_context(|| format!("the process {pid} has no memory to read"))?;
    Ok(Reading { cpu_nanos, memory_bytes, allocations: None })
}

fn resident(process: &str) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kibibytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_and_allocations_are_seen() {
        let mut counters = OwnCounters::new();
        let before = counters.read();
        let kept: Vec<String> = (0..1000).map(|number: u32| number.to_string()).collect();
        let after = counters.read();
        assert_eq!(kept.len(), 1000);
        assert!(after.cpu_nanos > before.cpu_nanos);
        let (before, after) = (before.allocations.unwrap(), after.allocations.unwrap());
        assert!(after.0 >= before.0 + 1000, "{before:?} {after:?}");
        assert!(after.1 > before.1);
        let seen = read_process(std::process::id()).unwrap();
        assert!(seen.memory_bytes > 1 << 20 && seen.cpu_nanos > 0);
    }
}
