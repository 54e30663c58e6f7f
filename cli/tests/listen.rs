//! `otoscope listen` on a pipe.

mod common;

use common::{clipped, command, otoscope, otoscope_with, sine};
use std::io::{BufRead, BufReader, Write};
use std::process::Stdio;
use std::time::Duration;

const OPTIONS: [&str; 5] = ["listen", "--rate", "16000", "--format", "s16le"];

fn bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|s| s.to_le_bytes()).collect()
}

#[test]
fn a_pipe_gives_one_report_with_times() {
    let ran = otoscope_with(&[&OPTIONS[..], &["--json"]].concat(), &bytes(&sine(16_000, 1.0)));
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let report = ran.json();
    assert_eq!(report["stream"]["samples"], 16_000);
    assert_eq!(report["source"]["name"], "stdin");
    for key in ["started_at", "ended_at"] {
        let time = report[key].as_str().expect("a time");
        assert!(time.len() == 24 && time.ends_with('Z') && time.as_bytes()[10] == b'T', "{time}");
    }
    assert!(report["metrics"]["continuity"]["first_audio_ms"].is_number());
    assert!(report["not_computed"]["join.edges"].is_string(), "a read of a pipe is no chunk edge");
}

#[test]
fn chunk_ms_makes_edges() {
    let ran = otoscope_with(&[&OPTIONS[..], &["--json", "--chunk-ms", "100"]].concat(), &bytes(&sine(16_000, 1.0)));
    assert_eq!(ran.json()["metrics"]["join"]["edges"], 9, "{}", ran.err);
}

#[test]
fn an_odd_byte_at_the_end_is_told() {
    let mut pcm = bytes(&sine(16_000, 0.5));
    pcm.push(7);
    let ran = otoscope_with(&[&OPTIONS[..], &["--json"]].concat(), &pcm);
    assert_eq!((ran.code, &ran.json()["stream"]["samples"]), (0, &8_000.into()));
    assert!(ran.err.starts_with("otoscope: stdin: warning: 1 byte"), "{}", ran.err);
}

#[test]
fn every_format_means_the_same_samples() {
    let samples = sine(16_000, 0.5);
    let floats: Vec<u8> = samples.iter().flat_map(|&s| (f32::from(s) / 32_768.0).to_le_bytes()).collect();
    let big: Vec<u8> = samples.iter().flat_map(|s| s.to_be_bytes()).collect();
    let rms = |format: &str, pcm: &[u8]| {
        let report = otoscope_with(&["listen", "--rate", "16000", "--format", format, "--json"], pcm).json();
        assert_eq!(report["stream"]["samples"].as_u64(), Some(8_000), "{format}");
        report["metrics"]["level"]["rms_dbfs"].clone()
    };
    let want = rms("s16le", &bytes(&samples));
    assert_eq!(rms("f32le", &floats), want);
    assert_eq!(rms("s16be", &big), want);
    let quiet = otoscope_with(&["listen", "--rate", "8000", "--format", "mulaw", "--json"], &[0xff; 8_000]).json();
    assert_eq!(quiet["findings"].as_array().and_then(|f| f.last()).map(|f| f["kind"].clone()), Some("silent".into()));
}

#[test]
fn findings_come_while_the_stream_runs() {
    let mut child =
        command(&OPTIONS).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it runs");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(&bytes(&clipped(16_000))).expect("it listens");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut next = || lines.next().expect("a line").expect("text");
    // The pipe is still open: this waits for ever if findings come only at the end.
    let first = next();
    assert!(first.starts_with("00:00.500"), "{first}");
    // Nothing comes for longer than the second of audio and the cushion: the stall is told while it lasts.
    std::thread::sleep(Duration::from_millis(1_400));
    let stall = std::iter::repeat_with(&mut next).find(|line| line.contains("continuity.stall")).expect("the stall");
    assert!(stall.contains("begins") && stall.contains("00:01.000"), "{stall}");
    drop(stdin);
    let rest: Vec<String> = std::iter::from_fn(|| lines.next()?.ok()).collect();
    assert!(rest.iter().any(|line| line.contains("stdin  raw, 16-bit PCM, 16000 Hz, mono, 1.00 s")), "{rest:?}");
    assert!(child.wait().expect("it ends").success());
}

#[test]
fn ndjson_reports_the_running_stream_with_a_rising_rev() {
    let args = [&OPTIONS[..], &["--ndjson", "--fail-on", "error"]].concat();
    let mut child = command(&args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(&bytes(&clipped(16_000))).expect("it listens");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    let mut report =
        || -> serde_json::Value { serde_json::from_str(&lines.next().expect("a line").expect("text")).expect("JSON") };
    let first = report();
    assert!(
        first["rev"] == 0 && first.get("ended_at").is_none() && first["findings"].as_array().map(Vec::len) > Some(0)
    );
    drop(stdin);
    let last = report();
    assert!(last["rev"].as_u64() > Some(0) && last["ended_at"].is_string());
    assert_eq!(first["report_id"], last["report_id"]);
    assert_eq!(child.wait().expect("it ends").code(), Some(1), "--fail-on");
}

#[test]
fn with_json_findings_go_to_stderr_unless_quiet() {
    let pcm = bytes(&clipped(16_000));
    let args = [&OPTIONS[..], &["--json"]].concat();
    let ran = otoscope_with(&args, &pcm);
    assert!(ran.err.contains("clipping.rail") && ran.json()["findings"].is_array());
    assert_eq!(otoscope_with(&[&args[..], &["-q"]].concat(), &pcm).err, "");
}

#[test]
fn a_wrong_call_is_refused() {
    assert_eq!(otoscope(&["listen", "--rate", "16000"]).code, 2);
    let ran = otoscope(&["listen", "--rate", "4000", "--format", "s16le"]);
    assert!(ran.code == 2 && ran.error_line().contains("8000 to 192000"), "{}", ran.err);
    let ran = otoscope(&[&OPTIONS[..], &["--channels", "9"]].concat());
    assert!(ran.code == 2 && ran.error_line().contains("1 to 8"), "{}", ran.err);
    let ran = otoscope(&[&OPTIONS[..], &["--chunk-ms", "0"]].concat());
    assert!(ran.code == 2 && ran.error_line().contains("--chunk-ms"), "{}", ran.err);
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_the_stream_and_gives_the_report() {
    let args = [&OPTIONS[..], &["--ndjson"]].concat();
    let mut child = command(&args).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it runs");
    let mut stdin = child.stdin.take().expect("piped");
    stdin.write_all(&bytes(&clipped(16_000))).expect("it listens");
    let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
    // It has begun once there is a report of the running stream.
    lines.next().expect("a line").expect("text");
    let kill = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill");
    assert!(kill.success());
    let last = lines.last().expect("a line").expect("text");
    let report: serde_json::Value = serde_json::from_str(&last).expect("JSON");
    assert!(report["ended_at"].is_string());
    assert_eq!(report["stream"]["samples"], 16_000);
    assert_eq!(child.wait().expect("it ends").code(), Some(0));
    drop(stdin);
}

#[test]
fn speech_that_runs_on_is_told() {
    let clip = otoscope_fixtures::speech::load("en_flite_slt").expect("committed");
    let rate = clip.sample_rate_hz.to_string();
    let run = |chars: &str| {
        let args = ["listen", "--rate", &rate, "--format", "s16le", "--json", "--quiet", "--text-len", chars];
        let found = otoscope_with(&args, &bytes(&clip.samples)).json()["findings"].clone();
        let found = found.as_array().expect("a list").clone();
        found.iter().any(|f| f["metric"] == "length" && f["kind"] == "runaway")
    };
    let seconds = clip.samples.len() as f64 / f64::from(clip.sample_rate_hz);
    let letters = |share: f64| ((seconds / 0.068 * share) as u32).to_string();
    assert!(run(&letters(0.2)) && !run(&letters(1.0)));
}
