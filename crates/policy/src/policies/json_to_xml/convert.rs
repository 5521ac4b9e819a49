//! JSON as XML.
//!
//! A property is an element; an array is an element for each item, and one without items an empty element; null is
//! an empty element with `xsi:nil`. Properties that begin with `@` are attributes, `#text` is text and `#cdata-section`
//! a CDATA section, as Newtonsoft's converter writes them. An object with more than one property, or anything else that
//! does not give one element, stands in an element `Document`, as Azure API Management does it.

use std::collections::{HashMap, HashSet};

use serde_json::{Map, Number, Value};

use super::dates::{date, float};
use super::names::{encoded, is_name};

/// The attributes of the policy.
#[derive(Clone, Copy, Debug)]
pub(super) struct Options<'o> {
    /// What stands between a namespace's prefix and a name, besides the colon.
    pub(super) separator: &'o str,
    /// What properties begin with that declare namespaces, besides `@xmlns`.
    pub(super) prefix: Option<&'o str>,
    /// The property whose properties are attributes.
    pub(super) attribute_block: Option<&'o str>,
    /// Whether dates are written as .NET writes them.
    pub(super) parses_dates: bool,
}

/// Why JSON has no XML.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unfit {
    /// XML has no such character, not even as a reference.
    #[error("The body holds the character U+{:04X}, which cannot stand in XML.", *.0 as u32)]
    Character(char),
    /// An element has a name.
    #[error("The body holds a property with an empty name.")]
    EmptyName,
}

const ROOT: &str = "Document";
const NIL: [(&str, &str); 2] =
    [("xsi:nil", "true"), ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance")];

/// Converts a value.
pub(super) fn to_xml(json: &Value, options: &Options<'_>) -> Result<String, Unfit> {
    let mut writer = Writer { options, out: String::new(), prefixes: Prefixes::default() };
    let root = match json {
        Value::Object(map) if map.len() == 1 => map.iter().next().filter(|(name, value)| {
            !value.is_array()
                && !options.is_attribute(name, value)
                && !is_text(name)
                && !name.starts_with('?')
        }),
        _ => None,
    };
    match (root, json) {
        (Some((name, value)), _) => writer.element(name, value)?,
        (None, Value::Array(items)) => {
            writer.out.push_str("<Document>");
            writer.items(ROOT, items)?;
            writer.out.push_str("</Document>");
        }
        (None, _) => writer.element(ROOT, json)?,
    }
    Ok(writer.out)
}

fn is_text(name: &str) -> bool {
    matches!(name, "#text" | "#cdata-section")
}

struct Writer<'o> {
    options: &'o Options<'o>,
    out: String,
    prefixes: Prefixes,
}

/// The prefixes that the elements around declare. Looked up by name: a body may declare very many.
#[derive(Default)]
struct Prefixes {
    declared: Vec<String>,
    counts: HashMap<String, usize>,
}

impl Prefixes {
    fn declare(&mut self, prefix: &str) {
        *self.counts.entry(prefix.to_owned()).or_default() += 1;
        self.declared.push(prefix.to_owned());
    }

    fn has(&self, prefix: &str) -> bool {
        self.counts.contains_key(prefix)
    }

    /// Forgets what was declared since there were so many.
    fn forget(&mut self, length: usize) {
        for prefix in self.declared.drain(length..) {
            match self.counts.get_mut(&prefix) {
                Some(count) if *count > 1 => *count -= 1,
                _ => drop(self.counts.remove(&prefix)),
            }
        }
    }
}

/// The attributes of an element. It has each once: the first counts.
#[derive(Default)]
struct Attributes {
    names: HashSet<String>,
    all: Vec<(String, String)>,
}

impl Attributes {
    fn add(&mut self, name: String, value: String) {
        if self.names.insert(name.clone()) {
            self.all.push((name, value));
        }
    }
}

impl Options<'_> {
    /// The prefix that a property declares: empty for the default namespace.
    fn declared<'n>(&self, name: &'n str, value: &Value) -> Option<&'n str> {
        if value.is_object() || value.is_array() {
            return None;
        }
        let rest = match self.prefix.and_then(|prefix| name.strip_prefix(prefix)) {
            Some(rest) => rest,
            None => name.strip_prefix("@xmlns")?,
        };
        if rest.is_empty() {
            return Some("");
        }
        let prefix = rest.strip_prefix(self.separator).or_else(|| rest.strip_prefix(':'))?;
        (is_name(prefix) && prefix != "xmlns" && prefix != "xml").then_some(prefix)
    }

    /// Whether a property is no element: a declaration, an attribute, or the block of attributes.
    fn is_attribute(&self, name: &str, value: &Value) -> bool {
        if value.is_object() {
            return self.attribute_block == Some(name);
        }
        let is_plain = name.len() > 1 && name.starts_with('@');
        !value.is_array() && (is_plain || self.declared(name, value).is_some())
    }
}

impl Writer<'_> {
    fn property(&mut self, name: &str, value: &Value) -> Result<(), Unfit> {
        match value {
            Value::Array(items) if !items.is_empty() => self.items(name, items),
            _ => self.element(name, value),
        }
    }

    /// An element for each item; items that are arrays stand in one more.
    fn items(&mut self, name: &str, items: &[Value]) -> Result<(), Unfit> {
        for item in items {
            match item {
                Value::Array(inner) if !inner.is_empty() => {
                    let tag = self.qualified(name)?;
                    self.out.extend(["<", &tag, ">"]);
                    self.items(name, inner)?;
                    self.out.extend(["</", &tag, ">"]);
                }
                item => self.element(name, item)?,
            }
        }
        Ok(())
    }

    fn element(&mut self, name: &str, value: &Value) -> Result<(), Unfit> {
        let outer = self.prefixes.declared.len();
        let mut attributes = Attributes::default();
        if let Value::Object(map) = value {
            // Namespaces come first: the element's own name may use them.
            self.declare(map, &mut attributes);
            self.attributes(map, &mut attributes)?;
        }
        if value.is_null() {
            attributes.all.extend(NIL.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        let tag = self.qualified(name)?;
        self.out.extend(["<", &tag]);
        for (name, value) in &attributes.all {
            self.out.extend([" ", name, "=\""]);
            self.escaped(value, true)?;
            self.out.push('"');
        }
        self.out.push('>');
        let start = self.out.len();
        match value {
            Value::Object(map) => self.content(map)?,
            Value::Null | Value::Array(_) => {}
            scalar => self.escaped(&self.text(scalar), false)?,
        }
        if self.out.len() == start {
            self.out.truncate(start - 1);
            self.out.push_str(" />");
        } else {
            self.out.extend(["</", &tag, ">"]);
        }
        self.prefixes.forget(outer);
        Ok(())
    }

    fn content(&mut self, map: &Map<String, Value>) -> Result<(), Unfit> {
        for (name, value) in map {
            if self.options.is_attribute(name, value) {
                continue;
            }
            match (name.as_str(), value) {
                ("#text" | "#cdata-section", Value::Array(items)) => {
                    for item in items {
                        self.character_data(name, item)?;
                    }
                }
                ("#text" | "#cdata-section", _) => self.character_data(name, value)?,
                _ => self.property(name, value)?,
            }
        }
        Ok(())
    }

    fn character_data(&mut self, name: &str, value: &Value) -> Result<(), Unfit> {
        let text = self.text(value);
        if name == "#text" {
            return self.escaped(&text, false);
        }
        check(&text)?;
        self.out.extend(["<![CDATA[", &text.replace("]]>", "]]]]><![CDATA[>"), "]]>"]);
        Ok(())
    }

    fn declare(&mut self, map: &Map<String, Value>, attributes: &mut Attributes) {
        for (name, value) in map {
            let Some(prefix) = self.options.declared(name, value) else { continue };
            let uri = self.text(value);
            if prefix.is_empty() {
                attributes.add("xmlns".to_owned(), uri);
            } else if !uri.is_empty() {
                attributes.add(format!("xmlns:{prefix}"), uri);
                self.prefixes.declare(prefix);
            }
        }
    }

    fn attributes(&mut self, map: &Map<String, Value>, attributes: &mut Attributes) -> Result<(), Unfit> {
        for (name, value) in map {
            if self.options.attribute_block == Some(name)
                && let Value::Object(block) = value
            {
                for (name, value) in block {
                    attributes.add(self.qualified(name)?, self.text(value));
                }
            } else if let Some(plain) = name.strip_prefix('@')
                && self.options.is_attribute(name, value)
                && self.options.declared(name, value).is_none()
            {
                attributes.add(self.qualified(plain)?, self.text(value));
            }
        }
        Ok(())
    }

    /// A name as XML writes it: with a prefix where that is declared, and what no name can hold encoded.
    fn qualified(&self, name: &str) -> Result<String, Unfit> {
        for separator in [self.options.separator, ":"] {
            if let Some((prefix, local)) = name.split_once(separator)
                && !local.is_empty()
                && (prefix == "xml" || self.prefixes.has(prefix))
            {
                return Ok(format!("{prefix}:{}", encoded(local)));
            }
        }
        if name.is_empty() { Err(Unfit::EmptyName) } else { Ok(encoded(name)) }
    }

    /// The text of a value that is neither object nor array; those have none here.
    fn text(&self, value: &Value) -> String {
        match value {
            Value::Null => String::new(),
            Value::Bool(value) => value.to_string(),
            Value::Number(number) => number_text(number),
            Value::String(text) if self.options.parses_dates => date(text).unwrap_or_else(|| text.clone()),
            Value::String(text) => text.clone(),
            Value::Array(_) | Value::Object(_) => value.to_string(),
        }
    }

    fn escaped(&mut self, text: &str, in_attribute: bool) -> Result<(), Unfit> {
        check(text)?;
        for c in text.chars() {
            match c {
                '&' => self.out.push_str("&amp;"),
                '<' => self.out.push_str("&lt;"),
                '>' => self.out.push_str("&gt;"),
                '"' if in_attribute => self.out.push_str("&quot;"),
                '\n' if in_attribute => self.out.push_str("&#xA;"),
                '\t' if in_attribute => self.out.push_str("&#x9;"),
                '\r' => self.out.push_str("&#xD;"),
                c => self.out.push(c),
            }
        }
        Ok(())
    }
}

/// The characters of XML 1.0, section 2.2.
fn check(text: &str) -> Result<(), Unfit> {
    let is_unfit = |c: &char| match *c {
        '\t' | '\n' | '\r' => false,
        c => c < ' ' || matches!(c, '\u{FFFE}' | '\u{FFFF}'),
    };
    text.chars().find(is_unfit).map_or(Ok(()), |c| Err(Unfit::Character(c)))
}

fn number_text(number: &Number) -> String {
    match number.as_f64() {
        Some(value) if number.is_f64() => float(value),
        _ => number.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const PLAIN: Options<'_> =
        Options { separator: "_", prefix: None, attribute_block: None, parses_dates: true };
    const SOAP: Options<'_> = Options {
        separator: ":",
        prefix: Some("xmlns"),
        attribute_block: Some("#attrs"),
        parses_dates: false,
    };

    fn xml(json: &Value) -> String {
        to_xml(json, &PLAIN).unwrap()
    }

    #[test]
    fn many_attributes_and_prefixes_cost_what_they_are_many() {
        let mut map = Map::new();
        for n in 0..50_000 {
            map.insert(format!("@a{n}"), json!(n));
            map.insert(format!("@xmlns:p{n}"), json!("u"));
            map.insert(format!("q{n}:e"), json!(n));
        }
        let started = std::time::Instant::now();
        let json = json!({ "r": map });
        let xml = to_xml(&json, &SOAP).unwrap();
        assert!(xml.contains(" a49999=\"49999\"") && xml.contains(" xmlns:p49999=\"u\""));
        assert!(started.elapsed() < std::time::Duration::from_secs(10), "it took {:?}", started.elapsed());
    }

    #[test]
    fn a_prefix_counts_within_the_element_that_declares_it() {
        let json = json!({ "r": { "i": { "@xmlns:p": "u", "j": { "@xmlns:p": "v", "p:a": 1 }, "p:b": 2 }, "p:c": 3 } });
        assert_eq!(
            to_xml(&json, &SOAP).unwrap(),
            "<r><i xmlns:p=\"u\"><j xmlns:p=\"v\"><p:a>1</p:a></j><p:b>2</p:b></i><p_x003A_c>3</p_x003A_c></r>"
        );
    }

    #[test]
    fn the_example_of_the_documentation() {
        let json = json!({
            "soapenv:Envelope": {
                "xmlns:soapenv": "http://schemas.xmlsoap.org/soap/envelope/",
                "xmlns:v1": "http://localdomain.com/core/v1",
                "soapenv:Header": {},
                "soapenv:Body": {
                    "v1:QueryList": { "#attrs": { "queryName": "test" }, "v1:QueryItem": { "name": "dummy text" } }
                }
            }
        });
        assert_eq!(
            to_xml(&json, &SOAP).unwrap(),
            "<soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\" \
             xmlns:v1=\"http://localdomain.com/core/v1\"><soapenv:Header /><soapenv:Body>\
             <v1:QueryList queryName=\"test\"><v1:QueryItem><name>dummy text</name></v1:QueryItem></v1:QueryList>\
             </soapenv:Body></soapenv:Envelope>"
        );
    }

    #[test]
    fn several_properties_stand_in_a_document() {
        let json = json!({ "first": "J", "alive": true, "age": 25, "phones": [{"n": 1}, {"n": 2}], "children": [], "spouse": null });
        assert_eq!(
            xml(&json),
            "<Document><first>J</first><alive>true</alive><age>25</age><phones><n>1</n></phones>\
             <phones><n>2</n></phones><children /><spouse xsi:nil=\"true\" \
             xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" /></Document>"
        );
    }

    #[test]
    fn roots_that_are_not_one_element() {
        assert_eq!(xml(&json!({ "a": [1, 2] })), "<Document><a>1</a><a>2</a></Document>");
        assert_eq!(
            xml(&json!([1, [2]])),
            "<Document><Document>1</Document><Document><Document>2</Document></Document></Document>"
        );
        assert_eq!(xml(&json!("x")), "<Document>x</Document>");
        assert_eq!(xml(&json!({})), "<Document />");
        assert_eq!(xml(&json!({ "@a": 1 })), "<Document a=\"1\" />");
    }

    #[test]
    fn attributes_texts_and_sections() {
        let json =
            json!({ "a": { "@id": 7, "@n": null, "#text": "x<y", "b": { "#cdata-section": "1]]>2" } } });
        assert_eq!(xml(&json), "<a id=\"7\" n=\"\">x&lt;y<b><![CDATA[1]]]]><![CDATA[>2]]></b></a>");
        assert_eq!(xml(&json!({ "a": { "@q": "\"\n<" } })), "<a q=\"&quot;&#xA;&lt;\" />");
    }

    #[test]
    fn arrays_in_arrays_nest() {
        assert_eq!(
            xml(&json!({ "r": { "a": [[1, 2], [3]] } })),
            "<r><a><a>1</a><a>2</a></a><a><a>3</a></a></r>"
        );
    }

    #[test]
    fn prefixes_count_only_where_they_are_declared() {
        assert_eq!(
            xml(&json!({ "a_b": { "@xmlns:a": "urn:a", "a_c": 1, "x_y": 2, "p:q": 3 } })),
            "<a:b xmlns:a=\"urn:a\"><a:c>1</a:c><x_y>2</x_y><p_x003A_q>3</p_x003A_q></a:b>"
        );
        assert_eq!(xml(&json!({ "a": { "@xmlns": "urn:d", "b": {} } })), "<a xmlns=\"urn:d\"><b /></a>");
    }

    #[test]
    fn names_are_encoded_and_never_markup() {
        assert_eq!(
            xml(&json!({ "a b": { "<x>": 1, "1": 2 } })),
            "<a_x0020_b><_x003C_x_x003E_>1</_x003C_x_x003E_><_x0031_>2</_x0031_></a_x0020_b>"
        );
        assert_eq!(to_xml(&json!({ "a": { "": 1 } }), &PLAIN), Err(Unfit::EmptyName));
        assert_eq!(to_xml(&json!({ "a": "\u{1}" }), &PLAIN), Err(Unfit::Character('\u{1}')));
        assert_eq!(
            Unfit::Character('\u{1}').to_string(),
            "The body holds the character U+0001, which cannot stand in XML."
        );
    }

    /// Names, texts and structure that try to break out.
    fn hostile(random: &mut u64, depth: u32) -> Value {
        const NAMES: [&str; 18] = [
            "a",
            "p:a",
            "p_a",
            "@b",
            "@p:c",
            "@xmlns:p",
            "@xmlns",
            "xmlns:q",
            "q:a",
            "#text",
            "#cdata-section",
            "#attrs",
            "<x/>",
            "a b",
            "?xml",
            "_x0041_",
            "\u{1F600}",
            "xmlns",
        ];
        const TEXTS: [&str; 8] =
            ["", "urn:x", "<&>\"'", "]]>", "a\r\n\tb", "\u{7}", "\u{FFFF}", "2020-01-01T00:00:00.10Z"];
        let mut next = |bound: usize| {
            *random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (*random >> 33) as usize % bound
        };
        let kind = if depth == 0 { next(4) } else { next(8) };
        match kind {
            0 => Value::Null,
            1 => json!(next(1000)),
            2 | 3 => json!(TEXTS[next(TEXTS.len())]),
            4 => {
                let length = next(4);
                (0..length).map(|_| hostile(random, depth - 1)).collect()
            }
            _ => {
                let names: Vec<&str> = (0..next(5)).map(|_| NAMES[next(NAMES.len())]).collect();
                let entry = |name: &str| (name.to_owned(), hostile(random, depth - 1));
                Value::Object(names.into_iter().map(entry).collect())
            }
        }
    }

    #[test]
    fn whatever_comes_is_well_formed_or_refused() {
        let mut random = 7;
        let mut sound = 0;
        for _ in 0..20_000 {
            let json = hostile(&mut random, 4);
            for options in [&PLAIN, &SOAP] {
                let Ok(xml) = to_xml(&json, options) else { continue };
                sound += 1;
                if let Err(error) = roxmltree::Document::parse(&xml) {
                    panic!("{error}\n{json}\n{xml}");
                }
            }
        }
        assert!(sound > 10_000, "{sound}");
    }
}
