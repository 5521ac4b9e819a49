//! Subscriptions that the artifacts declare, brought together with the store that keeps their keys.

use std::collections::{HashMap, HashSet};

use gatehouse_model::resources::{Catalog, Subscription, SubscriptionState};

use crate::{
    InvalidKey, KeyHasher, Origin, Store, StoreError, SubscriptionId, SubscriptionKey, SubscriptionRecord,
};

/// The keys of a subscription that was seen for the first time, to be shown once.
#[derive(Clone, Debug)]
pub struct IssuedKeys {
    /// The subscription.
    pub id: SubscriptionId,
    /// Its primary key.
    pub primary: SubscriptionKey,
    /// Its secondary key.
    pub secondary: SubscriptionKey,
}

/// Gives keys to every subscription of the catalog that the store does not know yet, in one transaction, and
/// returns them.
/// `now` is in seconds since 1970.
pub fn provision(
    store: &dyn Store,
    hasher: &KeyHasher,
    catalog: &Catalog,
    now: i64,
) -> Result<Vec<IssuedKeys>, ProvisionError> {
    loop {
        let known: HashSet<_> = store.subscriptions()?.into_iter().map(|record| record.id).collect();
        let (mut records, mut issued) = (Vec::new(), Vec::new());
        for (id, declared) in declared(catalog).filter(|(id, _)| !known.contains(id)) {
            let keys = IssuedKeys {
                id,
                primary: SubscriptionKey::generate()?,
                secondary: SubscriptionKey::generate()?,
            };
            let mut record = SubscriptionRecord {
                id: keys.id.clone(),
                display_name: String::new(),
                scope: declared.scope.clone(),
                owner: None,
                // The artifacts' own state is laid over this one at every load.
                state: SubscriptionState::Active,
                allow_tracing: false,
                created: now,
                started: None,
                expires: None,
                origin: Origin::Artifacts,
                primary: hasher.hash(&keys.primary),
                secondary: hasher.hash(&keys.secondary),
            };
            describe(&mut record, declared);
            records.push(record);
            issued.push(keys);
        }
        if records.is_empty() {
            return Ok(issued);
        }
        match store.create_subscriptions(&records) {
            // Another process was faster with one of them: its keys count, and the rest is tried again.
            Err(StoreError::SubscriptionExists(id)) if !known.contains(&id) => {}
            created => return Ok(created.map(|()| issued)?),
        }
    }
}

/// The subscriptions that a running gateway goes by: those of the command line as the store has them, and those
/// of the artifacts with name, scope, owner and tracing as the artifacts have them now.
///
/// A subscription that the artifacts no longer declare is left out; its keys stay in the store and open again
/// when it comes back. One that either side does not hold active is not active.
pub fn effective(records: Vec<SubscriptionRecord>, catalog: &Catalog) -> Vec<SubscriptionRecord> {
    let declared: HashMap<_, _> = declared(catalog).collect();
    records
        .into_iter()
        .filter_map(|mut record| match (declared.get(&record.id), record.origin) {
            (Some(declared), _) => {
                describe(&mut record, declared);
                if declared.state != SubscriptionState::Active {
                    record.state = declared.state;
                }
                Some(record)
            }
            (None, Origin::Cli) => Some(record),
            (None, Origin::Artifacts) => None,
        })
        .collect()
}

/// Why a subscription of the artifacts got no keys.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// No key can be made.
    #[error(transparent)]
    Key(#[from] InvalidKey),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

fn declared(catalog: &Catalog) -> impl Iterator<Item = (SubscriptionId, &Subscription)> {
    catalog.scopes().flat_map(|(workspace, resources)| {
        resources.subscriptions.values().map(move |subscription| {
            let id =
                SubscriptionId { workspace: workspace.map(str::to_owned), name: subscription.name.clone() };
            (id, subscription)
        })
    })
}

fn describe(record: &mut SubscriptionRecord, declared: &Subscription) {
    record.display_name.clone_from(&declared.display_name);
    record.scope = declared.scope.clone();
    record.owner.clone_from(&declared.owner);
    record.allow_tracing = declared.allow_tracing;
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use gatehouse_model::Location;
    use gatehouse_model::resources::{Resources, Scope};

    use super::*;
    use crate::{KeyRing, MasterKey, Sqlite};

    fn subscription(name: &str, state: SubscriptionState) -> Subscription {
        Subscription {
            name: name.to_owned(),
            display_name: format!("the {name}"),
            scope: Scope::Product("starter".to_owned()),
            owner: None,
            state,
            allow_tracing: true,
            location: Location::file(Path::new("subscriptions")),
        }
    }

    fn catalog(subscriptions: &[Subscription]) -> Catalog {
        let named = subscriptions.iter().map(|one| (one.name.clone(), one.clone())).collect();
        Catalog { service: Resources { subscriptions: named, ..Resources::default() }, ..Catalog::default() }
    }

    #[test]
    fn processes_that_start_at_once_issue_each_key_once() {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::from_bytes(&[1; 32]).unwrap();
        let many: Vec<_> =
            (0..500).map(|number| subscription(&number.to_string(), SubscriptionState::Active)).collect();
        let (all, half) = (catalog(&many), catalog(&many[..250]));
        let path = folder.path().join("db");
        let issued: Vec<IssuedKeys> = std::thread::scope(|scope| {
            let threads: Vec<_> = [&half, &all, &half, &all]
                .into_iter()
                .map(|catalog| {
                    scope.spawn(|| {
                        let store = Sqlite::open(&path, &master).unwrap();
                        provision(&store, master.key_hasher(), catalog, 7).unwrap()
                    })
                })
                .collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        assert_eq!(issued.len(), 500, "no key is issued twice, none is missing");
        let store = Sqlite::open(&path, &master).unwrap();
        let ring = KeyRing::new(master.key_hasher().clone(), store.subscriptions().unwrap());
        for keys in issued {
            assert_eq!(ring.find(keys.primary.expose().as_bytes()).unwrap().0.id, keys.id);
            assert_eq!(ring.find(keys.secondary.expose().as_bytes()).unwrap().0.id, keys.id);
        }
    }

    #[test]
    fn keys_are_issued_once_and_open_what_the_artifacts_say_now() {
        let folder = tempfile::tempdir().unwrap();
        let master = MasterKey::from_bytes(&[1; 32]).unwrap();
        let store = Sqlite::open(&folder.path().join("db"), &master).unwrap();
        let mut one = catalog(&[subscription("one", SubscriptionState::Active)]);

        let issued = provision(&store, master.key_hasher(), &one, 7).unwrap();
        assert_eq!(issued.len(), 1);
        assert!(provision(&store, master.key_hasher(), &one, 8).unwrap().is_empty());

        let ring = |catalog: &Catalog| {
            KeyRing::new(master.key_hasher().clone(), effective(store.subscriptions().unwrap(), catalog))
        };
        let key = issued[0].primary.expose().as_bytes();
        let now = ring(&one);
        let (found, _) = now.find(key).unwrap();
        assert!(found.is_open(9) && found.allow_tracing);
        assert_eq!(found.display_name, "the one");

        one.service.subscriptions.get_mut("one").unwrap().state = SubscriptionState::Suspended;
        assert!(!ring(&one).find(key).unwrap().0.is_open(9), "suspended by the artifacts");
        assert!(ring(&Catalog::default()).find(key).is_none(), "gone from the artifacts");

        one.service.subscriptions.get_mut("one").unwrap().state = SubscriptionState::Active;
        assert!(ring(&one).find(key).unwrap().0.is_open(9), "back again, with the same key");
        store.set_subscription_state(&issued[0].id, SubscriptionState::Cancelled).unwrap();
        assert!(!ring(&one).find(key).unwrap().0.is_open(9), "cancelled on the command line");
    }
}
