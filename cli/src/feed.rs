//! From a source to a report: the samples of a file or a recorded stream through a probe.

use otoscope::{Finding, FindingLog, Probe, Push, PushError, Report, TextHint};
use otoscope_decode::Chunk;
use otoscope_html::{Recorder, Trace};

use crate::chunks::Row;

/// A probe that is fed in pieces, so that its ring of findings never overflows between two polls.
pub struct Feeder {
    probe: Probe,
    log: FindingLog,
    channels: usize,
    /// Samples per channel of one piece: some five hops of the probe.
    piece: usize,
    /// Keeps what an HTML report draws.
    recorder: Option<Recorder>,
}

impl Feeder {
    /// A feeder of a fresh probe.
    pub fn new(probe: Probe) -> Self {
        let stream = probe.plan().stream();
        let piece = (stream.sample_rate_hz as usize / 20).max(1);
        Self { probe, log: FindingLog::new(), channels: stream.channels as usize, piece, recorder: None }
    }

    /// Lets a recorder hear everything that is pushed from now on.
    pub fn record(&mut self, recorder: Recorder) {
        self.recorder = Some(recorder);
    }

    /// Says how much text there is to speak, where that is known.
    pub fn expect(&mut self, text: Option<TextHint>) -> Result<(), PushError> {
        text.map_or(Ok(()), |text| self.probe.expect_text(text))
    }

    /// Samples per channel so far.
    pub fn samples(&self) -> u64 {
        self.probe.samples()
    }

    /// What was found so far.
    pub fn log(&self) -> &FindingLog {
        &self.log
    }

    /// The values so far.
    pub fn snapshot(&self) -> Report {
        self.probe.snapshot()
    }

    /// Gives the probe samples of one chunk; `heard` sees every finding as it comes.
    pub fn push(&mut self, chunk: Chunk<'_>, push: Push, heard: &mut dyn FnMut(&Finding)) -> Result<(), PushError> {
        let mut push = push;
        let mut at = 0;
        // No samples at all are still one push: a tick.
        loop {
            let until_look = self.recorder.as_ref().map_or(u64::MAX, Recorder::until_look);
            let piece = self.piece.min(usize::try_from(until_look).unwrap_or(usize::MAX));
            let end = chunk.len().min(at + piece * self.channels);
            match part(chunk, at, end) {
                Chunk::I16(samples) => self.probe.push_i16(samples, push)?,
                Chunk::F32(samples) => self.probe.push_f32(samples, push)?,
            }
            if let Some(recorder) = &mut self.recorder {
                match part(chunk, at, end) {
                    Chunk::I16(samples) => recorder.push_i16(samples),
                    Chunk::F32(samples) => recorder.push_f32(samples),
                }
                if recorder.look_is_due() {
                    recorder.look(&self.probe.snapshot());
                }
            }
            self.drain(heard);
            push = push.same_chunk();
            at = end;
            if at >= chunk.len() {
                return Ok(());
            }
        }
    }

    /// Says that time passes and nothing comes.
    pub fn tick(&mut self, t_ns: i64, heard: &mut dyn FnMut(&Finding)) -> Result<(), PushError> {
        self.push(Chunk::I16(&[]), Push::at(t_ns), heard)
    }

    fn drain(&mut self, heard: &mut dyn FnMut(&Finding)) {
        while let Some(finding) = self.probe.poll_finding() {
            heard(&finding);
            self.log.add(finding);
        }
    }

    /// Ends the stream.
    pub fn finish(mut self, heard: &mut dyn FnMut(&Finding)) -> (Report, Vec<Finding>, Option<Trace>) {
        let report = self.probe.finish();
        self.drain(heard);
        (report, self.log.into_sorted(), self.recorder.map(Recorder::finish))
    }
}

/// The values `from..to` of a chunk.
pub fn part(chunk: Chunk<'_>, from: usize, to: usize) -> Chunk<'_> {
    match chunk {
        Chunk::I16(samples) => Chunk::I16(&samples[from..to]),
        Chunk::F32(samples) => Chunk::F32(&samples[from..to]),
    }
}

/// Pushes samples as a recorded stream delivered them.
pub struct Replay<'a> {
    rows: &'a [Row],
    /// The next row.
    next: usize,
    push: Push,
}

impl<'a> Replay<'a> {
    /// A replay of a chunk list; of an empty one the whole file is one chunk without times.
    pub fn new(rows: &'a [Row]) -> Self {
        Self { rows, next: 0, push: Push::CHUNK }
    }

    /// Pushes what the source delivered, cut at the list's edges.
    pub fn feed(&mut self, feeder: &mut Feeder, chunk: Chunk<'_>) -> Result<(), PushError> {
        let channels = feeder.channels;
        let mut at = 0;
        while at < chunk.len() {
            let position = feeder.samples();
            while let Some(row) = self.rows.get(self.next).filter(|row| row.start_sample == position) {
                self.next += 1;
                let nothing_came = self.rows.get(self.next).is_some_and(|after| after.start_sample == position);
                match (nothing_came, row.arrival_ns) {
                    (true, Some(t_ns)) => feeder.tick(t_ns, &mut |_| ())?,
                    (true, None) => {}
                    (false, t_ns) => self.push = Push { t_ns, same_chunk: false },
                }
            }
            let left = chunk.len() - at;
            let until = self.rows.get(self.next).map(|row| row.start_sample - position);
            let room = until.and_then(|n| usize::try_from(n).ok()).and_then(|n| n.checked_mul(channels));
            let end = at + room.map_or(left, |room| room.min(left));
            feeder.push(part(chunk, at, end), self.push, &mut |_| ())?;
            self.push = self.push.same_chunk();
            at = end;
        }
        Ok(())
    }

    /// The first row beyond the end of a stream of `samples`: the list is of another file. A last chunk of no samples
    /// is fine, many servers mark the end with one; it brings nothing that a player could wait for, so it is no push.
    pub fn beyond(&self, samples: u64) -> Option<u64> {
        self.rows[self.next..].iter().map(|row| row.start_sample).find(|start| *start > samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use otoscope::{Config, StreamSpec};

    fn feeder() -> Feeder {
        let plan = Config::new(StreamSpec { sample_rate_hz: 8_000, channels: 2 }).freeze().expect("defaults");
        Feeder::new(Probe::new(&plan))
    }

    fn row(start_sample: u64, ms: i64) -> Row {
        Row { start_sample, arrival_ns: Some(ms * 1_000_000) }
    }

    #[test]
    fn a_replay_does_not_depend_on_the_source_s_own_chunks() {
        let rows = [row(0, 0), row(0, 200), row(1000, 300), row(1001, 310), row(9000, 1500), row(16_000, 3000)];
        let pcm: Vec<i16> = (0..32_000).map(|i| ((i * 37) % 4001) as i16 - 2000).collect();
        let reports: Vec<Report> = [32_000, 2, 998, 20_002]
            .into_iter()
            .map(|n| {
                let (mut feeder, mut replay) = (feeder(), Replay::new(&rows));
                pcm.chunks(n).for_each(|c| replay.feed(&mut feeder, Chunk::I16(c)).expect("whole frames"));
                assert_eq!(replay.beyond(feeder.samples()), None, "an empty last chunk is fine");
                feeder.finish(&mut |_| ()).0
            })
            .collect();
        let value = |key: &str| reports[0].value(key).and_then(|v| v.number());
        assert_eq!(value("continuity.first_audio_ms"), Some(200.0));
        assert_eq!(value("continuity.arrivals"), Some(4.0));
        assert!(reports.windows(2).all(|pair| pair[0] == pair[1]));
    }

    #[test]
    fn a_list_of_another_file_is_noticed() {
        let rows = [row(0, 0), row(50, 1), row(101, 2)];
        let (mut feeder, mut replay) = (feeder(), Replay::new(&rows));
        replay.feed(&mut feeder, Chunk::F32(&[0.0; 200])).expect("whole frames");
        assert_eq!(replay.beyond(feeder.samples()), Some(101));
    }
}
