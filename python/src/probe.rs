//! Listening: one array at once, or one stream push by push.

use crate::buffer::Audio;
use crate::chunks;
use crate::compare::no_rate;
use crate::config::{config, freeze};
use crate::error::{OtoscopeError, decode_error, push_error, warn, wrong_type, wrong_value};
use crate::findings;
use crate::report::Report;
use otoscope::{
    Beside, ChunkStart, Config, Finding, Listener, Packet, PacketFate, Push, PushError, Replay, Script, StreamMeta,
    TextHint,
};
use otoscope_decode::{DecodeError, Source};
use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::{PyList, PyMapping};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

/// Pushes a whole array as one chunk, or as more of the one before; `new` hears of every finding.
pub(crate) fn push_array<B: Beside>(
    listener: &mut Listener<B>,
    audio: &Audio,
    mut push: Push,
    mut new: impl FnMut(&Finding),
) -> Result<(), PushError> {
    audio.pieces(|pcm| {
        listener.push(pcm, push, &mut new)?;
        push = push.same_chunk();
        Ok(())
    })
}

/// Measures a whole recording.
///
/// The GIL is released while it works: threads that probe different arrays run side by side. Do not write to the array
/// meanwhile; the values would be arbitrary.
///
/// Parameters
/// ----------
/// audio : buffer of float32, float64 or int16; or path
///     A NumPy array, `array.array` or `memoryview` of shape ``(samples,)`` (mono) or ``(samples, channels)`` with 1 to 8
///     channels in WAV order. Full scale is 1.0 for floats and 32768 for int16. Any strides; the array is not copied.
///     NaN and infinity are findings, not errors. Float64 is rounded to float32.
///     A str or path names an audio file, which is decoded as it is read: WAV, FLAC, MP3, Ogg, AAC, MP4 or WebM.
/// sample_rate_hz : int
///     8,000 to 192,000. Not needed for a file; if given, the file must have it.
/// metrics : iterable of str, optional
///     Measure only these; all without it.
/// settings : dict, optional
///     ``metric.parameter`` to a number in the parameter's unit, or to a word.
/// chunks : list, optional
///     The chunks in which a stream arrived: start samples, or pairs ``(start_sample, arrival_ns)``, beginning with sample
///     0. Where two pairs start at the same sample, nothing came with the first; at sample 0 it marks the request.
///     Without the list the audio is one chunk, and what needs edges or times is not computed.
/// text : str, optional
///     What is to be said. Only its length counts: `length` finds speech that runs on or breaks off.
/// name : str, optional
///     A name of the recording, for the report; of a file, its path if not given.
/// labels : dict of str to str, optional
///     Voice, build, trace id and the like, for the report.
///
/// Returns
/// -------
/// Report
///
/// Raises
/// ------
/// ConfigError
///     For a sample rate, metric or setting that is not possible; also a ValueError.
/// TypeError
///     For a type of samples that is not taken; the text says how to convert.
/// ValueError
///     For a shape or a chunk list that makes no sense.
/// OSError
///     For a file that cannot be opened or read.
/// DecodeError
///     For a file that cannot be decoded to its end. What was only damaged is a `DecodeWarning`.
#[pyfunction]
#[pyo3(signature = (audio, sample_rate_hz=None, *, metrics=None, settings=None, chunks=None, text=None, name=None, labels=None))]
#[allow(clippy::too_many_arguments, reason = "keyword arguments in Python")]
pub(crate) fn probe(
    py: Python<'_>,
    audio: &Bound<'_, PyAny>,
    sample_rate_hz: Option<i64>,
    metrics: Option<&Bound<'_, PyAny>>,
    settings: Option<&Bound<'_, PyAny>>,
    chunks: Option<&Bound<'_, PyAny>>,
    text: Option<&str>,
    name: Option<String>,
    labels: Option<&Bound<'_, PyAny>>,
) -> PyResult<Report> {
    let mut meta = StreamMeta::default();
    meta.labels = read_labels(labels)?;
    let starts = chunks::read(chunks)?;
    let mut replay = Replay::new(&starts);
    let text = text.map(TextHint::of);
    let (report, findings) = if let Ok(path) = audio.extract::<PathBuf>() {
        meta.source = Some(name.unwrap_or_else(|| path.display().to_string()));
        probe_file(py, &path, sample_rate_hz, text, &starts, |rate, channels| {
            config(rate, channels, metrics, settings)
        })?
    } else {
        meta.source = name;
        let audio = Audio::new("audio", audio)?;
        let rate = sample_rate_hz.ok_or_else(no_rate)?;
        let channels = i64::try_from(audio.channels()).unwrap_or(i64::MAX);
        let plan = freeze(py, config(rate, channels, metrics, settings)?)?;
        chunks::check_end(&starts, &replay, audio.samples() as u64)?;
        py.detach(|| {
            let mut listener = Listener::new(&plan);
            listener.expect(text)?;
            audio.pieces(|pcm| replay.feed(&mut listener, pcm))?;
            Ok(listener.finish(|_| ()))
        })
        .map_err(push_error)?
    };
    Ok(Report::new(report, findings, meta))
}

/// Why a file was not measured to its end.
enum Stopped {
    Decoding(DecodeError),
    Pushing(PushError),
}

impl From<Stopped> for PyErr {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Decoding(error) => decode_error(&error),
            Stopped::Pushing(error) => push_error(error),
        }
    }
}

fn probe_file(
    py: Python<'_>,
    path: &Path,
    sample_rate_hz: Option<i64>,
    text: Option<TextHint>,
    starts: &[ChunkStart],
    config: impl FnOnce(i64, i64) -> PyResult<Config>,
) -> PyResult<(otoscope::Report, Vec<Finding>)> {
    let mut source = py.detach(|| Source::open(path)).map_err(|e| decode_error(&e))?;
    let rate = i64::from(source.spec().sample_rate_hz);
    if let Some(said) = sample_rate_hz.filter(|&said| said != rate) {
        let problem = format!("{} has {rate} Hz, not {said} Hz", path.display());
        return Err(wrong_value("sample_rate_hz", problem, "leave sample_rate_hz out"));
    }
    let plan = freeze(py, config(rate, i64::from(source.spec().channels))?)?;
    let mut replay = Replay::new(starts);
    let (samples, result) = py.detach(|| {
        let mut listener = Listener::new(&plan);
        listener.expect(text).map_err(Stopped::Pushing)?;
        while let Some(pcm) = source.next_chunk().map_err(Stopped::Decoding)? {
            replay.feed(&mut listener, pcm).map_err(Stopped::Pushing)?;
        }
        Ok::<_, Stopped>((listener.samples(), listener.finish(|_| ())))
    })?;
    chunks::check_end(starts, &replay, samples)?;
    warn(py, &path.display().to_string(), source.warnings())?;
    Ok(result)
}

pub(crate) fn read_labels(labels: Option<&Bound<'_, PyAny>>) -> PyResult<Vec<(String, String)>> {
    let Some(labels) = labels else { return Ok(Vec::new()) };
    let wrong = || wrong_type("labels", "it must be a dict of str to str", "pass one such as {'voice': 'anna'}");
    let items = labels.cast::<PyMapping>().map_err(|_| wrong())?.items()?;
    items.iter().map(|item| item.extract().map_err(|_| wrong())).collect()
}

/// Listens to one stream as it comes.
///
/// It keeps every finding since the start or `reset`; everything else it keeps has a fixed size.
///
/// Threads may share a probe: its calls wait for each other. Different probes are independent. For the next
/// utterance `reset` is cheaper than a new probe.
///
/// Parameters
/// ----------
/// sample_rate_hz : int
///     8,000 to 192,000.
/// channels : int
///     1 to 8, in WAV order.
/// metrics : iterable of str, optional
///     Measure only these; all without it.
/// settings : dict, optional
///     ``metric.parameter`` to a number in the parameter's unit, or to a word.
///
/// Raises
/// ------
/// ConfigError
///     For a sample rate, number of channels, metric or setting that is not possible; also a ValueError.
#[pyclass(module = "otoscope", frozen)]
pub(crate) struct Probe {
    listener: Mutex<Listener>,
    sample_rate_hz: u32,
    channels: u32,
}

fn poisoned<T>(_: T) -> PyErr {
    OtoscopeError::new_err("this probe met an internal error before; make a new one")
}

impl Probe {
    fn lock(&self, py: Python<'_>) -> PyResult<MutexGuard<'_, Listener>> {
        self.listener.lock_py_attached(py).map_err(poisoned)
    }
}

#[pymethods]
impl Probe {
    #[new]
    #[pyo3(signature = (sample_rate_hz, channels=1, *, metrics=None, settings=None))]
    fn new(
        py: Python<'_>,
        sample_rate_hz: i64,
        channels: i64,
        metrics: Option<&Bound<'_, PyAny>>,
        settings: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Self> {
        let plan = freeze(py, config(sample_rate_hz, channels, metrics, settings)?)?;
        let stream = plan.stream();
        Ok(Self {
            listener: Mutex::new(Listener::new(&plan)),
            sample_rate_hz: stream.sample_rate_hz,
            channels: stream.channels,
        })
    }

    /// Takes the next samples of the stream.
    ///
    /// One push is one chunk of the engine: its start is an edge that the join detector looks at. From one second of audio on
    /// the GIL is released; a short push is over sooner than that would take. Do not write to the array meanwhile.
    ///
    /// Parameters
    /// ----------
    /// array : buffer of float32, float64 or int16
    ///     Shape ``(samples,)`` for one channel, else ``(samples, channels)``; see `probe`. Any number of samples. An empty
    ///     one with a time is a tick: the first, before any audio, marks the request.
    /// t_ns : int, optional
    ///     When it arrived, in nanoseconds on any monotonic clock, such as ``time.monotonic_ns()``.
    /// same_chunk : bool
    ///     True if this continues the chunk of the push before, so that its start is no edge.
    ///
    /// Returns
    /// -------
    /// list of Finding
    ///     What became known with these samples. A finding that lasts is told twice: with state ``"open"`` when it begins
    ///     and ``"closed"`` at its end, with the same ``event_id``.
    ///
    /// Raises
    /// ------
    /// TypeError, ValueError
    ///     For samples of a type or shape that is not taken; the stream is as it was before.
    /// OtoscopeError
    ///     After `finish`.
    #[pyo3(signature = (array, t_ns=None, same_chunk=false))]
    fn push<'py>(
        &self,
        py: Python<'py>,
        array: &Bound<'py, PyAny>,
        t_ns: Option<i64>,
        same_chunk: bool,
    ) -> PyResult<Bound<'py, PyList>> {
        let audio = Audio::new("array", array)?;
        if audio.channels() != self.channels as usize {
            let problem = format!("array has {} channel(s), the probe {}", audio.channels(), self.channels);
            let shape =
                if self.channels == 1 { "(samples,)".to_owned() } else { format!("(samples, {})", self.channels) };
            return Err(wrong_value("array", problem, format!("the shape must be {shape}")));
        }
        let push = Push { t_ns, same_chunk };
        let mut new = Vec::new();
        if audio.samples() >= self.sample_rate_hz as usize {
            py.detach(|| match self.listener.lock() {
                Ok(mut listener) => Ok(push_array(&mut listener, &audio, push, |f| new.push(*f))),
                Err(_) => Err(()),
            })
            .map_err(poisoned)?
        } else {
            push_array(&mut *self.lock(py)?, &audio, push, |f| new.push(*f))
        }
        .map_err(push_error)?;
        findings::to_python(py, &new, self.sample_rate_hz)
    }

    /// Tells what your receiver knows of one RTP packet; the metrics ``rtp`` and ``e_model`` are made of them.
    ///
    /// Tell it before you push the samples it brought. Packets in any order, twice, or with any numbers are no error.
    ///
    /// Parameters
    /// ----------
    /// sequence : int
    ///     The sequence number of its header, 0 to 65,535.
    /// rtp_timestamp : int
    ///     The timestamp of its header, below 2**32.
    /// arrival_ns : int, optional
    ///     When it arrived, in nanoseconds on any monotonic clock, such as ``time.monotonic_ns()``.
    /// clock_rate_hz : int
    ///     Ticks of the timestamp a second, as the payload type says; 0 if unknown.
    /// fate : str
    ///     ``"received"``; ``"discarded"`` by the jitter buffer (may correct ``"received"`` later); or ``"lost"``, which need
    ///     not be told where a later packet shows the hole.
    ///
    /// Returns
    /// -------
    /// list of Finding
    ///     What became known with this packet; see `push`.
    ///
    /// Raises
    /// ------
    /// ValueError
    ///     For another fate.
    /// OverflowError
    ///     For a number that does not fit into its field of the header.
    /// OtoscopeError
    ///     After `finish`.
    #[pyo3(signature = (sequence, rtp_timestamp=0, arrival_ns=None, *, clock_rate_hz=0, fate="received"))]
    fn packet<'py>(
        &self,
        py: Python<'py>,
        sequence: u16,
        rtp_timestamp: u32,
        arrival_ns: Option<i64>,
        clock_rate_hz: u32,
        fate: &str,
    ) -> PyResult<Bound<'py, PyList>> {
        let fate = match fate {
            "received" => PacketFate::Received,
            "discarded" => PacketFate::Discarded,
            "lost" => PacketFate::Lost,
            other => {
                let problem = format!("{other:?} is not known");
                return Err(wrong_value("fate", problem, "fate must be received, discarded or lost"));
            }
        };
        let packet = Packet { sequence, rtp_timestamp, clock_rate_hz, arrival_ns, fate };
        let mut new = Vec::new();
        self.lock(py)?.packet(packet, |f| new.push(*f)).map_err(push_error)?;
        findings::to_python(py, &new, self.sample_rate_hz)
    }

    /// Says how much text the stream is to speak: before its first samples, or later as the text grows. Each call gives all
    /// of it; the newest counts. Only the length is kept. Without it `length` is not computed.
    ///
    /// Parameters
    /// ----------
    /// text : str, optional
    ///     The text; its letters are counted, and its script is told from them.
    /// chars : int, optional
    ///     Instead of the text, how many letters it has; count a digit as four.
    /// script : str
    ///     With ``chars``: ``latin``, ``cyrillic``, ``greek``, ``abjad``, ``indic``, ``southeast_asian``, ``han``, ``kana``
    ///     or ``hangul``.
    ///
    /// Raises
    /// ------
    /// TypeError
    ///     Without a text and without a number, or with both.
    /// ValueError
    ///     For an unknown script.
    /// OtoscopeError
    ///     After `finish`.
    #[pyo3(signature = (text=None, chars=None, script="latin"))]
    fn expect_text(&self, py: Python<'_>, text: Option<&str>, chars: Option<u32>, script: &str) -> PyResult<()> {
        let hint = match (text, chars) {
            (Some(text), None) => TextHint::of(text),
            (None, Some(chars)) => {
                let unknown = || {
                    let names = Script::ALL.map(Script::name).join(", ");
                    wrong_value("script", format!("no script is called {script:?}"), format!("use one of {names}"))
                };
                TextHint::new(chars, Script::from_name(script).ok_or_else(unknown)?)
            }
            _ => {
                return Err(wrong_type(
                    "text",
                    "either too much or nothing was given",
                    "give the text, or chars and script",
                ));
            }
        };
        self.lock(py)?.expect(Some(hint)).map_err(push_error)
    }

    /// The values so far, without the last 10 ms; the stream goes on. Its findings are all since the start or `reset`.
    fn snapshot(&self, py: Python<'_>) -> PyResult<Report> {
        let listener = self.lock(py)?;
        Ok(Report::new(listener.snapshot(), listener.log().clone().into_sorted(), StreamMeta::default()))
    }

    /// Ends the stream and gives the final values and all findings, those of the end included. A second call gives the
    /// same; `push` needs a `reset` first.
    fn finish(&self, py: Python<'_>) -> PyResult<Report> {
        let (report, findings) = self.lock(py)?.finish(|_| ());
        Ok(Report::new(report, findings, StreamMeta::default()))
    }

    /// Makes the probe as new, for the next stream of the same kind.
    fn reset(&self, py: Python<'_>) -> PyResult<()> {
        self.lock(py)?.reset();
        Ok(())
    }

    /// Samples per channel pushed so far.
    #[getter]
    fn samples(&self, py: Python<'_>) -> PyResult<u64> {
        Ok(self.lock(py)?.samples())
    }

    /// The sample rate in hertz.
    #[getter]
    fn sample_rate_hz(&self) -> u32 {
        self.sample_rate_hz
    }

    /// The number of channels.
    #[getter]
    fn channels(&self) -> u32 {
        self.channels
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let samples = self.samples(py)?;
        Ok(format!(
            "<otoscope.Probe: {} Hz, {} channel{}, {samples} samples so far>",
            self.sample_rate_hz,
            self.channels,
            if self.channels == 1 { "" } else { "s" },
        ))
    }
}
