//! What the tests with real servers share: a server that can be killed, a child that pushes, a child that pumps, and a storm that kills them.
#![allow(dead_code, reason = "without sinks there is nothing to test")]

use crate::common::heard;
use otoscope_export::verify::Hours;
use otoscope_export::{
    Disk, Pump, PumpOptions, Reader, ReportId, Sink, Spool, SpoolOptions, Step, Submission, envelope_of,
};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// A server of `export/servers/servers.sh`. It is stopped when it is dropped.
pub struct Server(&'static str);

impl Server {
    /// Fetches it where needed, and starts it without data. What a test that was interrupted left running is stopped first.
    pub fn start(name: &'static str) -> Self {
        let server = Self(name);
        server.call("fresh");
        server
    }

    /// Where its files are.
    pub fn folder(&self) -> PathBuf {
        let all = std::env::var_os("OTOSCOPE_SERVERS").map(PathBuf::from);
        all.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../build/servers")).join(self.0)
    }

    /// As if the machine had taken it away: `kill -9`.
    pub fn kill(&self) {
        self.call("kill");
    }

    /// Starts it again, with its data.
    pub fn restart(&self) {
        self.call("start");
    }

    fn call(&self, action: &str) {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("servers/servers.sh");
        let done = Command::new("bash").arg(script).args([action, self.0]).status().expect("bash");
        assert!(done.success(), "servers.sh {action} {}", self.0);
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Not by `call`: it may panic, and a test that failed is about to.
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("servers/servers.sh");
        let _ = Command::new("bash").arg(script).args(["stop", self.0]).status();
    }
}

const SPOOL: &str = "OTOSCOPE_SPOOL";
const FIRST: &str = "OTOSCOPE_FIRST_NUMBER";
const PER_SECOND: u64 = 1000;

/// A child ends when its standard input does: on the parent's wish, and when the parent dies.
fn told_to_end() -> Arc<AtomicBool> {
    let end = Arc::new(AtomicBool::new(false));
    let set = Arc::clone(&end);
    std::thread::spawn(move || {
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        set.store(true, Ordering::Release);
    });
    end
}

/// Pushes a thousand reports a second. Each has a number, which it tells before it pushes; and it tells what is durable.
#[test]
#[ignore = "a child"]
fn pusher() {
    let (Some(folder), Ok(first)) = (std::env::var_os(SPOOL), std::env::var(FIRST)) else { return };
    let end = told_to_end();
    let spool = Spool::open(&folder, SpoolOptions::default()).expect("it opens");
    assert_eq!(spool.folder(), Path::new(&folder).join("0"), "the one before has ended");
    let handle = spool.handle();
    let (report, findings) = heard();
    let mut out = std::io::stdout().lock();
    // Each line in one write: the parent never takes a half for a number.
    let mut tell = |line: String| out.write_all(line.as_bytes()).expect("the parent reads");
    tell(format!("\nfrom {}\n", spool.repair().last_seq + 1));
    let (start, mut told) = (Instant::now(), 0);
    let first: u64 = first.parse().expect("a number");
    for count in 0.. {
        if end.load(Ordering::Acquire) {
            break;
        }
        let due = start + Duration::from_micros(count * 1_000_000 / PER_SECOND);
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let number = (first + count).to_string();
        tell(format!("push {number}\n"));
        let attributes = [("tts.stream.id", number.as_str())];
        let unix_ms = 1_700_000_000_000 + first + count;
        let submission = Submission { report: &report, findings: &findings, unix_ms, attributes: &attributes };
        while handle.try_push(submission).is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
        let durable = handle.watermarks().durable;
        if durable > told {
            told = durable;
            tell(format!("durable {told}\n"));
        }
    }
    let durable = handle.flush(Duration::from_secs(60)).expect("a good disk");
    tell(format!("durable {durable}\n"));
}

/// What a child does that delivers: until it is told to end, and then until nothing is left.
pub fn pump(sink: &mut dyn Sink) {
    let Some(folder) = std::env::var_os(SPOOL) else { return };
    let end = told_to_end();
    let mut options = PumpOptions::default();
    options.patience_most = Duration::from_secs(1);
    let mut pump = Pump::open(&PathBuf::from(folder).join("0"), sink, options).expect("it opens");
    loop {
        // Looked at before: what was there when it was told is delivered.
        let last = end.load(Ordering::Acquire);
        match pump.step(sink).expect("a good disk") {
            Step::Delivered(_) => {}
            Step::Nothing if last => break,
            Step::Nothing => std::thread::sleep(Duration::from_millis(5)),
            Step::Waiting(_, wait) => std::thread::sleep(wait),
            Step::Stopped(reason) => panic!("stopped: {reason}"),
        }
    }
    sink.idle().map_err(|failure| format!("{failure:?}")).expect("it closes");
    let cursor = pump.cursor();
    assert_eq!((cursor.dead, cursor.skipped, cursor.damages), (0, 0, 0), "nothing was wrong with any record");
}

/// Whether this process is a child: its test does nothing without.
pub fn is_child() -> bool {
    std::env::var_os(SPOOL).is_some()
}

/// What the pushers told.
#[derive(Default)]
struct Told {
    /// The number of the first record of the last pusher.
    from: u64,
    /// What it pushed, in order.
    pushed: Vec<u64>,
    /// The last number it knew to be durable.
    durable: u64,
}

struct Pusher {
    child: Child,
    told: Arc<Mutex<Told>>,
    ears: std::thread::JoinHandle<()>,
}

fn child(test: &str, folder: &Path, environment: &[(String, String)]) -> Child {
    Command::new(std::env::current_exe().expect("this test"))
        .args([test, "--exact", "--ignored", "--nocapture"])
        .env(SPOOL, folder)
        .envs(environment.iter().cloned())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("it starts")
}

impl Pusher {
    fn start(folder: &Path, first: u64) -> Self {
        let mut child = child("harness::pusher", folder, &[(FIRST.to_owned(), first.to_string())]);
        let told = Arc::new(Mutex::new(Told::default()));
        let mut out = BufReader::new(child.stdout.take().expect("a pipe"));
        let write = Arc::clone(&told);
        let ears = std::thread::spawn(move || {
            let mut line = String::new();
            while {
                line.clear();
                out.read_line(&mut line).is_ok_and(|n| n > 0)
            } {
                let Some((what, number)) = line.trim_end().split_once(' ') else { continue };
                let Ok(number) = number.parse() else { continue };
                let mut told = write.lock().expect("unharmed");
                match what {
                    "from" => told.from = number,
                    "push" => told.pushed.push(number),
                    "durable" => told.durable = number,
                    _ => {}
                }
            }
        });
        let pusher = Self { child, told, ears };
        let start = Instant::now();
        while pusher.told.lock().expect("unharmed").durable == 0 {
            assert!(start.elapsed() < Duration::from_secs(60), "the pusher tells nothing");
            std::thread::sleep(Duration::from_millis(5));
        }
        pusher
    }

    /// Everything it told until its end.
    fn heard(mut self) -> (std::process::ExitStatus, Told) {
        let status = self.child.wait().expect("it ends");
        self.ears.join().expect("they heard");
        (status, std::mem::take(&mut *self.told.lock().expect("unharmed")))
    }
}

/// The parent's list.
#[derive(Default)]
struct List {
    /// The number that was pushed as record 1, 2...
    numbers: Vec<u64>,
    acknowledged: u64,
    pushed: u64,
}

impl List {
    /// Adds what a pusher told, once it is known where the next one goes on: what is behind that was lost, and never acknowledged.
    fn add(&mut self, told: Told, next_from: Option<u64>) {
        assert_eq!(told.from, self.numbers.len() as u64 + 1, "it goes on behind the last");
        self.pushed += told.pushed.len() as u64;
        self.numbers.extend(told.pushed);
        self.acknowledged = told.durable;
        if let Some(next) = next_from {
            assert!(next > told.durable, "acknowledged: {}, and it goes on at {next}", told.durable);
            assert!(next - 1 <= self.numbers.len() as u64, "nothing is there that was not pushed");
            self.numbers.truncate(next as usize - 1);
        }
    }
}

/// Pushes and delivers while server and children are killed.
pub struct Storm<'a> {
    /// What is delivered to, in the words of the outcome.
    pub name: &'a str,
    /// Killed too, where there is one.
    pub server: Option<&'a Server>,
    /// The test that is the child that pumps, with its path.
    pub pump: &'static str,
    /// What that needs to know.
    pub environment: Vec<(String, String)>,
}

/// What a store must have after the storm.
pub struct Truth {
    /// Of each record its digest.
    pub records: HashMap<(ReportId, u32), u32>,
    pub server_kills: u32,
    pub child_kills: u32,
    pub took: Duration,
}

/// Number and digests of all hours.
pub fn sums(hours: &Hours) -> (u64, u64) {
    hours.values().fold((0, 0), |(n, sum), t| (n + t.count, sum + t.digests))
}

/// How often something shall be killed.
pub fn kills(name: &str) -> u32 {
    std::env::var(name).map_or(3, |text| text.parse().expect("a number of kills"))
}

impl Storm<'_> {
    pub fn run(&self) -> Truth {
        let child_kills = kills("OTOSCOPE_CHILD_KILLS");
        let server_kills = self.server.map_or(0, |_| kills("OTOSCOPE_SERVER_KILLS"));
        let folder = tempfile::tempdir().expect("a folder");
        let start = Instant::now();
        let mut list = List::default();
        let mut next_number = 1;
        let mut pusher = Pusher::start(folder.path(), next_number);
        let mut pump = child(self.pump, folder.path(), &self.environment);
        for round in 0..server_kills.max(child_kills) {
            // Each time another moment; the children die while the server is there, or is not.
            std::thread::sleep(Duration::from_millis(700 + u64::from(round * 211 % 900)));
            let server = self.server.filter(|_| round < server_kills);
            let while_down = round % 2 == 1;
            if let (Some(server), true) = (server, while_down) {
                server.kill();
                std::thread::sleep(Duration::from_millis(u64::from(round * 97 % 500)));
            }
            if round < child_kills {
                pusher.child.kill().expect("SIGKILL");
                assert!(pump.try_wait().expect("a child").is_none(), "the pump goes on by itself");
                pump.kill().expect("SIGKILL");
                pump.wait().expect("it ends");
                let (_, told) = pusher.heard();
                next_number += told.pushed.len() as u64;
                pusher = Pusher::start(folder.path(), next_number);
                let from = pusher.told.lock().expect("unharmed").from;
                list.add(told, Some(from));
                pump = child(self.pump, folder.path(), &self.environment);
            }
            if let Some(server) = server {
                if !while_down {
                    std::thread::sleep(Duration::from_millis(300));
                    server.kill();
                }
                server.restart();
            }
        }
        std::thread::sleep(Duration::from_secs(1));
        drop(pusher.child.stdin.take());
        let (status, told) = pusher.heard();
        assert!(status.success(), "the pusher ends well");
        list.add(told, None);
        assert_eq!(list.acknowledged, list.numbers.len() as u64, "in the end all is durable");
        drop(pump.stdin.take());
        let status = pump.wait().expect("it ends");
        assert!(status.success(), "the pump ends well");
        let took = start.elapsed();
        let lost = list.pushed - list.numbers.len() as u64;
        eprintln!(
            "{}: {} records acknowledged in {:.0} s, {lost} pushed and never acknowledged; {server_kills} kills of the server, {child_kills} \
             of both children",
            self.name,
            list.numbers.len(),
            took.as_secs_f64(),
        );
        let records = against_the_spool(&folder.path().join("0"), &list.numbers);
        Truth { records, server_kills, child_kills, took }
    }
}

/// The spool has just what is on the list.
fn against_the_spool(folder: &Path, numbers: &[u64]) -> HashMap<(ReportId, u32), u32> {
    let mut reader = Reader::new(Disk::new(folder).expect("there"), 1);
    let mut records = HashMap::new();
    loop {
        let batch = reader.next_batch(2000, usize::MAX).expect("readable");
        if batch.is_empty() {
            break;
        }
        for record in batch {
            let json: serde_json::Value = serde_json::from_slice(&record.json).expect("JSON");
            let number = numbers[record.seq as usize - 1].to_string();
            assert_eq!(json["tts.stream.id"], number.as_str(), "record {}", record.seq);
            assert_eq!(envelope_of(&record.json), Some(record.envelope));
            records.insert((record.envelope.id, record.envelope.rev), record.envelope.digest32);
        }
    }
    assert_eq!(records.len(), numbers.len(), "every number of the list, each with an id of its own");
    records
}

impl Truth {
    /// How many records, and the sum of their digests.
    pub fn sums(&self) -> (u64, u64) {
        (self.records.len() as u64, self.records.values().map(|&digest| u64::from(digest)).sum())
    }

    /// Compares it with what a store has; returns how many of those are there again.
    pub fn compare(&self, stored: impl Iterator<Item = ((ReportId, u32), u32)>) -> u64 {
        let (mut once, mut again) = (HashMap::new(), 0);
        for (identity, digest32) in stored {
            assert_eq!(
                self.records.get(&identity),
                Some(&digest32),
                "{identity:?} was never acknowledged, or is another"
            );
            again += u64::from(once.insert(identity, digest32).is_some());
        }
        let digests = once.values().map(|&digest| u64::from(digest)).sum();
        assert_eq!((once.len() as u64, digests), self.sums(), "nothing is missing");
        again
    }
}
