"""How fast the P.862 score is beside PyPI `pesq` (the C code) and the crate `pesq`, pair by pair in turn, one thread.

    speed.py [REPEATS]               in a virtual environment with pesq==0.0.4, numpy and scipy

The pairs are made from those that the program `pairs` writes (see fixtures/golden/pesq/make.py), and a codec by ffmpeg where there is one.
Times are CPU time, the best of the repeats. The peers are run, never read.

Licence: MIT OR Apache-2.0, like the rest of the project.
"""

import math
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time
import wave

import numpy as np
import pesq

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[2]
# Item and condition of `pairs`: white noise 5 dB, four jumps, 12 % loss.
CONDITIONS = {"noise 5 dB": "03-04", "delay jumps": "03-20", "loss 12 %": "03-12"}
CODECS = {"8000": ("gsm", ["-c:a", "libgsm_ms"], "wav"), "16000": ("opus 24k", ["-c:a", "libopus", "-b:a", "24k"], "ogg")}


def load(path):
    with wave.open(str(path)) as w:
        return w.getframerate(), np.frombuffer(w.readframes(w.getnframes()), "<i2").astype(np.float32) / 32768


def code(folder, rate):
    """A pair through a codec, or none without ffmpeg."""
    name, arguments, ending = CODECS[rate]
    if shutil.which("ffmpeg") is None:
        return None
    path, coded = folder / f"codec-{rate}", folder / f"codec-{rate}.{ending}"
    shutil.copy(folder / rate / "08-00.ref.wav", f"{path}.ref.wav")
    quiet = ["ffmpeg", "-hide_banner", "-loglevel", "error", "-y", "-i"]
    subprocess.run([*quiet, f"{path}.ref.wav", *arguments, coded], check=True)
    subprocess.run([*quiet, coded, "-ar", rate, "-c:a", "pcm_s16le", f"{path}.deg.wav"], check=True)
    return name, path


def c_time(path, mode, repeats):
    rate, reference = load(f"{path}.ref.wav")
    _, degraded = load(f"{path}.deg.wav")
    times = []
    for _ in range(repeats):
        start = time.process_time()
        pesq.pesq(rate, reference, degraded, mode)
        times.append(time.process_time() - start)
    return 1e3 * min(times), len(reference) / rate


def main():
    repeats = int(sys.argv[1]) if len(sys.argv) > 1 else 15
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        cargo = ["cargo", "run", "--release", "--quiet"]
        subprocess.run(
            [*cargo, "-p", "otoscope-tests", "--bin", "pairs", "--", folder], cwd=ROOT, check=True, stdout=subprocess.DEVNULL
        )
        pairs = {rate: {n: folder / rate / p for n, p in CONDITIONS.items()} for rate in CODECS}
        for rate in CODECS:
            if coded := code(folder, rate):
                pairs[rate][coded[0]] = coded[1]
        ours = subprocess.Popen(
            [*cargo, "--manifest-path", HERE / "Cargo.toml", "--", str(repeats)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        print("| mode | pair | s | C, ms | crate, ms | ours, ms | C / ours | crate / ours |\n|---|---|---|---|---|---|---|---|")
        for mode, rate in (("wb", "16000"), ("nb8", "8000"), ("nb16", "16000")):
            ratios = []
            for name, path in pairs[rate].items():
                print(mode, path, file=ours.stdin, flush=True)
                own, crate = map(float, ours.stdout.readline().split())
                c, seconds = c_time(path, mode[:2], max(repeats // 3, 3))
                ratios.append((c / own, crate / own))
                other = f"{crate:.1f}" if crate else "-"
                faster = f"{crate / own:.1f}" if crate else "-"
                print(f"| {mode} | {name} | {seconds:.2f} | {c:.1f} | {other} | {own:.2f} | {c / own:.1f} | {faster} |")
            mean = [math.exp(sum(math.log(max(r[i], 1e-9)) for r in ratios) / len(ratios)) for i in (0, 1)]
            other = "-" if mode == "nb16" else f"**{mean[1]:.1f}**"
            print(f"| {mode} | geometric mean | | | | | **{mean[0]:.1f}** | {other} |")
        ours.stdin.close()
        ours.wait()


if __name__ == "__main__":
    main()
