//! Where the events of loggers go.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use foldhash::fast::RandomState;
use gatehouse_model::configuration::{Configuration, LoggerTarget};
use gatehouse_model::resources::{Catalog, Logger};
use gatehouse_model::{Diagnostic, Diagnostics, Located, did_you_mean};
use gatehouse_policy::BackendChoice;
use http::{HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret as _, SecretString};
use url::Url;

use super::event::Event;
use super::hub::Hub;

/// Puts named values into a text of a workspace.
pub(crate) type Resolve<'r> = dyn Fn(Option<&str>, &SecretString) -> Result<SecretString, String> + 'r;

/// Where the events of all loggers go.
#[derive(Debug, Default)]
pub struct EventSinks {
    by_name: HashMap<Arc<str>, Arc<EventSink>, RandomState>,
}

/// Where the events of a logger go.
#[derive(Debug)]
pub(super) enum EventSink {
    /// To a file.
    File(Located<PathBuf>),
    /// To another place.
    Remote(Remote),
}

/// A place that is reached over HTTP.
#[derive(Debug)]
pub(super) enum Remote {
    /// An event hub.
    Hub(Box<Hub>),
    /// A URL that takes JSON lines.
    Lines(Lines),
}

pub(super) struct Lines {
    url: Url,
    headers: HeaderMap,
}

impl fmt::Debug for Lines {
    /// Header fields may hold secrets: they are not shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lines").field("url", &self.url.as_str()).finish_non_exhaustive()
    }
}

impl EventSinks {
    /// Compiles the loggers that take events and that a policy names.
    pub(crate) fn load(
        configuration: &Configuration,
        catalog: &Catalog,
        resolve: &Resolve<'_>,
        is_named: impl Fn(&str) -> bool,
        diagnostics: &mut Diagnostics,
    ) -> Self {
        let mut sinks = Self::default();
        let mut known = Vec::new();
        for (workspace, resources) in catalog.scopes() {
            for logger in resources.loggers.values() {
                let name = BackendChoice::entity_name(workspace, &logger.name);
                known.push(name.to_string());
                let own = configuration.loggers.get(&*name);
                let sink = match own {
                    Some(own) => of_configuration(&own.target, &|text| resolve(workspace, text)),
                    None if logger.kind != "azureEventHub" || !is_named(&logger.name) => continue,
                    None => of_artifacts(logger, &|text| resolve(workspace, text)),
                };
                match sink {
                    Ok(sink) => drop(sinks.by_name.insert(name, Arc::new(sink))),
                    Err(why) => {
                        let place = own.map_or(&logger.location, |own| &own.location);
                        let message = format!("events of the logger `{name}` have nowhere to go: {why}");
                        let fix = format!(
                            "mend it, or say where they go in gatehouse.yaml: `loggers: {{ {name}: {{ file: … }} }}`"
                        );
                        diagnostics.push(
                            Diagnostic::error("logger", place.clone(), message)
                                .resource(format!("loggers/{}", logger.name))
                                .fix(fix),
                        );
                    }
                }
            }
        }
        for (name, own) in &configuration.loggers {
            if !known.contains(name) {
                let message = format!("`loggers` names `{name}`, but there is no logger of that name");
                let mut diagnostic = Diagnostic::error("unknown-logger", own.location.clone(), message);
                if let Some(meant) = did_you_mean(name, known.iter().map(String::as_str)) {
                    diagnostic = diagnostic.fix(format!("did you mean `{meant}`?"));
                }
                diagnostics.push(diagnostic);
            }
        }
        sinks
    }

    /// Where the events of a logger go.
    pub(super) fn get(&self, logger: &str) -> Option<&Arc<EventSink>> {
        self.by_name.get(logger)
    }
}

type ResolveHere<'r> = dyn Fn(&SecretString) -> Result<SecretString, String> + 'r;

fn of_configuration(target: &LoggerTarget, resolve: &ResolveHere<'_>) -> Result<EventSink, String> {
    let (url, fields) = match target {
        LoggerTarget::File(file) => return Ok(EventSink::File(file.clone())),
        LoggerTarget::Url { url, headers } => (url, headers),
    };
    let mut headers = HeaderMap::new();
    headers.insert(http::header::CONTENT_TYPE, HeaderValue::from_static("application/x-ndjson"));
    for (name, value) in fields {
        let name = HeaderName::from_bytes(name.value.as_bytes())
            .map_err(|_| format!("`{}` is not the name of a header field", name.value))?;
        let mut value = HeaderValue::from_str(resolve(value)?.expose_secret())
            .map_err(|_| format!("the value of the header field `{name}` cannot be sent"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(EventSink::Remote(Remote::Lines(Lines { url: url.clone(), headers })))
}

fn of_artifacts(logger: &Logger, resolve: &ResolveHere<'_>) -> Result<EventSink, String> {
    let credential = |name: &str| {
        let found = logger.credentials.iter().find(|(key, _)| key.eq_ignore_ascii_case(name));
        found.map(|(_, value)| resolve(value)).transpose()
    };
    let Some(connection) = credential("connectionString")? else {
        return Err(match credential("endpointAddress")? {
            Some(_) => "an event hub with a managed identity is not yet available".to_owned(),
            None => "it has no connection string".to_owned(),
        });
    };
    let name = credential("name")?;
    let name = name.as_ref().map(SecretString::expose_secret);
    Hub::parse(connection.expose_secret(), name).map(|hub| EventSink::Remote(Remote::Hub(Box::new(hub))))
}

impl Remote {
    /// Whether two events can go in one request.
    pub(super) fn joins(&self, first: &Event, second: &Event) -> bool {
        match self {
            Self::Hub(_) => first.partition == second.partition,
            Self::Lines(_) => true,
        }
    }

    /// URL, header fields and body of a request that sends events.
    pub(super) fn request(
        &self,
        logger: &str,
        events: &[Event],
        now_millis: u64,
    ) -> Result<(Url, HeaderMap, Vec<u8>), String> {
        match self {
            Self::Hub(hub) => hub.request(events, now_millis),
            Self::Lines(Lines { url, headers }) => {
                let mut body = Vec::new();
                for event in events {
                    body.extend_from_slice(&event.line(logger));
                    body.push(b'\n');
                }
                Ok((url.clone(), headers.clone(), body))
            }
        }
    }
}
