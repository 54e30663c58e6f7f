//! Scores against named peers: `fixtures/golden/signal/golden.csv`, made by `make.py` beside it, which degrades the committed speech in
//! the same whole-number arithmetic.

use otoscope::compare::{Config, compare};
use otoscope_fixtures::speech;
use otoscope_tests::digest_of_codes;
use std::collections::BTreeMap;

const SECONDS: usize = 4;

fn noise(n: usize) -> Vec<i64> {
    let mut seed = 12345_u32;
    (0..n)
        .map(|_| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            i64::from(seed >> 16) - 32_768
        })
        .collect()
}

fn degrade(reference: &[i16], rate: usize, how: &str) -> Vec<i16> {
    let r: Vec<i64> = reference.iter().map(|&v| v.into()).collect();
    let n = noise(r.len());
    let at = |i: usize, back: usize| i.checked_sub(back).map_or(0, |i| r[i]);
    let most = r.iter().map(|v| v.abs()).max().unwrap_or(0) / 8;
    let gap = r.len() / 2..r.len() / 2 + rate / 10;
    let one = |i: usize| match how {
        "noise_low" => r[i] + ((n[i] * 300) >> 15),
        "noise_high" => r[i] + ((n[i] * 3000) >> 15),
        "clip" => r[i].clamp(-most, most),
        "gap" if gap.contains(&i) => 0,
        "gap" => r[i],
        "filter" => (3 * r[i] + 2 * at(i, 1) - at(i, 2)) >> 2,
        "coarse" => (r[i] >> 9) << 9,
        "quiet" => (r[i] >> 3) + ((n[i] * 20) >> 15),
        _ => panic!("unknown degradation {how}"),
    };
    (0..r.len()).map(|i| one(i).clamp(-32_768, 32_767) as i16).collect()
}

#[test]
fn scores_are_those_of_the_peers() {
    let path = speech::folder().with_file_name("golden").join("signal/golden.csv");
    let text = std::fs::read_to_string(path).expect("committed");
    let mut wanted: BTreeMap<(&str, &str), Vec<(&str, f64)>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [file, how, digest, score, value] = cells[..] else { panic!("five cells: {line}") };
        wanted.entry((file, how)).or_default().push((score, value.parse().expect("a number")));
        if wanted[&(file, how)].len() == 1 {
            let clip = speech::load(file.trim_end_matches(".flac")).expect("committed");
            let rate = clip.sample_rate_hz as usize;
            let d = degrade(&clip.samples[..clip.samples.len().min(SECONDS * rate)], rate, how);
            let have = digest_of_codes(&d);
            assert_eq!(have, digest, "{file} {how}: the pair is not the one the peers scored");
        }
    }
    assert_eq!(wanted.len(), 8 * 7, "speech times degradations");
    for ((file, how), scores) in wanted {
        let clip = speech::load(file.trim_end_matches(".flac")).expect("committed");
        let rate = clip.sample_rate_hz as usize;
        let r = &clip.samples[..clip.samples.len().min(SECONDS * rate)];
        let d = degrade(r, rate, how);
        let plan = Config::new(scores.iter().map(|(score, _)| *score)).freeze().expect("scores of the list");
        let result = compare(&plan, r, d.as_slice(), clip.sample_rate_hz);
        for (scored, (score, want)) in result.scores.iter().zip(scores) {
            let got = scored.value().unwrap_or_else(|| panic!("{file} {how} {score}: {}", scored.status()));
            let tolerance = match score {
                "snr" | "si_sdr" | "si_snr" => 1e-9, // decibels of sums in another order
                "sdr" => 1e-6,                       // decibels: the peer solves the 512 equations by another method
                "csig" | "cbak" | "covl" => 1e-3,    // the PESQ score within: rounding alone moves some pairs so much
                _ => 1e-6, // transforms and predictors of frames that are nearly singular: mostly below 1e-9
            };
            assert!((got - want).abs() <= tolerance, "{file} {how} {score}: {got} against {want}");
        }
    }
}
