//! What runs a compiled expression: its frames, its budgets, and the arguments of a call.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::class::Type;
use crate::context::Context;
use crate::exception::Thrown;
use crate::json::Json;
use crate::limits::Limits;
use crate::types::Delegate;
use crate::value::{Enumeration, Object, Value};

/// What is said of an evaluation that has made too much.
pub(crate) const TOO_MUCH_MEMORY: &str = "used too much memory";
/// How deep functions may call each other.
pub(crate) const MAX_RECURSION: u32 = 64;
/// After how many steps (a power of two) the clock is looked at: one step may be a call that reads megabytes.
const CLOCK_EVERY: u64 = 64;

/// Compiled code that yields a value.
pub(crate) type Code = Box<dyn Fn(&mut Machine<'_>) -> Result<Value, Thrown> + Send + Sync>;

/// A sequence under enumeration.
pub(crate) trait Cursor: Send {
    /// The next element, or `None` at the end.
    fn next(&mut self, machine: &mut Machine<'_>) -> Result<Option<Value>, Thrown>;
}

/// A variable that a lambda shares with the function it stands in.
pub(crate) type Cell = Arc<Mutex<Value>>;

/// A local variable.
#[derive(Clone)]
pub(crate) enum Slot {
    Shared(Cell),
    Value(Value),
}

/// The state of one evaluation.
pub(crate) struct Machine<'c> {
    pub(crate) context: &'c mut dyn Context,
    slots: SmallVec<[Slot; 4]>,
    base: usize,
    depth: u32,
    limits: Limits,
    steps: u64,
    allocated: u64,
    /// When the clock was first looked at: not before the work has gone on for a while.
    started: Option<Duration>,
    /// Trees that were read: their nodes know their parents only while something holds the root.
    kept: Vec<Value>,
}

impl<'c> Machine<'c> {
    pub(crate) fn new(context: &'c mut dyn Context, slots: usize) -> Self {
        let limits = context.limits();
        let mut frame = SmallVec::new();
        if slots > 0 {
            frame.resize_with(slots, || Slot::Value(Value::Null));
        }
        Self {
            context,
            slots: frame,
            base: 0,
            depth: 0,
            limits,
            steps: 0,
            allocated: 0,
            started: None,
            kept: Vec::new(),
        }
    }

    pub(crate) fn load(&self, slot: usize) -> Value {
        match self.slots.get(self.base + slot) {
            Some(Slot::Value(value)) => value.clone(),
            Some(Slot::Shared(cell)) => cell.lock().clone(),
            None => Value::Null,
        }
    }

    pub(crate) fn store(&mut self, slot: usize, value: Value) {
        match self.slots.get_mut(self.base + slot) {
            Some(Slot::Value(place)) => *place = value,
            Some(Slot::Shared(cell)) => *cell.lock() = value,
            None => {}
        }
    }

    /// Makes a new variable in the slot, shared with lambdas if asked.
    pub(crate) fn declare(&mut self, slot: usize, shared: bool, value: Value) {
        if let Some(place) = self.slots.get_mut(self.base + slot) {
            *place = if shared { Slot::Shared(Arc::new(Mutex::new(value))) } else { Slot::Value(value) };
        }
    }

    /// The variable that a lambda made now captures.
    pub(crate) fn capture(&mut self, slot: usize) -> Cell {
        match self.slots.get_mut(self.base + slot) {
            Some(Slot::Shared(cell)) => Arc::clone(cell),
            Some(place) => {
                let value = match place {
                    Slot::Value(value) => value.clone(),
                    Slot::Shared(cell) => cell.lock().clone(),
                };
                let cell = Arc::new(Mutex::new(value));
                *place = Slot::Shared(Arc::clone(&cell));
                cell
            }
            None => Arc::new(Mutex::new(Value::Null)),
        }
    }

    pub(crate) fn place(&mut self, slot: usize, cell: &Cell) {
        if let Some(place) = self.slots.get_mut(self.base + slot) {
            *place = Slot::Shared(Arc::clone(cell));
        }
    }

    /// Runs `body` in a new frame of `slots` variables.
    pub(crate) fn framed<T>(
        &mut self,
        slots: usize,
        body: impl FnOnce(&mut Self) -> Result<T, Thrown>,
    ) -> Result<T, Thrown> {
        self.step()?;
        if self.depth >= MAX_RECURSION {
            return Err(Thrown::Limit("called itself too deeply"));
        }
        let base = self.base;
        let length = self.slots.len();
        self.base = length;
        self.slots.resize_with(length + slots, || Slot::Value(Value::Null));
        self.depth += 1;
        let result = body(self);
        self.depth -= 1;
        self.slots.truncate(length);
        self.base = base;
        result
    }

    /// Counts one step.
    pub(crate) fn step(&mut self) -> Result<(), Thrown> {
        self.steps += 1;
        if self.steps.is_multiple_of(CLOCK_EVERY) {
            if self.steps > self.limits.steps {
                return Err(Thrown::Limit("took too many steps"));
            }
            let now = self.context.elapsed();
            let started = *self.started.get_or_insert(now);
            if now.saturating_sub(started) > self.limits.time {
                return Err(Thrown::Limit("ran too long"));
            }
        }
        Ok(())
    }

    /// Counts work that one native call does by itself.
    pub(crate) fn work(&mut self, steps: usize) -> Result<(), Thrown> {
        let before = self.steps;
        self.steps = self.steps.saturating_add(steps as u64);
        if before / CLOCK_EVERY != self.steps / CLOCK_EVERY {
            self.steps |= CLOCK_EVERY - 1;
            return self.step();
        }
        Ok(())
    }

    /// Counts bytes before they are allocated.
    pub(crate) fn allocate(&mut self, bytes: usize) -> Result<(), Thrown> {
        self.allocated = self.allocated.saturating_add(bytes as u64);
        if self.allocated > self.limits.bytes { Err(Thrown::Limit(TOO_MUCH_MEMORY)) } else { Ok(()) }
    }

    /// How many bytes may be allocated still.
    pub(crate) fn left(&self) -> usize {
        usize::try_from(self.limits.bytes.saturating_sub(self.allocated)).unwrap_or(usize::MAX)
    }

    /// Holds a tree until the evaluation ends.
    pub(crate) fn keep(&mut self, tree: &Value) {
        self.kept.push(tree.clone());
    }

    /// Counts what a call has yielded.
    pub(crate) fn charge(&mut self, value: &Value) -> Result<(), Thrown> {
        match value {
            Value::String(text) => self.allocate(text.len() + 16),
            _ => Ok(()),
        }
    }

    /// Calls a delegate.
    pub(crate) fn invoke(&mut self, delegate: &Value, arguments: &[Value]) -> Result<Value, Thrown> {
        match delegate.downcast::<Delegate>() {
            Some(delegate) => {
                let call = Arc::clone(&delegate.call);
                call(self, arguments)
            }
            None if delegate.is_null() => Err(Thrown::argument_null("predicate")),
            None => Err(Thrown::mismatch("System.Delegate", delegate)),
        }
    }

    /// Calls a delegate that answers yes or no.
    pub(crate) fn test(&mut self, delegate: &Value, arguments: &[Value]) -> Result<bool, Thrown> {
        Ok(matches!(self.invoke(delegate, arguments)?, Value::Boolean(true)))
    }

    /// Calls `visit` with each element of a sequence until it answers false.
    pub(crate) fn each(
        &mut self,
        sequence: &Value,
        mut visit: impl FnMut(&mut Self, Value) -> Result<bool, Thrown>,
    ) -> Result<(), Thrown> {
        let mut cursor = crate::types::open(self, sequence)?;
        while let Some(item) = cursor.next(self)? {
            self.step()?;
            if !visit(self, item)? {
                break;
            }
        }
        Ok(())
    }

    /// The elements of a sequence.
    pub(crate) fn collect(&mut self, sequence: &Value) -> Result<Vec<Value>, Thrown> {
        let mut items = Vec::new();
        self.each(sequence, |m, item| {
            m.allocate(size_of::<Value>())?;
            items.push(item);
            Ok(true)
        })?;
        Ok(items)
    }
}

/// One call of a member: the receiver (for an instance member) and the arguments.
pub(crate) struct Call<'a, 'c> {
    pub(crate) machine: &'a mut Machine<'c>,
    pub(crate) arguments: &'a [Value],
    /// Type arguments: those of the class, then those of the method.
    pub(crate) types: &'a [Type],
    /// What `out` parameters were set to, in order.
    pub(crate) out: &'a mut Vec<Value>,
}

impl<'a> Call<'a, '_> {
    pub(crate) fn get(&self, index: usize) -> &'a Value {
        self.arguments.get(index).unwrap_or(&Value::Null)
    }

    pub(crate) fn value(&self, index: usize) -> Value {
        self.get(index).clone()
    }

    /// How many arguments there are, the receiver included.
    pub(crate) fn count(&self) -> usize {
        self.arguments.len()
    }

    pub(crate) fn class(&self, index: usize) -> Type {
        self.types.get(index).cloned().unwrap_or(Type::OBJECT)
    }

    pub(crate) fn text(&self, index: usize) -> Result<&'a str, Thrown> {
        match self.get(index) {
            Value::String(text) => Ok(text),
            Value::Null => Err(Thrown::argument_null("value")),
            other => Err(Thrown::mismatch("System.String", other)),
        }
    }

    pub(crate) fn shared_text(&self, index: usize) -> Result<Arc<str>, Thrown> {
        match self.get(index) {
            Value::String(text) => Ok(Arc::clone(text)),
            Value::Null => Err(Thrown::argument_null("value")),
            other => Err(Thrown::mismatch("System.String", other)),
        }
    }

    pub(crate) fn text_or_null(&self, index: usize) -> Option<&'a str> {
        match self.get(index) {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn int(&self, index: usize) -> Result<i32, Thrown> {
        match self.get(index) {
            Value::Int32(n) => Ok(*n),
            other => Err(Thrown::mismatch("System.Int32", other)),
        }
    }

    pub(crate) fn long(&self, index: usize) -> Result<i64, Thrown> {
        match self.get(index) {
            Value::Int64(n) => Ok(*n),
            Value::Int32(n) => Ok(i64::from(*n)),
            other => Err(Thrown::mismatch("System.Int64", other)),
        }
    }

    pub(crate) fn double(&self, index: usize) -> Result<f64, Thrown> {
        match self.get(index) {
            Value::Double(n) => Ok(*n),
            Value::Int32(n) => Ok(f64::from(*n)),
            other => Err(Thrown::mismatch("System.Double", other)),
        }
    }

    pub(crate) fn boolean(&self, index: usize) -> Result<bool, Thrown> {
        match self.get(index) {
            Value::Boolean(b) => Ok(*b),
            other => Err(Thrown::mismatch("System.Boolean", other)),
        }
    }

    /// A UTF-16 unit.
    pub(crate) fn unit(&self, index: usize) -> Result<u16, Thrown> {
        match self.get(index) {
            Value::Char(unit) => Ok(*unit),
            other => Err(Thrown::mismatch("System.Char", other)),
        }
    }

    /// The number of an enumeration's value.
    pub(crate) fn enumeration(&self, index: usize) -> i64 {
        match self.get(index) {
            Value::Enumeration(Enumeration { number, .. }) => *number,
            Value::Int32(n) => i64::from(*n),
            _ => 0,
        }
    }

    pub(crate) fn json(&self, index: usize) -> Result<&'a Json, Thrown> {
        match self.get(index) {
            Value::Json(json) => Ok(json),
            Value::Null => Err(Thrown::argument_null("value")),
            other => Err(Thrown::mismatch("Newtonsoft.Json.Linq.JToken", other)),
        }
    }

    pub(crate) fn object<T: Object>(&self, index: usize) -> Result<&'a T, Thrown> {
        let value = self.get(index);
        match value.downcast() {
            Some(object) => Ok(object),
            None if value.is_null() => Err(Thrown::argument_null("value")),
            None => Err(Thrown::mismatch(std::any::type_name::<T>(), value)),
        }
    }

    pub(crate) fn shared<T: Object>(&self, index: usize) -> Result<Arc<T>, Thrown> {
        let value = self.get(index);
        match value.shared() {
            Some(object) => Ok(object),
            None if value.is_null() => Err(Thrown::argument_null("value")),
            None => Err(Thrown::mismatch(std::any::type_name::<T>(), value)),
        }
    }

    /// The bytes of a `byte[]`.
    pub(crate) fn bytes(&self, index: usize) -> Result<Vec<u8>, Thrown> {
        let array: &crate::types::Array = self.object(index)?;
        array.bytes().ok_or_else(|| Thrown::mismatch("System.Byte[]", self.get(index)))
    }

    /// The elements of any sequence.
    pub(crate) fn items(&mut self, index: usize) -> Result<Vec<Value>, Thrown> {
        if self.get(index).is_null() {
            return Err(Thrown::argument_null("source"));
        }
        self.machine.collect(self.get(index))
    }

    /// Hands out what was found, or the default of the class's type; whether it was found.
    pub(crate) fn tried(&mut self, found: Option<Value>) -> Value {
        let is = found.is_some();
        let class = self.class(0);
        self.out.push(found.unwrap_or_else(|| Value::default_of(&class)));
        Value::Boolean(is)
    }

    /// Calls the delegate at `index`.
    pub(crate) fn invoke(&mut self, index: usize, arguments: &[Value]) -> Result<Value, Thrown> {
        self.machine.invoke(self.get(index), arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::expression::Nowhere;

    #[test]
    fn the_clock_and_the_count_of_steps_are_looked_at_often() {
        let mut nowhere = Nowhere;
        let mut machine = Machine::new(&mut nowhere, 0);
        machine.steps = Limits::default().steps;
        let more = (1..=CLOCK_EVERY).find(|_| machine.step().is_err());
        assert!(more.is_some(), "{CLOCK_EVERY} steps beyond the bound went unseen");
        for work in [1, CLOCK_EVERY as usize, 100_000] {
            let mut nowhere = Nowhere;
            let mut machine = Machine::new(&mut nowhere, 0);
            machine.steps = Limits::default().steps - 1;
            let seen = (0..CLOCK_EVERY).any(|_| machine.work(work).is_err());
            assert!(seen, "work of {work} steps each went unseen");
        }
    }
}
