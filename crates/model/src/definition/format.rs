//! Which language a definition is written in.

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;

use crate::tree::{Node, parse_json, parse_yaml};
use crate::{Diagnostic, Diagnostics, Location, Severity};

/// The language of a definition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Format {
    /// `OpenAPI` 2.0, also known as Swagger.
    OpenApi20,
    /// `OpenAPI` 3.0.
    OpenApi30,
    /// `OpenAPI` 3.1.
    OpenApi31,
    /// `OpenAPI` 3.2.
    OpenApi32,
    /// The schema definition language of GraphQL.
    GraphQl,
    /// The Web Application Description Language.
    Wadl,
    /// The Web Services Description Language.
    Wsdl,
}

impl Format {
    /// Whether the definition is an `OpenAPI` document.
    pub fn is_openapi(self) -> bool {
        !matches!(self, Self::GraphQl | Self::Wadl | Self::Wsdl)
    }

    /// Its name for messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::OpenApi20 => "OpenAPI 2.0",
            Self::OpenApi30 => "OpenAPI 3.0",
            Self::OpenApi31 => "OpenAPI 3.1",
            Self::OpenApi32 => "OpenAPI 3.2",
            Self::GraphQl => "GraphQL",
            Self::Wadl => "WADL",
            Self::Wsdl => "WSDL",
        }
    }
}

/// A definition whose language is known.
pub(super) enum Source {
    Tree(Node, Format),
    GraphQl,
    Xml,
}

/// Decides by the file's extension, and by the content where the extension leaves it open.
pub(super) fn detect(
    file: &Arc<Path>,
    text: &str,
    findings: &mut Diagnostics,
) -> Result<Source, Box<Diagnostic>> {
    let extension =
        file.extension().and_then(|extension| extension.to_str()).unwrap_or("").to_ascii_lowercase();
    match extension.as_str() {
        "graphql" | "graphqls" | "gql" => return Ok(Source::GraphQl),
        "wadl" | "wsdl" | "xml" => return Ok(Source::Xml),
        _ if text.trim_start().starts_with('<') => return Ok(Source::Xml),
        _ => {}
    }
    let root = tree(file, text, findings)?;
    let format = version(file, &root)?;
    Ok(Source::Tree(root, format))
}

/// Reads a file of JSON or YAML. A text for people that is set twice is a finding and no error, because definitions in
/// use have it and nothing hangs on it.
pub(crate) fn tree(
    file: &Arc<Path>,
    text: &str,
    findings: &mut Diagnostics,
) -> Result<Node, Box<Diagnostic>> {
    const MAX_MENDED: usize = 32;
    let mut text = Cow::Borrowed(text);
    for _ in 0..MAX_MENDED {
        let error = match parse(file, &text) {
            Ok(root) => return Ok(root),
            Err(error) => error,
        };
        let Some(mended) = without_duplicate(&text, &error) else { return Err(error) };
        findings.push(error.severity(Severity::Low).fix("remove one of them; the first is taken"));
        text = Cow::Owned(mended);
    }
    parse(file, &text)
}

/// JSON is tried first where the file is not called YAML or looks like JSON: its reader is much the faster, and its
/// errors speak of JSON.
fn parse(file: &Arc<Path>, text: &str) -> Result<Node, Box<Diagnostic>> {
    let is_json = file.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("json"));
    if is_json {
        return parse_json(text, file).map_err(Box::new);
    }
    if text.trim_start().starts_with('{')
        && let Ok(root) = parse_json(text, file)
    {
        return Ok(root);
    }
    parse_yaml(text, file).map_err(Box::new)
}

/// The text with the second of two equal keys made an extension, if the error is about such and the key holds no more
/// than a text for people. The extension is as long as the key, so that everything stays in its place.
fn without_duplicate(text: &str, error: &Diagnostic) -> Option<String> {
    const TEXTS: [(&str, &str); 3] =
        [("description", "x-duplicate"), ("summary", "x-twice"), ("title", "x-two")];
    let location = error.location.as_ref().filter(|_| error.id == "duplicate-key")?;
    let line = usize::try_from(location.line).ok()?.checked_sub(1)?;
    let start = match line.checked_sub(1) {
        Some(before) => line_starts(text).nth(before)?,
        None => 0,
    };
    let column = usize::try_from(location.column).ok()?.checked_sub(1)?;
    let (offset, _) = text.get(start..)?.char_indices().nth(column)?;
    let quoted = start + offset;
    let key = quoted + usize::from(text[quoted..].starts_with(['"', '\'']));
    let (name, extension) = TEXTS.iter().find(|(name, _)| text[key..].starts_with(name))?;
    let mut mended = text.to_owned();
    mended.replace_range(key..key + name.len(), extension);
    Some(mended)
}

/// Where each line after the first begins, in bytes.
fn line_starts(text: &str) -> impl Iterator<Item = usize> {
    text.match_indices('\n').map(|(at, _)| at + 1)
}

fn version(file: &Arc<Path>, root: &Node) -> Result<Format, Box<Diagnostic>> {
    let supported = "OpenAPI 2.0, 3.0, 3.1 and 3.2 are read";
    if root.as_mapping().is_none() {
        return Err(Box::new(Diagnostic::error(
            "wrong-type",
            root.location(file),
            format!("an API definition is a mapping, this is {}", root.kind()),
        )));
    }
    let (key, node) = match (root.get("openapi"), root.get("swagger")) {
        (Some(node), _) => ("openapi", node),
        (None, Some(node)) => ("swagger", node),
        (None, None) => {
            return Err(Box::new(
                Diagnostic::error(
                    "unknown-definition",
                    root.location(file),
                    "this is no API definition: it has neither `openapi` nor `swagger` at its top",
                )
                .fix(supported),
            ));
        }
    };
    let text = node.scalar_text().unwrap_or_default();
    let mut parts = text.split('.');
    let format = match (key, parts.next(), parts.next()) {
        ("swagger", Some("2"), Some("0")) => Some(Format::OpenApi20),
        ("openapi", Some("3"), Some("0")) => Some(Format::OpenApi30),
        ("openapi", Some("3"), Some("1")) => Some(Format::OpenApi31),
        ("openapi", Some("3"), Some("2")) => Some(Format::OpenApi32),
        _ => None,
    };
    format.ok_or_else(|| {
        Box::new(
            Diagnostic::error(
                "unsupported-version",
                Location::new(Arc::clone(file), node.line, node.column),
                format!("`{key}: {text}` is no version that is read"),
            )
            .fix(supported),
        )
    })
}
