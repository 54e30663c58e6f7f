//! `level_jump` against values that follow on paper, and against injected faults.

use otoscope::{Push, Severity};
use otoscope_fixtures::take::{Schedule, Take};
use otoscope_fixtures::{faults, signals, speech};
use otoscope_tests::{Heard, listen, listen_take, name, plan};

const RATE: u32 = 24_000;

/// Phrases of 1.5 s, seven bursts and a half each, with 0.5 s of noise at -75 dBFS between them; phrase k is `level(k)` dB
/// above -24 dBFS.
fn phrases(count: usize, level: impl Fn(usize) -> f64) -> Vec<f32> {
    let mut x = Vec::new();
    for k in 0..count {
        let peak = -21.0 + level(k);
        let steps: Vec<(f64, f64)> = (0..15).map(|i| (if i % 2 == 0 { peak } else { peak - 10.0 }, 0.1)).collect();
        x.extend(signals::tones(500.0, &steps, RATE));
        x.extend(signals::white_gaussian(-75.0 + level(k), RATE, 0.5, k as u64));
    }
    x
}

fn found(heard: &Heard) -> Vec<otoscope::Finding> {
    heard.findings.iter().filter(|f| name(f).starts_with("level_jump.")).copied().collect()
}

#[test]
fn a_jump_in_a_pause_has_its_size_and_lies_at_its_edge() {
    for db in [-8.0, 8.0, 12.0] {
        let mut x = phrases(6, |_| 0.0);
        // Three phrases, then the gain sets in within the third pause, at an edge.
        let edge = 3 * 48_000 - 4_000;
        x[edge..].iter_mut().for_each(|v| *v *= 10f32.powf(db as f32 / 20.0));
        let edges = [edge - 4_800, edge, edge + 2_400];
        let mut from = 0;
        let mut pieces = Vec::new();
        for to in edges.into_iter().chain([x.len()]) {
            pieces.push((&x[from..to], Push::CHUNK));
            from = to;
        }
        let heard = listen(&plan(RATE, 1), pieces);
        let found = found(&heard);
        assert_eq!(found.iter().map(name).collect::<Vec<_>>(), ["level_jump.jump"], "{db}");
        assert_eq!((found[0].start_sample, found[0].end_sample), (edge as u64, x.len() as u64));
        // Of the 2 s before 11 bursts are loud and 9 a tenth of that, of the 1.5 s after 8 and 7.
        let want = db + 10.0 * ((8.7 / 15.0) / (11.9 / 20.0f64)).log10();
        assert!((found[0].value - want).abs() < 0.02, "single precision and the noise between: {}", found[0].value);
        assert_eq!(found[0].severity, if db > 10.0 { Severity::Error } else { Severity::Warning });
        assert!((heard.number("level_jump.largest_jump_db") - want).abs() < 0.02, "the same");
    }
}

#[test]
fn without_edges_it_lies_in_the_pause_and_less_than_six_decibels_are_none() {
    let jump = |db: f64| phrases(6, move |k| if k < 3 { 0.0 } else { db });
    let heard = listen(&plan(RATE, 1), [(&jump(8.0)[..], Push::CHUNK)]);
    let at = found(&heard)[0].start_sample as f64 / f64::from(RATE);
    assert!((5.5..=6.0).contains(&at), "the third pause is there: {at}");
    assert!(found(&listen(&plan(RATE, 1), [(&jump(5.0)[..], Push::CHUNK)])).is_empty());
    assert!(found(&listen(&plan(RATE, 1), [(&jump(0.0)[..], Push::CHUNK)])).is_empty());
}

#[test]
fn a_jump_back_is_a_second_finding() {
    let x = phrases(9, |k| if (3..6).contains(&k) { -9.0 } else { 0.0 });
    let found = found(&listen(&plan(RATE, 1), [(&x[..], Push::CHUNK)]));
    let values: Vec<f64> = found.iter().map(|f| f.value.round()).collect();
    assert_eq!(values, [-9.0, 9.0]);
    assert_eq!(found[0].end_sample, found[1].start_sample);
}

#[test]
fn a_fade_has_its_slope() {
    for slope in [-3.0, 2.0] {
        // A phrase and its pause are 2 s.
        let x = phrases(75, |k| slope * 2.0 * k as f64 / 60.0 - if slope > 0.0 { 6.0 } else { 0.0 });
        let heard = listen(&plan(RATE, 1), [(&x[..], Push::CHUNK)]);
        let found = found(&heard);
        assert_eq!(found.iter().map(name).collect::<Vec<_>>(), ["level_jump.fade"], "{slope}");
        assert!((found[0].value - slope).abs() < 0.1, "points hold parts of phrases: {}", found[0].value);
        assert_eq!(found[0].severity, if slope < -2.9 { Severity::Error } else { Severity::Warning });
        assert!((heard.number("level_jump.slope_per_minute_db") - slope).abs() < 0.1, "the same");
        let told = found[0].end_sample;
        assert_eq!(told, x.len() as u64, "it lasts");
    }
    assert!(found(&listen(&plan(RATE, 1), [(&phrases(75, |_| 0.0)[..], Push::CHUNK)])).is_empty());
}

#[test]
fn injected_jumps_of_twelve_decibels_are_found_in_the_committed_speech() {
    let (mut hit, mut injected) = (0, 0);
    for clip in speech::clips().expect("the committed speech") {
        let take = Take::from_clip(&clip).chunked(100.0, &Schedule::real_time(0.9)).expect("samples").gained(-12.0);
        assert!(found(&listen_take(&take)).is_empty(), "{}", clip.name);
        for seed in 0..6 {
            for db in [-12.0, 12.0] {
                let mut bad = take.clone();
                let truth = faults::inject("level_jump", &mut bad, Some(db), seed).expect("speech and edges");
                if truth[0].fact("in_pause") != Some(1.0) || truth[0].fact("speech_around_s") < Some(1.0) {
                    continue;
                }
                injected += 1;
                let t = &truth[0];
                // The interval of the louder or softer speech, by at least half.
                let same = |f: &otoscope::Finding| {
                    let both = f.end_sample.min(t.end_sample).saturating_sub(f.start_sample.max(t.start_sample));
                    let either = f.end_sample.max(t.end_sample) - f.start_sample.min(t.start_sample);
                    2 * both >= either && f.value.signum() == f64::signum(db)
                };
                hit += usize::from(found(&listen_take(&bad)).iter().any(same));
            }
        }
    }
    assert!(injected >= 20 && hit * 10 >= injected * 9, "{hit} of {injected}");
}
