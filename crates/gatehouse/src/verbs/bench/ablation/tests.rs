use std::path::Path;

use super::*;

fn source(text: &str) -> PolicySource {
    PolicySource { text: text.into(), file: Path::new("p.xml").into() }
}

fn policies(text: &str) -> Vec<(String, u32, String)> {
    let source = source(text);
    let documents = Documents { all: vec![("service".to_owned(), &source)] };
    let found = documents.policies().unwrap();
    found
        .iter()
        .map(|policy| {
            let mut text = source.text.to_string();
            for edit in policy.edits.iter().rev() {
                text.replace_range(edit.start..edit.end, &edit.text);
            }
            let length = |text: &str| text.chars().count();
            assert_eq!(length(&text), length(&source.text), "everything else stays where it stands");
            (policy.name.clone(), policy.line, text.split_whitespace().collect::<Vec<_>>().join(" "))
        })
        .collect()
}

#[test]
fn policies_are_taken_out_by_themselves_wherever_they_stand() {
    let found = policies(
        "<policies><inbound><base />\n<set-header name=\"a\"><value>é</value></set-header>\n<choose><when condition=\"@(true)\">\n<trace source=\"s\"><message>m</message></trace></when></choose></inbound>\n<backend><retry condition=\"@(false)\" count=\"1\" interval=\"1\"><forward-request /></retry></backend><on-error><base /><set-status code=\"500\" /></on-error></policies>",
    );
    let names: Vec<(&str, u32)> = found.iter().map(|(name, line, _)| (name.as_str(), *line)).collect();
    assert_eq!(names, [("set-header", 2), ("choose", 3), ("trace", 4), ("retry", 5)]);
    assert!(!found[0].2.contains("set-header") && found[0].2.contains("<choose>"), "{}", found[0].2);
    assert!(!found[1].2.contains("trace"), "{}", found[1].2);
    assert!(found[2].2.contains("<when condition=\"@(true)\"> </when>"), "{}", found[2].2);
    assert!(found[3].2.contains("<backend> <forward-request /> </backend>"), "{}", found[3].2);
}

#[test]
fn names_that_no_policy_has_are_refused() {
    let source =
        source("<policies><inbound><rate-limit calls=\"1\" renewal-period=\"9\" /></inbound></policies>");
    let documents = Documents { all: vec![("service".to_owned(), &source)] };
    let all = documents.policies().unwrap();
    assert_eq!(chosen(all.clone(), &["all".to_owned()]).unwrap().len(), 1);
    assert_eq!(chosen(all.clone(), &["waf".to_owned()]).unwrap().len(), 0);
    let error = chosen(all, &["rate-limt".to_owned()]).unwrap_err().to_string();
    assert!(error.contains("did you mean `rate-limit`?"), "{error}");
    assert!(has_part(&["tls".to_owned()], "tls") && !has_part(&["tls".to_owned()], "waf"));
}

#[test]
fn limits_are_raised_with_those_in_them() {
    let source = source(
        "<policies><inbound><quota calls=\"10\" bandwidth=\"40\" renewal-period=\"60\"><api name=\"a\" calls=\"5\" /></quota></inbound></policies>",
    );
    let documents = Documents { all: vec![("service".to_owned(), &source)] };
    let (edits, notes) = raised(&documents).unwrap();
    let texts: Vec<&str> = edits.iter().filter_map(|edit| source.text.get(edit.start..edit.end)).collect();
    assert_eq!(texts, ["10", "40", "5"]);
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("p.xml:1:20:"), "{notes:?}");
}
