//! `System.BitConverter`, little-endian.

use super::string::range;
use super::{Definition, member, pure};
use crate::exception::Thrown;
use crate::machine::Call;
use crate::value::Value;

fn take<const N: usize>(c: &Call<'_, '_>) -> Result<[u8; N], Thrown> {
    let bytes = c.bytes(0)?;
    let start = usize::try_from(c.int(1)?).ok().filter(|start| *start < bytes.len()).ok_or_else(|| {
        Thrown::out_of_range(
            "startIndex",
            "Index was out of range. Must be non-negative and less than the size of the collection.",
        )
    })?;
    bytes.get(start..start.saturating_add(N)).and_then(|b| b.try_into().ok()).ok_or_else(|| {
        Thrown::argument("Destination array is not long enough to copy all the items in the collection. Check array index and length.")
    })
}

fn hex(bytes: &[u8]) -> Value {
    let parts: Vec<String> = bytes.iter().map(|b| format!("{b:02X}")).collect();
    Value::from(parts.join("-"))
}

pub(super) const BIT_CONVERTER: Definition = Definition {
    name: "System.BitConverter",
    members: &[
        pure("static IsLittleEndian: bool", |_| Ok(Value::Boolean(true))),
        member("static ToString(byte[]): string", |c| Ok(hex(&c.bytes(0)?))),
        member("static ToString(byte[], int): string", |c| {
            let bytes = c.bytes(0)?;
            let (start, _) = range(c.int(1)?, 0, bytes.len())?;
            Ok(hex(&bytes[start..]))
        }),
        member("static ToString(byte[], int, int): string", |c| {
            let bytes = c.bytes(0)?;
            let (start, count) = range(c.int(1)?, c.int(2)?, bytes.len())?;
            Ok(hex(&bytes[start..start + count]))
        }),
        member("static GetBytes(bool): byte[]", |c| Ok(Value::bytes([u8::from(c.boolean(0)?)]))),
        member("static GetBytes(char): byte[]", |c| Ok(Value::bytes(c.unit(0)?.to_le_bytes()))),
        member("static GetBytes(short): byte[]", |c| match c.get(0) {
            Value::Int16(n) => Ok(Value::bytes(n.to_le_bytes())),
            other => Err(Thrown::mismatch("System.Int16", other)),
        }),
        member("static GetBytes(int): byte[]", |c| Ok(Value::bytes(c.int(0)?.to_le_bytes()))),
        member("static GetBytes(uint): byte[]", |c| match c.get(0) {
            Value::UInt32(n) => Ok(Value::bytes(n.to_le_bytes())),
            other => Err(Thrown::mismatch("System.UInt32", other)),
        }),
        member("static GetBytes(long): byte[]", |c| Ok(Value::bytes(c.long(0)?.to_le_bytes()))),
        member("static GetBytes(ulong): byte[]", |c| match c.get(0) {
            Value::UInt64(n) => Ok(Value::bytes(n.to_le_bytes())),
            other => Err(Thrown::mismatch("System.UInt64", other)),
        }),
        member("static GetBytes(double): byte[]", |c| Ok(Value::bytes(c.double(0)?.to_le_bytes()))),
        member("static GetBytes(ushort): byte[]", |c| match c.get(0) {
            Value::UInt16(n) => Ok(Value::bytes(n.to_le_bytes())),
            other => Err(Thrown::mismatch("System.UInt16", other)),
        }),
        member("static GetBytes(float): byte[]", |c| match c.get(0) {
            Value::Single(n) => Ok(Value::bytes(n.to_le_bytes())),
            other => Err(Thrown::mismatch("System.Single", other)),
        }),
        member("static ToChar(byte[], int): char", |c| Ok(Value::Char(u16::from_le_bytes(take(c)?)))),
        member("static ToSingle(byte[], int): float", |c| Ok(Value::Single(f32::from_le_bytes(take(c)?)))),
        pure("static DoubleToInt64Bits(double): long", |c| {
            Ok(Value::Int64(i64::from_ne_bytes(c.double(0)?.to_ne_bytes())))
        }),
        pure("static Int64BitsToDouble(long): double", |c| {
            Ok(Value::Double(f64::from_ne_bytes(c.long(0)?.to_ne_bytes())))
        }),
        pure("static Int32BitsToSingle(int): float", |c| {
            Ok(Value::Single(f32::from_ne_bytes(c.int(0)?.to_ne_bytes())))
        }),
        pure("static SingleToInt32Bits(float): int", |c| match c.get(0) {
            Value::Single(n) => Ok(Value::Int32(i32::from_ne_bytes(n.to_ne_bytes()))),
            other => Err(Thrown::mismatch("System.Single", other)),
        }),
        member("static ToInt16(byte[], int): short", |c| Ok(Value::Int16(i16::from_le_bytes(take(c)?)))),
        member("static ToUInt16(byte[], int): ushort", |c| Ok(Value::UInt16(u16::from_le_bytes(take(c)?)))),
        member("static ToInt32(byte[], int): int", |c| Ok(Value::Int32(i32::from_le_bytes(take(c)?)))),
        member("static ToUInt32(byte[], int): uint", |c| Ok(Value::UInt32(u32::from_le_bytes(take(c)?)))),
        member("static ToInt64(byte[], int): long", |c| Ok(Value::Int64(i64::from_le_bytes(take(c)?)))),
        member("static ToUInt64(byte[], int): ulong", |c| Ok(Value::UInt64(u64::from_le_bytes(take(c)?)))),
        member("static ToDouble(byte[], int): double", |c| Ok(Value::Double(f64::from_le_bytes(take(c)?)))),
        member("static ToBoolean(byte[], int): bool", |c| Ok(Value::Boolean(take::<1>(c)? != [0]))),
    ],
    ..Definition::NEW
};
