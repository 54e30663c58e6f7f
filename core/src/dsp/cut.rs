//! Was a signal cut off, or did it die away? Did it begin, or was its beginning cut off? Asked of linear prediction.

use super::autoregression::{LONGEST, ORDER, burg, error_at};
use crate::simd::Simd;

/// How far what follows `x[at]` is from what the samples before it announce: the mean squared prediction error of the
/// first [`ORDER`] samples from `at` on, over that of at most `N` samples before. A sound that dies away goes on as predicted,
/// with a ratio of 1 or less; one that is cut does not. `x` must hold `ORDER` samples from `at` on.
pub(crate) fn break_ratio<const N: usize>(simd: Simd, x: &[f32], at: usize) -> f64 {
    let before = &x[at.saturating_sub(N)..at];
    if before.len() < 3 * ORDER {
        return 0.0;
    }
    let fit = burg::<N>(simd, before, &[]);
    let ordinary = ordinary(simd, fit.error(0).rchunks_exact(ORDER));
    let error: f64 = (at..at + ORDER).map(|n| error_at(&fit.filter, x, n)).map(|e| e * e).sum();
    error / ordinary
}

/// The same with time reversed: how far what comes before `x[at]` is from what the samples from `at` on would have come from.
/// A sound that begins by itself grows out of little; one whose beginning is lost is there at once.
pub(crate) fn onset_ratio<const N: usize>(simd: Simd, x: &[f32], at: usize) -> f64 {
    let after = &x[at..x.len().min(at + N)];
    if after.len() < 3 * ORDER || at < ORDER {
        return 0.0;
    }
    // The best predictor of what was is that of what comes, read backwards.
    let fit = burg::<N>(simd, after, &[]);
    let ordinary = ordinary(simd, fit.error_backward(0).chunks_exact(ORDER));
    let error = |n: usize| -> f64 { x[n..].iter().zip(&fit.filter).map(|(&v, a)| f64::from(v) * a).sum() };
    (at - ORDER..at).map(error).map(|e| e * e).sum::<f64>() / ordinary
}

/// The median of the energies of pieces as long as the one that is judged: a mean would be that of the pulses of the voice.
fn ordinary<'a>(simd: Simd, errors: impl Iterator<Item = &'a [f32]>) -> f64 {
    let mut pieces = [0.0f64; LONGEST / ORDER];
    let mut count = 0;
    for (piece, error) in pieces.iter_mut().zip(errors) {
        *piece = simd.statistics(error).energy;
        count += 1;
    }
    let (_, ordinary, _) = pieces[..count].select_nth_unstable_by(count / 2, f64::total_cmp);
    // One step of 16 bits at least: what lies below is rounding.
    ordinary.max(ORDER as f64 / (32768.0 * 32768.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sound_is_torn_at_the_end_that_was_cut() {
        // A resonance of 0.99 at an eighth of the rate, rung by a little noise; silence; the same again.
        let mut seed = 1u64;
        let mut noise = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        let mut x = vec![0.0f32; 1500];
        for n in 2..x.len() {
            let rung = if (500..1000).contains(&n) { 0.0 } else { 0.1 * noise() };
            x[n] = 1.4 * x[n - 1] - 0.98 * x[n - 2] + rung;
        }
        let simd = Simd::choose(None);
        let ratios =
            |x: &[f32], cut: usize, on: usize| (break_ratio::<512>(simd, x, cut), onset_ratio::<512>(simd, x, on));
        let (end, start) = ratios(&x, 500, 1000);
        assert!(end < 0.5 && start < 2.0, "it dies away and begins anew: {end} {start}");
        // Cut off at the crest of a wave.
        let cut = (480..500).max_by(|&a, &b| x[a].abs().total_cmp(&x[b].abs())).unwrap_or(0) + 1;
        x[cut..1000].fill(0.0);
        let (end, start) = ratios(&x, cut, 1000);
        assert!(end > 3.0 && start < 2.0, "cut off, but it begins by itself: {end} {start}");
        let mut mirrored = x.clone();
        mirrored.reverse();
        let (end_mirrored, start_mirrored) = ratios(&mirrored, 500, 1500 - cut);
        let same = |a: f64, b: f64| (a / b - 1.0).abs() < 1e-2;
        assert!(same(end, start_mirrored) && same(start, end_mirrored), "the mirror, in single precision");
        assert_eq!(onset_ratio::<512>(simd, &x, ORDER - 1), 0.0, "nothing to tell it from");
    }
}
