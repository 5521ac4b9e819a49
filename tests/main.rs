//! End-to-end tests: each starts the real binary and speaks to it over TLS as a user would. One file a capability.

mod support;

mod dependencies;
mod policies;
mod quickstart;
mod routing;
mod subscriptions;
