//! Whether a store has what the spool delivered: number and sum of digests, for each hour.

use crate::reader::Reader;
use crate::record::Envelope;
use crate::run::spools;
use crate::storage::Disk;
use std::collections::{BTreeMap, HashSet};
use std::io;
use std::path::Path;

/// Records of one hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// How many.
    pub count: u64,
    /// The sum of their digests.
    pub digests: u64,
}

/// Hours since 1970, and what is in each.
pub type Hours = BTreeMap<u64, Tally>;

/// What a store has, and how many records of it twice.
pub type Counted = (Hours, u64);

/// The hour of a time.
#[must_use]
pub fn hour_of(unix_ms: u64) -> u64 {
    unix_ms / 3_600_000
}

/// Adds records to hours, each id and revision once.
#[derive(Debug, Default)]
pub struct Counter {
    seen: HashSet<(crate::ReportId, u32)>,
    hours: Hours,
    /// Records that came more than once.
    pub duplicates: u64,
}

impl Counter {
    /// Counts one.
    pub fn add(&mut self, e: &Envelope) {
        if !self.seen.insert((e.id, e.rev)) {
            self.duplicates += 1;
            return;
        }
        let tally = self.hours.entry(hour_of(e.unix_ms)).or_default();
        tally.count += 1;
        tally.digests += u64::from(e.digest32);
    }

    /// What it came to.
    #[must_use]
    pub fn hours(self) -> Hours {
        self.hours
    }

    /// The same, and how many came again.
    #[must_use]
    pub fn counted(self) -> Counted {
        (self.hours, self.duplicates)
    }
}

/// What of all spools below a folder a sink has delivered, without its dead letters. Also the first hour that is whole: what was before it may
/// be gone from the spool already.
///
/// # Errors
/// What the operating system answers.
pub fn spooled(folder: &Path, sink: &str) -> io::Result<(Hours, Option<u64>)> {
    let mut counter = Counter::default();
    let mut whole_from = None;
    for folder in spools(folder)? {
        let disk = Disk::new(&folder)?;
        let end = crate::cursor::load(&disk, sink)?.seq;
        let dead = dead(&folder, sink)?;
        let mut reader = Reader::new(disk, 1);
        let mut is_first = true;
        'all: loop {
            let batch = reader.next_batch(2000, 8 << 20)?;
            if batch.is_empty() {
                break;
            }
            for record in &batch {
                if record.seq > end {
                    break 'all;
                }
                // Older records of this spool were removed: the hour it begins in is not whole.
                if is_first && record.seq > 1 {
                    whole_from = whole_from.max(Some(hour_of(record.envelope.unix_ms) + 1));
                }
                is_first = false;
                if !dead.contains(&record.envelope.id.to_string()) {
                    counter.add(&record.envelope);
                }
            }
        }
    }
    Ok((counter.hours(), whole_from))
}

/// What a store has beside what was delivered to it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Comparison {
    /// What the spools delivered.
    pub delivered: Hours,
    /// What the store has.
    pub stored: Hours,
    /// How many records the store has more than once.
    pub again: u64,
    /// Hours in which the two differ: the hour, what was delivered, what is there.
    pub differences: Vec<(u64, Tally, Tally)>,
}

/// Compares what a sink's store has with what the spools below `folder` delivered to it.
///
/// # Errors
/// The spool cannot be read.
pub fn compare(folder: &Path, sink: &str, (stored, again): Counted) -> io::Result<Comparison> {
    let (delivered, whole_from) = spooled(folder, sink)?;
    let differences = differences(&delivered, &stored, whole_from);
    Ok(Comparison { delivered, stored, again, differences })
}

/// The ids of a sink's dead letters.
fn dead(folder: &Path, sink: &str) -> io::Result<HashSet<String>> {
    match std::fs::read_to_string(folder.join(format!("dead-{sink}.ndjson"))) {
        Ok(text) => {
            let id = |line: &str| {
                let letter: serde_json::Value = serde_json::from_str(line).ok()?;
                Some(letter["record"]["report_id"].as_str()?.to_owned())
            };
            Ok(text.lines().filter_map(id).collect())
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(HashSet::new()),
        Err(error) => Err(error),
    }
}

/// Hours in which the two differ: the hour, what the spool delivered, what the store has.
#[must_use]
pub fn differences(spool: &Hours, store: &Hours, whole_from: Option<u64>) -> Vec<(u64, Tally, Tally)> {
    let hours: std::collections::BTreeSet<u64> = spool.keys().chain(store.keys()).copied().collect();
    let of = |hours: &Hours, hour: u64| hours.get(&hour).copied().unwrap_or_default();
    let whole = hours.into_iter().filter(|hour| whole_from.is_none_or(|from| *hour >= from));
    whole.map(|h| (h, of(spool, h), of(store, h))).filter(|(_, a, b)| a != b).collect()
}
