//! Pitch, timbre and noise against values that follow on paper, on injected faults, and quiet on clean speech.

use otoscope_fixtures::num::sin_turns;
use otoscope_fixtures::take::{Schedule, Take};
use otoscope_fixtures::{faults, signals, speech};
use otoscope_tests::{Heard, listen_take, listen_whole, name};

const RATE: u32 = 24_000;

/// Syllables of 200 ms and pauses of 50, -20 dBFS together: all harmonics of `f0` below 9 kHz, as loud as `gain` says of their
/// frequency.
fn syllables(f0: f64, seconds: f64, gain: impl Fn(f64) -> f64) -> Vec<f32> {
    let harmonics: Vec<(f64, f64)> =
        (1..).map(|k| f64::from(k) * f0).take_while(|&f| f < 9_000.0).map(|f| (f, gain(f))).collect();
    let mut out: Vec<f32> = (0..(seconds * f64::from(RATE)) as usize)
        .map(|n| {
            let t = n as f64 / f64::from(RATE);
            if t % 0.25 >= 0.2 {
                return 0.0;
            }
            // Phases that grow with the square of the number keep the peak low (Schroeder).
            let phase = |k: usize| (k * k) as f64 / (2 * harmonics.len()) as f64;
            harmonics.iter().enumerate().map(|(k, &(f, g))| g * sin_turns(f * t + phase(k))).sum::<f64>() as f32
        })
        .collect();
    signals::set_rms(&mut out, -20.0);
    out
}

fn findings(heard: &Heard, of: &str) -> Vec<(String, f64, f64)> {
    let s = |n: u64| n as f64 / f64::from(RATE);
    let closed = heard.findings.iter().filter(|f| name(f).starts_with(of) && f.state != otoscope::State::Open);
    closed.map(|f| (name(f), s(f.start_sample), s(f.end_sample))).collect()
}

#[test]
fn the_median_is_the_frequency_and_a_steady_voice_has_no_range() {
    for f0 in [81.0, 111.0, 221.0, 331.0] {
        let heard = listen_whole(RATE, 1, &syllables(f0, 3.0, |f| 100.0 / f));
        let median = heard.number("pitch.median_hz");
        // A bin of the histogram is 1.6 to 3.1 % wide; one pitch fills one bin and reads as its middle.
        assert!((median / f0 - 1.0).abs() < 0.017, "half a bin: {f0} {median}");
        let range = heard.number("pitch.range_semitones");
        assert!(range < 0.6, "within one bin, 0.54 semitones: {f0} {range}");
        assert!(heard.number("pitch.voiced_ratio") > 0.7, "200 of 250 ms");
    }
}

#[test]
fn a_voice_that_moves_by_six_semitones_is_a_hint_dated_to_a_syllable() {
    let mut x = syllables(130.0, 8.0, |f| 100.0 / f);
    x.extend(syllables(130.0 * 2f64.sqrt(), 10.0, |f| 100.0 / f));
    let heard = listen_whole(RATE, 1, &x);
    let drift = heard.number("pitch.drift_semitones");
    assert!((5.4..6.1).contains(&drift), "8 s of voice, 3 s time constant: 1 - e^-2.7 of six: {drift}");
    let found = findings(&heard, "pitch.");
    assert!(found.len() == 1 && (found[0].1 - 8.0).abs() < 0.25 && found[0].2 == 18.0, "{found:?}");
    assert_eq!(findings(&listen_whole(RATE, 1, &x[..8 * 24_000]), "pitch."), [], "a steady voice");
}

#[test]
fn timbre_ignores_the_level_and_measures_a_shelf() {
    // Bands 10 to 19 begin at 1937 Hz, the middle of the mel scale between 100 Hz and 8 kHz.
    let shelf = |f: f64| if f > 1_937.0 { 0.251_188_6 } else { 1.0 };
    let start = syllables(150.0, 8.0, |_| 1.0);
    let mut louder = start.clone();
    louder.extend(start.iter().map(|v| 0.3 * v));
    let heard = listen_whole(RATE, 1, &louder);
    let distance = heard.number("timbre.distance_db");
    assert!(distance < 0.3, "levels are chords of the logarithm: {distance}");
    let mut duller = start;
    duller.extend(syllables(150.0, 24.0, shelf));
    let heard = listen_whole(RATE, 1, &duller);
    let (distance, tilt) = (heard.number("timbre.distance_db"), heard.number("timbre.tilt_db"));
    // Half of the bands sink by 12 dB: 6 dB from their mean each. Leakage over the edge and chords: half a decibel.
    assert!((distance - 6.0).abs() < 0.5 && (tilt + 12.0).abs() < 0.8, "{distance} {tilt}");
    let found = findings(&heard, "timbre.");
    assert!(found.len() == 1 && (8.0..11.0).contains(&found[0].1) && found[0].2 == 32.0, "{found:?}");
}

#[test]
fn the_floor_is_the_noise_in_the_pauses() {
    for floor in [-50.0, -65.0] {
        let mut x = syllables(150.0, 10.0, |f| 100.0 / f);
        signals::add(&mut x, &signals::white_gaussian(floor, RATE, 10.0, 1));
        let heard = listen_whole(RATE, 1, &x);
        let got = heard.number("noise.floor_dbfs");
        // A fifth of the hops are noise; the quartile of 240 samples' RMS is 0.3 dB low, and a bin is 1.5 dB wide.
        assert!((got - floor).abs() < 1.5, "{floor} {got}");
        // All hops are active but those late in a pause, and the syllables hold the energy: -20 dBFS, up to 1 dB more.
        let snr = heard.number("noise.snr_db");
        assert!(
            (snr - (-20.0 - floor)).abs() < 2.5,
            "the error of the floor and the share of active hops: {floor} {snr}"
        );
    }
    let nothing = listen_whole(RATE, 1, &signals::silence(RATE, 1.0));
    assert_eq!(nothing.report.value("noise.floor_dbfs").and_then(|v| v.number()), None);
}

#[test]
fn noise_that_takes_over_is_found_with_its_extent_and_its_level() {
    // As steep as a voice: where it hides the noise, the end of the noise is hidden too.
    let speech = syllables(150.0, 6.0, |f| 1e4 / (f * f));
    for db in [0.0, -6.0] {
        for colour in [signals::white_gaussian as fn(f64, u32, f64, u64) -> Vec<f32>, signals::pink] {
            let mut x = speech.clone();
            x[72_000..96_000].copy_from_slice(&colour(-20.0 + db, RATE, 1.0, 3)[..24_000]);
            let found = findings(&listen_whole(RATE, 1, &x), "noise.");
            assert!(
                found.len() == 1 && (found[0].1 - 3.0).abs() < 0.09 && (found[0].2 - 4.0).abs() < 0.09,
                "two steps of 40 ms: {found:?}"
            );
        }
    }
    assert_eq!(findings(&listen_whole(RATE, 1, &speech), "noise."), []);
    let tone = signals::sine(1_000.0, -10.0, 0.0, RATE, 3.0);
    assert_eq!(findings(&listen_whole(RATE, 1, &tone), "noise."), [], "a held tone is no noise");
}

#[test]
fn a_stream_that_ends_in_noise_says_so() {
    for (db, seconds) in [(-30.0, 0.3), (-30.0, 0.7), (-40.0, 0.5), (-50.0, 0.5)] {
        let mut x = syllables(150.0, 4.0, |f| 100.0 / f);
        x.extend(signals::white_gaussian(db, RATE, seconds, 2));
        let found = findings(&listen_whole(RATE, 1, &x), "noise.");
        assert!(
            found.len() == 1 && found[0].0 == "noise.tail" && (found[0].1 - 4.0).abs() < 0.15,
            "{db} {seconds}: {found:?}"
        );
    }
}

#[test]
fn injected_noise_is_found_in_every_committed_voice_and_clean_speech_is_quiet() {
    for clip in speech::clips().expect("the committed speech") {
        let base = Take::from_clip(&clip).gained(-6.0).chunked(100.0, &Schedule::real_time(0.9)).expect("samples");
        let quiet = findings(&listen_take(&base), "noise.");
        assert_eq!(quiet, [], "{}", clip.name);
        for fault in ["noise_takeover", "noise_takeover_pink", "noise_over"] {
            for seconds in [1.0, 2.0] {
                let mut take = base.clone();
                let truth = faults::inject(fault, &mut take, Some(seconds), 1).expect("it fits");
                let heard = listen_take(&take);
                let hit = heard.findings.iter().any(|f| {
                    let (a, b) = (truth[0].start_sample, truth[0].end_sample);
                    let both = b.min(f.end_sample).saturating_sub(a.max(f.start_sample));
                    name(f).starts_with("noise.") && 2 * both >= b.max(f.end_sample) - a.min(f.start_sample)
                });
                assert!(hit, "{fault} {seconds} in {}: {:?}", clip.name, heard.findings);
            }
        }
    }
}
