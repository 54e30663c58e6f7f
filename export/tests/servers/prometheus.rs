//! The scrape endpoint and Prometheus.

use crate::common::heard;
use crate::harness::{Server, kills};
use otoscope_export::sinks::prometheus::{Prometheus, PrometheusOptions};
use otoscope_export::{Pump, PumpOptions, Spool, SpoolOptions, Submission};
use std::io::Write;
use std::net::SocketAddr;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Where it looks, by its configuration.
const SCRAPED: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 19999);
const API: &str = "http://127.0.0.1:19095/api/v1/query?query=";
const VOICES: [&str; 3] = ["anna", "\"} 1\n", "ü\\"];

/// The series of a query, once there are any.
fn ask(query: &str) -> Option<Vec<serde_json::Value>> {
    let mut answer = ureq::get(format!("{API}{query}")).call().ok()?;
    let json: serde_json::Value = serde_json::from_str(&answer.body_mut().read_to_string().ok()?).ok()?;
    json["data"]["result"].as_array().filter(|all| !all.is_empty()).cloned()
}

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(start.elapsed() < Duration::from_secs(60), "no {what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
#[ignore = "make test-servers"]
fn prometheus_takes_the_page_and_counts_right_through_its_own_deaths() {
    let server = Server::start("prometheus");
    let folder = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(folder.path(), SpoolOptions::default()).expect("it opens");
    let mut options = PrometheusOptions::default();
    options.listen = SCRAPED;
    options.fields = vec!["*".to_owned()];
    let mut sink = Prometheus::new(&options).expect("a free port");
    sink.watch_spool(spool.folder());
    let mut pump = Pump::open(spool.folder(), &mut sink, PumpOptions::default()).expect("it opens");
    let (report, findings) = heard();
    let mut pushed = 0u64;
    let mut push_for = |time: Duration, pump: &mut Pump<_>, sink: &mut Prometheus| {
        let start = Instant::now();
        while start.elapsed() < time {
            for _ in 0..10 {
                let attributes = [("gen_ai.speech.voice", VOICES[pushed as usize % VOICES.len()])];
                let unix_ms = 1_700_000_000_000 + pushed;
                let submission = Submission { report: &report, findings: &findings, unix_ms, attributes: &attributes };
                spool.handle().try_push(submission).expect("room");
                pushed += 1;
            }
            pump.step(sink).expect("a good disk");
            std::thread::sleep(Duration::from_millis(10));
        }
        spool.handle().flush(Duration::from_secs(10)).expect("a good disk");
        pump.drain(sink, Duration::from_secs(10)).expect("it counts");
        pushed
    };
    for _ in 0..kills("OTOSCOPE_SERVER_KILLS") {
        push_for(Duration::from_millis(1300), &mut pump, &mut sink);
        server.kill();
        push_for(Duration::from_millis(300), &mut pump, &mut sink);
        server.restart();
    }
    let pushed = push_for(Duration::from_millis(500), &mut pump, &mut sink);

    let lint = server.folder().join("dist/usr/bin/promtool");
    let mut lint = Command::new(lint)
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("promtool comes with it");
    lint.stdin.take().expect("a pipe").write_all(sink.page().as_bytes()).expect("it reads");
    let said = lint.wait_with_output().expect("it ends");
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));

    until("scrape of all reports", || {
        let sum = ask("sum(otoscope_reports_total)")?;
        (sum[0]["value"][1] == pushed.to_string().as_str()).then_some(())
    });
    let series = ask("otoscope_reports_total").expect("just seen");
    let mut seen: Vec<&str> = series.iter().filter_map(|r| r["metric"]["voice"].as_str()).collect();
    seen.sort_unstable();
    let mut wanted = VOICES.to_vec();
    wanted.sort_unstable();
    assert_eq!(seen, wanted);
    let bucket = ask("otoscope_loudness_integrated_lufs_bucket%7Ble=%22%2BInf%22%7D").expect("histograms");
    assert_eq!(bucket.len(), VOICES.len());
    assert_eq!(ask("up").expect("a target")[0]["value"][1], "1");
    eprintln!("prometheus: {pushed} reports counted");
}
