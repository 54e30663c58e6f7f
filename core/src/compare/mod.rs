//! Full-reference scores: a degraded, coded or delivered signal against the signal as it should be.

pub mod p862;
mod reason;

pub use reason::{Reason, Side};
