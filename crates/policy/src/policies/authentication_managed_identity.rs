//! `authentication-managed-identity`: an access token of this instance's identity for the backend.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/authentication-managed-identity-policy>.

use std::sync::Arc;

use gatehouse_expression::Value;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::plan::PolicyFuture;
use crate::value::{Boolean, Text};
use crate::{Action, AsyncPolicy, Exchange, Failure, Flow, World};

/// The policy, and the element of `send-request`.
#[derive(Debug)]
pub(super) struct ManagedIdentity {
    resource: Text,
    client_id: Option<Text>,
    variable: Option<Arc<str>>,
    ignores_errors: Boolean,
}

/// A name of the policy for failures, also where it stands in another.
const NAME: &str = "authentication-managed-identity";

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    Ok(Action::Later(Box::new(ManagedIdentity::compile(builder, element)?)))
}

impl ManagedIdentity {
    pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Self, Reported> {
        let attributes = ["resource", "client-id", "output-token-variable-name", "ignore-error"];
        builder.only(element, &attributes, &[]);
        builder.no_text(element);
        Ok(Self {
            resource: builder.text(element, "resource"),
            client_id: builder.optional_text(element, "client-id"),
            variable: builder.optional_literal(element, "output-token-variable-name")?,
            ignores_errors: builder.boolean(element, "ignore-error", false),
        })
    }

    /// The token as the value of `Authorization`; `None`: it was kept in a variable, or its failure is ignored.
    pub(super) async fn authorization(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Option<HeaderValue>, Failure> {
        let resource: String = self.resource.evaluate(exchange, world)?.into();
        let client_id: Option<String> = match &self.client_id {
            Some(text) => Some(text.evaluate(exchange, world)?.trim().to_owned()),
            None => None,
        };
        let ignores_errors = self.ignores_errors.evaluate(exchange, world)?;
        let now = world.clock.now_millis() / 1000;
        let client_id = client_id.as_deref().filter(|id| !id.is_empty());
        let token = match world.identities.token(client_id, resource.trim(), now).await {
            Ok(token) => token,
            Err(_) if ignores_errors => {
                if let Some(variable) = &self.variable {
                    exchange.variables.set(variable, Value::Null);
                }
                return Ok(None);
            }
            Err(failure) => {
                return Err(Failure::internal(NAME, "ManagedIdentityTokenUnavailable", failure.to_string()));
            }
        };
        if let Some(variable) = &self.variable {
            exchange.variables.set(variable, Value::String(token.expose().into()));
            return Ok(None);
        }
        let text = Zeroizing::new(format!("Bearer {}", token.expose()));
        let mut value = HeaderValue::try_from(text.as_str()).map_err(|_| {
            Failure::internal(NAME, "ManagedIdentityTokenUnavailable", "The token is not text.")
        })?;
        value.set_sensitive(true);
        Ok(Some(value))
    }
}

impl AsyncPolicy for ManagedIdentity {
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a> {
        Box::pin(async move {
            if let Some(value) = self.authorization(exchange, world).await? {
                exchange.request.headers.insert(AUTHORIZATION, value);
            }
            Ok(Flow::Continue)
        })
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_identity::managed::IdentityKind;

    use crate::Exchange;
    use crate::testing::*;

    const POLICY: &str =
        "<authentication-managed-identity resource=\"https://vault.azure.net\" client-id=\"c\"";

    fn ran(policy: &str, answers: &[(u16, &str)]) -> (TestWorld, Exchange) {
        let world = TestWorld::with_identity(IdentityKind::AzureImds {
            endpoint: "http://169.254.169.254".parse().unwrap(),
            client_id: None,
        });
        for (status, body) in answers {
            world.credentials.answers.lock().push_back((*status, (*body).to_owned()));
        }
        let mut exchange = exchange();
        world.run(&plan(&document("inbound", policy)), &mut exchange);
        (world, exchange)
    }

    const GOOD: (u16, &str) = (200, r#"{"access_token":"tok","expires_in":"3600"}"#);

    #[test]
    fn the_backend_gets_the_token() {
        let (world, exchange) = ran(&format!("{POLICY} />{POLICY} />"), &[GOOD]);
        let value = &exchange.request.headers["authorization"];
        assert_eq!(value, "Bearer tok");
        assert!(value.is_sensitive());
        let asked = world.credentials.asked.lock();
        assert_eq!(
            *asked,
            [
                "GET http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=https%3A%2F%2Fvault.azure.net&client_id=c"
            ]
        );
    }

    #[test]
    fn a_variable_takes_the_token_instead() {
        let (_, exchange) = ran(&format!("{POLICY} output-token-variable-name=\"t\" />"), &[GOOD]);
        assert!(!exchange.request.headers.contains_key("authorization"));
        assert_eq!(&*exchange.variables.get("t").unwrap().to_text(), "tok");
    }

    #[test]
    fn without_a_token_the_request_fails_unless_that_is_ignored() {
        let refused = (400, r#"{"error":"invalid_resource"}"#);
        let (_, exchange) = ran(&format!("{POLICY} />"), &[refused]);
        assert_eq!(exchange.answered(), 500);
        assert!(!exchange.answer_text().contains("invalid_resource"));
        let error = exchange.last_error.unwrap();
        assert_eq!(
            (&*error.source, &*error.reason),
            ("authentication-managed-identity", "ManagedIdentityTokenUnavailable")
        );
        let (_, exchange) =
            ran(&format!("{POLICY} ignore-error=\"true\" output-token-variable-name=\"t\" />"), &[refused]);
        assert_eq!(exchange.answered(), 200);
        assert!(exchange.variables.get("t").unwrap().is_null());
    }

    #[test]
    fn a_request_of_a_policy_takes_one_too() {
        let policy = format!(
            "<send-request response-variable-name=\"r\"><set-url>https://vault.example/</set-url><set-method>GET</set-method>{POLICY} /></send-request>"
        );
        let (world, exchange) = ran(&policy, &[GOOD]);
        assert_eq!(exchange.answered(), 200, "{:?}", exchange.last_error);
        let sent = world.sent.borrow();
        assert_eq!(sent[0].0.headers["authorization"], "Bearer tok");
        assert!(!exchange.request.headers.contains_key("authorization"));
    }
}
