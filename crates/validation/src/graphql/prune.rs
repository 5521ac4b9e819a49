//! Takes fields out of requests, and what nothing asks for any more with them.

use std::collections::{BTreeSet, HashSet};

use apollo_compiler::Name;
use apollo_compiler::ast::Value;
use apollo_compiler::executable::{DirectiveList, ExecutableDocument, Selection, SelectionSet};

use super::Field;

/// The text of a request without fields; `None` where an operation would be left without any.
pub(super) fn without(document: &ExecutableDocument, removed: &BTreeSet<Field>) -> Option<String> {
    let mut document = document.clone();
    let mut gone: HashSet<Name> = HashSet::new();
    // A fragment that is left empty takes its spreads with it, which may leave another empty.
    loop {
        let before = gone.len();
        for (name, fragment) in &mut document.fragments {
            prune(&mut fragment.make_mut().selection_set, removed, &gone);
            if fragment.selection_set.selections.is_empty() {
                gone.insert(name.clone());
            }
        }
        if gone.len() == before {
            break;
        }
    }
    let operations = document.operations.anonymous.iter_mut().chain(document.operations.named.values_mut());
    for operation in operations {
        let operation = operation.make_mut();
        prune(&mut operation.selection_set, removed, &gone);
        if operation.selection_set.selections.is_empty() {
            return None;
        }
    }
    let mut used = Used::default();
    for operation in document.operations.iter() {
        used.selections(&operation.selection_set, &document);
    }
    document.fragments.retain(|name, _| used.fragments.contains(name));
    let keep: Vec<HashSet<Name>> = document
        .operations
        .iter()
        .map(|operation| {
            let mut own = Used::default();
            own.directives(&operation.directives);
            own.selections(&operation.selection_set, &document);
            own.variables
        })
        .collect();
    let operations = document.operations.anonymous.iter_mut().chain(document.operations.named.values_mut());
    for (operation, keep) in operations.zip(keep) {
        operation.make_mut().variables.retain(|variable| keep.contains(&variable.name));
    }
    Some(document.to_string())
}

fn prune(set: &mut SelectionSet, removed: &BTreeSet<Field>, gone: &HashSet<Name>) {
    let parent = set.ty.to_string();
    set.selections.retain_mut(|selection| match selection {
        Selection::Field(field) => {
            let key = Field { parent: parent.clone(), name: field.name.to_string() };
            if removed.contains(&key) {
                return false;
            }
            if field.selection_set.selections.is_empty() {
                return true;
            }
            let inner = &mut field.make_mut().selection_set;
            prune(inner, removed, gone);
            !inner.selections.is_empty()
        }
        Selection::InlineFragment(fragment) => {
            let inner = &mut fragment.make_mut().selection_set;
            prune(inner, removed, gone);
            !inner.selections.is_empty()
        }
        Selection::FragmentSpread(spread) => !gone.contains(&spread.fragment_name),
    });
}

/// The fragments and variables that an operation uses.
#[derive(Default)]
struct Used {
    fragments: HashSet<Name>,
    variables: HashSet<Name>,
}

impl Used {
    fn selections(&mut self, set: &SelectionSet, document: &ExecutableDocument) {
        for selection in &set.selections {
            self.directives(selection.directives());
            match selection {
                Selection::Field(field) => {
                    for argument in &field.arguments {
                        self.value(&argument.value);
                    }
                    self.selections(&field.selection_set, document);
                }
                Selection::InlineFragment(fragment) => self.selections(&fragment.selection_set, document),
                Selection::FragmentSpread(spread) => {
                    if self.fragments.insert(spread.fragment_name.clone())
                        && let Some(fragment) = document.fragments.get(&spread.fragment_name)
                    {
                        self.directives(&fragment.directives);
                        self.selections(&fragment.selection_set, document);
                    }
                }
            }
        }
    }

    fn directives(&mut self, directives: &DirectiveList) {
        for argument in directives.iter().flat_map(|directive| &directive.arguments) {
            self.value(&argument.value);
        }
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Variable(name) => drop(self.variables.insert(name.clone())),
            Value::List(values) => values.iter().for_each(|value| self.value(value)),
            Value::Object(members) => members.iter().for_each(|(_, value)| self.value(value)),
            _ => {}
        }
    }
}
