//! `set-backend-service`: where the request goes: another base URL, or a backend entity.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/set-backend-service-policy>. The last one that runs counts.

use std::sync::Arc;

use url::Url;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::Text;
use crate::{Action, BackendChoice, Exchange, Failure, Flow, Policy, World};

#[derive(Debug)]
enum SetBackendService {
    Fixed(BackendChoice),
    BaseUrl(Text),
    BackendId(Text),
}

/// Attributes for Service Fabric and Dapr.
const NOT_YET_AVAILABLE: &[&str] = &[
    "dapr-app-id",
    "dapr-method",
    "dapr-namespace",
    "sf-listener-name",
    "sf-partition-key",
    "sf-replica-type",
    "sf-resolve-condition",
    "sf-service-instance-name",
];

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    if let Some(attribute) =
        element.attributes.iter().find(|attribute| NOT_YET_AVAILABLE.contains(&attribute.name.as_str()))
    {
        let message =
            format!("the attribute `{}` of `set-backend-service` is not yet available", attribute.name);
        return Err(builder.error("policy-not-available", &attribute.location, message));
    }
    builder.only(element, &["base-url", "backend-id"], &[])?;
    builder.no_text(element)?;
    let choice = match (element.attribute("base-url"), element.attribute("backend-id")) {
        (Some(attribute), None) => {
            let text = builder.text(element, "base-url")?;
            match text.literal() {
                None => SetBackendService::BaseUrl(text),
                Some(literal) => match base_url(literal) {
                    Ok(url) => SetBackendService::Fixed(BackendChoice::Url(Arc::new(url))),
                    Err(why) => return Err(builder.error("bad-value", &attribute.value.location, why)),
                },
            }
        }
        (None, Some(attribute)) => {
            let text = builder.text(element, "backend-id")?;
            match text.literal() {
                None => SetBackendService::BackendId(text),
                Some(literal) => {
                    let known: Vec<String> = builder.resources().backends.keys().cloned().collect();
                    let known = known.iter().map(String::as_str);
                    builder.must_exist("backend", literal.trim(), &attribute.value.location, known)?;
                    SetBackendService::Fixed(BackendChoice::Entity(literal.trim().into()))
                }
            }
        }
        _ => {
            let message = "`set-backend-service` needs exactly one of `base-url` and `backend-id`";
            return Err(builder.error("bad-value", &element.location, message));
        }
    };
    Ok(Action::Now(Box::new(choice)))
}

impl Policy for SetBackendService {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        exchange.backend = match self {
            Self::Fixed(choice) => choice.clone(),
            Self::BackendId(text) => BackendChoice::Entity(text.evaluate(exchange, world)?.trim().into()),
            Self::BaseUrl(text) => {
                let url = base_url(&text.evaluate(exchange, world)?)
                    .map_err(|why| Failure::internal("set-backend-service", "BackendUrlInvalid", why))?;
                BackendChoice::Url(Arc::new(url))
            }
        };
        Ok(Flow::Continue)
    }
}

/// Reads a base URL: absolute, http or https, with nothing behind its path.
fn base_url(text: &str) -> Result<Url, String> {
    let shown = text.trim().escape_debug();
    let url =
        Url::parse(text.trim()).map_err(|error| format!("`{shown}` is not an absolute URL: {error}"))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(format!("the URL `{shown}` is neither http nor https"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(format!(
            "the base URL `{shown}` has a query or a fragment, which cannot be extended by a path"
        ));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a base URL cannot hold a user name or a password".to_owned());
    }
    Ok(url)
}
