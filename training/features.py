"""The front end of the students, and a cache of it: dB of mel bands under the window's peak, one byte a value.

Frame n is centred on sample 160 n, as in P.808: half a DFT of zeros stands before the signal.
"""

import argparse
import functools
import pathlib
from dataclasses import dataclass

import librosa
import numpy as np
from scipy import signal

import clips
import folders
import label
import sources

RANGE_DB = 80.0


@dataclass(frozen=True)
class FrontEnd:
    """Sizes of a front end."""

    bands: int
    dft: int
    hop: int = 160

    @functools.cached_property
    def matrix(self) -> np.ndarray:
        """Give the mel matrix [bands, bins], Slaney's scale and areas."""
        return librosa.filters.mel(sr=sources.RATE, n_fft=self.dft, n_mels=self.bands).astype(np.float64)

    def power_db(self, x: np.ndarray) -> np.ndarray:
        """Give dB of every band [frames, bands], not yet under the peak."""
        count = len(x) // self.hop
        half = self.dft // 2
        padded = np.pad(x, (half, half))
        frames = np.lib.stride_tricks.sliding_window_view(padded, self.dft)[:: self.hop][:count]
        power = np.abs(np.fft.rfft(frames * signal.get_window("hann", self.dft), axis=1)) ** 2
        return 10 * np.log10(np.maximum(power @ self.matrix.T, 1e-10))

    def under_peak(self, x: np.ndarray) -> np.ndarray:
        """Give dB under the peak of all of X, not lower than -80."""
        level = self.power_db(x)
        return np.maximum(level - level.max(), -RANGE_DB)


def normal(db: np.ndarray) -> np.ndarray:
    """Scale dB under the peak to -1 ... 1, as P.808 does."""
    return ((db + RANGE_DB / 2) / (RANGE_DB / 2)).astype(np.float32)


@dataclass
class Features:
    """Bytes of many clips one after the other: 0 is -80 dB, 255 the peak."""

    data: np.ndarray
    starts: np.ndarray
    seeds: np.ndarray

    def clip(self, n: int) -> np.ndarray:
        """Give the bytes [frames, bands] of clip N."""
        return self.data[self.starts[n] : self.starts[n + 1]]


def load(args: argparse.Namespace, chosen: str, front: FrontEnd) -> tuple[list[dict[str, str]], Features]:
    """Give the label lines of a set whose samples are here, and their features; what is new is computed and kept."""
    rows = folders.labels(chosen)
    folder = args.cache / "features"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{chosen}-{front.bands}-{front.dft}.npz"
    kept: dict[int, np.ndarray] = {}
    if path.exists():
        with np.load(path) as stored:
            old = Features(stored["data"], stored["starts"], stored["seeds"])
        kept = {int(seed): old.clip(n) for n, seed in enumerate(old.seeds)}
    before = len(kept)
    found, skipped = None, 0
    used = []
    for row in rows:
        seed = int(row["clip"].rsplit("-", 1)[1])
        if seed not in kept:
            pcm_path: pathlib.Path = label.cached(args, chosen, seed, "pcm")
            if pcm_path.exists():
                pcm = np.load(pcm_path)
            else:
                found = found or folders.speech(args)
                try:
                    pcm = clips.make(clips.parse(row["clip"], row["base"], row["steps"]), found)
                except KeyError:
                    skipped += 1
                    continue
            if clips.digest(pcm) != row["sha256"]:
                skipped += 1
                continue
            db = front.under_peak(pcm.astype(np.float64) / 32768)
            kept[seed] = np.round((db + RANGE_DB) * (255 / RANGE_DB)).astype(np.uint8)
        used.append(row)
    if skipped:
        print(f"{chosen}: {skipped} clips left out: their speech is not here, or is not the same")
    if not used:
        raise SystemExit(f"no clips of the set {chosen}")
    seeds = [int(row["clip"].rsplit("-", 1)[1]) for row in used]
    parts = [kept[s] for s in seeds]
    made = Features(np.concatenate(parts), np.cumsum([0] + [len(p) for p in parts]), np.array(seeds))
    if len(kept) > before:
        np.savez(path, data=made.data, starts=made.starts, seeds=made.seeds)
    return used, made
