//! A short text that a regular expression matches.

use regex_syntax::hir::{Class, Hir, HirKind};

/// How long the text may become, in bytes.
const MAX_LENGTH: usize = 1024;

/// The text; `None` where the expression uses what a plain automaton cannot have (look-around, back-references), or
/// matches only longer texts.
pub(super) fn matching(pattern: &str) -> Option<String> {
    let hir = regex_syntax::parse(pattern).ok()?;
    let mut text = String::new();
    write(&hir, &mut text)?;
    Some(text)
}

fn write(hir: &Hir, text: &mut String) -> Option<()> {
    if text.len() > MAX_LENGTH {
        return None;
    }
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => text.push(member(class)?),
        HirKind::Repetition(repetition) => {
            // One where none is asked for: `.*` reads better filled in.
            let times = repetition.min.max(u32::from(repetition.max != Some(0)));
            for _ in 0..times {
                write(&repetition.sub, text)?;
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, text)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, text))?,
        HirKind::Alternation(branches) => {
            let before = text.len();
            branches.iter().find_map(|branch| {
                text.truncate(before);
                write(branch, text)
            })?;
        }
    }
    Some(())
}

/// A character of a class: a letter or a digit where there is one.
fn member(class: &Class) -> Option<char> {
    let Class::Unicode(class) = class else { return None };
    let has =
        |wanted: char| class.ranges().iter().any(|range| (range.start()..=range.end()).contains(&wanted));
    ('a'..='z').chain('A'..='Z').chain('0'..='9').find(|wanted| has(*wanted)).or_else(|| {
        let first = class.ranges().first()?.start();
        Some(if has(' ') && first.is_control() { ' ' } else { first })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_out_matches() {
        let cases = [
            "^[A-Z]{2}-[0-9]{4}$",
            "^(GET|POST)$",
            r"^\d{3}(-\d{2})?$",
            "^[^@]+@[^@]+$",
            r"^\+?[0-9 ]{7,15}$",
            "^.{3,}$",
            "colou?r",
        ];
        for pattern in cases {
            let text = matching(pattern).unwrap();
            let matched = regex_automata::meta::Regex::new(pattern).unwrap().is_match(&text);
            assert!(matched, "{pattern}: {text}");
        }
    }

    #[test]
    fn what_no_automaton_has_gives_nothing() {
        assert_eq!(matching("^(?=a)b$"), None);
        assert_eq!(matching(r"^(a)\1$"), None);
        assert_eq!(matching("^a{2000}$"), None);
        assert_eq!(matching("^("), None);
    }
}
