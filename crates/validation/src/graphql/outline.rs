//! How deep and how wide a request is, each fragment looked at once however often it is spread.

use std::collections::{BTreeMap, HashMap};

use apollo_compiler::executable::{ExecutableDocument, Selection, SelectionSet};

use super::Field;

/// What a request asks for.
#[derive(Debug, Default)]
pub(super) struct Outline {
    pub(super) depth: u64,
    pub(super) fields: u64,
    pub(super) aliases: u64,
    pub(super) seen: BTreeMap<Field, (usize, usize)>,
}

/// How deep and how wide a selection is with its fragments written out.
#[derive(Clone, Copy, Debug, Default)]
struct Size {
    depth: u64,
    fields: u64,
    aliases: u64,
}

/// Of all operations of a valid request, which has no fragments that spread themselves.
pub(super) fn of(document: &ExecutableDocument) -> Outline {
    let mut walk = Walk { document, sizes: HashMap::new(), seen: BTreeMap::new(), level: 0 };
    let mut outline = Outline::default();
    for operation in document.operations.iter() {
        let size = walk.selections(&operation.selection_set);
        outline.depth = outline.depth.max(size.depth);
        outline.fields = outline.fields.max(size.fields);
        outline.aliases = outline.aliases.max(size.aliases);
    }
    outline.seen = walk.seen;
    outline
}

struct Walk<'d> {
    document: &'d ExecutableDocument,
    sizes: HashMap<&'d str, Size>,
    seen: BTreeMap<Field, (usize, usize)>,
    /// How many selections are around, those of fragments included.
    level: usize,
}

/// How many selections may be within one another, fragments that spread fragments included.
const MAX_LEVEL: usize = 400;

impl<'d> Walk<'d> {
    fn selections(&mut self, set: &'d SelectionSet) -> Size {
        let mut all = Size::default();
        if self.level >= MAX_LEVEL {
            return Size { depth: u64::from(u32::MAX), ..all };
        }
        self.level += 1;
        for selection in &set.selections {
            let one = match selection {
                Selection::Field(field) => {
                    let key = Field { parent: set.ty.to_string(), name: field.name.to_string() };
                    if !self.seen.contains_key(&key) {
                        let range = field.line_column_range(&self.document.sources);
                        let place = range.map_or((1, 1), |range| (range.start.line, range.start.column));
                        self.seen.insert(key, place);
                    }
                    let below = self.selections(&field.selection_set);
                    Size {
                        depth: below.depth + 1,
                        fields: below.fields.saturating_add(1),
                        aliases: below.aliases.saturating_add(u64::from(field.alias.is_some())),
                    }
                }
                Selection::InlineFragment(fragment) => self.selections(&fragment.selection_set),
                Selection::FragmentSpread(spread) => match self.sizes.get(spread.fragment_name.as_str()) {
                    Some(known) => *known,
                    None => {
                        let fragment = self.document.fragments.get(&spread.fragment_name);
                        let size = fragment
                            .map(|fragment| self.selections(&fragment.selection_set))
                            .unwrap_or_default();
                        self.sizes.insert(spread.fragment_name.as_str(), size);
                        size
                    }
                },
            };
            all.depth = all.depth.max(one.depth);
            all.fields = all.fields.saturating_add(one.fields);
            all.aliases = all.aliases.saturating_add(one.aliases);
        }
        self.level -= 1;
        all
    }
}
