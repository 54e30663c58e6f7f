//! Dropout: holes torn into the voice.
//!
//! ## What it measures
//! Short stretches of (almost) nothing between stretches of loud voice: of digital zero (`hole`) or of something else that
//! is quiet, dither or comfort noise say (`gap`).
//!
//! ## Why it matters for speech
//! A buffer that was not filled, a packet that was lost, a frame the decoder did not deliver: the voice stutters, and
//! every score that averages over the answer hardly moves.
//!
//! ## Method
//! A run of `min_ms` to `max_ms` in which no sample is above `quiet_dbfs`, timed to the sample; the RMS of the 10 ms before and
//! after is above `side_dbfs`. What tells a hole from the closure of a p, t or k is how it is entered and left: a linear
//! predictor of order 16 (Burg) is fitted to the 15 ms before, and the squared prediction error of the first 16 samples of the
//! run, over the median of as many samples before it, says how far from announced the silence is. The same backwards, from the 10 ms
//! after, says how far from a beginning the return of the sound is: a closure dies away, a voice grows out of little, and a synthesiser that cuts
//! a sound off before a pause begins the next one softly. Both, at most 100 each, times how far the quieter
//! side lies above `side_dbfs` (in power), are the strength of the break. It must reach `gap_ratio`; for digital zero,
//! which nature does not make, `hole_ratio` is enough, unless the voice itself begins or pauses with digital zeros, as formant
//! synthesisers do. All on the downmix.
//!
//! ## Reading the value
//! The length in milliseconds. From about 10 ms on a hole is heard as a crack, from 30 ms on as a dropout.
//!
//! ## Limits
//! A hole that begins in a pause, in a quiet sound or in noise (a sibilant cannot be predicted) has no break. One entered
//! and left through a fade of some milliseconds, as concealment of lost packets does, is found about half of the time in voices
//! that never pause in zeros, else hardly ever. A hole filled with anything above `quiet_dbfs`
//! is none. Voices quieter than `side_dbfs` are not judged. Silence longer than `max_ms` is left to `silence`.

use crate::dsp::autoregression::{LONGEST, ORDER};
use crate::dsp::cut::{break_ratio, onset_ratio};
use crate::error::ConfigError;
use crate::features::{FrameView, recent_len};
use crate::finding::{Occurrence, Severity, Sink};
use crate::metrics::{Metric, StreamShape};
use crate::spec::{Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::{SampleRate, db_amplitude, db_power};

params! { DropoutConfig {
    quiet_dbfs: Dbfs = -44.0 in -120.0 ..= -20.0, "No sample of a hole is above this: noise of -55 dBFS RMS stays below it.";
    min_ms: Ms = 4.0 in 2.0 ..= 10.0, "The shortest hole.";
    max_ms: Ms = 250.0 in 10.0 ..= 10000.0, "A longer one is a pause.";
    side_dbfs: Dbfs = -30.0 in -90.0 ..= 0.0, "The RMS of the 10 ms on either side is above this.";
    hole_ratio: Ratio = 0.0005 in 0.0 ..= 100000.0, "The least strength of a break into digital zero, in a voice that does not pause in zeros.";
    gap_ratio: Ratio = 130.0 in 0.0 ..= 100000.0, "The same in a voice that does, and for what is quiet but not digital zero.";
    error_ms: Ms = 30.0 in 2.0 ..= 10000.0, "From this length on it is an error.";
} }

fields! { DropoutOutput {
    1 holes: Count, Exact, "Holes of digital zero.";
    2 gaps: Count, Exact, "Holes of something else that is quiet.";
    3 longest_ms: Ms, Exact, "The longest of either.";
    4 total_ms: Ms, Exact, "All of them together.";
} }

const HOLE: KindSpec = KindSpec {
    id: 1,
    name: "hole",
    unit: Unit::Ms,
    max_delay_ms: 30,
    message: "{value} ms of digital zero torn into the voice",
};
const GAP: KindSpec =
    KindSpec { id: 2, name: "gap", unit: Unit::Ms, max_delay_ms: 30, message: "the voice drops out for {value} ms" };

/// A ratio from which on that end of a run is torn beyond doubt: the other end is not excused by more.
const TORN: f64 = 100.0;

/// A run of quiet samples.
#[derive(Clone, Copy)]
struct Run {
    start: u64,
    /// One past its last sample, once that is known.
    end: u64,
    /// The mean square of what sounded before it, and how far from announced its end was; zeros if it was not loud.
    before: f32,
    broke: f32,
    /// How many of its samples are exactly zero.
    zeros: u32,
}

#[derive(Default)]
pub(crate) struct Dropout {
    /// The run that reaches to the end of the last hop, if it is long enough to be one.
    open: Option<Run>,
    /// A run entered from sound that waits for the sound after it.
    ended: Option<Run>,
    /// This voice pauses in digital zero by itself.
    zero_pauses: bool,
    holes: u32,
    gaps: u32,
    longest: u32,
    total: u64,
}

pub(crate) struct Plan {
    config: DropoutConfig,
    rate: SampleRate,
    quiet: f32,
    min: usize,
    max: u64,
    side: usize,
    side_power: f64,
    fit: usize,
    brink: u64,
    history: usize,
}

impl Plan {
    /// Whether it is digital zero, but for what is quiet of the sound on either side.
    fn is_zero(&self, run: &Run, len: u64) -> bool {
        u64::from(run.zeros) + 2 * self.brink >= len
    }

    fn is_quiet(&self, v: f32) -> bool {
        v.abs() <= self.quiet
    }

    fn mean_square(x: &[f32]) -> f64 {
        x.iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>() / x.len().max(1) as f64
    }

    /// How loud the sound before `x[at]` was, and how far from announced its end; zeros if it was not loud.
    fn entry(&self, f: &FrameView<'_>, at: usize, pos: u64) -> (f32, f32) {
        let x = f.recent(self.history);
        let known = at.min(usize::try_from(pos).unwrap_or(usize::MAX));
        if known < self.side || at + ORDER > x.len() {
            return (0.0, 0.0);
        }
        let power = Self::mean_square(&x[at - self.side..at]);
        if power <= self.side_power {
            return (0.0, 0.0);
        }
        let x = &x[at - known..];
        let ratio = match self.fit {
            0..=256 => break_ratio::<256>(f.simd(), x, known),
            257..=512 => break_ratio::<512>(f.simd(), x, known),
            513..=1024 => break_ratio::<1024>(f.simd(), x, known),
            _ => break_ratio::<LONGEST>(f.simd(), x, known),
        };
        (power as f32, ratio as f32)
    }

    /// How far from a beginning the sound from `x[at]` on is.
    fn onset(&self, f: &FrameView<'_>, x: &[f32], at: usize) -> f64 {
        match self.fit {
            0..=256 => onset_ratio::<256>(f.simd(), x, at),
            257..=512 => onset_ratio::<512>(f.simd(), x, at),
            513..=1024 => onset_ratio::<1024>(f.simd(), x, at),
            _ => onset_ratio::<LONGEST>(f.simd(), x, at),
        }
    }
}

impl Dropout {
    /// The run is over at `end`.
    fn end(&mut self, plan: &Plan, run: Run, end: u64, f: &FrameView<'_>, out: &mut Sink<'_>) {
        self.settle(plan, end, f, out);
        let len = end - run.start;
        if run.before > 0.0 && len >= plan.min as u64 && len <= plan.max {
            self.ended = Some(Run { end, ..run });
        } else if plan.is_zero(&run, len) {
            self.zero_pauses = true;
        }
    }

    /// Judges the run that waits: what follows it is known up to `until`.
    fn settle(&mut self, plan: &Plan, until: u64, f: &FrameView<'_>, out: &mut Sink<'_>) {
        let Some(run) = self.ended else { return };
        let x = f.recent(plan.history);
        let until = until.min(run.end + plan.side as u64);
        let place = |at: u64| x.len() - (f.end() - at) as usize;
        let after = &x[place(run.end)..place(until)];
        self.ended = None;
        if after.len() < plan.side / 2 {
            return;
        }
        let power = Plan::mean_square(after);
        let len = run.end - run.start;
        let zero = plan.is_zero(&run, len);
        let c = &plan.config;
        let least = if zero && !self.zero_pauses { c.hole_ratio } else { c.gap_ratio };
        // Sides that are only just loud enough need the clearer break.
        let loud = power.min(f64::from(run.before)) / plan.side_power;
        let began = if loud > 1.0 { plan.onset(f, &x[..place(until)], place(run.end)) } else { 0.0 };
        let strength = f64::from(run.broke).min(TORN) * began.min(TORN) * loud;
        if loud <= 1.0 || strength < least {
            self.zero_pauses |= zero;
            return;
        }
        let value = plan.rate.seconds(len) * 1000.0;
        let kind = if zero { &HOLE } else { &GAP };
        let count = if zero { &mut self.holes } else { &mut self.gaps };
        *count = count.saturating_add(1);
        self.longest = self.longest.max(len as u32);
        self.total += len;
        let severity = Severity::above(value, plan.config.min_ms, plan.config.error_ms);
        let threshold = plan.config.min_ms;
        out.point(kind, Occurrence { start: run.start, end: run.end, severity, value, threshold, channel_mask: 0 });
    }
}

fn zeros(x: &[f32]) -> u32 {
    x.iter().map(|&v| u32::from(v == 0.0)).sum()
}

impl Metric for Dropout {
    const SPEC: MetricSpec = MetricSpec {
        id: 18,
        name: "dropout",
        revision: 2,
        summary: "Holes and gaps torn into the voice",
        definition: "Otoscope: quiet runs that linear prediction (Burg, order 16) announces from neither side",
        on: true,
        needs: Needs::HISTORY,
        params: DropoutConfig::PARAMS,
        fields: DropoutOutput::FIELDS,
        kinds: &[HOLE, GAP],
    };
    type Config = DropoutConfig;
    type Output = DropoutOutput;
    type Plan = Plan;

    fn plan(config: &DropoutConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        let samples = |ms: f64| (ms / 1000.0 * f64::from(stream.rate.hz())).round() as usize;
        Ok(Plan {
            rate: stream.rate,
            quiet: db_amplitude(config.quiet_dbfs) as f32,
            min: samples(config.min_ms),
            max: samples(config.max_ms) as u64,
            side: stream.rate.samples_in_ms(10),
            side_power: db_power(config.side_dbfs),
            fit: stream.rate.samples_in_ms(15),
            brink: stream.rate.hz() as u64 / 2000,
            history: recent_len(stream.rate),
            config: config.clone(),
        })
    }

    fn new(_: &Plan) -> Self {
        Self::default()
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        if self.ended.is_some_and(|run| f.end() >= run.end + plan.side as u64) {
            self.settle(plan, f.end(), f, out);
        }
        let x = f.recent(plan.history);
        let first = x.len() - f.len();
        let pos = |i: usize| f.end() - (x.len() - i) as u64;
        let mut i = first;
        let is_silent = plan.is_quiet(f.mix().peak());
        if let (true, Some(run)) = (is_silent, &mut self.open) {
            run.zeros = run.zeros.saturating_add(f.mix().zeros);
            return;
        }
        if let Some(mut run) = self.open.take() {
            let end = x[first..].iter().position(|&v| !plan.is_quiet(v)).map_or(x.len(), |n| first + n);
            run.zeros = run.zeros.saturating_add(zeros(&x[first..end]));
            if end == x.len() {
                self.open = Some(run);
                return;
            }
            self.end(plan, run, pos(end), f, out);
            i = end;
        }
        // A run of at least `min` samples cannot hide between two probes.
        while i < x.len() {
            if !plan.is_quiet(x[i]) {
                i += plan.min / 2;
                continue;
            }
            let start = x[..i].iter().rposition(|&v| !plan.is_quiet(v)).map_or(0, |n| n + 1);
            let end = x[i..].iter().position(|&v| !plan.is_quiet(v)).map_or(x.len(), |n| i + n);
            if end - start >= plan.min {
                // What begins with the history began too long ago to be judged, or is the silence before the stream.
                let start_pos = (f.end()).saturating_sub((x.len() - start) as u64);
                let (before, broke) = if start > 0 { plan.entry(f, start, start_pos) } else { (0.0, 0.0) };
                let run = Run { start: start_pos, end: 0, before, broke, zeros: zeros(&x[start..end]) };
                if end == x.len() {
                    self.open = Some(run);
                } else {
                    self.end(plan, run, pos(end), f, out);
                }
            }
            i = end + 1;
        }
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> DropoutOutput {
        let ms = |n: u64| Value::Number(plan.rate.seconds(n) * 1000.0);
        DropoutOutput {
            holes: Value::count(self.holes.into()),
            gaps: Value::count(self.gaps.into()),
            longest_ms: ms(self.longest.into()),
            total_ms: ms(self.total),
        }
    }
}
