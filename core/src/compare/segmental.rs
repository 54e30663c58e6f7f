//! `seg_snr`, `fw_seg_snr`, `llr`, `wss`, `cepstrum_distance`: distances of short frames, in one pass over both signals.
//!
//! Definitions: Loizou, "Speech Enhancement: Theory and Practice" (2nd edition, 2013), chapter 11; Hu and Loizou, "Evaluation of
//! objective quality measures for speech enhancement", IEEE TASL 16(1), 2008; Klatt, "Prediction of perceived phonetic distance from
//! critical-band spectra", ICASSP 1982 (the weighted slope). All share frames of 30 ms every 7.5 ms.

use super::pair::{Details, Pair, Score};
use super::reason::{Reason, Side};
use super::samples::Samples;
use crate::simd::{CRITICAL as BANDS, Filter, FourDistances, FourFrames, FrameSums, LAGS, Simd};
use crate::spec::{Exactness, FieldSpec, Fields, PresetSpec, ScoreSpec, Value};
use rustfft::num_complex::Complex64;
use rustfft::{Fft, FftPlanner};
use std::sync::Arc;

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

/// What depends on the rate alone.
struct Frames {
    len: usize,
    hop: usize,
    order: usize,
    /// `len` in whole groups of four.
    room: usize,
    window: Vec<f64>,
    /// What a frame is turned by for the odd bins: cosines and sines.
    turns: [Vec<f64>; 2],
    filters: Box<[Filter; BANDS]>,
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
            [0, 1].map(|odd| {
                let all: Vec<f64> = (odd..half).step_by(2).map(weight).collect();
                let first = all.iter().position(|w| *w > least).unwrap_or(0);
                let mut weights: Vec<f64> = all[first..].iter().copied().take_while(|w| *w > least).collect();
                weights.resize(weights.len().next_multiple_of(4), 0.0);
                (first + odd * half / 2, weights)
            })
        });
        let window = (1..=len).map(|n| 0.5 * (1.0 - (core::f64::consts::TAU * n as f64 / (len as f64 + 1.0)).cos()));
        let turn = |n: usize| -core::f64::consts::TAU * n as f64 / fft_len as f64;
        let room = len.next_multiple_of(4);
        Self {
            len,
            hop: len / 4,
            order: if rate_hz < 10_000 { 10 } else { 16 },
            room,
            window: window.chain(core::iter::repeat(0.0)).take(room).collect(),
            turns: [(0..room).map(|n| turn(n).cos()).collect(), (0..room).map(|n| turn(n).sin()).collect()],
            filters: Box::new(filters),
            fft: FftPlanner::new().plan_fft_forward(half),
        }
    }

    /// One frame fewer than fit, as the definition counts.
    fn count(&self, samples: usize) -> usize {
        let (hop, len) = (self.hop as f64, self.len as f64);
        (samples as f64 / hop - len / hop).max(0.0) as usize
    }
}

/// The measures of one frame.
#[derive(Debug, Clone, Copy, Default)]
struct Measured {
    seg_snr: f64,
    fw_seg_snr: f64,
    llr: f64,
    wss: f64,
    cepstrum: f64,
    silent: bool,
}

/// Frames that are finished at a time, one in each lane.
const GROUP: usize = 4;

/// Memory for one frame, and what is kept of a group.
struct Workspace {
    frames: [Vec<f64>; 2],
    /// Windowed, with zeros behind them.
    own: [Vec<f64>; 2],
    /// What is transformed to the even bins, and to the odd ones.
    packed: [Vec<Complex64>; 2],
    spectra: [Vec<Complex64>; 2],
    scratch: Vec<Complex64>,
    /// Powers of the reference and of the degraded signal, and their magnitudes; with zeros for the last filter's weights.
    powers: [Vec<f64>; 2],
    sizes: [Vec<f64>; 2],
    group: FourFrames,
}

/// From this energy of a windowed frame up to that, roots may be taken quickly.
const TAME: core::ops::Range<f64> = 1e-12..1e30;

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
    let half = frames.fft.len();
    let twice = |len: usize| [(); 2].map(|()| vec![0.0; len]);
    let complex = || [(); 2].map(|()| vec![Complex64::default(); half]);
    let mut w = Workspace {
        frames: twice(frames.room),
        own: twice(frames.room + LAGS),
        packed: complex(),
        spectra: complex(),
        scratch: vec![Complex64::default(); frames.fft.get_immutable_scratch_len()],
        powers: twice(half + 4),
        sizes: twice(half + 4),
        group: FourFrames::default(),
    };
    let mut each = vec![Measured::default(); count];
    for (g, group) in each.chunks_mut(GROUP).enumerate() {
        for (lane, measured) in group.iter_mut().enumerate() {
            let start = (GROUP * g + lane) * frames.hop;
            let [mut own_r, mut own_d] = core::mem::take(&mut w.frames);
            // The last frame is followed by most of a hop: whole groups of four can be read.
            let r = reference.f64s(start..start + frames.room, &mut own_r);
            let d = degraded.f64s(start..start + frames.room, &mut own_d);
            *measured = frames.begin(simd, [r, d], lane, &mut w);
            w.frames = [own_r, own_d];
        }
        let all = simd.frame_distances(&w.group, frames.order);
        for (lane, measured) in group.iter_mut().enumerate() {
            measured.finish(&all, lane);
        }
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
    /// What is summed over one frame; the rest waits in its lane of the group.
    fn begin(&self, simd: Simd, both: [&[f64]; 2], lane: usize, w: &mut Workspace) -> Measured {
        let FrameSums { energies, signal, error } = {
            let turns = [&self.turns[0][..], &self.turns[1]];
            let own = w.own.each_mut().map(|x| &mut x[..self.room]);
            let packed = w.packed.each_mut().map(|x| &mut x[..self.room]);
            simd.window_frames(both, &self.window, turns, EPS, own, packed)
        };
        let mut lags = simd.two_autocorrelations(w.own.each_ref().map(|x| &x[..]), self.order);
        (lags[0][0], lags[1][0]) = (energies[0], energies[1]);
        let sums = self.spectra(simd, energies, w);
        let spectra = [&w.powers[0][..], &w.powers[1], &w.sizes[0], &w.sizes[1]];
        simd.critical_bands(&self.filters, spectra, &mut w.group.bands, lane);
        for ((to, sizes), (lags, sum)) in w.group.lags.iter_mut().zip(&mut w.group.sizes).zip(lags.iter().zip(sums)) {
            sizes[lane] = sum;
            for (to, lag) in to.iter_mut().zip(lags) {
                to[lane] = *lag;
            }
        }
        Measured {
            seg_snr: (10.0 * (signal / (error + EPS) + EPS).log10()).clamp(-10.0, 35.0),
            // What was added alone has an energy of 1e-29.
            silent: energies[0].max(energies[1]) < 1e-20 && both.iter().flat_map(|x| &x[..self.len]).all(|v| *v == 0.0),
            ..Measured::default()
        }
    }

    /// Powers and magnitudes of both frames, less the highest bin; the sums of the magnitudes.
    fn spectra(&self, simd: Simd, energies: [f64; 2], w: &mut Workspace) -> [f64; 2] {
        let tame = energies.iter().all(|e| TAME.contains(e));
        let transform = |w: &mut Workspace| {
            let Workspace { packed, spectra, scratch, powers, sizes, .. } = w;
            for (packed, spectrum) in packed.iter_mut().zip(&mut *spectra) {
                self.fft.process_immutable_with_scratch(packed, spectrum, scratch);
            }
            simd.part_spectra(spectra.each_ref().map(|z| &z[..]), powers, sizes, tame)
        };
        // Both real frames go through one complex transform. What leaks from one into the other is 1e-16 of the louder: not
        // where one is a million times louder.
        if energies[0] < 1e12 * energies[1] && energies[1] < 1e12 * energies[0] {
            return transform(w);
        }
        let twin = |w: &mut Workspace, of: usize| {
            let [even, odd] = &mut w.packed;
            let turns = self.turns[0].iter().zip(&self.turns[1]);
            for (((even, odd), x), (cos, sin)) in even.iter_mut().zip(odd).zip(&w.own[of]).zip(turns) {
                *even = Complex64::new(*x, *x);
                *odd = *even * Complex64::new(*cos, *sin);
            }
            transform(w)[0]
        };
        let of_degraded = twin(w, 1);
        let kept = [w.powers[1].clone(), w.sizes[1].clone()];
        let of_reference = twin(w, 0);
        [w.powers[1], w.sizes[1]] = kept;
        [of_reference, of_degraded]
    }
}

impl Measured {
    fn finish(&mut self, all: &FourDistances, lane: usize) {
        self.fw_seg_snr = all.weighted_snr_db[lane].clamp(-10.0, 35.0);
        self.wss = all.weighted_slope[lane];
        if self.silent {
            return;
        }
        // Predictors of a nearly silent frame may be no numbers at all.
        let llr = (all.residuals[1][lane] / all.residuals[0][lane]).ln();
        let distance = 10.0 / core::f64::consts::LN_10 * (2.0 * all.cepstral[lane]).sqrt();
        self.llr = if llr.is_finite() { llr } else { 0.0 };
        self.cepstrum = if distance.is_finite() { distance.min(10.0) } else { 10.0 };
    }
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
