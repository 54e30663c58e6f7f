//! Verdicts: a finished report held against a delivery norm, and the predicted score under the caps of what was found ([`quality()`]).
//!
//! A [`Norm`] is data: requirements, each a field of the report with its bounds. Nothing here looks at samples or at a
//! metric's state, and what was not measured is never a pass: it is [`Outcome::NotMeasured`], with the reason.
//!
//! ```
//! # use otoscope::{Config, Probe, Push, StreamSpec};
//! # let mut probe = Probe::new(&Config::new(StreamSpec::mono(24_000)).freeze()?);
//! # probe.push_f32(&[0.0; 24_000], Push::CHUNK)?;
//! let report = probe.finish();
//! let spotify = otoscope::verdict::norm("spotify").expect("a norm of the list");
//! for verdict in spotify.judge(&report) {
//!     println!("{}: {}", verdict.requirement.name, verdict.outcome.name());
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod norms;
mod quality;

pub use norms::NORMS;
pub(crate) use quality::Caps;
pub use quality::{CAUSES, Cause, Limit, Quality, quality};

use crate::report::Report;
use crate::spec::{Unit, Value};

/// A delivery norm.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Norm {
    /// The name in calls, keys and tables.
    pub name: &'static str,
    /// What people call it.
    pub title: &'static str,
    /// Whose text, and which edition.
    pub edition: &'static str,
    /// Where its figures were taken from.
    pub source: &'static str,
    /// What a reader must know: the mono rule, tolerances that are ours, what is left out.
    pub note: &'static str,
    /// What it asks for. Of those with the same name, one applies to a stream.
    pub requirements: &'static [Requirement],
}

/// One thing a norm asks for.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Requirement {
    /// The name, unit at its end.
    pub name: &'static str,
    /// The field of the report it is about, `metric.field`; `None` if Otoscope does not measure it, and `note` says why.
    pub field: Option<&'static str>,
    /// The unit of the numbers.
    pub unit: Unit,
    /// What is aimed at, if the norm names one number.
    pub target: Option<f64>,
    /// The lowest value that passes.
    pub min: Option<f64>,
    /// The highest value that passes.
    pub max: Option<f64>,
    /// A stream shorter than this says too little, in seconds.
    pub least_s: f64,
    /// To which streams it applies.
    pub when: When,
    /// What a reader must know.
    pub note: &'static str,
}

/// To which streams a requirement applies.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum When {
    /// To all.
    Always,
    /// To one channel that is counted once (`loudness.mono_as = mono`).
    MonoOnce,
    /// To more channels, or one that is counted as two.
    NotMonoOnce,
    /// Where another field is above a bound; until that is known, there is no verdict.
    Above(&'static str, f64),
    /// Where it is not above.
    NotAbove(&'static str, f64),
}

/// How one requirement came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Outcome {
    /// Measured, and within the bounds.
    Pass,
    /// Measured, and outside.
    Fail,
    /// Nobody knows. Never to be taken for a pass.
    NotMeasured,
}

impl Outcome {
    /// The name used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::NotMeasured => "not_measured",
        }
    }
}

/// How the single channel of a stream was counted when its loudness was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum MonoAs {
    /// Once: 3.01 LU less than the same signal from two loudspeakers.
    Mono,
    /// As two equal channels.
    DualMono,
}

impl MonoAs {
    /// The word that sets it: `loudness.mono_as`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mono => "mono",
            Self::DualMono => "dual_mono",
        }
    }
}

/// How one stream did on one requirement of a norm.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Verdict {
    /// The norm.
    pub norm: &'static Norm,
    /// The requirement.
    pub requirement: &'static Requirement,
    /// The verdict.
    pub outcome: Outcome,
    /// What was measured.
    pub value: Option<f64>,
    /// How far the value lies outside the bounds, with its sign; 0 inside.
    pub off: Option<f64>,
    /// Why it was not measured; else empty.
    pub reason: &'static str,
    /// How a single channel was counted, where that matters.
    pub mono_as: Option<MonoAs>,
}

/// The norm of a name, in any case; `-` counts as `_`.
#[must_use]
pub fn norm(name: &str) -> Option<&'static Norm> {
    let same = |(a, b): (u8, u8)| a == b.to_ascii_lowercase() || (a, b) == (b'_', b'-');
    NORMS.iter().find(|n| n.name.len() == name.len() && n.name.bytes().zip(name.bytes()).all(same))
}

impl Norm {
    /// How a stream did on each requirement that applies to it, in the norm's order.
    pub fn judge<'a>(&'static self, report: &'a Report) -> impl Iterator<Item = Verdict> + use<'a> {
        self.requirements.iter().filter_map(move |requirement| {
            let (outcome, value, reason) = match requirement.when.applies(report) {
                Ok(false) => return None,
                Ok(true) => requirement.judge(report),
                Err(why) => (Outcome::NotMeasured, None, why),
            };
            let off = value.map(|x| requirement.off(x));
            let matters = requirement.unit == Unit::Lufs && value.is_some();
            let mono_as = mono_as(report).filter(|_| matters);
            Some(Verdict { norm: self, requirement, outcome, value, off, reason, mono_as })
        })
    }
}

const NO_FIELD: &str = "this library has no such field";

/// How the single channel was counted; `None` for more channels.
fn mono_as(report: &Report) -> Option<MonoAs> {
    let raised = report.value(norms::MONO_GAIN).and_then(Value::number);
    let one = if raised.is_some_and(|lu| lu > 0.0) { MonoAs::DualMono } else { MonoAs::Mono };
    (report.stream.channels == 1).then_some(one)
}

fn measured(report: &Report, field: &str) -> Result<f64, &'static str> {
    match report.value(field) {
        Some(Value::Number(x)) => Ok(x),
        Some(Value::Undefined(why) | Value::NotComputed(why)) => Err(why),
        None => Err(NO_FIELD),
    }
}

impl When {
    /// Whether it applies, or why nobody knows.
    fn applies(self, report: &Report) -> Result<bool, &'static str> {
        let once = || mono_as(report) == Some(MonoAs::Mono);
        match self {
            Self::Always => Ok(true),
            Self::MonoOnce => Ok(once()),
            Self::NotMonoOnce => Ok(!once()),
            Self::Above(field, bound) => {
                measured(report, field).map(|x| x > bound).map_err(|_| "its limit depends on a value that is not known")
            }
            // If that value is not known, the requirement for the other case says so.
            Self::NotAbove(field, bound) => Ok(measured(report, field).is_ok_and(|x| x <= bound)),
        }
    }
}

impl Requirement {
    fn judge(&self, report: &Report) -> (Outcome, Option<f64>, &'static str) {
        let unknown = |why| (Outcome::NotMeasured, None, why);
        let Some(field) = self.field else { return unknown(self.note) };
        if !report.is_final {
            return unknown("the stream has not ended");
        }
        match measured(report, field) {
            Err(why) => unknown(why),
            Ok(_) if report.duration_s() < self.least_s => unknown("the stream is too short to tell"),
            Ok(x) if self.off(x) == 0.0 => (Outcome::Pass, Some(x), ""),
            Ok(x) => (Outcome::Fail, Some(x), ""),
        }
    }

    /// How far `x` lies outside the bounds.
    fn off(&self, x: f64) -> f64 {
        let below = self.min.map_or(0.0, |min| (x - min).min(0.0));
        let above = self.max.map_or(0.0, |max| (x - max).max(0.0));
        below + above
    }

    /// What passes, as people write it: `-23.5 to -22.5`, `at most -1`.
    #[must_use]
    pub fn bounds(&self) -> String {
        match (self.min, self.max) {
            (Some(min), Some(max)) => format!("{min} to {max}"),
            (Some(min), None) => format!("at least {min}"),
            (None, Some(max)) => format!("at most {max}"),
            (None, None) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SPECS;

    #[test]
    fn every_requirement_names_a_field_of_its_unit_and_has_bounds_around_its_target() {
        for norm in NORMS {
            assert!(!norm.requirements.is_empty() && !norm.edition.is_empty() && !norm.source.is_empty());
            assert_eq!(NORMS.iter().filter(|n| n.name == norm.name).count(), 1, "{}", norm.name);
            for r in norm.requirements {
                let place = format!("{}.{}", norm.name, r.name);
                assert!(r.unit.suffix().is_some_and(|s| r.name.ends_with(s)), "{place} must end in its unit");
                assert!(r.min.is_some() || r.max.is_some(), "{place} asks for nothing");
                if let Some(target) = r.target {
                    assert_eq!(r.off(target), 0.0, "{place}: the target itself passes");
                }
                let needed = match r.when {
                    When::Above(field, _) | When::NotAbove(field, _) => Some(field),
                    _ => None,
                };
                for key in r.field.into_iter().chain(needed) {
                    let (metric, field) = key.split_once('.').expect("metric.field");
                    let spec = SPECS.iter().find(|s| s.name == metric).unwrap_or_else(|| panic!("{place}: {key}"));
                    let field =
                        spec.fields.iter().find(|f| f.name == field).unwrap_or_else(|| panic!("{place}: {key}"));
                    assert!(Some(key) != r.field || field.unit == r.unit, "{place}: {}", field.unit);
                }
                assert!(r.field.is_some() || !r.note.is_empty(), "{place} must say why it is not measured");
            }
        }
    }

    #[test]
    fn a_value_is_off_by_its_distance_from_the_nearer_bound() {
        let r = &norm("R128").expect("there").requirements[0];
        assert_eq!([-23.5, -23.0, -22.5].map(|x| r.off(x)), [0.0; 3], "the bounds pass");
        assert_eq!([r.off(-25.0), r.off(-20.0)], [-1.5, 2.5]);
        assert_eq!(r.bounds(), "-23.5 to -22.5");
        assert!(norm("apple-podcasts").is_some() && norm("nobody").is_none());
    }
}
