//! The cases, by the part that they measure.

pub(crate) mod access_log;
pub(crate) mod keys;
pub(crate) mod pipeline;
pub(crate) mod policies;
pub(crate) mod router;
pub(crate) mod tokens;
pub(crate) mod validation;
pub mod waf;
