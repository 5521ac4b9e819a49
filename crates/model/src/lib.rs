//! The resources of an API platform, their validation, and their readers: `gatehouse.yaml`, the `APIOps` folder
//! and the importers of API definitions. Pure: files in, values and diagnostics out.

#![forbid(unsafe_code)]

pub mod apiops;
pub mod configuration;
pub mod definition;
mod diagnostic;
pub mod import;
pub mod resources;
pub mod tree;

pub use self::diagnostic::{Diagnostic, Diagnostics, Located, Location, Severity, did_you_mean};
