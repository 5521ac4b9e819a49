//! `System.Net.IPAddress`.

use std::net::IpAddr;

use super::{Definition, Id, member};
use crate::class::Type;
use crate::exception::Thrown;
use crate::machine::Call;
use crate::value::{Enumeration, Object, Value};

struct Address(IpAddr);

impl Object for Address {
    fn class(&self) -> Type {
        Type::Plain(Id::IPAddress)
    }

    fn text(&self) -> Option<String> {
        Some(self.0.to_string())
    }

    fn equals(&self, other: &Value) -> Option<bool> {
        Some(other.downcast::<Self>().is_some_and(|o| o.0 == self.0))
    }

    fn hash(&self) -> Option<u64> {
        Some(Value::from(self.0.to_string()).hash())
    }
}

fn parse(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches(['[', ']']);
    text.split('%').next()?.parse().ok()
}

fn this<'a>(c: &Call<'a, '_>) -> Result<&'a IpAddr, Thrown> {
    c.object::<Address>(0).map(|a| &a.0)
}

pub(super) const IP_ADDRESS: Definition = Definition {
    name: "System.Net.IPAddress",
    bases: &["object"],
    members: &[
        member("new(byte[])", |c| {
            let bytes = c.bytes(0)?;
            if let Ok(four) = <[u8; 4]>::try_from(bytes.as_slice()) {
                return Ok(Value::object(Address(four.into())));
            }
            <[u8; 16]>::try_from(bytes.as_slice())
                .map(|sixteen| Value::object(Address(sixteen.into())))
                .map_err(|_| Thrown::argument("An invalid IP address was specified. (Parameter 'address')"))
        }),
        member("static Parse(string): IPAddress", |c| {
            parse(c.text(0)?)
                .map(|a| Value::object(Address(a)))
                .ok_or_else(|| Thrown::format("An invalid IP address was specified."))
        }),
        member("static TryParse(string, out IPAddress): bool", |c| {
            let parsed = c.text_or_null(0).and_then(parse);
            c.out.push(parsed.map_or(Value::Null, |a| Value::object(Address(a))));
            Ok(Value::Boolean(parsed.is_some()))
        }),
        member("static IsLoopback(IPAddress): bool", |c| Ok(Value::Boolean(this(c)?.is_loopback()))),
        member("static Loopback: IPAddress", |_| Ok(Value::object(Address([127, 0, 0, 1].into())))),
        member("static Any: IPAddress", |_| Ok(Value::object(Address([0, 0, 0, 0].into())))),
        member("GetAddressBytes(): byte[]", |c| {
            Ok(match this(c)? {
                IpAddr::V4(a) => Value::bytes(a.octets()),
                IpAddr::V6(a) => Value::bytes(a.octets()),
            })
        }),
        member("AddressFamily: AddressFamily", |c| {
            let number = if this(c)?.is_ipv4() { 2 } else { 23 };
            Ok(Value::Enumeration(Enumeration { id: Id::AddressFamily, number }))
        }),
        member("IsIPv4MappedToIPv6: bool", |c| {
            Ok(Value::Boolean(matches!(this(c)?, IpAddr::V6(a) if a.to_ipv4_mapped().is_some())))
        }),
        member("MapToIPv4(): IPAddress", |c| {
            Ok(match this(c)? {
                IpAddr::V6(a) => {
                    Value::object(Address(a.to_ipv4_mapped().map_or(IpAddr::V6(*a), IpAddr::V4)))
                }
                IpAddr::V4(_) => c.value(0),
            })
        }),
        member("ToString(): string", |c| Ok(Value::from(c.get(0).display()))),
    ],
    ..Definition::NEW
};
