//! Measures probe and peer in turn, in one process, and prints one table. `README.md` beside this crate has the commands.
#![forbid(unsafe_code)]

use cpu_time::ThreadTime;
use otoscope::{Config, StreamSpec};
use otoscope_benches::{
    Case, Crowd, Ear, Listener, Pcm, Peer, Pushes, Set, Signal, clock_ghz, core_cases, median, ns_per_sample,
    single_cases, streams_per_core, worst_cases,
};
use std::collections::HashMap;
use std::error::Error;
use std::time::Instant;

const HELP: &str = "\
speed: how fast a probe is, beside crate ebur128 in the same process

  speed                    all cases: CPU time a sample, and single pushes
    --only TEXT            only cases with TEXT in their name (and no crowd)
    --crowd                only many streams in turn, one by one and in batches
    --repeats N            how often each case is measured, in turn [15]
    --seconds S            how much of a signal, at least [60]
    --csv                  as CSV
  speed --list             the names of the cases
  speed --state            what one probe keeps in memory, by rate
  speed --count CASE       listens once, for an instruction counter; prints the samples
    --seconds S            [10]
";

/// A signal at a rate: what the signals in memory are found by.
type Key = (Signal, u32);

struct Options {
    only: Option<String>,
    repeats: usize,
    seconds: Option<f64>,
    csv: bool,
    crowd: bool,
    list: bool,
    state: bool,
    count: Option<Case>,
}

fn options() -> Result<Options, Box<dyn Error>> {
    let mut o = Options {
        only: None,
        repeats: 15,
        seconds: None,
        csv: false,
        crowd: false,
        list: false,
        state: false,
        count: None,
    };
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        let mut value = || args.next().ok_or_else(|| format!("{arg} needs a value"));
        match arg.as_str() {
            "--only" => o.only = Some(value()?),
            "--repeats" => o.repeats = value()?.parse()?,
            "--seconds" => o.seconds = Some(value()?.parse()?),
            "--count" => o.count = Some(value()?.parse()?),
            "--csv" => o.csv = true,
            "--crowd" => o.crowd = true,
            "--list" => o.list = true,
            "--state" => o.state = true,
            _ => return Err(format!("{arg}?\n\n{HELP}").into()),
        }
    }
    Ok(o)
}

fn main() -> Result<(), Box<dyn Error>> {
    if std::env::args().any(|arg| arg == "--help" || arg == "-h") {
        print!("{HELP}");
        return Ok(());
    }
    let o = options()?;
    if let Some(case) = o.count {
        let pcm = Pcm::new(case.signal, case.rate_hz, o.seconds.unwrap_or(10.0))?;
        let mut ear = Ear::new(case)?;
        counted(&mut ear, &pcm);
        println!("{}", pcm.len());
        return Ok(());
    }
    let mut cases = [core_cases(), single_cases(), worst_cases()].concat();
    if let Some(text) = &o.only {
        cases.retain(|case| case.to_string().contains(text.as_str()));
    }
    if o.list {
        cases.iter().for_each(|case| println!("{case}"));
        return Ok(());
    }
    if o.state {
        return state();
    }
    if o.crowd {
        return crowd(o.repeats);
    }
    let seconds = o.seconds.unwrap_or(60.0);
    let simd = Set::None.plan(24_000)?.simd();
    if !o.csv {
        println!(
            "{:.2} GHz, {simd}, {seconds} s of each signal, {} repeats in turn, one thread",
            clock_ghz(),
            o.repeats
        );
    }
    table(&cases, seconds, o.repeats, o.csv)?;
    if o.only.is_none() && !o.csv {
        crowd(o.repeats)?;
        println!();
        state()?;
    }
    Ok(())
}

/// What an instruction counter is told to look at: nothing of the set-up is in it.
#[inline(never)]
fn counted(ear: &mut Ear, pcm: &Pcm) {
    ear.listen(pcm);
}

/// CPU time of one thread in seconds.
fn cpu_seconds(f: impl FnOnce()) -> f64 {
    let start = ThreadTime::now();
    f();
    start.elapsed().as_secs_f64()
}

fn table(cases: &[Case], seconds: f64, repeats: usize, csv: bool) -> Result<(), Box<dyn Error>> {
    let mut signals: HashMap<Key, Pcm> = HashMap::new();
    let mut ears = Vec::new();
    for &case in cases {
        let key = (case.signal, case.rate_hz);
        if let std::collections::hash_map::Entry::Vacant(slot) = signals.entry(key) {
            slot.insert(Pcm::new(case.signal, case.rate_hz, seconds)?);
        }
        ears.push(Ear::new(case)?);
    }
    // First everything once, unmeasured; then the repeats, every case in its turn.
    let mut times = vec![Vec::with_capacity(repeats); cases.len()];
    for repeat in 0..=repeats {
        for ((case, ear), times) in cases.iter().zip(&mut ears).zip(&mut times) {
            let pcm = &signals[&(case.signal, case.rate_hz)];
            ear.reset();
            let time = cpu_seconds(|| ear.listen(pcm));
            if repeat > 0 {
                times.push(ns_per_sample(time, pcm.len()));
            }
        }
    }
    let mut pushes = vec![Pushes::default(); cases.len()];
    for _ in 0..repeats.clamp(1, 8) {
        for ((case, ear), pushes) in cases.iter().zip(&mut ears).zip(&mut pushes) {
            let pcm = &signals[&(case.signal, case.rate_hz)];
            ear.reset();
            pushes.begin_pass();
            for range in pcm.pushes(case.push_ms) {
                let start = Instant::now();
                ear.push(pcm, range);
                pushes.add(start.elapsed().as_nanos() as f64);
            }
        }
    }
    if csv {
        println!(
            "case,ns_per_sample_min,ns_per_sample_median,push_ns_p50,push_ns_p999,push_ns_max,push_ns_longest_seen"
        );
    } else {
        println!("{:58} {:>13} {:>9} {:>17} {:>26}", "", "ns/sample", "streams", "times ebur128", "one push, us");
        println!(
            "{:58} {:>6} {:>6} {:>9} {:>6} {:>10} {:>6} {:>6} {:>6} {:>6}",
            "case", "min", "median", "per core", "median", "range", "p50", "p99.9", "max", "seen"
        );
    }
    for (i, (case, pushes)) in cases.iter().zip(&pushes).enumerate() {
        let min = times[i].iter().copied().fold(f64::INFINITY, f64::min);
        let mid = median(&times[i]);
        let [p50, p999, max] = [0.5, 0.999, 1.0].map(|p| pushes.percentile(p));
        if csv {
            println!("{case},{min:.4},{mid:.4},{p50:.0},{p999:.0},{max:.0},{:.0}", pushes.longest());
            continue;
        }
        let streams = streams_per_core(min, case.rate_hz);
        let ratio = peer_of(case, cases).map_or_else(String::new, |peer| ratio(&times[peer], &times[i]));
        println!(
            "{:58} {min:6.2} {mid:6.2} {streams:9.0} {ratio:17} {:6.2} {:6.2} {:6.2} {:6.1}",
            case.to_string(),
            p50 / 1e3,
            p999 / 1e3,
            max / 1e3,
            pushes.longest() / 1e3
        );
    }
    if !csv {
        println!("\nanswers (the same first, then speed):");
        let asked = |case: &&Case| match case.listener {
            Listener::Probe(set) => set == Set::LoudnessTruePeak,
            Listener::Peer(_) => true,
        };
        for case in cases.iter().filter(asked) {
            let mut ear = Ear::new(*case)?;
            ear.listen(&signals[&(case.signal, case.rate_hz)]);
            if let Some(answer) = ear.answer() {
                println!("{:58} {:7.2} LUFS {:6.2} dBTP", case.to_string(), answer.lufs, answer.dbtp);
            }
        }
    }
    Ok(())
}

/// The peer's integrated loudness and true peak on the same signal.
fn peer_of(case: &Case, cases: &[Case]) -> Option<usize> {
    let peer = Case::peer(Peer::IntegratedTruePeak).on(case.signal).rate(case.rate_hz);
    cases.iter().position(|c| *c == peer)
}

/// How many times faster than the peer, and from where to where in the single repeats.
fn ratio(peer: &[f64], own: &[f64]) -> String {
    let ratios: Vec<f64> = peer.iter().zip(own).map(|(p, o)| p / o).collect();
    let low = ratios.iter().copied().fold(f64::INFINITY, f64::min);
    let high = ratios.iter().copied().fold(0.0, f64::max);
    format!("{:6.2} {:>10}", median(&ratios), format!("{low:.1}-{high:.1}"))
}

/// Many streams in turn beside one.
/// How a crowd is pushed to: one probe at a time, or in batches of this many.
#[derive(Clone, Copy)]
enum Turn {
    Single,
    Batch(usize),
}

fn crowd(repeats: usize) -> Result<(), Box<dyn Error>> {
    const PUSHES: usize = 10_000;
    const CASES: [(usize, Turn); 5] = [
        (1, Turn::Single),
        (1_000, Turn::Single),
        (1_000, Turn::Batch(100)),
        (PUSHES, Turn::Single),
        (PUSHES, Turn::Batch(100)),
    ];
    let pcm = Pcm::new(Signal::Speech, 24_000, 6.0)?;
    let mut crowds = Vec::new();
    for (streams, turn) in CASES {
        let mut crowd = Crowd::new(Set::All, 24_000, streams)?;
        for _ in 0..PUSHES * 10 / streams {
            round(&mut crowd, &pcm, turn);
        }
        crowds.push(crowd);
    }
    let mut times = [const { Vec::new() }; CASES.len()];
    for _ in 0..repeats * 4 {
        for ((crowd, (streams, turn)), times) in crowds.iter_mut().zip(CASES).zip(&mut times) {
            let mut samples = 0;
            let time = cpu_seconds(|| samples = (0..PUSHES / streams).map(|_| round(crowd, &pcm, turn)).sum());
            times.push(ns_per_sample(time, samples));
        }
    }
    println!("\nmany streams in turn, {}:", Case::probe(Set::All));
    for ((streams, turn), times) in CASES.iter().zip(&times) {
        let min = times.iter().copied().fold(f64::INFINITY, f64::min);
        let (mid, push) = (median(times), median(times) * 240.0 / 1e3);
        let per_core = streams_per_core(mid, 24_000);
        let how = match turn {
            Turn::Single => "one by one".to_owned(),
            Turn::Batch(size) => format!("batches of {size}"),
        };
        println!(
            "{streams:6} streams, {how:14}: {min:6.2} min {mid:6.2} median ns/sample, \
             {per_core:6.0} streams per core by the median, {push:.2} us a push"
        );
    }
    Ok(())
}

fn round(crowd: &mut Crowd, pcm: &Pcm, turn: Turn) -> usize {
    match turn {
        Turn::Single => crowd.round(pcm),
        Turn::Batch(size) => crowd.round_batch(pcm, size),
    }
}

/// What one probe keeps in memory.
fn state() -> Result<(), Box<dyn Error>> {
    println!("state of one probe in bytes:   mono, all   mono, loudness+true_peak   stereo, all");
    for rate_hz in [8_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000, 96_000, 192_000] {
        let stereo = Config::new(StreamSpec { sample_rate_hz: rate_hz, channels: 2 }).freeze()?;
        let [all, pair] = [Set::All, Set::LoudnessTruePeak].map(|set| set.plan(rate_hz).map(|p| p.state_bytes()));
        println!("{rate_hz:>23} Hz {:>15} {:>26} {:>13}", all?, pair?, stereo.state_bytes());
    }
    Ok(())
}
