//! `@geoLookup`: the place of an address. Gatehouse has no database of places, so the operator may stand only in rules that can
//! never run, as it does in CRS 3.3 while no country is blocked.

use super::{Argument, Operator};

pub(super) fn build(_: &Argument<'_>) -> Result<Box<dyn Operator>, String> {
    Err("@geoLookup is not supported: there is no database of places".to_owned())
}
