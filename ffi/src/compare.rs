//! Compare: a signal against the signal as it should be. Allocates; not for the audio thread

use crate::guard::{Out, Outcome, free, give_text, read_struct, samples, shared, text};
use crate::status::*;
use crate::types::*;
use core::ffi::c_char;
use otoscope::ConfigError;
use otoscope::compare::{Align, Comparison, ComparisonMeta, Config, Plan, Reference, Samples, Scored, Scratch};
use otoscope::spec::Value;

/// A signal as it should be, prepared for any number of comparisons.
pub struct oto_reference {
    reference: Reference<'static>,
}

/// The scores of one pair.
pub struct oto_comparison {
    comparison: Comparison,
}

impl oto_comparison {
    /// The score of a key, and the name of its field if the key names one.
    fn find<'k>(&self, key: &'k str) -> Outcome<(&Scored, Option<&'k str>)> {
        if let Some(scored) = self.comparison.score(key) {
            return Ok((scored, None));
        }
        let (score, field) = key.rsplit_once('.').ok_or(OTO_ERR_UNKNOWN_KEY)?;
        let scored = self.comparison.score(score).ok_or(OTO_ERR_UNKNOWN_KEY)?;
        if scored.spec.fields.iter().any(|f| f.name == field) {
            Ok((scored, Some(field)))
        } else {
            Err(OTO_ERR_UNKNOWN_KEY)
        }
    }
}

/// The plan of a list of scores and options, either of which may be NULL.
///
/// # Safety
/// As the header asks for these pointers.
unsafe fn plan(scores: *const c_char, options: *const oto_compare_options) -> Outcome<Plan> {
    // SAFETY: as promised to this function.
    let list = if scores.is_null() { "".into() } else { unsafe { text(scores) }? };
    let mut config = Config::new(list.split(',').map(str::trim).filter(|name| !name.is_empty()));
    if !options.is_null() {
        // SAFETY: as promised to this function.
        let options = unsafe { read_struct(options) }?;
        if options.flags & !OTO_COMPARE_FRAMES != 0 || options.reserved != 0 {
            return Err(OTO_ERR_UNSUPPORTED);
        }
        config.align = match options.align {
            OTO_ALIGN_NONE => Align::None,
            OTO_ALIGN_DELAY => Align::Delay,
            _ => return Err(OTO_ERR_UNSUPPORTED),
        };
        config.frames = options.flags & OTO_COMPARE_FRAMES != 0;
        if options.max_delay_s != 0.0 {
            config.max_delay_s = options.max_delay_s;
        }
    }
    config.freeze().map_err(|error| match error {
        ConfigError::UnknownKey { .. } | ConfigError::NotAllowed { .. } => OTO_ERR_UNKNOWN_KEY,
        _ => OTO_ERR_OUT_OF_RANGE,
    })
}

/// # Safety
/// As the header asks for these pointers.
unsafe fn new<T: Copy>(
    pcm: *const T,
    count: usize,
    sample_rate_hz: u32,
    scores: *const c_char,
    options: *const oto_compare_options,
    out: *mut *mut oto_reference,
) -> Outcome
where
    Samples<'static>: From<Vec<T>>,
{
    // SAFETY: as promised to this function.
    let (pcm, out, plan) = unsafe { (samples(pcm, count, 1)?, Out::new(out)?, plan(scores, options)?) };
    let mut copy = Vec::new();
    copy.try_reserve_exact(pcm.len()).map_err(|_| OTO_ERR_MEMORY)?;
    copy.extend_from_slice(pcm);
    let reference = Reference::new(&plan, copy, sample_rate_hz);
    out.set(Box::into_raw(Box::new(oto_reference { reference })));
    Ok(())
}

/// # Safety
/// As the header asks for these pointers.
unsafe fn against<T>(
    reference: *const oto_reference,
    pcm: *const T,
    count: usize,
    sample_rate_hz: u32,
    out: *mut *mut oto_comparison,
) -> Outcome
where
    for<'a> Samples<'a>: From<&'a [T]>,
{
    // SAFETY: as promised to this function.
    let (reference, pcm, out) = unsafe { (shared(reference)?, samples(pcm, count, 1)?, Out::new(out)?) };
    let comparison = reference.reference.compare(pcm, sample_rate_hz, &mut Scratch::new());
    out.set(Box::into_raw(Box::new(oto_comparison { comparison })));
    Ok(())
}

/// Makes a reference from `count` 16-bit samples of one channel, which are copied. Free it with oto_reference_free.
///
/// `scores` is a list such as `pesq_wb,stoi,lsd:urgent` (each `score` or `score:preset`); NULL for all. `options` may be NULL.
/// Nothing that is wrong with the samples is an error: it will be the status of every score.
///
/// Errors: OTO_ERR_UNKNOWN_KEY for a score or preset that there is not; OTO_ERR_OUT_OF_RANGE (max_delay_s, or a score twice);
/// OTO_ERR_UNSUPPORTED for an option of a later version; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned, `count`
/// overflows, or struct_size is less than 4 or more than 1024; OTO_ERR_MEMORY if there is none for the copy.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_reference_new_i16(
    pcm: *const i16,
    count: usize,
    sample_rate_hz: u32,
    scores: *const c_char,
    options: *const oto_compare_options,
    out: *mut *mut oto_reference,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        unsafe { new(pcm, count, sample_rate_hz, scores, options, out) }
    })
}

/// As oto_reference_new_i16, of floats with full scale 1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_reference_new_f32(
    pcm: *const f32,
    count: usize,
    sample_rate_hz: u32,
    scores: *const c_char,
    options: *const oto_compare_options,
    out: *mut *mut oto_reference,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        unsafe { new(pcm, count, sample_rate_hz, scores, options, out) }
    })
}

/// Frees a reference. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_reference_free(reference: *mut oto_reference) {
    entry!({
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { free(reference) }
    } else ())
}

/// Compares `count` 16-bit samples of one channel with a reference, which any number of threads may do at the same time. Free
/// the result with oto_comparison_free.
///
/// Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or `count` overflows; OTO_ERR_PANIC.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_compare_i16(
    reference: *const oto_reference,
    pcm: *const i16,
    count: usize,
    sample_rate_hz: u32,
    out: *mut *mut oto_comparison,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        unsafe { against(reference, pcm, count, sample_rate_hz, out) }
    })
}

/// As oto_compare_i16, of floats with full scale 1.0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_compare_f32(
    reference: *const oto_reference,
    pcm: *const f32,
    count: usize,
    sample_rate_hz: u32,
    out: *mut *mut oto_comparison,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        unsafe { against(reference, pcm, count, sample_rate_hz, out) }
    })
}

/// Frees a comparison. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_comparison_free(comparison: *mut oto_comparison) {
    entry!({
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { free(comparison) }
    } else ())
}

/// A score, by the key it was asked for (`stoi`, `lsd:urgent`), or one value of it (`pesq_wb.raw`). It is finite.
///
/// OTO_UNDEFINED says that there is none (oto_comparison_status says why), OTO_NOT_COMPUTED that this preset lacks the value;
/// `out` is not written then.
///
/// Errors: OTO_ERR_UNKNOWN_KEY; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_comparison_value(
    comparison: *const oto_comparison,
    key: *const c_char,
    out: *mut f64,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let (comparison, key, out) = unsafe { (shared(comparison)?, text(key)?, Out::new(out)?) };
        let (scored, field) = comparison.find(&key)?;
        let value = match field {
            None => scored.value().map(Value::Number),
            Some(field) => scored.field(field),
        };
        match value {
            Some(Value::Number(x)) => {
                out.set(x);
                Ok(())
            }
            Some(Value::NotComputed(_)) => Err(OTO_NOT_COMPUTED),
            _ => Err(OTO_UNDEFINED),
        }
    })
}

/// How a score came out: `ok`, or the name of the reason why there is none, such as `silent_degraded`. Ask with `cap` 0 (and
/// `buf` NULL) for the size, then for the text.
///
/// `needed` is set to the size of the text with its NUL, also if the buffer is too small; the buffer is not touched then.
///
/// Errors: OTO_ERR_UNKNOWN_KEY; OTO_ERR_BUFFER_TOO_SMALL; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or `cap`
/// overflows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_comparison_status(
    comparison: *const oto_comparison,
    key: *const c_char,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let (comparison, key) = unsafe { (shared(comparison)?, text(key)?) };
        let (scored, _) = comparison.find(&key)?;
        // SAFETY: as above.
        unsafe { give_text(scored.status(), buf, cap, needed) }
    })
}

/// The comparison as one JSON object on one line, in UTF-8, schema `otoscope.comparison/1`. Ask with `cap` 0 (and `buf` NULL)
/// for the size, then for the text.
///
/// `needed` is set to the size of the text with its NUL, also if the buffer is too small; the buffer is not touched then.
///
/// Errors: OTO_ERR_BUFFER_TOO_SMALL; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or `cap` overflows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_comparison_json(
    comparison: *const oto_comparison,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let json = unsafe { shared(comparison) }?.comparison.to_json(&ComparisonMeta::default());
        // SAFETY: as above.
        unsafe { give_text(&json, buf, cap, needed) }
    })
}
