//! What is wrong with a value, in words for people and as a place for programs.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use jsonschema::paths::{Location, LocationSegment};

use crate::json::{Document, PathStep, Place};

/// How many characters of a name or a pattern messages hold.
const MAX_SHOWN: usize = 120;

/// One thing that is wrong with a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// What is wrong, as a sentence. It holds names and rules, never values.
    pub message: String,
    /// JSON pointer (RFC 6901) to the value.
    pub pointer: String,
    /// Where the value stands, where it stands in a text.
    pub place: Option<Place>,
    /// Whether it is a property that may not be there, so that the value is right without it.
    pub is_undeclared: bool,
}

impl Violation {
    /// Something that is wrong with a value as a whole.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { message: message.into(), pointer: String::new(), place: None, is_undeclared: false }
    }

    /// Something that is wrong at a place of a text.
    pub fn at(message: impl Into<String>, text: &[u8], offset: usize) -> Self {
        Self {
            message: message.into(),
            pointer: String::new(),
            place: Some(Place::of(text, offset)),
            is_undeclared: false,
        }
    }

    /// The message with its place, as Azure API Management writes it.
    pub fn details(&self) -> String {
        match self.place {
            Some(Place { line, position }) => format!("{} Line: {line}, Position: {position}", self.message),
            None => self.message.clone(),
        }
    }
}

/// What errors of the validator mean, `limit` of them at the most. `skipped`: how many steps of their paths are not of
/// the message.
pub(super) fn explain_all<'e>(
    errors: impl Iterator<Item = ValidationError<'e>>,
    skipped: usize,
    document: Option<&Document<'_>>,
    limit: usize,
) -> Vec<Violation> {
    let (mut found, mut consequences) = (Vec::new(), Vec::new());
    for error in errors.take(limit) {
        // A property whose value is wrong counts as one that no schema has looked at, too.
        let is_consequence = matches!(error.kind(), ValidationErrorKind::UnevaluatedProperties { .. });
        explain(&error, skipped, document, if is_consequence { &mut consequences } else { &mut found });
    }
    if found.is_empty() {
        found = consequences;
    }
    found.truncate(limit);
    found
}

/// Adds what an error of the validator means.
fn explain(
    error: &ValidationError<'_>,
    skipped: usize,
    document: Option<&Document<'_>>,
    found: &mut Vec<Violation>,
) {
    let path = || steps(error.instance_path(), skipped);
    let message = message(error);
    // A property that may not be there is pointed at by its name.
    if let ValidationErrorKind::AdditionalProperties { unexpected }
    | ValidationErrorKind::UnevaluatedProperties { unexpected } = error.kind()
    {
        for name in unexpected {
            let message = format!(
                "Property '{}' has not been defined and the schema does not allow additional properties.",
                shown(name)
            );
            let pointer = format!("{}/{}", pointer(error.instance_path(), skipped), escape(name));
            let offset = document.and_then(|document| {
                let owned: Vec<Step> = path().collect();
                document.locate_key(owned.iter().map(Step::borrow), name)
            });
            let place = document.zip(offset).map(|(document, at)| Place::of(document.text().as_bytes(), at));
            found.push(Violation { message, pointer, place, is_undeclared: true });
        }
        return;
    }
    let place = document.map(|document| {
        let owned: Vec<Step> = path().collect();
        let offset = document.locate(owned.iter().map(Step::borrow));
        Place::of(document.text().as_bytes(), offset)
    });
    let pointer = pointer(error.instance_path(), skipped);
    let is_undeclared = matches!(error.kind(), ValidationErrorKind::FalseSchema) && !pointer.is_empty();
    found.push(Violation { message, pointer, place, is_undeclared });
}

/// What is wrong with a schema.
pub(super) fn of_schema(error: &ValidationError<'_>) -> String {
    let path = error.instance_path().as_str();
    let within: String = path.splitn(4, '/').nth(3).map(|rest| format!(" at `{rest}`")).unwrap_or_default();
    let text = error.to_string();
    format!("it is no valid schema{within}: {}", shown(&text))
}

enum Step {
    Name(String),
    Index(usize),
}

impl Step {
    fn borrow(&self) -> PathStep<'_> {
        match self {
            Self::Name(name) => PathStep::Name(name),
            Self::Index(index) => PathStep::Index(*index),
        }
    }
}

fn steps(path: &Location, skipped: usize) -> impl Iterator<Item = Step> + '_ {
    path.segments().skip(skipped).map(|step| match step {
        LocationSegment::Property(name) => Step::Name(name.into_owned()),
        LocationSegment::Index(index) => Step::Index(index),
    })
}

fn pointer(path: &Location, skipped: usize) -> String {
    let mut rest = path.as_str();
    for _ in 0..skipped {
        rest =
            rest.get(1..).and_then(|rest| rest.find('/').and_then(|at| rest.get(at..))).unwrap_or_default();
    }
    rest.to_owned()
}

fn escape(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

/// A text cut short.
fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_SHOWN) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

fn message(error: &ValidationError<'_>) -> String {
    use ValidationErrorKind as Kind;
    match error.kind() {
        Kind::AdditionalItems { limit } => {
            format!("The array has more than the {limit} items that the schema defines.")
        }
        Kind::AnyOf { .. } => "The value matches none of the schemas that it may match.".to_owned(),
        Kind::OneOfNotValid { .. } => {
            "The value matches none of the schemas of which it must match one.".to_owned()
        }
        Kind::OneOfMultipleValid { .. } => {
            "The value matches more than one of the schemas of which it must match exactly one.".to_owned()
        }
        Kind::Constant { .. } => "The value is not the one that the schema defines.".to_owned(),
        Kind::Contains => "The array does not contain the items that it must contain.".to_owned(),
        Kind::ContentEncoding { content_encoding } => {
            format!("The string is not {}.", shown(content_encoding))
        }
        Kind::ContentMediaType { content_media_type } => {
            format!("The string is not {}.", shown(content_media_type))
        }
        Kind::Enum { .. } => "The value is not defined in the enumeration.".to_owned(),
        Kind::ExclusiveMaximum { limit } => format!("The number is not less than {limit}."),
        Kind::ExclusiveMinimum { limit } => format!("The number is not greater than {limit}."),
        Kind::Maximum { limit } => format!("The number exceeds the maximum of {limit}."),
        Kind::Minimum { limit } => format!("The number is less than the minimum of {limit}."),
        Kind::MultipleOf { multiple_of } => format!("The number is not a multiple of {multiple_of}."),
        Kind::FalseSchema => "The value must not be sent this way.".to_owned(),
        Kind::Format { format } => format!("The string does not have the format '{}'.", shown(format)),
        Kind::MaxItems { limit } => format!("The array has more than {limit} items."),
        Kind::MinItems { limit } => format!("The array has fewer than {limit} items."),
        Kind::MaxLength { limit } => format!("The string is longer than {limit} characters."),
        Kind::MinLength { limit } => format!("The string is shorter than {limit} characters."),
        Kind::MaxProperties { limit } => format!("The object has more than {limit} properties."),
        Kind::MinProperties { limit } => format!("The object has fewer than {limit} properties."),
        Kind::Not { .. } => "The value matches a schema that it must not match.".to_owned(),
        Kind::Pattern { pattern } => format!("The string does not match the pattern '{}'.", shown(pattern)),
        Kind::BacktrackLimitExceeded { .. } | Kind::RegexEngineFailure { .. } => {
            "The string takes too long to compare with its pattern.".to_owned()
        }
        Kind::PropertyNames { .. } => "The name of a property is not allowed.".to_owned(),
        Kind::Required { property } => {
            let name = property.as_str().unwrap_or_default();
            format!("Required properties are missing from object: {}.", shown(name))
        }
        Kind::Type { kind } => {
            format!("Invalid type. Expected {} but got {}.", expected(kind), actual(error))
        }
        Kind::UnevaluatedItems { .. } => "The array has items that the schema does not define.".to_owned(),
        Kind::UniqueItems => "The items of the array are not unique.".to_owned(),
        _ => "The value does not conform to its schema.".to_owned(),
    }
}

fn expected(kind: &TypeKind) -> String {
    match kind {
        TypeKind::Single(kind) => capital(kind.as_str()),
        TypeKind::Multiple(kinds) => {
            kinds.iter().map(|kind| capital(kind.as_str())).collect::<Vec<_>>().join(", ")
        }
    }
}

fn actual(error: &ValidationError<'_>) -> &'static str {
    match error.instance().as_ref() {
        serde_json::Value::Null => "Null",
        serde_json::Value::Bool(_) => "Boolean",
        serde_json::Value::Number(number) if number.is_i64() || number.is_u64() => "Integer",
        serde_json::Value::Number(_) => "Number",
        serde_json::Value::String(_) => "String",
        serde_json::Value::Array(_) => "Array",
        serde_json::Value::Object(_) => "Object",
    }
}

fn capital(name: &str) -> String {
    let mut characters = name.chars();
    characters.next().map(|first| first.to_uppercase().chain(characters).collect()).unwrap_or_default()
}
