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
//! The place is known, so nothing is searched. Three looks, each of which most edges do not pass. (1) Three numbers: the second
//! difference at the edge reaches half of `min_step_fs`, and a fixed predictor of order 3 leaves a step or a click there rather than what it leaves
//! around. (2) A linear predictor of order 4 (least squares), fitted to the 10 ms before and the 7 ms after: its error at the edge
//! is `screen_ratio` times its RMS. (3) Order 16: the prediction error across the edge is compared with what a step, a click of one sample or a
//! kink would leave there (matched filters, the likelihood-ratio test for a known place). The best match is a finding if
//! it is larger than at any of the four samples on either side; if its energy is `fit_ratio` squared times all other energy of the
//! error from half a millisecond before to 17 samples after (a pulse of the voice
//! or a burst is no clean step, and seldom begins exactly there); if it is `contrast_ratio` times as large as anywhere else in the 10 ms before and the 7 ms after; and
//! if its size is at least `min_step_fs`. A break below twice that, and a kink, must do two and a half times as well.
//!
//! When breaks keep a common distance, and at least half of the places at that distance broke, `periodic` names it: the length of the
//! decoder's chunk, often longer than what is sent at a time.
//!
//! ## Reading the value
//! The size of the step or click in full scale, or the change of slope per sample. 0.01 is audible in quiet speech; 0.05 is
//! heard by anybody.
//!
//! ## Limits
//! Joins that are cross-faded leave nothing to find. A break inside a fricative, or as large as the pulses of the voice around it, hides
//! there, for listeners too: of steps of 0.05 in speech about one in six is lost so. Half of these leave less than five times the RMS of
//! the prediction error, as one natural place in 250 does; no weighing of size, fit and contrast found noticeably more without
//! more false alarms. Only
//! edges at least 7 ms apart are judged, not in the last 7 ms of a stream, and not where bad samples (NaN) were replaced. A server that cuts one chunk into several
//! pushes must say so, or its cuts are taken for edges (they do no harm: nothing breaks there). A voice joined of units that click by themselves
//! has breaks of its own; an edge that falls exactly on one is a finding.

use crate::dsp::autoregression::{Fit, LONGEST, ORDER, Short, error_at};
use crate::error::ConfigError;
use crate::features::{Event, FrameView};
use crate::finding::{EventId, Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};

params! { JoinConfig {
    min_step_fs: FullScale = 0.01 in 0.0001 ..= 1.0, "The smallest break that is a finding.";
    error_step_fs: FullScale = 0.05 in 0.0001 ..= 2.0, "From this size on a break is an error.";
    screen_ratio: Ratio = 2.0 in 0.1 ..= 100.0, "How far the error of a short predictor must stand out for a closer look.";
    fit_ratio: Ratio = 1.1 in 0.1 ..= 100.0, "How far a break must stand out of what else the prediction error holds around the edge.";
    contrast_ratio: Ratio = 0.8 in 0.1 ..= 100.0, "How far it must stand out of the largest such match elsewhere in the 17 ms around the edge.";
    min_periods: Count = 4.0 in 3.0 ..= 1000.0, "So many breaks at a common distance are periodic.";
} }

fields! { JoinOutput {
    1 edges: Count, Exact, "Chunk edges that were judged.";
    2 edges_skipped: Count, Exact, "Edges too close to another one, or to the start or end, to be judged.";
    3 breaks: Count, Exact, "Edges at which the waveform breaks.";
    4 largest_break_fs: FullScale, Exact, "The largest step or click at an edge.";
    5 period_ms: Ms, Exact, "The distance that breaks keep: the length of the decoder's chunk.";
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

const PERIODIC: KindSpec = KindSpec {
    id: 4,
    name: "periodic",
    unit: Unit::Ms,
    max_delay_ms: 20,
    message: "the waveform breaks every {value} ms at chunk joins: as long as a chunk of the decoder",
};

/// Edges that wait for the 7 ms after them. They are at least 7 ms apart, so 17 ms hold three.
const WAITING: usize = 4;
/// Samples after the edge in which a break leaves its trace.
const TRACE: usize = ORDER + 1;
/// Samples before the edge in which nothing may stand out.
const BEFORE: usize = 12;
/// The match must be the largest among so many samples on either side.
const AROUND: usize = 4;
/// How much better a small break, or a kink, must do.
const STRICT: f64 = 2.5;
/// The fixed predictor of the first look, and how far a break must stand out of what it leaves.
const FIXED: [f32; 4] = [1.0, -2.5, 2.1, -0.6];
const FIXED_RATIO: f32 = 0.2;
/// The same for what may be a small break, of which more is asked in the end.
const FIXED_RATIO_SMALL: f32 = 1.0;

/// Positions are kept modulo 2^32: what waits lies within 20 ms.
pub(crate) struct Join {
    waiting: [u32; WAITING],
    len: u8,
    declared: bool,
    last_edge: u32,
    edges: u32,
    skipped: u32,
    breaks: u32,
    largest: f32,
    /// The last stretch of replaced samples.
    bad: Option<[u32; 2]>,
    series: Series,
}

/// Breaks at a common distance.
#[derive(Default)]
struct Series {
    first: u64,
    last: u64,
    /// In samples; 0 before there are two breaks.
    period: u32,
    breaks: u32,
    open: Option<EventId>,
    periodic: bool,
}

impl Series {
    /// A break at `edge`.
    fn add(&mut self, plan: &Plan, edge: u64, out: &mut Sink<'_>) {
        let distance = edge - self.last;
        let (period, tolerance) = (u64::from(self.period), plan.tolerance);
        // How far `long` is from a whole multiple of `short`.
        let is_multiple = |long: u64, short: u64| short > 2 * tolerance && (long + tolerance) % short <= 2 * tolerance;
        if self.breaks == 0 {
            (self.first, self.breaks) = (edge, 1);
        } else if period > 0 && is_multiple(distance, period) {
            self.breaks += 1;
        } else if self.open.is_none() {
            // A shorter distance of which the old one is a multiple keeps what was found; else it begins anew.
            if period == 0 || !is_multiple(period, distance) {
                (self.first, self.breaks) = (self.last, 1);
            }
            self.breaks += 1;
            self.period = distance.min(u64::from(u32::MAX)) as u32;
        } else {
            return;
        }
        self.last = edge;
        let places = (edge - self.first + tolerance) / u64::from(self.period.max(1)) + 1;
        if self.open.is_none() && self.breaks >= plan.min_periods && u64::from(self.breaks) * 2 >= places {
            self.open = Some(out.open(&PERIODIC, self.occurrence(plan)));
            self.periodic = true;
        }
    }

    /// Once it is open, the mean distance, to whole samples.
    fn period_ms(&self, plan: &Plan) -> f64 {
        let whole = self.last - self.first;
        let period = f64::from(self.period.max(1));
        let mean = whole as f64 / (whole as f64 / period).round().max(1.0);
        1000.0 * mean.round() / plan.rate_hz
    }

    fn occurrence(&self, plan: &Plan) -> Occurrence {
        Occurrence {
            start: self.first,
            end: self.last + 1,
            severity: Severity::Warning,
            value: self.period_ms(plan),
            threshold: 0.0,
            channel_mask: 0,
        }
    }
}

pub(crate) struct Plan {
    config: JoinConfig,
    before: usize,
    after: usize,
    min_periods: u32,
    tolerance: u64,
    rate_hz: f64,
}

/// What a break of each kind leaves in the prediction error: the filter itself, its sum, the sum of its sum.
struct Templates([[f64; TRACE]; 3]);

const KINDS: [&KindSpec; 3] = [&CLICK, &STEP, &SLOPE];

impl Templates {
    fn new(a: &[f64; ORDER + 1]) -> Self {
        let mut t = [*a; 3];
        for n in 1..TRACE {
            t[1][n] = t[1][n - 1] + a[n];
            t[2][n] = t[2][n - 1] + t[1][n];
        }
        Self(t)
    }

    fn norm(&self, kind: usize) -> f64 {
        self.0[kind].iter().map(|c| c * c).sum()
    }

    /// How well the error matches a kind.
    fn matches(&self, kind: usize, error: &[f64]) -> f64 {
        self.0[kind].iter().zip(error).map(|(c, e)| c * e).sum()
    }
}

/// The break at one edge: its kind, its size, and how far it stands out around it and elsewhere.
struct Break {
    kind: usize,
    size: f64,
    fit: f64,
    contrast: f64,
}

/// The first look at `x`, at the edge: what the fixed predictor leaves of a step or of a click, against what it leaves from
/// [`BEFORE`] samples before the edge to a few after.
fn stands_out(x: &[f32], edge: usize, ratio: f32) -> bool {
    const LEN: usize = BEFORE + 2 * FIXED.len();
    let Some(x) = x.get(edge - BEFORE - 3..).and_then(|x| x.first_chunk::<{ LEN + 3 }>()) else { return false };
    let mut error = [0.0f32; LEN];
    for (n, e) in error.iter_mut().enumerate() {
        *e = FIXED[0] * x[n + 3] + FIXED[1] * x[n + 2] + FIXED[2] * x[n + 1] + FIXED[3] * x[n];
    }
    let energy: f32 = error.iter().map(|e| e * e).sum();
    let at = &error[BEFORE..BEFORE + FIXED.len()];
    let explained = |template: [f32; 4]| {
        let (mut cross, mut norm) = (0.0, 0.0);
        for (c, e) in template.iter().zip(at) {
            cross += c * e;
            norm += c * c;
        }
        cross * cross / norm
    };
    let [a, b, c, d] = FIXED;
    let best = explained(FIXED).max(explained([a, a + b, a + b + c, a + b + c + d]));
    best > ratio * ratio * (energy - best)
}

/// The second and the third look: `x` is the surroundings, at most `N` samples on either side of `edge`, the index of the
/// first sample of the new chunk.
fn examine<const N: usize>(plan: &Plan, f: &FrameView<'_>, x: &[f32], edge: usize) -> Option<Break> {
    let simd = f.simd();
    if let Some(short) = Short::fit(simd, [&x[..edge], &x[edge..]]) {
        let largest = (edge..edge + 3).map(|n| short.error_at(x, n).abs()).fold(0.0, f64::max);
        // A break of any kind leaves its size at the edge.
        let least = (plan.config.screen_ratio * plan.config.screen_ratio * short.mean_square)
            .max(0.25 * plan.config.min_step_fs * plan.config.min_step_fs);
        if largest * largest <= least {
            return None;
        }
    }
    let mut fit = Fit::<N>::new(&x[..edge], &x[edge..]);
    fit.raise(simd, ORDER);
    let templates = Templates::new(&fit.filter);
    // The prediction error around the edge, as far as it is looked at.
    let mut around = [0.0; BEFORE + TRACE + AROUND];
    for (k, e) in around.iter_mut().enumerate() {
        *e = error_at(&fit.filter, x, edge + k - BEFORE);
    }
    let (mut kind, mut strength) = (0, -1.0);
    for t in 0..3 {
        let s = templates.matches(t, &around[BEFORE..]).abs() / templates.norm(t).sqrt();
        if s > strength {
            (kind, strength) = (t, s);
        }
    }
    let norm = templates.norm(kind);
    let at_edge = templates.matches(kind, &around[BEFORE..]).abs();
    let mut near = (BEFORE - AROUND..=BEFORE + AROUND).filter(|&at| at != BEFORE);
    if near.any(|at| templates.matches(kind, &around[at..]).abs() > at_edge) {
        return None;
    }
    // One step of 16 bits at least: what lies below is rounding.
    let sigma = fit.mean_square.sqrt().max(1.0 / 32768.0);
    let energy: f64 = around[..BEFORE + TRACE].iter().map(|e| e * e).sum();
    let rest = (energy - strength * strength).max(sigma * sigma);
    let template = templates.0[kind].map(|c| c as f32);
    let mut elsewhere = 0.0f32;
    for piece in 0..2 {
        let mut found = [0.0f32; N];
        let error = fit.error(piece);
        simd.correlate(error, &template, &mut found);
        elsewhere = elsewhere.max(simd.statistics(&found[..(error.len() + 1).saturating_sub(TRACE)]).peak());
    }
    let elsewhere = (f64::from(elsewhere) / norm.sqrt()).max(sigma);
    Some(Break { kind, size: at_edge / norm, fit: strength / rest.sqrt(), contrast: strength / elsewhere })
}

impl Join {
    fn judge(&mut self, plan: &Plan, edge: u64, f: &FrameView<'_>, out: &mut Sink<'_>) {
        let window = f.window();
        // The history holds 15 ms, and the edge was kept until 7 ms followed it: 8 ms lie before it, unless the stream is
        // younger.
        let at = window.len() - (f.end() - edge) as usize;
        let known = (plan.before.min(at) as u64).min(edge) as usize;
        let x = &window[at - known..at + plan.after];
        self.edges = self.edges.saturating_add(1);
        let at = known;
        let curve = |n: usize| x[n] - 2.0 * x[n - 1] + x[n - 2];
        let largest = (at..at + 3).map(|n| curve(n).abs()).fold(0.0, f32::max);
        let largest = f64::from(largest);
        let ratio = if largest < plan.config.min_step_fs { FIXED_RATIO_SMALL } else { FIXED_RATIO };
        if largest < 0.5 * plan.config.min_step_fs || !stands_out(x, at, ratio) {
            return;
        }
        let found = match plan.before.max(plan.after) {
            0..=256 => examine::<256>(plan, f, x, at),
            257..=512 => examine::<512>(plan, f, x, at),
            513..=1024 => examine::<1024>(plan, f, x, at),
            _ => examine::<LONGEST>(plan, f, x, at),
        };
        let Some(found) = found else { return };
        let (size, least) = (found.size, plan.config.min_step_fs);
        let strict = if size < 2.0 * least || found.kind == 2 { STRICT } else { 1.0 };
        let is_break = size >= least
            && found.fit >= strict * plan.config.fit_ratio
            && found.contrast >= strict * plan.config.contrast_ratio;
        if is_break {
            self.breaks = self.breaks.saturating_add(1);
            if found.kind != 2 {
                self.largest = self.largest.max(size as f32);
            }
            let severity = Severity::above(size, least, plan.config.error_step_fs);
            let o = Occurrence { start: edge, end: edge + 1, severity, value: size, threshold: least, channel_mask: 0 };
            out.point(KINDS[found.kind], o);
            self.series.add(plan, edge, out);
        }
    }

    /// Remembers where samples were replaced by zeros: what breaks there is no join.
    fn note_bad(&mut self, f: &FrameView<'_>) {
        let gate = f.gate();
        if let (Some(first), Some(last)) = (gate.first_bad, gate.last_bad) {
            let start = f.start() as u32;
            let [first, last] = [first, last + 1].map(|i| start.wrapping_add(i));
            let reach = 2 * f.len() as u32;
            self.bad = match self.bad {
                Some([from, to]) if first.wrapping_sub(to) <= reach => Some([from, last]),
                _ => Some([first, last]),
            };
        }
    }

    /// Whether the surroundings of an edge hold replaced samples.
    fn is_bad(&self, edge: u32) -> bool {
        // From `from` less a trace to `to` and a trace; both distances are small, or the stretch is another one.
        const REACH: u32 = TRACE as u32;
        self.bad.is_some_and(|[from, to]| {
            edge.wrapping_add(REACH).wrapping_sub(from) <= to.wrapping_sub(from).wrapping_add(2 * REACH)
        })
    }
}

impl Metric for Join {
    const SPEC: MetricSpec = MetricSpec {
        id: 7,
        name: "join",
        revision: 2,
        summary: "Steps, clicks and kinks at chunk edges",
        definition: "Otoscope: likelihood-ratio test of the prediction error (Burg, order 16) at declared edges",
        on: true,
        needs: Needs::HISTORY,
        params: JoinConfig::PARAMS,
        fields: JoinOutput::FIELDS,
        kinds: &[STEP, CLICK, SLOPE, PERIODIC],
    };
    type Config = JoinConfig;
    type Output = JoinOutput;
    type Plan = Plan;

    fn plan(config: &JoinConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        // At 8 kHz 7 ms are 56 samples, of which the trace takes 17.
        Ok(Plan {
            config: config.clone(),
            before: stream.rate.samples_in_ms(10),
            after: stream.rate.samples_in_ms(7),
            min_periods: config.min_periods as u32,
            tolerance: stream.rate.samples_in_ms(1) as u64,
            rate_hz: f64::from(stream.rate.hz()),
        })
    }

    fn new(_: &Plan) -> Self {
        Self {
            waiting: [0; WAITING],
            len: 0,
            declared: false,
            last_edge: 0,
            edges: 0,
            skipped: 0,
            breaks: 0,
            largest: 0.0,
            bad: None,
            series: Series::default(),
        }
    }

    fn event(&mut self, plan: &Plan, event: &Event, _: &mut Sink<'_>) {
        let &Event::ChunkEdge { sample } = event else { return };
        if sample == 0 {
            return;
        }
        self.declared = true;
        let (place, len) = (sample as u32, usize::from(self.len));
        // The start of the stream counts as an edge.
        let crowded = place.wrapping_sub(self.last_edge) < plan.after as u32;
        if crowded || len == WAITING {
            self.skipped = self.skipped.saturating_add(1);
            return;
        }
        self.last_edge = place;
        self.waiting[len] = place;
        self.len += 1;
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        self.note_bad(f);
        let len = usize::from(self.len);
        // How long ago an edge was; one of the next hop lies ahead.
        let age = |edge: u32| (f.end() as u32).wrapping_sub(edge).cast_signed();
        let ready = self.waiting[..len].iter().take_while(|&&edge| age(edge) >= plan.after as i32).count();
        if ready == 0 {
            return;
        }
        let waiting = self.waiting;
        for &edge in &waiting[..ready] {
            if self.is_bad(edge) {
                self.skipped = self.skipped.saturating_add(1);
            } else {
                self.judge(plan, f.end() - age(edge) as u64, f, out);
            }
        }
        self.waiting.copy_within(ready..len, 0);
        self.len -= ready as u8;
    }

    fn finish(&mut self, plan: &Plan, _: &mut [f32], _: &End<'_>, out: &mut Sink<'_>) {
        if let Some(event) = self.series.open.take() {
            out.close(&PERIODIC, event, self.series.occurrence(plan));
        }
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> JoinOutput {
        const NO_EDGES: Value = Value::NotComputed("no chunk edges were given");
        if !self.declared {
            return JoinOutput {
                edges: NO_EDGES,
                edges_skipped: NO_EDGES,
                breaks: NO_EDGES,
                largest_break_fs: NO_EDGES,
                period_ms: NO_EDGES,
            };
        }
        JoinOutput {
            edges: Value::count(self.edges.into()),
            edges_skipped: Value::count(u64::from(self.skipped) + u64::from(self.len)),
            breaks: Value::count(self.breaks.into()),
            largest_break_fs: Value::Number(self.largest.into()),
            period_ms: if self.series.periodic {
                Value::Number(self.series.period_ms(plan))
            } else {
                Value::Undefined("no common distance")
            },
        }
    }
}
