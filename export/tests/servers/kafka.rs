//! The Kafka sink and Apache Kafka.

use crate::broker::{each_message, read_topic};
use crate::common::heard;
use crate::harness::{self, Server, Storm, sums};
use otoscope_export::sinks::kafka::{Kafka, KafkaOptions, NewTopicShape, hours};
use otoscope_export::{Disk, Failure, Reader, Record, Sink, Spool, SpoolOptions, Submission, envelope_of};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

const SERVERS: &str = "127.0.0.1:19092";
const LOGIN: &str = "127.0.0.1:19096";
const TOPIC: &str = "tts.report.v1";

fn wait<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    loop {
        match future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => return value,
            Poll::Pending => std::thread::sleep(Duration::from_millis(10)),
        }
    }
}

fn create_topic(topic: &str, properties: &[(&str, &str)]) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", SERVERS).create().expect("a client");
    let mut new = NewTopic::new(topic, 6, TopicReplication::Fixed(1));
    for (name, value) in properties {
        new = new.set(name, value);
    }
    let done = wait(admin.create_topics(&[new], &AdminOptions::new())).expect("the broker answers");
    assert_eq!(done, [Ok(topic.to_owned())]);
}

fn options(servers: &str, topic: &str, properties: &[(&str, &str)]) -> KafkaOptions {
    let mut options = KafkaOptions::default();
    options.bootstrap_servers = servers.to_owned();
    options.topic = topic.to_owned();
    options.properties = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    options
}

fn sink(servers: &str, topic: &str, properties: &[(&str, &str)]) -> Kafka {
    Kafka::new(options(servers, topic, properties)).expect("a good configuration")
}

#[test]
#[ignore = "a child"]
fn pump() {
    if harness::is_child() {
        let mut options = options(SERVERS, TOPIC, &[]);
        // The first makes it, all others find it.
        options.create_topic = Some(NewTopicShape { partitions: 6, replication_factor: 1 });
        harness::pump(&mut Kafka::new(options).expect("a good configuration"));
    }
}

#[test]
#[ignore = "make test-servers"]
fn no_acknowledged_report_is_lost_while_broker_and_children_are_killed() {
    let server = Server::start("kafka");
    let truth = Storm { name: "kafka", server: Some(&server), pump: "kafka::pump", environment: Vec::new() }.run();
    let mut stored = Vec::new();
    each_message(SERVERS, TOPIC, |message| {
        let envelope = envelope_of(&message.value).expect("the value is whole");
        assert_eq!(((envelope.id, envelope.rev), envelope.digest32), (message.identity(), message.digest32()));
        stored.push((message.identity(), message.digest32()));
    });
    let messages = stored.len();
    let again = truth.compare(stored.into_iter());
    eprintln!("kafka: {messages} messages, {again} of them again");
    // What `otoscope export verify` asks.
    let (hours, duplicates) = hours(&options(SERVERS, TOPIC, &[])).expect("the broker answers");
    assert_eq!((sums(&hours), duplicates), (truth.sums(), again));
    // Again comes a batch of the pump for each death of it, and what was on its way to a dying broker for more than message.timeout.ms.
    let most = u64::from(truth.child_kills + truth.server_kills) * 2000;
    assert!(again <= most, "{again} of {messages}");
}

fn records(count: u64, attributes: impl Fn(u64) -> String) -> Vec<Record> {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = Spool::open(folder.path(), SpoolOptions::default()).expect("it opens");
    let (report, findings) = heard();
    for n in 0..count {
        let note = attributes(n);
        let attributes = [("note", note.as_str())];
        let submission = Submission {
            report: &report,
            findings: &findings,
            unix_ms: 1_700_000_000_000 + n,
            attributes: &attributes,
        };
        spool.handle().try_push(submission).expect("room");
    }
    spool.handle().flush(Duration::from_secs(30)).expect("a good disk");
    Reader::new(Disk::new(spool.folder()).expect("there"), 1).next_batch(usize::MAX, usize::MAX).expect("readable")
}

#[test]
#[ignore = "make test-servers"]
fn a_broker_that_refuses_is_understood() {
    let _server = Server::start("kafka");
    let all = records(50, |n| if n % 10 == 7 { "x".repeat(1200) } else { String::new() });

    // A topic that comes late.
    let mut early = sink(SERVERS, TOPIC, &[("topic.metadata.refresh.interval.ms", "500")]);
    let failure = early.deliver(&all).expect_err("no topic");
    let Failure::Later { done: 0, reason, .. } = failure else { panic!("{failure:?}") };
    assert!(reason.contains("no topic tts.report.v1: create it"), "{reason}");
    create_topic(TOPIC, &[]);
    let start = Instant::now();
    while let Err(failure) = early.deliver(&all) {
        assert!(start.elapsed() < Duration::from_secs(60), "{failure:?}");
        std::thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(read_topic(SERVERS, TOPIC).len(), 50);

    // A topic that takes only short records. The broker judges what is compressed, and a bundle as one.
    let short = all[0].json.len();
    create_topic("short", &[("max.message.bytes", &(short + 600).to_string())]);
    let rejected = sink(SERVERS, "short", &[("compression.type", "none")]).deliver(&all).expect("the broker is up");
    assert_eq!(rejected.iter().map(|r| r.index).collect::<Vec<_>>(), [7, 17, 27, 37, 47]);
    assert_eq!(read_topic(SERVERS, "short").len(), 45);

    // Logins: right; wrong; right, but without a right.
    let login = |user, password| {
        let plain = [("security.protocol", "sasl_plaintext"), ("sasl.mechanism", "PLAIN")];
        let properties = [plain[0], plain[1], ("sasl.username", user), ("sasl.password", password)];
        sink(LOGIN, TOPIC, &properties).deliver(&all)
    };
    assert_eq!(login("reporter", "letmein"), Ok(vec![]));
    for (user, password, wanted) in [
        ("reporter", "hunter2", "does not know this user"),
        ("stranger", "letmein", "give it the right WRITE on the topic"),
    ] {
        let failure = login(user, password).expect_err("refused");
        let Failure::Stop(reason) = failure else { panic!("{failure:?}") };
        assert!(reason.contains(wanted) && !reason.contains("hunter2"), "{reason}");
    }
    assert_eq!(read_topic(SERVERS, TOPIC).len(), 100);
}

#[cfg(feature = "kafka-tls")]
#[test]
#[ignore = "make test-servers SERVER_FEATURES=kafka-tls"]
fn tls_is_spoken_with_a_broker_whose_certificate_is_trusted() {
    const TLS: &str = "127.0.0.1:19097";
    let server = Server::start("kafka");
    create_topic(TOPIC, &[]);
    let all = records(20, |_| String::new());
    let certificate = server.folder().join("tls.crt");
    let certificate = certificate.to_str().expect("UTF-8");
    let login = [
        ("security.protocol", "sasl_ssl"),
        ("sasl.mechanism", "PLAIN"),
        ("sasl.username", "reporter"),
        ("sasl.password", "letmein"),
        ("message.timeout.ms", "3000"),
    ];
    let trusting: Vec<_> = login.into_iter().chain([("ssl.ca.location", certificate)]).collect();
    assert_eq!(sink(TLS, TOPIC, &trusting).deliver(&all), Ok(vec![]));
    assert_eq!(read_topic(SERVERS, TOPIC).len(), 20);
    let failure = sink(TLS, TOPIC, &login).deliver(&all).expect_err("nobody vouches for it");
    let Failure::Later { done: 0, reason, .. } = failure else { panic!("{failure:?}") };
    assert!(reason.contains("certificate"), "{reason}");
    assert_eq!(read_topic(SERVERS, TOPIC).len(), 20, "nothing went to a stranger");
}
