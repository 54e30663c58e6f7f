//! How much memory a Vorbis setup header asks for.
//!
//! A codebook of Vorbis is written in a few bytes and unpacked into a table: 20 bytes can describe one of 16 MB (the bound in
//! Symphonia's decoder), and a header may hold 256 of them. So the header is read here first, and the sum is bounded.

use crate::error::{ErrorKind, Result};

/// Most bytes of unpacked tables. libvorbis writes headers of 0.3 to 1.5 MB.
const MAX_TABLE_BYTES: u64 = 16 << 20;

/// Bits, least significant first (Vorbis I specification, section 2).
struct Bits<'a> {
    data: &'a [u8],
    at: u64,
}

impl Bits<'_> {
    fn take(&mut self, n: u32) -> Option<u32> {
        let mut value = 0;
        for i in 0..n {
            let byte = self.data.get((self.at >> 3) as usize)?;
            value |= u32::from(byte >> (self.at & 7) & 1) << i;
            self.at += 1;
        }
        Some(value)
    }

    fn skip(&mut self, n: u64) -> Option<()> {
        self.at = self.at.checked_add(n)?;
        (self.at <= self.data.len() as u64 * 8).then_some(())
    }
}

/// Checks a setup header (with its packet type and signature).
pub(crate) fn check_setup(setup: &[u8]) -> Result<()> {
    let body = setup.strip_prefix(b"\x05vorbis").unwrap_or_default();
    let bytes = table_bytes(body).ok_or_else(|| ErrorKind::corrupt("the Vorbis setup header is broken"))?;
    if bytes > MAX_TABLE_BYTES {
        return Err(ErrorKind::Limit { what: "bytes of Vorbis tables", value: bytes, limit: MAX_TABLE_BYTES });
    }
    Ok(())
}

/// Bytes of all codebooks once unpacked; `None` if the header is broken. Stops at the first sum over the limit.
fn table_bytes(body: &[u8]) -> Option<u64> {
    let mut bits = Bits { data: body, at: 0 };
    let mut total = 0;
    for _ in 0..=bits.take(8)? {
        if bits.take(24)? != 0x56_4342 {
            return None;
        }
        let dimensions = u64::from(bits.take(16)?);
        let entries = u64::from(bits.take(24)?);
        // A code word and its value, and the tree over them.
        total += entries * 16;
        if total > MAX_TABLE_BYTES {
            return Some(total);
        }
        if bits.take(1)? == 1 {
            bits.take(5)?;
            let mut entry = 0;
            while entry < entries {
                let width = (entries - entry).ilog2() + 1;
                entry += u64::from(bits.take(width)?);
            }
        } else if bits.take(1)? == 1 {
            for _ in 0..entries {
                if bits.take(1)? == 1 {
                    bits.take(5)?;
                }
            }
        } else {
            bits.skip(entries * 5)?;
        }
        let lookup = bits.take(4)?;
        if lookup == 0 {
            continue;
        }
        bits.skip(64)?;
        let width = u64::from(bits.take(4)?) + 1;
        bits.take(1)?;
        let values = match lookup {
            1 => lookup1_values(entries, dimensions),
            2 => entries * dimensions,
            _ => return None,
        };
        total += entries * dimensions * 4 + values * 2;
        if total > MAX_TABLE_BYTES {
            return Some(total);
        }
        bits.skip(values * width)?;
    }
    Some(total)
}

/// The largest `v` with `v^dimensions <= entries` (section 9.2.3).
fn lookup1_values(entries: u64, dimensions: u64) -> u64 {
    let dimensions = u32::try_from(dimensions).unwrap_or(u32::MAX);
    let mut v = 0u64;
    while (v + 1).checked_pow(dimensions).is_some_and(|p| p <= entries) {
        v += 1;
        if dimensions == 0 || v > entries {
            break;
        }
    }
    v
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_lookup_type_1() {
        assert_eq!(lookup1_values(81, 4), 3);
        assert_eq!(lookup1_values(80, 4), 2);
        assert_eq!(lookup1_values(1, 8), 1);
        assert_eq!(lookup1_values(0, 2), 0);
        assert_eq!(lookup1_values(6561, 1), 6561);
    }

    #[test]
    fn a_tiny_header_for_huge_tables_is_refused() {
        // 256 ordered codebooks of 131,072 entries, all of one length, 32 dimensions: 16 MB each out of 30 bytes each.
        let mut out = Vec::new();
        let mut bit = 0usize;
        let mut put = |value: u64, n: usize, out: &mut Vec<u8>| {
            for i in 0..n {
                if bit.is_multiple_of(8) {
                    out.push(0);
                }
                let last = out.len() - 1;
                out[last] |= ((value >> i & 1) as u8) << (bit % 8);
                bit += 1;
            }
        };
        put(255, 8, &mut out);
        for _ in 0..256 {
            for (value, n) in [(0x56_4342, 24), (32, 16), (131_072, 24), (1, 1), (16, 5), (131_072, 18), (1, 4)] {
                put(value, n, &mut out);
            }
            put(0, 64, &mut out);
            for (value, n) in [(0, 4), (0, 1), (0, 1)] {
                put(value, n, &mut out);
            }
        }
        let mut setup = b"\x05vorbis".to_vec();
        setup.extend_from_slice(&out);
        assert!(matches!(check_setup(&setup), Err(ErrorKind::Limit { .. })));
    }
}
