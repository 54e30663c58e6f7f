//! Catalogue: what there is to measure. A new metric adds entries and OTO_FIELD_* numbers, never a function

use crate::guard::{Out, give_text, shared, text, write_struct};
use crate::status::*;
use crate::texts::{self, METRICS};
use crate::types::*;
use core::ffi::c_char;
use otoscope::compare::SCORES;
use otoscope::spec::{Domain, Exactness, MetricSpec};
use otoscope::verdict::NORMS;
use otoscope::{Finding, SPECS, Severity, State};

/// How many of something all metrics have together.
pub(crate) fn count(of: fn(&MetricSpec) -> usize) -> usize {
    SPECS.iter().map(|spec| of(spec)).sum()
}

/// Metric and place in it of the one with this index, counted over all metrics.
fn find(index: usize, of: fn(&MetricSpec) -> usize) -> Option<(usize, usize)> {
    SPECS.iter().enumerate().flat_map(|(m, spec)| (0..of(spec)).map(move |i| (m, i))).nth(index)
}

/// How many metrics there are.
#[unsafe(no_mangle)]
pub extern "C" fn oto_metric_count() -> usize {
    entry!({ METRICS } else 0)
}

/// Describes metric `index`, 0 to oto_metric_count() - 1. Set `struct_size` before (OTO_METRIC_INFO_INIT).
///
/// Errors: OTO_ERR_OUT_OF_RANGE; OTO_ERR_NULL; OTO_ERR_ARGUMENT if `out` is misaligned or struct_size is less than 4 or
/// more than 1024.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_metric_get_info(index: usize, out: *mut oto_metric_info) -> oto_status {
    entry!({
        let spec = SPECS.get(index);
        let info = spec.map(|spec| {
            let [name, doc] = texts::metric(index);
            oto_metric_info {
                struct_size: 0,
                id: spec.id.into(),
                revision: spec.revision.into(),
                field_count: spec.fields.len() as u32,
                name,
                doc,
            }
        });
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { write_struct(out, info) }
    })
}

/// How many fields all metrics have together.
#[unsafe(no_mangle)]
pub extern "C" fn oto_field_count() -> usize {
    entry!({ count(|m| m.fields.len()) } else 0)
}

/// Describes field `index`, 0 to oto_field_count() - 1. Set `struct_size` before (OTO_FIELD_INFO_INIT).
///
/// Errors: OTO_ERR_OUT_OF_RANGE; OTO_ERR_NULL; OTO_ERR_ARGUMENT if `out` is misaligned or struct_size is less than 4 or
/// more than 1024.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_field_get_info(index: usize, out: *mut oto_field_info) -> oto_status {
    entry!({
        let info = find(index, |m| m.fields.len()).map(|(m, f)| {
            let (spec, field) = (SPECS[m], &SPECS[m].fields[f]);
            let [name, unit, doc] = texts::field(m, f);
            oto_field_info {
                struct_size: 0,
                id: spec.field_id(field),
                metric_id: spec.id.into(),
                exactness: match field.exactness {
                    Exactness::Exact => OTO_EXACTNESS_EXACT,
                    Exactness::Abs(_) => OTO_EXACTNESS_TOLERANCE,
                },
                name,
                unit,
                doc,
            }
        });
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { write_struct(out, info) }
    })
}

/// The id of a field by its key, such as `loudness.integrated_lufs`: for hosts that cannot use OTO_FIELD_*. Ask once.
///
/// Errors: OTO_ERR_UNKNOWN_KEY; OTO_ERR_NULL; OTO_ERR_ARGUMENT if `field_id` is misaligned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_field_find(name: *const c_char, field_id: *mut u32) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let (name, out) = unsafe { (text(name)?, Out::new(field_id)?) };
        let (metric, field) = name.split_once('.').ok_or(OTO_ERR_UNKNOWN_KEY)?;
        let spec = SPECS.iter().find(|s| s.name == metric).ok_or(OTO_ERR_UNKNOWN_KEY)?;
        let field = spec.fields.iter().find(|f| f.name == field).ok_or(OTO_ERR_UNKNOWN_KEY)?;
        out.set(spec.field_id(field));
        Ok(())
    })
}

/// The name of a kind of finding, as in the JSON. Static, never NULL: empty if this library does not know it.
#[unsafe(no_mangle)]
pub extern "C" fn oto_finding_kind_str(metric_id: u32, kind: u32) -> *const c_char {
    entry!({
        let metric = SPECS.iter().position(|s| u32::from(s.id) == metric_id);
        let kind = metric.and_then(|m| Some((m, SPECS[m].kinds.iter().position(|k| u32::from(k.id) == kind)?)));
        kind.map_or(c"".as_ptr(), |(m, k)| texts::kind(m, k)[0])
    } else c"".as_ptr())
}

/// A finding as a sentence of English, with its numbers: `a hole of 49 ms in the voice`. Ask with `cap` 0 (and `buf` NULL) for the
/// size, then for the text. Allocates.
///
/// `needed` is set to the size of the text with its NUL, also if the buffer is too small; the buffer is not touched then.
///
/// Errors: OTO_ERR_UNKNOWN_KEY if this library does not know the metric or the kind; OTO_ERR_OUT_OF_RANGE if the rate is 0;
/// OTO_ERR_BUFFER_TOO_SMALL; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or `cap` overflows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_finding_message(
    finding: *const oto_finding,
    sample_rate_hz: u32,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointer, as the header asks for it.
        let said = known(unsafe { shared(finding) }?).ok_or(OTO_ERR_UNKNOWN_KEY)?;
        if sample_rate_hz == 0 {
            return Err(OTO_ERR_OUT_OF_RANGE);
        }
        // SAFETY: the caller's pointers, as the header asks for them.
        unsafe { give_text(&otoscope::message(&said, sample_rate_hz), buf, cap, needed) }
    })
}

/// A finding as the core has it, but for its state and severity: those are a point and an info. `None` if its metric or kind is none of ours.
pub(crate) fn known(f: &oto_finding) -> Option<Finding> {
    let metric = SPECS.iter().find(|s| u32::from(s.id) == f.metric_id)?;
    let kind = metric.kinds.iter().find(|k| u32::from(k.id) == f.kind)?;
    Some(Finding {
        seq: f.seq,
        event_id: f.event_id,
        state: State::Point,
        metric_id: metric.id,
        kind: kind.id,
        severity: Severity::Info,
        start_sample: f.start_sample,
        end_sample: f.end_sample,
        t_ns: (f.t_ns != OTO_NO_TIME).then_some(f.t_ns),
        chunk: (f.chunk != OTO_NO_CHUNK).then_some(f.chunk),
        channel_mask: f.channel_mask,
        value: f.value,
        threshold: f.threshold,
    })
}

/// How many kinds of findings all metrics have together.
#[unsafe(no_mangle)]
pub extern "C" fn oto_kind_count() -> usize {
    entry!({ count(|m| m.kinds.len()) } else 0)
}

/// Describes kind `index`, 0 to oto_kind_count() - 1. Set `struct_size` before (OTO_KIND_INFO_INIT).
///
/// Errors: OTO_ERR_OUT_OF_RANGE; OTO_ERR_NULL; OTO_ERR_ARGUMENT if `out` is misaligned or struct_size is less than 4 or
/// more than 1024.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_kind_get_info(index: usize, out: *mut oto_kind_info) -> oto_status {
    entry!({
        let info = find(index, |m| m.kinds.len()).map(|(m, k)| {
            let (spec, kind) = (SPECS[m], &SPECS[m].kinds[k]);
            let [name, unit, message] = texts::kind(m, k);
            let (id, metric_id, max_delay_ms) = (kind.id.into(), spec.id.into(), kind.max_delay_ms);
            oto_kind_info { struct_size: 0, id, metric_id, max_delay_ms, name, unit, message }
        });
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { write_struct(out, info) }
    })
}

/// How many parameters all metrics have together.
#[unsafe(no_mangle)]
pub extern "C" fn oto_param_count() -> usize {
    entry!({ count(|m| m.params.len()) } else 0)
}

/// Describes parameter `index`, 0 to oto_param_count() - 1. Set `struct_size` before (OTO_PARAM_INFO_INIT).
///
/// Errors: OTO_ERR_OUT_OF_RANGE; OTO_ERR_NULL; OTO_ERR_ARGUMENT if `out` is misaligned or struct_size is less than 4 or
/// more than 1024.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_param_get_info(index: usize, out: *mut oto_param_info) -> oto_status {
    entry!({
        let info = find(index, |m| m.params.len()).map(|(m, p)| {
            let [name, unit, words, doc] = texts::param(m, p);
            let (value_type, default_value, min, max) = match SPECS[m].params[p].domain {
                Domain::Number { default, min, max } => (OTO_PARAM_NUMBER, default, min, max),
                Domain::Choice(_) => (OTO_PARAM_CHOICE, f64::NAN, f64::NAN, f64::NAN),
            };
            oto_param_info {
                struct_size: 0,
                metric_id: SPECS[m].id.into(),
                value_type,
                reserved: 0,
                default_value,
                min,
                max,
                name,
                unit,
                words,
                doc,
            }
        });
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { write_struct(out, info) }
    })
}

/// How many full-reference scores there are.
#[unsafe(no_mangle)]
pub extern "C" fn oto_score_count() -> usize {
    entry!({ SCORES.len() } else 0)
}

/// Describes score `index`, 0 to oto_score_count() - 1. Set `struct_size` before (OTO_SCORE_INFO_INIT).
///
/// Errors: OTO_ERR_OUT_OF_RANGE; OTO_ERR_NULL; OTO_ERR_ARGUMENT if `out` is misaligned or struct_size is less than 4 or
/// more than 1024.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_score_get_info(index: usize, out: *mut oto_score_info) -> oto_status {
    entry!({
        let info = SCORES.get(index).map(|score| {
            let [name, unit, presets, doc] = texts::score(index);
            let better = if score.higher_is_better { OTO_SCORE_HIGHER_IS_BETTER } else { 0 };
            let flags = better | if score.in_step { OTO_SCORE_IN_STEP } else { 0 };
            let (id, revision) = (score.id.into(), score.revision.into());
            oto_score_info { struct_size: 0, id, revision, flags, name, unit, presets, doc }
        });
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { write_struct(out, info) }
    })
}

/// The name of score `index`, 0 to oto_score_count() - 1, such as `stoi`. Static, never NULL: empty beyond the end.
#[unsafe(no_mangle)]
pub extern "C" fn oto_score_str(index: usize) -> *const c_char {
    entry!({ if index < SCORES.len() { texts::score(index)[0] } else { c"".as_ptr() } } else c"".as_ptr())
}

/// How many delivery norms there are.
#[unsafe(no_mangle)]
pub extern "C" fn oto_norm_count() -> usize {
    entry!({ NORMS.len() } else 0)
}

/// The name of norm `index`, 0 to oto_norm_count() - 1, such as `spotify`. Static, never NULL: empty beyond the end.
#[unsafe(no_mangle)]
pub extern "C" fn oto_norm_str(index: usize) -> *const c_char {
    entry!({ if index < NORMS.len() { texts::norm(index)[0] } else { c"".as_ptr() } } else c"".as_ptr())
}
