//! Bad intervals: where the disturbance is so large that the delay may be wrong, it is looked for once more (step 4.5).

use super::tables::Constants;
use super::transform::{Transforms, room};
use super::utterance::{Delays, Utterance};
use super::{Pair, Scratch};
use crate::simd::{Simd, as_numbers};
use rustfft::num_complex::Complex32;

/// From this disturbance on a frame is bad.
pub(super) const BAD: f32 = 30.0;
/// Frames that make an interval.
const SHORTEST: usize = 5;

/// A run of bad frames, and the delay found for it beyond that of its utterances.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Interval {
    pub start: usize,
    pub end: usize,
    pub delay: isize,
}

/// Runs of bad frames, gaps of up to two filled. Two frames at the start and three at the end are never part of one:
/// step 4.5.1 says two, but the scores of the standard's own code need three.
pub(super) fn find(disturbance: &[f32], found: &mut Vec<Interval>) {
    found.clear();
    let stop = disturbance.len().saturating_sub(1);
    let bad = |f: usize| f > 0 && disturbance[f] > BAD;
    let near = |f: usize| {
        f >= 2 && f + 2 < stop && (bad(f - 2) || bad(f - 1) || bad(f)) && (bad(f) || bad(f + 1) || bad(f + 2))
    };
    let mut start = None;
    for f in 0..=stop {
        if near(f) {
            start.get_or_insert(f);
        } else if let Some(a) = start.take()
            && f - a >= SHORTEST
        {
            found.push(Interval { start: a, end: f, delay: 0 });
        }
    }
}

/// Both signals as the model hears them, and the delays found so far.
pub(super) struct Realigner<'a> {
    pub c: &'a Constants,
    pub simd: Simd,
    pub transforms: &'a Transforms,
    pub utterances: &'a [Utterance],
    pub pair: Pair<'a>,
}

impl Realigner<'_> {
    /// The degraded signal moved to the time of the reference by the delays of the utterances (step 4.5.2), sample by
    /// sample.
    fn moved(&self) -> impl FnMut(isize) -> f32 {
        let margin = self.c.margin() as isize;
        let end = (self.pair.nominal + self.c.padding()) as isize - margin;
        let mut delays = Delays::new(self.c, self.utterances);
        move |i| {
            if i < margin || i >= end {
                return 0.0;
            }
            let j = (i + delays.at(i)).clamp(margin, end - 1);
            self.pair.degraded.get(j as usize).copied().unwrap_or(0.0)
        }
    }

    fn samples(&self, interval: &Interval) -> (usize, usize) {
        let (hop, margin) = (self.c.hop(), self.c.margin());
        (interval.start * hop + margin, interval.end * hop + self.c.frame + margin)
    }

    /// The lag at which the magnitudes of the interval match best, if they do (step 4.5.3). The standard correlates the
    /// whole interval in one transform; only lags within four frames are wanted, so blocks do, their spectra added.
    pub(super) fn lag(&self, interval: &Interval, scratch: &mut Scratch) -> isize {
        let reach = 4 * self.c.frame;
        let (start, stop) = self.samples(interval);
        let margin = self.c.margin() as isize;
        let last = (self.pair.nominal + self.c.padding()) as isize - margin - 1;
        let len = if stop - start <= 2 * reach { 4 * reach } else { 8 * reach };
        let long = self.transforms.long(len);
        let Scratch { time, pairs, bins, product, work, .. } = scratch;

        // From `reach` samples before the interval to as many behind it.
        let there = room(time, 2 * reach + stop - start);
        let mut moved = self.moved();
        for (t, i) in there.iter_mut().zip(start as isize - reach as isize..) {
            *t = moved(i.clamp(margin, last)).abs();
        }
        let second = self.simd.energy(there);
        let here = self.pair.reference.get(start..).unwrap_or(&[]);
        let here = &here[..here.len().min(stop - start)];
        let first = self.simd.energy(here);
        // The powers over the length of the standard's own transform.
        let whole = (2 * there.len()).next_power_of_two() as f64;
        if first / whole <= 1e-6 || second / whole <= 1e-6 {
            return 0;
        }

        let (x, y, sum) = (room(bins, len / 2), room(pairs, len / 2), room(product, len / 2));
        sum.fill(Complex32::default());
        for (x_block, at) in here.chunks(len - 2 * reach).zip((0..).step_by(len - 2 * reach)) {
            let y_block = &there[at..(at + len).min(there.len())];
            for (pairs, block) in [(&mut *x, x_block), (&mut *y, y_block)] {
                let numbers = as_numbers(pairs);
                for (n, v) in numbers.iter_mut().zip(block) {
                    *n = v.abs();
                }
                numbers[block.len()..].fill(0.0);
                work.transform(&*long.forward, pairs);
            }
            self.simd.cross(&long.turns, x, y);
            for (s, y) in sum.iter_mut().zip(&*y) {
                *s += y;
            }
        }
        work.transform(&*long.inverse, sum);
        // `cross` multiplies by eight, the transform by half its length. Lags begin at -reach.
        let norm = ((first * second).sqrt() * (4 * len) as f64) as f32;
        let (mut best, mut at) = (0.0f32, reach);
        for (k, v) in as_numbers(sum)[..2 * reach].iter().enumerate() {
            let v = (v / norm).abs();
            if v > best {
                (best, at) = (v, k);
            }
        }
        if best < 0.5 { 0 } else { at as isize - reach as isize }
    }

    /// The degraded samples of the interval, moved by its delay too; the first belongs to the interval's first frame.
    pub(super) fn fill(&self, interval: &Interval, out: &mut Vec<f32>) {
        let (start, stop) = self.samples(interval);
        out.clear();
        let mut moved = self.moved();
        let last = self.pair.nominal as isize - 1;
        out.extend((start as isize..stop as isize).map(|i| moved((i + interval.delay).clamp(0, last))));
    }
}
