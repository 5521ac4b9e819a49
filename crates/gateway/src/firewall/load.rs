//! From the configuration to a firewall.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use gatehouse_model::configuration::{BeyondBounds, Configuration, Waf, WafMode};
use gatehouse_model::resources::Catalog;
use gatehouse_model::{Diagnostic, Diagnostics, Location};
use gatehouse_waf::{Collections, Engine, Limits, Options, RuleError, RuleSet, RuleSource, builtin};
use http::StatusCode;

use super::definitions::Definitions;
use super::{BlockPage, Firewall, MAX_COLLECTIONS};

/// Where an installed OWASP CRS is looked for: beside the configuration, where `gatehouse waf install-rules` puts it, then where
/// distributions have it.
const INSTALLED: [&str; 3] = ["/etc/gatehouse/crs", "/usr/share/modsecurity-crs", "/etc/modsecurity/crs"];

/// The largest page of a refusal.
const MAX_PAGE: u64 = 1 << 20;

/// Compiles the firewall; none where it stands nowhere. Collections of the firewall before live on.
pub fn load(
    configuration: &Configuration,
    catalog: &Catalog,
    previous: Option<&Firewall>,
    diagnostics: &mut Diagnostics,
) -> Option<Arc<Firewall>> {
    let waf = &configuration.waf;
    check_names(configuration, catalog, diagnostics);
    let stands = waf.mode != WafMode::Off && !waf.zones.is_empty();
    if !stands && waf.listeners.is_empty() && waf.apis.is_empty() {
        return None;
    }
    let rules = rules(configuration, diagnostics)?;
    let block_page = match &waf.block_page {
        None => None,
        Some(file) => match page(&file.value) {
            Ok(page) => Some(page),
            Err(message) => {
                diagnostics.error("waf-page", file.location.clone(), message);
                return None;
            }
        },
    };
    let apis = || catalog.scopes().flat_map(|(_, resources)| resources.apis.values());
    let mut key_fields: Vec<String> =
        ["authorization", "proxy-authorization", "ocp-apim-subscription-key"].map(str::to_owned).into();
    let mut key_arguments: Vec<String> =
        ["subscription-key", "access_token", "client_secret", "password"].map(str::to_owned).into();
    for api in apis() {
        key_fields.push(api.key_names.header.to_ascii_lowercase());
        key_arguments.push(api.key_names.query.clone());
    }
    for names in [&mut key_fields, &mut key_arguments] {
        names.sort();
        names.dedup();
    }
    Some(Arc::new(Firewall {
        rules,
        limits: Limits { pass_beyond: waf.beyond_bounds == BeyondBounds::Pass, ..Limits::default() },
        collections: previous.map_or_else(
            || Arc::new(Collections::new(MAX_COLLECTIONS)),
            |previous| Arc::clone(&previous.collections),
        ),
        mode: waf.mode,
        zones: waf.zones.clone(),
        listeners: waf.listeners.iter().map(|(name, mode)| (Arc::from(name.as_str()), mode.value)).collect(),
        apis: waf.apis.iter().map(|(name, mode)| (name.clone(), mode.value)).collect(),
        pass: waf.pass.clone(),
        definitions: Definitions::load(configuration, catalog),
        uses_definitions: waf.use_definitions,
        block_status: waf.block_status.and_then(|status| StatusCode::from_u16(status).ok()),
        block_page,
        audit_headers: waf.audit_headers.clone(),
        key_fields,
        key_arguments,
    }))
}

/// Compiles the rules that a configuration names, or those that stand in for them.
pub fn rules(configuration: &Configuration, diagnostics: &mut Diagnostics) -> Option<Arc<RuleSet>> {
    rules_with(configuration, Vec::new(), diagnostics)
}

/// The same with further rules behind them.
pub fn rules_with(
    configuration: &Configuration,
    more: Vec<RuleSource>,
    diagnostics: &mut Diagnostics,
) -> Option<Arc<RuleSet>> {
    let waf = &configuration.waf;
    let options = Options {
        variables: builtin::crs_variables(waf.paranoia_level),
        engine: Some(match waf.mode {
            WafMode::Detection => Engine::DetectionOnly,
            WafMode::Prevention | WafMode::Off => Engine::On,
        }),
        unoptimised: false,
    };
    let mut sources = sources(configuration);
    sources.extend(more);
    match RuleSet::load(&sources, &options) {
        Ok(rules) => Some(Arc::new(rules)),
        Err(errors) => {
            for error in errors.0 {
                diagnostics.push(finding(configuration, waf, &error));
            }
            None
        }
    }
}

fn sources(configuration: &Configuration) -> Vec<RuleSource> {
    let waf = &configuration.waf;
    let mut sources = vec![builtin::protocol()];
    match &waf.rules {
        Some(files) => sources.extend(files.iter().map(|file| RuleSource::File(file.value.clone()))),
        None => match installed(&configuration.file) {
            Some(files) => {
                sources.push(builtin::api_exclusions());
                sources.extend(files.into_iter().map(RuleSource::File));
            }
            None => sources.push(builtin::baseline()),
        },
    }
    sources.extend(waf.exclusions.iter().map(|file| RuleSource::File(file.value.clone())));
    sources
}

/// The files of an installed CRS, its set-up first.
fn installed(configuration: &Path) -> Option<Vec<PathBuf>> {
    let beside = configuration.parent().unwrap_or(Path::new(".")).join("rules/crs");
    let folders = std::iter::once(beside).chain(INSTALLED.into_iter().map(PathBuf::from));
    for folder in folders {
        if !folder.join("rules").is_dir() {
            continue;
        }
        let setup = [
            folder.join("crs-setup.conf"),
            PathBuf::from("/etc/modsecurity/crs/crs-setup.conf"),
            folder.join("crs-setup.conf.example"),
        ]
        .into_iter()
        .find(|file| file.is_file());
        let mut files: Vec<PathBuf> = setup.into_iter().collect();
        files.push(folder.join("rules/*.conf"));
        return Some(files);
    }
    None
}

fn finding(configuration: &Configuration, waf: &Waf, error: &RuleError) -> Diagnostic {
    let place = &error.place;
    let location = if place.line > 0 {
        Location::new(Path::new(&*place.file), place.line, 1)
    } else {
        // A file that cannot be read is the configuration's mistake.
        let named = waf
            .rules
            .iter()
            .flatten()
            .chain(&waf.exclusions)
            .find(|file| file.value.to_string_lossy() == *place.file);
        named.map_or_else(|| Location::file(configuration.file.as_path()), |file| file.location.clone())
    };
    Diagnostic::error("waf-rule", location, error.message.clone())
}

fn page(file: &Path) -> Result<BlockPage, String> {
    let size = std::fs::metadata(file).map_err(|error| format!("{}: {error}", file.display()))?.len();
    if size > MAX_PAGE {
        return Err(format!("{} has more than {MAX_PAGE} bytes", file.display()));
    }
    let text = std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()))?;
    let media_type = match file.extension().and_then(|extension| extension.to_str()) {
        Some("html" | "htm") => "text/html; charset=utf-8",
        Some("json") => "application/json",
        _ => "text/plain; charset=utf-8",
    };
    Ok(BlockPage { text, media_type })
}

/// Modes of listeners, APIs and operations that there are not protect nothing.
fn check_names(configuration: &Configuration, catalog: &Catalog, diagnostics: &mut Diagnostics) {
    for (name, mode) in &configuration.waf.listeners {
        if !configuration.listeners.iter().any(|listener| listener.name == *name) {
            diagnostics.error(
                "waf-listener",
                mode.location.clone(),
                format!("there is no listener `{name}`"),
            );
        }
    }
    let modes = configuration.waf.apis.iter().map(|(name, mode)| (name, &mode.location));
    let refused = configuration.waf.refuse_undeclared.names().iter();
    for (name, location) in modes.chain(refused.map(|name| (&name.value, &name.location))) {
        let (api, operation) =
            name.split_once('/').map_or((name.as_str(), None), |(api, operation)| (api, Some(operation)));
        let known = catalog.scopes().any(|(_, resources)| {
            resources
                .apis
                .get(api)
                .is_some_and(|api| operation.is_none_or(|operation| api.operations.contains_key(operation)))
        });
        if !known {
            let what = if operation.is_some() { "operation" } else { "API" };
            diagnostics.error("waf-api", location.clone(), format!("there is no {what} `{name}`"));
        }
    }
    for name in configuration.waf.refuse_undeclared.names() {
        let api = name.value.split('/').next().unwrap_or(&name.value);
        let api = catalog.scopes().find_map(|(_, resources)| resources.apis.get(api));
        if api.is_some_and(|api| api.definition.is_none()) {
            let message =
                format!("`{}` has no definition that could tell which arguments there are", name.value);
            diagnostics.error("waf-api", name.location.clone(), message);
        }
    }
}
