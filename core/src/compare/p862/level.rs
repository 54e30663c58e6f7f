//! Level and input filter (steps 1.3 and 1.4, 6.3): what the model hears, at a level that does not depend on the
//! input's.

use super::Scratch;
use super::tables::{Constants, IRS_CURVE, LEVEL_CURVE, response};
use super::transform::{Transforms, room};
use crate::simd::{LANES, Simd, as_numbers};
use rustfft::num_complex::Complex32;
use std::sync::OnceLock;

/// The power the signal is brought to.
const TARGET: f64 = 1e7;

/// The share of the energy that the standard's own transforms lose by rounding: measured by which levels, counted in
/// last bits, give its scores in the wide band (transforms of 2^18 and 2^19 samples). It matters only there.
const LOST: f64 = 3e-8;

/// Beyond these, the level's response lies 150 dB down.
const FROM_HZ: usize = 330;
const TO_HZ: usize = 3330;

/// Of the energy of a signal, what the rounding of a transform in single precision leaves in an empty band is some
/// 1e-14; a signal with less than this in the telephone band is silent there.
const NOTHING: f64 = 1e-12;

/// Bins of the responses of transforms of all lengths met so far.
pub(super) struct Responses {
    curve: &'static [(f64, f64)],
    gains: [OnceLock<Box<[f32]>>; 40],
}

impl Responses {
    pub(super) fn level() -> Self {
        Self { curve: &LEVEL_CURVE, gains: [const { OnceLock::new() }; 40] }
    }

    pub(super) fn irs() -> Self {
        Self { curve: &IRS_CURVE, gains: [const { OnceLock::new() }; 40] }
    }

    fn gains(&self, rate_hz: u32, len: usize) -> &[f32] {
        self.gains[len.trailing_zeros() as usize].get_or_init(|| response(self.curve, rate_hz, len))
    }
}

/// A power of two that brings a largest magnitude to 0.5 .. 1: whatever the scale of the input, no sum overflows and
/// nothing is rounded. Zero for zero.
fn unit(peak: f32) -> f64 {
    if peak == 0.0 {
        return 0.0;
    }
    // Every `f32`, the smallest too, is a normal `f64`.
    let exponent = ((f64::from(peak).to_bits() >> 52) & 0x7ff) as i64 - 1022;
    f64::from_bits(((1023 - exponent) as u64) << 52)
}

/// What is known of a signal before its level is set.
#[derive(Clone, Copy, Default)]
pub(super) struct Measured {
    unit: f64,
    /// The largest magnitude.
    pub peak: f32,
    /// The energy in the telephone band, of the signal times `unit`.
    energy: f64,
}

/// Samples up to which a signal is transformed as a whole, as the standard does it: some minutes. Its own code has no
/// score for signals that long; they are filtered block by block.
const WHOLE: usize = 1 << 21;
const BLOCK: usize = 1 << 20;
/// A transform of some seconds.
const BRIEF: usize = 1 << 16;
/// Two seconds or more at either end of a block: the responses have died away to 1e-7 by then.
const GUARD: usize = 1 << 15;

/// What filters by transforms.
pub(super) struct Filters<'a> {
    pub c: &'a Constants,
    pub simd: Simd,
    pub transforms: &'a Transforms,
    pub level: &'a Responses,
    pub irs: &'a Responses,
}

impl Filters<'_> {
    /// Measures the energy in the telephone band; `None` if there is nothing. Leaves the bins of the signal times
    /// `unit`, times two, in `scratch.spectrum` for the input filter of the narrow band, if not `exact`: then 1e-6 of
    /// the energy may be missing.
    pub(super) fn measure(&self, x: &[f32], exact: bool, scratch: &mut Scratch) -> Option<Measured> {
        let &Self { c, simd, transforms, level: curve, .. } = self;
        let peak = simd.magnitude(x);
        let peak = x.as_chunks::<LANES>().1.iter().fold(peak, |m, v| m.max(v.abs()));
        let unit = unit(peak);
        if unit == 0.0 {
            return None;
        }
        let n = x.len() + c.padding();
        if n > WHOLE {
            let (mut energy, mut all) = (0.0, 0.0);
            for block in x.chunks(BLOCK) {
                all += block.iter().map(|&v| (f64::from(v) * unit).powi(2)).sum::<f64>();
            }
            self.blocks(curve, x, unit, scratch, |_, y, factor| {
                energy += simd.square_sum(y) * factor * factor;
            });
            return (energy > NOTHING * all).then_some(Measured { unit, peak, energy });
        }
        let len = n.next_power_of_two();
        let long = transforms.long(len);
        let pairs = room(&mut scratch.pairs, len / 2);
        let time = as_numbers(pairs);
        for (t, &v) in time.iter_mut().zip(x) {
            *t = (f64::from(v) * unit) as f32;
        }
        time[x.len()..].fill(0.0);
        let all = simd.square_sum(&time[..x.len()]);
        scratch.work.transform(&*long.forward, pairs);
        // Parseval: what the transform made of the energy of the samples.
        let made = simd.square_sum(as_numbers(pairs)) / (len / 2) as f64;
        let bins = room(&mut scratch.spectrum, len / 2 + 1);
        simd.unfold(&long.turns, pairs, bins);

        // The bins of the band alone, taken for those of a complex signal of 4 kHz: it has the energy of the real one,
        // at all times but for the very ends.
        let gains = curve.gains(c.rate_hz, len);
        let bin = |hz: usize| hz * len / c.rate_hz as usize;
        let (from, to) = (bin(FROM_HZ), bin(TO_HZ) + 1);
        let short = len * 4000 / c.rate_hz as usize;
        let band = room(&mut scratch.product, short);
        for ((f, b), g) in band.iter_mut().zip(&bins[from..to]).zip(&gains[from..to]) {
            *f = b * g;
        }
        // Both halves of the spectrum, over the length, over the factor of two squared.
        let share = 2.0 * simd.square_sum(as_numbers(&mut band[..to - from])) / (4.0 * len as f64) / made;
        // A transform in single precision may lose some 1e-7 of the energy, always in the same direction. That is what
        // it takes to round the level, and with it every sample, in another way than the standard's own code; so the
        // energy is taken from the samples, and only shares of it from what transforms say: in the band, and in time.
        let mut energy = all * share;
        if exact && len <= BRIEF {
            // The ends are much of a brief signal.
            for (b, g) in bins.iter_mut().zip(gains) {
                *b *= g;
            }
            simd.fold(&long.turns, bins, pairs);
            scratch.work.transform(&*long.inverse, pairs);
            let (inside, outside) = as_numbers(pairs).split_at(n);
            let (inside, outside) = (simd.energy(inside), simd.energy(outside));
            energy *= inside / (inside + outside);
        } else if exact {
            band[to - from..].fill(Complex32::default());
            scratch.work.transform(&*transforms.long(2 * short).inverse, band);
            let (inside, outside) = band.split_at_mut(n.div_ceil(len / short));
            let (inside, outside) = (simd.square_sum(as_numbers(inside)), simd.square_sum(as_numbers(outside)));
            energy *= inside / (inside + outside);
        } else {
            energy -= self.ahead(x, unit, len - n, scratch);
        }
        (share > NOTHING && energy > 0.0 && energy.is_finite()).then_some(Measured { unit, peak, energy })
    }

    /// The energy of what the filter, which has no delay, puts ahead of the signal: it goes around to the end of the
    /// transform, where the last `gap` samples do not count. Only the first half second is asked, and what the filter
    /// puts behind the padding is left out: both are some 1e-6 of the energy.
    fn ahead(&self, x: &[f32], unit: f64, gap: usize, scratch: &mut Scratch) -> f64 {
        let &Self { c, simd, transforms, level: curve, .. } = self;
        let block = 128 * c.window;
        let len = 4 * block;
        let long = transforms.long(len);
        // The spectrum of the whole signal is still needed.
        let Scratch { pairs, product, work, .. } = scratch;
        let (pairs, bins) = (room(pairs, len / 2), room(product, len / 2 + 1));
        let time = as_numbers(pairs);
        time.fill(0.0);
        for (t, &v) in time[..block].iter_mut().zip(x) {
            *t = (f64::from(v) * unit) as f32;
        }
        work.transform(&*long.forward, pairs);
        simd.unfold(&long.turns, pairs, bins);
        for (b, g) in bins.iter_mut().zip(curve.gains(c.rate_hz, len)) {
            *b *= g;
        }
        simd.fold(&long.turns, bins, pairs);
        work.transform(&*long.inverse, pairs);
        let gap = gap.min(block);
        simd.square_sum(&as_numbers(pairs)[len - gap..]) / (4.0 * len as f64 * len as f64)
    }

    /// The signal at its level behind the receiving side of a telephone; `out` is the whole buffer, margins and padding
    /// included. `scratch.spectrum` is that of [`Self::measure`]; `longer` is the length of the longer signal of the
    /// pair.
    pub(super) fn irs(&self, x: &[f32], measured: &Measured, longer: usize, scratch: &mut Scratch, out: &mut [f32]) {
        let &Self { c, simd, transforms, irs: curve, .. } = self;
        let n = x.len() + c.padding();
        // What is filtered is the signal times `unit`.
        let scale = measured.scale(c, 1.0 / measured.unit, longer);
        let (before, region) = out.split_at_mut(c.margin());
        let (region, after) = region.split_at_mut(n);
        before.fill(0.0);
        after.fill(0.0);
        if n > WHOLE {
            self.blocks(curve, x, measured.unit, scratch, |start, y, factor| {
                for (o, t) in region[start..].iter_mut().zip(y) {
                    *o = t * (scale * factor) as f32;
                }
            });
            return;
        }
        let len = n.next_power_of_two();
        let long = transforms.long(len);
        let bins = room(&mut scratch.spectrum, len / 2 + 1);
        for (b, g) in bins.iter_mut().zip(curve.gains(c.rate_hz, len)) {
            *b *= g;
        }
        let pairs = room(&mut scratch.pairs, len / 2);
        simd.fold(&long.turns, bins, pairs);
        scratch.work.transform(&*long.inverse, pairs);
        // `unfold` and `fold` multiply by two.
        let scale = (scale / (2 * len) as f64) as f32;
        for (o, t) in region.iter_mut().zip(as_numbers(pairs)) {
            *o = *t * scale;
        }
    }

    /// Filters a long signal and its padding block by block: calls `done` with the place of each block, its samples,
    /// and the factor they are still to be multiplied by.
    fn blocks(
        &self,
        curve: &Responses,
        x: &[f32],
        unit: f64,
        scratch: &mut Scratch,
        mut done: impl FnMut(usize, &[f32], f64),
    ) {
        let &Self { c, simd, transforms, .. } = self;
        let long = transforms.long(BLOCK);
        let gains = curve.gains(c.rate_hz, BLOCK);
        let Scratch { pairs, product, work, .. } = scratch;
        let (pairs, bins) = (room(pairs, BLOCK / 2), room(product, BLOCK / 2 + 1));
        let n = x.len() + c.padding();
        for start in (0..n).step_by(BLOCK - 2 * GUARD) {
            for (i, t) in as_numbers(pairs).iter_mut().enumerate() {
                let v = (start + i).checked_sub(GUARD).and_then(|at| x.get(at));
                *t = v.map_or(0.0, |&v| (f64::from(v) * unit) as f32);
            }
            work.transform(&*long.forward, pairs);
            simd.unfold(&long.turns, pairs, bins);
            for (b, g) in bins.iter_mut().zip(gains) {
                *b *= g;
            }
            simd.fold(&long.turns, bins, pairs);
            work.transform(&*long.inverse, pairs);
            let count = (n - start).min(BLOCK - 2 * GUARD);
            done(start, &as_numbers(pairs)[GUARD..GUARD + count], 1.0 / (2 * BLOCK) as f64);
        }
    }
}

impl Measured {
    pub(super) fn unit(&self) -> f64 {
        self.unit
    }

    /// What brings the signal, divided by `divisor`, to the target when `samples` is the length of the longer one of a
    /// pair.
    pub(super) fn scale(&self, c: &Constants, divisor: f64, samples: usize) -> f64 {
        let energy = self.energy * (1.0 - LOST) / (self.unit * divisor).powi(2);
        // The standard keeps the power in single precision.
        let power = (energy / (samples + c.padding()) as f64) as f32;
        (TARGET / f64::from(power)).sqrt()
    }
}

/// The signal over `divisor` at its level, with fades over 15 samples at both ends, as the input filter of P.862.2
/// takes it. That filter's poles are so near to the circle that how its input is rounded can be heard: the operations
/// are the standard's.
pub(super) fn fade(c: &Constants, x: &[f32], divisor: f32, scale: f64, out: &mut [f32]) {
    const FADE: usize = 15;
    let scale = scale as f32;
    out[..c.margin()].fill(0.0);
    out[c.margin() + x.len()..].fill(0.0);
    let region = &mut out[c.margin()..c.margin() + x.len()];
    for (o, &v) in region.iter_mut().zip(x) {
        *o = v / divisor * scale;
    }
    let last = x.len() - 1;
    for k in 0..FADE {
        let gain = (k + 1) as f32 / 16.0;
        region[k] *= gain;
        region[last - k] *= gain;
    }
}

/// The input filter of P.862.2 over the signals only, from silence. One sample waits for the one before, so up to two
/// signals go side by side.
pub(super) fn filter<const S: usize>(c: &Constants, filter: &[f32; 5], mut signals: [(&mut [f32], usize); S]) {
    let [b0, b1, b2, a1, a2] = *filter;
    let (mut w1, mut w2) = ([0.0f32; S], [0.0f32; S]);
    let both = signals.iter().map(|s| s.1).min().unwrap_or(0);
    let all = signals.iter().map(|s| s.1).max().unwrap_or(0);
    let mut step = |x: &mut f32, s: usize| {
        let w = *x - a1 * w1[s] - a2 * w2[s];
        *x = b0 * w + b1 * w1[s] + b2 * w2[s];
        (w2[s], w1[s]) = (w1[s], w);
    };
    let regions = signals.each_mut().map(|(x, n)| &mut x[c.margin()..][..*n]);
    for i in 0..both {
        for s in 0..S {
            step(&mut regions[s][i], s);
        }
    }
    for i in both..all {
        for s in 0..S {
            if let Some(x) = regions[s].get_mut(i) {
                step(x, s);
            }
        }
    }
}

/// What the alignment hears (steps 1.5 and 1.6), from what the model hears, but for the filter.
pub(super) fn centre(c: &Constants, samples: usize, buffer: &mut [f32]) {
    let region = &mut buffer[c.margin()..c.margin() + samples];
    // The sum goes over the signal, the divisor is the length with both margins: the standard's own choice.
    let (groups, rest) = region.as_chunks::<LANES>();
    let mut sums = [0.0f32; LANES];
    for x in groups {
        for l in 0..LANES {
            sums[l] += x[l];
        }
    }
    let mean = (sums.iter().sum::<f32>() + rest.iter().sum::<f32>()) / (samples + 2 * c.margin()) as f32;
    for v in &mut *region {
        *v -= mean;
    }
    let last = samples - 1;
    for k in 0..c.window {
        let gain = (0.5 + k as f32) / c.window as f32;
        region[k] *= gain;
        region[last - k] *= gain;
    }
}

#[cfg(test)]
mod tests {
    use super::super::tables::AT_16K;
    use super::*;

    #[test]
    fn a_unit_is_a_power_of_two_for_every_number() {
        for peak in [1.0, 0.75, 3.4e38, 1e-45, f32::MIN_POSITIVE, 1e30] {
            let scaled = f64::from(peak) * unit(peak);
            assert!((0.5..=1.0).contains(&scaled) && unit(peak).to_bits() << 12 == 0, "{peak}: {scaled}");
        }
        assert_eq!(unit(0.0), 0.0);
    }

    #[test]
    fn blocks_give_what_the_whole_gives() {
        let (transforms, level, irs) = (Transforms::new(), Responses::level(), Responses::irs());
        let filters =
            Filters { c: &AT_16K, simd: Simd::choose(None), transforms: &transforms, level: &level, irs: &irs };
        // Noise, longer than a block and not too long to be filtered as a whole.
        let mut state = 1u32;
        let x: Vec<f32> = (0..BLOCK + BLOCK / 2)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                state as f32 / u32::MAX as f32 - 0.5
            })
            .collect();
        let n = x.len() + AT_16K.padding();
        let mut scratch = Scratch::default();
        let Some(measured) = filters.measure(&x, true, &mut scratch) else { panic!("noise is not silent") };
        let mut whole = vec![0.0; n + 2 * AT_16K.margin()];
        filters.irs(&x, &measured, x.len(), &mut scratch, &mut whole);
        let scale = measured.scale(&AT_16K, 1.0 / measured.unit, x.len());
        let (mut most, mut energy) = (0.0f64, 0.0);
        filters.blocks(&irs, &x, measured.unit, &mut scratch, |start, y, factor| {
            for (a, b) in y.iter().zip(&whole[AT_16K.margin() + start..]) {
                most = most.max((f64::from(*a) * scale * factor - f64::from(*b)).abs());
            }
        });
        filters.blocks(&level, &x, measured.unit, &mut scratch, |_, y, factor| {
            energy += filters.simd.square_sum(y) * factor * factor;
        });
        // Samples are some 3000: 1e-5 of them, from what the response still is after two seconds and from rounding.
        assert!(most < 0.03, "{most}");
        // The same, squared, over all samples; and the 3e-8 that single precision loses.
        assert!((energy / measured.energy - 1.0).abs() < 1e-6, "{energy} {}", measured.energy);
    }
}
