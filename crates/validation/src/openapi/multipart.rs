//! `multipart` bodies as JSON (RFC 2046, RFC 7578).

use super::media::{Encoding, Media, MediaRange};
use super::text::Tree;
use crate::json::Document;
use crate::schema::Shape;

/// How many parts a body may have.
const MAX_PARTS: usize = 1_000;
/// How long the head of a part may be, in bytes.
const MAX_HEAD: usize = 16 << 10;

/// One part of a body.
struct Part<'b> {
    name: Option<String>,
    content_type: Option<&'b str>,
    is_file: bool,
    content: &'b [u8],
}

/// The parts of a body as one JSON object. Parts that are files stand in it as empty strings: their bytes are judged by
/// their content type alone.
pub(super) fn of_media(body: &[u8], content_type: &str, media: &Media) -> Result<String, String> {
    let boundary = boundary(content_type).ok_or("the content type names no boundary")?;
    let default = Shape::default();
    let shape = media.shape.as_ref().unwrap_or(&default);
    let mut members: Vec<(String, Tree)> = Vec::new();
    for (number, part) in parts(body, &boundary)?.into_iter().enumerate() {
        let name = part.name.clone().unwrap_or_else(|| number.to_string());
        let value = value(&part, &name, shape, media)?;
        let is_list = shape.property(&name).is_some_and(Shape::is_array);
        match members.iter_mut().find(|(known, _)| *known == name) {
            Some((_, Tree::Array(items))) if is_list => items.push(value),
            Some(_) => return Err(format!("the part '{}' is there twice", short(&name))),
            None if is_list && !matches!(value, Tree::Json(_)) => {
                members.push((name, Tree::Array(vec![value])));
            }
            None => members.push((name, value)),
        }
    }
    let mut json = String::new();
    Tree::Object(members).push(&mut json, Some(shape));
    Ok(json)
}

fn value(part: &Part<'_>, name: &str, shape: &Shape, media: &Media) -> Result<Tree, String> {
    let property = shape.property(name);
    let sent = part.content_type.and_then(MediaRange::parse);
    if let Some(wanted) = media.encoding_of(name).filter(|encoding| !encoding.content_types.is_empty()) {
        let plain = || MediaRange::parse("text/plain");
        let is_wanted = sent
            .clone()
            .or_else(plain)
            .is_some_and(|sent| wanted.content_types.iter().any(|range| range.matches(&sent).is_some()));
        if !is_wanted {
            return Err(format!(
                "the part '{}' does not have the content type that it must have",
                short(name)
            ));
        }
    }
    let is_json = match &sent {
        Some(sent) => sent.encoding() == Encoding::Json,
        None => property.is_some_and(Shape::is_object),
    };
    if is_json {
        let parsed = Document::parse(part.content);
        let document = parsed.map_err(|error| format!("the part '{}' is not JSON: {error}", short(name)))?;
        return Ok(Tree::Json(document.text().to_owned()));
    }
    if part.is_file || sent.is_some_and(|sent| sent.encoding() == Encoding::Binary) {
        return Ok(Tree::Json("\"\"".to_owned()));
    }
    let text =
        std::str::from_utf8(part.content).map_err(|_| format!("the part '{}' is not UTF-8", short(name)))?;
    Ok(Tree::Text(text.to_owned()))
}

fn boundary(content_type: &str) -> Option<String> {
    let value = parameter(content_type, "boundary")?;
    (!value.is_empty() && value.len() <= 70).then_some(value)
}

/// A parameter of a header field: `form-data; name="x"`.
fn parameter(field: &str, wanted: &str) -> Option<String> {
    let mut rest = field.split_once(';')?.1;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted_string(quoted)?,
            None => {
                let end = after.find(';').unwrap_or(after.len());
                (after.get(..end)?.trim().to_owned(), after.get(end..)?)
            }
        };
        if name.trim().eq_ignore_ascii_case(wanted) {
            return Some(value);
        }
        rest = after;
    }
}

fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(characters.next()?.1),
            other => value.push(other),
        }
    }
    None
}

fn parts<'b>(body: &'b [u8], boundary: &str) -> Result<Vec<Part<'b>>, String> {
    let delimiter = format!("--{boundary}");
    let finder = memchr::memmem::Finder::new(delimiter.as_bytes());
    // A delimiter stands at the beginning of a line.
    let starts: Vec<usize> = finder
        .find_iter(body)
        .filter(|at| *at == 0 || body.get(at.wrapping_sub(2)..*at) == Some(b"\r\n"))
        .collect();
    let mut found = Vec::new();
    for (number, start) in starts.iter().enumerate() {
        let after = body.get(start + delimiter.len()..).unwrap_or_default();
        if after.starts_with(b"--") {
            return Ok(found);
        }
        let Some(next) = starts.get(number + 1) else { break };
        if found.len() >= MAX_PARTS {
            return Err(format!("the body has more than {MAX_PARTS} parts"));
        }
        let content = body.get(start + delimiter.len()..next - 2).unwrap_or_default();
        let line = memchr::memmem::find(content, b"\r\n").ok_or("a part is not framed as it must be")?;
        if content.get(..line).unwrap_or_default().iter().any(|byte| !matches!(byte, b' ' | b'\t')) {
            return Err("a part is not framed as it must be".to_owned());
        }
        found.push(part(content.get(line..).unwrap_or_default())?);
    }
    Err("the body has no closing boundary".to_owned())
}

/// Reads a part, from the line break before its head on.
fn part(content: &[u8]) -> Result<Part<'_>, String> {
    let end = memchr::memmem::find(content, b"\r\n\r\n").ok_or("a part has no head")?;
    if end > MAX_HEAD {
        return Err(format!("the head of a part is longer than {MAX_HEAD} bytes"));
    }
    let head = std::str::from_utf8(content.get(..end).unwrap_or_default())
        .map_err(|_| "the head of a part is not UTF-8")?;
    let mut part = Part {
        name: None,
        content_type: None,
        is_file: false,
        content: content.get(end + 4..).unwrap_or_default(),
    };
    let mut has_disposition = false;
    for line in head.split("\r\n").filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(':').ok_or("a line in the head of a part has no colon")?;
        if name.eq_ignore_ascii_case("content-disposition") {
            if std::mem::replace(&mut has_disposition, true) {
                return Err("a part has two dispositions".to_owned());
            }
            part.name = parameter(value, "name");
            part.is_file = parameter(value, "filename").is_some() || parameter(value, "filename*").is_some();
        } else if name.eq_ignore_ascii_case("content-type") {
            part.content_type = Some(value.trim());
        } else if name.eq_ignore_ascii_case("content-transfer-encoding")
            && !matches!(value.trim().to_ascii_lowercase().as_str(), "7bit" | "8bit" | "binary")
        {
            return Err("a part is encoded in a way that hides its content".to_owned());
        }
    }
    Ok(part)
}

fn short(name: &str) -> String {
    name.chars().take(64).collect()
}
