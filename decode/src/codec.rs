//! Decoders: packets in, a [`Block`] out.

use symphonia::core::codecs::audio::well_known as id;
use symphonia::core::codecs::audio::{AudioCodecId, AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::default::codecs::{AacDecoder, FlacDecoder, MpaDecoder, VorbisDecoder};

use crate::block::Block;
use crate::demux::Packet;
use crate::error::{ErrorKind, Result};
use crate::limits::Limits;
use crate::opus::{OpusDecoder, OpusHead};
use crate::vorbis;

enum Inner {
    Symphonia(Box<dyn AudioDecoder>),
    Opus(Box<OpusDecoder>),
}

/// A decoder and what it yields.
pub(crate) struct Codec {
    inner: Inner,
    pub(crate) name: &'static str,
    pub(crate) sample_rate_hz: u32,
    pub(crate) channels: u16,
    pub(crate) bits: Option<u32>,
    /// The samples have at most 16 bits and are handed over as integers.
    as_int: bool,
    /// Samples to drop at the start (Opus).
    pub(crate) pre_skip: u64,
}

/// What a packet gave.
pub(crate) struct Decoded {
    /// Samples per channel.
    pub(crate) frames: usize,
    pub(crate) sample_rate_hz: u32,
    pub(crate) channels: usize,
}

const ADVICE: &str = "convert it to WAV or FLAC, for example with `ffmpeg -i IN OUT.wav`";

impl Codec {
    pub(crate) fn new(params: &AudioCodecParameters, limits: &Limits) -> Result<Self> {
        // Refuse before anything is allocated per channel.
        if let (Some(rate), Some(channels)) = (params.sample_rate, &params.channels) {
            limits.check_spec(rate, channels.count() as u64)?;
        }
        let extra = params.extra_data.as_deref().unwrap_or_default();
        // Trimming is done outside, where the whole stream is seen; but Vorbis then still needs its first packet silenced.
        let gapless = params.codec == id::CODEC_ID_VORBIS;
        let options = AudioDecoderOptions::default().verify(true).gapless(gapless);
        let made: symphonia::core::errors::Result<Box<dyn AudioDecoder>> = match params.codec {
            id::CODEC_ID_OPUS => {
                let head = OpusHead::parse(extra).ok_or_else(|| ErrorKind::corrupt("the Opus header is broken"))?;
                limits.check_spec(48_000, head.channels.into())?;
                return Ok(Self {
                    inner: Inner::Opus(Box::new(OpusDecoder::new(&head)?)),
                    name: "Opus",
                    sample_rate_hz: 48_000,
                    channels: head.channels.into(),
                    bits: None,
                    as_int: false,
                    pre_skip: head.pre_skip.into(),
                });
            }
            id::CODEC_ID_VORBIS => {
                // The identification header has 30 bytes; the setup header follows it.
                vorbis::check_setup(extra.get(30..).unwrap_or_default())?;
                VorbisDecoder::try_new(params, &options).map(|d| Box::new(d) as _)
            }
            id::CODEC_ID_FLAC => FlacDecoder::try_new(params, &options).map(|d| Box::new(d) as _),
            id::CODEC_ID_MP3 => MpaDecoder::try_new(params, &options).map(|d| Box::new(d) as _),
            id::CODEC_ID_AAC => AacDecoder::try_new(params, &options).map(|d| Box::new(d) as _),
            other => return Err(ErrorKind::unsupported(name(other), ADVICE)),
        };
        let inner = made.map_err(|error| match error {
            Error::Unsupported(_) if params.codec == id::CODEC_ID_AAC => {
                ErrorKind::unsupported("AAC other than AAC-LC in mono or stereo", ADVICE)
            }
            Error::Unsupported(what) => ErrorKind::unsupported(what, ADVICE),
            other => ErrorKind::corrupt(other.to_string()),
        })?;
        let known = inner.codec_params();
        let rate = known.sample_rate.or(params.sample_rate);
        let channels = known.channels.as_ref().or(params.channels.as_ref()).map(|c| c.count());
        let (Some(sample_rate_hz), Some(channels)) = (rate, channels) else {
            return Err(ErrorKind::corrupt("the container states no sample rate or no channels"));
        };
        limits.check_spec(sample_rate_hz, channels as u64)?;
        let bits = known.bits_per_sample.filter(|_| params.codec == id::CODEC_ID_FLAC);
        Ok(Self {
            name: name(params.codec),
            sample_rate_hz,
            channels: u16::try_from(channels).unwrap_or(u16::MAX),
            bits,
            as_int: bits.is_some_and(|b| b <= 16),
            inner: Inner::Symphonia(inner),
            pre_skip: 0,
        })
    }

    /// Decodes one packet into `out`, which is empty. The error says what is wrong with this packet; the next may be fine. (That
    /// includes features the decoder does not have: a flipped bit asks for those as well.)
    pub(crate) fn decode(&mut self, packet: &Packet, out: &mut Block) -> std::result::Result<Decoded, String> {
        let decoder = match &mut self.inner {
            Inner::Opus(opus) => {
                let frames = opus.decode(&packet.inner.data, out.f32())?;
                let channels = usize::from(self.channels);
                return Ok(Decoded { frames, sample_rate_hz: 48_000, channels });
            }
            Inner::Symphonia(decoder) => decoder,
        };
        let buffer = decoder.decode(&packet.inner).map_err(|e| e.to_string())?;
        let spec = buffer.spec();
        let decoded =
            Decoded { frames: buffer.frames(), sample_rate_hz: spec.rate(), channels: spec.channels().count() };
        if self.as_int {
            // FLAC samples are left-justified in 32 bits.
            buffer.copy_to_vec_interleaved::<i16>(out.i16());
        } else {
            buffer.copy_to_vec_interleaved::<f32>(out.f32());
        }
        Ok(decoded)
    }

    /// After lost data: what the decoder remembers does not belong to what comes.
    pub(crate) fn reset(&mut self) {
        if let Inner::Symphonia(decoder) = &mut self.inner {
            decoder.reset();
        }
        // An Opus decoder finds back by itself within a few packets (RFC 6716, 4.1); a reset would add a click.
    }

    /// Whether the checksum in the file is that of the samples, if there is one.
    pub(crate) fn verify(&mut self) -> Option<bool> {
        match &mut self.inner {
            Inner::Symphonia(decoder) => decoder.finalize().verify_ok,
            Inner::Opus(_) => None,
        }
    }
}

fn name(codec: AudioCodecId) -> &'static str {
    match codec {
        id::CODEC_ID_OPUS => "Opus",
        id::CODEC_ID_VORBIS => "Vorbis",
        id::CODEC_ID_FLAC => "FLAC",
        id::CODEC_ID_MP1 => "MPEG audio layer 1",
        id::CODEC_ID_MP2 => "MPEG audio layer 2",
        id::CODEC_ID_MP3 => "MP3",
        id::CODEC_ID_AAC => "AAC",
        id::CODEC_ID_ALAC => "ALAC",
        id::CODEC_ID_AC3 => "AC-3",
        id::CODEC_ID_EAC3 => "E-AC-3",
        id::CODEC_ID_DCA => "DTS",
        id::CODEC_ID_PCM_S16LE | id::CODEC_ID_PCM_S16BE => "PCM in this container",
        _ => "the codec of its audio track",
    }
}
