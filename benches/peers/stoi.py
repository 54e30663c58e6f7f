#!/usr/bin/env python3
"""`stoi` and `estoi` beside pystoi 0.4.1 and fast-stoi 1.0.0, one thread each, in turn in one run.

    cargo build --release -p otoscope-benches --bin pair
    python3 -m venv build/venv-stoi
    build/venv-stoi/bin/pip install pystoi==0.4.1 fast-stoi==1.0.0 soundfile
    build/venv-stoi/bin/python benches/peers/stoi.py [--pair target/release/pair] [--repeats 15]

CPU milliseconds a second of audio (the least of all repeats), and the ratios of the least times. Every call starts from the samples in
double precision: nothing is prepared beforehand.
"""
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import pathlib
import subprocess
import tempfile
import time

import numpy as np
import soundfile

from fast_stoi import stoi as fast_stoi
from pystoi import stoi as pystoi

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 10


def speech(rate):
    """Ten seconds of two voices with pauses, by linear interpolation: what is measured is time."""
    parts = []
    for name in ("ru_human", "en_flite_slt"):
        x, source = soundfile.read(ROOT / "fixtures/speech" / f"{name}.flac")
        parts.append(np.interp(np.arange(0, len(x) - 1, source / rate), np.arange(len(x)), x))
        parts.append(np.zeros(rate // 2))
    return np.concatenate(parts)[: SECONDS * rate]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--pair", default=ROOT / "target/release/pair")
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--rates", type=int, nargs="+", default=[16000, 48000])
    args = parser.parse_args()
    print(f"{'rate':>6} {'score':6} {'f64':>8} {'fast':>8} {'pystoi':>8} {'fast-stoi':>9}   "
          "f64: x pystoi  x fast-stoi   fast: x pystoi  x fast-stoi   |d| f64, fast, fast-stoi")
    for rate in args.rates:
        x = speech(rate)
        y = x + 0.02 * np.random.default_rng(1).standard_normal(len(x))
        with tempfile.TemporaryDirectory() as folder:
            files = []
            for name, samples in (("reference", x), ("degraded", y)):
                files.append(os.path.join(folder, name))
                samples.astype("<f8").tofile(files[-1])
            pair = subprocess.Popen(
                [args.pair, *files, str(rate)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

            def ours(key):
                def call():
                    pair.stdin.write(key + "\n")
                    ns, value = pair.stdout.readline().split()
                    return int(ns) * 1e-9, float(value)
                return call

            def peer(function, extended):
                def call():
                    start = time.process_time()
                    value = function(x, y, rate, extended=extended)
                    return time.process_time() - start, float(value)
                return call

            for score in ("stoi", "estoi"):
                calls = [ours(score), ours(score + ":fast"), peer(pystoi, score == "estoi"), peer(fast_stoi, score == "estoi")]
                least, values = [float("inf")] * 4, [0.0] * 4
                for _ in range(args.repeats):
                    for i, call in enumerate(calls):
                        seconds, values[i] = call()
                        least[i] = min(least[i], seconds)
                ms = [1e3 * t / SECONDS for t in least]
                off = [abs(v - values[2]) for v in (values[0], values[1], values[3])]
                print(f"{rate:>6} {score:6} {ms[0]:8.4f} {ms[1]:8.4f} {ms[2]:8.3f} {ms[3]:9.3f}   "
                      f"{ms[2] / ms[0]:13.1f} {ms[3] / ms[0]:12.1f} {ms[2] / ms[1]:16.1f} {ms[3] / ms[1]:12.1f}   "
                      f"{off[0]:.1e} {off[1]:.1e} {off[2]:.1e}")
            pair.stdin.close()
            pair.wait()


main()
