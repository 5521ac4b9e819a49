//! XML: the values that the paths of the rules lead to, in one pass. Entities of a DTD are never expanded.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, BytesStart, Event};

use super::{Arguments, BodyError};
use crate::xpath::{End, XPath};

/// What the paths of the rules found: for each path its values.
pub(crate) type Found = Vec<Vec<Vec<u8>>>;

/// The most values of one path, and bytes of all values: a path such as `//*` copies text once a level.
const VALUES: usize = 10_000;
const BYTES: usize = 8 << 20;

/// Reads a document. `arguments` gets the text of each element that has any, where the rules ask for that.
pub(crate) fn read(
    text: &[u8],
    depth_limit: usize,
    paths: &[XPath],
    arguments: Option<&mut (dyn Arguments + '_)>,
) -> (Found, Result<(), BodyError>) {
    let mut scan = Scan {
        paths,
        found: vec![Vec::new(); paths.len()],
        open: Vec::new(),
        collecting: Vec::new(),
        texts: Vec::new(),
        bytes: 0,
        depth_limit,
        arguments,
    };
    let result = scan.document(text);
    (scan.found, result)
}

struct Scan<'s, 'a> {
    paths: &'s [XPath],
    found: Found,
    open: Vec<Box<[u8]>>,
    /// Values that still grow: the path, the place among its values, and the depth of the element.
    collecting: Vec<(usize, usize, usize)>,
    /// The text right inside each open element, for arguments.
    texts: Vec<Vec<u8>>,
    bytes: usize,
    depth_limit: usize,
    arguments: Option<&'s mut (dyn Arguments + 'a)>,
}

fn malformed(message: impl std::fmt::Display) -> BodyError {
    BodyError::Malformed(format!("the XML is malformed: {message}"))
}

impl Scan<'_, '_> {
    fn document(&mut self, text: &[u8]) -> Result<(), BodyError> {
        let mut reader = Reader::from_reader(text);
        reader.config_mut().check_end_names = true;
        let mut elements = 0_usize;
        loop {
            match reader.read_event().map_err(malformed)? {
                Event::Start(start) => {
                    if self.open.is_empty() && elements > 0 {
                        return Err(malformed("there is more than one element at the top"));
                    }
                    elements += 1;
                    self.enter(&start)?;
                }
                Event::Empty(start) => {
                    if self.open.is_empty() && elements > 0 {
                        return Err(malformed("there is more than one element at the top"));
                    }
                    elements += 1;
                    self.enter(&start)?;
                    self.leave()?;
                }
                Event::End(_) => self.leave()?,
                Event::Text(text) => self.text(&text)?,
                Event::CData(text) => self.text(&text)?,
                Event::GeneralRef(reference) => {
                    let text = resolve(&reference);
                    self.text(&text)?;
                }
                Event::Eof => break,
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
            }
        }
        if !self.open.is_empty() {
            return Err(malformed("an element has no end"));
        }
        if elements == 0 { Err(malformed("there is no element")) } else { Ok(()) }
    }

    fn enter(&mut self, start: &BytesStart<'_>) -> Result<(), BodyError> {
        if self.open.len() >= self.depth_limit {
            return Err(BodyError::TooDeep(self.depth_limit));
        }
        self.open.push(start.name().as_ref().into());
        self.texts.push(Vec::new());
        for at in 0..self.paths.len() {
            let path = &self.paths[at];
            if !path.leads_to(&self.open) {
                continue;
            }
            match &path.end {
                End::Element => {
                    self.push(at, Vec::new())?;
                    self.collecting.push((at, self.found[at].len() - 1, self.open.len()));
                }
                End::Text => {}
                End::Attribute(name) => {
                    for attribute in start.attributes().with_checks(false) {
                        let attribute = attribute.map_err(malformed)?;
                        if name.as_ref().is_none_or(|name| name.as_bytes() == attribute.key.as_ref()) {
                            self.push(at, unescape(&attribute.value))?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn push(&mut self, path: usize, value: Vec<u8>) -> Result<(), BodyError> {
        self.grow(value.len())?;
        if self.found[path].len() >= VALUES {
            return Err(BodyError::TooManyArguments(VALUES));
        }
        self.found[path].push(value);
        Ok(())
    }

    fn grow(&mut self, bytes: usize) -> Result<(), BodyError> {
        self.bytes += bytes;
        if self.bytes > BYTES { Err(malformed("it is too large for the paths of the rules")) } else { Ok(()) }
    }

    fn text(&mut self, text: &[u8]) -> Result<(), BodyError> {
        if self.open.is_empty() {
            let blank =
                text.iter().all(|byte| byte.is_ascii_whitespace() || [0xef, 0xbb, 0xbf].contains(byte));
            return if blank { Ok(()) } else { Err(malformed("there is text outside of elements")) };
        }
        self.grow(text.len() * self.collecting.len())?;
        for (path, value, _) in &self.collecting {
            self.found[*path][*value].extend_from_slice(text);
        }
        for at in 0..self.paths.len() {
            if self.paths[at].end == End::Text && self.paths[at].leads_to(&self.open) {
                self.push(at, text.to_vec())?;
            }
        }
        if self.arguments.is_some()
            && let Some(own) = self.texts.last_mut()
        {
            own.extend_from_slice(text);
        }
        Ok(())
    }

    fn leave(&mut self) -> Result<(), BodyError> {
        let depth = self.open.len();
        self.collecting.retain(|(_, _, collecting)| *collecting < depth);
        if let (Some(arguments), Some(text)) = (&mut self.arguments, self.texts.pop())
            && !crate::text::trim(&text).is_empty()
        {
            let mut name = b"xml".to_vec();
            for element in &self.open {
                name.push(b'.');
                name.extend_from_slice(element);
            }
            arguments.add(&name, &text)?;
        }
        self.open.pop();
        Ok(())
    }
}

/// The text of a reference; one to an entity that XML does not know stays as it is written.
fn resolve(reference: &BytesRef<'_>) -> Vec<u8> {
    let name: &[u8] = reference;
    let character = match name {
        b"lt" => Some('<'),
        b"gt" => Some('>'),
        b"amp" => Some('&'),
        b"apos" => Some('\''),
        b"quot" => Some('"'),
        [b'#', number @ ..] => {
            let number = std::str::from_utf8(number).unwrap_or_default();
            let point = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok(),
                None => number.parse().ok(),
            };
            point.and_then(char::from_u32)
        }
        _ => None,
    };
    match character {
        Some(character) => character.to_string().into_bytes(),
        None => [b"&", name, b";"].concat(),
    }
}

/// The value of an attribute with its references resolved.
fn unescape(value: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = memchr::memchr(b'&', rest) {
        output.extend_from_slice(&rest[..at]);
        rest = &rest[at + 1..];
        match memchr::memchr(b';', rest).filter(|end| *end <= 32) {
            Some(end) => {
                let name = std::str::from_utf8(&rest[..end]).unwrap_or_default();
                if name.is_empty() {
                    output.push(b'&');
                    continue;
                }
                output.extend_from_slice(&resolve(&BytesRef::new(name)));
                rest = &rest[end + 1..];
            }
            None => output.push(b'&'),
        }
    }
    output.extend_from_slice(rest);
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, path: &str) -> Vec<String> {
        let (found, result) = read(text.as_bytes(), 64, &[XPath::parse(path).unwrap()], None);
        result.unwrap();
        found[0].iter().map(|value| String::from_utf8_lossy(value).into_owned()).collect()
    }

    #[test]
    fn paths_find_texts_and_attributes() {
        let text = r#"<?xml version="1.0"?><a x="1&lt;2"><b y='3'>one<![CDATA[<two>]]></b>&#x41;<c/></a>"#;
        assert_eq!(found(text, "/*"), ["one<two>A"]);
        assert_eq!(found(text, "//@*"), ["1<2", "3"]);
        assert_eq!(found(text, "/a/b"), ["one<two>"]);
        assert_eq!(found(text, "//b/@y"), ["3"]);
        assert_eq!(found(text, "//text()"), ["one", "<two>", "A"]);
    }

    #[test]
    fn entities_of_a_dtd_are_not_expanded() {
        let text = "<!DOCTYPE a [<!ENTITY e SYSTEM \"file:///etc/passwd\">]><a>&e;</a>";
        assert_eq!(found(text, "/*"), ["&e;"]);
    }

    #[test]
    fn what_is_no_xml_is_an_error() {
        for text in ["", "x", "<a>", "<a></b>", "<a/><b/>", "<a/>x"] {
            assert!(read(text.as_bytes(), 64, &[], None).1.is_err(), "{text}");
        }
        let deep = "<a>".repeat(10_000);
        assert_eq!(read(deep.as_bytes(), 64, &[], None).1, Err(BodyError::TooDeep(64)));
    }
}
