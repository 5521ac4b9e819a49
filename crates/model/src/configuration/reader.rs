//! `gatehouse.yaml` into values.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use super::Configuration;
use crate::tree::decode::{Context, Shape};
use crate::tree::{Environment, Node, NodeValue, parse_yaml_expanding};
use crate::{Diagnostic, Diagnostics, Location, Severity};

/// The largest file that is read, in bytes.
const MAX_BYTES: u64 = 4 << 20;

/// Reads a configuration file; see [`parse`].
pub fn read(
    file: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> (Option<Configuration>, Diagnostics) {
    let mut bytes = Vec::new();
    let read = File::open(file).and_then(|opened| opened.take(MAX_BYTES + 1).read_to_end(&mut bytes));
    let problem = match (read, String::from_utf8(bytes)) {
        (Err(error), _) => Diagnostic::error("unreadable", whole(file), format!("cannot be read: {error}")),
        (Ok(length), _) if length as u64 > MAX_BYTES => {
            let message = format!("larger than {} MiB", MAX_BYTES >> 20);
            Diagnostic::error("unreadable", whole(file), message)
        }
        (Ok(_), Err(error)) => {
            let valid = error.utf8_error().valid_up_to();
            let before = error.as_bytes().get(..valid).unwrap_or_default();
            let line = u32::try_from(before.split(|byte| *byte == b'\n').count()).unwrap_or(u32::MAX);
            let location = Location { line, column: 1, ..whole(file) };
            Diagnostic::error("unreadable", location, "this line is not UTF-8 text")
        }
        (Ok(_), Ok(text)) => return parse(&text, file, environment),
    };
    let mut diagnostics = Diagnostics::new();
    diagnostics.push(problem);
    (None, diagnostics)
}

/// Reads the text of a configuration that stands at `file`: paths in it are relative to the folder of `file`.
/// `environment` answers `${NAME}`.
///
/// All errors are told at once. With errors the configuration may still be there, with defaults in place of what is
/// wrong and without the listeners that cannot be read, so that the artifacts it names can be checked in the same
/// run: nothing may serve it then ([`Diagnostics::has_errors`]).
pub fn parse(
    text: &str,
    file: &Path,
    environment: &dyn Fn(&str) -> Option<String>,
) -> (Option<Configuration>, Diagnostics) {
    let name: Arc<Path> = Arc::from(file);
    let mut variables = Environment::new(environment);
    let parsed = parse_yaml_expanding(text, &name, &mut variables);
    let (mut diagnostics, unresolved) = variables.into_findings();
    let configuration = match parsed {
        Err(error) => {
            diagnostics.push(error);
            None
        }
        Ok(Node { value: NodeValue::Null, .. }) => {
            diagnostics.push(
                Diagnostic::error("missing-key", whole(file), "the configuration is empty")
                    .fix("`gatehouse init DIR` writes one to start from"),
            );
            None
        }
        Ok(root) => {
            let mut context = Context::new(Arc::clone(&name), "the configuration");
            let configuration = Configuration::shape(file).decode(&root, &mut context);
            if configuration.is_some() && root.get("artifacts").is_none() {
                let message = "no `artifacts` are named: no API is published";
                context.push(
                    Diagnostic::error("no-artifacts", context.place(&root), message)
                        .severity(Severity::Low)
                        .fix("add `artifacts: ./artifacts` with the path of an APIOps folder"),
                );
            }
            for diagnostic in context.into_diagnostics() {
                // What is said about an unset variable's place follows from its being unset.
                if diagnostic.location.as_ref().is_none_or(|location| !unresolved.contains(location)) {
                    diagnostics.push(diagnostic);
                }
            }
            configuration
        }
    };
    diagnostics.sort();
    (configuration, diagnostics)
}

fn whole(file: &Path) -> Location {
    Location::file(Arc::<Path>::from(file))
}
