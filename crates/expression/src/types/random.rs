//! `System.Random` and the random number generators of cryptography. All draw from the context's source.

use super::{Array, Definition, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::value::{Object, Value};

/// A generator; it holds no state of its own.
struct Source(Id);

impl Object for Source {
    fn class(&self) -> Type {
        Type::Plain(self.0)
    }
}

/// A number below 1 with 53 random bits.
fn fraction(c: &mut Call<'_, '_>) -> f64 {
    let mut bytes = [0; 8];
    c.machine.context.random(&mut bytes);
    (u64::from_le_bytes(bytes) >> 11) as f64 / (1_u64 << 53) as f64
}

fn between(c: &mut Call<'_, '_>, least: i64, most: i64) -> Value {
    let n = least + (fraction(c) * (most - least) as f64) as i64;
    Value::Int32(n as i32)
}

fn fill(c: &mut Call<'_, '_>, index: usize) -> Result<Value, Thrown> {
    let array: &Array = c.object(index)?;
    let mut bytes = vec![0; array.len()];
    c.machine.context.random(&mut bytes);
    array.set_bytes(&bytes);
    Ok(Value::Null)
}

pub(super) const RANDOM: Definition = Definition {
    name: "System.Random",
    bases: &["object"],
    members: &[
        member("new()", |_| Ok(Value::object(Source(Id::Random)))),
        member("new(int)", |_| Ok(Value::object(Source(Id::Random)))),
        member("Next(): int", |c| Ok(between(c, 0, i64::from(i32::MAX)))),
        member("Next(int): int", |c| {
            let most = c.int(1)?;
            if most < 0 {
                return Err(Thrown::out_of_range("maxValue", "'maxValue' must be greater than zero."));
            }
            Ok(between(c, 0, i64::from(most)))
        }),
        member("Next(int, int): int", |c| {
            let (least, most) = (c.int(1)?, c.int(2)?);
            if least > most {
                return Err(Thrown::out_of_range("minValue", "'minValue' cannot be greater than maxValue."));
            }
            Ok(between(c, i64::from(least), i64::from(most)))
        }),
        member("NextDouble(): double", |c| Ok(Value::Double(fraction(c)))),
        member("NextBytes(byte[])", |c| fill(c, 1)),
    ],
    ..Definition::NEW
};

pub(super) const RANDOM_NUMBER_GENERATOR: Definition = Definition {
    name: "System.Security.Cryptography.RandomNumberGenerator",
    bases: &["System.IDisposable"],
    members: &[
        member("static Create(): RandomNumberGenerator", |_| {
            Ok(Value::object(Source(Id::RandomNumberGenerator)))
        }),
        member("static GetInt32(int): int", |c| {
            let most = c.int(0)?;
            Ok(between(c, 0, i64::from(most)))
        }),
        member("static GetInt32(int, int): int", |c| {
            let (least, most) = (c.int(0)?, c.int(1)?);
            Ok(between(c, i64::from(least), i64::from(most)))
        }),
        member("static Fill(byte[])", |c| fill(c, 0)),
        member("static GetBytes(int): byte[]", |c| {
            let count = usize::try_from(c.int(0)?)
                .map_err(|_| Thrown::out_of_range("count", "Non-negative number required."))?;
            c.machine.allocate(count)?;
            let mut bytes = vec![0; count];
            c.machine.context.random(&mut bytes);
            Ok(Value::bytes(bytes))
        }),
        member("GetBytes(byte[])", |c| fill(c, 1)),
        member("GetNonZeroBytes(byte[])", |c| {
            let array: &Array = c.object(1)?;
            let mut bytes = vec![0; array.len()];
            c.machine.context.random(&mut bytes);
            for byte in &mut bytes {
                // One source byte in 256 is zero: 1 then stands a little more often.
                *byte = (*byte).max(1);
            }
            array.set_bytes(&bytes);
            Ok(Value::Null)
        }),
        member("Dispose()", |_| Ok(Value::Null)),
    ],
    ..Definition::NEW
};

pub(super) const RNG_CRYPTO_SERVICE_PROVIDER: Definition = Definition {
    name: "System.Security.Cryptography.RNGCryptoServiceProvider",
    bases: &["RandomNumberGenerator"],
    members: &[member("new()", |_| Ok(Value::object(Source(Id::RngCryptoServiceProvider))))],
    ..Definition::NEW
};
