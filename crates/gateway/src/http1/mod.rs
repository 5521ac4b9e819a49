//! HTTP/1 with clients: the bytes of every head and of every chunked body are judged before the parser sees them.

mod chunked;
mod guard;
mod head;
mod probe;
mod redirect;
mod serve;
mod wire;

pub use self::probe::judge_head;
pub(crate) use self::redirect::redirect;
pub(crate) use self::serve::{Session, serve};

#[cfg(test)]
mod tests;
