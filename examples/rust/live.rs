//! A speech server with 50 streams at once: every utterance is probed as it is sent, its report goes through the spool into Parquet, and what was
//! found is read back from there, voice by voice.
//!
//! `make demo-live`, or `live FOLDER [otoscope.toml]`. Ends with a failure if a report is missing or a fault of a voice is not in the table.

use anstream::{eprintln, println};
use anstyle::{AnsiColor, Style};
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use otoscope::{Config, FindingLog, Plan, Probe, Push, StreamSpec};
use otoscope_export::config::ExportConfig;
use otoscope_export::run::Exporters;
use otoscope_export::{Handle, Spool, Submission, verify};
use otoscope_fixtures::faults;
use otoscope_fixtures::speech;
use otoscope_fixtures::take::{Schedule, Take};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const STREAMS: usize = 50;
const WORKERS: usize = 4;
const UTTERANCES: usize = 4;
/// What is wrong with some voices: the fault, how bad, in which of the streams, and how the table calls it.
const SICK: [(&str, &str, f64, usize, &str); 3] = [
    ("en_piper_joe_1", "join_step", 0.1, 2, "join.step"),
    ("ja_kokoro_alpha", "gap", 60.0, 3, "dropout.hole"),
    ("ru_human", "clip", 6.0, 2, "clipping.rail"),
];

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<ExitCode, Failure> {
    let mut arguments = std::env::args_os().skip(1).map(PathBuf::from);
    let folder = arguments.next().unwrap_or_else(|| PathBuf::from("build/live"));
    let mut config = match arguments.next() {
        Some(path) => ExportConfig::read(&path)?,
        None => ExportConfig::default(),
    };
    config.spool.folder = folder.join("spool");
    let reports = folder.join("reports");
    let here = ExportConfig::parse(&format!("[parquet]\nfolder = {reports:?}\nevery_s = 1\n"))?;
    config.parquet = here.parquet;
    for (name, value) in [("service.name", "demo-tts"), ("service.version", "1.4.2"), ("host.name", "demo")] {
        config.attributes.entry(name.to_owned()).or_insert_with(|| value.to_owned());
    }

    let spool = Spool::open(&config.spool.folder, config.spool_options())?;
    let exporters = Exporters::start(&config, |line| eprintln!("   {line}"))?;
    println!("{BOLD}{STREAMS} streams{BOLD:#}, {UTTERANCES} utterances each, chunks of 100 ms, on {WORKERS} threads\n");
    let start = Instant::now();
    let voices = voices()?;
    let spoken: Vec<f64> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..WORKERS)
            .map(|w| {
                let (voices, handle) = (&voices, spool.handle());
                scope.spawn(move || work(w, voices, &handle))
            })
            .collect();
        workers.into_iter().map(|w| w.join().map_err(|_| "a worker panicked")?).collect::<Result<_, Failure>>()
    })?;
    let seconds = start.elapsed().as_secs_f64();
    let durable = spool.handle().flush(Duration::from_secs(30))?;
    let marks = spool.handle().watermarks();
    println!(
        "   {:.0} s of speech in {seconds:.1} s; {} reports handed over, {} refused, durable to {durable}",
        spoken.iter().sum::<f64>(),
        marks.accepted,
        marks.dropped
    );
    let spool_folder = spool.folder().to_owned();
    drop(spool);
    exporters.stop();

    let disk = fs::read_dir(&spool_folder)?.filter_map(Result::ok).filter_map(|f| f.metadata().ok());
    println!(
        "   {} MB in the spool, Parquet in {}\n",
        disk.map(|m| m.len()).sum::<u64>() / 1_000_000,
        reports.display()
    );
    let agree = compare(&config)?;
    let table = read_back(&reports)?;
    let good = show(&table);
    let count: u64 = table.values().map(|voice| voice.reports).sum();
    println!("\n   {count} reports read back of {} handed over.", marks.accepted);
    println!(
        "\nTry it: duckdb -c \"select \\\"gen_ai.speech.voice\\\", count(*) from '{}/*/*.parquet' group by all\"",
        reports.display()
    );
    let whole = count == marks.accepted && marks.dropped == 0;
    Ok(if whole && good && agree { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks every store what it has, as `otoscope export verify` does.
fn compare(config: &ExportConfig) -> Result<bool, Failure> {
    let mut agree = true;
    for factory in config.factories()? {
        let Some(count) = &factory.count else { continue };
        let it = verify::compare(&config.spool.folder, factory.name, count()?)?;
        let (same, twice) = (it.differences.is_empty(), it.again);
        let (found, wanted) =
            [it.stored, it.delivered].map(|hours| hours.values().map(|t| t.count).sum::<u64>()).into();
        let (colour, verdict) = if same { (GREEN, "agree") } else { (RED, "differ") };
        let twice = if twice > 0 { format!(", {twice} twice") } else { String::new() };
        println!(
            "   {:14} {found} of {wanted} records, number and digests {colour}{verdict}{colour:#}{twice}",
            factory.name
        );
        agree &= same;
    }
    println!();
    Ok(agree)
}

/// One voice of the server: its takes as they are, and as they are when something is wrong.
struct Voice {
    name: String,
    plan: Plan,
    clean: Take,
    sick: Option<(Take, usize)>,
}

fn voices() -> Result<Vec<Arc<Voice>>, Failure> {
    let mut all = Vec::new();
    for clip in speech::clips().map_err(|e| e.to_string())? {
        let plan = Config::new(StreamSpec::mono(clip.sample_rate_hz)).freeze()?;
        let clean = Take::from_clip(&clip).chunked(100.0, &Schedule::real_time(0.6)).map_err(|e| e.to_string())?;
        let sick = SICK.iter().find(|(voice, ..)| *voice == clip.name);
        let sick = sick.map(|&(_, fault, severity, every, _)| {
            let mut take = clean.clone();
            faults::inject(fault, &mut take, Some(severity), 7).map_err(|e| e.to_string())?;
            Ok::<_, Failure>((take, every))
        });
        all.push(Arc::new(Voice { name: clip.name.clone(), plan, clean, sick: sick.transpose()? }));
    }
    Ok(all)
}

/// One stream of a worker.
struct Stream {
    number: usize,
    voice: Arc<Voice>,
    probe: Probe,
    log: FindingLog,
    utterance: usize,
    /// The next chunk.
    chunk: usize,
}

impl Voice {
    fn take(&self, number: usize) -> &Take {
        match &self.sick {
            Some((take, every)) if number.is_multiple_of(*every) => take,
            _ => &self.clean,
        }
    }
}

/// A thread of the server: a chunk of each of its streams in turn, as an event loop would.
fn work(worker: usize, voices: &[Arc<Voice>], handle: &Handle) -> Result<f64, Failure> {
    let mut streams: Vec<Stream> = (worker..STREAMS)
        .step_by(WORKERS)
        .map(|number| {
            let voice = Arc::clone(&voices[number % voices.len()]);
            Stream { number, probe: Probe::new(&voice.plan), voice, log: FindingLog::new(), utterance: 0, chunk: 0 }
        })
        .collect();
    let mut spoken = 0.0;
    while !streams.is_empty() {
        for stream in &mut streams {
            let voice = Arc::clone(&stream.voice);
            let take = voice.take(stream.number + stream.utterance);
            let Some((samples, arrival_ns)) = take.pushes().nth(stream.chunk) else {
                spoken += end(stream, handle)?;
                continue;
            };
            if stream.chunk == 0 {
                stream.probe.push_f32(&[], Push::at(0))?;
            }
            stream.probe.push_f32(samples, arrival_ns.map_or(Push::CHUNK, Push::at))?;
            stream.log.drain(&mut stream.probe);
            stream.chunk += 1;
        }
        streams.retain(|stream| stream.utterance < UTTERANCES);
    }
    Ok(spoken)
}

/// The end of an utterance: the report goes into the ring, and the probe is ready for the next.
fn end(stream: &mut Stream, handle: &Handle) -> Result<f64, Failure> {
    let report = stream.probe.finish();
    stream.log.drain(&mut stream.probe);
    let findings = std::mem::take(&mut stream.log).into_sorted();
    let unix_ms = SystemTime::now().duration_since(UNIX_EPOCH)?.as_millis() as u64;
    let id = format!("stream-{}", stream.number);
    let attributes = [("gen_ai.speech.voice", &*stream.voice.name), ("tts.stream.id", &*id)];
    // A full ring is counted there, and the server goes on.
    let _ = handle.try_push(Submission { report: &report, findings: &findings, unix_ms, attributes: &attributes });
    stream.probe.reset();
    stream.utterance += 1;
    stream.chunk = 0;
    Ok(report.duration_s())
}

/// What the store has of one voice.
#[derive(Default)]
struct Found {
    reports: u64,
    with_errors: u64,
    kinds: HashMap<String, u64>,
}

fn read_back(reports: &Path) -> Result<BTreeMap<String, Found>, Failure> {
    let mut voices: BTreeMap<String, Found> = BTreeMap::new();
    for day in fs::read_dir(reports)? {
        for file in fs::read_dir(day?.path())? {
            let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file?.path())?)?.build()?;
            for batch in reader {
                let batch = batch?;
                let column = |name: &str| batch.column_by_name(name).ok_or_else(|| format!("no column {name}"));
                let (names, worst) = (column("gen_ai.speech.voice")?, column("tts.audio.worst")?);
                for i in 0..batch.num_rows() {
                    let voice = voices.entry(names.as_string::<i32>().value(i).to_owned()).or_default();
                    voice.reports += 1;
                    voice.with_errors += u64::from(worst.as_string::<i32>().value(i) == "error");
                }
                // Every column that counts findings, whatever metrics there are.
                for (field, cells) in batch.schema().fields().iter().zip(batch.columns()) {
                    let Some((metric, kind)) =
                        field.name().strip_prefix("tts.audio.").and_then(|n| n.split_once(".findings."))
                    else {
                        continue;
                    };
                    let cells = cells.as_primitive::<Int64Type>();
                    for (i, count) in cells.iter().enumerate().filter_map(|(i, count)| Some((i, count?))) {
                        let voice = voices.entry(names.as_string::<i32>().value(i).to_owned()).or_default();
                        *voice.kinds.entry(format!("{metric}.{kind}")).or_default() += count as u64;
                    }
                }
            }
        }
    }
    Ok(voices)
}

/// The table; whether every sick voice shows its fault.
fn show(table: &BTreeMap<String, Found>) -> bool {
    println!("{DIM}   voice              reports   with errors   findings{DIM:#}");
    for (voice, found) in table {
        let mut kinds: Vec<(&String, &u64)> = found.kinds.iter().collect();
        kinds.sort_by_key(|(kind, count)| (std::cmp::Reverse(**count), (*kind).clone()));
        let kinds: Vec<String> = kinds.into_iter().map(|(kind, count)| format!("{kind} {count}")).collect();
        let colour = if kinds.is_empty() { GREEN } else { RED };
        let kinds = if kinds.is_empty() { "none".to_owned() } else { kinds.join(", ") };
        println!("   {voice:17} {:8} {:13}   {colour}{kinds}{colour:#}", found.reports, found.with_errors);
    }
    SICK.iter().all(|(voice, _, _, _, kind)| {
        table.get(*voice).and_then(|found| found.kinds.get(*kind)).is_some_and(|count| *count > 0)
    })
}
