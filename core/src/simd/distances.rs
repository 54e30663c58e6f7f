//! What distances of short frames are made of, in double precision: tolerance kernels. Sums over a frame go over its samples or bins;
//! what follows from them goes over four frames at a time, one in each lane.

use super::doubles::Doubles;
use super::lanes::Lanes;
use core::f64::consts::LN_2;
use rustfft::num_complex::Complex64;

/// Critical bands.
pub(crate) const CRITICAL: usize = 25;

/// Lags of an autocorrelation: the highest order of a predictor is 16, and four make a group.
pub(crate) const LAGS: usize = 20;

/// What is known of four frames of both signals: each number in four lanes.
#[derive(Debug, Clone, Default)]
pub(crate) struct FourFrames {
    /// The critical bands of the powers of the reference and the degraded signal, then of their magnitudes.
    pub bands: [[[f64; 4]; CRITICAL]; 4],
    /// The sums of the magnitudes.
    pub sizes: [[f64; 4]; 2],
    pub lags: [[[f64; 4]; LAGS]; 2],
}

/// What four frames come to.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FourDistances {
    /// The frequency-weighted ratio in decibels, not clamped.
    pub weighted_snr_db: [f64; 4],
    /// The weighted distance of spectral slopes.
    pub weighted_slope: [f64; 4],
    /// What the predictor of the reference, and that of the degraded signal, leave of the reference.
    pub residuals: [[f64; 4]; 2],
    /// The sum of the squared differences of the cepstra of both predictors.
    pub cepstral: [f64; 4],
}

/// What [`window_frames`] sums.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct FrameSums {
    /// The energy of both frames as they are returned.
    pub energies: [f64; 2],
    /// The energy of the first without what was added, and of what the second differs from it.
    pub signal: f64,
    pub error: f64,
}

/// Both frames windowed, each sample with `added`: apart, and as the real and imaginary parts of one. That is the input of the transform
/// of its even bins; turned by a table, it is that of the odd ones, since at most half of the input is not zero. Slices are whole groups
/// of four; the window ends with zeros.
#[inline(always)]
pub(crate) fn window_frames<V: Lanes>(
    frames: [&[f64]; 2],
    window: &[f64],
    turns: [&[f64]; 2],
    added: f64,
    own: [&mut [f64]; 2],
    packed: [&mut [Complex64]; 2],
) -> FrameSums {
    let zero = V::Doubles::splat(0.0);
    let (mut energies, mut signals, mut errors) = ([zero; 2], zero, zero);
    let extra = V::Doubles::splat(added);
    let [a, b] = frames.map(|x| x.as_chunks::<4>().0.iter());
    let [cos, sin] = turns.map(|x| x.as_chunks::<4>().0.iter());
    let [x, y] = own.map(|x| x.as_chunks_mut::<4>().0.iter_mut());
    let [even, odd] = packed.map(|x| x.as_chunks_mut::<4>().0.iter_mut());
    let input = a.zip(b).zip(window.as_chunks::<4>().0).zip(cos.zip(sin));
    for ((((a, b), w), (cos, sin)), ((x, y), (even, odd))) in input.zip(x.zip(y).zip(even.zip(odd))) {
        let (a, b, w) = (V::Doubles::load(a), V::Doubles::load(b), V::Doubles::load(w));
        let (signal, off) = (a.mul(w), a.mul(w).sub(b.mul(w)));
        signals = signal.mul_add(signal, signals);
        errors = off.mul_add(off, errors);
        let (a, b) = (a.add(extra).mul(w), b.add(extra).mul(w));
        energies = [a.mul_add(a, energies[0]), b.mul_add(b, energies[1])];
        (*x, *y) = (a.store(), b.store());
        a.store_complex(b, even);
        let (cos, sin) = (V::Doubles::load(cos), V::Doubles::load(sin));
        a.mul(cos).sub(b.mul(sin)).store_complex(a.mul_add(sin, b.mul(cos)), odd);
    }
    FrameSums { energies: energies.map(Doubles::total), signal: signals.total(), error: errors.total() }
}

/// `sum_n x[n] x[n + k]` of two signals for `k` from 1 to an order; [`LAGS`] zeros stand behind each.
#[inline(always)]
pub(crate) fn two_autocorrelations<V: Lanes>(padded: [&[f64]; 2], order: usize) -> [[f64; LAGS]; 2] {
    if order <= 12 { lags::<V::Doubles, 3>(padded) } else { lags::<V::Doubles, 4>(padded) }
}

#[inline(always)]
fn lags<D: Doubles, const GROUPS: usize>([x, y]: [&[f64]; 2]) -> [[f64; LAGS]; 2] {
    let mut sums = [[D::splat(0.0); GROUPS]; 2];
    for (x, y) in x.windows(1 + 4 * GROUPS).zip(y.windows(1 + 4 * GROUPS)) {
        let first = [D::splat(x[0]), D::splat(y[0])];
        let later = [x[1..].as_chunks::<4>().0, y[1..].as_chunks::<4>().0];
        for g in 0..GROUPS {
            sums[0][g] = D::load(&later[0][g]).mul_add(first[0], sums[0][g]);
            sums[1][g] = D::load(&later[1][g]).mul_add(first[1], sums[1][g]);
        }
    }
    let mut out = [[0.0; LAGS]; 2];
    for (out, sums) in out.iter_mut().zip(sums) {
        for (out, sum) in out[1..].as_chunks_mut::<4>().0.iter_mut().zip(sums) {
            *out = sum.store();
        }
    }
    out
}

/// The squared magnitudes of two real signals in four bins, from their common transform and its mirrored part.
#[inline(always)]
fn parted<D: Doubles>(z: [D; 2], mirrored: [D; 2]) -> [D; 2] {
    let quarter = D::splat(0.25);
    let (a, b) = (z[0].add(mirrored[0]), z[1].sub(mirrored[1]));
    let (c, d) = (z[1].add(mirrored[1]), mirrored[0].sub(z[0]));
    [a.mul_add(a, b.mul(b)).mul(quarter), c.mul_add(c, d.mul(d)).mul(quarter)]
}

/// The powers and magnitudes of two real frames, from the transforms of their even and of their odd bins; of each signal the even ones first,
/// then the odd ones. The sums of the magnitudes. `tame` frames have an energy from 1e-12 to 1e30: their roots may be quicker.
#[inline(always)]
pub(crate) fn part_spectra<V: Lanes>(
    z: [&[Complex64]; 2],
    powers: &mut [Vec<f64>; 2],
    sizes: &mut [Vec<f64>; 2],
    tame: bool,
) -> [f64; 2] {
    let n = z[0].len();
    let groups = n / 8;
    // Where there is nothing, 1e-18 may stand: the sums are 1e-6 at least.
    let least = V::Doubles::splat(1e-36);
    let mut totals = [V::Doubles::splat(0.0); 2];
    // The bins that mirror a group lie the other way round. Among the even ones, bin 0 mirrors itself.
    let first = [[z[0][n - 3], z[0][n - 2], z[0][n - 1], z[0][0]]];
    let even = first.iter().chain(z[0][n / 2 + 1..n - 3].as_rchunks::<4>().1.iter().rev());
    let odd = z[1][n / 2..].as_rchunks::<4>().1.iter().rev();
    let [power_a, power_b] = powers.each_mut().map(|x| x.as_chunks_mut::<4>().0);
    let [size_a, size_b] = sizes.each_mut().map(|x| x.as_chunks_mut::<4>().0);
    for (i, (up, down)) in z[0].as_chunks::<4>().0[..groups]
        .iter()
        .zip(even)
        .chain(z[1].as_chunks::<4>().0[..groups].iter().zip(odd))
        .enumerate()
    {
        let m = V::Doubles::load_complex(down);
        let [x, y] = parted(V::Doubles::load_complex(up), [m[0].reverse(), m[1].reverse()]);
        (power_a[i], power_b[i]) = (x.store(), y.store());
        let (x, y) = if tame { (x.max(least).root(), y.max(least).root()) } else { (x.sqrt(), y.sqrt()) };
        (size_a[i], size_b[i]) = (x.store(), y.store());
        totals = [totals[0].add(x), totals[1].add(y)];
    }
    totals.map(Doubles::total)
}

/// One band's filter over the even bins, and over the odd ones: the first, and the weights, in whole groups of four.
pub(crate) type Filter = [(usize, Vec<f64>); 2];

/// The critical bands of one frame's spectra, into its lane.
#[inline(always)]
pub(crate) fn critical_bands<V: Lanes>(
    filters: &[Filter; CRITICAL],
    spectra: [&[f64]; 4],
    bands: &mut [[[f64; 4]; CRITICAL]; 4],
    lane: usize,
) {
    for (b, filter) in filters.iter().enumerate() {
        let mut sums = [V::Doubles::splat(0.0); 4];
        for (first, weights) in filter {
            let x = spectra.map(|x| x[*first..][..weights.len()].as_chunks::<4>().0);
            for (i, w) in weights.as_chunks::<4>().0.iter().enumerate() {
                let w = V::Doubles::load(w);
                for (sum, x) in sums.iter_mut().zip(&x) {
                    *sum = V::Doubles::load(&x[i]).mul_add(w, *sum);
                }
            }
        }
        for (band, sum) in bands.iter_mut().zip(sums) {
            band[b][lane] = sum.total();
        }
    }
}

/// The logarithm of a normal positive number to the base of two.
#[inline(always)]
fn log2<D: Doubles>(x: D) -> D {
    // x = m 2^e with m from 0.707 to 1.414, and log2 m = 2 / ln 2 (s + s^3 / 3 + ...) with s = (m - 1) / (m + 1).
    let (one, half, limit) = (D::splat(1.0), D::splat(0.5), D::splat(core::f64::consts::SQRT_2));
    let [e, m] = x.parts();
    let e = e.add(one).choose(e, m, limit);
    let m = m.mul(half).choose(m, m, limit);
    let s = m.sub(one).div(m.add(one));
    let z = s.mul(s);
    let mut sum = D::splat(1.0 / 17.0);
    for k in (0..8).rev() {
        sum = sum.mul_add(z, D::splat(1.0 / f64::from(2 * k + 1)));
    }
    sum.mul(s).mul_add(D::splat(2.0 / LN_2), e)
}

/// Two to the power of a number from -1000 to 1000.
#[inline(always)]
fn exp2<D: Doubles>(x: D) -> D {
    // Added and taken away again, it leaves no fraction.
    let rounder = D::splat(1.5 * 4_503_599_627_370_496.0);
    let whole = x.add(rounder).sub(rounder);
    let y = x.sub(whole).mul(D::splat(LN_2));
    let mut sum = D::splat(1.0);
    for k in (1..=12).rev() {
        sum = sum.mul(y).mul_add(D::splat(1.0 / f64::from(k)), D::splat(1.0));
    }
    sum.mul(whole.power_of_two())
}

/// What four frames come to, with predictors of an order below [`LAGS`].
#[inline(always)]
pub(crate) fn frame_distances<V: Lanes>(frames: &FourFrames, order: usize) -> FourDistances {
    let [power_r, power_d, size_r, size_d] = &frames.bands;
    // A band that is no finite number must not come out as one: bits of a logarithm would not tell.
    let mut poison = V::Doubles::splat(0.0);
    for band in frames.bands.iter().flatten() {
        poison = poison.add(V::Doubles::load(band));
    }
    let poison = poison.mul(V::Doubles::splat(0.0));
    let predictors = predictors::<V::Doubles>(&frames.lags, order);
    let own = predictors.map(|p| residual::<V::Doubles>(&p, &frames.lags[0], order).store());
    FourDistances {
        weighted_snr_db: weighted_snr::<V::Doubles>(size_r, size_d, &frames.sizes).add(poison).store(),
        weighted_slope: weighted_slope::<V::Doubles>(power_r, power_d).add(poison).store(),
        residuals: own,
        cepstral: cepstral::<V::Doubles>(&predictors, order).store(),
    }
}

/// Ten times the logarithm to the base of ten, from that to the base of two.
const DECIBELS: f64 = 10.0 * core::f64::consts::LOG10_2;

#[inline(always)]
fn weighted_snr<D: Doubles>(
    bands_r: &[[f64; 4]; CRITICAL],
    bands_d: &[[f64; 4]; CRITICAL],
    sizes: &[[f64; 4]; 2],
) -> D {
    let one = D::splat(1.0);
    let (by_r, by_d) = (one.div(D::load(&sizes[0])), one.div(D::load(&sizes[1])));
    let (eps, least) = (D::splat(f64::EPSILON), D::splat(f64::MIN_POSITIVE));
    let (mut ratio, mut weights) = (D::splat(0.0), D::splat(0.0));
    for (r, d) in bands_r.iter().zip(bands_d) {
        let (r, d) = (D::load(r).mul(by_r), D::load(d).mul(by_d));
        let off = r.sub(d);
        let error = off.mul(off);
        let error = error.max(eps);
        let level = log2(r.max(least));
        let weight = exp2(level.mul(D::splat(0.2)));
        weights = weights.add(weight);
        ratio = weight.mul_add(level.add(level).sub(log2(error)), ratio);
    }
    ratio.div(weights).mul(D::splat(DECIBELS))
}

#[inline(always)]
fn weighted_slope<D: Doubles>(bands_r: &[[f64; 4]; CRITICAL], bands_d: &[[f64; 4]; CRITICAL]) -> D {
    let (slope_r, weight_r) = slopes::<D>(bands_r);
    let (slope_d, weight_d) = slopes::<D>(bands_d);
    let (mut distance, mut weights) = (D::splat(0.0), D::splat(0.0));
    for i in 0..CRITICAL - 1 {
        let weight = weight_r[i].add(weight_d[i]);
        let off = slope_r[i].sub(slope_d[i]);
        distance = weight.mul(off).mul_add(off, distance);
        weights = weights.add(weight);
    }
    distance.div(weights)
}

/// The slopes of a spectrum in decibels a band, and what each weighs: more near the peaks.
#[inline(always)]
fn slopes<D: Doubles>(bands: &[[f64; 4]; CRITICAL]) -> ([D; CRITICAL - 1], [D; CRITICAL - 1]) {
    const SLOPES: usize = CRITICAL - 1;
    let (zero, least) = (D::splat(0.0), D::splat(1e-10));
    let mut level = [zero; CRITICAL];
    let mut highest = D::splat(f64::NEG_INFINITY);
    for (level, band) in level.iter_mut().zip(bands) {
        let band = D::load(band);
        *level = log2(band.max(least)).mul(D::splat(DECIBELS));
        highest = level.max(highest);
    }
    let mut slope = [zero; SLOPES];
    for i in 0..SLOPES {
        slope[i] = level[i + 1].sub(level[i]);
    }
    // The peak at the end of a rise, as the definition finds it: one band before the fall begins.
    let mut peak = [zero; SLOPES];
    peak[SLOPES - 1] = level[SLOPES - 1];
    for i in (0..SLOPES - 1).rev() {
        peak[i] = peak[i + 1].choose(level[i], slope[i + 1], zero);
    }
    let mut weight = [zero; SLOPES];
    let (one, twenty) = (D::splat(1.0), D::splat(20.0));
    let mut before = level[0];
    for i in 0..SLOPES {
        // In a fall, the peak is where it began.
        if i > 0 {
            before = level[i].choose(before, slope[i - 1], zero);
        }
        let peak = peak[i].choose(before, slope[i], zero);
        let (far, near) = (twenty.add(highest.sub(level[i])), one.add(peak.sub(level[i])));
        weight[i] = twenty.div(far.mul(near));
    }
    (slope, weight)
}

/// The predictors `1 + a_1 z^-1 + ...` of two autocorrelations, by the recursion of Levinson and Durbin, side by side: each step waits
/// for the one before.
#[inline(always)]
fn predictors<D: Doubles>(lags: &[[[f64; 4]; LAGS]; 2], order: usize) -> [[D; LAGS]; 2] {
    let (zero, one) = (D::splat(0.0), D::splat(1.0));
    let lags = lags.each_ref().map(|lags| lags.each_ref().map(|l| D::load(l)));
    let mut a = [[zero; LAGS]; 2];
    let mut errors = [lags[0][0], lags[1][0]];
    (a[0][0], a[1][0]) = (one, one);
    for i in 1..=order {
        let mut sums = [[zero; 2]; 2];
        for j in 0..i {
            for s in 0..2 {
                sums[s][j % 2] = a[s][j].mul_add(lags[s][i - j], sums[s][j % 2]);
            }
        }
        for s in 0..2 {
            let k = zero.sub(sums[s][0].add(sums[s][1])).div(errors[s]);
            for j in 1..=i / 2 {
                let (low, high) = (a[s][j], a[s][i - j]);
                a[s][j] = k.mul_add(high, low);
                a[s][i - j] = k.mul_add(low, high);
            }
            a[s][i] = k;
            errors[s] = errors[s].mul(one.sub(k.mul(k)));
        }
    }
    a
}

/// What a predictor leaves of a signal with these lags: the quadratic form of a Toeplitz matrix is a product of two autocorrelations.
#[inline(always)]
fn residual<D: Doubles>(a: &[D; LAGS], lags: &[[f64; 4]; LAGS], order: usize) -> D {
    let mut sum = D::splat(0.0);
    for k in (0..=order).rev() {
        let mut own = D::splat(0.0);
        for n in 0..=order - k {
            own = a[n].mul_add(a[n + k], own);
        }
        let twice = D::splat(if k == 0 { 1.0 } else { 2.0 });
        sum = own.mul(twice).mul_add(D::load(&lags[k]), sum);
    }
    sum
}

/// The sum of the squared differences of two predictors' cepstra.
#[inline(always)]
fn cepstral<D: Doubles>(predictors: &[[D; LAGS]; 2], order: usize) -> D {
    let zero = D::splat(0.0);
    // Each `n c[n]`, as the recursion wants it.
    let mut scaled = [[zero; LAGS]; 2];
    let mut sum = zero;
    for n in 1..=order {
        let by = D::splat(1.0 / n as f64);
        let mut c = [zero; 2];
        for ((a, scaled), c) in predictors.iter().zip(&mut scaled).zip(&mut c) {
            let mut earlier = zero;
            for k in 1..n {
                earlier = scaled[k].mul_add(a[n - k], earlier);
            }
            *c = zero.sub(a[n]).sub(earlier.mul(by));
            scaled[n] = c.mul(D::splat(n as f64));
        }
        let off = c[0].sub(c[1]);
        sum = off.mul_add(off, sum);
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::super::doubles::Plain4;
    use super::super::{Level, Simd};
    use super::*;
    use std::f64::consts::TAU;

    #[test]
    fn logarithms_and_powers_are_those_of_the_library() {
        for k in -1000..1000 {
            let x = 1.0009_f64.powi(k) * 2.0_f64.powi(k);
            let ours = log2(Plain4::splat(x)).store()[0];
            // Sixteen digits of a sum of terms below the result, or below one.
            assert!((ours - x.log2()).abs() <= 1e-15 * x.log2().abs().max(1.0), "log2 {x}: {ours}");
            let y = f64::from(k) * 0.999;
            let ours = exp2(Plain4::splat(y)).store()[0];
            assert!((ours / y.exp2() - 1.0).abs() <= 1e-14, "exp2 {y}: {ours}"); // half a bit of y, up to 1000
        }
    }

    /// All numbers of one frame, from the samples of both signals.
    fn frame(simd: Simd, frames: [&[f64]; 2], order: usize, half: usize) -> Vec<f64> {
        let len = frames[0].len();
        let window: Vec<f64> = (0..len).map(|n| 0.5 - 0.5 * (TAU * (n + 1) as f64 / (len + 1) as f64).cos()).collect();
        let turns = [0, 1].map(|s| {
            let angle = |n: usize| -TAU * n as f64 / (2 * half) as f64 - TAU / 4.0 * s as f64;
            (0..len).map(|n| angle(n).cos()).collect::<Vec<_>>()
        });
        let mut own = [(); 2].map(|()| vec![0.0; len + LAGS]);
        let mut packed = [(); 2].map(|()| vec![Complex64::default(); half]);
        let sums = {
            let [a, b] = &mut own;
            let [even, odd] = &mut packed;
            let (own, packed) = ([&mut a[..len], &mut b[..len]], [&mut even[..len], &mut odd[..len]]);
            simd.window_frames(frames, &window, [&turns[0], &turns[1]], f64::EPSILON, own, packed)
        };
        let mut lags = simd.two_autocorrelations([&own[0], &own[1]], order);
        for s in 0..2 {
            lags[s][0] = sums.energies[s];
            for k in 0..=order {
                let want: f64 = own[s][..len].iter().zip(&own[s][k..]).map(|(a, b)| a * b).sum();
                // Sums of some hundred products in another order.
                assert!((lags[s][k] - want).abs() <= 1e-13 * sums.energies[s], "lag {k}");
            }
        }
        let fft = rustfft::FftPlanner::new().plan_fft_forward(half);
        packed.iter_mut().for_each(|z| fft.process(z));
        let (mut powers, mut sizes) = ([(); 2].map(|()| vec![0.0; half]), [(); 2].map(|()| vec![0.0; half]));
        let totals = simd.part_spectra([&packed[0], &packed[1]], &mut powers, &mut sizes, true);
        for s in 0..2 {
            for bin in 0..half {
                let mut z = Complex64::default();
                for (n, x) in own[s][..len].iter().enumerate() {
                    z += x * Complex64::cis(-TAU * (n * bin) as f64 / (2 * half) as f64);
                }
                let got = powers[s][bin / 2 + bin % 2 * half / 2];
                // The rounding of a transform, against the energy of all bins.
                assert!((got - z.norm_sqr()).abs() <= 1e-12 * sums.energies[s] * len as f64, "bin {bin}");
            }
        }
        let filters: [Filter; CRITICAL] = core::array::from_fn(|b| {
            [(4 * b % (half / 4), vec![0.5, 1.0, 1.0, 0.25]), (half / 2 + 4 * b % (half / 4), vec![0.125; 8])]
        });
        let mut group = FourFrames::default();
        for lane in 0..4 {
            let spectra = [&powers[0][..], &powers[1], &sizes[0], &sizes[1]];
            simd.critical_bands(&filters, spectra, &mut group.bands, lane);
            for s in 0..2 {
                group.sizes[s][lane] = totals[s];
                for k in 0..LAGS {
                    group.lags[s][k][lane] = lags[s][k];
                }
            }
        }
        let all = simd.frame_distances(&group, order);
        let fields = [all.weighted_snr_db, all.weighted_slope, all.residuals[0], all.residuals[1], all.cepstral];
        assert!(fields.iter().all(|f| f.iter().all(|v| v == &f[0] && v.is_finite())), "lanes differ: {all:?}");
        let mut out: Vec<f64> = fields.iter().map(|f| f[0]).collect();
        out.extend([sums.signal, sums.error, totals[0], totals[1]]);
        // A band that is no number makes no score.
        group.bands[3][7][0] = f64::INFINITY;
        assert!(simd.frame_distances(&group, order).weighted_slope[0].is_nan());
        out
    }

    #[test]
    fn levels_agree_on_frames() {
        let mut state = 1u64;
        let mut noise = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
        };
        for (len, half, order) in [(240, 256, 10), (480, 512, 16), (332, 512, 16)] {
            let a: Vec<f64> = (0..len).map(|n| (TAU * 0.03 * n as f64).sin() + 0.1 * noise()).collect();
            let b: Vec<f64> = a.iter().map(|v| v + 0.05 * noise()).collect();
            let want = frame(Simd::choose(Some(Level::Portable)), [&a, &b], order, half);
            for &level in Level::available() {
                let got = frame(Simd::choose(Some(level)), [&a, &b], order, half);
                for (g, w) in got.iter().zip(&want) {
                    // Fused operations, the quick roots' 2e-13, and a recursion of 16 steps over them.
                    assert!((g - w).abs() <= 1e-10 * w.abs().max(1.0), "{level}: {got:?} {want:?}");
                }
            }
        }
    }
}
