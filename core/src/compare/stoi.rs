//! `stoi`, `estoi`: short-time objective intelligibility, and its extended form.
//!
//! Taal, Hendriks, Heusdens, Jensen, "An Algorithm for Intelligibility Prediction of Time-Frequency Weighted Noisy Speech", IEEE TASLP
//! 2011; Jensen, Taal, "An Algorithm for Predicting the Intelligibility of Speech Masked by Modulated Noise Maskers", IEEE TASLP 2016.
//! The rules for frames and the order of operations are those of pystoi 0.4.1 (Manuel Pariente, MIT licence), of which this is a port.
//!
//! Both signals are brought to 10 kHz; frames of 256 samples, 128 apart, more than 40 dB below the loudest frame of the reference are
//! dropped from both, and the others added up, half over half. Envelopes in 15 third-octave bands are correlated over segments of 30
//! frames.
//!
//! Signals are resampled in blocks and never held whole: an hour takes 36 MB for the bands of each signal and 2 MB for the levels,
//! and a reference of up to 7 minutes 32 MB at most for its samples at 10 kHz while it is prepared.
//!
//! Where pystoi differs:
//! - With fewer than 30 frames left it answers 1e-5 with a warning; here such a pair has a reason and no score.
//! - Its ESTOI adds a little noise so as not to divide by zero, so that a band without any variation (digital silence over a
//!   segment) correlates at random, 0 on average. Here it contributes 0: what varies by less than 1e-12 of itself is flat.

use super::pair::{Details, Pair, Score};
use super::reason::{Reason, Side};
use super::samples::Samples;
use super::{Plan, Reference};
use crate::dsp::polyphase::{Design, Real, Resampler};
use crate::simd::{BANDS, Correlations, FRAMES, HOP, Octaves, ROW, SEGMENT, Simd};
use crate::spec::{Exactness, Fields, PresetSpec, ScoreSpec, Value};
use std::sync::{Arc, LazyLock, OnceLock};

fields! { StoiOutput {
    1 value_ratio: Ratio, Exactness::Abs(2e-6), "The score: 1 is as intelligible as the reference, 0 and less is not intelligible.";
} }

/// The rate everything happens at.
const RATE_HZ: u32 = 10_000;

/// Samples of a frame: two hops.
const FRAME: usize = 2 * HOP;

/// A frame so far below the loudest, in decibels, is dropped.
const RANGE_DB: f64 = 40.0;

/// Single precision leaves the level of a frame uncertain by less than this, in decibels.
const DOUBT_DB: f64 = 1e-3;

/// Samples at 10 kHz that are kept between the two looks at a reference; a longer one is resampled twice. 32 MB, 7 minutes.
const HELD: usize = 1 << 22;

const PRESETS: &[PresetSpec] = &[
    PresetSpec {
        name: "pystoi",
        definition: "pystoi 0.4.1 with its Octave resampler, without random terms",
        doc: "What the Python package computes, to rounding; double precision.",
    },
    PresetSpec {
        name: "matlab",
        definition: "stoi.m and estoi.m of the authors with MATLAB's resample, without random terms",
        doc: "Differs from `pystoi` by the filter that brings the signals to 10 kHz; double precision.",
    },
    PresetSpec {
        name: "fast",
        definition: "pystoi 0.4.1, resampled in single precision, without random terms",
        doc: "Within 2e-6 of `pystoi`, on speech with the noise of 16 bits; which frames are dropped is decided as there.",
    },
];

const MATLAB: usize = 1;
const FAST: usize = 2;

const fn spec(id: u16, name: &'static str, summary: &'static str) -> ScoreSpec {
    ScoreSpec {
        id,
        name,
        revision: 1,
        summary,
        presets: PRESETS,
        in_step: true,
        higher_is_better: true,
        fields: <StoiOutput as Fields>::FIELDS,
        tables: &[],
    }
}

/// The Hann window without its zeros at the ends, and the bands: a third of an octave each, from 150 Hz, from the bin nearest to
/// their lower edge to the one before that nearest to their upper edge.
static OCTAVES: LazyLock<Octaves> = LazyLock::new(|| {
    const BINS: usize = FRAME + 1;
    let window: Vec<f64> =
        (1..=FRAME).map(|n| 0.5 - 0.5 * (core::f64::consts::TAU * n as f64 / (FRAME + 1) as f64).cos()).collect();
    let nearest = |hz: f64| {
        let distance = |k: &usize| (*k as f64 * f64::from(RATE_HZ) / (2 * FRAME) as f64 - hz).abs();
        (0..BINS).min_by(|a, b| distance(a).total_cmp(&distance(b))).unwrap_or(0)
    };
    let edge = |sixth: f64| nearest(150.0 * 2.0_f64.powf(sixth / 6.0));
    let edges = core::array::from_fn(|band| [edge(2.0 * band as f64 - 1.0), edge(2.0 * band as f64 + 1.0)]);
    Octaves::new(&window, &edges)
});

/// Brings a signal to 10 kHz, a hop at a time.
#[derive(Debug)]
enum Source {
    Double(Arc<Resampler<f64>>),
    Single(Arc<Resampler<f32>>),
}

impl Source {
    fn new(plan: &Plan, preset: usize, rate_hz: u32) -> Self {
        let cache = plan.resamplers();
        match preset {
            FAST => Self::Single(cache.single.get(Design::Octave, rate_hz, RATE_HZ)),
            MATLAB => Self::Double(cache.double.get(Design::Matlab, rate_hz, RATE_HZ)),
            _ => Self::Double(cache.double.get(Design::Octave, rate_hz, RATE_HZ)),
        }
    }

    fn name(&self) -> String {
        match self {
            Self::Double(r) => r.name(),
            Self::Single(r) => format!("{}, single precision", r.name()),
        }
    }

    fn output_len(&self, len: usize) -> usize {
        match self {
            Self::Double(r) => r.output_len(len),
            Self::Single(r) => r.output_len(len),
        }
    }

    /// Calls `f` with every whole hop.
    fn each_hop(&self, simd: Simd, samples: &Samples<'_>, f: impl FnMut(&[f64; HOP])) {
        match self {
            Self::Double(r) => hops(r, simd, samples, f),
            Self::Single(r) => hops(r, simd, samples, f),
        }
    }
}

fn hops<T: Real>(resampler: &Resampler<T>, simd: Simd, samples: &Samples<'_>, mut f: impl FnMut(&[f64; HOP])) {
    let mut hop = [0.0; HOP];
    let mut filled = 0;
    resampler.stream(
        simd,
        samples.len(),
        |range, to| samples.fill(range, to),
        |mut piece| {
            while !piece.is_empty() {
                let (now, later) = piece.split_at(piece.len().min(HOP - filled));
                for (to, v) in hop[filled..].iter_mut().zip(now) {
                    *to = v.to_f64();
                }
                filled += now.len();
                piece = later;
                if filled == HOP {
                    f(&hop);
                    filled = 0;
                }
            }
        },
    );
}

/// What is known of a reference alone.
#[derive(Debug)]
pub(super) struct Clean {
    source: Source,
    /// Which frames are kept.
    kept: Vec<bool>,
    bands: Vec<[f64; ROW]>,
}

impl Clean {
    fn new(plan: &Plan, preset: usize, samples: &Samples<'_>, rate_hz: u32) -> Result<Self, Reason> {
        let source = Source::new(plan, preset, rate_hz);
        let simd = plan.simd();
        let len = source.output_len(samples.len());
        // The frame that ends with the signal does not count.
        let frames = len.saturating_sub(FRAME).div_ceil(HOP);
        // Each frame transformed is one step before the last that is kept.
        if frames <= SEGMENT {
            let rate = f64::from(rate_hz);
            return Err(Reason::TooShort {
                side: Side::Reference,
                have_s: samples.len() as f64 / rate,
                need_s: (SEGMENT * HOP + FRAME + 1) as f64 / f64::from(RATE_HZ),
            });
        }
        let mut held = Vec::new();
        let hold = rate_hz != RATE_HZ && len <= HELD;
        if hold {
            held.reserve_exact(len / HOP);
        }
        let mut levels = levels(frames, simd, &source, samples, |hop| {
            if hold {
                held.push(*hop);
            }
        });
        if preset == FAST && in_doubt(&levels) {
            let exact = Source::new(plan, 0, rate_hz);
            levels = self::levels(frames, simd, &exact, samples, |_| ());
        }
        let loudest = loudest(&levels);
        let kept: Vec<bool> = levels.iter().map(|level| loudest - RANGE_DB - level < 0.0).collect();
        if kept.iter().filter(|k| **k).count() <= SEGMENT {
            let longest = kept.split(|k| !k).map(<[bool]>::len).max().unwrap_or(0);
            let samples = if longest == 0 { 0 } else { (longest + 1) * HOP };
            let longest_run_ms = 1e3 * samples as f64 / f64::from(RATE_HZ);
            return Err(Reason::NoSpeech { side: Side::Reference, longest_run_ms });
        }
        let mut bands = Envelopes::new(simd, &kept);
        if hold {
            held.iter().for_each(|hop| bands.push(hop));
        } else {
            source.each_hop(simd, samples, |hop| bands.push(hop));
        }
        let bands = bands.finish();
        Ok(Self { source, kept, bands })
    }
}

/// The level of each frame in decibels; `also` sees every hop.
fn levels(
    frames: usize,
    simd: Simd,
    source: &Source,
    samples: &Samples<'_>,
    mut also: impl FnMut(&[f64; HOP]),
) -> Vec<f64> {
    let mut levels = Vec::with_capacity(frames);
    let mut before: Option<f64> = None;
    source.each_hop(simd, samples, |hop| {
        also(hop);
        let [first, second] = simd.half_energies(&OCTAVES, hop);
        if let Some(begun) = before
            && levels.len() < frames
        {
            levels.push(crate::units::amplitude_db((begun + second).sqrt() + f64::EPSILON));
        }
        before = Some(first);
    });
    levels
}

fn loudest(levels: &[f64]) -> f64 {
    levels.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// Single precision could have kept another frame than double does.
fn in_doubt(levels: &[f64]) -> bool {
    let limit = loudest(levels) - RANGE_DB;
    levels.iter().any(|level| (level - limit).abs() < DOUBT_DB)
}

/// The bands of the frames that are kept: these are added up half over half, and framed again.
struct Envelopes<'k> {
    simd: Simd,
    kept: &'k [bool],
    /// The number of the hop to come.
    hop: usize,
    /// The second half of the last frame kept, if any was.
    second: [f64; HOP],
    /// Hops of the signal that is left, until there are enough for a transform; how many there are.
    hops: [[f64; HOP]; FRAMES + 1],
    filled: usize,
    bands: Vec<[f64; ROW]>,
}

impl<'k> Envelopes<'k> {
    fn new(simd: Simd, kept: &'k [bool]) -> Self {
        let many = kept.iter().filter(|k| **k).count();
        Self {
            simd,
            kept,
            hop: 0,
            second: [0.0; HOP],
            hops: [[0.0; HOP]; FRAMES + 1],
            filled: 0,
            bands: Vec::with_capacity(many.next_multiple_of(FRAMES)),
        }
    }

    fn push(&mut self, hop: &[f64; HOP]) {
        let (rise, fall) = OCTAVES.halves();
        let is_kept = |frame: Option<usize>| frame.and_then(|f| self.kept.get(f)).is_some_and(|k| *k);
        let (ends, begins) = (is_kept(self.hop.checked_sub(1)), is_kept(Some(self.hop)));
        self.hop += 1;
        if ends {
            for n in 0..HOP {
                self.second[n] = hop[n] * fall[n];
            }
        }
        if begins {
            let to = &mut self.hops[self.filled];
            for n in 0..HOP {
                to[n] = self.second[n] + hop[n] * rise[n];
            }
            self.second = [0.0; HOP];
            self.filled += 1;
            if self.filled == FRAMES + 1 {
                self.transform(FRAMES);
                self.hops[0] = self.hops[FRAMES];
                self.filled = 1;
            }
        }
    }

    fn transform(&mut self, frames: usize) {
        let mut out = [[0.0; ROW]; FRAMES];
        self.simd.octaves(&OCTAVES, &self.hops, &mut out);
        self.bands.extend_from_slice(&out[..frames]);
    }

    fn finish(mut self) -> Vec<[f64; ROW]> {
        // What is left in the buffer of earlier hops stands in lanes that nobody reads.
        if let Some(frames @ 1..) = self.filled.checked_sub(1) {
            self.transform(frames);
        }
        self.bands
    }
}

/// What a reference keeps for its comparisons: one for each preset.
#[derive(Debug, Default)]
pub(super) struct OfReference([OnceLock<Result<Arc<Clean>, Reason>>; PRESETS.len()]);

/// What both scores of a pair share, in each preset.
#[derive(Debug, Default)]
pub(super) struct OfPair([Option<Result<Arc<Both>, Reason>>; PRESETS.len()]);

#[derive(Debug)]
struct Both {
    clean: Arc<Clean>,
    degraded: Vec<[f64; ROW]>,
}

fn both(pair: &mut Pair<'_, '_>, preset: usize) -> Result<Arc<Both>, Reason> {
    if let Some(made) = &pair.stoi.0[preset] {
        return made.clone();
    }
    let made = make(pair, preset).map(Arc::new);
    pair.stoi.0[preset] = Some(made.clone());
    made
}

fn make(pair: &mut Pair<'_, '_>, preset: usize) -> Result<Both, Reason> {
    let (plan, reference, simd) = (pair.plan, pair.reference, pair.simd());
    let whole = pair.whole_reference();
    let (samples, degraded) = pair.in_step();
    let Reference { stoi, sample_rate_hz, .. } = reference;
    let make = |samples| Clean::new(plan, preset, samples, *sample_rate_hz).map(Arc::new);
    let clean = if whole { stoi.0[preset].get_or_init(|| make(&reference.samples)).clone()? } else { make(samples)? };
    let mut bands = Envelopes::new(simd, &clean.kept);
    clean.source.each_hop(simd, degraded, |hop| bands.push(hop));
    let degraded = bands.finish();
    if degraded.iter().flatten().all(|v| *v == 0.0) {
        return Err(Reason::SilentDegraded);
    }
    Ok(Both { clean, degraded })
}

/// A score from the correlations of all segments.
fn mean(both: &Both, all: Correlations) -> Result<StoiOutput, Reason> {
    // The first frame has nothing added up before it, so that even a constant varies there.
    let bands = (both.degraded.len() + 1).saturating_sub(SEGMENT) * BANDS;
    if 2 * all.varied < bands {
        return Err(Reason::Undefined("the reference does not vary: there is nothing to correlate with"));
    }
    Ok(StoiOutput { value_ratio: Value::finite(all.sum / all.count as f64, "the score is no finite number") })
}

/// `stoi`.
pub(crate) struct Stoi;

impl Score for Stoi {
    const SPEC: ScoreSpec = spec(20, "stoi", "Short-time objective intelligibility");
    type Output = StoiOutput;

    fn score(pair: &mut Pair<'_, '_>, preset: usize, details: &mut Details) -> Result<StoiOutput, Reason> {
        /// Where the error is 15 dB above the signal.
        const CLIP_DB: f64 = 15.0;
        let both = both(pair, preset)?;
        details.rate_policy = Some(both.clean.source.name().into());
        let clip = 1.0 + 10.0_f64.powf(CLIP_DB / 20.0);
        mean(&both, pair.simd().clipped_correlations(&both.clean.bands, &both.degraded, clip))
    }
}

/// `estoi`.
pub(crate) struct Estoi;

impl Score for Estoi {
    const SPEC: ScoreSpec = spec(21, "estoi", "Extended short-time objective intelligibility");
    type Output = StoiOutput;

    fn score(pair: &mut Pair<'_, '_>, preset: usize, details: &mut Details) -> Result<StoiOutput, Reason> {
        let both = both(pair, preset)?;
        details.rate_policy = Some(both.clean.source.name().into());
        mean(&both, pair.simd().spectral_correlations(&both.clean.bands, &both.degraded))
    }
}

/// The bands beyond the last are there to fill a register.
const _: () = assert!(BANDS < ROW);
