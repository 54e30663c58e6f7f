//! `otoscope listen`: raw PCM on stdin as a live stream.
//!
//! One thread reads and stamps, the other listens. So a read is stamped when it comes however long a push takes, and
//! while nothing comes the probe is told that time passes: a stall is a finding while it lasts.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant, SystemTime};

use otoscope::{Finding, Listener, Pcm, Push, PushError, Report, StreamMeta, StreamSpec};
use otoscope_decode::{Limits, Source};

use crate::config::{Plans, labels};
use crate::norms;
use crate::probe::{PcmFormat, ReportArgs};
use crate::problem::{Problem, Stop};
use crate::table;
use crate::term::{self, note};

/// How long nothing may come before the probe is told.
const PATIENCE: Duration = Duration::from_millis(20);
/// With `--ndjson`, reports of a running stream are at least this far apart.
const BETWEEN_REPORTS: Duration = Duration::from_millis(500);
/// Reads that may wait for the listener before reading pauses.
const WAITING: usize = 64;

/// What `--help` says at its end.
const MORE: &str = "\
The time to first audio counts from the start of this program. With --ndjson a report of the stream so far is printed \
when there are new findings, its `rev` rising; the last line has `ended_at`. Ctrl-C or SIGTERM ends the stream and gives the report.

Example:
  curl -sN https://tts.example/speak.pcm | otoscope listen --rate 24000 --format s16le --chunk-ms 200";

/// Listen to raw PCM on standard input as it arrives
#[derive(Debug, clap::Args)]
#[command(after_help = MORE)]
pub struct Args {
    /// Sample rate
    #[arg(long, value_name = "HZ")]
    rate: u32,
    /// How samples are written
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: PcmFormat,
    /// Channels, interleaved
    #[arg(long, value_name = "N", default_value_t = 1)]
    channels: u16,
    /// Every N ms of audio are one chunk of the server (otherwise its joins are not known)
    #[arg(long, value_name = "N")]
    chunk_ms: Option<f64>,
    #[command(flatten)]
    report: ReportArgs,
}

/// Samples of one read.
enum Samples {
    I16(Vec<i16>),
    F32(Vec<f32>),
}

/// What happens on stdin.
enum Event {
    /// A read, and when it came.
    Read(i64, Samples),
    /// The end: what was left out, and what went wrong.
    End(Vec<String>, Option<Problem>),
    /// The user has heard enough.
    Interrupt,
}

/// Runs the command; returns the exit code.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let plans = Plans::new(args.report.metrics.build()?);
    let mut meta = StreamMeta::default();
    meta.labels = labels(&args.report.label)?;
    meta.report_id = Some(uuid::Uuid::now_v7().to_string());
    meta.source = Some("stdin".to_owned());
    let norms = args.report.norms()?;
    let stream = StreamSpec { sample_rate_hz: args.rate, channels: args.channels.into() };
    let edges = Edges::new(args.rate, args.chunk_ms)?;
    let text = args.report.text.hint()?;
    let plan = plans.get(stream).map_err(|e| {
        Problem::new("listen", e.to_string(), "say how the samples are written with --rate and --channels")
    })?;
    let source = Source::raw(Box::new(io::stdin()), args.format.into(), args.rate, args.channels, &Limits::default())
        .map_err(|e| Problem::decoding("stdin", &e))?;
    let format = source.spec().format.clone();

    let start = Instant::now();
    meta.started_at = Some(now());
    let (sender, events) = sync_channel(WAITING);
    let interrupted = sender.clone();
    let again = AtomicBool::new(false);
    // The first Ctrl-C ends the stream and gives the report, the second ends the program. Where no handler can be set,
    // the first one does.
    let _ = ctrlc::set_handler(move || {
        if again.swap(true, Relaxed) || interrupted.send(Event::Interrupt).is_err() {
            std::process::exit(130);
        }
    });
    std::thread::spawn(move || read(source, start, &sender));

    let mut listener = Listener::new(&plan);
    listener.expect(text).map_err(bug)?;
    let mut live = Live { args, meta, stream, listener, edges, stop: None, shown: start };
    let end = live.listen(&events, start)?;
    let (report, findings, meta) = live.finish()?;
    let verdicts = norms::judge(&norms, &report);
    let mut code = args.report.code(report.worst.max(norms::worst(&verdicts)));
    if let Some((warnings, problem)) = end {
        warnings.iter().for_each(|w| note(&format!("otoscope: stdin: warning: {w}")));
        if let Some(problem) = problem {
            term::complain(&problem);
            code = 2;
        }
    }
    if args.report.json || args.report.ndjson {
        term::print(&format!("{}\n", report.to_json_with(&meta, &findings, &verdicts)))?;
    } else {
        let header = table::header("stdin", &format, &report);
        let mut values = table::values(&report, plans.template());
        let capped = table::capped(&report, &findings);
        if !capped.is_empty() {
            values = format!("{values}\n{capped}");
        }
        if !verdicts.is_empty() {
            values = format!("{values}\n{}", norms::verdicts(&verdicts));
        }
        let found = table::findings(&report, &findings, usize::MAX);
        term::print(&format!("\n{header}\n{values}\n{found}"))?;
    }
    Ok(code)
}

/// Wall-clock time, RFC 3339.
fn now() -> String {
    humantime::format_rfc3339_millis(SystemTime::now()).to_string()
}

fn since(start: Instant) -> i64 {
    i64::try_from(start.elapsed().as_nanos()).unwrap_or(i64::MAX)
}

/// Reads until the end, stamping each read.
fn read(mut source: Source, start: Instant, events: &SyncSender<Event>) {
    loop {
        let event = match source.next_chunk() {
            Ok(Some(Pcm::I16(samples))) => Event::Read(since(start), Samples::I16(samples.to_vec())),
            Ok(Some(Pcm::F32(samples))) => Event::Read(since(start), Samples::F32(samples.to_vec())),
            other => {
                let problem = other.err().map(|e| Problem::decoding("stdin", &e));
                Event::End(source.warnings().iter().map(ToString::to_string).collect(), problem)
            }
        };
        let is_end = matches!(event, Event::End(..));
        if events.send(event).is_err() || is_end {
            return;
        }
    }
}

/// Where the chunks of the server begin, if that is known.
struct Edges {
    /// Samples per chunk; a fraction where the rate does not divide evenly.
    step: Option<f64>,
    /// Edges passed so far.
    passed: u64,
}

impl Edges {
    fn new(rate: u32, chunk_ms: Option<f64>) -> Result<Self, Problem> {
        let step = chunk_ms.map(|ms| ms * f64::from(rate) / 1000.0);
        match step {
            Some(step) if !(1.0..=1e12).contains(&step) => {
                Err(Problem::new("--chunk-ms", "a chunk must hold at least one sample", "give a length such as 200"))
            }
            step => Ok(Self { step, passed: 0 }),
        }
    }

    /// The push for samples at `position`, and how many samples there are up to the next edge.
    fn push(&mut self, t_ns: i64, position: u64) -> (Push, u64) {
        let push = Push::at(t_ns);
        let Some(step) = self.step else { return (push.same_chunk(), u64::MAX) };
        // Edge k lies at the sample nearest to k chunks, so that nothing drifts.
        let edge = |k: u64| (k as f64 * step).round() as u64;
        let is_edge = edge(self.passed) == position;
        if is_edge {
            self.passed += 1;
        }
        let room = edge(self.passed) - position;
        if is_edge { (push, room) } else { (push.same_chunk(), room) }
    }
}

/// A stream that is being listened to.
struct Live<'a> {
    args: &'a Args,
    meta: StreamMeta,
    stream: StreamSpec,
    listener: Listener,
    edges: Edges,
    /// Why nothing more can be printed.
    stop: Option<Stop>,
    /// When the last report of the running stream was printed.
    shown: Instant,
}

/// What the reader left out and what went wrong; nothing if the user ended it.
type End = Option<(Vec<String>, Option<Problem>)>;

impl Live<'_> {
    /// Listens until the stream ends.
    fn listen(&mut self, events: &Receiver<Event>, start: Instant) -> Result<End, Stop> {
        // The newest time the probe knows. A read may have been stamped just before a tick that went in first.
        let mut latest = 0;
        let mut news = self.give(Pcm::I16(&[]), Push::at(latest))?;
        loop {
            let samples = match events.recv_timeout(PATIENCE) {
                Ok(Event::Read(t_ns, samples)) => {
                    latest = latest.max(t_ns);
                    Some(samples)
                }
                Ok(Event::End(warnings, problem)) => return Ok(Some((warnings, problem))),
                Ok(Event::Interrupt) | Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => {
                    latest = latest.max(since(start));
                    None
                }
            };
            news |= match &samples {
                Some(Samples::I16(samples)) => self.cut(Pcm::I16(samples), latest)?,
                Some(Samples::F32(samples)) => self.cut(Pcm::F32(samples), latest)?,
                None => self.give(Pcm::I16(&[]), Push::at(latest))?,
            };
            if news && self.args.report.ndjson && self.shown.elapsed() >= BETWEEN_REPORTS {
                self.shown = Instant::now();
                let json = self.listener.snapshot().to_json(&self.meta, self.listener.log().findings());
                self.meta.rev += 1;
                news = false;
                term::print(&format!("{json}\n"))?;
            }
        }
    }

    /// Pushes one read, cut at the edges of the server's chunks.
    fn cut(&mut self, chunk: Pcm<'_>, t_ns: i64) -> Result<bool, Stop> {
        let channels = usize::from(self.args.channels);
        let (mut at, mut news) = (0, false);
        while at < chunk.len() {
            let (push, room) = self.edges.push(t_ns, self.listener.samples());
            let room = usize::try_from(room).ok().and_then(|n| n.checked_mul(channels)).unwrap_or(usize::MAX);
            let end = at + room.min(chunk.len() - at);
            news |= self.give(chunk.part(at, end), push)?;
            at = end;
        }
        Ok(news)
    }

    /// Pushes, and tells findings as they come; says whether there were any.
    fn give(&mut self, chunk: Pcm<'_>, push: Push) -> Result<bool, Stop> {
        let mut heard = Vec::new();
        self.listener.push(chunk, push, |f| heard.push(*f)).map_err(bug)?;
        heard.iter().for_each(|f| tell(&self.args.report, f, self.stream, &mut self.stop));
        self.stop.take().map_or(Ok(!heard.is_empty()), Err)
    }

    /// The final report.
    fn finish(mut self) -> Result<(Report, Vec<Finding>, StreamMeta), Stop> {
        self.meta.ended_at = Some(now());
        let stream = self.stream;
        let (args, stop) = (&self.args.report, &mut self.stop);
        let (report, findings) = self.listener.finish(|f| tell(args, f, stream, stop));
        self.stop.map_or(Ok((report, findings, self.meta)), Err)
    }
}

/// Prints a finding as it happens: on stdout for people; on stderr where stdout is for the report.
fn tell(args: &ReportArgs, finding: &Finding, stream: StreamSpec, stop: &mut Option<Stop>) {
    let line = table::live(finding, stream);
    if args.json {
        if !args.quiet {
            note(line.trim_end());
        }
    } else if !args.ndjson && stop.is_none() {
        *stop = term::print(&line).err();
    }
}

fn bug(error: PushError) -> Stop {
    Problem::new("stdin", error.to_string(), "report this bug").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn edges_follow_the_length_without_drift() {
        let mut edges = Edges::new(22_050, Some(30.0)).expect("661.5 samples");
        let mut starts = Vec::new();
        let mut position = 0;
        while position < 4_000 {
            let (push, room) = edges.push(5, position);
            if !push.same_chunk {
                starts.push(position);
            }
            position += room.min(500);
        }
        assert_eq!(starts, [0, 662, 1323, 1985, 2646, 3308, 3969]);
        assert!(Edges::new(8_000, Some(0.1)).is_err() && Edges::new(8_000, Some(f64::NAN)).is_err());
    }

    #[test]
    fn without_a_length_no_read_is_an_edge() {
        let mut edges = Edges::new(8_000, None).expect("nothing to check");
        assert_eq!(edges.push(7, 0), (Push::at(7).same_chunk(), u64::MAX));
    }
}
