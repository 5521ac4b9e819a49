//! The parts of a request's way, each as a case that can be run again and again: under criterion for time, under
//! valgrind for instructions.

#![forbid(unsafe_code)]

mod cases;
mod landing_zone;
mod plan;

use std::fmt;

pub use cases::waf;

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

/// Writes the bodies of the validation cases into a folder, for others to judge.
pub fn write_bodies(folder: &std::path::Path) -> std::io::Result<()> {
    cases::validation::bodies()
        .into_iter()
        .try_for_each(|(name, body)| std::fs::write(folder.join(name), body))
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
        cases::validation::cases(),
        waf::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}
