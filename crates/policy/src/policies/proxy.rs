//! `proxy`: the HTTP proxy that requests to the backend, or those of the policy around it, go by.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/proxy-policy>. Requests over https go through a tunnel; the
//! proxy is shown a user by Basic authentication.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use url::Url;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::Text;
use crate::{Action, Exchange, Failure, Flow, Policy, World};

/// A proxy, compiled.
#[derive(Debug)]
pub(super) struct ProxyChoice {
    policy: &'static str,
    url: Text,
    user: Option<(Text, Option<Text>)>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    Ok(Action::Now(Box::new(ProxyChoice::compile(builder, element)?)))
}

impl ProxyChoice {
    pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Self, Reported> {
        builder.only(element, &["url", "username", "password"], &[]);
        builder.no_text(element);
        let url = builder.text(element, "url");
        if let Some(literal) = url.literal()
            && let Err(why) = address(literal)
        {
            let location = element.attribute("url").map_or(&element.location, |url| &url.value.location);
            let fix = "such as `http://proxy.example.com:8080`";
            return Err(builder.error_with_fix(
                "bad-value",
                location,
                format!("the URL of the proxy {why}"),
                fix,
            ));
        }
        let username = builder.optional_text(element, "username");
        let password = builder.optional_text(element, "password");
        let user = match (username, password) {
            (Some(username), password) => Some((username, password)),
            (None, None) => None,
            (None, Some(_)) => {
                let message = "`proxy` has a `password` without a `username`";
                return Err(builder.error("missing-attribute", &element.location, message));
            }
        };
        Ok(Self { policy: builder.policy(), url, user })
    }

    /// The proxy for this exchange.
    pub(super) fn evaluate(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Arc<crate::Proxy>, Failure> {
        let (host, port) = address(&self.url.evaluate(exchange, world)?).map_err(|why| {
            Failure::internal(self.policy, "UrlInvalid", format!("The URL of the proxy {why}."))
        })?;
        let authorization = match &self.user {
            None => None,
            Some((username, password)) => {
                let mut pair = String::from(username.evaluate(exchange, world)?);
                pair.push(':');
                if let Some(password) = password {
                    pair.push_str(&password.evaluate(exchange, world)?);
                }
                let mut value = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok();
                if let Some(value) = &mut value {
                    value.set_sensitive(true);
                }
                value
            }
        };
        Ok(Arc::new(crate::Proxy { host, port, authorization }))
    }
}

impl Policy for ProxyChoice {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        exchange.proxy = Some(self.evaluate(exchange, world)?);
        Ok(Flow::Continue)
    }
}

/// Host and port of a proxy.
fn address(text: &str) -> Result<(Box<str>, u16), String> {
    let url = Url::parse(text.trim()).map_err(|error| format!("is none: {error}"))?;
    if url.scheme() != "http" {
        return Err(format!("has the scheme `{}`; proxies are reached over http", url.scheme()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("holds a user; `username` and `password` are for that".to_owned());
    }
    if !matches!(url.path(), "" | "/") || url.query().is_some() {
        return Err("holds more than a host and a port".to_owned());
    }
    match (url.host_str(), url.port_or_known_default()) {
        (Some(host), Some(port)) if !host.is_empty() => Ok((host.into(), port)),
        _ => Err("has no host".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::*;

    #[test]
    fn a_proxy_has_a_host_a_port_and_perhaps_a_user() {
        let proxy = |attributes: &str| {
            run(&document("inbound", &format!("<proxy {attributes} />"))).proxy.expect("a proxy")
        };
        let plain = proxy("url=\"http://proxy.example:8080\"");
        assert_eq!((&*plain.host, plain.port, plain.authorization.as_ref()), ("proxy.example", 8080, None));
        let known = proxy("url=\"@(&quot;http://[::1]&quot;)\" username=\"u\" password=\"p\"");
        assert_eq!((&*known.host, known.port), ("[::1]", 80));
        assert_eq!(known.authorization.as_ref().unwrap(), "Basic dTpw");
        assert!(!format!("{known:?}").contains("dTpw"));
    }

    #[test]
    fn a_request_of_a_policy_has_a_proxy_of_its_own() {
        let world = TestWorld::new();
        let mut exchange = exchange();
        let text = "<send-request response-variable-name=\"r\"><set-url>https://a.example/</set-url><set-method>GET</set-method><proxy url=\"http://proxy.example:8080\" /></send-request>";
        world.run(&plan(&document("inbound", text)), &mut exchange);
        assert!(exchange.proxy.is_none());
        assert_eq!(&*world.sent.take().remove(0).0.proxy.unwrap().host, "proxy.example");
    }

    #[test]
    fn its_parts_are_checked() {
        for (attributes, wanted) in [
            ("", "`proxy` has no attribute `url`"),
            ("url=\"proxy.example:8080\"", "the URL of the proxy"),
            ("url=\"https://proxy.example\"", "proxies are reached over http"),
            ("url=\"http://u:p@proxy.example\"", "holds a user"),
            ("url=\"http://proxy.example/x\"", "more than a host and a port"),
            ("url=\"http://proxy.example\" password=\"p\"", "a `password` without a `username`"),
        ] {
            let told = findings_in("inbound", &format!("<proxy {attributes} />"));
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
        let exchange = run(&document("inbound", "<proxy url=\"@(&quot;x&quot;)\" />"));
        assert_eq!(exchange.last_error.unwrap().reason, "UrlInvalid");
    }
}
