//! What a trace tells of the decisions before the policies: which operation was matched, and who may call it.

use gatehouse_model::configuration::Zone;
use gatehouse_policy::trace::Outcome;
use gatehouse_policy::{Exchange, Failure, World};

/// The section of what is decided before the policies.
const SECTION: &str = "request";

/// Which API and operation answer for the request.
pub(super) fn routing(
    zone: Option<Zone>,
    failure: Option<&Failure>,
    exchange: &mut Exchange,
    world: &World<'_>,
) {
    let request = &exchange.request;
    let mut inputs = vec![
        ("method", request.method.to_string()),
        ("url", request.original_url.to_string()),
        ("client", request.client_ip.to_string()),
        ("zone", zone.map_or("none", Zone::as_str).to_owned()),
    ];
    for (name, value) in &request.matched_parameters {
        inputs.push(("parameter", format!("{name}={value}")));
    }
    let outcome = match (&exchange.route.api, &exchange.route.operation, failure) {
        (_, _, Some(failure)) => Outcome::Failed(format!("{}: {}", failure.reason, failure.message)),
        (None, ..) => Outcome::Failed("no API answers for this path in this zone".to_owned()),
        (Some(api), None, _) => Outcome::Failed(format!("no operation of the API `{}` matches", api.id)),
        (Some(api), Some(operation), _) => {
            inputs.push(("template", format!("{} {}", operation.method, operation.url_template)));
            Outcome::Told(format!("API `{}`, operation `{}`", api.id, operation.id))
        }
    };
    exchange.note_trace(world, SECTION, "routing", inputs, outcome, 0);
}

/// Who the caller is.
pub(super) fn access(failure: Option<&Failure>, exchange: &mut Exchange, world: &World<'_>) {
    let route = &exchange.route;
    let mut inputs = Vec::new();
    if let Some(subscription) = &route.subscription {
        inputs.push(("subscription", subscription.id.to_string()));
    }
    if let Some(product) = &route.product {
        inputs.push(("product", product.id.to_string()));
    }
    let outcome = match (failure, &route.subscription) {
        (Some(failure), _) => Outcome::Failed(format!("{}: {}", failure.reason, failure.message)),
        (None, Some(_)) => Outcome::Told("the key opens it".to_owned()),
        (None, None) => Outcome::Told("no key is needed".to_owned()),
    };
    let began = exchange.traced_micros(world).unwrap_or_default();
    exchange.note_trace(world, SECTION, "subscription", inputs, outcome, began);
}
