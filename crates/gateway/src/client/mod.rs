//! What HTTP/1 and HTTP/2 share on the client's side: limits of bodies, what counts as activity, why a request is
//! refused, and the syntax of an authority.

pub(crate) mod activity;
pub(crate) mod authority;
pub(crate) mod drain;
pub(crate) mod flow;
pub(crate) mod refusal;
pub(crate) mod request_body;
pub(crate) mod response_body;
pub(crate) mod service;
