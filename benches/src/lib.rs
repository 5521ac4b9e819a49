//! The parts of a request's way, each as a case that can be run again and again: under criterion for time, under
//! valgrind for instructions.

#![forbid(unsafe_code)]

mod cases;
mod landing_zone;
mod plan;

use std::fmt;

/// One thing to measure.
pub struct Case {
    /// What is measured, as `group/variant`.
    pub name: String,
    /// Prepares it; what comes back does it once.
    pub prepare: Box<dyn Fn() -> Run>,
}

/// Does a case once.
pub type Run = Box<dyn FnMut()>;

impl Case {
    fn new(name: impl Into<String>, prepare: impl Fn() -> Run + 'static) -> Self {
        Self { name: name.into(), prepare: Box::new(prepare) }
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Case").field(&self.name).finish()
    }
}

/// All cases.
pub fn cases() -> Vec<Case> {
    [
        cases::router::cases(),
        cases::pipeline::cases(),
        cases::policies::cases(),
        cases::keys::cases(),
        cases::access_log::cases(),
        cases::tokens::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
