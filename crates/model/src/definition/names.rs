//! The names of operations.

use std::collections::HashSet;

/// The longest name of an operation.
const MAX_LENGTH: usize = 80;
/// The longest name before a number is added to it.
const MAX_NORMALIZED: usize = 76;

/// Gives out names of operations, each once.
#[derive(Default)]
pub(super) struct Names {
    /// In lower case, because names of Azure resources do not distinguish case.
    taken: HashSet<String>,
}

impl Names {
    /// A name for an operation. An operation id that is a resource name is kept as it stands, because an extract of
    /// API Management holds resource names there; any other is normalised as on import. Without one, method and
    /// template make the name. A number keeps apart what would be equal.
    pub(super) fn assign(&mut self, id: Option<&str>, method: &str, template: &str) -> String {
        let wanted = match id {
            Some(id) if is_resource_name(id) => id.to_owned(),
            Some(id) => normalize(id),
            None => String::new(),
        };
        let wanted = if wanted.is_empty() { normalize(&format!("{method}-{template}")) } else { wanted };
        // An id of characters that no name may hold, on a path of such characters.
        let wanted = if wanted.is_empty() { "operation".to_owned() } else { wanted };
        if self.taken.insert(wanted.to_ascii_lowercase()) {
            return wanted;
        }
        let stem: String = wanted.chars().take(MAX_NORMALIZED).collect();
        let mut number = 1_usize;
        loop {
            let candidate = format!("{stem}-{number}");
            if self.taken.insert(candidate.to_ascii_lowercase()) {
                return candidate;
            }
            number += 1;
        }
    }
}

/// Lower case, every run of other characters than letters and digits one dash, no dash at the ends, 76 characters.
pub(super) fn normalize(id: &str) -> String {
    let mut name = String::with_capacity(id.len().min(MAX_NORMALIZED));
    for character in id.chars() {
        if character.is_ascii_alphanumeric() {
            name.push(character.to_ascii_lowercase());
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
        if name.len() >= MAX_NORMALIZED {
            break;
        }
    }
    name.truncate(name.trim_end_matches('-').len());
    name
}

/// Whether the text can name an operation as it stands: nothing that a URL or a folder name would have to escape.
fn is_resource_name(text: &str) -> bool {
    (1..=MAX_LENGTH).contains(&text.len())
        && text
            .chars()
            .all(|character| character.is_ascii_alphanumeric() || matches!(character, '-' | '_' | '.'))
        && text.starts_with(|first: char| first.is_ascii_alphanumeric() || first == '_')
        && !text.ends_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn normalises_as_the_documentation_shows() {
        assert_eq!(normalize("GET-/foo/{bar}?buzz={quix}"), "get-foo-bar-buzz-quix");
        assert_eq!(normalize("--Get Pets!"), "get-pets");
        assert_eq!(normalize(&"x".repeat(100)).len(), 76);
        assert_eq!(normalize(&format!("{}-y", "x".repeat(75))), "x".repeat(75));
        assert_eq!(normalize("ペット"), "");
    }

    #[test]
    fn keeps_what_is_a_resource_name_already() {
        let mut names = Names::default();
        assert_eq!(names.assign(Some("GetRandomColor"), "GET", "/"), "GetRandomColor");
        assert_eq!(names.assign(Some("get_pets.v2"), "GET", "/"), "get_pets.v2");
        assert_eq!(names.assign(Some("get pets/{id}"), "GET", "/"), "get-pets-id");
        assert_eq!(names.assign(Some("../../etc"), "GET", "/"), "etc");
        assert_eq!(names.assign(Some(&"a".repeat(81)), "GET", "/"), "a".repeat(76));
    }

    #[test]
    fn method_and_path_stand_in_for_a_missing_id() {
        let mut names = Names::default();
        assert_eq!(names.assign(None, "GET", "/foo/{bar}?buzz={quix}"), "get-foo-bar-buzz-quix");
        assert_eq!(names.assign(None, "POST", "/"), "post");
        assert_eq!(names.assign(Some("!!"), "PUT", "/a"), "put-a");
    }

    #[test]
    fn equal_names_get_numbers_whatever_their_case() {
        let mut names = Names::default();
        assert_eq!(names.assign(Some("list"), "GET", "/"), "list");
        assert_eq!(names.assign(Some("List"), "GET", "/"), "List-1");
        assert_eq!(names.assign(Some("list"), "GET", "/"), "list-2");
        let long = "b".repeat(80);
        assert_eq!(names.assign(Some(&long), "GET", "/"), long);
        assert_eq!(names.assign(Some(&long), "GET", "/"), format!("{}-1", "b".repeat(76)));
    }
}
