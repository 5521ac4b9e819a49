//! Names of XML (Namespaces in XML 1.0, section 3), encoded as .NET's `XmlConvert` does it.

use std::fmt::Write as _;

/// Whether a text is a name without a colon as it stands.
pub(super) fn is_name(text: &str) -> bool {
    text.starts_with(is_start) && text.chars().all(is_part)
}

/// The name with what no name can hold as `_xHHHH_`.
pub(super) fn encoded(name: &str) -> String {
    let mut encoded = String::with_capacity(name.len());
    for (at, c) in name.char_indices() {
        let fits = if at == 0 { is_start(c) } else { is_part(c) };
        if fits && !(c == '_' && name.get(at..).is_some_and(is_escape)) {
            encoded.push(c);
        } else {
            let width = if c > '\u{FFFF}' { 8 } else { 4 };
            // Writing to a string cannot fail.
            let _ = write!(encoded, "_x{:0width$X}_", c as u32);
        }
    }
    encoded
}

/// Whether a text begins like an encoded character.
fn is_escape(text: &str) -> bool {
    matches!(text.as_bytes(), [b'_', b'x', digits @ .., ] if digits.len() >= 5
        && digits.iter().take(4).all(u8::is_ascii_hexdigit)
        && digits.get(4) == Some(&b'_'))
}

/// `NameStartChar` of XML 1.0 without the colon, within the basic plane, which is what .NET knows.
fn is_start(c: char) -> bool {
    matches!(c,
        'A'..='Z' | 'a'..='z' | '_'
        | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}' | '\u{370}'..='\u{37D}'
        | '\u{37F}'..='\u{1FFF}' | '\u{200C}'..='\u{200D}' | '\u{2070}'..='\u{218F}' | '\u{2C00}'..='\u{2FEF}'
        | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}')
}

/// `NameChar` likewise.
fn is_part(c: char) -> bool {
    is_start(c)
        || matches!(c, '-' | '.' | '0'..='9' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}'..='\u{2040}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_as_in_dotnet() {
        for (name, wanted) in [
            ("plain-1.é", "plain-1.é"),
            ("1a", "_x0031_a"),
            ("a:b", "a_x003A_b"),
            ("$ref", "_x0024_ref"),
            ("a_x0041_", "a_x005F_x0041_"),
            ("a_x", "a_x"),
            ("\u{1F600}", "_x0001F600_"),
        ] {
            assert_eq!(encoded(name), wanted);
            assert!(is_name(&encoded(name)));
        }
        assert!(!is_name("") && !is_name("a b") && !is_name("-a"));
    }
}
