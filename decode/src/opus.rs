//! Opus packets to samples, by `rusty-opus` (see README.md for how it was chosen and what was measured).

use crate::error::{ErrorKind, Result};

/// The identification header (RFC 7845, section 5.1), as every container carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct OpusHead {
    pub(crate) channels: u8,
    /// Samples at 48 kHz to drop at the start.
    pub(crate) pre_skip: u16,
    /// Output gain in 1/256 dB.
    gain: i16,
    family: u8,
}

impl OpusHead {
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let body = bytes.strip_prefix(b"OpusHead")?;
        let &[version, channels, s0, s1, _, _, _, _, g0, g1, family, ..] = body else { return None };
        // In MP4 the version is 0 and the numbers are big-endian; Symphonia hands that box over under the other's name.
        let (pre_skip, gain) = if version == 0 {
            (u16::from_be_bytes([s0, s1]), i16::from_be_bytes([g0, g1]))
        } else {
            (u16::from_le_bytes([s0, s1]), i16::from_le_bytes([g0, g1]))
        };
        (version < 16 && channels > 0).then_some(Self { channels, pre_skip, gain, family })
    }
}

/// Samples per channel of the longest packet: 120 ms at 48 kHz.
#[cfg(feature = "opus")]
const LONGEST: usize = 5760;

#[cfg(feature = "opus")]
pub(crate) struct OpusDecoder {
    inner: rusty_opus::OpusDecoder,
    channels: usize,
    gain: f32,
    buf: Vec<f32>,
}

#[cfg(feature = "opus")]
impl OpusDecoder {
    pub(crate) fn new(head: &OpusHead) -> Result<Self> {
        let channels = usize::from(head.channels);
        if head.family != 0 || channels > 2 {
            return Err(ErrorKind::unsupported(
                format!("Opus with {channels} channels (mapping family {})", head.family),
                "convert it to WAV or FLAC, for example with `ffmpeg -i IN OUT.wav`",
            ));
        }
        let inner = rusty_opus::OpusDecoder::new(48_000, channels).map_err(|e| ErrorKind::corrupt(e.to_string()))?;
        let gain = 10f32.powf(f32::from(head.gain) / (20.0 * 256.0));
        Ok(Self { inner, channels, gain, buf: vec![0.0; LONGEST * channels] })
    }

    /// Appends the samples of one packet and returns their number per channel.
    pub(crate) fn decode(&mut self, packet: &[u8], out: &mut Vec<f32>) -> std::result::Result<usize, String> {
        if packet.is_empty() {
            // The decoder would take it for a lost packet and invent samples.
            return Err("an empty Opus packet".into());
        }
        let samples = self.inner.decode(packet, LONGEST, &mut self.buf).map_err(|e| e.to_string())?;
        let decoded = self.buf.get(..samples * self.channels).ok_or("an Opus packet over 120 ms")?;
        if self.gain == 1.0 {
            out.extend_from_slice(decoded);
        } else {
            out.extend(decoded.iter().map(|s| s * self.gain));
        }
        Ok(samples)
    }
}

/// Without the feature there is no decoder, only its error.
#[cfg(not(feature = "opus"))]
pub(crate) struct OpusDecoder;

#[cfg(not(feature = "opus"))]
impl OpusDecoder {
    pub(crate) fn new(_: &OpusHead) -> Result<Self> {
        Err(ErrorKind::unsupported(
            "Opus",
            "build with the cargo feature `opus`, or convert with `ffmpeg -i IN.opus OUT.wav`",
        ))
    }

    pub(crate) fn decode(&mut self, _: &[u8], _: &mut Vec<f32>) -> std::result::Result<usize, String> {
        Err("Opus is not built in".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn head_is_read() {
        let bytes = b"OpusHead\x01\x02\x38\x01\x80\xbb\0\0\0\xff\0";
        assert_eq!(OpusHead::parse(bytes), Some(OpusHead { channels: 2, pre_skip: 312, gain: -256, family: 0 }));
        assert_eq!(OpusHead::parse(&bytes[..18]), None);
        let mp4 = b"OpusHead\0\x01\x01\x38\0\0\xbb\x80\x01\0\0";
        assert_eq!(OpusHead::parse(mp4), Some(OpusHead { channels: 1, pre_skip: 312, gain: 256, family: 0 }));
    }
}
