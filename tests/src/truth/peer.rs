//! The best existing detectors beside ours: takes for them to hear, and what they said.

use super::answers::place;
use super::hear::{Task, chosen, damage};
use super::matching::NEAR_S;
use otoscope_fixtures::faults;
use otoscope_fixtures::rng::Rng;
use otoscope_fixtures::take::{Schedule, Take};
use std::fmt::Write;
use std::path::Path;

/// Writes takes with one fault each, at the severity of the goal, and clean ones: WAV with 16 bit, and beside each a JSON with its
/// truth. Faults that are not in the samples are left out. Returns the number of files.
///
/// # Errors
/// If a file cannot be written.
pub fn export(task: &Task<'_>, folder: &Path) -> Result<usize, Box<dyn std::error::Error>> {
    std::fs::create_dir_all(folder)?;
    let mut count = 0;
    for voice in task.voices {
        for file in chosen(voice.files.len(), task.takes_per_voice) {
            let raw = voice.take(file);
            let cut = |take: Take| {
                let mut rng = Rng::named(2, &voice.name);
                take.chunked(20.0 + rng.unit() * 180.0, &Schedule::real_time(0.95)).expect("a take with samples")
            };
            let name = format!("{}-{file:03}", voice.name);
            write(folder, &format!("{name}-clean"), &raw, &clean_json(&name, raw.sample_rate_hz))?;
            count += 1;
            for known in task.rows.iter().filter(|k| k.row.on_page && k.row.worth.is_none() && k.row.least_s == 0.0) {
                let Some(damaged) = damage(known, &raw, known.goal(), file as u64, cut) else { continue };
                if damaged.take.samples.iter().any(|x| !x.is_finite()) {
                    continue; // 16 bit cannot say it
                }
                let mut json = format!(
                    "{{\"fault\":\"{}\",\"severity\":{},\"shape\":\"{}\",\"rate_hz\":{},\"places\":[",
                    known.row.fault,
                    known.goal(),
                    known.row.shape.name(),
                    damaged.take.sample_rate_hz
                );
                for (i, truth) in damaged.truth.iter().enumerate() {
                    let place = place(truth);
                    let comma = if i == 0 { "" } else { "," };
                    let (inner, outer) = (place.inner, place.outer);
                    write!(json, "{comma}[{},{},{},{}]", inner.start, inner.end, outer.start, outer.end)?;
                }
                let source = faults::truth_json(&name, damaged.take.sample_rate_hz, &damaged.truth);
                write!(json, "],\"truth\":{source}}}")?;
                write(folder, &format!("{name}-{}", known.row.fault), &damaged.take, &json)?;
                count += 1;
            }
        }
    }
    Ok(count)
}

fn clean_json(name: &str, rate_hz: u32) -> String {
    format!("{{\"fault\":null,\"source\":\"{name}\",\"rate_hz\":{rate_hz},\"places\":[]}}")
}

/// What an existing detector makes of a fault.
#[derive(Debug, Clone, PartialEq)]
pub struct Peer {
    /// Its name.
    pub detector: String,
    /// The fault.
    pub fault: String,
    /// Found and injected.
    pub found: u32,
    /// Injected.
    pub of: u32,
    /// False alarms on clean speech.
    pub alarms: u32,
    /// Hours of it.
    pub hours: f64,
}

/// Reads what `tests/peers/essentia_truth.py` wrote; nothing where there is no such file.
///
/// # Panics
/// If a line is not as that script writes it.
#[must_use]
pub fn read(path: &Path) -> Vec<Peer> {
    parse(&std::fs::read_to_string(path).unwrap_or_default())
}

fn parse(csv: &str) -> Vec<Peer> {
    let lines = csv.lines().filter(|l| !l.starts_with('#')).skip(1);
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let number = |i: usize| cells[i].parse().unwrap_or_else(|e| panic!("{line}: {e}"));
            Peer {
                detector: cells[0].to_owned(),
                fault: cells[1].to_owned(),
                found: number(3),
                of: number(4),
                alarms: number(5),
                hours: cells[6].parse().unwrap_or_else(|e| panic!("{line}: {e}")),
            }
        })
        .collect()
}

impl Peer {
    /// Share found, less what marks as frequent as its false alarms would hit by chance within 20 ms of a place.
    fn beyond_chance(&self) -> f64 {
        let marks_per_s = f64::from(self.alarms) / (self.hours * 3600.0).max(1e-9);
        let chance = 1.0 - (-marks_per_s * 2.0 * NEAR_S).exp();
        f64::from(self.found) / f64::from(self.of.max(1)) - chance
    }
}

/// The peer that finds most of a fault beyond what its false alarms would hit by chance.
#[must_use]
pub fn best<'a>(peers: &'a [Peer], fault: &str) -> Option<&'a Peer> {
    let able = peers.iter().filter(|p| p.fault == fault && p.beyond_chance() > 0.0);
    able.max_by(|a, b| a.beyond_chance().total_cmp(&b.beyond_chance()))
}

fn write(folder: &Path, name: &str, take: &Take, json: &str) -> Result<(), Box<dyn std::error::Error>> {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: take.sample_rate_hz,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(folder.join(format!("{name}.wav")), spec)?;
    for code in take.to_i16() {
        wav.write_sample(code)?;
    }
    wav.finalize()?;
    std::fs::write(folder.join(format!("{name}.json")), json)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_peer_finds_most_beyond_chance() {
        // Ten false alarms a second cover a third of all places.
        let csv = "# a note\ndetector,fault,severity,found,injected,false_alarms,clean_hours\n\
                   Burst,gap,20,19,20,18000,0.5\nGaps,gap,20,16,20,9,0.5\nClick,gap,20,4,20,0,0.5\nNone,clip,3,0,20,0,0.5\n";
        let peers = parse(csv);
        assert_eq!(best(&peers, "gap").map(|p| p.detector.as_str()), Some("Gaps"));
        assert_eq!(best(&peers, "clip"), None, "one that finds nothing is not the best");
    }
}
