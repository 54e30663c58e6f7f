//! How far everything is, from the files beside a spool.

use crate::cursor::{self, Cursor};
use crate::run::spools;
use crate::spool::{STATE, SpoolState};
use crate::storage::{Disk, Storage};
use serde::{Deserialize, Serialize};
use std::io;
use std::path::{Path, PathBuf};

/// What a sink is doing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SinkStatus {
    /// `delivering`, `idle`, `waiting` for the store, or `stopped` until somebody changes something.
    pub state: String,
    /// Why it waits or is stopped.
    pub reason: Option<String>,
}

pub(crate) fn status_file(sink: &str) -> String {
    format!("status-{sink}.json")
}

/// One sink of one spool.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct SinkState {
    /// Its name.
    pub sink: String,
    /// How far it is.
    pub cursor: Cursor,
    /// Records that are written and not delivered.
    pub lag: u64,
    /// What it is doing, as it last said.
    pub status: SinkStatus,
}

/// One writer's folder.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct SpoolStatus {
    /// The folder.
    pub folder: PathBuf,
    /// What the writer left; it does so every two seconds.
    pub writer: SpoolState,
    /// Its sinks.
    pub sinks: Vec<SinkState>,
}

/// Everything below a spool's folder.
///
/// # Errors
/// What the operating system answers.
pub fn status(folder: &Path) -> io::Result<Vec<SpoolStatus>> {
    let mut all = Vec::new();
    for folder in spools(folder)? {
        let disk = Disk::new(&folder)?;
        let read = |name: &str| disk.read(name, 0, 1 << 16).unwrap_or_default();
        let writer: SpoolState = serde_json::from_slice(&read(STATE)).unwrap_or_default();
        let sinks = cursor::all(&disk)?.into_iter().map(|(sink, cursor)| SinkState {
            lag: writer.watermarks.written.saturating_sub(cursor.seq),
            status: serde_json::from_slice(&read(&status_file(&sink))).unwrap_or_default(),
            sink,
            cursor,
        });
        let sinks = sinks.collect();
        all.push(SpoolStatus { folder, writer, sinks });
    }
    Ok(all)
}
