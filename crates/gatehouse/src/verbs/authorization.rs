//! `gatehouse authorization`.

use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use gatehouse_identity::authorization::{ConnectionSettings, Grant, login_link};
use gatehouse_model::{Diagnostics, did_you_mean};
use serde_json::json;

use crate::cli::{ConfigArgument, Format, Outcome};
use crate::load::{self, OpenStore, StoredTokens};

/// The arguments of `authorization`.
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
    /// List connections, and whether they have a token
    #[command(after_help = "Example:\n  gatehouse authorization list --format json")]
    List,
    /// Print the link by which somebody consents to a connection, once within ten minutes
    #[command(after_help = "Example:\n  gatehouse authorization login github/main")]
    Login {
        /// Provider and authorization: `github/main`
        name: String,
    },
    /// Forget the tokens of a connection; a running gateway forgets them when it is restarted
    #[command(after_help = "Example:\n  gatehouse authorization logout github/main")]
    Logout {
        /// Provider and authorization: `github/main`
        name: String,
    },
}

/// Runs the action.
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
    let (catalog, findings) = load::read_artifacts(&configuration);
    if findings.has_errors() {
        bail!("the artifacts have errors\n{findings}");
    }
    let named_values = load::named_values(&configuration, &catalog, &open)?;
    let mut findings = Diagnostics::new();
    let connections = load::connections(&catalog, &named_values, &mut findings);
    if findings.has_errors() {
        bail!("the authorizations have errors\n{findings}");
    }
    let all = connections.ready;
    let json = arguments.format == Format::Json;
    match &arguments.action {
        Action::List => list(&open, &all, json),
        Action::Login { name } => login(&open, find(&all, name)?, json),
        Action::Logout { name } => {
            let kept = find(&all, name)?.kept_as();
            let message =
                if open.store.delete_secret(None, &kept)? { "has no token any more" } else { "had no token" };
            println!("{name} {message}");
            Ok(())
        }
    }
}

fn find<'a>(all: &'a [ConnectionSettings], name: &str) -> Result<&'a ConnectionSettings> {
    if let Some(found) = all.iter().find(|known| known.name().eq_ignore_ascii_case(name)) {
        return Ok(found);
    }
    let names: Vec<String> = all.iter().map(ConnectionSettings::name).collect();
    match did_you_mean(name, names.iter().map(String::as_str)) {
        Some(near) => bail!("there is no authorization `{name}`; did you mean `{near}`?"),
        None => bail!("there is no authorization `{name}` in the artifacts; write PROVIDER/AUTHORIZATION"),
    }
}

fn list(open: &OpenStore, all: &[ConnectionSettings], json: bool) -> Result<()> {
    for connection in all {
        let is_connected = open.store.secret(None, &connection.kept_as())?.is_some();
        let grant = match connection.grant {
            Grant::AuthorizationCode => "AuthorizationCode",
            Grant::ClientCredentials => "ClientCredentials",
        };
        let name = connection.name();
        if json {
            println!("{}", json!({ "id": name, "oauth2grantType": grant, "connected": is_connected }));
        } else {
            let state = match (is_connected, connection.grant) {
                (true, _) => "connected",
                (false, Grant::AuthorizationCode) => "waits for a consent",
                (false, Grant::ClientCredentials) => "not used yet",
            };
            println!("{name}  {grant}  {state}");
        }
    }
    Ok(())
}

fn login(open: &OpenStore, connection: &ConnectionSettings, json: bool) -> Result<()> {
    let kept = open.kept();
    let keeper = StoredTokens::start(std::sync::Arc::clone(kept.store), kept.sealer.clone())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let link = match login_link(connection, &keeper, now) {
        Ok(link) => link,
        Err(why) => bail!("`{}`: {why}", connection.name()),
    };
    if json {
        println!("{}", json!({ "id": connection.name(), "loginLink": link.as_str() }));
        return Ok(());
    }
    println!("Open this link within ten minutes, and consent:");
    println!("  {link}");
    if let Some(redirect) = &connection.redirect_url {
        println!(
            "The provider leads back to {redirect}, which an internal listener of this gateway has to answer."
        );
    }
    Ok(())
}
