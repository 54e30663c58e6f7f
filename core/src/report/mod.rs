//! The report: what one stream was like. Plain data; everything a user sees is made from it.

mod json;
mod log;

pub(crate) use json::Json;
pub use json::StreamMeta;
pub use log::FindingLog;

use crate::finding::{Finding, Ledger, Severity};
use crate::metrics::{KINDS, Outputs, SPECS, first_kind, spec_by_id};
use crate::probe::{Plan, StreamSpec};
use crate::simd::Level;
use crate::spec::{FieldSpec, KindSpec, MetricSpec, Value};
use crate::verdict::Caps;

/// The values of one stream, so far or final.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// The stream.
    pub stream: StreamSpec,
    /// Samples per channel.
    pub samples: u64,
    /// Whether the stream has ended.
    pub is_final: bool,
    /// The output of every metric.
    pub outputs: Outputs,
    /// Findings nobody could poll in time.
    pub findings_dropped: u64,
    /// The worst severity of any finding.
    pub worst: Option<Severity>,
    /// The instruction set that was used.
    pub simd: Level,
    counts: [u32; KINDS],
    caps: Caps,
}

impl Report {
    pub(crate) fn new(plan: &Plan, outputs: Outputs, ledger: &Ledger<KINDS>, samples: u64, is_final: bool) -> Self {
        Self {
            stream: plan.stream(),
            samples,
            is_final,
            outputs,
            findings_dropped: ledger.dropped(),
            worst: ledger.worst(),
            simd: plan.simd(),
            counts: *ledger.counts(),
            caps: plan.caps(),
        }
    }

    /// Walks over every field of every metric, in catalogue order.
    pub fn visit(&self, f: impl FnMut(&'static MetricSpec, &'static FieldSpec, Value)) {
        self.outputs.visit(f);
    }

    /// One field by its key `metric.field`; `None` if there is no such field.
    #[must_use]
    pub fn value(&self, key: &str) -> Option<Value> {
        let (metric, field) = key.split_once('.')?;
        let mut found = None;
        self.visit(|m, f, v| {
            if m.name == metric && f.name == field {
                found = Some(v);
            }
        });
        found
    }

    /// How many findings of each kind there were, dropped ones included.
    pub fn counts(&self) -> impl Iterator<Item = (&'static MetricSpec, &'static KindSpec, u32)> + '_ {
        SPECS.iter().enumerate().flat_map(move |(m, spec)| {
            let first = first_kind(m);
            spec.kinds.iter().enumerate().map(move |(k, kind)| (*spec, kind, self.counts[first + k]))
        })
    }

    /// What the predicted score is capped by.
    pub(crate) fn caps(&self) -> &Caps {
        &self.caps
    }

    /// All findings together, dropped ones included.
    #[must_use]
    pub fn finding_count(&self) -> u64 {
        self.counts.iter().map(|&n| u64::from(n)).sum()
    }

    /// The duration in seconds.
    #[must_use]
    pub fn duration_s(&self) -> f64 {
        self.samples as f64 / f64::from(self.stream.sample_rate_hz)
    }
}

/// The specs of a finding's metric and kind.
#[must_use]
pub fn specs_of(finding: &Finding) -> Option<(&'static MetricSpec, &'static KindSpec)> {
    let metric = spec_by_id(finding.metric_id)?;
    Some((metric, metric.kinds.iter().find(|k| k.id == finding.kind)?))
}

/// The name of a finding's kind; empty if this library does not know it.
#[must_use]
pub fn kind_name(finding: &Finding) -> &'static str {
    specs_of(finding).map_or("", |(_, kind)| kind.name)
}

/// The sentence people read about a finding, without its position.
#[must_use]
pub fn message(finding: &Finding, sample_rate_hz: u32) -> String {
    let Some((_, kind)) = specs_of(finding) else { return String::new() };
    let rate = f64::from(sample_rate_hz);
    let duration_ms = finding.end_sample.saturating_sub(finding.start_sample) as f64 * 1000.0 / rate;
    kind.message
        .replace("{value}", &short(finding.value))
        .replace("{threshold}", &short(finding.threshold))
        .replace("{start_s}", &short(finding.start_sample as f64 / rate))
        .replace("{duration_ms}", &short(duration_ms))
}

/// A number as people write it: three significant digits, no trailing zeros.
fn short(x: f64) -> String {
    if x == 0.0 || !x.is_finite() {
        return format!("{x}");
    }
    let digits = (2.0 - x.abs().log10().floor()).clamp(0.0, 6.0) as usize;
    let text = format!("{x:.digits$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn numbers_are_short() {
        let texts = [0.0, 3.0, 0.31, 0.012345, 1234.5, -19.08, 22.44, 1e-9].map(short);
        assert_eq!(texts, ["0", "3", "0.31", "0.0123", "1234", "-19.1", "22.4", "0"]);
    }
}
