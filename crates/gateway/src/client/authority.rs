//! The syntax of `host[:port]` (RFC 3986 section 3.2.2), narrowed to what names a server: no user information, no
//! percent-encoding, no empty host.

/// Whether the text is `host[:port]` with a registered name, an IPv4 address or a bracketed IPv6 address.
pub(crate) fn is_valid(text: &[u8]) -> bool {
    split(text).is_some()
}

/// The host without its port and without a trailing dot; `None` where the text is not a valid authority.
pub(crate) fn host(text: &str) -> Option<&str> {
    let (host, _) = split(text.as_bytes())?;
    let host = text.get(..host.len())?;
    Some(host.strip_suffix('.').filter(|rest| !rest.is_empty()).unwrap_or(host))
}

/// Whether a listener with these `hosts` answers to a host (lower case, without port and trailing dot): all where there
/// are none. `*.example.com` stands for one label more, as in certificates (RFC 9525 section 6.3).
pub(crate) fn is_served(host: &str, hosts: &[String]) -> bool {
    let matches = |pattern: &String| match pattern.strip_prefix("*.") {
        Some(domain) => host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == domain),
        None => pattern == host,
    };
    hosts.is_empty() || hosts.iter().any(matches)
}

fn split(text: &[u8]) -> Option<(&[u8], Option<u16>)> {
    let (host, rest) = if text.first() == Some(&b'[') {
        let end = memchr::memchr(b']', text)?;
        let address = std::str::from_utf8(text.get(1..end)?).ok()?;
        address.parse::<std::net::Ipv6Addr>().ok()?;
        text.split_at_checked(end + 1)?
    } else {
        let end = text.iter().position(|byte| !is_name_byte(*byte)).unwrap_or(text.len());
        text.split_at_checked(end)?
    };
    if host.is_empty() {
        return None;
    }
    match rest {
        [] => Some((host, None)),
        [b':', digits @ ..] if (1..=5).contains(&digits.len()) => {
            let mut port = 0_u32;
            for digit in digits {
                port = port * 10 + u32::from(digit.is_ascii_digit().then(|| digit - b'0')?);
            }
            Some((host, Some(u16::try_from(port).ok()?)))
        }
        _ => None,
    }
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_for_one_label() {
        let matches = |pattern: &str, host: &str| is_served(host, &[pattern.to_owned()]);
        assert!(matches("api.example", "api.example"));
        assert!(matches("*.example", "api.example"));
        assert!(!matches("*.example", "example"));
        assert!(!matches("*.example", "a.b.example"));
        assert!(!matches("*.example", ".example"));
        assert!(is_served("any.example", &[]));
    }

    #[test]
    fn names_addresses_and_ports_are_valid() {
        for good in
            ["a", "api.contoso.example", "a_b-c:8443", "127.0.0.1:1", "[::1]", "[2001:db8::1]:443", "x:0"]
        {
            assert!(is_valid(good.as_bytes()), "{good}");
        }
    }

    #[test]
    fn everything_else_is_not() {
        for bad in [
            "", ":80", "a:", "a:b", "a:65536", "a:123456", "user@a", "a b", "a,b", "a/b", "%61", "[::1",
            "[a]", "::1", "a\0", "a:80:80", "a;b", "ä", "[::1]x", "a#b", "a?b",
        ] {
            assert!(!is_valid(bad.as_bytes()), "{bad}");
        }
    }

    #[test]
    fn a_host_is_told_without_port_and_trailing_dot() {
        assert_eq!(host("a.example.:8443"), Some("a.example"));
        assert_eq!(host("[::1]:1"), Some("[::1]"));
        assert_eq!(host("."), Some("."));
        assert_eq!(host("a b"), None);
    }
}
