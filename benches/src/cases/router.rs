//! Finding the API and the operation among ever more of them.

use std::hint::black_box;

use gatehouse_gateway::router::{ApiTree, OperationTree, UrlTemplate, Versioning};
use gatehouse_policy::Query;
use http::HeaderMap;

use crate::Case;

const OPERATIONS: u32 = 10;

struct Router {
    apis: ApiTree,
    operations: Vec<OperationTree>,
}

impl Router {
    /// APIs at `/team-N/service-M`, ten operations each.
    fn new(count: u32) -> Self {
        let mut apis = ApiTree::default();
        let mut operations = Vec::new();
        for api in 0..count {
            let path = format!("team-{}/service-{api}", api % 100);
            let inserted = apis.insert(&path, &Versioning::None, "1", true, api);
            assert!(inserted.is_ok(), "every path is another");
            let mut tree = OperationTree::new();
            for operation in 0..OPERATIONS {
                let template = UrlTemplate::parse(&format!("/resource-{operation}/{{id}}/lines/{{line}}"));
                tree.insert("GET", template.unwrap_or_else(|error| panic!("{error}")), operation);
            }
            operations.push(tree);
        }
        Self { apis, operations }
    }

    fn find(&self, path: &str) -> Option<u32> {
        let (query, headers) = (Query::default(), HeaderMap::new());
        let api = self.apis.find(path, &query, &headers)?;
        let operation = self.operations.get(api.api as usize)?.find("GET", api.rest, &query)?;
        Some(api.api * OPERATIONS + operation.operation)
    }
}

pub(crate) fn cases() -> Vec<Case> {
    [10, 100, 1_000, 10_000]
        .into_iter()
        .map(|count| Case::new(format!("router/{count}"), move || prepare(count)))
        .collect()
}

/// Looks APIs up in an order that no cache foresees.
fn prepare(count: u32) -> crate::Run {
    let router = Router::new(count);
    let paths: Vec<String> = (0..count.min(1024))
        .map(|index| {
            let api = index.wrapping_mul(2_654_435_761) % count;
            format!("/team-{}/service-{api}/resource-{}/4711/lines/12", api % 100, index % OPERATIONS)
        })
        .collect();
    assert!(paths.iter().all(|path| router.find(path).is_some()), "every path is found");
    let mut next = 0;
    Box::new(move || {
        next = (next + 1) % paths.len();
        if let Some(path) = paths.get(next) {
            black_box(router.find(black_box(path)));
        }
    })
}
