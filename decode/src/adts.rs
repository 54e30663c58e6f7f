//! ADTS: AAC frames one after the other.
//!
//! Symphonia's reader for it does not compare one frame's header with the next, so that a change of the sample rate would
//! pass unseen, and it skips damage without saying how much.

use symphonia::core::audio::{Channels, Position};
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::CODEC_ID_AAC;

use crate::demux::{Demux, Next, Packet, StreamInfo};
use crate::error::{ErrorKind, Result};
use crate::input::{Input, Window};
use crate::limits::Limits;
use crate::warning::Log;

const RATES_HZ: [u32; 13] =
    [96_000, 88_200, 64_000, 48_000, 44_100, 32_000, 24_000, 22_050, 16_000, 12_000, 11_025, 8_000, 7_350];

/// Most bytes of one frame: 13 bits.
const FRAME_BYTES: usize = 8192;

/// One frame header, decoded (ISO/IEC 13818-7, 6.2).
#[derive(Debug, Clone, Copy)]
pub(crate) struct AdtsHeader {
    /// MPEG-4 audio object type: 2 = LC.
    object_type: u8,
    sample_rate_hz: u32,
    channel_config: u8,
    header_bytes: usize,
    frame_bytes: usize,
    /// Raw blocks in the frame.
    blocks: u8,
}

impl AdtsHeader {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let &[a, b, c, d, e, f, g, ..] = bytes else { return None };
        if a != 0xff || b & 0xf6 != 0xf0 {
            return None;
        }
        let header_bytes = if b & 1 == 1 { 7 } else { 9 };
        let frame_bytes = usize::from(d & 3) << 11 | usize::from(e) << 3 | usize::from(f >> 5);
        let sample_rate_hz = *RATES_HZ.get(usize::from((c >> 2) & 15))?;
        (frame_bytes > header_bytes).then_some(Self {
            object_type: (c >> 6) + 1,
            sample_rate_hz,
            channel_config: (c & 1) << 2 | d >> 6,
            header_bytes,
            frame_bytes,
            blocks: (g & 3) + 1,
        })
    }

    fn same_stream(&self, other: &Self) -> bool {
        (self.object_type, self.sample_rate_hz, self.channel_config)
            == (other.object_type, other.sample_rate_hz, other.channel_config)
    }

    /// Where `frames` consecutive frames begin; at the end of the data fewer will do.
    pub(crate) fn find_frames(bytes: &[u8], at_end: bool, frames: usize) -> Option<usize> {
        (0..bytes.len().saturating_sub(6)).find(|&start| {
            let Some(first) = Self::parse(&bytes[start..]) else { return false };
            let mut at = start + first.frame_bytes;
            for found in 1..frames {
                if at + 7 > bytes.len() {
                    return at_end && (found > 1 || start == 0);
                }
                match Self::parse(&bytes[at..]) {
                    Some(next) if next.same_stream(&first) => at += next.frame_bytes,
                    _ => return false,
                }
            }
            true
        })
    }

    fn channels(&self) -> u8 {
        if self.channel_config == 7 { 8 } else { self.channel_config }
    }
}

pub(crate) struct Adts {
    window: Window,
    first: AdtsHeader,
    max_junk: u64,
}

impl Adts {
    pub(crate) fn open(input: Input, limits: &Limits) -> Result<(Self, StreamInfo)> {
        let mut window = Window::new(input, 2 * FRAME_BYTES);
        let first =
            AdtsHeader::parse(window.fill(7)?).ok_or_else(|| ErrorKind::corrupt("the first AAC frame is broken"))?;
        let advice = "use AAC-LC in mono or stereo, or convert to WAV or FLAC";
        if first.object_type != 2 {
            return Err(ErrorKind::unsupported(format!("AAC object type {}", first.object_type), advice));
        }
        let channels = match first.channel_config {
            1 => Channels::Positioned(Position::FRONT_CENTER),
            2 => Channels::Positioned(Position::FRONT_LEFT | Position::FRONT_RIGHT),
            other => return Err(ErrorKind::unsupported(format!("AAC channel configuration {other}"), advice)),
        };
        let mut params = AudioCodecParameters::new();
        params.for_codec(CODEC_ID_AAC).with_sample_rate(first.sample_rate_hz).with_channels(channels);
        let info = StreamInfo { container: "ADTS", params, claimed_samples: None, trim: None };
        Ok((Self { window, first, max_junk: limits.max_packet_bytes }, info))
    }
}

impl Demux for Adts {
    fn next(&mut self, log: &mut Log) -> Result<Next> {
        let mut junk = 0u64;
        let header = loop {
            let bytes = self.window.fill(7)?;
            if bytes.len() < 7 {
                // A tag of 128 bytes may end the file; it is skipped like any other bytes, but is no loss.
                let rest = bytes.len() as u64;
                log.skipped(junk + rest);
                return Ok(Next::End);
            }
            if bytes.starts_with(b"TAG") && self.window.fill(129)?.len() == 128 {
                log.skipped(junk);
                return Ok(Next::End);
            }
            match AdtsHeader::parse(self.window.fill(7)?) {
                Some(header) if header.same_stream(&self.first) => break header,
                Some(header) if self.really_changes(&header)? => {
                    log.skipped(junk);
                    let (what, from, to) = if header.sample_rate_hz == self.first.sample_rate_hz {
                        ("number of channels", self.first.channels().into(), header.channels().into())
                    } else {
                        ("sample rate", self.first.sample_rate_hz, header.sample_rate_hz)
                    };
                    return Err(ErrorKind::Changed { what, from, to, at_sample: log.at_sample });
                }
                _ => {}
            }
            self.window.consume(1);
            junk += 1;
            if junk > self.max_junk {
                log.skipped(junk);
                return Err(ErrorKind::corrupt("no AAC frame for a long time"));
            }
        };
        log.skipped(junk);
        let frame = self.window.fill(header.frame_bytes)?;
        if frame.len() < header.frame_bytes {
            log.truncated();
            return Ok(Next::End);
        }
        let data: Box<[u8]> = frame[header.header_bytes..header.frame_bytes].into();
        self.window.consume(header.frame_bytes);
        if header.blocks > 1 {
            // Several blocks in one frame: no encoder in use writes them and the decoder does not take them.
            log.corrupt_packet();
        }
        Ok(Next::Packet(Packet::plain(data)))
    }
}

impl Adts {
    /// A header of another kind counts as a change only if another one like it follows: damage can look like a header.
    fn really_changes(&mut self, header: &AdtsHeader) -> Result<bool> {
        let bytes = self.window.fill(header.frame_bytes + 7)?;
        let next = bytes.get(header.frame_bytes..).and_then(AdtsHeader::parse);
        Ok(next.is_some_and(|next| next.same_stream(header) && (1..=2).contains(&header.channel_config)))
    }
}
