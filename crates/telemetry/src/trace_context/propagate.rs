//! Passing a trace on to the next hop.

use std::borrow::Cow;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::parent::TraceContext;
use super::state::bounded;

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

impl TraceContext {
    /// Rewrites the trace headers of a request that goes on: the same trace with a span of this instance, and
    /// the bounded state. Returns what was written.
    ///
    /// A request without a valid `traceparent`, or with several, loses both headers and begins no trace here:
    /// the first party that records spans decides whether a trace is sampled, and a decision made for it by a
    /// party that records none would silence it.
    pub fn propagate(headers: &mut HeaderMap, mut random: impl FnMut() -> u64) -> Option<Self> {
        // One look at each name, since most requests carry neither.
        if !headers.keys().any(|name| *name == TRACEPARENT || *name == TRACESTATE) {
            return None;
        }
        let mut parents = headers.get_all(TRACEPARENT).iter();
        let parent = match (parents.next(), parents.next()) {
            (Some(only), None) => Self::parse(only.as_bytes()).ok(),
            _ => None,
        };
        let Some(parent) = parent else {
            headers.remove(TRACEPARENT);
            headers.remove(TRACESTATE);
            return None;
        };
        let own = parent.child(random().to_be_bytes());
        if let Ok(value) = HeaderValue::from_bytes(&own.to_header()) {
            headers.insert(TRACEPARENT, value);
        }
        if let Some(state) = state(headers) {
            headers.insert(TRACESTATE, state);
        } else {
            headers.remove(TRACESTATE);
        }
        Some(own)
    }
}

/// The state of all lines together, bounded.
fn state(headers: &HeaderMap) -> Option<HeaderValue> {
    let mut lines = headers.get_all(TRACESTATE).iter();
    let first = lines.next()?;
    let mut all = Cow::Borrowed(first.to_str().ok()?);
    for line in lines {
        let all = all.to_mut();
        all.push(',');
        all.push_str(line.to_str().ok()?);
    }
    match bounded(&all)? {
        Cow::Borrowed(same) if same.len() == first.len() => Some(first.clone()),
        state => HeaderValue::from_str(&state).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    fn passed_on(sent: &[(&'static str, &str)]) -> Vec<(String, String)> {
        let mut headers = HeaderMap::new();
        for (name, value) in sent {
            headers.append(*name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
        }
        let written = TraceContext::propagate(&mut headers, || 0x0102_0304_0506_0708);
        assert_eq!(written.is_some(), headers.contains_key("traceparent"));
        let text = |value: &HeaderValue| value.to_str().unwrap().to_owned();
        headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
    }

    fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
        expected.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn a_trace_goes_on_with_a_span_of_this_hop() {
        let own = "00-4bf92f3577b34da6a3ce929d0e0e4736-0102030405060708-01";
        assert_eq!(passed_on(&[("traceparent", PARENT)]), pairs(&[("traceparent", own)]));
        assert_eq!(
            passed_on(&[
                ("traceparent", PARENT),
                ("tracestate", "a=1"),
                ("tracestate", "b=2"),
                ("other", "x")
            ]),
            pairs(&[("traceparent", own), ("tracestate", "a=1,b=2"), ("other", "x")])
        );
    }

    #[test]
    fn what_is_malformed_is_dropped_with_its_state() {
        for sent in [
            &[("traceparent", "nonsense"), ("tracestate", "a=1")][..],
            &[("traceparent", PARENT), ("traceparent", PARENT), ("tracestate", "a=1")],
            &[("tracestate", "a=1")],
            &[],
        ] {
            assert_eq!(passed_on(sent), []);
        }
        let state_only = passed_on(&[("traceparent", PARENT), ("tracestate", "no value")]);
        assert_eq!(state_only.len(), 1, "a bad state goes alone: {state_only:?}");
    }
}
