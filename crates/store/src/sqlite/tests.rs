use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use gatehouse_model::resources::{Scope, SubscriptionState};
use secrecy::{ExposeSecret as _, SecretString};
use tempfile::TempDir;

use super::*;
use crate::{Origin, SubscriptionKey};

fn master(byte: u8) -> MasterKey {
    MasterKey::from_bytes(&[byte; 32]).unwrap()
}

fn place() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/gatehouse.db");
    (folder, path)
}

fn hash(text: &str) -> KeyHash {
    master(1).key_hasher().hash(&SubscriptionKey::parse(text).unwrap())
}

fn record(id: SubscriptionId) -> SubscriptionRecord {
    SubscriptionRecord {
        display_name: format!("Subscription {id}"),
        scope: Scope::Product("starter".to_owned()),
        owner: Some("ana".to_owned()),
        state: SubscriptionState::Submitted,
        allow_tracing: true,
        created: 1_700_000_000,
        started: Some(1_700_000_001),
        expires: None,
        origin: Origin::Cli,
        primary: hash(&format!("{id}-1")),
        secondary: hash(&format!("{id}-2")),
        id,
    }
}

fn refused(path: &Path, key: u8) -> StoreError {
    let before = fs::read(path).unwrap();
    let error = Sqlite::open(path, &master(key)).unwrap_err();
    assert_eq!(fs::read(path).unwrap(), before, "a refused file is left as it is");
    error
}

#[test]
fn everything_is_there_after_opening_again() {
    let (_folder, path) = place();
    let records = [
        record(SubscriptionId::service("a")),
        record(SubscriptionId::service("b")),
        record(SubscriptionId::workspace("team", "a")),
    ];
    {
        let store = Sqlite::open(&path, &master(1)).unwrap();
        records.iter().rev().for_each(|record| store.create_subscription(record).unwrap());
        store.put_secret(None, "pass", &SecretString::from("hunter2")).unwrap();
    }
    let store = Sqlite::open(&path, &master(1)).unwrap();
    assert_eq!(store.schema_version().unwrap(), schema::VERSION);
    assert_eq!(store.subscriptions().unwrap(), records);
    assert_eq!(store.subscription(&records[2].id).unwrap().as_ref(), Some(&records[2]));
    assert_eq!(store.subscription(&SubscriptionId::service("c")).unwrap(), None);
    assert_eq!(store.secret(None, "pass").unwrap().unwrap().expose_secret(), "hunter2");
}

#[test]
fn a_subscription_changes_and_goes() {
    let (_folder, path) = place();
    let store = Sqlite::open(&path, &master(1)).unwrap();
    let id = SubscriptionId::service("a");
    store.create_subscription(&record(id.clone())).unwrap();

    store.set_subscription_state(&id, SubscriptionState::Active).unwrap();
    store.replace_key(&id, KeyKind::Primary, &hash("new-1")).unwrap();
    let expected =
        SubscriptionRecord { state: SubscriptionState::Active, primary: hash("new-1"), ..record(id.clone()) };
    assert_eq!(store.subscription(&id).unwrap(), Some(expected));

    store.delete_subscription(&id).unwrap();
    assert_eq!(store.subscriptions().unwrap(), []);
    store.create_subscription(&record(id)).expect("its name and its keys are free again");
}

#[test]
fn what_does_not_fit_is_refused_and_changes_nothing() {
    let (_folder, path) = place();
    let store = Sqlite::open(&path, &master(1)).unwrap();
    let (one, two) = (record(SubscriptionId::service("one")), record(SubscriptionId::service("two")));
    store.create_subscription(&one).unwrap();
    let revision = store.revision().unwrap();

    let error = store.create_subscription(&one).unwrap_err();
    assert_eq!(error.to_string(), "there is a subscription 'one' already");
    let stolen = SubscriptionRecord { secondary: one.primary, ..two.clone() };
    let error = store.create_subscription(&stolen).unwrap_err();
    assert!(matches!(error, StoreError::KeyInUse { kind: KeyKind::Secondary, .. }), "{error}");
    let twice = SubscriptionRecord { secondary: two.primary, ..two.clone() };
    assert!(matches!(store.create_subscription(&twice), Err(StoreError::KeyInUse { .. })));
    let error = store.create_subscriptions(&[two.clone(), one.clone()]).unwrap_err();
    assert!(matches!(error, StoreError::SubscriptionExists(_)), "all or none: {error}");
    let error = store.replace_key(&one.id, KeyKind::Primary, &one.secondary).unwrap_err();
    assert!(matches!(error, StoreError::KeyInUse { kind: KeyKind::Primary, .. }), "{error}");
    for error in [
        store.set_subscription_state(&two.id, SubscriptionState::Active).unwrap_err(),
        store.replace_key(&two.id, KeyKind::Primary, &two.primary).unwrap_err(),
        store.delete_subscription(&two.id).unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "there is no subscription 'two'");
    }

    assert_eq!(store.subscriptions().unwrap(), [one]);
    assert_eq!(store.revision().unwrap(), revision);
}

#[test]
fn another_process_sees_the_revision_grow() {
    let (_folder, path) = place();
    let [reader, writer] = [(); 2].map(|()| Sqlite::open(&path, &master(1)).unwrap());
    let mut last = reader.revision().unwrap();
    let id = SubscriptionId::service("a");
    let mut grown = |what: &str| {
        let now = reader.revision().unwrap();
        assert!(now > last, "{what}");
        last = now;
    };
    writer.create_subscription(&record(id.clone())).unwrap();
    grown("create");
    writer.set_subscription_state(&id, SubscriptionState::Suspended).unwrap();
    grown("state");
    writer.replace_key(&id, KeyKind::Primary, &hash("x")).unwrap();
    grown("key");
    writer.put_secret(None, "s", &SecretString::from("v")).unwrap();
    grown("secret");
    assert!(writer.delete_secret(None, "s").unwrap());
    grown("secret deleted");
    writer.delete_subscription(&id).unwrap();
    grown("delete");
}

#[test]
fn secrets_are_encrypted_replaced_listed_and_forgotten() {
    let (_folder, path) = place();
    let store = Sqlite::open(&path, &master(1)).unwrap();
    store.put_secret(Some("team"), "b", &SecretString::from("plain-old")).unwrap();
    store.put_secret(Some("team"), "b", &SecretString::from("plain-new")).unwrap();
    store.put_secret(None, "a", &SecretString::from("plain-a")).unwrap();
    assert_eq!(store.secret(Some("team"), "b").unwrap().unwrap().expose_secret(), "plain-new");
    assert!(store.secret(None, "b").unwrap().is_none());
    assert_eq!(
        store.secret_names().unwrap(),
        [(None, "a".to_owned()), (Some("team".to_owned()), "b".to_owned())]
    );
    for file in fs::read_dir(path.parent().unwrap()).unwrap() {
        let content = fs::read(file.unwrap().path()).unwrap();
        assert!(!content.windows(6).any(|bytes| bytes == b"plain-"), "a secret stands in the clear");
    }
    assert!(store.delete_secret(None, "a").unwrap());
    assert!(!store.delete_secret(None, "a").unwrap());
    assert!(store.secret(None, "a").unwrap().is_none());
}

#[test]
fn only_its_owner_reads_the_file() {
    let (_folder, path) = place();
    let store = Sqlite::open(&path, &master(1)).unwrap();
    store.put_secret(None, "a", &SecretString::from("v")).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(path.parent().unwrap()), 0o700);
    for file in fs::read_dir(path.parent().unwrap()).unwrap() {
        let file = file.unwrap().path();
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
}

#[test]
fn writes_reach_the_disk_before_they_are_acknowledged() {
    let (_folder, path) = place();
    let store = Sqlite::open(&path, &master(1)).unwrap();
    let connection = store.connection.lock();
    let synchronous: u32 = connection.pragma_query_value(None, "synchronous", |row| row.get(0)).unwrap();
    assert_eq!(synchronous, 2, "FULL");
    let mode: String = connection.pragma_query_value(None, "journal_mode", |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
}

#[test]
fn a_database_of_a_later_release_is_refused_with_both_versions() {
    let (_folder, path) = place();
    drop(Sqlite::open(&path, &master(1)).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 77).unwrap();
    let error = refused(&path, 1).to_string();
    assert!(error.contains("version 77") && error.contains("up to 1"), "{error}");
}

#[test]
fn another_master_key_is_refused() {
    let (_folder, path) = place();
    drop(Sqlite::open(&path, &master(1)).unwrap());
    let error = refused(&path, 2);
    assert!(matches!(error, StoreError::WrongMasterKey { .. }), "{error}");
    Sqlite::open(&path, &master(1)).expect("the right key still opens it");
}

#[test]
fn files_of_other_programs_are_refused() {
    let (folder, _) = place();
    let text = folder.path().join("text.db");
    fs::write(&text, "name,key\nana,1\n".repeat(100)).unwrap();
    assert!(matches!(refused(&text, 1), StoreError::Foreign { .. }));

    let other = folder.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE notes (text TEXT)").unwrap();
    let error = refused(&other, 1);
    assert!(error.to_string().contains("application id"), "{error}");
}

#[test]
fn a_damaged_file_is_refused() {
    let (_folder, path) = place();
    {
        let store = Sqlite::open(&path, &master(1)).unwrap();
        for number in 0..200 {
            store.create_subscription(&record(SubscriptionId::service(number.to_string()))).unwrap();
        }
    }
    let mut bytes = fs::read(&path).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle..middle + 4096].fill(0xA5);
    fs::write(&path, bytes).unwrap();
    let error = refused(&path, 1);
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    assert!(error.to_string().contains("restore it from a backup"));
}

#[test]
fn a_place_that_cannot_be_written_is_named() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let error = Sqlite::open(&folder.path().join("file/gatehouse.db"), &master(1)).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
    assert!(error.to_string().contains("gatehouse.db"), "{error}");
    let error = Sqlite::open(folder.path(), &master(1)).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}

#[test]
fn rows_that_this_release_never_writes_are_named() {
    let (_folder, path) = place();
    let store = Sqlite::open(&path, &master(1)).unwrap();
    store.create_subscription(&record(SubscriptionId::service("a"))).unwrap();
    store.connection.lock().execute("UPDATE subscriptions SET state = 'frozen'", ()).unwrap();
    let error = store.subscriptions().unwrap_err().to_string();
    assert!(error.contains("the state of subscription 'a'") && error.contains("'frozen'"), "{error}");
}

#[test]
fn threads_that_open_and_write_at_once_all_succeed() {
    let (_folder, path) = place();
    std::thread::scope(|scope| {
        for thread in 0..6 {
            let path = &path;
            scope.spawn(move || {
                let store = Sqlite::open(path, &master(1)).unwrap();
                for number in 0..10 {
                    let id = SubscriptionId::service(format!("{thread}-{number}"));
                    store.create_subscription(&record(id)).unwrap();
                }
            });
        }
    });
    assert_eq!(Sqlite::open(&path, &master(1)).unwrap().subscriptions().unwrap().len(), 60);
}
