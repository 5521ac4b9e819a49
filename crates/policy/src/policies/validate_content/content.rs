//! One `content` of `validate-content`: which bodies it is for, and how they are judged.

use std::sync::Arc;

use gatehouse_validation::json::Document;
use gatehouse_validation::openapi::{BodyFault, Encoding, MAX_VIOLATIONS, foreign_charset};
use gatehouse_validation::xml::{Sender, SoapOperation, SoapVersion, XmlSchema};
use gatehouse_validation::{SchemaResource, Variant, Violation};

use super::super::validation_errors::{Act, Action as Policed, Errors, NO_DEFINITIONS, NO_SCHEMA, Subject};
use super::Seen;
use crate::ErrorPlace;
use crate::compiler::Message;

/// One `content`.
#[derive(Debug)]
pub(super) struct Content {
    /// The content type; `None` for every one that the definition names.
    pub(super) media_type: Option<Arc<str>>,
    pub(super) validate_as: ValidateAs,
    pub(super) action: Policed,
    /// Whether what the definition does not name is taken out.
    pub(super) strips: bool,
    pub(super) schema: SchemaSource,
}

/// The language that bodies are read in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ValidateAs {
    Json,
    /// Forms, in either of their encodings.
    Form,
    Xml,
    /// XML in the body of an envelope.
    Soap,
}

/// What bodies are judged by.
#[derive(Debug)]
pub(super) enum SchemaSource {
    /// The definition of the API, read in a way.
    Definition(Variant),
    /// A schema of its own, and its name.
    Resource(Arc<SchemaResource>, Arc<str>),
    /// An XML schema, and its name.
    Xml(Arc<XmlSchema>, Arc<str>),
    /// The WSDL definition of the API.
    Service,
}

impl Content {
    /// Whether it is for a message.
    pub(super) fn applies(&self, seen: &Seen) -> bool {
        match &self.media_type {
            Some(content_type) => **content_type == *seen.counts_as,
            None if self.validate_as == ValidateAs::Soap => seen.is_soap(),
            None => seen.media().is_some(),
        }
    }

    /// The body without what the definition does not name, if it has any such thing and is right without it.
    pub(super) fn strip(&self, seen: &Seen, body: &[u8], errors: &mut Errors<'_>) -> Option<Vec<u8>> {
        let SchemaSource::Definition(variant) = &self.schema else { return None };
        let (operation, media) = (seen.operation.as_ref()?, seen.media()?);
        let stripped = operation.strip(media, *variant, &seen.content_type, body).ok()??;
        let content_type = super::shown(&seen.counts_as);
        let subject = Subject { kind: "ResponseBody", name: &content_type };
        let details = |text: &str| format!("Taken out of the body of the response: {text}");
        let at = |violation: &Violation| ErrorPlace::Pointer(violation.pointer.clone());
        errors.add_violations(Act::Detect, subject, &stripped.removed, details, at);
        Some(stripped.body)
    }

    /// Judges a body.
    pub(super) fn judge(
        &self,
        seen: &Seen,
        message: Message,
        action: Act,
        body: &[u8],
        errors: &mut Errors<'_>,
    ) {
        let (kind, of) = match message {
            Message::Request => ("RequestBody", "request"),
            Message::Response => ("ResponseBody", "response"),
        };
        let content_type = super::shown(&seen.counts_as);
        let subject = Subject { kind, name: &content_type };
        let (definition, result) = match &self.schema {
            SchemaSource::Resource(resource, name) => (&**name, judge_resource(resource, body)),
            SchemaSource::Xml(schema, name) => (&**name, self.judge_xml(schema, seen, message, body)),
            SchemaSource::Service => {
                let Some(operation) = &seen.soap else {
                    let subject = Subject { kind: "ApiSchema", name: "" };
                    errors.add(action, subject, "", NO_DEFINITIONS.to_owned(), false, ErrorPlace::Message);
                    return;
                };
                ("", judge_message(operation, seen, message, body))
            }
            SchemaSource::Definition(variant) => {
                let Some(operation) = &seen.operation else {
                    let subject = Subject { kind: "ApiSchema", name: "" };
                    errors.add(action, subject, "", NO_SCHEMA.to_owned(), false, ErrorPlace::Message);
                    return;
                };
                let Some(media) = seen.media() else {
                    let details = format!(
                        "API's schema does not contain a definition, which is associated with the content type {content_type}."
                    );
                    errors.add(action, subject, "MissingDefinition", details, false, ErrorPlace::Message);
                    return;
                };
                let encoding = match self.validate_as {
                    ValidateAs::Json => Encoding::Json,
                    ValidateAs::Form | ValidateAs::Xml | ValidateAs::Soap => media.encoding(&seen.counts_as),
                };
                let result = operation.validate(media, *variant, encoding, &seen.content_type, body);
                (&*media.definition, result)
            }
        };
        match result {
            Ok(()) => {}
            Err(BodyFault::Broken(why)) => {
                let details = format!(
                    "Body of the {of} cannot be validated for the content type {content_type}. {why}"
                );
                errors.add(action, subject, "ValidationException", details, false, ErrorPlace::Message);
            }
            Err(BodyFault::Invalid(violations)) => {
                let space = if definition.is_empty() { "" } else { " " };
                let details = |text: &str| {
                    format!(
                        "Body of the {of} does not conform to the definition{space}{definition}, which is associated with the content type {content_type}. {text}"
                    )
                };
                let at = |violation: &Violation| ErrorPlace::Pointer(violation.pointer.clone());
                errors.add_violations(action, subject, &violations, details, at);
            }
        }
    }
}

impl Content {
    fn judge_xml(
        &self,
        schema: &XmlSchema,
        seen: &Seen,
        message: Message,
        body: &[u8],
    ) -> Result<(), BodyFault> {
        if let Some(charset) = foreign_charset(&seen.content_type) {
            let text = format!("The charset '{charset}' is not UTF-8.");
            return Err(BodyFault::Invalid(vec![Violation::whole(text)]));
        }
        let violations = if self.validate_as == ValidateAs::Soap {
            let sender = if message == Message::Request { Sender::Client } else { Sender::Backend };
            let version = SoapVersion::of(&seen.counts_as).unwrap_or(SoapVersion::V11);
            schema.envelope(body, version, sender, MAX_VIOLATIONS)
        } else {
            schema.document(body, MAX_VIOLATIONS)
        };
        if violations.is_empty() { Ok(()) } else { Err(BodyFault::Invalid(violations)) }
    }
}

/// Judges an envelope by what the definition says of the operation.
fn judge_message(
    operation: &SoapOperation,
    seen: &Seen,
    message: Message,
    body: &[u8],
) -> Result<(), BodyFault> {
    let invalid = |text: String| BodyFault::Invalid(vec![Violation::whole(text)]);
    if let Some(charset) = foreign_charset(&seen.content_type) {
        return Err(invalid(format!("The charset '{charset}' is not UTF-8.")));
    }
    let sender = if message == Message::Request { Sender::Client } else { Sender::Backend };
    let Some(version) = SoapVersion::of(&seen.counts_as) else {
        return Err(invalid("The content type is of no version of SOAP.".to_owned()));
    };
    match operation.judge(body, version, sender, MAX_VIOLATIONS) {
        Ok(violations) if violations.is_empty() => Ok(()),
        Ok(violations) => Err(BodyFault::Invalid(violations)),
        Err(why) => Err(BodyFault::Broken(why.to_owned())),
    }
}

fn judge_resource(resource: &SchemaResource, body: &[u8]) -> Result<(), BodyFault> {
    let document =
        if resource.ignores_case() { Document::parse_folding(body) } else { Document::parse(body) };
    let document = document
        .map_err(|error| BodyFault::Invalid(vec![Violation::at(error.message, body, error.offset)]))?;
    if resource.is_valid(&document) {
        return Ok(());
    }
    Err(BodyFault::Invalid(resource.violations(&document, MAX_VIOLATIONS)))
}
