//! Level, offset, validity and silence against values that follow on paper.

use otoscope::spec::Value;
use otoscope::{Probe, Push};
use otoscope_fixtures::signals;
use otoscope_tests::{listen_whole, plan};

/// Single-precision samples, summed in double: a hundred times what rounding was seen to do.
const ROUNDING_DB: f64 = 1e-4;

#[test]
fn a_full_scale_sine_has_minus_three_and_a_square_has_zero() {
    for rate in [8_000, 22_050, 48_000] {
        let sine = listen_whole(rate, 1, &signals::sine(f64::from(rate) / 80.0, 0.0, 0.0, rate, 4.0));
        assert!((sine.number("level.rms_dbfs") + 3.0103).abs() < ROUNDING_DB);
        assert!(sine.number("level.sample_peak_dbfs").abs() < ROUNDING_DB);
        assert!((sine.number("level.crest_factor_db") - 3.0103).abs() < ROUNDING_DB);
        let square = listen_whole(rate, 1, &signals::square(100.0, 1.0, rate, 1.0));
        assert!(square.number("level.rms_dbfs").abs() < ROUNDING_DB);
        assert!(square.number("level.crest_factor_db").abs() < ROUNDING_DB);
    }
}

#[test]
fn levels_of_channels_are_averaged_as_power_and_peaks_are_the_largest() {
    let loud = signals::square(100.0, 0.5, 24_000, 1.0);
    let quiet = signals::square(100.0, 0.1, 24_000, 1.0);
    let heard = listen_whole(24_000, 2, &signals::interleave(&[&loud, &quiet]));
    let rms = 10.0 * ((0.25f64 + 0.01) / 2.0).log10();
    assert!((heard.number("level.rms_dbfs") - rms).abs() < ROUNDING_DB);
    assert!((heard.number("level.sample_peak_dbfs") - 20.0 * 0.5f64.log10()).abs() < ROUNDING_DB);
}

#[test]
fn the_floor_is_the_quietest_half_second() {
    let rate = 22_050;
    let square = |amplitude, seconds| signals::square(105.0, amplitude, rate, seconds);
    // Only the last pause holds half a second: of the one before, 0.1 s of -20 dBFS and 0.4 s of -60 are -26.99 together.
    let x = [square(0.1, 2.0), square(0.001, 0.4), square(0.1, 2.1), square(0.01, 0.6), square(0.1, 1.0)].concat();
    let floor = |x: &[f32]| listen_whole(rate, 1, x).report.value("level.floor_dbfs");
    let number = |x: &[f32]| floor(x).and_then(Value::number).expect("half a second");
    assert!((number(&x) + 40.0).abs() < ROUNDING_DB);
    assert!((number(&x[..2 * rate as usize + 8_820]) - 10.0 * (0.2f64 * 0.01 + 0.8e-6).log10()).abs() < ROUNDING_DB);
    assert_eq!(floor(&x[..10_000]), Some(Value::Undefined("needs 0.5 s of audio")));
    assert_eq!(floor(&[0.0; 22_050]), Some(Value::Undefined("the quietest half second is digital zero")));
}

#[test]
fn a_constant_is_found_as_an_offset_and_ends_where_it_ends() {
    let rate = 24_000;
    for (offset, severity) in [(0.01f32, "warning"), (-0.01, "warning"), (0.06, "error"), (-0.2, "error")] {
        let mut x = signals::sine(200.0, -12.0, 0.0, rate, 6.0);
        x[2 * rate as usize..4 * rate as usize].iter_mut().for_each(|v| *v += offset);
        let heard = listen_whole(rate, 1, &x);
        let found: Vec<_> = heard.findings.iter().filter(|f| otoscope_tests::name(f) == "dc_offset.offset").collect();
        assert_eq!(found.len(), 1, "{:?}", heard.names());
        let f = found[0];
        assert!(f.start_sample.abs_diff(2 * u64::from(rate)) <= 480, "within 20 ms: {f:?}");
        assert!(f.end_sample.abs_diff(4 * u64::from(rate)) <= 480, "within 20 ms: {f:?}");
        assert!((f.value - f64::from(offset)).abs() < 0.02 * f64::from(offset.abs()), "{f:?}");
        assert_eq!(f.severity.name(), severity);
        assert!((heard.number("dc_offset.mean_fs") - f64::from(offset) / 3.0).abs() < 1e-5);
    }
}

#[test]
fn silence_is_timed_at_the_start_inside_and_at_the_end() {
    let rate = 16_000;
    let tone = |s: f64| signals::sine(300.0, -20.0, 0.0, rate, s);
    let none = |s: f64| signals::silence(rate, s);
    // A short pause with a noise floor is neither a finding nor a hole.
    let hiss = signals::white_gaussian(-70.0, rate, 0.3, 1);
    let x = [none(1.5), tone(1.0), none(1.0), tone(1.0), hiss, tone(1.0), none(2.5)].concat();
    let heard = listen_whole(rate, 1, &x);
    assert_eq!(heard.names(), ["silence.lead", "silence.inner", "silence.tail"]);
    let spans: Vec<(f64, f64)> =
        heard.findings.iter().map(|f| (f.start_sample as f64 / 16e3, f.end_sample as f64 / 16e3)).collect();
    assert_eq!(spans, [(0.0, 1.5), (2.5, 3.5), (5.8, 8.3)]);
    assert_eq!(heard.findings[2].severity.name(), "error", "2 s and more");
    for (key, want) in [("lead_s", 1.5), ("tail_s", 2.5), ("inner_longest_s", 1.0), ("inner_total_s", 1.3)] {
        assert!((heard.number(&format!("silence.{key}")) - want).abs() < 1e-9, "{key}");
    }
    let counts: Vec<_> = heard.report.counts().filter(|c| c.2 > 0).map(|(_, k, n)| (k.name, n)).collect();
    assert_eq!(counts, [("lead", 1), ("inner", 1), ("tail", 1)], "a pause that became the tail counts as tail");
}

#[test]
fn channels_that_cancel_are_a_finding_not_silence() {
    let tone = signals::sine(300.0, -20.0, 0.0, 24_000, 2.0);
    let mut other = tone.clone();
    other[24_000..].iter_mut().for_each(|v| *v = -*v);
    let heard = listen_whole(24_000, 2, &signals::interleave(&[&tone, &other]));
    assert_eq!(heard.names(), ["silence.cancellation"]);
    assert_eq!(heard.findings[0].start_sample, 24_000);
}

#[test]
fn an_empty_stream_and_a_silent_one_are_named() {
    let empty = Probe::new(&plan(24_000, 1)).finish();
    assert_eq!(empty.value("level.rms_dbfs"), Some(Value::Undefined("digital silence has no level")));
    let names = |samples: &[f32]| listen_whole(24_000, 1, samples).names();
    assert_eq!(names(&[]), ["validity.empty"]);
    assert_eq!(names(&[0.0; 1000]), ["validity.silent"]);
    assert_eq!(names(&[0.0; 48_000]), ["silence.lead", "validity.silent"]);
    assert_eq!(names(&vec![1e-4; 100]), ["validity.silent"]);
}

#[test]
fn denormals_are_counted_but_kept() {
    let heard = listen_whole(24_000, 1, &[1e-40, 0.5, 0.0, -1e-42]);
    assert_eq!(heard.number("validity.denormal_ratio"), 0.5);
}

#[test]
fn what_lasts_is_told_while_it_lasts() {
    let mut probe = Probe::new(&plan(24_000, 1));
    probe.push_f32(&signals::sine(300.0, -20.0, 0.0, 24_000, 1.0), Push::CHUNK).expect("mono");
    let mut heard_at = None;
    for k in 0..200 {
        probe.push_f32(&[0.0; 240], Push::MORE).expect("mono");
        if let Some(f) = probe.poll_finding() {
            heard_at.get_or_insert((k, f.state.name(), f.start_sample));
        }
    }
    assert_eq!(heard_at, Some((97, "open", 24_000)), "0.98 s of silence, in the very hop");
}
