"""Writes core/tests/data/dnsmos_*.csv: what onnxruntime says of signals that a test can make again.

The signals are speech fixtures of 16 kHz and integer arithmetic on them and on two generators, so that no resampler,
sine or rounding mode can differ. Each is int16, divided by 32768, 144,160 samples long.

dnsmos_golden.csv           signal, P.808, SIG, BAK, OVRL raw; `clip+change` is a clip of any rate taken for 16 kHz, and changed
dnsmos_golden_frontend.csv  signal, frame, band, value of P.808's features
dnsmos_golden_patterns.csv  pattern, P.808 of features that a formula gives
dnsmos_golden_clips.csv     signal, samples (of it again and again), what the package itself says: OVRL, SIG, BAK, P.808
"""

import argparse
import csv
import pathlib

import numpy as np
import soundfile

import dnsmos

ROOT = pathlib.Path(__file__).resolve().parent.parent
SPEECH = ("en_flite_slt", "en_flite_rms", "it_human", "ru_human")


def noise(count: int, seed: int) -> np.ndarray:
    """Run a generator of 32 bits, x = 1664525 x + 1013904223; its upper 16 bits as int16."""
    out = np.empty(count, np.int64)
    state = seed
    for n in range(count):
        state = (1664525 * state + 1013904223) & 0xFFFFFFFF
        out[n] = (state >> 16) - 32768
    return out


def ramp(count: int, step: int) -> np.ndarray:
    """Give a saw-tooth: a counter of 16 bits that grows by STEP."""
    return (np.arange(count, dtype=np.int64) * step) % 65536 - 32768


def half_band(pcm: np.ndarray) -> np.ndarray:
    """Take away what is above a quarter of the rate: seven taps of 32nds, around the ends."""
    near = np.roll(pcm, 1) + np.roll(pcm, -1)
    far = np.roll(pcm, 3) + np.roll(pcm, -3)
    return (16 * pcm + 9 * near - far) >> 5


def telephone(pcm: np.ndarray) -> np.ndarray:
    """Give what 8 kHz leave: every second sample of the lower half, and nothing between them but what a filter makes."""
    low = half_band(half_band(pcm))
    low[1::2] = 0
    return np.clip(2 * half_band(half_band(low)), -32768, 32767)


def changes(pcm: np.ndarray) -> dict[str, np.ndarray]:
    """Give a clip in seven ways."""
    hiss = noise(len(pcm), 1)
    return {
        "plain": pcm,
        "quiet": pcm >> 4,
        "loud": np.clip(pcm << 2, -32768, 32767),
        "clipped": np.clip(pcm, -2500, 2500),
        "noise": np.clip(pcm + (hiss >> 5), -32768, 32767),
        "holes": np.where(np.arange(len(pcm)) % 16000 < 3200, 0, pcm),
        "telephone": telephone(pcm),
    }


def signals() -> dict[str, np.ndarray]:
    """Give every signal as int64 within the range of int16."""
    count = dnsmos.WINDOW
    made: dict[str, np.ndarray] = {}
    for name in SPEECH:
        pcm, rate = soundfile.read(ROOT / f"fixtures/speech/{name}.flac", dtype="int16")
        if rate == dnsmos.RATE:
            made[name] = dnsmos.fill(pcm.astype(np.int64))
    slt = made["en_flite_slt"]
    hiss = noise(count, 1)
    made["slt_quiet"] = slt >> 4
    made["slt_clipped"] = np.clip(slt, -2500, 2500)
    made["slt_noise"] = np.clip(slt + (hiss >> 5), -32768, 32767)
    made["slt_holes"] = np.where(np.arange(count) % 16000 < 3200, 0, slt)
    smooth = slt
    for _ in range(3):
        smooth = (np.roll(smooth, 1) + 2 * smooth + np.roll(smooth, -1)) >> 2
    made["slt_smoothed"] = smooth
    made["noise"] = hiss >> 2
    made["saw"] = ramp(count, 500) >> 1
    made["square_full_scale"] = np.where(np.arange(count) % 80 < 40, 32767, -32768)
    made["silence"] = np.zeros(count, np.int64)
    for path in sorted((ROOT / "fixtures/speech").glob("*.flac")):
        pcm = dnsmos.fill(soundfile.read(path, dtype="int16")[0].astype(np.int64))
        made |= {f"{path.stem}+{change}": changed for change, changed in changes(pcm).items()}
    return made


def patterns() -> dict[str, np.ndarray]:
    """Give features [900, 120] by formulas whose values f32 holds exactly."""
    frame, band = np.meshgrid(np.arange(900), np.arange(120), indexing="ij")
    return {
        "mod_a": ((frame * 7 + band * 13) % 129 - 64) / 64,
        "mod_b": ((frame * frame + 3 * band * frame) % 65 - 32) / 32,
        "edge": np.where(frame >= 450, 1.0, -1.0) * np.where(band >= 60, 0.5, 1.0),
        "zero": np.zeros((900, 120)),
    }


CLIPS = (
    ("en_flite_slt", 64000),
    ("it_human", 144159),
    ("slt_noise", 144160),
    ("ru_human", 170000),
    ("slt_clipped", 230123),
    ("en_flite_rms", 420000),
)


def clips(made: dict[str, np.ndarray]) -> list[list]:
    """Run the package, which starts thread pools once it is imported: it doubles short clips, cuts windows, drops some by rounding."""
    from speechmos import dnsmos as whole

    rows: list[list] = [["signal", "samples", "ovrl", "sig", "bak", "p808"]]
    for name, count in CLIPS:
        said = whole.run((np.resize(made[name], count) / 32768).astype(np.float32), dnsmos.RATE)
        rows.append([name, count, *(f"{said[f'{key}_mos']:.6f}" for key in ("ovrl", "sig", "bak", "p808"))])
    return rows


def write(path: pathlib.Path, rows: list[list]) -> None:
    """Write one CSV file."""
    with path.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def main() -> None:
    """Write all files."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "core/tests/data")
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    scores: list[list] = [["signal", "p808", "sig_raw", "bak_raw", "ovrl_raw"]]
    front: list[list] = [["signal", "frame", "band", "value"]]
    made = signals()
    write(out / "dnsmos_golden_clips.csv", clips(made))
    for name, pcm in made.items():
        samples = (pcm / 32768).astype(np.float32)
        features = dnsmos.p808_features(samples)
        scores.append([name, *(f"{v:.6f}" for v in (dnsmos.p808_from_features(features), *dnsmos.p835_raw(samples)))])
        if "+" in name:
            continue
        for frame in (0, 1, 123, 450, 898, 899):
            for band in (0, 1, 17, 52, 60, 90, 119):
                front.append([name, frame, band, f"{features[frame, band]:.6f}"])
    write(out / "dnsmos_golden.csv", scores)
    write(out / "dnsmos_golden_frontend.csv", front)
    rows = [[name, f"{dnsmos.p808_from_features(f):.6f}"] for name, f in patterns().items()]
    write(out / "dnsmos_golden_patterns.csv", [["pattern", "p808"], *rows])


if __name__ == "__main__":
    main()
