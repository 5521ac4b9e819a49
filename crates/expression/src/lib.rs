//! Policy expressions: the C# subset of Azure API Management.
//!
//! [`compile`] reads `@(expression)` or `@{ statements }`, binds every member against the documented `context` object
//! and the allowed .NET types, and yields an [`Expression`]; [`Expression::evaluate`] runs it over a [`Context`].
//! Results are those of .NET: UTF-16 lengths, wrapping integers, invariant formats, Newtonsoft's JSON.

#![forbid(unsafe_code)]

mod allowed;
mod bind;
mod class;
mod context;
mod diagnostic;
mod exception;
mod expression;
mod json;
mod limits;
mod machine;
mod message;
mod number;
mod parser;
mod snapshot;
mod syntax;
mod text;
mod time;
mod types;
mod value;
mod xml;

pub mod dotnet;
pub mod lexer;

pub use self::allowed::{AllowedType, allowed_types};
pub use self::context::{
    Api, Backend, BodyError, Certificate, Context, Deployment, Group, LastError, Operation, Product, Side,
    Subscription, Url, UrlOf, User, UserIdentity, Workspace,
};
pub use self::diagnostic::Diagnostic;
pub use self::exception::Exception;
pub use self::expression::{Expression, Reads, compile};
pub use self::json::Json;
pub use self::limits::Limits;
pub use self::message::{Authorization, Jwt, Response};
pub use self::snapshot::{Snapshot, SnapshotError};
pub use self::time::{DateTime, DateTimeOffset, Kind, TimeSpan};
pub use self::value::{Enumeration, Handle, Part, Value};
