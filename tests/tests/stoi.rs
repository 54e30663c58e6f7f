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
    let (mut worst, mut rows) = ([(0.0, ""); 6], 0);
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
        for (i, scored) in result.scores.iter().enumerate() {
            let want: f64 = cells[4 + i % 4].parse().expect("a number");
            let off = (scored.value().unwrap_or_else(|| panic!("{line}: {}", scored.status())) - want).abs();
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
        // Double precision: 1e-9 is the goal, rounding measured at some 1e-12. Single precision in the resampler: 2e-6 is promised.
        assert!(off <= if key.ends_with("fast") { 2e-6 } else { 1e-9 }, "{key}: {off:e} {line}");
    }
    assert!(rows > 200, "{rows} rows");
}
