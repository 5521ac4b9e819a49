//! HTTP/1 with clients: the bytes of every head and of every chunked body are judged before the parser sees them.

mod chunked;
mod guard;
mod head;
mod redirect;
mod serve;
mod wire;

pub(crate) use self::redirect::redirect;
pub(crate) use self::serve::{Session, serve};

#[cfg(test)]
mod tests;
