//! URL templates as definitions write them.

/// A path of a definition, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    /// The path as written, without a fragment.
    pub(super) text: String,
    /// The names between braces in their order; `*` before the name of a rest is left out.
    pub(super) parameters: Vec<String>,
    /// What a fragment said: it never reaches a server.
    pub(super) fragment: Option<String>,
}

impl Template {
    /// Takes a path apart; the error says what is wrong with it.
    pub(super) fn parse(path: &str) -> Result<Self, String> {
        if !path.starts_with('/') {
            return Err(format!("the path `{path}` does not begin with a slash"));
        }
        let (text, fragment) = match outside_braces(path, '#') {
            Some(at) => (&path[..at], Some(path[at + 1..].to_owned())),
            None => (path, None),
        };
        let mut parameters: Vec<String> = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find(['{', '}']) {
            if rest[open..].starts_with('}') {
                return Err(format!("the path `{path}` closes a brace that it did not open"));
            }
            let after = &rest[open + 1..];
            let Some(length) = after.find(['{', '}']).filter(|at| after[*at..].starts_with('}')) else {
                return Err(format!("the path `{path}` opens a brace that it does not close"));
            };
            let inner = &after[..length];
            let name = inner.strip_prefix('*').unwrap_or(inner);
            if name.is_empty() || name.contains(['/', '?', '#']) {
                return Err(format!("the path `{path}` has a parameter without a name"));
            }
            if parameters.iter().any(|known| known == name) {
                return Err(format!("the path `{path}` names the parameter `{name}` twice"));
            }
            parameters.push(name.to_owned());
            rest = &after[length + 1..];
            if inner.starts_with('*') && !(rest.is_empty() || rest.starts_with('?')) {
                return Err(format!(
                    "the path `{path}` goes on after `{{{inner}}}`, which takes the whole rest"
                ));
            }
        }
        Ok(Self { text: text.to_owned(), parameters, fragment })
    }

    /// Adds required query parameters, which API Management makes part of the template.
    pub(super) fn require(&mut self, query_parameter: &str) {
        self.text.push(if self.text.contains('?') { '&' } else { '?' });
        self.text.push_str(query_parameter);
        self.text.push_str("={");
        self.text.push_str(query_parameter);
        self.text.push('}');
    }

    /// The template with every parameter nameless: equal for templates that match the same requests.
    pub(super) fn shape(&self) -> String {
        let mut shape = String::with_capacity(self.text.len());
        let mut in_braces = false;
        for character in self.text.chars() {
            match character {
                '{' => in_braces = true,
                '}' => in_braces = false,
                '*' if in_braces && shape.ends_with('{') => {}
                _ if in_braces => continue,
                _ => {}
            }
            shape.push(character);
        }
        shape
    }
}

fn outside_braces(path: &str, wanted: char) -> Option<usize> {
    let mut depth = 0_usize;
    path.char_indices().find_map(|(at, character)| {
        match character {
            '{' => depth += 1,
            '}' => depth = depth.saturating_sub(1),
            _ if character == wanted && depth == 0 => return Some(at),
            _ => {}
        }
        None
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_found_wherever_they_stand() {
        let template = Template::parse("/a/{b}.json/{c}:run/{*rest}").unwrap();
        assert_eq!(template.parameters, ["b", "c", "rest"]);
        assert_eq!(template.shape(), "/a/{}.json/{}:run/{*}");
        assert_eq!(Template::parse("/*").unwrap().parameters, [""; 0]);
    }

    #[test]
    fn required_query_parameters_join_what_is_there() {
        let mut template = Template::parse("/find?beta=true").unwrap();
        template.require("date");
        assert_eq!(template.text, "/find?beta=true&date={date}");
        let mut template = Template::parse("/find").unwrap();
        template.require("date");
        template.require("to");
        assert_eq!(template.text, "/find?date={date}&to={to}");
    }

    #[test]
    fn a_fragment_is_cut_off() {
        let template = Template::parse("/token#refresh").unwrap();
        assert_eq!((template.text.as_str(), template.fragment.as_deref()), ("/token", Some("refresh")));
    }

    #[test]
    fn broken_templates_say_what_is_wrong() {
        for (path, problem) in [
            ("pets", "does not begin"),
            ("/{a", "does not close"),
            ("/{a/{b}", "does not close"),
            ("/a}", "did not open"),
            ("/{}", "without a name"),
            ("/{*}", "without a name"),
            ("/{a}/{a}", "twice"),
            ("/{*a}/b", "goes on after"),
        ] {
            let error = Template::parse(path).unwrap_err();
            assert!(error.contains(problem), "{path}: {error}");
        }
    }
}
