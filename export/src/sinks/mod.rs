//! The stores: one file and one feature each.

#[cfg(feature = "elasticsearch")]
pub mod elasticsearch;
#[cfg(feature = "kafka")]
pub mod kafka;
#[cfg(feature = "ndjson")]
pub mod ndjson;
#[cfg(feature = "otlp")]
pub mod otlp;
#[cfg(feature = "parquet")]
pub mod parquet;
#[cfg(feature = "prometheus")]
pub mod prometheus;
