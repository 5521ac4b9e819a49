//! The web application firewall: reads SecLang, compiles rules into a plan, and judges requests and responses. Pure: bytes in, verdict out.

#![forbid(unsafe_code)]
