//! `snr`, `si_sdr`, `si_snr`: the energy of the signal over the energy of what is wrong, in decibels.
//!
//! Le Roux, Wisdom, Erdogan, Hershey, "SDR - half-baked or well done?", ICASSP 2019. Two passes: the closed form of the energies
//! cancels where the signals are nearly equal.

use super::pair::{Details, Pair, Score};
use super::reason::Reason;
use crate::spec::{Exactness, PresetSpec, ScoreSpec};
use crate::units::power_db;

fields! { RatioOutput {
    1 value_db: Db, Exactness::Abs(1e-9), "The ratio.";
} }

const fn spec(id: u16, name: &'static str, summary: &'static str, presets: &'static [PresetSpec]) -> ScoreSpec {
    ScoreSpec {
        id,
        name,
        revision: 1,
        summary,
        presets,
        in_step: true,
        higher_is_better: true,
        fields: <RatioOutput as crate::spec::Fields>::FIELDS,
        tables: &[],
    }
}

/// `10 log10(signal / error)`, or why there is none. An error of rounding alone is none at all.
pub(super) fn ratio_db(signal: f64, error: f64) -> Result<RatioOutput, Reason> {
    // Each sample of a sum of squares is rounded to 2^-53 of itself: below 300 dB nothing is known of the error.
    if error <= signal * 1e-30 {
        return Err(Reason::Identical);
    }
    Ok(RatioOutput { value_db: crate::spec::Value::finite(power_db(signal / error), "the score is no finite number") })
}

/// `snr`.
pub(crate) struct Snr;

impl Score for Snr {
    const SPEC: ScoreSpec = spec(
        10,
        "snr",
        "Energy of the reference over the energy of the difference",
        &[PresetSpec {
            name: "plain",
            definition: "10 log10(sum r^2 / sum (r - d)^2), torchmetrics signal_noise_ratio",
            doc: "The samples as they are.",
        }],
    );
    type Output = RatioOutput;

    fn score(pair: &mut Pair<'_, '_>, _preset: usize, _details: &mut Details) -> Result<RatioOutput, Reason> {
        let simd = pair.simd();
        let (reference, degraded) = pair.in_step();
        let (mut signal, mut error) = (0.0, 0.0);
        reference.each_pair(degraded, |r, d| {
            let [s, e] = simd.scaled_error(r, d, 1.0, 0.0, 0.0);
            signal += s;
            error += e;
        });
        ratio_db(signal, error)
    }
}

/// The scale-invariant ratio, of the samples as they are or less their means.
fn scale_invariant(pair: &mut Pair<'_, '_>, zero_mean: bool) -> Result<RatioOutput, Reason> {
    let simd = pair.simd();
    let (reference, degraded) = pair.in_step();
    let n = reference.len() as f64;
    let mut sums = [0.0; 2];
    if zero_mean {
        reference.each_pair(degraded, |r, d| {
            let [a, b] = simd.pair_sums(r, d);
            sums[0] += a;
            sums[1] += b;
        });
    }
    let (mean_r, mean_d) = (sums[0] / n, sums[1] / n);
    let (mut dot, mut energy, mut loud) = (0.0, 0.0, 0.0);
    reference.each_pair(degraded, |r, d| {
        let [a, b, c] = simd.pair_products(r, d, mean_r, mean_d);
        dot += a;
        energy += b;
        loud += c;
    });
    if energy <= 0.0 {
        return Err(Reason::SilentReference);
    }
    if loud <= 0.0 {
        return Err(Reason::SilentDegraded);
    }
    let gain = dot / energy;
    let (mut signal, mut error) = (0.0, 0.0);
    reference.each_pair(degraded, |r, d| {
        let [s, e] = simd.scaled_error(r, d, gain, mean_r, mean_d);
        signal += s;
        error += e;
    });
    if signal <= 0.0 {
        return Err(Reason::Undefined("the signals have nothing in common: the score would be minus infinity"));
    }
    ratio_db(signal, error)
}

/// `si_sdr`.
pub(crate) struct SiSdr;

impl Score for SiSdr {
    const SPEC: ScoreSpec = spec(
        11,
        "si_sdr",
        "Scale-invariant signal-to-distortion ratio",
        &[PresetSpec {
            name: "plain",
            definition: "Le Roux et al. 2019, equation 5, means kept",
            doc: "The reference is scaled to fit the degraded signal best; the means are not removed.",
        }],
    );
    type Output = RatioOutput;

    fn score(pair: &mut Pair<'_, '_>, _preset: usize, _details: &mut Details) -> Result<RatioOutput, Reason> {
        scale_invariant(pair, false)
    }
}

/// `si_snr`.
pub(crate) struct SiSnr;

impl Score for SiSnr {
    const SPEC: ScoreSpec = spec(
        12,
        "si_snr",
        "Scale-invariant signal-to-noise ratio: si_sdr of the signals less their means",
        &[PresetSpec {
            name: "zero_mean",
            definition: "Luo and Mesgarani 2018 (TasNet), torchmetrics scale_invariant_signal_noise_ratio",
            doc: "The mean of either signal is removed first.",
        }],
    );
    type Output = RatioOutput;

    fn score(pair: &mut Pair<'_, '_>, _preset: usize, _details: &mut Details) -> Result<RatioOutput, Reason> {
        scale_invariant(pair, true)
    }
}
