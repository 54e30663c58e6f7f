//! The perceptual model: pitch power densities, loudness, disturbance (spec/03 and 04, 4.1 to 4.3).

use super::tables::{Band, Constants, LOUDNESS_SCALE};
use super::transform::{Transforms, Work, room};
use realfft::num_complex::Complex32;

/// Bands of the finest scale.
pub(super) const MOST_BANDS: usize = 49;

/// Below this audible power, 20 dB over the threshold counted, a frame of the reference is silent.
const SILENT: f64 = 1e7;

/// The tables of the model.
pub(super) struct Ear {
    pub hann: Box<[f32]>,
    bands: &'static [Band],
    pitch_scale: f64,
    /// Per band: the exponent of loudness, and the loudness at threshold with all scales in it.
    zwicker: Vec<(f64, f64)>,
    total_width: f64,
}

/// Work memory of the model.
#[derive(Default)]
pub(super) struct Bins {
    time: Vec<f32>,
    bins: Vec<Complex32>,
}

impl Ear {
    pub(super) fn new(c: &Constants) -> Self {
        let zwicker = c.bands.iter().map(|b| {
            // Loudness grows faster with power below 4 Bark.
            let low = if b.centre_bark < 4.0 { (6.0 / (b.centre_bark + 2.0)).min(2.0) } else { 1.0 };
            let exponent = 0.23 * low.powf(0.15);
            (exponent, (f64::from(b.threshold) / 0.5).powf(exponent) * LOUDNESS_SCALE)
        });
        Self {
            hann: hann(c.frame),
            bands: c.bands,
            pitch_scale: c.pitch_scale,
            zwicker: zwicker.collect(),
            total_width: c.bands[1..].iter().map(|b| b.width_bark).sum(),
        }
    }

    pub(super) fn bands(&self) -> usize {
        self.bands.len()
    }

    /// The pitch power densities of one frame of samples (steps 3.2 and 3.3).
    pub(super) fn densities(
        &self,
        transforms: &Transforms,
        x: &[f32],
        memory: &mut Bins,
        work: &mut Work,
        out: &mut [f32],
    ) {
        let len = self.hann.len();
        let time = room(&mut memory.time, len);
        for ((t, v), w) in time.iter_mut().zip(x).zip(&self.hann) {
            *t = v * w;
        }
        let bins = room(&mut memory.bins, len / 2 + 1);
        transforms.forward(time, bins, work);
        bins[0] = Complex32::default();
        let mut at = 0;
        for (band, o) in self.bands.iter().zip(out) {
            let power: f64 = bins[at..at + band.bins].iter().map(|b| f64::from(b.re * b.re + b.im * b.im)).sum();
            at += band.bins;
            *o = (power * band.correction * self.pitch_scale) as f32;
        }
    }

    /// The power over `factor` times the threshold; the lowest band does not count (step 3.4).
    pub(super) fn audible(&self, densities: &[f32], factor: f32) -> f64 {
        self.bands[1..]
            .iter()
            .zip(&densities[1..])
            .filter(|(b, p)| **p > factor * b.threshold)
            .map(|(_, &p)| f64::from(p))
            .sum()
    }

    pub(super) fn is_silent(&self, densities: &[f32]) -> bool {
        self.audible(densities, 100.0) < SILENT
    }

    /// Adds what is well audible of a frame to the sums over time (step 3.5).
    pub(super) fn accumulate(&self, densities: &[f32], sums: &mut [f64; MOST_BANDS]) {
        for ((b, &p), s) in self.bands.iter().zip(densities).zip(sums) {
            if p > 100.0 * b.threshold {
                *s += f64::from(p);
            }
        }
    }

    fn loudness(&self, densities: &[f32], out: &mut [f32; MOST_BANDS]) {
        for (((b, &p), o), (exponent, scale)) in self.bands.iter().zip(densities).zip(out).zip(&self.zwicker) {
            *o = if p > b.threshold {
                (scale * ((0.5 + 0.5 * f64::from(p) / f64::from(b.threshold)).powf(*exponent) - 1.0)) as f32
            } else {
                0.0
            };
        }
    }

    /// How much a frame is disturbed, and how much by what was added; the degraded densities are brought to the level of
    /// the reference on the way (step 3.7), with `gain` from frame to frame.
    pub(super) fn disturbance(
        &self,
        reference: &[f32],
        degraded: &mut [f32],
        audible: f64,
        first: bool,
        gain: &mut f64,
    ) -> (f32, f32) {
        let mut scale = (audible + 5e3) / (self.audible(degraded, 1.0) + 5e3);
        if !first {
            scale = 0.2 * *gain + 0.8 * scale;
        }
        *gain = scale;
        let scale = scale.clamp(3e-4, 5.0) as f32;
        for v in &mut *degraded {
            *v *= scale;
        }
        let (mut there, mut here) = ([0.0; MOST_BANDS], [0.0; MOST_BANDS]);
        self.loudness(degraded, &mut there);
        self.loudness(reference, &mut here);
        let (mut squares, mut added) = (0.0f64, 0.0f64);
        for b in 1..self.bands.len() {
            let d = there[b] - here[b];
            let zone = 0.25 * there[b].min(here[b]);
            let d = if d > zone {
                d - zone
            } else if d < -zone {
                d + zone
            } else {
                0.0
            };
            let weighted = f64::from(d).abs() * self.bands[b].width_bark;
            squares += weighted * weighted;
            let ratio = (f64::from(degraded[b]) + 50.0) / (f64::from(reference[b]) + 50.0);
            let factor = ratio.powf(1.2).min(12.0);
            if factor >= 3.0 {
                added += weighted * factor;
            }
        }
        // The mean over the width within the root, the width once more outside.
        (((squares / self.total_width).sqrt() * self.total_width) as f32, added as f32)
    }
}

pub(super) fn hann(len: usize) -> Box<[f32]> {
    (0..len).map(|n| (0.5 * (1.0 - (core::f64::consts::TAU * n as f64 / len as f64).cos())) as f32).collect()
}
