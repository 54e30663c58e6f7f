//! How much text a stream is to speak: its length and script, never the text itself.

/// How a text is written: what one character of it is worth in speech.
///
/// The speech time of a character and the characters of a syllable differ by script far more than by language: syllable
/// rates lie within 4.7 to 8 a second in all languages studied, and the information per second hardly differs
/// (Pellegrino, Coupé and Marsico 2011; Coupé et al. 2019).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum Script {
    /// Latin letters; also for alphabets that are not listed.
    #[default]
    Latin = 0,
    /// Cyrillic letters.
    Cyrillic = 1,
    /// Greek letters.
    Greek = 2,
    /// Arabic and Hebrew: short vowels are not written.
    Abjad = 3,
    /// Devanagari and its relatives: letters and vowel signs.
    Indic = 4,
    /// Thai, Lao, Khmer, Burmese.
    SoutheastAsian = 5,
    /// Chinese characters: one syllable each.
    Han = 6,
    /// Japanese: kana count one, Chinese characters among them two.
    Kana = 7,
    /// Korean syllable blocks.
    Hangul = 8,
}

impl Script {
    /// All scripts.
    pub const ALL: [Self; 9] = [
        Self::Latin,
        Self::Cyrillic,
        Self::Greek,
        Self::Abjad,
        Self::Indic,
        Self::SoutheastAsian,
        Self::Han,
        Self::Kana,
        Self::Hangul,
    ];

    /// The name on the command line and in Python.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Latin => "latin",
            Self::Cyrillic => "cyrillic",
            Self::Greek => "greek",
            Self::Abjad => "abjad",
            Self::Indic => "indic",
            Self::SoutheastAsian => "southeast_asian",
            Self::Han => "han",
            Self::Kana => "kana",
            Self::Hangul => "hangul",
        }
    }

    /// The script of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.name() == name)
    }

    /// Seconds of speech a character takes, pauses left out, at the rate of a reading voice.
    #[must_use]
    pub const fn char_s(self) -> f64 {
        match self {
            Self::Latin | Self::Greek => 0.068,
            Self::Cyrillic => 0.072,
            Self::Abjad => 0.105,
            Self::Indic => 0.1,
            Self::SoutheastAsian => 0.08,
            Self::Han => 0.22,
            Self::Kana => 0.125,
            Self::Hangul => 0.18,
        }
    }

    /// Characters per syllable that is heard as one: neighbouring vowels without a dip between them count once.
    #[must_use]
    pub const fn syllable_chars(self) -> f64 {
        match self {
            Self::Latin => 2.8,
            Self::Cyrillic => 2.5,
            Self::Greek => 2.4,
            Self::Abjad => 1.8,
            Self::Indic => 1.9,
            Self::SoutheastAsian => 3.2,
            Self::Han => 1.1,
            Self::Kana => 1.7,
            Self::Hangul => 1.15,
        }
    }

    /// The script of a letter, by Unicode block.
    const fn of(c: char) -> Self {
        match c as u32 {
            0x0370..=0x03ff | 0x1f00..=0x1fff => Self::Greek,
            0x0400..=0x052f | 0x1c80..=0x1c8f | 0x2de0..=0x2dff | 0xa640..=0xa69f => Self::Cyrillic,
            0x0590..=0x08ff | 0xfb1d..=0xfdff | 0xfe70..=0xfeff => Self::Abjad,
            0x0900..=0x0dff => Self::Indic,
            0x0e00..=0x0eff | 0x1000..=0x109f | 0x1780..=0x17ff => Self::SoutheastAsian,
            0x1100..=0x11ff | 0x3130..=0x318f | 0xac00..=0xd7ff => Self::Hangul,
            0x3040..=0x30ff | 0x31f0..=0x31ff | 0xff66..=0xff9f => Self::Kana,
            0x2e80..=0x2fdf | 0x3005..=0x3007 | 0x3400..=0x4dbf | 0x4e00..=0x9fff | 0xf900..=0xfaff => Self::Han,
            0x2_0000..=0x3_ffff => Self::Han,
            _ => Self::Latin,
        }
    }
}

/// How much text a stream is to speak. A length and a script, never the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TextHint {
    /// Characters that are spoken, counted as [`TextHint::of`] counts them.
    pub chars: u32,
    /// The script they are written in.
    pub script: Script,
}

/// A digit read out ("seven") and a spoken sign ("at", "percent", the "point" of 3.5) take as long as so many Latin letters.
const READ_OUT_LETTERS: f64 = 4.0;

impl TextHint {
    /// A hint of `chars` characters.
    #[must_use]
    pub const fn new(chars: u32, script: Script) -> Self {
        Self { chars, script }
    }

    /// Counts the letters of a text. Spaces and punctuation are not spoken and count nothing; a digit, and a sign that is
    /// read out (`@ % & + = # $ / \ _`, a point or colon inside a number or an address), count as four Latin letters. Of
    /// mixed scripts the one that takes the most time gives the unit, and the others are converted by their speech time.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut seconds = [0.0f64; Script::ALL.len()];
        let mut read_out = 0.0;
        let kana = text.chars().any(|c| Script::of(c) == Script::Kana);
        let mut before = ' ';
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let inside = || before.is_alphanumeric() && chars.clone().next().is_some_and(char::is_alphanumeric);
            if c.is_numeric() && !c.is_alphabetic() || "@%&+=#$€£/\\_".contains(c) || ".:".contains(c) && inside() {
                read_out += READ_OUT_LETTERS * Script::Latin.char_s();
            } else if c.is_alphabetic() {
                // Among kana a Chinese character is Japanese: two of their beats.
                let (script, count) = match Script::of(c) {
                    Script::Han if kana => (Script::Kana, 2.0),
                    script => (script, 1.0),
                };
                seconds[script as usize] += count * script.char_s();
            }
            before = c;
        }
        let most = |best: Script, s: Script| if seconds[s as usize] > seconds[best as usize] { s } else { best };
        let script = Script::ALL.into_iter().fold(Script::Latin, most);
        let total: f64 = seconds.iter().sum::<f64>() + read_out;
        Self { chars: (total / script.char_s()).round() as u32, script }
    }

    /// Seconds of speech the text takes at the rate of a reading voice.
    #[must_use]
    pub fn expected_s(self) -> f64 {
        f64::from(self.chars) * self.script.char_s()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_count_and_spaces_do_not() {
        let count = |text: &str| (TextHint::of(text).chars, TextHint::of(text).script);
        assert_eq!(count("Hello, world!"), (10, Script::Latin));
        assert_eq!(count("Привет, мир"), (9, Script::Cyrillic));
        assert_eq!(count("καλημέρα"), (8, Script::Greek));
        assert_eq!(count("שלום עולם"), (8, Script::Abjad));
        assert_eq!(count("你好，世界。"), (4, Script::Han));
        assert_eq!(count("図書館は休館です"), (5 * 2 + 3, Script::Kana), "five Chinese characters, three kana");
        assert_eq!(count("안녕하세요"), (5, Script::Hangul));
        assert_eq!(count("สวัสดี").1, Script::SoutheastAsian);
        assert_eq!(count("नमस्ते").1, Script::Indic);
        assert_eq!(count(""), (0, Script::Latin));
        assert_eq!(count(" ...!?\n"), (0, Script::Latin));
    }

    #[test]
    fn what_is_read_out_counts_as_words() {
        assert_eq!(TextHint::of("Room 12").chars, 4 + 2 * 4);
        assert_eq!(TextHint::of("3.5%").chars, 4 * 4, "three point five percent");
        assert_eq!(TextHint::of("a@b.de").chars, 4 + 2 * 4, "a at b dot de");
        assert_eq!(TextHint::of("End. Next").chars, 7, "a full stop is silent");
    }

    #[test]
    fn mixed_scripts_are_converted_by_their_speech_time() {
        let hint = TextHint::of("東京は Tokyo です");
        assert_eq!(hint.script, Script::Kana);
        // 2 x 2 + 1 + 2 beats, and five Latin letters at 0.068 s in beats of 0.125 s.
        assert_eq!(hint.chars, (7.0f64 + 5.0 * 0.068 / 0.125).round() as u32);
    }

    #[test]
    fn names_go_both_ways() {
        for (i, script) in Script::ALL.into_iter().enumerate() {
            assert_eq!((script as usize, Script::from_name(script.name())), (i, Some(script)));
        }
        assert_eq!(Script::from_name("klingon"), None);
    }
}
