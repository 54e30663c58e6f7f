"""What ``from pystoi.stoi import stoi`` gives; written from pystoi 0.4.1 (Manuel Pariente, MIT licence)."""

import warnings
from typing import TYPE_CHECKING

from otoscope import _otoscope

if TYPE_CHECKING:
    import numpy as np

FS = 10000
N_FRAME = 256
NFFT = 512
NUMBAND = 15
MINFREQ = 150
N = 30
BETA = -15.0
DYN_RANGE = 40


def stoi(x: "np.ndarray", y: "np.ndarray", fs_sig: int, extended: bool = False) -> float:
    """Short-time objective intelligibility of `y`, with `x` as the clean signal.

    Parameters
    ----------
    x, y
        One-dimensional arrays of the same length.
    fs_sig
        Their sample rate in Hz.
    extended
        ESTOI instead; without the little noise that pystoi adds to it.

    Returns
    -------
    float
        1 is as intelligible as the clean signal. As in pystoi 1e-5, with a RuntimeWarning, if fewer than 30 frames are left without
        silence; 0 if a signal is silent; NaN if `y` has NaN.

    """
    import numpy as np

    if x.shape != y.shape:
        raise Exception(f"x and y should have the same length,found {x.shape} and {y.shape}")
    x, y = (np.ascontiguousarray(v, dtype=np.float64) for v in (x, y))
    value, status, _ = _otoscope._score(x, y, int(fs_sig), "estoi" if extended else "stoi")
    if value is not None:
        return value
    if status in ("too_short", "no_speech") or (status == "nan_at" and np.isnan(x).any()):
        warnings.warn(
            "Not enough STFT frames to compute intermediate intelligibility measure after removing silent frames. "
            "Returning 1e-5. Please check you wav files",
            RuntimeWarning,
            stacklevel=2,
        )
        return 1e-5
    return float("nan") if status == "nan_at" else 0.0
