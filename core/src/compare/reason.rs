//! Why there is no score: a name for machines and a sentence that says what to do.

use core::fmt;

/// One of the two signals.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// The signal as it should be.
    Reference,
    /// The signal that is judged.
    Degraded,
}

impl Side {
    /// The word used in messages and JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Reference => "reference",
            Self::Degraded => "degraded",
        }
    }
}

/// Why a score does not exist for a pair. Audio never fails: a pair without a score has one of these.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Reason {
    /// All samples of the reference are zero, or nothing of it is left where the score listens.
    SilentReference,
    /// All samples of the degraded signal are zero, or nothing of it is left where the score listens.
    SilentDegraded,
    /// A signal is shorter than the score's definition needs.
    TooShort {
        /// Which signal.
        side: Side,
        /// Its duration in seconds.
        have_s: f64,
        /// The shortest allowed duration in seconds.
        need_s: f64,
    },
    /// No stretch of speech is long enough for the score's definition.
    NoSpeech {
        /// Which signal.
        side: Side,
        /// The longest stretch found, in milliseconds.
        longest_run_ms: f64,
    },
    /// A sample is NaN or infinite.
    NotFinite {
        /// Which signal.
        side: Side,
        /// The first such sample.
        index: usize,
    },
    /// The score is not defined at this sample rate.
    RateUnsupported {
        /// The rate given, in hertz.
        rate_hz: u32,
        /// The rates it is defined at.
        need: &'static str,
    },
    /// The score compares sample with sample, and the rates differ.
    RateMismatch {
        /// The rate of the reference in hertz.
        reference_hz: u32,
        /// The rate of the degraded signal in hertz.
        degraded_hz: u32,
    },
    /// The score compares sample with sample, and the lengths differ.
    LengthMismatch {
        /// Samples of the reference.
        reference_samples: usize,
        /// Samples of the degraded signal.
        degraded_samples: usize,
    },
    /// The two signals are equal (or equal but for a factor the score ignores), and the score would be infinite.
    Identical,
    /// The score of this pair is no number, though nothing is wrong with either signal alone.
    Undefined(&'static str),
    /// A file of the pair could not be read; only where files are compared.
    Unreadable(Side),
}

impl Reason {
    /// The name used as `status` in JSON and tables.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::SilentReference => "silent_reference",
            Self::SilentDegraded => "silent_degraded",
            Self::TooShort { .. } => "too_short",
            Self::NoSpeech { .. } => "no_speech",
            Self::NotFinite { .. } => "nan_at",
            Self::RateUnsupported { .. } => "rate_unsupported",
            Self::RateMismatch { .. } => "rate_mismatch",
            Self::LengthMismatch { .. } => "length_mismatch",
            Self::Identical => "identical",
            Self::Undefined(_) => "undefined",
            Self::Unreadable(_) => "unreadable",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::SilentReference => f.write_str("the reference is silent: nothing to compare with"),
            Self::SilentDegraded => f.write_str("the degraded signal is silent: silence gets no score"),
            Self::TooShort { side, have_s, need_s } => {
                write!(f, "the {} signal lasts {have_s:.3} s; {need_s:.3} s are needed", side.name())
            }
            Self::NoSpeech { side, longest_run_ms } => {
                write!(f, "no speech in the {} signal: its longest active run is {longest_run_ms:.0} ms", side.name())
            }
            Self::NotFinite { side, index } => {
                write!(f, "sample {index} of the {} signal is NaN or infinite", side.name())
            }
            Self::RateUnsupported { rate_hz, need } => write!(f, "not defined at {rate_hz} Hz, but at {need}"),
            Self::RateMismatch { reference_hz, degraded_hz } => write!(
                f,
                "the reference has {reference_hz} Hz and the degraded signal {degraded_hz} Hz: resample one of them"
            ),
            Self::LengthMismatch { reference_samples, degraded_samples } => write!(
                f,
                "{reference_samples} samples against {degraded_samples}: cut them to one length, or align by delay"
            ),
            Self::Identical => f.write_str("the signals are equal: the score would be infinite"),
            Self::Undefined(why) => f.write_str(why),
            Self::Unreadable(side) => write!(f, "the {} file could not be read", side.name()),
        }
    }
}
