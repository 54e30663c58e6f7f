//! Shared by the integration tests: the known signal, a WAV writer, a small generator of random numbers.
#![allow(dead_code, clippy::unwrap_used)]

use std::f64::consts::TAU;
use std::io::{Cursor, Read};
use std::path::PathBuf;

use otoscope::Pcm;
use otoscope_decode::{AudioSpec, DecodeError, Limits, Source, Warning};

/// The signal of the committed files (`data/make.sh` has the same formulas): two rising tones.
pub fn signal(channel: usize, n: usize, rate_hz: u32) -> f64 {
    let t = n as f64 / f64::from(rate_hz);
    match channel {
        0 => 0.4 * (TAU * (300.0 * t + 700.0 * t * t)).sin(),
        _ => 0.3 * (TAU * (500.0 * t + 250.0 * t * t)).sin(),
    }
}

pub fn data(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

pub fn data_bytes(name: &str) -> Vec<u8> {
    std::fs::read(data(name)).unwrap()
}

/// Every committed audio file.
pub fn all_data() -> Vec<(String, Vec<u8>)> {
    let mut names: Vec<String> = std::fs::read_dir(data(""))
        .unwrap()
        .map(|e| e.unwrap().file_name().into_string().unwrap())
        .filter(|n| n != "make.sh" && !n.ends_with(".f32"))
        .collect();
    names.sort();
    assert!(names.len() == 17, "the committed test files are missing: {names:?}");
    names.into_iter().map(|n| (n.clone(), data_bytes(&n))).collect()
}

/// Everything a source gave.
#[derive(Debug)]
pub struct Decoded {
    pub spec: AudioSpec,
    pub ints: Vec<i16>,
    pub floats: Vec<f32>,
    pub warnings: Vec<Warning>,
    pub error: Option<DecodeError>,
}

impl Decoded {
    /// Samples per channel.
    pub fn samples(&self) -> usize {
        self.floats.len() / usize::from(self.spec.channels)
    }

    pub fn channel(&self, channel: usize) -> Vec<f64> {
        self.floats.iter().skip(channel).step_by(usize::from(self.spec.channels)).map(|&v| f64::from(v)).collect()
    }

    /// Signal-to-noise ratio in dB of the worst channel against the known signal, whose sample 0 is at `lead` in the file. Its
    /// first and last 1,000 samples are left out: an encoder smears the abrupt start and end.
    pub fn snr_db(&self, lead: i64, length: usize) -> f64 {
        (0..usize::from(self.spec.channels))
            .map(|c| {
                let x = self.channel(c);
                let (mut s, mut e) = (0.0, 0.0);
                for n in 1_000..length - 1_000 {
                    let want = signal(c, n, self.spec.sample_rate_hz);
                    s += want * want;
                    e += (x[(n as i64 + lead) as usize] - want).powi(2);
                }
                10.0 * (s / e).log10()
            })
            .fold(f64::INFINITY, f64::min)
    }

    /// That the signal is in the file at `lead`, to the sample, and at least this good.
    #[track_caller]
    pub fn aligned(&self, lead: i64, length: usize, least_db: f64) {
        let at = self.snr_db(lead, length);
        assert!(at > least_db, "{}: {at:.1} dB", self.spec.format);
        for off in [-1, 1] {
            assert!(self.snr_db(lead + off, length) < at, "{}: better {off} sample away", self.spec.format);
        }
    }
}

/// Reads a source to its end, or to its error.
pub fn drain(mut source: Source) -> Decoded {
    let spec = source.spec().clone();
    let (mut ints, mut floats, mut error) = (Vec::new(), Vec::new(), None);
    loop {
        match source.next_chunk() {
            Ok(Some(chunk)) => {
                assert!(!chunk.is_empty() && chunk.len().is_multiple_of(usize::from(spec.channels)));
                if let Pcm::I16(s) = chunk {
                    ints.extend_from_slice(s);
                }
                chunk.append_f32(&mut floats);
            }
            Ok(None) => break,
            Err(e) => {
                error = Some(e);
                break;
            }
        }
    }
    assert_eq!(source.position() as usize * usize::from(spec.channels), floats.len());
    assert!(matches!(source.next_chunk(), Ok(None)), "the end is the end");
    Decoded { spec, ints, floats, warnings: source.warnings().to_vec(), error }
}

pub fn decode_file(name: &str) -> Decoded {
    let decoded = drain(Source::open(data(name)).unwrap_or_else(|e| panic!("{e}")));
    assert!(decoded.error.is_none(), "{name}: {:?}", decoded.error);
    decoded
}

/// From memory, as if from a pipe.
pub fn open_bytes(bytes: impl Into<Vec<u8>>) -> Result<Source, DecodeError> {
    Source::from_reader(Box::new(Cursor::new(bytes.into())), &Limits::default())
}

pub fn decode_bytes(bytes: impl Into<Vec<u8>>) -> Result<Decoded, DecodeError> {
    open_bytes(bytes).map(drain)
}

/// A reader that gives a few bytes at a time, as a pipe may.
pub struct Dribble<R>(pub R, pub Rng);

impl<R: Read> Read for Dribble<R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let n = (1 + self.1.below(700)).min(buf.len());
        self.0.read(&mut buf[..n])
    }
}

/// xorshift64*: the same numbers on every machine.
pub struct Rng(pub u64);

impl Rng {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, n: usize) -> usize {
        (self.next() >> 33) as usize % n
    }
}

/// Writes WAV headers, right and wrong ones.
#[derive(Clone)]
pub struct Wav {
    pub tag: u16,
    pub channels: u16,
    pub rate_hz: u32,
    pub bits: u16,
    pub block_align: u16,
    pub extensible: bool,
    pub riff_len: Option<u32>,
    pub data_len: Option<u32>,
    pub before_data: Vec<u8>,
    pub after_data: Vec<u8>,
}

impl Wav {
    pub fn new(tag: u16, bits: u16, channels: u16, rate_hz: u32) -> Self {
        Self {
            tag,
            channels,
            rate_hz,
            bits,
            block_align: bits.div_ceil(8).wrapping_mul(channels),
            extensible: false,
            riff_len: None,
            data_len: None,
            before_data: Vec::new(),
            after_data: Vec::new(),
        }
    }

    pub fn bytes(&self, data: &[u8]) -> Vec<u8> {
        let mut fmt = Vec::new();
        fmt.extend(if self.extensible { 0xfffe } else { self.tag }.to_le_bytes());
        fmt.extend(self.channels.to_le_bytes());
        fmt.extend(self.rate_hz.to_le_bytes());
        fmt.extend(self.rate_hz.wrapping_mul(self.block_align.into()).to_le_bytes());
        fmt.extend(self.block_align.to_le_bytes());
        fmt.extend(if self.extensible { self.bits.next_multiple_of(8) } else { self.bits }.to_le_bytes());
        if self.extensible {
            fmt.extend(22u16.to_le_bytes());
            fmt.extend(self.bits.to_le_bytes());
            fmt.extend(0u32.to_le_bytes());
            fmt.extend(self.tag.to_le_bytes());
            fmt.extend(b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
        } else if self.tag != 1 {
            fmt.extend(0u16.to_le_bytes());
        }
        let pad = if data.len() % 2 == 1 && !self.after_data.is_empty() { 1 } else { 0 };
        let total = 4 + 8 + fmt.len() + self.before_data.len() + 8 + data.len() + pad + self.after_data.len();
        let mut out = b"RIFF".to_vec();
        out.extend(self.riff_len.unwrap_or(total as u32).to_le_bytes());
        out.extend(b"WAVEfmt ");
        out.extend((fmt.len() as u32).to_le_bytes());
        out.extend(fmt);
        out.extend(&self.before_data);
        out.extend(b"data");
        out.extend(self.data_len.unwrap_or(data.len() as u32).to_le_bytes());
        out.extend(data);
        out.extend(vec![0; pad]);
        out.extend(&self.after_data);
        out
    }
}

/// 16-bit samples as bytes.
pub fn s16(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|s| s.to_le_bytes()).collect()
}

/// Makes the checksums of all Ogg pages right, up to the first thing that is no page.
pub fn repair_checksums(ogg: &mut [u8]) {
    let mut at = 0;
    while at + 27 <= ogg.len() && &ogg[at..at + 4] == b"OggS" {
        let segments = usize::from(ogg[at + 26]);
        let Some(table) = ogg.get(at + 27..at + 27 + segments) else { return };
        let len = 27 + segments + table.iter().map(|&s| usize::from(s)).sum::<usize>();
        let Some(page) = ogg.get_mut(at..at + len) else { return };
        page[22..26].fill(0);
        let crc = page.iter().fold(0u32, |mut crc, &byte| {
            crc ^= u32::from(byte) << 24;
            (0..8).for_each(|_| crc = if crc >> 31 == 1 { crc << 1 ^ 0x04c1_1db7 } else { crc << 1 });
            crc
        });
        page[22..26].copy_from_slice(&crc.to_le_bytes());
        at += len;
    }
}
