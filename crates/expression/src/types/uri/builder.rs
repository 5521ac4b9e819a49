//! `System.UriBuilder`.

use std::sync::Arc;

use parking_lot::Mutex;

use super::escape::escape_illegal;
use super::{OUT_OF_RANGE, Uri, absolute, bad, parse, text};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::types::{Definition, Id, member};
use crate::value::{Object, Value};

/// An address whose parts can be set.
struct Builder(Mutex<Uri>);

impl Object for Builder {
    fn class(&self) -> Type {
        Type::Plain(Id::UriBuilder)
    }

    fn text(&self) -> Option<String> {
        let uri = self.0.lock();
        let port = if uri.port >= 0 { format!(":{}", uri.port) } else { String::new() };
        let user = if uri.user.is_empty() { String::new() } else { format!("{}@", uri.user) };
        let scheme = if uri.scheme.is_empty() { String::new() } else { format!("{}://", uri.scheme) };
        Some(format!("{scheme}{user}{}{port}{}{}{}", uri.host, uri.path, uri.query, uri.fragment))
    }
}

fn built(uri: Uri) -> Value {
    Value::object(Builder(Mutex::new(uri)))
}

fn edit(c: &mut Call<'_, '_>, change: impl FnOnce(&mut Uri, Arc<str>)) -> Result<Value, Thrown> {
    let text = c.get(1).to_text();
    change(&mut c.object::<Builder>(0)?.0.lock(), text);
    Ok(Value::Null)
}

fn read(c: &Call<'_, '_>, part: fn(&Uri) -> &str) -> Result<Value, Thrown> {
    Ok(Value::from(part(&c.object::<Builder>(0)?.0.lock())))
}

/// A scheme (RFC 3986, section 3.1), up to its colon where it has one.
fn scheme(text: &str) -> Result<String, Thrown> {
    let scheme = text.split(':').next().unwrap_or_default();
    let is_valid = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'));
    if scheme.is_empty() || is_valid {
        return Ok(scheme.to_ascii_lowercase());
    }
    Err(Thrown::argument("Invalid URI: The URI scheme is not valid. (Parameter 'value')"))
}

fn port(number: i32) -> Result<i32, Thrown> {
    if (-1..=65535).contains(&number) { Ok(number) } else { Err(Thrown::out_of_range("value", OUT_OF_RANGE)) }
}

pub(in crate::types) const URI_BUILDER: Definition = Definition {
    name: "System.UriBuilder",
    bases: &["object"],
    members: &[
        member("new()", |_| {
            Ok(built(Uri {
                absolute: true,
                scheme: "http".into(),
                host: "localhost".into(),
                port: -1,
                path: "/".into(),
                ..Uri::default()
            }))
        }),
        member("new(string)", |c| {
            let written = c.text(0)?;
            let parsed = parse(written, false).or_else(|| parse(&format!("http://{written}"), false));
            parsed.map(built).ok_or_else(bad)
        }),
        member("new(Uri)", |c| Ok(built(absolute(c)?.clone()))),
        member("new(string, string)", |c| {
            Ok(built(Uri {
                absolute: true,
                scheme: scheme(c.text(0)?)?,
                host: c.text(1)?.into(),
                port: -1,
                path: "/".into(),
                ..Uri::default()
            }))
        }),
        member("new(string, string, int)", |c| {
            Ok(built(Uri {
                absolute: true,
                scheme: scheme(c.text(0)?)?,
                host: c.text(1)?.into(),
                port: port(c.int(2)?)?,
                path: "/".into(),
                ..Uri::default()
            }))
        }),
        member("Host: string", |c| read(c, |u| &u.host)),
        member("set Host: string", |c| edit(c, |u, t| u.host = t.to_string())),
        member("Scheme: string", |c| read(c, |u| &u.scheme)),
        member("set Scheme: string", |c| {
            let scheme = scheme(&c.get(1).to_text())?;
            edit(c, |u, _| u.scheme = scheme)
        }),
        member("Path: string", |c| read(c, |u| &u.path)),
        member("set Path: string", |c| {
            edit(c, |u, t| {
                let path = escape_illegal(&t);
                u.path = if path.starts_with('/') { path } else { format!("/{path}") };
            })
        }),
        member("Query: string", |c| read(c, |u| &u.query)),
        member("set Query: string", |c| {
            edit(c, |u, t| {
                u.query = if t.is_empty() || t.starts_with('?') { t.to_string() } else { format!("?{t}") };
            })
        }),
        member("Fragment: string", |c| read(c, |u| &u.fragment)),
        member("set Fragment: string", |c| {
            edit(c, |u, t| {
                u.fragment = if t.is_empty() || t.starts_with('#') { t.to_string() } else { format!("#{t}") }
            })
        }),
        member("Port: int", |c| Ok(Value::Int32(c.object::<Builder>(0)?.0.lock().port))),
        member("set Port: int", |c| {
            c.object::<Builder>(0)?.0.lock().port = port(c.int(1)?)?;
            Ok(Value::Null)
        }),
        member("UserName: string", |c| read(c, |u| u.user.split(':').next().unwrap_or_default())),
        member("Uri: Uri", |c| {
            let text = c.get(0).display();
            parse(&text, false).map(Value::object).ok_or_else(bad)
        }),
        member("ToString(): string", |c| text(c.get(0).display())),
    ],
    ..Definition::NEW
};
