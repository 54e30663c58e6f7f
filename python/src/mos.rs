//! Reference-free models in window mode, as Python sees them.

use crate::compare::read;
use crate::error::wrong_value;
use otoscope::mos::{ClipScore, Model, Scorer};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use std::path::PathBuf;

/// Scores a whole clip with a reference-free model, by the rule of the model's own package (``window`` mode).
///
/// The values of the metric ``mos`` (``probe(..., metrics=["+mos"])``), which are made while a stream runs, differ by some hundredths. A clip says
/// little: compare means over many, of one model.
///
/// Parameters
/// ----------
/// audio : array or path
///     float32, float64 or int16 samples of shape ``(samples,)`` or ``(samples, channels)``, or a file. Brought to 16 kHz: nothing above
///     8 kHz is judged.
/// sample_rate_hz : int, optional
///     Needed for samples, 8,000 to 192,000.
/// model : str
///     ``"accurate"`` or ``"light"`` (predicted Distill-MOS), ``"dnsmos_p808"``, ``"dnsmos_p835"``; ``"dnsmos_pro"`` with `weights`.
/// channel : int, optional
///     Counted from 0; the mean of all channels without it.
/// weights : path, optional
///     A ``model_best.pt`` of DNSMOS Pro's authors (github.com/fcumlin/DNSMOSPro, MIT): none is built in.
///
/// Returns
/// -------
/// dict
///     ``model``, ``predicts`` (what the numbers are), ``mode`` (``"window"``), ``revision`` of the weights, ``fitted`` and ``raw``: the means over windows
///     of what is published and of the network's outputs, a dict from output (``mos``; P.835: ``sig``, ``bak``, ``ovrl``; Pro: ``mean``, ``variance``) to float; ``windows``, a list of
///     dicts with ``start_s``, ``fitted``, ``raw`` and ``in_mean`` (the package leaves some out by rounding). Where there is no score, ``fitted`` and ``raw``
///     are empty and ``reason`` says why: ``too_short``, ``non_finite``, ``silent``, ``rate_out_of_range``.
///
/// Raises
/// ------
/// InputError
///     For a model there is not, samples without a rate, a channel there is not.
/// DecodeError
///     For a file that cannot be read.
#[pyfunction]
#[pyo3(signature = (audio, sample_rate_hz=None, *, model="accurate", channel=None, weights=None))]
pub(crate) fn mos<'py>(
    py: Python<'py>,
    audio: &Bound<'py, PyAny>,
    sample_rate_hz: Option<i64>,
    model: &str,
    channel: Option<i64>,
    weights: Option<PathBuf>,
) -> PyResult<Bound<'py, PyDict>> {
    let scorer = scorer(model, weights)?;
    let signal = read(py, "audio", audio, sample_rate_hz, channel)?;
    let rate = signal.sample_rate_hz;
    let score = py.detach(|| {
        let mut memory = Default::default();
        let samples = signal.samples(&mut memory);
        scorer.clip_at(&samples.to_f32(), rate)
    });
    let dict = PyDict::new(py);
    dict.set_item("model", scorer.name())?;
    dict.set_item("predicts", scorer.predicts())?;
    dict.set_item("mode", "window")?;
    dict.set_item("revision", scorer.revision())?;
    let (score, reason) = match score {
        Ok(score) => (score, None),
        Err(why) => (ClipScore::default(), Some(why.name())),
    };
    let outputs = |values: &mut dyn Iterator<Item = f64>| -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        scorer.outputs().iter().zip(values).try_for_each(|(name, x)| dict.set_item(name, x))?;
        Ok(dict)
    };
    dict.set_item("fitted", outputs(&mut score.fitted.iter().copied())?)?;
    dict.set_item("raw", outputs(&mut score.raw.iter().copied())?)?;
    let windows = PyList::empty(py);
    for w in &score.windows {
        let window = PyDict::new(py);
        window.set_item("start_s", w.start_s)?;
        window.set_item("fitted", outputs(&mut w.fitted.iter().copied())?)?;
        window.set_item("raw", outputs(&mut w.raw.iter().map(|v| f64::from(*v)))?)?;
        window.set_item("in_mean", !w.is_left_out)?;
        windows.append(window)?;
    }
    dict.set_item("windows", windows)?;
    dict.set_item("reason", reason)?;
    Ok(dict)
}

fn scorer(model: &str, weights: Option<PathBuf>) -> PyResult<Scorer> {
    match (model, weights) {
        ("dnsmos_pro", Some(path)) => {
            let mend = "give a model_best.pt of github.com/fcumlin/DNSMOSPro";
            let wrong = |problem: String| wrong_value("weights", format!("{}: {problem}", path.display()), mend);
            let file = std::fs::read(&path).map_err(|e| wrong(e.to_string()))?;
            Scorer::from_dnsmos_pro(&file, None).map_err(|e| wrong(e.to_string()))
        }
        ("dnsmos_pro", None) => {
            Err(wrong_value("weights", "none is built in for dnsmos_pro", "pass the path of a model_best.pt"))
        }
        (_, Some(_)) => {
            Err(wrong_value("weights", format!("{model} has its own"), "leave it out, or use model=\"dnsmos_pro\""))
        }
        (name, None) => {
            let known = || Model::ALL.iter().map(|m| m.name()).collect::<Vec<_>>().join(", ");
            let model = Model::named(name)
                .ok_or_else(|| wrong_value("model", format!("no model {name:?}"), format!("use one of {}", known())))?;
            Scorer::new(model, None).map_err(|e| wrong_value("model", e.to_string(), "report this bug"))
        }
    }
}
