//! What stops a command, told in one line: where, what, and what to do about it.

use std::fmt;
use std::io;
use std::path::Path;

use otoscope_decode::{DecodeError, ErrorKind};

/// One thing that went wrong. Printed as `otoscope: <place>: <what>; <what to do>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    place: String,
    what: String,
    advice: String,
}

impl Problem {
    /// A problem at a file or an option.
    pub fn new(place: impl Into<String>, what: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { place: place.into(), what: what.into(), advice: advice.into() }
    }

    /// A file of ours that cannot be read.
    pub fn reading(path: &Path, error: &io::Error) -> Self {
        Self::new(path.display().to_string(), io_text("read", error), io_advice(error))
    }

    /// A file of ours that cannot be written.
    pub fn writing(path: &Path, error: &io::Error) -> Self {
        let advice = match error.kind() {
            io::ErrorKind::NotFound => "make its folder first",
            io::ErrorKind::PermissionDenied => "choose another place or change its permissions",
            io::ErrorKind::StorageFull => "make room on the disk",
            _ => "choose another place",
        };
        Self::new(path.display().to_string(), io_text("write", error), advice)
    }

    /// A table of ours that cannot be written.
    pub fn writing_csv(path: &Path, error: csv::Error) -> Self {
        let error = match error.into_kind() {
            csv::ErrorKind::Io(e) => e,
            other => io::Error::other(format!("{other:?}")),
        };
        Self::writing(path, &error)
    }

    /// Audio that cannot be decoded. `name` is the path as the user gave it.
    pub fn decoding(name: &str, error: &DecodeError) -> Self {
        let (what, advice) = match error.kind() {
            ErrorKind::Io(e) => (io_text("read", e), io_advice(e).to_owned()),
            ErrorKind::UnknownFormat { found } => (
                format!("not a known audio format ({found})"),
                "give WAV, FLAC, MP3, Ogg, AAC, MP4 or WebM, or say how raw PCM is written with --raw-format"
                    .to_owned(),
            ),
            ErrorKind::Unsupported { what, advice } => (format!("{what} is not supported"), advice.clone()),
            ErrorKind::Corrupt { what } => (format!("damaged: {what}"), "make or download it again".to_owned()),
            ErrorKind::Limit { what, value, limit } => {
                (format!("{value} {what}: the limit is {limit}"), "convert it or split it".to_owned())
            }
            ErrorKind::Changed { what, from, to, at_sample } => (
                format!("the {what} changes from {from} to {to} after sample {at_sample}"),
                "split the file there, each part is one stream".to_owned(),
            ),
            other => (other.to_string(), "convert it, for example with `ffmpeg -i IN OUT.wav`".to_owned()),
        };
        Self::new(name, what, advice)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A name with a line break in it must not make two lines.
        let line = format!("{}: {}; {}", self.place, self.what, self.advice);
        f.write_str(&line.replace(['\n', '\r'], " "))
    }
}

impl std::error::Error for Problem {}

/// What the system says, without its error number.
fn io_text(verb: &str, error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "no such file or folder".to_owned(),
        io::ErrorKind::PermissionDenied => format!("no permission to {verb} it"),
        io::ErrorKind::IsADirectory => "it is a folder, not a file".to_owned(),
        _ => format!("cannot {verb} it: {error}"),
    }
}

fn io_advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::PermissionDenied => "change its permissions",
        io::ErrorKind::IsADirectory => "name a file in it",
        _ => "check the file and the disk",
    }
}

/// Why a command ends early.
#[derive(Debug)]
pub enum Stop {
    /// To be told on stderr; exit code 2.
    Told(Problem),
    /// Whoever read our output has enough (`| head`): no error, nothing to say.
    Pipe,
}

impl From<Problem> for Stop {
    fn from(problem: Problem) -> Self {
        Self::Told(problem)
    }
}
