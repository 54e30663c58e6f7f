//! What a record is: its names, its digest, its schema, and that old readers can read new records.

mod common;

use common::heard;
use otoscope_export::{
    ATTRIBUTES, PumpOptions, Reader, SCHEMA, Spool, SpoolOptions, Submission, envelope_of, json_schema, to_ecs,
};
use serde_json::{Map, Value};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// One record, as a sink gets it.
fn record(attributes: &[(&str, &str)]) -> (otoscope_export::Record, otoscope::Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = SpoolOptions::default();
    options.attributes =
        [("service.name", "demo"), ("host.name", "a")].map(|(n, v)| (n.to_owned(), v.to_owned())).into();
    let spool = Spool::open(folder.path(), options).expect("it opens");
    let (report, findings) = heard();
    let submission = Submission { report: &report, findings: &findings, unix_ms: 1_700_000_000_123, attributes };
    spool.handle().try_push(submission).expect("room");
    assert_eq!(spool.handle().flush(Duration::from_secs(10)).expect("a good disk"), 1);
    let disk = otoscope_export::Disk::new(spool.folder()).expect("there");
    let mut batch = Reader::new(disk, 1).next_batch(9, usize::MAX).expect("readable");
    assert_eq!((batch.len(), PumpOptions::default().batch > 0), (1, true));
    (batch.remove(0), report)
}

fn object(json: &[u8]) -> Map<String, Value> {
    serde_json::from_slice(json).expect("an object")
}

#[test]
fn a_record_is_flat_and_has_every_field_that_has_a_number() {
    let (record, report) = record(&[("gen_ai.speech.voice", "anna"), ("host.name", "b"), ("tier", "\"gold\"\n")]);
    let json = object(&record.json);
    assert_eq!(json["schema"], SCHEMA);
    assert_eq!(json["report_id"], record.envelope.id.to_string());
    assert_eq!((&json["@timestamp"], record.envelope.unix_ms), (&"2023-11-14T22:13:20.123Z".into(), 1_700_000_000_123));
    assert_eq!((&json["service.name"], &json["host.name"]), (&"demo".into(), &"b".into()), "the stream's counts");
    assert_eq!((&json["gen_ai.speech.voice"], &json["labels.tier"]), (&"anna".into(), &"\"gold\"\n".into()));
    assert!(!record.json.contains(&b'\n'), "one line");
    let mut undefined = 0;
    report.visit(|metric, field, value| {
        let name = format!("tts.audio.{}.{}", metric.name, field.name);
        let (got, wanted) = (json.get(&name).and_then(Value::as_f64), value.number());
        assert_eq!(got.is_some(), wanted.is_some(), "{name}");
        // serde_json reads a number to the last bit but one.
        let near =
            got.zip(wanted).is_none_or(|(got, wanted)| (got - wanted).abs() <= 4.0 * f64::EPSILON * wanted.abs());
        assert!(near, "{name}: {got:?} {wanted:?}");
        undefined += usize::from(matches!(value, otoscope::spec::Value::Undefined(_)));
    });
    assert_eq!(json["tts.audio.undefined"].as_array().map_or(0, Vec::len), undefined);
    let findings = json["findings"].as_array().expect("a list");
    assert!(findings.len() >= 3 && findings.iter().any(|f| f["metric"] == "dropout" && f["kind"] == "hole"));
    assert_eq!(json["tts.audio.findings"], report.finding_count());
    assert_eq!(json["tts.audio.dropout.findings.hole"], 1);
    assert_eq!(json["tts.audio.worst"], "error");
    assert!(json.values().all(|v| !v.is_object()), "nothing nested but the list of findings");
}

#[test]
fn the_digest_is_of_id_revision_and_content() {
    let (record, _) = record(&[]);
    let json = object(&record.json);
    assert_eq!(json["digest32"], record.envelope.digest32);
    assert_eq!(envelope_of(&record.json), Some(record.envelope));
    let text = String::from_utf8(record.json).expect("UTF-8");
    for (from, to) in
        [("\"rev\":0", "\"rev\":1"), ("demo", "dema"), ("\"tts.audio.channels\":1", "\"tts.audio.channels\":2")]
    {
        let changed = text.replace(from, to);
        assert_ne!(changed, text);
        assert_eq!(envelope_of(changed.as_bytes()), None, "{from}");
    }
    assert_eq!(envelope_of(b"{}"), None);
}

fn schemas() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("schemas")
}

/// What of a record a reader of a schema would stumble over.
fn problems(schema: &Value, json: &Map<String, Value>) -> Vec<String> {
    let known = schema["properties"].as_object().expect("properties");
    let required = schema["required"].as_array().expect("a list").iter().filter_map(Value::as_str);
    let missing = required.filter(|name| !json.contains_key(*name)).map(|name| format!("{name} is missing"));
    let wrong = json.iter().filter_map(|(name, value)| {
        let wanted = known.get(name)?["type"].as_str()?;
        let right = match wanted {
            "string" => value.is_string(),
            "integer" => value.is_u64() || value.is_i64(),
            "number" => value.is_number(),
            "boolean" => value.is_boolean(),
            "array" => value.is_array(),
            _ => false,
        };
        (!right).then(|| format!("{name} is {value}, not {wanted}"))
    });
    missing.chain(wrong).collect()
}

#[test]
fn every_field_of_a_record_is_in_the_schema_and_the_committed_one_is_current() {
    let schema = json_schema();
    let (record, _) = record(&[("gen_ai.speech.voice", "anna"), ("tier", "gold")]);
    let json = object(&record.json);
    let known = schema["properties"].as_object().expect("properties");
    let unknown: Vec<&String> =
        json.keys().filter(|name| !known.contains_key(*name) && !name.starts_with("labels.")).collect();
    assert!(unknown.is_empty(), "{unknown:?}");
    assert_eq!(problems(&schema, &json), [""; 0]);
    let path = schemas().join("tts.report.v1.json");
    let text = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&path, &text).expect("writable");
    }
    // Compared as values: whether names are sorted is decided by who else uses serde_json in the build.
    let committed: Value =
        serde_json::from_str(&std::fs::read_to_string(&path).unwrap_or_default()).unwrap_or_default();
    assert!(
        committed == schema,
        "{} is old: UPDATE_SCHEMA=1 cargo test -p otoscope-export --test record",
        path.display()
    );
}

#[test]
fn readers_of_every_released_schema_can_read_a_new_record() {
    let (record, _) = record(&[("gen_ai.speech.voice", "anna")]);
    let json = object(&record.json);
    let now = json_schema();
    let mut read = 0;
    for entry in std::fs::read_dir(schemas().join("released")).expect("the folder") {
        let path = entry.expect("readable").path();
        let old: Value = serde_json::from_str(&std::fs::read_to_string(&path).expect("readable")).expect("JSON");
        assert_eq!(problems(&old, &json), [""; 0], "{}", path.display());
        for (name, about) in old["properties"].as_object().expect("properties") {
            assert_eq!(
                now["properties"][name]["type"],
                about["type"],
                "{name} may not go or change: {}",
                path.display()
            );
        }
        read += 1;
    }
    assert!(read > 0, "at least the first");
    // The check itself sees what would break a reader.
    let mut broken = json.clone();
    broken.insert("tts.audio.channels".to_owned(), "one".into());
    broken.remove("rev");
    assert_eq!(problems(&now, &broken).len(), 2);
}

#[test]
fn no_name_is_the_beginning_of_another_for_stores_that_take_dots_apart() {
    let schema = json_schema();
    let names: Vec<&String> = schema["properties"].as_object().expect("properties").keys().collect();
    for name in &names {
        let inside = format!("{name}.");
        assert!(!names.iter().any(|other| other.starts_with(&inside)), "{name} would be a value and an object");
    }
}

#[test]
fn names_are_unique_also_in_ecs() {
    let names: BTreeSet<&str> = ATTRIBUTES.iter().map(|a| a.name).collect();
    let mapped: BTreeSet<&str> = ATTRIBUTES.iter().map(|a| to_ecs(a.name)).collect();
    assert_eq!((names.len(), mapped.len()), (ATTRIBUTES.len(), ATTRIBUTES.len()));
    assert_eq!([to_ecs("report_id"), to_ecs("tts.audio.samples")], ["event.id", "tts.audio.samples"]);
}
