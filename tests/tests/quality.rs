//! The predicted score under the caps of what was found.

use otoscope::spec::Value;
use otoscope::verdict::{Quality, quality};
use otoscope::{Config, Push, Severity, StreamMeta, StreamSpec};
use otoscope_fixtures::{faults, speech, take::Take};
use otoscope_tests::{Heard, listen};

/// Speech that the network likes, in whole clips of 5 s, for `seconds` at least.
fn clean(seconds: f64) -> Take {
    let clips = speech::clips().expect("the committed speech");
    let clip = clips.iter().find(|c| c.name == "ja_kokoro_alpha").expect("a clip");
    let mut samples = clip.samples_f32();
    let once = samples.len();
    while (samples.len() as f64) < seconds * f64::from(clip.sample_rate_hz) {
        samples.extend_from_within(..once);
    }
    Take::new(clip.sample_rate_hz, samples)
}

fn heard(take: &Take, settings: &[(&str, f64)]) -> Heard {
    let mut config = Config::new(StreamSpec::mono(take.sample_rate_hz));
    config.only(["+mos"]).expect("a metric");
    settings.iter().for_each(|(key, value)| config.set(key, *value).expect("a parameter"));
    let plan = config.freeze().expect("a stream a probe accepts");
    listen(&plan, take.samples.chunks(1600).map(|chunk| (chunk, Push::MORE)))
}

fn of(heard: &Heard) -> Quality {
    quality(&heard.report, &heard.findings).expect("mos is on")
}

fn inject(take: &Take, fault: &str, amount: f64) -> Take {
    let mut faulty = take.clone();
    faults::inject(fault, &mut faulty, Some(amount), 7).expect("room for the fault");
    faulty
}

#[test]
fn without_findings_it_is_what_the_network_says() {
    let heard = heard(&clean(6.0), &[]);
    let quality = of(&heard);
    assert!(heard.findings.iter().all(|f| f.severity == Severity::Info), "{:?}", heard.names());
    assert_eq!(quality.capped_mos, Some(heard.number("mos.predicted_mos")));
    assert_eq!(
        (quality.low_mos, quality.high_mos),
        (Some(heard.number("mos.low_mos")), Some(heard.number("mos.high_mos")))
    );
    assert_eq!(quality.last_capped_mos, Some(heard.number("mos.last_mos")));
    assert!(quality.cause().is_none() && quality.limits.is_empty() && quality.reason.is_empty());
    assert!(quality.capped_mos > Some(3.0), "{quality:?}");
}

#[test]
fn what_the_network_is_deaf_to_caps_its_score_and_is_named() {
    let take = clean(6.0);
    for (fault, amount, cause, cap) in
        [("gap", 80.0, "hole", 2.5), ("wrap", 1.5, "wrap", 2.0), ("loop_exact", 1.0, "repeat", 2.5)]
    {
        let heard = heard(&inject(&take, fault, amount), &[]);
        let quality = of(&heard);
        println!(
            "{fault}: {:.2} under {:?}, {:?}",
            heard.number("mos.predicted_mos"),
            quality.capped_mos,
            heard.names()
        );
        let limit =
            quality.limits.iter().find(|l| l.cause.name == cause).unwrap_or_else(|| panic!("{fault}: {quality:?}"));
        let worst = limit.worst.expect("it was kept");
        assert!(heard.findings.contains(&worst));
        // One window: the whole stream.
        let expected = if worst.severity == Severity::Error { cap } else { f64::midpoint(cap, 5.0) };
        assert_eq!(limit.cap_mos, expected, "{fault}");
        let lowest = quality.limits.iter().map(|l| l.cap_mos).fold(heard.number("mos.predicted_mos"), f64::min);
        assert_eq!(quality.capped_mos, Some(lowest), "{fault}");
        assert!(quality.high_mos <= Some(limit.cap_mos) && quality.low_mos <= quality.capped_mos, "{fault}");
        assert_eq!(quality.limits.iter().map(|l| l.lowers_mos).fold(0.0, f64::max), quality.limits[0].lowers_mos);
    }
}

#[test]
fn a_cap_is_a_parameter() {
    let take = inject(&clean(6.0), "gap", 80.0);
    let with = |cap: f64| of(&heard(&take, &[("mos.cap_hole_mos", cap)]));
    let hole = |q: &Quality| q.limits.iter().find(|l| l.cause.name == "hole").copied();
    assert_eq!(with(1.5).capped_mos, Some(1.5));
    assert_eq!(with(1.5).cause().map(|l| l.cause.name), Some("hole"));
    assert_eq!(hole(&with(5.0)), None, "5 is no cap");
    // What is above the network's own score is told, and does nothing.
    let high = hole(&with(4.9)).expect("there");
    assert_eq!((high.cap_mos, high.lowers_mos), (4.9, 0.0));
}

#[test]
fn a_fault_lowers_the_windows_that_it_lies_in() {
    let take = clean(30.0);
    let rate = take.sample_rate_hz as usize;
    let mut faulty = take.clone();
    // In digital zeros at 4 s, inside a voiced sound: in the windows that begin at 0 to 4 s.
    let at = (4 * rate..5 * rate).max_by(|a, b| {
        let energy = |i: usize| take.samples[i..i + rate / 8].iter().map(|x| x * x).sum::<f32>();
        energy(*a).total_cmp(&energy(*b))
    });
    let at = at.expect("a second") + rate / 40;
    faulty.samples[at..at + rate / 12].fill(0.0);
    let (before, after) = (heard(&take, &[]), heard(&faulty, &[]));
    assert!(after.names().iter().any(|n| n.starts_with("dropout.")), "{:?}", after.names());
    let (clean, quality) = (of(&before), of(&after));
    assert!(clean.limits.iter().all(|l| l.cause.name == "pause" || l.cause.name == "level"), "{clean:?}");
    let limit = quality.limits.iter().find(|l| l.cause.name == "hole").expect("the hole");
    assert_eq!(limit.cap_mos, 2.5);
    let predicted = after.number("mos.predicted_mos");
    let windows = (take.samples.len() as f64 / rate as f64 - 9.0).floor() + 1.0;
    let expected = 5.0 / windows * (predicted - 2.5);
    // Rounding of a mean.
    assert!((limit.lowers_mos - expected).abs() < 1e-9, "{limit:?} {expected}");
    assert!(
        quality.last_capped_mos == clean.last_capped_mos || clean.limits != quality.limits[1..],
        "not in the last window"
    );
}

#[test]
fn findings_that_nobody_kept_count_as_warnings_for_the_whole_stream() {
    let heard = heard(&inject(&clean(6.0), "gap", 80.0), &[]);
    let quality = quality(&heard.report, &[]).expect("mos is on");
    let hole = quality.limits.iter().find(|l| l.cause.name == "hole").expect("counted");
    assert_eq!((hole.cap_mos, hole.worst), (3.75, None));
    assert!(hole.findings >= 1);
}

#[test]
fn without_a_score_there_is_a_reason_and_the_causes_all_the_same() {
    let take = Take { samples: vec![0.0; 160_000], ..clean(1.0) };
    let silent = heard(&take, &[]);
    let quality = of(&silent);
    assert_eq!((quality.capped_mos, quality.last_capped_mos, quality.low_mos), (None, None, None));
    assert!(quality.reason.starts_with("no_speech") && quality.cause().is_none());
    let mut start = clean(1.0);
    start.samples.truncate(2 * start.sample_rate_hz as usize);
    let short = heard(&start, &[]);
    assert!(of(&short).reason.starts_with("not_enough_speech"));
    assert!(matches!(short.report.value("mos.predicted_mos"), Some(Value::Undefined(_))));
    let limited = of(&heard(&inject(&start, "gap", 80.0), &[]));
    assert!(limited.capped_mos.is_none() && limited.limits.iter().any(|l| l.cause.name == "hole"), "{limited:?}");
}

#[test]
fn the_report_has_it_where_mos_is_on() {
    let heard = heard(&inject(&clean(6.0), "gap", 80.0), &[]);
    let (text, quality) = (heard.report.to_json(&StreamMeta::default(), &heard.findings), of(&heard));
    let numbers = [
        ("capped_mos", quality.capped_mos),
        ("low_mos", quality.low_mos),
        ("high_mos", quality.high_mos),
        ("predicted_mos", quality.predicted_mos),
        ("last_capped_mos", quality.last_capped_mos),
    ];
    let told = numbers.map(|(key, x)| format!("\"{key}\":{}", x.expect("there"))).join(",");
    assert!(
        text.contains(&format!(
            "\"quality\":{{{told},\"cause\":\"hole\",\"limits\":[{{\"cause\":\"hole\",\"cap_mos\":2.5,"
        )),
        "{text}"
    );
    assert!(text.contains("\"worst\":{\"metric\":\"dropout\","), "{text}");
    let without = otoscope_tests::listen_whole(24_000, 1, &[0.1; 24_000]);
    assert!(!without.report.to_json(&StreamMeta::default(), &without.findings).contains("quality"));
    assert_eq!(self::quality(&without.report, &without.findings), None);
}
