//! Delays: coarse from the activity (step 1.9), fine from the waveform (step 1.10).

use super::Scratch;
use super::tables::Constants;
use super::transform::{Transforms, room};
use crate::simd::{LANES, Simd, Turns, as_numbers};
use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

/// What the alignment knows of one signal.
#[derive(Default)]
pub(super) struct Heard {
    /// Samples with both margins, without the padding.
    pub nominal: usize,
    /// The signal behind the alignment filter, with margins and padding.
    pub signal: Vec<f32>,
    /// Of each window of the detector.
    pub energy: Vec<f32>,
    pub log: Vec<f32>,
}

/// What finds delays: both signals, and where the work is done.
pub(super) struct Aligner<'a> {
    pub c: &'a Constants,
    pub transforms: &'a Transforms,
    pub simd: Simd,
    pub tools: &'a Tools,
    /// The window over each stretch that is aligned.
    pub hann: &'a [f32],
    pub reference: &'a Heard,
    pub degraded: &'a Heard,
}

/// The longest correlation of two stretches.
const MOST_LAGS: usize = 1024;

/// The plans of the transforms of a stretch.
pub(super) struct Tools {
    forward: Arc<dyn Fft<f32>>,
    inverse: Arc<dyn Fft<f32>>,
    turns: Turns,
    scratch: usize,
}

impl Tools {
    pub(super) fn new(c: &Constants) -> Self {
        let half = c.aligned / 2;
        let mut planner = FftPlanner::new();
        let (forward, inverse) = (planner.plan_fft_forward(half), planner.plan_fft_inverse(half));
        let scratch = forward.get_inplace_scratch_len().max(inverse.get_inplace_scratch_len());
        Self { forward, inverse, turns: Turns::new(c.aligned), scratch }
    }
}

/// Transforms of stretches of the reference that are met again: they lie `step` apart from `base` on.
#[derive(Default)]
pub(super) struct Spectra {
    base: usize,
    step: usize,
    known: Vec<bool>,
    values: Vec<Complex32>,
}

/// Room for one transform.
enum Slot<'a> {
    Known(&'a [Complex32]),
    Empty(&'a mut [Complex32]),
    /// It is not kept.
    None,
}

impl Spectra {
    /// Stretches kept: 16 s.
    const MOST: usize = 1024;

    /// Forgets all, and keeps from here on those at multiples of `step` from `base`. A step of 0 keeps nothing.
    pub(super) fn begin(&mut self, base: usize, step: usize) {
        (self.base, self.step) = (base, step);
        self.known.clear();
    }

    fn slot(&mut self, at: usize, len: usize) -> Slot<'_> {
        let distance = at.abs_diff(self.base);
        if self.step == 0 || !distance.is_multiple_of(self.step) || distance / self.step >= Self::MOST {
            return Slot::None;
        }
        let i = distance / self.step;
        if self.known.len() <= i {
            self.known.resize(i + 1, false);
        }
        let values = &mut room(&mut self.values, (i + 1) * len)[i * len..];
        if core::mem::replace(&mut self.known[i], true) { Slot::Known(values) } else { Slot::Empty(values) }
    }
}

/// The lag of `y` behind `x` in windows, by the first highest positive value of their correlation, and the length of
/// that correlation, which stays at the start of `scratch.time`. `None` where one of them has no extent.
fn lag(simd: Simd, transforms: &Transforms, x: &[f32], y: &[f32], scratch: &mut Scratch) -> Option<(isize, usize)> {
    if x.len() <= 1 || y.len() <= 1 {
        return None;
    }
    // The kernels want sixteen pairs at least.
    let len = (2 * x.len().max(y.len()).next_power_of_two()).max(32);
    let long = transforms.long(len);
    let Scratch { time, bins, pairs, work, .. } = scratch;
    let (first, second) = (room(bins, len / 2), room(pairs, len / 2));
    for (pairs, v) in [(&mut *first, x), (&mut *second, y)] {
        let numbers = as_numbers(pairs);
        numbers[..v.len()].copy_from_slice(v);
        numbers[v.len()..].fill(0.0);
        work.transform(&*long.forward, pairs);
    }
    simd.cross(&long.turns, first, second);
    work.transform(&*long.inverse, second);
    // Lags from -(x.len() - 1) on; `cross` multiplies by eight, the transform by half its length.
    let outputs = x.len() + y.len() - 1;
    let (circle, time) = (as_numbers(second), room(time, outputs.next_multiple_of(LANES)));
    let (before, after) = time.split_at_mut(x.len() - 1);
    before.copy_from_slice(&circle[len - (x.len() - 1)..]);
    after.fill(0.0);
    after[..y.len()].copy_from_slice(&circle[..y.len()]);
    let scale = 1.0 / (4 * len) as f32;
    for v in &mut *time {
        *v *= scale;
    }
    let most = simd.magnitude(time);
    let mut at = time.iter().position(|&v| v == most && v > 0.0);
    if at.is_none() {
        // What is largest is negative, or nothing: all is rounding.
        let mut best = 0.0;
        for (k, &v) in time[..outputs].iter().enumerate() {
            if v > best {
                (best, at) = (v, Some(k));
            }
        }
    }
    Some((at.unwrap_or(x.len() - 1) as isize - (x.len() as isize - 1), outputs))
}

impl Aligner<'_> {
    /// The delay of the whole degraded signal, in samples.
    pub(super) fn coarse_of_all(&self, scratch: &mut Scratch) -> isize {
        let found = lag(self.simd, self.transforms, &self.reference.log, &self.degraded.log, scratch);
        found.map_or(0, |(lag, _)| lag) * self.c.window as isize
    }

    /// The delay within the windows `start..end` of the reference, looked for around `seed`; and how many values of
    /// the correlation are left in `scratch.time`.
    pub(super) fn coarse(&self, start: isize, end: isize, seed: isize, scratch: &mut Scratch) -> (isize, usize) {
        let window = self.c.window as isize;
        let mut start = start;
        let mut there = start + seed / window;
        if there < 0 {
            (start, there) = (-seed / window, 0);
        }
        let cut = |log: &'_ [f32], from: isize, len: isize| {
            let all = log.len() as isize;
            let from = from.clamp(0, all);
            from as usize..(from + len).clamp(from, all) as usize
        };
        let x = cut(&self.reference.log, start, end - start);
        let y = cut(&self.degraded.log, there, end - start);
        let found = lag(self.simd, self.transforms, &self.reference.log[x], &self.degraded.log[y], scratch);
        found.map_or((seed, 0), |(lag, outputs)| (lag * window + seed, outputs))
    }

    /// The correlation of two stretches under `window`, by lag, in `scratch.lags`; its largest magnitude, and what that
    /// is a multiple of. The stretches must lie in the signals.
    pub(super) fn correlate(&self, window: &[f32], reference: usize, degraded: usize, scratch: &mut Scratch) -> f32 {
        let half = self.c.aligned / 2;
        let Scratch { lags, bins, work, spectra, .. } = scratch;
        let lags = room(lags, half);
        let work = work.of(self.tools.scratch);
        let x = match spectra.slot(reference, half) {
            Slot::Known(x) => x,
            Slot::Empty(x) => {
                self.spectrum(window, &self.reference.signal[reference..], x, work);
                x
            }
            Slot::None => {
                let x = room(bins, half);
                self.spectrum(window, &self.reference.signal[reference..], x, work);
                x
            }
        };
        self.spectrum(window, &self.degraded.signal[degraded..], lags, work);
        self.simd.cross(&self.tools.turns, x, lags);
        self.tools.inverse.process_with_scratch(lags, work);
        self.simd.magnitude(as_numbers(lags))
    }

    /// The transform of the pairs of a stretch.
    fn spectrum(&self, window: &[f32], x: &[f32], out: &mut [Complex32], work: &mut [Complex32]) {
        self.simd.window_pairs(&x[..window.len()], window, out);
        self.tools.forward.process_with_scratch(out, work);
    }

    /// Votes of one pair of stretches: calls `vote` with each lag whose magnitude is over 0.99 of the largest.
    pub(super) fn votes(&self, scratch: &mut Scratch, largest: f32, mut vote: impl FnMut(usize)) {
        let half = self.c.aligned / 2;
        let mut bits = [0u8; MOST_LAGS / 8];
        let bits = &mut bits[..self.c.aligned / 8];
        self.simd.exceed(as_numbers(&mut scratch.lags[..half]), 0.99 * largest, bits);
        for (i, &b) in bits.iter().enumerate().filter(|(_, b)| **b != 0) {
            for l in (0..8).filter(|l| b >> l & 1 == 1) {
                vote(8 * i + l);
            }
        }
    }

    /// What each vote of one pair of stretches weighs: the eighth root of 0.99 of the largest magnitude, rounded once.
    pub(super) fn weight(&self, largest: f32) -> f32 {
        // `cross` and the transforms multiply by eight and by the half length; all powers of two.
        let enough = 0.99 * (largest / (4 * self.c.aligned) as f32);
        f64::from(enough).sqrt().sqrt().sqrt() as f32
    }

    /// The delay of the windows `start..end` of the reference in samples, near `seed`, and how sure that is.
    pub(super) fn fine(&self, start: isize, end: isize, seed: isize, scratch: &mut Scratch) -> (isize, f32) {
        let len = self.c.aligned;
        let mut votes = core::mem::take(&mut scratch.votes);
        let votes_now = room(&mut votes, len);
        votes_now.fill(0.0);
        let window = self.c.window as isize;
        let (mut here, mut there) = (start * window, start * window + seed);
        if there < 0 {
            (here, there) = (-seed, 0);
        }
        while there + len as isize <= self.degraded.nominal as isize
            && here + len as isize <= (end * window).min(self.reference.signal.len() as isize)
            && here >= 0
        {
            let largest = self.correlate(self.hann, here as usize, there as usize, scratch);
            let weight = self.weight(largest);
            self.votes(scratch, largest, |lag| votes_now[lag] += weight);
            here += len as isize / 4;
            there += len as isize / 4;
        }
        let sum = votes_now.iter().fold(0.0f32, |s, v| s + v);
        let mut best = (0.0f32, 0);
        if sum > 0.0 {
            self.smooth(votes_now, scratch);
            for (k, v) in votes_now.iter().enumerate() {
                let v = (v / sum).abs();
                if v > best.0 {
                    best = (v, k);
                }
            }
        }
        scratch.votes = votes;
        (seed + fold(best.1, len), best.0)
    }

    /// The circular convolution with a triangle, by transforms as the standard does it.
    fn smooth(&self, votes: &mut [f32], scratch: &mut Scratch) {
        let len = votes.len();
        let half = len / 64;
        let Scratch { bins, pairs, work, .. } = scratch;
        let (triangle, smooth) = (room(bins, len / 2), room(pairs, len / 2));
        let kernel = as_numbers(triangle);
        kernel.fill(0.0);
        kernel[0] = 1.0;
        for k in 1..half {
            let v = 1.0 - k as f32 / half as f32;
            (kernel[k], kernel[len - k]) = (v, v);
        }
        as_numbers(smooth).copy_from_slice(votes);
        let work = work.of(self.tools.scratch);
        self.tools.forward.process_with_scratch(triangle, work);
        self.tools.forward.process_with_scratch(smooth, work);
        // The triangle is symmetric, so a correlation with it is a convolution.
        self.simd.cross(&self.tools.turns, triangle, smooth);
        self.tools.inverse.process_with_scratch(smooth, work);
        for (v, t) in votes.iter_mut().zip(as_numbers(smooth)) {
            *v = *t / (4 * len) as f32;
        }
    }
}

/// A lag of a circular correlation as a number with a sign.
pub(super) fn fold(lag: usize, len: usize) -> isize {
    if lag >= len / 2 { lag as isize - len as isize } else { lag as isize }
}
