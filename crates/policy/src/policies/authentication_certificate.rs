//! `authentication-certificate`: the certificate that is shown to the backend.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/authentication-certificate-policy>.

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::Text;
use crate::{Action, Exchange, Failure, Flow, Policy, World};

#[derive(Debug)]
struct AuthenticationCertificate(Text);

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    Ok(Action::Now(Box::new(AuthenticationCertificate(compile_name(builder, element)?))))
}

/// The id or the thumbprint of the certificate.
pub(super) fn compile_name(builder: &mut Builder<'_>, element: &Element) -> Result<Text, Reported> {
    for name in ["body", "password"] {
        if let Some(attribute) = element.attribute(name) {
            let message = format!(
                "the attribute `{name}` of `authentication-certificate` is not yet available: put the certificate under `certificates`"
            );
            return Err(builder.error("policy-not-available", &attribute.location, message));
        }
    }
    builder.only(element, &["thumbprint", "certificate-id"], &[]);
    builder.no_text(element);
    match (element.attribute("thumbprint"), element.attribute("certificate-id")) {
        (None, Some(attribute)) => {
            let text = builder.text(element, "certificate-id");
            if let Some(literal) = text.literal() {
                let location = attribute.value.location.clone();
                builder.certificate(literal.trim(), &location)?;
            }
            Ok(text)
        }
        (Some(_), Some(second)) => {
            let message = "`authentication-certificate` takes either `thumbprint` or `certificate-id`";
            Err(builder.error("bad-value", &second.location, message))
        }
        _ => {
            let text = builder.text(element, "thumbprint");
            if let (Some(literal), Some(attribute)) = (text.literal(), element.attribute("thumbprint")) {
                builder.names_certificate(literal, &attribute.value.location);
            }
            Ok(text)
        }
    }
}

impl Policy for AuthenticationCertificate {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let name = self.0.evaluate(exchange, world)?;
        exchange.marks.show_certificate(name.trim().into());
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::*;

    #[test]
    fn the_last_one_counts() {
        let exchange = run(&document(
            "inbound",
            "<authentication-certificate thumbprint=\"AB CD\" /><authentication-certificate certificate-id=\"@(&quot;two&quot;)\" />",
        ));
        assert_eq!(exchange.marks.certificate().map(|name| &**name), Some("two"));
    }

    #[test]
    fn what_cannot_be_is_told_at_load() {
        for (attributes, wanted) in [
            ("", "has no attribute `thumbprint`"),
            ("thumbprint=\"a\" certificate-id=\"b\"", "either `thumbprint` or `certificate-id`"),
            ("certificate-id=\"b\"", "names the certificate `b`, which does not exist"),
            ("body=\"@(new byte[0])\"", "`body` of `authentication-certificate` is not yet available"),
        ] {
            let told = findings_in("inbound", &format!("<authentication-certificate {attributes} />"));
            assert!(told.len() == 1 && told[0].contains(wanted), "{attributes}: {told:?}");
        }
    }
}
