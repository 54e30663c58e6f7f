//! `lsd`: the log-spectral distance, in the three scales that are in use. They do not mix: each is a preset.

use super::pair::{Details, Pair, Score};
use super::reason::Reason;
use super::samples::Samples;
use crate::spec::{Exactness, Fields, PresetSpec, ScoreSpec, Value};
use realfft::RealFftPlanner;

fields! { LsdOutput {
    1 value_ratio: Ratio, Exactness::Abs(1e-6), "The distance in the preset's logarithm of power ratios: decades (ssr_eval) or nepers (urgent).";
    2 value_db: Db, Exactness::Abs(1e-5), "The distance in decibels (preset db).";
} }

/// `lsd`.
pub(crate) struct Lsd;

/// In the order of the spec.
const SSR_EVAL: usize = 0;
const URGENT: usize = 1;

impl Score for Lsd {
    const SPEC: ScoreSpec = ScoreSpec {
        id: 35,
        name: "lsd",
        revision: 1,
        summary: "Log-spectral distance",
        presets: &[
            PresetSpec {
                name: "ssr_eval",
                definition: "ssr_eval: log10 of power ratios, transform of int(2048 rate / 44100) points every 10 ms",
                doc: "Root mean square over frequency, mean over time; in decades.",
            },
            PresetSpec {
                name: "urgent",
                definition: "URGENT 2024/2025 challenge: natural logarithm, 32 ms every 16 ms",
                doc: "The degraded signal is scaled to the reference first; in nepers of power.",
            },
            PresetSpec {
                name: "db",
                definition: "ssr_eval times 10: decibels, transform of int(2048 rate / 44100) points every 10 ms",
                doc: "The same grid as ssr_eval.",
            },
        ],
        in_step: true,
        higher_is_better: false,
        fields: LsdOutput::FIELDS,
        tables: &[],
    };
    type Output = LsdOutput;

    fn score(pair: &mut Pair<'_, '_>, preset: usize, _details: &mut Details) -> Result<LsdOutput, Reason> {
        const ELSEWHERE: Value = Value::NotComputed("another preset has this scale");
        let rate = pair.degraded_hz;
        let simd = pair.simd();
        let (reference, degraded) = pair.in_step();
        let finite = |x: f64| Value::finite(x, "the score is no finite number");
        if preset == URGENT {
            let (mut dot, mut energy) = (0.0, 0.0);
            reference.each_pair(degraded, |r, d| {
                let [rd, _, dd] = simd.pair_products(r, d, 0.0, 0.0);
                dot += rd;
                energy += dd;
            });
            let gain = dot / (energy + 1e-8);
            let (points, hop) = ((0.032 * f64::from(rate)) as usize, (0.016 * f64::from(rate)) as usize);
            let distance = distance(reference, degraded, gain, points, hop, 1e-8) * core::f64::consts::LN_10;
            return Ok(LsdOutput { value_ratio: finite(distance), value_db: ELSEWHERE });
        }
        let (points, hop) = ((2048 * u64::from(rate) / 44_100) as usize, (rate / 100) as usize);
        let distance = distance(reference, degraded, 1.0, points, hop, 1e-12);
        Ok(if preset == SSR_EVAL {
            LsdOutput { value_ratio: finite(distance), value_db: ELSEWHERE }
        } else {
            LsdOutput { value_ratio: ELSEWHERE, value_db: finite(10.0 * distance) }
        })
    }
}

/// `mean_t sqrt(mean_f log10(R^2 / (D + eps)^2 + eps)^2)` of the magnitudes of centred frames with zeros around the signals.
fn distance(reference: &Samples<'_>, degraded: &Samples<'_>, gain: f64, points: usize, hop: usize, eps: f64) -> f64 {
    let window: Vec<f64> =
        (0..points).map(|n| 0.5 - 0.5 * (core::f64::consts::TAU * n as f64 / points as f64).cos()).collect();
    let fft = RealFftPlanner::<f64>::new().plan_fft_forward(points);
    let mut time = fft.make_input_vec();
    let mut scratch = fft.make_scratch_vec();
    let (mut r, mut d) = (fft.make_output_vec(), fft.make_output_vec());
    let mut buffer = vec![0.0; points];
    let frames = 1 + (reference.len() + 2 * (points / 2) - points) / hop;
    let mut sum = 0.0;
    for k in 0..frames {
        for (signal, spectrum, gain) in [(reference, &mut r, 1.0), (degraded, &mut d, gain)] {
            // The frame's samples lie from `start - points / 2` on; what is not there is zero.
            let start = k * hop;
            let skipped = (points / 2).saturating_sub(start).min(points);
            let first = (start + skipped).saturating_sub(points / 2).min(signal.len());
            let last = (start + points).saturating_sub(points / 2).clamp(first, signal.len());
            time.fill(0.0);
            let samples = signal.f64s(first..last, &mut buffer);
            for ((t, x), w) in time[skipped..].iter_mut().zip(samples).zip(&window[skipped..]) {
                *t = gain * x * w;
            }
            // Lengths are the plan's: nothing can fail.
            let _ = fft.process_with_scratch(&mut time, spectrum, &mut scratch);
        }
        let bins: f64 = r
            .iter()
            .zip(&d)
            .map(|(r, d)| {
                let below = d.norm() + eps;
                let ratio = (r.norm_sqr() / (below * below) + eps).log10();
                ratio * ratio
            })
            .sum();
        sum += (bins / r.len() as f64).sqrt();
    }
    sum / frames as f64
}
