//! The stores: one file and one feature each.

#[cfg(feature = "ndjson")]
pub mod ndjson;
#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(feature = "prometheus")]
pub mod prometheus;
