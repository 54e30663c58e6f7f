//! A model beside a stream: samples of any rate in, the score of the last seconds out. Each row is computed once.

use super::front::{HOP, RATE_HZ, ROWS_PER_S};
use super::{Estimator, Model, WeightsError};
use crate::dsp::polyphase::Resampler;
use crate::simd::Simd;
use bytemuck::{Pod, Zeroable};
use std::sync::Arc;

/// What a score is about: the last seconds.
pub(crate) const WINDOW_S: usize = 9;
const WINDOW_ROWS: usize = WINDOW_S * ROWS_PER_S;
/// With less speech in the window there is no score.
pub(crate) const LEAST_SPEECH_S: usize = 3;
/// A pause is heard for so many rows; what is longer is left out of the window, as it was left out of what the networks learnt from.
const PAUSE_ROWS: u32 = 50;
/// Rows of speech for which one peak is kept.
const PEAK_ROWS: u32 = 10;
const PEAKS: usize = WINDOW_ROWS / PEAK_ROWS as usize;
/// Rows of speech are counted by tenths of a second.
const TENTHS: usize = WINDOW_ROWS / 10;
/// Peaks are kept so far above themselves that the zero of fresh memory is below any of them: -200 dB.
const ABOVE: f32 = 200.0;
/// Samples at 16 kHz before a row's own time and after it that its frame may have, in whole hops.
const FRAME_HOPS: usize = 4;

/// What does not change: the model, the way to 16 kHz, and where everything lies in a stream's memory.
pub(crate) struct StreamPlan {
    estimator: Arc<Estimator>,
    resampler: Resampler<f32>,
    /// Samples of input that are kept, at most.
    input: usize,
    /// Rows of the pooling that are kept.
    ring_rows: usize,
}

/// The parts of a stream's memory.
struct Parts<'m> {
    input: &'m mut [f32],
    samples: &'m mut [f32],
    row: &'m mut [f32],
    ring: &'m mut [f32],
    network: &'m mut [f32],
    peaks: &'m mut [f32],
    speech: &'m mut [f32],
    scratch: (&'m mut [f64], &'m mut [f32]),
}

impl StreamPlan {
    pub(crate) fn new(model: Model, rate_hz: u32, longest_hop: usize) -> Result<Self, WeightsError> {
        let (estimator, resampler) = (model.estimator()?, Resampler::new(rate_hz, RATE_HZ));
        let ring_rows = WINDOW_ROWS / estimator.network.stride();
        let input = resampler.before() + resampler.reach(HOP) + longest_hop;
        Ok(Self { estimator, resampler, input, ring_rows })
    }

    fn lens(&self) -> [usize; 8] {
        let network = &self.estimator.network;
        [
            // First, where it is aligned for double precision.
            2 * self.resampler.scratch(),
            self.resampler.scratch().next_multiple_of(2),
            self.input.next_multiple_of(2),
            FRAME_HOPS * HOP,
            network.bands().next_multiple_of(2),
            self.ring_rows * network.kept(),
            PEAKS,
            TENTHS,
        ]
    }

    /// Words of memory of one stream.
    pub(crate) fn memory(&self) -> usize {
        self.lens().iter().sum::<usize>() + self.estimator.network.memory()
    }

    fn split<'m>(&self, memory: &'m mut [f32]) -> Parts<'m> {
        let [double, single, input, samples, row, ring, peaks, speech] = self.lens();
        let (double, rest) = memory.split_at_mut(double);
        let (single, rest) = rest.split_at_mut(single);
        let (input, rest) = rest.split_at_mut(input);
        let (samples, rest) = rest.split_at_mut(samples);
        let (row, rest) = rest.split_at_mut(row);
        let (ring, rest) = rest.split_at_mut(ring);
        let (peaks, rest) = rest.split_at_mut(peaks);
        let (speech, network) = rest.split_at_mut(speech);
        let scratch = self.resampler.scratch();
        Parts {
            input,
            samples,
            row,
            ring,
            network,
            peaks,
            speech,
            scratch: (bytemuck::cast_slice_mut(double), &mut single[..scratch]),
        }
    }
}

/// Where a stream is; zeros at its start. It lies in memory that a probe has only for metrics that are on.
#[derive(Debug, Clone, Copy, Pod, Zeroable)]
#[repr(C)]
pub(crate) struct Stream {
    /// Samples at 16 kHz so far.
    made: u64,
    /// Rows that the network was given, and how many were pooled.
    rows: u64,
    pooled: u64,
    /// Samples of the input buffer that are filled, behind the silence before the first.
    filled: u32,
    /// Rows since somebody spoke.
    pause: u32,
    /// Which peak is the newest, and how many rows of speech it is of.
    peak: u32,
    peak_rows: u32,
    /// Rows of speech in the window.
    spoken: u32,
    unused: u32,
}

impl Stream {
    /// Seconds that the network was given.
    pub(crate) fn heard_s(&self) -> f64 {
        self.rows as f64 / ROWS_PER_S as f64
    }

    /// Seconds of speech in the window.
    pub(crate) fn speech_s(&self) -> f64 {
        f64::from(self.spoken) / ROWS_PER_S as f64
    }

    /// Takes a hop. Gives true when the network has been given another whole second.
    pub(crate) fn push(
        &mut self,
        plan: &StreamPlan,
        simd: Simd,
        memory: &mut [f32],
        hop: &[f32],
        is_speech: bool,
    ) -> bool {
        let Parts { input, samples, row, ring, network, peaks, speech, scratch: (double, single) } = plan.split(memory);
        // Silence before the first sample: the memory is zeros.
        let mut filled = plan.resampler.before() + self.filled as usize;
        input[filled..filled + hop.len()].copy_from_slice(hop);
        filled += hop.len();
        let mut is_second = false;
        while filled >= plan.resampler.reach(HOP) {
            samples.copy_within(HOP.., 0);
            let newest = samples.len() - HOP;
            plan.resampler.block(simd, input, self.made, &mut samples[newest..], (&mut *double, &mut *single));
            let used = (plan.resampler.input_of(self.made + HOP as u64) - plan.resampler.input_of(self.made)) as usize;
            input.copy_within(used..filled, 0);
            filled -= used;
            self.made += HOP as u64;
            is_second |= self.row(plan, simd, (samples, row, ring, network), (peaks, speech), is_speech);
        }
        self.filled = (filled - plan.resampler.before()) as u32;
        is_second
    }

    fn row(
        &mut self,
        plan: &StreamPlan,
        simd: Simd,
        (samples, row, ring, network): (&[f32], &mut [f32], &mut [f32], &mut [f32]),
        (peaks, speech): (&mut [f32], &mut [f32]),
        is_speech: bool,
    ) -> bool {
        self.pause = if is_speech { 0 } else { self.pause.saturating_add(1) };
        if self.pause > PAUSE_ROWS || (self.rows == 0 && !is_speech) {
            return false;
        }
        let Estimator { front, network: net, .. } = &*plan.estimator;
        // The row before the newest hop: its frame reaches into that.
        let centre = samples.len() - 2 * HOP;
        let row = &mut row[..net.bands()];
        front.row(simd, &samples[centre - front.before()..][..front.frame()], row);
        if front.is_relative() {
            let here = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let slot = &mut peaks[self.peak as usize];
            *slot = slot.max(here + ABOVE);
            front.normalise(peaks.iter().copied().fold(0.0, f32::max) - ABOVE, row);
            self.peak_rows += u32::from(is_speech);
            if self.peak_rows == PEAK_ROWS {
                (self.peak, self.peak_rows) = ((self.peak + 1) % PEAKS as u32, 0);
                peaks[self.peak as usize] = 0.0;
            }
        }
        if let Some(row) = net.push(simd, network, row) {
            let at = (self.pooled % plan.ring_rows as u64) as usize * net.kept();
            net.reduce(row, &mut ring[at..][..net.kept()]);
            self.pooled += 1;
        }
        let tenth = &mut speech[(self.rows / 10 % TENTHS as u64) as usize];
        if self.rows.is_multiple_of(10) {
            self.spoken -= *tenth as u32;
            *tenth = 0.0;
        }
        *tenth += f32::from(u8::from(is_speech));
        self.spoken += u32::from(is_speech);
        self.rows += 1;
        self.rows.is_multiple_of(ROWS_PER_S as u64)
    }

    /// The first output of the network for the window, if there is enough speech in it.
    pub(crate) fn score(&self, plan: &StreamPlan, simd: Simd, memory: &mut [f32]) -> Option<f32> {
        if self.pooled == 0 || self.speech_s() < LEAST_SPEECH_S as f64 {
            return None;
        }
        let Parts { ring, network, .. } = plan.split(memory);
        let net = &plan.estimator.network;
        let rows = (self.pooled as usize).min(plan.ring_rows);
        let mut score = [0.0];
        // In the order of time, so that the same window has the same bits wherever the ring begins.
        let first = self.pooled as usize - rows;
        let kept = |n: usize| &ring[n % plan.ring_rows * net.kept()..][..net.kept()];
        net.judge(simd, network, (first..first + rows).map(kept), &mut score);
        score[0].is_finite().then_some(score[0])
    }
}
