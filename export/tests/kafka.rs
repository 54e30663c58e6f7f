//! The Kafka sink against librdkafka's own mock cluster: brokers on loopback that speak the protocol and fail on demand.
#![cfg(feature = "kafka")]

#[path = "common/kafka.rs"]
mod broker;
mod common;

use broker::{Message, read_topic};
use common::heard;
use otoscope_export::sinks::kafka::{Kafka, KafkaOptions};
use otoscope_export::{
    Disk, Failure, Pump, PumpOptions, Reader, Record, ReportId, Sink, Spool, SpoolOptions, Step, Submission,
    envelope_of,
};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr as Respond};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

const TOPIC: &str = "tts.report.v1";

type Mock = MockCluster<'static, DefaultProducerContext>;

fn cluster(partitions: i32) -> Mock {
    let mock = MockCluster::new(3).expect("a mock cluster");
    mock.create_topic(TOPIC, partitions, 3).expect("a topic");
    mock
}

fn sink(mock: &Mock, properties: &[(&str, &str)]) -> Kafka {
    let mut options = KafkaOptions::default();
    options.bootstrap_servers = mock.bootstrap_servers();
    options.properties = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    Kafka::new(options).expect("a good configuration")
}

/// A spool with so many reports; every tenth has a long label.
fn spooled(folder: &Path, count: u64) -> Spool {
    let spool = Spool::open(folder, SpoolOptions::default()).expect("it opens");
    let handle = spool.handle();
    let (report, findings) = heard();
    let long = "x".repeat(1200);
    for n in 0..count {
        let attributes = if n % 10 == 7 { &[("note", long.as_str())][..] } else { &[][..] };
        let submission =
            Submission { report: &report, findings: &findings, unix_ms: 1_700_000_000_000 + n, attributes };
        while handle.try_push(submission).is_err() {
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    handle.flush(Duration::from_secs(30)).expect("a good disk");
    spool
}

fn records(spool: &Spool) -> Vec<Record> {
    Reader::new(Disk::new(spool.folder()).expect("there"), 1).next_batch(usize::MAX, usize::MAX).expect("readable")
}

/// How often each is there; every message is checked against its own headers.
fn counted(messages: &[Message]) -> BTreeMap<(ReportId, u32), usize> {
    let mut counts = BTreeMap::new();
    for message in messages {
        assert_eq!(envelope_of(&message.value).map(|e| e.digest32), Some(message.digest32()), "the value is whole");
        *counts.entry(message.identity()).or_default() += 1;
    }
    counts
}

fn identities(records: &[Record]) -> Vec<(ReportId, u32)> {
    let mut all: Vec<_> = records.iter().map(|r| (r.envelope.id, r.envelope.rev)).collect();
    all.sort();
    all
}

#[test]
fn every_record_is_one_message_also_when_the_producers_queue_is_full() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = spooled(folder.path(), 1500);
    let mock = cluster(6);
    // A tenth of a batch fits into the queue.
    let mut sink = sink(&mock, &[("queue.buffering.max.messages", "100")]);
    let mut pump = Pump::open(spool.folder(), &mut sink, PumpOptions::default()).expect("it opens");
    assert_eq!(pump.drain(&mut sink, Duration::from_secs(60)).expect("the brokers are up"), 1500);
    let messages = read_topic(&mock.bootstrap_servers(), TOPIC);
    let counts = counted(&messages);
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), identities(&records(&spool)));
    assert!(counts.values().all(|&n| n == 1), "nothing failed: nothing comes twice");
    let json: serde_json::Value = serde_json::from_slice(&messages[0].value).expect("JSON");
    let headers = &messages[0].headers;
    assert_eq!(
        (&json["report_id"], &json["schema"], json["rev"].to_string(), json["digest32"].to_string()),
        (
            &messages[0].key.as_str().into(),
            &headers["schema"].as_str().into(),
            headers["rev"].clone(),
            headers["digest32"].clone()
        )
    );
}

#[test]
fn while_all_brokers_are_down_the_cursor_stands_and_nothing_is_lost() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = spooled(folder.path(), 300);
    let mock = cluster(3);
    let mut sink = sink(&mock, &[("message.timeout.ms", "1500"), ("reconnect.backoff.max.ms", "200")]);
    let mut options = PumpOptions::default();
    options.batch = 100;
    let mut pump = Pump::open(spool.folder(), &mut sink, options).expect("it opens");
    assert_eq!(pump.step(&mut sink).expect("a good disk"), Step::Delivered(100));
    mock.broker_down(-1).expect("down");
    for _ in 0..2 {
        let Step::Waiting(reason, _) = pump.step(&mut sink).expect("a good disk") else { panic!("no broker is up") };
        assert!(reason.contains("not delivered to Kafka in message.timeout.ms"), "{reason}");
        assert_eq!((pump.cursor().seq, pump.cursor().delivered), (100, 100));
    }
    mock.broker_up(-1).expect("up");
    pump.drain(&mut sink, Duration::from_secs(60)).expect("the brokers are up again");
    assert_eq!((pump.cursor().seq, pump.cursor().delivered, pump.cursor().dead), (300, 300, 0));
    let counts = counted(&read_topic(&mock.bootstrap_servers(), TOPIC));
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), identities(&records(&spool)));
    let twice = counts.values().filter(|&&n| n > 1).count();
    assert!(twice <= 100, "only what was on its way may come again: {twice}");
}

#[test]
fn what_is_delivered_behind_a_gap_is_not_sent_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = spooled(folder.path(), 200);
    let mock = cluster(2);
    let all = records(&spool);
    for (partition, broker) in [(0, 1), (1, 2)] {
        mock.partition_leader(TOPIC, partition, Some(broker)).expect("a leader");
    }
    let mut sink = sink(&mock, &[("message.timeout.ms", "2000"), ("reconnect.backoff.max.ms", "200")]);
    assert_eq!(sink.deliver(&all[..20]), Ok(vec![]));
    mock.broker_down(2).expect("down");
    let failure = sink.deliver(&all[20..]).expect_err("one partition's broker is down");
    let Failure::Later { done, rejected, .. } = failure else { panic!("{failure:?}") };
    assert!(done < 180 && rejected.is_empty());
    mock.broker_up(2).expect("up");
    assert_eq!(sink.deliver(&all[20 + done..]), Ok(vec![]));
    let counts = counted(&read_topic(&mock.bootstrap_servers(), TOPIC));
    assert_eq!(counts.keys().copied().collect::<Vec<_>>(), identities(&all));
    let twice = counts.values().filter(|&&n| n > 1).count();
    // A request that was on its way when the connection broke may come twice, the hundred of the other partition not.
    assert!(twice < 50, "{twice}");
}

#[test]
fn a_record_that_is_too_large_becomes_a_dead_letter_and_the_others_go_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = spooled(folder.path(), 100);
    let all = records(&spool);
    let short = all[0].json.len();
    assert!(all[7].json.len() > short + 1000, "every tenth is long");
    let mock = cluster(3);
    let limit = (short + 600).to_string();
    let mut sink = sink(&mock, &[("message.max.bytes", &limit)]);
    let mut pump = Pump::open(spool.folder(), &mut sink, PumpOptions::default()).expect("it opens");
    pump.drain(&mut sink, Duration::from_secs(60)).expect("the brokers are up");
    assert_eq!((pump.cursor().seq, pump.cursor().delivered, pump.cursor().dead), (100, 90, 10));
    assert_eq!(counted(&read_topic(&mock.bootstrap_servers(), TOPIC)).len(), 90);
    let dead = std::fs::read_to_string(spool.folder().join("dead-kafka.ndjson")).expect("there");
    let ids: Vec<String> = dead
        .lines()
        .map(|line| {
            let letter: serde_json::Value = serde_json::from_str(line).expect("JSON");
            assert!(letter["reason"].as_str().is_some_and(|reason| reason.contains("message.max.bytes")), "{line}");
            letter["record"]["report_id"].as_str().expect("an id").to_owned()
        })
        .collect();
    let long: Vec<String> = all.iter().skip(7).step_by(10).map(|r| r.envelope.id.to_string()).collect();
    assert_eq!(ids, long);
}

#[test]
fn of_a_bundle_that_the_broker_refuses_only_the_guilty_is_rejected() {
    let folder = tempfile::tempdir().expect("a folder");
    let all = records(&spooled(folder.path(), 12));
    for refusal in [
        Respond::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE,
        Respond::RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE,
        Respond::RD_KAFKA_RESP_ERR_INVALID_RECORD,
    ] {
        let mock = cluster(1);
        // All in one request: it is refused, then the first of them alone.
        let mut sink = sink(&mock, &[("linger.ms", "100")]);
        mock.request_errors(RDKafkaApiKey::Produce, &[refusal, refusal]);
        let rejected = sink.deliver(&all).expect("the brokers are up");
        assert_eq!(rejected.iter().map(|r| r.index).collect::<Vec<_>>(), [0], "{refusal:?}");
        assert!(rejected[0].reason.contains("the broker refuses it"), "{}", rejected[0].reason);
        let counts = counted(&read_topic(&mock.bootstrap_servers(), TOPIC));
        assert_eq!(counts.keys().copied().collect::<Vec<_>>(), identities(&all[1..]));
    }
}

#[test]
fn after_a_fatal_error_a_new_producer_goes_on() {
    let folder = tempfile::tempdir().expect("a folder");
    let all = records(&spooled(folder.path(), 50));
    let mock = cluster(3);
    mock.request_errors(RDKafkaApiKey::InitProducerId, &[Respond::RD_KAFKA_RESP_ERR_PRODUCER_FENCED]);
    let mut sink = sink(&mock, &[]);
    let failure = sink.deliver(&all).expect_err("the producer is fenced");
    let Failure::Later { done: 0, reason, .. } = failure else { panic!("{failure:?}") };
    assert!(reason.contains("new producer"), "{reason}");
    assert_eq!(sink.deliver(&all), Ok(vec![]));
    assert_eq!(counted(&read_topic(&mock.bootstrap_servers(), TOPIC)).len(), 50);
}

#[test]
fn a_missing_topic_can_come_and_a_missing_right_stops() {
    let folder = tempfile::tempdir().expect("a folder");
    let all = records(&spooled(folder.path(), 5));
    let mock = cluster(3);
    mock.topic_error(TOPIC, Respond::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).expect("set");
    let quick = [("topic.metadata.propagation.max.ms", "100"), ("topic.metadata.refresh.interval.ms", "100")];
    let mut first = sink(&mock, &quick);
    let failure = first.deliver(&all).expect_err("no topic");
    let Failure::Later { done: 0, reason, .. } = failure else { panic!("{failure:?}") };
    assert!(reason.contains("no topic tts.report.v1: create it"), "{reason}");
    mock.topic_error(TOPIC, Respond::RD_KAFKA_RESP_ERR_NO_ERROR).expect("set");
    let mut again = first.deliver(&all);
    // librdkafka finds a new topic when it asks for its metadata the next time.
    for _ in 0..50 {
        if again.is_ok() {
            break;
        }
        std::thread::sleep(Duration::from_millis(100));
        again = first.deliver(&all);
    }
    assert_eq!(again, Ok(vec![]));

    mock.topic_error(TOPIC, Respond::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED).expect("set");
    let failure = sink(&mock, &quick).deliver(&all).expect_err("no right");
    assert!(matches!(&failure, Failure::Stop(reason) if reason.contains("WRITE on the topic")), "{failure:?}");

    let mock = cluster(3);
    mock.request_errors(RDKafkaApiKey::InitProducerId, &[Respond::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED; 9]);
    let failure = sink(&mock, &[]).deliver(&all).expect_err("no right");
    assert!(matches!(&failure, Failure::Stop(reason) if reason.contains("idempotent producer")), "{failure:?}");
}
