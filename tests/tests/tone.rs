//! Tones and hum against values that follow on paper.

use otoscope_fixtures::faults::inject;
use otoscope_fixtures::take::Take;
use otoscope_fixtures::{signals, speech};
use otoscope_tests::{Heard, listen_take, listen_whole, name};

/// Noise of -70 dBFS with a sine in it.
fn with_sine(rate: u32, hz: f64, peak_dbfs: f64, seconds: f64, from_s: f64, for_s: f64) -> Vec<f32> {
    let mut x = signals::white_gaussian(-70.0, rate, seconds, 5);
    let at = (from_s * f64::from(rate)) as usize;
    signals::add(&mut x[at..], &signals::sine(hz, peak_dbfs, 0.0, rate, for_s));
    x
}

fn tones(heard: &Heard) -> Vec<String> {
    heard.names().into_iter().filter(|n| n.starts_with("tone.")).collect()
}

#[test]
fn a_sine_has_its_frequency_its_level_and_its_place() {
    for (rate, hz) in [(8_000, 3_210.0), (16_000, 1_000.0), (24_000, 4_000.0), (48_000, 15_625.0), (192_000, 30_000.0)]
    {
        let heard = listen_whole(rate, 1, &with_sine(rate, hz, -40.0, 4.0, 1.0, 2.0));
        assert_eq!(tones(&heard), ["tone.line"], "{rate}");
        let found = heard.findings.iter().find(|f| name(f) == "tone.line").expect("as just seen");
        assert!((found.value - hz).abs() < 3.0, "a fifteenth of a bin, noise 30 dB below: {} {hz}", found.value);
        assert_eq!(heard.number("tone.strongest_hz"), found.value);
        let level = heard.number("tone.strongest_dbfs");
        assert!((level + 43.01).abs() < 0.5, "three bins hold nearly all of a sine, RMS 3 dB below peak: {level}");
        let at = |sample: u64| sample as f64 / f64::from(rate);
        assert!((at(found.start_sample) - 1.0).abs() < 0.03, "one spectrum: {}", at(found.start_sample));
        assert!((at(found.end_sample) - 3.0).abs() < 0.03, "one spectrum: {}", at(found.end_sample));
        assert!((heard.number("tone.tone_s") - 2.0).abs() < 0.06, "both ends");
    }
}

#[test]
fn mains_hum_is_named_by_its_exact_frequency() {
    for hz in [50.0, 60.0, 100.0, 120.0] {
        let heard = listen_whole(22_050, 1, &with_sine(22_050, hz, -40.0, 4.0, 0.0, 4.0));
        assert_eq!(tones(&heard), ["tone.hum"], "{hz}");
        let found = heard.findings.iter().find(|f| name(f) == "tone.hum").expect("as just seen");
        assert_eq!((found.value, found.start_sample, found.end_sample), (hz, 0, 4 * 22_050));
        let level = heard.number("tone.strongest_dbfs");
        assert!((level + 43.01).abs() < 0.3, "noise, and the 4 of 220 samples that belong to no part: {level}");
    }
}

#[test]
fn a_comb_is_one_finding() {
    let mut x = signals::white_gaussian(-70.0, 24_000, 4.0, 5);
    for line in 1..12 {
        signals::add(&mut x, &signals::sine(1_000.0 * f64::from(line), -50.0, 30.0 * f64::from(line), 24_000, 4.0));
    }
    assert_eq!(tones(&listen_whole(24_000, 1, &x)), ["tone.line"]);
}

#[test]
fn what_moves_or_ends_with_the_syllable_is_no_tone() {
    let quiet = |what: &str, x: &[f32]| assert_eq!(tones(&listen_whole(24_000, 1, x)), [""; 0], "{what}");
    quiet("noise", &signals::white_gaussian(-30.0, 24_000, 10.0, 3));
    quiet("a glide of an octave a second", &signals::chirp_log(1_000.0, 8_000.0, -20.0, 24_000, 3.0));
    quiet("an offset", &signals::dc(0.05, 24_000, 4.0));
    let beeps: Vec<(f64, f64)> = (0..20).map(|i| (if i % 2 == 0 { -20.0 } else { -90.0 }, 0.3)).collect();
    quiet("tones of 0.3 s with pauses", &signals::tones(1_000.0, &beeps, 24_000));
}

#[test]
fn committed_speech_has_no_tone_until_one_is_added() {
    for clip in speech::clips().expect("the committed speech") {
        let take = Take::from_clip(&clip).gained(-1.0);
        assert_eq!(tones(&listen_take(&take)), [""; 0], "{}", clip.name);
        let mut damaged = take.clone();
        let truth = inject("tone", &mut damaged, None, 3).expect("it has room");
        let heard = listen_take(&damaged);
        assert_eq!(tones(&heard), ["tone.line"], "{}", clip.name);
        let found = heard.findings.iter().find(|f| name(f) == "tone.line").expect("as just seen");
        let common = found.end_sample.min(truth[0].end_sample) - found.start_sample.max(truth[0].start_sample);
        let all = found.end_sample.max(truth[0].end_sample) - found.start_sample.min(truth[0].start_sample);
        assert!(2 * common >= all, "{}: {found:?} {truth:?}", clip.name);
    }
}
