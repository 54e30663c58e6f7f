"""Predicted scores: of clips by models' own rules, and of streams under the caps of what was found."""

import pathlib

import numpy as np
import otoscope
import pytest

SPEECH = pathlib.Path(__file__).resolve().parents[2] / "fixtures/speech"
CLIP = SPEECH / "it_human.flac"


def samples(seconds: float = 6.0) -> np.ndarray:
    """Give a tone that is no speech."""
    return (0.1 * np.sin(np.arange(int(16_000 * seconds)) * 0.1)).astype(np.float32)


def test_a_clip_is_scored_by_each_model() -> None:
    for model, outputs in (("accurate", ["mos"]), ("light", ["mos"]), ("dnsmos_p835", ["sig", "bak", "ovrl"])):
        score = otoscope.mos(CLIP, model=model)
        assert list(score["fitted"]) == outputs
        assert score["mode"] == "window"
        assert score["reason"] is None
        assert all(1 < x < 5 for x in score["fitted"].values())
    p808 = otoscope.mos(CLIP, model="dnsmos_p808")
    # By onnxruntime, of the first window of the clip doubled: see core/tests/data/dnsmos_golden.csv.
    assert p808["windows"][0]["raw"]["mos"] == pytest.approx(3.895045, abs=1e-4)
    assert p808["predicts"] == "DNSMOS P.808, 16 kHz view"
    assert len(p808["windows"]) == 2
    assert p808["windows"][0]["in_mean"]
    assert p808["windows"][0]["start_s"] == 0


def test_rates_and_channels_are_one_signal() -> None:
    x = samples()
    one = otoscope.mos(x, 16_000)["fitted"]["mos"]
    assert otoscope.mos(np.stack([x, 0 * x], axis=1), 16_000, channel=0)["fitted"]["mos"] == one
    assert otoscope.mos((x * 32768).astype(np.int16), 16_000)["fitted"]["mos"] == pytest.approx(one, abs=0.05)


def test_without_a_score_there_is_a_reason() -> None:
    x = samples(1.0)
    assert otoscope.mos(x[:100], 16_000)["reason"] == "too_short"
    assert otoscope.mos(0 * x, 16_000)["reason"] == "silent"
    assert otoscope.mos(np.append(x, np.float32("nan")), 16_000)["reason"] == "non_finite"
    assert otoscope.mos(x, 4000) == otoscope.mos(x, 4000)
    assert otoscope.mos(x, 4000)["reason"] == "rate_out_of_range"
    assert otoscope.mos(x, 4000)["fitted"] == {}
    with pytest.raises(otoscope.InputError, match="use one of accurate, light"):
        otoscope.mos(x, 16_000, model="utmos")
    with pytest.raises(otoscope.InputError):
        otoscope.mos(x)
    with pytest.raises(otoscope.InputError, match="none is built in"):
        otoscope.mos(x, 16_000, model="dnsmos_pro")
    with pytest.raises(otoscope.InputError, match="it is no ZIP"):
        otoscope.mos(x, 16_000, model="dnsmos_pro", weights=CLIP)
    with pytest.raises(otoscope.InputError, match="accurate has its own"):
        otoscope.mos(x, 16_000, weights=CLIP)


def test_quality_is_the_predicted_score_under_caps() -> None:
    clean = otoscope.probe(CLIP, metrics=["+mos"])
    assert clean.quality is not None
    assert clean.quality["predicted_mos"] == clean["mos.predicted_mos"]
    assert otoscope.probe(CLIP).quality is None
    results = otoscope.probe_many([CLIP, SPEECH / "ru_human.flac"], metrics=["+mos"])
    assert results["quality.capped_mos"][0] == clean.quality["capped_mos"]
    assert results["quality.cause"][0] == clean.quality.get("cause")
    summary = results.summary(columns="quality.capped_mos")
    assert summary["count"] == [2]
    assert "quality.capped_mos" not in otoscope.probe_many([CLIP]).columns
