//! The messages of a service: one set of schemas for all of its operations.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use quick_xml::NsReader;
use quick_xml::events::Event;
use quick_xml::name::ResolveResult;

use super::{Bodies, Sender, SoapVersion, Source, Watch, XmlSchema, prolog};
use crate::schema::Violation;

/// The name of an element: its namespace and its local name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ElementName {
    /// The namespace; empty for none.
    pub namespace: String,
    /// The local name.
    pub name: String,
}

impl ElementName {
    pub(super) fn is(&self, namespace: &str, name: &str) -> bool {
        self.name == name && self.namespace == namespace
    }
}

impl fmt::Display for ElementName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.namespace.is_empty() {
            f.write_str(&self.name)
        } else {
            write!(f, "{{{}}}{}", self.namespace, self.name)
        }
    }
}

/// The first element in the body of an envelope, of either version of SOAP; `None` where there is none, or where what
/// comes before it is not well-formed.
pub fn body_element(envelope: &[u8]) -> Option<ElementName> {
    prolog::check(envelope).ok()?;
    let text = std::str::from_utf8(envelope).ok()?;
    let mut reader = NsReader::from_str(text);
    let mut depth = 0_usize;
    let mut version = None;
    let mut is_body = false;
    loop {
        let (namespace, event) = reader.read_resolved_event().ok()?;
        let (tag, is_empty) = match event {
            Event::Start(tag) => (tag, false),
            Event::Empty(tag) => (tag, true),
            Event::End(_) => {
                depth = depth.checked_sub(1)?;
                continue;
            }
            Event::Eof => return None,
            _ => continue,
        };
        let namespace = match namespace {
            ResolveResult::Bound(namespace) => std::str::from_utf8(namespace.into_inner()).ok()?.to_owned(),
            ResolveResult::Unbound => String::new(),
            ResolveResult::Unknown(_) => return None,
        };
        let name = std::str::from_utf8(tag.local_name().into_inner()).ok()?.to_owned();
        match depth {
            0 => {
                version = [SoapVersion::V11, SoapVersion::V12]
                    .into_iter()
                    .find(|version| name == "Envelope" && version.namespace() == namespace);
                version?;
            }
            1 => is_body = name == "Body" && version.is_some_and(|version| version.namespace() == namespace),
            2 if is_body => return Some(ElementName { namespace, name }),
            _ => {}
        }
        if !is_empty {
            depth += 1;
        }
    }
}

/// The schemas of a service.
#[derive(Debug)]
pub struct SoapService {
    schema: XmlSchema,
    broken: Vec<(String, String)>,
}

impl SoapService {
    /// Compiles the schemas of a service, which refer to one another by namespace or as `/schemas/name`. One that cannot be
    /// used is left out.
    ///
    /// # Errors
    /// Why nothing can be compiled at all.
    pub fn compile(schemas: &[(String, String)]) -> Result<Self, String> {
        for (_, text) in schemas {
            prolog::check(text.as_bytes()).map_err(|refused| refused.message.to_owned())?;
        }
        let texts: HashMap<String, String> = schemas.iter().cloned().collect();
        let of = |names: Vec<String>| {
            let schemas = texts.clone();
            XmlSchema::of(Source { names, schemas, envelopes: Some(Bodies::Any) })
        };
        let all: Vec<String> = schemas.iter().map(|(name, _)| name.clone()).collect();
        if let Ok(schema) = of(all.clone()) {
            return Ok(Self { schema, broken: Vec::new() });
        }
        // One after the other, so that those which are broken are known; what needs a later one gets its turn again.
        let mut good: Vec<String> = Vec::new();
        let mut waiting = all;
        let mut broken;
        loop {
            let before = waiting.len();
            let mut left = Vec::new();
            broken = Vec::new();
            for name in waiting {
                let mut tried = good.clone();
                tried.push(name.clone());
                match of(tried.clone()) {
                    Ok(_) => good = tried,
                    Err(why) => {
                        broken.push((name.clone(), why));
                        left.push(name);
                    }
                }
            }
            if left.is_empty() || left.len() == before {
                break;
            }
            waiting = left;
        }
        Ok(Self { schema: of(good)?, broken })
    }

    /// The schemas that cannot be used, and why.
    pub fn broken(&self) -> &[(String, String)] {
        &self.broken
    }
}

/// What an operation says of its messages.
#[derive(Debug)]
pub struct SoapOperation {
    /// Its service.
    pub service: Arc<SoapService>,
    /// The elements of its requests, or why they are not known.
    pub request: Result<Vec<ElementName>, String>,
    /// The elements of its answers, or why they are not known; nothing where it does not answer.
    pub response: Result<Vec<ElementName>, String>,
}

impl SoapOperation {
    /// What is wrong with a message, `limit` of it at the most.
    ///
    /// # Errors
    /// Why it cannot be judged.
    pub fn judge(
        &self,
        body: &[u8],
        version: SoapVersion,
        sender: Sender,
        limit: usize,
    ) -> Result<Vec<Violation>, &str> {
        let expected = match sender {
            Sender::Client => &self.request,
            Sender::Backend => &self.response,
        };
        let expected = expected.as_ref().map_err(String::as_str)?;
        let watch = Watch { soap: Some((version, sender)), expected: Some(expected), ..Watch::default() };
        Ok(self.service.schema.judge(body, watch, limit))
    }
}
