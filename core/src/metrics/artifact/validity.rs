//! Validity: is this audio at all?
//!
//! ## What it measures
//! Whether anything came, whether every sample is a usable number, and whether anything can be heard: NaN, infinity,
//! numbers beyond 240 dB over full scale, denormals, an empty stream, a stream without a single audible hop.
//!
//! ## Why it matters for speech
//! A model that overflows in half precision answers with NaN, an empty answer is sent as success, and a vocoder that
//! died sends minutes of zeros. The server's dashboards stay green in all three cases.
//!
//! ## Method
//! The gate at the entrance counts everything that is no usable number and replaces it by 0, so that no other metric
//! sees it. Replaced samples less than `merge_gap_ms` apart are one finding. A hop is audible when the RMS of any
//! channel is above `audible_dbfs`.
//!
//! ## Reading the value
//! Every count is 0 for sound audio. `denormal_ratio` above a few percent means that a filter upstream decays into
//! denormals, which costs CPU, not quality.
//!
//! ## Limits
//! In 16-bit samples a NaN has already become 0 or a rail: there it shows as silence or as clipping. A very quiet but
//! wanted stream is `silent`: lower `audible_dbfs`.

use crate::error::ConfigError;
use crate::features::FrameView;
use crate::finding::{Occurrence, Severity, Sink, Stretch};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::db_power;

params! { ValidityConfig {
    audible_dbfs: Dbfs = -50.0 in -120.0 ..= 0.0, "A hop whose RMS is above this in any channel can be heard.";
    merge_gap_ms: Ms = 20.0 in 0.0 ..= 10000.0, "Bad samples closer together than this are one finding.";
} }

fields! { ValidityOutput {
    1 samples: Samples, Exact, "Samples per channel that were pushed.";
    2 nan_samples: Samples, Exact, "Samples that were not numbers, all channels counted.";
    3 infinite_samples: Samples, Exact, "Samples that were infinite, all channels counted.";
    4 absurd_samples: Samples, Exact, "Finite samples beyond 240 dB over full scale, all channels counted.";
    5 denormal_ratio: Ratio, Exact, "Share of samples between zero and the smallest normal number.";
    6 audible_ratio: Ratio, Exact, "Share of hops that can be heard.";
} }

const NOT_FINITE: KindSpec = KindSpec {
    id: 1,
    name: "not_finite",
    unit: Unit::Samples,
    max_delay_ms: 10,
    message: "{value} samples are NaN, infinite or absurdly large; they were replaced by 0",
};
const EMPTY: KindSpec = KindSpec {
    id: 2,
    name: "empty",
    unit: Unit::Samples,
    max_delay_ms: 0,
    message: "the stream ended with {value} samples: nothing was synthesised",
};
const SILENT: KindSpec = KindSpec {
    id: 3,
    name: "silent",
    unit: Unit::Ratio,
    max_delay_ms: 0,
    message: "nothing in the whole stream can be heard ({value} of its hops are audible)",
};

/// State: counters, and the stretch of bad samples that is open.
pub(crate) struct Validity {
    samples: u64,
    nan: u64,
    infinite: u64,
    absurd: u64,
    denormal: u64,
    hops: u64,
    audible: u64,
    bad: Stretch,
}

pub(crate) struct Plan {
    channels: u64,
    audible: f64,
    merge_gap: u64,
}

impl Metric for Validity {
    const SPEC: MetricSpec = MetricSpec {
        id: 1,
        name: "validity",
        revision: 1,
        summary: "Whether anything came, is a number and can be heard",
        definition: "Otoscope: finite test by exponent, RMS per 10 ms",
        needs: Needs::NONE,
        params: ValidityConfig::PARAMS,
        fields: ValidityOutput::FIELDS,
        kinds: &[NOT_FINITE, EMPTY, SILENT],
    };
    type Config = ValidityConfig;
    type Output = ValidityOutput;
    type Plan = Plan;

    fn plan(config: &ValidityConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        Ok(Plan {
            channels: stream.channels as u64,
            audible: db_power(config.audible_dbfs),
            merge_gap: stream.rate.samples_in_ms(config.merge_gap_ms as u32) as u64,
        })
    }

    fn new(_: &Plan) -> Self {
        Self { samples: 0, nan: 0, infinite: 0, absurd: 0, denormal: 0, hops: 0, audible: 0, bad: Stretch::default() }
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        self.samples += f.len() as u64;
        self.hops += 1;
        let least = plan.audible * f.len() as f64;
        self.audible += u64::from(f.channels().iter().any(|s| s.energy > least));
        let gate = f.gate();
        self.denormal += u64::from(gate.denormal);
        if let (Some(first), Some(last)) = (gate.first_bad, gate.last_bad) {
            self.nan += u64::from(gate.nan);
            self.infinite += u64::from(gate.infinite);
            self.absurd += u64::from(gate.absurd);
            let piece = Occurrence {
                start: f.start() + u64::from(first),
                end: f.start() + u64::from(last) + 1,
                severity: Severity::Error,
                value: f64::from(gate.nan + gate.infinite + gate.absurd),
                threshold: 0.0,
                channel_mask: 0,
            };
            self.bad.add(&NOT_FINITE, piece, plan.merge_gap, |a, b| a + b, out);
        } else {
            self.bad.expire(&NOT_FINITE, f.end(), plan.merge_gap, out);
        }
    }

    fn finish(&mut self, _: &Plan, _: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        self.bad.finish(&NOT_FINITE, out);
        let whole = Occurrence {
            start: 0,
            end: end.samples,
            severity: Severity::Error,
            value: 0.0,
            threshold: 0.0,
            channel_mask: 0,
        };
        if end.samples == 0 {
            out.point(&EMPTY, whole);
        } else if self.audible == 0 {
            out.point(&SILENT, whole);
        }
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> ValidityOutput {
        let share = |part: u64, all: u64| {
            if all == 0 { Value::Undefined("no samples") } else { Value::Number(part as f64 / all as f64) }
        };
        ValidityOutput {
            samples: Value::count(self.samples),
            nan_samples: Value::count(self.nan),
            infinite_samples: Value::count(self.infinite),
            absurd_samples: Value::count(self.absurd),
            denormal_ratio: share(self.denormal, self.samples * plan.channels),
            audible_ratio: share(self.audible, self.hops),
        }
    }
}
