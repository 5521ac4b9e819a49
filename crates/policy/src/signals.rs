//! What policies tell the world about a request, without waiting for anybody to hear it.

use std::sync::Arc;

use crate::Exchange;

/// Takes what policies tell. Nothing here waits: what does not fit is dropped and counted.
pub trait Signals {
    /// A line of `trace`.
    fn trace(&self, exchange: &Exchange, line: &TraceLine<'_>);
    /// A value of `emit-metric` and its kin.
    fn measure(&self, measure: &Measure<'_>);
    /// An event of `log-to-eventhub`.
    fn event(&self, exchange: &Exchange, event: LoggedEvent);
}

/// A line of `trace`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceLine<'l> {
    /// Who says it.
    pub source: &'l str,
    /// How much it matters.
    pub severity: TraceSeverity,
    /// What is said.
    pub message: &'l str,
    /// Properties.
    pub metadata: &'l [(Arc<str>, Arc<str>)],
}

/// How much a line of `trace` matters, the least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TraceSeverity {
    /// `verbose`.
    Verbose,
    /// `information`.
    Information,
    /// `error`.
    Error,
}

/// An event for a logger.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedEvent {
    /// The logger's resource name, in a workspace `workspace/name`.
    pub logger: Arc<str>,
    /// What is logged.
    pub message: Arc<str>,
    /// Where among the partitions it goes.
    pub partition: Option<Partition>,
}

/// A partition of an event hub.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Partition {
    /// The one of this number.
    Id(u32),
    /// One for all events with this key.
    Key(Arc<str>),
}

/// A value of a metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measure<'m> {
    /// The metric's name, made of letters, digits and `_`.
    pub name: &'m str,
    /// Its dimensions: names are made of letters, digits and `_`.
    pub dimensions: &'m [(Arc<str>, Arc<str>)],
    /// The value.
    pub value: f64,
}
