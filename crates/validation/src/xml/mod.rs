//! XML and SOAP bodies against XML schemas: no document type, no entities, nothing fetched, everything bounded.

mod envelope;
mod place;
mod prolog;

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
    name: String,
    schemas: HashMap<String, String>,
    /// Whether envelopes of SOAP are known.
    is_soap: bool,
}

struct Compiled {
    set: SchemaSet,
    /// How many bytes it has read.
    read: usize,
}

impl fmt::Debug for XmlSchema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("XmlSchema").field("name", &self.source.name).finish_non_exhaustive()
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
        let source = Source { name: name.to_owned(), schemas: schemas.clone(), is_soap: soap };
        let first = source.compile()?;
        Ok(Self { source, idle: Mutex::new(vec![first]) })
    }

    /// What is wrong with a document whose root is any element that the schema declares at its top, `limit` of it at
    /// the most.
    pub fn document(&self, body: &[u8], limit: usize) -> Vec<Violation> {
        self.judge(body, None, limit)
    }

    /// What is wrong with an envelope of SOAP and its body, `limit` of it at the most.
    pub fn envelope(
        &self,
        body: &[u8],
        version: SoapVersion,
        sender: Sender,
        limit: usize,
    ) -> Vec<Violation> {
        self.judge(body, Some((version, sender)), limit)
    }

    fn judge(&self, body: &[u8], soap: Option<(SoapVersion, Sender)>, limit: usize) -> Vec<Violation> {
        if let Err(refused) = prolog::check(body) {
            return vec![Violation::at(refused.message, body, refused.offset)];
        }
        let idle = self.idle.lock().pop();
        let Ok(mut compiled) = idle.map_or_else(|| self.source.compile(), Ok) else {
            return vec![Violation::whole("The schema cannot be compiled.")];
        };
        let found = compiled.judge(body, soap, limit);
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
        let text = self.schemas.get(&self.name).map(String::as_str).unwrap_or_default();
        builder = builder.add_source(text, &format!("/schemas/{}", self.name)).map_err(failed)?;
        if self.is_soap {
            for (text, uri) in envelope::SCHEMAS {
                builder = builder.add_source(text, uri).map_err(failed)?;
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
    fn judge(&self, body: &[u8], soap: Option<(SoapVersion, Sender)>, limit: usize) -> Vec<Violation> {
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
        let mut watch = Watch { soap, depth: 0, fault: None };
        let outcome = drive_quick_xml_with(body, &mut runtime, &self.set, &mut watch);
        drop(runtime);
        // Places are looked up in documents that are well-formed and within the bounds.
        let tree = if outcome.is_ok() && !errors.is_empty() { place::tree(body) } else { None };
        let mut found: Vec<Violation> = Vec::new();
        if let Some(fault) = watch.fault {
            found.push(Violation::whole(fault));
        }
        for error in errors.iter().take(limit) {
            let pointer = error.instance_path().map(ToString::to_string).unwrap_or_default();
            let place = tree.as_ref().map(|tree| place::of(tree, &pointer));
            found.push(Violation { message: sentence(&error.message), pointer, place });
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
struct Watch {
    soap: Option<(SoapVersion, Sender)>,
    depth: usize,
    fault: Option<&'static str>,
}

impl ValidationEventHandler for Watch {
    type Error = ();

    fn before_element(&mut self, view: ElementStartView<'_>) -> Result<(), ()> {
        self.depth += 1;
        let Some((version, sender)) = self.soap else { return Ok(()) };
        let is_of_soap = view.namespace_uri == version.namespace();
        let fault = match self.depth {
            1 if !is_of_soap || view.local_name != "Envelope" => {
                "The document is no envelope of the version of SOAP that its content type says."
            }
            3 if is_of_soap && view.local_name == "Fault" && sender == Sender::Client => {
                "A request must not be a fault."
            }
            _ => return Ok(()),
        };
        self.fault = Some(fault);
        Err(())
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
