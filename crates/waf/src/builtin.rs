//! The rules that come with Gatehouse.

use std::path::PathBuf;

use crate::seclang::RuleSource;

/// What a body must be, before all other rules.
pub fn protocol() -> RuleSource {
    text("built-in protocol.conf", include_str!("../rules/protocol.conf"))
}

/// The rules where no OWASP CRS is installed.
pub fn baseline() -> RuleSource {
    text("built-in baseline.conf", include_str!("../rules/baseline.conf"))
}

/// Exclusions of the OWASP CRS for the query languages of APIs; they stand before its rules.
pub fn api_exclusions() -> RuleSource {
    text("built-in api-exclusions.conf", include_str!("../rules/api-exclusions.conf"))
}

/// What `crs-setup.conf` would set for APIs, for [`crate::Options::variables`].
pub fn crs_variables(paranoia_level: u64) -> Vec<(String, String)> {
    [
        ("blocking_paranoia_level", paranoia_level.to_string()),
        ("detection_paranoia_level", paranoia_level.to_string()),
        // The name in CRS 3.
        ("paranoia_level", paranoia_level.to_string()),
        ("executing_paranoia_level", paranoia_level.to_string()),
        ("allowed_methods", "GET HEAD POST OPTIONS PUT PATCH DELETE".to_owned()),
        ("allowed_request_content_type", MEDIA_TYPES.to_owned()),
        ("restricted_extensions", RESTRICTED_EXTENSIONS.to_owned()),
        ("restricted_headers_basic", RESTRICTED_FIELDS.to_owned()),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

/// The media types of request bodies that APIs take.
const MEDIA_TYPES: &str = "|application/x-www-form-urlencoded| |multipart/form-data| |multipart/related| |text/xml| \
    |application/xml| |application/soap+xml| |application/json| |application/vnd.api+json| |application/problem+json| \
    |application/json-patch+json| |application/merge-patch+json| |application/scim+json| |application/fhir+json| \
    |application/cloudevents+json| |application/cloudevents-batch+json| |application/graphql| \
    |application/graphql+json| |application/x-ndjson| |application/octet-stream| |application/grpc| |application/grpc+proto| \
    |application/grpc-web| |application/grpc-web+proto| |application/atom+xml| |application/hal+json| |application/ld+json| \
    |application/reports+json| |application/csp-report| |text/plain|";

/// Ends of paths that no API serves. What the CRS has beside them stands at the ends of mail addresses: `.com`.
const RESTRICTED_EXTENSIONS: &str = ".ani/ .asa/ .asax/ .ascx/ .back/ .backup/ .bak/ .bck/ .bk/ .bkp/ .bat/ .cdx/ .cer/ .cfg/ .cmd/ \
    .cnf/ .compositefont/ .config/ .conf/ .copy/ .crt/ .cs/ .csproj/ .csr/ .dat/ .db/ .dbf/ .dist/ .dll/ .dos/ .dpkg-dist/ .drv/ \
    .gadget/ .hta/ .htr/ .htw/ .ida/ .idc/ .idq/ .inc/ .inf/ .ini/ .jks/ .jse/ .key/ .licx/ .lnk/ .log/ .mdb/ .msc/ .ocx/ .old/ \
    .pass/ .pdb/ .pfx/ .pif/ .pem/ .pol/ .prf/ .printer/ .pwd/ .rdb/ .rdp/ .reg/ .resources/ .resx/ .sav/ .save/ .scr/ .sct/ .sh/ \
    .shs/ .sql/ .sqlite/ .sqlite3/ .swap/ .swo/ .swp/ .sys/ .temp/ .tfstate/ .tlb/ .tmp/ .vb/ .vbe/ .vbs/ .vbproj/ .vsdisco/ \
    .vxd/ .webinfo/ .ws/ .wsc/ .wsf/ .wsh/ .xsd/ .xsx/";

/// Header fields that no client of an API sends. What the CRS has beside them, APIs use: coded bodies, which the engine reads, and
/// uploads in ranges.
const RESTRICTED_FIELDS: &str = "/proxy/ /lock-token/ /if/ /x-http-method-override/ /x-http-method/ /x-method-override/ /x-middleware-subrequest/ /expect/";

fn text(name: &str, text: &str) -> RuleSource {
    RuleSource::Text { name: name.to_owned(), text: text.to_owned(), folder: PathBuf::from(".") }
}
