//! What to measure: by struct (`config.metrics.clipping.min_run_samples = 4.0`) or by key
//! (`config.set("clipping.min_run_samples", 4.0)`).

use super::{MAX_CHANNELS, Plan, StreamSpec};
use crate::error::ConfigError;
use crate::metrics::{METRICS, MetricsConfig, SPECS, StreamShape};
use crate::simd::Level;
use crate::spec::{Domain, ParamSpec, ParamValue, Unit};
use crate::units::SampleRate;

/// A value for [`Config::set`]: a number, or a text that holds a number or one of the parameter's words.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Setting<'a> {
    /// A number in the parameter's unit.
    Number(f64),
    /// A number as text, or a word.
    Text(&'a str),
}

impl From<f64> for Setting<'_> {
    fn from(x: f64) -> Self {
        Self::Number(x)
    }
}

impl<'a> From<&'a str> for Setting<'a> {
    fn from(text: &'a str) -> Self {
        Self::Text(text)
    }
}

/// What to measure on which kind of stream. Complete with nothing but the stream: every metric on that is cheap enough for every stream, defaults
/// everywhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    stream: StreamSpec,
    /// The parameters of every metric.
    pub metrics: MetricsConfig,
    enabled: [bool; METRICS],
    pub(super) simd: Option<Level>,
}

impl Config {
    /// Everything with its defaults.
    #[must_use]
    pub fn new(stream: StreamSpec) -> Self {
        Self { stream, metrics: MetricsConfig::default(), enabled: core::array::from_fn(|i| SPECS[i].on), simd: None }
    }

    /// The stream it is for.
    #[must_use]
    pub const fn stream(&self) -> StreamSpec {
        self.stream
    }

    /// The same choices for another kind of stream.
    #[must_use]
    pub fn for_stream(&self, stream: StreamSpec) -> Self {
        Self { stream, ..self.clone() }
    }

    /// Sets `metric.parameter`.
    ///
    /// # Errors
    /// An unknown key (with the nearest one that exists), a number out of range, a word that is not one of the choices.
    pub fn set<'a>(&mut self, key: &str, value: impl Into<Setting<'a>>) -> Result<(), ConfigError> {
        let (metric, param) = find_param(key)?;
        let spec = &SPECS[metric].params[param];
        let value = match (value.into(), spec.domain) {
            (Setting::Number(x), Domain::Number { .. }) => ParamValue::Number(x),
            (Setting::Text(text), Domain::Number { .. }) => match text.trim().parse() {
                Ok(x) => ParamValue::Number(x),
                Err(_) => return Err(not_allowed(key, text, spec)),
            },
            (Setting::Text(text), Domain::Choice(words)) => match words.iter().find(|w| **w == text) {
                Some(word) => ParamValue::Choice(word),
                None => return Err(not_allowed(key, text, spec)),
            },
            (Setting::Number(x), Domain::Choice(_)) => return Err(not_allowed(key, &x.to_string(), spec)),
        };
        check_param(key, spec, value)?;
        self.metrics.set(metric, param, value);
        Ok(())
    }

    /// Reads `metric.parameter`.
    ///
    /// # Errors
    /// An unknown key.
    pub fn get(&self, key: &str) -> Result<ParamValue, ConfigError> {
        let (metric, param) = find_param(key)?;
        Ok(self.metrics.get(metric, param))
    }

    /// Switches a metric on or off.
    ///
    /// # Errors
    /// An unknown name.
    pub fn enable(&mut self, metric: &str, on: Enabled) -> Result<(), ConfigError> {
        self.enabled[find_metric(metric)?] = on == Enabled::On;
        Ok(())
    }

    /// Switches on the named metrics and no others; or, if a name has a `+` before it (`+mos`), besides those that are on.
    ///
    /// # Errors
    /// An unknown name; nothing is changed then.
    pub fn only<'a>(&mut self, metrics: impl IntoIterator<Item = &'a str>) -> Result<(), ConfigError> {
        let (mut enabled, mut is_more) = ([false; METRICS], false);
        for name in metrics {
            let plain = name.strip_prefix('+');
            is_more |= plain.is_some();
            enabled[find_metric(plain.unwrap_or(name))?] = true;
        }
        if is_more {
            enabled.iter_mut().zip(&self.enabled).for_each(|(new, on)| *new |= on);
        }
        self.enabled = enabled;
        Ok(())
    }

    /// The instruction set to use, at most what the machine has; by default the best, or what the environment variable
    /// `OTOSCOPE_SIMD` says.
    pub fn simd(&mut self, level: Level) {
        self.simd = Some(level);
    }

    /// Checks everything and makes the tables. The only step that can fail, and the last that computes tables.
    ///
    /// # Errors
    /// Whatever is wrong with the stream or a parameter.
    pub fn freeze(self) -> Result<Plan, ConfigError> {
        Plan::new(self)
    }

    pub(super) fn enabled(&self) -> &[bool; METRICS] {
        &self.enabled
    }

    /// Whether a metric is on.
    #[must_use]
    pub fn is_enabled(&self, metric: &str) -> bool {
        find_metric(metric).is_ok_and(|i| self.enabled[i])
    }

    /// Checks the stream, and every parameter again: the struct's fields are public.
    pub(super) fn check(&self) -> Result<StreamShape, ConfigError> {
        let StreamSpec { sample_rate_hz, channels } = self.stream;
        if channels == 0 || channels as usize > MAX_CHANNELS {
            return Err(ConfigError::Channels { channels });
        }
        for (m, spec) in SPECS.iter().enumerate() {
            for (p, param) in spec.params.iter().enumerate() {
                check_param(&format!("{}.{}", spec.name, param.name), param, self.metrics.get(m, p))?;
            }
        }
        Ok(StreamShape { rate: SampleRate::new(sample_rate_hz)?, channels: channels as usize })
    }
}

/// On or off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Enabled {
    /// Measured.
    On,
    /// Not measured, and free.
    Off,
}

fn not_allowed(key: &str, value: &str, spec: &ParamSpec) -> ConfigError {
    let allowed = match spec.domain {
        Domain::Number { min, max, .. } => format!("a number from {min} to {max}"),
        Domain::Choice(words) => words.join(" or "),
    };
    ConfigError::NotAllowed { key: key.to_owned(), value: value.to_owned(), allowed }
}

fn check_param(key: &str, spec: &ParamSpec, value: ParamValue) -> Result<(), ConfigError> {
    match (spec.domain, value) {
        (Domain::Number { min, max, .. }, ParamValue::Number(x)) if !(min..=max).contains(&x) => {
            Err(ConfigError::OutOfRange { key: key.to_owned(), value: x, min, max })
        }
        (Domain::Number { .. }, ParamValue::Number(x))
            if matches!(spec.unit, Unit::Count | Unit::Samples) && x.fract() != 0.0 =>
        {
            Err(ConfigError::NotWhole { key: key.to_owned(), value: x })
        }
        (Domain::Choice(words), ParamValue::Choice(word)) if !words.contains(&word) => {
            Err(not_allowed(key, word, spec))
        }
        _ => Ok(()),
    }
}

fn find_metric(name: &str) -> Result<usize, ConfigError> {
    SPECS.iter().position(|s| s.name == name).ok_or_else(|| ConfigError::UnknownKey {
        key: name.to_owned(),
        nearest: nearest(name, SPECS.iter().map(|s| s.name)),
    })
}

fn find_param(key: &str) -> Result<(usize, usize), ConfigError> {
    let (metric, param) = key.split_once('.').unwrap_or((key, ""));
    let m = find_metric(metric)?;
    let p = SPECS[m].params.iter().position(|p| p.name == param).ok_or_else(|| ConfigError::UnknownKey {
        key: key.to_owned(),
        nearest: nearest(param, SPECS[m].params.iter().map(|p| p.name)),
    })?;
    Ok((m, p))
}

/// The name that begins like `name`, else the one with the fewest letters to change.
pub(crate) fn nearest(name: &str, among: impl Iterator<Item = &'static str>) -> &'static str {
    among
        .min_by_key(|candidate| (name.is_empty() || !candidate.starts_with(name), distance(name, candidate)))
        .unwrap_or("no parameters here")
}

fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let substituted = diagonal + usize::from(x != *y);
            diagonal = row[j + 1];
            row[j + 1] = substituted.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        Config::new(StreamSpec::mono(24_000))
    }

    #[test]
    fn a_key_is_set_by_number_by_text_and_by_word() {
        let mut c = config();
        c.set("clipping.min_run_samples", 4.0).expect("in range");
        assert_eq!(c.metrics.clipping.min_run_samples, 4.0);
        c.set("clipping.min_run_samples", "5").expect("in range");
        assert_eq!(c.get("clipping.min_run_samples"), Ok(ParamValue::Number(5.0)));
        c.set("loudness.mono_as", "dual_mono").expect("a choice");
        assert_eq!(c.metrics.loudness.mono_as, "dual_mono");
    }

    #[test]
    fn what_costs_much_is_off_until_it_is_asked_for_alone_or_with_the_rest() {
        let on = |c: &Config| SPECS.iter().filter(|m| c.is_enabled(m.name)).map(|m| m.name).collect::<Vec<_>>();
        let mut c = config();
        let usual = on(&c);
        assert!(!c.is_enabled("mos") && usual.len() == SPECS.iter().filter(|m| m.on).count());
        c.only(["+mos", "+loudness"]).expect("names");
        assert!(c.is_enabled("mos") && on(&c).len() == usual.len() + 1, "loudness was on");
        c.only(["mos", "loudness"]).expect("names");
        assert_eq!(on(&c), ["loudness", "mos"]);
        assert!(c.only(["+mso"]).expect_err("no such metric").to_string().contains("did you mean `mos`"));
        assert_eq!(on(&c), ["loudness", "mos"], "nothing has changed");
    }

    #[test]
    fn what_is_wrong_is_said_with_what_is_allowed() {
        let mut c = config();
        let mut text = |key: &str, value: &str| c.set(key, value).expect_err("wrong").to_string();
        assert_eq!(text("cliping.min_run_samples", "3"), "no metric or parameter `cliping`; did you mean `clipping`?");
        assert!(text("clipping.min_run", "3").contains("did you mean `min_run_samples`"));
        assert!(text("clipping.min_run_samples", "2").contains("2 is outside 3 to 1000"));
        assert!(text("clipping.min_run_samples", "3.5").contains("3.5 is not a whole number"));
        assert!(text("clipping.min_run_samples", "NaN").contains("outside 3 to 1000"));
        assert!(text("clipping.min_run_samples", "many").contains("a number from 3 to 1000"));
        assert!(text("loudness.mono_as", "stereo").contains("mono or dual_mono"));
    }

    #[test]
    fn a_field_set_out_of_range_is_found_when_the_config_is_frozen() {
        let mut c = config();
        c.metrics.join.fit_ratio = f64::NAN;
        assert!(c.freeze().expect_err("NaN").to_string().contains("join.fit_ratio"));
        assert!(Config::new(StreamSpec::mono(7_999)).freeze().is_err());
        for channels in [0, 9, u32::MAX] {
            let spec = StreamSpec { sample_rate_hz: 24_000, channels };
            assert_eq!(Config::new(spec).freeze().err(), Some(ConfigError::Channels { channels }));
        }
    }
}
