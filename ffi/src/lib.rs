//! The C interface of Otoscope: `libotoscope.so`, `libotoscope.a` and `include/otoscope.h`.
//!
//! Nothing is measured here. Every function checks what C gave it, calls the crate `otoscope`, and turns the answer into
//! a status. The header is made from the files of this crate, in the order of its groups, and from the catalogue:
//! `cargo run -p otoscope-ffi --example header` writes it.
//!
//! - [`guard`] holds what can go wrong at the border: panics, pointers, sizes. All other files use its checks.
//! - Doc comments of `oto_*` items are the documentation that C programmers read in the header.
#![deny(unsafe_op_in_unsafe_fn)]
#![allow(non_camel_case_types, reason = "types have the names they have in C")]
#![allow(clippy::missing_safety_doc, reason = "the header says once what holds for every pointer")]
#![cfg_attr(test, allow(clippy::unwrap_used))]

#[macro_use]
mod guard;
mod batch;
mod catalogue;
mod compare;
mod config;
#[cfg(feature = "export")]
mod exporter;
mod library;
mod probe;
mod report;
mod status;
mod texts;
mod types;

#[cfg(test)]
mod tests;

pub use batch::*;
pub use catalogue::*;
pub use compare::*;
pub use config::*;
#[cfg(feature = "export")]
pub use exporter::*;
pub use library::*;
pub use probe::*;
pub use report::*;
pub use status::*;
pub use types::*;
