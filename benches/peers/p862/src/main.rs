//! Times pairs of WAV files: `p862-speed REPEATS` reads lines `MODE PATH` (nb8, nb16 or wb; PATH.ref.wav and
//! PATH.deg.wav) and writes after each what the best run took, in milliseconds of CPU time: ours, and the crate's (0
//! where it runs another model). `speed.py` starts it.

use cpu_time::ThreadTime;
use otoscope::compare::p862::{Context, Edition, Mode, Model};
use std::error::Error;
use std::hint::black_box;
use std::io::Write;

fn best(repeats: usize, mut run: impl FnMut()) -> f64 {
    let time = |_| {
        let start = ThreadTime::now();
        run();
        start.elapsed().as_secs_f64() * 1e3
    };
    (0..repeats).map(time).fold(f64::INFINITY, f64::min)
}

fn main() -> Result<(), Box<dyn Error>> {
    let repeats = std::env::args().nth(1).ok_or("how often?")?.parse()?;
    let models = [("nb8", Mode::Narrow8), ("nb16", Mode::Narrow16), ("wb", Mode::Wide16)]
        .map(|(name, mode)| (name, Model::new(mode, Edition::E2005)));
    let mut ctx = Context::new();
    for line in std::io::stdin().lines() {
        let line = line?;
        let (mode, path) = line.split_once(' ').ok_or("MODE PATH")?;
        let (_, model) = models.iter().find(|m| m.0 == mode).ok_or("no such mode")?;
        let codes = |side| -> Result<Vec<i16>, hound::Error> {
            hound::WavReader::open(format!("{path}.{side}.wav"))?.into_samples().collect()
        };
        let (x, y) = (codes("ref")?, codes("deg")?);
        let floats = |x: &[i16]| -> Vec<f32> { x.iter().map(|&v| f32::from(v) / 32768.0).collect() };
        let (fx, fy) = (floats(&x), floats(&y));
        let ours = best(repeats, || _ = black_box(model.pair(&fx, &fy, &mut ctx, false)));
        let peer = match mode {
            "nb8" => best(repeats, || _ = black_box(pesq::pesq_8k(&x, &y))),
            "wb" => best(repeats, || _ = black_box(pesq::pesq_wb(&x, &y))),
            _ => 0.0,
        };
        println!("{ours} {peer}");
        std::io::stdout().flush()?;
    }
    Ok(())
}
