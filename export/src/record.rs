//! A report as one flat, versioned record: a JSON object on one line, made by walking over the report's fields. No metric is named here.
//!
//! Fields are only ever added. What changes its meaning or type gets a new name, and the schema's number in the topic's name rises.

use crate::id::ReportId;
use crate::names::{self, ATTRIBUTES, AUDIO_PREFIX, ENVELOPE, LABEL_PREFIX};
use otoscope::spec::{Unit, Value};
use otoscope::verdict::quality;
use otoscope::{Finding, Report, SPECS, specs_of};
use serde::ser::{SerializeMap, Serializer};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json, json};
use std::borrow::Cow;
use std::time::{Duration, SystemTime};

/// Name and version of the schema; also the name of the Kafka topic, with dots.
pub const SCHEMA: &str = "tts.report/1";

/// What identifies a record, wherever it is: in the spool it stands before the JSON, so that no sink has to parse anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    /// The report.
    pub id: ReportId,
    /// Rises when a report is sent again.
    pub rev: u32,
    /// When the stream ended, in milliseconds since 1970. It decides about days and partitions, never the time of sending.
    pub unix_ms: u64,
    /// CRC-32 of id, revision and the JSON without `digest32`.
    pub digest32: u32,
}

/// A record as a sink gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// Its number in the spool.
    pub seq: u64,
    /// What identifies it.
    pub envelope: Envelope,
    /// The JSON object, on one line without a line break.
    pub json: Vec<u8>,
}

/// What a record is made of.
pub(crate) struct Parts<'a> {
    pub id: ReportId,
    pub rev: u32,
    pub unix_ms: u64,
    pub report: &'a Report,
    pub findings: &'a [Finding],
    /// Of the service, then of the stream; the later wins.
    pub attributes: [&'a [(String, String)]; 2],
}

#[derive(Serialize)]
struct FlatFinding {
    metric: &'static str,
    kind: &'static str,
    severity: &'static str,
    start_s: f64,
    end_s: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threshold: Option<f64>,
    channel_mask: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    chunk: Option<u32>,
}

pub(crate) fn timestamp(unix_ms: u64) -> String {
    // Beyond the year 9999 there is no RFC 3339.
    let ms = unix_ms.min(253_402_300_799_999);
    humantime::format_rfc3339_millis(SystemTime::UNIX_EPOCH + Duration::from_millis(ms)).to_string()
}

fn finite(x: f64) -> Option<f64> {
    x.is_finite().then_some(x)
}

/// Writes the JSON of a record into `out`, which is cleared, and returns what identifies it. `key` is memory for names.
pub(crate) fn write(parts: &Parts<'_>, out: &mut Vec<u8>, key: &mut String) -> Envelope {
    out.clear();
    // Writing to memory fails for no value that is used here: keys are strings and numbers finite.
    let _ = write_body(parts, out, key);
    let mut digest = crc32fast::Hasher::new();
    digest.update(&parts.id.0);
    digest.update(&parts.rev.to_le_bytes());
    digest.update(out);
    let digest32 = digest.finalize();
    // The digest goes in as the first member, so that whoever checks it can cut it off again.
    let first = format!("{{\"digest32\":{digest32},");
    out.splice(0..1, first.bytes());
    Envelope { id: parts.id, rev: parts.rev, unix_ms: parts.unix_ms, digest32 }
}

fn write_body(parts: &Parts<'_>, out: &mut Vec<u8>, key: &mut String) -> serde_json::Result<()> {
    let report = parts.report;
    let mut serializer = serde_json::Serializer::new(out);
    let mut map = serializer.serialize_map(None)?;
    map.serialize_entry("schema", SCHEMA)?;
    map.serialize_entry("report_id", &parts.id.to_string())?;
    map.serialize_entry("rev", &parts.rev)?;
    map.serialize_entry("@timestamp", &timestamp(parts.unix_ms))?;
    // Given twice, the later counts: an object has each name once.
    let mut attributes: Vec<(&str, &str)> = Vec::new();
    for (name, value) in parts.attributes.into_iter().flatten() {
        match attributes.iter_mut().find(|(n, _)| n == name) {
            Some(known) => known.1 = value,
            None => attributes.push((name, value)),
        }
    }
    for (name, value) in attributes {
        if names::is_known(name) {
            map.serialize_entry(name, value)?;
        } else {
            map.serialize_entry(named(key, LABEL_PREFIX, &[name]), value)?;
        }
    }
    map.serialize_entry("tts.audio.sample_rate_hz", &report.stream.sample_rate_hz)?;
    map.serialize_entry("tts.audio.channels", &report.stream.channels)?;
    map.serialize_entry("tts.audio.samples", &report.samples)?;
    map.serialize_entry("tts.audio.duration_s", &report.duration_s())?;
    map.serialize_entry("tts.audio.is_final", &report.is_final)?;
    let mut result = Ok(());
    let mut undefined = Vec::new();
    report.visit(|metric, field, value| match value {
        Value::Undefined(_) => undefined.push((metric.name, field.name)),
        value => {
            if let (Some(x), Ok(())) = (value.number().and_then(finite), &result) {
                result = map.serialize_entry(named(key, AUDIO_PREFIX, &[metric.name, ".", field.name]), &x);
            }
        }
    });
    result?;
    for (metric, kind, count) in report.counts().filter(|(_, _, n)| *n > 0) {
        map.serialize_entry(named(key, AUDIO_PREFIX, &[metric.name, ".findings.", kind.name]), &count)?;
    }
    map.serialize_entry("tts.audio.findings", &report.finding_count())?;
    let unlisted = report.finding_count().saturating_sub(parts.findings.len() as u64);
    map.serialize_entry("tts.audio.findings_not_listed", &unlisted)?;
    if let Some(worst) = report.worst {
        map.serialize_entry("tts.audio.worst", worst.name())?;
    }
    if let Some(quality) = quality(report, parts.findings) {
        if let Some(capped) = quality.capped_mos {
            map.serialize_entry("tts.audio.quality.capped_mos", &capped)?;
        }
        if let Some(limit) = quality.cause() {
            map.serialize_entry("tts.audio.quality.cause", limit.cause.name)?;
        }
    }
    if !undefined.is_empty() {
        let all: Vec<String> = undefined.iter().map(|(metric, field)| format!("{metric}.{field}")).collect();
        map.serialize_entry("tts.audio.undefined", &all)?;
    }
    let rate = f64::from(report.stream.sample_rate_hz.max(1));
    let findings: Vec<FlatFinding> = parts.findings.iter().filter_map(|f| flat(f, rate)).collect();
    map.serialize_entry("findings", &findings)?;
    map.serialize_entry("otoscope.version", otoscope::VERSION)?;
    map.serialize_entry("otoscope.simd", report.simd.name())?;
    map.end()
}

fn named<'k>(key: &'k mut String, prefix: &str, parts: &[&str]) -> &'k str {
    key.clear();
    key.push_str(prefix);
    parts.iter().for_each(|part| key.push_str(part));
    key
}

fn flat(f: &Finding, rate: f64) -> Option<FlatFinding> {
    let (metric, kind) = specs_of(f)?;
    Some(FlatFinding {
        metric: metric.name,
        kind: kind.name,
        severity: f.severity.name(),
        start_s: f.start_sample as f64 / rate,
        end_s: f.end_sample as f64 / rate,
        value: finite(f.value),
        threshold: finite(f.threshold),
        channel_mask: f.channel_mask,
        chunk: f.chunk,
    })
}

/// What every record says of itself.
#[derive(Deserialize)]
struct Said<'a> {
    digest32: u32,
    #[serde(borrow)]
    report_id: Cow<'a, str>,
    rev: u32,
    #[serde(rename = "@timestamp", borrow)]
    time: Cow<'a, str>,
}

/// What identifies a record, read from its JSON and its digest computed anew: what a store has is whole if this is not `None`.
#[must_use]
pub fn envelope_of(json: &[u8]) -> Option<Envelope> {
    let said: Said<'_> = serde_json::from_slice(json).ok()?;
    let id = ReportId::parse(&said.report_id)?;
    let time = humantime::parse_rfc3339(&said.time).ok()?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
    let rest = json.strip_prefix(b"{\"digest32\":")?;
    let comma = rest.iter().position(|&b| b == b',')?;
    let mut digest = crc32fast::Hasher::new();
    digest.update(&id.0);
    digest.update(&said.rev.to_le_bytes());
    digest.update(b"{");
    digest.update(&rest[comma + 1..]);
    let envelope = Envelope { id, rev: said.rev, unix_ms: time.as_millis() as u64, digest32: digest.finalize() };
    (envelope.digest32 == said.digest32).then_some(envelope)
}

/// The record's JSON Schema (draft 2020-12), from the specs.
#[must_use]
pub fn json_schema() -> Json {
    let mut properties = Map::new();
    let mut add = |name: &str, kind: &str, doc: &str| {
        properties.insert(name.to_owned(), json!({ "type": kind, "description": doc }));
    };
    for attribute in ENVELOPE {
        let kind = if matches!(attribute.name, "rev" | "digest32") { "integer" } else { "string" };
        add(attribute.name, kind, attribute.doc);
    }
    for attribute in ATTRIBUTES {
        add(attribute.name, "string", attribute.doc);
    }
    add("tts.audio.sample_rate_hz", "integer", "Sample rate.");
    add("tts.audio.channels", "integer", "Channels.");
    add("tts.audio.samples", "integer", "Samples per channel.");
    add("tts.audio.duration_s", "number", "Duration.");
    add("tts.audio.is_final", "boolean", "Whether the stream had ended.");
    for metric in SPECS {
        for field in metric.fields {
            let unit = if field.unit == Unit::Count { String::new() } else { format!(" Unit: {}.", field.unit.name()) };
            let doc = format!("{}{unit} ({}, revision {})", field.doc, metric.definition, metric.revision);
            add(&format!("{AUDIO_PREFIX}{}.{}", metric.name, field.name), "number", &doc);
        }
        for kind in metric.kinds {
            let name = format!("{AUDIO_PREFIX}{}.findings.{}", metric.name, kind.name);
            add(&name, "integer", &format!("Findings of {} {}, if there were any.", metric.name, kind.name));
        }
    }
    add("tts.audio.findings", "integer", "Findings of all kinds.");
    add("tts.audio.findings_not_listed", "integer", "How many of them are counted but not in `findings`.");
    add("tts.audio.worst", "string", "The worst severity of any finding: info, warning or error.");
    let doc = "The predicted score (mos.predicted_mos) under the caps of what was found; where mos is on.";
    add("tts.audio.quality.capped_mos", "number", doc);
    add(
        "tts.audio.quality.cause",
        "string",
        "What lowers it most: hole, click, wrap and the like; absent if nothing does.",
    );
    add("otoscope.version", "string", "The library that measured.");
    add("otoscope.simd", "string", "The instruction set it used.");
    let finding = json!({
        "metric": { "type": "string" }, "kind": { "type": "string" }, "severity": { "type": "string" },
        "start_s": { "type": "number", "description": "From the start of the stream, in seconds." },
        "end_s": { "type": "number" },
        "value": { "type": "number", "description": "In the unit of the kind: see the metric's page." },
        "threshold": { "type": "number" },
        "channel_mask": { "type": "integer" },
        "chunk": { "type": "integer", "description": "Which chunk of the engine, from 0." },
    });
    properties.insert(
        "findings".to_owned(),
        json!({ "type": "array", "items": { "type": "object", "properties": finding }, "description": "What was found, in order of its start." }),
    );
    properties.insert(
        "tts.audio.undefined".to_owned(),
        json!({ "type": "array", "items": { "type": "string" }, "description": "Fields that were measured but have no number." }),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": SCHEMA,
        "description": "One finished report of Otoscope. Fields are only ever added; labels of the caller begin with `labels.`.",
        "type": "object",
        "properties": properties,
        "required": ["schema", "report_id", "rev", "digest32", "@timestamp", "findings"],
        "additionalProperties": true,
    })
}
