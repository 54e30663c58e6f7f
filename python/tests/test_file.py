"""Audio files."""

import os
import wave
from pathlib import Path

import numpy as np
import otoscope
import pytest

RATE = 24_000
PCM = (np.random.default_rng(1).standard_normal(3 * RATE) * 3000).astype(np.int16)
PCM[30_000:60_000] = 0
CHUNKS = [(0, 10), (0, 200_000_000), (7_001, 300_000_000), (50_000, 900_000_000)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "utterance ö.wav"
    write(path, PCM)
    return path


def write(path: Path, pcm: np.ndarray, rate: int = RATE) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((pcm.shape[1] if pcm.ndim == 2 else 1, 2, rate, 0, "NONE", ""))
        file.writeframes(pcm.tobytes())


def test_a_file_gives_what_its_samples_give(path: Path) -> None:
    report = otoscope.probe(path)
    assert report.to_json() == otoscope.probe(PCM, RATE, name=str(path)).to_json()
    assert otoscope.probe(str(path), RATE).to_json() == report.to_json()
    assert otoscope.probe(path, name="other").name == "other"


def test_a_relative_path_is_named_as_it_was_given(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    assert otoscope.probe(path.name).name == path.name


def test_a_file_of_several_channels(path: Path) -> None:
    stereo = np.stack([PCM, PCM[::-1]], axis=1)
    write(path, stereo)
    assert otoscope.probe(path).to_json() == otoscope.probe(stereo, RATE, name=str(path)).to_json()


def test_the_options_of_arrays_work_for_files(path: Path) -> None:
    options = {"metrics": ["join", "continuity", "silence"], "settings": {"join.fit_ratio": 8}, "chunks": CHUNKS}
    report = otoscope.probe(path, **options)
    assert report["continuity.arrivals"] == 3
    assert report["join.edges"] == 2
    assert report.to_json() == otoscope.probe(PCM, RATE, name=str(path), **options).to_json()


def test_a_rate_that_is_not_the_file_s_is_refused(path: Path) -> None:
    with pytest.raises(ValueError, match="has 24000 Hz, not 48000 Hz"):
        otoscope.probe(path, 48_000)


def test_chunks_of_another_file_are_refused(path: Path) -> None:
    with pytest.raises(ValueError, match=r"chunks\[1\]: it starts at sample 72001, but there are only 72000 samples"):
        otoscope.probe(path, chunks=[0, 72_001])


def test_what_cannot_be_opened_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"missing\.wav"):
        otoscope.probe(tmp_path / "missing.wav")
    with pytest.raises(OSError, match=os.path.basename(tmp_path)):
        otoscope.probe(tmp_path)


def test_what_is_no_audio_is_a_decode_error(path: Path) -> None:
    path.write_text("This is no audio, but it is long enough to be looked at." * 99)
    with pytest.raises(otoscope.DecodeError, match=r"utterance ö\.wav.*not a known audio format") as caught:
        otoscope.probe(path)
    assert isinstance(caught.value, otoscope.OtoscopeError)


def test_a_file_that_cannot_be_measured_is_a_config_error(path: Path) -> None:
    write(path, PCM, 4_000)
    with pytest.raises(otoscope.ConfigError, match="4000 Hz"):
        otoscope.probe(path)


def test_a_damaged_file_is_measured_with_a_warning(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-20_001])
    with pytest.warns(otoscope.DecodeWarning, match=r"utterance ö\.wav") as caught:
        report = otoscope.probe(path)
    assert report.samples == len(PCM) - 10_001
    assert caught[0].filename == __file__
