//! Joins that keep a common distance, and joins that are none, against values that follow on paper.

use otoscope::{Push, State};
use otoscope_fixtures::take::{Schedule, Take};
use otoscope_fixtures::{faults, signals, speech};
use otoscope_tests::{Heard, listen, listen_take, name, plan};

const RATE: u32 = 24_000;

/// Four seconds of a low tone with a little noise, sent in chunks of 100 ms; `break_at` says which edges step.
fn broken(break_at: impl Fn(usize) -> bool) -> Heard {
    let mut x = signals::pink(-50.0, RATE, 4.0, 3);
    signals::add(&mut x, &signals::sine(150.0, -12.0, 0.0, RATE, 4.0));
    let mut offset = 0.0;
    for (k, chunk) in x.chunks_mut(2_400).enumerate() {
        if k > 0 && break_at(k) {
            offset = if offset == 0.0 { 0.1 } else { 0.0 };
        }
        chunk.iter_mut().for_each(|v| *v += offset);
    }
    listen(&plan(RATE, 1), x.chunks(2_400).map(|c| (c, Push::CHUNK)))
}

fn periodic(heard: &Heard) -> Vec<(u64, u64, f64)> {
    let own = heard.findings.iter().filter(|f| name(f) == "join.periodic");
    own.inspect(|f| assert_eq!(f.state, State::Closed)).map(|f| (f.start_sample, f.end_sample, f.value)).collect()
}

#[test]
fn breaks_at_every_fifth_edge_name_the_chunk_of_the_decoder() {
    let heard = broken(|k| k % 5 == 0);
    // Edges 5, 10, ... 35 of 2,400 samples: every half a second.
    assert_eq!(periodic(&heard), [(12_000, 84_001, 500.0)]);
    assert_eq!((heard.number("join.breaks"), heard.number("join.period_ms")), (7.0, 500.0));
    assert_eq!(periodic(&broken(|_| true)), [(2_400, 93_601, 100.0)], "every edge");
}

#[test]
fn breaks_that_were_missed_leave_the_distance_and_breaks_here_and_there_have_none() {
    // Of the places at 300 ms two do not break.
    let some = broken(|k| k % 3 == 0 && k != 9 && k != 21);
    assert_eq!(periodic(&some), [(7_200, 93_601, 300.0)]);
    for edges in [&[2, 7, 15, 24, 31][..], &[3, 6, 23, 37], &[4, 8, 12], &[1, 2, 20, 39]] {
        let heard = broken(|k| edges.contains(&k));
        assert_eq!(heard.number("join.breaks"), edges.len() as f64);
        assert_eq!(periodic(&heard), [], "{edges:?}");
    }
}

#[test]
fn zeros_in_place_of_bad_samples_are_no_joins() {
    for clip in speech::clips().expect("the committed speech") {
        for seed in 0..3 {
            let mut take = Take::from_clip(&clip).chunked(100.0, &Schedule::real_time(0.9)).expect("samples");
            let before = joins(&listen_take(&take));
            faults::inject("nan_chunk", &mut take, Some(1.0), seed).expect("chunks");
            assert!(joins(&listen_take(&take)) <= before, "{} {seed}", clip.name);
        }
    }
}

fn joins(heard: &Heard) -> usize {
    heard.findings.iter().filter(|f| name(f).starts_with("join.")).count()
}
