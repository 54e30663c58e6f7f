//! Level and input filter (steps 1.3 and 1.4, 6.3): what the model hears, at a level that does not depend on the input's.

use super::Scratch;
use super::tables::{Constants, IRS_CURVE, LEVEL_CURVE, response};
use super::transform::{Transforms, room};
use realfft::num_complex::Complex32;
use std::sync::OnceLock;

/// The power the signal is brought to.
const TARGET: f64 = 1e7;

/// The share of the energy that the standard's own transforms lose by rounding: measured by which levels, counted in last
/// bits, give its scores in the wide band (transforms of 2^18 and 2^19 samples). It matters only there.
const LOST: f64 = 3e-8;

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
#[derive(Clone, Copy)]
pub(super) struct Measured {
    unit: f64,
    /// The largest magnitude.
    pub peak: f32,
    /// The energy in the telephone band, of the signal times `unit`.
    energy: f64,
}

/// Measures the energy in the telephone band; `None` if there is nothing. Leaves the spectrum of the signal in
/// `scratch.spectrum` for the input filter of the narrow band.
pub(super) fn measure(
    c: &Constants,
    transforms: &Transforms,
    curve: &Responses,
    x: &[f32],
    scratch: &mut Scratch,
) -> Option<Measured> {
    let peak = x.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    let unit = unit(peak);
    if unit == 0.0 {
        return None;
    }
    let n = x.len() + c.padding();
    let len = n.next_power_of_two();
    let time = room(&mut scratch.time, len);
    for (t, &v) in time.iter_mut().zip(x) {
        *t = (f64::from(v) * unit) as f32;
    }
    time[x.len()..].fill(0.0);
    let all = energy(&time[..x.len()]);
    let bins = room(&mut scratch.spectrum, len / 2 + 1);
    transforms.forward(time, bins, &mut scratch.work);

    // The band ends far below 4 kHz, so a signal of 16 kHz is as well known by every second sample.
    let half = if c.rate_hz > 8000 { 2 } else { 1 };
    let short = len / half;
    let filtered = room(&mut scratch.product, short / 2 + 1);
    for ((f, b), g) in filtered.iter_mut().zip(&*bins).zip(curve.gains(c.rate_hz, len)) {
        *f = b * g;
    }
    // A transform in single precision may lose some 1e-7 of the energy, always in the same direction. That is what it takes
    // to round the level, and with it every sample, in another way than the standard's own code; so the energy is
    // taken from the samples, and only shares of it from what transforms say: in the band, and in time.
    let band = bins_energy(filtered) / bins_energy(bins);
    transforms.inverse(filtered, &mut time[..short], &mut scratch.work);
    let (inside, outside) = time[..short].split_at(n.div_ceil(half));
    let inside = energy(inside);
    let energy = all * band * inside / (inside + energy(outside));
    (band > NOTHING && energy.is_finite()).then_some(Measured { unit, peak, energy })
}

fn energy(x: &[f32]) -> f64 {
    x.iter().map(|&v| f64::from(v) * f64::from(v)).sum()
}

/// The sum of the squares of all bins of a real signal, of which half are given; the first and the last have no twin.
fn bins_energy(bins: &[Complex32]) -> f64 {
    let power = |b: &Complex32| f64::from(b.re) * f64::from(b.re) + f64::from(b.im) * f64::from(b.im);
    let ends: f64 = [bins.first(), bins.last()].into_iter().flatten().map(power).sum();
    2.0 * bins.iter().map(power).sum::<f64>() - ends
}

impl Measured {
    /// What brings the signal, divided by `divisor`, to the target when `samples` is the length of the longer one of a
    /// pair.
    pub(super) fn scale(&self, c: &Constants, divisor: f64, samples: usize) -> f64 {
        let energy = self.energy * (1.0 - LOST) / (self.unit * divisor).powi(2);
        // The standard keeps the power in single precision.
        let power = (energy / (samples + c.padding()) as f64) as f32;
        (TARGET / f64::from(power)).sqrt()
    }
}

/// The signal at its level behind the receiving side of a telephone; `out` is the whole buffer, margins and padding
/// included. `scratch.spectrum` is that of [`measure`].
pub(super) fn irs(
    c: &Constants,
    transforms: &Transforms,
    curve: &Responses,
    measured: &Measured,
    samples: usize,
    longer: usize,
    scratch: &mut Scratch,
    out: &mut [f32],
) {
    let n = samples + c.padding();
    let len = n.next_power_of_two();
    let bins = room(&mut scratch.spectrum, len / 2 + 1);
    for (b, g) in bins.iter_mut().zip(curve.gains(c.rate_hz, len)) {
        *b *= g;
    }
    let time = room(&mut scratch.time, len);
    transforms.inverse(bins, time, &mut scratch.work);
    out[..c.margin()].fill(0.0);
    out[c.margin() + n..].fill(0.0);
    // The spectrum is that of the signal times `unit`.
    let scale = (measured.scale(c, 1.0 / measured.unit, longer) / len as f64) as f32;
    for (o, t) in out[c.margin()..].iter_mut().zip(&time[..n]) {
        *o = t * scale;
    }
}

/// The signal over `divisor` at its level behind the input filter of P.862.2, after fades over 15 samples at both ends. The filter's
/// poles are so near to the circle that how its input is rounded can be heard: the operations are the standard's.
pub(super) fn wideband(c: &Constants, filter: &[f32; 5], x: &[f32], divisor: f32, scale: f64, out: &mut [f32]) {
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
    let [b0, b1, b2, a1, a2] = *filter;
    let (mut w1, mut w2) = (0.0f32, 0.0f32);
    for v in region {
        let w = *v - a1 * w1 - a2 * w2;
        *v = b0 * w + b1 * w1 + b2 * w2;
        (w2, w1) = (w1, w);
    }
}

/// What the alignment hears (steps 1.5 and 1.6), from what the model hears.
pub(super) fn alignment_filter(
    c: &Constants,
    simd: crate::simd::Simd,
    cascade: &crate::simd::Cascade,
    samples: usize,
    buffer: &mut [f32],
) {
    let region = &mut buffer[c.margin()..c.margin() + samples];
    // The sum goes over the signal, the divisor is the length with both margins: the standard's own choice.
    let mean = region.iter().sum::<f32>() / (samples + 2 * c.margin()) as f32;
    for v in &mut *region {
        *v -= mean;
    }
    let last = samples - 1;
    for k in 0..c.window {
        let gain = (0.5 + k as f32) / c.window as f32;
        region[k] *= gain;
        region[last - k] *= gain;
    }
    simd.cascade(cascade, buffer);
}
