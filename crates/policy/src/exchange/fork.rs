//! Exchanges for policies that run beside one another: each branch has its own, and what it changes is taken over when it
//! is done.

use bytes::Bytes;
use http::{HeaderMap, HeaderName};
use smallvec::SmallVec;

use super::{Body, Exchange, Request, Response};

/// An exchange as it stood when its branches began.
#[derive(Debug)]
pub(crate) struct Base(Exchange);

impl Base {
    /// The exchange as it stands. Bodies that are not whole stay with it: branches cannot read them.
    pub(crate) fn of(exchange: &Exchange) -> Self {
        Self(fork(exchange))
    }

    /// An exchange for one branch.
    pub(crate) fn branch(&self) -> Exchange {
        fork(&self.0)
    }

    /// Takes over into the exchange what a branch has changed. Where two branches change the same, the later one counts.
    pub(crate) fn join(&self, exchange: &mut Exchange, branch: Exchange) {
        let base = &self.0;
        exchange.variables.join(&branch.variables);
        join_request(&mut exchange.request, &base.request, branch.request);
        join_response(&mut exchange.response, base.response.as_ref(), branch.response);
        if branch.backend != base.backend {
            exchange.backend = branch.backend;
        }
        if branch.proxy != base.proxy {
            exchange.proxy = branch.proxy;
        }
        exchange.deferred.extend(branch.deferred);
        for key in branch.counted {
            if !exchange.counted.contains(&key) {
                exchange.counted.push(key);
            }
        }
        exchange.marks.origin_allowed |= branch.marks.origin_allowed;
        exchange.marks.cache = branch.marks.cache.or(exchange.marks.cache);
        exchange.marks.tokens = branch.marks.tokens.or(exchange.marks.tokens.take());
        if let Some(trace) = branch.trace {
            exchange.join_trace(*trace);
        }
    }
}

fn fork(exchange: &Exchange) -> Exchange {
    let request = &exchange.request;
    Exchange {
        id: exchange.id,
        started_micros: exchange.started_micros,
        request: Request {
            method: request.method.clone(),
            original_url: request.original_url.clone(),
            url: request.url.clone(),
            headers: request.headers.clone(),
            body: fork_body(&request.body),
            version: request.version,
            websocket: request.websocket,
            client_ip: request.client_ip,
            certificate: request.certificate.clone(),
            matched_parameters: request.matched_parameters.clone(),
            is_loop: request.is_loop,
        },
        response: exchange.response.as_ref().map(|response| Response {
            status: response.status,
            reason: response.reason.clone(),
            headers: response.headers.clone(),
            body: fork_body(&response.body),
        }),
        route: exchange.route.clone(),
        deployment: exchange.deployment.clone(),
        variables: exchange.variables.fork(),
        backend: exchange.backend.clone(),
        proxy: exchange.proxy.clone(),
        last_error: exchange.last_error.clone(),
        deferred: SmallVec::new(),
        counted: exchange.counted.clone(),
        marks: exchange.marks.clone(),
        trace: exchange.trace.as_ref().map(|trace| Box::new(trace.fork())),
    }
}

fn fork_body(body: &Body) -> Body {
    match body {
        Body::Empty => Body::Empty,
        Body::Full(bytes) => Body::Full(bytes.clone()),
        Body::Consumed | Body::Stream(_) => Body::Consumed,
    }
}

fn is_changed(base: &Body, branch: &Body) -> bool {
    let place = |bytes: &Bytes| (bytes.as_ptr(), bytes.len());
    match (base, branch) {
        (Body::Empty, Body::Empty) | (Body::Consumed, Body::Consumed) => false,
        (Body::Full(before), Body::Full(after)) => place(before) != place(after),
        _ => true,
    }
}

fn join_request(request: &mut Request, base: &Request, branch: Request) {
    if branch.method != base.method {
        request.method = branch.method;
    }
    if branch.url != base.url {
        request.url = branch.url;
    }
    join_headers(&mut request.headers, &base.headers, &branch.headers);
    if is_changed(&base.body, &branch.body) {
        request.body = branch.body;
    }
}

fn join_response(response: &mut Option<Response>, base: Option<&Response>, branch: Option<Response>) {
    let Some(branch) = branch else { return };
    let (Some(response), Some(base)) = (response.as_mut(), base) else {
        *response = Some(branch);
        return;
    };
    if (branch.status, &branch.reason) != (base.status, &base.reason) {
        (response.status, response.reason) = (branch.status, branch.reason);
    }
    join_headers(&mut response.headers, &base.headers, &branch.headers);
    if is_changed(&base.body, &branch.body) {
        response.body = branch.body;
    }
}

fn join_headers(headers: &mut HeaderMap, base: &HeaderMap, branch: &HeaderMap) {
    let is_same = |name: &HeaderName| base.get_all(name).iter().eq(branch.get_all(name).iter());
    for name in base.keys().filter(|name| !branch.contains_key(*name)) {
        headers.remove(name);
    }
    for name in branch.keys().filter(|name| !is_same(name)) {
        headers.remove(name);
        for value in branch.get_all(name) {
            headers.append(name, value.clone());
        }
    }
}

#[cfg(test)]
mod tests {
    use http::{HeaderValue, Method, StatusCode};

    use super::*;
    use crate::testing::exchange;

    fn set(headers: &mut HeaderMap, name: &'static str, value: &'static str) {
        headers.insert(name, HeaderValue::from_static(value));
    }

    #[test]
    fn what_branches_change_adds_up() {
        let mut whole = exchange();
        set(&mut whole.request.headers, "a", "1");
        set(&mut whole.request.headers, "b", "1");
        whole.variables.set(&"kept".into(), true.into());
        let base = Base::of(&whole);
        let (mut one, mut two) = (base.branch(), base.branch());
        set(&mut one.request.headers, "c", "1");
        one.request.headers.remove("a");
        one.request.method = Method::PUT;
        one.variables.set(&"one".into(), true.into());
        set(&mut two.request.headers, "b", "2");
        two.response = Some(Response::new(StatusCode::CREATED));
        two.request.url.path = "/other".into();
        two.variables.set(&"kept".into(), false.into());
        base.join(&mut whole, one);
        base.join(&mut whole, two);
        assert_eq!((whole.request.method, whole.request.url.path.as_str()), (Method::PUT, "/other"));
        let mut fields: Vec<_> = whole
            .request
            .headers
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        fields.sort_unstable();
        assert_eq!(fields, [("b", "2"), ("c", "1")]);
        assert_eq!(whole.response.unwrap().status, StatusCode::CREATED);
        assert_eq!(whole.variables.get("one").unwrap().to_boolean(), Some(true));
        assert_eq!(whole.variables.get("kept").unwrap().to_boolean(), Some(false));
    }

    #[test]
    fn a_body_that_streams_stays_where_it_is() {
        use http_body_util::BodyExt as _;
        let mut whole = exchange();
        let stream = http_body_util::Full::new(Bytes::from("x")).map_err(|never| match never {});
        whole.request.body = Body::stream(stream);
        let base = Base::of(&whole);
        let branch = base.branch();
        base.join(&mut whole, branch);
        assert!(matches!(whole.request.body, Body::Stream(_)));
        let mut branch = base.branch();
        branch.request.body = Body::Full("new".into());
        base.join(&mut whole, branch);
        assert_eq!(whole.request.body.bytes().unwrap(), "new");
    }

    #[test]
    fn a_body_that_a_branch_reads_without_keeping_it_is_gone() {
        let mut whole = exchange();
        whole.request.body = Body::Full("x".into());
        let base = Base::of(&whole);
        let mut branch = base.branch();
        branch.request.body = Body::Consumed;
        base.join(&mut whole, branch);
        assert!(matches!(whole.request.body, Body::Consumed));
    }
}
