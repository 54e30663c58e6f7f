//! The report as Python sees it.

use crate::error::no_such;
use crate::{catalogue, findings, verdicts};
use otoscope::spec::Value;
use otoscope::verdict::NORMS;
use otoscope::{Finding, StreamMeta};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};

/// What one stream was like: values, findings, and where they come from. Cannot be changed.
///
/// ``report["loudness.integrated_lufs"]`` is one value by its key ``metric.field``: a float in the unit that ends the
/// key, or None where there is no number (`undefined` and `not_computed` say why). ``KeyError`` for an unknown key, with
/// similar ones. The keys: ``list(report)``.
#[pyclass(module = "otoscope", frozen)]
pub(crate) struct Report {
    report: otoscope::Report,
    findings: Vec<Finding>,
    meta: StreamMeta,
}

impl Report {
    pub(crate) fn new(report: otoscope::Report, findings: Vec<Finding>, meta: StreamMeta) -> Self {
        Self { report, findings, meta }
    }

    fn each(&self, mut f: impl FnMut(&str, Value) -> PyResult<()>) -> PyResult<()> {
        let mut result = Ok(());
        self.report.visit(|metric, field, value| {
            if result.is_ok() {
                result = f(&format!("{}.{}", metric.name, field.name), value);
            }
        });
        result
    }

    fn reasons<'py>(&self, py: Python<'py>, pick: fn(Value) -> Option<&'static str>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        self.each(|key, value| pick(value).map_or(Ok(()), |why| dict.set_item(key, why)))?;
        Ok(dict)
    }
}

#[pymethods]
impl Report {
    /// Every number: a dict from ``metric.field`` to float, in the catalogue's order. Units: the ending of the key, and
    /// `metrics`.
    #[getter]
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        self.each(|key, value| value.number().map_or(Ok(()), |x| dict.set_item(key, x)))?;
        Ok(dict)
    }

    /// What was computed but has no number, and why: a dict from ``metric.field`` to a text. Silence has no loudness.
    #[getter]
    fn undefined<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.reasons(py, |value| if let Value::Undefined(why) = value { Some(why) } else { None })
    }

    /// What was not computed, and why: a dict from ``metric.field`` to a text.
    #[getter]
    fn not_computed<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.reasons(py, |value| if let Value::NotComputed(why) = value { Some(why) } else { None })
    }

    /// The findings in order of their start; an open finding and its close are one. A list of `Finding`.
    #[getter]
    fn findings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        findings::to_python(py, &self.findings, self.report.stream.sample_rate_hz)
    }

    /// The predicted score under the caps of what was found, or None if ``mos`` was not measured (``metrics=["+mos"]``): the object
    /// ``quality`` of `to_json` as a dict.
    ///
    /// ``capped_mos`` (1 to 5), with ``low_mos`` and ``high_mos`` (95 %) where known; ``predicted_mos``, what the network says;
    /// ``cause``, what lowers it most, if anything does; ``limits``, each cause with its cap, by how much it lowers the score alone, and
    /// its worst finding. Without enough speech there is no score, and ``reason`` says why.
    #[getter]
    fn quality<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        self.to_dict(py, None)?.get_item("quality")
    }

    /// How many findings of each kind there were: a dict from ``metric.kind`` to int, without the zeros. Exact even when
    /// findings were dropped.
    #[getter]
    fn finding_counts<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (metric, kind, count) in self.report.counts().filter(|(_, _, count)| *count > 0) {
            dict.set_item(format!("{}.{}", metric.name, kind.name), count)?;
        }
        Ok(dict)
    }

    /// Findings that are counted but not listed, because too many came at once.
    #[getter]
    fn findings_dropped(&self) -> u64 {
        self.report.findings_dropped
    }

    /// The worst severity of any finding, ``"info"``, ``"warning"`` or ``"error"``; None without findings.
    #[getter]
    fn worst(&self) -> Option<&'static str> {
        self.report.worst.map(otoscope::Severity::name)
    }

    /// The sample rate in hertz.
    #[getter]
    fn sample_rate_hz(&self) -> u32 {
        self.report.stream.sample_rate_hz
    }

    /// The number of channels.
    #[getter]
    fn channels(&self) -> u32 {
        self.report.stream.channels
    }

    /// Samples per channel.
    #[getter]
    fn samples(&self) -> u64 {
        self.report.samples
    }

    /// The duration in seconds.
    #[getter]
    fn duration_s(&self) -> f64 {
        self.report.duration_s()
    }

    /// Whether the stream had ended: False for a snapshot.
    #[getter]
    fn is_final(&self) -> bool {
        self.report.is_final
    }

    /// The name given to `probe`, or None.
    #[getter]
    fn name(&self) -> Option<&str> {
        self.meta.source.as_deref()
    }

    /// The labels given to `probe`: a dict from str to str.
    #[getter]
    fn labels<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (key, value) in &self.meta.labels {
            dict.set_item(key, value)?;
        }
        Ok(dict)
    }

    /// Holds the report against delivery norms: how each requirement came out.
    ///
    /// What was not measured is never a pass: its verdict is ``"not_measured"``, and `reason` says why. Only a finished
    /// stream has verdicts.
    ///
    /// Parameters
    /// ----------
    /// *norms : str
    ///     Names such as ``"spotify"``; `norms` lists them. Without any, all of them.
    ///
    /// Returns
    /// -------
    /// list of Verdict
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     For a norm there is not; the text names those there are.
    #[pyo3(signature = (*norms))]
    fn verdicts<'py>(&self, py: Python<'py>, norms: Vec<String>) -> PyResult<Bound<'py, PyList>> {
        let norms = if norms.is_empty() { NORMS.iter().collect() } else { catalogue::named(&norms)? };
        verdicts::to_python(py, &verdicts::judge(&norms, &self.report))
    }

    /// The report as one JSON object on one line, schema ``otoscope.report/1``. Units: seconds in ``*_s``, samples per
    /// channel in ``*_sample`` and ``samples``, else the ending of the key. With `norms`, a list of names, it has
    /// ``verdicts``.
    #[pyo3(signature = (*, norms=None))]
    fn to_json(&self, norms: Option<Vec<String>>) -> PyResult<String> {
        let norms = catalogue::named(&norms.unwrap_or_default())?;
        Ok(self.report.to_json_with(&self.meta, &self.findings, &verdicts::judge(&norms, &self.report)))
    }

    /// The object of `to_json` as a dict of plain Python objects.
    #[pyo3(signature = (*, norms=None))]
    fn to_dict<'py>(&self, py: Python<'py>, norms: Option<Vec<String>>) -> PyResult<Bound<'py, PyDict>> {
        let object = py.import("json")?.call_method1("loads", (self.to_json(norms)?,))?;
        Ok(object.cast_into()?)
    }

    /// The keys of all values, in the catalogue's order: a list of str.
    fn keys<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let keys = PyList::empty(py);
        self.each(|key, _| keys.append(key))?;
        Ok(keys)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(self.keys(py)?.try_iter()?.into_any())
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> bool {
        key.extract::<String>().is_ok_and(|key| self.report.value(&key).is_some())
    }

    fn __getitem__(&self, py: Python<'_>, key: &str) -> PyResult<Option<f64>> {
        if let Some(value) = self.report.value(key) {
            return Ok(value.number());
        }
        Err(no_such(py, "value", key, self.keys(py)?.into_any(), "list(report) has all keys"))
    }

    fn __repr__(&self) -> String {
        let r = &self.report;
        let of = |count: u64, thing: &str| format!("{count} {thing}{}", if count == 1 { "" } else { "s" });
        let name = self.meta.source.as_ref().map_or_else(String::new, |name| format!(" {name:?}"));
        let worst = r.worst.map_or_else(String::new, |worst| format!(", worst: {}", worst.name()));
        format!(
            "<otoscope.Report{name}: {} Hz, {}, {}, {}{worst}{}>",
            r.stream.sample_rate_hz,
            of(u64::from(r.stream.channels), "channel"),
            of(r.samples, "sample"),
            of(r.finding_count(), "finding"),
            if r.is_final { "" } else { ", not final" },
        )
    }

    /// Draws waveform, spectrogram and loudness of the samples it was made from, with what was found. Needs matplotlib.
    ///
    /// Parameters
    /// ----------
    /// samples : array
    ///     The samples, as they were given to `probe`.
    /// figure : matplotlib.figure.Figure, optional
    ///     Where to draw; a new one without it.
    ///
    /// Returns
    /// -------
    /// list of matplotlib.axes.Axes
    #[pyo3(signature = (samples, *, figure=None))]
    fn plot<'py>(
        slf: Bound<'py, Self>,
        samples: &Bound<'py, PyAny>,
        figure: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let rate = slf.get().sample_rate_hz();
        let keywords = PyDict::new(slf.py());
        keywords.set_item("figure", figure)?;
        let plot = slf.py().import("otoscope.plot")?;
        plot.getattr("report")?.call((samples, rate, slf), Some(&keywords))
    }

    /// The report as HTML tables with units, for notebooks.
    fn _repr_html_<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("otoscope._html")?.call_method1("report_html", (slf,))
    }
}
