//! Report ids: UUID version 7 (RFC 9562), made without a clock and without asking the system for chance.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// The id of one report, the same wherever it is stored: 16 bytes, written as a UUID.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct ReportId(pub [u8; 16]);

impl fmt::Display for ReportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes(self.0).as_hyphenated().fmt(f)
    }
}

impl fmt::Debug for ReportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl ReportId {
    /// As a UUID in 36 bytes of ASCII, without taking memory.
    #[must_use]
    pub fn text(&self) -> [u8; 36] {
        let mut text = [0; 36];
        uuid::Uuid::from_bytes(self.0).as_hyphenated().encode_lower(&mut text);
        text
    }

    /// Reads what [`Display`](fmt::Display) wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        uuid::Uuid::try_parse(text).ok().map(|id| Self(id.into_bytes()))
    }
}

/// Makes ids. It is random once, at the start; then it counts (RFC 9562, section 6.2, method 1): 42 bits of counter behind the
/// milliseconds, begun at random, and 32 bits that stay.
pub(crate) struct IdSource {
    instance: u32,
    counter: AtomicU64,
    /// The newest time seen, in milliseconds since 1970: ids never go back, whatever the caller's clock does.
    newest_ms: AtomicU64,
}

const COUNTER_BITS: u32 = 42;

impl IdSource {
    pub(crate) fn new() -> Self {
        let random = uuid::Uuid::new_v4().as_u128();
        // The halves of a version 4 UUID, without its fixed bits. The counter begins in the lower half of its range.
        let counter = (random >> 80) as u64 & ((1 << (COUNTER_BITS - 1)) - 1);
        Self { instance: random as u32, counter: AtomicU64::new(counter), newest_ms: AtomicU64::new(0) }
    }

    /// The next id, for a report of that time.
    pub(crate) fn next(&self, unix_ms: u64) -> ReportId {
        let ms = unix_ms.min((1 << 48) - 1);
        let ms = ms.max(self.newest_ms.fetch_max(ms, Ordering::Relaxed));
        let count = self.counter.fetch_add(1, Ordering::Relaxed) & ((1 << COUNTER_BITS) - 1);
        let high = ms << 16 | 0x7000 | count >> 30;
        let low = 0b10 << 62 | (count & ((1 << 30) - 1)) << 32 | u64::from(self.instance);
        ReportId((u128::from(high) << 64 | u128::from(low)).to_be_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_of_version_7_and_sort_by_time_even_if_the_clock_goes_back() {
        let source = IdSource::new();
        let times = [1_000, 1_001, 1_001, 5, 900, 1_002, u64::MAX];
        let ids: Vec<ReportId> = times.iter().map(|&ms| source.next(ms)).collect();
        assert!(ids.is_sorted() && ids.windows(2).all(|pair| pair[0] != pair[1]), "{ids:?}");
        for id in &ids {
            let uuid = uuid::Uuid::from_bytes(id.0);
            assert_eq!((uuid.get_version_num(), uuid.get_variant()), (7, uuid::Variant::RFC4122), "{id}");
            assert_eq!(ReportId::parse(&id.to_string()), Some(*id));
        }
        let ms = |id: &ReportId| u64::from_be_bytes([0, 0, id.0[0], id.0[1], id.0[2], id.0[3], id.0[4], id.0[5]]);
        assert_eq!(ms(&ids[3]), 1_001, "never earlier than the one before");
        assert_ne!(IdSource::new().next(1), IdSource::new().next(1));
    }
}
