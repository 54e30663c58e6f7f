//! What can go wrong between a file and its samples.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// Why a source could not be opened, or why it stopped. [`kind`](Self::kind) says what happened, and
/// [`path`](Self::path) to which file; the text is one line that says what is wrong and what to do about it.
///
/// Damage that did not end the stream is no error: it is told by [`Source::warnings`](crate::Source::warnings).
#[derive(Debug)]
pub struct DecodeError {
    kind: ErrorKind,
    path: Option<PathBuf>,
}

/// The reason inside a [`DecodeError`].
#[derive(Debug)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The operating system could not open or read the source.
    Io(io::Error),
    /// The bytes are of no format known here.
    UnknownFormat {
        /// What was found instead, for people.
        found: String,
    },
    /// The format is known, but not decoded here.
    Unsupported {
        /// The format, codec or feature.
        what: String,
        /// What to do instead.
        advice: String,
    },
    /// The bytes contradict their format so that nothing (more) can be decoded.
    Corrupt {
        /// What is wrong.
        what: String,
    },
    /// The source asks for more than [`Limits`](crate::Limits) allow.
    Limit {
        /// The quantity, with its unit.
        what: &'static str,
        /// What the source asks for; where that is not known, the first value over the limit.
        value: u64,
        /// The limit.
        limit: u64,
    },
    /// The sample rate or the number of channels changes in the middle of the stream.
    Changed {
        /// `"sample rate"` or `"number of channels"`.
        what: &'static str,
        /// The value at the start, in hertz or channels.
        from: u32,
        /// The new value, in the same unit.
        to: u32,
        /// Samples per channel delivered before the change.
        at_sample: u64,
    },
}

/// The result inside this crate: the path is added at the border.
pub(crate) type Result<T> = std::result::Result<T, ErrorKind>;

impl ErrorKind {
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::Corrupt { what: what.into() }
    }

    pub(crate) fn unsupported(what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into(), advice: advice.into() }
    }

    pub(crate) fn at(self, path: Option<&Path>) -> DecodeError {
        DecodeError { kind: self, path: path.map(Path::to_path_buf) }
    }
}

impl From<io::Error> for ErrorKind {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl DecodeError {
    /// What happened.
    #[must_use]
    pub fn kind(&self) -> &ErrorKind {
        &self.kind
    }

    /// The file, if the source was opened by path.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => write!(f, "cannot be read: {error}"),
            Self::UnknownFormat { found } => {
                write!(f, "not a known audio format ({found}); give WAV, FLAC, MP3, Ogg, AAC, MP4 or WebM")
            }
            Self::Unsupported { what, advice } => write!(f, "{what} is not supported: {advice}"),
            Self::Corrupt { what } => write!(f, "damaged: {what}"),
            Self::Limit { what, value, limit } => {
                write!(f, "{value} {what}: the limit is {limit} (see Limits to raise it)")
            }
            Self::Changed { what, from, to, at_sample } => write!(
                f,
                "the {what} changes from {from} to {to} after sample {at_sample}; split the file there, each part is one stream"
            ),
        }
    }
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.path {
            Some(path) => write!(f, "{}: {}", path.display(), self.kind),
            None => self.kind.fmt(f),
        }
    }
}

impl std::error::Error for DecodeError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.kind {
            ErrorKind::Io(error) => Some(error),
            _ => None,
        }
    }
}
