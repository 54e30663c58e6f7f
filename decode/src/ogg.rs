//! Ogg pages to packets (RFC 3533), for Vorbis, Opus and FLAC.
//!
//! Symphonia has an Ogg reader; this one replaces it because that one skips lost and damaged pages without telling, and loads
//! tags with their pictures (up to 16 MB) into memory. Here the position on every page is compared with the samples decoded,
//! tags pass by unread, and the end of the stream is seen also in a pipe.

use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::AudioCodecParameters;
use symphonia::core::codecs::audio::well_known::{CODEC_ID_FLAC, CODEC_ID_OPUS, CODEC_ID_VORBIS};

use crate::demux::{Clock, Demux, Next, Packet, StreamInfo};
use crate::error::{ErrorKind, Result};
use crate::flac;
use crate::input::{Input, Window};
use crate::limits::Limits;
use crate::opus::OpusHead;
use crate::vorbis;
use crate::warning::{Log, Warning};

/// Longest page: 27 bytes of header, 255 of segment lengths, 255 x 255 of data.
const PAGE_BYTES: usize = 27 + 255 + 255 * 255;

/// CRC-32 with the polynomial 0x04c11db7, most significant bit first, no inversion.
static CRC: [u32; 256] = {
    let mut table = [0; 256];
    let mut i = 0;
    while i < 256 {
        let mut r = (i as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            r = if r & 0x8000_0000 != 0 { r << 1 ^ 0x04c1_1db7 } else { r << 1 };
            bit += 1;
        }
        table[i] = r;
        i += 1;
    }
    table
};

/// The checksum of a page, whose own checksum field counts as zero.
fn checksum(page: &[u8]) -> u32 {
    page.iter().enumerate().fold(0, |crc, (i, &byte)| {
        let byte = if (22..26).contains(&i) { 0 } else { byte };
        crc << 8 ^ CRC[usize::from((crc >> 24) as u8 ^ byte)]
    })
}

/// The page in hand.
#[derive(Default)]
struct Page {
    continued: bool,
    first: bool,
    last: bool,
    granule: Option<u64>,
    serial: u32,
    sequence: u32,
    segments: Vec<u8>,
    body: Vec<u8>,
    /// Segments and bytes already taken.
    segment: usize,
    byte: usize,
}

impl Page {
    /// Whether another packet ends in the rest of the page.
    fn has_end(&self) -> bool {
        self.segments[self.segment..].iter().any(|&s| s < 255)
    }

    /// The codec that the first packet of a stream names.
    fn codec(&self) -> Codec {
        match &self.body[..] {
            b if b.starts_with(b"OpusHead") => Codec::Opus,
            b if b.starts_with(b"\x01vorbis") => Codec::Vorbis,
            b if b.starts_with(b"\x7fFLAC") => Codec::Flac,
            b if b.starts_with(b"Speex   ") => Codec::Other("Speex in Ogg"),
            b if b.starts_with(b"PCM     ") => Codec::Other("PCM in Ogg"),
            _ => Codec::None,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Codec {
    Opus,
    Vorbis,
    Flac,
    /// Audio that is not decoded here.
    Other(&'static str),
    None,
}

enum Step {
    Packet,
    /// The page in hand begins another stream.
    Begin,
    End,
}

pub(crate) struct Ogg {
    window: Window,
    limits: Limits,
    page: Page,
    /// The stream that is decoded.
    serial: Option<u32>,
    codec: Codec,
    expected: Option<u32>,
    in_headers: bool,
    /// The packet being put together; empty packets are legal, so whether one is begun is kept apart.
    packet: Vec<u8>,
    begun: bool,
    /// Pass over the packet that is being read, for want of its start or of interest.
    ignore: bool,
    clock: Clock,
    lost: bool,
    ended: bool,
}

impl Ogg {
    pub(crate) fn open(input: Input, limits: &Limits, log: &mut Log) -> Result<(Self, StreamInfo)> {
        let mut ogg = Self {
            window: Window::new(input, 2 * PAGE_BYTES),
            limits: limits.clone(),
            page: Page::default(),
            serial: None,
            codec: Codec::None,
            expected: None,
            in_headers: false,
            packet: Vec::new(),
            begun: false,
            ignore: false,
            clock: Clock::None,
            lost: false,
            ended: false,
        };
        let mut other = None;
        // The first pages of all streams come before any other page.
        while ogg.next_page(log)? && ogg.page.first {
            match ogg.page.codec() {
                Codec::None => {}
                Codec::Other(name) => other = other.or(Some(name)),
                _ => {
                    let info = ogg.read_headers(log)?;
                    return Ok((ogg, info));
                }
            }
        }
        Err(match other {
            Some(name) => ErrorKind::unsupported(name, "convert it, for example with `ffmpeg -i IN OUT.wav`"),
            None => ErrorKind::corrupt("the Ogg file holds no start of a Vorbis, Opus or FLAC stream"),
        })
    }

    /// Takes the stream that the page in hand begins, up to its first packet of audio.
    fn read_headers(&mut self, log: &mut Log) -> Result<StreamInfo> {
        self.serial = Some(self.page.serial);
        self.codec = self.page.codec();
        self.expected = Some(self.page.sequence.wrapping_add(1));
        (self.in_headers, self.begun, self.ignore, self.lost, self.ended) = (true, false, false, false, false);
        self.packet.clear();
        let ident = self.header_packet(log)?;
        let mut params = AudioCodecParameters::new();
        match self.codec {
            Codec::Opus => {
                let head = OpusHead::parse(&ident).ok_or_else(|| ErrorKind::corrupt("the Opus header is broken"))?;
                self.limits.check_spec(48_000, head.channels.into())?;
                self.skip_header_packet(log)?;
                params.for_codec(CODEC_ID_OPUS).with_sample_rate(48_000);
                params.with_channels(Channels::Discrete(head.channels.into())).with_extra_data(ident.into());
            }
            Codec::Vorbis => {
                let &[_, _, _, _, _, _, _, _, _, _, _, channels, r0, r1, r2, r3, ..] = &ident[..] else {
                    return Err(ErrorKind::corrupt("the Vorbis header is too short"));
                };
                let rate = u32::from_le_bytes([r0, r1, r2, r3]);
                self.limits.check_spec(rate, channels.into())?;
                self.skip_header_packet(log)?;
                let setup = self.header_packet(log)?;
                vorbis::check_setup(&setup)?;
                let mut extra = ident;
                extra.extend_from_slice(&setup);
                params.for_codec(CODEC_ID_VORBIS).with_sample_rate(rate);
                params.with_channels(Channels::Discrete(channels.into())).with_extra_data(extra.into());
            }
            _ => {
                // 0x7f "FLAC", version, number of headers, "fLaC", then the stream information block (RFC 5334 mapping).
                let info = ident.get(17..51).and_then(|b| <&[u8; 34]>::try_from(b).ok());
                let info =
                    info.ok_or_else(|| ErrorKind::corrupt("the header of the FLAC stream in Ogg is too short"))?;
                flac::check(info, &self.limits)?;
                params.for_codec(CODEC_ID_FLAC).with_extra_data(info[..].into());
            }
        }
        Ok(StreamInfo { container: "Ogg", params, claimed_samples: None, trim: None })
    }

    fn header_packet(&mut self, log: &mut Log) -> Result<Vec<u8>> {
        match self.step(log)? {
            Step::Packet => Ok(std::mem::take(&mut self.packet)),
            _ => Err(ErrorKind::corrupt("the Ogg file ends in its headers")),
        }
    }

    fn skip_header_packet(&mut self, log: &mut Log) -> Result<()> {
        self.ignore = true;
        // An ignored packet is not returned: one more step would take the packet after it, so stop at its end by hand.
        let mut bytes = 0u64;
        loop {
            while self.page.segment < self.page.segments.len() {
                let segment = self.page.segments[self.page.segment];
                self.page.segment += 1;
                self.page.byte += usize::from(segment);
                bytes += u64::from(segment);
                if segment < 255 {
                    self.ignore = false;
                    return Ok(());
                }
            }
            self.limits.check_header(bytes)?;
            if !matches!(self.turn_page(log)?, Step::Packet) {
                return Err(ErrorKind::corrupt("the Ogg file ends in its headers"));
            }
        }
    }

    /// Puts the next packet of the stream together in `self.packet`.
    fn step(&mut self, log: &mut Log) -> Result<Step> {
        loop {
            while self.page.segment < self.page.segments.len() {
                if !self.begun {
                    self.packet.clear();
                    self.begun = true;
                }
                let segment = self.page.segments[self.page.segment];
                let from = self.page.byte;
                self.page.segment += 1;
                self.page.byte += usize::from(segment);
                if !self.ignore {
                    self.limits.check_packet((self.packet.len() + usize::from(segment)) as u64)?;
                    self.packet.extend_from_slice(&self.page.body[from..self.page.byte]);
                }
                if segment == 255 {
                    continue;
                }
                self.begun = false;
                if std::mem::take(&mut self.ignore) {
                    continue;
                }
                let granule = self.page.granule;
                self.clock = Clock::Page {
                    end: granule.filter(|_| !self.page.has_end()),
                    stream_end: granule.filter(|_| self.page.last),
                };
                return Ok(Step::Packet);
            }
            match self.turn_page(log)? {
                Step::Packet => {}
                other => return Ok(other),
            }
        }
    }

    /// Goes to the next page of the stream.
    fn turn_page(&mut self, log: &mut Log) -> Result<Step> {
        loop {
            if !self.next_page(log)? {
                if !self.ended {
                    log.truncated();
                }
                return Ok(Step::End);
            }
            if self.page.first {
                let codec = self.page.codec();
                if !self.in_headers && codec != Codec::None && Some(self.page.serial) != self.serial {
                    return Ok(Step::Begin);
                }
                if codec != Codec::None && self.in_headers {
                    log.push(Warning::IgnoredTracks { count: 1 });
                }
                continue;
            }
            if Some(self.page.serial) != self.serial {
                continue;
            }
            if self.expected.is_some_and(|n| n != self.page.sequence) {
                self.lost = true;
                self.begun = false;
                self.ignore = false;
            }
            self.expected = Some(self.page.sequence.wrapping_add(1));
            if self.begun != self.page.continued {
                // The rest of a packet without its start, or a start without its rest: both are lost.
                self.lost = true;
                self.begun = self.page.continued;
                self.ignore = self.page.continued;
            }
            self.ended |= self.page.last;
            return Ok(Step::Packet);
        }
    }

    /// Reads the next whole, undamaged page of any stream; `false` at the end.
    fn next_page(&mut self, log: &mut Log) -> Result<bool> {
        let mut junk = 0u64;
        loop {
            if junk > self.limits.max_packet_bytes.max(PAGE_BYTES as u64) {
                log.skipped(junk);
                return Err(ErrorKind::corrupt("no Ogg page for a long time"));
            }
            let bytes = self.window.fill(27)?;
            if bytes.len() < 27 {
                log.skipped(junk + bytes.len() as u64);
                return Ok(false);
            }
            if !bytes.starts_with(b"OggS\0") {
                let step = bytes[1..].iter().position(|&b| b == b'O').map_or(bytes.len(), |at| at + 1);
                self.window.consume(step);
                junk += step as u64;
                continue;
            }
            let head = 27 + usize::from(bytes[26]);
            let bytes = self.window.fill(head)?;
            let total = bytes.get(27..head).map(|s| head + s.iter().map(|&s| usize::from(s)).sum::<usize>());
            let page = match total {
                Some(total) => self.window.fill(total)?.get(..total),
                None => None,
            };
            let le32 = |p: &[u8], at: usize| u32::from_le_bytes([p[at], p[at + 1], p[at + 2], p[at + 3]]);
            let Some(page) = page.filter(|p| checksum(p) == le32(p, 22)) else {
                // Damaged, or cut off at the end: the next page may begin anywhere behind this mark.
                self.window.consume(4);
                junk += 4;
                continue;
            };
            log.skipped(junk);
            let granule = u64::from(le32(page, 6)) | u64::from(le32(page, 10)) << 32;
            self.page.continued = page[5] & 1 != 0;
            self.page.first = page[5] & 2 != 0;
            self.page.last = page[5] & 4 != 0;
            // -1: no packet ends in this page. Other negative positions are nonsense.
            self.page.granule = (granule <= i64::MAX as u64).then_some(granule);
            self.page.serial = le32(page, 14);
            self.page.sequence = le32(page, 18);
            self.page.segments.clear();
            self.page.segments.extend_from_slice(&page[27..head]);
            self.page.body.clear();
            self.page.body.extend_from_slice(&page[head..]);
            (self.page.segment, self.page.byte) = (0, 0);
            let total = page.len();
            self.window.consume(total);
            return Ok(true);
        }
    }
}

impl Demux for Ogg {
    fn next(&mut self, log: &mut Log) -> Result<Next> {
        match self.step(log)? {
            Step::End => Ok(Next::End),
            Step::Begin => {
                if !self.ended {
                    log.truncated();
                }
                match self.page.codec() {
                    Codec::Other(name) => Err(ErrorKind::unsupported(name, "convert it to WAV or FLAC")),
                    _ => Ok(Next::Stream(self.read_headers(log)?)),
                }
            }
            Step::Packet => {
                // Some writers end a stream with a packet of no bytes.
                if self.packet.is_empty() {
                    return Ok(Next::Other);
                }
                // FLAC in Ogg: tags are packets too; a frame begins with the sync code.
                if self.codec == Codec::Flac && self.packet.first() != Some(&0xff) {
                    return Ok(if self.in_headers { Next::Other } else { Next::Broken });
                }
                self.in_headers = false;
                let mut packet = Packet::plain(self.packet.as_slice().into());
                packet.clock = self.clock;
                packet.lost_before = std::mem::take(&mut self.lost);
                Ok(Next::Packet(packet))
            }
        }
    }
}
