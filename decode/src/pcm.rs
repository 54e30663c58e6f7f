//! Uncompressed samples: bytes in, `i16` or `f32` out.

use std::io::{self, Read};

use crate::block::Block;
use crate::warning::{Log, Warning};

/// How one sample is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Encoding {
    U8,
    S16le,
    S16be,
    S24le,
    S32le,
    F32le,
    F64le,
    MuLaw,
    ALaw,
}

impl Encoding {
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::U8 | Self::MuLaw | Self::ALaw => 1,
            Self::S16le | Self::S16be => 2,
            Self::S24le => 3,
            Self::S32le | Self::F32le => 4,
            Self::F64le => 8,
        }
    }

    /// The name in [`AudioSpec::format`](crate::AudioSpec::format).
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::U8 => "8-bit PCM",
            Self::S16le => "16-bit PCM",
            Self::S16be => "16-bit PCM, big-endian",
            Self::S24le => "24-bit PCM",
            Self::S32le => "32-bit PCM",
            Self::F32le => "32-bit float",
            Self::F64le => "64-bit float",
            Self::MuLaw => "mu-law",
            Self::ALaw => "A-law",
        }
    }

    /// Appends the samples of `bytes`, whose length is a multiple of [`bytes`](Self::bytes).
    pub(crate) fn decode(self, bytes: &[u8], out: &mut Block) {
        match self {
            // Up to 16 bits the integers are kept, so that exact metrics see exactly the file: 8 bits as the high byte.
            Self::U8 => out.i16().extend(bytes.iter().map(|&b| (i16::from(b) - 128) << 8)),
            Self::S16le => out.i16().extend(bytes.as_chunks().0.iter().map(|&b| i16::from_le_bytes(b))),
            Self::S16be => out.i16().extend(bytes.as_chunks().0.iter().map(|&b| i16::from_be_bytes(b))),
            Self::MuLaw => out.i16().extend(bytes.iter().map(|&b| MU_LAW[usize::from(b)])),
            Self::ALaw => out.i16().extend(bytes.iter().map(|&b| A_LAW[usize::from(b)])),
            // 24 bits fit an f32 exactly; 32 bits are rounded once, to the nearest.
            Self::S24le => out.f32().extend(
                bytes.as_chunks::<3>().0.iter().map(|&[a, b, c]| (i32::from_le_bytes([0, a, b, c]) >> 8) as f32 * S24),
            ),
            Self::S32le => out.f32().extend(bytes.as_chunks().0.iter().map(|&b| i32::from_le_bytes(b) as f32 * S32)),
            Self::F32le => out.f32().extend(bytes.as_chunks().0.iter().map(|&b| f32::from_le_bytes(b))),
            Self::F64le => out.f32().extend(bytes.as_chunks().0.iter().map(|&b| f64::from_le_bytes(b) as f32)),
        }
    }
}

/// 2^-23 and 2^-31: full scale is 1.0.
const S24: f32 = 1.0 / 8_388_608.0;
const S32: f32 = 1.0 / 2_147_483_648.0;

/// The 256 values of ITU-T G.711 mu-law, scaled to 16 bits as ITU-T G.191 does.
static MU_LAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        let c = !(code as u8);
        let magnitude = ((((c & 0x0f) as i16) << 3) + 0x84) << ((c & 0x70) >> 4);
        table[code] = if c & 0x80 != 0 { 0x84 - magnitude } else { magnitude - 0x84 };
        code += 1;
    }
    table
};

/// The 256 values of ITU-T G.711 A-law, scaled to 16 bits as ITU-T G.191 does.
static A_LAW: [i16; 256] = {
    let mut table = [0; 256];
    let mut code = 0;
    while code < 256 {
        let c = (code as u8) ^ 0x55;
        let segment = (c & 0x70) >> 4;
        let mantissa = ((c & 0x0f) as i16) << 4;
        let magnitude = match segment {
            0 => mantissa + 8,
            s => (mantissa + 0x108) << (s - 1),
        };
        table[code] = if c & 0x80 != 0 { magnitude } else { -magnitude };
        code += 1;
    }
    table
};

/// Bytes per read. A live pipe delivers less at a time, and then a chunk is what one read brought.
const READ_BYTES: usize = 32 * 1024;

/// Reads interleaved PCM up to a length or to the end.
pub(crate) struct PcmReader<R> {
    pub(crate) reader: R,
    encoding: Encoding,
    frame_bytes: usize,
    /// Bytes still to be read, if the length is known.
    remaining: Option<u64>,
    buf: Vec<u8>,
    /// Bytes at the start of `buf` that do not make a sample for every channel yet.
    carry: usize,
    done: bool,
}

impl<R: Read> PcmReader<R> {
    pub(crate) fn new(reader: R, encoding: Encoding, channels: u16, length_bytes: Option<u64>) -> Self {
        let frame_bytes = encoding.bytes() * usize::from(channels.max(1));
        let buf = vec![0; READ_BYTES.next_multiple_of(frame_bytes)];
        Self { reader, encoding, frame_bytes, remaining: length_bytes, buf, carry: 0, done: false }
    }

    /// Bytes of the stated length that have not come.
    pub(crate) fn missing_bytes(&self) -> u64 {
        self.remaining.unwrap_or(0)
    }

    /// The next samples, or `false` at the end. One read of the source makes one chunk.
    pub(crate) fn next(&mut self, out: &mut Block, log: &mut Log) -> io::Result<bool> {
        out.clear();
        while !self.done {
            let room = (self.buf.len() - self.carry) as u64;
            let want = self.remaining.map_or(room, |left| left.min(room)) as usize;
            let got = if want == 0 { 0 } else { read_some(&mut self.reader, &mut self.buf[self.carry..][..want])? };
            if let Some(left) = &mut self.remaining {
                *left -= got as u64;
            }
            if got == 0 {
                self.done = true;
                if self.carry > 0 {
                    log.push(Warning::PartialFrame { bytes: self.carry as u64 });
                }
                break;
            }
            let filled = self.carry + got;
            let whole = filled - filled % self.frame_bytes;
            self.encoding.decode(&self.buf[..whole], out);
            self.buf.copy_within(whole..filled, 0);
            self.carry = filled - whole;
            if whole > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// One read that is not interrupted.
pub(crate) fn read_some(reader: &mut impl Read, buf: &mut [u8]) -> io::Result<usize> {
    loop {
        match reader.read(buf) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            other => return other,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g711_tables_have_their_published_values() {
        // ITU-T G.191 ulaw_expand and alaw_expand: code 0 and the code of silence, both signs, and the ends.
        assert_eq!((MU_LAW[0x00], MU_LAW[0x80], MU_LAW[0x7f], MU_LAW[0xff]), (-32124, 32124, 0, 0));
        assert_eq!((A_LAW[0x55], A_LAW[0xd5], A_LAW[0x2a], A_LAW[0xaa]), (-8, 8, -32256, 32256));
        assert_eq!((MU_LAW[0xf0], A_LAW[0xd4], A_LAW[0xc5]), (120, 24, 264));
    }

    #[test]
    fn a_chunk_is_one_read_and_partial_samples_wait() {
        struct Dribble(Vec<u8>);
        impl Read for Dribble {
            fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
                let n = 3.min(self.0.len()).min(buf.len());
                buf[..n].copy_from_slice(&self.0[..n]);
                self.0.drain(..n);
                Ok(n)
            }
        }
        let bytes: Vec<u8> = [1i16, -2, 300, -400, 5].iter().flat_map(|s| s.to_le_bytes()).collect();
        let mut pcm = PcmReader::new(Dribble(bytes), Encoding::S16le, 2, None);
        let (mut block, mut log, mut all) = (Block::default(), Log::default(), Vec::new());
        while pcm.next(&mut block, &mut log).unwrap() {
            all.extend_from_slice(block.i16());
        }
        assert_eq!(all, [1, -2, 300, -400]);
        assert_eq!(log.entries(), [Warning::PartialFrame { bytes: 2 }]);
    }
}
