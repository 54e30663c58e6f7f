//! Full-reference scores as Python sees them.

use crate::buffer::{Audio, Memory};
use crate::config::names;
use crate::error::{decode_error, refused, warn, wrong_type, wrong_value};
use crate::probe::read_labels;
use otoscope::compare::{Align, ComparisonMeta, Config, Plan, Reason, Samples, Scored, Scratch};
use otoscope_decode::{Limits, Mono, MonoSamples};
use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

thread_local! {
    /// Memory that each thread uses again for the next comparison.
    static MEMORY: RefCell<ThreadMemory> = RefCell::default();
}

#[derive(Default)]
pub(crate) struct ThreadMemory {
    pub(crate) reference: Memory,
    pub(crate) degraded: Memory,
    pub(crate) scratch: Scratch,
}

/// One side, before its samples are copied.
enum Source {
    Array(Audio),
    File(Mono),
}

pub(crate) struct Signal {
    source: Source,
    pub(crate) sample_rate_hz: u32,
    channel: Option<usize>,
    name: Option<String>,
}

impl Signal {
    /// The samples, copied into `memory` if they are Python's. Needs no interpreter.
    pub(crate) fn samples<'m>(self, memory: &'m mut Memory) -> Samples<'m> {
        match self.source {
            Source::Array(audio) => audio.mono(self.channel, memory),
            Source::File(Mono { samples: MonoSamples::I16(x), .. }) => x.into(),
            Source::File(Mono { samples: MonoSamples::F32(x), .. }) => x.into(),
        }
    }
}

/// A channel counted from 0, or `None` for the mean; else what is wrong and the mend.
pub(crate) fn pick(channel: Option<i64>, channels: usize, name: &str) -> Result<Option<usize>, (String, String)> {
    let Some(channel) = channel else { return Ok(None) };
    match usize::try_from(channel) {
        Ok(c) if c < channels => Ok(Some(c)),
        _ => Err((
            format!("channel {channel} of {name}, which has {channels}"),
            format!("count from 0 to {}", channels.saturating_sub(1)),
        )),
    }
}

/// Samples without a rate mean nothing.
pub(crate) fn no_rate() -> PyErr {
    wrong_type("sample_rate_hz", "samples need one", "pass sample_rate_hz=24000 or whatever they have")
}

/// Looks at an array, or reads a file by its path.
pub(crate) fn read(
    py: Python<'_>,
    name: &str,
    audio: &Bound<'_, PyAny>,
    sample_rate_hz: Option<i64>,
    channel: Option<i64>,
) -> PyResult<Signal> {
    if let Ok(path) = audio.extract::<PathBuf>() {
        return read_file(py, &path, sample_rate_hz, channel);
    }
    let audio = Audio::new(name, audio)?;
    let rate = sample_rate_hz.ok_or_else(no_rate)?;
    // What is no rate at all is told by the scores.
    let sample_rate_hz = u32::try_from(rate).unwrap_or(0);
    let channel =
        pick(channel, audio.channels(), name).map_err(|(problem, mend)| wrong_value("channel", problem, mend))?;
    Ok(Signal { source: Source::Array(audio), sample_rate_hz, channel, name: None })
}

fn read_file(py: Python<'_>, path: &Path, sample_rate_hz: Option<i64>, channel: Option<i64>) -> PyResult<Signal> {
    let name = path.display().to_string();
    let channel = channel
        .map(|c| u16::try_from(c).map_err(|_| wrong_value("channel", format!("channel {c} of {name}"), "count from 0")))
        .transpose()?;
    let mono = py.detach(|| Mono::read(path, channel, &Limits::default())).map_err(|e| decode_error(&e))?;
    let sample_rate_hz = match sample_rate_hz {
        Some(said) if said != i64::from(mono.sample_rate_hz) => {
            let rate = mono.sample_rate_hz;
            let problem = format!("{name} has {rate} Hz, not {said} Hz");
            return Err(wrong_value("sample_rate_hz", problem, "leave sample_rate_hz out"));
        }
        _ => mono.sample_rate_hz,
    };
    warn(py, &name, &mono.warnings)?;
    Ok(Signal { source: Source::File(mono), sample_rate_hz, channel: None, name: Some(name) })
}

impl ThreadMemory {
    pub(crate) fn trim(&mut self) {
        self.reference.trim();
        self.degraded.trim();
    }
}

pub(crate) fn meta(
    reference: Option<String>,
    degraded: Option<String>,
    labels: Vec<(String, String)>,
) -> ComparisonMeta {
    let mut meta = ComparisonMeta::default();
    meta.reference = reference;
    meta.degraded = degraded;
    meta.labels = labels;
    meta
}

/// Plans that were made before, the newest last: tables and resamplers are made once for calls that ask for the same.
static PLANS: Mutex<Vec<(Config, Plan)>> = Mutex::new(Vec::new());
const MOST_PLANS: usize = 8;

fn frozen(config: Config) -> PyResult<Plan> {
    let mut plans = PLANS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((_, plan)) = plans.iter().find(|(made, _)| *made == config) {
        return Ok(plan.clone());
    }
    let plan = config.freeze().map_err(|e| refused("metrics", &e))?;
    if plans.len() == MOST_PLANS {
        plans.remove(0);
    }
    plans.push((config, plan.clone()));
    Ok(plan)
}

/// The plan of one score.
pub(crate) fn named_plan(score: &str) -> PyResult<Plan> {
    frozen(Config::new([score]))
}

/// Compares two arrays. Needs no interpreter.
pub(crate) fn of_arrays(plan: &Plan, reference: &Audio, degraded: &Audio, rate: u32) -> otoscope::compare::Comparison {
    MEMORY.with_borrow_mut(|memory| {
        let samples = reference.mono(None, &mut memory.reference);
        let reference = otoscope::compare::Reference::new(plan, samples, rate);
        let comparison = reference.compare(degraded.mono(None, &mut memory.degraded), rate, &mut memory.scratch);
        memory.trim();
        comparison
    })
}

/// The plan that the keyword arguments describe.
pub(crate) fn plan(metrics: Option<&Bound<'_, PyAny>>, align: &str, max_delay_s: f64, frames: bool) -> PyResult<Plan> {
    let mut config = Config::new(metrics.map_or_else(|| Ok(Vec::new()), names)?);
    config.align = Align::ALL.iter().copied().find(|a| a.name() == align).ok_or_else(|| {
        let known: Vec<&str> = Align::ALL.iter().map(|a| a.name()).collect();
        wrong_value("align", format!("{align:?} is not known"), format!("align must be {}", known.join(" or ")))
    })?;
    config.max_delay_s = max_delay_s;
    config.frames = frames;
    frozen(config)
}

/// Scores a degraded signal against the signal as it should be.
///
/// Nothing that is wrong with the audio is an error: a pair without a score has a named reason in `Comparison.status`. The GIL
/// is released while it works. To compare many signals with the same one, make a `Reference`.
///
/// Parameters
/// ----------
/// ref, deg : buffer of float32, float64 or int16; or path
///     A NumPy array, `array.array` or `memoryview` of shape ``(samples,)`` or ``(samples, channels)``; a str or path names an audio
///     file. Full scale is 1.0 for floats and 32768 for int16. Float64 stays float64.
/// sample_rate_hz : int, optional
///     8,000 to 192,000. Not needed for files; if given, files must have it.
/// metrics : iterable of str, optional
///     The scores, each as ``"score"`` or ``"score:preset"``, such as ``["pesq_wb", "stoi", "lsd:urgent"]``; all of them, in their
///     default preset, without it. `scores` lists them.
/// align : str
///     ``"none"``, or ``"delay"``: one delay over the whole signals is taken out for scores that compare sample with sample.
/// max_delay_s : float
///     The longest delay looked for, in seconds.
/// channel : int, optional
///     The channel to compare, counted from 0; the mean of all channels without it.
/// frames : bool
///     Whether tables that are long (a row for each frame) are made.
/// labels : dict of str to str, optional
///     Pair, system, voice and the like, for the JSON.
///
/// Returns
/// -------
/// Comparison
///
/// Raises
/// ------
/// ConfigError
///     For a score or preset that there is not; also a ValueError.
/// TypeError
///     For a type of samples that is not taken; the text says how to convert.
/// ValueError
///     For a shape, a channel or a way to align that there is not.
/// OSError
///     For a file that cannot be opened or read.
/// DecodeError
///     For a file that cannot be decoded to its end. What was only damaged is a `DecodeWarning`.
#[pyfunction]
#[pyo3(signature = (r#ref, deg, sample_rate_hz=None, *, metrics=None, align="none", max_delay_s=2.0, channel=None, frames=false, labels=None))]
#[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
pub(crate) fn compare(
    py: Python<'_>,
    r#ref: &Bound<'_, PyAny>,
    deg: &Bound<'_, PyAny>,
    sample_rate_hz: Option<i64>,
    metrics: Option<&Bound<'_, PyAny>>,
    align: &str,
    max_delay_s: f64,
    channel: Option<i64>,
    frames: bool,
    labels: Option<&Bound<'_, PyAny>>,
) -> PyResult<Comparison> {
    let plan = plan(metrics, align, max_delay_s, frames)?;
    let labels = read_labels(labels)?;
    let reference = read(py, "ref", r#ref, sample_rate_hz, channel)?;
    let degraded = read(py, "deg", deg, sample_rate_hz, channel)?;
    let meta = meta(reference.name.clone(), degraded.name.clone(), labels);
    let (rate_r, rate_d) = (reference.sample_rate_hz, degraded.sample_rate_hz);
    let comparison = py.detach(|| {
        MEMORY.with_borrow_mut(|memory| {
            let samples = reference.samples(&mut memory.reference);
            let reference = otoscope::compare::Reference::new(&plan, samples, rate_r);
            let degraded = degraded.samples(&mut memory.degraded);
            let comparison = reference.compare(degraded, rate_d, &mut memory.scratch);
            memory.trim();
            comparison
        })
    });
    Ok(Comparison { comparison, meta })
}

/// A signal as it should be, prepared for any number of comparisons.
///
/// What a score needs of the reference alone is made once. Threads may share a reference; their comparisons run side by side.
///
/// Parameters
/// ----------
/// ref, sample_rate_hz, metrics, align, max_delay_s, channel, frames
///     As for `compare`.
#[pyclass(module = "otoscope", frozen)]
pub(crate) struct Reference {
    reference: otoscope::compare::Reference<'static>,
    name: Option<String>,
    sample_rate_hz: u32,
}

#[pymethods]
impl Reference {
    #[new]
    #[pyo3(signature = (r#ref, sample_rate_hz=None, *, metrics=None, align="none", max_delay_s=2.0, channel=None, frames=false))]
    #[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
    fn new(
        py: Python<'_>,
        r#ref: &Bound<'_, PyAny>,
        sample_rate_hz: Option<i64>,
        metrics: Option<&Bound<'_, PyAny>>,
        align: &str,
        max_delay_s: f64,
        channel: Option<i64>,
        frames: bool,
    ) -> PyResult<Self> {
        let plan = plan(metrics, align, max_delay_s, frames)?;
        let signal = read(py, "ref", r#ref, sample_rate_hz, channel)?;
        let (name, sample_rate_hz) = (signal.name.clone(), signal.sample_rate_hz);
        let reference = py.detach(|| {
            let samples = signal.samples(&mut Memory::default()).into_owned();
            otoscope::compare::Reference::new(&plan, samples, sample_rate_hz)
        });
        Ok(Self { reference, name, sample_rate_hz })
    }

    /// Scores a degraded signal; see `compare`. An array without a `sample_rate_hz` has the rate of the reference.
    #[pyo3(signature = (deg, sample_rate_hz=None, *, channel=None, labels=None))]
    fn compare(
        &self,
        py: Python<'_>,
        deg: &Bound<'_, PyAny>,
        sample_rate_hz: Option<i64>,
        channel: Option<i64>,
        labels: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Comparison> {
        let labels = read_labels(labels)?;
        let is_path = deg.extract::<PathBuf>().is_ok();
        let rate = sample_rate_hz.or(if is_path { None } else { Some(i64::from(self.sample_rate_hz)) });
        let degraded = read(py, "deg", deg, rate, channel)?;
        let meta = meta(self.name.clone(), degraded.name.clone(), labels);
        let rate = degraded.sample_rate_hz;
        let comparison = py.detach(|| {
            MEMORY.with_borrow_mut(|memory| {
                let samples = degraded.samples(&mut memory.degraded);
                let comparison = self.reference.compare(samples, rate, &mut memory.scratch);
                memory.trim();
                comparison
            })
        });
        Ok(Comparison { comparison, meta })
    }

    /// The sample rate in hertz.
    #[getter]
    fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    fn __repr__(&self) -> String {
        let name = self.name.as_ref().map_or_else(String::new, |name| format!(" {name:?}"));
        format!("<otoscope.Reference{name}: {} Hz>", self.sample_rate_hz)
    }
}

/// The scores of one pair. Cannot be changed.
///
/// ``comparison["stoi"]`` is the score, ``comparison["pesq_wb.raw"]`` one of its values: a float, or None where there is none
/// (`status` says why). Scores have the keys they were asked for, such as ``"pesq_wb:cor2"``. ``KeyError`` for an unknown key.
#[pyclass(module = "otoscope", frozen)]
pub(crate) struct Comparison {
    comparison: otoscope::compare::Comparison,
    meta: ComparisonMeta,
}

impl Comparison {
    pub(crate) fn new(comparison: otoscope::compare::Comparison, meta: ComparisonMeta) -> Self {
        Self { comparison, meta }
    }

    /// A dict with something of every score that has it.
    fn of_each<'py, T: IntoPyObject<'py>>(
        &self,
        py: Python<'py>,
        get: impl Fn(&Scored) -> Option<T>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for scored in &self.comparison.scores {
            if let Some(value) = get(scored) {
                dict.set_item(&scored.key, value)?;
            }
        }
        Ok(dict)
    }
}

#[pymethods]
impl Comparison {
    /// The scores: a dict from key to float, without those that have none.
    #[getter]
    fn scores<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.of_each(py, Scored::value)
    }

    /// All values: a dict from ``key.field`` to float. Units: the ending of the key, and `scores` of the module.
    #[getter]
    fn values<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for scored in &self.comparison.scores {
            for (field, value) in scored.fields() {
                if let Some(x) = value.number() {
                    dict.set_item(format!("{}.{}", scored.key, field.name), x)?;
                }
            }
        }
        Ok(dict)
    }

    /// How each score came out: a dict from key to ``"ok"`` or the name of the reason why there is none.
    #[getter]
    fn status<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.of_each(py, |s| Some(s.status()))
    }

    /// Why scores are missing, in a sentence: a dict from key to str.
    #[getter]
    fn messages<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.of_each(py, |s| s.values.as_ref().err().map(Reason::to_string))
    }

    /// What a reader should know of scores: a dict from key to a dict from name to sentence.
    #[getter]
    fn warnings<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for scored in self.comparison.scores.iter().filter(|s| !s.warnings.is_empty()) {
            let warnings = PyDict::new(py);
            for warning in &scored.warnings {
                warnings.set_item(warning.name(), warning.to_string())?;
            }
            dict.set_item(&scored.key, warnings)?;
        }
        Ok(dict)
    }

    /// Whose definition each score is: a dict from key to str.
    #[getter]
    fn definitions<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.of_each(py, |s| Some(s.preset.definition))
    }

    /// What was resampled by what for each score: a dict from key to str, ``"native"`` if nothing was.
    #[getter]
    fn rate_policies<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        self.of_each(py, |s| Some(s.rate_policy.to_string()))
    }

    /// A table that came with a score.
    ///
    /// Returns
    /// -------
    /// list of dict
    ///     A dict from column to float for each row; `scores` of the module says what the columns are.
    ///
    /// Raises
    /// ------
    /// KeyError
    ///     If the score has no such table; long ones are only made with ``frames=True``.
    fn table<'py>(&self, py: Python<'py>, score: &str, table: &str) -> PyResult<Bound<'py, PyList>> {
        let scored = self.comparison.score(score);
        let Some(found) = scored.and_then(|s| s.table(table)) else {
            let has: Vec<String> = self
                .comparison
                .scores
                .iter()
                .flat_map(|s| s.tables.iter().map(|t| format!("({:?}, {:?})", s.key, t.spec.name)))
                .collect();
            let has = if has.is_empty() { "none".to_owned() } else { has.join(", ") };
            return Err(PyKeyError::new_err(format!("no table {table:?} of {score:?}; there are {has}")));
        };
        let list = PyList::empty(py);
        for row in found.rows() {
            let dict = PyDict::new(py);
            for (column, cell) in found.spec.columns.iter().zip(row) {
                dict.set_item(column.name, *cell)?;
            }
            list.append(dict)?;
        }
        Ok(list)
    }

    /// How many samples the degraded signal is late; None unless it was looked for (``align="delay"``).
    #[getter]
    fn delay_samples(&self) -> Option<i64> {
        self.comparison.alignment.delay_samples
    }

    /// The labels given to `compare`: a dict from str to str.
    #[getter]
    fn labels<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (key, value) in &self.meta.labels {
            dict.set_item(key, value)?;
        }
        Ok(dict)
    }

    /// The comparison as one JSON object on one line, schema ``otoscope.comparison/1``.
    fn to_json(&self) -> String {
        self.comparison.to_json(&self.meta)
    }

    /// The object of `to_json` as a dict of plain Python objects.
    fn to_dict<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let object = py.import("json")?.call_method1("loads", (self.to_json(),))?;
        Ok(object.cast_into()?)
    }

    /// The keys of all scores, in the order they were asked for: a list of str.
    fn keys(&self) -> Vec<String> {
        self.comparison.scores.iter().map(|s| s.key.clone()).collect()
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        Ok(PyList::new(py, self.keys())?.try_iter()?.into_any())
    }

    fn __contains__(&self, key: &Bound<'_, PyAny>) -> bool {
        key.extract::<String>().is_ok_and(|key| self.comparison.score(&key).is_some())
    }

    fn __getitem__(&self, key: &str) -> PyResult<Option<f64>> {
        let unknown = || PyKeyError::new_err(format!("no score {key}; there are {}", self.keys().join(", ")));
        if let Some(scored) = self.comparison.score(key) {
            return Ok(scored.value());
        }
        let (score, field) = key.rsplit_once('.').ok_or_else(unknown)?;
        let scored = self.comparison.score(score).ok_or_else(unknown)?;
        if scored.spec.fields.iter().all(|f| f.name != field) {
            let has: Vec<&str> = scored.spec.fields.iter().map(|f| f.name).collect();
            return Err(PyKeyError::new_err(format!("no value {field} of {score}; there are {}", has.join(", "))));
        }
        Ok(scored.field(field).and_then(otoscope::spec::Value::number))
    }

    fn __repr__(&self) -> String {
        let parts: Vec<String> = self
            .comparison
            .scores
            .iter()
            .map(|s| match s.value() {
                Some(x) => format!("{} {x:.4}", s.key),
                None => format!("{} {}", s.key, s.status()),
            })
            .collect();
        format!("<otoscope.Comparison: {}>", parts.join(", "))
    }

    /// Draws the disturbance of a PESQ run over time, with utterances, delays and bad intervals. Needs matplotlib, and a comparison made
    /// with ``frames=True``.
    ///
    /// Parameters
    /// ----------
    /// score : str, optional
    ///     Which run, such as ``"pesq_wb"``; the first one without it.
    /// axes : matplotlib.axes.Axes, optional
    ///     Where to draw; a new figure without it.
    ///
    /// Returns
    /// -------
    /// matplotlib.axes.Axes
    #[pyo3(signature = (score=None, *, axes=None))]
    fn plot<'py>(
        slf: Bound<'py, Self>,
        score: Option<&str>,
        axes: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let keywords = PyDict::new(slf.py());
        keywords.set_item("score", score)?;
        keywords.set_item("axes", axes)?;
        slf.py().import("otoscope.plot")?.getattr("comparison")?.call((slf,), Some(&keywords))
    }

    /// The scores as an HTML table, for notebooks.
    fn _repr_html_<'py>(slf: Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("otoscope._html")?.call_method1("comparison_html", (slf,))
    }
}
