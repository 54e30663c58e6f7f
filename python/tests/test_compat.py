"""The functions of other packages: change the import, and the script goes on."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import otoscope
import pytest
import soundfile
from otoscope.compat.pesq import BufferTooShortError, NoUtterancesError, PesqError, pesq, pesq_batch
from otoscope.compat.pystoi import stoi

SPEECH = Path(__file__).parents[2] / "fixtures" / "speech"
# pesq 0.0.4 (wide band, narrow band, narrow band of every second sample) and pystoi 0.4.1 (plain, extended), run on `pair`.
GOLDEN = {
    "ru_human": (2.0361697673797607, 2.976379156112671, 3.0142362117767334, 0.9949563281863657, 0.9864569519307761),
    "en_flite_slt": (
        1.3547857999801636,
        1.9580073356628418,
        2.0492706298828125,
        0.9807032975024004,
        0.9528370821555316,
    ),
}


def pair(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Four seconds of speech at 16 kHz, and the same with noise of a fixed seed."""
    x, rate = soundfile.read(SPEECH / f"{name}.flac")
    assert rate == 16_000
    x = x[: 4 * rate]
    return x, x + 0.01 * np.random.default_rng(1).standard_normal(len(x))


X, Y = pair("ru_human")
ZERO = np.zeros_like(X)
NAN = Y.copy()
NAN[5] = np.nan


@pytest.mark.parametrize("name", GOLDEN)
def test_scores_are_those_of_the_packages(name: str) -> None:
    x, y = pair(name)
    wide, narrow, telephone, plain, extended = GOLDEN[name]
    # The rounding of single precision in the original; `make scores` has 300 pairs a mode.
    assert pesq(16_000, x, y, "wb") == pytest.approx(wide, abs=1e-4)
    assert pesq(16_000, x, y) == pesq(16_000, x, y, "wb")
    assert pesq(16_000, x, y, "nb") == pytest.approx(narrow, abs=1e-5)
    assert pesq(8_000, x[::2], y[::2], "nb") == pytest.approx(telephone, abs=1e-5)
    # Double precision; the extended score of pystoi has noise of 1e-16 in it, which matters in silence only.
    assert stoi(x, y, 16_000) == pytest.approx(plain, abs=1e-9)
    assert stoi(x, y, 16_000, extended=True) == pytest.approx(extended, abs=1e-9)


def test_any_numbers_will_do() -> None:
    score = pesq(16_000, X, Y)
    assert pesq(16_000.0, X, Y) == score  # type: ignore[arg-type]
    assert pesq(16_000, X * 3e5, Y * 3e5) == pytest.approx(score, abs=1e-4)
    assert pesq(16_000, (X * 32767).astype(np.int16), (Y * 32767).astype(np.int16)) == pytest.approx(
        2.0320444107055664, abs=1e-4
    )
    assert pesq(16_000, (X * 3e5).astype(np.int32), (Y * 3e5).astype(np.int32)) == pytest.approx(
        2.0359439849853516, abs=1e-4
    )
    assert pesq(16_000, X, Y[:-3000]) == pytest.approx(1.6386195421218872, abs=1e-3)
    assert stoi((X * 1000).astype(np.int16), (X * 1000).astype(np.int16), 16_000) == pytest.approx(1.0, abs=1e-9)


@pytest.mark.parametrize(
    ("arguments", "error", "text"),
    [
        ((44_100, X, Y, "wb"), ValueError, "either 8000 or 16000"),
        ((8_000, X, Y, "wb"), ValueError, "no wide band mode if fs = 8000"),
        ((16_000, X, Y, "xx"), ValueError, "either 'nb' or 'wb'"),
        ((16_000, X[None], Y[None], "wb"), ValueError, "expected 1, got 2"),
        ((16_000, list(X), list(Y), "wb"), TypeError, "list"),
        ((16_000, X[:0], Y[:0], "wb"), ValueError, "empty"),
        ((16_000, X[:100], Y[:100], "wb"), BufferTooShortError, "1/4 of a second"),
        ((16_000, ZERO, Y, "wb"), NoUtterancesError, "No utterances detected"),
        ((16_000, X, ZERO, "wb"), ValueError, "silent_degraded"),
        ((16_000, X, NAN, "wb"), ValueError, "nan"),
    ],
)
def test_what_pesq_refuses(arguments: tuple[Any, ...], error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        pesq(*arguments)
    # Wrong calls are raised whatever is asked for; signals without a score become numbers.
    if error in (BufferTooShortError, NoUtterancesError):
        codes = {BufferTooShortError: PesqError.BUFFER_TOO_SHORT, NoUtterancesError: PesqError.NO_UTTERANCES_DETECTED}
        assert pesq(*arguments, on_error=PesqError.RETURN_VALUES) == codes[error]
        assert issubclass(error, PesqError)
        assert issubclass(PesqError, RuntimeError)
    elif "silent" in text or text == "nan":
        assert np.isnan(pesq(*arguments, on_error=PesqError.RETURN_VALUES))
    else:
        with pytest.raises(error):
            pesq(*arguments, on_error=PesqError.RETURN_VALUES)


def test_batches() -> None:
    score = pesq(16_000, X, Y)
    two, degraded, quiet = np.stack([X, X]), np.stack([Y, Y]), np.stack([ZERO, X])
    assert pesq_batch(16_000, X, Y, "wb") == [score]
    assert pesq_batch(16_000, ZERO, Y, "wb") == [-7]
    assert pesq_batch(16_000, two, degraded, "wb", n_processor=2) == [score, score]
    assert pesq_batch(16_000, X, degraded, "wb") == [score, score]
    mixed = pesq_batch(16_000, quiet, degraded, "wb", n_processor=2)
    assert isinstance(mixed[0], NoUtterancesError)
    assert mixed[1] == score
    assert pesq_batch(16_000, quiet, degraded, "wb", n_processor=2, on_error=PesqError.RETURN_VALUES) == [-7, score]
    with pytest.raises(NoUtterancesError):
        pesq_batch(16_000, quiet, degraded, "wb", n_processor=0)
    with pytest.raises(NoUtterancesError):
        pesq_batch(16_000, ZERO, degraded, "wb", n_processor=2)
    assert pesq_batch(16_000, ZERO, degraded, "wb", on_error=PesqError.RETURN_VALUES) == [-7, -7]
    silent = pesq_batch(16_000, two, np.stack([Y, ZERO]), "wb", on_error=PesqError.RETURN_VALUES)
    assert silent[0] == score
    assert np.isnan(silent[1])
    for ref, deg in ((two, Y), (two, np.stack([Y] * 3))):
        with pytest.raises(ValueError, match="shape of `deg` is invalid"):
            pesq_batch(16_000, ref, deg, "wb")
    with pytest.raises(ValueError, match="either 1D or 2D"):
        pesq_batch(16_000, two[None], two[None], "wb")


def test_stoi_answers_as_pystoi_does() -> None:
    with pytest.raises(Exception, match=r"same length,found \(64000,\) and \(63999,\)"):
        stoi(X, Y[:-1], 16_000)
    with pytest.warns(RuntimeWarning, match="Not enough STFT frames"):
        assert stoi(X[:2000], Y[:2000], 16_000) == 1e-5
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert stoi(X, ZERO, 16_000) == 0.0
        assert np.isnan(stoi(X, NAN, 16_000))
    with pytest.warns(RuntimeWarning):
        assert stoi(NAN, X, 16_000) == 1e-5


def test_the_package_has_them_too() -> None:
    from otoscope.compat.pystoi.stoi import FS, N
    from otoscope.compat.pystoi.stoi import stoi as same

    assert otoscope.pesq is pesq
    assert otoscope.stoi is stoi is same
    assert (FS, N) == (10_000, 30)
    error = pickle.loads(pickle.dumps(NoUtterancesError(b"No utterances detected")))
    assert (type(error), error.args) == (NoUtterancesError, (b"No utterances detected",))
    constants = {name: value for name, value in vars(PesqError).items() if name.isupper()}
    assert constants == {
        "SUCCESS": 0,
        "UNKNOWN": -1,
        "INVALID_SAMPLE_RATE": -2,
        "OUT_OF_MEMORY_REF": -3,
        "OUT_OF_MEMORY_DEG": -4,
        "OUT_OF_MEMORY_TMP": -5,
        "BUFFER_TOO_SHORT": -6,
        "NO_UTTERANCES_DETECTED": -7,
        "RAISE_EXCEPTION": 0,
        "RETURN_VALUES": 1,
    }
