//! Kernels of the P.862 score. Those that decide something are exact: the same bits at every level.

use super::lanes::Lanes;
use super::portable::LANES;
use rustfft::num_complex::Complex32;

/// Second-order sections in series, one in each lane; lanes without a section pass their input on.
pub(crate) struct Cascade {
    /// b0, b1, b2, a1, a2 of up to sixteen sections.
    coefficients: [[[f32; LANES]; 5]; 2],
    sections: usize,
}

impl Cascade {
    pub(crate) fn new(sections: &[[f32; 5]]) -> Self {
        let mut coefficients = [[[0.0; LANES]; 5]; 2];
        for half in &mut coefficients {
            half[0] = [1.0; LANES];
        }
        for (i, section) in sections.iter().enumerate() {
            for (k, &c) in section.iter().enumerate() {
                coefficients[i / LANES][k][i % LANES] = c;
            }
        }
        Self { coefficients, sections: sections.len() }
    }
}

/// Each sample goes through one section a step, so that all sections work at once and every one does the operations of
/// a plain loop in its order. A section takes over what the one before put out two steps ago: the step in between
/// hides how long a sum takes.
#[inline(always)]
pub(crate) fn cascade<V: Lanes>(table: &Cascade, x: &mut [f32]) {
    if table.sections <= LANES {
        wavefront::<V, 1, 1>(table, [x]);
    } else {
        wavefront::<V, 2, 1>(table, [x]);
    }
}

/// Two signals at once: the sums of one are done while those of the other are waited for.
#[inline(always)]
pub(crate) fn cascade_two<V: Lanes>(table: &Cascade, x: &mut [f32], y: &mut [f32]) {
    if table.sections <= LANES {
        wavefront::<V, 1, 2>(table, [x, y]);
    } else {
        wavefront::<V, 2, 2>(table, [x, y]);
    }
}

#[inline(always)]
fn wavefront<V: Lanes, const N: usize, const S: usize>(table: &Cascade, x: [&mut [f32]; S]) {
    let mut coefficients = [[V::splat(0.0); N]; 5];
    for k in 0..5 {
        for h in 0..N {
            coefficients[k][h] = V::load(&table.coefficients[h][k]);
        }
    }
    let [b0, b1, b2, a1, a2] = coefficients;
    let zero = [[V::splat(0.0); N]; S];
    let (mut w1, mut w2, mut y1, mut y2) = (zero, zero, zero, zero);
    let last = table.sections - 1;
    let behind = 2 * last;
    let mut longest = 0;
    for s in 0..S {
        longest = if x[s].len() > longest { x[s].len() } else { longest };
    }
    for t in 0..longest + behind {
        for s in 0..S {
            let mut carry = V::splat(if t < x[s].len() { x[s][t] } else { 0.0 });
            for h in 0..N {
                let input = y2[s][h].shift_in(carry);
                carry = y2[s][h];
                let w = input.sub(a1[h].mul(w1[s][h])).sub(a2[h].mul(w2[s][h]));
                let y = b0[h].mul(w).add(b1[h].mul(w1[s][h])).add(b2[h].mul(w2[s][h]));
                (w2[s][h], w1[s][h]) = (w1[s][h], w);
                (y2[s][h], y1[s][h]) = (y1[s][h], y);
            }
            if t >= behind && t - behind < x[s].len() {
                x[s][t - behind] = y1[s][last / LANES].store()[last % LANES];
            }
        }
    }
}

/// The sum of squares of each part of `window` samples, as many as there is room for, in the order of the samples.
/// Eight parts go side by side.
#[inline(always)]
pub(crate) fn window_energies<V: Lanes>(x: &[f32], window: usize, out: &mut [f32]) {
    let mut sums = out.chunks_mut(LANES);
    for (x, out) in x.chunks_exact(LANES * window).zip(&mut sums) {
        let mut all = [0.0f32; LANES];
        for i in 0..window {
            for l in 0..LANES {
                let v = x[l * window + i];
                all[l] += v * v;
            }
        }
        for (o, v) in out.iter_mut().zip(all) {
            *o = v;
        }
    }
    let done = x.len() / (LANES * window) * LANES;
    for (x, o) in x.chunks_exact(window).zip(out).skip(done) {
        let mut all = 0.0;
        for v in x {
            all += v * v;
        }
        *o = all;
    }
}

/// The turns of a real transform of `2 M` points made by a complex one of `M`: bins `1..=M / 2`.
pub(crate) struct Turns {
    cos: Box<[f32]>,
    sin: Box<[f32]>,
}

impl Turns {
    /// For `len` points, a multiple of 32.
    pub(crate) fn new(len: usize) -> Self {
        let angles = || (1..=len / 4).map(|k| core::f64::consts::TAU * k as f64 / len as f64);
        Self { cos: angles().map(|a| a.cos() as f32).collect(), sin: angles().map(|a| a.sin() as f32).collect() }
    }
}

/// Eight bins of a real signal from `low` on, and the conjugates of their mirror images, all times two, from the
/// transform of the signal's pairs; see `real_power`. Real parts, imaginary parts.
#[inline(always)]
fn halves<V: Lanes>(z: &[Complex32], low: usize, cos: V, sin: V) -> Option<[V; 4]> {
    let high = z.len().checked_sub(low + LANES - 1)?;
    let ([ar, ai], [br, bi]) = (V::load_complex(z[low..].first_chunk()?), V::load_complex(z[high..].first_chunk()?));
    let (br, bi) = (br.reverse(), bi.reverse());
    let (even_re, even_im, odd_re, odd_im) = (ar.add(br), ai.sub(bi), ai.add(bi), br.sub(ar));
    let (re, im) = (cos.mul(odd_re).add(sin.mul(odd_im)), cos.mul(odd_im).sub(sin.mul(odd_re)));
    Some([even_re.add(re), even_im.add(im), even_re.sub(re), even_im.sub(im)])
}

/// The way back: from eight bins `p` and the conjugates `q` of their mirror images to the transform of the pairs, times
/// two.
#[inline(always)]
fn join<V: Lanes>(p: [V; 2], q: [V; 2], low: usize, cos: V, sin: V, out: &mut [Complex32]) {
    let Some(high) = out.len().checked_sub(low + LANES - 1) else { return };
    let (even_re, even_im, d_re, d_im) = (p[0].add(q[0]), p[1].add(q[1]), p[0].sub(q[0]), p[1].sub(q[1]));
    let (odd_re, odd_im) = (cos.mul(d_re).sub(sin.mul(d_im)), cos.mul(d_im).add(sin.mul(d_re)));
    if let Some(out) = out[low..].first_chunk_mut() {
        even_re.sub(odd_im).store_complex(even_im.add(odd_re), out);
    }
    if let Some(out) = out[high..].first_chunk_mut() {
        even_re.add(odd_im).reverse().store_complex(odd_re.sub(even_im).reverse(), out);
    }
}

/// The conjugate of the first times the second.
#[inline(always)]
fn conjugate_product<V: Lanes>(ar: V, ai: V, br: V, bi: V) -> [V; 2] {
    [ar.mul(br).add(ai.mul(bi)), ar.mul(bi).sub(ai.mul(br))]
}

/// From the transforms of the pairs of two real signals to that of the pairs of their correlation: the last step of the
/// real transforms forward, the product, and the first step of the one back, in one go. `y` becomes eight times the
/// result.
#[inline(always)]
pub(crate) fn cross<V: Lanes>(table: &Turns, x: &[Complex32], y: &mut [Complex32]) {
    let (Some(a), Some(b)) = (x.first(), y.first_mut()) else { return };
    let (low, high) = ((a.re + a.im) * (b.re + b.im) * 4.0, (a.re - a.im) * (b.re - b.im) * 4.0);
    *b = Complex32 { re: low + high, im: low - high };
    let turns = table.cos.as_chunks::<LANES>().0.iter().zip(table.sin.as_chunks::<LANES>().0);
    for (i, (cos, sin)) in turns.enumerate() {
        let low = 1 + i * LANES;
        let (cos, sin) = (V::load(cos), V::load(sin));
        let (Some(x), Some(z)) = (halves(x, low, cos, sin), halves(y, low, cos, sin)) else { break };
        let p = conjugate_product(x[0], x[1], z[0], z[1]);
        let q = conjugate_product(x[2], x[3], z[2], z[3]);
        join(p, q, low, cos, sin, y);
    }
}

/// The largest magnitude in whole groups of eight.
#[inline(always)]
pub(crate) fn magnitude<V: Lanes>(x: &[f32]) -> f32 {
    let mut most = [V::splat(0.0); 4];
    let (groups, _) = x.as_chunks::<LANES>();
    for (i, v) in groups.iter().enumerate() {
        most[i % 4] = most[i % 4].max(V::load(v).abs());
    }
    most[0].max(most[1]).max(most[2].max(most[3])).store().into_iter().fold(0.0, f32::max)
}

/// Bit `l` of `bits[i]` says whether the magnitude of `x[8 i + l]` is greater than `limit`.
#[inline(always)]
pub(crate) fn exceed<V: Lanes>(x: &[f32], limit: f32, bits: &mut [u8]) {
    let limit = V::splat(limit);
    for (b, v) in bits.iter_mut().zip(x.as_chunks::<LANES>().0) {
        *b = V::load(v).abs().above(limit);
    }
}

/// The bins `0..=M` of a real signal of `2 M` samples, times two, from the transform of its pairs.
#[inline(always)]
pub(crate) fn unfold<V: Lanes>(table: &Turns, z: &[Complex32], out: &mut [Complex32]) {
    let m = z.len();
    let (Some(first), true) = (z.first(), out.len() > m) else { return };
    out[0] = Complex32 { re: 2.0 * (first.re + first.im), im: 0.0 };
    out[m] = Complex32 { re: 2.0 * (first.re - first.im), im: 0.0 };
    let turns = table.cos.as_chunks::<LANES>().0.iter().zip(table.sin.as_chunks::<LANES>().0);
    for (i, (cos, sin)) in turns.enumerate() {
        let low = 1 + i * LANES;
        let Some([re, im, mirror_re, mirror_im]) = halves(z, low, V::load(cos), V::load(sin)) else { break };
        if let Some(out) = out[low..].first_chunk_mut() {
            re.store_complex(im, out);
        }
        if let Some(out) = out[m + 1 - low - LANES..].first_chunk_mut() {
            mirror_re.reverse().store_complex(V::splat(0.0).sub(mirror_im).reverse(), out);
        }
    }
}

/// The transform of the pairs of a real signal, times two, from its bins `0..=M`: the way back of [`unfold`].
#[inline(always)]
pub(crate) fn fold<V: Lanes>(table: &Turns, bins: &[Complex32], out: &mut [Complex32]) {
    let m = out.len();
    let (Some(first), Some(last), Some(o)) = (bins.first(), bins.get(m), out.first_mut()) else { return };
    *o = Complex32 { re: first.re + last.re, im: first.re - last.re };
    let turns = table.cos.as_chunks::<LANES>().0.iter().zip(table.sin.as_chunks::<LANES>().0);
    for (i, (cos, sin)) in turns.enumerate() {
        let low = 1 + i * LANES;
        let Some(high) = m.checked_sub(low + LANES - 1) else { break };
        let (Some(a), Some(b)) = (bins[low..].first_chunk(), bins[high..].first_chunk()) else { break };
        let ([ar, ai], [br, bi]) = (V::load_complex(a), V::load_complex(b));
        let mirror = [br.reverse(), V::splat(0.0).sub(bi).reverse()];
        join([ar, ai], mirror, low, V::load(cos), V::load(sin), out);
    }
}

/// The sum of squares: sixteen at a time in single precision, those sums in double.
#[inline(always)]
pub(crate) fn square_sum<V: Lanes>(x: &[f32]) -> f64 {
    const BLOCK: usize = 16 * LANES;
    let (blocks, rest) = x.as_chunks::<BLOCK>();
    let mut all = 0.0;
    for block in blocks {
        let mut sums = [V::splat(0.0); 4];
        for (i, v) in block.as_chunks::<LANES>().0.iter().enumerate() {
            let v = V::load(v);
            sums[i % 4] = v.mul_add(v, sums[i % 4]);
        }
        all += f64::from(sums[0].add(sums[1]).add(sums[2].add(sums[3])).total());
    }
    all + rest.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>()
}

/// What the disturbance of a frame is computed from, band by band; bands that do not count have the width 0 and an
/// infinite threshold.
pub(crate) struct Bands {
    /// Whole groups of eight.
    pub threshold: Vec<f32>,
    /// Half of one over the threshold.
    pub half_over_threshold: Vec<f32>,
    /// Loudness grows with this power.
    pub exponent: Vec<f32>,
    /// The loudness scale.
    pub scale: Vec<f32>,
    pub width: Vec<f32>,
}

/// The power in the bands over `factor` times the threshold.
#[inline(always)]
pub(crate) fn audible<V: Lanes>(bands: &Bands, factor: f32, densities: &[f32]) -> f64 {
    let mut sum = [0.0f32; LANES];
    for (t, p) in bands.threshold.as_chunks::<LANES>().0.iter().zip(densities.as_chunks::<LANES>().0) {
        for l in 0..LANES {
            sum[l] += if p[l] > factor * t[l] { p[l] } else { 0.0 };
        }
    }
    let d = sum.map(f64::from);
    ((d[0] + d[4]) + (d[2] + d[6])) + ((d[1] + d[5]) + (d[3] + d[7]))
}

/// `x^y` for positive normal `x`, and results from 2^-126 to 2^127; the relative error is some 4e-7.
#[inline(always)]
fn power(x: f32, y: f32) -> f32 {
    // x = m 2^e with m from 0.707 to 1.414, and log2 m = 2 / ln 2 (s + s^3 / 3 + ...) with s = (m - 1) / (m + 1).
    let bits = x.to_bits().wrapping_add(0x3f80_0000 - 0x3f35_04f3);
    let e = ((bits >> 23) as i32 - 127) as f32;
    let m = f32::from_bits((bits & 0x007f_ffff) + 0x3f35_04f3);
    let s = (m - 1.0) / (m + 1.0);
    let q = s * s;
    let series = 2.885_390_1 + q * (0.961_796_7 + q * (0.577_078_04 + q * (0.412_198_6 + q * 0.320_598_9)));
    let log = e * y + (s * series) * y;
    // Adding 1.5 2^23 rounds to a whole number, which then stands in the lowest bits.
    let magic = log + 12_582_912.0;
    let f = (log - (magic - 12_582_912.0)) * core::f32::consts::LN_2;
    let exp =
        1.0 + f * (1.0 + f * (0.5 + f * (0.166_666_67 + f * (0.041_666_67 + f * (0.008_333_334 + f * 0.001_388_889)))));
    f32::from_bits(exp.to_bits().wrapping_add(magic.to_bits() << 23))
}

#[inline(always)]
fn group(x: &[f32], g: usize) -> [f32; LANES] {
    x[g * LANES..].first_chunk().copied().unwrap_or([0.0; LANES])
}

#[inline(always)]
fn loudness(p: f32, threshold: f32, half_over_threshold: f32, exponent: f32, scale: f32) -> f32 {
    let v = scale * (power(0.5 + half_over_threshold * p, exponent) - 1.0);
    if p > threshold { v } else { 0.0 }
}

/// The disturbance of a frame, from the pitch power densities of both signals: the sum of squares of the weighted
/// differences of loudness, and the sum of those times what was added (spec/04, 4.1 to 4.3; the width is in both).
#[inline(always)]
pub(crate) fn disturbance<V: Lanes>(bands: &Bands, reference: &[f32], degraded: &[f32]) -> (f64, f64) {
    let (mut squares, mut added) = ([0.0f32; LANES], [0.0f32; LANES]);
    let groups = bands.threshold.len() / LANES;
    for g in 0..groups {
        let (t, h, z) = (group(&bands.threshold, g), group(&bands.half_over_threshold, g), group(&bands.exponent, g));
        let (scale, width, p, q) =
            (group(&bands.scale, g), group(&bands.width, g), group(reference, g), group(degraded, g));
        for l in 0..LANES {
            let here = loudness(p[l], t[l], h[l], z[l], scale[l]);
            let there = loudness(q[l], t[l], h[l], z[l], scale[l]);
            // What is within a quarter of the softer one is not heard.
            let zone = 0.25 * if here < there { here } else { there };
            let d = (there - here).abs() - zone;
            let weighted = if d > 0.0 { d * width[l] } else { 0.0 };
            squares[l] += weighted * weighted;
            let factor = power((q[l] + 50.0) / (p[l] + 50.0), 1.2);
            let factor = if factor > 12.0 { 12.0 } else { factor };
            added[l] += if factor < 3.0 { 0.0 } else { weighted * factor };
        }
    }
    let sum = |l: [f32; LANES]| l.iter().map(|&v| f64::from(v)).sum::<f64>();
    (sum(squares), sum(added))
}
