//! Policy documents as text; the policy crate reads and compiles them.

use std::path::Path;
use std::sync::Arc;

use crate::Location;

/// The text of a policy document and the file that it stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicySource {
    /// The text, without a byte order mark.
    pub text: Arc<str>,
    /// The file.
    pub file: Arc<Path>,
}

/// A policy fragment.
#[derive(Clone, Debug)]
pub struct Fragment {
    /// Resource name: what `fragment-id` names.
    pub name: String,
    /// What it is for.
    pub description: Option<String>,
    /// Its document, with `<fragment>` as root.
    pub policy: PolicySource,
    /// Where it stands.
    pub location: Location,
}
