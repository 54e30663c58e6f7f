//! Real transforms whose lengths are powers of two: plans made once and shared, work memory kept by each thread.

use realfft::num_complex::Complex32;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use std::sync::{Arc, OnceLock};

#[derive(Clone)]
struct Pair {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
}

/// The plans of all lengths met so far.
pub(super) struct Transforms {
    plans: [OnceLock<Pair>; 40],
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
        Self { plans: [const { OnceLock::new() }; 40] }
    }

    fn plan(&self, len: usize) -> &Pair {
        debug_assert!(len.is_power_of_two());
        self.plans[len.trailing_zeros() as usize].get_or_init(|| {
            let mut planner = RealFftPlanner::new();
            Pair { forward: planner.plan_fft_forward(len), inverse: planner.plan_fft_inverse(len) }
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

/// A slice of exactly `len` elements at the start of memory that grows when it must.
pub(super) fn room<T: Clone + Default>(memory: &mut Vec<T>, len: usize) -> &mut [T] {
    if memory.len() < len {
        memory.resize(len, T::default());
    }
    &mut memory[..len]
}
