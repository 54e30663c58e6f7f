"""What ``import pesq`` gives (PyPI ``pesq`` 0.0.4), computed by Otoscope: same calls, same errors, the same scores to 1e-5 and better.

Written from what that package does, not from its code. Where it differs on purpose: any length is scored, and nothing is printed.
"""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from otoscope import _otoscope

if TYPE_CHECKING:
    import numpy as np

__all__ = [
    "BufferTooShortError",
    "InvalidSampleRateError",
    "NoUtterancesError",
    "OutOfMemoryError",
    "PesqError",
    "pesq",
    "pesq_batch",
]


class PesqError(RuntimeError):
    """Any error of the score itself. The constants are what is returned instead, with ``on_error=PesqError.RETURN_VALUES``."""

    SUCCESS = 0
    UNKNOWN = -1
    INVALID_SAMPLE_RATE = -2
    OUT_OF_MEMORY_REF = -3
    OUT_OF_MEMORY_DEG = -4
    OUT_OF_MEMORY_TMP = -5
    BUFFER_TOO_SHORT = -6
    NO_UTTERANCES_DETECTED = -7
    RAISE_EXCEPTION = 0
    RETURN_VALUES = 1


class InvalidSampleRateError(PesqError):
    """A sample rate that has no model."""


class OutOfMemoryError(PesqError):
    """Never raised here; there for scripts that catch it."""


class BufferTooShortError(PesqError):
    """A signal shorter than a quarter of a second."""


class NoUtterancesError(PesqError):
    """A reference without speech."""


def _signal(name: str, x: Any) -> Any:  # noqa: ANN401 - arrays
    import numpy as np

    if isinstance(x, list | tuple):
        raise TypeError(f"{name} must be a NumPy array, not a {type(x).__name__}")
    x = np.asarray(x)
    if x.ndim != 1:
        raise ValueError(f"{name}: wrong number of dimensions (expected 1, got {x.ndim})")
    if x.size == 0:
        raise ValueError(f"{name} is empty")
    # The score does not depend on the scale; whole numbers become floats as they are.
    return np.ascontiguousarray(x, dtype=np.float32 if x.dtype == np.float32 else np.float64)


def _check(fs: int, mode: str) -> str:
    if fs not in (8000, 16000):
        raise ValueError("fs (sampling frequency) should be either 8000 or 16000")
    if mode not in ("nb", "wb"):
        raise ValueError("mode should be either 'nb' or 'wb'")
    if fs == 8000 and mode == "wb":
        raise ValueError("no wide band mode if fs = 8000")
    return f"pesq_{mode}"


def _outcome(score: float | None, status: str) -> float | Exception:
    if score is not None:
        return score
    if status == "too_short":
        return BufferTooShortError(b"Buffer needs to be at least 1/4 of a second long")
    if status in ("no_speech", "silent_reference"):
        return NoUtterancesError(b"No utterances detected")
    return ValueError(f"no score: {status}")


def _answer(outcome: float | Exception, on_error: int) -> float:
    if not isinstance(outcome, Exception):
        return outcome
    if on_error != PesqError.RETURN_VALUES:
        raise outcome
    if isinstance(outcome, BufferTooShortError):
        return PesqError.BUFFER_TOO_SHORT
    if isinstance(outcome, NoUtterancesError):
        return PesqError.NO_UTTERANCES_DETECTED
    return float("nan")


def _score(fs: int, ref: Any, deg: Any, score: str) -> float | Exception:  # noqa: ANN401 - arrays
    value, status, _ = _otoscope._score(_signal("ref", ref), _signal("deg", deg), int(fs), score)
    return _outcome(value, status)


def pesq(
    fs: int, ref: "np.ndarray", deg: "np.ndarray", mode: str = "wb", on_error: int = PesqError.RAISE_EXCEPTION
) -> float:
    """Score one pair: the MOS-LQO of P.862.1 (``nb``) or P.862.2 (``wb``), edition 2005.

    Parameters
    ----------
    fs
        8000 or 16000 Hz.
    ref, deg
        One-dimensional arrays of any numbers; only their shape counts, not their scale.
    mode
        ``"nb"``, or at 16 kHz ``"wb"``.
    on_error
        ``PesqError.RAISE_EXCEPTION``, or ``PesqError.RETURN_VALUES``: negative codes, or NaN, instead.

    Raises
    ------
    PesqError
        `BufferTooShortError`, `NoUtterancesError`.
    ValueError
        For a rate or a mode there is not, for arrays of the wrong shape, and for a degraded signal that is silent or has NaN.

    """
    return _answer(_score(fs, ref, deg, _check(fs, mode)), on_error)


def pesq_batch(
    fs: int,
    ref: "np.ndarray",
    deg: "np.ndarray",
    mode: str,
    n_processor: int | None = None,
    on_error: int = PesqError.RAISE_EXCEPTION,
) -> list[Any]:
    """Score many pairs: both two-dimensional, or one reference against many.

    With several processors an error is the result of its row and not raised, as in the original; threads are used, since the
    interpreter is released while a pair is scored.
    """
    import numpy as np

    score = _check(fs, mode)
    processors = (os.cpu_count() or 1) if n_processor is None else n_processor
    if ref.ndim not in (1, 2):
        raise ValueError("The shape of `ref` should be either 1D or 2D!")
    if ref.ndim == 1 and deg.ndim == 1:
        return [_answer(_score(fs, ref, deg, score), PesqError.RETURN_VALUES)]
    if deg.ndim != 2 or (ref.ndim == 2 and ref.shape != deg.shape):
        raise ValueError("The shape of `deg` is invalid!")
    refs: Any = ref if ref.ndim == 2 else [ref] * len(deg)

    def one(pair: tuple[Any, Any]) -> float | Exception:
        return _score(fs, *pair, score)

    with ThreadPoolExecutor(max(processors, 1)) as pool:
        outcomes = list(pool.map(one, zip(refs, np.asarray(deg), strict=True)))
    if ref.ndim == 2 and processors > 0 and on_error != PesqError.RETURN_VALUES:
        return outcomes
    return [_answer(outcome, on_error) for outcome in outcomes]
