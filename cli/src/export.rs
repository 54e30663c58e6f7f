//! `otoscope export`: from a spool to the stores, beside a server.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};

use clap::Subcommand;
use comfy_table::Cell;
use otoscope_export::config::ExportConfig;
use otoscope_export::run::{Exporters, spools};
use otoscope_export::status::{SpoolStatus, status};
use otoscope_export::verify;
use otoscope_export::{Disk, Failure, PumpOptions, Reader};

use crate::problem::{Problem, Stop};
use crate::table;
use crate::term;

/// Takes what servers left in their spool to the stores
///
/// A server that links Otoscope writes finished reports to a spool, a folder of log files. This takes them from there to files, Parquet, Kafka,
/// Elasticsearch..., whatever has a section in the configuration, and goes on where it stopped.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  otoscope export run --config otoscope.toml          # until Ctrl-C; restarts lose nothing
  otoscope export run --config otoscope.toml --once   # what is there, then end
  otoscope export status --config otoscope.toml       # lag, drops, dead letters
  otoscope export verify --config otoscope.toml       # does each store have what was delivered?
  otoscope export replay --config otoscope.toml --sink elasticsearch --from 2026-11-01T00:00:00Z
  otoscope export schema                              # what a record is (JSON Schema)")]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

/// What all of them need.
#[derive(Debug, clap::Args)]
struct ConfigArgs {
    /// The configuration: where the spool is, and a section for each store
    #[arg(long, short, value_name = "FILE", default_value = "otoscope.toml")]
    config: PathBuf,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Delivers until Ctrl-C or SIGTERM
    Run {
        #[command(flatten)]
        config: ConfigArgs,
        /// Deliver what is there, then end: exit 1 if something could not be delivered
        #[arg(long)]
        once: bool,
        /// With --once: how long stores may take that do not answer
        #[arg(long, value_name = "SECONDS", default_value_t = 30, requires = "once")]
        patience: u64,
        /// Say nothing of stores that do not answer
        #[arg(long, short)]
        quiet: bool,
    },
    /// How far every store is
    Status {
        #[command(flatten)]
        config: ConfigArgs,
        /// JSON on stdout
        #[arg(long)]
        json: bool,
    },
    /// Compares each store with what the spool delivered to it, hour by hour: exit 1 if they differ
    Verify {
        #[command(flatten)]
        config: ConfigArgs,
    },
    /// Delivers again what is still in the spool; stores that know a record's id take it once
    Replay {
        #[command(flatten)]
        config: ConfigArgs,
        /// Which store
        #[arg(long, value_name = "NAME")]
        sink: String,
        /// Streams that ended at this time or later (RFC 3339)
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339_weak)]
        from: SystemTime,
        /// And before this one
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_rfc3339_weak)]
        to: Option<SystemTime>,
    },
    /// The JSON Schema of a record
    Schema,
}

pub fn run(args: &Args) -> Result<u8, Stop> {
    match &args.command {
        Command::Run { config, once: true, patience, .. } => once(config, Duration::from_secs(*patience)),
        Command::Run { config, quiet, .. } => serve(config, *quiet),
        Command::Status { config, json } => show_status(config, *json),
        Command::Verify { config } => check(config),
        Command::Replay { config, sink, from, to } => replay(config, sink, *from, *to),
        Command::Schema => {
            let text = serde_json::to_string_pretty(&otoscope_export::json_schema()).unwrap_or_default();
            term::print(&format!("{text}\n"))?;
            Ok(0)
        }
    }
}

fn read(args: &ConfigArgs) -> Result<ExportConfig, Problem> {
    let place = args.config.display().to_string();
    ExportConfig::read(&args.config).map_err(|e| {
        let text = e.to_string();
        let what = text.strip_prefix(&format!("{place}: ")).unwrap_or(&text).trim().to_owned();
        Problem::new(place, what, "see docs/guide/export.md for an example")
    })
}

fn wrong(args: &ConfigArgs, error: &impl ToString) -> Problem {
    Problem::new(args.config.display().to_string(), error.to_string(), "correct the configuration")
}

fn serve(args: &ConfigArgs, quiet: bool) -> Result<u8, Stop> {
    static STOP: AtomicBool = AtomicBool::new(false);
    let config = read(args)?;
    let tell = move |line: &str| {
        if !quiet {
            term::note(&format!("otoscope export: {line}"));
        }
    };
    // The first Ctrl-C, or SIGTERM, ends the batches that are under way; the second ends the program.
    let _ = ctrlc::set_handler(|| {
        if STOP.swap(true, Ordering::AcqRel) {
            std::process::exit(130);
        }
    });
    let exporters = Exporters::start(&config, tell).map_err(|e| wrong(args, &e))?;
    tell(&format!("from {} to {}", config.spool.folder.display(), exporters.sinks().join(", ")));
    while !STOP.load(Ordering::Acquire) {
        std::thread::sleep(Duration::from_millis(100));
    }
    exporters.stop();
    Ok(0)
}

fn once(args: &ConfigArgs, patience: Duration) -> Result<u8, Stop> {
    let config = read(args)?;
    let mut code = 0;
    for factory in config.factories().map_err(|e| wrong(args, &e))? {
        for spool in spools(&config.spool.folder).map_err(|e| Problem::reading(&config.spool.folder, &e))? {
            let done = (factory.make)().and_then(|mut sink| {
                let options = sink.pump_options();
                otoscope_export::Pump::open(&spool, &mut *sink, options)?.drain(&mut *sink, patience)
            });
            match done {
                Ok(count) => {
                    term::note(&format!("otoscope export: {}: {count} records to {}", spool.display(), factory.name));
                }
                Err(error) => {
                    let place = format!("{} from {}", factory.name, spool.display());
                    term::complain(&Problem::new(place, error.to_string(), "nothing is lost: try again"));
                    code = 1;
                }
            }
        }
    }
    Ok(code)
}

fn show_status(args: &ConfigArgs, json: bool) -> Result<u8, Stop> {
    let config = read(args)?;
    let folder = &config.spool.folder;
    let all = status(folder).map_err(|e| Problem::reading(folder, &e))?;
    if json {
        term::print(&format!("{}\n", serde_json::to_string_pretty(&all).unwrap_or_default()))?;
        return Ok(0);
    }
    if all.is_empty() {
        term::print(&format!("{}: no spool yet\n", folder.display()))?;
        return Ok(0);
    }
    let mut text = String::new();
    for spool in &all {
        text.push_str(&of_spool(spool));
    }
    term::print(&text)?;
    Ok(0)
}

fn of_spool(spool: &SpoolStatus) -> String {
    let writer = &spool.writer;
    let marks = &writer.watermarks;
    let mut text = format!(
        "{}: {} accepted, written to {}, durable to {}, {:.1} MB{}\n",
        spool.folder.display(),
        marks.accepted,
        marks.written,
        marks.durable,
        writer.counters.bytes as f64 / 1e6,
        if writer.ended { "; the writer has ended" } else { "" }
    );
    let lost = [
        (marks.dropped, "reports found the ring full"),
        (writer.counters.dropped_oldest, "records went before every store had them: the spool was full"),
        (writer.counters.dropped_newest, "records were refused: the spool was full"),
        (writer.counters.too_long, "records were too long"),
        (marks.attributes_left_out, "attributes did not fit"),
        (writer.counters.failed_writes, "writes failed and were done again"),
    ];
    for (count, what) in lost.iter().filter(|(count, _)| *count > 0) {
        text.push_str(&format!("  {count} {what}\n"));
    }
    if let Some(error) = &writer.error {
        text.push_str(&format!("  the disk refuses: {error}\n"));
    }
    let mut stores = table::table(&["store", "delivered", "lag", "dead", "skipped", "damaged", "state"]);
    for sink in &spool.sinks {
        let c = &sink.cursor;
        let state = match &sink.status.reason {
            Some(reason) => format!("{}: {reason}", sink.status.state),
            None => sink.status.state.clone(),
        };
        let numbers = [c.delivered, sink.lag, c.dead, c.skipped, c.damages].map(table::right);
        stores.add_row([table::bold(&sink.sink)].into_iter().chain(numbers).chain([Cell::new(state)]));
    }
    text.push_str(&table::render(&stores));
    text.push('\n');
    text
}

fn check(args: &ConfigArgs) -> Result<u8, Stop> {
    let config = read(args)?;
    let folder = &config.spool.folder;
    let factories = config.factories().map_err(|e| wrong(args, &e))?;
    let stores = factories.iter().filter_map(|factory| Some((factory.name, factory.count.as_ref()?)));
    let stores: Vec<_> = stores.collect();
    if stores.is_empty() {
        return Err(
            wrong(args, &"no store that can be counted: ndjson with a file, parquet, elasticsearch or kafka").into()
        );
    }
    let mut code = 0;
    for (name, count) in stores {
        let counted = match count() {
            Ok(counted) => counted,
            Err(error) => {
                term::complain(&Problem::new(name, error.to_string(), "try again when it answers"));
                code = 2;
                continue;
            }
        };
        let found = verify::compare(folder, name, counted).map_err(|e| Problem::reading(folder, &e))?;
        let count: u64 = found.delivered.values().map(|t| t.count).sum();
        let again = if found.again > 0 { format!(", {} of them twice", found.again) } else { String::new() };
        if found.differences.is_empty() {
            let hours = table::plural(found.delivered.len(), "hour");
            term::print(&format!("{name}: {count} records in {hours} agree{again}\n"))?;
            continue;
        }
        code = code.max(1);
        for (hour, wanted, found) in found.differences {
            let time = humantime::format_rfc3339_seconds(SystemTime::UNIX_EPOCH + Duration::from_secs(3600 * hour));
            term::print(&format!(
                "{name}: {time}: {} records (digests {}) were delivered, {} ({}) are there\n",
                wanted.count, wanted.digests, found.count, found.digests
            ))?;
        }
    }
    Ok(code)
}

fn replay(args: &ConfigArgs, name: &str, from: SystemTime, to: Option<SystemTime>) -> Result<u8, Stop> {
    let config = read(args)?;
    let factories = config.factories().map_err(|e| wrong(args, &e))?;
    let Some(factory) = factories.iter().find(|f| f.name == name) else {
        let what = format!("the configuration has no [{name}]");
        let names: Vec<&str> = factories.iter().map(|f| f.name).collect();
        return Err(Problem::new("--sink", what, format!("use one of {}", names.join(", "))).into());
    };
    let ms = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64);
    let (from, to) = (ms(from), to.map_or(u64::MAX, ms));
    let mut sink = (factory.make)().map_err(|e| Problem::new(name, e.to_string(), "correct the configuration"))?;
    if !sink.takes_replays() {
        let advice = "delete what is wrong in it and start with an empty store of another name";
        return Err(Problem::new(name, "it counts or stores each record once and takes no replays", advice).into());
    }
    let (mut delivered, mut refused) = (0, 0);
    // As a pump waits, and says it once.
    let (mut patience, mut told) = (PumpOptions::default().patience(), String::new());
    for spool in spools(&config.spool.folder).map_err(|e| Problem::reading(&config.spool.folder, &e))? {
        let disk = Disk::new(&spool).map_err(|e| Problem::reading(&spool, &e))?;
        let mut reader = Reader::new(disk, 1);
        loop {
            let batch = reader.next_batch(2000, 4 << 20).map_err(|e| Problem::reading(&spool, &e))?;
            if batch.is_empty() {
                break;
            }
            let mut wanted: Vec<_> = batch.into_iter().filter(|r| (from..to).contains(&r.envelope.unix_ms)).collect();
            while !wanted.is_empty() {
                match sink.deliver(&wanted) {
                    Ok(rejected) => {
                        delivered += wanted.len() - rejected.len();
                        refused += rejected.len();
                        wanted.clear();
                    }
                    Err(Failure::Later { done, rejected, reason }) => {
                        delivered += done - rejected.len().min(done);
                        refused += rejected.len();
                        wanted.drain(..done.min(wanted.len()));
                        if done > 0 {
                            patience.reset();
                            told.clear();
                        }
                        if told != reason {
                            term::note(&format!("otoscope export: {name}: {reason}; Ctrl-C ends it"));
                            told = reason;
                        }
                        std::thread::sleep(patience.wait());
                    }
                    Err(Failure::Stop(reason)) => return Err(Problem::new(name, reason, "then try again").into()),
                }
            }
        }
    }
    term::print(&format!("{name}: {delivered} records delivered again, {refused} refused\n"))?;
    Ok(if refused > 0 { 1 } else { 0 })
}
