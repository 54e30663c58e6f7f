//! Counters and histograms, served to Prometheus: text format 0.0.4, or OpenMetrics 1.0.0 to who asks for it.
//!
//! It counts in the memory of its process, as Prometheus expects of whom it scrapes: it begins at the end of the spool
//! ([`starts_at_end`](Sink::starts_at_end)), and what was written while it was away is not counted, for replayed records would look like a peak of
//! now. A report that is sent again (`rev` above 0) is not counted again.
//!
//! | family | what |
//! |---|---|
//! | `otoscope_reports_total` | finished reports |
//! | `otoscope_reports_worst_total{worst}` | the same by the worst severity, `none` without a finding |
//! | `otoscope_audio_seconds_total` | audio in them |
//! | `otoscope_findings_total{metric,kind}` | findings |
//! | `otoscope_<metric>_<field>` | a histogram of each field that was asked for, in Prometheus' base units |
//!
//! # Which fields
//! All numeric fields of all metrics would be some hundred histograms for each voice, and no rule over units or names knows which of them somebody
//! will look at. So it is a list of keys, as in every other configuration: [`PrometheusOptions::fields`], by default the lines of
//! `prometheus.fields` beside this file. It is data, and the code still names no metric.
//! Name, help, scale and buckets follow from each field's spec: milliseconds become seconds, hundredths ratios, and each unit has its ladder.
//!
//! # How many series
//! Each report has a voice, a build and a server (options say which fields of the record those are). The first
//! [`most_label_sets`](PrometheusOptions::most_label_sets) combinations get series of their own, all later ones share one where every label is
//! `other`, and `otoscope_folded_reports_total` says how many reports that were.

use crate::cursor;
use crate::names::AUDIO_PREFIX;
use crate::record::Record;
use crate::scrape::Server;
use crate::sink::{Failure, Rejected, Sink, spool_name};
use crate::spool::{STATE, SpoolState};
use crate::storage::{Disk, Storage};
use otoscope::SPECS;
use otoscope::spec::{FieldSpec, MetricSpec, Unit};
use serde_json::{Map, Value};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Every name begins with it.
const PREFIX: &str = "otoscope_";
/// See the module.
const DEFAULT_FIELDS: &str = include_str!("prometheus.fields");
/// Every label of the series of what did not get one of its own.
const OTHER: &str = "other";
/// A longer label is cut, so that a few labels cannot fill the memory.
const LONGEST_LABEL_CHARS: usize = 200;
/// `worst` in the record, and what it is without a finding.
const SEVERITIES: [&str; 4] = ["none", "info", "warning", "error"];

/// How it counts and where it is scraped.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PrometheusOptions {
    /// Where it listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Labels of every series, and the fields of the record they are taken from.
    pub labels: Vec<(String, String)>,
    /// So many combinations of labels get series of their own; later ones are counted as `other`.
    pub most_label_sets: usize,
    /// Keys of the fields that get a histogram: `metric.field`, `metric.*` or `*`.
    pub fields: Vec<String>,
}

impl Default for PrometheusOptions {
    fn default() -> Self {
        let labels =
            [("voice", "gen_ai.speech.voice"), ("build", "service.version"), ("server", "host.name")].map(owned_pair);
        Self {
            // The port OpenTelemetry's exporters to Prometheus have.
            listen: (Ipv4Addr::LOCALHOST, 9464).into(),
            labels: labels.into(),
            most_label_sets: 100,
            fields: default_fields().map(str::to_owned).collect(),
        }
    }
}

fn owned_pair((a, b): (&str, &str)) -> (String, String) {
    (a.to_owned(), b.to_owned())
}

fn default_fields() -> impl Iterator<Item = &'static str> {
    DEFAULT_FIELDS.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'))
}

/// Whether a reading may fall.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReadingKind {
    /// It only rises, but for a new start from 0. Its name ends with `_total`.
    Counter,
    /// It rises and falls.
    Gauge,
}

/// One number beside the reports', from a closure that [`Prometheus::watch`] was given.
#[derive(Debug, Clone, PartialEq)]
pub struct Reading {
    /// Letters, digits and `_`; anything else becomes `_`. Readings of one name are one family. What would collide with a family of the reports is
    /// left out.
    pub name: String,
    /// One sentence.
    pub help: String,
    /// Whether it may fall; of one family, the first says.
    pub kind: ReadingKind,
    /// Names and values.
    pub labels: Vec<(String, String)>,
    /// Now.
    pub value: f64,
}

type Source = Box<dyn Fn() -> Vec<Reading> + Send + Sync>;

/// See the module. Dropping it ends the server.
pub struct Prometheus {
    shared: Arc<Shared>,
    server: Server,
}

struct Shared {
    layout: Layout,
    counts: Mutex<Counts>,
    sources: Mutex<Vec<Source>>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A source that panics must not end the counting.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Prometheus {
    /// Listens from now on.
    ///
    /// # Errors
    /// `InvalidInput` for a field or a label that cannot be; what the operating system answers when the address is taken.
    pub fn new(options: &PrometheusOptions) -> io::Result<Self> {
        let layout = Layout::new(options).map_err(|what| io::Error::new(io::ErrorKind::InvalidInput, what))?;
        let shared = Arc::new(Shared { layout, counts: Mutex::default(), sources: Mutex::default() });
        let scraped = Arc::clone(&shared);
        let answer = move |accept: &str| {
            let format = if wants_open_metrics(accept) { Format::OpenMetrics } else { Format::Text };
            (format.content_type(), page(&scraped, format))
        };
        let server = Server::start(options.listen, answer).map_err(|error| {
            let what = format!("prometheus cannot listen on {}: {error}; set another address", options.listen);
            io::Error::new(error.kind(), what)
        })?;
        Ok(Self { shared, server })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Adds what else is to be seen: the closure is asked at every scrape, in the server's thread. It should not wait for anything.
    pub fn watch(&self, source: impl Fn() -> Vec<Reading> + Send + Sync + 'static) {
        lock(&self.shared.sources).push(Box::new(source));
    }

    /// Adds the state of a spool and of every exporter that has a cursor there: see [`spool_readings`].
    pub fn watch_spool(&self, folder: impl Into<PathBuf>) {
        let folder = folder.into();
        self.watch(move || spool_readings(&folder));
    }

    /// What a scrape answers now, in text format 0.0.4.
    #[must_use]
    pub fn page(&self) -> String {
        page(&self.shared, Format::Text)
    }
}

impl std::fmt::Debug for Prometheus {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Prometheus").field("address", &self.address()).finish_non_exhaustive()
    }
}

impl Sink for Prometheus {
    fn name(&self) -> &str {
        "prometheus"
    }

    fn starts_at_end(&self) -> bool {
        true
    }

    fn deliver(&mut self, batch: &[Record]) -> Result<Vec<Rejected>, Failure> {
        for record in batch {
            // Parsed before the lock is taken: a scrape waits for one record at most.
            let object = serde_json::from_slice::<Map<String, Value>>(&record.json);
            let counts = &mut *lock(&self.shared.counts);
            match object {
                Ok(_) if record.envelope.rev > 0 => counts.revisions += 1,
                Ok(object) => counts.add(&self.shared.layout, &object),
                // Not a dead letter: nothing is to be delivered later, and other exporters say the same with the record.
                Err(_) => counts.unreadable += 1,
            }
        }
        Ok(Vec::new())
    }
}

/// What a field of the record is for.
#[derive(Clone, Copy)]
enum Use {
    Findings(usize),
    Histogram(usize),
}

/// What is counted, from the specs and the options.
struct Layout {
    labels: Vec<(String, String)>,
    most_label_sets: usize,
    /// Names of the record's fields.
    by_name: HashMap<String, Use>,
    /// The labels of each kind of finding, rendered.
    kinds: Vec<String>,
    histograms: Vec<HistogramLayout>,
}

struct HistogramLayout {
    name: String,
    help: String,
    unit: &'static str,
    /// From the field's unit to the base unit.
    scale: f64,
    bounds: &'static [f64],
}

impl Layout {
    fn new(options: &PrometheusOptions) -> Result<Self, String> {
        for (i, (label, _)) in options.labels.iter().enumerate() {
            let reserved = ["le", "metric", "kind", "worst"].contains(&label.as_str()) || label.starts_with("__");
            if reserved || !is_name(label) || options.labels[..i].iter().any(|(other, _)| other == label) {
                return Err(format!(
                    "`{label}` cannot be a label of every series: use letters, digits and `_`, each name once, and none that is used already (le, metric, kind, worst)"
                ));
            }
        }
        let mut layout = Self {
            labels: options.labels.clone(),
            most_label_sets: options.most_label_sets,
            by_name: HashMap::new(),
            kinds: Vec::new(),
            histograms: Vec::new(),
        };
        for metric in SPECS {
            for kind in metric.kinds {
                let name = format!("{AUDIO_PREFIX}{}.findings.{}", metric.name, kind.name);
                layout.by_name.insert(name, Use::Findings(layout.kinds.len()));
                layout.kinds.push(format!("metric=\"{}\",kind=\"{}\"", escape(metric.name), escape(kind.name)));
            }
        }
        for key in &options.fields {
            layout.add_fields(key)?;
        }
        Ok(layout)
    }

    fn add_fields(&mut self, key: &str) -> Result<(), String> {
        let (metric_name, field_name) = key.split_once('.').unwrap_or((key, "*"));
        let mut known = false;
        for metric in SPECS.iter().filter(|m| metric_name == "*" || m.name == metric_name) {
            for field in metric.fields.iter().filter(|f| field_name == "*" || f.name == field_name) {
                known = true;
                if field.unit != Unit::Choice || field_name != "*" {
                    self.add_field(metric, field)?;
                }
            }
        }
        if known {
            Ok(())
        } else {
            Err(format!("prometheus: there is no field `{key}`; `otoscope metrics` lists them"))
        }
    }

    fn add_field(&mut self, metric: &MetricSpec, field: &FieldSpec) -> Result<(), String> {
        let Some(ladder) = Ladder::of(field.unit) else {
            return Err(format!("prometheus: `{}.{}` is a word, it has no histogram", metric.name, field.name));
        };
        let record_name = format!("{AUDIO_PREFIX}{}.{}", metric.name, field.name);
        if self.by_name.contains_key(&record_name) {
            return Ok(());
        }
        let stem = field.unit.suffix().and_then(|suffix| field.name.strip_suffix(suffix)).unwrap_or(field.name);
        let separator = if ladder.unit.is_empty() { "" } else { "_" };
        // A field may be called as its unit.
        let name = if field.name == ladder.unit {
            format!("{PREFIX}{}_{stem}", metric.name)
        } else {
            format!("{PREFIX}{}_{stem}{separator}{}", metric.name, ladder.unit)
        };
        if self.histograms.iter().any(|h| h.name == name) {
            return Err(format!("prometheus: two fields of {} would both be {name}; leave one out", metric.name));
        }
        self.by_name.insert(record_name, Use::Histogram(self.histograms.len()));
        let help = field.doc.to_owned();
        self.histograms.push(HistogramLayout {
            name,
            help,
            unit: ladder.unit,
            scale: ladder.scale,
            bounds: ladder.bounds,
        });
        Ok(())
    }
}

/// Name, scale and buckets of a unit.
struct Ladder {
    unit: &'static str,
    scale: f64,
    bounds: &'static [f64],
}

impl Ladder {
    /// `None` for what is not a quantity. Bounds are in the base unit and lie where one would set an alarm.
    fn of(unit: Unit) -> Option<Self> {
        const SECONDS: &[f64] =
            &[0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0];
        const RATIO: &[f64] = &[0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9, 1.0, 1.5, 2.0, 5.0];
        const HERTZ: &[f64] = &[
            50.0, 75.0, 100.0, 125.0, 150.0, 200.0, 250.0, 300.0, 400.0, 500.0, 1e3, 2e3, 3.4e3, 4e3, 7e3, 8e3, 1.1e4,
            1.2e4, 1.6e4, 2e4,
        ];
        const DECADES: &[f64] = &[0.0, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1e3, 1e4, 1e5, 1e6];
        const LEVEL: &[f64] = &[
            -90.0, -80.0, -70.0, -60.0, -50.0, -40.0, -35.0, -30.0, -27.0, -24.0, -21.0, -18.0, -15.0, -12.0, -9.0,
            -6.0, -3.0, -1.0, 0.0,
        ];
        let (unit, scale, bounds): (_, _, &[f64]) = match unit {
            Unit::Choice => return None,
            Unit::Ms => ("seconds", 1e-3, SECONDS),
            Unit::Seconds => ("seconds", 1.0, SECONDS),
            Unit::Hz => ("hertz", 1.0, HERTZ),
            Unit::Ratio => ("ratio", 1.0, RATIO),
            Unit::Percent => ("ratio", 1e-2, RATIO),
            Unit::Db => {
                ("db", 1.0, &[-20.0, -10.0, -6.0, -3.0, -1.0, 0.0, 1.0, 3.0, 6.0, 10.0, 15.0, 20.0, 30.0, 40.0, 60.0])
            }
            Unit::Dbfs => ("dbfs", 1.0, LEVEL),
            Unit::Dbtp => {
                ("dbtp", 1.0, &[-30.0, -20.0, -15.0, -10.0, -6.0, -3.0, -2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 3.0])
            }
            Unit::Lufs => (
                "lufs",
                1.0,
                &[
                    -70.0, -50.0, -40.0, -35.0, -31.0, -27.0, -25.0, -24.0, -23.0, -22.0, -20.0, -18.0, -16.0, -14.0,
                    -12.0, -9.0, -6.0,
                ],
            ),
            Unit::Lu => ("lu", 1.0, &[0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0, 12.0, 15.0, 20.0, 30.0]),
            Unit::Octaves => {
                ("octaves", 1.0, &[-1.0, -0.5, -0.3, -0.2, -0.1, -0.05, 0.0, 0.05, 0.1, 0.2, 0.3, 0.5, 1.0])
            }
            Unit::Semitones => {
                ("semitones", 1.0, &[-12.0, -6.0, -3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0, 6.0, 9.0, 12.0, 24.0])
            }
            Unit::FullScale => {
                ("full_scale", 1.0, &[-0.1, -0.01, -1e-3, 0.0, 1e-4, 1e-3, 3e-3, 0.01, 0.03, 0.1, 0.2, 0.5, 1.0, 2.0])
            }
            Unit::Rating => ("", 1.0, &[0.0, 5.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0, 80.0, 90.0, 100.0, 120.0]),
            Unit::Mos => ("mos", 1.0, &[1.5, 2.0, 2.5, 2.75, 3.0, 3.25, 3.5, 3.75, 4.0, 4.1, 4.2, 4.3, 4.4, 4.5]),
            Unit::Samples => ("samples", 1.0, DECADES),
            Unit::Ticks => ("ticks", 1.0, DECADES),
            // A unit that is newer than this file is a number like any other; its name stays in the field's.
            _ => ("", 1.0, DECADES),
        };
        Some(Self { unit, scale, bounds })
    }
}

#[derive(Default)]
struct Counts {
    /// By the rendered labels.
    series: BTreeMap<String, Series>,
    other: Option<Series>,
    folded: u64,
    revisions: u64,
    unreadable: u64,
}

#[derive(Clone)]
struct Series {
    reports: u64,
    worst: [u64; SEVERITIES.len()],
    seconds: f64,
    findings: Vec<u64>,
    histograms: Vec<Histogram>,
}

/// Empty until there is a value.
#[derive(Default, Clone)]
struct Histogram {
    /// Values up to each bound and above the one before; the last has no bound.
    buckets: Vec<u64>,
    sum: f64,
}

impl Counts {
    fn add(&mut self, layout: &Layout, object: &Map<String, Value>) {
        let mut labels = String::new();
        for (label, field) in &layout.labels {
            // An empty label is the same as none.
            if let Some(text) = object.get(field).map(text_of).filter(|text| !text.is_empty()) {
                push_label(&mut labels, label, &text);
            }
        }
        let known = self.series.contains_key(&labels) || self.series.len() < layout.most_label_sets;
        let series = if known {
            self.series.entry(labels).or_insert_with(|| Series::new(layout))
        } else {
            self.folded += 1;
            self.other.get_or_insert_with(|| Series::new(layout))
        };
        series.reports += 1;
        let worst = object.get("tts.audio.worst").and_then(Value::as_str);
        series.worst[worst.and_then(|w| SEVERITIES.iter().position(|s| *s == w)).unwrap_or(0)] += 1;
        series.seconds += object.get("tts.audio.duration_s").and_then(Value::as_f64).map_or(0.0, |s| s.max(0.0));
        for (name, value) in object {
            match (layout.by_name.get(name), value.as_f64()) {
                (Some(Use::Findings(i)), _) => series.findings[*i] += value.as_u64().unwrap_or(0),
                (Some(Use::Histogram(i)), Some(x)) => {
                    let about = &layout.histograms[*i];
                    series.histograms[*i].add(x * about.scale, about.bounds);
                }
                _ => {}
            }
        }
    }
}

impl Series {
    fn new(layout: &Layout) -> Self {
        Self {
            reports: 0,
            worst: [0; SEVERITIES.len()],
            seconds: 0.0,
            findings: vec![0; layout.kinds.len()],
            histograms: vec![Histogram::default(); layout.histograms.len()],
        }
    }
}

impl Histogram {
    fn add(&mut self, x: f64, bounds: &[f64]) {
        self.buckets.resize(bounds.len() + 1, 0);
        self.buckets[bounds.partition_point(|bound| *bound < x)] += 1;
        self.sum += x;
    }
}

fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn is_name(name: &str) -> bool {
    let mut chars = name.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// A label's value between its quotes. A line break is the one control character the format has a way to write.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().take(LONGEST_LABEL_CHARS) {
        match c {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            c if c.is_control() => out.push(char::REPLACEMENT_CHARACTER),
            c => out.push(c),
        }
    }
    out
}

fn push_label(labels: &mut String, name: &str, value: &str) {
    let comma = if labels.is_empty() { "" } else { "," };
    let _ = write!(labels, "{comma}{name}=\"{}\"", escape(value));
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Text,
    OpenMetrics,
}

impl Format {
    fn content_type(self) -> &'static str {
        match self {
            Self::Text => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}

/// The text of one scrape.
struct Page {
    format: Format,
    text: String,
}

impl Page {
    /// `name` without `_total`: OpenMetrics calls a family of counters so.
    fn family(&mut self, name: &str, kind: &str, unit: &str, help: &str) {
        let total = if kind == "counter" && self.format == Format::Text { "_total" } else { "" };
        let help = help.replace('\\', "\\\\").replace('\n', "\\n");
        // Only OpenMetrics escapes quotes in a help.
        let help = if self.format == Format::OpenMetrics { help.replace('"', "\\\"") } else { help };
        let _ = writeln!(self.text, "# HELP {name}{total} {help}");
        let _ = writeln!(self.text, "# TYPE {name}{total} {kind}");
        if self.format == Format::OpenMetrics && !unit.is_empty() {
            let _ = writeln!(self.text, "# UNIT {name} {unit}");
        }
    }

    fn sample(&mut self, name: &str, ending: &str, labels: &[&str], value: f64) {
        self.text.push_str(name);
        self.text.push_str(ending);
        let labels = labels.iter().filter(|l| !l.is_empty());
        for (i, label) in labels.clone().enumerate() {
            self.text.push(if i == 0 { '{' } else { ',' });
            self.text.push_str(label);
        }
        if labels.count() > 0 {
            self.text.push('}');
        }
        let _ = match value {
            f64::INFINITY => writeln!(self.text, " +Inf"),
            f64::NEG_INFINITY => writeln!(self.text, " -Inf"),
            value => writeln!(self.text, " {value}"),
        };
    }

    fn counter(&mut self, name: &str, unit: &str, help: &str, samples: impl Iterator<Item = (String, f64)>) {
        self.family(name, "counter", unit, help);
        for (labels, value) in samples {
            self.sample(name, "_total", &[&labels], value);
        }
    }

    fn histogram(&mut self, about: &HistogramLayout, all: &[(&str, &Series)], index: usize) {
        self.family(&about.name, "histogram", about.unit, &about.help);
        // A sum of values below 0 falls, which a counter may not: OpenMetrics forbids it there, the older format demands one.
        let has_sum = self.format == Format::Text || about.bounds.first().is_some_and(|first| *first >= 0.0);
        for (labels, series) in all {
            let histogram = &series.histograms[index];
            if histogram.buckets.is_empty() {
                continue;
            }
            let mut below = 0;
            let bounds = about.bounds.iter().copied().chain([f64::INFINITY]);
            for (bound, count) in bounds.zip(&histogram.buckets) {
                below += count;
                // "1.0" in both formats, so that a series keeps its name when the scraper asks for the other one.
                let le = if bound.is_finite() { format!("le=\"{bound:?}\"") } else { "le=\"+Inf\"".to_owned() };
                self.sample(&about.name, "_bucket", &[labels, &le], below as f64);
            }
            if has_sum {
                self.sample(&about.name, "_sum", &[labels], histogram.sum);
                self.sample(&about.name, "_count", &[labels], below as f64);
            }
        }
    }
}

fn page(shared: &Shared, format: Format) -> String {
    let mut page = Page { format, text: String::new() };
    // Asked before the counts are locked: whatever a source does, counting goes on.
    let readings: Vec<Reading> = lock(&shared.sources).iter().flat_map(|source| source()).collect();
    let layout = &shared.layout;
    let counts = &*lock(&shared.counts);
    let mut other = String::new();
    layout.labels.iter().for_each(|(label, _)| push_label(&mut other, label, OTHER));
    // What really has these labels must not be there twice.
    let mut named: BTreeMap<&str, Vec<&Series>> = counts.series.iter().map(|(l, s)| (l.as_str(), vec![s])).collect();
    if let Some(series) = &counts.other {
        named.entry(&other).or_default().push(series);
    }
    let merged: Vec<(&str, std::borrow::Cow<'_, Series>)> = named.into_iter().map(|(l, s)| (l, merge(&s))).collect();
    let all: Vec<(&str, &Series)> = merged.iter().map(|(labels, series)| (*labels, &**series)).collect();
    let each =
        |value: fn(&Series) -> f64| all.iter().map(move |(labels, series)| ((*labels).to_owned(), value(series)));

    let mut families = vec!["reports", "reports_worst", "audio_seconds", "findings"];
    page.counter(&prefixed("reports"), "", "Finished reports.", each(|s| s.reports as f64));
    let worst = all.iter().flat_map(|(labels, s)| {
        SEVERITIES
            .iter()
            .zip(s.worst)
            .map(move |(severity, n)| (joined(labels, &format!("worst=\"{severity}\"")), n as f64))
    });
    page.counter(&prefixed("reports_worst"), "", "Finished reports by the worst severity of what was found.", worst);
    page.counter(&prefixed("audio_seconds"), "seconds", "Audio in finished reports.", each(|s| s.seconds));
    // Every kind from 0 on: the first finding is then a rise like any other.
    let findings = all.iter().flat_map(|(labels, s)| {
        layout.kinds.iter().zip(&s.findings).map(move |(kind, n)| (joined(labels, kind), *n as f64))
    });
    page.counter(&prefixed("findings"), "", "Findings of a kind.", findings);
    for (index, about) in layout.histograms.iter().enumerate() {
        page.histogram(about, &all, index);
    }
    for (name, help, value) in [
        (
            "folded_reports",
            "Reports counted as other, because there were too many combinations of labels.",
            counts.folded,
        ),
        ("revisions", "Reports that were sent again; they are counted once.", counts.revisions),
        ("unreadable_records", "Records that are no JSON object.", counts.unreadable),
    ] {
        families.push(name);
        page.counter(&prefixed(name), "", help, std::iter::once((String::new(), value as f64)));
    }
    let mut taken: Vec<String> = families.into_iter().map(prefixed).collect();
    taken.extend(layout.histograms.iter().map(|h| h.name.clone()));
    add_readings(&mut page, readings, &taken);
    if format == Format::OpenMetrics {
        page.text.push_str("# EOF\n");
    }
    page.text
}

fn prefixed(name: &str) -> String {
    format!("{PREFIX}{name}")
}

fn joined(a: &str, b: &str) -> String {
    if a.is_empty() { b.to_owned() } else { format!("{a},{b}") }
}

fn merge<'a>(series: &[&'a Series]) -> std::borrow::Cow<'a, Series> {
    let mut all = std::borrow::Cow::Borrowed(series[0]);
    for more in &series[1..] {
        let sum = all.to_mut();
        sum.reports += more.reports;
        sum.seconds += more.seconds;
        sum.worst.iter_mut().zip(more.worst).for_each(|(a, b)| *a += b);
        sum.findings.iter_mut().zip(&more.findings).for_each(|(a, b)| *a += b);
        for (a, b) in sum.histograms.iter_mut().zip(&more.histograms) {
            a.buckets.resize(a.buckets.len().max(b.buckets.len()), 0);
            a.buckets.iter_mut().zip(&b.buckets).for_each(|(a, b)| *a += b);
            a.sum += b.sum;
        }
    }
    all
}

fn add_readings(page: &mut Page, readings: Vec<Reading>, taken: &[String]) {
    type Family = (ReadingKind, String, BTreeMap<String, f64>);
    let mut families: BTreeMap<String, Family> = BTreeMap::new();
    for reading in readings {
        let stem = reading.name.strip_suffix("_total").unwrap_or(&reading.name);
        let mut name: String = stem.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
        if !is_name(&name) {
            name.insert(0, '_');
        }
        // A histogram's family has these names too.
        let base = ["_bucket", "_sum", "_count"].iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or(&name);
        if taken.iter().any(|t| *t == name || t == base) {
            continue;
        }
        let mut labels: Vec<(String, String)> =
            reading.labels.into_iter().filter(|(label, value)| is_name(label) && !value.is_empty()).collect();
        labels.sort();
        labels.dedup_by(|a, b| a.0 == b.0);
        let mut text = String::new();
        labels.iter().for_each(|(label, value)| push_label(&mut text, label, value));
        let family = families.entry(name).or_insert_with(|| (reading.kind, reading.help, BTreeMap::new()));
        // A scrape with one series twice would be refused as a whole: the later counts.
        family.2.insert(text, reading.value);
    }
    for (name, (kind, help, samples)) in families {
        match kind {
            ReadingKind::Counter => page.counter(&name, "", &help, samples.into_iter()),
            ReadingKind::Gauge => {
                page.family(&name, "gauge", "", &help);
                for (labels, value) in samples {
                    page.sample(&name, "", &[&labels], value);
                }
            }
        }
    }
}

/// How a spool and its exporters do: what its writer left in the folder at most two seconds ago, and the cursors.
#[must_use]
pub fn spool_readings(folder: &Path) -> Vec<Reading> {
    use ReadingKind::{Counter, Gauge};
    let spool = spool_name(folder);
    let mut all = Vec::new();
    let mut add = |name: &str, kind, help: &str, more: &[(&str, &str)], value: f64| {
        let labels = std::iter::once(("spool", spool.as_str())).chain(more.iter().copied()).map(owned_pair).collect();
        all.push(Reading { name: prefixed(name), help: help.to_owned(), kind, labels, value });
    };
    // In this order: a disk makes its folder.
    let disk = Some(folder).filter(|folder| folder.is_dir()).and_then(|folder| Disk::new(folder).ok());
    let state: Option<SpoolState> = disk
        .as_ref()
        .and_then(|disk| disk.read(STATE, 0, 1 << 20).ok())
        .and_then(|text| serde_json::from_slice(&text).ok());
    add("spool_readable", Gauge, "Whether the spool's state could be read.", &[], f64::from(u8::from(state.is_some())));
    let (Some(disk), Some(state)) = (disk, state) else { return all };
    let marks = state.watermarks;
    for (name, kind, help, value) in [
        ("spool_accepted_reports_total", Counter, "Reports the ring took.", marks.accepted),
        ("spool_dropped_reports_total", Counter, "Reports lost because the ring was full.", marks.dropped),
        ("spool_left_out_attributes_total", Counter, "Attributes that did not fit.", marks.attributes_left_out),
        ("spool_written_record", Gauge, "Number of the last record the operating system has.", marks.written),
        ("spool_durable_record", Gauge, "Number of the last record that is synced.", marks.durable),
        ("spool_too_long_records_total", Counter, "Records too long for a segment.", state.counters.too_long),
        ("spool_failed_writes_total", Counter, "Writes and syncs that failed.", state.counters.failed_writes),
        ("spool_bytes", Gauge, "Bytes on disk.", state.counters.bytes),
        ("spool_disk_refuses", Gauge, "Whether the disk refuses now.", u64::from(state.error.is_some())),
        ("spool_ended", Gauge, "Whether the writer has ended.", u64::from(state.ended)),
    ] {
        add(name, kind, help, &[], value as f64);
    }
    for (which, value) in [("oldest", state.counters.dropped_oldest), ("newest", state.counters.dropped_newest)] {
        let help =
            "Records lost because the spool was full: the oldest, before every exporter had them, or the newest.";
        add("spool_dropped_records_total", Counter, help, &[("which", which)], value as f64);
    }
    for (sink, cursor) in cursor::all(&disk).unwrap_or_default() {
        for (name, kind, help, value) in [
            (
                "sink_lag_records",
                Gauge,
                "Records written and not yet delivered.",
                marks.written.saturating_sub(cursor.seq),
            ),
            ("sink_delivered_records_total", Counter, "Records delivered.", cursor.delivered),
            ("sink_dead_letters_total", Counter, "Records the store refused for good.", cursor.dead),
            ("sink_skipped_records_total", Counter, "Numbers there was no record for.", cursor.skipped),
            ("sink_passed_records_total", Counter, "Records that were there before it began.", cursor.passed),
            ("sink_damaged_places_total", Counter, "Damaged places of the spool it went past.", cursor.damages),
        ] {
            add(name, kind, help, &[("sink", &sink)], value as f64);
        }
    }
    all
}

/// Whether `Accept` prefers OpenMetrics to the older text.
fn wants_open_metrics(accept: &str) -> bool {
    let (mut open, mut text) = (0.0_f64, 0.0_f64);
    for range in accept.split(',') {
        let mut parts = range.split(';').map(|part| part.trim().to_ascii_lowercase());
        let kind = parts.next().unwrap_or_default();
        let (mut quality, mut version) = (1.0, String::new());
        for part in parts {
            match part.split_once('=') {
                Some(("q", q)) => quality = q.trim().parse().unwrap_or(0.0),
                Some(("version", v)) => v.trim_matches('"').clone_into(&mut version),
                _ => {}
            }
        }
        match kind.as_str() {
            "application/openmetrics-text" if ["", "1.0.0", "0.0.1"].contains(&version.as_str()) => {
                open = open.max(quality)
            }
            "text/plain" => text = text.max(quality),
            _ => {}
        }
    }
    open > 0.0 && open >= text
}
