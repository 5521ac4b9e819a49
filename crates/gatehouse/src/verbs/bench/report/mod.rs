//! The result: rows of one table, in four formats.

mod html;
mod json;
mod markdown;
mod plot;
mod text;

use std::collections::BTreeMap;

use super::arguments::Format;
use super::measure::{Measured, Sample, Variant};
use super::statistics::{Estimate, coverage};

/// What a row stands for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Subject {
    /// Everything as it is configured.
    Whole,
    /// One route by itself.
    Route,
    /// Without a policy.
    Policy { scope: String, section: String, file: String, line: u32, column: u32 },
    /// Without the firewall, TLS or the logs.
    Part,
}

/// A row.
#[derive(Clone, Debug)]
pub(super) struct Row {
    /// What it is called: a policy, a part, a route.
    pub(super) name: String,
    pub(super) subject: Subject,
    pub(super) samples: Vec<Option<Sample>>,
    pub(super) requests: u64,
    pub(super) unsent: u64,
    pub(super) statuses: BTreeMap<u16, u64>,
    pub(super) failure: Option<String>,
    pub(super) figures: Option<Figures>,
    /// What it costs: everything as configured, less everything without it. `None` for what is not taken out.
    pub(super) cost: Option<Figures>,
    /// How late one request in a hundred of an open loop was sent, in microseconds.
    pub(super) late_us: Option<f64>,
    /// Times at percentiles, in microseconds.
    pub(super) percentiles: Vec<(f64, f64)>,
}

/// The figures of a row, or differences of them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Figures {
    pub(super) requests_per_second: Estimate,
    pub(super) p50_us: Estimate,
    pub(super) p90_us: Estimate,
    pub(super) p99_us: Estimate,
    pub(super) cpu_us: Option<Estimate>,
    pub(super) allocations: Option<Estimate>,
    pub(super) allocated_bytes: Option<Estimate>,
    pub(super) memory_bytes: Option<Estimate>,
}

/// The whole result.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) rows: Vec<Row>,
    pub(super) is_ablation: bool,
    /// How it was measured, a line each.
    pub(super) conditions: Vec<String>,
    /// What is to be known about it.
    pub(super) notes: Vec<String>,
    /// The probability with which an interval covers the truth.
    pub(super) coverage: f64,
}

/// Percentiles of the curve of times.
const CURVE: [f64; 12] = [1.0, 10.0, 25.0, 50.0, 75.0, 90.0, 95.0, 99.0, 99.5, 99.9, 99.95, 99.99];

impl Row {
    /// A row for each variant, in their order.
    pub(super) fn all(variants: &[Variant], subjects: Vec<Subject>, measured: Vec<Measured>) -> Vec<Self> {
        variants
            .iter()
            .zip(subjects)
            .zip(measured)
            .map(|((variant, subject), measured)| Self::new(variant.name.clone(), subject, measured))
            .collect()
    }

    pub(super) fn new(name: String, subject: Subject, measured: Measured) -> Self {
        let all: Vec<Sample> = measured.samples.iter().flatten().copied().collect();
        let times = &measured.tally.times;
        let curve = if times.is_empty() { &[][..] } else { &CURVE[..] };
        Self {
            name,
            subject,
            requests: times.len(),
            late_us: measured.tally.late_us(),
            unsent: measured.tally.unsent,
            percentiles: curve.iter().map(|at| (*at, measured.tally.percentile(*at))).collect(),
            statuses: measured.tally.statuses,
            failure: measured.failure,
            figures: Figures::of(&all),
            cost: None,
            samples: measured.samples,
        }
    }

    /// Takes the difference to the row of everything, round by round.
    pub(super) fn compare(&mut self, whole: &[Option<Sample>]) {
        let differences: Vec<Sample> = whole
            .iter()
            .zip(&self.samples)
            .filter_map(|(whole, own)| Some(whole.as_ref()?.less(own.as_ref()?)))
            .collect();
        self.cost = Figures::of(&differences);
    }

    /// The cost by which rows are ordered, in microseconds of CPU.
    pub(super) fn order(&self) -> f64 {
        let cost = self.cost.and_then(|cost| cost.cpu_us);
        cost.map_or(f64::NEG_INFINITY, |cost| cost.value)
    }

    /// Where a policy stands: `FILE:LINE`.
    fn place(&self) -> Option<String> {
        match &self.subject {
            Subject::Policy { file, line, .. } => Some(format!("{file}:{line}")),
            _ => None,
        }
    }
}

impl Sample {
    fn less(&self, other: &Self) -> Self {
        let less = |a: Option<f64>, b: Option<f64>| Some(a? - b?);
        Self {
            // Taking something out that costs something gives more requests a second: the cost is the other way round.
            requests_per_second: other.requests_per_second - self.requests_per_second,
            p50_us: self.p50_us - other.p50_us,
            p90_us: self.p90_us - other.p90_us,
            p99_us: self.p99_us - other.p99_us,
            cpu_us: less(self.cpu_us, other.cpu_us),
            allocations: less(self.allocations, other.allocations),
            allocated_bytes: less(self.allocated_bytes, other.allocated_bytes),
            memory_bytes: less(self.memory_bytes, other.memory_bytes),
        }
    }
}

impl Figures {
    fn of(samples: &[Sample]) -> Option<Self> {
        let all = |value: fn(&Sample) -> f64| Estimate::of(&samples.iter().map(value).collect::<Vec<_>>());
        let some = |value: fn(&Sample) -> Option<f64>| {
            let values: Option<Vec<f64>> = samples.iter().map(value).collect();
            values.and_then(|values| Estimate::of(&values))
        };
        Some(Self {
            requests_per_second: all(|sample| sample.requests_per_second)?,
            p50_us: all(|sample| sample.p50_us)?,
            p90_us: all(|sample| sample.p90_us)?,
            p99_us: all(|sample| sample.p99_us)?,
            cpu_us: some(|sample| sample.cpu_us),
            allocations: some(|sample| sample.allocations),
            allocated_bytes: some(|sample| sample.allocated_bytes),
            memory_bytes: some(|sample| sample.memory_bytes),
        })
    }
}

impl Report {
    /// Puts the rows together: for an ablation the first is everything, and the others follow by what they cost.
    pub(super) fn new(
        mut rows: Vec<Row>,
        is_ablation: bool,
        conditions: Vec<String>,
        notes: Vec<String>,
    ) -> Self {
        if is_ablation && let Some((whole, others)) = rows.split_first_mut() {
            for row in others.iter_mut() {
                row.compare(&whole.samples);
            }
            others.sort_by(|a, b| b.order().total_cmp(&a.order()));
        }
        let rounds = rows.first().map_or(0, |row| row.samples.iter().flatten().count());
        Self { rows, is_ablation, conditions, notes, coverage: coverage(rounds) }
    }

    /// The report in a format, with a line break at the end.
    pub(super) fn render(&self, format: Format) -> String {
        match format {
            Format::Text => text::render(self),
            Format::Json => json::render(self),
            Format::Markdown => markdown::render(self),
            Format::Html => html::render(self),
        }
    }

    /// `95 %`.
    fn interval(&self) -> String {
        format!("{:.0} %", self.coverage * 100.0)
    }
}

/// A value with as many digits as it deserves.
fn short(value: f64) -> String {
    let size = value.abs();
    if size >= 100.0 || value == 0.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

/// `5.2 (4.9..5.4)`.
fn with_interval(estimate: Option<Estimate>) -> String {
    estimate.map_or_else(
        || "—".to_owned(),
        |one| format!("{} ({}..{})", short(one.value), short(one.low), short(one.high)),
    )
}

#[cfg(test)]
mod tests;
