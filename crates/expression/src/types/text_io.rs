//! `System.IO.StringReader` and `System.IO.StringWriter`.

use std::sync::Arc;

use parking_lot::Mutex;

use super::string_builder::Builder;
use super::{Definition, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::value::{Object, Value};

/// Text that is read line by line, or what is left of it.
struct Reader(Mutex<Option<String>>);

impl Object for Reader {
    fn class(&self) -> Type {
        Type::Plain(Id::StringReader)
    }
}

fn rest<'a>(c: &Call<'a, '_>) -> Result<parking_lot::MutexGuard<'a, Option<String>>, Thrown> {
    Ok(c.object::<Reader>(0)?.0.lock())
}

pub(super) const STRING_READER: Definition = Definition {
    name: "System.IO.StringReader",
    bases: &["object", "System.IDisposable"],
    members: &[
        member("new(string)", |c| Ok(Value::object(Reader(Mutex::new(Some(c.text(0)?.to_owned())))))),
        member("ReadLine(): string", |c| {
            let mut rest = rest(c)?;
            let Some(text) = rest.take() else { return Ok(Value::Null) };
            if text.is_empty() {
                return Ok(Value::Null);
            }
            let end = text.find(['\n', '\r']).unwrap_or(text.len());
            let line = Value::from(text.get(..end).unwrap_or_default());
            let after = text.get(end..).unwrap_or_default();
            let after =
                after.strip_prefix("\r\n").or_else(|| after.strip_prefix(['\n', '\r'])).unwrap_or(after);
            *rest = Some(after.to_owned());
            Ok(line)
        }),
        member("ReadToEnd(): string", |c| Ok(Value::from(rest(c)?.take().unwrap_or_default()))),
        member("Peek(): int", |c| {
            Ok(Value::Int32(rest(c)?.as_ref().and_then(|t| t.encode_utf16().next()).map_or(-1, i32::from)))
        }),
        member("Read(): int", |c| {
            let mut rest = rest(c)?;
            let Some(text) = rest.take() else { return Ok(Value::Int32(-1)) };
            let mut chars = text.chars();
            let first = chars.next();
            *rest = Some(chars.as_str().to_owned());
            Ok(Value::Int32(first.map_or(-1, |c| c as i32)))
        }),
        member("Close()", |_| Ok(Value::Null)),
    ],
    ..Definition::NEW
};

/// Text under construction.
struct Writer(Arc<Builder>);

impl Object for Writer {
    fn class(&self) -> Type {
        Type::Plain(Id::StringWriter)
    }

    fn text(&self) -> Option<String> {
        self.0.text()
    }
}

fn write(c: &mut Call<'_, '_>, end: &str) -> Result<Value, Thrown> {
    let text = c.get(1).to_text();
    c.machine.allocate(text.len() + 1)?;
    let mut out = c.object::<Writer>(0)?.0.0.lock();
    out.extend(text.encode_utf16());
    out.extend(end.encode_utf16());
    Ok(Value::Null)
}

pub(super) const STRING_WRITER: Definition = Definition {
    name: "System.IO.StringWriter",
    bases: &["object", "System.IDisposable"],
    members: &[
        member("new()", |_| Ok(Value::object(Writer(Arc::new(Builder(Mutex::default())))))),
        member("new(StringBuilder)", |c| Ok(Value::object(Writer(c.shared(0)?)))),
        member("Write(object)", |c| write(c, "")),
        member("WriteLine()", |c| write(c, "\n")),
        member("WriteLine(object)", |c| write(c, "\n")),
        member("Flush()", |_| Ok(Value::Null)),
        member("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
    ],
    ..Definition::NEW
};
