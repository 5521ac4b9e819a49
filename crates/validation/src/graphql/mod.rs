//! Requests of GraphQL against the schema of their API (GraphQL specification, October 2021).

mod outline;
mod prune;
mod request;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use apollo_compiler::executable::ExecutableDocument;
use apollo_compiler::parser::Parser;
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::{DiagnosticList, Valid};

pub use self::request::{Graphql, Malformed, Transport};

/// How deep the text of a request or a schema may be nested.
const MAX_NESTING: usize = 200;
/// How many tokens a request may have.
const MAX_TOKENS: usize = 100_000;
/// How many errors are told.
const MAX_ERRORS: usize = 20;
/// How many characters of an error are told.
const MAX_MESSAGE: usize = 300;
/// How many fields a request may ask for once its fragments are written out: a fragment that spreads others twice doubles
/// what they ask for.
const MAX_FIELDS: u64 = 10_000;
/// How many fields may stand side by side under names of their own.
const MAX_ALIASES: u64 = 1_000;

/// A compiled schema.
pub struct Schema {
    schema: Valid<apollo_compiler::Schema>,
    findings: Vec<String>,
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Schema").finish_non_exhaustive()
    }
}

/// Something that is wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphqlError {
    /// What.
    pub message: String,
    /// Line and column in the text of the request, both from 1.
    pub place: Option<(usize, usize)>,
}

/// A request that conforms to the schema.
#[derive(Debug)]
pub struct Checked {
    document: Valid<ExecutableDocument>,
    fields: BTreeMap<Field, (usize, usize)>,
    /// Whether the operation that runs is a query, which changes nothing.
    pub is_query: bool,
}

/// A field of a type, as a request asks for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Field {
    /// The name of the type that it is asked of.
    pub parent: String,
    /// Its name, whatever its alias.
    pub name: String,
}

impl GraphqlError {
    pub(super) fn whole(message: impl Into<String>) -> Self {
        Self { message: message.into(), place: None }
    }
}

impl Schema {
    /// Compiles a schema. What is wrong in it without keeping it from being used is a finding: schemas in use have
    /// fields twice.
    ///
    /// # Errors
    /// What keeps it from being used.
    pub fn compile(text: &str) -> Result<Self, String> {
        let mut parser = Parser::new().recursion_limit(MAX_NESTING);
        let built = match parser.parse_ast(text, "schema.graphql") {
            Ok(ast) => ast.to_schema_validate(),
            Err(broken) => return Err(first(&broken.errors)),
        };
        let (schema, findings) = match built {
            Ok(schema) => (schema, Vec::new()),
            Err(broken) => {
                let told = told(&broken.errors).into_iter().map(|error| located(&error)).collect();
                (Valid::assume_valid(broken.partial), told)
            }
        };
        if schema.schema_definition.query.is_none() {
            let told = findings.first().map(|found| format!(": {found}")).unwrap_or_default();
            return Err(format!("it has no type for queries{told}"));
        }
        Ok(Self { schema, findings })
    }

    /// What is wrong with the schema without keeping it from being used.
    pub fn findings(&self) -> &[String] {
        &self.findings
    }

    /// Checks the text of a request: syntax, the rules of GraphQL, how deep it is nested, and how much it asks for.
    /// `operation`: the name of the operation that is to run.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn check(
        &self,
        text: &str,
        operation: Option<&str>,
        max_depth: usize,
    ) -> Result<Checked, Vec<GraphqlError>> {
        let mut parser = Parser::new().recursion_limit(MAX_NESTING).token_limit(MAX_TOKENS);
        let document = match parser.parse_ast(text, "request.graphql") {
            Ok(ast) => ast.to_executable_validate(&self.schema).map_err(|broken| told(&broken.errors)),
            Err(broken) => Err(told(&broken.errors)),
        }?;
        let is_query = match document.operations.get(operation) {
            Ok(operation) => operation.is_query(),
            Err(_) => {
                let message = "The request does not say which of its operations runs, or names none of them.";
                return Err(vec![GraphqlError::whole(message)]);
            }
        };
        let outline = outline::of(&document);
        let mut errors = Vec::new();
        let mut exceeds = |message: String| errors.push(GraphqlError::whole(message));
        if outline.depth > max_depth as u64 {
            exceeds(format!(
                "The query is nested {} levels deep, and {max_depth} are allowed.",
                outline.depth
            ));
        }
        if outline.fields > MAX_FIELDS {
            exceeds(format!(
                "The query asks for more than {MAX_FIELDS} fields with its fragments written out."
            ));
        }
        if outline.aliases > MAX_ALIASES {
            exceeds(format!("The query has more than {MAX_ALIASES} aliases."));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        Ok(Checked { document, fields: outline.seen, is_query })
    }

    /// Whether a path of a rule such as `/Query/user`, `/User/*` or `/__*` means a field.
    pub fn is_meant(&self, path: &str, field: &Field) -> bool {
        let path = path.strip_prefix('/').unwrap_or(path);
        let Some((kind, name)) = path.split_once('/') else {
            let is_root = [
                &self.schema.schema_definition.query,
                &self.schema.schema_definition.mutation,
                &self.schema.schema_definition.subscription,
            ]
            .into_iter()
            .flatten()
            .any(|root| root.as_str() == field.parent);
            // Clients ask for the name of every type; it says nothing of the schema as a whole.
            let is_field = is_root && field.name != "__typename" && fits(path, &field.name);
            return is_field || self.is_of_type(path, &field.parent);
        };
        fits(name, &field.name) && self.is_of_type(kind, &field.parent)
    }

    /// Whether a pattern names a type, or one that an interface or a union may turn out to be.
    fn is_of_type(&self, pattern: &str, parent: &str) -> bool {
        if fits(pattern, parent) {
            return true;
        }
        let is_abstract = matches!(
            self.schema.types.get(parent),
            Some(ExtendedType::Interface(_) | ExtendedType::Union(_))
        );
        if !is_abstract {
            return false;
        }
        if !pattern.ends_with('*') {
            return self.schema.is_subtype(parent, pattern);
        }
        let mut names = self.schema.types.keys();
        names.any(|name| fits(pattern, name.as_str()) && self.schema.is_subtype(parent, name.as_str()))
    }
}

impl Checked {
    /// The fields that it asks for, each once, with the place of the first.
    pub fn fields(&self) -> impl Iterator<Item = (&Field, (usize, usize))> {
        self.fields.iter().map(|(field, place)| (field, *place))
    }

    /// The text of the request without some of its fields; `None` where nothing would be left.
    pub fn without(&self, removed: &BTreeSet<Field>) -> Option<String> {
        prune::without(&self.document, removed)
    }
}

/// Whether a pattern that may end in `*` fits a name.
fn fits(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => pattern == name,
    }
}

fn told(errors: &DiagnosticList) -> Vec<GraphqlError> {
    errors
        .iter()
        .take(MAX_ERRORS)
        .map(|error| GraphqlError {
            message: shown(&error.error.to_string()),
            place: error.line_column_range().map(|range| (range.start.line, range.start.column)),
        })
        .collect()
}

fn first(errors: &DiagnosticList) -> String {
    told(errors).first().map(located).unwrap_or_default()
}

fn located(error: &GraphqlError) -> String {
    match error.place {
        Some((line, column)) => format!("{} (line {line}, column {column})", error.message),
        None => error.message.clone(),
    }
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
