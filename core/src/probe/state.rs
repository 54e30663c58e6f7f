//! What a probe remembers, and the probe as a loan of it: for hosts that keep the memory themselves.

#[cfg(doc)]
use super::Probe;
use super::{Plan, Push, Tables};
use crate::error::PushError;
use crate::features::{Event, Features, FrameView, Packet, with_spectrum};
use crate::finding::{Finding, Ledger};
use crate::frame::{Framer, Sample};
use crate::metrics::{End, KINDS, States};
use crate::report::Report;
use crate::text::TextHint;
use core::fmt;

/// Everything of a probe whose size does not depend on the rate: plain data without pointers, which may be moved byte by byte,
/// and needs no drop. Its other half is a block of [`Plan::block_len`] zeros. [`Probe`] owns both; [`ProbeMut`] borrows them.
// In the order in which a push touches it.
#[repr(C)]
pub struct ProbeState {
    finished: bool,
    pub(super) framer: Framer,
    pub(super) features: Features,
    pub(super) metrics: States,
    pub(super) ledger: Ledger<KINDS>,
}

const _: () = assert!(!core::mem::needs_drop::<ProbeState>(), "a state can be forgotten");

/// A probe in memory of somebody else's. It does all that a [`Probe`] does.
///
/// ```
/// use otoscope::{Config, ProbeMut, ProbeState, Push, StreamSpec};
///
/// let plan = Config::new(StreamSpec::mono(24_000)).freeze()?;
/// let (mut state, mut block) = (ProbeState::new(&plan), vec![0u64; plan.block_len()]);
/// ProbeMut::new(&plan, &mut state, &mut block).push_i16(&[0; 480], Push::CHUNK)?;
/// assert_eq!(ProbeMut::new(&plan, &mut state, &mut block).finish().samples, 480);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct ProbeMut<'a> {
    pub(super) plan: &'a Plan,
    pub(super) state: &'a mut ProbeState,
    /// The framer's samples, then the metrics' slab: `f32`s, aligned so that a slab may hold what is wider, too.
    pub(super) block: &'a mut [u64],
}

/// A probe in memory of somebody else's, to look at.
#[derive(Clone, Copy)]
pub struct ProbeRef<'a> {
    pub(super) plan: &'a Plan,
    pub(super) state: &'a ProbeState,
    pub(super) block: &'a [u64],
}

impl ProbeState {
    /// The state at the start of a stream. Does not allocate.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self {
            framer: Framer::new(plan.0.shape.rate),
            features: Features::new(),
            metrics: States::new(&plan.0.metrics),
            ledger: Ledger::new(),
            finished: false,
        }
    }
}

impl fmt::Debug for ProbeState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { framer, finished, .. } = self;
        f.debug_struct("Probe").field("samples", &framer.position()).field("finished", finished).finish_non_exhaustive()
    }
}

impl fmt::Debug for ProbeMut<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state.fmt(f)
    }
}

impl fmt::Debug for ProbeRef<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.state.fmt(f)
    }
}

impl<'a> ProbeMut<'a> {
    /// The probe whose memory this is. A new one is `ProbeState::new(plan)` and a block of zeros; one that was at work goes on,
    /// wherever its state and block have been moved to. The plan must be the same each time: with another one the values mean
    /// nothing.
    ///
    /// # Panics
    /// If the block is not [`Plan::block_len`] long.
    #[must_use]
    pub fn new(plan: &'a Plan, state: &'a mut ProbeState, block: &'a mut [u64]) -> Self {
        assert_eq!(block.len(), plan.block_len(), "a block of another plan");
        Self { plan, state, block }
    }

    /// As [`Probe::plan`].
    #[must_use]
    pub fn plan(&self) -> &'a Plan {
        self.plan
    }

    /// As [`Probe::samples`].
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.look().samples()
    }

    /// As [`Probe::push_i16`].
    ///
    /// # Errors
    /// As there.
    pub fn push_i16(&mut self, pcm: &[i16], push: Push) -> Result<(), PushError> {
        self.push(pcm, push)
    }

    /// As [`Probe::push_f32`].
    ///
    /// # Errors
    /// As there.
    pub fn push_f32(&mut self, pcm: &[f32], push: Push) -> Result<(), PushError> {
        self.push(pcm, push)
    }

    fn push<S: Sample>(&mut self, mut pcm: &[S], push: Push) -> Result<(), PushError> {
        self.look().prefetch_first();
        self.begin(pcm.len(), push)?;
        let channels = self.plan.0.shape.channels;
        let Self { plan, state, block } = self;
        let (samples, slab) = plan.0.split(block);
        while !pcm.is_empty() {
            let taken = state.framer.fill(plan.0.simd, plan.0.layout, samples, pcm);
            pcm = &pcm[taken * channels..];
            if state.framer.is_full() {
                state.hop(&plan.0, samples, slab, None, None);
            }
        }
        Ok(())
    }

    /// Checks a push and announces it; nothing after this can refuse it.
    pub(super) fn begin(&mut self, len: usize, push: Push) -> Result<(), PushError> {
        let channels = self.plan.0.shape.channels;
        if self.state.finished {
            return Err(PushError::Finished);
        }
        if !len.is_multiple_of(channels) {
            return Err(PushError::PartialFrame { len, channels });
        }
        self.announce((len / channels) as u64, push);
        Ok(())
    }

    /// Tells the metrics of the edge and the arrival, before the samples.
    fn announce(&mut self, samples: u64, push: Push) {
        let ProbeState { framer, metrics, ledger, .. } = &mut *self.state;
        let sample = framer.position();
        // The first samples of a stream begin a chunk whatever the caller says.
        if samples > 0 && (!push.same_chunk || ledger.chunks() == 0) {
            ledger.begin_chunk(sample);
            metrics.event(&self.plan.0.metrics, &Event::ChunkEdge { sample }, ledger);
        }
        if let Some(t_ns) = push.t_ns {
            ledger.set_time(Some(t_ns));
            metrics.event(&self.plan.0.metrics, &Event::Arrival { t_ns, sample, samples }, ledger);
        }
    }

    /// As [`Probe::packet`].
    ///
    /// # Errors
    /// As there.
    pub fn packet(&mut self, packet: Packet) -> Result<(), PushError> {
        let ProbeState { framer, features, metrics, ledger, finished } = &mut *self.state;
        if *finished {
            return Err(PushError::Finished);
        }
        if let Some(facts) = features.packet(&self.plan.0.features, &packet, framer.position()) {
            metrics.event(&self.plan.0.metrics, &Event::Packet(facts), ledger);
        }
        Ok(())
    }

    /// As [`Probe::expect_text`].
    ///
    /// # Errors
    /// As there.
    pub fn expect_text(&mut self, text: TextHint) -> Result<(), PushError> {
        let ProbeState { metrics, ledger, finished, .. } = &mut *self.state;
        if *finished {
            return Err(PushError::Finished);
        }
        metrics.event(&self.plan.0.metrics, &Event::Text(text), ledger);
        Ok(())
    }

    /// As [`Probe::poll_finding`].
    pub fn poll_finding(&mut self) -> Option<Finding> {
        self.state.ledger.pop()
    }

    /// As [`Probe::pending_findings`].
    pub fn pending_findings(&self) -> impl Iterator<Item = Finding> {
        self.state.ledger.pending()
    }

    /// As [`Probe::snapshot`].
    #[must_use]
    pub fn snapshot(&self) -> Report {
        self.look().snapshot()
    }

    /// As [`Probe::finish`].
    pub fn finish(&mut self) -> Report {
        if !self.state.finished {
            let Self { plan, state, block } = self;
            let (samples, slab) = plan.0.split(block);
            if state.framer.filled() > 0 {
                state.hop(&plan.0, samples, slab, None, None);
            }
            let signals = state.framer.signals(plan.0.layout, samples);
            let true_peak = state.features.finish(plan.0.simd, &plan.0.features, &signals);
            let samples = state.framer.position();
            let packets = state.features.finish_packets(samples);
            let true_peak = &true_peak[..plan.0.shape.channels];
            let end = End { samples, true_peak, packets, tail: signals.window() };
            state.metrics.finish(&plan.0.metrics, slab, &end, &mut state.ledger);
            state.finished = true;
        }
        self.snapshot()
    }

    /// As [`Probe::reset`].
    pub fn reset(&mut self) {
        *self.state = ProbeState::new(self.plan);
        self.block.fill(0);
    }

    pub(super) fn look(&self) -> ProbeRef<'_> {
        ProbeRef { plan: self.plan, state: self.state, block: self.block }
    }
}

impl<'a> ProbeRef<'a> {
    /// As [`ProbeMut::new`], to look at.
    ///
    /// # Panics
    /// If the block is not [`Plan::block_len`] long.
    #[must_use]
    pub fn new(plan: &'a Plan, state: &'a ProbeState, block: &'a [u64]) -> Self {
        assert_eq!(block.len(), plan.block_len(), "a block of another plan");
        Self { plan, state, block }
    }

    /// As [`Probe::samples`].
    #[must_use]
    pub fn samples(self) -> u64 {
        self.state.framer.position()
    }

    /// As [`Probe::pending_findings`].
    pub fn pending_findings(self) -> impl Iterator<Item = Finding> + 'a {
        self.state.ledger.pending()
    }

    /// As [`Probe::snapshot`].
    #[must_use]
    pub fn snapshot(self) -> Report {
        let (_, slab) = self.plan.0.peek(self.block);
        let outputs = self.state.metrics.outputs(&self.plan.0.metrics, slab);
        Report::new(self.plan, outputs, &self.state.ledger, self.samples(), self.state.finished)
    }
}

impl ProbeState {
    /// One hop is complete (or the stream ends with a shorter one): facts, then metrics. `k_energy` as a batch computed it.
    /// In a batch `next` is the probe whose turn is next.
    pub(super) fn hop(
        &mut self,
        plan: &Tables,
        samples: &mut [f32],
        slab: &mut [f32],
        k_energy: Option<f64>,
        next: Option<ProbeRef<'_>>,
    ) {
        let next = next.map(ProbeRef::upcoming);
        let Self { framer, features, metrics, ledger, .. } = self;
        let signals = framer.signals(plan.layout, samples);
        let (index, start) = (framer.index(), framer.start());
        let facts = features.compute(plan.simd, &plan.features, &signals, index, framer.gate(), k_energy);
        let mean_square = facts.mix.energy / signals.hop().len().max(1) as f64;
        with_spectrum(plan.simd, &plan.features, signals.window(), mean_square, index, |spectrum| {
            let bands = plan.features.bands(plan.simd, spectrum);
            let view = FrameView::new(plan.simd, signals, &facts, spectrum, bands.as_ref(), index, start);
            metrics.update(&plan.metrics, slab, &view, ledger, next);
        });
        framer.advance(plan.shape.rate, plan.layout, samples);
    }
}
