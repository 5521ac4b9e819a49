//! `gatehouse waf`.

mod exclusions;
mod install;
mod run_tests;

use clap::{Args, Subcommand};

use crate::cli::{ConfigArgument, Outcome};

/// The arguments of `waf`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run CRS regression tests (the go-ftw YAML format) against the configured rules
    #[command(
        after_help = "Example:\n  gatehouse waf run-tests coreruleset/tests/regression/tests --overrides overrides.yaml"
    )]
    RunTests(run_tests::Arguments),
    /// Propose the narrowest exclusions for what the firewall's audit log has
    #[command(
        after_help = "Example:\n  gatehouse waf exclusions --tests coreruleset/tests/regression/tests > rules/exclusions.conf"
    )]
    Exclusions(exclusions::Arguments),
    /// Install the OWASP CRS beside the configuration
    #[command(
        after_help = "Example:\n  gatehouse waf install-rules --from coreruleset-4.28.0-minimal.tar.gz"
    )]
    InstallRules(install::Arguments),
}

/// Runs the verb.
pub(crate) fn run(arguments: &Arguments, config: &ConfigArgument) -> Outcome {
    match &arguments.verb {
        Verb::RunTests(arguments) => run_tests::run(arguments, config),
        Verb::Exclusions(arguments) => exclusions::run(arguments, config),
        Verb::InstallRules(arguments) => install::run(arguments, config),
    }
}
