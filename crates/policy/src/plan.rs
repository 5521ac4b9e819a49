//! What runs for a request: flat lists of steps, one for each section.

use std::fmt;
use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use gatehouse_model::Location;

use crate::trace::Source;
use crate::{Exchange, Failure, Response, World};

/// The four sections of all scopes, merged by `<base />`.
#[derive(Debug, Default)]
pub struct Plan {
    /// Before the backend.
    pub inbound: Vec<Arc<Step>>,
    /// The call of the backend.
    pub backend: Vec<Arc<Step>>,
    /// After the backend.
    pub outbound: Vec<Arc<Step>>,
    /// After a failure.
    pub on_error: Vec<Arc<Step>>,
}

/// One policy at one place of one document.
#[derive(Debug)]
pub struct Step {
    /// What it does.
    pub action: Action,
    /// What must be there before it runs.
    pub needs: Needs,
    /// Where it stands.
    pub origin: Origin,
    /// What its attributes and expressions are called in a trace.
    pub(crate) sources: Arc<[Source]>,
}

/// A policy that runs at once, or one that waits for the world. Only the latter allocates a future.
#[derive(Debug)]
pub enum Action {
    /// Runs at once.
    Now(Box<dyn Policy>),
    /// Waits for the world.
    Later(Box<dyn AsyncPolicy>),
}

/// A policy that runs at once.
pub trait Policy: fmt::Debug + Send + Sync {
    /// Does it.
    ///
    /// # Errors
    /// The failure that sends the exchange to `on-error`.
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure>;

    /// Answers a request that no operation is defined for, if that is what the policy is for and it has something to say: a
    /// CORS preflight request, `/crossdomain.xml`.
    ///
    /// # Errors
    /// As [`Policy::apply`].
    fn answer_unmatched(
        &self,
        _exchange: &mut Exchange,
        _world: &World<'_>,
    ) -> Result<Option<Response>, Failure> {
        Ok(None)
    }
}

/// A policy that waits for the world: a backend, a timer, other policies that do.
pub trait AsyncPolicy: fmt::Debug + Send + Sync {
    /// Does it.
    fn apply<'a>(&'a self, exchange: &'a mut Exchange, world: &'a World<'a>) -> PolicyFuture<'a>;
}

/// What an [`AsyncPolicy`] gives back.
pub type PolicyFuture<'a> = LocalBoxFuture<'a, Result<Flow, Failure>>;

/// How the exchange goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// With the next step.
    Continue,
    /// With outbound, over the answer as it stands: what is left of inbound and the backend are skipped.
    Outbound,
    /// With the answer as it stands: nothing of inbound, backend and outbound runs any more.
    Respond,
}

/// What must be whole before a step runs; known at load.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Needs {
    /// The request's body.
    pub request_body: bool,
    /// The answer's body.
    pub response_body: bool,
}

impl Needs {
    /// What either needs.
    #[must_use]
    pub fn union(self, other: Self) -> Self {
        Self {
            request_body: self.request_body || other.request_body,
            response_body: self.response_body || other.response_body,
        }
    }
}

/// Where a step stands.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The element's name.
    pub policy: &'static str,
    /// `global`, `workspace`, `product`, `api` or `operation`.
    pub scope: &'static str,
    /// The section of the document.
    pub section: Section,
    /// The place in the section, such as `choose[3]/when[2]/set-header[1]`.
    pub path: Arc<str>,
    /// The `id` attribute.
    pub policy_id: Option<Arc<str>>,
    /// File, line and column.
    pub location: Location,
}

/// A section of a policy document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Section {
    Inbound,
    Backend,
    Outbound,
    OnError,
}

impl Section {
    /// The element's name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Backend => "backend",
            Self::Outbound => "outbound",
            Self::OnError => "on-error",
        }
    }
}
