//! `otoscope.toml`: where the spool is and where its records go. A section for each sink; what has no section is not used.
//!
//! Secrets do not stand in it: a password is named by `password_env` (a variable of the environment) or `password_file`.

use crate::log::{Drop, LogOptions};
use crate::sink::Sink;
use crate::sinks;
use crate::spool::SpoolOptions;
use crate::verify::Counted;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The whole file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ExportConfig {
    /// Where the spool is and how large it may get.
    pub spool: SpoolSection,
    /// Attributes of every record: `"service.name" = "my-tts"`.
    pub attributes: BTreeMap<String, String>,
    /// Lines of JSON.
    pub ndjson: Option<NdjsonSection>,
    /// Parquet files by day.
    pub parquet: Option<ParquetSection>,
    /// Elasticsearch or OpenSearch.
    pub elasticsearch: Option<ElasticsearchSection>,
    /// Kafka.
    pub kafka: Option<KafkaSection>,
    /// Counters and histograms to scrape.
    pub prometheus: Option<PrometheusSection>,
    /// An OpenTelemetry collector.
    pub otlp: Option<OtlpSection>,
}

/// `[spool]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct SpoolSection {
    /// The folder; writers have one of their own in it.
    pub folder: PathBuf,
    /// All segments of one writer together.
    pub max_bytes: u64,
    /// A segment is closed at this size.
    pub segment_bytes: u64,
    /// What goes when it is full: `oldest` or `newest`.
    pub drop: DropSection,
    /// What is written is durable after so many milliseconds.
    pub sync_ms: u64,
    /// Reports that may wait for the writer.
    pub ring_slots: usize,
}

/// What goes when the spool is full.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum DropSection {
    /// The oldest segment.
    Oldest,
    /// New records.
    Newest,
}

impl Default for SpoolSection {
    fn default() -> Self {
        let log = LogOptions::default();
        let spool = SpoolOptions::default();
        Self {
            folder: "spool".into(),
            max_bytes: log.max_bytes,
            segment_bytes: log.segment_bytes,
            drop: DropSection::Oldest,
            sync_ms: spool.sync_every.as_millis() as u64,
            ring_slots: spool.ring_slots,
        }
    }
}

/// `[ndjson]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct NdjsonSection {
    /// The file; standard output without it.
    pub file: Option<PathBuf>,
    /// It is rotated beyond so many bytes (default 256 MiB),
    pub rotate_bytes: Option<u64>,
    /// and so many old ones are kept (default 8).
    pub keep: Option<u32>,
}

/// `[parquet]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ParquetSection {
    /// The folder of the days.
    pub folder: PathBuf,
    /// A file is written after so many records (default 20,000),
    pub records: Option<usize>,
    /// or when the first of them has waited so many seconds (default 60).
    pub every_s: Option<u64>,
}

/// `[elasticsearch]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ElasticsearchSection {
    /// Such as `https://search.example:9200`.
    pub url: String,
    /// What the names of indices begin with (default `tts-report`).
    pub index_prefix: Option<String>,
    /// The user, with `password_env` or `password_file`.
    pub user: Option<String>,
    /// The variable of the environment that holds the password.
    pub password_env: Option<String>,
    /// The file that holds it.
    pub password_file: Option<PathBuf>,
    /// The variable that holds an API key.
    pub api_key_env: Option<String>,
    /// The file that holds it.
    pub api_key_file: Option<PathBuf>,
    /// Whether templates are installed (default true).
    pub install_templates: Option<bool>,
}

/// `[kafka]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct KafkaSection {
    /// Such as `one:9092,two:9092`.
    pub bootstrap_servers: String,
    /// Default `tts.report.v1`; it should be there already.
    pub topic: Option<String>,
    /// Make the topic where it is not there: `create_topic = { partitions = 6, replication_factor = 3 }`.
    pub create_topic: Option<NewTopicSection>,
    /// Properties of librdkafka: `"security.protocol" = "SASL_SSL"`.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// Properties that are secret: `"sasl.password" = "KAFKA_PASSWORD"`, the variable of the environment that holds it.
    #[serde(default)]
    pub properties_env: BTreeMap<String, String>,
}

/// `create_topic` of `[kafka]`
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct NewTopicSection {
    /// Partitions.
    pub partitions: u16,
    /// Brokers that have each partition.
    pub replication_factor: u16,
}

/// `[prometheus]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct PrometheusSection {
    /// Where it is scraped; default `127.0.0.1:9464`.
    pub listen: Option<std::net::SocketAddr>,
    /// Fields that become histograms, `metric.field`, `metric.*` or `*`.
    pub fields: Option<Vec<String>>,
    /// Sets of voice, build and server that are told apart; the rest is `other`.
    pub most_label_sets: Option<usize>,
}

/// `[otlp]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct OtlpSection {
    /// Such as `http://localhost:4318`.
    pub endpoint: String,
    /// Headers of every request: `Authorization = "OTLP_TOKEN"`, the variable of the environment that holds the value.
    #[serde(default)]
    pub headers_env: BTreeMap<String, String>,
    /// Certificates to trust instead of the public ones, in PEM.
    pub ca_file: Option<PathBuf>,
    /// Whether requests are packed (default true).
    pub gzip: Option<bool>,
}

/// What is wrong with a configuration, and the mend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigError(pub String);

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ConfigError {}

/// A secret from the environment or a file. Neither it nor what the file holds is ever in the error.
#[cfg_attr(not(feature = "elasticsearch"), allow(dead_code, reason = "only sinks with a login need it"))]
fn secret(what: &str, env: Option<&String>, file: Option<&PathBuf>) -> Result<Option<String>, ConfigError> {
    match (env, file) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(ConfigError(format!("{what}: give {what}_env or {what}_file, not both"))),
        (Some(name), None) => match std::env::var(name) {
            Ok(value) if !value.is_empty() => Ok(Some(value)),
            _ => Err(ConfigError(format!("{what}_env: the variable {name} is not set; export it before you start"))),
        },
        (None, Some(path)) => {
            let text = std::fs::read_to_string(path)
                .map_err(|e| ConfigError(format!("{what}_file: {}: {}", path.display(), e.kind())))?;
            Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
        }
    }
}

impl ExportConfig {
    /// Reads a file.
    ///
    /// # Errors
    /// It cannot be read, is no TOML, or has a key there is not.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = std::fs::read_to_string(path).map_err(|e| ConfigError(format!("{}: {e}", path.display())))?;
        Self::parse(&text).map_err(|e| ConfigError(format!("{}: {e}", path.display())))
    }

    /// Reads a text.
    ///
    /// # Errors
    /// It is no TOML, or has a key there is not.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        toml::from_str(text).map_err(|e| ConfigError(e.to_string().trim_end().to_owned()))
    }

    /// How the spool is made.
    #[must_use]
    pub fn spool_options(&self) -> SpoolOptions {
        let section = &self.spool;
        let drop = match section.drop {
            DropSection::Oldest => Drop::Oldest,
            DropSection::Newest => Drop::Newest,
        };
        let log = LogOptions { segment_bytes: section.segment_bytes, max_bytes: section.max_bytes, drop };
        SpoolOptions {
            ring_slots: section.ring_slots,
            attributes: self.attributes.clone().into_iter().collect(),
            log,
            sync_every: Duration::from_millis(section.sync_ms),
            ..SpoolOptions::default()
        }
    }

    /// The sinks that have a section, each as something that makes one for a spool.
    ///
    /// # Errors
    /// A section makes no sense, or its feature was not built in.
    pub fn factories(&self) -> Result<Vec<Factory>, ConfigError> {
        let mut all: Vec<Factory> = Vec::new();
        if let Some(section) = &self.ndjson {
            all.push(ndjson(section)?);
        }
        if let Some(section) = &self.parquet {
            all.push(parquet(section)?);
        }
        if let Some(section) = &self.elasticsearch {
            all.push(elasticsearch(section)?);
        }
        if let Some(section) = &self.kafka {
            all.push(kafka(section)?);
        }
        if let Some(section) = &self.prometheus {
            all.push(prometheus(section, &self.spool.folder)?);
        }
        if let Some(section) = &self.otlp {
            all.push(otlp(section)?);
        }
        if all.is_empty() {
            let text = "no sink has a section: write [ndjson], [parquet], [elasticsearch]...".to_owned();
            return Err(ConfigError(text));
        }
        Ok(all)
    }
}

/// Makes a sink for each spool.
pub struct Factory {
    /// The sink's name.
    pub name: &'static str,
    /// Makes one.
    pub make: Box<dyn Fn() -> io::Result<Box<dyn Sink>> + Send + Sync>,
    /// Counts what its store has, where that can be asked: see [`verify`](crate::verify).
    pub count: Option<Box<dyn Fn() -> io::Result<Counted> + Send + Sync>>,
}

impl Factory {
    #[cfg_attr(
        not(any(feature = "ndjson", feature = "parquet", feature = "elasticsearch")),
        allow(dead_code, reason = "there may be no sink at all")
    )]
    fn new<S: Sink + 'static>(name: &'static str, make: impl Fn() -> S + Send + Sync + 'static) -> Self {
        Self { name, make: Box::new(move || Ok(Box::new(make()))), count: None }
    }

    #[cfg_attr(
        not(any(feature = "kafka", feature = "prometheus", feature = "otlp")),
        allow(dead_code, reason = "only some sinks can fail to be made")
    )]
    fn trying<S: Sink + 'static>(name: &'static str, make: impl Fn() -> io::Result<S> + Send + Sync + 'static) -> Self {
        Self { name, make: Box::new(move || Ok(Box::new(make()?))), count: None }
    }

    #[cfg_attr(
        not(any(feature = "ndjson", feature = "parquet", feature = "elasticsearch", feature = "kafka")),
        allow(dead_code, reason = "only some stores can be asked")
    )]
    fn counted(mut self, count: impl Fn() -> io::Result<Counted> + Send + Sync + 'static) -> Self {
        self.count = Some(Box::new(count));
        self
    }
}

#[allow(dead_code, reason = "every sink may be there")]
fn not_built(name: &str) -> ConfigError {
    ConfigError(format!("[{name}]: this program was built without it; build it with `--features {name}`"))
}

#[cfg(feature = "ndjson")]
#[allow(clippy::unnecessary_wraps, reason = "as the other sinks")]
fn ndjson(section: &NdjsonSection) -> Result<Factory, ConfigError> {
    use sinks::ndjson::{Ndjson, hours};
    let (rotate, keep) = (section.rotate_bytes.unwrap_or(256 << 20), section.keep.unwrap_or(8));
    let Some(file) = section.file.clone() else { return Ok(Factory::new("ndjson", Ndjson::stdout)) };
    let lines = file.clone();
    Ok(Factory::new("ndjson", move || Ndjson::file(&file, rotate, keep)).counted(move || hours(&lines)))
}

#[cfg(not(feature = "ndjson"))]
fn ndjson(_: &NdjsonSection) -> Result<Factory, ConfigError> {
    Err(not_built("ndjson"))
}

#[cfg(feature = "parquet")]
#[allow(clippy::unnecessary_wraps, reason = "as the other sinks")]
fn parquet(section: &ParquetSection) -> Result<Factory, ConfigError> {
    let mut options = sinks::parquet::ParquetOptions { folder: section.folder.clone(), ..Default::default() };
    options.records = section.records.unwrap_or(options.records).max(1);
    options.every = section.every_s.map_or(options.every, Duration::from_secs);
    let folder = options.folder.clone();
    let factory = Factory::new("parquet", move || sinks::parquet::Parquet::new(options.clone()));
    Ok(factory.counted(move || sinks::parquet::hours(&folder)))
}

#[cfg(not(feature = "parquet"))]
fn parquet(_: &ParquetSection) -> Result<Factory, ConfigError> {
    Err(not_built("parquet"))
}

#[cfg(feature = "elasticsearch")]
fn elasticsearch_options(
    section: &ElasticsearchSection,
) -> Result<sinks::elasticsearch::ElasticsearchOptions, ConfigError> {
    use sinks::elasticsearch::{Credentials, ElasticsearchOptions};
    let within = |e: ConfigError| ConfigError(format!("[elasticsearch] {e}"));
    let password = secret("password", section.password_env.as_ref(), section.password_file.as_ref()).map_err(within)?;
    let api_key = secret("api_key", section.api_key_env.as_ref(), section.api_key_file.as_ref()).map_err(within)?;
    let credentials = match (section.user.clone(), password, api_key) {
        (None, None, None) => Credentials::None,
        (Some(user), Some(password), None) => Credentials::Basic { user, password },
        (None, None, Some(key)) => Credentials::ApiKey(key),
        _ => return Err(within(ConfigError("give user and password, or an API key, or neither".to_owned()))),
    };
    let mut options = ElasticsearchOptions { url: section.url.clone(), credentials, ..Default::default() };
    if let Some(prefix) = &section.index_prefix {
        options.index_prefix.clone_from(prefix);
    }
    options.install_templates = section.install_templates.unwrap_or(true);
    Ok(options)
}

#[cfg(feature = "elasticsearch")]
fn elasticsearch(section: &ElasticsearchSection) -> Result<Factory, ConfigError> {
    let options = elasticsearch_options(section)?;
    let store = sinks::elasticsearch::Elasticsearch::new(options.clone());
    let count = move || match store.hours() {
        Ok(hours) => Ok((hours, 0)),
        Err(failure) => Err(io::Error::other(failure.into_reason())),
    };
    let factory = Factory::new("elasticsearch", move || sinks::elasticsearch::Elasticsearch::new(options.clone()));
    Ok(factory.counted(count))
}

#[cfg(not(feature = "elasticsearch"))]
fn elasticsearch(_: &ElasticsearchSection) -> Result<Factory, ConfigError> {
    Err(not_built("elasticsearch"))
}

/// Names and secrets from the environment.
#[cfg_attr(not(any(feature = "kafka", feature = "otlp")), allow(dead_code, reason = "only sinks with a login need it"))]
fn secrets(section: &str, names: &BTreeMap<String, String>) -> Result<Vec<(String, String)>, ConfigError> {
    let read = |(name, variable): (&String, &String)| match std::env::var(variable) {
        Ok(value) if !value.is_empty() => Ok((name.clone(), value)),
        _ => Err(ConfigError(format!("[{section}] {name}: the variable {variable} is not set; export it first"))),
    };
    names.iter().map(read).collect()
}

#[cfg(feature = "kafka")]
fn kafka(section: &KafkaSection) -> Result<Factory, ConfigError> {
    let mut options = sinks::kafka::KafkaOptions::default();
    options.bootstrap_servers.clone_from(&section.bootstrap_servers);
    if let Some(topic) = &section.topic {
        options.topic.clone_from(topic);
    }
    options.create_topic = section.create_topic.map(|new| sinks::kafka::NewTopicShape {
        partitions: new.partitions,
        replication_factor: new.replication_factor,
    });
    options.properties = section.properties.clone().into_iter().collect();
    options.properties.extend(secrets("kafka", &section.properties_env)?);
    let topic = options.clone();
    let factory = Factory::trying("kafka", move || sinks::kafka::Kafka::new(options.clone()));
    Ok(factory.counted(move || sinks::kafka::hours(&topic)))
}

#[cfg(not(feature = "kafka"))]
fn kafka(_: &KafkaSection) -> Result<Factory, ConfigError> {
    Err(not_built("kafka"))
}

#[cfg(feature = "otlp")]
fn otlp(section: &OtlpSection) -> Result<Factory, ConfigError> {
    let mut options = sinks::otlp::OtlpOptions::default();
    options.endpoint.clone_from(&section.endpoint);
    options.headers = secrets("otlp", &section.headers_env)?;
    options.gzip = section.gzip.unwrap_or(true);
    if let Some(path) = &section.ca_file {
        let pem = std::fs::read(path);
        options.ca_pem = Some(pem.map_err(|e| ConfigError(format!("[otlp] ca_file: {}: {e}", path.display())))?);
    }
    Ok(Factory::trying("otlp", move || sinks::otlp::Otlp::new(&options)))
}

#[cfg(not(feature = "otlp"))]
fn otlp(_: &OtlpSection) -> Result<Factory, ConfigError> {
    Err(not_built("otlp"))
}

/// One page for all spools: each has a sink of its own, and all count into the same.
#[cfg(feature = "prometheus")]
struct SharedPage(std::sync::Arc<std::sync::Mutex<sinks::prometheus::Prometheus>>);

#[cfg(feature = "prometheus")]
impl Sink for SharedPage {
    fn name(&self) -> &str {
        "prometheus"
    }

    fn starts_at_end(&self) -> bool {
        true
    }

    fn takes_replays(&self) -> bool {
        false
    }

    fn deliver(&mut self, batch: &[crate::Record]) -> Result<Vec<crate::sink::Rejected>, crate::sink::Failure> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).deliver(batch)
    }
}

#[cfg(feature = "prometheus")]
#[allow(clippy::unnecessary_wraps, reason = "as the other sinks")]
fn prometheus(section: &PrometheusSection, spool: &Path) -> Result<Factory, ConfigError> {
    use sinks::prometheus::{Prometheus, PrometheusOptions};
    use std::sync::{Arc, Mutex, PoisonError};
    let mut options = PrometheusOptions::default();
    options.listen = section.listen.unwrap_or(options.listen);
    if let Some(fields) = &section.fields {
        options.fields.clone_from(fields);
    }
    options.most_label_sets = section.most_label_sets.unwrap_or(options.most_label_sets);
    let spool = spool.to_owned();
    let page: Mutex<Option<Arc<Mutex<Prometheus>>>> = Mutex::new(None);
    // It listens once the first spool is there: a configuration that is only looked at takes no port.
    Ok(Factory::trying("prometheus", move || {
        let mut page = page.lock().unwrap_or_else(PoisonError::into_inner);
        if page.is_none() {
            let made = Prometheus::new(&options)?;
            let spool = spool.clone();
            made.watch(move || {
                let folders = crate::run::spools(&spool).unwrap_or_default();
                folders.iter().flat_map(|folder| sinks::prometheus::spool_readings(folder)).collect()
            });
            *page = Some(Arc::new(Mutex::new(made)));
        }
        page.clone().map(SharedPage).ok_or_else(|| io::Error::other("it was just made"))
    }))
}

#[cfg(not(feature = "prometheus"))]
fn prometheus(_: &PrometheusSection, _: &Path) -> Result<Factory, ConfigError> {
    Err(not_built("prometheus"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_is_wanted_and_a_wrong_key_is_told() {
        let text = "[spool]\nfolder = \"s\"\nmax_bytes = 1000\ndrop = \"newest\"\n[attributes]\n\"service.name\" = \"x\"\n[ndjson]\n";
        let config = ExportConfig::parse(text).expect("right");
        let options = config.spool_options();
        assert_eq!((options.log.max_bytes, options.log.drop), (1000, Drop::Newest));
        assert_eq!(options.attributes, [("service.name".to_owned(), "x".to_owned())]);
        let error = ExportConfig::parse("[spool]\nfolders = \"s\"\n").expect_err("wrong");
        assert!(error.to_string().contains("folders"), "{error}");
        let error = ExportConfig::parse("").expect("right").factories().err().expect("no sink");
        assert!(error.to_string().contains("[ndjson]"), "{error}");
    }

    #[test]
    fn the_example_is_right_with_every_section() {
        let text = include_str!("../../examples/export/otoscope.toml");
        let as_it_is = ExportConfig::parse(text).expect("right");
        assert!(as_it_is.parquet.is_some() && as_it_is.kafka.is_none());
        // Remarks have a space behind the mark; what may be switched on has none.
        let switched_on = |line: &str| match line.strip_prefix('#') {
            Some(rest) if !rest.starts_with(' ') => rest.to_owned(),
            _ => line.to_owned(),
        };
        let all = text.lines().map(switched_on).collect::<Vec<_>>().join("\n");
        let all = ExportConfig::parse(&all).expect("right");
        let sections = [all.ndjson.is_some(), all.parquet.is_some(), all.elasticsearch.is_some()];
        let others = [all.kafka.is_some(), all.prometheus.is_some(), all.otlp.is_some()];
        assert_eq!((sections, others), ([true; 3], [true; 3]));
        let kafka = all.kafka.expect("just seen");
        assert_eq!((kafka.properties.len(), kafka.properties_env.len()), (3, 1));
    }

    #[test]
    fn a_missing_secret_names_the_variable_and_a_read_one_is_nowhere() {
        let missing = secret("password", Some(&"OTOSCOPE_NO_SUCH".to_owned()), None).expect_err("not set");
        assert!(missing.to_string().contains("OTOSCOPE_NO_SUCH"), "{missing}");
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("secret");
        std::fs::write(&file, "hunter2\n").expect("writable");
        assert_eq!(secret("password", None, Some(&file)), Ok(Some("hunter2".to_owned())));
        assert!(secret("password", Some(&String::new()), Some(&file)).is_err());
    }
}
