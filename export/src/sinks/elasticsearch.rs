//! Elasticsearch and OpenSearch, by the one call both understand alike: `_bulk`, with gzip.
//!
//! Exactly once per index and id: a record is the document with its report id, in the index of the day its stream ended, with its revision as the
//! external version. What is sent twice is answered with 409, and that is fine. Data streams take only `create`, so that neither revisions nor
//! replays would fit; an index a day is dropped as a whole when its time has come.
//!
//! A document has ECS names (see [`to_ecs`]). Templates with the types of all fields are installed before the first batch; what they
//! do not know is stored and not indexed.

use crate::names::{ATTRIBUTES, to_ecs};
use crate::record::{Record, json_schema};
use crate::sink::{Failure, Rejected, Sink};
use crate::verify::{Hours, hour_of};
use base64::Engine;
use base64::prelude::BASE64_STANDARD as BASE64;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde::ser::{SerializeMap, Serializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value, json};
use std::borrow::Cow;
use std::fmt;
use std::io::Write;
use std::time::Duration;
use ureq::Agent;
use ureq::http::Response;

/// Of the answer only what is looked at: with the ids and shards it is as long as what was sent.
const BULK: &str = "_bulk?filter_path=errors,items.*.status,items.*.error";

/// Who is asking.
#[derive(Clone, Default, PartialEq, Eq)]
pub enum Credentials {
    /// Nobody.
    #[default]
    None,
    /// User and password.
    Basic {
        /// The user.
        user: String,
        /// The password.
        password: String,
    },
    /// Elasticsearch's API key, as it is shown: base64 of id and key.
    ApiKey(String),
}

/// Without what is secret.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Basic { user, .. } => write!(f, "user {user}, password hidden"),
            Self::ApiKey(_) => f.write_str("API key, hidden"),
        }
    }
}

/// Where and how.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ElasticsearchOptions {
    /// Such as `http://localhost:9200`, with a path if there is a proxy before it.
    pub url: String,
    /// What the names of indices begin with.
    pub index_prefix: String,
    /// Who is asking.
    pub credentials: Credentials,
    /// How long one call may take.
    pub timeout: Duration,
    /// Whether the templates are installed.
    pub install_templates: bool,
    /// Bytes of one body before compression; the server's own limit is 100 MB, and answers 413.
    pub body_bytes: usize,
}

impl Default for ElasticsearchOptions {
    fn default() -> Self {
        Self {
            url: "http://localhost:9200".to_owned(),
            index_prefix: "tts-report".to_owned(),
            credentials: Credentials::None,
            timeout: Duration::from_secs(60),
            install_templates: true,
            body_bytes: 5 << 20,
        }
    }
}

/// See the module.
pub struct Elasticsearch {
    options: ElasticsearchOptions,
    agent: Agent,
    has_templates: bool,
}

/// What became of a part of a batch.
enum Sent {
    /// Each record: in the store, refused for good, or to be sent again.
    Items(Vec<Item>),
    /// The body was too large for the server.
    TooLarge,
}

enum Item {
    Done,
    Refused(String),
    Again(String),
}

/// What is asked of the server.
struct Answer {
    status: u16,
    body: Value,
}

impl Elasticsearch {
    /// A sink; nothing is sent yet.
    #[must_use]
    pub fn new(options: ElasticsearchOptions) -> Self {
        let config = Agent::config_builder()
            .timeout_global(Some(options.timeout))
            // Statuses are answers here, not errors.
            .http_status_as_error(false)
            .build();
        Self { options, agent: config.into(), has_templates: false }
    }

    fn ask(&self, method: &str, path: &str, kind: &str, body: Vec<u8>, gzip: bool) -> Result<Answer, Failure> {
        let url = format!("{}/{path}", self.options.url.trim_end_matches('/'));
        let mut request = ureq::http::Request::builder().method(method).uri(&url).header("Content-Type", kind);
        if gzip {
            request = request.header("Content-Encoding", "gzip");
        }
        match &self.options.credentials {
            Credentials::None => {}
            Credentials::Basic { user, password } => {
                request =
                    request.header("Authorization", format!("Basic {}", BASE64.encode(format!("{user}:{password}"))));
            }
            Credentials::ApiKey(key) => request = request.header("Authorization", format!("ApiKey {key}")),
        }
        let request = request.body(body).map_err(|e| Failure::Stop(format!("{url}: {e}; correct the URL")))?;
        let read = |mut response: Response<ureq::Body>| {
            let text = response.body_mut().with_config().limit(64 << 20).read_to_string()?;
            // A proxy may answer with a page instead.
            let body = serde_json::from_str(&text).unwrap_or(Value::Null);
            Ok::<Answer, ureq::Error>(Answer { status: response.status().as_u16(), body })
        };
        // The connection may break after the server has done it: sending it again is harmless.
        self.agent.run(request).and_then(read).map_err(|e| Failure::later(format!("{url}: {e}")))
    }

    /// The number and the digests of the documents, for each hour.
    ///
    /// # Errors
    /// What the server answers.
    pub fn hours(&self) -> Result<Hours, Failure> {
        let prefix = &self.options.index_prefix;
        // What was written a moment ago is counted too.
        self.ask("POST", &format!("{prefix}-*/_refresh"), "application/json", Vec::new(), false)?;
        let query = json!({
            "size": 0,
            "aggs": { "hours": {
                "date_histogram": { "field": "@timestamp", "fixed_interval": "10m", "min_doc_count": 1 },
                "aggs": { "digests": { "sum": { "field": "tts.digest32" } } },
            } },
        });
        let path = format!("{prefix}-*/_search");
        let answer = self.ask("POST", &path, "application/json", query.to_string().into_bytes(), false)?;
        if answer.status >= 300 {
            return Err(self.refused(&answer, &path));
        }
        let buckets = answer.body["aggregations"]["hours"]["buckets"].as_array().cloned().unwrap_or_default();
        // The server sums in doubles, which hold 4 million digests exactly: so many may come in ten minutes.
        let mut hours = Hours::new();
        for bucket in &buckets {
            let (key, count) = (bucket["key"].as_u64(), bucket["doc_count"].as_u64());
            let (Some(key), Some(count), Some(digests)) = (key, count, bucket["digests"]["value"].as_f64()) else {
                continue;
            };
            let tally = hours.entry(hour_of(key)).or_default();
            tally.count += count;
            tally.digests += digests as u64;
        }
        Ok(hours)
    }

    fn install_templates(&mut self) -> Result<(), Failure> {
        if !self.options.install_templates || self.has_templates {
            return Ok(());
        }
        for (path, template) in templates(&self.options.index_prefix) {
            let answer = self.ask("PUT", &path, "application/json", template.to_string().into_bytes(), false)?;
            if answer.status >= 300 {
                return Err(self.refused(&answer, &path));
            }
        }
        self.has_templates = true;
        Ok(())
    }

    /// What the whole call was refused for.
    fn refused(&self, answer: &Answer, what: &str) -> Failure {
        let Answer { status, body } = answer;
        let reason = reason_of(&body["error"]);
        let text = format!("{} answers {what} with {status}: {reason}", self.options.url);
        match status {
            // A disk that is nearly full blocks writing, and says 403.
            _ if is_block(&body["error"]) => Failure::later(text),
            401 | 403 => Failure::Stop(format!("{text}; check user, password or key and its rights")),
            400 | 404 | 405 | 406 => Failure::Stop(format!("{text}; is this an Elasticsearch or OpenSearch?")),
            _ => Failure::later(text),
        }
    }

    /// Sends some records in one body.
    fn send(&self, batch: &[Record]) -> Result<Sent, Failure> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let mut items: Vec<Item> = Vec::with_capacity(batch.len());
        let mut line = Vec::new();
        for record in batch {
            let Some(document) = document(record) else {
                items.push(Item::Refused("it is no JSON object".to_owned()));
                continue;
            };
            items.push(Item::Again(String::new()));
            let head = json!({ "index": {
                "_index": index(&self.options.index_prefix, record.envelope.unix_ms),
                "_id": record.envelope.id.to_string(),
                "version": record.envelope.rev,
                "version_type": "external",
            } });
            line.clear();
            // Writing to memory.
            let _ = writeln!(line, "{head}");
            line.extend_from_slice(&document);
            line.push(b'\n');
            let _ = encoder.write_all(&line);
        }
        let body = encoder.finish().map_err(Failure::later)?;
        let answer = self.ask("POST", BULK, "application/x-ndjson", body, true)?;
        if answer.status == 413 {
            return Ok(Sent::TooLarge);
        }
        if answer.status >= 300 {
            return Err(self.refused(&answer, "_bulk"));
        }
        // An error of one item is inside a 200.
        let answers = answer.body["items"].as_array().map_or(&[][..], Vec::as_slice);
        let mut answers = answers.iter();
        for item in items.iter_mut().filter(|item| matches!(item, Item::Again(_))) {
            let Some(answer) = answers.next().map(|a| &a["index"]) else {
                return Err(Failure::later(format!("{} answers _bulk with too few items", self.options.url)));
            };
            let error = &answer["error"];
            *item = match answer["status"].as_u64() {
                // 409: this revision or a later one is there already.
                Some(200..=299 | 409) => Item::Done,
                Some(429 | 500..=599) | None => Item::Again(reason_of(error)),
                _ if is_block(error) => Item::Again(reason_of(error)),
                Some(status) => Item::Refused(format!("{status}: {}", reason_of(error))),
            };
        }
        Ok(Sent::Items(items))
    }

    /// Sends some records, in halves where they are too much for one body.
    fn send_in_parts(&self, batch: &[Record]) -> Result<Vec<Item>, Failure> {
        match self.send(batch)? {
            Sent::Items(items) => Ok(items),
            Sent::TooLarge if batch.len() <= 1 => {
                Ok(batch.iter().map(|_| Item::Refused("413: too large for this server".to_owned())).collect())
            }
            Sent::TooLarge => {
                let (first, second) = batch.split_at(batch.len() / 2);
                let mut items = self.send_in_parts(first)?;
                items.extend(self.send_in_parts(second)?);
                Ok(items)
            }
        }
    }
}

impl Sink for Elasticsearch {
    fn name(&self) -> &str {
        "elasticsearch"
    }

    fn deliver(&mut self, batch: &[Record]) -> Result<Vec<Rejected>, Failure> {
        self.install_templates()?;
        let (mut done, mut rejected) = (0, Vec::new());
        while done < batch.len() {
            let mut bytes = 0;
            let fits = |record: &&Record| {
                bytes += record.json.len() + 200;
                bytes <= self.options.body_bytes
            };
            let count = batch[done..].iter().take_while(fits).count().max(1);
            let items = match self.send_in_parts(&batch[done..done + count]) {
                Ok(items) => items,
                // What was sent before is delivered.
                Err(Failure::Later { reason, .. }) => return Err(Failure::Later { done, rejected, reason }),
                Err(stop) => return Err(stop),
            };
            for item in items {
                match item {
                    Item::Done => {}
                    Item::Refused(reason) => rejected.push(Rejected { index: done, reason }),
                    // Those behind it are in the store, and will be answered with 409.
                    Item::Again(reason) => return Err(Failure::Later { done, rejected, reason }),
                }
                done += 1;
            }
        }
        Ok(rejected)
    }
}

/// Whether the cluster has stopped writing for a while.
fn is_block(error: &Value) -> bool {
    error["type"] == "cluster_block_exception"
}

fn reason_of(error: &Value) -> String {
    let text = |v: &Value| v.as_str().map(str::to_owned);
    // Parse errors have what is wrong one level below.
    let cause = text(&error["caused_by"]["reason"]).map_or_else(String::new, |cause| format!(" ({cause})"));
    let reason = text(&error["reason"]).or_else(|| text(error));
    let mut reason = reason.unwrap_or_else(|| "no reason given".to_owned()) + &cause;
    // Servers quote the document.
    if let Some((at, _)) = reason.char_indices().nth(500) {
        reason.truncate(at);
    }
    reason
}

/// The index of a day: of the day the stream ended, so that a replay meets the documents of the first time.
fn index(prefix: &str, unix_ms: u64) -> String {
    let day = crate::record::timestamp(unix_ms);
    format!("{prefix}-{}", day[..10].replace('-', "."))
}

/// The document of a record: its JSON with ECS names; everything else as it is. `None` if it is no JSON object.
#[must_use]
pub fn document(record: &Record) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(record.json.len() + 128);
    let mut input = serde_json::Deserializer::from_slice(&record.json);
    input.deserialize_map(Renamed { out: &mut out, digest32: record.envelope.digest32 }).ok()?;
    input.end().ok()?;
    Some(out)
}

/// Copies an object with other names. Values are not looked into: that would take longer than everything else a record needs here.
struct Renamed<'a> {
    out: &'a mut Vec<u8>,
    digest32: u32,
}

impl<'de> Visitor<'de> for Renamed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a record")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<(), A::Error> {
        let mut serializer = serde_json::Serializer::new(self.out);
        let mut map = serializer.serialize_map(None).map_err(A::Error::custom)?;
        while let Some(name) = fields.next_key::<Cow<'de, str>>()? {
            let value: &RawValue = fields.next_value()?;
            match &*name {
                "digest32" => map.serialize_entry(to_ecs(&name), &value.get()),
                "schema" => map.serialize_entry(to_ecs(&name), "tts.report"),
                _ => map.serialize_entry(to_ecs(&name), value),
            }
            .map_err(A::Error::custom)?;
        }
        // Sums are made of numbers; event.hash is a keyword.
        map.serialize_entry("tts.digest32", &self.digest32).map_err(A::Error::custom)?;
        map.serialize_entry("ecs.version", "9.0.0").map_err(A::Error::custom)?;
        map.end().map_err(A::Error::custom)
    }
}

/// The templates, and where they go: names of ECS, names of ours, and the two put together for the indices.
fn templates(prefix: &str) -> Vec<(String, Value)> {
    let keyword = json!({ "type": "keyword", "ignore_above": 1024 });
    let mut ecs = Map::new();
    ecs.insert("@timestamp".to_owned(), json!({ "type": "date" }));
    for name in ["event.dataset", "event.id", "event.hash", "ecs.version"] {
        ecs.insert(name.to_owned(), keyword.clone());
    }
    ecs.insert("event.sequence".to_owned(), json!({ "type": "long" }));
    for attribute in ATTRIBUTES {
        ecs.insert(attribute.ecs.to_owned(), keyword.clone());
    }
    let mut ours = Map::new();
    ours.insert("tts.digest32".to_owned(), json!({ "type": "long" }));
    // Labels are the caller's: each is a keyword.
    ours.insert("labels".to_owned(), json!({ "type": "object", "dynamic": true }));
    let schema = json_schema();
    for (name, about) in schema["properties"].as_object().into_iter().flatten() {
        if !(name.starts_with("tts.audio.") || name.starts_with("otoscope.")) {
            continue;
        }
        let kind = match about["type"].as_str() {
            Some("integer") => "long",
            Some("number") => "double",
            Some("boolean") => "boolean",
            _ => "keyword",
        };
        ours.insert(name.clone(), json!({ "type": kind }));
    }
    let finding = json!({
        "metric": keyword, "kind": keyword, "severity": keyword,
        "start_s": { "type": "double" }, "end_s": { "type": "double" },
        "value": { "type": "double" }, "threshold": { "type": "double" },
        "channel_mask": { "type": "long" }, "chunk": { "type": "long" },
    });
    // Nested, or the kind of one finding would be found with the severity of another.
    ours.insert("findings".to_owned(), json!({ "type": "nested", "properties": finding }));
    let component =
        |properties: Map<String, Value>| json!({ "template": { "mappings": { "properties": properties } } });
    let (ecs_name, ours_name) = (format!("{prefix}-ecs"), format!("{prefix}-mappings"));
    vec![
        (format!("_component_template/{ecs_name}"), component(ecs)),
        (format!("_component_template/{ours_name}"), component(ours)),
        (
            format!("_index_template/{prefix}"),
            json!({
                "index_patterns": [format!("{prefix}-*")],
                "composed_of": [ecs_name, ours_name],
                "priority": 250,
                "template": {
                    "settings": { "index.mapping.total_fields.limit": 2000 },
                    "mappings": {
                        "dynamic": false,
                        "dynamic_templates": [
                            { "labels": { "path_match": "labels.*", "mapping": { "type": "keyword", "ignore_above": 1024 } } },
                        ],
                    },
                },
            }),
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_day_is_that_of_the_event() {
        assert_eq!(index("tts-report", 1_700_000_000_123), "tts-report-2023.11.14");
        assert_eq!(index("tts-report", 0), "tts-report-1970.01.01");
    }

    #[test]
    fn secrets_are_not_shown() {
        let credentials = Credentials::Basic { user: "me".to_owned(), password: "hunter2".to_owned() };
        let mut options = ElasticsearchOptions { credentials, ..ElasticsearchOptions::default() };
        assert!(!format!("{options:?}").contains("hunter2"));
        options.credentials = Credentials::ApiKey("c2VjcmV0".to_owned());
        assert!(!format!("{options:?}").contains("c2VjcmV0"));
    }
}
