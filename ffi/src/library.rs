//! Library

use crate::status::*;
use core::ffi::c_char;

/// Rises only when programs must be changed or compiled again.
pub const OTO_ABI_VERSION: u32 = 1;

const fn number(text: &str) -> u32 {
    let (bytes, mut i, mut n) = (text.as_bytes(), 0, 0);
    while i < bytes.len() {
        assert!(bytes[i].is_ascii_digit());
        n = n * 10 + (bytes[i] - b'0') as u32;
        i += 1;
    }
    n
}

/// The version of the library in use, packed as OTO_VERSION is: major * 65536 + minor * 256 + patch.
/// OTO_VERSION is what the program was compiled with.
#[unsafe(no_mangle)]
pub extern "C" fn oto_version() -> u32 {
    const PACKED: u32 = number(env!("CARGO_PKG_VERSION_MAJOR")) << 16
        | number(env!("CARGO_PKG_VERSION_MINOR")) << 8
        | number(env!("CARGO_PKG_VERSION_PATCH"));
    entry!({ PACKED } else PACKED)
}

/// The OTO_ABI_VERSION of the library in use. A program that was compiled with another one must not go on.
#[unsafe(no_mangle)]
pub extern "C" fn oto_abi_version() -> u32 {
    entry!({ OTO_ABI_VERSION } else OTO_ABI_VERSION)
}

/// What a status means, in a few words of English. Static, never NULL: numbers of later versions are `unknown status`.
#[unsafe(no_mangle)]
pub extern "C" fn oto_status_str(status: oto_status) -> *const c_char {
    let text = entry!({
        match status {
            OTO_OK => c"ok",
            OTO_UNDEFINED => c"no such value",
            OTO_NOT_COMPUTED => c"not computed",
            OTO_ERR_NULL => c"a pointer is NULL",
            OTO_ERR_ARGUMENT => c"misaligned pointer, overflowing count or impossible struct_size",
            OTO_ERR_UNSUPPORTED => c"this library is too old for what was asked",
            OTO_ERR_UNKNOWN_KEY => c"no such metric, parameter or field",
            OTO_ERR_OUT_OF_RANGE => c"value out of range",
            OTO_ERR_STATE => c"not allowed in this state",
            OTO_ERR_BUFFER_TOO_SMALL => c"buffer too small",
            OTO_ERR_MEMORY => c"out of memory",
            OTO_ERR_PANIC => c"internal error",
            OTO_ERR_POISONED => c"unusable after an internal error",
            OTO_ERR_FULL => c"the ring is full, the report was dropped",
            OTO_ERR_IO => c"the operating system refused",
            OTO_ERR_TIMEOUT => c"it took too long",
            _ => c"unknown status",
        }
    } else c"internal error");
    text.as_ptr()
}
