//! A policy whose secret no vault gives yet: nothing passes it until one does.

use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};

use crate::{Action, Exchange, Failure, Flow, Policy, World};

#[derive(Debug)]
struct Unavailable {
    policy: &'static str,
}

/// What stands in the place of the policy.
pub(crate) fn action(policy: &'static str) -> Action {
    Action::Now(Box::new(Unavailable { policy }))
}

impl Policy for Unavailable {
    fn apply(&self, _: &mut Exchange, _: &World<'_>) -> Result<Flow, Failure> {
        let message = "A secret of this policy is in a vault that cannot be reached.";
        let failure =
            Failure::new(StatusCode::SERVICE_UNAVAILABLE, self.policy, "NamedValueUnavailable", message);
        Err(failure.public("Service unavailable").header(RETRY_AFTER, HeaderValue::from_static("10")))
    }
}
