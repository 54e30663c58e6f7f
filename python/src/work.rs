//! Work on many items with some threads, while the thread of the caller shows progress and hears Ctrl-C.

use pyo3::prelude::*;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::error::wrong_value;

/// How often progress is shown and Ctrl-C is looked for.
const EVERY: Duration = Duration::from_millis(100);

/// How many threads: what was asked for, else what the machine has.
pub(crate) fn threads(workers: Option<i64>) -> PyResult<usize> {
    let machine = || std::thread::available_parallelism().map_or(1, NonZero::get);
    let Some(workers) = workers else { return Ok(machine()) };
    usize::try_from(workers)
        .ok()
        .filter(|&n| n > 0)
        .ok_or_else(|| wrong_value("workers", format!("{workers} threads do nothing"), "give 1 or more, or None"))
}

/// Works on all items, begun in the given order, and returns what became of them in the order of `items`. `work` gets an item's number, the
/// item, and a state that its thread has for itself. `keep` sees the results one by one in the order of `items` and gives what is kept of
/// them. `progress` is called with the number of items that are done; an exception in it, or Ctrl-C, ends the work early.
pub(crate) fn run<T: Sync, R: Send, S: Default, K: Send>(
    py: Python<'_>,
    items: &[T],
    order: &[usize],
    threads: usize,
    progress: Option<&Py<PyAny>>,
    work: impl Fn(usize, &T, &mut S) -> R + Sync,
    mut keep: impl FnMut(R) -> PyResult<K> + Send,
) -> PyResult<Vec<K>> {
    let next = AtomicUsize::new(0);
    let tell = |done: usize| {
        Python::attach(|py| {
            py.check_signals()?;
            progress.map_or(Ok(()), |f| f.call1(py, (done,)).map(drop))
        })
    };
    py.detach(|| {
        std::thread::scope(|scope| {
            let (sender, receiver) = mpsc::channel();
            for _ in 0..threads.min(items.len()) {
                let (sender, next, work) = (sender.clone(), &next, &work);
                scope.spawn(move || {
                    let mut state = S::default();
                    while let Some(&i) = order.get(next.fetch_add(1, Relaxed)) {
                        // Nobody listens any more: the call was interrupted.
                        if sender.send((i, work(i, &items[i], &mut state))).is_err() {
                            return;
                        }
                    }
                });
            }
            drop(sender);
            let mut waiting: Vec<Option<R>> = items.iter().map(|_| None).collect();
            let mut kept = Vec::with_capacity(items.len());
            let mut done = 0;
            let mut told = Instant::now();
            loop {
                match receiver.recv_timeout(EVERY.saturating_sub(told.elapsed())) {
                    Ok((i, result)) => {
                        waiting[i] = Some(result);
                        done += 1;
                        while let Some(result) = waiting.get_mut(kept.len()).and_then(Option::take) {
                            kept.push(keep(result)?);
                        }
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => break,
                }
                if told.elapsed() >= EVERY {
                    tell(done)?;
                    told = Instant::now();
                }
            }
            tell(done)?;
            Ok(kept)
        })
    })
}
