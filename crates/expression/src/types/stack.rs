//! `System.Collections.Generic.Stack<T>`.

use std::sync::Arc;

use parking_lot::Mutex;

use super::sequence::Items;
use super::{Array, Definition, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::{Call, Cursor};
use crate::value::{Object, Value};

/// A stack.
struct Stack {
    element: Type,
    items: Mutex<Vec<Value>>,
}

impl Stack {
    /// In the order in which they would be taken.
    fn items(&self) -> Vec<Value> {
        self.items.lock().iter().rev().cloned().collect()
    }
}

impl Object for Stack {
    fn class(&self) -> Type {
        Type::generic(Id::Stack, [self.element.clone()])
    }

    fn cursor(self: Arc<Self>) -> Option<Box<dyn Cursor>> {
        Some(Items::boxed(self.items()))
    }
}

fn this<'a>(c: &Call<'a, '_>) -> Result<&'a Stack, Thrown> {
    c.object(0)
}

fn empty() -> Thrown {
    Thrown::invalid_operation("Stack empty.")
}

pub(super) const STACK: Definition = Definition {
    name: "System.Collections.Generic.Stack<T>",
    bases: &["object", "IReadOnlyCollection<T>"],
    members: &[
        member("new()", |c| Ok(Value::object(Stack { element: c.class(0), items: Mutex::new(Vec::new()) }))),
        member("new(int)", |c| {
            Ok(Value::object(Stack { element: c.class(0), items: Mutex::new(Vec::new()) }))
        }),
        member("TryPop(out T): bool", |c| {
            let found = this(c)?.items.lock().pop();
            Ok(c.tried(found))
        }),
        member("TryPeek(out T): bool", |c| {
            let found = this(c)?.items.lock().last().cloned();
            Ok(c.tried(found))
        }),
        member("TrimExcess()", |_| Ok(Value::Null)),
        member("new(IEnumerable<T>)", |c| {
            let items = c.items(0)?;
            Ok(Value::object(Stack { element: c.class(0), items: Mutex::new(items) }))
        }),
        member("Count: int", |c| Ok(Value::Int32(this(c)?.items.lock().len() as i32))),
        member("Push(T)", |c| {
            c.machine.allocate(size_of::<Value>())?;
            this(c)?.items.lock().push(c.value(1));
            Ok(Value::Null)
        }),
        member("Pop(): T", |c| {
            let mut i = this(c)?.items.lock();
            i.pop().ok_or_else(empty)
        }),
        member("Peek(): T", |c| this(c)?.items.lock().last().cloned().ok_or_else(empty)),
        member("Contains(T): bool", |c| {
            Ok(Value::Boolean(this(c)?.items().iter().any(|i| i.equals(c.get(1)))))
        }),
        member("Clear()", |c| {
            this(c)?.items.lock().clear();
            Ok(Value::Null)
        }),
        member("ToArray(): T[]", |c| Ok(Value::object(Array::new(c.class(0), this(c)?.items())))),
    ],
    ..Definition::NEW
};
