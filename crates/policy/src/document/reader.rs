//! The reader itself: one pass with a stack of open elements.

use std::path::Path;
use std::sync::Arc;

use gatehouse_expression::lexer::scan_end_of_markup;
use gatehouse_model::{Diagnostic, Location};

use super::cursor::{Cursor, is_white_space};
use super::entity;
use super::{
    Attribute, Element, MAX_ATTRIBUTES, MAX_DEPTH, MAX_DOCUMENT_BYTES, MAX_ELEMENTS, Node, Text, syntax,
};

/// How often an expression in the middle of a text may turn out to be none: each try may scan the rest of the document.
const MAX_FAILED_SCANS: usize = 8;

pub(super) fn read(source: &Arc<str>, file: &Arc<Path>) -> Result<Element, Diagnostic> {
    if source.len() > MAX_DOCUMENT_BYTES {
        let message = format!(
            "the document has {} bytes; a policy document has at most {MAX_DOCUMENT_BYTES}",
            source.len()
        );
        return Err(syntax(Location::file(Arc::clone(file)), message).fix("move parts into policy fragments"));
    }
    let reader = Reader {
        source,
        cursor: Cursor::new(source, file),
        open: Vec::new(),
        root: None,
        elements: 0,
        failed_scans: 0,
    };
    reader.document()
}

struct Reader<'d> {
    source: &'d Arc<str>,
    cursor: Cursor<'d>,
    open: Vec<Open>,
    root: Option<Element>,
    elements: usize,
    failed_scans: usize,
}

/// An element whose end tag has not come yet, and the text that is being collected in it.
struct Open {
    element: Element,
    text: Text,
}

impl Open {
    fn end_text(&mut self) {
        let text = std::mem::replace(&mut self.text, Text::empty(self.element.location.clone()));
        if !text.is_blank() {
            self.element.children.push(Node::Text(text));
        }
    }
}

impl Reader<'_> {
    fn document(mut self) -> Result<Element, Diagnostic> {
        self.refuse_forbidden_characters()?;
        self.cursor.eat("\u{FEFF}");
        while !self.cursor.is_at_end() {
            self.step()?;
        }
        if let Some(open) = self.open.last() {
            let name = &open.element.name;
            let message = format!("the element `{name}` is never closed");
            return Err(syntax(open.element.location.clone(), message)
                .fix(format!("add `</{name}>`, or write `<{name} … />`")));
        }
        self.root.ok_or_else(|| {
            syntax(self.cursor.location(), "there is no element in the document")
                .fix("a policy document has the root `<policies>`, a fragment has `<fragment>`")
        })
    }

    fn refuse_forbidden_characters(&self) -> Result<(), Diagnostic> {
        let Some(offset) = self.source.find(entity::is_forbidden) else { return Ok(()) };
        let mut cursor = self.cursor.clone();
        cursor.skip_to(offset);
        Err(syntax(cursor.location(), "the document holds a control character here").fix("take it out"))
    }

    fn step(&mut self) -> Result<(), Diagnostic> {
        let start = self.cursor.location();
        let rest = self.cursor.rest();
        if !rest.starts_with('<') {
            return self.text();
        }
        if self.cursor.eat("<!--") {
            return match self.cursor.eat_until("-->") {
                Some(_) => Ok(()),
                None => Err(syntax(start, "the comment does not end").fix("end it with `-->`")),
            };
        }
        if self.cursor.eat("<![CDATA[") {
            return self.character_data(start);
        }
        if rest.starts_with("<!") {
            return Err(syntax(start, "a document type declaration is not allowed in a policy document")
                .fix("take it out"));
        }
        if self.cursor.eat("<?") {
            return match self.cursor.eat_until("?>") {
                Some(_) => Ok(()),
                None => Err(syntax(start, "the declaration does not end").fix("end it with `?>`")),
            };
        }
        if self.cursor.eat("</") { self.end_tag(&start) } else { self.start_tag(start) }
    }

    fn character_data(&mut self, start: Location) -> Result<(), Diagnostic> {
        let place = self.cursor.location();
        let Some(data) = self.cursor.eat_until("]]>") else {
            return Err(syntax(start, "the CDATA section does not end").fix("end it with `]]>`"));
        };
        match self.open.last_mut() {
            Some(open) => open.text.push(data, place),
            None => return Err(outside(start)),
        }
        Ok(())
    }

    fn start_tag(&mut self, start: Location) -> Result<(), Diagnostic> {
        let begin = self.cursor.at();
        self.cursor.skip(1);
        let Some(name) = self.name() else {
            return Err(syntax(start, "`<` stands here without beginning an element")
                .fix("write `&lt;`, or begin the whole value with `@(` or `@{` if it is an expression"));
        };
        self.elements += 1;
        if self.elements > MAX_ELEMENTS {
            return Err(syntax(start, format!("the document has more than {MAX_ELEMENTS} elements")));
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(syntax(start, format!("elements are nested deeper than {MAX_DEPTH}")));
        }
        if self.root.is_some() {
            let message = format!("a second root element `{name}`; a policy document has one");
            return Err(syntax(start, message).fix("put everything into one `<policies>` or `<fragment>`"));
        }
        let mut element = Element {
            name,
            attributes: Vec::new(),
            children: Vec::new(),
            location: start,
            source: Arc::clone(self.source),
            span: begin..begin,
            inner: 0..0,
            inner_location: self.cursor.location(),
        };
        let is_empty = self.attributes(&mut element)?;
        element.inner = self.cursor.at()..self.cursor.at();
        element.inner_location = self.cursor.location();
        if let Some(parent) = self.open.last_mut() {
            parent.end_text();
        }
        if is_empty {
            self.close(element);
        } else {
            let text = Text::empty(element.inner_location.clone());
            self.open.push(Open { element, text });
        }
        Ok(())
    }

    /// Reads attributes up to the end of the tag; says whether the element is empty.
    fn attributes(&mut self, element: &mut Element) -> Result<bool, Diagnostic> {
        loop {
            let spaced = self.cursor.eat_white_space();
            let location = self.cursor.location();
            if self.cursor.eat("/>") {
                return Ok(true);
            }
            if self.cursor.eat(">") {
                return Ok(false);
            }
            let tag = &element.name;
            if self.cursor.is_at_end() {
                let message = format!("the tag `<{tag}` does not end");
                return Err(syntax(element.location.clone(), message).fix("end it with `>` or `/>`"));
            }
            if !spaced {
                let message =
                    format!("in the tag `<{tag}`, something follows a quoted value without white space");
                return Err(syntax(location, message).fix(
                    "separate attributes with a space; a value with quotes in it is written with `&quot;` unless it begins with `@(` or `@{`",
                ));
            }
            let Some(name) = self.name() else {
                let message = format!("in the tag `<{tag}`, the name of an attribute is expected here");
                return Err(syntax(location, message).fix("write `name=\"value\"`, or end the tag with `>`"));
            };
            if element.attributes.len() >= MAX_ATTRIBUTES {
                let message = format!("the element `{tag}` has more than {MAX_ATTRIBUTES} attributes");
                return Err(syntax(location, message));
            }
            if let Some(first) = element.attribute(&name) {
                let message =
                    format!("the attribute `{name}` stands twice in `{tag}`, first at {}", first.location);
                return Err(syntax(location, message).fix("keep one of them"));
            }
            self.cursor.eat_white_space();
            if !self.cursor.eat("=") {
                let message = format!("the attribute `{name}` of `{tag}` has no value");
                return Err(syntax(location, message).fix(format!("write `{name}=\"…\"`")));
            }
            self.cursor.eat_white_space();
            let value = self.attribute_value(&name)?;
            element.attributes.push(Attribute { name, value, location });
        }
    }

    fn attribute_value(&mut self, name: &str) -> Result<Text, Diagnostic> {
        let Some(quote @ ('"' | '\'')) = self.cursor.peek() else {
            let message = format!("the value of the attribute `{name}` has no quotes");
            return Err(syntax(self.cursor.location(), message).fix(format!("write `{name}=\"…\"`")));
        };
        let opened = self.cursor.location();
        self.cursor.skip(1);
        let mut value = Text::empty(self.cursor.location());
        let blank = self.cursor.rest().len() - self.cursor.rest().trim_start_matches(is_white_space).len();
        if begins_expression(self.cursor.rest().get(blank..).unwrap_or_default()) {
            self.cursor.skip(blank);
            self.expression(&mut value)?;
            self.cursor.eat_white_space();
            if self.cursor.peek() != Some(quote) {
                let message = format!(
                    "the expression of the attribute `{name}` ends here, but its quote does not follow"
                );
                return Err(syntax(self.cursor.location(), message).fix(format!(
                    "end the value with `{quote}`, or mend the brackets and quotes of the expression"
                )));
            }
        } else {
            self.literal_value(name, quote, &opened, &mut value)?;
        }
        self.cursor.skip(1);
        Ok(value)
    }

    fn literal_value(
        &mut self,
        name: &str,
        quote: char,
        opened: &Location,
        value: &mut Text,
    ) -> Result<(), Diagnostic> {
        loop {
            let rest = self.cursor.rest();
            let special = |c: char| c == quote || matches!(c, '&' | '<' | '\n' | '\r' | '\t');
            let Some(length) = rest.find(special) else {
                let message = format!("the value of the attribute `{name}` does not end");
                return Err(syntax(opened.clone(), message).fix(format!("end it with `{quote}`")));
            };
            let place = self.cursor.location();
            value.push(self.cursor.skip(length), place);
            let place = self.cursor.location();
            match self.cursor.peek() {
                Some('&') => self.entity(value)?,
                Some('<') => {
                    let message = format!("`<` stands in the value of the attribute `{name}`");
                    return Err(syntax(place, message)
                        .fix(format!("write `&lt;`, or end the value with `{quote}` before it")));
                }
                Some('\r' | '\n' | '\t') => {
                    if !self.cursor.eat("\r\n") {
                        self.cursor.skip(1);
                    }
                    value.push(" ", place);
                }
                _ => return Ok(()),
            }
        }
    }

    fn end_tag(&mut self, start: &Location) -> Result<(), Diagnostic> {
        let inner_end = self.cursor.at() - "</".len();
        let name = self.name().unwrap_or_default();
        self.cursor.eat_white_space();
        if !self.cursor.eat(">") {
            return Err(
                syntax(start.clone(), format!("the tag `</{name}` does not end")).fix("end it with `>`")
            );
        }
        let Some(mut open) = self.open.pop() else {
            let message = format!("`</{name}>` closes an element that is not open");
            return Err(syntax(start.clone(), message).fix("take it out"));
        };
        if open.element.name != name {
            let Open { element, .. } = &open;
            let message = format!(
                "`</{name}>` closes `<{}>`, which was opened at {}:{}",
                element.name, element.location.line, element.location.column
            );
            return Err(syntax(start.clone(), message).fix(format!("close `{}` first", element.name)));
        }
        open.end_text();
        open.element.inner.end = inner_end;
        self.close(open.element);
        Ok(())
    }

    fn close(&mut self, mut element: Element) {
        element.span.end = self.cursor.at();
        match self.open.last_mut() {
            Some(parent) => parent.element.children.push(Node::Element(element)),
            None => self.root = Some(element),
        }
    }

    fn text(&mut self) -> Result<(), Diagnostic> {
        let Some(mut open) = self.open.pop() else {
            self.cursor.eat_white_space();
            let is_text = !self.cursor.is_at_end() && !self.cursor.rest().starts_with('<');
            return if is_text { Err(outside(self.cursor.location())) } else { Ok(()) };
        };
        let read = self.text_of(&mut open.text);
        self.open.push(open);
        read
    }

    fn text_of(&mut self, text: &mut Text) -> Result<(), Diagnostic> {
        while !self.cursor.is_at_end() && !self.cursor.rest().starts_with('<') {
            let rest = self.cursor.rest();
            if begins_expression(rest) && self.is_expression_here(text) {
                self.expression(text)?;
            } else if rest.starts_with('&') {
                self.entity(text)?;
            } else {
                let first = rest.chars().next().map_or(0, char::len_utf8);
                let length = rest.get(first..).and_then(|tail| tail.find(['<', '&', '@']));
                let place = self.cursor.location();
                text.push(self.cursor.skip(length.map_or(rest.len(), |length| length + first)), place);
            }
        }
        Ok(())
    }

    /// Whether `@(` or `@{` begins an expression: always at the start of a text; after other text only behind white
    /// space and where its bracket closes, so that an address or a JSON body stays what it is.
    fn is_expression_here(&mut self, before: &Text) -> bool {
        if before.is_blank() {
            return true;
        }
        if self.failed_scans >= MAX_FAILED_SCANS || !self.cursor.previous().is_some_and(is_white_space) {
            return false;
        }
        let closes = scan_end_of_markup(self.source, self.cursor.at()).is_ok();
        self.failed_scans += usize::from(!closes);
        closes
    }

    /// Takes an expression as it is; entities in it are decoded, a single `&` is one.
    fn expression(&mut self, text: &mut Text) -> Result<(), Diagnostic> {
        let end = scan_end_of_markup(self.source, self.cursor.at()).map_err(|error| {
            let mut place = self.cursor.clone();
            place.skip_to(error.offset);
            syntax(place.location(), format!("the expression is broken: {error}"))
                .fix(format!("the expression begins at {}", self.cursor.location()))
        })?;
        while self.cursor.at() < end {
            let place = self.cursor.location();
            let ahead = self.source.get(self.cursor.at()..end).unwrap_or_default();
            if let Some((c, length)) = entity::decode(ahead) {
                self.cursor.skip(length);
                text.push(c.encode_utf8(&mut [0; 4]), place);
            } else {
                let first = ahead.chars().next().map_or(1, char::len_utf8);
                let length = ahead.get(first..).and_then(|tail| tail.find('&'));
                text.push(self.cursor.skip(length.map_or(ahead.len(), |length| length + first)), place);
            }
        }
        Ok(())
    }

    fn entity(&mut self, text: &mut Text) -> Result<(), Diagnostic> {
        let place = self.cursor.location();
        let Some((c, length)) = entity::decode(self.cursor.rest()) else {
            return Err(syntax(place, "`&` stands here without beginning a known entity")
                .fix("write `&amp;`; known are &quot; &apos; &lt; &gt; &amp; and numbers such as &#233;"));
        };
        self.cursor.skip(length);
        text.push(c.encode_utf8(&mut [0; 4]), place);
        Ok(())
    }

    fn name(&mut self) -> Option<String> {
        let rest = self.cursor.rest();
        rest.chars().next().filter(|c| c.is_alphabetic() || matches!(c, '_' | ':'))?;
        let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':' | '-' | '.');
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        Some(self.cursor.skip(length).to_owned())
    }
}

fn begins_expression(text: &str) -> bool {
    text.starts_with("@(") || text.starts_with("@{")
}

fn outside(location: Location) -> Diagnostic {
    syntax(location, "text stands outside the root element").fix("put it into an element, or take it out")
}
