//! Silence: dead air at the start, in the middle, at the end.
//!
//! ## What it measures
//! How long the stream is silent before, between and after speech, how much of it is digital zero, how low its quietest
//! audible pause is, and whether the downmix cancels.
//!
//! ## Why it matters for speech
//! A model stuck on its silence token, a worker that pads, a dropped chunk: the answer is delivered in full and says
//! nothing.
//!
//! ## Method
//! A hop of 10 ms is silent when the RMS of every channel is at or below `threshold_dbfs`. Runs of silent hops are lead-in,
//! inner or tail. Cancellation: the downmix is silent for `cancel_s` while a channel is not.
//!
//! ## Reading the value
//! A lead-in below 0.5 s and pauses below 1 s are usual. Silence after a sound is reported while it lasts as `inner`;
//! if nothing follows until the end, it is closed as `tail`. `zero_ratio` of a recorded voice is near 0; some
//! engines pause with pure zeros.
//!
//! ## Limits
//! A pause the author wanted looks like one he did not want. Positions of silence are exact to one hop (10 ms). A voice
//! quieter than the threshold is silence. Short holes torn into the voice are the matter of `dropout`.

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
    cancel_s: Seconds = 0.2 in 0.05 ..= 60.0, "A downmix silent for this long while a channel sounds is a finding.";
} }

fields! { SilenceOutput {
    1 lead_s: Seconds, Exact, "Silence before the first audible hop.";
    2 tail_s: Seconds, Exact, "Silence after the last audible hop, so far.";
    3 inner_longest_s: Seconds, Exact, "The longest pause between audible hops.";
    4 inner_total_s: Seconds, Exact, "All silence between audible hops together.";
    5 zero_ratio: Ratio, Exact, "Share of samples that are exactly zero (per hop, of the channel with the fewest).";
    6 pause_floor_dbfs: Dbfs, Exactness::LIBM, "RMS of the quietest silent hop that is not digital zero.";
} }

const fn kind(id: u16, name: &'static str, max_delay_ms: u32, message: &'static str) -> KindSpec {
    KindSpec { id, name, unit: Unit::Seconds, max_delay_ms, message }
}
const LEAD: KindSpec = kind(1, "lead", 20, "{value} s of silence before the first sound");
const INNER: KindSpec = kind(2, "inner", 20, "a pause of {value} s");
const TAIL: KindSpec = kind(3, "tail", 20, "{value} s of silence after the last sound");
const CANCELLATION: KindSpec =
    kind(4, "cancellation", 20, "the channels cancel for {value} s: a mono listener hears nothing");

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
    cancel_since: Option<u64>,
    cancel_open: Option<EventId>,
}

pub(crate) struct Plan {
    config: SilenceConfig,
    rate: SampleRate,
    threshold: f64,
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
}

impl Metric for Silence {
    const SPEC: MetricSpec = MetricSpec {
        id: 8,
        name: "silence",
        revision: 2,
        summary: "Dead air at the start, in pauses and at the end",
        definition: "Otoscope: RMS per 10 ms against a fixed threshold",
        on: true,
        needs: Needs::NONE,
        params: SilenceConfig::PARAMS,
        fields: SilenceOutput::FIELDS,
        kinds: &[LEAD, INNER, TAIL, CANCELLATION],
    };
    type Config = SilenceConfig;
    type Output = SilenceOutput;
    type Plan = Plan;

    fn plan(config: &SilenceConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        let samples = |seconds: f64| (seconds * f64::from(stream.rate.hz())).round() as u64;
        Ok(Plan {
            rate: stream.rate,
            threshold: db_power(config.threshold_dbfs),
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
            cancel_since: None,
            cancel_open: None,
        }
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        let n = f.len() as f64;
        self.end = f.end();
        self.zeros += u64::from(f.channels().iter().map(|s| s.zeros).min().unwrap_or(0));
        let loudest = f.channels().iter().map(|s| s.energy).fold(0.0, f64::max) / n;
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
        }
    }
}
