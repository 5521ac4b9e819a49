//! `gatehouse serve`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use gatehouse_model::configuration::Role;
use gatehouse_telemetry::log::{Level, Log};
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{ConfigArgument, Outcome};
use crate::landing_zone::{self, SampleBackend, Starter};
use crate::running::{Running, Sources, print_keys};

/// How often changes are looked for.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// The arguments of `serve`.
#[derive(Args, Debug)]
pub(crate) struct Arguments {
    /// Where the quickstart keeps everything [default: ./gatehouse-data]
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Subscription keys to use: `NAME: { primary: KEY, secondary: KEY }`
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

/// Serves until it is told to stop.
pub(crate) fn run(arguments: &Arguments, config: &ConfigArgument) -> Outcome {
    let configured = config.config.is_some() || config.path().exists();
    if configured && arguments.data.is_some() {
        eprintln!("error: --data is for the quickstart, which a configuration file takes the place of");
        return Outcome::WrongUsage;
    }
    let served = if configured {
        serve(Sources {
            configuration: config.path(),
            keys: arguments.keys.clone(),
            sample_backend: None,
            experiment: None,
        })
    } else {
        let folder = arguments.data.clone().unwrap_or_else(|| PathBuf::from("gatehouse-data"));
        quickstart(&folder, arguments.keys.clone())
    };
    match served {
        Ok(()) => Outcome::Good,
        Err(error) => {
            eprintln!("error: {error:#}");
            Outcome::Bad
        }
    }
}

fn serve(sources: Sources) -> Result<()> {
    let log = Log::queued(Level::Info).context("the log cannot be started")?;
    let (running, issued) = Running::start(sources, log.clone())?;
    for keys in &issued {
        print_keys(keys);
    }
    announce(&running);
    until_stopped(running, &log)
}

/// Says where everything is.
fn announce(running: &Running) {
    let listeners = &running.configuration().listeners;
    for bound in running.bound() {
        if bound.is_redirect {
            println!("{:<12} http://{}  redirects to https", bound.name, bound.address);
            continue;
        }
        let listener = listeners.iter().find(|listener| *listener.name == *bound.name);
        let zone = listener.map_or("", |listener| listener.zone.as_str());
        let roles: Vec<&str> = listener
            .iter()
            .flat_map(|listener| &listener.serves)
            .map(|role| match role {
                Role::Gateway => "gateway",
                Role::Metrics => "metrics",
            })
            .collect();
        println!("{:<12} https://{}  {zone}: {}", bound.name, bound.address, roles.join(", "));
    }
}

/// The sample API over HTTPS, from an empty folder.
fn quickstart(folder: &Path, keys: Option<PathBuf>) -> Result<()> {
    landing_zone::write(folder, Starter::Forwarded, landing_zone::API)?;
    let authority = landing_zone::ensure_certificates(folder)?;
    let backend = SampleBackend::start()?;
    let url = url::Url::parse(&format!("http://{}", backend.address))?;
    let log = Log::queued(Level::Warn).context("the log cannot be started")?;
    let sources = Sources {
        configuration: folder.join("gatehouse.yaml"),
        keys,
        sample_backend: Some((landing_zone::API, url)),
        experiment: None,
    };
    let (running, issued) = Running::start(sources, log.clone())?;
    let Some(port) =
        running.bound().iter().find(|bound| !bound.is_redirect).map(|bound| bound.address.port())
    else {
        bail!("{} has no listener", folder.join("gatehouse.yaml").display());
    };
    let (shown, ca) = (folder.display(), authority.certificate.display());
    let api = format!("https://localhost:{port}/{}", landing_zone::API);
    println!("Gatehouse serves a sample API. Everything it keeps lies under {shown}.\n");
    println!("  API                 {api}");
    announce_metrics(&running);
    println!("  authority           {ca}  (made for this folder; clients trust it)");
    let key = match issued.first() {
        Some(made) => {
            println!("  subscription key    {}  (shown this once)\n", made.primary.expose());
            made.primary.expose().to_owned()
        }
        None => {
            println!("  subscription key    shown at the first start; a new one:");
            println!(
                "                      gatehouse subscription rotate starter --key primary --config {shown}/gatehouse.yaml\n"
            );
            "$KEY".to_owned()
        }
    };
    println!("With the key, 200:\n  curl --cacert {ca} -H \"Ocp-Apim-Subscription-Key: {key}\" {api}\n");
    println!("Without it, 401:\n  curl --cacert {ca} {api}\n");
    println!(
        "An attack, which the firewall stops, 403:\n  curl --cacert {ca} -H \"Ocp-Apim-Subscription-Key: {key}\" \"{api}?q=%27%20OR%201%3D1--\"\n"
    );
    println!("Stop with Ctrl-C. The access log follows.");
    until_stopped(running, &log)
}

fn announce_metrics(running: &Running) {
    let listeners = &running.configuration().listeners;
    let metrics = listeners.iter().find(|listener| listener.serves.contains(&Role::Metrics));
    if let Some(listener) = metrics
        && let Some(bound) = running.bound().iter().find(|bound| *bound.name == *listener.name)
    {
        println!("  metrics             https://localhost:{}/metrics", bound.address.port());
    }
}

fn until_stopped(mut running: Running, log: &Log) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hang_up = signal(SignalKind::hangup())?;
        let mut tick = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            // Reading and compiling block this thread only; requests run on threads of their own.
            tokio::select! {
                biased;
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
                _ = hang_up.recv() => {
                    running.refresh_secrets();
                    running.reload();
                }
                _ = tick.tick() => running.look_for_changes(),
            }
        }
        Ok::<_, anyhow::Error>(())
    })?;
    running.drain();
    log.flush(Duration::from_secs(2));
    Ok(())
}
