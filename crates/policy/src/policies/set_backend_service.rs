//! `set-backend-service`: where the request goes: another base URL, or a backend entity.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/set-backend-service-policy>. The last one that runs counts.

use std::sync::Arc;

use gatehouse_model::Severity;
use url::Url;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::Text;
use crate::{Action, BackendChoice, Exchange, Failure, Flow, Policy, World};

#[derive(Debug)]
enum SetBackendService {
    Fixed(BackendChoice),
    BaseUrl(Text),
    BackendId {
        id: Text,
        /// Which backends the document may name.
        workspace: Option<Arc<str>>,
    },
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
    builder.only(element, &["base-url", "backend-id"], &[]);
    builder.no_text(element);
    let choice = match (element.attribute("base-url"), element.attribute("backend-id")) {
        (Some(attribute), None) => {
            let text = builder.text(element, "base-url");
            match text.literal() {
                None => SetBackendService::BaseUrl(text),
                Some(literal) if literal.trim().is_empty() => {
                    let message = "the base URL is empty: requests that come here fail until it names one";
                    builder.warn(Severity::Medium, "empty-base-url", &attribute.value.location, message);
                    SetBackendService::BaseUrl(text)
                }
                Some(literal) => match base_url(literal) {
                    Ok(url) => SetBackendService::Fixed(BackendChoice::Url(Arc::new(url))),
                    Err(why) => {
                        builder.error("bad-value", &attribute.value.location, why);
                        SetBackendService::BaseUrl(text)
                    }
                },
            }
        }
        (None, Some(attribute)) => {
            let text = builder.text(element, "backend-id");
            match text.literal() {
                None => {
                    SetBackendService::BackendId { id: text, workspace: builder.workspace().map(Into::into) }
                }
                Some(literal) => {
                    let known: Vec<String> = builder.resources().backends.keys().cloned().collect();
                    let known = known.iter().map(String::as_str);
                    builder.must_exist("backend", literal.trim(), &attribute.value.location, known);
                    SetBackendService::Fixed(BackendChoice::Entity(builder.backend_entity(literal.trim())))
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
            Self::BackendId { id, workspace } => {
                let id = id.evaluate(exchange, world)?;
                // A slash would lead into a workspace's backends, which this document may not name.
                if id.contains('/') {
                    let why = format!("there is no backend named `{}`", id.escape_debug());
                    return Err(Failure::internal("set-backend-service", "BackendIdInvalid", why));
                }
                BackendChoice::Entity(BackendChoice::entity_name(workspace.as_deref(), id.trim()))
            }
            Self::BaseUrl(text) => {
                let url = base_url(&text.evaluate(exchange, world)?)
                    .map_err(|why| Failure::internal("set-backend-service", "BackendUrlInvalid", why))?;
                BackendChoice::Url(Arc::new(url))
            }
        };
        Ok(Flow::Continue)
    }
}

/// Reads a base URL: absolute, with nothing behind its path. A WebSocket begins as a request of HTTP: `wss` is https.
fn base_url(text: &str) -> Result<Url, String> {
    let shown = text.trim().escape_debug();
    let mut url =
        Url::parse(text.trim()).map_err(|error| format!("`{shown}` is not an absolute URL: {error}"))?;
    let scheme = match url.scheme() {
        "https" | "wss" => "https",
        "http" | "ws" => "http",
        _ => return Err(format!("the URL `{shown}` is neither http nor https")),
    };
    if url.set_scheme(scheme).is_err() || url.host_str().is_none() {
        return Err(format!("the URL `{shown}` names no host"));
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

#[cfg(test)]
mod tests {
    use gatehouse_model::Location;
    use gatehouse_model::resources::{Backend, BackendTarget};

    use super::*;
    use crate::testing::*;

    fn chosen(attributes: &str) -> BackendChoice {
        run(&document("inbound", &format!("<set-backend-service {attributes} />"))).backend
    }

    #[test]
    fn a_base_url_may_be_literal_or_computed() {
        let url = |choice| match choice {
            BackendChoice::Url(url) => url.to_string(),
            other => panic!("{other:?}"),
        };
        assert_eq!(url(chosen("base-url=\"https://b.example/v1\"")), "https://b.example/v1");
        assert_eq!(url(chosen("base-url=\"wss://b.example:444/v1\"")), "https://b.example:444/v1");
        assert_eq!(
            url(chosen("base-url=\"@(&quot;http://&quot; + &quot;c.example&quot;)\"")),
            "http://c.example/"
        );
    }

    #[test]
    fn a_computed_url_that_is_none_fails() {
        let exchange = run(&document("inbound", "<set-backend-service base-url=\"@(&quot;/v1&quot;)\" />"));
        assert_eq!(exchange.answered(), 500);
        assert_eq!(exchange.last_error.unwrap().reason, "BackendUrlInvalid");
    }

    #[test]
    fn a_backend_must_exist() {
        let mut catalog = catalog(&document("inbound", "<set-backend-service backend-id=\"blue\" />"));
        let told = findings(&catalog);
        assert!(
            told[0].contains(
                "`set-backend-service` of the service names the backend `blue`, which does not exist"
            ),
            "{told:?}"
        );
        catalog.service.backends.insert("blue".into(), blue());
        let mut exchange = exchange();
        TestWorld::new().run(&policies(&catalog).global(), &mut exchange);
        assert!(matches!(&exchange.backend, BackendChoice::Entity(name) if &**name == "blue"));
    }

    fn blue() -> Backend {
        Backend {
            name: "blue".into(),
            title: None,
            target: BackendTarget::Single("https://blue.example".parse().unwrap()),
            credentials: Default::default(),
            tls: Default::default(),
            circuit_breaker: Vec::new(),
            location: Location::file(std::path::Path::new("b.json")),
        }
    }

    #[test]
    fn a_workspace_names_its_own_backends() {
        for backend_id in ["blue", "@(&quot;blue&quot;)"] {
            let policy = document("inbound", &format!("<set-backend-service backend-id=\"{backend_id}\" />"));
            let mut catalog = catalog("<policies><backend><forward-request /></backend></policies>");
            let mut team = catalog.service.clone();
            team.apis.insert("a".into(), api("a", Some(&policy)));
            team.backends.insert("blue".into(), blue());
            catalog.workspaces.insert("team".into(), team);
            let key = crate::PlanKey { workspace: Some("team"), api: "a", operation: None, product: None };
            let mut exchange = exchange();
            TestWorld::new().run(&policies(&catalog).plan(&key), &mut exchange);
            let BackendChoice::Entity(name) = &exchange.backend else { panic!("{:?}", exchange.backend) };
            assert_eq!(BackendChoice::split_entity_name(name), (Some("team"), "blue"), "{backend_id}");
        }
    }

    #[test]
    fn nobody_reaches_into_a_workspace() {
        let told = findings_in("inbound", "<set-backend-service backend-id=\"team/blue\" />");
        assert!(told[0].contains("names the backend `team/blue`, which does not exist"), "{told:?}");
        let computed = "<set-backend-service backend-id=\"@(&quot;team/blue&quot;)\" />";
        let exchange = run(&document("inbound", computed));
        assert_eq!(exchange.answered(), 500);
        assert_eq!(exchange.last_error.unwrap().reason, "BackendIdInvalid");
    }

    #[test]
    fn what_cannot_be_is_told_at_load() {
        let cases = [
            ("", "needs exactly one of `base-url` and `backend-id`"),
            ("base-url=\"https://a\" backend-id=\"b\"", "needs exactly one of `base-url` and `backend-id`"),
            ("base-url=\"/v1\"", "`/v1` is not an absolute URL"),
            ("base-url=\"ftp://a\"", "is neither http nor https"),
            ("base-url=\"https://a?b=c\"", "has a query or a fragment"),
            ("base-url=\"https://u:p@a\"", "cannot hold a user name or a password"),
            ("sf-partition-key=\"1\"", "`sf-partition-key` of `set-backend-service` is not yet available"),
        ];
        for (attributes, wanted) in cases {
            let told = findings_in("inbound", &format!("<set-backend-service {attributes} />"));
            assert!(told.len() == 1 && told[0].contains(wanted), "{attributes}: {told:?}");
        }
    }
}
