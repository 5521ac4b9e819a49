//! What no trace may show.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use secrecy::{ExposeSecret as _, SecretString};

/// What stands in the place of a secret.
pub(super) const MASK: &str = "***";

/// Shorter values are masked where they are known to stand, and not everywhere: masking every `1` would hide the trace
/// and not the secret.
const SHORTEST: usize = 4;

/// The values that are masked wherever they turn up.
#[derive(Clone)]
pub(super) struct Masks {
    values: Vec<SecretString>,
}

impl Masks {
    pub(super) fn new(secrets: impl IntoIterator<Item = SecretString>) -> Self {
        let mut masks = Self { values: Vec::new() };
        for secret in secrets {
            masks.hide(secret.expose_secret());
        }
        masks
    }

    /// Masks a value from now on, as it is and in the encodings that policies send it in.
    pub(super) fn hide(&mut self, value: &str) {
        let value = value.trim();
        if value.len() < SHORTEST || self.values.iter().any(|known| known.expose_secret() == value) {
            return;
        }
        let escaped = percent_encoding::utf8_percent_encode(value, percent_encoding::NON_ALPHANUMERIC);
        let forms =
            [value.to_owned(), STANDARD.encode(value), URL_SAFE_NO_PAD.encode(value), escaped.to_string()];
        for form in forms {
            if !self.values.iter().any(|known| known.expose_secret() == form) {
                self.values.push(SecretString::from(form));
            }
        }
        // One may hold another.
        self.values.sort_by_key(|value| std::cmp::Reverse(value.expose_secret().len()));
    }

    /// Masks what another masks, too.
    pub(super) fn join(&mut self, other: Self) {
        for value in other.values {
            if !self.values.iter().any(|known| known.expose_secret() == value.expose_secret()) {
                self.values.push(value);
            }
        }
        self.values.sort_by_key(|value| std::cmp::Reverse(value.expose_secret().len()));
    }

    /// Puts a mask in the place of every secret, of tokens and of credentials.
    pub(super) fn mask(&self, text: &mut String) {
        for value in &self.values {
            if text.contains(value.expose_secret()) {
                *text = text.replace(value.expose_secret(), MASK);
            }
        }
        mask_after(text, "eyJ", |c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.'), 20, 0);
        for scheme in ["Bearer ", "bearer ", "Basic ", "basic ", "SharedAccessSignature ", "DPoP "] {
            mask_after(
                text,
                scheme,
                |c| !c.is_whitespace() && c != '"' && c != '\'' && c != ',',
                8,
                scheme.len(),
            );
        }
        mask_parameters(text);
    }
}

impl fmt::Debug for Masks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Masks").field("count", &self.values.len()).finish()
    }
}

/// Masks what follows a mark, where at least `shortest` characters of it are there.
fn mask_after(text: &mut String, mark: &str, is_part: fn(char) -> bool, shortest: usize, keep: usize) {
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find(mark)) {
        let start = at + found + keep;
        let rest = text.get(start..).unwrap_or_default();
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        if length >= shortest {
            text.replace_range(start..start + length, MASK);
            at = start + MASK.len();
        } else {
            at = start + length.max(1);
            while !text.is_char_boundary(at) {
                at += 1;
            }
        }
    }
}

/// Masks values of parameters that carry secrets, in URLs and in forms.
fn mask_parameters(text: &mut String) {
    let mut at = 0;
    while let Some(found) = text.get(at..).and_then(|rest| rest.find('=')) {
        let equals = at + found;
        at = equals + 1;
        let before = text.get(..equals).unwrap_or_default();
        let name_start = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')));
        let (lead, name) = match name_start {
            Some(start) => {
                (before.as_bytes().get(start).copied(), before.get(start + 1..).unwrap_or_default())
            }
            None => (None, before),
        };
        if !matches!(lead, None | Some(b'?' | b'&')) || !is_secret_parameter(name) {
            continue;
        }
        let rest = text.get(at..).unwrap_or_default();
        let length = rest.find(|c: char| c == '&' || c.is_whitespace() || c == '"').unwrap_or(rest.len());
        if length > 0 {
            text.replace_range(at..at + length, MASK);
            at += MASK.len();
        }
    }
}

fn is_secret_parameter(name: &str) -> bool {
    is_secret_name(name) || matches!(name.to_ascii_lowercase().as_str(), "sig" | "code" | "assertion" | "key")
}

/// Whether a header, a parameter or a variable of this name carries secrets.
pub fn is_secret_name(name: &str) -> bool {
    const PARTS: [&str; 14] = [
        "authorization",
        "cookie",
        "password",
        "passwd",
        "secret",
        "token",
        "api-key",
        "apikey",
        "api_key",
        "subscription-key",
        "functions-key",
        "accesskey",
        "access-key",
        "credential",
    ];
    let name = name.trim().to_ascii_lowercase();
    PARTS.iter().any(|part| name.contains(part))
}

/// Whether an attribute of this name holds a secret as it stands in the document.
pub(super) fn is_secret_attribute(name: &str) -> bool {
    matches!(name, "password" | "client-secret" | "secret" | "primary-key" | "secondary-key")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masked(text: &str) -> String {
        let masks = Masks::new(["s3cret-value".into()]);
        let mut text = text.to_owned();
        masks.mask(&mut text);
        text
    }

    #[test]
    fn secrets_are_masked_in_every_encoding() {
        assert_eq!(masked("a s3cret-value b"), "a *** b");
        assert_eq!(masked(&STANDARD.encode("s3cret-value")), "***");
        assert_eq!(masked("x=s3cret%2Dvalue"), "x=***");
        assert_eq!(masked("nothing here"), "nothing here");
    }

    #[test]
    fn tokens_and_credentials_are_masked_by_their_shape() {
        assert_eq!(masked("Bearer abcdefghijkl"), "Bearer ***");
        assert_eq!(masked("got eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_-x, then"), "got ***, then");
        assert_eq!(
            masked("https://a.example/b?c=1&subscription-key=k&sig=x%20y#z"),
            "https://a.example/b?c=1&subscription-key=***&sig=***"
        );
        assert_eq!(masked("grant_type=x&client_secret=abc"), "grant_type=x&client_secret=***");
        assert_eq!(masked("total=3"), "total=3");
        assert_eq!(masked("Bearer é"), "Bearer é");
    }
}
