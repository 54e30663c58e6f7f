"""Says whether what ships goes the right way: less with each degradation, less and less with more noise, the same at any level.

Prints mean changes over clean clips of held-out voices, for the files in core/weights.
"""

import itertools

import numpy as np
import torch

import clips
import folders
import network
import weights
from degrade import FIXED, at_snr
from features import normal
from scenes import EXTRA

SIZES = ("accurate", "light")
SNRS = (40, 30, 20, 10, 5, 0)


def main() -> None:
    """Print one block for each network."""
    parser = folders.options(__doc__)
    parser.add_argument("--clips", type=int, default=20)
    args = parser.parse_args()
    torch.set_num_threads(1)
    found = folders.speech(args)
    sounds = []
    for row in folders.labels("voices"):
        if not row["steps"] and len(sounds) < args.clips:
            try:
                pcm = clips.make(clips.parse(row["clip"], row["base"], row["steps"]), found)
            except KeyError:
                continue
            sounds.append(pcm / 32768)

    def babble(rng: np.random.Generator, count: int) -> np.ndarray:
        return np.resize(sounds[rng.integers(len(sounds))], count)

    for size in SIZES:
        _, layers = weights.read(folders.ROOT / f"core/weights/otoscope_mos_{size}.bin")
        front = network.SPECS[size].front

        def mean(signals: list[np.ndarray], layers: list[weights.Layer] = layers, front: object = front) -> float:
            shown = [torch.from_numpy(normal(front.under_peak(x)))[None, None] for x in signals]
            return float(np.mean([float(network.run(layers, x)) for x in shown]))

        clean = mean(sounds)
        print(f"{size}: clean {clean:.2f}")
        rng = np.random.default_rng(0)
        steps = [mean([at_snr(x, rng.standard_normal(len(x)), snr) for x in sounds]) for snr in SNRS]
        falls = all(a >= b for a, b in itertools.pairwise(steps))
        print(
            "  white noise at",
            ", ".join(f"{n} dB {v:.2f}" for n, v in zip(SNRS, steps, strict=True)),
            "falls" if falls else "DOES NOT FALL",
        )
        print(f"  20 dB lower: {mean([x / 10 for x in sounds]) - clean:+.3f}")
        for name, change in {**FIXED, **EXTRA}.items():
            worse = [np.clip(change(x, np.random.default_rng(n), babble)[0], -1, 1) for n, x in enumerate(sounds)]
            print(f"  {name} {mean(worse) - clean:+.2f}")


if __name__ == "__main__":
    main()
