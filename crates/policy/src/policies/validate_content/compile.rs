//! Reads `validate-content`.

use std::collections::HashMap;
use std::sync::Arc;

use gatehouse_model::resources::SchemaText;
use gatehouse_validation::xml::{SoapVersion, XmlSchema};
use gatehouse_validation::{Direction, SchemaResource, Variant};

use super::super::validation_errors::{ACTIONS, Act, Action as Policed, errors_variable};
use super::content::{Content, SchemaSource, ValidateAs};
use super::{ContentTypeMap, Rule, ValidateContent, essence};
use crate::Action;
use crate::compiler::{Builder, Message, Reported};
use crate::document::Element;
use crate::value::{Enumeration, Integer};

/// The largest `max-size`: what a policy may keep in memory is bounded by the configuration in any case.
pub(in super::super) const MAX_SIZE: i64 = 1 << 32;

const KINDS: &[(&str, ValidateAs)] = &[
    ("json", ValidateAs::Json),
    ("form", ValidateAs::Form),
    ("xml", ValidateAs::Xml),
    ("soap", ValidateAs::Soap),
];

pub(in super::super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let attributes = [
        "unspecified-content-type-action",
        "max-size",
        "size-exceeded-action",
        "errors-variable-name",
        "error-variable-name",
    ];
    builder.only(element, &attributes, &["content-type-map", "content"]);
    builder.no_text(element);
    let unspecified = builder.required_enumeration(element, "unspecified-content-type-action", ACTIONS)?;
    let max_size = builder.integer(element, "max-size", 0..=MAX_SIZE);
    let size_exceeded = builder.required_enumeration(element, "size-exceeded-action", ACTIONS)?;
    let variable = errors_variable(builder, element)?;
    let map = match builder.child(element, "content-type-map") {
        Some(child) => content_type_map(builder, child)?,
        None => ContentTypeMap::default(),
    };
    let message = builder.message();
    let mut contents = Vec::new();
    for child in element.elements().filter(|child| child.name == "content") {
        contents.push(content(builder, child, message)?);
    }
    builder.want(Variant::plain(direction(message)));
    let policy = ValidateContent { message, unspecified, max_size, size_exceeded, variable, map, contents };
    Ok(Action::Later(Box::new(policy)))
}

/// The policy for every content type that the definition names, and for no other.
pub(in super::super) fn whole(
    builder: &mut Builder<'_>,
    action: &Policed,
    max_size: Integer,
    variable: Option<Arc<str>>,
) -> Action {
    let message = builder.message();
    let variant = Variant::plain(direction(message));
    builder.want(variant);
    let content = |validate_as, schema| Content {
        media_type: None,
        validate_as,
        action: action.clone(),
        strips: false,
        schema,
    };
    let contents = vec![
        content(ValidateAs::Soap, SchemaSource::Service),
        content(ValidateAs::Form, SchemaSource::Definition(variant)),
    ];
    Action::Later(Box::new(ValidateContent {
        message,
        unspecified: action.clone(),
        max_size,
        size_exceeded: action.clone(),
        variable,
        map: ContentTypeMap::default(),
        contents,
    }))
}

fn direction(message: Message) -> Direction {
    match message {
        Message::Request => Direction::Request,
        Message::Response => Direction::Response,
    }
}

fn content_type_map(builder: &mut Builder<'_>, element: &Element) -> Result<ContentTypeMap, Reported> {
    builder.only(element, &["any-content-type-value", "missing-content-type-value"], &["type"]);
    builder.no_text(element);
    let any = builder.optional_literal(element, "any-content-type-value")?;
    let missing = builder.optional_literal(element, "missing-content-type-value")?;
    let folded = |text: Arc<str>| Arc::from(essence(&text));
    let mut rules = Vec::new();
    for child in element.elements() {
        builder.only(child, &["from", "when", "to"], &[]);
        let to = folded(builder.literal(child, "to")?);
        let rule = match (child.attribute("from"), child.attribute("when")) {
            (Some(_), None) => Rule::From(folded(builder.literal(child, "from")?)),
            (None, Some(_)) => Rule::When(builder.required_boolean(child, "when")),
            _ => {
                let message = "`type` needs either `from` or `when`";
                return Err(builder.error("missing-attribute", &child.location, message));
            }
        };
        rules.push((rule, to));
    }
    Ok(ContentTypeMap { any: any.map(folded), missing: missing.map(folded), rules })
}

fn content(builder: &mut Builder<'_>, element: &Element, message: Message) -> Result<Content, Reported> {
    let attributes = [
        "type",
        "validate-as",
        "schema-id",
        "schema-ref",
        "action",
        "allow-additional-properties",
        "case-insensitive-property-names",
    ];
    builder.only(element, &attributes, &[]);
    builder.no_text(element);
    let location =
        |name: &str| element.attribute(name).map_or(&element.location, |known| &known.value.location);
    let validate_as = match builder.required_enumeration(element, "validate-as", KINDS)? {
        Enumeration::Literal(kind) => kind,
        Enumeration::Expression(..) => {
            let message = "`validate-as` takes no expression";
            return Err(builder.error("expression-not-allowed", location("validate-as"), message));
        }
    };
    let strips = element.attribute("action").is_some_and(|action| action.value.text.trim() == "strip");
    let action = if strips {
        Enumeration::Literal(Act::Prevent)
    } else {
        builder.required_enumeration(element, "action", ACTIONS)?
    };
    let content_type = builder.optional_literal(element, "type")?.filter(|text| !text.is_empty());
    let additional_properties = element
        .attribute("allow-additional-properties")
        .map(|_| builder.literal_boolean(element, "allow-additional-properties", false));
    let ignore_case = builder.literal_boolean(element, "case-insensitive-property-names", false);
    let is_plain = element.attribute("schema-id").is_none() && !ignore_case;
    if strips && !(message == Message::Response && validate_as == ValidateAs::Json && is_plain) {
        let text = "`strip` takes undeclared properties out of JSON answers by the definition";
        let fix = "in `outbound`, with `validate-as=\"json\"`, without `schema-id` and `case-insensitive-property-names`";
        return Err(builder.error_with_fix("bad-value", location("action"), text, fix));
    }
    let additional_properties = additional_properties.or(strips.then_some(false));
    let variant = Variant { direction: direction(message), additional_properties, ignore_case };
    let schema_ref = builder.optional_literal(element, "schema-ref")?;
    if let ValidateAs::Xml | ValidateAs::Soap = validate_as {
        let content_type = content_type.map(|text| Arc::from(essence(&text)));
        return xml_content(builder, element, validate_as, action, content_type);
    }
    let schema = match builder.optional_literal(element, "schema-id")? {
        Some(id) => resource(builder, element, &id, schema_ref.as_deref(), variant)?,
        None if schema_ref.is_some() => {
            let message = "`schema-ref` needs the schema that it leads into";
            let fix = "add `schema-id`";
            return Err(builder.error_with_fix("missing-attribute", location("schema-ref"), message, fix));
        }
        None => {
            builder.want(variant);
            SchemaSource::Definition(variant)
        }
    };
    let content_type = content_type.map(|text| Arc::from(essence(&text)));
    Ok(Content { media_type: content_type, validate_as, action, strips, schema })
}

/// A `content` whose bodies are XML.
fn xml_content(
    builder: &mut Builder<'_>,
    element: &Element,
    validate_as: ValidateAs,
    action: Policed,
    content_type: Option<Arc<str>>,
) -> Result<Content, Reported> {
    let location =
        |name: &str| element.attribute(name).map_or(&element.location, |known| &known.value.location).clone();
    for name in ["schema-ref", "allow-additional-properties", "case-insensitive-property-names"] {
        if element.attribute(name).is_some() {
            let message = format!("`{name}` has no meaning for XML");
            return Err(builder.error("bad-value", &location(name), message));
        }
    }
    let Some(id) = builder.optional_literal(element, "schema-id")? else {
        // The definition's own: WSDL has XML schemas, OpenAPI has none.
        let schema = SchemaSource::Service;
        return Ok(Content { media_type: content_type, validate_as, action, strips: false, schema });
    };
    let is_soap = validate_as == ValidateAs::Soap;
    if is_soap && content_type.as_deref().is_none_or(|kind| SoapVersion::of(kind).is_none()) {
        let message =
            "`validate-as` of `soap` with a schema of its own needs the `type` that says its version";
        let fix = "`text/xml` for SOAP 1.1, `application/soap+xml` for SOAP 1.2";
        return Err(builder.error_with_fix("bad-value", &location("type"), message, fix));
    }
    let schemas: HashMap<String, SchemaText> = builder
        .resources()
        .schemas
        .iter()
        .map(|(name, schema)| (name.clone(), schema.text.clone()))
        .collect();
    if !schemas.contains_key(&*id) {
        builder.must_exist("schema", &id, &location("schema-id"), schemas.keys().map(String::as_str));
        return Err(Reported);
    }
    let texts: HashMap<String, String> = schemas
        .into_iter()
        .filter_map(|(name, schema)| match schema {
            SchemaText::Xml(text) => Some((name, text)),
            SchemaText::Json(_) => None,
        })
        .collect();
    if !texts.contains_key(&*id) {
        let message = format!("the schema `{id}` is JSON, and the body is read as XML");
        return Err(builder.error("bad-schema", &location("schema-id"), message));
    }
    match XmlSchema::compile(&id, &texts, is_soap) {
        Ok(schema) => {
            let schema = SchemaSource::Xml(Arc::new(schema), id);
            Ok(Content { media_type: content_type, validate_as, action, strips: false, schema })
        }
        Err(why) => {
            let message = format!("the schema `{id}` cannot be used: {why}");
            Err(builder.error("bad-schema", &location("schema-id"), message))
        }
    }
}

fn resource(
    builder: &mut Builder<'_>,
    element: &Element,
    id: &str,
    schema_ref: Option<&str>,
    variant: Variant,
) -> Result<SchemaSource, Reported> {
    let location =
        element.attribute("schema-id").map_or(&element.location, |known| &known.value.location).clone();
    let schemas: HashMap<String, SchemaText> = builder
        .resources()
        .schemas
        .iter()
        .map(|(name, schema)| (name.clone(), schema.text.clone()))
        .collect();
    if !schemas.contains_key(id) {
        builder.must_exist("schema", id, &location, schemas.keys().map(String::as_str));
        return Err(Reported);
    }
    let Some(SchemaText::Json(schema)) = schemas.get(id) else {
        let message = format!("the schema `{id}` is XML, and the body is not read as such");
        return Err(builder.error("bad-schema", &location, message));
    };
    let others = schemas
        .iter()
        .filter_map(|(name, schema)| match schema {
            SchemaText::Json(json) => Some((name.clone(), json.clone())),
            SchemaText::Xml(_) => None,
        })
        .collect();
    match SchemaResource::of_instance(id, schema, schema_ref, variant, &others) {
        Ok(resource) => Ok(SchemaSource::Resource(Arc::new(resource), id.into())),
        Err(why) => {
            let message = format!("the schema `{id}` cannot be used: {why}");
            Err(builder.error("bad-schema", &location, message))
        }
    }
}
