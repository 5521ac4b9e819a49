//! WSDL: told apart, and refused until SOAP is served.

use std::path::Path;
use std::sync::Arc;

use roxmltree::Document;

use crate::{Diagnostic, Location};

/// Why an XML document that is no WADL cannot be read.
pub(super) fn refuse(document: &Document<'_>, file: &Arc<Path>) -> Diagnostic {
    let root = document.root_element();
    let at = document.text_pos_at(root.range().start);
    let location = Location::new(Arc::clone(file), at.row, at.col);
    match root.tag_name().name() {
        "definitions" | "description" => {
            Diagnostic::error("not-yet-available", location, "this is WSDL: SOAP APIs are not yet available")
                .fix("publish the service with an OpenAPI definition of its HTTP operation")
        }
        other => {
            Diagnostic::error("unknown-definition", location, format!("`<{other}>` begins no API definition"))
                .fix("WADL begins with `<application>`")
        }
    }
}
