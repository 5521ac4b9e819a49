//! `T[]` and `System.Array`.

use std::sync::Arc;

use parking_lot::Mutex;
use smallvec::SmallVec;

use super::{Definition, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::{Call, Cursor, Machine};
use crate::number::Number;
use crate::types::Id;
use crate::value::{Object, Value};

/// An array. Its length never changes.
pub(crate) struct Array {
    element: Type,
    items: Mutex<Items>,
}

/// Bytes are kept as bytes; the parts of a short text as the places where they stand in it, until one is changed.
enum Items {
    Bytes(Vec<u8>),
    Parts { whole: Arc<str>, places: SmallVec<[(u16, u16); MOST_PARTS]> },
    Values(Vec<Value>),
}

/// How many parts of a text of how many bytes are kept as places: few enough that to make one's string whenever it is
/// read costs less than to make all of them at once.
const MOST_PARTS: usize = 12;
const LONGEST_WHOLE: usize = 2048;

/// The string of a part.
fn part(whole: &str, (start, end): (u16, u16)) -> Value {
    Value::from(whole.get(usize::from(start)..usize::from(end)).unwrap_or_default())
}

impl Array {
    pub(crate) fn new(element: Type, items: Vec<Value>) -> Self {
        if element == Type::BYTE {
            return Self::of_bytes(
                items.iter().map(|v| if let Value::Byte(b) = v { *b } else { 0 }).collect(),
            );
        }
        Self { element, items: Mutex::new(Items::Values(items)) }
    }

    pub(crate) fn of_bytes(bytes: Vec<u8>) -> Self {
        Self { element: Type::BYTE, items: Mutex::new(Items::Bytes(bytes)) }
    }

    /// An array of strings that are slices of a text.
    pub(crate) fn of_parts(whole: &Arc<str>, parts: &[&str]) -> Self {
        let items = if parts.len() <= MOST_PARTS && whole.len() <= LONGEST_WHOLE {
            let begin = whole.as_ptr() as usize;
            let mut places = SmallVec::new();
            for part in parts {
                let start = (part.as_ptr() as usize).wrapping_sub(begin);
                places.push((start as u16, (start + part.len()) as u16));
            }
            Items::Parts { whole: Arc::clone(whole), places }
        } else {
            Items::Values(parts.iter().map(|part| Value::from(*part)).collect())
        };
        Self { element: Type::STRING, items: Mutex::new(items) }
    }

    /// An array of default values.
    pub(crate) fn filled(element: Type, length: usize) -> Value {
        if element == Type::BYTE {
            return Value::bytes(vec![0; length]);
        }
        let value = Value::default_of(&element);
        Value::object(Self::new(element, vec![value; length]))
    }

    pub(crate) fn len(&self) -> usize {
        match &*self.items.lock() {
            Items::Bytes(bytes) => bytes.len(),
            Items::Parts { places, .. } => places.len(),
            Items::Values(values) => values.len(),
        }
    }

    pub(crate) fn item(&self, index: usize) -> Option<Value> {
        match &*self.items.lock() {
            Items::Bytes(bytes) => bytes.get(index).map(|b| Value::Byte(*b)),
            Items::Parts { whole, places } => places.get(index).map(|place| part(whole, *place)),
            Items::Values(values) => values.get(index).cloned(),
        }
    }

    pub(crate) fn set(&self, index: usize, value: Value) -> Result<(), Thrown> {
        let out = || Thrown::new(Id::IndexOutOfRangeException, "Index was outside the bounds of the array.");
        match self.items.lock().own() {
            Items::Bytes(bytes) => {
                let Value::Byte(byte) = value else { return Err(Thrown::mismatch("System.Byte", &value)) };
                *bytes.get_mut(index).ok_or_else(out)? = byte;
            }
            Items::Values(values) => *values.get_mut(index).ok_or_else(out)? = value,
            Items::Parts { .. } => {}
        }
        Ok(())
    }

    /// Its bytes, where it is a `byte[]`.
    pub(crate) fn bytes(&self) -> Option<Vec<u8>> {
        match &*self.items.lock() {
            Items::Bytes(bytes) => Some(bytes.clone()),
            Items::Parts { .. } | Items::Values(_) => None,
        }
    }

    pub(crate) fn set_bytes(&self, from: &[u8]) {
        if let Items::Bytes(bytes) = &mut *self.items.lock() {
            bytes.clear();
            bytes.extend_from_slice(from);
        }
    }

    /// Its elements.
    pub(crate) fn items(&self) -> Vec<Value> {
        match &*self.items.lock() {
            Items::Bytes(bytes) => bytes.iter().map(|b| Value::Byte(*b)).collect(),
            Items::Parts { whole, places } => places.iter().map(|place| part(whole, *place)).collect(),
            Items::Values(values) => values.clone(),
        }
    }

    /// An array of the same type with what each element is turned into.
    pub(crate) fn map<E>(&self, turn: &mut impl FnMut(&Value) -> Result<Value, E>) -> Result<Self, E> {
        let items = self.items().iter().map(turn).collect::<Result<_, E>>()?;
        Ok(Self::new(self.element.clone(), items))
    }

    fn replace(&self, items: Vec<Value>) {
        match self.items.lock().own() {
            Items::Bytes(bytes) => {
                *bytes = items.iter().map(|v| if let Value::Byte(b) = v { *b } else { 0 }).collect();
            }
            Items::Values(values) => *values = items,
            Items::Parts { .. } => {}
        }
    }
}

impl Items {
    /// The elements themselves, so that they can be changed.
    fn own(&mut self) -> &mut Self {
        if let Self::Parts { whole, places } = self {
            *self = Self::Values(places.iter().map(|place| part(whole, *place)).collect());
        }
        self
    }
}

impl Object for Array {
    fn class(&self) -> Type {
        Type::array(self.element.clone())
    }

    fn cursor(self: Arc<Self>) -> Option<Box<dyn Cursor>> {
        Some(Box::new(Walk { array: self, at: 0 }))
    }
}

/// Reads the elements as they are when they are reached.
struct Walk {
    array: Arc<Array>,
    at: usize,
}

impl Cursor for Walk {
    fn next(&mut self, _: &mut Machine<'_>) -> Result<Option<Value>, Thrown> {
        let item = self.array.item(self.at);
        self.at += 1;
        Ok(item)
    }
}

fn position(index: &Value) -> Result<usize, Thrown> {
    Number::of(index).and_then(Number::whole).and_then(|n| usize::try_from(n).ok()).ok_or_else(|| {
        Thrown::new(Id::IndexOutOfRangeException, "Index was outside the bounds of the array.")
    })
}

fn array_of(value: &Value) -> Result<&Array, Thrown> {
    value.downcast().ok_or_else(|| {
        if value.is_null() { Thrown::null_reference() } else { Thrown::mismatch("System.Array", value) }
    })
}

/// `array[index]`.
pub(crate) fn array_item(array: &Value, index: &Value) -> Result<Value, Thrown> {
    let array = array_of(array)?;
    array.item(position(index)?).ok_or_else(|| {
        Thrown::new(Id::IndexOutOfRangeException, "Index was outside the bounds of the array.")
    })
}

/// `array[index] = value`.
pub(crate) fn set_array_item(array: &Value, index: &Value, value: Value) -> Result<(), Thrown> {
    array_of(array)?.set(position(index)?, value)
}

fn bounds(start: i32, count: i32, length: usize) -> Result<std::ops::Range<usize>, Thrown> {
    match (usize::try_from(start), usize::try_from(count)) {
        (Ok(start), Ok(count)) if start <= length && count <= length - start => Ok(start..start + count),
        (Ok(_), Ok(_)) => Err(Thrown::argument(
            "Offset and length were out of bounds for the array or count is greater than the number of elements from index to the end of the source collection.",
        )),
        _ => Err(Thrown::out_of_range("index", "Non-negative number required.")),
    }
}

/// Copies elements from one array to another.
fn copy(c: &Call<'_, '_>, from: usize, start: i32, to: usize, at: i32, count: i32) -> Result<Value, Thrown> {
    let (source, target): (&Array, &Array) = (c.object(from)?, c.object(to)?);
    let range = bounds(start, count, source.len()).map_err(|_| Thrown::argument("Source array was not long enough. Check the source index, length, and the array's lower bounds. (Parameter 'sourceArray')"))?;
    let place = bounds(at, count, target.len()).map_err(|_| Thrown::argument("Destination array was not long enough. Check the destination index, length, and the array's lower bounds. (Parameter 'destinationArray')"))?;
    if let (Some(bytes), Some(mut into)) = (source.bytes(), target.bytes()) {
        into[place].copy_from_slice(&bytes[range]);
        target.set_bytes(&into);
        return Ok(Value::Null);
    }
    for (n, item) in place.zip(source.items().drain(range)) {
        target.set(n, item)?;
    }
    Ok(Value::Null)
}

fn length(c: &Call<'_, '_>, index: usize) -> Result<i32, Thrown> {
    Ok(c.object::<Array>(index)?.len() as i32)
}

fn index_of(c: &mut Call<'_, '_>, last: bool) -> Result<Value, Thrown> {
    let items = c.items(0)?;
    let wanted = c.get(1);
    let found = if last {
        items.iter().rposition(|i| i.equals(wanted))
    } else {
        items.iter().position(|i| i.equals(wanted))
    };
    Ok(Value::Int32(found.map_or(-1, |n| n as i32)))
}

/// Whether an element meets the test of the delegate at 1, and which.
fn search(c: &mut Call<'_, '_>, last: bool) -> Result<Option<(usize, Value)>, Thrown> {
    let mut items: Vec<(usize, Value)> = c.items(0)?.into_iter().enumerate().collect();
    if last {
        items.reverse();
    }
    for (n, item) in items {
        if c.machine.test(c.get(1), std::slice::from_ref(&item))? {
            return Ok(Some((n, item)));
        }
    }
    Ok(None)
}

fn sort(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let mut items = c.items(0)?;
    let by = c.value(1);
    super::comparer::sort(c.machine, &mut items, &by)?;
    c.object::<Array>(0)?.replace(items);
    Ok(Value::Null)
}

pub(super) const ARRAY: Definition = Definition {
    name: "System.Array",
    bases: &["object", "IEnumerable"],
    members: &[
        member("Length: int", |c| Ok(Value::Int32(length(c, 0)?))),
        member("LongLength: long", |c| Ok(Value::Int64(i64::from(length(c, 0)?)))),
        member("Rank: int", |_| Ok(Value::Int32(1))),
        member("GetLength(int): int", |c| Ok(Value::Int32(length(c, 0)?))),
        member("GetUpperBound(int): int", |c| Ok(Value::Int32(length(c, 0)? - 1))),
        member("GetLowerBound(int): int", |_| Ok(Value::Int32(0))),
        member("GetValue(int): object", |c| array_item(c.get(0), c.get(1))),
        member("SetValue(object, int)", |c| {
            set_array_item(c.get(0), c.get(2), c.value(1))?;
            Ok(Value::Null)
        }),
        member("Clone(): object", |c| {
            let array: &Array = c.object(0)?;
            c.machine.allocate(array.len() * size_of::<Value>())?;
            Ok(Value::object(Array::new(array.element.clone(), array.items())))
        }),
        member("CopyTo(System.Array, int)", |c| copy(c, 0, 0, 1, c.int(2)?, length(c, 0)?)),
        member("static Copy(System.Array, System.Array, int)", |c| copy(c, 0, 0, 1, 0, c.int(2)?)),
        member("static Copy(System.Array, int, System.Array, int, int)", |c| {
            copy(c, 0, c.int(1)?, 2, c.int(3)?, c.int(4)?)
        }),
        member("static Clear(System.Array, int, int)", |c| {
            let array: &Array = c.object(0)?;
            for n in bounds(c.int(1)?, c.int(2)?, array.len())? {
                array.set(n, Value::default_of(&array.element))?;
            }
            Ok(Value::Null)
        }),
        member("static Empty<T>(): T[]", |c| Ok(Array::filled(c.class(0), 0))),
        member("static Reverse(System.Array)", |c| {
            let mut items = c.items(0)?;
            items.reverse();
            c.object::<Array>(0)?.replace(items);
            Ok(Value::Null)
        }),
        member("static Reverse(System.Array, int, int)", |c| {
            let mut items = c.items(0)?;
            let range = bounds(c.int(1)?, c.int(2)?, items.len())?;
            items[range].reverse();
            c.object::<Array>(0)?.replace(items);
            Ok(Value::Null)
        }),
        member("static Sort<T>(T[])", sort),
        member("static Sort<T>(T[], Comparison<T>)", sort),
        member("static Sort<T>(T[], IEqualityComparer<T>)", sort),
        member("static IndexOf<T>(T[], T): int", |c| index_of(c, false)),
        member("static LastIndexOf<T>(T[], T): int", |c| index_of(c, true)),
        member("static Exists<T>(T[], Predicate<T>): bool", |c| {
            Ok(Value::Boolean(search(c, false)?.is_some()))
        }),
        member("static Find<T>(T[], Predicate<T>): T", |c| {
            let default = Value::default_of(&c.class(0));
            Ok(search(c, false)?.map_or(default, |(_, v)| v))
        }),
        member("static FindLast<T>(T[], Predicate<T>): T", |c| {
            let default = Value::default_of(&c.class(0));
            Ok(search(c, true)?.map_or(default, |(_, v)| v))
        }),
        member("static FindIndex<T>(T[], Predicate<T>): int", |c| {
            Ok(Value::Int32(search(c, false)?.map_or(-1, |(n, _)| n as i32)))
        }),
        member("static FindLastIndex<T>(T[], Predicate<T>): int", |c| {
            Ok(Value::Int32(search(c, true)?.map_or(-1, |(n, _)| n as i32)))
        }),
        member("static FindAll<T>(T[], Predicate<T>): T[]", |c| {
            let mut found = Vec::new();
            for item in c.items(0)? {
                if c.machine.test(c.get(1), std::slice::from_ref(&item))? {
                    found.push(item);
                }
            }
            Ok(Value::object(Array::new(c.class(0), found)))
        }),
        member("static TrueForAll<T>(T[], Predicate<T>): bool", |c| {
            for item in c.items(0)? {
                if !c.machine.test(c.get(1), &[item])? {
                    return Ok(Value::Boolean(false));
                }
            }
            Ok(Value::Boolean(true))
        }),
        member("static ForEach<T>(T[], Action<T>)", |c| {
            for item in c.items(0)? {
                c.invoke(1, &[item])?;
            }
            Ok(Value::Null)
        }),
        member("static ConvertAll<T, R>(T[], Converter<T, R>): R[]", |c| {
            let mut converted = Vec::new();
            for item in c.items(0)? {
                converted.push(c.invoke(1, &[item])?);
            }
            Ok(Value::object(Array::new(c.class(1), converted)))
        }),
    ],
    ..Definition::NEW
};

pub(super) const BUFFER: Definition = Definition {
    name: "System.Buffer",
    members: &[
        member("static BlockCopy(System.Array, int, System.Array, int, int)", |c| {
            copy(c, 0, c.int(1)?, 2, c.int(3)?, c.int(4)?)
        }),
        member("static ByteLength(System.Array): int", |c| Ok(Value::Int32(length(c, 0)?))),
    ],
    ..Definition::NEW
};
