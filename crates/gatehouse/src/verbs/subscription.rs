//! `gatehouse subscription`.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use gatehouse_model::did_you_mean;
use gatehouse_model::resources::{Catalog, Scope, SubscriptionState};
use gatehouse_store::{KeyKind, Origin, SubscriptionId, SubscriptionKey, SubscriptionRecord, effective};
use serde_json::json;

use crate::cli::{ConfigArgument, Format, Outcome};
use crate::load::{self, OpenStore};

/// The arguments of `subscription`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    action: Action,
    /// How to print
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Make a subscription and print its keys, once
    #[command(after_help = "Example:\n  gatehouse subscription create partner --scope /products/starter")]
    Create {
        /// Its resource name; `workspace/name` for one of a workspace
        name: String,
        /// What its keys open: /products/NAME, /apis/NAME or /apis
        #[arg(long)]
        scope: String,
        /// The name that people read; default: the resource name
        #[arg(long)]
        display_name: Option<String>,
    },
    /// List subscriptions, never with keys
    #[command(after_help = "Example:\n  gatehouse subscription list --format json")]
    List,
    /// Put a new key in the place of one and print it, once; the other key goes on working
    #[command(after_help = "Example:\n  gatehouse subscription rotate partner --key primary")]
    Rotate {
        /// Its resource name
        name: String,
        /// Which key
        #[arg(long, value_enum)]
        key: Key,
    },
    /// Make the keys open nothing until the subscription is activated
    #[command(after_help = "Example:\n  gatehouse subscription suspend partner")]
    Suspend {
        /// Its resource name
        name: String,
    },
    /// Make the keys of a suspended subscription open again
    #[command(after_help = "Example:\n  gatehouse subscription activate partner")]
    Activate {
        /// Its resource name
        name: String,
    },
    /// Make the keys open nothing for good
    #[command(after_help = "Example:\n  gatehouse subscription cancel partner")]
    Cancel {
        /// Its resource name
        name: String,
    },
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Key {
    Primary,
    Secondary,
}

/// Runs the action. A running gateway picks the change up within a second.
pub(crate) fn run(arguments: &Arguments, config: &ConfigArgument) -> Outcome {
    match act(arguments, config) {
        Ok(()) => Outcome::Good,
        Err(error) => {
            eprintln!("error: {error:#}");
            Outcome::Bad
        }
    }
}

fn act(arguments: &Arguments, config: &ConfigArgument) -> Result<()> {
    let configuration = load::good_configuration(&config.path())?;
    let open = load::open_store(&configuration)?;
    let json = arguments.format == Format::Json;
    match &arguments.action {
        Action::Create { name, scope, display_name } => {
            let (catalog, _) = load::read_artifacts(&configuration);
            create(&open, &catalog, name, scope, display_name.as_deref(), json)
        }
        Action::List => {
            let (catalog, _) = load::read_artifacts(&configuration);
            list(&open, &catalog, json)
        }
        Action::Rotate { name, key } => rotate(&open, name, *key, json),
        Action::Suspend { name } => set_state(&open, name, SubscriptionState::Suspended),
        Action::Activate { name } => set_state(&open, name, SubscriptionState::Active),
        Action::Cancel { name } => set_state(&open, name, SubscriptionState::Cancelled),
    }
}

fn create(
    open: &OpenStore,
    catalog: &Catalog,
    name: &str,
    scope: &str,
    display_name: Option<&str>,
    json: bool,
) -> Result<()> {
    let id = parse_id(name)?;
    let Some(scope) = Scope::parse(scope) else {
        bail!("`{scope}` is no scope; a scope is /products/NAME, /apis/NAME or /apis");
    };
    check_scope(catalog, &id, &scope)?;
    let (primary, secondary) = (SubscriptionKey::generate()?, SubscriptionKey::generate()?);
    let hasher = open.master.key_hasher();
    let record = SubscriptionRecord {
        display_name: display_name.unwrap_or(&id.name).to_owned(),
        id,
        scope,
        owner: None,
        state: SubscriptionState::Active,
        allow_tracing: false,
        created: now(),
        started: None,
        expires: None,
        origin: Origin::Cli,
        primary: hasher.hash(&primary),
        secondary: hasher.hash(&secondary),
    };
    open.store.create_subscription(&record)?;
    if json {
        let row = json!({
            "id": record.id.to_string(),
            "primaryKey": primary.expose(),
            "secondaryKey": secondary.expose(),
        });
        println!("{row}");
    } else {
        println!("Made the subscription {} for {}. Its keys are shown this once:", record.id, record.scope);
        println!("  primary    {}", primary.expose());
        println!("  secondary  {}", secondary.expose());
    }
    Ok(())
}

fn check_scope(catalog: &Catalog, id: &SubscriptionId, scope: &Scope) -> Result<()> {
    let resources = match &id.workspace {
        None => &catalog.service,
        Some(workspace) => match catalog.workspaces.get(workspace) {
            Some(resources) => resources,
            None => bail!("subscription `{id}`: there is no workspace `{workspace}` in the artifacts"),
        },
    };
    let (kind, name, known): (_, _, Vec<&str>) = match scope {
        Scope::AllApis => return Ok(()),
        Scope::Product(name) => ("product", name, resources.products.keys().map(String::as_str).collect()),
        Scope::Api(name) => ("API", name, resources.apis.keys().map(String::as_str).collect()),
    };
    if known.contains(&name.as_str()) {
        return Ok(());
    }
    let hint = did_you_mean(name, known).map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
    bail!("subscription `{id}`: there is no {kind} `{name}` in the artifacts{hint}")
}

/// The states are those in force: the artifacts may hold back what the store has active, and the other way round.
fn list(open: &OpenStore, catalog: &Catalog, json: bool) -> Result<()> {
    let records = effective(open.store.subscriptions()?, catalog);
    if json {
        let rows: Vec<_> = records
            .iter()
            .map(|record| {
                json!({
                    "id": record.id.to_string(),
                    "displayName": record.display_name,
                    "scope": record.scope.to_string(),
                    "state": record.state.as_str(),
                    "origin": record.origin.as_str(),
                    "created": record.created,
                })
            })
            .collect();
        println!("{:#}", json!(rows));
        return Ok(());
    }
    if records.is_empty() {
        println!("There are no subscriptions.");
    }
    for record in records {
        println!(
            "{:<24} {:<10} {:<28} {}",
            record.id,
            record.state.as_str(),
            record.scope,
            record.display_name
        );
    }
    Ok(())
}

fn rotate(open: &OpenStore, name: &str, key: Key, json: bool) -> Result<()> {
    let id = parse_id(name)?;
    let kind = match key {
        Key::Primary => KeyKind::Primary,
        Key::Secondary => KeyKind::Secondary,
    };
    let new = SubscriptionKey::generate()?;
    open.store.replace_key(&id, kind, &open.master.key_hasher().hash(&new))?;
    if json {
        println!("{}", json!({ "id": id.to_string(), (format!("{}Key", kind.as_str())): new.expose() }));
    } else {
        println!("The {} key of {id} is now, shown this once:\n  {}", kind.as_str(), new.expose());
    }
    Ok(())
}

fn set_state(open: &OpenStore, name: &str, state: SubscriptionState) -> Result<()> {
    let id = parse_id(name)?;
    if let Some(record) = open.store.subscription(&id)?
        && record.state == SubscriptionState::Cancelled
        && state != SubscriptionState::Cancelled
    {
        bail!("the subscription {id} is cancelled for good; create another");
    }
    open.store.set_subscription_state(&id, state)?;
    println!("The subscription {id} is {}.", state.as_str());
    Ok(())
}

fn parse_id(text: &str) -> Result<SubscriptionId> {
    let id = match text.split_once('/') {
        Some((workspace, name)) => SubscriptionId::workspace(workspace, name),
        None => SubscriptionId::service(text),
    };
    let is_name = |name: &str| {
        !name.is_empty()
            && name.len() <= 256
            && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._".contains(&b))
    };
    if !is_name(&id.name) || !id.workspace.as_deref().is_none_or(is_name) {
        bail!("`{text}` is no subscription name; a name has letters, digits, `-`, `.` and `_`");
    }
    Ok(id)
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |elapsed| elapsed.as_secs() as i64)
}
