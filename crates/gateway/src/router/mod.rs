//! Which API and which operation a request means. The cost of a look-up depends on the length of the request's
//! path, not on the number of APIs or operations.

mod api_tree;
mod operation_tree;
mod path;
mod template;

pub use self::api_tree::{ApiIndex, ApiTree, Versioning};
pub use self::operation_tree::OperationTree;
pub use self::path::check_path;
pub use self::template::{Part, Segment, UrlTemplate};

#[cfg(test)]
mod mutations;
