//! Loudness: how loud a listener finds it.
//!
//! ## What it measures
//! Momentary (400 ms), short-term (3 s) and integrated loudness in LUFS, the largest momentary and short-term values,
//! and the loudness range in LU.
//!
//! ## Why it matters for speech
//! Delivery norms are written in LUFS. Two voices at the same RMS may differ by several LU, and listeners reach for the
//! volume control.
//!
//! ## Method
//! ITU-R BS.1770-5 with the response of its K-filter held to 0.01 dB at every sample rate (redoing the bilinear
//! transform, as is usual, reads up to 0.5 dB high at 8 kHz). Momentary and short-term values move every 10 ms, as
//! EBU Tech 3341 needs for their maxima; gating blocks of 400 ms every 100 ms, gates at -70 LUFS and -10 LU. Loudness
//! range after EBU Tech 3342: short-term values every 100 ms, gates at -70 LUFS and -20 LU, 10th to 95th percentile. Both
//! histograms have bins of 0.1 LU; energies are summed per 1 LU, so only the one bin that a gate cuts is approximate.
//! Channel weights 1, and 1.41 for the surrounds of 5, 6 or 8 channels in WAV order; the LFE of 6 and more is left out.
//!
//! ## Reading the value
//! -16 LUFS (stereo) and -19 LUFS (mono) are usual for spoken word. One mono channel reads 3.01 LU under the same signal
//! on two: set `mono_as = dual_mono` if a mono file will be played on both loudspeakers.
//!
//! ## Limits
//! Under 400 ms nothing, under 3 s no short-term value. The range needs some 30 s of speech to mean much.

use crate::error::ConfigError;
use crate::features::FrameView;
use crate::finding::Sink;
use crate::frame::lfe;
use crate::metrics::{Metric, StreamShape};
use crate::probe::MAX_CHANNELS;
use crate::spec::{Exactness, Fields, MetricSpec, Needs, Params, Value};
use crate::units::power_db;

params! { LoudnessConfig {
    mono_as: Choice = "mono" of ["mono", "dual_mono"],
        "How a single channel is counted: as one channel, or as if it came from two loudspeakers (+3.01 LU).";
} }

/// Twice what single and double precision were seen to differ by on the signals of BS.2217 (0.0006 LU).
const TOLERANCE: Exactness = Exactness::Abs(0.0012);

fields! { LoudnessOutput {
    1 integrated_lufs: Lufs, TOLERANCE, "Gated loudness of the whole stream.";
    2 momentary_lufs: Lufs, TOLERANCE, "Loudness of the last 400 ms.";
    3 short_term_lufs: Lufs, TOLERANCE, "Loudness of the last 3 s.";
    4 momentary_max_lufs: Lufs, TOLERANCE, "Largest momentary loudness.";
    5 short_term_max_lufs: Lufs, TOLERANCE, "Largest short-term loudness.";
    6 range_lu: Lu, Exactness::Abs(0.1), "Loudness range (one bin of its histogram is 0.1 LU).";
    7 mono_gain_lu: Lu, Exactness::LIBM, "What a single channel was raised by: 3.01 with `mono_as = dual_mono`, else 0.";
} }

const MOMENTARY_HOPS: usize = 40;
const SHORT_TERM_HOPS: usize = 300;
/// Gating blocks and loudness-range values come every 100 ms.
const STEP_HOPS: u64 = 10;

/// Histograms from the absolute gate at -70 LUFS up to +5 LUFS in bins of 0.1 LU; what is louder falls into the last.
const LOWEST_LUFS: f64 = -70.0;
const BINS_PER_LU: usize = 10;
const SPAN_LU: usize = 75;
const BINS: usize = SPAN_LU * BINS_PER_LU;
/// The calibration of BS.1770: L = -0.691 + 10 log10(weighted mean square).
const CALIBRATION_DB: f64 = -0.691;

/// The loudness of a mean square.
fn lufs(mean_square: f64) -> f64 {
    CALIBRATION_DB + power_db(mean_square)
}

/// The bin of a loudness at or above the absolute gate.
fn bin(lufs: f64) -> Option<usize> {
    // A NaN or a loudness below the gate belongs nowhere.
    (lufs >= LOWEST_LUFS).then(|| (((lufs - LOWEST_LUFS) * BINS_PER_LU as f64) as usize).min(BINS - 1))
}

/// The mean square in the middle of a bin.
fn middle(bin: usize) -> f64 {
    let lufs = LOWEST_LUFS + (bin as f64 + 0.5) / BINS_PER_LU as f64;
    10f64.powf((lufs - CALIBRATION_DB) / 10.0)
}

/// State. The ring of 300 hop energies is in the slab.
pub(crate) struct Loudness {
    hops: u64,
    momentary: f64,
    short_term: f64,
    momentary_max: f64,
    short_term_max: f64,
    blocks: Blocks,
    range: Range,
}

/// The gating blocks: how many and how much energy in each LU, exactly; and how they lie within it, as shares. Only the
/// shares of the one LU that the relative gate cuts are ever read.
struct Blocks {
    count: [u32; SPAN_LU],
    energy: [f64; SPAN_LU],
    shape: [[u8; BINS_PER_LU]; SPAN_LU],
}

impl Blocks {
    fn add(&mut self, bin: usize, energy: f64) {
        let lu = bin / BINS_PER_LU;
        self.count[lu] = self.count[lu].saturating_add(1);
        self.energy[lu] += energy;
        let shape = &mut self.shape[lu];
        if shape[bin % BINS_PER_LU] == u8::MAX {
            shape.iter_mut().for_each(|n| *n /= 2);
        }
        shape[bin % BINS_PER_LU] += 1;
    }

    /// Number and energy of the blocks from `first` on.
    fn from(&self, first: usize) -> (f64, f64) {
        let whole = first.div_ceil(BINS_PER_LU);
        let mut count: f64 = self.count.iter().skip(whole).map(|&n| f64::from(n)).sum();
        let mut energy: f64 = self.energy.iter().skip(whole).sum();
        if !first.is_multiple_of(BINS_PER_LU) && whole <= SPAN_LU {
            let lu = whole - 1;
            let all: u32 = self.shape[lu].iter().map(|&n| u32::from(n)).sum();
            let blocks = f64::from(self.count[lu]) / f64::from(all.max(1));
            for (b, &share) in self.shape[lu].iter().enumerate().skip(first % BINS_PER_LU) {
                count += f64::from(share) * blocks;
                energy += f64::from(share) * blocks * middle(lu * BINS_PER_LU + b);
            }
        }
        (count, energy)
    }
}

/// The short-term values. When a bin is full all are halved: percentiles need shares, not counts.
struct Range([u16; BINS]);

impl Range {
    fn add(&mut self, bin: usize) {
        if self.0[bin] == u16::MAX {
            self.0.iter_mut().for_each(|n| *n /= 2);
        }
        self.0[bin] += 1;
    }
}

pub(crate) struct Plan {
    weights: [f64; MAX_CHANNELS],
    mono_gain_lu: f64,
    /// Samples in a momentary and in a short-term window.
    momentary: f64,
    short_term: f64,
}

/// The weight of each channel in WAV order.
fn weights(channels: usize, dual_mono: bool) -> [f64; MAX_CHANNELS] {
    let mut weights = [0.0; MAX_CHANNELS];
    weights[..channels].fill(1.0);
    if channels == 1 && dual_mono {
        weights[0] = 2.0;
    }
    match channels {
        5 => weights[3..5].fill(1.41),
        6 => weights[4..6].fill(1.41),
        // 7.1 in WAV order: L R C LFE, back pair, side pair. BS.1770 weights what stands at 60 to 120 degrees: the sides.
        8 => weights[6..8].fill(1.41),
        _ => {}
    }
    if let Some(lfe) = lfe(channels) {
        weights[lfe] = 0.0;
    }
    weights
}

impl Loudness {
    fn integrated(&self) -> Option<f64> {
        let (count, energy) = self.blocks.from(0);
        let gate = lufs((count > 0.0).then(|| energy / count)?) - 10.0;
        // Blocks below the absolute gate were never counted. The bin that holds the relative gate counts from its middle.
        let first = if gate < LOWEST_LUFS { 0 } else { ((gate - LOWEST_LUFS) * BINS_PER_LU as f64).round() as usize };
        let (count, energy) = self.blocks.from(first);
        (count > 0.0).then(|| lufs(energy / count))
    }

    fn range(&self) -> Option<f64> {
        let all: u64 = self.range.0.iter().map(|&n| u64::from(n)).sum();
        let energy: f64 = self.range.0.iter().enumerate().map(|(b, &n)| f64::from(n) * middle(b)).sum();
        if all == 0 {
            return None;
        }
        let gate = bin(lufs(energy / all as f64) - 20.0).unwrap_or(0);
        let kept: u64 = self.range.0[gate..].iter().map(|&n| u64::from(n)).sum();
        // Tech 3342: the percentiles are order statistics at index round((n - 1) p + 1).
        let at = |p: f64| {
            let rank = ((kept - 1) as f64 * p + 1.0).round() as u64;
            let mut seen = 0;
            (gate..BINS).find(|&b| {
                seen += u64::from(self.range.0[b]);
                seen >= rank
            })
        };
        Some((at(0.95)? - at(0.10)?) as f64 / BINS_PER_LU as f64)
    }
}

impl Metric for Loudness {
    const SPEC: MetricSpec = MetricSpec {
        id: 4,
        name: "loudness",
        revision: 1,
        summary: "Momentary, short-term and integrated loudness, loudness range",
        definition: "ITU-R BS.1770-5 (11/2023), EBU Tech 3341 and 3342 (2023)",
        on: true,
        needs: Needs::K_ENERGY,
        params: LoudnessConfig::PARAMS,
        fields: LoudnessOutput::FIELDS,
        kinds: &[],
    };
    type Config = LoudnessConfig;
    type Output = LoudnessOutput;
    type Plan = Plan;

    fn plan(config: &LoudnessConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        let rate = f64::from(stream.rate.hz());
        let weights = weights(stream.channels, config.mono_as == "dual_mono");
        let mono_gain_lu = if stream.channels == 1 { power_db(weights[0]) } else { 0.0 };
        Ok(Plan { weights, mono_gain_lu, momentary: 0.4 * rate, short_term: 3.0 * rate })
    }

    fn slab(_: &Plan) -> usize {
        SHORT_TERM_HOPS
    }

    fn new(_: &Plan) -> Self {
        Self {
            hops: 0,
            momentary: 0.0,
            short_term: 0.0,
            momentary_max: 0.0,
            short_term_max: 0.0,
            blocks: Blocks { count: [0; SPAN_LU], energy: [0.0; SPAN_LU], shape: [[0; BINS_PER_LU]; SPAN_LU] },
            range: Range([0; BINS]),
        }
    }

    fn update(&mut self, plan: &Plan, ring: &mut [f32], f: &FrameView<'_>, _: &mut Sink<'_>) {
        let energy: f64 = f.k_energy().iter().zip(&plan.weights).map(|(e, w)| e * w).sum();
        // Rounded as the ring keeps it, so that what is added is what will be taken away again.
        let energy = energy as f32;
        let slot = (self.hops % SHORT_TERM_HOPS as u64) as usize;
        let leaves_momentary = ring[(slot + SHORT_TERM_HOPS - MOMENTARY_HOPS) % SHORT_TERM_HOPS];
        let leaves_short_term = ring[slot];
        ring[slot] = energy;
        self.hops += 1;
        if slot + 1 == SHORT_TERM_HOPS {
            // Every 3 s the running sums are made afresh, before rounding can pile up.
            self.short_term = ring.iter().map(|&e| f64::from(e)).sum();
            self.momentary = ring[SHORT_TERM_HOPS - MOMENTARY_HOPS..].iter().map(|&e| f64::from(e)).sum();
        } else {
            self.momentary = (self.momentary + f64::from(energy) - f64::from(leaves_momentary)).max(0.0);
            self.short_term = (self.short_term + f64::from(energy) - f64::from(leaves_short_term)).max(0.0);
        }
        if self.hops >= MOMENTARY_HOPS as u64 {
            self.momentary_max = self.momentary_max.max(self.momentary);
        }
        if self.hops >= SHORT_TERM_HOPS as u64 {
            self.short_term_max = self.short_term_max.max(self.short_term);
        }
        if self.hops.is_multiple_of(STEP_HOPS) {
            if self.hops >= MOMENTARY_HOPS as u64 {
                let block = self.momentary / plan.momentary;
                if let Some(b) = bin(lufs(block)) {
                    self.blocks.add(b, block);
                }
            }
            if self.hops >= SHORT_TERM_HOPS as u64
                && let Some(b) = bin(lufs(self.short_term / plan.short_term))
            {
                self.range.add(b);
            }
        }
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> LoudnessOutput {
        const SILENCE: &str = "digital silence has no loudness";
        const UNDER_400_MS: &str = "needs 400 ms of audio";
        const UNDER_3_S: &str = "needs 3 s of audio";
        const GATED: &str = "no block of 400 ms is above -70 LUFS";
        let momentary = |sum: f64| match self.hops >= MOMENTARY_HOPS as u64 {
            true => Value::finite(lufs(sum / plan.momentary), SILENCE),
            false => Value::Undefined(UNDER_400_MS),
        };
        let short_term = |sum: f64| match self.hops >= SHORT_TERM_HOPS as u64 {
            true => Value::finite(lufs(sum / plan.short_term), SILENCE),
            false => Value::Undefined(UNDER_3_S),
        };
        let why = if self.hops < MOMENTARY_HOPS as u64 { UNDER_400_MS } else { GATED };
        LoudnessOutput {
            integrated_lufs: Value::some_or(self.integrated(), why),
            momentary_lufs: momentary(self.momentary),
            short_term_lufs: short_term(self.short_term),
            momentary_max_lufs: momentary(self.momentary_max),
            short_term_max_lufs: short_term(self.short_term_max),
            range_lu: Value::some_or(self.range(), if self.hops < SHORT_TERM_HOPS as u64 { UNDER_3_S } else { GATED }),
            mono_gain_lu: Value::Number(plan.mono_gain_lu),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_bin_halves_the_shares_and_keeps_the_counts() {
        let mut blocks = Blocks { count: [0; SPAN_LU], energy: [0.0; SPAN_LU], shape: [[0; BINS_PER_LU]; SPAN_LU] };
        // Two thirds of the blocks of LU 40 lie in its fifth bin, one third in its last.
        for i in 0..9_000 {
            blocks.add(if i % 3 == 2 { 409 } else { 404 }, 1e-3);
        }
        let (count, energy) = blocks.from(400);
        assert_eq!(count, 9_000.0);
        assert!((energy - 9.0).abs() < 1e-9, "a sum of 9,000 roundings: {energy}");
        let (count, energy) = blocks.from(405);
        assert!((count - 3_000.0).abs() < 9_000.0 / 128.0, "half of a share of 255 steps: {count}");
        assert!((energy / count / middle(409) - 1.0).abs() < 1e-9, "a partial LU counts from the middles of its bins");
        let mut range = Range([0; BINS]);
        for i in 0..200_000 {
            range.add(if i % 4 == 0 { 7 } else { 3 });
        }
        let share = f64::from(range.0[7]) / f64::from(range.0[3]);
        assert!((share - 1.0 / 3.0).abs() < 1e-4, "two roundings of 16-bit counts: {share}");
    }
}
