//! `otoscope inject`: a known fault at a known place, to see whether it is found.

use std::path::{Path, PathBuf};

use otoscope::{ChunkStart, Pcm};
use otoscope_decode::Source;
use otoscope_fixtures::faults::{self, FaultError, FaultSpec, Truth};
use otoscope_fixtures::num::db_to_ratio;
use otoscope_fixtures::signals;
use otoscope_fixtures::take::{Schedule, Take};

use crate::chunks;
use crate::problem::{Problem, Stop};
use crate::table::clock;
use crate::term::{BOLD, DIM, note, paint, print};

/// Chunks of a stream when a fault needs some and nothing else is said.
const CHUNK_MS: f64 = 200.0;
/// A server that is always just in time: there is no stall but the injected one, and nothing in hand that would hide it.
const REAL_TIME_FACTOR: f64 = 1.0;

/// What `--help` says at its end.
const MORE: &str = "\
Examples:
  otoscope inject --list
  otoscope inject gap speech.flac bad.wav --severity 60 && otoscope probe bad.wav
  otoscope inject join_step speech.flac bad.wav && otoscope probe bad.wav --chunks bad.chunks.csv";

/// Put a known fault into a recording, with a file that says where it is
#[derive(Debug, clap::Args)]
#[command(after_help = MORE)]
pub struct Args {
    /// The fault
    #[arg(required_unless_present = "list")]
    fault: Option<String>,
    /// The recording to damage
    #[arg(value_name = "IN", required_unless_present = "list")]
    input: Option<PathBuf>,
    /// The WAV file to write
    #[arg(value_name = "OUT", required_unless_present = "list")]
    output: Option<PathBuf>,
    /// List the faults with their severities
    #[arg(long, conflicts_with_all = ["fault", "input", "output"])]
    list: bool,
    /// How bad, in the unit of the fault
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    severity: Option<f64>,
    /// The place is drawn from this number
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Turn the recording up or down before, to make room for faults that raise the level
    #[arg(long, value_name = "DB", allow_negative_numbers = true, default_value_t = 0.0)]
    gain_db: f64,
    /// Stream it in chunks of this length (200 for faults that need chunks) and write OUT.chunks.csv
    #[arg(long, value_name = "MS")]
    chunk_ms: Option<f64>,
    /// Where to write what was done; OUT.truth.json unless said otherwise
    #[arg(long, value_name = "FILE")]
    truth: Option<PathBuf>,
}

/// Runs the command; returns the exit code.
pub fn run(args: &Args) -> Result<u8, Stop> {
    let (Some(fault), Some(input), Some(output)) = (&args.fault, &args.input, &args.output) else {
        return list().map(|()| 0);
    };
    let spec = faults::find(fault).ok_or_else(|| unknown(fault))?;
    check_output(input, output)?;
    let (mut take, is_16_bit) = read(input)?;
    if args.gain_db != 0.0 {
        signals::scale(&mut take.samples, db_to_ratio(args.gain_db));
    }
    if spec.needs_chunks || args.chunk_ms.is_some() {
        let schedule = Schedule::real_time(REAL_TIME_FACTOR);
        take = take
            .chunked(args.chunk_ms.unwrap_or(CHUNK_MS), &schedule)
            .map_err(|e| Problem::new("--chunk-ms", e.to_string(), "give a length such as 200"))?;
    }
    let truth = faults::inject(fault, &mut take, args.severity, args.seed).map_err(|e| refused(input, spec, &e))?;

    // Only floats hold what is no number; everything else stays in the format it came in.
    let as_floats = !is_16_bit || take.samples.iter().any(|x| !x.is_finite());
    write_wav(output, &take, as_floats)?;
    let truth_file = args.truth.clone().unwrap_or_else(|| output.with_extension("truth.json"));
    let source = input.display().to_string();
    write(&truth_file, &format!("{}\n", faults::truth_json(&source, take.sample_rate_hz, &truth)))?;
    let mut written = vec![output.display().to_string(), truth_file.display().to_string()];
    if !take.chunks.is_empty() {
        let file = output.with_extension("chunks.csv");
        write(&file, &chunks::to_csv(rows(&take)))?;
        written.push(file.display().to_string());
    }
    let lines: String = truth.iter().map(|t| told(t, take.sample_rate_hz)).collect();
    print(&format!("{lines} wrote {}\n", written.join(", "))).map(|()| 0)
}

/// The chunks of a take as `probe --chunks` reads them. Times count from the request, so the request is at 0.
fn rows(take: &Take) -> impl Iterator<Item = ChunkStart> {
    let request = ChunkStart { start_sample: 0, arrival_ns: Some(0) };
    let chunks =
        take.chunks.iter().map(|c| ChunkStart { start_sample: c.start_sample, arrival_ns: Some(c.arrival_ns) });
    std::iter::once(request).chain(chunks)
}

fn told(truth: &Truth, rate: u32) -> String {
    let (start, end) = (clock(truth.start_sample, rate), clock(truth.end_sample, rate));
    let when = if start == end { start } else { format!("{start} - {end}") };
    let severity = format!("{} {}", truth.severity, truth.unit);
    format!(" {}  {when}  {}  {}\n", paint(BOLD, truth.fault), severity.trim(), truth.note)
}

/// Two lines a fault: its ladder, and what it does.
fn list() -> Result<(), Stop> {
    let text: String = faults::catalogue()
        .iter()
        .map(|spec| {
            let needs = match (spec.needs_speech, spec.needs_chunks) {
                (true, true) => "; needs speech and chunks",
                (true, false) => "; needs speech",
                (false, true) => "; needs chunks",
                (false, false) => "",
            };
            let name = paint(BOLD, &format!("{:16}", spec.name));
            let fine = paint(DIM, &format!("(default {}{needs})", spec.default_severity));
            format!(" {name}  {} {}  {fine}\n {:16}  {}\n", steps(spec), spec.unit, "", spec.doc)
        })
        .collect();
    print(&text)
}

/// The ladder of severities.
fn steps(spec: &FaultSpec) -> String {
    spec.severities.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

fn unknown(fault: &str) -> Problem {
    Problem::new("inject", FaultError::Unknown(fault.to_owned()).to_string(), "`otoscope inject --list` lists them")
}

fn refused(input: &Path, spec: &FaultSpec, error: &FaultError) -> Problem {
    let place = input.display().to_string();
    let advice = match error {
        FaultError::Severity { .. } => {
            return Problem::new("--severity", error.to_string(), format!("try {} {}", steps(spec), spec.unit));
        }
        // A little more than needed, so that rounding does not ask again.
        FaultError::NoHeadroom { fault, missing_db } => {
            let gain = (missing_db * 10.0).ceil() / 10.0 + 0.1;
            let what = format!("{fault}: would exceed full scale by {missing_db:.1} dB");
            return Problem::new(place, what, format!("turn it down with --gain-db -{gain:.1}"));
        }
        FaultError::NoChunks(_) => "give shorter chunks with --chunk-ms",
        FaultError::NoSpeech(_) => "give a recording of speech",
        FaultError::NoPlace { .. } => "try another --seed, a milder --severity or a longer recording",
        _ => "give another recording",
    };
    Problem::new(place, error.to_string(), advice)
}

fn check_output(input: &Path, output: &Path) -> Result<(), Problem> {
    let place = output.display().to_string();
    if output.extension().is_none_or(|e| !e.eq_ignore_ascii_case("wav")) {
        return Err(Problem::new(place, "faults are written into WAV files", "give a name that ends in .wav"));
    }
    match (input.canonicalize(), output.canonicalize()) {
        (Ok(a), Ok(b)) if a == b => {
            Err(Problem::new(place, "it is the recording itself", "give another name; the original is kept"))
        }
        _ => Ok(()),
    }
}

/// Reads a recording as one channel; and whether its samples have at most 16 bits.
fn read(path: &Path) -> Result<(Take, bool), Problem> {
    let name = path.display().to_string();
    let told = |e| Problem::decoding(&name, &e);
    let mut source = Source::open(path).map_err(told)?;
    let (mut samples, mut is_16_bit) = (Vec::new(), true);
    while let Some(chunk) = source.next_chunk().map_err(told)? {
        is_16_bit &= matches!(chunk, Pcm::I16(_));
        chunk.append_f32(&mut samples);
    }
    source.warnings().iter().for_each(|w| note(&format!("otoscope: {name}: warning: {w}")));
    let channels = usize::from(source.spec().channels);
    if channels > 1 {
        note(&format!("otoscope: {name}: {channels} channels were mixed to one: faults are put into mono"));
        samples = samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
    }
    if samples.is_empty() {
        return Err(Problem::new(name, "it holds no samples", "give a recording of speech"));
    }
    Ok((Take::new(source.spec().sample_rate_hz, samples), is_16_bit))
}

fn write(path: &Path, text: &str) -> Result<(), Problem> {
    std::fs::write(path, text).map_err(|e| Problem::writing(path, &e))
}

fn write_wav(path: &Path, take: &Take, as_floats: bool) -> Result<(), Problem> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: take.sample_rate_hz,
        bits_per_sample: if as_floats { 32 } else { 16 },
        sample_format: if as_floats { hound::SampleFormat::Float } else { hound::SampleFormat::Int },
    };
    let write_all = || -> hound::Result<()> {
        let mut wav = hound::WavWriter::create(path, spec)?;
        if as_floats {
            take.samples.iter().try_for_each(|&x| wav.write_sample(x))?;
        } else {
            take.to_i16().into_iter().try_for_each(|x| wav.write_sample(x))?;
        }
        wav.finalize()
    };
    write_all().map_err(|error| match error {
        hound::Error::IoError(e) => Problem::writing(path, &e),
        e => Problem::new(path.display().to_string(), format!("cannot be written: {e}"), "give a shorter recording"),
    })
}
