//! The envelope of ITU-T P.56: two equal smoothers in a row over the magnitude, a block of samples at a time.

pub(crate) use crate::simd::{Envelope, POINTS};

impl Envelope {
    /// The table for smoothers that keep `g` of themselves from one sample to the next, in blocks of `block` samples, a
    /// multiple of eight.
    ///
    /// A sample that is `n` samples old is worth `(1 - g) g^n` in the first smoother and `(1 - g)^2 (n + 1) g^n` in the
    /// second. After `n` samples each smoother has kept `g^n` of itself, and `n (1 - g) g^n` of the first has come into the
    /// second.
    pub(crate) fn new(g: f64, block: usize) -> Self {
        let power = |n: usize| g.powi(n as i32);
        let worth = |age: usize| [(1.0 - g) * power(age), (1.0 - g) * (1.0 - g) * (age + 1) as f64 * power(age)];
        let group = |k: usize, w: usize| core::array::from_fn(|i| worth(block - 1 - 8 * k - i)[w] as f32);
        Self {
            weights: (0..block / 8).map(|k| [group(k, 0), group(k, 1)]).collect(),
            decay: (0..=block).map(|n| [power(n) as f32, (n as f64 * (1.0 - g) * power(n)) as f32]).collect(),
        }
    }
}
