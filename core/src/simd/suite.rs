//! Tests of every kernel at every level this machine has, against plain `f64` references and against the portable
//! definition. A level the machine lacks is named and counted; with `OTOSCOPE_REQUIRE_SIMD=avx2` its absence fails.

use super::{
    Bands, BinSums, COMPARED, Cascade, Envelope, FIR, GateCounts, KState, KWeighting, LAG_GROUP, Level, POINTS, SHORT,
    Simd, Statistics, TAPS, TruePeakTable, Turns,
};
use rustfft::num_complex::Complex32;

/// Lengths around the lane width and the longest hop.
const LENGTHS: [usize; 16] = [0, 1, 2, 3, 7, 8, 9, 15, 16, 17, 63, 64, 65, 220, 221, 1920];

/// A small repeatable generator; the values span many magnitudes, both zeros and denormals.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let r = (self.0 >> 33) as u32;
        match r % 61 {
            0 => 0.0,
            1 => -0.0,
            2 => f32::MIN_POSITIVE / 4.0,
            3 => -1.0,
            4 => 32767.0 / 32768.0,
            _ => (r % 65536) as f32 / 32768.0 - 1.0,
        }
    }

    fn signal(&mut self, len: usize) -> Vec<f32> {
        (0..len).map(|_| self.next()).collect()
    }
}

/// Runs a test at every level, each time with unaligned starts too.
fn at_every_level(mut test: impl FnMut(Simd, &[f32])) {
    let required = std::env::var("OTOSCOPE_REQUIRE_SIMD").is_ok_and(|v| v == "avx2");
    if !Level::available().contains(&Level::Avx2) {
        assert!(!required, "OTOSCOPE_REQUIRE_SIMD=avx2, but this machine has no AVX2 with FMA");
        println!("SKIPPED avx2: this machine does not have it");
    }
    for &level in Level::available() {
        let mut noise = Noise(level as u64 + 1);
        for round in 0..40 {
            for len in LENGTHS {
                let x = noise.signal(len + 3);
                test(Simd::choose(Some(level)), &x[round % 4..][..len]);
            }
        }
    }
}

fn portable() -> Simd {
    Simd::choose(Some(Level::Portable))
}

#[test]
fn statistics_match_a_plain_loop_and_the_portable_bits() {
    at_every_level(|simd, x| {
        let got = simd.statistics(x);
        assert_eq!(got, portable().statistics(x), "exact: the same bits at every level");
        assert_eq!(simd.energy(x), got.energy, "the same sum");
        if x.is_empty() {
            assert_eq!(got, Statistics::default());
            return;
        }
        let sum: f64 = x.iter().map(|&v| f64::from(v)).sum();
        let energy: f64 = x.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
        // 240 additions of single-precision lanes, each rounded to half of 2^-23 of a partial sum below 240.
        assert!((got.sum - sum).abs() < 1e-3 && (got.energy - energy).abs() < 1e-3, "{got:?} {sum} {energy}");
        assert_eq!(got.min, x.iter().copied().fold(f32::INFINITY, f32::min));
        assert_eq!(got.max, x.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        assert_eq!(got.zeros as usize, x.iter().filter(|v| **v == 0.0).count());
    });
}

#[test]
fn the_gate_replaces_and_counts_what_is_no_number() {
    at_every_level(|simd, x| {
        let mut x = x.to_vec();
        let bad = [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, 2e12, f32::MAX, -f32::NAN];
        for (i, b) in bad.into_iter().enumerate() {
            let place = i * 37;
            if place < x.len() {
                x[place] = b;
            }
        }
        let (mut out, mut reference) = (vec![9.0; x.len()], vec![9.0; x.len()]);
        let got = simd.gate(&x, &mut out);
        assert_eq!(got, portable().gate(&x, &mut reference));
        assert_eq!(out, reference);
        let is_bad = |v: &f32| v.is_nan() || v.abs() > super::portable::LARGEST;
        for (v, o) in x.iter().zip(&out) {
            assert_eq!(o.to_bits(), if is_bad(v) { 0 } else { v.to_bits() });
        }
        let expected = GateCounts {
            nan: x.iter().filter(|v| v.is_nan()).count() as u32,
            infinite: x.iter().filter(|v| v.is_infinite()).count() as u32,
            absurd: x.iter().filter(|v| v.is_finite() && is_bad(v)).count() as u32,
            denormal: x.iter().filter(|v| v.is_subnormal()).count() as u32,
            first_bad: x.iter().position(is_bad).map(|i| i as u32),
            last_bad: x.iter().rposition(is_bad).map(|i| i as u32),
        };
        assert_eq!(got, expected);
    });
}

#[test]
fn sixteen_bits_become_the_same_floats_everywhere() {
    let all: Vec<i16> = (i16::MIN..=i16::MAX).collect();
    for &level in Level::available() {
        let mut out = vec![0.0f32; all.len()];
        Simd::choose(Some(level)).i16_to_f32(&all, &mut out);
        assert!(all.iter().zip(&out).all(|(&i, &f)| f == f32::from(i) / 32768.0));
    }
}

#[test]
fn flat_triples_are_found_alike() {
    at_every_level(|simd, x| {
        // Steps, so that flat places are neither common nor rare; short pieces, so that many have none.
        let x: Vec<f32> = x.iter().map(|v| (v * 6.0).round() / 6.0).collect();
        for x in x.chunks(21) {
            let expected =
                x.windows(3).any(|w| (w[1] - w[0]).abs() <= 0.01 && (w[2] - w[1]).abs() <= 0.01 && w[1].abs() >= 0.5);
            assert_eq!(simd.has_flat_triple(x, 0.5, 0.01), expected);
        }
    });
}

#[test]
fn products_are_summed_alike() {
    at_every_level(|simd, x| {
        let sums = simd.products(x);
        assert_eq!(sums, portable().products(x));
        for (k, &sum) in sums.iter().enumerate() {
            let plain: f64 = (SHORT..x.len()).map(|n| f64::from(x[n]) * f64::from(x[n - k])).sum();
            let size: f64 = x.iter().map(|v| f64::from(*v).powi(2)).sum();
            // Single precision over 240 sums a lane.
            assert!((f64::from(sum) - plain).abs() <= 3e-5 * size + 1e-30, "{k}: {sum} {plain}");
        }
    });
}

#[test]
fn signs_are_told_alike() {
    at_every_level(|simd, x| {
        for x in x.chunks(64) {
            let expected = x.iter().enumerate().fold(0, |bits, (i, v)| bits | u64::from(*v < 0.0) << i);
            assert_eq!(simd.negative(x), expected);
        }
    });
}

#[test]
fn the_k_filter_agrees_between_levels_and_with_the_serial_filter() {
    for rate in [8_000, 24_000, 48_000, 192_000] {
        let filter = KWeighting::new(rate);
        at_every_level(|simd, x| {
            let (mut a, mut b, mut serial) = (KState::default(), KState::default(), KState::default());
            let got = simd.k_energy(&filter, &mut a, x);
            let reference = portable().k_energy(&filter, &mut b, x);
            let one_by_one: f64 = x.iter().map(|v| portable().k_energy(&filter, &mut serial, &[*v])).sum();
            // Single precision over 1,920 samples; the fields behind it promise 0.0012 dB, which is 2.8e-4.
            let allowed = 1e-5 * reference.max(1e-9);
            assert!((got - reference).abs() <= allowed, "{rate}: {got} {reference}");
            assert!((one_by_one - reference).abs() <= 10.0 * allowed, "{rate}: {one_by_one} {reference}");
        });
    }
}

#[test]
fn the_true_peak_agrees_between_levels_and_with_a_plain_sum() {
    let table = TruePeakTable::new(48_000);
    at_every_level(|simd, x| {
        let expected = (TAPS - 1..x.len())
            .flat_map(|n| table.taps.iter().map(move |h| (n, h)))
            .map(|(n, h)| h.iter().enumerate().map(|(k, c)| f64::from(*c) * f64::from(x[n - k])).sum::<f64>().abs())
            .fold(0.0, f64::max);
        let got = f64::from(simd.true_peak(&table, x, 0.0));
        assert!((got - expected).abs() <= 1e-6, "twelve products in single precision: {got} {expected}");
    });
}

#[test]
fn windows_are_applied_alike() {
    at_every_level(|simd, x| {
        let window: Vec<f32> = (0..x.len()).map(|i| i as f32 / 100.0).collect();
        let mut out = vec![Complex32::default(); x.len() / 2];
        simd.window_pairs(x, &window, &mut out);
        let parts = out.iter().flat_map(|c| [c.re, c.im]);
        assert!(parts.zip(x.iter().zip(&window)).all(|(o, (v, w))| o.to_bits() == (v * w).to_bits()));
    });
}

#[test]
fn a_wish_is_capped_at_what_the_machine_has() {
    let best = Level::available().last().copied();
    assert_eq!(Some(Simd::choose(Some(Level::Avx2)).level()), best);
    assert_eq!(Simd::choose(Some(Level::Portable)).level(), Level::Portable);
}

#[test]
fn the_kernels_of_linear_prediction_match_plain_loops_and_the_portable_bits() {
    let h: [f32; FIR] = core::array::from_fn(|k| (k as f32 - 7.3) / 9.0);
    at_every_level(|simd, x| {
        let wide = |v: &f32| f64::from(*v);
        let fourth = |w: &[f32]| wide(&w[0]) - 4.0 * wide(&w[1]) + 6.0 * wide(&w[2]) - 4.0 * wide(&w[3]) + wide(&w[4]);
        let (sum, top) = x.windows(5).map(fourth).fold((0.0, 0.0f64), |(s, t), d| (s + d * d, t.max(d.abs())));
        let (energy, highest) = simd.spikes(x);
        assert_eq!((energy, highest), portable().spikes(x));
        let close = (energy - sum).abs() <= 1e-5 * sum + 1e-9 && (f64::from(highest) - top).abs() < 1e-5;
        assert!(close, "single precision: {energy} {sum} {highest} {top}");

        let (f, b) = (&x[x.len().min(1)..], x);
        let (cross, power) = simd.lattice_sums(f, b);
        assert_eq!((cross, power), portable().lattice_sums(f, b));
        let pairs = || f.iter().map(wide).zip(b.iter().map(wide));
        let (want, all) = (pairs().map(|(f, b)| f * b).sum::<f64>(), pairs().map(|(f, b)| f * f + b * b).sum::<f64>());
        assert!((cross - want).abs() <= 1e-5 * all + 1e-9 && (power - all).abs() <= 1e-5 * all + 1e-9);

        let step = |simd: Simd| {
            let (mut f, mut b) = (f.to_vec(), b.to_vec());
            simd.lattice_step(&mut f, &mut b, -0.75);
            (f, b)
        };
        assert_eq!(step(simd), step(portable()));
        for (i, (new, (old, other))) in step(simd).0.iter().zip(f.iter().zip(b)).enumerate() {
            assert_eq!(*new, old + -0.75 * other, "{i}");
        }

        let n = (x.len() + 1).saturating_sub(FIR);
        let (mut out, mut reference) = (vec![0.0; n], vec![0.0; n]);
        simd.correlate(x, &h, &mut out);
        portable().correlate(x, &h, &mut reference);
        assert_eq!(out, reference);
        for (w, o) in x.windows(FIR).zip(&out) {
            let want: f64 = w.iter().zip(&h).map(|(x, h)| f64::from(*x) * f64::from(*h)).sum();
            assert!((f64::from(*o) - want).abs() < 1e-5, "17 products below 1: {o} {want}");
        }
    });
}

#[test]
fn eight_streams_in_lanes_have_the_energies_they_have_alone() {
    let filter = KWeighting::new(24_000);
    let mut alone = [KState::default(); 8];
    at_every_level(|simd, x| {
        // Eight different hops: rotations of one; the last lane is not used.
        let hops: [Vec<f32>; 8] = core::array::from_fn(|l| [&x[x.len() * l / 8..], &x[..x.len() * l / 8]].concat());
        let lanes: [&[f32]; 8] = core::array::from_fn(|l| if l == 7 { &[] } else { &hops[l][..] });
        let mut states = alone;
        let got = simd.k_energy_lanes(&filter, &mut states, &lanes);
        let reference = portable().k_energy_lanes(&filter, &mut alone.clone(), &lanes);
        for l in 0..7 {
            let mut state = alone[l];
            let want = portable().k_energy(&filter, &mut state, lanes[l]);
            let near = |a: f64, b: f64| (a - b).abs() <= 1e-5 * b + 1e-12;
            assert!(near(got[l], want) && near(reference[l], want), "single precision: {} {want}", got[l]);
            let scale = state.0.iter().fold(1e-6f32, |m, v| m.max(v.abs()));
            let close = state.0.iter().zip(states[l].0).all(|(a, b)| (a - b).abs() <= 1e-3 * scale);
            assert!(close, "the state goes on where either kernel left it: {state:?} {:?}", states[l]);
        }
        alone = states;
        alone[7] = KState::default();
    });
}

#[test]
fn distances_and_matches_are_what_a_plain_loop_counts() {
    at_every_level(|simd, x| {
        let byte = |v: &f32| v.to_bits() as u8;
        let n = x.len() / 8;
        let planes: Vec<u8> = x[..8 * n].iter().map(byte).collect();
        let one: [u8; 8] = core::array::from_fn(|k| (37 * k) as u8);
        let mut got = vec![9; n];
        let (sum, near) = simd.distances(&one, &planes, &mut got);
        let want = |i: usize| (0..8).map(|k| u32::from(planes[k * n + i].abs_diff(one[k]))).sum::<u32>().min(255) as u8;
        assert_eq!(got, (0..n).map(want).collect::<Vec<_>>());
        let all: Vec<u32> = got.iter().filter(|d| **d < 255).map(|&d| u32::from(d)).collect();
        assert_eq!((sum, near as usize), (all.iter().sum(), all.len()));
        for begin in [true, false] {
            let before: Vec<u16> = (0..n).map(|i| [0, 1, 3, 7, u16::MAX][i % 5]).collect();
            let need: Vec<u16> = (0..n).map(|i| 5 + i as u16).collect();
            let mut counts = before.clone();
            let reached = simd.count_matches(&got, 200, begin, &mut counts, &need);
            for i in 0..n {
                let up = if begin || before[i] > 0 { before[i].saturating_add(1) } else { 0 };
                assert_eq!(counts[i], if got[i] <= 200 { up } else { before[i].saturating_sub(4) });
            }
            assert_eq!(reached, (0..n).any(|i| counts[i] >= need[i]));
        }
    });
}

#[test]
fn the_envelope_in_blocks_is_the_envelope_sample_by_sample() {
    let g = (-1.0f64 / (0.03 * 48_000.0)).exp();
    for block in [8, 24, 120] {
        let table = Envelope::new(g, block);
        at_every_level(|simd, x| {
            let x = &x[..x.len().min(POINTS * block)];
            let start = [0.25f32, 0.125];
            let (mut state, mut out) = (start, [9.0; POINTS]);
            let points = simd.envelope(&table, &mut state, x, &mut out);
            let (mut other, mut reference) = (start, [9.0; POINTS]);
            assert_eq!(points, portable().envelope(&table, &mut other, x, &mut reference));
            assert_eq!((state, out), (other, reference), "exact: the same bits at every level");
            assert_eq!(points, x.len().div_ceil(block));
            let [mut p, mut q] = start.map(f64::from);
            for (i, v) in x.iter().enumerate() {
                p = g * p + (1.0 - g) * f64::from(v.abs());
                q = g * q + (1.0 - g) * p;
                if (i + 1) % block == 0 || i + 1 == x.len() {
                    let got = f64::from(out[i / block]);
                    assert!((got - q).abs() < 1e-5 * q, "{points} steps in single precision: {got} {q}");
                }
            }
        });
    }
}

#[test]
fn peaks_are_found_alike() {
    at_every_level(|simd, x| {
        let power: Vec<f32> = x.iter().map(|v| v * v * v * v).collect();
        let mut bits = [0u8; 260];
        simd.peaks(&power, 2.0, &mut bits);
        for (k, bit) in (4..).zip((0..260 * 8).map(|i| bits[i / 8] >> (i % 8) & 1 == 1)) {
            let peak = k + 4 < power.len() && {
                let p = |i: usize| power[i];
                let around = (p(k - 4) + p(k - 3)) + (p(k + 3) + p(k + 4));
                p(k) > around * 0.5 && p(k) > p(k - 1) && p(k) > p(k + 1)
            };
            assert_eq!(bit, peak, "bin {k} of {}", power.len());
        }
    });
}

#[test]
fn the_kernels_of_the_pitch_match_plain_loops_and_the_portable_bits() {
    let wide = |v: &f32| f64::from(*v);
    let taps: Vec<f32> = (0..16).map(|k| (k as f32 - 7.3) / 9.0).collect();
    at_every_level(|simd, x| {
        let n = (x.len() + 6).saturating_sub(16) / 6;
        let (mut out, mut reference) = (vec![0.0; n], vec![0.0; n]);
        simd.decimate(x, &taps, 6, &mut out);
        portable().decimate(x, &taps, 6, &mut reference);
        assert_eq!(out, reference);
        for (i, o) in out.iter().enumerate() {
            let want: f64 = x[6 * i..].iter().zip(&taps).map(|(x, h)| wide(x) * wide(h)).sum();
            assert!((wide(o) - want).abs() < 1e-5, "16 products below 1: {o} {want}");
        }
        let last = 70;
        let Some(span) = x.len().checked_sub(5 + 3 * LAG_GROUP) else { return };
        let (mut out, mut reference) = ([9.0; 5 + 3 * LAG_GROUP], [9.0; 5 + 3 * LAG_GROUP]);
        simd.lagged_products(x, span, 5, last, &mut out);
        portable().lagged_products(x, span, 5, last, &mut reference);
        assert_eq!(out, reference);
        assert!(out[..5].iter().all(|v| *v == 9.0), "only what was asked for");
        for lag in 5..=last {
            let want: f64 = x[..span].iter().zip(&x[lag..]).map(|(a, b)| wide(a) * wide(b)).sum();
            assert!((wide(&out[lag]) - want).abs() < 1e-3, "1,842 products in single precision: {lag} {want}");
        }
    });
}

#[test]
fn totals_and_weighted_sums_match_plain_loops_and_the_portable_bits() {
    let wide = |v: &f32| f64::from(*v);
    let rows: [[f32; 8]; 8] = core::array::from_fn(|k| core::array::from_fn(|l| (k as f32 - 3.1) * (l as f32 - 2.2)));
    at_every_level(|simd, x| {
        for part in [8, 9, 13, 15, 24, 30, 120] {
            let got = simd.part_sums(x, part);
            assert_eq!(got, portable().part_sums(x, part));
            for (p, got) in got.iter().enumerate() {
                let whole = x.get(..8 * part).unwrap_or_default();
                let want: f64 = whole.iter().skip(p * part).take(part).map(wide).sum();
                assert!((wide(got) - want).abs() < 1e-4, "120 numbers below 1: {p} {got} {want}");
            }
        }
        if let Some(x) = x.first_chunk() {
            let got = simd.weigh(x, &rows);
            assert_eq!(got, portable().weigh(x, &rows));
            for (l, got) in got.iter().enumerate() {
                let want: f64 = x.iter().zip(&rows).map(|(x, row)| wide(x) * wide(&row[l])).sum();
                assert!((wide(got) - want).abs() < 1e-4, "eight products below 20: {got} {want}");
            }
        }
        if let (Some(was), Some(now)) = (x.first_chunk::<COMPARED>(), x.last_chunk::<COMPARED>()) {
            let bits = simd.compare(was, now, 2.0, 0.25);
            for i in 0..COMPARED {
                let want = [now[i] > was[i] * 2.0, was[i] > now[i] * 2.0, now[i] < was[i] * 0.25];
                assert_eq!(bits.map(|b| b >> i & 1 == 1), want, "{i}: {} {}", was[i], now[i]);
            }
        }
        let maxima = simd.maxima(x);
        for k in 0..128 {
            let whole = (k / 8) * 8 + 10 <= x.len();
            let want = whole && x[k + 1] >= x[k] && x[k + 1] > x[k + 2];
            assert_eq!(maxima >> k & 1 == 1, want, "{k} of {}", x.len());
        }
        if x.len() < 15 {
            return;
        }
        // Eleven bands: single bins, the whole, nothing, halves; the last ones at the very end.
        let weight = |b: usize, k: usize| match b {
            0 => f32::from(k == 0),
            1 => 1.0 / (k + 1) as f32,
            2 => 0.0,
            10 => f32::from(k == x.len() - 1),
            _ => f32::from((k / b).is_multiple_of(2) && k < 40),
        };
        let table = BinSums::new(x.len(), 11, weight);
        let (mut got, mut reference) = ([9.0; 11], [9.0; 11]);
        simd.bin_sums(&table, x, &mut got);
        portable().bin_sums(&table, x, &mut reference);
        assert_eq!(got, reference);
        for (b, got) in got.iter().enumerate() {
            let want: f64 = x.iter().enumerate().map(|(k, x)| wide(x) * wide(&weight(b, k))).sum();
            assert!((wide(got) - want).abs() < 1e-5, "sums below 40 in single precision: {b} {got} {want}");
        }
    });
}

#[test]
fn a_cascade_in_lanes_has_the_bits_of_one_section_after_another() {
    let sections: Vec<[f32; 5]> = (0..12)
        .map(|i| {
            let f = i as f32;
            [0.5 + 0.02 * f, -0.3, 0.1 * f - 0.4, 0.05 * f - 0.6, 0.2 + 0.02 * f]
        })
        .collect();
    let plain = |sections: &[[f32; 5]], x: &[f32]| {
        let mut y = x.to_vec();
        for [b0, b1, b2, a1, a2] in sections {
            let (mut w1, mut w2) = (0.0, 0.0);
            for v in &mut y {
                let w = *v - a1 * w1 - a2 * w2;
                *v = b0 * w + b1 * w1 + b2 * w2;
                (w2, w1) = (w1, w);
            }
        }
        y
    };
    let same = |a: &[f32], b: &[f32]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a == b);
    at_every_level(|simd, x| {
        for sections in [&sections[..8], &sections[..12], &sections[..3]] {
            let table = Cascade::new(sections);
            let mut one = x.to_vec();
            simd.cascade(&table, &mut one);
            assert!(same(&one, &plain(sections, x)));
            let (mut a, mut b) = (x.to_vec(), x[x.len() / 3..].to_vec());
            simd.cascade_two(&table, &mut a, &mut b);
            assert!(same(&a, &one) && same(&b, &plain(sections, &x[x.len() / 3..])));
        }
    });
}

#[test]
fn real_transforms_and_correlations_are_those_of_their_definitions() {
    // Pairs are transformed by definition; all in f64 but the kernels.
    const N: usize = 64;
    let turn = |k: usize| {
        let a = -core::f64::consts::TAU * (k % N) as f64 / N as f64;
        (a.cos(), a.sin())
    };
    let bins = |x: &[f32]| -> Vec<(f64, f64)> {
        (0..=N / 2)
            .map(|k| {
                x.iter().enumerate().fold((0.0, 0.0), |(re, im), (n, &v)| {
                    let (c, s) = turn(k * n);
                    (re + f64::from(v) * c, im + f64::from(v) * s)
                })
            })
            .collect()
    };
    let pairs = |x: &[f32]| -> Vec<Complex32> {
        (0..N / 2)
            .map(|k| {
                let (re, im) = (0..N / 2).fold((0.0, 0.0), |(re, im), n| {
                    let ((c, s), (a, b)) = (turn(2 * k * n), (f64::from(x[2 * n]), f64::from(x[2 * n + 1])));
                    (re + a * c - b * s, im + a * s + b * c)
                });
                Complex32 { re: re as f32, im: im as f32 }
            })
            .collect()
    };
    // Sums of 64 numbers up to 1, times 8 at most, in single precision.
    let near =
        |a: Complex32, b: (f64, f64)| (f64::from(a.re) - b.0).abs() < 2e-3 && (f64::from(a.im) - b.1).abs() < 2e-3;
    let table = Turns::new(N);
    for &level in Level::available() {
        let simd = Simd::choose(Some(level));
        let mut noise = Noise(level as u64 + 7);
        for _ in 0..20 {
            let (x, y) = (noise.signal(N), noise.signal(N));
            let mut unfolded = vec![Complex32::default(); N / 2 + 1];
            simd.unfold(&table, &pairs(&x), &mut unfolded);
            assert!(unfolded.iter().zip(bins(&x)).all(|(a, b)| near(*a, (2.0 * b.0, 2.0 * b.1))));
            let mut folded = vec![Complex32::default(); N / 2];
            simd.fold(&table, &unfolded, &mut folded);
            let want = pairs(&x);
            assert!(folded.iter().zip(&want).all(|(a, b)| near(*a, (4.0 * f64::from(b.re), 4.0 * f64::from(b.im)))));
            let mut crossed = pairs(&y);
            simd.cross(&table, &want, &mut crossed);
            let product: Vec<f32> = (0..N)
                .map(|lag| (0..N).map(|n| f64::from(x[n]) * f64::from(y[(n + lag) % N])).sum::<f64>() as f32)
                .collect();
            let want = pairs(&product);
            let worst = crossed.iter().zip(&want).map(|(a, b)| (a - b * 8.0).norm()).fold(0.0, f32::max);
            let most = want.iter().map(|b| b.norm() * 8.0).fold(0.0, f32::max);
            assert!(worst < 3e-6 * most, "{worst} of {most}"); // single precision through three steps
        }
    }
}

#[test]
fn energies_and_peaks_match_plain_loops() {
    at_every_level(|simd, x| {
        let plain: f64 = x.iter().map(|&v| f64::from(v) * f64::from(v)).sum();
        // Sixteen squares at a time are added in single precision.
        assert!((simd.square_sum(x) - plain).abs() <= 1e-6 * plain);
        let whole = x.len() / 8 * 8;
        let most = x[..whole].iter().fold(0.0f32, |m, v| m.max(v.abs()));
        assert_eq!(simd.magnitude(x), most);
        let mut bits = vec![0u8; x.len() / 8];
        simd.exceed(x, 0.5, &mut bits);
        assert!((0..whole).all(|i| (bits[i / 8] >> (i % 8) & 1 == 1) == (x[i].abs() > 0.5)));
        let mut windows = vec![0.0; x.len() / 5];
        simd.window_energies(x, 5, &mut windows);
        let want = x.chunks_exact(5).map(|w| w.iter().fold(0.0f32, |s, v| s + v * v));
        assert!(windows.iter().zip(want).all(|(a, b)| a.to_bits() == b.to_bits()));
    });
}

#[test]
fn the_disturbance_is_that_of_its_formula() {
    let bands = Bands {
        threshold: vec![2.0, 0.5, f32::INFINITY, 1e-3, 5e7, 0.25, 0.25, 0.25],
        half_over_threshold: vec![0.25, 1.0, 0.0, 500.0, 1e-8, 2.0, 2.0, 2.0],
        exponent: vec![0.23, 0.25, 0.23, 0.23, 0.25, 0.23, 0.23, 0.23],
        scale: vec![0.2; 8],
        width: vec![0.5, 0.4, 0.0, 0.3, 0.3, 0.5, 0.5, 0.5],
    };
    for &level in Level::available() {
        let simd = Simd::choose(Some(level));
        let mut noise = Noise(level as u64 + 9);
        for _ in 0..2000 {
            let mut density = || (f64::from(noise.next()) * 14.0).exp() as f32;
            let (p, q): ([f32; 8], [f32; 8]) =
                (core::array::from_fn(|_| density()), core::array::from_fn(|_| density()));
            let (mut squares, mut added) = (0.0, 0.0);
            for l in 0..8 {
                let loud = |v: f32| {
                    let t = f64::from(bands.threshold[l]);
                    let over = (0.5 + 0.5 * f64::from(v) / t).powf(f64::from(bands.exponent[l])) - 1.0;
                    if f64::from(v) > t { f64::from(bands.scale[l]) * over } else { 0.0 }
                };
                let (a, b) = (loud(p[l]), loud(q[l]));
                let d = ((b - a).abs() - 0.25 * a.min(b)).max(0.0) * f64::from(bands.width[l]);
                squares += d * d;
                let h = ((f64::from(q[l]) + 50.0) / (f64::from(p[l]) + 50.0)).powf(1.2).min(12.0);
                added += if h < 3.0 { 0.0 } else { d * h };
            }
            let (s, a) = simd.disturbance(&bands, &p, &q);
            // The power is right to 4e-7 and loudness is a difference of two.
            assert!((s - squares).abs() <= 1e-5 * squares + 1e-6, "{s} {squares}");
            assert!((a - added).abs() <= 1e-5 * added + 1e-5, "{a} {added}");
            let loud = |f: f32| (0..8).filter(|&l| p[l] > f * bands.threshold[l]).map(|l| f64::from(p[l])).sum::<f64>();
            assert!([1.0, 100.0].iter().all(|&f| (simd.audible(&bands, f, &p) - loud(f)).abs() <= 1e-6 * loud(f)));
        }
    }
}
