//! Predicted mean opinion score: how good the speech sounds, without a reference.
//!
//! ## What it measures
//! What a small network, that was trained on the scores of another, expects listeners to say on a scale from 1 (bad) to 5 (excellent). Which one says
//! `model`; every value is a prediction, never a MOS.
//!
//! ## Why it matters for speech
//! A number that moves when a build sounds worse, for streams that nobody hears. Means over many utterances of a voice or a build tell two of them
//! apart; a single utterance shows gross degradation only.
//!
//! ## Method
//! The downmix is resampled to 16 kHz. Every 10 ms a row of mel bands, in decibels under the peak of the last 9 s of speech, goes through a network of
//! convolutions that computes each row once; what its last layer sees is pooled over the last 9 s, and a value is given for each second. Before 9 s
//! have passed, it is pooled over what was heard. Pauses of more than 0.5 s are left out. The value of a stream is the mean of its seconds from
//! the first full window on; of a shorter stream, the value of all of it.
//!
//! ## Reading the value
//! The interval is that of the prediction against its teacher on voices that neither was trained on, at 95 %, for as many independent windows of 9 s as
//! were heard. It says nothing of how far the teacher is from listeners. Never put values of two models on one axis.
//!
//! ## Limits
//! Nothing above 8 kHz is judged. The networks are nearly deaf to holes, repetition, a wrong rate and level: for these are the detectors. With less than 3 s
//! of speech there is a reason instead of a value. Values differ from those of whole windows by a few hundredths: do not compare the two.

use crate::error::ConfigError;
use crate::features::FrameView;
use crate::finding::Sink;
use crate::metrics::{End, Metric, StreamShape};
use crate::mos::Model;
use crate::mos::stream::{Stream, StreamPlan, WINDOW_S};
use crate::simd::Simd;
use crate::spec::{Exactness, Fields, MetricSpec, Needs, Params, Value};
use bytemuck::{Pod, Zeroable};

params! { MosConfig {
    model: Choice = "accurate" of ["accurate", "light", "dnsmos_p808"], "Which network predicts: accurate (Distill-MOS), light (the same at a fifth of the cost), dnsmos_p808 (P.808 votes).";
} }

/// Between instruction sets; within one the same bits.
const CLOSE: Exactness = Exactness::Abs(1e-4);

fields! { MosOutput {
    1 predicted_mos: Mos, CLOSE, "Predicted score of the stream, 1 to 5, by the network that `model` names.";
    2 low_mos: Mos, CLOSE, "Lower end of the 95 % interval of the prediction.";
    3 high_mos: Mos, CLOSE, "Upper end of it.";
    4 last_mos: Mos, CLOSE, "Predicted score of the last 9 s.";
    5 lowest_mos: Mos, CLOSE, "The lowest score of any second.";
    6 heard_s: Seconds, Exactness::Exact, "Speech and short pauses that the network was given.";
} }

const NOT_ENOUGH: &str = "not_enough_speech: less than 3 s of it in the last 9 s";

const NO_INTERVAL: &str = "nobody has published how far this network is from what it predicts";

pub(crate) struct Mos {
    /// Known once there was a hop.
    simd: Option<Simd>,
}

/// What changes, at the beginning of the metric's memory: a stream that is not predicted does not carry it.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Values {
    stream: Stream,
    sum: f64,
    count: u32,
    /// Zero is none.
    last: f32,
    lowest: f32,
    unused: u32,
}

/// Words of it.
const VALUES: usize = size_of::<Values>() / size_of::<f32>();

fn split(mem: &mut [f32]) -> (&mut Values, &mut [f32]) {
    let (values, rest) = mem.split_at_mut(VALUES);
    (bytemuck::from_bytes_mut(bytemuck::cast_slice_mut(values)), rest)
}

pub(crate) struct Plan {
    stream: StreamPlan,
    /// Root mean square of the prediction's error by length, where it is known.
    errors: Option<[f64; 3]>,
}

impl Values {
    fn take(&mut self, plan: &Plan, mem: &mut [f32], simd: Simd) {
        let score = self.stream.score(&plan.stream, simd, mem).map(|score| score.clamp(1.0, 5.0));
        self.last = score.unwrap_or(0.0);
        if let Some(score) = score {
            self.lowest = if self.lowest > 0.0 { self.lowest.min(score) } else { score };
            if self.stream.heard_s() >= WINDOW_S as f64 {
                self.sum += f64::from(score);
                self.count += 1;
            }
        }
    }
}

impl Metric for Mos {
    const SPEC: MetricSpec = MetricSpec {
        id: 26,
        name: "mos",
        revision: 1,
        summary: "How good the speech would be judged, as a network predicts it",
        definition: "Otoscope: predicted Distill-MOS (PyPI distillmos 0.9.1), or DNSMOS P.808 (PyPI speechmos 0.0.1.1); 16 kHz view, stream mode",
        on: false,
        needs: Needs::VOICE,
        params: MosConfig::PARAMS,
        fields: MosOutput::FIELDS,
        kinds: &[],
    };
    type Config = MosConfig;
    type Output = MosOutput;
    type Plan = Plan;

    fn plan(config: &MosConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        let refused = |why: String| ConfigError::NotAllowed {
            key: "mos.model".to_owned(),
            value: config.model.to_owned(),
            allowed: why,
        };
        let model = Model::named(config.model).ok_or_else(|| refused("the name of a model".to_owned()))?;
        let made = StreamPlan::new(model, stream.rate.hz(), stream.rate.longest_hop());
        let stream = made.map_err(|e| refused(e.to_string()))?;
        Ok(Plan { stream, errors: model.errors() })
    }

    fn slab(plan: &Plan) -> usize {
        VALUES + plan.stream.memory()
    }

    fn new(_plan: &Plan) -> Self {
        Self { simd: None }
    }

    fn update(&mut self, plan: &Plan, mem: &mut [f32], f: &FrameView<'_>, _out: &mut Sink<'_>) {
        self.simd = Some(f.simd());
        let (values, mem) = split(mem);
        if values.stream.push(&plan.stream, f.simd(), mem, f.recent(0), f.voice_is_active()) {
            values.take(plan, mem, f.simd());
        }
    }

    fn finish(&mut self, plan: &Plan, mem: &mut [f32], _end: &End<'_>, _out: &mut Sink<'_>) {
        // A short stream is judged by all of it.
        let (values, mem) = split(mem);
        if let (0, Some(simd)) = (values.count, self.simd) {
            values.take(plan, mem, simd);
        }
    }

    fn output(&self, plan: &Plan, mem: &[f32]) -> MosOutput {
        let values: &Values = bytemuck::from_bytes(bytemuck::cast_slice(&mem[..VALUES]));
        let there = |v: f32| (v > 0.0).then_some(f64::from(v));
        let mean = if values.count > 0 { Some(values.sum / f64::from(values.count)) } else { there(values.last) };
        let value = |v: Option<f64>| v.map_or(Value::Undefined(NOT_ENOUGH), |v| Value::finite(v, NOT_ENOUGH));
        // Windows that overlap are not independent of each other.
        let heard = values.stream.heard_s();
        let windows = (heard / WINDOW_S as f64).max(1.0);
        let by_length = if heard < 5.0 { 0 } else { usize::from(heard >= 8.0) + 1 };
        let half = |mean: f64| match plan.errors {
            Some(errors) => Ok((mean, 1.96 * errors[by_length] / windows.sqrt())),
            None => Err(Value::Undefined(NO_INTERVAL)),
        };
        let end = |of: &dyn Fn(f64, f64) -> f64| match mean.map(half) {
            Some(Ok((mean, half))) => Value::finite(of(mean, half), NOT_ENOUGH),
            Some(Err(unknown)) => unknown,
            None => Value::Undefined(NOT_ENOUGH),
        };
        MosOutput {
            predicted_mos: value(mean),
            low_mos: end(&|mean, half| (mean - half).max(1.0)),
            high_mos: end(&|mean, half| (mean + half).min(5.0)),
            last_mos: value(there(values.last)),
            lowest_mos: value(there(values.lowest)),
            heard_s: Value::finite(heard, NOT_ENOUGH),
        }
    }
}
