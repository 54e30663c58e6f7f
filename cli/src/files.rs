//! Which files the paths on the command line mean.

use std::path::{Path, PathBuf};

use walkdir::WalkDir;

use crate::problem::Problem;

/// Endings of audio files in a folder. A file named on the command line is opened whatever its name.
const AUDIO: &[&str] = &[
    "wav", "wave", "bwf", "rf64", "flac", "mp3", "ogg", "oga", "opus", "aac", "adts", "m4a", "m4b", "mp4", "webm",
    "mka", "mkv",
];

/// Endings of headerless files, for folders when the options say how raw files are written.
const RAW: &[&str] = &["raw", "pcm", "s16", "s16le", "sw", "f32", "f32le", "ul", "ulaw", "mulaw", "al", "alaw"];

/// What was found.
pub struct Found {
    /// The files, in the order of the paths, folders sorted by name.
    pub files: Vec<PathBuf>,
    /// Paths that led to nothing.
    pub problems: Vec<Problem>,
}

/// Whether the answer is about one file rather than a list: one path, and no folder.
pub fn is_single(paths: &[PathBuf]) -> bool {
    matches!(paths, [path] if !path.is_dir())
}

/// Whether a path stands for standard input.
pub fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == "-"
}

/// Finds the files.
pub fn find(paths: &[PathBuf], raw: bool) -> Found {
    let endings = if raw { RAW } else { AUDIO };
    let mut found = Found { files: Vec::new(), problems: Vec::new() };
    for path in paths {
        if is_stdin(path) || !path.is_dir() {
            found.files.push(path.clone());
            continue;
        }
        let before = found.files.len() + found.problems.len();
        for entry in WalkDir::new(path).follow_links(true).sort_by_file_name() {
            match entry {
                Ok(entry) if entry.file_type().is_file() && has_ending(entry.path(), endings) => {
                    found.files.push(entry.into_path());
                }
                Ok(_) => {}
                Err(error) => {
                    let place = error.path().unwrap_or(path).display().to_string();
                    let what = match error.loop_ancestor() {
                        Some(_) => "a link that leads back to a folder above it".to_owned(),
                        None => error.io_error().map_or_else(|| error.to_string(), |e| format!("cannot be read: {e}")),
                    };
                    found.problems.push(Problem::new(place, what, "remove it or change its permissions"));
                }
            }
        }
        if found.files.len() + found.problems.len() == before {
            let advice = format!("name a folder with files that end in {}", endings.join(", "));
            found.problems.push(Problem::new(path.display().to_string(), "no audio files in it", advice));
        }
    }
    found
}

/// Hidden files are left out: `._a.wav` beside `a.wav` holds what macOS knows of it, no audio.
fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
    let ending = path.extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    !hidden && ending.is_some_and(|e| endings.contains(&e.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endings_count_whatever_their_case_and_hidden_files_do_not() {
        let audio = |name: &str| has_ending(Path::new(name), AUDIO);
        assert!(audio("x/a.wav") && audio("B.FLAC") && audio("c.tar.Ogg"));
        assert!(!audio("._a.wav") && !audio("a.txt") && !audio("wav") && !audio("a.raw"));
        assert!(has_ending(Path::new("a.ULAW"), RAW));
    }
}
