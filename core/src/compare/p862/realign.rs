//! Bad intervals: where the disturbance is so large that the delay may be wrong, it is looked for once more (step 4.5).

use super::Scratch;
use super::tables::Constants;
use super::transform::{Transforms, room};
use super::utterance::{Utterance, delay_at};

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

/// Runs of bad frames, gaps of up to two filled. Two frames at the start and three at the end are never part of one: step 4.5.1
/// says two, but the scores of the standard's own code need three.
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
    pub transforms: &'a Transforms,
    pub utterances: &'a [Utterance],
    pub reference: &'a [f32],
    pub degraded: &'a [f32],
    /// Samples of the longer signal, with margins, without padding.
    pub nominal: usize,
}

impl Realigner<'_> {
    /// The degraded signal moved to the time of the reference by the delays of the utterances, at one sample (step 4.5.2).
    fn moved(&self, i: isize) -> f32 {
        let margin = self.c.margin() as isize;
        let end = (self.nominal + self.c.padding()) as isize - margin;
        if i < margin || i >= end {
            return 0.0;
        }
        let j = (i + delay_at(self.c, self.utterances, i)).clamp(margin, end - 1);
        self.degraded.get(j as usize).copied().unwrap_or(0.0)
    }

    fn samples(&self, interval: &Interval) -> (usize, usize) {
        let (hop, margin) = (self.c.hop(), self.c.margin());
        (interval.start * hop + margin, interval.end * hop + self.c.frame + margin)
    }

    /// The lag at which the magnitudes of the interval match best, if they do (step 4.5.3).
    pub(super) fn lag(&self, interval: &Interval, scratch: &mut Scratch) -> isize {
        let reach = 4 * self.c.frame;
        let (start, stop) = self.samples(interval);
        let margin = self.c.margin() as isize;
        let last = (self.nominal + self.c.padding()) as isize - margin - 1;
        let count = 2 * reach + stop - start;
        let len = (2 * count).next_power_of_two();
        let time = room(&mut scratch.time, len);
        let bins = room(&mut scratch.spectrum, len / 2 + 1);
        let product = room(&mut scratch.product, len / 2 + 1);
        time.fill(0.0);
        let mut first = 0.0f64;
        for (t, i) in time[reach..].iter_mut().zip(start..stop) {
            *t = self.reference.get(i).map_or(0.0, |v| v.abs());
            first += f64::from(*t) * f64::from(*t);
        }
        self.transforms.forward(time, bins, &mut scratch.work);
        let mut second = 0.0f64;
        for (t, i) in time.iter_mut().zip(0..count as isize) {
            *t = self.moved((start as isize - reach as isize + i).clamp(margin, last)).abs();
            second += f64::from(*t) * f64::from(*t);
        }
        time[count..].fill(0.0);
        self.transforms.forward(time, product, &mut scratch.work);
        if first / len as f64 <= 1e-6 || second / len as f64 <= 1e-6 {
            return 0;
        }
        for (p, b) in product.iter_mut().zip(&*bins) {
            *p = b.conj() * *p;
        }
        self.transforms.inverse(product, time, &mut scratch.work);
        let norm = ((first * second).sqrt() * len as f64) as f32;
        let (mut best, mut at) = (0.0f32, 0);
        let reach = reach as isize;
        for lag in -reach..reach {
            let v = (time[lag.rem_euclid(len as isize) as usize] / norm).abs();
            if v > best {
                (best, at) = (v, lag);
            }
        }
        if best < 0.5 { 0 } else { at }
    }

    /// The degraded samples of the interval, moved by its delay too; the first belongs to the interval's first frame.
    pub(super) fn fill(&self, interval: &Interval, out: &mut Vec<f32>) {
        let (start, stop) = self.samples(interval);
        out.clear();
        out.extend(
            (start as isize..stop as isize)
                .map(|i| self.moved((i + interval.delay).clamp(0, self.nominal as isize - 1))),
        );
    }
}
