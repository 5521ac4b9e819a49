//! Broken expressions: compiling ends without a panic, and every refusal has a place within the text.

#![allow(missing_docs)]

use gatehouse_expression::compile;

const SEEDS: [&str; 8] = [
    "@(context.Request.Headers.GetValueOrDefault(\"X-A\",\"\").Split(',').Last().Trim())",
    "@{ var b = context.Request.Body.As<JObject>(preserveContent: true); return (string)b[\"a\"][0]?[\"c\"] ?? $\"{b}\"; }",
    "@(context.Variables.ContainsKey(\"x\") ? (int)context.Variables[\"x\"] + 0x1F : -1.5e3)",
    "@{ for (int i = 0; i < 10; i++) { if (i % 2 == 0) { continue; } else break; } return new JObject(new JProperty(\"a\", 1)).ToString(); }",
    "@(new [] { 1, 2, 3 }.Where(x => x > 1 && x != 3).Select((x) => x.ToString()).FirstOrDefault())",
    "@(DateTime.UtcNow.AddMinutes(5).ToString(\"yyyy-MM-ddTHH:mm:ssZ\"))",
    "@{ try { return Regex.Match(@\"a\"\"b\", \"(?<n>a+)\").Groups[\"n\"].Value; } catch (Exception e) { return e.Message; } }",
    "@(context.Request.Certificate == null || !context.Request.Certificate.Verify())",
];

const PIECES: [&str; 24] = [
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "@",
    "$\"{",
    "//",
    "/*",
    "=>",
    "??",
    "?.",
    "<",
    ">",
    ";",
    "new ",
    "return ",
    "9999999999",
    "\\",
    "é",
    "\u{1F600}",
];

/// A sequence of numbers that is always the same (xorshift, Marsaglia 2003).
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % bound as u64) as usize
    }

    fn mutated(&mut self, text: &str) -> String {
        let mut characters: Vec<char> = text.chars().collect();
        for _ in 0..=self.below(3) {
            let at = self.below(characters.len());
            let end = (at + self.below(12)).min(characters.len());
            match self.below(4) {
                0 => drop(characters.drain(at..end)),
                1 => drop(characters.splice(at..at, PIECES[self.below(PIECES.len())].chars())),
                2 => characters.truncate(at.max(1)),
                _ => {
                    let piece: Vec<char> = characters[at..end].to_vec();
                    let to = self.below(characters.len());
                    characters.splice(to..to, piece);
                }
            }
            if characters.is_empty() {
                break;
            }
        }
        characters.into_iter().collect()
    }
}

#[test]
fn no_expression_makes_the_compiler_panic() {
    for seed in SEEDS {
        assert!(compile(seed).is_ok(), "the seed is good: {seed}: {:?}", compile(seed).err());
    }
    let mut numbers = Numbers(1);
    let (mut taken, mut refused) = (0, 0);
    for round in 0..40_000 {
        let text = numbers.mutated(SEEDS[round % SEEDS.len()]);
        match compile(&text) {
            Ok(_) => taken += 1,
            Err(findings) => {
                refused += 1;
                assert!(!findings.is_empty(), "refused without a reason: {text}");
                let lines = text.lines().count().max(1) as u64;
                for finding in findings {
                    assert!(u64::from(finding.line) <= lines + 1, "{finding:?} is not within {text:?}");
                    assert!(!finding.message.is_empty(), "{text}");
                }
            }
        }
    }
    assert!(taken > 500 && refused > 5_000, "{taken} taken, {refused} refused");
}
