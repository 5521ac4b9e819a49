//! Templates and paths that nobody would write: nothing panics, and what is matched is what was asked for.

use gatehouse_policy::Query;
use http::HeaderMap;

use super::{ApiTree, OperationTree, UrlTemplate, Versioning, check_path};

const SEEDS: [&str; 6] = [
    "/orders/{id}/lines/{line}",
    "/files/{*path}",
    "/items({id}).json?kind={kind}&full=true",
    "/a%20b;rev=2/%e2%82%ac",
    "/v1/orders;rev=3/{id}",
    "//{a}-{b}/*",
];

const PIECES: [&str; 16] =
    ["/", "{", "}", "*", "%", "%2f", "%2e", "..", "?", "&", "=", ";rev=", "\u{20ac}", "a", "{x}", "\0"];

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % bound as u64) as usize
    }

    /// A seed with pieces put in and characters taken out.
    fn text(&mut self) -> String {
        let mut characters: Vec<char> = SEEDS[self.below(SEEDS.len())].chars().collect();
        for _ in 0..self.below(6) {
            let at = self.below(characters.len() + 1);
            if self.below(3) == 0 && at < characters.len() {
                characters.remove(at);
            } else {
                let piece = PIECES[self.below(PIECES.len())];
                characters.splice(at..at, piece.chars());
            }
        }
        characters.into_iter().collect()
    }
}

#[test]
fn no_template_and_no_path_makes_the_router_panic() {
    let mut random = Random(1);
    let (mut templates, mut matched) = (0, 0);
    for _ in 0..50_000 {
        let (template, path) = (random.text(), random.text());
        let (path, query) = path.split_once('?').unwrap_or((&path, ""));
        let query = Query::new(query);
        let mut operations = OperationTree::new();
        if let Ok(parsed) = UrlTemplate::parse(&template) {
            templates += 1;
            operations.insert("GET", parsed, 0);
        }
        let mut apis = ApiTree::default();
        apis.insert(&template, &Versioning::Segment("v1".to_owned()), "3", true, 0).unwrap();
        if check_path(path).is_err() || !path.starts_with('/') {
            continue;
        }
        let rest = apis.find(path, &query, &HeaderMap::new()).map_or(path, |found| found.rest);
        assert!(rest.starts_with('/'), "{template:?} leaves {rest:?} of {path:?}");
        matched += usize::from(operations.find("GET", rest, &query).is_some());
    }
    assert!(templates > 5_000 && matched > 500, "{templates} templates, {matched} matches");
}

#[test]
fn a_template_without_parameters_finds_itself() {
    let mut random = Random(2);
    let mut found = 0;
    for _ in 0..20_000 {
        let text = random.text().replace(['{', '}', '*', '?', '%'], "");
        if !text.starts_with('/') || check_path(&text).is_err() {
            continue;
        }
        let Ok(template) = UrlTemplate::parse(&text) else { continue };
        let mut operations = OperationTree::new();
        operations.insert("GET", template, 7);
        let operation = operations.find("GET", &text, &Query::default()).map(|matched| matched.operation);
        assert_eq!(operation, Some(7), "{text:?}");
        found += 1;
    }
    assert!(found > 100, "{found}");
}
