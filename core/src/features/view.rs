//! What a metric sees of one hop.

use super::{Bands, Facts, PacketFacts, Pitch};
use crate::frame::Signals;
use crate::simd::{GateCounts, Simd, Statistics};
use crate::text::TextHint;

/// Something the caller said beside the samples, told to the metrics before the samples that follow it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Event {
    /// A chunk begins: the next sample is its first.
    ChunkEdge { sample: u64 },
    /// `samples` samples, the first of which is `sample`, arrived at `t_ns`; none of them means a tick of the clock.
    Arrival { t_ns: i64, sample: u64, samples: u64 },
    /// An RTP packet came, was discarded or is lost: what is known after it; needs `PACKETS`.
    Packet(PacketFacts),
    /// How much text the whole stream is to speak, as far as is known; the newest counts.
    Text(TextHint),
}

/// One hop: its samples and the facts computed from them. Lengths and positions are in samples per channel.
pub(crate) struct FrameView<'a> {
    pub(super) simd: Simd,
    pub(super) signals: Signals<'a>,
    pub(super) facts: &'a Facts,
    pub(super) spectrum: Option<&'a [f32]>,
    pub(super) bands: Option<&'a Bands>,
    pub(super) index: u64,
    pub(super) start: u64,
}

impl<'a> FrameView<'a> {
    pub(crate) fn new(
        simd: Simd,
        signals: Signals<'a>,
        facts: &'a Facts,
        spectrum: Option<&'a [f32]>,
        bands: Option<&'a Bands>,
        index: u64,
        start: u64,
    ) -> Self {
        Self { simd, signals, facts, spectrum, bands, index, start }
    }

    /// The number of the hop.
    #[allow(dead_code, reason = "part of what a metric may ask for; no metric of today counts hops by it")]
    pub(crate) fn index(&self) -> u64 {
        self.index
    }

    /// The first sample of the hop.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// One past its last sample.
    pub(crate) fn end(&self) -> u64 {
        self.start + self.len() as u64
    }

    /// How many samples it has.
    pub(crate) fn len(&self) -> usize {
        self.signals.hop().len()
    }

    /// The newest samples of the downmix: history, then the hop.
    pub(crate) fn window(&self) -> &'a [f32] {
        self.signals.window()
    }

    /// The hop with exactly `history` samples of the downmix before it. Unlike [`window`](Self::window), whose length depends on what
    /// other metrics need.
    pub(crate) fn recent(&self, history: usize) -> &'a [f32] {
        let window = self.window();
        &window[window.len() - self.len() - history..]
    }

    /// The hop of channel `c` with `history` samples (16 at most) before it.
    pub(crate) fn channel(&self, c: usize, history: usize) -> &'a [f32] {
        self.signals.channel(c, history)
    }

    /// Statistics of the downmix.
    pub(crate) fn mix(&self) -> &'a Statistics {
        &self.facts.mix
    }

    /// Statistics of each channel.
    pub(crate) fn channels(&self) -> &'a [Statistics] {
        &self.facts.channels[..self.signals.channels()]
    }

    /// K-weighted energy of each channel; needs `K_ENERGY`.
    pub(crate) fn k_energy(&self) -> &'a [f64] {
        &self.facts.k_energy[..self.signals.channels()]
    }

    /// The true peak of each channel since the stream began; needs `TRUE_PEAK`.
    pub(crate) fn true_peak(&self) -> &'a [f32] {
        &self.facts.true_peak[..self.signals.channels()]
    }

    /// Whether somebody speaks; needs `VOICE`.
    pub(crate) fn voice_is_active(&self) -> bool {
        self.facts.voice.is_active()
    }

    /// The pitch of the last 40 ms, on every fourth hop, zero where nobody speaks; needs `PITCH`.
    pub(crate) fn pitch(&self) -> Option<Pitch> {
        self.facts.pitch
    }

    /// What the gate kept out of this hop.
    pub(crate) fn gate(&self) -> GateCounts {
        self.facts.gate
    }

    /// The mean square of the downmix in each bin from 0 Hz to half the rate, on every second hop, 0 where
    /// all is below -80 dBFS; needs `SPECTRUM`.
    #[allow(dead_code, reason = "spectral metrics come next; CONTRIBUTING.md's example is one")]
    pub(crate) fn spectrum(&self) -> Option<&'a [f32]> {
        self.spectrum
    }

    /// The mean power of a bin in each of twenty bands, with every spectrum; needs `BANDS`.
    pub(crate) fn bands(&self) -> Option<&'a Bands> {
        self.bands
    }

    /// The kernels.
    pub(crate) fn simd(&self) -> Simd {
        self.simd
    }
}
