//! Schemas that policies validate bodies against, beside those of definitions.

use std::collections::BTreeMap;

use super::layout;
use super::resource::Resource;
use crate::Location;
use crate::resources::{Schema, SchemaText};

/// Reads the schemas of a scope.
pub(super) fn read(scope: &Resource<'_>) -> BTreeMap<String, Schema> {
    scope
        .children(&layout::SCHEMAS)
        .filter_map(|resource| schema(&resource))
        .map(|schema| (schema.name.clone(), schema))
        .collect()
}

fn schema(resource: &Resource<'_>) -> Option<Schema> {
    let context = resource.context;
    let text = resource.read(|fields| {
        fields.ignore(&["description", "provisioningState"]);
        let kinds = [("json", true), ("xml", false)];
        let is_json = fields.choice(context, "schemaType", &kinds).map(|kind| kind.value);
        let value = fields.string(context, "value");
        let document = fields.object(context, "document");
        let Some(is_json) = is_json else {
            fields.missing(context, "schemaType");
            return None;
        };
        match (is_json, value, document) {
            (true, None, Some(document)) => Some(SchemaText::Json(document.to_json(context))),
            (true, Some(value), None) => match serde_json::from_str(&value.value) {
                Ok(json) => Some(SchemaText::Json(json)),
                Err(error) => {
                    let message = format!("the schema is no JSON: {error}");
                    resource.error("syntax", value.location, message);
                    None
                }
            },
            (false, Some(value), None) => Some(SchemaText::Xml(value.value)),
            (_, Some(_), Some(_)) => {
                let message = "the schema has both a `value` and a `document`";
                resource.error_with_fix(
                    "bad-schema",
                    fields.location_of("value"),
                    message,
                    "keep one of them",
                );
                None
            }
            (false, None, Some(_)) => {
                let message = "a schema of XML stands in `value`";
                resource.error("bad-schema", fields.location_of("document"), message);
                None
            }
            (_, None, None) => {
                fields.missing(context, if is_json { "document" } else { "value" });
                None
            }
        }
    })?;
    let location: Location = resource.location();
    Some(Schema { name: resource.entry.name.clone(), text, location })
}
