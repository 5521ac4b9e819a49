//! One record and its line.

use std::io::Write as _;
use std::net::IpAddr;

use crate::json;
use crate::timestamp::rfc3339_millis;

/// What the access log says about a request; the fields of a line in their order. Absent values are `null`.
#[derive(Clone, Copy, Debug)]
pub struct AccessRecord<'a> {
    /// When the request's head was complete, in milliseconds since 1970.
    pub time_millis: u64,
    /// The request's id.
    pub request_id: &'a str,
    /// The listener's name.
    pub listener: &'a str,
    /// The listener's zone, `external` or `internal`.
    pub zone: &'a str,
    /// The client's address, from a trusted proxy where there is one.
    pub client_ip: IpAddr,
    /// The request's method.
    pub method: &'a str,
    /// The host that the request names.
    pub host: Option<&'a [u8]>,
    /// The path as it was sent. What follows a `?` is not logged, since keys may stand in a query.
    pub path: &'a [u8],
    /// `HTTP/1.1` or `HTTP/2`.
    pub protocol: &'a str,
    /// `TLSv1.2` or `TLSv1.3`, as other servers write it.
    pub tls_version: Option<&'a str>,
    /// The cipher suite's IANA name.
    pub tls_cipher: Option<&'a str>,
    /// The SHA-256 thumbprint of the client's certificate.
    pub client_certificate: Option<&'a str>,
    /// The status that was sent; `None` when the client was gone before.
    pub status: Option<u16>,
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the response's body.
    pub bytes_out: u64,
    /// From the request's head to the response's last byte, in microseconds.
    pub duration_us: u64,
    /// From the first byte sent to the backend to its response's head, in microseconds.
    pub backend_us: Option<u64>,
    /// The API's name.
    pub api: Option<&'a str>,
    /// The operation's name.
    pub operation: Option<&'a str>,
    /// The product's name.
    pub product: Option<&'a str>,
    /// The subscription's name; never a key.
    pub subscription: Option<&'a str>,
    /// What went wrong.
    pub error: Option<ErrorRecord<'a>>,
}

/// What went wrong, as in `context.LastError`.
#[derive(Clone, Copy, Debug, Default)]
pub struct ErrorRecord<'a> {
    /// What failed: a policy's name, or a part of the gateway such as `authorization`.
    pub source: &'a str,
    /// A short name of the cause, such as `SubscriptionKeyNotFound`.
    pub reason: &'a str,
    /// One sentence.
    pub message: &'a str,
    /// The section that was running.
    pub section: Option<&'a str>,
    /// The place in the policy document.
    pub path: Option<&'a str>,
    /// The policy's `id` attribute.
    pub policy_id: Option<&'a str>,
}

impl AccessRecord<'_> {
    /// Appends the record as one line of JSON.
    pub(crate) fn write_line(&self, out: &mut Vec<u8>) {
        out.reserve(TYPICAL_LINE);
        literal(out, b"{\"time\":\"");
        rfc3339_millis(out, self.time_millis);
        literal(out, b"\",\"request_id\":");
        text(out, self.request_id);
        literal(out, b",\"listener\":");
        text(out, self.listener);
        literal(out, b",\"zone\":");
        text(out, self.zone);
        literal(out, b",\"client_ip\":\"");
        address(out, self.client_ip);
        literal(out, b"\",\"method\":");
        text(out, self.method);
        literal(out, b",\"host\":");
        optional(out, self.host);
        literal(out, b",\"path\":");
        let path = memchr::memchr(b'?', self.path).and_then(|query| self.path.get(..query));
        json::string(out, path.unwrap_or(self.path), LONGEST_PATH);
        literal(out, b",\"protocol\":");
        text(out, self.protocol);
        literal(out, b",\"tls_version\":");
        optional(out, self.tls_version.map(str::as_bytes));
        literal(out, b",\"tls_cipher\":");
        optional(out, self.tls_cipher.map(str::as_bytes));
        literal(out, b",\"client_certificate\":");
        optional(out, self.client_certificate.map(str::as_bytes));
        literal(out, b",\"status\":");
        number(out, self.status.map(u64::from));
        literal(out, b",\"bytes_in\":");
        number(out, Some(self.bytes_in));
        literal(out, b",\"bytes_out\":");
        number(out, Some(self.bytes_out));
        literal(out, b",\"duration_us\":");
        number(out, Some(self.duration_us));
        literal(out, b",\"backend_us\":");
        number(out, self.backend_us);
        literal(out, b",\"api\":");
        optional(out, self.api.map(str::as_bytes));
        literal(out, b",\"operation\":");
        optional(out, self.operation.map(str::as_bytes));
        literal(out, b",\"product\":");
        optional(out, self.product.map(str::as_bytes));
        literal(out, b",\"subscription\":");
        optional(out, self.subscription.map(str::as_bytes));
        literal(out, b",\"error\":");
        match &self.error {
            Some(error) => error.write(out),
            None => literal(out, b"null"),
        }
        literal(out, b"}\n");
    }
}

impl ErrorRecord<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        literal(out, b"{\"source\":");
        text(out, self.source);
        literal(out, b",\"reason\":");
        text(out, self.reason);
        literal(out, b",\"message\":");
        json::string(out, self.message.as_bytes(), LONGEST_MESSAGE);
        literal(out, b",\"section\":");
        optional(out, self.section.map(str::as_bytes));
        literal(out, b",\"path\":");
        optional(out, self.path.map(str::as_bytes));
        literal(out, b",\"policy_id\":");
        optional(out, self.policy_id.map(str::as_bytes));
        out.push(b'}');
    }
}

/// Room for most lines.
const TYPICAL_LINE: usize = 640;
/// How many bytes of a path are logged.
const LONGEST_PATH: usize = 2048;
/// How many bytes of an error's message are logged.
const LONGEST_MESSAGE: usize = 1024;
/// How many bytes of any other text are logged.
const LONGEST_TEXT: usize = 256;

/// A text whose length the compiler knows, so that copying it is a few moves and no call.
#[inline]
fn literal<const N: usize>(out: &mut Vec<u8>, text: &[u8; N]) {
    out.extend_from_slice(text);
}

fn text(out: &mut Vec<u8>, value: &str) {
    json::string(out, value.as_bytes(), LONGEST_TEXT);
}

fn optional(out: &mut Vec<u8>, value: Option<&[u8]>) {
    match value {
        Some(value) => json::string(out, value, LONGEST_TEXT),
        None => literal(out, b"null"),
    }
}

fn number(out: &mut Vec<u8>, value: Option<u64>) {
    match value {
        Some(value) => out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes()),
        None => literal(out, b"null"),
    }
}

fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (index, octet) in address.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                out.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
            }
        }
        // Writing to memory does not fail.
        IpAddr::V6(address) => drop(write!(out, "{address}")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    const RECORD: AccessRecord<'static> = AccessRecord {
        time_millis: 1_767_225_599_050,
        request_id: "00112233-4455-4677-8899-aabbccddeeff",
        listener: "public",
        zone: "external",
        client_ip: IpAddr::V4(std::net::Ipv4Addr::new(203, 0, 113, 9)),
        method: "GET",
        host: Some(b"api.contoso.example"),
        path: b"/orders/7",
        protocol: "HTTP/2",
        tls_version: Some("1.3"),
        tls_cipher: Some("TLS_AES_256_GCM_SHA384"),
        client_certificate: None,
        status: Some(200),
        bytes_in: 0,
        bytes_out: 1024,
        duration_us: 812,
        backend_us: Some(700),
        api: Some("orders"),
        operation: Some("get-order"),
        product: Some("starter"),
        subscription: Some("ana"),
        error: None,
    };

    fn line(record: &AccessRecord<'_>) -> String {
        let mut out = Vec::new();
        record.write_line(&mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn a_line_has_the_documented_fields_in_their_order() {
        assert_eq!(
            line(&RECORD),
            "{\"time\":\"2025-12-31T23:59:59.050Z\",\"request_id\":\"00112233-4455-4677-8899-aabbccddeeff\",\
             \"listener\":\"public\",\"zone\":\"external\",\"client_ip\":\"203.0.113.9\",\"method\":\"GET\",\
             \"host\":\"api.contoso.example\",\"path\":\"/orders/7\",\"protocol\":\"HTTP/2\",\
             \"tls_version\":\"1.3\",\"tls_cipher\":\"TLS_AES_256_GCM_SHA384\",\"client_certificate\":null,\
             \"status\":200,\"bytes_in\":0,\"bytes_out\":1024,\"duration_us\":812,\"backend_us\":700,\
             \"api\":\"orders\",\"operation\":\"get-order\",\"product\":\"starter\",\"subscription\":\"ana\",\
             \"error\":null}\n"
        );
    }

    #[test]
    fn absent_values_are_null_and_an_error_is_an_object() {
        let record = AccessRecord {
            host: None,
            tls_version: None,
            tls_cipher: None,
            status: None,
            backend_us: None,
            api: None,
            operation: None,
            product: None,
            subscription: None,
            error: Some(ErrorRecord {
                source: "authorization",
                reason: "SubscriptionKeyNotFound",
                message: "Access denied due to missing subscription key.",
                section: Some("inbound"),
                path: None,
                policy_id: None,
            }),
            client_ip: "2001:db8::1".parse().unwrap(),
            ..RECORD
        };
        let value: Value = serde_json::from_str(&line(&record)).unwrap();
        for field in
            ["host", "tls_version", "tls_cipher", "client_certificate", "status", "backend_us", "api"]
        {
            assert_eq!(value[field], Value::Null, "{field}");
        }
        assert_eq!(value["client_ip"], "2001:db8::1");
        let error = json!({
            "source": "authorization", "reason": "SubscriptionKeyNotFound",
            "message": "Access denied due to missing subscription key.",
            "section": "inbound", "path": null, "policy_id": null,
        });
        assert_eq!(value["error"], error);
    }

    #[test]
    fn a_query_is_not_logged() {
        let record = AccessRecord { path: b"/orders?subscription-key=0123456789", ..RECORD };
        let line = line(&record);
        assert!(line.contains("\"path\":\"/orders\"") && !line.contains("0123456789"), "{line}");
    }

    #[test]
    fn hostile_values_stay_on_one_bounded_line() {
        let path = b"/\"}\n{\"time\":\xFF\x00".repeat(50_000);
        let record =
            AccessRecord { path: &path, host: Some(&[b'\n'; 9_000]), method: "G\u{2028}T", ..RECORD };
        let line = line(&record);
        assert_eq!(line.matches('\n').count(), 1);
        assert!(line.len() < 20_000, "{}", line.len());
        let value: Value = serde_json::from_str(&line).unwrap();
        assert!(value["path"].as_str().unwrap().starts_with("/\"}\n{\"time\":\u{FFFD}\0"));
        assert!(value["path"].as_str().unwrap().ends_with('…'));
    }
}
