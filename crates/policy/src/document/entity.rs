//! Entities: the five of XML and numeric references. There is no document type, so there are no others.

/// The character that an entity at the start of a text stands for, and its length in bytes.
pub(crate) fn decode(text: &str) -> Option<(char, usize)> {
    const NAMED: [(&str, char); 5] =
        [("&quot;", '"'), ("&apos;", '\''), ("&lt;", '<'), ("&gt;", '>'), ("&amp;", '&')];
    if let Some((name, c)) = NAMED.iter().find(|(name, _)| text.starts_with(name)) {
        return Some((*c, name.len()));
    }
    let digits = text.strip_prefix("&#")?;
    let end = digits.bytes().take(10).position(|byte| byte == b';')?;
    let digits = digits.get(..end)?;
    let code = match digits.strip_prefix(['x', 'X']) {
        Some(hexadecimal) => u32::from_str_radix(hexadecimal, 16).ok()?,
        None => digits.parse().ok()?,
    };
    let c = char::from_u32(code).filter(|c| !is_forbidden(*c))?;
    Some((c, end + 3))
}

/// Whether XML 1.0, section 2.2, forbids a character.
pub(super) fn is_forbidden(c: char) -> bool {
    matches!(c, '\0'..='\x08' | '\x0B' | '\x0C' | '\x0E'..='\x1F' | '\u{FFFE}' | '\u{FFFF}')
}
