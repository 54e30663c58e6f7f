//! The kernels, and the choice of instruction set.
//!
//! `portable.rs` is the definition: plain Rust with a fixed lane order. The AVX2 level is the same body compiled a second
//! time with AVX2 and FMA switched on. Kernels that count, compare or sum (`Exact`) contain no multiply-add that could
//! be fused, so both levels give the same bits; filters and FIRs use FMA where the level has it.
//!
//! The level is chosen once, when a config is frozen. Within AVX2, the products of networks have a body for AVX-512 too,
//! where the machine has it: the same sums in the same order, so the same bits, and no level of its own.

mod distances;
mod doubles;
mod fir;
mod lanes;
mod octaves;
mod p862;
mod pairs;
mod portable;
mod rows;
mod spectral;
#[cfg(test)]
mod suite;

pub(crate) use distances::{CRITICAL, Filter, FourDistances, FourFrames, FrameSums, LAGS};
pub(crate) use fir::{OUTPUTS, TAP_GROUP, Taps};
pub(crate) use octaves::{BANDS, Correlations, FRAMES, HOP, Octaves, ROW, SEGMENT};
pub(crate) use portable::{
    BLOCK, BinSums, COMPARED, Envelope, FIR, KState, KWeighting, LANES, PHASES, POINTS, RealPower, SHORT, SIGNATURE,
    TAPS, TruePeakTable,
};

pub(crate) use p862::{Bands, Cascade, Turns};
pub(crate) use rows::RowsShape;

use core::fmt;
use lanes::Plain;
use rustfft::num_complex::{Complex32, Complex64};

/// An instruction set the kernels are compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Level {
    /// What every machine of the target can do: the definition.
    Portable,
    /// AVX2 and FMA on x86-64.
    Avx2,
}

impl Level {
    /// The name used in `OTOSCOPE_SIMD` and in reports.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
        }
    }

    /// The levels this machine can run, lowest first.
    #[must_use]
    pub fn available() -> &'static [Self] {
        #[cfg(target_arch = "x86_64")]
        if std::arch::is_x86_feature_detected!("avx2") && std::arch::is_x86_feature_detected!("fma") {
            return &[Self::Portable, Self::Avx2];
        }
        &[Self::Portable]
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Proof that this machine can run a level: the fields are private, so there is no other way to get one than to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Simd {
    level: Level,
    /// Whether the machine has AVX-512 beside AVX2 and FMA, and may use it.
    has_avx512: bool,
}

impl Simd {
    /// `wanted`, or the best level there is; never more than the machine has. Without a wish, the environment variable
    /// `OTOSCOPE_SIMD` (`portable` or `avx2`) is asked, and `avx2` there means AVX2 alone, without AVX-512 where that would
    /// give the same bits; an unknown word there counts as no wish.
    pub(crate) fn choose(wanted: Option<Level>) -> Self {
        let named = || {
            let name = std::env::var("OTOSCOPE_SIMD").ok()?;
            [Level::Portable, Level::Avx2].into_iter().find(|l| l.name() == name)
        };
        let named = if wanted.is_none() { named() } else { None };
        let best = Level::available().iter().copied().max().unwrap_or(Level::Portable);
        let level = wanted.or(named).map_or(best, |w| w.min(best));
        let simd = Self { level, has_avx512: level == Level::Avx2 && rows::has_avx512() };
        if named.is_some() { simd.without_avx512() } else { simd }
    }

    pub(crate) const fn level(self) -> Level {
        self.level
    }

    /// The same level by its narrower bodies.
    pub(crate) const fn without_avx512(self) -> Self {
        Self { has_avx512: false, ..self }
    }
}

/// Declares kernels: each is the portable body, and the same body compiled for AVX2 + FMA.
macro_rules! kernels {
    ($( $(#[$doc:meta])* fn $name:ident( $($arg:ident : $ty:ty),* $(,)? ) $(-> $ret:ty)?; )*) => {
        impl Simd {
            $(
                $(#[$doc])*
                #[inline]
                pub(crate) fn $name(self, $($arg: $ty),*) $(-> $ret)? {
                    match self.level {
                        Level::Portable => portable::$name::<Plain>($($arg),*),
                        #[cfg(target_arch = "x86_64")]
                        // SAFETY: a `Simd` of level AVX2 exists only where `Level::available` found AVX2 and FMA.
                        Level::Avx2 => unsafe { avx2::$name($($arg),*) },
                        #[cfg(not(target_arch = "x86_64"))]
                        Level::Avx2 => portable::$name::<Plain>($($arg),*),
                    }
                }
            )*
        }
        #[cfg(target_arch = "x86_64")]
        mod avx2 {
            use super::{Complex32, Complex64};
            use super::portable::{self, *};
            $(
                #[target_feature(enable = "avx2,fma")]
                pub(super) fn $name($($arg: $ty),*) $(-> $ret)? {
                    portable::$name::<super::lanes::Avx>($($arg),*)
                }
            )*
        }
    };
}

kernels! {
    /// `out[i] = pcm[i] / 32768`. Exact.
    fn i16_to_f32(pcm: &[i16], out: &mut [f32]);
    /// Copies `pcm` to `out` with everything that is not a usable number replaced by 0, and counts. Exact.
    fn gate(pcm: &[f32], out: &mut [f32]) -> GateCounts;
    /// Sum, energy, extremes and exact zeros of one hop. Exact.
    fn statistics(x: &[f32]) -> Statistics;
    /// The energy of [`statistics`](Self::statistics), alone. Exact.
    fn energy(x: &[f32]) -> f64;
    /// Whether three samples in a row differ by at most `tolerance`, the middle one of at least `least` in magnitude. Exact.
    fn has_flat_triple(x: &[f32], least: f32, tolerance: f32) -> bool;
    /// Bit `i` says whether `x[i]` is below zero; `x` holds at most 64 samples, the bits beyond are zeros. Exact.
    fn negative(x: &[f32]) -> u64;
    /// The energy of `x` behind the K-filter. A tolerance kernel.
    fn k_energy(filter: &KWeighting, state: &mut KState, x: &[f32]) -> f64;
    /// The same for one hop of each of up to eight streams, in lanes. A tolerance kernel.
    fn k_energy_lanes(filter: &KWeighting, states: &mut [KState; LANES], x: &[&[f32]; LANES]) -> [f64; LANES];
    /// The largest magnitude between the samples of `x` from `TAPS - 1` on, or `largest` if that is not exceeded. A
    /// tolerance kernel.
    fn true_peak(table: &TruePeakTable, x: &[f32], largest: f32) -> f32;
    /// The envelope of `x` at the end of each of its blocks; how many there are. Exact.
    fn envelope(table: &Envelope, state: &mut [f32; 2], x: &[f32], out: &mut [f32; POINTS]) -> usize;
    /// The sum of squared fourth differences, and the largest magnitude among them. Exact.
    fn spikes(x: &[f32]) -> (f64, f32);
    /// `sum_n x[n] x[n - k]` for `k` up to [`SHORT`], over all `n` that have so many samples before them. Exact.
    fn products(x: &[f32]) -> [f32; SHORT + 1];
    /// `sum f b` and `sum f^2 + b^2`. Exact.
    fn lattice_sums(f: &[f32], b: &[f32]) -> (f64, f64);
    /// `f + k b` and `b + k f`, in place. Exact.
    fn lattice_step(f: &mut [f32], b: &mut [f32], k: f32);
    /// `out[i] = sum_k h[k] x[i + k]`. Exact.
    fn correlate(x: &[f32], h: &[f32; FIR], out: &mut [f32]);
    /// The distance of one signature from each of many, byte by byte, at most 255; the sum of those that are less, and how
    /// many. Exact.
    fn distances(one: &[u8; SIGNATURE], planes: &[u8], out: &mut [u8]) -> (u32, u32);
    /// Counts up where a distance is within `threshold`, else down; whether a count reached what it needs. Exact.
    fn count_matches(distances: &[u8], threshold: u8, begin: bool, counts: &mut [u16], need: &[u16]) -> bool;
    /// `x * window`, element by element, two in a row as one complex number. Exact.
    fn window_pairs(x: &[f32], window: &[f32], out: &mut [Complex32]);
    /// The power of a real signal's transform in each bin, from the transform of its pairs. A tolerance kernel.
    fn real_power(table: &RealPower, z: &[Complex32], power: &mut [f32]);
    /// Bit `l` of `bits[i]` says whether bin `8 i + l + 4` is higher than both its neighbours and than `ratio` times the
    /// mean of the four bins three and four away. Exact.
    fn peaks(power: &[f32], ratio: f32, bits: &mut [u8]);
    /// `out[i] = sum_k taps[k] x[i step + k]`; the taps come in whole groups of eight. Exact.
    fn decimate(x: &[f32], taps: &[f32], step: usize, out: &mut [f32]);
    /// Weighted sums of the bins of a spectrum. Exact.
    fn bin_sums(table: &BinSums, power: &[f32], out: &mut [f32]);
    /// The sums of eight parts of `x`, each of `part` samples, at least eight. Exact.
    fn part_sums(x: &[f32], part: usize) -> [f32; LANES];
    /// `out[l] = sum_k x[k] rows[k][l]`. Exact.
    fn weigh(x: &[f32; LANES], rows: &[[f32; LANES]; LANES]) -> [f32; LANES];
    /// What became of levels: more, less, gone. Exact.
    fn compare(was: &[f32; COMPARED], now: &[f32; COMPARED], same: f32, drop: f32) -> [u32; 3];
    /// Bit `k` of the result says whether `x[k + 1]` is a maximum, for whole groups of eight. Exact.
    fn maxima(x: &[f32]) -> u128;
    /// `out[k] = sum_n x[n] x[n + k]` over `span` samples, for lags from `first` to `last` at least. Exact.
    fn lagged_products(x: &[f32], span: usize, first: usize, last: usize, out: &mut [f32]);
    /// `out[i out_step + l] = sum_k taps[k][l] x[i x_step + k]` for `i` below `count`, `k` counting through the lanes. A tolerance
    /// kernel.
    fn polyphase_f32(
        x: &[f32],
        x_step: usize,
        taps: &[Taps<f32, 8>],
        out: &mut [f32],
        out_step: usize,
        count: usize,
    );
    /// The same in double precision. A tolerance kernel.
    fn polyphase_f64(
        x: &[f64],
        x_step: usize,
        taps: &[Taps<f64, 4>],
        out: &mut [f64],
        out_step: usize,
        count: usize,
    );
    /// `sum taps x`, in whole groups of [`TAP_GROUP`]. A tolerance kernel.
    fn dot_f32(x: &[f32], taps: &[f32]) -> f32;
    /// The same in double precision. A tolerance kernel.
    fn dot_f64(x: &[f64], taps: &[f64]) -> f64;
    /// The magnitudes in third-octave bands of four frames, of which frame `i` is hops `i` and `i + 1`. A tolerance kernel.
    fn octaves(table: &Octaves, hops: &[[f64; HOP]; FRAMES + 1], out: &mut [[f64; ROW]; FRAMES]);
    /// The energies of a hop under both halves of the window. A tolerance kernel.
    fn half_energies(table: &Octaves, hop: &[f64; HOP]) -> [f64; 2];
    /// The correlations of STOI over all segments of the bands of two signals. A tolerance kernel.
    fn clipped_correlations(x: &[[f64; ROW]], y: &[[f64; ROW]], clip: f64) -> Correlations;
    /// The correlations of ESTOI over all segments of the bands of two signals. A tolerance kernel.
    fn spectral_correlations(x: &[[f64; ROW]], y: &[[f64; ROW]]) -> Correlations;
    /// The sums of `a` and of `b`. Exact.
    fn pair_sums(a: &[f64], b: &[f64]) -> [f64; 2];
    /// `sum a b`, `sum a^2` and `sum b^2` of both less their means. Exact.
    fn pair_products(a: &[f64], b: &[f64], mean_a: f64, mean_b: f64) -> [f64; 3];
    /// The energy of `gain (a - mean_a)`, and of what `b - mean_b` lacks of it. Exact.
    fn scaled_error(a: &[f64], b: &[f64], gain: f64, mean_a: f64, mean_b: f64) -> [f64; 2];
    /// Two frames windowed: see `distances.rs`. A tolerance kernel.
    fn window_frames(
        frames: [&[f64]; 2],
        window: &[f64],
        turns: [&[f64]; 2],
        added: f64,
        own: [&mut [f64]; 2],
        packed: [&mut [Complex64]; 2],
    ) -> FrameSums;
    /// The autocorrelations of two signals, from lag 1 on, with [`LAGS`] zeros behind them. A tolerance kernel.
    fn two_autocorrelations(padded: [&[f64]; 2], order: usize) -> [[f64; LAGS]; 2];
    /// Powers, magnitudes and their sums from the transforms of two frames. A tolerance kernel.
    fn part_spectra(z: [&[Complex64]; 2], powers: &mut [Vec<f64>; 2], sizes: &mut [Vec<f64>; 2], tame: bool) -> [f64; 2];
    /// The critical bands of one frame's spectra, into its lane. A tolerance kernel.
    fn critical_bands(
        filters: &[Filter; CRITICAL],
        spectra: [&[f64]; 4],
        bands: &mut [[[f64; 4]; CRITICAL]; 4],
        lane: usize,
    );
    /// What four frames of both signals come to. A tolerance kernel.
    fn frame_distances(frames: &FourFrames, order: usize) -> FourDistances;
    /// Second-order sections in series, from silence, in place. Exact.
    fn cascade(table: &Cascade, x: &mut [f32]);
    /// The same for two signals at once. Exact.
    fn cascade_two(table: &Cascade, x: &mut [f32], y: &mut [f32]);
    /// The sum of squares of each part of `window` samples. Exact.
    fn window_energies(x: &[f32], window: usize, out: &mut [f32]);
    /// From the transforms of the pairs of two real signals to that of the pairs of their correlation, times eight. Exact.
    fn cross(table: &Turns, x: &[Complex32], y: &mut [Complex32]);
    /// The largest magnitude, of whole groups of eight. Exact.
    fn magnitude(x: &[f32]) -> f32;
    /// Bit `l` of `bits[i]` says whether the magnitude of `x[8 i + l]` is greater than `limit`. Exact.
    fn exceed(x: &[f32], limit: f32, bits: &mut [u8]);
    /// The bins of a real signal, times two, from the transform of its pairs. Exact.
    fn unfold(table: &Turns, z: &[Complex32], out: &mut [Complex32]);
    /// The transform of the pairs of a real signal, times two, from its bins. Exact.
    fn fold(table: &Turns, bins: &[Complex32], out: &mut [Complex32]);
    /// The sum of squares. A tolerance kernel.
    fn square_sum(x: &[f32]) -> f64;
    /// The power in the bands over a multiple of the threshold. Exact.
    fn audible(bands: &Bands, factor: f32, densities: &[f32]) -> f64;
    /// The sums behind the disturbance of a frame, and behind that by what was added. Exact.
    fn disturbance(bands: &Bands, reference: &[f32], degraded: &[f32]) -> (f64, f64);
}

/// The real and imaginary parts of complex numbers, in turn: memory for numbers once these are no longer needed.
pub(crate) fn as_numbers(z: &mut [Complex32]) -> &mut [f32] {
    // SAFETY: a complex number is two numbers in a row (`repr(C)`), so these are twice as many in the same memory, which is
    // borrowed for as long.
    unsafe { core::slice::from_raw_parts_mut(z.as_mut_ptr().cast(), 2 * z.len()) }
}

/// Asks the machine to bring memory that will be needed soon into its cache; a hint, where it has such a thing.
#[inline]
pub(crate) fn prefetch<T: ?Sized>(what: &T) {
    prefetch_part(what, 0, size_of_val(what));
}

/// The same for `len` bytes of it from byte `at` on.
#[inline]
pub(crate) fn prefetch_part<T: ?Sized>(what: &T, at: usize, len: usize) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let start = core::ptr::from_ref(what).cast::<i8>();
        for offset in (at..size_of_val(what).min(at + len)).step_by(64) {
            // SAFETY: SSE is part of x86-64, the address lies within `what`, and a prefetch reads nothing a program can see.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.add(offset)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (what, at, len);
}
pub(crate) use portable::{GateCounts, LAG_GROUP, Statistics};
