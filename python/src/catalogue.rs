//! The catalogue of metrics.

use otoscope::SPECS;
use otoscope::spec::{Domain, Exactness, FieldSpec, KindSpec, MetricSpec, ParamSpec};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// Every metric there is, with its parameters, fields and kinds of finding.
///
/// The key of a parameter in `settings` is ``metric.parameter``, the key of a value in a report ``metric.field``.
///
/// Returns
/// -------
/// list of dict
///     ``id``, ``name``, ``summary``, ``definition`` (whose: standard, edition, section), ``revision`` (rises when values
///     move) and three lists of dicts:
///
///     - ``params``: ``name``, ``unit``, ``default``, ``min`` and ``max`` (None for words), ``choices`` (None for
///       numbers), ``doc``
///     - ``fields``: ``id``, ``name``, ``unit``, ``symbol``, ``tolerance`` (how far two machines may differ, in the unit;
///       0.0 = the same bits), ``doc``
///     - ``kinds``: ``id``, ``name``, ``unit``, ``max_delay_ms``, ``message``
#[pyfunction]
pub(crate) fn metrics(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    list(py, SPECS.iter().copied(), metric)
}

fn list<'py, T>(
    py: Python<'py>,
    items: impl IntoIterator<Item = T>,
    fill: impl Fn(&Bound<'py, PyDict>, T) -> PyResult<()>,
) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for item in items {
        let dict = PyDict::new(py);
        fill(&dict, item)?;
        list.append(dict)?;
    }
    Ok(list)
}

fn metric(dict: &Bound<'_, PyDict>, spec: &MetricSpec) -> PyResult<()> {
    let py = dict.py();
    dict.set_item("id", spec.id)?;
    dict.set_item("name", spec.name)?;
    dict.set_item("summary", spec.summary)?;
    dict.set_item("definition", spec.definition)?;
    dict.set_item("revision", spec.revision)?;
    dict.set_item("params", list(py, spec.params, param)?)?;
    dict.set_item("fields", list(py, spec.fields, field)?)?;
    dict.set_item("kinds", list(py, spec.kinds, kind)?)
}

fn param(dict: &Bound<'_, PyDict>, spec: &ParamSpec) -> PyResult<()> {
    dict.set_item("name", spec.name)?;
    dict.set_item("unit", spec.unit.name())?;
    match spec.domain {
        Domain::Number { default, min, max } => {
            dict.set_item("default", default)?;
            dict.set_item("min", min)?;
            dict.set_item("max", max)?;
            dict.set_item("choices", dict.py().None())?;
        }
        Domain::Choice(words) => {
            dict.set_item("default", words.first())?;
            dict.set_item("min", dict.py().None())?;
            dict.set_item("max", dict.py().None())?;
            dict.set_item("choices", words.to_vec())?;
        }
    }
    dict.set_item("doc", spec.doc)
}

fn field(dict: &Bound<'_, PyDict>, spec: &FieldSpec) -> PyResult<()> {
    let tolerance = match spec.exactness {
        Exactness::Exact => 0.0,
        Exactness::Abs(tolerance) => tolerance,
    };
    dict.set_item("id", spec.id)?;
    dict.set_item("name", spec.name)?;
    dict.set_item("unit", spec.unit.name())?;
    dict.set_item("symbol", spec.unit.symbol())?;
    dict.set_item("tolerance", tolerance)?;
    dict.set_item("doc", spec.doc)
}

fn kind(dict: &Bound<'_, PyDict>, spec: &KindSpec) -> PyResult<()> {
    dict.set_item("id", spec.id)?;
    dict.set_item("name", spec.name)?;
    dict.set_item("unit", spec.unit.name())?;
    dict.set_item("max_delay_ms", spec.max_delay_ms)?;
    dict.set_item("message", spec.message)
}
