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
//! For what the packages themselves say of a whole file (DNSMOS P.808, P.835) there are `otoscope mos`, `otoscope.mos` in Python and `otoscope::mos::Scorer::clip_at`.
//!
//! The caps are not the network's: they are what a finding makes of a score. `quality` in reports is the mean over windows of 9 s of the lower of the two, with
//! what set it (`otoscope::verdict::quality`).
//!
//! ## Limits
//! Nothing above 8 kHz is judged. The networks are nearly deaf to holes, repetition, a wrong rate and level: for these are the detectors. With less than 3 s
//! of speech there is a reason instead of a value. Values differ from those of whole windows by a few hundredths: do not compare the two.

use crate::error::ConfigError;
use crate::features::FrameView;
use crate::finding::Sink;
use crate::metrics::{End, Metric, StreamShape};
use crate::mos::Model;
use crate::mos::RATE_HZ;
use crate::mos::stream::{Stream, StreamPlan, WINDOW_S};
use crate::simd::Simd;
use crate::spec::{Exactness, Fields, MetricSpec, Needs, Params, Value};
use bytemuck::{Pod, Zeroable};

params! { MosConfig {
    model: Choice = "accurate" of ["accurate", "light", "dnsmos_p808"], "Which network predicts: accurate (Distill-MOS), light (the same at about half the cost), dnsmos_p808 (P.808 votes).";
    cap_garbled_mos: Mos = 1.0 in 1.0..=5.0, "Most that a stream scores whose samples are misread (validity.mu_law and the like). A convention: bad.";
    cap_wrap_mos: Mos = 2.0 in 1.0..=5.0, "Most with values that wrapped around or are no numbers. A convention: poor.";
    cap_click_mos: Mos = 2.5 in 1.0..=5.0, "Most with clicks and breaks of the waveform. A convention: pops cost speech 1.15 of 3.70 by Distill-MOS.";
    cap_hole_mos: Mos = 2.5 in 1.0..=5.0, "Most with holes in the voice. A convention: gaps cost speech 1.33 of 3.70 by Distill-MOS.";
    cap_pause_mos: Mos = 3.0 in 1.0..=5.0, "Most with pauses that do not belong there, and stalls. A convention: fair.";
    cap_repeat_mos: Mos = 2.5 in 1.0..=5.0, "Most with sound that is repeated. A convention: the networks hardly hear it.";
    cap_noise_mos: Mos = 2.0 in 1.0..=5.0, "Most where noise stands for the voice. A convention: poor.";
    cap_tone_mos: Mos = 3.0 in 1.0..=5.0, "Most with a steady tone or hum. A convention: fair.";
    cap_clipping_mos: Mos = 3.0 in 1.0..=5.0, "Most with clipping. A convention: hard clipping costs speech 0.39 of 3.70 by Distill-MOS.";
    cap_rate_mos: Mos = 2.5 in 1.0..=5.0, "Most where speech plays at a wrong rate. A convention: it costs speech 0.76 of 3.70 by Distill-MOS.";
    cap_level_mos: Mos = 3.0 in 1.0..=5.0, "Most where the voice jumps or fades in level. A convention: fair.";
    cap_text_mos: Mos = 2.0 in 1.0..=5.0, "Most where the voice breaks off, or says far more or less than its text. A convention: poor.";
    cap_drift_mos: Mos = 3.0 in 1.0..=5.0, "Most where the voice becomes another. A convention: fair.";
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
    7 speech_s: Seconds, Exactness::Exact, "Speech in the last 9 s.";
    8 judged_to_hz: Hz, Exactness::Exact, "Nothing above this was judged: half the sample rate, at most 8 kHz; below 8 kHz the networks score what is missing too.";
} }

const NOT_ENOUGH: &str = "not_enough_speech: less than 3 s of it in the last 9 s";

const NO_SPEECH: &str = "no_speech: nothing in the stream was taken for speech";

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
    judged_to_hz: f64,
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
        let stream_rate = stream.rate.hz();
        let made = StreamPlan::new(model, stream_rate, stream.rate.longest_hop());
        let stream = made.map_err(|e| refused(e.to_string()))?;
        let judged_to_hz = f64::from(stream_rate.min(RATE_HZ)) / 2.0;
        Ok(Plan { stream, errors: model.errors(), judged_to_hz })
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
        let heard = values.stream.heard_s();
        let why = if heard > 0.0 { NOT_ENOUGH } else { NO_SPEECH };
        let value = |v: Option<f64>| v.map_or(Value::Undefined(why), |v| Value::finite(v, why));
        // Windows that overlap are not independent of each other.
        let windows = (heard / WINDOW_S as f64).max(1.0);
        let by_length = if heard < 5.0 { 0 } else { usize::from(heard >= 8.0) + 1 };
        let half = |mean: f64| match plan.errors {
            Some(errors) => Ok((mean, 1.96 * errors[by_length] / windows.sqrt())),
            None => Err(Value::Undefined(NO_INTERVAL)),
        };
        let end = |of: &dyn Fn(f64, f64) -> f64| match mean.map(half) {
            Some(Ok((mean, half))) => Value::finite(of(mean, half), why),
            Some(Err(unknown)) => unknown,
            None => Value::Undefined(why),
        };
        MosOutput {
            predicted_mos: value(mean),
            low_mos: end(&|mean, half| (mean - half).max(1.0)),
            high_mos: end(&|mean, half| (mean + half).min(5.0)),
            last_mos: value(there(values.last)),
            lowest_mos: value(there(values.lowest)),
            heard_s: Value::Number(heard),
            speech_s: Value::Number(values.stream.speech_s()),
            judged_to_hz: Value::Number(plan.judged_to_hz),
        }
    }
}
