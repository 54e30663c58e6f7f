//! The probe: listens to one stream.
//!
//! [`Config`] → [`Plan`] → [`Probe`]. A config says what to measure; freezing it checks everything and makes the tables; the
//! plan is shared by any number of probes and threads. From then on nothing allocates, locks, panics or fails.

mod batch;
mod config;
mod state;

pub use batch::{Job, push_many};
pub(crate) use config::nearest;
pub use config::{Config, Enabled, Setting};
pub use state::{ProbeMut, ProbeRef, ProbeState};

use crate::error::{ConfigError, PushError};
use crate::features::{FeaturePlan, Packet};
use crate::finding::Finding;
use crate::frame::Layout;
use crate::metrics::{Plans, StreamShape};
use crate::report::Report;
use crate::simd::{Level, Simd};
use crate::text::TextHint;
use crate::verdict::Caps;
use core::fmt;
use std::sync::Arc;

/// The most channels a stream may have.
pub const MAX_CHANNELS: usize = 8;

/// What a stream is: known before its first sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StreamSpec {
    /// 8,000 to 192,000.
    pub sample_rate_hz: u32,
    /// 1 to 8, interleaved, in WAV order.
    pub channels: u32,
}

impl StreamSpec {
    /// A stream of one channel.
    #[must_use]
    pub const fn mono(sample_rate_hz: u32) -> Self {
        Self { sample_rate_hz, channels: 1 }
    }
}

/// What the caller knows of one push beside its samples.
///
/// Without more, a push is one chunk of the engine: its start is an edge that the join detector looks at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Push {
    /// When it arrived, on any monotonic clock.
    pub t_ns: Option<i64>,
    /// Whether it continues the chunk of the push before it, so that its start is no edge.
    pub same_chunk: bool,
}

impl Push {
    /// A chunk of which no arrival time is known.
    pub const CHUNK: Self = Self { t_ns: None, same_chunk: false };
    /// More of the chunk before, without a time: what files are read in.
    pub const MORE: Self = Self { t_ns: None, same_chunk: true };

    /// A chunk that arrived at `t_ns` nanoseconds.
    #[must_use]
    pub const fn at(t_ns: i64) -> Self {
        Self { t_ns: Some(t_ns), same_chunk: false }
    }

    /// The same, but it continues the chunk of the push before it.
    #[must_use]
    pub const fn same_chunk(self) -> Self {
        Self { same_chunk: true, ..self }
    }
}

/// A frozen config: every table and everything that could be wrong with it. Cheap to clone; shared by any number of probes
/// and threads.
#[derive(Clone)]
pub struct Plan(Arc<Tables>);

struct Tables {
    config: Config,
    shape: StreamShape,
    simd: Simd,
    layout: Layout,
    features: FeaturePlan,
    metrics: Plans,
    caps: Caps,
}

impl Tables {
    /// The length of a probe's block.
    fn block_len(&self) -> usize {
        (self.layout.len() + self.metrics.slab()).div_ceil(2)
    }

    /// A probe's block as the framer's samples and the metrics' slab.
    fn split<'a>(&self, block: &'a mut [u64]) -> (&'a mut [f32], &'a mut [f32]) {
        bytemuck::cast_slice_mut(block).split_at_mut(self.layout.len())
    }

    /// The same, to look at.
    fn peek<'a>(&self, block: &'a [u64]) -> (&'a [f32], &'a [f32]) {
        bytemuck::cast_slice(block).split_at(self.layout.len())
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plan").field("config", &self.0.config).field("simd", &self.simd()).finish_non_exhaustive()
    }
}

impl Plan {
    /// What [`Config::freeze`] does.
    fn new(config: Config) -> Result<Self, ConfigError> {
        let shape = config.check()?;
        let simd = Simd::choose(config.simd);
        let metrics = Plans::new(&config.metrics, config.enabled(), &shape)?;
        let features = FeaturePlan::new(metrics.needs(), shape.rate);
        let layout = Layout::new(shape.rate, shape.channels, features.history(shape.rate));
        let caps = Caps::of(&config);
        Ok(Self(Arc::new(Tables { config, shape, simd, layout, features, metrics, caps })))
    }

    /// The config it was frozen from.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.0.config
    }

    /// The stream it is for.
    #[must_use]
    pub fn stream(&self) -> StreamSpec {
        self.0.config.stream()
    }

    /// The instruction set its kernels use.
    #[must_use]
    pub fn simd(&self) -> Level {
        self.0.simd.level()
    }

    /// What a predicted score is capped by.
    pub(crate) fn caps(&self) -> Caps {
        self.0.caps
    }

    /// What one probe of this plan keeps in memory, in bytes, however long the stream.
    #[must_use]
    pub fn state_bytes(&self) -> usize {
        size_of::<Probe>() + size_of::<ProbeState>() + self.block_len() * size_of::<u64>()
    }

    /// The length of the block that a [`ProbeMut`] of this plan works in.
    #[must_use]
    pub fn block_len(&self) -> usize {
        self.0.block_len()
    }
}

/// Listens to one stream. One thread at a time; it may move between threads. Different probes are independent.
///
/// ```
/// use otoscope::{Config, Probe, Push, StreamSpec};
///
/// let plan = Config::new(StreamSpec::mono(24_000)).freeze()?;
/// let mut probe = Probe::new(&plan);
/// for chunk in vec![0i16; 24_000].chunks(2_400) {
///     probe.push_i16(chunk, Push::CHUNK)?;
/// }
/// let report = probe.finish();
/// assert_eq!(report.outputs.validity.unwrap().samples.number(), Some(24_000.0));
/// let mut log = otoscope::FindingLog::new();
/// log.drain(&mut probe);
/// let kinds: Vec<_> = log.into_sorted().iter().map(otoscope::kind_name).collect();
/// assert_eq!(kinds, ["lead", "silent"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Probe {
    plan: Plan,
    state: Box<ProbeState>,
    block: Box<[u64]>,
}

impl fmt::Debug for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Probe").field("stream", &self.plan.stream()).field("state", &self.state).finish_non_exhaustive()
    }
}

impl Probe {
    /// A probe at the start of a stream. This is the last call that allocates.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        let block = vec![0; plan.block_len()].into_boxed_slice();
        Self { plan: plan.clone(), state: Box::new(ProbeState::new(plan)), block }
    }

    /// The plan it listens by.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Samples per channel pushed so far.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.look().samples()
    }

    /// Takes 16-bit samples, interleaved; any number of them. Full scale is 32768.
    ///
    /// # Errors
    /// After [`finish`](Self::finish), or if the slice is not a whole number of samples for each channel. Nothing the
    /// samples contain is an error.
    pub fn push_i16(&mut self, pcm: &[i16], push: Push) -> Result<(), PushError> {
        self.view().push_i16(pcm, push)
    }

    /// Takes floating-point samples, interleaved; any number of them. Full scale is 1.0. What lies beyond is legal; NaN and
    /// infinity are counted, reported and replaced by 0.
    ///
    /// # Errors
    /// As [`push_i16`](Self::push_i16).
    pub fn push_f32(&mut self, pcm: &[f32], push: Push) -> Result<(), PushError> {
        self.view().push_f32(pcm, push)
    }

    /// Takes what the caller's receiver knows of one RTP packet; tell it before the samples the packet brought. Nothing a
    /// packet says is an error.
    ///
    /// # Errors
    /// After [`finish`](Self::finish).
    pub fn packet(&mut self, packet: Packet) -> Result<(), PushError> {
        self.view().packet(packet)
    }

    /// Says how much text the stream is to speak: before its first sample, or as the text grows. Each call gives the whole
    /// length so far; the newest counts. Without it `length` is not computed.
    ///
    /// # Errors
    /// After [`finish`](Self::finish).
    pub fn expect_text(&mut self, text: TextHint) -> Result<(), PushError> {
        self.view().expect_text(text)
    }

    /// Takes the oldest finding that waits. The probe keeps 32; what comes while it is full is counted and dropped.
    pub fn poll_finding(&mut self) -> Option<Finding> {
        self.view().poll_finding()
    }

    /// The findings that wait, oldest first, without taking them.
    pub fn pending_findings(&self) -> impl Iterator<Item = Finding> {
        self.look().pending_findings()
    }

    /// The values so far. The hop in progress (less than 10 ms) is not in them. Does not disturb the stream.
    #[must_use]
    pub fn snapshot(&self) -> Report {
        self.look().snapshot()
    }

    /// Ends the stream: hands over the last, shorter hop, closes what is open, and gives the final values. A second call
    /// gives the same report.
    pub fn finish(&mut self) -> Report {
        self.view().finish()
    }

    /// Makes the probe as new, without allocating.
    pub fn reset(&mut self) {
        self.view().reset();
    }

    fn view(&mut self) -> ProbeMut<'_> {
        ProbeMut::from(self)
    }

    fn look(&self) -> ProbeRef<'_> {
        ProbeRef::from(self)
    }
}

impl<'a> From<&'a mut Probe> for ProbeMut<'a> {
    fn from(probe: &'a mut Probe) -> Self {
        Self { plan: &probe.plan, state: &mut probe.state, block: &mut probe.block }
    }
}

impl<'a> From<&'a Probe> for ProbeRef<'a> {
    fn from(probe: &'a Probe) -> Self {
        Self { plan: &probe.plan, state: &probe.state, block: &probe.block }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probes_plans_and_reports_may_move_between_threads() {
        const fn assert_send<T: Send>() {}
        const fn assert_sync<T: Sync>() {}
        assert_send::<Probe>();
        assert_send::<Report>();
        assert_send::<Plan>();
        assert_sync::<Plan>();
    }
}
