//! What the definition of an API says of the arguments of a request.

use std::sync::Arc;

use super::Transaction;
use crate::definition::{Definition, Standing};
use crate::rule::Processor;
use crate::values::Value;
use crate::variables::List;

/// How many proven values are told of one transaction.
const MAX_TOLD: usize = 50;

impl Transaction {
    /// Takes the definition of the operation that the request is for, once the fields of its header are known and before they
    /// are judged. `tells_undeclared`: arguments that it does not have stand in `ARGS_UNDECLARED`.
    pub fn declare(&mut self, definition: Arc<dyn Definition>, tells_undeclared: bool) {
        self.tells_undeclared = tells_undeclared;
        self.judge(List::ArgsGet, |name, value| definition.query(name, value));
        // Fields that nobody declares are none of the definition's business.
        self.tells_undeclared = false;
        self.judge(List::RequestHeaders, |name, value| definition.header(name, value));
        self.judge(List::RequestCookies, |name, value| definition.cookie(name, value));
        self.tells_undeclared = tells_undeclared;
        self.definition = Some(definition);
    }

    /// Whether a value is left out by rules that look for injections, and why: names such as `ARGS:id`, with the words of the
    /// proofs.
    pub fn proven(&self) -> Vec<(String, &'static str)> {
        if self.definition.is_none() {
            return Vec::new();
        }
        let lists = [
            ("ARGS", List::ArgsGet),
            ("ARGS", List::ArgsPost),
            ("REQUEST_HEADERS", List::RequestHeaders),
            ("REQUEST_COOKIES", List::RequestCookies),
        ];
        lists
            .iter()
            .flat_map(|(variable, list)| {
                self.lists[*list as usize].iter().map(move |entry| (variable, entry))
            })
            .filter_map(|(variable, entry)| {
                let name = String::from_utf8_lossy(self.values.get(entry.name));
                Some((format!("{variable}:{name}"), entry.proven.value?))
            })
            .take(MAX_TOLD)
            .collect()
    }

    /// The values of the entries of that name in `ARGS`, `REQUEST_HEADERS` or `REQUEST_COOKIES`.
    pub(crate) fn values_of(&self, variable: &str, name: &[u8]) -> Vec<Vec<u8>> {
        let lists: &[List] = match variable {
            "ARGS" => &[List::ArgsGet, List::ArgsPost],
            "ARGS_GET" => &[List::ArgsGet],
            "ARGS_POST" => &[List::ArgsPost],
            "REQUEST_HEADERS" => &[List::RequestHeaders],
            "REQUEST_COOKIES" => &[List::RequestCookies],
            _ => &[],
        };
        lists
            .iter()
            .flat_map(|list| &self.lists[*list as usize])
            .filter(|entry| self.values.get(entry.name).eq_ignore_ascii_case(name))
            .filter_map(|entry| match entry.value {
                Value::Text(value) => Some(self.values.get(value).to_vec()),
                Value::Number(_) => None,
            })
            .collect()
    }

    /// Judges the fields of a form; values of JSON were judged when they were read.
    pub(super) fn judge_fields(&mut self) {
        if !matches!(self.body.processor, Some(Processor::UrlEncoded | Processor::Multipart)) {
            return;
        }
        let Some(definition) = self.definition.clone() else { return };
        let content_type = self.field(List::RequestHeaders, b"content-type").unwrap_or_default();
        let known = definition.body(&content_type);
        let ask = |name: &[u8], value: &[u8]| {
            known.as_ref().map_or_else(Standing::default, |known| known.field(name, value))
        };
        self.judge(List::ArgsPost, ask);
        self.judge(List::Files, |name, value| Standing { proof: None, ..ask(name, value) });
    }

    fn judge(&mut self, list: List, ask: impl Fn(&[u8], &[u8]) -> Standing) {
        let mut entries = std::mem::take(&mut self.lists[list as usize]);
        for entry in &mut entries {
            let Value::Text(value) = entry.value else { continue };
            let standing = ask(self.values.get(entry.name), self.values.get(value));
            entry.proven = standing.into();
            if self.tells_undeclared && !standing.declared {
                self.lists[List::Undeclared as usize].push(*entry);
            }
        }
        self.lists[list as usize] = entries;
    }
}
