//! Was a signal cut off, or did it die away? Asked of linear prediction.

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
    // The median of pieces as long as the one that is judged: a mean would be that of the pulses of the voice.
    let mut pieces = [0.0f64; LONGEST / ORDER];
    let mut count = 0;
    for (piece, error) in pieces.iter_mut().zip(fit.error(0).rchunks_exact(ORDER)) {
        *piece = simd.statistics(error).energy;
        count += 1;
    }
    let (_, ordinary, _) = pieces[..count].select_nth_unstable_by(count / 2, f64::total_cmp);
    // One step of 16 bits at least: what lies below is rounding.
    let ordinary = ordinary.max(ORDER as f64 / (32768.0 * 32768.0));
    let error: f64 = (at..at + ORDER).map(|n| error_at(&fit.filter, x, n)).map(|e| e * e).sum();
    error / ordinary
}
