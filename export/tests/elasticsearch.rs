//! The bulk sink against a server that plays every answer; real servers have their own command.
#![cfg(feature = "elasticsearch")]

mod common;

use common::records;
use flate2::read::GzDecoder;
use otoscope_export::sinks::elasticsearch::{Credentials, Elasticsearch, ElasticsearchOptions};
use otoscope_export::{Failure, Record, Sink};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

/// What was asked: method and path, headers, body (unpacked).
#[derive(Debug, Clone)]
struct Asked {
    line: String,
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Asked {
    fn lines(&self) -> Vec<Value> {
        let text = std::str::from_utf8(&self.body).expect("UTF-8");
        text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
    }
}

type Log = Arc<Mutex<Vec<Asked>>>;

/// A server that answers by `play`: status and body; 0 closes the connection without an answer.
fn server(play: impl Fn(usize, &Asked) -> (u16, Value) + Send + 'static) -> (String, Log) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}", listener.local_addr().expect("bound"));
    let log = Log::default();
    let seen = Arc::clone(&log);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut reader = BufReader::new(stream.try_clone().expect("a socket"));
            let (mut head, mut line) = (Vec::new(), String::new());
            while reader.read_line(&mut line).is_ok_and(|n| n > 2) {
                head.push(std::mem::take(&mut line).trim_end().to_owned());
            }
            if head.is_empty() {
                continue;
            }
            let header = |name: &str| {
                let found = head.iter().find_map(|h| h.to_ascii_lowercase().strip_prefix(name).map(str::to_owned));
                found.unwrap_or_default()
            };
            let mut body = vec![0; header("content-length: ").parse().unwrap_or(0)];
            reader.read_exact(&mut body).expect("all of it");
            if header("content-encoding: ") == "gzip" {
                let mut plain = Vec::new();
                GzDecoder::new(&*body).read_to_end(&mut plain).expect("gzip");
                body = plain;
            }
            let asked = Asked { line: head.remove(0), headers: head, body };
            let number = seen.lock().expect("alone").len();
            let (status, answer) = play(number, &asked);
            seen.lock().expect("alone").push(asked);
            let text = answer.to_string();
            if status > 0 {
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{text}",
                    text.len()
                );
            }
        }
    });
    (url, log)
}

fn sink(url: &str, templates: bool) -> Elasticsearch {
    let mut options = ElasticsearchOptions::default();
    options.url = url.to_owned();
    options.install_templates = templates;
    Elasticsearch::new(options)
}

fn items(asked: &Asked, status: impl Fn(usize) -> (u16, Value)) -> (u16, Value) {
    let count = asked.lines().len() / 2;
    let items: Vec<Value> = (0..count)
        .map(|i| {
            let (status, error) = status(i);
            json!({ "index": { "status": status, "error": error } })
        })
        .collect();
    (200, json!({ "errors": true, "items": items }))
}

fn later(result: Result<Vec<otoscope_export::Rejected>, Failure>) -> (usize, usize, String) {
    match result {
        Err(Failure::Later { done, rejected, reason }) => (done, rejected.len(), reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn templates_come_first_and_documents_have_id_version_day_and_ecs_names() {
    let (url, log) =
        server(
            |_, asked| {
                if asked.line.contains("_bulk") { items(asked, |_| (201, Value::Null)) } else { (200, json!({})) }
            },
        );
    let mut sink = sink(&url, true);
    let batch = records(3);
    assert_eq!(sink.deliver(&batch), Ok(Vec::new()));
    assert_eq!(sink.deliver(&batch[..1]), Ok(Vec::new()));
    let log = log.lock().expect("alone").clone();
    let lines: Vec<&str> = log.iter().map(|a| a.line.trim_end_matches(" HTTP/1.1")).collect();
    assert_eq!(
        lines,
        [
            "PUT /_component_template/tts-report-ecs",
            "PUT /_component_template/tts-report-mappings",
            "PUT /_index_template/tts-report",
            "POST /_bulk?filter_path=errors,items.*.status,items.*.error",
            "POST /_bulk?filter_path=errors,items.*.status,items.*.error",
        ]
    );
    let template: Value = serde_json::from_slice(&log[1].body).expect("JSON");
    let known = &template["template"]["mappings"]["properties"];
    assert_eq!(known["tts.audio.loudness.integrated_lufs"]["type"], "double");
    assert_eq!(known["findings"]["type"], "nested");
    let bulk = log[3].lines();
    assert_eq!(bulk.len(), 6);
    for (i, record) in batch.iter().enumerate() {
        let head = &bulk[2 * i]["index"];
        assert_eq!(head["_id"], record.envelope.id.to_string());
        assert_eq!((&head["version"], &head["version_type"]), (&json!(record.envelope.rev), &json!("external")));
        assert_eq!(head["_index"], "tts-report-2023.11.14");
        let document = &bulk[2 * i + 1];
        assert_eq!(document["event.id"], record.envelope.id.to_string());
        assert_eq!((&document["event.dataset"], document.get("report_id")), (&json!("tts.report"), None));
        assert_eq!(document["tts.digest32"], record.envelope.digest32);
        assert!(document["tts.audio.loudness.integrated_lufs"].is_number());
    }
    assert!(log[3].headers.iter().any(|h| h.eq_ignore_ascii_case("content-encoding: gzip")));
}

#[test]
fn each_item_has_its_own_answer() {
    let block = json!({ "type": "cluster_block_exception", "reason": "disk usage exceeded flood-stage watermark" });
    let (url, _) = server(move |number, asked| match number {
        // There already; wrong for good; fine.
        0 => items(asked, |i| match i {
            0 => (409, json!({ "type": "version_conflict_engine_exception" })),
            1 => (400, json!({ "reason": "failed to parse", "caused_by": { "reason": "not a date" } })),
            _ => (201, Value::Null),
        }),
        // Too busy for the third; what follows was taken.
        1 => items(asked, |i| if i == 2 { (429, json!({ "reason": "queue is full" })) } else { (200, Value::Null) }),
        _ => items(asked, |i| if i == 0 { (403, block.clone()) } else { (200, Value::Null) }),
    });
    let mut sink = sink(&url, false);
    let batch = records(4);
    let rejected = sink.deliver(&batch).expect("delivered");
    assert_eq!(rejected.len(), 1);
    assert_eq!((rejected[0].index, &*rejected[0].reason), (1, "400: failed to parse (not a date)"));
    assert_eq!(later(sink.deliver(&batch)), (2, 0, "queue is full".to_owned()));
    let (done, rejected, reason) = later(sink.deliver(&batch));
    assert_eq!((done, rejected), (0, 0), "a full disk is no reason for dead letters");
    assert!(reason.contains("flood-stage"), "{reason}");
}

#[test]
fn too_large_is_halved_and_one_that_is_too_large_alone_is_refused() {
    let (url, log) = server(|_, asked| {
        let lines = asked.lines();
        let poison = lines.iter().any(|l| l["tts.stream.id"] == "2");
        if lines.len() > 4 || (poison && lines.len() > 2) || (poison && lines.len() == 2) {
            (413, Value::Null)
        } else {
            items(asked, |_| (200, Value::Null))
        }
    });
    let mut sink = sink(&url, false);
    let rejected = sink.deliver(&records(5)).expect("delivered");
    assert_eq!(rejected.iter().map(|r| r.index).collect::<Vec<_>>(), [2]);
    assert!(log.lock().expect("alone").len() > 3);
}

#[test]
fn a_wrong_password_stops_and_is_never_told_and_a_broken_connection_is_tried_again() {
    let (url, log) = server(|number, asked| match number {
        0 => (401, json!({ "error": { "type": "security_exception", "reason": "unable to authenticate user [me]" } })),
        1 => (0, Value::Null),
        2 => (503, Value::Null),
        3 => (403, json!({ "error": { "type": "cluster_block_exception", "reason": "blocked" } })),
        _ => items(asked, |_| (200, Value::Null)),
    });
    let mut options = ElasticsearchOptions::default();
    options.url = url.clone();
    options.install_templates = false;
    options.credentials = Credentials::Basic { user: "me".to_owned(), password: "hunter2".to_owned() };
    let mut sink = Elasticsearch::new(options);
    let batch = records(1);
    let Err(Failure::Stop(reason)) = sink.deliver(&batch) else { panic!("it stops") };
    assert!(reason.contains("check user") && reason.contains("[me]") && !reason.contains("hunter2"), "{reason}");
    for _ in 0..3 {
        let (done, _, reason) = later(sink.deliver(&batch));
        assert!(done == 0 && !reason.contains("hunter2"), "{reason}");
    }
    assert_eq!(sink.deliver(&batch), Ok(Vec::new()));
    let authorization = "authorization: basic bwu6ahvudgvymg==";
    assert!(
        log.lock().expect("alone").iter().all(|a| a.headers.iter().any(|h| h.to_ascii_lowercase() == authorization))
    );
    let mut nobody = self::sink("http://127.0.0.1:9", false);
    assert_eq!(later(nobody.deliver(&batch)).0, 0);
}

#[test]
fn what_is_no_json_goes_to_the_dead_letters() {
    let (url, _) = server(|_, asked| items(asked, |_| (200, Value::Null)));
    let mut batch = records(3);
    batch[1] = Record { json: b"{".to_vec(), ..batch[1].clone() };
    let rejected = sink(&url, false).deliver(&batch).expect("delivered");
    assert_eq!(rejected.iter().map(|r| r.index).collect::<Vec<_>>(), [1]);
}
