//! Transforms whose lengths are powers of two: plans made once and shared, work memory kept by each thread.
//!
//! Real signals are transformed as complex ones of half the length, sample by sample in pairs; the kernels `unfold`,
//! `fold` and `cross` do what is left.

use crate::simd::Turns;
use rustfft::num_complex::Complex32;
use rustfft::{Fft, FftPlanner};
use std::sync::{Arc, OnceLock};

/// The plans of all lengths met so far.
pub(super) struct Transforms {
    long: [OnceLock<Long>; 40],
}

/// The plans for real signals of one length.
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
        room(&mut self.0, len)
    }

    /// Transforms in place.
    pub(super) fn transform(&mut self, fft: &dyn Fft<f32>, x: &mut [Complex32]) {
        fft.process_with_scratch(x, self.of(fft.get_inplace_scratch_len()));
    }
}

impl Transforms {
    pub(super) fn new() -> Self {
        Self { long: [const { OnceLock::new() }; 40] }
    }

    /// For real signals of `len` samples, or complex ones of half that many; a power of two, 32 at least.
    pub(super) fn long(&self, len: usize) -> &Long {
        debug_assert!(len.is_power_of_two() && len >= 32);
        self.long[len.trailing_zeros() as usize].get_or_init(|| {
            let mut planner = FftPlanner::new();
            let (forward, inverse) = (planner.plan_fft_forward(len / 2), planner.plan_fft_inverse(len / 2));
            Long { forward, inverse, turns: Turns::new(len) }
        })
    }
}

/// A slice of exactly `len` elements at the start of memory that grows when it must.
pub(super) fn room<T: Clone + Default>(memory: &mut Vec<T>, len: usize) -> &mut [T] {
    if memory.len() < len {
        memory.resize(len, T::default());
    }
    &mut memory[..len]
}
