//! Work on a list with all processors, results in the order of the list.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::mpsc;

use crate::problem::Stop;
use crate::term::Progress;

/// How many threads: what was asked for, else what the machine has.
pub fn threads(jobs: Option<NonZero<usize>>) -> usize {
    jobs.or_else(|| std::thread::available_parallelism().ok()).map_or(1, NonZero::get)
}

/// Works on all items with some threads and hands over the results in the order of the items. Each thread has a state of its own.
pub fn in_order<T: Sync, R: Send, S: Default>(
    items: &[T],
    jobs: usize,
    work: impl Fn(&T, &mut S) -> R + Sync,
    progress: &Progress,
    mut done: impl FnMut(&T, R) -> Result<(), Stop>,
) -> Result<(), Stop> {
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        let (sender, results) = mpsc::channel();
        for _ in 0..jobs.min(items.len()) {
            let (sender, next, work) = (sender.clone(), &next, &work);
            scope.spawn(move || {
                let mut state = S::default();
                while let Some((i, item)) = Some(next.fetch_add(1, Relaxed)).and_then(|i| Some((i, items.get(i)?))) {
                    // Nobody listens any more: the output is closed.
                    if sender.send((i, work(item, &mut state))).is_err() {
                        return;
                    }
                }
            });
        }
        drop(sender);
        let mut waiting = BTreeMap::new();
        let mut turn = 0;
        for (i, result) in results {
            progress.step();
            waiting.insert(i, result);
            while let Some(result) = waiting.remove(&turn) {
                done(&items[turn], result)?;
                turn += 1;
            }
        }
        Ok(())
    })
}
