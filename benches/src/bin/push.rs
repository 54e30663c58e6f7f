//! Pushes a file of raw 16-bit samples at 24 kHz in chunks of 10 ms: what `c_push.sh` counts beside the same in C.
#![forbid(unsafe_code)]

use otoscope::{Config, Probe, Push, StreamSpec};
use std::error::Error;

/// The name the counter looks for.
#[inline(never)]
fn counted(probe: &mut Probe, pcm: &[i16], t_ns: i64) {
    let _ = probe.push_i16(pcm, Push::at(t_ns));
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = std::env::args().nth(1).ok_or("usage: push FILE.raw")?;
    let pcm: Vec<i16> = std::fs::read(path)?.as_chunks().0.iter().map(|b| i16::from_le_bytes(*b)).collect();
    let plan = Config::new(StreamSpec::mono(24_000)).freeze()?;
    let mut probe = Probe::new(&plan);
    let mut pushes = 0;
    for chunk in pcm.chunks_exact(240) {
        counted(&mut probe, chunk, 10_000_000 * pushes);
        pushes += 1;
    }
    println!("{pushes}");
    Ok(())
}
