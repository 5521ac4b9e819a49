//! Pools of backends: priority groups, weighted within.

use std::sync::Arc;

use gatehouse_policy::Random;

use super::backends::Single;

/// The members of a pool, by priority.
#[derive(Debug)]
pub(super) struct Balance {
    groups: Vec<Vec<Member>>,
}

/// A member with its share.
#[derive(Debug)]
pub(super) struct Member {
    /// Where requests go.
    pub(super) backend: Arc<Single>,
    /// Lower is tried first.
    pub(super) priority: u32,
    /// Its share of the group's requests.
    pub(super) weight: u32,
}

impl Balance {
    /// Groups members by priority.
    pub(super) fn new(mut members: Vec<Member>) -> Self {
        members.sort_by_key(|member| member.priority);
        let mut groups: Vec<Vec<Member>> = Vec::new();
        for member in members {
            match groups.last_mut() {
                Some(group) if group.last().is_some_and(|last| last.priority == member.priority) => {
                    group.push(member);
                }
                _ => groups.push(vec![member]),
            }
        }
        Self { groups }
    }

    /// A member whose breaker lets calls pass, of the first priority that has one; else the seconds until one does.
    pub(super) fn choose(&self, now_micros: u64, random: &dyn Random) -> Result<&Arc<Single>, u64> {
        let mut soonest = u64::MAX;
        for group in &self.groups {
            let mut awake = 0_u64;
            let mut count = 0_u64;
            for member in group {
                match member.backend.check(now_micros) {
                    Ok(()) => {
                        awake += u64::from(member.weight);
                        count += 1;
                    }
                    Err(seconds) => soonest = soonest.min(seconds),
                }
            }
            if count == 0 {
                continue;
            }
            // Members of weight 0 are for when nobody else is left; then they share evenly.
            let total = if awake == 0 { count } else { awake };
            let mut draw = scale(random.next(), total);
            for member in group.iter().filter(|member| member.backend.check(now_micros).is_ok()) {
                let share = if awake == 0 { 1 } else { u64::from(member.weight) };
                if draw < share {
                    return Ok(&member.backend);
                }
                draw -= share;
            }
        }
        Err(if soonest == u64::MAX { 1 } else { soonest })
    }
}

/// A random number below `bound`, without the bias of a remainder that would matter.
fn scale(random: u64, bound: u64) -> u64 {
    ((u128::from(random) * u128::from(bound)) >> 64) as u64
}
