//! One file or one pair, made ready for the page by whichever thread measured it.

use std::borrow::Cow;
use std::collections::BTreeMap;

use otoscope::compare::{Comparison, ComparisonMeta, Samples};
use otoscope::verdict::{Outcome, Quality, Verdict, quality};
use otoscope::{Finding, Pcm, Report, Severity, StreamMeta, StreamSpec, specs_of};
use serde_json::{Map, Value, json};

use crate::clips::{Audio, Clip, Clips, Place};
use crate::pack::Pack;
use crate::recorder::{Detail, Recorder, Trace};

/// Findings of one file in the page: the worst of them. The counts are of all.
const MOST_FINDINGS: usize = 2000;
/// Findings marked in one line of the overview.
const MOST_MARKS: usize = 48;
/// Columns of a waveform in one line of the overview.
const STRIP: usize = 160;

/// One line of the overview and what opens behind it.
pub struct Entry {
    /// The line, without its clips.
    pub(crate) row: Map<String, Value>,
    /// The pack of everything else; none if there is nothing to open.
    pub(crate) detail: Option<String>,
    pub(crate) clips: Vec<(&'static str, u32, Clip)>,
}

/// What is known of one file beside its report.
#[derive(Debug, Clone, Copy)]
pub struct About<'a> {
    /// Name, labels and ids.
    pub meta: &'a StreamMeta,
    /// How the file is written, in words.
    pub format: &'a str,
    /// What the decoder had to leave out.
    pub warnings: &'a [String],
}

/// A number with six digits: more than anybody reads, and half as long.
fn brief(x: f64) -> Value {
    format!("{x:.5e}").parse::<f64>().map_or(Value::Null, |x| json!(x))
}

fn row(name: Option<&String>, labels: &[(String, String)]) -> Map<String, Value> {
    let labels: Map<String, Value> = labels.iter().map(|(k, v)| (k.clone(), json!(v))).collect();
    let mut row = Map::new();
    row.insert("name".to_owned(), json!(name.map_or("", String::as_str)));
    row.insert("labels".to_owned(), labels.into());
    row
}

/// The worst findings, at most so many, in order of time.
fn worst_of(findings: &[Finding], most: usize) -> Cow<'_, [Finding]> {
    if findings.len() <= most {
        return findings.into();
    }
    let mut kept = findings.to_vec();
    kept.sort_by_key(|f| (std::cmp::Reverse(f.severity), f.start_sample));
    kept.truncate(most);
    kept.sort_by_key(|f| (f.start_sample, f.event_id));
    kept.into()
}

/// The predicted score under its caps, of all findings: the page lists some of them only.
fn told(q: &Quality, report: &Report) -> Value {
    let limits = q.limits.iter().filter(|limit| limit.lowers_mos > 0.0).map(|limit| {
        let rate = f64::from(report.stream.sample_rate_hz);
        let place = limit.worst.and_then(|f| {
            let (metric, kind) = specs_of(&f)?;
            Some(json!([format!("{}.{}", metric.name, kind.name), f.start_sample as f64 / rate]))
        });
        json!({ "cause": limit.cause.name, "cap": limit.cap_mos, "place": place })
    });
    json!({
        "capped": q.capped_mos, "predicted": q.predicted_mos, "low": q.low_mos, "high": q.high_mos,
        "reason": q.reason, "limits": limits.collect::<Vec<_>>(),
    })
}

impl Entry {
    /// A file that was measured. `verdicts` are of the norms that were asked for.
    #[must_use]
    pub fn of_report(
        about: About<'_>,
        report: &Report,
        findings: &[Finding],
        verdicts: &[Verdict],
        trace: &Trace,
        clips: Clips,
    ) -> Self {
        let length = report.samples.max(1) as f64;
        let mut row = row(about.meta.source.as_ref(), &about.meta.labels);
        let mut add = |key: &str, value: Value| row.insert(key.to_owned(), value);
        add("duration", brief(report.duration_s()));
        add("worst", json!(report.worst.map_or(0, |s| s as u8)));
        add("warnings", json!(about.warnings.len()));
        let mut severities: BTreeMap<(u16, u16), Severity> = BTreeMap::new();
        let mut tally = [0_u32; 3];
        for f in findings {
            let worst = severities.entry((f.metric_id, f.kind)).or_insert(f.severity);
            *worst = (*worst).max(f.severity);
            tally[f.severity as usize - 1] += 1;
        }
        let kinds = report.counts().filter(|(_, _, n)| *n > 0).map(|(metric, kind, n)| {
            let worst = severities.get(&(metric.id, kind.id)).map_or(0, |s| *s as u8);
            json!([format!("{}.{}", metric.name, kind.name), n, worst])
        });
        add("kinds", kinds.collect());
        add("tally", json!(tally));
        let mut values = Vec::new();
        report.visit(|_, _, value| values.push(value.number().map_or(Value::Null, brief)));
        add("values", values.into());
        let mut norms: Map<String, Value> = Map::new();
        for v in verdicts {
            let worst = match v.outcome {
                Outcome::Pass => 0,
                Outcome::Fail => 2,
                _ => 1,
            };
            let old = norms.get(v.norm.name).and_then(Value::as_u64).unwrap_or_default();
            norms.insert(v.norm.name.to_owned(), json!(worst.max(old)));
        }
        add("norms", norms.into());
        add("strip", json!(trace.strip(STRIP)));
        let part = |sample: u64| brief(sample as f64 / length);
        let marks = worst_of(findings, MOST_MARKS);
        let marks = marks.iter().map(|f| json!([part(f.start_sample), part(f.end_sample), f.severity as u8]));
        add("marks", marks.collect());

        let kept = worst_of(findings, MOST_FINDINGS);
        let mut pack = Pack::default();
        let rest = json!({
            "format": about.format,
            "warnings": about.warnings,
            "left_out": findings.len() - kept.len(),
            "traces": { "": trace.pack(&mut pack) },
            "quality": quality(report, findings).map(|q| told(&q, report)),
        });
        let json = format!("{{\"report\":{},\"rest\":{rest}}}", report.to_json_with(about.meta, &kept, verdicts));
        let rate = report.stream.sample_rate_hz;
        let clips = clips.finish().into_iter().map(|clip| ("", rate, clip)).collect();
        Self { row, detail: Some(pack.finish(&json)), clips }
    }

    /// A file or pair that could not be read, and why.
    #[must_use]
    pub fn of_problem(name: &str, labels: &[(String, String)], problem: &str) -> Self {
        let mut row = row(Some(&name.to_owned()), labels);
        // The line begins with the name already.
        let problem = problem.strip_prefix(name).unwrap_or(problem).trim_start_matches([':', ' ']);
        row.insert("problem".to_owned(), json!(problem));
        Self { row, detail: None, clips: Vec::new() }
    }

    /// A pair that was compared, with its samples at their own rates. For a curve over time the plan must make its rows for each frame
    /// (`Config::frames`).
    #[must_use]
    pub fn of_comparison(
        meta: &ComparisonMeta,
        formats: [&str; 2],
        result: &Comparison,
        samples: [&Samples<'_>; 2],
        detail: Detail,
        audio: Audio,
    ) -> Self {
        let mut row = row(meta.degraded.as_ref(), &meta.labels);
        row.insert("reference".to_owned(), json!(meta.reference));
        row.insert("duration".to_owned(), brief(result.degraded.duration_s()));
        let values = result.scores.iter().map(|s| s.value().map_or(Value::Null, brief));
        row.insert("values".to_owned(), values.collect());
        let states = result.scores.iter().map(|s| json!([s.status(), s.warnings.len()]));
        row.insert("states".to_owned(), states.collect());

        let places = places(result);
        let mut pack = Pack::default();
        let mut traces = Map::new();
        let mut clips = Vec::new();
        let signals = [("reference", result.reference), ("degraded", result.degraded)];
        for ((side, signal), samples) in signals.into_iter().zip(samples) {
            let stream = StreamSpec::mono(signal.sample_rate_hz);
            let mut recorder = Recorder::new(stream, detail);
            let here = |s: f64| (s.max(0.0) * f64::from(signal.sample_rate_hz)) as u64;
            let around =
                places.iter().map(|&(start, end)| Place { range: here(start)..here(end), severity: Severity::Info });
            let mut wanted = Clips::around(stream, signal.samples, around.collect(), audio);
            let mut both = |pcm: Pcm<'_>| {
                recorder.push(pcm);
                wanted.push(pcm);
            };
            match samples {
                Samples::I16(x) => both(Pcm::I16(x)),
                Samples::F32(x) => both(Pcm::F32(x)),
                Samples::F64(x) => {
                    for block in x.chunks(4096) {
                        let single: Vec<f32> = block.iter().map(|&v| v as f32).collect();
                        both(Pcm::F32(&single));
                    }
                }
                _ => {}
            }
            let trace = recorder.finish();
            if side == "degraded" {
                row.insert("strip".to_owned(), json!(trace.strip(STRIP)));
                let length = signal.duration_s().max(1e-9);
                let marks = places.iter().map(|(start, end)| json!([brief(start / length), brief(end / length), 2]));
                row.insert("marks".to_owned(), marks.collect());
            }
            traces.insert(side.to_owned(), trace.pack(&mut pack));
            clips.extend(wanted.finish().into_iter().map(|clip| (side, signal.sample_rate_hz, clip)));
        }
        let scores =
            result.scores.iter().map(|s| json!({ "key": s.key, "score": s.spec.name, "preset": s.preset.name }));
        let scores: Vec<Value> = scores.collect();
        let rest = json!({
            "formats": formats,
            "places": places.iter().map(|(start, end)| json!([start, end])).collect::<Vec<Value>>(),
            "scores": scores,
            "traces": traces,
        });
        let json = format!("{{\"comparison\":{},\"rest\":{rest}}}", result.to_json(meta));
        Self { row, detail: Some(pack.finish(&json)), clips }
    }
}

/// Peaks shown of a curve over time.
const PEAKS: usize = 5;
/// Two peaks are so far apart.
const APART_S: f64 = 1.0;
/// A peak lower than this share of the highest is none.
const LEAST_SHARE: f64 = 0.25;

/// Where the pair differs most, in seconds of the reference: the peaks of the first curve over time that any score came with.
fn places(result: &Comparison) -> Vec<(f64, f64)> {
    let curve = result.scores.iter().flat_map(|s| &s.tables).find(|t| t.spec.on_request && t.spec.columns.len() >= 2);
    let Some(table) = curve else { return Vec::new() };
    let mut rows: Vec<(f64, f64)> = table.rows().map(|row| (row[0], row[1])).collect();
    rows.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.total_cmp(&b.0)));
    let least = rows.first().map_or(0.0, |(_, most)| most * LEAST_SHARE);
    let mut kept: Vec<f64> = Vec::new();
    for (at, value) in rows {
        if kept.len() < PEAKS && value > 0.0 && value >= least && kept.iter().all(|k| (k - at).abs() >= APART_S) {
            kept.push(at);
        }
    }
    kept.sort_by(f64::total_cmp);
    kept.into_iter().map(|at| (at, at + 0.032)).collect()
}
