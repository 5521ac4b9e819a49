//! `gatehouse test`: policy unit tests.

mod case;
mod expectation;
mod file;
mod matcher;
mod prepared;
mod report;
mod unreached;

use std::path::{Path, PathBuf};
use std::time::Instant;

use clap::{Args, ValueEnum};
use gatehouse_model::Diagnostics;

use self::case::CaseOutcome;
use self::file::TestFile;
use self::prepared::Preparations;
use self::unreached::Reached;
use crate::cli::Outcome;

/// The deepest folder that is looked into.
const MAX_DEPTH: usize = 64;

/// The arguments of `test`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// A folder with *.test.yaml files, or one such file
    #[arg(value_name = "DIR", default_value = ".")]
    folder: PathBuf,
    /// Only cases whose name holds this text
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Print the decision trace of every case that fails
    #[arg(long)]
    trace: bool,
    /// How to print
    #[arg(long, value_enum, default_value_t)]
    format: TestFormat,
}

/// How results are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum TestFormat {
    /// For people.
    #[default]
    Text,
    /// For machines.
    Json,
    /// For test reports.
    Junit,
}

/// Everything that was run.
struct Results {
    cases: Vec<CaseOutcome>,
    reached: Reached,
    micros: u64,
}

/// Runs every case; exits 1 where one fails or a file cannot be read.
pub(crate) fn run(arguments: &Arguments) -> Outcome {
    let mut paths = Vec::new();
    if arguments.folder.is_file() {
        paths.push(arguments.folder.clone());
    } else if let Err(error) = find(&arguments.folder, 0, &mut paths) {
        eprintln!("error: {}: {error}", arguments.folder.display());
        return Outcome::WrongUsage;
    }
    if paths.is_empty() {
        eprintln!("error: {}: there is no *.test.yaml file below it", arguments.folder.display());
        return Outcome::WrongUsage;
    }
    let mut files = Vec::new();
    let mut findings = Diagnostics::new();
    for path in &paths {
        match TestFile::read(path) {
            Ok(file) => files.push(file),
            Err(found) => findings.extend(found),
        }
    }
    let mut preparations = Preparations::default();
    for file in &files {
        preparations.prepare(file, &mut findings);
    }
    if findings.has_errors() {
        eprint!("{findings}");
        eprintln!("error: the tests cannot be run");
        return Outcome::Bad;
    }
    let begun = Instant::now();
    let mut cases = Vec::new();
    for file in &files {
        for case in &file.cases {
            if arguments.only.as_ref().is_some_and(|text| !case.name.value.contains(text)) {
                continue;
            }
            cases.push(preparations.run(file, case, arguments.trace));
        }
    }
    let micros = begun.elapsed().as_micros() as u64;
    let results = Results { cases, reached: preparations.reached(), micros };
    print!("{}", report::render(&results, arguments.format));
    let is_good = results.cases.iter().all(|case| case.failures.is_empty());
    if is_good { Outcome::Good } else { Outcome::Bad }
}

fn find(folder: &Path, depth: usize, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(folder)?.collect::<Result<Vec<_>, _>>()?;
    entries.sort_by_key(std::fs::DirEntry::path);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        let name = name.to_string_lossy();
        // A link to a folder may lead in a circle.
        if entry.file_type()?.is_dir() {
            if !name.starts_with('.') && depth < MAX_DEPTH {
                find(&path, depth + 1, found)?;
            }
        } else if name.ends_with(".test.yaml") || name.ends_with(".test.yml") {
            found.push(path.strip_prefix(".").map(Path::to_owned).unwrap_or(path));
        }
    }
    Ok(())
}
