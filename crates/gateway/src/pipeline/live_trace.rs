//! A request that asks for its own trace, with a debug token in `Apim-Debug-Authorization`.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/api-management-howto-api-inspector>. A valid token is
//! answered with `Apim-Trace-Id`, an expired one with `Apim-Debug-Authorization-Expired`, and one of another API with
//! `Apim-Debug-Authorization-WrongAPI`. One that was not made here is answered with nothing: whoever tries tokens learns
//! nothing by it.

use gatehouse_policy::trace::{Detail, Entry, Trace};
use gatehouse_policy::{Clock as _, Exchange};
use gatehouse_store::{DebugToken, DebugTokenError, DebugTokens};
use http::{HeaderName, HeaderValue};

use super::service::Shared;
use crate::snapshot::Snapshot;

const AUTHORIZATION: HeaderName = HeaderName::from_static("apim-debug-authorization");
const EXPIRED: HeaderName = HeaderName::from_static("apim-debug-authorization-expired");
const WRONG_API: HeaderName = HeaderName::from_static("apim-debug-authorization-wrongapi");
const TRACE_ID: HeaderName = HeaderName::from_static("apim-trace-id");

/// What requests need to ask for their traces.
pub struct LiveTraces {
    /// Says who may ask.
    pub tokens: DebugTokens,
    /// Where traces go.
    pub sink: Box<dyn TraceSink>,
}

/// Takes traces; never blocks.
pub trait TraceSink: Send + Sync {
    /// Takes a trace, or drops it where there are too many.
    fn keep(&self, trace: FinishedTrace);
}

/// A trace that has come to its end, with every secret masked.
#[derive(Debug)]
pub struct FinishedTrace {
    /// 32 hexadecimal digits.
    pub id: String,
    /// When the request came, in milliseconds since 1970.
    pub time_millis: u64,
    /// Method and URL.
    pub request: String,
    /// The API.
    pub api: Option<String>,
    /// The status of the answer.
    pub status: u16,
    /// What happened.
    pub entries: Vec<Entry>,
    /// Whether something was left out because the trace had grown too large.
    pub is_cut: bool,
}

/// What became of the token of a request that has one.
pub(super) enum LiveTrace {
    Valid { token: DebugToken, id: String, time_millis: u64 },
    Expired(DebugToken),
}

impl LiveTrace {
    /// Takes the token out of the request, which must not come to the backend, and begins the trace that it allows.
    pub(super) fn begin(exchange: &mut Exchange, shared: &Shared, snapshot: &Snapshot) -> Option<Self> {
        let presented = exchange.request.headers.remove(&AUTHORIZATION)?;
        let tokens = &shared.live_traces.as_ref()?.tokens;
        let time_millis = shared.clock.now_millis();
        match tokens.check(presented.as_bytes(), (time_millis / 1000) as i64) {
            Ok(token) => {
                exchange.begin_trace(Trace::new(Detail::Decisions, snapshot.secrets.iter().cloned()));
                Some(Self::Valid { token, id: exchange.id.simple().to_string(), time_millis })
            }
            Err(DebugTokenError::Expired(token)) => Some(Self::Expired(token)),
            Err(DebugTokenError::Invalid) => None,
        }
    }

    /// Tells the client what became of its token, and keeps the trace.
    pub(super) fn end(self, exchange: &mut Exchange, shared: &Shared) {
        let trace = exchange.trace.take();
        let (name, value) = match self {
            Self::Expired(token) => {
                (EXPIRED, format!("The debug token expired at {} UTC seconds.", token.expires))
            }
            Self::Valid { token, id, time_millis } => {
                let api = exchange.route.api.as_ref();
                let is_meant = api.is_some_and(|api| token.api_matches(api.workspace.as_deref(), &api.id));
                if !is_meant {
                    (WRONG_API, "The debug token was made for another API.".to_owned())
                } else if let (Some(trace), Some(live)) = (trace, &shared.live_traces) {
                    live.sink.keep(finished(&id, time_millis, exchange, *trace));
                    (TRACE_ID, id)
                } else {
                    return;
                }
            }
        };
        if let (Some(response), Ok(value)) = (&mut exchange.response, HeaderValue::from_str(&value)) {
            response.headers.insert(name, value);
        }
    }
}

fn finished(id: &str, time_millis: u64, exchange: &Exchange, trace: Trace) -> FinishedTrace {
    let url = trace.masked(&exchange.request.original_url.to_string());
    FinishedTrace {
        id: id.to_owned(),
        time_millis,
        request: format!("{} {url}", exchange.request.method),
        api: exchange.route.api.as_ref().map(|api| api.id.to_string()),
        status: exchange.response.as_ref().map_or(500, |response| response.status.as_u16()),
        is_cut: trace.is_cut(),
        entries: trace.into_entries(),
    }
}
