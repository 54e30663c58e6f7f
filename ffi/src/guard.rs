//! The border: what C gives is checked here, and no panic leaves.

use crate::status::*;
use crate::types::*;
use core::ffi::{CStr, c_char, c_void};
use core::mem::MaybeUninit;
use std::alloc::Layout;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// `Err` holds any status but `OTO_OK`.
pub(crate) type Outcome<T = ()> = Result<T, oto_status>;

/// The body of every `oto_*` function: panics become `OTO_ERR_PANIC`, or the value after `else`.
///
/// `entry!({ ... })` for functions that give a status; the block gives an [`Outcome`].
/// `entry!({ ... } else value)` for functions that give something else.
macro_rules! entry {
    ($body:block) => {
        $crate::guard::status(|| -> $crate::guard::Outcome { $body })
    };
    ($body:block else $fallback:expr) => {
        $crate::guard::caught(|| $body).unwrap_or($fallback)
    };
}

/// `None` if `f` panicked. What it had in hand may be half changed: the caller marks it as poisoned or drops it.
pub(crate) fn caught<R>(f: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(f)).ok()
}

/// The status of a fallible body.
pub(crate) fn status(f: impl FnOnce() -> Outcome) -> oto_status {
    match caught(f) {
        Some(Ok(())) => OTO_OK,
        Some(Err(status)) => status,
        None => OTO_ERR_PANIC,
    }
}

/// Not NULL, and aligned for its type.
pub(crate) fn check<T>(pointer: *const T) -> Outcome {
    if pointer.is_null() {
        Err(OTO_ERR_NULL)
    } else if !pointer.is_aligned() {
        Err(OTO_ERR_ARGUMENT)
    } else {
        Ok(())
    }
}

/// As [`check`], but NULL is allowed if there are no elements; and all of them together fit into an address space.
pub(crate) fn check_array<T>(pointer: *const T, len: usize) -> Outcome {
    if len == 0 && pointer.is_null() {
        return Ok(());
    }
    check(pointer)?;
    match len.checked_mul(size_of::<T>()) {
        Some(bytes) if bytes <= isize::MAX as usize => Ok(()),
        _ => Err(OTO_ERR_ARGUMENT),
    }
}

/// Memory of the caller's that something of a layout is to be made in: not NULL, aligned and large enough.
pub(crate) fn check_memory(memory: *mut c_void, size: usize, layout: Layout) -> Outcome<*mut c_void> {
    if memory.is_null() {
        Err(OTO_ERR_NULL)
    } else if !memory.addr().is_multiple_of(layout.align()) {
        Err(OTO_ERR_ARGUMENT)
    } else if size < layout.size() {
        Err(OTO_ERR_BUFFER_TOO_SMALL)
    } else {
        Ok(memory)
    }
}

/// Looks at what a pointer points to.
///
/// # Safety
/// If not NULL and aligned, it points to a `T` that nobody changes during `'a`.
pub(crate) unsafe fn shared<'a, T>(pointer: *const T) -> Outcome<&'a T> {
    check(pointer)?;
    // SAFETY: not NULL and aligned; the rest is the caller's promise.
    Ok(unsafe { &*pointer })
}

/// Takes hold of what a pointer points to.
///
/// # Safety
/// If not NULL and aligned, it points to a `T` that nobody else uses during `'a`.
pub(crate) unsafe fn exclusive<'a, T>(pointer: *mut T) -> Outcome<&'a mut T> {
    check(pointer)?;
    // SAFETY: not NULL and aligned; the rest is the caller's promise.
    Ok(unsafe { &mut *pointer })
}

/// The samples of a push: `count` for each of `channels`.
///
/// # Safety
/// If not NULL and aligned, it points to that many `T` that nobody changes during `'a`.
pub(crate) unsafe fn samples<'a, T>(pointer: *const T, count: usize, channels: usize) -> Outcome<&'a [T]> {
    let len = count.checked_mul(channels).ok_or(OTO_ERR_ARGUMENT)?;
    check_array(pointer, len)?;
    if len == 0 {
        return Ok(&[]);
    }
    // SAFETY: not NULL, aligned, and the size fits; the rest is the caller's promise.
    Ok(unsafe { core::slice::from_raw_parts(pointer, len) })
}

/// A row of things to read.
///
/// # Safety
/// If not NULL and aligned, it points to that many `T` that nobody changes during `'a`.
pub(crate) unsafe fn read_array<'a, T>(pointer: *const T, count: usize) -> Outcome<&'a [T]> {
    // SAFETY: as promised to this function.
    unsafe { samples(pointer, count, 1) }
}

/// A C string. What is not UTF-8 in it becomes replacement characters: no key has those.
///
/// # Safety
/// If not NULL, it points to a string with a NUL at its end that nobody changes during `'a`.
pub(crate) unsafe fn text<'a>(pointer: *const c_char) -> Outcome<Cow<'a, str>> {
    check(pointer)?;
    // SAFETY: not NULL; the rest is the caller's promise.
    Ok(unsafe { CStr::from_ptr(pointer) }.to_string_lossy())
}

/// Where a result goes: checked first, written last, so that a failed call writes nothing.
pub(crate) struct Out<T>(*mut T);

impl<T> Out<T> {
    /// # Safety
    /// If not NULL and aligned, it may be written for as long as this lives.
    pub(crate) unsafe fn new(pointer: *mut T) -> Outcome<Self> {
        check(pointer)?;
        Ok(Self(pointer))
    }

    pub(crate) fn set(&self, value: T) {
        // SAFETY: not NULL and aligned, as checked by `new`; writable, as promised there. What C hands over may be
        // uninitialised, so nothing is dropped.
        unsafe { self.0.write(value) }
    }
}

/// Where a row of results goes.
pub(crate) struct OutArray<T> {
    first: *mut T,
    cap: usize,
}

impl<T> OutArray<T> {
    /// # Safety
    /// If not NULL and aligned, it has room for `cap` elements for as long as this lives.
    pub(crate) unsafe fn new(first: *mut T, cap: usize) -> Outcome<Self> {
        check_array(first, cap)?;
        Ok(Self { first, cap })
    }

    pub(crate) fn cap(&self) -> usize {
        self.cap
    }

    /// Writes element `index`; beyond the end, nothing.
    pub(crate) fn set(&self, index: usize, value: T) {
        if index < self.cap {
            // SAFETY: in bounds; not NULL (there are elements) and aligned, as checked by `new`; writable, as promised
            // there.
            unsafe { self.first.add(index).write(value) }
        }
    }
}

/// Hands a text over, with a NUL at its end. `needed` counts the NUL. Too small a buffer is not touched.
///
/// # Safety
/// `buf` has room for `cap` bytes, and `needed` may be written.
pub(crate) unsafe fn give_text(text: &str, buf: *mut c_char, cap: usize, needed: *mut usize) -> Outcome {
    // SAFETY: as promised to this function.
    let (buf, needed) = unsafe { (OutArray::new(buf.cast::<u8>(), cap)?, Out::new(needed)?) };
    needed.set(text.len() + 1);
    if buf.cap() <= text.len() {
        return Err(OTO_ERR_BUFFER_TOO_SMALL);
    }
    for (i, byte) in text.bytes().chain([0]).enumerate() {
        buf.set(i, byte);
    }
    Ok(())
}

/// No struct of any version will be as long as this. A longer size is a member nobody initialised.
const LONGEST_STRUCT: usize = 1024;

/// A struct whose first member is `uint32_t struct_size`.
///
/// # Safety
/// `repr(C)` with a `u32` first and no padding, and any bits are a value of it.
pub(crate) unsafe trait Sized32: Copy {}

// SAFETY: four `u32`.
unsafe impl Sized32 for oto_stream_spec {}
// SAFETY: integers without padding, as asserted by its size.
unsafe impl Sized32 for oto_packet {}
// SAFETY: `u32`s and pointers, which may be anything as long as nobody follows them; no padding, as asserted by its size.
unsafe impl Sized32 for oto_metric_info {}
// SAFETY: as above.
unsafe impl Sized32 for oto_field_info {}
// SAFETY: as above.
unsafe impl Sized32 for oto_kind_info {}
// SAFETY: as above.
unsafe impl Sized32 for oto_score_info {}
// SAFETY: as above, and numbers, of which any bits are one.
unsafe impl Sized32 for oto_param_info {}
// SAFETY: as above.
unsafe impl Sized32 for oto_verdict {}
// SAFETY: integers and a number without padding, as asserted by its size.
unsafe impl Sized32 for oto_compare_options {}
// SAFETY: integers without padding, as asserted by its size.
unsafe impl Sized32 for oto_watermarks {}

/// The `struct_size` of a struct.
///
/// # Safety
/// If not NULL and aligned, it points to at least a `u32`.
unsafe fn struct_size<T: Sized32>(pointer: *const T) -> Outcome<usize> {
    check(pointer)?;
    // SAFETY: not NULL, aligned for `T` and so for its first member; readable as promised.
    let size = unsafe { pointer.cast::<u32>().read() } as usize;
    if (size_of::<u32>()..=LONGEST_STRUCT).contains(&size) { Ok(size) } else { Err(OTO_ERR_ARGUMENT) }
}

/// Reads a struct of another version: what an older caller lacks is 0, what a newer caller has beyond must be 0.
///
/// # Safety
/// If not NULL and aligned, it points to as many bytes as its first member says.
pub(crate) unsafe fn read_struct<T: Sized32>(pointer: *const T) -> Outcome<T> {
    // SAFETY: as promised to this function.
    let size = unsafe { struct_size(pointer)? };
    let known = size.min(size_of::<T>());
    for i in known..size {
        // SAFETY: within the bytes the caller promised.
        if unsafe { pointer.cast::<u8>().add(i).read() } != 0 {
            return Err(OTO_ERR_UNSUPPORTED);
        }
    }
    let mut value = MaybeUninit::<T>::zeroed();
    // SAFETY: `known` bytes are readable as promised and fit into a `T`.
    unsafe { pointer.cast::<u8>().copy_to_nonoverlapping(value.as_mut_ptr().cast(), known) };
    // SAFETY: every byte is set, and any bits are a value of `T`.
    Ok(unsafe { value.assume_init() })
}

/// Writes as much of a struct as the caller has room for, and how much that was. `None` is for an index beyond the end:
/// a wrong pointer is the first thing to say, so it is checked before.
///
/// # Safety
/// If not NULL and aligned, it points to as many writable bytes as its first member says.
pub(crate) unsafe fn write_struct<T: Sized32>(pointer: *mut T, value: Option<T>) -> Outcome {
    // SAFETY: as promised to this function.
    let known = unsafe { struct_size(pointer)? }.min(size_of::<T>());
    let value = value.ok_or(OTO_ERR_OUT_OF_RANGE)?;
    // SAFETY: `known` bytes are writable as promised and there in `value`.
    unsafe { core::ptr::from_ref(&value).cast::<u8>().copy_to_nonoverlapping(pointer.cast(), known) };
    // SAFETY: the first member is a `u32`, and there is room for at least that.
    unsafe { pointer.cast::<u32>().write(known as u32) };
    Ok(())
}

/// Checks a size that the caller says beside a struct of which nothing is set yet.
pub(crate) fn check_size<T: Sized32>(pointer: *const T, size: usize) -> Outcome {
    check(pointer)?;
    if (size_of::<u32>()..=LONGEST_STRUCT).contains(&size) { Ok(()) } else { Err(OTO_ERR_ARGUMENT) }
}

/// Frees what `Box::into_raw` gave. NULL is allowed; a misaligned pointer is none of ours and is left alone.
///
/// # Safety
/// If not NULL and aligned, the pointer came from [`Box::into_raw`] and is not used again.
pub(crate) unsafe fn free<T>(pointer: *mut T) {
    if check(pointer).is_ok() {
        // SAFETY: as promised to this function.
        drop(unsafe { Box::from_raw(pointer) });
    }
}
