//! Repetition: the same stretch of sound again and again.
//!
//! ## What it measures
//! How long the stream is caught in a loop: at least three times the same 0.2 to 8 s, one right after the other.
//!
//! ## Why it matters for speech
//! Autoregressive synthesis gets stuck: the same word, phrase or codec pattern comes until a token limit ends it. Dashboards
//! see a healthy stream of audio.
//!
//! ## Method
//! Every 20 ms the levels of eight bands (150 to 3800 Hz, steps of 0.75 dB, at least 40 dB under the loudest frame) make a
//! signature of eight bytes; 10 s of them are kept. Each is compared with those 0.2 to 8 s before it. A lag at which they match
//! (by less than `match_ratio` of what frames of this stream usually differ by) counts up, one at which they do not counts
//! down four times as fast. When a lag has matched for two rounds, and `least_s` at least, the stretch is looked at again: it
//! must differ from what came one lag before by less than `ridge_ratio` of what it differs by at lags 80 to 120 ms to either
//! side, and half of it must be sound, and sound that changes. Held vowels, tones and noise match as well at those lags, and are no loops.
//!
//! ## Reading the value
//! The finding's value is the period. It begins with the second copy and ends with the last. Loops are told when they were
//! heard almost three times, while they go on.
//!
//! ## Limits
//! The same words said again with fresh prosody do not match: that needs speech recognition. What is meant to repeat (a drum,
//! an alarm, a word that an engine speaks three times exactly alike) is found too. Loops shorter than 0.2 s or longer than 8 s
//! are not seen.

use crate::error::ConfigError;
use crate::features::{FrameView, spectrum_len};
use crate::finding::{EventId, Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::simd::{BinSums, SIGNATURE, Simd};
use crate::spec::{Exactness, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use bytemuck::cast_slice_mut;

params! { RepetitionConfig {
    least_s: Seconds = 0.5 in 0.2 ..= 60.0, "What is repeated (all copies but the first together) lasts at least this long.";
    match_ratio: Ratio = 0.5 in 0.05 ..= 1.0, "Frames match when they differ by less than this share of the usual difference.";
    ridge_ratio: Ratio = 0.1 in 0.05 ..= 1.0, "A loop differs from its last round by less than this share of the difference at lags close by.";
    error_s: Seconds = 3.0 in 0.2 ..= 600.0, "From this long on a loop is an error rather than a warning.";
} }

fields! { RepetitionOutput {
    1 loops: Count, Exactness::Abs(1.0), "Stretches that were repeated at least twice.";
    2 looped_s: Seconds, Exactness::Abs(0.5), "How long all copies but the first ones lasted.";
    3 longest_s: Seconds, Exactness::Abs(0.5), "The longest of them.";
    4 period_s: Seconds, Exactness::Abs(0.1), "The period of the longest.";
} }

const LOOP: KindSpec = KindSpec {
    id: 1,
    name: "loop",
    unit: Unit::Seconds,
    max_delay_ms: 500,
    message: "the same {value} s of sound are repeated again and again for {duration_ms} ms",
};

const BANDS: usize = SIGNATURE;
/// Edges of the bands in Hz: all of them below half of the lowest rate.
const EDGES_HZ: [f64; BANDS + 1] = [150.0, 350.0, 550.0, 800.0, 1100.0, 1500.0, 2100.0, 2800.0, 3800.0];
/// A signature comes with every second hop.
const FRAME_S: f64 = 0.02;
/// A lag must match for this many times its own length: two rounds, less what the hop grid and a change of level cost.
const ROUNDS: f64 = 1.7;
/// Signatures kept, and the lags looked at, in frames: 0.2 to 8 s. What is kept beyond the longest is what a loop of that
/// length is judged by.
const RING: usize = 512;
const SHORTEST: usize = 10;
const LONGEST: usize = 400;
const LAGS: usize = LONGEST - SHORTEST + 1;
/// A loop is compared with what lies this many frames to either side of its lag.
const ASIDE: core::ops::RangeInclusive<usize> = 4..=6;
/// The sound of a loop changes: by 2 dB a band, at least, over these frames.
const CHANGES: f32 = 2.0 / 0.75 * BANDS as f32;
/// A closer look takes this many frames.
const LOOK: usize = 64;
/// The usual difference is a mean over this many frames, and is known after the least of them.
const LEARN: f32 = 500.0;
const LEARN_LEAST: f32 = 20.0;
/// Power of two 40 dB below the loudest frame; steps of a signature per doubling of power.
const FLOOR: f32 = 1e-4;
const STEPS: f32 = 4.0;
/// Below -55 dBFS or 35 dB under the loudest, a frame is a pause.
const QUIET: f32 = 3.2e-6;
const PAUSE: f32 = 3.2e-4;
/// The loudest frame is forgotten by 1 dB a second.
const FORGET: f32 = 0.995_405_4;
/// While a loop lasts: this many more misses than matches end it.
const LOST: u8 = 8;

/// Eight levels in steps of 0.75 dB above the floor, plus one; all zero in a pause.
type Signature = [u8; BANDS];
const SILENT: Signature = [0; BANDS];

/// State. In the slab: a ring of signatures, and how long each lag has matched.
pub(crate) struct Repetition {
    frames: u64,
    loudest: f32,
    /// What two frames of this stream usually differ by, and how many frames that was learnt from.
    usual: f32,
    learnt: f32,
    open: Option<Open>,
    loops: u32,
    looped: u64,
    longest: u64,
    period: u16,
}

/// What a closer look at a lag says.
enum Look {
    Loop,
    /// The sound does not change.
    Steady,
    /// It matches here by chance, or elsewhere as well.
    Other,
}

#[derive(Clone, Copy)]
struct Open {
    event: EventId,
    lag: u16,
    missed: u8,
    start: u64,
    end: u64,
}

pub(crate) struct Plan {
    config: RepetitionConfig,
    /// How long each lag must match, in frames.
    need: [u16; LAGS],
    bands: BinSums,
    rate_hz: f64,
}

/// `log2` of a positive number, at most 0.09 too low: the mantissa stands for its own logarithm. What matters here is only that
/// it grows with `x`.
fn log2(x: f32) -> f32 {
    x.to_bits() as f32 * (1.0 / 8_388_608.0) - 127.0
}

fn difference(a: Signature, b: Signature) -> u16 {
    (0..BANDS).map(|k| u16::from(a[k].abs_diff(b[k]))).sum()
}

/// The signatures of the last 10 s: all first bytes, then all second bytes...
struct Past<'a> {
    planes: &'a [u8],
    newest: usize,
}

impl Past<'_> {
    /// The signature `age` frames ago.
    fn signature(&self, age: usize) -> Signature {
        core::array::from_fn(|k| self.planes[k * RING + (self.newest + age) % RING])
    }

    /// By how much the frame `age` ago differs from the one `lag` before it.
    fn differs(&self, age: usize, lag: usize) -> u16 {
        difference(self.signature(age), self.signature(age + lag))
    }
}

impl Repetition {
    fn signature(&mut self, plan: &Plan, simd: Simd, spectrum: &[f32]) -> Signature {
        let mut bands = [0.0f32; BANDS];
        simd.bin_sums(&plan.bands, spectrum, &mut bands);
        let all: f32 = bands.iter().sum();
        self.loudest = (self.loudest * FORGET).max(all);
        if all < QUIET || all < self.loudest * PAUSE {
            return SILENT;
        }
        let floor = self.loudest * FLOOR;
        bands.map(|p| (STEPS * (log2(p.max(floor)) + 32.0)).clamp(1.0, 255.0) as u8)
    }

    /// Compares the newest signature with those before it, and counts for each lag how long it has matched. Returns whether
    /// one has matched long enough.
    fn compare(&mut self, plan: &Plan, simd: Simd, now: Signature, past: &Past<'_>, counts: &mut [u16]) -> bool {
        let mut all = [0u8; RING];
        // A pause, and what the ring never held, is as far as can be from any sound.
        let (sum, pairs) = simd.distances(&now, past.planes, &mut all);
        // Behind the newest lie the others, each one frame older; the ring goes on at its beginning.
        let mut by_lag = [0u8; LAGS];
        let first = (past.newest + SHORTEST) % RING;
        let straight = LAGS.min(RING - first);
        by_lag[..straight].copy_from_slice(&all[first..first + straight]);
        by_lag[straight..].copy_from_slice(&all[..LAGS - straight]);
        let sounds = now != SILENT;
        let long = simd.count_matches(&by_lag, self.threshold(plan), sounds, counts, &plan.need);
        if sounds {
            self.learnt = (self.learnt + 1.0).min(LEARN);
            self.usual += (sum as f32 / pairs.max(1) as f32 - self.usual) / self.learnt;
        }
        long && self.learnt >= LEARN_LEAST
    }

    /// Looks closer at a lag that has matched for `n` frames: is what came one lag before closer by far than what came a little
    /// more or less before?
    fn examine(&self, plan: &Plan, past: &Past<'_>, lag: usize, n: usize) -> Look {
        let n = n.min(RING - 1 - lag - ASIDE.end());
        // Every frame of a short stretch, some 64 of a long one: a look has its price.
        let stride = n.div_ceil(LOOK);
        let mean = |lag: usize| {
            let (mut sum, mut pairs) = (0u32, 0usize);
            for i in (0..n).step_by(stride.max(1)) {
                let (now, then) = (past.signature(i), past.signature(i + lag));
                if now != SILENT && then != SILENT {
                    sum += u32::from(difference(now, then));
                    pairs += 1;
                }
            }
            // Half of it must be sound.
            (2 * pairs * stride >= n).then(|| sum as f32 / pairs.max(1) as f32)
        };
        let Some(here) = (lag - 1..=lag + 1).filter_map(mean).reduce(f32::min) else { return Look::Other };
        if here >= f32::from(self.threshold(plan)) {
            return Look::Other;
        }
        for aside in ASIDE.flat_map(|k| [lag - k, lag + k]).filter_map(mean) {
            if aside <= CHANGES {
                return Look::Steady;
            }
            if here >= plan.config.ridge_ratio as f32 * aside {
                return Look::Other;
            }
        }
        Look::Loop
    }

    /// For how many frames it has gone on, back to where four frames in a row do not match.
    fn age(&self, plan: &Plan, past: &Past<'_>, lag: usize) -> usize {
        let (mut age, mut missed) = (0, 0);
        for i in 0..RING - 1 - lag {
            if past.differs(i, lag) <= self.threshold(plan).into() {
                (age, missed) = (i + 1, 0);
            } else {
                missed += 1;
            }
            if missed == 4 {
                break;
            }
        }
        age
    }

    /// Frames match when they differ by no more than this.
    fn threshold(&self, plan: &Plan) -> u8 {
        (plan.config.match_ratio as f32 * self.usual) as u8
    }

    fn occurrence(plan: &Plan, open: &Open) -> Occurrence {
        let seconds = (open.end - open.start) as f64 / plan.rate_hz;
        Occurrence {
            start: open.start,
            end: open.end,
            severity: Severity::above(seconds, plan.config.least_s, plan.config.error_s),
            value: f64::from(open.lag) * FRAME_S,
            threshold: plan.config.least_s,
            channel_mask: 0,
        }
    }

    fn close(&mut self, plan: &Plan, out: &mut Sink<'_>) {
        let Some(open) = self.open.take() else { return };
        let length = open.end - open.start;
        self.looped += length;
        if length > self.longest {
            (self.longest, self.period) = (length, open.lag);
        }
        out.close(&LOOP, open.event, Self::occurrence(plan, &open));
    }
}

impl Metric for Repetition {
    const SPEC: MetricSpec = MetricSpec {
        id: 12,
        name: "repetition",
        revision: 1,
        summary: "The same stretch of sound again and again",
        definition: "Otoscope: runs of matching band signatures at lags of 0.2 to 8 s",
        on: true,
        needs: Needs::SPECTRUM,
        params: RepetitionConfig::PARAMS,
        fields: RepetitionOutput::FIELDS,
        kinds: &[LOOP],
    };
    type Config = RepetitionConfig;
    type Output = RepetitionOutput;
    type Plan = Plan;

    fn plan(config: &RepetitionConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        let rate_hz = f64::from(stream.rate.hz());
        let least = (config.least_s / FRAME_S) as u16;
        let need = core::array::from_fn(|i| least.max(((SHORTEST + i) as f64 * ROUNDS) as u16));
        let bin_hz = rate_hz / spectrum_len(stream.rate) as f64;
        let bins = EDGES_HZ.map(|hz| (hz / bin_hz).round() as usize);
        let weight = |b: usize, k: usize| if (bins[b]..bins[b + 1]).contains(&k) { 1.0 } else { 0.0 };
        let bands = BinSums::new(spectrum_len(stream.rate) / 2 + 1, BANDS, weight);
        Ok(Plan { config: config.clone(), need, bands, rate_hz })
    }

    fn slab(_: &Plan) -> usize {
        (RING * BANDS).div_ceil(4) + LAGS.div_ceil(2)
    }

    fn new(_: &Plan) -> Self {
        Self {
            frames: 0,
            loudest: 0.0,
            usual: 0.0,
            learnt: 0.0,
            open: None,
            loops: 0,
            looped: 0,
            longest: 0,
            period: 0,
        }
    }

    fn update(&mut self, plan: &Plan, mem: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        let Some(spectrum) = f.spectrum() else { return };
        let now = self.signature(plan, f.simd(), spectrum);
        let (planes, counts) = mem.split_at_mut(RING * BANDS / 4);
        let (planes, counts): (&mut [u8], &mut [u16]) = (cast_slice_mut(planes), cast_slice_mut(counts));
        // The ring runs backwards, so that older frames lie behind newer ones.
        let newest = RING - 1 - self.frames as usize % RING;
        for (k, level) in now.into_iter().enumerate() {
            planes[k * RING + newest] = level;
        }
        let past = Past { planes, newest };
        let long = self.compare(plan, f.simd(), now, &past, counts);
        let threshold = self.threshold(plan);
        if let Some(open) = &mut self.open {
            let lag = usize::from(open.lag);
            // A loop may drift by a frame a round: then a neighbour of its lag matches.
            let matches = (lag - 1..=lag + 1).any(|lag| past.differs(0, lag) <= threshold.into());
            open.missed = if matches { open.missed.saturating_sub(1) } else { open.missed + 1 };
            // Speech after the loop matches it now and then, by chance: that does not carry the end along.
            if matches && open.missed <= 2 {
                open.end = f.end();
            }
            if open.missed > LOST {
                counts.fill(0);
                self.close(plan, out);
            }
        } else if long {
            for i in 0..LAGS {
                if counts[i] < plan.need[i] {
                    continue;
                }
                let lag = SHORTEST + i;
                let look = self.examine(plan, &past, lag, usize::from(counts[i]));
                if let Look::Loop = look {
                    let length = (self.age(plan, &past, lag) as f64 * FRAME_S * plan.rate_hz) as u64;
                    let mut open = Open {
                        event: EventId::default(),
                        lag: lag as u16,
                        missed: 0,
                        start: f.end().saturating_sub(length),
                        end: f.end(),
                    };
                    open.event = out.open(&LOOP, Self::occurrence(plan, &open));
                    self.open = Some(open);
                    self.loops += 1;
                } else if let Look::Steady = look {
                    // A sound that stays the same matches at every lag, and is a loop at none.
                    counts.fill(0);
                } else {
                    // Asked again when it has matched for half as long once more.
                    counts[i] = plan.need[i] / 2;
                }
                // One look a frame: another lag may have to wait for the next.
                break;
            }
        }
        self.frames += 1;
    }

    fn finish(&mut self, plan: &Plan, _: &mut [f32], _: &End<'_>, out: &mut Sink<'_>) {
        self.close(plan, out);
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> RepetitionOutput {
        const NONE: &str = "nothing was repeated";
        let running = self.open.as_ref().map_or((0, 0), |o| (o.end - o.start, o.lag));
        let (longest, period) = running.max((self.longest, self.period));
        let seconds = |samples: u64| Value::Number(samples as f64 / plan.rate_hz);
        RepetitionOutput {
            loops: Value::count(self.loops.into()),
            looped_s: seconds(self.looped + running.0),
            longest_s: seconds(longest),
            period_s: if period > 0 { Value::Number(f64::from(period) * FRAME_S) } else { Value::Undefined(NONE) },
        }
    }
}
