//! What an expression throws.

use std::fmt;
use std::sync::Arc;

use parking_lot::Mutex;

use crate::class::Type;
use crate::types::Id;
use crate::value::{Object, Value};

/// An exception that left an expression, by its .NET name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{type_name}: {message}")]
pub struct Exception {
    /// Full .NET name, such as `System.NullReferenceException`.
    pub type_name: String,
    /// Its message.
    pub message: String,
    /// Whether a limit of the gateway ended the evaluation (steps, memory, recursion, time); `catch` does not see these.
    pub is_limit: bool,
}

/// An exception on its way.
#[derive(Debug)]
pub(crate) enum Thrown {
    /// A .NET exception, which `catch` may take.
    Exception(Arc<ExceptionObject>),
    /// A limit was met.
    Limit(&'static str),
}

/// An exception as an object.
pub(crate) struct ExceptionObject {
    pub(crate) class: Id,
    pub(crate) message: Arc<str>,
    pub(crate) inner: Option<Value>,
    /// The parameter of an `ArgumentException`.
    pub(crate) parameter: Option<Arc<str>>,
    pub(crate) data: Mutex<Option<Value>>,
}

impl fmt::Debug for ExceptionObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.class, self.message)
    }
}

impl ExceptionObject {
    pub(crate) fn new(class: Id, message: impl Into<Arc<str>>) -> Self {
        Self { class, message: message.into(), inner: None, parameter: None, data: Mutex::new(None) }
    }
}

impl Object for ExceptionObject {
    fn class(&self) -> Type {
        Type::Plain(self.class)
    }

    fn text(&self) -> Option<String> {
        let name = crate::types::registry().class(self.class).name;
        Some(if self.message.is_empty() { name.to_owned() } else { format!("{name}: {}", self.message) })
    }
}

impl Thrown {
    pub(crate) fn new(class: Id, message: impl Into<Arc<str>>) -> Self {
        Self::Exception(Arc::new(ExceptionObject::new(class, message)))
    }

    pub(crate) fn null_reference() -> Self {
        Self::new(Id::NullReferenceException, "Object reference not set to an instance of an object.")
    }

    pub(crate) fn argument_null(parameter: &str) -> Self {
        let mut exception = ExceptionObject::new(
            Id::ArgumentNullException,
            format!("Value cannot be null. (Parameter '{parameter}')"),
        );
        exception.parameter = Some(parameter.into());
        Self::Exception(Arc::new(exception))
    }

    pub(crate) fn argument(message: impl Into<Arc<str>>) -> Self {
        Self::new(Id::ArgumentException, message)
    }

    pub(crate) fn out_of_range(parameter: &str, message: &str) -> Self {
        let mut exception = ExceptionObject::new(
            Id::ArgumentOutOfRangeException,
            format!("{message} (Parameter '{parameter}')"),
        );
        exception.parameter = Some(parameter.into());
        Self::Exception(Arc::new(exception))
    }

    pub(crate) fn index() -> Self {
        Self::out_of_range(
            "index",
            "Index was out of range. Must be non-negative and less than the size of the collection.",
        )
    }

    pub(crate) fn format(message: impl Into<Arc<str>>) -> Self {
        Self::new(Id::FormatException, message)
    }

    pub(crate) fn bad_number() -> Self {
        Self::format("Input string was not in a correct format.")
    }

    pub(crate) fn overflow(message: &str) -> Self {
        Self::new(Id::OverflowException, message)
    }

    pub(crate) fn invalid_operation(message: impl Into<Arc<str>>) -> Self {
        Self::new(Id::InvalidOperationException, message)
    }

    pub(crate) fn not_supported(message: impl Into<Arc<str>>) -> Self {
        Self::new(Id::NotSupportedException, message)
    }

    pub(crate) fn key_not_found(key: &str) -> Self {
        Self::new(
            Id::KeyNotFoundException,
            format!("The given key '{key}' was not present in the dictionary."),
        )
    }

    pub(crate) fn invalid_cast(from: &Type, to: &Type) -> Self {
        let message =
            format!("Unable to cast object of type '{}' to type '{}'.", from.full_name(), to.full_name());
        Self::new(Id::InvalidCastException, message)
    }

    pub(crate) fn cryptographic(message: impl Into<Arc<str>>) -> Self {
        Self::new(Id::CryptographicException, message)
    }

    pub(crate) fn no_elements() -> Self {
        Self::invalid_operation("Sequence contains no elements")
    }

    /// A native was handed what its signature rules out: a fault of the type table, told as an exception.
    pub(crate) fn mismatch(wanted: &str, found: &Value) -> Self {
        let message =
            format!("Unable to cast object of type '{}' to type '{wanted}'.", found.class().full_name());
        Self::new(Id::InvalidCastException, message)
    }
}

impl From<Thrown> for Exception {
    fn from(thrown: Thrown) -> Self {
        match thrown {
            Thrown::Exception(exception) => Self {
                type_name: crate::types::registry().class(exception.class).name.to_owned(),
                message: exception.message.to_string(),
                is_limit: false,
            },
            Thrown::Limit(limit) => Self {
                type_name: "System.TimeoutException".to_owned(),
                message: format!("The expression was ended: it {limit}."),
                is_limit: true,
            },
        }
    }
}
