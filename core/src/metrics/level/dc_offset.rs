//! DC offset: the waveform does not swing around zero.
//!
//! ## What it measures
//! The mean of each channel, over the whole stream and as stretches in which the signal sits off centre.
//!
//! ## Why it matters for speech
//! A decoder that runs in chunks may leave each chunk with an offset of its own: every change clicks, headroom is lost,
//! and codecs and echo cancellers suffer.
//!
//! ## Method
//! Two cumulative sums (Page 1954) per channel and sign over the mean of each hop. One rises while the mean is beyond
//! half the threshold; once it has gathered as much as `threshold_fs` held for `hold_s`, and the mean since it left zero is
//! beyond the threshold, a finding opens, dated back to
//! where the sum left zero. The other rises while the mean is back within half the threshold, and closes it likewise.
//! Speech itself has no offset: what its waveform adds to a sum is bounded by one swing, 0.0005 full scale times
//! seconds for a 100 Hz tone at 0.3 full scale.
//!
//! ## Reading the value
//! `mean_fs` of sound audio is below 0.001. The finding's value is the mean over the stretch; 0.01 is a warning, 0.05 an
//! error.
//!
//! ## Limits
//! The onset is exact to about one hop for an offset of 0.01 and above; a weaker one is found later and dated less
//! exactly. Rumble below 5 Hz looks like an offset that comes and goes.

use crate::error::ConfigError;
use crate::features::FrameView;
use crate::finding::{EventId, Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::probe::MAX_CHANNELS;
use crate::spec::{Exactness, Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};
use crate::units::amplitude_db;

params! { DcOffsetConfig {
    threshold_fs: FullScale = 0.006 in 0.0001 ..= 1.0, "An offset beyond this is a finding (0.006 is -44 dBFS).";
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
    message: "the waveform sits {value} of full scale off centre for {duration_ms} ms",
};

/// State per channel: the sum of all samples, and the detector.
#[derive(Clone, Copy, Default)]
struct Channel {
    sum: f64,
    /// Gathered evidence for an offset above (0) and below (1) zero, and where it began.
    rise: [f64; 2],
    onset: [u64; 2],
    open: Option<Open>,
    found: u64,
}

#[derive(Clone, Copy)]
struct Open {
    event: EventId,
    start: u64,
    below: bool,
    /// Sum of the samples since the onset was decided, and how many: the value at the close.
    sum: f64,
    samples: u64,
    /// Evidence that it is over, and where that began.
    fall: f64,
    end: u64,
    sum_at_end: (f64, u64),
}

pub(crate) struct DcOffset {
    channels: [Channel; MAX_CHANNELS],
    samples: u64,
}

pub(crate) struct Plan {
    config: DcOffsetConfig,
    channels: usize,
    rate_hz: f64,
    /// Evidence needed: full scale times samples.
    evidence: f64,
}

impl Plan {
    fn occurrence(&self, start: u64, end: u64, mean: f64, channel: usize) -> Occurrence {
        Occurrence {
            start,
            end,
            severity: Severity::above(mean.abs(), self.config.warning_fs, self.config.error_fs),
            value: mean,
            threshold: self.config.threshold_fs,
            channel_mask: 1 << channel,
        }
    }
}

impl Metric for DcOffset {
    const SPEC: MetricSpec = MetricSpec {
        id: 3,
        name: "dc_offset",
        revision: 1,
        summary: "How far the waveform sits off centre, and where",
        definition: "Otoscope: arithmetic mean; stretches by two-sided CUSUM over 10 ms means (Page 1954)",
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
        // The reference is half the threshold, so an offset of the threshold gathers half of itself a sample.
        let evidence = 0.5 * config.threshold_fs * config.hold_s * rate_hz;
        Ok(Plan { config: config.clone(), channels: stream.channels, rate_hz, evidence })
    }

    fn new(_: &Plan) -> Self {
        Self { channels: [Channel::default(); MAX_CHANNELS], samples: 0 }
    }

    fn update(&mut self, plan: &Plan, _: &mut [f32], f: &FrameView<'_>, out: &mut Sink<'_>) {
        let n = f.len() as f64;
        self.samples += f.len() as u64;
        let reference = 0.5 * plan.config.threshold_fs * n;
        for (c, (channel, stats)) in self.channels.iter_mut().zip(f.channels()).enumerate() {
            channel.sum += stats.sum;
            if let Some(open) = &mut channel.open {
                let away = if open.below { -stats.sum } else { stats.sum };
                if open.fall == 0.0 {
                    open.end = f.start();
                    open.sum_at_end = (open.sum, open.samples);
                }
                open.fall = (open.fall + reference - away).max(0.0);
                open.sum += stats.sum;
                open.samples += f.len() as u64;
                if open.fall >= plan.evidence {
                    let (sum, samples) = open.sum_at_end;
                    let o = plan.occurrence(open.start, open.end, sum / samples.max(1) as f64, c);
                    out.close(&OFFSET, open.event, o);
                    channel.found += open.end - open.start;
                    channel.open = None;
                    (channel.rise, channel.onset) = ([0.0; 2], [f.end(); 2]);
                }
                continue;
            }
            for (side, away) in [stats.sum, -stats.sum].into_iter().enumerate() {
                if channel.rise[side] == 0.0 {
                    channel.onset[side] = f.start();
                }
                channel.rise[side] = (channel.rise[side] + away - reference).max(0.0);
                let start = channel.onset[side];
                let samples = f.end() - start;
                // The reference undone: the plain sum since the onset.
                let sum = channel.rise[side] + 0.5 * plan.config.threshold_fs * samples as f64;
                if channel.rise[side] >= plan.evidence && sum >= plan.config.threshold_fs * samples as f64 {
                    let sum = if side == 1 { -sum } else { sum };
                    let o = plan.occurrence(start, f.end(), sum / samples as f64, c);
                    let event = out.open(&OFFSET, o);
                    let end = f.end();
                    let sum_at_end = (sum, samples);
                    channel.open =
                        Some(Open { event, start, below: side == 1, sum, samples, fall: 0.0, end, sum_at_end });
                    break;
                }
            }
        }
    }

    fn finish(&mut self, plan: &Plan, _: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        for (c, channel) in self.channels.iter_mut().enumerate() {
            if let Some(open) = channel.open.take() {
                let (until, (sum, samples)) = if open.fall > 0.5 * plan.evidence {
                    (open.end, open.sum_at_end)
                } else {
                    (end.samples, (open.sum, open.samples))
                };
                let o = plan.occurrence(open.start, until, sum / samples.max(1) as f64, c);
                out.close(&OFFSET, open.event, o);
                channel.found += until - open.start;
            }
        }
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> DcOffsetOutput {
        const NONE: &str = "no samples";
        let channels = &self.channels[..plan.channels];
        let sum = channels.iter().map(|c| c.sum).fold(0.0, |a: f64, b| if b.abs() > a.abs() { b } else { a });
        let mean = sum / self.samples as f64;
        let found = |c: &Channel| c.found + c.open.map_or(0, |o| o.samples);
        let longest = channels.iter().map(found).max().unwrap_or(0);
        DcOffsetOutput {
            mean_fs: Value::finite(mean, NONE),
            mean_dbfs: Value::finite(
                amplitude_db(mean.abs()),
                if self.samples == 0 { NONE } else { "exactly centred" },
            ),
            offset_s: Value::Number(longest as f64 / plan.rate_hz),
        }
    }
}
