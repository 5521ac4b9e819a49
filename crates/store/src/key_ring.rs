//! The index from presented keys to subscriptions.

use std::collections::HashMap;
use std::fmt;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::Arc;

use crate::{KeyHash, KeyHasher, KeyKind, SubscriptionKey, SubscriptionRecord};

/// Finds the subscription of a presented key without touching the database: one HMAC, one probe of a table.
///
/// The time of a look-up depends on the length of the presented key alone. What an attacker could learn from
/// the table's own timing is the HMAC of a guess, under a key that is never seen outside.
pub struct KeyRing {
    hasher: KeyHasher,
    entries: HashMap<KeyHash, (Arc<SubscriptionRecord>, KeyKind), BuildHasherDefault<FirstBytes>>,
    subscriptions: usize,
}

impl KeyRing {
    /// A ring of these subscriptions, whatever their state: the caller decides what a suspended one means.
    pub fn new(hasher: KeyHasher, records: impl IntoIterator<Item = SubscriptionRecord>) -> Self {
        let mut ring = Self { hasher, entries: HashMap::default(), subscriptions: 0 };
        for record in records {
            let record = Arc::new(record);
            ring.entries.insert(record.primary, (Arc::clone(&record), KeyKind::Primary));
            ring.entries.insert(record.secondary, (Arc::clone(&record), KeyKind::Secondary));
            ring.subscriptions += 1;
        }
        ring
    }

    /// The subscription that a presented key belongs to, and which of its keys it is.
    pub fn find(&self, presented: &[u8]) -> Option<(&Arc<SubscriptionRecord>, KeyKind)> {
        if presented.len() > SubscriptionKey::MAX_LENGTH {
            return None;
        }
        let (record, kind) = self.entries.get(&self.hasher.hash_bytes(presented))?;
        Some((record, *kind))
    }

    /// How many subscriptions it holds.
    pub fn len(&self) -> usize {
        self.subscriptions
    }

    /// Whether it holds no subscription.
    pub fn is_empty(&self) -> bool {
        self.subscriptions == 0
    }
}

impl fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyRing").field("subscriptions", &self.subscriptions).finish_non_exhaustive()
    }
}

/// Takes the first eight bytes of an HMAC as the hash: they are uniform, and nobody outside can choose them.
#[derive(Default)]
struct FirstBytes(u64);

impl Hasher for FirstBytes {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

#[cfg(test)]
mod tests {
    use gatehouse_model::resources::{Scope, SubscriptionState};

    use super::*;
    use crate::{MasterKey, Origin, SubscriptionId};

    fn record(hasher: &KeyHasher, name: &str) -> SubscriptionRecord {
        let hash = |text: String| hasher.hash(&SubscriptionKey::parse(&text).unwrap());
        SubscriptionRecord {
            id: SubscriptionId::service(name),
            display_name: name.to_owned(),
            scope: Scope::AllApis,
            owner: None,
            state: SubscriptionState::Active,
            allow_tracing: false,
            created: 0,
            started: None,
            expires: None,
            origin: Origin::Cli,
            primary: hash(format!("{name}-1")),
            secondary: hash(format!("{name}-2")),
        }
    }

    #[test]
    fn both_keys_are_found_and_nothing_else() {
        let hasher = MasterKey::from_bytes(&[1; 32]).unwrap().key_hasher().clone();
        let ring =
            KeyRing::new(hasher.clone(), (0..500).map(|number| record(&hasher, &format!("s{number}"))));
        assert_eq!(ring.len(), 500);
        for number in 0..500 {
            for (suffix, kind) in [("1", KeyKind::Primary), ("2", KeyKind::Secondary)] {
                let (found, which) = ring.find(format!("s{number}-{suffix}").as_bytes()).unwrap();
                assert_eq!((found.id.name.as_str(), which), (format!("s{number}").as_str(), kind));
            }
        }
        for other in [&b""[..], b"s1", b"s1-", b"s1-1 ", b"S1-1", &[0xff; 8], &[b'k'; 300]] {
            assert!(ring.find(other).is_none(), "{other:?}");
        }
    }
}
