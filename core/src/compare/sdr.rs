//! `sdr`: the signal-to-distortion ratio of BSS-eval with one source: what a filter of 512 taps could make of the reference counts as
//! signal.
//!
//! Vincent, Gribonval, Fevotte, "Performance measurement in blind audio source separation", IEEE TASLP 14(4), 2006, with the filter
//! of BSS-eval version 3.

use super::pair::{Details, Pair, Score};
use super::ratios::{RatioOutput, ratio_db};
use super::reason::Reason;
use super::samples::Samples;
use crate::spec::{Fields, PresetSpec, ScoreSpec};
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};
use rustfft::num_complex::Complex64;
use std::sync::Arc;

/// Taps of the filter that is forgiven.
const TAPS: usize = 512;
/// Points of a transform: eight times the filter keeps most of each block.
const POINTS: usize = 4096;
/// Samples of a block; the filter's tail fits behind it.
const BLOCK: usize = POINTS - TAPS;
/// Above this the residual is the rounding of the solver.
const MOST_DB: f64 = 120.0;

/// `sdr`.
pub(crate) struct Sdr;

impl Score for Sdr {
    const SPEC: ScoreSpec = ScoreSpec {
        id: 13,
        name: "sdr",
        revision: 1,
        summary: "Signal-to-distortion ratio; a filter of 512 taps is forgiven",
        presets: &[PresetSpec {
            name: "bss_eval_512",
            definition: "Vincent et al. 2006, BSS-eval version 3, one source, 512 taps (mir_eval 0.8, fast_bss_eval 0.1.4)",
            doc: "The best filter is found from the correlations, the residual is taken sample by sample.",
        }],
        in_step: true,
        higher_is_better: true,
        fields: RatioOutput::FIELDS,
        tables: &[],
    };
    type Output = RatioOutput;

    fn score(pair: &mut Pair<'_, '_>, _preset: usize, _details: &mut Details) -> Result<RatioOutput, Reason> {
        let (reference, degraded) = pair.in_step();
        let mut t = Transforms::new();
        let (auto, cross) = t.correlations(reference, degraded);
        let filter = toeplitz(&auto, &cross);
        let [signal, error] = t.filtered(reference, degraded, &filter);
        if signal <= 0.0 {
            return Err(Reason::Undefined("the signals have nothing in common: the score would be minus infinity"));
        }
        let output = ratio_db(signal, error)?;
        match output.value_db.number() {
            Some(db) if db > MOST_DB => Err(Reason::Identical),
            _ => Ok(output),
        }
    }
}

struct Transforms {
    forward: Arc<dyn RealToComplex<f64>>,
    back: Arc<dyn ComplexToReal<f64>>,
    time: Vec<f64>,
    scratch: Vec<Complex64>,
    spectra: [Vec<Complex64>; 2],
}

/// `out[i] = x[start + i]`, zero where there is none.
fn take(x: &Samples<'_>, start: usize, out: &mut [f64]) {
    let end = (start + out.len()).min(x.len());
    let len = end.saturating_sub(start);
    if len > 0 {
        let mut buffer = [0.0; POINTS];
        let lent = x.f64s(start..end, &mut buffer);
        out[..len].copy_from_slice(lent);
    }
    out[len..].fill(0.0);
}

impl Transforms {
    fn new() -> Self {
        let mut planner = RealFftPlanner::new();
        let (forward, back) = (planner.plan_fft_forward(POINTS), planner.plan_fft_inverse(POINTS));
        let scratch = vec![Complex64::default(); forward.get_scratch_len().max(back.get_scratch_len())];
        let spectra = [forward.make_output_vec(), forward.make_output_vec()];
        Self { time: forward.make_input_vec(), forward, back, scratch, spectra }
    }

    /// The transform of the samples from `start`, `len` of them, into one of the spectra. Lengths are the plan's: nothing can fail.
    fn spectrum(&mut self, x: &Samples<'_>, start: usize, len: usize, into: usize) {
        take(x, start, &mut self.time[..len]);
        self.time[len..].fill(0.0);
        let _ = self.forward.process_with_scratch(&mut self.time, &mut self.spectra[into], &mut self.scratch);
    }

    /// `sum_n r[n] r[n + l]` and `sum_n r[n] d[n + l]` for lags below the taps.
    fn correlations(&mut self, reference: &Samples<'_>, degraded: &Samples<'_>) -> (Vec<f64>, Vec<f64>) {
        let bins = POINTS / 2 + 1;
        let mut sums = [vec![Complex64::default(); bins], vec![Complex64::default(); bins]];
        for start in (0..reference.len()).step_by(BLOCK) {
            // The block against itself and what follows it: no lag below the taps wraps around.
            self.spectrum(reference, start, BLOCK, 0);
            for (sum, other) in sums.iter_mut().zip([reference, degraded]) {
                self.spectrum(other, start, POINTS, 1);
                let [block, longer] = &self.spectra;
                for (s, (a, b)) in sum.iter_mut().zip(block.iter().zip(longer)) {
                    *s += a.conj() * b;
                }
            }
        }
        let [auto, cross] = sums.map(|mut sum| {
            // Only rounding can have left something there.
            sum[0].im = 0.0;
            sum[bins - 1].im = 0.0;
            let _ = self.back.process_with_scratch(&mut sum, &mut self.time, &mut self.scratch);
            self.time[..TAPS].iter().map(|v| v / POINTS as f64).collect::<Vec<_>>()
        });
        (auto, cross)
    }

    /// The energy of the filtered reference, and of what the degraded signal differs from it, to the end of the filter's tail.
    fn filtered(&mut self, reference: &Samples<'_>, degraded: &Samples<'_>, filter: &[f64]) -> [f64; 2] {
        self.time[..TAPS].copy_from_slice(filter);
        self.time[TAPS..].fill(0.0);
        let mut response = self.forward.make_output_vec();
        let _ = self.forward.process_with_scratch(&mut self.time, &mut response, &mut self.scratch);
        let mut tail = [0.0; TAPS];
        let mut plain = vec![0.0; BLOCK];
        let (mut signal, mut error) = (0.0, 0.0);
        let len = reference.len() + TAPS - 1;
        for start in (0..len).step_by(BLOCK) {
            self.spectrum(reference, start, BLOCK, 0);
            for (x, h) in self.spectra[0].iter_mut().zip(&response) {
                *x *= h;
            }
            self.spectra[0][0].im = 0.0;
            self.spectra[0][POINTS / 2].im = 0.0;
            let _ = self.back.process_with_scratch(&mut self.spectra[0], &mut self.time, &mut self.scratch);
            for v in &mut self.time {
                *v /= POINTS as f64;
            }
            for (v, t) in self.time.iter_mut().zip(&tail) {
                *v += t;
            }
            tail.copy_from_slice(&self.time[BLOCK..]);
            take(degraded, start, &mut plain);
            for (t, d) in self.time[..BLOCK.min(len - start)].iter().zip(&plain) {
                signal += t * t;
                error += (d - t) * (d - t);
            }
        }
        [signal, error]
    }
}

/// Solves the symmetric Toeplitz system of `auto` for `right` (Levinson's recursion). Where the system is singular to working precision -
/// a reference of one tone, or cut off above some frequency - the taps found so far are as good as any: the rest stay zero.
fn toeplitz(auto: &[f64], right: &[f64]) -> Vec<f64> {
    let n = auto.len();
    let mut solution = vec![0.0; n];
    let (mut predictor, mut before) = (vec![0.0; n], vec![0.0; n]);
    predictor[0] = 1.0;
    let mut error = auto[0];
    let least = auto[0] * 1e-15;
    for i in 0..n {
        if i > 0 {
            let sum: f64 = (0..i).map(|j| predictor[j] * auto[i - j]).sum();
            let k = -sum / error;
            before[..=i].copy_from_slice(&predictor[..=i]);
            for j in 1..=i {
                predictor[j] = before[j] + k * before[i - j];
            }
            error *= 1.0 - k * k;
        }
        if error <= least {
            break;
        }
        let sum: f64 = (0..i).map(|j| solution[j] * auto[i - j]).sum();
        let gain = (right[i] - sum) / error;
        for j in 0..=i {
            solution[j] += gain * predictor[i - j];
        }
    }
    solution
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_small_system_is_solved() {
        // 4x + 2y + z = 11, 2x + 4y + 2z = 16, x + 2y + 4z = 17 has the solution 1, 2, 3.
        let x = toeplitz(&[4.0, 2.0, 1.0], &[11.0, 16.0, 17.0]);
        for (got, want) in x.iter().zip([1.0, 2.0, 3.0]) {
            assert!((got - want).abs() < 1e-12, "rounding: {x:?}");
        }
    }

    #[test]
    fn a_singular_system_has_an_answer() {
        let x = toeplitz(&[1.0, 1.0, 1.0], &[2.0, 2.0, 2.0]);
        assert!(x.iter().all(|v| v.is_finite()) && (x.iter().sum::<f64>() - 2.0).abs() < 1e-9, "{x:?}");
        assert_eq!(toeplitz(&[0.0; 4], &[0.0; 4]), [0.0; 4]);
    }
}
