"""Full-reference scores: values that follow on paper, reasons, and files."""

import json
import threading
import wave
from pathlib import Path

import numpy as np
import otoscope
import pytest

RATE = 16_000
N = 16_000
SLOW = np.where(np.arange(N) % 4 < 2, 0.5, -0.5)
"""Orthogonal to `FAST` over every four samples."""
FAST = np.where(np.arange(N) % 2 == 0, 0.5, -0.5)


def test_a_tenth_of_noise_is_20_db_in_any_type() -> None:
    deg = SLOW + 0.1 * FAST
    ints = (np.round(SLOW * 32768).astype(np.int16), np.round((SLOW + 0.125 * FAST) * 32768).astype(np.int16))
    double = otoscope.compare(SLOW, deg, RATE, metrics=["si_sdr", "snr"])
    assert double["si_sdr"] == pytest.approx(20, abs=1e-9), "rounding of sums of 16,000 squares"
    assert double["snr.value_db"] == double["snr"] == double.scores["snr"]
    single = otoscope.compare(SLOW.astype(np.float32), deg.astype(np.float32), RATE, metrics=["si_sdr"])
    assert single["si_sdr"] == pytest.approx(20, abs=1e-5), "0.55 and 0.45 are rounded to single precision"
    assert otoscope.compare(*ints, RATE, metrics=["snr"])["snr"] == pytest.approx(20 * np.log10(8), abs=1e-9), "exact"


def test_float64_stays_float64() -> None:
    deg = SLOW + 1e-12 * FAST
    assert otoscope.compare(SLOW, deg, RATE, metrics=["snr"])["snr"] == pytest.approx(240, abs=0.01), "2^-53 of 0.5"


def test_a_pair_without_a_score_has_a_reason() -> None:
    result = otoscope.compare(SLOW, np.zeros(N), RATE)
    assert set(result.status.values()) == {"silent_degraded"}
    assert result.scores == {}
    assert result["si_sdr"] is None
    assert "silence gets no score" in result.messages["si_sdr"]
    bad = SLOW.copy()
    bad[5] = np.nan
    result = otoscope.compare(bad, SLOW, RATE, metrics=["snr"])
    assert result.status == {"snr": "nan_at"}
    assert "sample 5 of the reference" in result.messages["snr"]
    assert otoscope.compare(SLOW, SLOW[:-1], RATE, metrics=["snr"]).status == {"snr": "length_mismatch"}
    assert otoscope.compare(SLOW, SLOW, -1, metrics=["snr"]).status == {"snr": "rate_unsupported"}


def test_delay() -> None:
    noise = np.random.default_rng(3).standard_normal(N) * 0.1
    late = np.concatenate([np.zeros(100), noise[:-100]]) + 0.001 * np.random.default_rng(4).standard_normal(N)
    told = otoscope.compare(noise, late, RATE, metrics=["snr"])
    assert "100 samples late" in told.warnings["snr"]["not_in_step"]
    assert told.delay_samples is None
    aligned = otoscope.compare(noise, late, RATE, metrics=["snr"], align="delay")
    assert aligned.delay_samples == 100
    assert aligned["snr"] == pytest.approx(40, abs=0.2), "noise of a hundredth; 15,900 samples vary by 1 %"
    assert aligned.warnings == {}


def test_a_reference_is_used_again_and_by_threads() -> None:
    degraded = [SLOW + x * FAST for x in (0.1, 0.2, 0.3)]
    reference = otoscope.Reference(SLOW, RATE)
    want = [otoscope.compare(SLOW, deg, RATE).values for deg in degraded]
    assert [reference.compare(deg).values for deg in degraded] == want
    got: dict[int, dict[str, float]] = {}

    def work(i: int) -> None:
        got[i] = reference.compare(degraded[i]).values

    threads = [threading.Thread(target=work, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [got[i] for i in range(3)] == want


def test_files_and_channels(tmp_path: Path) -> None:
    paths = []
    for name, x in (("ref", SLOW), ("deg", SLOW + 0.125 * FAST)):
        paths.append(tmp_path / f"{name}.wav")
        with wave.open(str(paths[-1]), "wb") as f:
            f.setnchannels(2)
            f.setsampwidth(2)
            f.setframerate(RATE)
            pcm = np.round(x * 32768).astype("<i2")
            f.writeframes(np.stack([pcm, pcm * 0], axis=1).tobytes())
    for channel in (None, 0):
        result = otoscope.compare(paths[0], str(paths[1]), metrics=["snr"], channel=channel)
        assert result["snr"] == pytest.approx(20 * np.log10(8), abs=1e-9), "exact numbers; the mean halves both"
    assert otoscope.compare(*paths, metrics=["snr"], channel=1).status == {"snr": "silent_reference"}
    assert json.loads(result.to_json())["degraded"]["name"] == str(paths[1])
    with pytest.raises(otoscope.DecodeError, match="channel 3 of 2"):
        otoscope.compare(*paths, channel=2)
    with pytest.raises(ValueError, match="has 16000 Hz, not 8000 Hz"):
        otoscope.compare(*paths, 8000)
    with pytest.raises(FileNotFoundError):
        otoscope.compare(tmp_path / "no.wav", paths[1])
    stereo = np.stack([SLOW, FAST], axis=1)
    assert otoscope.compare(stereo, SLOW, RATE, metrics=["snr"], channel=0).status == {"snr": "identical"}
    with pytest.raises(ValueError, match="channel 2 of ref"):
        otoscope.compare(stereo, SLOW, RATE, channel=2)


def test_pesq_at_its_ceiling_with_utterances_and_frames() -> None:
    rng = np.random.default_rng(5)
    bursts = (np.arange(4 * RATE) // (RATE // 2)) % 3 > 0
    x = (rng.standard_normal(4 * RATE) * 0.05 * bursts).astype(np.float32)
    same = otoscope.compare(x, x, RATE, metrics=["pesq_wb", "pesq_nb", "pesq_wb:cor2"], frames=True)
    ceilings = {"pesq_wb": 4.643888, "pesq_nb": 4.548638, "pesq_wb:cor2": 4.643888}
    assert same.scores == pytest.approx(ceilings, abs=1e-6), "six decimals"
    assert same["pesq_wb.raw"] == 4.5
    assert {u["delay_ms"] for u in same.table("pesq_wb", "utterances")} == {0.0}
    assert {f["disturbance"] for f in same.table("pesq_wb", "frames")} == {0.0}
    assert same.to_dict()["scores"]["pesq_wb:cor2"]["edition"] == "Cor.2-2018"
    fast = otoscope.compare(np.repeat(x, 3), np.repeat(x, 3), 3 * RATE, metrics=["pesq_wb"])
    assert "48000 to 16000 Hz" in fast.rate_policies["pesq_wb"]
    telephone = otoscope.compare(x, x, 8000, metrics=["pesq_wb", "pesq_nb"])
    assert telephone.status == {"pesq_wb": "rate_unsupported", "pesq_nb": "ok"}


def test_wrong_calls_say_what_to_do() -> None:
    with pytest.raises(otoscope.ConfigError, match="did you mean `si_sdr`"):
        otoscope.compare(SLOW, SLOW, RATE, metrics=["si_sdt"])
    with pytest.raises(ValueError, match="align must be none or delay"):
        otoscope.compare(SLOW, SLOW, RATE, align="dtw")
    with pytest.raises(TypeError, match="sample_rate_hz"):
        otoscope.compare(SLOW, SLOW)
    result = otoscope.compare(SLOW, FAST + SLOW, RATE, metrics=["snr", "lsd:db"])
    with pytest.raises(KeyError, match="no score pesq; there are snr, lsd:db"):
        result["pesq"]
    with pytest.raises(KeyError, match="no value db of snr; there are value_db"):
        result["snr.db"]
    with pytest.raises(KeyError, match="there are none"):
        result.table("snr", "frames")


def test_the_catalogue_and_what_is_shown() -> None:
    catalogue = otoscope.scores()
    everything = otoscope.compare(SLOW, SLOW + 0.1 * FAST, RATE)
    assert [s["name"] for s in catalogue] == everything.keys() == list(everything)
    for score in catalogue:
        assert score.keys() == otoscope.Score.__required_keys__
        assert score["presets"]
        assert score["fields"]
    html = everything._repr_html_()
    assert "Le Roux" in html
    assert "si_sdr.value_db" in html
    assert "si_sdr 20.0000" in repr(everything)
    loaded = everything.to_dict()
    assert loaded["schema"] == "otoscope.comparison/1"
    assert loaded["scores"]["si_sdr"]["value_db"] == everything["si_sdr"]
    labelled = otoscope.compare(SLOW, FAST + SLOW, RATE, metrics=["snr"], labels={"system": "b"})
    assert labelled.labels == labelled.to_dict()["labels"] == {"system": "b"}
