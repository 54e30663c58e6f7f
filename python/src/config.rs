//! Arguments that say what to measure, to a plan.

use crate::error::{ConfigError, refused, wrong_type};
use otoscope::{Config, Plan, SampleRate, Setting, StreamSpec};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyMapping, PyString};

/// A config of the stream, with `metrics` (an iterable of names) and `settings` (a mapping of keys to numbers or words).
pub(crate) fn config(
    sample_rate_hz: i64,
    channels: i64,
    metrics: Option<&Bound<'_, PyAny>>,
    settings: Option<&Bound<'_, PyAny>>,
) -> PyResult<Config> {
    let sample_rate_hz = u32::try_from(sample_rate_hz).map_err(|_| {
        let (min, max) = (SampleRate::MIN_HZ, SampleRate::MAX_HZ);
        let problem = format!("sample rate {sample_rate_hz} Hz is outside {min} to {max} Hz");
        ConfigError::new_err(("sample_rate_hz", problem, "resample the audio, or correct the number"))
    })?;
    let channels = u32::try_from(channels).map_err(|_| {
        let problem = format!("{channels} channels: 1 to {} are possible", otoscope::MAX_CHANNELS);
        ConfigError::new_err(("channels", problem, "split the channels, or correct the number"))
    })?;
    let mut config = Config::new(StreamSpec { sample_rate_hz, channels });
    if let Some(metrics) = metrics {
        let names = names(metrics)?;
        config.only(names.iter().map(String::as_str)).map_err(|e| refused("metrics", &e))?;
    }
    if let Some(settings) = settings {
        let settings = settings.cast::<PyMapping>().map_err(|_| {
            wrong_type("settings", "it must be a dict", "pass one such as {'clipping.min_run_samples': 4}")
        })?;
        for item in settings.items()? {
            let (key, value) = item.extract::<(Bound<'_, PyAny>, Bound<'_, PyAny>)>()?;
            set(&mut config, &key, &value)?;
        }
    }
    Ok(config)
}

/// [`config`], frozen: checks everything and makes the tables, without the GIL.
pub(crate) fn freeze(py: Python<'_>, config: Config) -> PyResult<Plan> {
    py.detach(|| config.freeze()).map_err(|e| refused("settings", &e))
}

pub(crate) fn names(metrics: &Bound<'_, PyAny>) -> PyResult<Vec<String>> {
    let wrong = || wrong_type("metrics", "it must be a list of names", "pass one such as ['loudness', 'clipping']");
    if metrics.is_instance_of::<PyString>() {
        return Err(wrong());
    }
    let names = metrics.try_iter().map_err(|_| wrong())?;
    names.map(|name| name?.extract().map_err(|_| wrong())).collect()
}

fn set(config: &mut Config, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let key: String = key
        .extract()
        .map_err(|_| wrong_type("settings", "the keys must be str", "write them as in 'clipping.min_run_samples'"))?;
    let done = if let Ok(text) = value.cast::<PyString>() {
        let text = text.extract::<String>()?;
        config.set(&key, Setting::Text(&text))
    } else if !value.is_instance_of::<PyBool>()
        && let Some(number) = number(value)
    {
        config.set(&key, Setting::Number(number))
    } else {
        let type_name = value.get_type().name()?;
        let problem = format!("{key} must be a number or a str, not `{type_name}`");
        return Err(wrong_type("settings", problem, "`otoscope.metrics()` says what each parameter takes"));
    };
    done.map_err(|e| refused("settings", &e))
}

/// A Python number, or anything that says it is one (`__float__`, `__index__`).
fn number(value: &Bound<'_, PyAny>) -> Option<f64> {
    if value.is_instance_of::<PyFloat>() || value.is_instance_of::<PyInt>() || value.hasattr("__float__").ok()? {
        value.extract().ok()
    } else {
        None
    }
}
