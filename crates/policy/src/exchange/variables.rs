//! `context.Variables`.

use std::sync::Arc;

use gatehouse_expression::Value;

/// Named values of one exchange. Few enough to be searched in order; names are case-sensitive.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    entries: Vec<(Arc<str>, Value)>,
    /// In a branch: what it has set.
    written: Option<Vec<Arc<str>>>,
}

impl Variables {
    /// The value of a name.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.entries.iter().find(|(key, _)| &**key == name).map(|(_, value)| value)
    }

    /// Sets a value, in the place of an older one.
    pub fn set(&mut self, name: &Arc<str>, value: Value) {
        if let Some(written) = &mut self.written
            && !written.contains(name)
        {
            written.push(Arc::clone(name));
        }
        match self.entries.iter_mut().find(|(key, _)| key == name) {
            Some((_, slot)) => *slot = value,
            None => self.entries.push((Arc::clone(name), value)),
        }
    }

    /// The same variables for a branch that runs beside others.
    pub(super) fn fork(&self) -> Self {
        Self { entries: self.entries.clone(), written: Some(Vec::new()) }
    }

    /// Takes over what a branch has set.
    pub(super) fn join(&mut self, branch: &Self) {
        for name in branch.written.iter().flatten() {
            if let Some(value) = branch.get(name) {
                self.set(name, value.clone());
            }
        }
    }

    /// Takes a value out.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let at = self.entries.iter().position(|(key, _)| &**key == name)?;
        Some(self.entries.remove(at).1)
    }

    /// Names and values in the order in which they were first set.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(name, value)| (&**name, value))
    }
}
