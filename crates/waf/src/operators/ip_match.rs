//! `@ipMatch` and `@ipMatchFromFile`: the value is an address of one of the networks.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Argument, Captures, Expand, Operator};

#[derive(Debug)]
struct IpMatch(Vec<IpNet>);

pub(super) fn build(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    let text = argument.constant("ipMatch")?;
    networks(text.split(',').map(str::trim).filter(|network| !network.is_empty()))
}

pub(super) fn build_from_file(argument: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    networks(argument.lines("ipMatchFromFile")?.iter().map(String::as_str))
}

fn networks<'a>(texts: impl Iterator<Item = &'a str>) -> Result<Box<dyn Operator>, String> {
    let networks = texts
        .map(|text| {
            text.parse::<IpNet>().or_else(|_| text.parse::<IpAddr>().map(IpNet::from)).map_err(|_| {
                format!("expected an IP address or a network such as 10.0.0.0/8, found {text:?}")
            })
        })
        .collect::<Result<Vec<_>, _>>()?;
    if networks.is_empty() {
        return Err("expected at least one IP address or network".to_owned());
    }
    Ok(Box::new(IpMatch(networks)))
}

impl Operator for IpMatch {
    fn matches(&self, input: &[u8], _: &dyn Expand, _: &mut Captures) -> bool {
        let address = std::str::from_utf8(input).ok().and_then(|text| text.parse::<IpAddr>().ok());
        address.is_some_and(|address| {
            let address = address.to_canonical();
            self.0.iter().any(|network| network.contains(&address))
        })
    }
}
