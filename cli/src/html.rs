//! `--html`: a report as one file to look at and listen to.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind};
use std::path::PathBuf;

use otoscope_html::{Audio, Document, Entry};

use crate::problem::{Problem, Stop};
use crate::table::plural;
use crate::term;

/// The options of the commands that can write such a file.
#[derive(Debug, Clone, clap::Args)]
pub struct HtmlArgs {
    /// Write one HTML file with everything in it: waveforms, spectrograms, audio at findings; it takes the place of the table
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// What of the audio the HTML file carries
    #[arg(long, value_name = "WHAT", value_enum, default_value = "findings", requires = "html")]
    pub html_audio: HtmlAudio,
}

/// What of the audio an HTML file carries.
#[derive(Debug, Clone, Copy, clap::ValueEnum)]
pub enum HtmlAudio {
    /// None
    None,
    /// What is around findings, at most 20 s a file
    Findings,
    /// All of it, at most 10 min a file
    All,
}

impl HtmlArgs {
    /// What of the audio is wanted.
    pub fn audio(&self) -> Audio {
        match self.html_audio {
            HtmlAudio::None => Audio::None,
            HtmlAudio::Findings => Audio::Findings,
            HtmlAudio::All => Audio::All,
        }
    }

    /// Begins the file, if one is wanted: before the work, so that a bad place is told at once.
    pub fn open(
        &self,
        begin: impl FnOnce(BufWriter<File>) -> io::Result<Document<BufWriter<File>>>,
    ) -> Result<Option<Page>, Problem> {
        let Some(path) = &self.html else { return Ok(None) };
        let begun = otoscope_html::create(path).and_then(begin);
        let document = begun.map_err(|e| match e.kind() {
            ErrorKind::AlreadyExists => {
                Problem::new(path.display().to_string(), e.to_string(), "give --html another name, or delete it first")
            }
            _ => Problem::writing(path, &e),
        })?;
        Ok(Some(Page { path: path.clone(), document, entries: 0 }))
    }
}

/// The file while it is written.
pub struct Page {
    path: PathBuf,
    document: Document<BufWriter<File>>,
    entries: usize,
}

impl Page {
    /// Adds what was made of one file or pair.
    pub fn add(&mut self, entry: Option<Entry>) -> Result<(), Problem> {
        let Some(entry) = entry else { return Ok(()) };
        self.entries += 1;
        self.document.add(entry).map_err(|e| Problem::writing(&self.path, &e))
    }

    /// Ends the file, and says on stderr what there is.
    pub fn finish(self, thing: &str, quiet: bool) -> Result<(), Stop> {
        let (_, bytes) = self.document.finish().map_err(|e| Problem::writing(&self.path, &e))?;
        if !quiet {
            let name = self.path.display();
            term::note(&format!("otoscope: {name}: {}, {}", plural(self.entries, thing), size(bytes)));
        }
        Ok(())
    }
}

/// `740 kB`, `1.4 MB`
fn size(bytes: u64) -> String {
    let kb = bytes as f64 / 1000.0;
    if kb < 1000.0 { format!("{kb:.0} kB") } else { format!("{:.1} MB", kb / 1000.0) }
}

#[cfg(test)]
mod tests {
    #[test]
    fn sizes_are_short() {
        assert_eq!([super::size(739_600), super::size(1_440_000)], ["740 kB", "1.4 MB"]);
    }
}
