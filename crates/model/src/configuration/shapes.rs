//! The syntax of single values: sizes, durations, paths, addresses, networks, host names.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use ipnet::IpNet;
use serde_json::{Value, json};

use crate::Located;
use crate::tree::decode::{Context, Invalid, Parsed, Shape, Show, parsed};
use crate::tree::{Node, NodeValue};

const SIZE_UNITS: [(&str, u64); 5] =
    [("TiB", 1 << 40), ("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

const DURATION_UNITS: [(&str, u64); 4] = [("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)];

/// A number of bytes: `16KiB`, `100MiB`, or a plain number.
#[derive(Debug)]
pub(super) struct Size(RangeInclusive<u64>);

pub(super) fn size(range: RangeInclusive<u64>) -> Size {
    Size(range)
}

impl Shape for Size {
    type Value = u64;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<u64> {
        let (NodeValue::Number(_) | NodeValue::String(_)) = node.value else {
            context.wrong_type(node, &self.expected());
            return None;
        };
        let written = node.scalar_text()?;
        let value = match (node.as_u64(), quantity(&written, &SIZE_UNITS)) {
            (Some(bytes), _) | (None, Some(bytes)) => Some(bytes),
            (None, None) => None,
        };
        let value = value.filter(|value| self.0.contains(value));
        if value.is_none() {
            context.invalid(node, &self.expected(), size_fix(&written));
        }
        value
    }

    fn expected(&self) -> String {
        let [least, most] = [self.0.start(), self.0.end()].map(|bound| write_quantity(*bound, &SIZE_UNITS));
        format!("a size from {least} to {most}, such as 16KiB")
    }

    fn expected_entries(&self) -> String {
        "sizes".to_owned()
    }

    fn schema(&self) -> Value {
        json!({
            "type": ["integer", "string"],
            "minimum": self.0.start(),
            "maximum": self.0.end(),
            "pattern": "^[0-9]+(B|KiB|MiB|GiB|TiB)$"
        })
    }
}

impl Show for Size {
    fn show(&self, value: &u64) -> Value {
        json!(write_quantity(*value, &SIZE_UNITS))
    }
}

/// What was meant by another spelling of a unit.
fn size_fix(written: &str) -> Invalid {
    let digits = written.trim_end_matches(|character: char| !character.is_ascii_digit());
    let unit = written.strip_prefix(digits).unwrap_or_default().trim().to_ascii_lowercase();
    let meant = match unit.as_str() {
        "k" | "kb" | "ki" | "kib" => "KiB",
        "m" | "mb" | "mi" | "mib" => "MiB",
        "g" | "gb" | "gi" | "gib" => "GiB",
        "t" | "tb" | "ti" | "tib" => "TiB",
        _ => return Invalid::default(),
    };
    match quantity(&format!("{digits}{meant}"), &SIZE_UNITS) {
        Some(_) if !written.ends_with(meant) || written.contains(' ') => {
            Invalid::default().fix(format!("did you mean `{digits}{meant}`?"))
        }
        _ => Invalid::default(),
    }
}

/// A time with its unit: `500ms`, `10s`, `5m`, `1h`.
#[derive(Debug)]
pub(super) struct Span(RangeInclusive<Duration>);

pub(super) fn duration(range: RangeInclusive<Duration>) -> Span {
    Span(range)
}

impl Shape for Span {
    type Value = Duration;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Duration> {
        let (NodeValue::Number(_) | NodeValue::String(_)) = node.value else {
            context.wrong_type(node, &self.expected());
            return None;
        };
        let written = node.scalar_text()?;
        let value = match node.value {
            NodeValue::String(_) => quantity(&written, &DURATION_UNITS).map(Duration::from_millis),
            // A number without its unit could mean anything.
            _ => None,
        };
        let value = value.filter(|value| self.0.contains(value));
        if value.is_none() {
            let invalid = match node.as_u64() {
                Some(number) => Invalid::default().fix(format!("say the unit: `{number}s` or `{number}ms`")),
                None => Invalid::default(),
            };
            context.invalid(node, &self.expected(), invalid);
        }
        value
    }

    fn expected(&self) -> String {
        let [least, most] = [self.0.start(), self.0.end()].map(write_duration);
        format!("a duration from {least} to {most}, such as 10s")
    }

    fn expected_entries(&self) -> String {
        "durations".to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "pattern": "^[0-9]+(ms|s|m|h)$" })
    }
}

impl Show for Span {
    fn show(&self, value: &Duration) -> Value {
        json!(write_duration(value))
    }
}

/// A whole number with a unit behind it.
fn quantity(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let (_, factor) = units.iter().find(|(name, _)| *name == unit)?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

fn write_quantity(value: u64, units: &[(&str, u64)]) -> String {
    match units.iter().find(|(_, factor)| value != 0 && value.is_multiple_of(*factor)) {
        Some((unit, factor)) => format!("{}{unit}", value / factor),
        None => value.to_string(),
    }
}

fn write_duration(value: &Duration) -> String {
    match u64::try_from(value.as_millis()) {
        Ok(0) => "0s".to_owned(),
        Ok(milliseconds) => write_quantity(milliseconds, &DURATION_UNITS),
        Err(_) => format!("{value:?}"),
    }
}

/// A path, joined to the folder of the file that names it.
#[derive(Clone, Copy, Debug)]
pub(super) struct FilePath;

pub(super) fn path() -> FilePath {
    FilePath
}

impl FilePath {
    /// Without the `.` in between, so that messages name files as one would name them.
    pub(super) fn join(file: &Path, path: &str) -> PathBuf {
        let joined = file.parent().unwrap_or(Path::new("")).join(path);
        let plain: PathBuf =
            joined.components().filter(|component| *component != Component::CurDir).collect();
        if plain.as_os_str().is_empty() { PathBuf::from(".") } else { plain }
    }
}

impl Shape for FilePath {
    type Value = Located<PathBuf>;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Located<PathBuf>> {
        let Some(text) = node.as_str() else {
            context.wrong_type(node, &self.expected());
            return None;
        };
        if text.is_empty() {
            context.invalid(node, &self.expected(), Invalid::because("it is empty"));
            return None;
        }
        Some(Located::new(Self::join(context.file(), text), context.place(node)))
    }

    fn expected(&self) -> String {
        "a path".to_owned()
    }

    fn expected_entries(&self) -> String {
        "paths".to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "minLength": 1 })
    }
}

/// An IP address and a port to listen on.
pub(super) fn address() -> Parsed<SocketAddr> {
    parsed(
        ["an IP address and a port, such as 0.0.0.0:8443 or [::]:8443", "IP addresses with ports"],
        r"^([0-9.]+|\[[0-9A-Fa-f:.]+\]):[0-9]{1,5}$",
        |text| {
            text.parse().map_err(|_| {
                let Some((host, port)) = text.rsplit_once(':') else {
                    return Invalid::because(format!("`{text}` has no port"));
                };
                let port_is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
                if port_is_number && port.parse::<u16>().is_err() {
                    return Invalid::because(format!("`{port}` is no port; the highest is 65535"));
                }
                match host {
                    "" | "*" if port_is_number => {
                        Invalid::default().fix(format!("did you mean `0.0.0.0:{port}`?"))
                    }
                    "localhost" if port_is_number => {
                        Invalid::because("a host name is no address to listen on")
                            .fix(format!("did you mean `127.0.0.1:{port}`?"))
                    }
                    host if host.parse::<Ipv6Addr>().is_ok() && port_is_number => Invalid::default()
                        .fix(format!("an IPv6 address stands in brackets: `[{host}]:{port}`")),
                    _ => Invalid::default(),
                }
            })
        },
        SocketAddr::to_string,
    )
}

/// A network in CIDR notation, or a single address.
pub(super) fn network() -> Parsed<IpNet> {
    parsed(
        ["a network such as 10.0.0.0/8 or an IP address", "networks or IP addresses"],
        "^[0-9A-Fa-f:.]+(/[0-9]{1,3})?$",
        |text| {
            let Some((address, prefix)) = text.split_once('/') else {
                let address: IpAddr = text.parse().map_err(|_| Invalid::default())?;
                return Ok(address.into());
            };
            let address: IpAddr = address.parse().map_err(|_| Invalid::default())?;
            let most = if address.is_ipv4() { 32 } else { 128 };
            let number =
                prefix.parse::<u8>().ok().filter(|_| prefix.bytes().all(|byte| byte.is_ascii_digit()));
            let network = number
                .and_then(|number| IpNet::new(address, number).ok())
                .ok_or_else(|| Invalid::because(format!("the prefix must be a number from 0 to {most}")))?;
            if network.addr() != network.network() {
                return Err(Invalid::because(format!("`{text}` has bits behind its prefix")).fix(format!(
                    "did you mean `{}` or `{}`?",
                    network.trunc(),
                    network.addr()
                )));
            }
            Ok(network)
        },
        IpNet::to_string,
    )
}

/// An https URL without user, query and fragment.
pub(super) fn https_url() -> Parsed<url::Url> {
    parsed(
        ["an https URL such as https://vault.example.com", "https URLs"],
        r"^https://",
        |text| {
            let url = url::Url::parse(text).map_err(|error| Invalid::because(error.to_string()))?;
            if url.scheme() != "https" {
                return Err(Invalid::because("what goes there is secret: it goes over https"));
            }
            let is_plain = url.query().is_none() && url.fragment().is_none();
            if !is_plain || !url.username().is_empty() || url.password().is_some() {
                return Err(Invalid::because("it holds a user, a query or a fragment"));
            }
            Ok(url)
        },
        ToString::to_string,
    )
}

/// A host name in lower case, which `*.` may precede, or an IP address as it stands in a `Host` header.
pub(super) fn host() -> Parsed<String> {
    parsed(
        ["a host name such as api.example.com or *.example.com", "host names"],
        r"^(\*\.)?[0-9A-Za-z.-]+$|^\[[0-9A-Fa-f:.]+\]$",
        |text| {
            if let Some(address) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
                return address
                    .parse::<Ipv6Addr>()
                    .map(|address| format!("[{address}]"))
                    .map_err(|_| Invalid::default());
            }
            let lowered = text.to_ascii_lowercase();
            let name = lowered.strip_prefix("*.").unwrap_or(&lowered);
            if text == "*" {
                return Err(Invalid::because("`*` alone stands for every host")
                    .fix("leave the key out to answer to all"));
            }
            if name.contains('*') {
                return Err(Invalid::because("`*` may only be the whole first label"));
            }
            if let Some((host, port)) = name.split_once(':')
                && port.parse::<u16>().is_ok()
            {
                return Err(
                    Invalid::because("the port is no part of it").fix(format!("did you mean `{host}`?"))
                );
            }
            if let Some((_, rest)) = name.split_once("://") {
                let host = rest.split('/').next().unwrap_or_default();
                return Err(
                    Invalid::because("the scheme is no part of it").fix(format!("did you mean `{host}`?"))
                );
            }
            if !text.is_ascii() {
                return Err(Invalid::because("it has characters outside ASCII")
                    .fix("write an internationalized name in its `xn--` form"));
            }
            let labels = name.len() <= 253 && name.split('.').all(is_label);
            if labels { Ok(lowered) } else { Err(Invalid::default()) }
        },
        String::clone,
    )
}

/// A label of a host name by RFC 1123, section 2.1.
fn is_label(label: &str) -> bool {
    (1..=63).contains(&label.len())
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A name for logs and metrics.
pub(super) fn name() -> Parsed<String> {
    parsed(
        ["a name of letters, digits, `-`, `_` and `.`, 64 at the most", "names"],
        "^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$",
        |text| {
            let fits = text.len() <= 64
                && text.starts_with(|first: char| first.is_ascii_alphanumeric())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
            if fits { Ok(text.to_owned()) } else { Err(Invalid::default()) }
        },
        String::clone,
    )
}

/// A mail address, by its outer form.
pub(super) fn mail_address() -> Parsed<String> {
    parsed(
        ["a mail address", "mail addresses"],
        r"^[^@\s]+@[^@\s]+$",
        |text| match text.split_once('@') {
            Some((local, domain))
                if !local.is_empty()
                    && !domain.is_empty()
                    && !domain.contains('@')
                    && !text.contains(char::is_whitespace) =>
            {
                Ok(text.to_owned())
            }
            _ => Err(Invalid::default()),
        },
        String::clone,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_joined_to_the_folder_of_the_file() {
        for (file, path, expected) in [
            ("gatehouse.yaml", "./artifacts", "artifacts"),
            ("./gatehouse.yaml", "artifacts/.", "artifacts"),
            ("gatehouse.yaml", ".", "."),
            ("/etc/gatehouse/gatehouse.yaml", "../a", "/etc/gatehouse/../a"),
            ("/etc/gatehouse/gatehouse.yaml", "/srv/./a", "/srv/a"),
        ] {
            assert_eq!(FilePath::join(Path::new(file), path).as_os_str(), expected, "{file} {path}");
        }
    }

    #[test]
    fn sizes_and_durations_read_as_they_are_written() {
        for (text, bytes) in
            [("16KiB", 16 << 10), ("100MiB", 100 << 20), ("1GiB", 1 << 30), ("5B", 5), ("2TiB", 2 << 40)]
        {
            assert_eq!(quantity(text, &SIZE_UNITS), Some(bytes));
            assert_eq!(write_quantity(bytes, &SIZE_UNITS), text);
        }
        for (text, milliseconds) in [("500ms", 500), ("10s", 10_000), ("5m", 300_000), ("1h", 3_600_000)] {
            assert_eq!(quantity(text, &DURATION_UNITS), Some(milliseconds));
            assert_eq!(write_quantity(milliseconds, &DURATION_UNITS), text);
        }
        for text in [
            "",
            "s",
            "10",
            "10 s",
            "-1s",
            "1.5s",
            "1m30s",
            "10S",
            "99999999999999999999s",
            "18446744073709551615h",
        ] {
            assert_eq!(quantity(text, &DURATION_UNITS), None, "{text}");
        }
    }
}
