//! Headers of MPEG audio frames (MP3 and its relatives): to recognise them, and to see where samples start and end.

/// One frame header, decoded (ISO/IEC 11172-3 and 13818-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct MpegHeader {
    /// 1, 2 or 3.
    pub(crate) layer: u8,
    /// Version bits: 3 = MPEG-1, 2 = MPEG-2, 0 = MPEG-2.5.
    version: u8,
    pub(crate) sample_rate_hz: u32,
    pub(crate) channels: u8,
    /// Length of the frame with its header.
    pub(crate) frame_bytes: usize,
}

impl MpegHeader {
    /// Decodes four bytes, if they are a header. Free-format streams (no stated bit rate) are not recognised.
    pub(crate) fn parse(bytes: &[u8]) -> Option<Self> {
        let &[a, b, c, d, ..] = bytes else { return None };
        let (version, layer_bits, rate_bits) = ((b >> 3) & 3, (b >> 1) & 3, (c >> 2) & 3);
        let bitrate = usize::from(c >> 4);
        if a != 0xff || b & 0xe0 != 0xe0 || version == 1 || layer_bits == 0 || rate_bits == 3 {
            return None;
        }
        if bitrate == 0 || bitrate == 15 {
            return None;
        }
        let layer = 4 - layer_bits;
        let base = [44_100, 48_000, 32_000][usize::from(rate_bits)];
        let sample_rate_hz = match version {
            3 => base,
            2 => base / 2,
            _ => base / 4,
        };
        let kbps: [u32; 14] = match (version == 3, layer) {
            (true, 1) => [32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448],
            (true, 2) => [32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384],
            (true, _) => [32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
            (false, 1) => [32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256],
            (false, _) => [8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
        };
        let bits_per_second = kbps[bitrate - 1] * 1000;
        let padding = u32::from((c >> 1) & 1);
        let frame_bytes = match (layer, version == 3) {
            (1, _) => (12 * bits_per_second / sample_rate_hz + padding) * 4,
            (3, false) => 72 * bits_per_second / sample_rate_hz + padding,
            _ => 144 * bits_per_second / sample_rate_hz + padding,
        } as usize;
        Some(Self { layer, version, sample_rate_hz, channels: if d >> 6 == 3 { 1 } else { 2 }, frame_bytes })
    }

    /// Whether both can be frames of one stream.
    pub(crate) fn same_stream(&self, other: &Self) -> bool {
        (self.layer, self.version, self.sample_rate_hz, self.channels)
            == (other.layer, other.version, other.sample_rate_hz, other.channels)
    }

    /// Whether the frame that `bytes` begin with is no audio but the encoder's note about the whole file.
    pub(crate) fn is_info_frame(&self, bytes: &[u8]) -> bool {
        let side_info = match (self.version == 3, self.channels) {
            (true, 2) => 32,
            (true, _) | (false, 2) => 17,
            _ => 9,
        };
        let at = |from: usize| bytes.get(from..from + 4).unwrap_or_default();
        matches!(at(4 + side_info), b"Xing" | b"Info") || at(36) == b"VBRI"
    }
}

/// Where `frames` consecutive frames of one stream begin in `bytes`. At the end of the data fewer will do, if the last one
/// found would end beyond what is there or exactly at its end.
pub(crate) fn find_frames(bytes: &[u8], at_end: bool, frames: usize) -> Option<usize> {
    (0..bytes.len().saturating_sub(3)).find(|&start| {
        let Some(first) = MpegHeader::parse(&bytes[start..]) else { return false };
        let mut at = start + first.frame_bytes;
        for found in 1..frames {
            if at + 4 > bytes.len() {
                return at_end && (found > 1 || start == 0);
            }
            match MpegHeader::parse(&bytes[at..]) {
                Some(next) if next.same_stream(&first) => at += next.frame_bytes,
                // A tag may follow the only frame.
                _ => return at_end && start == 0 && bytes[at..].starts_with(b"TAG"),
            }
        }
        true
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_three_versions() {
        let h = MpegHeader::parse(&[0xff, 0xfb, 0x90, 0x00]).unwrap();
        assert_eq!((h.layer, h.sample_rate_hz, h.channels, h.frame_bytes), (3, 44_100, 2, 417));
        let h = MpegHeader::parse(&[0xff, 0xf3, 0x84, 0xc4]).unwrap();
        assert_eq!((h.layer, h.sample_rate_hz, h.channels, h.frame_bytes), (3, 24_000, 1, 192));
        let h = MpegHeader::parse(&[0xff, 0xe3, 0x44, 0xc4]).unwrap();
        assert_eq!((h.sample_rate_hz, h.frame_bytes), (12_000, 192));
        assert_eq!(MpegHeader::parse(&[0xff, 0xff, 0xff, 0xff]), None);
        assert_eq!(MpegHeader::parse(&[0xff, 0xfb]), None);
    }
}
