//! The loop from packets to samples: trimming, time keeping, and what to do with damage.

use std::panic::{AssertUnwindSafe, catch_unwind};

use crate::block::Block;
use crate::codec::{Codec, Decoded};
use crate::demux::{Clock, Demux, Next, Packet, StreamInfo, Trim};
use crate::error::{ErrorKind, Result};
use crate::limits::Limits;
use crate::warning::{Log, Warning};

/// Steps in a row that give no sample and are no error (packets of other tracks, packets that only prime the decoder).
const MAX_IDLE: u32 = 65_536;

/// A compressed source.
pub(crate) struct Media {
    demux: Box<dyn Demux>,
    pub(crate) codec: Codec,
    limits: Limits,
    pub(crate) claimed: Option<u64>,
    errors: u32,
    idle: u32,
    /// Samples still to be dropped at the start.
    skip: u64,
    trim: Option<Trim>,
    /// Samples after the stated end: padding if nothing follows, audio if more does (files put one after the other).
    beyond: Vec<f32>,
    /// Samples decoded in this stream, dropped ones included, and what is added to get the file's own positions.
    decoded: u64,
    offset: i64,
    anchored: bool,
    lost: bool,
}

/// Calls third-party code that reads hostile bytes. It is safe Rust (or says why not), but an index or an assertion may panic
/// on input nobody thought of, and one broken file must not end the process that probes a million. What panicked is never
/// called again: the source ends. (With `panic = "abort"` there is nothing to catch; the panic message is printed by the
/// process's own panic hook.)
fn guarded<T>(what: &str, call: impl FnOnce() -> T) -> Result<T> {
    catch_unwind(AssertUnwindSafe(call))
        .map_err(|_| ErrorKind::corrupt(format!("the {what} failed on it (a bug worth reporting)")))
}

impl Media {
    pub(crate) fn new(demux: Box<dyn Demux>, info: &StreamInfo, limits: &Limits) -> Result<Self> {
        let codec = guarded("decoder", || Codec::new(&info.params, limits))??;
        let mut media = Self {
            demux,
            codec,
            limits: limits.clone(),
            claimed: info.claimed_samples,
            errors: 0,
            idle: 0,
            skip: 0,
            trim: None,
            beyond: Vec::new(),
            decoded: 0,
            offset: 0,
            anchored: false,
            lost: false,
        };
        media.begin(info);
        Ok(media)
    }

    /// Opens a container reader, guarded.
    pub(crate) fn open<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
        guarded("container reader", call)?
    }

    fn begin(&mut self, info: &StreamInfo) {
        self.trim = info.trim;
        self.skip = self.codec.pre_skip + info.trim.map_or(0, |t| t.start);
        (self.decoded, self.offset, self.anchored, self.lost) = (0, 0, false, false);
    }

    /// Decodes up to the next samples; `false` at the end.
    pub(crate) fn next(&mut self, out: &mut Block, log: &mut Log) -> Result<bool> {
        loop {
            out.clear();
            match guarded("container reader", || self.demux.next(log))?? {
                Next::End => {
                    self.finish(log)?;
                    return Ok(false);
                }
                Next::Stream(info) => self.restart(&info, log)?,
                Next::Broken => self.bad_packet("no packet can be made out", log)?,
                Next::Other => self.idle()?,
                Next::Packet(packet) => {
                    if self.packet(&packet, out, log)? {
                        return Ok(true);
                    }
                }
            }
        }
    }

    fn packet(&mut self, packet: &Packet, out: &mut Block, log: &mut Log) -> Result<bool> {
        self.limits.check_packet(packet.inner.data.len() as u64)?;
        if packet.lost_before {
            guarded("decoder", || self.codec.reset())?;
            self.lost = true;
        }
        let decoded = match guarded("decoder", || self.codec.decode(packet, out))? {
            Ok(decoded) => decoded,
            Err(why) => {
                self.lost = true;
                self.bad_packet(&why, log)?;
                return Ok(false);
            }
        };
        self.check_same(&decoded, log)?;
        self.errors = 0;
        let keep = self.keep_time(packet.clock, decoded.frames as u64, log);
        let skip = self.skip.min(keep);
        self.skip -= skip;
        let channels = usize::from(self.codec.channels);
        out.cut(skip as usize * channels, keep as usize * channels);
        self.hold_back(out, log);
        if out.len() == 0 {
            self.idle()?;
            return Ok(false);
        }
        self.idle = 0;
        Ok(true)
    }

    fn check_same(&self, decoded: &Decoded, log: &Log) -> Result<()> {
        let at_sample = log.at_sample;
        let codec = &self.codec;
        if decoded.sample_rate_hz != codec.sample_rate_hz {
            let (from, to) = (codec.sample_rate_hz, decoded.sample_rate_hz);
            return Err(ErrorKind::Changed { what: "sample rate", from, to, at_sample });
        }
        if decoded.channels != usize::from(codec.channels) {
            let (from, to) = (codec.channels.into(), u32::try_from(decoded.channels).unwrap_or(u32::MAX));
            return Err(ErrorKind::Changed { what: "number of channels", from, to, at_sample });
        }
        Ok(())
    }

    /// Compares the samples decoded with the positions in the file, and returns how many of this packet's are to be kept.
    fn keep_time(&mut self, clock: Clock, frames: u64, log: &mut Log) -> u64 {
        match clock {
            Clock::None => {
                self.decoded += frames;
                frames
            }
            Clock::First(first) => {
                if !self.anchored {
                    // A stream joined in the middle states no length and begins anywhere; a file begins at 0.
                    let start = if self.claimed.is_none() { first as i64 } else { 0 };
                    (self.offset, self.anchored) = (start, true);
                }
                self.jump(first, log);
                self.decoded += frames;
                frames
            }
            Clock::Page { end, stream_end } => {
                self.decoded += frames;
                let mut keep = frames;
                if let Some(stream_end) = stream_end {
                    // Only the last packet is padded. Encoders may add more than one; then earlier ones are cut as well.
                    let valid = (stream_end as i64).saturating_sub(self.offset).max(0) as u64;
                    keep = frames.saturating_sub(self.decoded.saturating_sub(valid));
                    self.anchored = true;
                }
                if let Some(end) = end {
                    if !self.anchored {
                        (self.offset, self.anchored) = ((end as i64).saturating_sub(self.decoded as i64), true);
                    } else if self.lost {
                        self.jump(end, log);
                    }
                    self.lost = false;
                }
                keep
            }
        }
    }

    /// The file is at `position`; if that is later than what was decoded, samples are missing.
    fn jump(&mut self, position: u64, log: &mut Log) {
        let here = (self.decoded as i64).saturating_add(self.offset);
        let missing = (position as i64).saturating_sub(here);
        if missing > 0 {
            log.gap(missing as u64);
        }
        if missing != 0 && missing > -(1 << 40) {
            self.offset = self.offset.saturating_add(missing);
        }
    }

    /// Keeps samples after the stated end apart until it is clear whether they are padding.
    fn hold_back(&mut self, out: &mut Block, log: &mut Log) {
        let Some(trim) = self.trim else { return };
        let channels = usize::from(self.codec.channels);
        let room = trim.valid.saturating_sub(log.at_sample);
        let room = usize::try_from(room).unwrap_or(usize::MAX).saturating_mul(channels).min(out.len());
        if room == out.len() {
            return;
        }
        self.beyond.extend_from_slice(&out.f32()[room..]);
        out.cut(0, room);
        // One frame (1,152 samples) of tolerance: decoders differ in how they count their own delay.
        if self.beyond.len() > (trim.end as usize + 1152) * channels {
            log.push(Warning::LongerThanClaimed { claimed_samples: trim.valid });
            out.f32().append(&mut self.beyond);
            (self.trim, self.claimed) = (None, None);
        }
    }

    fn bad_packet(&mut self, why: &str, log: &mut Log) -> Result<()> {
        log.corrupt_packet();
        self.errors += 1;
        if self.errors > self.limits.max_consecutive_errors {
            return Err(ErrorKind::corrupt(format!("{} packets in a row cannot be decoded ({why})", self.errors)));
        }
        Ok(())
    }

    fn idle(&mut self) -> Result<()> {
        self.idle += 1;
        if self.idle > MAX_IDLE {
            return Err(ErrorKind::corrupt(format!("{} packets in a row hold no audio", self.idle)));
        }
        Ok(())
    }

    /// Another stream in the same file: the same kind of samples goes on, anything else is an error.
    fn restart(&mut self, info: &StreamInfo, log: &Log) -> Result<()> {
        self.idle()?;
        let codec = guarded("decoder", || Codec::new(&info.params, &self.limits))??;
        let (sample_rate_hz, channels) = (codec.sample_rate_hz, usize::from(codec.channels));
        self.check_same(&Decoded { frames: 0, sample_rate_hz, channels }, log)?;
        self.codec = codec;
        self.begin(info);
        Ok(())
    }

    fn finish(&mut self, log: &mut Log) -> Result<()> {
        let verified = guarded("decoder", || self.codec.verify())?;
        if let Some(claimed_samples) = self.claimed.filter(|&n| n > log.at_sample) {
            log.push(Warning::ShorterThanClaimed { claimed_samples, got_samples: log.at_sample });
        }
        if verified == Some(false) && !log.lost_samples() {
            log.push(Warning::ChecksumMismatch);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use symphonia::core::audio::Channels;
    use symphonia::core::codecs::audio::AudioCodecParameters;
    use symphonia::core::codecs::audio::well_known::CODEC_ID_MP3;

    /// A container reader that does what a broken one might.
    struct Rogue(&'static str);

    impl Demux for Rogue {
        fn next(&mut self, _: &mut Log) -> Result<Next> {
            match self.0 {
                "panic" => panic!("index out of bounds"),
                "broken" => Ok(Next::Broken),
                "other" => Ok(Next::Other),
                _ => Ok(Next::Packet(Packet::plain(Box::new([0xff; 64])))),
            }
        }
    }

    fn media(kind: &'static str) -> (Media, Block, Log) {
        let mut params = AudioCodecParameters::new();
        params.for_codec(CODEC_ID_MP3).with_sample_rate(48_000).with_channels(Channels::Discrete(1));
        let info = StreamInfo { container: "MP3", params, claimed_samples: None, trim: None };
        (Media::new(Box::new(Rogue(kind)), &info, &Limits::default()).unwrap(), Block::default(), Log::default())
    }

    #[test]
    fn a_panic_in_a_reader_is_an_error() {
        let (mut media, mut block, mut log) = media("panic");
        let error = media.next(&mut block, &mut log).unwrap_err();
        assert!(error.to_string().contains("container reader failed"), "{error}");
    }

    #[test]
    fn endless_nonsense_ends() {
        for (kind, text) in [("broken", "65 packets"), ("garbage", "65 packets"), ("other", "65537 packets")] {
            let (mut media, mut block, mut log) = media(kind);
            let error = media.next(&mut block, &mut log).unwrap_err().to_string();
            assert!(error.contains(text), "{kind}: {error}");
        }
    }
}
