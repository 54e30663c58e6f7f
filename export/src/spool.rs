//! From the threads that have reports to a log on disk: a ring, and one thread that writes.

use crate::id::{IdSource, ReportId};
use crate::log::{Log, LogCounters, LogOptions, Repair};
use crate::patience::Patience;
use crate::record::{self, Parts};
use crate::ring::Ring;
use crate::storage::{Disk, Storage, hold};
use otoscope::{Finding, Report, State};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// How a spool is made.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SpoolOptions {
    /// Reports that may wait for the writer; beyond that they are refused and counted.
    pub ring_slots: usize,
    /// Findings kept of one report; the counts are of all.
    pub findings: usize,
    /// Bytes of the attributes of one report; what does not fit is left out and counted.
    pub attribute_bytes: usize,
    /// Attributes of every report: service, version, host. See [`ATTRIBUTES`](crate::ATTRIBUTES).
    pub attributes: Vec<(String, String)>,
    /// How large it may get.
    pub log: LogOptions,
    /// What is written is made durable after this time,
    pub sync_every: Duration,
    /// or after so many bytes.
    pub sync_bytes: usize,
    /// While the disk refuses, so much is held in memory; then the ring fills.
    pub held_bytes: usize,
}

impl Default for SpoolOptions {
    fn default() -> Self {
        Self {
            ring_slots: 1024,
            findings: 128,
            attribute_bytes: 1536,
            attributes: Vec::new(),
            log: LogOptions::default(),
            sync_every: Duration::from_millis(100),
            sync_bytes: 8 << 20,
            held_bytes: 32 << 20,
        }
    }
}

/// How long the writer sleeps when there is nothing to do. It is never woken: that would be a system call of the thread with the report.
const NAP: Duration = Duration::from_millis(2);
/// How often the state is written beside the log.
const STATE_EVERY: Duration = Duration::from_secs(2);
/// How long after a failed write the next is tried: first, and at most.
const PATIENCE: Patience = Patience::new(Duration::from_millis(50), Duration::from_secs(5));
/// Taken out of the ring before it is written.
const PIECE: usize = 256 << 10;

/// One finished report on its way into the ring.
#[derive(Debug, Clone, Copy)]
pub struct Submission<'a> {
    /// The values.
    pub report: &'a Report,
    /// What was found.
    pub findings: &'a [Finding],
    /// When the stream ended, in milliseconds since 1970.
    pub unix_ms: u64,
    /// Voice, trace, request: see [`ATTRIBUTES`](crate::ATTRIBUTES); any other name becomes a label.
    pub attributes: &'a [(&'a str, &'a str)],
}

/// The ring is full: the report is counted as dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Full;

impl std::fmt::Display for Full {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the ring is full: the writer does not keep up, or the disk refuses")
    }
}

impl std::error::Error for Full {}

struct Slot {
    id: ReportId,
    rev: u32,
    unix_ms: u64,
    report: Option<Report>,
    findings: Vec<Finding>,
    /// Each name and value with its length before it.
    attributes: Vec<u8>,
}

struct Shared {
    ring: Ring<Slot>,
    ids: IdSource,
    findings: usize,
    attribute_bytes: usize,
    dropped: AtomicU64,
    attributes_left_out: AtomicU64,
    written: AtomicU64,
    durable: AtomicU64,
    /// How many of the ring's reports are durable, or were refused by the log.
    settled: AtomicU64,
    flush: AtomicBool,
    stop: AtomicBool,
    counters: Mutex<LogCounters>,
    error: Mutex<Option<String>>,
}

/// The three watermarks and what was lost on the way, since the spool was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Watermarks {
    /// Reports that the ring took.
    pub accepted: u64,
    /// Reports that it did not take, because it was full.
    pub dropped: u64,
    /// Attributes that did not fit.
    pub attributes_left_out: u64,
    /// Number of the last record the operating system has: it survives the process.
    pub written: u64,
    /// Number of the last record that is synced: it survives the machine.
    pub durable: u64,
}

/// Where reports are handed over. Cheap to clone; any thread.
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    /// Hands over a report: it is copied into the ring. Never waits, allocates, locks or makes a system call.
    ///
    /// # Errors
    /// [`Full`]: it was counted as dropped.
    pub fn try_push(&self, submission: Submission<'_>) -> Result<ReportId, Full> {
        self.push_revision(self.shared.ids.next(submission.unix_ms), 0, submission)
    }

    /// Hands over a report again, with more in it: the same id and a higher revision.
    ///
    /// # Errors
    /// As [`try_push`](Self::try_push).
    pub fn push_revision(&self, id: ReportId, rev: u32, submission: Submission<'_>) -> Result<ReportId, Full> {
        let shared = &*self.shared;
        let put = shared.ring.put(|slot| {
            slot.id = id;
            slot.rev = rev;
            slot.unix_ms = submission.unix_ms;
            slot.report = Some(*submission.report);
            slot.findings.clear();
            slot.findings.extend(unfinished_left_out(submission.findings).take(shared.findings));
            slot.attributes.clear();
            for (name, value) in submission.attributes {
                let room = shared.attribute_bytes - slot.attributes.len();
                if 4 + name.len() + value.len() > room || name.len().max(value.len()) > usize::from(u16::MAX) {
                    shared.attributes_left_out.fetch_add(1, Ordering::Relaxed);
                    continue;
                }
                for text in [name, value] {
                    slot.attributes.extend_from_slice(&(text.len() as u16).to_le_bytes());
                    slot.attributes.extend_from_slice(text.as_bytes());
                }
            }
        });
        match put {
            Some(_) => Ok(id),
            None => {
                shared.dropped.fetch_add(1, Ordering::Relaxed);
                Err(Full)
            }
        }
    }

    /// How far it is.
    #[must_use]
    pub fn watermarks(&self) -> Watermarks {
        let shared = &*self.shared;
        Watermarks {
            accepted: shared.ring.filled(),
            dropped: shared.dropped.load(Ordering::Relaxed),
            attributes_left_out: shared.attributes_left_out.load(Ordering::Relaxed),
            written: shared.written.load(Ordering::Acquire),
            durable: shared.durable.load(Ordering::Acquire),
        }
    }

    /// Waits until everything that was handed over before is durable, and returns the number of the last durable record. Not for the audio
    /// thread.
    ///
    /// # Errors
    /// `TimedOut`, with what the disk last said, if it takes longer.
    pub fn flush(&self, timeout: Duration) -> io::Result<u64> {
        let shared = &*self.shared;
        let (wanted, start) = (shared.ring.filled(), Instant::now());
        while shared.settled.load(Ordering::Acquire) < wanted {
            if start.elapsed() > timeout {
                let why = self.error().unwrap_or_else(|| "the disk is slow".to_owned());
                return Err(io::Error::new(io::ErrorKind::TimedOut, format!("the spool is not durable yet: {why}")));
            }
            shared.flush.store(true, Ordering::Release);
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(shared.durable.load(Ordering::Acquire))
    }

    /// What the disk refused last, while it refuses.
    #[must_use]
    pub fn error(&self) -> Option<String> {
        self.shared.error.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What was dropped on the disk's side.
    #[must_use]
    pub fn log_counters(&self) -> LogCounters {
        *self.shared.counters.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A spool and the thread that writes it. When it is dropped, what the ring holds is written and made durable first.
pub struct Spool {
    handle: Handle,
    writer: Option<JoinHandle<()>>,
    repair: Repair,
    folder: PathBuf,
    /// Held as long as this process writes.
    _lock: Option<File>,
}

impl Spool {
    /// Opens a spool below `folder`. Each writer has a folder of its own there, `0`, `1`...: a second process, or a fork, takes the next one
    /// that nobody writes to, so that they never meet.
    ///
    /// # Errors
    /// What the operating system answers.
    pub fn open(folder: impl AsRef<Path>, options: SpoolOptions) -> io::Result<Self> {
        std::fs::create_dir_all(&folder)?;
        for instance in 0..1000 {
            let folder = folder.as_ref().join(instance.to_string());
            let disk = Disk::new(&folder)?;
            if let Some(lock) = hold(&folder.join("writer.lock"))? {
                let mut spool = Self::with_storage(disk, options)?;
                spool.folder = folder;
                spool._lock = Some(lock);
                return Ok(spool);
            }
        }
        Err(io::Error::other("a thousand processes write below this folder already"))
    }

    /// A spool in a storage that nobody else writes to.
    ///
    /// # Errors
    /// What the storage answers.
    pub fn with_storage<S: Storage + Clone>(storage: S, options: SpoolOptions) -> io::Result<Self> {
        let (log, repair) = Log::open(storage.clone(), options.log)?;
        let make = || Slot {
            id: ReportId::default(),
            rev: 0,
            unix_ms: 0,
            report: None,
            findings: touched(options.findings, Finding::EMPTY),
            attributes: touched(options.attribute_bytes, b'-'),
        };
        let shared = Arc::new(Shared {
            ring: Ring::new(options.ring_slots, make),
            ids: IdSource::new(),
            findings: options.findings,
            attribute_bytes: options.attribute_bytes,
            dropped: AtomicU64::new(0),
            attributes_left_out: AtomicU64::new(0),
            written: AtomicU64::new(log.written()),
            durable: AtomicU64::new(log.durable()),
            settled: AtomicU64::new(0),
            flush: AtomicBool::new(false),
            stop: AtomicBool::new(false),
            counters: Mutex::new(log.counters()),
            error: Mutex::new(None),
        });
        let writer = Writer { shared: Arc::clone(&shared), log, storage, options };
        let thread = std::thread::Builder::new().name("otoscope-spool".to_owned()).spawn(move || writer.run())?;
        let handle = Handle { shared };
        Ok(Self { handle, writer: Some(thread), repair, folder: PathBuf::new(), _lock: None })
    }

    /// Where reports are handed over.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// What was found when it was opened.
    #[must_use]
    pub fn repair(&self) -> Repair {
        self.repair
    }

    /// The folder of this writer.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }
}

/// An empty vector whose memory the operating system has given already: the first report in it shall not be the one that asks. Not zeros, which
/// it gives by promise only.
fn touched<T: Clone>(len: usize, value: T) -> Vec<T> {
    let mut memory = std::hint::black_box(vec![value; len]);
    memory.clear();
    memory
}

impl Drop for Spool {
    fn drop(&mut self) {
        self.handle.shared.stop.store(true, Ordering::Release);
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// What the writer leaves beside the log for `status`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct SpoolState {
    /// See there.
    pub watermarks: Watermarks,
    /// What happened on the disk's side.
    #[serde(flatten)]
    pub counters: LogCounters,
    /// What the disk said last, while it refuses.
    pub error: Option<String>,
    /// Whether the writer has ended.
    pub ended: bool,
}

/// The name of the file with [`SpoolState`].
pub(crate) const STATE: &str = "state.json";

struct Writer<S: Storage> {
    shared: Arc<Shared>,
    log: Log<S>,
    storage: S,
    options: SpoolOptions,
}

impl<S: Storage> Writer<S> {
    fn run(mut self) {
        let (mut json, mut key) = (Vec::new(), String::new());
        let mut last_sync = Instant::now();
        let mut last_state: Option<(Instant, String)> = None;
        let mut retry_at: Option<Instant> = None;
        let mut patience = PATIENCE;
        loop {
            // Looked at before the ring: what came before the wish to stop is still written.
            let stop = self.shared.stop.load(Ordering::Acquire);
            let flush = stop || self.shared.flush.swap(false, Ordering::AcqRel);
            let mut took = 0;
            while self.log.held() < self.options.held_bytes && took < PIECE {
                match self.take(&mut json, &mut key) {
                    Some(bytes) => took += bytes,
                    None => break,
                }
            }
            let taken = self.shared.ring.taken();
            let due = self.log.unsynced() >= self.options.sync_bytes || last_sync.elapsed() >= self.options.sync_every;
            if retry_at.is_none_or(|at| Instant::now() >= at) {
                let done = self.log.write().and_then(|()| {
                    self.shared.written.store(self.log.written(), Ordering::Release);
                    if flush || due {
                        last_sync = Instant::now();
                        self.log.sync()?;
                        // In this order: who sees that all is settled finds the number beside it.
                        self.shared.durable.store(self.log.durable(), Ordering::Release);
                        self.shared.settled.store(taken, Ordering::Release);
                    }
                    Ok(())
                });
                *self.shared.error.lock().unwrap_or_else(PoisonError::into_inner) =
                    done.as_ref().err().map(ToString::to_string);
                if done.is_ok() {
                    retry_at = None;
                    patience.reset();
                } else {
                    retry_at = Some(Instant::now() + patience.wait());
                }
            }
            *self.shared.counters.lock().unwrap_or_else(PoisonError::into_inner) = self.log.counters();
            if last_state.as_ref().is_none_or(|(at, _)| at.elapsed() >= STATE_EVERY) {
                let before = last_state.take().map(|(_, text)| text);
                last_state = Some((Instant::now(), self.leave_state(before, false)));
            }
            // At the end a disk that refuses is tried once more and then left: the process must not hang on it.
            let ended = self.shared.settled.load(Ordering::Acquire) == self.shared.ring.filled();
            if stop && (ended || retry_at.is_some()) {
                self.leave_state(None, true);
                return;
            }
            if took == 0 {
                std::thread::sleep(NAP);
            }
        }
    }

    /// Takes one report out of the ring and into the log; its size, or `None` if there is none.
    fn take(&mut self, json: &mut Vec<u8>, key: &mut String) -> Option<usize> {
        let (log, service) = (&mut self.log, &self.options.attributes);
        self.shared.ring.take(|slot| {
            let attributes = unpack(&slot.attributes);
            let Some(report) = &slot.report else { return 0 };
            let parts = Parts {
                id: slot.id,
                rev: slot.rev,
                unix_ms: slot.unix_ms,
                report,
                findings: &slot.findings,
                attributes: [service, &attributes],
            };
            let envelope = record::write(&parts, json, key);
            log.append(&envelope, json);
            json.len()
        })
    }

    /// Writes the state beside the log if it differs from `before`.
    fn leave_state(&self, before: Option<String>, ended: bool) -> String {
        let handle = Handle { shared: Arc::clone(&self.shared) };
        let state =
            SpoolState { watermarks: handle.watermarks(), counters: self.log.counters(), error: handle.error(), ended };
        let text = serde_json::to_string(&state).unwrap_or_default();
        if before.as_ref() != Some(&text) {
            // It is for people to look at: where it cannot be written, the log has the same trouble and says so.
            let _ = self.storage.replace(STATE, text.as_bytes());
        }
        text
    }
}

/// The findings, without those that were told as open and are there again, closed: who polled them has both.
fn unfinished_left_out(findings: &[Finding]) -> impl Iterator<Item = Finding> + '_ {
    let closes = |f: &Finding, g: &Finding| g.event_id == f.event_id && g.state == State::Closed;
    let keep =
        move |(i, f): &(usize, &Finding)| f.state != State::Open || !findings[i + 1..].iter().any(|g| closes(f, g));
    findings.iter().enumerate().filter(keep).map(|(_, f)| *f)
}

fn unpack(mut bytes: &[u8]) -> Vec<(String, String)> {
    let mut next = || {
        let (len, rest) = bytes.split_first_chunk::<2>()?;
        let (text, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes(*len)))?;
        bytes = rest;
        Some(String::from_utf8_lossy(text).into_owned())
    };
    let mut all = Vec::new();
    while let (Some(name), Some(value)) = (next(), next()) {
        all.push((name, value));
    }
    all
}
