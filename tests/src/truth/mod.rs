//! The truth table: how often each fault is found, and how often clean speech raises a finding.

pub mod answers;
pub mod corpus;
pub mod hear;
pub mod hum;
pub mod matching;
pub mod page;
pub mod peer;
pub mod statistics;
pub mod summary;
