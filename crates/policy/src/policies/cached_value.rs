//! What the policies share that keep values by key: the key, and where values are kept.

use gatehouse_expression::{Snapshot, Value};
use gatehouse_model::Severity;

use crate::cache::ValueKey;
use crate::compiler::Builder;
use crate::document::Element;
use crate::value::Text;
use crate::{Exchange, Failure, World};

/// The largest value, in bytes: what Azure API Management caches of an answer.
const MAX_VALUE: usize = 2 * 1024 * 1024;

/// The key of a policy.
#[derive(Debug)]
pub(super) struct Key {
    text: Text,
    workspace: Option<std::sync::Arc<str>>,
}

impl Key {
    pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Self {
        let workspace = builder.workspace().map(Into::into);
        Self { text: builder.text(element, "key"), workspace }
    }

    pub(super) fn evaluate(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<ValueKey, Failure> {
        let key = self.text.evaluate(exchange, world)?.into();
        Ok(ValueKey { workspace: self.workspace.clone(), key })
    }
}

/// Checks `caching-type`. As long as there is no external cache, the memory of the process stands in for it.
pub(super) fn check_caching_type(builder: &mut Builder<'_>, element: &Element) {
    let Some(attribute) = element.attribute("caching-type") else { return };
    let Ok(word) = builder.literal(element, "caching-type") else { return };
    let location = &attribute.value.location;
    match word.to_ascii_lowercase().as_str() {
        "internal" | "prefer-external" => {}
        "external" => {
            let message = format!(
                "`{}` asks for an external cache, and none is configured: the memory of this process stands in, \
                 which other instances do not see and a restart empties",
                element.name
            );
            builder.warn(Severity::Low, "no-external-cache", location, message);
        }
        _ => {
            let message = format!(
                "the attribute `caching-type` must be one of `internal`, `prefer-external`, `external`, not `{word}`"
            );
            builder.error("bad-value", location, message);
        }
    }
}

/// The form in which a value is kept; `None`: it is larger than what is kept.
///
/// # Errors
/// The value is no plain data.
pub(super) fn snapshot(value: &Value, policy: &'static str) -> Result<Option<Snapshot>, Failure> {
    use gatehouse_expression::SnapshotError;
    match Snapshot::of(value, MAX_VALUE) {
        Ok(snapshot) => Ok(Some(snapshot)),
        Err(SnapshotError::TooLarge(_)) => Ok(None),
        Err(error) => Err(Failure::internal(policy, "ValueNotCacheable", error.to_string())),
    }
}

/// Milliseconds of the clock that caches go by.
pub(super) fn now(world: &World<'_>) -> u64 {
    world.clock.monotonic_micros() / 1000
}
