//! End-to-end tests: each starts the real binary and speaks to it over TLS as a user would. One file a capability.

// A test says what it means by failing: no documentation, errors or bounds are owed here.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::assigning_clones,
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::missing_panics_doc,
    clippy::needless_pass_by_value,
    clippy::unwrap_used
)]

mod support;

mod artifacts;
mod authorizations;
mod backends;
mod bad_input;
mod bench;
mod command_line;
mod connections;
mod content;
mod definitions;
mod dependencies;
mod developer_tools;
mod framing;
mod graphql;
mod grpc;
mod http2;
mod identities;
mod log_sinks;
mod metrics;
mod mutual_tls;
mod outgoing;
mod policies;
mod predefined_errors;
mod quickstart;
mod reload;
mod responses;
mod routing;
mod secrets;
mod seen;
mod soap;
mod streaming;
mod subscriptions;
mod tls;
mod tokens;
mod validation;
mod validation_judged;
mod waf;
mod waf_definitions;
mod websocket;
