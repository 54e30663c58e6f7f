"""Delivery norms: verdicts on signals whose values follow on paper."""

import json

import numpy as np
import otoscope
import pytest

RATE = 48_000


def tone(peak_dbfs: float, seconds: float = 5.0) -> np.ndarray:
    t = np.arange(int(seconds * RATE)) / RATE
    return (10 ** (peak_dbfs / 20) * np.sin(2 * np.pi * 1000 * t)).astype(np.float32)


def test_a_stereo_tone_at_the_target_passes_and_a_louder_one_fails() -> None:
    for peak, verdict in ((-23.0, "pass"), (-20.0, "fail")):
        loudness, true_peak = otoscope.probe(np.stack([tone(peak)] * 2, axis=1), RATE).verdicts("r128")
        assert (loudness.requirement, loudness.verdict, loudness.unit) == ("integrated_lufs", verdict, "lufs")
        assert loudness.value == pytest.approx(peak, abs=0.02), "the filter's 0.01 LU"
        assert (loudness.target, loudness.min, loudness.max) == (-23.0, -23.5, -22.5)
        assert loudness.field == "loudness.integrated_lufs"
        assert loudness.edition.startswith("EBU R 128")
        assert (true_peak.verdict, true_peak.min, true_peak.mono_as) == ("pass", None, None)


def test_a_single_channel_says_how_it_was_counted() -> None:
    for mono_as, target in (("mono", -19.0), ("dual_mono", -16.0)):
        report = otoscope.probe(tone(-16.0), RATE, settings={"loudness.mono_as": mono_as})
        loudness = report.verdicts("apple_podcasts")[0]
        assert (loudness.verdict, loudness.target, loudness.mono_as) == ("pass", target, mono_as)


def test_what_was_not_measured_is_not_a_pass() -> None:
    dialogue = otoscope.probe(tone(-27.0), RATE).verdicts("netflix")[0]
    assert (dialogue.verdict, dialogue.value, dialogue.off) == ("not_measured", None, None)
    assert "dialogue" in dialogue.reason
    probe = otoscope.Probe(RATE)
    probe.push(tone(-23.0))
    assert {v.verdict for v in probe.snapshot().verdicts()} == {"not_measured"}
    assert {v.norm for v in probe.finish().verdicts()} == {n["name"] for n in otoscope.norms()}


def test_the_json_has_verdicts_if_asked() -> None:
    report = otoscope.probe(tone(-20.0), RATE)
    assert "verdicts" not in report.to_dict()
    verdicts = report.to_dict(norms=["r128", "spotify"])["verdicts"]
    assert [v["norm"] for v in verdicts] == ["r128", "r128", "spotify", "spotify"]
    for got, want in zip(verdicts, report.verdicts("r128", "spotify"), strict=True):
        assert (got["verdict"], got.get("value"), got.get("off")) == (want.verdict, want.value, want.off)
    assert json.loads(report.to_json(norms=["acx"]))["verdicts"]


def test_an_unknown_norm_names_those_there_are() -> None:
    report = otoscope.probe(tone(-20.0, 0.1), RATE)
    with pytest.raises(ValueError, match=r"no norm sportify; there are r128, .*spotify"):
        report.verdicts("sportify")
    with pytest.raises(ValueError, match="no norm x"):
        report.to_json(norms=["x"])


def test_the_norms_are_plain_data_of_fields_that_exist() -> None:
    keys = set(otoscope.probe(tone(-20.0, 0.1), RATE))
    for norm in otoscope.norms():
        assert norm["edition"]
        assert norm["source"]
        for requirement in norm["requirements"]:
            assert requirement["field"] is None or requirement["field"] in keys
