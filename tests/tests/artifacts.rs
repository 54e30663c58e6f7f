//! Wraps, clicks, dropouts and duplicates: values that follow on paper, signals that only look like faults, injected faults.

use otoscope::Push;
use otoscope_fixtures::signals;
use otoscope_tests::{Heard, listen, listen_whole, name, plan};

/// The findings of one metric, as kind, start and end.
fn of(heard: &Heard, metric: &str) -> Vec<(String, u64, u64)> {
    let kinds = heard.findings.iter().map(|f| (name(f), f.start_sample, f.end_sample));
    kinds.filter(|(n, ..)| n.split('.').next() == Some(metric)).collect()
}

/// Cast to 16 bits without saturation.
fn cast(x: &[f32]) -> Vec<f32> {
    x.iter().map(|&v| f32::from((f64::from(v) * 32768.0).round() as i64 as i16) / 32768.0).collect()
}

#[test]
fn the_wraps_of_a_sine_are_counted_and_dated() {
    // 200 Hz, 10 % too loud: 120 samples a period, of which acos(1 / 1.1) = 24.62 degrees on either side of both tops
    // lie beyond the range: 16.4 samples, so runs of 16 or 17. Two jumps a top, two tops a period.
    let heard = listen_whole(24_000, 1, &cast(&signals::sine_amplitude(200.0, 1.1, 3.0, 24_000, 1.0)));
    assert_eq!(heard.number("wrap.jumps"), 800.0);
    assert!([16.0, 17.0].contains(&heard.number("wrap.longest_run_samples")));
    // 65.38 degrees, less the phase of 3: the first sample from 20.8 on; the last of them ends 24.62 degrees past the
    // last top, at 119.9 + 23,880 less the phase.
    let found = of(&heard, "wrap");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].1, 21);
    assert!((23_970..24_000).contains(&found[0].2), "{found:?}");
    assert_eq!(heard.findings.iter().find(|f| name(f) == "wrap.wrap").map(|f| f.value), Some(800.0));
}

#[test]
fn full_scale_that_became_minus_full_scale_is_a_wrap() {
    // The scale of 32768 where 32767 fits: only the one sample on top of each period is beyond.
    let x = cast(&signals::sine_amplitude(100.0, 1.0, 0.0, 16_000, 0.5));
    assert_eq!(
        x.iter().filter(|v| **v == -1.0).count(),
        100,
        "50 tops too many, 50 bottoms that are as they should be"
    );
    let heard = listen_whole(16_000, 1, &x);
    assert_eq!(heard.number("wrap.jumps"), 100.0);
    assert_eq!(heard.number("wrap.longest_run_samples"), 1.0);
}

#[test]
fn what_swings_from_rail_to_rail_by_nature_is_no_wrap() {
    let limited = |rate: u32, gain: f32, ceiling: f32| {
        let x = signals::speech_like(rate, 10.0, 7);
        x.iter().map(|v| (v * gain).clamp(-ceiling, ceiling)).collect::<Vec<_>>()
    };
    let near_nyquist = |rate: u32| {
        let noise = signals::white_gaussian(-10.0, rate, 5.0, 3);
        noise.iter().enumerate().map(|(i, v)| (0.9 + 0.2 * v) * if i % 2 == 0 { 1.0 } else { -1.0 }).collect::<Vec<_>>()
    };
    for rate in [8_000, 24_000, 48_000] {
        let hostile: Vec<(String, Vec<f32>)> = [
            ("white noise".into(), signals::white_uniform(0.0, rate, 10.0, 1)),
            (
                "clipped noise".into(),
                signals::white_gaussian(0.0, rate, 10.0, 1).iter().map(|v| v.clamp(-1.0, 1.0)).collect(),
            ),
            ("noise near half the rate".into(), near_nyquist(rate)),
            ("a tone near half the rate".into(), signals::sine(0.49 * f64::from(rate), 0.0, 10.0, rate, 2.0)),
            ("a tone at a third of the rate".into(), signals::sine(0.331 * f64::from(rate), 0.0, 10.0, rate, 2.0)),
        ]
        .into_iter()
        .chain([50.0, 333.0, 997.0, 1_999.0, 3_800.0].into_iter().flat_map(|hz| {
            [1.0, 0.97, 0.8].map(|a| (format!("a square of {hz} Hz"), signals::square(hz, a, rate, 2.0)))
        }))
        .chain([2.0, 8.0, 50.0, 500.0].into_iter().flat_map(|gain| {
            [1.0, 0.98].map(|ceiling| (format!("a limiter, gain {gain}"), limited(rate, gain, ceiling)))
        }))
        .collect();
        for (what, x) in hostile {
            let x = signals::from_i16(&signals::quantise(&x));
            let found = of(&listen_whole(rate, 1, &x), "wrap");
            assert!(found.is_empty(), "{what} at {rate} Hz: {found:?}");
        }
    }
}

#[test]
fn a_sample_that_is_off_is_a_click_of_its_size_at_its_place() {
    for rate in [8_000, 16_000, 24_000, 48_000, 192_000] {
        for size in [0.05f32, 0.1, -0.3] {
            let mut x = signals::sine(180.0, -10.0, 0.0, rate, 1.0);
            signals::add(&mut x, &signals::white_gaussian(-70.0, rate, 1.0, 5));
            let at = rate as usize / 2 + 77;
            x[at] += size;
            let heard = listen_whole(rate, 1, &x);
            let found = of(&heard, "click");
            assert_eq!(found, [("click.click".to_owned(), at as u64, at as u64 + 1)], "{size} at {rate} Hz");
            let value = heard.number("click.largest_click_fs");
            assert!((value - f64::from(size.abs())).abs() < 0.002, "six times the noise: {value} {size}");
        }
    }
}

#[test]
fn a_click_at_an_edge_is_the_joins_and_pulses_are_the_voices() {
    let rate = 24_000;
    let mut x = signals::sine(180.0, -10.0, 0.0, rate, 1.0);
    signals::add(&mut x, &signals::white_gaussian(-70.0, rate, 1.0, 5));
    x[7_200] += 0.2;
    let heard = listen(&plan(rate, 1), x.chunks(2_400).map(|c| (c, Push::CHUNK)));
    assert_eq!((of(&heard, "click").len(), of(&heard, "join").len()), (0, 1));
    for rate in [8_000, 22_050, 24_000, 48_000] {
        for (what, x) in [
            ("speech-like", signals::speech_like(rate, 20.0, 3)),
            ("a square", signals::square(110.0, 0.5, rate, 2.0)),
            ("noise", signals::white_gaussian(-20.0, rate, 10.0, 4)),
            ("pink noise", signals::pink(-20.0, rate, 10.0, 4)),
            ("a chirp", signals::chirp(20.0, 0.49 * f64::from(rate), -6.0, rate, 5.0)),
        ] {
            assert_eq!(of(&listen_whole(rate, 1, &x), "click"), [], "{what} at {rate} Hz");
        }
    }
}

/// Two seconds of voiced-like sound: a tone with overtones and a little noise.
fn voiced(rate: u32) -> Vec<f32> {
    let mut x = signals::sine(140.0, -12.0, 20.0, rate, 2.0);
    for (k, db) in [(2.0, -16.0), (3.0, -18.0), (5.0, -26.0), (9.0, -34.0)] {
        signals::add(&mut x, &signals::sine(140.0 * k, db, 40.0 * k, rate, 2.0));
    }
    signals::add(&mut x, &signals::white_gaussian(-65.0, rate, 2.0, 8));
    x
}

#[test]
fn a_hole_has_its_length_to_the_sample() {
    for rate in [8_000, 22_050, 24_000, 48_000, 192_000] {
        for ms in [5, 10, 20, 60, 200] {
            let mut x = voiced(rate);
            let (start, len) = (rate as usize + 13, (rate as usize * ms).div_ceil(1000));
            x[start..start + len].fill(0.0);
            let heard = listen_whole(rate, 1, &x);
            let found = of(&heard, "dropout");
            assert_eq!(found.len(), 1, "{ms} ms at {rate} Hz: {found:?}");
            assert_eq!(found[0].0, "dropout.hole");
            // The sound may pass through zero next to the hole: 0.3 ms at most, at 140 Hz and half of full scale.
            let near = u64::from(rate) / 3_000;
            assert!(found[0].1 <= start as u64 && found[0].1 + near >= start as u64, "{found:?} {start}");
            let end = (start + len) as u64;
            assert!(found[0].2 >= end && found[0].2 <= end + near, "{found:?} {end}");
            assert!((heard.number("dropout.longest_ms") - ms as f64).abs() < 0.7, "twice that");
        }
    }
}

#[test]
fn a_hole_filled_with_dither_is_a_gap_and_one_that_is_faded_to_is_a_pause() {
    let rate = 24_000;
    let mut x = voiced(rate);
    let noise = signals::white_gaussian(-60.0, rate, 0.04, 2);
    x[30_000..30_000 + noise.len()].copy_from_slice(&noise);
    let found = of(&listen_whole(rate, 1, &x), "dropout");
    assert_eq!(found.iter().map(|f| f.0.as_str()).collect::<Vec<_>>(), ["dropout.gap"]);
    // The closure of a consonant: the voice dies away by 1 dB every 0.5 ms over 40 ms, and comes back.
    let mut x = voiced(rate);
    for (i, v) in x[30_000..31_600].iter_mut().enumerate() {
        *v *= 10f32.powf(-(i.min(960) as f32) / 12.0 / 20.0);
    }
    assert_eq!(of(&listen_whole(rate, 1, &x), "dropout"), []);
    // A synthesiser that cuts a sound off, pauses, and begins the next one softly, within 5 ms.
    let mut x = voiced(rate);
    let noise = signals::white_gaussian(-70.0, rate, 0.05, 2);
    x[30_000..31_200].copy_from_slice(&noise);
    for (i, v) in x[31_200..31_320].iter_mut().enumerate() {
        *v *= 0.5 - 0.5 * (std::f32::consts::PI * i as f32 / 120.0).cos();
    }
    assert_eq!(of(&listen_whole(rate, 1, &x), "dropout"), []);
    // A voice that stops for good, and one that pauses for half a second.
    let mut x = voiced(rate);
    x[20_000..32_000].fill(0.0);
    x[40_000..].fill(0.0);
    assert_eq!(of(&listen_whole(rate, 1, &x), "dropout"), []);
}

/// Noise below 1.5 kHz: a rise through zero in each millisecond or so.
fn murmur(rate: u32, seconds: f64) -> Vec<f32> {
    let white = signals::white_gaussian(-22.0, rate, seconds, 12);
    let mut last = [0.0f32; 2];
    let smooth = white.iter().map(|v| {
        let a = 1.0 - (-core::f32::consts::TAU * 1_500.0 / rate as f32).exp();
        last[0] += a * (v - last[0]);
        last[1] += a * (last[0] - last[1]);
        last[1] * 2.0
    });
    signals::from_i16(&signals::quantise(&smooth.collect::<Vec<_>>()))
}

#[test]
fn a_frame_sent_twice_at_an_edge_is_a_repeat_of_its_length() {
    let rate = 24_000;
    for ms in [20, 40] {
        let n = rate as usize * ms / 1000;
        let x = murmur(rate, 2.0);
        let mut chunks: Vec<&[f32]> = x.chunks(n).collect();
        chunks.insert(21, chunks[20]);
        let heard = listen(&plan(rate, 1), chunks.iter().map(|&c| (c, Push::CHUNK)));
        let start = 21 * n as u64;
        assert_eq!(of(&heard, "duplicate"), [("duplicate.repeat".to_owned(), start, start + n as u64)], "{ms} ms");
        assert!((heard.number("duplicate.total_ms") - ms as f64).abs() < 1e-9, "the distance is exact");
    }
}

#[test]
fn a_frame_that_never_ends_is_stuck() {
    let rate = 24_000;
    let x = murmur(rate, 2.0);
    let stuck = [&x[..24_000], &x[23_520..24_000].repeat(25), &x[24_000..]].concat();
    let found = of(&listen_whole(rate, 1, &stuck), "duplicate");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "duplicate.stuck");
    assert!(found[0].1.abs_diff(24_000) < 240 && found[0].2.abs_diff(36_000) < 240, "a few rises: {found:?}");
}

#[test]
fn tones_silence_and_speech_are_no_duplicates() {
    for rate in [8_000, 24_000, 48_000] {
        let mut signals: Vec<(String, Vec<f32>)> = [50.0, 100.0, 125.0, 1_000.0, 1_500.0]
            .map(|hz| (format!("{hz} Hz"), signals::sine(hz, -10.0, 5.0, rate, 2.0)))
            .into();
        signals.push(("silence".into(), signals::silence(rate, 2.0)));
        signals.push(("the last bit".into(), signals::lsb_noise(rate, 2.0, 1)));
        signals.push(("a square".into(), signals::square(100.0, 0.5, rate, 2.0)));
        signals.push(("speech-like".into(), signals::speech_like(rate, 10.0, 1)));
        for (what, x) in signals {
            let x = signals::from_i16(&signals::quantise(&x));
            assert_eq!(of(&listen_whole(rate, 1, &x), "duplicate"), [], "{what} at {rate} Hz");
        }
    }
}
