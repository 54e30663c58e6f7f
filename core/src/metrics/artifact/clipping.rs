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
//! three samples within one step are entered by at most 3 steps, near the flattest top a fourth power has by 16.
//! How unlikely chance is (Otoscope): a waveform that moves by `d` steps at the edges of a plateau stays within one step
//! once in `d / 2` samples, so that each sample of it but the first is worth `log2(d / 2)` bits, `d` being the geometric mean of both edges.
//! Every other place that reaches that very height, on either side of zero, less than `window_ms` away and with nothing
//! beyond that height in between, is worth `log2(height / 48)` bits: as if a dozen tops were spread over the upper half. Together they must come to
//! `evidence_bits`: at 26 bits chance would have to try for an hour of samples. A finding reaches from the first to
//! the last of these places. Nothing is said where samples on a slope repeat the one before them more often than they
//! come within 12 steps of it: such values are held, or coarse as those of mu-law and of 8 bits. Findings less than `merge_gap_ms` apart are one.
//!
//! ## Reading the value
//! The value of `rail` is the longest run in samples, of `plateau` the height of the cut in dBFS. Any is a fault: one rail
//! run is `info`, a run of `error_run_samples` an error.
//!
//! ## Limits
//! A limiter or compressor that rounds the tops leaves no flat ones. Soft clipping is invisible here, and so is clipping in samples
//! that came through mu-law, 8 bits or a repeated sample. One or two samples at the rail, as a sharp peak at 8 kHz leaves
//! them, are no plateau by themselves. Plateaus below `least_dbfs` are not looked for. Resampling, coding and filtering after the
//! clipping make its tops uneven and hide it.

use crate::error::ConfigError;
use crate::features::{FrameView, level};
use crate::finding::{Occurrence, Severity, Sink, Stretch};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::{SampleRate, amplitude_db, db_amplitude};
use bytemuck::{Pod, Zeroable, cast_slice_mut};

params! { ClippingConfig {
    min_run_samples: Samples = 3.0 in 3.0 ..= 1000.0, "The shortest run that counts, at a rail or as a plateau.";
    error_run_samples: Samples = 10.0 in 3.0 ..= 100000.0, "A rail run from this long on is an error.";
    edge_ratio: Ratio = 0.01 in 0.001 ..= 1.0, "A plateau is entered by more than this share of its height.";
    evidence_bits: Count = 26.0 in 8.0 ..= 1000.0, "How often chance must be halved before plateaus are a finding.";
    least_dbfs: Dbfs = -24.0 in -60.0 ..= 0.0, "Plateaus lower than this are not looked for.";
    window_ms: Ms = 60.0 in 1.0 ..= 10000.0, "Places at the height of a plateau belong to it within this time of each other; at most 70 ms back.";
    merge_gap_ms: Ms = 100.0 in 0.0 ..= 10000.0, "Clipping closer together than this is one finding.";
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

/// A plateau worth fewer bits than this is no beginning.
const LEAST_BITS: f32 = 8.0;
/// Values this near each other but not the same say that they are no coarse ones, and so often the same is chance.
const FINE_STEP: f32 = 12.0 * STEP;
const FINE: i32 = 2;
/// Hops before the present one whose extremes are remembered.
const HOPS: usize = 8;

/// State per channel, in the slab.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Channel {
    run: Run,
    /// What may be a cut, above and below zero.
    cuts: [Cut; 2],
    /// The last two samples, the newer one first.
    last: [f32; 2],
    /// How much more often samples on slopes repeat the one before them than come near it: more than `FINE` times, they are coarse.
    coarse: i32,
    /// As plain data has no gaps.
    unused: u32,
    /// How far the last hops reached, above and below zero, by their number modulo `HOPS`.
    reached: [[f32; 2]; HOPS],
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

/// A height at which the waveform seems to be cut; no bits: none.
#[derive(Clone, Copy, Default, Pod, Zeroable)]
#[repr(C)]
struct Cut {
    height: f32,
    bits: f32,
    /// From the first to the last place that reaches it.
    start: u64,
    len: u32,
    /// Its plateaus that belong to no finding yet, and those of this hop.
    plateaus: u16,
    new: u16,
}

impl Cut {
    const fn end(&self) -> u64 {
        self.start + self.len as u64
    }

    /// Saturates after six hours at 192 kHz.
    fn reach(&mut self, start: u64, end: u64) {
        let end = end.max(self.end());
        self.start = self.start.min(start);
        self.len = u32::try_from(end - self.start).unwrap_or(u32::MAX);
    }
}

/// The hop in which a run began, and the present one.
#[derive(Clone, Copy)]
struct Place {
    begun: u64,
    now: u64,
}

impl Channel {
    /// How many of the hops before this one reach a height in an unbroken sequence, none going beyond it on the side that
    /// is asked for, and how many hops back the first of them lies.
    fn reached_before(&self, height: f32, side: usize, at: Place, hops: u64) -> Option<(u32, u64)> {
        let mut found = None;
        let mut last = 0;
        for back in 1..HOPS as u64 {
            let remembered = |hop: &u64| hop + HOPS as u64 > at.now && back - last <= hops;
            let Some(at) = at.begun.checked_sub(back).filter(remembered) else { break };
            let extremes = self.reached[at as usize % HOPS];
            if extremes[side] > height + SAME {
                break;
            }
            if extremes.iter().any(|e| (e - height).abs() <= SAME) {
                last = back;
                found = Some((found.map_or(0, |(n, _)| n) + 1, back));
            }
        }
        found
    }
}

pub(crate) struct Clipping {
    /// The findings in progress; clipping in several channels at once is one.
    rail: Stretch,
    plateau: Stretch,
    rail_samples: u64,
    over: u64,
    longest: u32,
    rail_runs: u32,
    plateaus: u32,
}

pub(crate) struct Plan {
    config: ClippingConfig,
    min_run: u64,
    evidence: f32,
    rate: SampleRate,
    hops: u64,
    least: f32,
    edge: f32,
    window: u64,
    merge_gap: u64,
    channels: usize,
}

impl Plan {
    fn hop_of(&self, sample: u64) -> u64 {
        sample.saturating_mul(100) / u64::from(self.rate.hz())
    }

    /// The middle of a hop so many before another.
    fn middle(&self, hop: u64, back: u64) -> u64 {
        let first = hop.saturating_sub(back);
        u64::midpoint(self.rate.hop_start(first), self.rate.hop_start(first + 1))
    }
}

impl Clipping {
    /// A run has ended: `after` is the first sample beyond it (`None` at the end of the stream); `now` is the hop that ends it.
    fn judge(
        &mut self,
        plan: &Plan,
        (c, now): (usize, u64),
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
        let side = usize::from(run.level < 0.0);
        let at = Place { begun: plan.hop_of(start), now };
        if magnitude >= AT_RAIL {
            self.rail_samples += len;
            self.rail_runs = self.rail_runs.saturating_add(1);
            self.longest = self.longest.max(len.min(u32::MAX.into()) as u32);
            let value = f64::from(run.len);
            let severity = Severity::above(value, plan.min_run as f64 + 1.0, plan.config.error_run_samples);
            let threshold = plan.min_run as f64;
            let before = channel.reached_before(magnitude.min(1.0), side, at, plan.hops);
            let start = before.map_or(start, |(_, back)| plan.middle(at.begun, back).min(start));
            let piece = Occurrence { start, end, severity, value, threshold, channel_mask: 1 << c };
            self.rail.add(&RAIL, piece, plan.merge_gap, f64::max, out);
            return;
        }
        let Some(after) = after else { return };
        let sign = run.level.signum();
        let edge = plan.edge * magnitude;
        // The sample next to the plateau may lie just under the cut, so the one before it may tell instead.
        let [near, far] = run.before.map(|before| (run.level - before) * sign);
        let exit = (run.level - after) * sign;
        let is_cut = near > 1.5 * STEP && (near > edge || far > 2.5 * edge) && exit > 1.5 * STEP;
        if magnitude < plan.least || !is_cut {
            return;
        }
        let halvings = |d: f32| level(d.max(2.0 * STEP) * (0.5 / STEP));
        let bits = 0.5 * (run.len - 1) as f32 * (halvings(near.max(far / 2.5)) + halvings(exit));
        let before = channel.reached_before(magnitude, side, at, plan.hops);
        let cut = &mut channel.cuts[side];
        let recent = cut.bits > 0.0 && start <= cut.end() + plan.window;
        if recent && (magnitude - cut.height).abs() <= SAME {
            cut.bits += bits;
            cut.reach(start, end);
        } else if bits >= LEAST_BITS && (!recent || magnitude > cut.height) {
            *cut = Cut { height: magnitude, bits, start, len: run.len, ..Cut::default() };
            if let Some((hops, back)) = before {
                cut.bits += hops as f32 * touch_bits(magnitude);
                cut.reach(plan.middle(at.begun, back), end);
            }
        } else {
            return;
        }
        cut.plateaus = cut.plateaus.saturating_add(1);
        cut.new = cut.new.saturating_add(1);
    }

    /// A hop is over: other places in it that reach the height of a cut.
    fn look(cut: &mut Cut, x: &[f32], first: u64) {
        let (mut places, mut inside) = (0, false);
        for (i, &v) in x.iter().enumerate() {
            let reaches = (v.abs() - cut.height).abs() <= SAME;
            if reaches {
                places += u32::from(!inside);
                let at = first + i as u64;
                cut.reach(at, at + 1);
            }
            inside = reaches;
        }
        cut.bits += places.saturating_sub(cut.new.into()) as f32 * touch_bits(cut.height);
        cut.new = 0;
    }

    /// Makes a finding of a cut if chance does not explain it.
    fn tell(&mut self, plan: &Plan, c: usize, cut: &mut Cut, coarse: i32, out: &mut Sink<'_>) {
        if cut.bits < plan.evidence || coarse > FINE {
            return;
        }
        self.plateaus = self.plateaus.saturating_add(core::mem::take(&mut cut.plateaus).into());
        let piece = Occurrence {
            start: cut.start,
            end: cut.end(),
            severity: Severity::Warning,
            value: amplitude_db(f64::from(cut.height)),
            threshold: plan.config.least_dbfs,
            channel_mask: 1 << c,
        };
        self.plateau.add(&PLATEAU, piece, plan.merge_gap, f64::max, out);
    }

    /// Walks through a hop that holds flat places, sample by sample.
    fn walk(
        &mut self,
        plan: &Plan,
        at: (usize, u64),
        channel: &mut Channel,
        x: &[f32],
        first: u64,
        out: &mut Sink<'_>,
    ) {
        for (i, &v) in x.iter().enumerate() {
            let Channel { run, last, .. } = &mut *channel;
            let both_at_rail = v.abs() >= AT_RAIL && run.level.abs() >= AT_RAIL && v * run.level > 0.0;
            let before = *last;
            *last = [v, before[0]];
            if run.len > 0 && ((v - run.level).abs() <= STEP || both_at_rail) {
                run.len = run.len.saturating_add(1);
                continue;
            }
            let ended = *run;
            let (rise, on) = (ended.level - ended.before[0], v - ended.level);
            if ended.len > 0 && ended.level.abs() >= plan.least && rise * on > 0.0 {
                // A step of a staircase, or two samples of a slope that lie near each other.
                let near = i32::from(on.abs() <= FINE_STEP);
                channel.coarse = (channel.coarse + (ended.len - 1) as i32 - near).clamp(0, 100);
            }
            let run = &mut channel.run;
            *run = Run { start: first + i as u64, len: 1, level: v, before };
            if u64::from(ended.len) >= plan.min_run {
                self.judge(plan, at, channel, ended, Some(v), out);
            }
        }
    }

    /// Skips a hop without flat places: only the run that reaches into it must be ended and the next one begun.
    fn skip(
        &mut self,
        plan: &Plan,
        at: (usize, u64),
        channel: &mut Channel,
        x: &[f32],
        first: u64,
        out: &mut Sink<'_>,
    ) {
        // A run of two may begin at the end; three samples tell where the walk can take it up again.
        let tail = x.len().saturating_sub(LOOK_BACK + 1);
        let head = (LOOK_BACK + 1).min(tail);
        self.walk(plan, at, channel, &x[..head], first, out);
        if head < tail {
            let ended = channel.run;
            channel.run = Run::default();
            self.judge(plan, at, channel, ended, Some(x[head]), out);
            channel.last = [x[tail - 1], x[tail - 2]];
        }
        self.walk(plan, at, channel, &x[tail..], first + tail as u64, out);
    }
}

/// What a place is worth that reaches a height by chance, the height being of a dozen others spread over the upper half.
fn touch_bits(height: f32) -> f32 {
    level(height * (1.0 / 48.0 / STEP)).max(0.0)
}

impl Metric for Clipping {
    const SPEC: MetricSpec = MetricSpec {
        id: 6,
        name: "clipping",
        revision: 3,
        summary: "Tops of the waveform cut flat, at the rails or below",
        definition: "Otoscope: runs at the rails; steep-edged plateaus of equal height that chance does not make",
        on: true,
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
            evidence: config.evidence_bits as f32,
            rate: stream.rate,
            hops: (config.window_ms / 10.0) as u64,
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
            let extremes = [stats.max.min(1.0), -stats.min.max(-1.0)];
            for (cut, beyond) in channel.cuts.iter_mut().zip(extremes).filter(|(cut, _)| cut.bits > 0.0) {
                // Nothing is beyond a cut.
                if beyond > cut.height + SAME || f.start() > cut.end() + plan.window {
                    self.tell(plan, c, cut, channel.coarse, out);
                    *cut = Cut::default();
                }
            }
            channel.reached[f.index() as usize % HOPS] = extremes;
            if extremes.iter().any(|e| *e >= AT_RAIL) {
                self.rail.extend(f.start() + f.len() as u64 / 2, plan.merge_gap);
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
                self.walk(plan, (c, f.index()), channel, x, f.start(), out);
            } else {
                self.skip(plan, (c, f.index()), channel, x, f.start(), out);
            }
            for cut in channel.cuts.iter_mut().filter(|cut| cut.bits > 0.0) {
                if cut.new > 0 || extremes.iter().any(|e| (e - cut.height).abs() <= SAME) {
                    Self::look(cut, x, f.start());
                }
                // One that has just begun waits, since coarse values show themselves meanwhile.
                if u64::from(cut.len) > plan.window {
                    self.tell(plan, c, cut, channel.coarse, out);
                }
            }
        }
        self.rail.expire(&RAIL, f.end(), plan.merge_gap, out);
        // What is told late may have begun within the gap.
        self.plateau.expire(&PLATEAU, f.end(), plan.merge_gap + 3 * plan.window, out);
    }

    fn finish(&mut self, plan: &Plan, mem: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        let channels: &mut [Channel] = cast_slice_mut(mem);
        for (c, channel) in channels.iter_mut().enumerate() {
            let run = core::mem::take(&mut channel.run);
            self.judge(plan, (c, plan.hop_of(end.samples)), channel, run, None, out);
            for cut in &mut channel.cuts {
                self.tell(plan, c, cut, channel.coarse, out);
            }
        }
        self.rail.finish(&RAIL, out);
        self.plateau.finish(&PLATEAU, out);
    }

    fn output(&self, _: &Plan, _: &[f32]) -> ClippingOutput {
        ClippingOutput {
            rail_samples: Value::count(self.rail_samples),
            rail_runs: Value::count(self.rail_runs.into()),
            longest_run_samples: Value::count(self.longest.into()),
            over_samples: Value::count(self.over),
            plateau_runs: Value::count(self.plateaus.into()),
        }
    }
}
