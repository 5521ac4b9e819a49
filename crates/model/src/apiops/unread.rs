//! Kinds of resources that nothing here uses yet: checked for syntax, counted, and kept out.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use super::context::Context;
use super::document::read_json;
use super::folder::Entry;
use super::layout::{Kind, Standing};
use crate::{Diagnostic, Location, Severity};

/// Walks the artifacts for resources that are kept out (one note for each kind) or that cannot be honoured yet (an
/// error for each).
pub(super) fn check(context: &Context<'_>, service: &Entry) {
    let mut kept_out = KeptOut::new();
    walk(context, service, &mut kept_out);
    for (singular, (kind, count, first)) in kept_out {
        let message = if count == 1 {
            format!("{} is kept out: nothing in this gateway uses it yet", kind.one())
        } else {
            format!(
                "{count} resources of the kind {singular} are kept out: nothing in this gateway uses them yet"
            )
        };
        context.push(Diagnostic::error("kept-out", Location::file(first), message).severity(Severity::Low));
    }
}

/// By name of the kind: how many there are, and the folder of the first.
type KeptOut = BTreeMap<&'static str, (&'static Kind, usize, Arc<Path>)>;

fn walk(context: &Context<'_>, entry: &Entry, kept_out: &mut KeptOut) {
    for (kind, entries) in entry.collections() {
        for child in entries.values() {
            for file in &child.unread {
                if let Err(diagnostic) = read_json(file) {
                    context.push(diagnostic);
                }
            }
            match kind.standing {
                Standing::Read => walk(context, child, kept_out),
                Standing::KeptOut => {
                    let (_, count, _) =
                        kept_out.entry(kind.singular).or_insert_with(|| (kind, 0, Arc::clone(&child.folder)));
                    *count += 1;
                }
                Standing::NotYet => context.push(
                    Diagnostic::error(
                        "not-yet-available",
                        child.location(),
                        format!("{} restricts what policies may do, and is not yet available", kind.one()),
                    )
                    .fix("remove it only if you can do without the restriction"),
                ),
            }
        }
    }
}
