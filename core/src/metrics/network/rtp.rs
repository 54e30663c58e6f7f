//! RTP: how evenly the packets came, and how many were missing.
//!
//! ## What it measures
//! Loss, discards, duplicates, reordering, interarrival jitter, and how the missing packets are bunched. Everything from
//! the packets the caller tells of (`Probe::packet`); the samples play no part.
//!
//! ## Why it matters for speech
//! Concealment bridges a single lost packet unheard and fades to silence within 60 ms. So it matters less how many packets
//! are lost than how many in a row, and a jitter buffer that is too short turns late packets into lost ones.
//!
//! ## Method
//! Counters by sequence number (RFC 3550 A.1, A.3): `expected` runs from the first number to the highest, `received` counts
//! whatever came. A packet may be up to 32 places late; then it is `late` and stays lost. A jump of 3,000 or more counts
//! only if the next packet follows on, and begins another stream (`restarts`).
//! Jitter (RFC 3550 6.4.1, A.8): D is the change of arrival time less timestamp from one packet to the next in the order they
//! came, J += (|D| - J)/16; `jitter_a8_ticks` is the integer code of A.8, `jitter_ticks` the same in floating point.
//! Bursts and gaps (RFC 3611 4.7.2, A.2), over packets lost or discarded: a burst begins and ends with one of them, and has
//! fewer than `gmin_packets` received ones in a row in it; all else is gap.
//! `loss_burst` is such a burst with at least `burst_packets` missing. `high_loss` and `high_jitter` are judged every
//! `interval_packets`, and at the end over what is left if that is a fifth of it.
//!
//! ## Reading the value
//! Without a network all is 0. Loss over 5 % is heard by anybody, over 1 % without concealment too. A mean jitter over 5 ms
//! with peaks over 30 ms needs a jitter buffer deeper than usual (these two limits are those of Twilio's call insights).
//! The densities are shares of packets missing inside bursts and inside gaps.
//!
//! ## Limits
//! Findings are placed by the samples pushed when the packet was told, so tell each before the samples it brought;
//! packets told all at once are placed all at once. They are raised when 32 later packets came, as until then a packet may
//! still come. The burst figures leave out those 32 until the end. RFC 3611 A.2 never counts the packets received after the
//! last loss, and takes the first isolated loss for a burst: kept, so that values compare. Its cumulative loss falls with
//! duplicates, and can be negative; `lost` here counts each number once. The clock rate must be that of the payload type,
//! or the jitter is nonsense: it is 8,000 Hz for G.722, and 48,000 Hz for Opus.

use crate::error::ConfigError;
use crate::features::{Event, FrameView, PacketFacts, PacketStats};
use crate::finding::{EventId, Occurrence, Severity, Sink};
use crate::metrics::{End, Metric, StreamShape};
use crate::spec::{Exactness::Exact, Fields, KindSpec, MetricSpec, Needs, Params, Unit, Value};

params! { RtpConfig {
    gmin_packets: Count = 16.0 in 1.0 ..= 255.0, "Packets received in a row that end a burst (Gmin of RFC 3611).";
    burst_packets: Count = 3.0 in 2.0 ..= 10000.0, "A burst with fewer packets missing is no finding.";
    error_burst_packets: Count = 10.0 in 2.0 ..= 10000.0, "From so many packets missing on a burst is an error.";
    interval_packets: Count = 250.0 in 50.0 ..= 1e6, "Loss and jitter are judged every so many packets.";
    loss_ratio: Ratio = 0.05 in 0.0 ..= 1.0, "More packets lost or discarded are a finding.";
    error_loss_ratio: Ratio = 0.1 in 0.0 ..= 1.0, "From this share on they are an error.";
    mean_jitter_ms: Ms = 5.0 in 0.0 ..= 10000.0, "A larger mean jitter is a finding, if its peak is large too.";
    peak_jitter_ms: Ms = 30.0 in 0.0 ..= 10000.0, "A larger peak of the jitter is a finding, if its mean is large too.";
} }

fields! { RtpOutput {
    1 expected: Count, Exact, "Packets from the first sequence number to the highest.";
    2 received: Count, Exact, "Packets that came, late ones and duplicates too.";
    3 lost: Count, Exact, "Expected packets that did not come, or too late to be put in order.";
    4 lost_ratio: Ratio, Exact, "Their share of the expected ones.";
    5 discarded: Count, Exact, "Packets the jitter buffer threw away, as the caller said.";
    6 discarded_ratio: Ratio, Exact, "Their share of the expected ones.";
    7 duplicates: Count, Exact, "Packets that came again.";
    8 reordered: Count, Exact, "Packets that came after a later one, and were still waited for.";
    9 late: Count, Exact, "Packets more than 32 places late.";
    10 restarts: Count, Exact, "Jumps of the sequence number that began another stream.";
    11 jitter_a8_ticks: Ticks, Exact, "Interarrival jitter now, by the integer code of RFC 3550 A.8, as RTCP reports it.";
    12 jitter_ticks: Ticks, Exact, "Interarrival jitter now, in floating point.";
    13 jitter_ms: Ms, Exact, "The same in milliseconds.";
    14 jitter_mean_ms: Ms, Exact, "Mean of the interarrival jitter over all packets.";
    15 jitter_max_ms: Ms, Exact, "The largest interarrival jitter.";
    16 interarrival_mean_ms: Ms, Exact, "Mean time between two packets.";
    17 interarrival_max_ms: Ms, Exact, "The longest time between two packets.";
    18 packet_ms: Ms, Exact, "How much time one packet holds, by the timestamps.";
    19 burst_density_ratio: Ratio, Exact, "Share of packets missing inside bursts (RFC 3611 in 256ths).";
    20 gap_density_ratio: Ratio, Exact, "Share of packets missing inside gaps (RFC 3611 in 256ths).";
    21 burst_ms: Ms, Exact, "Mean length of a burst.";
    22 gap_ms: Ms, Exact, "Mean length of a gap.";
} }

const BURST: KindSpec = KindSpec {
    id: 1,
    name: "loss_burst",
    unit: Unit::Count,
    max_delay_ms: 1000,
    message: "{value} packets were lost or discarded in one burst of {duration_ms} ms",
};
const LOSS: KindSpec = KindSpec {
    id: 2,
    name: "high_loss",
    unit: Unit::Ratio,
    max_delay_ms: 6000,
    message: "a share of {value} of the packets was lost or discarded for {duration_ms} ms",
};
const JITTER: KindSpec = KindSpec {
    id: 3,
    name: "high_jitter",
    unit: Unit::Ms,
    max_delay_ms: 6000,
    message: "packets came unevenly for {duration_ms} ms: the jitter is {value} ms on average",
};

/// RFC 3611 A.2: counts of the transitions between its four states (1 gap received, 2 burst received, 3 burst missing, 4
/// gap missing), read at each missing packet.
#[derive(Debug, Clone, Copy, Default)]
struct BurstGap {
    c11: u32,
    c13: u32,
    c14: u32,
    c22: u32,
    c23: u32,
    c33: u32,
    /// Received since the last missing one.
    pkt: u32,
    /// Missing since the last gap.
    lost: u32,
}

impl BurstGap {
    fn received(&mut self) {
        self.pkt = self.pkt.saturating_add(1);
    }

    /// `n` packets in a row are missing.
    fn missed(&mut self, n: u32, gmin: u32) {
        let add = |c: &mut u32, n: u32| *c = c.saturating_add(n);
        if self.pkt >= gmin {
            add(if self.lost == 1 { &mut self.c14 } else { &mut self.c13 }, 1);
            self.lost = 1;
            add(&mut self.c11, self.pkt);
        } else {
            add(&mut self.lost, 1);
            if self.pkt == 0 {
                add(&mut self.c33, 1);
            } else {
                add(&mut self.c23, 1);
                add(&mut self.c22, self.pkt - 1);
            }
        }
        self.pkt = 0;
        // The others follow at once.
        add(&mut self.lost, n - 1);
        add(&mut self.c33, n - 1);
    }

    /// Probability of a missing packet inside a burst.
    fn burst_density(&self) -> f64 {
        let [c22, c23, c33, c13] = [self.c22, self.c23, self.c33, self.c13].map(f64::from);
        let (c31, c32) = (c13, c23);
        let p32 = if c31 + c32 + c33 > 0.0 { c32 / (c31 + c32 + c33) } else { 0.0 };
        let p23 = if c22 + c23 > 0.0 { 1.0 - c22 / (c22 + c23) } else { 1.0 };
        p23 / (p23 + p32)
    }

    /// Probability of a missing packet inside a gap.
    fn gap_density(&self) -> f64 {
        let [c11, c14] = [self.c11, self.c14].map(f64::from);
        c14 / (c11 + c14)
    }

    /// Mean lengths of a burst and of a gap, in packets.
    fn lengths(&self) -> (f64, f64) {
        let [c11, c13, c14, c22, c23, c33] =
            [self.c11, self.c13, self.c14, self.c22, self.c23, self.c33].map(f64::from);
        let (c31, c32) = (c13, c23);
        let gap = (c11 + c13 + c14) / c13;
        ((c11 + c13 + c14 + c22 + c23 + c33 + c31 + c32) / c13 - gap, gap)
    }
}

/// The burst that is going on, or may be.
#[derive(Debug, Clone, Copy, Default)]
struct Burst {
    start: u64,
    end: u64,
    lost: u32,
    /// Received since its last missing packet.
    since: u32,
    event: Option<EventId>,
}

/// What is judged next.
#[derive(Debug, Clone, Copy, Default)]
struct Interval {
    start: u64,
    decided: u32,
    missed: u32,
    jitters: u32,
    peak_ms: f32,
    jitter_ms: f64,
}

/// A finding that lasts for whole intervals.
#[derive(Debug, Clone, Copy)]
struct Lasting {
    event: EventId,
    severity: Severity,
    worst: f32,
    start: u64,
}

pub(crate) struct Rtp {
    stats: PacketStats,
    gaps: BurstGap,
    burst: Burst,
    interval: Interval,
    loss: Option<Lasting>,
    jitter: Option<Lasting>,
}

pub(crate) struct Plan {
    config: RtpConfig,
    gmin: u32,
    rate_hz: u64,
}

impl Plan {
    /// Samples of one packet; at most a second.
    fn samples(&self, stats: &PacketStats) -> u64 {
        let clock = u64::from(stats.clock_rate_hz.max(1));
        (u64::from(stats.packet_ticks) * self.rate_hz / clock).min(self.rate_hz)
    }

    fn burst(&self, b: &Burst) -> Occurrence {
        let (value, threshold) = (f64::from(b.lost), self.config.burst_packets);
        let severity = if value >= self.config.error_burst_packets { Severity::Error } else { Severity::Warning };
        Occurrence { start: b.start, end: b.end, severity, value, threshold, channel_mask: 0 }
    }
}

impl Rtp {
    fn packets(&mut self, plan: &Plan, f: &PacketFacts, out: &mut Sink<'_>) {
        let before = core::mem::replace(&mut self.stats, f.stats);
        self.interval.peak_ms = match f.stats.jitters > before.jitters {
            true => self.interval.peak_ms.max(f.stats.jitter_ms() as f32),
            false => self.interval.peak_ms,
        };
        let d = f.decided;
        if d.count() == 0 {
            return;
        }
        let packet = plan.samples(&f.stats);
        // Where the decided packet number i lies: counted back from where the newest one was told.
        let start = |i: u32| {
            let back = (u64::from(d.behind) + u64::from(d.count() - i)).saturating_sub(1);
            f.newest.saturating_sub(back * packet)
        };
        let end = |i: u32| (start(i) + packet).min(f.now);
        if before.decided == 0 {
            self.interval.start = start(0);
        }
        for i in 0..d.len {
            if d.bits >> i & 1 == 1 {
                self.missed(plan, 1, start(i), end(i), out);
            } else {
                self.received(plan, out);
            }
        }
        if d.lost > 0 {
            self.missed(plan, d.lost, start(d.len), end(d.count() - 1), out);
        }
        if f64::from(f.stats.decided - self.interval.decided) >= plan.config.interval_packets {
            self.judge(plan, end(d.count() - 1), out);
        }
    }

    fn received(&mut self, plan: &Plan, out: &mut Sink<'_>) {
        self.gaps.received();
        self.burst.since = self.burst.since.saturating_add(1);
        if self.burst.since == plan.gmin {
            self.end_burst(plan, out);
        }
    }

    fn missed(&mut self, plan: &Plan, n: u32, start: u64, end: u64, out: &mut Sink<'_>) {
        self.gaps.missed(n, plan.gmin);
        let b = &mut self.burst;
        if b.lost == 0 {
            b.start = start;
        }
        // A packet's length may turn out to be shorter than it seemed.
        (b.end, b.since) = (end.max(b.start), 0);
        b.lost = b.lost.saturating_add(n);
        if b.event.is_none() && f64::from(b.lost) >= plan.config.burst_packets {
            b.event = Some(out.open(&BURST, plan.burst(b)));
        }
    }

    fn end_burst(&mut self, plan: &Plan, out: &mut Sink<'_>) {
        let burst = core::mem::take(&mut self.burst);
        if let Some(event) = burst.event {
            out.close(&BURST, event, plan.burst(&burst));
        }
    }

    /// Judges the interval that ends at `end`, and begins the next.
    fn judge(&mut self, plan: &Plan, end: u64, out: &mut Sink<'_>) {
        let (c, s) = (&plan.config, self.stats);
        let end = end.max(self.interval.start);
        let next = Interval {
            start: end,
            decided: s.decided,
            missed: s.missed,
            jitters: s.jitters,
            peak_ms: 0.0,
            jitter_ms: s.jitter_sum_ms,
        };
        let was = core::mem::replace(&mut self.interval, next);
        let loss = f64::from(s.missed - was.missed) / f64::from((s.decided - was.decided).max(1));
        let severity = if loss >= c.error_loss_ratio { Severity::Error } else { Severity::Warning };
        let o = Occurrence { start: was.start, end, severity, value: loss, threshold: c.loss_ratio, channel_mask: 0 };
        lasting(&mut self.loss, &LOSS, loss > c.loss_ratio, o, out);
        let value = (s.jitter_sum_ms - was.jitter_ms) / f64::from((s.jitters - was.jitters).max(1));
        let bad = value > c.mean_jitter_ms && f64::from(was.peak_ms) > c.peak_jitter_ms;
        let o = Occurrence { severity: Severity::Warning, value, threshold: c.mean_jitter_ms, ..o };
        lasting(&mut self.jitter, &JITTER, bad, o, out);
    }
}

/// Opens a finding with the first bad interval and closes it with the first good one after.
fn lasting(open: &mut Option<Lasting>, kind: &KindSpec, bad: bool, o: Occurrence, out: &mut Sink<'_>) {
    match open {
        Some(l) if bad => {
            l.worst = l.worst.max(o.value as f32);
            l.severity = l.severity.max(o.severity);
        }
        None if bad => {
            let event = out.open(kind, o);
            *open = Some(Lasting { event, severity: o.severity, worst: o.value as f32, start: o.start });
        }
        Some(l) => {
            let whole = Occurrence {
                start: l.start,
                end: o.start.max(l.start),
                severity: l.severity,
                value: l.worst.into(),
                ..o
            };
            out.close(kind, l.event, whole);
            *open = None;
        }
        None => {}
    }
}

impl Metric for Rtp {
    const SPEC: MetricSpec = MetricSpec {
        id: 24,
        name: "rtp",
        revision: 1,
        summary: "Packet loss, bursts and interarrival jitter, from the packets the caller tells of",
        definition: "RFC 3550 6.4.1, A.1, A.3, A.8; RFC 3611 4.7.2, A.2; findings: Otoscope",
        on: true,
        needs: Needs::PACKETS,
        params: RtpConfig::PARAMS,
        fields: RtpOutput::FIELDS,
        kinds: &[BURST, LOSS, JITTER],
    };
    type Config = RtpConfig;
    type Output = RtpOutput;
    type Plan = Plan;

    fn plan(config: &RtpConfig, stream: &StreamShape) -> Result<Plan, ConfigError> {
        Ok(Plan { gmin: config.gmin_packets as u32, rate_hz: u64::from(stream.rate.hz()), config: config.clone() })
    }

    fn new(_: &Plan) -> Self {
        Self {
            stats: PacketStats::default(),
            gaps: BurstGap::default(),
            burst: Burst::default(),
            interval: Interval::default(),
            loss: None,
            jitter: None,
        }
    }

    fn event(&mut self, plan: &Plan, event: &Event, out: &mut Sink<'_>) {
        if let Event::Packet(facts) = event {
            self.packets(plan, facts, out);
        }
    }

    fn update(&mut self, _: &Plan, _: &mut [f32], _: &FrameView<'_>, _: &mut Sink<'_>) {}

    fn finish(&mut self, plan: &Plan, _: &mut [f32], end: &End<'_>, out: &mut Sink<'_>) {
        let Some(facts) = &end.packets else { return };
        self.packets(plan, facts, out);
        self.end_burst(plan, out);
        if f64::from(self.stats.decided - self.interval.decided) * 5.0 >= plan.config.interval_packets {
            self.judge(plan, end.samples, out);
        }
        for (open, kind, threshold) in [
            (self.loss.take(), &LOSS, plan.config.loss_ratio),
            (self.jitter.take(), &JITTER, plan.config.mean_jitter_ms),
        ] {
            if let Some(l) = open {
                let (value, severity) = (l.worst.into(), l.severity);
                let o = Occurrence { start: l.start, end: end.samples, severity, value, threshold, channel_mask: 0 };
                out.close(kind, l.event, o);
            }
        }
    }

    fn output(&self, _: &Plan, _: &[f32]) -> RtpOutput {
        const NONE: Value = Value::NotComputed("no packets were given");
        const NO_JITTER: &str = "needs two packets with their times and their clock rate";
        const NO_LOSS: &str = "no packet was lost or discarded";
        const NO_BURST: &str = "no packet was lost or discarded after a gap";
        const NO_LENGTH: &str = "needs two packets in order with their clock rate";
        let s = &self.stats;
        if s.expected == 0 {
            return RtpOutput {
                expected: NONE,
                received: NONE,
                lost: NONE,
                lost_ratio: NONE,
                discarded: NONE,
                discarded_ratio: NONE,
                duplicates: NONE,
                reordered: NONE,
                late: NONE,
                restarts: NONE,
                jitter_a8_ticks: NONE,
                jitter_ticks: NONE,
                jitter_ms: NONE,
                jitter_mean_ms: NONE,
                jitter_max_ms: NONE,
                interarrival_mean_ms: NONE,
                interarrival_max_ms: NONE,
                packet_ms: NONE,
                burst_density_ratio: NONE,
                gap_density_ratio: NONE,
                burst_ms: NONE,
                gap_ms: NONE,
            };
        }
        let count = |n: u32| Value::count(n.into());
        let share = |n: u32| Value::Number(f64::from(n) / f64::from(s.expected));
        let timed = |x: f64| if s.jitters > 0 { Value::finite(x, NO_JITTER) } else { Value::Undefined(NO_JITTER) };
        let pairs = f64::from(s.jitters);
        let lost = s.expected.saturating_sub(s.distinct);
        let g = &self.gaps;
        // Two counters that a missing packet always moves.
        let missed = u64::from(g.lost) + u64::from(g.c13) > 0;
        let (burst, gap) = g.lengths();
        let length = |packets: f64| match s.packet_ms() {
            None => Value::Undefined(NO_LENGTH),
            Some(_) if g.c13 == 0 => Value::Undefined(NO_BURST),
            Some(ms) => Value::finite(packets * ms, NO_BURST),
        };
        RtpOutput {
            expected: count(s.expected),
            received: count(s.received),
            lost: count(lost),
            lost_ratio: share(lost),
            discarded: count(s.discarded),
            discarded_ratio: share(s.discarded),
            duplicates: count(s.duplicates),
            reordered: count(s.reordered),
            late: count(s.late),
            restarts: count(s.restarts),
            jitter_a8_ticks: timed(f64::from(s.jitter_a8 >> 4)),
            jitter_ticks: timed(s.jitter_ticks),
            jitter_ms: timed(s.jitter_ms()),
            jitter_mean_ms: timed(s.jitter_sum_ms / pairs),
            jitter_max_ms: timed(s.jitter_max_ms.into()),
            interarrival_mean_ms: timed(s.gap_sum_ns as f64 / 1e6 / pairs),
            interarrival_max_ms: timed(s.gap_max_ns as f64 / 1e6),
            packet_ms: Value::some_or(s.packet_ms(), NO_LENGTH),
            burst_density_ratio: if missed { Value::Number(g.burst_density()) } else { Value::Undefined(NO_LOSS) },
            gap_density_ratio: if missed { Value::finite(g.gap_density(), NO_BURST) } else { Value::Number(0.0) },
            burst_ms: length(burst),
            gap_ms: length(gap),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 = received, 0 = missing.
    fn counted(packets: impl IntoIterator<Item = u8>) -> BurstGap {
        let mut gaps = BurstGap::default();
        packets.into_iter().for_each(|p| if p == 1 { gaps.received() } else { gaps.missed(1, 16) });
        gaps
    }

    /// 256ths as the report block has them.
    fn byte(density: f64) -> u32 {
        ((density * 256.0) as u32).min(255)
    }

    #[test]
    fn two_isolated_losses() {
        let ok = [1; 30];
        let g = counted(ok.into_iter().chain([0]).chain(ok).chain([0]).chain(ok));
        assert_eq!((g.c11, g.c13, g.c14, g.c22, g.c23, g.c33), (60, 1, 1, 0, 0, 0));
        assert_eq!((byte(g.burst_density()), byte(g.gap_density())), (255, 4));
        let (burst, gap) = g.lengths();
        assert_eq!((burst * 20.0, gap * 20.0), (20.0, 1240.0));
    }

    #[test]
    fn a_burst_with_received_packets_in_it() {
        let g = counted([1; 40].into_iter().chain([0, 0, 1, 0, 1, 1, 0]).chain([1; 40]).chain([0]).chain([1; 50]));
        assert_eq!((g.c11, g.c13, g.c14, g.c22, g.c23, g.c33), (80, 2, 0, 1, 2, 1));
        assert_eq!((byte(g.burst_density()), byte(g.gap_density())), (160, 0));
        let (burst, gap) = g.lengths();
        assert_eq!((burst * 20.0, gap * 20.0), (80.0, 820.0));
    }

    #[test]
    fn a_run_of_missing_packets_is_counted_as_one_by_one() {
        for (before, n) in [(40, 5), (3, 7), (0, 2), (40, 1)] {
            let mut at_once = counted(vec![1; before]);
            at_once.missed(n, 16);
            let each = counted(vec![1; before].into_iter().chain(vec![0; n as usize]));
            assert_eq!(format!("{at_once:?}"), format!("{each:?}"));
        }
    }

    #[test]
    fn the_state_is_small() {
        assert!(size_of::<Rtp>() <= 320, "{}", size_of::<Rtp>());
    }
}
