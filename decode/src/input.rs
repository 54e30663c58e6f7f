//! Where the bytes come from, and how many may be read for one purpose.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use symphonia::core::io::MediaSource;

use crate::error::Result;
use crate::limits::Limits;
use crate::pcm::read_some;

/// Counts the bytes that a container reader takes, and stops it when it takes too many. The readers keep what they read in
/// memory (an MP4 index, a tag, a packet as long as the file says), so a bound on reading is a bound on memory.
#[derive(Debug)]
pub(crate) struct Meter {
    budget: AtomicU64,
    total: AtomicU64,
    exceeded: AtomicBool,
    /// The last bytes read, oldest first: where MP3 files keep tags.
    tail: Mutex<Vec<u8>>,
}

/// An ID3v1 tag and the footer of an APE tag before it.
const TAIL_BYTES: usize = 128 + 32;

impl Meter {
    /// Allows `bytes` more from now on.
    pub(crate) fn allow(&self, bytes: u64) {
        self.budget.store(bytes, Relaxed);
    }

    /// Bytes read so far.
    pub(crate) fn total(&self) -> u64 {
        self.total.load(Relaxed)
    }

    /// Whether a read was refused.
    pub(crate) fn exceeded(&self) -> bool {
        self.exceeded.load(Relaxed)
    }

    fn note(&self, bytes: &[u8]) {
        let Ok(mut tail) = self.tail.lock() else { return };
        let bytes = &bytes[bytes.len().saturating_sub(TAIL_BYTES)..];
        let surplus = (tail.len() + bytes.len()).saturating_sub(TAIL_BYTES).min(tail.len());
        tail.drain(..surplus);
        tail.extend_from_slice(bytes);
    }

    /// Once the end was reached: the length of the ID3v1 and APE tags there.
    pub(crate) fn trailing_tags(&self) -> u64 {
        let Ok(tail) = self.tail.lock() else { return 0 };
        let id3 = if tail.len() >= 128 && tail[tail.len() - 128..].starts_with(b"TAG") { 128 } else { 0 };
        let before = &tail[..tail.len() - id3];
        let ape = match before.len().checked_sub(32).map(|at| &before[at..]) {
            Some(
                &[b'A', b'P', b'E', b'T', b'A', b'G', b'E', b'X', _, _, _, _, a, b, c, d, _, _, _, _, _, _, _, f, ..],
            ) => u64::from(u32::from_le_bytes([a, b, c, d])) + if f & 0x80 != 0 { 32 } else { 0 },
            _ => 0,
        };
        id3 as u64 + ape
    }
}

enum Inner {
    File(File),
    /// Symphonia wants its source `Sync`, a reader need not be: the lock is never contended (`get_mut` does not take it).
    Stream(Mutex<Box<dyn Read + Send>>),
}

impl Inner {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::File(file) => read_some(file, buf),
            Self::Stream(stream) => match stream.get_mut() {
                Ok(stream) => read_some(stream, buf),
                Err(poisoned) => read_some(poisoned.into_inner(), buf),
            },
        }
    }
}

/// A byte source whose beginning can be looked at before it is read.
pub(crate) struct Input {
    inner: Inner,
    /// Bytes read ahead (or put back) that come before those of `inner`.
    head: Vec<u8>,
    head_pos: usize,
    /// Length of a regular file that is read from its first byte: only then seeking makes sense.
    file_len: Option<u64>,
    meter: Arc<Meter>,
}

impl Input {
    pub(crate) fn from_file(file: File) -> io::Result<Self> {
        let meta = file.metadata()?;
        if meta.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
        }
        // A pipe or a device opened by path is read once, from front to end.
        let file_len = meta.is_file().then_some(meta.len());
        Ok(Self::new(Inner::File(file), file_len))
    }

    pub(crate) fn from_reader(reader: Box<dyn Read + Send>) -> Self {
        Self::new(Inner::Stream(Mutex::new(reader)), None)
    }

    fn new(inner: Inner, file_len: Option<u64>) -> Self {
        let meter = Meter {
            budget: AtomicU64::new(u64::MAX),
            total: AtomicU64::new(0),
            exceeded: AtomicBool::new(false),
            tail: Mutex::new(Vec::with_capacity(TAIL_BYTES)),
        };
        Self { inner, head: Vec::new(), head_pos: 0, file_len, meter: Arc::new(meter) }
    }

    pub(crate) fn meter(&self) -> Arc<Meter> {
        Arc::clone(&self.meter)
    }

    /// From here on the source is read front to end only.
    pub(crate) fn make_sequential(&mut self) {
        self.file_len = None;
    }

    /// The length in bytes, if it is a regular file read from its start.
    pub(crate) fn file_len(&self) -> Option<u64> {
        self.file_len
    }

    /// The first `n` bytes from here without taking them; fewer only at the end.
    pub(crate) fn peek(&mut self, n: usize) -> io::Result<&[u8]> {
        self.head.drain(..self.head_pos);
        self.head_pos = 0;
        let mut have = self.head.len();
        if have < n {
            self.head.resize(n, 0);
            while have < n {
                match self.inner.read(&mut self.head[have..n]) {
                    Ok(0) => break,
                    Ok(got) => have += got,
                    Err(error) => {
                        self.head.truncate(have);
                        return Err(error);
                    }
                }
            }
            self.head.truncate(have);
        }
        Ok(&self.head[..have.min(n)])
    }

    /// Puts bytes in front of what comes next.
    pub(crate) fn put_back(&mut self, bytes: &[u8]) {
        self.head.splice(..self.head_pos, bytes.iter().copied());
        self.head_pos = 0;
        self.make_sequential();
    }

    /// Takes exactly `buf.len()` bytes; `false` if the source ends first.
    pub(crate) fn take(&mut self, buf: &mut [u8]) -> io::Result<bool> {
        let mut have = 0;
        while have < buf.len() {
            match self.read(&mut buf[have..])? {
                0 => return Ok(false),
                got => have += got,
            }
        }
        Ok(true)
    }

    /// Skips up to `n` bytes without keeping them and returns how many there were.
    pub(crate) fn skip(&mut self, n: u64) -> io::Result<u64> {
        let mut buf = [0; 4096];
        let mut left = n;
        while left > 0 {
            let want = left.min(buf.len() as u64) as usize;
            match self.read(&mut buf[..want])? {
                0 => break,
                got => left -= got as u64,
            }
        }
        Ok(n - left)
    }

    /// Skips the ID3v2 tags at the start and returns their length: some writers put them before anything. They are not
    /// parsed; a tag is no audio, and its cover art is no reason to hold megabytes.
    pub(crate) fn skip_id3(&mut self, limits: &Limits) -> Result<u64> {
        let mut skipped = 0;
        loop {
            let head = self.peek(10)?;
            let &[b'I', b'D', b'3', _, _, flags, a, b, c, d] = head else { return Ok(skipped) };
            // Seven bits a byte; a set eighth bit means that this is no tag.
            if (a | b | c | d) & 0x80 != 0 {
                return Ok(skipped);
            }
            let size = u64::from(a) << 21 | u64::from(b) << 14 | u64::from(c) << 7 | u64::from(d);
            let total = size + 10 + if flags & 0x10 != 0 { 10 } else { 0 };
            limits.check_header(skipped + total)?;
            self.make_sequential();
            skipped += self.skip(total)?;
        }
    }
}

impl Read for Input {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let budget = self.meter.budget.load(Relaxed);
        if budget == 0 {
            self.meter.exceeded.store(true, Relaxed);
            return Err(io::Error::other("more bytes than the limit"));
        }
        let want = buf.len().min(usize::try_from(budget).unwrap_or(usize::MAX));
        let ahead = &self.head[self.head_pos..];
        let got = if ahead.is_empty() {
            self.inner.read(&mut buf[..want])?
        } else {
            let n = ahead.len().min(want);
            buf[..n].copy_from_slice(&ahead[..n]);
            self.head_pos += n;
            n
        };
        self.meter.budget.store(budget - got as u64, Relaxed);
        self.meter.total.fetch_add(got as u64, Relaxed);
        self.meter.note(&buf[..got]);
        Ok(got)
    }
}

impl Seek for Input {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let ahead = (self.head.len() - self.head_pos) as i64;
        match &mut self.inner {
            Inner::File(file) if self.file_len.is_some() => {
                let to = match to {
                    SeekFrom::Current(delta) => SeekFrom::Current(delta.saturating_sub(ahead)),
                    other => other,
                };
                self.head.clear();
                self.head_pos = 0;
                file.seek(to)
            }
            _ => Err(io::Error::new(io::ErrorKind::Unsupported, "the source cannot be rewound")),
        }
    }
}

impl MediaSource for Input {
    fn is_seekable(&self) -> bool {
        self.file_len.is_some()
    }

    fn byte_len(&self) -> Option<u64> {
        self.file_len
    }
}

/// A window over the bytes of an input that grows to what a page or frame needs and slides on.
pub(crate) struct Window {
    input: Input,
    buf: Vec<u8>,
    start: usize,
    end: usize,
}

impl Window {
    /// `capacity`: the most bytes that are ever looked at together.
    pub(crate) fn new(input: Input, capacity: usize) -> Self {
        Self { input, buf: vec![0; capacity], start: 0, end: 0 }
    }

    /// The bytes from here, at least `n` of them unless the source ends first.
    pub(crate) fn fill(&mut self, n: usize) -> io::Result<&[u8]> {
        if self.end - self.start < n && self.start + n > self.buf.len() {
            self.buf.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
        while self.end - self.start < n {
            match self.input.read(&mut self.buf[self.end..])? {
                0 => break,
                got => self.end += got,
            }
        }
        Ok(&self.buf[self.start..self.end])
    }

    pub(crate) fn consume(&mut self, n: usize) {
        self.start = (self.start + n).min(self.end);
    }
}
