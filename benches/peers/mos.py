#!/usr/bin/env python3
"""Predicted scores beside a stream, and the same networks in onnxruntime at their own hop of 1 s; one thread each, in turn in one run.

    cargo build --release -p otoscope-benches --bin mos
    pip install onnxruntime==1.32.0 soundfile numpy; pip download --no-deps speechmos==0.0.1.1 (and unpack it)
    benches/peers/mos.py --models SPEECHMOS/dnsmos_models [--mos target/release/mos] [--repeats 15]
    benches/peers/mos.py --models SPEECHMOS/dnsmos_models --clips 30 60 120 [--repeats 5]

CPU milliseconds a second of audio, the least of all repeats; onnxruntime without the time its features take (P.835 has them inside). With --clips,
whole clips of so many seconds by the package's own rule: a window of 9.01 s each second, all of them.
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


def speech(seconds=SECONDS):
    """Half a minute of two voices, or so many seconds."""
    parts = [soundfile.read(ROOT / "fixtures/speech" / f"{name}.flac")[0] for name in ("ru_human", "en_flite_slt")]
    once = np.concatenate(parts)
    return np.tile(once, seconds * 16000 // len(once) + 1)[: seconds * 16000].astype("<f4")


def session(models, name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(models / name, options, providers=["CPUExecutionProvider"])


def clips(args):
    """Whole clips, in turn in one run: the least time of each."""
    p808, p835 = session(args.models, "model_v8.onnx"), session(args.models, "sig_bak_ovr.onnx")
    noise = np.random.default_rng(1).uniform(-1, 1, (1, 900, 120)).astype("f4")
    least = {}

    def note(name, ns):
        least[name] = min(least.get(name, float("inf")), ns * 1e-6)

    with tempfile.TemporaryDirectory() as folder:
        ours = {}
        for seconds in args.clips:
            path = os.path.join(folder, str(seconds))
            speech(seconds).tofile(path)
            ours[seconds] = subprocess.Popen([args.mos, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1)
        windows = {}
        for _ in range(args.repeats):
            for seconds, process in ours.items():
                x = speech(seconds)
                for model in ("dnsmos_p835", "dnsmos_p808"):
                    process.stdin.write(f"clip {model}\n")
                    ns, windows[seconds], _ = process.stdout.readline().split()
                    note((model, seconds), int(ns))
                for name, run in (
                    ("dnsmos_p835", lambda: p835.run(None, {"input_1": x[None, :WINDOW]})),
                    ("dnsmos_p808", lambda: p808.run(None, {"input_1": noise})),
                ):
                    start = time.process_time_ns()
                    run()
                    note(name, time.process_time_ns() - start)
    for seconds in args.clips:
        for model in ("dnsmos_p835", "dnsmos_p808"):
            mine, peer = least[model, seconds], least[model] * int(windows[seconds])
            print(
                f"{model} {seconds:4} s, {windows[seconds]:>3} windows: {mine / seconds:7.2f} ms/s, "
                f"onnxruntime {peer / seconds:7.2f} ({least[model]:.1f} a window), {peer / mine:.2f} times fewer"
            )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--mos", default=ROOT / "target/release/mos")
    parser.add_argument("--models", type=pathlib.Path, help="the folder with model_v8.onnx")
    parser.add_argument("--streams", nargs="+", default=["dnsmos_p808"])
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--clips", nargs="+", type=int, metavar="SECONDS")
    args = parser.parse_args()
    if args.clips:
        clips(args)
        return
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
            own = session(args.models, model)

            def call():
                start = time.process_time()
                own.run(None, {"input_1": feed})
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
