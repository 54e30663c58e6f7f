//! What a network hears: rows of bands every 10 ms, from samples at 16 kHz.

use super::packed::{Packed, pack};
use super::weights::{Layer, WeightsError, wrong};
use crate::dsp::fft::{Scratch, SpectrumPlan};
use crate::simd::Simd;
use core::f64::consts::TAU;
use realfft::{RealFftPlanner, RealToComplex};
use std::sync::Arc;

/// Samples between rows.
pub(crate) const HOP: usize = 160;
/// Rows a second.
pub(crate) const ROWS_PER_S: usize = 100;
pub(crate) const RATE_HZ: u32 = 16_000;
/// The longest frame there is.
const LONGEST: usize = 512;

/// One mel band: its first bin and its weights.
pub(super) struct Band {
    pub first: usize,
    pub weights: Vec<f32>,
}

enum Transform {
    /// A frame of a power of two.
    Fft(SpectrumPlan),
    /// Any other length.
    Sums(Box<Sums>),
}

/// The power of a Hann-windowed DFT by sums with a table. Where its length is `parts` times a length that has no factor in common with that, it is so
/// many shorter ones and one of `parts` points for each bin, without factors between (Good and Thomas): fewer products in shorter sums, which
/// round less. Samples at the same distance from the middle have the same cosine, and opposite sines.
struct Sums {
    parts: usize,
    len: usize,
    window: Vec<f32>,
    /// Which sample comes next, part after part.
    order: Vec<u16>,
    cosines: Packed,
    sines: Packed,
    /// For each part and its bins, what the cosine sums and the sine sums are multiplied with for the real parts, and for the imaginary parts.
    turns: [Vec<f32>; 4],
    /// Which of a part's bins each bin is made of.
    from: Vec<u16>,
}

impl Sums {
    fn new(dft: usize) -> Self {
        let is_apart = |&parts: &usize| dft.is_multiple_of(parts) && !(dft / parts).is_multiple_of(parts);
        let parts = [5, 3].into_iter().find(is_apart).unwrap_or(1);
        let (len, bins) = (dft / parts, dft / 2 + 1);
        let half = len / 2;
        // Whole turns are taken off before an angle is made: it would lose digits.
        let angle = |turns: usize, of: usize| TAU * (turns % of) as f64 / of as f64;
        let window = (0..dft).map(|i| (0.5 - 0.5 * angle(i, dft).cos()) as f32).collect();
        let order = (0..dft).map(|i| ((len * (i / len) + parts * (i % len)) % dft) as u16).collect();
        let cosines = pack(half + 1, half + 1, 32, |k, i| angle(k * i, len).cos() as f32, &[]);
        let sines = pack(half + 1, (len - 1) / 2, 32, |k, i| angle(k * (i + 1), len).sin() as f32, &[]);
        let turn = |i: usize| {
            let (part, bin) = (i / bins, i % bins);
            let (sin, cos) = angle(part * bin, parts).sin_cos();
            // Beyond the middle a part's bins are the conjugates of those before it.
            let side = if bin % len > half { -1.0 } else { 1.0 };
            [cos, -sin * side, sin, cos * side]
        };
        let turns = [0, 1, 2, 3].map(|which| (0..parts * bins).map(|i| turn(i)[which] as f32).collect());
        let from = (0..bins).map(|bin| (bin % len).min(len - bin % len) as u16).collect();
        Self { parts, len, window, order, cosines, sines, turns, from }
    }

    fn power(&self, simd: Simd, frame: &[f32], power: &mut [f32; LONGEST / 2 + 1]) {
        let (half, bins) = (self.len / 2, self.from.len());
        let mut windowed = [0.0f32; LONGEST];
        windowed.iter_mut().zip(frame.iter().zip(&self.window)).for_each(|(o, (x, w))| *o = x * w);
        let (mut even, mut odd) = ([0.0f32; LONGEST / 2 + 1], [0.0f32; LONGEST / 2]);
        // Sums of a part, and in the order of all bins. So long that no index of nine bits is outside.
        let mut sums = [[0.0f32; LONGEST]; 2];
        let mut spread = [[0.0f32; LONGEST / 2 + 1]; 2];
        let mut im = [0.0f32; LONGEST / 2 + 1];
        power.fill(0.0);
        for part in 0..self.parts {
            let order = &self.order[part * self.len..][..self.len];
            let at = |n: usize| windowed[order[n] as usize % LONGEST];
            // The first and, of an even number, the middle one have no other.
            (even[0], even[half]) = (at(0), at(half));
            for n in 1..self.len.div_ceil(2) {
                let (a, b) = (at(n), at(self.len - n));
                (even[n], odd[n - 1]) = (a + b, a - b);
            }
            let (cosines, sines) = (&self.cosines, &self.sines);
            simd.matrix_product(&even[..=half], &cosines.weights, &cosines.bias, &mut sums[0]);
            simd.matrix_product(&odd[..(self.len - 1) / 2], &sines.weights, &sines.bias, &mut sums[1]);
            for (spread, sums) in spread.iter_mut().zip(&sums) {
                spread.iter_mut().zip(&self.from).for_each(|(o, &from)| *o = sums[from as usize % LONGEST]);
            }
            let [a, b, c, d] = [0, 1, 2, 3].map(|which| &self.turns[which][part * bins..][..bins]);
            let ([cosine, sine], re, im) = (&spread, &mut power[..bins], &mut im[..bins]);
            for k in 0..bins {
                re[k] += a[k] * cosine[k] + b[k] * sine[k];
                im[k] += c[k] * cosine[k] + d[k] * sine[k];
            }
        }
        power.iter_mut().zip(&im).for_each(|(r, i)| *r = *r * *r + i * i);
    }
}

/// The logarithm of the magnitude in the bins of a Hann-windowed DFT, in double precision: in the logarithm a bin 120 dB below the loudest counts
/// as much as that does, and single precision has nothing but rounding there.
struct Magnitude {
    window: Vec<f64>,
    fft: Arc<dyn RealToComplex<f64>>,
}

impl Magnitude {
    fn new(dft: usize) -> Self {
        let window = (0..dft).map(|i| 0.5 - 0.5 * (TAU * i as f64 / dft as f64).cos()).collect();
        Self { window, fft: RealFftPlanner::new().plan_fft_forward(dft) }
    }

    /// It allocates: only files have this front end.
    fn row(&self, frame: &[f32], row: &mut [f32]) {
        let mut windowed: Vec<f64> = frame.iter().zip(&self.window).map(|(x, w)| f64::from(*x) * w).collect();
        let (mut bins, mut scratch) = (self.fft.make_output_vec(), self.fft.make_scratch_vec());
        // All lengths are the plan's own, so that there is nothing to fail.
        let _ = self.fft.process_with_scratch(&mut windowed, &mut bins, &mut scratch);
        row.iter_mut().zip(&bins).for_each(|(out, bin)| *out = bin.norm().clamp(1e-7, 1e7).log10() as f32);
    }
}

/// The front end of a network.
pub(crate) struct Front {
    kind: Kind,
    bands: usize,
    frame: usize,
}

enum Kind {
    /// Decibels, to be put under the window's peak.
    Mel { transform: Transform, bands: Vec<Band>, floor: f32, centre: f32, half_range: f32 },
    /// The logarithm of the power in bins of a basis of its own; level is absolute.
    Basis(Packed),
    /// The logarithm of the magnitude; level is absolute.
    Magnitude(Magnitude),
}

/// Slaney's mel scale: linear to 1 kHz, logarithmic above.
fn mel_of(hz: f64) -> f64 {
    if hz < 1000.0 { 3.0 * hz / 200.0 } else { 15.0 + 27.0 * (hz / 1000.0).ln() / 6.4f64.ln() }
}

fn hz_of(mel: f64) -> f64 {
    if mel < 15.0 { 200.0 * mel / 3.0 } else { 1000.0 * ((mel - 15.0) * 6.4f64.ln() / 27.0).exp() }
}

/// Triangles of equal area between neighbours on Slaney's scale, over bins of a DFT of `dft` samples. `scale` is what a bin's power is
/// multiplied with.
pub(super) fn mel_bands(
    bands: usize,
    dft: usize,
    low_hz: f64,
    high_hz: f64,
    scale: impl Fn(usize) -> f64,
) -> Vec<Band> {
    let (low, high) = (mel_of(low_hz), mel_of(high_hz));
    let edge = |i: usize| hz_of(low + (high - low) * i as f64 / (bands + 1) as f64);
    let bin_hz = |k: usize| k as f64 * f64::from(RATE_HZ) / dft as f64;
    (0..bands)
        .map(|b| {
            let [from, peak, to] = [edge(b), edge(b + 1), edge(b + 2)];
            let weight = |k: usize| {
                let up = (bin_hz(k) - from) / (peak - from);
                let down = (to - bin_hz(k)) / (to - peak);
                2.0 / (to - from) * up.min(down).max(0.0)
            };
            let bins = 0..dft / 2 + 1;
            let first = bins.clone().find(|&k| weight(k) > 0.0).unwrap_or(0);
            let weights = bins.skip(first).map(|k| (weight(k) * scale(k)) as f32);
            Band { first, weights: weights.take_while(|w| *w > 0.0).collect() }
        })
        .collect()
}

impl Front {
    pub(super) fn new(layer: Option<&Layer>) -> Result<Self, WeightsError> {
        match layer {
            Some(&Layer::MelDb { bands, rate_hz, dft, hop, low_hz, high_hz, floor, centre, half_range }) => {
                if rate_hz != RATE_HZ as usize || hop != HOP || !(64..=LONGEST).contains(&dft) || bands > 256 {
                    return wrong(format!("a front end of {bands} bands at {rate_hz} Hz, {dft} samples every {hop}"));
                }
                if high_hz > f64::from(RATE_HZ / 2) || low_hz >= high_hz || half_range < 1.0 {
                    return wrong(format!("a front end from {low_hz} to {high_hz} Hz over {half_range} dB"));
                }
                let angle = |i: usize| TAU * i as f64 / dft as f64;
                let (transform, bands) = if dft.is_power_of_two() {
                    // The plan's powers are mean squares: the network's are not.
                    let power: f64 = (0..dft).map(|n| (0.5 - 0.5 * angle(n).cos()).powi(2)).sum();
                    let ends = |k: usize| if k == 0 || k == dft / 2 { 1.0 } else { 0.5 };
                    let scale = move |k: usize| dft as f64 * power * ends(k);
                    (Transform::Fft(SpectrumPlan::new(dft)), mel_bands(bands, dft, low_hz, high_hz, scale))
                } else {
                    (Transform::Sums(Box::new(Sums::new(dft))), mel_bands(bands, dft, low_hz, high_hz, |_| 1.0))
                };
                let count = bands.len();
                Ok(Self { kind: Kind::Mel { transform, bands, floor, centre, half_range }, bands: count, frame: dft })
            }
            Some(Layer::BasisLogPower { bins, frame, hop, values }) => {
                if *hop != HOP || *frame > LONGEST || *bins > 256 {
                    return wrong(format!("a basis of {bins} bins, {frame} samples every {hop}"));
                }
                // Real and imaginary parts, bin after bin.
                let basis = pack(2 * bins, *frame, 32, |o, k| values[o * frame + k], &[]);
                Ok(Self { kind: Kind::Basis(basis), bands: *bins, frame: *frame })
            }
            Some(&Layer::LogMagnitude { dft }) => {
                Ok(Self { kind: Kind::Magnitude(Magnitude::new(dft)), bands: dft / 2 + 1, frame: dft })
            }
            _ => wrong("it does not begin with a front end"),
        }
    }

    /// Bands of a row.
    pub(crate) fn bands(&self) -> usize {
        self.bands
    }

    /// Samples of a frame.
    pub(crate) fn frame(&self) -> usize {
        self.frame
    }

    /// How many samples before the row's own time its frame begins.
    pub(crate) fn before(&self) -> usize {
        match self.kind {
            Kind::Mel { .. } | Kind::Magnitude(_) => self.frame / 2,
            Kind::Basis(_) => 0,
        }
    }

    /// Rows of a window of so many samples: of frames that are centred and reach into the silence around it, or of whole frames in it.
    pub(crate) fn rows(&self, len: usize) -> usize {
        match self.kind {
            Kind::Mel { .. } => len / HOP,
            Kind::Magnitude(_) => len / HOP + 1,
            Kind::Basis(_) => (len + HOP).saturating_sub(self.frame) / HOP,
        }
    }

    /// Whether rows are put under the peak of their window.
    pub(crate) fn is_relative(&self) -> bool {
        matches!(self.kind, Kind::Mel { .. })
    }

    /// Whether a row is the same in all windows that it lies in: it reaches into nothing around them and is relative to nothing.
    pub(super) fn is_shared(&self) -> bool {
        !self.is_relative() && self.before() == 0
    }

    /// The row of a frame: decibels, or what the network gets if level is absolute.
    pub(crate) fn row(&self, simd: Simd, frame: &[f32], row: &mut [f32]) {
        match &self.kind {
            Kind::Mel { transform, bands, .. } => {
                let sums = |power: &[f32], row: &mut [f32]| {
                    for (band, out) in bands.iter().zip(row) {
                        let bins = &power[band.first..];
                        let sum: f32 = band.weights.iter().zip(bins).map(|(w, p)| w * p).sum();
                        *out = 10.0 * sum.max(1e-10).log10();
                    }
                };
                match transform {
                    Transform::Fft(plan) => match plan.len() {
                        ..=128 => sums(plan.power(simd, frame, &mut Scratch::<64>::new()), row),
                        256 => sums(plan.power(simd, frame, &mut Scratch::<128>::new()), row),
                        _ => sums(plan.power(simd, frame, &mut Scratch::<{ LONGEST / 2 }>::new()), row),
                    },
                    Transform::Sums(table) => {
                        let mut power = [0.0f32; LONGEST / 2 + 1];
                        table.power(simd, frame, &mut power);
                        sums(&power, row);
                    }
                }
            }
            Kind::Magnitude(table) => table.row(&frame[..self.frame], row),
            Kind::Basis(basis) => {
                let mut parts = [0.0f32; 512 + 32];
                simd.matrix_product(&frame[..self.frame], &basis.weights, &basis.bias, &mut parts);
                let (re, im) = parts.split_at(self.bands);
                for ((out, re), im) in row.iter_mut().zip(re).zip(im) {
                    *out = (re * re + im * im).max(1e-12).log10();
                }
            }
        }
    }

    /// Puts a row of decibels under `peak_db` and on the network's scale.
    pub(crate) fn normalise(&self, peak_db: f32, row: &mut [f32]) {
        if let Kind::Mel { floor, centre, half_range, .. } = &self.kind {
            row.iter_mut().for_each(|v| *v = ((*v - peak_db).max(-floor) + centre) / half_range);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::Level;

    #[test]
    fn sums_of_any_length_are_the_power_of_their_definition() {
        // Three and five parts of even and odd numbers, lengths that have no such parts, and the longest.
        for dft in [320, 321, 96, 75, 64, 81, 127, 500, 510, 511, 512] {
            let table = Sums::new(dft);
            let noise = |i: usize| ((i as u32).wrapping_mul(2_654_435_761) >> 16) as f32 / 65536.0 - 0.5;
            let frame: Vec<f32> = (0..dft).map(noise).collect();
            let turn = |n: usize| TAU * (n % dft) as f64 / dft as f64;
            for &level in Level::available() {
                let mut power = [9.0; LONGEST / 2 + 1];
                table.power(Simd::choose(Some(level)), &frame, &mut power);
                for (k, got) in power[..dft / 2 + 1].iter().enumerate() {
                    let windowed = |i: usize| f64::from(frame[i]) * (0.5 - 0.5 * turn(i).cos());
                    let re: f64 = (0..dft).map(|i| windowed(i) * turn(i * k).cos()).sum();
                    let im: f64 = (0..dft).map(|i| windowed(i) * turn(i * k).sin()).sum();
                    let wanted = re * re + im * im;
                    // Single precision, of the bin and of what is around it.
                    assert!(
                        (f64::from(*got) - wanted).abs() < 1e-6 * (wanted + 100.0),
                        "{dft} {k} {level}: {got} {wanted}"
                    );
                }
            }
        }
    }
}
