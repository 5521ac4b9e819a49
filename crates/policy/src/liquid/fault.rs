//! What is wrong with a template, and where.

/// What is wrong with a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The byte offset in the text.
    pub(crate) offset: usize,
    /// What is wrong.
    pub(crate) message: String,
    /// What would be right.
    pub(crate) fix: Option<String>,
    /// Whether the template runs all the same.
    pub(crate) is_warning: bool,
}

/// An error at an offset.
pub(super) fn fault(offset: usize, message: impl Into<String>) -> Fault {
    Fault { offset, message: message.into(), fix: None, is_warning: false }
}

impl Fault {
    /// Adds what would be right.
    pub(super) fn fix(mut self, fix: impl Into<String>) -> Self {
        self.fix = Some(fix.into());
        self
    }
}

/// A tag without its end.
pub(super) fn unended(name: &str, offset: usize) -> Fault {
    fault(offset, format!("`{{% {name} %}}` does not end")).fix(format!("add `{{% end{name} %}}`"))
}
