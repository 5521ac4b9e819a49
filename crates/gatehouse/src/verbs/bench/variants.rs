//! The rows of a run: everything, and what is different in each of the others.

use std::collections::BTreeSet;
use std::sync::Arc;

use gatehouse_model::configuration::{Configuration, Listener, WafMode};
use gatehouse_model::resources::Catalog;

use super::ablation::{PARTS, Policy, has_part};
use super::arguments::Arguments;
use super::experiment::{Job, OwnSubscription};
use super::measure::Variant;
use super::report::Subject;
use super::traffic::{Access, Call, Route};

/// Which parts beside policies a listener has.
pub(super) struct Parts {
    has_firewall: bool,
    has_logs: bool,
}

impl Parts {
    pub(super) fn of(configuration: &Configuration, listener: &Listener) -> Self {
        let waf = &configuration.waf;
        let is_off = |mode: WafMode| mode == WafMode::Off;
        let mode = waf.listeners.get(&listener.name).map_or(waf.mode, |mode| mode.value);
        let telemetry = &configuration.telemetry;
        Self {
            has_firewall: waf.zones.contains(&listener.zone)
                && (!is_off(mode) || waf.apis.values().any(|mode| !is_off(mode.value))),
            has_logs: telemetry.access_log.is_some()
                || telemetry.trace_log.is_some()
                || waf.audit_log.is_some(),
        }
    }
}

/// The subscriptions that open the APIs of the routes.
pub(super) fn subscriptions(catalog: &Catalog, routes: &BTreeSet<Route>) -> Vec<OwnSubscription> {
    let wanted: BTreeSet<OwnSubscription> = routes
        .iter()
        .filter_map(|route| {
            let resources = match &route.workspace {
                None => &catalog.service,
                Some(workspace) => catalog.workspaces.get(workspace)?,
            };
            let api = resources.apis.get(&route.api)?;
            Access::of(route.workspace.as_deref(), resources, api).subscription
        })
        .collect();
    wanted.into_iter().collect()
}

/// The variants with what each stands for; the first is everything.
pub(super) fn all(
    job: &Job,
    calls: Vec<Call>,
    arguments: &Arguments,
    policies: Vec<Policy>,
    parts: &Parts,
    notes: &mut Vec<String>,
) -> (Vec<Variant>, Vec<Subject>) {
    if arguments.each {
        let own = |call: Call| Variant {
            name: call.name.clone(),
            job: Some(job.clone()),
            calls: Arc::from([call]),
            is_needed: true,
        };
        let subjects = vec![Subject::Route; calls.len()];
        return (calls.into_iter().map(own).collect(), subjects);
    }
    let name = match calls.as_slice() {
        [only] => only.name.clone(),
        many => format!("everything: {} requests", many.len()),
    };
    let calls: Arc<[Call]> = calls.into();
    let variant = |name: String, job: Job, is_needed| Variant {
        name,
        job: Some(job),
        calls: Arc::clone(&calls),
        is_needed,
    };
    let mut variants = vec![variant(name, job.clone(), true)];
    let mut subjects = vec![Subject::Whole];
    for policy in policies {
        let mut edits = job.edits.clone();
        edits.extend(policy.edits.iter().cloned());
        variants.push(variant(policy.name, Job { edits, ..job.clone() }, false));
        subjects.push(Subject::Policy {
            scope: policy.scope,
            section: policy.section,
            file: policy.file.display().to_string(),
            line: policy.line,
            column: policy.column,
        });
    }
    for part in PARTS.into_iter().filter(|part| has_part(&arguments.ablate, part)) {
        let changed = match part {
            "waf" if parts.has_firewall => Job { without_firewall: true, ..job.clone() },
            "tls" => Job { in_the_clear: true, ..job.clone() },
            "logging" if parts.has_logs => Job { without_logs: true, ..job.clone() },
            other => {
                notes.push(format!("{other}: there is none on this listener"));
                continue;
            }
        };
        variants.push(variant(part.to_owned(), changed, false));
        subjects.push(Subject::Part);
    }
    (variants, subjects)
}
