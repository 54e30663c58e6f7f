//! A whole signal at once, for callers that hold all its samples.

use otoscope::verdict::Verdict;
use otoscope::{Finding, Listener, Pcm, Plan, Push, PushError, Report, TextHint};

use crate::clips::{Audio, Clips};
use crate::entry::{About, Entry};
use crate::recorder::{Detail, Recorder, Trace};

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
        let mut listener = Listener::with(plan, Recorder::new(stream, detail));
        listener.expect(text)?;
        listener.push(pcm, Push::CHUNK, |_| ())?;
        let (report, findings) = listener.finish(|_| ());
        let mut clips = Clips::of(stream, report.samples, &findings, audio);
        clips.push(pcm);
        let trace = listener.into_beside().finish();
        Ok(Self { report, findings, trace, clips })
    }

    /// The entry of a page. `verdicts` are of the norms that were asked for.
    #[must_use]
    pub fn into_entry(self, about: About<'_>, verdicts: &[Verdict]) -> Entry {
        Entry::of_report(about, &self.report, &self.findings, verdicts, &self.trace, self.clips)
    }
}
