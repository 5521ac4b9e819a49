//! The audit log, gathered by operation, parameter and rule.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};

/// How many requests are shown of each proposal.
const EXAMPLES: usize = 5;
/// How many clients are told apart.
const MAX_CLIENTS: usize = 10_000;
/// The most proposals that are gathered.
const MAX_GATHERED: usize = 10_000;

/// A line of the audit log, as far as it matters here.
#[derive(Deserialize)]
struct Record {
    request_id: String,
    client_ip: String,
    method: String,
    uri: String,
    api: Option<String>,
    operation: Option<String>,
    rules: Vec<RecordedRule>,
}

#[derive(Deserialize)]
struct RecordedRule {
    id: u64,
    phase: u8,
    message: String,
    data: String,
    variable: String,
}

/// A request that justifies an exclusion.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Example {
    pub(super) request_id: String,
    pub(super) method: String,
    pub(super) uri: String,
    pub(super) data: String,
}

/// One rule that matches one parameter of one operation.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) rule: u64,
    pub(super) phase: u8,
    /// Empty where the request was for no API.
    pub(super) api: String,
    pub(super) operation: String,
    /// `ARGS:q`; the elements of an array are `array_*`.
    pub(super) variable: String,
    pub(super) message: String,
    pub(super) examples: Vec<Example>,
    /// The method and the path of one of the requests.
    pub(super) method: String,
    pub(super) path: String,
    count: usize,
    clients: BTreeSet<String>,
}

impl Proposal {
    pub(super) fn requests(&self) -> usize {
        self.count
    }

    pub(super) fn clients(&self) -> usize {
        self.clients.len()
    }
}

/// What a proposal is about: API, operation, rule, variable.
type Subject = (String, String, u64, String);

/// Proposals by what they are about.
#[derive(Default)]
pub(super) struct Proposals(BTreeMap<Subject, Proposal>);

impl Proposals {
    /// Reads an audit log.
    pub(super) fn read(&mut self, log: &[u8], file: &Path) -> Result<()> {
        for (number, line) in log.split(|byte| *byte == b'\n').enumerate() {
            if line.is_empty() {
                continue;
            }
            match serde_json::from_slice::<Record>(line) {
                Ok(record) => self.record(&record),
                Err(error) => bail!(
                    "{}:{}:{}: this is no record of the firewall's audit log: {error}",
                    file.display(),
                    number + 1,
                    error.column()
                ),
            }
        }
        Ok(())
    }

    fn record(&mut self, record: &Record) {
        let mut seen = BTreeSet::new();
        for rule in &record.rules {
            // Rules that add up the others' findings look at their scores.
            let is_verdict = rule.variable == "TX" || rule.variable.starts_with("TX:");
            let variable = without_indexes(&rule.variable);
            if is_verdict || !seen.insert((rule.id, variable.clone())) {
                continue;
            }
            let api = record.api.clone().unwrap_or_default();
            let operation = record.operation.clone().unwrap_or_default();
            let subject = (api.clone(), operation.clone(), rule.id, variable.clone());
            if self.0.len() >= MAX_GATHERED && !self.0.contains_key(&subject) {
                continue;
            }
            let proposal = self.0.entry(subject).or_insert_with(|| Proposal {
                rule: rule.id,
                phase: rule.phase,
                api,
                operation,
                variable,
                message: rule.message.clone(),
                examples: Vec::new(),
                method: record.method.clone(),
                path: record.uri.split('?').next().unwrap_or_default().to_owned(),
                count: 0,
                clients: BTreeSet::new(),
            });
            proposal.count += 1;
            if proposal.clients.len() < MAX_CLIENTS {
                proposal.clients.insert(record.client_ip.clone());
            }
            if proposal.examples.len() < EXAMPLES {
                proposal.examples.push(Example {
                    request_id: record.request_id.clone(),
                    method: record.method.clone(),
                    uri: record.uri.clone(),
                    data: rule.data.clone(),
                });
            }
        }
    }

    /// The proposals, those that most requests justify first.
    pub(super) fn into_sorted(self) -> Vec<Proposal> {
        let mut all: Vec<Proposal> = self.0.into_values().collect();
        all.sort_by_key(|proposal| std::cmp::Reverse(proposal.count));
        all
    }
}

/// The name of a variable in which the elements of arrays are one.
fn without_indexes(variable: &str) -> String {
    let parts: Vec<&str> = variable
        .split('.')
        .map(|part| match part.strip_prefix("array_") {
            Some(index) if !index.is_empty() && index.bytes().all(|byte| byte.is_ascii_digit()) => "array_*",
            _ => part,
        })
        .collect();
    parts.join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_are_gathered_by_operation_parameter_and_rule() {
        let line = |id: &str, variable: &str| {
            format!(
                r#"{{"request_id":"{id}","client_ip":"192.0.2.1","method":"GET","uri":"/a?q=1","api":"shop","operation":"list","rules":[{{"id":942100,"phase":2,"message":"m","data":"d","variable":"{variable}"}},{{"id":949110,"phase":2,"message":"m","data":"","variable":"TX:blocking_inbound_anomaly_score"}}]}}"#
            )
        };
        let log =
            [line("1", "ARGS:json.a.array_0.b"), line("2", "ARGS:json.a.array_17.b"), line("3", "ARGS:q")]
                .join("\n");
        let mut proposals = Proposals::default();
        proposals.read(log.as_bytes(), Path::new("waf.jsonl")).unwrap();
        let sorted = proposals.into_sorted();
        assert_eq!(sorted.len(), 2);
        assert_eq!(
            (sorted[0].variable.as_str(), sorted[0].requests(), sorted[0].clients()),
            ("ARGS:json.a.array_*.b", 2, 1)
        );
        let error = Proposals::default().read(b"{}\n", Path::new("waf.jsonl")).unwrap_err().to_string();
        assert!(error.starts_with("waf.jsonl:1:"), "{error}");
    }
}
