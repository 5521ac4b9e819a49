//! What a value must have for a pattern to match: byte sets and a length, read off the pattern's structure.

use regex_syntax::ParserBuilder;
use regex_syntax::hir::{Class, Hir, HirKind};

use crate::byte_class::{ByteSet, Gate};

/// How many needs an alternation may ask of each branch.
const NEEDS: usize = 6;

/// The gate of a translated pattern.
pub(super) fn gate(pattern: &str) -> Result<Gate, String> {
    let hir = ParserBuilder::new()
        .utf8(false)
        .unicode(false)
        .dot_matches_new_line(true)
        .multi_line(true)
        .build()
        .parse(pattern)
        .map_err(|error| format!("the pattern does not compile: {error}"))?;
    let min_len = hir.properties().minimum_len().unwrap_or(0).min(u32::MAX as usize) as u32;
    Ok(Gate::new(needs(&hir), min_len))
}

/// Sets of which every match has a byte each.
fn needs(hir: &Hir) -> Vec<ByteSet> {
    let mut sets = match hir.kind() {
        HirKind::Literal(literal) => literal.0.iter().map(|byte| ByteSet::of(&[*byte])).collect(),
        HirKind::Class(Class::Bytes(class)) => vec![
            class
                .iter()
                .fold(ByteSet::EMPTY, |set, range| set.union(ByteSet::range(range.start(), range.end()))),
        ],
        HirKind::Class(Class::Unicode(_)) => vec![ByteSet::ALL],
        HirKind::Repetition(repetition) if repetition.min > 0 => needs(&repetition.sub),
        HirKind::Empty | HirKind::Look(_) | HirKind::Repetition(_) => Vec::new(),
        HirKind::Capture(capture) => needs(&capture.sub),
        HirKind::Concat(parts) => parts.iter().flat_map(needs).collect(),
        HirKind::Alternation(branches) => {
            let branches: Vec<Vec<ByteSet>> = branches.iter().map(needs).collect();
            let common = branches.iter().map(Vec::len).min().unwrap_or(0);
            (0..common)
                .map(|at| branches.iter().fold(ByteSet::EMPTY, |set, branch| set.union(branch[at])))
                .collect()
        }
    };
    sets.sort_by_key(|set| set.weight());
    sets.dedup();
    sets.truncate(NEEDS);
    sets
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admits(pattern: &str, value: &[u8]) -> bool {
        gate(pattern).unwrap().admits(ByteSet::of(value), value.len() as u32)
    }

    #[test]
    fn a_pattern_needs_what_every_match_has() {
        assert!(!admits("(?i)<script", b"nothing here"));
        assert!(admits("(?i)<script", b"<SCRIPT>"));
        assert!(!admits("a(?:<x|>y)", b"abcdefxy"));
        assert!(admits("a(?:<x|>y)", b"a>y"));
        assert!(admits("(?:x)?", b""));
        assert!(!admits("x{3}", b"xx"));
        assert!(admits("^$", b""));
    }
}
