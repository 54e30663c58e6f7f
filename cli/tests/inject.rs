//! `otoscope inject` and `otoscope metrics`; and that `probe` finds what `inject` did.

mod common;

use common::{Folder, otoscope, speech};
use serde_json::Value;

/// Injects a fault into a clip and probes the result; gives the truth and the findings.
fn round(folder: &Folder, fault: &str, clip: &str, more: &[&str]) -> (Value, Vec<Value>) {
    let out = folder.path(&format!("{fault}.wav"));
    let ran = otoscope(&[&["inject", fault, &speech(clip), &out], more].concat());
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{fault}");
    let file = |ending: &str| out.replace(".wav", ending);
    let truth: Value =
        serde_json::from_str(&std::fs::read_to_string(file(".truth.json")).expect("a truth")).expect("JSON");
    assert_eq!(truth["schema"], "otoscope.truth/1");
    let chunks = file(".chunks.csv");
    let mut args = vec!["probe", out.as_str(), "--json"];
    if std::path::Path::new(&chunks).exists() {
        args.extend(["--chunks", &chunks]);
    }
    let report = otoscope(&args).json();
    (truth, report["findings"].as_array().expect("a list").clone())
}

#[test]
fn probe_finds_what_inject_did_within_20_ms() {
    let cases = [
        ("nan", "validity.not_finite", "en_piper_joe_1", &[][..]),
        ("inf", "validity.not_finite", "it_human", &["--seed", "5"]),
        ("nan_chunk", "validity.not_finite", "en_flite_slt", &[]),
        ("gap", "dropout.hole", "en_flite_slt", &["--severity", "60"]),
        ("clip", "clipping.rail", "en_flite_slt", &["--severity", "6", "--gain-db", "-3"]),
        ("clip_scale", "clipping.plateau", "en_piper_joe_1", &[]),
        ("join_step", "join.step", "en_piper_joe_1", &["--severity", "0.05", "--chunk-ms", "120"]),
        ("join_click", "join.click", "ja_kokoro_alpha", &["--seed", "2"]),
        ("late_chunk", "continuity.stall", "en_flite_slt", &["--severity", "500"]),
        ("dc_step", "dc_offset.offset", "en_piper_joe_1", &["--severity", "0.05", "--gain-db", "-3"]),
    ];
    for (fault, kind, clip, more) in cases {
        let folder = Folder::new();
        let (truth, findings) = round(&folder, fault, clip, more);
        let place = &truth["faults"][0];
        let at = |value: &Value| value.as_f64().expect("a number");
        let (start, end) = (at(&place["start_s"]) - 0.02, at(&place["end_s"]) + 0.02);
        let hit = findings.iter().find(|f| {
            let name = format!("{}.{}", f["metric"].as_str().unwrap_or(""), f["kind"].as_str().unwrap_or(""));
            name == kind && (start..=end).contains(&at(&f["start_s"]))
        });
        assert!(hit.is_some(), "{fault}: {kind} at {start:.3}..{end:.3} not in {findings:?}");
    }
}

#[test]
fn a_second_of_silence_is_found_around_the_place() {
    let folder = Folder::new();
    let (truth, findings) = round(&folder, "silence", "en_piper_joe_1", &["--severity", "2"]);
    let (start, end) = (truth["faults"][0]["start_s"].as_f64(), truth["faults"][0]["end_s"].as_f64());
    // The pause it was put into is part of it.
    let found =
        findings.iter().any(|f| f["kind"] == "inner" && f["start_s"].as_f64() <= start && f["end_s"].as_f64() >= end);
    assert!(found, "{findings:?}");
}

#[test]
fn the_same_call_writes_the_same_bytes_and_16_bits_stay_16_bits() {
    let folder = Folder::new();
    let bytes = |name: &str, fault: &str, seed: &str| {
        let out = folder.path(name);
        let ran = otoscope(&["inject", fault, &speech("en_flite_kal"), &out, "--seed", seed]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        std::fs::read(out).expect("written")
    };
    let gap = bytes("a.wav", "gap", "1");
    assert!(gap == bytes("b.wav", "gap", "1") && gap != bytes("c.wav", "gap", "2"));
    let bits = |wav: &[u8]| hound::WavReader::new(wav).expect("WAV").spec().bits_per_sample;
    assert_eq!([bits(&gap), bits(&bytes("d.wav", "nan", "1"))], [16, 32]);
}

#[test]
fn several_channels_are_mixed_with_a_word_about_it() {
    let folder = Folder::new();
    let tone = common::sine(16_000, 2.0);
    let stereo: Vec<i16> = tone.iter().flat_map(|&s| [s, s]).collect();
    let input = folder.wav("in.wav", 16_000, 2, &stereo);
    let out = folder.path("out.wav");
    let truth = folder.path("t.json");
    let ran = otoscope(&["inject", "silence_tail", &input, &out, "--severity", "0.5", "--truth", &truth]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("2 channels were mixed to one"), "{}", ran.err);
    let wav = hound::WavReader::open(&out).expect("WAV");
    assert_eq!((wav.spec().channels, wav.duration()), (1, 40_000));
    assert!(
        std::fs::exists(truth).expect("a folder") && !std::fs::exists(folder.path("out.truth.json")).expect("a folder")
    );
}

#[test]
fn what_cannot_be_injected_is_refused_with_advice_and_nothing_is_written() {
    let folder = Folder::new();
    let (input, out) = (speech("en_flite_slt"), folder.path("out.wav"));
    let wrong = |args: &[&str]| {
        let ran = otoscope(&[&["inject"], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}");
        assert!(!std::fs::exists(&out).expect("a folder"), "{args:?}");
        ran.error_line().to_owned()
    };
    assert!(wrong(&["gapp", &input, &out]).contains("--list"));
    assert!(wrong(&["gap", &input, &out, "--severity", "-3"]).contains("try 5, 10, 20, 60, 100, 200 ms"));
    assert!(wrong(&["gap", &folder.path("none.wav"), &out]).contains("no such file"));
    assert!(wrong(&["gap", &input, &folder.path("out.mp3")]).contains(".wav"));
    assert!(wrong(&["join_step", &input, &out, "--chunk-ms", "0"]).contains("--chunk-ms"));
    let silent = folder.wav("s.wav", 16_000, 1, &[0; 16_000]);
    assert!(wrong(&["gap", &silent, &out]).contains("speech"));
    assert!(wrong(&["nan", &silent, &silent]).contains("recording itself"));
    // Loud on both sides: an offset of either sign has no room.
    let loud: Vec<i16> = (0..16_000).map(|i| if i / 20 % 2 == 0 { 32_000 } else { -32_000 }).collect();
    let loud = folder.wav("loud.wav", 16_000, 1, &loud);
    assert!(wrong(&["dc_step", &loud, &out, "--severity", "0.05"]).contains("--gain-db -"));
    assert_eq!(otoscope(&["inject", "gap", &input]).code, 2);
}

#[test]
fn the_list_of_faults_is_complete() {
    let ran = otoscope(&["inject", "--list"]);
    assert_eq!(ran.code, 0);
    for spec in otoscope_fixtures::faults::catalogue() {
        assert!(ran.out.contains(spec.name) && ran.out.contains(spec.doc), "{}", spec.name);
    }
}

#[test]
fn the_catalogue_tells_all_about_every_metric() {
    let list = otoscope(&["metrics"]);
    let json = otoscope(&["metrics", "--json"]).json();
    let (metrics, scores) = (otoscope::SPECS, otoscope::compare::SCORES);
    assert_eq!(json.as_array().map(Vec::len), Some(metrics.len() + scores.len()));
    for (spec, object) in scores.iter().zip(&json.as_array().expect("an array")[metrics.len()..]) {
        assert!(list.out.contains(spec.name) && list.out.contains(spec.summary));
        assert_eq!((&object["name"], &object["type"]), (&spec.name.into(), &"score".into()));
        let page = otoscope(&["metrics", spec.name]).out;
        let presets = spec.presets.iter().flat_map(|p| [p.name, p.definition, p.doc]);
        let columns = spec.tables.iter().flat_map(|t| t.columns).chain(spec.fields).map(|f| f.doc);
        for text in presets.chain(columns) {
            assert!(page.contains(text), "{}: {text}", spec.name);
        }
        assert_eq!(otoscope(&["metrics", spec.name, "--json"]).json(), *object);
    }
    for (spec, object) in otoscope::SPECS.iter().zip(json.as_array().expect("an array")) {
        assert!(list.out.contains(spec.name) && list.out.contains(spec.summary));
        assert_eq!(object["name"], spec.name);
        let page = otoscope(&["metrics", spec.name]).out;
        assert!(page.contains(spec.definition));
        let params = spec.params.iter().map(|p| p.doc);
        let fields = spec.fields.iter().map(|f| f.doc);
        let kinds = spec.kinds.iter().map(|k| k.message);
        for text in params.chain(fields).chain(kinds) {
            assert!(page.contains(text), "{}: {text}", spec.name);
        }
        assert_eq!(otoscope(&["metrics", spec.name, "--json"]).json(), *object);
    }
    let ran = otoscope(&["metrics", "clippng"]);
    assert_eq!(ran.code, 2);
    assert!(ran.error_line().contains("did you mean `clipping`?"));
}

#[test]
fn help_and_version_are_there() {
    for args in [&["--help"][..], &["probe", "--help"], &["listen", "--help"], &["metrics", "-h"], &["inject", "-h"]] {
        let ran = otoscope(args);
        assert!(ran.code == 0 && ran.out.contains("Usage: otoscope"), "{args:?}");
    }
    assert_eq!(otoscope(&["--version"]).out, format!("otoscope {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(otoscope(&[]).code, 2);
}
