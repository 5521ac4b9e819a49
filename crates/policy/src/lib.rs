//! Azure API Management policy documents, compiled into plans that run over an exchange.

#![forbid(unsafe_code)]
