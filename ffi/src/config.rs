//! Config: what to measure on which kind of stream. Made once, frozen once, shared by any number of probes

use crate::guard::{Out, Outcome, check_size, exclusive, give_text, read_struct, shared, text};
use crate::status::*;
use crate::types::*;
use core::ffi::c_char;
use otoscope::{Config, ConfigError, Enabled, Plan, Setting, StreamSpec};

/// What to measure at which rate; once frozen, also the tables for it.
pub struct oto_config {
    stage: Stage,
    /// Why the last call failed.
    error: String,
}

enum Stage {
    Open(Box<Config>),
    Frozen(Plan),
}

impl oto_config {
    /// The plan of a frozen config.
    pub(crate) fn plan(&self) -> Outcome<&Plan> {
        match &self.stage {
            Stage::Frozen(plan) => Ok(plan),
            Stage::Open(_) => Err(OTO_ERR_STATE),
        }
    }
}

fn status_of(error: &ConfigError) -> oto_status {
    match error {
        ConfigError::UnknownKey { .. } => OTO_ERR_UNKNOWN_KEY,
        // A contradiction is a value outside what another parameter leaves.
        _ => OTO_ERR_OUT_OF_RANGE,
    }
}

/// Changes a config that is not frozen, and keeps the message of what went wrong.
///
/// # Safety
/// If not NULL and aligned, it points to a config. Nobody else uses it, unless it is frozen.
unsafe fn edit(
    config: *mut oto_config,
    change: impl FnOnce(&mut Config) -> Result<Option<Plan>, (oto_status, String)>,
) -> Outcome {
    // Looked at first: a frozen config may be in use by other threads.
    // SAFETY: as promised to this function.
    if unsafe { shared(config) }?.plan().is_ok() {
        return Err(OTO_ERR_STATE);
    }
    // SAFETY: not frozen, so nobody else uses it, as promised.
    let config = unsafe { exclusive(config) }?;
    let Stage::Open(open) = &mut config.stage else { return Err(OTO_ERR_STATE) };
    match change(open) {
        Ok(None) => Ok(()),
        Ok(Some(plan)) => {
            config.stage = Stage::Frozen(plan);
            Ok(())
        }
        Err((status, message)) => {
            config.error = message;
            Err(status)
        }
    }
}

fn described(error: ConfigError) -> (oto_status, String) {
    (status_of(&error), error.to_string())
}

/// Sets a spec to one channel and no rate: OTO_STREAM_SPEC_INIT for hosts without C macros.
/// `size` is the size of the struct as the caller knows it.
///
/// Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if `spec` is misaligned or `size` is less than 4 or more than 1024.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_stream_spec_init(spec: *mut oto_stream_spec, size: usize) -> oto_status {
    entry!({
        check_size(spec, size)?;
        let value = oto_stream_spec { struct_size: size as u32, sample_rate_hz: 0, channels: 1, reserved: 0 };
        let known = size.min(size_of::<oto_stream_spec>());
        // SAFETY: the caller has `size` bytes there, and at most that many are written.
        unsafe {
            spec.cast::<u8>().write_bytes(0, size);
            core::ptr::from_ref(&value).cast::<u8>().copy_to_nonoverlapping(spec.cast(), known);
        }
        Ok(())
    })
}

/// Makes a config for one kind of stream: all metrics on, with their defaults. Rate and channels are checked by
/// oto_config_freeze. Free it with oto_config_free.
///
/// Errors: OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or struct_size is less than 4 or more than 1024;
/// OTO_ERR_UNSUPPORTED if a reserved member, or one this library does not know, is not 0.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_config_new(spec: *const oto_stream_spec, out: *mut *mut oto_config) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        let (spec, out) = unsafe { (read_struct(spec)?, Out::new(out)?) };
        if spec.reserved != 0 {
            return Err(OTO_ERR_UNSUPPORTED);
        }
        let stream = StreamSpec { sample_rate_hz: spec.sample_rate_hz, channels: spec.channels };
        let stage = Stage::Open(Box::new(Config::new(stream)));
        out.set(Box::into_raw(Box::new(oto_config { stage, error: String::new() })));
        Ok(())
    })
}

/// Sets a parameter to a number, such as `clipping.min_run_samples`.
///
/// Errors, explained by oto_config_error: OTO_ERR_UNKNOWN_KEY, OTO_ERR_OUT_OF_RANGE (NaN, or a parameter that takes
/// a word). Also OTO_ERR_NULL; OTO_ERR_ARGUMENT if `config` is misaligned; OTO_ERR_STATE after oto_config_freeze.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_config_set_f64(config: *mut oto_config, key: *const c_char, value: f64) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        unsafe {
            let key = text(key)?;
            edit(config, |c| c.set(&key, Setting::Number(value)).map(|()| None).map_err(described))
        }
    })
}

/// Sets a parameter to a word, or to a number written as text.
///
/// Errors, explained by oto_config_error: OTO_ERR_UNKNOWN_KEY, OTO_ERR_OUT_OF_RANGE. Also OTO_ERR_NULL;
/// OTO_ERR_ARGUMENT if `config` is misaligned; OTO_ERR_STATE after oto_config_freeze.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_config_set_str(
    config: *mut oto_config,
    key: *const c_char,
    value: *const c_char,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        unsafe {
            let (key, value) = (text(key)?, text(value)?);
            edit(config, |c| c.set(&key, Setting::Text(&value)).map(|()| None).map_err(described))
        }
    })
}

/// Switches a metric on (`on` = 1) or off (`on` = 0). A metric that is off costs nothing.
///
/// Errors, explained by oto_config_error: OTO_ERR_UNKNOWN_KEY, OTO_ERR_OUT_OF_RANGE (`on` is another number). Also
/// OTO_ERR_NULL; OTO_ERR_ARGUMENT if `config` is misaligned; OTO_ERR_STATE after oto_config_freeze.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_config_enable(config: *mut oto_config, metric: *const c_char, on: i32) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        unsafe {
            let metric = text(metric)?;
            edit(config, |c| {
                let on = match on {
                    0 => Enabled::Off,
                    1 => Enabled::On,
                    _ => return Err((OTO_ERR_OUT_OF_RANGE, format!("{metric}: on is {on}; it must be 0 or 1"))),
                };
                c.enable(&metric, on).map(|()| None).map_err(described)
            })
        }
    })
}

/// Checks everything and makes the tables. From then on the config cannot be changed, probes and reports can be made
/// from it, and it may be shared between threads. If this fails, the config is as it was.
///
/// Errors, explained by oto_config_error: OTO_ERR_OUT_OF_RANGE (sample rate, channels, parameters that contradict each
/// other). Also OTO_ERR_NULL; OTO_ERR_ARGUMENT if `config` is misaligned; OTO_ERR_STATE if it is frozen already.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_config_freeze(config: *mut oto_config) -> oto_status {
    entry!({
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { edit(config, |c| c.clone().freeze().map(Some).map_err(described)) }
    })
}

/// Why the last call with this config failed, in English: `clipping.min_run_samples: 2 is outside 3 to 1000`. Empty if
/// none did. Ask with `cap` 0 (and `buf` NULL) for the size, then for the text.
///
/// `needed` is set to the size of the text with its NUL, also if the buffer is too small; the buffer is not touched then.
///
/// Errors: OTO_ERR_BUFFER_TOO_SMALL; OTO_ERR_NULL; OTO_ERR_ARGUMENT if a pointer is misaligned or `cap` overflows.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_config_error(
    config: *const oto_config,
    buf: *mut c_char,
    cap: usize,
    needed: *mut usize,
) -> oto_status {
    entry!({
        // SAFETY: the caller's pointers, as the header asks for them.
        unsafe { give_text(&shared(config)?.error, buf, cap, needed) }
    })
}

/// Frees a config. NULL is allowed. Its probes and reports must be freed before.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn oto_config_free(config: *mut oto_config) {
    entry!({
        // SAFETY: the caller's pointer, as the header asks for it.
        unsafe { crate::guard::free(config) }
    } else ())
}
