//! The head of a FLAC file, reduced to what decoding needs.

use crate::error::{ErrorKind, Result};
use crate::input::Input;
use crate::limits::Limits;

/// Reads all metadata blocks, keeps the stream information and puts a header with only that one back. Symphonia's reader
/// would load pictures (16 MB each), cue sheets and tags into memory; none of them is audio.
pub(crate) fn strip_metadata(input: &mut Input, limits: &Limits) -> Result<()> {
    let cut = || ErrorKind::corrupt("the FLAC header ends before the first sample");
    let mut total = 4;
    input.skip(total)?;
    let mut info = None;
    loop {
        let mut head = [0; 4];
        if !input.take(&mut head)? {
            return Err(cut());
        }
        let [kind, a, b, c] = head;
        let length = u64::from(u32::from_be_bytes([0, a, b, c]));
        total += 4 + length;
        limits.check_header(total)?;
        if kind & 0x7f == 0 {
            let mut body = [0; 34];
            if length != 34 || info.is_some() {
                return Err(ErrorKind::corrupt("the FLAC stream information is not one block of 34 bytes"));
            }
            if !input.take(&mut body)? {
                return Err(cut());
            }
            info = Some(body);
        } else if input.skip(length)? < length {
            return Err(cut());
        }
        if kind & 0x80 != 0 {
            break;
        }
    }
    let info = info.ok_or_else(|| ErrorKind::corrupt("the FLAC file has no stream information"))?;
    check(&info, limits)?;
    let mut header = Vec::with_capacity(42);
    header.extend_from_slice(b"fLaC\x80\0\0\x22");
    header.extend_from_slice(&info);
    input.put_back(&header);
    Ok(())
}

/// Refuses a sample rate or channel count outside the limits before a decoder allocates for them.
pub(crate) fn check(info: &[u8; 34], limits: &Limits) -> Result<()> {
    let rate = u32::from_be_bytes([0, info[10], info[11], info[12]]) >> 4;
    let channels = (info[12] >> 1 & 7) + 1;
    limits.check_spec(rate, u64::from(channels))
}
