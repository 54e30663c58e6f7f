//! Linear prediction of short pieces of signal (Burg's method), for tests at a known place.

use crate::simd::{FIR, Simd};

/// Order of the predictor: enough for the formants of wide-band speech.
pub(crate) const ORDER: usize = FIR - 1;

/// The longest piece a fit takes, in samples: 10 ms at 192 kHz, rounded up.
pub(crate) const LONGEST: usize = 2048;

/// Two pieces of signal that do not touch, of at most `N` samples each, and what one predictor for both leaves of them.
pub(crate) struct Fit<const N: usize> {
    /// The prediction-error filter `1, a1, ... a16`.
    pub filter: [f64; ORDER + 1],
    forward: [[f32; N]; 2],
    lens: [usize; 2],
}

impl<const N: usize> Fit<N> {
    /// The prediction error of a piece (0 or 1), from its sample [`ORDER`] on.
    pub(crate) fn error(&self, piece: usize) -> &[f32] {
        &self.forward[piece][ORDER.min(self.lens[piece])..self.lens[piece]]
    }
}

/// Fits one predictor to two pieces (Burg 1967, sums taken over both). Of a longer piece, `N` samples are taken.
pub(crate) fn burg<const N: usize>(simd: Simd, left: &[f32], right: &[f32]) -> Fit<N> {
    let mut forward = [[0.0f32; N]; 2];
    let mut backward = [[0.0f32; N]; 2];
    let mut lens = [0; 2];
    for (i, piece) in [left, right].into_iter().enumerate() {
        let piece = &piece[..piece.len().min(N)];
        forward[i][..piece.len()].copy_from_slice(piece);
        backward[i][..piece.len()].copy_from_slice(piece);
        lens[i] = piece.len();
    }
    let mut a = [0.0; ORDER + 1];
    a[0] = 1.0;
    for m in 1..=ORDER {
        // The backward error of sample n is kept at n - m + 1, so that stage m pairs forward[n] with backward[n - m].
        let mut total = (0.0, 0.0);
        for i in 0..2 {
            let n = lens[i].saturating_sub(m);
            let (cross, power) = simd.lattice_sums(&forward[i][m..m + n], &backward[i][..n]);
            total = (total.0 + cross, total.1 + power);
        }
        if total.1 <= 0.0 {
            break;
        }
        let k = -2.0 * total.0 / total.1;
        let previous = a;
        for i in 1..=m {
            a[i] = previous[i] + k * previous[m - i];
        }
        for i in 0..2 {
            let n = lens[i].saturating_sub(m);
            simd.lattice_step(&mut forward[i][m..m + n], &mut backward[i][..n], k as f32);
        }
    }
    Fit { filter: a, forward, lens }
}

/// The prediction error at `x[at]`, which must have [`ORDER`] samples before it.
pub(crate) fn error_at(a: &[f64; ORDER + 1], x: &[f32], at: usize) -> f64 {
    x[at - ORDER..=at].iter().rev().zip(a).map(|(&v, c)| f64::from(v) * c).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let fit = burg::<LONGEST>(Simd::choose(None), &x[100..600], &x[640..1140]);
        let a = fit.filter;
        assert!((a[1] + 1.6).abs() < 0.12 && (a[2] - 0.8).abs() < 0.15, "estimated from 1000 samples: {a:?}");
        let error: f64 = (200..1000).map(|n| error_at(&a, &x, n).powi(2)).sum();
        let power: f64 = x[200..1000].iter().map(|v| f64::from(*v).powi(2)).sum();
        assert!(error < 0.1 * power, "{error} {power}");
        for (piece, start) in [(0, 100), (1, 640)] {
            assert_eq!(fit.error(piece).len(), 500 - ORDER);
            for (i, &e) in fit.error(piece).iter().enumerate() {
                let direct = error_at(&a, &x, start + ORDER + i);
                assert!((f64::from(e) - direct).abs() < 1e-5, "single precision, 16 stages: {e} {direct}");
            }
        }
    }

    #[test]
    fn silence_and_tiny_pieces_do_no_harm() {
        assert_eq!(burg::<LONGEST>(Simd::choose(None), &[0.0; 50], &[0.0; 50]).filter[1], 0.0);
        for (left, right) in [(&[1.0f32][..], &[][..]), (&[1.0; 40], &[-1.0; 3]), (&[1e12; 40], &[1e-40; 40])] {
            let fit = burg::<LONGEST>(Simd::choose(None), left, right);
            assert!(fit.filter.iter().all(|v| v.is_finite()), "{:?}", fit.filter);
            assert_eq!(fit.error(1).len(), right.len().saturating_sub(ORDER));
        }
    }
}
