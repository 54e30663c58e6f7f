//! Predicts scores as often as it is told to: what `peers/mos.py` drives, in turn with onnxruntime.
//!
//! `mos SAMPLES` reads a file of raw 32-bit floats at 16 kHz; then each line of the standard input is `stream MODEL` (the metric alone, 20 ms
//! pushes), `window MODEL` (the first 9 s as one window) or `clip MODEL` (all of it by the model's own rule; a path is DNSMOS Pro's), answered with the CPU
//! nanoseconds of the thread, the bytes of one stream or the number of windows, and the value.
#![forbid(unsafe_code)]

use cpu_time::ThreadTime;
use otoscope::mos::{Model, Scorer};
use otoscope::{Config, Probe, Push, StreamSpec};
use std::error::Error;
use std::io::BufRead;

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: mos SAMPLES")?;
    let samples: Vec<f32> = std::fs::read(path)?.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let (mode, name) = line.split_once(' ').ok_or("MODE MODEL")?;
        if mode == "window" {
            let scorer = Scorer::new(Model::named(name).ok_or("a model")?, None)?;
            let start = ThreadTime::now();
            let score = scorer.window(&samples[..144_000]);
            println!("{} 0 {:?}", start.elapsed().as_nanos(), score.map_or(0.0, |s| s[0]));
            continue;
        }
        if mode == "clip" {
            // A file is one of DNSMOS Pro.
            let scorer = match Model::named(name) {
                Some(model) => Scorer::new(model, None)?,
                None => Scorer::from_dnsmos_pro(&std::fs::read(name)?, None)?,
            };
            let start = ThreadTime::now();
            let score = scorer.clip(&samples).ok_or("samples")?;
            // What is published last is what is quoted: OVRL of the three.
            let value = score.fitted.last().ok_or("a value")?;
            println!("{} {} {value}", start.elapsed().as_nanos(), score.windows.len());
            continue;
        }
        let mut config = Config::new(StreamSpec::mono(16_000));
        config.only(["mos"])?;
        config.set("mos.model", name)?;
        let plan = config.freeze()?;
        let mut probe = Probe::new(&plan);
        let start = ThreadTime::now();
        for chunk in samples.chunks(320) {
            probe.push_f32(chunk, Push::CHUNK)?;
        }
        let report = probe.finish();
        let time = start.elapsed();
        let value = report.value("mos.predicted_mos").and_then(|v| v.number()).unwrap_or(f64::NAN);
        println!("{} {} {value}", time.as_nanos(), plan.state_bytes());
    }
    Ok(())
}
