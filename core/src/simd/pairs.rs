//! Sums over two signals, and what their spectra are made of, in double precision, for full-reference scores: four accumulators of four lanes each, which the
//! compiler turns into vectors. No multiply-add is fused, so that every level gives the same bits.

use super::lanes::Lanes;
use rustfft::num_complex::Complex64;

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

/// Lags of an autocorrelation: the highest order of a predictor is 16, and four make a group.
pub(crate) const MOST_LAGS: usize = 20;

#[inline(always)]
pub(crate) fn autocorrelation<V: Lanes>(padded: &[f64]) -> [f64; MOST_LAGS] {
    let mut sums = [0.0; MOST_LAGS];
    for x in padded.windows(MOST_LAGS) {
        for (sum, later) in sums.iter_mut().zip(x) {
            *sum += x[0] * later;
        }
    }
    sums
}

#[inline(always)]
pub(crate) fn windowed_error<V: Lanes>(a: &[f64], b: &[f64], window: &[f64]) -> [f64; 2] {
    let (mut energy, mut error) = ([0.0; WIDE], [0.0; WIDE]);
    for ((a, b), w) in a.chunks(WIDE).zip(b.chunks(WIDE)).zip(window.chunks(WIDE)) {
        for (l, ((a, b), w)) in a.iter().zip(b).zip(w).enumerate() {
            let (x, y) = (a * w, b * w);
            energy[l] += x * x;
            error[l] += (x - y) * (x - y);
        }
    }
    [total(energy), total(error)]
}

/// Two windowed frames as the real and the imaginary part of one, each sample with a little added.
#[inline(always)]
pub(crate) fn pack_pair<V: Lanes>(a: &[f64], b: &[f64], window: &[f64], added: f64, out: &mut [Complex64]) {
    for (((a, b), w), z) in a.iter().zip(b).zip(window).zip(out) {
        *z = Complex64::new((a + added) * w, (b + added) * w);
    }
}

/// What two real frames have in a bin, from the transform of both as one complex one.
#[inline(always)]
fn parted(z: Complex64, mirrored: Complex64) -> [f64; 2] {
    let (a, b) = (0.5 * (z.re + mirrored.re), 0.5 * (z.im - mirrored.im));
    let (c, d) = (0.5 * (z.im + mirrored.im), 0.5 * (mirrored.re - z.re));
    [a * a + b * b, c * c + d * d]
}

#[inline(always)]
pub(crate) fn part_powers<V: Lanes>(z: &[Complex64], powers: &mut [Vec<f64>; 2], sizes: &mut [Vec<f64>; 2]) {
    const GROUP: usize = 4;
    let half = powers[0].len();
    let [power_a, power_b] = powers;
    let [size_a, size_b] = sizes;
    let n = z.len();
    let first = parted(z[0], z[0]);
    (power_a[0], power_b[0]) = (first[0], first[1]);
    let (up, down) = (&z[1..half], &z[n - half + 1..]);
    let whole = (half - 1) / GROUP * GROUP;
    let groups = up[..whole].chunks_exact(GROUP).zip(down[down.len() - whole..].rchunks_exact(GROUP));
    let out = power_a[1..].chunks_exact_mut(GROUP).zip(power_b[1..].chunks_exact_mut(GROUP));
    for ((up, down), (a, b)) in groups.zip(out) {
        let mut two = [[0.0; GROUP]; 2];
        for l in 0..GROUP {
            let [x, y] = parted(up[l], down[GROUP - 1 - l]);
            (two[0][l], two[1][l]) = (x, y);
        }
        a.copy_from_slice(&two[0]);
        b.copy_from_slice(&two[1]);
    }
    for k in whole + 1..half {
        [power_a[k], power_b[k]] = parted(z[k], z[n - k]);
    }
    for (power, size) in [(&*power_a, size_a), (&*power_b, size_b)] {
        for (s, p) in size.iter_mut().zip(power) {
            *s = p.sqrt();
        }
    }
}

/// The sum of each of four spectra under the same weights.
#[inline(always)]
pub(crate) fn dot_four<V: Lanes>(weights: &[f64], x: [&[f64]; 4]) -> [f64; 4] {
    let mut sums = [[0.0; 4]; 4];
    let groups = weights.chunks_exact(4);
    let whole = weights.len() - groups.remainder().len();
    for (g, w) in groups.enumerate() {
        for (sum, x) in sums.iter_mut().zip(&x) {
            let x = &x[4 * g..4 * g + 4];
            for l in 0..4 {
                sum[l] += w[l] * x[l];
            }
        }
    }
    for k in whole..weights.len() {
        for (sum, x) in sums.iter_mut().zip(&x) {
            sum[0] += weights[k] * x[k];
        }
    }
    sums.map(|s| (s[0] + s[1]) + (s[2] + s[3]))
}
