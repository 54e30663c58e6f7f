//! `otoscope compare`: a degraded file against the file as it should be, or a list of such pairs.

use std::collections::HashMap;
use std::fmt::Write;
use std::fs::File;
use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use comfy_table::Cell;
use otoscope::compare::{
    Align, Comparison, ComparisonMeta, Config, Plan, Reason, Reference, Samples, Scored, Scratch, Side, Signal,
};
use otoscope::spec::{TableSpec, Value};
use otoscope_decode::{Limits, Mono, MonoSamples};
use otoscope_html::{Detail, Document, Entry};

use crate::config::{labels, wrong};
use crate::html::{HtmlArgs, Page};
use crate::problem::{Problem, Stop};
use crate::table::{bold, dim, number, plural, render, right, table};
use crate::term::{self, BOLD, DIM, Progress, paint};
use crate::work;

/// So many rows of a table are listed without `--verbose`.
const FEW: usize = 10;

/// How the files are brought into step.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum AlignBy {
    /// Not at all: they are
    None,
    /// By one delay, the peak of their cross-correlation
    Delay,
}

const MORE: &str = "\
A list of pairs is a CSV file with the columns ref and deg, and if you like id and system; paths are relative to the list. The output has \
a line for each pair: its columns, then score.field and score.status for every score.

Exit codes: 0; 2 if the call is wrong or a file could not be read (the other pairs are still compared; a pair without a score has its \
reason as status and is no error).

Examples:
  otoscope compare studio.wav delivered.wav
  otoscope compare studio.wav delivered.wav --metrics pesq_wb,stoi,si_sdr --align delay
  otoscope compare studio.wav delivered.wav --metrics pesq_wb:cor2 --json
  otoscope compare studio.wav delivered.wav --html pair.html
  otoscope compare --pairs pairs.csv --out scores.csv";

/// Score a degraded file against the file as it should be
#[derive(Debug, clap::Args)]
#[command(after_help = MORE)]
pub struct Args {
    /// The file as it should be
    #[arg(value_name = "REF", required_unless_present = "pairs", requires = "degraded")]
    reference: Option<PathBuf>,
    /// The file that is judged
    #[arg(value_name = "DEG")]
    degraded: Option<PathBuf>,
    /// Compare the pairs of this CSV list
    #[arg(long, value_name = "FILE", conflicts_with = "reference")]
    pairs: Option<PathBuf>,
    /// Where the scores of --pairs go, as CSV; a table on stdout without it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Compute these scores, each as SCORE or SCORE:PRESET (comma-separated; all without it; `otoscope metrics` lists them)
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    metrics: Vec<String>,
    /// How the files are brought into step for scores that compare sample with sample
    #[arg(long, value_name = "HOW", value_enum, default_value = "none")]
    align: AlignBy,
    /// The longest delay that --align delay looks for
    #[arg(long, value_name = "SECONDS", default_value_t = Config::default().max_delay_s)]
    max_delay_s: f64,
    /// The channel to compare, counted from 1; the mean of all channels without it
    #[arg(long, value_name = "N")]
    channel: Option<NonZero<u16>>,
    /// Also what is only made on request: a row for each frame
    #[arg(long)]
    frames: bool,
    // A page to look and listen.
    #[command(flatten)]
    html: HtmlArgs,
    /// JSON on stdout: one comparison; an array of them for --pairs
    #[arg(long, conflicts_with_all = ["ndjson", "out"])]
    json: bool,
    /// JSON on stdout, one comparison a line
    #[arg(long, conflicts_with = "out")]
    ndjson: bool,
    /// Put a label into the JSON, for example build=1234 (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    label: Vec<String>,
    /// All rows of every table
    #[arg(short, long)]
    verbose: bool,
    /// Pairs compared at the same time; as many as the machine has processors unless said otherwise
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
    /// No progress bar and no remarks; problems are still told
    #[arg(short, long)]
    quiet: bool,
}

impl Args {
    fn plan(&self) -> Result<Plan, Problem> {
        let names = self.metrics.iter().map(|name| name.trim()).filter(|name| !name.is_empty());
        let mut config = Config::new(names);
        config.align = match self.align {
            AlignBy::None => Align::None,
            AlignBy::Delay => Align::Delay,
        };
        config.max_delay_s = self.max_delay_s;
        // The page draws them.
        config.frames = self.frames || self.html.html.is_some();
        config.freeze().map_err(|e| wrong("--metrics", &e, ""))
    }
}

/// Runs the command; returns the exit code.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let plan = args.plan()?;
    let labels = labels(&args.label)?;
    if args.out.is_some() && args.pairs.is_none() {
        return Err(
            Problem::new("--out", "it takes the scores of --pairs", "give --pairs, or --json for one pair").into()
        );
    }
    match (&args.pairs, &args.reference, &args.degraded) {
        (Some(list), ..) => many(args, &plan, &labels, list),
        (None, Some(reference), Some(degraded)) => one(args, &plan, labels, reference, degraded),
        _ => Err(Problem::new("compare", "one file alone", "give REF and DEG, or --pairs").into()),
    }
}

fn read(path: &Path, channel: Option<NonZero<u16>>) -> Result<Mono, Problem> {
    Mono::read(path, channel.map(|c| c.get() - 1), &Limits::default())
        .map_err(|e| Problem::decoding(&path.display().to_string(), &e))
}

fn samples(mono: MonoSamples) -> Samples<'static> {
    match mono {
        MonoSamples::I16(x) => x.into(),
        MonoSamples::F32(x) => x.into(),
    }
}

/// What the decoder left out, and what became of the channels.
fn remarks(path: &Path, mono: &Mono, args: &Args) -> Vec<String> {
    let name = path.display();
    let mut remarks: Vec<String> = mono.warnings.iter().map(|w| format!("otoscope: {name}: warning: {w}")).collect();
    if mono.channels > 1 && args.channel.is_none() && !args.quiet {
        remarks
            .push(format!("otoscope: {name}: the mean of {} channels is compared; --channel picks one", mono.channels));
    }
    remarks
}

fn one(args: &Args, plan: &Plan, labels: Vec<(String, String)>, reference: &Path, degraded: &Path) -> Result<u8, Stop> {
    let (r, d) = (read(reference, args.channel), read(degraded, args.channel));
    let (r, d) = match (r, d) {
        (Ok(r), Ok(d)) => (r, d),
        (r, d) => {
            // Both are told: a second run would find the second.
            for problem in [r.err(), d.err()].into_iter().flatten() {
                term::complain(&problem);
            }
            return Ok(2);
        }
    };
    for line in remarks(reference, &r, args).iter().chain(&remarks(degraded, &d, args)) {
        term::note(line);
    }
    let formats = [r.format.clone(), d.format.clone()];
    let signal = samples(d.samples);
    let prepared = Reference::new(plan, samples(r.samples), r.sample_rate_hz);
    let mut html = args.html.open(|out| Document::of_comparisons(out, plan, 1))?;
    let result = prepared.compare(signal.borrowed(), d.sample_rate_hz, &mut Scratch::new());
    let meta = meta(reference, degraded, labels);
    if args.json || args.ndjson {
        term::print(&(result.to_json(&meta) + "\n"))?;
    } else if html.is_none() {
        term::print(&page(&result, &meta, &formats, args.verbose))?;
    }
    if let Some(mut html) = html.take() {
        let [r, d] = &formats;
        let both = [prepared.samples(), &signal];
        let entry = Entry::of_comparison(&meta, [r, d], &result, both, Detail::of(1), args.html.audio());
        html.add(Some(entry))?;
        html.finish("pair", args.quiet)?;
    }
    Ok(0)
}

fn meta(reference: &Path, degraded: &Path, labels: Vec<(String, String)>) -> ComparisonMeta {
    let mut meta = ComparisonMeta::default();
    meta.reference = Some(reference.display().to_string());
    meta.degraded = Some(degraded.display().to_string());
    meta.labels = labels;
    meta
}

/// One comparison as people read it.
fn page(result: &Comparison, meta: &ComparisonMeta, formats: &[String; 2], verbose: bool) -> String {
    let mut text = String::new();
    let sides = [("reference", &meta.reference, result.reference), ("degraded", &meta.degraded, result.degraded)];
    for ((side, name, signal), format) in sides.into_iter().zip(formats) {
        let rest = format!("{format}, {} Hz, {}", signal.sample_rate_hz, seconds(signal));
        let name = name.as_deref().unwrap_or_default();
        let _ = writeln!(text, "{side:9}  {}  {}", paint(BOLD, name), paint(DIM, &rest));
    }
    if let Some(delay) = result.alignment.delay_samples {
        let ms = delay as f64 * 1000.0 / f64::from(result.degraded.sample_rate_hz);
        let how = match delay {
            0 => "in step".to_owned(),
            1.. => format!("the degraded signal is {ms:.2} ms late ({delay} samples)"),
            _ => format!("the degraded signal is {:.2} ms early ({} samples)", -ms, -delay),
        };
        let correlation = result.alignment.correlation_ratio.unwrap_or_default();
        let _ = writeln!(text, "alignment  {how}, correlation {correlation:.3}");
    }
    text.push('\n');
    let mut rows = table(&["score", "field", "value", "unit", "definition"]);
    for scored in &result.scores {
        if let Err(reason) = &scored.values {
            rows.add_row(vec![
                bold(&scored.key),
                Cell::new(""),
                right("-"),
                dim(""),
                Cell::new(format!("{}: {reason}", reason.name())),
            ]);
        }
        for (i, (field, value)) in scored.fields().enumerate() {
            let (number, unit) = match value {
                Value::Number(x) => (right(number(x, field.unit)), field.unit.symbol()),
                Value::Undefined(why) | Value::NotComputed(why) => (right("-"), why),
            };
            let first = i == 0;
            rows.add_row(vec![
                bold(if first { &scored.key } else { "" }),
                Cell::new(field.name),
                number,
                dim(unit),
                dim(if first { scored.preset.definition } else { "" }),
            ]);
        }
    }
    text.push_str(&render(&rows));
    for scored in &result.scores {
        for warning in &scored.warnings {
            let _ = writeln!(text, " {}: {}: {warning}", paint(BOLD, &scored.key), warning.name());
        }
    }
    for scored in &result.scores {
        if scored.rate_policy != "native" {
            let line = format!(" {}: {}", scored.key, scored.rate_policy);
            let _ = writeln!(text, "{}", paint(DIM, &line));
        }
        for rows in &scored.tables {
            text.push_str(&listing(&scored.key, rows, verbose));
        }
    }
    text
}

fn listing(key: &str, rows: &otoscope::compare::Table, verbose: bool) -> String {
    let TableSpec { name, columns, .. } = rows.spec;
    let many = rows.rows().len();
    let mut text = format!("\n {} {}: {}\n", paint(BOLD, key), name, plural(many, "row"));
    if many == 0 {
        return text;
    }
    let header: Vec<&str> = columns.iter().map(|c| c.name).collect();
    let mut shown = table(&header);
    for row in rows.rows().take(if verbose { usize::MAX } else { FEW }) {
        shown.add_row(row.iter().zip(columns.iter()).map(|(&x, c)| right(number(x, c.unit))));
    }
    text.push_str(&render(&shown));
    if many > FEW && !verbose {
        let line = format!(" ... and {} more: --verbose shows all of them\n", many - FEW);
        text.push_str(&paint(DIM, &line));
    }
    text
}

fn seconds(signal: Signal) -> String {
    format!("{:.2} s", signal.duration_s())
}

/// One line of the list.
struct Row {
    reference: PathBuf,
    degraded: PathBuf,
    /// As they stand in the list, in its order.
    cells: Vec<String>,
    system: String,
}

struct List {
    header: Vec<String>,
    rows: Vec<Row>,
}

fn read_list(path: &Path) -> Result<List, Problem> {
    let place = path.display().to_string();
    let file = File::open(path).map_err(|e| Problem::reading(path, &e))?;
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(io::BufReader::new(file));
    let bad =
        |e: csv::Error| Problem::new(&place, format!("not a list: {e}"), "write a CSV file with the header ref,deg");
    let header: Vec<String> = reader.headers().map_err(bad)?.iter().map(str::to_owned).collect();
    let column = |name: &str| header.iter().position(|h| h == name);
    let (Some(r), Some(d)) = (column("ref"), column("deg")) else {
        let what = format!("its header is `{}`", header.join(","));
        return Err(Problem::new(&place, what, "give it the columns ref and deg (and if you like id and system)"));
    };
    let system = column("system");
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(bad)?;
        let cell = |i: usize| record.get(i).unwrap_or_default();
        rows.push(Row {
            reference: folder.join(cell(r)),
            degraded: folder.join(cell(d)),
            system: system.map_or("", cell).to_owned(),
            cells: record.iter().map(str::to_owned).collect(),
        });
    }
    if rows.is_empty() {
        return Err(Problem::new(&place, "no pairs in it", "write a line for each pair under the header"));
    }
    Ok(List { header, rows })
}

/// A reference that is being made or is ready, for whoever needs it next.
type Slot = Arc<OnceLock<Result<Ready, Problem>>>;

/// A reference, its format and what is to be said about it.
struct Ready {
    reference: Reference<'static>,
    format: String,
    remarks: Vec<String>,
}

/// References in use: a list often has many degraded files for each, one after the other.
struct References {
    kept: Mutex<Vec<(PathBuf, Slot)>>,
    most: usize,
}

impl References {
    fn slot(&self, path: &Path) -> Slot {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(i) = kept.iter().position(|(p, _)| p == path) {
            let hit = kept.remove(i);
            let slot = Arc::clone(&hit.1);
            kept.push(hit);
            return slot;
        }
        if kept.len() >= self.most {
            kept.remove(0);
        }
        let slot = Slot::default();
        kept.push((path.to_owned(), Arc::clone(&slot)));
        slot
    }
}

/// What became of one pair.
struct Outcome {
    result: Result<Comparison, (Reason, Problem)>,
    remarks: Vec<String>,
    /// For the HTML report, if one is wanted.
    entry: Option<Entry>,
}

/// What all rows have in common.
struct Job<'a> {
    args: &'a Args,
    plan: &'a Plan,
    list: &'a List,
    labels: &'a [(String, String)],
    references: References,
    detail: Detail,
}

impl Job<'_> {
    fn meta(&self, row: &Row) -> ComparisonMeta {
        let mut labels = self.labels.to_vec();
        for (key, cell) in self.list.header.iter().zip(&row.cells) {
            if key != "ref" && key != "deg" && !cell.is_empty() {
                labels.push((key.clone(), cell.clone()));
            }
        }
        meta(&row.reference, &row.degraded, labels)
    }

    fn failed(&self, row: &Row, reason: Reason, problem: Problem, remarks: Vec<String>) -> Outcome {
        let html = self.args.html.html.is_some();
        let name = row.degraded.display().to_string();
        let entry = html.then(|| Entry::of_problem(&name, &self.meta(row).labels, &problem.to_string()));
        Outcome { result: Err((reason, problem)), remarks, entry }
    }

    fn compare(&self, row: &Row, scratch: &mut Scratch) -> Outcome {
        let Self { args, plan, .. } = *self;
        let slot = self.references.slot(&row.reference);
        let mut made_here = false;
        let ready = slot.get_or_init(|| {
            made_here = true;
            let mono = read(&row.reference, args.channel)?;
            let (remarks, format) = (remarks(&row.reference, &mono, args), mono.format.clone());
            let reference = Reference::new(plan, samples(mono.samples), mono.sample_rate_hz);
            Ok(Ready { reference, format, remarks })
        });
        let ready = match ready {
            Ok(ready) => ready,
            Err(problem) => {
                return self.failed(row, Reason::Unreadable(Side::Reference), problem.clone(), Vec::new());
            }
        };
        let said = if made_here { ready.remarks.clone() } else { Vec::new() };
        match read(&row.degraded, args.channel) {
            Ok(mono) => {
                let remarks = said.into_iter().chain(remarks(&row.degraded, &mono, args)).collect();
                let signal = samples(mono.samples);
                let result = ready.reference.compare(signal.borrowed(), mono.sample_rate_hz, scratch);
                let entry = args.html.html.is_some().then(|| {
                    let (formats, both) = ([&*ready.format, &*mono.format], [ready.reference.samples(), &signal]);
                    Entry::of_comparison(&self.meta(row), formats, &result, both, self.detail, args.html.audio())
                });
                Outcome { result: Ok(result), remarks, entry }
            }
            Err(problem) => self.failed(row, Reason::Unreadable(Side::Degraded), problem, said),
        }
    }
}

fn many(args: &Args, plan: &Plan, labels: &[(String, String)], path: &Path) -> Result<u8, Stop> {
    let list = read_list(path)?;
    let threads = work::threads(args.jobs);
    let references = References { kept: Mutex::new(Vec::new()), most: 2 * threads };
    let job = Job { args, plan, list: &list, labels, references, detail: Detail::of(list.rows.len()) };
    let mut sink = Sink::new(&job)?;
    let progress = Progress::new(list.rows.len(), args.quiet);
    let mut failed = false;
    work::in_order(
        &list.rows,
        threads,
        |row, scratch: &mut Scratch| job.compare(row, scratch),
        &progress,
        |row, outcome| {
            progress.aside(|| {
                outcome.remarks.iter().for_each(|line| term::note(line));
                if let Err((_, problem)) = &outcome.result {
                    failed = true;
                    term::complain(problem);
                }
                sink.take(row, &outcome.result, outcome.entry)
            })
        },
    )?;
    drop(progress);
    sink.end()?;
    Ok(if failed { 2 } else { 0 })
}

/// Where the results of a list go.
struct Sink<'a> {
    job: &'a Job<'a>,
    args: &'a Args,
    plan: &'a Plan,
    list: &'a List,
    html: Option<Page>,
    file: Option<csv::Writer<File>>,
    written: usize,
    /// For people: a line for each pair, and the values of each system and score.
    lines: comfy_table::Table,
    groups: Vec<String>,
    sums: HashMap<(String, usize), Vec<f64>>,
    pairs: HashMap<String, usize>,
}

impl<'a> Sink<'a> {
    fn new(job: &'a Job<'a>) -> Result<Self, Stop> {
        let Job { args, plan, list, .. } = *job;
        let html = args.html.open(|out| Document::of_comparisons(out, plan, list.rows.len()))?;
        let mut file = match &args.out {
            Some(out) => Some(csv::Writer::from_writer(File::create(out).map_err(|e| Problem::writing(out, &e))?)),
            None => None,
        };
        if let Some(file) = &mut file {
            let mut header = list.header.clone();
            for (key, spec, _) in plan.scores() {
                header.extend(spec.fields.iter().map(|f| format!("{key}.{}", f.name)));
                header.push(format!("{key}.status"));
            }
            write_row(file, &header, args)?;
        }
        if args.json {
            term::print("[")?;
        }
        let header: Vec<&str> = ["pair"].into_iter().chain(plan.scores().map(|(key, ..)| key)).collect();
        Ok(Self {
            job,
            args,
            plan,
            list,
            html,
            file,
            written: 0,
            lines: table(&header),
            groups: Vec::new(),
            sums: HashMap::new(),
            pairs: HashMap::new(),
        })
    }

    fn take(
        &mut self,
        row: &Row,
        result: &Result<Comparison, (Reason, Problem)>,
        entry: Option<Entry>,
    ) -> Result<(), Stop> {
        if let Some(html) = &mut self.html {
            html.add(entry)?;
        }
        if self.args.json || self.args.ndjson {
            let Ok(result) = result else { return Ok(()) };
            let mut text = result.to_json(&self.job.meta(row));
            if self.args.ndjson {
                text.push('\n');
            } else if self.written > 0 {
                text.insert_str(0, ",\n");
            }
            self.written += 1;
            return term::print(&text);
        }
        if !self.groups.contains(&row.system) {
            self.groups.push(row.system.clone());
        }
        *self.pairs.entry(row.system.clone()).or_default() += 1;
        let scores = result.as_ref().map_or(&[][..], |r| &r.scores);
        for (i, value) in scores.iter().map(Scored::value).enumerate() {
            if let Some(value) = value {
                self.sums.entry((row.system.clone(), i)).or_default().push(value);
            }
        }
        if let Some(file) = &mut self.file {
            let mut cells = row.cells.clone();
            cells.resize(self.list.header.len(), String::new());
            for (i, (_, spec, _)) in self.plan.scores().enumerate() {
                let scored = scores.get(i);
                for field in spec.fields {
                    let value = scored.and_then(|s| s.field(field.name)).and_then(Value::number);
                    cells.push(value.map_or_else(String::new, |x| x.to_string()));
                }
                let status = match result {
                    Ok(_) => scored.map_or("", Scored::status),
                    Err((reason, _)) => reason.name(),
                };
                cells.push(status.to_owned());
            }
            return write_row(file, &cells, self.args);
        }
        let name = format!("{} {}", row.reference.display(), row.degraded.display());
        let mut cells = vec![Cell::new(name)];
        for (i, (_, spec, _)) in self.plan.scores().enumerate() {
            cells.push(match (scores.get(i), result) {
                (Some(scored), _) => match scored.fields().find_map(|(f, v)| Some((f, v.number()?))) {
                    Some((field, x)) => right(number(x, field.unit)),
                    None => right(scored.status()),
                },
                (None, Err((reason, _))) => right(reason.name()),
                (None, Ok(_)) => right(spec.name),
            });
        }
        self.lines.add_row(cells);
        Ok(())
    }

    fn end(mut self) -> Result<(), Stop> {
        let html = self.html.take();
        let shown = html.is_none();
        if let Some(html) = html {
            html.finish("pair", self.args.quiet)?;
        }
        if self.args.json {
            return term::print("]\n");
        }
        if self.args.ndjson {
            return Ok(());
        }
        let mut text = String::new();
        match (self.file, &self.args.out) {
            (Some(mut file), Some(out)) => {
                file.flush().map_err(|e| Problem::writing(out, &e))?;
                if self.args.quiet {
                    return Ok(());
                }
                let _ = writeln!(
                    text,
                    "{}: {}\n",
                    paint(BOLD, &out.display().to_string()),
                    plural(self.list.rows.len(), "pair")
                );
            }
            _ if shown => {
                text.push_str(&render(&self.lines));
                text.push('\n');
            }
            // The page has a line for each pair.
            _ => {}
        }
        let mut means = table(&["system", "score", "mean", "lowest", "highest", "scored", "unit"]);
        for group in &self.groups {
            for (i, (key, spec, _)) in self.plan.scores().enumerate() {
                let pairs = self.pairs.get(group).copied().unwrap_or_default();
                let values = self.sums.get(&(group.clone(), i)).map_or(&[][..], Vec::as_slice);
                let unit = spec.fields.first().map_or(otoscope::spec::Unit::Ratio, |f| f.unit);
                let show = |x: Option<f64>| right(x.map_or_else(|| "-".to_owned(), |x| number(x, unit)));
                let mean = values.iter().sum::<f64>() / values.len() as f64;
                means.add_row(vec![
                    bold(if i == 0 { if group.is_empty() { "all" } else { group } } else { "" }),
                    Cell::new(key),
                    show((!values.is_empty()).then_some(mean)),
                    show(values.iter().copied().reduce(f64::min)),
                    show(values.iter().copied().reduce(f64::max)),
                    right(format!("{} of {pairs}", values.len())),
                    dim(unit.symbol()),
                ]);
            }
        }
        text.push_str(&render(&means));
        term::print(&text)
    }
}

fn write_row(file: &mut csv::Writer<File>, cells: &[String], args: &Args) -> Result<(), Stop> {
    let out = args.out.as_deref().unwrap_or(Path::new(""));
    file.write_record(cells).map_err(|e| Problem::writing_csv(out, e).into())
}
