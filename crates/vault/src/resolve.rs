//! The values of all named values of a catalog.

use std::collections::HashMap;
use std::fmt;

use gatehouse_model::did_you_mean;
use gatehouse_model::resources::{Catalog, NamedValue, NamedValueSource};
use secrecy::{ExposeSecret as _, SecretString};
use zeroize::Zeroizing;

use crate::{Environment, Place, ProviderError, SecretProvider, VaultError, Vaults};

/// Finds the value of every named value. Values that the artifacts leave out are asked of the providers in
/// their order; the first that has one wins.
pub fn resolve(catalog: &Catalog, providers: &[&dyn SecretProvider]) -> NamedValues {
    resolve_with(catalog, providers, None)
}

/// The same with vaults, which are asked for what the artifacts say is in them; blocks.
pub fn resolve_with(
    catalog: &Catalog,
    providers: &[&dyn SecretProvider],
    vaults: Option<&Vaults>,
) -> NamedValues {
    if let Some(vaults) = vaults {
        let all = catalog.scopes().flat_map(|(_, resources)| resources.named_values.values());
        vaults.prepare(all.filter_map(|named| match &named.source {
            NamedValueSource::KeyVault { secret_identifier, identity_client_id } => {
                Some((secret_identifier.as_str(), identity_client_id.as_deref()))
            }
            _ => None,
        }));
    }
    let mut values = NamedValues::default();
    for (workspace, resources) in catalog.scopes() {
        let mut scope = HashMap::new();
        let shared = shared_variables(workspace, resources.named_values.values());
        for named in resources.named_values.values() {
            let place = Place { workspace, name: &named.display_name };
            let value = match &named.source {
                NamedValueSource::Value(value) => checked(value.clone()),
                NamedValueSource::External => match shared.get(&*named.display_name) {
                    Some(other) => Err(Unresolved::SharedVariable {
                        variable: Environment::variable(place),
                        other: other.clone(),
                    }),
                    None => ask(place, providers),
                },
                NamedValueSource::KeyVault { secret_identifier, identity_client_id } => {
                    let outcome = match vaults {
                        Some(vaults) => vaults.secret(secret_identifier, identity_client_id.as_deref()),
                        None => Err(VaultError::without_vaults()),
                    };
                    let failed =
                        |error| Unresolved::Vault { secret_identifier: secret_identifier.clone(), error };
                    outcome.map_err(failed).and_then(checked)
                }
            };
            scope.insert(named.display_name.clone(), Resolved { value, secret: is_secret(named) });
        }
        values.scopes.insert(workspace.map(str::to_owned), scope);
    }
    values
}

/// The outcome for every named value, by workspace and display name.
#[derive(Debug, Default)]
pub struct NamedValues {
    scopes: HashMap<Option<String>, HashMap<String, Resolved>>,
}

impl NamedValues {
    /// The outcome for the named value of that display name; `None`: there is no such named value. A workspace
    /// has its own and does not see those of the service.
    pub fn get(&self, workspace: Option<&str>, display_name: &str) -> Option<&Resolved> {
        self.scopes.get(&workspace.map(str::to_owned))?.get(display_name)
    }

    /// The display names of a scope, to suggest one in the place of an unknown one.
    pub fn names(&self, workspace: Option<&str>) -> impl Iterator<Item = &str> {
        self.scopes.get(&workspace.map(str::to_owned)).into_iter().flatten().map(|(name, _)| name.as_str())
    }

    /// Puts named values of a scope into the place of `{{name}}` in a text.
    ///
    /// # Errors
    /// What is not there, or not yet.
    pub fn fill(&self, workspace: Option<&str>, text: &SecretString) -> Result<SecretString, Unfilled> {
        let lasting = |message: String| Unfilled { message, is_passing: false };
        let mut filled = Zeroizing::new(String::new());
        let mut rest = text.expose_secret();
        while let Some((before, inner)) = rest.split_once("{{") {
            filled.push_str(before);
            let Some((name, after)) = inner.split_once("}}") else {
                return Err(lasting("`{{` opens a named value that is not closed".to_owned()));
            };
            let name = name.trim();
            let Some(resolved) = self.get(workspace, name) else {
                let near = did_you_mean(name, self.names(workspace));
                let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                return Err(lasting(format!("there is no named value `{name}`{hint}")));
            };
            match &resolved.value {
                Ok(value) => filled.push_str(value.expose_secret()),
                Err(why) => {
                    let message = format!("the named value `{name}` has no value: {why}");
                    return Err(Unfilled { message, is_passing: why.is_passing() });
                }
            }
            rest = after;
        }
        filled.push_str(rest);
        Ok(SecretString::from(filled.as_str()))
    }

    /// Every secret value, to be masked wherever text is shown.
    pub fn secrets(&self) -> impl Iterator<Item = &SecretString> {
        self.scopes
            .values()
            .flat_map(HashMap::values)
            .filter(|resolved| resolved.secret)
            .filter_map(|resolved| resolved.value.as_ref().ok())
    }
}

/// Why a text cannot be filled with named values. It holds no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Unfilled {
    /// What is missing.
    pub message: String,
    /// Whether a vault may give it later, without a change of the configuration.
    pub is_passing: bool,
}

impl From<String> for Unfilled {
    /// Nothing that passes.
    fn from(message: String) -> Self {
        Self { message, is_passing: false }
    }
}

/// The outcome for one named value.
#[derive(Debug)]
pub struct Resolved {
    /// The value, or why there is none.
    pub value: Result<SecretString, Unresolved>,
    /// Whether it must never be shown: it is marked so, or comes from outside of the artifacts.
    pub secret: bool,
}

/// Why a named value has no value. The text names no secret.
#[derive(Debug)]
pub enum Unresolved {
    /// The value is empty, blank or too long.
    Invalid {
        /// What is wrong with it.
        reason: &'static str,
    },
    /// No provider has it.
    Missing {
        /// Where it would stand, one entry a provider.
        hints: Vec<String>,
    },
    /// A provider failed.
    Provider(ProviderError),
    /// Two named values would read the same environment variable.
    SharedVariable {
        /// The variable.
        variable: String,
        /// The other named value's display name.
        other: String,
    },
    /// The vault that holds it does not give it.
    Vault {
        /// The secret's URL.
        secret_identifier: String,
        /// Why.
        error: VaultError,
    },
}

impl fmt::Display for Unresolved {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { reason } => f.write_str(reason),
            Self::Missing { hints } if hints.is_empty() => f.write_str("the artifacts leave its value out"),
            Self::Missing { hints } => {
                write!(f, "the artifacts leave its value out; set {}", hints.join(", or "))
            }
            Self::Provider(error) => write!(f, "{error}"),
            Self::SharedVariable { variable, other } => {
                write!(
                    f,
                    "it would read environment variable {variable}, as '{other}' does; rename one of them"
                )
            }
            Self::Vault { secret_identifier, error } => {
                write!(f, "its value is in the vault secret {secret_identifier}: {error}")
            }
        }
    }
}

impl std::error::Error for Unresolved {}

impl Unresolved {
    /// Whether it may have a value later, without a change of the configuration.
    pub fn is_passing(&self) -> bool {
        matches!(self, Self::Vault { error, .. } if error.is_passing)
    }
}

/// The longest value, in characters (`NamedValueCreateContractProperties.value`).
const LONGEST: usize = 4096;

fn is_secret(named: &NamedValue) -> bool {
    named.secret || !matches!(named.source, NamedValueSource::Value(_))
}

fn ask(place: Place<'_>, providers: &[&dyn SecretProvider]) -> Result<SecretString, Unresolved> {
    for provider in providers {
        if let Some(value) = provider.secret(place).map_err(Unresolved::Provider)? {
            return checked(value);
        }
    }
    Err(Unresolved::Missing { hints: providers.iter().map(|provider| provider.hint(place)).collect() })
}

fn checked(value: SecretString) -> Result<SecretString, Unresolved> {
    let text = value.expose_secret();
    if text.trim().is_empty() {
        return Err(Unresolved::Invalid { reason: "its value is empty" });
    }
    if text.chars().count() > LONGEST {
        return Err(Unresolved::Invalid { reason: "its value has more than 4096 characters" });
    }
    Ok(value)
}

/// The display names of external named values that share their environment variable, each with another one.
fn shared_variables<'a>(
    workspace: Option<&str>,
    named: impl Iterator<Item = &'a NamedValue>,
) -> HashMap<&'a str, String> {
    let mut by_variable: HashMap<String, &'a str> = HashMap::new();
    let mut shared = HashMap::new();
    for named in named.filter(|named| matches!(named.source, NamedValueSource::External)) {
        let name = named.display_name.as_str();
        let variable = Environment::variable(Place { workspace, name });
        if let Some(other) = by_variable.insert(variable, name) {
            shared.insert(name, other.to_owned());
            shared.insert(other, name.to_owned());
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use gatehouse_model::Location;
    use gatehouse_model::resources::Resources;

    use super::*;

    /// Knows the places that it was made with.
    struct Known(&'static str, &'static [(Option<&'static str>, &'static str, &'static str)]);

    impl SecretProvider for Known {
        fn secret(&self, place: Place<'_>) -> Result<Option<SecretString>, ProviderError> {
            let found = self
                .1
                .iter()
                .find(|(workspace, name, _)| (*workspace, *name) == (place.workspace, place.name));
            match found {
                Some((_, _, "broken")) => Err(ProviderError::Other("the vault burns".to_owned())),
                found => Ok(found.map(|(_, _, value)| SecretString::from(*value))),
            }
        }

        fn hint(&self, place: Place<'_>) -> String {
            format!("{} {}", self.0, place.name)
        }
    }

    fn named(name: &str, secret: bool, source: NamedValueSource) -> NamedValue {
        NamedValue {
            name: format!("resource-{name}"),
            display_name: name.to_owned(),
            secret,
            source,
            tags: Vec::new(),
            location: Location::file(Path::new("named values")),
        }
    }

    fn plain(name: &str, value: &str) -> NamedValue {
        named(name, false, NamedValueSource::Value(SecretString::from(value)))
    }

    fn external(name: &str) -> NamedValue {
        named(name, true, NamedValueSource::External)
    }

    fn resources(values: impl IntoIterator<Item = NamedValue>) -> Resources {
        let named_values = values.into_iter().map(|one| (one.name.clone(), one)).collect();
        Resources { named_values, ..Resources::default() }
    }

    fn service(values: impl IntoIterator<Item = NamedValue>) -> Catalog {
        Catalog { service: resources(values), ..Catalog::default() }
    }

    fn reason(values: &NamedValues, name: &str) -> String {
        values.get(None, name).unwrap().value.as_ref().unwrap_err().to_string()
    }

    #[test]
    fn values_are_found_by_display_name_in_their_scope() {
        let mut catalog = service([plain("url", "https://a"), external("key")]);
        catalog.workspaces.insert("team".to_owned(), resources([external("key")]));
        let provider =
            Known("known", &[(None, "key", "of the service"), (Some("team"), "key", "of the team")]);
        let values = resolve(&catalog, &[&provider]);
        let value = |workspace, name| {
            values.get(workspace, name).unwrap().value.as_ref().unwrap().expose_secret().to_owned()
        };
        assert_eq!(value(None, "url"), "https://a");
        assert_eq!(value(None, "key"), "of the service");
        assert_eq!(value(Some("team"), "key"), "of the team");
        assert!(values.get(Some("team"), "url").is_none(), "a workspace does not see the service's");
        assert!(values.get(None, "resource-key").is_none(), "the resource name is not the display name");
        let mut secrets: Vec<_> = values.secrets().map(SecretString::expose_secret).collect();
        secrets.sort_unstable();
        assert_eq!(secrets, ["of the service", "of the team"]);
        assert!(!format!("{values:?}").contains("of the team"));
    }

    #[test]
    fn the_first_provider_that_has_it_wins() {
        let one = Known("one", &[(None, "a", "1")]);
        let two = Known("two", &[(None, "a", "2"), (None, "b", "2")]);
        let values = resolve(&service([external("a"), external("b")]), &[&one, &two]);
        for (name, expected) in [("a", "1"), ("b", "2")] {
            assert_eq!(values.get(None, name).unwrap().value.as_ref().unwrap().expose_secret(), expected);
        }
    }

    #[test]
    fn every_name_has_its_own_reason() {
        let provider = Known("the vault", &[(None, "blank", "  "), (None, "fails", "broken")]);
        let vault = NamedValueSource::KeyVault {
            secret_identifier: "https://v.example/secrets/s".to_owned(),
            identity_client_id: None,
        };
        let long = plain("long", &"ü".repeat(4097));
        let values = resolve(
            &service([
                external("gone"),
                external("blank"),
                external("fails"),
                named("kept", true, vault),
                long,
                plain("fits", &"ü".repeat(4096)),
            ]),
            &[&provider],
        );
        assert_eq!(reason(&values, "gone"), "the artifacts leave its value out; set the vault gone");
        assert_eq!(reason(&values, "blank"), "its value is empty");
        assert_eq!(reason(&values, "fails"), "the vault burns");
        assert!(reason(&values, "kept").contains("https://v.example/secrets/s: no vault answers it"));
        assert!(reason(&values, "long").contains("4096"));
        assert!(values.get(None, "fits").unwrap().value.is_ok());
    }

    #[test]
    fn names_that_share_a_variable_are_told_apart() {
        let environment = Environment::new(|name| (name == "GATEHOUSE_NAMED_VALUE_A_B").then(|| "x".into()));
        let values = resolve(&service([external("a-b"), external("a.b"), external("c")]), &[&environment]);
        assert!(reason(&values, "a-b").contains("GATEHOUSE_NAMED_VALUE_A_B, as 'a.b' does"));
        assert!(reason(&values, "a.b").contains("as 'a-b' does"));
        assert!(reason(&values, "c").contains("set environment variable GATEHOUSE_NAMED_VALUE_C or"));
    }
}
