//! The pipeline as a function of one exchange and one snapshot: no sockets here, so that serving, testing and
//! tracing run the same code.

use std::sync::Arc;

use gatehouse_model::configuration::Zone;
use gatehouse_model::resources::ApiKind;
use gatehouse_policy::{Exchange, Failure, Plan, SubscriptionFacts, World, builtin};
use gatehouse_store::{KeyRing, SubscriptionRecord};
use gatehouse_telemetry::metrics::OperationMetrics;
use http::header::{ACCESS_CONTROL_REQUEST_METHOD, ORIGIN};
use http::{HeaderValue, Method, StatusCode};

use super::soap::SoapRouting;
use super::traced;
use crate::firewall::Aim;
use crate::router::{ApiIndex, check_path};
use crate::snapshot::{
    AccessDecision, Denied, ProductIndex, PublishedApi, PublishedOperation, Snapshot, decide_access,
};

/// Runs an exchange through routing, access and policies; afterwards `exchange.response` is the answer. Gives the
/// counts of the operation that was matched, if one was. Without a zone nothing is published.
pub async fn process(
    snapshot: &Snapshot,
    keys: &KeyRing,
    zone: Option<Zone>,
    exchange: &mut Exchange,
    world: &World<'_>,
) -> Option<Arc<OperationMetrics>> {
    let matched = match zone {
        Some(_) if exchange.request.is_loop => Err(builtin::loop_detected()),
        Some(zone) => route(snapshot, zone, exchange, world.buffered_body_bytes).await,
        None => Err(builtin::operation_not_found()),
    };
    if exchange.trace.is_some() {
        traced::routing(zone, matched.as_ref().err(), exchange, world);
    }
    let (plan, metrics, failure) = match matched {
        Err(failure) => {
            let response =
                zone.and_then(|_| gatehouse_policy::cross_domain(&snapshot.global, exchange, world));
            if response.is_some() {
                exchange.response = response;
                return None;
            }
            (&snapshot.global, None, Some(failure))
        }
        Ok((api, None)) => {
            let response = preflight(snapshot, api, exchange, world)
                .or_else(|| gatehouse_policy::cross_domain(&api.plan, exchange, world));
            if let Some(response) = response {
                exchange.response = Some(response);
                exchange.run_deferred_response(world);
                return Some(Arc::clone(&api.metrics));
            }
            (&api.plan, Some(&api.metrics), Some(builtin::operation_not_found()))
        }
        Ok((api, Some(operation))) => {
            let (plan, failure) = enter(snapshot, api, operation, keys, exchange, world);
            if exchange.trace.is_some() {
                traced::access(failure.as_ref(), exchange, world);
            }
            (plan, Some(&operation.metrics), failure)
        }
    };
    match failure {
        None => gatehouse_policy::run(plan, exchange, world).await,
        Some(failure) => gatehouse_policy::fail(plan, failure, exchange, world).await,
    }
    metrics.cloned()
}

/// Finds API and operation, and makes the request's path relative to the API.
async fn route<'s>(
    snapshot: &'s Snapshot,
    zone: Zone,
    exchange: &mut Exchange,
    buffered_body_bytes: usize,
) -> Result<(&'s PublishedApi, Option<&'s PublishedOperation>), Failure> {
    let request = &mut exchange.request;
    check_path(&request.original_url.path).map_err(|error| builtin::bad_request(error.to_string()))?;
    let found = snapshot
        .tree(zone)
        .find(&request.original_url.path, &request.original_url.query, &request.headers)
        .ok_or_else(builtin::operation_not_found)?;
    let api = api_at(snapshot, found.api).ok_or_else(builtin::operation_not_found)?;
    // What is left is the end of the path, or a slash where nothing is left.
    match request.url.path.strip_suffix(found.rest).map(str::len) {
        Some(matched) => drop(request.url.path.drain(..matched)),
        None => found.rest.clone_into(&mut request.url.path),
    }
    exchange.route.api = Some(Arc::clone(&api.facts));
    let matched = match &api.soap {
        None => api.tree.find(request.method.as_str(), found.rest, &request.original_url.query),
        Some(routing) => {
            let rest = found.rest.to_owned();
            let query = routing.query(request, buffered_body_bytes).await?;
            api.tree.find(request.method.as_str(), &rest, &query)
        }
    };
    let Some(matched) = matched else { return Ok((api, None)) };
    let Some(operation) = api.operations.get(matched.operation as usize) else { return Ok((api, None)) };
    request.matched_parameters = matched.parameters;
    exchange.route.operation = Some(Arc::clone(&operation.facts));
    Ok((api, Some(operation)))
}

impl Snapshot {
    /// What the firewall is to know of the operation that a request is for.
    pub(super) fn aim(&self, zone: Zone, exchange: &Exchange) -> Option<Aim<'_>> {
        let firewall = self.firewall.as_ref()?;
        let request = &exchange.request;
        check_path(&request.original_url.path).ok()?;
        let found = self.tree(zone).find(
            &request.original_url.path,
            &request.original_url.query,
            &request.headers,
        )?;
        let api = api_at(self, found.api)?;
        let matched = match &api.soap {
            None => api.tree.find(request.method.as_str(), found.rest, &request.original_url.query),
            Some(_) => api.tree.find(request.method.as_str(), found.rest, &SoapRouting::of_head(exchange)),
        };
        let operation = matched.and_then(|matched| api.operations.get(matched.operation as usize));
        Some(Aim {
            mode: firewall.mode_of(&api.facts.id, operation.map(|operation| &*operation.facts.id)),
            api: &api.facts,
            operation: operation.map(|operation| &operation.facts),
            declared: operation.and_then(|operation| operation.declared.as_ref()),
        })
    }
}

fn api_at(snapshot: &Snapshot, index: ApiIndex) -> Option<&PublishedApi> {
    snapshot.apis.get(index as usize)
}

/// Answers a CORS preflight request where no operation of its own does: only `cors` policies look at it, and no key
/// is asked for, since browsers send none.
fn preflight(
    snapshot: &Snapshot,
    api: &PublishedApi,
    exchange: &mut Exchange,
    world: &World<'_>,
) -> Option<gatehouse_policy::Response> {
    let request = &exchange.request;
    if request.method != Method::OPTIONS || !request.headers.contains_key(ORIGIN) {
        return None;
    }
    let method = request.headers.get(ACCESS_CONTROL_REQUEST_METHOD)?.to_str().ok()?;
    let target = api.tree.find(method, &request.url.path, &request.original_url.query);
    let operation = target.as_ref().and_then(|target| api.operations.get(target.operation as usize));
    let plan: &Plan = match operation {
        Some(operation) => operation.plans.of(api.open_product),
        None => &api.plan,
    };
    if let Some(operation) = operation {
        exchange.route.operation = Some(Arc::clone(&operation.facts));
    }
    exchange.route.product = product_facts(snapshot, api.open_product);
    gatehouse_policy::preflight(plan, exchange, world)
}

/// Decides on access, and chooses the plan of the product in whose context the request runs.
fn enter<'s>(
    snapshot: &'s Snapshot,
    api: &'s PublishedApi,
    operation: &'s PublishedOperation,
    keys: &KeyRing,
    exchange: &mut Exchange,
    world: &World<'_>,
) -> (&'s Arc<Plan>, Option<Failure>) {
    let (in_query, decision) = {
        let request = &exchange.request;
        let in_header = request.headers.get(&api.key_header).map(HeaderValue::as_bytes);
        let in_query =
            if in_header.is_none() { request.original_url.query.first(&api.key_query) } else { None };
        let presented = in_header.or_else(|| in_query.as_ref().map(|value| value.as_bytes()));
        if let (Some(trace), Some(key)) = (&mut exchange.trace, presented) {
            trace.hide(&String::from_utf8_lossy(key));
        }
        let presented = presented.filter(|key| !key.is_empty());
        // The time decides about subscriptions alone.
        let now = presented.map_or(0, |_| (world.clock.now_millis() / 1000) as i64);
        let decision = decide_access(snapshot, api, keys, presented, now);
        (in_query.and_then(|key| HeaderValue::try_from(&*key).ok()), decision)
    };
    // The key is for this gateway: neither the backend nor its logs get to see it.
    let mut key = exchange.request.headers.remove(&api.key_header).or(in_query);
    if let Some(key) = &mut key {
        key.set_sensitive(true);
    }
    exchange.request.url.query.remove(&api.key_query);
    let failure = match decision {
        AccessDecision::Allowed { product, subscription } => {
            exchange.route.product = product_facts(snapshot, product);
            exchange.route.subscription = subscription.map(|record| subscription_facts(&record, key));
            return match refused_protocol(api, exchange) {
                Some(failure) => (operation.plans.of(product), Some(failure)),
                None => (operation.plans.of(product), None),
            };
        }
        AccessDecision::Denied(Denied::KeyMissing) => {
            builtin::subscription_key_not_found(&api.facts.key_names, &exchange.request.original_url)
        }
        AccessDecision::Denied(Denied::KeyInvalid) => {
            builtin::subscription_key_invalid(&api.facts.key_names, &exchange.request.original_url)
        }
    };
    (&operation.plans.plain, Some(failure))
}

/// A WebSocket API speaks nothing else.
fn refused_protocol(api: &PublishedApi, exchange: &Exchange) -> Option<Failure> {
    (api.kind == ApiKind::WebSocket && !exchange.request.websocket).then(|| {
        Failure::new(
            StatusCode::UPGRADE_REQUIRED,
            "configuration",
            "WebSocketRequired",
            "This API speaks WebSocket only.",
        )
        .header(http::header::UPGRADE, HeaderValue::from_static("websocket"))
    })
}

fn product_facts(
    snapshot: &Snapshot,
    product: Option<ProductIndex>,
) -> Option<Arc<gatehouse_policy::ProductFacts>> {
    snapshot.products.get(product? as usize).map(|product| Arc::clone(&product.facts))
}

fn subscription_facts(record: &SubscriptionRecord, key: Option<HeaderValue>) -> Arc<SubscriptionFacts> {
    Arc::new(SubscriptionFacts {
        id: record.id.name.as_str().into(),
        name: record.display_name.as_str().into(),
        owner: record.owner.as_deref().map(Into::into),
        created: record.created,
        start: record.started,
        end: record.expires,
        key,
    })
}
