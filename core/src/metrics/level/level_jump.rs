//! Level jump: the voice becomes louder or softer from one phrase to the next, or slowly over minutes.
//!
//! ## What it measures
//! The level of speech before and after every phrase boundary, and the slope of its level over minutes.
//!
//! ## Why it matters for speech
//! Engines that make an answer in pieces, and normalise each piece by itself, jump in level where the pieces meet; some
//! fade by several decibels a minute until the listener turns the volume up.
//!
//! ## Method
//! Speech is the hops in which somebody speaks and that lie within 25 dB of the speech level of the last seconds. A phrase
//! boundary is 30 ms or more without them. Of each boundary the mean power of up to 2 s of speech before it is held
//! against that of 1.5 s after it (0.5 s at least on both sides). Means of little speech scatter, so the difference is
//! divided by the square root of (1/before + 1/after), scaled such that 1 s on both sides and more counts as it is; 0.7 dB
//! are allowed for, by which a voice declines within a sentence. Of several boundaries close together the largest tells. Where chunk edges are known, the 7 ms on both sides of
//! each are looked at. An edge across which the sound goes on within 1.5 dB made no jump. One at which it steps, in mean square and in that of
//! the differences alike, and at no other millisecond much more likely (likelihood ratio of one change of variance), is a boundary by itself, wherever it
//! lies, and needs `exact_db` only if the step has the sign of the jump and is within 6 dB of it (or within the jump's own size). Otherwise only a pause with an edge within it or
//! 30 ms next to it counts, and the jump is dated to the edge across which the sound changes most alike; without edges to the middle of the boundary. A fade is the slope of a regression over the level of each 2 s of speech, with a
//! memory of about three minutes, once it is five times its standard error. After a jump the regression begins anew.
//!
//! ## Reading the value
//! Positive is louder. Natural speech differs by 1 to 2.5 dB (one sigma, by voice) across a pause, and an expressive voice by 6
//! dB now and then, so one jump of 6 dB in eight is found and six of 10 dB in ten: less speech than a
//! second or two cannot tell more, and sounds step by themselves by as much within a few milliseconds. `jump_db` trades the one for the other. The finding lasts until the next jump or the end.
//!
//! ## Limits
//! Most jumps of 6 dB are missed, and four in ten of 10 dB: two seconds of speech differ by 1.4 dB in the mean (one standard deviation) and
//! by more than 7 dB once in a thousand pauses, and a step in a pause leaves little trace (docs/truth.md has the figures). A jump inside a phrase, between two syllables, is told from emphasis only by the pause that follows, and is dated
//! there or not found; the click it makes is `join`'s. A second speaker, a whisper and a shout are jumps. In pauses of
//! digital zero nothing shows which of several edges made it. Less than 0.5 s of speech on a side is not judged. An
//! undetected jump tilts the regression for some minutes.

use crate::error::ConfigError;
use crate::features::{Event, FrameView};
use crate::finding::{EventId, Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness, Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::{SampleRate, power_db};

params! { LevelJumpConfig {
    jump_db: Db = 7.0 in 1.0 ..= 60.0, "A difference from here on, of 1 s of speech on both sides, is a jump.";
    exact_db: Db = 6.0 in 1.0 ..= 60.0, "The same where the sound itself steps at a chunk edge.";
    error_db: Db = 10.0 in 1.0 ..= 60.0, "From here on a jump is an error rather than a warning.";
    slope_db: Db = 1.5 in 0.1 ..= 60.0, "A slope of so many decibels a minute is a fade.";
    slope_error_db: Db = 3.0 in 0.1 ..= 60.0, "From here on a fade is an error rather than a warning.";
    fade_s: Seconds = 45.0 in 10.0 ..= 3600.0, "A fade is told from this length on.";
} }

fields! { LevelJumpOutput {
    1 jumps: Count, Exact, "Jumps found.";
    2 largest_jump_db: Db, Exactness::LIBM, "The largest jump found, with its sign.";
    3 slope_per_minute_db: Db, Exactness::LIBM, "Slope of the speech level now, in decibels a minute.";
    4 speech_dbfs: Dbfs, Exactness::LIBM, "Mean level of the hops that count as speech.";
} }

const JUMP: KindSpec = KindSpec {
    id: 1,
    name: "jump",
    unit: Unit::Db,
    max_delay_ms: 10_000,
    message: "the voice becomes {value} dB louder here (negative: softer)",
};
const FADE: KindSpec = KindSpec {
    id: 2,
    name: "fade",
    unit: Unit::Db,
    max_delay_ms: 60_000,
    message: "the voice changes by {value} dB a minute",
};

/// Speech before a boundary: blocks of ten hops.
const BLOCK: u8 = 10;
const BLOCKS: usize = 20;
/// Hops of speech after a boundary that settle it, and the least on both sides.
const AFTER: u16 = 150;
const LEAST: u16 = 50;
/// Hops without speech that make a boundary.
const PAUSE: u16 = 3;
/// So much softer is the speech after a boundary by nature: within a sentence the voice declines.
const DECLINATION_DB: f64 = 0.7;
/// Hops next to a boundary that still belong to it.
const NEAR: u64 = 3;
/// Boundaries that wait for their speech, and edges of each.
const WAITING: usize = 6;
const EDGES: usize = 3;
/// Edges that are remembered until a boundary ends.
const RECENT: usize = 4;
/// A hop this far below the speech level is none: -25 dB.
const RANGE: f32 = 3.162e-3;
/// Hops over which the speech level is averaged.
const LEVEL_HOPS: u32 = 300;
/// Hops of speech of one point of the regression, and how much of the past each point leaves.
const POINT: u16 = 200;
const KEEP: f64 = 1.0 - 1.0 / 60.0;

/// A chunk edge, and what the samples next to it say.
#[derive(Debug, Clone, Copy, Default)]
struct Edge {
    sample: u64,
    look: Look,
}

/// What the 7 ms on both sides of an edge say about a gain.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
enum Look {
    /// Nothing: digital silence, or too near to the start.
    #[default]
    Nothing,
    /// The sound goes on as loud as before.
    Steady,
    /// It changes by so many decibels thereabouts.
    Near(f32),
    /// It changes by so many decibels at the very edge, and in low and high frequencies alike.
    Exact(f32),
}

impl Look {
    /// Whether a jump by so many decibels may have happened there.
    fn allows(self, db: f64) -> bool {
        match self {
            Self::Nothing => true,
            Self::Steady => false,
            Self::Near(step) | Self::Exact(step) => (f64::from(step) - db).abs() <= MOST_UNLIKE_DB.max(db.abs()),
        }
    }

    /// Whether it did happen there, if ever.
    fn proves(self, db: f64) -> bool {
        matches!(self, Self::Exact(step) if f64::from(step) * db > 0.0) && self.allows(db)
    }

    fn unlike(self, db: f64) -> f64 {
        match self {
            Self::Near(step) | Self::Exact(step) => (f64::from(step) - db).abs(),
            _ => 0.5 * MOST_UNLIKE_DB,
        }
    }
}

/// Milliseconds that are looked at on either side of an edge.
const LOOK: usize = 7;
/// So far may the change of the sound at an edge be from the jump of the speech: sounds change by themselves, too.
const MOST_UNLIKE_DB: f64 = 6.0;
/// Less than this is no change: +-1.5 dB as a ratio of powers.
const STEADY: f64 = 1.41;
/// A closer look from +-4.74 dB on: of a smaller step the likelihood ratio is below [`SHARP`], which is reached where
/// `(1 + r)^2 / 4r` is `exp(SHARP / LOOK)`, at 2.988.
const CLOSER: f64 = 2.98;
/// The mean square of what can be no more than rounding to 16 bits: -100 dBFS.
const MUTE: f64 = 1e-10;

/// So likely must a change at the edge be, and by no more may one elsewhere be likelier.
const SHARP: f32 = 2.0;
const ELSEWHERE: f32 = 1.5;

/// Of `2 LOOK` mean squares, each of one millisecond: whether a change in the middle is likely against none, and one elsewhere
/// not much more likely (logarithms of likelihood ratios a sample pair, for Gaussian noise whose variance changes once).
fn is_sharp(x: &[f32; 2 * LOOK]) -> bool {
    const N: f32 = 2.0 * LOOK as f32;
    let floor = MUTE as f32 / 10.0;
    let total: f32 = x.iter().sum::<f32>() + N * floor;
    let none = N * (total / N).ln();
    let ratio = |k: usize, sum: f32| {
        let n = k as f32;
        none - n * (sum / n).ln() - (N - n) * ((total - sum).max(floor) / (N - n)).ln()
    };
    // Most have no change in the middle.
    let middle = ratio(LOOK, x[..LOOK].iter().fold(0.0, |sum, v| sum + (v + floor)));
    if middle <= SHARP {
        return false;
    }
    let (mut sum, mut best) = (0.0, f32::MIN);
    for (k, v) in x.iter().enumerate() {
        if (2..2 * LOOK - 1).contains(&k) {
            best = best.max(ratio(k, sum));
        }
        sum += v + floor;
    }
    best - middle < ELSEWHERE
}

/// The same, counted from the start of the boundary it belongs to.
#[derive(Debug, Clone, Copy, Default)]
struct Near {
    after_start: i32,
    look: Look,
}

/// A boundary between two phrases.
#[derive(Debug, Clone, Copy, Default)]
struct Boundary {
    start: u64,
    len: u32,
    before: f32,
    before_hops: u16,
    after_hops: u16,
    after: f32,
    edges: [Near; EDGES],
    edge_count: u8,
}

impl Boundary {
    fn end(&self) -> u64 {
        self.start + u64::from(self.len)
    }

    fn add_edge(&mut self, edge: Edge) {
        if edge.look == Look::Steady {
            return;
        }
        if let Some(slot) = self.edges.get_mut(usize::from(self.edge_count)) {
            let after_start = edge.sample.wrapping_sub(self.start) as i32;
            *slot = Near { after_start, look: edge.look };
            self.edge_count += 1;
        }
    }

    /// The jump in decibels, and how much it counts as; `None` while a side has too little speech.
    fn judge(&self) -> Option<(f64, f64)> {
        if self.before_hops < LEAST || self.after_hops < LEAST {
            return None;
        }
        let (before, after) = (f64::from(self.before_hops), f64::from(self.after_hops));
        let db = power_db((f64::from(self.after) / after) / (f64::from(self.before) / before));
        // 1 s on both sides and more: 1.
        let scatter = (50.0 * (1.0 / before + 1.0 / after)).sqrt().max(1.0);
        Some((db, (db + DECLINATION_DB).abs() / scatter))
    }

    fn edges(&self) -> &[Near] {
        &self.edges[..usize::from(self.edge_count)]
    }

    /// Where it jumped: at the edge whose step is most like the jump, one that proves it before all others.
    fn place(&self, db: f64) -> u64 {
        let unlike = |e: &Near| if e.look.proves(db) { -1.0 / e.look.unlike(db).max(0.1) } else { e.look.unlike(db) };
        let best = self.edges().iter().min_by(|a, b| unlike(a).total_cmp(&unlike(b)));
        best.map_or(self.start + u64::from(self.len / 2), |e| self.start.saturating_add_signed(e.after_start.into()))
    }
}

/// Weighted sums of a regression of level over time; times in minutes before the newest point.
#[derive(Debug, Clone, Copy, Default)]
struct Regression {
    w: f64,
    t: f64,
    tt: f64,
    y: f64,
    ty: f64,
    yy: f64,
    points: u32,
    newest: u64,
}

impl Regression {
    /// A point that lies `minutes` after the one before it.
    fn add(&mut self, minutes: f64, db: f64) {
        self.tt += minutes * (minutes * self.w - 2.0 * self.t);
        self.ty -= minutes * self.y;
        self.t -= minutes * self.w;
        for sum in [&mut self.w, &mut self.t, &mut self.tt, &mut self.y, &mut self.ty, &mut self.yy] {
            *sum *= KEEP;
        }
        self.w += 1.0;
        self.y += db;
        self.yy += db * db;
        self.points += 1;
    }

    /// Slope in decibels a minute, its standard error, and the minutes an even row of points as wide would span.
    fn slope(&self) -> Option<(f64, f64, f64)> {
        let tt = self.tt - self.t * self.t / self.w;
        if self.points < 10 || tt <= 0.0 {
            return None;
        }
        let ty = self.ty - self.t * self.y / self.w;
        let slope = ty / tt;
        let rest = (self.yy - self.y * self.y / self.w - slope * ty).max(0.0);
        Some((slope, (rest / (self.w - 2.0) / tt).sqrt(), (12.0 * tt / self.w).sqrt()))
    }
}

pub(crate) struct LevelJump {
    /// Energies of the last blocks of speech, in a ring, and their hops; the newest grows.
    blocks: [f32; BLOCKS],
    hops: [u8; BLOCKS],
    at: u8,
    level: f32,
    level_hops: u32,
    quiet: u16,
    quiet_since: u64,
    pending: Option<u64>,
    waiting: Option<u64>,
    edges: [Edge; RECENT],
    edge_at: u8,
    edges_known: bool,
    boundaries: [Boundary; WAITING],
    /// Hops of speech until the largest of them is told; 0 while none may be a jump.
    patience: u16,
    jumps: u32,
    largest: f32,
    open: Option<(EventId, u64, f32)>,
    point: (f32, u16),
    regression: Regression,
    fade: Option<(EventId, u64)>,
    energy: f64,
    speech_hops: u64,
    end: u64,
}

pub(crate) struct Plan {
    config: LevelJumpConfig,
    rate: SampleRate,
    near: u64,
    /// Samples of a millisecond.
    ms: usize,
}

impl Plan {
    fn is_jump(&self, boundary: &Boundary, edges_known: bool) -> bool {
        let Some((db, weight)) = boundary.judge() else { return false };
        weight >= self.threshold_db(boundary, db)
            && (!edges_known || boundary.edges().iter().any(|edge| edge.look.allows(db)))
    }

    fn threshold_db(&self, boundary: &Boundary, db: f64) -> f64 {
        let proved = boundary.edges().iter().any(|edge| edge.look.proves(db));
        if proved { self.config.exact_db.min(self.config.jump_db) } else { self.config.jump_db }
    }

    /// How far a boundary is beyond what it needs.
    fn excess(&self, boundary: &Boundary) -> Option<f64> {
        boundary.judge().map(|(db, weight)| weight / self.threshold_db(boundary, db))
    }

    /// Looks at the samples on both sides of an edge; 7 ms after it must be there.
    fn look(&self, f: &FrameView<'_>, edge: u64) -> Look {
        let (simd, window, side) = (f.simd(), f.window(), LOOK * self.ms);
        let Some(at) = window.len().checked_sub((f.end() - edge) as usize) else { return Look::Nothing };
        if edge <= side as u64 || at <= side || at + side > window.len() {
            return Look::Nothing;
        }
        let x = &window[at - side..at + side];
        let energy = |x: &[f32]| simd.energy(x) / side as f64;
        let (before, after) = (energy(&x[..side]), energy(&x[side..]));
        if before.min(after) < MUTE {
            return Look::Nothing;
        }
        if before.max(after) < STEADY * before.min(after) {
            return Look::Steady;
        }
        let near = Look::Near(power_db(after / before) as f32);
        if before.max(after) < CLOSER * before.min(after) {
            return near;
        }
        let (mut low, mut high) = ([0.0f32; 2 * LOOK], [0.0f32; 2 * LOOK]);
        for (low, ms) in low.iter_mut().zip(x.chunks_exact(self.ms)) {
            *low = ms.iter().map(|v| v * v).sum::<f32>() / self.ms as f32;
        }
        if !is_sharp(&low) {
            return near;
        }
        for (high, ms) in high.iter_mut().zip(x.chunks_exact(self.ms)) {
            // The differences within the millisecond only, so that none crosses the edge.
            *high = ms.windows(2).map(|w| (w[1] - w[0]) * (w[1] - w[0])).sum::<f32>() / self.ms as f32;
        }
        if !is_sharp(&high) {
            return near;
        }
        let ratio = |x: &[f32; 2 * LOOK]| {
            let half = |x: &[f32]| f64::from(x.iter().sum::<f32>()) + MUTE;
            power_db(half(&x[LOOK..]) / half(&x[..LOOK]))
        };
        let steps = [ratio(&low), ratio(&high)];
        if steps[0] * steps[1] > 0.0 { Look::Exact((0.5 * (steps[0] + steps[1])) as f32) } else { near }
    }

    fn jump(&self, start: u64, end: u64, db: f64) -> Occurrence {
        let severity = if db.abs() >= self.config.error_db { Severity::Error } else { Severity::Warning };
        Occurrence { start, end, severity, value: db, threshold: self.config.jump_db, channel_mask: 0 }
    }

    fn fade(&self, start: u64, end: u64, slope: f64) -> Occurrence {
        let severity = if slope.abs() >= self.config.slope_error_db { Severity::Error } else { Severity::Warning };
        Occurrence { start, end, severity, value: slope, threshold: self.config.slope_db, channel_mask: 0 }
    }
}

impl LevelJump {
    /// Follows the edges: one is looked at as soon as 7 ms follow it.
    fn follow_edges(&mut self, plan: &Plan, f: &FrameView<'_>) {
        let enough = |sample: u64| f.end() >= sample + (LOOK * plan.ms) as u64;
        if let Some(sample) = self.waiting.take() {
            self.add_edge(plan, Edge { sample, look: plan.look(f, sample) });
        }
        if let Some(sample) = self.pending
            && sample < f.end()
        {
            self.pending = None;
            if enough(sample) {
                self.add_edge(plan, Edge { sample, look: plan.look(f, sample) });
            } else {
                self.waiting = Some(sample);
            }
        }
    }

    fn add_edge(&mut self, plan: &Plan, edge: Edge) {
        self.edges[usize::from(self.edge_at)] = edge;
        self.edge_at = (self.edge_at + 1) % RECENT as u8;
        let near = |b: &&mut Boundary| b.after_hops > 0 && (b.end()..b.end() + plan.near).contains(&edge.sample);
        if let Some(boundary) = self.boundaries.iter_mut().find(near) {
            boundary.add_edge(edge);
        }
        if let Look::Exact(_) = edge.look {
            self.begin(plan, Boundary { start: edge.sample, ..Boundary::default() }, Some(edge));
        }
    }

    /// Speech goes on after a pause: a boundary.
    fn begin_after_pause(&mut self, plan: &Plan, now: u64) {
        let len = u32::try_from(now - self.quiet_since).unwrap_or(u32::MAX);
        self.begin(plan, Boundary { start: self.quiet_since, len, ..Boundary::default() }, None);
    }

    /// A boundary: a pause, or just an edge at which the sound itself jumps.
    fn begin(&mut self, plan: &Plan, mut boundary: Boundary, only: Option<Edge>) {
        for (&energy, &hops) in self.blocks.iter().zip(&self.hops) {
            boundary.before += energy;
            boundary.before_hops += u16::from(hops);
        }
        if boundary.before_hops < LEAST {
            return;
        }
        // Oldest first.
        for k in 0..RECENT {
            let edge = only.unwrap_or(self.edges[(usize::from(self.edge_at) + k) % RECENT]);
            if only.is_some() && k > 0 {
                break;
            }
            if edge.sample > 0 && edge.sample + plan.near >= boundary.start {
                boundary.add_edge(edge);
            }
        }
        // The slot that is free, or whose boundary tells least; one that cannot tell yet may be a jump.
        let weight = |b: &Boundary| if b.before_hops == 0 { -1.0 } else { plan.excess(b).unwrap_or(1.0) };
        if let Some(slot) = self.boundaries.iter_mut().min_by(|a, b| weight(a).total_cmp(&weight(b))) {
            *slot = boundary;
        }
    }

    /// A boundary has all the speech it waited for. If it may be a jump it stays until those that began before it was known are
    /// known as well: speech after a jump raises what lies before it, too.
    fn mature(&mut self, plan: &Plan, index: usize) {
        let boundary = &mut self.boundaries[index];
        if !plan.is_jump(boundary, self.edges_known) {
            *boundary = Boundary::default();
        } else if self.patience == 0 {
            self.patience = AFTER;
        }
    }

    /// All that could be the jump are known, or the stream ends: the largest is it.
    fn settle(&mut self, plan: &Plan, out: &mut Sink<'_>) {
        self.patience = 0;
        let weight = |b: &Boundary| plan.excess(b).unwrap_or(0.0);
        let all = self.boundaries.iter().filter(|b| plan.is_jump(b, self.edges_known));
        let Some(&boundary) = all.max_by(|a, b| weight(a).total_cmp(&weight(b))) else { return };
        let Some((db, _)) = boundary.judge() else { return };
        let start = boundary.place(db);
        if let Some((event, since, value)) = self.open.take() {
            out.close(&JUMP, event, plan.jump(since, start.max(since), f64::from(value)));
        }
        let event = out.open(&JUMP, plan.jump(start, self.end, db));
        self.open = Some((event, start, db as f32));
        self.jumps += 1;
        if db.abs() > f64::from(self.largest.abs()) {
            self.largest = db as f32;
        }
        // From here on the new level counts: what came before it is forgotten.
        self.boundaries = Default::default();
        (self.blocks, self.hops) = ([0.0; BLOCKS], [0; BLOCKS]);
        let hops = boundary.after_hops.min(u16::from(u8::MAX));
        self.blocks[0] = boundary.after * f32::from(hops) / f32::from(boundary.after_hops);
        (self.hops[0], self.at) = (hops as u8, 0);
        self.forget_slope(plan, out);
    }

    fn forget_slope(&mut self, plan: &Plan, out: &mut Sink<'_>) {
        if let Some((event, start)) = self.fade.take() {
            let slope = self.regression.slope().map_or(0.0, |(slope, ..)| slope);
            out.close(&FADE, event, plan.fade(start, self.end, slope));
        }
        self.regression = Regression::default();
        self.point = (0.0, 0);
    }

    fn follow_slope(&mut self, plan: &Plan, mean_square: f32, out: &mut Sink<'_>) {
        self.point.0 += mean_square;
        self.point.1 += 1;
        if self.point.1 < POINT {
            return;
        }
        let db = power_db(f64::from(self.point.0) / f64::from(self.point.1));
        self.point = (0.0, 0);
        let r = &mut self.regression;
        let minutes = if r.points == 0 { 0.0 } else { plan.rate.seconds(self.end - r.newest) / 60.0 };
        r.newest = self.end;
        r.add(minutes, db);
        let Some((slope, error, span)) = r.slope() else { return };
        let c = &plan.config;
        match self.fade {
            None if slope.abs() >= c.slope_db && slope.abs() > 5.0 * error && span * 60.0 >= c.fade_s => {
                let samples = (span * 60.0 * f64::from(plan.rate.hz())) as u64;
                let start = self.end.saturating_sub(samples);
                self.fade = Some((out.open(&FADE, plan.fade(start, self.end, slope)), start));
            }
            Some((event, start)) if slope.abs() < 0.5 * c.slope_db => {
                out.close(&FADE, event, plan.fade(start, self.end, slope));
                self.fade = None;
            }
            _ => {}
        }
    }
}

impl Metric for LevelJump {
    const SPEC: MetricSpec = MetricSpec {
        id: 14,
        name: "level_jump",
        revision: 1,
        summary: "Jumps of the speech level between phrases, and fades over minutes",
        definition: "Otoscope: two-sample test of gated speech power at phrase boundaries; weighted regression",
        on: true,
        needs: Needs::VOICE.and(Needs::HISTORY),
        params: LevelJumpConfig::PARAMS,
        fields: LevelJumpOutput::FIELDS,
        kinds: &[JUMP, FADE],
    };
    type Config = LevelJumpConfig;
    type Output = LevelJumpOutput;
    type Plan = Plan;

    fn plan(config: &LevelJumpConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        let near = NEAR * u64::from(stream.rate.hz()) / 100;
        Ok(Plan { config: config.clone(), rate: stream.rate, near, ms: stream.rate.hz() as usize / 1000 })
    }

    fn new(_: &Plan) -> Self {
        Self {
            blocks: [0.0; BLOCKS],
            hops: [0; BLOCKS],
            at: 0,
            level: 0.0,
            level_hops: 0,
            quiet: 0,
            quiet_since: 0,
            pending: None,
            waiting: None,
            edges: [Edge::default(); RECENT],
            edge_at: 0,
            edges_known: false,
            boundaries: [Boundary::default(); WAITING],
            patience: 0,
            jumps: 0,
            largest: 0.0,
            open: None,
            point: (0.0, 0),
            regression: Regression::default(),
            fade: None,
            energy: 0.0,
            speech_hops: 0,
            end: 0,
        }
    }

    fn event(&mut self, _: &Plan, event: &Event, _: &mut Sink<'_>) {
        if let &Event::ChunkEdge { sample } = event
            && sample > 0
        {
            self.pending = Some(sample);
            self.edges_known = true;
        }
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        self.end = f.end();
        let mean_square = (f.mix().energy / f.len().max(1) as f64) as f32;
        self.follow_edges(plan, f);
        if f.voice_is_active() {
            self.level_hops = (self.level_hops + 1).min(LEVEL_HOPS);
            self.level += (mean_square - self.level) / self.level_hops as f32;
        }
        if !f.voice_is_active() || mean_square <= RANGE * self.level {
            if self.quiet == 0 {
                self.quiet_since = f.start();
            }
            self.quiet = self.quiet.saturating_add(1);
            return;
        }
        if core::mem::take(&mut self.quiet) >= PAUSE {
            self.begin_after_pause(plan, f.start());
        }
        self.energy += f64::from(mean_square);
        self.speech_hops += 1;
        if self.hops[usize::from(self.at)] >= BLOCK {
            self.at = (self.at + 1) % BLOCKS as u8;
            (self.blocks[usize::from(self.at)], self.hops[usize::from(self.at)]) = (0.0, 0);
        }
        self.blocks[usize::from(self.at)] += mean_square;
        self.hops[usize::from(self.at)] += 1;
        for index in 0..WAITING {
            let boundary = &mut self.boundaries[index];
            if boundary.before_hops > 0 {
                if boundary.after_hops == AFTER {
                    continue;
                }
                boundary.after += mean_square;
                boundary.after_hops += 1;
                if boundary.after_hops == AFTER {
                    self.mature(plan, index);
                }
            }
        }
        if self.patience > 0 {
            self.patience -= 1;
            if self.patience == 0 {
                self.settle(plan, out);
            }
        }
        self.follow_slope(plan, mean_square, out);
    }

    fn finish(&mut self, plan: &Plan, _: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        self.end = end.samples;
        self.settle(plan, out);
        if let Some((event, start, db)) = self.open.take() {
            out.close(&JUMP, event, plan.jump(start, self.end, f64::from(db)));
        }
        if let Some((event, start)) = self.fade.take() {
            let slope = self.regression.slope().map_or(0.0, |(slope, ..)| slope);
            out.close(&FADE, event, plan.fade(start, self.end, slope));
        }
    }

    fn output(&self, _: &Plan, _: &[f32]) -> LevelJumpOutput {
        const LITTLE: &str = "too little speech";
        LevelJumpOutput {
            jumps: Value::count(u64::from(self.jumps)),
            largest_jump_db: Value::some_or((self.jumps > 0).then(|| f64::from(self.largest)), "no jump"),
            slope_per_minute_db: Value::some_or(self.regression.slope().map(|(slope, ..)| slope), LITTLE),
            speech_dbfs: Value::finite(power_db(self.energy / self.speech_hops as f64), LITTLE),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_is_small() {
        assert!(size_of::<LevelJump>() <= 900, "{}", size_of::<LevelJump>());
    }

    #[test]
    fn a_line_has_its_slope_and_no_error() {
        let mut r = Regression::default();
        for k in 0..200 {
            r.add(if k == 0 { 0.0 } else { 0.05 }, -20.0 - 3.0 * 0.05 * f64::from(k));
        }
        let (slope, error, span) = r.slope().expect("many points");
        assert!((slope + 3.0).abs() < 1e-6 && error < 1e-3, "rounding of the running sums: {slope} {error}");
        // Exponential weights, cut off at a = 200 / 60 of their length: variance 1 - a^2 e^-a / (1 - e^-a)^2 of it squared.
        let a = 200.0 / 60.0f64;
        let variance = 1.0 - a * a * (-a).exp() / (1.0 - (-a).exp()).powi(2);
        let want = (12.0 * variance).sqrt() * 60.0 * 0.05;
        assert!((span / want - 1.0).abs() < 0.02, "sums instead of integrals: {span} {want}");
    }
}
