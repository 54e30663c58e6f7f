//! Whole signals and recorded streams through a probe, for callers that may take memory: files, notebooks, tests.

use crate::{Finding, FindingLog, Packet, Plan, Probe, Push, PushError, Report, TextHint};

/// Interleaved samples, whole frames, of one of the types a probe takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Pcm<'a> {
    /// 16-bit PCM; full scale is 32,768.
    I16(&'a [i16]),
    /// Single precision; full scale is 1.
    F32(&'a [f32]),
}

impl Pcm<'_> {
    /// Number of values: samples per channel times channels.
    #[must_use]
    pub const fn len(&self) -> usize {
        match self {
            Self::I16(x) => x.len(),
            Self::F32(x) => x.len(),
        }
    }

    /// Whether there is no sample in it.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The values `from..to`.
    ///
    /// # Panics
    /// The range is not inside.
    #[must_use]
    pub fn part(&self, from: usize, to: usize) -> Self {
        match self {
            Self::I16(x) => Self::I16(&x[from..to]),
            Self::F32(x) => Self::F32(&x[from..to]),
        }
    }

    /// Appends the samples as `f32` with full scale ±1: integers divided by 32,768, floats as they are.
    pub fn append_f32(&self, out: &mut Vec<f32>) {
        match self {
            Self::I16(x) => out.extend(x.iter().map(|&v| f32::from(v) * (1.0 / 32_768.0))),
            Self::F32(x) => out.extend_from_slice(x),
        }
    }
}

/// Who hears the same samples beside the probe, for example to draw them.
pub trait Beside {
    /// How many samples per channel may be pushed before it must be told; never 0.
    fn room(&self) -> u64;
    /// Hears what the probe was pushed last.
    fn hear(&mut self, pcm: Pcm<'_>, probe: &Probe);
}

/// Nobody.
impl Beside for () {
    fn room(&self) -> u64 {
        u64::MAX
    }

    fn hear(&mut self, _: Pcm<'_>, _: &Probe) {}
}

impl<B: Beside> Beside for Option<B> {
    fn room(&self) -> u64 {
        self.as_ref().map_or(u64::MAX, B::room)
    }

    fn hear(&mut self, pcm: Pcm<'_>, probe: &Probe) {
        if let Some(beside) = self {
            beside.hear(pcm, probe);
        }
    }
}

/// A probe and all findings of its stream so far. Signals of any length go in piece by piece, so that the probe's ring of findings
/// never overflows between two polls.
///
/// ```
/// use otoscope::{Config, Listener, Pcm, Push, StreamSpec};
///
/// let plan = Config::new(StreamSpec::mono(24_000)).freeze()?;
/// let mut listener = Listener::new(&plan);
/// listener.push(Pcm::I16(&[0; 48_000]), Push::CHUNK, |finding| println!("{finding:?}"))?;
/// let (report, findings) = listener.finish(|_| ());
/// assert_eq!((report.samples, findings.len() as u64), (48_000, report.finding_count()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Listener<B = ()> {
    probe: Probe,
    log: FindingLog,
    beside: B,
    channels: usize,
    /// Samples per channel between two polls: some five hops of the probe.
    piece: u64,
}

impl Listener {
    /// A listener at the start of a stream.
    #[must_use]
    pub fn new(plan: &Plan) -> Self {
        Self::with(plan, ())
    }
}

impl<B: Beside> Listener<B> {
    /// A listener at the start of a stream, and who listens beside it.
    #[must_use]
    pub fn with(plan: &Plan, beside: B) -> Self {
        let stream = plan.stream();
        let piece = u64::from(stream.sample_rate_hz / 20).max(1);
        Self { probe: Probe::new(plan), log: FindingLog::new(), beside, channels: stream.channels as usize, piece }
    }

    /// Says how much text there is to speak, where that is known.
    ///
    /// # Errors
    /// [`Probe::expect_text`]'s.
    pub fn expect(&mut self, text: Option<TextHint>) -> Result<(), PushError> {
        text.map_or(Ok(()), |text| self.probe.expect_text(text))
    }

    /// Samples per channel so far.
    #[must_use]
    pub fn samples(&self) -> u64 {
        self.probe.samples()
    }

    /// Number of channels.
    #[must_use]
    pub fn channels(&self) -> usize {
        self.channels
    }

    /// What was found so far.
    #[must_use]
    pub fn log(&self) -> &FindingLog {
        &self.log
    }

    /// The values so far; the stream goes on.
    #[must_use]
    pub fn snapshot(&self) -> Report {
        self.probe.snapshot()
    }

    /// Pushes samples as one chunk, or as more of the one before; `new` hears every finding as it comes. Each piece has the same time.
    /// No samples at all are still a push: a tick.
    ///
    /// # Errors
    /// [`Probe::push_i16`]'s.
    pub fn push(&mut self, pcm: Pcm<'_>, push: Push, mut new: impl FnMut(&Finding)) -> Result<(), PushError> {
        let (mut at, mut push) = (0, push);
        loop {
            let frames = usize::try_from(self.piece.min(self.beside.room())).unwrap_or(usize::MAX);
            let end = pcm.len().min(at + frames * self.channels);
            let part = pcm.part(at, end);
            match part {
                Pcm::I16(x) => self.probe.push_i16(x, push)?,
                Pcm::F32(x) => self.probe.push_f32(x, push)?,
            }
            self.beside.hear(part, &self.probe);
            self.poll(&mut new);
            push = push.same_chunk();
            at = end;
            if at == pcm.len() {
                return Ok(());
            }
        }
    }

    /// Tells of one packet; `new` hears every finding.
    ///
    /// # Errors
    /// [`Probe::packet`]'s.
    pub fn packet(&mut self, packet: Packet, mut new: impl FnMut(&Finding)) -> Result<(), PushError> {
        self.probe.packet(packet)?;
        self.poll(&mut new);
        Ok(())
    }

    fn poll(&mut self, new: &mut impl FnMut(&Finding)) {
        while let Some(finding) = self.probe.poll_finding() {
            new(&finding);
            self.log.add(finding);
        }
    }

    /// Ends the stream: the final values, and all findings in order of their start. `new` hears those of the end. A second call gives
    /// the same.
    pub fn finish(&mut self, mut new: impl FnMut(&Finding)) -> (Report, Vec<Finding>) {
        let report = self.probe.finish();
        self.poll(&mut new);
        (report, self.log.clone().into_sorted())
    }

    /// Makes the probe as new, for the next stream of the same kind.
    pub fn reset(&mut self) {
        self.probe.reset();
        self.log = FindingLog::new();
    }

    /// Who listened beside.
    #[must_use]
    pub fn into_beside(self) -> B {
        self.beside
    }
}

/// Where one chunk of a recorded stream starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkStart {
    /// First sample of the chunk, per channel.
    pub start_sample: u64,
    /// When it arrived, in nanoseconds on any monotonic clock, if that is known.
    pub arrival_ns: Option<i64>,
}

/// Pushes samples as a recorded stream delivered them.
///
/// The starts are sorted and begin with sample 0. Where two are at the same sample, nothing came with the first: a tick; at sample 0 it
/// marks the request.
#[derive(Debug, Clone)]
pub struct Replay<'a> {
    starts: &'a [ChunkStart],
    next: usize,
    push: Push,
}

impl<'a> Replay<'a> {
    /// A replay of a list of chunks; of an empty one everything is one chunk without times.
    #[must_use]
    pub fn new(starts: &'a [ChunkStart]) -> Self {
        Self { starts, next: 0, push: Push::CHUNK }
    }

    /// Pushes the next samples, cut at the list's edges.
    ///
    /// # Errors
    /// [`Listener::push`]'s.
    pub fn feed<B: Beside>(&mut self, listener: &mut Listener<B>, pcm: Pcm<'_>) -> Result<(), PushError> {
        let mut at = 0;
        while at < pcm.len() {
            let position = listener.samples();
            while let Some(start) = self.starts.get(self.next).filter(|start| start.start_sample == position) {
                self.next += 1;
                let nothing_came = self.starts.get(self.next).is_some_and(|after| after.start_sample == position);
                match (nothing_came, start.arrival_ns) {
                    (true, Some(t_ns)) => listener.push(Pcm::I16(&[]), Push::at(t_ns), |_| ())?,
                    (true, None) => {}
                    (false, t_ns) => self.push = Push { t_ns, same_chunk: false },
                }
            }
            let left = pcm.len() - at;
            let until = self.starts.get(self.next).and_then(|next| next.start_sample.checked_sub(position));
            let room = until.and_then(|n| usize::try_from(n).ok()).and_then(|n| n.checked_mul(listener.channels));
            let end = at + room.map_or(left, |room| room.min(left));
            listener.push(pcm.part(at, end), self.push, |_| ())?;
            self.push = self.push.same_chunk();
            at = end;
        }
        Ok(())
    }

    /// The number of the first start beyond the end of a stream of `samples`: the list is of another recording. A last chunk of no
    /// samples is fine, many servers mark the end with one; it brings nothing that a player could wait for, so it is no push.
    #[must_use]
    pub fn beyond(&self, samples: u64) -> Option<usize> {
        (self.next..self.starts.len()).find(|&i| self.starts[i].start_sample > samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Config, StreamSpec};

    fn listener() -> Listener {
        Listener::new(&Config::new(StreamSpec { sample_rate_hz: 8_000, channels: 2 }).freeze().expect("defaults"))
    }

    fn row(start_sample: u64, ms: i64) -> ChunkStart {
        ChunkStart { start_sample, arrival_ns: Some(ms * 1_000_000) }
    }

    #[test]
    fn a_replay_does_not_depend_on_the_source_s_own_chunks() {
        let rows = [row(0, 0), row(0, 200), row(1000, 300), row(1001, 310), row(9000, 1500), row(16_000, 3000)];
        let pcm: Vec<i16> = (0..32_000).map(|i| ((i * 37) % 4001) as i16 - 2000).collect();
        let reports: Vec<Report> = [32_000, 2, 998, 20_002]
            .into_iter()
            .map(|n| {
                let (mut listener, mut replay) = (listener(), Replay::new(&rows));
                pcm.chunks(n).for_each(|c| replay.feed(&mut listener, Pcm::I16(c)).expect("whole frames"));
                assert_eq!(replay.beyond(listener.samples()), None, "an empty last chunk is fine");
                listener.finish(|_| ()).0
            })
            .collect();
        let value = |key: &str| reports[0].value(key).and_then(|v| v.number());
        assert_eq!(value("continuity.first_audio_ms"), Some(200.0));
        assert_eq!(value("continuity.arrivals"), Some(4.0));
        assert!(reports.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_list_of_another_recording_is_noticed() {
        let rows = [row(0, 0), row(50, 1), row(101, 2)];
        let (mut listener, mut replay) = (listener(), Replay::new(&rows));
        replay.feed(&mut listener, Pcm::F32(&[0.0; 200])).expect("whole frames");
        assert_eq!(replay.beyond(listener.samples()), Some(2));
    }

    #[test]
    fn who_listens_beside_hears_everything_in_pieces_of_its_own_and_changes_nothing() {
        struct Ear(u64, u64);
        impl Beside for Ear {
            fn room(&self) -> u64 {
                7
            }
            fn hear(&mut self, pcm: Pcm<'_>, probe: &Probe) {
                self.0 += pcm.len() as u64;
                self.1 = probe.samples();
            }
        }
        let plan = Config::new(StreamSpec::mono(8_000)).freeze().expect("defaults");
        let pcm: Vec<f32> = (0..8_001).map(|i| ((i * 37) % 401) as f32 / 500.0 - 0.4).collect();
        let (mut alone, mut both) = (Listener::new(&plan), Listener::with(&plan, Ear(0, 0)));
        alone.push(Pcm::F32(&pcm), Push::CHUNK, |_| ()).expect("frames");
        both.push(Pcm::F32(&pcm), Push::CHUNK, |_| ()).expect("frames");
        assert_eq!(alone.finish(|_| ()), both.finish(|_| ()));
        let ear = both.into_beside();
        assert_eq!((ear.0, ear.1), (8_001, 8_001));
    }
}
