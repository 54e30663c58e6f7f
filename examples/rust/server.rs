//! A text-to-speech server with a probe in it: the fewest lines that do the job.
//!
//! `cargo run -p otoscope-examples --bin server`

use otoscope::{Config, FindingLog, Probe, Push, StreamMeta, StreamSpec};
use std::time::Instant;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // Once, when the server starts: what to measure on its streams. The plan is shared by all probes and threads.
    let mut config = Config::new(StreamSpec::mono(24_000));
    config.set("continuity.cushion_ms", 200.0)?;
    let plan = config.freeze()?;

    // Once per stream, or from a pool.
    let mut probe = Probe::new(&plan);
    let clock = Instant::now();
    let now_ns = || i64::try_from(clock.elapsed().as_nanos()).unwrap_or(i64::MAX);

    // The request arrives: a push of no samples starts the clock for the time to first audio.
    probe.push_i16(&[], Push::at(now_ns()))?;

    // Every chunk the engine hands over, on the thread that has it. No allocation, no lock, no system call of the probe's.
    for chunk in engine() {
        probe.push_i16(&chunk, Push::at(now_ns()))?;
        while let Some(finding) = probe.poll_finding() {
            eprintln!("{}: {}", otoscope::kind_name(&finding), otoscope::message(&finding, 24_000));
        }
    }

    // The stream ends: the report goes wherever reports go.
    let report = probe.finish();
    let mut log = FindingLog::new();
    log.drain(&mut probe);
    let mut meta = StreamMeta::default();
    meta.labels.push(("voice".into(), "jf_alpha".into()));
    println!("{}", report.to_json(&meta, &log.into_sorted()));
    probe.reset();
    Ok(())
}

/// Stands in for an engine: speech in chunks of 100 ms.
fn engine() -> impl Iterator<Item = Vec<i16>> {
    let clip = otoscope_fixtures::speech::load("ja_kokoro_alpha").expect("the committed speech");
    let chunks: Vec<Vec<i16>> = clip.samples.chunks(2_400).map(<[i16]>::to_vec).collect();
    chunks.into_iter()
}
