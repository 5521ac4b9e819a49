//! Processors of bodies: bytes into named values. They keep every byte as it is and never go deeper than their bounds.

pub(crate) mod cookies;
pub(crate) mod decode;
pub(crate) mod json;
pub(crate) mod multipart;
pub(crate) mod urlencoded;
pub(crate) mod xml;

use crate::definition::Step;

/// Why a body could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    #[error("{0}")]
    Malformed(String),
    #[error("the body has more than {0} arguments")]
    TooManyArguments(usize),
    #[error("the body nests more than {0} deep")]
    TooDeep(usize),
    #[error("the decoded body has more than {0} bytes")]
    TooLarge(usize),
}

/// Takes the named values of a body. It answers whether it takes more.
pub(crate) trait Arguments {
    fn add(&mut self, name: &[u8], value: &[u8]) -> Result<(), BodyError>;

    /// The same for a value inside JSON, with the way to it.
    fn add_leaf(
        &mut self,
        name: &[u8],
        path: &mut dyn Iterator<Item = Step<'_>>,
        value: &[u8],
    ) -> Result<(), BodyError> {
        let _ = path;
        self.add(name, value)
    }
}
