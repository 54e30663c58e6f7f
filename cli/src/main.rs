//! The otoscope command line.
fn main() {}
