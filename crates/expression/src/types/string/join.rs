//! `Concat`, `Join` and `Format`.

use crate::exception::Thrown;
use crate::machine::Call;
use crate::types::composite;
use crate::value::Value;

pub(super) fn concat(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let mut out = String::new();
    for value in c.arguments {
        out.push_str(&value.to_text());
    }
    Ok(Value::from(out))
}

pub(super) fn concat_all(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let mut out = String::new();
    for value in c.items(0)? {
        let text = value.to_text();
        c.machine.allocate(text.len())?;
        out.push_str(&text);
    }
    Ok(Value::from(out))
}

pub(super) fn join(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    let items = c.items(1)?;
    join_items(c, &items)
}

pub(super) fn join_items(c: &mut Call<'_, '_>, items: &[Value]) -> Result<Value, Thrown> {
    let separator = c.get(0).to_text();
    let mut out = String::new();
    for (n, value) in items.iter().enumerate() {
        let text = value.to_text();
        c.machine.allocate(text.len() + separator.len())?;
        if n > 0 {
            out.push_str(&separator);
        }
        out.push_str(&text);
    }
    Ok(Value::from(out))
}

pub(super) fn format(c: &mut Call<'_, '_>) -> Result<Value, Thrown> {
    composite(c.text(0)?, c.arguments.get(1..).unwrap_or_default()).map(Value::from)
}
