//! Silence: dead air at the start, in the middle, at the end; and holes torn into speech.
//!
//! ## What it measures
//! How long the stream is silent before, between and after speech, how much of it is digital zero, how low its quietest
//! audible pause is, and whether the downmix cancels.
//!
//! ## Why it matters for speech
//! A model stuck on its silence token, a worker that pads, a dropped chunk: the answer is delivered in full and says
//! nothing. A pause of digital zero inside a voice with a noise floor is a hole listeners notice.
//!
//! ## Method
//! A hop of 10 ms is silent when the RMS of every channel is at or below `threshold_dbfs`. Runs of silent hops are lead-in,
//! inner or tail. A hole is a run of exact zeros of `hole_ms` or more, in every channel, that is entered and left abruptly:
//! the 10 ms next to it on either side are above `hole_side_dbfs`, and the 2 ms next to it still (and at once again) reach
//! half of that RMS; it is timed to the sample. Cancellation: the downmix is
//! silent for `cancel_s` while a channel is not.
//!
//! ## Reading the value
//! A lead-in below 0.5 s and pauses below 1 s are usual. Silence after a sound is reported while it lasts as `inner`;
//! if nothing follows until the end, it is closed as `tail`. `zero_ratio` of a recorded voice is near 0; some
//! engines pause with pure zeros.
//!
//! ## Limits
//! A pause the author wanted looks like one he did not want. Positions of silence are exact to one hop (10 ms). A voice
//! quieter than the threshold is silence.

use crate::error::ConfigError;
use crate::features::FrameView;
use crate::finding::{EventId, Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness, Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::{SampleRate, db_power, power_db};

params! { SilenceConfig {
    threshold_dbfs: Dbfs = -50.0 in -120.0 ..= 0.0, "A hop is silent when no channel's RMS is above this.";
    lead_s: Seconds = 1.0 in 0.05 ..= 3600.0, "Silence at the start from this long on is a finding.";
    pause_s: Seconds = 0.98 in 0.05 ..= 3600.0, "Silence after a sound, be it a pause or the tail, from this long on is a finding: a second, less the hops it shares with sound.";
    error_s: Seconds = 2.0 in 0.05 ..= 3600.0, "From this long on, any of them is an error rather than a warning.";
    hole_ms: Ms = 5.0 in 1.0 ..= 1000.0, "A run of exact zeros inside speech from this long on is a hole.";
    hole_max_ms: Ms = 800.0 in 1.0 ..= 10000.0, "A longer run of zeros is a pause, not a hole.";
    hole_side_dbfs: Dbfs = -30.0 in -90.0 ..= 0.0, "Both sides of a hole are louder than this.";
    cancel_s: Seconds = 0.2 in 0.05 ..= 60.0, "A downmix silent for this long while a channel sounds is a finding.";
} }

fields! { SilenceOutput {
    1 lead_s: Seconds, Exact, "Silence before the first audible hop.";
    2 tail_s: Seconds, Exact, "Silence after the last audible hop, so far.";
    3 inner_longest_s: Seconds, Exact, "The longest pause between audible hops.";
    4 inner_total_s: Seconds, Exact, "All silence between audible hops together.";
    5 zero_ratio: Ratio, Exact, "Share of samples that are exactly zero (per hop, of the channel with the fewest).";
    6 pause_floor_dbfs: Dbfs, Exactness::LIBM, "RMS of the quietest silent hop that is not digital zero.";
    7 holes: Count, Exact, "Runs of exact zeros torn into speech.";
} }

const fn kind(id: u16, name: &'static str, max_delay_ms: u32, message: &'static str) -> KindSpec {
    KindSpec { id, name, unit: Unit::Seconds, max_delay_ms, message }
}
const LEAD: KindSpec = kind(1, "lead", 20, "{value} s of silence before the first sound");
const INNER: KindSpec = kind(2, "inner", 20, "a pause of {value} s");
const TAIL: KindSpec = kind(3, "tail", 20, "{value} s of silence after the last sound");
const HOLE: KindSpec = kind(4, "hole", 20, "{value} s of digital zero torn into the sound");
const CANCELLATION: KindSpec =
    kind(5, "cancellation", 20, "the channels cancel for {value} s: a mono listener hears nothing");

/// State: the silence in progress, the zeros in progress, totals.
pub(crate) struct Silence {
    /// Where the silence in progress began; `None` while something sounds.
    silent_since: Option<u64>,
    heard: bool,
    open: Option<EventId>,
    lead: u64,
    longest: u64,
    total: u64,
    end: u64,
    zeros: u64,
    floor: f64,
    holes: u64,
    hole: ZeroRun,
    cancel_since: Option<u64>,
    cancel_open: Option<EventId>,
}

/// A run of exact zeros.
#[derive(Clone, Copy, Default)]
struct ZeroRun {
    len: u64,
    start: u64,
    /// Entered abruptly from sound.
    abrupt: bool,
    /// Energy of what sounds after it, until there are 10 ms of it.
    after: Option<After>,
    /// Mean square of the 10 ms before the current hop.
    before: f64,
}

#[derive(Clone, Copy)]
struct After {
    end: u64,
    energy: f64,
    /// The largest square of the first 2 ms.
    first: f32,
    samples: u32,
}

pub(crate) struct Plan {
    config: SilenceConfig,
    rate: SampleRate,
    threshold: f64,
    hole_side: f64,
    hole: u64,
    hole_max: u64,
    side_samples: u64,
    break_samples: usize,
    lead: u64,
    pause: u64,
    cancel: u64,
}

impl Plan {
    fn occurrence(&self, start: u64, end: u64, limit_s: f64) -> Occurrence {
        let value = self.rate.seconds(end - start);
        let severity = if value >= self.config.error_s { Severity::Error } else { Severity::Warning };
        Occurrence { start, end, severity, value, threshold: limit_s, channel_mask: 0 }
    }
}

impl ZeroRun {
    /// Whether the run that reaches into this hop, and ends in it, is as long as a hole.
    fn ends_as_hole(&self, plan: &Plan, f: &FrameView<'_>) -> bool {
        let run = || self.len + (0..f.len()).take_while(|&i| is_zero(f, i)).count() as u64;
        self.len > 0 && self.abrupt && (plan.hole..=plan.hole_max).contains(&run())
    }
}

/// Whether sample `i` of the hop is zero in every channel.
fn is_zero(f: &FrameView<'_>, i: usize) -> bool {
    (0..f.channels().len()).all(|c| f.channel(c, 0)[i] == 0.0)
}

impl Silence {
    /// Something sounds again: settles the silence that ends here.
    fn settle(&mut self, plan: &Plan, now: u64, out: &mut Sink<'_>) {
        let Some(since) = self.silent_since.take() else { return };
        let (kind, limit) = if self.heard { (&INNER, plan.config.pause_s) } else { (&LEAD, plan.config.lead_s) };
        if let Some(event) = self.open.take() {
            out.close(kind, event, plan.occurrence(since, now, limit));
        }
        if self.heard {
            self.longest = self.longest.max(now - since);
            self.total += now - since;
        } else {
            self.lead = now - since;
        }
    }

    fn follow_zeros(&mut self, plan: &Plan, f: &FrameView<'_>, out: &mut Sink<'_>) {
        let n = f.len() as u64;
        let all_zero = f.channels().iter().all(|s| s.min == 0.0 && s.max == 0.0);
        let zeros = f.channels().iter().map(|s| s.zeros).min().unwrap_or(0);
        let loudest = f.channels().iter().map(|s| s.energy).fold(0.0, f64::max) / n as f64;
        let z = &mut self.hole;
        if all_zero {
            if z.len == 0 {
                (z.start, z.abrupt) = (f.start(), z.before > plan.hole_side && plan.breaks_off(f, 0, z.before));
            }
            z.len += n;
            z.after = None;
        } else if z.after.is_none() && u64::from(zeros) < plan.hole && !z.ends_as_hole(plan, f) {
            // The usual case: sound, and too few zeros for a hole. Only a run that touches the end of the hop may still
            // become one.
            let run = if zeros == 0 { 0 } else { (0..f.len()).rev().take_while(|&i| is_zero(f, i)).count() };
            z.len = run as u64;
            if run > 0 {
                z.start = f.end() - run as u64;
                z.abrupt = plan.side(f, f.len() - run, z.before);
            }
        } else {
            let channels = f.channels().len();
            for i in 0..f.len() {
                let mut energy = 0.0f64;
                for c in 0..channels {
                    let v = f64::from(f.channel(c, 0)[i]);
                    energy = energy.max(v * v);
                }
                if energy == 0.0 {
                    if z.len == 0 && z.after.is_none() {
                        z.start = f.start() + i as u64;
                        z.abrupt = plan.side(f, i, z.before);
                    }
                    if z.after.is_none() {
                        z.len += 1;
                        continue;
                    }
                } else if z.len > 0 && z.after.is_none() {
                    let end = f.start() + i as u64;
                    let run = z.len;
                    z.len = 0;
                    if z.abrupt && (plan.hole..=plan.hole_max).contains(&run) {
                        z.after = Some(After { end, energy: 0.0, first: 0.0, samples: 0 });
                    }
                }
                if let Some(after) = &mut z.after {
                    after.energy += energy;
                    after.samples += 1;
                    if after.samples as usize <= plan.break_samples {
                        after.first = after.first.max(energy as f32);
                    }
                    if after.samples as u64 >= plan.side_samples {
                        let mean_square = after.energy / f64::from(after.samples);
                        if mean_square > plan.hole_side && f64::from(after.first) > 0.25 * mean_square {
                            self.holes += 1;
                            let limit = plan.config.hole_ms / 1000.0;
                            let o = plan.occurrence(z.start, after.end, limit);
                            out.point(&HOLE, o);
                        }
                        z.after = None;
                    }
                }
            }
        }
        self.hole.before = loudest;
    }
}

impl Plan {
    /// Whether the 10 ms before sample `i` of the hop are loud: from this hop if it reaches back far enough, else
    /// together with the hop before.
    fn side(&self, f: &FrameView<'_>, i: usize, before: f64) -> bool {
        let n = f.len();
        // Usually the whole hop is too quiet, and need not be summed up to there. Its energy is rounded otherwise.
        let whole = f.channels().iter().map(|s| s.energy).fold(0.0, f64::max);
        if 1.001 * whole + before * (n - i) as f64 <= self.hole_side * n as f64 {
            return false;
        }
        let own = (0..f.channels().len())
            .map(|c| f.channel(c, 0)[..i].iter().map(|&v| f64::from(v) * f64::from(v)).sum::<f64>())
            .fold(0.0, f64::max);
        let energy = own + before * (n - i) as f64;
        energy > self.hole_side * n as f64 && self.breaks_off(f, i, energy / n as f64)
    }

    /// Whether the sound before sample `i` of the hop broke off rather than died away: its last 2 ms still reach half of
    /// its RMS. A voice that closes its lips, and a synthesiser that pauses with pure zeros, fade within those.
    fn breaks_off(&self, f: &FrameView<'_>, i: usize, mean_square: f64) -> bool {
        let window = f.window();
        let at = window.len() - f.len() + i;
        let last = &window[at.saturating_sub(self.break_samples)..at];
        last.iter().any(|&v| f64::from(v) * f64::from(v) > 0.25 * mean_square)
    }
}

impl Metric for Silence {
    const SPEC: MetricSpec = MetricSpec {
        id: 8,
        name: "silence",
        revision: 1,
        summary: "Dead air at the start, in pauses and at the end; holes of digital zero",
        definition: "Otoscope: RMS per 10 ms against a fixed threshold; runs of exact zeros by sample",
        needs: Needs::HISTORY,
        params: SilenceConfig::PARAMS,
        fields: SilenceOutput::FIELDS,
        kinds: &[LEAD, INNER, TAIL, HOLE, CANCELLATION],
    };
    type Config = SilenceConfig;
    type Output = SilenceOutput;
    type Plan = Plan;

    fn plan(config: &SilenceConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        if config.hole_max_ms < config.hole_ms {
            return Err(ConfigError::Contradiction {
                message: "silence.hole_max_ms is below silence.hole_ms: no hole could ever be found",
            });
        }
        let samples = |seconds: f64| (seconds * f64::from(stream.rate.hz())).round() as u64;
        Ok(Plan {
            rate: stream.rate,
            threshold: db_power(config.threshold_dbfs),
            hole_side: db_power(config.hole_side_dbfs),
            hole: samples(config.hole_ms / 1000.0),
            hole_max: samples(config.hole_max_ms / 1000.0),
            side_samples: samples(0.01),
            break_samples: stream.rate.samples_in_ms(2),
            lead: samples(config.lead_s),
            pause: samples(config.pause_s),
            cancel: samples(config.cancel_s),
            config: config.clone(),
        })
    }

    fn new(_: &Plan) -> Self {
        Self {
            silent_since: None,
            heard: false,
            open: None,
            lead: 0,
            longest: 0,
            total: 0,
            end: 0,
            zeros: 0,
            floor: f64::INFINITY,
            holes: 0,
            hole: ZeroRun::default(),
            cancel_since: None,
            cancel_open: None,
        }
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        let n = f.len() as f64;
        self.end = f.end();
        self.zeros += u64::from(f.channels().iter().map(|s| s.zeros).min().unwrap_or(0));
        let loudest = f.channels().iter().map(|s| s.energy).fold(0.0, f64::max) / n;
        self.follow_zeros(plan, f, out);
        if loudest > plan.threshold {
            self.settle(plan, f.start(), out);
            self.heard = true;
        } else {
            if loudest > 0.0 {
                self.floor = self.floor.min(loudest);
            }
            let since = *self.silent_since.get_or_insert(f.start());
            let (kind, limit, limit_s) = match self.heard {
                true => (&INNER, plan.pause, plan.config.pause_s),
                false => (&LEAD, plan.lead, plan.config.lead_s),
            };
            if self.open.is_none() && f.end() - since >= limit {
                self.open = Some(out.open(kind, plan.occurrence(since, f.end(), limit_s)));
            }
        }
        let cancels = f.channels().len() > 1 && loudest > plan.threshold && f.mix().energy / n <= plan.threshold * 1e-2;
        if cancels {
            let since = *self.cancel_since.get_or_insert(f.start());
            if self.cancel_open.is_none() && f.end() - since >= plan.cancel {
                self.cancel_open = Some(out.open(&CANCELLATION, plan.occurrence(since, f.end(), plan.config.cancel_s)));
            }
        } else if let Some(since) = self.cancel_since.take()
            && let Some(event) = self.cancel_open.take()
        {
            out.close(&CANCELLATION, event, plan.occurrence(since, f.start(), plan.config.cancel_s));
        }
    }

    fn finish(&mut self, plan: &Plan, _: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        if let (Some(event), Some(since)) = (self.cancel_open.take(), self.cancel_since) {
            out.close(&CANCELLATION, event, plan.occurrence(since, end.samples, plan.config.cancel_s));
        }
        let Some(since) = self.silent_since else { return };
        let Some(event) = self.open.take() else { return };
        if self.heard {
            // While it lasted it might still have become a pause.
            out.close_as(&INNER, &TAIL, event, plan.occurrence(since, end.samples, plan.config.pause_s));
        } else {
            out.close(&LEAD, event, plan.occurrence(since, end.samples, plan.config.lead_s));
        }
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> SilenceOutput {
        let running = self.silent_since.map_or(0, |since| self.end - since);
        let lead = if self.heard { self.lead } else { running };
        let seconds = |n: u64| Value::Number(plan.rate.seconds(n));
        let zero_ratio = if self.end == 0 {
            Value::Undefined("no samples")
        } else {
            Value::Number(self.zeros as f64 / self.end as f64)
        };
        SilenceOutput {
            lead_s: seconds(lead),
            tail_s: seconds(if self.heard { running } else { 0 }),
            inner_longest_s: seconds(self.longest),
            inner_total_s: seconds(self.total),
            zero_ratio,
            pause_floor_dbfs: Value::finite(power_db(self.floor), "no silent hop that is not digital zero"),
            holes: Value::count(self.holes),
        }
    }
}
