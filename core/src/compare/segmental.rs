//! `seg_snr`, `fw_seg_snr`, `llr`, `wss`, `cepstrum_distance`: distances of short frames, in one pass over both signals.
//!
//! Definitions: Loizou, "Speech Enhancement: Theory and Practice" (2nd edition, 2013), chapter 11; Hu and Loizou, "Evaluation of
//! objective quality measures for speech enhancement", IEEE TASL 16(1), 2008; Klatt, "Prediction of perceived phonetic distance from
//! critical-band spectra", ICASSP 1982 (the weighted slope). All share frames of 30 ms every 7.5 ms.

use super::pair::{Details, Pair, Score};
use super::reason::{Reason, Side};
use super::samples::Samples;
use crate::simd::{MOST_LAGS, Simd};
use crate::spec::{Exactness, FieldSpec, Fields, PresetSpec, ScoreSpec, Value};
use rustfft::num_complex::Complex64;
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

/// Critical bands.
const BANDS: usize = 25;
/// Centre and width of each, in hertz.
const BAND_HZ: [(f64, f64); BANDS] = [
    (50.0, 70.0),
    (120.0, 70.0),
    (190.0, 70.0),
    (260.0, 70.0),
    (330.0, 70.0),
    (400.0, 70.0),
    (470.0, 70.0),
    (540.0, 77.3724),
    (617.372, 86.0056),
    (703.378, 95.3398),
    (798.717, 105.411),
    (904.128, 116.256),
    (1020.38, 127.914),
    (1148.30, 140.423),
    (1288.72, 153.823),
    (1442.54, 168.154),
    (1610.70, 183.457),
    (1794.16, 199.776),
    (1993.93, 217.153),
    (2211.08, 235.631),
    (2446.71, 255.255),
    (2701.97, 276.072),
    (2978.04, 298.126),
    (3276.17, 321.465),
    (3597.63, 346.136),
];
/// Added to every sample where the definition says so: a frame of digital silence then has a spectrum.
const EPS: f64 = f64::EPSILON;
/// What is kept of the sorted frames: the worst 5 % do not count.
const KEPT: f64 = 0.95;

/// All five, of one pair.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Segmental {
    pub seg_snr_db: f64,
    pub fw_seg_snr_db: f64,
    pub llr: f64,
    /// As the composite scores take it: frames are not clamped at 2.
    pub llr_unclamped: f64,
    pub wss: f64,
    pub cepstrum_distance_db: f64,
}

/// One band's filter: its first bin and its weights.
struct Filter {
    first: usize,
    weights: Vec<f64>,
}

/// What depends on the rate alone.
struct Frames {
    len: usize,
    hop: usize,
    order: usize,
    window: Vec<f64>,
    filters: Vec<Filter>,
    fft: Arc<dyn Fft<f64>>,
}

impl Frames {
    fn new(rate_hz: u32) -> Self {
        let rate = f64::from(rate_hz);
        let len = (0.030 * rate).round_ties_even() as usize;
        let fft_len = (2 * len).next_power_of_two();
        let half = fft_len / 2;
        let bins_per_hz = half as f64 / (rate / 2.0);
        // A weight this small is none.
        let least = (-30.0 / (2.0 * 2.303_f64)).exp();
        let filters = BAND_HZ.map(|(centre, width)| {
            let (middle, spread) = ((centre * bins_per_hz).floor(), width * bins_per_hz);
            let weight = |j: usize| {
                let off = (j as f64 - middle) / spread;
                (-11.0 * off * off + (70.0_f64.ln() - width.ln())).exp()
            };
            let all: Vec<f64> = (0..half).map(weight).collect();
            let first = all.iter().position(|w| *w > least).unwrap_or(0);
            Filter { first, weights: all[first..].iter().copied().take_while(|w| *w > least).collect() }
        });
        Self {
            len,
            hop: len / 4,
            order: if rate_hz < 10_000 { 10 } else { 16 },
            window: (1..=len)
                .map(|n| 0.5 * (1.0 - (core::f64::consts::TAU * n as f64 / (len as f64 + 1.0)).cos()))
                .collect(),
            filters: filters.into(),
            fft: FftPlanner::new().plan_fft_forward(fft_len),
        }
    }

    /// One frame fewer than fit, as the definition counts.
    fn count(&self, samples: usize) -> usize {
        let (hop, len) = (self.hop as f64, self.len as f64);
        (samples as f64 / hop - len / hop).max(0.0) as usize
    }
}

/// The five measures of one frame.
#[derive(Debug, Clone, Copy, Default)]
struct Measured {
    seg_snr: f64,
    fw_seg_snr: f64,
    llr: f64,
    wss: f64,
    cepstrum: f64,
}

/// Memory for one frame.
struct Workspace {
    reference: Vec<f64>,
    degraded: Vec<f64>,
    padded: Vec<f64>,
    packed: Vec<Complex64>,
    scratch: Vec<Complex64>,
    /// Powers of the reference and of the degraded signal, then their magnitudes.
    powers: [Vec<f64>; 2],
    sizes: [Vec<f64>; 2],
}

pub(crate) fn measure(
    simd: Simd,
    reference: &Samples<'_>,
    degraded: &Samples<'_>,
    rate_hz: u32,
) -> Result<Segmental, Reason> {
    let frames = Frames::new(rate_hz);
    let count = frames.count(reference.len());
    if count == 0 {
        let rate = f64::from(rate_hz);
        return Err(Reason::TooShort {
            side: Side::Reference,
            have_s: reference.len() as f64 / rate,
            need_s: (frames.len + frames.hop) as f64 / rate,
        });
    }
    let fft_len = frames.fft.len();
    let mut w = Workspace {
        reference: vec![0.0; frames.len],
        degraded: vec![0.0; frames.len],
        padded: vec![0.0; frames.len + MOST_LAGS],
        packed: vec![Complex64::default(); fft_len],
        scratch: vec![Complex64::default(); frames.fft.get_inplace_scratch_len()],
        powers: [(); 2].map(|()| vec![0.0; fft_len / 2]),
        sizes: [(); 2].map(|()| vec![0.0; fft_len / 2]),
    };
    let mut each: Vec<Measured> = Vec::with_capacity(count);
    for k in 0..count {
        let range = k * frames.hop..k * frames.hop + frames.len;
        let mut buffer = core::mem::take(&mut w.reference);
        let r = reference.f64s(range.clone(), &mut buffer);
        let mut other = core::mem::take(&mut w.degraded);
        let d = degraded.f64s(range, &mut other);
        each.push(frames.measure(simd, r, d, &mut w));
        (w.reference, w.degraded) = (buffer, other);
    }
    let mean = |f: &dyn Fn(&Measured) -> f64| each.iter().map(f).sum::<f64>() / count as f64;
    let mut sorted = vec![0.0; count];
    let mut lowest = |f: &dyn Fn(&Measured) -> f64| {
        for (s, m) in sorted.iter_mut().zip(&each) {
            *s = f(m);
        }
        sorted.sort_unstable_by(f64::total_cmp);
        let kept = ((KEPT * count as f64).round_ties_even() as usize).max(1);
        sorted[..kept].iter().sum::<f64>() / kept as f64
    };
    Ok(Segmental {
        seg_snr_db: mean(&|m| m.seg_snr),
        fw_seg_snr_db: mean(&|m| m.fw_seg_snr),
        llr: lowest(&|m| m.llr.min(2.0)),
        llr_unclamped: lowest(&|m| m.llr),
        wss: lowest(&|m| m.wss),
        cepstrum_distance_db: lowest(&|m| m.cepstrum),
    })
}

impl Frames {
    fn measure(&self, simd: Simd, reference: &[f64], degraded: &[f64], w: &mut Workspace) -> Measured {
        let [energy, error] = simd.windowed_error(reference, degraded, &self.window);
        let seg_snr = (10.0 * (energy / (error + EPS) + EPS).log10()).clamp(-10.0, 35.0);

        let lags_r = self.autocorrelation(simd, reference, w);
        let lags_d = self.autocorrelation(simd, degraded, w);
        let silent = reference.iter().chain(degraded).all(|v| *v == 0.0);
        let (llr, cepstrum) = if silent { (0.0, 0.0) } else { self.predictors(simd, &lags_r, &lags_d) };

        self.spectra(simd, reference, degraded, &lags_r, &lags_d, w);
        let [[power_r, power_d], [size_r, size_d]] = [&w.powers, &w.sizes];
        let bands = self.bands(simd, [power_r, power_d, size_r, size_d]);
        let fw_seg_snr = weighted_snr(&bands[2], &bands[3], simd.pair_sums(size_r, size_d));
        let wss = weighted_slope(bands[0], bands[1]);
        Measured { seg_snr, fw_seg_snr, llr, wss, cepstrum }
    }

    fn autocorrelation(&self, simd: Simd, x: &[f64], w: &mut Workspace) -> [f64; MOST_LAGS] {
        for ((p, x), window) in w.padded.iter_mut().zip(x).zip(&self.window) {
            *p = (x + EPS) * window;
        }
        simd.autocorrelation(&w.padded)
    }

    /// Powers and magnitudes of both frames, windowed, less the highest bin.
    fn spectra(
        &self,
        simd: Simd,
        reference: &[f64],
        degraded: &[f64],
        lags_r: &[f64; MOST_LAGS],
        lags_d: &[f64; MOST_LAGS],
        w: &mut Workspace,
    ) {
        let transform = |r: &[f64], d: &[f64], w: &mut Workspace| {
            simd.pack_pair(r, d, &self.window, EPS, &mut w.packed);
            w.packed[self.len..].fill(Complex64::default());
            self.fft.process_with_scratch(&mut w.packed, &mut w.scratch);
            simd.part_powers(&w.packed, &mut w.powers, &mut w.sizes);
        };
        // Both real frames go through one complex transform. What leaks from one into the other is 1e-16 of the louder: not
        // where one is a million times louder.
        if lags_r[0] < 1e12 * lags_d[0] && lags_d[0] < 1e12 * lags_r[0] {
            transform(reference, degraded, w);
        } else {
            transform(degraded, degraded, w);
            let [quiet, of_quiet] = [&w.powers[1], &w.sizes[1]].map(Clone::clone);
            transform(reference, reference, w);
            (w.powers[1], w.sizes[1]) = (quiet, of_quiet);
        }
    }

    /// The bands of four spectra.
    fn bands(&self, simd: Simd, spectra: [&Vec<f64>; 4]) -> [[f64; BANDS]; 4] {
        let mut bands = [[0.0; BANDS]; 4];
        for (b, filter) in self.filters.iter().enumerate() {
            let range = filter.first..filter.first + filter.weights.len();
            let sums = simd.dot_four(&filter.weights, spectra.map(|s| &s[range.clone()]));
            for (band, sum) in bands.iter_mut().zip(sums) {
                band[b] = sum;
            }
        }
        bands
    }

    /// The log-likelihood ratio and the distance of the cepstra of the two predictors.
    fn predictors(&self, simd: Simd, lags_r: &[f64; MOST_LAGS], lags_d: &[f64; MOST_LAGS]) -> (f64, f64) {
        let (a, b) = (levinson(lags_r, self.order), levinson(lags_d, self.order));
        // The quadratic form of a Toeplitz matrix is a product of two autocorrelations.
        let residual = |p: &[f64; MOST_LAGS]| {
            let mut padded = [0.0; 2 * MOST_LAGS];
            padded[..=self.order].copy_from_slice(&p[..=self.order]);
            let own = simd.autocorrelation(&padded);
            own[0] * lags_r[0] + 2.0 * (1..=self.order).map(|k| own[k] * lags_r[k]).sum::<f64>()
        };
        let llr = (residual(&b) / residual(&a)).ln();
        let (ca, cb) = (cepstrum(&a, self.order), cepstrum(&b, self.order));
        let off: f64 = ca.iter().zip(&cb).map(|(x, y)| (x - y) * (x - y)).sum();
        let distance = 10.0 / core::f64::consts::LN_10 * (2.0 * off).sqrt();
        // Predictors of a silent frame may be no numbers at all.
        (if llr.is_finite() { llr } else { 0.0 }, if distance.is_finite() { distance.min(10.0) } else { 10.0 })
    }
}

/// The weighted ratio of one frame, from the bands of both magnitude spectra and the sums these are divided by.
fn weighted_snr(bands_r: &[f64; BANDS], bands_d: &[f64; BANDS], [sum_r, sum_d]: [f64; 2]) -> f64 {
    let (mut ratio, mut weights) = (0.0, 0.0);
    for (r, d) in bands_r.iter().zip(bands_d) {
        let (r, d) = (r / sum_r, d / sum_d);
        let error = ((r - d) * (r - d)).max(EPS);
        let weight = r.powf(0.2);
        weights += weight;
        ratio += weight * 10.0 * (r * r / error).log10();
    }
    (ratio / weights).clamp(-10.0, 35.0)
}

/// The weighted distance of one frame, from the bands of both power spectra.
fn weighted_slope(bands_r: [f64; BANDS], bands_d: [f64; BANDS]) -> f64 {
    let (r, d) = (Slopes::new(bands_r), Slopes::new(bands_d));
    let (mut distance, mut weights) = (0.0, 0.0);
    for i in 0..BANDS - 1 {
        let weight = 0.5 * (r.weight[i] + d.weight[i]);
        let off = r.slope[i] - d.slope[i];
        distance += weight * off * off;
        weights += weight;
    }
    distance / weights
}

/// The spectral slopes of a frame and what each weighs: more near the peaks.
struct Slopes {
    slope: [f64; BANDS - 1],
    weight: [f64; BANDS - 1],
}

impl Slopes {
    fn new(bands: [f64; BANDS]) -> Self {
        let level = bands.map(|b| 10.0 * b.max(1e-10).log10());
        let slope: [f64; BANDS - 1] = core::array::from_fn(|i| level[i + 1] - level[i]);
        let highest = level.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let weight = core::array::from_fn(|i| {
            let peak = if slope[i] > 0.0 {
                let end = (i..BANDS - 1).find(|&j| slope[j] <= 0.0).unwrap_or(BANDS - 1);
                level[end - 1]
            } else {
                let end = (0..=i).rev().find(|&j| slope[j] > 0.0);
                level[end.map_or(0, |j| j + 1)]
            };
            20.0 / (20.0 + highest - level[i]) / (1.0 + peak - level[i])
        });
        Self { slope, weight }
    }
}

/// The predictor `1 + a_1 z^-1 + ...` of an autocorrelation.
fn levinson(lags: &[f64; MOST_LAGS], order: usize) -> [f64; MOST_LAGS] {
    let mut a = [0.0; MOST_LAGS];
    a[0] = 1.0;
    let mut error = lags[0];
    for i in 1..=order {
        let sum: f64 = (0..i).map(|j| a[j] * lags[i - j]).sum();
        let k = -sum / error;
        let before = a;
        for j in 1..=i {
            a[j] = before[j] + k * before[i - j];
        }
        error *= 1.0 - k * k;
    }
    a
}

/// The cepstrum of a predictor, as long as the predictor.
fn cepstrum(a: &[f64; MOST_LAGS], order: usize) -> [f64; MOST_LAGS] {
    let mut c = [0.0; MOST_LAGS];
    for n in 1..=order {
        let earlier: f64 = (1..n).map(|k| k as f64 / n as f64 * c[k] * a[n - k]).sum();
        c[n] = -a[n] - earlier;
    }
    c
}

fields! { DbOutput {
    1 value_db: Db, Exactness::Abs(1e-6), "The score.";
} }
fields! { RatioOutput {
    1 value_ratio: Ratio, Exactness::Abs(1e-6), "The score.";
} }

const fn spec(
    id: u16,
    name: &'static str,
    higher_is_better: bool,
    summary: &'static str,
    fields: &'static [FieldSpec],
    presets: &'static [PresetSpec],
) -> ScoreSpec {
    ScoreSpec { id, name, revision: 1, summary, presets, in_step: true, higher_is_better, fields, tables: &[] }
}

macro_rules! score {
    ($(#[$doc:meta])* $score:ident($output:ident . $field:ident = $value:ident), $id:literal, $name:literal, $better:literal, $summary:literal,
     $definition:literal, $about:literal) => {
        $(#[$doc])*
        pub(crate) struct $score;

        impl Score for $score {
            const SPEC: ScoreSpec = spec($id, $name, $better, $summary, <$output as Fields>::FIELDS, &[PresetSpec {
                name: "loizou",
                definition: $definition,
                doc: $about,
            }]);
            type Output = $output;

            fn score(pair: &mut Pair<'_, '_>, _preset: usize, _details: &mut Details) -> Result<$output, Reason> {
                let value = pair.segmental()?.$value;
                Ok($output { $field: Value::finite(value, "the score is no finite number") })
            }
        }
    };
}

score!(
    /// `seg_snr`.
    SegSnr(DbOutput.value_db = seg_snr_db), 30, "seg_snr", true,
    "Segmental signal-to-noise ratio",
    "Hansen and Pellom 1998; Loizou 2013, 11.1.1 (pysepm SNRseg)",
    "Frames of 30 ms, each clamped to -10 to 35 dB."
);
score!(
    /// `fw_seg_snr`.
    FwSegSnr(DbOutput.value_db = fw_seg_snr_db), 31, "fw_seg_snr", true,
    "Frequency-weighted segmental signal-to-noise ratio",
    "Hu and Loizou 2008, equation 3, 25 bands, weight |X|^0.2 (pysepm fwSNRseg)",
    "Each spectrum is divided by its sum; frames clamped to -10 to 35 dB."
);
score!(
    /// `llr`.
    Llr(RatioOutput.value_ratio = llr), 32, "llr", false,
    "Log-likelihood ratio of linear predictors (natural logarithm)",
    "Hu and Loizou 2008, equation 5 (pysepm llr)",
    "Order 10 below 10 kHz, else 16; frames clamped at 2; mean of the lowest 95 %. Frames silent in both signals are 0."
);
score!(
    /// `wss`.
    Wss(RatioOutput.value_ratio = wss), 33, "wss", false,
    "Weighted spectral slope distance",
    "Klatt 1982; Hu and Loizou 2008, equation 7, 25 bands (pysepm wss)",
    "Squared differences of slopes in decibels; mean of the lowest 95 % of the frames."
);
score!(
    /// `cepstrum_distance`.
    CepstrumDistance(DbOutput.value_db = cepstrum_distance_db), 34, "cepstrum_distance", false,
    "Distance of the cepstra of linear predictors",
    "Hu and Loizou 2008, equation 6 (pysepm cepstrum_distance)",
    "Orders as in llr; frames clamped at 10 dB; mean of the lowest 95 %. Frames silent in both signals are 0."
);
