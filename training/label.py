"""Lets the teacher score clips and appends the lines to labels/SET.csv; can be stopped and started at any time.

label.py SET COUNT [--part 0/2]     until seeds 0 ... COUNT - 1 have a line (this process: seeds of its part)
label.py SET --check 20             makes clips of the file again and compares their checksums
"""

import csv
import os
import random
import time
from collections.abc import Callable

import numpy as np

import clips
import folders


def cached(args: object, chosen: str, seed: int, kind: str) -> os.PathLike:
    """Give the path of a cached array of a clip."""
    path = args.cache / kind / chosen / f"{seed}.npy"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def kept(
    args: object, chosen: str, kind: str, values: Callable[[np.ndarray], np.ndarray], most: int | None
) -> dict[str, np.ndarray]:
    """Give values of a set by clip, computed from samples that are cached and kept beside them."""
    path = args.cache / "features" / f"{chosen}-{kind}.npz"
    path.parent.mkdir(parents=True, exist_ok=True)
    found = dict(np.load(path)) if path.exists() else {}
    before = len(found)
    rows = folders.labels(chosen)[:most]
    for row in rows:
        if row["clip"] not in found:
            pcm = cached(args, chosen, int(row["clip"].rsplit("-", 1)[1]), "pcm")
            if pcm.exists():
                found[row["clip"]] = values(clips.scored(np.load(pcm)))
    if len(found) > before:
        np.savez(path, **found)
    return {row["clip"]: found[row["clip"]] for row in rows if row["clip"] in found}


def check(args: object, count: int) -> None:
    """Make COUNT clips again and compare."""
    rows = folders.labels(args.set)
    found = folders.speech(args)
    same = missing = 0
    chosen = random.Random(1).sample(rows, min(count, len(rows)))
    for row in chosen:
        clip = clips.parse(row["clip"], row["base"], row["steps"])
        try:
            pcm = clips.make(clip, found)
        except KeyError:
            missing += 1
            continue
        if clips.digest(pcm) == row["sha256"] and clip.steps_field == row["steps"]:
            same += 1
        else:
            print("differs:", row["clip"])
    print(f"{args.set}: {same} of {len(chosen)} made again alike, {missing} need speech that is not here")


def main() -> None:
    """Label or check."""
    parser = folders.options(__doc__)
    parser.add_argument("set", choices=list(clips.SETS))
    parser.add_argument("count", type=int, nargs="?", default=0)
    parser.add_argument("--part", default="0/1")
    parser.add_argument("--check", type=int, default=0)
    args = parser.parse_args()
    if args.check:
        check(args, args.check)
        return
    import teacher

    part, parts = (int(p) for p in args.part.split("/"))
    done = {int(row["clip"].rsplit("-", 1)[1]) for row in folders.labels(args.set)}
    todo = [s for s in range(args.count) if s % parts == part and s not in done]
    found = folders.speech(args)
    judge = teacher.Teacher()
    path = folders.LABELS / f"{args.set}.csv"
    path.parent.mkdir(exist_ok=True)
    if not path.exists():
        path.write_text(",".join(folders.FIELDS) + "\n")
    started = time.monotonic()
    with path.open("a", newline="", buffering=1) as file:
        out = csv.writer(file, lineterminator="\n")
        for n, seed in enumerate(todo, 1):
            clip = clips.draw(args.set, seed, found)
            pcm = clips.make(clip, found)
            score, pooled = judge(clips.scored(pcm))
            np.save(cached(args, args.set, seed, "pcm"), pcm)
            np.save(cached(args, args.set, seed, "pooled"), pooled)
            out.writerow(
                [
                    f"{args.set}-{seed}",
                    clips.REVISION,
                    clip.base_field,
                    clip.steps_field,
                    clips.digest(pcm),
                    teacher.NAME,
                    f"{score:.4f}",
                ]
            )
            if n % 200 == 0:
                print(f"{args.set}: {n} of {len(todo)}, {(time.monotonic() - started) / n:.2f} s a clip", flush=True)


if __name__ == "__main__":
    main()
