//! Verbs that are named but not built yet: refused, never accepted and ignored.

use clap::Args;

use crate::cli::Outcome;

/// Anything: it is refused all the same.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, hide = true)]
    rest: Vec<String>,
}

/// Says that the verb is not there yet.
pub(crate) fn run(verb: &str) -> Outcome {
    eprintln!("error: `gatehouse {verb}` is not yet available in version {}", env!("CARGO_PKG_VERSION"));
    Outcome::WrongUsage
}
