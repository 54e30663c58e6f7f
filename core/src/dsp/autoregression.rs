//! Linear prediction of short pieces of signal (Burg's method), for tests at a known place.

/// Order of the predictor: enough for the formants of wide-band speech.
pub(crate) const ORDER: usize = 16;

/// The longest piece a fit takes, in samples: 10 ms at 192 kHz.
pub(crate) const LONGEST: usize = 2048;

/// Fits one predictor to two pieces of signal that do not touch (Burg 1967, sums taken over both). Returns the
/// prediction-error filter `1, a1, ... a16`.
pub(crate) fn burg(left: &[f32], right: &[f32]) -> [f64; ORDER + 1] {
    let mut forward = [[0.0f32; LONGEST]; 2];
    let mut backward = [[0.0f32; LONGEST]; 2];
    let mut lens = [0; 2];
    for (i, piece) in [left, right].into_iter().enumerate() {
        let piece = &piece[..piece.len().min(LONGEST)];
        forward[i][..piece.len()].copy_from_slice(piece);
        backward[i][..piece.len()].copy_from_slice(piece);
        lens[i] = piece.len();
    }
    let mut a = [0.0; ORDER + 1];
    a[0] = 1.0;
    for m in 1..=ORDER {
        let (mut cross, mut power) = (0.0f64, 0.0f64);
        for i in 0..2 {
            if lens[i] <= m {
                continue;
            }
            let (f, b) = (&forward[i][m..lens[i]], &backward[i][m - 1..lens[i] - 1]);
            for (&f, &b) in f.iter().zip(b) {
                cross += f64::from(f) * f64::from(b);
                power += f64::from(f) * f64::from(f) + f64::from(b) * f64::from(b);
            }
        }
        if power <= 0.0 {
            break;
        }
        let k = -2.0 * cross / power;
        let previous = a;
        for i in 1..=m {
            a[i] = previous[i] + k * previous[m - i];
        }
        let k = k as f32;
        for i in 0..2 {
            for n in (m..lens[i].max(m)).rev() {
                let (f, b) = (forward[i][n], backward[i][n - 1]);
                forward[i][n] = f + k * b;
                backward[i][n] = b + k * f;
            }
        }
    }
    a
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
        let a = burg(&x[100..600], &x[640..1140]);
        assert!((a[1] + 1.6).abs() < 0.12 && (a[2] - 0.8).abs() < 0.15, "estimated from 1000 samples: {a:?}");
        let error: f64 = (200..1000).map(|n| error_at(&a, &x, n).powi(2)).sum();
        let power: f64 = x[200..1000].iter().map(|v| f64::from(*v).powi(2)).sum();
        assert!(error < 0.1 * power, "{error} {power}");
    }

    #[test]
    fn silence_and_tiny_pieces_do_no_harm() {
        assert_eq!(burg(&[0.0; 50], &[0.0; 50])[1], 0.0);
        assert!(burg(&[1.0], &[]).iter().all(|v| v.is_finite()));
        assert!(burg(&[1.0; 40], &[-1.0; 3]).iter().all(|v| v.is_finite()));
    }
}
