//! Full-reference scores: a degraded, coded or delivered signal against the signal as it should be.
//!
//! - [`Config`] says which scores, in which presets, and how the signals are brought into step; [`Config::freeze`] turns it
//!   into a [`Plan`].
//! - A [`Reference`] is prepared once and compared with any number of degraded signals, from any number of threads.
//! - A [`Comparison`] holds, for every score asked for, its values or a named [`Reason`] why there are none.
//! - [`SCORES`] lists every score with its presets, values and tables.
//!
//! Comparing never fails and never panics: what is wrong with a pair is the reason of its scores.

mod align;
mod lsd;
pub mod p862;
mod pair;
mod pesq;
mod ratios;
mod reason;
mod result;
mod samples;
mod sdr;
mod segmental;
mod stoi;

pub use pair::{Table, Warning};
pub use reason::{Reason, Side};
pub use result::{Alignment, Comparison, ComparisonMeta, Scored, Signal};
pub use samples::Samples;
pub use stoi::StoiOutput;

use crate::dsp::polyphase::Resamplers;
use crate::error::ConfigError;
use crate::simd::{Level, Simd};
use crate::spec::{Fields, PresetSpec, ScoreSpec, Value};
use pair::{Details, Pair, Score};
use std::sync::Arc;

/// The list. Everything that goes over all scores is made here and nowhere else.
macro_rules! register {
    ($($score:path;)*) => {
        /// The specs of all scores, in the order of the list.
        pub const SCORES: &[&ScoreSpec] = &[$(&<$score as Score>::SPEC,)*];

        /// One score of a pair.
        const RUN: &[fn(&mut Pair<'_, '_>, usize, &mut Details) -> Result<Vec<Value>, Reason>] = &[$(values::<$score>,)*];
    };
}

register! {
    pesq::PesqNb;
    pesq::PesqWb;
    stoi::Stoi;
    stoi::Estoi;
    ratios::Snr;
    ratios::SiSdr;
    ratios::SiSnr;
    sdr::Sdr;
    segmental::SegSnr;
    segmental::FwSegSnr;
    segmental::Llr;
    segmental::Wss;
    segmental::CepstrumDistance;
    lsd::Lsd;
    pesq::Csig;
    pesq::Cbak;
    pesq::Covl;
}

fn values<S: Score>(pair: &mut Pair<'_, '_>, preset: usize, details: &mut Details) -> Result<Vec<Value>, Reason> {
    let output = S::score(pair, preset, details)?;
    let values: Vec<Value> = (0..S::SPEC.fields.len()).map(|i| output.get(i)).collect();
    let why = values.iter().find_map(|v| if let Value::Undefined(why) = v { Some(*why) } else { None });
    // Numbers beyond all bounds went in: a score without a single value is none.
    match why {
        Some(why) if values.iter().all(|v| v.number().is_none()) => Err(Reason::Undefined(why)),
        _ => Ok(values),
    }
}

/// How the signals are brought into step for scores that compare sample with sample.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Align {
    /// Not at all: the caller says they are.
    #[default]
    None,
    /// By one delay over the whole signals, the peak of their cross-correlation; both are cut to the common stretch.
    Delay,
}

impl Align {
    /// All ways, the default first.
    pub const ALL: &'static [Self] = &[Self::None, Self::Delay];

    /// The word in command lines and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Delay => "delay",
        }
    }
}

/// What to compare, and how. Everything is public data; [`freeze`](Self::freeze) checks it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Config {
    /// The scores, each as `score` or `score:preset`; all scores in their default preset if empty.
    pub scores: Vec<String>,
    /// How the signals are brought into step.
    pub align: Align,
    /// The longest delay looked for, in seconds, 0 to 60; 2 by default.
    pub max_delay_s: f64,
    /// Whether tables that are only made on request (a row for each frame) are made.
    pub frames: bool,
    /// The instruction set; the best there is if `None`.
    pub simd: Option<Level>,
}

impl Default for Config {
    fn default() -> Self {
        Self { scores: Vec::new(), align: Align::None, max_delay_s: 2.0, frames: false, simd: None }
    }
}

impl Config {
    /// A configuration of these scores, each as `score` or `score:preset`.
    #[must_use]
    pub fn new<S: Into<String>>(scores: impl IntoIterator<Item = S>) -> Self {
        Self { scores: scores.into_iter().map(Into::into).collect(), ..Self::default() }
    }

    /// Checks everything and makes the plan.
    ///
    /// # Errors
    /// An unknown score or preset (with the nearest one there is), one asked for twice, a delay out of range.
    pub fn freeze(&self) -> Result<Plan, ConfigError> {
        if !(0.0..=60.0).contains(&self.max_delay_s) {
            return Err(ConfigError::OutOfRange {
                key: "max_delay_s".to_owned(),
                value: self.max_delay_s,
                min: 0.0,
                max: 60.0,
            });
        }
        let mut wanted: Vec<Wanted> = Vec::new();
        let all = SCORES.iter().map(|s| s.name.to_owned());
        for key in if self.scores.is_empty() { all.collect() } else { self.scores.clone() } {
            let one = Wanted::parse(&key)?;
            if wanted.iter().any(|w| w.score == one.score && w.preset == one.preset) {
                return Err(ConfigError::Contradiction { message: "a score is asked for twice in the same preset" });
            }
            wanted.push(one);
        }
        Ok(Plan(Arc::new(Inner {
            wanted,
            align: self.align,
            max_delay_s: self.max_delay_s,
            frames: self.frames,
            simd: Simd::choose(self.simd),
            resamplers: Resamplers::default(),
            pesq: pesq::OfPlan::default(),
        })))
    }
}

/// A score and its preset, as indices.
#[derive(Debug, Clone)]
struct Wanted {
    key: String,
    score: usize,
    preset: usize,
}

impl Wanted {
    fn parse(key: &str) -> Result<Self, ConfigError> {
        let key = key.trim();
        let (name, preset) = key.split_once(':').map_or((key, None), |(n, p)| (n, Some(p)));
        let unknown = |nearest| ConfigError::UnknownKey { key: key.to_owned(), nearest };
        let score = SCORES
            .iter()
            .position(|s| s.name == name)
            .ok_or_else(|| unknown(crate::probe::nearest(name, SCORES.iter().map(|s| s.name))))?;
        let presets = SCORES[score].presets;
        let preset = match preset {
            None => 0,
            Some(p) => presets.iter().position(|spec| spec.name == p).ok_or_else(|| ConfigError::NotAllowed {
                key: name.to_owned(),
                value: p.to_owned(),
                allowed: presets.iter().map(|p| p.name).collect::<Vec<_>>().join(", "),
            })?,
        };
        Ok(Self { key: key.to_owned(), score, preset })
    }
}

/// A frozen configuration, shared by all references and threads; a clone is cheap.
#[derive(Debug, Clone)]
pub struct Plan(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    wanted: Vec<Wanted>,
    align: Align,
    max_delay_s: f64,
    frames: bool,
    simd: Simd,
    resamplers: Resamplers,
    pesq: pesq::OfPlan,
}

impl Plan {
    /// The scores in the order they were asked for: the key, the score and its preset.
    pub fn scores(&self) -> impl ExactSizeIterator<Item = (&str, &'static ScoreSpec, &'static PresetSpec)> {
        self.0.wanted.iter().map(|w| (w.key.as_str(), SCORES[w.score], &SCORES[w.score].presets[w.preset]))
    }

    /// How signals are brought into step.
    #[must_use]
    pub fn align(&self) -> Align {
        self.0.align
    }

    pub(crate) fn max_delay_s(&self) -> f64 {
        self.0.max_delay_s
    }

    pub(crate) fn frames(&self) -> bool {
        self.0.frames
    }

    pub(crate) fn simd(&self) -> Simd {
        self.0.simd
    }

    pub(crate) fn resamplers(&self) -> &Resamplers {
        &self.0.resamplers
    }

    fn pesq(&self) -> &pesq::OfPlan {
        &self.0.pesq
    }
}

/// Memory for one thread, used again for every pair.
#[derive(Debug, Default)]
pub struct Scratch {
    pesq: p862::Context,
}

impl Scratch {
    /// Nothing yet; it grows with use.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

/// A reference, prepared for any number of comparisons.
///
/// What a score needs of the reference alone is made when the first comparison asks for it, once, whichever thread it is on.
#[derive(Debug)]
pub struct Reference<'a> {
    plan: Plan,
    samples: Samples<'a>,
    sample_rate_hz: u32,
    trouble: Option<Reason>,
    pesq: pesq::OfReference,
    stoi: stoi::OfReference,
}

impl<'a> Reference<'a> {
    /// Takes the samples of one channel, borrowed or owned. Nothing is refused here: what is wrong with the reference will be the
    /// reason of every score.
    pub fn new(plan: &Plan, samples: impl Into<Samples<'a>>, sample_rate_hz: u32) -> Self {
        let samples = samples.into();
        let trouble = pair::trouble(&samples, sample_rate_hz, Side::Reference);
        Self {
            plan: plan.clone(),
            samples,
            sample_rate_hz,
            trouble,
            pesq: Default::default(),
            stoi: Default::default(),
        }
    }

    /// The plan.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Its samples.
    #[must_use]
    pub fn samples(&self) -> &Samples<'a> {
        &self.samples
    }

    /// Compares the samples of one channel with the reference.
    pub fn compare<'d>(
        &self,
        degraded: impl Into<Samples<'d>>,
        sample_rate_hz: u32,
        scratch: &mut Scratch,
    ) -> Comparison {
        let degraded = degraded.into();
        let mut pair = Pair::new(&self.plan, self, &degraded, sample_rate_hz, scratch);
        let scores = self.plan.0.wanted.iter().map(|wanted| score(&mut pair, wanted)).collect();
        let alignment = Alignment::of(&mut pair);
        Comparison {
            reference: Signal { sample_rate_hz: self.sample_rate_hz, samples: self.samples.len() as u64 },
            degraded: Signal { sample_rate_hz, samples: degraded.len() as u64 },
            alignment,
            scores,
            simd: self.plan.simd().level(),
        }
    }
}

fn score(pair: &mut Pair<'_, '_>, wanted: &Wanted) -> Scored {
    let spec = SCORES[wanted.score];
    let mut details = Details::default();
    let values = match pair.refuses(spec) {
        Some(reason) => Err(reason),
        None => RUN[wanted.score](pair, wanted.preset, &mut details),
    };
    if spec.in_step
        && values.is_ok()
        && let Some(delay_samples) = pair.out_of_step()
    {
        details.warnings.push(Warning::NotInStep { delay_samples });
    }
    Scored {
        key: wanted.key.clone(),
        spec,
        preset: &spec.presets[wanted.preset],
        values,
        rate_policy: details.rate_policy.unwrap_or("native".into()),
        texts: details.texts,
        warnings: details.warnings,
        tables: details.tables,
    }
}

/// Compares one pair once: [`Reference::new`] and [`Reference::compare`] in one call.
pub fn compare<'a>(
    plan: &Plan,
    reference: impl Into<Samples<'a>>,
    degraded: impl Into<Samples<'a>>,
    sample_rate_hz: u32,
) -> Comparison {
    Reference::new(plan, reference, sample_rate_hz).compare(degraded, sample_rate_hz, &mut Scratch::new())
}
