//! JSON strings (RFC 8259) that cannot forge a line or mislead a terminal.

/// Appends `text` as a JSON string of at most `limit` bytes of it. Invalid UTF-8 becomes U+FFFD; quotes,
/// backslashes, control characters, line separators and characters that change the direction of writing are
/// escaped; a text that is cut ends in `…`.
pub(crate) fn string(out: &mut Vec<u8>, text: &[u8], limit: usize) {
    out.push(b'"');
    if text.len() <= limit {
        escaped(out, text);
    } else {
        escaped(out, cut(text, limit));
        out.extend_from_slice("…".as_bytes());
    }
    out.push(b'"');
}

/// The same without quotation marks and without a limit.
pub(crate) fn escaped(out: &mut Vec<u8>, text: &[u8]) {
    if is_plain(text) {
        out.extend_from_slice(text);
        return;
    }
    for chunk in text.utf8_chunks() {
        for character in chunk.valid().chars() {
            push(out, character);
        }
        if !chunk.invalid().is_empty() {
            out.extend_from_slice("\u{FFFD}".as_bytes());
        }
    }
}

/// Whether every byte stands for itself. Eight at a time, since nearly all that is logged is plain.
fn is_plain(text: &[u8]) -> bool {
    const ONES: u64 = 0x0101_0101_0101_0101;
    const HIGH: u64 = 0x8080_8080_8080_8080;
    let (chunks, rest) = text.as_chunks::<8>();
    // The high bit of a byte of `odd` says that the byte of `chunk` is none of PLAIN. A byte is zero where the
    // subtraction borrows from it; below a byte that does, the borrow may mark another, which is odd then anyway.
    let zero = |value: u64| value.wrapping_sub(ONES) & !value & HIGH;
    let odd = chunks.iter().fold(0, |odd, chunk| {
        let chunk = u64::from_le_bytes(*chunk);
        let below_space = chunk.wrapping_sub(ONES * 0x20) & !chunk;
        let delete = zero(chunk ^ (ONES * 0x7F));
        let quote = zero(chunk ^ (ONES * u64::from(b'"')));
        let backslash = zero(chunk ^ (ONES * u64::from(b'\\')));
        odd | ((chunk | below_space) & HIGH) | delete | quote | backslash
    });
    odd == 0 && rest.iter().all(|byte| PLAIN[*byte as usize])
}

/// The bytes that stand for themselves: printable ASCII except the quotation mark and the backslash.
const PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0x20;
    while byte < 0x7F {
        plain[byte] = byte != b'"' as usize && byte != b'\\' as usize;
        byte += 1;
    }
    plain
};

/// At most `limit` bytes, without the torn half of a character at the end.
fn cut(text: &[u8], limit: usize) -> &[u8] {
    let mut end = limit.min(text.len());
    // A character has at most three continuation bytes; more are invalid anyway.
    for _ in 0..3 {
        match text.get(end) {
            Some(byte) if byte & 0xC0 == 0x80 && end > 0 => end -= 1,
            _ => break,
        }
    }
    text.get(..end).unwrap_or_default()
}

fn push(out: &mut Vec<u8>, character: char) {
    match character {
        '"' => out.extend_from_slice(b"\\\""),
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        '\0'..='\u{1F}'
        | '\u{7F}'..='\u{9F}'
        | '\u{061C}'
        | '\u{200E}'..='\u{200F}'
        | '\u{2028}'..='\u{202E}'
        | '\u{2066}'..='\u{2069}' => {
            let code = character as u32;
            out.extend_from_slice(b"\\u");
            for shift in [12, 8, 4, 0] {
                out.push(b"0123456789abcdef"[(code >> shift & 15) as usize]);
            }
        }
        _ => out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8], limit: usize) -> String {
        let mut out = Vec::new();
        string(&mut out, bytes, limit);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_character_survives_a_json_parser() {
        let mut all: String = ('\0'..='\u{3000}').collect();
        all.push_str("𝄞😀");
        let json = text(all.as_bytes(), usize::MAX);
        assert_eq!(serde_json::from_str::<String>(&json).unwrap(), all);
    }

    #[test]
    fn nothing_that_ends_a_line_or_moves_a_cursor_stands_bare() {
        let json = text("a\n\r\u{85}\u{2028}\u{2029}\u{1B}[2J\u{7F}\u{202E}b".as_bytes(), usize::MAX);
        assert_eq!(json, r#""a\n\r\u0085\u2028\u2029\u001b[2J\u007f\u202eb""#);
    }

    #[test]
    fn every_byte_is_judged_alike_wherever_it_stands() {
        for byte in 0..=255 {
            for position in 0..19 {
                let mut text = *b"0123456789abcdefghi";
                text[position] = byte;
                let plain = matches!(byte, 0x20..=0x7E) && !matches!(byte, b'"' | b'\\');
                assert_eq!(is_plain(&text), plain, "{byte:#x} at {position}");
            }
        }
    }

    #[test]
    fn invalid_bytes_are_replaced() {
        assert_eq!(text(b"a\xFFb\xE2\x82", usize::MAX), "\"a\u{FFFD}b\u{FFFD}\"");
    }

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(text(b"abcdef", 6), r#""abcdef""#);
        assert_eq!(text(b"abcdef", 5), r#""abcde…""#);
        for limit in 4..7 {
            assert_eq!(text("abc😀def".as_bytes(), limit), r#""abc…""#, "limit {limit}");
        }
        assert_eq!(text("abc😀def".as_bytes(), 7), r#""abc😀…""#);
        assert_eq!(text(&[0x80; 9], 2), "\"…\"");
    }
}
