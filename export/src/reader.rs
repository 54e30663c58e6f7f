//! The readers' side of the spool: records in their order, each once, past whatever is damaged.

use crate::record::Record;
use crate::segment::{self, Found, HEADER};
use crate::storage::Storage;
use std::io;
use std::time::{Duration, Instant};

/// So much is read at once: several of the longest records.
const PIECE: usize = 4 * segment::LONGEST;

/// Damage in the segment that is being written is passed after this time: if the disk refused it just now, the same records are about to
/// come in the next segment.
pub(crate) const DAMAGE_PATIENCE: Duration = Duration::from_secs(10);

/// Reads one spool from a number on. It changes nothing in the folder, and may read while the writer writes.
///
/// A segment that begins with a number replaces all records of the one before from that number on: the writer makes such a segment when it does
/// not know what became of them.
pub struct Reader<S: Storage> {
    storage: S,
    /// The segment it is in, and where in it.
    place: Option<(String, u64)>,
    next_seq: u64,
    damage_patience: Duration,
    /// Damage it waits at: the segment, where, and since when.
    waits_at: Option<(String, u64, Instant)>,
    /// Numbers there is no record for.
    pub skipped: u64,
    /// Damaged places it went past.
    pub damages: u64,
    /// Bytes of those.
    pub damaged_bytes: u64,
}

impl<S: Storage> Reader<S> {
    /// A reader whose first record is `next_seq`, or the first there is behind it.
    pub fn new(storage: S, next_seq: u64) -> Self {
        let (damage_patience, waits_at) = (DAMAGE_PATIENCE, None);
        Self { storage, place: None, next_seq, damage_patience, waits_at, skipped: 0, damages: 0, damaged_bytes: 0 }
    }

    /// How long it waits at damage in the newest segment.
    pub(crate) fn set_damage_patience(&mut self, patience: Duration) {
        self.damage_patience = patience;
    }

    fn is_patient(&mut self, name: &str, at: u64) -> bool {
        let here = self.waits_at.as_ref().filter(|(n, place, _)| n == name && *place == at);
        let since = here.map_or_else(Instant::now, |(_, _, since)| *since);
        self.waits_at = Some((name.to_owned(), at, since));
        since.elapsed() < self.damage_patience
    }

    /// The number it waits for.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.next_seq
    }

    /// Goes on at a later number; what is before it is not missed.
    pub(crate) fn jump(&mut self, next_seq: u64) {
        self.next_seq = self.next_seq.max(next_seq);
    }

    /// Goes on behind everything that is there now, and returns how many numbers it passed. Damage on the way is nobody's loss.
    pub(crate) fn jump_to_end(&mut self) -> io::Result<u64> {
        let begin = self.next_seq;
        let segments = self.storage.list()?;
        if let Some((first, _)) = segments.iter().filter_map(|(name, _)| segment::parse_name(name)).max() {
            self.jump(first);
        }
        let (patience, skipped) = (self.damage_patience, self.skipped);
        let (damages, damaged_bytes) = (self.damages, self.damaged_bytes);
        self.damage_patience = Duration::ZERO;
        let result = loop {
            match self.next_batch(usize::MAX, PIECE) {
                Ok(batch) if batch.is_empty() => break Ok(self.next_seq - begin),
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
        self.damage_patience = patience;
        (self.skipped, self.damages, self.damaged_bytes) = (skipped, damages, damaged_bytes);
        result
    }

    /// Where it reads.
    #[must_use]
    pub fn storage(&self) -> &S {
        &self.storage
    }

    /// The next records, at most so many, and no more once they have so many bytes. None at all: nothing more is written yet.
    ///
    /// # Errors
    /// What the storage answers.
    pub fn next_batch(&mut self, most: usize, most_bytes: usize) -> io::Result<Vec<Record>> {
        let mut batch = Vec::new();
        let mut bytes = 0;
        while batch.len() < most && bytes < most_bytes {
            // The list first: a segment that has a successor by then is complete when it is read.
            let names: Vec<String> =
                self.storage.list()?.into_iter().map(|(n, _)| n).filter(|n| segment::parse_name(n).is_some()).collect();
            let Some((name, at)) = self.find_place(&names) else { break };
            let next = names.iter().find(|n| **n > name);
            let is_last = next.is_none();
            let replaced_from = next.and_then(|n| segment::parse_name(n)).map_or(u64::MAX, |(first, _)| first);
            let read = match self.storage.read(&name, at, PIECE) {
                Ok(read) => read,
                // The writer needed its space: on with what is left.
                Err(error) if error.kind() == io::ErrorKind::NotFound => {
                    self.place = None;
                    continue;
                }
                Err(error) => return Err(error),
            };
            let mut offset = 0;
            let mut ended = false;
            while batch.len() < most && bytes < most_bytes {
                match segment::decode(&read[offset..]) {
                    Found::Record(record, _) if record.seq >= replaced_from => {
                        ended = true;
                        break;
                    }
                    Found::Record(record, len) => {
                        offset += len;
                        // Written again after a failed sync, or before the place that was asked for.
                        if record.seq >= self.next_seq {
                            self.skipped += record.seq - self.next_seq;
                            self.next_seq = record.seq + 1;
                            bytes += record.json.len();
                            batch.push(record);
                        }
                    }
                    Found::Incomplete if read.len() == PIECE && offset > 0 => break,
                    other => {
                        let rest = read.len() - offset;
                        let found = segment::resynchronise(&read[offset..]);
                        match (found, is_last) {
                            (Some(_), true) if self.is_patient(&name, at + offset as u64) => {
                                self.place = Some((name.clone(), at + offset as u64));
                                return Ok(batch);
                            }
                            (Some(skip), _) => {
                                self.damages += 1;
                                self.damaged_bytes += skip as u64;
                                offset += skip;
                            }
                            // Too long for any record: damage, however far it goes.
                            (None, _) if read.len() == PIECE => {
                                let skip = rest - segment::LONGEST.min(rest - 1);
                                self.damages += u64::from(other == Found::Damage);
                                self.damaged_bytes += skip as u64;
                                offset += skip;
                                break;
                            }
                            (None, false) => {
                                if rest > 0 {
                                    self.damages += 1;
                                    self.damaged_bytes += rest as u64;
                                }
                                ended = true;
                                break;
                            }
                            // The end of what is written so far.
                            (None, true) => {
                                self.place = Some((name.clone(), at + offset as u64));
                                return Ok(batch);
                            }
                        }
                    }
                }
            }
            self.place =
                if ended { next.map(|n| (n.clone(), HEADER.len() as u64)) } else { Some((name, at + offset as u64)) };
        }
        Ok(batch)
    }

    /// Where to read: where it was, else in the last segment that can hold the next record, for it replaces those before.
    fn find_place(&self, names: &[String]) -> Option<(String, u64)> {
        if let Some((name, at)) = self.place.as_ref().filter(|(name, _)| names.contains(name)) {
            return Some((name.clone(), *at));
        }
        let first = |name: &String| segment::parse_name(name).map_or(0, |(first, _)| first);
        let later = names.partition_point(|name| first(name) <= self.next_seq);
        Some((names.get(later.saturating_sub(1))?.clone(), HEADER.len() as u64))
    }
}
