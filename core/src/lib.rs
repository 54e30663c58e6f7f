//! Otoscope listens to the PCM streams of text-to-speech servers and says what is wrong, where and how bad.
//!
//! PCM goes in, a report comes out. No files, no clocks, no threads: decoding, export and the command line are crates of
//! their own.
//!
//! - [`Config`] says what to measure on which kind of stream, [`Config::freeze`] turns it into a [`Plan`].
//! - A [`Probe`] of that plan listens to one stream: push chunks, poll [`Finding`]s, take a [`Report`].
//! - [`SPECS`] lists every metric with its parameters, fields and findings.
#![deny(unsafe_code)]

#[macro_use]
pub mod spec;

pub mod compare;
mod dsp;
mod error;
mod features;
mod finding;
mod frame;
mod listen;
pub mod metrics;
pub mod mos;
mod probe;
pub mod report;
#[allow(unsafe_code, reason = "calls of functions compiled for an instruction set the machine was asked for")]
mod simd;
pub mod stats;
mod text;
mod units;
pub mod verdict;

pub use error::{ConfigError, PushError};
pub use features::{Packet, PacketFate};
pub use finding::{Finding, Severity, State};
pub use listen::{Beside, ChunkStart, Listener, Pcm, Replay};
pub use metrics::SPECS;
pub use probe::{
    Config, Enabled, Job, MAX_CHANNELS, Plan, Probe, ProbeMut, ProbeRef, ProbeState, Push, Setting, StreamSpec,
    push_many,
};
pub use report::{FindingLog, Report, StreamMeta, kind_name, message, specs_of};
pub use simd::Level;
pub use text::{Script, TextHint};
pub use units::SampleRate;

/// The version of the library.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
