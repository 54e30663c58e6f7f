//! The predicted score under the caps of what was found: one figure, and what set it.
//!
//! Networks that predict opinion scores are nearly deaf to what a listener notices first: holes, repetition, a wrong rate, a voice that runs away from
//! its text. Detectors are not. So no window scores more than the lowest cap of the findings in it. A cap is a parameter of the metric `mos`
//! (`mos.cap_hole_mos`): what listeners would at most give for a finding of severity error; half way between that and 5 for a warning; none for what
//! is only worth knowing. The defaults are conventions in the words of ITU-T P.800 (4 good, 3 fair, 2 poor, 1 bad), not results of a listening
//! test.
//!
//! ```
//! # use otoscope::{Config, FindingLog, Probe, Push, StreamSpec};
//! let mut config = Config::new(StreamSpec::mono(24_000));
//! config.only(["+mos"])?;
//! let mut probe = Probe::new(&config.freeze()?);
//! probe.push_f32(&[0.0; 24_000], Push::CHUNK)?;
//! let report = probe.finish();
//! let mut log = FindingLog::new();
//! log.drain(&mut probe);
//! let quality = otoscope::verdict::quality(&report, log.findings()).expect("mos is on");
//! assert_eq!((quality.capped_mos, quality.reason), (None, "no_speech: nothing in the stream was taken for speech"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use crate::finding::{Finding, Severity};
use crate::mos::stream::WINDOW_S;
use crate::probe::Config;
use crate::report::{Report, specs_of};
use crate::spec::{ParamValue, Value};

/// What may cap a predicted score.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cause {
    /// The name in JSON and tables.
    pub name: &'static str,
    /// The parameter with the cap, `mos.cap_hole_mos`.
    pub param: &'static str,
    /// The findings it is about, `metric.kind`.
    pub kinds: &'static [&'static str],
}

const fn cause(name: &'static str, param: &'static str, kinds: &'static [&'static str]) -> Cause {
    Cause { name, param, kinds }
}

/// Every cause there is.
pub const CAUSES: &[Cause] = &[
    cause(
        "garbled",
        "mos.cap_garbled_mos",
        &["validity.float_scale", "validity.mu_law", "validity.byte_order", "validity.interleaved"],
    ),
    cause("wrap", "mos.cap_wrap_mos", &["wrap.wrap", "validity.not_finite"]),
    cause(
        "click",
        "mos.cap_click_mos",
        &["click.click", "join.step", "join.click", "join.slope", "join.periodic", "validity.wav_header"],
    ),
    cause("hole", "mos.cap_hole_mos", &["dropout.hole", "dropout.gap", "silence.cancellation"]),
    cause("pause", "mos.cap_pause_mos", &["silence.lead", "silence.inner", "silence.tail", "continuity.stall"]),
    cause("repeat", "mos.cap_repeat_mos", &["duplicate.repeat", "duplicate.stuck", "repetition.loop"]),
    cause("noise", "mos.cap_noise_mos", &["noise.takeover", "noise.tail"]),
    cause("tone", "mos.cap_tone_mos", &["tone.line", "tone.hum"]),
    cause("clipping", "mos.cap_clipping_mos", &["clipping.rail", "clipping.plateau"]),
    cause("rate", "mos.cap_rate_mos", &["bandwidth.rate_label"]),
    cause("level", "mos.cap_level_mos", &["level_jump.jump", "level_jump.fade"]),
    cause("text", "mos.cap_text_mos", &["ending.cut", "length.runaway", "length.too_short"]),
    cause("drift", "mos.cap_drift_mos", &["pitch.drift", "timbre.drift"]),
];

/// The caps of one configuration, for findings of severity error.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Caps([f64; CAUSES.len()]);

/// The best score there is.
const BEST: f64 = 5.0;

impl Caps {
    pub(crate) fn of(config: &Config) -> Self {
        let cap = |cause: &Cause| match config.get(cause.param) {
            Ok(ParamValue::Number(cap)) => cap,
            _ => BEST,
        };
        Self(core::array::from_fn(|i| cap(&CAUSES[i])))
    }

    fn at(&self, cause: usize, severity: Severity) -> f64 {
        match severity {
            Severity::Error => self.0[cause],
            Severity::Warning => f64::midpoint(self.0[cause], BEST),
            Severity::Info => BEST,
        }
    }
}

/// What one cause did to the score.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Limit {
    /// The cause.
    pub cause: &'static Cause,
    /// Its lowest cap.
    pub cap_mos: f64,
    /// How many findings it rests on.
    pub findings: u64,
    /// The first of the worst of them; `None` if none of them was kept.
    pub worst: Option<Finding>,
    /// By how much the score would be lowered by this cause alone; 0 where the network itself says less than the cap.
    pub lowers_mos: f64,
}

/// The predicted score under the caps of what was found.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Quality {
    /// The mean over windows of 9 s, one a second, of the lower of the predicted score and the window's lowest cap; `None` where there is no predicted
    /// score.
    pub capped_mos: Option<f64>,
    /// The same of the lower end of the prediction's interval; `None` where that is not known.
    pub low_mos: Option<f64>,
    /// The same of its upper end.
    pub high_mos: Option<f64>,
    /// The score as the network predicts it.
    pub predicted_mos: Option<f64>,
    /// The predicted score of the last 9 s under the caps of what was found in them.
    pub last_capped_mos: Option<f64>,
    /// Why there is no score; else empty.
    pub reason: &'static str,
    /// What lowers the score, the strongest first; then what was found and does not, because the network says less. Without a score, all of it.
    pub limits: Vec<Limit>,
}

impl Quality {
    /// What lowered the score most.
    #[must_use]
    pub fn cause(&self) -> Option<&Limit> {
        self.limits.first().filter(|limit| limit.lowers_mos > 0.0)
    }
}

/// The windows a score is about: one a second, each of 9 s; of a shorter stream, all of it. What is behind the last whole second belongs to the last.
struct Windows {
    count: usize,
}

impl Windows {
    fn of(duration_s: f64) -> Self {
        Self { count: 1 + (duration_s - WINDOW_S as f64).max(0.0) as usize }
    }

    /// Those that a finding lies in.
    fn with(&self, from_s: f64, to_s: f64) -> core::ops::Range<usize> {
        let last = self.count - 1;
        let first = (from_s - WINDOW_S as f64).floor().max(-1.0) + 1.0;
        (first as usize).min(last)..(to_s.max(0.0) as usize).min(last) + 1
    }
}

/// The predicted score of a stream under the caps of its findings. `None` if the metric `mos` was off.
///
/// `findings` are the ones that were kept. Of those that were only counted neither severity nor place is known: they count as warnings for the whole
/// stream, unless the report says that none was so bad.
#[must_use]
pub fn quality(report: &Report, findings: &[Finding]) -> Option<Quality> {
    let value = |key: &str| report.value(key).and_then(Value::number);
    let (predicted_mos, reason) = match report.value("mos.predicted_mos")? {
        Value::Number(x) => (Some(x), ""),
        Value::Undefined(why) => (None, why),
        Value::NotComputed(_) => return None,
    };
    let (low, high, last) = (value("mos.low_mos"), value("mos.high_mos"), value("mos.last_mos"));
    let (rate, duration_s) = (f64::from(report.stream.sample_rate_hz), report.duration_s());
    let windows = Windows::of(duration_s);
    let (mut all, mut own) = (vec![BEST; windows.count], vec![BEST; windows.count]);
    let mut last_cap = BEST;
    let mut limits: Vec<Limit> = Vec::new();
    let capped = |caps: &[f64], x: f64| caps.iter().map(|cap| cap.min(x)).sum::<f64>() / caps.len() as f64;
    for (i, cause) in CAUSES.iter().enumerate() {
        own.fill(BEST);
        let mut limit = Limit { cause, cap_mos: BEST, findings: 0, worst: None, lowers_mos: 0.0 };
        let mut kept = 0;
        for f in findings.iter().filter(|f| is_about(cause, f)) {
            let cap = report.caps().at(i, f.severity);
            let (from_s, to_s) = (f.start_sample as f64 / rate, f.end_sample as f64 / rate);
            own[windows.with(from_s, to_s)].iter_mut().for_each(|c| *c = c.min(cap));
            if to_s >= duration_s - WINDOW_S as f64 {
                last_cap = last_cap.min(cap);
            }
            kept += 1;
            limit.findings += u64::from(cap < BEST);
            if cap < limit.cap_mos {
                (limit.cap_mos, limit.worst) = (cap, Some(*f));
            }
        }
        let counted: u64 = report
            .counts()
            .filter(|(metric, kind, _)| cause.kinds.iter().any(|key| is_key(key, metric.name, kind.name)))
            .map(|(_, _, n)| u64::from(n))
            .sum();
        if counted > kept && report.worst > Some(Severity::Info) {
            let cap = report.caps().at(i, Severity::Warning);
            own.iter_mut().for_each(|c| *c = c.min(cap));
            last_cap = last_cap.min(cap);
            limit.findings += counted - kept;
            limit.cap_mos = limit.cap_mos.min(cap);
        }
        if limit.cap_mos < BEST {
            limit.lowers_mos = predicted_mos.map_or(0.0, |x| x - capped(&own, x));
            all.iter_mut().zip(&own).for_each(|(a, o)| *a = a.min(*o));
            limits.push(limit);
        }
    }
    // Of those that do the same the lowest cap first, then what came first.
    let start = |limit: &Limit| limit.worst.map_or(u64::MAX, |f| f.start_sample);
    limits.sort_by(|a, b| {
        let by_cap = a.cap_mos.total_cmp(&b.cap_mos);
        b.lowers_mos.total_cmp(&a.lowers_mos).then(by_cap).then(start(a).cmp(&start(b)))
    });
    let under = |x: Option<f64>| x.map(|x| capped(&all, x));
    Some(Quality {
        capped_mos: under(predicted_mos),
        low_mos: under(low),
        high_mos: under(high),
        predicted_mos,
        last_capped_mos: last.map(|x| x.min(last_cap)),
        reason,
        limits,
    })
}

fn is_key(key: &str, metric: &str, kind: &str) -> bool {
    key.split_once('.') == Some((metric, kind))
}

fn is_about(cause: &Cause, finding: &Finding) -> bool {
    specs_of(finding).is_some_and(|(metric, kind)| cause.kinds.iter().any(|key| is_key(key, metric.name, kind.name)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::SPECS;
    use crate::spec::Unit;

    #[test]
    fn every_cause_names_a_parameter_and_kinds_and_none_twice() {
        let mut seen = Vec::new();
        for cause in CAUSES {
            let spec = SPECS.iter().find(|s| s.name == "mos").expect("the metric");
            let name = cause.param.strip_prefix("mos.").expect("a parameter of mos");
            let param = spec.params.iter().find(|p| p.name == name).unwrap_or_else(|| panic!("{}", cause.param));
            assert!(param.unit == Unit::Mos && name == format!("cap_{}_mos", cause.name), "{}", cause.param);
            for key in cause.kinds {
                let known = SPECS.iter().any(|m| m.kinds.iter().any(|k| is_key(key, m.name, k.name)));
                assert!(known && !seen.contains(key), "{key}");
                seen.push(*key);
            }
        }
        let caps = SPECS.iter().flat_map(|s| s.params).filter(|p| p.name.starts_with("cap_")).count();
        assert_eq!(caps, CAUSES.len(), "a cap that nothing reads");
    }

    #[test]
    fn a_finding_lies_in_every_window_that_it_touches() {
        let short = Windows::of(4.0);
        assert_eq!((short.count, short.with(0.0, 0.0), short.with(3.9, 4.0)), (1, 0..1, 0..1));
        // Windows 0 to 9, 1 to 10, 2 to 11, 3 to 12 and what follows.
        let long = Windows::of(12.7);
        assert_eq!(long.count, 4);
        assert_eq!([long.with(0.5, 0.5), long.with(5.0, 5.0), long.with(9.5, 9.6)], [0..1, 0..4, 1..4]);
        assert_eq!([long.with(12.5, 12.6), long.with(9.0, 9.0), long.with(0.0, 12.7)], [3..4, 1..4, 0..4]);
    }
}
