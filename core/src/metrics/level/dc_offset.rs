//! DC offset: the waveform does not swing around zero.
//!
//! ## What it measures
//! The mean of each channel, over the whole stream and as stretches in which the signal sits off its usual centre.
//!
//! ## Why it matters for speech
//! A decoder that runs in chunks may leave each chunk with an offset of its own: every change clicks, headroom is lost,
//! and codecs and echo cancellers suffer.
//!
//! ## Method
//! Two cumulative sums (Page 1954) per channel and sign over the mean of each hop, less the usual centre. One rises while the mean is beyond
//! half the threshold; once it has gathered as much as `threshold_fs` held for `hold_s`, and the mean since it left zero is
//! beyond the threshold, a finding opens. The other rises while the mean is back within half the offset, and closes it likewise. A
//! single hop counts for five thresholds at most, so that a pop of 30 ms gathers too little. The usual centre is 0 at
//! first and becomes the mean of all that is older than 1.3 s and no finding: a small offset that an engine always has
//! is in `mean_fs`, but is no finding. Both ends are dated on the running sum of the signal: it is level (or as steep as before), then a ramp, and
//! the end lies where the two lines meet. What speech itself adds to that sum is bounded by one swing, 0.0005 full scale times
//! seconds for a 100 Hz tone at 0.3 full scale, so the lines are known well.
//!
//! ## Reading the value
//! `mean_fs` of sound audio is below 0.001. The finding's value is how far the mean of the stretch is off the usual centre; 0.01 is a warning, 0.05 an
//! error.
//!
//! ## Limits
//! Five of six onsets of an offset of 0.01 are dated within 20 ms, nearly all of 0.05; the others within 0.1 s. One below `threshold_fs` is no
//! finding. A voice whose mean comes and goes with its sound by almost the threshold is reported now and then, as `info`. An offset that returns within a second of its onset may be missed. Rumble below 5 Hz looks like an offset that comes and goes.

use crate::error::ConfigError;
use crate::features::FrameView;
use crate::finding::{EventId, Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness, Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::amplitude_db;
use bytemuck::{Pod, Zeroable, cast_slice, cast_slice_mut};

params! { DcOffsetConfig {
    threshold_fs: FullScale = 0.008 in 0.0001 ..= 1.0, "An offset beyond this is a finding (0.008 is -42 dBFS).";
    hold_s: Seconds = 1.0 in 0.05 ..= 60.0, "For how long an offset of exactly the threshold must last.";
    warning_fs: FullScale = 0.01 in 0.0001 ..= 1.0, "From here on the finding is a warning.";
    error_fs: FullScale = 0.05 in 0.0001 ..= 1.0, "From here on the finding is an error.";
} }

fields! { DcOffsetOutput {
    1 mean_fs: FullScale, Exact, "Mean of the channel that is farthest off centre, with its sign.";
    2 mean_dbfs: Dbfs, Exactness::LIBM, "The same as a level.";
    3 offset_s: Seconds, Exact, "How long findings of an offset lasted in all, the longest channel.";
} }

const OFFSET: KindSpec = KindSpec {
    id: 1,
    name: "offset",
    unit: Unit::FullScale,
    max_delay_ms: 2000,
    message: "the waveform sits {value} of full scale off its usual centre for {duration_ms} ms",
};

/// Slots of two hops that are remembered of each channel: 1.28 s.
const SLOTS: usize = 64;
/// Slots of zero that the usual centre begins with, and how many it forgets by (30 s).
const SLOTS_OF_ZERO: u32 = 50;
const SLOTS_OF_CENTRE: u32 = 1500;
/// A hop counts for so many thresholds at most.
const LARGEST_HOP: f32 = 5.0;
/// Hops after an end that tell where it was.
const LEAST_HOPS: u32 = 40;
/// Slots before an end that the line there is drawn through.
const SLOTS_BEFORE: u32 = 12;

/// State per channel, in the slab: the sum of all samples, and the detector. Times are in hops.
#[derive(Clone, Copy, Pod, Zeroable)]
#[repr(C)]
struct Channel {
    sum: f64,
    centre: f32,
    slots: u32,
    /// Flags, 0 or 1: the offset is below the centre; a finding, `event`, is open.
    below: u16,
    open: u16,
    /// Gathered evidence for an offset above (0) and below (1) the centre, and where it began. While a finding is open, 0 is
    /// what speaks for its end.
    rise: [f32; 2],
    since: [u32; 2],
    event: EventId,
    start: u32,
    /// Where the last finding ended.
    until: u32,
    size: f32,
    /// Samples in findings that are closed.
    found: f32,
    ring: [f32; SLOTS],
}

pub(crate) struct DcOffset {
    samples: u64,
}

pub(crate) struct Plan {
    config: DcOffsetConfig,
    channels: usize,
    rate_hz: f64,
    threshold: f32,
    /// Evidence needed: full scale times hops.
    evidence: f32,
}

impl Plan {
    /// The finding from `start` to `end`, in hundredths of a second.
    fn occurrence(&self, start: f64, end: f64, mean: f32, channel: usize) -> Occurrence {
        let mean = f64::from(mean);
        let sample = |hop: f64| (hop * self.rate_hz / 100.0).round() as u64;
        Occurrence {
            start: sample(start),
            end: sample(end),
            severity: Severity::above(mean.abs(), self.config.warning_fs, self.config.error_fs),
            value: mean,
            threshold: self.config.threshold_fs,
            channel_mask: 1 << channel,
        }
    }
}

/// Where the running sum of what is in `ring` bends, near `rough`, in hops; `now` hops have been seen. `slopes` are those
/// before and after the bend, as far as they are known. The slope after it is returned too.
fn bend(ring: &[f32], now: u32, rough: u32, slopes: [Option<f32>; 2]) -> (f64, f32) {
    let last = now / 2;
    let first = last.saturating_sub(SLOTS as u32 - 1);
    let mut sums = [0.0f32; SLOTS];
    let mut sum = 0.0;
    for (out, slot) in sums.iter_mut().zip(first..last) {
        sum += 2.0 * ring[slot as usize % SLOTS];
        *out = sum;
    }
    // The mean of the sums of some slots, and of the times at which these slots end.
    let mean = |from: u32, to: u32| -> (f32, f32) {
        let n = to.saturating_sub(from).max(1) as f32;
        let part = sums.get((from - first) as usize..(to.max(from) - first) as usize).unwrap_or(&[]);
        (part.iter().sum::<f32>() / n, (from + to) as f32 + 1.0)
    };
    let line = |from: u32, to: u32, slope: Option<f32>| -> (f32, f32) {
        let (level, time) = mean(from, to);
        let slope = slope.or_else(|| {
            let middle = u32::midpoint(from, to);
            let ((a, t), (b, u)) = (mean(from, middle), mean(middle, to));
            (to - from >= 8).then(|| (b - a) / (u - t))
        });
        let slope = slope.unwrap_or(0.0);
        // Times from the first slot on, so that single precision holds them.
        (level - slope * (time - 2.0 * first as f32), slope)
    };
    let mut at = rough as f32;
    let mut slope = 0.0;
    for _ in 0..3 {
        let slot = (at / 2.0) as u32;
        if slot < first + 3 || slot + 4 > last {
            break;
        }
        let before = line(first.max(slot.saturating_sub(SLOTS_BEFORE)), slot, slopes[0]);
        let after = line(slot + 1, last, slopes[1]);
        let (turn, height) = (after.1 - before.1, before.0 - after.0);
        if turn == 0.0 {
            break;
        }
        slope = after.1;
        at = (height / turn + 2.0 * first as f32).clamp(2.0 * first as f32, now as f32);
    }
    (f64::from(at), slope)
}

impl Channel {
    /// Files the mean of hop `hop`; what falls out of the ring belongs to the centre unless a finding is open.
    fn file(&mut self, hop: u32, mean: f32) {
        let slot = &mut self.ring[(hop / 2) as usize % SLOTS];
        if hop % 2 == 1 {
            *slot += 0.5 * mean;
            return;
        }
        if hop >= self.until + 2 * SLOTS as u32 && self.open == 0 {
            self.centre += (*slot - self.centre) / (self.slots + SLOTS_OF_ZERO) as f32;
            self.slots = (self.slots + 1).min(SLOTS_OF_CENTRE);
        }
        *slot = 0.5 * mean;
    }

    /// Both ends of the finding that is open, if it ended at `end`.
    fn close(&mut self, plan: &Plan, c: usize, end: f64, out: &mut Sink<'_>) {
        let start = f64::from(self.start);
        let o = plan.occurrence(start, end.max(start), self.offset(), c);
        out.close(&OFFSET, self.event, o);
        self.open = 0;
        self.found += (o.end - o.start) as f32;
        self.until = end.ceil() as u32;
        self.rise = [0.0; 2];
    }

    /// The offset of the finding, with its sign.
    fn offset(&self) -> f32 {
        if self.below == 1 { -self.size } else { self.size }
    }

    fn end(&self, now: u32) -> f64 {
        bend(&self.ring, now, self.since[0], [Some(self.centre + self.offset()), None]).0
    }
}

impl Metric for DcOffset {
    const SPEC: MetricSpec = MetricSpec {
        id: 3,
        name: "dc_offset",
        revision: 2,
        summary: "How far the waveform sits off centre, and where",
        definition: "Otoscope: arithmetic mean; stretches by two-sided CUSUM over 10 ms means (Page 1954)",
        on: true,
        needs: Needs::NONE,
        params: DcOffsetConfig::PARAMS,
        fields: DcOffsetOutput::FIELDS,
        kinds: &[OFFSET],
    };
    type Config = DcOffsetConfig;
    type Output = DcOffsetOutput;
    type Plan = Plan;

    fn plan(config: &DcOffsetConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        let rate_hz = f64::from(stream.rate.hz());
        // The reference is half the threshold, so an offset of the threshold gathers half of itself a hop.
        let evidence = (50.0 * config.threshold_fs * config.hold_s) as f32;
        let threshold = config.threshold_fs as f32;
        Ok(Plan { config: config.clone(), channels: stream.channels, rate_hz, threshold, evidence })
    }

    fn slab(plan: &Plan) -> usize {
        plan.channels * size_of::<Channel>() / size_of::<f32>()
    }

    fn new(_: &Plan) -> Self {
        Self { samples: 0 }
    }

    fn update(&mut self, plan: &Plan, mem: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        self.samples += f.len() as u64;
        let hop = f.index() as u32;
        let now = hop.saturating_add(1);
        let largest = LARGEST_HOP * plan.threshold;
        let channels: &mut [Channel] = cast_slice_mut(mem);
        for (c, (channel, stats)) in channels.iter_mut().zip(f.channels()).enumerate() {
            channel.sum += stats.sum;
            let mean = (stats.sum / f.len() as f64) as f32;
            channel.file(hop, mean);
            let off = mean - channel.centre;
            if channel.open == 1 {
                let away = if channel.below == 1 { -off } else { off };
                if channel.rise[0] == 0.0 {
                    channel.since[0] = hop;
                }
                let reference = 0.5 * channel.size.min(largest);
                channel.rise[0] = (channel.rise[0] + (reference - away).clamp(-largest, largest)).max(0.0);
                if channel.rise[0] >= plan.evidence && now - channel.since[0] >= LEAST_HOPS {
                    channel.close(plan, c, channel.end(now), out);
                }
                continue;
            }
            for side in 0..2 {
                let away = if side == 0 { off } else { -off }.clamp(-largest, largest);
                if channel.rise[side] == 0.0 {
                    channel.since[side] = hop;
                }
                channel.rise[side] = (channel.rise[side] + away - 0.5 * plan.threshold).max(0.0);
                let hops = now - channel.since[side];
                // The reference undone: the plain sum since the onset.
                let is_beyond = channel.rise[side] >= 0.5 * plan.threshold * hops as f32;
                if channel.rise[side] >= plan.evidence && is_beyond && hops >= LEAST_HOPS {
                    let (start, slope) = bend(&channel.ring, now, channel.since[side], [None; 2]);
                    channel.size = (slope - channel.centre).abs().max(plan.threshold);
                    channel.start = start.round() as u32;
                    channel.below = side as u16;
                    let o = plan.occurrence(channel.start.into(), now.into(), channel.offset(), c);
                    (channel.event, channel.open) = (out.open(&OFFSET, o), 1);
                    channel.rise = [0.0; 2];
                    break;
                }
            }
        }
    }

    fn finish(&mut self, plan: &Plan, mem: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        let now = (end.samples as f64 * 100.0 / plan.rate_hz) as u32;
        let channels: &mut [Channel] = cast_slice_mut(mem);
        for (c, channel) in channels.iter_mut().enumerate() {
            if channel.open == 1 {
                let until = if channel.rise[0] > 0.5 * plan.evidence {
                    channel.end(now)
                } else {
                    end.samples as f64 * 100.0 / plan.rate_hz
                };
                channel.close(plan, c, until, out);
            }
        }
    }

    fn output(&self, plan: &Plan, mem: &[f32]) -> DcOffsetOutput {
        const NONE: &str = "no samples";
        let channels: &[Channel] = cast_slice(mem);
        let sum = channels.iter().map(|c| c.sum).fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
        let mean = sum / self.samples as f64;
        let now = self.samples as f64;
        let running = |c: &Channel| (now - f64::from(c.start) * plan.rate_hz / 100.0).max(0.0);
        let found = |c: &Channel| f64::from(c.found) + if c.open == 1 { running(c) } else { 0.0 };
        let longest = channels.iter().map(found).fold(0.0, f64::max);
        DcOffsetOutput {
            mean_fs: Value::finite(mean, NONE),
            mean_dbfs: Value::finite(
                amplitude_db(mean.abs()),
                if self.samples == 0 { NONE } else { "exactly centred" },
            ),
            offset_s: Value::Number(longest / plan.rate_hz),
        }
    }
}
