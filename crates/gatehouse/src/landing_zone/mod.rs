//! A starter landing zone: what `init` writes and the quickstart serves.

mod certificates;
mod files;
mod sample_backend;

pub(crate) use self::certificates::ensure_certificates;
pub(crate) use self::files::{API, Starter, write};
pub(crate) use self::sample_backend::SampleBackend;
