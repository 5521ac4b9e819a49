//! What `rate-limit` and `rate-limit-by-key` say about a decision: header fields, variables, and the refusal.

use std::sync::Arc;

use gatehouse_expression::Value;
use gatehouse_store::counters::{Rate, RateDecision};
use http::header::{HeaderName, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::{Deferred, Exchange, Failure, Flow};

/// The attributes that say where figures go.
#[derive(Debug)]
pub(super) struct RateAnswer {
    retry_after_header: HeaderName,
    retry_after_variable: Option<Arc<str>>,
    remaining_header: Option<HeaderName>,
    remaining_variable: Option<Arc<str>>,
    total_header: Option<HeaderName>,
}

impl RateAnswer {
    /// Their names.
    pub(super) const ATTRIBUTES: [&'static str; 5] = [
        "retry-after-header-name",
        "retry-after-variable-name",
        "remaining-calls-header-name",
        "remaining-calls-variable-name",
        "total-calls-header-name",
    ];

    pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Self, Reported> {
        let retry_after = header(builder, element, "retry-after-header-name");
        Ok(Self {
            retry_after_header: retry_after.unwrap_or(RETRY_AFTER),
            retry_after_variable: builder.optional_literal(element, "retry-after-variable-name")?,
            remaining_header: header(builder, element, "remaining-calls-header-name"),
            remaining_variable: builder.optional_literal(element, "remaining-calls-variable-name")?,
            total_header: header(builder, element, "total-calls-header-name"),
        })
    }

    /// Lets the request go on, with the figures in the answer to come; or refuses it.
    pub(super) fn conclude(
        &self,
        exchange: &mut Exchange,
        policy: &'static str,
        rate: Rate,
        decision: RateDecision,
    ) -> Result<Flow, Failure> {
        let integer = |number: u32| Value::Int32(i32::try_from(number).unwrap_or(i32::MAX));
        if let Some(name) = &self.remaining_variable {
            exchange.variables.set(name, integer(decision.remaining));
        }
        if !decision.allowed {
            let seconds = decision.retry_after_seconds;
            if let Some(name) = &self.retry_after_variable {
                exchange.variables.set(name, integer(seconds));
            }
            let public = format!("Rate limit is exceeded. Try again in {seconds} seconds.");
            let status = StatusCode::TOO_MANY_REQUESTS;
            return Err(Failure::new(status, policy, "RateLimitExceeded", "Rate limit is exceeded")
                .public(public)
                .header(self.retry_after_header.clone(), HeaderValue::from(seconds)));
        }
        if self.remaining_header.is_some() || self.total_header.is_some() {
            let remaining = self.remaining_header.clone().map(|name| (name, decision.remaining));
            let total = self.total_header.clone().map(|name| (name, rate.calls));
            exchange.deferred.push(Deferred::Response(Box::new(move |exchange, _| {
                let Some(response) = &mut exchange.response else { return };
                for (name, figure) in remaining.into_iter().chain(total) {
                    response.headers.insert(name, HeaderValue::from(figure));
                }
            })));
        }
        Ok(Flow::Continue)
    }
}

/// Keeps the decision that leaves least, a refusal above all.
pub(super) fn decide(tightest: &mut Option<(Rate, RateDecision)>, rate: Rate, decision: RateDecision) {
    let is_tighter = tightest
        .is_none_or(|(_, known)| (known.allowed, known.remaining) > (decision.allowed, decision.remaining));
    if is_tighter {
        *tightest = Some((rate, decision));
    }
}

/// Counters in this process answer at once; others are refused at load.
pub(super) fn is_remote(policy: &'static str) -> Failure {
    Failure::internal(policy, "CounterNotAvailable", "The counter did not answer at once.")
}

/// A header field that an attribute names.
pub(super) fn header(builder: &mut Builder<'_>, element: &Element, name: &str) -> Option<HeaderName> {
    let Ok(Some(text)) = builder.optional_literal(element, name) else { return None };
    match super::set_header::header_name(&text) {
        Ok(header) => Some(header),
        Err(why) => {
            let location = element.attribute(name).map_or(&element.location, |known| &known.value.location);
            builder.error("bad-value", location, why);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::testing::*;
    use crate::{Exchange, Plan};

    fn limited(attributes: &str) -> Arc<Plan> {
        plan(&document(
            "inbound",
            &format!(
                "<rate-limit-by-key calls=\"2\" renewal-period=\"60\" counter-key=\"k\" {attributes} />"
            ),
        ))
    }

    fn calls(plan: &Plan) -> [Exchange; 3] {
        let world = TestWorld::new();
        [(); 3].map(|()| {
            let mut exchange = exchange();
            world.run(plan, &mut exchange);
            exchange
        })
    }

    fn field(exchange: &Exchange, name: &str) -> Option<String> {
        let headers = &exchange.response.as_ref()?.headers;
        headers.get(name).map(|value| value.to_str().unwrap().to_owned())
    }

    fn variable(exchange: &Exchange, name: &str) -> Option<String> {
        exchange.variables.get(name).map(|value| value.to_text().to_string())
    }

    #[test]
    fn figures_stand_in_the_fields_that_the_policy_names() {
        let plan = limited(
            "retry-after-header-name=\"x-after\" remaining-calls-header-name=\"x-left\" total-calls-header-name=\"x-all\"",
        );
        let [first, second, third] = calls(&plan);
        assert_eq!(
            (field(&first, "x-left").as_deref(), field(&first, "x-all").as_deref()),
            (Some("1"), Some("2"))
        );
        assert_eq!(field(&second, "x-left").as_deref(), Some("0"));
        assert_eq!(field(&first, "x-after"), None);
        assert_eq!(third.answered(), 429);
        assert_eq!(field(&third, "x-after").as_deref(), Some("60"));
        assert_eq!((field(&third, "x-left"), field(&third, "retry-after")), (None, None));
    }

    #[test]
    fn without_names_only_a_refusal_has_a_field() {
        let [first, _, third] = calls(&limited(""));
        assert!(first.response.unwrap().headers.is_empty());
        assert_eq!(field(&third, "retry-after").as_deref(), Some("60"));
    }

    #[test]
    fn figures_stand_in_variables_as_numbers() {
        use gatehouse_expression::Value;

        let [first, second, third] =
            calls(&limited("remaining-calls-variable-name=\"left\" retry-after-variable-name=\"after\""));
        let number = |exchange: &Exchange, name: &str| match exchange.variables.get(name) {
            Some(Value::Int32(number)) => Some(*number),
            _ => None,
        };
        assert_eq!(
            [&first, &second, &third].map(|exchange| number(exchange, "left")),
            [Some(1), Some(0), Some(0)]
        );
        assert_eq!([&first, &third].map(|exchange| number(exchange, "after")), [None, Some(60)]);
        assert_eq!(variable(&first, "after"), None);
    }
}
