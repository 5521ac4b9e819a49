//! The values of secret named values, to be masked in what is logged: an expression may put one into a message.

use std::borrow::Cow;
use std::fmt;

use gatehouse_vault::NamedValues;
use secrecy::{ExposeSecret as _, SecretString};

/// What stands in the place of a secret.
const MASK: &str = "***";
/// Shorter values are left alone: masking every `1` would hide the message and not the secret.
const SHORTEST: usize = 4;

/// Secret values.
#[derive(Default)]
pub struct Secrets {
    values: Vec<SecretString>,
}

impl Secrets {
    /// Those of all named values that are secret, the longest first: one may hold another.
    pub fn of(named_values: &NamedValues) -> Self {
        let mut values: Vec<SecretString> =
            named_values.secrets().filter(|value| value.expose_secret().len() >= SHORTEST).cloned().collect();
        values.sort_by_key(|value| std::cmp::Reverse(value.expose_secret().len()));
        Self { values }
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &SecretString> {
        self.values.iter()
    }

    /// The text without secrets.
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut masked = Cow::Borrowed(text);
        for value in &self.values {
            if masked.contains(value.expose_secret()) {
                masked = Cow::Owned(masked.replace(value.expose_secret(), MASK));
            }
        }
        masked
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secrets").field("count", &self.values.len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_masked_and_the_rest_stays() {
        let values = ["s3cret-and-more", "s3cret"].map(SecretString::from).to_vec();
        let secrets = Secrets { values };
        assert_eq!(secrets.mask("got s3cret-and-more, s3cret, s3c"), "got ***, ***, s3c");
        assert!(matches!(secrets.mask("nothing"), Cow::Borrowed("nothing")));
    }
}
