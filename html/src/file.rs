//! Where a page is written to.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Read};
use std::path::Path;

/// Creates the file of a page. Another page there gives way; anything else stays: `probe *.wav --html take.wav` must not cost a recording.
///
/// # Errors
/// `AlreadyExists` for a file that is no HTML; what the operating system answers.
pub fn create(path: &Path) -> io::Result<BufWriter<File>> {
    if is_something_else(path) {
        let what = "is there already and is no HTML; it might be a recording";
        return Err(io::Error::new(ErrorKind::AlreadyExists, what));
    }
    File::create(path).map(BufWriter::new)
}

fn is_something_else(path: &Path) -> bool {
    // What cannot be read is told when it is written.
    let Ok(file) = File::open(path) else { return false };
    let regular = file.metadata().is_ok_and(|about| about.is_file());
    let mut start = Vec::new();
    let read = regular && file.take(64).read_to_end(&mut start).is_ok();
    read && !start.is_empty() && !start.trim_ascii_start().to_ascii_lowercase().starts_with(b"<!doctype html")
}
