//! `gatehouse waf install-rules`.

use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use aws_lc_rs::digest;
use clap::Args;
use flate2::read::MultiGzDecoder;
use gatehouse_waf::{Options, RuleSet, RuleSource, builtin};

use crate::cli::{ConfigArgument, Outcome};

/// The largest archive, the most that it may unpack to, and the most files.
const MAX_ARCHIVE: u64 = 64 << 20;
const MAX_UNPACKED: u64 = 256 << 20;
const MAX_FILES: usize = 10_000;

/// The arguments of `waf install-rules`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// A release archive of the OWASP CRS (.tar.gz)
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// The SHA-256 of the archive, in hexadecimal digits
    #[arg(long, value_name = "HEX")]
    sha256: Option<String>,
    /// Where the rules go [default: rules/crs beside the configuration]
    #[arg(long, value_name = "DIR")]
    into: Option<PathBuf>,
    /// Replace rules that are there already
    #[arg(long)]
    force: bool,
}

/// Unpacks the rules, compiles them, and puts them into place.
pub(crate) fn run(arguments: &Arguments, config: &ConfigArgument) -> Outcome {
    let Some(archive) = &arguments.from else {
        eprintln!(
            "error: this version does not fetch rules by itself; download a release of the OWASP CRS, check its \
             signature, and install it with `gatehouse waf install-rules --from FILE --sha256 HEX`"
        );
        return Outcome::WrongUsage;
    };
    let into = arguments.into.clone().unwrap_or_else(|| {
        config.path().parent().map_or_else(|| PathBuf::from("rules/crs"), |folder| folder.join("rules/crs"))
    });
    match install(archive, arguments.sha256.as_deref(), &into, arguments.force) {
        Ok((files, rules)) => {
            println!("installed {files} files with {rules} rules into {}", into.display());
            Outcome::Good
        }
        Err(error) => {
            eprintln!("error: {error:#}");
            Outcome::Bad
        }
    }
}

fn install(archive: &Path, sha256: Option<&str>, into: &Path, force: bool) -> Result<(usize, usize)> {
    if into.exists() && !force {
        bail!("{} is there already; give --force to replace it", into.display());
    }
    let size = std::fs::metadata(archive).with_context(|| archive.display().to_string())?.len();
    if size > MAX_ARCHIVE {
        bail!("{} has more than {} MiB", archive.display(), MAX_ARCHIVE >> 20);
    }
    let bytes = std::fs::read(archive).with_context(|| archive.display().to_string())?;
    let actual = hexadecimal(digest::digest(&digest::SHA256, &bytes).as_ref());
    match sha256 {
        Some(wanted) if !wanted.eq_ignore_ascii_case(&actual) => {
            bail!("{} has the SHA-256 {actual}, not {wanted}", archive.display());
        }
        Some(_) => {}
        None => eprintln!("warning: no --sha256 was given; the archive's is {actual}"),
    }
    let parent = into.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(parent).with_context(|| parent.display().to_string())?;
    let staging = parent.join(format!(".crs-{}", std::process::id()));
    let installed = unpack(&bytes, &staging).and_then(|files| {
        let rules = compile(&staging)?;
        if into.exists() {
            std::fs::remove_dir_all(into).with_context(|| into.display().to_string())?;
        }
        std::fs::rename(&staging, into).with_context(|| into.display().to_string())?;
        Ok((files, rules))
    });
    if installed.is_err() {
        // What is left of a failed installation is of no use.
        let _ = std::fs::remove_dir_all(&staging);
    }
    installed
}

/// Writes the rules, data files, the set-up and the licence; answers how many.
fn unpack(bytes: &[u8], into: &Path) -> Result<usize> {
    let mut archive = tar::Archive::new(MultiGzDecoder::new(bytes).take(MAX_UNPACKED));
    std::fs::create_dir_all(into.join("rules")).with_context(|| into.display().to_string())?;
    let mut files = 0;
    for entry in archive.entries().context("the archive is no .tar.gz")? {
        let mut entry = entry.context("the archive is damaged")?;
        if !entry.header().entry_type().is_file() {
            continue;
        }
        let path = entry.path().context("the archive has a name that is none")?.into_owned();
        let Some(target) = wanted(&path) else { continue };
        if files >= MAX_FILES {
            bail!("the archive has more than {MAX_FILES} files");
        }
        let target = into.join(target);
        let mut file = std::fs::File::create(&target).with_context(|| target.display().to_string())?;
        std::io::copy(&mut entry, &mut file).with_context(|| target.display().to_string())?;
        files += 1;
    }
    if files == 0 {
        bail!("the archive has no rules/*.conf");
    }
    Ok(files)
}

/// Where a file of the archive goes; none for one that is not needed. The first folder is the release's.
fn wanted(path: &Path) -> Option<PathBuf> {
    let parts: Vec<&str> = path
        .components()
        .map(|part| match part {
            Component::Normal(part) => part.to_str(),
            _ => None,
        })
        .collect::<Option<_>>()?;
    match parts[..] {
        [_, "crs-setup.conf.example"] => Some("crs-setup.conf.example".into()),
        [_, "LICENSE"] => Some("LICENSE".into()),
        [_, "rules", name] if is_rule_file(Path::new(name)) => Some(Path::new("rules").join(name)),
        _ => None,
    }
}

fn is_rule_file(name: &Path) -> bool {
    name.extension().is_some_and(|extension| extension == "conf" || extension == "data")
}

/// Compiles what was unpacked; rules that do not compile are not installed.
fn compile(folder: &Path) -> Result<usize> {
    let mut sources = vec![builtin::protocol()];
    let setup = folder.join("crs-setup.conf.example");
    if setup.is_file() {
        sources.push(RuleSource::File(setup));
    }
    sources.push(RuleSource::File(folder.join("rules/*.conf")));
    let options = Options { variables: builtin::crs_variables(1), ..Options::default() };
    let rules = RuleSet::load(&sources, &options)
        .map_err(|errors| anyhow::anyhow!("the rules do not compile\n{errors}"))?;
    Ok(rules.len())
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 0xf])
        .map(|digit| char::from_digit(digit.into(), 16).unwrap_or('0'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_rules_go_in_and_nothing_leaves_the_folder() {
        let to = |path: &str| wanted(Path::new(path)).map(|path| path.display().to_string());
        assert_eq!(to("crs-4/rules/A.conf"), Some("rules/A.conf".to_owned()));
        assert_eq!(to("crs-4/crs-setup.conf.example"), Some("crs-setup.conf.example".to_owned()));
        for path in [
            "crs-4/rules/../../x.conf",
            "/rules/x.conf",
            "crs-4/plugins/x.conf",
            "crs-4/rules/x.sh",
            "../rules/x.conf",
        ] {
            assert_eq!(to(path), None, "{path}");
        }
    }
}
