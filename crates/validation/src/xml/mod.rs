//! XML and SOAP bodies against XML schemas: no document type, no entities, nothing fetched, everything bounded.

mod envelope;
mod place;
mod prolog;
mod service;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use parking_lot::Mutex;
use xsd_schema::validation::{
    CollectingValidationSink, DriveWithError, ElementStartView, EndElementInfo, SchemaValidator,
    SchemaValidity, ValidationEventHandler, ValidationFlags, drive_quick_xml_with,
};
use xsd_schema::xml::ParseLimits;
use xsd_schema::{SchemaError, SchemaLoader, SchemaResult, SchemaSet, SchemaSetBuilder};

use crate::schema::Violation;

pub use self::envelope::SoapVersion;
pub use self::service::{ElementName, SoapOperation, SoapService, body_element};

/// How deep elements may be nested.
const MAX_DEPTH: usize = 128;
/// How many nodes a document may have.
const MAX_NODES: usize = 2_000_000;
/// How many attributes and namespace declarations an element may have.
const MAX_ATTRIBUTES: usize = 256;
/// How long a name may be, in bytes.
const MAX_NAME: usize = 1024;
/// How many characters of a message of the validator are told.
const MAX_MESSAGE: usize = 300;

/// How many bytes a compiled schema reads before it is compiled anew: it keeps the names that it has seen.
const MAX_READ: usize = 16 << 20;
/// How many compiled schemas are kept for the next messages.
const MAX_KEPT: usize = 16;

/// A compiled XML schema. One message uses one compiled schema at a time; what is not in use waits for the next.
pub struct XmlSchema {
    source: Source,
    idle: Mutex<Vec<Compiled>>,
}

/// What a schema is compiled from.
struct Source {
    /// The schemas that are compiled together; what they include and import joins them.
    names: Vec<String>,
    schemas: HashMap<String, String>,
    /// Whether envelopes of SOAP are known, and how many elements their bodies hold.
    envelopes: Option<Bodies>,
}

/// How many elements the bodies of envelopes hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Bodies {
    One,
    /// As many as an operation says.
    Any,
}

struct Compiled {
    set: SchemaSet,
    /// How many bytes it has read.
    read: usize,
}

impl fmt::Debug for XmlSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XmlSchema").field("names", &self.source.names).finish_non_exhaustive()
    }
}

/// Who sends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sender {
    /// The client.
    Client,
    /// The backend: only it sends faults.
    Backend,
}

impl XmlSchema {
    /// Compiles the schema of a name among others, which it may include and import as `/schemas/name`. `soap`: whether
    /// bodies come in envelopes.
    ///
    /// # Errors
    /// What is wrong with the schema.
    pub fn compile(name: &str, schemas: &HashMap<String, String>, soap: bool) -> Result<Self, String> {
        if !schemas.contains_key(name) {
            return Err(format!("there is no schema `{name}`"));
        }
        for text in schemas.values() {
            prolog::check(text.as_bytes()).map_err(|refused| refused.message.to_owned())?;
        }
        let envelopes = soap.then_some(Bodies::One);
        Self::of(Source { names: vec![name.to_owned()], schemas: schemas.clone(), envelopes })
    }

    fn of(source: Source) -> Result<Self, String> {
        let first = source.compile()?;
        Ok(Self { source, idle: Mutex::new(vec![first]) })
    }

    /// What is wrong with a document whose root is any element that the schema declares at its top, `limit` of it at
    /// the most.
    pub fn document(&self, body: &[u8], limit: usize) -> Vec<Violation> {
        self.judge(body, Watch::default(), limit)
    }

    /// What is wrong with an envelope of SOAP and its body, `limit` of it at the most.
    pub fn envelope(
        &self,
        body: &[u8],
        version: SoapVersion,
        sender: Sender,
        limit: usize,
    ) -> Vec<Violation> {
        self.judge(body, Watch { soap: Some((version, sender)), ..Watch::default() }, limit)
    }

    fn judge(&self, body: &[u8], watch: Watch<'_>, limit: usize) -> Vec<Violation> {
        if let Err(refused) = prolog::check(body) {
            return vec![Violation::at(refused.message, body, refused.offset)];
        }
        let idle = self.idle.lock().pop();
        let Ok(mut compiled) = idle.map_or_else(|| self.source.compile(), Ok) else {
            return vec![Violation::whole("The schema cannot be compiled.")];
        };
        let found = compiled.judge(body, watch, limit);
        compiled.read = compiled.read.saturating_add(body.len());
        let mut kept = self.idle.lock();
        if compiled.read < MAX_READ && kept.len() < MAX_KEPT {
            kept.push(compiled);
        }
        found
    }
}

impl Source {
    fn compile(&self) -> Result<Compiled, String> {
        let failed = |error: SchemaError| shown(&error.to_string());
        let loader = Loader { schemas: self.schemas.clone() };
        let mut builder = SchemaSetBuilder::with_loader(Box::new(loader));
        for name in &self.names {
            let text = self.schemas.get(name).map(String::as_str).unwrap_or_default();
            builder = builder.add_source(text, &format!("/schemas/{name}")).map_err(failed)?;
        }
        if let Some(bodies) = self.envelopes {
            for (text, uri) in envelope::SCHEMAS {
                let text = match bodies {
                    Bodies::One => Cow::Borrowed(text),
                    Bodies::Any => Cow::Owned(envelope::with_any_number(text)),
                };
                builder = builder.add_source(&text, uri).map_err(failed)?;
            }
        }
        let compiled = builder.compile().map_err(failed)?;
        if let Some(failure) = compiled.directive_failures().first() {
            return Err(shown(&format!("a schema that it includes or imports cannot be had: {failure}")));
        }
        Ok(Compiled { set: compiled.into_schema_set(), read: 0 })
    }
}

impl Compiled {
    fn judge(&self, body: &[u8], mut watch: Watch<'_>, limit: usize) -> Vec<Violation> {
        let validator = SchemaValidator::new(&self.set, ValidationFlags::empty());
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        let sink = CollectingValidationSink { errors: &mut errors, warnings: &mut warnings };
        let mut runtime = validator.start_run(sink);
        runtime.set_parse_limits(
            ParseLimits::none()
                .with_max_depth(MAX_DEPTH)
                .with_max_nodes(MAX_NODES)
                .with_max_attributes(MAX_ATTRIBUTES)
                .with_max_namespace_declarations(MAX_ATTRIBUTES)
                .with_max_namespaces_in_scope(MAX_ATTRIBUTES)
                .with_max_name_bytes(MAX_NAME)
                .with_max_namespace_uri_bytes(MAX_NAME),
        );
        let outcome = drive_quick_xml_with(body, &mut runtime, &self.set, &mut watch);
        drop(runtime);
        // Places are looked up in documents that are well-formed and within the bounds.
        let tree = if outcome.is_ok() && !errors.is_empty() { place::tree(body) } else { None };
        let mut found: Vec<Violation> = Vec::new();
        if let Some(fault) = watch.fault.take().or_else(|| watch.missing().filter(|_| outcome.is_ok())) {
            found.push(Violation::whole(fault));
        }
        for error in errors.iter().take(limit) {
            let pointer = error.instance_path().map(ToString::to_string).unwrap_or_default();
            let place = tree.as_ref().map(|tree| place::of(tree, &pointer));
            found.push(Violation { message: sentence(&error.message), pointer, place, is_undeclared: false });
        }
        match outcome {
            Ok(outcome) => {
                if found.is_empty() && outcome.root_validity != Some(SchemaValidity::Valid) {
                    found.push(Violation::whole("The document does not conform to its schema."));
                }
            }
            Err(DriveWithError::Hook(())) => {}
            Err(error) => found.push(Violation::whole(sentence(&error.to_string()))),
        }
        found.truncate(limit);
        found
    }
}

/// Looks at the names of elements on their way into the validator.
#[derive(Default)]
struct Watch<'w> {
    soap: Option<(SoapVersion, Sender)>,
    /// The elements that the body must hold, where an operation says them.
    expected: Option<&'w [ElementName]>,
    depth: usize,
    /// Whether the element around is the body.
    is_body: bool,
    /// How many elements of the body have been seen.
    seen: usize,
    is_fault: bool,
    fault: Option<String>,
}

impl Watch<'_> {
    /// What is wrong with an element, by its name and its place.
    fn look(&mut self, namespace: &str, name: &str) -> Option<String> {
        let (version, sender) = self.soap?;
        let is_of_soap = namespace == version.namespace();
        match self.depth {
            1 if !is_of_soap || name != "Envelope" => {
                let message =
                    "The document is no envelope of the version of SOAP that its content type says.";
                Some(message.to_owned())
            }
            2 => {
                self.is_body = is_of_soap && name == "Body";
                None
            }
            3 if is_of_soap && name == "Fault" && sender == Sender::Client => {
                Some("A request must not be a fault.".to_owned())
            }
            3 if self.is_body => {
                let expected = self.expected?;
                let position = self.seen;
                self.seen += 1;
                if is_of_soap && name == "Fault" && position == 0 {
                    self.is_fault = true;
                    return None;
                }
                match expected.get(position) {
                    _ if self.is_fault => Some("Nothing may follow a fault.".to_owned()),
                    Some(wanted) if wanted.is(namespace, name) => None,
                    Some(wanted) => Some(format!("The body must hold the element '{wanted}'.")),
                    None => Some("The body holds more elements than the operation has.".to_owned()),
                }
            }
            _ => None,
        }
    }

    /// What a body that has been read to its end lacks.
    fn missing(&self) -> Option<String> {
        let wanted = self.expected?.get(self.seen).filter(|_| !self.is_fault)?;
        Some(format!("The body lacks the element '{wanted}'."))
    }
}

impl ValidationEventHandler for Watch<'_> {
    type Error = ();

    fn before_element(&mut self, view: ElementStartView<'_>) -> Result<(), ()> {
        self.depth += 1;
        self.fault = self.look(view.namespace_uri, view.local_name);
        if self.fault.is_some() { Err(()) } else { Ok(()) }
    }

    fn after_end_element(&mut self, _info: &EndElementInfo, _depth: usize) -> Result<(), ()> {
        self.depth = self.depth.saturating_sub(1);
        Ok(())
    }
}

/// Gives schemas of the instance and nothing else.
#[derive(Debug)]
struct Loader {
    schemas: HashMap<String, String>,
}

impl SchemaLoader for Loader {
    fn load(&self, location: &str) -> SchemaResult<String> {
        let name = location.rsplit_once("/schemas/").map_or(location, |(_, name)| name);
        self.schemas.get(name).cloned().ok_or_else(|| SchemaError::ResolutionError {
            message: format!("there is no schema `{name}` among those of the instance"),
        })
    }

    fn can_load(&self, _location: &str) -> bool {
        true
    }
}

/// A message of the validator as a sentence of bounded length.
fn sentence(message: &str) -> String {
    let mut text = shown(message);
    if !text.ends_with(['.', '…']) {
        text.push('.');
    }
    text
}

fn shown(text: &str) -> String {
    match text.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests;
