//! The regression tests of the OWASP CRS, in the YAML of go-ftw: files into stages, stages into requests, and a runner that needs no
//! socket.

mod losses;
mod message;
mod overrides;
mod run;
mod suite;
mod yaml;

pub use self::losses::{Attack, Losses, Place, attacks, losses};
pub use self::message::Message;
pub use self::overrides::Overrides;
pub use self::run::{Case, log_lines, run_case, run_declared_case};
pub use self::suite::{Expectation, Stage, SuiteError, Test, load};
