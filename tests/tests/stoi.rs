//! `stoi` and `estoi`: against pystoi on speech with pauses, values that follow on paper, and pairs that have none.

use otoscope::compare::{Config, Reason, Reference, Scratch, Side, compare};
use otoscope_fixtures::speech;
use std::collections::BTreeMap;

const GOLDEN: &str = include_str!("../../fixtures/golden/stoi/values.csv");

/// The noise, the pairs and their faults are those of `fixtures/golden/stoi/make.py`, in whole numbers.
fn noise(count: usize) -> Vec<i64> {
    let mut state = 7_u32;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            i64::from(state >> 16) - 32768
        })
        .collect()
}

fn at_rate(x: &[i64], source: usize, target: usize) -> Vec<i64> {
    if source == target {
        return x.to_vec();
    }
    let one = |k: usize| {
        let (i, part, to) = (k * source / target, (k * source % target) as i64, target as i64);
        (x[i] * (to - part) + x[i + 1] * part + to / 2).div_euclid(to)
    };
    (0..(x.len() - 1) * target / source).map(one).collect()
}

fn with_pauses<'x>(parts: impl IntoIterator<Item = &'x [i64]>, rate: usize, loudest: i64, noise: &[i64]) -> Vec<i64> {
    let pause: Vec<i64> = noise[..rate * 6 / 10].iter().map(|v| (v * loudest) >> 15).collect();
    parts.into_iter().flat_map(|part| [part, pause.as_slice()].concat()).collect()
}

fn degrade(x: &[i64], name: &str, rate: usize, noise: &[i64]) -> Vec<i64> {
    let len = x.len();
    let added = |gain: i64| -> Box<dyn Fn(usize) -> i64 + '_> { Box::new(move |n| x[n] + ((noise[n] * gain) >> 15)) };
    let old = |n: usize, lag: usize| if n < lag { 0 } else { x[n - lag] };
    let at: Box<dyn Fn(usize) -> i64> = match name {
        "noise_quiet" => added(300),
        "noise" => added(2000),
        "noise_loud" => added(9000),
        "clip" => Box::new(|n| x[n].clamp(-3000, 3000)),
        "clip_hard" => Box::new(|n| x[n].clamp(-300, 300)),
        "gaps" => Box::new(|n| if n % (rate / 4) < rate / 25 { 0 } else { x[n] }),
        "hole" => Box::new(|n| if n >= len * 3 / 10 && n < len * 6 / 10 { 0 } else { x[n] }),
        "half" => Box::new(|n| if n >= len / 2 { 0 } else { x[n] }),
        "bits" => Box::new(|n| (x[n] >> 10) << 10),
        "dull" => Box::new(|n| x[n.saturating_sub(7)..=n].iter().sum::<i64>().div_euclid(8)),
        "echo" => Box::new(|n| x[n] + old(n, rate / 8).div_euclid(2)),
        "late" => Box::new(|n| old(n, rate / 200)),
        "babble" => Box::new(|n| x[n] + x[len - 1 - n].div_euclid(2)),
        "quiet" => Box::new(|n| x[n] >> 4),
        "square" => Box::new(|n| (x[n] * x[n].abs()) >> 15),
        _ => panic!("{name}"),
    };
    (0..len).map(|n| at(n).clamp(-32768, 32767)).collect()
}

/// CRC-32 (IEEE) of 16-bit little-endian samples.
fn crc(x: &[i16]) -> u32 {
    !x.iter().flat_map(|v| v.to_le_bytes()).fold(!0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (crc & 1).wrapping_neg()))
    })
}

fn pcm(x: &[i64]) -> Vec<i16> {
    x.iter().map(|&v| i16::try_from(v).expect("16 bits")).collect()
}

#[test]
fn every_preset_gives_the_golden_values() {
    let noise = noise(4_000_000);
    let clips: BTreeMap<String, (Vec<i64>, usize)> = speech::clips()
        .expect("the committed speech")
        .into_iter()
        .map(|c| (c.name, (c.samples.iter().map(|&v| i64::from(v)).collect(), c.sample_rate_hz as usize)))
        .collect();
    let keys = ["stoi", "estoi", "stoi:matlab", "estoi:matlab", "stoi:fast", "estoi:fast"];
    let plan = Config::new(keys).freeze().expect("presets of the list");
    let (mut worst, mut rows, mut flat) = ([(0.0, ""); 6], 0, 0);
    let mut scratch = Scratch::new();
    for line in GOLDEN.lines().skip(2) {
        let cells: Vec<&str> = line.split(',').collect();
        let (speaker, cut) = cells[0].split_once('/').expect("speaker and cut");
        let rate: usize = cells[1].parse().expect("a rate");
        let at = |name: &str| at_rate(&clips[name].0, clips[name].1, rate);
        let clean = if speaker == "all" {
            let all: Vec<Vec<i64>> = clips.keys().map(|name| at(name)).collect();
            with_pauses(all.iter().map(Vec::as_slice), rate, 0, &noise)
        } else {
            let x = at(speaker);
            let (a, b) = (x.len() / 3, 2 * x.len() / 3);
            let thirds = [&x[..a], &x[a..b], &x[b..]];
            match cut {
                "short" => x[rate..4 * rate].to_vec(),
                "whole" => x,
                "noisy_pauses" => with_pauses(thirds, rate, 3, &noise),
                _ => with_pauses(thirds, rate, 0, &noise),
            }
        };
        let degraded = pcm(&degrade(&clean, cells[2], rate, &noise));
        assert_eq!(format!("{:08x}", crc(&degraded)), cells[3], "{line}: not the samples the values were made from");
        let result = Reference::new(&plan, pcm(&clean), rate as u32).compare(&degraded, rate as u32, &mut scratch);
        let spread: f64 = cells[9].parse().expect("a number");
        flat += usize::from(spread > 1e-10);
        for (i, scored) in result.scores.iter().enumerate() {
            let want: f64 = cells[4 + i % 4].parse().expect("a number");
            let off = (scored.value().unwrap_or_else(|| panic!("{line}: {}", scored.status())) - want).abs();
            // What rounding alone does to pystoi's own ESTOI there (0 but in digital silence), it may do here: twice, as the spread of
            // two samples is no bound. See `make.py`.
            let off = if scored.spec.name == "estoi" { (off - 2.0 * spread).max(0.0) } else { off };
            if off > worst[i].0 {
                worst[i] = (off, line);
            }
        }
        rows += 1;
    }
    for (key, (off, line)) in keys.iter().zip(worst) {
        println!("{key}: {off:.2e} {line}");
    }
    for (key, (off, line)) in keys.iter().zip(worst) {
        // Double precision: 1e-9 is the goal, rounding measured at 4e-15. Single precision in the resampler: 2e-6 is promised.
        assert!(off <= if key.ends_with("fast") { 2e-6 } else { 1e-9 }, "{key}: {off:e} {line}");
    }
    assert!(flat < rows / 20, "{flat} of {rows} pairs are at the mercy of rounding");
    assert!(rows > 200, "{rows} rows");
}

/// Noise in slow bursts: something that varies in every band.
fn bursts(samples: usize, rate: usize) -> Vec<f64> {
    let level = |n: usize| 0.05 + 0.4 * (n as f64 * 7.0 / rate as f64).sin().powi(2);
    noise(samples).iter().enumerate().map(|(n, v)| *v as f64 / 32768.0 * level(n)).collect()
}

fn values(keys: &[&str], reference: &[f64], degraded: &[f64], rate: u32) -> Vec<Result<f64, Reason>> {
    let plan = Config::new(keys.iter().copied()).freeze().expect("presets of the list");
    let all = compare(&plan, reference, degraded, rate).scores;
    all.iter().map(|s| s.values.clone().map(|_| s.value().expect("a number"))).collect()
}

const ALL: [&str; 6] = ["stoi", "estoi", "stoi:matlab", "estoi:matlab", "stoi:fast", "estoi:fast"];

#[test]
fn a_signal_is_as_intelligible_as_itself_at_any_level_and_upside_down() {
    for rate in [8000, 10_000, 11_025, 37_123, 48_000, 192_000] {
        let x = bursts(rate, rate);
        for gain in [1.0, 0.01, -3.0] {
            let y: Vec<f64> = x.iter().map(|v| gain * v).collect();
            for (key, value) in ALL.iter().zip(values(&ALL, &x, &y, rate as u32)) {
                // Rounding of correlations of 30 numbers, and the 2e-16 beside the norms of bands as low as 1e-4; `fast` rounds
                // the scaled signal otherwise than the signal, which moves correlations of 1 by squares of 1e-6 only.
                assert!((value.expect("a score") - 1.0).abs() < 1e-9, "{key} {rate} {gain}: {value:?}");
            }
        }
    }
}

#[test]
fn what_the_reference_drops_does_not_count() {
    let rate = 10_000;
    // At 10 kHz nothing spreads: the pause is digital silence in the reference, and whatever stands there in the other is dropped.
    let mut x = bursts(40_000, rate);
    x[15_000..25_000].fill(0.0);
    let (mut y, mut z) = (x.clone(), x.clone());
    for n in 0..10_000 {
        if (256..9_744).contains(&n) {
            y[15_000 + n] = if n % 2 == 0 { 0.9 } else { -0.9 };
        }
        z[n] = 0.0;
    }
    let [same, silent] = [&y, &z].map(|d| values(&["stoi", "estoi"], &x, d, rate as u32));
    for (same, silent) in same.into_iter().zip(silent) {
        let (same, silent) = (same.expect("a score"), silent.expect("a score"));
        assert!((same - 1.0).abs() < 1e-12, "rounding: {same}");
        // Of 234 frames left the first 78 are gone: of 205 segments 49 count nothing, 127 are as they were, 29 lie between.
        assert!((0.61..0.77).contains(&silent), "{silent}");
    }
}

#[test]
fn silence_of_a_whole_segment_counts_nothing_and_the_same_each_time() {
    let x = bursts(40_000, 10_000);
    let mut y = x.clone();
    y[20_000..].fill(0.0);
    let frames = (40_000 - 256_usize).div_ceil(128);
    let segments = frames - 1 - 29;
    // Frames up to 155 hold sound; the segments of these alone score 1, those from frame 157 on score 0.
    let (sure, gone) = (156 - 29, segments - 157);
    for value in values(&["stoi", "estoi"], &x, &y, 10_000) {
        let value = value.expect("a score");
        let least = sure as f64 / segments as f64;
        assert!(value > least && value < (segments - gone) as f64 / segments as f64, "{value} {least}");
    }
    assert_eq!(values(&ALL, &x, &y, 10_000), values(&ALL, &x, &y, 10_000));
}

#[test]
fn pairs_without_a_score_have_a_reason() {
    let rate = 16_000;
    let x = bursts(2 * rate, rate);
    let zero = vec![0.0; 2 * rate];
    let all = |a: &[f64], b: &[f64]| -> Vec<Reason> {
        values(&ALL, a, b, rate as u32).into_iter().map(|v| v.expect_err("no score")).collect()
    };
    let name = |reasons: Vec<Reason>| -> Vec<&str> { reasons.iter().map(Reason::name).collect() };
    assert_eq!(name(all(&zero, &x)), ["silent_reference"; 6]);
    assert_eq!(name(all(&x, &zero)), ["silent_degraded"; 6]);
    let short = all(&x[..1600], &x[..1600]);
    assert_eq!(short[0], Reason::TooShort { side: Side::Reference, have_s: 0.1, need_s: 0.4097 });
    assert_eq!(name(short), ["too_short"; 6]);
    // 4097 samples at 10 kHz are one more than 4096, which 16 kHz passes with sample 6554.
    assert_eq!(name(all(&x[..6553], &x[..6553])), ["too_short"; 6]);
    assert!(values(&ALL, &x[..6554], &x[..6554], rate as u32).iter().all(Result::is_ok));
    let mut impulse = zero.clone();
    impulse[rate] = 1.0;
    assert_eq!(name(all(&impulse, &x)), ["no_speech"; 6]);
    let mut blip = zero.clone();
    blip[rate..rate + 3200].copy_from_slice(&x[rate..rate + 3200]);
    match all(&blip, &x)[0] {
        // 0.2 s and a frame at either end.
        Reason::NoSpeech { side: Side::Reference, longest_run_ms } => assert!((200.0..260.0).contains(&longest_run_ms)),
        other => panic!("{other:?}"),
    }
    // Nothing of the degraded signal is left where the reference has its speech.
    let mut elsewhere = vec![0.0; 40_000];
    elsewhere[..10_000].fill(0.5);
    let mut late = bursts(40_000, 10_000);
    late[..20_000].fill(0.0);
    let got = values(&["stoi", "estoi"], &late, &elsewhere, 10_000);
    assert_eq!(got, [Err(Reason::SilentDegraded), Err(Reason::SilentDegraded)]);
    // A level that never changes: at 10 kHz each frame but the first is the same, and no band varies.
    let got = values(&["stoi", "estoi"], &[0.25; 10_000], &bursts(10_000, 10_000), 10_000);
    assert!(got.iter().all(|v| v.as_ref().expect_err("nothing varies").name() == "undefined"), "{got:?}");
    let plan = Config::new(ALL).freeze().expect("presets of the list");
    for hz in [1000, 192_000] {
        let scores = compare(&plan, x.as_slice(), x.as_slice(), hz).scores;
        assert!(
            scores.iter().all(|s| s.values.is_ok() || s.status() == "too_short" || s.status() == "rate_unsupported")
        );
    }
}

#[test]
fn a_prepared_reference_and_a_delay_change_no_score() {
    let rate = 16_000;
    let x = bursts(4 * rate, rate);
    let y: Vec<f64> = x.iter().enumerate().map(|(n, v)| v.clamp(-0.1, 0.1) + 0.01 * ((n % 3) as f64 - 1.0)).collect();
    let mut config = Config::new(ALL);
    config.align = otoscope::compare::Align::Delay;
    let plan = config.freeze().expect("presets of the list");
    let reference = Reference::new(&plan, x.as_slice(), rate as u32);
    let first = reference.compare(y.as_slice(), rate as u32, &mut Scratch::new());
    // Late by 300 samples and cut at the end: what is compared is a part of the reference, not what was prepared of it.
    let late: Vec<f64> = [vec![0.0; 300], y[..y.len() - 300].to_vec()].concat();
    let aligned = reference.compare(late.as_slice(), rate as u32, &mut Scratch::new());
    assert_eq!(aligned.alignment.delay_samples, Some(300));
    let (cut_x, cut_y) = (&x[..x.len() - 300], &y[..x.len() - 300]);
    let direct: Vec<_> = values(&ALL, cut_x, cut_y, rate as u32);
    for (score, direct) in aligned.scores.iter().zip(direct) {
        assert_eq!(score.value(), direct.ok(), "{}", score.key);
    }
    assert_eq!(reference.compare(y.as_slice(), rate as u32, &mut Scratch::new()).scores, first.scores);
    assert!(
        first.scores.iter().all(|s| s.rate_policy.contains("16000 to 10000 Hz")),
        "{}",
        first.scores[0].rate_policy
    );
}
