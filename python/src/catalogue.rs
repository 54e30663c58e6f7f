//! The catalogue of metrics and of delivery norms.

use crate::error::wrong_value;
use otoscope::SPECS;
use otoscope::compare::SCORES;
use otoscope::spec::{Domain, Exactness, FieldSpec, KindSpec, MetricSpec, ParamSpec, PresetSpec, ScoreSpec, TableSpec};
use otoscope::verdict::{NORMS, Norm, Requirement, norm as by_name};
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

/// Every full-reference score there is, for `compare`.
///
/// Returns
/// -------
/// list of dict
///     ``id``, ``name``, ``summary``, ``revision`` (rises when values move), ``in_step`` (whether it compares sample with sample),
///     ``higher_is_better`` and three lists of dicts:
///
///     - ``presets``, the default first: ``name``, ``definition`` (whose: standard and edition, or package and version), ``doc``
///     - ``fields``: ``id``, ``name``, ``unit``, ``symbol``, ``tolerance``, ``doc``
///     - ``tables``: ``id``, ``name``, ``on_request``, ``columns`` (as ``fields``), ``doc``
#[pyfunction]
pub(crate) fn scores(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    list(py, SCORES.iter().copied(), score)
}

fn score(dict: &Bound<'_, PyDict>, spec: &ScoreSpec) -> PyResult<()> {
    let py = dict.py();
    dict.set_item("id", spec.id)?;
    dict.set_item("name", spec.name)?;
    dict.set_item("summary", spec.summary)?;
    dict.set_item("revision", spec.revision)?;
    dict.set_item("in_step", spec.in_step)?;
    dict.set_item("higher_is_better", spec.higher_is_better)?;
    dict.set_item("presets", list(py, spec.presets, preset)?)?;
    dict.set_item("fields", list(py, spec.fields, field)?)?;
    dict.set_item("tables", list(py, spec.tables, table)?)
}

fn preset(dict: &Bound<'_, PyDict>, spec: &PresetSpec) -> PyResult<()> {
    dict.set_item("name", spec.name)?;
    dict.set_item("definition", spec.definition)?;
    dict.set_item("doc", spec.doc)
}

fn table(dict: &Bound<'_, PyDict>, spec: &TableSpec) -> PyResult<()> {
    dict.set_item("id", spec.id)?;
    dict.set_item("name", spec.name)?;
    dict.set_item("on_request", spec.on_request)?;
    dict.set_item("columns", list(dict.py(), spec.columns, field)?)?;
    dict.set_item("doc", spec.doc)
}

/// Every delivery norm there is, for `Report.verdicts`.
///
/// Returns
/// -------
/// list of dict
///     ``name``, ``title``, ``edition``, ``source`` (where its figures were taken from), ``note`` (the mono rule, tolerances
///     that are ours, what is left out) and ``requirements``, a list of dicts: ``name``, ``field`` (``metric.field`` of a
///     report; None if it is not measured), ``unit``, ``target``, ``min`` and ``max`` (None where there is none),
///     ``least_s`` (a shorter stream is not judged), ``note``. Of those with the same name, one applies to a stream.
#[pyfunction]
pub(crate) fn norms(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    list(py, NORMS, norm)
}

fn norm(dict: &Bound<'_, PyDict>, norm: &Norm) -> PyResult<()> {
    dict.set_item("name", norm.name)?;
    dict.set_item("title", norm.title)?;
    dict.set_item("edition", norm.edition)?;
    dict.set_item("source", norm.source)?;
    dict.set_item("note", norm.note)?;
    dict.set_item("requirements", list(dict.py(), norm.requirements, requirement)?)
}

fn requirement(dict: &Bound<'_, PyDict>, r: &Requirement) -> PyResult<()> {
    dict.set_item("name", r.name)?;
    dict.set_item("field", r.field)?;
    dict.set_item("unit", r.unit.name())?;
    dict.set_item("target", r.target)?;
    dict.set_item("min", r.min)?;
    dict.set_item("max", r.max)?;
    dict.set_item("least_s", r.least_s)?;
    dict.set_item("note", r.note)
}

/// The norms of some names.
pub(crate) fn named(names: &[String]) -> PyResult<Vec<&'static Norm>> {
    let find = |name: &String| {
        by_name(name).ok_or_else(|| {
            let known: Vec<&str> = NORMS.iter().map(|norm| norm.name).collect();
            wrong_value("norms", format!("no norm {name}"), format!("there are {}", known.join(", ")))
        })
    };
    names.iter().map(find).collect()
}
