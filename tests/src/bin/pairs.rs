//! Writes the pairs of [`otoscope_fixtures::pairs`] as WAV files, for the oracle of the P.862 score:
//! `cargo run --release -p otoscope-tests --bin pairs -- FOLDER`. `fixtures/golden/pesq/make.py` runs it.

use otoscope_fixtures::pairs::{Set, conditions};
use std::error::Error;
use std::fs;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("which folder?")?);
    for rate_hz in [8000, 16_000] {
        let set = Set::new(rate_hz)?;
        for (i, item) in set.items.iter().enumerate() {
            for (k, condition) in conditions().iter().enumerate() {
                let (reference, degraded) = set.pair(item, condition);
                let folder = folder.join(rate_hz.to_string());
                fs::create_dir_all(&folder)?;
                for (side, samples) in [("ref", reference), ("deg", degraded)] {
                    write(&folder.join(format!("{i:02}-{k:02}.{side}.wav")), rate_hz, &samples)?;
                }
                println!("{rate_hz},{i:02}-{k:02},{},{}", item.voice, condition.name);
            }
        }
    }
    Ok(())
}

fn write(path: &std::path::Path, rate_hz: u32, samples: &[i16]) -> Result<(), hound::Error> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: rate_hz,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec)?;
    for &v in samples {
        file.write_sample(v)?;
    }
    file.finalize()
}
