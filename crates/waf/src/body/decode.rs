//! Content codings (RFC 9110 section 8.4.1) undone, within a bound.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::BodyError;

/// The content of a coded body; `None` where the coding is none that can be undone. A content above the limit is an error: a body
/// of a few bytes must not become one of gigabytes.
pub(crate) fn decode(coding: &[u8], body: &[u8], limit: usize) -> Option<Result<Vec<u8>, BodyError>> {
    let coding = crate::text::trim(coding).to_ascii_lowercase();
    Some(match &*coding {
        b"gzip" | b"x-gzip" => read(MultiGzDecoder::new(body), limit),
        // Senders disagree on whether deflate has the header of zlib.
        b"deflate" => read(ZlibDecoder::new(body), limit).or_else(|error| match error {
            BodyError::Malformed(_) => read(DeflateDecoder::new(body), limit),
            error => Err(error),
        }),
        _ => return None,
    })
}

fn read(decoder: impl Read, limit: usize) -> Result<Vec<u8>, BodyError> {
    let mut content = Vec::new();
    decoder
        .take(limit as u64 + 1)
        .read_to_end(&mut content)
        .map_err(|error| BodyError::Malformed(format!("the coded body is malformed: {error}")))?;
    if content.len() > limit { Err(BodyError::TooLarge(limit)) } else { Ok(content) }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{GzEncoder, ZlibEncoder};

    use super::*;

    #[test]
    fn codings_are_undone_within_the_bound() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&vec![b'a'; 10 << 20]).unwrap();
        let bomb = gzip.finish().unwrap();
        assert!(bomb.len() < 20_000);
        assert_eq!(decode(b"gzip", &bomb, 1 << 20), Some(Err(BodyError::TooLarge(1 << 20))));
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(b"hello").unwrap();
        assert_eq!(decode(b"Deflate", &zlib.finish().unwrap(), 100), Some(Ok(b"hello".to_vec())));
        assert!(matches!(decode(b"gzip", b"no", 100), Some(Err(BodyError::Malformed(_)))));
        assert_eq!(decode(b"br", b"", 100), None);
    }
}
