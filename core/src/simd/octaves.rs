//! The kernels of short-time intelligibility: third-octave envelopes of four frames at a time, and correlations of segments of
//! them. Tolerance kernels, in double precision.

use super::doubles::Doubles;
use super::lanes::Lanes;
use core::f64::consts::TAU;

/// Samples of half a frame.
pub(crate) const HOP: usize = 128;

/// Points of the transform: a frame of two hops, and as many zeros.
const POINTS: usize = 512;

/// Frames transformed at a time, one in each lane.
pub(crate) const FRAMES: usize = 4;

/// Third-octave bands.
pub(crate) const BANDS: usize = 15;

/// Numbers kept for a frame: the bands and a zero, a whole number of lanes.
pub(crate) const ROW: usize = 16;

/// Frames of a segment.
pub(crate) const SEGMENT: usize = 30;

/// The smallest number that can be told from 1, as pystoi adds it to divisors.
const EPS: f64 = f64::EPSILON;

/// The energy of a deviation below this share of the whole is rounding: what it belongs to is flat.
const FLAT: f64 = 1e-24;

/// Cosine and sine of `k` steps backwards on the circle of `n`.
fn turn(k: usize, n: usize) -> [f64; 2] {
    let angle = -TAU * (k % n) as f64 / n as f64;
    [angle.cos(), angle.sin()]
}

/// A transform of real numbers that yields what bands need and nothing else.
///
/// The odd bins of a real transform of `n` points are one complex transform of `n / 4` points, every second of them mirrored; the even
/// bins are a real transform of half the points. So all bins but the two at the ends are complex transforms of 128, 64, 32... 1
/// points, and nothing has to be put together afterwards.
#[derive(Debug)]
pub(crate) struct Octaves {
    /// The window over a frame.
    window: Vec<f64>,
    /// For each level, what the points are turned by before their complex transform.
    turns: Vec<Vec<[f64; 2]>>,
    /// For each size of a radix-4 step, largest first, the three factors of each butterfly.
    steps: Vec<Vec<[f64; 6]>>,
    /// Where the bins of each band lie among the results.
    bins: Vec<Vec<usize>>,
}

impl Octaves {
    /// Both halves of the window.
    pub(crate) fn halves(&self) -> (&[f64], &[f64]) {
        self.window.split_at(HOP)
    }

    /// `edges` are the first bin of each band and the one after its last.
    pub(crate) fn new(window: &[f64], edges: &[[usize; 2]; BANDS]) -> Self {
        assert_eq!(window.len(), 2 * HOP);
        let level = |j: usize| POINTS >> j;
        let place = |bin: usize| {
            let j = bin.trailing_zeros() as usize;
            let (n, odd) = (level(j), bin >> j);
            let k = if odd % 4 == 1 { odd / 4 } else { (n - odd) / 4 };
            // The results of larger transforms lie before those of smaller ones.
            POINTS / 2 - n / 2 + reversed(k, n / 4)
        };
        Self {
            window: window.to_vec(),
            turns: (0..=7).map(|j| (0..level(j) / 4).map(|k| turn(k, level(j))).collect()).collect(),
            steps: [128, 64, 32, 16, 8]
                .iter()
                .map(|&n| {
                    (0..n / 4)
                        .map(|k| {
                            let [a, b, c] = [turn(k, n), turn(2 * k, n), turn(3 * k, n)];
                            [a[0], a[1], b[0], b[1], c[0], c[1]]
                        })
                        .collect()
                })
                .collect(),
            bins: edges.iter().map(|&[from, to]| (from..to).map(place).collect()).collect(),
        }
    }
}

/// Where bin `k` of a complex transform of `n` points lies: steps of radix 4, and one of radix 2 if need be.
fn reversed(k: usize, n: usize) -> usize {
    if n <= 2 { k } else { (k % 4) * (n / 4) + reversed(k / 4, n / 4) }
}

/// `a w`.
#[inline(always)]
fn times<D: Doubles>([re, im]: [D; 2], w_re: f64, w_im: f64) -> [D; 2] {
    let (c, s) = (D::splat(w_re), D::splat(w_im));
    [re.mul(c).sub(im.mul(s)), re.mul_add(s, im.mul(c))]
}

#[inline(always)]
fn plus<D: Doubles>(a: [D; 2], b: [D; 2]) -> [D; 2] {
    [a[0].add(b[0]), a[1].add(b[1])]
}

#[inline(always)]
fn minus<D: Doubles>(a: [D; 2], b: [D; 2]) -> [D; 2] {
    [a[0].sub(b[0]), a[1].sub(b[1])]
}

/// Complex transforms in place, four at a time in lanes; results in the order of [`reversed`].
#[inline(always)]
fn transform<D: Doubles>(table: &Octaves, z: &mut [[D; 2]]) {
    let mut n = z.len();
    while n >= 4 {
        let quarter = n / 4;
        let factors = match n {
            128 => &table.steps[0],
            64 => &table.steps[1],
            32 => &table.steps[2],
            16 => &table.steps[3],
            _ => &table.steps[4],
        };
        for part in z.chunks_exact_mut(n) {
            let (low, high) = part.split_at_mut(2 * quarter);
            let ((a, b), (c, d)) = (low.split_at_mut(quarter), high.split_at_mut(quarter));
            let all = a.iter_mut().zip(b).zip(c.iter_mut().zip(d));
            for (i, ((a, b), (c, d))) in all.enumerate() {
                let (even, odd) = (plus(*a, *c), minus(*a, *c));
                let (sum, [re, im]) = (plus(*b, *d), minus(*b, *d));
                // The difference of the odd ones, turned back by a quarter.
                let (first, third) = ([odd[0].add(im), odd[1].sub(re)], [odd[0].sub(im), odd[1].add(re)]);
                *a = plus(even, sum);
                if n == 4 {
                    (*b, *c, *d) = (first, minus(even, sum), third);
                } else {
                    let w = &factors[i];
                    *b = times(first, w[0], w[1]);
                    *c = times(minus(even, sum), w[2], w[3]);
                    *d = times(third, w[4], w[5]);
                }
            }
        }
        n = quarter;
    }
    if n == 2 {
        for pair in z.as_chunks_mut::<2>().0 {
            *pair = [plus(pair[0], pair[1]), minus(pair[0], pair[1])];
        }
    }
}

/// The magnitudes in the bands of four frames: frame `i` is hops `i` and `i + 1`.
#[inline(always)]
pub(crate) fn octaves<V: Lanes>(table: &Octaves, hops: &[[f64; HOP]; FRAMES + 1], out: &mut [[f64; ROW]; FRAMES]) {
    let zero = V::Doubles::splat(0.0);
    let mut x = [zero; 2 * HOP];
    for n in 0..HOP {
        let h: [f64; FRAMES + 1] = core::array::from_fn(|l| hops[l][n]);
        let [a, b, c, d, e] = h;
        x[n] = V::Doubles::load(&[a, b, c, d]).mul(V::Doubles::splat(table.window[n]));
        x[n + HOP] = V::Doubles::load(&[b, c, d, e]).mul(V::Doubles::splat(table.window[n + HOP]));
    }
    let mut results = [[zero; 2]; POINTS / 2];
    let mut rest: &mut [[V::Doubles; 2]] = &mut results;
    let mut points = POINTS;
    for (j, turns) in table.turns.iter().enumerate() {
        let quarter = points / 4;
        let (z, later) = rest.split_at_mut(quarter);
        rest = later;
        if j == 0 {
            // The second half of the points are zeros: sums and differences are the first half.
            for n in 0..quarter {
                z[n] = times([x[n], zero.sub(x[n + quarter])], turns[n][0], turns[n][1]);
            }
        } else {
            let (low, high) = x[..points].split_at_mut(2 * quarter);
            for n in 0..quarter {
                let (a, b) = (low[n].sub(high[n]), low[n + quarter].sub(high[n + quarter]));
                z[n] = times([a, zero.sub(b)], turns[n][0], turns[n][1]);
                low[n] = low[n].add(high[n]);
                low[n + quarter] = low[n + quarter].add(high[n + quarter]);
            }
        }
        transform(table, z);
        points /= 2;
    }
    *out = [[0.0; ROW]; FRAMES];
    for (band, bins) in table.bins.iter().enumerate() {
        let mut power = [zero; 2];
        for (i, &k) in bins.iter().enumerate() {
            let [re, im] = results[k];
            power[i % 2] = re.mul_add(re, im.mul_add(im, power[i % 2]));
        }
        let magnitude = power[0].add(power[1]).sqrt().store();
        for l in 0..FRAMES {
            out[l][band] = magnitude[l];
        }
    }
}

/// The energies of a hop under both halves of the window.
#[inline(always)]
pub(crate) fn half_energies<V: Lanes>(table: &Octaves, hop: &[f64; HOP]) -> [f64; 2] {
    let (first, second) = table.window.split_at(HOP);
    let mut sums = [[V::Doubles::splat(0.0); 2]; 2];
    let windows = first.as_chunks().0.iter().zip(second.as_chunks().0);
    for (i, (x, (a, b))) in hop.as_chunks::<4>().0.iter().zip(windows).enumerate() {
        let x = V::Doubles::load(x);
        let (a, b) = (x.mul(V::Doubles::load(a)), x.mul(V::Doubles::load(b)));
        sums[i % 2] = [a.mul_add(a, sums[i % 2][0]), b.mul_add(b, sums[i % 2][1])];
    }
    [sums[0][0].add(sums[1][0]).total(), sums[0][1].add(sums[1][1]).total()]
}

/// What all segments of two signals' bands come to.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Correlations {
    /// The sum of the correlations.
    pub sum: f64,
    /// How many there are.
    pub count: usize,
    /// Bands of segments in which the first signal is not flat.
    pub varied: usize,
}

/// How many of the bands are more than zero.
#[inline(always)]
fn positive(v: [f64; 4]) -> usize {
    v.iter().filter(|v| **v > 0.0).count()
}

/// The correlations of the bands of `x` and `y` over every segment, `y` being brought to the energy of `x` and clipped at `clip`
/// times `x` first.
#[inline(always)]
pub(crate) fn clipped_correlations<V: Lanes>(x: &[[f64; ROW]], y: &[[f64; ROW]], clip: f64) -> Correlations {
    let (zero, eps) = (V::Doubles::splat(0.0), V::Doubles::splat(EPS));
    let (one_over, clip, flat) = (V::Doubles::splat(SEGMENT as f64), V::Doubles::splat(clip), V::Doubles::splat(FLAT));
    let mut out = Correlations::default();
    let mut sum = zero;
    for (x, y) in x.windows(SEGMENT).zip(y.windows(SEGMENT)) {
        let (Some(x), Some(y)) = (x.first_chunk::<SEGMENT>(), y.first_chunk::<SEGMENT>()) else { break };
        for group in 0..ROW / 4 {
            let mut xs = [zero; SEGMENT];
            let mut ys = [zero; SEGMENT];
            let (mut energy_x, mut energy_y, mut mean_x) = (zero, zero, zero);
            for i in 0..SEGMENT {
                let (a, b) =
                    (V::Doubles::load(&x[i].as_chunks().0[group]), V::Doubles::load(&y[i].as_chunks().0[group]));
                (xs[i], ys[i]) = (a, b);
                energy_x = a.mul_add(a, energy_x);
                energy_y = b.mul_add(b, energy_y);
                mean_x = mean_x.add(a);
            }
            let gain = energy_x.sqrt().div(energy_y.sqrt().add(eps));
            let (mut mean_y, mut clipped) = (zero, zero);
            for i in 0..SEGMENT {
                let b = ys[i].mul(gain).min(xs[i].mul(clip));
                ys[i] = b;
                mean_y = mean_y.add(b);
                clipped = b.mul_add(b, clipped);
            }
            let (mean_x, mean_y) = (mean_x.div(one_over), mean_y.div(one_over));
            let (mut xx, mut yy, mut xy) = (zero, zero, zero);
            for i in 0..SEGMENT {
                let (a, b) = (xs[i].sub(mean_x), ys[i].sub(mean_y));
                xx = a.mul_add(a, xx);
                yy = b.mul_add(b, yy);
                xy = a.mul_add(b, xy);
            }
            let varied = xx.where_above(xx, energy_x.mul(flat));
            let norms = varied.sqrt().add(eps).mul(yy.sqrt().add(eps));
            let both = xy.where_above(yy, clipped.mul(flat)).where_above(varied, zero);
            sum = sum.add(both.div(norms));
            out.varied += positive(varied.store());
        }
        out.count += BANDS;
    }
    out.sum = sum.total();
    out
}

/// Rows less their means, of unit energy; the zero row where there is nothing else. How many rows are not.
#[inline(always)]
fn normal_rows<D: Doubles>(x: &[[f64; ROW]; SEGMENT], group: usize, out: &mut [[D; ROW / 4]; SEGMENT]) -> usize {
    let zero = D::splat(0.0);
    let (mut mean, mut whole) = (zero, zero);
    for i in 0..SEGMENT {
        let a = D::load(&x[i].as_chunks().0[group]);
        mean = mean.add(a);
        whole = a.mul_add(a, whole);
    }
    let mean = mean.div(D::splat(SEGMENT as f64));
    let mut energy = zero;
    for i in 0..SEGMENT {
        let a = D::load(&x[i].as_chunks().0[group]).sub(mean);
        out[i][group] = a;
        energy = a.mul_add(a, energy);
    }
    let scale = D::splat(1.0).div(energy.sqrt()).where_above(energy, whole.mul(D::splat(FLAT)));
    for row in out.iter_mut() {
        row[group] = row[group].mul(scale);
    }
    positive(scale.store())
}

/// The column less its mean over the bands, and its energy; nothing where it is flat.
#[inline(always)]
fn centred<D: Doubles>(column: &[D; ROW / 4]) -> ([D; ROW / 4], f64) {
    let sum = column[0].add(column[1]).add(column[2].add(column[3])).total();
    let mean = sum / BANDS as f64;
    let (all, last) = (D::splat(mean), D::load(&[mean, mean, mean, 0.0]));
    let c = [column[0].sub(all), column[1].sub(all), column[2].sub(all), column[3].sub(last)];
    let energy = |c: &[D; ROW / 4]| {
        let a = c[1].mul_add(c[1], c[0].mul(c[0]));
        let b = c[3].mul_add(c[3], c[2].mul(c[2]));
        a.add(b).total()
    };
    let (energy, whole) = (energy(&c), energy(column));
    (c, if energy > whole * FLAT { energy } else { 0.0 })
}

/// The correlations of the spectra of `x` and `y` in every frame of every segment, of which the bands were normalised over the segment.
#[inline(always)]
pub(crate) fn spectral_correlations<V: Lanes>(x: &[[f64; ROW]], y: &[[f64; ROW]]) -> Correlations {
    let zero = V::Doubles::splat(0.0);
    let (mut xs, mut ys) = ([[zero; ROW / 4]; SEGMENT], [[zero; ROW / 4]; SEGMENT]);
    let mut out = Correlations::default();
    for (x, y) in x.windows(SEGMENT).zip(y.windows(SEGMENT)) {
        let (Some(x), Some(y)) = (x.first_chunk::<SEGMENT>(), y.first_chunk::<SEGMENT>()) else { break };
        for group in 0..ROW / 4 {
            out.varied += normal_rows(x, group, &mut xs);
            normal_rows(y, group, &mut ys);
        }
        for i in 0..SEGMENT {
            let ((a, xx), (b, yy)) = (centred(&xs[i]), centred(&ys[i]));
            let p = a[1].mul_add(b[1], a[0].mul(b[0]));
            let q = a[3].mul_add(b[3], a[2].mul(b[2]));
            let norms = (xx * yy).sqrt();
            if norms > 0.0 {
                out.sum += p.add(q).total() / norms;
            }
        }
        out.count += SEGMENT;
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{Level, Simd};

    fn signal(len: usize) -> Vec<f64> {
        (0..len).map(|n| (n as f64 * 0.37).sin() + (n as f64 * n as f64 * 0.0013).cos() * 0.01).collect()
    }

    #[test]
    fn bands_are_what_the_plain_sum_says() {
        let window: Vec<f64> = (0..2 * HOP).map(|n| 0.1 + (n as f64 * 0.01).sin().powi(2)).collect();
        let edges = core::array::from_fn(|b| [1 + 17 * b, 18 + 17 * b]);
        let table = Octaves::new(&window, &edges);
        let x = signal(HOP * (FRAMES + 1));
        let mut hops = [[0.0; HOP]; FRAMES + 1];
        hops.as_flattened_mut().copy_from_slice(&x);
        for simd in Level::available().iter().map(|&l| Simd::choose(Some(l))) {
            let mut out = [[0.0; ROW]; FRAMES];
            simd.octaves(&table, &hops, &mut out);
            for (frame, got) in out.iter().enumerate() {
                let frame = &x[frame * HOP..][..2 * HOP];
                for (band, &[from, to]) in edges.iter().enumerate() {
                    let power: f64 = (from..to)
                        .map(|k| {
                            let (mut re, mut im) = (0.0, 0.0);
                            for (n, (v, w)) in frame.iter().zip(&window).enumerate() {
                                let [c, s] = turn(k * n, POINTS);
                                (re, im) = (re + v * w * c, im + v * w * s);
                            }
                            re * re + im * im
                        })
                        .sum();
                    let off = (got[band] - power.sqrt()).abs();
                    assert!(off < 1e-11, "rounding of 256 products, {simd:?}, band {band}: {off:e}");
                }
                assert_eq!(got[BANDS], 0.0, "the place beyond the last band");
            }
            let hop = hops[1];
            let energy = |w: &[f64]| hop.iter().zip(w).map(|(v, w)| (v * w).powi(2)).sum::<f64>();
            let [a, b] = simd.half_energies(&table, &hop);
            let (c, d) = (energy(&window[..HOP]), energy(&window[HOP..]));
            assert!((a - c).abs() < 1e-12 * c && (b - d).abs() < 1e-12 * d, "rounding: {a} {c} {b} {d}");
        }
    }

    #[test]
    fn correlations_of_proportional_bands_are_one_and_flat_bands_count_nothing() {
        let mut x = [[0.0; ROW]; SEGMENT + 3];
        for (i, row) in x.iter_mut().enumerate() {
            for (b, v) in row[..BANDS].iter_mut().enumerate() {
                *v = 2.0 + (i as f64 * (1.0 + b as f64 * 0.1)).sin();
            }
        }
        let mut y = x.map(|row| row.map(|v| 0.3 * v));
        for simd in Level::available().iter().map(|&l| Simd::choose(Some(l))) {
            let one = simd.clipped_correlations(&x, &y, 6.6);
            assert_eq!((one.count, one.varied), (4 * BANDS, 4 * BANDS));
            assert!((one.sum - one.count as f64).abs() < 1e-12, "rounding: {one:?}");
            let one = simd.spectral_correlations(&x, &y);
            assert_eq!((one.count, one.varied), (4 * SEGMENT, 4 * BANDS));
            assert!((one.sum - one.count as f64).abs() < 1e-12, "rounding: {one:?}");
        }
        y.iter_mut().for_each(|row| row[3] = 0.7);
        let mut still = x;
        still.iter_mut().for_each(|row| row[5] = 0.1);
        for simd in Level::available().iter().map(|&l| Simd::choose(Some(l))) {
            let less = simd.clipped_correlations(&x, &y, 6.6);
            assert!((less.sum - (4 * (BANDS - 1)) as f64).abs() < 1e-12, "rounding: {less:?}");
            assert_eq!(simd.clipped_correlations(&still, &y, 6.6).varied, 4 * (BANDS - 1));
            assert_eq!(simd.spectral_correlations(&still, &y).varied, 4 * (BANDS - 1));
        }
    }
}
