//! Kafka: one message for each record, into one topic. At least once: a message carries id and revision, and whoever reads keeps one of each.
//!
//! The producer is idempotent, so that what it retries by itself neither comes twice nor changes places. Twice comes what a process had sent and
//! not yet put into its cursor when it died, or what no broker answered for in time.
//!
//! | part of the message | content |
//! |---|---|
//! | key | the report's id, as text |
//! | value | the record's JSON |
//! | header `schema` | `tts.report/1` |
//! | header `rev` | the revision, in decimal |
//! | header `digest32` | the record's digest, in decimal |
//! | timestamp | when it was sent, not when the stream ended: a broker removes by it, and refuses what is too far in the future |
//!
//! The topic has to be there first, or [`KafkaOptions::create_topic`] says how to make it. Everything of [librdkafka's configuration](https://github.com/confluentinc/librdkafka/blob/v2.12.1/CONFIGURATION.md)
//! can be set, with the exception of what the promise rests on. `ssl` and `sasl_ssl`, and SASL's SCRAM, need the feature `kafka-tls`.

use crate::id::ReportId;
use crate::record::{Record, SCHEMA, envelope_of};
use crate::sink::{Failure, PumpOptions, Rejected, Sink};
use crate::verify::{Counted, Counter};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::{ClientContext, DefaultClientContext};
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::message::{Header, Message, OwnedHeaders};
use rdkafka::producer::{BaseRecord, DeliveryResult, Producer, ProducerContext, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::HashSet;
use std::fmt;
use std::io;
use std::pin::pin;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// How often it looks whether the brokers said something about the connection, while it waits for reports of delivery.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Where to, and how.
#[derive(Clone)]
#[non_exhaustive]
pub struct KafkaOptions {
    /// `host:port` of some brokers, with commas between.
    pub bootstrap_servers: String,
    /// The topic.
    pub topic: String,
    /// Make the topic before the first record, where it is not there yet. Otherwise somebody else has to.
    pub create_topic: Option<NewTopicShape>,
    /// Anything else, as librdkafka has it: `security.protocol`, `sasl.username`, `ssl.ca.location`, `compression.type`... Printed for debugging,
    /// what holds a secret is hidden.
    pub properties: Vec<(String, String)>,
}

/// A topic that is not there yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NewTopicShape {
    /// Partitions: so many consumers can share the work, 6 to 12 for most.
    pub partitions: u16,
    /// Brokers that have each partition: 3 where there are as many.
    pub replication_factor: u16,
}

impl Default for KafkaOptions {
    fn default() -> Self {
        let (bootstrap_servers, topic) = ("localhost:9092".to_owned(), "tts.report.v1".to_owned());
        Self { bootstrap_servers, topic, create_topic: None, properties: Vec::new() }
    }
}

const HIDDEN: &str = "(hidden)";

fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    ["password", "secret", "key", "token", "jaas", "oauth", "credential"].iter().any(|part| name.contains(part))
}

impl fmt::Debug for KafkaOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |(name, value): &'_ (String, String)| {
            (name.clone(), if is_secret(name) { HIDDEN.to_owned() } else { value.clone() })
        };
        f.debug_struct("KafkaOptions")
            .field("bootstrap_servers", &self.bootstrap_servers)
            .field("topic", &self.topic)
            .field("create_topic", &self.create_topic)
            .field("properties", &self.properties.iter().map(shown).collect::<Vec<_>>())
            .finish()
    }
}

/// Set unless a property says otherwise: all names of it, the value.
const DEFAULTS: &[(&[&str], &str)] = &[
    (&["client.id"], "otoscope"),
    // Records repeat their names: a tenth is left.
    (&["compression.type", "compression.codec"], "zstd"),
    // As in Java: an id is in the same partition of every topic, whoever wrote it.
    (&["partitioner"], "murmur2_random"),
    // So long `deliver` waits, at most, before the pump hears that it does not work: longer than a broker's restart, for what was sent and not
    // answered by then comes twice.
    (&["message.timeout.ms", "delivery.timeout.ms"], "30000"),
    // A topic that is not there is told of after this time.
    (&["topic.metadata.propagation.max.ms"], "5000"),
];

/// What the promise rests on: all names of it, the values it may have.
const FIXED: &[(&[&str], &[&str])] = &[
    (&["enable.idempotence"], &["true"]),
    (&["acks", "request.required.acks"], &["all", "-1"]),
    // They have a field of their own.
    (&["bootstrap.servers", "metadata.broker.list"], &[]),
];

impl KafkaOptions {
    fn config(&self) -> io::Result<ClientConfig> {
        let invalid = |what: String| Err(io::Error::new(io::ErrorKind::InvalidInput, what));
        if self.bootstrap_servers.is_empty() || self.topic.is_empty() {
            return invalid("Kafka needs bootstrap servers (host:port) and a topic".to_owned());
        }
        let mut config = ClientConfig::new();
        for (names, value) in DEFAULTS {
            if !self.properties.iter().any(|(name, _)| names.contains(&name.as_str())) {
                config.set(names[0], *value);
            }
        }
        for (name, value) in &self.properties {
            match FIXED.iter().find(|(names, _)| names.contains(&name.as_str())) {
                Some((_, allowed)) if allowed.contains(&value.as_str()) => {}
                Some((_, [])) => {
                    return invalid(format!("take {name} out of the properties: it has a field of its own"));
                }
                Some((_, allowed)) => {
                    return invalid(format!("take {name} out of the properties: it is always {}", allowed[0]));
                }
                None => {
                    config.set(name, value);
                }
            }
        }
        config.set("enable.idempotence", "true").set("acks", "all").set("bootstrap.servers", &self.bootstrap_servers);
        Ok(config)
    }

    /// A text without the secrets of the properties.
    fn scrubbed(&self, text: &str) -> String {
        // A file's name is no secret, and helps.
        let secret = |name: &str, value: &str| is_secret(name) && !name.ends_with(".location") && !value.is_empty();
        self.properties
            .iter()
            .filter(|(name, value)| secret(name, value))
            .fold(text.to_owned(), |text, (_, value)| text.replace(value, HIDDEN))
    }

    /// What librdkafka says of a configuration, and what to do about it. Its own text has the value in it.
    fn explained(&self, error: &KafkaError) -> String {
        let (name, said, about_tls) = match error {
            KafkaError::ClientConfig(_, said, name, _) => {
                (name.as_str(), said.as_str(), name == "security.protocol" || name.starts_with("ssl."))
            }
            KafkaError::ClientCreation(said) => ("", said.as_str(), said.contains("SASL") || said.contains("SSL")),
            _ => return self.scrubbed(&error.to_string()),
        };
        let hint = if about_tls && !cfg!(feature = "kafka-tls") {
            "; this build is without TLS and SCRAM: build it with the feature kafka-tls"
        } else {
            ""
        };
        format!("Kafka cannot be configured so: {name} {}{hint}", self.scrubbed(said))
    }
}

/// What librdkafka's threads tell.
struct Told {
    /// The index in the batch, and why it was not delivered.
    deliveries: Sender<(usize, Option<Code>)>,
    connection: Mutex<Connection>,
}

/// What was said of the connection.
#[derive(Default)]
struct Connection {
    /// Last.
    last: Option<String>,
    /// The brokers do not know us.
    refused: Option<String>,
}

impl ClientContext for Told {
    fn error(&self, error: KafkaError, reason: &str) {
        let mut connection = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        match error {
            KafkaError::Global(Code::Authentication | Code::SaslAuthenticationFailed) => {
                connection.refused = Some(reason.to_owned());
            }
            // Follows from the others, which say why.
            KafkaError::Global(Code::AllBrokersDown) => {}
            _ => connection.last = Some(reason.to_owned()),
        }
    }
}

impl ProducerContext for Told {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, index: usize) {
        let code = result.as_ref().err().map(|(error, _)| error.rdkafka_error_code().unwrap_or(Code::Unknown));
        // Nobody listens any more once the producer is given up.
        let _ = self.deliveries.send((index, code));
    }
}

/// A producer, as long as it works.
struct Live {
    producer: ThreadedProducer<Told>,
    deliveries: Receiver<(usize, Option<Code>)>,
}

impl Live {
    fn new(options: &KafkaOptions) -> io::Result<Self> {
        let (sender, deliveries) = mpsc::channel();
        let told = Told { deliveries: sender, connection: Mutex::default() };
        let producer: Result<ThreadedProducer<Told>, KafkaError> = options.config()?.create_with_context(told);
        match producer {
            Ok(producer) => Ok(Self { producer, deliveries }),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidInput, options.explained(&error))),
        }
    }

    fn connection<T>(&self, ask: impl FnOnce(&mut Connection) -> T) -> T {
        ask(&mut self.producer.client().context().connection.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Sends these records of a batch and waits until it is known of each what became of it.
    fn send(&self, topic: &str, batch: &[Record], which: &[usize], fates: &mut [Fate]) -> Result<(), Refused> {
        let mut outstanding = 0;
        for &index in which {
            let record = &batch[index];
            let key = record.envelope.id.to_string();
            let (rev, digest) = (record.envelope.rev.to_string(), record.envelope.digest32.to_string());
            let headers = OwnedHeaders::new_with_capacity(3)
                .insert(Header { key: "schema", value: Some(SCHEMA) })
                .insert(Header { key: "rev", value: Some(&rev) })
                .insert(Header { key: "digest32", value: Some(&digest) });
            let mut message = BaseRecord::with_opaque_to(topic, index).key(&key).payload(&record.json).headers(headers);
            loop {
                let (error, same) = match self.producer.send(message) {
                    Ok(()) => {
                        outstanding += 1;
                        break;
                    }
                    Err(refused) => refused,
                };
                match error.rdkafka_error_code() {
                    // Not taken, for sure: again as soon as there is room.
                    Some(Code::QueueFull) => {
                        self.hear(&mut outstanding, fates)?;
                        message = same;
                    }
                    Some(Code::MessageSizeTooLarge) => {
                        fates[index] = Fate::Rejected(format!(
                            "the record has {} bytes, more than message.max.bytes allows",
                            record.json.len()
                        ));
                        break;
                    }
                    code => {
                        fates[index] = Fate::Failed(code.unwrap_or(Code::Unknown));
                        break;
                    }
                }
            }
        }
        while outstanding > 0 {
            self.hear(&mut outstanding, fates)?;
        }
        Ok(())
    }

    /// Waits a while for reports of delivery.
    fn hear(&self, outstanding: &mut usize, fates: &mut [Fate]) -> Result<(), Refused> {
        let mut report = self.deliveries.recv_timeout(LOOK_EVERY).ok();
        if report.is_none() {
            return self.connection(|connection| connection.refused.take()).map_or(Ok(()), |said| Err(Refused(said)));
        }
        while let Some((index, code)) = report {
            *outstanding -= 1;
            fates[index] = code.map_or(Fate::Delivered, Fate::Failed);
            if code.is_none() {
                // It works: what was said before is over.
                self.connection(|connection| *connection = Connection::default());
            }
            report = self.deliveries.try_recv().ok();
        }
        Ok(())
    }
}

/// The brokers do not know us.
struct Refused(String);

/// What became of a record.
#[derive(Clone)]
enum Fate {
    Open,
    Delivered,
    Rejected(String),
    Failed(Code),
}

impl Fate {
    fn is_settled(&self) -> bool {
        matches!(self, Self::Delivered | Self::Rejected(_))
    }
}

/// See the module.
pub struct Kafka {
    options: KafkaOptions,
    live: Option<Live>,
    /// The topic is there, or is none of our business.
    has_topic: bool,
    /// Delivered, but behind one that is not: offered again they are not sent again.
    ahead: HashSet<(ReportId, u32)>,
}

impl Kafka {
    /// A sink. It does not connect yet.
    ///
    /// # Errors
    /// `InvalidInput`: librdkafka does not take this configuration.
    pub fn new(options: KafkaOptions) -> io::Result<Self> {
        let (live, has_topic) = (Some(Live::new(&options)?), options.create_topic.is_none());
        Ok(Self { options, live, has_topic, ahead: HashSet::new() })
    }

    fn make_topic(&self, shape: NewTopicShape) -> Result<(), Failure> {
        let topic = &self.options.topic;
        let failed = |what: String| Failure::Later {
            done: 0,
            rejected: Vec::new(),
            reason: self.options.scrubbed(&format!("the topic {topic} cannot be made: {what}")),
        };
        let config = self.options.config().map_err(|error| failed(error.to_string()))?;
        let admin: AdminClient<DefaultClientContext> = config.create().map_err(|error| failed(error.to_string()))?;
        let replicas = TopicReplication::Fixed(i32::from(shape.replication_factor));
        let topics = [NewTopic::new(topic, i32::from(shape.partitions), replicas)];
        let options = AdminOptions::new().request_timeout(Some(SILENCE));
        let mut answer = pin!(admin.create_topics(&topics, &options));
        // Librdkafka answers from a thread of its own, after the timeout at the latest; nobody has to be woken.
        let answer = loop {
            match answer.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(answer) => break answer,
                Poll::Pending => std::thread::sleep(Duration::from_millis(10)),
            }
        };
        for made in answer.map_err(|error| failed(error.to_string()))? {
            match made {
                Ok(_) | Err((_, Code::TopicAlreadyExists)) => {}
                Err((_, Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed)) => {
                    let what = "this user has no right to: give it CREATE, or make the topic and take create_topic out";
                    return Err(Failure::Stop(format!("the topic {topic} cannot be made: {what}")));
                }
                Err((_, code)) => return Err(failed(code.to_string())),
            }
        }
        Ok(())
    }

    /// What an error means for whoever runs it; whether somebody has to change something.
    fn words(&self, code: Code, live: &Live) -> (bool, String) {
        let topic = &self.options.topic;
        match code {
            Code::UnknownTopic | Code::UnknownTopicOrPartition | Code::UnknownPartition => {
                (false, format!("Kafka has no topic {topic}: create it, or name another"))
            }
            Code::InvalidTopic => (true, format!("Kafka does not take {topic} as a topic's name: name another")),
            Code::TopicAuthorizationFailed => {
                (true, format!("Kafka does not let this user write to {topic}: give it the right WRITE on the topic"))
            }
            Code::ClusterAuthorizationFailed => {
                let what =
                    "give it the right WRITE on the topic, before Kafka 2.8 also IDEMPOTENT_WRITE on the cluster";
                (true, format!("Kafka does not let this user be an idempotent producer: {what}"))
            }
            Code::UnsupportedCompressionType => {
                (true, "the brokers do not know this compression: set another compression.type".to_owned())
            }
            Code::MessageTimedOut => {
                let servers = &self.options.bootstrap_servers;
                let last = live.connection(|connection| connection.last.clone());
                let why = last.unwrap_or_else(|| format!("no broker of {servers} took it"));
                (false, format!("not delivered to Kafka in message.timeout.ms: {why}"))
            }
            code => (false, format!("Kafka: {code}")),
        }
    }

    fn deliver_with(&mut self, live: &Live, batch: &[Record]) -> Result<Vec<Rejected>, Failure> {
        let is_ahead = |record: &Record| self.ahead.contains(&(record.envelope.id, record.envelope.rev));
        let mut fates: Vec<Fate> =
            batch.iter().map(|record| if is_ahead(record) { Fate::Delivered } else { Fate::Open }).collect();
        let open: Vec<usize> = (0..batch.len()).filter(|&index| !fates[index].is_settled()).collect();
        let topic = self.options.topic.clone();
        let mut sent = live.send(&topic, batch, &open, &mut fates);
        // Brokers answer for a bundle of messages: which of them it was shows when each is sent alone.
        for &index in &open {
            let Fate::Failed(
                code @ (Code::MessageSizeTooLarge
                | Code::MessageBatchTooLarge
                | Code::InvalidRecord
                | Code::InvalidDifferentRecord),
            ) = fates[index]
            else {
                continue;
            };
            if sent.is_err() || live.producer.client().fatal_error().is_some() {
                break;
            }
            sent = live.send(&topic, batch, &[index], &mut fates);
            if matches!(fates[index], Fate::Failed(again) if again == code || again == Code::InvalidRecord) {
                fates[index] = Fate::Rejected(format!("the broker refuses it: {code}"));
            }
        }

        let settled = fates.iter().take_while(|fate| fate.is_settled()).count();
        self.ahead = (settled..batch.len())
            .filter(|&index| matches!(fates[index], Fate::Delivered))
            .map(|index| (batch[index].envelope.id, batch[index].envelope.rev))
            .collect();
        if let Err(Refused(said)) = sent {
            let what = "check sasl.mechanism, sasl.username and sasl.password, or the client's certificate";
            return Err(Failure::Stop(format!("Kafka does not know this user: {said}; {what}")));
        }
        let failed = fates.iter().find_map(|fate| if let Fate::Failed(code) = fate { Some(*code) } else { None });
        let fatal = live.producer.client().fatal_error();
        let why = match (&fatal, failed) {
            (Some((code, said)), _) => {
                let (is_lasting, words) = self.words(*code, live);
                Some((is_lasting, if is_lasting { words } else { format!("{words}: {said}; with a new producer") }))
            }
            (None, Some(code)) => Some(self.words(code, live)),
            (None, None) => None,
        };
        let rejected = fates[..settled].iter().enumerate().filter_map(|(index, fate)| match fate {
            Fate::Rejected(reason) => Some(Rejected { index, reason: reason.clone() }),
            _ => None,
        });
        let rejected: Vec<Rejected> = rejected.collect();
        match why {
            _ if settled == batch.len() => Ok(rejected),
            Some((true, reason)) => Err(Failure::Stop(reason)),
            Some((false, reason)) => Err(Failure::Later { done: settled, rejected, reason }),
            None => Err(Failure::Later { done: settled, rejected, reason: "Kafka gave no answer".to_owned() }),
        }
    }
}

/// How long brokers may say nothing while a topic is read.
const SILENCE: Duration = Duration::from_secs(30);

/// The number and the digests of the records in the topic, for each hour; each id and revision once. Reads all of it, and remembers nothing: no
/// offset is committed.
///
/// # Errors
/// What librdkafka or the brokers answer; `TimedOut` if they do not.
pub fn hours(options: &KafkaOptions) -> io::Result<Counted> {
    let failed = |error: KafkaError| io::Error::other(options.scrubbed(&error.to_string()));
    let mut config = ClientConfig::new();
    for (name, value) in &options.properties {
        config.set(name, value);
    }
    config
        .set("bootstrap.servers", &options.bootstrap_servers)
        .set("group.id", "otoscope-verify")
        .set("enable.auto.commit", "false")
        .set("enable.partition.eof", "true");
    // Properties of producers are not for it, and it says so to nobody who listens.
    config.set_log_level(rdkafka::config::RDKafkaLogLevel::Critical);
    let consumer: BaseConsumer = config.create().map_err(|error| io::Error::other(options.explained(&error)))?;
    let metadata = consumer.fetch_metadata(Some(&options.topic), SILENCE).map_err(failed)?;
    let mut partitions = TopicPartitionList::new();
    for partition in metadata.topics().iter().flat_map(|topic| topic.partitions()) {
        partitions.add_partition_offset(&options.topic, partition.id(), Offset::Beginning).map_err(failed)?;
    }
    let mut open = partitions.count();
    if open == 0 {
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("Kafka has no topic {}", options.topic)));
    }
    consumer.assign(&partitions).map_err(failed)?;
    let (mut counter, mut heard) = (Counter::default(), Instant::now());
    let mut last = None;
    while open > 0 {
        if heard.elapsed() > SILENCE {
            let why = last.map_or_else(|| "they say nothing".to_owned(), |error: KafkaError| error.to_string());
            return Err(io::Error::new(io::ErrorKind::TimedOut, options.scrubbed(&why)));
        }
        match consumer.poll(LOOK_EVERY) {
            Some(Ok(message)) => {
                heard = Instant::now();
                // What others write into the topic is none of ours.
                if let Some(envelope) = message.payload().and_then(envelope_of) {
                    counter.add(&envelope);
                }
            }
            Some(Err(KafkaError::PartitionEOF(_))) => open -= 1,
            // Tells of a connection; it tries again by itself.
            Some(Err(error)) => last = Some(error),
            None => {}
        }
    }
    Ok(counter.counted())
}

impl Sink for Kafka {
    fn name(&self) -> &str {
        "kafka"
    }

    /// After each batch it waits for the brokers: with a backlog, seldom.
    fn pump_options(&self) -> PumpOptions {
        PumpOptions { batch: 10_000, batch_bytes: 32 << 20, ..PumpOptions::default() }
    }

    fn deliver(&mut self, batch: &[Record]) -> Result<Vec<Rejected>, Failure> {
        if let (false, Some(shape)) = (self.has_topic, self.options.create_topic) {
            self.make_topic(shape)?;
            self.has_topic = true;
        }
        let live = match self.live.take() {
            Some(live) => live,
            None => Live::new(&self.options).map_err(Failure::later)?,
        };
        let result = self.deliver_with(&live, batch).map_err(|failure| match failure {
            Failure::Stop(reason) => Failure::Stop(self.options.scrubbed(&reason)),
            Failure::Later { done, rejected, reason } => {
                Failure::Later { done, rejected, reason: self.options.scrubbed(&reason) }
            }
        });
        // A producer that met a fatal error, or still has messages of this batch, is of no more use. Giving it up throws them away: they are
        // offered again.
        let is_over = matches!(result, Err(Failure::Stop(_))) || live.producer.client().fatal_error().is_some();
        self.live = (!is_over).then_some(live);
        result
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(properties: &[(&str, &str)]) -> KafkaOptions {
        let properties = properties.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        KafkaOptions { properties, ..KafkaOptions::default() }
    }

    #[test]
    fn secrets_are_hidden_and_the_rest_is_shown() {
        let options = with(&[
            ("sasl.username", "anna"),
            ("sasl.password", "hunter2"),
            ("SASL.JAAS.config", "module hunter3"),
            ("ssl.key.pem", "hunter4"),
            ("sasl.oauthbearer.client.secret", "hunter5"),
            ("access.token", "hunter6"),
            ("ssl.key.location", "/etc/key.pem"),
        ]);
        let text = format!("{options:?}");
        assert!(text.contains("anna") && text.contains("tts.report.v1") && !text.contains("hunter"), "{text}");
        let said = options.scrubbed("wrong: hunter2, hunter3; /etc/key.pem");
        assert_eq!(said, "wrong: (hidden), hunter3; /etc/key.pem", "only the whole value is known");
    }

    #[test]
    fn a_configuration_librdkafka_refuses_is_an_error_without_the_secret() {
        for (name, value, wanted) in [
            ("sasl.passwort", "hunter2", "sasl.passwort"),
            ("linger.ms", "soon", "linger.ms"),
            ("sasl.jaas.config", "hunter2", "sasl.jaas.config"),
            ("acks", "1", "always all"),
            ("enable.idempotence", "false", "always true"),
            ("metadata.broker.list", "a:1", "field of its own"),
        ] {
            let error = Kafka::new(with(&[(name, value)])).err().expect("refused");
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
            let text = error.to_string();
            assert!(text.contains(wanted) && !text.contains("hunter2"), "{name}: {text}");
        }
        assert!(Kafka::new(with(&[("acks", "-1"), ("delivery.timeout.ms", "1000")])).is_ok());
        let nowhere = KafkaOptions { topic: String::new(), ..KafkaOptions::default() };
        assert!(Kafka::new(nowhere).is_err());
    }

    #[cfg(not(feature = "kafka-tls"))]
    #[test]
    fn a_build_without_tls_says_so() {
        let error = Kafka::new(with(&[("security.protocol", "ssl")])).err().expect("refused");
        assert!(error.to_string().contains("kafka-tls"), "{error}");
    }
}
