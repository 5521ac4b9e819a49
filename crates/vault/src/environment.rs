//! Secrets in environment variables.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::Path;

use secrecy::SecretString;

use crate::files;
use crate::{Place, ProviderError, SecretProvider};

/// Environment variables: the named value `My-Secret` is `GATEHOUSE_NAMED_VALUE_MY_SECRET`, or stands in the
/// file that `GATEHOUSE_NAMED_VALUE_MY_SECRET_FILE` names (the convention of Docker images). That of the
/// workspace `team` is `GATEHOUSE_NAMED_VALUE_TEAM__MY_SECRET`.
pub struct Environment {
    variable: Box<dyn Fn(&str) -> Option<OsString> + Send + Sync>,
}

impl Environment {
    /// The variables of this process.
    pub fn of_process() -> Self {
        Self::new(|name| env::var_os(name))
    }

    /// Variables from elsewhere.
    pub fn new(variable: impl Fn(&str) -> Option<OsString> + Send + Sync + 'static) -> Self {
        Self { variable: Box::new(variable) }
    }

    /// The variable of a place: upper case, with `_` for everything that is neither a letter nor a digit.
    pub fn variable(place: Place<'_>) -> String {
        let mut variable = String::from("GATEHOUSE_NAMED_VALUE_");
        let mut append = |text: &str| {
            variable.extend(text.chars().map(|character| match character {
                'a'..='z' | 'A'..='Z' | '0'..='9' => character.to_ascii_uppercase(),
                _ => '_',
            }));
        };
        if let Some(workspace) = place.workspace {
            append(workspace);
            append("__");
        }
        append(place.name);
        variable
    }
}

impl SecretProvider for Environment {
    fn secret(&self, place: Place<'_>) -> Result<Option<SecretString>, ProviderError> {
        let direct = Self::variable(place);
        let file = format!("{direct}_FILE");
        match ((self.variable)(&direct), (self.variable)(&file)) {
            (Some(_), Some(_)) => Err(ProviderError::Ambiguous { one: direct, other: file }),
            (Some(value), None) => value
                .into_string()
                .map(|value| Some(SecretString::from(value)))
                .map_err(|_| ProviderError::NotText(format!("environment variable {direct}"))),
            (None, Some(path)) => files::read(Path::new(&path)).map(Some),
            (None, None) => Ok(None),
        }
    }

    fn hint(&self, place: Place<'_>) -> String {
        let variable = Self::variable(place);
        format!("environment variable {variable} or {variable}_FILE")
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Environment")
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::ffi::OsStringExt as _;

    use secrecy::ExposeSecret as _;

    use super::*;

    fn environment(variables: &[(&str, &str)]) -> Environment {
        let variables: Vec<(String, OsString)> =
            variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).into())).collect();
        Environment::new(move |name| {
            variables.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone())
        })
    }

    const PLACE: Place<'_> = Place { workspace: None, name: "My-Secret.1" };

    #[test]
    fn names_become_variables() {
        assert_eq!(Environment::variable(PLACE), "GATEHOUSE_NAMED_VALUE_MY_SECRET_1");
        let place = Place { workspace: Some("team-a"), name: "key" };
        assert_eq!(Environment::variable(place), "GATEHOUSE_NAMED_VALUE_TEAM_A__KEY");
    }

    #[test]
    fn a_variable_says_the_secret_or_names_its_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("secret");
        fs::write(&path, "from the file\n").unwrap();
        let direct = environment(&[("GATEHOUSE_NAMED_VALUE_MY_SECRET_1", " as it is\n")]);
        assert_eq!(direct.secret(PLACE).unwrap().unwrap().expose_secret(), " as it is\n");
        let file = environment(&[("GATEHOUSE_NAMED_VALUE_MY_SECRET_1_FILE", path.to_str().unwrap())]);
        assert_eq!(file.secret(PLACE).unwrap().unwrap().expose_secret(), "from the file");
        assert!(environment(&[]).secret(PLACE).unwrap().is_none());
    }

    #[test]
    fn contradictions_and_missing_files_are_errors() {
        let both = environment(&[
            ("GATEHOUSE_NAMED_VALUE_MY_SECRET_1", "x"),
            ("GATEHOUSE_NAMED_VALUE_MY_SECRET_1_FILE", "/y"),
        ]);
        let error = both.secret(PLACE).unwrap_err().to_string();
        assert!(error.contains("both GATEHOUSE_NAMED_VALUE_MY_SECRET_1 and"), "{error}");
        let gone = environment(&[("GATEHOUSE_NAMED_VALUE_MY_SECRET_1_FILE", "/nonexistent/secret")]);
        let error = gone.secret(PLACE).unwrap_err().to_string();
        assert!(error.contains("/nonexistent/secret"), "{error}");
        let binary =
            Environment::new(|name| (!name.ends_with("_FILE")).then(|| OsString::from_vec(vec![0xFF])));
        assert!(matches!(binary.secret(PLACE), Err(ProviderError::NotText(_))));
    }
}
