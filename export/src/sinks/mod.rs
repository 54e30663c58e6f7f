//! The stores: one file and one feature each.

#[cfg(feature = "ndjson")]
pub mod ndjson;
