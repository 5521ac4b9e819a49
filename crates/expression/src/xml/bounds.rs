//! What a text may ask of the XML reader: its work grows with the square of what one element holds and of the
//! namespaces in scope, and with a frame a level. A text beyond these bounds is refused before it is read.

use super::MAX_DEPTH;

/// Most attributes of an element, namespace declarations among them.
const MAX_ATTRIBUTES: usize = 256;

/// Most namespace declarations in scope.
const MAX_NAMESPACES: usize = 64;

/// Tells what of a text goes beyond the bounds. What is no XML at all is the reader's to say.
pub(crate) fn check(text: &str) -> Result<(), String> {
    let mut namespaces_of_open = Vec::new();
    let mut namespaces = 0_usize;
    let mut rest = text;
    while let Some((_, after)) = rest.split_once('<') {
        if let Some(skipped) = markup_without_elements(after) {
            rest = skipped;
            continue;
        }
        let tag = Tag::read(after);
        rest = tag.rest;
        if after.starts_with('/') {
            namespaces -= namespaces_of_open.pop().unwrap_or_default();
            continue;
        }
        if namespaces_of_open.len() >= MAX_DEPTH {
            return Err(format!("Elements are nested deeper than {MAX_DEPTH} levels."));
        }
        if tag.attributes > MAX_ATTRIBUTES {
            return Err(format!("An element has more than {MAX_ATTRIBUTES} attributes."));
        }
        if namespaces + tag.namespaces > MAX_NAMESPACES {
            return Err(format!("More than {MAX_NAMESPACES} namespaces are in scope."));
        }
        if !tag.is_empty {
            namespaces += tag.namespaces;
            namespaces_of_open.push(tag.namespaces);
        }
    }
    Ok(())
}

/// What follows a comment, a CDATA section, an instruction or a declaration; of one that does not end, nothing does.
fn markup_without_elements(text: &str) -> Option<&str> {
    let forms = [("!--", "-->"), ("![CDATA[", "]]>"), ("?", "?>"), ("!", ">")];
    let (_, text, end) =
        forms.into_iter().find_map(|(start, end)| Some((start, text.strip_prefix(start)?, end)))?;
    Some(text.split_once(end).map_or("", |(_, rest)| rest))
}

/// A tag, counted: every `=` outside quotes is an attribute's.
struct Tag<'a> {
    attributes: usize,
    namespaces: usize,
    is_empty: bool,
    rest: &'a str,
}

impl<'a> Tag<'a> {
    fn read(text: &'a str) -> Self {
        let mut tag = Tag { attributes: 0, namespaces: 0, is_empty: false, rest: "" };
        let mut quote = None;
        let mut name = 0;
        let mut is_apart = true;
        for (at, c) in text.char_indices() {
            match (quote, c) {
                (Some(open), _) if c == open => {
                    quote = None;
                    is_apart = true;
                }
                (Some(_), _) => {}
                (None, '"' | '\'') => quote = Some(c),
                (None, '=') => {
                    tag.attributes += 1;
                    let is_namespace = text.get(name..at).is_some_and(|name| name.starts_with("xmlns"));
                    tag.namespaces += usize::from(is_namespace);
                }
                (None, '>') => {
                    tag.is_empty = text.get(..at).is_some_and(|tag| tag.ends_with('/'));
                    tag.rest = text.get(at + 1..).unwrap_or_default();
                    break;
                }
                (None, _) if c.is_whitespace() => is_apart = true,
                (None, _) => {
                    if is_apart {
                        name = at;
                    }
                    is_apart = false;
                }
            }
        }
        tag
    }
}

#[cfg(test)]
mod tests {
    use super::{MAX_ATTRIBUTES, MAX_NAMESPACES, check};
    use crate::xml::MAX_DEPTH;

    fn attributes(prefix: &str, n: usize) -> String {
        (0..n).map(|i| format!(" {prefix}{i} = '>=<{i}'")).collect::<Vec<_>>().concat()
    }

    #[test]
    fn depth_is_bounded_whatever_is_said_aside() {
        let nested = |n: usize| "<a>".repeat(n) + &"</a>".repeat(n);
        assert_eq!(check(&nested(MAX_DEPTH)), Ok(()));
        assert!(check(&nested(MAX_DEPTH + 1)).unwrap_err().contains("deeper than 200"));
        let aside = format!(
            "<a><!-- {0} --><![CDATA[{0}]]><?p {0}?>{1}</a>",
            "<a>".repeat(300),
            "<b x='>'/>".repeat(300)
        );
        assert_eq!(check(&aside), Ok(()));
    }

    #[test]
    fn attributes_of_an_element_are_bounded() {
        assert_eq!(check(&format!("<a{}/>", attributes("x", MAX_ATTRIBUTES))), Ok(()));
        let error = check(&format!("<a{}/>", attributes("x", MAX_ATTRIBUTES + 1))).unwrap_err();
        assert_eq!(error, "An element has more than 256 attributes.");
    }

    #[test]
    fn namespaces_in_scope_are_bounded_and_end_with_their_element() {
        let declared = |n: usize| format!("<a{}>", attributes("xmlns:n", n));
        assert_eq!(check(&(declared(MAX_NAMESPACES) + "</a>")), Ok(()));
        let beyond = declared(MAX_NAMESPACES) + "<b xmlns='u'/></a>";
        assert_eq!(check(&beyond).unwrap_err(), "More than 64 namespaces are in scope.");
        let apart = "<r>".to_owned() + &(declared(60) + "</a>").repeat(50) + "</r>";
        assert_eq!(check(&apart), Ok(()));
    }

    #[test]
    fn what_is_no_xml_is_left_to_the_reader() {
        for text in ["", "<", "</a>", "<a", "<a x='", "<!--", "<a/>></a></a>", "<é ü=\"ö\">ß</é>"] {
            assert_eq!(check(text), Ok(()), "{text}");
        }
    }
}
