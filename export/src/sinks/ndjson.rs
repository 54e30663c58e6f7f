//! Lines of JSON: to standard output, or to a file that is rotated. At least once: after a crash a batch may come again.

use crate::record::{Record, envelope_of};
use crate::sink::{Failure, Rejected, Sink};
use crate::verify::{Counted, Counter};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

/// Where the lines go.
enum Out {
    Stdout,
    File { path: PathBuf, file: Option<File>, len: u64 },
}

/// See the module.
pub struct Ndjson {
    out: Out,
    rotate_bytes: u64,
    keep: u32,
}

impl Ndjson {
    /// To standard output.
    #[must_use]
    pub fn stdout() -> Self {
        Self { out: Out::Stdout, rotate_bytes: u64::MAX, keep: 0 }
    }

    /// To a file. Beyond `rotate_bytes` it is renamed to `NAME.1`, the one before to `NAME.2`, and so on; so many are kept.
    #[must_use]
    pub fn file(path: impl Into<PathBuf>, rotate_bytes: u64, keep: u32) -> Self {
        let out = Out::File { path: path.into(), file: None, len: 0 };
        Self { out, rotate_bytes: rotate_bytes.max(1), keep: keep.max(1) }
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let (path, file, len) = match &mut self.out {
            Out::Stdout => {
                let mut out = io::stdout().lock();
                out.write_all(lines)?;
                return out.flush();
            }
            Out::File { path, file, len } => (path, file, len),
        };
        if file.is_some() && *len >= self.rotate_bytes {
            *file = None;
            rotate(path, self.keep)?;
        }
        if file.is_none() {
            let mut opened = OpenOptions::new().create(true).read(true).append(true).open(&*path)?;
            *len = opened.metadata()?.len();
            // A line that was torn when the machine died is ended, so that only itself is lost to readers; it comes again whole.
            if *len > 0 && !ends_with_newline(path, *len)? {
                opened.write_all(b"\n")?;
                *len += 1;
            }
            *file = Some(opened);
        }
        let Some(opened) = file else { return Ok(()) };
        let result = opened.write_all(lines).and_then(|()| opened.sync_data());
        if result.is_err() {
            // What is half written is cut off again; where that fails too, the next opening ends the line.
            let _ = opened.set_len(*len);
            *file = None;
            return result;
        }
        *len += lines.len() as u64;
        Ok(())
    }
}

fn ends_with_newline(path: &Path, len: u64) -> io::Result<bool> {
    use io::{Read, Seek, SeekFrom};
    let mut file = File::open(path)?;
    file.seek(SeekFrom::Start(len - 1))?;
    let mut last = [0];
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}

fn numbered(path: &Path, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    PathBuf::from(name)
}

fn rotate(path: &Path, keep: u32) -> io::Result<()> {
    for n in (1..keep).rev() {
        if numbered(path, n).exists() {
            fs::rename(numbered(path, n), numbered(path, n + 1))?;
        }
    }
    fs::rename(path, numbered(path, 1))
}

/// The number and the digests of the records in a file and its rotated ones, for each hour; each id and revision once.
///
/// # Errors
/// What the operating system answers; `NotFound` without the file.
pub fn hours(path: &Path) -> io::Result<Counted> {
    let mut counter = Counter::default();
    let mut files = vec![path.to_owned()];
    files.extend((1..).map(|n| numbered(path, n)).take_while(|p| p.exists()));
    for file in files {
        for line in BufReader::new(File::open(file)?).split(b'\n') {
            // A torn line is no record; the record came again behind it.
            if let Some(envelope) = envelope_of(&line?) {
                counter.add(&envelope);
            }
        }
    }
    Ok(counter.counted())
}

impl Sink for Ndjson {
    fn name(&self) -> &str {
        "ndjson"
    }

    fn deliver(&mut self, batch: &[Record]) -> Result<Vec<Rejected>, Failure> {
        let mut lines = Vec::with_capacity(batch.iter().map(|r| r.json.len() + 1).sum());
        for record in batch {
            lines.extend_from_slice(&record.json);
            lines.push(b'\n');
        }
        self.write(&lines).map(|()| Vec::new()).map_err(Failure::later)
    }
}
