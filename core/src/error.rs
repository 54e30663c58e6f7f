//! What can be wrong with a configuration or a call. Nothing here depends on the audio: audio never fails, it is
//! reported on.

use core::fmt;

/// Why a configuration was refused. Each says what was given and what is allowed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ConfigError {
    /// The sample rate is outside 8,000 to 192,000 Hz.
    SampleRate {
        /// The rate given, in hertz.
        hz: u32,
    },
    /// The number of channels is outside 1 to 8.
    Channels {
        /// The number given.
        channels: u32,
    },
    /// No metric or parameter of this name.
    UnknownKey {
        /// The key given.
        key: String,
        /// The nearest existing key.
        nearest: &'static str,
    },
    /// A number outside the range of its parameter (or not a number).
    OutOfRange {
        /// `metric.parameter`.
        key: String,
        /// The value given.
        value: f64,
        /// The lowest value allowed.
        min: f64,
        /// The highest value allowed.
        max: f64,
    },
    /// A fraction where things or samples are counted.
    NotWhole {
        /// `metric.parameter`.
        key: String,
        /// The value given.
        value: f64,
    },
    /// A text where a number is needed, or a word that is not one of the choices.
    NotAllowed {
        /// `metric.parameter`.
        key: String,
        /// The text given.
        value: String,
        /// What is allowed instead.
        allowed: String,
    },
    /// Two parameters contradict each other.
    Contradiction {
        /// What contradicts what, and what to do.
        message: &'static str,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SampleRate { hz } => write!(f, "sample rate {hz} Hz is outside 8000 to 192000 Hz"),
            Self::Channels { channels } => write!(f, "{channels} channels: 1 to 8 are possible"),
            Self::UnknownKey { key, nearest } => write!(f, "no metric or parameter `{key}`; did you mean `{nearest}`?"),
            Self::OutOfRange { key, value, min, max } => write!(f, "{key}: {value} is outside {min} to {max}"),
            Self::NotWhole { key, value } => write!(f, "{key}: {value} is not a whole number"),
            Self::NotAllowed { key, value, allowed } => write!(f, "{key}: `{value}` is not allowed; use {allowed}"),
            Self::Contradiction { message } => f.write_str(message),
        }
    }
}

impl std::error::Error for ConfigError {}

/// Why a push was refused. The stream is as it was before the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushError {
    /// The probe has finished; [`reset`](crate::Probe::reset) makes it listen again.
    Finished,
    /// The interleaved slice does not hold a whole number of samples for every channel.
    PartialFrame {
        /// The length of the slice.
        len: usize,
        /// The channels of the stream.
        channels: usize,
    },
}

impl fmt::Display for PushError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Finished => f.write_str("the probe has finished: reset it before pushing again"),
            Self::PartialFrame { len, channels } => {
                write!(f, "{len} interleaved samples are not a multiple of {channels} channels")
            }
        }
    }
}

impl std::error::Error for PushError {}
