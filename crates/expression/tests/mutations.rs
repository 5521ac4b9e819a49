//! Broken expressions: compiling ends without a panic, and every refusal has a place within the text.

#![allow(missing_docs, clippy::unwrap_used)]

mod fuzzing;

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

#[test]
fn no_expression_makes_the_compiler_panic() {
    for seed in SEEDS {
        assert!(compile(seed).is_ok(), "the seed is good: {seed}: {:?}", compile(seed).err());
    }
    let seeds: Vec<Vec<char>> = SEEDS.iter().map(|seed| seed.chars().collect()).collect();
    let pieces: Vec<Vec<char>> = PIECES.iter().map(|piece| piece.chars().collect()).collect();
    let (mut taken, mut refused) = (0, 0);
    fuzzing::run(40_000, |round, numbers, about| {
        let text: String = numbers.mutated(&seeds[round % seeds.len()], &pieces).into_iter().collect();
        about.clone_from(&text);
        match compile(&text) {
            Ok(_) => taken += 1,
            Err(findings) => {
                refused += 1;
                assert!(!findings.is_empty(), "refused without a reason");
                let lines = text.lines().count().max(1) as u64;
                for finding in findings {
                    assert!(u64::from(finding.line) <= lines + 1, "{finding:?} is not within the text");
                    assert!(!finding.message.is_empty());
                }
            }
        }
    });
    assert!(taken > 500 && refused > 5_000, "{taken} taken, {refused} refused");
}
