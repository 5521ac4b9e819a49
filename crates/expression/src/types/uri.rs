//! `System.Uri`.

mod builder;
mod escape;

use std::fmt::Write as _;

pub(super) use self::builder::URI_BUILDER;
use self::escape::{escape_data, escape_illegal, escape_uri, unescape_data, unescape_safe};
use super::{Definition, Id, member, pure};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::value::{Object, Value};

/// What is said of a number that is none of the valid ones.
const OUT_OF_RANGE: &str = "Specified argument was out of the range of valid values.";

/// An address in parts.
#[derive(Clone, Default)]
pub(crate) struct Uri {
    original: String,
    absolute: bool,
    scheme: String,
    user: String,
    host: String,
    port: i32,
    path: String,
    query: String,
    fragment: String,
}

impl Object for Uri {
    fn class(&self) -> Type {
        Type::Plain(Id::Uri)
    }

    fn text(&self) -> Option<String> {
        Some(if self.absolute { self.readable() } else { self.original.clone() })
    }

    fn equals(&self, other: &Value) -> Option<bool> {
        Some(other.downcast::<Self>().is_some_and(|o| {
            o.absolute_uri() == self.absolute_uri() && o.original.is_empty() == self.original.is_empty()
        }))
    }

    fn hash(&self) -> Option<u64> {
        Some(Value::from(self.absolute_uri()).hash())
    }
}

fn default_port(scheme: &str) -> i32 {
    match scheme {
        "http" | "ws" => 80,
        "https" | "wss" => 443,
        "ftp" => 21,
        _ => -1,
    }
}

impl Uri {
    fn authority(&self) -> String {
        if self.port == default_port(&self.scheme) || self.port < 0 {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    fn left(&self) -> String {
        let user = if self.user.is_empty() { String::new() } else { format!("{}@", self.user) };
        if self.host.is_empty() && self.scheme != "file" {
            format!("{}:", self.scheme)
        } else {
            format!("{}://{user}{}", self.scheme, self.authority())
        }
    }

    pub(super) fn absolute_uri(&self) -> String {
        if self.absolute {
            format!("{}{}{}{}", self.left(), self.path, self.query, self.fragment)
        } else {
            self.original.clone()
        }
    }

    /// `ToString()`: escapes are undone where nothing is lost by it.
    fn readable(&self) -> String {
        self.left()
            + &unescape_safe(&self.path)
            + &unescape_safe(&self.query)
            + &unescape_safe(&self.fragment)
    }
}

/// `.` and `..` removed (RFC 3986 section 5.2.4).
fn remove_dots(path: &str) -> String {
    let mut out: Vec<&str> = Vec::new();
    let parts: Vec<&str> = path.split('/').collect();
    let last = parts.len().saturating_sub(1);
    for (n, part) in parts.iter().enumerate() {
        match *part {
            "." => {
                if n == last {
                    out.push("");
                }
            }
            ".." => {
                if out.len() > 1 {
                    out.pop();
                }
                if n == last {
                    out.push("");
                }
            }
            other => out.push(other),
        }
    }
    let joined = out.join("/");
    if path.starts_with('/') && !joined.starts_with('/') { format!("/{joined}") } else { joined }
}

pub(super) fn bad() -> Thrown {
    Thrown::new(Id::UriFormatException, "Invalid URI: The format of the URI could not be determined.")
}

/// Reads an address; a relative one only where allowed.
pub(super) fn parse(text: &str, relative: bool) -> Option<Uri> {
    let trimmed = text.trim();
    let as_relative = || relative.then(|| Uri { original: text.to_owned(), ..Uri::default() });
    let Some((scheme, rest)) = trimmed.split_once(':') else { return as_relative() };
    let named = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b));
    if !named || scheme.len() < 2 {
        return as_relative();
    }
    let scheme = scheme.to_ascii_lowercase();
    let (rest, fragment) = match rest.find('#') {
        Some(at) => rest.split_at(at),
        None => (rest, ""),
    };
    let Some(after) = rest.strip_prefix("//") else {
        if default_port(&scheme) > 0 {
            return None;
        }
        let (path, query) = match rest.find('?') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        return Some(Uri {
            original: text.to_owned(),
            absolute: true,
            scheme,
            port: -1,
            path: escape_illegal(path),
            query: escape_illegal(query),
            fragment: escape_illegal(fragment),
            ..Uri::default()
        });
    };
    let end = after.find(['/', '?', '\\']).unwrap_or(after.len());
    let (authority, tail) = after.split_at(end);
    let (user, host_port) = match authority.rsplit_once('@') {
        Some((user, host)) => (user, host),
        None => ("", authority),
    };
    let (host, port) = if host_port.starts_with('[') {
        let close = host_port.find(']')?;
        (host_port.get(..=close)?, host_port.get(close + 1..)?.strip_prefix(':').unwrap_or_default())
    } else {
        host_port.split_once(':').unwrap_or((host_port, ""))
    };
    let port =
        if port.is_empty() { default_port(&scheme) } else { port.parse::<u16>().ok().map(i32::from)? };
    if host.is_empty() && scheme != "file"
        || host.contains([' ', '<', '>', '"', '^', '`', '{', '}', '|', '%'])
    {
        return None;
    }
    let tail = tail.replace('\\', "/");
    let (path, query) = match tail.find('?') {
        Some(at) => tail.split_at(at),
        None => (tail.as_str(), ""),
    };
    let path = if path.is_empty() { "/".to_owned() } else { remove_dots(&escape_illegal(path)) };
    Some(Uri {
        original: text.to_owned(),
        absolute: true,
        scheme,
        user: user.to_owned(),
        host: host.to_lowercase(),
        port,
        path,
        query: escape_illegal(query),
        fragment: escape_illegal(fragment),
    })
}

/// A relative address on a base (RFC 3986 section 5.2).
fn combine(base: &Uri, relative: &str) -> Option<Uri> {
    if let Some(absolute) = parse(relative, false) {
        return Some(absolute);
    }
    let left = base.left();
    if let Some(rest) = relative.strip_prefix("//") {
        return parse(&format!("{}://{rest}", base.scheme), false);
    }
    let full = if relative.is_empty() {
        format!("{left}{}{}", base.path, base.query)
    } else if relative.starts_with('/') {
        format!("{left}{relative}")
    } else if relative.starts_with('?') {
        format!("{left}{}{relative}", base.path)
    } else if relative.starts_with('#') {
        format!("{left}{}{}{relative}", base.path, base.query)
    } else {
        let folder = base.path.rfind('/').map_or("/", |n| base.path.get(..=n).unwrap_or("/"));
        format!("{left}{folder}{relative}")
    };
    parse(&full, false)
}

fn this<'a>(c: &Call<'a, '_>) -> Result<&'a Uri, Thrown> {
    c.object(0)
}

fn absolute<'a>(c: &Call<'a, '_>) -> Result<&'a Uri, Thrown> {
    let uri = this(c)?;
    if uri.absolute {
        Ok(uri)
    } else {
        Err(Thrown::invalid_operation("This operation is not supported for a relative URI."))
    }
}

fn text(text: impl Into<String>) -> Result<Value, Thrown> {
    Ok(Value::from(text.into()))
}

fn create(text: &str, kind: i64) -> Result<Value, Thrown> {
    match parse(text, kind != 1) {
        Some(uri) if kind != 2 || !uri.absolute => Ok(Value::object(uri)),
        _ => Err(bad()),
    }
}

pub(super) const URI: Definition = Definition {
    name: "System.Uri",
    bases: &["object"],
    members: &[
        pure("static UriSchemeHttp: string", |_| Ok(Value::from("http"))),
        pure("static UriSchemeHttps: string", |_| Ok(Value::from("https"))),
        pure("static SchemeDelimiter: string", |_| Ok(Value::from("://"))),
        member("new(string)", |c| create(c.text(0)?, 1)),
        member("new(string, UriKind)", |c| create(c.text(0)?, c.enumeration(1))),
        member("new(Uri, string)", |c| {
            let base = absolute(c)?;
            combine(base, c.text(1)?).map(Value::object).ok_or_else(bad)
        }),
        member("new(Uri, Uri)", |c| {
            let base = absolute(c)?;
            let other: &Uri = c.object(1)?;
            combine(base, &other.original).map(Value::object).ok_or_else(bad)
        }),
        member("AbsolutePath: string", |c| text(&absolute(c)?.path)),
        member("AbsoluteUri: string", |c| text(absolute(c)?.absolute_uri())),
        member("Authority: string", |c| text(absolute(c)?.authority())),
        member("DnsSafeHost: string", |c| text(absolute(c)?.host.trim_matches(['[', ']']))),
        member("IdnHost: string", |c| text(absolute(c)?.host.trim_matches(['[', ']']))),
        member("Fragment: string", |c| text(&absolute(c)?.fragment)),
        member("Host: string", |c| text(&absolute(c)?.host)),
        member("IsAbsoluteUri: bool", |c| Ok(Value::Boolean(this(c)?.absolute))),
        member("IsDefaultPort: bool", |c| {
            let uri = absolute(c)?;
            Ok(Value::Boolean(uri.port == default_port(&uri.scheme)))
        }),
        member("IsFile: bool", |c| Ok(Value::Boolean(absolute(c)?.scheme == "file"))),
        member("IsLoopback: bool", |c| {
            Ok(Value::Boolean(matches!(absolute(c)?.host.as_str(), "localhost" | "127.0.0.1" | "[::1]")))
        }),
        member("LocalPath: string", |c| text(unescape_data(&absolute(c)?.path))),
        member("OriginalString: string", |c| text(&this(c)?.original)),
        member("PathAndQuery: string", |c| {
            let uri = absolute(c)?;
            text(format!("{}{}", uri.path, uri.query))
        }),
        member("Port: int", |c| Ok(Value::Int32(absolute(c)?.port))),
        member("Query: string", |c| text(&absolute(c)?.query)),
        member("Scheme: string", |c| text(&absolute(c)?.scheme)),
        member("UserInfo: string", |c| text(&absolute(c)?.user)),
        member("Segments: string[]", |c| {
            let path = &absolute(c)?.path;
            let mut segments = Vec::new();
            let mut rest = path.as_str();
            while let Some(at) = rest.find('/') {
                segments.push(rest.get(..=at).unwrap_or_default().to_owned());
                rest = rest.get(at + 1..).unwrap_or_default();
            }
            if !rest.is_empty() {
                segments.push(rest.to_owned());
            }
            Ok(Value::strings(segments))
        }),
        member("GetLeftPart(UriPartial): string", |c| {
            let uri = absolute(c)?;
            text(match c.enumeration(1) {
                0 => format!("{}://", uri.scheme),
                1 => uri.left(),
                2 => format!("{}{}", uri.left(), uri.path),
                _ => format!("{}{}{}", uri.left(), uri.path, uri.query),
            })
        }),
        member("GetComponents(UriComponents, UriFormat): string", |c| {
            let uri = absolute(c)?;
            let wanted = c.enumeration(1);
            let mut out = String::new();
            if wanted & 1 != 0 {
                let _ = write!(out, "{}{}", uri.scheme, if wanted & 4 != 0 { "://" } else { "" });
            }
            if wanted & 4 != 0 {
                out.push_str(&uri.host);
                if wanted & 8 != 0 && uri.port != default_port(&uri.scheme) || wanted & 128 != 0 {
                    let _ = write!(out, ":{}", uri.port);
                }
            }
            if wanted & 16 != 0 {
                out.push_str(if wanted == 16 { uri.path.trim_start_matches('/') } else { &uri.path });
            }
            if wanted & 32 != 0 {
                out.push_str(if wanted == 32 { uri.query.trim_start_matches('?') } else { &uri.query });
            }
            if wanted & 64 != 0 {
                out.push_str(&uri.fragment);
            }
            text(if c.enumeration(2) == 2 { unescape_data(&out) } else { out })
        }),
        member("MakeRelativeUri(Uri): Uri", |c| {
            let (base, other): (&Uri, &Uri) = (absolute(c)?, c.object(1)?);
            if base.left() != other.left() {
                return Ok(c.value(1));
            }
            let folder = base.path.rfind('/').map_or("", |n| base.path.get(..=n).unwrap_or_default());
            let relative = match other.path.strip_prefix(folder) {
                Some(rest) => rest.to_owned(),
                None => {
                    let shared =
                        folder.split('/').zip(other.path.split('/')).take_while(|(a, b)| a == b).count();
                    let up = folder.split('/').count().saturating_sub(shared + 1);
                    "../".repeat(up) + &other.path.split('/').skip(shared).collect::<Vec<_>>().join("/")
                }
            };
            Ok(Value::object(Uri {
                original: format!("{relative}{}{}", other.query, other.fragment),
                ..Uri::default()
            }))
        }),
        member("IsBaseOf(Uri): bool", |c| {
            let (base, other): (&Uri, &Uri) = (absolute(c)?, c.object(1)?);
            let folder = base.path.rfind('/').map_or("", |n| base.path.get(..=n).unwrap_or_default());
            Ok(Value::Boolean(base.left() == other.left() && other.path.starts_with(folder)))
        }),
        member("ToString(): string", |c| text(c.get(0).display())),
        pure("static EscapeDataString(string): string", |c| text(escape_data(c.text(0)?))),
        pure("static EscapeUriString(string): string", |c| text(escape_uri(c.text(0)?))),
        pure("static UnescapeDataString(string): string", |c| text(unescape_data(c.text(0)?))),
        pure("static HexEscape(char): string", |c| match c.unit(0)? {
            unit @ 0..=255 => text(format!("%{unit:02X}")),
            _ => Err(Thrown::out_of_range("character", OUT_OF_RANGE)),
        }),
        member("static IsWellFormedUriString(string, UriKind): bool", |c| {
            let Some(written) = c.text_or_null(0) else { return Ok(Value::Boolean(false)) };
            let kind = c.enumeration(1);
            let parsed = parse(written, kind != 1);
            let clean = escape_illegal(written) == written;
            Ok(Value::Boolean(clean && parsed.is_some_and(|p| kind == 0 || p.absolute == (kind == 1))))
        }),
        member("static CheckSchemeName(string): bool", |c| {
            let name = c.text_or_null(0).unwrap_or_default();
            Ok(Value::Boolean(
                name.starts_with(|c: char| c.is_ascii_alphabetic())
                    && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"+-.".contains(&b)),
            ))
        }),
        member("static TryCreate(string, UriKind, out Uri): bool", |c| {
            let made = c.text(0).and_then(|t| create(t, c.enumeration(1)));
            let found = made.is_ok();
            c.out.push(made.unwrap_or(Value::Null));
            Ok(Value::Boolean(found))
        }),
        member("static TryCreate(Uri, string, out Uri): bool", |c| {
            let made = absolute(c).ok().and_then(|b| combine(b, c.text_or_null(1)?));
            let found = made.is_some();
            c.out.push(made.map_or(Value::Null, Value::object));
            Ok(Value::Boolean(found))
        }),
        member("operator ==(Uri, Uri): bool", |c| Ok(Value::Boolean(c.get(0).equals(c.get(1))))),
        member("operator !=(Uri, Uri): bool", |c| Ok(Value::Boolean(!c.get(0).equals(c.get(1))))),
    ],
    ..Definition::NEW
};
