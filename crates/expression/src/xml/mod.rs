//! The XML tree of `System.Xml.Linq`: nodes that know their parents and may be changed.

mod bounds;
mod parse;
mod write;

use std::sync::{Arc, Weak};

use parking_lot::Mutex;

pub(crate) use self::bounds::check;
pub(crate) use self::parse::parse;

use crate::class::Type;
use crate::exception::Thrown;
use crate::types::Id;
use crate::value::{Object, Value};

/// Deepest nesting of a tree.
pub(crate) const MAX_DEPTH: usize = 200;

/// A name with its namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Name {
    pub(crate) namespace: Arc<str>,
    pub(crate) local: Arc<str>,
}

impl Name {
    /// Reads `{namespace}local` or `local`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (namespace, local) = match text.strip_prefix('{') {
            Some(rest) => rest.split_once('}')?,
            None => ("", text),
        };
        let mut chars = local.chars();
        let valid = chars.next().is_some_and(|c| c.is_alphabetic() || c == '_')
            && chars.all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '.'));
        valid.then(|| Self { namespace: namespace.into(), local: local.into() })
    }

    /// A name whose local part is one that XML takes.
    pub(crate) fn valid(namespace: &str, local: &str) -> Result<Self, Thrown> {
        if local.is_empty() {
            return Err(Thrown::new(
                Id::ArgumentNullException,
                "The empty string '' is not a valid local name. (Parameter 'name')",
            ));
        }
        match Self::parse(local) {
            Some(name) if name.namespace.is_empty() => Ok(Self { namespace: namespace.into(), ..name }),
            _ => Err(Thrown::new(Id::XmlException, format!("'{local}' is no valid XML name."))),
        }
    }

    /// `{namespace}local`, or `local` without one.
    pub(crate) fn expanded(&self) -> String {
        if self.namespace.is_empty() {
            self.local.to_string()
        } else {
            format!("{{{}}}{}", self.namespace, self.local)
        }
    }
}

impl Object for Name {
    fn class(&self) -> Type {
        Type::Plain(Id::XName)
    }

    fn text(&self) -> Option<String> {
        Some(self.expanded())
    }

    fn equals(&self, other: &Value) -> Option<bool> {
        Some(other.downcast::<Self>() == Some(self))
    }

    fn hash(&self) -> Option<u64> {
        Some(Value::from(self.expanded()).hash())
    }
}

/// An attribute.
pub(crate) struct Attribute {
    pub(crate) name: Name,
    pub(crate) value: Mutex<Arc<str>>,
    pub(crate) parent: Mutex<Weak<Node>>,
}

/// The namespace of `xml:` attributes.
pub(crate) const XML: &str = "http://www.w3.org/XML/1998/namespace";
/// The namespace of `xmlns` attributes.
pub(crate) const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

impl Attribute {
    pub(crate) fn new(name: Name, value: Arc<str>) -> Arc<Self> {
        Arc::new(Self { name, value: Mutex::new(value), parent: Mutex::new(Weak::new()) })
    }

    /// Whether it declares a namespace.
    pub(crate) fn declares(&self) -> bool {
        &*self.name.namespace == XMLNS || self.name.namespace.is_empty() && &*self.name.local == "xmlns"
    }

    /// The prefix it declares; empty for the default namespace.
    pub(crate) fn declared_prefix(&self) -> Option<&str> {
        if !self.declares() {
            return None;
        }
        Some(if &*self.name.local == "xmlns" { "" } else { &self.name.local })
    }
}

impl Object for Attribute {
    fn class(&self) -> Type {
        Type::Plain(Id::XAttribute)
    }

    fn text(&self) -> Option<String> {
        Some(write::attribute(self))
    }
}

/// A node.
pub(crate) struct Node {
    pub(crate) kind: Kind,
    state: Mutex<State>,
}

/// What kind of node it is, which never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    CData,
    Comment,
    Document,
    Element,
    Instruction,
    Text,
}

struct State {
    parent: Weak<Node>,
    /// Of an element, or the target of an instruction.
    name: Option<Name>,
    attributes: Vec<Arc<Attribute>>,
    children: Vec<Arc<Node>>,
    /// Of text, comments and instructions; the declaration of a document.
    text: Arc<str>,
    height: usize,
}

impl Node {
    pub(crate) fn new(kind: Kind, name: Option<Name>, text: &str) -> Arc<Self> {
        let state = State {
            parent: Weak::new(),
            name,
            attributes: Vec::new(),
            children: Vec::new(),
            text: text.into(),
            height: 1,
        };
        Arc::new(Self { kind, state: Mutex::new(state) })
    }

    pub(crate) fn element(name: Name) -> Arc<Self> {
        Self::new(Kind::Element, Some(name), "")
    }

    pub(crate) fn name(&self) -> Option<Name> {
        self.state.lock().name.clone()
    }

    pub(crate) fn rename(&self, name: Name) {
        self.state.lock().name = Some(name);
    }

    pub(crate) fn own_text(&self) -> Arc<str> {
        Arc::clone(&self.state.lock().text)
    }

    pub(crate) fn set_own_text(&self, text: &str) {
        self.state.lock().text = text.into();
    }

    pub(crate) fn parent(&self) -> Option<Arc<Self>> {
        self.state.lock().parent.upgrade()
    }

    pub(crate) fn children(&self) -> Vec<Arc<Self>> {
        self.state.lock().children.clone()
    }

    pub(crate) fn attributes(&self) -> Vec<Arc<Attribute>> {
        self.state.lock().attributes.clone()
    }

    pub(crate) fn attribute(&self, name: &Name) -> Option<Arc<Attribute>> {
        self.state.lock().attributes.iter().find(|a| a.name == *name).cloned()
    }

    pub(crate) fn elements(&self) -> Vec<Arc<Self>> {
        self.state.lock().children.iter().filter(|c| c.kind == Kind::Element).cloned().collect()
    }

    /// Everything below, in document order.
    pub(crate) fn descendants(self: &Arc<Self>, and_self: bool) -> Vec<Arc<Self>> {
        let mut found = Vec::new();
        let mut open =
            if and_self { vec![Arc::clone(self)] } else { self.children().into_iter().rev().collect() };
        while let Some(next) = open.pop() {
            open.extend(next.children().into_iter().rev());
            found.push(next);
        }
        found
    }

    /// The text in it, without markup.
    pub(crate) fn value(self: &Arc<Self>) -> String {
        match self.kind {
            Kind::Element | Kind::Document => self
                .descendants(false)
                .iter()
                .filter(|n| matches!(n.kind, Kind::Text | Kind::CData))
                .map(|n| n.own_text().to_string())
                .collect(),
            _ => self.own_text().to_string(),
        }
    }

    pub(crate) fn position(&self, child: &Arc<Self>) -> Option<usize> {
        self.state.lock().children.iter().position(|c| Arc::ptr_eq(c, child))
    }

    /// Adds a node at a place; one that hangs elsewhere is copied.
    pub(crate) fn insert(self: &Arc<Self>, index: usize, child: &Arc<Self>) -> Result<(), Thrown> {
        let root_of = |node: &Arc<Self>| {
            let mut at = Arc::clone(node);
            while let Some(parent) = at.parent() {
                at = parent;
            }
            at
        };
        let child = if child.parent().is_some() || Arc::ptr_eq(&root_of(self), child) {
            child.copy()
        } else {
            Arc::clone(child)
        };
        let mut height = child.state.lock().height + 1;
        let mut at = Some(Arc::clone(self));
        let mut depth = 0;
        while let Some(node) = at {
            depth += 1;
            if height > MAX_DEPTH || depth > MAX_DEPTH {
                return Err(Thrown::Limit("nested XML too deeply"));
            }
            {
                let mut state = node.state.lock();
                state.height = state.height.max(height);
            }
            height += 1;
            at = node.parent();
        }
        child.state.lock().parent = Arc::downgrade(self);
        let mut state = self.state.lock();
        let index = index.min(state.children.len());
        state.children.insert(index, child);
        Ok(())
    }

    pub(crate) fn add(self: &Arc<Self>, child: &Arc<Self>) -> Result<(), Thrown> {
        self.insert(usize::MAX, child)
    }

    /// Adds text, to the text at the end where there is one.
    pub(crate) fn add_text(self: &Arc<Self>, text: &str) -> Result<(), Thrown> {
        if self.kind == Kind::Document && !text.chars().all(char::is_whitespace) {
            return Err(Thrown::argument("Non-whitespace characters cannot be added to content."));
        }
        // Empty text is what makes `<a></a>` of `<a />`.
        if text.is_empty() && !self.state.lock().children.is_empty() {
            return Ok(());
        }
        let last = self.state.lock().children.last().filter(|c| c.kind == Kind::Text).cloned();
        match last {
            Some(last) => {
                let joined = format!("{}{text}", last.own_text());
                last.set_own_text(&joined);
                Ok(())
            }
            None => self.add(&Self::new(Kind::Text, None, text)),
        }
    }

    /// Adds an attribute; one that hangs elsewhere is copied.
    pub(crate) fn add_attribute(self: &Arc<Self>, attribute: &Arc<Attribute>) -> Result<(), Thrown> {
        if self.attribute(&attribute.name).is_some() {
            return Err(Thrown::invalid_operation("Duplicate attribute."));
        }
        let hangs = attribute.parent.lock().upgrade().is_some();
        let attribute = if hangs {
            Attribute::new(attribute.name.clone(), Arc::clone(&attribute.value.lock()))
        } else {
            Arc::clone(attribute)
        };
        *attribute.parent.lock() = Arc::downgrade(self);
        self.state.lock().attributes.push(attribute);
        Ok(())
    }

    pub(crate) fn remove_attribute(&self, name: &Name) {
        self.state.lock().attributes.retain(|a| a.name != *name);
    }

    pub(crate) fn clear_attributes(&self) {
        self.state.lock().attributes.clear();
    }

    pub(crate) fn clear(&self) {
        let removed = std::mem::take(&mut self.state.lock().children);
        for child in removed {
            child.state.lock().parent = Weak::new();
        }
    }

    /// Takes it out of its parent.
    pub(crate) fn remove(self: &Arc<Self>) -> Result<(), Thrown> {
        let parent = self.parent().ok_or_else(|| Thrown::invalid_operation("The parent is missing."))?;
        parent.state.lock().children.retain(|c| !Arc::ptr_eq(c, self));
        self.state.lock().parent = Weak::new();
        Ok(())
    }

    pub(crate) fn copy(&self) -> Arc<Self> {
        let copy = Self::new(self.kind, self.name(), &self.own_text());
        let (attributes, children, height) = {
            let state = self.state.lock();
            (state.attributes.clone(), state.children.clone(), state.height)
        };
        for attribute in attributes {
            let again = Attribute::new(attribute.name.clone(), Arc::clone(&attribute.value.lock()));
            *again.parent.lock() = Arc::downgrade(&copy);
            copy.state.lock().attributes.push(again);
        }
        for child in children {
            let again = child.copy();
            again.state.lock().parent = Arc::downgrade(&copy);
            copy.state.lock().children.push(again);
        }
        copy.state.lock().height = height;
        copy
    }

    /// The namespace that a prefix stands for here.
    pub(crate) fn namespace_of(self: &Arc<Self>, prefix: &str) -> Option<Arc<str>> {
        let mut at = Some(Arc::clone(self));
        while let Some(node) = at {
            let found = node
                .attributes()
                .iter()
                .find(|a| a.declared_prefix() == Some(prefix))
                .map(|a| Arc::clone(&a.value.lock()));
            if found.is_some() {
                return found;
            }
            at = node.parent();
        }
        None
    }

    /// The prefix that stands for a namespace here.
    pub(crate) fn prefix_of(self: &Arc<Self>, namespace: &str) -> Option<String> {
        let mut at = Some(Arc::clone(self));
        while let Some(node) = at {
            for attribute in node.attributes() {
                if let Some(prefix) = attribute.declared_prefix()
                    && **attribute.value.lock() == *namespace
                {
                    return Some(prefix.to_owned());
                }
            }
            at = node.parent();
        }
        None
    }

    /// XML text, indented unless `plain`.
    pub(crate) fn write(self: &Arc<Self>, plain: bool) -> String {
        write::node(self, plain)
    }

    pub(crate) fn into_value(self: Arc<Self>) -> Value {
        Value::handle(self)
    }

    /// Whether names, attributes and contents are the same.
    pub(crate) fn deep_equals(self: &Arc<Self>, other: &Arc<Self>) -> bool {
        self.write(true) == other.write(true)
    }
}

impl Object for Node {
    fn class(&self) -> Type {
        Type::Plain(match self.kind {
            Kind::CData => Id::XCData,
            Kind::Comment => Id::XComment,
            Kind::Document => Id::XDocument,
            Kind::Element => Id::XElement,
            Kind::Instruction => Id::XProcessingInstruction,
            Kind::Text => Id::XText,
        })
    }

    fn text(&self) -> Option<String> {
        // The copy has no parents: namespaces in scope are declared in its own text.
        Some(write::detached(self))
    }
}
