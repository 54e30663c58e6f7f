//! How long to wait before something is tried again.

use std::time::Duration;

/// Twice as long each time, up to a limit.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Patience {
    /// Waits that begin at `first` and grow to `most`.
    #[must_use]
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, next: first }
    }

    /// It works again: the next wait is the first.
    pub fn reset(&mut self) {
        self.next = self.first;
    }

    /// How long to wait now.
    pub fn wait(&mut self) -> Duration {
        let wait = self.next;
        self.next = (2 * wait).min(self.most);
        wait
    }
}
