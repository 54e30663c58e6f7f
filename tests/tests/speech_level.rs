//! The active speech level against the Recommendation's own form, sample by sample, and against values that follow on
//! paper.

use otoscope::spec::Value;
use otoscope_fixtures::{signals, speech};
use otoscope_tests::{Heard, listen_whole};

/// ITU-T P.56 method B as it is written: every sample, every threshold, in double precision. Gives active level, activity
/// and long-term level.
fn direct(x: &[f32], rate: u32) -> Option<(f64, f64, f64)> {
    const THRESHOLDS: i32 = 15;
    let g = (-1.0 / (0.03 * f64::from(rate))).exp();
    let hangover = (0.2 * f64::from(rate)).ceil() as u64;
    let (mut p, mut q, mut energy) = (0.0, 0.0, 0.0);
    let mut active = [0u64; THRESHOLDS as usize];
    let mut hang = [hangover; THRESHOLDS as usize];
    for &v in x {
        let v = f64::from(v);
        energy += v * v;
        p = g * p + (1.0 - g) * v.abs();
        q = g * q + (1.0 - g) * p;
        for j in 0..THRESHOLDS as usize {
            if q >= 0.5f64.powi(THRESHOLDS - j as i32) {
                active[j] += 1;
                hang[j] = 0;
            } else if hang[j] < hangover {
                active[j] += 1;
                hang[j] += 1;
            }
        }
    }
    let long_term = 10.0 * (energy / x.len() as f64).log10();
    let mut before: Option<(f64, f64)> = None;
    for j in 0..THRESHOLDS as usize {
        let level = 10.0 * (energy / active[j] as f64).log10();
        let margin = level - 20.0 * 0.5f64.log10() * f64::from(THRESHOLDS - j as i32);
        if margin <= 15.9 {
            let (lower, wider) = before?;
            let level = lower + (wider - 15.9) / (wider - margin) * (level - lower);
            return Some((level, 10f64.powf((long_term - level) / 10.0), long_term));
        }
        before = Some((level, margin));
    }
    None
}

fn levels(heard: &Heard) -> (f64, f64, f64) {
    let number = |field: &str| heard.number(&format!("speech_level.{field}"));
    (number("active_dbfs"), number("activity_ratio"), number("long_term_dbfs"))
}

#[test]
fn speech_has_the_level_of_the_recommendation() {
    let mut worst = 0.0f64;
    let mut compared = 0;
    let mut compare = |name: &str, x: &[f32], rate: u32| {
        let (level, activity, long_term) = levels(&listen_whole(rate, 1, x));
        let (want, want_activity, want_long_term) = direct(x, rate).expect("speech");
        println!(
            "{name:20} {rate:6} Hz  {level:8.3} dBov (direct {want:8.3})  activity {activity:.4} ({want_activity:.4})"
        );
        // The envelope is read every 2.5 ms in stretches of speech of tenths of a second, as often too early as too late.
        assert!((level - want).abs() < 0.01, "{name}: {level} {want}");
        assert!((activity - want_activity).abs() < 0.002, "{name}: {activity} {want_activity}");
        assert!((long_term - want_long_term).abs() < 1e-4, "{name}: single-precision sums of 10 ms");
        worst = worst.max((level - want).abs());
        compared += 1;
    };
    for clip in speech::clips().expect("committed speech") {
        for gain in [1.0, 0.05] {
            let x: Vec<f32> = clip.samples_f32().iter().map(|v| v * gain).collect();
            compare(&clip.name, &x, clip.sample_rate_hz);
        }
    }
    for rate in [8_000, 11_025, 22_050, 44_100, 192_000] {
        compare("speech_like", &signals::speech_like(rate, 6.0, 3), rate);
    }
    println!("largest difference {worst:.4} dB");
    assert!(compared > 15);
}

#[test]
fn a_steady_tone_is_active_all_of_the_time() {
    for rate in [8_000, 11_025, 24_000, 48_000] {
        for level_db in [0.0, -26.0, -60.0] {
            let heard = listen_whole(rate, 1, &signals::sine(440.0, level_db, 0.0, rate, 20.0));
            let (level, activity, long_term) = levels(&heard);
            // A full-scale sine is -3.01 dBov. The envelope needs 22 ms to reach the threshold: 0.005 dB in 20 s.
            assert!((level - (level_db - 3.0103)).abs() < 0.01, "{rate} Hz: {level}");
            assert!((activity - 1.0).abs() < 0.003, "0.022 s of 20 s: {activity}");
            assert!((long_term - heard.number("level.rms_dbfs")).abs() < 1e-9, "the same sum");
        }
    }
    let square = listen_whole(24_000, 1, &signals::square(100.0, 1.0, 24_000, 20.0));
    // A full-scale square wave is the overload point.
    assert!(levels(&square).0.abs() < 0.01, "the same 22 ms");
}

#[test]
fn a_pause_lowers_the_long_term_level_and_not_the_active_one() {
    // Ten bursts of 1 s, each before 3 s of silence. The envelope falls from 0.637 of the peak (0.91 dB under the RMS) by
    // 15.0 dB to the threshold in (1 + t/T) exp(-t/T) = 0.178, t = 104 ms; then come 200 ms of hangover. It rises to it
    // in 22 ms. So 1.282 s of 4 s are active.
    let rate = 24_000;
    let mut x = Vec::new();
    for _ in 0..10 {
        x.extend(signals::sine(440.0, -20.0, 0.0, rate, 1.0));
        x.extend(signals::silence(rate, 3.0));
    }
    let (level, activity, long_term) = levels(&listen_whole(rate, 1, &x));
    assert!((long_term - (-23.0103 - 6.0206)).abs() < 1e-3, "a quarter of the energy: {long_term}");
    // The margin is held against the active level, which is itself 1.05 dB below that of the tone: a few ms more.
    assert!((activity - 1.282 / 4.0).abs() < 0.005, "{activity}");
    assert!((level - (long_term - 10.0 * activity.log10())).abs() < 1e-9, "the identity");
}

#[test]
fn what_has_no_active_level_is_undefined_and_says_why() {
    let why = |x: &[f32]| match listen_whole(24_000, 1, x).report.value("speech_level.active_dbfs") {
        Some(Value::Undefined(why)) => why,
        other => panic!("{other:?}"),
    };
    assert!(why(&[]).contains("silence") && why(&[0.0; 24_000]).contains("silence"));
    assert!(why(&signals::sine(440.0, -90.0, 0.0, 24_000, 2.0)).contains("too quiet"));
    assert!(why(&signals::sine(440.0, -73.0, 0.0, 24_000, 2.0)).contains("below -74 dBov"));
    let mut click = vec![0.0; 24_000];
    click[9_000] = 1.0;
    assert!(why(&click).contains("a click"));
    assert!(why(&signals::square(100.0, 1e4, 24_000, 2.0)).contains("far over full scale"));
    let after: Vec<f32> = [vec![1e10; 2_400], vec![0.0; 48_000]].concat();
    assert!(!why(&after).is_empty());
}

#[test]
fn channels_are_heard_as_their_mix() {
    let x = signals::speech_like(24_000, 4.0, 5);
    let one = listen_whole(24_000, 1, &x);
    let two = listen_whole(24_000, 2, &signals::interleave(&[&x, &x]));
    assert_eq!(levels(&one), levels(&two));
}
