//! Timbre: whether the voice still sounds as it began.
//!
//! ## What it measures
//! How far the long-term spectrum of recent voiced speech lies from that of the stream's own start, whatever the level, and
//! whether it turned bright or dull.
//!
//! ## Why it matters for speech
//! Long generations grow muffled or metallic, or slip into another speaker; chunks generated apart do so at an edge.
//!
//! ## Method
//! Twenty bands from 100 Hz to 8 kHz (or 0.45 of the rate), equally wide on the mel scale, every 40 ms of voiced speech; their
//! levels, less the mean of all twenty. The mean of the first `start_s` of voiced speech against an exponential mean of the
//! last: their mean absolute difference is the distance. A drift begins where the distance last passed half of `drift_db`, is
//! reported at `drift_db`, and ends when it is below half again.
//!
//! ## Reading the value
//! One voice in one room stays within 3 dB of itself; another voice is 4 dB or more away.
//!
//! ## Limits
//! A hint, never an alarm alone. What is said moves it: a few seconds hold only some of the sounds there are. A new voice of
//! the same colour is not seen; who speaks is not decided here. Levels are logarithms straight between powers of two, which
//! read up to 0.3 dB low.

use crate::error::ConfigError;
use crate::features::{BANDS, FrameView, level};
use crate::finding::{EventId, Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};

params! { TimbreConfig {
    start_s: Seconds = 5.0 in 0.5 ..= 600.0, "The first voiced speech, this long, is what later speech is compared with.";
    recent_s: Seconds = 4.0 in 0.5 ..= 600.0, "Time constant of the mean of the last voiced speech.";
    drift_db: Db = 4.0 in 0.5 ..= 60.0, "A distance from this on is a finding.";
} }

fields! { TimbreOutput {
    1 distance_db: Db, Exactness::Abs(0.01), "Mean absolute difference of the twenty bands between the last voiced speech and the first.";
    2 largest_db: Db, Exactness::Abs(0.01), "The largest distance so far.";
    3 tilt_db: Db, Exactness::Abs(0.01), "How much the upper ten bands rose against the lower ten since the start.";
} }

const DRIFT: KindSpec = KindSpec {
    id: 1,
    name: "drift",
    unit: Unit::Db,
    max_delay_ms: 60_000,
    message: "the voice sounds otherwise than it began, by {value} dB in the mean of its bands",
};

/// The pitch is looked for every 40 ms.
const HOPS_PER_S: f64 = 25.0;
/// A binary order of power.
const OCTAVE_DB: f32 = 3.010_3;
/// Bands this far below the whole (-80 dB) are as good as empty.
const EMPTY: f32 = 1e-8;

pub(crate) struct Timbre {
    start: [f32; BANDS],
    recent: [f32; BANDS],
    voiced: u32,
    largest: f32,
    /// Where the distance last passed half of the limit upwards.
    since: Option<u64>,
    open: Option<EventId>,
    /// The largest distance of the open finding.
    worst: f32,
}

pub(crate) struct Plan {
    config: TimbreConfig,
    start_hops: u32,
    pace: f32,
    drift: f32,
}

impl Plan {
    fn occurrence(&self, start: u64, end: u64, value: f32) -> Occurrence {
        let (value, threshold) = (f64::from(value), self.config.drift_db);
        Occurrence { start, end, severity: Severity::Info, value, threshold, channel_mask: 0 }
    }
}

impl Timbre {
    fn distance(&self) -> f32 {
        let sum: f32 = self.start.iter().zip(&self.recent).map(|(a, b)| (a - b).abs()).sum();
        OCTAVE_DB / BANDS as f32 * sum
    }

    fn follow(&mut self, plan: &Plan, now: u64, out: &mut Sink<'_>) {
        let distance = self.distance();
        self.largest = self.largest.max(distance);
        if 2.0 * distance < plan.drift {
            if let (Some(event), Some(since)) = (self.open.take(), self.since) {
                out.close(&DRIFT, event, plan.occurrence(since, now, self.worst));
            }
            self.since = None;
            return;
        }
        let since = *self.since.get_or_insert(now);
        if self.open.is_some() {
            self.worst = self.worst.max(distance);
        } else if distance >= plan.drift {
            self.worst = distance;
            self.open = Some(out.open(&DRIFT, plan.occurrence(since, now, distance)));
        }
    }
}

impl Metric for Timbre {
    const SPEC: MetricSpec = MetricSpec {
        id: 22,
        name: "timbre",
        revision: 1,
        summary: "Whether the voice still sounds as it began",
        definition: "Otoscope: long-term spectrum of voiced speech in twenty mel bands against the stream's own start",
        on: true,
        needs: Needs::BANDS.and(Needs::PITCH),
        params: TimbreConfig::PARAMS,
        fields: TimbreOutput::FIELDS,
        kinds: &[DRIFT],
    };
    type Config = TimbreConfig;
    type Output = TimbreOutput;
    type Plan = Plan;

    fn plan(config: &TimbreConfig, _: &StreamShape) -> Result<Plan, ConfigError> {
        Ok(Plan {
            start_hops: (config.start_s * HOPS_PER_S) as u32,
            pace: (1.0 / (config.recent_s * HOPS_PER_S)) as f32,
            drift: config.drift_db as f32,
            config: config.clone(),
        })
    }

    fn new(_: &Plan) -> Self {
        Self { start: [0.0; BANDS], recent: [0.0; BANDS], voiced: 0, largest: 0.0, since: None, open: None, worst: 0.0 }
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        let (Some(bands), Some(pitch)) = (f.bands(), f.pitch()) else { return };
        if !pitch.is_voiced() {
            return;
        }
        let least = EMPTY * bands.iter().sum::<f32>();
        let mut levels = bands.map(|b| level(b.max(least)));
        let mean = levels.iter().sum::<f32>() / BANDS as f32;
        levels.iter_mut().for_each(|l| *l -= mean);
        self.voiced = self.voiced.saturating_add(1);
        if self.voiced <= plan.start_hops {
            let share = 1.0 / self.voiced as f32;
            self.start.iter_mut().zip(&levels).for_each(|(s, l)| *s += (l - *s) * share);
            self.recent = self.start;
        } else {
            self.recent.iter_mut().zip(&levels).for_each(|(r, l)| *r += (l - *r) * plan.pace);
            self.follow(plan, f.start(), out);
        }
    }

    fn finish(&mut self, plan: &Plan, _: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        if let (Some(event), Some(since)) = (self.open.take(), self.since) {
            out.close(&DRIFT, event, plan.occurrence(since, end.samples, self.worst));
        }
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> TimbreOutput {
        let value = |x: f32| {
            let x = (self.voiced > plan.start_hops).then_some(f64::from(x));
            Value::some_or(x, "not enough voiced speech to compare with")
        };
        let rise = |half: core::ops::Range<usize>| half.map(|b| self.recent[b] - self.start[b]).sum::<f32>();
        TimbreOutput {
            distance_db: value(self.distance()),
            largest_db: value(self.largest),
            tilt_db: value(OCTAVE_DB / (BANDS / 2) as f32 * (rise(BANDS / 2..BANDS) - rise(0..BANDS / 2))),
        }
    }
}
