//! A bounded ring between the threads that have reports and the one that writes them.
//!
//! Many threads put in, one takes out. Neither side ever waits: a full ring and an empty one are answers. Slots are made at the start and
//! filled in place. The order of the slots is kept by sequence numbers (Vyukov's bounded queue); each slot also has a mutex, which is what
//! makes this safe Rust. It is only ever tried, and never met: whoever owns a slot by its number is alone there, so that no system call is
//! ever made.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, TryLockError};

struct Slot<T> {
    /// Whose turn it is: the position at which it may be filled, or that position plus one once it is full.
    turn: AtomicU64,
    value: Mutex<T>,
}

/// Keeps two numbers that different threads write from sharing a cache line.
#[repr(align(128))]
struct Apart(AtomicU64);

/// See the module.
pub(crate) struct Ring<T> {
    slots: Box<[Slot<T>]>,
    filled: Apart,
    taken: Apart,
}

impl<T> Ring<T> {
    /// A ring of at least `len` slots, each made by `make`.
    pub(crate) fn new(len: usize, mut make: impl FnMut() -> T) -> Self {
        let len = len.clamp(2, 1 << 20).next_power_of_two() as u64;
        let slots = (0..len).map(|i| Slot { turn: AtomicU64::new(i), value: Mutex::new(make()) }).collect();
        Self { slots, filled: Apart(AtomicU64::new(0)), taken: Apart(AtomicU64::new(0)) }
    }

    fn slot(&self, position: u64) -> &Slot<T> {
        &self.slots[(position & (self.slots.len() as u64 - 1)) as usize]
    }

    /// Fills the next slot and returns how many were filled before it; `None` if the ring is full. Any thread.
    pub(crate) fn put(&self, fill: impl FnOnce(&mut T)) -> Option<u64> {
        let mut position = self.filled.0.load(Ordering::Relaxed);
        loop {
            let slot = self.slot(position);
            let turn = slot.turn.load(Ordering::Acquire);
            if turn == position {
                let mine =
                    self.filled.0.compare_exchange_weak(position, position + 1, Ordering::Relaxed, Ordering::Relaxed);
                match mine {
                    Ok(_) => {
                        with(&slot.value, fill);
                        slot.turn.store(position + 1, Ordering::Release);
                        return Some(position);
                    }
                    Err(now) => position = now,
                }
            } else if turn < position {
                return None;
            } else {
                position = self.filled.0.load(Ordering::Relaxed);
            }
        }
    }

    /// Takes the oldest slot; `None` if there is none yet, or if the one whose turn it is is still being filled. One thread.
    pub(crate) fn take<R>(&self, read: impl FnOnce(&mut T) -> R) -> Option<R> {
        let position = self.taken.0.load(Ordering::Relaxed);
        let slot = self.slot(position);
        if slot.turn.load(Ordering::Acquire) != position + 1 {
            return None;
        }
        let result = with(&slot.value, read);
        slot.turn.store(position + self.slots.len() as u64, Ordering::Release);
        self.taken.0.store(position + 1, Ordering::Relaxed);
        Some(result)
    }

    /// How many were put in since the start.
    pub(crate) fn filled(&self) -> u64 {
        self.filled.0.load(Ordering::Acquire)
    }

    /// How many were taken out since the start.
    pub(crate) fn taken(&self) -> u64 {
        self.taken.0.load(Ordering::Acquire)
    }
}

/// The value of a slot that the caller owns by its turn.
fn with<T, R>(value: &Mutex<T>, f: impl FnOnce(&mut T) -> R) -> R {
    loop {
        match value.try_lock() {
            Ok(mut value) => return f(&mut value),
            // A filler that panicked left half a value; the next one writes it anew.
            Err(TryLockError::Poisoned(value)) => return f(&mut value.into_inner()),
            // Only between two instructions of a thread that has given its turn on already.
            Err(TryLockError::WouldBlock) => std::hint::spin_loop(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_and_empty_are_answers() {
        let ring = Ring::new(4, || 0);
        assert_eq!(ring.take(|x| *x), None);
        let put: Vec<Option<u64>> = (10..16).map(|n| ring.put(|x| *x = n)).collect();
        assert_eq!(put, [Some(0), Some(1), Some(2), Some(3), None, None]);
        assert_eq!((ring.take(|x| *x), ring.put(|x| *x = 99)), (Some(10), Some(4)));
        let rest: Vec<i32> = std::iter::from_fn(|| ring.take(|x| *x)).collect();
        assert_eq!(rest, [11, 12, 13, 99]);
        assert_eq!((ring.filled(), ring.taken()), (5, 5));
    }

    #[test]
    fn nothing_is_lost_twice_or_mixed_up_between_threads() {
        const EACH: u64 = 200_000;
        let ring = Ring::new(8, || [0u64; 8]);
        let mut seen = [0u64; 4];
        let refused = AtomicU64::new(0);
        std::thread::scope(|scope| {
            let (ring, refused) = (&ring, &refused);
            for t in 0..4 {
                scope.spawn(move || {
                    for n in 1..=EACH {
                        // A slot is one value, never parts of two.
                        while ring.put(|x| *x = [t << 32 | n; 8]).is_none() {
                            refused.fetch_add(1, Ordering::Relaxed);
                            std::thread::yield_now();
                        }
                    }
                });
            }
            let mut left = 4 * EACH;
            while left > 0 {
                let Some(x) = ring.take(|x| *x) else { continue };
                assert!(x.iter().all(|v| *v == x[0]));
                let (t, n) = ((x[0] >> 32) as usize, x[0] & 0xffff_ffff);
                seen[t] += 1;
                assert_eq!(n, seen[t], "each thread's values come in their order");
                left -= 1;
            }
        });
        assert_eq!(seen, [EACH; 4]);
        assert!(refused.into_inner() > 0, "eight slots are not enough for that");
    }
}
