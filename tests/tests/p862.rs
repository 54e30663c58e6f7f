//! The P.862 score: against its oracles, on cases whose answer is known, and on input that has none.
#![allow(clippy::unwrap_used)]

use otoscope::compare::p862::{Context, Edition, Mode, Model, Outcome};
use otoscope::compare::{Reason, Side};
use otoscope_fixtures::pairs::{Set, conditions};
use otoscope_fixtures::signals::{self, from_i16};
use otoscope_fixtures::speech;
use otoscope_tests::scores::{COLUMNS, ILL, Scored, quantiles, score_all};
use std::sync::LazyLock;

const MODES: [(Mode, Edition); 4] = [
    (Mode::Narrow8, Edition::E2005),
    (Mode::Narrow16, Edition::E2005),
    (Mode::Wide16, Edition::E2005),
    (Mode::Wide16, Edition::Cor2),
];

fn score(model: &Model, reference: &[f32], degraded: &[f32]) -> Result<Outcome, Reason> {
    model.pair(reference, degraded, &mut Context::new(), true)
}

/// The pairs at a rate; made once.
fn set(rate_hz: u32) -> &'static Set {
    static SETS: [LazyLock<Set>; 2] =
        [LazyLock::new(|| Set::new(8000).unwrap()), LazyLock::new(|| Set::new(16_000).unwrap())];
    &SETS[usize::from(rate_hz > 8000)]
}

fn speech_at(rate_hz: u32) -> Vec<f32> {
    from_i16(&set(rate_hz).items[1].samples)
}

#[test]
fn scores_are_those_of_the_oracles() {
    // Every third item; `make scores` takes all.
    for (column, scored) in COLUMNS.iter().zip(score_all(3).unwrap()) {
        let known: Vec<&Scored> = scored.iter().filter(|s| s.spread <= ILL).collect();
        assert!(known.len() >= 120 && known.len() * 100 >= scored.len() * 96, "{}: {}", column.name, known.len());
        let [median, p95, p99, largest] = quantiles(&known);
        let wide = column.mode == Mode::Wide16;
        // The oracle's own rounding, compiled in other ways: 3e-6, 1e-3 and 5e-3 in the wide band, a tenth in the
        // narrow.
        assert!(median <= 1e-6, "{}: median {median}", column.name);
        assert!(p95 <= if wide { 1e-4 } else { 1e-5 }, "{}: 95 % {p95}", column.name);
        assert!(p99 <= if wide { 5e-3 } else { 1e-3 }, "{}: 99 % {p99}", column.name);
        // The standard's own criterion of conformance.
        assert!(largest <= 0.05, "{}: {:?}", column.name, known.last());
    }
}

#[test]
fn a_fixed_delay_is_the_delay_of_all_utterances() {
    for (mode, edition) in MODES {
        let model = Model::new(mode, edition);
        let set = set(mode.rate_hz());
        for condition in conditions() {
            let Some(delay_s) = condition.delay_s else { continue };
            let (reference, degraded) = set.pair(&set.items[1], condition);
            let found = score(&model, &from_i16(&reference), &from_i16(&degraded)).unwrap();
            // The conditions cut and insert whole samples, the next to the delay.
            let delay = (delay_s * f64::from(mode.rate_hz())).round() as i64;
            for u in &found.utterances {
                assert_eq!(u.delay_samples, delay, "{mode:?} {}: {u:?}", condition.name);
            }
        }
    }
}

#[test]
fn the_same_signal_has_the_ceiling_at_any_level() {
    for (mode, edition) in MODES {
        let model = Model::new(mode, edition);
        let x = speech_at(mode.rate_hz());
        let ceiling = if mode == Mode::Wide16 { 4.643_888 } else { 4.548_638 };
        for gain in [1.0, 1e-30, 1e30] {
            let y: Vec<f32> = x.iter().map(|v| v * gain).collect();
            for found in [score(&model, &x, &y).unwrap(), score(&model, &y, &x).unwrap()] {
                // Corrigendum 2 brings the signal 12 dB nearer to the threshold, where rounding is heard: 2e-5 in the
                // oracle.
                assert!((found.mos_lqo - ceiling).abs() < 1e-4, "{mode:?} x {gain}: {}", found.mos_lqo);
                assert!(found.bad_intervals.is_empty() && !found.beyond_reference);
                assert!(found.utterances.iter().all(|u| u.delay_samples == 0), "{:?}", found.utterances);
            }
        }
    }
}

#[test]
fn a_prepared_reference_gives_the_same_bits_on_every_thread() {
    for (mode, edition) in MODES {
        let model = Model::new(mode, edition);
        let set = set(mode.rate_hz());
        let item = &set.items[3];
        let prepared = model.prepare(&from_i16(&item.samples), &mut Context::new()).unwrap();
        let names = ["white 15 dB", "delay +37 ms", "clip 0.08", "identity"];
        let chosen: Vec<_> = names.map(|n| conditions().iter().find(|c| c.name == n).unwrap()).into();
        std::thread::scope(|s| {
            for turn in 0..4 {
                let (model, prepared, chosen) = (&model, &prepared, &chosen);
                s.spawn(move || {
                    let mut ctx = Context::new();
                    for k in 0..4 {
                        let (x, y) = set.pair(item, chosen[(k + turn) % 4]);
                        let (x, y) = (from_i16(&x), from_i16(&y));
                        let shared = model.compare(prepared, &y, &mut ctx, true).unwrap();
                        assert!(shared == score(model, &x, &y).unwrap(), "{mode:?}");
                    }
                });
            }
        });
    }
}

#[test]
fn memory_that_was_used_a_hundred_times_changes_nothing() {
    // A model with fewer bands first, and a gap in the degraded signal: there its level is raised, and what the pair before left in the
    // lanes beyond the last band would be raised with it each time, until it overflows.
    let mut used = Context::new();
    let cases: Vec<_> = MODES
        .iter()
        .map(|&(mode, edition)| {
            let x = speech_at(mode.rate_hz());
            let x = x[..2 * mode.rate_hz() as usize].to_vec();
            let mut y = x.clone();
            y[x.len() / 3..x.len() / 2].fill(0.0);
            let model = Model::new(mode, edition);
            let fresh = score(&model, &x, &y).unwrap();
            (model, x, y, fresh)
        })
        .collect();
    for (other, its_x, its_y, _) in &cases {
        for (model, x, y, fresh) in &cases {
            assert!(other.pair(its_x, its_y, &mut used, true).is_ok());
            for turn in 0..100 {
                assert!(model.pair(x, y, &mut used, true).unwrap() == *fresh, "turn {turn}, {:?}", model.mode());
            }
        }
    }
}

#[test]
fn silence_never_scores() {
    for (mode, edition) in MODES {
        let model = Model::new(mode, edition);
        let rate = mode.rate_hz();
        let x = speech_at(rate);
        let zeros = vec![0.0; x.len()];
        let mos = |a: &[f32], b: &[f32]| score(&model, a, b).map(|o| o.mos_lqo);
        // A tone of 20 Hz leaves nothing in the band in which the level is measured.
        let mut rumble = signals::sine(20.0, -6.0, 0.0, rate, 4.0);
        signals::fade_in(&mut rumble, rate, 1.0);
        signals::fade_out(&mut rumble, rate, 1.0);
        assert_eq!(mos(&x, &zeros), Err(Reason::SilentDegraded));
        assert_eq!(mos(&zeros, &x), Err(Reason::SilentReference));
        assert_eq!(mos(&zeros, &zeros), Err(Reason::SilentReference));
        assert_eq!(mos(&rumble, &x), Err(Reason::SilentReference));
        assert_eq!(mos(&x, &rumble), Err(Reason::SilentDegraded));
        let short = &x[..rate as usize / 4 - 1];
        let too_short = |r: Result<Outcome, Reason>, which| matches!(r, Err(Reason::TooShort { side, need_s: 0.25, .. }) if side == which);
        assert!(too_short(score(&model, short, &x), Side::Reference));
        assert!(too_short(score(&model, &x, short), Side::Degraded));
        assert!(too_short(score(&model, &[], &[]), Side::Reference));
    }
}

#[test]
fn whatever_comes_there_is_a_score_in_range_or_a_reason() {
    for (mode, edition) in MODES {
        let model = Model::new(mode, edition);
        let rate = mode.rate_hz();
        let n = rate as usize / 4;
        let x = speech_at(rate)[n..11 * n].to_vec();
        let mut impulse = vec![0.0; n];
        impulse[n / 2] = 1.0;
        let mut late = vec![0.0f32; 3 * n];
        late[3 * n - 1] = f32::MIN_POSITIVE / 4.0;
        let swapped: Vec<f32> = x.iter().rev().copied().collect();
        let inputs: Vec<Vec<f32>> = vec![
            x[..n].to_vec(),
            x[..2 * n].to_vec(),
            [&x[..], &x[..]].concat(),
            swapped,
            impulse,
            late,
            signals::dc(0.5, rate, 1.0),
            signals::sine(1000.0, 0.0, 0.0, rate, 0.5),
            signals::white_uniform(0.0, rate, 1.0, 3),
            signals::white_uniform(0.0, rate, 1.0, 4).iter().map(|v| v * f32::MAX).collect(),
            x.iter().map(|v| v.signum() * f32::MAX).collect(),
            x.iter().map(|v| v * 1e-44).collect(),
            x.iter().map(|v| v + 0.3).collect(),
            x.iter().enumerate().map(|(i, v)| if i < x.len() / 2 { *v } else { 0.0 }).collect(),
        ];
        let mut ctx = Context::new();
        for (i, a) in inputs.iter().enumerate() {
            for (k, b) in inputs.iter().enumerate() {
                let Ok(found) = model.pair(a, b, &mut ctx, true) else { continue };
                assert!((0.99..4.65).contains(&found.mos_lqo), "{mode:?} {i} {k}: {}", found.mos_lqo);
                for u in &found.utterances {
                    assert!(u.start_sample <= a.len() && u.end_sample <= a.len(), "{mode:?} {i} {k}: {u:?}");
                }
                let frames = found.frames.unwrap();
                assert!(frames.iter().all(|f| (0.0..=45.0).contains(&f.disturbance) && f.asymmetric >= 0.0));
            }
        }
    }
}

#[test]
fn more_utterances_than_the_standards_code_can_hold_are_said_so() {
    let model = Model::new(Mode::Narrow8, Edition::E2005);
    let word = &speech::load("en_flite_kal").unwrap().samples_f32()[2000..6400];
    let gap = vec![0.0; 2400];
    for (words, beyond) in [(50, false), (51, true)] {
        let x: Vec<f32> = (0..words).flat_map(|_| [word, &gap[..]].concat()).collect();
        let found = score(&model, &x, &x).unwrap();
        assert_eq!((found.utterances.len(), found.beyond_reference), (words, beyond));
        assert!((found.mos_lqo - 4.548_638).abs() < 1e-6); // the ceiling, to its six decimals
    }
}

#[test]
fn a_burst_is_no_speech() {
    for (mode, edition) in MODES {
        let model = Model::new(mode, edition);
        let rate = mode.rate_hz();
        let quiet = signals::silence(rate, 1.0);
        let burst = [&quiet[..], &signals::white_uniform(-20.0, rate, 0.1, 1), &quiet].concat();
        let found = score(&model, &burst, &burst).map(|o| o.mos_lqo);
        // The windows of 4 ms that it touches, and two more softened ones on either side.
        let Err(Reason::NoSpeech { side: Side::Reference, longest_run_ms }) = found else { panic!("{found:?}") };
        assert!((100.0..=132.0).contains(&longest_run_ms), "{longest_run_ms}");
    }
}
