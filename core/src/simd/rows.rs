//! Rows of a convolution network, channels last: products of a few rows with weights that are walked once, strictly forwards.
//!
//! Six places and sixteen outputs at a time are twelve sums in registers; each load of sixteen weights serves six places, each input is spread over
//! sixteen outputs. AVX-512 has room for twelve places and thirty-two outputs. Every sum is made in the same order whatever the tile, so both have
//! the same bits.

use super::lanes::{Lanes, Plain};
use super::{Level, Simd};
use bytemuck::Pod;

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

/// Sums of one place for outputs that lie side by side: what tiles are made of.
trait Sums: Copy {
    /// As many numbers in memory.
    type Numbers: Pod;
    /// How many eights these are.
    const EIGHTS: usize = size_of::<Self::Numbers>() / 32;
    /// Places of which the sums of two such stay in registers.
    const PLACES: usize;

    fn load(v: &Self::Numbers) -> Self;
    /// `x w + self`, fused where the level can.
    fn plus(self, x: f32, w: Self) -> Self;
    fn add(self, b: Self) -> Self;
    /// What is greater than `least` or else `least`, into as many numbers.
    fn store(self, least: f32, out: &mut [f32]);
}

#[derive(Clone, Copy)]
struct Eight<V>(V);

impl<V: Lanes> Sums for Eight<V> {
    type Numbers = [f32; 8];
    const PLACES: usize = 6;

    #[inline(always)]
    fn load(v: &[f32; 8]) -> Self {
        Self(V::load(v))
    }
    #[inline(always)]
    fn plus(self, x: f32, w: Self) -> Self {
        Self(V::splat(x).mul_add(w.0, self.0))
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        Self(self.0.add(b.0))
    }
    #[inline(always)]
    fn store(self, least: f32, out: &mut [f32]) {
        out[..8].copy_from_slice(&self.0.max(V::splat(least)).store());
    }
}

#[derive(Clone, Copy)]
struct Sixteen<V>(V, V);

impl<V: Lanes> Sums for Sixteen<V> {
    type Numbers = [[f32; 8]; 2];
    const PLACES: usize = 6;

    #[inline(always)]
    fn load([a, b]: &[[f32; 8]; 2]) -> Self {
        Self(V::load(a), V::load(b))
    }
    #[inline(always)]
    fn plus(self, x: f32, w: Self) -> Self {
        let x = V::splat(x);
        Self(x.mul_add(w.0, self.0), x.mul_add(w.1, self.1))
    }
    #[inline(always)]
    fn add(self, b: Self) -> Self {
        Self(self.0.add(b.0), self.1.add(b.1))
    }
    #[inline(always)]
    fn store(self, least: f32, out: &mut [f32]) {
        Eight(self.0).store(least, out);
        Eight(self.1).store(least, &mut out[8..]);
    }
}

/// Sums of `P` places and `N` groups. Not a closure anywhere: lanes would leave their registers.
#[inline(always)]
fn tile<S: Sums, const P: usize, const N: usize>(
    rows: &[&[f32]],
    first: usize,
    shape: &RowsShape,
    weights: [&[S::Numbers]; N],
    bias: [S; N],
) -> [[S; N]; P] {
    let mut sums = [bias; P];
    let inputs = shape.inputs;
    for (r, row) in rows.iter().enumerate() {
        let mut x: [&[f32]; P] = [&[]; P];
        for p in 0..P {
            x[p] = &row[(first + p) * shape.step..][..inputs];
        }
        let mut w = weights;
        for n in 0..N {
            w[n] = &w[n][r * inputs..][..inputs];
        }
        // So written, the compiler sees that `k` is within every part of the row and of the weights.
        for k in 0..inputs {
            let mut loaded = bias;
            for n in 0..N {
                loaded[n] = S::load(&w[n][k]);
            }
            for p in 0..P {
                for n in 0..N {
                    sums[p][n] = sums[p][n].plus(x[p][k], loaded[n]);
                }
            }
        }
    }
    sums
}

#[inline(always)]
fn places<S: Sums, const P: usize, const N: usize>(
    rows: &[&[f32]],
    first: usize,
    shape: &RowsShape,
    weights: [&[S::Numbers]; N],
    bias: [S; N],
    out: &mut [f32],
) {
    let sums = tile::<S, P, N>(rows, first, shape, weights, bias);
    let least = if shape.relu { 0.0 } else { f32::NEG_INFINITY };
    for p in 0..P {
        let out = &mut out[(first + p) * shape.outputs..][..8 * S::EIGHTS * N];
        for n in 0..N {
            sums[p][n].store(least, &mut out[8 * S::EIGHTS * n..]);
        }
    }
}

/// All places of `N` groups of outputs, the first of which is that of `out`.
#[inline(always)]
fn groups<S: Sums, const N: usize>(
    rows: &[&[f32]],
    shape: &RowsShape,
    weights: &[[f32; 8]],
    bias: &[[f32; 8]],
    out: &mut [f32],
) {
    let each = S::EIGHTS * rows.len() * shape.inputs;
    let numbers: &[S::Numbers] = bytemuck::cast_slice(&bias[..S::EIGHTS * N]);
    let mut bias = [S::load(&numbers[0]); N];
    let mut parts: [&[S::Numbers]; N] = [&[]; N];
    for n in 0..N {
        bias[n] = S::load(&numbers[n]);
        parts[n] = bytemuck::cast_slice(&weights[n * each..][..each]);
    }
    let mut first = 0;
    while first < shape.places {
        // As few tiles as there can be, all of nearly the same size.
        let left = shape.places - first;
        let here = left.div_ceil(left.div_ceil(S::PLACES));
        macro_rules! tiles {
            ($($p:literal)*) => {
                match here {
                    $($p if $p <= S::PLACES => places::<S, $p, N>(rows, first, shape, parts, bias, out),)*
                    _ => {}
                }
            };
        }
        tiles!(1 2 3 4 5 6 7 8 9 10 11 12);
        first += here;
    }
}

/// By groups of sixteen outputs `S`, `N` at a time while there are so many, and of eight at the end.
#[inline(always)]
fn rows_product<V: Lanes, S: Sums, const N: usize>(
    rows: &[&[f32]],
    shape: &RowsShape,
    weights: &[[f32; 8]],
    bias: &[[f32; 8]],
    out: &mut [f32],
) {
    let all = rows.len() * shape.inputs;
    let (mut weights, mut bias, mut at) = (weights, bias, 0);
    while at < shape.outputs {
        let out = &mut out[at..];
        let eights = match shape.outputs - at {
            left if N > 1 && left >= 16 * N => {
                groups::<S, N>(rows, shape, weights, bias, out);
                2 * N
            }
            16.. => {
                groups::<S, 1>(rows, shape, weights, bias, out);
                2
            }
            _ => {
                groups::<Eight<V>, 1>(rows, shape, weights, bias, out);
                1
            }
        };
        (weights, bias, at) = (&weights[eights * all..], &bias[eights..], at + 8 * eights);
    }
}

/// Eights of a group of [`matrix_product`](super::Simd::matrix_product).
const GROUP: usize = 4;

/// `G` groups of outputs, each of `N` sums. Inputs of even and of odd number are summed apart, so that fewer wait for each other.
#[inline(always)]
fn matrix_groups<S: Sums, const N: usize, const G: usize>(
    x: &[f32],
    weights: &[[f32; 8]],
    bias: &[[f32; 8]],
    out: &mut [f32],
) {
    let each = GROUP * x.len();
    let numbers: &[S::Numbers] = bytemuck::cast_slice(bias);
    // `0 w + 0`: nothing yet.
    let zero = bytemuck::Zeroable::zeroed();
    let mut sums = [[[S::load(&zero); N]; G]; 2];
    let mut parts: [&[S::Numbers]; G] = [&[]; G];
    for g in 0..G {
        parts[g] = bytemuck::cast_slice(&weights[g * each..][..each]);
        for n in 0..N {
            sums[0][g][n] = S::load(&numbers[g * N + n]);
        }
    }
    let (pairs, last) = x.as_chunks::<2>();
    let mut parts = parts.map(|part| part.chunks_exact(2 * N));
    for x in pairs {
        for g in 0..G {
            let Some(w) = parts[g].next() else { return };
            for half in 0..2 {
                for n in 0..N {
                    sums[half][g][n] = sums[half][g][n].plus(x[half], S::load(&w[half * N + n]));
                }
            }
        }
    }
    if let [x] = last {
        for g in 0..G {
            for (n, w) in parts[g].remainder().iter().enumerate().take(N) {
                sums[0][g][n] = sums[0][g][n].plus(*x, S::load(w));
            }
        }
    }
    for g in 0..G {
        for n in 0..N {
            let own = &mut out[8 * (GROUP * g + S::EIGHTS * n)..];
            sums[0][g][n].add(sums[1][g][n]).store(f32::NEG_INFINITY, own);
        }
    }
}

/// By `G` groups at a time while there are so many.
#[inline(always)]
fn matrix_product<S: Sums, const N: usize, const G: usize>(
    x: &[f32],
    weights: &[[f32; 8]],
    bias: &[[f32; 8]],
    out: &mut [f32],
) {
    let groups = (bias.len() / GROUP).min(out.len() / (8 * GROUP));
    let mut first = 0;
    while first < groups {
        let (weights, bias) = (&weights[GROUP * first * x.len()..], &bias[GROUP * first..]);
        let out = &mut out[8 * GROUP * first..];
        if G > 1 && first + G <= groups {
            matrix_groups::<S, N, G>(x, weights, &bias[..GROUP * G], out);
            first += G;
        } else {
            matrix_groups::<S, N, 1>(x, weights, &bias[..GROUP], out);
            first += 1;
        }
    }
}

impl Simd {
    /// `out[p][o] = bias[o] + sum_r sum_k rows[r][p step + k] weights[o][r][k]`, the weights as `mos::packed` has them: for each sixteen
    /// outputs (the last may be eight) all inputs in turn. A tolerance kernel.
    #[inline]
    pub(crate) fn rows_product(
        self,
        rows: &[&[f32]],
        shape: &RowsShape,
        weights: &[[f32; 8]],
        bias: &[[f32; 8]],
        out: &mut [f32],
    ) {
        match self.level {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `has_avx512` says that the machine has AVX-512 beside AVX2 and FMA.
            Level::Avx2 if self.has_avx512 => unsafe { x86::rows_512(rows, shape, weights, bias, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Simd` of level AVX2 exists only where `Level::available` found AVX2 and FMA.
            Level::Avx2 => unsafe { x86::rows_256(rows, shape, weights, bias, out) },
            _ => rows_product::<Plain, Sixteen<Plain>, 1>(rows, shape, weights, bias, out),
        }
    }

    /// `out[o] = bias[o] + sum_k x[k] weights[o][k]`, for each 32 outputs all inputs in turn. A tolerance kernel.
    #[inline]
    pub(crate) fn matrix_product(self, x: &[f32], weights: &[[f32; 8]], bias: &[[f32; 8]], out: &mut [f32]) {
        match self.level {
            #[cfg(target_arch = "x86_64")]
            // SAFETY: `has_avx512` says that the machine has AVX-512 beside AVX2 and FMA.
            Level::Avx2 if self.has_avx512 => unsafe { x86::matrix_512(x, weights, bias, out) },
            #[cfg(target_arch = "x86_64")]
            // SAFETY: a `Simd` of level AVX2 exists only where `Level::available` found AVX2 and FMA.
            Level::Avx2 => unsafe { x86::matrix_256(x, weights, bias, out) },
            _ => matrix_product::<Eight<Plain>, 4, 1>(x, weights, bias, out),
        }
    }
}

/// Whether the machine has AVX-512 beside AVX2 and FMA.
pub(super) fn has_avx512() -> bool {
    #[cfg(target_arch = "x86_64")]
    let is_there = std::arch::is_x86_feature_detected!("avx512f");
    #[cfg(not(target_arch = "x86_64"))]
    let is_there = false;
    is_there && Level::available().contains(&Level::Avx2)
}

#[cfg(target_arch = "x86_64")]
mod x86 {
    use super::super::lanes::Avx;
    use super::{Eight, RowsShape, Sixteen, Sums};
    use core::arch::x86_64::*;

    /// Only the functions below that are compiled for AVX-512 may use this type.
    #[derive(Clone, Copy)]
    struct Wide(__m512);

    impl Sums for Wide {
        type Numbers = [[f32; 8]; 2];
        const PLACES: usize = 12;

        #[inline(always)]
        fn load(v: &[[f32; 8]; 2]) -> Self {
            // SAFETY: whoever names `Wide` runs with AVX-512, and there are sixteen numbers.
            Self(unsafe { _mm512_loadu_ps(v.as_ptr().cast()) })
        }
        #[inline(always)]
        fn plus(self, x: f32, w: Self) -> Self {
            // SAFETY: whoever names `Wide` runs with AVX-512.
            Self(unsafe { _mm512_fmadd_ps(_mm512_set1_ps(x), w.0, self.0) })
        }
        #[inline(always)]
        fn add(self, b: Self) -> Self {
            // SAFETY: as above.
            Self(unsafe { _mm512_add_ps(self.0, b.0) })
        }
        #[inline(always)]
        fn store(self, least: f32, out: &mut [f32]) {
            let out = &mut out[..16];
            // SAFETY: as above, and there is room for sixteen numbers.
            unsafe { _mm512_storeu_ps(out.as_mut_ptr(), _mm512_max_ps(self.0, _mm512_set1_ps(least))) };
        }
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn rows_256(
        rows: &[&[f32]],
        shape: &RowsShape,
        weights: &[[f32; 8]],
        bias: &[[f32; 8]],
        out: &mut [f32],
    ) {
        super::rows_product::<Avx, Sixteen<Avx>, 1>(rows, shape, weights, bias, out);
    }

    #[target_feature(enable = "avx512f,avx2,fma")]
    pub(super) fn rows_512(
        rows: &[&[f32]],
        shape: &RowsShape,
        weights: &[[f32; 8]],
        bias: &[[f32; 8]],
        out: &mut [f32],
    ) {
        super::rows_product::<Avx, Wide, 2>(rows, shape, weights, bias, out);
    }

    #[target_feature(enable = "avx2,fma")]
    pub(super) fn matrix_256(x: &[f32], weights: &[[f32; 8]], bias: &[[f32; 8]], out: &mut [f32]) {
        super::matrix_product::<Eight<Avx>, 4, 1>(x, weights, bias, out);
    }

    #[target_feature(enable = "avx512f,avx2,fma")]
    pub(super) fn matrix_512(x: &[f32], weights: &[[f32; 8]], bias: &[[f32; 8]], out: &mut [f32]) {
        super::matrix_product::<Wide, 2, 2>(x, weights, bias, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Numbers between -1 and 1 of many magnitudes, and both zeros.
    fn noise(count: usize, seed: u32) -> Vec<f32> {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            let v = (state >> 8) as f32 / (1 << 23) as f32 - 1.0;
            if state.is_multiple_of(31) { v * 0.0 } else { v * v * v }
        };
        (0..count).map(|_| next()).collect()
    }

    fn eights(numbers: &[f32]) -> &[[f32; 8]] {
        numbers.as_chunks().0
    }

    /// The body for AVX-512 and the level it belongs to; `None`, and said so, where the machine has none.
    fn bodies() -> Option<[Simd; 2]> {
        let simd = Simd::choose(Some(Level::Avx2));
        if simd == simd.without_avx512() {
            println!("SKIPPED avx512f: this machine does not have it");
            return None;
        }
        Some([simd, simd.without_avx512()])
    }

    fn same(a: &[f32], b: &[f32]) -> bool {
        a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
    }

    #[test]
    fn rows_have_the_same_bits_in_both_bodies_and_are_near_plain_sums() {
        let bodies = bodies();
        for places in 1..=30 {
            for outputs in [8, 16, 24, 32, 40, 64, 128] {
                for (inputs, step, relu) in [(3, 1, false), (8, 4, true), (15, 5, false), (96, 32, true)] {
                    let shape = RowsShape { places, step, inputs, outputs, relu };
                    let row = noise(3 * (places * step + inputs), (places * outputs + inputs) as u32);
                    let rows: Vec<&[f32]> = row.chunks_exact(row.len() / 3).collect();
                    let all = 3 * inputs;
                    let (weights, bias) = (noise(outputs * all, 7), noise(outputs, 8));
                    let product = |simd: Simd| {
                        let mut out = vec![9.0; places * outputs];
                        simd.rows_product(&rows, &shape, eights(&weights), eights(&bias), &mut out);
                        out
                    };
                    let plain = product(Simd::choose(Some(Level::Portable)));
                    if let Some([wide, narrow]) = bodies {
                        assert!(same(&product(wide), &product(narrow)), "{shape:?}");
                    }
                    for (i, got) in product(Simd::choose(None)).iter().chain(&plain).enumerate() {
                        let (p, o) = (i / outputs % places, i % outputs);
                        // Where the weights of an output lie: behind whole groups of sixteen, of which the last may be half.
                        let (first, width) = (o / 16 * 16, (outputs - o / 16 * 16).min(16));
                        let sum = (0..all).fold(f64::from(bias[o]), |sum, k| {
                            let w = weights[first * all + k * width + o - first];
                            sum + f64::from(rows[k / inputs][p * step + k % inputs]) * f64::from(w)
                        });
                        let wanted = if relu { sum.max(0.0) } else { sum };
                        // 289 numbers below 1, added in single precision.
                        assert!((f64::from(*got) - wanted).abs() < 2e-5, "{shape:?} {p} {o}: {got} {wanted}");
                    }
                }
            }
        }
    }

    #[test]
    fn matrices_have_the_same_bits_in_both_bodies_and_are_near_plain_sums() {
        let bodies = bodies();
        for inputs in [1, 2, 3, 53, 64, 161] {
            for outputs in [32, 64, 96, 128, 160] {
                let (x, weights, bias) = (noise(inputs, 5), noise(outputs * inputs, 6), noise(outputs, 7));
                let product = |simd: Simd| {
                    let mut out = vec![9.0; outputs + 7];
                    simd.matrix_product(&x, eights(&weights), eights(&bias), &mut out);
                    out
                };
                if let Some([wide, narrow]) = bodies {
                    assert!(same(&product(wide), &product(narrow)), "{inputs} {outputs}");
                }
                for simd in [Simd::choose(None), Simd::choose(Some(Level::Portable))] {
                    let got = product(simd);
                    assert!(got[outputs..].iter().all(|v| *v == 9.0), "only what was asked for");
                    for (o, got) in got[..outputs].iter().enumerate() {
                        let weight = |k: usize| weights[o / 32 * 32 * inputs + k * 32 + o % 32];
                        let sum =
                            (0..inputs).fold(f64::from(bias[o]), |sum, k| sum + f64::from(x[k]) * f64::from(weight(k)));
                        // 162 numbers below 1, added in single precision.
                        assert!((f64::from(*got) - sum).abs() < 2e-5, "{inputs} {outputs} {o}: {got} {sum}");
                    }
                }
            }
        }
    }
}
