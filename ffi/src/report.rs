//! Report: the values of one stream. Made once, filled any number of times; plain data that any thread may read

use crate::catalogue::count;
use crate::config::oto_config;
use crate::guard::{Out, OutArray, Outcome, free, give_text, shared, text, write_struct};
use crate::status::*;
use crate::texts;
use crate::types::*;
use core::ffi::c_char;
use otoscope::spec::Value;
use otoscope::verdict::{MonoAs, NORMS, Outcome as Judged, Verdict, norm};
use otoscope::{Finding, FindingLog, Report, SPECS, StreamMeta};

/// The values of one stream, so far or final.
pub struct oto_report {
    filled: Option<Filled>,
}

/// More than a probe keeps.
const KEPT: usize = 64;

struct Filled {
    values: Report,
    /// Findings nobody had polled.
    findings: [Option<Finding>; KEPT],
}

impl oto_report {
    /// Does not allocate.
    pub(crate) fn fill(&mut self, values: Report, waiting: impl Iterator<Item = Finding>) {
        let mut findings = [None; KEPT];
        for (kept, finding) in findings.iter_mut().zip(waiting) {
            *kept = Some(finding);
        }
        self.filled = Some(Filled { values, findings });
    }

    /// The values, for other files.
    pub(crate) fn values(&self) -> Outcome<&Report> {
        Ok(&self.filled()?.values)
    }

    fn filled(&self) -> Outcome<&Filled> {
        self.filled.as_ref().ok_or(OTO_ERR_STATE)
    }
}

fn status_of(value: Value) -> oto_status {
    match value {
        Value::Number(_) => OTO_OK,
        Value::Undefined(_) => OTO_UNDEFINED,
        Value::NotComputed(_) => OTO_NOT_COMPUTED,
    }
}

/// Hands a number over, or says why there is none. `None` is a field that there is not.
fn give_value(value: Option<Value>, out: &Out<f64>) -> Outcome {
    match value {
        Some(Value::Number(x)) => {
            out.set(x);
            Ok(())
        }
        Some(none) => Err(status_of(none)),
        None => Err(OTO_ERR_UNKNOWN_KEY),
    }
}

/// Makes an empty report. Any probe of any config can fill it. Free it with oto_report_free.
///
/// Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned; OTO_ERR_STATE if `config` is not frozen.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_report_new(config: *const oto_config, out: *mut *mut oto_report) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let (config, out) = unsafe { (shared(config)?, Out::new(out)?) };
        config.plan()?;
        out.set(Box::into_raw(Box::new(oto_report { filled: None })));
        Ok(())
    })
}

/// Frees a report. NULL is allowed.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_report_free(report: *mut oto_report) {
    entry!({
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { free(report) }
    } else ())
}

/// The value of one field, by its OTO_FIELD_* or what oto_field_find gave. It is finite.
///
/// OTO_UNDEFINED and OTO_NOT_COMPUTED say that there is no value; `out` is not written then.
///
/// Errors: OTO_ERR_UNKNOWN_KEY; OTO_ERR_STATE if the report was never filled; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a
/// pointer is misaligned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_report_value(report: *const oto_report, field_id: u32, out: *mut f64) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let (report, out) = unsafe { (shared(report)?, Out::new(out)?) };
        let mut found = None;
        report.filled()?.values.visit(|metric, field, value| {
            if metric.field_id(field) == field_id {
                found = Some(value);
            }
        });
        give_value(found, &out)
    })
}

/// The value of one field, by its key: `loudness.integrated_lufs`. Looks the key up each time: oto_report_value is quicker.
///
/// OTO_UNDEFINED and OTO_NOT_COMPUTED say that there is no value; `out` is not written then.
///
/// Errors: as oto_report_value.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_report_value_by_key(
    report: *const oto_report,
    key: *const c_char,
    out: *mut f64,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let (report, key, out) = unsafe { (shared(report)?, text(key)?, Out::new(out)?) };
        give_value(report.filled()?.values.value(&key), &out)
    })
}

/// All values in one call, in the order of oto_field_get_info. `states` gets 0, OTO_UNDEFINED or OTO_NOT_COMPUTED for
/// each; where it is not 0, the value is NaN. Ask with `cap` 0 (and `values` and `states` NULL) for the number.
///
/// `needed` is set to oto_field_count(), also if `cap` is too small; the arrays are not touched then.
///
/// Errors: OTO_ERR_BUFFER_TOO_SMALL; OTO_ERR_STATE if the report was never filled; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a
/// pointer is misaligned or `cap` overflows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_report_values(
    report: *const oto_report,
    values: *mut f64,
    states: *mut u8,
    cap: usize,
    needed: *mut usize,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let (report, needed) = unsafe { (shared(report)?, Out::new(needed)?) };
        // SAFETY: as above.
        let (values, states) = unsafe { (OutArray::new(values, cap)?, OutArray::new(states, cap)?) };
        let filled = report.filled()?;
        let fields = count(|m| m.fields.len());
        needed.set(fields);
        if cap < fields {
            return Err(OTO_ERR_BUFFER_TOO_SMALL);
        }
        let mut index = 0;
        filled.values.visit(|_, _, value| {
            values.set(index, value.number().unwrap_or(f64::NAN));
            states.set(index, status_of(value) as u8);
            index += 1;
        });
        Ok(())
    })
}

/// How many findings of a kind there were: OTO_METRIC_* and OTO_KIND_*. Exact, also where findings were dropped because nobody
/// polled. `metric_id` 0 and `kind` 0 count all; `kind` 0 counts those of a metric.
///
/// Errors: OTO_ERR_UNKNOWN_KEY; OTO_ERR_STATE if the report was never filled; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is
/// misaligned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_report_finding_count(
    report: *const oto_report,
    metric_id: u32,
    kind: u32,
    out: *mut u64,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let (report, out) = unsafe { (shared(report)?, Out::new(out)?) };
        let values = &report.filled()?.values;
        let metric = SPECS.iter().find(|m| u32::from(m.id) == metric_id);
        let known = match metric {
            Some(m) => kind == 0 || m.kinds.iter().any(|k| u32::from(k.id) == kind),
            None => metric_id == 0 && kind == 0,
        };
        if !known {
            return Err(OTO_ERR_UNKNOWN_KEY);
        }
        let of_kind = values.counts().filter(|(m, k, _)| {
            (metric_id == 0 || u32::from(m.id) == metric_id) && (kind == 0 || u32::from(k.id) == kind)
        });
        out.set(of_kind.map(|(_, _, n)| u64::from(n)).sum());
        Ok(())
    })
}

/// The report as one JSON object on one line, in UTF-8, schema `otoscope.report/1`. Its `findings` are those nobody had
/// polled when the report was filled; its counts are those of all. Ask with `cap` 0 (and `buf` NULL) for the size, then
/// for the text. Allocates.
///
/// `needed` is set to the size of the text with its NUL, also if the buffer is too small; the buffer is not touched then.
///
/// Errors: OTO_ERR_BUFFER_TOO_SMALL; OTO_ERR_STATE if the report was never filled; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a
/// pointer is misaligned or `cap` overflows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_report_json(
    report: *const oto_report,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointer, as the header asks for it.
        let filled = unsafe { shared(report) }?.filled()?;
        let mut log = FindingLog::new();
        for finding in filled.findings.iter().flatten() {
            log.add(*finding);
        }
        let json = filled.values.to_json(&StreamMeta::default(), &log.into_sorted());
        // SAFETY: the caller's pointers, as the header asks for them.
        unsafe { give_text(&json, buf, cap, needed) }
    })
}

fn describe(verdict: &Verdict) -> oto_verdict {
    let n = NORMS.iter().position(|n| n.name == verdict.norm.name).unwrap_or_default();
    let r = verdict.norm.requirements.iter().position(|r| core::ptr::eq(r, verdict.requirement)).unwrap_or_default();
    let ([norm, edition], [requirement, unit]) = (texts::norm(n), texts::requirement(n, r));
    let number = |x: Option<f64>| x.unwrap_or(f64::NAN);
    let field_id = verdict.requirement.field.and_then(|key| {
        let (metric, field) = key.split_once('.')?;
        let spec = SPECS.iter().find(|s| s.name == metric)?;
        Some(spec.field_id(spec.fields.iter().find(|f| f.name == field)?))
    });
    oto_verdict {
        struct_size: 0,
        outcome: match verdict.outcome {
            Judged::Pass => OTO_VERDICT_PASS,
            Judged::Fail => OTO_VERDICT_FAIL,
            _ => OTO_VERDICT_NOT_MEASURED,
        },
        field_id: field_id.unwrap_or(0),
        mono_as: match verdict.mono_as {
            None => OTO_MONO_NONE,
            Some(MonoAs::DualMono) => OTO_MONO_DUAL,
            Some(_) => OTO_MONO_ONCE,
        },
        value: number(verdict.value),
        target: number(verdict.requirement.target),
        min: number(verdict.requirement.min),
        max: number(verdict.requirement.max),
        off: number(verdict.off),
        norm,
        requirement,
        unit,
        edition,
    }
}

/// Verdict `index` of a delivery norm on a finished stream: count up from 0 until OTO_ERR_OUT_OF_RANGE. Set `struct_size`
/// before (OTO_VERDICT_INIT). The norms: oto_norm_str.
///
/// Errors: OTO_ERR_OUT_OF_RANGE; OTO_ERR_UNKNOWN_KEY if there is no such norm; OTO_ERR_STATE if the report was never
/// filled; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or struct_size is less than 4 or more than 1024.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_report_verdict(
    report: *const oto_report,
    norm_name: *const c_char,
    index: usize,
    out: *mut oto_verdict,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let (report, name) = unsafe { (shared(report)?, text(norm_name)?) };
        let norm = norm(&name).ok_or(OTO_ERR_UNKNOWN_KEY)?;
        let verdict = norm.judge(&report.filled()?.values).nth(index);
        // SAFETY: as above.
        unsafe { write_struct(out, verdict.as_ref().map(describe)) }
    })
}
