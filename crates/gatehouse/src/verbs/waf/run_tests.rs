//! `gatehouse waf run-tests`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use gatehouse_gateway::firewall;
use gatehouse_waf::RuleSet;
use gatehouse_waf::regression::{Case, Overrides, Stage, Test, load, run_case};
use serde::Serialize;

use crate::cli::{ConfigArgument, Format, Outcome};
use crate::load::read_configuration;

/// The arguments of `waf run-tests`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Folders with test files, or test files
    #[arg(required = true, value_name = "DIR")]
    folders: Vec<PathBuf>,
    /// A file with the tests that are left out, each with its reason
    #[arg(long, value_name = "FILE")]
    overrides: Option<PathBuf>,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Serialize)]
struct Report {
    passed: usize,
    failed: usize,
    cases: Vec<CaseReport>,
}

#[derive(Serialize)]
struct CaseReport {
    rule: u64,
    test: u64,
    stage: usize,
    passed: bool,
    expected: Expected,
    got: Vec<u64>,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
}

#[derive(Serialize)]
struct Expected {
    ids: Vec<u64>,
    no_ids: Vec<u64>,
}

/// Runs the tests in detection, without sockets.
pub(crate) fn run(arguments: &Arguments, config: &ConfigArgument) -> Outcome {
    let (configuration, mut findings) = read_configuration(&config.path());
    let rules =
        configuration.as_ref().and_then(|configuration| firewall::rules(configuration, &mut findings));
    let Some(rules) = rules.filter(|_| !findings.has_errors()) else {
        eprint!("{findings}");
        return Outcome::Bad;
    };
    let overrides = match &arguments.overrides {
        None => Overrides::default(),
        Some(file) => match std::fs::read_to_string(file)
            .map_err(|error| error.to_string())
            .and_then(|text| Overrides::parse(&text))
        {
            Ok(overrides) => overrides,
            Err(error) => {
                eprintln!("error: {}: {error}", file.display());
                return Outcome::Bad;
            }
        },
    };
    let mut tests = Vec::new();
    for folder in &arguments.folders {
        match load(folder) {
            Ok(found) => tests.extend(found),
            Err(error) => {
                eprintln!("error: {error}");
                return Outcome::Bad;
            }
        }
    }
    let report = report(&rules, &tests, &overrides);
    match arguments.format {
        Format::Json => match serde_json::to_string(&report) {
            Ok(text) => println!("{text}"),
            Err(error) => eprintln!("error: {error}"),
        },
        Format::Text => print(&report, overrides.len()),
    }
    if report.passed + report.failed == 0 {
        eprintln!("error: there are no tests that expect or forbid a rule");
        return Outcome::Bad;
    }
    if report.failed == 0 { Outcome::Good } else { Outcome::Bad }
}

fn report(rules: &Arc<RuleSet>, tests: &[Test], overrides: &Overrides) -> Report {
    let mut report = Report { passed: 0, failed: 0, cases: Vec::new() };
    for test in tests {
        if overrides.reason(test.rule, test.number).is_some() {
            continue;
        }
        for (at, stage) in test.stages.iter().enumerate() {
            // What only a server on a socket can tell is not judged here.
            if !stage.expected.checks_ids()
                && stage.expected.log.is_empty()
                && stage.expected.no_log.is_empty()
            {
                continue;
            }
            let case = case(rules, test, at, stage);
            if case.passed {
                report.passed += 1;
            } else {
                report.failed += 1;
            }
            report.cases.push(case);
        }
    }
    report
}

fn case(rules: &Arc<RuleSet>, test: &Test, at: usize, stage: &Stage) -> CaseReport {
    let Case { passed, ids, reason } = run_case(rules, stage);
    CaseReport {
        rule: test.rule,
        test: test.number,
        stage: at + 1,
        passed,
        expected: Expected { ids: stage.expected.ids.clone(), no_ids: stage.expected.no_ids.clone() },
        got: ids,
        reason,
    }
}

fn print(report: &Report, left_out: usize) {
    let mut rules: BTreeMap<u64, (usize, usize)> = BTreeMap::new();
    for case in &report.cases {
        let (passed, failed) = rules.entry(case.rule).or_default();
        *if case.passed { passed } else { failed } += 1;
    }
    for (rule, (passed, failed)) in rules {
        println!("{rule}  {passed} passed, {failed} failed");
    }
    for case in report.cases.iter().filter(|case| !case.passed) {
        println!(
            "failed: {}-{} stage {}: {}; matched {:?}",
            case.rule, case.test, case.stage, case.reason, case.got
        );
    }
    println!("{} passed, {} failed, {left_out} tests left out", report.passed, report.failed);
}
