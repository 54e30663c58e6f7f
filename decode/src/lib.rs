//! Audio files and raw PCM to chunks of samples, for Otoscope: streaming, never a whole file in memory, and safe to point at
//! files from strangers.
//!
//! ```
//! use otoscope::Pcm;
//! use otoscope_decode::Source;
//!
//! # let dir = std::env::temp_dir().join(format!("otoscope-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&dir)?;
//! # let path = dir.join("utterance.wav");
//! # let mut wav = b"RIFF\xff\xff\xff\xffWAVEfmt \x10\0\0\0\x01\0\x01\0\xc0\x5d\0\0\x80\xbb\0\0\x02\0\x10\0data\xff\xff\xff\xff".to_vec();
//! # wav.extend_from_slice(&[0, 64, 0, 192]);
//! # std::fs::write(&path, &wav)?;
//! let mut source = Source::open(&path)?;
//! assert_eq!(source.spec().sample_rate_hz, 24_000);
//! assert_eq!(source.spec().format, "WAV, 16-bit PCM");
//! let mut loudest = 0.0f32;
//! while let Some(chunk) = source.next_chunk()? {
//!     match chunk {
//!         Pcm::I16(s) => loudest = s.iter().fold(loudest, |m, &v| m.max(f32::from(v).abs() / 32_768.0)),
//!         Pcm::F32(s) => loudest = s.iter().fold(loudest, |m, v| m.max(v.abs())),
//!     }
//! }
//! assert_eq!(loudest, 0.5);
//! for warning in source.warnings() {
//!     eprintln!("{}: {warning}", path.display());
//! }
//! # std::fs::remove_dir_all(&dir)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What is read
//!
//! | format | samples |
//! |---|---|
//! | WAV, RF64, BW64: 8, 16, 24, 32-bit integers, 32 and 64-bit floats, mu-law, A-law, WAVE_FORMAT_EXTENSIBLE, lengths left open by streaming servers | exact; up to 16 bits as `i16` |
//! | FLAC (also in Ogg) | exact; up to 16 bits as `i16`; the MD5 checksum is compared |
//! | MP3 | `f32`; encoder delay and padding removed by the LAME tag |
//! | Vorbis in Ogg or WebM | `f32` |
//! | Opus in Ogg, WebM or MP4, mono and stereo (cargo feature `opus`, on by default) | `f32` at 48 kHz; pre-skip and header gain applied |
//! | AAC-LC, mono and stereo, in MP4 or ADTS | `f32`; the encoder's priming (1,024 or 2,112 samples of near silence) stays: an ADTS stream does not state it, and the edit list of an MP4 is not read |
//! | raw PCM ([`Source::raw`]) | exact |
//!
//! # What is promised about bad files
//!
//! - No panic, no endless loop, no allocation because of what a header claims: see [`Limits`].
//! - Everything decodable is delivered, in order, and everything lost is told: [`Source::warnings`]. Damaged packets are left
//!   out, not replaced by silence: an invented pause would become a finding.
//! - A panic inside a third-party decoder is caught and becomes [`ErrorKind::Corrupt`] (the process's panic hook still prints
//!   its message; with `panic = "abort"` nothing can be caught).
//! - An error in mid-stream comes after all samples before it, and the stream has then ended.

#![forbid(unsafe_code)]
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod adts;
mod block;
mod codec;
mod demux;
mod error;
mod flac;
mod input;
mod limits;
mod media;
mod mono;
mod mpeg;
mod ogg;
mod opus;
mod pcm;
mod resample;
mod sniff;
mod source;
mod vorbis;
mod warning;
mod wav;

pub use error::{DecodeError, ErrorKind};
pub use limits::Limits;
pub use mono::{Mono, MonoSamples};
pub use resample::{ResampleError, Resampler};
pub use source::{AudioSpec, RawFormat, Source};
pub use warning::Warning;
