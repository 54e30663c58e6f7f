//! Wrap: samples beyond full scale that came back at the other rail.
//!
//! ## What it measures
//! Places where a conversion to 16 bits (or to another integer) kept the low bits instead of holding the value at the rail:
//! 32768 became -32768.
//!
//! ## Why it matters for speech
//! A float model that is a little too loud, and a cast without saturation: every peak beyond full scale turns into a crack
//! of twice full scale. No meter shows it, because after the conversion nothing exceeds the range.
//!
//! ## Method
//! A jump of more than `min_jump_fs` within one sample, with a change of sign and both sides beyond `min_level_fs`. It is a
//! wrap when the waveform goes on smoothly once two full scales are added to what follows (every step of more than one full scale around
//! it, since the way back is shorter than the jump where the waveform falls meanwhile): around the jump, the squared second
//! differences of the unwrapped waveform sum to less than `smooth_ratio` of those of the waveform as it is, and their RMS
//! is below `max_bend_fs`. No wraps are: edges between values that mirror each other or between two flat places; jumps
//! in a hop of 10 ms whose highest or lowest value is held for two samples (square waves, hard limiters; -32768 is
//! what a held 32768 becomes, and may be held); jumps most of whose neighbours fail; and hops that are bent by
//! more than `noise_ratio` even apart from the jumps (noise, tones near half the sample rate). Wraps less than
//! `merge_gap_ms` apart are one finding.
//!
//! ## Reading the value
//! How many jumps there are in the stretch: two for each peak that left the range. Any is an error.
//!
//! ## Limits
//! It must listen behind the conversion: in float, before it, nothing is wrong yet (`clipping.over_samples` counts what
//! would wrap). At 8 kHz, or in jagged speech, a peak of one sample may be too sharp to be told from a swing, or jump by less than `min_jump_fs`. Where a peak is far beyond the range
//! (eight times) the waveform wraps several times within few samples, looks like noise, and only part of it is found.
//! Resampling or coding after the wrap spreads the jump over several samples and hides it.

use crate::error::ConfigError;
use crate::features::FrameView;
use crate::finding::{Occurrence, Severity, Sink, Stretch};
use crate::frame::CHANNEL_HISTORY;
use crate::metrics::{End, Metric, StreamShape};
use crate::probe::MAX_CHANNELS;
use crate::spec::{Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};

params! { WrapConfig {
    min_jump_fs: FullScale = 1.5 in 1.0 ..= 2.0, "A jump of more than this within one sample may be a wrap.";
    min_level_fs: FullScale = 0.5 in 0.1 ..= 1.0, "Both sides of it lie at least this far from zero.";
    smooth_ratio: Ratio = 0.2 in 0.001 ..= 1.0, "How much less bent than the waveform as it is the unwrapped one must be.";
    max_bend_fs: FullScale = 0.6 in 0.01 ..= 4.0, "How bent (RMS of the second difference) the unwrapped waveform may be.";
    noise_ratio: Ratio = 2.0 in 0.01 ..= 16.0, "Squared second differences over squares of a hop that is noise; white noise has 6.";
    merge_gap_ms: Ms = 100.0 in 0.0 ..= 10000.0, "Wraps closer together than this are one finding.";
} }

fields! { WrapOutput {
    1 jumps: Count, Exact, "Jumps from one rail to the other that a wrap-around explains, all channels counted.";
    2 longest_run_samples: Samples, Exact, "The longest run of wrapped samples between two of them.";
} }

const WRAPPED: KindSpec = KindSpec {
    id: 1,
    name: "wrap",
    unit: Unit::Count,
    max_delay_ms: 30,
    message: "values beyond full scale wrapped around to the other side: {value} jumps within {duration_ms} ms",
};

/// One step of 16 bits.
const STEP: f32 = 1.0 / 32768.0;
/// A step longer than this is shorter the other way round.
const HALF_RANGE: f32 = 1.0;
/// Samples before and after a jump that are looked at.
const BEFORE: usize = 5;
const AFTER: usize = 2;
/// Where in a hop with its history the first jump to be judged lies, so that what follows it is known.
const FIRST: usize = CHANNEL_HISTORY - AFTER;

pub(crate) struct Wrap {
    stretch: Stretch,
    jumps: u64,
    longest: u64,
    /// Where each channel last jumped, times two, and one more if it went down.
    last: [u64; MAX_CHANNELS],
}

pub(crate) struct Plan {
    config: WrapConfig,
    jump: f32,
    level: f32,
    smooth: f32,
    bend: f32,
    noise: f32,
    gap: u64,
    longest_run: u64,
}

impl Plan {
    /// Whether `x[i]` lies a jump away from the sample before it.
    fn jumps(&self, x: &[f32], i: usize) -> bool {
        let (a, b) = (x[i - 1], x[i]);
        (b - a).abs() > self.jump && a * b < 0.0 && a.abs().min(b.abs()) >= self.level
    }

    /// Whether the jump at `x[i]` goes on smoothly once it is unwrapped.
    fn is_wrap(&self, x: &[f32], i: usize) -> bool {
        let flat = |a: f32, b: f32| (a - b).abs() <= 1.5 * STEP;
        if flat(x[i], -x[i - 1]) || flat(x[i - 1], x[i - 2]) && flat(x[i], x[i + 1]) {
            return false;
        }
        let x = &x[i - BEFORE..=i + AFTER];
        let squares = |d: [f32; BEFORE + AFTER]| d.windows(2).map(|d| (d[1] - d[0]) * (d[1] - d[0])).sum::<f32>();
        let steps: [f32; BEFORE + AFTER] = core::array::from_fn(|k| x[k + 1] - x[k]);
        if 2 * steps.iter().filter(|d| d.abs() > self.jump).count() > steps.len() + 1 {
            return false;
        }
        // The way back may be shorter than the jump, as the waveform falls meanwhile: any step of more than half the range.
        let unwrap = |d: f32| if d.abs() <= HALF_RANGE { d } else { d - 2.0f32.copysign(d) };
        let unwrapped = squares(steps.map(unwrap));
        unwrapped < self.bend && unwrapped < self.smooth * squares(steps)
    }
}

impl Wrap {
    /// Looks at the jumps of one channel. `first` is the position of `x[0]`; positions may lie before the stream.
    fn walk(&mut self, plan: &Plan, c: usize, x: &[f32], first: i64, out: &mut Sink<'_>) {
        let judged = FIRST..x.len() - AFTER;
        let (mut all, mut wraps) = (0u32, 0u32);
        let mut range = (0, 0);
        for i in judged.clone().filter(|&i| plan.jumps(x, i)) {
            all += 1;
            if plan.is_wrap(x, i) {
                range = (if wraps == 0 { i } else { range.0 }, i);
                wraps += 1;
            }
        }
        if wraps == 0 || 2 * wraps < all {
            return;
        }
        let square = |v: f32| v * v;
        let energy: f32 = x.iter().map(|&v| square(v)).sum();
        let bend: f32 = x.windows(3).map(|w| square(w[2] - 2.0 * w[1] + w[0])).sum();
        let (low, high) = x.iter().fold((0.0f32, 0.0f32), |(l, h), &v| (l.min(v), h.max(v)));
        let at = |v: f32, to: f32| (v - to).abs() <= 1.5 * STEP;
        let held = |to: f32| x.windows(2).any(|w| at(w[0], to) && at(w[1], to));
        // Each jump of 2 FS adds twice its square.
        if held(high) || low > -1.0 && held(low) || bend > plan.noise * energy + 8.0 * all as f32 {
            return;
        }
        let at = |i: usize| (first + i as i64).max(0) as u64;
        for i in judged.filter(|&i| plan.jumps(x, i) && plan.is_wrap(x, i)) {
            let down = x[i] < x[i - 1];
            let (since, was_down) = (self.last[c] / 2, self.last[c] % 2 == 1);
            let run = at(i) - since;
            // What went beyond one rail comes back from it, and does not cross zero in between.
            let seen = &x[i.saturating_sub(run as usize)..i];
            let beyond = seen.iter().all(|&v| (v > 0.0) == down);
            if since > 0 && was_down != down && run <= plan.longest_run && beyond {
                self.longest = self.longest.max(run);
            }
            self.last[c] = at(i) * 2 + u64::from(down);
        }
        self.jumps += u64::from(wraps);
        let piece = Occurrence {
            start: at(range.0),
            end: at(range.1) + 1,
            severity: Severity::Error,
            value: f64::from(wraps),
            threshold: plan.config.min_jump_fs,
            channel_mask: 1 << c,
        };
        self.stretch.add(&WRAPPED, piece, plan.gap, |a, b| a + b, out);
    }
}

impl Metric for Wrap {
    const SPEC: MetricSpec = MetricSpec {
        id: 13,
        name: "wrap",
        revision: 2,
        summary: "Integer wrap-around: values beyond full scale that came back at the other rail",
        definition: "Otoscope: jumps of more than 1.5 FS that unwrapping by 2 FS makes smooth",
        on: true,
        needs: Needs::NONE,
        params: WrapConfig::PARAMS,
        fields: WrapOutput::FIELDS,
        kinds: &[WRAPPED],
    };
    type Config = WrapConfig;
    type Output = WrapOutput;
    type Plan = Plan;

    fn plan(config: &WrapConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        let bends = (BEFORE + AFTER - 1) as f64;
        Ok(Plan {
            jump: config.min_jump_fs as f32,
            level: config.min_level_fs as f32,
            smooth: config.smooth_ratio as f32,
            noise: config.noise_ratio as f32,
            bend: (bends * config.max_bend_fs * config.max_bend_fs) as f32,
            gap: stream.rate.samples_in_ms(config.merge_gap_ms as u32) as u64,
            longest_run: stream.rate.samples_in_ms(5) as u64,
            config: config.clone(),
        })
    }

    fn new(_: &Plan) -> Self {
        Self { stretch: Stretch::default(), jumps: 0, longest: 0, last: [0; MAX_CHANNELS] }
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        for c in 0..f.channels().len() {
            let stats = f.channels()[c];
            // Only where the hop, or what is left of the last one, reaches beyond both limits can there be a jump.
            let x = f.channel(c, CHANNEL_HISTORY);
            let far = stats.peak() >= plan.level;
            let late = || x[FIRST - 1..CHANNEL_HISTORY].iter().any(|v| v.abs() >= plan.level);
            if (far || late()) && (stats.max - stats.min > plan.jump || late()) {
                self.walk(plan, c, x, f.start() as i64 - CHANNEL_HISTORY as i64, out);
            }
        }
        self.stretch.expire(&WRAPPED, f.end(), plan.gap, out);
    }

    fn finish(&mut self, _: &Plan, _: &mut [f32], _: &End<'_>, out: &mut Sink<'_>) {
        self.stretch.finish(&WRAPPED, out);
    }

    fn output(&self, _: &Plan, _: &[f32]) -> WrapOutput {
        WrapOutput { jumps: Value::count(self.jumps), longest_run_samples: Value::count(self.longest) }
    }
}
