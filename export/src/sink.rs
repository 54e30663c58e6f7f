//! From the spool to a store: one cursor, moved only over what is delivered.

use crate::cursor::{self, Cursor};
use crate::patience::Patience;
use crate::reader::{DAMAGE_PATIENCE, Reader};
use crate::record::Record;
use crate::storage::{Disk, Storage, hold};
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// A store for records. What it promises is told by each: once, or at least once.
pub trait Sink: Send {
    /// Its name: of its cursor, its dead letters and its section of the configuration.
    fn name(&self) -> &str;

    /// Delivers records, in order. All of them are in the store when it returns `Ok`, but for those that it refused for good.
    ///
    /// # Errors
    /// [`Failure`]: what is not delivered is offered again.
    fn deliver(&mut self, batch: &[Record]) -> Result<Vec<Rejected>, Failure>;

    /// Called once, before anything of a spool is offered, with the spool's name. A store that knows what it has says at which number to go on,
    /// whatever the cursor says.
    ///
    /// # Errors
    /// As [`deliver`](Self::deliver).
    fn begin(&mut self, _spool: &str) -> Result<Option<u64>, Failure> {
        Ok(None)
    }

    /// Whether a record may be offered that was delivered before, out of its turn.
    fn takes_replays(&self) -> bool {
        true
    }

    /// How large its batches should be, and how long they may wait.
    fn pump_options(&self) -> PumpOptions {
        PumpOptions::default()
    }

    /// Whether it only wants what is written after its pump was opened. What counts in the memory of its process says yes: replayed records would
    /// be counted as if they had just happened, and again by every process.
    fn starts_at_end(&self) -> bool {
        false
    }

    /// Called when nothing came for a while, and before the end: what is kept open is closed.
    ///
    /// # Errors
    /// As [`deliver`](Self::deliver).
    fn idle(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}

/// A record that the store will never take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// Which of the batch.
    pub index: usize,
    /// Why, in the store's words.
    pub reason: String,
}

/// Why a batch was not delivered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure {
    /// It may work later. So many from the start of the batch are delivered, but for the rejected.
    Later {
        /// Delivered from the start of the batch.
        done: usize,
        /// Refused for good among those.
        rejected: Vec<Rejected>,
        /// What the store said.
        reason: String,
    },
    /// It will not work until somebody changes something: a wrong password, a missing right.
    Stop(String),
}

impl Failure {
    /// What the store said.
    #[must_use]
    pub fn into_reason(self) -> String {
        let (Self::Later { reason, .. } | Self::Stop(reason)) = self;
        reason
    }

    /// Nothing of the batch is delivered yet.
    pub fn later(reason: impl ToString) -> Self {
        Self::Later { done: 0, rejected: Vec::new(), reason: reason.to_string() }
    }
}

/// How a pump works.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PumpOptions {
    /// Records offered at once, at most.
    pub batch: usize,
    /// Bytes offered at once; the record that passes it is the last.
    pub batch_bytes: usize,
    /// A smaller batch is offered once its first record has waited so long.
    pub linger: Duration,
    /// How long it waits at damage in the segment that is being written.
    pub damage_patience: Duration,
    /// How long after a failure the batch is offered again: first,
    pub patience_first: Duration,
    /// and at most.
    pub patience_most: Duration,
}

impl Default for PumpOptions {
    fn default() -> Self {
        let (patience_first, patience_most) = (Duration::from_millis(100), Duration::from_secs(30));
        Self {
            batch: 2000,
            batch_bytes: 4 << 20,
            linger: Duration::ZERO,
            damage_patience: DAMAGE_PATIENCE,
            patience_first,
            patience_most,
        }
    }
}

impl PumpOptions {
    /// The waits after failures.
    #[must_use]
    pub const fn patience(&self) -> Patience {
        Patience::new(self.patience_first, self.patience_most)
    }
}

/// What one step of a pump did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Records were delivered: so many.
    Delivered(usize),
    /// There was nothing to deliver.
    Nothing,
    /// The store did not take them; why, and when it will be tried again.
    Waiting(String, Duration),
    /// Somebody has to change something.
    Stopped(String),
}

/// Takes records from one spool to one store.
pub struct Pump<S: Storage> {
    reader: Reader<S>,
    cursor: Cursor,
    options: PumpOptions,
    /// The batch that is being delivered, and since when it waits.
    batch: Vec<Record>,
    since: Instant,
    /// Smaller batches are offered at once.
    hurry: bool,
    /// Counters of the cursor before this reader.
    before: Cursor,
    patience: Patience,
    dead_letters: DeadLetters,
    sink_name: String,
    /// Held as long as this pump moves the cursor.
    _lock: Option<File>,
}

/// Where records go that a store refuses for good.
struct DeadLetters {
    path: Option<PathBuf>,
}

impl DeadLetters {
    fn add(&self, batch: &[Record], rejected: &[Rejected]) -> io::Result<()> {
        let Some(path) = self.path.as_ref().filter(|_| !rejected.is_empty()) else { return Ok(()) };
        let mut text = Vec::new();
        for r in rejected {
            let Some(record) = batch.get(r.index) else { continue };
            let reason = serde_json::to_string(&r.reason)?;
            text.extend_from_slice(format!("{{\"reason\":{reason},\"record\":").as_bytes());
            text.extend_from_slice(&record.json);
            text.extend_from_slice(b"}\n");
        }
        let mut file = OpenOptions::new().create(true).append(true).open(path)?;
        file.write_all(&text)?;
        file.sync_data()
    }
}

impl Pump<Disk> {
    /// A pump from a writer's folder; it goes on where the last one of that name stopped.
    ///
    /// # Errors
    /// What the operating system answers; `WouldBlock` if another process moves this cursor.
    pub fn open(folder: &Path, sink: &mut dyn Sink, options: PumpOptions) -> io::Result<Self> {
        let name = sink.name().to_owned();
        let Some(lock) = hold(&folder.join(format!("cursor-{name}.lock")))? else {
            let what = format!("another process exports {} to {name}", folder.display());
            return Err(io::Error::new(io::ErrorKind::WouldBlock, what));
        };
        let mut pump = Self::with_storage(Disk::new(folder)?, sink, options)?;
        let next = sink.begin(&spool_name(folder)).map_err(|failure| io::Error::other(failure.into_reason()))?;
        pump.skip_to(next.unwrap_or(0));
        pump.dead_letters.path = Some(folder.join(format!("dead-{name}.ndjson")));
        pump._lock = Some(lock);
        Ok(pump)
    }
}

/// What a writer's folder is called in file names of stores.
pub(crate) fn spool_name(folder: &Path) -> String {
    folder.file_name().map_or_else(|| "0".to_owned(), |name| name.to_string_lossy().into_owned())
}

impl<S: Storage> Pump<S> {
    /// A pump from any storage, without a lock and without a file for dead letters: they are only counted.
    ///
    /// # Errors
    /// What the storage answers.
    pub fn with_storage(storage: S, sink: &mut dyn Sink, options: PumpOptions) -> io::Result<Self> {
        let sink_name = sink.name().to_owned();
        let mut cursor = cursor::load(&storage, &sink_name)?;
        let mut reader = Reader::new(storage, cursor.seq + 1);
        cursor.only_new = sink.starts_at_end();
        if cursor.only_new {
            cursor.passed += reader.jump_to_end()?;
            cursor.seq = reader.next_seq() - 1;
        }
        // From now on the writer knows that somebody has to fetch what it writes.
        cursor::store(reader.storage(), &sink_name, &cursor)?;
        reader.set_damage_patience(options.damage_patience);
        Ok(Self {
            reader,
            cursor,
            options,
            batch: Vec::new(),
            since: Instant::now(),
            hurry: false,
            before: cursor,
            patience: options.patience(),
            dead_letters: DeadLetters { path: None },
            sink_name,
            _lock: None,
        })
    }

    fn skip_to(&mut self, next_seq: u64) {
        if next_seq > self.reader.next_seq() {
            self.cursor.delivered += next_seq - self.reader.next_seq();
            self.before.delivered = self.cursor.delivered;
            self.cursor.seq = next_seq - 1;
            self.reader.jump(next_seq);
        }
    }

    /// How far it is.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Delivers one batch, if there is one. Does not sleep: the caller waits as the answer says.
    ///
    /// # Errors
    /// Of the spool's side: the log cannot be read, or the cursor or a dead letter not be written.
    pub fn step(&mut self, sink: &mut dyn Sink) -> io::Result<Step> {
        let held: usize = self.batch.iter().map(|record| record.json.len()).sum();
        if self.batch.len() < self.options.batch && held < self.options.batch_bytes {
            let (most, most_bytes) = (self.options.batch - self.batch.len(), self.options.batch_bytes - held);
            let mut more = self.reader.next_batch(most, most_bytes)?;
            let full = more.len() == most || held + more.iter().map(|r| r.json.len()).sum::<usize>() >= most_bytes;
            if self.batch.is_empty() {
                self.since = Instant::now();
            }
            self.batch.append(&mut more);
            let patient = !full && !self.hurry && self.since.elapsed() < self.options.linger;
            if self.batch.is_empty() || patient {
                return Ok(Step::Nothing);
            }
        }
        match sink.deliver(&self.batch) {
            Ok(rejected) => {
                self.patience.reset();
                let count = self.batch.len();
                self.settle(count, &rejected)?;
                Ok(Step::Delivered(count))
            }
            Err(Failure::Later { done, rejected, reason }) => {
                self.settle(done.min(self.batch.len()), &rejected)?;
                if done > 0 {
                    self.patience.reset();
                }
                Ok(Step::Waiting(reason, self.patience.wait()))
            }
            Err(Failure::Stop(reason)) => Ok(Step::Stopped(reason)),
        }
    }

    /// Moves the cursor over the first `count` of the batch.
    fn settle(&mut self, count: usize, rejected: &[Rejected]) -> io::Result<()> {
        if count == 0 {
            return Ok(());
        }
        // Dead letters first: a crash between the two writes one of them twice, and loses none.
        self.dead_letters.add(&self.batch[..count], rejected)?;
        self.cursor.seq = self.batch[count - 1].seq;
        self.cursor.dead += rejected.len() as u64;
        self.cursor.delivered += (count - rejected.len()) as u64;
        self.cursor.skipped = self.before.skipped + self.reader.skipped;
        self.cursor.damages = self.before.damages + self.reader.damages;
        self.cursor.damaged_bytes = self.before.damaged_bytes + self.reader.damaged_bytes;
        self.batch.drain(..count);
        cursor::store(self.reader.storage(), &self.sink_name, &self.cursor)
    }

    /// Delivers everything that is there, waiting for the store as long as `timeout` says.
    ///
    /// # Errors
    /// As [`step`](Self::step); `TimedOut` or `Other` with the store's words.
    pub fn drain(&mut self, sink: &mut dyn Sink, timeout: Duration) -> io::Result<u64> {
        let (start, mut count) = (Instant::now(), 0);
        self.hurry = true;
        let result = self.drain_until(sink, start, timeout, &mut count);
        self.hurry = false;
        result.map(|()| count)
    }

    fn drain_until(
        &mut self,
        sink: &mut dyn Sink,
        start: Instant,
        timeout: Duration,
        count: &mut u64,
    ) -> io::Result<()> {
        loop {
            match self.step(sink)? {
                Step::Delivered(n) => *count += n as u64,
                Step::Nothing => {
                    return sink.idle().map_err(|failure| io::Error::other(failure.into_reason()));
                }
                Step::Waiting(reason, wait) => {
                    if start.elapsed() + wait > timeout {
                        return Err(io::Error::new(io::ErrorKind::TimedOut, reason));
                    }
                    std::thread::sleep(wait);
                }
                Step::Stopped(reason) => return Err(io::Error::other(reason)),
            }
        }
    }
}
