//! From two signals and their delays to the score: frames, disturbance, jumps, bad intervals (spec/03 and 04).

use super::model::MOST_BANDS;
use super::realign::{self, BAD, Realigner};
use super::transform::room;
use super::{BadInterval, Context, FrameDisturbance, Model, Outcome, Pair, Utterance};
use super::{score, split, tables, utterance};
use crate::compare::Reason;

impl Model {
    /// The first and the last frame in which the reference is not quiet (step 3.1). `None` if there is no such.
    pub(super) fn active(&self, signal: &[f32], gain: f32, nominal: usize) -> Option<(usize, usize)> {
        const QUIET: f32 = 500.0;
        let c = self.c;
        let at = |i: usize| signal.get(i).map_or(0.0, |v| (v * gain).abs());
        let end = nominal + c.padding() - c.margin();
        let (mut skip, mut skip_end) = (0, 0);
        while (0..5).map(|i| at(c.margin() + skip + i)).sum::<f32>() < QUIET && skip < nominal / 2 {
            skip += 1;
        }
        while (0..5).map(|i| at(end - 1 - skip_end - i)).sum::<f32>() < QUIET && skip_end < nominal / 2 {
            skip_end += 1;
        }
        let last = ((end - c.margin()).checked_sub(skip_end)? / c.hop()).checked_sub(1)?;
        (skip / c.hop() <= last).then_some((skip / c.hop(), last))
    }

    /// Densities, compensation and disturbance of all frames, up to the last (spec/03 and 4.1 to 4.3).
    pub(super) fn perceive(
        &self,
        densities: &[f32],
        signal: &[f32],
        ctx: &mut Context,
        gain: f64,
        nominal: usize,
        last: usize,
    ) {
        let (c, ear, bands) = (self.c, &self.ear, self.ear.bands());
        let Context { scratch, reference, degraded, audible, symmetric, asymmetric, utterances, .. } = ctx;
        let count = last + 1;
        let here = room(reference, count * bands);
        let there = room(degraded, count * bands);
        let buffer = nominal + c.padding();
        let power = (gain * gain) as f32;
        let (mut sums_here, mut sums_there) = ([0.0; MOST_BANDS], [0.0; MOST_BANDS]);
        let mut delays = utterance::Delays::new(c, utterances);
        let mut tail = vec![0.0; c.frame];
        for (f, (here, there)) in here.chunks_exact_mut(bands).zip(there.chunks_exact_mut(bands)).enumerate() {
            match densities.get(f * bands..(f + 1) * bands) {
                Some(d) => here.iter_mut().zip(d).for_each(|(h, d)| *h = d * power),
                None => here.fill(0.0),
            }
            let start = c.margin() + f * c.hop();
            let from = start as isize + delays.at(start as isize);
            if from <= 0 || from as usize + c.frame >= buffer {
                there.fill(0.0);
            } else {
                let from = from as usize;
                let x = match signal.get(from..from + c.frame) {
                    Some(x) => x,
                    // Beyond the degraded signal's own padding there is silence.
                    None => {
                        let some = signal.get(from..).unwrap_or(&[]);
                        tail[..some.len()].copy_from_slice(some);
                        tail[some.len()..].fill(0.0);
                        &tail
                    }
                };
                ear.densities(x, scratch, there);
            }
            if !ear.is_silent(here) {
                ear.accumulate(here, &mut sums_here);
                ear.accumulate(there, &mut sums_there);
            }
        }
        // The sums are divided by the frames of the whole signal, however many of them counted.
        let frames = ((buffer - 2 * c.margin()) / c.hop() - 1) as f64;
        let ratio: [f32; MOST_BANDS] = core::array::from_fn(|b| {
            ((sums_there[b] / frames + 1000.0) / (sums_here[b] / frames + 1000.0)).clamp(0.01, 100.0) as f32
        });
        audible.clear();
        symmetric.clear();
        asymmetric.clear();
        let mut gain = 1.0;
        for (f, (here, there)) in here.chunks_exact_mut(bands).zip(there.chunks_exact_mut(bands)).enumerate() {
            here.iter_mut().zip(&ratio).for_each(|(h, r)| *h *= r);
            let power = ear.audible(here, 1.0);
            let (d, a) = ear.disturbance(here, there, power, f == 0, &mut gain);
            audible.push(power);
            symmetric.push(d);
            asymmetric.push(a);
        }
    }

    /// Delay jumps, bad intervals and the score.
    pub(super) fn judge(
        &self,
        pair: Pair<'_>,
        ctx: &mut Context,
        first: usize,
        frames: bool,
    ) -> Result<Outcome, Reason> {
        let Pair { samples, nominal, .. } = pair;
        let any_bad = ctx.symmetric.iter().any(|&d| d > BAD);
        self.skip_at_jumps(ctx);
        ctx.intervals.clear();
        if any_bad {
            self.realign(pair, ctx);
        }
        let Context { audible, symmetric, asymmetric, utterances, intervals, .. } = ctx;
        for ((d, a), &p) in symmetric.iter_mut().zip(&mut *asymmetric).zip(&*audible) {
            (*d, *a) = (score::normalise(*d, p), score::normalise(*a, p));
        }
        let margins = 2 * self.c.margin();
        let weight =
            score::TimeWeight::new(symmetric.len() - 1, ((nominal - margins) / self.c.hop()).saturating_sub(1));
        let raw = score::raw(score::aggregate(symmetric, first, weight), score::aggregate(asymmetric, first, weight));
        if !raw.is_finite() {
            return Err(Reason::Undefined("the disturbance of this pair is no number"));
        }
        let hop = self.c.hop();
        let at = |windows: isize| {
            let at = (windows - tables::MARGIN as isize) * self.c.window as isize;
            at.clamp(0, samples as isize) as usize
        };
        Ok(Outcome {
            mos_lqo: score::mos_lqo(self.mode, raw),
            raw,
            utterances: utterances
                .iter()
                .map(|u| Utterance {
                    start_sample: at(u.start),
                    end_sample: at(u.end),
                    delay_samples: u.delay as i64,
                    confidence: f64::from(u.confidence),
                })
                .collect(),
            bad_intervals: intervals
                .iter()
                .map(|i| BadInterval {
                    start_sample: (i.start * hop).min(samples),
                    end_sample: (i.end * hop + hop).min(samples),
                    delay_samples: i.delay as i64,
                })
                .collect(),
            frames: frames.then(|| {
                (first..symmetric.len())
                    .map(|f| FrameDisturbance {
                        start_sample: f * hop,
                        disturbance: f64::from(symmetric[f]),
                        asymmetric: f64::from(asymmetric[f]),
                    })
                    .collect()
            }),
            beyond_reference: utterances.len() > split::MOST,
        })
    }

    /// Where the delay falls by more than half a frame, some of the reference is missing in the degraded signal: frames
    /// around that are not disturbed (steps 1.14 and 4.4).
    fn skip_at_jumps(&self, ctx: &mut Context) {
        let (c, hop, window) = (self.c, self.c.hop() as isize, self.c.window as isize);
        let stop = ctx.symmetric.len() as isize - 1;
        for pair in ctx.utterances.windows(2) {
            let (before, after) = (pair[0], pair[1]);
            let jump = after.delay - before.delay;
            if jump >= -(c.frame as isize) / 2 {
                continue;
            }
            let samples = |v: isize| (v - tables::MARGIN as isize) * window;
            let from =
                ((samples(after.start) + after.delay) / hop).min((samples(before.end) + before.delay) / hop).max(0);
            let to = (samples(after.start) + jump.abs()) / hop + 1;
            for f in from..=to.min(stop - 1) {
                ctx.symmetric[f as usize] = 0.0;
                ctx.asymmetric[f as usize] = 0.0;
            }
        }
    }

    /// Looks for the delay of bad intervals once more and takes what disturbs less (step 4.5).
    fn realign(&self, pair: Pair<'_>, ctx: &mut Context) {
        let (c, ear, bands) = (self.c, &self.ear, self.ear.bands());
        let Context {
            scratch, reference, degraded, audible, symmetric, asymmetric, utterances, intervals, moved, ..
        } = ctx;
        realign::find(symmetric, intervals);
        let realigner = Realigner { c, simd: self.simd, transforms: &self.transforms, utterances, pair };
        for interval in intervals {
            interval.delay = realigner.lag(interval, scratch);
            realigner.fill(interval, moved);
            let mut gain = 1.0;
            for f in interval.start..interval.end {
                let x = &moved[(f - interval.start) * c.hop()..][..c.frame];
                let there = &mut degraded[f * bands..(f + 1) * bands];
                ear.densities(x, scratch, there);
                let here = &reference[f * bands..(f + 1) * bands];
                let (d, a) = ear.disturbance(here, there, audible[f], f == 0, &mut gain);
                symmetric[f] = symmetric[f].min(d);
                asymmetric[f] = asymmetric[f].min(a);
            }
        }
    }
}
