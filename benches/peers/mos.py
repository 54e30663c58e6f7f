#!/usr/bin/env python3
"""Predicted scores beside a stream, and the same networks in onnxruntime at their own hop of 1 s; one thread each, in turn in one run.

    cargo build --release -p otoscope-benches --bin mos
    pip install onnxruntime==1.32.0 soundfile numpy; pip download --no-deps speechmos==0.0.1.1 (and unpack it)
    benches/peers/mos.py --models SPEECHMOS/dnsmos_models [--mos target/release/mos] [--repeats 15]

CPU milliseconds a second of audio, the least of all repeats; onnxruntime without the time its features take.
"""
import os

for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ[name] = "1"

import argparse
import pathlib
import subprocess
import tempfile
import time

import numpy as np
import onnxruntime
import soundfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS = 30
WINDOW = 144_160


def speech():
    """Half a minute of two voices."""
    parts = [soundfile.read(ROOT / "fixtures/speech" / f"{name}.flac")[0] for name in ("ru_human", "en_flite_slt")]
    once = np.concatenate(parts)
    return np.tile(once, SECONDS * 16000 // len(once) + 1)[: SECONDS * 16000].astype("<f4")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mos", default=ROOT / "target/release/mos")
    parser.add_argument("--models", type=pathlib.Path, help="the folder with model_v8.onnx")
    parser.add_argument("--streams", nargs="+", default=["dnsmos_p808"])
    parser.add_argument("--repeats", type=int, default=15)
    args = parser.parse_args()
    x = speech()
    calls = {}
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "samples")
        x.tofile(path)
        ours = subprocess.Popen([args.mos, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)

        def stream(model):
            def call():
                ours.stdin.write(f"stream {model}\n")
                ns, size, value = ours.stdout.readline().split()
                return int(ns) * 1e-6 / SECONDS, f"{int(size) / 1000:.0f} kB a stream, value {float(value):.3f}"

            return call

        def window(model, feed):
            options = onnxruntime.SessionOptions()
            options.intra_op_num_threads = options.inter_op_num_threads = 1
            session = onnxruntime.InferenceSession(args.models / model, options, providers=["CPUExecutionProvider"])

            def call():
                start = time.process_time()
                session.run(None, {"input_1": feed})
                return (time.process_time() - start) * 1e3, "one window each second"

            return call

        for model in args.streams:
            calls[f"stream {model}"] = stream(model)
        if args.models:
            noise = np.random.default_rng(1).uniform(-1, 1, (1, 900, 120)).astype("f4")
            calls["onnxruntime P.808"] = window("model_v8.onnx", noise)
        least, said = dict.fromkeys(calls, float("inf")), {}
        for _ in range(args.repeats):
            for name, call in calls.items():
                ms, said[name] = call()
                least[name] = min(least[name], ms)
        for name, ms in least.items():
            peer = least.get("onnxruntime P.808")
            ratio = f", {peer / ms:.1f} times fewer than onnxruntime P.808" if peer and name.startswith("stream") else ""
            print(f"{name:32} {ms:8.3f} ms/s, {1000 / ms:6.0f} streams a core; {said[name]}{ratio}")


if __name__ == "__main__":
    main()
