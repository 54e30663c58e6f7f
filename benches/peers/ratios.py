#!/usr/bin/env python3
"""Otoscope's ratios and segmental distances against their peers: one thread, the same arrays, in turn, in one process.

    make peers
    (or: a venv with the packages named in fixtures/golden/signal/make.py, fast_bss_eval 0.1.4 and the built wheel)

Prints the median time of each in milliseconds per second of audio, and the ratio of the medians.
"""

import os
import pathlib
import statistics
import sys
import time
import types
import warnings

for threads in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ[threads] = "1"

import numpy as np  # noqa: E402
import otoscope  # noqa: E402
import scipy.signal  # noqa: E402
import soundfile  # noqa: E402

warnings.simplefilter("ignore")
np.NaN = np.nan
scipy.signal.kaiser = scipy.signal.windows.kaiser
sys.modules["srmrpy"] = types.ModuleType("srmrpy")
sys.modules["srmrpy"].srmr = lambda *a, **k: None
import fast_bss_eval  # noqa: E402
import pysepm_evo  # noqa: E402

SPEECH = pathlib.Path(__file__).parents[2] / "fixtures" / "speech"
ROUNDS = 15


def pair():
    """10 s of speech at 16 kHz and the same with noise at 20 dB."""
    pcm, rate = soundfile.read(SPEECH / "ru_human.flac")
    assert rate == 16_000
    reference = np.tile(pcm, 2)[: 10 * rate]
    noise = np.random.default_rng(1).standard_normal(len(reference))
    return reference, reference + 0.1 * np.sqrt(np.mean(reference**2)) * noise, rate


def numpy_si_sdr(r, d):
    target = (r @ d) / (r @ r) * r
    return 10 * np.log10(np.sum(target**2) / np.sum((d - target) ** 2))


def numpy_snr(r, d):
    return 10 * np.log10(np.sum(r**2) / np.sum((r - d) ** 2))


def main():
    r, d, rate = pair()
    segmental = ["seg_snr", "fw_seg_snr", "llr", "wss", "cepstrum_distance"]

    def pysepm():
        for f in ("SNRseg", "fwSNRseg", "llr", "wss", "cepstrum_distance"):
            getattr(pysepm_evo, f)(r, d, rate)

    def ours(metrics):
        return lambda: otoscope.compare(r, d, rate, metrics=metrics)

    reference = otoscope.Reference(r, rate, metrics=["si_sdr"])
    cases = [
        ("si_sdr", ours(["si_sdr"]), "numpy", lambda: numpy_si_sdr(r, d)),
        ("si_sdr, prepared reference", lambda: reference.compare(d), "numpy", lambda: numpy_si_sdr(r, d)),
        ("snr", ours(["snr"]), "numpy", lambda: numpy_snr(r, d)),
        ("sdr", ours(["sdr"]), "fast_bss_eval 0.1.4", lambda: fast_bss_eval.sdr(r[None], d[None])),
        ("five segmental distances", ours(segmental), "pysepm-evo 0.1.1", pysepm),
    ]
    seconds = len(r) / rate
    print(f"{'scores':28} {'ms/s':>8}   {'peer':20} {'ms/s':>8}  ratio")
    for name, mine, peer, theirs in cases:
        times = {mine: [], theirs: []}
        for f in times:
            f()  # Tables, plans and compiled functions are made once.
        # A call must last long enough for the clock.
        many = max(1, int(0.02 / max(1e-6, timed(mine, 1))))
        for _ in range(ROUNDS):
            times[mine].append(timed(mine, many) / many)
            times[theirs].append(timed(theirs, 1))
        a, b = (statistics.median(t) * 1000 / seconds for t in times.values())
        print(f"{name:28} {a:8.4f}   {peer:20} {b:8.4f}  {b / a:.1f}")


def timed(f, many):
    start = time.process_time()
    for _ in range(many):
        f()
    return time.process_time() - start


main()
