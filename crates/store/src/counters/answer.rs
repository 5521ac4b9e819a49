//! An answer that is there, or will come.

use std::fmt;
use std::pin::Pin;

/// An answer that a local counter gives at once and a remote one later.
pub enum Answer<T> {
    /// It is there.
    Ready(T),
    /// It comes over the network.
    Later(Pin<Box<dyn Future<Output = T> + Send>>),
}

impl<T> Answer<T> {
    /// Waits for it.
    pub async fn wait(self) -> T {
        match self {
            Self::Ready(answer) => answer,
            Self::Later(answer) => answer.await,
        }
    }

    /// The answer if it is there.
    pub fn ready(self) -> Option<T> {
        match self {
            Self::Ready(answer) => Some(answer),
            Self::Later(_) => None,
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Answer<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready(answer) => f.debug_tuple("Ready").field(answer).finish(),
            Self::Later(_) => f.write_str("Later(…)"),
        }
    }
}
