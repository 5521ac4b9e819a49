//! HTTP/2 with clients: floods are cut by counting frames, and requests are held to the same rules as those of
//! HTTP/1.

mod budget;
mod frames;
mod guard;
mod request;
mod serve;
mod stream;

pub(crate) use self::serve::{End, serve};
