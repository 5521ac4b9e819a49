//! Content codings (RFC 9110, section 8.4.1): the bytes of a compressed body, never more than a bound of them.

use std::io::Read;

use bytes::Bytes;
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

/// How many codings may lie over one another.
const MAX_CODINGS: usize = 2;

/// Why the bytes of a body cannot be had.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum CodingError {
    /// They are more than the bound.
    #[error("The decompressed body is too large.")]
    TooLarge,
    /// The coding is not known here.
    #[error("The content coding of the body is not known.")]
    Unknown,
    /// The bytes are not what the coding says.
    #[error("The body is not compressed as its content coding says.")]
    Broken,
}

/// The codings of a message, in the order in which they were applied.
pub(super) fn codings(headers: &HeaderMap) -> Result<Vec<String>, CodingError> {
    let mut all = Vec::new();
    for value in headers.get_all(CONTENT_ENCODING) {
        let text = value.to_str().map_err(|_| CodingError::Unknown)?;
        let names = text.split(',').map(|name| name.trim().to_ascii_lowercase());
        all.extend(names.filter(|name| !name.is_empty() && name != "identity"));
    }
    if all.len() > MAX_CODINGS { Err(CodingError::Unknown) } else { Ok(all) }
}

/// Takes the codings off a body; `limit`: how many bytes there may be afterwards.
pub(super) fn decode(body: &Bytes, codings: &[String], limit: usize) -> Result<Bytes, CodingError> {
    let mut bytes = body.clone();
    for coding in codings.iter().rev() {
        bytes = match coding.as_str() {
            "gzip" | "x-gzip" => bounded(flate2::read::MultiGzDecoder::new(&*bytes), limit)?,
            // RFC 9110 means zlib; some senders mean the raw stream.
            "deflate" => match bounded(flate2::read::ZlibDecoder::new(&*bytes), limit) {
                Err(CodingError::Broken) => bounded(flate2::read::DeflateDecoder::new(&*bytes), limit)?,
                other => other?,
            },
            "br" => bounded(brotli_decompressor::Decompressor::new(&*bytes, 4096), limit)?,
            _ => return Err(CodingError::Unknown),
        };
    }
    Ok(bytes)
}

fn bounded(reader: impl Read, limit: usize) -> Result<Bytes, CodingError> {
    let mut out = Vec::new();
    reader.take(limit as u64 + 1).read_to_end(&mut out).map_err(|_| CodingError::Broken)?;
    if out.len() > limit { Err(CodingError::TooLarge) } else { Ok(out.into()) }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use http::HeaderValue;

    use super::*;

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    #[test]
    fn codings_are_taken_off_in_their_order() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static("GZIP, identity"));
        headers.append(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        let codings = codings(&headers).unwrap();
        assert_eq!(codings, ["gzip", "gzip"]);
        assert_eq!(decode(&gzip(&gzip(b"text")), &codings, 100).unwrap(), "text");
        headers.append(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        assert_eq!(super::codings(&headers), Err(CodingError::Unknown));
    }

    #[test]
    fn bombs_end_at_the_bound() {
        let bomb = gzip(&vec![b' '; 10 << 20]);
        assert!(bomb.len() < 20_000);
        assert_eq!(decode(&bomb, &["gzip".into()], 1000), Err(CodingError::TooLarge));
    }

    #[test]
    fn deflate_means_both_of_its_readings() {
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(b"text").unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::fast());
        raw.write_all(b"text").unwrap();
        for body in [zlib.finish().unwrap(), raw.finish().unwrap()] {
            assert_eq!(decode(&body.into(), &["deflate".into()], 4).unwrap(), "text");
        }
    }

    #[test]
    fn what_is_broken_or_unknown_is_refused() {
        assert_eq!(decode(&"no".into(), &["gzip".into()], 100), Err(CodingError::Broken));
        assert_eq!(decode(&gzip(b"text").slice(..10), &["gzip".into()], 100), Err(CodingError::Broken));
        assert_eq!(decode(&"no".into(), &["br".into()], 100), Err(CodingError::Broken));
        assert_eq!(decode(&"no".into(), &["zstd".into()], 100), Err(CodingError::Unknown));
    }
}
