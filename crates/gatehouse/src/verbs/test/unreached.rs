//! Which policies and branches no case has reached.

use std::collections::{BTreeMap, HashMap};

use gatehouse_model::Location;
use gatehouse_policy::Place;

/// The file of the policy that a service without one has.
const DEFAULT_POLICY: &str = "default policy";

/// Policies and branches, and how often they were reached.
#[derive(Default)]
pub(super) struct Reached {
    counts: BTreeMap<Place, u64>,
}

impl Reached {
    /// Adds what could be reached.
    pub(super) fn places(&mut self, places: &[Place]) {
        for place in places {
            if place.location.file.as_os_str() != DEFAULT_POLICY {
                self.counts.entry(place.clone()).or_default();
            }
        }
    }

    /// Adds what a case has reached.
    pub(super) fn reaches(&mut self, reached: &HashMap<Location, u32>) {
        for (place, count) in &mut self.counts {
            if let Some(times) = reached.get(&place.location) {
                *count += u64::from(*times);
            }
        }
    }

    /// How many places there are.
    pub(super) fn total(&self) -> usize {
        self.counts.len()
    }

    /// Those that were never reached, in their order.
    pub(super) fn unreached(&self) -> impl Iterator<Item = &Place> {
        self.counts.iter().filter(|(_, count)| **count == 0).map(|(place, _)| place)
    }
}
