//! `length` and `ending` against values that follow on paper, and against injected faults.

use otoscope::spec::Value;
use otoscope::{FindingLog, Probe, Push, Script, Severity, State, TextHint};
use otoscope_fixtures::take::{Schedule, Take};
use otoscope_fixtures::{faults, signals, speech};
use otoscope_tests::{Heard, listen_take, listen_with, name, plan};

const RATE: u32 = 24_000;

/// Syllables on paper: bursts of 120 ms of a tone at -20 dBFS RMS, each followed by 80 ms at `dip_dbfs`. Every hop holds whole periods.
fn bursts(count: usize, dip_dbfs: f64) -> Vec<f32> {
    let steps: Vec<(f64, f64)> = (0..count).flat_map(|_| [(-16.9897, 0.12), (dip_dbfs + 3.0103, 0.08)]).collect();
    signals::tones(1_000.0, &steps, RATE)
}

fn listen(samples: &[f32], text: Option<TextHint>) -> Heard {
    let mut probe = Probe::new(&plan(RATE, 1));
    if let Some(text) = text {
        probe.expect_text(text).expect("a fresh stream");
    }
    listen_with(&mut probe, [(samples, Push::CHUNK)])
}

fn of<'a>(heard: &'a Heard, prefix: &str) -> Vec<&'a otoscope::Finding> {
    heard.findings.iter().filter(|f| name(f).starts_with(prefix)).collect()
}

fn near(got: f64, want: f64, tolerance: f64) {
    assert!((got - want).abs() <= tolerance, "{got} instead of {want}");
}

#[test]
fn forty_bursts_against_a_hundred_letters() {
    let heard = listen(&bursts(40, -32.0), Some(TextHint::new(100, Script::Latin)));
    near(heard.number("length.spoken_s"), 8.0, 0.011); // the first hop of 10 ms may be the smoothed onset
    assert_eq!(heard.number("length.syllables"), 40.0);
    near(heard.number("length.expected_s"), 6.8, 1e-9); // 100 times 0.068
    near(heard.number("length.expected_syllables"), 100.0 / 2.8, 1e-9); // a quotient
    near(heard.number("length.text_ratio"), (8.0f64 / 6.8 * 40.0 * 2.8 / 100.0).sqrt(), 1e-3); // 10 ms of 8 s
    assert!(of(&heard, "length.").is_empty(), "1.15 is no runaway: {:?}", heard.names());
}

#[test]
fn forty_bursts_against_sixty_four_kana() {
    let heard = listen(&bursts(40, -32.0), Some(TextHint::new(64, Script::Kana)));
    near(heard.number("length.char_s"), 0.125, 2e-4); // 10 ms of 8 s
    near(heard.number("length.syllable_chars"), 1.6, 1e-9); // a quotient
    near(heard.number("length.words_per_minute"), 64.0 * 0.125 / 0.068 / 4.7 / 8.0 * 60.0, 0.3); // 10 ms of 8 s
}

#[test]
fn a_runaway_is_told_while_it_runs_and_dated_to_the_end_of_the_text() {
    let samples = bursts(40, -32.0);
    let mut probe = Probe::new(&plan(RATE, 1));
    probe.expect_text(TextHint::new(40, Script::Latin)).expect("a fresh stream");
    let mut opened = None;
    for (i, chunk) in samples.chunks(2_400).enumerate() {
        probe.push_f32(chunk, Push::CHUNK).expect("whole frames");
        while let Some(f) = probe.poll_finding() {
            if name(&f) == "length.runaway" {
                assert_eq!(f.state, State::Open, "once, while it runs");
                opened = Some((0.1 * (i + 1) as f64, f));
            }
        }
    }
    let (told_s, f) = opened.expect("8 s instead of 2.7 s");
    // k bursts: 0.2 k s times k syllables reach 1.4^2 (2.72 + 0.3) (14.29 + 1) at k = 21.3; a burst or a chunk of 0.1 s later.
    assert!((4.2..=4.6).contains(&told_s), "{told_s}");
    // 0.2 k k reaches 2.72 * 14.29 at k = 13.9; within one burst.
    near(f.start_sample as f64 / f64::from(RATE), 13.9 * 0.2, 0.2);
    let mut log = FindingLog::new();
    probe.finish();
    log.drain(&mut probe);
    let closed = log.into_sorted().into_iter().find(|f| name(f) == "length.runaway").expect("closed at the end");
    assert_eq!((closed.end_sample, closed.severity), (samples.len() as u64, Severity::Error));
}

#[test]
fn a_text_that_grows_explains_what_was_too_much() {
    let samples = bursts(60, -32.0);
    let mut probe = Probe::new(&plan(RATE, 1));
    probe.expect_text(TextHint::new(40, Script::Latin)).expect("a fresh stream");
    probe.push_f32(&samples[..6 * RATE as usize], Push::CHUNK).expect("whole frames");
    probe.expect_text(TextHint::new(160, Script::Latin)).expect("it goes on");
    let heard = listen_with(&mut probe, [(&samples[6 * RATE as usize..], Push::CHUNK)]);
    let runaways = of(&heard, "length.runaway");
    assert_eq!(runaways.len(), 1);
    assert_eq!(runaways[0].end_sample, 6 * u64::from(RATE), "over when the text grew");
    assert!(of(&heard, "length.too_short").is_empty(), "12 s against 11 s");
    assert!(probe.expect_text(TextHint::new(1, Script::Latin)).is_err(), "after the end");
}

#[test]
fn speech_that_is_missing_is_told_at_the_end() {
    let heard = listen(&bursts(40, -32.0), Some(TextHint::new(300, Script::Latin)));
    let found = of(&heard, "length.");
    assert_eq!(found.len(), 1);
    assert_eq!((name(found[0]).as_str(), found[0].start_sample), ("length.too_short", 8 * u64::from(RATE)));
    let silent = listen(&[0.0; 24_000], Some(TextHint::new(30, Script::Latin)));
    assert_eq!(of(&silent, "length.too_short").len(), 1, "nothing was said at all");
}

#[test]
fn any_stream_that_lasts_too_long_is_a_runaway() {
    // 0.6 s a letter and 20 s: silence from 20.6 s on.
    let silence = |s: f64| listen(&signals::silence(RATE, s), Some(TextHint::new(1, Script::Latin)));
    assert!(of(&silence(20.5), "length.runaway").is_empty());
    let heard = silence(20.7);
    assert_eq!(of(&heard, "length.runaway")[0].severity, Severity::Error);
    assert_eq!(of(&heard, "length.").len(), 1, "too long and too short at once is one finding");
    let nothing = listen(&bursts(40, -32.0), Some(TextHint::of("...")));
    assert_eq!(of(&nothing, "length.runaway").len(), 1, "nothing to say, and speech");
    assert!(matches!(nothing.report.value("length.text_ratio"), Some(Value::Undefined(_))));
}

#[test]
fn without_a_text_nothing_is_judged() {
    let heard = listen(&bursts(300, -32.0), None);
    assert!(of(&heard, "length.").is_empty());
    assert!(matches!(heard.report.value("length.text_ratio"), Some(Value::NotComputed(_))));
    assert_eq!(heard.number("length.syllables"), 300.0, "what was heard is still told");
}

/// A committed clip with the length its text has at the usual rate, by its own speech time: the texts are not committed.
fn clips() -> Vec<(String, Take)> {
    let clips = speech::clips().expect("the committed speech");
    let takes = clips.iter().map(|clip| {
        let take = Take::from_clip(clip).chunked(100.0, &Schedule::real_time(0.9)).expect("samples");
        let spoken = listen_take(&take).number("length.spoken_s");
        (clip.name.clone(), take.saying((spoken / 0.068) as u32, "latin"))
    });
    takes.collect()
}

#[test]
fn injected_runaways_and_cuts_are_found_and_clean_speech_is_quiet() {
    for (clip, take) in clips() {
        let heard = listen_take(&take);
        assert!(of(&heard, "length.").is_empty() && of(&heard, "ending.").is_empty(), "{clip}: {:?}", heard.names());
        for (fault, severity, answer) in [
            ("runaway", 2.0, "length.runaway"),
            ("runaway", 3.0, "length.runaway"),
            ("cut_short", 50.0, "length.too_short"),
        ] {
            let mut bad = take.clone();
            let truth = faults::inject(fault, &mut bad, Some(severity), 5).expect("speech");
            let heard = listen_take(&bad);
            let found = of(&heard, "length.");
            assert_eq!(found.iter().map(|f| name(f)).collect::<Vec<_>>(), [answer], "{clip} {fault} {severity}");
            let (f, t) = (found[0], &truth[0]);
            if fault == "runaway" {
                let both = f.end_sample.min(t.end_sample) - f.start_sample.max(t.start_sample);
                let either = f.end_sample.max(t.end_sample) - f.start_sample.min(t.start_sample);
                assert!(2 * both >= either, "{clip}: {f:?} {t:?}");
            } else {
                assert_eq!(f.start_sample, t.start_sample);
            }
        }
    }
}

#[test]
fn the_level_of_the_end_is_what_it_is() {
    // 12 of 20 hops at P, 8 at P / 1000: mean 0.6004 P. The last 30 ms are at P.
    let cut = bursts(20, -50.0)[..19 * 4_800 + 2_400].to_vec();
    let mean_db = |loud: f64, quiet: f64| 10.0 * ((loud + quiet / 1_000.0) / (loud + quiet)).log10();
    let (loud, quiet) = (f64::from(19 * 12 + 10), f64::from(19 * 8));
    let heard = listen(&cut, None);
    near(heard.number("ending.tail_db"), -mean_db(loud, quiet), 1e-3); // levels rounded to four digits
    near(heard.number("ending.speech_dbfs"), -20.0 + mean_db(loud, quiet), 1e-3); // the same
    near(heard.number("ending.crossings_hz"), 2_000.0, 100.0); // one crossing more or less in 15 ms
    let found = of(&heard, "ending.");
    assert_eq!((found.len(), found[0].start_sample, found[0].severity), (1, cut.len() as u64, Severity::Error));
    // A fade of 20 ms takes a third of the power of 20 of the 30 ms: 10 + 20 / 3 of 30 are left.
    let mut faded = cut;
    signals::fade_out(&mut faded, RATE, 0.02);
    let faded = listen(&faded, None);
    let lost = 10.0 * ((10.0 + 20.0 / 3.0) / 30.0f64).log10();
    near(faded.number("ending.tail_db"), -mean_db(loud, quiet) + lost, 0.05); // the speech lost some as well; sums, not integrals
    assert_eq!(of(&faded, "ending.").len(), 1);
}

#[test]
fn sounds_that_end_and_sounds_that_are_no_speech_are_not_cut() {
    let mut ends = bursts(20, -50.0);
    ends.extend([0.0; 2_400]);
    let heard = listen(&ends, None);
    assert!(of(&heard, "ending.").is_empty());
    assert!(matches!(heard.report.value("ending.tail_db"), Some(Value::Undefined(_))), "digital silence has no level");
    for steady in [signals::sine(440.0, -12.0, 0.0, RATE, 3.0), signals::white_gaussian(-20.0, RATE, 3.0, 1)] {
        assert!(of(&listen(&steady, None), "ending.").is_empty());
    }
}

#[test]
fn truncations_are_found_with_and_without_a_fade() {
    let (mut found, mut injected) = (0, 0);
    for (_, take) in clips() {
        for (ms, fade_s) in [(50.0, 0.0), (100.0, 0.0), (100.0, 0.005), (100.0, 0.02), (200.0, 0.0), (400.0, 0.005)] {
            let mut bad = take.clone();
            let Ok(truth) = faults::inject("truncate", &mut bad, Some(ms), 1) else { continue };
            if fade_s > 0.0 {
                signals::fade_out(&mut bad.samples, take.sample_rate_hz, fade_s);
            }
            injected += 1;
            let heard = listen_take(&bad);
            found += usize::from(of(&heard, "ending.").iter().any(|f| f.start_sample == truth[0].start_sample));
        }
    }
    assert!(injected >= 40 && found * 100 >= injected * 95, "{found} of {injected}");
}
