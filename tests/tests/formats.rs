//! Formats taken for others, against values that follow on paper, and on signals that must not look like one.

use otoscope::{Config, Push, StreamSpec};
use otoscope_fixtures::take::Take;
use otoscope_fixtures::{faults, signals, speech};
use otoscope_tests::{Heard, listen, listen_take, name, plan};

/// The kinds of `validity` and where they lie.
fn formats(heard: &Heard) -> Vec<(String, u64, u64)> {
    let own = heard.findings.iter().filter(|f| name(f).starts_with("validity."));
    own.map(|f| (name(f)[9..].to_owned(), f.start_sample, f.end_sample)).collect()
}

fn validity(sample_rate_hz: u32, channels: u32, samples: &[f32]) -> Heard {
    let mut config = Config::new(StreamSpec { sample_rate_hz, channels });
    config.only(["validity"]).expect("a metric");
    listen(&config.freeze().expect("a stream"), [(samples, Push::CHUNK)])
}

/// The 44 bytes of a WAV header, as 16-bit samples.
fn header() -> Vec<f32> {
    let mut bytes = b"RIFF\x24\x10\x00\x00WAVEfmt \x10\x00\x00\x00\x01\x00\x01\x00\xc0\x5d\x00\x00".to_vec();
    bytes.extend(b"\x80\xbb\x00\x00\x02\x00\x10\x00data\x00\x10\x00\x00");
    assert_eq!(bytes.len(), 44);
    bytes.chunks(2).map(|b| f32::from(i16::from_le_bytes([b[0], b[1]])) / 32768.0).collect()
}

#[test]
fn a_header_is_found_at_any_sample_of_any_stream() {
    // Across the border of two hops (240 samples), at the start, in the middle.
    for at in [0, 1, 100, 229, 233, 234, 235, 239, 240, 5_001] {
        let mut x = signals::sine(300.0, -3.0, 0.0, 24_000, 0.5);
        x.splice(at..at, header());
        let heard = validity(24_000, 1, &x);
        assert_eq!(formats(&heard), [("wav_header".to_owned(), at as u64, at as u64 + 22)]);
        assert_eq!(heard.findings[0].value, 22.0, "44 bytes are 22 samples");
    }
    // In two channels the same bytes are 11 samples of each, whichever channel they begin in.
    for at in [0, 480, 481, 4_801] {
        let mut x = signals::sine(300.0, -3.0, 0.0, 48_000, 0.5);
        x.splice(at..at, header());
        let first = at as u64 / 2;
        assert_eq!(formats(&validity(24_000, 2, &x)), [("wav_header".to_owned(), first, first + 11)], "{at}");
    }
    // Taken for floats they are 11 numbers, the first of them 12690.3.
    let bytes: Vec<u8> = header().iter().flat_map(|v| ((v * 32768.0) as i16).to_le_bytes()).collect();
    let floats = bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b));
    let mut x = signals::sine(300.0, -3.0, 0.0, 24_000, 0.5);
    x.splice(700..700, floats);
    // Its `data` is 2.7e20, which the gate refuses.
    let found = formats(&validity(24_000, 1, &x));
    assert_eq!(found, [("wav_header".to_owned(), 700, 711), ("not_finite".to_owned(), 709, 710)]);
}

#[test]
fn speech_in_each_wrong_format_is_one_finding_over_all_of_it() {
    for (fault, severities) in [
        ("float_scale", &[32768.0][..]),
        ("mu_law", &[1.0, 2.0]),
        ("byte_order", &[1.0, 2.0]),
        ("interleaved", &[0.0, 6.0]),
    ] {
        for &severity in severities {
            for clip in speech::clips().expect("the committed speech") {
                let mut take = Take::from_clip(&clip);
                let truth = faults::inject(fault, &mut take, Some(severity), 1).expect("a take of speech");
                let found = formats(&validity(take.sample_rate_hz, 1, &take.samples));
                let text = format!("{fault} {severity} {}: {found:?}", clip.name);
                assert_eq!(found.len(), 1, "{text}");
                assert!(found[0].0 == fault && found[0].2 == truth[0].end_sample, "{text}");
                // Mu-law turns quiet starts into what looks like quiet audio.
                assert!(found[0].1 as f64 / found[0].2 as f64 <= 0.25, "{text}");
            }
        }
    }
}

#[test]
fn a_format_that_changes_in_the_stream_is_dated() {
    let clip = speech::load("en_piper_joe_1").expect("committed");
    let good = clip.samples_f32();
    let mut bad = Take::from_clip(&clip);
    faults::inject("byte_order", &mut bad, Some(1.0), 1).expect("a take");
    let n = good.len();
    let x = [good.clone(), bad.samples, good].concat();
    let found = formats(&validity(clip.sample_rate_hz, 1, &x));
    assert_eq!(found.len(), 1, "{found:?}");
    let near = 0.5 * f64::from(clip.sample_rate_hz);
    let off = [found[0].1.abs_diff(n as u64), found[0].2.abs_diff(2 * n as u64)];
    assert!(off.iter().all(|&d| (d as f64) < near), "pauses at either side belong to neither: {found:?} {n}");
}

#[test]
fn loud_signals_of_other_kinds_are_no_formats() {
    let rate = 24_000;
    let mut quiet = Vec::new();
    let mut check = |what: String, x: &[f32]| {
        let x = signals::from_i16(&signals::quantise(x));
        let found = formats(&validity(rate, 1, &x));
        if !found.is_empty() {
            quiet.push(format!("{what}: {found:?}"));
        }
    };
    for seed in 0..5 {
        check(format!("white noise {seed}"), &signals::white_gaussian(-5.0, rate, 5.0, seed));
        check(format!("pink noise {seed}"), &signals::pink(-12.0, rate, 5.0, seed));
    }
    for hz in [20.0, 50.0, 123.4, 440.0, 1_000.0, 2_999.0, 4_000.0, 6_000.0, 6_001.0, 8_000.0, 11_000.0] {
        for dbfs in [0.0, -6.0, -20.0] {
            let tone = signals::sine(hz, dbfs, 10.0, rate, 3.0);
            check(format!("{hz} Hz {dbfs} dBFS"), &tone);
            let square: Vec<f32> = tone.iter().map(|v| 0.99 * v.signum()).collect();
            check(format!("square {hz} Hz"), &square);
        }
    }
    assert!(quiet.is_empty(), "{quiet:#?}");
}

#[test]
fn clean_speech_has_its_format_at_any_level() {
    for clip in speech::clips().expect("the committed speech") {
        for db in [-30.0, 0.0, 12.0] {
            let take = Take::from_clip(&clip).gained(db);
            let x = signals::from_i16(&take.to_i16());
            assert_eq!(formats(&validity(clip.sample_rate_hz, 1, &x)), [], "{} {db} dB", clip.name);
            let heard = listen(&plan(clip.sample_rate_hz, 2), [(&x[..x.len() & !1], Push::CHUNK)]);
            assert_eq!(formats(&heard), [], "as two channels, which it is not: {} {db} dB", clip.name);
        }
        assert_eq!(formats(&listen_take(&Take::from_clip(&clip))), [], "{}", clip.name);
    }
}
