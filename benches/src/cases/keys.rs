//! Finding the subscription of a key.

use std::hint::black_box;

use gatehouse_model::resources::{Scope, SubscriptionState};
use gatehouse_store::{KeyRing, MasterKey, Origin, SubscriptionId, SubscriptionKey, SubscriptionRecord};

use crate::Case;

pub(crate) fn cases() -> Vec<Case> {
    [10, 100_000]
        .into_iter()
        .map(|count| Case::new(format!("key-ring/{count}"), move || prepare(count)))
        .collect()
}

fn prepare(count: u32) -> crate::Run {
    let master = MasterKey::from_bytes(&[7; 32]).unwrap_or_else(|error| panic!("{error}"));
    let key = |index: u32, kind: &str| format!("{kind}-{index:024x}");
    let hash = |text: &str| {
        let key = SubscriptionKey::parse(text).unwrap_or_else(|error| panic!("{error}"));
        master.key_hasher().hash(&key)
    };
    let records = (0..count).map(|index| SubscriptionRecord {
        id: SubscriptionId::service(format!("subscription-{index}")),
        display_name: format!("Subscription {index}"),
        scope: Scope::AllApis,
        owner: None,
        state: SubscriptionState::Active,
        allow_tracing: false,
        created: 0,
        started: None,
        expires: None,
        origin: Origin::Artifacts,
        primary: hash(&key(index, "primary")),
        secondary: hash(&key(index, "secondary")),
    });
    let ring = KeyRing::new(master.key_hasher().clone(), records);
    let presented = key(count / 2, "primary");
    assert!(ring.find(presented.as_bytes()).is_some(), "the key is known");
    Box::new(move || {
        black_box(ring.find(black_box(presented.as_bytes())));
    })
}
