//! The speech that is listened to: voices with their kind and half, takes loaded one by one.

use crate::texts;
use otoscope::TextHint;
use otoscope_fixtures::take::Take;
use otoscope_fixtures::{signals, speech};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Detectors are tuned on one half of the voices and judged by the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Half {
    /// Used while thresholds were chosen.
    Tuning,
    /// Never used for that.
    Judging,
}

impl Half {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Tuning, Self::Judging];

    /// In a word.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Tuning => "tuning",
            Self::Judging => "judging",
        }
    }
}

/// How a voice was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A recorded person.
    Human,
    /// A neural network.
    Neural,
    /// Joined units, formants or vocoder statistics.
    Classic,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Human, Self::Neural, Self::Classic];

    /// In a few words.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Neural => "neural",
            Self::Classic => "concatenative or parametric",
        }
    }
}

/// One voice.
#[derive(Debug, Clone)]
pub struct Voice {
    /// Its folder, or the name of the clip.
    pub name: String,
    /// Language code.
    pub language: String,
    /// `f`, `m`, `child` or empty.
    pub sex: String,
    /// How it was made.
    pub kind: Kind,
    /// Which half it belongs to.
    pub half: Half,
    /// Its files.
    pub files: Vec<PathBuf>,
    /// How much text each file speaks, where that is known.
    pub texts: Vec<Option<TextHint>>,
}

impl Voice {
    /// One of its files as a take.
    ///
    /// # Panics
    /// If it cannot be read.
    #[must_use]
    pub fn take(&self, file: usize) -> Take {
        let take = load(&self.files[file]);
        match self.texts[file] {
            Some(text) => take.saying(text.chars, text.script.name()),
            None => take,
        }
    }

    /// The file and those after it, round and round, until the take lasts so long; with half a second of noise at -75 dBFS
    /// between.
    ///
    /// # Panics
    /// If one cannot be read.
    #[must_use]
    pub fn long_take(&self, file: usize, least_s: f64) -> Take {
        let mut take = self.take(file);
        let mut next = file;
        while take.duration_s() < least_s {
            next = (next + 1) % self.files.len();
            let more = self.take(next);
            take.samples.extend(signals::white_gaussian(-75.0, take.sample_rate_hz, 0.5, next as u64));
            take.samples.extend(more.samples);
            // Nobody counted the letters of all of them together.
            take.text = None;
        }
        take
    }
}

/// The voices of a folder as `fixtures/fetch_clean_speech.sh` makes it, one folder of WAV files each; `voices.csv` says what they
/// are. Voices it does not list are somebody's own recordings: human, and for judging.
///
/// # Panics
/// If the folder cannot be read.
#[must_use]
pub fn folder(top: &Path) -> Vec<Voice> {
    let mut listed: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in std::fs::read_to_string(top.join("voices.csv")).unwrap_or_default().lines().skip(1) {
        let cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        listed.insert(cells[0].clone(), cells);
    }
    let hints = texts(top);
    let mut voices = Vec::new();
    for entry in std::fs::read_dir(top).unwrap_or_else(|e| panic!("{}: {e}", top.display())).flatten() {
        let files = files(&entry.path(), "wav");
        if files.is_empty() {
            continue;
        }
        let name = entry.file_name().to_string_lossy().into_owned();
        let cell = |i: usize| listed.get(&name).and_then(|cells| cells.get(i)).cloned().unwrap_or_default();
        let kind = match cell(5).as_str() {
            "neural" => Kind::Neural,
            "concatenative" | "parametric" => Kind::Classic,
            _ => Kind::Human,
        };
        let half = if cell(6) == "tuning" { Half::Tuning } else { Half::Judging };
        let hint = |file: &PathBuf| hints.get(&format!("{name}/{}", file.file_name()?.to_string_lossy())).copied();
        let texts = files.iter().map(hint).collect();
        voices.push(Voice { language: cell(3), sex: cell(4), kind, half, files, texts, name });
    }
    voices.sort_by(|a, b| a.name.cmp(&b.name));
    voices
}

/// The committed clips: a glimpse of a few voices of either half.
///
/// # Panics
/// If they cannot be read.
#[must_use]
pub fn committed() -> Vec<Voice> {
    /// Of these voices the thresholds have heard more.
    const TUNED_ON: [&str; 5] = ["flite_slt", "flite_rms", "piper_joe", "kokoro_alpha", "it_human"];
    let clips = speech::clips().expect("the committed speech");
    let voice = |clip: &speech::Clip| Voice {
        name: clip.name.clone(),
        language: clip.language.clone(),
        sex: String::new(),
        kind: match clip.kind {
            speech::Kind::Human => Kind::Human,
            speech::Kind::Neural => Kind::Neural,
            speech::Kind::Concatenative | speech::Kind::Other => Kind::Classic,
        },
        half: if TUNED_ON.iter().any(|v| clip.name.contains(v)) { Half::Tuning } else { Half::Judging },
        files: vec![speech::folder().join(format!("{}.flac", clip.name))],
        texts: vec![None],
    };
    clips.iter().map(voice).collect()
}

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> =
        entries.map(|e| e.path()).filter(|p| p.extension().is_some_and(|e| e == ending)).collect();
    files.sort();
    files
}

/// One file as a take.
///
/// # Panics
/// If it cannot be read, or is not mono with 16 bit.
#[must_use]
fn load(path: &Path) -> Take {
    if path.extension().is_some_and(|e| e == "flac") {
        let name = path.file_stem().unwrap_or_default().to_string_lossy();
        return Take::from_clip(&speech::load(&name).expect("a committed clip"));
    }
    let mut wav = hound::WavReader::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let spec = wav.spec();
    assert!(spec.channels == 1 && spec.bits_per_sample == 16, "{}: not mono with 16 bit", path.display());
    let samples = wav.samples::<i16>().map(|s| f32::from(s.expect("a sample")) / 32768.0).collect();
    Take::new(spec.sample_rate, samples)
}

/// Whether a name matches a pattern in which `*` stands for anything; a pattern without one may match anywhere.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    if !pattern.contains('*') {
        return name.contains(pattern);
    }
    let mut parts = pattern.split('*');
    let Some(mut rest) = name.strip_prefix(parts.next().unwrap_or("")) else { return false };
    let parts: Vec<&str> = parts.collect();
    for (i, part) in parts.iter().enumerate() {
        if i + 1 == parts.len() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns() {
        for (pattern, name, want) in [
            ("flite_*", "flite_slt", true),
            ("flite_*", "xflite_slt", false),
            ("*_it-*", "asterisk_it-carlo", true),
            ("*slt", "flite_slt", true),
            ("*slt", "flite_slt2", false),
            ("kal", "flite_kal16", true),
            ("a*b*a", "aba", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(matches(pattern, name), want, "{pattern} {name}");
        }
    }

    #[test]
    fn the_committed_speech_has_both_halves_and_all_kinds() {
        let voices = committed();
        assert!(Half::ALL.iter().all(|h| voices.iter().any(|v| v.half == *h)));
        assert!(Kind::ALL.iter().all(|k| voices.iter().any(|v| v.kind == *k)));
        let long = voices[0].long_take(0, 12.0);
        assert!(long.duration_s() >= 12.0 && long.samples.starts_with(&voices[0].take(0).samples));
    }
}
