//! Duplicate: pieces of sound that come twice.
//!
//! ## What it measures
//! Stretches that equal, bit by bit, what was heard up to about 0.1 s before: a frame sent twice, a stale buffer, a frame
//! that is stuck.
//!
//! ## Why it matters for speech
//! Buffers that are read twice and packets that are sent twice make a voice stammer. No voice repeats itself to the bit,
//! so equality is proof.
//!
//! ## Method
//! Where the waveform rises through zero, the sixteen samples around that place make a fingerprint. The last 72 fingerprints are
//! kept (70 to 140 ms of a vowel). A run of fingerprints that all equal one the same distance before, at least
//! `min_fingerprints` of them, over at least `min_ms`, is a duplicate; its distance is at least
//! `min_lag_ms`, so that a period of the voice is none. At least two fingerprints must fall within one distance: a tone of a
//! whole number of samples a period repeats itself too, but has one. If the run is about as long as its distance, the
//! duplicate follows what it repeats, and its ends are placed accordingly, at a declared chunk edge if one is there.
//! Hops whose peak is below `least_dbfs` are not listened to.
//!
//! ## Reading the value
//! How long the repeated stretch is. `repeat` is heard as a stammer; `stuck`, the same frame over and over (at least four times),
//! as a buzz.
//!
//! ## Limits
//! Only exact repetition: one that passed a codec, a gain or a resampler is none (`repetition` finds long ones). What comes
//! back later than the fingerprints reach (in hissing sounds after 15 ms) is not found, nor stretches shorter than 8 ms or without
//! three rises through zero. Ends are known to 1 or 2 ms unless they fall on a chunk edge. Synthetic sound
//! with a strictly constant period of more than `min_lag_ms` and overtones looks stuck. More channels than one are judged by their
//! downmix. Frames that are swapped are each unique.

use crate::error::ConfigError;
use crate::features::{Event, FrameView};
use crate::finding::{Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::{SampleRate, db_amplitude};

params! { DuplicateConfig {
    min_ms: Ms = 4.0 in 1.0 ..= 1000.0, "The shortest distance from the first to the last equal fingerprint.";
    min_lag_ms: Ms = 6.0 in 2.5 ..= 100.0, "The shortest distance between a stretch and its copy.";
    min_fingerprints: Count = 3.0 in 2.0 ..= 64.0, "The fewest equal fingerprints in a row.";
    least_dbfs: Dbfs = -50.0 in -90.0 ..= 0.0, "Hops whose highest sample is below this are not listened to.";
    error_ms: Ms = 15.0 in 1.0 ..= 10000.0, "From this length on a duplicate is an error.";
} }

fields! { DuplicateOutput {
    1 repeats: Count, Exact, "Stretches that were heard before.";
    2 stuck: Count, Exact, "Stretches that repeat one frame over and over.";
    3 total_ms: Ms, Exact, "All of them together.";
} }

const REPEAT: KindSpec = KindSpec {
    id: 1,
    name: "repeat",
    unit: Unit::Ms,
    max_delay_ms: 60,
    message: "{value} ms of sound are sent twice",
};
const STUCK: KindSpec = KindSpec {
    id: 2,
    name: "stuck",
    unit: Unit::Ms,
    max_delay_ms: 60,
    message: "stuck: the same frame over and over for {value} ms",
};

/// Fingerprints kept.
const KEPT: usize = 72;
/// Samples of a fingerprint before the rise through zero, and from there on.
const BEFORE: usize = 4;
const AFTER: usize = 12;
/// Copies from which on a run is stuck: the first one and three more.
const STUCK_COPIES: u64 = 3;
/// Without a fingerprint for so long, a run is over.
const PATIENCE_MS: u32 = 25;

/// Fingerprints in a row that equal earlier ones at one distance.
#[derive(Clone, Copy, Default)]
struct Run {
    lag: u32,
    count: u32,
    first: u64,
    last: u64,
    /// The last fingerprint before it.
    before: u64,
}

pub(crate) struct Duplicate {
    prints: [u32; KEPT],
    /// Their places, modulo 2^16: the distances are shorter.
    places: [u16; KEPT],
    next: u8,
    run: Run,
    last_print: u64,
    edges: [u64; 4],
    repeats: u32,
    stuck: u32,
    total: u64,
}

pub(crate) struct Plan {
    config: DuplicateConfig,
    rate: SampleRate,
    min: u64,
    min_lag: u32,
    max_lag: u32,
    least: f32,
    patience: u64,
}

/// Mixes the bits of sixteen samples.
fn fingerprint(x: &[f32]) -> u32 {
    let mut h = 0x9e37_79b9_7f4a_7c15u64;
    for pair in x.as_chunks::<2>().0 {
        let both = u64::from(pair[0].to_bits()) << 32 | u64::from(pair[1].to_bits());
        h = (h ^ both).wrapping_mul(0xff51_afd7_ed55_8ccd);
        h ^= h >> 32;
    }
    h as u32
}

impl Duplicate {
    /// A fingerprint at `at`.
    fn add(&mut self, plan: &Plan, print: u32, at: u64, out: &mut Sink<'_>) {
        let mut lag = 0;
        for (&p, &place) in self.prints.iter().zip(&self.places) {
            if p == print {
                let distance = u32::from((at as u16).wrapping_sub(place));
                // The nearest one counts: of a tone that is its period.
                if distance > 0 && distance <= plan.max_lag && (lag == 0 || distance < lag) {
                    lag = distance;
                }
            }
        }
        if lag == 0 || lag != self.run.lag {
            self.close(plan, at, out);
            if lag >= plan.min_lag {
                self.run = Run { lag, count: 0, first: at, last: at, before: self.last_print };
            }
        }
        if self.run.lag > 0 {
            self.run.last = at;
            self.run.count += 1;
        }
        self.last_print = at;
        let slot = usize::from(self.next);
        self.prints[slot] = print;
        self.places[slot] = at as u16;
        self.next = ((slot + 1) % KEPT) as u8;
    }

    /// The run is over; the next fingerprint, if any, is at `next`.
    fn close(&mut self, plan: &Plan, next: u64, out: &mut Sink<'_>) {
        let run = core::mem::take(&mut self.run);
        let lag = u64::from(run.lag);
        let span = run.last - run.first;
        // At least two fingerprints in each distance.
        let is_rich = u64::from(run.count) * lag >= 2 * span;
        if lag == 0 || f64::from(run.count) < plan.config.min_fingerprints || span < plan.min || !is_rich {
            return;
        }
        let reach = BEFORE as u64;
        // The copy begins after the last fingerprint that is none of it, and ends before the next.
        let (mut from, mut to) = (run.before.saturating_sub(AFTER as u64).max(1), run.first.saturating_sub(reach));
        let adjacent = span <= lag && 3 * span >= lag;
        if adjacent {
            from = from.max((run.last + AFTER as u64).saturating_sub(lag));
            to = to.min((next + AFTER as u64).saturating_sub(lag)).max(from);
        }
        let from = from.min(to);
        let edge = self.edges.iter().copied().filter(|e| (from..=to).contains(e)).max();
        let start = edge.unwrap_or(from.midpoint(to));
        let known = run.last + AFTER as u64;
        let end = if adjacent { (start + lag).min(next + AFTER as u64).max(start + 1) } else { known };
        let is_stuck = span >= STUCK_COPIES * lag;
        let length = end - start;
        let value = plan.rate.seconds(length) * 1000.0;
        let (kind, count) = if is_stuck { (&STUCK, &mut self.stuck) } else { (&REPEAT, &mut self.repeats) };
        *count = count.saturating_add(1);
        self.total += length;
        let severity = Severity::above(value, plan.config.min_ms, plan.config.error_ms);
        out.point(kind, Occurrence { start, end, severity, value, threshold: plan.config.min_ms, channel_mask: 0 });
    }
}

impl Metric for Duplicate {
    const SPEC: MetricSpec = MetricSpec {
        id: 20,
        name: "duplicate",
        revision: 1,
        summary: "Pieces of sound that come twice, bit by bit",
        definition: "Otoscope: runs of equal fingerprints at rises through zero, at one distance",
        needs: Needs::HISTORY,
        params: DuplicateConfig::PARAMS,
        fields: DuplicateOutput::FIELDS,
        kinds: &[REPEAT, STUCK],
    };
    type Config = DuplicateConfig;
    type Output = DuplicateOutput;
    type Plan = Plan;

    fn plan(config: &DuplicateConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        let samples = |ms: f64| (ms / 1000.0 * f64::from(stream.rate.hz())).round() as u32;
        Ok(Plan {
            rate: stream.rate,
            min: u64::from(samples(config.min_ms)),
            min_lag: samples(config.min_lag_ms),
            max_lag: samples(250.0).min(u32::from(u16::MAX)),
            least: db_amplitude(config.least_dbfs) as f32,
            patience: stream.rate.samples_in_ms(PATIENCE_MS) as u64,
            config: config.clone(),
        })
    }

    fn new(_: &Plan) -> Self {
        Self {
            prints: [0; KEPT],
            places: [0; KEPT],
            next: 0,
            run: Run::default(),
            last_print: 0,
            edges: [u64::MAX; 4],
            repeats: 0,
            stuck: 0,
            total: 0,
        }
    }

    fn event(&mut self, _: &Plan, event: &Event, _: &mut Sink<'_>) {
        if let &Event::ChunkEdge { sample } = event {
            self.edges.rotate_right(1);
            self.edges[0] = sample;
        }
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        if self.run.lag > 0 && f.start() > self.run.last + plan.patience {
            self.close(plan, f.start(), out);
        }
        if f.mix().peak() < plan.least {
            return;
        }
        // Rises from AFTER samples before the hop to AFTER before its end, with the sample before each.
        let x = f.window();
        let first = x.len() - f.len() - AFTER;
        let places = &x[first - 1..x.len() - AFTER];
        for (group, eight) in places.chunks(8).enumerate() {
            let base = first - 1 + 8 * group;
            let last = (base + 8).min(x.len() - AFTER - 1);
            let any = eight.iter().fold(x[last].to_bits(), |any, v| any | v.to_bits());
            let all = eight.iter().fold(x[last].to_bits(), |all, v| all & v.to_bits());
            // The same sign throughout: nothing rises here.
            if (any ^ all) >> 31 == 0 {
                continue;
            }
            for i in base + 1..=last {
                if x[i - 1] < 0.0 && x[i] >= 0.0 {
                    let at = f.end() - (x.len() - i) as u64;
                    self.add(plan, fingerprint(&x[i - BEFORE..i + AFTER]), at, out);
                }
            }
        }
    }

    fn finish(&mut self, plan: &Plan, _: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        self.close(plan, end.samples.saturating_sub(AFTER as u64), out);
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> DuplicateOutput {
        DuplicateOutput {
            repeats: Value::count(self.repeats.into()),
            stuck: Value::count(self.stuck.into()),
            total_ms: Value::Number(plan.rate.seconds(self.total) * 1000.0),
        }
    }
}
