//! What scores see: a pair of signals and the facts about it, each made once, when somebody asks.

use super::align::{self, Delay};
use super::reason::{Reason, Side};
use super::samples::Samples;
use super::segmental::{self, Segmental};
use super::{Align, Plan, Reference, Scratch};
use crate::simd::Simd;
use crate::spec::{Fields, ScoreSpec, TableSpec};
use core::fmt;
use std::borrow::Cow;

/// A full-reference score. Sealed: the list in `mod.rs` is the only place that implements it for users.
pub(crate) trait Score {
    /// What the score says about itself.
    const SPEC: ScoreSpec;
    /// Its values.
    type Output: Fields;

    /// The score of a pair of finite signals that are not silent and, if the spec says so, have one rate and one length.
    fn score(pair: &mut Pair<'_, '_>, preset: usize, details: &mut Details) -> Result<Self::Output, Reason>;
}

/// Something about a score that its reader should know.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Warning {
    /// The score compares sample with sample, but the signals agree far better at another delay.
    NotInStep {
        /// How many samples the degraded signal is late.
        delay_samples: i64,
    },
    /// The definition ends here, and the score goes beyond it.
    BeyondReference(&'static str),
    /// A change of rounding alone moves the score.
    IllConditioned(&'static str),
}

impl Warning {
    /// The name for machines.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::NotInStep { .. } => "not_in_step",
            Self::BeyondReference(_) => "beyond_reference",
            Self::IllConditioned(_) => "ill_conditioned",
        }
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::NotInStep { delay_samples } => {
                write!(f, "the degraded signal is {delay_samples} samples late: the score says little; align by delay")
            }
            Self::BeyondReference(what) | Self::IllConditioned(what) => f.write_str(what),
        }
    }
}

/// Rows that come with a score.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Table {
    /// What the columns are.
    pub spec: &'static TableSpec,
    /// The cells, row after row.
    pub cells: Vec<f64>,
}

impl Table {
    /// The rows, each as long as there are columns.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &[f64]> {
        self.cells.chunks_exact(self.spec.columns.len())
    }
}

/// What comes with a score's values.
#[derive(Debug, Default)]
pub(crate) struct Details {
    pub rate_policy: Option<Cow<'static, str>>,
    /// Names of what was done, such as the edition.
    pub texts: Vec<(&'static str, &'static str)>,
    pub warnings: Vec<Warning>,
    pub tables: Vec<Table>,
}

impl Details {
    pub(crate) fn table<const N: usize>(&mut self, spec: &'static TableSpec, rows: impl Iterator<Item = [f64; N]>) {
        debug_assert_eq!(spec.columns.len(), N, "{}", spec.name);
        self.tables.push(Table { spec, cells: rows.flatten().collect() });
    }
}

/// The two signals of one comparison, and what is known about them.
pub(crate) struct Pair<'p, 's> {
    pub plan: &'p Plan,
    pub reference: &'p Reference<'p>,
    pub degraded: &'p Samples<'p>,
    pub degraded_hz: u32,
    pub scratch: &'s mut Scratch,
    /// The degraded signal's own faults, found before any score is asked for.
    trouble: Option<Reason>,
    /// The stretches that are compared sample by sample.
    steps: Option<(Samples<'p>, Samples<'p>)>,
    delay: Option<Option<Delay>>,
    late: Option<Option<i64>>,
    segmental: Option<Result<Segmental, Reason>>,
    pub(super) pesq: super::pesq::OfPair,
    pub(super) stoi: super::stoi::OfPair,
}

impl<'p, 's> Pair<'p, 's> {
    pub(super) fn new(
        plan: &'p Plan,
        reference: &'p Reference<'p>,
        degraded: &'p Samples<'p>,
        degraded_hz: u32,
        scratch: &'s mut Scratch,
    ) -> Self {
        let trouble = reference.trouble.or_else(|| trouble(degraded, degraded_hz, Side::Degraded));
        Self {
            plan,
            reference,
            degraded,
            degraded_hz,
            scratch,
            trouble,
            steps: None,
            delay: None,
            late: None,
            segmental: None,
            pesq: Default::default(),
            stoi: Default::default(),
        }
    }

    pub(crate) fn simd(&self) -> Simd {
        self.plan.simd()
    }

    /// Why this pair can have no score of this kind at all.
    pub(super) fn refuses(&mut self, spec: &ScoreSpec) -> Option<Reason> {
        if let Some(trouble) = self.trouble {
            return Some(trouble);
        }
        if !spec.in_step {
            return None;
        }
        if self.reference.sample_rate_hz != self.degraded_hz {
            return Some(Reason::RateMismatch {
                reference_hz: self.reference.sample_rate_hz,
                degraded_hz: self.degraded_hz,
            });
        }
        let (reference, degraded) = self.in_step();
        let (r, d) = (reference.len(), degraded.len());
        if r != d {
            return Some(Reason::LengthMismatch { reference_samples: r, degraded_samples: d });
        }
        // Cutting to the common stretch may leave silence only.
        if reference.all_zero() {
            return Some(Reason::SilentReference);
        }
        degraded.all_zero().then_some(Reason::SilentDegraded)
    }

    /// What is compared sample by sample: the signals as they are, or their common stretch after the delay was taken out.
    pub(crate) fn in_step(&mut self) -> (&Samples<'p>, &Samples<'p>) {
        if self.steps.is_none() {
            let (reference, degraded): (&'p Samples<'p>, &'p Samples<'p>) = (&self.reference.samples, self.degraded);
            let steps = match self.plan.align() {
                Align::None => (reference.part(0..reference.len()), degraded.part(0..degraded.len())),
                Align::Delay => {
                    let late = self.delay().map_or(0, |d| d.samples);
                    let (from_r, from_d) = ((-late).max(0) as usize, late.max(0) as usize);
                    let (from_r, from_d) = (from_r.min(reference.len()), from_d.min(degraded.len()));
                    let len = (reference.len() - from_r).min(degraded.len() - from_d);
                    (reference.part(from_r..from_r + len), degraded.part(from_d..from_d + len))
                }
            };
            self.steps = Some(steps);
        }
        let (r, d) = self.steps.as_ref().expect("made just now");
        (r, d)
    }

    /// The reference of [`in_step`](Self::in_step) is the whole one, so that what was prepared for it holds.
    pub(crate) fn whole_reference(&mut self) -> bool {
        self.in_step().0.len() == self.reference.samples.len()
    }

    /// The five distances of short frames.
    pub(crate) fn segmental(&mut self) -> Result<Segmental, Reason> {
        if let Some(done) = self.segmental {
            return done;
        }
        let (simd, rate_hz) = (self.simd(), self.degraded_hz);
        let (reference, degraded) = self.in_step();
        let done = segmental::measure(simd, reference, degraded, rate_hz);
        self.segmental = Some(done);
        done
    }

    /// The one delay between the signals, if their rates are the same.
    pub(super) fn delay(&mut self) -> Option<Delay> {
        if self.trouble.is_some() || self.reference.sample_rate_hz != self.degraded_hz {
            return None;
        }
        *self.delay.get_or_insert_with(|| {
            let longest = (self.plan.max_delay_s() * f64::from(self.degraded_hz)) as usize;
            align::delay(&self.reference.samples, self.degraded, longest)
        })
    }

    /// The delay at which the signals agree far better than as they are, if there is one.
    ///
    /// The search costs more than many a score, so that it is only made where the signals as they are share less than a quarter of
    /// their energy.
    pub(super) fn out_of_step(&mut self) -> Option<i64> {
        if self.plan.align() != Align::None || self.trouble.is_some() {
            return None;
        }
        if self.late.is_none() {
            self.late = Some(self.look_for_step());
        }
        self.late.flatten()
    }

    fn look_for_step(&mut self) -> Option<i64> {
        let simd = self.simd();
        let (mut dot, mut energy, mut loud) = (0.0, 0.0, 0.0);
        self.reference.samples.each_pair(self.degraded, |r, d| {
            let [a, b, c] = simd.pair_products(r, d, 0.0, 0.0);
            dot += a;
            energy += b;
            loud += c;
        });
        let shared = dot * dot / (energy * loud).max(f64::MIN_POSITIVE);
        if shared > 0.25 {
            return None;
        }
        let best = self.delay()?;
        let better = best.correlation * best.correlation;
        (best.samples != 0 && better > 0.1 && better > 2.0 * shared).then_some(best.samples)
    }
}

/// What makes any score of a signal impossible.
pub(super) fn trouble(samples: &Samples<'_>, rate_hz: u32, side: Side) -> Option<Reason> {
    use crate::units::SampleRate;
    if SampleRate::new(rate_hz).is_err() {
        return Some(Reason::RateUnsupported { rate_hz, need: "8000 to 192000 Hz" });
    }
    if samples.is_empty() {
        return Some(Reason::TooShort { side, have_s: 0.0, need_s: 1.0 / f64::from(rate_hz) });
    }
    if let Some(index) = samples.first_not_finite() {
        return Some(Reason::NotFinite { side, index });
    }
    samples.all_zero().then_some(match side {
        Side::Reference => Reason::SilentReference,
        Side::Degraded => Reason::SilentDegraded,
    })
}
