//! Join: does the waveform break where one chunk ends and the next begins?
//!
//! ## What it measures
//! Steps, clicks and kinks exactly at the chunk edges the caller declares.
//!
//! ## Why it matters for speech
//! Streaming synthesis vocodes chunk by chunk. Where neighbours do not fit, every edge clicks: the most common fault of
//! streaming servers, and the easiest to pin on a cause.
//!
//! ## Method
//! The place is known, so nothing is searched. First a quick look: is the second difference at the edge larger than
//! `screen_ratio` times the RMS of its surroundings? If so, a linear predictor of order 16 (Burg) is fitted to the 10 ms before and the 5 ms
//! after the edge, and the prediction error across the edge is compared with what a step, a click of one sample or a
//! kink would leave there (matched filters, the likelihood-ratio test for a known place). The best match is a finding if it
//! exceeds `standout_ratio` times the prediction error of both sides, is `contrast_ratio` times as large as anywhere in the
//! 10 ms before, and its size is at least `min_step_fs`.
//!
//! ## Reading the value
//! The size of the step or click in full scale, or the change of slope per sample. 0.01 is audible in quiet speech; 0.05 is
//! heard by anybody.
//!
//! ## Limits
//! Joins that are cross-faded leave nothing to find. A break inside a fricative hides in it, for listeners too. Only
//! edges at least 5 ms apart are judged, and not in the last 5 ms of a stream. A server that cuts one chunk into several
//! pushes must say so, or its cuts are taken for edges (they do no harm: nothing breaks there).

use crate::dsp::autoregression::{LONGEST, ORDER, burg, error_at};
use crate::error::ConfigError;
use crate::features::{Event, FrameView};
use crate::finding::{Occurrence, Severity, Sink};
use crate::metrics::{Metric, StreamShape};
use crate::spec::{Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};

params! { JoinConfig {
    min_step_fs: FullScale = 0.01 in 0.0001 ..= 1.0, "The smallest break that is a finding.";
    error_step_fs: FullScale = 0.05 in 0.0001 ..= 2.0, "From this size on a break is an error.";
    screen_ratio: Ratio = 1.5 in 1.0 ..= 100.0, "How far the second difference must stand out for a closer look.";
    standout_ratio: Ratio = 6.0 in 1.0 ..= 100.0, "How far a break must stand out of the prediction error.";
    contrast_ratio: Ratio = 2.2 in 1.0 ..= 100.0, "How far it must stand out of the largest such match in the 10 ms before.";
} }

fields! { JoinOutput {
    1 edges: Count, Exact, "Chunk edges that were judged.";
    2 edges_skipped: Count, Exact, "Edges too close to another one, or to the start or end, to be judged.";
    3 breaks: Count, Exact, "Edges at which the waveform breaks.";
    4 largest_break_fs: FullScale, Exact, "The largest step or click at an edge.";
} }

const STEP: KindSpec = KindSpec {
    id: 1,
    name: "step",
    unit: Unit::FullScale,
    max_delay_ms: 20,
    message: "the waveform steps by {value} of full scale at a chunk join",
};
const CLICK: KindSpec = KindSpec {
    id: 2,
    name: "click",
    unit: Unit::FullScale,
    max_delay_ms: 20,
    message: "a click of {value} of full scale at a chunk join",
};
const SLOPE: KindSpec = KindSpec {
    id: 3,
    name: "slope",
    unit: Unit::FullScale,
    max_delay_ms: 20,
    message: "the slope of the waveform changes by {value} of full scale a sample at a chunk join",
};

/// Edges that wait for the 5 ms after them. They are at least 5 ms apart, so 15 ms hold four.
const WAITING: usize = 4;
/// Samples after the edge in which a break leaves its trace.
const TRACE: usize = ORDER + 1;

pub(crate) struct Join {
    waiting: [u64; WAITING],
    len: usize,
    last_edge: Option<u64>,
    declared: bool,
    edges: u64,
    skipped: u64,
    breaks: u64,
    largest: f64,
}

pub(crate) struct Plan {
    config: JoinConfig,
    before: usize,
    after: usize,
}

/// What a break of each kind leaves in the prediction error: the filter itself, its sum, the sum of its sum.
struct Templates([[f64; TRACE]; 3]);

const KINDS: [&KindSpec; 3] = [&CLICK, &STEP, &SLOPE];

impl Templates {
    fn new(a: &[f64; ORDER + 1]) -> Self {
        let sum = |x: &[f64; TRACE]| {
            let mut total = 0.0;
            x.map(|v| {
                total += v;
                total
            })
        };
        let step = sum(a);
        Self([*a, step, sum(&step)])
    }

    fn norms(&self) -> [f64; 3] {
        core::array::from_fn(|t| self.0[t].iter().map(|c| c * c).sum::<f64>())
    }

    /// The match of each kind at the edge.
    fn matches(&self, error: &[f64; TRACE]) -> [f64; 3] {
        core::array::from_fn(|t| self.0[t].iter().zip(error).map(|(c, e)| c * e).sum())
    }
}

/// The break at one edge: its kind, its size, how far it stands out and from how much.
struct Break {
    kind: usize,
    size: f64,
    sigmas: f64,
    elsewhere: f64,
}

/// The closer look: `x` is the surroundings, at most `N` samples on either side of `edge`, the index of the first sample of
/// the new chunk.
fn examine<const N: usize>(f: &FrameView<'_>, x: &[f32], edge: usize) -> Break {
    let simd = f.simd();
    let fit = burg::<N>(simd, &x[..edge], &x[edge..]);
    let templates = Templates::new(&fit.filter);
    let norms = templates.norms();
    let rms = |error: &[f32]| (simd.statistics(error).energy / error.len().max(1) as f64).sqrt();
    // One step of 16 bits at least: what lies below is rounding.
    let sigma = rms(fit.error(0)).max(rms(fit.error(1))).max(1.0 / 32768.0);
    let at_edge: [f64; TRACE] = core::array::from_fn(|k| error_at(&fit.filter, x, edge + k));
    let matches = templates.matches(&at_edge);
    let scale = |t: usize| 1.0 / (norms[t].sqrt() * sigma);
    let sigmas: [f64; 3] = core::array::from_fn(|t| matches[t].abs() * scale(t));
    let kind = (0..3).max_by(|&i, &j| sigmas[i].total_cmp(&sigmas[j])).unwrap_or(1);
    // What the same filter finds where nothing was joined: before the edge only, for what follows a bad join (the 22
    // samples of a WAV header, say) ends in a second break.
    let error = fit.error(0);
    let mut found = [0.0f32; N];
    simd.correlate(error, &templates.0[kind].map(|c| c as f32), &mut found);
    let elsewhere = simd.statistics(&found[..(error.len() + 1).saturating_sub(TRACE)]).peak();
    let elsewhere = f64::from(elsewhere) * scale(kind);
    Break { kind, size: matches[kind] / norms[kind], sigmas: sigmas[kind], elsewhere }
}

impl Join {
    fn judge(&mut self, plan: &Plan, edge: u64, f: &FrameView<'_>, out: &mut Sink<'_>) {
        let window = f.window();
        // Both fit by construction: the history holds 15 ms, and the edge was kept until 5 ms followed it.
        let at = window.len() - (f.end() - edge) as usize;
        let known = edge.min(plan.before as u64) as usize;
        let x = &window[at - known..at + plan.after];
        self.edges += 1;
        let at = known;
        let curve = |n: usize| x[n] - 2.0 * x[n - 1] + x[n - 2];
        let largest = (at..at + 3).map(|n| curve(n).abs()).fold(0.0, f32::max);
        if f64::from(largest) < 0.5 * plan.config.min_step_fs {
            return;
        }
        let quick = plan.after.min(known);
        let simd = f.simd();
        let sum = simd.curvature(&x[at - quick..at]) + simd.curvature(&x[at + 1..at + plan.after]);
        let n = (quick + plan.after).saturating_sub(5) as f64;
        let screen = plan.config.screen_ratio;
        if f64::from(largest * largest) * n <= screen * screen * sum {
            return;
        }
        let found = match plan.before.max(plan.after) {
            0..=256 => examine::<256>(f, x, at),
            257..=512 => examine::<512>(f, x, at),
            513..=1024 => examine::<1024>(f, x, at),
            _ => examine::<LONGEST>(f, x, at),
        };
        let size = found.size.abs();
        let is_break = size >= plan.config.min_step_fs
            && found.sigmas >= plan.config.standout_ratio
            && found.sigmas >= plan.config.contrast_ratio * found.elsewhere;
        if is_break {
            self.breaks += 1;
            if found.kind != 2 {
                self.largest = self.largest.max(size);
            }
            let severity = Severity::above(size, plan.config.min_step_fs, plan.config.error_step_fs);
            let threshold = plan.config.min_step_fs;
            let o = Occurrence { start: edge, end: edge + 1, severity, value: size, threshold, channel_mask: 0 };
            out.point(KINDS[found.kind], o);
        }
    }
}

impl Metric for Join {
    const SPEC: MetricSpec = MetricSpec {
        id: 7,
        name: "join",
        revision: 1,
        summary: "Steps, clicks and kinks at chunk edges",
        definition: "Otoscope: likelihood-ratio test of the prediction error (Burg, order 16) at declared edges",
        needs: Needs::HISTORY,
        params: JoinConfig::PARAMS,
        fields: JoinOutput::FIELDS,
        kinds: &[STEP, CLICK, SLOPE],
    };
    type Config = JoinConfig;
    type Output = JoinOutput;
    type Plan = Plan;

    fn plan(config: &JoinConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        // At 8 kHz 5 ms are 40 samples, of which the trace takes 17.
        let after = stream.rate.samples_in_ms(5);
        Ok(Plan { config: config.clone(), before: stream.rate.samples_in_ms(10), after })
    }

    fn new(_: &Plan) -> Self {
        Self {
            waiting: [0; WAITING],
            len: 0,
            last_edge: None,
            declared: false,
            edges: 0,
            skipped: 0,
            breaks: 0,
            largest: 0.0,
        }
    }

    fn event(&mut self, plan: &Plan, event: &Event, _: &mut Sink<'_>) {
        let &Event::ChunkEdge { sample } = event else { return };
        if sample == 0 {
            return;
        }
        self.declared = true;
        let crowded = self.last_edge.is_some_and(|last| sample < last + plan.after as u64);
        if sample < plan.after as u64 || crowded || self.len == WAITING {
            self.skipped += 1;
            return;
        }
        self.last_edge = Some(sample);
        self.waiting[self.len] = sample;
        self.len += 1;
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        let ready = self.waiting[..self.len].iter().take_while(|&&edge| edge + plan.after as u64 <= f.end()).count();
        if ready == 0 {
            return;
        }
        let waiting = self.waiting;
        for &edge in &waiting[..ready] {
            self.judge(plan, edge, f, out);
        }
        self.waiting.copy_within(ready..self.len, 0);
        self.len -= ready;
    }

    fn output(&self, _: &Plan, _: &[f32]) -> JoinOutput {
        const NO_EDGES: Value = Value::NotComputed("no chunk edges were given");
        if !self.declared {
            return JoinOutput {
                edges: NO_EDGES,
                edges_skipped: NO_EDGES,
                breaks: NO_EDGES,
                largest_break_fs: NO_EDGES,
            };
        }
        JoinOutput {
            edges: Value::count(self.edges),
            edges_skipped: Value::count(self.skipped + self.len as u64),
            breaks: Value::count(self.breaks),
            largest_break_fs: Value::Number(self.largest),
        }
    }
}
