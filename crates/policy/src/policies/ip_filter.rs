//! `ip-filter`: callers by address.
//!
//! Source: <https://learn.microsoft.com/azure/api-management/ip-filter-policy>. Beyond it an `address` may be a network in
//! CIDR notation. The address is the client's: behind a trusted proxy the one that the proxy vouches for.

use std::net::IpAddr;

use http::StatusCode;
use ipnet::IpNet;

use crate::compiler::{Builder, Reported};
use crate::document::Element;
use crate::value::{Enumeration, Text};
use crate::{Action, Exchange, Failure, Flow, Policy, World};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Allow,
    Forbid,
}

const VERDICTS: &[(&str, Verdict)] = &[("allow", Verdict::Allow), ("forbid", Verdict::Forbid)];

#[derive(Debug)]
struct IpFilter {
    action: Enumeration<Verdict>,
    ranges: Vec<Range>,
    computed: Vec<ComputedRange>,
}

/// Both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Range {
    first: IpAddr,
    last: IpAddr,
}

#[derive(Debug)]
enum ComputedRange {
    Address(Text),
    Range(Text, Text),
}

pub(super) fn compile(builder: &mut Builder<'_>, element: &Element) -> Result<Action, Reported> {
    builder.only(element, &["action"], &["address", "address-range"]);
    builder.no_text(element);
    let action = builder.required_enumeration(element, "action", VERDICTS)?;
    let mut filter = IpFilter { action, ranges: Vec::new(), computed: Vec::new() };
    for child in element.elements() {
        filter.add(builder, child);
    }
    if element.elements().next().is_none() {
        let message = "`ip-filter` names no address";
        let fix = "add `<address>…</address>` or `<address-range from=\"…\" to=\"…\" />`";
        builder.error_with_fix("missing-element", &element.location, message, fix);
    }
    Ok(Action::Now(Box::new(filter)))
}

impl IpFilter {
    fn add(&mut self, builder: &mut Builder<'_>, child: &Element) {
        if child.name == "address" {
            builder.only(child, &[], &[]);
            let text = builder.content(child);
            let Some(literal) = text.literal() else {
                self.computed.push(ComputedRange::Address(text));
                return;
            };
            let Some(range) = Range::of_address(literal) else {
                let message = format!("`{literal}` is neither an IP address nor a network");
                builder.error("bad-value", &child.text().trimmed().location, message);
                return;
            };
            self.ranges.push(range);
            return;
        }
        builder.only(child, &["from", "to"], &[]);
        let (from, to) = (builder.text(child, "from"), builder.text(child, "to"));
        let (Some(first), Some(last)) = (from.literal(), to.literal()) else {
            self.computed.push(ComputedRange::Range(from, to));
            return;
        };
        let Some(range) = Range::between(first.trim(), last.trim()) else {
            let message = format!("`{first}` to `{last}` is no range of IP addresses");
            let fix = "both are addresses of one family, the lower one first";
            builder.error_with_fix("bad-value", &child.location, message, fix);
            return;
        };
        self.ranges.push(range);
    }

    fn matches(&self, caller: IpAddr, exchange: &mut Exchange, world: &World<'_>) -> Result<bool, Failure> {
        if self.ranges.iter().any(|range| range.contains(caller)) {
            return Ok(true);
        }
        for computed in &self.computed {
            let (range, text) = match computed {
                ComputedRange::Address(address) => {
                    let text = address.evaluate(exchange, world)?;
                    (Range::of_address(text.trim()), text.to_owned())
                }
                ComputedRange::Range(from, to) => {
                    let from = from.evaluate(exchange, world)?.to_owned();
                    let to = to.evaluate(exchange, world)?;
                    (Range::between(from.trim(), to.trim()), format!("{from} to {}", &*to))
                }
            };
            // What cannot be read cannot be matched, and must not be skipped.
            let message =
                || format!("`{}` is neither an IP address nor a range of them.", text.escape_debug());
            let range = range.ok_or_else(|| Failure::internal("ip-filter", "AddressInvalid", message()))?;
            if range.contains(caller) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

impl Policy for IpFilter {
    fn apply(&self, exchange: &mut Exchange, world: &World<'_>) -> Result<Flow, Failure> {
        let action = self.action.evaluate(exchange, world)?;
        let caller = exchange.request.client_ip.to_canonical();
        let matches = self.matches(caller, exchange, world)?;
        let (reason, message) = match (action, matches) {
            (Verdict::Allow, true) | (Verdict::Forbid, false) => return Ok(Flow::Continue),
            (Verdict::Allow, false) => {
                ("CallerIpNotAllowed", format!("Caller IP address {caller} is not allowed. Access denied."))
            }
            (Verdict::Forbid, true) => {
                ("CallerIpBlocked", "Caller IP address is blocked. Access denied.".to_owned())
            }
        };
        Err(Failure::new(StatusCode::FORBIDDEN, "ip-filter", reason, message).public("Forbidden"))
    }
}

impl Range {
    fn of_address(text: &str) -> Option<Self> {
        if let Ok(address) = text.parse::<IpAddr>() {
            let address = address.to_canonical();
            return Some(Self { first: address, last: address });
        }
        let network = match text.parse().ok()? {
            // A network of IPv4 addresses as IPv6 writes them: callers are known by the plain ones.
            IpNet::V6(mapped) if mapped.prefix_len() >= 96 => match mapped.network().to_ipv4_mapped() {
                Some(address) => IpNet::new(address.into(), mapped.prefix_len() - 96).ok()?,
                None => mapped.into(),
            },
            network => network,
        };
        Some(Self { first: network.network(), last: network.broadcast() })
    }

    fn between(first: &str, last: &str) -> Option<Self> {
        let first = first.parse::<IpAddr>().ok()?.to_canonical();
        let last = last.parse::<IpAddr>().ok()?.to_canonical();
        (first.is_ipv4() == last.is_ipv4() && first <= last).then_some(Self { first, last })
    }

    fn contains(self, address: IpAddr) -> bool {
        address.is_ipv4() == self.first.is_ipv4() && self.first <= address && address <= self.last
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::*;

    #[test]
    fn ranges_hold_both_ends_and_one_family() {
        let range = Range::between("10.0.0.5", "10.0.1.2").unwrap();
        for (address, inside) in [
            ("10.0.0.5", true),
            ("10.0.0.255", true),
            ("10.0.1.2", true),
            ("10.0.1.3", false),
            ("::ffff:a00:6", false),
        ] {
            assert_eq!(range.contains(address.parse().unwrap()), inside, "{address}");
        }
        assert_eq!(Range::between("10.0.0.9", "10.0.0.1"), None);
        assert_eq!(Range::between("10.0.0.9", "::1"), None);
        let network = Range::of_address("2001:db8::/32").unwrap();
        assert!(network.contains("2001:db8:ffff::1".parse().unwrap()));
        assert!(!network.contains("2001:db9::1".parse().unwrap()));
        assert_eq!(Range::of_address("::ffff:10.0.0.1"), Range::of_address("10.0.0.1"));
        assert_eq!(Range::of_address("::ffff:10.0.0.0/104"), Range::of_address("10.0.0.0/8"));
        assert_eq!(Range::of_address("10.0.0"), None);
    }

    fn filtered(action: &str, addresses: &str, caller: &str) -> Exchange {
        let policy = format!("<ip-filter action=\"{action}\">{addresses}</ip-filter>");
        run_with(&document("inbound", &policy), |exchange| {
            exchange.request.client_ip = caller.parse().unwrap();
        })
    }

    const ADDRESSES: &str =
        "<address>13.66.201.169</address><address-range from=\"13.66.140.128\" to=\"13.66.140.143\" />";

    #[test]
    fn the_example_of_the_documentation() {
        for (caller, allowed) in [
            ("13.66.201.169", true),
            ("::ffff:13.66.201.169", true),
            ("13.66.140.128", true),
            ("13.66.140.143", true),
            ("13.66.140.144", false),
            ("13.66.201.170", false),
            ("::1", false),
        ] {
            let status = |allowed| if allowed { 200 } else { 403 };
            assert_eq!(filtered("allow", ADDRESSES, caller).answered(), status(allowed), "{caller}");
            assert_eq!(filtered("forbid", ADDRESSES, caller).answered(), status(!allowed), "{caller}");
        }
    }

    #[test]
    fn a_refusal_tells_the_client_no_addresses() {
        let exchange = filtered("allow", ADDRESSES, "10.0.0.1");
        assert_eq!(exchange.answer_text(), r#"{"statusCode":403,"message":"Forbidden"}"#);
        let error = exchange.last_error.unwrap();
        assert_eq!(error.reason, "CallerIpNotAllowed");
        assert_eq!(error.message, "Caller IP address 10.0.0.1 is not allowed. Access denied.");
        let error = filtered("forbid", "<address>10.0.0.0/8</address>", "10.0.0.1").last_error.unwrap();
        assert_eq!(
            (&*error.reason, &*error.message),
            ("CallerIpBlocked", "Caller IP address is blocked. Access denied.")
        );
    }

    #[test]
    fn expressions_are_read_for_each_request_and_never_skipped() {
        let computed = "<address>@(\"10.0.0.1\")</address>";
        assert_eq!(filtered("forbid", computed, "10.0.0.1").answered(), 403);
        assert_eq!(filtered("@(\"allow\")", computed, "10.0.0.2").answered(), 403);
        let exchange =
            filtered("forbid", "<address-range from=\"@(&quot;x&quot;)\" to=\"10.0.0.9\" />", "10.0.0.1");
        assert_eq!(exchange.answered(), 500);
        assert_eq!(exchange.last_error.unwrap().reason, "AddressInvalid");
    }

    #[test]
    fn what_cannot_be_is_told_at_load() {
        for (policy, wanted) in [
            ("<ip-filter action=\"allow\" />", "1:58: error: `ip-filter` names no address"),
            (
                "<ip-filter action=\"deny\"><address>::1</address></ip-filter>",
                "1:77: error: the attribute `action` must be one of `allow`, `forbid`, not `deny`",
            ),
            (
                "<ip-filter action=\"allow\"><address> 10.0.0 </address></ip-filter>",
                "1:94: error: `10.0.0` is neither an IP address nor a network",
            ),
            (
                "<ip-filter action=\"allow\"><address-range from=\"10.0.0.2\" to=\"10.0.0.1\" /></ip-filter>",
                "1:84: error: `10.0.0.2` to `10.0.0.1` is no range",
            ),
            (
                "<ip-filter action=\"allow\"><address-range from=\"10.0.0.2\" /></ip-filter>",
                "`address-range` has no attribute `to`",
            ),
        ] {
            let told = findings_in("inbound", policy);
            assert!(told.len() == 1 && told[0].contains(wanted), "{told:?}");
        }
    }
}
