//! One request and its answer, as policies see and change them.

mod body;
mod facts;
mod fork;
mod marks;
mod message;
mod tokens;
mod url;
mod variables;

use std::fmt;
use std::sync::Arc;

use gatehouse_store::counters::{CounterKey, Counters};
use smallvec::SmallVec;
use uuid::Uuid;

use crate::trace::Trace;
use crate::{Measure, Proxy, World};

pub use self::body::{Body, BodyError};
pub use self::facts::{ApiFacts, Deployment, OperationFacts, ProductFacts, Route, SubscriptionFacts};
pub(crate) use self::fork::Base;
pub use self::marks::Marks;
pub(crate) use self::marks::{CachePlace, Downstream};
pub use self::message::{Request, Response};
pub use self::tokens::{TokenUse, TokenWatch};
pub use self::url::{Query, RequestUrl};
pub use self::variables::Variables;

/// Everything that a request is and becomes on its way through the pipeline.
#[derive(Debug)]
pub struct Exchange {
    /// `context.RequestId`.
    pub id: Uuid,
    /// Microseconds on the world's monotonic clock at which the request's head had arrived.
    pub started_micros: u64,
    /// The request, as it will be forwarded.
    pub request: Request,
    /// The answer, once there is one.
    pub response: Option<Response>,
    /// What was matched.
    pub route: Route,
    /// Where this instance runs.
    pub deployment: Arc<Deployment>,
    /// `context.Variables`.
    pub variables: Variables,
    /// Where the request will go.
    pub backend: BackendChoice,
    /// The proxy that it goes by.
    pub proxy: Option<Arc<Proxy>>,
    /// `context.LastError`, in `on-error`.
    pub last_error: Option<LastError>,
    /// What has to be done once the answer is known, and once its last byte is sent.
    pub deferred: SmallVec<[Deferred; 2]>,
    /// The quotas that this exchange is counted in already: policies that share a key count it once.
    pub counted: SmallVec<[CounterKey; 2]>,
    /// What its policies leave for one another.
    pub marks: Marks,
    /// What is written down of it; `None` where nobody asked for that.
    pub trace: Option<Box<Trace>>,
}

impl Exchange {
    /// Runs what policies have left for the moment when the answer's head is known, in their order.
    pub fn run_deferred_response(&mut self, world: &World<'_>) {
        for entry in std::mem::take(&mut self.deferred) {
            match entry {
                Deferred::Response(act) => act(self, world),
                later => self.deferred.push(later),
            }
        }
    }
}

impl Exchange {
    /// Runs what policies have left for the moment when a language model has answered; where it has said nothing about
    /// tokens, a later answer may.
    pub(crate) fn run_deferred_tokens(&mut self, world: &World<'_>, watch: &TokenWatch) {
        if watch.used().is_none() {
            return;
        }
        for entry in std::mem::take(&mut self.deferred) {
            match entry {
                Deferred::Tokens(act) => act(self, world, watch),
                later => self.deferred.push(later),
            }
        }
    }
}

/// Where a request will go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum BackendChoice {
    /// The API's service URL.
    #[default]
    Service,
    /// A base URL that a policy has set.
    Url(Arc<::url::Url>),
    /// A backend entity by its [`entity_name`](Self::entity_name).
    Entity(Arc<str>),
}

impl BackendChoice {
    /// The name of a backend entity among those of the service and all workspaces: its resource name, in a workspace
    /// `workspace/name`. Resource names hold no slash.
    pub fn entity_name(workspace: Option<&str>, name: &str) -> Arc<str> {
        match workspace {
            Some(workspace) => format!("{workspace}/{name}").into(),
            None => name.into(),
        }
    }

    /// Workspace and resource name of an entity.
    pub fn split_entity_name(name: &str) -> (Option<&str>, &str) {
        name.split_once('/').map_or((None, name), |(workspace, name)| (Some(workspace), name))
    }
}

/// Gives values of metrics.
pub type MeasureLater = dyn FnOnce(&mut dyn FnMut(&Measure<'_>)) + Send;

/// What a policy leaves to be done later.
pub enum Deferred {
    /// Once the answer's head is known, before it is sent: header fields, counting by status.
    Response(Box<dyn FnOnce(&mut Exchange, &World<'_>) + Send>),
    /// Once the last byte is sent or the client is gone: counting of bytes.
    Completed(Box<dyn FnOnce(&Completion, &dyn Counters) + Send>),
    /// Once the last byte is sent or the client is gone: values of metrics.
    Measured(Box<MeasureLater>),
    /// Once the head of a language model's answer is there; its tokens may be counted by then, or while it streams.
    Tokens(Box<dyn FnOnce(&mut Exchange, &World<'_>, &TokenWatch) + Send>),
}

impl fmt::Debug for Deferred {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Response(_) => "Deferred::Response",
            Self::Completed(_) => "Deferred::Completed",
            Self::Measured(_) => "Deferred::Measured",
            Self::Tokens(_) => "Deferred::Tokens",
        })
    }
}

/// What is known at the end of an exchange.
#[derive(Clone, Copy, Debug)]
pub struct Completion {
    /// Bytes of the request's body.
    pub bytes_in: u64,
    /// Bytes of the answer's body.
    pub bytes_out: u64,
    /// Milliseconds on the world's wall clock.
    pub now_millis: u64,
    /// Milliseconds on the clock that never goes back.
    pub monotonic_millis: u64,
}

/// `context.LastError`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LastError {
    /// The policy or built-in step that failed.
    pub source: String,
    /// A code that can be compared.
    pub reason: String,
    /// What people read.
    pub message: String,
    /// Whether the message holds what the client has sent, so that no log may keep it.
    pub is_private: bool,
    /// `global`, `workspace`, `product`, `api` or `operation`.
    pub scope: Option<&'static str>,
    /// `inbound`, `backend`, `outbound` or `on-error`.
    pub section: Option<&'static str>,
    /// The place in the section, such as `choose[3]/when[2]`.
    pub path: Option<String>,
    /// The `id` attribute of the policy.
    pub policy_id: Option<String>,
}
