//! What is wrong with an input, and where.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

/// A place in a file. Line and column count from 1; the column counts characters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Location {
    /// The file as the user named it, joined to the folder that names it.
    pub file: Arc<Path>,
    /// Line, from 1; 0 where a whole file is meant.
    pub line: u32,
    /// Column in characters, from 1; 0 where a whole file is meant.
    pub column: u32,
}

impl Location {
    /// A place within a file.
    pub fn new(file: impl Into<Arc<Path>>, line: u32, column: u32) -> Self {
        Self { file: file.into(), line, column }
    }

    /// A file as a whole.
    pub fn file(file: impl Into<Arc<Path>>) -> Self {
        Self::new(file, 0, 0)
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (0, _) => write!(f, "{}", self.file.display()),
            (line, column) => write!(f, "{}:{line}:{column}", self.file.display()),
        }
    }
}

/// A value together with the place that says it, for errors that only appear when the value is used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Located<T> {
    /// The value.
    pub value: T,
    /// Where it stands.
    pub location: Location,
}

impl<T> Located<T> {
    /// Couples a value with its place.
    pub fn new(value: T, location: Location) -> Self {
        Self { value, location }
    }
}

/// How much a finding matters. `Error` keeps the configuration from serving.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Keeps the configuration from serving.
    Error,
    /// A security finding that needs mending at once.
    Critical,
    /// A security finding that needs mending soon.
    High,
    /// A weakness.
    Medium,
    /// A small weakness, or something that is probably not meant.
    Low,
    /// Worth knowing.
    Info,
}

impl Severity {
    /// The name used in JSON and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Critical => "critical",
            Self::High => "high",
            Self::Medium => "medium",
            Self::Low => "low",
            Self::Info => "info",
        }
    }
}

/// One finding about an input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// A stable, kebab-case name of the kind of finding, such as `unknown-key`.
    pub id: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is wrong, in one sentence that names the thing.
    pub message: String,
    /// Where.
    pub location: Option<Location>,
    /// The resource concerned, such as `apis/orders/operations/get-order`.
    pub resource: Option<String>,
    /// What would be right.
    pub fix: Option<String>,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(id: &'static str, location: Location, message: impl Into<String>) -> Self {
        Self {
            id,
            severity: Severity::Error,
            message: message.into(),
            location: Some(location),
            resource: None,
            fix: None,
        }
    }

    /// The same finding with another severity.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.severity = severity;
        self
    }

    /// Adds what would be right.
    pub fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }

    /// Names the resource concerned.
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.resource = Some(resource.into());
        self
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(location) = &self.location {
            write!(f, "{location}: ")?;
        }
        write!(f, "{}: {}", self.severity.as_str(), self.message)?;
        if let Some(fix) = &self.fix {
            write!(f, " ({fix})")?;
        }
        Ok(())
    }
}

/// Findings in the order in which they were made; readers go on after an error so that all are told at once.
#[derive(Clone, Debug, Default)]
pub struct Diagnostics {
    entries: Vec<Diagnostic>,
}

impl Diagnostics {
    /// No findings.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a finding.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        self.entries.push(diagnostic);
    }

    /// Adds an error at a place.
    pub fn error(&mut self, id: &'static str, location: Location, message: impl Into<String>) {
        self.push(Diagnostic::error(id, location, message));
    }

    /// Adds all findings of another reader.
    pub fn extend(&mut self, other: Self) {
        self.entries.extend(other.entries);
    }

    /// Whether a finding keeps the configuration from serving.
    pub fn has_errors(&self) -> bool {
        self.entries.iter().any(|entry| entry.severity == Severity::Error)
    }

    /// All findings.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.entries.iter()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Sorts by file, line and column, so that output does not depend on the order of reading.
    pub fn sort(&mut self) {
        self.entries.sort_by(|a, b| {
            (&a.location, a.severity, &a.message).cmp(&(&b.location, b.severity, &b.message))
        });
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl IntoIterator for Diagnostics {
    type Item = Diagnostic;
    type IntoIter = std::vec::IntoIter<Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for entry in &self.entries {
            writeln!(f, "{entry}")?;
        }
        Ok(())
    }
}

/// The known word that an unknown one was probably meant to be.
pub fn did_you_mean<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lowered = word.to_lowercase();
    known
        .into_iter()
        .map(|candidate| (strsim::damerau_levenshtein(&lowered, &candidate.to_lowercase()), candidate))
        .filter(|(distance, candidate)| *distance <= (candidate.len().max(word.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggests_the_nearest_known_word_only() {
        let known = ["listeners", "limits", "zones"];
        assert_eq!(did_you_mean("listners", known), Some("listeners"));
        assert_eq!(did_you_mean("Zone", known), Some("zones"));
        assert_eq!(did_you_mean("banana", known), None);
        assert_eq!(did_you_mean("fizz", ["size"]), None);
    }

    #[test]
    fn a_location_reads_like_a_compiler_message() {
        let location = Location::new(Path::new("gatehouse.yaml"), 3, 9);
        let error =
            Diagnostic::error("unknown-key", location, "unknown key `adress`").fix("did you mean `address`?");
        assert_eq!(
            error.to_string(),
            "gatehouse.yaml:3:9: error: unknown key `adress` (did you mean `address`?)"
        );
    }
}
