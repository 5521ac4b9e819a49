//! Traces of a running gateway: tokens to ask for one, and those that were kept.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use clap::Subcommand;
use gatehouse_model::configuration::Configuration;
use gatehouse_model::did_you_mean;
use gatehouse_store::{DebugTokens, TraceStore as _};
use serde_json::{Value, json};

use super::report;
use crate::cli::{ConfigArgument, Format};
use crate::load;

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Make a token that lets a request to one API ask for its trace, in the header Apim-Debug-Authorization
    #[command(after_help = "Example:\n  gatehouse trace token --api orders --expires 10m")]
    Token {
        /// The API's resource name; `workspace/name` for one of a workspace
        #[arg(long)]
        api: String,
        /// How long it is good for: at most 1h
        #[arg(long, value_name = "TIME", default_value = "1h", value_parser = lifetime)]
        expires: Duration,
    },
    /// Print a trace by the id that Apim-Trace-Id gave
    #[command(after_help = "Example:\n  gatehouse trace show 0123456789abcdef0123456789abcdef --format json")]
    Show {
        /// The id
        id: String,
    },
    /// List the traces that are kept, the newest first
    #[command(after_help = "Example:\n  gatehouse trace list")]
    List,
}

/// Does it.
pub(super) fn run(action: &Action, format: Format, config: &ConfigArgument) -> Result<()> {
    let configuration = load::good_configuration(&config.path())?;
    match action {
        Action::Token { api, expires } => token(&configuration, api, *expires, format),
        Action::Show { id } => show(&configuration, id, format),
        Action::List => list(&configuration, format),
    }
}

fn token(configuration: &Configuration, api: &str, lifetime: Duration, format: Format) -> Result<()> {
    let (catalog, _) = load::read_artifacts(configuration);
    let (workspace, name) = match api.split_once('/') {
        Some((workspace, name)) => (Some(workspace), name),
        None => (None, api),
    };
    let resources = match workspace {
        None => Some(&catalog.service),
        Some(workspace) => catalog.workspaces.get(workspace),
    };
    let known: Vec<&str> =
        resources.iter().flat_map(|resources| resources.apis.keys().map(String::as_str)).collect();
    if !known.contains(&name) {
        let hint = did_you_mean(name, known).map(|near| format!("; did you mean `{near}`?"));
        bail!("there is no API `{api}` in the artifacts{}", hint.unwrap_or_default());
    }
    let open = load::open_store(configuration)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    let issued = open.master.debug_tokens().issue(api, lifetime, now);
    let (text, token) = issued.context("the operating system has no randomness")?;
    let expires = time(token.expires);
    if format == Format::Json {
        println!("{}", json!({ "api": token.api, "token": text, "expires": expires }));
        return Ok(());
    }
    println!("A token for traces of the API {}, good until {expires}:", token.api);
    println!("  {text}");
    println!("Send it in the header Apim-Debug-Authorization; the answer has Apim-Trace-Id, and");
    println!("`gatehouse trace show ID` prints the trace.");
    Ok(())
}

fn show(configuration: &Configuration, id: &str, format: Format) -> Result<()> {
    let store = load::trace_store(configuration);
    let Some(text) = store.get(id).context("the traces cannot be read")? else {
        bail!(
            "there is no trace `{id}`; the last 100 of a day are kept, and `gatehouse trace list` names them"
        );
    };
    let trace: Value = serde_json::from_str(&text).with_context(|| format!("the trace `{id}` is damaged"))?;
    match format {
        Format::Json => println!("{trace:#}"),
        Format::Text => print!("{}", report::kept(&trace)),
    }
    Ok(())
}

fn list(configuration: &Configuration, format: Format) -> Result<()> {
    let all = load::trace_store(configuration).list().context("the traces cannot be listed")?;
    let seconds =
        |kept: SystemTime| kept.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() as i64);
    if format == Format::Json {
        let rows: Vec<Value> =
            all.into_iter().map(|(id, kept)| json!({ "id": id, "time": time(seconds(kept)) })).collect();
        println!("{:#}", json!(rows));
        return Ok(());
    }
    if all.is_empty() {
        println!("There are no traces.");
    }
    for (id, kept) in all {
        println!("{id}  {}", time(seconds(kept)));
    }
    Ok(())
}

fn time(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds).map(|time| time.to_string()).unwrap_or_default()
}

/// A time such as `10m`, never longer than tokens are good for.
fn lifetime(text: &str) -> Result<Duration, String> {
    let wrong = || format!("`{text}` is no time; write 90s, 10m or 1h");
    let (number, unit) = text.split_at_checked(text.len().saturating_sub(1)).ok_or_else(wrong)?;
    let factor = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(wrong()),
    };
    let number: u64 = number.parse().map_err(|_| wrong())?;
    let lifetime = Duration::from_secs(number.saturating_mul(factor));
    if lifetime.is_zero() || lifetime > DebugTokens::LONGEST {
        return Err("a debug token is good for 1 s to 1 h".to_owned());
    }
    Ok(lifetime)
}
