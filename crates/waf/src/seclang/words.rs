//! Lines into words: continued lines are one, quotes hold words together.

/// A logical line: its text and the number of its first line.
pub(super) struct Line {
    pub(super) number: u32,
    pub(super) text: String,
}

/// The lines that say something. A backslash at the end of a line continues it; a line that begins with `#` is a comment.
pub(super) fn lines(text: &str) -> Vec<Line> {
    let mut lines = Vec::new();
    let mut open: Option<Line> = None;
    for (at, raw) in text.split('\n').enumerate() {
        let raw = raw.strip_suffix('\r').unwrap_or(raw);
        let content = raw.trim_start();
        if open.is_none() && (content.is_empty() || content.starts_with('#')) {
            continue;
        }
        // A comment may stand between continued lines.
        if open.is_some()
            && content.starts_with('#')
            && !content.ends_with('\\')
            && is_comment_between(content)
        {
            continue;
        }
        let (part, continued) = match raw.strip_suffix('\\') {
            Some(part) => (part, true),
            None => (raw, false),
        };
        let line = open.get_or_insert_with(|| Line { number: at as u32 + 1, text: String::new() });
        line.text.push_str(if line.text.is_empty() { part.trim_start() } else { part });
        if !continued {
            lines.extend(open.take());
        }
    }
    lines.extend(open);
    lines
}

/// A comment between continued lines starts with `#` and a space; a pattern may start with `#` alone.
fn is_comment_between(content: &str) -> bool {
    content.starts_with("# ") || content == "#"
}

/// The words of a line. A word in double quotes may hold white space, and `\"` for a quote.
pub(super) fn words(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut rest = text.trim();
    while let Some(first) = rest.chars().next() {
        let (word, after) = if first == '"' || first == '\'' {
            quoted(&rest[1..], first)?
        } else {
            let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
            (rest[..end].to_owned(), &rest[end..])
        };
        words.push(word);
        if !after.is_empty() && !after.starts_with(char::is_whitespace) {
            let end = after.find(char::is_whitespace).unwrap_or(after.len());
            return Err(format!("expected a space after the closing quote, found {:?}", &after[..end]));
        }
        rest = after.trim_start();
    }
    Ok(words)
}

/// The text up to the closing quote and what follows the quote.
fn quoted(text: &str, quote: char) -> Result<(String, &str), String> {
    let mut word = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        if character == quote {
            return Ok((word, &text[at + 1..]));
        }
        if character == '\\' {
            match characters.next() {
                Some((_, next)) if next == quote => word.push(quote),
                Some((_, next)) => word.extend(['\\', next]),
                None => word.push('\\'),
            }
            continue;
        }
        word.push(character);
    }
    Err(format!("a quote {quote} is not closed"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn continued_lines_are_one_and_keep_the_number_of_the_first() {
        let lines = lines("# comment\n\nSecRule ARGS \\\n    \"@rx a\" \\\n    \"id:1\"\nSecMarker X\n");
        assert_eq!(lines.len(), 2);
        assert_eq!((lines[0].number, lines[1].number), (3, 6));
        assert_eq!(words(&lines[0].text).unwrap(), ["SecRule", "ARGS", "@rx a", "id:1"]);
    }

    #[test]
    fn quotes_hold_words_together() {
        assert_eq!(words(r#"A "b \"c\" \d" d"#).unwrap(), ["A", r#"b "c" \d"#, "d"]);
        assert!(words(r#"A "b"#).unwrap_err().contains("not closed"));
        assert!(words(r#"A "b"c"#).unwrap_err().contains("expected a space"));
    }
}
