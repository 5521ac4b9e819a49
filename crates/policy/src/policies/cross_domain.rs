//! `cross-domain`: the document `/crossdomain.xml`, by which Flash and Silverlight decide whether a page may call.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/cross-domain-policy> and Adobe's specification of cross-domain
//! policy files. It is answered beside the operations: at the root for the policy of the service, under the path of an API for
//! that of the API. No key is asked for, since these clients send none.

use gatehouse_model::Severity;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, StatusCode};

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::Text;
use crate::{Action, Body, Exchange, Failure, Flow, Policy, Response, World};

/// The path of the document.
pub(crate) const PATH: &str = "/crossdomain.xml";

/// Elements of the document and their attributes.
const ELEMENTS: [(&str, &[&str]); 4] = [
    ("site-control", &["permitted-cross-domain-policies"]),
    ("allow-access-from", &["domain", "to-ports", "secure"]),
    ("allow-http-request-headers-from", &["domain", "headers", "secure"]),
    ("allow-access-from-identity", &[]),
];

#[derive(Debug)]
struct CrossDomain {
    document: Text,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &[], &["cross-domain-policy"]);
    builder.no_text(element);
    let Some(policy) = builder.child(element, "cross-domain-policy") else {
        let message = "`cross-domain` holds no `cross-domain-policy`";
        let fix = "add `<cross-domain-policy>` with `<allow-access-from domain=\"…\" />`";
        return Err(builder.error_with_fix("missing-element", &element.location, message, fix));
    };
    builder.only(policy, &[], &ELEMENTS.map(|(name, _)| name));
    for child in policy.elements() {
        let Some((_, attributes)) = ELEMENTS.iter().find(|(name, _)| *name == child.name) else { continue };
        // What is within an identity, a certificate, is Adobe's to read.
        if child.name != "allow-access-from-identity" {
            builder.only_own(child, attributes);
        }
        if let Some(domain) = child.attribute("domain")
            && domain.value.text.trim() == "*"
        {
            let message =
                format!("`{}` lets the pages of every site call with the user's cookies", child.name);
            builder.warn(Severity::High, "open-cross-domain", &domain.value.location, message);
        }
    }
    let document = builder.text_of(&element.payload());
    Ok(Action::Now(Box::new(CrossDomain { document })))
}

impl Policy for CrossDomain {
    fn apply(&self, _: &mut Exchange, _: &World<'_>) -> Result<Flow, Failure> {
        Ok(Flow::Continue)
    }

    fn answer_unmatched(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<Option<Response>, Failure> {
        let request = &exchange.request;
        if !matches!(request.method, Method::GET | Method::HEAD) || request.url.path != PATH {
            return Ok(None);
        }
        let document = self.document.evaluate(exchange, world)?;
        let mut response = Response::new(StatusCode::OK);
        response.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/x-cross-domain-policy"));
        let document = document.trim();
        response.body = Body::Full(format!("<?xml version=\"1.0\" encoding=\"utf-8\"?>\n{document}").into());
        Ok(Some(response))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    const OPEN: &str = "<cross-domain><cross-domain-policy><allow-http-request-headers-from domain='a.example' headers='*' /></cross-domain-policy></cross-domain>";

    fn answered(policy: &str, path: &str) -> Option<Response> {
        let world = TestWorld::new();
        let mut exchange = exchange();
        exchange.request.url.path = path.into();
        crate::cross_domain(&plan(&document("inbound", policy)), &mut exchange, &world.world())
    }

    #[test]
    fn the_document_is_there_and_nothing_else_changes() {
        let response = answered(OPEN, PATH).unwrap();
        assert_eq!(response.headers[CONTENT_TYPE], "text/x-cross-domain-policy");
        let text = String::from_utf8(response.body.bytes().unwrap().to_vec()).unwrap();
        assert_eq!(
            text,
            "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<cross-domain-policy><allow-http-request-headers-from domain='a.example' headers='*' /></cross-domain-policy>"
        );
        assert!(answered(OPEN, "/other.xml").is_none());
        assert!(answered("<set-method>GET</set-method>", PATH).is_none());
        assert_eq!(run(&document("inbound", OPEN)).answer_text(), "backend");
    }

    #[test]
    fn it_is_checked_at_load() {
        for (policy, wanted) in [
            ("<cross-domain />", "holds no `cross-domain-policy`"),
            (
                "<cross-domain><cross-domain-policy><allow-acess-from domain=\"a\" /></cross-domain-policy></cross-domain>",
                "did you mean `allow-access-from`?",
            ),
            (
                "<cross-domain><cross-domain-policy><allow-access-from domian=\"a\" /></cross-domain-policy></cross-domain>",
                "did you mean `domain`?",
            ),
            (
                "<cross-domain><cross-domain-policy><allow-access-from domain=\"*\" /></cross-domain-policy></cross-domain>",
                "lets the pages of every site call",
            ),
        ] {
            let told = findings_in("inbound", policy);
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
    }
}
