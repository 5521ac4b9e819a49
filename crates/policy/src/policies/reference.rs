//! Keeps the table of policies in the handbook true.

use std::path::Path;

use super::{NOT_YET_AVAILABLE, TABLE};
use crate::PolicyScope;

const BEGIN: &str = "<!-- policies: generated -->\n";
const END: &str = "<!-- policies: end -->\n";

fn table() -> String {
    let mut rows: Vec<(&str, String)> = TABLE
        .iter()
        .map(|kind| {
            let sections: Vec<&str> = kind.sections.iter().map(|section| section.as_str()).collect();
            let scopes: Vec<&str> = kind.scopes.iter().map(|scope| scope.as_str()).collect();
            let scopes = if kind.scopes == PolicyScope::ALL { "all".to_owned() } else { scopes.join(", ") };
            let sections = if sections.len() == 4 { "all".to_owned() } else { sections.join(", ") };
            let once = if kind.once { "once" } else { "" };
            (kind.name, format!("| `{}` | runs | {sections} | {scopes} | {once} |\n", kind.name))
        })
        .collect();
    rows.extend(
        NOT_YET_AVAILABLE.iter().map(|name| (*name, format!("| `{name}` | not yet available | | | |\n"))),
    );
    rows.sort();
    let rows: String = rows.into_iter().map(|(_, row)| row).collect();
    format!("| policy | status | sections | scopes | in a section |\n|---|---|---|---|---|\n{rows}")
}

#[test]
fn the_handbook_lists_every_policy() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/policies.md");
    let text = std::fs::read_to_string(&path).expect("the handbook");
    let (before, rest) = text.split_once(BEGIN).expect("the mark at the table's begin");
    let (_, after) = rest.split_once(END).expect("the mark at the table's end");
    let wanted = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &wanted).expect("a writable handbook");
    }
    let text = std::fs::read_to_string(&path).expect("the handbook");
    assert!(text == wanted, "{} is not up to date: run this test with UPDATE=1", path.display());
}
