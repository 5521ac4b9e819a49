//! Paths that mean different things to different readers are refused before anything is matched against them.

use percent_encoding::percent_decode_str;

/// Why a path is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A `%` that two hexadecimal digits do not follow.
    #[error("the path has a percent sign that no two hexadecimal digits follow")]
    BadEscape,
    /// `.` or `..` as a segment, also behind percent-encoding or an encoded slash: the backend might resolve it to a
    /// path that no policy has seen.
    #[error("the path has a dot segment")]
    DotSegment,
    /// A backslash or an encoded NUL: readers differ in what they make of it.
    #[error("the path has a character that servers read differently")]
    Ambiguous,
    /// A segment longer than the bound of Azure API Management.
    #[error("a path segment is longer than {MAX_SEGMENT} characters")]
    SegmentTooLong,
}

/// The longest path segment, as in Azure API Management.
pub(crate) const MAX_SEGMENT: usize = 1024;

/// Checks a request's path as it came.
///
/// # Errors
/// The first thing that is wrong with it.
pub fn check_path(path: &str) -> Result<(), PathError> {
    let plain = !path.bytes().any(|byte| matches!(byte, b'%' | b'\\')) && !path.contains("/.");
    if plain {
        return check_lengths(path);
    }
    check_escapes(path)?;
    if path.contains('\\') {
        return Err(PathError::Ambiguous);
    }
    for segment in path.split('/') {
        let decoded: Vec<u8> = percent_decode_str(segment).collect();
        if decoded.contains(&0) {
            return Err(PathError::Ambiguous);
        }
        let mut parts = decoded.split(|byte| matches!(byte, b'/' | b'\\'));
        if parts.any(is_dot_segment) {
            return Err(PathError::DotSegment);
        }
    }
    check_lengths(path)
}

/// `..;x` is a dot segment too: servlet containers take path parameters off before they resolve it.
fn is_dot_segment(part: &[u8]) -> bool {
    let name = part.split(|byte| *byte == b';').next().unwrap_or(part);
    matches!(name, b"." | b"..")
}

fn check_escapes(path: &str) -> Result<(), PathError> {
    let bytes = path.as_bytes();
    for (at, _) in bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%') {
        let digits = bytes.get(at + 1..at + 3).unwrap_or(&[]);
        if digits.len() < 2 || !digits.iter().all(u8::is_ascii_hexdigit) {
            return Err(PathError::BadEscape);
        }
    }
    Ok(())
}

fn check_lengths(path: &str) -> Result<(), PathError> {
    if path.len() > MAX_SEGMENT && path.split('/').any(|segment| segment.len() > MAX_SEGMENT) {
        return Err(PathError::SegmentTooLong);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn honest_paths_pass() {
        for path in [
            "/",
            "/a/b",
            "/a//b/",
            "/a.b/..c",
            "/.well-known/x",
            "/a%20b",
            "/a%2Fb",
            "/x;v=1/y",
            "/...",
            "/é",
        ] {
            assert_eq!(check_path(path), Ok(()), "{path}");
        }
    }

    #[test]
    fn traversal_is_refused_in_every_spelling() {
        for path in [
            "/a/../b",
            "/a/./b",
            "/..",
            "/a/%2e%2e/b",
            "/a/.%2E/b",
            "/a/..%2fb",
            "/a%2f..%2fb",
            "/a/..%5cb",
            "/a/..;/b",
        ] {
            assert_eq!(check_path(path), Err(PathError::DotSegment), "{path}");
        }
    }

    #[test]
    fn other_ambiguities_are_refused() {
        assert_eq!(check_path("/a\\b"), Err(PathError::Ambiguous));
        assert_eq!(check_path("/a%00"), Err(PathError::Ambiguous));
        assert_eq!(check_path("/a%zz"), Err(PathError::BadEscape));
        assert_eq!(check_path("/a%2"), Err(PathError::BadEscape));
        assert_eq!(check_path(&format!("/{}", "a".repeat(1025))), Err(PathError::SegmentTooLong));
    }
}
