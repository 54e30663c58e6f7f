//! The writer's side of the spool: records go to the end of the newest segment, and nothing else is ever written to.
//!
//! Three watermarks, never mixed up: a record is *accepted* once it is in the ring, *written* once the operating system has it (it survives the
//! process), *durable* once it is synced (it survives the machine).

use crate::cursor;
use crate::record::Envelope;
use crate::segment::{self, Found, HEADER};
use crate::storage::{Appender, Storage};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::io;

/// What happens when the spool has its full size and nobody fetched the oldest records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Drop {
    /// The oldest segment goes; an exporter that had not read it goes on behind it and counts what it missed.
    #[default]
    Oldest,
    /// New records are refused and counted.
    Newest,
}

/// How large a spool may get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogOptions {
    /// A segment is closed at this size.
    pub segment_bytes: u64,
    /// All segments together. What every exporter has fetched is kept too, up to this size, so that it can be sent again.
    pub max_bytes: u64,
    /// What happens beyond that.
    pub drop: Drop,
}

impl Default for LogOptions {
    fn default() -> Self {
        Self { segment_bytes: 64 << 20, max_bytes: 4 << 30, drop: Drop::Oldest }
    }
}

/// What was found when a spool was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Repair {
    /// Bytes of a torn record that were cut off the newest segment: the machine or the process died while it was written.
    pub torn_bytes: u64,
    /// Records that are there.
    pub last_seq: u64,
}

/// What happened since the spool was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct LogCounters {
    /// Records of segments that were removed before every exporter had them.
    pub dropped_oldest: u64,
    /// Records that were refused because the spool was full.
    pub dropped_newest: u64,
    /// Records too long for a segment.
    pub too_long: u64,
    /// Writes or syncs that failed; their records were written again.
    pub failed_writes: u64,
    /// Bytes on disk.
    pub bytes: u64,
}

struct Current<F> {
    file: F,
    name: String,
    len: u64,
}

/// The writer's side of a spool.
pub(crate) struct Log<S: Storage> {
    storage: S,
    options: LogOptions,
    current: Option<Current<S::File>>,
    /// Closed segments, oldest first: name, first number, bytes.
    closed: VecDeque<(String, u64, u64)>,
    generation: u32,
    next_seq: u64,
    /// Not yet written, and the number of its first record.
    buffer: Vec<u8>,
    buffer_first: u64,
    /// Written and not yet durable: if the sync fails, it must be written again.
    unsynced: Vec<u8>,
    unsynced_first: u64,
    durable: u64,
    counters: LogCounters,
}

impl<S: Storage> Log<S> {
    /// Opens the spool in a folder that nobody else writes to, and repairs its end.
    pub(crate) fn open(storage: S, options: LogOptions) -> io::Result<(Self, Repair)> {
        let mut repair = Repair::default();
        let mut closed = VecDeque::new();
        let mut generation = 0;
        let mut last_seq = 0;
        let segments: Vec<(String, u64)> =
            storage.list()?.into_iter().filter(|(name, _)| segment::parse_name(name).is_some()).collect();
        for (i, (name, len)) in segments.iter().enumerate() {
            let (first, number) = segment::parse_name(name).unwrap_or_default();
            generation = generation.max(number + 1);
            last_seq = last_seq.max(first.saturating_sub(1));
            let mut len = *len;
            if i + 1 == segments.len() {
                let end = scan(&storage, name, &mut last_seq)?;
                if end < len {
                    repair.torn_bytes = len - end;
                    storage.truncate(name, end)?;
                    len = end;
                }
            }
            if len <= HEADER.len() as u64 {
                storage.remove(name)?;
            } else {
                closed.push_back((name.clone(), first, len));
            }
        }
        repair.last_seq = last_seq;
        // A cursor may be ahead of the log: what it points at was delivered, and lost here with the power. Its numbers are never used again.
        let next_seq = cursor::newest(&storage)?.max(last_seq) + 1;
        let counters = LogCounters { bytes: closed.iter().map(|(_, _, len)| len).sum(), ..LogCounters::default() };
        let log = Self {
            storage,
            options,
            current: None,
            closed,
            generation,
            next_seq,
            buffer: Vec::new(),
            buffer_first: next_seq,
            unsynced: Vec::new(),
            unsynced_first: next_seq,
            durable: next_seq - 1,
            counters,
        };
        Ok((log, repair))
    }

    /// The last number given out.
    #[cfg(test)]
    pub(crate) fn last(&self) -> u64 {
        self.next_seq - 1
    }

    /// The last record the operating system has.
    pub(crate) fn written(&self) -> u64 {
        if self.buffer.is_empty() { self.next_seq - 1 } else { self.buffer_first - 1 }
    }

    /// The last record that survives the machine.
    pub(crate) fn durable(&self) -> u64 {
        self.durable
    }

    /// Bytes that are held in memory, for they are not durable yet.
    pub(crate) fn held(&self) -> usize {
        self.buffer.len() + self.unsynced.len()
    }

    pub(crate) fn unsynced(&self) -> usize {
        self.unsynced.len()
    }

    pub(crate) fn counters(&self) -> LogCounters {
        self.counters
    }

    /// Takes a record into memory; false if it was refused, which is counted.
    pub(crate) fn append(&mut self, envelope: &Envelope, json: &[u8]) -> bool {
        if self.options.drop == Drop::Newest {
            let is_full = |log: &Self| log.total() + log.buffer.len() as u64 >= log.options.max_bytes;
            // What everybody has goes first. If it cannot be removed just now, the spool is full.
            if is_full(self) && (self.retire(self.buffer.len() as u64 + 1).is_err() || is_full(self)) {
                self.counters.dropped_newest += 1;
                return false;
            }
        }
        if self.buffer.is_empty() {
            self.buffer_first = self.next_seq;
        }
        if !segment::encode(self.next_seq, envelope, json, &mut self.buffer) {
            self.counters.too_long += 1;
            return false;
        }
        self.next_seq += 1;
        true
    }

    fn total(&self) -> u64 {
        self.closed.iter().map(|(_, _, len)| len).sum::<u64>() + self.current.as_ref().map_or(0, |c| c.len)
    }

    /// Gives everything to the operating system. After an error it is still held; call again later.
    pub(crate) fn write(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if self.current.is_none() {
            self.begin_segment()?;
        }
        let Some(current) = &mut self.current else { return Ok(()) };
        if let Err(error) = current.file.append(&self.buffer) {
            // Part of it may be there: nothing is written behind that. A reader that meets it finds the same records whole in the next segment.
            let (name, len) = (current.name.clone(), current.len);
            let _ = self.storage.truncate(&name, len);
            self.give_up_segment();
            return Err(error);
        }
        current.len += self.buffer.len() as u64;
        if self.unsynced.is_empty() {
            self.unsynced_first = self.buffer_first;
        }
        self.unsynced.append(&mut self.buffer);
        self.counters.bytes = self.total();
        Ok(())
    }

    /// Makes everything that was written durable. After an error it is held again, for a new segment: what a failed sync leaves on the disk
    /// nobody knows.
    pub(crate) fn sync(&mut self) -> io::Result<()> {
        let Some(current) = &mut self.current else { return Ok(()) };
        if self.unsynced.is_empty() {
            return Ok(());
        }
        if let Err(error) = current.file.sync() {
            self.give_up_segment();
            return Err(error);
        }
        let full = current.len >= self.options.segment_bytes;
        self.unsynced.clear();
        self.durable = self.written();
        if full {
            self.close_segment();
        }
        self.retire(0)
    }

    fn begin_segment(&mut self) -> io::Result<()> {
        let name = segment::name(self.buffer_first, self.generation);
        self.generation += 1;
        let result = self.storage.create(&name).and_then(|mut file| {
            file.append(&HEADER)?;
            file.sync()?;
            // Without its name a durable file is none.
            self.storage.sync_names()?;
            Ok(file)
        });
        match result {
            Ok(file) => {
                self.current = Some(Current { file, name, len: HEADER.len() as u64 });
                Ok(())
            }
            Err(error) => {
                self.counters.failed_writes += 1;
                let _ = self.storage.remove(&name);
                Err(error)
            }
        }
    }

    fn close_segment(&mut self) {
        if let Some(current) = self.current.take() {
            let first = segment::parse_name(&current.name).map_or(0, |(first, _)| first);
            self.closed.push_back((current.name, first, current.len));
        }
    }

    /// Nothing more is written to this segment, and what of it is not durable goes into the next one.
    fn give_up_segment(&mut self) {
        self.counters.failed_writes += 1;
        self.close_segment();
        if !self.unsynced.is_empty() {
            self.buffer_first = self.unsynced_first;
            self.unsynced.append(&mut self.buffer);
            std::mem::swap(&mut self.unsynced, &mut self.buffer);
        }
    }

    /// Removes what is too much if so many bytes more come: first what every exporter has, then, if that is the policy, what somebody has not.
    fn retire(&mut self, more: u64) -> io::Result<()> {
        let mut changed = false;
        while self.total() + more > self.options.max_bytes {
            let Some((name, first, _)) = self.closed.front() else { break };
            // Up to the next segment's beginning, or to what is being written.
            let end = self.closed.get(1).map_or(self.durable + 1, |(_, next, _)| *next);
            let fetched = cursor::oldest(&self.storage)?.unwrap_or(0);
            let lost = end.saturating_sub((*first).max(fetched + 1));
            if lost > 0 && self.options.drop == Drop::Newest {
                break;
            }
            self.storage.remove(name)?;
            self.counters.dropped_oldest += lost;
            self.closed.pop_front();
            changed = true;
        }
        self.counters.bytes = self.total();
        if changed { self.storage.sync_names() } else { Ok(()) }
    }
}

/// Where the last whole record of a segment ends.
fn scan<S: Storage>(storage: &S, name: &str, last_seq: &mut u64) -> io::Result<u64> {
    const PIECE: usize = 4 << 20;
    let header = storage.read(name, 0, HEADER.len())?;
    if header != HEADER {
        return Ok(0);
    }
    // The end of the last record, and where reading goes on.
    let (mut end, mut at) = (HEADER.len() as u64, HEADER.len() as u64);
    loop {
        let bytes = storage.read(name, at, PIECE)?;
        let mut offset = 0;
        loop {
            match segment::decode(&bytes[offset..]) {
                Found::Record(record, len) => {
                    *last_seq = (*last_seq).max(record.seq);
                    offset += len;
                    end = at + offset as u64;
                }
                Found::Incomplete => break,
                // Damage with a record behind it is no torn end: it stays for readers to name.
                Found::Damage => match segment::resynchronise(&bytes[offset..]) {
                    Some(skip) => offset += skip,
                    None => break,
                },
            }
        }
        if bytes.len() < PIECE {
            return Ok(end);
        }
        // What cannot be read in so much is no record.
        at += if offset == 0 { (PIECE - segment::LONGEST) as u64 } else { offset as u64 };
    }
}
