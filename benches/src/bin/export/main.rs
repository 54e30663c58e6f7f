//! What exporting costs: handing over a report on the audio thread; records a second through the spool and out of it, beside plain loops that
//! send the same bytes. `cargo run --release -p otoscope-benches --bin export [FOLDER]`; the folder should be on the disk in question. Kafka and
//! a search store too, which have to run: `make bench-stores`.
#![forbid(unsafe_code)]

#[cfg(feature = "stores")]
mod stores;

use otoscope::{Config, Finding, Listener, Pcm, Push, Report, StreamSpec};
use otoscope_export::sinks::ndjson::Ndjson;
use otoscope_export::{Disk, Pump, PumpOptions, Reader, Sink, Spool, SpoolOptions, Submission};
use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const RECORDS: u64 = 100_000;
const ROUNDS: usize = 5;

/// All metrics, and three findings.
pub(crate) fn heard() -> Result<(Report, Vec<Finding>), Box<dyn Error>> {
    let mut pcm: Vec<i16> = (0..72_000)
        .map(|i| {
            let t = f64::from(i) / 24_000.0;
            (9000.0
                * (std::f64::consts::TAU * (220.0 * t + 2.0 * (5.0 * t).sin())).sin()
                * (1.0 + 0.2 * (13.0 * t).sin())) as i16
        })
        .collect();
    pcm[20_000..20_600].fill(0);
    pcm[50_000..50_060].fill(i16::MAX);
    let plan = Config::new(StreamSpec::mono(24_000)).freeze()?;
    let mut listener = Listener::new(&plan);
    for (i, chunk) in pcm.chunks(480).enumerate() {
        listener.push(Pcm::I16(chunk), Push::at(20_000_000 * i as i64), |_| ())?;
    }
    let (report, mut findings) = listener.finish(|_| ());
    findings.truncate(3);
    Ok((report, findings))
}

/// How long an audio thread is held up: one report at a time, each after a second of sound, as streams end; the ring is never full. Beside it the
/// same bytes copied to memory that was not touched for as long: what the machine takes for that alone, interrupts included.
fn hand_over(folder: &Path, report: &Report, findings: &[Finding]) -> Result<(), Box<dyn Error>> {
    const PUSHES: usize = 10_000;
    let _ = fs::remove_dir_all(folder);
    let options = SpoolOptions::default();
    let mut cold = vec![(*report, [findings[0]; 3]); options.ring_slots];
    let spool = Spool::open(folder.join("latency"), options)?;
    let handle = spool.handle();
    let plan = Config::new(StreamSpec::mono(24_000)).freeze()?;
    let (mut listener, chunk) = (Listener::new(&plan), [1000i16; 480]);
    let (mut pushes, mut copies, mut full) = (Vec::with_capacity(PUSHES), Vec::with_capacity(PUSHES), 0);
    let attributes = [("gen_ai.speech.voice", "anna"), ("trace.id", "4bf92f3577b34da6a3ce929d0e0e4736")];
    for n in 0..PUSHES {
        for other in [false, true] {
            for _ in 0..50 {
                listener.push(Pcm::I16(&chunk), Push::at(0), |_| ())?;
            }
            let start = Instant::now();
            if other {
                let len = cold.len();
                let slot = std::hint::black_box(&mut cold[n % len]);
                slot.0 = *report;
                slot.1.copy_from_slice(findings);
                std::hint::black_box(slot);
                copies.push(start.elapsed().as_nanos() as u64);
            } else {
                let submission = Submission { report, findings, unix_ms: n as u64, attributes: &attributes };
                full += u32::from(handle.try_push(submission).is_err());
                pushes.push(start.elapsed().as_nanos() as u64);
            }
        }
    }
    println!(
        "{} bytes of values and {} findings, {PUSHES} times; {full} times the ring was full",
        size_of::<Report>(),
        findings.len()
    );
    for (what, times) in [("handing over a report", &mut pushes), ("the copy alone", &mut copies)] {
        times.sort_unstable();
        let at = |share: f64| times[((times.len() - 1) as f64 * share) as usize];
        println!("{what}: p50 {} ns, p99 {} ns, p99.9 {} ns, max {} ns", at(0.5), at(0.99), at(0.999), at(1.0));
    }
    Ok(())
}

/// A push of one finished stream, again when the ring is full.
pub(crate) fn push_all(spool: &Spool, report: &Report, findings: &[Finding], records: u64) -> f64 {
    let (handle, start) = (spool.handle(), Instant::now());
    for n in 0..records {
        let attributes = [("gen_ai.speech.voice", "anna"), ("trace.id", "4bf92f3577b34da6a3ce929d0e0e4736")];
        let submission = Submission { report, findings, unix_ms: 1_700_000_000_000 + n, attributes: &attributes };
        while handle.try_push(submission).is_err() {
            std::thread::sleep(Duration::from_micros(200));
        }
    }
    let _ = handle.flush(Duration::from_secs(60));
    start.elapsed().as_secs_f64()
}

/// The same bytes to a file, synced as often as the spool is.
fn plain(path: &Path, records: &[Vec<u8>]) -> Result<f64, Box<dyn Error>> {
    let start = Instant::now();
    let mut file = File::create(path)?;
    let (mut piece, mut unsynced) = (Vec::new(), 0);
    for record in records {
        piece.extend_from_slice(record);
        piece.push(b'\n');
        if piece.len() >= 256 << 10 {
            file.write_all(&piece)?;
            unsynced += piece.len();
            piece.clear();
            if unsynced >= 8 << 20 {
                file.sync_data()?;
                unsynced = 0;
            }
        }
    }
    file.write_all(&piece)?;
    file.sync_data()?;
    Ok(start.elapsed().as_secs_f64())
}

pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn main() -> Result<(), Box<dyn Error>> {
    #[cfg(feature = "stores")]
    if let Some(store) = std::env::args().nth(1).filter(|name| stores::is_known(name)) {
        return stores::run(&store);
    }
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("build/export-bench"), PathBuf::from);
    let (report, findings) = heard()?;

    hand_over(&folder, &report, &findings)?;

    let (mut spooled, mut written, mut fetched, mut copied) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    let mut bytes = 0;
    for round in 0..ROUNDS {
        let _ = fs::remove_dir_all(&folder);
        let spool = Spool::open(folder.join("spool"), SpoolOptions::default())?;
        spooled.push(push_all(&spool, &report, &findings, RECORDS));
        let mut records = Vec::new();
        let mut reader = Reader::new(Disk::new(spool.folder())?, 1);
        loop {
            let batch = reader.next_batch(2000, 8 << 20)?;
            if batch.is_empty() {
                break;
            }
            records.extend(batch.into_iter().map(|r| r.json));
        }
        bytes = records[0].len();
        written.push(plain(&folder.join("plain"), &records)?);
        let mut sink = Ndjson::file(folder.join("out.ndjson"), u64::MAX, 1);
        let mut options = PumpOptions::default();
        options.batch_bytes = sink.pump_options().batch_bytes;
        let mut pump = Pump::open(spool.folder(), &mut sink, options)?;
        let start = Instant::now();
        pump.drain(&mut sink, Duration::from_secs(60))?;
        fetched.push(start.elapsed().as_secs_f64());
        copied.push(plain(&folder.join("again"), &records)?);
        eprintln!("round {}", round + 1);
    }
    let rate = |seconds: f64| RECORDS as f64 / seconds;
    let ratios = |ours: &[f64], theirs: &[f64]| median(ours.iter().zip(theirs).map(|(a, b)| b / a).collect());
    println!("a record: {bytes} bytes");
    println!(
        "into the spool, made and durable: {:.0} records a second; the plain loop, of records that are made: {:.0}; ratio {:.2}",
        rate(median(spooled.clone())),
        rate(median(written.clone())),
        ratios(&spooled, &written)
    );
    println!(
        "out of the spool to lines: {:.0} records a second; the plain loop {:.0}; ratio {:.2}",
        rate(median(fetched.clone())),
        rate(median(copied.clone())),
        ratios(&fetched, &copied)
    );
    let _ = fs::remove_dir_all(&folder);
    Ok(())
}
