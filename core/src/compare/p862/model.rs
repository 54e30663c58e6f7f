//! The perceptual model: pitch power densities, loudness, disturbance (spec/03 and 04, 4.1 to 4.3).

use super::Scratch;
use super::tables::{Band, Constants, LOUDNESS_SCALE};
use super::transform::room;
use crate::simd::{Bands, LANES, RealPower, Simd};
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

/// Bands of the finest scale, in whole groups of lanes.
pub(super) const MOST_BANDS: usize = 56;

/// Below this audible power, 20 dB over the threshold counted, a frame of the reference is silent.
const SILENT: f64 = 1e7;

/// The tables of the model.
pub(super) struct Ear {
    simd: Simd,
    hann: Box<[f32]>,
    fft: Arc<dyn Fft<f32>>,
    last_step: RealPower,
    bands: &'static [Band],
    /// From the power of each band to its density.
    densities: Vec<f64>,
    lanes: Bands,
    total_width: f64,
}

impl Ear {
    pub(super) fn new(c: &Constants, simd: Simd) -> Self {
        let lanes = c.bands.len().next_multiple_of(LANES);
        // The lowest band does not count, nor do lanes without a band.
        let table = |f: &dyn Fn(&Band) -> f64, none: f32| -> Vec<f32> {
            let of = |i| if i == 0 { None } else { c.bands.get(i) };
            (0..lanes).map(|i| of(i).map_or(none, |b| f(b) as f32)).collect()
        };
        // Loudness grows faster with power below 4 Bark.
        let exponent = |b: &Band| {
            let low = if b.centre_bark < 4.0 { (6.0 / (b.centre_bark + 2.0)).min(2.0) } else { 1.0 };
            0.23 * low.powf(0.15)
        };
        let threshold = |b: &Band| f64::from(b.threshold);
        Self {
            simd,
            hann: hann(c.frame),
            fft: FftPlanner::new().plan_fft_forward(c.frame / 2),
            last_step: RealPower::new(c.frame, 1.0),
            bands: c.bands,
            densities: c.bands.iter().map(|b| b.correction * c.pitch_scale).collect(),
            lanes: Bands {
                threshold: table(&threshold, f32::INFINITY),
                half_over_threshold: table(&|b| 0.5 / threshold(b), 0.0),
                exponent: table(&exponent, 0.0),
                scale: table(&|b| (threshold(b) / 0.5).powf(exponent(b)) * LOUDNESS_SCALE, 0.0),
                width: table(&|b| b.width_bark, 0.0),
            },
            total_width: c.bands[1..].iter().map(|b| b.width_bark).sum(),
        }
    }

    /// Densities of a frame: one for each band, in whole groups of lanes.
    pub(super) fn bands(&self) -> usize {
        self.lanes.threshold.len()
    }

    /// The pitch power densities of one frame of samples (steps 3.2 and 3.3).
    pub(super) fn densities(&self, x: &[f32], scratch: &mut Scratch, out: &mut [f32]) {
        let half = self.hann.len() / 2;
        let Scratch { frame, power, work, .. } = scratch;
        let (frame, power) = (room(frame, half), room(power, half + 1));
        self.simd.window_pairs(&x[..2 * half], &self.hann, frame);
        self.fft.process_with_scratch(frame, work.of(self.fft.get_inplace_scratch_len()));
        self.simd.real_power(&self.last_step, frame, power);
        power[0] = 0.0;
        let mut at = 0;
        let (out, no_band) = out.split_at_mut(self.bands.len());
        // What lies there is scaled with the rest: left alone, it would grow from pair to pair until it is infinite.
        no_band.fill(0.0);
        for ((band, factor), o) in self.bands.iter().zip(&self.densities).zip(out) {
            let sum: f64 = power[at..at + band.bins].iter().map(|&p| f64::from(p)).sum();
            at += band.bins;
            *o = (sum * factor) as f32;
        }
    }

    /// The power over `factor` times the threshold (step 3.4).
    pub(super) fn audible(&self, densities: &[f32], factor: f32) -> f64 {
        self.simd.audible(&self.lanes, factor, densities)
    }

    pub(super) fn is_silent(&self, densities: &[f32]) -> bool {
        self.audible(densities, 100.0) < SILENT
    }

    /// Adds what is well audible of a frame to the sums over time (step 3.5).
    pub(super) fn accumulate(&self, densities: &[f32], sums: &mut [f64; MOST_BANDS]) {
        for ((t, &p), s) in self.lanes.threshold.iter().zip(densities).zip(sums) {
            *s += f64::from(if p > 100.0 * t { p } else { 0.0 });
        }
    }

    /// How much a frame is disturbed, and how much by what was added; the degraded densities are brought to the level
    /// of the reference on the way (step 3.7), with `gain` from frame to frame.
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
        let (squares, added) = self.simd.disturbance(&self.lanes, reference, degraded);
        // The mean over the width within the root, the width once more outside.
        (((squares / self.total_width).sqrt() * self.total_width) as f32, added as f32)
    }
}

pub(super) fn hann(len: usize) -> Box<[f32]> {
    (0..len).map(|n| (0.5 * (1.0 - (core::f64::consts::TAU * n as f64 / len as f64).cos())) as f32).collect()
}
