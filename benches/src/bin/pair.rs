//! Compares one pair as often as it is told to: what the scripts in `peers/` drive, in turn with the packages they measure against.
//!
//! `pair REFERENCE DEGRADED RATE` reads two files of raw 64-bit floats; then each line of the standard input is a score (such as
//! `stoi:fast`), computed from nothing but the samples, and answered with the CPU nanoseconds of the thread and the value.
#![forbid(unsafe_code)]

use cpu_time::ThreadTime;
use otoscope::compare::{Config, Plan, compare};
use std::collections::HashMap;
use std::error::Error;
use std::io::BufRead;

fn samples(path: &str) -> Result<Vec<f64>, std::io::Error> {
    Ok(std::fs::read(path)?.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b)).collect())
}

fn main() -> Result<(), Box<dyn Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [reference, degraded, rate] = args.as_slice() else {
        return Err("usage: pair REFERENCE DEGRADED RATE".into());
    };
    let (reference, degraded) = (samples(reference)?, samples(degraded)?);
    let rate: u32 = rate.parse()?;
    let mut plans: HashMap<String, Plan> = HashMap::new();
    for line in std::io::stdin().lock().lines() {
        let key = line?;
        if !plans.contains_key(&key) {
            plans.insert(key.clone(), Config::new([key.as_str()]).freeze()?);
        }
        let plan = &plans[&key];
        let start = ThreadTime::now();
        let result = compare(plan, reference.as_slice(), degraded.as_slice(), rate);
        let time = start.elapsed();
        let value = result.scores[0].value();
        println!(
            "{} {}",
            time.as_nanos(),
            value.map_or_else(|| result.scores[0].status().to_owned(), |v| format!("{v:.17e}"))
        );
    }
    Ok(())
}
