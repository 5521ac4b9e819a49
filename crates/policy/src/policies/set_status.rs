//! `set-status`: the status code and the reason phrase of the answer.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/set-status-policy>.

use std::sync::Arc;

use http::StatusCode;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::{Integer, Text};
use crate::{Action, Exchange, Failure, Flow, Policy, Response, World};

/// A status for an answer.
#[derive(Debug)]
pub(super) struct StatusEdit {
    code: Integer,
    reason: Option<Text>,
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    Ok(Action::Now(Box::new(StatusEdit::compile(builder, element))))
}

impl StatusEdit {
    pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Self {
        builder.only(element, &["code", "reason"], &[]);
        builder.no_text(element);
        let code = builder.integer(element, "code", 200..=999);
        let reason = builder.optional_text(element, "reason");
        Self { code, reason }
    }

    /// Status and reason phrase for this exchange. Characters that a status line cannot carry are left out.
    pub(super) fn evaluate(
        &self,
        exchange: &mut Exchange,
        world: &World<'_>,
    ) -> Result<(StatusCode, Option<Arc<str>>), Failure> {
        let code = self.code.evaluate(exchange, world)?;
        let status = u16::try_from(code).ok().and_then(|code| StatusCode::from_u16(code).ok());
        let reason = match &self.reason {
            None => None,
            Some(reason) => {
                let reason: Arc<str> = reason.evaluate(exchange, world)?.into();
                let is_unfit = |c: char| !matches!(c, '\t' | ' '..='~');
                let reason =
                    if reason.contains(is_unfit) { reason.replace(is_unfit, "").into() } else { reason };
                Some(reason).filter(|reason| !reason.is_empty())
            }
        };
        Ok((status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR), reason))
    }
}

impl Policy for StatusEdit {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let (status, reason) = self.evaluate(exchange, world)?;
        let response = exchange.response.get_or_insert_with(|| Response::new(status));
        response.status = status;
        response.reason = reason;
        Ok(Flow::Continue)
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::*;

    #[test]
    fn it_sets_code_and_reason() {
        let exchange = run(&document("outbound", "<set-status code=\"404\" reason=\"Not here\" />"));
        assert_eq!(exchange.answered(), 404);
        assert_eq!(exchange.response.unwrap().reason.as_deref(), Some("Not here"));
    }

    #[test]
    fn expressions_give_both_and_a_reason_keeps_to_its_line() {
        let policy = "<set-status code=\"@(400 + 9)\" reason=\"@(&quot;a\\r\\nb é&quot;)\" />";
        let exchange = run(&document("outbound", policy));
        assert_eq!(exchange.answered(), 409);
        assert_eq!(exchange.response.unwrap().reason.as_deref(), Some("ab "));
    }

    #[test]
    fn a_code_that_is_none_fails() {
        let exchange = run(&document("outbound", "<set-status code=\"@(42)\" reason=\"x\" />"));
        assert_eq!(exchange.answered(), 500);
        assert!(exchange.last_error.unwrap().message.contains("the expression gave 42"));
    }
}
