//! Delays: coarse from the activity (step 1.9), fine from the waveform (step 1.10).

use super::Scratch;
use super::tables::Constants;
use super::transform::{Transforms, room};
use realfft::num_complex::Complex32;

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
    /// The window over each stretch that is aligned.
    pub hann: &'a [f32],
    pub reference: &'a Heard,
    pub degraded: &'a Heard,
}

/// The lag of `y` behind `x` in windows, by the first highest positive value of their correlation, and the length of that
/// correlation, which stays at the start of `scratch.time`. `None` where one of them has no extent.
fn lag(transforms: &Transforms, x: &[f32], y: &[f32], scratch: &mut Scratch) -> Option<(isize, usize)> {
    if x.len() <= 1 || y.len() <= 1 {
        return None;
    }
    let len = 2 * x.len().max(y.len()).next_power_of_two();
    let time = room(&mut scratch.time, len);
    let bins = room(&mut scratch.spectrum, len / 2 + 1);
    for (t, v) in time.iter_mut().zip(x.iter().rev()) {
        *t = *v;
    }
    time[x.len()..].fill(0.0);
    transforms.forward(time, bins, &mut scratch.work);
    time[..y.len()].copy_from_slice(y);
    time[y.len()..].fill(0.0);
    let product = room(&mut scratch.product, len / 2 + 1);
    transforms.forward(time, product, &mut scratch.work);
    for (p, b) in product.iter_mut().zip(&*bins) {
        *p *= b;
    }
    transforms.inverse(product, time, &mut scratch.work);
    let outputs = x.len() + y.len() - 1;
    let (mut best, mut at) = (0.0, x.len() - 1);
    for (k, v) in time[..outputs].iter_mut().enumerate() {
        *v *= 1.0 / len as f32;
        if *v > best {
            (best, at) = (*v, k);
        }
    }
    Some((at as isize - (x.len() as isize - 1), outputs))
}

impl Aligner<'_> {
    /// The delay of the whole degraded signal, in samples.
    pub(super) fn coarse_of_all(&self, scratch: &mut Scratch) -> isize {
        let found = lag(self.transforms, &self.reference.log, &self.degraded.log, scratch);
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
        let found = lag(self.transforms, &self.reference.log[x], &self.degraded.log[y], scratch);
        found.map_or((seed, 0), |(lag, outputs)| (lag * window + seed, outputs))
    }

    /// The magnitudes of the correlation of two stretches under `window`, times their length, in `scratch.lags`; the largest one.
    /// The stretches must lie in the signals.
    pub(super) fn correlate(&self, window: &[f32], reference: usize, degraded: usize, scratch: &mut Scratch) -> f32 {
        let len = self.c.aligned;
        let Scratch { lags, bins, product, work, .. } = scratch;
        let lags = room(lags, len);
        let bins = room(bins, len / 2 + 1);
        let product = room(product, len / 2 + 1);
        self.spectrum(window, &self.reference.signal[reference..reference + len], lags, bins, work);
        self.spectrum(window, &self.degraded.signal[degraded..degraded + len], lags, product, work);
        for (p, b) in product.iter_mut().zip(&*bins) {
            *p = b.conj() * *p;
        }
        self.transforms.inverse(product, lags, work);
        let mut largest = 0.0f32;
        for v in lags {
            *v = (*v / len as f32).abs();
            largest = largest.max(*v);
        }
        largest
    }

    fn spectrum(
        &self,
        window: &[f32],
        x: &[f32],
        time: &mut [f32],
        out: &mut [Complex32],
        work: &mut super::transform::Work,
    ) {
        for ((t, v), w) in time.iter_mut().zip(x).zip(window) {
            *t = v * w;
        }
        self.transforms.forward(time, out, work);
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
            let enough = 0.99 * largest;
            let weight = weight(enough);
            for (vote, &v) in votes_now.iter_mut().zip(&scratch.lags) {
                if v > enough {
                    *vote += weight;
                }
            }
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
        let bins = room(&mut scratch.bins, len / 2 + 1);
        let product = room(&mut scratch.product, len / 2 + 1);
        let lags = room(&mut scratch.lags, len);
        lags.fill(0.0);
        lags[0] = 1.0;
        for k in 1..half {
            let v = 1.0 - k as f32 / half as f32;
            (lags[k], lags[len - k]) = (v, v);
        }
        self.transforms.forward(lags, bins, &mut scratch.work);
        lags.copy_from_slice(votes);
        self.transforms.forward(lags, product, &mut scratch.work);
        for (p, b) in product.iter_mut().zip(&*bins) {
            *p *= b;
        }
        self.transforms.inverse(product, lags, &mut scratch.work);
        for (v, t) in votes.iter_mut().zip(&*lags) {
            *v = t / len as f32;
        }
    }
}

/// What a vote weighs: the eighth root, rounded once.
pub(super) fn weight(v: f32) -> f32 {
    f64::from(v).sqrt().sqrt().sqrt() as f32
}

/// A lag of a circular correlation as a number with a sign.
pub(super) fn fold(lag: usize, len: usize) -> isize {
    if lag >= len / 2 { lag as isize - len as isize } else { lag as isize }
}
