//! How often each fault is found, and how often clean speech raises a finding.
//!
//! `truth [FOLDER] [KEY=VALUE]...`: FOLDER holds one folder of WAV files per voice, as `fixtures/fetch_clean_speech.sh` makes them; without
//! it the committed speech is used. A fault is found when a finding of its detector begins within 20 ms of it.

use otoscope::{Config, StreamSpec};
use otoscope_fixtures::faults;
use otoscope_fixtures::rng::Rng;
use otoscope_fixtures::take::{Schedule, Take};
use otoscope_tests::{Heard, listen_take_with, name};
use std::collections::BTreeMap;
use std::path::Path;

/// Which finding answers which fault.
const ANSWERS: [(&str, &[&str]); 19] = [
    ("clip", &["clipping.rail"]),
    ("clip_scale", &["clipping.plateau", "clipping.rail"]),
    ("join_step", &["join.step"]),
    ("join_hold", &["join.step"]),
    ("join_click", &["join.click"]),
    ("join_drop", &["join.step", "join.slope", "join.click"]),
    ("gap", &["dropout.hole"]),
    ("gap_noise", &["dropout.gap"]),
    ("gap_fade", &["dropout.hole", "dropout.gap"]),
    ("silence", &["silence.inner", "silence.lead", "silence.tail", "dropout.hole"]),
    ("nan", &["validity.not_finite"]),
    ("nan_chunk", &["validity.not_finite"]),
    ("inf", &["validity.not_finite"]),
    ("late_chunk", &["continuity.stall"]),
    ("dc_step", &["dc_offset.offset"]),
    ("wav_header", &["join.step", "join.slope", "join.click"]),
    ("wrap", &["wrap.wrap"]),
    ("duplicate", &["duplicate.repeat", "duplicate.stuck"]),
    ("click_free", &["click.click"]),
];

/// Faults that change a stretch of which only parts are audible: clipping begins at the first loud period.
const INTERVALS: [&str; 2] = ["clip", "clip_scale"];

fn main() {
    let folder = std::env::args().nth(1).filter(|a| !a.contains('='));
    let voices = match &folder {
        Some(folder) => load(Path::new(folder)),
        None => committed(),
    };
    clean(&voices);
    recall(&voices);
}

/// Listens with the settings of the command line.
fn listen_take(take: &Take) -> Heard {
    let mut config = Config::new(StreamSpec::mono(take.sample_rate_hz));
    for (key, value) in std::env::args().filter_map(|a| a.split_once('=').map(|(k, v)| (k.to_owned(), v.to_owned()))) {
        config.set(&key, value.as_str()).expect("KEY=VALUE of a parameter");
    }
    listen_take_with(&config.freeze().expect("a stream a probe accepts"), take)
}

type Voices = BTreeMap<String, Vec<Take>>;

fn committed() -> Voices {
    let clips = otoscope_fixtures::speech::clips().expect("the committed speech");
    clips.iter().map(|c| (c.name.clone(), vec![Take::from_clip(c)])).collect()
}

fn load(folder: &Path) -> Voices {
    let mut voices = Voices::new();
    for voice in std::fs::read_dir(folder).expect("the folder").flatten().filter(|e| e.path().is_dir()) {
        let mut files: Vec<_> = std::fs::read_dir(voice.path()).expect("a voice").flatten().map(|e| e.path()).collect();
        files.sort();
        let takes = files.iter().filter(|p| p.extension().is_some_and(|e| e == "wav")).map(|path| {
            let mut wav = hound::WavReader::open(path).expect("a WAV file");
            let rate = wav.spec().sample_rate;
            Take::new(rate, wav.samples::<i16>().map(|s| f32::from(s.expect("samples")) / 32768.0).collect())
        });
        voices.insert(voice.file_name().to_string_lossy().into_owned(), takes.collect());
    }
    voices
}

fn chunked(take: &Take, chunk_ms: f64) -> Take {
    take.clone().chunked(chunk_ms, &Schedule::real_time(0.95)).expect("a take with samples")
}

fn clean(voices: &Voices) {
    let mut totals: BTreeMap<String, u32> = BTreeMap::new();
    let mut hours = 0.0;
    println!("clean speech: findings by kind\n");
    for (voice, takes) in voices {
        let mut rng = Rng::named(1, voice);
        let mut counts: BTreeMap<String, u32> = BTreeMap::new();
        let mut voice_hours = 0.0;
        for take in takes {
            voice_hours += take.duration_s() / 3600.0;
            // Odd chunk lengths, so that edges fall everywhere.
            let heard = listen_take(&chunked(take, 20.0 + rng.unit() * 180.0));
            for f in &heard.findings {
                *counts.entry(name(f)).or_default() += 1;
                *totals.entry(name(f)).or_default() += 1;
            }
        }
        hours += voice_hours;
        let list: Vec<String> = counts.iter().map(|(k, n)| format!("{k} {n}")).collect();
        println!("{voice:24} {:6.1} min  {}", voice_hours * 60.0, list.join(", "));
    }
    println!("\n{hours:.2} hours in all");
    for (kind, n) in &totals {
        println!("  {kind:28} {n:5}  {:7.2} an hour", f64::from(*n) / hours);
    }
}

fn recall(voices: &Voices) {
    println!("\nrecall: found of injected, by severity\n");
    for (fault, answers) in ANSWERS {
        let Some(spec) = faults::catalogue().iter().copied().find(|s| s.name == fault) else { continue };
        for &severity in spec.severities {
            let (mut found, mut injected, mut others) = (0, 0, 0);
            let mut missed: BTreeMap<&str, u32> = BTreeMap::new();
            for (voice, takes) in voices {
                for (i, take) in takes.iter().enumerate().filter(|(i, _)| i % (1 + takes.len() / 12) == 0) {
                    let mut take = chunked(take, 100.0);
                    let Ok(truth) = faults::inject(fault, &mut take, Some(severity), i as u64) else { continue };
                    let heard = listen_take(&take);
                    let near = u64::from(take.sample_rate_hz) / 50;
                    for t in &truth {
                        injected += 1;
                        // An interval answers an interval when it lies inside; a point when it is near.
                        let from = t.start_sample.saturating_sub(near);
                        let until = if INTERVALS.contains(&fault) { t.end_sample } else { t.start_sample + near };
                        let hit = heard
                            .findings
                            .iter()
                            .any(|f| answers.contains(&name(f).as_str()) && (from..=until).contains(&f.start_sample));
                        if hit {
                            found += 1;
                        } else {
                            *missed.entry(voice).or_default() += 1;
                        }
                    }
                    others += heard.findings.iter().filter(|f| !answers.contains(&name(f).as_str())).count();
                }
            }
            let share = 100.0 * f64::from(found) / f64::from(injected.max(1));
            let missed: Vec<String> = missed.iter().map(|(v, n)| format!("{v} {n}")).collect();
            println!(
                "{fault:12} {severity:8} {:10} {found:4} of {injected:4} = {share:5.1} %  other findings {others}  missed: {}",
                spec.unit,
                missed.join(", ")
            );
        }
    }
}
