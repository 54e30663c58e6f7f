//! The power spectrum of a real frame: Hann window, real FFT by realfft.

use crate::simd::Simd;
use realfft::num_complex::Complex32;
use realfft::{RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// The longest frame: 20 ms at 192 kHz, rounded up to a power of two.
pub(crate) const LONGEST: usize = 4096;

/// The tables of one frame length, shared by all probes of a plan.
pub(crate) struct SpectrumPlan {
    window: Box<[f32]>,
    fft: Arc<dyn RealToComplex<f32>>,
    scale: f32,
}

/// What one transform needs and nobody keeps: it lives on the stack of the push.
pub(crate) struct Scratch<const N: usize> {
    real: [f32; N],
    complex: [Complex32; N],
    work: [Complex32; N],
}

impl<const N: usize> Scratch<N> {
    pub(crate) fn new() -> Self {
        const ZERO: Complex32 = Complex32 { re: 0.0, im: 0.0 };
        Self { real: [0.0; N], complex: [ZERO; N], work: [ZERO; N] }
    }
}

impl SpectrumPlan {
    /// Tables for a frame of `len` samples, a power of two up to [`LONGEST`].
    pub(crate) fn new(len: usize) -> Self {
        let fft = RealFftPlanner::new().plan_fft_forward(len);
        debug_assert!(fft.get_scratch_len() <= len);
        let window: Box<[f32]> =
            (0..len).map(|n| (0.5 - 0.5 * (core::f64::consts::TAU * n as f64 / len as f64).cos()) as f32).collect();
        // Scaled so that the bins of a signal add up to its mean square: 2 / (N sum of w^2), half of it at both ends.
        let power: f64 = window.iter().map(|&w| f64::from(w) * f64::from(w)).sum();
        Self { window, fft, scale: (2.0 / (len as f64 * power)) as f32 }
    }

    /// The frame length.
    pub(crate) fn len(&self) -> usize {
        self.window.len()
    }

    /// Bins `0..=len/2`: the mean square in each, one-sided. `frame` is the newest `N` samples.
    pub(crate) fn power<'s, const N: usize>(&self, simd: Simd, frame: &[f32], s: &'s mut Scratch<N>) -> &'s [f32] {
        let bins = N / 2 + 1;
        simd.apply_window(frame, &self.window, &mut s.real);
        let work = &mut s.work[..self.fft.get_scratch_len().min(N)];
        // The lengths are right by construction; were they not, the spectrum would read as silence.
        if self.fft.process_with_scratch(&mut s.real, &mut s.complex[..bins], work).is_err() {
            s.complex.fill(Complex32::default());
        }
        for (p, c) in s.real.iter_mut().zip(&s.complex[..bins]) {
            *p = (c.re * c.re + c.im * c.im) * self.scale;
        }
        s.real[0] *= 0.5;
        s.real[bins - 1] *= 0.5;
        &s.real[..bins]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bins_add_up_to_the_mean_square_and_the_sine_is_in_its_bin() {
        let plan = SpectrumPlan::new(512);
        let x: Vec<f32> =
            (0..512).map(|n| 0.5 * (core::f64::consts::TAU * 32.0 * f64::from(n) / 512.0).sin() as f32).collect();
        let mut scratch = Scratch::<512>::new();
        let power = plan.power(Simd::choose(None), &x, &mut scratch);
        let total: f32 = power.iter().sum();
        assert!((total - 0.125).abs() < 1e-6, "single precision: {total}");
        assert!(power[31] + power[32] + power[33] > 0.999 * total, "a Hann window spreads a centred line over 3 bins");
    }

    #[test]
    fn scratch_may_be_dirty() {
        let plan = SpectrumPlan::new(256);
        let x: Vec<f32> = (0..256).map(|n| ((n * 37) % 101) as f32 / 101.0 - 0.5).collect();
        let mut clean = Scratch::<256>::new();
        let first = plan.power(Simd::choose(None), &x, &mut clean).to_vec();
        let second = plan.power(Simd::choose(None), &x, &mut clean).to_vec();
        assert_eq!(first, second);
    }
}
