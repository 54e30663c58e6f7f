//! How much text a stream is to speak, from the command line.

use crate::problem::Problem;
use otoscope::{Script, TextHint};

/// What is known of the text.
#[derive(Debug, Clone, clap::Args)]
pub struct TextArgs {
    /// The speech is of N letters: finds speech that runs on or breaks off
    #[arg(long, value_name = "N", conflicts_with = "text")]
    text_len: Option<u32>,
    /// The script of --text-len: latin, cyrillic, greek, abjad, indic, southeast_asian, han, kana, hangul
    #[arg(long, value_name = "NAME", requires = "text_len", default_value = "latin", value_parser = script)]
    script: Script,
    /// The text of the speech, or @FILE; only its length is used
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
}

fn script(name: &str) -> Result<Script, String> {
    let names = || Script::ALL.map(Script::name).join(", ");
    Script::from_name(name).ok_or_else(|| format!("no such script; one of {}", names()))
}

impl TextArgs {
    /// The length, if it is known.
    pub fn hint(&self) -> Result<Option<TextHint>, Problem> {
        if let Some(chars) = self.text_len {
            return Ok(Some(TextHint::new(chars, self.script)));
        }
        let Some(text) = &self.text else { return Ok(None) };
        let Some(path) = text.strip_prefix('@') else { return Ok(Some(TextHint::of(text))) };
        let text = std::fs::read_to_string(path).map_err(|e| Problem::reading(path.as_ref(), &e))?;
        Ok(Some(TextHint::of(&text)))
    }
}
