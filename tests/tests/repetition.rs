//! Loops: found where they are, and not where sound only stays the same.

use otoscope::Finding;
use otoscope_fixtures::take::Take;
use otoscope_fixtures::{faults, signals, speech};
use otoscope_tests::{Heard, listen_take, listen_whole, name};

fn loops(heard: &Heard) -> Vec<&Finding> {
    heard.findings.iter().filter(|f| name(f) == "repetition.loop").collect()
}

#[test]
fn a_loop_is_found_with_its_period_and_its_extent() {
    for rate in [8_000, 22_050, 24_000, 48_000] {
        let second = rate as usize;
        // 2 s of speech, then its last half second five times more, then other speech.
        let mut x = signals::speech_like(rate, 3.0, 3);
        x.truncate(2 * second);
        let half = x[x.len() - second / 2..].to_vec();
        (0..5).for_each(|_| x.extend(&half));
        x.extend(signals::speech_like(rate, 2.0, 4));
        let heard = listen_whole(rate, 1, &x);
        let found = loops(&heard);
        assert_eq!(found.len(), 1, "{rate}: {found:?}");
        assert!((found[0].value - 0.5).abs() < 0.021, "a frame is 20 ms: {}", found[0].value);
        let (start, end) = (found[0].start_sample as f64 / rate as f64, found[0].end_sample as f64 / rate as f64);
        // What follows begins with 150 ms of near silence, which may match the pause in the loop.
        assert!(
            (start - 2.0).abs() < 0.1 && (end - 4.5).abs() < 0.2,
            "{rate}: {start} to {end}, where 2 to 4.5 was made"
        );
        assert_eq!(heard.number("repetition.loops"), 1.0);
        assert!((heard.number("repetition.longest_s") - 2.5).abs() < 0.3, "as exact as start and end");
    }
}

#[test]
fn what_only_stays_the_same_is_no_loop() {
    let rate = 24_000;
    let mut chord = signals::sine(220.0, -20.0, 0.0, rate, 8.0);
    for hz in [277.0, 330.0] {
        signals::add(&mut chord, &signals::sine(hz, -20.0, 0.0, rate, 8.0));
    }
    let quiet: [(&str, Vec<f32>); 5] = [
        ("a chord", chord),
        ("noise", signals::white_gaussian(-20.0, rate, 8.0, 1)),
        ("a square wave", signals::square(110.0, 0.3, rate, 8.0)),
        ("silence", vec![0.0; 8 * rate as usize]),
        ("twice is not three times", {
            let x = signals::speech_like(rate, 3.0, 9);
            [&x[..], &x[x.len() - 24_000..], &signals::speech_like(rate, 3.0, 10)].concat()
        }),
    ];
    for (what, x) in &quiet {
        assert!(loops(&listen_whole(rate, 1, x)).is_empty(), "{what}");
    }
}

#[test]
fn injected_loops_are_found_and_clean_speech_is_quiet() {
    let (mut found, mut injected) = (0, 0);
    for clip in speech::clips().expect("the committed speech") {
        let clean = Take::from_clip(&clip);
        assert!(loops(&listen_take(&clean)).is_empty(), "{}", clip.name);
        for fault in ["loop", "loop_exact"] {
            for severity in [0.5, 1.0] {
                let mut take = clean.clone();
                let truth = faults::inject(fault, &mut take, Some(severity), 7).expect("3 s of speech");
                injected += 1;
                let heard = listen_take(&take);
                let overlap = |f: &&Finding| {
                    let both =
                        f.end_sample.min(truth[0].end_sample).saturating_sub(f.start_sample.max(truth[0].start_sample));
                    let either = f.end_sample.max(truth[0].end_sample) - f.start_sample.min(truth[0].start_sample);
                    2 * both >= either
                };
                found += usize::from(loops(&heard).iter().any(overlap));
            }
        }
    }
    // On 3.4 h of speech 98 % and more are found (docs/truth.md).
    assert!(found * 100 >= injected * 90, "{found} of {injected}");
}
