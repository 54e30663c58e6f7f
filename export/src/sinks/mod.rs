//! The stores: one file and one feature each.

#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(feature = "ndjson")]
pub mod ndjson;
