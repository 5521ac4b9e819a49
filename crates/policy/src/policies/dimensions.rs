//! Names and dimensions of the metrics that policies emit.

use std::sync::Arc;

use gatehouse_model::Severity;
use smallvec::SmallVec;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::Text;
use crate::{BackendChoice, Exchange, Failure, World};

/// The dimensions of a metric.
#[derive(Debug)]
pub(super) struct Dimensions(Vec<Dimension>);

#[derive(Debug)]
struct Dimension {
    name: Name,
    value: Value,
}

#[derive(Debug)]
enum Name {
    Literal(Arc<str>),
    Computed(Text),
}

#[derive(Debug)]
enum Value {
    Of(Known),
    Given(Text),
    /// None is given, and the name is only known at run time, or stands for nothing known.
    OfName,
}

/// Dimensions whose values the gateway knows.
#[derive(Clone, Copy, Debug)]
enum Known {
    Api,
    Operation,
    Product,
    User,
    Subscription,
    Location,
    Gateway,
    Backend,
}

const KNOWN: &[(&str, Known)] = &[
    ("API ID", Known::Api),
    ("Operation ID", Known::Operation),
    ("Product ID", Known::Product),
    ("User ID", Known::User),
    ("Subscription ID", Known::Subscription),
    ("Location", Known::Location),
    ("Gateway ID", Known::Gateway),
    ("Backend ID", Known::Backend),
];

/// What stands for a value that there is not, such as the product of a request without one.
const NOTHING: &str = "";

/// Dimensions of one value: names as they stand in a metric.
pub(super) type Evaluated = SmallVec<[(Arc<str>, Arc<str>); 6]>;

impl Dimensions {
    /// Compiles the `dimension` elements; `most` of them may have values of their own.
    pub(super) fn compile(
        builder: &mut Builder<'_>,
        element: &Element,
        most: usize,
    ) -> Result<Self, Reported> {
        let mut dimensions: Vec<Dimension> = Vec::new();
        let mut own = 0;
        for child in element.elements_named("dimension") {
            builder.only(child, &["name", "value"], &[]);
            builder.no_text(child);
            let dimension = Self::one(builder, child);
            own += usize::from(matches!(dimension.value, Value::Given(_)));
            if own > most {
                let message = format!("`{}` has more than {most} dimensions of its own", element.name);
                let fix = "take some out; default dimensions such as `API ID` without a value do not count";
                return Err(builder.error_with_fix("too-many", &child.location, message, fix));
            }
            if let Name::Literal(name) = &dimension.name {
                let is_same =
                    |known: &Dimension| matches!(&known.name, Name::Literal(known) if known == name);
                if dimensions.iter().any(is_same) {
                    let message = format!("`{}` has two dimensions that are named `{name}`", element.name);
                    return Err(builder.error_with_fix(
                        "repeated-element",
                        &child.location,
                        message,
                        "keep one",
                    ));
                }
            }
            dimensions.push(dimension);
        }
        if dimensions.is_empty() {
            let message = format!("`{}` holds no `dimension`", element.name);
            let fix = "add `<dimension name=\"API ID\" />`";
            return Err(builder.error_with_fix("missing-element", &element.location, message, fix));
        }
        Ok(Self(dimensions))
    }

    fn one(builder: &mut Builder<'_>, element: &Element) -> Dimension {
        let name = builder.text(element, "name");
        let value = builder.optional_text(element, "value");
        let Some(literal) = name.literal() else {
            return Dimension {
                name: Name::Computed(name),
                value: value.map_or(Value::OfName, Value::Given),
            };
        };
        let literal = literal.trim();
        let value = match (value, known(literal)) {
            (Some(value), _) => Value::Given(value),
            (None, Some(known)) => Value::Of(known),
            (None, None) => {
                let names: Vec<&str> = KNOWN.iter().map(|(name, _)| *name).collect();
                let message = format!(
                    "the dimension `{literal}` has no value and stays empty; without one stand {}",
                    names.join(", ")
                );
                builder.warn(Severity::Low, "dimension-without-value", &element.location, message);
                Value::OfName
            }
        };
        Dimension { name: Name::Literal(metric_name(literal).into()), value }
    }

    /// Names and values for this exchange.
    pub(super) fn evaluate(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Evaluated, Failure> {
        let mut all = Evaluated::new();
        for dimension in &self.0 {
            let (name, said) = match &dimension.name {
                Name::Literal(name) => (Arc::clone(name), None),
                Name::Computed(text) => {
                    let text = text.evaluate(exchange, world)?;
                    (metric_name(text.trim()).into(), known(text.trim()))
                }
            };
            let value: Arc<str> = match &dimension.value {
                Value::Given(text) => text.evaluate(exchange, world)?.into(),
                Value::Of(known) => value_of(*known, exchange),
                Value::OfName => said.map_or_else(|| NOTHING.into(), |known| value_of(known, exchange)),
            };
            if !all.iter().any(|(known, _)| *known == name) {
                all.push((name, value));
            }
        }
        Ok(all)
    }
}

fn known(name: &str) -> Option<Known> {
    KNOWN.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, known)| *known)
}

fn value_of(known: Known, exchange: &Exchange) -> Arc<str> {
    let route = &exchange.route;
    let found = match known {
        Known::Api => route.api.as_ref().map(|api| &api.id),
        Known::Operation => route.operation.as_ref().map(|operation| &operation.id),
        Known::Product => route.product.as_ref().map(|product| &product.id),
        Known::User => route.subscription.as_ref().and_then(|subscription| subscription.owner.as_ref()),
        Known::Subscription => route.subscription.as_ref().map(|subscription| &subscription.id),
        Known::Location => Some(&exchange.deployment.region),
        Known::Gateway => Some(&exchange.deployment.instance_id),
        Known::Backend => match &exchange.backend {
            BackendChoice::Entity(name) => Some(name),
            BackendChoice::Service | BackendChoice::Url(_) => None,
        },
    };
    found.map_or_else(|| NOTHING.into(), Arc::clone)
}

/// A name as metrics may have it: lower case letters, digits and `_`.
pub(super) fn metric_name(text: &str) -> String {
    let mut name = String::with_capacity(text.len());
    for character in text.chars().take(100) {
        let character = character.to_ascii_lowercase();
        match character {
            'a'..='z' | '0'..='9' => name.push(character),
            _ if name.ends_with('_') => {}
            _ => name.push('_'),
        }
    }
    let name = name.trim_matches('_');
    match name.as_bytes().first() {
        None => "unnamed".to_owned(),
        Some(first) if first.is_ascii_digit() => format!("n{name}"),
        // The bounds of a histogram have this name.
        Some(_) if name == "le" => "le_".to_owned(),
        Some(_) => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_what_metrics_may_have() {
        for (text, wanted) in [
            ("API ID", "api_id"),
            ("my-metrics", "my_metrics"),
            ("aoai.token.usage", "aoai_token_usage"),
            ("__x__", "x"),
            ("1st", "n1st"),
            ("le", "le_"),
            ("ü", "unnamed"),
            ("", "unnamed"),
        ] {
            assert_eq!(metric_name(text), wanted);
        }
    }
}
