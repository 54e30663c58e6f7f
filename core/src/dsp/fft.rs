//! The power spectrum of a real frame: Hann window, complex FFT of half the length by rustfft, powers of the real
//! transform from it.

use crate::simd::{RealPower, Simd, as_numbers};
use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

/// Half the longest frame: 20 ms at 192 kHz, rounded up to a power of two, are 4096 points.
pub(crate) const LONGEST_HALF: usize = 2048;

/// The tables of one frame length, shared by all probes of a plan.
pub(crate) struct SpectrumPlan {
    window: Box<[f32]>,
    fft: Arc<dyn Fft<f32>>,
    /// Whether the transform goes from one buffer to the other without a third.
    apart: bool,
    last_step: RealPower,
}

/// What one transform needs and nobody keeps: it lives on the stack of the push. `M` is half the frame's length.
pub(crate) struct Scratch<const M: usize> {
    packed: [Complex32; M],
    work: [Complex32; M],
}

impl<const M: usize> Scratch<M> {
    pub(crate) fn new() -> Self {
        const ZERO: Complex32 = Complex32 { re: 0.0, im: 0.0 };
        Self { packed: [ZERO; M], work: [ZERO; M] }
    }
}

impl SpectrumPlan {
    /// Tables for a frame of `len` samples, a power of two from 16 to twice [`LONGEST_HALF`].
    pub(crate) fn new(len: usize) -> Self {
        let fft = FftPlanner::new().plan_fft_forward(len / 2);
        assert!(fft.get_inplace_scratch_len() <= len / 2, "rustfft works in one more buffer of the same length");
        let window: Box<[f32]> =
            (0..len).map(|n| (0.5 - 0.5 * (core::f64::consts::TAU * n as f64 / len as f64).cos()) as f32).collect();
        // Scaled so that the bins of a signal add up to its mean square: 2 / (N sum of w^2), half of it at both ends.
        let power: f64 = window.iter().map(|&w| f64::from(w) * f64::from(w)).sum();
        Self {
            window,
            apart: fft.get_outofplace_scratch_len() == 0,
            fft,
            last_step: RealPower::new(len, 2.0 / (len as f64 * power)),
        }
    }

    /// The frame length.
    pub(crate) fn len(&self) -> usize {
        self.window.len()
    }

    /// Bins `0..=len/2`: the mean square in each, one-sided. `frame` is the newest `2 M` samples.
    pub(crate) fn power<'s, const M: usize>(&self, simd: Simd, frame: &[f32], s: &'s mut Scratch<M>) -> &'s [f32] {
        simd.window_pairs(frame, &self.window, &mut s.packed);
        // Whichever way it is done, one of the two buffers is then free for the powers.
        let Scratch { packed, work } = s;
        let (transform, free) = if self.apart {
            self.fft.process_outofplace_with_scratch(packed, work, &mut []);
            (work, packed)
        } else {
            self.fft.process_with_scratch(packed, &mut work[..self.fft.get_inplace_scratch_len()]);
            (packed, work)
        };
        let power = &mut as_numbers(free)[..=M];
        simd.real_power(&self.last_step, transform, power);
        power
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Level;

    #[test]
    fn the_bins_add_up_to_the_mean_square_and_the_sine_is_in_its_bin() {
        let plan = SpectrumPlan::new(512);
        let x: Vec<f32> =
            (0..512).map(|n| 0.5 * (core::f64::consts::TAU * 32.0 * f64::from(n) / 512.0).sin() as f32).collect();
        let mut scratch = Scratch::<256>::new();
        let power = plan.power(Simd::choose(None), &x, &mut scratch);
        let total: f32 = power.iter().sum();
        assert!((total - 0.125).abs() < 1e-6, "single precision: {total}");
        assert!(power[31] + power[32] + power[33] > 0.999 * total, "a Hann window spreads a centred line over 3 bins");
    }

    #[test]
    fn scratch_may_be_dirty() {
        let plan = SpectrumPlan::new(256);
        let x: Vec<f32> = (0..256).map(|n| ((n * 37) % 101) as f32 / 101.0 - 0.5).collect();
        let mut clean = Scratch::<128>::new();
        let first = plan.power(Simd::choose(None), &x, &mut clean).to_vec();
        let second = plan.power(Simd::choose(None), &x, &mut clean).to_vec();
        assert_eq!(first, second);
    }

    #[test]
    fn every_length_agrees_with_the_plain_sum() {
        fn check<const M: usize>() {
            let n = 2 * M;
            let plan = SpectrumPlan::new(n);
            // A loud line beside a faint one far away: what the last step loses of the faint one would show.
            let x: Vec<f32> = (0..n)
                .map(|i| {
                    let turns = |k: f64| (core::f64::consts::TAU * (k * i as f64 / n as f64)).sin();
                    (0.9 * turns(3.3) + 1e-5 * turns(0.43 * n as f64) + 0.1) as f32
                })
                .collect();
            let power: f64 = plan.window.iter().map(|&w| f64::from(w) * f64::from(w)).sum();
            for simd in Level::available().iter().map(|&l| Simd::choose(Some(l))) {
                let mut scratch = Scratch::<M>::new();
                let got = plan.power(simd, &x, &mut scratch);
                assert_eq!(got.len(), M + 1);
                for k in (0..=M).filter(|k| M <= 256 || k % 37 == 0 || *k == M) {
                    let (mut re, mut im) = (0.0, 0.0);
                    for (i, (v, w)) in x.iter().zip(&plan.window).enumerate() {
                        let angle = core::f64::consts::TAU * ((k * i) % n) as f64 / n as f64;
                        re += f64::from(v * w) * angle.cos();
                        im -= f64::from(v * w) * angle.sin();
                    }
                    let sides = if k == 0 || k == M { 1.0 } else { 2.0 };
                    let want = (sides * (re * re + im * im) / (n as f64 * power)).sqrt();
                    let error = (f64::from(got[k]).sqrt() - want).abs();
                    assert!(error < 1e-7, "single precision of an amplitude below 1, {n} points, bin {k}: {error}");
                }
            }
        }
        check::<128>();
        check::<256>();
        check::<512>();
        check::<1024>();
        check::<LONGEST_HALF>();
    }
}
