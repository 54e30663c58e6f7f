//! Tests of every kernel at every level.
