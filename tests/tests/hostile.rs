//! Whatever is pushed, nothing panics, hangs or yields a number that is not one.

use otoscope::spec::Value;
use otoscope::{Config, Enabled, Probe, Push, StreamSpec};
use otoscope_fixtures::rng::Rng;
use otoscope_fixtures::signals;
use otoscope_tests::{Heard, listen, listen_whole, plan};

/// Every number of a report is finite, ratios and counts are not negative.
fn is_sane(heard: &Heard, what: &str) {
    heard.report.visit(|m, f, v| {
        if let Value::Number(x) = v {
            assert!(x.is_finite(), "{what}: {}.{} is {x}", m.name, f.name);
            if f.name.ends_with("_ratio") || f.name.ends_with("_samples") || f.unit == otoscope::spec::Unit::Count {
                assert!(x >= 0.0, "{what}: {}.{} is {x}", m.name, f.name);
            }
        }
    });
    for f in &heard.findings {
        assert!(f.start_sample <= f.end_sample && f.end_sample <= heard.report.samples, "{what}: {f:?}");
        assert!(f.value.is_finite() && f.threshold.is_finite(), "{what}: {f:?}");
    }
}

#[test]
fn strange_signals_survive_at_every_rate() {
    for rate in [8_000, 11_025, 22_050, 24_000, 44_100, 96_000, 192_000, 8_001, 191_999] {
        let n = rate as usize;
        let signals: [(&str, Vec<f32>); 14] = [
            ("nothing", vec![]),
            ("one sample", vec![0.7]),
            ("one NaN", vec![f32::NAN]),
            ("all NaN", vec![f32::NAN; n]),
            ("all infinite", vec![f32::INFINITY; n]),
            ("the largest numbers", vec![f32::MAX; n]),
            ("the largest accepted", vec![1e12; n]),
            ("alternating extremes", (0..n).map(|i| if i % 2 == 0 { 1e12 } else { -1e12 }).collect()),
            ("denormals", vec![1e-42; n]),
            ("silence", vec![0.0; 4 * n]),
            ("a constant at full scale", vec![1.0; 4 * n]),
            ("a full-scale square", signals::square(333.0, 1.0, rate, 4.0)),
            ("full-scale noise", signals::white_uniform(0.0, rate, 1.0, 1)),
            ("floats in 16-bit scale", signals::speech_like(rate, 1.0, 1).iter().map(|v| v * 32768.0).collect()),
        ];
        for (what, x) in &signals {
            is_sane(&listen_whole(rate, 1, x), &format!("{what} at {rate} Hz"));
        }
    }
}

#[test]
fn a_full_scale_square_is_one_finding_of_clipping_not_thousands() {
    let heard = listen_whole(24_000, 1, &signals::square(100.0, 1.0, 24_000, 3.0));
    let clipping: Vec<_> = heard.names().into_iter().filter(|n| n.starts_with("clipping")).collect();
    assert_eq!(clipping, ["clipping.rail"]);
}

#[test]
fn hostile_times_do_no_harm() {
    let plan = plan(24_000, 1);
    let x = signals::speech_like(24_000, 0.5, 2);
    let times = [0, i64::MAX, i64::MIN, -1, i64::MAX, 5, i64::MIN + 1, 0, i64::MAX - 1];
    let pieces = x.chunks(1_000).zip(times.into_iter().cycle()).map(|(c, t)| (c, Push::at(t)));
    is_sane(&listen(&plan, pieces), "extreme times");
    let ticks = times.into_iter().map(|t| (&[][..], Push::at(t)));
    is_sane(&listen(&plan, ticks), "ticks only");
}

#[test]
fn an_edge_at_every_sample_does_no_harm() {
    let x = signals::speech_like(24_000, 0.3, 2);
    let heard = listen(&plan(24_000, 1), x.chunks(1).map(|c| (c, Push::at(0))));
    is_sane(&heard, "chunks of one sample");
    assert!(heard.number("join.edges_skipped") > 6_000.0);
}

#[test]
fn random_bits_survive() {
    let mut rng = Rng::new(9);
    for round in 0..60u32 {
        let channels = 1 + round % 8;
        let frames = rng.below(9_000);
        let x: Vec<f32> = (0..frames * channels as usize).map(|_| f32::from_bits(rng.next_u64() as u32)).collect();
        is_sane(&listen_whole(8_000 + round * 3_000, channels, &x), &format!("round {round}"));
    }
}

#[test]
fn misuse_is_refused_and_changes_nothing() {
    let mut probe = Probe::new(&plan(24_000, 2));
    let refused = probe.push_f32(&[0.0; 3], Push::CHUNK).expect_err("half a frame");
    assert!(refused.to_string().contains("3 interleaved samples are not a multiple of 2 channels"));
    assert_eq!(probe.samples(), 0);
    probe.push_i16(&[1, 2], Push::CHUNK).expect("a frame");
    probe.finish();
    assert!(probe.push_i16(&[1, 2], Push::CHUNK).is_err());
    assert_eq!(probe.samples(), 1);
}

#[test]
fn three_hours_are_as_good_as_three_seconds() {
    // A tone whose values are known, for three hours: counters, histograms and sums must not run over.
    let rate = 8_000;
    let second = signals::sine(400.0, -20.0, 0.0, rate, 1.0);
    let mut probe = Probe::new(&plan(rate, 1));
    let before = probe.plan().state_bytes();
    for _ in 0..10_800 {
        probe.push_f32(&second, Push::MORE).expect("mono");
    }
    let report = probe.finish();
    let number = |key| report.value(key).and_then(Value::number).unwrap_or(f64::NAN);
    assert_eq!(report.samples, 10_800 * 8_000);
    assert_eq!(probe.plan().state_bytes(), before);
    assert!((number("level.rms_dbfs") + 23.0103).abs() < 1e-4, "rounding; {}", number("level.rms_dbfs"));
    let three_s = listen_whole(rate, 1, &second.repeat(4));
    let short = three_s.number("loudness.integrated_lufs");
    // The same tone: only the bin the gate cuts could differ, and it is empty.
    assert!(
        (number("loudness.integrated_lufs") - short).abs() < 0.0012,
        "{} {short}",
        number("loudness.integrated_lufs")
    );
    let mut log = otoscope::FindingLog::new();
    log.drain(&mut probe);
    let names: Vec<String> = log.into_sorted().iter().map(otoscope_tests::name).collect();
    assert_eq!(names, ["tone.line"], "one finding of three hours");
}

#[test]
fn a_stream_keeps_little_memory() {
    // 16 kB at 24 kHz without `repetition`, which remembers 10 s of sound, is the promise; ARCHITECTURE.md has the figure per rate.
    for (rate, limit) in [(8_000, 16_384), (24_000, 16_384), (48_000, 24_576), (192_000, 65_536)] {
        let all = plan(rate, 1).state_bytes();
        let mut config = Config::new(StreamSpec::mono(rate));
        config.enable("repetition", Enabled::Off).expect("a metric");
        let bytes = config.freeze().expect("a rate a probe accepts").state_bytes();
        println!("{rate} Hz mono: {bytes} bytes, {all} with repetition");
        assert!(bytes <= limit && all <= limit + 16_384, "{rate}: {bytes} {all}");
    }
}
