//! A process that is killed at any moment loses nothing that it acknowledged.
//!
//! The test starts itself as a child that writes without end and prints a line for each write that the store
//! has acknowledged; it kills the child, opens the store, and compares.

// The lint's exception for tests does not reach the helpers of an integration test.
#![allow(clippy::unwrap_used)]

use std::collections::HashMap;
use std::env;
use std::io::{BufRead as _, BufReader, Write as _, stdout};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use gatehouse_model::resources::{Scope, SubscriptionState};
use gatehouse_store::{
    KeyHash, KeyKind, MasterKey, Origin, Sqlite, Store as _, SubscriptionId, SubscriptionKey,
    SubscriptionRecord,
};
use secrecy::{ExposeSecret as _, SecretString};

const DATABASE: &str = "GATEHOUSE_TEST_DATABASE";
const FIRST: &str = "GATEHOUSE_TEST_FIRST";
const ROUNDS: u32 = 20;

#[test]
fn nothing_acknowledged_is_lost_by_a_kill() {
    if let Ok(path) = env::var(DATABASE) {
        write_without_end(Path::new(&path), env::var(FIRST).unwrap().parse().unwrap());
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("gatehouse.db");
    let mut acknowledged: HashMap<u64, u32> = HashMap::new();
    for round in 0..ROUNDS {
        let first = u64::from(round) * 1_000_000;
        // One kill in four falls into the opening of the store, the others into the midst of writing.
        let moment = match round % 4 {
            0 => Moment::After(Duration::from_micros(u64::from(entropy() % 60_000))),
            _ => Moment::AfterWrites(1 + entropy() as usize % 60),
        };
        for (number, step) in run_and_kill(&path, first, moment) {
            acknowledged.insert(number, step);
        }
        verify(&path, &acknowledged);
    }
    let writes: u32 = acknowledged.values().sum();
    assert!(
        writes > 100,
        "only {writes} writes were acknowledged: the kills came too early to prove anything"
    );
}

/// Each number is written in three steps: made (1), its primary key replaced (2), a secret kept (3).
fn write_without_end(path: &Path, first: u64) -> ! {
    let store = Sqlite::open(path, &master()).unwrap();
    // Not `println!`, whose output the test harness keeps back.
    let mut out = stdout();
    for number in first.. {
        let id = SubscriptionId::service(number.to_string());
        store
            .create_subscription(&SubscriptionRecord {
                id: id.clone(),
                display_name: String::new(),
                scope: Scope::AllApis,
                owner: None,
                state: SubscriptionState::Active,
                allow_tracing: false,
                created: 0,
                started: None,
                expires: None,
                origin: Origin::Cli,
                primary: hash(number, "first"),
                secondary: hash(number, "second"),
            })
            .unwrap();
        writeln!(out, "ack {number} 1").and_then(|()| out.flush()).unwrap();
        store.replace_key(&id, KeyKind::Primary, &hash(number, "rotated")).unwrap();
        writeln!(out, "ack {number} 2").and_then(|()| out.flush()).unwrap();
        store.put_secret(None, &number.to_string(), &secret(number)).unwrap();
        writeln!(out, "ack {number} 3").and_then(|()| out.flush()).unwrap();
    }
    unreachable!("numbers do not end")
}

/// When a child is killed.
#[derive(Clone, Copy)]
enum Moment {
    /// So long after its start.
    After(Duration),
    /// After so many acknowledged writes, and a little later.
    AfterWrites(usize),
}

fn run_and_kill(path: &Path, first: u64, moment: Moment) -> Vec<(u64, u32)> {
    let mut child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "nothing_acknowledged_is_lost_by_a_kill", "--nocapture"])
        .env(DATABASE, path)
        .env(FIRST, first.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut writes = lines.map_while(Result::ok).filter_map(|line| {
        // The harness prints the test's name before the first line, without an end of line.
        let (number, step) = line.split_once("ack ")?.1.split_once(' ')?;
        Some((number.parse().unwrap(), step.parse().unwrap()))
    });
    let mut acknowledged = Vec::new();
    match moment {
        Moment::After(delay) => std::thread::sleep(delay),
        Moment::AfterWrites(count) => {
            acknowledged.extend(writes.by_ref().take(count));
            std::thread::sleep(Duration::from_micros(u64::from(entropy() % 3_000)));
        }
    }
    child.kill().unwrap();
    child.wait().unwrap();
    acknowledged.extend(writes);
    acknowledged
}

fn verify(path: &Path, acknowledged: &HashMap<u64, u32>) {
    let started = Instant::now();
    let store = Sqlite::open(path, &master()).unwrap();
    let records: HashMap<String, SubscriptionRecord> =
        store.subscriptions().unwrap().into_iter().map(|record| (record.id.name.clone(), record)).collect();
    assert!(started.elapsed() < Duration::from_secs(20), "ready soon after a crash");
    for (number, step) in acknowledged {
        let record = records.get(&number.to_string()).unwrap_or_else(|| panic!("{number} is lost"));
        assert_eq!(record.secondary, hash(*number, "second"));
        if *step >= 2 {
            assert_eq!(record.primary, hash(*number, "rotated"), "the new key of {number} is lost");
        }
        if *step >= 3 {
            let kept = store.secret(None, &number.to_string()).unwrap();
            let kept = kept.unwrap_or_else(|| panic!("the secret of {number} is lost"));
            assert_eq!(kept.expose_secret(), secret(*number).expose_secret());
        }
    }
    for (name, record) in &records {
        let number = name.parse().unwrap();
        let whole = [hash(number, "first"), hash(number, "rotated")].contains(&record.primary);
        assert!(whole, "{name} is half written");
    }
}

fn master() -> MasterKey {
    MasterKey::from_bytes(&[3; 32]).unwrap()
}

fn hash(number: u64, which: &str) -> KeyHash {
    master().key_hasher().hash(&SubscriptionKey::parse(&format!("{number}-{which}")).unwrap())
}

fn secret(number: u64) -> SecretString {
    SecretString::from(format!("secret of {number}"))
}

fn entropy() -> u32 {
    use std::hash::{BuildHasher as _, Hasher as _};
    std::hash::RandomState::new().build_hasher().finish() as u32
}
