//! Sums over two signals in double precision, for full-reference scores: four accumulators of four lanes each, which the
//! compiler turns into vectors. No multiply-add is fused, so that every level gives the same bits.

use super::lanes::Lanes;

/// Lanes of one sum: long enough to hide the latency of an addition behind others.
const WIDE: usize = 16;

#[inline(always)]
fn total(l: [f64; WIDE]) -> f64 {
    let mut four = [0.0; 4];
    for i in 0..4 {
        four[i] = (l[i] + l[i + 4]) + (l[i + 8] + l[i + 12]);
    }
    (four[0] + four[1]) + (four[2] + four[3])
}

#[inline(always)]
pub(crate) fn pair_sums<V: Lanes>(a: &[f64], b: &[f64]) -> [f64; 2] {
    let (mut sa, mut sb) = ([0.0; WIDE], [0.0; WIDE]);
    let (a, b) = (a.chunks_exact(WIDE), b.chunks_exact(WIDE));
    let (rest_a, rest_b) = (a.remainder(), b.remainder());
    for (x, y) in a.zip(b) {
        for l in 0..WIDE {
            sa[l] += x[l];
            sb[l] += y[l];
        }
    }
    for (l, (x, y)) in rest_a.iter().zip(rest_b).enumerate() {
        sa[l] += x;
        sb[l] += y;
    }
    [total(sa), total(sb)]
}

#[inline(always)]
pub(crate) fn pair_products<V: Lanes>(a: &[f64], b: &[f64], mean_a: f64, mean_b: f64) -> [f64; 3] {
    let (mut ab, mut aa, mut bb) = ([0.0; WIDE], [0.0; WIDE], [0.0; WIDE]);
    let (a, b) = (a.chunks_exact(WIDE), b.chunks_exact(WIDE));
    let (rest_a, rest_b) = (a.remainder(), b.remainder());
    for (x, y) in a.zip(b) {
        for l in 0..WIDE {
            let (x, y) = (x[l] - mean_a, y[l] - mean_b);
            ab[l] += x * y;
            aa[l] += x * x;
            bb[l] += y * y;
        }
    }
    for (l, (x, y)) in rest_a.iter().zip(rest_b).enumerate() {
        let (x, y) = (x - mean_a, y - mean_b);
        ab[l] += x * y;
        aa[l] += x * x;
        bb[l] += y * y;
    }
    [total(ab), total(aa), total(bb)]
}

#[inline(always)]
pub(crate) fn scaled_error<V: Lanes>(a: &[f64], b: &[f64], gain: f64, mean_a: f64, mean_b: f64) -> [f64; 2] {
    let (mut signal, mut error) = ([0.0; WIDE], [0.0; WIDE]);
    let (a, b) = (a.chunks_exact(WIDE), b.chunks_exact(WIDE));
    let (rest_a, rest_b) = (a.remainder(), b.remainder());
    for (x, y) in a.zip(b) {
        for l in 0..WIDE {
            let target = gain * (x[l] - mean_a);
            let off = (y[l] - mean_b) - target;
            signal[l] += target * target;
            error[l] += off * off;
        }
    }
    for (l, (x, y)) in rest_a.iter().zip(rest_b).enumerate() {
        let target = gain * (x - mean_a);
        let off = (y - mean_b) - target;
        signal[l] += target * target;
        error[l] += off * off;
    }
    [total(signal), total(error)]
}
