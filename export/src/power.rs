//! A disk that forgets: what was not synced may be lost, half written, or there without what was written before it. With it, the log is
//! crashed at random, thousands of times.

use crate::cursor;
use crate::id::ReportId;
use crate::log::{Drop, Log, LogOptions};
use crate::reader::Reader;
use crate::record::{Envelope, Record};
use crate::sink::{Failure, Pump, PumpOptions, Rejected, Sink, Step};
use crate::storage::{Appender, Storage};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

#[derive(Default)]
struct Node {
    durable: Vec<u8>,
    pending: Vec<Vec<u8>>,
}

impl Node {
    fn content(&self) -> Vec<u8> {
        self.pending.iter().fold(self.durable.clone(), |mut all, part| {
            all.extend_from_slice(part);
            all
        })
    }
}

#[derive(Default)]
struct Inner {
    nodes: Vec<Node>,
    /// Which node a name means now, and which after a loss of power.
    names: BTreeMap<String, usize>,
    durable_names: BTreeMap<String, usize>,
    random: u64,
    /// One operation in so many fails; 0 for none.
    failures: u64,
    /// Files opened before the last crash are dead.
    epoch: u64,
    failed: u64,
}

impl Inner {
    fn dice(&mut self, sides: u64) -> u64 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 33) % sides
    }

    fn fails(&mut self) -> bool {
        let fails = self.failures > 0 && self.dice(self.failures) == 0;
        self.failed += u64::from(fails);
        fails
    }

    fn node(&mut self, name: &str) -> io::Result<usize> {
        self.names.get(name).copied().ok_or_else(|| io::ErrorKind::NotFound.into())
    }
}

#[derive(Clone, Default)]
struct Forgetful(Arc<Mutex<Inner>>);

struct OpenFile {
    disk: Forgetful,
    node: usize,
    epoch: u64,
}

impl Forgetful {
    fn new(seed: u64) -> Self {
        let disk = Self::default();
        disk.0.lock().expect("alone").random = seed;
        disk
    }

    fn with<R>(&self, f: impl FnOnce(&mut Inner) -> R) -> R {
        f(&mut self.0.lock().expect("no test panics in here"))
    }

    fn lose_power(&self) {
        self.with(|inner| {
            inner.epoch += 1;
            inner.names = inner.durable_names.clone();
            for i in 0..inner.nodes.len() {
                let pending = std::mem::take(&mut inner.nodes[i].pending);
                for part in pending {
                    let what = inner.dice(5);
                    let cut = inner.dice(part.len() as u64 + 1) as usize;
                    let node = &mut inner.nodes[i];
                    match what {
                        // All of it; the beginning; zeros in its place, with what came later behind; nothing, and nothing behind either.
                        0 | 1 => node.durable.extend_from_slice(&part),
                        2 => node.durable.extend_from_slice(&part[..cut]),
                        3 => node.durable.extend(std::iter::repeat_n(0, part.len())),
                        _ => break,
                    }
                }
            }
        });
    }
}

impl Storage for Forgetful {
    type File = OpenFile;

    fn create(&self, name: &str) -> io::Result<OpenFile> {
        self.with(|inner| {
            if inner.fails() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            if inner.names.contains_key(name) {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            inner.nodes.push(Node::default());
            let node = inner.nodes.len() - 1;
            inner.names.insert(name.to_owned(), node);
            Ok(OpenFile { disk: self.clone(), node, epoch: inner.epoch })
        })
    }

    fn list(&self) -> io::Result<Vec<(String, u64)>> {
        Ok(self.with(|inner| {
            let len = |node: &usize| inner.nodes[*node].content().len() as u64;
            inner.names.iter().map(|(name, node)| (name.clone(), len(node))).collect()
        }))
    }

    fn read(&self, name: &str, offset: u64, most: usize) -> io::Result<Vec<u8>> {
        self.with(|inner| {
            let node = inner.node(name)?;
            let content = inner.nodes[node].content();
            Ok(content.get(offset as usize..).unwrap_or_default().iter().take(most).copied().collect())
        })
    }

    fn truncate(&self, name: &str, len: u64) -> io::Result<()> {
        self.with(|inner| {
            if inner.fails() {
                return Err(io::ErrorKind::Other.into());
            }
            let node = inner.node(name)?;
            let mut content = inner.nodes[node].content();
            content.truncate(len as usize);
            inner.nodes[node] = Node { durable: content, pending: Vec::new() };
            Ok(())
        })
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.with(|inner| inner.names.remove(name).map(drop).ok_or_else(|| io::ErrorKind::NotFound.into()))
    }

    fn sync_names(&self) -> io::Result<()> {
        self.with(|inner| {
            if inner.fails() {
                return Err(io::ErrorKind::Other.into());
            }
            inner.durable_names = inner.names.clone();
            Ok(())
        })
    }

    fn replace(&self, name: &str, content: &[u8]) -> io::Result<()> {
        self.with(|inner| {
            if inner.fails() {
                return Err(io::ErrorKind::StorageFull.into());
            }
            inner.nodes.push(Node { durable: content.to_vec(), pending: Vec::new() });
            let node = inner.nodes.len() - 1;
            inner.names.insert(name.to_owned(), node);
            inner.durable_names.insert(name.to_owned(), node);
            Ok(())
        })
    }
}

impl Appender for OpenFile {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.disk.with(|inner| {
            assert_eq!(inner.epoch, self.epoch, "a file of before the crash");
            if inner.fails() {
                // A full disk takes the beginning.
                let cut = inner.dice(bytes.len() as u64) as usize;
                inner.nodes[self.node].pending.push(bytes[..cut].to_vec());
                return Err(io::ErrorKind::StorageFull.into());
            }
            inner.nodes[self.node].pending.push(bytes.to_vec());
            Ok(())
        })
    }

    fn sync(&mut self) -> io::Result<()> {
        self.disk.with(|inner| {
            if inner.fails() {
                // The kernel may forget what it could not write, and call the next sync a success.
                let keep = inner.dice(2) == 0;
                let node = &mut inner.nodes[self.node];
                if !keep {
                    let lost = node.pending.iter().map(Vec::len).sum();
                    node.pending.clear();
                    node.durable.extend(std::iter::repeat_n(0, lost));
                }
                return Err(io::ErrorKind::Other.into());
            }
            let content = inner.nodes[self.node].content();
            inner.nodes[self.node] = Node { durable: content, pending: Vec::new() };
            Ok(())
        })
    }
}

/// A store that refuses now and then.
#[derive(Default)]
struct Store {
    have: Vec<Record>,
    moods: u64,
}

impl Sink for Store {
    fn name(&self) -> &str {
        "store"
    }

    fn deliver(&mut self, batch: &[Record]) -> Result<Vec<Rejected>, Failure> {
        self.moods += 1;
        if self.moods.is_multiple_of(3) {
            let done = batch.len() / 2;
            self.have.extend_from_slice(&batch[..done]);
            return Err(Failure::Later { done, rejected: Vec::new(), reason: "busy".to_owned() });
        }
        self.have.extend_from_slice(batch);
        Ok(Vec::new())
    }
}

fn envelope(n: u64) -> Envelope {
    let id = ReportId(std::array::from_fn(|i| (n >> (8 * (i % 8))) as u8));
    Envelope { id, rev: 0, unix_ms: n, digest32: n as u32 }
}

fn json(n: u64) -> Vec<u8> {
    format!("{{\"n\":{n},\"pad\":\"{}\"}}", "x".repeat((n * 37 % 300) as usize)).into_bytes()
}

fn read_all(disk: &Forgetful, from: u64) -> (Vec<Record>, Reader<Forgetful>) {
    let mut reader = Reader::new(disk.clone(), from);
    reader.set_damage_patience(Duration::ZERO);
    let mut all = Vec::new();
    loop {
        let batch = reader.next_batch(7, 1000).expect("reading does not fail here");
        if batch.is_empty() {
            return (all, reader);
        }
        all.extend(batch);
    }
}

#[test]
fn what_was_durable_is_there_after_every_crash_and_reaches_the_store_in_order() {
    let mut failed = 0;
    for seed in 0..400 {
        let disk = Forgetful::new(seed);
        let mut store = Store::default();
        let mut durable: BTreeMap<u64, u64> = BTreeMap::new();
        let mut n = 0;
        for life in 0..6 {
            // Opening and the first store of the cursor are not what fails here.
            disk.with(|inner| inner.failures = 0);
            let options = LogOptions { segment_bytes: 2000, max_bytes: u64::MAX, drop: Drop::Oldest };
            let (mut log, _) = Log::open(disk.clone(), options).expect("it opens");
            let mut pump = Pump::with_storage(disk.clone(), &mut store, PumpOptions::default()).expect("it opens");
            disk.with(|inner| inner.failures = if seed % 2 == 0 { 0 } else { 12 });
            let mut waiting: BTreeMap<u64, u64> = BTreeMap::new();
            for _ in 0..disk.with(|inner| inner.dice(120)) {
                match disk.with(|inner| inner.dice(4)) {
                    0 | 1 => {
                        n += 1;
                        assert!(log.append(&envelope(n), &json(n)));
                        waiting.insert(log.last(), n);
                    }
                    2 => drop(log.write()),
                    _ => {
                        if log.write().and_then(|()| log.sync()).is_ok() || log.durable() == log.last() {
                            assert_eq!(log.durable(), log.last());
                        }
                        let late = waiting.split_off(&(log.durable() + 1));
                        durable.append(&mut waiting);
                        waiting = late;
                        let _ = pump.step(&mut store);
                    }
                }
            }
            if life % 2 == 0 {
                disk.lose_power();
            } else {
                // The process dies: what was written is there.
                disk.with(|inner| inner.epoch += 1);
            }
            let (all, _) = read_all(&disk, 1);
            assert!(all.windows(2).all(|pair| pair[0].seq < pair[1].seq), "seed {seed}: in order, each once");
            for (seq, n) in &durable {
                let found = all.iter().find(|r| r.seq == *seq);
                assert_eq!(
                    found.map(|r| (r.envelope, r.json.clone())),
                    Some((envelope(*n), json(*n))),
                    "seed {seed}, {seq}"
                );
            }
            assert!(all.iter().all(|r| r.json == json(r.envelope.unix_ms)), "seed {seed}: nothing that nobody wrote");
        }
        failed += disk.with(|inner| inner.failed);
        disk.with(|inner| inner.failures = 0);
        let options = LogOptions { segment_bytes: 2000, max_bytes: u64::MAX, drop: Drop::Oldest };
        let (_log, _) = Log::open(disk.clone(), options).expect("it opens");
        let options = PumpOptions { damage_patience: Duration::ZERO, ..PumpOptions::default() };
        let mut pump = Pump::with_storage(disk.clone(), &mut store, options).expect("it opens");
        while !matches!(pump.step(&mut store).expect("no failures now"), Step::Nothing) {}
        // At least once, and never out of order within what is new.
        let mut seen: Vec<u64> = store.have.iter().map(|r| r.seq).collect();
        seen.sort_unstable();
        seen.dedup();
        for (seq, n) in &durable {
            assert!(seen.binary_search(seq).is_ok(), "seed {seed}: record {seq} ({n}) never reached the store");
        }
    }
    assert!(failed > 500, "failures were meant to happen: {failed}");
}

#[test]
fn damage_in_the_middle_is_counted_and_what_lies_behind_it_is_read() {
    let disk = Forgetful::new(1);
    let (mut log, _) = Log::open(disk.clone(), LogOptions::default()).expect("it opens");
    for n in 1..=50 {
        assert!(log.append(&envelope(n), &json(n)));
    }
    log.write().and_then(|()| log.sync()).expect("a good disk");
    disk.with(|inner| {
        let node = *inner.names.values().next().expect("one segment");
        inner.nodes[node].durable[1500] ^= 0x10;
    });
    let (all, reader) = read_all(&disk, 1);
    assert_eq!((all.len(), reader.skipped, reader.damages), (49, 1, 1));
    assert!(reader.damaged_bytes > 0);
    // The writer does not cut at it either.
    drop(log);
    let (log, repair) = Log::open(disk.clone(), LogOptions::default()).expect("it opens");
    assert_eq!((repair.torn_bytes, repair.last_seq, log.last()), (0, 50, 50));
}

#[test]
fn a_torn_end_is_cut_off_and_reported_and_its_number_is_free() {
    let disk = Forgetful::new(1);
    let (mut log, _) = Log::open(disk.clone(), LogOptions::default()).expect("it opens");
    for n in 1..=3 {
        assert!(log.append(&envelope(n), &json(n)));
    }
    log.write().expect("a good disk");
    let (name, len) = disk.list().expect("one segment")[0].clone();
    disk.truncate(&name, len - 5).expect("there");
    let (mut log, repair) = Log::open(disk.clone(), LogOptions::default()).expect("it opens");
    assert!(repair.torn_bytes > 0);
    assert_eq!((repair.last_seq, log.last()), (2, 2));
    assert!(log.append(&envelope(9), &json(9)));
    log.write().expect("a good disk");
    let read: Vec<(u64, u64)> = read_all(&disk, 1).0.iter().map(|r| (r.seq, r.envelope.unix_ms)).collect();
    assert_eq!(read, [(1, 1), (2, 2), (3, 9)]);
}

#[test]
fn numbers_that_were_delivered_and_then_lost_are_never_used_again() {
    let disk = Forgetful::new(3);
    let (mut log, _) = Log::open(disk.clone(), LogOptions::default()).expect("it opens");
    assert!(log.append(&envelope(1), &json(1)));
    log.write().and_then(|()| log.sync()).expect("a good disk");
    for n in 2..=4 {
        assert!(log.append(&envelope(n), &json(n)));
    }
    log.write().expect("a good disk");
    let mut store = Store::default();
    let mut pump = Pump::with_storage(disk.clone(), &mut store, PumpOptions::default()).expect("it opens");
    assert_eq!(pump.step(&mut store).expect("a good disk"), Step::Delivered(4));
    disk.with(|inner| {
        inner.nodes.iter_mut().for_each(|node| node.pending.clear());
        inner.epoch += 1;
    });
    let (mut log, repair) = Log::open(disk.clone(), LogOptions::default()).expect("it opens");
    assert_eq!(repair.last_seq, 1, "only the first was durable");
    assert!(log.append(&envelope(5), &json(5)));
    assert_eq!(log.last(), 5);
    log.write().expect("a good disk");
    let mut pump = Pump::with_storage(disk.clone(), &mut store, PumpOptions::default()).expect("it opens");
    assert_eq!(pump.step(&mut store).expect("a good disk"), Step::Delivered(1));
    assert_eq!(pump.cursor().skipped, 0, "what was delivered is not missed");
    assert_eq!(store.have.iter().map(|r| r.envelope.unix_ms).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
}

#[test]
fn a_full_spool_drops_the_oldest_or_refuses_the_newest_and_counts_either() {
    let small = |drop| LogOptions { segment_bytes: 1000, max_bytes: 5000, drop };
    let write = |disk: &Forgetful, drop, from: u64, to: u64| {
        let (mut log, _) = Log::open(disk.clone(), small(drop)).expect("it opens");
        for n in from..=to {
            log.append(&envelope(n), &json(n));
            log.write().and_then(|()| log.sync()).expect("a good disk");
        }
        log.counters()
    };
    let disk = Forgetful::new(5);
    let mut store = Store::default();
    let mut pump = Pump::with_storage(disk.clone(), &mut store, PumpOptions::default()).expect("it opens");
    let counters = write(&disk, Drop::Oldest, 1, 100);
    assert!(counters.bytes <= 6000 && counters.dropped_oldest > 0 && counters.dropped_newest == 0, "{counters:?}");
    while pump.step(&mut store).expect("a good disk") != Step::Nothing {}
    let cursor = pump.cursor();
    assert_eq!((cursor.seq, cursor.skipped), (100, counters.dropped_oldest), "the exporter knows what it missed");
    assert_eq!(cursor.delivered + cursor.skipped, 100);
    let counters = write(&disk, Drop::Oldest, 101, 110);
    assert_eq!(counters.dropped_oldest, 0, "what is delivered goes first, and is no loss");

    let disk = Forgetful::new(5);
    cursor::store(&disk, "store", &cursor::load(&disk, "store").expect("none")).expect("a good disk");
    let counters = write(&disk, Drop::Newest, 1, 100);
    assert!(counters.bytes <= 6000 && counters.dropped_oldest == 0 && counters.dropped_newest > 0, "{counters:?}");
    let (all, _) = read_all(&disk, 1);
    assert_eq!(all.len() as u64 + counters.dropped_newest, 100);
    assert_eq!(all.last().map(|r| r.seq), Some(all.len() as u64), "no number is used up by what is refused");
    // Once it is delivered it gives way, also to several records that come before the next write.
    let mut store = Store::default();
    let mut pump = Pump::with_storage(disk.clone(), &mut store, PumpOptions::default()).expect("it opens");
    while pump.step(&mut store).expect("a good disk") != Step::Nothing {}
    let (mut log, _) = Log::open(disk.clone(), small(Drop::Newest)).expect("it opens");
    assert!((101..=110).all(|n| log.append(&envelope(n), &json(n))), "{:?}", log.counters());
}

#[test]
fn a_disk_that_refuses_for_a_while_costs_nothing_but_time() {
    let disk = Forgetful::new(11);
    let mut options = crate::SpoolOptions::default();
    (options.ring_slots, options.held_bytes) = (16, 40_000);
    let spool = crate::Spool::with_storage(disk.clone(), options).expect("it opens");
    let plan = otoscope::Config::new(otoscope::StreamSpec::mono(8_000)).freeze().expect("defaults");
    let report = otoscope::Probe::new(&plan).finish();
    let push = |n: u64| {
        let submission = crate::Submission { report: &report, findings: &[], unix_ms: n, attributes: &[] };
        spool.handle().try_push(submission).is_ok()
    };
    assert!(push(1));
    assert_eq!(spool.handle().flush(Duration::from_secs(30)).expect("a good disk"), 1);
    // Every operation fails.
    disk.with(|inner| inner.failures = 1);
    let taken = (2..200).filter(|n| {
        std::thread::sleep(Duration::from_millis(1));
        push(*n)
    });
    let taken = taken.count() as u64;
    assert!((1..190).contains(&taken), "what does not fit into memory is refused: {taken}");
    let refused = spool.handle().flush(Duration::from_millis(50)).expect_err("not durable");
    assert_eq!(refused.kind(), io::ErrorKind::TimedOut);
    assert!(spool.handle().error().is_some(), "the disk's words are there");
    assert_eq!(spool.handle().watermarks().durable, 1);
    disk.with(|inner| inner.failures = 0);
    assert_eq!(spool.handle().flush(Duration::from_secs(60)).expect("a good disk again"), 1 + taken);
    assert_eq!(spool.handle().error(), None);
    let marks = spool.handle().watermarks();
    assert_eq!((marks.accepted, marks.dropped), (1 + taken, 198 - taken));
    let (all, reader) = read_all(&disk, 1);
    assert_eq!((all.len() as u64, reader.skipped), (1 + taken, 0));
}

#[test]
fn ten_hours_of_backlog_are_fetched_in_order_without_a_gap() {
    let disk = Forgetful::new(12);
    let options = LogOptions { segment_bytes: 200_000, max_bytes: u64::MAX, drop: Drop::Oldest };
    let (mut log, _) = Log::open(disk.clone(), options).expect("it opens");
    for n in 1..=36_000 {
        assert!(log.append(&envelope(n), b"{}"));
        if n % 3_000 == 0 {
            log.write().and_then(|()| log.sync()).expect("a good disk");
        }
    }
    let mut store = Store::default();
    let mut pump = Pump::with_storage(disk.clone(), &mut store, PumpOptions::default()).expect("it opens");
    while pump.step(&mut store).expect("a good disk") != Step::Nothing {}
    assert!(store.have.iter().map(|r| r.seq).eq(1..=36_000));
    assert_eq!((pump.cursor().delivered, pump.cursor().skipped), (36_000, 0));
}
