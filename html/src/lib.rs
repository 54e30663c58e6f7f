//! Otoscope's reports as one HTML file that needs nothing else: no network, no other file.
//!
//! The overview sorts and filters any number of files; behind each line are the waveform with its findings, the spectrogram, values over
//! time, the audio around findings, verdicts, and every value with its unit and definition. What is shown of a metric comes from its spec.
//!
//! ```
//! use otoscope::{Config, FindingLog, Probe, Push, StreamMeta, StreamSpec};
//! use otoscope_html::{About, Audio, Clips, Detail, Document, Entry, Recorder};
//!
//! let pcm = vec![0_i16; 48_000];
//! let stream = StreamSpec::mono(24_000);
//! let plan = Config::new(stream).freeze()?;
//! let (mut probe, mut log) = (Probe::new(&plan), FindingLog::new());
//! let mut recorder = Recorder::new(stream, Detail::of(1));
//! // The recorder sees the same samples as the probe, and the probe's values whenever it is due.
//! let mut rest = &pcm[..];
//! while !rest.is_empty() {
//!     let (now, later) = rest.split_at(rest.len().min(recorder.until_look() as usize));
//!     probe.push_i16(now, Push::MORE)?;
//!     recorder.push_i16(now);
//!     if recorder.look_is_due() {
//!         recorder.look(&probe.snapshot());
//!     }
//!     log.drain(&mut probe);
//!     rest = later;
//! }
//! let report = probe.finish();
//! log.drain(&mut probe);
//! let findings = log.into_sorted();
//! // Once it is known where something is wrong, the samples come a second time, for the audio around it.
//! let mut clips = Clips::of(stream, report.samples, &findings, Audio::Findings);
//! clips.push_i16(&pcm);
//! let mut meta = StreamMeta::default();
//! meta.source = Some("silence.wav".to_owned());
//! let about = About { meta: &meta, format: "WAV, 16-bit PCM", warnings: &[] };
//! let mut document = Document::of_reports(Vec::new(), plan.config(), 1)?;
//! document.add(Entry::of_report(about, &report, &findings, &[], &recorder.finish(), clips))?;
//! let (html, bytes) = document.finish()?;
//! assert_eq!(html.len() as u64, bytes);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # How large a file gets
//!
//! Some 80 kB for the page itself, then for each file at most 60 kB ([`Detail::of`] up to 50 files) or 15 kB (more) of pictures and values, and
//! audio: around findings at most 20 s a file, and 128 MB in all, of which no file may take more than four times its share of what is left.

#![forbid(unsafe_code)]

mod catalogue;
mod clips;
mod document;
mod entry;
mod envelope;
mod pack;
mod recorder;
mod series;
mod spectrogram;

pub use clips::{Audio, Clips};
pub use document::Document;
pub use entry::{About, Entry};
pub use recorder::{Detail, Recorder, Trace};
pub use series::FOLLOWED;
