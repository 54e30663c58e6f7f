//! What format a source is of: by its first bytes, never by its name.
//!
//! Symphonia's probe searches a megabyte for anything that looks like a start, so that a text file or noise is now and then
//! taken for MP3. Here the start decides, and for MP3 and ADTS several frames in a row.

use crate::adts::AdtsHeader;
use crate::error::{ErrorKind, Result};
use crate::input::Input;
use crate::mpeg;
use crate::warning::Log;

/// The formats read here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Container {
    Wav,
    Flac,
    Ogg,
    Mp3,
    Adts,
    Mp4,
    Mkv,
}

/// How far into a source an MP3 or ADTS stream may begin: a recording of a radio stream starts in the middle of a frame.
const SEARCH_BYTES: usize = 16 * 1024;

/// Recognises the format. Damage before the first frame is skipped and told.
pub(crate) fn sniff(input: &mut Input, log: &mut Log) -> Result<Container> {
    let head = input.peek(16)?.to_vec();
    let tag = |at: usize| head.get(at..at + 4).unwrap_or_default();
    if head.is_empty() {
        return Err(ErrorKind::corrupt("it is empty (0 bytes)"));
    }
    match (tag(0), tag(4), tag(8)) {
        (b"RIFF" | b"RF64" | b"BW64", _, b"WAVE") => return Ok(Container::Wav),
        (b"fLaC", ..) => return Ok(Container::Flac),
        (b"OggS", ..) => return Ok(Container::Ogg),
        ([0x1a, 0x45, 0xdf, 0xa3], ..) => return Ok(Container::Mkv),
        (_, b"ftyp" | b"moov" | b"mdat" | b"styp" | b"moof" | b"wide" | b"free" | b"skip", _) => {
            return Ok(Container::Mp4);
        }
        _ => {}
    }
    if let Some(what) = named_but_unsupported(&head) {
        return Err(ErrorKind::unsupported(what, "convert it, for example with `ffmpeg -i IN OUT.wav`"));
    }
    if let Some(text) = as_text(input.peek(256)?) {
        return Err(ErrorKind::UnknownFormat { found: format!("it is text: {text:?}") });
    }
    let bytes = input.peek(SEARCH_BYTES)?;
    let at_end = bytes.len() < SEARCH_BYTES;
    let mp3 = mpeg::find_frames(bytes, at_end, 3);
    let adts = AdtsHeader::find_frames(bytes, at_end, 3);
    let (found, start) = match (mp3, adts) {
        (Some(m), a) if a.is_none_or(|a| m <= a) => (Container::Mp3, m),
        (_, Some(a)) => (Container::Adts, a),
        _ => {
            let hex: Vec<String> = head.iter().take(8).map(|b| format!("{b:02x}")).collect();
            return Err(ErrorKind::UnknownFormat { found: format!("it begins with the bytes {}", hex.join(" ")) });
        }
    };
    if found == Container::Mp3 {
        let layer = mpeg::MpegHeader::parse(&bytes[start..]).map_or(3, |h| h.layer);
        if layer != 3 {
            return Err(ErrorKind::unsupported(format!("MPEG audio layer {layer}"), "convert it to MP3, FLAC or WAV"));
        }
    }
    if start > 0 {
        log.skipped(start as u64);
        input.make_sequential();
        input.skip(start as u64)?;
    }
    Ok(found)
}

/// Formats that people may hand over and that are not read here.
fn named_but_unsupported(head: &[u8]) -> Option<&'static str> {
    let known: [(&[u8], &str); 11] = [
        (b"RIFX", "big-endian WAV (RIFX)"),
        (b"FORM", "AIFF"),
        (b"caff", "CAF"),
        (b"#!AMR", "AMR"),
        (b".snd", "Sun AU"),
        (b"wvpk", "WavPack"),
        (b"MAC ", "Monkey's Audio"),
        (b"NIST_1A", "NIST Sphere"),
        (b"\x30\x26\xb2\x75", "ASF (WMA)"),
        (b"riff\x2e\x91\xcf\x11", "Wave64"),
        (b"PK\x03\x04", "a zip archive"),
    ];
    known.iter().find(|(magic, _)| head.starts_with(magic)).map(|&(_, name)| name)
}

/// The start of the text, if the bytes are text: a server's error message saved as audio is worth showing.
fn as_text(bytes: &[u8]) -> Option<String> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // The peek may cut the last character.
        Err(error) if error.valid_up_to() + 4 > bytes.len() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let printable = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    (!text.is_empty() && text.chars().all(printable)).then(|| text.chars().take(48).collect())
}
