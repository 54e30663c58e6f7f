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
//! does. The rate (Otoscope): of the vowels (loud spectra with a period) the levels of 14 bands of a third of an octave, 110 Hz to
//! 2.2 kHz, are correlated with those two, four and six bands higher. Which bands rise and fall together follows from the range in
//! which each formant moves; a wrong label moves these ranges along the axis, by 0.58 octave for 16 kHz labelled 24 kHz, while an
//! equaliser, which adds a constant to each band, changes nothing. To these 30 correlations come two measures of tempo: the change of level
//! from one vowel spectrum to the next, and how often the loudness has a peak. A ridge regression reads the shift from them. It is
//! judged every half second of vowels after `voiced_s`; a voice is suspect from 0.20 octave on plus three over the root of the number of
//! vowel spectra (at most 900): 0.50 after two seconds of vowels, 0.30 after eighteen. Two judgements in a row make a finding.
//!
//! ## Reading the value
//! `bandwidth_ratio` of full-band speech is above 0.9; 0.33, 0.5 and 0.67 are speech from a third, half or two thirds of the rate; 0.87 at 16 kHz is
//! G.722. `rate_suspicion_ratio` above 0.5 is a finding, near 0 is usual. `shift_octaves` is the shift
//! itself, read too small: 1.5 times too fast reads 0.4 in the mean, twice or more 0.6, half -0.6. The guess of the rate is
//! therefore sure in its direction only.
//!
//! ## Limits
//! Voices differ by up to 0.22 octave either way in what is read, and some hardly answer to a label of 1.5 times (0.04 to 0.2: joined prompts of
//! telephone voices). The weights come from twelve voices of the tuning half, 42 of espeak-ng and three of Festival; the form of the limit and
//! its figures were set with the judging voices seen, so that their false alarms flatter. Of takes of 12 s and more two thirds are
//! found at 1.5 times, nine in ten at twice, two thirds and half. With each speaker or engine left out of the fit in turn it is
//! 73 % at 1.5 times at 0.4 false alarms an hour; 80 % would cost 4. 22.05 for 24 kHz and 44.1 for 48 kHz (8.8 %) cannot
//! be told without knowing the voice: compare `shift_octaves` with that of the same voice before. Pitch did not help: a child,
//! and many a synthetic voice, has that of a man played too fast. Codecs that leave noise above their edge (G.722) show no
//! sharp one. Singing, music and cartoon voices are beyond what it knows.

use crate::error::ConfigError;
use crate::features::{FrameView, level};
use crate::finding::{EventId, Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::simd::{BinSums, Simd};
use crate::spec::{Exactness, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::power_db;

params! { BandwidthConfig {
    edge_db: Db = 20.0 in 6.0 ..= 120.0, "How far the spectrum must fall within three bands for the edge of a filter.";
    full_ratio: Ratio = 0.8 in 0.1 ..= 1.0, "From this share of half the rate on the band counts as full.";
    voiced_s: Seconds = 2.0 in 0.5 ..= 600.0, "How much loud speech, and how much of vowels, must be heard before anything is said of the edge and the rate.";
    suspicion_ratio: Ratio = 0.5 in 0.01 ..= 1.0, "From this suspicion on the rate is a finding.";
    error_ratio: Ratio = 0.9 in 0.01 ..= 1.0, "From this suspicion on it is an error rather than a warning.";
} }

fields! { BandwidthOutput {
    1 effective_bandwidth_hz: Hz, Exactness::Abs(1.0), "Where the long-term spectrum comes down to its floor.";
    2 bandwidth_ratio: Ratio, Exactness::Abs(1e-3), "The same as a share of half the sample rate.";
    3 edge_db: Db, Exactness::Abs(0.5), "How far the spectrum falls there within three bands.";
    4 rate_suspicion_ratio: Ratio, Exactness::Abs(0.02), "How much the voice sounds like one with a wrong sample rate.";
    5 likely_rate_hz: Hz, Exactness::Abs(1.0), "The usual rate at which the voice would sound most like one.";
    6 shift_octaves: Octaves, Exactness::Abs(0.01), "By how many octaves the voice seems too fast (positive) or too slow.";
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
/// Bands of a third of an octave; the lowest is centred at 110 Hz.
const THIRDS: usize = 14;
const LOWEST_THIRD_HZ: f64 = 110.0;
/// How many bands apart the two of a pair are, and how many such pairs there are.
const APART: [usize; 3] = [2, 4, 6];
const PAIRS: usize = 3 * THIRDS - (2 + 4 + 6);
/// Every second band says how fast the voice changes.
const WATCHED: usize = THIRDS / 2;
/// What the slab holds: mean powers; means and variances of levels; their products in pairs; the levels before.
const SLAB: usize = LINEAR + 2 * THIRDS + PAIRS + WATCHED;
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
/// A power of nothing, so that products of two stay above zero: -70 dBFS.
const LEAST_POWER: f32 = 1e-7;
/// From this correlation of periods on a spectrum is one of a vowel.
const VOICED: f32 = 0.6;
/// Voiced spectra between two judgements.
const JUDGED: u32 = 25;
/// The floor is what lies within this ratio (10 dB) of the lowest band.
const FLOOR: f32 = 10.0;

/// Octaves of shift for each correlation of a pair, for each octave of change and of rate; then the constant.
const PAIR_WEIGHTS: [f64; PAIRS] = [
    -0.0999, -0.0276, 0.0420, -0.0082, -0.0848, -0.2080, -0.0897, -0.0558, 0.0116, 0.0487, 0.0986, -0.0200, 0.0889,
    0.1262, 0.1700, 0.1706, 0.0171, 0.1074, 0.1269, 0.1243, 0.0236, -0.0225, 0.2012, 0.1401, 0.1865, 0.0330, 0.0445,
    -0.0147, -0.0671, -0.1488,
];
const CHANGE_WEIGHT: f64 = 0.2928;
const PEAKS_WEIGHT: f64 = 0.2928;
const CONSTANT: f64 = 0.9184;
/// Sound voices differ by this many octaves, and a voice from itself by `SCATTER` over the root of the spectra heard; more than
/// `ENOUGH` of them say nothing new about a voice. How gradually a voice is suspected from there on.
const DIFFERENT: f64 = 0.20;
const SCATTER: f64 = 3.0;
const ENOUGH: u32 = 900;
const SOFTNESS: f64 = 0.06;

/// How much the level of a band varies in speech at least, in squared octaves of power: a standard deviation of 2 dB.
const LIVELY: f32 = 0.44;
/// What ends below this is a tone, not speech with an edge.
const SPEECH_HZ: f64 = 2000.0;

/// The rates a guess may name.
const USUAL_HZ: [f64; 9] = [8e3, 11_025.0, 12e3, 16e3, 22_050.0, 24e3, 32e3, 44_100.0, 48e3];

pub(crate) struct Bandwidth {
    loudest: f32,
    heard: u16,
    /// How often the loudness has a peak, for each spectrum; the last three powers, and whether they rose.
    peaks: f32,
    powers: [f32; 3],
    rises: bool,
    /// Loud spectra.
    loud: u32,
    /// Loud voiced spectra, the last of them, how many followed another, and the mean change of level between such two.
    voiced: u32,
    last_voiced: u32,
    pairs: u16,
    change: f32,
    suspected: bool,
    vowel: bool,
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

/// Which bands go together, whatever an equaliser does to each.
fn correlations(moments: &[f32]) -> impl Iterator<Item = f64> {
    let variances = moments.get(THIRDS..2 * THIRDS).unwrap_or_default();
    let products = moments.get(2 * THIRDS..2 * THIRDS + PAIRS).unwrap_or_default();
    let pairs = APART.iter().flat_map(|&k| variances.iter().zip(variances.iter().skip(k)));
    pairs.zip(products).map(|((&a, &b), &p)| f64::from(p) / f64::from((a * b).max(1e-9)).sqrt())
}

/// Octaves by which the voice seems too fast.
fn shift(moments: &[f32], change: f32, peaks: f32) -> f64 {
    let pairs: f64 = correlations(moments).zip(PAIR_WEIGHTS).map(|(c, w)| w * c).sum();
    let tempo = CHANGE_WEIGHT * f64::from(change.max(0.01)).log2() + PEAKS_WEIGHT * f64::from(peaks.max(0.01)).log2();
    pairs + tempo + CONSTANT
}

/// How suspect a shift read from so many voiced spectra is.
fn suspicion(shift: f64, voiced: u32) -> f64 {
    let limit = DIFFERENT + SCATTER / f64::from(voiced.clamp(1, ENOUGH)).sqrt();
    1.0 / (1.0 + ((limit - shift.abs()) / SOFTNESS).exp())
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

    /// The level in each third, in octaves of power.
    fn levels(&self, simd: Simd, power: &[f32]) -> [f32; THIRDS] {
        let mut bands = [0.0; THIRDS];
        simd.bin_sums(&self.thirds, power, &mut bands);
        bands.map(|band| log2(band + SMALLEST))
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
    /// Takes the levels of a voiced spectrum into the moments of those levels relative to their mean.
    fn learn(&mut self, moments: &mut [f32], levels: &[f32; THIRDS], index: u32) {
        let (means, others) = moments.split_at_mut(THIRDS.min(moments.len()));
        let (variances, others) = others.split_at_mut(THIRDS.min(others.len()));
        let (products, before) = others.split_at_mut(PAIRS.min(others.len()));
        let mut change = 0.0;
        for (before, &level) in before.iter_mut().zip(levels.iter().step_by(2)) {
            change += (level - *before).abs();
            *before = level;
        }
        if self.last_voiced.wrapping_add(1) == index {
            self.pairs = (self.pairs + 1).min(MEMORY);
            self.change += (change / WATCHED as f32 - self.change) / f32::from(self.pairs);
        }
        self.last_voiced = index;
        let new = 1.0 / self.voiced.min(MEMORY.into()) as f32;
        let mean = levels.iter().sum::<f32>() / THIRDS as f32;
        let mut off = [0.0; THIRDS];
        for (((off, level), mu), variance) in off.iter_mut().zip(levels).zip(means).zip(variances) {
            *off = level - mean - *mu;
            *mu += new * *off;
            *variance += new * ((1.0 - new) * *off * *off - *variance);
        }
        let pairs = APART.iter().flat_map(|&k| off.iter().zip(off.iter().skip(k)));
        for (product, (a, b)) in products.iter_mut().zip(pairs) {
            *product += new * ((1.0 - new) * a * b - *product);
        }
    }

    /// Looks for an edge in all that was heard.
    fn judge_edge(&mut self, plan: &Plan, mem: &[f32], now: u64, out: &mut Sink<'_>) {
        if self.limited.is_none()
            && let Some(edge) = edge(mem.get(..LINEAR).unwrap_or_default())
            && edge.fall_db >= plan.config.edge_db
            && plan.ratio(&edge) < plan.config.full_ratio
            && plan.ratio(&edge) * 0.5 * plan.rate_hz >= SPEECH_HZ
        {
            let hz = (plan.ratio(&edge) * 0.5 * plan.rate_hz) as f32;
            self.limited = Some((out.open(&BAND_LIMITED, plan.limited(hz, now)), hz));
        }
    }

    /// Looks at all vowels that were heard; the rate must be suspect twice in a row, or once when no more comes.
    fn judge_rate(&mut self, plan: &Plan, mem: &[f32], now: u64, last: bool, out: &mut Sink<'_>) {
        // A held tone has a pitch and no vowels.
        let variances = mem.get(LINEAR + THIRDS..LINEAR + 2 * THIRDS).unwrap_or_default();
        if variances.iter().sum::<f32>() < LIVELY * THIRDS as f32 {
            self.suspected = false;
            return;
        }
        let shift = shift(mem.get(LINEAR..).unwrap_or_default(), self.change, self.peaks);
        let suspicion = suspicion(shift, self.voiced);
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
        definition: "Otoscope: edge of the long-term spectrum; regression of what goes together in the vowels' third-octave levels, and of tempo, on the shift",
        on: true,
        needs: Needs::SPECTRUM.and(Needs::PITCH),
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
            peaks: 0.0,
            powers: [0.0; 3],
            rises: false,
            loud: 0,
            voiced: 0,
            last_voiced: 0,
            pairs: 0,
            change: 0.0,
            suspected: false,
            vowel: false,
            limited: None,
            label: None,
        }
    }

    fn update(&mut self, plan: &Plan, mem: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        let Some(power) = f.spectrum() else { return };
        // The pitch comes with every other spectrum, and holds for the one after it.
        if let Some(pitch) = f.pitch() {
            self.vowel = pitch.strength >= VOICED;
        }
        let total = (f.mix().energy / f.len().max(1) as f64) as f32;
        self.loudest = (self.loudest * LOUDEST_FALL).max(total);
        let ([a, b, c], newest) = (self.powers, total.max(LEAST_POWER));
        self.powers = [b, c, newest];
        let rises = c * newest > a * b;
        let peak = core::mem::replace(&mut self.rises, rises) && !rises;
        if total < LEAST || total < self.loudest * HEARD {
            return;
        }
        self.heard = (self.heard + 1).min(MEMORY);
        let new = 1.0 / f32::from(self.heard);
        self.peaks += new * (f32::from(u8::from(peak)) - self.peaks);
        let mut bands = [0.0; LINEAR];
        f.simd().bin_sums(&plan.linear, power, &mut bands);
        mem.iter_mut().zip(bands).for_each(|(mean, band)| *mean += new * (band - *mean));
        if total < self.loudest * LOUD {
            return;
        }
        self.loud = self.loud.saturating_add(1);
        if self.loud >= plan.needed && (self.loud - plan.needed).is_multiple_of(SECOND) {
            self.judge_edge(plan, mem, f.end(), out);
        }
        if !self.vowel {
            return;
        }
        self.voiced = self.voiced.saturating_add(1);
        self.learn(mem.get_mut(LINEAR..).unwrap_or_default(), &plan.levels(f.simd(), power), (f.index() / 2) as u32);
        if self.voiced >= plan.needed && (self.voiced - plan.needed).is_multiple_of(JUDGED) {
            self.judge_rate(plan, mem, f.end(), false, out);
        }
    }

    fn finish(&mut self, plan: &Plan, mem: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        if self.loud >= plan.needed {
            self.judge_edge(plan, mem, end.samples, out);
        }
        if self.voiced >= plan.needed {
            self.judge_rate(plan, mem, end.samples, true, out);
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
        let edge = edge(mem.get(..LINEAR).unwrap_or_default()).filter(|_| self.loud >= plan.needed);
        let of_edge = |value: fn(&Plan, &Edge) -> f64| edge.as_ref().map_or(LITTLE, |e| Value::Number(value(plan, e)));
        let shift = shift(mem.get(LINEAR..).unwrap_or_default(), self.change, self.peaks);
        let suspicion = suspicion(shift, self.voiced);
        let likely = if suspicion >= plan.config.suspicion_ratio { plan.likely_hz(shift) } else { plan.rate_hz };
        let of_rate = |value: f64| if self.voiced >= plan.needed { Value::Number(value) } else { LITTLE };
        BandwidthOutput {
            effective_bandwidth_hz: of_edge(|plan, e| plan.ratio(e) * 0.5 * plan.rate_hz),
            bandwidth_ratio: of_edge(Plan::ratio),
            edge_db: of_edge(|_, e| e.fall_db),
            rate_suspicion_ratio: of_rate(suspicion),
            likely_rate_hz: of_rate(likely),
            shift_octaves: of_rate(shift),
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
    fn levels_that_move_together_correlate_whatever_their_gain() {
        let shape = StreamShape { rate: crate::units::SampleRate::new(24_000).expect("in range"), channels: 1 };
        let plan = Bandwidth::plan(&BandwidthConfig::default(), &shape).expect("defaults");
        // Four independent signs, each combination equally often, move the bands; bands four apart have the same one.
        let heard = |gain: fn(usize) -> f32| {
            let (mut state, mut moments) = (Bandwidth::new(&plan), vec![0.0; SLAB - LINEAR]);
            for n in 0..1600u32 {
                state.voiced += 1;
                let levels = core::array::from_fn(|i| gain(i) + if n >> (i % 4) & 1 == 1 { 1.0 } else { -1.0 });
                state.learn(&mut moments, &levels, n);
            }
            correlations(&moments).collect::<Vec<f64>>()
        };
        let flat = heard(|_| 0.0);
        let (two, four) = (&flat[..12], &flat[12..22]);
        assert!(four.iter().all(|c| (c - 1.0).abs() < 1e-3), "the same sign, in single precision: {four:?}");
        assert!(two.iter().chain(&flat[22..]).all(|&c| c < 0.0), "the mean of all counts against strangers: {flat:?}");
        let tilted = heard(|i| 10.0 - 1.5 * i as f32);
        let off = flat.iter().zip(&tilted).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
        assert!(off < 1e-2, "a tilt changes nothing but roundings: {off}");
    }

    #[test]
    fn a_stream_remembers_little() {
        let bytes = size_of::<Bandwidth>() + size_of::<f32>() * SLAB;
        assert!(bytes <= 460, "{bytes}");
    }

    #[test]
    fn the_more_is_heard_the_less_makes_suspect() {
        assert!(suspicion(0.45, 100) < 0.5 && suspicion(0.45, 400) > 0.5);
        assert!((suspicion(0.30, 900) - 0.5).abs() < 1e-9, "0.20 and 3 over 30: the limit itself");
        assert_eq!(suspicion(-0.3, 5_000), suspicion(0.3, 900), "either way, and no less than that");
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
