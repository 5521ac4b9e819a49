//! Requests that policies make by themselves: sent whole, answered whole, over the pools and in the ways of backends.

use std::sync::Arc;
use std::time::Duration;

use gatehouse_policy::{ForwardOptions, OutgoingRequest, OutgoingTarget, Response, UpstreamError};
use http::header::HOST;
use tokio::time::{sleep, timeout};

use super::answer;
use super::client::{Client, Destination, Hop};
use super::failure::Failure;
use super::payload::Payload;
use super::request_head::Call;
use super::tls_profile::TlsProfile;

impl<'c> Client<'c> {
    /// Sends a request of a policy and waits for the whole answer, whose body is whole then. Redirects are not followed:
    /// the policy sees them.
    ///
    /// # Errors
    /// Those of [`gatehouse_policy::Outgoing::send`].
    pub async fn fetch(&self, request: &OutgoingRequest) -> Result<Response, UpstreamError> {
        self.fetch_over(request, self.backends.outgoing_profile()).await
    }

    /// The same for a URL that the configuration or the artifacts name, which the egress rules leave alone.
    ///
    /// # Errors
    /// As [`fetch`](Self::fetch).
    pub async fn fetch_of_configuration(&self, request: &OutgoingRequest) -> Result<Response, UpstreamError> {
        self.fetch_over(request, self.backends.default_profile()).await
    }

    async fn fetch_over(
        &self,
        request: &OutgoingRequest,
        profile: &'c Arc<TlsProfile>,
    ) -> Result<Response, UpstreamError> {
        let destination = self.target(request, profile)?;
        let outcome = match timeout(request.timeout, self.exchange(request, &destination)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(UpstreamError::Timeout(request.timeout).into()),
        };
        self.conclude(&destination, outcome.as_ref());
        outcome.map_err(|failure| failure.error)
    }

    fn target(
        &self,
        request: &OutgoingRequest,
        profile: &'c Arc<TlsProfile>,
    ) -> Result<Destination<'c>, UpstreamError> {
        let profile = match &request.certificate {
            None => profile,
            Some(name) => self
                .backends
                .showing(name)
                .ok_or_else(|| UpstreamError::UnknownCertificate(name.to_string()))?,
        };
        match &request.target {
            OutgoingTarget::Url(url) => Ok(Destination::url(Arc::clone(url), profile)),
            OutgoingTarget::Backend { entity, .. } => {
                let mut destination = self.entity(entity)?;
                if request.certificate.is_some() {
                    destination.profile = profile;
                }
                Ok(destination)
            }
        }
    }

    async fn exchange(
        &self,
        request: &OutgoingRequest,
        destination: &Destination<'_>,
    ) -> Result<Response, Failure> {
        let (base, path, query) = match &request.target {
            OutgoingTarget::Url(url) => (("", None), url.path(), url.query().unwrap_or_default()),
            OutgoingTarget::Backend { path, .. } => {
                let (path, query) = path.split_once('?').unwrap_or((path, ""));
                ((destination.url.path(), destination.url.query()), path, query)
            }
        };
        let call = Call {
            method: &request.method,
            base,
            path,
            query,
            headers: &request.headers,
            host: request.headers.get(HOST),
            credentials: destination.credentials,
            expect: false,
        };
        let hop = Hop {
            backend: destination.name,
            url: &destination.url,
            profile: destination.profile,
            grpc: false,
            proxy: request.proxy.as_ref(),
        };
        let options = ForwardOptions { timeout: request.timeout, ..ForwardOptions::default() };
        let mut payload = Payload::Whole(request.body.clone());
        // The time is kept around all of this.
        let mut timer = Box::pin(sleep(Duration::MAX));
        let (sent, gate) = self.send(&call, &hop, &mut payload, &options, &mut timer).await?;
        let mut response = answer::accept(sent.response, sent.stream, gate, timer, Duration::MAX)?;
        let whole = response.body.buffer(self.buffered_body_bytes).await;
        whole.map_err(|error| UpstreamError::BadAnswer(error.to_string()))?;
        Ok(response)
    }
}
