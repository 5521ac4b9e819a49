//! The developer portal and the admin console, on top of the management services.

#![forbid(unsafe_code)]
