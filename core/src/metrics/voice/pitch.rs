//! Pitch: how high a voice speaks, how far it moves, and whether it stays itself.
//!
//! ## What it measures
//! Median and range of the fundamental frequency, the share of active hops that are voiced, and how far the voice has moved
//! from where it began.
//!
//! ## Why it matters for speech
//! A long generation may drift into another voice, and a chunk generated apart may come out in one. A flat range is a voice
//! that reads without melody; no voiced hop at all is a whisper, or noise.
//!
//! ## Method
//! Normalised cross-correlation of 20 ms of the low-passed downmix, 60 to 500 Hz, every 40 ms; a hop counts as voiced from a
//! correlation of 0.5 on. Percentiles come from a histogram of 32 bins an octave, straight within a bin. Drift: the first
//! `start_s` of voiced speech are the reference; a cumulative sum of the deviation beyond half of `drift_semitones` dates
//! the change and reports it once it has lasted for `sustain_s` of voiced speech at that deviation.
//!
//! ## Reading the value
//! Men 80 to 160 Hz, women 160 to 260 Hz, children higher. Lively reading spans 6 to 12 semitones between p10 and p90.
//!
//! ## Limits
//! A hint, never an alarm alone: a question, a quotation, a second speaker and a change of mood move the pitch as much as a
//! fault does, and a new voice of the same pitch is not seen. Of 21,401 hops of 21 voices that Praat and pyworld agree on, 98.8 %
//! are called voiced and 1.6 % of these read more than a fifth off, mostly by an octave. Creaky voice reads an octave low or as unvoiced.

use crate::error::ConfigError;
use crate::features::FrameView;
use crate::finding::{EventId, Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness, Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};

params! { PitchConfig {
    start_s: Seconds = 4.0 in 0.5 ..= 600.0, "The first voiced speech, this long, is what later speech is compared with.";
    drift_semitones: Semitones = 4.0 in 0.5 ..= 24.0, "A voice that has moved this far from where it began is a finding.";
    sustain_s: Seconds = 3.0 in 0.2 ..= 600.0, "Voiced speech it takes to believe it.";
} }

fields! { PitchOutput {
    1 median_hz: Hz, Exact, "Median fundamental frequency of voiced hops.";
    2 p10_hz: Hz, Exact, "Nine tenths of voiced hops are above this.";
    3 p90_hz: Hz, Exact, "Nine tenths of voiced hops are below this.";
    4 range_semitones: Semitones, Exactness::LIBM, "From p10 to p90.";
    5 voiced_ratio: Ratio, Exact, "Share of active hops that are voiced.";
    6 drift_semitones: Semitones, Exactness::LIBM, "Mean pitch of the last few seconds of voiced speech above that of the first.";
} }

const DRIFT: KindSpec = KindSpec {
    id: 1,
    name: "drift",
    unit: Unit::Semitones,
    max_delay_ms: 60_000,
    message: "the voice has moved by {value} semitones from where it began",
};

/// Bins an octave, as a power of two: the top of the mantissa is the place in the octave, without a logarithm.
const SHIFT: u32 = 18;
const FIRST: u32 = 60f32.to_bits() >> SHIFT;
const BINS: usize = ((500f32.to_bits() >> SHIFT) - FIRST + 1) as usize;

/// How much of the newest voiced hop goes into the recent mean: 3 s of voiced speech.
const RECENT: f32 = 1.0 / 75.0;

pub(crate) struct Pitch {
    bins: [u16; BINS],
    active: u32,
    voiced: u32,
    /// The sum of the reference while it is made, in semitones above 60 Hz; then its mean.
    start: f32,
    recent: f32,
    /// Cumulative sums of the deviation upwards and downwards, and where each left zero.
    sums: [f32; 2],
    since: [u64; 2],
    open: Option<(EventId, bool)>,
}

pub(crate) struct Plan {
    config: PitchConfig,
    start_hops: u32,
    drift: f32,
    /// The sum at which a change is believed.
    enough: f32,
}

/// The pitch is looked for every 40 ms.
const HOPS_PER_S: f64 = 25.0;

impl Plan {
    fn occurrence(&self, start: u64, end: u64, value: f32) -> Occurrence {
        let (value, threshold) = (f64::from(value), self.config.drift_semitones);
        Occurrence { start, end, severity: Severity::Info, value, threshold, channel_mask: 0 }
    }
}

impl Pitch {
    fn count(&mut self, hz: f32) {
        let bin = ((hz.to_bits() >> SHIFT).saturating_sub(FIRST) as usize).min(BINS - 1);
        self.bins[bin] += 1;
        if self.bins[bin] == u16::MAX {
            self.bins.iter_mut().for_each(|n| *n /= 2);
        }
    }

    fn percentile(&self, share: f64) -> Option<f64> {
        let total: f64 = self.bins.iter().map(|&n| f64::from(n)).sum();
        let edge = |bin: usize| f64::from(f32::from_bits((FIRST + bin as u32) << SHIFT));
        let mut left = share * total;
        for (bin, &n) in self.bins.iter().enumerate() {
            if n > 0 && left <= f64::from(n) {
                return Some(edge(bin) + (edge(bin + 1) - edge(bin)) * left / f64::from(n));
            }
            left -= f64::from(n);
        }
        None
    }

    fn follow(&mut self, plan: &Plan, hz: f32, now: u64, out: &mut Sink<'_>) {
        let height = 12.0 * (hz / 60.0).log2();
        if self.voiced <= plan.start_hops {
            self.start += height;
            if self.voiced == plan.start_hops {
                self.start /= plan.start_hops as f32;
                self.recent = self.start;
            }
            return;
        }
        self.recent += (height - self.recent) * RECENT;
        let off = (height - self.start).clamp(-1.5 * plan.drift, 1.5 * plan.drift);
        for (side, sign) in [1.0, -1.0].into_iter().enumerate() {
            if self.sums[side] == 0.0 {
                self.since[side] = now;
            }
            self.sums[side] = (self.sums[side] + sign * off - 0.5 * plan.drift).clamp(0.0, plan.enough);
            let occurrence = |p: &Self| plan.occurrence(p.since[side], now, p.recent - p.start);
            match self.open {
                None if self.sums[side] >= plan.enough
                    && 8.0 * sign * (self.recent - self.start) >= 7.0 * plan.drift =>
                {
                    self.open = Some((out.open(&DRIFT, occurrence(self)), side == 1));
                }
                Some((event, low)) if low == (side == 1) && self.sums[side] == 0.0 => {
                    out.close(&DRIFT, event, occurrence(self));
                    self.open = None;
                }
                _ => {}
            }
        }
    }
}

impl Metric for Pitch {
    const SPEC: MetricSpec = MetricSpec {
        id: 21,
        name: "pitch",
        revision: 1,
        summary: "Median and range of the fundamental frequency; whether the voice drifts",
        definition: "Otoscope: normalised cross-correlation, 60 to 500 Hz, every 40 ms",
        on: true,
        needs: Needs::PITCH,
        params: PitchConfig::PARAMS,
        fields: PitchOutput::FIELDS,
        kinds: &[DRIFT],
    };
    type Config = PitchConfig;
    type Output = PitchOutput;
    type Plan = Plan;

    fn plan(config: &PitchConfig, _: &StreamShape) -> Result<Plan, ConfigError> {
        Ok(Plan {
            start_hops: (config.start_s * HOPS_PER_S) as u32,
            drift: config.drift_semitones as f32,
            enough: (0.5 * config.drift_semitones * config.sustain_s * HOPS_PER_S) as f32,
            config: config.clone(),
        })
    }

    fn new(_: &Plan) -> Self {
        Self {
            bins: [0; BINS],
            active: 0,
            voiced: 0,
            start: 0.0,
            recent: 0.0,
            sums: [0.0; 2],
            since: [0; 2],
            open: None,
        }
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        let Some(pitch) = f.pitch().filter(|_| f.voice_is_active()) else { return };
        self.active = self.active.saturating_add(1);
        if pitch.is_voiced() {
            self.voiced = self.voiced.saturating_add(1);
            self.count(pitch.hz);
            self.follow(plan, pitch.hz, f.start(), out);
        }
    }

    fn finish(&mut self, plan: &Plan, _: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        if let Some((event, low)) = self.open.take() {
            let since = self.since[usize::from(low)];
            out.close(&DRIFT, event, plan.occurrence(since, end.samples, self.recent - self.start));
        }
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> PitchOutput {
        const NO_VOICE: &str = "no voiced hop";
        let at = |share| self.percentile(share);
        let range = at(0.9).zip(at(0.1)).map(|(high, low)| 12.0 * (high / low).log2());
        let drift = (self.voiced > plan.start_hops).then(|| f64::from(self.recent - self.start));
        PitchOutput {
            median_hz: Value::some_or(at(0.5), NO_VOICE),
            p10_hz: Value::some_or(at(0.1), NO_VOICE),
            p90_hz: Value::some_or(at(0.9), NO_VOICE),
            range_semitones: Value::some_or(range, NO_VOICE),
            voiced_ratio: Value::finite(f64::from(self.voiced) / f64::from(self.active), "no active hop"),
            drift_semitones: Value::some_or(drift, "not enough voiced speech to compare with"),
        }
    }
}
