//! The resources of an API platform, their validation, and their readers.

#![forbid(unsafe_code)]
