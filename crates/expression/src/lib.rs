//! Policy expressions: the C# subset of Azure API Management.

#![forbid(unsafe_code)]
