//! Whether files have changed, and whether a change can be taken over without a restart.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::Path;
use std::time::UNIX_EPOCH;

use anyhow::{Result, bail};
use gatehouse_model::Location;
use gatehouse_model::configuration::{
    Configuration, Database, LogTarget, MasterKey, Telemetry, TraceVerbosity,
};

/// The most files that are looked at.
const MAX_FILES: usize = 200_000;

/// Names, sizes and times of the configuration's files and of the artifacts: it differs where one has changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Stamp(u64);

impl Stamp {
    /// The files as they are now.
    pub(super) fn of(configuration: &Configuration) -> Self {
        let mut hasher = DefaultHasher::new();
        let mut left = MAX_FILES;
        look(&configuration.file, &mut hasher, &mut left);
        for folder in &configuration.artifacts {
            look(&folder.value, &mut hasher, &mut left);
        }
        if let Some(file) = &configuration.overrides {
            look(&file.value, &mut hasher, &mut left);
        }
        for file in configuration.waf.rules.iter().flatten().chain(&configuration.waf.exclusions) {
            // The folder: the name may have wildcards, and rules read data files beside them.
            look(file.value.parent().unwrap_or(Path::new(".")), &mut hasher, &mut left);
        }
        Self(hasher.finish())
    }
}

fn look(path: &Path, hasher: &mut DefaultHasher, left: &mut usize) {
    if *left == 0 {
        return;
    }
    *left -= 1;
    path.hash(hasher);
    let Ok(metadata) = std::fs::metadata(path) else { return };
    if metadata.is_dir() {
        let mut entries: Vec<_> =
            std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| entry.path()).collect();
        entries.sort();
        for entry in entries {
            look(&entry, hasher, left);
        }
        return;
    }
    metadata.len().hash(hasher);
    let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    modified.hash(hasher);
}

/// Refuses what only a restart can change.
pub(super) fn check_restart(before: &Configuration, after: &Configuration) -> Result<()> {
    let Database::Sqlite(old) = &before.store.database;
    let Database::Sqlite(new) = &after.store.database;
    if old.value != new.value {
        bail!("{}: error: `store.database` cannot change while the instance runs; restart it", new.location);
    }
    let MasterKey::File(old) = &before.store.key;
    let MasterKey::File(new) = &after.store.key;
    if old.value != new.value {
        bail!("{}: error: `store.key` cannot change while the instance runs; restart it", new.location);
    }
    if target(before.telemetry.access_log.as_ref()) != target(after.telemetry.access_log.as_ref()) {
        let place = match &after.telemetry.access_log {
            Some(LogTarget::File(path)) => path.location.clone(),
            _ => Location::file(after.file.as_path()),
        };
        bail!("{place}: error: `telemetry.access_log` cannot change while the instance runs; restart it");
    }
    if traces(&before.telemetry) != traces(&after.telemetry) {
        let place = after.file.display();
        bail!(
            "{place}: error: `telemetry.trace_log` and `telemetry.trace_verbosity` cannot change while the instance runs; restart it"
        );
    }
    let waf_log =
        |configuration: &Configuration| configuration.waf.audit_log.as_ref().map(|file| file.value.clone());
    if waf_log(before) != waf_log(after) {
        let place = after.waf.audit_log.as_ref().map(|file| file.location.clone());
        let place = place.unwrap_or_else(|| Location::file(after.file.as_path()));
        bail!("{place}: error: `waf.audit_log` cannot change while the instance runs; restart it");
    }
    Ok(())
}

/// Where lines of `trace` policies go, and which.
fn traces(telemetry: &Telemetry) -> (Option<(Option<&Path>, bool)>, TraceVerbosity) {
    (target(telemetry.trace_log.as_ref()), telemetry.trace_verbosity)
}

/// Where the log goes, without the place that says so: a line more above it is no change.
fn target(log: Option<&LogTarget>) -> Option<(Option<&Path>, bool)> {
    log.map(|target| match target {
        LogTarget::Stdout => (None, false),
        LogTarget::Stderr => (None, true),
        LogTarget::File(path) => (Some(path.value.as_path()), false),
    })
}
