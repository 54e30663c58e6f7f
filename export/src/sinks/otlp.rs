//! Log records over OTLP/HTTP, to an OpenTelemetry collector or to any store that takes OTLP. At least once: a request that broke off is sent again,
//! and `report_id` with `rev` tells who wants to know.
//!
//! | record | log record |
//! |---|---|
//! | name of the schema | event name: `tts.report` |
//! | `@timestamp` | time |
//! | worst finding | severity: INFO (also without a finding), WARN, ERROR |
//! | `trace.id`, `span.id` | trace and span, so that the report hangs at the request it belongs to |
//! | `service.*`, `host.*`, `deployment.*` | attributes of the resource |
//! | `otoscope.version` | version of the scope |
//! | every other field | an attribute of the same name and type |
//!
//! `findings` is a list of objects. OTLP could carry it as such, but stores behind it flatten such a list and lose which value belongs to which
//! finding, or refuse it: it goes as one string of JSON.
//!
//! # Why JSON, and why not an OpenTelemetry crate
//! OTLP/HTTP has two encodings of equal rank, and receivers must take both. JSON needs nothing this crate does not have already, while
//! `opentelemetry-proto` brings prost and the whole SDK for types that would be filled once. The price: packed, a request is a quarter larger. The
//! SDK's own exporter keeps a queue in memory and drops what does not fit; here the spool is the queue, and what a store answers decides about the
//! cursor.
//!
//! Only logs are sent. Counters need a process that begins at the end of the spool, as [`prometheus`](crate::sinks) does: a collector can scrape that.
//!
//! # What the answers mean
//! | answer | then |
//! |---|---|
//! | 2xx | delivered |
//! | 2xx, with all records refused (`partialSuccess`) | dead letters |
//! | 2xx, with some refused | OTLP does not say which, and forbids sending them again: they are counted ([`OtlpCounters::refused_unnamed`]) and stay in the spool |
//! | 400, 413, 422 | the request is halved until the record is found that the server does not take: a dead letter |
//! | 400 for every record, and for an empty request too | stop: it is not the records |
//! | 408, 425, 429, 5xx, no connection, a certificate that is not trusted | later; `Retry-After` is kept to |
//! | 401, 403, redirects, any other 4xx, an answer that is no OTLP | stop: somebody has to change something |
//!
//! Other 5xx than those of the specification (502, 503, 504) are repeated too: to lose reports because a server crashed is not better.

use crate::record::{Record, SCHEMA};
use crate::sink::{Failure, Rejected, Sink};
use flate2::{Compression, write::GzEncoder};
use serde_json::{Map, Value, json};
use std::io::{self, Read, Write};
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use ureq::Agent;
use ureq::http::{HeaderMap, HeaderName, HeaderValue, Uri, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// What stands before the names of the resource's attributes.
const RESOURCE: [&str; 3] = ["service.", "host.", "deployment."];
/// Of an answer; more is not read.
const LONGEST_ANSWER: u64 = 64 << 10;
/// Of a server's words.
const LONGEST_REASON_CHARS: usize = 300;
/// A server cannot silence it for longer than this.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);

/// Where it sends to.
#[derive(Clone)]
#[non_exhaustive]
pub struct OtlpOptions {
    /// The base address; `/v1/logs` is added.
    pub endpoint: String,
    /// Headers of every request: passwords and tokens belong here. Their values are shown nowhere.
    pub headers: Vec<(String, String)>,
    /// Whether requests are packed.
    pub gzip: bool,
    /// For one request, from connecting to the end of the answer.
    pub timeout: Duration,
    /// Log records of one request, at most.
    pub request_records: usize,
    /// Certificates to trust instead of the public ones, in PEM.
    pub ca_pem: Option<Vec<u8>>,
}

impl Default for OtlpOptions {
    fn default() -> Self {
        Self {
            endpoint: "http://127.0.0.1:4318".to_owned(),
            headers: Vec::new(),
            gzip: true,
            timeout: Duration::from_secs(30),
            request_records: 500,
            ca_pem: None,
        }
    }
}

impl std::fmt::Debug for OtlpOptions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let headers: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("OtlpOptions")
            .field("endpoint", &without_password(&self.endpoint))
            .field("headers", &headers)
            .field("gzip", &self.gzip)
            .field("timeout", &self.timeout)
            .field("request_records", &self.request_records)
            .field("ca_pem", &self.ca_pem.is_some())
            .finish()
    }
}

/// An address as it may be shown.
fn without_password(endpoint: &str) -> String {
    let (scheme, rest) = endpoint.split_once("://").unwrap_or(("", endpoint));
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    match authority.rfind('@') {
        Some(at) => format!("{scheme}://***{}", &rest[at..]),
        None => endpoint.to_owned(),
    }
}

/// What a cursor does not tell.
#[derive(Debug, Default)]
pub struct OtlpCounters {
    requests: AtomicU64,
    refused_unnamed: AtomicU64,
    last_refusal: Mutex<Option<String>>,
}

impl OtlpCounters {
    /// Requests, answered or not.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// Records the server refused without saying which of a request. They count as delivered.
    #[must_use]
    pub fn refused_unnamed(&self) -> u64 {
        self.refused_unnamed.load(Ordering::Relaxed)
    }

    /// What the server said about the last of them.
    #[must_use]
    pub fn last_refusal(&self) -> Option<String> {
        self.last_refusal.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// See the module.
pub struct Otlp {
    agent: Agent,
    url: String,
    headers: HeaderMap,
    gzip: bool,
    request_records: usize,
    /// The server asked not to be asked before.
    not_before: Option<Instant>,
    counters: Arc<OtlpCounters>,
}

impl std::fmt::Debug for Otlp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Otlp").field("url", &self.url).field("counters", &self.counters).finish_non_exhaustive()
    }
}

impl Otlp {
    /// Connects to nothing yet.
    ///
    /// # Errors
    /// `InvalidInput` for an address, a header or a certificate that cannot be.
    pub fn new(options: &OtlpOptions) -> io::Result<Self> {
        let invalid = |what: String| io::Error::new(io::ErrorKind::InvalidInput, format!("otlp: {what}"));
        let url = format!("{}/v1/logs", options.endpoint.trim_end_matches('/'));
        let shown = without_password(&options.endpoint);
        if shown != options.endpoint {
            return Err(invalid(format!("the endpoint {shown} has a password in it; use a header")));
        }
        let uri: Option<Uri> = url.parse().ok();
        let is_http =
            |uri: &Uri| matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|h| !h.is_empty());
        let Some(uri) = uri.filter(is_http) else {
            return Err(invalid(format!("the endpoint {shown} is no address; write http://HOST:PORT or https://HOST")));
        };
        if options.endpoint.contains(['?', '#']) {
            return Err(invalid(format!("the endpoint {shown} has more than a path; /v1/logs is added to it")));
        }
        let mut headers = HeaderMap::new();
        for (name, value) in &options.headers {
            let known = HeaderName::from_bytes(name.as_bytes());
            let key = known.map_err(|_| invalid(format!("`{name}` is no name of a header")))?;
            let ours = [header::CONTENT_TYPE, header::CONTENT_ENCODING, header::CONTENT_LENGTH, header::HOST];
            if ours.contains(&key) || key == header::TRANSFER_ENCODING {
                return Err(invalid(format!("the header {name} is set by the exporter itself; leave it out")));
            }
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| invalid(format!("the value of the header {name} has characters that cannot be sent")))?;
            value.set_sensitive(true);
            headers.append(key, value);
        }
        let mut config = Agent::config_builder()
            .http_status_as_error(false)
            // Nothing is sent, and no password told, to where a redirect points.
            .max_redirects(0)
            .max_redirects_will_error(false)
            .timeout_global(Some(options.timeout))
            .user_agent(concat!("otoscope-export/", env!("CARGO_PKG_VERSION")));
        if is_loopback(uri.host().unwrap_or_default()) {
            config = config.proxy(None);
        }
        if let Some(pem) = &options.ca_pem {
            let mut certificates = Vec::new();
            for item in parse_pem(pem) {
                match item {
                    Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
                    Ok(_) => {}
                    Err(error) => return Err(invalid(format!("the certificates cannot be read: {error}"))),
                }
            }
            if certificates.is_empty() {
                return Err(invalid("there is no certificate in the file; it must be PEM".to_owned()));
            }
            config =
                config.tls_config(TlsConfig::builder().root_certs(RootCerts::new_with_certs(&certificates)).build());
        }
        Ok(Self {
            agent: config.build().new_agent(),
            url,
            headers,
            gzip: options.gzip,
            request_records: options.request_records.max(1),
            not_before: None,
            counters: Arc::default(),
        })
    }

    /// What the cursor does not tell, also while a pump has the sink.
    #[must_use]
    pub fn counters(&self) -> Arc<OtlpCounters> {
        Arc::clone(&self.counters)
    }

    fn post(&mut self, json: Vec<u8>) -> Answer {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
        let body = if self.gzip { packed(&json) } else { Ok(json) };
        let body = match body {
            Ok(body) => body,
            Err(error) => return Answer::Later(error.to_string()),
        };
        let mut request = self.agent.post(&self.url).header(header::CONTENT_TYPE, "application/json");
        if self.gzip {
            request = request.header(header::CONTENT_ENCODING, "gzip");
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let mut response = match request.send(&body) {
            Ok(response) => response,
            Err(error) => return self.not_sent(&error),
        };
        let status = response.status().as_u16();
        let text_of = |name| response.headers().get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let (retry_after, location) = (text_of(header::RETRY_AFTER), text_of(header::LOCATION));
        let content_type = text_of(header::CONTENT_TYPE);
        let mut text = Vec::new();
        let read = response.body_mut().with_config().reader().take(LONGEST_ANSWER).read_to_end(&mut text);
        if status / 100 == 2 {
            return match read {
                Ok(_) => self.taken(&text, &content_type),
                // Whether it took all of them would stand there.
                Err(error) => Answer::Later(self.shown(&format!("{} broke off its answer: {error}", self.url))),
            };
        }
        let reason = self.shown(&format!("{} answered {status}: {}", self.url, words_of(&text)));
        match status {
            400 | 422 => Answer::Bad(reason),
            413 => Answer::TooLarge(reason),
            408 | 425 | 429 | 500..=599 => {
                if let Some(wait) = wait_of(&retry_after, SystemTime::now()) {
                    self.not_before = Some(Instant::now() + wait);
                }
                Answer::Later(reason)
            }
            401 | 403 => Answer::Stop(format!("{reason}; check the headers of otlp")),
            300..=399 => Answer::Stop(self.shown(&format!("{} moved to {location}; change the endpoint", self.url))),
            404 | 405 => Answer::Stop(format!("{reason}; check the endpoint: /v1/logs is added to it")),
            _ => Answer::Stop(reason),
        }
    }

    fn not_sent(&self, error: &ureq::Error) -> Answer {
        let reason = self.shown(&format!("{}: {error}", self.url));
        match error {
            ureq::Error::BadUri(_) | ureq::Error::Http(_) | ureq::Error::InvalidProxyUrl | ureq::Error::TlsRequired => {
                Answer::Stop(reason)
            }
            _ => Answer::Later(reason),
        }
    }

    fn taken(&self, text: &[u8], content_type: &str) -> Answer {
        let answer = serde_json::from_slice::<Map<String, Value>>(text);
        if answer.is_err() && !text.trim_ascii().is_empty() && !content_type.contains("protobuf") {
            let what =
                format!("{} took it, but what it says is no OTLP: {}; check the endpoint", self.url, words_of(text));
            return Answer::Stop(self.shown(&what));
        }
        let partial = answer.ok().and_then(|mut answer| answer.remove("partialSuccess")).unwrap_or_default();
        // 64-bit numbers are strings in this JSON; some servers write them bare.
        let refused = match &partial["rejectedLogRecords"] {
            Value::String(number) => number.parse().unwrap_or(0),
            number => number.as_u64().unwrap_or(0),
        };
        let why = self.shown(&clipped(partial["errorMessage"].as_str().unwrap_or("no reason given")));
        Answer::Taken { refused, why }
    }

    /// A reason without what nobody may see: a server may repeat what it was sent.
    fn shown(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for value in self.headers.values() {
            for word in value.to_str().unwrap_or_default().split_ascii_whitespace().filter(|word| word.len() >= 4) {
                text = text.replace(word, "***");
            }
        }
        text
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_matches(['[', ']']);
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn packed(json: &[u8]) -> io::Result<Vec<u8>> {
    // Names repeat so much that the fastest level packs a request to about a tenth already.
    let mut out = GzEncoder::new(Vec::with_capacity(json.len() / 8), Compression::fast());
    out.write_all(json)?;
    out.finish()
}

/// How long a server wants to be left alone.
fn wait_of(retry_after: &str, now: SystemTime) -> Option<Duration> {
    let text = retry_after.trim();
    let wait = match text.parse() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(text).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// What a server says: the message of a `Status`, else the text.
fn words_of(text: &[u8]) -> String {
    let status: Option<Value> = serde_json::from_slice(text).ok();
    match status.as_ref().and_then(|s| s["message"].as_str()) {
        Some(message) => clipped(message),
        None => clipped(&String::from_utf8_lossy(text)),
    }
}

fn clipped(text: &str) -> String {
    text.trim().chars().take(LONGEST_REASON_CHARS).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// What became of a request.
enum Answer {
    Taken { refused: u64, why: String },
    Bad(String),
    TooLarge(String),
    Later(String),
    Stop(String),
}

/// A record as parts of the body.
struct Prepared {
    resource: String,
    scope: String,
    log: String,
}

fn prepare(record: &Record, observed_ns: &str) -> Result<Prepared, String> {
    let object: Map<String, Value> =
        serde_json::from_slice(&record.json).map_err(|error| format!("the record is no JSON object: {error}"))?;
    let text = |name: &str| object.get(name).and_then(Value::as_str);
    let worst = text("tts.audio.worst");
    let (severity, number) = match worst {
        Some("error") => ("ERROR", 17),
        Some("warning") => ("WARN", 13),
        _ => ("INFO", 9),
    };
    let seconds = object.get("tts.audio.duration_s").and_then(Value::as_f64).unwrap_or(0.0);
    let findings = object.get("tts.audio.findings").and_then(Value::as_u64).unwrap_or(0);
    let sentence = match worst {
        Some(worst) => format!("{seconds:.1} s of audio, findings: {findings}, the worst: {worst}"),
        None => format!("{seconds:.1} s of audio, nothing found"),
    };
    let mut log = Map::new();
    log.insert("timeUnixNano".into(), format!("{}000000", record.envelope.unix_ms).into());
    log.insert("observedTimeUnixNano".into(), observed_ns.into());
    log.insert("severityNumber".into(), number.into());
    log.insert("severityText".into(), severity.into());
    log.insert("eventName".into(), SCHEMA.split('/').next().into());
    log.insert("body".into(), json!({ "stringValue": sentence }));
    let (mut attributes, mut resource, mut scope) = (Vec::new(), Vec::new(), json!({ "name": "otoscope" }));
    for (name, value) in &object {
        // Hexadecimal in this JSON, unlike other bytes.
        match (name.as_str(), value) {
            ("trace.id", Value::String(id)) if is_id(id, 32) => drop(log.insert("traceId".into(), id.as_str().into())),
            ("span.id", Value::String(id)) if is_id(id, 16) => drop(log.insert("spanId".into(), id.as_str().into())),
            ("otoscope.version", Value::String(version)) => scope["version"] = version.as_str().into(),
            (_, Value::Null) => {}
            _ => {
                let to = if RESOURCE.iter().any(|p| name.starts_with(p)) { &mut resource } else { &mut attributes };
                to.push(json!({ "key": name, "value": any_value(value) }));
            }
        }
    }
    log.insert("attributes".into(), attributes.into());
    let resource = json!({ "attributes": resource });
    Ok(Prepared { resource: resource.to_string(), scope: scope.to_string(), log: Value::Object(log).to_string() })
}

/// As W3C has it: lower case, not all zeros.
fn is_id(text: &str, digits: usize) -> bool {
    text.len() == digits
        && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
        && text.bytes().any(|b| b != b'0')
}

fn any_value(value: &Value) -> Value {
    match value {
        Value::String(text) => json!({ "stringValue": text }),
        Value::Bool(yes) => json!({ "boolValue": yes }),
        Value::Number(number) => match number.as_i64() {
            Some(whole) => json!({ "intValue": whole.to_string() }),
            None => json!({ "doubleValue": number }),
        },
        // A list of words; anything deeper is one string, also when it is empty: an attribute has one type.
        Value::Array(all) if !all.is_empty() && all.iter().all(Value::is_string) => {
            json!({ "arrayValue": { "values": all.iter().map(any_value).collect::<Vec<_>>() } })
        }
        other => json!({ "stringValue": other.to_string() }),
    }
}

/// The body of a request: records of one resource and scope together, in their order.
fn body_of<'a>(records: impl Iterator<Item = &'a Prepared>) -> Vec<u8> {
    let mut groups: Vec<(&str, &str, Vec<&str>)> = Vec::new();
    for record in records {
        match groups.iter_mut().find(|(resource, scope, _)| *resource == record.resource && *scope == record.scope) {
            Some((_, _, logs)) => logs.push(&record.log),
            None => groups.push((&record.resource, &record.scope, vec![&record.log])),
        }
    }
    let groups: Vec<String> = groups
        .into_iter()
        .map(|(resource, scope, logs)| {
            let logs = logs.join(",");
            format!("{{\"resource\":{resource},\"scopeLogs\":[{{\"scope\":{scope},\"logRecords\":[{logs}]}}]}}")
        })
        .collect();
    format!("{{\"resourceLogs\":[{}]}}", groups.join(",")).into_bytes()
}

impl Sink for Otlp {
    fn name(&self) -> &str {
        "otlp"
    }

    fn deliver(&mut self, batch: &[Record]) -> Result<Vec<Rejected>, Failure> {
        if let Some(wait) = self.not_before.and_then(|at| at.checked_duration_since(Instant::now())) {
            let reason = format!("{} asked to be left alone for {:.1} s more", self.url, wait.as_secs_f64());
            return Err(Failure::later(reason));
        }
        self.not_before = None;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_nanos().to_string();
        let prepared: Vec<Result<Prepared, String>> = batch.iter().map(|record| prepare(record, &now)).collect();
        let mut rejected = Vec::new();
        let mut done = 0;
        // What is still to be sent, the next last.
        let mut open: Vec<Range<usize>> = (0..batch.len())
            .step_by(self.request_records)
            .map(|from| from..(from + self.request_records).min(batch.len()))
            .rev()
            .collect();
        let mut took_one = false;
        while let Some(range) = open.pop() {
            let readable: Vec<(usize, &Prepared)> =
                range.clone().filter_map(|i| Some((i, prepared[i].as_ref().ok()?))).collect();
            let answer = if readable.is_empty() {
                Answer::Taken { refused: 0, why: String::new() }
            } else {
                self.post(body_of(readable.iter().map(|(_, record)| *record)))
            };
            let mut refuse = |reason: &str| {
                rejected
                    .extend(readable.iter().map(|(index, _)| Rejected { index: *index, reason: reason.to_owned() }));
            };
            match answer {
                Answer::Taken { refused, why } => {
                    took_one |= !readable.is_empty();
                    if refused > 0 && refused >= readable.len() as u64 {
                        refuse(&why);
                    } else if refused > 0 {
                        self.counters.refused_unnamed.fetch_add(refused, Ordering::Relaxed);
                        *self.counters.last_refusal.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
                    }
                }
                Answer::Bad(_) | Answer::TooLarge(_) if range.len() > 1 => {
                    let middle = range.start + range.len() / 2;
                    open.push(middle..range.end);
                    open.push(range.start..middle);
                    continue;
                }
                Answer::TooLarge(reason) => refuse(&reason),
                Answer::Bad(reason) => {
                    if !took_one {
                        // Is it the record, or would it refuse anything?
                        match self.post(body_of(std::iter::empty())) {
                            Answer::Taken { .. } => took_one = true,
                            Answer::Bad(empty) | Answer::TooLarge(empty) | Answer::Stop(empty) => {
                                return Err(stopped(
                                    done,
                                    rejected,
                                    format!(
                                        "{empty} (to an empty request: it is not the records; does the server take OTLP in JSON{}?)",
                                        if self.gzip { ", packed with gzip" } else { "" }
                                    ),
                                ));
                            }
                            Answer::Later(reason) => return Err(Failure::Later { done, rejected, reason }),
                        }
                    }
                    refuse(&reason);
                }
                Answer::Later(reason) => return Err(Failure::Later { done, rejected, reason }),
                Answer::Stop(reason) => return Err(stopped(done, rejected, reason)),
            }
            for index in range.clone() {
                if let Err(reason) = &prepared[index] {
                    rejected.push(Rejected { index, reason: reason.clone() });
                }
            }
            done = range.end;
        }
        Ok(rejected)
    }
}

/// What was delivered before is kept first; the next attempt stops.
fn stopped(done: usize, rejected: Vec<Rejected>, reason: String) -> Failure {
    if done > 0 { Failure::Later { done, rejected, reason } } else { Failure::Stop(reason) }
}
