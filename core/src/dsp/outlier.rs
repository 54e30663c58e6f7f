//! Is one sample not part of the signal around it? The likelihood-ratio test of linear prediction (Vaseghi and Rayner 1990).

use super::autoregression::{ORDER, burg, error_at};
use crate::simd::Simd;

/// Samples after an outlier in which it leaves its trace in the prediction error.
const TRACE: usize = ORDER + 1;
/// Samples on either side of the suspect that the fit leaves out.
pub(crate) const GUARD: usize = 3;

/// What the closer look at one sample says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Outlier {
    /// How far it is off.
    pub size: f64,
    /// The same over its standard deviation, if the prediction error were noise.
    pub sigmas: f64,
    /// The largest such ratio on either side.
    pub elsewhere: f64,
    /// How much of the prediction error from [`GUARD`] samples before it on, beyond the ordinary, it explains: an excitation of the
    /// voice leaves one sample of error, an outlier the whole prediction-error filter, and nothing before.
    pub explained: f64,
}

/// Looks at `x[at]`, with at most `N` samples of `x` on either side; there must be [`ORDER`] and [`GUARD`] on each.
pub(crate) fn outlier<const N: usize>(simd: Simd, x: &[f32], at: usize) -> Outlier {
    let (left, right) = (&x[..at - GUARD], &x[at + 1 + GUARD..]);
    let fit = burg::<N>(simd, &left[left.len().saturating_sub(N)..], right);
    let a = &fit.filter;
    let norm: f64 = a.iter().map(|c| c * c).sum();
    let error: [f64; TRACE] = core::array::from_fn(|k| error_at(a, x, at + k));
    let matched: f64 = a.iter().zip(&error).map(|(c, e)| c * e).sum();
    let ahead: f64 = (at - GUARD..at).map(|n| error_at(a, x, n)).map(|e| e * e).sum();
    let total: f64 = ahead + error.iter().map(|e| e * e).sum::<f64>();
    let (mut energy, mut samples, mut highest) = (0.0, 0, 0.0f32);
    let template = a.map(|c| c as f32);
    for error in [fit.error(0), fit.error(1)] {
        energy += simd.statistics(error).energy;
        samples += error.len();
        let mut found = [0.0f32; N];
        simd.correlate(error, &template, &mut found);
        highest = highest.max(simd.statistics(&found[..(error.len() + 1).saturating_sub(TRACE)]).peak());
    }
    // One step of 16 bits at least: what lies below is rounding.
    let sigma = (energy / samples.max(1) as f64).sqrt().max(1.0 / 32768.0);
    let scale = 1.0 / (norm.sqrt() * sigma);
    let explained = matched * matched / norm;
    // Half the mean power, for most of that comes in the pulses of the voice.
    let rest = (total - explained - 0.5 * (ORDER + GUARD) as f64 * sigma * sigma).max(0.0);
    Outlier {
        size: matched / norm,
        sigmas: matched.abs() * scale,
        elsewhere: f64::from(highest) * scale,
        explained: if explained > 0.0 { explained / (explained + rest) } else { 0.0 },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_that_is_off_is_told_from_a_pulse_that_excites_the_filter() {
        // A resonance of 0.95 at an eighth of the rate, excited by a little noise and by one pulse.
        let mut seed = 1u64;
        let mut noise = || {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (seed >> 40) as f32 / (1u64 << 24) as f32 - 0.5
        };
        let mut x = vec![0.0f32; 800];
        for n in 2..x.len() {
            let pulse = if n == 500 { 0.2 } else { 0.0 };
            x[n] = 1.3435 * x[n - 1] - 0.9025 * x[n - 2] + 0.01 * noise() + pulse;
        }
        let simd = Simd::choose(None);
        let pulse = outlier::<512>(simd, &x[200..], 300);
        assert!(pulse.sigmas > 10.0 && pulse.explained < 0.5, "1 of 1 + 1.34^2 + 0.9^2 = 3.6 squares: {pulse:?}");
        x[400] += 0.1;
        let click = outlier::<512>(simd, &x[100..450], 300);
        assert!(click.sigmas > 10.0 && click.explained > 0.95, "{click:?}");
        assert!((click.size - 0.1).abs() < 0.01, "three times the noise of 0.003: {click:?}");
        x[398] -= 0.1;
        let burst = outlier::<512>(simd, &x[100..450], 300);
        assert!(burst.explained < 0.8, "a burst begins two samples earlier: {burst:?}");
    }
}
