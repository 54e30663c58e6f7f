//! Linear prediction of short pieces of signal (Burg's method), for tests at a known place.

use super::solve::solve;
use crate::simd::{FIR, SHORT, Simd};

/// Order of the predictor: enough for the formants of wide-band speech.
pub(crate) const ORDER: usize = FIR - 1;

/// The longest piece a fit takes, in samples: 10 ms at 192 kHz, rounded up.
pub(crate) const LONGEST: usize = 2048;

/// Two pieces of signal that do not touch, of at most `N` samples each, and what one predictor for both leaves of them.
/// The order grows as far as it is asked to, so that a first look may be a short one.
pub(crate) struct Fit<const N: usize> {
    /// The prediction-error filter `1, a1, ... a16`; zeros beyond the order reached.
    pub filter: [f64; ORDER + 1],
    /// The mean square of the prediction error at the order reached.
    pub mean_square: f64,
    forward: [[f32; N]; 2],
    backward: [[f32; N]; 2],
    lens: [usize; 2],
    order: usize,
}

impl<const N: usize> Fit<N> {
    /// A predictor of order 0. Of a longer piece, `N` samples are taken.
    pub(crate) fn new(left: &[f32], right: &[f32]) -> Self {
        let mut forward = [[0.0f32; N]; 2];
        let mut lens = [0; 2];
        for (i, piece) in [left, right].into_iter().enumerate() {
            let piece = &piece[..piece.len().min(N)];
            forward[i][..piece.len()].copy_from_slice(piece);
            lens[i] = piece.len();
        }
        let mut filter = [0.0; ORDER + 1];
        filter[0] = 1.0;
        Self { filter, mean_square: 0.0, forward, backward: forward, lens, order: 0 }
    }

    /// Raises the order, up to [`ORDER`] (Burg 1967, sums taken over both pieces).
    pub(crate) fn raise(&mut self, simd: Simd, order: usize) {
        while self.order < order.min(ORDER) {
            let m = self.order + 1;
            // The backward error of sample n is kept at n - m + 1, so that stage m pairs forward[n] with backward[n - m].
            let mut total = (0.0, 0.0);
            let lens = self.lens.map(|len| len.saturating_sub(m));
            for i in 0..2 {
                let n = lens[i];
                let (cross, power) = simd.lattice_sums(&self.forward[i][m..m + n], &self.backward[i][..n]);
                total = (total.0 + cross, total.1 + power);
            }
            self.order = m;
            if total.1 <= 0.0 {
                self.mean_square = 0.0;
                continue;
            }
            let k = -2.0 * total.0 / total.1;
            self.mean_square = total.1 * (1.0 - k * k) / (2 * (lens[0] + lens[1])) as f64;
            let previous = self.filter;
            for i in 1..=m {
                self.filter[i] = previous[i] + k * previous[m - i];
            }
            for i in 0..2 {
                let n = lens[i];
                simd.lattice_step(&mut self.forward[i][m..m + n], &mut self.backward[i][..n], k as f32);
            }
        }
    }

    /// The prediction error of a piece (0 or 1), from its sample [`ORDER`] on, once the order is that.
    pub(crate) fn error(&self, piece: usize) -> &[f32] {
        &self.forward[piece][ORDER.min(self.lens[piece])..self.lens[piece]]
    }

    /// The same of the prediction backwards, of all but the last [`ORDER`] samples.
    pub(crate) fn error_backward(&self, piece: usize) -> &[f32] {
        &self.backward[piece][..self.lens[piece].saturating_sub(ORDER)]
    }
}

/// A predictor of order 4 for two pieces that do not touch, by least squares (the covariance method): one pass, where
/// Burg's method takes two for each order.
pub(crate) struct Short {
    a: [f64; SHORT],
    /// The mean square of the prediction error.
    pub mean_square: f64,
}

impl Short {
    /// `None` where single precision cannot tell how much is left, as of silence or of a pure tone.
    pub(crate) fn fit(simd: Simd, pieces: [&[f32]; 2]) -> Option<Self> {
        // phi[i][j] = sum of x[n - i] x[n - j] over all n that have four samples before them: of each distance one sum, and
        // what enters and leaves at the ends.
        let mut phi = [[0.0f64; SHORT + 1]; SHORT + 1];
        let mut samples = 0;
        for x in pieces {
            let len = x.len();
            if len < 2 * SHORT {
                continue;
            }
            samples += len - SHORT;
            let sums = simd.products(x);
            for (lag, sum) in sums.into_iter().enumerate() {
                let mut sum = f64::from(sum);
                for i in 0..=SHORT - lag {
                    if i > 0 {
                        let product = |m: usize| f64::from(x[m]) * f64::from(x[m - lag]);
                        sum += product(SHORT - i) - product(len - i);
                    }
                    phi[i][i + lag] += sum;
                }
            }
        }
        let at = |i: usize, j: usize| phi[i.min(j)][i.max(j)];
        let matrix = core::array::from_fn(|i| core::array::from_fn(|j| at(i + 1, j + 1)));
        let a = solve::<SHORT>(matrix, core::array::from_fn(|i| -at(0, i + 1)))?;
        let left = at(0, 0) + a.iter().enumerate().map(|(i, a)| a * at(0, i + 1)).sum::<f64>();
        // Eight sums in single precision are good to some 1e-6.
        (left > 1e-4 * at(0, 0)).then(|| Self { a, mean_square: left / samples as f64 })
    }

    /// The prediction error at `x[at]`, which must have four samples before it.
    pub(crate) fn error_at(&self, x: &[f32], at: usize) -> f64 {
        let predicted: f64 = x[at - SHORT..at].iter().rev().zip(self.a).map(|(&v, a)| f64::from(v) * a).sum();
        f64::from(x[at]) + predicted
    }
}

/// One predictor of full order for two pieces.
pub(crate) fn burg<const N: usize>(simd: Simd, left: &[f32], right: &[f32]) -> Fit<N> {
    let mut fit = Fit::new(left, right);
    fit.raise(simd, ORDER);
    fit
}

/// The prediction error at `x[at]`, which must have [`ORDER`] samples before it.
pub(crate) fn error_at(a: &[f64; ORDER + 1], x: &[f32], at: usize) -> f64 {
    x[at - ORDER..=at].iter().rev().zip(a).map(|(&v, c)| f64::from(v) * c).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fitted(left: &[f32], right: &[f32]) -> Fit<LONGEST> {
        let mut fit = Fit::new(left, right);
        fit.raise(Simd::choose(None), 4);
        fit.raise(Simd::choose(None), ORDER);
        fit
    }

    #[test]
    fn an_autoregressive_signal_is_whitened() {
        // x[n] = 1.6 x[n-1] - 0.8 x[n-2] + noise.
        let mut seed = 1u64;
        let mut noise = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        let mut x = vec![0.0f32; 1200];
        for n in 2..x.len() {
            x[n] = 1.6 * x[n - 1] - 0.8 * x[n - 2] + 0.1 * noise();
        }
        let fit = fitted(&x[100..600], &x[640..1140]);
        let a = fit.filter;
        assert!((a[1] + 1.6).abs() < 0.12 && (a[2] - 0.8).abs() < 0.15, "estimated from 1000 samples: {a:?}");
        let error: f64 = (200..1000).map(|n| error_at(&a, &x, n).powi(2)).sum();
        let power: f64 = x[200..1000].iter().map(|v| f64::from(*v).powi(2)).sum();
        assert!(error < 0.1 * power, "{error} {power}");
        assert!((fit.mean_square / (error / 800.0) - 1.0).abs() < 0.1, "estimated from other samples: {error}");
        for (piece, start) in [(0, 100), (1, 640)] {
            assert_eq!(fit.error(piece).len(), 500 - ORDER);
            for (i, &e) in fit.error(piece).iter().enumerate() {
                let direct = error_at(&a, &x, start + ORDER + i);
                assert!((f64::from(e) - direct).abs() < 1e-5, "single precision, 16 stages: {e} {direct}");
            }
            assert_eq!(fit.error_backward(piece).len(), 500 - ORDER);
            for (i, &e) in fit.error_backward(piece).iter().enumerate() {
                let direct: f64 = x[start + i..].iter().zip(&a).map(|(&v, a)| f64::from(v) * a).sum();
                assert!((f64::from(e) - direct).abs() < 1e-5, "single precision, 16 stages: {e} {direct}");
            }
        }
    }

    #[test]
    fn a_short_predictor_leaves_what_least_squares_leaves() {
        // x[n] = 1.6 x[n-1] - 0.8 x[n-2] + noise.
        let mut seed = 1u64;
        let mut noise = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        let mut x = vec![0.0f32; 500];
        for n in 2..x.len() {
            x[n] = 1.6 * x[n - 1] - 0.8 * x[n - 2] + 0.1 * noise();
        }
        let (left, right) = (&x[100..317], &x[330..450]);
        let fit = Short::fit(Simd::choose(None), [left, right]).expect("noise is left");
        let errors = |piece: &[f32], a: [f64; 4]| -> f64 {
            let short = Short { a, mean_square: 0.0 };
            (4..piece.len()).map(|n| short.error_at(piece, n).powi(2)).sum()
        };
        let mean = |a: [f64; 4]| (errors(left, a) + errors(right, a)) / (213 + 116) as f64;
        assert!((mean(fit.a) / fit.mean_square - 1.0).abs() < 1e-3, "sums in single precision: {}", fit.mean_square);
        for i in 0..4 {
            for step in [-0.03, 0.03] {
                let mut other = fit.a;
                other[i] += step;
                assert!(mean(other) > mean(fit.a), "{i} {step}");
            }
        }
        let tone: Vec<f32> = (0..400).map(|n| (0.1 * n as f32).sin()).collect();
        for (left, right) in [(&[0.0f32; 50][..], &[0.0; 50][..]), (&[1.0; 3], &[]), (&tone[..200], &tone[230..])] {
            assert!(Short::fit(Simd::choose(None), [left, right]).is_none());
        }
    }

    #[test]
    fn silence_and_tiny_pieces_do_no_harm() {
        assert_eq!(fitted(&[0.0; 50], &[0.0; 50]).filter[1], 0.0);
        for (left, right) in [(&[1.0f32][..], &[][..]), (&[1.0; 40], &[-1.0; 3]), (&[1e12; 40], &[1e-40; 40])] {
            let fit = fitted(left, right);
            assert!(fit.filter.iter().all(|v| v.is_finite()), "{:?}", fit.filter);
            assert_eq!(fit.error(1).len(), right.len().saturating_sub(ORDER));
        }
    }
}
