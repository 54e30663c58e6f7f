//! What is sent over OTLP, and what comes of each answer: a stub on loopback plays the server.
#![cfg(feature = "otlp")]

mod common;

use common::heard;
use otoscope_export::sinks::otlp::{Otlp, OtlpOptions};
use otoscope_export::{
    Disk, Failure, Pump, PumpOptions, Reader, Record, Rejected, Sink, Spool, SpoolOptions, Step, Submission,
};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);

/// A request, unpacked.
#[derive(Clone)]
struct Request {
    line: String,
    headers: BTreeMap<String, String>,
    packed_len: usize,
    text: String,
}

impl Request {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).expect("JSON")
    }

    /// The streams its records are of, in order.
    fn streams(&self) -> Vec<String> {
        let json = self.json();
        let logs = json["resourceLogs"].as_array().expect("a list").iter();
        let logs = logs.flat_map(|r| r["scopeLogs"].as_array().expect("a list"));
        let logs = logs.flat_map(|s| s["logRecords"].as_array().expect("a list"));
        logs.map(|log| attributes(log)["tts.stream.id"]["stringValue"].as_str().expect("text").to_owned()).collect()
    }
}

/// What the stub says; nothing at all: it hangs up.
type Said = Option<(u16, &'static str, String)>;

/// A server that says what it is told to.
struct Stub {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

fn hear(client: &mut TcpStream) -> Option<Request> {
    client.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte).ok()?;
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).expect("ASCII");
    let mut lines = head.lines();
    let line = lines.next()?.to_owned();
    let headers: BTreeMap<String, String> =
        lines.filter_map(|l| l.split_once(": ")).map(|(n, v)| (n.to_lowercase(), v.to_owned())).collect();
    let mut body = vec![0; headers.get("content-length").expect("its length is told").parse().expect("a number")];
    client.read_exact(&mut body).ok()?;
    let mut text = String::new();
    match headers.get("content-encoding").map(String::as_str) {
        Some("gzip") => flate2::read::GzDecoder::new(&*body).read_to_string(&mut text).expect("packed"),
        None => body.as_slice().read_to_string(&mut text).expect("UTF-8"),
        other => panic!("{other:?}"),
    };
    Some(Request { line, headers, packed_len: body.len(), text })
}

impl Stub {
    fn new(say: impl Fn(usize, &Request) -> Said + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("bound");
        let (requests, stop) = (Arc::<Mutex<Vec<Request>>>::default(), Arc::<AtomicBool>::default());
        let (heard, stopped) = (Arc::clone(&requests), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for client in listener.incoming() {
                if stopped.load(Ordering::Acquire) {
                    return;
                }
                let mut client = client.expect("it connects");
                let Some(request) = hear(&mut client) else { continue };
                let n = heard.lock().expect("whole").len();
                heard.lock().expect("whole").push(request.clone());
                if let Some((status, headers, body)) = say(n, &request) {
                    let len = body.len();
                    let answer = format!(
                        "HTTP/1.1 {status} X\r\nConnection: close\r\nContent-Length: {len}\r\n{headers}\r\n{body}"
                    );
                    let _ = client.write_all(answer.as_bytes());
                }
            }
        });
        Self { address, requests, stop, thread: Some(thread) }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("whole").clone()
    }

    fn sink(&self, change: impl FnOnce(&mut OtlpOptions)) -> Otlp {
        let mut options = OtlpOptions::default();
        options.endpoint = format!("http://{}", self.address);
        change(&mut options);
        Otlp::new(&options).expect("right options")
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
        let _ = TcpStream::connect(self.address);
        let thread = self.thread.take().expect("once");
        // If a check in the stub failed, its words are the reason.
        if thread.join().is_err() && !std::thread::panicking() {
            panic!("the stub was told something wrong");
        }
    }
}

const JSON: &str = "Content-Type: application/json\r\n";

fn fine() -> Said {
    Some((200, JSON, "{}".to_owned()))
}

fn status(code: u16) -> Said {
    Some((code, JSON, format!("{{\"code\":3,\"message\":\"it says {code}\"}}")))
}

fn spool(folder: &Path, attributes: &[&[(&str, &str)]]) -> Spool {
    let mut options = SpoolOptions::default();
    options.attributes = [("service.name", "demo"), ("host.name", "a")].map(|(n, v)| (n.into(), v.into())).into();
    let spool = Spool::open(folder, options).expect("it opens");
    let (report, findings) = heard();
    for (n, attributes) in attributes.iter().enumerate() {
        let name = n.to_string();
        let attributes = [&[("tts.stream.id", name.as_str())][..], attributes].concat();
        let unix_ms = 1_700_000_000_123 + n as u64;
        let submission = Submission { report: &report, findings: &findings, unix_ms, attributes: &attributes };
        spool.handle().try_push(submission).expect("room");
    }
    spool.handle().flush(PATIENCE).expect("a good disk");
    spool
}

fn records(attributes: &[&[(&str, &str)]]) -> Vec<Record> {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = spool(folder.path(), attributes);
    Reader::new(Disk::new(spool.folder()).expect("there"), 1).next_batch(10_000, usize::MAX).expect("readable")
}

fn object(record: &Record) -> Map<String, Value> {
    serde_json::from_slice(&record.json).expect("an object")
}

fn attributes(of: &Value) -> BTreeMap<String, Value> {
    let list = of["attributes"].as_array().expect("a list");
    let all: BTreeMap<String, Value> =
        list.iter().map(|a| (a["key"].as_str().expect("text").to_owned(), a["value"].clone())).collect();
    assert_eq!(all.len(), list.len(), "each once");
    all
}

fn numbers(all: &[Rejected]) -> Vec<usize> {
    all.iter().map(|r| r.index).collect()
}

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

#[test]
fn a_request_has_the_shape_of_otlp_and_everything_of_the_record() {
    for gzip in [true, false] {
        let stub = Stub::new(|_, _| fine());
        let mut sink = stub.sink(|options| {
            options.gzip = gzip;
            options.endpoint.push_str("/otlp/");
            options.headers = vec![("Authorization".to_owned(), "Bearer s3cret".to_owned())];
        });
        let records = records(&[
            &[("trace.id", TRACE), ("span.id", "00f067aa0ba902b7"), ("tier", "\"gold\"\n")],
            &[("host.name", "b"), ("trace.id", "none"), ("span.id", "0000000000000000")],
            &[],
        ]);
        assert_eq!(sink.deliver(&records), Ok(Vec::new()));
        let requests = stub.requests();
        assert_eq!((requests.len(), sink.counters().requests()), (1, 1));
        let request = &requests[0];
        assert_eq!(request.line, "POST /otlp/v1/logs HTTP/1.1");
        let header = |name: &str| request.headers.get(name).map(String::as_str);
        assert_eq!(
            (header("content-type"), header("authorization")),
            (Some("application/json"), Some("Bearer s3cret"))
        );
        assert_eq!(header("content-encoding"), gzip.then_some("gzip"));
        assert!(!gzip || request.packed_len * 4 < request.text.len(), "{} {}", request.packed_len, request.text.len());
        assert_eq!(request.streams(), ["0", "2", "1"], "grouped by host, else in order");
        let json = request.json();
        let groups = json["resourceLogs"].as_array().expect("a list");
        for (group, of, host) in
            [(&groups[0], vec![&records[0], &records[2]], "a"), (&groups[1], vec![&records[1]], "b")]
        {
            let resource = attributes(&group["resource"]);
            assert_eq!(resource["service.name"]["stringValue"], "demo");
            assert_eq!((&resource["host.name"]["stringValue"], resource.len()), (&host.into(), 2));
            let scope = &group["scopeLogs"][0];
            assert_eq!(
                (&scope["scope"]["name"], &scope["scope"]["version"]),
                (&"otoscope".into(), &otoscope::VERSION.into())
            );
            let logs = scope["logRecords"].as_array().expect("a list");
            assert_eq!(logs.len(), of.len());
            for (log, record) in logs.iter().zip(of) {
                check_log(log, record);
            }
        }
        assert_eq!((groups.len(), json.as_object().map(Map::len)), (2, Some(1)));
    }
}

fn check_log(log: &Value, record: &Record) {
    let json = object(record);
    assert_eq!(log["eventName"], "tts.report");
    assert_eq!(log["timeUnixNano"], (u128::from(record.envelope.unix_ms) * 1_000_000).to_string());
    let observed: u64 = log["observedTimeUnixNano"].as_str().expect("a string").parse().expect("a number");
    assert!(observed > 1_700_000_000_000_000_000);
    assert_eq!((&log["severityText"], &log["severityNumber"]), (&"ERROR".into(), &17.into()));
    let sentence = log["body"]["stringValue"].as_str().expect("text");
    assert!(sentence.starts_with("2.0 s of audio") && sentence.ends_with("error"), "{sentence}");
    let is_traced = json.get("trace.id").is_some_and(|id| id == TRACE);
    assert_eq!(log.get("traceId").and_then(Value::as_str), is_traced.then_some(TRACE));
    assert_eq!(log.get("spanId").and_then(Value::as_str), is_traced.then_some("00f067aa0ba902b7"));
    let found = attributes(log);
    let elsewhere = |name: &str| {
        name.starts_with("service.")
            || name.starts_with("host.")
            || name == "otoscope.version"
            || is_traced && ["trace.id", "span.id"].contains(&name)
    };
    let mut names: Vec<&String> = json.keys().filter(|name| !elsewhere(name)).collect();
    names.sort();
    assert_eq!(found.keys().collect::<Vec<_>>(), names);
    for name in names {
        let (is, was) = (&found[name], &json[name]);
        assert_eq!(is.as_object().map(Map::len), Some(1), "{name}: one type");
        match was {
            Value::String(_) => assert_eq!(&is["stringValue"], was),
            Value::Bool(_) => assert_eq!(&is["boolValue"], was),
            Value::Number(n) if n.is_u64() => assert_eq!(is["intValue"], n.to_string(), "64-bit numbers are strings"),
            Value::Number(_) => assert_eq!(&is["doubleValue"], was),
            Value::Array(_) if name == "findings" => {
                let text = is["stringValue"].as_str().expect("one string");
                assert_eq!(&serde_json::from_str::<Value>(text).expect("JSON"), was);
            }
            Value::Array(all) => {
                let values: Vec<&Value> =
                    is["arrayValue"]["values"].as_array().expect("a list").iter().map(|v| &v["stringValue"]).collect();
                assert_eq!(values, all.iter().collect::<Vec<_>>());
            }
            other => panic!("{name}: {other}"),
        }
    }
}

#[test]
fn the_severity_is_the_worst_findings() {
    let stub = Stub::new(|_, _| fine());
    let mut records = records(&[&[], &[], &[], &[]]);
    let text = String::from_utf8(records[0].json.clone()).expect("UTF-8");
    for (record, worst) in records.iter_mut().zip(["error", "warning", "info", ""]) {
        let with = if worst.is_empty() { String::new() } else { format!("\"tts.audio.worst\":\"{worst}\",") };
        assert!(text.contains("\"tts.audio.worst\":\"error\","));
        record.json = text.replace("\"tts.audio.worst\":\"error\",", &with).into_bytes();
    }
    stub.sink(|_| ()).deliver(&records).expect("it takes them");
    let json = stub.requests()[0].json();
    let logs = json["resourceLogs"][0]["scopeLogs"][0]["logRecords"].as_array().expect("a list").clone();
    let seen: Vec<(u64, &str)> = logs
        .iter()
        .map(|l| (l["severityNumber"].as_u64().expect("a number"), l["severityText"].as_str().expect("text")))
        .collect();
    assert_eq!(seen, [(17, "ERROR"), (13, "WARN"), (9, "INFO"), (9, "INFO")]);
    assert!(logs[3]["body"]["stringValue"].as_str().is_some_and(|s| s.contains("nothing found")));
}

/// Refuses what says so.
fn poisoned(code: u16) -> impl Fn(usize, &Request) -> Said {
    move |_, request| if request.text.contains("poison") { status(code) } else { fine() }
}

#[test]
fn halving_finds_what_the_server_does_not_take() {
    let poison: &[(&str, &str)] = &[("tier", "poison")];
    let sets: [&[(&str, &str)]; 9] = [&[], &[], poison, &[], &[], &[], &[], poison, &[]];
    for code in [400, 413, 422] {
        let stub = Stub::new(poisoned(code));
        let folder = tempfile::tempdir().expect("a folder");
        let spool = spool(folder.path(), &sets);
        let mut sink = stub.sink(|options| options.request_records = 7);
        let mut pump = Pump::open(spool.folder(), &mut sink, PumpOptions::default()).expect("it opens");
        assert_eq!(pump.drain(&mut sink, PATIENCE).expect("it goes on"), 9);
        assert_eq!((pump.cursor().delivered, pump.cursor().dead), (7, 2));
        let taken: Vec<String> =
            stub.requests().iter().filter(|r| !r.text.contains("poison")).flat_map(Request::streams).collect();
        assert_eq!(taken, ["0", "1", "3", "4", "5", "6", "8"], "each once, in order");
        let dead = std::fs::read_to_string(spool.folder().join("dead-otlp.ndjson")).expect("there");
        let dead: Vec<Value> = dead.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
        let ids: Vec<&Value> = dead.iter().map(|d| &d["record"]["tts.stream.id"]).collect();
        assert_eq!(ids, ["2", "7"]);
        assert!(dead[0]["reason"].as_str().is_some_and(|r| r.contains(&format!("it says {code}"))), "{:?}", dead[0]);
    }
}

#[test]
fn a_server_that_refuses_everything_is_no_reason_for_dead_letters() {
    let stub = Stub::new(|_, _| status(400));
    let Err(Failure::Stop(reason)) = stub.sink(|_| ()).deliver(&records(&[&[], &[], &[]])) else { panic!("it stops") };
    assert!(reason.contains("it says 400") && reason.contains("not the records"), "{reason}");
    // It takes an empty request, and really none of these.
    let stub = Stub::new(|_, request| if request.text == "{\"resourceLogs\":[]}" { fine() } else { status(400) });
    let rejected = stub.sink(|_| ()).deliver(&records(&[&[], &[], &[]])).expect("it goes on");
    assert_eq!(numbers(&rejected), [0, 1, 2]);
    let empty = stub.requests().iter().filter(|r| r.text == "{\"resourceLogs\":[]}").count();
    assert_eq!(empty, 1, "asked once");
}

#[test]
fn a_record_that_is_none_is_a_dead_letter_and_not_sent() {
    let stub = Stub::new(|_, _| fine());
    let mut sink = stub.sink(|_| ());
    let mut records = records(&[&[], &[], &[]]);
    records[1].json = b"{\"torn".to_vec();
    assert_eq!(numbers(&sink.deliver(&records).expect("it goes on")), [1]);
    assert_eq!(stub.requests()[0].streams(), ["0", "2"]);
    assert_eq!(numbers(&sink.deliver(&records[1..2]).expect("it goes on")), [0]);
    assert_eq!(stub.requests().len(), 1, "nothing to send");
}

#[test]
fn what_may_work_later_is_offered_again_from_where_it_broke_off() {
    for code in [408, 429, 500, 502, 503, 504, 0] {
        // The third request fails once; 0: it is taken and the connection breaks.
        let stub = Stub::new(move |n, _| match (n, code) {
            (2, 0) => None,
            (2, code) => status(code),
            _ => fine(),
        });
        let folder = tempfile::tempdir().expect("a folder");
        let spool = spool(folder.path(), &[&[][..]; 7]);
        let mut sink = stub.sink(|options| options.request_records = 2);
        let mut pump = Pump::open(spool.folder(), &mut sink, PumpOptions::default()).expect("it opens");
        match pump.step(&mut sink).expect("a good disk") {
            Step::Waiting(reason, _) if code != 0 => assert!(reason.contains(&code.to_string()), "{reason}"),
            Step::Waiting(..) => {}
            other => panic!("{other:?} for {code}"),
        }
        assert_eq!(pump.cursor().seq, 4, "two requests were taken");
        assert_eq!(pump.drain(&mut sink, PATIENCE).expect("it goes on"), 3);
        let sent: Vec<String> = stub.requests().iter().flat_map(Request::streams).collect();
        assert_eq!(sent, ["0", "1", "2", "3", "4", "5", "4", "5", "6"], "{code}");
    }
    let free = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let mut options = OtlpOptions::default();
    options.endpoint = format!("http://{free}");
    let mut sink = Otlp::new(&options).expect("right options");
    let nobody = sink.deliver(&records(&[&[]]));
    assert!(matches!(nobody, Err(Failure::Later { done: 0, .. })), "{nobody:?}");
}

#[test]
fn a_server_that_wants_to_be_left_alone_is() {
    for (said, waits) in [
        ("Retry-After: 1000\r\n", true),
        ("Retry-After: Fri, 01 Jan 2100 00:00:00 GMT\r\n", true),
        ("Retry-After: 0\r\n", false),
        ("Retry-After: Fri, 01 Jan 1999 00:00:00 GMT\r\n", false),
        ("Retry-After: soon\r\n", false),
        ("", false),
    ] {
        let stub = Stub::new(move |n, _| if n == 0 { Some((429, said, String::new())) } else { fine() });
        let mut sink = stub.sink(|_| ());
        let records = records(&[&[]]);
        assert!(matches!(sink.deliver(&records), Err(Failure::Later { done: 0, .. })), "{said}");
        match sink.deliver(&records) {
            Err(Failure::Later { done: 0, reason, .. }) if waits => assert!(reason.contains("left alone"), "{reason}"),
            Ok(_) if !waits => {}
            other => panic!("{said}: {other:?}"),
        }
        assert_eq!(stub.requests().len(), if waits { 1 } else { 2 }, "{said}");
    }
}

#[test]
fn what_somebody_must_change_stops_it() {
    let elsewhere = Stub::new(|_, _| fine());
    let moved: &'static str = format!("Location: http://{}/\r\n", elsewhere.address).leak();
    for (code, named) in [
        (401, "headers"),
        (403, "headers"),
        (404, "endpoint"),
        (405, "endpoint"),
        (415, "415"),
        (302, "moved"),
        (307, "moved"),
    ] {
        let stub = Stub::new(move |_, _| if code < 400 { Some((code, moved, String::new())) } else { status(code) });
        let stopped = stub.sink(|_| ()).deliver(&records(&[&[], &[]]));
        let Err(Failure::Stop(reason)) = stopped else { panic!("{stopped:?} for {code}") };
        assert!(reason.contains(named), "{reason}");
        assert_eq!(stub.requests().len(), 1);
    }
    assert_eq!(elsewhere.requests().len(), 0, "a redirect is not followed");
    // What was taken before is kept.
    let stub = Stub::new(|n, _| if n == 0 { fine() } else { status(401) });
    let mut sink = stub.sink(|options| options.request_records = 1);
    let records = records(&[&[], &[]]);
    assert!(matches!(sink.deliver(&records), Err(Failure::Later { done: 1, .. })));
    assert!(matches!(sink.deliver(&records[1..]), Err(Failure::Stop(_))));
}

#[test]
fn what_a_server_took_in_part_is_counted() {
    let partial = |rejected: &str| {
        format!("{{\"partialSuccess\":{{\"rejectedLogRecords\":{rejected},\"errorMessage\":\"too old\"}}}}")
    };
    for (said, kind, dead, unnamed) in [
        (partial("\"3\""), JSON, vec![0, 1, 2], 0),
        (partial("3"), JSON, vec![0, 1, 2], 0),
        (partial("\"2\""), JSON, vec![], 2),
        (partial("\"0\""), JSON, vec![], 0),
        ("{\"partialSuccess\":null}".to_owned(), JSON, vec![], 0),
        (String::new(), "", vec![], 0),
        ("\u{a}\u{0}".to_owned(), "Content-Type: application/x-protobuf\r\n", vec![], 0),
    ] {
        let body = said.clone();
        let stub = Stub::new(move |_, _| Some((200, kind, body.clone())));
        let mut sink = stub.sink(|_| ());
        let rejected = sink.deliver(&records(&[&[], &[], &[]])).unwrap_or_else(|e| panic!("{said}: {e:?}"));
        assert_eq!(numbers(&rejected), dead, "{said}");
        assert!(rejected.iter().all(|r| r.reason == "too old"));
        let counters = sink.counters();
        assert_eq!(counters.refused_unnamed(), unnamed);
        assert_eq!(counters.last_refusal().as_deref(), (unnamed > 0).then_some("too old"));
        assert_eq!(stub.requests().len(), 1, "not sent again");
    }
    let stub = Stub::new(|_, _| Some((200, "Content-Type: text/html\r\n", "<h1>Sign in</h1>".to_owned())));
    let Err(Failure::Stop(reason)) = stub.sink(|_| ()).deliver(&records(&[&[]])) else { panic!("that is no OTLP") };
    assert!(reason.contains("Sign in") && reason.contains("endpoint"), "{reason}");
}

#[test]
fn secrets_are_shown_nowhere() {
    let secret = "hunter2hunter2";
    let echo = |_: usize, request: &Request| {
        let said = format!("no right for {}", request.headers["authorization"]);
        Some((if request.text.contains("later") { 503 } else { 401 }, "", said))
    };
    let stub = Stub::new(echo);
    let mut options = OtlpOptions::default();
    options.endpoint = format!("http://{}", stub.address);
    options.headers = vec![("Authorization".to_owned(), format!("Basic {secret}"))];
    let mut sink = Otlp::new(&options).expect("right options");
    let mut shown = vec![format!("{options:?}"), format!("{sink:?}")];
    for set in [&[][..], &[("tier", "later")]] {
        match sink.deliver(&records(&[set])) {
            Err(Failure::Stop(reason) | Failure::Later { reason, .. }) => shown.push(reason),
            other => panic!("{other:?}"),
        }
    }
    assert!(shown[2].contains("no right for"), "{}", shown[2]);
    options.headers[0].1.push('\n');
    shown.push(Otlp::new(&options).expect_err("a line break").to_string());
    options.headers.clear();
    options.endpoint = format!("https://me:{secret}@example.org/x");
    shown.push(format!("{options:?}"));
    shown.push(Otlp::new(&options).expect_err("a password in the address").to_string());
    for text in &shown {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(shown[0].contains("Authorization"), "which headers there are may be seen");
}

#[test]
fn wrong_options_are_named() {
    let with = |change: &dyn Fn(&mut OtlpOptions)| {
        let mut options = OtlpOptions::default();
        change(&mut options);
        Otlp::new(&options)
    };
    assert!(with(&|_| ()).is_ok());
    type Change = (&'static str, Box<dyn Fn(&mut OtlpOptions)>);
    let wrong: [Change; 9] = [
        ("http://HOST", Box::new(|o| o.endpoint = "localhost:4318".to_owned())),
        ("http://HOST", Box::new(|o| o.endpoint = "ftp://localhost".to_owned())),
        ("no address", Box::new(|o| o.endpoint = "http://".to_owned())),
        ("no address", Box::new(|o| o.endpoint = "http://a b".to_owned())),
        ("more than a path", Box::new(|o| o.endpoint = "http://a/?key=1".to_owned())),
        ("no name of a header", Box::new(|o| o.headers = vec![("a b".to_owned(), "c".to_owned())])),
        ("set by the exporter", Box::new(|o| o.headers = vec![("content-type".to_owned(), "c".to_owned())])),
        ("no certificate", Box::new(|o| o.ca_pem = Some(b"nothing".to_vec()))),
        (
            "cannot be read",
            Box::new(|o| o.ca_pem = Some(b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n".to_vec())),
        ),
    ];
    for (named, change) in wrong {
        let error = with(&*change).expect_err(named);
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
        assert!(error.to_string().contains(named), "{error}");
    }
}

/// Any build of the OpenTelemetry Collector with the receiver `otlp` and the exporter `debug`; then
/// `cargo test --all-features -- --ignored a_real_collector`.
#[test]
#[ignore = "needs otelcol on the path"]
fn a_real_collector_takes_it() {
    let folder = tempfile::tempdir().expect("a folder");
    // Free a moment ago.
    let address = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a port");
    let config = format!(
        "{{receivers: {{otlp: {{protocols: {{http: {{endpoint: '{address}'}}}}}}}}, \
         exporters: {{debug: {{verbosity: detailed}}}}, \
         service: {{telemetry: {{metrics: {{level: none}}}}, \
         pipelines: {{logs: {{receivers: [otlp], exporters: [debug]}}}}}}}}"
    );
    let (path, log) = (folder.path().join("config.yaml"), folder.path().join("log"));
    std::fs::write(&path, config).expect("writable");
    let mut collector = Command::new("otelcol")
        .arg("--config")
        .arg(format!("file:{}", path.display()))
        .stdout(Stdio::null())
        .stderr(std::fs::File::create(&log).expect("writable"))
        .spawn()
        .expect("otelcol is installed");
    let traced: &[(&str, &str)] = &[("trace.id", TRACE), ("span.id", "00f067aa0ba902b7")];
    let records = records(&[traced; 40]);
    let mut options = OtlpOptions::default();
    options.endpoint = format!("http://{address}");
    options.request_records = 15;
    let mut sink = Otlp::new(&options).expect("right options");
    let start = Instant::now();
    let taken = loop {
        match sink.deliver(&records) {
            // It is still starting.
            Err(Failure::Later { done: 0, .. }) if start.elapsed() < Duration::from_secs(60) => {
                std::thread::sleep(Duration::from_millis(100));
            }
            taken => break taken,
        }
    };
    let seen = || std::fs::read_to_string(&log).expect("readable");
    let count = |text: &str| text.lines().filter(|line| line.starts_with("LogRecord #")).count();
    while count(&seen()) < 40 && start.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(50));
    }
    collector.kill().expect("it runs");
    collector.wait().expect("it ends");
    assert_eq!(taken, Ok(Vec::new()));
    let text = seen();
    assert_eq!(count(&text), 40);
    for line in [
        "SeverityNumber: Error(17)",
        "EventName: tts.report",
        "Trace ID: 0af7651916cd43dd8448eb211c80319c",
        "Span ID: 00f067aa0ba902b7",
        "     -> service.name: Str(demo)",
        "     -> tts.audio.channels: Int(1)",
        "     -> tts.audio.is_final: Bool(true)",
        "     -> tts.audio.duration_s: Double(2)",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} is not in\n{text:.3000}");
    }
}
