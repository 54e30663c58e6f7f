//! What a scrape answers, read by a parser that takes nothing the formats do not allow.
#![cfg(all(feature = "ndjson", feature = "prometheus"))]

mod common;

use common::heard;
use otoscope::SPECS;
use otoscope_export::sinks::ndjson::Ndjson;
use otoscope_export::sinks::prometheus::{Prometheus, PrometheusOptions, Reading, ReadingKind};
use otoscope_export::{
    Disk, Handle, Pump, PumpOptions, Reader, Record, ReportId, Sink, Spool, SpoolOptions, Submission,
};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

const PATIENCE: Duration = Duration::from_secs(10);

type Labels = BTreeMap<String, String>;

/// What a page says, once it is known to be well formed.
#[derive(Debug, Default)]
struct Page {
    kinds: BTreeMap<String, String>,
    samples: BTreeMap<(String, Labels), f64>,
}

impl Page {
    fn get(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let labels = labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
        self.samples.get(&(name.to_owned(), labels)).copied()
    }

    fn sum(&self, name: &str) -> f64 {
        self.samples.iter().filter(|((n, _), _)| n == name).map(|(_, value)| value).sum()
    }
}

fn is_name(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Labels and what is behind them.
fn parse_labels(text: &str) -> Result<(Labels, &str), String> {
    let mut labels = Labels::new();
    let Some(mut rest) = text.strip_prefix('{') else { return Ok((labels, text)) };
    loop {
        let (name, value) = rest.split_once("=\"").ok_or_else(|| format!("no label: {rest}"))?;
        let (mut text, mut chars) = (String::new(), value.char_indices());
        let end = loop {
            match chars.next().ok_or("a quote is not closed")? {
                (at, '"') => break at,
                (_, '\\') => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, c @ ('"' | '\\'))) => text.push(c),
                    other => return Err(format!("no escape: {other:?}")),
                },
                (_, c) if c.is_control() => return Err(format!("{c:?} in a label")),
                (_, c) => text.push(c),
            }
        };
        if !is_name(name) || labels.insert(name.to_owned(), text).is_some() {
            return Err(format!("label {name:?} is no name, or there twice"));
        }
        rest = &value[end + 1..];
        match (rest.strip_prefix(','), rest.strip_prefix('}')) {
            (Some(more), _) => rest = more,
            (_, Some(behind)) => return Ok((labels, behind)),
            _ => return Err(format!("behind a label: {rest}")),
        }
    }
}

fn parse_value(text: &str) -> Result<f64, String> {
    match text {
        "+Inf" => Ok(f64::INFINITY),
        "-Inf" => Ok(f64::NEG_INFINITY),
        text if text.starts_with(|c: char| c.is_ascii_digit() || c == '-') || text == "NaN" => {
            text.parse().map_err(|_| format!("no number: {text}"))
        }
        text => Err(format!("no number: {text}")),
    }
}

/// Reads a page, and says what is wrong with it.
fn parse(text: &str, open_metrics: bool) -> Result<Page, String> {
    let mut page = Page::default();
    let (mut helped, mut current) = (BTreeSet::new(), String::new());
    let body = match (open_metrics, text.strip_suffix("# EOF\n")) {
        (true, None) => return Err("no end".to_owned()),
        (true, Some(body)) => body,
        (false, _) => text,
    };
    if !body.is_empty() && !body.ends_with('\n') {
        return Err("the last line has no end".to_owned());
    }
    for line in body.lines() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            let (name, help) = rest.split_once(' ').ok_or_else(|| format!("no help: {line}"))?;
            if !helped.insert(name.to_owned()) || help.is_empty() {
                return Err(format!("{name} has no help, or twice"));
            }
            name.clone_into(&mut current);
            continue;
        }
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').ok_or_else(|| format!("no type: {line}"))?;
            if name != current || page.kinds.insert(name.to_owned(), kind.to_owned()).is_some() || !is_name(name) {
                return Err(format!("the type of {name} comes twice or at the wrong place"));
            }
            continue;
        }
        if let Some(rest) = line.strip_prefix("# UNIT ").filter(|_| open_metrics) {
            let (name, unit) = rest.split_once(' ').ok_or_else(|| format!("no unit: {line}"))?;
            if name != current || !name.ends_with(&format!("_{unit}")) {
                return Err(format!("{name} does not end with its unit {unit}"));
            }
            continue;
        }
        let at = line.find(['{', ' ']).ok_or_else(|| format!("no sample: {line}"))?;
        let (labels, rest) = parse_labels(&line[at..])?;
        let value = parse_value(rest.strip_prefix(' ').ok_or_else(|| format!("no value: {line}"))?)?;
        let name = &line[..at];
        let kind = page.kinds.get(&current).ok_or_else(|| format!("{name} has no type"))?;
        let ending = name.strip_prefix(current.as_str()).ok_or_else(|| format!("{name} is not in family {current}"))?;
        let fits = match kind.as_str() {
            "counter" if open_metrics => ending == "_total" && value >= 0.0,
            "counter" => ending.is_empty() && name.ends_with("_total") && value >= 0.0,
            "histogram" => match ending {
                "_bucket" => labels.contains_key("le"),
                "_sum" | "_count" => !labels.contains_key("le"),
                _ => false,
            },
            "gauge" => ending.is_empty(),
            _ => false,
        };
        if !fits {
            return Err(format!("{name} {value} is not right in a {kind}"));
        }
        if page.samples.insert((name.to_owned(), labels), value).is_some() {
            return Err(format!("twice: {line}"));
        }
    }
    for (family, _) in page.kinds.iter().filter(|(_, kind)| *kind == "histogram") {
        let mut series: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
        for ((name, labels), count) in &page.samples {
            if *name == format!("{family}_bucket") {
                let mut labels = labels.clone();
                let le = labels.remove("le").unwrap_or_default();
                series.entry(labels).or_default().push((parse_value(&le)?, *count));
            }
        }
        for (labels, mut buckets) in series {
            buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
            if !buckets.is_sorted_by(|a, b| a.1 <= b.1) || buckets.last().is_none_or(|last| last.0 != f64::INFINITY) {
                return Err(format!("buckets of {family} {labels:?}: {buckets:?}"));
            }
            let all = buckets.last().map_or(0.0, |last| last.1);
            let of = |ending: &str| page.samples.get(&(format!("{family}{ending}"), labels.clone())).copied();
            let falls = buckets[0].0 < 0.0;
            match (of("_count"), of("_sum")) {
                (Some(count), Some(_)) if count == all && !(open_metrics && falls) => {}
                (None, None) if open_metrics && falls => {}
                other => return Err(format!("count and sum of {family}: {other:?}, {all} values")),
            }
        }
    }
    Ok(page)
}

fn read(text: &str) -> Page {
    parse(text, false).unwrap_or_else(|what| panic!("{what} in\n{text}"))
}

/// Sends bytes and reads to the end: head and body.
fn talk(address: SocketAddr, request: &[u8]) -> (String, String) {
    let mut client = TcpStream::connect(address).expect("it listens");
    client.set_read_timeout(Some(PATIENCE)).expect("settable");
    client.write_all(request).expect("it reads");
    let mut answer = Vec::new();
    // What the server did not read of a bad request may end in a reset behind the answer.
    let _ = client.read_to_end(&mut answer);
    let answer = String::from_utf8(answer).expect("UTF-8");
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no head in {answer:?}"));
    (head.to_owned(), body.to_owned())
}

fn get(address: SocketAddr, path: &str, accept: &str) -> (String, String) {
    talk(address, format!("GET {path} HTTP/1.1\r\nHost: x\r\naccept: {accept}\r\n\r\n").as_bytes())
}

fn prometheus(change: impl FnOnce(&mut PrometheusOptions)) -> Prometheus {
    let mut options = PrometheusOptions::default();
    options.listen.set_port(0);
    change(&mut options);
    Prometheus::new(&options).expect("a free port")
}

fn push(handle: &Handle, attributes: &[(&str, &str)]) -> ReportId {
    thread_local! {
        static HEARD: (otoscope::Report, Vec<otoscope::Finding>) = heard();
    }
    HEARD.with(|(report, findings)| {
        handle.try_push(Submission { report, findings, unix_ms: 1_700_000_000_000, attributes }).expect("room")
    })
}

fn push_many(handle: &Handle, n: usize) {
    for _ in 0..n {
        push(handle, &[]);
    }
}

fn spool(folder: &Path) -> Spool {
    let mut options = SpoolOptions::default();
    options.attributes = [("service.version", "7"), ("host.name", "a")].map(|(n, v)| (n.into(), v.into())).into();
    Spool::open(folder, options).expect("it opens")
}

/// Records as a sink gets them, one for each list of attributes.
fn records(all: &[&[(&str, &str)]]) -> Vec<Record> {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = spool(folder.path());
    for attributes in all {
        push(&spool.handle(), attributes);
    }
    spool.handle().flush(PATIENCE).expect("a good disk");
    Reader::new(Disk::new(spool.folder()).expect("there"), 1).next_batch(10_000, usize::MAX).expect("readable")
}

fn object(record: &Record) -> serde_json::Map<String, serde_json::Value> {
    serde_json::from_slice(&record.json).expect("an object")
}

#[test]
fn the_parser_sees_what_is_wrong() {
    let good = "# HELP a_total A.\n# TYPE a_total counter\na_total{v=\"x\"} 1\n";
    assert_eq!(read(good).get("a_total", &[("v", "x")]), Some(1.0));
    let bucket =
        "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1.0\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 3\nh_count 2\n";
    assert_eq!(read(bucket).sum("h_count"), 2.0);
    for (from, to) in [
        ("# HELP a_total A.\n", ""),
        ("# TYPE a_total counter\n", ""),
        ("\"x\"", "\"x\"\""),
        ("\"x\"", "\"x\ny\""),
        ("\"x\"", "\"x\\q\""),
        (" 1\n", " one\n"),
        (" 1\n", " -1\n"),
        (" 1\n", " 1"),
        ("a_total{v=\"x\"} 1\n", "a_total{v=\"x\"} 1\na_total{v=\"x\"} 1\n"),
        ("a_total{v", "b_total{v"),
        ("counter\n", "counter\n# TYPE a_total counter\n"),
    ] {
        assert!(good.contains(from));
        assert!(parse(&good.replacen(from, to, 1), false).is_err(), "{from:?} -> {to:?}");
    }
    for (from, to) in [("} 1\n", "} 3\n"), ("h_count 2", "h_count 3"), ("+Inf", "2.0"), ("h_sum 3\n", "")] {
        assert!(parse(&bucket.replacen(from, to, 1), false).is_err(), "{from:?} -> {to:?}");
    }
    assert!(parse("", true).is_err());
}

#[test]
fn a_scrape_counts_what_the_records_say() {
    let sets: [&[(&str, &str)]; 3] =
        [&[("gen_ai.speech.voice", "anna")], &[("gen_ai.speech.voice", "ben")], &[("gen_ai.speech.voice", "anna")]];
    let records = records(&sets);
    let mut sink = prometheus(|_| ());
    assert_eq!(sink.deliver(&records), Ok(Vec::new()));
    for (accept, kind, open_metrics) in [
        ("*/*", "text/plain; version=0.0.4; charset=utf-8", false),
        ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8", true),
        (
            "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            true,
        ),
        ("application/openmetrics-text;q=0.2,text/plain;q=0.5", "text/plain; version=0.0.4; charset=utf-8", false),
        ("application/openmetrics-text;version=9.0.0", "text/plain; version=0.0.4; charset=utf-8", false),
    ] {
        let (head, body) = get(sink.address(), "/metrics?x=y", accept);
        assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
        assert!(head.contains(&format!("\r\nContent-Type: {kind}\r\n")), "{accept}: {head}");
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())));
        let page = parse(&body, open_metrics).unwrap_or_else(|what| panic!("{what} in\n{body}"));
        for (voice, of) in [("anna", vec![&records[0], &records[2]]), ("ben", vec![&records[1]])] {
            let labels = [("voice", voice), ("build", "7"), ("server", "a")];
            let with = |more: &[(&'static str, &'static str)]| [&labels[..], more].concat();
            let all: Vec<_> = of.into_iter().map(object).collect();
            let total = |name: &str| all.iter().filter_map(|o| o.get(name)?.as_f64()).sum::<f64>();
            assert_eq!(page.get("otoscope_reports_total", &labels), Some(all.len() as f64));
            let seconds = page.get("otoscope_audio_seconds_total", &labels).expect("there");
            assert!((seconds - total("tts.audio.duration_s")).abs() < 1e-9 && seconds > 1.9);
            assert_eq!(
                page.get("otoscope_reports_worst_total", &with(&[("worst", "error")])),
                Some(all.iter().filter(|o| o["tts.audio.worst"] == "error").count() as f64)
            );
            assert_eq!(page.get("otoscope_reports_worst_total", &with(&[("worst", "none")])), Some(0.0));
            let mut found = 0.0;
            for metric in SPECS {
                for kind in metric.kinds {
                    let is =
                        page.get("otoscope_findings_total", &with(&[("metric", metric.name), ("kind", kind.name)]));
                    let wanted = total(&format!("tts.audio.{}.findings.{}", metric.name, kind.name));
                    assert_eq!(is, Some(wanted), "{} {}: 0 too is there", metric.name, kind.name);
                    found += wanted;
                }
            }
            assert_eq!(found, total("tts.audio.findings"), "no finding is forgotten");
            assert!(found >= 3.0);
        }
    }
    drop(sink);
}

#[test]
fn every_field_can_have_a_histogram_and_its_name_has_a_base_unit() {
    let records = records(&[&[]]);
    let json = object(&records[0]);
    let mut sink = prometheus(|options| options.fields = vec!["*".to_owned()]);
    sink.deliver(&records).expect("it counts");
    let page = read(&sink.page());
    let labels = [("build", "7"), ("server", "a")];
    let mut seen = 0;
    for metric in SPECS {
        for field in metric.fields {
            let Some(x) = json.get(&format!("tts.audio.{}.{}", metric.name, field.name)).and_then(|x| x.as_f64())
            else {
                continue;
            };
            let (unit, scale) = match field.unit.name() {
                "choice" => continue,
                "ms" => ("_seconds".to_owned(), 1e-3),
                "s" => ("_seconds".to_owned(), 1.0),
                "percent" => ("_ratio".to_owned(), 1e-2),
                "hz" => ("_hertz".to_owned(), 1.0),
                "count" | "rating" => (String::new(), 1.0),
                same => (format!("_{same}"), 1.0),
            };
            let full = format!("otoscope_{}_{}", metric.name, field.name);
            let stem = full.strip_suffix(field.unit.suffix().unwrap_or_default()).expect("the rule of names");
            let name = format!("{stem}{unit}");
            assert_eq!(page.kinds.get(&name).map(String::as_str), Some("histogram"), "{name}");
            assert_eq!(page.get(&format!("{name}_count"), &labels), Some(1.0), "{name}");
            let sum = page.get(&format!("{name}_sum"), &labels).expect("there");
            assert!((sum - x * scale).abs() <= 1e-9 * x.abs().max(1.0), "{name}: {sum} {x}");
            for ((_, labels), count) in page.samples.iter().filter(|((n, _), _)| *n == format!("{name}_bucket")) {
                let le = parse_value(&labels["le"]).expect("a number");
                assert_eq!(*count == 1.0, sum <= le, "{name}: {sum} in {le}");
            }
            seen += 1;
        }
    }
    assert!(seen > 50, "{seen}");
    for name in page.kinds.keys() {
        for ending in ["_ms", "_hz", "_percent", "_fs"] {
            assert!(!name.ends_with(ending), "{name} is in no base unit");
        }
    }
}

#[test]
fn the_default_fields_are_all_in_the_specs_and_a_wrong_one_is_named() {
    let defaults = PrometheusOptions::default().fields;
    assert!(defaults.len() > 10);
    for key in &defaults {
        let known = SPECS.iter().any(|m| m.fields.iter().any(|f| *key == format!("{}.{}", m.name, f.name)));
        assert!(known, "{key} of prometheus.fields is in no spec");
    }
    for (fields, named) in [(vec!["no.such"], "no.such"), (vec![""], "``")] {
        let mut options = PrometheusOptions::default();
        options.listen.set_port(0);
        options.fields = fields.into_iter().map(str::to_owned).collect();
        let error = Prometheus::new(&options).expect_err("no such field");
        assert!(error.kind() == std::io::ErrorKind::InvalidInput && error.to_string().contains(named), "{error}");
    }
    for label in ["le", "kind", "9a", "a-b", "__a", ""] {
        let mut options = PrometheusOptions::default();
        options.listen.set_port(0);
        options.labels = vec![(label.to_owned(), "service.name".to_owned())];
        assert!(Prometheus::new(&options).is_err(), "{label}");
    }
    let first = prometheus(|_| ());
    let mut options = PrometheusOptions::default();
    options.listen = first.address();
    let error = Prometheus::new(&options).expect_err("taken");
    assert!(error.to_string().contains("another address"), "{error}");
}

#[test]
fn hostile_labels_stay_inside_their_quotes() {
    let long = "ü".repeat(700);
    let voices = [
        "\"} 1\notoscope_evil_total 99\n# HELP x y",
        "back\\slash\\",
        "line\nbreak",
        "{a=\"b\"}",
        "carriage\rreturn\u{0}\u{7f}\u{85}",
        "日本 \u{202e} \u{2028}",
        &long,
        " ",
    ];
    let sets: Vec<Vec<(&str, &str)>> = voices.iter().map(|v| vec![("gen_ai.speech.voice", *v)]).collect();
    let records = records(&sets.iter().map(Vec::as_slice).collect::<Vec<_>>());
    assert_eq!(records.len(), voices.len());
    let mut sink = prometheus(|_| ());
    sink.deliver(&records).expect("it counts");
    for open_metrics in [false, true] {
        let accept = if open_metrics { "application/openmetrics-text" } else { "text/plain" };
        let (_, body) = get(sink.address(), "/metrics", accept);
        let page = parse(&body, open_metrics).unwrap_or_else(|what| panic!("{what}"));
        assert!(!page.samples.keys().any(|(name, _)| name.contains("evil")));
        for voice in voices {
            let wanted: String =
                voice.chars().take(200).map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect();
            let labels = [("voice", wanted.as_str()), ("build", "7"), ("server", "a")];
            assert_eq!(page.get("otoscope_reports_total", &labels), Some(1.0), "{voice:?}");
        }
    }
}

#[test]
fn beyond_the_bound_labels_are_folded_and_counted() {
    let voices: Vec<String> = (0..40).map(|n| format!("v{n}")).chain(["other".to_owned(), "v0".to_owned()]).collect();
    let sets: Vec<Vec<(&str, &str)>> = voices.iter().map(|v| vec![("gen_ai.speech.voice", v.as_str())]).collect();
    let records = records(&sets.iter().map(Vec::as_slice).collect::<Vec<_>>());
    let mut sink = prometheus(|options| options.most_label_sets = 5);
    sink.deliver(&records).expect("it counts");
    let page = read(&sink.page());
    let series = page.samples.keys().filter(|(name, _)| name == "otoscope_reports_total").count();
    assert_eq!(series, 6, "five and the rest");
    assert_eq!(page.sum("otoscope_reports_total"), 42.0, "nothing is lost");
    let other = [("voice", "other"), ("build", "other"), ("server", "other")];
    assert_eq!(page.get("otoscope_reports_total", &other), Some(36.0));
    assert_eq!(page.get("otoscope_folded_reports_total", &[]), Some(36.0));
    assert_eq!(page.get("otoscope_reports_total", &[("voice", "v0"), ("build", "7"), ("server", "a")]), Some(2.0));

    // A voice that really is called so shares the series; it is not there twice.
    let mut sink = prometheus(|options| {
        options.most_label_sets = 1;
        options.labels = vec![("voice".to_owned(), "gen_ai.speech.voice".to_owned())];
    });
    sink.deliver(&[records[40].clone(), records[1].clone()]).expect("it counts");
    let page = read(&sink.page());
    assert_eq!(page.get("otoscope_reports_total", &[("voice", "other")]), Some(2.0));
    let lufs = [("voice", "other")];
    assert_eq!(page.get("otoscope_loudness_integrated_lufs_count", &lufs), Some(2.0));
}

#[test]
fn only_what_is_new_is_counted_and_nothing_twice() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = spool(folder.path());
    let handle = spool.handle();
    let add = |n: usize| {
        push_many(&handle, n);
        handle.flush(PATIENCE).expect("a good disk");
    };
    let reports = |sink: &Prometheus| read(&sink.page()).sum("otoscope_reports_total");
    add(5);
    let mut sink = prometheus(|_| ());
    let mut pump = Pump::open(spool.folder(), &mut sink, PumpOptions::default()).expect("it opens");
    assert_eq!(pump.drain(&mut sink, PATIENCE).expect("it counts"), 0, "what was there before is not for it");
    assert_eq!((pump.cursor().seq, pump.cursor().passed, pump.cursor().delivered), (5, 5, 0));
    add(3);
    assert_eq!(pump.drain(&mut sink, PATIENCE).expect("it counts"), 3);
    assert_eq!((reports(&sink), pump.cursor().seq, pump.cursor().skipped), (3.0, 8, 0));
    drop(pump);
    add(2);
    // A new process: it counts from 0, and not what came while there was none.
    let mut sink = prometheus(|_| ());
    let mut pump = Pump::open(spool.folder(), &mut sink, PumpOptions::default()).expect("it opens");
    add(1);
    assert_eq!(pump.drain(&mut sink, PATIENCE).expect("it counts"), 1);
    assert_eq!((reports(&sink), pump.cursor().passed, pump.cursor().delivered), (1.0, 7, 4));
    // The same record in a higher revision is no second report.
    let mut again = records(&[&[]]);
    again[0].envelope.rev = 1;
    sink.deliver(&again).expect("it counts");
    again[0].envelope.rev = 0;
    again[0].json = b"{\"torn".to_vec();
    sink.deliver(&again).expect("it counts");
    let page = read(&sink.page());
    assert_eq!(page.sum("otoscope_reports_total"), 1.0);
    assert_eq!((page.sum("otoscope_revisions_total"), page.sum("otoscope_unreadable_records_total")), (1.0, 1.0));
}

#[test]
fn other_sinks_still_get_everything() {
    struct All(Vec<u64>);
    impl Sink for All {
        fn name(&self) -> &str {
            "all"
        }
        fn deliver(&mut self, batch: &[Record]) -> Result<Vec<otoscope_export::Rejected>, otoscope_export::Failure> {
            self.0.extend(batch.iter().map(|record| record.seq));
            Ok(Vec::new())
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let spool = spool(folder.path());
    push_many(&spool.handle(), 4);
    spool.handle().flush(PATIENCE).expect("a good disk");
    let mut sink = All(Vec::new());
    let mut pump = Pump::open(spool.folder(), &mut sink, PumpOptions::default()).expect("it opens");
    assert_eq!(pump.drain(&mut sink, PATIENCE).expect("it takes all"), 4);
    assert_eq!((sink.0, pump.cursor().passed), (vec![1, 2, 3, 4], 0));
}

#[test]
fn it_begins_behind_the_last_segment_and_damage_and_the_spool_keeps_nothing_for_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut options = SpoolOptions::default();
    options.log.segment_bytes = 20_000;
    options.log.max_bytes = 150_000;
    options.log.drop = otoscope_export::Drop::Newest;
    let open = || Spool::open(folder.path().join("spool"), options.clone()).expect("it opens");
    let spool = open();
    let mut other = Ndjson::file(folder.path().join("out.ndjson"), u64::MAX, 1);
    let mut all = Pump::open(spool.folder(), &mut other, PumpOptions::default()).expect("it opens");
    let mut sink = prometheus(|_| ());
    drop(Pump::open(spool.folder(), &mut sink, PumpOptions::default()).expect("it opens"));
    // It stands at the beginning and does not come back: the other one is what the spool waits for.
    for _ in 0..100 {
        push_many(&spool.handle(), 1);
        spool.handle().flush(PATIENCE).expect("a good disk");
        assert_eq!(all.drain(&mut other, PATIENCE).expect("it takes all"), 1);
    }
    let counters = spool.handle().log_counters();
    assert_eq!((counters.dropped_newest, counters.dropped_oldest), (0, 0));
    assert!(counters.bytes <= 200_000, "{}: the oldest went", counters.bytes);
    let place = spool.folder().to_owned();
    drop(spool);
    // A bit flips in the newest segment, with records behind it.
    let files = std::fs::read_dir(&place).expect("there").map(|file| file.expect("readable").path());
    let newest = files.filter(|f| f.extension().is_some_and(|e| e == "seg")).max().expect("segments");
    let mut bytes = std::fs::read(&newest).expect("readable");
    bytes[100] ^= 1;
    std::fs::write(&newest, bytes).expect("writable");
    let mut pump = Pump::open(&place, &mut sink, PumpOptions::default()).expect("it opens");
    assert_eq!((pump.cursor().seq, pump.cursor().passed), (100, 100));
    let spool = open();
    push_many(&spool.handle(), 2);
    spool.handle().flush(PATIENCE).expect("a good disk");
    assert_eq!(pump.drain(&mut sink, PATIENCE).expect("it counts"), 2);
    assert_eq!((pump.cursor().skipped, pump.cursor().damages), (0, 0));
}

#[test]
fn the_spool_and_its_exporters_are_to_be_seen() {
    let folder = tempfile::tempdir().expect("a folder");
    let spool = spool(folder.path());
    let mut sink = prometheus(|_| ());
    let mut pump = Pump::open(spool.folder(), &mut sink, PumpOptions::default()).expect("it opens");
    push_many(&spool.handle(), 4);
    spool.handle().flush(PATIENCE).expect("a good disk");
    sink.watch_spool(spool.folder());
    sink.watch_spool(folder.path().join("nowhere"));
    pump.drain(&mut sink, PATIENCE).expect("it counts");
    let place = spool.folder().to_owned();
    // Its end writes the state.
    drop(spool);
    let other = "{\"seq\":1,\"delivered\":1,\"dead\":2}";
    std::fs::write(place.join("cursor-\"x.json"), other).expect("writable");
    let page = read(&sink.page());
    let of = |name: &str| page.get(&format!("otoscope_{name}"), &[("spool", "0")]);
    assert_eq!(of("spool_accepted_reports_total"), Some(4.0));
    assert_eq!([of("spool_dropped_reports_total"), of("spool_disk_refuses")], [Some(0.0); 2]);
    assert_eq!([of("spool_written_record"), of("spool_durable_record")], [Some(4.0); 2]);
    assert!(of("spool_bytes") > Some(1000.0) && of("spool_ended") == Some(1.0));
    let lag = |sink: &str| page.get("otoscope_sink_lag_records", &[("spool", "0"), ("sink", sink)]);
    assert_eq!((lag("prometheus"), lag("\"x")), (Some(0.0), Some(3.0)));
    assert_eq!(page.get("otoscope_sink_dead_letters_total", &[("spool", "0"), ("sink", "\"x")]), Some(2.0));
    assert_eq!(page.get("otoscope_spool_readable", &[("spool", "0")]), Some(1.0));
    assert_eq!(page.get("otoscope_spool_readable", &[("spool", "nowhere")]), Some(0.0));
    assert!(!folder.path().join("nowhere").exists(), "looking makes nothing");
}

#[test]
fn readings_of_others_cannot_break_the_page() {
    let sink = prometheus(|_| ());
    let reading = |name: &str, kind, labels: &[(&str, &str)], value| Reading {
        name: name.to_owned(),
        help: "A \"help\"\nwith \\ two lines".to_owned(),
        kind,
        labels: labels.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect(),
        value,
    };
    sink.watch(move || {
        vec![
            reading("queue", ReadingKind::Gauge, &[("a", "1"), ("b", "2")], -1.5),
            reading("queue", ReadingKind::Gauge, &[("b", "2"), ("a", "1"), ("no good", "x")], 7.0),
            reading("queue", ReadingKind::Counter, &[("a", "3")], f64::INFINITY),
            reading("lost things", ReadingKind::Counter, &[], 3.0),
            reading("0", ReadingKind::Gauge, &[], f64::NAN),
            reading("otoscope_reports", ReadingKind::Gauge, &[], 9.0),
            reading("otoscope_loudness_integrated_lufs_count", ReadingKind::Counter, &[], 9.0),
        ]
    });
    for open_metrics in [false, true] {
        let (_, body) = get(sink.address(), "/metrics", if open_metrics { "application/openmetrics-text" } else { "" });
        let page = parse(&body, open_metrics).unwrap_or_else(|what| panic!("{what} in\n{body}"));
        assert_eq!(page.get("queue", &[("a", "1"), ("b", "2")]), Some(7.0), "the later counts");
        assert_eq!(page.get("queue", &[("a", "3")]), Some(f64::INFINITY));
        assert_eq!(page.get("lost_things_total", &[]), Some(3.0));
        assert!(page.get("_0", &[]).is_some_and(f64::is_nan));
        assert_eq!(page.sum("otoscope_reports"), 0.0);
    }
}

#[test]
fn the_server_answers_whatever_it_is_asked_and_ends_with_the_sink() {
    let sink = prometheus(|_| ());
    let address = sink.address();
    assert!(address.ip().is_loopback());
    // Whoever says nothing keeps nobody waiting.
    let silent: Vec<TcpStream> = (0..8).map(|_| TcpStream::connect(address).expect("it listens")).collect();
    for (request, status) in [
        ("GET /metrics HTTP/1.0\r\n\r\n".to_owned(), "200"),
        ("GET / HTTP/1.1\r\n\r\n".to_owned(), "404"),
        ("GET /metrics/../etc HTTP/1.1\r\n\r\n".to_owned(), "404"),
        ("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n".to_owned(), "405"),
        ("\u{1}\u{2}\r\n\r\n".to_owned(), "400"),
        (format!("GET /metrics HTTP/1.1\r\n{}\r\n", "a: b\r\n".repeat(100)), "431"),
        (format!("GET /metrics HTTP/1.1\r\na: {}", "b".repeat(20_000)), "431"),
    ] {
        let (head, body) = talk(address, request.as_bytes());
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{head} for {request:.60}");
        assert!(head.contains(&format!("Content-Length: {}", body.len())));
    }
    let (head, body) = talk(address, b"HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 200 ") && body.is_empty() && !head.contains("Content-Length: 0"), "{head}");
    // Beyond sixteen of them others are sent away, until they leave.
    let more: Vec<TcpStream> = (0..8).map(|_| TcpStream::connect(address).expect("it listens")).collect();
    let answers = || {
        let mut client = TcpStream::connect(address).expect("it listens");
        client.set_read_timeout(Some(PATIENCE)).expect("settable");
        let mut answer = String::new();
        client.write_all(b"GET /metrics HTTP/1.1\r\n\r\n").is_ok()
            && client.read_to_string(&mut answer).is_ok_and(|n| n > 0)
    };
    assert!(!answers());
    drop((silent, more));
    let start = Instant::now();
    while !answers() {
        assert!(start.elapsed() < PATIENCE, "it forgets nobody who left");
        std::thread::sleep(Duration::from_millis(5));
    }
    let debug = format!("{sink:?}");
    assert!(debug.contains(&address.port().to_string()));
    drop(sink);
    assert!(TcpStream::connect(address).is_err(), "nobody listens any more");
}
