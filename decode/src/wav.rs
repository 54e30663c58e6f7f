//! WAV, RF64 and BW64.
//!
//! Symphonia 0.6 has a WAV reader; this one replaces it because of what speech servers write. That reader refuses a RIFF
//! length of 0 and a data length above the RIFF length (headers written before the length is known), takes the format code 4
//! for mu-law in WAVE_FORMAT_EXTENSIBLE (it is 7), and drops up to 1,151 samples of a cut-off file and any trailing bytes
//! without a word.

use crate::error::{ErrorKind, Result};
use crate::input::Input;
use crate::limits::Limits;
use crate::pcm::{Encoding, PcmReader};
use crate::warning::{Log, Warning};

/// Most bytes looked at after the audio data.
const TAIL_BYTES: u64 = 1 << 20;

/// What the header says.
pub(crate) struct WavHeader {
    pub(crate) container: &'static str,
    pub(crate) encoding: Encoding,
    pub(crate) bits: u32,
    pub(crate) sample_rate_hz: u32,
    pub(crate) channels: u16,
    /// Length of the audio data, unless the header leaves it open.
    pub(crate) data_bytes: Option<u64>,
    /// The chunk after the data can be looked at: its start is known.
    padded: bool,
}

struct Format {
    encoding: Encoding,
    bits: u16,
    sample_rate_hz: u32,
    channels: u16,
}

fn le16(b: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([b[at], b[at + 1]])
}

fn le32(b: &[u8], at: usize) -> u32 {
    u32::from_le_bytes([b[at], b[at + 1], b[at + 2], b[at + 3]])
}

fn le64(b: &[u8], at: usize) -> u64 {
    u64::from(le32(b, at)) | u64::from(le32(b, at + 4)) << 32
}

/// Reads the header up to the first byte of audio.
pub(crate) fn read_header(input: &mut Input, limits: &Limits, log: &mut Log) -> Result<WavHeader> {
    let cut = || ErrorKind::corrupt("the WAV header ends before the audio data");
    let mut riff = [0; 12];
    if !input.take(&mut riff)? {
        return Err(cut());
    }
    let container = match &riff[..4] {
        b"RF64" => "RF64",
        b"BW64" => "BW64",
        _ => "WAV",
    };
    let riff_len = u64::from(le32(&riff, 4));
    let mut position = 12u64;
    let mut format = None;
    let mut long_data = None;
    loop {
        let mut head = [0; 8];
        if !input.take(&mut head)? {
            return Err(cut());
        }
        position += 8;
        let size = le32(&head, 4);
        match &head[..4] {
            b"data" => {
                let Some(Format { encoding, bits, sample_rate_hz, channels }) = format else {
                    return Err(ErrorKind::corrupt("the WAV file has audio data before its format chunk"));
                };
                let data_bytes = match long_data {
                    Some(long) if size == u32::MAX => known(long),
                    _ if size == 0 && riff_len > position && chunk_follows(input, riff_len)? => Some(0),
                    _ => known(u64::from(size)),
                };
                let padded = data_bytes.is_some_and(|n| n % 2 == 1);
                let bits = u32::from(bits);
                return Ok(WavHeader { container, encoding, bits, sample_rate_hz, channels, data_bytes, padded });
            }
            b"fmt " => {
                let mut body = [0; 40];
                let kept = (size as usize).min(body.len());
                if !input.take(&mut body[..kept])? {
                    return Err(cut());
                }
                let rest = u64::from(size) - kept as u64 + u64::from(size % 2);
                limits.check_header(position + rest)?;
                if input.skip(rest)? < rest {
                    return Err(cut());
                }
                format = Some(parse_format(&body[..kept], limits, log)?);
            }
            b"ds64" if size >= 16 => {
                let mut body = [0; 16];
                if !input.take(&mut body)? {
                    return Err(cut());
                }
                long_data = Some(le64(&body, 8));
                let rest = u64::from(size) - 16 + u64::from(size % 2);
                limits.check_header(position + rest)?;
                input.skip(rest)?;
            }
            _ => {
                let whole = u64::from(size) + u64::from(size % 2);
                limits.check_header(position + whole)?;
                if input.skip(whole)? < whole {
                    return Err(ErrorKind::corrupt("the WAV file holds no audio data chunk"));
                }
            }
        }
        position += u64::from(size) + u64::from(size % 2);
    }
}

/// A data length that means something. Programs that write to a pipe put a placeholder: 0 (Python's `wave`, many servers),
/// 0xFFFFFFFF (ffmpeg, OpenAI's and other servers), 0x7FFFFFFF or a little less (sox, and libraries with signed lengths).
/// Then everything up to the end is audio.
fn known(data_bytes: u64) -> Option<u64> {
    let placeholder = data_bytes == 0
        || (0x7fff_0000..=0x8000_0000).contains(&data_bytes)
        || (0xffff_ff00..=0xffff_ffff).contains(&data_bytes)
        || data_bytes > i64::MAX as u64;
    (!placeholder).then_some(data_bytes)
}

/// Chunks that may come after the audio data.
const LATER_CHUNKS: [&[u8; 4]; 21] = [
    b"LIST", b"fact", b"cue ", b"smpl", b"bext", b"id3 ", b"ID3 ", b"iXML", b"axml", b"chna", b"PEAK", b"JUNK",
    b"junk", b"PAD ", b"afsp", b"inst", b"plst", b"_PMX", b"acid", b"strc", b"DISP",
];

fn is_later_chunk(head: &[u8]) -> bool {
    head.len() >= 8 && LATER_CHUNKS.iter().any(|name| head.starts_with(&name[..]))
}

/// Whether an empty data chunk is followed by another chunk rather than by audio of unknown length.
fn chunk_follows(input: &mut Input, riff_len: u64) -> Result<bool> {
    let head = input.peek(8)?;
    Ok(is_later_chunk(head) && u64::from(le32(head, 4)) < riff_len)
}

fn parse_format(body: &[u8], limits: &Limits, log: &mut Log) -> Result<Format> {
    if body.len() < 16 {
        return Err(ErrorKind::corrupt("the format chunk of the WAV file is too short"));
    }
    let channels = le16(body, 2);
    let sample_rate_hz = le32(body, 4);
    let (block_align, bits) = (le16(body, 12), le16(body, 14));
    limits.check_spec(sample_rate_hz, u64::from(channels))?;
    let mut tag = le16(body, 0);
    if tag == 0xfffe {
        // WAVE_FORMAT_EXTENSIBLE: the first two bytes of the sub-format are the code that older headers use.
        if body.len() < 40 {
            return Err(ErrorKind::corrupt("the extended format chunk of the WAV file is too short"));
        }
        tag = le16(body, 24);
    }
    // The container of a sample is block_align / channels; `bits` may be fewer (20 in 3 bytes, 24 in 4). They are
    // left-justified there, so the container alone sets the scale.
    let frame = u32::from(block_align);
    let container = if frame % u32::from(channels) == 0 { frame / u32::from(channels) } else { 0 };
    let stated = u32::from(bits).div_ceil(8);
    let largest = if tag == 3 { 8 } else { 4 };
    let bytes = if container >= stated && (1..=largest).contains(&container) {
        container
    } else {
        log.push(Warning::Header {
            what: "the header's block size contradicts its sample size; the sample size was used",
        });
        stated
    };
    let encoding = match (tag, bytes) {
        (1, 1) => Encoding::U8,
        (1, 2) => Encoding::S16le,
        (1, 3) => Encoding::S24le,
        (1, 4) => Encoding::S32le,
        (3, 4) => Encoding::F32le,
        (3, 8) => Encoding::F64le,
        (6, 1) => Encoding::ALaw,
        (7, 1) => Encoding::MuLaw,
        _ => {
            let name = match tag {
                1 => format!("WAV with {bits}-bit integers"),
                3 => format!("WAV with {bits}-bit floats"),
                6 | 7 => format!("WAV with {bits}-bit G.711"),
                0x02 => "WAV with Microsoft ADPCM".into(),
                0x11 => "WAV with IMA ADPCM".into(),
                0x31 => "WAV with GSM 06.10".into(),
                0x55 => "WAV with MP3 inside".into(),
                other => format!("WAV with format code {other:#06x}"),
            };
            return Err(ErrorKind::unsupported(
                name,
                "convert it to 16-bit PCM, for example with `ffmpeg -i IN OUT.wav`",
            ));
        }
    };
    Ok(Format { encoding, bits, sample_rate_hz, channels })
}

/// After the last sample: compares with the header's claim and looks at what follows the data.
pub(crate) fn finish(pcm: &mut PcmReader<Input>, header: &WavHeader, log: &mut Log) -> Result<()> {
    let Some(claimed) = header.data_bytes else { return Ok(()) };
    let frame_bytes = (header.encoding.bytes() * usize::from(header.channels)) as u64;
    if pcm.missing_bytes() > 0 {
        log.push(Warning::ShorterThanClaimed { claimed_samples: claimed / frame_bytes, got_samples: log.at_sample });
        return Ok(());
    }
    let input = &mut pcm.reader;
    if header.padded && input.peek(1)?.first() == Some(&0) {
        input.skip(1)?;
    }
    // Further chunks (tags, cues) are fine; anything else is reported.
    loop {
        let head = input.peek(8)?;
        if head.is_empty() {
            return Ok(());
        }
        let another_wav = head.starts_with(b"RIFF");
        if !is_later_chunk(head) {
            let bytes = input.skip(TAIL_BYTES)?;
            log.push(Warning::TrailingBytes { bytes, another_wav });
            return Ok(());
        }
        let size = u64::from(le32(head, 4));
        let whole = 8 + size + size % 2;
        if input.skip(whole)? < whole - size % 2 {
            log.truncated();
            return Ok(());
        }
    }
}
