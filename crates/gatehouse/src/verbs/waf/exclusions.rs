//! `gatehouse waf exclusions`: from the audit log to exclusions, each for one rule, one parameter and one operation, with the requests
//! that justify it and what it would cost.

mod proposals;
mod seclang;

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use gatehouse_gateway::firewall;
use gatehouse_model::Diagnostics;
use gatehouse_model::configuration::Configuration;
use gatehouse_model::resources::Catalog;
use gatehouse_waf::RuleSource;
use gatehouse_waf::regression::{Losses, Place, Test, attacks, load, losses};
use serde::Serialize;

use self::proposals::{Proposal, Proposals};
use crate::cli::{ConfigArgument, Format, Outcome};
use crate::load::{read_artifacts, read_configuration};

/// The largest audit log that is read.
const MAX_LOG: u64 = 1 << 30;
/// The most proposals; more than these nobody reads.
const MAX_PROPOSALS: usize = 200;

/// The arguments of `waf exclusions`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// The audit log [default: `waf.audit_log` of the configuration]
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// Folders with CRS regression tests: which of their attacks each exclusion would let through
    #[arg(long, value_name = "DIR")]
    tests: Vec<PathBuf>,
    /// The fewest requests that justify an exclusion
    #[arg(long, value_name = "N", default_value_t = 1)]
    requests: usize,
    /// The id of the first exclusion
    #[arg(long, value_name = "ID", default_value_t = 7_100_000)]
    first_id: u64,
    /// How to print: rules, or JSON
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Report {
    proposals: Vec<Row>,
    /// Matches for which nothing can be proposed, and why.
    left_out: Vec<LeftOut>,
}

#[derive(Serialize)]
struct Row {
    id: u64,
    rule: u64,
    api: String,
    operation: String,
    variable: String,
    message: String,
    requests: usize,
    clients: usize,
    examples: Vec<proposals::Example>,
    /// Attacks of the suite that the rule finds in this place, and those that nothing would find any more.
    #[serde(skip_serializing_if = "Option::is_none")]
    attacks: Option<Attacks>,
    seclang: String,
}

#[derive(Serialize)]
struct Attacks {
    tried: usize,
    lost: Vec<String>,
}

#[derive(Serialize)]
struct LeftOut {
    rule: u64,
    variable: String,
    requests: usize,
    reason: String,
}

/// Prints the proposals. They go nowhere by themselves: whether the requests were attacks is for the reader to say.
pub(crate) fn run(arguments: &Arguments, config: &ConfigArgument) -> Outcome {
    match report(arguments, config) {
        Ok(report) => {
            match arguments.format {
                Format::Json => match serde_json::to_string(&report) {
                    Ok(text) => println!("{text}"),
                    Err(error) => eprintln!("error: {error}"),
                },
                Format::Text => print!("{}", seclang::file(&report)),
            }
            Outcome::Good
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            Outcome::Bad
        }
    }
}

fn report(arguments: &Arguments, config: &ConfigArgument) -> Result<Report> {
    let (configuration, mut findings) = read_configuration(&config.path());
    let Some(configuration) = configuration.filter(|_| !findings.has_errors()) else {
        bail!("the configuration has errors\n{findings}");
    };
    let (catalog, found) = read_artifacts(&configuration);
    findings.extend(found);
    if findings.has_errors() {
        bail!("the artifacts have errors\n{findings}");
    }
    let log = match (&arguments.log, &configuration.waf.audit_log) {
        (Some(log), _) => log.clone(),
        (None, Some(log)) => log.value.clone(),
        (None, None) => bail!("there is no audit log: set `waf.audit_log`, or name one with --log FILE"),
    };
    let size = std::fs::metadata(&log).with_context(|| log.display().to_string())?.len();
    if size > MAX_LOG {
        bail!("{} has more than {} MiB; give a part of it with --log", log.display(), MAX_LOG >> 20);
    }
    let mut proposals = Proposals::default();
    proposals.read(&std::fs::read(&log).with_context(|| log.display().to_string())?, &log)?;
    let mut tests = Vec::new();
    for folder in &arguments.tests {
        tests.extend(load(folder)?);
    }
    rows(arguments, &configuration, &catalog, &tests, proposals)
}

fn rows(
    arguments: &Arguments,
    configuration: &Configuration,
    catalog: &Catalog,
    tests: &[Test],
    proposals: Proposals,
) -> Result<Report> {
    let mut report = Report { proposals: Vec::new(), left_out: Vec::new() };
    let mut id = arguments.first_id;
    for proposal in proposals.into_sorted() {
        if proposal.requests() < arguments.requests || report.proposals.len() >= MAX_PROPOSALS {
            continue;
        }
        let rule = match seclang::exclusion(&proposal, catalog, id) {
            Ok(rule) => rule,
            Err(reason) => {
                report.left_out.push(LeftOut {
                    rule: proposal.rule,
                    variable: proposal.variable.clone(),
                    requests: proposal.requests(),
                    reason,
                });
                continue;
            }
        };
        let attacks = match tests {
            [] => None,
            tests => Some(cost(configuration, tests, &proposal, &rule)?),
        };
        report.proposals.push(Row {
            id,
            rule: proposal.rule,
            api: proposal.api.clone(),
            operation: proposal.operation.clone(),
            variable: proposal.variable.clone(),
            message: proposal.message.clone(),
            requests: proposal.requests(),
            clients: proposal.clients(),
            examples: proposal.examples,
            attacks,
            seclang: rule,
        });
        id += 1;
    }
    Ok(report)
}

/// Sends the attacks of the tests on the rule to the parameter, with and without the exclusion.
fn cost(
    configuration: &Configuration,
    tests: &[Test],
    proposal: &Proposal,
    exclusion: &str,
) -> Result<Attacks> {
    let mut findings = Diagnostics::new();
    let source = RuleSource::Text {
        name: "exclusion".to_owned(),
        text: exclusion.to_owned(),
        folder: PathBuf::from("."),
    };
    let before = firewall::rules(configuration, &mut findings);
    let after = firewall::rules_with(configuration, vec![source], &mut findings);
    let (Some(before), Some(after)) = (before, after) else {
        bail!("the rules do not compile\n{findings}");
    };
    let (variable, name) = proposal.variable.split_once(':').unwrap_or((&proposal.variable, ""));
    let place = Place {
        method: proposal.method.clone(),
        path: proposal.path.clone(),
        variable: variable.to_owned(),
        name: name.replace("array_*", "array_0"),
    };
    let attacks = attacks(&before, tests, proposal.rule);
    let Losses { tried, lost } = losses(&before, &after, &attacks, proposal.rule, &place);
    Ok(Attacks { tried, lost: lost.iter().map(|(rule, number)| format!("{rule}-{number}")).collect() })
}
