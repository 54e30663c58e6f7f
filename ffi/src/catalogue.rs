//! Catalogue: what there is to measure. A new metric adds entries and OTO_FIELD_* numbers, never a function

use crate::guard::{Out, text, write_struct};
use crate::status::*;
use crate::texts::{self, FIELDS, METRICS};
use crate::types::*;
use core::ffi::c_char;
use otoscope::SPECS;
use otoscope::spec::Exactness;
use otoscope::verdict::NORMS;

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
    entry!({ FIELDS } else 0)
}

/// Describes field `index`, 0 to oto_field_count() - 1. Set `struct_size` before (OTO_FIELD_INFO_INIT).
///
/// Errors: OTO_ERR_OUT_OF_RANGE; OTO_ERR_NULL; OTO_ERR_ARGUMENT if `out` is misaligned or struct_size is less than 4 or
/// more than 1024.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_field_get_info(index: usize, out: *mut oto_field_info) -> oto_status {
    entry!({
        let mut all = SPECS.iter().enumerate().flat_map(|(m, spec)| (0..spec.fields.len()).map(move |f| (m, f)));
        let info = all.nth(index).map(|(m, f)| {
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
        kind.map_or(c"".as_ptr(), |(m, k)| texts::kind(m, k))
    } else c"".as_ptr())
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
