//! Measures a file of raw 32-bit float samples at 24 kHz in one push: what `python_probe.sh` counts beside the same in Python.
#![forbid(unsafe_code)]

use otoscope::{Config, Probe, Push, Report, StreamSpec};
use std::error::Error;

/// The name the counter looks for.
#[inline(never)]
fn counted(probe: &mut Probe, pcm: &[f32]) -> Report {
    let _ = probe.push_f32(pcm, Push::CHUNK);
    probe.finish()
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: whole FILE.raw")?;
    let pcm: Vec<f32> = std::fs::read(path)?.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect();
    let mut probe = Probe::new(&Config::new(StreamSpec::mono(24_000)).freeze()?);
    println!("{}", counted(&mut probe, &pcm).samples);
    Ok(())
}
