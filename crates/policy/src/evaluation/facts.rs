//! What was matched, turned into the data types of expressions.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use gatehouse_expression as expression;
use http::HeaderValue;

use crate::{
    ApiFacts, BackendChoice, Deployment, LastError, OperationFacts, ProductFacts, SubscriptionFacts,
};

pub(super) fn api(api: &ApiFacts) -> Arc<expression::Api> {
    Arc::new(expression::Api {
        id: Arc::clone(&api.id),
        name: Arc::clone(&api.name),
        path: Arc::clone(&api.path),
        protocols: vec!["https".into()],
        service_url: api.service_url.as_ref().map(|url| {
            Arc::new(expression::Url {
                scheme: url.scheme().to_owned().into(),
                host: url.host_str().unwrap_or_default().to_owned().into(),
                port: url.port_or_known_default().unwrap_or_default(),
                path: url.path().to_owned().into(),
                query: url.query().map(|query| format!("?{query}")).unwrap_or_default().into(),
            })
        }),
        subscription_header_name: api.key_names.header.as_str().into(),
        subscription_query_name: api.key_names.query.as_str().into(),
        is_current_revision: api.is_current_revision,
        revision: Arc::clone(&api.revision),
        version: api.version.clone().unwrap_or_default(),
    })
}

pub(super) fn operation(operation: &OperationFacts) -> Arc<expression::Operation> {
    Arc::new(expression::Operation {
        id: Arc::clone(&operation.id),
        method: Arc::clone(&operation.method),
        name: Arc::clone(&operation.name),
        url_template: Arc::clone(&operation.url_template),
    })
}

pub(super) fn product(product: &ProductFacts) -> Arc<expression::Product> {
    let api = |name: &Arc<str>| {
        Arc::new(expression::Api { id: Arc::clone(name), name: Arc::clone(name), ..Default::default() })
    };
    let group =
        |name: &Arc<str>| Arc::new(expression::Group { id: Arc::clone(name), name: Arc::clone(name) });
    Arc::new(expression::Product {
        id: Arc::clone(&product.id),
        name: Arc::clone(&product.name),
        apis: product.apis.iter().map(api).collect(),
        approval_required: product.approval_required,
        groups: product.groups.iter().map(group).collect(),
        published: product.published,
        subscription_limit: product.subscriptions_limit.and_then(|limit| i32::try_from(limit).ok()),
        subscription_required: product.subscription_required,
    })
}

/// Of the keys only the one that the request carried is known: what is kept of them is their keyed hashes.
pub(super) fn subscription(subscription: &SubscriptionFacts) -> Arc<expression::Subscription> {
    Arc::new(expression::Subscription {
        created: time(subscription.created),
        end: subscription.end.map(time),
        id: Arc::clone(&subscription.id),
        key: subscription.key.as_ref().map(text).unwrap_or_default(),
        name: Arc::clone(&subscription.name),
        primary_key: Arc::default(),
        secondary_key: Arc::default(),
        start: subscription.start.map(time),
    })
}

fn text(value: &HeaderValue) -> Arc<str> {
    String::from_utf8_lossy(value.as_bytes()).into()
}

/// The owner of a subscription, of whom the gateway knows the id.
pub(super) fn user(subscription: &SubscriptionFacts) -> Option<Arc<expression::User>> {
    let id = Arc::clone(subscription.owner.as_ref()?);
    Some(Arc::new(expression::User {
        email: Arc::default(),
        first_name: Arc::default(),
        groups: Vec::new(),
        id,
        identities: Vec::new(),
        last_name: Arc::default(),
        note: Arc::default(),
        registered: SystemTime::UNIX_EPOCH,
    }))
}

pub(super) fn deployment(deployment: &Deployment) -> Arc<expression::Deployment> {
    Arc::new(expression::Deployment {
        gateway_id: "managed".into(),
        gateway_instance_id: Arc::clone(&deployment.instance_id),
        gateway_is_managed: true,
        region: Arc::clone(&deployment.region),
        service_id: Arc::clone(&deployment.service_name),
        service_name: Arc::clone(&deployment.service_name),
        certificates: deployment
            .certificates
            .iter()
            .map(|(id, certificate)| (Arc::clone(id), certificate.clone()))
            .collect(),
    })
}

pub(super) fn workspace(name: &Arc<str>) -> Arc<expression::Workspace> {
    Arc::new(expression::Workspace { id: Arc::clone(name), name: Arc::clone(name) })
}

pub(super) fn backend(entity: &Arc<str>) -> Arc<expression::Backend> {
    let id = match BackendChoice::split_entity_name(entity) {
        (None, _) => Arc::clone(entity),
        (Some(_), name) => name.into(),
    };
    Arc::new(expression::Backend { id, kind: "Single".into(), azure_region: None })
}

pub(super) fn last_error(error: &LastError) -> expression::LastError {
    expression::LastError {
        source: error.source.as_str().into(),
        reason: Some(error.reason.as_str().into()),
        message: error.message.as_str().into(),
        scope: error.scope.map(Into::into),
        section: error.section.map(Into::into),
        path: error.path.as_deref().map(Into::into),
        policy_id: error.policy_id.as_deref().map(Into::into),
        http_error_code: None,
    }
}

fn time(seconds: i64) -> SystemTime {
    let distance = Duration::from_secs(seconds.unsigned_abs());
    let time = if seconds < 0 {
        SystemTime::UNIX_EPOCH.checked_sub(distance)
    } else {
        SystemTime::UNIX_EPOCH.checked_add(distance)
    };
    time.unwrap_or(SystemTime::UNIX_EPOCH)
}
