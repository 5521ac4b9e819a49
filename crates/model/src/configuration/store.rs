//! The `store` block.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::{Value, json};

use super::shapes::{FilePath, path};
use crate::tree::Node;
use crate::tree::decode::{Context, Invalid, Shape, Show, record};
use crate::{Located, Location};

/// What outlives the process, and where counters live.
#[derive(Clone, Debug)]
pub struct Store {
    /// The database.
    pub database: Database,
    /// Rate limits, quotas and caches.
    pub counters: Counters,
    /// The key that secrets at rest are encrypted and subscription keys are hashed with.
    pub key: MasterKey,
}

/// The database.
#[derive(Clone, Debug)]
pub enum Database {
    /// An `SQLite` file.
    Sqlite(Located<PathBuf>),
}

/// Where counters live.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counters {
    /// In this process.
    Memory,
}

/// Where the master key comes from.
#[derive(Clone, Debug)]
pub enum MasterKey {
    /// A file with 32 bytes or their base64; made with mode 0600 when it does not exist.
    File(Located<PathBuf>),
}

const DEFAULT_DATABASE: &str = "sqlite:data/gatehouse.db";
const DEFAULT_KEY: &str = "data/master.key";

impl Store {
    /// The block beside `file`, whose folder the default paths are relative to.
    pub(super) fn shape(file: &Path) -> impl Shape<Value = Self> {
        record("the store", move |fields| {
            let database = fields.defaulting(
                "database",
                DatabaseAddress,
                json!(DEFAULT_DATABASE),
                "Where users, subscriptions and all else that outlives the process are kept: `sqlite:` and a path.",
            );
            let counters = fields.or(
                "counters",
                CounterAddress,
                Counters::Memory,
                "Where calls are counted for rate limits and quotas, and caches live. `memory`: in this process.",
            );
            let key = fields.defaulting(
                "key",
                MasterKey::shape(),
                json!({ "file": DEFAULT_KEY }),
                "The key that encrypts secrets at rest and hashes subscription keys.",
            );
            let default = Self::default_beside(file);
            Some(Self {
                database: database.unwrap_or(default.database),
                counters,
                key: key.unwrap_or(default.key),
            })
        })
    }

    /// The folder of what outlives the process.
    pub fn folder(&self) -> &Path {
        let Database::Sqlite(database) = &self.database;
        database.value.parent().unwrap_or(Path::new("."))
    }

    /// What a configuration without the block has.
    pub(super) fn default_beside(file: &Path) -> Self {
        let here =
            |path: &str| Located::new(FilePath::join(file, path), Location::file(Arc::<Path>::from(file)));
        Self {
            database: Database::Sqlite(here(DEFAULT_DATABASE.trim_start_matches(SQLITE))),
            counters: Counters::Memory,
            key: MasterKey::File(here(DEFAULT_KEY)),
        }
    }
}

impl MasterKey {
    fn shape() -> impl Shape<Value = Self> {
        record("the key", |fields| {
            let file = fields.required(
                "file",
                path(),
                "A file with 32 bytes or their base64. When it does not exist, it is made, readable by its owner alone.",
            );
            file.map(Self::File)
        })
    }
}

const SQLITE: &str = "sqlite:";

/// The address of a database.
struct DatabaseAddress;

impl Shape for DatabaseAddress {
    type Value = Database;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Database> {
        let Some(text) = node.as_str() else {
            context.wrong_type(node, &self.expected());
            return None;
        };
        if ["postgres:", "postgresql:"].iter().any(|scheme| text.starts_with(scheme)) {
            context.not_yet_available(context.place(node), "PostgreSQL");
            return None;
        }
        let invalid = match text.strip_prefix(SQLITE) {
            Some("") => Invalid::because("the path is missing"),
            Some(":memory:") => Invalid::because("a database in memory outlives nothing"),
            Some(path) if path.starts_with("//") => {
                Invalid::default().fix(format!("did you mean `{SQLITE}{}`?", path.trim_start_matches("//")))
            }
            Some(path) => {
                let path = FilePath::join(context.file(), path);
                return Some(Database::Sqlite(Located::new(path, context.place(node))));
            }
            // What stands here may hold a password: messages never show it.
            None => Invalid::because("no other database is known"),
        };
        context.invalid(node, &self.expected(), invalid);
        None
    }

    fn expected(&self) -> String {
        "`sqlite:` and a path".to_owned()
    }

    fn expected_entries(&self) -> String {
        "addresses of databases".to_owned()
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "pattern": "^sqlite:[^/]|^sqlite:/[^/]" })
    }
}

/// The address of a store of counters.
struct CounterAddress;

impl Shape for CounterAddress {
    type Value = Counters;

    fn decode(&self, node: &Node, context: &mut Context) -> Option<Counters> {
        match node.as_str() {
            Some("memory") => Some(Counters::Memory),
            Some(text) if ["redis:", "rediss:", "valkey:"].iter().any(|scheme| text.starts_with(scheme)) => {
                context.not_yet_available(context.place(node), "Redis");
                None
            }
            Some(_) => {
                // What stands here may hold a password: messages never show it.
                let invalid = Invalid::because("no other place is known");
                context.invalid(node, &self.expected(), invalid);
                None
            }
            None => {
                context.wrong_type(node, &self.expected());
                None
            }
        }
    }

    fn expected(&self) -> String {
        "`memory`".to_owned()
    }

    fn expected_entries(&self) -> String {
        self.expected()
    }

    fn schema(&self) -> Value {
        json!({ "enum": ["memory"] })
    }
}

impl Show for CounterAddress {
    fn show(&self, value: &Counters) -> Value {
        match value {
            Counters::Memory => json!("memory"),
        }
    }
}
