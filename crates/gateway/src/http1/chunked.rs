//! The framing of a chunked body (RFC 9112 section 7.1), followed byte by byte so that the end of the message is known
//! exactly. White space around sizes and bare line feeds are refused: recipients differ in them.

use super::head::{is_token, is_value};
use crate::client::request_body::FramingError;

/// All extensions of a body together; nobody uses them, but they cost what they weigh.
const MAX_EXTENSION_BYTES: u32 = 4096;

/// How far a chunked body has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunked {
    state: State,
    extension_bytes: u32,
    trailer_bytes: usize,
    trailer_fields: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Size { digits: u8, value: u64 },
    Extension { value: u64 },
    SizeLineFeed { value: u64 },
    Data { left: u64 },
    DataReturn,
    DataLineFeed,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    EndLineFeed,
    Done,
}

/// The bounds of trailer fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct TrailerLimits {
    /// Bytes of the trailer section.
    pub(super) bytes: usize,
    /// Number of fields.
    pub(super) fields: usize,
}

impl Chunked {
    pub(super) fn new() -> Self {
        Self {
            state: State::Size { digits: 0, value: 0 },
            extension_bytes: 0,
            trailer_bytes: 0,
            trailer_fields: 0,
        }
    }

    /// Whether the last byte of the body has been seen.
    pub(super) fn is_done(&self) -> bool {
        self.state == State::Done
    }

    /// Follows the bytes up to the end of the body. Tells how many belong to it; with an error, how many were good.
    pub(super) fn follow(
        &mut self,
        bytes: &[u8],
        limits: TrailerLimits,
    ) -> (usize, Result<(), FramingError>) {
        let mut at = 0;
        while self.state != State::Done {
            if let State::Data { left } = self.state {
                let skipped = left.min((bytes.len() - at) as u64);
                at += skipped as usize;
                self.state =
                    if skipped == left { State::DataReturn } else { State::Data { left: left - skipped } };
                if at == bytes.len() {
                    break;
                }
            }
            let Some(byte) = bytes.get(at) else { break };
            match self.step(*byte, limits) {
                Ok(next) => self.state = next,
                Err(error) => return (at, Err(error)),
            }
            at += 1;
        }
        (at, Ok(()))
    }

    fn step(&mut self, byte: u8, limits: TrailerLimits) -> Result<State, FramingError> {
        Ok(match self.state {
            State::Size { digits, value } => match (byte, hex(byte)) {
                (_, Some(_)) if digits == 16 => return Err(FramingError("a chunk size is too large")),
                (_, Some(digit)) => State::Size { digits: digits + 1, value: value << 4 | u64::from(digit) },
                (b'\r', _) if digits > 0 => State::SizeLineFeed { value },
                (b';', _) if digits > 0 => State::Extension { value },
                _ => return Err(FramingError("a chunk size is malformed")),
            },
            State::Extension { value } => {
                self.extension_bytes += 1;
                if self.extension_bytes > MAX_EXTENSION_BYTES {
                    return Err(FramingError("the chunk extensions are too large"));
                }
                match byte {
                    b'\r' => State::SizeLineFeed { value },
                    _ if is_value(byte) => self.state,
                    _ => return Err(FramingError("a chunk extension is malformed")),
                }
            }
            State::SizeLineFeed { value } => match (byte, value) {
                (b'\n', 0) => State::TrailerStart,
                // Two below the maximum are taken by the parser behind for its own purposes.
                (b'\n', left) if left < u64::MAX - 2 => State::Data { left },
                (b'\n', _) => return Err(FramingError("a chunk size is too large")),
                _ => return Err(FramingError("a chunk size does not end with CRLF")),
            },
            State::DataReturn if byte == b'\r' => State::DataLineFeed,
            State::DataLineFeed if byte == b'\n' => State::Size { digits: 0, value: 0 },
            State::DataReturn | State::DataLineFeed => {
                return Err(FramingError("a chunk does not end with CRLF where its size says"));
            }
            State::TrailerStart
            | State::TrailerName
            | State::TrailerValue
            | State::TrailerLineFeed
            | State::EndLineFeed => self.step_trailer(byte, limits)?,
            State::Data { .. } | State::Done => self.state,
        })
    }

    fn step_trailer(&mut self, byte: u8, limits: TrailerLimits) -> Result<State, FramingError> {
        self.trailer_bytes += 1;
        if self.trailer_bytes > limits.bytes {
            return Err(FramingError("the trailer fields are too large"));
        }
        match (self.state, byte) {
            (State::TrailerStart, b'\r') => Ok(State::EndLineFeed),
            (State::TrailerStart, _) if is_token(byte) => {
                self.trailer_fields += 1;
                if self.trailer_fields > limits.fields {
                    return Err(FramingError("there are too many trailer fields"));
                }
                Ok(State::TrailerName)
            }
            (State::TrailerName, b':') => Ok(State::TrailerValue),
            (State::TrailerName, _) if is_token(byte) => Ok(State::TrailerName),
            (State::TrailerValue, b'\r') => Ok(State::TrailerLineFeed),
            (State::TrailerValue, _) if is_value(byte) => Ok(State::TrailerValue),
            (State::TrailerLineFeed, b'\n') => Ok(State::TrailerStart),
            (State::EndLineFeed, b'\n') => Ok(State::Done),
            _ => Err(FramingError("a trailer field is malformed")),
        }
    }
}

fn hex(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: TrailerLimits = TrailerLimits { bytes: 64, fields: 2 };

    fn follow(bytes: &[u8]) -> (usize, Result<(), FramingError>, bool) {
        let mut chunked = Chunked::new();
        let (at, result) = chunked.follow(bytes, LIMITS);
        (at, result, chunked.is_done())
    }

    #[test]
    fn the_end_is_exact_at_any_split() {
        let body = b"4;a=b\r\nwiki\r\n0A\r\n0123456789\r\n0\r\nX: 1\r\n\r\nGET /";
        let end = body.len() - 5;
        assert_eq!(follow(body), (end, Ok(()), true));
        for split in 0..=end {
            let mut chunked = Chunked::new();
            let (first, second) = body.split_at(split);
            assert_eq!(chunked.follow(first, LIMITS), (split, Ok(())), "{split}");
            assert_eq!(chunked.follow(second, LIMITS), (end - split, Ok(())), "{split}");
            assert!(chunked.is_done());
        }
    }

    #[test]
    fn odd_framing_is_refused_where_it_begins() {
        for (body, at) in [
            (&b"\r\n"[..], 0),
            (b";a\r\n", 0),
            (b"g\r\n", 0),
            (b" 4\r\n", 0),
            (b"4 \r\nwiki\r\n", 1),
            (b"0x4\r\n", 1),
            (b"-1\r\n", 0),
            (b"4\nwiki\r\n", 1),
            (b"4;a\nwiki\r\n", 3),
            (b"4;a\0\r\n", 3),
            (b"4\r\nwikis\r\n", 7),
            (b"4\r\nwiki\n0\r\n\r\n", 7),
            (b"4\r\nwiki\rx", 8),
            (b"10000000000000000\r\n", 16),
            (b"ffffffffffffffff\r\n", 17),
            (b"0\r\nX : 1\r\n\r\n", 4),
            (b"0\r\n X: 1\r\n\r\n", 3),
            (b"0\r\nX: 1\n\r\n", 7),
            (b"0\r\nX: \0\r\n\r\n", 6),
            (b"0\r\n\n", 3),
            (b"0\r\n\rx", 4),
            (b"0\r\nA:\r\nB:\r\nC:\r\n\r\n", 11),
        ] {
            let (good, result, _) = follow(body);
            assert!(result.is_err(), "{:?}", String::from_utf8_lossy(body));
            assert_eq!(good, at, "{:?}", String::from_utf8_lossy(body));
        }
    }

    #[test]
    fn extensions_and_trailers_are_bounded() {
        let mut body = b"1;".to_vec();
        body.resize(5000, b'a');
        assert!(follow(&body).1.is_err());
        let mut body = b"0\r\nX: ".to_vec();
        body.resize(100, b'a');
        assert!(follow(&body).1.is_err());
    }
}
