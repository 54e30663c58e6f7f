//! Sinks against real servers, which `make test-servers` fetches and starts. Each server has a module: it makes its children with
//! [`harness::pump`], lets [`harness::Storm`] run, and compares what its store has with what the storm returns.
//!
//! `OTOSCOPE_SERVER_KILLS` and `OTOSCOPE_CHILD_KILLS` say how often server and children are killed: 3 times.
#![cfg(unix)]

#[path = "common/kafka.rs"]
#[cfg(feature = "kafka")]
mod broker;
mod common;
#[path = "servers/files.rs"]
#[cfg(all(feature = "ndjson", feature = "parquet"))]
mod files;
#[path = "servers/harness.rs"]
mod harness;
#[path = "servers/kafka.rs"]
#[cfg(feature = "kafka")]
mod kafka;
#[path = "servers/prometheus.rs"]
#[cfg(all(feature = "prometheus", feature = "elasticsearch"))]
mod prometheus;
#[path = "servers/search.rs"]
#[cfg(feature = "elasticsearch")]
mod search;
