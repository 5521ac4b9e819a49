//! The `Cookie` field (RFC 6265 section 5.4), taken leniently: what a server might read as a cookie is one.

/// The names and values of a field.
pub(crate) fn read(field: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    field.split(|byte| *byte == b';').filter_map(|pair| {
        let pair = crate::text::trim(pair);
        if pair.is_empty() {
            return None;
        }
        Some(match memchr::memchr(b'=', pair) {
            Some(at) => (&pair[..at], &pair[at + 1..]),
            None => (pair, &[][..]),
        })
    })
}
