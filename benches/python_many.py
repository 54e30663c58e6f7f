#!/usr/bin/env python3
"""`compare_many` with two workers beside two processes of one, in turn: `.venv/bin/python benches/python_many.py` (two minutes).

Each side scores the same pairs; what is compared is the wall time from the first pair to the last, without starting Python. The
machine must have two free processors.
"""

import multiprocessing as mp
import statistics
import time
from pathlib import Path

import numpy as np
import otoscope
import soundfile

SPEECH = Path(__file__).parents[1] / "fixtures" / "speech"
METRICS = ["pesq_wb", "stoi", "si_sdr"]
RUNS = 7


def pairs() -> list[tuple[np.ndarray, np.ndarray]]:
    """48 pairs of 8 s at 16 kHz, all different."""
    clips = [x for x, rate in (soundfile.read(path, dtype="float32") for path in sorted(SPEECH.glob("*.flac"))) if rate == 16_000]
    speech = np.concatenate(clips)
    rng = np.random.default_rng(1)
    made = []
    for i in range(48):
        x = np.resize(np.roll(speech, -i * 40_000), 8 * 16_000)
        made.append((x, (x + 0.01 * rng.standard_normal(len(x))).astype(np.float32)))
    return made


def alone(half: int, ready: "mp.synchronize.Barrier", times: "mp.Queue[float]") -> None:
    mine = pairs()[half::2]
    otoscope.compare_many(mine[:2], 16_000, metrics=METRICS, workers=1, progress=False)
    for _ in range(RUNS):
        ready.wait()
        start = time.perf_counter()
        otoscope.compare_many(mine, 16_000, metrics=METRICS, workers=1, progress=False)
        times.put(time.perf_counter() - start)
        ready.wait()


def main() -> None:
    everything = pairs()
    otoscope.compare_many(everything[:4], 16_000, metrics=METRICS, workers=2, progress=False)
    context = mp.get_context("spawn")
    ready, times = context.Barrier(3), context.Queue()
    children = [context.Process(target=alone, args=(half, ready, times)) for half in range(2)]
    for child in children:
        child.start()
    ratios = []
    for _ in range(RUNS):
        ready.wait()
        ready.wait()
        # Two independent processes have done when the later of them has.
        apart = max(times.get(), times.get())
        start = time.perf_counter()
        otoscope.compare_many(everything, 16_000, metrics=METRICS, workers=2, progress=False)
        together = time.perf_counter() - start
        ratios.append(apart / together)
        print(f"two processes {apart:.3f} s, two workers {together:.3f} s: {ratios[-1]:.3f}x")
    for child in children:
        child.join()
    print(f"median {statistics.median(ratios):.3f}x the speed of two processes")


if __name__ == "__main__":
    main()
