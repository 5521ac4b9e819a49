//! Templates and paths: a template that is taken matches the path made of it, and no path makes the router panic.

#![no_main]

use gatehouse_gateway::router::{ApiTree, OperationTree, UrlTemplate, Versioning, check_path};
use gatehouse_policy::Query;
use http::HeaderMap;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (&str, &str, &str)| {
    let (template, path, query) = input;
    let query = Query::new(query);
    let mut operations = OperationTree::new();
    if let Ok(template) = UrlTemplate::parse(template) {
        operations.insert("GET", template, 0);
    }
    let mut apis = ApiTree::default();
    let _ = apis.insert(template, &Versioning::Segment("v1".to_owned()), "1", true, 0);
    if check_path(path).is_ok() && path.starts_with('/') {
        let rest = apis.find(path, &query, &HeaderMap::new()).map_or(path, |found| found.rest);
        assert!(rest.starts_with('/'), "what is left begins with a slash");
        let _ = operations.find("GET", rest, &query);
    }
});
