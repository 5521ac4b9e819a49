//! Tests whose outcome differs here, each with its reason.

use std::collections::HashMap;

use super::yaml::{Yaml, read};

/// Stages that are judged in another way, by rule and test.
#[derive(Clone, Debug, Default)]
pub struct Overrides {
    reasons: HashMap<(u64, u64), String>,
}

impl Overrides {
    /// Reads a file with `overrides: [{rule, tests: […], reason}]`.
    pub fn parse(text: &str) -> Result<Self, String> {
        let document = read(text)?;
        let mut reasons = HashMap::new();
        for entry in document.get("overrides").map_or(&[][..], Yaml::list) {
            let rule =
                entry.text_of("rule").and_then(|rule| rule.parse().ok()).ok_or("an override needs a rule")?;
            let reason = entry.text_of("reason").filter(|reason| !reason.is_empty());
            let reason = reason.ok_or_else(|| format!("the override of {rule} needs a reason"))?;
            for test in entry.get("tests").map_or(&[][..], Yaml::list) {
                let test = test.text().and_then(|test| test.parse().ok());
                let test = test.ok_or_else(|| format!("a test of {rule} is no number"))?;
                reasons.insert((rule, test), reason.to_owned());
            }
        }
        Ok(Self { reasons })
    }

    /// Why the test is left out.
    pub fn reason(&self, rule: u64, test: u64) -> Option<&str> {
        self.reasons.get(&(rule, test)).map(String::as_str)
    }

    /// How many tests are left out.
    pub fn len(&self) -> usize {
        self.reasons.len()
    }

    /// Whether no test is left out.
    pub fn is_empty(&self) -> bool {
        self.reasons.is_empty()
    }
}
