//! Metrics that policies make, within a bound on their series.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;

/// Names and values of a series.
type Labels = Vec<(Arc<str>, Arc<str>)>;

/// The longest value of a label, in bytes; longer ones are cut.
const LONGEST_VALUE: usize = 256;

/// The metrics of policies.
#[derive(Debug)]
pub(super) struct Custom {
    families: Mutex<BTreeMap<Arc<str>, HashMap<Labels, Sum>>>,
    series: AtomicUsize,
    most: AtomicUsize,
    dropped: AtomicU64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    sum: f64,
    count: u64,
}

impl Custom {
    pub(super) fn new() -> Self {
        Self {
            families: Mutex::default(),
            series: AtomicUsize::new(0),
            most: AtomicUsize::new(1000),
            dropped: AtomicU64::new(0),
        }
    }

    pub(super) fn bound(&self, most: usize) {
        self.most.store(most, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Adds a value. A series beyond the bound is not begun.
    pub(super) fn add(&self, name: &str, labels: &[(Arc<str>, Arc<str>)], value: f64) {
        let labels: Labels = labels.iter().map(|(name, value)| (Arc::clone(name), cut(value))).collect();
        let mut families = self.families.lock();
        if let Some(sum) = families.get_mut(name).and_then(|family| family.get_mut(&labels)) {
            sum.add(value);
            return;
        }
        if self.series.load(Ordering::Relaxed) >= self.most.load(Ordering::Relaxed) {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        self.series.fetch_add(1, Ordering::Relaxed);
        families.entry(name.into()).or_default().entry(labels).or_default().add(value);
    }
}

impl Sum {
    fn add(&mut self, value: f64) {
        self.sum += value;
        self.count += 1;
    }
}

fn cut(value: &Arc<str>) -> Arc<str> {
    if value.len() <= LONGEST_VALUE {
        return Arc::clone(value);
    }
    let end = (0..=LONGEST_VALUE).rev().find(|end| value.is_char_boundary(*end)).unwrap_or(0);
    value[..end].into()
}

/// Encodes them in a registry of their own.
#[derive(Debug)]
pub(super) struct CustomCollector(pub(super) Arc<Custom>);

impl Collector for CustomCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), Error> {
        // Copied, so that no request waits for a slow scraper.
        let families: Vec<(Arc<str>, Vec<(Labels, Sum)>)> = self
            .0
            .families
            .lock()
            .iter()
            .map(|(name, series)| {
                let mut series: Vec<_> = series.iter().map(|(labels, sum)| (labels.clone(), *sum)).collect();
                series.sort_by(|(a, _), (b, _)| a.cmp(b));
                (Arc::clone(name), series)
            })
            .collect();
        for (name, series) in families {
            let help = "Values that a policy has emitted";
            let mut family = encoder.encode_descriptor(&name, help, None, MetricType::Histogram)?;
            for (labels, sum) in series {
                let labels: Vec<(&str, &str)> =
                    labels.iter().map(|(name, value)| (&**name, &**value)).collect();
                family.encode_family(&labels)?.encode_histogram::<NoLabelSet>(
                    sum.sum,
                    sum.count,
                    &[(f64::MAX, sum.count)],
                    None,
                )?;
            }
        }
        Ok(())
    }
}
