//! Many recordings or pairs at once, on all processors. What is wrong with a row stays in that row.

use crate::buffer::Audio;
use crate::compare::{Comparison, ThreadMemory, meta, pick};
use crate::config::{config, freeze};
use crate::error::{InputError, wrong_value};
use crate::page::{self, Look};
use crate::probe::push_array;
use crate::report::Report;
use crate::table::{About, Cells, Column, Results, Rows};
use crate::{catalogue, compare, verdicts, work};
use otoscope::compare::{ComparisonMeta, Reference, Samples, Scored};
use otoscope::spec::Unit;
use otoscope::verdict::{Norm, Outcome, Quality, quality};
use otoscope::{Config, Finding, Listener, Plan, Push, Report as Values, StreamMeta, StreamSpec, TextHint};
use otoscope_decode::{ErrorKind, Limits, Mono, MonoSamples, Source};
use otoscope_html::{About as PageAbout, Clips, Document, Entry, Recorder};
use pyo3::prelude::*;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering::AcqRel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// One input.
enum Item {
    Array(Audio),
    File(PathBuf),
    /// What is neither, and why.
    Neither(String),
}

/// Why a row has no result.
#[derive(Clone)]
struct Failure {
    /// `unreadable` or `refused`.
    status: &'static str,
    message: String,
}

fn refused(message: impl ToString) -> Failure {
    Failure { status: "refused", message: message.to_string() }
}

fn unreadable(error: &otoscope_decode::DecodeError) -> Failure {
    let status = if matches!(error.kind(), ErrorKind::Io(_)) { "unreadable" } else { "undecodable" };
    Failure { status, message: error.to_string() }
}

impl Item {
    /// Errors that are not about the object, such as Ctrl-C, come through.
    fn new(argument: &str, object: &Bound<'_, PyAny>) -> PyResult<Self> {
        if let Ok(path) = object.extract::<PathBuf>() {
            return Ok(Self::File(path));
        }
        match Audio::new(argument, object) {
            Ok(audio) => Ok(Self::Array(audio)),
            Err(error) if error.is_instance_of::<InputError>(object.py()) => {
                Ok(Self::Neither(error.value(object.py()).to_string()))
            }
            Err(error) => Err(error),
        }
    }

    fn name(&self) -> Option<String> {
        if let Self::File(path) = self { Some(path.display().to_string()) } else { None }
    }
}

/// The rate of samples that bring none, checked by whoever uses it.
fn rate_of_samples(rate: Option<i64>) -> Result<u32, Failure> {
    let rate = rate.ok_or_else(|| refused("sample_rate_hz: samples need one"))?;
    u32::try_from(rate).map_err(|_| refused(format!("sample_rate_hz: {rate} Hz is not possible")))
}

fn check_rate(path: &Path, has: u32, said: Option<i64>) -> Result<(), Failure> {
    match said {
        Some(said) if said != i64::from(has) => {
            Err(refused(format!("{} has {has} Hz, not {said} Hz; leave sample_rate_hz out", path.display())))
        }
        _ => Ok(()),
    }
}

/// Columns the caller gave, to go with the results: those of a data frame.
type Given<'py> = Vec<(String, Vec<Bound<'py, PyAny>>)>;

fn given_columns(given: &Given<'_>) -> PyResult<Vec<Column>> {
    given.iter().map(|(name, values)| Column::of_caller(name, values)).collect()
}

fn labels(columns: &[Column], row: usize) -> Vec<(String, String)> {
    columns.iter().filter_map(|column| Some((column.name().to_owned(), column.text(row)?))).collect()
}

/// The columns that every table has.
fn outcome_columns<T>(rows: &[Outcomes<T>]) -> [Column; 2] {
    let status = |row: &Outcomes<T>| match row {
        Ok((_, warnings)) if warnings.is_empty() => "ok".to_owned(),
        Ok(_) => "damaged".to_owned(),
        Err(failure) => failure.status.to_owned(),
    };
    let message = |row: &Outcomes<T>| match row {
        Ok((_, warnings)) if warnings.is_empty() => None,
        Ok((_, warnings)) => Some(warnings.join("; ")),
        Err(failure) => Some(failure.message.clone()),
    };
    let doc = "ok, damaged (measured without what could not be decoded), unreadable, undecodable or refused.";
    [
        Column::new("status", About::doc(doc), Cells::Text(rows.iter().map(|row| Some(status(row))).collect())),
        Column::new("message", About::doc("What is wrong."), Cells::Text(rows.iter().map(message).collect())),
    ]
}

// ---------------------------------------------------------------------------------------------------------------------------

struct ProbeRow {
    item: Item,
    sample_rate_hz: Option<i64>,
    text: Option<TextHint>,
}

/// One plan for each kind of stream, made when the first such stream comes.
struct Plans {
    template: Config,
    made: Mutex<HashMap<StreamSpec, Plan>>,
}

impl Plans {
    fn get(&self, stream: StreamSpec) -> Result<Plan, Failure> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(plan) = made.get(&stream) {
            return Ok(plan.clone());
        }
        let plan = self.template.for_stream(stream).freeze().map_err(refused)?;
        made.insert(stream, plan.clone());
        Ok(plan)
    }
}

type Heard = (Values, Vec<Finding>);

/// What a row became: its values and what the decoder left out, or why there are none.
type Outcomes<T> = Result<(T, Vec<String>), Failure>;

/// What was made of a row, with its entry of the page if there is one.
type Made<T> = Result<(T, Vec<String>, Option<Entry>), Failure>;

/// The outcome and the entry apart; on a page, what failed is a line too.
fn with_entry<T>(
    made: Made<T>,
    look: Option<Look>,
    name: Option<&str>,
    labels: &[(String, String)],
) -> (Outcomes<T>, Option<Entry>) {
    match made {
        Ok((value, warnings, entry)) => (Ok((value, warnings)), entry),
        Err(failure) => {
            let entry = look.map(|_| Entry::of_problem(name.unwrap_or_default(), labels, &failure.message));
            (Err(failure), entry)
        }
    }
}

/// Everything the threads of `probe_many` share.
struct ProbeJob<'a> {
    plans: Plans,
    norms: Vec<&'static Norm>,
    /// Only if there is a page.
    look: Option<Look>,
    metas: &'a [StreamMeta],
}

impl ProbeJob<'_> {
    fn listen(&self, row: &ProbeRow, stream: StreamSpec) -> Result<Listener<Option<Recorder>>, Failure> {
        let recorder = self.look.map(|look| Recorder::new(stream, look.detail));
        let mut listener = Listener::with(&self.plans.get(stream)?, recorder);
        listener.expect(row.text).map_err(refused)?;
        Ok(listener)
    }

    /// A row's outcome, and its entry of the page.
    fn hear(&self, i: usize, row: &ProbeRow) -> (Outcomes<Heard>, Option<Entry>) {
        let meta = &self.metas[i];
        with_entry(self.measure(i, row), self.look, meta.source.as_deref(), &meta.labels)
    }

    fn measure(&self, i: usize, row: &ProbeRow) -> Made<Heard> {
        match &row.item {
            Item::Neither(message) => Err(refused(message)),
            Item::Array(audio) => {
                let sample_rate_hz = rate_of_samples(row.sample_rate_hz)?;
                let stream = StreamSpec { sample_rate_hz, channels: audio.channels() as u32 };
                let mut listener = self.listen(row, stream)?;
                push_array(&mut listener, audio, Push::CHUNK, |_| ()).map_err(refused)?;
                let heard = listener.finish(|_| ());
                let again = |clips: &mut Clips| {
                    let all = audio.pieces(|pcm| {
                        clips.push(pcm);
                        Ok(())
                    });
                    all.map_err(refused)
                };
                let entry = self.entry(i, "samples", &heard, &[], listener, again)?;
                Ok((heard, Vec::new(), entry))
            }
            Item::File(path) => {
                let mut source = Source::open(path).map_err(|e| unreadable(&e))?;
                let spec = source.spec();
                check_rate(path, spec.sample_rate_hz, row.sample_rate_hz)?;
                let (format, sample_rate_hz) = (spec.format.clone(), spec.sample_rate_hz);
                let mut listener = self.listen(row, StreamSpec { sample_rate_hz, channels: spec.channels.into() })?;
                let mut push = Push::CHUNK;
                // No report of a part: it would look like the report of the whole.
                while let Some(pcm) = source.next_chunk().map_err(|e| unreadable(&e))? {
                    listener.push(pcm, push, |_| ()).map_err(refused)?;
                    push = push.same_chunk();
                }
                let heard = listener.finish(|_| ());
                let warnings: Vec<String> = source.warnings().iter().map(ToString::to_string).collect();
                let again = |clips: &mut Clips| {
                    let mut source = Source::open(path).map_err(|e| unreadable(&e))?;
                    while let Some(pcm) = source.next_chunk().map_err(|e| unreadable(&e))? {
                        clips.push(pcm);
                        if clips.is_complete() {
                            break;
                        }
                    }
                    Ok(())
                };
                let entry = self.entry(i, &format, &heard, &warnings, listener, again)?;
                Ok((heard, warnings, entry))
            }
        }
    }

    /// The entry of the page, if there is one. Where something is wrong is known by now; `again` brings the samples once more for the
    /// audio around it.
    fn entry(
        &self,
        i: usize,
        format: &str,
        (report, findings): &Heard,
        warnings: &[String],
        listener: Listener<Option<Recorder>>,
        again: impl FnOnce(&mut Clips) -> Result<(), Failure>,
    ) -> Result<Option<Entry>, Failure> {
        let (Some(look), Some(recorder)) = (self.look, listener.into_beside()) else { return Ok(None) };
        let mut clips = Clips::of(report.stream, report.samples, findings, look.audio);
        if !clips.is_complete() {
            again(&mut clips)?;
        }
        let about = PageAbout { meta: &self.metas[i], format, warnings };
        let verdicts = verdicts::judge(&self.norms, report);
        Ok(Some(Entry::of_report(about, report, findings, &verdicts, &recorder.finish(), clips)))
    }
}

/// Measures many recordings; `otoscope.probe_many` is the way to call it.
#[pyfunction]
#[pyo3(signature = (items, rates, texts, names, given, metrics, settings, norms, html, html_audio, workers, progress))]
#[allow(clippy::too_many_arguments, reason = "called by one Python function")]
pub(crate) fn _probe_rows(
    py: Python<'_>,
    items: Vec<Bound<'_, PyAny>>,
    rates: Vec<Option<i64>>,
    texts: Vec<Option<String>>,
    names: Vec<Option<String>>,
    given: Given<'_>,
    metrics: Option<&Bound<'_, PyAny>>,
    settings: Option<&Bound<'_, PyAny>>,
    norms: Option<Vec<String>>,
    html: Option<PathBuf>,
    html_audio: &str,
    workers: Option<i64>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Results> {
    let threads = work::threads(workers)?;
    let template = config(48_000, 1, metrics, settings)?;
    // What contradicts itself does so in every row.
    freeze(py, template.clone())?;
    let norms = catalogue::named(&norms.unwrap_or_default())?;
    let mut rows = Vec::with_capacity(items.len());
    for ((object, sample_rate_hz), text) in items.iter().zip(rates).zip(texts) {
        let text = text.as_deref().map(TextHint::of);
        rows.push(ProbeRow { item: Item::new("audio", object)?, sample_rate_hz, text });
    }
    let given = given_columns(&given)?;
    let names: Vec<Option<String>> = names.into_iter().zip(&rows).map(|(name, row)| name.or(row.item.name())).collect();
    let metas = names.iter().enumerate().map(|(i, name)| {
        let mut meta = StreamMeta::default();
        meta.source.clone_from(name);
        meta.labels = labels(&given, i);
        meta
    });
    let metas: Vec<StreamMeta> = metas.collect();
    let (mut page, look) =
        page::open(html, html_audio, rows.len(), |out| Document::of_reports(out, &template, rows.len()))?.unzip();
    let job = ProbeJob { plans: Plans { template, made: Mutex::default() }, norms, look, metas: &metas };
    let order: Vec<usize> = (0..rows.len()).collect();
    let progress = progress.as_ref();
    let work = |i: usize, row: &ProbeRow, (): &mut ()| job.hear(i, row);
    let heard = work::run(py, &rows, &order, threads, progress, work, |(outcome, entry)| {
        page.as_mut().map_or(Ok(()), |page| page.add(entry))?;
        Ok(outcome)
    })?;
    page.map_or(Ok(()), page::Page::finish)?;

    let ProbeJob { plans, norms, .. } = job;
    let verdicts = norm_columns(&norms, &heard);
    let quality = if plans.template.is_enabled("mos") { quality_columns(&heard) } else { Vec::new() };
    let mut reports = Vec::with_capacity(rows.len());
    for (outcome, meta) in heard.iter().zip(metas) {
        let Ok(((report, findings), _)) = outcome else {
            reports.push(None);
            continue;
        };
        reports.push(Some(Py::new(py, Report::new(*report, findings.clone(), meta))?));
    }
    let len = rows.len();
    let mut columns = given;
    columns.push(Column::new("name", About::doc("The path, or the name that was given."), Cells::Text(names)));
    columns.extend(outcome_columns(&heard));
    columns.extend(value_columns(&plans.template, &heard));
    columns.extend(quality);
    columns.extend(verdicts);
    Results::new("reports/1", columns, Rows::Reports(reports), len)
}

/// The predicted score under the caps of what was found, and what lowers it most.
fn quality_columns(heard: &[Outcomes<Heard>]) -> Vec<Column> {
    let all: Vec<Option<Quality>> = heard
        .iter()
        .map(|row| row.as_ref().ok().and_then(|((report, findings), _)| quality(report, findings)))
        .collect();
    let capped = all.iter().map(|q| q.as_ref()?.capped_mos).collect();
    let cause = all.iter().map(|q| Some(q.as_ref()?.cause()?.cause.name.to_owned())).collect();
    let about = About::unit(Unit::Mos, "The predicted score under the caps of what was found.");
    vec![
        Column::measured("quality.capped_mos", about, Cells::Float(capped)),
        Column::new("quality.cause", About::doc("What lowers it most; empty if nothing does."), Cells::Text(cause)),
    ]
}

/// Whether each norm was kept: the worst of its requirements, and what nobody measured is no pass.
fn norm_columns(norms: &[&'static Norm], heard: &[Outcomes<Heard>]) -> Vec<Column> {
    let worst = |verdicts: &[Outcome]| {
        let of = |wanted: Outcome| verdicts.contains(&wanted).then_some(wanted);
        of(Outcome::Fail).or(of(Outcome::NotMeasured)).unwrap_or(Outcome::Pass).name().to_owned()
    };
    let column = |norm: &&'static Norm| {
        let judge = |report: &Values| worst(&norm.judge(report).map(|v| v.outcome).collect::<Vec<_>>());
        let cell = |row: &Outcomes<Heard>| row.as_ref().ok().map(|((report, _), _)| judge(report));
        let about = About::doc(&format!("pass, fail or not_measured by {}.", norm.edition));
        Column::new(format!("norm.{}", norm.name), about, Cells::Text(heard.iter().map(cell).collect()))
    };
    norms.iter().map(column).collect()
}

fn value_columns(config: &Config, heard: &[Outcomes<Heard>]) -> Vec<Column> {
    let reports: Vec<Option<&Values>> = heard.iter().map(|h| h.as_ref().ok().map(|((r, _), _)| r)).collect();
    let int = |get: &dyn Fn(&Values) -> i64| Cells::Int(reports.iter().map(|r| r.map(get)).collect());
    let doc = "Findings of all kinds.";
    let worst = reports.iter().map(|r| r.and_then(|r| r.worst).map(|w| w.name().to_owned())).collect();
    let duration = reports.iter().map(|r| r.map(Values::duration_s)).collect();
    let mut columns = vec![
        Column::new("sample_rate_hz", About::unit(Unit::Hz, "Sample rate."), int(&|r| r.stream.sample_rate_hz.into())),
        Column::new("channels", About::unit(Unit::Count, "Channels."), int(&|r| r.stream.channels.into())),
        Column::measured("duration_s", About::unit(Unit::Seconds, "Duration."), Cells::Float(duration)),
        Column::measured("findings", About::unit(Unit::Count, doc), int(&|r| r.finding_count() as i64)),
        Column::new("worst", About::doc("The worst severity: info, warning or error."), Cells::Text(worst)),
    ];
    let mut values: Vec<Vec<Option<f64>>> = Vec::new();
    for report in &reports {
        let mut i = 0;
        let mut put = |x: Option<f64>| {
            if values.len() == i {
                values.push(Vec::new());
            }
            values[i].push(x);
            i += 1;
        };
        match report {
            Some(report) => report.visit(|metric, _, value| {
                if config.is_enabled(metric.name) {
                    put(value.number());
                }
            }),
            None => {
                let enabled = otoscope::SPECS.iter().filter(|m| config.is_enabled(m.name));
                enabled.flat_map(|m| m.fields).for_each(|_| put(None));
            }
        }
    }
    let mut values = values.into_iter();
    let enabled = || otoscope::SPECS.iter().filter(|m| config.is_enabled(m.name));
    for metric in enabled() {
        for field in metric.fields {
            let about = About::field(field, metric.definition, metric.revision);
            let cells = Cells::Float(values.next().unwrap_or_default());
            columns.push(Column::measured(format!("{}.{}", metric.name, field.name), about, cells));
        }
    }
    let mut counts: Vec<Vec<Option<i64>>> = Vec::new();
    for report in &reports {
        let all: Vec<Option<i64>> = match report {
            Some(report) => {
                report.counts().map(|(m, _, n)| (m, n)).map(|(m, n)| (m.name, Some(i64::from(n)))).collect::<Vec<_>>()
            }
            None => otoscope::SPECS.iter().flat_map(|m| m.kinds.iter().map(|_| (m.name, None))).collect(),
        }
        .into_iter()
        .filter(|(name, _)| config.is_enabled(name))
        .map(|(_, n)| n)
        .collect();
        counts.resize(counts.len().max(all.len()), Vec::new());
        for (column, n) in counts.iter_mut().zip(all) {
            column.push(n);
        }
    }
    let mut counts = counts.into_iter();
    for metric in enabled() {
        for kind in metric.kinds {
            let about = About::unit(Unit::Count, &format!("Findings of {} {}.", metric.name, kind.name));
            let cells = Cells::Int(counts.next().unwrap_or_default());
            columns.push(Column::measured(format!("{}.{}.findings", metric.name, kind.name), about, cells));
        }
    }
    columns
}

// ---------------------------------------------------------------------------------------------------------------------------

/// A reference, and which rows need it.
struct Shared {
    item: Item,
    sample_rate_hz: Option<i64>,
    /// Made by the first row that needs it; given back by the last.
    slot: Mutex<Slot>,
    left: AtomicUsize,
}

type Slot = Arc<OnceLock<Result<Ready, Failure>>>;

struct Ready {
    reference: Reference<'static>,
    format: String,
    warnings: Vec<String>,
}

struct Pair {
    reference: usize,
    degraded: Item,
    sample_rate_hz: Option<i64>,
}

struct Signal<'m> {
    samples: Samples<'m>,
    sample_rate_hz: u32,
    format: String,
    warnings: Vec<String>,
}

fn read<'m>(
    item: &Item,
    rate: Option<i64>,
    channel: Option<i64>,
    memory: &'m mut crate::buffer::Memory,
) -> Result<Signal<'m>, Failure> {
    match item {
        Item::Neither(message) => Err(refused(message)),
        Item::Array(audio) => {
            let sample_rate_hz = rate_of_samples(rate)?;
            let channel = pick(channel, audio.channels(), "the array").map_err(|why| refused(why.0))?;
            let (samples, format) = (audio.mono(channel, memory), "samples".to_owned());
            Ok(Signal { samples, sample_rate_hz, format, warnings: Vec::new() })
        }
        Item::File(path) => {
            let channel = channel.map(u16::try_from).transpose().map_err(|_| refused("channel: count from 0"))?;
            let mono = Mono::read(path, channel, &Limits::default()).map_err(|e| unreadable(&e))?;
            check_rate(path, mono.sample_rate_hz, rate)?;
            let Mono { sample_rate_hz, format, warnings, .. } = mono;
            let samples = match mono.samples {
                MonoSamples::I16(x) => x.into(),
                MonoSamples::F32(x) => x.into(),
            };
            let name = path.display();
            let warnings = warnings.iter().map(|w| format!("{name}: {w}")).collect();
            Ok(Signal { samples, sample_rate_hz, format, warnings })
        }
    }
}

/// Everything the threads share.
struct Job<'a> {
    plan: &'a otoscope::compare::Plan,
    references: &'a [Shared],
    channel: Option<i64>,
    /// Only if there is a page.
    look: Option<Look>,
    metas: &'a [ComparisonMeta],
}

impl Job<'_> {
    /// A pair's outcome, and its entry of the page.
    fn compare(
        &self,
        i: usize,
        pair: &Pair,
        memory: &mut ThreadMemory,
    ) -> (Outcomes<otoscope::compare::Comparison>, Option<Entry>) {
        let meta = &self.metas[i];
        with_entry(self.score(i, pair, memory), self.look, meta.degraded.as_deref(), &meta.labels)
    }

    fn score(&self, i: usize, pair: &Pair, memory: &mut ThreadMemory) -> Made<otoscope::compare::Comparison> {
        let shared = &self.references[pair.reference];
        let slot = Arc::clone(&shared.slot.lock().unwrap_or_else(PoisonError::into_inner));
        let made = slot.get_or_init(|| {
            let signal = read(&shared.item, shared.sample_rate_hz, self.channel, &mut memory.reference)?;
            let Signal { samples, sample_rate_hz, format, warnings } = signal;
            let reference = Reference::new(self.plan, samples.into_owned(), sample_rate_hz);
            Ok(Ready { reference, format, warnings })
        });
        if shared.left.fetch_sub(1, AcqRel) == 1 {
            *shared.slot.lock().unwrap_or_else(PoisonError::into_inner) = Slot::default();
        }
        let ready = made.as_ref().map_err(Clone::clone)?;
        let signal = read(&pair.degraded, pair.sample_rate_hz, self.channel, &mut memory.degraded)?;
        let comparison = ready.reference.compare(signal.samples.borrowed(), signal.sample_rate_hz, &mut memory.scratch);
        let entry = self.look.map(|look| {
            let (formats, both) = ([&*ready.format, &*signal.format], [ready.reference.samples(), &signal.samples]);
            Entry::of_comparison(&self.metas[i], formats, &comparison, both, look.detail, look.audio)
        });
        let warnings = ready.warnings.iter().cloned().chain(signal.warnings).collect();
        memory.trim();
        Ok((comparison, warnings, entry))
    }
}

/// Compares many pairs; `otoscope.compare_many` is the way to call it.
#[pyfunction]
#[pyo3(signature = (refs, degs, rates, given, metrics, align, max_delay_s, channel, frames, html, html_audio, workers, progress))]
#[allow(clippy::too_many_arguments, reason = "called by one Python function")]
pub(crate) fn _compare_rows(
    py: Python<'_>,
    refs: Vec<Bound<'_, PyAny>>,
    degs: Vec<Bound<'_, PyAny>>,
    rates: Vec<Option<i64>>,
    given: Given<'_>,
    metrics: Option<&Bound<'_, PyAny>>,
    align: &str,
    max_delay_s: f64,
    channel: Option<i64>,
    frames: bool,
    html: Option<PathBuf>,
    html_audio: &str,
    workers: Option<i64>,
    progress: Option<Py<PyAny>>,
) -> PyResult<Results> {
    let threads = work::threads(workers)?;
    // A page draws the course of the difference.
    let plan = compare::plan(metrics, align, max_delay_s, frames || html.is_some())?;
    if refs.len() != degs.len() || refs.len() != rates.len() {
        let problem = format!("{} references, {} degraded signals", refs.len(), degs.len());
        return Err(wrong_value("pairs", problem, "give one of each for every pair"));
    }
    let mut places: HashMap<(Result<PathBuf, usize>, Option<i64>), usize> = HashMap::new();
    let (mut references, mut pairs): (Vec<Shared>, Vec<Pair>) = (Vec::new(), Vec::with_capacity(refs.len()));
    for ((reference, degraded), sample_rate_hz) in refs.iter().zip(&degs).zip(rates) {
        let key = reference.extract::<PathBuf>().map_err(|_| reference.as_ptr() as usize);
        let place = *places.entry((key, sample_rate_hz)).or_insert(references.len());
        if place == references.len() {
            let item = Item::new("ref", reference)?;
            references.push(Shared { item, sample_rate_hz, slot: Mutex::default(), left: AtomicUsize::new(0) });
        }
        references[place].left.fetch_add(1, AcqRel);
        pairs.push(Pair { reference: place, degraded: Item::new("deg", degraded)?, sample_rate_hz });
    }
    let given = given_columns(&given)?;
    // Rows of one reference one after the other: it is made once, and few are kept at a time.
    let mut order: Vec<usize> = (0..pairs.len()).collect();
    order.sort_by_key(|&i| pairs[i].reference);
    let (refs, degs): (Vec<_>, Vec<_>) =
        pairs.iter().map(|pair| (references[pair.reference].item.name(), pair.degraded.name())).unzip();
    let both = refs.iter().zip(&degs).enumerate();
    let metas: Vec<ComparisonMeta> = both.map(|(i, (r, d))| meta(r.clone(), d.clone(), labels(&given, i))).collect();
    let (mut page, look) =
        page::open(html, html_audio, pairs.len(), |out| Document::of_comparisons(out, &plan, pairs.len()))?.unzip();
    let job = Job { plan: &plan, references: &references, channel, look, metas: &metas };
    let progress = progress.as_ref();
    let work = |i: usize, pair: &Pair, memory: &mut ThreadMemory| job.compare(i, pair, memory);
    let compared = work::run(py, &pairs, &order, threads, progress, work, |(outcome, entry)| {
        page.as_mut().map_or(Ok(()), |page| page.add(entry))?;
        Ok(outcome)
    })?;
    page.map_or(Ok(()), page::Page::finish)?;

    let mut comparisons = Vec::with_capacity(pairs.len());
    for (outcome, meta) in compared.iter().zip(metas) {
        comparisons.push(match outcome {
            Ok((comparison, _)) => Some(Py::new(py, Comparison::new(comparison.clone(), meta))?),
            Err(_) => None,
        });
    }
    let len = pairs.len();
    let mut columns = given;
    columns.push(Column::new("ref", About::doc("The file as it should be."), Cells::Text(refs)));
    columns.push(Column::new("deg", About::doc("The file that is judged."), Cells::Text(degs)));
    columns.extend(outcome_columns(&compared));
    columns.extend(score_columns(&plan, &compared));
    Results::new("comparisons/1", columns, Rows::Comparisons(comparisons), len)
}

fn score_columns(plan: &otoscope::compare::Plan, compared: &[Outcomes<otoscope::compare::Comparison>]) -> Vec<Column> {
    let mut columns = Vec::new();
    let of = |i: usize| compared.iter().map(move |c| c.as_ref().ok().and_then(|(c, _)| c.scores.get(i)));
    if plan.align() == otoscope::compare::Align::Delay {
        let delay = compared.iter().map(|c| c.as_ref().ok().and_then(|(c, _)| c.alignment.delay_samples)).collect();
        let about = About::unit(Unit::Samples, "How much later the degraded signal is.");
        columns.push(Column::measured("delay_samples", about, Cells::Int(delay)));
    }
    for (i, (key, spec, preset)) in plan.scores().enumerate() {
        for field in spec.fields {
            let number = |s: Option<&Scored>| s.and_then(|s| s.field(field.name)).and_then(|v| v.number());
            let about = About::field(field, preset.definition, spec.revision);
            let cells = Cells::Float(of(i).map(number).collect());
            columns.push(Column::measured(format!("{key}.{}", field.name), about, cells));
        }
        let status = of(i).zip(compared).map(|(scored, row)| match (scored, row) {
            (Some(scored), _) => Some(scored.status().to_owned()),
            (None, Err(failure)) => Some(failure.status.to_owned()),
            (None, Ok(_)) => None,
        });
        let about = About::doc("ok, or why there is no score.");
        columns.push(Column::new(format!("{key}.status"), about, Cells::Text(status.collect())));
    }
    let warned = compared.iter().map(|c| {
        let (comparison, _) = c.as_ref().ok()?;
        let told: Vec<String> = comparison
            .scores
            .iter()
            .flat_map(|s| s.warnings.iter().map(|w| format!("{}: {}", s.key, w.name())))
            .collect();
        (!told.is_empty()).then(|| told.join("; "))
    });
    let about = About::doc("What a reader should know of scores; `Comparison.warnings` has the sentences.");
    columns.push(Column::new("warnings", about, Cells::Text(warned.collect())));
    columns
}

/// One score of one pair, for functions of other packages: the score, else the name of the reason and a sentence.
#[pyfunction]
pub(crate) fn _score<'py>(
    py: Python<'py>,
    r#ref: &Bound<'py, PyAny>,
    deg: &Bound<'py, PyAny>,
    sample_rate_hz: u32,
    score: &str,
) -> PyResult<(Option<f64>, &'static str, String)> {
    let plan = compare::named_plan(score)?;
    let (reference, degraded) = (Audio::new("ref", r#ref)?, Audio::new("deg", deg)?);
    let comparison = py.detach(|| compare::of_arrays(&plan, &reference, &degraded, sample_rate_hz));
    Ok(match comparison.scores.first() {
        Some(scored) => (scored.value(), scored.status(), message(scored)),
        None => (None, "undefined", String::new()),
    })
}

fn message(scored: &Scored) -> String {
    scored.values.as_ref().err().map(ToString::to_string).unwrap_or_default()
}
