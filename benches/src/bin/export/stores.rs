//! Stores beside plain loops, which send what the sinks send, with the same settings, from memory.

use crate::{heard, median, push_all};
use flate2::Compression;
use flate2::write::GzEncoder;
use otoscope_export::sinks::elasticsearch::{Elasticsearch, ElasticsearchOptions, document};
use otoscope_export::sinks::kafka::{Kafka, KafkaOptions, NewTopicShape};
use otoscope_export::{Disk, Pump, PumpOptions, Reader, Record, Sink, Spool, SpoolOptions};
use rdkafka::client::ClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, ProducerContext, ThreadedProducer};
use std::error::Error;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

const KAFKA: &str = "127.0.0.1:19092";
const OPENSEARCH: &str = "http://127.0.0.1:19201";
const TOPIC: &str = "tts.report.v1";
const ROUNDS: usize = 5;

pub(crate) fn is_known(name: &str) -> bool {
    matches!(name, "kafka" | "opensearch")
}

type Outcome<T> = Result<T, Box<dyn Error>>;

/// The store's rounds: ours out of the spool, theirs out of memory, one after the other, in changing order.
pub(crate) fn run(store: &str) -> Outcome<()> {
    let count = if store == "kafka" { 50_000 } else { 10_000 };
    let folder = Path::new("build/export-bench");
    let _ = fs::remove_dir_all(folder);
    let spool = Spool::open(folder, SpoolOptions::default())?;
    let (report, findings) = heard()?;
    push_all(&spool, &report, &findings, count);
    let records = Reader::new(Disk::new(spool.folder())?, 1).next_batch(usize::MAX, usize::MAX)?;
    let bytes = records.iter().map(|r| r.json.len()).sum::<usize>() / records.len();
    println!("{store}: {} records of {bytes} bytes, {ROUNDS} rounds", records.len());
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // The first is for the server to get warm.
    for round in 0..=ROUNDS {
        for part in 0..2 {
            let plain = (round + part) % 2 == 1;
            let seconds = match (store, plain) {
                ("kafka", false) => drain(&spool, &mut kafka()?)?,
                ("kafka", true) => plain_kafka(&records)?,
                (_, false) => {
                    clear();
                    drain(&spool, &mut opensearch())?
                }
                (_, true) => {
                    clear();
                    plain_bulk(&records)?
                }
            };
            if round > 0 {
                if plain { &mut theirs } else { &mut ours }.push(seconds);
            }
            eprintln!("round {round}: {} {seconds:.2} s", if plain { "plain" } else { "ours" });
        }
    }
    let rate = |seconds: &[f64]| count as f64 / median(seconds.to_vec());
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(a, b)| b / a).collect();
    let (least, most) = ratios.iter().fold((f64::MAX, 0.0), |(l, m), &r| (r.min(l), r.max(m)));
    println!(
        "out of the spool: {:.0} records a second; the plain loop: {:.0}; ratio {:.2} ({least:.2} to {most:.2})",
        rate(&ours),
        rate(&theirs),
        median(ratios)
    );
    let _ = fs::remove_dir_all(folder);
    Ok(())
}

/// Everything in the spool, from its first record.
fn drain(spool: &Spool, sink: &mut dyn Sink) -> Outcome<f64> {
    let _ = fs::remove_file(spool.folder().join(format!("cursor-{}.json", sink.name())));
    let options: PumpOptions = sink.pump_options();
    let mut pump = Pump::open(spool.folder(), sink, options)?;
    let start = Instant::now();
    pump.drain(sink, Duration::from_secs(120))?;
    Ok(start.elapsed().as_secs_f64())
}

fn kafka() -> Outcome<Kafka> {
    let mut options = KafkaOptions::default();
    options.bootstrap_servers = KAFKA.to_owned();
    options.topic = TOPIC.to_owned();
    options.create_topic = Some(NewTopicShape { partitions: 6, replication_factor: 1 });
    Ok(Kafka::new(options)?)
}

/// Counts what was delivered.
#[derive(Clone, Default)]
struct Count(Arc<AtomicU64>);

impl ClientContext for Count {}

impl ProducerContext for Count {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        self.0.fetch_add(u64::from(result.is_ok()), Ordering::Relaxed);
    }
}

fn plain_kafka(records: &[Record]) -> Outcome<f64> {
    let count = Count::default();
    let producer: ThreadedProducer<Count> = ClientConfig::new()
        .set("bootstrap.servers", KAFKA)
        .set("enable.idempotence", "true")
        .set("acks", "all")
        .set("compression.type", "zstd")
        .set("partitioner", "murmur2_random")
        .create_with_context(count.clone())?;
    let start = Instant::now();
    for record in records {
        let key = record.envelope.id.to_string();
        let (rev, digest) = (record.envelope.rev.to_string(), record.envelope.digest32.to_string());
        let headers = OwnedHeaders::new_with_capacity(3)
            .insert(Header { key: "schema", value: Some("tts.report/1") })
            .insert(Header { key: "rev", value: Some(&rev) })
            .insert(Header { key: "digest32", value: Some(&digest) });
        let mut message = BaseRecord::to(TOPIC).key(&key).payload(&record.json).headers(headers);
        while let Err((error, same)) = producer.send(message) {
            if !matches!(error, KafkaError::MessageProduction(rdkafka::error::RDKafkaErrorCode::QueueFull)) {
                return Err(error.into());
            }
            std::thread::sleep(Duration::from_millis(1));
            message = same;
        }
    }
    // Not by flush, which looks every 100 ms only.
    while count.0.load(Ordering::Relaxed) < records.len() as u64 {
        if start.elapsed() > Duration::from_secs(120) {
            return Err("the broker does not take them".into());
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    Ok(start.elapsed().as_secs_f64())
}

fn opensearch() -> Elasticsearch {
    let mut options = ElasticsearchOptions::default();
    options.url = OPENSEARCH.to_owned();
    Elasticsearch::new(options)
}

/// Each round begins without documents: to overwrite them is more work.
fn clear() {
    // The first time there is nothing to delete, and that is an error.
    let _ = ureq::delete(format!("{OPENSEARCH}/tts-report-2023.11.14")).call();
}

/// The documents that the sink makes, made before; in bodies of 5 MB.
fn plain_bulk(records: &[Record]) -> Outcome<f64> {
    let documents: Vec<_> = records.iter().filter_map(|r| Some((r.envelope.id, document(r)?))).collect();
    // With the templates, as ours.
    opensearch().deliver(&records[..1]).map_err(|failure| failure.into_reason())?;
    clear();
    let agent: ureq::Agent = ureq::Agent::config_builder().build().into();
    let start = Instant::now();
    let mut rest = &documents[..];
    while !rest.is_empty() {
        let (mut encoder, mut bytes, mut count) = (GzEncoder::new(Vec::new(), Compression::fast()), 0, 0);
        while bytes < 5 << 20
            && let Some((id, document)) = rest.get(count)
        {
            let head = format!(
                "{{\"index\":{{\"_index\":\"tts-report-2023.11.14\",\"_id\":\"{id}\",\"version\":0,\"version_type\":\"external\"}}}}\n"
            );
            encoder.write_all(head.as_bytes())?;
            encoder.write_all(document)?;
            encoder.write_all(b"\n")?;
            (bytes, count) = (bytes + head.len() + document.len(), count + 1);
        }
        rest = &rest[count..];
        let mut answer = agent
            .post(format!("{OPENSEARCH}/_bulk"))
            .header("Content-Type", "application/x-ndjson")
            .header("Content-Encoding", "gzip")
            .send(encoder.finish()?)?;
        let text = answer.body_mut().with_config().limit(64 << 20).read_to_string()?;
        let body: serde_json::Value = serde_json::from_str(&text)?;
        assert_eq!(body["errors"], false, "all are taken");
    }
    Ok(start.elapsed().as_secs_f64())
}
