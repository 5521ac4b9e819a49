//! Changes of a tree.

use std::sync::{Arc, Weak};

use super::{Content, Json, MAX_DEPTH};
use crate::exception::Thrown;
use crate::types::Id;

impl Json {
    /// The token, or a copy of it where it already hangs in a tree, as adding it elsewhere takes it.
    pub(super) fn detached(&self, into: &Self) -> Self {
        if self.parent().is_some() || self.same(into) || self.len() > 0 && into.root().same(self) {
            self.deep_clone()
        } else {
            self.clone()
        }
    }

    pub(super) fn adopt(&self, child: &Self) -> Result<(), Thrown> {
        child.0.0.lock().parent = Arc::downgrade(&self.0);
        let mut height = child.0.0.lock().height + 1;
        let mut depth = 0;
        let mut at = Some(self.clone());
        while let Some(node) = at {
            depth += 1;
            if height > MAX_DEPTH || depth > MAX_DEPTH {
                child.0.0.lock().parent = Weak::new();
                return Err(Thrown::Limit("nested JSON too deeply"));
            }
            {
                let mut state = node.0.0.lock();
                if state.height < height {
                    state.height = height;
                }
            }
            height += 1;
            at = node.parent();
        }
        Ok(())
    }

    /// Sets the value of a property.
    pub(crate) fn put(&self, value: &Self) -> Result<(), Thrown> {
        let value = value.detached(self);
        self.adopt(&value)?;
        let before = match &mut self.0.0.lock().content {
            Content::Property(_, place) => place.replace(value),
            _ => None,
        };
        if let Some(before) = before {
            before.orphan();
        }
        Ok(())
    }

    /// Sets a property of an object, adding it where it is missing.
    pub(crate) fn set(&self, name: &str, value: &Self) -> Result<(), Thrown> {
        if let Some(property) = self.property_node(name) {
            return property.put(value);
        }
        let property = Self::new_property(name.into(), value)?;
        self.add(&property)
    }

    /// Adds a token at the end: a property to an object, anything else to an array.
    pub(crate) fn add(&self, token: &Self) -> Result<(), Thrown> {
        self.insert(self.len(), token)
    }

    pub(crate) fn insert(&self, index: usize, token: &Self) -> Result<(), Thrown> {
        if self.is_property() {
            if self.len() > 0 {
                return Err(Thrown::new(
                    Id::JsonException,
                    "Newtonsoft.Json.Linq.JProperty cannot have multiple values.",
                ));
            }
            return self.put(token);
        }
        if self.is_object() {
            let Some(name) = token.name() else {
                return Err(Thrown::argument(format!(
                    "Can not add {} to Newtonsoft.Json.Linq.JObject.",
                    crate::types::registry().class(token.class()).name
                )));
            };
            if self.property_node(&name).is_some() {
                return Err(Thrown::argument(format!(
                    "Can not add property {name} to Newtonsoft.Json.Linq.JObject. Property with the same name already exists on object."
                )));
            }
        } else if token.is_property() {
            return Err(Thrown::argument(
                "Can not add Newtonsoft.Json.Linq.JProperty to Newtonsoft.Json.Linq.JArray.",
            ));
        }
        let token = token.detached(self);
        self.adopt(&token)?;
        let name = token.name();
        match &mut self.0.0.lock().content {
            Content::Array(items) if index <= items.len() => items.insert(index, token),
            Content::Object(properties) => {
                if let Some(name) = name {
                    let index = index.min(properties.len());
                    properties.shift_insert(index, name, token);
                }
            }
            _ => return Err(Thrown::index()),
        }
        Ok(())
    }

    /// Replaces an element of an array.
    pub(crate) fn set_item(&self, index: usize, token: &Self) -> Result<(), Thrown> {
        let token = token.detached(self);
        self.adopt(&token)?;
        let before = match &mut self.0.0.lock().content {
            Content::Array(items) => match items.get_mut(index) {
                Some(place) => std::mem::replace(place, token),
                None => return Err(Thrown::index()),
            },
            _ => return Err(Thrown::index()),
        };
        before.orphan();
        Ok(())
    }

    pub(crate) fn remove_at(&self, index: usize) -> Option<Self> {
        let removed = match &mut self.0.0.lock().content {
            Content::Array(items) if index < items.len() => Some(items.remove(index)),
            Content::Object(properties) => properties.shift_remove_index(index).map(|(_, p)| p),
            _ => None,
        };
        if let Some(token) = &removed {
            token.orphan();
        }
        removed
    }

    /// Removes the property of that name.
    pub(crate) fn remove_property(&self, name: &str) -> Option<Self> {
        let removed = match &mut self.0.0.lock().content {
            Content::Object(properties) => properties.shift_remove(name),
            _ => None,
        };
        if let Some(token) = &removed {
            token.orphan();
        }
        removed
    }

    pub(crate) fn clear(&self) {
        let removed = match &mut self.0.0.lock().content {
            Content::Array(items) => std::mem::take(items),
            Content::Object(properties) => std::mem::take(properties).into_values().collect(),
            _ => Vec::new(),
        };
        for token in removed {
            token.orphan();
        }
    }

    /// Takes it out of its parent (`JToken.Remove`).
    pub(crate) fn remove(&self) -> Result<(), Thrown> {
        let parent = self.parent().ok_or_else(|| Thrown::invalid_operation("The parent is missing."))?;
        if parent.is_property() {
            return Err(Thrown::new(
                Id::JsonException,
                "Cannot add or remove items from Newtonsoft.Json.Linq.JProperty.",
            ));
        }
        if let Some(index) = parent.position(self) {
            parent.remove_at(index);
        }
        Ok(())
    }

    /// Puts another token in its place.
    pub(crate) fn replace(&self, with: &Self) -> Result<(), Thrown> {
        let parent = self.parent().ok_or_else(|| Thrown::invalid_operation("The parent is missing."))?;
        if parent.is_property() {
            return parent.put(with);
        }
        let index = parent.position(self).unwrap_or_default();
        if parent.is_object() {
            parent.remove_at(index);
            return parent.insert(index, with);
        }
        parent.set_item(index, with)
    }

    pub(super) fn orphan(&self) {
        self.0.0.lock().parent = Weak::new();
    }
}
