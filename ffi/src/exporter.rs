//! Exporter: finished reports into a spool on disk, and from there to stores

use crate::catalogue::known;
use crate::guard::{Out, Outcome, exclusive, free, give_text, read_array, shared, text, write_struct};
use crate::report::oto_report;
use crate::status::*;
use crate::types::*;
use core::ffi::{CStr, c_char};
use otoscope::{Finding, Severity, State};
use otoscope_export::config::ExportConfig;
use otoscope_export::run::Exporters;
use otoscope_export::{Handle, Spool, Submission};
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// Takes finished reports to a spool on disk, and from there to stores.
pub struct oto_exporter {
    open: Option<Open>,
    error: Mutex<String>,
}

struct Open {
    handle: Handle,
    // Stopped in this order: what is written last is still delivered.
    spool: Option<Spool>,
    exporters: Option<Exporters>,
}

impl Drop for Open {
    fn drop(&mut self) {
        // Everything in the ring becomes durable.
        self.spool = None;
        if let Some(exporters) = self.exporters.take() {
            exporters.stop();
        }
    }
}

/// For oto_exporter_open: also deliver from this process, on threads of the exporter's. Without it, `otoscope export run` beside the
/// server reads the spool.
pub const OTO_EXPORTER_DELIVER: u32 = 1;

/// As many attributes as one report may have, and findings that are kept of it.
const MOST_ATTRIBUTES: usize = 32;
const MOST_FINDINGS: usize = 128;

impl oto_exporter {
    fn fail(&self, status: oto_status, why: impl ToString) -> oto_status {
        *self.error.lock().unwrap_or_else(PoisonError::into_inner) = why.to_string();
        status
    }

    fn opened(&self) -> Outcome<&Open> {
        self.open.as_ref().ok_or(OTO_ERR_STATE)
    }
}

/// Makes an exporter that is not open yet. Free it with oto_exporter_free.
///
/// Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if `out` is misaligned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_exporter_new(out: *mut *mut oto_exporter) -> oto_status {
    entry!({
        // SAFETY: the caller's pointer, as the header asks for it.
        let out = unsafe { Out::new(out)? };
        out.set(Box::into_raw(Box::new(oto_exporter { open: None, error: Mutex::default() })));
        Ok(())
    })
}

/// Opens the spool that a configuration file (`otoscope.toml`) names, and starts the thread that writes it. `flags` is 0 or
/// OTO_EXPORTER_DELIVER. A server does this once, after it has forked for the last time.
///
/// Errors, each told by oto_exporter_error: OTO_ERR_OUT_OF_RANGE for a configuration that makes no sense; OTO_ERR_IO;
/// OTO_ERR_STATE if it is open already; OTO_ERR_UNSUPPORTED for other flags; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_exporter_open(
    exporter: *mut oto_exporter,
    config_path: *const c_char,
    flags: u32,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let (exporter, path) = unsafe { (exclusive(exporter)?, text(config_path)?) };
        if flags & !OTO_EXPORTER_DELIVER != 0 {
            return Err(OTO_ERR_UNSUPPORTED);
        }
        if exporter.open.is_some() {
            return Err(exporter.fail(OTO_ERR_STATE, "it is open already"));
        }
        let config = ExportConfig::read(Path::new(&*path)).map_err(|e| exporter.fail(OTO_ERR_OUT_OF_RANGE, e))?;
        let mut options = config.spool_options();
        options.findings = MOST_FINDINGS;
        let spool = Spool::open(&config.spool.folder, options)
            .map_err(|e| exporter.fail(OTO_ERR_IO, format!("{}: {e}", config.spool.folder.display())))?;
        let exporters = if flags & OTO_EXPORTER_DELIVER != 0 {
            // What people should know of stores is in `otoscope export status`: nothing here prints.
            let started = Exporters::start(&config, |_| ());
            Some(started.map_err(|e| exporter.fail(OTO_ERR_OUT_OF_RANGE, e))?)
        } else {
            None
        };
        exporter.open = Some(Open { handle: spool.handle(), spool: Some(spool), exporters });
        Ok(())
    })
}

/// Hands over a finished report: it is copied into a ring, and another thread writes it. Made for the audio thread. Any number of threads
/// may call this with one exporter.
///
/// `findings` are those that were polled, open ones and their closes alike; the first 128 are kept, the report's counts are of all.
/// `unix_ms` is when the stream ended, in milliseconds since 1970. `names` and `values` are attributes in UTF-8, at most 32:
/// `gen_ai.speech.voice`, `trace.id`, `http.request.id`...; any other name becomes a label. `id` gets the report's id as a text, 37 bytes
/// with its NUL, or is NULL.
///
/// Errors: OTO_ERR_FULL: it was counted as dropped; OTO_ERR_STATE if the exporter is not open or the report was never filled;
/// OTO_ERR_OUT_OF_RANGE for more attributes; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or an attribute is no UTF-8.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_exporter_push(
    exporter: *const oto_exporter,
    report: *const oto_report,
    findings: *const oto_finding,
    count: usize,
    unix_ms: u64,
    names: *const *const c_char,
    values: *const *const c_char,
    attributes: usize,
    id: *mut c_char,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let (exporter, report, polled) = unsafe { (shared(exporter)?, shared(report)?, read_array(findings, count)?) };
        // SAFETY: as above.
        let (names, values) = unsafe { (read_array(names, attributes)?, read_array(values, attributes)?) };
        let (open, report) = (exporter.opened()?, report.values()?);
        if attributes > MOST_ATTRIBUTES {
            return Err(OTO_ERR_OUT_OF_RANGE);
        }
        let mut given = [("", ""); MOST_ATTRIBUTES];
        for (slot, (name, value)) in given.iter_mut().zip(names.iter().zip(values)) {
            // SAFETY: strings of the caller's, as the header asks for them.
            *slot = unsafe { (utf8(*name)?, utf8(*value)?) };
        }
        let mut known = [Finding::EMPTY; MOST_FINDINGS];
        let mut kept = 0;
        for (slot, f) in known.iter_mut().zip(polled.iter().filter_map(finding)) {
            *slot = f;
            kept += 1;
        }
        let attributes = &given[..attributes];
        let submission = Submission { report, findings: &known[..kept], unix_ms, attributes };
        let made = open.handle.try_push(submission).map_err(|_| OTO_ERR_FULL)?;
        if !id.is_null() {
            // SAFETY: not NULL, and so 37 bytes that may be written, as the header asks for them.
            let out = unsafe { core::slice::from_raw_parts_mut(id.cast::<u8>(), 37) };
            out[..36].copy_from_slice(&made.text());
            out[36] = 0;
        }
        Ok(())
    })
}

/// # Safety
/// If not NULL, it points to a string with a NUL at its end that nobody changes during `'a`.
unsafe fn utf8<'a>(pointer: *const c_char) -> Outcome<&'a str> {
    crate::guard::check(pointer)?;
    // SAFETY: not NULL; the rest is the caller's promise.
    unsafe { CStr::from_ptr(pointer) }.to_str().map_err(|_| OTO_ERR_ARGUMENT)
}

/// A finding as the core has it; `None` for numbers that are none of ours.
fn finding(f: &oto_finding) -> Option<Finding> {
    let state = [State::Point, State::Open, State::Closed].into_iter().find(|s| *s as u32 == f.state)?;
    let severity =
        [Severity::Info, Severity::Warning, Severity::Error].into_iter().find(|s| *s as i32 == f.severity)?;
    Some(Finding { state, severity, ..known(f)? })
}

/// How far the exporter is. Set `struct_size` before (OTO_WATERMARKS_INIT). Real time, any thread.
///
/// Errors: OTO_ERR_STATE if it is not open; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned, or struct_size is less than 4 or
/// more than 1024.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_exporter_watermarks(
    exporter: *const oto_exporter,
    out: *mut oto_watermarks,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let marks = unsafe { shared(exporter)? }.open.as_ref().map(|open| open.handle.watermarks());
        let filled = marks.map(|m| oto_watermarks {
            struct_size: size_of::<oto_watermarks>() as u32,
            reserved: 0,
            accepted: m.accepted,
            dropped: m.dropped,
            written: m.written,
            durable: m.durable,
        });
        // SAFETY: as above.
        unsafe { write_struct(out, filled) }.map_err(|e| if e == OTO_ERR_OUT_OF_RANGE { OTO_ERR_STATE } else { e })
    })
}

/// Waits until everything that was pushed before is durable, at most so many milliseconds, and tells the number of the last durable record. Not
/// for the audio thread.
///
/// Errors: OTO_ERR_TIMEOUT, and oto_exporter_error has what the disk said; OTO_ERR_STATE if it is not open; OTO_ERR_NULL; OTO_ERR_ARGUMENT
/// if a pointer is misaligned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_exporter_flush(
    exporter: *const oto_exporter,
    timeout_ms: u32,
    durable: *mut u64,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let (exporter, durable) = unsafe { (shared(exporter)?, Out::new(durable)?) };
        let flushed = exporter.opened()?.handle.flush(Duration::from_millis(timeout_ms.into()));
        durable.set(flushed.map_err(|e| exporter.fail(OTO_ERR_TIMEOUT, e))?);
        Ok(())
    })
}

/// Why the last call failed that says so, in English; else what the disk refuses just now; empty if nothing. Ask with `cap` 0 (and `buf` NULL) for
/// the size, then for the text. Not for the audio thread.
///
/// Errors: OTO_ERR_BUFFER_TOO_SMALL; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_exporter_error(
    exporter: *const oto_exporter,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointer, as the header asks for it.
        let exporter = unsafe { shared(exporter)? };
        let mut why = exporter.error.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if why.is_empty() {
            why = exporter.open.as_ref().and_then(|open| open.handle.error()).unwrap_or_default();
        }
        // SAFETY: as above.
        unsafe { give_text(&why, buf, cap, needed) }
    })
}

/// Makes everything durable, ends the exporter's threads, and frees it. NULL is allowed. No other thread may push any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_exporter_free(exporter: *mut oto_exporter) {
    entry!({
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { free(exporter) }
    } else ())
}
