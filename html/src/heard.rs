//! A whole signal at once, for callers that hold all its samples.

use otoscope::verdict::Verdict;
use otoscope::{Finding, FindingLog, Plan, Probe, Push, PushError, Report, TextHint};

use crate::clips::{Audio, Clips};
use crate::entry::{About, Entry};
use crate::recorder::{Detail, Recorder, Trace};

/// Interleaved samples, whole frames.
#[derive(Debug, Clone, Copy)]
pub enum Pcm<'a> {
    /// 16-bit PCM.
    I16(&'a [i16]),
    /// Single precision; full scale is 1.
    F32(&'a [f32]),
}

impl Pcm<'_> {
    fn len(self) -> usize {
        match self {
            Self::I16(x) => x.len(),
            Self::F32(x) => x.len(),
        }
    }

    fn part(self, from: usize, to: usize) -> Self {
        match self {
            Self::I16(x) => Self::I16(&x[from..to]),
            Self::F32(x) => Self::F32(&x[from..to]),
        }
    }
}

/// What a probe made of a signal, and what a page shows of it.
pub struct Heard {
    /// The report.
    pub report: Report,
    /// The findings, in order of their start.
    pub findings: Vec<Finding>,
    trace: Trace,
    clips: Clips,
}

impl Heard {
    /// Measures a signal as one chunk without times, as `otoscope probe` measures a file.
    ///
    /// # Errors
    /// `pcm` is no whole number of frames, or `text` is not what a probe takes.
    pub fn of(
        plan: &Plan,
        pcm: Pcm<'_>,
        text: Option<TextHint>,
        detail: Detail,
        audio: Audio,
    ) -> Result<Self, PushError> {
        let stream = plan.stream();
        let (mut probe, mut log) = (Probe::new(plan), FindingLog::new());
        text.map_or(Ok(()), |text| probe.expect_text(text))?;
        let mut recorder = Recorder::new(stream, detail);
        let channels = (stream.channels as usize).max(1);
        // Short pieces: the probe's ring of findings must not overflow between two polls.
        let piece = u64::from(stream.sample_rate_hz / 20).max(1);
        let (mut at, mut push) = (0, Push::CHUNK);
        while at < pcm.len() {
            let frames = piece.min(recorder.until_look()) as usize;
            let end = pcm.len().min(at + frames * channels);
            match pcm.part(at, end) {
                Pcm::I16(x) => {
                    probe.push_i16(x, push)?;
                    recorder.push_i16(x);
                }
                Pcm::F32(x) => {
                    probe.push_f32(x, push)?;
                    recorder.push_f32(x);
                }
            }
            if recorder.look_is_due() {
                recorder.look(&probe.snapshot());
            }
            log.drain(&mut probe);
            push = push.same_chunk();
            at = end;
        }
        let report = probe.finish();
        log.drain(&mut probe);
        let findings = log.into_sorted();
        let mut clips = Clips::of(stream, report.samples, &findings, audio);
        match pcm {
            Pcm::I16(x) => clips.push_i16(x),
            Pcm::F32(x) => clips.push_f32(x),
        }
        Ok(Self { report, findings, trace: recorder.finish(), clips })
    }

    /// The entry of a page. `verdicts` are of the norms that were asked for.
    #[must_use]
    pub fn into_entry(self, about: About<'_>, verdicts: &[Verdict]) -> Entry {
        Entry::of_report(about, &self.report, &self.findings, verdicts, &self.trace, self.clips)
    }
}
