//! `otoscope probe`: files in, reports out.

use std::io;
use std::num::NonZero;
use std::path::{Path, PathBuf};

use otoscope::verdict::{Norm, quality};
use otoscope::{ChunkStart, Finding, Listener, Replay, Report, Severity, StreamMeta, StreamSpec, TextHint};
use otoscope_decode::{Limits, RawFormat, Source};
use otoscope_html::{About, Clips, Detail, Document, Entry, Recorder};

use crate::chunks;
use crate::config::{MetricArgs, Plans, labels};
use crate::files;
use crate::groups::{GroupArgs, Groups, Labels};
use crate::html::{HtmlArgs, Page};
use crate::norms;
use crate::problem::{Problem, Stop};
use crate::table::{self, Line};
use crate::term::{self, Progress};
use crate::text::TextArgs;
use crate::work;

/// So many findings of one file are listed when there are several files.
const FEW: usize = 10;

/// How a report is given out; shared by the commands that make one.
#[derive(Debug, Clone, clap::Args)]
pub struct ReportArgs {
    /// JSON on stdout: one report; an array of them for several paths or a folder
    #[arg(long, conflicts_with = "ndjson")]
    pub json: bool,
    /// JSON on stdout, one report a line
    #[arg(long)]
    pub ndjson: bool,
    // What is measured.
    #[command(flatten)]
    pub metrics: MetricArgs,
    // What is to be said.
    #[command(flatten)]
    pub text: TextArgs,
    /// Put a label into the reports, for example voice=anna (repeatable)
    #[arg(long, value_name = "KEY=VALUE")]
    pub label: Vec<String>,
    /// Judge by a delivery norm (repeatable, comma-separated; all for every one; `otoscope norms` lists them)
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub norm: Vec<String>,
    /// Exit with 1 if there is a finding at least this bad; a failed norm is an error, one not measured a warning
    #[arg(long, value_name = "SEVERITY", value_enum)]
    pub fail_on: Option<FailOn>,
    /// No progress bar and no remarks; problems are still told
    #[arg(short, long)]
    pub quiet: bool,
}

impl ReportArgs {
    /// The norms to judge by.
    pub fn norms(&self) -> Result<Vec<&'static Norm>, Problem> {
        norms::named(&self.norm)
    }

    /// 1 if the worst finding or verdict is too bad.
    pub fn code(&self, worst: Option<Severity>) -> u8 {
        let limit = self.fail_on.map(|limit| match limit {
            FailOn::Info => Severity::Info,
            FailOn::Warning => Severity::Warning,
            FailOn::Error => Severity::Error,
        });
        u8::from(limit.is_some() && worst >= limit)
    }
}

/// A severity on the command line.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum FailOn {
    /// Worth knowing
    Info,
    /// A careful listener would notice
    Warning,
    /// Anybody would notice
    Error,
}

/// How headerless PCM is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum PcmFormat {
    /// 16-bit integers, low byte first
    S16le,
    /// 16-bit integers, high byte first
    S16be,
    /// 32-bit floats, low byte first
    F32le,
    /// G.711 mu-law
    Mulaw,
    /// G.711 A-law
    Alaw,
}

impl From<PcmFormat> for RawFormat {
    fn from(format: PcmFormat) -> Self {
        match format {
            PcmFormat::S16le => Self::S16le,
            PcmFormat::S16be => Self::S16be,
            PcmFormat::F32le => Self::F32le,
            PcmFormat::Mulaw => Self::MuLaw,
            PcmFormat::Alaw => Self::ALaw,
        }
    }
}

/// What `--help` says at its end.
const MORE: &str = "\
Exit codes: 0; 1 with --fail-on and a finding that bad (a failed norm is an error, one not measured a warning); 2 if the call is wrong or a file could not be read (the others \
are still done).

Examples:
  otoscope probe utterance.wav
  otoscope probe takes/ --ndjson --label voice=anna > reports.ndjson
  otoscope probe takes/ --fail-on error --quiet
  otoscope probe episode.wav --norm spotify,apple_podcasts
  otoscope probe takes/ --html takes.html
  otoscope probe old/ new/ --metrics +mos --group-by folder --versus new old
  otoscope probe --labels takes.csv --group-by voice,build --means means.csv
  otoscope probe stream.wav --chunks stream.chunks.csv";

/// Measure files and say what is wrong with them
#[derive(Debug, clap::Args)]
#[command(after_help = MORE)]
pub struct Args {
    /// Files or folders; - is standard input
    #[arg(required_unless_present = "labels", value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    report: ReportArgs,
    // A page to look and listen.
    #[command(flatten)]
    html: HtmlArgs,
    // Means over many files.
    #[command(flatten)]
    groups: GroupArgs,
    /// Replay a recorded stream: a CSV of start_sample,arrival_ns, one chunk a line
    #[arg(long, value_name = "FILE")]
    chunks: Option<PathBuf>,
    /// The files have no header: samples are written like this
    #[arg(long, value_name = "FORMAT", value_enum, requires = "raw_rate")]
    raw_format: Option<PcmFormat>,
    /// The sample rate of files without a header
    #[arg(long, value_name = "HZ", requires = "raw_format")]
    raw_rate: Option<u32>,
    /// The channels of files without a header
    #[arg(long, value_name = "N", requires = "raw_format", default_value_t = 1)]
    raw_channels: u16,
    /// All values and all findings of every file
    #[arg(short, long)]
    verbose: bool,
    /// Files read at the same time; as many as the machine has processors unless said otherwise
    #[arg(short, long, value_name = "N")]
    jobs: Option<NonZero<usize>>,
}

/// What one file was like.
struct Heard {
    format: String,
    meta: StreamMeta,
    report: Report,
    findings: Vec<Finding>,
    /// For the HTML report, if one is wanted.
    entry: Option<Entry>,
}

/// One file: its report or why there is none, and what the decoder had to leave out.
struct Outcome {
    heard: Result<Heard, Problem>,
    warnings: Vec<String>,
}

/// Everything the workers share.
struct Job<'a> {
    args: &'a Args,
    norms: Vec<&'static Norm>,
    plans: Plans,
    rows: Vec<ChunkStart>,
    text: Option<TextHint>,
    labels: Vec<(String, String)>,
    of_files: Labels,
    detail: Detail,
}

/// Runs the command; returns the exit code.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let plans = Plans::new(args.report.metrics.build()?);
    let labels = labels(&args.report.label)?;
    let norms = args.report.norms()?;
    let rows = match &args.chunks {
        Some(_) if !files::is_single(&args.paths) => {
            let advice = "give one file, and probe the others without it";
            return Err(Problem::new("--chunks", "a chunk list belongs to one file", advice).into());
        }
        Some(path) => chunks::read(path)?,
        None => Vec::new(),
    };
    let text = args.report.text.hint()?;
    if text.is_some() && !files::is_single(&args.paths) {
        let advice = "give one file, and probe the others without it";
        return Err(Problem::new("--text", "a text belongs to one file", advice).into());
    }
    let of_files = Labels::read(args.groups.labels.as_deref())?;
    let paths = if args.paths.is_empty() { &of_files.files } else { &args.paths };
    let is_single = args.groups.labels.is_none() && files::is_single(paths);
    let found = files::find(paths, args.raw_format.is_some());
    found.problems.iter().for_each(term::complain);

    let detail = Detail::of(found.files.len());
    let job = Job { args, norms, plans, rows, text, labels, of_files, detail };
    let mut sink = Sink::new(&job, is_single, found.files.len())?;
    sink.begin()?;
    let progress = Progress::new(found.files.len(), args.report.quiet);
    let mut failed = !found.problems.is_empty();
    let mut worst = None;
    work::in_order(
        &found.files,
        work::threads(args.jobs),
        |path, (): &mut ()| job.read(path),
        &progress,
        |path, outcome| {
            progress.aside(|| {
                let name = path.display().to_string();
                outcome.warnings.iter().for_each(|w| term::note(&format!("otoscope: {name}: warning: {w}")));
                match &outcome.heard {
                    Ok(heard) => {
                        worst =
                            worst.max(heard.report.worst).max(norms::worst(&norms::judge(&job.norms, &heard.report)));
                    }
                    Err(problem) => {
                        failed = true;
                        term::complain(problem);
                    }
                }
                sink.take(name, outcome.heard)
            })
        },
    )?;
    drop(progress);
    sink.end()?;
    Ok(if failed { 2 } else { args.report.code(worst) })
}

impl Job<'_> {
    fn open(&self, path: &Path) -> Result<Source, Problem> {
        let name = path.display().to_string();
        let limits = Limits::default();
        let told = |e| Problem::decoding(&name, &e);
        let stdin = files::is_stdin(path);
        match (self.args.raw_format, self.args.raw_rate) {
            (Some(format), Some(rate)) => {
                let reader: Box<dyn io::Read + Send> = if stdin {
                    Box::new(io::stdin())
                } else {
                    Box::new(std::fs::File::open(path).map_err(|e| Problem::reading(path, &e))?)
                };
                Source::raw(reader, format.into(), rate, self.args.raw_channels, &limits).map_err(told)
            }
            _ if stdin => Source::from_reader(Box::new(io::stdin()), &limits).map_err(told),
            _ => Source::open_with(path, &limits).map_err(told),
        }
    }

    fn read(&self, path: &Path) -> Outcome {
        match self.open(path) {
            Ok(mut source) => {
                let heard = self.hear(&mut source, path);
                Outcome { heard, warnings: told(&source) }
            }
            Err(problem) => Outcome { heard: Err(problem), warnings: Vec::new() },
        }
    }

    fn hear(&self, source: &mut Source, path: &Path) -> Result<Heard, Problem> {
        let name = path.display().to_string();
        let format = source.spec().format.clone();
        let stream =
            StreamSpec { sample_rate_hz: source.spec().sample_rate_hz, channels: source.spec().channels.into() };
        let plan = self.plans.get(stream).map_err(|e| {
            Problem::new(&name, e.to_string(), "convert it, for example with `ffmpeg -i IN -ar 48000 -ac 1 OUT.wav`")
        })?;
        let recorder = self.args.html.html.is_some().then(|| Recorder::new(stream, self.detail));
        let mut listener = Listener::with(&plan, recorder);
        listener.expect(self.text).map_err(|e| Problem::new(&name, e.to_string(), "report this bug"))?;
        let mut replay = Replay::new(&self.rows);
        loop {
            match source.next_chunk() {
                Ok(Some(chunk)) => {
                    replay
                        .feed(&mut listener, chunk)
                        .map_err(|e| Problem::new(&name, e.to_string(), "report this bug"))?;
                }
                Ok(None) => break,
                // No report of a part: it would look like the report of the whole.
                Err(error) => return Err(Problem::decoding(&name, &error)),
            }
        }
        if let Some(i) = replay.beyond(listener.samples()) {
            let list = self.args.chunks.as_deref().unwrap_or(path).display().to_string();
            let what = format!(
                "a chunk starts at sample {}, but {name} ends at {}",
                self.rows[i].start_sample,
                listener.samples()
            );
            return Err(Problem::new(list, what, "give the list of this file"));
        }
        let (report, findings) = listener.finish(|_| ());
        let trace = listener.into_beside().map(Recorder::finish);
        let mut meta = StreamMeta::default();
        meta.report_id = Some(uuid::Uuid::now_v7().to_string());
        meta.source = Some(name);
        meta.labels = self.of_files.of(path, &self.labels);
        // No started_at and ended_at: when a file was decoded says nothing about when it was spoken.
        let entry = match trace {
            Some(trace) => {
                let mut clips = Clips::of(stream, report.samples, &findings, self.args.html.audio());
                self.listen_again(&mut clips, path)?;
                let about = About { meta: &meta, format: &format, warnings: &told(source) };
                let verdicts = norms::judge(&self.norms, &report);
                Some(Entry::of_report(about, &report, &findings, &verdicts, &trace, clips))
            }
            None => None,
        };
        Ok(Heard { format, meta, report, findings, entry })
    }

    /// Where something is wrong is known when the file has been heard; it is then read once more for the audio around. Standard input
    /// cannot be.
    fn listen_again(&self, clips: &mut Clips, path: &Path) -> Result<(), Problem> {
        if clips.is_complete() || files::is_stdin(path) {
            return Ok(());
        }
        let mut source = self.open(path)?;
        while !clips.is_complete() {
            match source.next_chunk().map_err(|e| Problem::decoding(&path.display().to_string(), &e))? {
                Some(pcm) => clips.push(pcm),
                None => break,
            }
        }
        Ok(())
    }
}

fn told(source: &Source) -> Vec<String> {
    source.warnings().iter().map(ToString::to_string).collect()
}

/// Where results go.
struct Sink<'a> {
    job: &'a Job<'a>,
    single: bool,
    page: Option<Page>,
    /// Reports written so far.
    written: usize,
    /// What is shown at the end, for people and several files.
    kept: Vec<(String, Result<Heard, Problem>)>,
    groups: Option<Groups<'a>>,
}

impl<'a> Sink<'a> {
    fn new(job: &'a Job<'a>, single: bool, files: usize) -> Result<Self, Stop> {
        let template = job.plans.template();
        let page = job.args.html.open(|out| Document::of_reports(out, template, files))?;
        let groups = Groups::new(&job.args.groups, &job.of_files, &job.labels, |metric| template.is_enabled(metric))?;
        Ok(Self { job, single, page, written: 0, kept: Vec::new(), groups })
    }

    fn begin(&self) -> Result<(), Stop> {
        if self.job.args.report.json && !self.single { term::print("[") } else { Ok(()) }
    }

    fn take(&mut self, name: String, mut heard: Result<Heard, Problem>) -> Result<(), Stop> {
        let out = &self.job.args.report;
        if let Some(page) = &mut self.page {
            page.add(match &mut heard {
                Ok(heard) => heard.entry.take(),
                Err(problem) => Some(Entry::of_problem(&name, &self.job.labels, &problem.to_string())),
            })?;
        }
        if let (Some(groups), Ok(heard)) = (&mut self.groups, &heard) {
            let capped_mos = quality(&heard.report, &heard.findings).and_then(|q| q.capped_mos);
            groups.take(&name, &heard.meta.labels, &heard.report, capped_mos);
        }
        if !out.json && !out.ndjson {
            if self.page.is_none() {
                self.kept.push((name, heard));
            }
            return Ok(());
        }
        let Ok(heard) = heard else { return Ok(()) };
        let verdicts = norms::judge(&self.job.norms, &heard.report);
        let mut text = heard.report.to_json_with(&heard.meta, &heard.findings, &verdicts);
        if out.ndjson || self.single {
            text.push('\n');
        } else if self.written > 0 {
            text.insert_str(0, ",\n");
        }
        self.written += 1;
        term::print(&text)
    }

    fn end(self) -> Result<(), Stop> {
        let out = &self.job.args.report;
        if let Some(page) = self.page {
            page.finish("file", out.quiet)?;
        }
        let groups = match self.groups.filter(|groups| !groups.is_empty()) {
            Some(groups) => groups.end()?,
            None => String::new(),
        };
        if out.json || out.ndjson {
            if out.json && !self.single {
                term::print("]\n")?;
            }
            // What is read by programs stays what it is: the means are told aside.
            if !out.quiet && !groups.is_empty() {
                term::note(groups.trim_end());
            }
            return Ok(());
        }
        if self.kept.is_empty() {
            return if groups.is_empty() { Ok(()) } else { term::print(&groups) };
        }
        let mut text = String::new();
        let many = self.kept.len() > 1;
        let full = self.job.args.verbose || !many;
        for (name, heard) in self.kept.iter().filter_map(|(name, heard)| Some((name, heard.as_ref().ok()?))) {
            let verdicts = norms::judge(&self.job.norms, &heard.report);
            if full || !heard.findings.is_empty() || norms::worst(&verdicts).is_some() {
                text.push_str(&table::header(name, &heard.format, &heard.report));
                if full {
                    text.push('\n');
                    text.push_str(&table::values(&heard.report, self.job.plans.template()));
                    text.push('\n');
                    let capped = table::capped(&heard.report, &heard.findings);
                    if !capped.is_empty() {
                        text.push_str(&capped);
                        text.push('\n');
                    }
                }
                if !verdicts.is_empty() {
                    text.push_str(&norms::verdicts(&verdicts));
                    text.push('\n');
                }
                let limit = if full { usize::MAX } else { FEW };
                text.push_str(&table::findings(&heard.report, &heard.findings, limit));
                text.push('\n');
            }
        }
        if many {
            let lines: Vec<Line<'_>> = self
                .kept
                .iter()
                .map(|(name, heard)| (name.as_str(), heard.as_ref().ok().map(|h| (&h.report, &h.findings[..]))))
                .collect();
            let summary = table::summary(&lines, &self.job.norms);
            let clean =
                lines.iter().filter(|(_, heard)| heard.is_some_and(|(_, findings)| findings.is_empty())).count();
            let total = format!("{}, {clean} without findings", table::plural(lines.len(), "file"));
            text = format!("{summary}\n {total}\n\n{text}");
        }
        if !groups.is_empty() {
            text.push_str(&groups);
        }
        let text = text.trim_end();
        if text.is_empty() { Ok(()) } else { term::print(&format!("{text}\n")) }
    }
}
