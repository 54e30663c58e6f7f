//! Level and input filter (steps 1.3 and 1.4, 6.3): what the model hears, at a level that does not depend on the input's.

use super::Scratch;
use super::tables::{Constants, IRS_CURVE, LEVEL_CURVE, response};
use super::transform::{Transforms, room};
use std::sync::OnceLock;

/// The power the signal is brought to.
const TARGET: f64 = 1e7;

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

/// A power of two that brings the largest magnitude of `x` to 0.5 .. 1: whatever the scale of the input, no sum
/// overflows and nothing is rounded. Zero if all of `x` is zero.
fn unit(x: &[f32]) -> f64 {
    let peak = x.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    if peak == 0.0 {
        return 0.0;
    }
    // Every `f32`, the smallest too, is a normal `f64`.
    let exponent = ((f64::from(peak).to_bits() >> 52) & 0x7ff) as i64 - 1022;
    f64::from_bits(((1023 - exponent) as u64) << 52)
}

/// What is known of a signal before its level is set.
pub(super) struct Measured {
    unit: f64,
    /// The energy in the telephone band, of the signal times `unit`.
    energy: f64,
}

/// Measures the energy in the telephone band; leaves the spectrum of the signal in `scratch.spectrum` for the input filter. `None` if
/// there is nothing.
pub(super) fn measure(
    c: &Constants,
    transforms: &Transforms,
    curve: &Responses,
    x: &[f32],
    scratch: &mut Scratch,
) -> Option<Measured> {
    let unit = unit(x);
    if unit == 0.0 {
        return None;
    }
    let len = (x.len() + c.padding()).next_power_of_two();
    let time = room(&mut scratch.time, len);
    for (t, &v) in time.iter_mut().zip(x) {
        *t = (f64::from(v) * unit) as f32;
    }
    time[x.len()..].fill(0.0);
    let all: f64 = time.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
    let bins = room(&mut scratch.spectrum, len / 2 + 1);
    transforms.forward(time, bins, &mut scratch.work);
    let filtered = room(&mut scratch.product, len / 2 + 1);
    for ((f, b), g) in filtered.iter_mut().zip(&*bins).zip(curve.gains(c.rate_hz, len)) {
        *f = b * g;
    }
    transforms.inverse(filtered, time, &mut scratch.work);
    let n = x.len() + c.padding();
    let energy = time[..n].iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>() / (len as f64 * len as f64);
    (energy > NOTHING * all).then_some(Measured { unit, energy })
}

impl Measured {
    /// The factor that brings the signal to the target when `samples` is the length of the longer one of a pair.
    pub(super) fn scale(&self, c: &Constants, samples: usize) -> f64 {
        let power = self.energy / (samples + c.padding()) as f64;
        (TARGET / power).sqrt()
    }
}

/// The signal at its level behind the receiving side of a telephone; `out` is the whole buffer, margins and padding
/// included. `scratch.spectrum` is that of [`measure`].
pub(super) fn irs(
    c: &Constants,
    transforms: &Transforms,
    curve: &Responses,
    samples: usize,
    scale: f64,
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
    let scale = (scale / len as f64) as f32;
    for (o, t) in out[c.margin()..].iter_mut().zip(&time[..n]) {
        *o = t * scale;
    }
}

/// The signal at its level behind the input filter of P.862.2, after fades over 15 samples at both ends.
pub(super) fn wideband(c: &Constants, filter: &[f32; 5], x: &[f32], unit: f64, scale: f64, out: &mut [f32]) {
    const FADE: usize = 15;
    out.fill(0.0);
    let region = &mut out[c.margin()..c.margin() + x.len()];
    let scale = scale as f32;
    for (o, &v) in region.iter_mut().zip(x) {
        *o = (f64::from(v) * unit) as f32 * scale;
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

impl Measured {
    pub(super) fn unit(&self) -> f64 {
        self.unit
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
