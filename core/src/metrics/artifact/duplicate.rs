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
//! Where the waveform rises through zero, six of the sixteen samples around that place make a fingerprint; rises that follow
//! another within 0.25 ms have none, for hissing sounds have very many. The last 32 are kept
//! (some 50 ms of a vowel), and of every fifth kind again the last 32 (some 200 ms). A run of fingerprints that
//! all equal one the same distance before, at least `min_fingerprints` of them over at least `min_ms`, is a copy, if the
//! distance is at least `min_lag_ms`, so that a period of the voice is none, and at least two of them fall within
//! one distance: a tone of a whole number of samples a period repeats itself too, but has one. Of short distances the first
//! sample of the copy is known exactly. At a declared
//! chunk edge a whole copy that follows what it repeats is a duplicate, and any of `free_fingerprints` that also ends at an edge.
//! Elsewhere it must be at least `free_lag_ms` long, have `free_fingerprints` and be heard to be whole, but for a fourth and
//! 10 ms: engines that join recorded pieces stretch them by repeating periods, and some repeat their hissing. A frame that
//! comes four times or more is stuck, from `min_stuck_ms` on. Hops whose peak is below `least_dbfs` are not listened to.
//!
//! ## Reading the value
//! How long the repeated stretch is. `repeat` is heard as a stammer, `stuck` as a buzz.
//!
//! ## Limits
//! Only exact repetition: one that passed a codec, a gain or a resampler is none. What comes back later than the
//! fingerprints reach is not found, nor stretches shorter than 8 ms or without three rises
//! through zero. Seven in ten copies of 100 ms are found. Away from chunk edges copies of 10 ms cannot be
//! told from the repeated periods of a diphone engine, and such engines repeat longer stretches now and then: those are
//! reported. Ends are known to 1 or 2 ms unless they fall on a chunk edge. Synthetic sound with a
//! strictly constant period of more than `min_lag_ms` and overtones looks stuck. More channels than one are judged by
//! their downmix. Frames that are swapped are each unique.

use crate::error::ConfigError;
use crate::features::{Event, FrameView, recent_len};
use crate::finding::{Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::{SampleRate, db_amplitude};

params! { DuplicateConfig {
    min_ms: Ms = 4.0 in 1.0 ..= 1000.0, "The shortest distance from the first to the last equal fingerprint.";
    min_lag_ms: Ms = 6.0 in 2.5 ..= 100.0, "The shortest distance between a stretch and its copy.";
    min_fingerprints: Count = 3.0 in 2.0 ..= 64.0, "The fewest equal fingerprints in a row.";
    free_lag_ms: Ms = 14.0 in 2.5 ..= 100.0, "The shortest distance away from a declared chunk edge.";
    free_fingerprints: Count = 6.0 in 2.0 ..= 64.0, "The fewest equal fingerprints away from a declared chunk edge.";
    min_stuck_ms: Ms = 250.0 in 10.0 ..= 10000.0, "The shortest time for which a frame that comes over and over is stuck.";
    least_dbfs: Dbfs = -50.0 in -90.0 ..= 0.0, "Hops whose highest sample is below this are not listened to.";
    error_ms: Ms = 15.0 in 1.0 ..= 10000.0, "From this length on a duplicate is an error.";
} }

fields! { DuplicateOutput {
    1 repeats: Count, Exact, "Stretches that were heard before.";
    2 stuck: Count, Exact, "Stretches that repeat one frame over and over.";
    3 total_ms: Ms, Exact, "All of them together.";
} }

const REPEAT: KindSpec =
    KindSpec { id: 1, name: "repeat", unit: Unit::Ms, max_delay_ms: 60, message: "{value} ms of sound are sent twice" };
const STUCK: KindSpec = KindSpec {
    id: 2,
    name: "stuck",
    unit: Unit::Ms,
    max_delay_ms: 60,
    message: "stuck: the same frame over and over for {value} ms",
};

/// Fingerprints kept.
const KEPT: usize = 32;
/// One fingerprint in so many is sparse.
const SPARSE: u32 = 5;
/// Chunk edges that are remembered.
const EDGES: usize = 4;
/// Samples of a fingerprint before the rise through zero, and from there on.
const BEFORE: usize = 4;
const AFTER: usize = 12;
/// Copies from which on a run is stuck: the first one and three more.
const STUCK_COPIES: u64 = 3;
/// Rises that follow each other at a higher rate than this have no fingerprint: hissing sounds have many.
const CLOSE_HZ: usize = 4000;
/// So much of a copy may lie outside its first and last fingerprint.
const UNHEARD_MS: u32 = 10;
/// Without a fingerprint for so long, a run is over.
const PATIENCE_MS: u32 = 25;

/// Fingerprints in a row that equal earlier ones at one distance.
#[derive(Clone, Copy, Default)]
struct Run {
    lag: u32,
    count: u32,
    first: u64,
    last: u64,
    /// Where the copy begins: the first and the last place it may be.
    from: u64,
    to: u64,
}

/// Fingerprints of the past, and the run in progress.
#[derive(Clone, Copy)]
struct Track {
    prints: [u32; KEPT],
    /// Their places, modulo 2^16: the distances are shorter.
    places: [u16; KEPT],
    next: u8,
    run: Run,
    last_print: u64,
}

pub(crate) struct Duplicate {
    /// All fingerprints, and one in [`SPARSE`] of them, which reach further back.
    tracks: [Track; 2],
    /// The end of the last finding: what overlaps it is the same one.
    told: u64,
    edges: [u64; EDGES],
    repeats: u32,
    stuck: u32,
    total: u64,
    /// How many hops in a row, the last one included, have the flat top of a sine or a square wave: a test tone repeats itself, too.
    tone: u8,
    /// How many hops in a row are loud enough to be listened to.
    heard: u8,
}

/// The square of a sine's crest factor is 2, a square wave's 1; speech has 4 and more.
const CREST_OF_TONES: f64 = 2.6;

/// Hops a closed vowel or a nasal has so low a crest at most; 100 ms.
const LONGEST_FLAT_VOWEL: u8 = 10;

pub(crate) struct Plan {
    config: DuplicateConfig,
    rate: SampleRate,
    min: u64,
    min_lag: u32,
    max_lag: u32,
    free_lag: u32,
    free_count: u32,
    min_stuck: u64,
    least: f32,
    patience: u64,
    gap: usize,
    unheard: u64,
    history: usize,
}

/// Mixes the bits of three pairs of sixteen samples: at both ends, where a seam would show, and at the rise.
fn fingerprint(x: &[f32; BEFORE + AFTER]) -> u32 {
    let pair = |i: usize| u64::from(x[i].to_bits()) | u64::from(x[i + 1].to_bits()) << 32;
    let ends = pair(0).wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(pair(14).wrapping_mul(0xff51_afd7_ed55_8ccd));
    (ends.wrapping_add(pair(BEFORE).wrapping_mul(0xc4ce_b9fe_1a85_ec53)) >> 32) as u32
}

impl Track {
    const EMPTY: Self = Self {
        prints: [0; KEPT],
        places: [0; KEPT],
        next: 0,
        run: Run { lag: 0, count: 0, first: 0, last: 0, from: 0, to: 0 },
        last_print: 0,
    };

    /// A fingerprint at `at`, which is `x[i]`. Returns the run that ended with it.
    fn add(&mut self, plan: &Plan, print: u32, at: u64, x: &[f32], i: usize) -> Option<Run> {
        let mut lag = 0;
        // Hardly any is known: all are compared at once first.
        let known = self.prints.iter().fold(false, |any, &p| any | (p == print));
        for (&p, &place) in self.prints.iter().zip(&self.places).take(if known { KEPT } else { 0 }) {
            if p == print {
                let distance = u32::from((at as u16).wrapping_sub(place));
                // The nearest one counts: of a tone that is its period.
                if distance > 0 && distance <= plan.max_lag && (lag == 0 || distance < lag) {
                    lag = distance;
                }
            }
        }
        let mut ended = None;
        if lag != self.run.lag {
            ended = self.take();
            if lag >= plan.min_lag {
                let (from, to) = self.begin(plan, lag as usize, at, x, i);
                self.run = Run { lag, count: 0, first: at, last: at, from, to };
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
        ended
    }

    /// Where a copy begins whose first fingerprint is at `at`: to the sample, if what it copies is still there.
    fn begin(&self, plan: &Plan, lag: usize, at: u64, x: &[f32], i: usize) -> (u64, u64) {
        let known = i.saturating_sub(lag);
        let equal = x[i - known..i].iter().rev().zip(x[..known].iter().rev()).take_while(|(a, b)| a == b).count();
        let first = at.saturating_sub(equal.max(BEFORE) as u64);
        // The last fingerprint is none of it.
        let earliest = self.last_print.saturating_sub(plan.gap.max(BEFORE) as u64).max(1).min(first);
        (if equal < known { first } else { earliest }, first)
    }

    /// The run in progress, which is over.
    fn take(&mut self) -> Option<Run> {
        let run = core::mem::take(&mut self.run);
        (run.lag > 0).then_some(run)
    }
}

impl Duplicate {
    /// Whether this is a test tone rather than a vowel that looks like one for a moment: it lasts, or there was nothing else since the
    /// last silence (but for the hop in which it began).
    fn is_tone(&self) -> bool {
        self.tone >= LONGEST_FLAT_VOWEL || self.tone > 0 && self.heard <= self.tone.saturating_add(1)
    }

    /// A rise at `x[i]`, which is sample `at`.
    fn add(&mut self, plan: &Plan, at: u64, x: &[f32], i: usize, out: &mut Sink<'_>) {
        let Some(around) = x.get(i - BEFORE..).and_then(|x| x.first_chunk()) else { return };
        let print = fingerprint(around);
        for t in 0..2 {
            if (t == 0 || print < u32::MAX / SPARSE)
                && let Some(run) = self.tracks[t].add(plan, print, at, x, i)
            {
                self.judge(plan, run, at, out);
            }
        }
    }

    /// The run in progress is over at `at`.
    fn finish_run(&mut self, plan: &Plan, track: usize, at: u64, out: &mut Sink<'_>) {
        if let Some(run) = self.tracks[track].take() {
            self.judge(plan, run, at, out);
        }
    }

    /// A run is over; the next fingerprint, if any, is at `next`.
    fn judge(&mut self, plan: &Plan, run: Run, next: u64, out: &mut Sink<'_>) {
        let lag = u64::from(run.lag);
        let span = run.last - run.first;
        // At least two fingerprints in each distance.
        let is_rich = u64::from(run.count) * lag >= 2 * span;
        if self.is_tone()
            || run.first < self.told
            || f64::from(run.count) < plan.config.min_fingerprints
            || span < plan.min
            || !is_rich
        {
            return;
        }
        let adjacent = span <= lag && 3 * span >= lag;
        let is_exact = run.from == run.to;
        let (mut from, mut to) = (run.from, run.to);
        // What is shorter than its distance ends before the next fingerprint, which is none of it.
        let end_limit = next + AFTER as u64;
        if adjacent {
            from = from.max((run.last + AFTER as u64).saturating_sub(lag)).min(to);
            to = to.min(end_limit.saturating_sub(lag)).max(from);
        }
        // Two samples may be equal by chance.
        let at_edge = |from: u64, to: u64| self.edges.iter().copied().filter(|e| (from..=to + 2).contains(e)).max();
        let is_stuck = span >= STUCK_COPIES * lag;
        let is_whole = run.from + lag < end_limit + AFTER as u64;
        let edge = at_edge(from, to);
        // Engines that join pieces of speech stretch them by repeating periods, and some take their hissing from one
        // recording. So a copy must follow what it repeats and be whole: at an edge, or longer than a period of the voice. Other
        // ones are whole chunks.
        let sure = match (is_stuck, edge) {
            (true, _) => span >= plan.min_stuck && self.tone == 0,
            (false, Some(edge)) if adjacent => edge + lag < end_limit + 2 && (is_exact || 2 * span >= lag),
            (false, Some(_)) => {
                run.count >= plan.free_count
                    && run.to - run.from <= plan.unheard
                    && next - run.last <= plan.unheard
                    && at_edge(run.last + AFTER as u64, end_limit).is_some()
            }
            (false, None) => {
                adjacent
                    && is_whole
                    && lag - span <= plan.unheard.min(lag / 4)
                    && run.lag >= plan.free_lag
                    && run.count >= plan.free_count
            }
        };
        if !sure {
            return;
        }
        let start = edge.unwrap_or(from.midpoint(to));
        let known = run.last + AFTER as u64;
        let end = if adjacent { (start + lag).min(end_limit).max(start + 1) } else { known };
        self.told = end;
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
        on: true,
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
            free_lag: samples(config.free_lag_ms),
            free_count: config.free_fingerprints as u32,
            min_stuck: u64::from(samples(config.min_stuck_ms)),
            max_lag: samples(250.0).min(u32::from(u16::MAX)),
            least: db_amplitude(config.least_dbfs) as f32,
            patience: stream.rate.samples_in_ms(PATIENCE_MS) as u64,
            unheard: stream.rate.samples_in_ms(UNHEARD_MS) as u64,
            gap: stream.rate.hz() as usize / CLOSE_HZ,
            history: recent_len(stream.rate),
            config: config.clone(),
        })
    }

    fn new(_: &Plan) -> Self {
        Self {
            tracks: [Track::EMPTY; 2],
            told: 0,
            edges: [u64::MAX; EDGES],
            repeats: 0,
            stuck: 0,
            total: 0,
            tone: 0,
            heard: 0,
        }
    }

    fn event(&mut self, _: &Plan, event: &Event, _: &mut Sink<'_>) {
        if let &Event::ChunkEdge { sample } = event {
            self.edges.rotate_right(1);
            self.edges[0] = sample;
        }
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        for t in 0..2 {
            let run = &self.tracks[t].run;
            if run.lag > 0 && f.start() > run.last + plan.patience {
                self.finish_run(plan, t, f.start(), out);
            }
        }
        let stats = f.mix();
        let peak = f64::from(stats.peak());
        if stats.peak() < plan.least {
            self.heard = 0;
            return;
        }
        self.heard = self.heard.saturating_add(1);
        let is_flat = peak * peak * (f.len() as f64) < CREST_OF_TONES * stats.energy;
        self.tone = if is_flat { self.tone.saturating_add(1) } else { 0 };
        // Rises from AFTER samples before the hop to AFTER before its end; those just before tell which of them are close.
        let x = f.recent(plan.history);
        let (from, to) = (x.len() - f.len() - AFTER, x.len() - AFTER);
        let begin = from - plan.gap - 1;
        let mut last = begin;
        let mut was_negative = 0;
        for (k, block) in x[begin..to].chunks(64).enumerate() {
            let negative = f.simd().negative(block);
            let mut rises = !negative & (negative << 1 | was_negative);
            was_negative = negative >> 63;
            while rises > 0 {
                let i = begin + 64 * k + rises.trailing_zeros() as usize;
                rises &= rises - 1;
                let is_close = i - last < plan.gap;
                last = i;
                // Beyond the last block all bits are zeros.
                if i < from || i >= to || is_close {
                    continue;
                }
                self.add(plan, f.end() - (x.len() - i) as u64, x, i, out);
            }
        }
    }

    fn finish(&mut self, plan: &Plan, _: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        for t in 0..2 {
            self.finish_run(plan, t, end.samples.saturating_sub(AFTER as u64), out);
        }
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> DuplicateOutput {
        DuplicateOutput {
            repeats: Value::count(self.repeats.into()),
            stuck: Value::count(self.stuck.into()),
            total_ms: Value::Number(plan.rate.seconds(self.total) * 1000.0),
        }
    }
}
