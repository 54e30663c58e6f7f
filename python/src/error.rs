//! Errors as Python sees them: each names the argument, what is wrong with it, and the mend.

use otoscope::{ConfigError as Refused, PushError};
use otoscope_decode::ErrorKind;
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use std::ffi::CString;
use std::fmt::Display;

pyo3::import_exception!(otoscope._types, OtoscopeError);
pyo3::import_exception!(otoscope._types, InputError);
pyo3::import_exception!(otoscope._types, InputTypeError);
pyo3::import_exception!(otoscope._types, InputValueError);
pyo3::import_exception!(otoscope._types, ConfigError);
pyo3::import_exception!(otoscope._types, DecodeError);
pyo3::import_exception!(otoscope._types, DecodeWarning);

/// An argument of a type that is not taken.
pub(crate) fn wrong_type(argument: &str, problem: impl Display, mend: impl Display) -> PyErr {
    InputTypeError::new_err((argument.to_owned(), problem.to_string(), mend.to_string()))
}

/// An argument with a value that makes no sense.
pub(crate) fn wrong_value(argument: &str, problem: impl Display, mend: impl Display) -> PyErr {
    InputValueError::new_err((argument.to_owned(), problem.to_string(), mend.to_string()))
}

/// What the core refused. `argument` is what was being read; a rate or a number of channels is an argument of its own.
pub(crate) fn refused(argument: &str, error: &Refused) -> PyErr {
    let (argument, mend) = match error {
        Refused::SampleRate { .. } => ("sample_rate_hz", "resample the audio, or correct the number".to_owned()),
        Refused::Channels { .. } => ("channels", "split the channels, or correct the number".to_owned()),
        Refused::UnknownKey { nearest, .. } => (argument, format!("did you mean `{nearest}`?")),
        Refused::OutOfRange { min, max, .. } => (argument, format!("give a number from {min} to {max}")),
        Refused::NotWhole { .. } => (argument, "give a whole number".to_owned()),
        Refused::NotAllowed { allowed, .. } => (argument, format!("use {allowed}")),
        _ => (argument, "see `otoscope.metrics()` and `otoscope.scores()`".to_owned()),
    };
    let text = match error {
        // The text of the core ends with the same advice.
        Refused::UnknownKey { key, .. } => format!("there is no `{key}`"),
        Refused::NotAllowed { key, value, .. } => format!("{key}: `{value}` is not allowed"),
        other => other.to_string(),
    };
    ConfigError::new_err((argument.to_owned(), text, mend))
}

/// A `KeyError` that names similar keys, or says where all of them are.
pub(crate) fn no_such(py: Python<'_>, thing: &str, key: &str, keys: Bound<'_, PyAny>, all: &str) -> PyErr {
    let similar = py.import("difflib").and_then(|m| m.call_method1("get_close_matches", (key, keys))?.extract());
    match similar {
        Err(error) => error,
        Ok(similar) => {
            let similar: Vec<String> = similar;
            let hint =
                if similar.is_empty() { all.to_owned() } else { format!("did you mean {}?", similar.join(" or ")) };
            PyKeyError::new_err(format!("no {thing} {key}; {hint}"))
        }
    }
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
