//! Throws odd pairs at every full-reference score: `make fuzz-scores`.
//!
//! Each execution makes a pair of at most a second from a seed - speech, noise, tones, impulses, steps, silence, cut, scaled, shifted, with
//! bad numbers in it, at odd rates - and compares it with all scores and presets. What must hold: no panic, a finite value or a named
//! reason for each score, PESQ-compatible scores within their scale, and the same answer from memory that was used before.

use otoscope::compare::{Align, Comparison, Config, Plan, Reference, SCORES, Samples, Scratch};
use otoscope_fixtures::speech;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// SplitMix64.
struct Dice(u64);

impl Dice {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }

    fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }
}

fn signal(dice: &mut Dice, speech: &[Vec<f64>], len: usize) -> Vec<f64> {
    let amplitude = 10_f64.powf(-4.0 * dice.unit());
    match dice.below(8) {
        0 | 1 => {
            let x = &speech[dice.below(speech.len())];
            let start = dice.below(x.len());
            x.iter().cycle().skip(start).take(len).map(|v| v * amplitude).collect()
        }
        2 => (0..len).map(|_| amplitude * (2.0 * dice.unit() - 1.0)).collect(),
        3 => {
            let step = core::f64::consts::PI * dice.unit();
            (0..len).map(|n| amplitude * (step * n as f64).sin()).collect()
        }
        4 => {
            let mut x = vec![0.0; len];
            for _ in 0..dice.below(4) {
                let at = dice.below(len);
                if let Some(v) = x.get_mut(at) {
                    *v = amplitude;
                }
            }
            x
        }
        5 => vec![amplitude; len],
        6 => vec![0.0; len],
        _ => {
            let period = 1 + dice.below(200);
            (0..len).map(|n| if (n / period).is_multiple_of(2) { amplitude } else { -amplitude }).collect()
        }
    }
}

/// Makes a signal worse in one way.
fn spoil(dice: &mut Dice, x: &mut Vec<f64>) {
    let (a, b) = (dice.below(x.len() + 1), dice.below(x.len() + 1));
    let (a, b) = (a.min(b), a.max(b));
    match dice.below(12) {
        0 => x[a..b].fill(0.0),
        1 => x.truncate(b),
        2 => drop(x.drain(a..b)),
        3 => x.rotate_left(a),
        4 => x.iter_mut().for_each(|v| *v = v.clamp(-0.01, 0.01)),
        5 => x.iter_mut().for_each(|v| *v = -*v),
        6 => {
            let gain = 10_f64.powi(dice.below(80) as i32 - 40);
            x.iter_mut().for_each(|v| *v *= gain);
        }
        7 => {
            let noise = dice.unit();
            x.iter_mut().for_each(|v| *v += noise * (2.0 * dice.unit() - 1.0));
        }
        8 => x.iter_mut().for_each(|v| *v = (*v * 32.0).round() / 32.0),
        9 if a < x.len() => x[a] = [f64::NAN, f64::INFINITY, -1e300, 1e-310][dice.below(4)],
        10 => x.insert(a, 1.0),
        _ => {}
    }
}

/// A signal in one of the types there are.
fn typed(dice: &mut Dice, x: &[f64]) -> Samples<'static> {
    match dice.below(3) {
        0 => x.iter().map(|v| (v * 32_768.0) as i16).collect::<Vec<_>>().into(),
        1 => x.iter().map(|&v| v as f32).collect::<Vec<_>>().into(),
        _ => x.to_vec().into(),
    }
}

fn check(result: &Comparison) -> Result<(), String> {
    for scored in &result.scores {
        if scored.values.is_err() {
            continue;
        }
        let value = scored.value().ok_or_else(|| format!("{}: neither value nor reason", scored.key))?;
        let range = match scored.spec.name {
            "pesq_nb" => 0.99..=4.56,
            "pesq_wb" => 0.99..=4.65,
            "stoi" | "estoi" => -1.01..=1.01,
            "csig" | "cbak" | "covl" => 1.0..=5.0,
            _ => f64::MIN..=f64::MAX,
        };
        if !range.contains(&value) {
            return Err(format!("{}: {value}", scored.key));
        }
        let cells = scored.tables.iter().flat_map(|t| &t.cells);
        if cells.clone().any(|x| !x.is_finite()) {
            return Err(format!("{}: a table with {:?}", scored.key, cells.collect::<Vec<_>>()));
        }
    }
    Ok(())
}

fn one(seed: u64, plans: &[Plan], speech: &[Vec<f64>], used: &mut Scratch) -> Result<(), String> {
    const RATES: [u32; 12] = [8000, 8000, 16_000, 16_000, 16_000, 11_025, 22_050, 24_000, 44_100, 48_000, 7999, 37_123];
    let mut dice = Dice(seed);
    let rate = RATES[dice.below(RATES.len())];
    let longest = (rate.min(48_000) as f64 * dice.unit()) as usize;
    let mut reference = signal(&mut dice, speech, longest);
    let mut degraded = if dice.below(4) == 0 { signal(&mut dice, speech, longest) } else { reference.clone() };
    for _ in 0..dice.below(4) {
        spoil(&mut dice, &mut degraded);
    }
    if dice.below(8) == 0 {
        spoil(&mut dice, &mut reference);
    }
    let other_rate = if dice.below(16) == 0 { RATES[dice.below(RATES.len())] } else { rate };
    let (r, d) = (typed(&mut dice, &reference), typed(&mut dice, &degraded));
    let plan = &plans[dice.below(plans.len())];
    let prepared = Reference::new(plan, r, rate);
    let result = prepared.compare(d.clone(), other_rate, used);
    check(&result)?;
    if dice.below(16) == 0 {
        let again = prepared.compare(d, other_rate, &mut Scratch::new());
        if let Some((a, b)) = again.scores.iter().zip(&result.scores).find(|(a, b)| a != b) {
            return Err(format!("used memory gives another answer for {}: {:?}, {:?}", a.key, a.values, b.values));
        }
    }
    Ok(())
}

fn main() {
    let mut args = std::env::args().skip(1).map(|a| a.parse::<u64>().expect("numbers: executions, first seed"));
    let (count, first) = (args.next().unwrap_or(10_000), args.next().unwrap_or(1));
    let clips = speech::clips().expect("the committed speech");
    let speech: Vec<Vec<f64>> =
        clips.iter().map(|c| c.samples.iter().map(|&v| f64::from(v) / 32_768.0).collect()).collect();
    let keys = SCORES.iter().flat_map(|s| s.presets.iter().map(move |p| format!("{}:{}", s.name, p.name)));
    let mut config = Config::new(keys);
    config.frames = true;
    let still = config.freeze().expect("all scores");
    config.align = Align::Delay;
    config.max_delay_s = 0.1;
    let plans = [still, config.freeze().expect("all scores")];
    let (next, failed) = (AtomicU64::new(0), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                let mut used = Scratch::new();
                loop {
                    let n = next.fetch_add(1, Relaxed);
                    if n >= count {
                        return;
                    }
                    if n > 0 && n.is_multiple_of(20_000) {
                        eprintln!("{n} of {count}");
                    }
                    let seed = first + n;
                    let done = catch_unwind(AssertUnwindSafe(|| one(seed, &plans, &speech, &mut used)));
                    let problem = match done {
                        Ok(Ok(())) => continue,
                        Ok(Err(problem)) => problem,
                        Err(_) => "a panic".to_owned(),
                    };
                    println!("seed {seed}: {problem}");
                    failed.fetch_add(1, Relaxed);
                }
            });
        }
    });
    let failed = failed.into_inner();
    println!("{count} executions, {failed} failed");
    std::process::exit(i32::from(failed > 0));
}
