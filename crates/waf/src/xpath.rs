//! Paths into XML bodies: the part of `XPath` that rules use. Steps are names or `*`, `/` or `//` before them; the last may be an
//! attribute (`@name`, `@*`) or `text()`.

/// A path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct XPath {
    steps: Vec<Step>,
    pub(crate) end: End,
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Elements; the value is all text inside.
    Element,
    /// Attributes of the elements; `None` stands for any.
    Attribute(Option<Box<str>>),
    /// Texts right inside the elements.
    Text,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Step {
    /// Whether any number of elements may stand before it.
    descendant: bool,
    /// The qualified name; `None` stands for any.
    name: Option<Box<str>>,
}

impl XPath {
    /// Reads a path.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let unsupported =
            || format!("the path {text:?} is not supported; expected one such as /*, //@*, /a/b or //text()");
        let mut path = Self { steps: Vec::new(), end: End::Element };
        let mut rest = text;
        while !rest.is_empty() {
            let (descendant, after) = match rest.strip_prefix("//") {
                Some(after) => (true, after),
                None => (false, rest.strip_prefix('/').ok_or_else(unsupported)?),
            };
            let end = after.find('/').unwrap_or(after.len());
            let name = &after[..end];
            rest = &after[end..];
            let last = match name.strip_prefix('@') {
                Some("*") => Some(End::Attribute(None)),
                Some(name) => Some(End::Attribute(Some(name.into()))),
                None if name == "text()" => Some(End::Text),
                None => None,
            };
            if let Some(last) = last {
                if !rest.is_empty() {
                    return Err(unsupported());
                }
                if descendant {
                    path.steps.push(Step { descendant: true, name: None });
                }
                path.end = last;
                return if path.steps.is_empty() { Err(unsupported()) } else { Ok(path) };
            }
            let valid =
                |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.' | ':');
            if name != "*" && (name.is_empty() || !name.chars().all(valid)) {
                return Err(unsupported());
            }
            path.steps.push(Step { descendant, name: (name != "*").then(|| name.into()) });
        }
        if path.steps.is_empty() { Err(unsupported()) } else { Ok(path) }
    }

    /// Whether the path leads to the element at the end of a list of open elements.
    pub(crate) fn leads_to(&self, open: &[Box<[u8]>]) -> bool {
        // For each number of steps taken, whether it is reachable; a bit each.
        let mut reachable = 1_u64;
        for element in open {
            let mut next = 0;
            for (at, step) in self.steps.iter().enumerate().take(62) {
                if reachable >> at & 1 == 0 {
                    continue;
                }
                if step.descendant {
                    next |= 1 << at;
                }
                if step.name.as_ref().is_none_or(|name| name.as_bytes() == &**element) {
                    next |= 1 << (at + 1);
                }
            }
            reachable = next;
        }
        reachable >> self.steps.len() & 1 == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_lead_where_xpath_says() {
        let open: Vec<Box<[u8]>> = ["a", "b", "c"].iter().map(|name| name.as_bytes().into()).collect();
        for (path, depth, expected) in [
            ("/*", 1, true),
            ("/*", 2, false),
            ("/a/b", 2, true),
            ("//c", 3, true),
            ("/a//c", 3, true),
            ("/a/c", 3, false),
            ("//*", 2, true),
            ("//b//c", 3, true),
        ] {
            assert_eq!(XPath::parse(path).unwrap().leads_to(&open[..depth]), expected, "{path} at {depth}");
        }
        assert_eq!(XPath::parse("//@*").unwrap().end, End::Attribute(None));
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        for path in ["a", "/a[1]", "//", "/a/@b/c", ""] {
            assert!(XPath::parse(path).unwrap_err().contains("not supported"), "{path}");
        }
    }
}
