//! `System.Text.Encoding`.

use super::string::range;
use super::{Definition, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::text;
use crate::value::{Object, Value};

/// An encoding by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Coding {
    Ascii,
    Latin1,
    Utf16,
    Utf16BigEndian,
    Utf32,
    Utf8,
}

impl Object for Coding {
    fn class(&self) -> Type {
        Type::Plain(Id::Encoding)
    }

    fn text(&self) -> Option<String> {
        Some(format!("System.Text.{self:?}Encoding"))
    }
}

impl Coding {
    /// By the name of a character set.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name.to_ascii_lowercase().as_str() {
            "utf-8" | "utf8" | "unicode-1-1-utf-8" => Self::Utf8,
            "us-ascii" | "ascii" => Self::Ascii,
            "iso-8859-1" | "latin1" | "iso_8859-1" | "l1" => Self::Latin1,
            "utf-16" | "utf-16le" | "unicode" => Self::Utf16,
            "utf-16be" | "unicodefffe" => Self::Utf16BigEndian,
            "utf-32" | "utf-32le" => Self::Utf32,
            _ => return None,
        })
    }

    pub(super) fn encode(self, text: &str) -> Vec<u8> {
        match self {
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Ascii => text.encode_utf16().map(|u| if u < 128 { u as u8 } else { b'?' }).collect(),
            Self::Latin1 => text.encode_utf16().map(|u| if u < 256 { u as u8 } else { b'?' }).collect(),
            Self::Utf16 => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16BigEndian => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::Utf32 => text.chars().flat_map(|c| (c as u32).to_le_bytes()).collect(),
        }
    }

    pub(super) fn decode(self, bytes: &[u8]) -> String {
        match self {
            Self::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Self::Ascii => bytes.iter().map(|b| if b.is_ascii() { char::from(*b) } else { '?' }).collect(),
            Self::Latin1 => bytes.iter().map(|b| char::from(*b)).collect(),
            Self::Utf16 | Self::Utf16BigEndian => {
                let units: Vec<u16> = bytes
                    .chunks(2)
                    .map(|p| match (self, p) {
                        (Self::Utf16, [a, b]) => u16::from_le_bytes([*a, *b]),
                        (_, [a, b]) => u16::from_be_bytes([*a, *b]),
                        _ => 0xfffd,
                    })
                    .collect();
                text::from_units(&units)
            }
            Self::Utf32 => bytes
                .chunks(4)
                .map(|p| {
                    <[u8; 4]>::try_from(p)
                        .ok()
                        .map(u32::from_le_bytes)
                        .and_then(char::from_u32)
                        .unwrap_or(char::REPLACEMENT_CHARACTER)
                })
                .collect(),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Ascii => "us-ascii",
            Self::Latin1 => "iso-8859-1",
            Self::Utf16 => "utf-16",
            Self::Utf16BigEndian => "utf-16BE",
            Self::Utf32 => "utf-32",
            Self::Utf8 => "utf-8",
        }
    }
}

fn this(c: &Call<'_, '_>) -> Result<Coding, Thrown> {
    c.object::<Coding>(0).copied()
}

fn by_name(name: &str) -> Result<Value, Thrown> {
    Coding::named(name).map(Value::object).ok_or_else(|| {
        Thrown::argument(format!("'{name}' is not a supported encoding name. (Parameter 'name')"))
    })
}

pub(super) const ENCODING: Definition = Definition {
    name: "System.Text.Encoding",
    bases: &["object"],
    members: &[
        member("static UTF8: Encoding", |_| Ok(Value::object(Coding::Utf8))),
        member("static Default: Encoding", |_| Ok(Value::object(Coding::Utf8))),
        member("static ASCII: Encoding", |_| Ok(Value::object(Coding::Ascii))),
        member("static Latin1: Encoding", |_| Ok(Value::object(Coding::Latin1))),
        member("static Unicode: Encoding", |_| Ok(Value::object(Coding::Utf16))),
        member("static BigEndianUnicode: Encoding", |_| Ok(Value::object(Coding::Utf16BigEndian))),
        member("static UTF32: Encoding", |_| Ok(Value::object(Coding::Utf32))),
        member("static GetEncoding(string): Encoding", |c| by_name(c.text(0)?)),
        member("static GetEncoding(int): Encoding", |c| {
            by_name(match c.int(0)? {
                0 | 65001 => "utf-8",
                28591 => "iso-8859-1",
                20127 => "us-ascii",
                1200 => "utf-16",
                1201 => "utf-16be",
                12000 => "utf-32",
                _ => "",
            })
        }),
        member("static Convert(Encoding, Encoding, byte[]): byte[]", |c| {
            let (from, to) = (this(c)?, *c.object::<Coding>(1)?);
            Ok(Value::bytes(to.encode(&from.decode(&c.bytes(2)?))))
        }),
        member("GetBytes(string): byte[]", |c| {
            let text = c.text(1)?;
            c.machine.allocate(text.len() * 2)?;
            Ok(Value::bytes(this(c)?.encode(text)))
        }),
        member("GetBytes(char[]): byte[]", |c| {
            let units: Vec<u16> = c
                .items(1)?
                .iter()
                .filter_map(|v| if let Value::Char(u) = v { Some(*u) } else { None })
                .collect();
            Ok(Value::bytes(this(c)?.encode(&text::from_units(&units))))
        }),
        member("GetString(byte[]): string", |c| {
            let bytes = c.bytes(1)?;
            Ok(Value::from(this(c)?.decode(&bytes)))
        }),
        member("GetString(byte[], int, int): string", |c| {
            let bytes = c.bytes(1)?;
            let (start, count) = range(c.int(2)?, c.int(3)?, bytes.len())?;
            Ok(Value::from(this(c)?.decode(&bytes[start..start + count])))
        }),
        member("GetByteCount(string): int", |c| Ok(Value::Int32(this(c)?.encode(c.text(1)?).len() as i32))),
        member("GetCharCount(byte[]): int", |c| {
            Ok(Value::Int32(text::length(&this(c)?.decode(&c.bytes(1)?)) as i32))
        }),
        member("GetChars(byte[]): char[]", |c| {
            let units = this(c)?.decode(&c.bytes(1)?).encode_utf16().map(Value::Char).collect();
            Ok(Value::object(super::Array::new(Type::CHAR, units)))
        }),
        member("GetPreamble(): byte[]", |c| {
            Ok(Value::bytes(match this(c)? {
                Coding::Utf8 => vec![0xef, 0xbb, 0xbf],
                Coding::Utf16 => vec![0xff, 0xfe],
                Coding::Utf16BigEndian => vec![0xfe, 0xff],
                Coding::Utf32 => vec![0xff, 0xfe, 0, 0],
                _ => Vec::new(),
            }))
        }),
        member("WebName: string", |c| Ok(Value::from(this(c)?.name()))),
        member("BodyName: string", |c| Ok(Value::from(this(c)?.name()))),
        member("HeaderName: string", |c| Ok(Value::from(this(c)?.name()))),
        member("EncodingName: string", |c| {
            Ok(Value::from(match this(c)? {
                Coding::Ascii => "US-ASCII",
                Coding::Latin1 => "Western European (ISO)",
                Coding::Utf16 => "Unicode",
                Coding::Utf16BigEndian => "Unicode (Big-Endian)",
                Coding::Utf32 => "Unicode (UTF-32)",
                Coding::Utf8 => "Unicode (UTF-8)",
            }))
        }),
        member("CodePage: int", |c| {
            Ok(Value::Int32(match this(c)? {
                Coding::Ascii => 20127,
                Coding::Latin1 => 28591,
                Coding::Utf16 => 1200,
                Coding::Utf16BigEndian => 1201,
                Coding::Utf32 => 12000,
                Coding::Utf8 => 65001,
            }))
        }),
    ],
    ..Definition::NEW
};

pub(super) const UTF8_ENCODING: Definition = Definition {
    name: "System.Text.UTF8Encoding",
    bases: &["System.Text.Encoding"],
    members: &[
        member("new()", |_| Ok(Value::object(Coding::Utf8))),
        member("new(bool)", |_| Ok(Value::object(Coding::Utf8))),
    ],
    ..Definition::NEW
};
