//! Tests of the operators.

use std::borrow::Cow;
use std::path::Path;

use super::{Argument, Captured, Captures, Expand, build};
use crate::byte_class::ByteSet;
use crate::macros::Macro;

struct Constants;

impl Expand for Constants {
    fn expand<'m>(&'m self, text: &'m Macro) -> Cow<'m, [u8]> {
        Cow::Borrowed(text.as_constant().unwrap())
    }
}

fn run(name: &str, text: &str, input: &[u8]) -> Option<Captures> {
    let expanded = Macro::constant(text.as_bytes());
    let operator = build(name, &Argument { text, expanded, folder: Path::new(".") }).unwrap();
    let mut captures = Captures { wanted: true, ..Captures::default() };
    let matched = operator.matches(input, &Constants, &mut captures);
    let admitted = operator.gate().admits(ByteSet::of(input), input.len() as u32);
    assert!(admitted || !matched, "the gate of @{name} {text} refuses a match");
    matched.then_some(captures)
}

#[test]
fn each_operator_does_what_its_name_says() {
    let cases: &[(&str, &str, &[u8], bool)] = &[
        ("beginsWith", "ab", b"abc", true),
        ("beginsWith", "bc", b"abc", false),
        ("contains", "b", b"abc", true),
        ("containsWord", "b", b"abc", false),
        ("containsWord", "b", b"a b!", true),
        ("detectSQLi", "", b"1' OR '1'='1", true),
        ("detectSQLi", "", b"plain text of a person", false),
        ("detectXSS", "", b"<script>alert(1)</script>", true),
        ("detectXSS", "", b"a < b and b > c", false),
        ("endsWith", "bc", b"abc", true),
        ("eq", "5", b"5 apples", true),
        ("ge", "5", b"6", true),
        ("gt", "5", b"5", false),
        ("le", "5", b"5", true),
        ("lt", "-1", b"-2", true),
        ("ipMatch", "10.0.0.0/8, 2001:db8::/32", b"10.1.2.3", true),
        ("ipMatch", "10.0.0.0/8,2001:db8::/32", b"2001:db8::1", true),
        ("ipMatch", "10.0.0.1", b"10.0.0.2", false),
        ("ipMatch", "10.0.0.1", b"::ffff:10.0.0.1", true),
        ("noMatch", "", b"x", false),
        ("pm", "select union", b"UNION all", true),
        ("pm", "A|42 43|D", b"xabcdx", true),
        ("pm", "select union", b"onion", false),
        ("rx", "(?i)a(b)c", b"xABCx", true),
        ("rx", "^b", b"a\nb", true),
        ("rx", "a.b", b"a\nb", true),
        ("rx", "(?<!a)b", b"ab", false),
        ("rx", "(\\w)=\\1", b"1 or 7=7", true),
        ("streq", "abc", b"abc", true),
        ("strmatch", "b", b"abc", true),
        ("unconditionalMatch", "", b"", true),
        ("validateByteRange", "32-126", b"a\0", true),
        ("validateByteRange", "1-255", b"abc", false),
        ("validateUrlEncoding", "", b"%4", true),
        ("validateUrlEncoding", "", b"%41%zz", true),
        ("validateUrlEncoding", "", b"%41", false),
        ("validateUtf8Encoding", "", b"\xc0\xaf", true),
        ("validateUtf8Encoding", "", "\u{e9}".as_bytes(), false),
        ("verifyCC", "\\d{13,16}", b"card 4111111111111111", true),
        ("verifyCC", "\\d{13,16}", b"card 4111111111111112", false),
        ("verifyCPF", "\\d{11}", b"52998224725", true),
        ("verifySSN", "\\d{3}-?\\d{2}-?\\d{4}", b"078-05-1120", true),
        ("verifySSN", "\\d{3}-?\\d{2}-?\\d{4}", b"000-05-1120", false),
        ("within", "GET HEAD POST", b"HEAD", true),
        ("within", "GET HEAD POST", b"PUT", false),
    ];
    for (name, text, input, expected) in cases {
        assert_eq!(
            run(name, text, input).is_some(),
            *expected,
            "@{name} {text} on {}",
            String::from_utf8_lossy(input)
        );
    }
}

#[test]
fn operators_capture() {
    let captures = run("rx", "a(b)?(c)", b"xxac").unwrap();
    assert_eq!(&captures.texts[..], [Some(Captured::Range(2, 4)), None, Some(Captured::Range(3, 4))]);
    let captures = run("pm", "one two", b"two and one").unwrap();
    assert_eq!(&captures.texts[..], [Some(Captured::Range(0, 3)), Some(Captured::Range(8, 11))]);
    let captures = run("detectSQLi", "", b"1' or '1'='1").unwrap();
    assert_eq!(&captures.texts[..], [Some(Captured::Text((*b"s&sos").into()))]);
}

#[test]
fn what_cannot_be_built_says_why() {
    for (name, text, expected) in [
        ("rx", "(", "does not compile"),
        ("pmFromFile", "missing.data", "missing.data"),
        ("eq", "x", "expected a number"),
        ("ipMatch", "10.0.0", "10.0.0"),
        ("rbl", "list.example", "@ipMatchFromFile"),
        ("conatins", "x", "did you mean"),
        ("validateByteRange", "300", "300"),
    ] {
        let expanded = Macro::constant(text.as_bytes());
        let error = build(name, &Argument { text, expanded, folder: Path::new(".") }).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
}
