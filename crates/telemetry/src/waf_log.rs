//! The firewall's audit log: one JSON line for each transaction in which a rule matched.

use std::io::Write as _;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use gatehouse_model::Located;
use gatehouse_model::configuration::LogTarget;

use crate::json;
use crate::log::Log;
use crate::queue::{self, OpenError, Queue};
use crate::timestamp::rfc3339_millis;

/// Takes records and writes them from a thread of its own. Cheap to clone. A request never waits for it.
#[derive(Clone, Debug)]
pub struct WafLog(Arc<Queue>);

/// What is written of a transaction; the fields of a line in their order.
#[derive(Clone, Debug)]
pub struct WafRecord<'a> {
    /// When the request's head was complete, in milliseconds since 1970.
    pub time_millis: u64,
    /// The request's id.
    pub request_id: &'a str,
    /// The client's address, from a trusted proxy where there is one.
    pub client_ip: IpAddr,
    /// The method.
    pub method: &'a str,
    /// The host that the request names.
    pub host: &'a str,
    /// Path and query, with keys taken out.
    pub uri: &'a [u8],
    /// The status of the answer.
    pub status: u16,
    /// `prevention` or `detection`.
    pub mode: &'a str,
    /// Whether the firewall refused the request or the response.
    pub blocked: bool,
    /// The score of the request.
    pub inbound_score: i64,
    /// The score of the response.
    pub outbound_score: i64,
    /// The fields of the request that the configuration wants.
    pub headers: Vec<(&'a str, Vec<u8>)>,
    /// The rules that matched.
    pub rules: Vec<WafRule<'a>>,
    /// The API that the request is for.
    pub api: Option<&'a str>,
    /// The operation that the request is for.
    pub operation: Option<&'a str>,
    /// Values that rules for injections left out, by variable, with the words of the proofs.
    pub proven: &'a [(String, &'static str)],
}

/// A rule that matched.
#[derive(Clone, Debug)]
pub struct WafRule<'a> {
    /// Its id.
    pub id: u64,
    /// The phase, 1 to 5.
    pub phase: u8,
    /// Its message.
    pub message: &'a str,
    /// Its data, with keys taken out.
    pub data: Vec<u8>,
    /// The name of its severity.
    pub severity: Option<&'a str>,
    /// Its tags.
    pub tags: &'a [String],
    /// The variable that matched.
    pub variable: &'a str,
}

/// The most bytes of one text.
const LONGEST: usize = 4096;

impl WafLog {
    /// Opens the file and starts the writer; its folder is made where it is missing.
    pub fn start(file: &Located<PathBuf>, log: &Log) -> Result<Self, OpenError> {
        if let Some(folder) = file.value.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::create_dir_all(folder).map_err(|error| OpenError {
                what: "WAF log",
                target: file.value.clone(),
                error,
            })?;
        }
        Ok(Self(Arc::new(queue::open("WAF log", &LogTarget::File(file.clone()), log)?)))
    }

    /// Logs a transaction.
    pub fn record(&self, record: &WafRecord<'_>) {
        self.0.put(|buffer| record.write_line(buffer));
    }

    /// Opens the file anew, for rotation (SIGHUP).
    pub fn reopen(&self) {
        self.0.reopen();
    }

    /// Waits until every record so far is written or dropped; `false` when the time is over before.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.0.flush(timeout)
    }
}

impl WafRecord<'_> {
    fn write_line(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"time\":\"");
        rfc3339_millis(out, self.time_millis);
        out.push(b'"');
        text(out, "request_id", self.request_id.as_bytes());
        text(out, "client_ip", self.client_ip.to_string().as_bytes());
        text(out, "method", self.method.as_bytes());
        text(out, "host", self.host.as_bytes());
        text(out, "uri", self.uri);
        // Writing to memory does not fail.
        let _ = write!(out, ",\"status\":{}", self.status);
        text(out, "mode", self.mode.as_bytes());
        let _ = write!(
            out,
            ",\"blocked\":{},\"inbound_score\":{},\"outbound_score\":{},\"headers\":{{",
            self.blocked, self.inbound_score, self.outbound_score
        );
        for (at, (name, value)) in self.headers.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            json::string(out, name.as_bytes(), LONGEST);
            out.push(b':');
            json::string(out, value, LONGEST);
        }
        out.extend_from_slice(b"},\"rules\":[");
        for (at, rule) in self.rules.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            rule.write(out);
        }
        out.push(b']');
        for (name, value) in [("api", self.api), ("operation", self.operation)] {
            if let Some(value) = value {
                text(out, name, value.as_bytes());
            }
        }
        if !self.proven.is_empty() {
            out.extend_from_slice(b",\"proven\":[");
            for (at, (variable, proof)) in self.proven.iter().enumerate() {
                out.extend_from_slice(if at > 0 { b",{\"variable\":" } else { b"{\"variable\":" });
                json::string(out, variable.as_bytes(), LONGEST);
                text(out, "proof", proof.as_bytes());
                out.push(b'}');
            }
            out.push(b']');
        }
        out.extend_from_slice(b"}\n");
    }
}

impl WafRule<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        let _ = write!(out, "{{\"id\":{},\"phase\":{}", self.id, self.phase);
        text(out, "message", self.message.as_bytes());
        text(out, "data", &self.data);
        match self.severity {
            Some(severity) => text(out, "severity", severity.as_bytes()),
            None => out.extend_from_slice(b",\"severity\":null"),
        }
        out.extend_from_slice(b",\"tags\":[");
        for (at, tag) in self.tags.iter().enumerate() {
            if at > 0 {
                out.push(b',');
            }
            json::string(out, tag.as_bytes(), LONGEST);
        }
        out.push(b']');
        text(out, "variable", self.variable.as_bytes());
        out.push(b'}');
    }
}

fn text(out: &mut Vec<u8>, name: &str, value: &[u8]) {
    let _ = write!(out, ",\"{name}\":");
    json::string(out, value, LONGEST);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_one_line_of_json() {
        let tags = vec!["attack-sqli".to_owned()];
        let record = WafRecord {
            time_millis: 0,
            request_id: "r",
            client_ip: "192.0.2.1".parse().unwrap(),
            method: "GET",
            host: "api.example",
            uri: b"/a?b=\"\xff\n",
            status: 403,
            mode: "prevention",
            blocked: true,
            inbound_score: 5,
            outbound_score: 0,
            headers: vec![("x-request-id", b"1".to_vec())],
            rules: vec![WafRule {
                id: 942_100,
                phase: 2,
                message: "SQL",
                data: b"1' or".to_vec(),
                severity: Some("CRITICAL"),
                tags: &tags,
                variable: "ARGS:b",
            }],
            api: Some("orders"),
            operation: None,
            proven: &[("ARGS:id".to_owned(), "uuid")],
        };
        let mut line = Vec::new();
        record.write_line(&mut line);
        assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
        let value: serde_json::Value = serde_json::from_slice(&line).unwrap();
        assert_eq!(value["rules"][0]["id"], 942_100);
        assert_eq!(value["headers"]["x-request-id"], "1");
        assert_eq!(value["blocked"], true);
        assert_eq!(value["api"], "orders");
        assert_eq!(value["proven"][0]["proof"], "uuid");
    }
}
