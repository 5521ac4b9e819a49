//! A definition in one file, as a folder of artifacts holds it: what imports brought in has become a part of it, and
//! messages of rpc operations are written as the elements that they are in the body.

use std::fmt::Write as _;

use roxmltree::Document;

use super::{Contents, SOAP_11, Wsdl, XSD, attribute};
use crate::resources::QName;

/// Writes the definition of a service.
pub(crate) fn single_file(wsdl: &Wsdl) -> String {
    let mut text = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<wsdl:definitions xmlns:wsdl=\"http://schemas.xmlsoap.org/wsdl/\" xmlns:soap=\"{SOAP_11}\" xmlns:xs=\"{XSD}\" xmlns:tns=\"{0}\" targetNamespace=\"{0}\">\n<wsdl:types>\n",
        attribute(&wsdl.namespace)
    );
    for schema in inlined(&wsdl.schemas) {
        text.push_str(schema.trim());
        text.push('\n');
    }
    text.push_str("</wsdl:types>\n");
    for (number, operation) in wsdl.operations.iter().enumerate() {
        message(&mut text, &format!("request{number}"), &operation.request);
        if let Some(response) = &operation.response {
            message(&mut text, &format!("response{number}"), response);
        }
    }
    text.push_str("<wsdl:portType name=\"PortType\">\n");
    for (number, operation) in wsdl.operations.iter().enumerate() {
        let _ = write!(text, "<wsdl:operation name=\"{}\">", attribute(&operation.name));
        if let Some(documentation) = &operation.documentation {
            let _ = write!(text, "<wsdl:documentation>{}</wsdl:documentation>", attribute(documentation));
        }
        let _ = write!(text, "<wsdl:input message=\"tns:request{number}\" />");
        if operation.response.is_some() {
            let _ = write!(text, "<wsdl:output message=\"tns:response{number}\" />");
        }
        text.push_str("</wsdl:operation>\n");
    }
    text.push_str("</wsdl:portType>\n<wsdl:binding name=\"Binding\" type=\"tns:PortType\">\n<soap:binding style=\"document\" transport=\"http://schemas.xmlsoap.org/soap/http\" />\n");
    for operation in &wsdl.operations {
        let _ = write!(
            text,
            "<wsdl:operation name=\"{}\"><soap:operation soapAction=\"{}\" /><wsdl:input><soap:body use=\"literal\" /></wsdl:input>",
            attribute(&operation.name),
            attribute(&operation.action)
        );
        if operation.response.is_some() {
            text.push_str("<wsdl:output><soap:body use=\"literal\" /></wsdl:output>");
        }
        text.push_str("</wsdl:operation>\n");
    }
    let name = wsdl.name.as_deref().unwrap_or("Service");
    let _ = writeln!(text, "</wsdl:binding>\n<wsdl:service name=\"{}\">", attribute(name));
    if let Some(documentation) = &wsdl.documentation {
        let _ = writeln!(text, "<wsdl:documentation>{}</wsdl:documentation>", attribute(documentation));
    }
    text.push_str("<wsdl:port name=\"Port\" binding=\"tns:Binding\">");
    if let Some(address) = wsdl.addresses.first() {
        let _ = write!(text, "<soap:address location=\"{}\" />", attribute(&address.value));
    }
    text.push_str("</wsdl:port>\n</wsdl:service>\n</wsdl:definitions>\n");
    text
}

fn message(text: &mut String, name: &str, contents: &Contents) {
    let _ = write!(text, "<wsdl:message name=\"{name}\">");
    match contents {
        Contents::Elements(elements) => {
            for (number, QName { namespace, name }) in elements.iter().enumerate() {
                let _ = write!(
                    text,
                    "<wsdl:part name=\"part{number}\" xmlns:p=\"{}\" element=\"p:{}\" />",
                    attribute(namespace),
                    attribute(name)
                );
            }
        }
        // A part that names no element is one of which nothing is known.
        Contents::Unknown(_) => text.push_str("<wsdl:part name=\"part0\" type=\"xs:anyType\" />"),
    }
    text.push_str("</wsdl:message>\n");
}

/// Schemas that stand beside one another need no locations: those of imports go, includes go altogether.
fn inlined(schemas: &[(String, String)]) -> Vec<String> {
    let mut texts = Vec::new();
    for (name, text) in schemas {
        let Ok(document) = Document::parse(text) else { continue };
        let root = document.root_element();
        let without = without_locations(text, &document);
        if root.attribute("targetNamespace").is_some() {
            texts.push(without);
            continue;
        }
        // A schema without a namespace takes that of each schema that includes it.
        let mut owners: Vec<&str> = schemas
            .iter()
            .filter_map(|(_, other)| includes(other, name).then_some(other))
            .filter_map(|other| target(other))
            .collect();
        owners.sort_unstable();
        owners.dedup();
        for owner in &owners {
            let own = if root.default_namespace().is_some() {
                String::new()
            } else {
                format!(" xmlns=\"{}\"", attribute(owner))
            };
            let length = tag_name_length(&without);
            let (start, rest) = without.split_at(length);
            texts.push(format!("{start} targetNamespace=\"{}\"{own}{rest}", attribute(owner)));
        }
        if owners.is_empty() {
            texts.push(without);
        }
    }
    texts
}

/// How long the beginning of the start tag is, up to the end of its name.
fn tag_name_length(text: &str) -> usize {
    text.find(|character: char| character.is_ascii_whitespace() || matches!(character, '>' | '/'))
        .unwrap_or(text.len())
}

fn includes(schema: &str, name: &str) -> bool {
    let location = format!("/schemas/{name}");
    Document::parse(schema).is_ok_and(|document| {
        document.root_element().children().any(|child| {
            child.has_tag_name((XSD, "include")) && child.attribute("schemaLocation") == Some(&location)
        })
    })
}

fn target(schema: &str) -> Option<&str> {
    let document = Document::parse(schema).ok()?;
    let range = document
        .root_element()
        .attributes()
        .find(|attribute| attribute.name() == "targetNamespace")?
        .range_value();
    schema.get(range)
}

fn without_locations(text: &str, document: &Document<'_>) -> String {
    let mut removed = Vec::new();
    for child in document.root_element().children() {
        if child.has_tag_name((XSD, "include")) {
            removed.push(child.range());
        } else if child.has_tag_name((XSD, "import")) {
            let location = child.attributes().find(|attribute| attribute.name() == "schemaLocation");
            removed.extend(location.map(|location| location.range()));
        }
    }
    removed.sort_by_key(|range| std::cmp::Reverse(range.start));
    // Files begin with what cannot stand within another document.
    let root = document.root_element().range();
    let mut out = text.to_owned();
    for range in removed {
        out.replace_range(range, "");
    }
    out.get(root.start..).unwrap_or_default().to_owned()
}
