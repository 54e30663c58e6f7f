//! The report as JSON: schema `otoscope.report/1`. Fields are only ever added; a change of meaning is a new number.

use super::{Report, message, specs_of};
use crate::finding::Finding;
use crate::metrics::SPECS;
use crate::spec::Value;
use crate::verdict::{Quality, Verdict, quality};
use core::fmt::{self, Write};

/// What the caller knows of a stream and Otoscope does not. The core has no clock and makes no ids.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamMeta {
    /// A UUIDv7.
    pub report_id: Option<String>,
    /// Rises when a report is sent again with more in it.
    pub rev: u32,
    /// RFC 3339.
    pub started_at: Option<String>,
    /// RFC 3339.
    pub ended_at: Option<String>,
    /// A file name or another name of the stream.
    pub source: Option<String>,
    /// Service, voice, build, trace id...
    pub labels: Vec<(String, String)>,
}

/// Writes JSON with its commas in the right places.
pub(crate) struct Json<'a> {
    out: &'a mut dyn Write,
    first: bool,
}

impl<'a> Json<'a> {
    pub(crate) fn new(out: &'a mut dyn Write) -> Self {
        Self { out, first: true }
    }

    fn text(&mut self, text: &str) -> fmt::Result {
        self.out.write_char('"')?;
        for c in text.chars() {
            match c {
                '"' => self.out.write_str("\\\"")?,
                '\\' => self.out.write_str("\\\\")?,
                '\n' => self.out.write_str("\\n")?,
                '\r' => self.out.write_str("\\r")?,
                '\t' => self.out.write_str("\\t")?,
                c if u32::from(c) < 0x20 => write!(self.out, "\\u{:04x}", u32::from(c))?,
                c => self.out.write_char(c)?,
            }
        }
        self.out.write_char('"')
    }

    pub(crate) fn comma(&mut self) -> fmt::Result {
        if !core::mem::take(&mut self.first) { self.out.write_char(',') } else { Ok(()) }
    }

    pub(crate) fn key(&mut self, key: &str) -> fmt::Result {
        self.comma()?;
        self.text(key)?;
        self.out.write_char(':')
    }

    pub(crate) fn string(&mut self, key: &str, value: &str) -> fmt::Result {
        self.key(key)?;
        self.text(value)
    }

    /// A number; callers pass finite ones only, and anything else would be `null`.
    pub(crate) fn number(&mut self, key: &str, value: f64) -> fmt::Result {
        self.key(key)?;
        if value.is_finite() { write!(self.out, "{value}") } else { self.out.write_str("null") }
    }

    /// Those that there are.
    fn numbers(&mut self, numbers: &[(&str, Option<f64>)]) -> fmt::Result {
        numbers.iter().try_for_each(|(key, value)| value.map_or(Ok(()), |value| self.number(key, value)))
    }

    pub(crate) fn integer(&mut self, key: &str, value: u64) -> fmt::Result {
        self.key(key)?;
        write!(self.out, "{value}")
    }

    pub(crate) fn open(&mut self, bracket: char) -> fmt::Result {
        self.first = true;
        self.out.write_char(bracket)
    }

    pub(crate) fn close(&mut self, bracket: char) -> fmt::Result {
        self.first = false;
        self.out.write_char(bracket)
    }
}

impl Report {
    /// Writes the report as one JSON object on one line.
    ///
    /// `findings` are the ones the caller polled and kept, put together by a [`FindingLog`](super::FindingLog).
    ///
    /// # Errors
    /// Only what `out` answers.
    pub fn write_json(&self, out: &mut dyn Write, meta: &StreamMeta, findings: &[Finding]) -> fmt::Result {
        self.write_json_with(out, meta, findings, &[])
    }

    /// [`write_json`](Self::write_json) with an array `verdicts`; without any the key is left out.
    ///
    /// # Errors
    /// Only what `out` answers.
    pub fn write_json_with(
        &self,
        out: &mut dyn Write,
        meta: &StreamMeta,
        findings: &[Finding],
        verdicts: &[Verdict],
    ) -> fmt::Result {
        let rate = f64::from(self.stream.sample_rate_hz);
        let mut j = Json::new(out);
        j.open('{')?;
        j.string("schema", "otoscope.report/1")?;
        if let Some(id) = &meta.report_id {
            j.string("report_id", id)?;
        }
        j.integer("rev", u64::from(meta.rev))?;
        for (key, time) in [("started_at", &meta.started_at), ("ended_at", &meta.ended_at)] {
            if let Some(time) = time {
                j.string(key, time)?;
            }
        }
        if let Some(source) = &meta.source {
            j.key("source")?;
            j.open('{')?;
            j.string("name", source)?;
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
        j.key("stream")?;
        j.open('{')?;
        j.integer("sample_rate_hz", u64::from(self.stream.sample_rate_hz))?;
        j.integer("channels", u64::from(self.stream.channels))?;
        j.integer("samples", self.samples)?;
        j.number("duration_s", self.duration_s())?;
        j.close('}')?;
        self.write_values(&mut j)?;
        if let Some(quality) = quality(self, findings) {
            write_quality(&mut j, &quality, rate)?;
        }
        if !verdicts.is_empty() {
            j.key("verdicts")?;
            j.open('[')?;
            for verdict in verdicts {
                j.comma()?;
                write_verdict(&mut j, verdict)?;
            }
            j.close(']')?;
        }
        self.write_counts(&mut j)?;
        j.integer("findings_dropped", self.findings_dropped)?;
        j.key("findings")?;
        j.open('[')?;
        for finding in findings {
            j.comma()?;
            write_finding(&mut j, finding, rate)?;
        }
        j.close(']')?;
        j.key("provenance")?;
        j.open('{')?;
        j.string("version", crate::VERSION)?;
        j.string("simd", self.simd.name())?;
        j.key("revisions")?;
        j.open('{')?;
        for spec in SPECS {
            j.integer(spec.name, u64::from(spec.revision))?;
        }
        j.close('}')?;
        j.close('}')?;
        j.close('}')
    }

    /// [`write_json`](Self::write_json) into a new string.
    #[must_use]
    pub fn to_json(&self, meta: &StreamMeta, findings: &[Finding]) -> String {
        self.to_json_with(meta, findings, &[])
    }

    /// [`write_json_with`](Self::write_json_with) into a new string.
    #[must_use]
    pub fn to_json_with(&self, meta: &StreamMeta, findings: &[Finding], verdicts: &[Verdict]) -> String {
        let mut text = String::new();
        // Writing to a string cannot fail.
        let _ = self.write_json_with(&mut text, meta, findings, verdicts);
        text
    }

    fn write_values(&self, j: &mut Json<'_>) -> fmt::Result {
        let mut result = Ok(());
        let mut each = |j: &mut Json<'_>, pick: &dyn Fn(Value) -> Option<Result<f64, &'static str>>, nested: bool| {
            let mut metric = "";
            self.visit(|m, f, value| {
                let Some(value) = pick(value) else { return };
                let mut write = || {
                    if nested && metric != m.name {
                        if !metric.is_empty() {
                            j.close('}')?;
                        }
                        j.key(m.name)?;
                        j.open('{')?;
                        metric = m.name;
                    }
                    match value {
                        Ok(x) => j.number(f.name, x),
                        Err(why) => j.string(&format!("{}.{}", m.name, f.name), why),
                    }
                };
                result = result.and_then(|()| write());
            });
            if nested && !metric.is_empty() { j.close('}') } else { Ok(()) }
        };
        j.key("metrics")?;
        j.open('{')?;
        let end = each(j, &|v| v.number().map(Ok), true);
        end.and_then(|()| j.close('}'))?;
        j.key("undefined")?;
        j.open('{')?;
        let pick = |v| if let Value::Undefined(why) = v { Some(Err(why)) } else { None };
        let end = each(j, &pick, false);
        end.and_then(|()| j.close('}'))?;
        j.key("not_computed")?;
        j.open('{')?;
        let pick = |v| if let Value::NotComputed(why) = v { Some(Err(why)) } else { None };
        let end = each(j, &pick, false);
        end.and_then(|()| j.close('}'))?;
        result
    }

    fn write_counts(&self, j: &mut Json<'_>) -> fmt::Result {
        j.key("finding_counts")?;
        j.open('{')?;
        for (metric, kind, count) in self.counts().filter(|(_, _, n)| *n > 0) {
            j.integer(&format!("{}.{}", metric.name, kind.name), u64::from(count))?;
        }
        j.close('}')
    }
}

fn write_finding(j: &mut Json<'_>, f: &Finding, rate: f64) -> fmt::Result {
    let Some((metric, kind)) = specs_of(f) else { return j.open('{').and_then(|()| j.close('}')) };
    j.open('{')?;
    j.string("metric", metric.name)?;
    j.string("kind", kind.name)?;
    j.string("severity", f.severity.name())?;
    j.string("state", f.state.name())?;
    j.integer("start_sample", f.start_sample)?;
    j.integer("end_sample", f.end_sample)?;
    j.number("start_s", f.start_sample as f64 / rate)?;
    j.number("end_s", f.end_sample as f64 / rate)?;
    if let Some(t) = f.t_ns {
        j.key("t_ns")?;
        write!(j.out, "{t}")?;
    }
    if let Some(chunk) = f.chunk {
        j.integer("chunk", u64::from(chunk))?;
    }
    if f.channel_mask != 0 {
        j.integer("channel_mask", u64::from(f.channel_mask))?;
    }
    j.number("value", f.value)?;
    j.number("threshold", f.threshold)?;
    j.string("unit", kind.unit.name())?;
    j.string("message", &message(f, rate as u32))?;
    j.close('}')
}

fn write_verdict(j: &mut Json<'_>, v: &Verdict) -> fmt::Result {
    let requirement = v.requirement;
    j.open('{')?;
    j.string("norm", v.norm.name)?;
    j.string("requirement", requirement.name)?;
    j.string("verdict", v.outcome.name())?;
    if let Some(field) = requirement.field {
        j.string("field", field)?;
    }
    j.numbers(&[
        ("value", v.value),
        ("target", requirement.target),
        ("min", requirement.min),
        ("max", requirement.max),
        ("off", v.off),
    ])?;
    j.string("unit", requirement.unit.name())?;
    if let Some(mono_as) = v.mono_as {
        j.string("mono_as", mono_as.name())?;
    }
    if !v.reason.is_empty() {
        j.string("reason", v.reason)?;
    }
    j.string("edition", v.norm.edition)?;
    j.close('}')
}

fn write_quality(j: &mut Json<'_>, q: &Quality, rate: f64) -> fmt::Result {
    j.key("quality")?;
    j.open('{')?;
    j.numbers(&[
        ("capped_mos", q.capped_mos),
        ("low_mos", q.low_mos),
        ("high_mos", q.high_mos),
        ("predicted_mos", q.predicted_mos),
        ("last_capped_mos", q.last_capped_mos),
    ])?;
    if !q.reason.is_empty() {
        j.string("reason", q.reason)?;
    }
    if let Some(limit) = q.cause() {
        j.string("cause", limit.cause.name)?;
    }
    j.key("limits")?;
    j.open('[')?;
    for limit in &q.limits {
        j.comma()?;
        j.open('{')?;
        j.string("cause", limit.cause.name)?;
        j.number("cap_mos", limit.cap_mos)?;
        j.number("lowers_mos", limit.lowers_mos)?;
        j.integer("findings", limit.findings)?;
        if let Some(worst) = &limit.worst {
            j.key("worst")?;
            write_finding(j, worst, rate)?;
        }
        j.close('}')?;
    }
    j.close(']')?;
    j.close('}')
}
