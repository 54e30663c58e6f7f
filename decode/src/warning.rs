//! Damage that did not end the stream: told, never hidden.

use std::fmt;

/// Something that was lost, skipped or contradictory in a source whose samples were delivered all the same. Positions and
/// lengths are samples per channel of the output. Each kind appears once in [`Source::warnings`](crate::Source::warnings),
/// summed up.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// Packets that could not be decoded were left out; what follows moves forward in time.
    CorruptPackets {
        /// How many.
        count: u64,
        /// Samples delivered before the first of them.
        first_at_sample: u64,
    },
    /// The stream's own positions jump: samples are missing in between.
    Gaps {
        /// How many jumps.
        count: u64,
        /// Missing samples in total.
        samples: u64,
        /// Samples delivered before the first jump.
        first_at_sample: u64,
    },
    /// The source ends in the middle of a packet, or without the mark that ends its format.
    Truncated {
        /// Samples delivered before the end.
        at_sample: u64,
    },
    /// The header claims more samples than there are.
    ShorterThanClaimed {
        /// What the header claims.
        claimed_samples: u64,
        /// What there is.
        got_samples: u64,
    },
    /// The header claims fewer samples than there are; all of them were delivered.
    LongerThanClaimed {
        /// What the header claims.
        claimed_samples: u64,
    },
    /// The last bytes do not make a whole sample for every channel and were left out.
    PartialFrame {
        /// How many bytes.
        bytes: u64,
    },
    /// Bytes after the end of the audio data belong to no known structure and were left out.
    TrailingBytes {
        /// How many bytes (counting stops after 1 MiB).
        bytes: u64,
        /// They begin with the header of another WAV file: the file is several WAVs one after the other.
        another_wav: bool,
    },
    /// Bytes between packets that belong to no packet were skipped.
    SkippedBytes {
        /// How many bytes.
        bytes: u64,
    },
    /// The decoded samples do not have the checksum that the file states (FLAC MD5).
    ChecksumMismatch,
    /// Two fields of the header contradict each other.
    Header {
        /// Which, and what was done.
        what: &'static str,
    },
    /// The file holds several audio tracks; the first one was decoded.
    IgnoredTracks {
        /// How many were left out.
        count: u64,
    },
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CorruptPackets { count, first_at_sample } => {
                write!(f, "{count} damaged packets left out, the first after sample {first_at_sample}")
            }
            Self::Gaps { count, samples, first_at_sample } => {
                write!(f, "{samples} samples missing in {count} places, the first after sample {first_at_sample}")
            }
            Self::Truncated { at_sample } => write!(f, "cut off after sample {at_sample}"),
            Self::ShorterThanClaimed { claimed_samples, got_samples } => {
                write!(f, "the header claims {claimed_samples} samples, there are {got_samples}")
            }
            Self::LongerThanClaimed { claimed_samples } => {
                write!(f, "the header claims {claimed_samples} samples, there are more")
            }
            Self::PartialFrame { bytes } => {
                write!(f, "{bytes} bytes at the end are not a whole sample and were left out")
            }
            Self::TrailingBytes { bytes, another_wav: false } => {
                write!(f, "{bytes} unknown bytes after the audio data were left out")
            }
            Self::TrailingBytes { bytes, another_wav: true } => write!(
                f,
                "another WAV file follows the first in the same file ({bytes} bytes or more) and was left out: split it"
            ),
            Self::SkippedBytes { bytes } => write!(f, "{bytes} bytes between packets were skipped"),
            Self::ChecksumMismatch => f.write_str("the samples do not have the MD5 checksum in the header"),
            Self::Header { what } => f.write_str(what),
            Self::IgnoredTracks { count } => write!(f, "{count} further audio tracks were left out"),
        }
    }
}

/// The warnings of one source, each kind once.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: Vec<Warning>,
    /// Samples per channel delivered so far: where a new warning happens.
    pub(crate) at_sample: u64,
}

impl Log {
    pub(crate) fn entries(&self) -> &[Warning] {
        &self.entries
    }

    pub(crate) fn push(&mut self, new: Warning) {
        use std::mem::discriminant;
        // Header contradictions have different texts; everything else is summed into one entry.
        let same = |old: &&mut Warning| match (&**old, &new) {
            (Warning::Header { what: a }, Warning::Header { what: b }) => a == b,
            (a, b) => discriminant(a) == discriminant(b),
        };
        match self.entries.iter_mut().find(same) {
            None => self.entries.push(new),
            Some(old) => match (old, new) {
                (Warning::CorruptPackets { count, .. }, Warning::CorruptPackets { count: n, .. })
                | (Warning::IgnoredTracks { count }, Warning::IgnoredTracks { count: n }) => *count += n,
                (Warning::Gaps { count, samples, .. }, Warning::Gaps { count: n, samples: s, .. }) => {
                    *count += n;
                    *samples = samples.saturating_add(s);
                }
                (Warning::SkippedBytes { bytes }, Warning::SkippedBytes { bytes: n }) => *bytes += n,
                _ => {}
            },
        }
    }

    pub(crate) fn corrupt_packet(&mut self) {
        self.push(Warning::CorruptPackets { count: 1, first_at_sample: self.at_sample });
    }

    pub(crate) fn gap(&mut self, samples: u64) {
        self.push(Warning::Gaps { count: 1, samples, first_at_sample: self.at_sample });
    }

    pub(crate) fn truncated(&mut self) {
        self.push(Warning::Truncated { at_sample: self.at_sample });
    }

    pub(crate) fn skipped(&mut self, bytes: u64) {
        if bytes > 0 {
            self.push(Warning::SkippedBytes { bytes });
        }
    }

    /// Whether any sample was lost so far.
    pub(crate) fn lost_samples(&self) -> bool {
        self.entries.iter().any(|w| {
            matches!(
                w,
                Warning::CorruptPackets { .. }
                    | Warning::Gaps { .. }
                    | Warning::Truncated { .. }
                    | Warning::ShorterThanClaimed { .. }
            )
        })
    }
}
