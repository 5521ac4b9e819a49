//! The `traceparent` header (W3C Trace Context, <https://www.w3.org/TR/trace-context/>).

use std::fmt;

/// Which trace a request belongs to, and the span that called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TraceContext {
    /// The trace; never all zero.
    pub trace_id: [u8; 16],
    /// The span of the sender; never all zero.
    pub span_id: [u8; 8],
    /// Whether the sender records the trace (bit 0 of the flags).
    pub sampled: bool,
    /// Whether the trace id is random (bit 1, Trace Context level 2).
    pub random: bool,
}

impl TraceContext {
    /// The length of the header that [`to_header`](Self::to_header) makes.
    pub const HEADER_LENGTH: usize = 55;

    /// Reads a `traceparent` header. A header of a later version is read as far as version 00 says.
    ///
    /// A malformed one is refused: its sender then has no part in the trace, and `tracestate` must be dropped
    /// with it.
    pub fn parse(header: &[u8]) -> Result<Self, InvalidTraceParent> {
        let (head, rest) = header
            .split_first_chunk::<{ Self::HEADER_LENGTH }>()
            .ok_or(InvalidTraceParent::Length(header.len()))?;
        let [version] = hex(&head[0..2])?;
        if version == 0xFF {
            return Err(InvalidTraceParent::Version);
        }
        if !rest.is_empty() && (version == 0 || rest[0] != b'-') {
            return Err(InvalidTraceParent::Length(header.len()));
        }
        if [2, 35, 52].into_iter().any(|at| head[at] != b'-') {
            return Err(InvalidTraceParent::Character);
        }
        let (trace_id, span_id) = (hex(&head[3..35])?, hex(&head[36..52])?);
        let [flags] = hex(&head[53..55])?;
        if trace_id == [0; 16] || span_id == [0; 8] {
            return Err(InvalidTraceParent::Zero);
        }
        Ok(Self { trace_id, span_id, sampled: flags & 1 != 0, random: flags & 2 != 0 })
    }

    /// The same trace with a span of this instance, to be sent on.
    pub fn child(self, mut span_id: [u8; 8]) -> Self {
        span_id[7] |= u8::from(span_id == [0; 8]);
        Self { span_id, ..self }
    }

    /// The header to send, in version 00.
    pub fn to_header(&self) -> [u8; Self::HEADER_LENGTH] {
        let mut header = *b"00-00000000000000000000000000000000-0000000000000000-00";
        write_hex(&mut header[3..35], &self.trace_id);
        write_hex(&mut header[36..52], &self.span_id);
        header[54] = b'0' + u8::from(self.sampled) + 2 * u8::from(self.random);
        header
    }
}

impl fmt::Display for TraceContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.to_header()).unwrap_or_default())
    }
}

/// Why a header is no `traceparent`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTraceParent {
    /// A character that is no lower-case hexadecimal digit, or a dash in the wrong place.
    #[error("traceparent has a character that does not belong where it stands")]
    Character,
    /// Too short, or more than its version knows.
    #[error("traceparent has {0} characters; version 00 has 55")]
    Length(usize),
    /// Version `ff`, which is forbidden.
    #[error("traceparent has the forbidden version ff")]
    Version,
    /// The trace id or the span id is zero.
    #[error("traceparent has an id of zeros only")]
    Zero,
}

fn hex<const N: usize>(digits: &[u8]) -> Result<[u8; N], InvalidTraceParent> {
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
        for digit in pair {
            *byte = *byte << 4
                | match digit {
                    b'0'..=b'9' => digit - b'0',
                    b'a'..=b'f' => digit - b'a' + 10,
                    _ => return Err(InvalidTraceParent::Character),
                };
        }
    }
    Ok(bytes)
}

fn write_hex(digits: &mut [u8], bytes: &[u8]) {
    for (pair, byte) in digits.chunks_mut(2).zip(bytes) {
        for (digit, value) in pair.iter_mut().zip([byte >> 4, byte & 15]) {
            *digit = if value < 10 { b'0' + value } else { b'a' + value - 10 };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn the_example_of_the_specification_is_read_and_written() {
        let context = TraceContext::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!(context.span_id, [0x00, 0xf0, 0x67, 0xaa, 0x0b, 0xa9, 0x02, 0xb7]);
        assert!(context.sampled && !context.random);
        assert_eq!(context.to_string(), EXAMPLE);
    }

    #[test]
    fn a_hop_keeps_the_trace_and_changes_the_span() {
        let context = TraceContext::parse(EXAMPLE.as_bytes()).unwrap().child([0xab; 8]);
        assert_eq!(context.to_string(), "00-4bf92f3577b34da6a3ce929d0e0e4736-abababababababab-01");
        assert_ne!(context.child([0; 8]).span_id, [0; 8]);
    }

    #[test]
    fn malformed_headers_are_refused() {
        let replaced = |range: std::ops::Range<usize>, with: &str| {
            let mut text = EXAMPLE.to_owned();
            text.replace_range(range, with);
            TraceContext::parse(text.as_bytes()).unwrap_err()
        };
        assert_eq!(replaced(0..2, "ff"), InvalidTraceParent::Version);
        assert_eq!(replaced(0..2, "0x"), InvalidTraceParent::Character);
        assert_eq!(replaced(2..3, "_"), InvalidTraceParent::Character);
        assert_eq!(replaced(3..4, "A"), InvalidTraceParent::Character);
        assert_eq!(replaced(3..35, &"0".repeat(32)), InvalidTraceParent::Zero);
        assert_eq!(replaced(36..52, &"0".repeat(16)), InvalidTraceParent::Zero);
        assert_eq!(replaced(54..55, ""), InvalidTraceParent::Length(54));
        assert_eq!(replaced(55..55, "-more"), InvalidTraceParent::Length(60));
        assert_eq!(TraceContext::parse(b"").unwrap_err(), InvalidTraceParent::Length(0));
        assert_eq!(TraceContext::parse(&[0xFF; 55]).unwrap_err(), InvalidTraceParent::Character);
    }

    #[test]
    fn later_versions_are_read_as_far_as_known_and_sent_on_as_00() {
        let later = format!("cc{}", &EXAMPLE[2..]);
        assert_eq!(TraceContext::parse(later.as_bytes()).unwrap().to_string(), EXAMPLE);
        assert!(TraceContext::parse(format!("{later}-what-will-be").as_bytes()).is_ok());
        assert!(TraceContext::parse(format!("{later}.what").as_bytes()).is_err());
    }

    #[test]
    fn unknown_flags_are_not_sent_on() {
        let context = TraceContext::parse(format!("{}ff", &EXAMPLE[..53]).as_bytes()).unwrap();
        assert!(context.to_string().ends_with("-03"));
    }
}
