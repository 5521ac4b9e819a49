//! `gatehouse version`.

use clap::Args;
use serde_json::json;

use crate::cli::{Format, Outcome};

/// The arguments of `version`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Prints the version.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let version = env!("CARGO_PKG_VERSION");
    match arguments.format {
        Format::Text => println!("gatehouse {version}"),
        Format::Json => println!("{}", json!({ "name": "gatehouse", "version": version })),
    }
    Outcome::Good
}
