//! Statistics of the RTP packets the caller tells of: RFC 3550 counters and jitter, and which packets were missed.

/// What became of a packet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum PacketFate {
    /// It came, and as far as the caller knows it is played.
    #[default]
    Received,
    /// It came, but the jitter buffer threw it away. May be told at once or later, as a correction of `Received`.
    Discarded,
    /// It is known to be lost. Need not be told where a later packet shows the hole; only the end of a stream hides some.
    Lost,
}

/// One RTP packet, as the caller's receiver saw it. Any values are legal; nothing in them is an error.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Packet {
    /// The sequence number of its header.
    pub sequence: u16,
    /// The timestamp of its header.
    pub rtp_timestamp: u32,
    /// Ticks of that timestamp a second, as the payload type says; 0 if unknown.
    pub clock_rate_hz: u32,
    /// When it arrived, on any monotonic clock.
    pub arrival_ns: Option<i64>,
    /// What became of it.
    pub fate: PacketFate,
}

/// Packets that may still come in another order; what is missing beyond them counts as lost.
const WINDOW: u32 = u32::BITS;
/// RFC 3550 A.1: a larger jump of the sequence number is another stream unless the next packet follows on.
const MAX_DROPOUT: u16 = 3000;
/// RFC 3550 A.1: what lies this far back is a packet that came late, not a jump.
const MAX_MISORDER: u16 = 100;
const NS_PER_S: f64 = 1e9;

/// Counters since the stream began.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct PacketStats {
    /// RFC 3550 A.3: from the first sequence number to the highest.
    pub expected: u32,
    /// RFC 3550 A.3: all that came, late ones and duplicates too.
    pub received: u32,
    /// Expected packets that came, each once, while they were waited for.
    pub distinct: u32,
    pub duplicates: u32,
    pub reordered: u32,
    /// Came when they already counted as lost.
    pub late: u32,
    pub discarded: u32,
    pub restarts: u32,
    /// Packets that cannot be reordered any more.
    pub decided: u32,
    /// Those of them that were lost or discarded.
    pub missed: u32,
    /// Runs of missed packets among them.
    pub runs: u32,
    /// RFC 3550 A.8, integer form: 16 times the jitter in ticks.
    pub jitter_a8: u32,
    /// How many differences the jitter is made of.
    pub jitters: u32,
    pub clock_rate_hz: u32,
    /// Ticks from one packet to the next: the fewest seen, as pauses in between make more. 0 if unknown.
    pub packet_ticks: u32,
    /// The largest of the jitter, in milliseconds.
    pub jitter_max_ms: f32,
    /// RFC 3550 6.4.1, in ticks.
    pub jitter_ticks: f64,
    /// The sum of the jitter over all packets, in milliseconds.
    pub jitter_sum_ms: f64,
    pub gap_sum_ns: u64,
    pub gap_max_ns: u64,
}

impl PacketStats {
    /// The jitter in milliseconds.
    pub(crate) fn jitter_ms(&self) -> f64 {
        self.jitter_ticks * 1e3 / f64::from(self.clock_rate_hz.max(1))
    }

    /// How long a packet is; `None` if no two came in order.
    pub(crate) fn packet_ms(&self) -> Option<f64> {
        let known = self.packet_ticks > 0 && self.clock_rate_hz > 0;
        known.then(|| f64::from(self.packet_ticks) * 1e3 / f64::from(self.clock_rate_hz))
    }
}

/// Packets that left the window of reordering, in the order of their sequence numbers: the lowest `len` bits of `bits`
/// are 1 where one was missed, then `lost` more were missed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Decided {
    pub bits: u32,
    pub len: u32,
    pub lost: u32,
    /// Packets after them that are still undecided.
    pub behind: u32,
}

impl Decided {
    pub(crate) fn count(&self) -> u32 {
        self.len + self.lost
    }
}

/// What is known after one packet.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct PacketFacts {
    pub stats: PacketStats,
    pub decided: Decided,
    /// The sample the stream had come to when the newest packet was told.
    pub newest: u64,
    /// The sample it has come to.
    pub now: u64,
}

/// The time of a packet, to compare the next one with.
#[derive(Debug, Clone, Copy)]
struct Timed {
    arrival_ns: i64,
    rtp_timestamp: u32,
    transit: u32,
}

/// The packets of one stream.
#[derive(Debug, Clone)]
pub(crate) struct Packets {
    stats: PacketStats,
    last: Option<Timed>,
    /// Bit k: the packet k before the newest came; was discarded.
    came: u32,
    thrown: u32,
    /// How many packets the window holds.
    filled: u32,
    /// The timestamp of the newest packet, if it came.
    newest_timestamp: u32,
    newest: u16,
    /// The sample the stream had come to when it was told.
    newest_sample: u64,
    /// After a jump: the sequence number that would confirm it.
    follows: Option<u16>,
    in_run: bool,
}

impl Packets {
    pub(crate) fn new() -> Self {
        Self {
            stats: PacketStats::default(),
            last: None,
            came: 0,
            thrown: 0,
            filled: 0,
            newest_timestamp: 0,
            newest: 0,
            newest_sample: 0,
            follows: None,
            in_run: false,
        }
    }

    /// Takes one packet.
    pub(crate) fn take(&mut self, p: &Packet, now: u64) -> PacketFacts {
        let mut decided = Decided::default();
        let ahead = p.sequence.wrapping_sub(self.newest);
        let back = u32::from(ahead.wrapping_neg());
        if self.filled == 0 {
            self.begin(p, now);
        } else if back <= u32::from(MAX_MISORDER) {
            self.older(p, back);
        } else if ahead < MAX_DROPOUT {
            decided = self.advance(p, u32::from(ahead), now);
        } else if p.fate != PacketFate::Lost {
            if self.follows == Some(p.sequence) {
                decided = self.decide_all();
                self.last = None;
                self.stats.restarts = self.stats.restarts.saturating_add(1);
                self.begin(p, now);
            } else {
                // RFC 3550 A.1: one packet from nowhere counts as nothing.
                self.follows = Some(p.sequence.wrapping_add(1));
            }
        }
        decided.behind = self.filled;
        PacketFacts { stats: self.stats, decided, newest: self.newest_sample, now }
    }

    /// The stream ended: what is missing is lost. `None` if there were no packets.
    pub(crate) fn finish(&mut self, now: u64) -> Option<PacketFacts> {
        let decided = self.decide_all();
        let facts = PacketFacts { stats: self.stats, decided, newest: self.newest_sample, now };
        (self.stats.expected > 0).then_some(facts)
    }

    fn begin(&mut self, p: &Packet, now: u64) {
        self.filled = 1;
        (self.came, self.thrown) = (0, 0);
        self.stats.expected = self.stats.expected.saturating_add(1);
        self.become_newest(p, now);
    }

    /// A packet beyond the newest; those between them are missing so far.
    fn advance(&mut self, p: &Packet, by: u32, now: u64) -> Decided {
        if by == 1 && self.came & 1 == 1 && p.fate != PacketFate::Lost {
            let ticks = p.rtp_timestamp.wrapping_sub(self.newest_timestamp);
            let known = if self.stats.packet_ticks == 0 { u32::MAX } else { self.stats.packet_ticks };
            if (1..=p.clock_rate_hz).contains(&ticks) && p.clock_rate_hz == self.stats.clock_rate_hz {
                self.stats.packet_ticks = ticks.min(known);
            }
        }
        let leave = (self.filled + by).saturating_sub(WINDOW);
        let old = leave.min(self.filled);
        let decided = self.decide(old, leave - old);
        self.filled = (self.filled + by).min(WINDOW);
        self.came = self.came.checked_shl(by).unwrap_or(0);
        self.thrown = self.thrown.checked_shl(by).unwrap_or(0);
        self.stats.expected = self.stats.expected.saturating_add(by);
        self.become_newest(p, now);
        decided
    }

    fn become_newest(&mut self, p: &Packet, now: u64) {
        self.newest = p.sequence;
        self.newest_sample = now;
        self.newest_timestamp = p.rtp_timestamp;
        self.follows = None;
        if p.fate != PacketFate::Lost {
            self.arrive(p, 0);
        }
    }

    /// A packet that is `back` before the newest, or the newest again.
    fn older(&mut self, p: &Packet, back: u32) {
        if p.fate == PacketFate::Lost {
            return;
        }
        self.follows = None;
        if back >= self.filled && self.filled < WINDOW && back < WINDOW {
            // Nothing is decided yet: the stream began earlier than it seemed.
            self.stats.expected = self.stats.expected.saturating_add(back + 1 - self.filled);
            self.filled = back + 1;
        }
        if back >= self.filled {
            self.stats.late = self.stats.late.saturating_add(1);
            self.count(p);
            return;
        }
        let bit = 1 << back;
        if self.came & bit == 0 {
            self.stats.reordered = self.stats.reordered.saturating_add(u32::from(back > 0));
            self.arrive(p, back);
        } else if p.fate == PacketFate::Discarded && self.thrown & bit == 0 {
            self.thrown |= bit;
            self.stats.discarded = self.stats.discarded.saturating_add(1);
        } else {
            self.stats.duplicates = self.stats.duplicates.saturating_add(1);
            self.count(p);
        }
    }

    /// A packet that was waited for.
    fn arrive(&mut self, p: &Packet, back: u32) {
        self.came |= 1 << back;
        self.stats.distinct = self.stats.distinct.saturating_add(1);
        if p.fate == PacketFate::Discarded {
            self.thrown |= 1 << back;
            self.stats.discarded = self.stats.discarded.saturating_add(1);
        }
        self.count(p);
    }

    /// Counts any packet that came, and its time (RFC 3550 A.8).
    fn count(&mut self, p: &Packet) {
        let s = &mut self.stats;
        s.received = s.received.saturating_add(1);
        if p.clock_rate_hz == 0 {
            return;
        }
        if p.clock_rate_hz != s.clock_rate_hz {
            // Ticks of another length: the estimate begins anew.
            (s.clock_rate_hz, s.packet_ticks, s.jitter_a8, s.jitter_ticks) = (p.clock_rate_hz, 0, 0, 0.0);
            self.last = None;
        }
        let Some(arrival_ns) = p.arrival_ns else { return };
        let clock = i128::from(p.clock_rate_hz);
        let arrival = (i128::from(arrival_ns) * clock).div_euclid(1_000_000_000) as u32;
        let now = Timed { arrival_ns, rtp_timestamp: p.rtp_timestamp, transit: arrival.wrapping_sub(p.rtp_timestamp) };
        if let Some(last) = self.last.replace(now) {
            let d = u64::from((now.transit.wrapping_sub(last.transit) as i32).unsigned_abs());
            let jitter = u64::from(s.jitter_a8);
            s.jitter_a8 = u32::try_from(jitter + d - ((jitter + 8) >> 4)).unwrap_or(u32::MAX);
            let between_ns = arrival_ns.saturating_sub(last.arrival_ns);
            let ticks = f64::from(now.rtp_timestamp.wrapping_sub(last.rtp_timestamp) as i32);
            let d = between_ns as f64 * f64::from(p.clock_rate_hz) / NS_PER_S - ticks;
            s.jitter_ticks += (d.abs() - s.jitter_ticks) / 16.0;
            let jitter_ms = s.jitter_ms();
            s.jitter_sum_ms += jitter_ms;
            s.jitter_max_ms = s.jitter_max_ms.max(jitter_ms as f32);
            s.jitters = s.jitters.saturating_add(1);
            // A clock that went back counts as one that stood still.
            let gap_ns = between_ns.max(0) as u64;
            s.gap_sum_ns = s.gap_sum_ns.saturating_add(gap_ns);
            s.gap_max_ns = s.gap_max_ns.max(gap_ns);
        }
    }

    fn decide_all(&mut self) -> Decided {
        let decided = self.decide(self.filled, 0);
        self.filled = 0;
        decided
    }

    /// The oldest `old` packets of the window, and `lost` that never came after them, cannot come any more.
    fn decide(&mut self, old: u32, lost: u32) -> Decided {
        let mut bits = 0;
        let missed = !self.came | self.thrown;
        for i in 0..old {
            let miss = missed >> (self.filled - 1 - i) & 1;
            bits |= miss << i;
            self.stats.missed = self.stats.missed.saturating_add(miss);
            self.stats.runs = self.stats.runs.saturating_add(u32::from(miss == 1 && !self.in_run));
            self.in_run = miss == 1;
        }
        if lost > 0 {
            self.stats.missed = self.stats.missed.saturating_add(lost);
            self.stats.runs = self.stats.runs.saturating_add(u32::from(!self.in_run));
            self.in_run = true;
        }
        self.stats.decided = self.stats.decided.saturating_add(old + lost);
        Decided { bits, len: old, lost, behind: 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(sequences: impl IntoIterator<Item = u16>) -> PacketStats {
        let mut packets = Packets::new();
        for sequence in sequences {
            packets.take(&Packet { sequence, ..Packet::default() }, 0);
        }
        packets.finish(0).expect("packets").stats
    }

    #[test]
    fn the_state_is_small() {
        assert!(size_of::<Packets>() <= 160, "{}", size_of::<Packets>());
    }

    #[test]
    fn sequence_numbers_wrap_and_holes_are_losses() {
        let s = told((65_500..=65_535).chain(0..100).filter(|n| ![65_535, 0, 50].contains(n)));
        assert_eq!((s.expected, s.received, s.distinct), (136, 133, 133));
        assert_eq!((s.decided, s.missed, s.runs, s.restarts), (136, 3, 2, 0));
    }

    #[test]
    fn order_does_not_matter_within_the_window_and_beyond_it_a_packet_is_late() {
        let s = told([10, 12, 11, 13, 13, 9]);
        assert_eq!((s.expected, s.reordered, s.duplicates, s.missed), (5, 2, 1, 0), "9 came before the first");
        let s = told((0..40).filter(|&n| n != 3).chain([3]));
        assert_eq!((s.expected, s.late, s.distinct, s.missed, s.reordered), (40, 1, 39, 1, 0));
        let s = told((0..=31).filter(|&n| n != 0).chain([0]));
        assert_eq!((s.late, s.reordered, s.missed), (0, 1, 0), "32 places are waited for");
    }

    #[test]
    fn a_jump_counts_only_if_the_next_packet_follows_on() {
        let s = told((0..50).chain([9_000]).chain(50..60));
        assert_eq!((s.expected, s.received, s.restarts, s.missed), (60, 60, 0, 0), "a packet from nowhere");
        let s = told((0..50).chain(9_000..9_010));
        assert_eq!((s.expected, s.received, s.restarts, s.missed), (59, 59, 1, 0), "another stream");
        let s = told((0..50).chain([3_048]));
        assert_eq!((s.expected, s.missed, s.runs), (3_049, 2_998, 1), "2,999 ahead is a loss");
    }

    #[test]
    fn a_discard_can_be_told_at_once_or_later_and_a_loss_beforehand() {
        let mut packets = Packets::new();
        let mut tell = |sequence, fate| packets.take(&Packet { sequence, fate, ..Packet::default() }, 0).stats;
        tell(0, PacketFate::Received);
        tell(1, PacketFate::Discarded);
        tell(2, PacketFate::Received);
        tell(2, PacketFate::Discarded);
        tell(3, PacketFate::Lost);
        let s = tell(4, PacketFate::Lost);
        assert_eq!((s.expected, s.received, s.discarded, s.duplicates), (5, 3, 2, 0));
        let s = tell(3, PacketFate::Received);
        assert_eq!((s.distinct, s.reordered), (4, 1), "it came all the same");
        assert_eq!(packets.finish(0).map(|f| (f.stats.missed, f.decided.bits, f.decided.len)), Some((3, 0b10110, 5)));
    }
}
