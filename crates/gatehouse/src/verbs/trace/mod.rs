//! `gatehouse trace`: one request through the policies, with every decision.

mod live;
mod report;
mod request;
mod stubs;

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail};
use clap::Args;
use gatehouse_policy::trace::{Detail, Trace};

use self::stubs::Stubs;
use crate::cli::{ConfigArgument, Format, Outcome};
use crate::load;
use crate::offline::{OfflineGateway, OfflineWorld, Settings, Sources, Templates};

/// The arguments of `trace`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    live: Option<live::Action>,
    /// The URL, such as `https://api.example/orders/7`
    #[arg(value_name = "URL")]
    url: Option<String>,
    /// The method; default: GET, with a body POST
    #[arg(short = 'X', long, value_name = "METHOD")]
    request: Option<String>,
    /// A header field, such as 'Accept: application/json'; {{key:NAME}} stands for a key of the subscription NAME
    #[arg(short = 'H', long, value_name = "NAME: VALUE")]
    header: Vec<String>,
    /// The body; @FILE reads it from a file, @- from standard input
    #[arg(short = 'd', long, value_name = "DATA")]
    data: Option<String>,
    /// What the backend and other places answer; without it the backend answers with an empty 200
    #[arg(long, value_name = "FILE")]
    stub: Option<PathBuf>,
    /// The listener that takes the request; default: the first that answers to the host
    #[arg(long, value_name = "NAME")]
    listener: Option<String>,
    /// The client's address
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    client_ip: IpAddr,
    /// How to print
    #[arg(long, value_enum, default_value_t, global = true)]
    format: Format,
}

/// Sends the request through the configuration, or does what there is to do with live traces.
pub(crate) fn run(arguments: &Arguments, config: &ConfigArgument) -> Outcome {
    if arguments.live.is_none() && arguments.url.is_none() {
        eprintln!("error: `gatehouse trace` needs a URL, such as `https://api.example/orders/7`");
        return Outcome::WrongUsage;
    }
    let done = match &arguments.live {
        Some(action) => live::run(action, arguments.format, config),
        None => offline(arguments, config),
    };
    match done {
        Ok(()) => Outcome::Good,
        Err(error) => {
            eprintln!("error: {error:#}");
            Outcome::Bad
        }
    }
}

fn offline(arguments: &Arguments, config: &ConfigArgument) -> Result<()> {
    let configuration = load::good_configuration(&config.path())?;
    let stubs = match &arguments.stub {
        Some(file) => {
            Stubs::read(file).map_err(|findings| anyhow::anyhow!("the stubs have errors\n{findings}"))?
        }
        None => Stubs::default(),
    };
    let (catalog, findings) = load::read_artifacts(&configuration);
    if findings.has_errors() {
        bail!("the artifacts have errors\n{findings}");
    }
    let store = load::store_if_there(&configuration)?;
    let named_values: BTreeMap<String, String> = stubs.named_values.clone();
    let gateway = OfflineGateway::load(Sources {
        configuration: &configuration,
        catalog,
        store: store.as_ref(),
        named_values: &named_values,
    })
    .map_err(|findings| anyhow::anyhow!("the configuration cannot be served\n{findings}"))?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
    let settings = Settings {
        now_millis: stubs.time.unwrap_or(now),
        seed: stubs.random.unwrap_or(now),
        buffered_body_bytes: gateway.snapshot.limits.buffered_body_bytes,
    };
    let templates = Templates::new(&gateway.keys, settings.now_millis);
    let url = arguments.url.as_deref().context("there is no URL")?;
    let method = match (&arguments.request, &arguments.data) {
        (Some(method), _) => method.as_str(),
        (None, Some(_)) => "POST",
        (None, None) => "GET",
    };
    let body = arguments.data.as_deref().map(request::read_data).transpose()?.unwrap_or_default();
    let request = request::build(method, url, &arguments.header, body, &templates)?;
    let host = request.uri().host().unwrap_or_default().to_ascii_lowercase();
    let Some(listener) = gateway.listener(arguments.listener.as_deref(), &host) else {
        match &arguments.listener {
            Some(name) => bail!("there is no listener `{name}` that serves APIs"),
            None => bail!("no listener that serves APIs answers to the host `{host}` (421)"),
        }
    };
    let world = OfflineWorld::new(settings, &stubs.backend, &stubs.requests, &gateway.urls, &templates);
    let secrets: Vec<_> = gateway.snapshot.secrets.iter().cloned().collect();
    let trace = Trace::new(Detail::Decisions, secrets).timed_by_the_process();
    let finished = gateway
        .run(request, &listener, arguments.client_ip, &world, trace)
        .map_err(|why| anyhow::anyhow!(why))?;
    print!("{}", report::render(finished, &listener, arguments.format));
    Ok(())
}
