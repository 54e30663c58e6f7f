"""Pictures of what Otoscope found, with matplotlib (``pip install otoscope[plot]``).

Each function draws into `axes` if given, else into a new figure, and returns the axes. What is drawn was computed by Otoscope's core, but
for the spectrogram, which is matplotlib's own.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from otoscope._otoscope import Comparison, Probe, Report

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["comparison", "findings", "loudness", "report", "spectrogram", "waveform"]

_COLOURS = {"info": "#3b7dd8", "warning": "#e08a00", "error": "#d1242f"}
_WAVE = "#33475b"


def _pyplot() -> Any:
    try:
        import matplotlib.pyplot as plt
    except ImportError:
        raise ImportError("pictures need matplotlib; pip install otoscope[plot]", name="matplotlib") from None
    return plt


def _axes(axes: "Axes | None", height: float = 2.6) -> "Axes":
    return _pyplot().subplots(figsize=(10, height), layout="constrained")[1] if axes is None else axes


def _mono(samples: Any) -> Any:
    """Full scale is 1; of several channels their mean, for pictures only."""
    import numpy as np

    x = np.asarray(samples)
    x = x.astype(np.float32) / 32768 if x.dtype == np.int16 else x.astype(np.float32)
    return x if x.ndim == 1 else x.mean(axis=1)


def findings(
    report: Report, axes: "Axes", *, words: bool = True, severities: Iterable[str] = ("info", "warning", "error")
) -> None:
    """Mark what was found: a band or a line for each, in the colour of its severity; with `words`, a legend of the kinds."""
    wanted, told = set(severities), set()
    for f in report.findings:
        if f.severity not in wanted or f.state == "open":
            continue
        name = f"{f.metric}.{f.kind}"
        label = name if words and name not in told else None
        told.add(name)
        colour = _COLOURS[f.severity]
        if f.end_s - f.start_s > 0.02:
            axes.axvspan(f.start_s, f.end_s, color=colour, alpha=0.22, lw=0, label=label)
        else:
            axes.axvline(f.start_s, color=colour, lw=1.4, label=label)
    if told and words:
        axes.legend(loc="upper right", fontsize="small", framealpha=0.85)


def waveform(samples: Any, sample_rate_hz: int, report: Report | None = None, *, axes: "Axes | None" = None) -> "Axes":
    """Draw the waveform over seconds, with the findings of `report` marked."""
    import numpy as np

    axes, x = _axes(axes), _mono(samples)
    # The lowest and the highest of each column: every click is seen, however long the recording.
    step = max(len(x) // 4000, 1)
    whole = x[: len(x) // step * step].reshape(-1, step)
    t = np.arange(len(whole)) * step / sample_rate_hz
    axes.fill_between(t, whole.min(axis=1, initial=0), whole.max(axis=1, initial=0), color=_WAVE, lw=0.5, ec=_WAVE)
    peak = float(np.nanmax(np.abs(x), initial=0.0))
    axes.set(xlim=(0, max(len(x) / sample_rate_hz, 1e-3)), ylim=(-max(1.05 * peak, 0.05), max(1.05 * peak, 0.05)))
    axes.set(xlabel="time (s)", ylabel="amplitude (1 = full scale)")
    if report is not None:
        findings(report, axes)
    return axes


def spectrogram(
    samples: Any, sample_rate_hz: int, report: Report | None = None, *, axes: "Axes | None" = None
) -> "Axes":
    """Draw the spectrogram (matplotlib's ``specgram``, Hann windows of 25 ms every 6 ms, 80 dB), with findings marked."""
    import numpy as np

    axes, x = _axes(axes, 3.2), np.nan_to_num(_mono(samples))
    size = max(int(0.025 * sample_rate_hz), 16)
    seconds = max(len(x) / sample_rate_hz, 1e-3)
    x = np.pad(x, (0, max(2 * size - len(x), 0)))
    # A floor 120 dB down, so that digital silence has a logarithm.
    x = x + 1e-6 * np.random.default_rng(0).standard_normal(len(x))
    power, _, _, image = axes.specgram(
        x, NFFT=size, Fs=sample_rate_hz, noverlap=size * 3 // 4, cmap="magma", scale="dB"
    )
    top = 10 * np.log10(power.max())
    image.set_clim(top - 80, top)
    axes.set(xlim=(0, seconds), ylim=(0, sample_rate_hz / 2), xlabel="time (s)", ylabel="frequency (Hz)")
    if report is not None:
        findings(report, axes, words=False)
    return axes


def loudness(samples: Any, sample_rate_hz: int, *, every_s: float = 0.1, axes: "Axes | None" = None) -> "Axes":
    """Draw momentary and short-term loudness over time, and the integrated loudness (BS.1770, as a `Probe` hears it)."""
    import numpy as np

    axes, x = _axes(axes), np.ascontiguousarray(samples)
    step = max(int(every_s * sample_rate_hz), 1)
    probe = Probe(sample_rate_hz, 1 if x.ndim == 1 else x.shape[1], metrics=["loudness"])
    keys = ("loudness.momentary_lufs", "loudness.short_term_lufs")
    times: list[float] = []
    courses: dict[str, list[float]] = {key: [] for key in keys}
    for start in range(0, len(x), step):
        probe.push(x[start : start + step], same_chunk=start > 0)
        now = probe.snapshot()
        times.append(min(start + step, len(x)) / sample_rate_hz)
        for key in keys:
            value = now[key]
            courses[key].append(float("nan") if value is None else value)
    for key, label, colour in zip(
        keys, ("momentary (400 ms)", "short-term (3 s)"), ("#3b7dd8", "#e08a00"), strict=True
    ):
        axes.plot(times, courses[key], color=colour, lw=1.2, label=label)
    integrated = probe.finish()["loudness.integrated_lufs"]
    if integrated is not None:
        axes.axhline(integrated, color="#57606a", lw=1, ls="--", label=f"integrated {integrated:.1f} LUFS")
    drawn = [v for course in courses.values() for v in course if v == v]
    if drawn:
        axes.set_ylim(max(min(drawn), max(drawn) - 50) - 2, max(drawn) + 3)
        axes.legend(loc="lower right", fontsize="small")
    axes.set(xlim=(0, max(len(x) / sample_rate_hz, 1e-3)), xlabel="time (s)", ylabel="loudness (LUFS)")
    axes.grid(alpha=0.25)
    return axes


def report(samples: Any, sample_rate_hz: int, report: Report, *, figure: "Figure | None" = None) -> Sequence["Axes"]:
    """Draw waveform, spectrogram and loudness above each other, with what was found; the list of findings is the title."""
    figure = _pyplot().figure(figsize=(11, 7.5), layout="constrained") if figure is None else figure
    axes = figure.subplots(3, 1, sharex=True, height_ratios=(1, 1.2, 0.8))
    waveform(samples, sample_rate_hz, report, axes=axes[0])
    spectrogram(samples, sample_rate_hz, report, axes=axes[1])
    loudness(samples, sample_rate_hz, axes=axes[2])
    for upper in axes[:2]:
        upper.set_xlabel("")
    lines = [f"{f.start_s:.3f} s  {f.severity}: {f.message}" for f in report.findings if f.state != "open"]
    name = report.name or "recording"
    more = [f"and {len(lines) - 4} more"] if len(lines) > 4 else []
    figure.suptitle("\n".join([name, *(lines[:4] or ["nothing found"]), *more]), ha="left", x=0.01, fontsize="medium")
    return list(axes)


def comparison(result: Comparison, *, score: str | None = None, axes: "Axes | None" = None) -> "Axes":
    """Draw a PESQ run: disturbance of each frame, utterances with their delays, bad intervals.

    Parameters
    ----------
    result
        Made with ``frames=True``, or there is no disturbance to draw.
    score
        Which run, such as ``"pesq_wb"``; the first that has frames without it.
    axes
        Where to draw; a new figure without it.

    Raises
    ------
    ValueError
        If no score of the result has frames.

    """
    keys = [score] if score is not None else [key for key in result if key.startswith("pesq")]
    key = next((k for k in keys if result[k] is not None and _table(result, k, "frames")), None)
    if key is None:
        raise ValueError("no score with frames; compare with metrics=['pesq_wb'] and frames=True")
    axes = _axes(axes, 3.4)
    frames = _table(result, key, "frames")
    names = [name for name in frames[0] if name != "start_s"]
    times = [frame["start_s"] for frame in frames]
    for name, colour in zip(names, ("#d1242f", "#3b7dd8"), strict=False):
        axes.plot(times, [frame[name] for frame in frames], color=colour, lw=1, label=name)
    top = 1.25 * max(45.0, *(frame[name] for frame in frames for name in names))
    for i, utterance in enumerate(_table(result, key, "utterances")):
        start, end = utterance["start_s"], utterance["end_s"]
        axes.axvspan(start, end, ymin=0.93, ymax=0.99, color=("#8fa3b5", "#b6c4d1")[i % 2], lw=0)
        axes.text(
            (start + end) / 2, 0.96 * top, f"{utterance['delay_ms']:.1f} ms", ha="center", va="center", fontsize="small"
        )
    for i, bad in enumerate(_table(result, key, "bad_intervals")):
        label = "bad interval" if i == 0 else None
        axes.axvspan(bad["start_s"], bad["end_s"], color=_COLOURS["warning"], alpha=0.3, lw=0, label=label)
    axes.set(ylim=(0, top), xlim=(0, times[-1]), xlabel="time (s)", ylabel="disturbance")
    axes.set_title(
        f"{key}: {result[key]:.3f} MOS-LQO; above: utterances and their delays", loc="left", fontsize="medium"
    )
    axes.legend(loc="center right", fontsize="small")
    return axes


def _table(result: Comparison, key: str, name: str) -> list[dict[str, float]]:
    try:
        return result.table(key, name)
    except KeyError:
        return []
