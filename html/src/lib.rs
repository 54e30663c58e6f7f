//! Otoscope's reports as one HTML file that needs nothing else: no network, no other file.
//!
//! The overview sorts and filters any number of files; behind each line are the waveform with its findings, the spectrogram, values over
//! time, the audio around findings, verdicts, and every value with its unit and definition. What is shown of a metric comes from its spec.
//!
//! ```
//! use otoscope::{Config, Pcm, StreamMeta, StreamSpec};
//! use otoscope_html::{About, Audio, Detail, Document, Heard};
//!
//! let plan = Config::new(StreamSpec::mono(24_000)).freeze()?;
//! let takes = [("one.wav", vec![0_i16; 48_000]), ("two.wav", vec![9_i16; 24_000])];
//! let mut document = Document::of_reports(Vec::new(), plan.config(), takes.len())?;
//! for (name, pcm) in &takes {
//!     let heard = Heard::of(&plan, Pcm::I16(pcm), None, Detail::of(takes.len()), Audio::Findings)?;
//!     let mut meta = StreamMeta::default();
//!     meta.source = Some((*name).to_owned());
//!     document.add(heard.into_entry(About { meta: &meta, format: "16-bit PCM", warnings: &[] }, &[]))?;
//! }
//! let (html, bytes) = document.finish()?;
//! assert_eq!(html.len() as u64, bytes);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! [`Heard`] wants a whole signal; a stream goes through a [`Recorder`] beside its probe. A comparison and its samples become an entry by
//! [`Entry::of_comparison`], what could not be read by [`Entry::of_problem`].
//!
//! # How large a file gets
//!
//! Some 100 kB for the page itself, then for each file some 60 kB ([`Detail::of`] up to 50 files) or 30 kB (more) of pictures and values, and
//! audio: around findings at most 20 s a file, and 128 MB in all, of which no file may take more than four times its share of what is left.
//! Of more than 2,000 findings in one file the worst 2,000 are listed; the counts are of all.

#![forbid(unsafe_code)]

mod catalogue;
mod clips;
mod document;
mod entry;
mod envelope;
mod file;
mod heard;
mod pack;
mod recorder;
mod series;
mod spectrogram;

pub use clips::{Audio, Clips};
pub use document::Document;
pub use entry::{About, Entry};
pub use file::create;
pub use heard::Heard;
pub use recorder::{Detail, Recorder, Trace};
pub use series::FOLLOWED;
