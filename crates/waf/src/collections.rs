//! Collections that outlive a transaction: `GLOBAL`, `IP`, `RESOURCE`, `SESSION` and `USER`.

use std::collections::HashMap;

use parking_lot::Mutex;

use crate::text::leading_integer;
use crate::variables::Scope;

/// Collections in memory, for all transactions of a process. Bounded: the entry that was used longest ago makes room for a new one.
#[derive(Debug)]
pub struct Collections {
    most: usize,
    entries: Mutex<HashMap<(Scope, Box<[u8]>), Collection>>,
}

#[derive(Debug, Default)]
struct Collection {
    variables: Vec<Variable>,
    /// Seconds since 1970; after this the collection is forgotten.
    expires: u64,
}

#[derive(Debug)]
struct Variable {
    name: Box<[u8]>,
    value: Box<[u8]>,
    expires: Option<u64>,
}

/// The most variables of one collection, and bytes of one value.
const VARIABLES: usize = 64;
const VALUE_BYTES: usize = 4096;

impl Collections {
    /// Room for that many collections.
    pub fn new(most: usize) -> Self {
        Self { most: most.max(1), entries: Mutex::new(HashMap::new()) }
    }

    /// The variables of a collection with their names in lower case.
    pub(crate) fn variables(&self, scope: Scope, key: &[u8], now: u64) -> Vec<(Box<[u8]>, Box<[u8]>)> {
        let entries = self.entries.lock();
        let collection = entries.get(&(scope, key.into())).filter(|collection| collection.expires > now);
        let live = collection
            .into_iter()
            .flat_map(|collection| &collection.variables)
            .filter(|variable| variable.lives(now));
        live.map(|variable| (variable.name.clone(), variable.value.clone())).collect()
    }

    /// The value of a variable.
    pub(crate) fn get(&self, scope: Scope, key: &[u8], name: &[u8], now: u64) -> Option<Box<[u8]>> {
        let entries = self.entries.lock();
        let collection = entries.get(&(scope, key.into())).filter(|collection| collection.expires > now)?;
        let variable =
            collection.variables.iter().find(|variable| *variable.name == *name && variable.lives(now))?;
        Some(variable.value.clone())
    }

    /// Sets a variable, or removes it with `None`.
    pub(crate) fn set(
        &self,
        scope: Scope,
        key: &[u8],
        name: &[u8],
        value: Option<&[u8]>,
        now: u64,
        timeout: u64,
    ) {
        self.change(scope, key, name, now, timeout, |_| {
            value.map(|value| value[..value.len().min(VALUE_BYTES)].into())
        });
    }

    /// Adds to the number of a variable.
    pub(crate) fn add(&self, scope: Scope, key: &[u8], name: &[u8], amount: i64, now: u64, timeout: u64) {
        self.change(scope, key, name, now, timeout, |old| {
            let sum = old.map_or(0, leading_integer).saturating_add(amount);
            Some(sum.to_string().into_bytes().into())
        });
    }

    /// Lets a variable end after that many seconds.
    pub(crate) fn expire(&self, scope: Scope, key: &[u8], name: &[u8], seconds: u64, now: u64) {
        let mut entries = self.entries.lock();
        if let Some(collection) = entries.get_mut(&(scope, key.into()))
            && let Some(variable) = collection.variables.iter_mut().find(|variable| *variable.name == *name)
        {
            variable.expires = Some(now.saturating_add(seconds));
        }
    }

    fn change(
        &self,
        scope: Scope,
        key: &[u8],
        name: &[u8],
        now: u64,
        timeout: u64,
        change: impl FnOnce(Option<&[u8]>) -> Option<Box<[u8]>>,
    ) {
        let mut entries = self.entries.lock();
        let place = (scope, Box::from(key));
        if entries.len() >= self.most && !entries.contains_key(&place) {
            entries.retain(|_, collection| collection.expires > now);
            if entries.len() >= self.most
                && let Some(oldest) = entries
                    .iter()
                    .min_by_key(|(_, collection)| collection.expires)
                    .map(|(place, _)| place.clone())
            {
                entries.remove(&oldest);
            }
        }
        let collection = entries.entry(place).or_default();
        if collection.expires <= now {
            collection.variables.clear();
        }
        collection.expires = now.saturating_add(timeout);
        collection.variables.retain(|variable| variable.lives(now));
        let at = collection.variables.iter().position(|variable| *variable.name == *name);
        let value = change(at.map(|at| &*collection.variables[at].value));
        match (at, value) {
            (Some(at), Some(value)) => collection.variables[at].value = value,
            (Some(at), None) => {
                collection.variables.swap_remove(at);
            }
            (None, Some(value)) if collection.variables.len() < VARIABLES => {
                collection.variables.push(Variable { name: name.into(), value, expires: None });
            }
            (None, _) => {}
        }
    }
}

impl Variable {
    fn lives(&self, now: u64) -> bool {
        self.expires.is_none_or(|expires| expires > now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_count_expire_and_make_room() {
        let collections = Collections::new(2);
        collections.add(Scope::Ip, b"a", b"hits", 1, 100, 60);
        collections.add(Scope::Ip, b"a", b"hits", 2, 101, 60);
        assert_eq!(collections.get(Scope::Ip, b"a", b"hits", 102).as_deref(), Some(&b"3"[..]));
        collections.expire(Scope::Ip, b"a", b"hits", 5, 102);
        assert_eq!(collections.get(Scope::Ip, b"a", b"hits", 108), None);
        collections.set(Scope::Ip, b"b", b"x", Some(b"1"), 110, 60);
        collections.set(Scope::Ip, b"c", b"x", Some(b"1"), 111, 60);
        assert_eq!(collections.entries.lock().len(), 2);
        assert_eq!(collections.get(Scope::Ip, b"c", b"x", 200), None);
    }
}
