//! Weights as the kernels read them.

/// Weights in the order in which the kernels read them.
pub(super) struct Packed {
    pub weights: Vec<[f32; 8]>,
    pub bias: Vec<[f32; 8]>,
}

/// Orders `weight(output, input)` for [`Simd::rows_product`](crate::simd::Simd::rows_product) (`group` 16; the last group may be half of it) or
/// [`Simd::matrix_product`](crate::simd::Simd::matrix_product) (`group` 32, filled up with zeros).
pub(super) fn pack(
    outputs: usize,
    inputs: usize,
    group: usize,
    weight: impl Fn(usize, usize) -> f32,
    bias: &[f32],
) -> Packed {
    let padded = if group == 16 { outputs } else { outputs.next_multiple_of(group) };
    let mut packed = Packed { weights: Vec::new(), bias: Vec::new() };
    for first in (0..padded).step_by(group) {
        let eights = (padded - first).min(group) / 8;
        for k in 0..inputs {
            for e in 0..eights {
                let output = |l: usize| first + 8 * e + l;
                packed
                    .weights
                    .push(core::array::from_fn(|l| if output(l) < outputs { weight(output(l), k) } else { 0.0 }));
            }
        }
    }
    packed.bias =
        (0..padded / 8).map(|e| core::array::from_fn(|l| bias.get(8 * e + l).copied().unwrap_or(0.0))).collect();
    packed
}
