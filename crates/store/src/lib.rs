//! What must outlive the process, behind one trait.

#![forbid(unsafe_code)]
