//! Distinguished names as .NET writes them (`X500DistinguishedName.Name`).

use std::borrow::Cow;

use x509_parser::asn1_rs::{Oid, Tag};
use x509_parser::x509::{AttributeTypeAndValue, X509Name};

/// The name, most specific part first, which is the reverse of its encoding. Parts are joined by `, ` and the
/// values of a part that has several by ` + `; a value is put in quotation marks where it would be ambiguous.
pub(crate) fn text(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter_rdn().collect();
    let mut text = String::new();
    for (number, part) in parts.into_iter().rev().enumerate() {
        if number > 0 {
            text.push_str(", ");
        }
        for (number, attribute) in part.iter().enumerate() {
            if number > 0 {
                text.push_str(" + ");
            }
            push_kind(&mut text, attribute.attr_type());
            text.push('=');
            push_value(&mut text, attribute);
        }
    }
    text
}

/// The value of an attribute, if it is text.
pub(crate) fn value(attribute: &AttributeTypeAndValue<'_>) -> Option<String> {
    decode(attribute).map(Cow::into_owned)
}

pub(crate) fn push_hex(text: &mut String, bytes: &[u8]) {
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            text.extend(char::from_digit(u32::from(nibble), 16).map(|digit| digit.to_ascii_uppercase()));
        }
    }
}

/// Attribute types with the names that Windows gives them.
const KINDS: &[(&str, &str)] = &[
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "E"),
    ("2.5.4.3", "CN"),
    ("2.5.4.4", "SN"),
    ("2.5.4.5", "SERIALNUMBER"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "S"),
    ("2.5.4.9", "STREET"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "T"),
    ("2.5.4.13", "Description"),
    ("2.5.4.17", "PostalCode"),
    ("2.5.4.18", "POBox"),
    ("2.5.4.20", "Phone"),
    ("2.5.4.24", "X21Address"),
    ("2.5.4.42", "G"),
    ("2.5.4.43", "I"),
    ("2.5.4.46", "dnQualifier"),
];

fn push_kind(text: &mut String, kind: &Oid<'_>) {
    let id = kind.to_id_string();
    if let Some((_, name)) = KINDS.iter().find(|(known, _)| *known == id) {
        text.push_str(name);
    } else {
        text.push_str("OID.");
        text.push_str(&id);
    }
}

fn push_value(text: &mut String, attribute: &AttributeTypeAndValue<'_>) {
    match decode(attribute) {
        Some(value) if needs_quotes(&value) => {
            text.push('"');
            text.push_str(&value.replace('"', "\"\""));
            text.push('"');
        }
        Some(value) => text.push_str(&value),
        None => {
            text.push('#');
            push_hex(text, attribute.as_slice());
        }
    }
}

fn needs_quotes(value: &str) -> bool {
    let blank = |character: char| matches!(character, ' ' | '\t'..='\r');
    value.is_empty()
        || value.starts_with(blank)
        || value.ends_with(blank)
        || value.contains([',', '+', '=', '"', '\n', '<', '>', '#', ';'])
}

fn decode<'a>(attribute: &'a AttributeTypeAndValue<'_>) -> Option<Cow<'a, str>> {
    let bytes = attribute.as_slice();
    match attribute.attr_value().tag() {
        Tag::Utf8String | Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            std::str::from_utf8(bytes).ok().map(Cow::Borrowed)
        }
        // Written and read as Latin-1 by everybody, whatever T.61 says.
        Tag::T61String => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        Tag::BmpString => {
            let (pairs, rest) = bytes.as_chunks::<2>();
            let units: Vec<u16> = pairs.iter().map(|pair| u16::from_be_bytes(*pair)).collect();
            rest.is_empty().then(|| String::from_utf16(&units).ok().map(Cow::Owned))?
        }
        Tag::UniversalString => {
            let (units, rest) = bytes.as_chunks::<4>();
            let text = units.iter().map(|unit| char::from_u32(u32::from_be_bytes(*unit))).collect();
            rest.is_empty().then_some(text)?
        }
        _ => None,
    }
}

/// A distinguished name as people write it, to be compared part by part; the order of its parts does not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistinguishedName {
    /// Sorted.
    parts: Vec<(String, String)>,
}

impl DistinguishedName {
    /// Reads a name such as `CN=ana, O="Contoso, Inc.", C=US`; values with a comma stand in quotation marks.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = Vec::new();
        let mut rest = text.trim();
        while !rest.is_empty() {
            let (kind, after) = rest.split_once('=')?;
            let kind = match kind.trim().to_ascii_uppercase() {
                kind if kind.is_empty() => return None,
                kind if kind == "ST" => "S".to_owned(),
                kind if kind == "EMAIL" || kind == "EMAILADDRESS" => "E".to_owned(),
                kind => kind,
            };
            let (value, after) = read_value(after.trim_start())?;
            parts.push((kind, value));
            rest = match after.trim_start() {
                "" => "",
                after => after.strip_prefix([',', ';', '+'])?.trim_start(),
            };
        }
        parts.sort();
        (!parts.is_empty()).then_some(Self { parts })
    }

    /// Whether another name, written by .NET or by people, is the same.
    pub fn is(&self, name: &str) -> bool {
        Self::parse(name).is_some_and(|name| name == *self)
    }
}

/// The value at the beginning of a text, and what follows it.
fn read_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find([',', ';', '+']).unwrap_or(text.len());
        let (value, rest) = text.split_at_checked(end)?;
        return Some((value.trim_end().to_owned(), rest));
    };
    let mut value = String::new();
    let mut rest = quoted;
    loop {
        let (before, after) = rest.split_once('"')?;
        value.push_str(before);
        match after.strip_prefix('"') {
            // A quotation mark is doubled within a value.
            Some(more) => {
                value.push('"');
                rest = more;
            }
            None => return Some((value, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::DistinguishedName;

    #[test]
    fn names_are_compared_part_by_part() {
        let name =
            DistinguishedName::parse("C=US, ST=Illinois, O=\"Contoso, \"\"Inc\"\"\", CN=*.contoso.com")
                .unwrap();
        assert!(name.is("CN=*.contoso.com, O=\"Contoso, \"\"Inc\"\"\", S=Illinois, C=US"));
        assert!(!name.is("CN=*.contoso.com, S=Illinois, C=US"));
        assert!(!name.is("CN=*.CONTOSO.com, O=\"Contoso, \"\"Inc\"\"\", S=Illinois, C=US"));
        assert!(DistinguishedName::parse("cn = a").unwrap().is("CN=a"));
        for text in ["", "ana", "=a", "CN=\"a", "CN=\"a\"b", ","] {
            assert_eq!(DistinguishedName::parse(text), None, "{text}");
        }
    }
}
