//! The bulk sink, OpenSearch and Elasticsearch: the same bytes for both.

use crate::common::records;
use crate::harness::{self, Server, Storm, sums};
use otoscope_export::sinks::elasticsearch::{Elasticsearch, ElasticsearchOptions};
use otoscope_export::verify::Counter;
use otoscope_export::{Record, ReportId, Sink};
use serde_json::{Value, json};

const URL: &str = "OTOSCOPE_SEARCH_URL";
const OPENSEARCH: (&str, &str) = ("opensearch", "http://127.0.0.1:19201");
const ELASTICSEARCH: (&str, &str) = ("elasticsearch", "http://127.0.0.1:19200");

fn sink(url: &str) -> Elasticsearch {
    let mut options = ElasticsearchOptions::default();
    options.url = url.to_owned();
    Elasticsearch::new(options)
}

#[test]
#[ignore = "a child"]
fn pump() {
    if harness::is_child() {
        harness::pump(&mut sink(&std::env::var(URL).expect("the parent says where")));
    }
}

/// An answer of the server, which must be good.
fn ask(url: &str, path: &str, body: &Value) -> Value {
    let request = ureq::post(format!("{url}/{path}")).header("Content-Type", "application/json");
    let mut answer = request.send(body.to_string()).unwrap_or_else(|e| panic!("{path}: {e}"));
    let text = answer.body_mut().with_config().limit(64 << 20).read_to_string().expect("text");
    serde_json::from_str(&text).expect("JSON")
}

/// What was written a moment ago is found from now on.
fn refresh(url: &str) {
    ureq::post(format!("{url}/tts-report-*/_refresh")).send_empty().expect("a good answer");
}

/// Every document: id, revision, digest.
fn read_back(url: &str) -> Vec<((ReportId, u32), u32)> {
    refresh(url);
    let mut all = Vec::new();
    let mut after = Value::Null;
    loop {
        let mut query =
            json!({ "size": 5000, "sort": ["event.id"], "version": true, "_source": ["event.id", "tts.digest32"] });
        if !after.is_null() {
            query["search_after"] = after;
        }
        let answer = ask(url, "tts-report-*/_search", &query);
        let hits = answer["hits"]["hits"].as_array().expect("a list");
        let Some(last) = hits.last() else { return all };
        after = last["sort"].clone();
        for hit in hits {
            let id = hit["_source"]["event.id"].as_str().and_then(ReportId::parse).expect("an id");
            assert_eq!(hit["_id"], id.to_string());
            let version = hit["_version"].as_u64().expect("a version") as u32;
            all.push(((id, version), hit["_source"]["tts.digest32"].as_u64().expect("a digest") as u32));
        }
    }
}

fn storm((name, url): (&'static str, &str)) {
    let server = Server::start(name);
    let environment = vec![(URL.to_owned(), url.to_owned())];
    let truth = Storm { name, server: Some(&server), pump: "search::pump", environment }.run();
    let stored = read_back(url);
    let documents = stored.len();
    let again = truth.compare(stored.into_iter());
    eprintln!("{name}: {documents} documents");
    assert_eq!(again, 0, "each id once");
    // What `otoscope export verify` asks.
    assert_eq!(sums(&sink(url).hours().expect("it answers")), truth.sums());
}

/// What a search store makes of the documents: types, nested findings, revisions, what it refuses.
fn understood((name, url): (&'static str, &str)) {
    let _server = Server::start(name);
    let mut sink = sink(url);
    let batch = records(20);
    assert_eq!(sink.deliver(&batch), Ok(vec![]));
    assert_eq!(sink.deliver(&batch), Ok(vec![]), "again is harmless");
    let newer: Vec<Record> = batch[..5]
        .iter()
        .map(|r| Record { envelope: otoscope_export::Envelope { rev: 1, ..r.envelope }, ..r.clone() })
        .collect();
    assert_eq!(sink.deliver(&newer), Ok(vec![]));
    assert_eq!(sink.deliver(&batch[..5]), Ok(vec![]), "an old revision after a new one changes nothing");
    let stored = read_back(url);
    assert_eq!((stored.len(), stored.iter().filter(|((_, rev), _)| *rev == 1).count()), (20, 5));
    let mut counter = Counter::default();
    batch.iter().for_each(|record| counter.add(&record.envelope));
    assert_eq!(sink.hours().expect("it answers"), counter.hours());

    // One wrong type is refused alone.
    let mut wrong = records(3);
    let text = String::from_utf8(wrong[1].json.clone()).expect("UTF-8");
    wrong[1].json = text.replace("\"tts.audio.channels\":1", "\"tts.audio.channels\":\"one\"").into_bytes();
    let rejected = sink.deliver(&wrong).expect("it answers");
    assert_eq!(rejected.iter().map(|r| r.index).collect::<Vec<_>>(), [1]);
    assert!(rejected[0].reason.contains("tts.audio.channels"), "{}", rejected[0].reason);

    refresh(url);
    // By voice, and the pairing of a finding's parts.
    let query = json!({ "size": 0, "aggs": {
        "voices": { "terms": { "field": "gen_ai.speech.voice" }, "aggs": { "loudness": { "avg": { "field": "tts.audio.loudness.integrated_lufs" } } } },
        "holes": { "nested": { "path": "findings" }, "aggs": { "bad": { "filter": { "bool": { "filter": [
            { "term": { "findings.kind": "hole" } }, { "term": { "findings.metric": "dropout" } },
        ] } } } } },
    } });
    let answer = ask(url, "tts-report-*/_search", &query);
    let voices = answer["aggregations"]["voices"]["buckets"].as_array().expect("voices");
    assert_eq!(voices.len(), 2);
    assert!(voices.iter().all(|v| v["loudness"]["value"].as_f64().is_some_and(|x| x < 0.0)), "{voices:?}");
    assert_eq!(answer["aggregations"]["holes"]["bad"]["doc_count"], 22, "one a report, and two of the last three");
}

#[test]
#[ignore = "make test-servers"]
fn no_acknowledged_report_is_lost_or_twice_while_opensearch_and_children_are_killed() {
    storm(OPENSEARCH);
}

#[test]
#[ignore = "make test-servers"]
fn no_acknowledged_report_is_lost_or_twice_while_elasticsearch_and_children_are_killed() {
    storm(ELASTICSEARCH);
}

#[test]
#[ignore = "make test-servers"]
fn opensearch_understands_records() {
    understood(OPENSEARCH);
}

#[test]
#[ignore = "make test-servers"]
fn elasticsearch_understands_records() {
    understood(ELASTICSEARCH);
}
