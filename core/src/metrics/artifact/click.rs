//! Click: single samples that do not belong to the voice.
//!
//! ## What it measures
//! Clicks of one sample anywhere in the stream, except at the chunk edges the caller declares, which `join` judges.
//!
//! ## Why it matters for speech
//! Lost or damaged samples, a decoder that joins its own blocks inside one chunk, a race on a buffer: listeners hear
//! a tick where the server knows of no edge.
//!
//! ## Method
//! In each hop of 10 ms the sample with the largest fourth difference is a suspect if that is `screen_ratio` times the RMS of
//! the others. If the fourth differences around it are mostly what one sample leaves (the binomials 1, -4, 6, -4, 1), a linear predictor of order 16 (Burg) is fitted to the 15 ms before and the 10 ms after the suspect, and
//! the prediction error is matched with what one sample that is off would leave there (the likelihood-ratio test for an additive
//! outlier). The voice's own pulses excite the filter of the mouth and leave a single sample of error; a sample that is off
//! leaves the whole prediction-error filter. So it is a click if its size is at least `min_click_fs`, it exceeds
//! `standout_ratio` times the prediction error around it, is `contrast_ratio` times as large as any other match
//! around it (a click that comes with every period of the voice is excitation), and explains
//! `explained_ratio` of the error from three samples before it on that is more than ordinary (a burst is off in several).
//!
//! ## Reading the value
//! How far the sample is off, in full scale. 0.03 is audible in quiet voices; 0.1 is heard by anybody unless a loud
//! sibilant hides it.
//!
//! ## Limits
//! A click inside a fricative hides in it, for listeners too: noise cannot be predicted. Of clicks of 0.1 in loud speech one in
//! seven is lost so; a third of these would be found if every sample got the closer look. Only the most suspicious sample of a
//! hop is looked at, and clicks that follow each other within 20 ms take each other for excitation. A
//! click of several samples, a splice or a lost stretch inside a chunk is found only where one sample stands out; at chunk
//! edges `join` finds them. The recording of a human voice may hold clicks of its own. The first 6 ms and the last 10 ms of
//! a stream are not judged, nor is 1 ms around chunk edges. More channels than one are judged by their downmix.

use crate::dsp::autoregression::{LONGEST, ORDER};
use crate::dsp::outlier::{GUARD, Outlier, outlier};
use crate::error::ConfigError;
use crate::features::{Event, FrameView, recent_len};
use crate::finding::{Occurrence, Severity, Sink};
use crate::metrics::{Metric, StreamShape};
use crate::spec::{Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};

params! { ClickConfig {
    min_click_fs: FullScale = 0.03 in 0.001 ..= 1.0, "The smallest click that is a finding.";
    error_click_fs: FullScale = 0.1 in 0.001 ..= 2.0, "From this size on a click is an error.";
    screen_ratio: Ratio = 4.0 in 1.0 ..= 100.0, "How far the fourth difference must stand out of its hop for a closer look.";
    standout_ratio: Ratio = 10.0 in 1.0 ..= 100.0, "How far a click must stand out of the prediction error.";
    contrast_ratio: Ratio = 2.0 in 1.0 ..= 100.0, "How far it must stand out of the largest such match around it.";
    explained_ratio: Ratio = 0.93 in 0.0 ..= 1.0, "How much of the prediction error around it, beyond the ordinary, it explains.";
} }

fields! { ClickOutput {
    1 clicks: Count, Exact, "Clicks away from chunk edges.";
    2 largest_click_fs: FullScale, Exact, "The largest of them.";
    3 looks: Count, Exact, "Suspects that got a closer look.";
} }

const CLICK: KindSpec = KindSpec {
    id: 1,
    name: "click",
    unit: Unit::FullScale,
    max_delay_ms: 30,
    message: "a click of {value} of full scale",
};

/// Chunk edges that are remembered: those of the last 20 ms, unless chunks are shorter than 5 ms.
const EDGES: usize = 4;

pub(crate) struct Click {
    /// The suspect of the last hop, to be looked at once the next one is there.
    suspect: Option<u64>,
    edges: [u64; EDGES],
    clicks: u64,
    looks: u64,
    largest: f64,
}

pub(crate) struct Plan {
    config: ClickConfig,
    least: f32,
    screen: f64,
    near_edge: u64,
    left: usize,
    right: usize,
    history: usize,
}

/// Differences on either side of a suspect that a click leaves its trace in, and that are looked at beside.
const TRACE: usize = 2;
const AROUND: usize = 8;
/// How much of the energy of each a click explains at least. What `explained_ratio` asks of the error of a prediction that fits the
/// voice is far more, so that hardly any click that would pass is lost here.
const TRACE_RATIO: f32 = 0.65;
const AROUND_RATIO: f32 = 0.35;

/// Whether the fourth differences around `x[at]` are mostly what one sample of at least `least` would leave there. Four
/// suspects of five are not.
fn stands_alone(x: &[f32], at: usize, least: f32) -> bool {
    const LEN: usize = 2 * AROUND + 1;
    let Some(x) = x.get(at - AROUND - 2..).and_then(|x| x.first_chunk::<{ LEN + 4 }>()) else { return false };
    let d: [f32; LEN] = core::array::from_fn(|n| (x[n] + x[n + 4]) - (x[n + 1] + x[n + 3]) * 4.0 + x[n + 2] * 6.0);
    let energy = |d: &[f32]| d.iter().map(|v| v * v).sum::<f32>();
    let trace = &d[AROUND - TRACE..=AROUND + TRACE];
    let matched: f32 = trace.iter().zip([1.0, -4.0, 6.0, -4.0, 1.0]).map(|(d, c)| d * c).sum();
    let explained = matched * matched / 70.0;
    matched.abs() >= 70.0 * least && explained >= TRACE_RATIO * energy(trace) && explained >= AROUND_RATIO * energy(&d)
}

impl Click {
    fn look(&mut self, plan: &Plan, at: u64, f: &FrameView<'_>, out: &mut Sink<'_>) {
        if self.edges.iter().any(|e| e.abs_diff(at) <= plan.near_edge) {
            return;
        }
        let window = f.recent(plan.history);
        let i = window.len() - (f.end() - at) as usize;
        let left = i.min(plan.left).min(at as usize);
        let right = (window.len() - i).min(plan.right);
        if left < 3 * ORDER || right < 2 * ORDER + GUARD {
            return;
        }
        let x = &window[i - left..i + right];
        if !stands_alone(x, left, plan.least) {
            return;
        }
        self.looks += 1;
        let simd = f.simd();
        let found: Outlier = match plan.left {
            0..=256 => outlier::<256>(simd, x, left),
            257..=512 => outlier::<512>(simd, x, left),
            513..=1024 => outlier::<1024>(simd, x, left),
            _ => outlier::<LONGEST>(simd, x, left),
        };
        let size = found.size.abs();
        let is_click = size >= plan.config.min_click_fs
            && found.sigmas >= plan.config.standout_ratio
            && found.sigmas >= plan.config.contrast_ratio * found.elsewhere
            && found.explained >= plan.config.explained_ratio;
        if is_click {
            self.clicks += 1;
            self.largest = self.largest.max(size);
            let severity = Severity::above(size, plan.config.min_click_fs, plan.config.error_click_fs);
            let threshold = plan.config.min_click_fs;
            out.point(&CLICK, Occurrence { start: at, end: at + 1, severity, value: size, threshold, channel_mask: 0 });
        }
    }
}

impl Metric for Click {
    const SPEC: MetricSpec = MetricSpec {
        id: 17,
        name: "click",
        revision: 2,
        summary: "Clicks of one sample anywhere, away from chunk edges",
        definition: "Otoscope: likelihood-ratio test for an additive outlier of linear prediction (Burg, order 16)",
        on: true,
        needs: Needs::HISTORY,
        params: ClickConfig::PARAMS,
        fields: ClickOutput::FIELDS,
        kinds: &[CLICK],
    };
    type Config = ClickConfig;
    type Output = ClickOutput;
    type Plan = Plan;

    fn plan(config: &ClickConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        let screen = config.screen_ratio;
        Ok(Plan {
            least: config.min_click_fs as f32,
            screen: screen * screen,
            near_edge: stream.rate.samples_in_ms(1) as u64,
            left: stream.rate.samples_in_ms(15),
            right: stream.rate.samples_in_ms(10),
            history: recent_len(stream.rate),
            config: config.clone(),
        })
    }

    fn new(_: &Plan) -> Self {
        Self { suspect: None, edges: [u64::MAX; EDGES], clicks: 0, looks: 0, largest: 0.0 }
    }

    fn event(&mut self, _: &Plan, event: &Event, _: &mut Sink<'_>) {
        if let &Event::ChunkEdge { sample } = event {
            self.edges.rotate_right(1);
            self.edges[0] = sample;
        }
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        if let Some(at) = self.suspect.take() {
            self.look(plan, at, f, out);
        }
        let stats = f.mix();
        if stats.max - stats.min < plan.least {
            return;
        }
        // The differences centred on samples from two before the hop to three before its end.
        let x = f.recent(4);
        let (energy, highest) = f.simd().spikes(x);
        let square = f64::from(highest) * f64::from(highest);
        // A click of one sample leaves 6 of its sizes in the middle, 70 of its squares in all.
        let others = (energy - 70.0 / 36.0 * square).max(0.0);
        if highest < 4.0 * plan.least || square * f.len() as f64 <= plan.screen * others {
            return;
        }
        let fourth = |w: &[f32]| (w[0] + w[4]) - (w[1] + w[3]) * 4.0 + w[2] * 6.0;
        if let Some(i) = x.windows(5).position(|w| fourth(w).abs() == highest) {
            // May lie in the two samples before the stream, if the first one is far from zero.
            self.suspect = (f.start() + i as u64).checked_sub(2);
        }
    }

    fn output(&self, _: &Plan, _: &[f32]) -> ClickOutput {
        ClickOutput {
            clicks: Value::count(self.clicks),
            largest_click_fs: Value::Number(self.largest),
            looks: Value::count(self.looks),
        }
    }
}
