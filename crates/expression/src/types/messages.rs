//! `IRequest`, `IResponse`, `IMessageBody`, `IUrl`, tokens and credentials, and the extension methods of policies.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;

use super::certificate::Certificate;
use super::encoding::Coding;
use super::{Definition, Dictionary, Form, Id, List, entries, member, pure};
use crate::class::Type;
use crate::context::{self, BodyError, Side, UrlOf};
use crate::exception::Thrown;
use crate::machine::Call;
use crate::message::{Authorization, Jwt, Response, strip_scheme};
use crate::value::{Object, Part, PartOf, Value};

const INTERFACE: Definition = Definition { form: Form::Interface, ..Definition::NEW };

fn part(part: PartOf) -> Result<Value, Thrown> {
    Ok(Value::Part(Part(part)))
}

/// The text of a method; those of the common ones are there already.
pub(crate) fn method_name(name: &str) -> Arc<str> {
    const COMMON: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"];
    static SHARED: LazyLock<Vec<Arc<str>>> = LazyLock::new(|| COMMON.iter().map(|m| Arc::from(*m)).collect());
    SHARED.iter().find(|m| &***m == name).map_or_else(|| name.into(), Arc::clone)
}

pub(super) const REQUEST: Definition = Definition {
    name: "IRequest",
    members: &[
        member("Body: IMessageBody", |c| {
            if c.machine.context.has_body(Side::Request) {
                part(PartOf::Body(Side::Request))
            } else {
                Ok(Value::Null)
            }
        }),
        member("Certificate: X509Certificate2", |c| {
            let der = c.machine.context.client_certificate();
            Ok(der.map_or(Value::Null, |der| {
                Value::object(Certificate(context::Certificate { der, private_key: None }))
            }))
        }),
        pure("Headers: IReadOnlyDictionary<string, string[]>", |_| part(PartOf::Headers(Side::Request))),
        member("IpAddress: string", |c| Ok(Value::from(c.machine.context.ip_address().into_owned()))),
        pure("MatchedParameters: IReadOnlyDictionary<string, string>", |_| part(PartOf::MatchedParameters)),
        member("Method: string", |c| Ok(Value::String(method_name(c.machine.context.method())))),
        pure("OriginalUrl: IUrl", |_| part(PartOf::Url(UrlOf::Original))),
        pure("Url: IUrl", |_| part(PartOf::Url(UrlOf::Current))),
        member("PrivateEndpointConnection: IPrivateEndpointConnection", |_| Ok(Value::Null)),
    ],
    ..INTERFACE
};

/// The response that a receiver is: one that a variable holds, or the exchange's.
fn held<'a>(c: &Call<'a, '_>) -> Option<&'a Response> {
    c.get(0).downcast()
}

pub(super) const RESPONSE: Definition = Definition {
    name: "IResponse",
    members: &[
        member("Body: IMessageBody", |c| match c.get(0).shared::<Response>() {
            Some(response) => Ok(Value::object(Body(response))),
            None => part(PartOf::Body(Side::Response)),
        }),
        member("Headers: IReadOnlyDictionary<string, string[]>", |c| match held(c) {
            Some(response) => {
                let map = Dictionary::new(Type::STRING, Type::array(Type::STRING), true);
                let mut names: Vec<&Arc<str>> = Vec::new();
                for (name, _) in &response.headers {
                    if !names.iter().any(|n| n.eq_ignore_ascii_case(name)) {
                        names.push(name);
                    }
                }
                for name in names {
                    let values = response
                        .headers
                        .iter()
                        .filter(|(n, _)| n.eq_ignore_ascii_case(name))
                        .map(|(_, v)| Arc::clone(v));
                    map.set(Value::String(Arc::clone(name)), Value::strings(values));
                }
                Ok(Value::object(map))
            }
            None => part(PartOf::Headers(Side::Response)),
        }),
        member("StatusCode: int", |c| match held(c) {
            Some(response) => Ok(Value::Int32(i32::from(response.status))),
            None => Ok(Value::Int32(c.machine.context.status().map_or(0, |(code, _)| i32::from(code)))),
        }),
        member("StatusReason: string", |c| match held(c) {
            Some(response) => Ok(Value::String(Arc::clone(&response.reason))),
            None => Ok(c
                .machine
                .context
                .status()
                .map_or(Value::Null, |(_, reason)| Value::from(reason.into_owned()))),
        }),
    ],
    ..INTERFACE
};

/// The body of a held response.
struct Body(Arc<Response>);

impl Object for Body {
    fn class(&self) -> Type {
        Type::Plain(Id::IMessageBody)
    }
}

fn consume(c: &mut Call<'_, '_>, preserve: bool) -> Result<(Bytes, Coding), Thrown> {
    let mut content_type = String::new();
    let read = match c.get(0) {
        Value::Part(Part(PartOf::Body(side))) => {
            let read = c.machine.context.body(*side, preserve);
            c.machine.context.header(*side, "Content-Type", &mut |v| v.clone_into(&mut content_type));
            read
        }
        other => {
            let Some(body) = other.downcast::<Body>() else {
                return Err(Thrown::mismatch("IMessageBody", other));
            };
            if let Some((_, v)) = body.0.headers.iter().find(|(n, _)| n.eq_ignore_ascii_case("content-type"))
            {
                content_type = v.to_string();
            }
            body.0.body(preserve)
        }
    };
    let bytes = read.map_err(|error| match error {
        BodyError::TooLarge { .. } => Thrown::new(Id::InvalidOperationException, error.to_string()),
        other => Thrown::invalid_operation(other.to_string()),
    })?;
    c.machine.allocate(bytes.len())?;
    c.machine.work(bytes.len() / 64)?;
    let charset = content_type
        .split(';')
        .skip(1)
        .filter_map(|p| p.split_once('='))
        .find(|(n, _)| n.trim().eq_ignore_ascii_case("charset"))
        .and_then(|(_, v)| Coding::named(v.trim().trim_matches('"')));
    Ok((bytes, charset.unwrap_or(Coding::Utf8)))
}

fn decode(bytes: &Bytes, coding: Coding) -> String {
    let text = coding.decode(bytes);
    text.strip_prefix('\u{feff}').map(str::to_owned).unwrap_or(text)
}

/// `As<T>()`.
fn convert(c: &mut Call<'_, '_>, class: &Type, preserve: bool) -> Result<Value, Thrown> {
    let (bytes, coding) = consume(c, preserve)?;
    if *class == Type::array(Type::BYTE) {
        return Ok(Value::bytes(bytes.to_vec()));
    }
    let text = decode(&bytes, coding);
    match class {
        Type::Plain(Id::String | Id::Object) => Ok(Value::from(text)),
        Type::Plain(id @ (Id::JToken | Id::JObject | Id::JArray)) => {
            let json = super::json_token::parsed(c, &text)?;
            let fits = match id {
                Id::JObject => json.is_object(),
                Id::JArray => json.is_array(),
                _ => true,
            };
            if fits {
                return Ok(Value::Json(json));
            }
            let word = if *id == Id::JObject { ("JObject", "an object") } else { ("JArray", "an array") };
            Err(Thrown::new(
                Id::JsonReaderException,
                format!(
                    "Error reading {} from JsonReader. Current JsonReader item is not {}.",
                    word.0, word.1
                ),
            ))
        }
        Type::Plain(Id::XElement | Id::XNode) => super::xml_element::element_of(c, &text, false),
        Type::Plain(Id::XDocument) => super::xml_document::document_of(c, &text, false),
        other => Err(Thrown::invalid_operation(format!("A message body cannot be read as {other}."))),
    }
}

fn form(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let preserve = c.boolean(1)?;
    let (bytes, coding) = consume(c, preserve)?;
    let list = Type::generic(Id::IList, [Type::STRING]);
    let map = Dictionary::new(Type::STRING, list, false);
    for (name, value) in super::web::form(&decode(&bytes, coding)) {
        let key = Value::from(name);
        match map.get(&key) {
            Some(values) => {
                if let Some(values) = values.downcast::<List>() {
                    values.edit(|v| v.push(Value::from(value)));
                }
            }
            None => map.set(key, Value::object(List::new(Type::STRING, vec![Value::from(value)]))),
        }
    }
    Ok(Value::object(map))
}

pub(super) const MESSAGE_BODY: Definition = Definition {
    name: "IMessageBody",
    members: &[
        member("As<T>(bool preserveContent = false): T", |c| {
            let (class, preserve) = (c.class(0), c.boolean(1)?);
            convert(c, &class, preserve)
        }),
        member("AsJToken(bool preserveContent = false): JToken", |c| {
            let preserve = c.boolean(1)?;
            convert(c, &Type::TOKEN, preserve)
        }),
        member("AsJObject(bool preserveContent = false): JObject", |c| {
            let preserve = c.boolean(1)?;
            convert(c, &Type::Plain(Id::JObject), preserve)
        }),
        member("AsJArray(bool preserveContent = false): JArray", |c| {
            let preserve = c.boolean(1)?;
            convert(c, &Type::Plain(Id::JArray), preserve)
        }),
        member(
            "AsFormUrlEncodedContent(bool preserveContent = false): IDictionary<string, IList<string>>",
            form,
        ),
    ],
    ..INTERFACE
};

/// An address that is not the request's own.
pub(super) struct UrlObject(pub(super) Arc<context::Url<'static>>);

impl Object for UrlObject {
    fn class(&self) -> Type {
        Type::Plain(Id::IUrl)
    }

    fn text(&self) -> Option<String> {
        Some(shown(&self.0))
    }
}

fn shown(url: &context::Url<'_>) -> String {
    let default = matches!((&*url.scheme, url.port), ("https", 443) | ("http", 80));
    let port = if default { String::new() } else { format!(":{}", url.port) };
    format!("{}://{}{port}{}{}", url.scheme, url.host, url.path, url.query)
}

fn url<T>(c: &Call<'_, '_>, read: impl FnOnce(&context::Url<'_>) -> T) -> Result<T, Thrown> {
    match c.get(0) {
        Value::Part(Part(PartOf::Url(which))) => Ok(read(&c.machine.context.url(*which))),
        _ => Ok(read(&c.object::<UrlObject>(0)?.0)),
    }
}

fn text(text: &str) -> Value {
    Value::from(text)
}

pub(super) const URL: Definition = Definition {
    name: "IUrl",
    members: &[
        member("Host: string", |c| url(c, |u| text(&u.host))),
        member("Path: string", |c| match c.get(0) {
            Value::Part(Part(PartOf::Url(which))) => Ok(text(&c.machine.context.url_path(*which))),
            _ => url(c, |u| text(&u.path)),
        }),
        member("Port: int", |c| url(c, |u| Value::Int32(i32::from(u.port)))),
        member("Scheme: string", |c| url(c, |u| text(&u.scheme))),
        member("QueryString: string", |c| url(c, |u| text(&u.query))),
        member("Query: IReadOnlyDictionary<string, string[]>", |c| {
            let pairs = url(c, |u| super::web::form(u.query.trim_start_matches('?')))?;
            let map = Dictionary::new(Type::STRING, Type::array(Type::STRING), true);
            let mut grouped: indexmap::IndexMap<String, Vec<String>> = indexmap::IndexMap::new();
            for (name, value) in pairs {
                let key = grouped.keys().find(|k| k.eq_ignore_ascii_case(&name)).cloned().unwrap_or(name);
                grouped.entry(key).or_default().push(value);
            }
            for (name, values) in grouped {
                map.set(Value::from(name), Value::strings(values));
            }
            Ok(Value::object(map))
        }),
        member("ToString(): string", |c| url(c, |u| Value::from(shown(u)))),
        member("ToUri(): Uri", |c| {
            let shown = url(c, shown)?;
            super::uri::parse(&shown, false).map(Value::object).ok_or_else(super::uri::bad)
        }),
    ],
    ..INTERFACE
};

fn jwt<'a>(c: &Call<'a, '_>) -> Result<&'a Jwt, Thrown> {
    c.object(0)
}

fn string_of(json: &crate::json::Json, name: &str) -> Value {
    json.property(name)
        .and_then(|v| v.scalar())
        .map_or(Value::Null, |v| if v.is_null() { v } else { Value::String(v.to_text()) })
}

pub(super) const JWT: Definition = Definition {
    name: "Jwt",
    bases: &["object"],
    members: &[
        member("Algorithm: string", |c| Ok(string_of(&jwt(c)?.header, "alg"))),
        member("Type: string", |c| Ok(string_of(&jwt(c)?.header, "typ"))),
        member("Audiences: IEnumerable<string>", |c| {
            Ok(Value::strings(jwt(c)?.claim("aud").unwrap_or_default()))
        }),
        member("Claims: IReadOnlyDictionary<string, string[]>", |c| {
            let token = jwt(c)?;
            let map = Dictionary::new(Type::STRING, Type::array(Type::STRING), false);
            for name in token.claims() {
                let values = token.claim(&name).unwrap_or_default();
                map.set(Value::String(name), Value::strings(values));
            }
            Ok(Value::object(map))
        }),
        member("ExpirationTime: DateTime?", |c| Ok(jwt(c)?.time("exp").map_or(Value::Null, Value::DateTime))),
        member("NotBefore: DateTime?", |c| Ok(jwt(c)?.time("nbf").map_or(Value::Null, Value::DateTime))),
        member("IssuedAt: DateTime?", |c| Ok(jwt(c)?.time("iat").map_or(Value::Null, Value::DateTime))),
        member("Id: string", |c| Ok(string_of(&jwt(c)?.payload, "jti"))),
        member("Issuer: string", |c| Ok(string_of(&jwt(c)?.payload, "iss"))),
        member("Subject: string", |c| Ok(string_of(&jwt(c)?.payload, "sub"))),
    ],
    ..Definition::NEW
};

pub(super) const AUTHORIZATION: Definition = Definition {
    name: "Authorization",
    bases: &["object"],
    members: &[
        member("AccessToken: string", |c| {
            Ok(Value::String(Arc::clone(&c.object::<Authorization>(0)?.access_token)))
        }),
        member("Claims: IReadOnlyDictionary<string, object>", |c| {
            let map = Dictionary::new(Type::STRING, Type::OBJECT, false);
            for (name, value) in &c.object::<Authorization>(0)?.claims {
                map.set(Value::String(Arc::clone(name)), value.clone());
            }
            Ok(Value::object(map))
        }),
    ],
    ..Definition::NEW
};

/// What a Basic `Authorization` header holds.
struct Credentials {
    user: Arc<str>,
    password: Arc<str>,
}

impl Object for Credentials {
    fn class(&self) -> Type {
        Type::Plain(Id::BasicAuthCredentials)
    }
}

pub(super) const BASIC_AUTH_CREDENTIALS: Definition = Definition {
    name: "BasicAuthCredentials",
    bases: &["object"],
    members: &[
        member("UserId: string", |c| Ok(Value::String(Arc::clone(&c.object::<Credentials>(0)?.user)))),
        member("Username: string", |c| Ok(Value::String(Arc::clone(&c.object::<Credentials>(0)?.user)))),
        member("Password: string", |c| Ok(Value::String(Arc::clone(&c.object::<Credentials>(0)?.password)))),
    ],
    ..Definition::NEW
};

/// Reads `Basic …`: user and password part at the first colon, which a user's name cannot hold (RFC 7617).
fn basic(text: &str) -> Option<Credentials> {
    let encoded = strip_scheme(text, "Basic")?;
    let bytes = super::convert::from_base64(encoded).ok()?;
    let text = Coding::Utf8.decode(&bytes);
    let (user, password) = text.split_once(':')?;
    Some(Credentials { user: user.into(), password: password.into() })
}

fn tried(c: &mut Call<'_, '_>, found: Option<Value>) -> Result<Value, Thrown> {
    let is = found.is_some();
    c.out.push(found.unwrap_or(Value::Null));
    Ok(Value::Boolean(is))
}

fn joined(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    if let (Value::Part(Part(PartOf::Headers(side))), Value::String(name)) = (c.get(0), c.get(1)) {
        let mut found: Option<Arc<str>> = None;
        c.machine.context.header(*side, name, &mut |value| {
            found = Some(match &found {
                Some(before) => [before, ",", value].concat().into(),
                None => value.into(),
            });
        });
        return Ok(found.map_or_else(|| c.value(2), Value::String));
    }
    let found = super::dictionary::lookup(c.machine, c.get(0), c.get(1))?;
    Ok(match found {
        Some(values) => {
            let texts: Vec<String> = c.machine.collect(&values)?.iter().map(Value::display).collect();
            Value::from(texts.join(","))
        }
        None => c.value(2),
    })
}

fn encoded(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let mut parts = Vec::new();
    for (name, values) in entries(c.machine, c.get(0))? {
        for value in c.machine.collect(&values)? {
            parts.push(format!(
                "{}={}",
                super::web::url_encode(&name.to_text(), true),
                super::web::url_encode(&value.to_text(), true)
            ));
        }
    }
    Ok(Value::from(parts.join("&")))
}

/// A variable as `T`; one of another type is refused, as a cast would refuse it.
fn variable(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let class = c.class(0);
    match super::dictionary::lookup(c.machine, c.get(0), c.get(1))? {
        Some(value) if value.is_null() => {
            if class.takes_null() {
                Ok(value)
            } else {
                Err(Thrown::null_reference())
            }
        }
        Some(value) => value.cast(&class),
        None if c.count() > 2 => Ok(c.value(2)),
        None => Ok(Value::default_of(&class)),
    }
}

pub(super) const EXTENSIONS: Definition = Definition {
    name: "PolicyExtensions",
    members: &[
        member("extension GetValueOrDefault(IReadOnlyDictionary<string, string[]>, string): string", joined),
        member(
            "extension GetValueOrDefault(IReadOnlyDictionary<string, string[]>, string, string defaultValue): string",
            joined,
        ),
        member(
            "extension GetValueOrDefault(IReadOnlyDictionary<string, string>, string, string defaultValue = null): string",
            |c| Ok(super::dictionary::lookup(c.machine, c.get(0), c.get(1))?.unwrap_or_else(|| c.value(2))),
        ),
        member(
            "extension GetValueOrDefault<T>(IReadOnlyDictionary<string, object>, string, T defaultValue): T",
            variable,
        ),
        member("extension GetValueOrDefault<T>(IReadOnlyDictionary<string, object>, string): T", variable),
        member("extension GetValueOrDefault(IReadOnlyDictionary<string, object>, string): object", |c| {
            Ok(super::dictionary::lookup(c.machine, c.get(0), c.get(1))?.unwrap_or(Value::Null))
        }),
        member("extension GetValueOrDefault<K, V>(IDictionary<K, V>, K): V", |c| {
            Ok(super::dictionary::lookup(c.machine, c.get(0), c.get(1))?
                .unwrap_or_else(|| Value::default_of(&c.class(1))))
        }),
        member("extension GetValueOrDefault<K, V>(IDictionary<K, V>, K, V): V", |c| {
            Ok(super::dictionary::lookup(c.machine, c.get(0), c.get(1))?.unwrap_or_else(|| c.value(2)))
        }),
        member("extension AsBasic(string): BasicAuthCredentials", |c| {
            Ok(c.text_or_null(0).and_then(basic).map_or(Value::Null, Value::object))
        }),
        member("extension TryParseBasic(string, out BasicAuthCredentials): bool", |c| {
            let found = c.text_or_null(0).and_then(basic).map(Value::object);
            tried(c, found)
        }),
        member("extension AsJwt(string): Jwt", |c| {
            Ok(c.text_or_null(0).and_then(Jwt::parse).map_or(Value::Null, Value::object))
        }),
        member("extension TryParseJwt(string, out Jwt): bool", |c| {
            let found = c.text_or_null(0).and_then(Jwt::parse).map(Value::object);
            tried(c, found)
        }),
        member("extension Encrypt(byte[], string, byte[], byte[]): byte[]", |c| {
            super::cipher::extension(c, true)
        }),
        member("extension Encrypt(byte[], SymmetricAlgorithm): byte[]", |c| {
            super::cipher::extension(c, true)
        }),
        member("extension Encrypt(byte[], SymmetricAlgorithm, byte[], byte[]): byte[]", |c| {
            super::cipher::extension(c, true)
        }),
        member("extension Decrypt(byte[], string, byte[], byte[]): byte[]", |c| {
            super::cipher::extension(c, false)
        }),
        member("extension Decrypt(byte[], SymmetricAlgorithm): byte[]", |c| {
            super::cipher::extension(c, false)
        }),
        member("extension Decrypt(byte[], SymmetricAlgorithm, byte[], byte[]): byte[]", |c| {
            super::cipher::extension(c, false)
        }),
        member("extension VerifyNoRevocation(X509Certificate2): bool", |c| {
            super::certificate::verify_no_revocation(c)
        }),
        member("extension ToFormUrlEncodedContent(IDictionary<string, IList<string>>): string", encoded),
        member("extension ToQueryString(IDictionary<string, IList<string>>): string", encoded),
    ],
    ..Definition::NEW
};
