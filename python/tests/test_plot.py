"""Pictures: that they hold what was found, and the notebook that shows them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import otoscope
import pytest
import soundfile

matplotlib = pytest.importorskip("matplotlib")
matplotlib.use("Agg")
from matplotlib import pyplot as plt  # noqa: E402
from otoscope import plot  # noqa: E402

RATE = 16_000


@pytest.fixture(autouse=True)
def _closed() -> Iterator[None]:
    yield
    plt.close("all")


def broken() -> np.ndarray:
    t = np.arange(4 * RATE) / RATE
    x = (0.3 * np.sin(2 * np.pi * (200 + 20 * np.sin(5 * t)) * t)).astype(np.float32)
    x[2 * RATE : 2 * RATE + 960] = 0.0
    x[3 * RATE] = np.nan
    return x


def test_a_report_shows_everything_that_was_found() -> None:
    x = broken()
    report = otoscope.probe(x, RATE, name="take.wav")
    axes = report.plot(x)
    assert len(axes) == 3
    legend = {text.get_text() for text in axes[0].get_legend().get_texts()}
    assert legend == {f"{f.metric}.{f.kind}" for f in report.findings}
    title = axes[0].figure.get_suptitle()
    assert title.startswith("take.wav\n")
    assert report.findings[0].message in title
    marks = {f.start_s for f in report.findings if f.end_s - f.start_s > 0.02}
    assert marks <= {patch.get_x() for patch in axes[0].patches}
    assert axes[2].get_xlabel() == "time (s)"
    assert "LUFS" in axes[2].get_ylabel()
    # The curve is that of the probe.
    probe = otoscope.Probe(RATE, metrics=["loudness"])
    probe.push(x[: 2 * RATE])
    momentary = axes[2].lines[0]
    at = int(np.argmin(np.abs(momentary.get_xdata() - 2.0)))
    assert momentary.get_ydata()[at] == pytest.approx(probe.snapshot()["loudness.momentary_lufs"], abs=1e-9)


@pytest.mark.parametrize("x", [np.zeros(0, np.float32), np.zeros(9, np.int16), np.zeros((RATE, 2), np.float32)])
def test_odd_recordings_can_be_drawn(x: np.ndarray) -> None:
    channels = 1 if x.ndim == 1 else x.shape[1]
    report = otoscope.probe(x, RATE)
    assert report.channels == channels
    report.plot(x)[0].figure.canvas.draw()


def test_a_comparison_shows_disturbance_and_delays() -> None:
    x, rate = soundfile.read(Path(__file__).parents[2] / "fixtures" / "speech" / "ru_human.flac")
    assert rate == RATE
    y = np.roll(x, 160) + 0.01 * np.random.default_rng(1).standard_normal(len(x))
    result = otoscope.compare(x, y, RATE, metrics=["pesq_wb"], frames=True)
    axes = result.plot()
    frames = result.table("pesq_wb", "frames")
    assert len(axes.lines[0].get_xdata()) == len(frames)
    assert f"{result['pesq_wb']:.3f}" in axes.get_title(loc="left")
    assert any("10.0 ms" in text.get_text() for text in axes.texts)
    with pytest.raises(ValueError, match="frames=True"):
        otoscope.compare(x, y, RATE, metrics=["pesq_wb"]).plot()


def test_pictures_go_where_they_are_told() -> None:
    x = broken()
    _, axes = plt.subplots()
    assert plot.waveform(x, RATE, axes=axes) is axes
    assert plot.spectrogram((np.nan_to_num(x) * 32767).astype(np.int16), RATE, axes=axes) is axes
    assert plot.loudness(x, RATE, axes=axes) is axes


@pytest.mark.filterwarnings("default")
def test_the_notebook_runs(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat")
    nbclient = pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    root = Path(__file__).parents[2]
    notebook = nbformat.read(root / "examples" / "python" / "quickstart.ipynb", as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "outputs are not kept in the repository"
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(root)}}
    )
    client.km = client.create_kernel_manager()
    client.km.kernel_spec.argv[0] = sys.executable
    client.execute()
    shown = {key for cell in notebook.cells for out in cell.get("outputs", []) for key in out.get("data", {})}
    assert {"text/html", "image/png"} <= shown
