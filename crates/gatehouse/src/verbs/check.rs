//! `gatehouse check`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use gatehouse_model::Severity;

use crate::cli::{ConfigArgument, Outcome};
use crate::load;
use crate::output::{FindingsFormat, render};

/// The arguments of `check`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: FindingsFormat,
    /// Exit 1 for findings of this severity or worse; errors always do
    #[arg(long, value_enum)]
    fail_on: Option<FailOn>,
    /// Security profile (not yet available)
    #[arg(long, hide = true)]
    profile: Option<String>,
    /// File of waivers (not yet available)
    #[arg(long, hide = true, value_name = "FILE")]
    waivers: Option<PathBuf>,
}

/// The mildest finding that makes the check fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    Low,
    Medium,
    High,
    Critical,
}

/// Loads everything and prints what is wrong.
pub(crate) fn run(arguments: &Arguments, config: &ConfigArgument) -> Outcome {
    for (flag, is_given) in
        [("--profile", arguments.profile.is_some()), ("--waivers", arguments.waivers.is_some())]
    {
        if is_given {
            eprintln!(
                "error: `check {flag}` is not yet available: the security report is not part of this version"
            );
            return Outcome::WrongUsage;
        }
    }
    let findings = load::check(&config.path());
    print!("{}", render(&findings, arguments.format));
    let worst = match arguments.fail_on {
        None => Severity::Error,
        Some(FailOn::Critical) => Severity::Critical,
        Some(FailOn::High) => Severity::High,
        Some(FailOn::Medium) => Severity::Medium,
        Some(FailOn::Low) => Severity::Low,
    };
    if findings.iter().any(|finding| finding.severity <= worst) { Outcome::Bad } else { Outcome::Good }
}
