//! The response side: status, header, body, and the end of the transaction.

use super::{Refusal, RefusalKind, Transaction, Verdict};
use crate::body::decode;
use crate::seclang::LimitAction;
use crate::variables::{List, Scalar};

impl Transaction {
    /// Takes the status and the version of the response.
    pub fn response_line(&mut self, status: u16, protocol: &[u8]) {
        self.response_status = status;
        self.set_number(Scalar::ResponseStatus, status.into());
        self.set(Scalar::ResponseProtocol, protocol);
        let line = [protocol, b" ", itoa::Buffer::new().format(status).as_bytes()].concat();
        self.set(Scalar::StatusLine, &line);
    }

    /// Takes a field of the response's header.
    pub fn response_header(&mut self, name: &[u8], value: &[u8]) {
        self.push(List::ResponseHeaders, name, value);
        if name.eq_ignore_ascii_case(b"content-type") {
            self.set(Scalar::ResponseContentType, value);
        }
        if name.eq_ignore_ascii_case(b"content-length") {
            self.set(Scalar::ResponseContentLength, value);
        }
    }

    /// The response's header has ended: phase 3.
    pub fn end_of_response_header(&mut self) -> Verdict {
        self.run_phase(3);
        self.verdict()
    }

    /// Whether the rules look at the response's body.
    pub fn wants_response_body(&self) -> bool {
        if self.is_off() || !self.response.access || self.refusal.is_some() {
            return false;
        }
        let coding = self.field(List::ResponseHeaders, b"content-encoding");
        if coding.is_some_and(|coding| !decode::can_undo(&coding)) {
            return false;
        }
        let media_type = self.field(List::ResponseHeaders, b"content-type").unwrap_or_default();
        let end = media_type.iter().position(|byte| *byte == b';').unwrap_or(media_type.len());
        let essence = crate::text::trim(&media_type[..end]);
        self.rules
            .settings
            .response_body_mime_types
            .iter()
            .any(|known| known.as_bytes().eq_ignore_ascii_case(essence))
    }

    /// Takes a part of the response's body.
    pub fn response_body(&mut self, part: &[u8]) -> Verdict {
        let room = self.response.limit.saturating_sub(self.response.bytes.len());
        self.response.length += part.len() as u64;
        self.response.bytes.extend_from_slice(&part[..part.len().min(room)]);
        if part.len() > room {
            self.set_number(Scalar::OutboundDataError, 1);
            if self.rules.settings.response_body_limit_action == LimitAction::Reject {
                self.refuse(Refusal { status: 502, rule: 0, kind: RefusalKind::BodyTooLarge });
            }
        }
        self.verdict()
    }

    /// Whether the response's body is larger than what the rules look at.
    pub fn is_response_body_cut(&self) -> bool {
        self.response.length > self.response.limit as u64
    }

    /// The response's body has ended: phase 4.
    pub fn end_of_response_body(&mut self) -> Verdict {
        if !self.response.bytes.is_empty() {
            let body = std::mem::take(&mut self.response.bytes);
            let coding = self.field(List::ResponseHeaders, b"content-encoding").unwrap_or_default();
            match decode::decode_beginning(&coding, &body, self.response.limit) {
                Some(content) => self.set(Scalar::ResponseBody, &content),
                None => self.set(Scalar::ResponseBody, &body),
            }
            self.response.bytes = body;
        }
        self.run_phase(4);
        self.verdict()
    }

    /// The transaction has ended, whichever way: phase 5, which only reports.
    pub fn end(&mut self) {
        self.run_phase(5);
    }
}
