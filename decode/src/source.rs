//! One opened stream of samples.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use otoscope::Pcm;

use crate::adts::Adts;
use crate::block::Block;
use crate::demux::{Demux, StreamInfo, Watched};
use crate::error::{DecodeError, ErrorKind, Result};
use crate::flac;
use crate::input::Input;
use crate::limits::Limits;
use crate::media::Media;
use crate::ogg::Ogg;
use crate::pcm::{Encoding, PcmReader};
use crate::sniff::{Container, sniff};
use crate::warning::{Log, Warning};
use crate::wav::{self, WavHeader};

/// What a source holds.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AudioSpec {
    /// Sample rate in hertz. Opus always decodes at 48,000 Hz, whatever it was made from.
    pub sample_rate_hz: u32,
    /// Channels, in WAV order (5 channels: L R C Ls Rs).
    pub channels: u16,
    /// Samples per channel that the header claims. Untrusted: for a progress bar, never for an allocation.
    pub samples_per_channel: Option<u64>,
    /// For people: `WAV, 16-bit PCM`, `FLAC, 24-bit`, `Opus in Ogg`.
    pub format: String,
    /// `WAV`, `RF64`, `BW64`, `FLAC`, `MP3`, `Ogg`, `ADTS`, `MP4`, `WebM/Matroska` or `raw`.
    pub container: &'static str,
    /// `PCM`, `float`, `mu-law`, `A-law`, `FLAC`, `MP3`, `Vorbis`, `AAC` or `Opus`.
    pub codec: &'static str,
    /// Bits per sample as the file states them; `None` for codecs that have none (MP3, AAC, Vorbis, Opus).
    pub bits_per_sample: Option<u32>,
}

/// How raw PCM without a header is written, for [`Source::raw`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RawFormat {
    /// 16-bit integers, least significant byte first.
    S16le,
    /// 16-bit integers, most significant byte first (RTP's L16).
    S16be,
    /// 32-bit floats, least significant byte first, full scale ±1.0.
    F32le,
    /// ITU-T G.711 mu-law.
    MuLaw,
    /// ITU-T G.711 A-law.
    ALaw,
}

impl RawFormat {
    fn encoding(self) -> Encoding {
        match self {
            Self::S16le => Encoding::S16le,
            Self::S16be => Encoding::S16be,
            Self::F32le => Encoding::F32le,
            Self::MuLaw => Encoding::MuLaw,
            Self::ALaw => Encoding::ALaw,
        }
    }
}

enum Kind {
    Wav(Box<PcmReader<Input>>, WavHeader),
    Raw(Box<PcmReader<Input>>),
    Media(Box<Media>),
}

/// An opened stream: a file, a pipe, or raw PCM. It is read in chunks, once, from front to end, and holds a few hundred
/// kilobytes whatever the length.
pub struct Source {
    spec: AudioSpec,
    kind: Kind,
    limits: Limits,
    path: Option<PathBuf>,
    block: Block,
    log: Log,
    /// Nothing more comes: the end was reached, or an error was returned.
    done: bool,
}

impl Source {
    /// Opens a file (or a named pipe) with the default [`Limits`]. The format is found by the content; the name does not matter.
    ///
    /// # Errors
    /// If it cannot be read, is a directory, is of no known or supported format, is damaged before its first sample, or asks
    /// for more than the limits.
    pub fn open(path: impl AsRef<Path>) -> std::result::Result<Self, DecodeError> {
        Self::open_with(path, &Limits::default())
    }

    /// Opens a file with other [`Limits`].
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(path: impl AsRef<Path>, limits: &Limits) -> std::result::Result<Self, DecodeError> {
        let path = path.as_ref();
        let opened = File::open(path).and_then(Input::from_file).map_err(ErrorKind::Io);
        let mut source = opened.and_then(|input| Self::from_input(input, limits)).map_err(|e| e.at(Some(path)))?;
        source.path = Some(path.to_path_buf());
        Ok(source)
    }

    /// Reads a file's bytes from anything that can be read, for example standard input. It need not be seekable; only an MP4
    /// with its index at the end needs a file.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn from_reader(reader: Box<dyn Read + Send>, limits: &Limits) -> std::result::Result<Self, DecodeError> {
        Self::from_input(Input::from_reader(reader), limits).map_err(|e| e.at(None))
    }

    /// Raw PCM without a header. Each read of `reader` makes one chunk, so a live pipe is passed on without waiting. Bytes
    /// at the end that do not make a whole sample for every channel become a [`Warning::PartialFrame`].
    ///
    /// # Errors
    /// If rate or channels are outside the limits.
    pub fn raw(
        reader: Box<dyn Read + Send>,
        format: RawFormat,
        sample_rate_hz: u32,
        channels: u16,
        limits: &Limits,
    ) -> std::result::Result<Self, DecodeError> {
        limits.check_spec(sample_rate_hz, channels.into()).map_err(|e| e.at(None))?;
        let encoding = format.encoding();
        let spec = AudioSpec {
            sample_rate_hz,
            channels,
            samples_per_channel: None,
            format: format!("raw, {}", encoding.name()),
            container: "raw",
            codec: codec_name(encoding),
            bits_per_sample: Some(encoding.bytes() as u32 * 8),
        };
        let pcm = PcmReader::new(Input::from_reader(reader), encoding, channels, None);
        Ok(Self::new(spec, Kind::Raw(Box::new(pcm)), limits, Log::default()))
    }

    fn new(spec: AudioSpec, kind: Kind, limits: &Limits, log: Log) -> Self {
        Self { spec, kind, limits: limits.clone(), path: None, block: Block::default(), log, done: false }
    }

    fn from_input(mut input: Input, limits: &Limits) -> Result<Self> {
        let mut log = Log::default();
        input.skip_id3(limits)?;
        let container = sniff(&mut input, &mut log)?;
        if container == Container::Wav {
            let header = wav::read_header(&mut input, limits, &mut log)?;
            let encoding = header.encoding;
            let frame_bytes = encoding.bytes() as u64 * u64::from(header.channels);
            let spec = AudioSpec {
                sample_rate_hz: header.sample_rate_hz,
                channels: header.channels,
                samples_per_channel: header.data_bytes.map(|n| n / frame_bytes),
                format: format!("{}, {}", header.container, encoding.name()),
                container: header.container,
                codec: codec_name(encoding),
                bits_per_sample: Some(header.bits),
            };
            let pcm = PcmReader::new(input, encoding, header.channels, header.data_bytes);
            return Ok(Self::new(spec, Kind::Wav(Box::new(pcm), header), limits, log));
        }
        let (demux, info) = Media::open(|| open_demux(input, container, limits, &mut log))?;
        let media = Media::new(demux, &info, limits)?;
        let codec = media.codec.name;
        let format = match media.codec.bits {
            _ if info.container != codec => format!("{codec} in {}", info.container),
            Some(bits) => format!("{codec}, {bits}-bit"),
            None => codec.to_string(),
        };
        let spec = AudioSpec {
            sample_rate_hz: media.codec.sample_rate_hz,
            channels: media.codec.channels,
            samples_per_channel: media.claimed,
            format,
            container: info.container,
            codec,
            bits_per_sample: media.codec.bits,
        };
        Ok(Self::new(spec, Kind::Media(Box::new(media)), limits, log))
    }

    /// What the stream holds.
    #[must_use]
    pub fn spec(&self) -> &AudioSpec {
        &self.spec
    }

    /// The next samples, at least one per channel, or `None` at the end. The slice is valid until the next call.
    ///
    /// # Errors
    /// If reading fails, nothing more can be decoded, the format changes in mid-stream or a limit is reached. What came
    /// before was delivered; after an error the stream has ended (`None`).
    pub fn next_chunk(&mut self) -> std::result::Result<Option<Pcm<'_>>, DecodeError> {
        if self.done {
            return Ok(None);
        }
        let more = match &mut self.kind {
            Kind::Media(media) => media.next(&mut self.block, &mut self.log),
            Kind::Raw(pcm) => pcm.next(&mut self.block, &mut self.log).map_err(ErrorKind::Io),
            Kind::Wav(pcm, header) => match pcm.next(&mut self.block, &mut self.log) {
                Ok(true) => Ok(true),
                Ok(false) => wav::finish(pcm, header, &mut self.log).map(|()| false),
                Err(error) => Err(error.into()),
            },
        };
        match more.and_then(|more| self.count(more)) {
            Ok(true) => Ok(Some(self.block.chunk())),
            Ok(false) => {
                self.done = true;
                Ok(None)
            }
            Err(kind) => {
                self.done = true;
                Err(kind.at(self.path.as_deref()))
            }
        }
    }

    /// Counts what is delivered, up to the limit.
    fn count(&mut self, more: bool) -> Result<bool> {
        if !more {
            return Ok(false);
        }
        let channels = usize::from(self.spec.channels);
        let samples = (self.block.len() / channels) as u64;
        if let Some(limit) = self.limits.max_samples_per_channel {
            let room = limit - self.log.at_sample.min(limit);
            if room == 0 {
                return Err(ErrorKind::Limit { what: "samples per channel", value: limit.saturating_add(1), limit });
            }
            if samples > room {
                self.block.cut(0, room as usize * channels);
                self.log.at_sample = limit;
                return Ok(true);
            }
        }
        self.log.at_sample += samples;
        Ok(true)
    }

    /// Samples per channel delivered so far.
    #[must_use]
    pub fn position(&self) -> u64 {
        self.log.at_sample
    }

    /// What was lost, skipped or contradictory so far: complete once [`next_chunk`](Self::next_chunk) has returned `None` or
    /// an error. Empty for a sound file.
    #[must_use]
    pub fn warnings(&self) -> &[Warning] {
        self.log.entries()
    }

    /// The file, if the source was opened by path.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

impl std::fmt::Debug for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Source")
            .field("spec", &self.spec)
            .field("path", &self.path)
            .field("position", &self.log.at_sample)
            .field("warnings", &self.log.entries())
            .finish_non_exhaustive()
    }
}

fn open_demux(
    mut input: Input,
    container: Container,
    limits: &Limits,
    log: &mut Log,
) -> Result<(Box<dyn Demux>, StreamInfo)> {
    match container {
        Container::Ogg => Ogg::open(input, limits, log).map(|(d, i)| (Box::new(d) as _, i)),
        Container::Adts => Adts::open(input, limits).map(|(d, i)| (Box::new(d) as _, i)),
        _ => {
            if container == Container::Flac {
                flac::strip_metadata(&mut input, limits)?;
            }
            Watched::open(input, container, limits, log).map(|(d, i)| (Box::new(d) as _, i))
        }
    }
}

fn codec_name(encoding: Encoding) -> &'static str {
    match encoding {
        Encoding::F32le | Encoding::F64le => "float",
        Encoding::MuLaw => "mu-law",
        Encoding::ALaw => "A-law",
        _ => "PCM",
    }
}
