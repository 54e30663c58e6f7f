//! Full-reference scores: values that follow on paper, and reasons for pairs without one.

use otoscope::compare::{Align, Config, Reason, Reference, SCORES, Samples, Scratch, Side, Warning, compare};

/// Two orthogonal square waves: the products of their samples add up to zero over every four.
fn slow(n: usize) -> f64 {
    if n % 4 < 2 { 0.5 } else { -0.5 }
}
fn fast(n: usize) -> f64 {
    if n.is_multiple_of(2) { 0.5 } else { -0.5 }
}

fn plan(score: &str) -> otoscope::compare::Plan {
    Config::new([score]).freeze().expect("a score of the list")
}

fn value(score: &str, reference: &[f64], degraded: &[f64]) -> f64 {
    let result = compare(&plan(score), reference, degraded, 16_000);
    result.scores[0].value().unwrap_or_else(|| panic!("{score}: {}", result.scores[0].status()))
}

#[test]
fn ratios_follow_on_paper() {
    let r: Vec<f64> = (0..4000).map(slow).collect();
    let d: Vec<f64> = (0..4000).map(|n| slow(n) + 0.1 * fast(n)).collect();
    let half: Vec<f64> = d.iter().map(|v| 0.5 * v).collect();
    let offset: Vec<f64> = half.iter().map(|v| v + 0.05).collect();
    // The error is a tenth of the signal in amplitude. 1e-9: rounding of sums of 4000 squares.
    assert!((value("snr", &r, &d) - 20.0).abs() < 1e-9);
    assert!((value("si_sdr", &r, &d) - 20.0).abs() < 1e-9);
    assert!((value("si_sdr", &r, &half) - 20.0).abs() < 1e-9, "a gain changes nothing");
    // Of 1 in all, (1 - 0.5)^2 for the halved signal and 0.05^2 for the noise.
    assert!((value("snr", &r, &half) - 10.0 * (1.0 / (0.25 + 0.0025_f64)).log10()).abs() < 1e-9);
    // An offset of 0.05 weighs 0.0025 against a target of 0.0625 and a noise of 0.000625; without the means it is gone.
    let with_offset = 10.0 * (0.0625 / (0.000_625 + 0.0025_f64)).log10();
    assert!((value("si_sdr", &r, &offset) - with_offset).abs() < 1e-9);
    assert!((value("si_snr", &r, &offset) - 20.0).abs() < 1e-9);
}

#[test]
fn equal_signals_have_the_status_identical() {
    let r: Vec<f32> = (0..4001).map(|n| slow(n) as f32 * 0.3 + 0.01).collect();
    let half: Vec<f32> = r.iter().map(|v| 0.5 * v).collect();
    for (score, degraded) in [("snr", &r), ("si_sdr", &r), ("si_sdr", &half), ("si_snr", &half)] {
        let result = compare(&plan(score), &r, degraded, 16_000);
        assert_eq!(result.scores[0].values, Err(Reason::Identical), "{score}");
    }
}

#[test]
fn what_is_wrong_with_a_pair_is_named() {
    let r: Vec<f32> = (0..8000).map(|n| slow(n) as f32).collect();
    let zero = vec![0.0_f32; 8000];
    let mut bad = r.clone();
    bad[77] = f32::NAN;
    let of = |a: &[f32], b: &[f32]| compare(&plan("si_sdr"), a, b, 16_000).scores[0].values.clone();
    assert_eq!(of(&zero, &r), Err(Reason::SilentReference));
    assert_eq!(of(&r, &zero), Err(Reason::SilentDegraded));
    assert_eq!(of(&bad, &r), Err(Reason::NotFinite { side: Side::Reference, index: 77 }));
    assert_eq!(of(&r, &bad), Err(Reason::NotFinite { side: Side::Degraded, index: 77 }));
    assert_eq!(of(&r, &r[..7000]), Err(Reason::LengthMismatch { reference_samples: 8000, degraded_samples: 7000 }));
    assert_eq!(of(&r, &[]).expect_err("nothing to compare").name(), "too_short");
    let reference = Reference::new(&plan("si_sdr"), r.as_slice(), 16_000);
    let other_rate = reference.compare(r.as_slice(), 24_000, &mut Scratch::new());
    assert_eq!(other_rate.scores[0].status(), "rate_mismatch");
    let no_rate = compare(&plan("si_sdr"), r.as_slice(), r.as_slice(), 0);
    assert_eq!(no_rate.scores[0].status(), "rate_unsupported");
    let orthogonal: Vec<f32> = (0..8000).map(|n| fast(n) as f32).collect();
    assert_eq!(of(&r, &orthogonal).expect_err("nothing in common").name(), "undefined");
}

fn noise(n: usize) -> Vec<i16> {
    let mut seed = 7_u32;
    (0..n)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 18) as i16 - 8192
        })
        .collect()
}

#[test]
fn a_late_signal_is_told_and_can_be_brought_into_step() {
    let r = noise(40_000);
    let late: Vec<i16> = [vec![0; 321], r[..40_000 - 321].to_vec()].concat();
    let told = compare(&plan("si_sdr"), &r, &late, 16_000);
    assert_eq!(told.scores[0].warnings, [Warning::NotInStep { delay_samples: 321 }]);
    assert!(told.scores[0].value().expect("still a number") < -10.0);
    let mut config = Config::new(["si_sdr"]);
    config.align = Align::Delay;
    let plan = config.freeze().expect("a good configuration");
    let aligned = compare(&plan, &r, &late, 16_000);
    assert_eq!(aligned.alignment.delay_samples, Some(321));
    assert_eq!(aligned.scores[0].status(), "identical");
    // The other way round, and with what was cut off at the front.
    let early = compare(&plan, &r, &r[1000..], 16_000);
    assert_eq!(early.alignment.delay_samples, Some(-1000));
    assert_eq!(early.scores[0].status(), "identical");
}

#[test]
fn a_configuration_is_checked() {
    for (key, says) in [("si_sdt", "si_sdr"), ("si_sdr:nope", "plain"), ("", "did you mean")] {
        let error = Config::new([key]).freeze().expect_err(key).to_string();
        assert!(error.contains(says), "{key}: {error}");
    }
    assert!(Config::new(["snr", "snr:plain"]).freeze().is_err());
    let mut config = Config::new(["snr"]);
    config.max_delay_s = f64::NAN;
    assert!(config.freeze().is_err());
    assert_eq!(Config::default().freeze().expect("all scores").scores().len(), SCORES.len());
}

#[test]
fn the_list_is_in_order() {
    for (i, spec) in SCORES.iter().enumerate() {
        for other in &SCORES[i + 1..] {
            assert!(spec.id != other.id && spec.name != other.name, "{} {}", spec.name, other.name);
        }
        assert!(!spec.presets.is_empty() && !spec.fields.is_empty(), "{}", spec.name);
        let columns = spec.tables.iter().flat_map(|t| t.columns);
        for field in spec.fields.iter().chain(columns) {
            if let Some(suffix) = field.unit.suffix() {
                assert!(format!("_{}", field.name).contains(suffix), "{}.{} lacks {suffix}", spec.name, field.name);
            }
        }
    }
}

#[test]
fn the_json_holds_scores_and_reasons() {
    let r: Vec<f64> = (0..4000).map(slow).collect();
    let d: Vec<f64> = (0..4000).map(|n| slow(n) + 0.1 * fast(n)).collect();
    let all = Config::new(["snr", "si_sdr:plain"]).freeze().expect("good scores");
    let text = compare(&all, &r, &d, 16_000).to_json(&Default::default());
    assert!(
        text.starts_with(r#"{"schema":"otoscope.comparison/1","reference":{"sample_rate_hz":16000,"samples":4000,"#),
        "{text}"
    );
    assert!(text.contains(r#""si_sdr:plain":{"value_db":"#), "{text}");
    let text = compare(&all, &r, vec![0.0; 4000], 16_000).to_json(&Default::default());
    assert!(
        text.contains(r#""scores":{},"status":{"snr":"silent_degraded","si_sdr:plain":"silent_degraded"}"#),
        "{text}"
    );
}

#[test]
fn results_do_not_depend_on_type_thread_or_scratch() {
    let r = noise(30_000);
    let d: Vec<i16> = r.iter().enumerate().map(|(n, v)| v / 2 + (n % 7) as i16).collect();
    let plan = Config::default().freeze().expect("all scores");
    let single = |x: &[i16]| -> Vec<f32> { x.iter().map(|&v| f32::from(v) / 32768.0).collect() };
    let (rf, df) = (single(&r), single(&d));
    let reference = Reference::new(&plan, Samples::from(&r), 16_000);
    let first = reference.compare(&d, 16_000, &mut Scratch::new());
    let mut scratch = Scratch::new();
    for _ in 0..2 {
        assert_eq!(reference.compare(&d, 16_000, &mut scratch).scores, first.scores, "used scratch");
        assert_eq!(reference.compare(&df, 16_000, &mut scratch).scores, first.scores, "another type");
    }
    let other = Reference::new(&plan, rf, 16_000);
    std::thread::scope(|s| {
        for _ in 0..3 {
            s.spawn(|| assert_eq!(other.compare(&d, 16_000, &mut Scratch::new()).scores, first.scores));
        }
    });
}
