//! The end of an inspection: what is counted and written of it.

use gatehouse_policy::Exchange;
use gatehouse_telemetry::waf_log::{WafLog, WafRecord, WafRule};
use gatehouse_waf::Match;

use super::Inspection;
use super::measures::{Outcome, WafMeasures};

impl Inspection {
    /// Runs the last phase, counts, and writes the record where there was a match.
    pub(crate) fn end(
        mut self: Box<Self>,
        exchange: &Exchange,
        method: &str,
        time_millis: u64,
        measures: &WafMeasures,
        log: Option<&WafLog>,
    ) {
        self.transaction.end();
        let transaction = &self.transaction;
        let outcome =
            match (self.blocked, transaction.suppressed().is_some() || transaction.is_beyond_bounds()) {
                (true, _) => Outcome::Blocked,
                (false, true) => Outcome::Detected,
                (false, false) => Outcome::Passed,
            };
        let api = self.api.as_ref().map_or("", |api| &*api.id);
        measures.count(outcome, api, transaction.matches().iter().map(|found| found.id));
        let Some(log) = log else { return };
        let refused_by_bounds =
            self.blocked && transaction.refusal().is_some_and(|refusal| refusal.rule == 0);
        if !transaction.is_audited() && !refused_by_bounds && !transaction.is_beyond_bounds() {
            return;
        }
        let firewall = &self.firewall;
        let names = |names: &'_ [String]| -> Vec<String> { names.to_vec() };
        let (fields, arguments) = (names(&firewall.key_fields), names(&firewall.key_arguments));
        let secrets = transaction.secrets(
            &fields.iter().map(String::as_str).collect::<Vec<_>>(),
            &arguments.iter().map(String::as_str).collect::<Vec<_>>(),
        );
        let mask = |text: &[u8]| masked(text, &secrets);
        let request = &exchange.request;
        let status = exchange.response.as_ref().map_or(500, |response| response.status.as_u16());
        let headers = firewall
            .audit_headers
            .iter()
            .filter_map(|name| Some((name.as_str(), mask(request.headers.get(name)?.as_bytes()))))
            .collect();
        let rule = |found: &'_ Match| mask(found.data.as_bytes());
        let rules = transaction
            .matches()
            .iter()
            .filter(|found| found.audited)
            .map(|found| WafRule {
                id: found.id,
                phase: found.phase,
                message: &found.message,
                data: rule(found),
                severity: found.severity,
                tags: &found.tags,
                variable: &found.variable,
            })
            .collect();
        let proven = transaction.proven();
        let mut buffer = uuid::Uuid::encode_buffer();
        log.record(&WafRecord {
            time_millis,
            request_id: exchange.id.hyphenated().encode_lower(&mut buffer),
            client_ip: request.client_ip,
            method,
            host: &request.original_url.host,
            uri: &mask(self.target.as_bytes()),
            status,
            mode: self.mode.as_str(),
            blocked: self.blocked,
            inbound_score: transaction.score("blocking_inbound_anomaly_score"),
            outbound_score: transaction.score("blocking_outbound_anomaly_score"),
            headers,
            rules,
            api: self.api.as_ref().map(|api| &*api.id),
            operation: self.operation.as_ref().map(|operation| &*operation.id),
            proven: &proven,
        });
    }
}

/// The text with every secret in it replaced.
fn masked(text: &[u8], secrets: &[Vec<u8>]) -> Vec<u8> {
    let mut text = text.to_vec();
    for secret in secrets {
        let mut at = 0;
        while let Some(found) = memchr::memmem::find(&text[at..], secret) {
            text.splice(at + found..at + found + secret.len(), *b"***");
            at += found + 3;
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn secrets_are_taken_out() {
        let secrets = [b"s3cretkey".to_vec()];
        assert_eq!(
            masked(b"/a?subscription-key=s3cretkey&b=s3cretkey", &secrets),
            b"/a?subscription-key=***&b=***"
        );
    }
}
