//! What the benchmarks share: the cases, the signals, who listens to them, and how figures are made.
//!
//! A figure without its set of metrics, rate, push size and format is a rumour, so a [`Case`] carries all of them and
//! its name says all of them. `README.md` beside this crate has the commands.
#![forbid(unsafe_code)]

mod case;
mod crowd;
mod figures;
mod listen;
mod signal;

pub use case::{Case, Edges, Format, Listener, Peer, Set, UnknownCase, core_cases, single_cases, worst_cases};
pub use crowd::Crowd;
pub use figures::{Pushes, clock_ghz, median, ns_per_sample, percentile, streams_per_core};
pub use listen::{Answer, Ear};
pub use signal::{Pcm, Signal};
