//! Norms on signals whose values follow on paper.

use otoscope::verdict::{MonoAs, NORMS, Outcome, Verdict, norm};
use otoscope::{Config, Probe, Push, Report, StreamMeta, StreamSpec};
use otoscope_fixtures::signals;
use otoscope_tests::{listen_whole, plan};

fn judge(name: &str, report: &Report) -> Vec<Verdict> {
    norm(name).expect("a norm").judge(report).collect()
}

/// `requirement: verdict`, in the norm's order.
fn said(name: &str, report: &Report) -> Vec<String> {
    judge(name, report).iter().map(|v| format!("{}: {}", v.requirement.name, v.outcome.name())).collect()
}

/// A stereo tone of 1 kHz with this peak: its loudness in LUFS is the number itself, within 0.01 (EBU Tech 3341, case 1).
fn tone(peak_dbfs: f64) -> Report {
    let x = signals::sine(1_000.0, peak_dbfs, 0.0, 48_000, 20.0);
    listen_whole(48_000, 2, &signals::interleave(&[&x, &x])).report
}

/// A mono tone, and how its channel is to be counted.
fn mono(peak_dbfs: f64, mono_as: &str) -> Report {
    let mut config = Config::new(StreamSpec::mono(48_000));
    config.set("loudness.mono_as", mono_as).expect("a word of the list");
    let mut probe = Probe::new(&config.freeze().expect("a stream a probe accepts"));
    probe.push_f32(&signals::sine(1_000.0, peak_dbfs, 0.0, 48_000, 20.0), Push::CHUNK).expect("mono");
    probe.finish()
}

#[test]
fn a_tone_at_the_target_passes_and_one_3_lu_louder_fails() {
    assert_eq!(said("r128", &tone(-23.0)), ["integrated_lufs: pass", "true_peak_dbtp: pass"]);
    assert_eq!(said("r128", &tone(-20.0)), ["integrated_lufs: fail", "true_peak_dbtp: pass"]);
    let off: Vec<f64> = [-20.0, -23.4, -26.0].map(|peak| judge("r128", &tone(peak))[0].off.expect("measured")).into();
    // The bounds are -23.5 and -22.5; the tone reads 0.007 LU high.
    for (off, want) in off.iter().zip([2.507, 0.0, -2.493]) {
        assert!((off - want).abs() < 0.01, "the filter's 0.01 LU: {off} {want}");
    }
    assert_eq!(said("atsc_a85", &tone(-25.5)), ["integrated_lufs: pass", "true_peak_dbtp: pass"]);
    assert_eq!(said("atsc_a85", &tone(-21.0)), ["integrated_lufs: fail", "true_peak_dbtp: pass"]);
    assert_eq!(said("alexa", &tone(-14.5)), ["integrated_lufs: pass", "true_peak_dbtp: pass"]);
}

#[test]
fn spotify_allows_what_is_louder_a_lower_peak() {
    // Twenty periods raised to a peak of -1.5 dBFS add 0.08 LU to 20 s and set the true peak.
    let spiked = |peak_dbfs: f64| {
        let mut x = signals::sine(1_000.0, peak_dbfs, 0.0, 48_000, 20.0);
        x[480_000..480_960].iter_mut().for_each(|v| *v *= 10f32.powf((-1.5 - peak_dbfs as f32) / 20.0));
        listen_whole(48_000, 2, &signals::interleave(&[&x, &x])).report
    };
    let at_target = judge("spotify", &spiked(-14.3));
    assert_eq!(at_target.len(), 2, "one limit for the peak");
    assert_eq!((at_target[1].outcome, at_target[1].requirement.max), (Outcome::Pass, Some(-1.0)));
    let louder = judge("spotify", &spiked(-13.5));
    assert_eq!((louder[0].outcome, louder[1].outcome), (Outcome::Pass, Outcome::Fail));
    assert_eq!(louder[1].requirement.max, Some(-2.0));
    let above = louder[1].off.expect("measured");
    assert!((above - 0.5).abs() < 0.05, "-1.5 dBTP against -2, the passband of the interpolator: {above}");
}

#[test]
fn a_mono_file_is_held_against_the_mono_target_or_counted_as_two() {
    // One channel reads 3.01 LU less: a tone with its peak at -16 reads -19.
    for (mono_as, value, target, reading) in
        [("mono", -19.0, -19.0, MonoAs::Mono), ("dual_mono", -16.0, -16.0, MonoAs::DualMono)]
    {
        let v = judge("apple_podcasts", &mono(-16.0, mono_as));
        assert_eq!(v.len(), 2, "one target");
        assert_eq!((v[0].outcome, v[0].requirement.target, v[0].mono_as), (Outcome::Pass, Some(target), Some(reading)));
        let got = v[0].value.expect("measured");
        assert!((got - value).abs() < 0.02, "3.01 LU for 3, and the filter's 0.01: {got}");
        assert_eq!(v[1].mono_as, None, "a peak is a peak");
    }
    assert_eq!(judge("apple_podcasts", &tone(-16.0))[0].requirement.target, Some(-16.0));
    assert_eq!(judge("apple_podcasts", &tone(-16.0))[0].mono_as, None, "stereo is stereo");
    assert_eq!(said("apple_podcasts", &tone(-19.0))[0], "integrated_lufs: fail");
    // Norms without a mono target take the reading that was asked for, and say which it was.
    let once = judge("r128", &mono(-23.0, "mono"))[0];
    assert_eq!((once.outcome, once.mono_as), (Outcome::Fail, Some(MonoAs::Mono)));
    let twice = judge("r128", &mono(-23.0, "dual_mono"))[0];
    assert_eq!((twice.outcome, twice.mono_as), (Outcome::Pass, Some(MonoAs::DualMono)));
}

/// An audiobook file: room tone, a tone for a voice, room tone.
fn chapter(head_s: f64, voice_dbfs: f64, room_dbfs: f64, tail_s: f64) -> Report {
    let rate = 44_100;
    let room = |seconds, seed| signals::white_gaussian(room_dbfs, rate, seconds, seed);
    let voice = signals::sine(441.0, voice_dbfs + 3.0103, 0.0, rate, 30.0);
    let x: Vec<f32> = [room(head_s, 1), voice, room(tail_s, 2)].concat();
    listen_whole(rate, 1, &x).report
}

#[test]
fn an_audiobook_file_passes_all_of_acx_or_fails_by_what_is_wrong() {
    // The room tone is 2.2 of 32.2 s and lowers the RMS of -20 by 0.31 dB.
    let good = chapter(0.7, -20.0, -65.0, 1.5);
    assert_eq!(
        said("acx", &good),
        ["rms_dbfs: pass", "sample_peak_dbfs: pass", "noise_floor_dbfs: pass", "head_s: pass", "tail_s: pass"]
    );
    let values: Vec<f64> = judge("acx", &good).iter().map(|v| v.value.expect("measured")).collect();
    assert!((values[0] - (-20.0 + 10.0 * (30.0f64 / 32.2).log10())).abs() < 0.01, "the noise adds nothing: {values:?}");
    assert!((values[1] + 16.9897).abs() < 0.01, "a sine peaks 3.01 dB above its RMS: {values:?}");
    // Half a second is 22,050 Gaussian samples: a standard deviation of 0.04 dB, and the least of ten of them.
    assert!((values[2] + 65.0).abs() < 0.2, "{values:?}");
    assert!((values[3] - 0.7).abs() <= 0.01 && (values[4] - 1.5).abs() <= 0.01, "whole hops of 10 ms: {values:?}");

    let failed = |report: Report| -> Vec<&str> {
        let fails = judge("acx", &report).into_iter().filter(|v| v.outcome == Outcome::Fail);
        fails.map(|v| v.requirement.name).collect()
    };
    assert_eq!(failed(chapter(0.2, -20.0, -65.0, 1.5)), ["head_s"]);
    assert_eq!(failed(chapter(0.7, -20.0, -65.0, 6.0)), ["tail_s"]);
    assert_eq!(failed(chapter(0.7, -24.0, -65.0, 1.5)), ["rms_dbfs"]);
    assert_eq!(failed(chapter(0.7, -20.0, -55.0, 1.5)), ["noise_floor_dbfs"]);
    assert_eq!(failed(chapter(0.7, -5.0, -65.0, 1.5)), ["rms_dbfs", "sample_peak_dbfs"]);
}

#[test]
fn what_was_not_measured_is_never_a_pass() {
    // Dialogue gating: nobody here does it.
    let netflix = judge("netflix", &tone(-27.0));
    assert_eq!((netflix[0].outcome, netflix[0].value), (Outcome::NotMeasured, None));
    assert!(netflix[0].reason.contains("dialogue") && netflix[1].outcome == Outcome::Pass);
    // Pauses of pure zeros have no noise floor.
    let x = [signals::silence(44_100, 0.7), signals::sine(441.0, -17.0, 0.0, 44_100, 9.0), vec![0.0; 66_150]].concat();
    let floor = judge("acx", &listen_whole(44_100, 1, &x).report)[2];
    assert_eq!((floor.outcome, floor.off), (Outcome::NotMeasured, None));
    assert!(floor.reason.contains("digital zero"), "{}", floor.reason);
    // Too short, silent, empty, not ended, switched off.
    let short = listen_whole(24_000, 1, &signals::sine(1_000.0, -20.0, 0.0, 24_000, 1.0)).report;
    assert!(judge("r128", &short)[0].reason.contains("too short"));
    for samples in [&[][..], &[0.0; 240_000]] {
        let report = listen_whole(24_000, 1, samples).report;
        for norm in NORMS {
            for v in norm.judge(&report).filter(|v| !v.requirement.name.ends_with("_s")) {
                assert_eq!(v.outcome, Outcome::NotMeasured, "{}.{}", norm.name, v.requirement.name);
                assert!(!v.reason.is_empty());
            }
        }
    }
    let mut probe = Probe::new(&plan(24_000, 1));
    probe.push_f32(&signals::sine(1_000.0, -20.0, 0.0, 24_000, 9.0), Push::CHUNK).expect("mono");
    let running = probe.snapshot();
    assert!(NORMS.iter().flat_map(|n| n.judge(&running)).all(|v| v.outcome == Outcome::NotMeasured));
    let mut config = Config::new(StreamSpec::mono(24_000));
    config.only(["level"]).expect("a metric");
    let without = Probe::new(&config.freeze().expect("a stream")).finish();
    let spotify = judge("spotify", &without);
    assert_eq!(spotify[0].reason, "the metric is switched off");
    assert_eq!(said("spotify", &without).len(), 2, "the peak is not measured once, not twice");
}

#[test]
fn telephony_asks_for_the_active_level() {
    // A sine with its peak at -23 has -26.01 dBov while it lasts, whatever the pause after it.
    let x = [signals::sine(440.0, -23.0, 0.0, 8_000, 20.0), signals::silence(8_000, 20.0)].concat();
    let report = listen_whole(8_000, 1, &x).report;
    let v = judge("telephony", &report)[0];
    let level = v.value.expect("measured");
    // 0.30 s of hangover and decay after 20 s of tone: 0.064 dB.
    assert!(v.outcome == Outcome::Pass && (level + 26.01 + 0.064).abs() < 0.01, "{level}");
    let loud = listen_whole(8_000, 1, &signals::sine(440.0, -15.0, 0.0, 8_000, 20.0)).report;
    assert_eq!(said("telephony", &loud), ["active_level_dbfs: fail"]);
}

#[test]
fn the_json_has_the_verdicts_if_a_norm_was_asked_for() {
    let report = tone(-20.0);
    let meta = StreamMeta::default();
    let verdicts: Vec<Verdict> = ["r128", "netflix"].iter().flat_map(|n| judge(n, &report)).collect();
    let json = report.to_json_with(&meta, &[], &verdicts);
    let from = json.find("\"verdicts\":[").expect("the key");
    let list = &json[from..json.find("\"finding_counts\"").expect("what follows")];
    assert!(list.contains(r#"{"norm":"r128","requirement":"integrated_lufs","verdict":"fail","field":"loudness.integrated_lufs","value":-19.99"#), "{list}");
    assert!(list.contains(r#""target":-23,"min":-23.5,"max":-22.5,"off":2.50"#), "{list}");
    assert!(list.contains(r#""unit":"lufs","edition":"EBU R 128 v5.0 (11/2023)"}"#), "{list}");
    assert!(
        list.contains(r#"{"norm":"netflix","requirement":"dialogue_lufs","verdict":"not_measured","target":-27"#),
        "{list}"
    );
    assert!(list.contains(r#""reason":"dialogue-gated"#), "{list}");
    assert_eq!(report.to_json(&meta, &[]), report.to_json_with(&meta, &[], &[]));
    assert!(!report.to_json(&meta, &[]).contains("verdicts"));
}
