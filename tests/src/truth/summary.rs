//! Sums over voices, with what they prove.

use super::answers::{ANSWERS, metric_of};
use super::corpus::{Half, Kind, Voice};
use super::hear::{Heard, Raised};
use super::statistics::{poisson_upper_95, wilson_95};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// Found of injected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recall {
    /// Found.
    pub found: u32,
    /// Injected.
    pub of: u32,
}

impl Recall {
    /// From 0 to 1.
    #[must_use]
    pub fn share(self) -> f64 {
        f64::from(self.found) / f64::from(self.of.max(1))
    }
}

impl fmt::Display for Recall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.of == 0 {
            return f.write_str("-");
        }
        let (low, high) = wilson_95(self.found, self.of);
        let percent = |x: f64| 100.0 * x;
        write!(
            f,
            "{:.1} % ({}/{}; {:.1}-{:.1})",
            percent(self.share()),
            self.found,
            self.of,
            percent(low),
            percent(high)
        )
    }
}

/// Alarms in some hours.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Rate {
    /// Alarms.
    pub alarms: u32,
    /// Findings of what is really in the recording; no alarms.
    pub real: u32,
    /// Hours heard.
    pub hours: f64,
}

impl Rate {
    /// Alarms an hour.
    #[must_use]
    pub fn per_hour(self) -> f64 {
        f64::from(self.alarms) / self.hours.max(1e-9)
    }

    /// The bound that holds with 95 % confidence.
    #[must_use]
    pub fn bound_per_hour(self) -> f64 {
        poisson_upper_95(self.alarms) / self.hours.max(1e-9)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hours == 0.0 {
            return f.write_str("-");
        }
        write!(f, "{:.2} (< {:.2})", self.per_hour(), self.bound_per_hour())?;
        if self.real > 0 {
            let all = Self { alarms: self.alarms + self.real, real: 0, ..*self };
            write!(f, "; with real hum {:.2} (< {:.2})", all.per_hour(), all.bound_per_hour())?;
        }
        Ok(())
    }
}

/// Whether every finding of this name counts as an alarm. One that answers no fault, and is only worth knowing, does not.
#[must_use]
pub fn answers_some_fault(name: &str) -> bool {
    ANSWERS.iter().any(|row| row.kinds.contains(&name))
}

/// How many of the findings of this name are false alarms.
#[must_use]
pub fn alarms_of(name: &str, raised: Raised) -> u32 {
    let counted = if answers_some_fault(name) { raised.all } else { raised.all - raised.info };
    counted.saturating_sub(raised.real)
}

/// The alarms of a choice of findings on a choice of voices.
#[must_use]
pub fn rate(heard: &Heard, voices: &[Voice], voice: impl Fn(&Voice) -> bool, finding: impl Fn(&str) -> bool) -> Rate {
    let mut rate = Rate::default();
    for (v, (hours, _)) in &heard.clean {
        if voice(&voices[*v]) {
            rate.hours += hours;
        }
    }
    for ((v, name), raised) in &heard.raised {
        if voice(&voices[*v]) && finding(name) {
            rate.alarms += alarms_of(name, *raised);
            rate.real += raised.real;
        }
    }
    rate
}

/// [`rate`] in one half.
#[must_use]
pub fn rate_in(heard: &Heard, voices: &[Voice], half: Half, finding: impl Fn(&str) -> bool) -> Rate {
    rate(heard, voices, |v| v.half == half, finding)
}

/// [`rate`] in one half and one kind of voice.
#[must_use]
pub fn rate_of(heard: &Heard, voices: &[Voice], half: Half, kind: Kind, finding: impl Fn(&str) -> bool) -> Rate {
    rate(heard, voices, |v| v.half == half && v.kind == kind, finding)
}

/// The voice with most alarms, and how many.
#[must_use]
pub fn worst_voice<'a>(
    heard: &Heard,
    voices: &'a [Voice],
    half: Half,
    finding: impl Fn(&str) -> bool,
) -> Option<(&'a str, u32)> {
    let mut counts: BTreeMap<usize, u32> = BTreeMap::new();
    for ((v, name), raised) in &heard.raised {
        if voices[*v].half == half && finding(name) {
            *counts.entry(*v).or_default() += alarms_of(name, *raised);
        }
    }
    counts.into_iter().filter(|c| c.1 > 0).max_by_key(|c| c.1).map(|(v, n)| (voices[v].name.as_str(), n))
}

/// Every finding's name that was raised, in order.
#[must_use]
pub fn names(heard: &Heard) -> BTreeSet<&str> {
    heard.raised.keys().map(|(_, name)| name.as_str()).collect()
}

/// Whether a finding comes from one of these detectors.
#[must_use]
pub fn from_any(metrics: &[&str], name: &str) -> bool {
    metrics.contains(&metric_of(name))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::PathBuf;

    fn voice(name: &str, kind: Kind, half: Half) -> Voice {
        Voice {
            name: name.into(),
            language: "en".into(),
            sex: "f".into(),
            kind,
            half,
            files: vec![PathBuf::new()],
            texts: vec![None],
        }
    }

    #[test]
    fn infos_count_where_they_could_answer() {
        let voices = [voice("x", Kind::Human, Half::Judging), voice("y", Kind::Neural, Half::Tuning)];
        let mut heard = Heard::default();
        heard.clean.insert(0, (2.0, 10));
        heard.clean.insert(1, (1.0, 10));
        heard.raised.insert((0, "silence.hole".into()), Raised { all: 3, info: 3, real: 0 });
        heard.raised.insert((0, "silence.cancellation".into()), Raised { all: 5, info: 4, real: 0 });
        heard.raised.insert((1, "silence.hole".into()), Raised { all: 7, info: 0, real: 0 });
        let silence = |n: &str| from_any(&["silence"], n);
        assert_eq!(rate_in(&heard, &voices, Half::Judging, silence), Rate { alarms: 4, real: 0, hours: 2.0 });
        assert_eq!(
            rate_of(&heard, &voices, Half::Judging, Kind::Neural, silence),
            Rate { alarms: 0, real: 0, hours: 0.0 }
        );
        heard.raised.insert((0, "tone.hum".into()), Raised { all: 3, info: 0, real: 2 });
        let hum = rate_in(&heard, &voices, Half::Judging, |n| n == "tone.hum");
        assert_eq!(hum, Rate { alarms: 1, real: 2, hours: 2.0 }, "what is there is no false alarm");
        assert_eq!(
            hum.to_string(),
            "0.50 (< 2.37); with real hum 1.50 (< 3.88)",
            "4.74 and 7.75 are the Poisson bounds of 1 and 3"
        );
        assert_eq!(worst_voice(&heard, &voices, Half::Tuning, silence), Some(("y", 7)));
        assert_eq!(rate_in(&heard, &voices, Half::Judging, silence).to_string(), "2.00 (< 4.58)", "9.154 / 2 h");
        assert_eq!(Recall { found: 81, of: 263 }.to_string(), "30.8 % (81/263; 25.5-36.6)");
    }
}
