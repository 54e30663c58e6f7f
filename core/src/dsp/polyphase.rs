//! Change of sample rate by any ratio of whole numbers: a polyphase filter of windowed-sinc design.
//!
//! Output `k` is the filtered signal at the time of input `k from / to`, so that nothing is delayed, and `n` samples become
//! `ceil(n to / from)`. Before and after the signal there is silence.
//!
//! Usual pairs of rates have a table of all their phases. Pairs that share no large factor (37123 to 16000 Hz has 16000 phases) would
//! need megabytes of it: for them the filter, a smooth function of time, is kept at a few hundred points a sample and interpolated
//! with a polynomial of fifth order, which loses less than 1e-12 of it. Either way a table holds [`LARGEST_TABLE`] taps at most.

use crate::simd::{OUTPUTS, Simd, TAP_GROUP, Taps};
use core::f64::consts::PI;
use core::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

/// Numbers in a table of all phases, at most: 4 MB in double precision.
pub(crate) const LARGEST_TABLE: usize = 1 << 19;

/// Inputs made into outputs at a time, about: small enough for the second cache, and memory does not grow with a signal.
const BLOCK: usize = 8192;

/// Points of the polynomial between kept values of the filter.
const POINTS: usize = 6;

/// Single or double precision.
pub(crate) trait Real: Copy + Default + core::fmt::Debug + Send + Sync + 'static {
    /// One load of the taps of a few outputs.
    type Taps: Copy + core::fmt::Debug + Send + Sync;
    /// Numbers in a load.
    const LANES: usize;

    fn from_f64(v: f64) -> Self;
    fn to_f64(self) -> f64;
    fn taps(of: impl Fn(usize, usize) -> Self) -> Self::Taps;
    /// `out[i out_step + l] = sum_k taps[k][l] x[i x_step + k]`.
    fn polyphase(
        simd: Simd,
        x: &[Self],
        x_step: usize,
        taps: &[Self::Taps],
        out: &mut [Self],
        out_step: usize,
        count: usize,
    );
    fn dot(simd: Simd, x: &[Self], taps: &[Self]) -> Self;
}

macro_rules! real {
    ($number:ty, $lanes:literal, $polyphase:ident, $dot:ident) => {
        impl Real for $number {
            type Taps = Taps<Self, $lanes>;
            const LANES: usize = $lanes;

            fn from_f64(v: f64) -> Self {
                v as Self
            }
            fn to_f64(self) -> f64 {
                f64::from(self)
            }
            fn taps(of: impl Fn(usize, usize) -> Self) -> Self::Taps {
                Taps(core::array::from_fn(|l| core::array::from_fn(|k| of(l, k))))
            }
            fn polyphase(
                simd: Simd,
                x: &[Self],
                x_step: usize,
                taps: &[Self::Taps],
                out: &mut [Self],
                out_step: usize,
                count: usize,
            ) {
                simd.$polyphase(x, x_step, taps, out, out_step, count);
            }
            fn dot(simd: Simd, x: &[Self], taps: &[Self]) -> Self {
                simd.$dot(x, taps)
            }
        }
    };
}
real!(f32, 8, polyphase_f32, dot_f32);
real!(f64, 4, polyphase_f64, dot_f64);

/// `1 / (k!)^2`: the modified Bessel function `I0(2 sqrt(z))` as a power series, to the last bit for `z` up to 26.
const BESSEL: [f64; 32] = {
    let mut c = [1.0; 32];
    let mut k = 1;
    while k < c.len() {
        c[k] = c[k - 1] / (k * k) as f64;
        k += 1;
    }
    c
};

/// A Kaiser-windowed sinc. Time `t` is counted on the grid of the common multiple of both rates.
#[derive(Debug, Clone, Copy)]
struct Kernel {
    /// Cycles a step of the grid.
    cutoff: f64,
    /// The window ends here, on both sides, itself included.
    half: f64,
    beta: f64,
}

impl Kernel {
    /// The filter without its scale. Beyond its ends it goes on as smoothly as it came: the Bessel function's series takes a
    /// negative argument as well.
    fn at(&self, t: f64) -> f64 {
        let u = t / self.half;
        let quarter = 0.25 * self.beta * self.beta * (1.0 - u * u);
        let window = BESSEL.iter().rev().fold(0.0, |sum, c| sum * quarter + c);
        let x = 2.0 * self.cutoff * t * PI;
        window * if x == 0.0 { 1.0 } else { x.sin() / x }
    }
}

/// What the taps come from.
#[derive(Debug)]
enum Table<T: Real> {
    /// For each few outputs of a turn, the taps of all of them from their first input on.
    Phases { taps: Vec<T::Taps>, loads: usize },
    /// The taps at times `i / points` of an input sample, from `i = -2`; `half` as in [`Kernel`].
    Smooth { rows: Vec<f64>, points: usize, half: f64, gain: f64 },
}

/// The designs there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Design {
    /// [`Resampler::new`].
    General,
    /// [`Resampler::octave`].
    Octave,
    /// [`Resampler::matlab`].
    Matlab,
}

/// Resamplers already made, for those who come with the same rates again: the latest few.
#[derive(Debug, Default)]
pub(crate) struct Resamplers {
    pub single: Made<f32>,
    pub double: Made<f64>,
}

/// Resamplers of one precision.
#[derive(Debug)]
pub(crate) struct Made<T: Real>(Mutex<Vec<(Design, Arc<Resampler<T>>)>>);

impl<T: Real> Default for Made<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Real> Made<T> {
    /// The resampler of this design, made now or before.
    pub(crate) fn get(&self, design: Design, from_hz: u32, to_hz: u32) -> Arc<Resampler<T>> {
        const HELD: usize = 8;
        // Nothing panics while it is locked, and half a list would be a list.
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let known = made.iter().find(|(d, r)| *d == design && r.from_hz == from_hz && r.to_hz == to_hz);
        if let Some((_, resampler)) = known {
            return Arc::clone(resampler);
        }
        let resampler = Arc::new(match design {
            Design::General => Resampler::new(from_hz, to_hz),
            Design::Octave => Resampler::octave(from_hz, to_hz),
            Design::Matlab => Resampler::matlab(from_hz, to_hz),
        });
        if made.len() == HELD {
            made.remove(0);
        }
        made.push((design, Arc::clone(&resampler)));
        resampler
    }
}

/// A change of sample rate.
#[derive(Debug)]
pub(crate) struct Resampler<T: Real> {
    from_hz: u32,
    to_hz: u32,
    /// Outputs for `down` inputs: a turn.
    up: usize,
    down: usize,
    /// Inputs before that of the output's own time.
    before: usize,
    /// Taps of one output, a whole number of groups.
    taps: usize,
    table: Table<T>,
    design: &'static str,
}

impl<T: Real> Table<T> {
    fn none() -> Self {
        Self::Phases { taps: Vec::new(), loads: 1 }
    }
}

impl<T: Real> Resampler<T> {
    /// The resampler for general use: flat within 0.001 dB to 0.45 of the lower rate, at least 95 dB down from 0.5 of it on.
    pub(crate) fn new(from_hz: u32, to_hz: u32) -> Self {
        const ATTENUATION_DB: f64 = 100.0;
        let (up, down) = ratio(from_hz, to_hz);
        // On the grid of both rates the lower one has a period of so many steps.
        let period = up.max(down) as f64;
        // Kaiser's formula for a transition from 0.45 to 0.5.
        let taps = (ATTENUATION_DB - 7.95) / (2.285 * 2.0 * PI * (0.05 / period));
        let kernel =
            Kernel { cutoff: 0.475 / period, half: (0.5 * taps).ceil(), beta: 0.1102 * (ATTENUATION_DB - 8.7) };
        Self::with(kernel, from_hz, to_hz, "polyphase kaiser 100 dB, flat to 0.45 fs")
    }

    /// The resampler of Octave's `resample`, as pystoi 0.4.1 has it: 60 dB, the cutoff at half the lower rate, unit sum.
    pub(crate) fn octave(from_hz: u32, to_hz: u32) -> Self {
        const REJECTION_DB: f64 = 60.0;
        let (up, down) = ratio(from_hz, to_hz);
        let cutoff = 1.0 / (2.0 * up.max(down) as f64);
        let kernel = Kernel {
            cutoff,
            half: ((REJECTION_DB - 8.0) / (28.714 * (cutoff / 10.0))).ceil(),
            beta: 0.1102 * (REJECTION_DB - 8.7),
        };
        Self::with(kernel, from_hz, to_hz, "octave resample (kaiser 60 dB)")
    }

    /// The resampler of MATLAB's `resample`: the ideal filter of ten periods of the lower rate on each side, a Kaiser window of
    /// beta 5, unit sum.
    pub(crate) fn matlab(from_hz: u32, to_hz: u32) -> Self {
        let (up, down) = ratio(from_hz, to_hz);
        let period = up.max(down) as f64;
        let kernel = Kernel { cutoff: 0.5 / period, half: 10.0 * period, beta: 5.0 };
        Self::with(kernel, from_hz, to_hz, "matlab resample (kaiser beta 5)")
    }

    fn with(kernel: Kernel, from_hz: u32, to_hz: u32, design: &'static str) -> Self {
        let (up, down) = ratio(from_hz, to_hz);
        let half = kernel.half as usize;
        // Input `j` after the output's own counts if the grid point `phase - j up` is within the filter.
        let before = half / up;
        let after = half.div_ceil(up);
        let taps = (before + after + 1).next_multiple_of(TAP_GROUP);
        // Whole turns that are as many outputs as are made together, or a multiple.
        let turns = if up % OUTPUTS == 0 { 1 } else { OUTPUTS };
        let mut made =
            Self { from_hz, to_hz, up: up * turns, down: down * turns, before, taps, table: Table::none(), design };
        // The last of a few outputs begins so many inputs after the first, at most.
        let span = before + after + 1 + ((OUTPUTS - 1) * down).div_ceil(up);
        let loads = span.div_ceil(T::LANES);
        if made.up * loads * T::LANES <= LARGEST_TABLE {
            let (phases, inputs) = (up, down);
            let tap = |output: usize, input: usize| {
                let t = (output * inputs) as f64 - (input as f64 - before as f64) * phases as f64;
                if t.abs() <= kernel.half { kernel.at(t) } else { 0.0 }
            };
            let sum: f64 =
                (0..phases).map(|k| (0..loads * T::LANES + k * inputs / phases).map(|j| tap(k, j)).sum::<f64>()).sum();
            let gain = phases as f64 / sum;
            let few = (0..made.up).step_by(OUTPUTS);
            let taps = few.flat_map(|first| {
                let from = first * inputs / phases;
                (0..loads)
                    .map(move |load| T::taps(|l, k| T::from_f64(gain * tap(first + l, from + load * T::LANES + k))))
            });
            made.table = Table::Phases { taps: taps.collect(), loads };
        } else {
            // The filter is the slower the lower its cutoff: fewer points do.
            (made.up, made.down) = (up, down);
            let points = (256 * up / up.max(down)).max(16);
            let mut rows = vec![0.0; (points + POINTS) * taps];
            for (i, row) in rows.chunks_exact_mut(taps).enumerate() {
                let phase = (i as f64 - 2.0) * up as f64 / points as f64;
                for (k, v) in row.iter_mut().enumerate() {
                    *v = kernel.at(phase - (k as f64 - before as f64) * up as f64);
                }
            }
            made.table = Table::Smooth { rows, points, half: kernel.half, gain: 1.0 };
            let mut row = vec![0.0; taps];
            let mut sum = 0.0;
            for phase in 0..up {
                made.smooth_taps(phase, &mut row);
                sum += row.iter().sum::<f64>();
            }
            if let Table::Smooth { gain, .. } = &mut made.table {
                *gain = up as f64 / sum;
            }
        }
        made
    }

    /// The taps of a phase, between the kept ones.
    fn smooth_taps(&self, phase: usize, out: &mut [f64]) {
        let Table::Smooth { rows, points, half, gain } = &self.table else { return };
        let at = phase as f64 * *points as f64 / self.up as f64;
        let (first, u) = (at.floor() as usize, at.fract());
        // Lagrange's polynomial through -2..=3.
        let weights: [f64; POINTS] = core::array::from_fn(|i| {
            (0..POINTS).filter(|j| *j != i).fold(*gain, |w, j| w * (u + 2.0 - j as f64) / (i as f64 - j as f64))
        });
        out.fill(0.0);
        for (i, w) in weights.iter().enumerate() {
            for (o, v) in out.iter_mut().zip(&rows[(first + i) * self.taps..]) {
                *o += w * v;
            }
        }
        // The filter ends sharply; what was kept beyond is for the polynomial only.
        for (k, o) in out.iter_mut().enumerate() {
            let t = phase as f64 - (k as f64 - self.before as f64) * self.up as f64;
            if t.abs() > *half {
                *o = 0.0;
            }
        }
    }

    /// The name stamped in results.
    pub(crate) fn name(&self) -> String {
        if self.is_native() {
            return "native".to_owned();
        }
        format!("{}, {} to {} Hz", self.design, self.from_hz, self.to_hz)
    }

    /// Both rates are the same: samples pass as they are.
    pub(crate) fn is_native(&self) -> bool {
        self.up == self.down
    }

    /// How many samples `len` of them become.
    pub(crate) fn output_len(&self, len: usize) -> usize {
        (len as u64 * self.up as u64).div_ceil(self.down as u64) as usize
    }

    /// Changes the rate of `len` samples. `input` writes any range of them where it is told to; `output` is given the result
    /// piece by piece.
    pub(crate) fn stream(
        &self,
        simd: Simd,
        len: usize,
        mut input: impl FnMut(Range<usize>, &mut [T]),
        mut output: impl FnMut(&[T]),
    ) {
        let total = self.output_len(len);
        if self.is_native() {
            let mut block = vec![T::default(); BLOCK.min(len)];
            for start in (0..len).step_by(BLOCK) {
                let block = &mut block[..BLOCK.min(len - start)];
                input(start..start + block.len(), block);
                output(block);
            }
            return;
        }
        let many = match self.table {
            // Each phase has an even number of outputs in a block.
            Table::Phases { .. } => (BLOCK / self.down).next_multiple_of(2).max(2) * self.up,
            // One output after the other.
            Table::Smooth { .. } => (BLOCK as u64 * self.up as u64 / self.down as u64).max(1) as usize,
        };
        let many = many.min(total);
        let mut out = vec![T::default(); many.next_multiple_of(OUTPUTS)];
        let mut block = vec![T::default(); self.reach(out.len())];
        let (mut row, mut cast) = (vec![0.0; self.scratch()], vec![T::default(); self.scratch()]);
        for first in (0..total).step_by(many.max(1)) {
            let count = many.min(total - first);
            let center = self.input_of(first as u64) as usize;
            // The block holds the inputs from `center - before` on; silence where there are none.
            let missing = self.before.saturating_sub(center).min(block.len());
            let start = (center + missing).saturating_sub(self.before).min(len);
            let end = (center + block.len()).saturating_sub(self.before).clamp(start, len);
            block[..missing].fill(T::default());
            input(start..end, &mut block[missing..missing + (end - start)]);
            block[missing + (end - start)..].fill(T::default());
            self.block(simd, &block, first as u64, &mut out[..count.next_multiple_of(OUTPUTS)], (&mut row, &mut cast));
            output(&out[..count]);
        }
    }

    /// Samples that [`block`](Self::block) reads before the time of its first output.
    pub(crate) fn before(&self) -> usize {
        if self.is_native() { 0 } else { self.before }
    }

    /// The input at the time of an output: where a block begins, less [`before`](Self::before).
    pub(crate) fn input_of(&self, output: u64) -> u64 {
        // In turns, so that nothing overflows.
        let turns = output / self.up as u64;
        turns * self.down as u64 + output % self.up as u64 * self.down as u64 / self.up as u64
    }

    /// Samples that `count` outputs read from their beginning on, at most; a little of it times zero.
    pub(crate) fn reach(&self, count: usize) -> usize {
        let filter = match self.table {
            _ if self.is_native() => return count,
            Table::Phases { loads, .. } => loads * T::LANES,
            Table::Smooth { .. } => self.taps,
        };
        (count as u64 * self.down as u64).div_ceil(self.up as u64) as usize + 1 + filter
    }

    /// Taps that [`block`](Self::block) makes for each output, where it has no table of them.
    pub(crate) fn scratch(&self) -> usize {
        if matches!(self.table, Table::Smooth { .. }) && !self.is_native() { self.taps } else { 0 }
    }

    /// Outputs `first` and following, `first` a multiple of [`OUTPUTS`] and `out` too, from [`reach`](Self::reach) samples, of which the first is
    /// number `input_of(first) - before`. Takes no memory: `scratch` of both precisions is the caller's.
    pub(crate) fn block(&self, simd: Simd, x: &[T], first: u64, out: &mut [T], scratch: (&mut [f64], &mut [T])) {
        let base = self.input_of(first);
        match &self.table {
            _ if self.is_native() => out.copy_from_slice(&x[..out.len()]),
            Table::Phases { taps, loads } => {
                let groups = self.up / OUTPUTS;
                let at = (first % self.up as u64) as usize / OUTPUTS;
                for i in 0..groups.min(out.len() / OUTPUTS) {
                    let j = i * OUTPUTS;
                    let taps = &taps[(at + i) % groups * loads..][..*loads];
                    let from = (self.input_of(first + j as u64) - base) as usize;
                    let count = (out.len() - j).div_ceil(self.up);
                    T::polyphase(simd, &x[from..], self.down, taps, &mut out[j..], self.up, count);
                }
            }
            Table::Smooth { .. } => {
                let (row, cast) = scratch;
                for (k, o) in out.iter_mut().enumerate() {
                    let output = first + k as u64;
                    // The phase: what is left of the output's time behind its input.
                    let phase = output % self.up as u64 * self.down as u64 % self.up as u64;
                    self.smooth_taps(phase as usize, row);
                    cast.iter_mut().zip(&*row).for_each(|(c, v)| *c = T::from_f64(*v));
                    *o = T::dot(simd, &x[(self.input_of(output) - base) as usize..], cast);
                }
            }
        }
    }

    /// Changes the rate of samples that are all there.
    pub(crate) fn process(&self, simd: Simd, x: &[T]) -> Vec<T> {
        let mut out = Vec::with_capacity(self.output_len(x.len()));
        self.stream(simd, x.len(), |range, to| to.copy_from_slice(&x[range]), |y| out.extend_from_slice(y));
        out
    }
}

/// Outputs and inputs of the smallest whole ratio.
fn ratio(from_hz: u32, to_hz: u32) -> (usize, usize) {
    let (mut a, mut b) = (from_hz.max(1), to_hz.max(1));
    while b > 0 {
        (a, b) = (b, a % b);
    }
    ((to_hz.max(1) / a) as usize, (from_hz.max(1) / a) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Level;

    /// The definition: every product of the zero-stuffed signal with the filter, by the long way.
    fn plain(kernel: Kernel, up: usize, down: usize, x: &[f64], gain: f64, k: usize) -> f64 {
        (0..x.len())
            .map(|n| (k * down) as f64 - (n * up) as f64)
            .zip(x)
            .filter(|(t, _)| t.abs() <= kernel.half)
            .map(|(t, v)| v * kernel.at(t) * gain)
            .sum()
    }

    fn noise(n: usize) -> Vec<f64> {
        let mut seed = 1_u64;
        (0..n)
            .map(|_| {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (seed >> 40) as f64 / f64::from(1 << 23) - 1.0
            })
            .collect()
    }

    #[test]
    fn blocks_are_the_whole_signal_in_pieces() {
        let simd = Simd::choose(None);
        for from_hz in [8_000, 11_025, 16_000, 22_050, 24_000, 44_100, 48_000, 96_000, 192_000, 37_123] {
            let resampler = Resampler::<f32>::new(from_hz, 16_000);
            let x: Vec<f32> = (0..from_hz as usize / 4).map(|n| ((n * n) % 1009) as f32 / 1009.0 - 0.5).collect();
            let whole = resampler.process(simd, &x);
            let (mut row, mut cast) = (vec![0.0; resampler.scratch()], vec![0.0; resampler.scratch()]);
            let mut out = [0.0; 160];
            for first in (0..whole.len() as u64 - 160).step_by(160) {
                let base = resampler.input_of(first) as usize;
                let at = |i: usize| {
                    (base + i).checked_sub(resampler.before()).and_then(|i| x.get(i)).copied().unwrap_or(0.0)
                };
                let piece: Vec<f32> = (0..resampler.reach(160)).map(at).collect();
                resampler.block(simd, &piece, first, &mut out, (&mut row, &mut cast));
                assert_eq!(out[..], whole[first as usize..][..160], "{from_hz} Hz, output {first}");
            }
        }
    }

    #[test]
    fn every_output_is_what_the_definition_says() {
        for (from, to) in
            [(16_000, 10_000), (8000, 10_000), (44_100, 10_000), (37_123, 16_000), (11_025, 16_000), (191_999, 8000)]
        {
            let (up, down) = ratio(from, to);
            let half = (40 * up.max(down)) as f64;
            let kernel = Kernel { cutoff: 0.45 / up.max(down) as f64, half, beta: 8.0 };
            let sum: f64 = (-(half as i64)..=half as i64).map(|t| kernel.at(t as f64)).sum();
            let gain = up as f64 / sum;
            let x = noise(20_011);
            for simd in Level::available().iter().map(|&l| Simd::choose(Some(l))) {
                let r = Resampler::<f64>::with(kernel, from, to, "a test");
                let y = r.process(simd, &x);
                assert_eq!(y.len(), (x.len() * up).div_ceil(down), "{from} {to}");
                let f = Resampler::<f32>::with(kernel, from, to, "a test");
                let single: Vec<f32> = x.iter().map(|&v| v as f32).collect();
                let z = f.process(simd, &single);
                for k in (0..y.len()).filter(|k| k % 97 == 0 || *k < 20 || *k + 20 > y.len()) {
                    let want = plain(kernel, up, down, &x, gain, k);
                    // 1e-12: rounding of some hundred products of numbers up to 1, and the polynomial's share.
                    assert!((y[k] - want).abs() < 1e-12, "{from} {to} at {k}: {} {want}", y[k]);
                    assert!(
                        (f64::from(z[k]) - want).abs() < 2e-6,
                        "single precision: {from} {to} at {k}: {} {want}",
                        z[k]
                    );
                }
            }
        }
    }

    #[test]
    fn tones_pass_and_stop_where_the_design_says() {
        let simd = Simd::choose(None);
        for (from, to) in [
            (22_050_u32, 16_000_u32),
            (48_000, 8000),
            (37_123, 16_000),
            (8000, 16_000),
            (96_000, 16_000),
            (11_025, 8000),
        ] {
            let r = Resampler::<f64>::new(from, to);
            let low = f64::from(from.min(to));
            let peak = |hz: f64| {
                let x: Vec<f64> =
                    (0..from as usize / 2).map(|n| (2.0 * PI * hz * n as f64 / f64::from(from)).sin()).collect();
                let y = r.process(simd, &x);
                // Away from the ends, where the tone begins and stops.
                let middle = &y[y.len() / 4..3 * y.len() / 4];
                let wanted = |k: usize| (2.0 * PI * hz * (k + y.len() / 4) as f64 / f64::from(to)).sin();
                let worst = middle.iter().enumerate().map(|(k, v)| (v - wanted(k)).abs()).fold(0.0, f64::max);
                (worst, middle.iter().fold(0.0_f64, |m, v| m.max(v.abs())))
            };
            for share in [0.01, 0.2, 0.4, 0.45] {
                // 0.001 dB is 1.15e-4; the tone is in its place as well, or the difference would be far larger.
                assert!(peak(share * low).0 < 1.15e-4, "{from} {to}: {share} {:?}", peak(share * low));
            }
            if from > to {
                for share in [0.5, 0.52, 0.6].into_iter().filter(|s| s * low < 0.5 * f64::from(from)) {
                    assert!(peak(share * low).1 < 1.8e-5, "95 dB: {from} {to}: {share} {:?}", peak(share * low));
                }
            }
        }
    }

    #[test]
    fn tables_are_bounded_whatever_the_rates() {
        for (from, to) in
            [(191_999, 16_000), (8001, 8000), (8001, 16_000), (44_101, 10_000), (192_000, 191_999), (1, 192_000)]
        {
            for r in [Resampler::<f64>::new(from, to), Resampler::octave(from, to), Resampler::matlab(from, to)] {
                let held = match &r.table {
                    Table::Phases { taps, .. } => taps.len() * OUTPUTS * 4,
                    Table::Smooth { rows, .. } => rows.len(),
                };
                assert!(held <= LARGEST_TABLE, "{from} {to}: {held}");
            }
        }
    }

    #[test]
    fn few_samples_and_none_are_taken() {
        let simd = Simd::choose(None);
        for (from, to) in [(16_000, 10_000), (37_123, 16_000), (8000, 8000)] {
            let r = Resampler::<f64>::octave(from, to);
            for n in [0, 1, 2, 7] {
                assert_eq!(
                    r.process(simd, &noise(n)).len(),
                    (n * to as usize).div_ceil(from as usize),
                    "{from} {to} {n}"
                );
            }
        }
        assert_eq!(Resampler::<f64>::new(8000, 8000).process(simd, &noise(99)), noise(99));
    }
}
