use std::path::Path;
use std::sync::Arc;

use super::*;

fn file() -> Arc<Path> {
    Path::new("p.xml").into()
}

fn read(text: &str) -> Element {
    read_bytes(text.as_bytes(), &file()).unwrap_or_else(|error| panic!("{error}"))
}

fn refused(text: &str) -> String {
    read_bytes(text.as_bytes(), &file()).expect_err("the document is broken").to_string()
}

/// The value of the attribute `v` of a root `a`.
fn value(document: &str) -> String {
    read(document).attribute("v").expect("an attribute v").value.text.clone()
}

#[test]
fn an_attribute_that_begins_with_an_expression_is_read_by_the_rules_of_c_sharp() {
    let source = r#"@(context.Response != null && (context.Response.StatusCode < 404) && x == "a\")b")"#;
    let root = read(&format!("<a v=\"{source}\" w='x'/>"));
    assert_eq!(root.attribute("v").unwrap().value.text, source);
    assert_eq!(root.attribute("v").unwrap().value.kind(), TextKind::Expression);
    assert_eq!(root.attribute("w").unwrap().value.text, "x");
}

#[test]
fn white_space_around_an_expression_and_single_quotes_are_fine() {
    assert_eq!(value("<a v=' @(\"x\" + 'c') '/>").trim(), "@(\"x\" + 'c')");
}

#[test]
fn nested_strings_in_the_hole_of_an_interpolation_do_not_end_it() {
    let source = r#"@($"{((IResponse)context.Variables["blob)"]).Body.As<JObject>() }")"#;
    assert_eq!(value(&format!("<a v=\"{source}\"/>")), source);
}

#[test]
fn entities_in_expressions_are_decoded_also_beside_raw_characters() {
    let escaped = "<a v=\"@(context.Variables[&quot;a)&quot;] &amp;&amp; 1 &lt; 2)\"/>";
    assert_eq!(value(escaped), r#"@(context.Variables["a)"] && 1 < 2)"#);
    let mixed = "<a v=\"@(m != \"GET\" &amp;&amp; x & 1 && y)\"/>";
    assert_eq!(value(mixed), "@(m != \"GET\" && x & 1 && y)");
}

#[test]
fn line_breaks_stay_in_expressions_and_become_spaces_in_literals() {
    assert_eq!(value("<a v=\"@{ // it's\r\n return 1; }\"/>"), "@{ // it's\n return 1; }");
    assert_eq!(value("<a v=\"x\r\n\ty\"/>"), "x  y");
}

#[test]
fn an_expression_may_be_the_text_of_an_element() {
    let root = read("<v>\n  @(x.As<JObject>() + \"</v>\")\n</v>");
    assert_eq!(root.text().text.trim(), "@(x.As<JObject>() + \"</v>\")");
    assert_eq!(root.text().kind(), TextKind::Expression);
    assert_eq!(root.elements().count(), 0);
}

#[test]
fn an_expression_may_follow_text_and_an_address_is_none() {
    let root = read("<v>Subscription @(context.Subscription.As<string>()) called</v>");
    assert_eq!(root.text().text, "Subscription @(context.Subscription.As<string>()) called");
    assert_eq!(read("<v>write to a@(b or @(c</v>").text().text, "write to a@(b or @(c");
}

#[test]
fn a_body_keeps_its_markup() {
    let root = read(
        "<set-body template=\"liquid\">\n<soapenv:Envelope x='1'>&amp;<b/></soapenv:Envelope></set-body>",
    );
    assert_eq!(root.payload().text, "\n<soapenv:Envelope x='1'>&amp;<b/></soapenv:Envelope>");
    assert_eq!(read("<set-body>a &amp; b</set-body>").payload().text, "a & b");
    assert_eq!(read("<set-body/>").payload().text, "");
}

#[test]
fn character_data_is_text_and_may_be_an_expression() {
    let root = read("<set-body><![CDATA[@{ return x.As<string>() + \"&amp;\"; }]]></set-body>");
    assert_eq!(root.text().text, "@{ return x.As<string>() + \"&amp;\"; }");
    assert_eq!(root.text().kind(), TextKind::Expression);
}

#[test]
fn comments_and_declarations_may_stand_anywhere() {
    let text =
        "\u{FEFF}<!-- a -- b --><?xml version=\"1.0\"?>\n<a><!-- <b> -->x<!-- y -->z</a><!-- end -->\n";
    assert_eq!(read(text).text().text, "xz");
}

#[test]
fn everything_knows_its_place() {
    let root = read("<!-- é -->\r\n<a>\r\n  <b\r\n    v=\"&lt;x\"/> text\r\n</a>");
    let place = |location: &Location| (location.line, location.column);
    assert_eq!(place(&root.location), (2, 1));
    let b = root.element("b").unwrap();
    assert_eq!(place(&b.location), (3, 3));
    let attribute = b.attribute("v").unwrap();
    assert_eq!(place(&attribute.location), (4, 5));
    assert_eq!(place(&attribute.value.location), (4, 8));
    assert_eq!(place(&attribute.value.locate(1)), (4, 12));
}

#[test]
fn places_in_an_expression_are_those_of_the_document() {
    let root = read("<a v=\"@{\r\n  x &amp;&amp; y\"+\"z }\"/>");
    let value = &root.attribute("v").unwrap().value;
    let offset = value.text.find('y').unwrap();
    let location = value.locate(offset);
    assert_eq!((location.line, location.column), (2, 16));
}

#[test]
fn broken_documents_are_refused_with_place_and_remedy() {
    let cases = [
        ("", "p.xml:1:1: error: there is no element"),
        ("<a>\n <b></c>\n</a>", "p.xml:2:5: error: `</c>` closes `<b>`, which was opened at 2:2"),
        ("<a>\n<b>", "p.xml:2:1: error: the element `b` is never closed"),
        ("</a>", "p.xml:1:1: error: `</a>` closes an element that is not open"),
        ("<a v=x/>", "p.xml:1:6: error: the value of the attribute `v` has no quotes"),
        ("<a v/>", "p.xml:1:4: error: the attribute `v` of `a` has no value"),
        ("<a v=\"x", "p.xml:1:6: error: the value of the attribute `v` does not end"),
        ("<a v=\"x\"w=\"y\"/>", "p.xml:1:9: error: in the tag `<a`, something follows"),
        ("<a v=\"x\" v=\"y\"/>", "p.xml:1:10: error: the attribute `v` stands twice"),
        ("<a v=\"<\"/>", "p.xml:1:7: error: `<` stands in the value"),
        ("<a v=\"a & b\"/>", "p.xml:1:9: error: `&` stands here"),
        ("<a>a &nbsp; b</a>", "p.xml:1:6: error: `&` stands here"),
        ("<a>\n1 < 2</a>", "p.xml:2:3: error: `<` stands here without beginning an element"),
        ("<a v=\"@(x]\"/>", "p.xml:1:10: error: the expression is broken"),
        ("<a v=\"@(x) y\"/>", "p.xml:1:12: error: the expression of the attribute `v` ends here"),
        ("<a>@{ return \"x; }\n</a>", "p.xml:1:14: error: the expression is broken"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a/>", "p.xml:1:1: error: a document type declaration"),
        ("<a/>\n<b/>", "p.xml:2:1: error: a second root element `b`"),
        ("x<a/>", "p.xml:1:1: error: text stands outside"),
        ("<a/> x", "p.xml:1:6: error: text stands outside"),
        ("<a><!-- </a>", "p.xml:1:4: error: the comment does not end"),
        ("<a><![CDATA[ </a>", "p.xml:1:4: error: the CDATA section does not end"),
        ("<a>\u{1}</a>", "p.xml:1:4: error: the document holds a control character"),
        ("<a", "p.xml:1:1: error: the tag `<a` does not end"),
    ];
    for (text, wanted) in cases {
        let told = refused(text);
        assert!(told.starts_with(wanted), "{text:?}\n  told   {told}\n  wanted {wanted}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused_where_they_stand() {
    let error = read_bytes(b"<a>\nab\xFF</a>", &file()).expect_err("not UTF-8");
    assert!(error.to_string().starts_with("p.xml:2:3: error: the document is not UTF-8"));
}

#[test]
fn size_depth_and_count_have_bounds() {
    let deep = format!("{}{}", "<a>".repeat(MAX_DEPTH), "</a>".repeat(MAX_DEPTH));
    read(&deep);
    assert!(refused(&format!("<b>{deep}</b>")).contains("nested deeper than 100"));
    assert!(refused(&format!("<a>{}</a>", "<b/>".repeat(MAX_ELEMENTS))).contains("more than 20000 elements"));
    assert!(refused(&"x".repeat(MAX_DOCUMENT_BYTES + 1)).contains("at most 524288"));
    let attributes = (0..=MAX_ATTRIBUTES).map(|n| format!(" a{n}=''")).collect::<Vec<_>>().concat();
    assert!(refused(&format!("<a{attributes}/>")).contains("more than 64 attributes"));
}

#[test]
fn a_text_of_unbalanced_expressions_takes_no_quadratic_time() {
    let text = format!("<a>x{}</a>", " @(".repeat(MAX_DOCUMENT_BYTES / 3 - 10));
    read(&text);
}

/// Every mutation of a document is read or refused: nothing panics, and every error has a place.
#[test]
fn no_bytes_make_the_reader_panic() {
    let document = "<?xml version=\"1.0\"?><policies><inbound><base /><!-- c --><choose><when condition=\"@(a != \"b\" &amp;&amp; c < $\"{d[\"e\"]}\")\"><set-body><![CDATA[x]]>&#233;é @{ return '\\''; }</set-body></when></choose></inbound></policies>".as_bytes();
    let alphabet = b"<>\"'@(){}[]&;!-?/= \n\r\0\xC3\xA9\xFFa$\\";
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    let mut random = |bound: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % bound as u64) as usize
    };
    for _ in 0..20_000 {
        let mut bytes = document.to_vec();
        for _ in 0..=random(4) {
            if bytes.is_empty() {
                break;
            }
            let at = random(bytes.len());
            match random(4) {
                0 => bytes[at] = alphabet[random(alphabet.len())],
                1 => bytes.insert(at, alphabet[random(alphabet.len())]),
                2 => {
                    bytes.remove(at);
                }
                _ => bytes.truncate(at.max(1)),
            }
        }
        if let Err(error) = read_bytes(&bytes, &file()) {
            assert!(error.location.is_some_and(|location| location.line > 0), "{}", error.message);
        }
    }
}
