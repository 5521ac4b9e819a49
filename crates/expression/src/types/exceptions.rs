//! `System.Exception` and those that are thrown here or may be caught.

use super::{Definition, member};
use crate::class::Type;
use crate::exception::{ExceptionObject, Thrown};
use crate::machine::Call;
use crate::types::Id;
use crate::value::Value;

fn create(c: &mut Call<'_, '_>, class: Id, message: usize, inner: Option<usize>) -> Result<Value, Thrown> {
    let default = match class {
        Id::Exception => "Exception of type 'System.Exception' was thrown.".to_owned(),
        Id::SystemException => "System error.".to_owned(),
        Id::ArgumentException => "Value does not fall within the expected range.".to_owned(),
        Id::ArgumentNullException => "Value cannot be null.".to_owned(),
        Id::ArgumentOutOfRangeException => {
            "Specified argument was out of the range of valid values.".to_owned()
        }
        Id::ArithmeticException => "Overflow or underflow in the arithmetic operation.".to_owned(),
        Id::DivideByZeroException => "Attempted to divide by zero.".to_owned(),
        Id::FormatException => "One of the identified items was in an invalid format.".to_owned(),
        Id::IndexOutOfRangeException => "Index was outside the bounds of the array.".to_owned(),
        Id::InvalidCastException => "Specified cast is not valid.".to_owned(),
        Id::InvalidOperationException => {
            "Operation is not valid due to the current state of the object.".to_owned()
        }
        Id::KeyNotFoundException => "The given key was not present in the dictionary.".to_owned(),
        Id::NotImplementedException => "The method or operation is not implemented.".to_owned(),
        Id::NotSupportedException => "Specified method is not supported.".to_owned(),
        Id::NullReferenceException => "Object reference not set to an instance of an object.".to_owned(),
        Id::OverflowException => "Arithmetic operation resulted in an overflow.".to_owned(),
        Id::TimeoutException => "The operation has timed out.".to_owned(),
        _ => format!("Exception of type '{}' was thrown.", crate::types::registry().class(class).name),
    };
    let mut made = ExceptionObject::new(class, c.text_or_null(message).unwrap_or(&default));
    made.inner = inner.map(|i| c.value(i)).filter(|v| !v.is_null());
    Ok(Value::object(made))
}

/// The three usual constructors of a class.
macro_rules! exception {
    ($constant:ident, $id:ident, $name:literal, $base:literal $(, $extra:expr)*) => {
        pub(super) const $constant: Definition = Definition {
            name: $name,
            bases: &[$base],
            members: &[
                member("new()", |c| create(c, Id::$id, usize::MAX, None)),
                member("new(string)", |c| create(c, Id::$id, 0, None)),
                member("new(string, System.Exception)", |c| create(c, Id::$id, 0, Some(1))),
                $($extra,)*
            ],
            ..Definition::NEW
        };
    };
}

pub(super) const EXCEPTION: Definition = Definition {
    name: "System.Exception",
    bases: &["object"],
    members: &[
        member("new()", |c| create(c, Id::Exception, usize::MAX, None)),
        member("new(string)", |c| create(c, Id::Exception, 0, None)),
        member("new(string, System.Exception)", |c| create(c, Id::Exception, 0, Some(1))),
        member("Message: string", |c| Ok(Value::String(c.object::<ExceptionObject>(0)?.message.clone()))),
        member("StackTrace: string", |c| c.object::<ExceptionObject>(0).map(|_| Value::Null)),
        member("Source: string", |c| c.object::<ExceptionObject>(0).map(|_| Value::Null)),
        member("HResult: int", |_| Ok(Value::Int32(-2_146_233_088))),
        member("InnerException: System.Exception", |c| {
            Ok(c.object::<ExceptionObject>(0)?.inner.clone().unwrap_or(Value::Null))
        }),
        member("GetBaseException(): System.Exception", |c| {
            let mut at = c.value(0);
            for _ in 0..64 {
                match at.downcast::<ExceptionObject>().and_then(|e| e.inner.clone()) {
                    Some(inner) => at = inner,
                    None => break,
                }
            }
            Ok(at)
        }),
        member("Data: IDictionary<object, object>", |c| {
            let exception = c.object::<ExceptionObject>(0)?;
            let mut data = exception.data.lock();
            Ok(data
                .get_or_insert_with(|| {
                    Value::object(super::Dictionary::new(Type::OBJECT, Type::OBJECT, false))
                })
                .clone())
        }),
    ],
    ..Definition::NEW
};

exception!(SYSTEM, SystemException, "System.SystemException", "System.Exception");
exception!(
    ARGUMENT,
    ArgumentException,
    "System.ArgumentException",
    "System.SystemException",
    member("new(string, string)", |c| {
        let mut made = ExceptionObject::new(
            Id::ArgumentException,
            format!(
                "{} (Parameter '{}')",
                c.text_or_null(0).unwrap_or_default(),
                c.text_or_null(1).unwrap_or_default()
            ),
        );
        made.parameter = c.text_or_null(1).map(Into::into);
        Ok(Value::object(made))
    }),
    member("ParamName: string", |c| {
        Ok(Value::text_or_null(c.object::<ExceptionObject>(0)?.parameter.clone()))
    })
);
pub(super) const ARGUMENT_NULL: Definition = Definition {
    name: "System.ArgumentNullException",
    bases: &["System.ArgumentException"],
    members: &[
        member("new()", |c| create(c, Id::ArgumentNullException, usize::MAX, None)),
        member("new(string)", |c| {
            let Thrown::Exception(made) = Thrown::argument_null(c.text_or_null(0).unwrap_or_default()) else {
                return Ok(Value::Null);
            };
            Ok(Value::handle(made))
        }),
        member("new(string, string)", |c| {
            let mut made = ExceptionObject::new(
                Id::ArgumentNullException,
                format!(
                    "{} (Parameter '{}')",
                    c.text_or_null(1).unwrap_or_default(),
                    c.text_or_null(0).unwrap_or_default()
                ),
            );
            made.parameter = c.text_or_null(0).map(Into::into);
            Ok(Value::object(made))
        }),
    ],
    ..Definition::NEW
};
exception!(
    ARGUMENT_OUT_OF_RANGE,
    ArgumentOutOfRangeException,
    "System.ArgumentOutOfRangeException",
    "System.ArgumentException"
);
exception!(ARITHMETIC, ArithmeticException, "System.ArithmeticException", "System.SystemException");
exception!(
    CRYPTOGRAPHIC,
    CryptographicException,
    "System.Security.Cryptography.CryptographicException",
    "System.SystemException"
);
exception!(
    DIVIDE_BY_ZERO,
    DivideByZeroException,
    "System.DivideByZeroException",
    "System.ArithmeticException"
);
exception!(FORMAT, FormatException, "System.FormatException", "System.SystemException");
exception!(
    INDEX_OUT_OF_RANGE,
    IndexOutOfRangeException,
    "System.IndexOutOfRangeException",
    "System.SystemException"
);
exception!(INVALID_CAST, InvalidCastException, "System.InvalidCastException", "System.SystemException");
exception!(
    INVALID_OPERATION,
    InvalidOperationException,
    "System.InvalidOperationException",
    "System.SystemException"
);
exception!(JSON, JsonException, "Newtonsoft.Json.JsonException", "System.Exception");
exception!(
    JSON_READER,
    JsonReaderException,
    "Newtonsoft.Json.JsonReaderException",
    "Newtonsoft.Json.JsonException"
);
exception!(
    JSON_SERIALIZATION,
    JsonSerializationException,
    "Newtonsoft.Json.JsonSerializationException",
    "Newtonsoft.Json.JsonException"
);
exception!(
    KEY_NOT_FOUND,
    KeyNotFoundException,
    "System.Collections.Generic.KeyNotFoundException",
    "System.SystemException"
);
exception!(
    NOT_IMPLEMENTED,
    NotImplementedException,
    "System.NotImplementedException",
    "System.SystemException"
);
exception!(NOT_SUPPORTED, NotSupportedException, "System.NotSupportedException", "System.SystemException");
exception!(NULL_REFERENCE, NullReferenceException, "System.NullReferenceException", "System.SystemException");
exception!(OVERFLOW, OverflowException, "System.OverflowException", "System.ArithmeticException");
exception!(
    REGEX_MATCH_TIMEOUT,
    RegexMatchTimeoutException,
    "System.Text.RegularExpressions.RegexMatchTimeoutException",
    "System.TimeoutException"
);
exception!(TIMEOUT, TimeoutException, "System.TimeoutException", "System.SystemException");
exception!(
    TIME_ZONE_NOT_FOUND,
    TimeZoneNotFoundException,
    "System.TimeZoneNotFoundException",
    "System.Exception"
);
exception!(URI_FORMAT, UriFormatException, "System.UriFormatException", "System.FormatException");
exception!(XML, XmlException, "System.Xml.XmlException", "System.SystemException");
