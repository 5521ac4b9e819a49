//! `emit-metric`: a value of a metric of one's own.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/emit-metric-policy>. The values of a metric are summed and
//! counted by their dimensions, as OpenMetrics wants them.

use std::sync::Arc;

use super::dimensions::{Dimensions, metric_name};
use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::Text;
use crate::{Action, Exchange, Failure, Flow, Measure, Policy, World};

#[derive(Debug)]
struct EmitMetric {
    name: Arc<str>,
    value: Option<Text>,
    dimensions: Dimensions,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["name", "namespace", "value"], &["dimension"]);
    builder.no_text(element);
    let name = builder.literal(element, "name")?;
    let name = name_of(builder, element, &name)?;
    let value = builder.optional_text(element, "value");
    if let Some(literal) = value.as_ref().and_then(Text::literal)
        && number(literal).is_none()
    {
        let location = element.attribute("value").map_or(&element.location, |known| &known.value.location);
        let message = "the attribute `value` must be a number";
        return Err(builder.error_with_fix("bad-value", location, message, "such as `1` or `0.5`"));
    }
    let dimensions = Dimensions::compile(builder, element, 10)?;
    Ok(Action::Now(Box::new(EmitMetric { name, value, dimensions })))
}

/// The name of a metric with its namespace.
pub(super) fn name_of(
    builder: &mut Builder<'_>,
    element: &Element,
    name: &str,
) -> Result<Arc<str>, Reported> {
    let namespace = builder.optional_literal(element, "namespace")?;
    let namespace = namespace.as_deref().unwrap_or("API Management");
    Ok(format!("{}_{}", metric_name(namespace), metric_name(name)).into())
}

fn number(text: &str) -> Option<f64> {
    text.trim().parse().ok().filter(|number: &f64| number.is_finite())
}

impl Policy for EmitMetric {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let value = match &self.value {
            None => 1.0,
            Some(text) => {
                let text = text.evaluate(exchange, world)?;
                number(&text).ok_or_else(|| {
                    let message = format!("The value of the metric is no number: `{}`.", text.escape_debug());
                    Failure::internal("emit-metric", "MetricValueInvalid", message)
                })?
            }
        };
        let dimensions = self.dimensions.evaluate(exchange, world)?;
        world.signals.measure(&Measure { name: &self.name, dimensions: &dimensions, value });
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::*;

    fn measured(policy: &str) -> Vec<String> {
        let world = TestWorld::new();
        let mut exchange = exchange();
        exchange.route = route("orders", "get", Some("s1"));
        world.run(&plan(&document("inbound", policy)), &mut exchange);
        assert_eq!(exchange.answered(), 200, "{:?}", exchange.last_error);
        world.measured.take()
    }

    #[test]
    fn a_value_has_a_name_and_dimensions() {
        let told = measured(
            "<emit-metric name=\"Request\" value=\"@(1.5 + 1)\" namespace=\"my-metrics\"><dimension name=\"User ID\" /><dimension name=\"Client IP\" value=\"@(context.Request.IpAddress)\" /><dimension name=\"api id\" /><dimension name=\"@(&quot;Operation ID&quot;)\" /><dimension name=\"Subscription ID\" value=\"mine\" /></emit-metric>",
        );
        assert_eq!(
            told,
            [
                "my_metrics_request{user_id=\"\",client_ip=\"192.0.2.1\",api_id=\"orders\",operation_id=\"get\",subscription_id=\"mine\"} 2.5"
            ]
        );
        let told = measured("<emit-metric name=\"n\"><dimension name=\"Location\" /></emit-metric>");
        assert_eq!(told, ["api_management_n{location=\"local\"} 1"]);
    }

    #[test]
    fn a_value_that_is_no_number_fails() {
        let text =
            "<emit-metric name=\"n\" value=\"@(&quot;x&quot;)\"><dimension name=\"API ID\" /></emit-metric>";
        assert_eq!(run(&document("inbound", text)).last_error.unwrap().reason, "MetricValueInvalid");
    }

    #[test]
    fn its_parts_are_checked() {
        let many: String =
            (0..11).map(|n| format!("<dimension name=\"d{n}\" value=\"v\" />")).collect::<Vec<_>>().concat();
        let many = format!("<emit-metric name=\"n\">{many}</emit-metric>");
        for (text, wanted) in [
            ("<emit-metric><dimension name=\"API ID\" /></emit-metric>", "has no attribute `name`"),
            ("<emit-metric name=\"n\" />", "`emit-metric` holds no `dimension`"),
            (
                "<emit-metric name=\"n\" value=\"x\"><dimension name=\"API ID\" /></emit-metric>",
                "must be a number",
            ),
            (
                "<emit-metric name=\"n\" value=\"NaN\"><dimension name=\"API ID\" /></emit-metric>",
                "must be a number",
            ),
            ("<emit-metric name=\"@(1)\"><dimension name=\"API ID\" /></emit-metric>", "takes no expression"),
            (
                "<emit-metric name=\"n\"><dimension name=\"a b\" value=\"1\" /><dimension name=\"A-B\" value=\"1\" /></emit-metric>",
                "two dimensions that are named `a_b`",
            ),
            (many.as_str(), "has more than 10 dimensions of its own"),
            (
                "<emit-metric name=\"n\"><dimension name=\"Method\" /></emit-metric>",
                "low: the dimension `Method` has no value",
            ),
        ] {
            let told = findings_in("inbound", text);
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
    }
}
