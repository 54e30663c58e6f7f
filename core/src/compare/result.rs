//! What a comparison found. Plain data; everything a user sees is made from it.

use super::pair::{Pair, Table, Warning};
use super::reason::Reason;
use super::{Align, pair};
use crate::report::Json;
use crate::simd::Level;
use crate::spec::{FieldSpec, PresetSpec, ScoreSpec, Value};
use core::fmt::{self, Write};
use std::borrow::Cow;

/// One of the signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Signal {
    /// The sample rate in hertz.
    pub sample_rate_hz: u32,
    /// How many samples.
    pub samples: u64,
}

impl Signal {
    /// The duration in seconds.
    #[must_use]
    pub fn duration_s(&self) -> f64 {
        self.samples as f64 / f64::from(self.sample_rate_hz.max(1))
    }
}

/// How the signals were brought into step.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Alignment {
    /// The way that was asked for.
    pub mode: Align,
    /// How many samples the degraded signal is late, where it was looked for.
    pub delay_samples: Option<i64>,
    /// The normalised cross-correlation at that delay, -1 to 1.
    pub correlation_ratio: Option<f64>,
}

impl Alignment {
    pub(super) fn of(pair: &mut Pair<'_, '_>) -> Self {
        let mode = pair.plan.align();
        let delay = if mode == Align::Delay { pair.delay() } else { None };
        Self { mode, delay_samples: delay.map(|d| d.samples), correlation_ratio: delay.map(|d| d.correlation) }
    }
}

/// One score of a pair: its values, or why there are none.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Scored {
    /// As it was asked for: `score` or `score:preset`.
    pub key: String,
    /// The score.
    pub spec: &'static ScoreSpec,
    /// The preset that was used.
    pub preset: &'static PresetSpec,
    /// A value for each field of the spec, or the reason why there is no score.
    pub values: Result<Vec<Value>, Reason>,
    /// What was resampled by what: `native` if nothing was.
    pub rate_policy: Cow<'static, str>,
    /// What was done, by name: such as `edition` and `mode`.
    pub texts: Vec<(&'static str, &'static str)>,
    /// What a reader should know.
    pub warnings: Vec<Warning>,
    /// Where, when, how much.
    pub tables: Vec<Table>,
}

impl Scored {
    /// The score: the first field that has a number.
    #[must_use]
    pub fn value(&self) -> Option<f64> {
        self.fields().find_map(|(_, v)| v.number())
    }

    /// A field by name.
    #[must_use]
    pub fn field(&self, name: &str) -> Option<Value> {
        self.fields().find(|(f, _)| f.name == name).map(|(_, v)| v)
    }

    /// Every field with its value; none where there is no score.
    pub fn fields(&self) -> impl Iterator<Item = (&'static FieldSpec, Value)> {
        self.spec.fields.iter().zip(self.values.iter().flatten().copied())
    }

    /// `ok`, or the name of the reason.
    #[must_use]
    pub fn status(&self) -> &'static str {
        self.values.as_ref().map_or_else(Reason::name, |_| "ok")
    }

    /// A table by name.
    #[must_use]
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|t| t.spec.name == name)
    }
}

/// Everything about one pair.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Comparison {
    /// The signal as it should be.
    pub reference: Signal,
    /// The signal that was judged.
    pub degraded: Signal,
    /// How they were brought into step.
    pub alignment: Alignment,
    /// The scores, in the order they were asked for.
    pub scores: Vec<Scored>,
    /// The instruction set that was used.
    pub simd: Level,
}

/// What the caller knows of a pair and Otoscope does not.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ComparisonMeta {
    /// The name of the reference.
    pub reference: Option<String>,
    /// The name of the degraded signal.
    pub degraded: Option<String>,
    /// Pair, system, voice...
    pub labels: Vec<(String, String)>,
}

impl Comparison {
    /// A score by the key it was asked for.
    #[must_use]
    pub fn score(&self, key: &str) -> Option<&Scored> {
        self.scores.iter().find(|s| s.key == key)
    }

    /// Writes the comparison as one JSON object on one line: schema `otoscope.comparison/1`.
    ///
    /// # Errors
    /// Only what `out` answers.
    pub fn write_json(&self, out: &mut dyn Write, meta: &ComparisonMeta) -> fmt::Result {
        let mut j = Json::new(out);
        j.open('{')?;
        j.string("schema", "otoscope.comparison/1")?;
        let sides = [("reference", self.reference, &meta.reference), ("degraded", self.degraded, &meta.degraded)];
        for (key, signal, name) in sides {
            j.key(key)?;
            j.open('{')?;
            if let Some(name) = name {
                j.string("name", name)?;
            }
            j.integer("sample_rate_hz", u64::from(signal.sample_rate_hz))?;
            j.integer("samples", signal.samples)?;
            j.number("duration_s", signal.duration_s())?;
            j.close('}')?;
        }
        if !meta.labels.is_empty() {
            j.key("labels")?;
            j.open('{')?;
            for (key, value) in &meta.labels {
                j.string(key, value)?;
            }
            j.close('}')?;
        }
        j.key("alignment")?;
        j.open('{')?;
        j.string("mode", self.alignment.mode.name())?;
        if let Some(delay) = self.alignment.delay_samples {
            j.number("delay_samples", delay as f64)?;
            j.number("delay_s", delay as f64 / f64::from(self.degraded.sample_rate_hz.max(1)))?;
        }
        if let Some(correlation) = self.alignment.correlation_ratio {
            j.number("correlation_ratio", correlation)?;
        }
        j.close('}')?;
        j.key("scores")?;
        j.open('{')?;
        for scored in self.scores.iter().filter(|s| s.values.is_ok()) {
            write_score(&mut j, scored)?;
        }
        j.close('}')?;
        self.write_texts(&mut j, "status", &|s| s.values.as_ref().err().map(|r| r.name().to_owned()))?;
        self.write_texts(&mut j, "messages", &|s| s.values.as_ref().err().map(ToString::to_string))?;
        j.key("provenance")?;
        j.open('{')?;
        j.string("version", crate::VERSION)?;
        j.string("simd", self.simd.name())?;
        j.close('}')?;
        j.close('}')
    }

    /// [`write_json`](Self::write_json) into a new string.
    #[must_use]
    pub fn to_json(&self, meta: &ComparisonMeta) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_json(&mut text, meta);
        text
    }

    fn write_texts(&self, j: &mut Json<'_>, key: &str, text: &dyn Fn(&Scored) -> Option<String>) -> fmt::Result {
        j.key(key)?;
        j.open('{')?;
        for scored in &self.scores {
            if let Some(text) = text(scored) {
                j.string(&scored.key, &text)?;
            }
        }
        j.close('}')
    }
}

fn write_score(j: &mut Json<'_>, scored: &Scored) -> fmt::Result {
    j.key(&scored.key)?;
    j.open('{')?;
    for (field, value) in scored.fields() {
        if let Value::Number(x) = value {
            j.number(field.name, x)?;
        }
    }
    j.string("preset", scored.preset.name)?;
    j.string("definition", scored.preset.definition)?;
    j.integer("revision", u64::from(scored.spec.revision))?;
    j.string("rate_policy", &scored.rate_policy)?;
    for (name, text) in &scored.texts {
        j.string(name, text)?;
    }
    if !scored.warnings.is_empty() {
        j.key("warnings")?;
        j.open('{')?;
        for warning in &scored.warnings {
            j.string(warning.name(), &warning.to_string())?;
        }
        j.close('}')?;
    }
    for table in &scored.tables {
        write_table(j, table)?;
    }
    j.close('}')
}

fn write_table(j: &mut Json<'_>, table: &pair::Table) -> fmt::Result {
    j.key(table.spec.name)?;
    j.open('[')?;
    for row in table.rows() {
        j.comma()?;
        j.open('{')?;
        for (column, cell) in table.spec.columns.iter().zip(row) {
            j.number(column.name, *cell)?;
        }
        j.close('}')?;
    }
    j.close(']')
}
