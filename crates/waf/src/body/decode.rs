//! Content codings (RFC 9110 section 8.4.1) undone, within a bound.

use std::io::Read;

use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};

use super::BodyError;

/// The buffer of the decoder of Brotli.
const BROTLI_BUFFER: usize = 4096;

/// The content of a coded body; `None` where the coding is none that can be undone. A content above the limit is an error: a body
/// of a few bytes must not become one of gigabytes.
pub(crate) fn decode(coding: &[u8], body: &[u8], limit: usize) -> Option<Result<Vec<u8>, BodyError>> {
    let Decoded { content, error } = undo(coding, body, limit)?;
    Some(match error {
        _ if content.len() > limit => Err(BodyError::TooLarge(limit)),
        Some(error) => Err(BodyError::Malformed(format!("the coded body is malformed: {error}"))),
        None => Ok(content),
    })
}

/// The beginning of the content of a coded body, or of the beginning of one: as far as it can be read and the limit goes.
pub(crate) fn decode_beginning(coding: &[u8], body: &[u8], limit: usize) -> Option<Vec<u8>> {
    let mut content = undo(coding, body, limit)?.content;
    content.truncate(limit);
    Some(content)
}

/// Whether a coding can be undone.
pub(crate) fn can_undo(coding: &[u8]) -> bool {
    undo(coding, b"", 0).is_some()
}

struct Decoded {
    content: Vec<u8>,
    error: Option<std::io::Error>,
}

fn undo(coding: &[u8], body: &[u8], limit: usize) -> Option<Decoded> {
    let coding = crate::text::trim(coding).to_ascii_lowercase();
    Some(match &*coding {
        b"gzip" | b"x-gzip" => read(MultiGzDecoder::new(body), limit),
        // Senders disagree on whether deflate has the header of zlib.
        b"deflate" => {
            let decoded = read(ZlibDecoder::new(body), limit);
            if decoded.error.is_some() && decoded.content.is_empty() {
                read(DeflateDecoder::new(body), limit)
            } else {
                decoded
            }
        }
        b"br" => read(brotli_decompressor::Decompressor::new(body, BROTLI_BUFFER), limit),
        _ => return None,
    })
}

/// Reads one byte more than the limit, so that more than the limit is told from the limit itself.
fn read(decoder: impl Read, limit: usize) -> Decoded {
    let mut content = Vec::new();
    let error = decoder.take(limit as u64 + 1).read_to_end(&mut content).err();
    Decoded { content, error }
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
        assert_eq!(decode(b"zstd", b"", 100), None);
        assert!(can_undo(b"BR") && !can_undo(b"zstd"));
        // A meta-block without compression (RFC 7932 section 9.2), then an empty last one.
        let brotli = b"\x0b\x02\x80hello\x03";
        assert_eq!(decode(b"br", brotli, 100), Some(Ok(b"hello".to_vec())));
    }

    #[test]
    fn the_beginning_of_a_cut_body_is_read() {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::none());
        gzip.write_all(&vec![b'a'; 100_000]).unwrap();
        let whole = gzip.finish().unwrap();
        let beginning = decode_beginning(b"gzip", &whole[..50_000], 1 << 20).unwrap();
        assert!(beginning.len() > 30_000, "{}", beginning.len());
        assert_eq!(decode_beginning(b"gzip", &whole, 10).unwrap(), b"aaaaaaaaaa");
    }
}
