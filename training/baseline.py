"""Scores the clips that judge by DNSMOS and appends them to labels/dnsmos.csv; can be stopped at any time.

P.835 costs twenty times as much as P.808: it scores one clip of three.
"""

import csv

import numpy as np

import clips
import dnsmos
import folders
import label

SETS = ("voices", "degradations", "both", "short")
PATH = folders.LABELS / "dnsmos.csv"


def known() -> dict[str, tuple[float, float]]:
    """Read what was scored: P.808 and P.835 OVRL by clip."""
    if not PATH.exists():
        return {}
    with PATH.open(newline="") as file:
        return {row["clip"]: (float(row["p808"]), float(row["p835_ovrl"] or "nan")) for row in csv.DictReader(file)}


def main() -> None:
    """Score what has no line yet."""
    parser = folders.options(__doc__)
    args = parser.parse_args()
    found = folders.speech(args)
    done = known()
    if not PATH.exists():
        PATH.write_text("clip,p808,p835_ovrl\n")
    with PATH.open("a", newline="", buffering=1) as file:
        out = csv.writer(file, lineterminator="\n")
        for chosen in SETS:
            for row in folders.labels(chosen):
                if row["clip"] in done:
                    continue
                clip = clips.parse(row["clip"], row["base"], row["steps"])
                path = label.cached(args, chosen, clip.seed, "pcm")
                pcm = np.load(path) if path.exists() else clips.make(clip, found)
                samples = pcm.astype(np.float32) / 32768
                overall = f"{dnsmos.p835_overall(samples):.4f}" if clip.seed % 3 == 0 else ""
                out.writerow([row["clip"], f"{dnsmos.p808(samples):.4f}", overall])


if __name__ == "__main__":
    main()
