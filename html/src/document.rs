//! The file: written while the work goes on, so that no more than one entry is ever held.

use std::io::{self, Write};

use otoscope::Config;
use otoscope::compare::Plan;
use serde_json::{Map, Value, json};

use crate::catalogue;
use crate::entry::Entry;
use crate::pack::deflate;

const HEAD: &str = include_str!("../page/head.html");
const STYLE: &str = include_str!("../page/style.css");
const BODY: &str = include_str!("../page/body.html");
/// In the order in which they need each other.
const SCRIPTS: [&str; 7] = [
    include_str!("../page/data.js"),
    include_str!("../page/dom.js"),
    include_str!("../page/draw.js"),
    include_str!("../page/player.js"),
    include_str!("../page/overview.js"),
    include_str!("../page/detail.js"),
    include_str!("../page/main.js"),
];

/// Bytes of audio in one file: browsers begin to labour at some hundreds of megabytes.
const MOST_AUDIO: usize = 128 << 20;
/// An entry may take so many times its fair share of what is left: most have no findings and take nothing.
const SHARES: usize = 4;
/// But so much always, while there is room.
const LEAST_SHARE: usize = 256 << 10;

/// A report as one HTML file, of the size the crate's page tells. Entries are shown worst first, whatever their order here.
pub struct Document<W: Write> {
    out: W,
    kind: &'static str,
    catalogue: Value,
    rows: Vec<Value>,
    expected: usize,
    audio_left: usize,
    clips_left_out: usize,
    bytes: u64,
}

impl<W: Write> Document<W> {
    /// A report of so many files, measured as `config` says, whatever its stream.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn of_reports(out: W, config: &Config, files: usize) -> io::Result<Self> {
        Self::new(out, "probe", catalogue::of_metrics(config), files)
    }

    /// A report of so many pairs.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn of_comparisons(out: W, plan: &Plan, pairs: usize) -> io::Result<Self> {
        Self::new(out, "compare", catalogue::of_scores(plan), pairs)
    }

    fn new(out: W, kind: &'static str, catalogue: Value, expected: usize) -> io::Result<Self> {
        let (rows, audio_left) = (Vec::new(), MOST_AUDIO);
        let mut document = Self { out, kind, catalogue, rows, expected, audio_left, clips_left_out: 0, bytes: 0 };
        document.write(&[HEAD, "<style>\n", STYLE, "</style>\n", BODY])?;
        Ok(document)
    }

    fn write(&mut self, parts: &[&str]) -> io::Result<()> {
        for part in parts {
            self.bytes += part.len() as u64;
            self.out.write_all(part.as_bytes())?;
        }
        Ok(())
    }

    /// Data that the page unpacks when it is needed. It is base64: nothing in it can end the element.
    fn data(&mut self, id: &str, text: &str) -> io::Result<()> {
        self.write(&["<script type=\"text/plain\" id=\"", id, "\">", text, "</script>\n"])
    }

    /// Writes one entry.
    ///
    /// # Errors
    /// What the output answers.
    pub fn add(&mut self, entry: Entry) -> io::Result<()> {
        let Entry { mut row, detail, mut clips } = entry;
        let index = self.rows.len();
        // Samples from memory have no name, and a line must have something to open.
        if row.get("name").and_then(Value::as_str) == Some("") {
            row.insert("name".to_owned(), json!(format!("no. {}", index + 1)));
        }
        if let Some(detail) = &detail {
            self.data(&format!("d{index}"), detail)?;
        }
        let waiting = self.expected.saturating_sub(index).max(1);
        let mut room = self.audio_left.min((SHARES * self.audio_left / waiting).max(LEAST_SHARE));
        // The worst get a place first; the page has them in the order of time.
        let mut order: Vec<usize> = (0..clips.len()).collect();
        order.sort_by_key(|&i| (std::cmp::Reverse(clips[i].2.worst), i));
        let mut kept = vec![false; clips.len()];
        for i in order {
            let size = clips[i].2.text.len();
            if size <= room {
                room -= size;
                self.audio_left -= size;
                kept[i] = true;
            }
        }
        self.clips_left_out += kept.iter().filter(|&&k| !k).count();
        let mut flags = kept.into_iter();
        clips.retain(|_| flags.next().unwrap_or(false));
        let mut places = Vec::new();
        for (i, (side, rate_hz, clip)) in clips.iter().enumerate() {
            self.data(&format!("c{index}.{i}"), &clip.text)?;
            places.push(json!({
                "side": side, "rate": rate_hz, "channels": clip.channels, "start": clip.start, "len": clip.len,
            }));
        }
        if !places.is_empty() {
            row.insert("clips".to_owned(), places.into());
        }
        self.rows.push(row.into());
        Ok(())
    }

    /// Writes the overview and the program, and gives the output back with the length of the file in bytes.
    ///
    /// # Errors
    /// What the output answers.
    pub fn finish(mut self) -> io::Result<(W, u64)> {
        let mut index = Map::new();
        index.insert("kind".to_owned(), json!(self.kind));
        index.insert("version".to_owned(), json!(otoscope::VERSION));
        index.insert("catalogue".to_owned(), std::mem::take(&mut self.catalogue));
        index.insert("clips_left_out".to_owned(), json!(self.clips_left_out));
        index.insert("rows".to_owned(), std::mem::take(&mut self.rows).into());
        let text = deflate(Value::from(index).to_string().as_bytes());
        self.data("index", &text)?;
        self.write(&["<script>\n\"use strict\";\n"])?;
        for script in SCRIPTS {
            self.write(&[script, "\n"])?;
        }
        self.write(&["</script>\n</body>\n</html>\n"])?;
        self.out.flush()?;
        Ok((self.out, self.bytes))
    }
}

#[cfg(test)]
mod tests {
    use otoscope::Severity;

    use super::*;
    use crate::clips::Clip;

    fn entry(clips: &[(usize, Severity)]) -> Entry {
        let clip = |&(size, worst): &(usize, Severity)| {
            ("", 8_000, Clip { start: 0, len: 1, channels: 1, worst, text: "A".repeat(size) })
        };
        Entry { row: Map::new(), detail: None, clips: clips.iter().map(clip).collect() }
    }

    fn kept(document: &Document<Vec<u8>>) -> Vec<usize> {
        document.rows.iter().map(|row| row.get("clips").and_then(Value::as_array).map_or(0, Vec::len)).collect()
    }

    #[test]
    fn audio_has_a_bound_and_the_worst_come_first() {
        let plan = otoscope::compare::Config::new(["snr"]).freeze().expect("known");
        let mut document = Document::of_comparisons(Vec::new(), &plan, 3).expect("memory");
        document.audio_left = 1000;
        document.add(entry(&[(600, Severity::Info), (600, Severity::Error)])).expect("memory");
        document.add(entry(&[(400, Severity::Info)])).expect("memory");
        document.add(entry(&[(1, Severity::Error)])).expect("memory");
        assert_eq!((kept(&document), document.audio_left, document.clips_left_out), (vec![1, 1, 0], 0, 2));
    }

    #[test]
    fn no_file_takes_what_a_thousand_others_need() {
        let plan = otoscope::compare::Config::new(["snr"]).freeze().expect("known");
        let mut document = Document::of_comparisons(std::io::sink(), &plan, 1000).expect("memory");
        let share = MOST_AUDIO / 1000;
        document.add(entry(&[(share, Severity::Error); 10])).expect("memory");
        assert_eq!(document.clips_left_out, 10 - SHARES);
    }
}
