//! How far an exporter has come: the end of what it has delivered without a gap, in a small file beside the segments.

use crate::storage::Storage;
use serde::{Deserialize, Serialize};
use std::io;

/// What one exporter has done with one spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct Cursor {
    /// Everything up to here is delivered, dead or skipped.
    pub seq: u64,
    /// Records delivered.
    pub delivered: u64,
    /// Records the store refused for good: they are in the dead-letter file.
    pub dead: u64,
    /// Numbers there was no record for: the spool was full, or the machine lost what was not durable.
    pub skipped: u64,
    /// Places where the spool was damaged, and went on behind.
    pub damages: u64,
    /// Bytes of those.
    pub damaged_bytes: u64,
    /// Records that were there before an exporter that only wants what is new began: it was not offered them.
    pub passed: u64,
    /// Whether this exporter only wants what is new: the spool keeps nothing for it while it is away.
    pub only_new: bool,
}

fn name(sink: &str) -> String {
    format!("cursor-{sink}.json")
}

fn is_cursor(name: &str) -> bool {
    name.starts_with("cursor-") && name.ends_with(".json")
}

/// Reads a cursor; at the beginning if there is none.
pub(crate) fn load<S: Storage>(storage: &S, sink: &str) -> io::Result<Cursor> {
    match storage.read(&name(sink), 0, 1 << 16) {
        Ok(text) => serde_json::from_slice(&text).map_err(|e| io::Error::new(io::ErrorKind::InvalidData, e)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Cursor::default()),
        Err(error) => Err(error),
    }
}

pub(crate) fn store<S: Storage>(storage: &S, sink: &str, cursor: &Cursor) -> io::Result<()> {
    storage.replace(&name(sink), serde_json::to_string(cursor)?.as_bytes())
}

/// Every exporter that has a cursor.
pub(crate) fn all<S: Storage>(storage: &S) -> io::Result<Vec<(String, Cursor)>> {
    let files = storage.list()?.into_iter().filter(|(name, _)| is_cursor(name));
    let sinks = files.map(|(file, _)| file["cursor-".len()..file.len() - ".json".len()].to_owned());
    sinks.map(|sink| Ok((sink.clone(), load(storage, &sink)?))).collect()
}

/// The cursor that is farthest; 0 if there is none.
pub(crate) fn newest<S: Storage>(storage: &S) -> io::Result<u64> {
    Ok(all(storage)?.iter().map(|(_, cursor)| cursor.seq).max().unwrap_or(0))
}

/// The cursor that is last, of those something is kept for; of all, if there is none of those.
pub(crate) fn oldest<S: Storage>(storage: &S) -> io::Result<Option<u64>> {
    let all = all(storage)?;
    let kept_for = all.iter().filter(|(_, cursor)| !cursor.only_new).map(|(_, cursor)| cursor.seq).min();
    Ok(kept_for.or_else(|| all.iter().map(|(_, cursor)| cursor.seq).min()))
}
