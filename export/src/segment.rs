//! One file of the spool: a header and records, each with its own checksum, so that a torn end is known as such and what lies behind damage
//! is found again.

use crate::id::ReportId;
use crate::record::{Envelope, Record};

/// The beginning of every segment; the last byte is the version of the format.
pub(crate) const HEADER: [u8; 8] = *b"OTOSPL\x00\x01";
/// The beginning of every record: no JSON has these bytes, and no UTF-8 text either.
const MARK: [u8; 4] = [0xf5, 0x0e, 0xc0, 0xff];
/// Mark, length of what is behind the checksum, checksum.
const FRAME: usize = 12;
/// Number, id, revision, time, digest.
const FIXED: usize = 8 + 16 + 4 + 8 + 4;
/// Nothing longer is a record; the writer refuses it, and a reader takes such a length for damage.
pub(crate) const LONGEST: usize = 1 << 20;

/// The name of a segment: the number of its first record, then which segment of the spool it is. Records that had to be written again are
/// in a later segment that begins with the same number; names sort as they were made.
pub(crate) fn name(first_seq: u64, generation: u32) -> String {
    format!("{first_seq:020}-{generation:08}.seg")
}

/// The numbers in a segment's name; `None` for other files.
pub(crate) fn parse_name(name: &str) -> Option<(u64, u32)> {
    let (first, generation) = name.strip_suffix(".seg")?.split_once('-')?;
    (first.len() == 20 && generation.len() == 8).then(|| Some((first.parse().ok()?, generation.parse().ok()?)))?
}

/// Appends a record; returns whether it is short enough to be one.
pub(crate) fn encode(seq: u64, envelope: &Envelope, json: &[u8], out: &mut Vec<u8>) -> bool {
    let len = FIXED + json.len();
    if len > LONGEST {
        return false;
    }
    out.extend_from_slice(&MARK);
    out.extend_from_slice(&(len as u32).to_le_bytes());
    let checksum_at = out.len();
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&seq.to_le_bytes());
    out.extend_from_slice(&envelope.id.0);
    out.extend_from_slice(&envelope.rev.to_le_bytes());
    out.extend_from_slice(&envelope.unix_ms.to_le_bytes());
    out.extend_from_slice(&envelope.digest32.to_le_bytes());
    out.extend_from_slice(json);
    // The length is under the checksum too.
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&(len as u32).to_le_bytes());
    checksum.update(&out[checksum_at + 4..]);
    out[checksum_at..checksum_at + 4].copy_from_slice(&checksum.finalize().to_le_bytes());
    true
}

/// What stands at a place.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// A record, and the number of bytes it takes.
    Record(Record, usize),
    /// Not all of it is there: the end of a segment that is being written, or that was torn.
    Incomplete,
    /// No record.
    Damage,
}

/// Reads the record at the beginning of `bytes`.
pub(crate) fn decode(bytes: &[u8]) -> Found {
    let mark = bytes.len().min(MARK.len());
    if bytes[..mark] != MARK[..mark] {
        return Found::Damage;
    }
    let Some(frame) = bytes.get(..FRAME) else { return Found::Incomplete };
    let word = |at: usize| u32::from_le_bytes([frame[at], frame[at + 1], frame[at + 2], frame[at + 3]]);
    let len = word(4) as usize;
    if !(FIXED..=LONGEST).contains(&len) {
        return Found::Damage;
    }
    let Some(body) = bytes.get(FRAME..FRAME + len) else { return Found::Incomplete };
    let mut checksum = crc32fast::Hasher::new();
    checksum.update(&frame[4..8]);
    checksum.update(body);
    if checksum.finalize() != word(8) {
        return Found::Damage;
    }
    let (fixed, json) = body.split_at(FIXED);
    let long = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| fixed[at + i]));
    let short = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| fixed[at + i]));
    let envelope = Envelope {
        id: ReportId(std::array::from_fn(|i| fixed[8 + i])),
        rev: short(24),
        unix_ms: long(28),
        digest32: short(36),
    };
    Found::Record(Record { seq: long(0), envelope, json: json.to_vec() }, FRAME + len)
}

/// Where the next whole record begins, from the second byte on; `None` if there is none.
pub(crate) fn resynchronise(bytes: &[u8]) -> Option<usize> {
    (1..bytes.len().saturating_sub(FRAME))
        .find(|&at| bytes[at..].starts_with(&MARK) && matches!(decode(&bytes[at..]), Found::Record(..)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(seq: u64, json: &str) -> Record {
        let envelope = Envelope { id: ReportId([seq as u8; 16]), rev: 2, unix_ms: 1_700_000_000_123, digest32: 77 };
        Record { seq, envelope, json: json.as_bytes().to_vec() }
    }

    fn encoded(records: &[Record]) -> Vec<u8> {
        let mut bytes = Vec::new();
        assert!(records.iter().all(|r| encode(r.seq, &r.envelope, &r.json, &mut bytes)));
        bytes
    }

    #[test]
    fn what_was_written_is_read() {
        let all = [record(7, "{}"), record(8, r#"{"a":1}"#)];
        let bytes = encoded(&all);
        let Found::Record(first, len) = decode(&bytes) else { panic!("a record") };
        assert_eq!(first, all[0]);
        assert_eq!(decode(&bytes[len..]), Found::Record(all[1].clone(), bytes.len() - len));
        assert_eq!(parse_name(&name(7, 3)), Some((7, 3)));
        assert_eq!([parse_name("7-1.seg"), parse_name("cursor-x.json")], [None, None]);
        assert!(!encode(1, &all[0].envelope, &vec![b' '; LONGEST], &mut Vec::new()), "nothing longer is written");
    }

    #[test]
    fn every_cut_is_incomplete_and_every_changed_bit_is_noticed() {
        let bytes = encoded(&[record(7, r#"{"a":1}"#)]);
        for len in 0..bytes.len() {
            assert_eq!(decode(&bytes[..len]), Found::Incomplete, "{len} bytes");
        }
        for bit in 0..8 * bytes.len() {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            // A longer length is waited for; it is damage as soon as something stands behind.
            assert!(!matches!(decode(&changed), Found::Record(..)), "bit {bit}");
        }
    }

    #[test]
    fn behind_damage_the_next_record_is_found() {
        let all = [record(1, "{}"), record(2, "{}"), record(3, "{}")];
        let mut bytes = encoded(&all);
        let len = bytes.len() / 3;
        bytes[20] ^= 1;
        assert_eq!(resynchronise(&bytes), Some(len));
        bytes[len + 20] ^= 1;
        assert_eq!(resynchronise(&bytes), Some(2 * len));
        bytes[2 * len + 20] ^= 1;
        assert_eq!(resynchronise(&bytes), None);
    }
}
