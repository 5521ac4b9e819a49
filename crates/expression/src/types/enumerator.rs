//! `System.Collections.IEnumerator` and `System.Collections.Generic.IEnumerator<T>`: a walk along a sequence, step by step.

use parking_lot::Mutex;

use super::sequence::{Query, open, open_pairs};
use super::{Definition, Form, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::{Call, Cursor};
use crate::value::{Object, Value};

/// A walk along a sequence.
struct Enumerator {
    element: Type,
    sequence: Value,
    /// `None` before the first step.
    cursor: Mutex<Option<Box<dyn Cursor>>>,
    current: Mutex<Value>,
}

impl Object for Enumerator {
    fn class(&self) -> Type {
        Type::generic(Id::IEnumeratorOfT, [self.element.clone()])
    }
}

fn this<'a>(c: &Call<'a, '_>) -> Result<&'a Enumerator, Thrown> {
    c.object(0)
}

/// `GetEnumerator()` of a sequence of `element`.
pub(super) fn start(c: &mut Call<'_, '_>, element: Type) -> Result<Value, Thrown> {
    c.machine.allocate(size_of::<Enumerator>())?;
    let current = Mutex::new(Value::default_of(&element));
    Ok(Value::object(Enumerator { element, sequence: c.value(0), cursor: Mutex::new(None), current }))
}

fn advance(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let walk = this(c)?;
    // A step may run code of the expression, which must not find the lock taken.
    let mut cursor = match walk.cursor.lock().take() {
        Some(cursor) => cursor,
        None if matches!(walk.sequence, Value::Json(_)) && walk.element.is(Id::KeyValuePair) => {
            open_pairs(c.machine, &walk.sequence)?
        }
        None => open(c.machine, &walk.sequence)?,
    };
    let next = cursor.next(c.machine)?;
    *walk.cursor.lock() = Some(cursor);
    let found = next.is_some();
    *walk.current.lock() = next.unwrap_or_else(|| Value::default_of(&walk.element));
    Ok(Value::Boolean(found))
}

fn current(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    Ok(this(c)?.current.lock().clone())
}

fn reset(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let walk = this(c)?;
    if walk.sequence.downcast::<Query>().is_some() {
        return Err(Thrown::not_supported("Specified method is not supported."));
    }
    *walk.cursor.lock() = None;
    *walk.current.lock() = Value::default_of(&walk.element);
    Ok(Value::Null)
}

const INTERFACE: Definition = Definition { form: Form::Interface, ..Definition::NEW };

pub(super) const ENUMERATOR: Definition = Definition {
    name: "System.Collections.IEnumerator",
    members: &[
        member("Current: object", current),
        member("MoveNext(): bool", advance),
        member("Reset()", reset),
    ],
    ..INTERFACE
};

pub(super) const ENUMERATOR_OF_T: Definition = Definition {
    name: "System.Collections.Generic.IEnumerator<T>",
    bases: &["System.Collections.IEnumerator", "System.IDisposable"],
    members: &[member("Current: T", current)],
    ..INTERFACE
};
