//! Who a caller is: facts about client certificates.

#![forbid(unsafe_code)]
