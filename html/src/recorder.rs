//! Listens beside a probe and keeps what will be drawn, in memory that does not grow with the stream.

use otoscope::{Beside, Pcm, Probe, StreamSpec};
use serde_json::json;

use crate::envelope::Envelope;
use crate::pack::Pack;
use crate::series::Series;
use crate::spectrogram::{FLOOR_DB, STEP_DB, Spectrogram};

/// How fine the pictures are. What is longer than their columns has between so many and twice as many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Detail {
    /// Columns of a waveform.
    pub wave_columns: usize,
    /// Columns of a spectrogram.
    pub spectrum_columns: usize,
    /// Rows of a spectrogram.
    pub spectrum_rows: usize,
    /// Points of a value over time.
    pub points: usize,
}

impl Detail {
    /// For a report of `files` files: a page of a thousand must still open at once.
    #[must_use]
    pub const fn of(files: usize) -> Self {
        if files <= 50 {
            Self { wave_columns: 1600, spectrum_columns: 600, spectrum_rows: 128, points: 1000 }
        } else {
            Self { wave_columns: 800, spectrum_columns: 240, spectrum_rows: 80, points: 300 }
        }
    }
}

/// Keeps the waveform, the spectrogram and the values over time of one stream.
///
/// ```
/// use otoscope::{Config, Listener, Pcm, Push, StreamMeta, StreamSpec};
/// use otoscope_html::{About, Audio, Clips, Detail, Document, Entry, Recorder};
///
/// let pcm = vec![0_i16; 48_000];
/// let stream = StreamSpec::mono(24_000);
/// let plan = Config::new(stream).freeze()?;
/// let mut listener = Listener::with(&plan, Recorder::new(stream, Detail::of(1)));
/// listener.push(Pcm::I16(&pcm), Push::CHUNK, |_| ())?;
/// let (report, findings) = listener.finish(|_| ());
/// let trace = listener.into_beside().finish();
/// // Once it is known where something is wrong, the samples come a second time, for the audio around it.
/// let mut clips = Clips::of(stream, report.samples, &findings, Audio::Findings);
/// clips.push(Pcm::I16(&pcm));
/// let mut meta = StreamMeta::default();
/// meta.source = Some("silence.wav".to_owned());
/// let about = About { meta: &meta, format: "WAV, 16-bit PCM", warnings: &[] };
/// let mut document = Document::of_reports(Vec::new(), plan.config(), 1)?;
/// document.add(Entry::of_report(about, &report, &findings, &[], &trace, clips))?;
/// let (html, bytes) = document.finish()?;
/// assert_eq!(html.len() as u64, bytes);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Recorder {
    channels: usize,
    samples: u64,
    envelope: Envelope,
    spectrogram: Spectrogram,
    series: Series,
    clean: Vec<f32>,
    mix: Vec<f32>,
}

/// So many values are converted at a time.
const BLOCK: usize = 4096;

impl Recorder {
    /// A recorder at the start of a stream.
    #[must_use]
    pub fn new(stream: StreamSpec, detail: Detail) -> Self {
        let (rate_hz, channels) = (stream.sample_rate_hz.max(1), stream.channels.max(1) as usize);
        Self {
            channels,
            samples: 0,
            envelope: Envelope::new(detail.wave_columns, channels),
            spectrogram: Spectrogram::new(detail.spectrum_columns, detail.spectrum_rows.max(1), rate_hz),
            series: Series::new(detail.points, rate_hz),
            clean: Vec::new(),
            mix: Vec::new(),
        }
    }

    /// Takes interleaved samples, whole frames. What is no number is drawn as 0.
    pub fn push(&mut self, pcm: Pcm<'_>) {
        match pcm {
            Pcm::I16(x) => self.convert(x, |x| f32::from(x) / 32_768.0),
            Pcm::F32(x) => self.convert(x, |x| if x.is_finite() { x.clamp(-8.0, 8.0) } else { 0.0 }),
        }
    }

    fn convert<T: Copy>(&mut self, pcm: &[T], convert: impl Fn(T) -> f32) {
        let channels = self.channels;
        for block in pcm.chunks((BLOCK / channels).max(1) * channels) {
            self.clean.clear();
            self.clean.extend(block.iter().map(|&x| convert(x)));
            self.envelope.push(&self.clean);
            if channels == 1 {
                self.spectrogram.push(&self.clean);
            } else {
                self.mix.clear();
                self.mix.extend(self.clean.chunks(channels).map(|f| f.iter().sum::<f32>() / channels as f32));
                self.spectrogram.push(&self.mix);
            }
            self.samples += (block.len() / channels) as u64;
        }
    }

    /// Ends the stream.
    #[must_use]
    pub fn finish(mut self) -> Trace {
        self.envelope.finish();
        self.spectrogram.finish();
        Trace { envelope: self.envelope, spectrogram: self.spectrogram, series: self.series }
    }
}

/// Beside a probe it also keeps values over time, from snapshots.
impl Beside for Recorder {
    fn room(&self) -> u64 {
        self.series.next().saturating_sub(self.samples).max(1)
    }

    fn hear(&mut self, pcm: Pcm<'_>, probe: &Probe) {
        self.push(pcm);
        if self.samples >= self.series.next() {
            self.series.look(&probe.snapshot());
        }
    }
}

/// What one stream looked like.
pub struct Trace {
    envelope: Envelope,
    spectrogram: Spectrogram,
    series: Series,
}

impl Trace {
    /// The waveform in at most `n` digits of 64 levels, for one line of a table.
    pub(crate) fn strip(&self, n: usize) -> String {
        self.envelope.strip(n).into_iter().map(|x| char::from(b'0' + x.min(127) / 2)).collect()
    }

    /// Puts the pictures into a pack and says where they are.
    pub(crate) fn pack(&self, pack: &mut Pack) -> serde_json::Value {
        json!({
            "wave": { "step": self.envelope.step(), "at": pack.add(&self.envelope.bytes()) },
            "spectrum": {
                "step": self.spectrogram.step(),
                "rows": self.spectrogram.height(),
                "floor_db": FLOOR_DB,
                "step_db": STEP_DB,
                "at": pack.add(&self.spectrogram.bytes()),
            },
            "series": self.series.to_json(),
        })
    }
}
