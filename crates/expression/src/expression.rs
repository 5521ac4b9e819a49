//! A compiled expression and what it reads.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bytes::Bytes;

use crate::bind::Joined;
use crate::class::Type;
use crate::context::{
    Api, Backend, BodyError, Context, Deployment, LastError, Operation, Product, Side, Subscription, Url,
    UrlOf, User, Workspace,
};
use crate::diagnostic::Diagnostic;
use crate::exception::Exception;
use crate::machine::{Code, Machine};
use crate::types::Id;
use crate::value::{Part, PartOf, Value};
use crate::{bind, parser};

/// Compiles `@(expression)` or `@{ statements }`.
///
/// `source` is the text after named values were put in and entities decoded, with its `@(` or `@{` and its closer.
pub fn compile(source: &str) -> Result<Expression, Vec<Diagnostic>> {
    let located = |fault: crate::diagnostic::Fault| vec![fault.locate(source)];
    let parsed = parser::parse(source).map_err(located)?;
    let program = bind::bind(&parsed).map_err(located)?;
    Ok(Expression {
        source: source.into(),
        code: program.code,
        slots: program.slots,
        reads: program.reads,
        constant: program.constant,
        joined: program.joined,
    })
}

/// A compiled expression.
pub struct Expression {
    source: Arc<str>,
    code: Code,
    slots: usize,
    reads: Reads,
    constant: Option<Value>,
    joined: Option<Joined>,
}

impl Expression {
    /// Evaluates it. Limits on steps, memory, recursion and time end it with an exception whose `is_limit` is set.
    pub fn evaluate(&self, context: &mut dyn Context) -> Result<Value, Exception> {
        if let Some(value) = &self.constant {
            return Ok(value.clone());
        }
        let mut machine = Machine::new(context, self.slots);
        (self.code)(&mut machine).map_err(Exception::from)
    }

    /// Evaluates it and hands out the text that [`Value::to_text`] would give. A text that is put together is read
    /// where it stands, without a string of its own.
    pub fn evaluate_text<T>(
        &self,
        context: &mut dyn Context,
        read: impl FnOnce(&str) -> T,
    ) -> Result<T, Exception> {
        let Some(joined) = &self.joined else {
            return Ok(read(&self.evaluate(context)?.to_text()));
        };
        let mut machine = Machine::new(context, self.slots);
        joined.read(&mut machine, read).map_err(Exception::from)
    }

    /// What it reads of the exchange, known before it runs.
    pub fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Its value, where that is the same for every exchange.
    pub fn constant(&self) -> Option<&Value> {
        self.constant.as_ref()
    }

    /// Its text.
    pub fn source(&self) -> &str {
        &self.source
    }
}

impl fmt::Debug for Expression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Expression").field(&self.source).finish()
    }
}

/// What an expression reads: the pipeline buffers a body only where one is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reads {
    /// `context.Request.Body`, or an `IRequest` whose body is read.
    pub request_body: bool,
    /// `context.Response.Body`, or an `IResponse` whose body is read.
    pub response_body: bool,
    /// `context.Response` in any way.
    pub response: bool,
    /// `context.LastError`.
    pub last_error: bool,
    /// `context.User`, `context.Subscription` or `context.Product`.
    pub caller: bool,
    /// Variables read by a literal name.
    pub variables: Vec<Arc<str>>,
}

impl Reads {
    /// Notes that a member of a value of type `class` is used.
    pub(crate) fn note(&mut self, class: &Type, member: &str, known: Option<&Value>) {
        match (class, member) {
            (Type::Plain(Id::IContext), "Response") => self.response = true,
            (Type::Plain(Id::IContext), "LastError") => self.last_error = true,
            (Type::Plain(Id::IContext), "User" | "Subscription" | "Product") => self.caller = true,
            (Type::Plain(Id::IRequest), "Body") => self.request_body = true,
            // Of which response is known only where it is `context.Response` itself; a variable's is held already.
            (Type::Plain(Id::IResponse), "Body") => {
                let exchange = known.is_none_or(|v| matches!(v, Value::Part(Part(PartOf::Message(_)))));
                self.response_body |= exchange;
            }
            _ => {}
        }
    }

    /// Ends the taking of notes: a body of some response is the exchange's only where `context.Response` is used.
    pub(crate) fn finish(mut self) -> Self {
        self.response_body &= self.response;
        self
    }

    /// Notes that a name is looked up in a value of type `class`.
    pub(crate) fn note_name(&mut self, class: &Type, name: &Arc<str>) {
        let variables = Part(PartOf::Variables).class();
        if *class == variables && !self.variables.contains(name) {
            self.variables.push(Arc::clone(name));
        }
    }
}

/// A context without an exchange, in which constants are folded: nothing that is folded reads it.
pub(crate) struct Nowhere;

impl Context for Nowhere {
    fn method(&self) -> &'static str {
        ""
    }
    fn url(&self, _: UrlOf) -> Url<'_> {
        Url::default()
    }
    fn header(&self, _: Side, _: &str, _: &mut dyn FnMut(&str)) {}
    fn header_names(&self, _: Side, _: &mut dyn FnMut(&str)) {}
    fn matched_parameters(&self, _: &mut dyn FnMut(&str, &str)) {}
    fn ip_address(&self) -> Cow<'_, str> {
        Cow::Borrowed("")
    }
    fn client_certificate(&self) -> Option<Arc<[u8]>> {
        None
    }
    fn body(&mut self, _: Side, _: bool) -> Result<Bytes, BodyError> {
        Err(BodyError::Missing)
    }
    fn has_body(&self, _: Side) -> bool {
        false
    }
    fn status(&self) -> Option<(u16, Cow<'_, str>)> {
        None
    }
    fn last_error(&self) -> Option<&LastError> {
        None
    }
    fn variable(&self, _: &str) -> Option<Value> {
        None
    }
    fn variables(&self, _: &mut dyn FnMut(&str, &Value)) {}
    fn api(&self) -> Option<&Arc<Api>> {
        None
    }
    fn operation(&self) -> Option<&Arc<Operation>> {
        None
    }
    fn product(&self) -> Option<&Arc<Product>> {
        None
    }
    fn subscription(&self) -> Option<&Arc<Subscription>> {
        None
    }
    fn user(&self) -> Option<&Arc<User>> {
        None
    }
    fn deployment(&self) -> &Arc<Deployment> {
        static NONE: std::sync::LazyLock<Arc<Deployment>> = std::sync::LazyLock::new(Arc::default);
        &NONE
    }
    fn workspace(&self) -> Option<&Arc<Workspace>> {
        None
    }
    fn backend(&self) -> Option<&Arc<Backend>> {
        None
    }
    fn request_id(&self) -> [u8; 16] {
        [0; 16]
    }
    fn timestamp(&self) -> SystemTime {
        UNIX_EPOCH
    }
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }
    fn now(&self) -> SystemTime {
        UNIX_EPOCH
    }
    fn tracing(&self) -> bool {
        false
    }
    fn trace(&mut self, _: &str) {}
    fn random(&mut self, buffer: &mut [u8]) {
        buffer.fill(0);
    }
}
