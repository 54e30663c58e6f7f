//! What a detector reports, and the bounded ring it goes through.

use crate::simd::prefetch_part;
use crate::spec::KindSpec;

/// How bad a finding is. Each detector's page states its thresholds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth knowing.
    Info = 1,
    /// A careful listener would notice.
    Warning = 2,
    /// Anybody would notice.
    Error = 3,
}

impl Severity {
    /// The name used in JSON and on the command line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }

    /// `Error` from `error` on, `Warning` from `warning` on, else `Info`.
    pub(crate) fn above(value: f64, warning: f64, error: f64) -> Self {
        if value >= error {
            Self::Error
        } else if value >= warning {
            Self::Warning
        } else {
            Self::Info
        }
    }
}

/// Where a finding stands in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// An instant: said once.
    Point = 0,
    /// Something began; its `Closed` will come with the same `event_id`.
    Open = 1,
    /// It ended: now its extent and its final value are known.
    Closed = 2,
}

impl State {
    /// The name used in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Point => "point",
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

/// One thing that is wrong: what, where, how bad. Plain data.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finding {
    /// Counts all findings of the stream; a hole means some were dropped because nobody polled.
    pub seq: u64,
    /// Joins an `Open` to its `Closed`.
    pub event_id: u32,
    /// Point, open or closed.
    pub state: State,
    /// The id in the metric's spec.
    pub metric_id: u16,
    /// The id in the kind's spec.
    pub kind: u16,
    /// How bad.
    pub severity: Severity,
    /// First sample, per channel, since the stream began.
    pub start_sample: u64,
    /// One past the last sample known so far.
    pub end_sample: u64,
    /// Arrival time of the push that raised it, as the caller gave it.
    pub t_ns: Option<i64>,
    /// Index of the chunk in which it starts; `None` if that chunk began too long ago to be remembered.
    pub chunk: Option<u32>,
    /// The channels it was heard in, bit 0 = first; 0 = the downmix or all.
    pub channel_mask: u32,
    /// What was measured, in the kind's unit.
    pub value: f64,
    /// What it was held against, in the same unit.
    pub threshold: f64,
}

impl Finding {
    /// One that says nothing: for memory that findings will lie in.
    pub const EMPTY: Self = Self {
        seq: 0,
        event_id: 0,
        state: State::Point,
        metric_id: 0,
        kind: 0,
        severity: Severity::Info,
        start_sample: 0,
        end_sample: 0,
        t_ns: None,
        chunk: None,
        channel_mask: 0,
        value: 0.0,
        threshold: 0.0,
    };
}

/// How many chunk starts are remembered to name the chunk of a finding.
const REMEMBERED_CHUNKS: usize = 12;

/// Findings that wait in the probe until somebody polls. When full, the newest is dropped and counted.
pub(crate) const RING_LEN: usize = 32;

/// A finding as it waits: the same in fewer bytes, for every stream carries the ring.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    seq: u64,
    start_sample: u64,
    end_sample: u64,
    /// 0 where there is none; `has_time` tells.
    t_ns: i64,
    value: f64,
    threshold: f64,
    event_id: u32,
    /// `u32::MAX` where it is not remembered: the count of chunks stops there.
    chunk: u32,
    metric_id: u16,
    kind: u16,
    channel_mask: u8,
    state: State,
    severity: Severity,
    has_time: bool,
}

const _: () = assert!(crate::probe::MAX_CHANNELS <= 8 && size_of::<Waiting>() == 64, "one finding, one cache line");

impl From<Finding> for Waiting {
    fn from(f: Finding) -> Self {
        Self {
            seq: f.seq,
            start_sample: f.start_sample,
            end_sample: f.end_sample,
            t_ns: f.t_ns.unwrap_or(0),
            value: f.value,
            threshold: f.threshold,
            event_id: f.event_id,
            chunk: f.chunk.unwrap_or(u32::MAX),
            metric_id: f.metric_id,
            kind: f.kind,
            channel_mask: f.channel_mask as u8,
            state: f.state,
            severity: f.severity,
            has_time: f.t_ns.is_some(),
        }
    }
}

impl From<Waiting> for Finding {
    fn from(w: Waiting) -> Self {
        Self {
            seq: w.seq,
            event_id: w.event_id,
            state: w.state,
            metric_id: w.metric_id,
            kind: w.kind,
            severity: w.severity,
            start_sample: w.start_sample,
            end_sample: w.end_sample,
            t_ns: w.has_time.then_some(w.t_ns),
            chunk: (w.chunk != u32::MAX).then_some(w.chunk),
            channel_mask: w.channel_mask.into(),
            value: w.value,
            threshold: w.threshold,
        }
    }
}

/// The bounded ring, the exact counts per kind, and what is needed to stamp a finding.
#[derive(Debug, Clone)]
#[repr(C)]
pub(crate) struct Ledger<const KINDS: usize> {
    read: u32,
    len: u32,
    next_event: u32,
    chunks: u32,
    t_ns: Option<i64>,
    next_seq: u64,
    dropped: u64,
    counts: [u32; KINDS],
    worst: Option<Severity>,
    chunk_starts: [u64; REMEMBERED_CHUNKS],
    /// Last, since few hops have a finding.
    ring: [Waiting; RING_LEN],
}

impl<const KINDS: usize> Ledger<KINDS> {
    /// Asks for what every push touches.
    pub(crate) fn prefetch(&self) {
        prefetch_part(self, 0, core::mem::offset_of!(Self, ring));
    }

    pub(crate) fn new() -> Self {
        Self {
            ring: [Finding::EMPTY.into(); RING_LEN],
            read: 0,
            len: 0,
            next_seq: 0,
            next_event: 0,
            dropped: 0,
            counts: [0; KINDS],
            worst: None,
            t_ns: None,
            chunks: 0,
            chunk_starts: [0; REMEMBERED_CHUNKS],
        }
    }

    /// A chunk begins at `start`; returns its index.
    pub(crate) fn begin_chunk(&mut self, start: u64) -> u32 {
        let index = self.chunks;
        self.chunk_starts[index as usize % REMEMBERED_CHUNKS] = start;
        self.chunks = self.chunks.saturating_add(1);
        index
    }

    pub(crate) fn set_time(&mut self, t_ns: Option<i64>) {
        self.t_ns = t_ns;
    }

    pub(crate) fn chunks(&self) -> u32 {
        self.chunks
    }

    fn chunk_of(&self, sample: u64) -> Option<u32> {
        let remembered = self.chunks.min(REMEMBERED_CHUNKS as u32);
        (self.chunks - remembered..self.chunks)
            .rev()
            .find(|&c| self.chunk_starts[c as usize % REMEMBERED_CHUNKS] <= sample)
    }

    fn record(&mut self, mut finding: Finding) {
        finding.seq = self.next_seq;
        self.next_seq += 1;
        finding.t_ns = self.t_ns;
        finding.chunk = self.chunk_of(finding.start_sample);
        self.worst = self.worst.max(Some(finding.severity));
        if self.len as usize == RING_LEN {
            self.dropped += 1;
            return;
        }
        self.ring[(self.read + self.len) as usize % RING_LEN] = finding.into();
        self.len += 1;
    }

    /// Takes the oldest finding.
    pub(crate) fn pop(&mut self) -> Option<Finding> {
        if self.len == 0 {
            return None;
        }
        let finding = self.ring[self.read as usize];
        self.read = (self.read + 1) % RING_LEN as u32;
        self.len -= 1;
        Some(finding.into())
    }

    pub(crate) fn counts(&self) -> &[u32; KINDS] {
        &self.counts
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped
    }

    pub(crate) fn worst(&self) -> Option<Severity> {
        self.worst
    }

    /// What waits, oldest first, without taking it.
    pub(crate) fn pending(&self) -> impl Iterator<Item = Finding> {
        (0..self.len).map(|i| self.ring[(self.read + i) as usize % RING_LEN].into())
    }
}

/// Where a metric writes its findings. Knows the metric's id, so a metric cannot speak for another.
pub(crate) struct Sink<'a> {
    ledger: &'a mut dyn Record,
    metric_id: u16,
    first_kind: usize,
}

/// The part of the ledger a sink needs, so that metrics do not carry its size.
pub(crate) trait Record {
    fn put(&mut self, finding: Finding, kind_index: usize, new: bool) -> u32;
    /// One finding counted under `from` is one of `to`.
    fn recount(&mut self, from: usize, to: usize);
}

impl<const KINDS: usize> Record for Ledger<KINDS> {
    fn put(&mut self, mut finding: Finding, kind_index: usize, new: bool) -> u32 {
        if new {
            finding.event_id = self.next_event;
            self.next_event = self.next_event.wrapping_add(1);
            if let Some(count) = self.counts.get_mut(kind_index) {
                *count = count.saturating_add(1);
            }
        }
        self.record(finding);
        finding.event_id
    }

    fn recount(&mut self, from: usize, to: usize) {
        if let Some(count) = self.counts.get_mut(from) {
            *count = count.saturating_sub(1);
        }
        if let Some(count) = self.counts.get_mut(to) {
            *count = count.saturating_add(1);
        }
    }
}

/// What a detector says about one occurrence.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Occurrence {
    pub start: u64,
    pub end: u64,
    pub severity: Severity,
    pub value: f64,
    pub threshold: f64,
    pub channel_mask: u32,
}

/// The handle of an open finding: plain data, to be kept in a metric's state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(transparent)]
pub(crate) struct EventId(u32);

/// Pieces of the same trouble that lie close together, told as one finding: opened with the first, closed once no more
/// came for a while.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Stretch(Option<(EventId, Occurrence)>);

impl Stretch {
    /// Adds a piece. One that begins more than `gap` samples after the last one ended begins a new finding. The values of
    /// pieces of one finding are put together by `combine`.
    pub(crate) fn add(
        &mut self,
        kind: &KindSpec,
        piece: Occurrence,
        gap: u64,
        combine: impl FnOnce(f64, f64) -> f64,
        out: &mut Sink<'_>,
    ) {
        self.expire(kind, piece.start, gap, out);
        match &mut self.0 {
            Some((_, whole)) => {
                whole.start = whole.start.min(piece.start);
                whole.end = whole.end.max(piece.end);
                whole.value = combine(whole.value, piece.value);
                whole.severity = whole.severity.max(piece.severity);
                whole.channel_mask |= piece.channel_mask;
            }
            None => self.0 = Some((out.open(kind, piece), piece)),
        }
    }

    /// Lengthens the finding, if there is one, to `end`, unless that lies more than `gap` samples after it.
    pub(crate) fn extend(&mut self, end: u64, gap: u64) {
        if let Some((_, whole)) = &mut self.0
            && end <= whole.end + gap
        {
            whole.end = whole.end.max(end);
        }
    }

    /// Closes the finding if nothing was added since more than `gap` samples before `now`.
    pub(crate) fn expire(&mut self, kind: &KindSpec, now: u64, gap: u64, out: &mut Sink<'_>) {
        if let Some((event, whole)) = self.0.take_if(|(_, whole)| now > whole.end + gap) {
            out.close(kind, event, whole);
        }
    }

    /// Closes the finding at the end of the stream.
    pub(crate) fn finish(&mut self, kind: &KindSpec, out: &mut Sink<'_>) {
        if let Some((event, whole)) = self.0.take() {
            out.close(kind, event, whole);
        }
    }
}

impl<'a> Sink<'a> {
    pub(crate) fn new(ledger: &'a mut dyn Record, metric_id: u16, first_kind: usize) -> Self {
        Self { ledger, metric_id, first_kind }
    }

    fn put(&mut self, kind: &KindSpec, state: State, event_id: u32, o: Occurrence) -> u32 {
        let finding = Finding {
            event_id,
            state,
            metric_id: self.metric_id,
            kind: kind.id,
            severity: o.severity,
            start_sample: o.start,
            end_sample: o.end,
            channel_mask: o.channel_mask,
            value: o.value,
            threshold: o.threshold,
            ..Finding::EMPTY
        };
        self.ledger.put(finding, self.first_kind + usize::from(kind.id) - 1, state != State::Closed)
    }

    /// An instant, or something whose whole extent is already known.
    pub(crate) fn point(&mut self, kind: &KindSpec, o: Occurrence) {
        self.put(kind, State::Point, 0, o);
    }

    /// Something began.
    pub(crate) fn open(&mut self, kind: &KindSpec, o: Occurrence) -> EventId {
        EventId(self.put(kind, State::Open, 0, o))
    }

    /// It ended, and only now it is clear that it was of another kind of the same metric.
    pub(crate) fn close_as(&mut self, opened: &KindSpec, kind: &KindSpec, event: EventId, o: Occurrence) {
        let index = |k: &KindSpec| self.first_kind + usize::from(k.id) - 1;
        self.ledger.recount(index(opened), index(kind));
        self.close(kind, event, o);
    }

    /// It ended. Every open finding is closed once.
    pub(crate) fn close(&mut self, kind: &KindSpec, event: EventId, o: Occurrence) {
        self.put(kind, State::Closed, event.0, o);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::Unit;

    const KIND: KindSpec = KindSpec { id: 1, name: "k", unit: Unit::Count, max_delay_ms: 0, message: "" };

    fn at(start: u64) -> Occurrence {
        Occurrence { start, end: start + 1, severity: Severity::Warning, value: 1.0, threshold: 0.5, channel_mask: 0 }
    }

    #[test]
    fn a_full_ring_drops_the_newest_and_says_so() {
        let mut ledger = Ledger::<1>::new();
        for i in 0..40 {
            Sink::new(&mut ledger, 7, 0).point(&KIND, at(i));
        }
        assert_eq!((ledger.dropped(), ledger.counts()[0]), (8, 40), "counts stay exact");
        let kept: Vec<u64> = core::iter::from_fn(|| ledger.pop()).map(|f| f.seq).collect();
        assert_eq!(kept, (0..32).collect::<Vec<_>>());
        Sink::new(&mut ledger, 7, 0).point(&KIND, at(99));
        assert_eq!(ledger.pop().map(|f| f.seq), Some(40), "the hole in seq shows the loss");
    }

    #[test]
    fn an_open_finding_and_its_close_share_an_event_and_count_once() {
        let mut ledger = Ledger::<1>::new();
        let mut sink = Sink::new(&mut ledger, 7, 0);
        let event = sink.open(&KIND, at(3));
        sink.point(&KIND, at(5));
        sink.close(&KIND, event, at(3));
        assert_eq!(ledger.counts()[0], 2);
        let ids: Vec<(u32, State)> = ledger.pending().map(|f| (f.event_id, f.state)).collect();
        assert_eq!(ids, [(0, State::Open), (1, State::Point), (0, State::Closed)]);
    }

    #[test]
    fn a_finding_names_the_chunk_it_starts_in() {
        let mut ledger = Ledger::<1>::new();
        for c in 0..20 {
            ledger.begin_chunk(c * 100);
        }
        let mut sink = Sink::new(&mut ledger, 7, 0);
        for start in [1950, 1899, 399] {
            sink.point(&KIND, at(start));
        }
        let chunks: Vec<Option<u32>> = ledger.pending().map(|f| f.chunk).collect();
        assert_eq!(chunks, [Some(19), Some(18), None], "chunk 3 began too long ago");
    }
}
