//! Real transforms whose lengths are powers of two: plans made once and shared, work memory kept by each thread.

use crate::simd::Turns;
use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::{Fft, FftPlanner};
use std::sync::{Arc, OnceLock};

#[derive(Clone)]
struct Pair {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
}

/// The plans of all lengths met so far.
pub(super) struct Transforms {
    plans: [OnceLock<Pair>; 40],
    long: [OnceLock<Long>; 40],
}

/// The plans of a long signal: its pairs are transformed, what is left to be done for a real one is a kernel's.
pub(super) struct Long {
    pub forward: Arc<dyn Fft<f32>>,
    pub inverse: Arc<dyn Fft<f32>>,
    pub turns: Turns,
}

/// Work memory of the transforms of one thread.
#[derive(Default)]
pub(super) struct Work(Vec<Complex32>);

impl Work {
    pub(super) fn of(&mut self, len: usize) -> &mut [Complex32] {
        if self.0.len() < len {
            self.0.resize(len, Complex32::default());
        }
        &mut self.0[..len]
    }
}

impl Transforms {
    pub(super) fn new() -> Self {
        Self { plans: [const { OnceLock::new() }; 40], long: [const { OnceLock::new() }; 40] }
    }

    fn plan(&self, len: usize) -> &Pair {
        debug_assert!(len.is_power_of_two());
        self.plans[len.trailing_zeros() as usize].get_or_init(|| {
            let mut planner = RealFftPlanner::new();
            Pair { forward: planner.plan_fft_forward(len), inverse: planner.plan_fft_inverse(len) }
        })
    }

    /// For real signals of `len` samples, or complex ones of half that many.
    pub(super) fn long(&self, len: usize) -> &Long {
        self.long[len.trailing_zeros() as usize].get_or_init(|| {
            let mut planner = FftPlanner::new();
            let (forward, inverse) = (planner.plan_fft_forward(len / 2), planner.plan_fft_inverse(len / 2));
            Long { forward, inverse, turns: Turns::new(len) }
        })
    }

    /// The bins `0..=len/2` of `x`, which is overwritten; `out` has room for exactly these.
    pub(super) fn forward(&self, x: &mut [f32], out: &mut [Complex32], work: &mut Work) {
        let plan = &self.plan(x.len()).forward;
        let done = plan.process_with_scratch(x, out, work.of(plan.get_scratch_len()));
        debug_assert!(done.is_ok(), "the lengths fit");
    }

    /// The signal of the bins `0..=len/2`, which are overwritten, times its length.
    pub(super) fn inverse(&self, bins: &mut [Complex32], out: &mut [f32], work: &mut Work) {
        // The first and the last bin of a real signal are real; rounding may say otherwise.
        if let [first, .., last] = bins {
            (first.im, last.im) = (0.0, 0.0);
        }
        let plan = &self.plan(out.len()).inverse;
        let done = plan.process_with_scratch(bins, out, work.of(plan.get_scratch_len()));
        debug_assert!(done.is_ok(), "the lengths fit");
    }
}

impl Work {
    /// Transforms in place.
    pub(super) fn transform(&mut self, fft: &dyn Fft<f32>, x: &mut [Complex32]) {
        fft.process_with_scratch(x, self.of(fft.get_inplace_scratch_len()));
    }
}

/// A slice of exactly `len` elements at the start of memory that grows when it must.
pub(super) fn room<T: Clone + Default>(memory: &mut Vec<T>, len: usize) -> &mut [T] {
    if memory.len() < len {
        memory.resize(len, T::default());
    }
    &mut memory[..len]
}
