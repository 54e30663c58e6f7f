//! A whole file as one channel, for scores that need all of it at once.

use crate::error::{DecodeError, ErrorKind};
use crate::limits::Limits;
use crate::source::Source;
use crate::warning::Warning;
use otoscope::Pcm;
use std::path::Path;

/// The samples of one channel, as exact as the file holds them.
#[derive(Debug, Clone, PartialEq)]
pub enum MonoSamples {
    /// A file of at most 16 bits, one channel of it.
    I16(Vec<i16>),
    /// Everything else, and every mix.
    F32(Vec<f32>),
}

/// A whole file as one channel.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Mono {
    /// The samples.
    pub samples: MonoSamples,
    /// The sample rate in hertz.
    pub sample_rate_hz: u32,
    /// How many channels the file has.
    pub channels: u16,
    /// The format in words.
    pub format: String,
    /// What the decoder had to leave out.
    pub warnings: Vec<Warning>,
}

impl Mono {
    /// Reads a file. `channel` counts from 0; `None` is the mean of all channels.
    ///
    /// # Errors
    /// As [`Source::open_with`]; an error in mid-file leaves nothing, since a part would look like the whole; and a channel that the
    /// file does not have.
    pub fn read(path: impl AsRef<Path>, channel: Option<u16>, limits: &Limits) -> Result<Self, DecodeError> {
        let path = path.as_ref();
        let mut source = Source::open_with(path, limits)?;
        let spec = source.spec().clone();
        let channels = usize::from(spec.channels);
        if let Some(c) = channel
            && usize::from(c) >= channels
        {
            let what = ErrorKind::Unsupported {
                what: format!("channel {} of {channels}", c + 1),
                advice: "name a channel that the file has".to_owned(),
            };
            return Err(what.at(Some(path)));
        }
        let (mut ints, mut floats) = (Vec::new(), Vec::new());
        while let Some(chunk) = source.next_chunk()? {
            match (chunk, channel.or(if channels == 1 { Some(0) } else { None })) {
                (Pcm::I16(x), Some(c)) => ints.extend(x.iter().skip(c.into()).step_by(channels)),
                (Pcm::F32(x), Some(c)) => floats.extend(x.iter().skip(c.into()).step_by(channels)),
                (Pcm::I16(x), None) => floats.extend(x.chunks_exact(channels).map(|f| {
                    // Whole numbers: exact up to here.
                    let sum: i32 = f.iter().map(|&v| i32::from(v)).sum();
                    sum as f32 / (32_768 * channels as i32) as f32
                })),
                (Pcm::F32(x), None) => {
                    floats.extend(x.chunks_exact(channels).map(|f| f.iter().sum::<f32>() / channels as f32));
                }
            }
        }
        let samples = if floats.is_empty() { MonoSamples::I16(ints) } else { MonoSamples::F32(floats) };
        Ok(Self {
            samples,
            sample_rate_hz: spec.sample_rate_hz,
            channels: spec.channels,
            format: spec.format,
            warnings: source.warnings().to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A 16-bit WAV file of two channels.
    fn stereo(pairs: &[(i16, i16)]) -> std::path::PathBuf {
        let data: Vec<u8> = pairs.iter().flat_map(|(l, r)| [l.to_le_bytes(), r.to_le_bytes()].concat()).collect();
        let mut wav = b"RIFF\0\0\0\0WAVEfmt \x10\0\0\0\x01\0\x02\0\x80\x3e\0\0\0\xfa\0\0\x04\0\x10\0data".to_vec();
        wav.extend_from_slice(&(data.len() as u32).to_le_bytes());
        wav.extend_from_slice(&data);
        let len = (wav.len() - 8) as u32;
        wav[4..8].copy_from_slice(&len.to_le_bytes());
        let path = std::env::temp_dir().join(format!("otoscope-mono-{}-{}.wav", std::process::id(), pairs.len()));
        std::fs::write(&path, &wav).unwrap();
        path
    }

    #[test]
    fn one_channel_is_exact_and_the_mix_is_the_mean() {
        let path = stereo(&[(16_384, 8192), (-32_768, -32_768), (1, 2)]);
        let read = |channel| Mono::read(&path, channel, &Limits::default());
        let right = read(Some(1)).unwrap();
        assert_eq!(right.samples, MonoSamples::I16(vec![8192, -32_768, 2]));
        assert_eq!((right.sample_rate_hz, right.channels), (16_000, 2));
        assert_eq!(read(None).unwrap().samples, MonoSamples::F32(vec![0.375, -1.0, 1.5 / 32_768.0]));
        assert!(read(Some(2)).unwrap_err().to_string().contains("channel 3 of 2"));
        std::fs::remove_file(path).unwrap();
    }
}
