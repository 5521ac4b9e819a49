//! Tests of the transformations.

use super::{TransformationId, names};
use crate::byte_class::ByteSet;

fn transform(name: &str, input: &[u8]) -> Vec<u8> {
    let transformation = TransformationId::named(name).unwrap().get();
    let mut output = Vec::new();
    (transformation.apply)(input, &mut output);
    output
}

#[test]
fn each_transformation_does_what_its_name_says() {
    let cases: &[(&str, &[u8], &[u8])] = &[
        ("base64Decode", b"VGVzdENhc2U=", b"TestCase"),
        ("base64Decode", b"VGVz!dENhc2U=", b"Tes"),
        ("base64DecodeExt", b"P.HNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==", b"<script>alert(1)</script>"),
        ("base64Encode", b"TestCase", b"VGVzdENhc2U="),
        ("cmdLine", b"C^OMMAND /C DIR", b"command/c dir"),
        ("cmdLine", b"\"command\" ,;/c", b"command/c"),
        ("compressWhitespace", b"a \t\n b\xa0c", b"a b c"),
        ("cssDecode", b"ja\\vascript \\000041\\3c x", b"javascript A<x"),
        ("cssDecode", b"\\00ff1c", b"<"),
        ("escapeSeqDecode", b"\\x41\\101\\n\\q", b"AA\nq"),
        ("hexDecode", b"546573744g", b"Test"),
        ("hexEncode", b"\x00Az", b"00417a"),
        ("htmlEntityDecode", b"&lt;&#x3c;&#60&amp;&nbsp;&unknown;", b"<<<&\xa0&unknown;"),
        ("jsDecode", b"\\u0041\\x42\\103\\uff1c\\n\\z", b"ABC<\nz"),
        ("length", b"twelve bytes", b"12"),
        ("lowercase", b"MiXed\xc4", b"mixed\xc4"),
        ("normalizePath", b"/a//b/./c/../d/", b"/a/b/d/"),
        ("normalizePath", b"../../a/../b", b"../../b"),
        ("normalizePath", b"/../../etc/passwd", b"/etc/passwd"),
        ("normalizePathWin", b"\\a\\..\\b", b"/b"),
        ("parityZero7bit", b"\xc1", b"A"),
        ("parityEven7bit", b"Ac", b"Ac"),
        ("parityOdd7bit", b"A", b"\xc1"),
        ("removeComments", b"a/* x */b<!-- y -->c--d", b"abc"),
        ("removeCommentsChar", b"a/*b*/c<!--d-->e--f#g", b"abcdefg"),
        ("removeNulls", b"a\0b", b"ab"),
        ("removeWhitespace", b" a\tb\xa0c ", b"abc"),
        ("replaceComments", b"a/* x */b/*c", b"a b "),
        ("replaceNulls", b"a\0b", b"a b"),
        ("sqlHexDecode", b"select 0x414243 0xq", b"select ABC 0xq"),
        ("trim", b" a b ", b"a b"),
        ("trimLeft", b" a ", b"a "),
        ("trimRight", b" a ", b" a"),
        ("uppercase", b"abC", b"ABC"),
        ("urlDecode", b"a%41+%4%zz", b"aA %4%zz"),
        ("urlDecodeUni", b"%u0041%uff1c%41+%uzzzz", b"A<A %uzzzz"),
        ("urlEncode", b"a b*<", b"a+b*%3c"),
        ("utf8toUnicode", "a\u{e9}\u{4e2d}".as_bytes(), b"a%u00e9%u4e2d"),
        ("utf8toUnicode", b"\xc0\xaf\xff", b"\xc0\xaf\xff"),
    ];
    for (name, input, expected) in cases {
        assert_eq!(transform(name, input), *expected, "{name} of {}", String::from_utf8_lossy(input));
    }
    assert_eq!(transform("md5", b"").len(), 16);
    assert_eq!(transform("sha1", b"").len(), 20);
}

/// What the engine skips must change nothing: every string of up to two bytes, alone and in a word, through every transformation.
#[test]
fn a_value_without_trigger_bytes_stays_as_it_is() {
    for name in names() {
        let transformation = TransformationId::named(name).unwrap().get();
        for first in 0..=255_u8 {
            for second in 0..=255_u8 {
                for value in [&[first, second][..], &[b'k', first, second, b'k'], &[first, b'1', second]] {
                    if transformation.keeps(ByteSet::of(value)) {
                        assert_eq!(transform(name, value), value, "{name}");
                    }
                }
            }
        }
        if transformation.keeps(ByteSet::EMPTY) {
            assert_eq!(transform(name, b""), b"");
        }
    }
}
