//! Version sets.

use crate::Location;

/// A set of versions of one API.
#[derive(Clone, Debug)]
pub struct VersionSet {
    /// Resource name.
    pub name: String,
    /// The name that people read.
    pub display_name: String,
    /// Where a request says which version it wants.
    pub scheme: VersioningScheme,
    /// Where it stands.
    pub location: Location,
}

/// Where a request says which version it wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VersioningScheme {
    /// The path segment after the API's path.
    Segment,
    /// A query parameter of this name.
    Query(String),
    /// A header of this name.
    Header(String),
}
