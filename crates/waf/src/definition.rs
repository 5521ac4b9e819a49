//! What an API's definition says of the arguments of a request: the engine asks, the caller knows.

use std::fmt;

/// A step from a value of a JSON body to one inside it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'s> {
    /// To a member of an object.
    Member(&'s [u8]),
    /// To an element of an array.
    Element,
}

/// What a definition says of an argument.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Whether there may be an argument of this name.
    pub declared: bool,
    /// Whether the definition spells the whole name, so that nobody else chose it.
    pub spelled: bool,
    /// The word for why the value cannot carry an injection.
    pub proof: Option<&'static str>,
}

/// The definition of the operation that a request is for.
///
/// A proof must be a property of the text alone: nothing that a backend makes of it may be an injection. Rules that look for
/// injections then leave the value out.
pub trait Definition: fmt::Debug + Send + Sync {
    /// A parameter of the query, name and value decoded.
    fn query(&self, name: &[u8], value: &[u8]) -> Standing;
    /// A field of the header.
    fn header(&self, name: &[u8], value: &[u8]) -> Standing;
    /// A cookie.
    fn cookie(&self, name: &[u8], value: &[u8]) -> Standing;
    /// Bodies of a content type; `None` where there are none of it.
    fn body(&self, content_type: &[u8]) -> Option<Box<dyn BodyDefinition + '_>>;
}

/// What a definition says of the body of a request.
pub trait BodyDefinition {
    /// A field of a form, name and value decoded.
    fn field(&self, name: &[u8], value: &[u8]) -> Standing;
    /// A value inside a JSON body.
    fn leaf(&self, path: &mut dyn Iterator<Item = Step<'_>>, value: &[u8]) -> Standing;
}

/// What is known of an entry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Proven {
    pub(crate) name: bool,
    pub(crate) value: Option<&'static str>,
}

impl From<Standing> for Proven {
    fn from(standing: Standing) -> Self {
        Self { name: standing.spelled, value: standing.proof }
    }
}

/// Tags of rules that look for injections: those of the OWASP CRS and of the own rules. Rules on the protocol, on sizes and on
/// encodings look at every value.
const INJECTIONS: [&str; 22] = [
    "attack-fixation",
    "attack-generic",
    "attack-injection-generic",
    "attack-injection-java",
    "attack-injection-php",
    "attack-ldap",
    "attack-lfi",
    "attack-rce",
    "attack-rfi",
    "attack-sqli",
    "attack-ssrf",
    "attack-ssti",
    "attack-xss",
    "gatehouse/code",
    "gatehouse/java",
    "gatehouse/lfi",
    "gatehouse/nosqli",
    "gatehouse/php",
    "gatehouse/rce",
    "gatehouse/sqli",
    "gatehouse/ssrf",
    "gatehouse/xss",
];

/// Whether a rule with these tags looks for injections.
pub(crate) fn looks_for_injections(tags: &[Box<str>]) -> bool {
    tags.iter().any(|tag| INJECTIONS.contains(&&**tag))
}
