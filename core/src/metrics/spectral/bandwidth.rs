//! Bandwidth: how far up the voice reaches, and whether its sample rate is what the label says.
//!
//! ## What it measures
//! The frequency above which the long-term spectrum lies on its floor, how sharp that edge is, and how much the voice sounds
//! as if played too fast or too slow.
//!
//! ## Why it matters for speech
//! A voice made at 8 or 16 kHz and brought to 24 kHz sounds dull in a wide-band product, and nobody looks. A stream with a wrong
//! rate in its header plays as a chipmunk or a drunkard: all bytes are right, no other check fires.
//!
//! ## Method
//! Mean power in 32 equal bands of all spectra within 40 dB of the loudest. The bandwidth ends with the highest band
//! 10 dB above the lowest one; it is `band_limited` if the spectrum falls there by `edge_db` within three bands, as only a filter
//! does. The rate (Otoscope): mean and standard deviation of the level in 14 bands of a third of an octave (157 Hz to
//! 3.2 kHz), over all spectra within 20 dB of the loudest, that is mostly vowels. A wrong label moves formants and everything else along
//! this axis, by 0.58 octave for 16 kHz labelled 24 kHz. A linear regression, fitted to nine voices relabelled from half to twice their
//! rate and held stiff against tilts and equalisers, reads the shift. It is judged every second after `voiced_s` of such
//! spectra; two judgements in a row beyond the limit make a finding.
//!
//! ## Reading the value
//! `bandwidth_ratio` of full-band speech is above 0.9; 0.33, 0.5 and 0.67 are speech from a third, half or two thirds of the rate; 0.87 at 16 kHz is
//! G.722. `rate_suspicion_ratio` above 0.5 is a finding, near 0 is usual. `shift_octaves_ratio` is the shift
//! itself: 1.0 is twice too fast.
//!
//! ## Limits
//! Voices differ by up to half an octave in what the regression reads, nearly as much as a wrong label of 1.5 times adds. The limits are set
//! so that hardly a sound voice alarms (three times in 3.4 hours of 22 voices); of wrong labels about a third at 1.5 times, half at twice and at two
//! thirds and three quarters at half the rate are found. A very high voice (280 Hz and more) comes closest to a false alarm. Pitch
//! and syllable rate were tried beside it and did not help. 22.05 for 24 kHz and 44.1 for 48 kHz (8.8 %) cannot be told without
//! knowing the voice: compare `shift_octaves_ratio` with that of the same voice before. Codecs that leave noise above their
//! edge (G.722) show no sharp one. Singing, music and cartoon voices are beyond what it knows.

use crate::error::ConfigError;
use crate::features::{FrameView, level};
use crate::finding::{EventId, Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::simd::BinSums;
use crate::spec::{Exactness, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::power_db;

params! { BandwidthConfig {
    edge_db: Db = 20.0 in 6.0 ..= 120.0, "How far the spectrum must fall within three bands for the edge of a filter.";
    full_ratio: Ratio = 0.8 in 0.1 ..= 1.0, "From this share of half the rate on the band counts as full.";
    voiced_s: Seconds = 1.5 in 0.5 ..= 600.0, "How much loud speech must be heard before anything is said.";
    suspicion_ratio: Ratio = 0.5 in 0.01 ..= 1.0, "From this suspicion on the rate is a finding.";
    error_ratio: Ratio = 0.9 in 0.01 ..= 1.0, "From this suspicion on it is an error rather than a warning.";
} }

fields! { BandwidthOutput {
    1 effective_bandwidth_hz: Hz, Exactness::Abs(1.0), "Where the long-term spectrum comes down to its floor.";
    2 bandwidth_ratio: Ratio, Exactness::Abs(1e-3), "The same as a share of half the sample rate.";
    3 edge_db: Db, Exactness::Abs(0.5), "How far the spectrum falls there within three bands.";
    4 rate_suspicion_ratio: Ratio, Exactness::Abs(0.02), "How much the voice sounds like one with a wrong sample rate.";
    5 likely_rate_hz: Hz, Exactness::Abs(1.0), "The usual rate at which the voice would sound most like one.";
    6 shift_octaves_ratio: Ratio, Exactness::Abs(0.01), "By how many octaves the voice seems too fast (positive) or too slow.";
} }

const BAND_LIMITED: KindSpec = KindSpec {
    id: 1,
    name: "band_limited",
    unit: Unit::Hz,
    max_delay_ms: 20,
    message: "nothing above {value} Hz: made or coded at a lower sample rate",
};
const RATE_LABEL: KindSpec = KindSpec {
    id: 2,
    name: "rate_label",
    unit: Unit::Hz,
    max_delay_ms: 2000,
    message: "labelled {threshold} Hz, but it sounds like {value} Hz",
};

/// Equal bands up to half the rate.
const LINEAR: usize = 32;
/// Bands of a third of an octave; the lowest is centred at 157 Hz.
const THIRDS: usize = 14;
const LOWEST_THIRD_HZ: f64 = 157.490_131_236_859_15;
/// What the slab holds: mean powers, means of levels, variances of levels, the levels before.
const SLAB: usize = LINEAR + 3 * THIRDS;
/// Spectra a second.
const SECOND: u32 = 50;
/// Older spectra are forgotten after about this many: a minute of speech.
const MEMORY: u16 = 60 * SECOND as u16;
/// Power ratios to the loudest spectrum, which falls by 1 dB a second.
const HEARD: f32 = 1e-4;
const LOUD: f32 = 1e-2;
const LOUDEST_FALL: f32 = 0.995_405_4;
const LEAST: f32 = 1e-6; // -60 dBFS
/// Nothing is below the rounding of 16 bits in one band.
const SMALLEST: f32 = 1e-11;
/// The floor is what lies within this ratio (10 dB) of the lowest band.
const FLOOR: f32 = 10.0;

/// Octaves of shift for each octave (3.01 dB) of level in a third, and of its standard deviation; then the constant.
const LEVEL_WEIGHTS: [f64; THIRDS] =
    [-0.0367, 0.0341, 0.0019, 0.0337, 0.042, 0.0383, 0.0388, 0.0494, 0.0769, 0.0013, -0.0098, 0.0016, 0.0229, 0.0189];
const SPREAD_WEIGHTS: [f64; THIRDS] = [
    0.0067, 0.0115, -0.0021, -0.023, -0.0088, -0.0163, -0.0103, -0.0067, 0.0086, 0.0381, 0.0364, 0.0359, 0.0236, 0.0169,
];
const CHANGE_WEIGHT: f64 = 0.2516;
const CONSTANT: f64 = -0.7829;
/// A voice is suspected from these shifts on, too fast and too slow; and how gradually.
const TOO_FAST: f64 = 0.55;
const TOO_SLOW: f64 = -0.5;
const SOFTNESS: f64 = 0.06;

/// The rates a guess may name.
const USUAL_HZ: [f64; 9] = [8e3, 11_025.0, 12e3, 16e3, 22_050.0, 24e3, 32e3, 44_100.0, 48e3];

pub(crate) struct Bandwidth {
    loudest: f32,
    heard: u16,
    loud: u32,
    /// The last loud spectrum, how many followed a loud one, and the mean change of level between such two.
    last_loud: u32,
    pairs: u16,
    change: f32,
    suspected: bool,
    limited: Option<(EventId, f32)>,
    label: Option<(EventId, f32, f32)>,
}

pub(crate) struct Plan {
    config: BandwidthConfig,
    rate_hz: f64,
    linear: BinSums,
    thirds: BinSums,
    needed: u32,
}

/// What the mean powers say.
struct Edge {
    /// Bands below it.
    bands: usize,
    fall_db: f64,
}

fn edge(power: &[f32]) -> Option<Edge> {
    let lowest = power.iter().copied().fold(f32::INFINITY, f32::min).max(SMALLEST);
    let bands = 1 + power.iter().rposition(|&p| p > FLOOR * lowest)?;
    let mean = |range: core::ops::Range<usize>| {
        let part = power.get(range).unwrap_or_default();
        if part.is_empty() { lowest } else { part.iter().sum::<f32>() / part.len() as f32 }
    };
    // The band in which it falls belongs to neither side.
    let (below, above) = (mean(bands.saturating_sub(3)..bands.saturating_sub(1)), mean(bands + 1..bands + 3));
    Some(Edge { bands, fall_db: power_db(f64::from(below.max(SMALLEST) / above.max(SMALLEST))) })
}

/// The binary logarithm of a positive number, within 0.01 (0.03 dB), and the same everywhere.
fn log2(x: f32) -> f32 {
    let part = (x.to_bits() & 0x007f_ffff) as f32 * (1.0 / 8_388_608.0);
    level(x) + 0.343_7 * part * (1.0 - part)
}

/// Octaves by which the voice seems too fast.
fn shift(levels: &[f32], change: f32) -> f64 {
    let (levels, rest) = levels.split_at(THIRDS.min(levels.len()));
    let variances = rest.get(..THIRDS).unwrap_or_default();
    let mean = levels.iter().map(|&l| f64::from(l)).sum::<f64>() / THIRDS as f64;
    let level: f64 = levels.iter().zip(LEVEL_WEIGHTS).map(|(&l, w)| w * (f64::from(l) - mean)).sum();
    let spread: f64 = variances.iter().zip(SPREAD_WEIGHTS).map(|(&v, w)| w * f64::from(v.max(0.0)).sqrt()).sum();
    level + spread + CHANGE_WEIGHT * f64::from(change.max(0.01)).log2() + CONSTANT
}

fn suspicion(shift: f64) -> f64 {
    let soft = |x: f64| 1.0 / (1.0 + (-x / SOFTNESS).exp());
    soft(shift - TOO_FAST).max(soft(TOO_SLOW - shift))
}

impl Plan {
    /// The usual rate nearest to what the shift means, the label itself (within 10 %) left out.
    fn likely_hz(&self, shift: f64) -> f64 {
        let octaves = |hz: f64| (hz / self.rate_hz).log2();
        let other = |hz: &f64| octaves(*hz).abs() > 0.14 && (octaves(*hz) < 0.0) == (shift > 0.0);
        let distance = |hz: f64| (octaves(hz) + shift).abs();
        let found = USUAL_HZ.into_iter().filter(other).min_by(|&a, &b| distance(a).total_cmp(&distance(b)));
        found.unwrap_or(self.rate_hz * (-shift).exp2())
    }

    fn ratio(&self, edge: &Edge) -> f64 {
        edge.bands as f64 / LINEAR as f64
    }

    fn limited(&self, hz: f32, end: u64) -> Occurrence {
        Occurrence {
            start: 0,
            end,
            severity: Severity::Info,
            value: f64::from(hz),
            threshold: 0.5 * self.rate_hz * self.config.full_ratio,
            channel_mask: 0,
        }
    }

    fn label(&self, hz: f32, suspicion: f32, end: u64) -> Occurrence {
        let severity = Severity::above(f64::from(suspicion), 0.0, self.config.error_ratio);
        Occurrence { start: 0, end, severity, value: f64::from(hz), threshold: self.rate_hz, channel_mask: 0 }
    }
}

impl Bandwidth {
    /// Looks at all that was heard; the rate must be suspect twice in a row, or once when no more comes.
    fn judge(&mut self, plan: &Plan, mem: &[f32], now: u64, last: bool, out: &mut Sink<'_>) {
        let (power, levels) = mem.split_at(LINEAR.min(mem.len()));
        if self.limited.is_none()
            && let Some(edge) = edge(power)
            && edge.fall_db >= plan.config.edge_db
            && plan.ratio(&edge) < plan.config.full_ratio
        {
            let hz = (plan.ratio(&edge) * 0.5 * plan.rate_hz) as f32;
            self.limited = Some((out.open(&BAND_LIMITED, plan.limited(hz, now)), hz));
        }
        let shift = shift(levels, self.change);
        let suspicion = suspicion(shift);
        let suspect = suspicion >= plan.config.suspicion_ratio;
        if self.label.is_none() && suspect && (self.suspected || last) {
            let (hz, suspicion) = (plan.likely_hz(shift) as f32, suspicion as f32);
            self.label = Some((out.open(&RATE_LABEL, plan.label(hz, suspicion, now)), hz, suspicion));
        }
        self.suspected = suspect;
    }
}

impl Metric for Bandwidth {
    const SPEC: MetricSpec = MetricSpec {
        id: 16,
        name: "bandwidth",
        revision: 1,
        summary: "How far up the voice reaches, and whether its sample rate is labelled right",
        definition: "Otoscope: edge of the long-term spectrum; regression of third-octave levels and their spread on the shift",
        needs: Needs::SPECTRUM,
        params: BandwidthConfig::PARAMS,
        fields: BandwidthOutput::FIELDS,
        kinds: &[BAND_LIMITED, RATE_LABEL],
    };
    type Config = BandwidthConfig;
    type Output = BandwidthOutput;
    type Plan = Plan;

    fn plan(config: &BandwidthConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        let rate_hz = f64::from(stream.rate.hz());
        let bin_hz = rate_hz / stream.rate.samples_in_ms(20).next_power_of_two() as f64;
        let bins = stream.rate.samples_in_ms(20).next_power_of_two() / 2;
        let linear = BinSums::new(bins + 1, LINEAR, |g, k| {
            f32::from((1 + g * bins / LINEAR..1 + (g + 1) * bins / LINEAR).contains(&k))
        });
        // A bin stands for the hertz around its middle.
        let edges: [f64; THIRDS + 1] =
            core::array::from_fn(|i| LOWEST_THIRD_HZ * ((2 * i) as f64 / 6.0 - 1.0 / 6.0).exp2() / bin_hz + 0.5);
        let thirds = BinSums::new(bins + 1, THIRDS, |i, k| {
            (edges[i + 1].min(k as f64 + 1.0) - edges[i].max(k as f64)).max(0.0) as f32
        });
        let needed = (config.voiced_s * f64::from(SECOND)).round() as u32;
        Ok(Plan { config: config.clone(), rate_hz, linear, thirds, needed })
    }

    fn slab(_: &Plan) -> usize {
        SLAB
    }

    fn new(_: &Plan) -> Self {
        Self {
            loudest: 0.0,
            heard: 0,
            loud: 0,
            last_loud: 0,
            pairs: 0,
            change: 0.0,
            suspected: false,
            limited: None,
            label: None,
        }
    }

    fn update(&mut self, plan: &Plan, mem: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        let Some(power) = f.spectrum() else { return };
        let total = (f.mix().energy / f.len().max(1) as f64) as f32;
        self.loudest = (self.loudest * LOUDEST_FALL).max(total);
        if total < LEAST || total < self.loudest * HEARD {
            return;
        }
        let (means, levels) = mem.split_at_mut(LINEAR.min(mem.len()));
        self.heard = (self.heard + 1).min(MEMORY);
        let new = 1.0 / f32::from(self.heard);
        let mut bands = [0.0; LINEAR];
        f.simd().bin_sums(&plan.linear, power, &mut bands);
        means.iter_mut().zip(bands).for_each(|(mean, band)| *mean += new * (band - *mean));
        if total < self.loudest * LOUD {
            return;
        }
        let (means, rest) = levels.split_at_mut(THIRDS.min(levels.len()));
        let (variances, before) = rest.split_at_mut(THIRDS.min(rest.len()));
        self.loud = self.loud.saturating_add(1);
        let new = 1.0 / self.loud.min(MEMORY.into()) as f32;
        let mut change = 0.0;
        let states = means.iter_mut().zip(variances).zip(before);
        let mut bands = [0.0; THIRDS];
        f.simd().bin_sums(&plan.thirds, power, &mut bands);
        for (((mean, variance), before), band) in states.zip(bands) {
            let level = log2(band + SMALLEST);
            let off = level - *mean;
            *mean += new * off;
            *variance += new * (off * (level - *mean) - *variance);
            change += (level - *before).abs();
            *before = level;
        }
        let index = (f.index() / 2) as u32;
        if self.last_loud.wrapping_add(1) == index {
            self.pairs = (self.pairs + 1).min(MEMORY);
            self.change += (change / THIRDS as f32 - self.change) / f32::from(self.pairs);
        }
        self.last_loud = index;
        if self.loud >= plan.needed && (self.loud - plan.needed).is_multiple_of(SECOND) {
            self.judge(plan, mem, f.end(), false, out);
        }
    }

    fn finish(&mut self, plan: &Plan, mem: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        if self.loud >= plan.needed {
            self.judge(plan, mem, end.samples, true, out);
        }
        if let Some((event, hz)) = self.limited.take() {
            out.close(&BAND_LIMITED, event, plan.limited(hz, end.samples));
        }
        if let Some((event, hz, suspicion)) = self.label.take() {
            out.close(&RATE_LABEL, event, plan.label(hz, suspicion, end.samples));
        }
    }

    fn output(&self, plan: &Plan, mem: &[f32]) -> BandwidthOutput {
        const LITTLE: Value = Value::Undefined("not enough loud speech");
        let (power, levels) = mem.split_at(LINEAR.min(mem.len()));
        let (Some(edge), true) = (edge(power), self.loud >= plan.needed) else {
            return BandwidthOutput {
                effective_bandwidth_hz: LITTLE,
                bandwidth_ratio: LITTLE,
                edge_db: LITTLE,
                rate_suspicion_ratio: LITTLE,
                likely_rate_hz: LITTLE,
                shift_octaves_ratio: LITTLE,
            };
        };
        let shift = shift(levels, self.change);
        let suspicion = suspicion(shift);
        let likely = if suspicion >= plan.config.suspicion_ratio { plan.likely_hz(shift) } else { plan.rate_hz };
        BandwidthOutput {
            effective_bandwidth_hz: Value::Number(plan.ratio(&edge) * 0.5 * plan.rate_hz),
            bandwidth_ratio: Value::Number(plan.ratio(&edge)),
            edge_db: Value::Number(edge.fall_db),
            rate_suspicion_ratio: Value::Number(suspicion),
            likely_rate_hz: Value::Number(likely),
            shift_octaves_ratio: Value::Number(shift),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::units::db_power;

    #[test]
    fn the_edge_is_where_the_floor_begins_and_a_slope_has_none() {
        let wall: Vec<f32> = (0..LINEAR).map(|g| if g < 16 { 1e-5 } else { 1e-10 }).collect();
        let found = edge(&wall).expect("a fall");
        assert_eq!(found.bands, 16);
        assert!((found.fall_db - 50.0).abs() < 1e-3, "single precision: {}", found.fall_db);
        let slope: Vec<f32> = (0..LINEAR).map(|g| db_power(-40.0 - g as f64) as f32).collect();
        let found = edge(&slope).expect("it falls");
        assert!(found.fall_db < 6.0, "one decibel a band: {}", found.fall_db);
        assert!(edge(&[1e-5; LINEAR]).is_none(), "flat up to the end");
    }

    #[test]
    fn logarithms_are_near_enough() {
        for i in 0..1000 {
            let x = 1e-11 * 1.03f32.powi(i);
            assert!((log2(x) - x.log2()).abs() < 0.01, "a parabola over the chord: {x}");
        }
    }

    #[test]
    fn the_guess_is_a_usual_rate_on_the_right_side() {
        let shape = StreamShape { rate: crate::units::SampleRate::new(24_000).expect("in range"), channels: 1 };
        let plan = Bandwidth::plan(&BandwidthConfig::default(), &shape).expect("defaults");
        assert_eq!(plan.likely_hz(0.585), 16_000.0);
        assert_eq!(plan.likely_hz(1.6), 8_000.0);
        assert_eq!(plan.likely_hz(-1.0), 48_000.0);
        assert_eq!(plan.likely_hz(0.01), 16_000.0, "never the label itself, nor 22.05");
    }
}
