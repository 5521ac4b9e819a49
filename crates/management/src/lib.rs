//! The management API in the shape of Azure Resource Manager, with roles and an audit log.

#![forbid(unsafe_code)]
