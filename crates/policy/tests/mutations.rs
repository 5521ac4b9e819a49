//! Broken policy documents: reading ends without a panic, and every refusal has a place.

#![allow(missing_docs)]

#[path = "../../expression/tests/fuzzing/mod.rs"]
mod fuzzing;

use std::path::Path;
use std::sync::Arc;

use gatehouse_policy::document::read_bytes;

const SEEDS: [&str; 5] = [
    "<policies><inbound><base /><choose><when condition=\"@(context.Request.Headers.GetValueOrDefault(\"a\",\"\") == \"b\" && 1 < 2)\"><set-variable name='x' value=\"@{ return $\"{1}\"; }\" /></when></choose></inbound></policies>",
    "\u{feff}<?xml version=\"1.0\" encoding=\"utf-8\"?>\r\n<!-- a -- b --><fragment><set-header name=\"a\" exists-action=\"append\"><value>@(context.Body.As<JObject>()[\"é\"])</value></set-header></fragment>",
    "<policies><inbound><set-body template=\"liquid\"><soap:Envelope xmlns:soap=\"u\">{{context.Variables[\"x\"]}}</soap:Envelope></set-body><return-response><set-body><![CDATA[@(\"]]\" + \"x\")]]></set-body></return-response></inbound></policies>",
    "<policies><inbound><rewrite-uri template=\"@(&quot;/a&quot; + (1 &lt; 2 ? &quot;b&quot; : &quot;c&quot;))\" /><message>Hello @(context.User.Id) and {{name}} &#65;&#x42;</message></inbound></policies>",
    "<policies>\n  <!-- c -->\n  <outbound><find-and-replace from='a\"b' to=\"c'd\" /></outbound>\n  <on-error><base/></on-error>\n</policies>",
];

const PIECES: [&[u8]; 22] = [
    b"<",
    b">",
    b"/>",
    b"</",
    b"\"",
    b"'",
    b"@(",
    b"@{",
    b"&",
    b"&amp;",
    b"&#xffffffff;",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"-->",
    b"<?xml encoding=\"utf-16\"?>",
    b"\xff\xfe",
    b"\xfe\xff",
    b"\xc3",
    b"\0",
    b"<!DOCTYPE a [",
    b"{{",
];

#[test]
fn no_document_makes_the_reader_panic() {
    let file: Arc<Path> = Arc::from(Path::new("policy.xml"));
    for seed in SEEDS {
        assert!(
            read_bytes(seed.as_bytes(), &file).is_ok(),
            "the seed is good: {seed}: {:?}",
            read_bytes(seed.as_bytes(), &file).err()
        );
    }
    let pieces: Vec<Vec<u8>> = PIECES.iter().map(|piece| piece.to_vec()).collect();
    let (mut read, mut refused) = (0, 0);
    fuzzing::run(40_000, |round, numbers, about| {
        let bytes = numbers.mutated(SEEDS[round % SEEDS.len()].as_bytes(), &pieces);
        *about = String::from_utf8_lossy(&bytes).into_owned();
        match read_bytes(&bytes, &file) {
            Ok(_) => read += 1,
            Err(finding) => {
                refused += 1;
                assert!(!finding.message.is_empty(), "a refusal says why");
                assert!(finding.location.is_some(), "a refusal says where: {finding:?}");
            }
        }
    });
    assert!(read > 1_000 && refused > 1_000, "{read} read, {refused} refused");
}
