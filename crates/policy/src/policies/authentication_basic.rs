//! `authentication-basic`: a user name and a password for the backend (RFC 7617).
//!
//! Source: <https://learn.microsoft.com/azure/api-management/authentication-basic-policy>.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http::header::AUTHORIZATION;
use zeroize::Zeroizing;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::Text;
use crate::{Action, Exchange, Failure, Flow, Policy, World};

#[derive(Debug)]
struct AuthenticationBasic {
    username: Text,
    password: Text,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["username", "password"], &[]);
    builder.no_text(element);
    let username = builder.text(element, "username");
    let password = builder.text(element, "password");
    if username.literal().is_some_and(|name| name.contains(':')) {
        let location = element.attribute("username").map_or(&element.location, |a| &a.value.location);
        let message = "a user name holds no colon: it ends there (RFC 7617, section 2)";
        return Err(builder.error("bad-value", location, message));
    }
    Ok(Action::Now(Box::new(AuthenticationBasic { username, password })))
}

impl Policy for AuthenticationBasic {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let username = self.username.evaluate(exchange, world)?;
        let password = self.password.evaluate(exchange, world)?;
        if username.contains(':') {
            let message = "The user name holds a colon, at which it would end.";
            return Err(Failure::internal("authentication-basic", "CredentialsInvalid", message));
        }
        let pair = Zeroizing::new(format!("{}:{}", &*username, &*password));
        let text = Zeroizing::new(format!("Basic {}", STANDARD.encode(&*pair)));
        let mut value = HeaderValue::try_from(text.as_str()).map_err(|_| {
            Failure::internal("authentication-basic", "CredentialsInvalid", "They fit in no header field.")
        })?;
        value.set_sensitive(true);
        exchange.request.headers.insert(AUTHORIZATION, value);
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use crate::testing::*;

    #[test]
    fn the_clients_own_credentials_give_way() {
        let policy =
            "<authentication-basic username=\"ana\" password=\"@(&quot;ge&quot; + &quot;heim:ü&quot;)\" />";
        let exchange = run_with(&document("inbound", policy), |exchange| {
            exchange
                .request
                .headers
                .insert("authorization", HeaderValue::from_static("Bearer of-the-client"));
        });
        let value = &exchange.request.headers["authorization"];
        assert_eq!(value, "Basic YW5hOmdlaGVpbTrDvA==");
        assert!(value.is_sensitive());
    }

    #[test]
    fn a_user_name_ends_at_a_colon() {
        let told = findings_in("inbound", "<authentication-basic username=\"a:b\" password=\"c\" />");
        assert!(told[0].contains("a user name holds no colon"), "{told:?}");
        let computed = "<authentication-basic username=\"@(&quot;a:b&quot;)\" password=\"c\" />";
        assert_eq!(run(&document("inbound", computed)).last_error.unwrap().reason, "CredentialsInvalid");
        let told = findings_in("inbound", "<authentication-basic username=\"a\" />");
        assert!(told[0].contains("has no attribute `password`"), "{told:?}");
    }
}
