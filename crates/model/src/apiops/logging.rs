//! Loggers and diagnostics.

use std::collections::BTreeMap;

use secrecy::SecretString;

use super::credentials::NamedValueNames;
use super::layout::{self, Kind};
use super::resource::Resource;
use crate::resources::{LogDiagnostic, Logger};

/// Reads the loggers of a scope.
pub(super) fn read_loggers(scope: &Resource<'_>, names: &NamedValueNames) -> BTreeMap<String, Logger> {
    scope
        .children(&layout::LOGGERS)
        .filter_map(|resource| logger(&resource, names))
        .map(|logger| (logger.name.clone(), logger))
        .collect()
}

fn logger(resource: &Resource<'_>, names: &NamedValueNames) -> Option<Logger> {
    let context = resource.context;
    resource.read(|fields| {
        fields.ignore(&["description", "resourceId", "provisioningState"]);
        let kinds = ["applicationInsights", "azureEventHub", "azureMonitor"].map(|kind| (kind, kind));
        if fields.height("loggerType").is_none() {
            fields.missing(context, "loggerType");
        }
        let kind = fields.choice(context, "loggerType", &kinds);
        let is_buffered = fields.boolean(context, "isBuffered").unwrap_or(true);
        let credentials = fields
            .texts(context, "credentials")
            .into_iter()
            .map(|(name, value)| {
                names.check(resource, &value);
                (name, SecretString::from(value.value))
            })
            .collect();
        Some(Logger {
            name: resource.entry.name.clone(),
            kind: kind?.value.to_owned(),
            is_buffered,
            credentials,
            location: resource.location(),
        })
    })
}

/// Reads the diagnostics of a scope or of an API.
pub(super) fn read_diagnostics(
    parent: &Resource<'_>,
    kind: &'static Kind,
) -> BTreeMap<String, LogDiagnostic> {
    parent
        .children(kind)
        .filter_map(|resource| diagnostic(&resource))
        .map(|diagnostic| (diagnostic.name.clone(), diagnostic))
        .collect()
}

fn diagnostic(resource: &Resource<'_>) -> Option<LogDiagnostic> {
    let context = resource.context;
    resource.read(|fields| {
        // What a sink does with these is its own reader's matter: they are kept as written.
        fields.ignore(&[
            "alwaysLog",
            "backend",
            "frontend",
            "httpCorrelationProtocol",
            "largeLanguageModel",
            "metrics",
            "operationNameFormat",
        ]);
        let logger =
            fields.required(context, "loggerId").and_then(|id| resource.resolve(&layout::LOGGERS, &id));
        let verbosities = ["verbose", "information", "error"].map(|verbosity| (verbosity, verbosity));
        let verbosity =
            fields.choice(context, "verbosity", &verbosities).map_or("information", |choice| choice.value);
        let log_client_ip = fields.boolean(context, "logClientIp").unwrap_or(false);
        let sampling = fields.object(context, "sampling").and_then(|sampling| {
            sampling.choice(context, "samplingType", &[("fixed", ())]);
            let percentage = sampling.number(context, "percentage", 0.0..=100.0);
            sampling.finish(context);
            percentage
        });
        let mut settings = fields.to_json(context);
        if let Some(settings) = settings.as_object_mut() {
            let read = ["loggerId", "verbosity", "logClientIp", "sampling"];
            settings.retain(|name, _| !read.iter().any(|known| known.eq_ignore_ascii_case(name)));
        }
        Some(LogDiagnostic {
            name: resource.entry.name.clone(),
            logger: logger?,
            verbosity: verbosity.to_owned(),
            sampling: sampling.unwrap_or(100.0),
            log_client_ip,
            settings,
            location: resource.location(),
        })
    })
}
