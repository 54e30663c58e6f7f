//! Rows of a convolution network, channels last: products of a few rows with weights that are walked once, strictly forwards.
//!
//! Six places and sixteen outputs at a time are twelve sums in registers; each load of sixteen weights serves six places, each input is spread over
//! sixteen outputs.

use super::lanes::Lanes;

/// Places of a row that are computed at a time.
const PLACES: usize = 6;

/// The shape of one product: see [`rows_product`](super::Simd::rows_product).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RowsShape {
    /// Places of the output.
    pub places: usize,
    /// From the first input of a place to that of the next.
    pub step: usize,
    /// Inputs of a place in each row.
    pub inputs: usize,
    /// Outputs of a place, a multiple of eight.
    pub outputs: usize,
    /// Negative results become zero.
    pub relu: bool,
}

/// Sums of `P` places and `N` times eight outputs. Not a closure anywhere: lanes would leave their registers.
#[inline(always)]
fn tile<V: Lanes, const P: usize, const N: usize>(
    rows: &[&[f32]],
    first: usize,
    shape: &RowsShape,
    weights: &[[f32; 8]],
    bias: &[[f32; 8]],
) -> [[V; N]; P] {
    let mut sums = [[V::splat(0.0); N]; P];
    for n in 0..N {
        let b = V::load(&bias[n]);
        for p in 0..P {
            sums[p][n] = b;
        }
    }
    let inputs = shape.inputs;
    for (row, weights) in rows.iter().zip(weights.chunks_exact(N * inputs)) {
        let mut x: [&[f32]; P] = [&[]; P];
        for p in 0..P {
            x[p] = &row[(first + p) * shape.step..][..inputs];
        }
        // So written, the compiler sees that `k` is within every part of the row.
        for (k, w) in (0..inputs).zip(weights.chunks_exact(N)) {
            let mut loaded = [V::splat(0.0); N];
            for n in 0..N {
                loaded[n] = V::load(&w[n]);
            }
            for p in 0..P {
                let x = V::splat(x[p][k]);
                for n in 0..N {
                    sums[p][n] = x.mul_add(loaded[n], sums[p][n]);
                }
            }
        }
    }
    sums
}

#[inline(always)]
fn places<V: Lanes, const P: usize, const N: usize>(
    rows: &[&[f32]],
    first: usize,
    shape: &RowsShape,
    weights: &[[f32; 8]],
    bias: &[[f32; 8]],
    out: &mut [f32],
    at: usize,
) {
    let sums = tile::<V, P, N>(rows, first, shape, weights, bias);
    let least = V::splat(if shape.relu { 0.0 } else { f32::NEG_INFINITY });
    for p in 0..P {
        let out = &mut out[(first + p) * shape.outputs + at..][..8 * N];
        for n in 0..N {
            out[8 * n..][..8].copy_from_slice(&sums[p][n].max(least).store());
        }
    }
}

#[inline(always)]
fn group<V: Lanes, const N: usize>(
    rows: &[&[f32]],
    shape: &RowsShape,
    weights: &[[f32; 8]],
    bias: &[[f32; 8]],
    out: &mut [f32],
    at: usize,
) {
    let mut first = 0;
    while first + PLACES <= shape.places {
        places::<V, PLACES, N>(rows, first, shape, weights, bias, out, at);
        first += PLACES;
    }
    match shape.places - first {
        1 => places::<V, 1, N>(rows, first, shape, weights, bias, out, at),
        2 => places::<V, 2, N>(rows, first, shape, weights, bias, out, at),
        3 => places::<V, 3, N>(rows, first, shape, weights, bias, out, at),
        4 => places::<V, 4, N>(rows, first, shape, weights, bias, out, at),
        5 => places::<V, 5, N>(rows, first, shape, weights, bias, out, at),
        _ => {}
    }
}

#[inline(always)]
pub(crate) fn rows_product<V: Lanes>(
    rows: &[&[f32]],
    shape: &RowsShape,
    weights: &[[f32; 8]],
    bias: &[[f32; 8]],
    out: &mut [f32],
) {
    let all = rows.len() * shape.inputs;
    let (mut weights, mut bias, mut at) = (weights, bias, 0);
    while at < shape.outputs {
        let wide = shape.outputs - at >= 16;
        let vectors = if wide { 2 } else { 1 };
        let (here, rest) = weights.split_at(vectors * all);
        if wide {
            group::<V, 2>(rows, shape, here, bias, out, at);
        } else {
            group::<V, 1>(rows, shape, here, bias, out, at);
        }
        (weights, bias, at) = (rest, &bias[vectors..], at + 8 * vectors);
    }
}

/// Sums of one place that wait for nothing: eight chains.
const CHAINS: usize = 4;

#[inline(always)]
pub(crate) fn matrix_product<V: Lanes>(x: &[f32], weights: &[[f32; 8]], bias: &[[f32; 8]], out: &mut [f32]) {
    let groups = weights.chunks_exact(CHAINS * x.len().max(1));
    let results = out.as_chunks_mut::<8>().0.chunks_exact_mut(CHAINS).zip(bias.chunks_exact(CHAINS));
    for (weights, (out, bias)) in groups.zip(results) {
        let mut sums = [[V::splat(0.0); CHAINS]; 2];
        for n in 0..CHAINS {
            sums[0][n] = V::load(&bias[n]);
        }
        let (pairs, last) = x.as_chunks::<2>();
        let mut w = weights.chunks_exact(2 * CHAINS);
        for (x, w) in pairs.iter().zip(&mut w) {
            for half in 0..2 {
                let x = V::splat(x[half]);
                for n in 0..CHAINS {
                    sums[half][n] = x.mul_add(V::load(&w[half * CHAINS + n]), sums[half][n]);
                }
            }
        }
        if let ([x], w) = (last, w.remainder())
            && w.len() == CHAINS
        {
            for n in 0..CHAINS {
                sums[0][n] = V::splat(*x).mul_add(V::load(&w[n]), sums[0][n]);
            }
        }
        for n in 0..CHAINS {
            out[n] = sums[0][n].add(sums[1][n]).store();
        }
    }
}
