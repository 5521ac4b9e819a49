//! The regression tests of the OWASP CRS, in process, at paranoia 4.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gatehouse_waf::regression::{Case, Stage, Test, load, run_case};
use gatehouse_waf::{Options, RuleSet, RuleSource};

/// What the suite's README wants set.
const SETUP: &str = r#"
SecRuleEngine DetectionOnly
SecResponseBodyAccess On
SecAction "id:900005,phase:1,nolog,pass,ctl:ruleEngine=DetectionOnly,ctl:ruleRemoveById=910000,\
  setvar:tx.blocking_paranoia_level=4,setvar:tx.crs_validate_utf8_encoding=1,setvar:tx.arg_name_length=100,\
  setvar:tx.arg_length=400,setvar:tx.total_arg_length=64000,setvar:tx.max_num_args=255,setvar:tx.max_file_size=64100,\
  setvar:tx.combined_file_sizes=65535"
"#;

fn corpus() -> Option<PathBuf> {
    let corpus = PathBuf::from(std::env::var_os("GATEHOUSE_CORPORA")?).join("crs");
    if !corpus.is_dir() {
        eprintln!("skipped: there is no CRS below GATEHOUSE_CORPORA");
        return None;
    }
    Some(corpus)
}

fn rules(corpus: &Path, unoptimised: bool) -> Arc<RuleSet> {
    let sources = [
        RuleSource::File(corpus.join("crs-setup.conf.example")),
        RuleSource::Text { name: "setup".to_owned(), text: SETUP.to_owned(), folder: corpus.to_owned() },
        RuleSource::File(corpus.join("rules/*.conf")),
    ];
    let options = Options { unoptimised, ..Options::default() };
    Arc::new(RuleSet::load(&sources, &options).unwrap_or_else(|errors| panic!("{errors}")))
}

fn stages(tests: &[Test]) -> impl Iterator<Item = (&Test, usize, &Stage)> {
    tests.iter().flat_map(|test| test.stages.iter().enumerate().map(move |(at, stage)| (test, at, stage)))
}

#[test]
fn the_suite_passes_in_process() {
    let Some(corpus) = corpus() else { return };
    let rules = rules(&corpus, false);
    let tests = load(&corpus.join("tests")).unwrap();
    let mut checked = 0;
    let mut failed = Vec::new();
    for (test, at, stage) in stages(&tests) {
        if !stage.expected.checks_ids() {
            continue;
        }
        checked += 1;
        let Case { passed, ids, reason } = run_case(&rules, stage);
        if !passed {
            failed.push(format!("{}-{} stage {at}: {reason}; matched {ids:?}", test.rule, test.number));
        }
    }
    let share = 100.0 * (checked - failed.len()) as f64 / checked as f64;
    println!("{} of {checked} stages, {share:.2} %", checked - failed.len());
    for failure in &failed {
        println!("{failure}");
    }
    assert!(checked > 1000 && share >= 99.8, "{share:.2} % of {checked} stages:\n{}", failed.join("\n"));
}

#[test]
fn optimisations_change_nothing() {
    let Some(corpus) = corpus() else { return };
    let (fast, slow) = (rules(&corpus, false), rules(&corpus, true));
    let tests = load(&corpus.join("tests")).unwrap();
    for (test, at, stage) in stages(&tests) {
        let (fast, slow) = (run_case(&fast, stage), run_case(&slow, stage));
        assert_eq!(fast.ids, slow.ids, "{}-{} stage {at}", test.rule, test.number);
    }
}
