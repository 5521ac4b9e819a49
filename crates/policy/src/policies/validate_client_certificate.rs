//! `validate-client-certificate`: the client's certificate is one of some, and in order.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/validate-client-certificate-policy>. Chain and revocation are
//! judged when the connection is made, against the authorities and lists of the listener; what came of it is held against
//! the policy here.

use std::sync::Arc;

use gatehouse_identity::{ClientCertificate, DistinguishedName};
use http::StatusCode;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::{Action, Exchange, Failure, Flow, Policy, World};

#[derive(Debug)]
struct ValidateClientCertificate {
    revocation: bool,
    trust: bool,
    not_before: bool,
    not_after: bool,
    ignores_errors: bool,
    identities: Vec<Identity>,
}

/// All that is given must fit.
#[derive(Debug, Default)]
struct Identity {
    thumbprint: Option<Arc<str>>,
    serial_number: Option<Arc<str>>,
    common_name: Option<Arc<str>>,
    subject: Option<DistinguishedName>,
    dns_name: Option<Arc<str>>,
    issuer_subject: Option<DistinguishedName>,
    issuer_thumbprint: Option<Arc<str>>,
    issuer: Option<Arc<[u8]>>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    let attributes = [
        "validate-revocation",
        "validate-trust",
        "validate-not-before",
        "validate-not-after",
        "ignore-error",
    ];
    builder.only(element, &attributes, &["identities"]);
    builder.no_text(element);
    let identities = match builder.child(element, "identities") {
        None => Vec::new(),
        Some(list) => {
            builder.only(list, &[], &["identity"]);
            builder.no_text(list);
            let identities: Result<Vec<_>, _> =
                list.elements().map(|child| compile_identity(builder, child)).collect();
            let identities = identities?;
            if identities.is_empty() {
                let message = "`identities` holds no `identity`: it would refuse every certificate";
                return Err(builder.error("missing-element", &list.location, message));
            }
            identities
        }
    };
    Ok(Action::Now(Box::new(ValidateClientCertificate {
        revocation: builder.literal_boolean(element, "validate-revocation", true),
        trust: builder.literal_boolean(element, "validate-trust", true),
        not_before: builder.literal_boolean(element, "validate-not-before", true),
        not_after: builder.literal_boolean(element, "validate-not-after", true),
        ignores_errors: builder.literal_boolean(element, "ignore-error", false),
        identities,
    })))
}

fn compile_identity(builder: &mut Builder<'_>, element: &Element) -> Result<Identity, Reported> {
    let attributes = [
        "thumbprint",
        "serial-number",
        "common-name",
        "subject",
        "dns-name",
        "issuer-subject",
        "issuer-thumbprint",
        "issuer-certificate-id",
    ];
    builder.only(element, &attributes, &[]);
    builder.no_text(element);
    if element.attributes.is_empty() {
        let message = "an `identity` without attributes would let every certificate in";
        return Err(builder.error("missing-attribute", &element.location, message));
    }
    let issuer = match element.attribute("issuer-certificate-id") {
        None => None,
        Some(attribute) => {
            let others = ["issuer-subject", "issuer-thumbprint"];
            if let Some(other) = others.iter().find_map(|name| element.attribute(name)) {
                let message = "`issuer-certificate-id` stands without the other attributes about the issuer";
                return Err(builder.error("bad-value", &other.location, message));
            }
            let id = builder.literal(element, "issuer-certificate-id")?;
            let location = attribute.value.location.clone();
            Some(builder.certificate(&id, &location)?.der)
        }
    };
    Ok(Identity {
        thumbprint: builder.optional_literal(element, "thumbprint")?,
        serial_number: builder.optional_literal(element, "serial-number")?,
        common_name: builder.optional_literal(element, "common-name")?,
        subject: name(builder, element, "subject")?,
        dns_name: builder.optional_literal(element, "dns-name")?,
        issuer_subject: name(builder, element, "issuer-subject")?,
        issuer_thumbprint: builder.optional_literal(element, "issuer-thumbprint")?,
        issuer,
    })
}

fn name(
    builder: &mut Builder<'_>,
    element: &Element,
    attribute: &str,
) -> Result<Option<DistinguishedName>, Reported> {
    let Some(text) = builder.optional_literal(element, attribute)? else { return Ok(None) };
    match DistinguishedName::parse(&text) {
        Some(name) => Ok(Some(name)),
        None => {
            let location = element.attribute(attribute).map_or(&element.location, |a| &a.value.location);
            let message = format!("the `{attribute}` is no distinguished name");
            let fix = "write it as `CN=name, O=\"Contoso, Inc.\", C=US`";
            Err(builder.error_with_fix("bad-value", location, message, fix))
        }
    }
}

impl Identity {
    fn fits(&self, certificate: &ClientCertificate) -> bool {
        let is = |wanted: &Option<Arc<str>>, fits: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(fits);
        is(&self.thumbprint, &|thumbprint| certificate.has_thumbprint(thumbprint))
            && is(&self.serial_number, &|number| certificate.has_serial_number(number))
            && is(&self.common_name, &|name| certificate.common_name.as_deref() == Some(name))
            && is(&self.dns_name, &|name| {
                certificate.dns_names.iter().any(|known| known.eq_ignore_ascii_case(name))
            })
            && self.subject.as_ref().is_none_or(|name| name.is(&certificate.subject))
            && self.issuer_subject.as_ref().is_none_or(|name| name.is(&certificate.issuer))
            && is(&self.issuer_thumbprint, &|thumbprint| certificate.has_issuer(thumbprint))
            && self.issuer.as_ref().is_none_or(|issuer| certificate.is_issued_by(issuer))
    }
}

impl ValidateClientCertificate {
    fn verdict(
        &self,
        certificate: Option<&ClientCertificate>,
        now: i64,
    ) -> Result<(), (&'static str, &'static str)> {
        let certificate =
            certificate.ok_or(("ClientCertificateNotFound", "Client certificate was not presented."))?;
        if self.not_before && now < certificate.not_before {
            return Err(("ClientCertificateNotYetValid", "Client certificate is not yet valid."));
        }
        if self.not_after && now > certificate.not_after {
            return Err(("ClientCertificateExpired", "Client certificate is expired."));
        }
        if self.revocation && certificate.standing.is_revoked {
            return Err(("ClientCertificateRevoked", "Client certificate is revoked."));
        }
        if self.trust && !certificate.standing.is_trusted {
            return Err(("ClientCertificateNotTrusted", "Client certificate is not trusted."));
        }
        if !self.identities.is_empty() && !self.identities.iter().any(|identity| identity.fits(certificate)) {
            return Err(("ClientCertificateIdentityNotMatched", "Client certificate is not allowed."));
        }
        Ok(())
    }
}

impl Policy for ValidateClientCertificate {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let now = (world.clock.now_millis() / 1000) as i64;
        match self.verdict(exchange.request.certificate.as_deref(), now) {
            Ok(()) => Ok(Flow::Continue),
            Err(_) if self.ignores_errors => Ok(Flow::Continue),
            Err((reason, what)) => {
                let message = format!("{what} Access denied.");
                Err(Failure::new(StatusCode::FORBIDDEN, "validate-client-certificate", reason, message))
            }
        }
    }
}

#[cfg(test)]
mod tests;
