//! `otoscope export` as its callers see it: a spool, stores, and what can be wrong with either.

mod common;

use common::{Folder, command, otoscope};
use otoscope::{Config, Listener, Pcm, Push, StreamSpec};
use otoscope_export::{Spool, SpoolOptions, Submission};
use std::io::Read;
use std::process::Stdio;
use std::time::{Duration, Instant};

/// A spool with so many reports, an hour apart, and a configuration that sends them to lines of JSON and to Parquet.
fn spooled(folder: &Folder, count: u64) -> String {
    let config = folder.path("otoscope.toml");
    let text = format!(
        "[spool]\nfolder = {:?}\n[ndjson]\nfile = {:?}\n[parquet]\nfolder = {:?}\nevery_s = 1\n",
        folder.path("spool"),
        folder.path("reports.ndjson"),
        folder.path("reports")
    );
    std::fs::write(&config, text).expect("writable");
    push(folder, count);
    config
}

fn push(folder: &Folder, count: u64) {
    let spool = Spool::open(folder.path("spool"), SpoolOptions::default()).expect("it opens");
    let mut listener = Listener::new(&Config::new(StreamSpec::mono(16_000)).freeze().expect("defaults"));
    listener.push(Pcm::I16(&common::clipped(16_000)), Push::CHUNK, |_| ()).expect("whole frames");
    let (report, findings) = listener.finish(|_| ());
    for n in 0..count {
        let unix_ms = 1_700_000_000_000 + 3_600_000 * n;
        let attributes = [("gen_ai.speech.voice", "anna")];
        let submission = Submission { report: &report, findings: &findings, unix_ms, attributes: &attributes };
        spool.handle().try_push(submission).expect("room");
    }
}

#[test]
fn what_is_in_the_spool_is_delivered_counted_and_verified() {
    let folder = Folder::new();
    let config = spooled(&folder, 5);
    let ran = otoscope(&["export", "run", "--config", &config, "--once"]);
    assert_eq!(ran.code, 0, "{}", ran.err);
    assert!(ran.err.contains("5 records to ndjson") && ran.err.contains("5 records to parquet"), "{}", ran.err);
    let lines = std::fs::read_to_string(folder.path("reports.ndjson")).expect("there");
    assert_eq!(lines.lines().count(), 5);
    let again = otoscope(&["export", "run", "--config", &config, "--once"]);
    assert!(again.err.contains("0 records to ndjson"), "{}", again.err);

    let status = otoscope(&["export", "status", "--config", &config]);
    assert!(status.out.contains("5 accepted, written to 5, durable to 5"), "{}", status.out);
    let json = otoscope(&["export", "status", "--config", &config, "--json"]).json();
    let sinks = json[0]["sinks"].as_array().expect("a list");
    assert!(sinks.iter().all(|s| s["lag"] == 0 && s["cursor"]["delivered"] == 5), "{json}");

    let verify = otoscope(&["export", "verify", "--config", &config]);
    assert_eq!(verify.code, 0, "{}{}", verify.out, verify.err);
    assert!(
        verify.out.contains("ndjson: 5 records in 5 hours agree") && verify.out.contains("parquet: 5"),
        "{}",
        verify.out
    );

    // A line that somebody lost, and one that somebody changed.
    let changed: Vec<String> = lines.lines().skip(1).map(str::to_owned).collect();
    std::fs::write(folder.path("reports.ndjson"), changed.join("\n").replacen("anna", "otto", 1)).expect("writable");
    let verify = otoscope(&["export", "verify", "--config", &config]);
    assert_eq!(
        (verify.code, verify.out.lines().filter(|l| l.starts_with("ndjson: 2023-")).count()),
        (1, 2),
        "{}",
        verify.out
    );

    let replay = ["export", "replay", "--config", &config, "--from", "2023-11-15T00:00:00Z", "--sink"];
    let ran = otoscope(&[&replay[..], &["ndjson"]].concat());
    assert_eq!((ran.code, ran.out.as_str()), (0, "ndjson: 3 records delivered again, 0 refused\n"), "{}", ran.err);
    let refused = otoscope(&[&replay[..], &["parquet"]].concat());
    assert_eq!(refused.code, 2);
    assert!(refused.error_line().contains("takes no replays"), "{}", refused.err);
    let unknown = otoscope(&[&replay[..], &["kafka"]].concat());
    assert!(unknown.error_line().contains("ndjson, parquet"), "{}", unknown.err);
}

#[cfg(unix)]
#[test]
fn it_delivers_while_the_server_writes_and_ends_well() {
    let folder = Folder::new();
    let config = spooled(&folder, 2);
    let mut running =
        command(&["export", "run", "--config", &config]).stderr(Stdio::piped()).spawn().expect("it starts");
    push(&folder, 3);
    let start = Instant::now();
    let lines = || std::fs::read_to_string(folder.path("reports.ndjson")).unwrap_or_default().lines().count();
    while lines() < 5 {
        assert!(start.elapsed() < Duration::from_secs(60), "{} lines", lines());
        std::thread::sleep(Duration::from_millis(20));
    }
    let pid = running.id().to_string();
    // What a service manager sends; Ctrl-C is tested with `listen`.
    std::process::Command::new("kill").args(["-TERM", &pid]).status().expect("kill");
    let status = running.wait().expect("it ends");
    let mut err = String::new();
    running.stderr.take().expect("piped").read_to_string(&mut err).expect("text");
    assert_eq!(status.code(), Some(0), "{err}");
    // What waited for more is not held back by the end.
    let verify = otoscope(&["export", "verify", "--config", &config]);
    assert!(verify.code == 0 && verify.out.contains("parquet: 5 records"), "{}{}", verify.out, verify.err);
}

#[test]
fn a_wrong_configuration_says_what_to_do() {
    let folder = Folder::new();
    let run = |text: &str| {
        folder.write("otoscope.toml", text);
        otoscope(&["export", "run", "--once", "--config", &folder.path("otoscope.toml")])
    };
    assert!(run("[spool]\nfolder = 3\n").err.contains("folder"), "the key is named");
    assert!(run("").error_line().contains("no sink has a section"));
    let secret = "[elasticsearch]\nurl = \"http://localhost:1\"\nuser = \"me\"\npassword_env = \"OTOSCOPE_NOT_SET\"\n";
    assert!(run(secret).error_line().contains("OTOSCOPE_NOT_SET is not set"));
    let missing = otoscope(&["export", "status", "--config", &folder.path("nothing.toml")]);
    assert_eq!(missing.code, 2);
    assert!(missing.error_line().contains("nothing.toml"));
    let schema = otoscope(&["export", "schema"]).json();
    assert_eq!(schema["title"], "tts.report/1");
}
