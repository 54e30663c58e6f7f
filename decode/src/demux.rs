//! Packets out of containers: what every container reader here provides, and Symphonia's readers behind it.

use std::io;
use std::sync::Arc;

use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatOptions, FormatReader, TrackType};
use symphonia::core::io::{MediaSourceStream, MediaSourceStreamOptions};
use symphonia::core::packet::Packet as CodecPacket;
use symphonia::core::units::{Duration, Timestamp};
use symphonia::default::formats::{FlacReader, IsoMp4Reader, MkvReader, MpaReader};

use crate::error::{ErrorKind, Result};
use crate::input::{Input, Meter};
use crate::limits::Limits;
use crate::mpeg::MpegHeader;
use crate::opus::OpusHead;
use crate::sniff::Container;
use crate::warning::{Log, Warning};

/// Something that yields packets of one audio track.
pub(crate) trait Demux: Send {
    fn next(&mut self, log: &mut Log) -> Result<Next>;
}

/// The outcome of one step.
pub(crate) enum Next {
    Packet(Packet),
    /// Another stream begins in the same file (chained Ogg).
    Stream(StreamInfo),
    /// A packet of another track.
    Other,
    /// A packet that cannot be read; the next may be fine.
    Broken,
    End,
}

/// What a container says about its audio track.
pub(crate) struct StreamInfo {
    pub(crate) container: &'static str,
    pub(crate) params: AudioCodecParameters,
    pub(crate) claimed_samples: Option<u64>,
    pub(crate) trim: Option<Trim>,
}

/// Samples that the encoder added (MP3 with a LAME tag, MP4).
#[derive(Debug, Clone, Copy)]
pub(crate) struct Trim {
    pub(crate) start: u64,
    /// Length without what was added.
    pub(crate) valid: u64,
    /// Added at the end.
    pub(crate) end: u64,
}

/// One packet, with what is known of its place in time.
pub(crate) struct Packet {
    pub(crate) inner: CodecPacket,
    pub(crate) clock: Clock,
    /// Data before this packet was lost.
    pub(crate) lost_before: bool,
}

/// What a container says about time.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Clock {
    /// Nothing that is exact to the sample.
    None,
    /// Position of the packet's first sample.
    First(u64),
    /// Ogg: the position after the last packet of its page, and whether the page is the last.
    Page {
        /// Set on the last packet that ends in the page.
        end: Option<u64>,
        /// Set on every packet that ends in the last page.
        stream_end: Option<u64>,
    },
}

impl Packet {
    pub(crate) fn plain(data: Box<[u8]>) -> Self {
        let inner = CodecPacket::new(0, Timestamp::ZERO, Duration::ZERO, data);
        Self { inner, clock: Clock::None, lost_before: false }
    }
}

/// What one step of a Symphonia reader may read beyond the packet itself: its read-ahead.
const READ_AHEAD: u64 = 256 * 1024;

/// A Symphonia reader, watched.
pub(crate) struct Watched {
    format: Box<dyn FormatReader>,
    kind: Container,
    track: u32,
    meter: Arc<Meter>,
    packet_budget: u64,
    file_len: Option<u64>,
    /// Bytes of all packets, to see what was skipped and whether an index points at the same bytes over and over.
    packet_bytes: u64,
    packets: u64,
    /// MP3: bytes read when the reader was made, and the first frame's format.
    start: u64,
    info_frame: u64,
    mpeg: Option<MpegHeader>,
    odd_frames: u32,
}

impl Watched {
    pub(crate) fn open(
        mut input: Input,
        kind: Container,
        limits: &Limits,
        log: &mut Log,
    ) -> Result<(Self, StreamInfo)> {
        let meter = input.meter();
        let start = meter.total();
        let mut info_frame = 0;
        let mut mpeg = None;
        if kind == Container::Mp3 {
            // Symphonia estimates the length of an MP3 in a seekable source; a guess is no claim.
            input.make_sequential();
            let head = input.peek(1500)?;
            mpeg = MpegHeader::parse(head);
            if let Some(header) = mpeg.filter(|h| h.is_info_frame(head)) {
                info_frame = header.frame_bytes as u64;
            }
        }
        let file_len = input.file_len();
        meter.allow(limits.max_header_bytes);
        let stream = MediaSourceStream::new(Box::new(input), MediaSourceStreamOptions::default());
        let options = FormatOptions::default();
        let opened: symphonia::core::errors::Result<Box<dyn FormatReader>> = match kind {
            Container::Flac => FlacReader::try_new(stream, options).map(|r| Box::new(r) as _),
            Container::Mp4 => IsoMp4Reader::try_new(stream, options).map(|r| Box::new(r) as _),
            Container::Mkv => MkvReader::try_new(stream, options).map(|r| Box::new(r) as _),
            _ => MpaReader::try_new(stream, options).map(|r| Box::new(r) as _),
        };
        let format = opened.map_err(|error| open_error(error, kind, file_len.is_some(), &meter, limits))?;
        let container = match kind {
            Container::Flac => "FLAC",
            Container::Mp4 => "MP4",
            Container::Mkv => "WebM/Matroska",
            _ => "MP3",
        };
        let audio = format.tracks().iter().filter(|t| t.track_type() == Some(TrackType::Audio)).count() as u64;
        if audio > 1 {
            log.push(Warning::IgnoredTracks { count: audio - 1 });
        }
        let track = format
            .default_track(TrackType::Audio)
            .ok_or_else(|| ErrorKind::corrupt(format!("the {container} file holds no audio track")))?;
        let params = track.codec_params.as_ref().and_then(|p| p.audio()).cloned().unwrap_or_default();
        let trim = match (kind, track.num_frames) {
            (Container::Mp3, Some(valid)) => {
                Some(Trim { start: track.delay.unwrap_or(0).into(), valid, end: track.padding.unwrap_or(0).into() })
            }
            // The durations of the packets say how much of the last one is padding; they include Opus's pre-skip.
            (Container::Mp4, Some(total)) if total > 0 => {
                let skip = params.extra_data.as_deref().and_then(OpusHead::parse).map_or(0, |h| u64::from(h.pre_skip));
                Some(Trim { start: 0, valid: total.saturating_sub(skip), end: 0 })
            }
            _ => None,
        };
        let claimed_samples = trim.map(|t| t.valid).or(track.num_frames);
        let info = StreamInfo { container, params, claimed_samples, trim };
        let watched = Self {
            track: track.id,
            format,
            kind,
            meter,
            packet_budget: limits.max_packet_bytes.saturating_add(READ_AHEAD),
            file_len,
            packet_bytes: 0,
            packets: 0,
            start,
            info_frame,
            mpeg,
            odd_frames: 0,
        };
        Ok((watched, info))
    }

    /// Bytes of an MP3 that are in no packet: damage, or a last frame that is cut off. Tags at the end do not count.
    fn account(&self, log: &mut Log) {
        if self.kind == Container::Mp3 {
            let read = self.meter.total() - self.start;
            let known = self.info_frame + self.packet_bytes + self.meter.trailing_tags();
            log.skipped(read.saturating_sub(known));
        }
    }

    /// MP3: whether a frame has the format of the first. A single odd one is damage, two in a row are a change.
    fn fits(&mut self, data: &[u8], log: &Log) -> Result<bool> {
        let (Some(first), Some(header)) = (self.mpeg, MpegHeader::parse(data)) else { return Ok(true) };
        if header.same_stream(&first) {
            self.odd_frames = 0;
            return Ok(true);
        }
        self.odd_frames += 1;
        if self.odd_frames < 2 {
            return Ok(false);
        }
        let (what, from, to) = if header.sample_rate_hz == first.sample_rate_hz {
            ("number of channels", first.channels.into(), header.channels.into())
        } else {
            ("sample rate", first.sample_rate_hz, header.sample_rate_hz)
        };
        Err(ErrorKind::Changed { what, from, to, at_sample: log.at_sample })
    }
}

impl Demux for Watched {
    fn next(&mut self, log: &mut Log) -> Result<Next> {
        self.meter.allow(self.packet_budget);
        let packet = match self.format.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => {
                self.account(log);
                return Ok(Next::End);
            }
            Err(Error::IoError(error)) if self.meter.exceeded() => {
                drop(error);
                let limit = self.packet_budget - READ_AHEAD;
                return Err(ErrorKind::Limit {
                    what: "bytes without a whole packet",
                    value: limit.saturating_add(1),
                    limit,
                });
            }
            Err(Error::IoError(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {
                // Symphonia's Matroska reader ends every pipe this way, so there it means nothing.
                if self.kind != Container::Mkv || self.file_len.is_some() {
                    log.truncated();
                }
                self.account(log);
                return Ok(Next::End);
            }
            Err(Error::IoError(error)) => return Err(error.into()),
            Err(Error::DecodeError(_)) => return Ok(Next::Broken),
            Err(Error::ResetRequired) => {
                return Err(ErrorKind::unsupported("a change of tracks in mid-stream", "split the file there"));
            }
            Err(other) => return Err(ErrorKind::corrupt(other.to_string())),
        };
        self.packets += 1;
        self.packet_bytes += packet.data.len() as u64;
        // Every packet has its own bytes in an honest file. An index of four billion entries that all point at the same byte
        // would otherwise keep a reader busy for days.
        if self.file_len.is_some_and(|len| self.packet_bytes.max(self.packets) > len) {
            return Err(ErrorKind::corrupt("its index points at the same bytes again and again"));
        }
        if packet.track_id != self.track {
            return Ok(Next::Other);
        }
        if self.kind == Container::Mp3 && !self.fits(&packet.data, log)? {
            return Ok(Next::Broken);
        }
        let clock = match (self.kind, u64::try_from(packet.pts.get())) {
            (Container::Flac, Ok(first)) => Clock::First(first),
            _ => Clock::None,
        };
        Ok(Next::Packet(Packet { inner: packet, clock, lost_before: false }))
    }
}

fn open_error(error: Error, kind: Container, seekable: bool, meter: &Meter, limits: &Limits) -> ErrorKind {
    match error {
        Error::IoError(_) if meter.exceeded() => ErrorKind::Limit {
            what: "bytes of header, tags and cover art",
            value: limits.max_header_bytes.saturating_add(1),
            limit: limits.max_header_bytes,
        },
        Error::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            ErrorKind::corrupt("it ends before the first sample")
        }
        Error::IoError(error) => error.into(),
        Error::Unsupported(what) if kind == Container::Mp4 && !seekable && what.contains("moov") => {
            ErrorKind::unsupported(
                "an MP4 with its index at the end, from a pipe,",
                "give it as a file, or write it with the index in front (ffmpeg: `-movflags +faststart`)",
            )
        }
        Error::Unsupported(what) if what.contains("missing") => ErrorKind::corrupt(what),
        Error::Unsupported(what) => ErrorKind::unsupported(what, "convert it to WAV or FLAC"),
        other => ErrorKind::corrupt(other.to_string()),
    }
}
