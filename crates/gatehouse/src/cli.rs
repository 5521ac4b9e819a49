//! The command line. Exit codes: 0 good, 1 the thing checked is bad, 2 wrong usage.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::verbs;

/// A secured API platform in one binary: runs the policies of Azure API Management anywhere.
#[derive(Debug, Parser)]
#[command(name = "gatehouse", version, propagate_version = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    config: ConfigArgument,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run everything that the configuration names; without a configuration, the quickstart
    #[command(after_help = "Example:\n  gatehouse serve --config /etc/gatehouse/gatehouse.yaml")]
    Serve(verbs::serve::Arguments),
    /// Write a starter landing zone that `serve` runs as it stands
    #[command(
        after_help = "Example:\n  gatehouse init shop --openapi petstore.yaml --backend https://petstore.example"
    )]
    Init(verbs::init::Arguments),
    /// Load everything without serving, and report every error and warning
    #[command(
        after_help = "Example:\n  gatehouse check --config gatehouse.yaml --format sarif > gatehouse.sarif"
    )]
    Check(verbs::check::Arguments),
    /// Write the APIOps files of an API from its definition
    #[command(
        after_help = "Example:\n  gatehouse import openapi petstore.yaml --name petstore --into artifacts"
    )]
    Import(verbs::import::Arguments),
    /// Create, list, rotate, suspend and activate subscription keys without the management API
    #[command(after_help = "Example:\n  gatehouse subscription create partner --scope /products/starter")]
    Subscription(verbs::subscription::Arguments),
    /// List connections to providers of tokens, and consent to one
    #[command(after_help = "Example:\n  gatehouse authorization login github/main")]
    Authorization(verbs::authorization::Arguments),
    /// Test and install web application firewall rules
    #[command(after_help = "Example:\n  gatehouse waf run-tests coreruleset/tests/regression/tests")]
    Waf(verbs::waf::Arguments),
    /// Print the completion script of a shell
    #[command(after_help = "Example:\n  gatehouse completions bash > /etc/bash_completion.d/gatehouse")]
    Completions(verbs::completions::Arguments),
    /// Print the version
    #[command(after_help = "Example:\n  gatehouse version --format json")]
    Version(verbs::version::Arguments),
    /// What of an APIOps folder, or of any folder of policy documents, runs here
    #[command(after_help = "Example:\n  gatehouse coverage apimartifacts --format json")]
    Coverage(verbs::coverage::Arguments),
    /// Run policy unit tests: every *.test.yaml below a folder
    #[command(after_help = "Example:\n  gatehouse test policies --format junit > results.xml")]
    Test(verbs::test::Arguments),
    /// Send one request through the policies, without sockets, and print every decision
    #[command(
        after_help = "Example:\n  gatehouse trace -X POST -H 'Content-Type: application/json' -d @body.json https://api.example/orders\n  gatehouse trace token --api orders\n  gatehouse trace show 0123456789abcdef"
    )]
    Trace(verbs::trace::Arguments),
    /// The load test: what routes and policies cost, on the configuration or on a running gateway
    #[command(
        after_help = "Examples:\n  gatehouse bench --config gatehouse.yaml\n  gatehouse bench --api orders --ablate --format html -o cost.html\n  gatehouse bench --requests requests.yaml --http 2 --rate 2000 --duration 30s\n  gatehouse bench --target https://api.example --key-file key.txt --requests requests.yaml"
    )]
    Bench(Box<verbs::bench::Arguments>),
    /// The gateway that `bench` measures
    #[command(name = "bench-gateway", hide = true, after_help = "Started by:\n  gatehouse bench")]
    BenchGateway,
    /// Manage local users (not yet available)
    User(verbs::unavailable::Arguments),
    /// Manage management tokens (not yet available)
    Token(verbs::unavailable::Arguments),
    /// Write a backup (not yet available)
    Backup(verbs::unavailable::Arguments),
    /// Read a backup back (not yet available)
    Restore(verbs::unavailable::Arguments),
    /// Check the administrative audit log (not yet available)
    Audit(verbs::unavailable::Arguments),
}

/// The configuration file that a verb works with.
#[derive(Args, Clone, Debug)]
pub(crate) struct ConfigArgument {
    /// The configuration file [default: ./gatehouse.yaml]
    #[arg(long, value_name = "FILE", global = true)]
    pub(crate) config: Option<PathBuf>,
}

impl ConfigArgument {
    /// The named file, or the default one.
    pub(crate) fn path(&self) -> PathBuf {
        self.config.clone().unwrap_or_else(|| PathBuf::from("gatehouse.yaml"))
    }
}

/// How a verb prints.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
}

/// How a verb ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All is well.
    Good,
    /// The thing checked is bad.
    Bad,
    /// The command line asks for what cannot be.
    WrongUsage,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Good => Self::SUCCESS,
            Outcome::Bad => Self::from(1),
            Outcome::WrongUsage => Self::from(2),
        }
    }
}

impl Cli {
    /// Runs the verb.
    pub(crate) fn run(self) -> ExitCode {
        match self.verb {
            Verb::Serve(arguments) => verbs::serve::run(&arguments, &self.config),
            Verb::Init(arguments) => verbs::init::run(&arguments),
            Verb::Check(arguments) => verbs::check::run(&arguments, &self.config),
            Verb::Import(arguments) => verbs::import::run(&arguments),
            Verb::Subscription(arguments) => verbs::subscription::run(&arguments, &self.config),
            Verb::Authorization(arguments) => verbs::authorization::run(&arguments, &self.config),
            Verb::Completions(arguments) => verbs::completions::run(&arguments),
            Verb::Version(arguments) => verbs::version::run(&arguments),
            Verb::Coverage(arguments) => verbs::coverage::run(&arguments),
            Verb::Test(arguments) => verbs::test::run(&arguments),
            Verb::Trace(arguments) => verbs::trace::run(&arguments, &self.config),
            Verb::Bench(arguments) => verbs::bench::run(&arguments, &self.config),
            Verb::BenchGateway => verbs::bench::serve_experiment(),
            Verb::Waf(arguments) => verbs::waf::run(&arguments, &self.config),
            Verb::User(_) => verbs::unavailable::run("user"),
            Verb::Token(_) => verbs::unavailable::run("token"),
            Verb::Backup(_) => verbs::unavailable::run("backup"),
            Verb::Restore(_) => verbs::unavailable::run("restore"),
            Verb::Audit(_) => verbs::unavailable::run("audit"),
        }
        .into()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent_and_every_verb_shows_an_example() {
        let command = Cli::command();
        command.clone().debug_assert();
        for verb in command.get_subcommands() {
            let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            let help = verb.get_after_help().map(ToString::to_string).unwrap_or_default();
            assert!(
                about.ends_with("(not yet available)") || help.contains("gatehouse "),
                "{} has no example",
                verb.get_name()
            );
        }
    }
}
