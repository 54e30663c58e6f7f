//! Continuity: would a player that plays this stream as it arrives ever run dry?
//!
//! ## What it measures
//! Time to first audio, real-time factor, stalls of players with a start cushion of 0, 100, 200 and 500 ms, and the gaps
//! between arrivals. Everything from the arrival times the caller gives with each push.
//!
//! ## Why it matters for speech
//! A server whose real-time factor is below 1 on average may still let the listener wait in the middle of a word: under
//! load this is the most frequent fault of streaming synthesis.
//!
//! ## Method
//! A player with cushion c starts c after the first audio and plays at the stream's rate. When audio arrives after it was
//! due, the player waited: it pauses and goes on. Per cushion: number of stalls, their total, the longest. The total is
//! also the worst deficit of a clock that never pauses, minus c. Vectors: arrivals at 0, 100, 1500, 1600, 2600 ms of
//! 400 ms each give totals of 1000, 900, 800, 500 ms and longest stalls of 700, 600, 500, 300 ms. A push of no samples
//! with a time is a tick: the first one, before any audio, marks the request; later ones let a stall be noticed while it
//! lasts. Gaps between arrivals go into a logarithmic histogram of 8 bins an octave.
//!
//! ## Reading the value
//! `generation_rtf_ratio` = (last arrival - first arrival) / audio that arrived after the first arrival;
//! `request_rtf_ratio` = (last arrival - request) / all audio. Both must stay below 1. The finding `stall` is a pause of the
//! player with `cushion_ms`; its value is the wait.
//!
//! ## Limits
//! A server that paces its output on purpose stalls a player without a cushion: judge it with one. Network and the
//! client's jitter buffer come after this. Times must come from a monotonic clock; a step back is a finding. Percentiles
//! of gaps are exact to one bin (9 %).

use crate::error::ConfigError;
use crate::features::{Event, FrameView};
use crate::finding::{EventId, Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};

params! { ContinuityConfig {
    cushion_ms: Ms = 100.0 in 0.0 ..= 60000.0, "Start cushion of the player whose stalls are findings.";
    stall_ms: Ms = 20.0 in 0.0 ..= 60000.0, "A shorter stall is no finding.";
    error_ms: Ms = 200.0 in 0.0 ..= 60000.0, "From this long on a stall is an error.";
} }

fields! { ContinuityOutput {
    1 arrivals: Count, Exact, "Arrivals with audio; pieces of one chunk that came at the same time are one.";
    2 first_audio_ms: Ms, Exact, "From the first tick (the request) to the first audio.";
    3 generation_rtf_ratio: Ratio, Exact, "Real-time factor from the first arrival to the last.";
    4 request_rtf_ratio: Ratio, Exact, "Real-time factor from the request to the last arrival.";
    5 gap_p50_ms: Ms, Exact, "Median gap between arrivals.";
    6 gap_p95_ms: Ms, Exact, "95th percentile of the gaps.";
    7 gap_p99_ms: Ms, Exact, "99th percentile of the gaps.";
    8 gap_max_ms: Ms, Exact, "The longest gap.";
    9 stalls_0_ms: Ms, Exact, "All stalls together without a cushion: the worst deficit.";
    10 stalls_100_ms: Ms, Exact, "All stalls together with a cushion of 100 ms.";
    11 stalls_200_ms: Ms, Exact, "All stalls together with a cushion of 200 ms.";
    12 stalls_500_ms: Ms, Exact, "All stalls together with a cushion of 500 ms.";
    13 longest_stall_0_ms: Ms, Exact, "The longest stall without a cushion.";
    14 longest_stall_100_ms: Ms, Exact, "The longest stall with a cushion of 100 ms.";
    15 longest_stall_200_ms: Ms, Exact, "The longest stall with a cushion of 200 ms.";
    16 longest_stall_500_ms: Ms, Exact, "The longest stall with a cushion of 500 ms.";
    17 stall_count_0: Count, Exact, "Stalls without a cushion.";
    18 stall_count_100: Count, Exact, "Stalls with a cushion of 100 ms.";
    19 stall_count_200: Count, Exact, "Stalls with a cushion of 200 ms.";
    20 stall_count_500: Count, Exact, "Stalls with a cushion of 500 ms.";
} }

const STALL: KindSpec = KindSpec {
    id: 1,
    name: "stall",
    unit: Unit::Ms,
    max_delay_ms: 0,
    message: "the listener waits {value} ms here: audio arrived too late",
};
const CLOCK: KindSpec = KindSpec {
    id: 2,
    name: "clock_backwards",
    unit: Unit::Ms,
    max_delay_ms: 0,
    message: "arrival time went back by {value} ms: the clock is not monotonic",
};

const NS_PER_MS: f64 = 1e6;
/// The cushions that are always reported; the configured one is the fifth player.
const CUSHIONS_MS: [i64; 4] = [0, 100, 200, 500];
const OCTAVE_BINS: u32 = 8;
/// 2^18 ns (0.26 ms) to 2^36 ns (69 s); what is shorter or longer falls into the outer bins.
const LOW_OCTAVE: u32 = 18;
const OCTAVES: u32 = 18;
const GAP_BINS: usize = (OCTAVES * OCTAVE_BINS) as usize;

/// One player: when its sample 0 is due, and how it fared.
#[derive(Clone, Copy, Default)]
struct Player {
    origin_ns: i64,
    stalls: u64,
    total_ns: i64,
    longest_ns: i64,
}

impl Player {
    /// Audio for a sample due `due_ns` after the origin arrived at `t_ns`; returns how long the player had waited.
    fn arrive(&mut self, t_ns: i64, due_ns: i64) -> i64 {
        let wait = t_ns.saturating_sub(self.origin_ns.saturating_add(due_ns)).max(0);
        if wait > 0 {
            self.origin_ns = self.origin_ns.saturating_add(wait);
            self.stalls += 1;
            self.total_ns = self.total_ns.saturating_add(wait);
            self.longest_ns = self.longest_ns.max(wait);
        }
        wait
    }
}

pub(crate) struct Continuity {
    request_ns: Option<i64>,
    first_ns: Option<i64>,
    /// The time of the push before, as the caller gave it.
    told_ns: Option<i64>,
    /// The newest time of any push, and of the newest push with audio.
    clock_ns: Option<i64>,
    last_ns: i64,
    /// Samples that came at the first arrival time, and in all.
    first_samples: u64,
    samples: u64,
    arrivals: u64,
    players: [Player; CUSHIONS_MS.len() + 1],
    /// When one is full, all are halved: percentiles need shares, not counts.
    gaps: [u16; GAP_BINS],
    gap_max_ns: i64,
    /// A stall that is being waited out: told by a tick.
    open: Option<EventId>,
}

pub(crate) struct Plan {
    config: ContinuityConfig,
    rate_hz: u64,
}

impl Plan {
    /// When a sample is due, counted from sample 0, in nanoseconds.
    fn due_ns(&self, sample: u64) -> i64 {
        let ns = u128::from(sample) * 1_000_000_000 / u128::from(self.rate_hz);
        i64::try_from(ns).unwrap_or(i64::MAX)
    }

    fn stall(&self, sample: u64, wait_ns: i64) -> Occurrence {
        let value = wait_ns as f64 / NS_PER_MS;
        let severity = if value >= self.config.error_ms { Severity::Error } else { Severity::Warning };
        Occurrence { start: sample, end: sample, severity, value, threshold: self.config.stall_ms, channel_mask: 0 }
    }
}

/// The bin of a gap: 8 to the octave, by integers only.
fn gap_bin(ns: i64) -> usize {
    let ns = ns.max(1) as u64;
    let octave = ns.ilog2();
    if octave < LOW_OCTAVE {
        return 0;
    }
    let step = (ns >> (octave - OCTAVE_BINS.ilog2())) as u32 - OCTAVE_BINS;
    (((octave - LOW_OCTAVE) * OCTAVE_BINS + step) as usize).min(GAP_BINS - 1)
}

/// The middle of a gap bin in milliseconds.
fn gap_middle_ms(bin: usize) -> f64 {
    let (octave, step) = (bin as u32 / OCTAVE_BINS + LOW_OCTAVE, bin as u32 % OCTAVE_BINS);
    (1u64 << octave) as f64 * (1.0 + (f64::from(step) + 0.5) / f64::from(OCTAVE_BINS)) / NS_PER_MS
}

impl Continuity {
    fn arrival(&mut self, plan: &Plan, t_ns: i64, sample: u64, samples: u64, out: &mut Sink<'_>) {
        // Against the push before, so that pieces of one push that carry its time say it once.
        if let Some(back) = self.told_ns.replace(t_ns).map(|c| c.saturating_sub(t_ns)).filter(|back| *back > 0) {
            let value = back as f64 / NS_PER_MS;
            let severity = Severity::Warning;
            let o = Occurrence { start: sample, end: sample, severity, value, threshold: 0.0, channel_mask: 0 };
            out.point(&CLOCK, o);
        }
        // A clock that went back counts as one that stood still.
        let t_ns = self.clock_ns.map_or(t_ns, |c| c.max(t_ns));
        self.clock_ns = Some(t_ns);
        let due_ns = plan.due_ns(sample);
        if samples == 0 {
            self.tick(plan, t_ns, sample, due_ns, out);
            return;
        }
        match self.first_ns {
            None => {
                self.first_ns = Some(t_ns);
                let cushions = CUSHIONS_MS.map(|ms| ms * 1_000_000);
                let own = (plan.config.cushion_ms * NS_PER_MS) as i64;
                for (player, cushion) in self.players.iter_mut().zip(cushions.into_iter().chain([own])) {
                    // Samples that came before without a time are taken as played.
                    player.origin_ns = t_ns.saturating_sub(due_ns).saturating_add(cushion);
                }
                self.arrivals = 1;
            }
            Some(_) if t_ns > self.last_ns => {
                let gap = t_ns.saturating_sub(self.last_ns);
                self.gap_max_ns = self.gap_max_ns.max(gap);
                if self.gaps[gap_bin(gap)] == u16::MAX {
                    self.gaps.iter_mut().for_each(|n| *n /= 2);
                }
                self.gaps[gap_bin(gap)] += 1;
                self.arrivals += 1;
            }
            Some(_) => {}
        }
        self.last_ns = t_ns;
        self.samples += samples;
        if self.first_ns == Some(t_ns) {
            self.first_samples += samples;
        }
        let mut wait = 0;
        for player in &mut self.players {
            wait = player.arrive(t_ns, due_ns);
        }
        // The last player is the configured one.
        let o = plan.stall(sample, wait);
        match self.open.take() {
            Some(event) => out.close(&STALL, event, o),
            None if wait > 0 && o.value >= plan.config.stall_ms => out.point(&STALL, o),
            None => {}
        }
    }

    fn tick(&mut self, plan: &Plan, t_ns: i64, sample: u64, due_ns: i64, out: &mut Sink<'_>) {
        if self.first_ns.is_none() {
            self.request_ns.get_or_insert(t_ns);
            return;
        }
        let [.., own] = &self.players;
        let wait = t_ns.saturating_sub(own.origin_ns.saturating_add(due_ns));
        let o = plan.stall(sample, wait);
        if wait > 0 && o.value >= plan.config.stall_ms && self.open.is_none() {
            self.open = Some(out.open(&STALL, o));
        }
    }

    fn percentile_ms(&self, p: f64) -> Option<f64> {
        let count: u64 = self.gaps.iter().map(|&n| u64::from(n)).sum();
        let rank = (p * count as f64).ceil().max(1.0) as u64;
        let mut seen = 0;
        let bin = self.gaps.iter().position(|&n| {
            seen += u64::from(n);
            seen >= rank
        })?;
        // No percentile is above the longest gap there was.
        Some(gap_middle_ms(bin).min(self.gap_max_ns as f64 / NS_PER_MS))
    }
}

impl Metric for Continuity {
    const SPEC: MetricSpec = MetricSpec {
        id: 9,
        name: "continuity",
        revision: 1,
        summary: "Time to first audio, real-time factor, stalls and gaps, from arrival times",
        definition: "Otoscope: pausing players with start cushions; worst deficit as vllm-omni `audio_underrun_s`",
        on: true,
        needs: Needs::NONE,
        params: ContinuityConfig::PARAMS,
        fields: ContinuityOutput::FIELDS,
        kinds: &[STALL, CLOCK],
    };
    type Config = ContinuityConfig;
    type Output = ContinuityOutput;
    type Plan = Plan;

    fn plan(config: &ContinuityConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        Ok(Plan { config: config.clone(), rate_hz: u64::from(stream.rate.hz()) })
    }

    fn new(_: &Plan) -> Self {
        Self {
            request_ns: None,
            first_ns: None,
            told_ns: None,
            clock_ns: None,
            last_ns: 0,
            first_samples: 0,
            samples: 0,
            arrivals: 0,
            players: [Player::default(); CUSHIONS_MS.len() + 1],
            gaps: [0; GAP_BINS],
            gap_max_ns: 0,
            open: None,
        }
    }

    fn event(&mut self, plan: &Plan, event: &Event, out: &mut Sink<'_>) {
        if let &Event::Arrival { t_ns, sample, samples } = event {
            self.arrival(plan, t_ns, sample, samples, out);
        }
    }

    fn update(&mut self, _: &Plan, _: &mut [f32], _: &FrameView<'_>, _: &mut Sink<'_>) {}

    fn finish(&mut self, plan: &Plan, _: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        // A stall that nothing ended: the stream broke off while the listener waited.
        if let (Some(event), Some(now)) = (self.open.take(), self.clock_ns) {
            let [.., own] = &self.players;
            let wait = now.saturating_sub(own.origin_ns.saturating_add(plan.due_ns(end.samples)));
            out.close(&STALL, event, plan.stall(end.samples, wait));
        }
    }

    fn output(&self, plan: &Plan, _: &[f32]) -> ContinuityOutput {
        const NO_TIMES: Value = Value::NotComputed("no arrival times were given");
        const ONE: &str = "needs two arrivals at different times";
        const NO_REQUEST: &str = "push no samples with a time when the request starts";
        let Some(first_ns) = self.first_ns else {
            return ContinuityOutput {
                arrivals: NO_TIMES,
                first_audio_ms: NO_TIMES,
                generation_rtf_ratio: NO_TIMES,
                request_rtf_ratio: NO_TIMES,
                gap_p50_ms: NO_TIMES,
                gap_p95_ms: NO_TIMES,
                gap_p99_ms: NO_TIMES,
                gap_max_ms: NO_TIMES,
                stalls_0_ms: NO_TIMES,
                stalls_100_ms: NO_TIMES,
                stalls_200_ms: NO_TIMES,
                stalls_500_ms: NO_TIMES,
                longest_stall_0_ms: NO_TIMES,
                longest_stall_100_ms: NO_TIMES,
                longest_stall_200_ms: NO_TIMES,
                longest_stall_500_ms: NO_TIMES,
                stall_count_0: NO_TIMES,
                stall_count_100: NO_TIMES,
                stall_count_200: NO_TIMES,
                stall_count_500: NO_TIMES,
            };
        };
        let ms = |ns: i64| Value::Number(ns as f64 / NS_PER_MS);
        let seconds = |samples: u64| samples as f64 / plan.rate_hz as f64;
        let rtf = |since: i64, samples: u64| self.last_ns.saturating_sub(since) as f64 / 1e9 / seconds(samples);
        let after_first = self.samples - self.first_samples;
        let generation = (after_first > 0).then(|| rtf(first_ns, after_first));
        let [p0, p100, p200, p500, _] = &self.players;
        ContinuityOutput {
            arrivals: Value::count(self.arrivals),
            first_audio_ms: Value::some_or(
                self.request_ns.map(|r| first_ns.saturating_sub(r) as f64 / NS_PER_MS),
                NO_REQUEST,
            ),
            generation_rtf_ratio: Value::some_or(generation, ONE),
            request_rtf_ratio: Value::some_or(self.request_ns.map(|r| rtf(r, self.samples)), NO_REQUEST),
            gap_p50_ms: Value::some_or(self.percentile_ms(0.50), ONE),
            gap_p95_ms: Value::some_or(self.percentile_ms(0.95), ONE),
            gap_p99_ms: Value::some_or(self.percentile_ms(0.99), ONE),
            gap_max_ms: if self.arrivals > 1 { ms(self.gap_max_ns) } else { Value::Undefined(ONE) },
            stalls_0_ms: ms(p0.total_ns),
            stalls_100_ms: ms(p100.total_ns),
            stalls_200_ms: ms(p200.total_ns),
            stalls_500_ms: ms(p500.total_ns),
            longest_stall_0_ms: ms(p0.longest_ns),
            longest_stall_100_ms: ms(p100.longest_ns),
            longest_stall_200_ms: ms(p200.longest_ns),
            longest_stall_500_ms: ms(p500.longest_ns),
            stall_count_0: Value::count(p0.stalls),
            stall_count_100: Value::count(p100.stalls),
            stall_count_200: Value::count(p200.stalls),
            stall_count_500: Value::count(p500.stalls),
        }
    }
}
