//! What the kernel knows about this process, under the names that every Prometheus client uses.

use std::fmt::Error;
use std::fs;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;

/// Reads `/proc/self` at every scrape; where there is none, the measures are left out.
#[derive(Debug)]
pub(super) struct Process;

impl Collector for Process {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        if let Some(seconds) = cpu_seconds() {
            encoder
                .encode_descriptor(
                    "process_cpu",
                    "Time that the process has used the processors for",
                    Some(&Unit::Seconds),
                    MetricType::Counter,
                )?
                .encode_counter::<NoLabelSet, f64, f64>(&seconds, None)?;
        }
        if let Some(bytes) = resident_bytes() {
            encoder
                .encode_descriptor(
                    "process_resident_memory",
                    "Memory that the process has in use",
                    Some(&Unit::Bytes),
                    MetricType::Gauge,
                )?
                .encode_gauge(&bytes)?;
        }
        if let Ok(descriptors) = fs::read_dir("/proc/self/fd") {
            encoder
                .encode_descriptor(
                    "process_open_fds",
                    "File descriptors that the process has open",
                    None,
                    MetricType::Gauge,
                )?
                .encode_gauge(&i64::try_from(descriptors.count()).unwrap_or(i64::MAX))?;
        }
        Ok(())
    }
}

/// Ticks a second of the times in `/proc/self/stat`: 100 on every Linux that is built today (`USER_HZ`).
const TICKS: f64 = 100.0;

fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The name in parentheses may hold anything; user and system time are the 12th and 13th field after it.
    let mut fields = stat.rsplit_once(')')?.1.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some((user + system) as f64 / TICKS)
}

fn resident_bytes() -> Option<i64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: i64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kilobytes * 1024)
}
