//! Arguments that say what to measure, to a plan.

use otoscope::{Config, ConfigError as Refused, Plan, PushError, SampleRate, Setting, StreamSpec};
use otoscope_decode::ErrorKind;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyMapping, PyString};
use std::ffi::CString;

pyo3::import_exception!(otoscope._types, OtoscopeError);
pyo3::import_exception!(otoscope._types, ConfigError);
pyo3::import_exception!(otoscope._types, DecodeError);
pyo3::import_exception!(otoscope._types, DecodeWarning);

pub(crate) fn refused(error: &Refused) -> PyErr {
    ConfigError::new_err(error.to_string())
}

pub(crate) fn push_error(error: PushError) -> PyErr {
    OtoscopeError::new_err(error.to_string())
}

/// What the operating system refused is an `OSError` (`FileNotFoundError` and so on), the rest a `DecodeError`.
pub(crate) fn decode_error(error: &otoscope_decode::DecodeError) -> PyErr {
    match error.kind() {
        ErrorKind::Io(io) => std::io::Error::new(io.kind(), error.to_string()).into(),
        _ => DecodeError::new_err(error.to_string()),
    }
}

/// What a decoder had to leave out of a file, as Python warnings.
pub(crate) fn warn(py: Python<'_>, name: &str, warnings: &[otoscope_decode::Warning]) -> PyResult<()> {
    for warning in warnings {
        let text = CString::new(format!("{name}: {warning}").replace('\0', " "))?;
        PyErr::warn(py, &py.get_type::<DecodeWarning>(), &text, 1)?;
    }
    Ok(())
}

/// A config of the stream, with `metrics` (an iterable of names) and `settings` (a mapping of keys to numbers or words).
pub(crate) fn config(
    sample_rate_hz: i64,
    channels: i64,
    metrics: Option<&Bound<'_, PyAny>>,
    settings: Option<&Bound<'_, PyAny>>,
) -> PyResult<Config> {
    let sample_rate_hz = u32::try_from(sample_rate_hz).map_err(|_| {
        let (min, max) = (SampleRate::MIN_HZ, SampleRate::MAX_HZ);
        ConfigError::new_err(format!("sample rate {sample_rate_hz} Hz is outside {min} to {max} Hz"))
    })?;
    let channels = u32::try_from(channels).map_err(|_| {
        ConfigError::new_err(format!("{channels} channels: 1 to {} are possible", otoscope::MAX_CHANNELS))
    })?;
    let mut config = Config::new(StreamSpec { sample_rate_hz, channels });
    if let Some(metrics) = metrics {
        let names = names(metrics)?;
        config.only(names.iter().map(String::as_str)).map_err(|e| refused(&e))?;
    }
    if let Some(settings) = settings {
        let settings = settings
            .cast::<PyMapping>()
            .map_err(|_| PyTypeError::new_err("settings must be a dict, such as {'clipping.min_run_samples': 4}"))?;
        for item in settings.items()? {
            let (key, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
            set(&mut config, &key, &value)?;
        }
    }
    Ok(config)
}

/// [`config`], frozen: checks everything and makes the tables, without the GIL.
pub(crate) fn freeze(py: Python<'_>, config: Config) -> PyResult<Plan> {
    py.detach(|| config.freeze()).map_err(|e| refused(&e))
}

pub(crate) fn names(metrics: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let wrong = || PyTypeError::new_err("metrics must be a list of names, such as ['loudness', 'clipping']");
    if metrics.is_instance_of::<PyString>() {
        return Err(wrong());
    }
    let names = metrics.try_iter().map_err(|_| wrong())?;
    names.map(|name| name?.extract().map_err(|_| wrong())).collect()
}

fn set(config: &mut Config, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let key: String = key
        .extract()
        .map_err(|_| PyTypeError::new_err("settings: the keys must be str, such as 'clipping.min_run_samples'"))?;
    let done = if let Ok(text) = value.cast::<PyString>() {
        let text = text.extract::<String>()?;
        config.set(&key, Setting::Text(&text))
    } else if !value.is_instance_of::<PyBool>()
        && let Some(number) = number(value)
    {
        config.set(&key, Setting::Number(number))
    } else {
        let type_name = value.get_type().name()?;
        return Err(PyTypeError::new_err(format!("settings: {key} must be a number or a str, not `{type_name}`")));
    };
    done.map_err(|e| refused(&e))
}

/// A Python number, or anything that says it is one (`__float__`, `__index__`).
fn number(value: &Bound<'_, PyAny>) -> Option<f64> {
    if value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>() || value.hasattr("__float__").ok()? {
        value.extract().ok()
    } else {
        None
    }
}
