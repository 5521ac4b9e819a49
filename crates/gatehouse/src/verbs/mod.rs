//! One file a verb.

pub(crate) mod authorization;
pub(crate) mod bench;
pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod coverage;
pub(crate) mod import;
pub(crate) mod init;
pub(crate) mod serve;
pub(crate) mod subscription;
pub(crate) mod test;
pub(crate) mod trace;
pub(crate) mod unavailable;
pub(crate) mod version;
pub(crate) mod waf;
