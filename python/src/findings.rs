//! Findings as Python sees them.

use otoscope::{Finding, SampleRate, message, specs_of};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyList, PyType};

/// `otoscope.Finding`, a named tuple.
static FINDING: PyOnceLock<Py<PyType>> = PyOnceLock::new();

pub(crate) fn to_python<'py>(
    py: Python<'py>,
    findings: &[Finding],
    sample_rate_hz: u32,
) -> PyResult<Bound<'py, PyList>> {
    let class = FINDING.import(py, "otoscope._types", "Finding")?;
    let list = PyList::empty(py);
    for finding in findings {
        list.append(one(class, finding, sample_rate_hz)?)?;
    }
    Ok(list)
}

fn one<'py>(class: &Bound<'py, PyType>, f: &Finding, sample_rate_hz: u32) -> PyResult<Bound<'py, PyAny>> {
    let py = class.py();
    let (metric, kind, unit) = specs_of(f).map_or(("", "", ""), |(m, k)| (m.name, k.name, k.unit.name()));
    let seconds = |sample: u64| SampleRate::new(sample_rate_hz).map_or(f64::NAN, |rate| rate.seconds(sample));
    // In the order of the class.
    let fields = [
        metric.into_pyobject(py)?.into_any(),
        kind.into_pyobject(py)?.into_any(),
        f.severity.name().into_pyobject(py)?.into_any(),
        f.state.name().into_pyobject(py)?.into_any(),
        f.start_sample.into_pyobject(py)?.into_any(),
        f.end_sample.into_pyobject(py)?.into_any(),
        seconds(f.start_sample).into_pyobject(py)?.into_any(),
        seconds(f.end_sample).into_pyobject(py)?.into_any(),
        f.value.into_pyobject(py)?.into_any(),
        f.threshold.into_pyobject(py)?.into_any(),
        unit.into_pyobject(py)?.into_any(),
        message(f, sample_rate_hz).into_pyobject(py)?.into_any(),
        f.t_ns.into_pyobject(py)?,
        f.chunk.into_pyobject(py)?,
        f.channel_mask.into_pyobject(py)?.into_any(),
        f.event_id.into_pyobject(py)?.into_any(),
    ];
    class.call_method1("_make", (PyList::new(py, fields)?,))
}
