//! One request under inspection.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use gatehouse_model::configuration::{WafMode, WafProtocol};
use gatehouse_policy::{
    ApiFacts, Body, Exchange, Failure, LastError, OperationFacts, accepts_problem, builtin, error_response,
};
use gatehouse_waf::{Connection as Talk, Engine, Refusal, RefusalKind, Transaction, Verdict};
use http::header::{CONTENT_TYPE, HOST, LOCATION};
use http::{HeaderValue, Request, StatusCode, Version};

use super::held_body::HeldBody;
use super::{Declared, Firewall};
use crate::connection::Connection;

/// A request under inspection, until its answer is known.
pub(crate) struct Inspection {
    pub(super) firewall: Arc<Firewall>,
    pub(super) transaction: Transaction,
    pub(super) mode: WafMode,
    /// What the request is for, as far as it is known.
    pub(super) api: Option<Arc<ApiFacts>>,
    pub(super) operation: Option<Arc<OperationFacts>>,
    /// The target of the request line as it came.
    pub(super) target: Box<str>,
    /// Whether the body is left alone: it never ends, or it is framed in a way that no rule reads.
    streams: bool,
    /// Whether the rules have refused the request or its answer.
    pub(crate) blocked: bool,
}

/// What is known of a request beside its head.
pub(crate) struct Seen<'s> {
    pub(crate) client: IpAddr,
    pub(crate) host: &'s str,
    pub(crate) websocket: bool,
    pub(crate) connection: &'s Connection,
}

/// What the firewall is to know of the operation that a request is for.
pub(crate) struct Aim<'s> {
    /// Its mode, where the configuration has one for it.
    pub(crate) mode: Option<WafMode>,
    pub(crate) api: &'s Arc<ApiFacts>,
    pub(crate) operation: Option<&'s Arc<OperationFacts>>,
    /// What its definition says of arguments.
    pub(crate) declared: Option<&'s Declared>,
}

impl Inspection {
    /// Takes the head as the client sent it, before anything is taken from it or added. None where it passes unseen.
    pub(crate) fn begin(
        firewall: &Arc<Firewall>,
        mode: WafMode,
        request: &Request<Body>,
        seen: &Seen<'_>,
        now_millis: u64,
    ) -> Option<Box<Self>> {
        let Seen { client, host, websocket: is_websocket, connection } = *seen;
        let is_grpc = request
            .headers()
            .get(CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().to_ascii_lowercase().starts_with(b"application/grpc"));
        let passes = |protocol| firewall.pass.contains(&protocol);
        if is_grpc && passes(WafProtocol::Grpc) || is_websocket && passes(WafProtocol::WebSocket) {
            return None;
        }
        let talk = Talk {
            client,
            client_port: connection.peer.port(),
            server: connection.local.ip(),
            server_port: connection.local.port(),
            server_name: host,
            request_id: "",
            now: Duration::from_millis(now_millis),
        };
        let mut transaction =
            Transaction::new(&firewall.rules, firewall.limits, Some(&firewall.collections), &talk);
        transaction.set_engine(engine(mode));
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let method = request.method().as_str().as_bytes();
        let protocol: &[u8] = match request.version() {
            Version::HTTP_2 => b"HTTP/2",
            Version::HTTP_10 => b"HTTP/1.0",
            _ => b"HTTP/1.1",
        };
        transaction.request_line(method, target.as_bytes(), protocol);
        for (name, value) in request.headers() {
            transaction.request_header(name.as_str().as_bytes(), value.as_bytes());
        }
        if !request.headers().contains_key(HOST)
            && let Some(authority) = request.uri().authority()
        {
            transaction.request_header(b"host", authority.as_str().as_bytes());
        }
        Some(Box::new(Self {
            firewall: Arc::clone(firewall),
            transaction,
            mode,
            api: None,
            operation: None,
            target: target.into(),
            streams: is_grpc || is_websocket,
            blocked: false,
        }))
    }

    /// Takes what is known of the operation that the request is for.
    pub(crate) fn aim_at(&mut self, aim: &Aim<'_>) {
        if let Some(mode) = aim.mode {
            self.mode = mode;
            self.transaction.set_engine(engine(mode));
        }
        self.api = Some(Arc::clone(aim.api));
        self.operation = aim.operation.map(Arc::clone);
        if let Some(declared) = aim.declared.filter(|_| self.mode != WafMode::Off) {
            self.transaction.declare(Arc::clone(&declared.definition), declared.refuses_others);
        }
    }

    /// Runs the rules on head and body. Where they refuse, the answer stands in the exchange.
    pub(crate) async fn request(&mut self, exchange: &mut Exchange) -> bool {
        self.transaction
            .name_request(exchange.id.hyphenated().encode_lower(&mut uuid::Uuid::encode_buffer()));
        if let Verdict::Refuse(refusal) = self.transaction.end_of_request_header() {
            self.refuse(&refusal, exchange, "request");
            return false;
        }
        if !self.streams && !exchange.request.body.is_empty() && self.transaction.wants_request_body() {
            let body = std::mem::take(&mut exchange.request.body);
            let transaction = &mut self.transaction;
            let held = HeldBody::read(body, |data: &Bytes| {
                transaction.request_body(data) == Verdict::Pass && !transaction.is_request_body_cut()
            })
            .await;
            match held {
                Ok(body) => exchange.request.body = body,
                Err(error) => {
                    broken(&builtin::request_body(&error), exchange);
                    return false;
                }
            }
        }
        if let Verdict::Refuse(refusal) = self.transaction.end_of_request_body() {
            self.refuse(&refusal, exchange, "request");
            return false;
        }
        true
    }

    /// Runs the rules on the answer. Where they refuse, another answer takes its place.
    pub(crate) async fn response(&mut self, exchange: &mut Exchange) {
        let Some(response) = &mut exchange.response else { return };
        self.transaction.response_line(response.status.as_u16(), b"HTTP/1.1");
        for (name, value) in &response.headers {
            self.transaction.response_header(name.as_str().as_bytes(), value.as_bytes());
        }
        let mut verdict = self.transaction.end_of_response_header();
        if verdict == Verdict::Pass {
            if !self.streams && !response.body.is_empty() && self.transaction.wants_response_body() {
                let body = std::mem::take(&mut response.body);
                let transaction = &mut self.transaction;
                let held = HeldBody::read(body, |data: &Bytes| {
                    transaction.response_body(data) == Verdict::Pass && !transaction.is_response_body_cut()
                })
                .await;
                match held {
                    Ok(body) => response.body = body,
                    Err(error) => {
                        let message = format!("The backend's answer broke off: {error}");
                        let failure =
                            Failure::new(StatusCode::BAD_GATEWAY, "waf", "BackendConnectionFailure", message);
                        return broken(&failure, exchange);
                    }
                }
            }
            verdict = self.transaction.end_of_response_body();
        }
        if let Verdict::Refuse(refusal) = verdict {
            self.refuse(&refusal, exchange, "response");
        }
    }

    /// Puts the answer of a refusal into the exchange: it tells the request's id and nothing else.
    fn refuse(&mut self, refusal: &Refusal, exchange: &mut Exchange, what: &'static str) {
        self.blocked = true;
        let status = match refusal.kind {
            RefusalKind::Redirect(_) | RefusalKind::BodyTooLarge => None,
            _ => self.firewall.block_status,
        };
        let status = status
            .or_else(|| StatusCode::from_u16(refusal.status).ok())
            .filter(|status| !status.is_informational())
            .unwrap_or(StatusCode::FORBIDDEN);
        let request_id = exchange.id.to_string();
        let message = match refusal.kind {
            RefusalKind::BodyTooLarge => {
                format!("The body is larger than this API takes. Request id: {request_id}")
            }
            _ => format!("The request was refused. Request id: {request_id}"),
        };
        let failure = Failure::new(status, "waf", "RequestBlocked", message);
        let mut response = error_response(&failure, exchange.id, accepts_problem(&exchange.request.headers));
        if let Some((page, media_type)) = self.firewall.page(&request_id) {
            response.headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
            response.body = Body::from(page);
        }
        if let RefusalKind::Redirect(place) = &refusal.kind
            && let Ok(place) = HeaderValue::from_str(place)
        {
            response.headers.insert(LOCATION, place);
            response.body = Body::Empty;
        }
        exchange.response = Some(response);
        let message = match refusal.kind {
            RefusalKind::Budget => format!("The inspection of the {what} went beyond its bounds."),
            RefusalKind::BodyTooLarge => format!("The body of the {what} is larger than the rules take."),
            _ => format!("Rule {} refused the {what}.", refusal.rule),
        };
        exchange.last_error = Some(LastError {
            source: "waf".to_owned(),
            reason: "RequestBlocked".to_owned(),
            message,
            ..LastError::default()
        });
    }
}

/// Answers for a body that broke off before it could be judged.
fn broken(failure: &Failure, exchange: &mut Exchange) {
    exchange.last_error = Some(LastError {
        source: failure.source.to_string(),
        reason: failure.reason.to_string(),
        message: failure.message.to_string(),
        ..LastError::default()
    });
    exchange.response =
        Some(error_response(failure, exchange.id, accepts_problem(&exchange.request.headers)));
}

fn engine(mode: WafMode) -> Engine {
    match mode {
        WafMode::Prevention => Engine::On,
        WafMode::Detection => Engine::DetectionOnly,
        WafMode::Off => Engine::Off,
    }
}
