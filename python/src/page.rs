//! The HTML page that goes with a table of many.

use crate::error::wrong_value;
use otoscope_html::{Audio, Detail, Document, Entry};
use pyo3::prelude::*;
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind};
use std::path::PathBuf;

/// What each thread must know to make its entries.
#[derive(Clone, Copy)]
pub(crate) struct Look {
    pub(crate) detail: Detail,
    pub(crate) audio: Audio,
}

/// The page while it is written.
pub(crate) struct Page {
    path: PathBuf,
    document: Document<BufWriter<File>>,
}

/// Begins the page, if one is wanted: before the work, so that a bad place is told at once.
pub(crate) fn open(
    path: Option<PathBuf>,
    audio: &str,
    entries: usize,
    begin: impl FnOnce(BufWriter<File>) -> io::Result<Document<BufWriter<File>>>,
) -> PyResult<Option<(Page, Look)>> {
    let audio = match audio {
        "none" => Audio::None,
        "findings" => Audio::Findings,
        "all" => Audio::All,
        other => {
            return Err(wrong_value("html_audio", format!("{other:?} is not known"), "use none, findings or all"));
        }
    };
    let Some(path) = path else { return Ok(None) };
    let document = otoscope_html::create(&path).and_then(begin).map_err(|e| match e.kind() {
        ErrorKind::AlreadyExists => wrong_value("html", format!("{} {e}", path.display()), "give another name"),
        _ => writing(&path, &e),
    })?;
    Ok(Some((Page { path, document }, Look { detail: Detail::of(entries), audio })))
}

fn writing(path: &std::path::Path, error: &io::Error) -> PyErr {
    io::Error::new(error.kind(), format!("{}: {error}", path.display())).into()
}

impl Page {
    pub(crate) fn add(&mut self, entry: Option<Entry>) -> PyResult<()> {
        let Some(entry) = entry else { return Ok(()) };
        self.document.add(entry).map_err(|e| writing(&self.path, &e))
    }

    pub(crate) fn finish(self) -> PyResult<()> {
        let Self { path, document } = self;
        document.finish().map(drop).map_err(|e| writing(&path, &e))
    }
}
