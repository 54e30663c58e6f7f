//! What a network hears: rows of bands every 10 ms, from samples at 16 kHz.

use super::packed::{Packed, pack};
use super::weights::{Layer, WeightsError, wrong};
use crate::dsp::fft::{Scratch, SpectrumPlan};
use crate::simd::Simd;
use core::f64::consts::TAU;

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
    /// Any other length: sums with a table. Samples at the same distance from the window's middle have the same cosine, and opposite sines.
    Sums { window: Vec<f32>, cosines: Packed, sines: Packed },
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
                    if dft.is_multiple_of(2) {
                        return wrong(format!("a DFT of {dft} samples: a power of two, or an odd number"));
                    }
                    // Sample 0 of the periodic window is zero; i and dft - i belong together.
                    let half = dft / 2;
                    let window = (0..=half).map(|i| (0.5 - 0.5 * angle(i).cos()) as f32).collect();
                    let bins = half + 1;
                    // Whole turns are taken off before the angle is made: it would lose digits.
                    let cosines = pack(bins, half, 32, |k, i| angle(k * (i + 1) % dft).cos() as f32, &[]);
                    let sines = pack(bins, half, 32, |k, i| angle(k * (i + 1) % dft).sin() as f32, &[]);
                    (Transform::Sums { window, cosines, sines }, mel_bands(bands, dft, low_hz, high_hz, |_| 1.0))
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
            Kind::Mel { .. } => self.frame / 2,
            Kind::Basis(_) => 0,
        }
    }

    /// Rows of a window of so many samples: of frames that are centred and reach into the silence around it, or of whole frames in it.
    pub(crate) fn rows(&self, len: usize) -> usize {
        match self.kind {
            Kind::Mel { .. } => len / HOP,
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
                    Transform::Sums { window, cosines, sines } => {
                        let half = self.frame / 2;
                        let (mut even, mut odd) = ([0.0f32; LONGEST / 2], [0.0f32; LONGEST / 2]);
                        for i in 1..=half {
                            let (a, b, w) = (frame[i], frame[self.frame - i], window[i]);
                            (even[i - 1], odd[i - 1]) = (w * (a + b), w * (a - b));
                        }
                        let (mut re, mut im) = ([0.0f32; LONGEST / 2 + 32], [0.0f32; LONGEST / 2 + 32]);
                        simd.matrix_product(&even[..half], &cosines.weights, &cosines.bias, &mut re);
                        simd.matrix_product(&odd[..half], &sines.weights, &sines.bias, &mut im);
                        re.iter_mut().zip(&im).for_each(|(r, i)| *r = *r * *r + i * i);
                        sums(&re, row);
                    }
                }
            }
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
