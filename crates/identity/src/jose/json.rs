//! JSON in which no member stands twice (RFC 7519, section 4: implementations must reject, or take the last; two
//! implementations that differ are an attack).

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// A JSON value.
#[derive(Clone, Debug, PartialEq)]
pub enum Json {
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A whole number.
    Integer(i64),
    /// Any other number.
    Number(f64),
    /// A string.
    String(Box<str>),
    /// An array.
    Array(Vec<Self>),
    /// An object; names are unique.
    Object(Vec<(Box<str>, Self)>),
}

/// Reads a JSON text; nothing but white space may follow the value.
///
/// # Errors
/// What is wrong, with the line and column in the text.
pub fn parse_json(text: &[u8]) -> Result<Json, serde_json::Error> {
    serde_json::from_slice(text)
}

impl Json {
    /// A member of an object.
    pub fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => {
                members.iter().find(|(known, _)| **known == *name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The text of a string.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The entries of an array.
    pub fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(entries) => Some(entries),
            _ => None,
        }
    }

    /// The value of a number.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Integer(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }

    /// Whether it is an object.
    pub fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }
}

impl<'de> Deserialize<'de> for Json {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Strict)
    }
}

/// Up to this many members each name is compared with the ones before it.
const FEW: usize = 16;

struct Strict;

impl<'de> Visitor<'de> for Strict {
    type Value = Json;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Json, E> {
        Ok(Json::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Json, E> {
        Ok(Json::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Json, E> {
        Ok(Json::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Json, E> {
        Ok(i64::try_from(value).map_or(Json::Number(value as f64), Json::Integer))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Json, E> {
        Ok(Json::Number(value))
    }

    fn visit_str<E>(self, value: &str) -> Result<Json, E> {
        Ok(Json::String(value.into()))
    }

    fn visit_string<E>(self, value: String) -> Result<Json, E> {
        Ok(Json::String(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut array = Vec::new();
        while let Some(entry) = entries.next_element()? {
            array.push(entry);
        }
        Ok(Json::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Json, A::Error> {
        let mut members: Vec<(Box<str>, Json)> = Vec::new();
        let mut seen: HashSet<Box<str>> = HashSet::new();
        while let Some(name) = entries.next_key::<Box<str>>()? {
            let is_known = if members.len() < FEW {
                members.iter().any(|(known, _)| *known == name)
            } else {
                if seen.is_empty() {
                    seen.extend(members.iter().map(|(known, _)| known.clone()));
                }
                !seen.insert(name.clone())
            };
            if is_known {
                return Err(A::Error::custom("a member stands twice"));
            }
            members.push((name, entries.next_value()?));
        }
        Ok(Json::Object(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_that_stand_twice_are_refused_at_every_depth() {
        assert!(parse_json(br#"{"a":1,"b":[{"c":null}]}"#).is_ok());
        for text in [r#"{"a":1,"a":1}"#, r#"{"b":[{"c":1,"c":2}]}"#, r#"{"a":1,"\u0061":2}"#] {
            assert!(parse_json(text.as_bytes()).unwrap_err().to_string().contains("stands twice"), "{text}");
        }
        let many: Vec<String> = (0..40).map(|n| format!("\"m{n}\":{n}")).collect();
        assert!(parse_json(format!("{{{}}}", many.join(",")).as_bytes()).is_ok());
        for twice in ["m0", "m15", "m16", "m39"] {
            let text = format!("{{{},\"{twice}\":0}}", many.join(","));
            assert!(parse_json(text.as_bytes()).is_err(), "{twice}");
        }
    }

    #[test]
    fn only_json_is_json() {
        for text in
            ["", "{", "{}x", "{'a':1}", "{\"a\":01}", "{\"a\":1e999}", "\u{feff}{}", "{\"a\":1,}", "NaN"]
        {
            assert!(parse_json(text.as_bytes()).is_err(), "{text}");
        }
        assert!(parse_json(b"\"\xff\"").is_err());
        assert!(parse_json("[".repeat(100_000).as_bytes()).is_err(), "no stack is long enough");
        assert_eq!(parse_json(b"18446744073709551615").unwrap().as_f64(), Some(1.844_674_407_370_955_2e19));
    }
}
