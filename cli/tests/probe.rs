//! `otoscope probe` as its callers see it: output, exit codes, errors.

mod common;

use common::{Folder, clipped, command, otoscope, otoscope_with, sine, speech};
use std::io::{BufRead, BufReader};
use std::process::Stdio;

#[test]
fn json_of_one_file_is_one_object_with_the_keys_of_the_contract() {
    let folder = Folder::new();
    let path = folder.wav("a.wav", 24_000, 1, &clipped(24_000));
    let ran = otoscope(&["probe", &path, "--json", "--label", "voice=x", "--label", "build=a=b"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    assert_eq!(ran.out.matches('\n').count(), 1, "one line");
    let report = ran.json();
    assert_eq!(report["schema"], "otoscope.report/1");
    let id: uuid::Uuid = report["report_id"].as_str().expect("a text").parse().expect("a UUID");
    assert_eq!(id.get_version_num(), 7);
    assert_eq!(report["rev"], 0);
    assert_eq!(report["source"]["name"], path.as_str());
    assert_eq!(report["labels"], serde_json::json!({ "voice": "x", "build": "a=b" }));
    let stream = serde_json::json!({ "sample_rate_hz": 24_000, "channels": 1, "samples": 24_000, "duration_s": 1 });
    assert_eq!(report["stream"], stream);
    assert!(report["metrics"]["loudness"]["integrated_lufs"].is_number());
    assert!(report["undefined"]["loudness.range_lu"].is_string());
    assert!(report.get("started_at").is_none(), "when a file was decoded means nothing");
    assert!(report["provenance"]["simd"].is_string() && report["provenance"]["revisions"]["loudness"].is_number());
    let finding = report["findings"].as_array().expect("a list").iter().find(|f| f["metric"] == "clipping");
    let finding = finding.expect("the clipping");
    assert_eq!((&finding["kind"], &finding["severity"]), (&"rail".into(), &"error".into()));
    assert_eq!((&finding["start_sample"], &finding["end_sample"]), (&12_000.into(), &12_040.into()));
    for key in ["start_s", "end_s", "value", "threshold", "unit", "message"] {
        assert!(!finding[key].is_null(), "{key}");
    }
}

#[test]
fn what_is_off_by_default_can_be_asked_for_and_has_a_column() {
    let fixture = |name| format!("{}/../fixtures/speech/{name}.flac", env!("CARGO_MANIFEST_DIR"));
    let [clip, other] = ["it_human", "ru_human"].map(fixture);
    let usual = otoscope(&["probe", &clip, &other]);
    let asked = otoscope(&["probe", "--metrics", "+mos", &clip, &other]);
    assert!(!usual.out.contains("predicted_mos") && asked.out.contains("predicted_mos"), "{}", asked.out);
    assert!(asked.out.contains("LUFS"), "beside the rest: {}", asked.out);
    let row = asked.out.lines().find(|line| line.contains("it_human")).expect("a row");
    let score = row.split_whitespace().filter_map(|word| word.parse::<f64>().ok()).find(|v| (1.0..=5.0).contains(v));
    assert!(score.is_some_and(|score| score > 3.0), "{row}");
}

#[test]
fn several_paths_or_a_folder_are_an_array_in_order() {
    let folder = Folder::new();
    let names = ["b.wav", "a.wav", "sub/c.wav", "notes.txt", ".hidden.wav"];
    let paths = names.map(|name| folder.wav(name, 16_000, 1, &sine(16_000, 0.2)));
    let sources = |args: &[&str]| -> Vec<String> {
        let ran = otoscope(args);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let reports = ran.json();
        let reports = reports.as_array().expect("an array");
        reports.iter().map(|r| r["source"]["name"].as_str().expect("a name").to_owned()).collect()
    };
    assert_eq!(sources(&["probe", "--json", &paths[0], &paths[1]]), paths[..2]);
    let sorted = [&paths[1], &paths[0], &paths[2]].map(String::clone);
    assert_eq!(sources(&["probe", "--json", &folder.path("")]).len(), 3);
    for jobs in ["1", "7"] {
        let root = folder.path("").trim_end_matches('/').to_owned();
        assert_eq!(sources(&["probe", "--json", "--jobs", jobs, &root]), sorted, "sorted, without hidden files");
    }
}

#[test]
fn ndjson_is_one_report_a_line_and_equal_but_for_the_id_whatever_the_threads() {
    let clips = ["en_flite_kal", "en_piper_joe_1", "ja_kokoro_alpha"].map(speech);
    let run = |jobs: &str| {
        let ran = otoscope(&["probe", "--ndjson", "--jobs", jobs, &clips[0], &clips[1], &clips[2]]);
        assert_eq!(ran.code, 0, "{}", ran.err);
        let lines: Vec<String> = ran
            .out
            .lines()
            .map(|line| {
                let mut report: serde_json::Value = serde_json::from_str(line).expect("JSON");
                report["report_id"].take();
                report.to_string()
            })
            .collect();
        lines
    };
    let one = run("1");
    assert_eq!(one.len(), 3);
    assert_eq!(one, run("3"));
}

#[test]
fn an_unreadable_file_is_told_and_the_others_are_still_done() {
    let folder = Folder::new();
    let good = folder.wav("good.wav", 16_000, 1, &sine(16_000, 0.5));
    let text = folder.write("text.wav", "no audio at all, an error message of a server");
    let missing = folder.path("missing.wav");
    let ran = otoscope(&["probe", "--json", &missing, &good, &text]);
    assert_eq!(ran.code, 2);
    assert_eq!(ran.json().as_array().map(Vec::len), Some(1));
    let lines: Vec<&str> = ran.err.lines().collect();
    assert_eq!(lines.len(), 2, "{}", ran.err);
    assert_eq!(lines[0], format!("otoscope: {missing}: no such file or folder; check the path"));
    assert!(lines[1].starts_with(&format!("otoscope: {text}: not a known audio format")), "{}", lines[1]);

    let ran = otoscope(&["probe", &missing, &good]);
    assert_eq!(ran.code, 2);
    assert!(ran.out.contains("unreadable") && ran.out.contains("0.50 s"), "{}", ran.out);

    let ran = otoscope(&["probe", "--json", &missing]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""), "no report, no output");
    let ran = otoscope(&["probe", "--json", &missing, &text]);
    assert_eq!(ran.json(), serde_json::json!([]), "still an array");

    std::fs::create_dir(folder.path("empty")).expect("a folder");
    let ran = otoscope(&["probe", &folder.path("empty")]);
    assert_eq!(ran.code, 2);
    assert!(ran.error_line().contains("no audio files in it"));
}

#[test]
fn findings_change_the_exit_code_only_if_asked() {
    let folder = Folder::new();
    let mut offset = sine(16_000, 2.0);
    offset.iter_mut().for_each(|s| *s += 300);
    let (info, error) = (folder.wav("info.wav", 16_000, 1, &offset), folder.wav("e.wav", 16_000, 1, &clipped(16_000)));
    let code = |args: &[&str]| otoscope(&[&["probe"], args].concat()).code;
    assert_eq!(code(&[&error]), 0);
    assert_eq!([code(&[&info, "--fail-on", "info"]), code(&[&info, "--fail-on", "warning"])], [1, 0]);
    assert_eq!([code(&[&error, "--fail-on", "warning"]), code(&[&error, "--fail-on", "error"])], [1, 1]);
    assert_eq!(code(&[&info, &error, "--json", "--fail-on", "error"]), 1);
    assert_eq!(code(&[&error, "--fail-on", "error", "--metrics", "level,loudness"]), 0);
    assert_eq!(code(&[&error, &folder.path("missing"), "--fail-on", "error"]), 2, "unreadable is worse");
}

#[test]
fn a_wrong_call_is_told_in_one_line_with_what_is_right() {
    let folder = Folder::new();
    let path = folder.wav("a.wav", 16_000, 1, &sine(16_000, 0.1));
    let wrong = |args: &[&str]| {
        let ran = otoscope(&[&["probe", &path], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}");
        ran.error_line().to_owned()
    };
    let line = wrong(&["--set", "clipping.min_run_samples=2"]);
    assert!(line.contains("clipping.min_run_samples: 2 is outside 3 to 1000"), "{line}");
    assert!(line.ends_with("; see `otoscope metrics clipping`"), "{line}");
    assert!(wrong(&["--set", "clipping.min_run=2"]).contains("did you mean `min_run_samples`?"));
    assert!(wrong(&["--set", "loudness.mono_as=stereo"]).contains("mono or dual_mono"));
    assert!(wrong(&["--set", "clipping"]).contains("--set metric.parameter=value"));
    assert!(wrong(&["--metrics", "loudnes"]).contains("did you mean `loudness`?"));
    assert!(wrong(&["--label", "voice"]).contains("--label voice=anna"));
    assert!(wrong(&["--config", &folder.path("none.toml")]).contains("no such file"));
    let toml = folder.write("c.toml", "[clipping]\nmin_run_samples = 1\n");
    assert!(
        wrong(&["--config", &toml]).starts_with(&format!("otoscope: {toml}: clipping.min_run_samples: 1 is outside"))
    );
    let chunks = folder.write("c.csv", "start_sample,arrival_ns\n0,0\nx,1\n");
    assert!(wrong(&["--chunks", &chunks]).starts_with(&format!("otoscope: {chunks}:3: `x` is no start_sample")));
    let chunks = folder.write("long.csv", "0,0\n5000,1\n");
    assert!(wrong(&["--chunks", &chunks]).contains("ends at 1600"));
    for args in [&["--json", "--ndjson"][..], &["--fail-on", "fatal"], &["--raw-rate", "8000"], &["--nonsense"]] {
        let ran = otoscope(&[&["probe", &path], args].concat());
        assert_eq!((ran.code, ran.out.as_str()), (2, ""), "{args:?}");
        assert!(!ran.err.is_empty());
    }
    assert_eq!(otoscope(&["probe"]).code, 2);
}

#[test]
fn parameters_come_from_the_file_then_from_the_options() {
    let folder = Folder::new();
    let path = folder.wav("a.wav", 16_000, 1, &clipped(16_000));
    let toml = folder.write("c.toml", "[clipping]\nerror_run_samples = 1000\n[true_peak]\nenabled = false\n");
    let severity = |args: &[&str]| {
        let report = otoscope(&[&["probe", &path, "--json", "--config", &toml], args].concat()).json();
        assert!(report["metrics"].get("true_peak").is_none());
        let finding =
            report["findings"].as_array().expect("a list").iter().find(|f| f["metric"] == "clipping").cloned();
        finding.expect("the clipping")["severity"].as_str().expect("a text").to_owned()
    };
    assert_eq!(severity(&[]), "warning");
    assert_eq!(severity(&["--set", "clipping.error_run_samples=20"]), "error");
}

#[test]
fn chunks_and_times_of_a_recorded_stream_are_replayed() {
    let folder = Folder::new();
    let path = folder.wav("a.wav", 16_000, 1, &sine(16_000, 1.0));
    let list = folder.write("a.csv", "0,0\n0,150000000\n4000,400000000\n8000,1400000000\n12000,1500000000\n");
    let report = otoscope(&["probe", &path, "--json", "--chunks", &list]).json();
    let continuity = &report["metrics"]["continuity"];
    assert_eq!((&continuity["first_audio_ms"], &continuity["arrivals"]), (&150.into(), &4.into()));
    assert_eq!(report["metrics"]["join"]["edges"], 3);
    let stall = &report["findings"][0];
    assert_eq!((&stall["kind"], &stall["start_sample"], &stall["chunk"]), (&"stall".into(), &8000.into(), &2.into()));
    assert_eq!(stall["value"], 650, "due at 150 + 500 + 100 ms of cushion");

    let report = otoscope(&["probe", &path, "--json"]).json();
    assert!(
        report["not_computed"]["join.edges"].is_string() && report["not_computed"]["continuity.arrivals"].is_string()
    );
    let ran = otoscope(&["probe", &path, &path, "--chunks", &list]);
    assert!(ran.code == 2 && ran.error_line().contains("belongs to one file"));
}

#[test]
fn headerless_files_and_standard_input_are_read() {
    let folder = Folder::new();
    let samples = sine(8_000, 1.0);
    let bytes: Vec<u8> = samples.iter().flat_map(|s| s.to_le_bytes()).collect();
    let raw = folder.write("a.raw", &bytes);
    let wav = folder.wav("a.wav", 8_000, 1, &samples);
    let metrics = |ran: common::Ran| {
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.json()["metrics"].clone()
    };
    let want = metrics(otoscope(&["probe", &wav, "--json"]));
    let options = ["--json", "--raw-format", "s16le", "--raw-rate", "8000"];
    assert_eq!(metrics(otoscope(&[&["probe", &raw], &options[..]].concat())), want);
    assert_eq!(metrics(otoscope_with(&[&["probe", "-"], &options[..]].concat(), &bytes)), want);
    let wav = std::fs::read(&wav).expect("just written");
    assert_eq!(metrics(otoscope_with(&["probe", "-", "--json"], &wav)), want);
}

#[test]
fn what_the_decoder_left_out_is_told() {
    let folder = Folder::new();
    let whole = std::fs::read(folder.wav("a.wav", 16_000, 1, &sine(16_000, 1.0))).expect("just written");
    let cut = folder.write("cut.wav", &whole[..whole.len() - 10_001]);
    let ran = otoscope(&["probe", &cut, "--json", "--quiet"]);
    assert_eq!(ran.code, 0);
    assert!(ran.json()["stream"]["samples"].as_u64() < Some(16_000));
    let start = format!("otoscope: {cut}: warning: ");
    assert!(!ran.err.is_empty() && ran.err.lines().all(|line| line.starts_with(&start)), "{}", ran.err);
}

#[test]
fn an_empty_stream_is_a_finding_and_a_rate_out_of_range_an_error() {
    let folder = Folder::new();
    let header = std::fs::read(folder.wav("a.wav", 16_000, 1, &[])).expect("just written");
    let ran = otoscope(&["probe", &folder.write("empty.wav", header), "--json"]);
    assert_eq!(ran.json()["findings"][0]["kind"], "empty");
    let ran = otoscope(&["probe", &folder.wav("slow.wav", 4_000, 1, &sine(4_000, 0.5))]);
    assert_eq!(ran.code, 2);
    assert!(ran.error_line().contains("4000 Hz is outside 8000 to 192000 Hz"));
    let ran = otoscope(&["probe", &folder.write("zero.wav", "")]);
    assert!(ran.code == 2 && ran.error_line().contains("empty"));
}

#[test]
fn people_get_a_table_with_units_and_findings_with_times() {
    let folder = Folder::new();
    let path = folder.wav("a.wav", 24_000, 2, &sine(24_000, 1.0).iter().flat_map(|&s| [s, s]).collect::<Vec<_>>());
    let ran = otoscope(&["probe", &path]);
    assert!(ran.out.starts_with(&format!("{path}  WAV, 16-bit PCM, 24000 Hz, stereo, 1.00 s\n")), "{}", ran.out);
    let row = |name: &str| ran.out.lines().find(|line| line.contains(name)).unwrap_or_default().to_owned();
    assert!(row("integrated_lufs").ends_with("LUFS"));
    assert!(row("range_lu").contains("needs 3 s of audio"));
    assert!(row("not computed").contains("join (") && row("not computed").contains("continuity ("));
    assert!(ran.out.ends_with("no findings\n") && ran.out.lines().all(|line| line == line.trim_end()));

    let bad = folder.wav("bad.wav", 24_000, 1, &clipped(24_000));
    let ran = otoscope(&["probe", &path, &bad]);
    assert!(ran.out.contains("00:00.500 - 00:00.502  clipping.rail"), "{}", ran.out);
    assert!(ran.out.contains("2 files, 1 without findings") && !ran.out.contains("crest_factor_db"));
    assert!(otoscope(&["probe", &path, &bad, "--verbose"]).out.contains("crest_factor_db"));
}

#[test]
fn colours_are_for_terminals() {
    let path = speech("en_flite_kal");
    for args in
        [&["probe", &path][..], &["probe", &path, &path], &["metrics"], &["metrics", "join"], &["inject", "--list"]]
    {
        assert!(!otoscope(args).out.contains('\u{1b}'), "{args:?}");
    }
    let forced = |command: &mut std::process::Command| {
        let output = command.env("CLICOLOR_FORCE", "1").output().expect("it runs");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    assert!(forced(&mut command(&["probe", &path])).contains('\u{1b}'));
    assert!(!forced(command(&["probe", &path]).env("NO_COLOR", "1")).contains('\u{1b}'));
}

#[test]
fn a_reader_that_has_enough_ends_it_quietly() {
    let path = speech("en_piper_joe_1");
    let many: Vec<&str> = std::iter::repeat_n(path.as_str(), 200).collect();
    let mut child = command(&[&["probe", "--ndjson"], &many[..]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    let mut line = String::new();
    BufReader::new(child.stdout.take().expect("piped")).read_line(&mut line).expect("a report");
    assert!(line.starts_with("{\"schema\""));
    let output = child.wait_with_output().expect("it ends");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_length_of_the_text_is_a_number_a_text_or_a_file() {
    let folder = Folder::new();
    let path = folder.wav("a.wav", 16_000, 1, &sine(16_000, 1.0));
    let file = folder.write("text.txt", "Привет, мир");
    let expected = |args: &[&str]| {
        let ran = otoscope(&[&["probe", &path, "--json"], args].concat());
        assert_eq!(ran.code, 0, "{}", ran.err);
        ran.json()["metrics"]["length"]["expected_s"].as_f64()
    };
    let is = |got: Option<f64>, want: f64| assert!((got.expect("a number") - want).abs() < 1e-9, "{got:?} {want}");
    assert_eq!(expected(&[]), None);
    is(expected(&["--text-len", "100"]), 6.8);
    is(expected(&["--text-len", "10", "--script", "han"]), 2.2);
    is(expected(&["--text", "Hello, world!"]), 0.68);
    is(expected(&["--text", &format!("@{file}")]), 9.0 * 0.072);
    let refused = |args: &[&str], part: &str| {
        let ran = otoscope(&[&["probe"], args].concat());
        assert!(ran.code == 2 && ran.err.contains(part), "{} {}", ran.code, ran.err);
    };
    refused(&[&path, "--text-len", "10", "--script", "klingon"], "southeast_asian");
    refused(&[&path, "--script", "han"], "--text-len");
    refused(&[&path, "--text", "@/nowhere/text"], "/nowhere/text");
    refused(&[&path, &path, "--text-len", "10"], "a text belongs to one file");
}
