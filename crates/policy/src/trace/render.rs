//! A trace for people.

use std::fmt::Write as _;

use super::{Entry, Outcome, micros};

/// The entries as text: a line an entry, and below it what went in, what was said and what changed.
pub fn as_text(entries: &[Entry]) -> String {
    let mut out = String::new();
    let mut section = "";
    for entry in entries {
        if entry.section != section {
            section = entry.section;
            let _ = writeln!(out, "{section}");
        }
        one(entry, &mut out);
    }
    out
}

/// Writing to a string cannot fail.
fn one(entry: &Entry, out: &mut String) {
    let indent = "  ".repeat(entry.depth + 1);
    let _ = write!(out, "{indent}{}", entry.source);
    if let Some(id) = &entry.policy_id {
        let _ = write!(out, " ({id})");
    }
    match &entry.outcome {
        Outcome::Continued => {}
        Outcome::Failed(why) => {
            let _ = write!(out, " ✗ {why}");
        }
        other => {
            let _ = write!(out, " → {}", other.text());
        }
    }
    let _ = write!(out, "  [{}", micros(entry.micros));
    if let Some(scope) = entry.scope {
        let _ = write!(out, ", {scope}");
    }
    if let Some(location) = &entry.location {
        let _ = write!(out, ", {}:{}", location.file.display(), location.line);
    }
    out.push_str("]\n");
    for input in &entry.inputs {
        let _ = writeln!(out, "{indent}    {} = {}", input.name, one_line(&input.value));
    }
    for note in &entry.notes {
        let _ = writeln!(out, "{indent}    · {}", one_line(note));
    }
    for change in &entry.changes {
        let _ = match (&change.before, &change.after) {
            (None, Some(after)) => writeln!(out, "{indent}    + {}: {}", change.what, one_line(after)),
            (Some(before), None) => writeln!(out, "{indent}    - {}: {}", change.what, one_line(before)),
            (before, after) => writeln!(
                out,
                "{indent}    ~ {}: {} → {}",
                change.what,
                one_line(before.as_deref().unwrap_or_default()),
                one_line(after.as_deref().unwrap_or_default())
            ),
        };
    }
}

/// Control characters are shown as what they are: a trace is read on a terminal.
fn one_line(text: &str) -> String {
    text.chars()
        .flat_map(|c| if c.is_control() { c.escape_default().collect::<Vec<_>>() } else { vec![c] })
        .collect()
}
