//! How much a file may ask for.

use crate::error::{ErrorKind, Result};

/// Bounds on what a source may make this crate allocate, read or try. A header is only a claim: nothing is allocated
/// because of a length that a file states, and everything that grows is bounded by one of these.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Most channels. Default: 8, what the probe takes.
    pub max_channels: u16,
    /// Lowest sample rate, in hertz. Default: 1.
    pub min_sample_rate_hz: u32,
    /// Highest sample rate, in hertz. Default: 768,000.
    pub max_sample_rate_hz: u32,
    /// Most bytes before the first sample (tags, cover art, indexes), read or skipped. Default: 16 MiB. This also bounds the
    /// memory that the index of an MP4 or WebM file can take.
    pub max_header_bytes: u64,
    /// Most bytes of one compressed packet, or of damage skipped between two packets. Default: 4 MiB.
    pub max_packet_bytes: u64,
    /// Undecodable packets in a row after which the rest is given up. Default: 64.
    pub max_consecutive_errors: u32,
    /// Most samples per channel; `None` (the default) sets no bound. A few kilobytes can honestly hold hours of silence: set
    /// this where strangers' files are decoded. What comes before the limit is delivered, then the stream ends in an error.
    pub max_samples_per_channel: Option<u64>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_channels: 8,
            min_sample_rate_hz: 1,
            max_sample_rate_hz: 768_000,
            max_header_bytes: 16 << 20,
            max_packet_bytes: 4 << 20,
            max_consecutive_errors: 64,
            max_samples_per_channel: None,
        }
    }
}

impl Limits {
    /// Refuses a sample rate or channel count outside the limits, zero included.
    pub(crate) fn check_spec(&self, sample_rate_hz: u32, channels: u64) -> Result<()> {
        if channels == 0 {
            return Err(ErrorKind::corrupt("the header states 0 channels"));
        }
        if channels > u64::from(self.max_channels) {
            return Err(ErrorKind::Limit { what: "channels", value: channels, limit: u64::from(self.max_channels) });
        }
        if sample_rate_hz == 0 {
            return Err(ErrorKind::corrupt("the header states a sample rate of 0 Hz"));
        }
        if sample_rate_hz > self.max_sample_rate_hz || sample_rate_hz < self.min_sample_rate_hz {
            let over = sample_rate_hz > self.max_sample_rate_hz;
            return Err(ErrorKind::Limit {
                what: if over { "Hz sample rate (most)" } else { "Hz sample rate (least)" },
                value: u64::from(sample_rate_hz),
                limit: u64::from(if over { self.max_sample_rate_hz } else { self.min_sample_rate_hz }),
            });
        }
        Ok(())
    }

    /// Refuses a header longer than the limit.
    pub(crate) fn check_header(&self, bytes: u64) -> Result<()> {
        if bytes > self.max_header_bytes {
            return Err(ErrorKind::Limit {
                what: "bytes of header, tags and cover art",
                value: bytes,
                limit: self.max_header_bytes,
            });
        }
        Ok(())
    }

    /// Refuses a packet longer than the limit.
    pub(crate) fn check_packet(&self, bytes: u64) -> Result<()> {
        if bytes > self.max_packet_bytes {
            return Err(ErrorKind::Limit { what: "bytes in one packet", value: bytes, limit: self.max_packet_bytes });
        }
        Ok(())
    }
}
