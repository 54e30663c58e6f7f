//! Verdicts as Python sees them.

use otoscope::Report;
use otoscope::verdict::{MonoAs, Norm, Verdict};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyList, PyType};

/// `otoscope.Verdict`, a named tuple.
static VERDICT: PyOnceLock<Py<PyType>> = PyOnceLock::new();

pub(crate) fn judge(norms: &[&'static Norm], report: &Report) -> Vec<Verdict> {
    norms.iter().flat_map(|norm| norm.judge(report)).collect()
}

pub(crate) fn to_python<'py>(py: Python<'py>, verdicts: &[Verdict]) -> PyResult<Bound<'py, PyList>> {
    let class = VERDICT.import(py, "otoscope._types", "Verdict")?;
    let list = PyList::empty(py);
    for v in verdicts {
        let r = v.requirement;
        // In the order of the class.
        let fields = [
            v.norm.name.into_pyobject(py)?.into_any(),
            r.name.into_pyobject(py)?.into_any(),
            v.outcome.name().into_pyobject(py)?.into_any(),
            v.value.into_pyobject(py)?,
            r.target.into_pyobject(py)?,
            r.min.into_pyobject(py)?,
            r.max.into_pyobject(py)?,
            v.off.into_pyobject(py)?,
            r.unit.name().into_pyobject(py)?.into_any(),
            r.field.into_pyobject(py)?,
            v.mono_as.map(MonoAs::name).into_pyobject(py)?,
            v.reason.into_pyobject(py)?.into_any(),
            v.norm.edition.into_pyobject(py)?.into_any(),
        ];
        list.append(class.call_method1("_make", (PyList::new(py, fields)?,))?)?;
    }
    Ok(list)
}
