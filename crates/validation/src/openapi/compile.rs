//! Reads a definition: a tolerant reader, since what is wrong in one place must not keep the rest from being validated.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::media::{Encoding, Media, MediaRange, PropertyEncoding};
use super::outline::Builder as Outliner;
use super::parameter::Parameter;
use super::style::{Location, Style};
use super::{Api, Operation, Report, RequestBody, Response, Status, Validators};
use crate::schema::{Dialect, Direction, Shape, Shared, Variant, follow};

const METHODS: [&str; 9] = ["get", "put", "post", "delete", "options", "head", "patch", "trace", "query"];

/// Keys of a parameter of OpenAPI 2.0 that are not of its schema.
const NOT_OF_SCHEMA: [&str; 7] =
    ["name", "in", "required", "description", "collectionFormat", "allowEmptyValue", "default"];

pub(super) fn compile(document: &Value, dialect: Dialect, variants: &[Variant]) -> Api {
    read(document, dialect, variants, None)
}

/// Reads what there is to know of single arguments; nothing is validated.
pub(super) fn outline(document: &Value, dialect: Dialect) -> Api {
    read(document, dialect, &[], Some(Outliner::new(document)))
}

fn read<'d>(
    document: &'d Value,
    dialect: Dialect,
    variants: &[Variant],
    outliner: Option<Outliner<'d>>,
) -> Api {
    let mut reader = Reader {
        document,
        dialect,
        requests: Positions::default(),
        responses: Positions::default(),
        outliner,
    };
    let drafts = reader.paths();
    let Reader { requests, responses, outliner, .. } = reader;
    let query_keys = if outliner.is_some() { query_keys(document) } else { Arc::default() };
    let outlines = outliner.map(|outliner| Arc::new(outliner.finish()));
    let of = |direction| match direction {
        Direction::Request => &requests,
        Direction::Response => &responses,
    };
    let compiled = variants.iter().map(|variant| {
        (*variant, Shared::compile(document, dialect, *variant, &of(variant.direction).schemas))
    });
    let validators = Arc::new(Validators { variants: compiled.collect() });
    let mut reports = Vec::new();
    for direction in [Direction::Request, Direction::Response] {
        let variant = variants.iter().find(|variant| variant.direction == direction);
        let Some(shared) = variant.and_then(|variant| validators.get(*variant)) else { continue };
        for (position, pointer) in of(direction).pointers.iter().enumerate() {
            if let Some(fault) = shared.fault(position as u32) {
                reports.push(Report { pointer: pointer.clone(), message: fault.to_owned() });
            }
        }
    }
    let operations = drafts
        .into_iter()
        .map(|draft| {
            let Draft { path, method, parameters, body, responses } = draft;
            let validators = Arc::clone(&validators);
            let (outlines, query_keys) = (outlines.clone(), Arc::clone(&query_keys));
            let operation = Operation { validators, parameters, body, responses, outlines, query_keys };
            ((path, method), Arc::new(operation))
        })
        .collect();
    Api { operations, reports }
}

/// The schemas of one direction, each once.
#[derive(Default)]
struct Positions<'d> {
    schemas: Vec<Cow<'d, Value>>,
    pointers: Vec<String>,
    known: HashMap<*const Value, u32>,
}

impl<'d> Positions<'d> {
    fn add(&mut self, schema: Cow<'d, Value>, pointer: String) -> u32 {
        let next = self.schemas.len() as u32;
        if let Cow::Borrowed(schema) = schema {
            match self.known.get(&std::ptr::from_ref(schema)) {
                Some(position) => return *position,
                None => self.known.insert(std::ptr::from_ref(schema), next),
            };
        }
        self.schemas.push(schema);
        self.pointers.push(pointer);
        next
    }
}

struct Draft {
    path: String,
    method: String,
    parameters: Vec<Parameter>,
    body: Option<RequestBody>,
    responses: Vec<Response>,
}

struct Reader<'d> {
    document: &'d Value,
    dialect: Dialect,
    requests: Positions<'d>,
    responses: Positions<'d>,
    outliner: Option<Outliner<'d>>,
}

impl<'d> Reader<'d> {
    fn outline(&mut self, direction: Direction, schema: Option<&Cow<'d, Value>>) -> Option<u32> {
        let outliner = self.outliner.as_mut().filter(|_| direction == Direction::Request)?;
        Some(match schema? {
            Cow::Borrowed(schema) => outliner.add(schema),
            Cow::Owned(schema) => outliner.add_made(schema),
        })
    }

    fn paths(&mut self) -> Vec<Draft> {
        let mut drafts = Vec::new();
        for key in ["paths", "x-ms-paths"] {
            for (path, item) in entries(self.document.get(key)) {
                if path.starts_with('/') {
                    self.item(path, item, &mut drafts);
                }
            }
        }
        drafts
    }

    fn item(&mut self, path: &str, item: &'d Value, drafts: &mut Vec<Draft>) {
        // Beside a reference more operations may stand.
        let mut parts = vec![item];
        if item.get("$ref").is_some()
            && let Some(target) = follow(self.document, item)
        {
            parts.insert(0, target);
        }
        let shared: Vec<&'d Value> = parts.iter().flat_map(|part| items(part.get("parameters"))).collect();
        for part in parts {
            for (method, operation) in entries(Some(part)) {
                if METHODS.contains(&method.as_str()) {
                    drafts.push(self.operation(path, &method.to_ascii_uppercase(), operation, &shared));
                } else if method == "additionalOperations" {
                    for (method, operation) in entries(Some(operation)) {
                        drafts.push(self.operation(path, method, operation, &shared));
                    }
                }
            }
        }
    }

    fn operation(&mut self, path: &str, method: &str, operation: &'d Value, shared: &[&'d Value]) -> Draft {
        let place = format!("/paths/{}/{}", escape(path), method.to_ascii_lowercase());
        let own: Vec<&'d Value> = items(operation.get("parameters")).collect();
        let resolved = |all: &[&'d Value]| -> Vec<&'d Value> {
            all.iter().filter_map(|parameter| follow(self.document, parameter)).collect()
        };
        let (own, shared) = (resolved(&own), resolved(shared));
        let identity = |parameter: &Value| {
            let text = |key: &str| parameter.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
            (text("name"), text("in"))
        };
        let overridden: Vec<_> = own.iter().map(|parameter| identity(parameter)).collect();
        let inherited = shared.into_iter().filter(|parameter| !overridden.contains(&identity(parameter)));
        let all: Vec<&'d Value> = inherited.chain(own).collect();
        let parameters = all.iter().filter_map(|parameter| self.parameter(parameter, &place)).collect();
        let body = if self.dialect == Dialect::Swagger2 {
            self.body_of_2(operation, &all, &place)
        } else {
            self.body(operation, &place)
        };
        let responses = entries(operation.get("responses"))
            .filter_map(|(status, response)| self.response(operation, status, response, &place))
            .collect();
        Draft { path: path.to_owned(), method: method.to_owned(), parameters, body, responses }
    }

    fn parameter(&mut self, parameter: &'d Value, place: &str) -> Option<Parameter> {
        let name = parameter.get("name")?.as_str()?;
        let location = match parameter.get("in")?.as_str()? {
            "path" => Location::Path,
            "query" => Location::Query,
            "header" => Location::Header,
            "cookie" => Location::Cookie,
            "querystring" => Location::QueryString,
            _ => return None,
        };
        // OpenAPI 3.0, Parameter Object, `name`: these are described elsewhere.
        let elsewhere = ["accept", "content-type", "authorization"];
        if location == Location::Header && elsewhere.iter().any(|known| name.eq_ignore_ascii_case(known)) {
            return None;
        }
        let pointer = format!("{place}/parameters/{}", escape(name));
        let mut made = self.described(name, location, parameter, Direction::Request, pointer);
        made.name = name.strip_prefix('*').unwrap_or(name).into();
        Some(made)
    }

    /// A parameter or a header field, from the object that describes it.
    fn described(
        &mut self,
        name: &str,
        location: Location,
        object: &'d Value,
        direction: Direction,
        pointer: String,
    ) -> Parameter {
        let (style, explode) = Style::of(object, location, self.dialect);
        let content = entries(object.get("content")).next();
        let is_json = content.is_some_and(|(kind, _)| {
            MediaRange::parse(kind).is_some_and(|range| range.encoding() == Encoding::Json)
        });
        let schema = match content {
            Some((_, media)) => {
                follow(self.document, media).and_then(|media| media.get("schema")).map(Cow::Borrowed)
            }
            None if self.dialect == Dialect::Swagger2 => Some(Cow::Owned(own_schema(object))),
            None => object.get("schema").map(Cow::Borrowed),
        };
        let shape =
            schema.as_ref().map(|schema| Shape::of(self.document, self.dialect, schema)).unwrap_or_default();
        let flag = |key: &str| object.get(key).and_then(Value::as_bool).unwrap_or(false);
        let outline = self.outline(direction, schema.as_ref());
        Parameter {
            name: name.into(),
            location,
            required: flag("required") || location == Location::Path,
            allow_empty: flag("allowEmptyValue"),
            style,
            explode,
            is_json,
            shape,
            position: schema.map(|schema| self.position(direction, schema, pointer)),
            direction,
            outline,
        }
    }

    fn position(&mut self, direction: Direction, schema: Cow<'d, Value>, pointer: String) -> u32 {
        match direction {
            Direction::Request => self.requests.add(schema, pointer),
            Direction::Response => self.responses.add(schema, pointer),
        }
    }

    fn body(&mut self, operation: &'d Value, place: &str) -> Option<RequestBody> {
        let body = follow(self.document, operation.get("requestBody")?)?;
        let required = body.get("required").and_then(Value::as_bool).unwrap_or(false);
        Some(RequestBody {
            required,
            media: self.content(body, Direction::Request, &format!("{place}/requestBody")),
        })
    }

    fn content(&mut self, owner: &'d Value, direction: Direction, place: &str) -> Vec<Media> {
        let mut all = Vec::new();
        for (kind, media) in entries(owner.get("content")) {
            let (Some(range), Some(media)) = (MediaRange::parse(kind), follow(self.document, media)) else {
                continue;
            };
            let pointer = format!("{place}/content/{}/schema", escape(kind));
            let schema = media.get("schema").or_else(|| media.get("itemSchema")).map(Cow::Borrowed);
            let encodings = entries(media.get("encoding"))
                .map(|(name, encoding)| (name.as_str().into(), property_encoding(encoding)))
                .collect();
            all.push(self.media(range, schema, encodings, direction, pointer));
        }
        all
    }

    fn media(
        &mut self,
        range: MediaRange,
        schema: Option<Cow<'d, Value>>,
        encodings: Vec<(Box<str>, PropertyEncoding)>,
        direction: Direction,
        pointer: String,
    ) -> Media {
        let needs_shape = !matches!(range.encoding(), Encoding::Json | Encoding::Xml);
        let shape = schema
            .as_ref()
            .filter(|_| needs_shape)
            .map(|schema| Shape::of(self.document, self.dialect, schema));
        let definition = schema.as_ref().and_then(|schema| schema.get("$ref")?.as_str()).unwrap_or(&pointer);
        let definition = definition.rsplit('/').next().filter(|_| definition != pointer).unwrap_or("").into();
        let outline = self.outline(direction, schema.as_ref());
        let position = schema.map(|schema| self.position(direction, schema, pointer));
        Media { range, position, definition, shape, encodings, outline }
    }

    /// The body of OpenAPI 2.0: a parameter in `body`, or those in `formData`.
    fn body_of_2(
        &mut self,
        operation: &'d Value,
        parameters: &[&'d Value],
        place: &str,
    ) -> Option<RequestBody> {
        let stands_in =
            |parameter: &&&'d Value, place: &str| parameter.get("in").and_then(Value::as_str) == Some(place);
        let flag = |parameter: &Value| parameter.get("required").and_then(Value::as_bool).unwrap_or(false);
        if let Some(body) = parameters.iter().find(|parameter| stands_in(parameter, "body")) {
            let mut media = Vec::new();
            for range in self.types(operation, "consumes", &["application/json"]) {
                let schema = body.get("schema").map(Cow::Borrowed);
                media.push(self.media(
                    range,
                    schema,
                    Vec::new(),
                    Direction::Request,
                    format!("{place}/body"),
                ));
            }
            return Some(RequestBody { required: flag(body), media });
        }
        let fields: Vec<&'d Value> =
            parameters.iter().filter(|parameter| stands_in(parameter, "formData")).copied().collect();
        if fields.is_empty() {
            return None;
        }
        let (mut properties, mut required, mut encodings) = (Map::new(), Vec::new(), Vec::new());
        let mut has_file = false;
        for field in fields {
            let Some(name) = field.get("name").and_then(Value::as_str) else { continue };
            has_file |= field.get("type").is_some_and(|kind| kind == "file");
            properties.insert(name.to_owned(), own_schema(field));
            if flag(field) {
                required.push(json!(name));
            }
            let (style, explode) = Style::of(field, Location::Query, Dialect::Swagger2);
            let encoding =
                PropertyEncoding { style: Some(style), explode: Some(explode), ..Default::default() };
            encodings.push((name.into(), encoding));
        }
        let must_be_there = !required.is_empty();
        let schema = json!({ "type": "object", "properties": properties, "required": required });
        let default: &[&str] = if has_file {
            &["multipart/form-data"]
        } else {
            &["application/x-www-form-urlencoded", "multipart/form-data"]
        };
        let mut types = self.types(operation, "consumes", default);
        types.retain(|range| matches!(range.encoding(), Encoding::Form | Encoding::Multipart));
        if types.is_empty() {
            types = default.iter().filter_map(|kind| MediaRange::parse(kind)).collect();
        }
        let mut media = Vec::new();
        for range in types {
            let schema = Some(Cow::Owned(schema.clone()));
            media.push(self.media(
                range,
                schema,
                encodings.clone(),
                Direction::Request,
                format!("{place}/formData"),
            ));
        }
        Some(RequestBody { required: must_be_there, media })
    }

    fn types(&self, operation: &Value, key: &str, default: &[&str]) -> Vec<MediaRange> {
        let owner = if operation.get(key).is_some() { operation } else { self.document };
        let named: Vec<MediaRange> =
            items(owner.get(key)).filter_map(Value::as_str).filter_map(MediaRange::parse).collect();
        if named.is_empty() {
            default.iter().filter_map(|kind| MediaRange::parse(kind)).collect()
        } else {
            named
        }
    }

    fn response(
        &mut self,
        operation: &'d Value,
        status: &str,
        response: &'d Value,
        place: &str,
    ) -> Option<Response> {
        let code = parse_status(status)?;
        let response = follow(self.document, response)?;
        let place = format!("{place}/responses/{status}");
        let mut media = Vec::new();
        if self.dialect != Dialect::Swagger2 {
            media = self.content(response, Direction::Response, &place);
        } else if let Some(schema) = response.get("schema") {
            for range in self.types(operation, "produces", &["application/json"]) {
                let schema = Some(Cow::Borrowed(schema));
                media.push(self.media(
                    range,
                    schema,
                    Vec::new(),
                    Direction::Response,
                    format!("{place}/schema"),
                ));
            }
        }
        let mut headers = Vec::new();
        for (name, header) in entries(response.get("headers")) {
            if name.eq_ignore_ascii_case("content-type") {
                continue;
            }
            let Some(header) = follow(self.document, header) else { continue };
            let pointer = format!("{place}/headers/{}", escape(name));
            headers.push(self.described(name, Location::Header, header, Direction::Response, pointer));
        }
        Some(Response { status: code, media, headers })
    }
}

fn entries(value: Option<&Value>) -> impl Iterator<Item = (&String, &Value)> {
    value.and_then(Value::as_object).into_iter().flatten()
}

fn items(value: Option<&Value>) -> impl Iterator<Item = &Value> {
    value.and_then(Value::as_array).into_iter().flatten()
}

/// The parameters of the query that keys stand in.
fn query_keys(document: &Value) -> Arc<[Box<str>]> {
    let schemes = ["/securityDefinitions", "/components/securitySchemes"];
    schemes
        .iter()
        .flat_map(|place| entries(document.pointer(place)))
        .filter(|(_, scheme)| scheme.get("in").and_then(Value::as_str) == Some("query"))
        .filter_map(|(_, scheme)| Some(scheme.get("name")?.as_str()?.into()))
        .collect()
}

/// The schema that a parameter of OpenAPI 2.0 is.
fn own_schema(parameter: &Value) -> Value {
    let members = entries(Some(parameter)).filter(|(key, _)| !NOT_OF_SCHEMA.contains(&key.as_str()));
    members.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn property_encoding(encoding: &Value) -> PropertyEncoding {
    let content_types = encoding.get("contentType").and_then(Value::as_str).unwrap_or_default();
    PropertyEncoding {
        content_types: content_types.split(',').filter_map(MediaRange::parse).collect(),
        style: encoding.get("style").and_then(Value::as_str).and_then(Style::named),
        explode: encoding.get("explode").and_then(Value::as_bool),
    }
}

fn parse_status(text: &str) -> Option<Status> {
    match text.as_bytes() {
        b"default" => Some(Status::Default),
        [first @ b'1'..=b'5', b'X' | b'x', b'X' | b'x'] => Some(Status::Range(first - b'0')),
        _ => text.parse().ok().map(Status::Code),
    }
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}
