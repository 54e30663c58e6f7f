"""The package: catalogue, texts, types."""

import doctest
import inspect
import math
import pickle
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import otoscope
import pytest

RATE = 24_000
REPORT = otoscope.probe(np.zeros(RATE, np.float32), RATE, name="<silence>.wav")


def test_the_catalogue_names_every_value_of_a_report() -> None:
    catalogue = otoscope.metrics()
    assert [f"{m['name']}.{f['name']}" for m in catalogue for f in m["fields"]] == REPORT.keys()
    assert len({m["id"] for m in catalogue}) == len({m["name"] for m in catalogue}) == len(catalogue)
    for metric in catalogue:
        assert metric.keys() == otoscope.Metric.__required_keys__
        assert metric["summary"]
        assert metric["definition"]
        assert metric["revision"] >= 1
        for part, keys in (("params", otoscope.Param), ("fields", otoscope.Field), ("kinds", otoscope.Kind)):
            for entry in metric[part]:
                assert entry.keys() == keys.__required_keys__
                assert entry["unit"]


def test_every_parameter_can_be_set_to_its_default() -> None:
    settings: dict[str, float | str] = {}
    for metric in otoscope.metrics():
        for param in metric["params"]:
            settings[f"{metric['name']}.{param['name']}"] = param["default"]
            if param["choices"] is None:
                assert isinstance(param["default"], float)
                assert param["min"] <= param["default"] <= param["max"]
            else:
                assert param["default"] == param["choices"][0]
    x = np.random.default_rng(1).standard_normal(RATE).astype(np.float32) * 0.1
    assert otoscope.probe(x, RATE, settings=settings).to_json() == otoscope.probe(x, RATE).to_json()


def test_a_value_is_a_number_or_none_with_a_reason() -> None:
    assert list(REPORT) == REPORT.keys()
    for key in REPORT:
        value = REPORT[key]
        places = [key in REPORT.values, key in REPORT.undefined, key in REPORT.not_computed]
        assert places.count(True) == 1
        assert key in REPORT
        if value is None:
            assert REPORT.undefined.get(key) or REPORT.not_computed.get(key)
        else:
            assert isinstance(value, float)
            assert math.isfinite(value)
    assert REPORT["loudness.integrated_lufs"] is None
    assert "loudness.integrated_lufs" in REPORT.undefined


def test_an_unknown_key_brings_similar_ones() -> None:
    with pytest.raises(KeyError, match=re.escape("did you mean loudness.integrated_lufs")):
        REPORT["loudness.integrated"]
    with pytest.raises(KeyError, match=re.escape("list(report)")):
        REPORT["?"]
    assert "loudness.integrated" not in REPORT
    assert 3 not in REPORT
    with pytest.raises(TypeError):
        REPORT[0]  # type: ignore[index]


def test_reports_and_probes_show_themselves() -> None:
    assert repr(REPORT) == (
        '<otoscope.Report "<silence>.wav": 24000 Hz, 1 channel, 24000 samples, '
        f"{len(REPORT.findings)} findings, worst: error>"
    )
    probe = otoscope.Probe(48_000, 2)
    probe.push(np.zeros((10, 2), np.int16))
    assert repr(probe) == "<otoscope.Probe: 48000 Hz, 2 channels, 10 samples so far>"
    assert repr(probe.snapshot()) == "<otoscope.Report: 48000 Hz, 2 channels, 10 samples, 0 findings, not final>"
    assert repr(REPORT.findings[0]).startswith("Finding(metric='")


def test_the_notebook_table_has_units_and_is_escaped() -> None:
    html = REPORT._repr_html_()
    assert "&lt;silence&gt;.wav" in html
    assert "<silence>" not in html
    assert "loudness.integrated_lufs" in html
    assert "LUFS" in otoscope.probe(np.ones(RATE, np.float32) * 0.1, RATE)._repr_html_()
    assert "validity.silent" in html
    assert "no arrival times were given" in html
    assert (
        html.count("<tr")
        == html.count("</tr>")
        == len(REPORT.values) + len(REPORT.undefined) + len(REPORT.findings) + 2
    )
    x = np.random.default_rng(1).standard_normal(20 * RATE).astype(np.float32) * 0.1
    x[::2_400] = np.nan
    report = otoscope.probe(x, RATE, metrics=["validity"])
    assert f"and {len(report.findings) - 50} more" in report._repr_html_()


def test_reports_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        REPORT.name = "other"  # type: ignore[misc]
    REPORT.values.clear()
    REPORT.findings.clear()
    assert REPORT.values
    assert REPORT.findings


def test_findings_and_errors_can_be_pickled() -> None:
    finding = REPORT.findings[0]
    assert pickle.loads(pickle.dumps(finding)) == finding
    with pytest.raises(otoscope.ConfigError) as caught:
        otoscope.Probe(1)
    again = pickle.loads(pickle.dumps(caught.value))
    assert (type(again), again.args) == (otoscope.ConfigError, caught.value.args)


def test_everything_public_is_documented_and_says_it_is_otoscope() -> None:
    for name in otoscope.__all__:
        if name == "__version__":
            continue
        thing = getattr(otoscope, name)
        assert inspect.getdoc(thing), name
        if inspect.isclass(thing):
            assert thing.__module__ in ("otoscope", "otoscope.compat.pesq"), name
    for cls in (otoscope.Probe, otoscope.Report):
        for name in vars(cls):
            if not name.startswith("_"):
                assert inspect.getdoc(getattr(cls, name)), f"{cls.__name__}.{name}"
    assert list(inspect.signature(otoscope.probe).parameters)[:2] == ["audio", "sample_rate_hz"]
    assert re.fullmatch(r"\d+\.\d+\.\d+", otoscope.__version__)


def test_the_examples_of_the_readme_work() -> None:
    failed, tried = doctest.testfile(str(Path(__file__).parents[1] / "README.md"), module_relative=False)
    assert (failed, tried > 5) == (0, True)


def test_the_stubs_are_what_the_module_is() -> None:
    run = subprocess.run(
        [sys.executable, "-m", "mypy.stubtest", "otoscope._otoscope"], capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr


def test_the_types_hold_for_users(tmp_path: Path) -> None:
    user = tmp_path / "user.py"
    user.write_text(
        "import array\n"
        "import numpy as np\n"
        "import otoscope\n"
        "report: otoscope.Report = otoscope.probe(np.zeros(9, np.float32), 24000, metrics=['level'], chunks=[(0, 1)])\n"
        "value: float | None = report['level.rms_dbfs']\n"
        "probe = otoscope.Probe(24000, settings={'clipping.min_run_samples': 4, 'loudness.mono_as': 'mono'})\n"
        "found: list[otoscope.Finding] = probe.push(array.array('f', [0.0]), t_ns=1)\n"
        "import pathlib\n"
        "otoscope.probe('a.wav')\n"
        "otoscope.probe(pathlib.Path('a.wav'), chunks=np.array([0, 4]), name='a', labels={'voice': 'x'})\n"
        "names: list[str] = [m['name'] for m in otoscope.metrics()]\n"
    )
    command = [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), str(user)]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    user.write_text(
        "import otoscope\notoscope.probe([0.0], 24000)\notoscope.probe(b'', 24000).value\notoscope.probe(3)\n"
    )
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert run.returncode == 1
    assert run.stdout.count("error:") == 3, run.stdout
