//! The framer: re-blocks whatever chunks arrive into hops of 10 ms, so that results depend on samples, declared chunk
//! edges and arrival times, never on how the calls were cut. It also keeps NaN and infinity out.

use crate::probe::MAX_CHANNELS;
use crate::simd::{GateCounts, Simd, TAPS};
use crate::units::SampleRate;

/// Samples before the hop that every channel keeps: what the true-peak interpolator looks back at.
pub(crate) const CHANNEL_HISTORY: usize = 16;
const _: () = assert!(CHANNEL_HISTORY >= TAPS - 1);

/// The low-frequency effects channel, which no detector listens to: the fourth of six or more, in WAV order.
pub(crate) const fn lfe(channels: usize) -> Option<usize> {
    if channels >= 6 { Some(3) } else { None }
}

/// Where each signal lies in the probe's block: first the downmix, then (unless mono, where they are the same) each
/// channel; each as history followed by the longest hop.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Layout {
    pub channels: usize,
    /// Samples of the downmix kept before the hop.
    pub history: usize,
    longest_hop: usize,
}

impl Layout {
    pub(crate) fn new(rate: SampleRate, channels: usize, history: usize) -> Self {
        Self { channels, history: history.max(CHANNEL_HISTORY), longest_hop: rate.longest_hop() }
    }

    /// The size of the block in samples, an even number.
    pub(crate) fn len(self) -> usize {
        let channels = if self.channels == 1 { 0 } else { self.channels };
        (self.history + self.longest_hop + channels * (CHANNEL_HISTORY + self.longest_hop)).next_multiple_of(2)
    }

    /// Where channel `c` begins, and how much history it has.
    fn channel(self, c: usize) -> (usize, usize) {
        if self.channels == 1 {
            (0, self.history)
        } else {
            (self.history + self.longest_hop + c * (CHANNEL_HISTORY + self.longest_hop), CHANNEL_HISTORY)
        }
    }
}

/// The samples of one complete hop, before any feature is computed.
#[derive(Clone, Copy)]
pub(crate) struct Signals<'a> {
    block: &'a [f32],
    layout: Layout,
    hop_len: usize,
}

impl<'a> Signals<'a> {
    pub(crate) fn channels(&self) -> usize {
        self.layout.channels
    }

    /// Samples never seen before, of the downmix.
    pub(crate) fn hop(&self) -> &'a [f32] {
        &self.block[self.layout.history..self.layout.history + self.hop_len]
    }

    /// The newest samples of the downmix, history included.
    pub(crate) fn window(&self) -> &'a [f32] {
        &self.block[..self.layout.history + self.hop_len]
    }

    /// The hop of one channel with `history` samples before it, at most [`CHANNEL_HISTORY`].
    pub(crate) fn channel(&self, c: usize, history: usize) -> &'a [f32] {
        let (start, kept) = self.layout.channel(c);
        &self.block[start + kept - history..start + kept + self.hop_len]
    }
}

/// A sample type a probe takes.
pub(crate) trait Sample: Copy {
    /// Converts to full scale 1.0 and counts what is no audio.
    fn convert(simd: Simd, pcm: &[Self], out: &mut [f32]) -> GateCounts;
}

impl Sample for i16 {
    fn convert(simd: Simd, pcm: &[Self], out: &mut [f32]) -> GateCounts {
        simd.i16_to_f32(pcm, out);
        GateCounts::default()
    }
}

impl Sample for f32 {
    fn convert(simd: Simd, pcm: &[Self], out: &mut [f32]) -> GateCounts {
        simd.gate(pcm, out)
    }
}

/// Position and fill of the hop in progress. Plain data; the samples are in the probe's block.
#[derive(Debug, Clone)]
pub(crate) struct Framer {
    index: u64,
    start: u64,
    hop_len: usize,
    filled: usize,
    gate: GateCounts,
}

/// Samples per channel converted at a time when they must be taken apart.
const PIECE: usize = 64;

impl Framer {
    pub(crate) fn new(rate: SampleRate) -> Self {
        Self { index: 0, start: 0, hop_len: rate.hop_start(1) as usize, filled: 0, gate: GateCounts::default() }
    }

    /// Samples per channel taken so far.
    pub(crate) fn position(&self) -> u64 {
        self.start + self.filled as u64
    }

    /// The number of the hop in progress.
    pub(crate) fn index(&self) -> u64 {
        self.index
    }

    /// The first sample of the hop in progress.
    pub(crate) fn start(&self) -> u64 {
        self.start
    }

    /// What the gate met in this hop; positions count from its first sample.
    pub(crate) fn gate(&self) -> GateCounts {
        self.gate
    }

    /// Takes as much of `pcm` (interleaved) as the hop can hold; returns the samples per channel taken.
    pub(crate) fn fill<S: Sample>(&mut self, simd: Simd, layout: Layout, block: &mut [f32], pcm: &[S]) -> usize {
        let channels = layout.channels;
        let take = (self.hop_len - self.filled).min(pcm.len() / channels);
        if channels == 1 {
            let at = layout.history + self.filled;
            let counts = S::convert(simd, &pcm[..take], &mut block[at..at + take]);
            self.count(counts, self.filled, 1);
        } else {
            let mut piece = [0.0f32; PIECE * MAX_CHANNELS];
            for (k, interleaved) in pcm[..take * channels].chunks(PIECE * channels).enumerate() {
                let flat = &mut piece[..interleaved.len()];
                let counts = S::convert(simd, interleaved, flat);
                let offset = self.filled + k * PIECE;
                self.count(counts, offset, channels);
                for c in 0..channels {
                    let (start, history) = layout.channel(c);
                    let out = &mut block[start + history + offset..];
                    for (o, frame) in out.iter_mut().zip(flat.chunks_exact(channels)) {
                        *o = frame[c];
                    }
                }
            }
        }
        self.filled += take;
        take
    }

    fn count(&mut self, new: GateCounts, offset: usize, channels: usize) {
        let g = &mut self.gate;
        g.nan += new.nan;
        g.infinite += new.infinite;
        g.absurd += new.absurd;
        g.denormal += new.denormal;
        let place = |i: u32| offset as u32 + i / channels as u32;
        g.first_bad = g.first_bad.or(new.first_bad.map(place));
        g.last_bad = new.last_bad.map(place).or(g.last_bad);
    }

    pub(crate) fn is_full(&self) -> bool {
        self.filled == self.hop_len
    }

    /// Makes the downmix and hands out the hop, complete or (at the end of a stream) shorter.
    pub(crate) fn signals<'a>(&self, layout: Layout, block: &'a mut [f32]) -> Signals<'a> {
        if layout.channels > 1 {
            let (mix, rest) = block.split_at_mut(layout.history + layout.longest_hop);
            let mix = &mut mix[layout.history..layout.history + self.filled];
            mix.fill(0.0);
            let heard = |c: &usize| Some(*c) != lfe(layout.channels);
            for c in (0..layout.channels).filter(heard) {
                let start = c * (CHANNEL_HISTORY + layout.longest_hop) + CHANNEL_HISTORY;
                for (m, &v) in mix.iter_mut().zip(&rest[start..]) {
                    *m += v;
                }
            }
            let scale = 1.0 / (0..layout.channels).filter(heard).count() as f32;
            for m in mix {
                *m *= scale;
            }
        }
        Signals { block, layout, hop_len: self.filled }
    }

    /// Keeps the history and begins the next hop.
    pub(crate) fn advance(&mut self, rate: SampleRate, layout: Layout, block: &mut [f32]) {
        let len = self.filled;
        block.copy_within(len..len + layout.history, 0);
        if layout.channels > 1 {
            for c in 0..layout.channels {
                let (start, history) = layout.channel(c);
                block.copy_within(start + len..start + len + history, start);
            }
        }
        self.index += 1;
        self.start += len as u64;
        self.hop_len = (rate.hop_start(self.index + 1) - self.start) as usize;
        self.filled = 0;
        self.gate = GateCounts::default();
    }

    /// The hop in progress of a mono stream.
    pub(crate) fn hop<'a>(&self, layout: Layout, block: &'a [f32]) -> &'a [f32] {
        &block[layout.history..layout.history + self.filled]
    }

    pub(crate) fn filled(&self) -> usize {
        self.filled
    }
}
