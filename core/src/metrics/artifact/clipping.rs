//! Clipping: tops of the waveform cut flat.
//!
//! ## What it measures
//! Runs of samples at the rails of the format, samples beyond full scale (which will be cut when they are converted), and
//! flat tops below the rails: a signal that was clipped first and turned down afterwards.
//!
//! ## Why it matters for speech
//! A voice that is too loud for its format sounds harsh. Once clipped, turning it down hides the fault from every meter
//! that only looks at the rails.
//!
//! ## Method
//! Rail run: `min_run_samples` or more consecutive samples at or beyond 1.5 steps of 16 bits below full scale. Plateau: as
//! many samples within one step of each other, an extreme of the waveform, entered by more than `edge_ratio` of its
//! height within one sample, or by two and a half times that within two. A smooth curve hardly can: near a quadratic top
//! three samples within one step are entered by at most 3 steps, near the flattest top a fourth power has by 16. One plateau may still be chance; a finding needs
//! `min_plateaus` of them at the same height, each less than `window_ms` after the last, with nothing beyond that height
//! in between; tops of other hops that reach that very height, if only with one sample, count as one. Such tops also lengthen a finding, to the middle of their hop.
//! Findings less than `merge_gap_ms` apart are one.
//!
//! ## Reading the value
//! The value of `rail` is the longest run in samples, of `plateau` the height of the cut in dBFS. Any is a fault: one rail
//! run is `info`, a run of `error_run_samples` an error.
//!
//! ## Limits
//! A limiter or compressor that rounds the tops leaves no flat ones. Mu-law and 8-bit sources have plateaus by nature and
//! may be reported. Soft clipping is invisible here. Plateaus below `least_dbfs` are not looked for.

use crate::error::ConfigError;
use crate::features::FrameView;
use crate::finding::{Occurrence, Severity, Sink, Stretch};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::{amplitude_db, db_amplitude};
use bytemuck::{Pod, Zeroable, cast_slice_mut};

params! { ClippingConfig {
    min_run_samples: Samples = 3.0 in 3.0 ..= 1000.0, "The shortest run that counts, at a rail or as a plateau.";
    error_run_samples: Samples = 10.0 in 3.0 ..= 100000.0, "A rail run from this long on is an error.";
    edge_ratio: Ratio = 0.01 in 0.001 ..= 1.0, "A plateau is entered by more than this share of its height.";
    min_plateaus: Count = 2.0 in 1.0 ..= 1000.0, "So many plateaus at the same height make a finding.";
    least_dbfs: Dbfs = -24.0 in -60.0 ..= 0.0, "Plateaus lower than this are not looked for.";
    window_ms: Ms = 60.0 in 1.0 ..= 10000.0, "Plateaus of one finding follow each other within this time.";
    merge_gap_ms: Ms = 60.0 in 0.0 ..= 10000.0, "Clipping closer together than this is one finding.";
} }

fields! { ClippingOutput {
    1 rail_samples: Samples, Exact, "Samples in runs at a rail, all channels counted.";
    2 rail_runs: Count, Exact, "Runs at a rail.";
    3 longest_run_samples: Samples, Exact, "The longest run at a rail.";
    4 over_samples: Samples, Exact, "Samples beyond full scale (float input only), all channels counted.";
    5 plateau_runs: Count, Exact, "Flat tops below the rails that belong to findings.";
} }

const RAIL: KindSpec = KindSpec {
    id: 1,
    name: "rail",
    unit: Unit::Samples,
    max_delay_ms: 20,
    message: "clipped: {value} samples in a row at full scale, within {duration_ms} ms",
};
const PLATEAU: KindSpec = KindSpec {
    id: 2,
    name: "plateau",
    unit: Unit::Dbfs,
    max_delay_ms: 250,
    message: "clipped, then turned down: flat tops at {value} dBFS for {duration_ms} ms",
};

/// One step of 16 bits.
const STEP: f32 = 1.0 / 32768.0;
/// From here on a sample is at a rail: -32768, -32767 and 32766.5 upwards.
const AT_RAIL: f32 = 1.0 - 1.5 * STEP;
/// Heights closer together than this are the same.
const SAME: f32 = 1.5 * STEP;
/// Samples before the hop that a plateau may have begun in: it must fit into the history of a channel.
const LOOK_BACK: usize = 2;

/// State per channel, in the slab.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Channel {
    run: Run,
    /// Candidates above and below zero.
    candidates: [Candidate; 2],
    /// The height of the tops above and below zero.
    tops: [Top; 2],
    /// The last two samples, the newer one first.
    last: [f32; 2],
}

/// Consecutive samples that lie within one step of the first of them.
#[derive(Clone, Copy, Default, Pod, Zeroable)]
#[repr(C)]
struct Run {
    start: u64,
    /// Saturates after six hours at 192 kHz.
    len: u32,
    level: f32,
    /// The two samples before it, the nearer one first.
    before: [f32; 2],
}

/// Hops whose extreme is the same, and not exceeded: where the first and the last of them begin.
#[derive(Clone, Copy, Default, Pod, Zeroable)]
#[repr(C)]
struct Top {
    first: u64,
    last: u64,
    level: f32,
    /// As plain data has no gaps.
    unused: u32,
}

impl Top {
    /// Another hop; tells whether it reaches the height of one before.
    fn add(&mut self, extreme: f32, f: &FrameView<'_>, window: u64) -> bool {
        let start = f.start();
        if extreme > self.level + SAME || start > self.last + window {
            *self = Self { level: extreme, first: start, last: start, unused: 0 };
            return false;
        }
        let reaches = extreme >= self.level - SAME;
        if reaches {
            self.last = start;
        }
        reaches
    }

    /// The middle of the first hop, if it is of the height `level` and lies before `start`.
    fn before(&self, level: f32, start: u64, hop: u64) -> Option<u64> {
        ((self.level - level).abs() <= SAME && self.first + hop < start).then_some(self.first + hop / 2)
    }
}

/// Plateaus at one height that do not make a finding yet.
#[derive(Clone, Copy, Default, Pod, Zeroable)]
#[repr(C)]
struct Candidate {
    level: f32,
    count: u16,
    /// How many of them belong to a finding already.
    told: u16,
    start: u64,
    end: u64,
}

pub(crate) struct Clipping {
    /// The findings in progress; clipping in several channels at once is one.
    rail: Stretch,
    plateau: Stretch,
    rail_samples: u64,
    rail_runs: u64,
    longest: u64,
    over: u64,
    plateaus: u64,
}

pub(crate) struct Plan {
    config: ClippingConfig,
    min_run: u64,
    min_plateaus: u16,
    hop: u64,
    least: f32,
    edge: f32,
    window: u64,
    merge_gap: u64,
    channels: usize,
}

impl Clipping {
    /// A run has ended: `after` is the first sample beyond it (`None` at the end of the stream).
    fn judge(
        &mut self,
        plan: &Plan,
        c: usize,
        channel: &mut Channel,
        run: Run,
        after: Option<f32>,
        out: &mut Sink<'_>,
    ) {
        let len = u64::from(run.len);
        if len < plan.min_run {
            return;
        }
        let (start, end) = (run.start, run.start + len);
        let magnitude = run.level.abs();
        let mask = 1u32 << c;
        let below = run.level < 0.0;
        let earlier = channel.tops[usize::from(below)].before(magnitude.min(1.0), start, plan.hop);
        if magnitude >= AT_RAIL {
            self.rail_samples += len;
            self.rail_runs += 1;
            self.longest = self.longest.max(len);
            let value = f64::from(run.len);
            let severity = Severity::above(value, plan.min_run as f64 + 1.0, plan.config.error_run_samples);
            let threshold = plan.min_run as f64;
            let start = earlier.unwrap_or(start);
            let piece = Occurrence { start, end, severity, value, threshold, channel_mask: mask };
            self.rail.add(&RAIL, piece, plan.merge_gap, f64::max, out);
            return;
        }
        let Some(after) = after else { return };
        let sign = run.level.signum();
        let edge = plan.edge * magnitude;
        // The sample next to the plateau may lie just under the cut, so the one before it may tell instead.
        let [near, far] = run.before.map(|before| (run.level - before) * sign);
        let is_cut = near > 1.5 * STEP && (near > edge || far > 2.5 * edge) && (run.level - after) * sign > 1.5 * STEP;
        if magnitude < plan.least || !is_cut {
            return;
        }
        let candidate = &mut channel.candidates[usize::from(below)];
        let same = (run.level - candidate.level).abs() <= SAME;
        let recent = candidate.count > 0 && start <= candidate.end + plan.window;
        if same && recent {
            candidate.count = candidate.count.saturating_add(1);
            candidate.end = end;
        } else if !recent || magnitude > candidate.level.abs() {
            *candidate = Candidate { level: run.level, count: 1, told: 0, start, end };
        } else {
            return;
        }
        let tops = u16::from(earlier.is_some());
        if candidate.count.saturating_add(tops) >= plan.min_plateaus {
            let start = earlier.map_or(candidate.start, |top| top.min(candidate.start));
            self.report(plan, c, candidate, start, end, out);
        }
    }

    /// The candidate is a finding, or a piece of one.
    fn report(&mut self, plan: &Plan, c: usize, candidate: &mut Candidate, start: u64, end: u64, out: &mut Sink<'_>) {
        self.plateaus += u64::from(candidate.count - candidate.told);
        candidate.told = candidate.count;
        let piece = Occurrence {
            start,
            end,
            severity: Severity::Warning,
            value: amplitude_db(f64::from(candidate.level.abs())),
            threshold: plan.config.least_dbfs,
            channel_mask: 1 << c,
        };
        self.plateau.add(&PLATEAU, piece, plan.merge_gap, f64::max, out);
    }

    /// A hop reaches the height of one before it.
    fn touch(
        &mut self,
        plan: &Plan,
        c: usize,
        channel: &mut Channel,
        side: usize,
        f: &FrameView<'_>,
        out: &mut Sink<'_>,
    ) {
        let Channel { tops, candidates, .. } = channel;
        let (level, middle) = (tops[side].level, f.start() + f.len() as u64 / 2);
        let candidate = &mut candidates[side];
        if level >= AT_RAIL {
            self.rail.extend(middle, plan.merge_gap);
        } else if candidate.count > 0
            && (candidate.level.abs() - level).abs() <= SAME
            && f.start() >= candidate.end
            && f.start() <= candidate.end + plan.window
            && candidate.count.saturating_add(1) >= plan.min_plateaus
        {
            let start = candidate.start;
            candidate.end = middle;
            self.report(plan, c, candidate, start, middle, out);
        }
    }

    /// Walks through a hop that holds flat places, sample by sample.
    fn walk(&mut self, plan: &Plan, c: usize, channel: &mut Channel, x: &[f32], first: u64, out: &mut Sink<'_>) {
        for (i, &v) in x.iter().enumerate() {
            let at = first + i as u64;
            let Channel { run, last, .. } = &mut *channel;
            let both_at_rail = v.abs() >= AT_RAIL && run.level.abs() >= AT_RAIL && v * run.level > 0.0;
            let before = *last;
            *last = [v, before[0]];
            if run.len > 0 && ((v - run.level).abs() <= STEP || both_at_rail) {
                run.len = run.len.saturating_add(1);
                continue;
            }
            let ended = *run;
            *run = Run { start: at, len: 1, level: v, before };
            if u64::from(ended.len) >= plan.min_run {
                self.judge(plan, c, channel, ended, Some(v), out);
            }
        }
    }

    /// Skips a hop without flat places: only the run that reaches into it must be ended and the next one begun.
    fn skip(&mut self, plan: &Plan, c: usize, channel: &mut Channel, x: &[f32], first: u64, out: &mut Sink<'_>) {
        // A run of two may begin at the end; three samples tell where the walk can take it up again.
        let tail = x.len().saturating_sub(LOOK_BACK + 1);
        let head = (LOOK_BACK + 1).min(tail);
        self.walk(plan, c, channel, &x[..head], first, out);
        if head < tail {
            let ended = channel.run;
            channel.run = Run::default();
            self.judge(plan, c, channel, ended, Some(x[head]), out);
            channel.last = [x[tail - 1], x[tail - 2]];
        }
        self.walk(plan, c, channel, &x[tail..], first + tail as u64, out);
    }
}

impl Metric for Clipping {
    const SPEC: MetricSpec = MetricSpec {
        id: 6,
        name: "clipping",
        revision: 2,
        summary: "Tops of the waveform cut flat, at the rails or below",
        definition: "Otoscope: runs at the rails; steep-edged plateaus of equal height",
        needs: Needs::NONE,
        params: ClippingConfig::PARAMS,
        fields: ClippingOutput::FIELDS,
        kinds: &[RAIL, PLATEAU],
    };
    type Config = ClippingConfig;
    type Output = ClippingOutput;
    type Plan = Plan;

    fn plan(config: &ClippingConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        Ok(Plan {
            min_run: config.min_run_samples as u64,
            min_plateaus: config.min_plateaus as u16,
            hop: stream.rate.longest_hop() as u64,
            least: db_amplitude(config.least_dbfs) as f32,
            edge: config.edge_ratio as f32,
            window: stream.rate.samples_in_ms(config.window_ms as u32) as u64,
            merge_gap: stream.rate.samples_in_ms(config.merge_gap_ms as u32) as u64,
            channels: stream.channels,
            config: config.clone(),
        })
    }

    fn slab(plan: &Plan) -> usize {
        plan.channels * size_of::<Channel>() / size_of::<f32>()
    }

    fn new(_: &Plan) -> Self {
        Self {
            rail: Stretch::default(),
            plateau: Stretch::default(),
            rail_samples: 0,
            rail_runs: 0,
            longest: 0,
            over: 0,
            plateaus: 0,
        }
    }

    fn update(&mut self, plan: &Plan, mem: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        let channels: &mut [Channel] = cast_slice_mut(mem);
        for (c, (channel, stats)) in channels.iter_mut().zip(f.channels()).enumerate() {
            let x = f.channel(c, 0);
            if stats.peak() > 1.0 {
                self.over += x.iter().filter(|v| v.abs() > 1.0).count() as u64;
            }
            // Nothing is beyond a candidate's height while it is being gathered.
            for (candidate, beyond) in channel.candidates.iter_mut().zip([stats.max, -stats.min]) {
                if beyond > candidate.level.abs() + SAME {
                    (candidate.count, candidate.told) = (0, 0);
                }
            }
            for (side, extreme) in [stats.max, -stats.min].into_iter().enumerate() {
                if channel.tops[side].add(extreme.min(1.0), f, plan.window) {
                    self.touch(plan, c, channel, side, f, out);
                }
            }
            let at_rail = stats.peak() >= AT_RAIL;
            // What is lower than any plateau begins none, and ends none.
            let lowest = plan.least - 2.0 * STEP;
            if let (true, [.., before, newest]) = (stats.peak() < lowest && channel.run.level.abs() < lowest, x) {
                channel.run = Run::default();
                channel.last = [*newest, *before];
                continue;
            }
            let flat = || f.simd().has_flat_triple(f.channel(c, LOOK_BACK), plan.least, STEP);
            if at_rail || (stats.peak() >= plan.least && flat()) {
                self.walk(plan, c, channel, x, f.start(), out);
            } else {
                self.skip(plan, c, channel, x, f.start(), out);
            }
        }
        self.rail.expire(&RAIL, f.end(), plan.merge_gap, out);
        self.plateau.expire(&PLATEAU, f.end(), plan.merge_gap.max(plan.window), out);
    }

    fn finish(&mut self, plan: &Plan, mem: &mut [f32], _: &End<'_>, out: &mut Sink<'_>) {
        let channels: &mut [Channel] = cast_slice_mut(mem);
        for (c, channel) in channels.iter_mut().enumerate() {
            let run = core::mem::take(&mut channel.run);
            self.judge(plan, c, channel, run, None, out);
        }
        self.rail.finish(&RAIL, out);
        self.plateau.finish(&PLATEAU, out);
    }

    fn output(&self, _: &Plan, _: &[f32]) -> ClippingOutput {
        ClippingOutput {
            rail_samples: Value::count(self.rail_samples),
            rail_runs: Value::count(self.rail_runs),
            longest_run_samples: Value::count(self.longest),
            over_samples: Value::count(self.over),
            plateau_runs: Value::count(self.plateaus),
        }
    }
}
