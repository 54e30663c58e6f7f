//! Speech level: how loud the voice is while it speaks, as telephony counts it.
//!
//! ## What it measures
//! The active speech level of ITU-T P.56, the share of the time that is active, and the level over all of the time.
//!
//! ## Why it matters for speech
//! Pauses pull the plain RMS of a recording down by several decibels, and every reader pauses differently. Telephone networks,
//! codec tests and speech corpora are levelled by this figure (-26 dBov is the usual target), because two voices of the
//! same active level can be compared.
//!
//! ## Method
//! ITU-T P.56 (12/2011) method B on the downmix. The magnitude is smoothed twice with a time constant of 30 ms. For each of
//! 15 thresholds, halving from 0.5 full scale, the time is counted in which this envelope is at the threshold, or was
//! within the last 200 ms. Each threshold so gives a level: all energy over that time. The active level is the one that
//! lies 15.9 dB over its threshold, interpolated in decibels between the two nearest. The envelope is computed exactly, but
//! held against the thresholds four times a hop, every 2.5 ms or so: within 0.01 dB of doing so at every sample.
//!
//! ## Reading the value
//! `active_dbfs` is in dBov, which is our dBFS of an RMS: 0 is a full-scale square wave, a full-scale sine is -3.01. It is
//! the long-term level minus 10 log10 of the activity, always. Our clips of read speech are active for 83 to 98 % of the
//! time.
//!
//! ## Limits
//! There is no input filter, so hum and offset count as energy. Noise within 15.9 dB of the speech counts as speech; the
//! Recommendation asks for a better ratio. Other tools interpolate with a tolerance of 0.5 dB and agree to that. Below
//! -74 dBov nothing can be said, nor of clicks. Under some 2 s the hangover weighs more than the voice.

use crate::dsp::envelope::{Envelope, POINTS};
use crate::error::ConfigError;
use crate::features::FrameView;
use crate::finding::Sink;
use crate::metrics::{Metric, StreamShape};
use crate::spec::{Exactness, Fields, MetricSpec, Needs, Params, Value};
use crate::units::{amplitude_db, db_power, power_db};

params! { SpeechLevelConfig {} }

/// One block that falls on the other side of a threshold, in half a second of activity.
const ONE_BLOCK: Exactness = Exactness::Abs(0.02);

fields! { SpeechLevelOutput {
    1 active_dbfs: Dbfs, ONE_BLOCK, "Active speech level in dBov; a full-scale sine is -3.01.";
    2 activity_ratio: Ratio, Exactness::Abs(0.005), "Share of the time that is active.";
    3 long_term_dbfs: Dbfs, Exactness::LIBM, "RMS of the downmix over all of the time.";
} }

const TIME_CONSTANT_S: f64 = 0.03;
const HANGOVER_S: f64 = 0.2;
const MARGIN_DB: f64 = 15.9;
/// Thresholds 2^-15 to 2^-1; level 0 is below all of them.
const LEVELS: usize = 16;

/// How many thresholds an envelope reaches: its binary exponent, which needs no comparison.
fn level(envelope: f32) -> usize {
    (envelope.to_bits() >> 23).saturating_sub(111).min(LEVELS as u32 - 1) as usize
}

/// The threshold that makes level `k`.
fn threshold_db(k: usize) -> f64 {
    amplitude_db(0.5) * (LEVELS - k) as f64
}

/// State. A sample is counted once, under the highest threshold that it is active for.
pub(crate) struct SpeechLevel {
    energy: f64,
    samples: [u64; LEVELS],
    smoothers: [f32; 2],
    /// For how many samples each threshold's activity would last if it were not reached again.
    left: [u16; LEVELS],
    active: u8,
}

pub(crate) struct Plan {
    envelope: Envelope,
    /// The hangover in samples, plus one: 38,401 at 192 kHz.
    hold: u16,
}

impl SpeechLevel {
    /// The active level and the level of all of the time; else why there is none.
    fn levels(&self) -> Result<(f64, f64), &'static str> {
        let all: u64 = self.samples.iter().sum();
        if all == 0 || self.energy == 0.0 {
            return Err("digital silence has no level");
        }
        // Level and margin at the threshold before.
        let mut before = None;
        for k in 1..LEVELS {
            let active: u64 = self.samples[k..].iter().sum();
            if active == 0 {
                break;
            }
            let level = power_db(self.energy / active as f64);
            let margin = level - threshold_db(k);
            match before {
                None if margin <= MARGIN_DB => return Err("below -74 dBov"),
                Some((lower, wider)) if margin <= MARGIN_DB => {
                    let part = (wider - MARGIN_DB) / (wider - margin);
                    return Ok((lower + part * (level - lower), power_db(self.energy / all as f64)));
                }
                _ => before = Some((level, margin)),
            }
        }
        Err("no threshold lies 15.9 dB below: too quiet, a click, or far over full scale")
    }
}

impl Metric for SpeechLevel {
    const SPEC: MetricSpec = MetricSpec {
        id: 23,
        name: "speech_level",
        revision: 1,
        summary: "Active speech level and activity, as telephony counts them",
        definition: "ITU-T P.56 (12/2011) method B, no input filter; exact envelope, read every 2.5 ms",
        on: true,
        needs: Needs::NONE,
        params: SpeechLevelConfig::PARAMS,
        fields: SpeechLevelOutput::FIELDS,
        kinds: &[],
    };
    type Config = SpeechLevelConfig;
    type Output = SpeechLevelOutput;
    type Plan = Plan;

    fn plan(_: &SpeechLevelConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        let rate = f64::from(stream.rate.hz());
        let block = stream.rate.longest_hop().div_ceil(8 * POINTS) * 8;
        let g = (-1.0 / (TIME_CONSTANT_S * rate)).exp();
        Ok(Plan { envelope: Envelope::new(g, block), hold: (HANGOVER_S * rate).ceil() as u16 + 1 })
    }

    fn new(_: &Plan) -> Self {
        Self { energy: 0.0, samples: [0; LEVELS], smoothers: [0.0; 2], left: [0; LEVELS], active: 0 }
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, _: &mut Sink<'_>) {
        self.energy += f.mix().energy;
        let hop = &f.window()[f.window().len() - f.len()..];
        let mut envelope = [0.0; POINTS];
        let points = f.simd().envelope(&plan.envelope, &mut self.smoothers, hop, &mut envelope);
        let mut rest = f.len();
        for &value in &envelope[..points] {
            let len = rest.min(plan.envelope.block());
            rest -= len;
            let reached = level(value);
            // Without branches, so that all sixteen go at once.
            for (k, left) in (0u16..).zip(&mut self.left) {
                let hit = u16::from(k == reached as u16).wrapping_neg();
                *left = (plan.hold & hit) | (left.saturating_sub(len as u16) & !hit);
            }
            let mut active = reached.max(self.active.into());
            while active > 0 && self.left[active] == 0 {
                active -= 1;
            }
            self.active = active as u8;
            self.samples[active] += len as u64;
        }
    }

    fn output(&self, _: &Plan, _: &[f32]) -> SpeechLevelOutput {
        let all: u64 = self.samples.iter().sum();
        let long_term = power_db(self.energy / all as f64);
        let (active, activity) = match self.levels() {
            Ok((active, all)) => (Value::Number(active), Value::Number(db_power(all - active))),
            Err(why) => (Value::Undefined(why), Value::Undefined(why)),
        };
        SpeechLevelOutput {
            active_dbfs: active,
            activity_ratio: activity,
            long_term_dbfs: Value::finite(long_term, "digital silence has no level"),
        }
    }
}
