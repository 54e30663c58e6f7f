//! Detectors against values that follow on paper, against injected faults in the committed speech, and on that speech clean.

use otoscope::{Config, Probe, Push, Severity, State, StreamSpec};
use otoscope_fixtures::take::{Schedule, Take};
use otoscope_fixtures::{faults, signals, speech};
use otoscope_tests::{Heard, listen, listen_take, listen_whole, name, plan};

/// Chunks of 400 ms that arrive at these times.
fn arrivals(times_ms: &[i64]) -> Heard {
    let tone = signals::sine(300.0, -20.0, 0.0, 24_000, 0.4 * times_ms.len() as f64);
    let chunks = tone.chunks(9_600).zip(times_ms).map(|(c, ms)| (c, Push::at(ms * 1_000_000)));
    listen(&plan(24_000, 1), chunks)
}

#[test]
fn stalls_of_four_cushions_follow_from_the_arrivals() {
    let heard = arrivals(&[0, 100, 1500, 1600, 2600]);
    let number = |key: &str| heard.number(&format!("continuity.{key}"));
    // Worst deficit 1000 ms; total = deficit - cushion; longest and count by hand.
    assert_eq!(["0", "100", "200", "500"].map(|c| number(&format!("stalls_{c}_ms"))), [1000.0, 900.0, 800.0, 500.0]);
    assert_eq!(
        ["0", "100", "200", "500"].map(|c| number(&format!("longest_stall_{c}_ms"))),
        [700.0, 600.0, 500.0, 300.0]
    );
    assert_eq!(["0", "100", "200", "500"].map(|c| number(&format!("stall_count_{c}"))), [2.0; 4]);
    assert_eq!(number("arrivals"), 5.0);
    assert_eq!(number("gap_max_ms"), 1400.0);
    // 2600 ms for the four chunks after the first.
    assert_eq!(number("generation_rtf_ratio"), 2.6 / 1.6);
    assert_eq!(heard.report.value("continuity.first_audio_ms").and_then(|v| v.number()), None, "no request was marked");
    let at: Vec<u64> =
        heard.findings.iter().filter(|f| name(f) == "continuity.stall").map(|f| f.start_sample).collect();
    assert_eq!(at, [19_200, 38_400], "where the player ran dry");
}

#[test]
fn a_server_in_time_never_stalls_and_percentiles_are_within_a_bin() {
    let times: Vec<i64> = (0..50).map(|k| k * 250).collect();
    let heard = arrivals(&times);
    assert_eq!(heard.names(), ["tone.line"], "what arrives is a tone");
    for key in ["gap_p50_ms", "gap_p95_ms", "gap_p99_ms"] {
        let got = heard.number(&format!("continuity.{key}"));
        assert!((got / 250.0 - 1.0).abs() < 0.09, "a bin is an eighth of an octave: {key} {got}");
    }
}

#[test]
fn the_request_and_a_stall_that_lasts_are_told_by_ticks() {
    let mut probe = Probe::new(&plan(24_000, 1));
    let ms = |ms: i64| Push::at(1_000_000_000 + ms * 1_000_000);
    let chunk = signals::sine(300.0, -20.0, 0.0, 24_000, 0.1);
    probe.push_f32(&[], ms(0)).expect("a tick");
    probe.push_f32(&chunk, ms(150)).expect("mono");
    // 100 ms of audio and a cushion of 100 ms last until 350.
    for t in (160..360).step_by(20) {
        probe.push_f32(&[], ms(t)).expect("a tick");
    }
    assert_eq!(probe.poll_finding().map(|f| f.state), None);
    probe.push_f32(&[], ms(380)).expect("a tick");
    let open = probe.poll_finding().expect("the listener waits since 30 ms");
    assert_eq!((name(&open).as_str(), open.state, open.value), ("continuity.stall", State::Open, 30.0));
    probe.push_f32(&[], ms(400)).expect("a tick");
    assert_eq!(probe.poll_finding(), None, "said once");
    probe.push_f32(&chunk, ms(600)).expect("mono");
    let closed = probe.poll_finding().expect("the end of it");
    assert_eq!((closed.state, closed.value, closed.event_id), (State::Closed, 250.0, open.event_id));
    let report = probe.finish();
    assert_eq!(report.value("continuity.first_audio_ms").and_then(|v| v.number()), Some(150.0));
}

#[test]
fn a_clock_that_goes_back_is_a_finding() {
    let heard = arrivals(&[100, 200, 150, 400]);
    assert!(heard.names().contains(&"continuity.clock_backwards".to_owned()), "{:?}", heard.names());
}

#[test]
fn smooth_tops_are_not_clipped_however_long_they_linger() {
    for (rate, hz) in [(48_000, 100.0), (48_000, 20.0), (24_000, 50.0), (192_000, 440.0), (8_000, 1_000.0)] {
        for dbfs in [0.0, -0.1, -3.0, -12.0, -30.0] {
            // Through 16 bits, where a top becomes a few equal values.
            let x = signals::from_i16(&signals::quantise(&signals::sine(hz, dbfs, 10.0, rate, 1.0)));
            let heard = listen_whole(rate, 1, &x);
            let plateaus = heard.names().iter().filter(|n| *n == "clipping.plateau").count();
            assert_eq!(plateaus, 0, "{hz} Hz at {rate}, {dbfs} dBFS");
        }
    }
}

#[test]
fn a_sine_cut_by_three_decibels_is_found_at_any_gain() {
    let rate = 24_000;
    for gain in [1.0f32, 0.7, 0.5, 0.25] {
        let cut = |v: &f32| (v * 1.4126).clamp(-1.0, 1.0) * gain;
        let x: Vec<f32> = signals::sine(200.0, 0.0, 0.0, rate, 1.0).iter().map(cut).collect();
        let x = signals::from_i16(&signals::quantise(&x));
        let heard = listen_whole(rate, 1, &x);
        let found: Vec<_> = heard.findings.iter().filter(|f| name(f).starts_with("clipping")).collect();
        assert_eq!(found.len(), 1, "{gain}: {:?}", heard.names());
        if gain < 1.0 {
            let level = 20.0 * f64::from(gain).log10();
            assert!((found[0].value - level).abs() < 0.01, "one step of 16 bits: {} {level}", found[0].value);
        } else {
            // Half a period is 60 samples; asin(1 / 1.4126) = 45.07 degrees: 49.9 % of it lies beyond.
            assert!((29.0..=31.0).contains(&heard.number("clipping.longest_run_samples")));
        }
    }
}

/// A vowel of impulses at 125 Hz through a resonance, its peak at full scale.
fn vowel(rate: u32) -> Vec<f32> {
    let (period, r) = (rate as usize / 125, 0.97f32.powf(24_000.0 / rate as f32));
    let turn = 2.0 * r * (core::f32::consts::TAU * 700.0 / rate as f32).cos();
    let mut y = vec![0.0f32; rate as usize];
    for i in 2..y.len() {
        y[i] = turn * y[i - 1] - r * r * y[i - 2] + f32::from(u8::from(i % period == 0));
    }
    let peak = y.iter().fold(0.0f32, |m, v| m.max(v.abs()));
    y.iter().map(|v| v / peak).collect()
}

#[test]
fn one_top_cut_flat_is_found_and_smooth_speech_is_not() {
    let rate = 24_000;
    let whole = vowel(rate);
    // The sixtieth period is 2 dB louder than the others, and cut where those end; then all goes down by 6 dB.
    let of = |cut: bool| {
        let louder = 60 * 192..61 * 192;
        let x: Vec<f32> = (0..whole.len())
            .map(|i| if cut && louder.contains(&i) { (1.26 * whole[i]).clamp(-1.0, 1.0) } else { 0.99 * whole[i] })
            .map(|v| 0.5 * v)
            .collect();
        listen_whole(rate, 1, &signals::from_i16(&signals::quantise(&x)))
    };
    let heard = of(true);
    let found: Vec<_> = heard.findings.iter().filter(|f| name(f) == "clipping.plateau").collect();
    assert_eq!(found.len(), 1, "{:?}", heard.names());
    assert!((60 * 192..61 * 192).contains(&found[0].start_sample) && found[0].end_sample <= 61 * 192, "{found:?}");
    assert!((found[0].value + 6.02).abs() < 0.01, "half of full scale: {}", found[0].value);
    assert!(!of(false).names().iter().any(|n| n.starts_with("clipping")));
}

#[test]
fn flat_tops_of_held_and_coarse_samples_are_no_clipping() {
    let (rate, seconds) = (8_000, 20.0);
    let x: Vec<f32> = signals::speech_like(rate, seconds, 7);
    let eight_bits: Vec<f32> = x.iter().map(|v| (v * 128.0).round() / 128.0).collect();
    let held: Vec<f32> = x.iter().flat_map(|&v| [v; 3]).collect();
    for (what, rate, x) in [("8 bits", rate, eight_bits), ("held", 3 * rate, held)] {
        let x = signals::from_i16(&signals::quantise(&x));
        let plateaus = listen_whole(rate, 1, &x).names().iter().filter(|n| *n == "clipping.plateau").count();
        // Before the first slopes are heard, one may slip through.
        assert!(plateaus <= 1, "{what}: {plateaus}");
    }
}

#[test]
fn samples_beyond_full_scale_are_counted() {
    let heard = listen_whole(24_000, 1, &[0.0, 1.0, 1.5, -2.0, -1.0, 0.5]);
    assert_eq!(heard.number("clipping.over_samples"), 2.0);
}

#[test]
fn a_step_at_an_edge_is_found_with_its_size_and_nothing_where_nothing_breaks() {
    let rate = 24_000;
    for size in [0.03f32, 0.05, -0.1, 0.3] {
        let mut x = signals::pink(-45.0, rate, 1.0, 3);
        signals::add(&mut x, &signals::sine(150.0, -12.0, 0.0, rate, 1.0));
        x[12_000..].iter_mut().for_each(|v| *v += size);
        let heard = listen(&plan(rate, 1), x.chunks(2_400).map(|c| (c, Push::CHUNK)));
        let joins: Vec<_> = heard.findings.iter().filter(|f| name(f).starts_with("join")).collect();
        assert_eq!(joins.len(), 1, "{size}: {joins:?}");
        assert_eq!((joins[0].start_sample, joins[0].chunk, name(joins[0]).as_str()), (12_000, Some(5), "join.step"));
        assert!((joins[0].value - f64::from(size.abs())).abs() < 0.01, "twice the noise: {} {size}", joins[0].value);
    }
}

#[test]
fn a_click_and_a_kink_are_told_apart_from_a_step() {
    let rate = 24_000;
    let base = || {
        let mut x = signals::sine(180.0, -10.0, 0.0, rate, 1.0);
        signals::add(&mut x, &signals::white_gaussian(-70.0, rate, 1.0, 5));
        x
    };
    let kind = |x: &[f32]| {
        let heard = listen(&plan(rate, 1), x.chunks(2_400).map(|c| (c, Push::CHUNK)));
        heard
            .findings
            .iter()
            .filter(|f| name(f).starts_with("join"))
            .map(|f| (name(f), f.start_sample))
            .collect::<Vec<_>>()
    };
    assert_eq!(kind(&base()), []);
    let mut click = base();
    click[7_200] += 0.2;
    assert_eq!(kind(&click), [("join.click".to_owned(), 7_200)]);
    let mut kink = base();
    // Rises by 0.02 a sample from the edge on and dies away without another kink.
    for (i, v) in kink[7_200..9_000].iter_mut().enumerate() {
        *v += 0.02 * (i + 1) as f32 * (-(i as f32) / 50.0).exp();
    }
    assert_eq!(kind(&kink), [("join.slope".to_owned(), 7_200)]);
}

/// How many of the eight committed voices show the fault where it is.
fn found(fault: &str, severity: f64, answers: &[&str]) -> (usize, usize) {
    let (mut hits, mut all) = (0, 0);
    for clip in speech::clips().expect("the committed speech") {
        for seed in 0..3 {
            let mut take = Take::from_clip(&clip).chunked(100.0, &Schedule::real_time(1.0)).expect("samples");
            let Ok(truth) = faults::inject(fault, &mut take, Some(severity), seed) else { continue };
            let heard = listen_take(&take);
            let near = u64::from(take.sample_rate_hz) / 50;
            for t in truth {
                // Clipping begins at the first period that is loud enough, anywhere in the stretch.
                let until = if fault.starts_with("clip") { t.end_sample } else { t.start_sample + near };
                let from = t.start_sample.saturating_sub(near);
                let hit = |f: &otoscope::Finding| {
                    let overlaps =
                        fault == "silence" && f.start_sample <= t.start_sample && f.end_sample >= t.end_sample;
                    answers.contains(&name(f).as_str()) && (overlaps || (from..=until).contains(&f.start_sample))
                };
                all += 1;
                hits += usize::from(heard.findings.iter().any(hit));
            }
        }
    }
    assert!(all >= 15, "{fault}: only {all} injected");
    println!("{fault} {severity}: {hits} of {all}");
    (hits, all)
}

#[test]
fn injected_faults_are_found_where_they_are() {
    // The share that must be found. Where it is not all, the page of the metric says what hides the rest.
    let ladder: [(&str, f64, &[&str], f64); 13] = [
        ("nan", 1.0, &["validity.not_finite"], 1.0),
        ("nan", 10.0, &["validity.not_finite"], 1.0),
        ("inf", 1.0, &["validity.not_finite"], 1.0),
        ("late_chunk", 200.0, &["continuity.stall"], 1.0),
        ("late_chunk", 1000.0, &["continuity.stall"], 1.0),
        ("clip", 3.0, &["clipping.rail"], 0.95),
        ("clip", 6.0, &["clipping.rail"], 0.95),
        ("clip_scale", -6.0, &["clipping.plateau"], 0.95),
        ("gap", 20.0, &["dropout.hole"], 0.95),
        ("gap", 100.0, &["dropout.hole"], 0.85),
        ("silence", 1.0, &["silence.inner"], 0.9),
        ("join_hold", 0.1, &["join.step"], 0.85),
        ("join_click", 0.3, &["join.click"], 0.9),
    ];
    let mut weak = Vec::new();
    for (fault, severity, answers, share) in ladder {
        let (hits, all) = found(fault, severity, answers);
        if (hits as f64) < share * all as f64 {
            weak.push(format!("{fault} {severity}: {hits} of {all}, wanted {share}"));
        }
    }
    assert!(weak.is_empty(), "{weak:?}");
}

#[test]
fn clean_speech_passes_quietly() {
    let mut loud = Vec::new();
    for clip in speech::clips().expect("the committed speech") {
        for chunk_ms in [10.0, 100.0, 400.0] {
            let take = Take::from_clip(&clip).chunked(chunk_ms, &Schedule::real_time(0.6)).expect("samples");
            let findings = listen_take(&take).findings;
            let findings = findings.iter().filter(|f| f.severity > Severity::Info).map(name);
            // The joins of this diphone voice click by themselves, and edges every 10 ms meet some of them.
            let clicks_itself = |n: &String| clip.name == "en_flite_kal" && chunk_ms < 20.0 && n.starts_with("join.");
            loud.extend(findings.filter(|n| !clicks_itself(n)).map(|n| format!("{} {chunk_ms} ms: {n}", clip.name)));
        }
    }
    assert!(loud.is_empty(), "{loud:#?}");
}

#[test]
fn a_threshold_that_is_moved_moves_the_finding() {
    let x = [
        signals::sine(300.0, -20.0, 0.0, 24_000, 1.0),
        signals::silence(24_000, 0.5),
        signals::sine(300.0, -20.0, 0.0, 24_000, 1.0),
    ]
    .concat();
    let inner = |pause_s: f64| {
        let mut config = Config::new(StreamSpec::mono(24_000));
        config.set("silence.pause_s", pause_s).expect("in range");
        let heard = listen(&config.freeze().expect("fine"), [(&x[..], Push::CHUNK)]);
        heard.names().iter().filter(|n| *n == "silence.inner").count()
    };
    assert_eq!((inner(0.8), inner(0.4)), (0, 1));
}
