//! Reads a topic as a consumer has it.

use otoscope_export::ReportId;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::message::{Headers, Message as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// A message, copied.
pub struct Message {
    pub key: String,
    pub value: Vec<u8>,
    pub headers: BTreeMap<String, String>,
}

impl Message {
    /// What a consumer tells two messages apart by.
    pub fn identity(&self) -> (ReportId, u32) {
        (ReportId::parse(&self.key).expect("an id"), self.headers["rev"].parse().expect("a revision"))
    }

    /// The digest in its header.
    pub fn digest32(&self) -> u32 {
        self.headers["digest32"].parse().expect("a digest")
    }
}

/// Everything that is in the topic now.
#[allow(dead_code, reason = "a topic of a long run does not fit into memory")]
pub fn read_topic(servers: &str, topic: &str) -> Vec<Message> {
    let mut all = Vec::new();
    each_message(servers, topic, |message| all.push(message));
    all
}

/// Goes over everything that is in the topic now, partition by partition in order.
pub fn each_message(servers: &str, topic: &str, mut take: impl FnMut(Message)) {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", servers)
        .set("group.id", "test")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true")
        .create()
        .expect("a consumer");
    let metadata = consumer.fetch_metadata(Some(topic), Duration::from_secs(30)).expect("the brokers answer");
    let mut partitions = TopicPartitionList::new();
    for partition in metadata.topics()[0].partitions() {
        partitions.add_partition_offset(topic, partition.id(), Offset::Beginning).expect("a partition");
    }
    let mut open = partitions.count();
    assert!(open > 0, "the topic is there");
    consumer.assign(&partitions).expect("assigned");
    let mut last = Instant::now();
    while open > 0 {
        assert!(last.elapsed() < Duration::from_secs(60), "the brokers say nothing");
        match consumer.poll(Duration::from_millis(100)) {
            Some(Ok(message)) => {
                let headers = message.headers().expect("headers").iter();
                let text = |bytes: Option<&[u8]>| String::from_utf8(bytes.unwrap_or_default().to_vec()).expect("UTF-8");
                last = Instant::now();
                take(Message {
                    key: text(message.key()),
                    value: message.payload().unwrap_or_default().to_vec(),
                    headers: headers.map(|header| (header.key.to_owned(), text(header.value))).collect(),
                });
            }
            Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
            // Tells of a connection; it tries again by itself.
            Some(Err(_)) | None => {}
        }
    }
}
