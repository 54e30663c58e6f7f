//! K-weighting (ITU-R BS.1770-5, Annex 1) with the same frequency response at every sample rate.
//!
//! The standard gives coefficients for 48 kHz and asks for the same response elsewhere. Redoing the bilinear transform,
//! as most implementations do, bends the shelf: up to 0.50 dB too loud at 8 kHz. Below 48 kHz the shelf is therefore
//! fitted to the response at 48 kHz (all five coefficients, weighted least squares driven towards the smallest largest
//! error); above, the bilinear transform with the plateau gain kept is already within 0.01 dB.

use super::solve::solve;
use crate::simd::{BLOCK, KWeighting};
use core::f64::consts::{PI, TAU};

/// Stage 1 at 48 kHz, from the standard: b0 b1 b2 a1 a2.
const SHELF_48K: [f64; 5] =
    [1.53512485958697, -2.69169618940638, 1.19839281085285, -1.69065929318241, 0.73248077421585];
/// Stage 2 at 48 kHz, from the standard; the numerator is 1, -2, 1.
const HIGH_PASS_48K: [f64; 5] = [1.0, -2.0, 1.0, -1.99004745483398, 0.99007225036621];
/// The analogue prototypes that reproduce the printed digits by bilinear transform.
const SHELF_F0: f64 = 1681.974450955533;
const SHELF_GAIN_DB: f64 = 3.999843853973347;
const SHELF_Q: f64 = 0.7071752369554196;
const HIGH_PASS_F0: f64 = 38.13547087602444;
const HIGH_PASS_Q: f64 = 0.5003270373238773;
/// The gain of stage 2 far above its corner at 48 kHz: (1 + 2 + 1) / (1 - a1 + a2).
const PLATEAU: f64 = 4.0 / (1.0 - HIGH_PASS_48K[3] + HIGH_PASS_48K[4]);

/// Power response of a biquad `b0 b1 b2 a1 a2` at `w` radians a sample.
fn power(c: &[f64; 5], w: f64) -> f64 {
    let side = |c0: f64, c1: f64, c2: f64| {
        let re = c0 + c1 * w.cos() + c2 * (2.0 * w).cos();
        let im = c1 * w.sin() + c2 * (2.0 * w).sin();
        re * re + im * im
    };
    side(c[0], c[1], c[2]) / side(1.0, c[3], c[4])
}

/// The power response every rate is held to.
fn target(hz: f64) -> f64 {
    let w = TAU * hz / 48_000.0;
    power(&SHELF_48K, w) * power(&HIGH_PASS_48K, w)
}

/// The high-pass as a state-variable filter with unit gain at half the rate: well conditioned in single precision where
/// a biquad with poles this close to 1 is not.
#[derive(Clone, Copy)]
struct HighPass {
    g: f64,
    k: f64,
}

impl HighPass {
    fn new(fs: f64) -> Self {
        Self { g: (PI * HIGH_PASS_F0 / fs).tan(), k: 1.0 / HIGH_PASS_Q }
    }

    fn step(self, s: &mut [f64; 2], x: f64) -> f64 {
        let v1 = (s[0] + self.g * (x - s[1])) / (1.0 + self.g * (self.g + self.k));
        let v2 = s[1] + self.g * v1;
        *s = [2.0 * v1 - s[0], 2.0 * v2 - s[1]];
        x - self.k * v1 - v2
    }

    /// The same filter as a biquad, for its response.
    fn biquad(self) -> [f64; 5] {
        let (g, k) = (self.g, self.k);
        let a0 = 1.0 + g * k + g * g;
        [1.0 / a0, -2.0 / a0, 1.0 / a0, 2.0 * (g * g - 1.0) / a0, (1.0 - g * k + g * g) / a0]
    }
}

/// Stage 1 by bilinear transform, times the plateau gain of stage 2.
fn bilinear_shelf(fs: f64) -> [f64; 5] {
    let k = (PI * SHELF_F0 / fs).tan();
    let vh = 10f64.powf(SHELF_GAIN_DB / 20.0);
    let vb = vh.powf(0.4996667741545416);
    let a0 = 1.0 + k / SHELF_Q + k * k;
    let b = [vh + vb * k / SHELF_Q + k * k, 2.0 * (k * k - vh), vh - vb * k / SHELF_Q + k * k];
    let a = [2.0 * (k * k - 1.0), 1.0 - k / SHELF_Q + k * k];
    [b[0] / a0 * PLATEAU, b[1] / a0 * PLATEAU, b[2] / a0 * PLATEAU, a[0] / a0, a[1] / a0]
}

/// The frequencies the fit looks at: 25 Hz to 0.45 fs, half of them in equal ratios, half in equal steps.
fn grid(fs: f64) -> Vec<f64> {
    let (low, high) = (25.0, 0.45 * fs);
    let n = 160;
    let share = |i: usize| i as f64 / (n - 1) as f64;
    (0..n).map(|i| low * (high / low).powf(share(i))).chain((0..n).map(|i| low + (high - low) * share(i))).collect()
}

/// The largest deviation from the response at 48 kHz in decibels, over 25 Hz to 0.45 fs (at most 21.6 kHz).
fn largest_error_db(shelf: &[f64; 5], fs: f64) -> f64 {
    let high_pass = HighPass::new(fs).biquad();
    grid(fs.min(48_000.0))
        .into_iter()
        .map(|hz| (10.0 * (power(shelf, TAU * hz / fs) * power(&high_pass, TAU * hz / fs) / target(hz)).log10()).abs())
        .fold(0.0, f64::max)
}

/// Fits the shelf below 48 kHz.
///
/// With `B(w)` and `A(w)` the squared magnitudes of numerator and denominator, both are linear in the autocorrelations of
/// their coefficients, so `B - T A`, divided by the denominator of the round before, is a linear least-squares problem
/// of five unknowns (Sanathanan and Koerner 1963). Weights grow where the error is large (Lawson 1961), which drives the
/// fit from least squares to the smallest largest error. The minimum-phase factors follow in closed form.
fn fitted_shelf(fs: f64) -> [f64; 5] {
    let high_pass = HighPass::new(fs).biquad();
    let points: Vec<(f64, f64)> = grid(fs)
        .into_iter()
        .map(|hz| {
            let w = TAU * hz / fs;
            (w, target(hz) / power(&high_pass, w))
        })
        .collect();
    let mut weights = vec![1.0; points.len()];
    let mut best = bilinear_shelf(fs);
    let mut best_error = largest_error_db(&best, fs);
    let mut autocorrelation = [0.0; 2];
    for round in 0..60u32 {
        let mut a = [[0.0; 5]; 5];
        let mut b = [0.0; 5];
        for (&(w, t), weight) in points.iter().zip(&weights) {
            let (c1, c2) = (2.0 * w.cos(), 2.0 * (2.0 * w).cos());
            let previous = 1.0 + autocorrelation[0] * c1 + autocorrelation[1] * c2;
            let row = [1.0, c1, c2, -t * c1, -t * c2].map(|v| v / (t * previous));
            let right = 1.0 / previous;
            for i in 0..5 {
                for j in 0..5 {
                    a[i][j] += weight * row[i] * row[j];
                }
                b[i] += weight * row[i] * right;
            }
        }
        let Some(r) = solve(a, b) else { break };
        autocorrelation = [r[3], r[4]];
        let (Some(numerator), Some(denominator)) =
            (minimum_phase([r[0], r[1], r[2]]), minimum_phase([1.0, r[3], r[4]]))
        else {
            break;
        };
        let shelf = [
            numerator[0] / denominator[0],
            numerator[1] / denominator[0],
            numerator[2] / denominator[0],
            denominator[1] / denominator[0],
            denominator[2] / denominator[0],
        ];
        let error = largest_error_db(&shelf, fs);
        if error < best_error {
            (best, best_error) = (shelf, error);
        }
        if round >= 4 {
            for ((w, t), weight) in points.iter().zip(&mut weights) {
                *weight *= (power(&shelf, *w) / t - 1.0).abs() / best_error.max(1e-9) + 0.05;
            }
            let mean = weights.iter().sum::<f64>() / weights.len() as f64;
            weights.iter_mut().for_each(|w| *w /= mean);
        }
    }
    best
}

/// The polynomial of second order with all zeros inside the unit circle whose autocorrelation is `r0, r1, r2`.
fn minimum_phase(r: [f64; 3]) -> Option<[f64; 3]> {
    // |P|^2 is a quadratic in c = cos w; each root c gives a pair z, 1/z with z + 1/z = 2c, of which one is inside.
    let (qa, qb, qc) = (4.0 * r[2], 2.0 * r[1], r[0] - 2.0 * r[2]);
    let discriminant = qb * qb - 4.0 * qa * qc;
    let (sum, product) = if discriminant >= 0.0 {
        let root = discriminant.sqrt();
        let inside = |c: f64| {
            let d = c * c - 1.0;
            if d < 0.0 { None } else { Some(c - c.signum() * d.sqrt()) }
        };
        let (z1, z2) = (inside((-qb + root) / (2.0 * qa))?, inside((-qb - root) / (2.0 * qa))?);
        (z1 + z2, z1 * z2)
    } else {
        // A conjugate pair of c, so a conjugate pair of z: z = c - sqrt(c^2 - 1), the branch inside the circle.
        let (re, im) = (-qb / (2.0 * qa), (-discriminant).sqrt() / (2.0 * qa));
        let (sq_re, sq_im) = (re * re - im * im - 1.0, 2.0 * re * im);
        let modulus = sq_re.hypot(sq_im);
        let root_re = ((modulus + sq_re) / 2.0).max(0.0).sqrt();
        let root_im = ((modulus - sq_re) / 2.0).max(0.0).sqrt().copysign(sq_im);
        let (z_re, z_im) = (re - root_re, im - root_im);
        let (z_re, z_im) = if z_re.hypot(z_im) > 1.0 { (re + root_re, im + root_im) } else { (z_re, z_im) };
        (2.0 * z_re, z_re * z_re + z_im * z_im)
    };
    let at_dc = 1.0 - sum + product;
    let gain = ((r[0] + 2.0 * r[1] + 2.0 * r[2]) / (at_dc * at_dc)).sqrt();
    let p = [gain, -gain * sum, gain * product];
    p.iter().all(|v| v.is_finite()).then_some(p)
}

/// The shelf for a rate; at 48 kHz the standard's own.
fn shelf(sample_rate_hz: u32) -> [f64; 5] {
    let fs = f64::from(sample_rate_hz);
    match sample_rate_hz {
        48_000 => {
            let gain = 1.0 / HighPass::new(fs).biquad()[0];
            let s = SHELF_48K;
            [s[0] * gain, s[1] * gain, s[2] * gain, s[3], s[4]]
        }
        0..48_000 => fitted_shelf(fs),
        _ => bilinear_shelf(fs),
    }
}

impl KWeighting {
    /// The filter for a sample rate, in block form.
    pub(crate) fn new(sample_rate_hz: u32) -> Self {
        let shelf = shelf(sample_rate_hz);
        let high_pass = HighPass::new(f64::from(sample_rate_hz));
        // One step of the cascade: the shelf in transposed direct form II, then the high-pass.
        let step = |s: &mut [f64; 4], x: f64| {
            let y = shelf[0] * x + s[0];
            s[0] = shelf[1] * x - shelf[3] * y + s[1];
            s[1] = shelf[2] * x - shelf[4] * y;
            let mut hp = [s[2], s[3]];
            let out = high_pass.step(&mut hp, y);
            (s[2], s[3]) = (hp[0], hp[1]);
            out
        };
        // The filter is linear: its matrices are its answers to one unit of state or input at a time.
        let run = |mut s: [f64; 4], input: Option<usize>| {
            let y: [f32; BLOCK] = core::array::from_fn(|i| step(&mut s, f64::from(input == Some(i))) as f32);
            let middle = s;
            for i in BLOCK..2 * BLOCK {
                step(&mut s, f64::from(input == Some(i)));
            }
            let [m0, m1, m2, m3] = middle.map(|v| v as f32);
            let [e0, e1, e2, e3] = s.map(|v| v as f32);
            (y, [m0, m1, m2, m3, e0, e1, e2, e3])
        };
        let one = |mut s: [f64; 4], x: f64| {
            let y = step(&mut s, x);
            [y as f32, s[0] as f32, s[1] as f32, s[2] as f32, s[3] as f32]
        };
        let unit = |j: usize| core::array::from_fn(|i| f64::from(i == j));
        Self {
            out_state: core::array::from_fn(|j| run(unit(j), None).0),
            out_input: core::array::from_fn(|j| run([0.0; 4], Some(j)).0),
            next_state: core::array::from_fn(|j| run(unit(j), None).1),
            next_input: core::array::from_fn(|j| run([0.0; 4], Some(j)).1),
            one_state: core::array::from_fn(|j| one(unit(j), 0.0)),
            one_input: one([0.0; 4], 1.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simd::{KState, Simd};

    #[test]
    fn the_response_is_the_one_at_48_khz_at_every_rate() {
        for rate in
            [8_000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 37_800, 44_100, 48_000, 88_200, 96_000, 192_000]
        {
            let error = largest_error_db(&shelf(rate), f64::from(rate));
            // Half of the 0.01 dB a meter shows, a tenth of what the EBU allows.
            let allowed = if rate > 48_000 { 0.01 } else { 0.006 };
            assert!(error < allowed, "{rate} Hz: {error} dB");
        }
    }

    #[test]
    fn every_rate_from_8_khz_to_192_khz_stays_within_five_hundredths() {
        for rate in (8_000..=192_000).step_by(1_003) {
            let s = shelf(rate);
            assert!(s[4].abs() < 1.0 && s[3].abs() < 1.0 + s[4], "{rate}: stable");
            let error = largest_error_db(&s, f64::from(rate));
            assert!(error < 0.05, "the promise of the metric's page; {rate} Hz: {error} dB");
        }
    }

    #[test]
    fn the_block_form_is_the_filter() {
        // The energy of a long sine at each rate against the response on paper.
        for rate in [8_000u32, 22_050, 48_000, 192_000] {
            let filter = KWeighting::new(rate);
            for hz in [60.0, 997.0, 3_000.0] {
                let x: Vec<f32> =
                    (0..rate * 3).map(|n| (TAU * hz * f64::from(n) / f64::from(rate)).sin() as f32 * 0.5).collect();
                let mut state = KState::default();
                // One second to settle, then two to measure, in hops that are no multiple of eight.
                let (settle, measure) = x.split_at(rate as usize);
                for hop in settle.chunks(221) {
                    Simd::choose(None).k_energy(&filter, &mut state, hop);
                }
                let energy: f64 =
                    measure.chunks(221).map(|hop| Simd::choose(None).k_energy(&filter, &mut state, hop)).sum();
                let got = 10.0 * (energy / measure.len() as f64).log10();
                let want = 10.0 * (target(hz) * 0.125).log10();
                assert!((got - want).abs() < 0.01, "fit plus single precision; {hz} Hz at {rate}: {got} {want}");
            }
        }
    }
}
