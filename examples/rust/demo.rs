//! The demo: Otoscope listens to clean speech, then to a simulated server with five faults, and says what it heard.
//!
//! `make demo`. Ends with a failure if a fault is missed or found more than 20 ms from where it is.

use anstream::println;
use anstyle::{AnsiColor, Style};
use otoscope::{Config, Finding, FindingLog, Probe, Push, Report, Severity, StreamSpec, message, specs_of};
use otoscope_fixtures::faults::{self, Truth};
use otoscope_fixtures::speech::{self, Clip};
use otoscope_fixtures::take::{Schedule, Take};
use std::process::ExitCode;

const BOLD: Style = Style::new().bold();
const DIM: Style = Style::new().dimmed();
const GREEN: Style = AnsiColor::Green.on_default();
const RED: Style = AnsiColor::Red.on_default();
const YELLOW: Style = AnsiColor::Yellow.on_default();

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<ExitCode, Failure> {
    println!("{BOLD}1. Clean speech{BOLD:#}   eight voices, sent in chunks of 100 ms at 0.6 of real time\n");
    println!("{DIM}   voice              rate    length    loudness   true peak   speech    findings{DIM:#}");
    for clip in speech::clips()? {
        clean(&clip)?;
    }

    println!("\n{BOLD}2. A server with five faults{BOLD:#}   a neural voice, 12 s, the same chunks\n");
    let (take, truths) = faulty_stream()?;
    println!("{DIM}   at         heard live{DIM:#}");
    let (report, findings) = listen(&take, |f, rate| {
        if f.state != otoscope::State::Closed {
            println!("   {:7.3} s  {}", f.start_sample as f64 / f64::from(rate), sentence(f, rate));
        }
    })?;

    println!("\n{BOLD}3. What was done to it, and what was heard{BOLD:#}\n");
    println!("{DIM}   fault        truth        heard        off by    as{DIM:#}");
    let rate = f64::from(take.sample_rate_hz);
    let mut all = true;
    for (truth, answers) in &truths {
        let heard = findings.iter().filter(|f| answers.contains(&name(f).as_str()));
        let nearest = heard.min_by_key(|f| f.start_sample.abs_diff(truth.start_sample));
        let at = truth.start_sample as f64 / rate;
        match nearest {
            Some(f) => {
                let off_ms = (f.start_sample as f64 - truth.start_sample as f64) / rate * 1000.0;
                let good = off_ms.abs() <= 20.0;
                all &= good;
                let colour = if good { GREEN } else { RED };
                let heard_at = f.start_sample as f64 / rate;
                println!(
                    "   {:11} {at:7.3} s    {heard_at:7.3} s  {colour}{off_ms:+8.2} ms{colour:#}    {}",
                    truth.fault,
                    name(f)
                );
            }
            None => {
                all = false;
                println!("   {:11} {at:7.3} s    {RED}not heard{RED:#}", truth.fault);
            }
        }
    }
    let others = findings.len() - truths.len().min(findings.len());
    println!("\n   {} findings in all, {others} beside the five.", report.finding_count());
    let number = |key: &str| report.value(key).and_then(|v| v.number()).unwrap_or(f64::NAN);
    println!(
        "   First audio after {:.0} ms, real-time factor {:.2}, the listener waited {:.0} ms in all.",
        number("continuity.first_audio_ms"),
        number("continuity.generation_rtf_ratio"),
        number("continuity.stalls_100_ms")
    );
    println!("\nTry it: cargo run --release -p otoscope-cli -- probe fixtures/speech");
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn name(f: &Finding) -> String {
    specs_of(f).map_or_else(String::new, |(m, k)| format!("{}.{}", m.name, k.name))
}

fn sentence(f: &Finding, rate: u32) -> String {
    let colour = match f.severity {
        Severity::Error => RED,
        Severity::Warning => YELLOW,
        Severity::Info => DIM,
    };
    format!("{colour}{:7}{colour:#}  {:24} {}", f.severity.name(), name(f), message(f, rate))
}

/// Listens as a server's probe would: request, chunks with their times, findings as they come.
fn listen(take: &Take, mut live: impl FnMut(&Finding, u32)) -> Result<(Report, Vec<Finding>), Failure> {
    let plan = Config::new(StreamSpec::mono(take.sample_rate_hz)).freeze()?;
    let mut probe = Probe::new(&plan);
    let mut log = FindingLog::new();
    probe.push_f32(&[], Push::at(0))?;
    let mut hear = |probe: &mut Probe| {
        while let Some(finding) = probe.poll_finding() {
            live(&finding, take.sample_rate_hz);
            log.add(finding);
        }
    };
    for (samples, arrival_ns) in take.pushes() {
        probe.push_f32(samples, arrival_ns.map_or(Push::CHUNK, Push::at))?;
        hear(&mut probe);
    }
    let report = probe.finish();
    hear(&mut probe);
    Ok((report, log.into_sorted()))
}

fn clean(clip: &Clip) -> Result<(), Failure> {
    let take = Take::from_clip(clip).chunked(100.0, &Schedule::real_time(0.6))?;
    let (report, findings) = listen(&take, |_, _| {})?;
    let number = |key: &str| report.value(key).and_then(|v| v.number()).unwrap_or(f64::NAN);
    let verdict = match findings.len() {
        0 => format!("{GREEN}none{GREEN:#}"),
        n => format!("{YELLOW}{n}{YELLOW:#}"),
    };
    println!(
        "   {:16} {:6} Hz  {:5.2} s  {:6.1} LUFS  {:5.1} dBTP  {:5.2} s    {verdict}",
        clip.name,
        clip.sample_rate_hz,
        report.duration_s(),
        number("loudness.integrated_lufs"),
        number("true_peak.max_dbtp"),
        number("level.speech_s"),
    );
    for f in &findings {
        println!(
            "      {:7.3} s  {}",
            f.start_sample as f64 / f64::from(clip.sample_rate_hz),
            sentence(f, clip.sample_rate_hz)
        );
    }
    Ok(())
}

/// A fault with the findings that answer it.
type Answered = (Truth, &'static [&'static str]);

/// Two utterances of a neural voice in a row, and five faults at least 0.3 s apart.
fn faulty_stream() -> Result<(Take, Vec<Answered>), Failure> {
    const FAULTS: [(&str, f64, &[&str]); 5] = [
        ("join_step", 0.1, &["join.step"]),
        ("gap", 60.0, &["dropout.hole"]),
        ("clip", 6.0, &["clipping.rail"]),
        ("nan", 10.0, &["validity.not_finite"]),
        ("late_chunk", 1000.0, &["continuity.stall"]),
    ];
    let mut samples = speech::load("en_piper_joe_1")?.samples_f32();
    let second = speech::load("en_piper_joe_2")?;
    samples.extend(second.samples_f32());
    let mut take = Take::new(second.sample_rate_hz, samples).chunked(100.0, &Schedule::real_time(0.9))?;
    let apart = u64::from(take.sample_rate_hz) * 3 / 10;
    let mut truths: Vec<Answered> = Vec::new();
    for (fault, severity, answers) in FAULTS {
        for seed in 0..1000 {
            let mut next = take.clone();
            let new = faults::inject(fault, &mut next, Some(severity), seed)?;
            let clear = |t: &Truth| truths.iter().all(|(o, _)| t.start_sample.abs_diff(o.start_sample) > apart);
            if new.iter().all(clear) {
                take = next;
                truths.extend(new.into_iter().map(|t| (t, answers)));
                break;
            }
        }
    }
    truths.sort_by_key(|(t, _)| t.start_sample);
    Ok((take, truths))
}
