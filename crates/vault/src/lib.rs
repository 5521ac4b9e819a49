//! Secret providers behind one trait.

#![forbid(unsafe_code)]
