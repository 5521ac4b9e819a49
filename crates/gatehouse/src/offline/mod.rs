//! Requests without sockets: the pipeline that `serve` runs, over a world of which every part is given. `test` and
//! `trace` send their requests through it.

mod answer;
mod gateway;
mod identity;
mod shapes;
mod template;
mod token;
mod world;

pub(crate) use self::answer::{Answer, Answers, Stub};
pub(crate) use self::gateway::{Finished, OfflineGateway, Sources, TestKeys, default_configuration};
pub(crate) use self::shapes::{Any, Content, HeaderList, Scalar, instant};
pub(crate) use self::template::Templates;
pub(crate) use self::token::issuer_document;
pub(crate) use self::world::{OfflineWorld, Sent, Settings};
