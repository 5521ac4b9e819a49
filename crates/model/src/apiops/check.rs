//! The syntax of names, paths and URLs.

use url::Url;

use super::resource::Resource;
use crate::Located;

/// A field name of HTTP: the token of RFC 9110, section 5.6.2.
pub(super) fn header_name(resource: &Resource<'_>, name: &Located<String>) {
    if !is_token(&name.value) {
        resource.error_with_fix(
            "bad-name",
            name.location.clone(),
            format!("`{}` cannot be the name of a header", name.value),
            "use letters, digits and any of !#$%&'*+-.^_`|~",
        );
    }
}

/// The name of a query parameter.
pub(super) fn query_name(resource: &Resource<'_>, name: &Located<String>) {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~!$'()*,;:@/$".contains(c);
    if name.value.is_empty() || !name.value.chars().all(allowed) {
        resource.error_with_fix(
            "bad-name",
            name.location.clone(),
            format!("`{}` cannot be the name of a query parameter", name.value),
            "use letters, digits and any of -._~!$'()*,;:@/",
        );
    }
}

/// Whether a text is a token of RFC 9110.
pub(super) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

/// A path below the host, without slashes at its ends: at most 400 characters, and in each segment the characters of
/// RFC 3986 that no other syntax of a gateway path uses (`;rev=`, `{…}`, `*`).
pub(super) fn path(resource: &Resource<'_>, path: &Located<String>) -> String {
    let trimmed = path.value.trim().trim_matches('/');
    let length = trimmed.chars().count();
    if length > 400 {
        resource.error(
            "too-long",
            path.location.clone(),
            format!("`path` has {length} characters, at most 400 are allowed"),
        );
    }
    if let Some(wrong) = trimmed.chars().find(|c| *c != '/' && !is_segment_char(*c)) {
        resource.error_with_fix(
            "bad-path",
            path.location.clone(),
            format!("`path` has the character `{}`", wrong.escape_default()),
            "use letters, digits, `/` and any of -._~!$&'()+,=:@",
        );
    } else if trimmed.split('/').any(|segment| matches!(segment, "." | "..")) || (trimmed.contains("//")) {
        resource.error_with_fix(
            "bad-path",
            path.location.clone(),
            format!("`path` has an empty or a dot segment: `{trimmed}`"),
            "write the segments that requests have, with one `/` between them",
        );
    }
    trimmed.to_owned()
}

/// Whether a character may stand in a path segment of an API.
pub(super) fn is_segment_char(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-._~!$&'()+,=:@".contains(c)
}

/// An absolute URL with one of the schemes, without user, query and fragment.
pub(super) fn url(
    resource: &Resource<'_>,
    what: &str,
    text: &Located<String>,
    schemes: &[&str],
) -> Option<Url> {
    let wrong = |message: String, fix: &str| {
        resource.error_with_fix("bad-url", text.location.clone(), message, fix);
        None
    };
    if text.value.chars().count() > 2000 {
        return wrong(format!("`{what}` has more than 2000 characters"), "shorten it");
    }
    if text.value.contains("{{") {
        return wrong(
            format!("`{what}` cannot hold named values"),
            "write the address, override it for each environment, or use `set-backend-service`",
        );
    }
    let url = match Url::parse(text.value.trim()) {
        Ok(url) => url,
        Err(error) => {
            return wrong(
                format!("`{what}` is not a URL: {error}"),
                "write scheme, host and path, such as https://api.example/v1",
            );
        }
    };
    if !schemes.contains(&url.scheme()) || url.host().is_none() {
        return wrong(
            format!("`{what}` has the scheme `{}`", url.scheme()),
            &format!("use {}", schemes.join(", ")),
        );
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong(
            format!("`{what}` has a query or a fragment"),
            "take it out; parameters belong to operations, policies or credentials",
        );
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong(
            format!("`{what}` holds a user or a password"),
            "take them out; use a backend with credentials",
        );
    }
    Some(url)
}
