//! The tree of a document.

use std::ops::Range;
use std::sync::Arc;

use gatehouse_model::Location;

use super::{Text, TextKind};

/// An element.
#[derive(Clone, Debug)]
pub struct Element {
    /// Its name, with the prefix if there is one.
    pub name: String,
    /// Attributes in their order.
    pub attributes: Vec<Attribute>,
    /// Children in their order; comments and white space between elements are left out.
    pub children: Vec<Node>,
    /// Where its tag begins.
    pub location: Location,
    pub(super) source: Arc<str>,
    /// The bytes of the document from the beginning of the tag to the end of the element.
    pub span: Range<usize>,
    pub(super) inner: Range<usize>,
    pub(super) inner_location: Location,
}

/// An attribute.
#[derive(Clone, Debug)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// Its value. Line breaks in a literal are spaces (XML 1.0, section 3.3.3); those of an expression are kept.
    pub value: Text,
    /// Where its name begins.
    pub location: Location,
}

/// What stands in an element.
#[derive(Clone, Debug)]
pub enum Node {
    /// An element.
    Element(Element),
    /// Text that is not only white space.
    Text(Text),
}

impl Element {
    /// The attribute of a name.
    pub fn attribute(&self, name: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// The child elements.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|node| match node {
            Node::Element(element) => Some(element),
            Node::Text(_) => None,
        })
    }

    /// The child elements of a name.
    pub fn elements_named<'e>(&'e self, name: &'e str) -> impl Iterator<Item = &'e Self> {
        self.elements().filter(move |element| element.name == name)
    }

    /// The first child element of a name.
    pub fn element(&self, name: &str) -> Option<&Self> {
        self.elements().find(|element| element.name == name)
    }

    /// The bytes between the tags.
    pub fn inner_span(&self) -> Range<usize> {
        self.inner.clone()
    }

    /// Everything between the tags as it is written.
    pub fn inner(&self) -> &str {
        self.source.get(self.inner.clone()).unwrap_or_default()
    }

    /// The text of an element without child elements, with the white space at its ends; empty where there is none.
    pub fn text(&self) -> Text {
        let mut whole = Text::empty(self.inner_location.clone());
        for node in &self.children {
            if let Node::Text(text) = node {
                whole.append(text);
            }
        }
        whole
    }

    /// What the element holds as a message body: its text, or its markup as written where it has child elements.
    pub fn payload(&self) -> Text {
        let text = self.text();
        if text.kind() == TextKind::Expression || self.elements().next().is_none() {
            return text;
        }
        let mut markup = Text::empty(self.inner_location.clone());
        markup.push(self.inner(), self.inner_location.clone());
        markup
    }
}
