//! True peak: the highest point of the waveform, on and between the samples.
//!
//! ## What it measures
//! The maximum of the reconstructed signal in dBTP, per stream, over all channels.
//!
//! ## Why it matters for speech
//! Lossy codecs and converters reproduce the curve between the samples: a voice normalised to 0 dBFS clips there.
//! Delivery norms ask for -1 or -2 dBTP.
//!
//! ## Method
//! ITU-R BS.1770-5 Annex 2: 4x oversampling (2x from 96 kHz on) by a polyphase filter of 12 taps a phase, fitted to be
//! flat within 0.20 dB up to 0.40 of the sample rate; the samples themselves count too, so the result is never below the
//! sample peak. Blocks that cannot raise the maximum are skipped, which changes no bit of the result.
//!
//! ## Reading the value
//! At or below -1 dBTP is safe for delivery. The finding `over` runs from where the limit was first passed to the hop
//! with the highest point.
//!
//! ## Limits
//! With 4x oversampling the peak of a tone at 0.45 fs may read 0.55 dB low, by geometry. Only the first passing of the
//! limit is dated, not every one.

use crate::error::ConfigError;
use crate::features::FrameView;
use crate::finding::{EventId, Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::{amplitude_db, db_amplitude};

params! { TruePeakConfig {
    limit_dbtp: Dbtp = -1.0 in -60.0 ..= 20.0, "A true peak above this is a finding.";
    warning_dbtp: Dbtp = 0.0 in -60.0 ..= 20.0, "From here on the finding is a warning.";
    error_dbtp: Dbtp = 3.0 in -60.0 ..= 20.0, "From here on the finding is an error.";
} }

fields! { TruePeakOutput {
    1 max_dbtp: Dbtp, Exactness::Abs(1e-4), "The true peak of the loudest channel.";
} }

const OVER: KindSpec = KindSpec {
    id: 1,
    name: "over",
    unit: Unit::Dbtp,
    max_delay_ms: 20,
    message: "the waveform peaks at {value} dBTP, above the limit of {threshold} dBTP",
};

/// State: the maximum, where it was, and the finding.
pub(crate) struct TruePeak {
    largest: f32,
    hop: (u64, u64),
    over: Option<(EventId, u64)>,
}

pub(crate) struct Plan {
    config: TruePeakConfig,
    limit: f32,
}

impl TruePeak {
    fn occurrence(&self, plan: &Plan, start: u64) -> Occurrence {
        let value = amplitude_db(f64::from(self.largest));
        Occurrence {
            start,
            end: self.hop.1,
            severity: Severity::above(value, plan.config.warning_dbtp, plan.config.error_dbtp),
            value,
            threshold: plan.config.limit_dbtp,
            channel_mask: 0,
        }
    }
}

impl Metric for TruePeak {
    const SPEC: MetricSpec = MetricSpec {
        id: 5,
        name: "true_peak",
        revision: 1,
        summary: "The highest point of the waveform, between the samples too",
        definition: "ITU-R BS.1770-5 Annex 2, 4x oversampling (2x from 96 kHz), 12-tap least-squares phases",
        on: true,
        needs: Needs::TRUE_PEAK,
        params: TruePeakConfig::PARAMS,
        fields: TruePeakOutput::FIELDS,
        kinds: &[OVER],
    };
    type Config = TruePeakConfig;
    type Output = TruePeakOutput;
    type Plan = Plan;

    fn plan(config: &TruePeakConfig, _: &StreamShape) -> Result<Plan, ConfigError> {
        let limit = db_amplitude(config.limit_dbtp) as f32;
        Ok(Plan { config: config.clone(), limit })
    }

    fn new(_: &Plan) -> Self {
        Self { largest: 0.0, hop: (0, 0), over: None }
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        let now = f.true_peak().iter().copied().fold(0.0, f32::max);
        if now <= self.largest {
            return;
        }
        self.largest = now;
        self.hop = (f.start(), f.end());
        if now > plan.limit && self.over.is_none() {
            let event = out.open(&OVER, self.occurrence(plan, f.start()));
            self.over = Some((event, f.start()));
        }
    }

    fn finish(&mut self, plan: &Plan, _: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        let last = end.true_peak.iter().copied().fold(0.0, f32::max);
        if last > self.largest {
            self.largest = last;
            self.hop = (end.samples.saturating_sub(1), end.samples);
        }
        match self.over {
            Some((event, start)) => out.close(&OVER, event, self.occurrence(plan, start)),
            None if self.largest > plan.limit => out.point(&OVER, self.occurrence(plan, self.hop.0)),
            None => {}
        }
    }

    fn output(&self, _: &Plan, _: &[f32]) -> TruePeakOutput {
        const SILENCE: &str = "digital silence has no peak";
        TruePeakOutput { max_dbtp: Value::finite(amplitude_db(f64::from(self.largest)), SILENCE) }
    }
}
