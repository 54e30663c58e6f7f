"""Prints how near each estimate comes to the teacher on voices and degradations that it never met.

  table.py --student accurate=CHECKPOINT --student light=CHECKPOINT

PCC, SRCC and RMSE against Distill-MOS. P.808 and P.835 hear the whole clip, as their package does, P.835 one clip of
three; the students hear the same, the ridges what the teacher hears.
"""

import argparse

import numpy as np
import torch
from scipy import stats

import baseline
import clips
import folders
import hand
import network
import train
import trunk
from features import load
from train import predict

WANTED = (0.65, 0.75)
RIDGES = {"ridge on statistics": hand, "ridge on P.808's trunk": trunk}


def figures(guess: np.ndarray, truth: np.ndarray) -> str:
    """Give three figures as table cells, over the clips that have an estimate; too few give none."""
    have = np.isfinite(guess)
    guess, truth = guess[have], truth[have]
    if len(truth) < 8:
        return "- | - | -"
    pcc, srcc = stats.pearsonr(guess, truth)[0], stats.spearmanr(guess, truth)[0]
    return f"{pcc:.3f} | {srcc:.3f} | {np.sqrt(np.mean((guess - truth) ** 2)):.3f}"


def collected(args: argparse.Namespace) -> tuple[list[dict], dict[str, np.ndarray]]:
    """Give every clip that judges, and every estimate of it."""
    known = baseline.known()
    ridges = {name: hand.trained(source.table_of(args, "train", hand.MOST)) for name, source in RIDGES.items()}
    facts: list[dict] = []
    guesses: dict[str, list[float]] = {"P.808 raw": [], "P.835 OVRL": [], **{name: [] for name in RIDGES}}
    for chosen in baseline.SETS:
        tables = {name: source.table_of(args, chosen) for name, source in RIDGES.items()}
        rows = [
            r for r in folders.labels(chosen) if r["clip"] in known and all(r["clip"] in t for t in tables.values())
        ]
        for name, table in tables.items():
            guesses[name] += list(ridges[name](np.stack([table[r["clip"]] for r in rows]).astype(np.float64)))
        for row in rows:
            clip = clips.parse(row["clip"], row["base"], row["steps"])
            seconds = clips.wanted_length(chosen, clip.seed) / 16000
            facts.append(
                {
                    "clip": row["clip"],
                    "set": chosen,
                    "family": clip.family,
                    "steps": clip.steps,
                    "s": seconds,
                    "score": float(row["score"]),
                }
            )
            guesses["P.808 raw"].append(known[row["clip"]][0])
            guesses["P.835 OVRL"].append(known[row["clip"]][1])
    estimates = {name: np.array(v) for name, v in guesses.items()}
    for entry in args.student:
        size, path = entry.split("=")
        spec = network.SPECS[size]
        state = torch.load(path, weights_only=True)["state"]
        model = network.Student(spec, train.POOLED + len(train.TYPES))
        model.load_state_dict(state)
        found: dict[str, float] = {}
        for chosen in baseline.SETS:
            rows, made = load(args, chosen, spec.front)
            values = predict(model, [made.clip(n) for n in range(len(rows))])
            found |= {row["clip"]: float(v) for row, v in zip(rows, values, strict=True)}
        estimates[f"otoscope_mos {size}"] = np.array([found[f["clip"]] for f in facts])
    return facts, estimates


def block(title: str, facts: list[dict], estimates: dict[str, np.ndarray], keep: np.ndarray) -> None:
    """Print one table."""
    truth = np.array([f["score"] for f in facts])[keep]
    if len(truth) < 8:
        return
    print(f"\n**{title}**: {len(truth)} clips, teacher {truth.mean():.2f}, SD {truth.std():.2f}\n")
    print("| estimate | PCC | SRCC | RMSE |\n|---|---|---|---|")
    for name, values in estimates.items():
        print(f"| {name} | {figures(values[keep], truth)} |")


def pcc_rows(title: str, facts: list[dict], estimates: dict[str, np.ndarray], groups: dict[str, np.ndarray]) -> None:
    """Print PCC (and RMSE) of several groups, one line each."""
    truth = np.array([f["score"] for f in facts])
    print(f"\n**{title}**, PCC / RMSE\n")
    print("| group | clips | SD | " + " | ".join(estimates) + " |\n|" + "---|" * (3 + len(estimates)))
    for name, keep in groups.items():
        if keep.sum() >= 8:
            cells = []
            for values in estimates.values():
                pcc, _, rmse = figures(values[keep], truth[keep]).split(" | ")
                cells.append(f"{pcc} / {rmse}")
            print(f"| {name} | {keep.sum()} | {truth[keep].std():.2f} | " + " | ".join(cells) + " |")


def main() -> None:
    """Print all tables, or two of one family."""
    parser = folders.options(__doc__)
    parser.add_argument("--student", action="append", default=[], help="SIZE=CHECKPOINT")
    parser.add_argument("--only", help="one family, in one table")
    args = parser.parse_args()
    torch.set_num_threads(1)
    facts, estimates = collected(args)
    if args.only:
        of_family = np.array([f["family"] == args.only for f in facts])
        block(f"Only {args.only}", facts, estimates, of_family)
        block(f"Only {args.only}, clean", facts, estimates, of_family & np.array([not f["steps"] for f in facts]))
        return
    print(
        "# How near the estimates come to Distill-MOS\n\nWritten by `run.sh table`; README.md says what was held out."
    )
    chosen = np.array([f["set"] for f in facts])
    fixed = chosen != "short"
    block("Held-out voices", facts, estimates, chosen == "voices")
    block("Held-out degradations", facts, estimates, chosen == "degradations")
    block("Both held out", facts, estimates, chosen == "both")
    block("All three", facts, estimates, fixed)
    seconds = np.array([f["s"] for f in facts])
    lengths = {"3-5 s": (0, 5), "5-8 s": (5, 8), "> 8 s": (8, 99)}
    same = (chosen == "short") | (chosen == "voices")
    pcc_rows(
        "By length, held-out voices",
        facts,
        estimates,
        {n: same & (seconds >= a) & (seconds < b) for n, (a, b) in lengths.items()},
    )
    family = np.array([f["family"] for f in facts])
    voices = np.isin(chosen, ("voices", "short"))
    pcc_rows(
        "By engine, held-out voices, known degradations",
        facts,
        estimates,
        {n: voices & (family == n) for n in sorted(set(family))},
    )
    clean = np.array([not f["steps"] for f in facts])
    groups = {"all engines": clean & (chosen != "degradations")}
    groups |= {n: groups["all engines"] & (family == n) for n in sorted(set(family))}
    pcc_rows("Clean only, held-out voices", facts, estimates, groups)
    held = {n: fixed & np.array([n in f["steps"] for f in facts]) for n in train.FIXED}
    pcc_rows("By degradation, alone or with another", facts, estimates, held)
    truth = np.array([f["score"] for f in facts])
    raw = stats.pearsonr(estimates["P.808 raw"][fixed], truth[fixed])[0]
    low, high = WANTED
    print(
        f"\nP.808 raw on all three sets: {raw:.3f}, {'comparable' if low <= raw <= high else 'NOT comparable'} (wanted {low} to {high})."
    )


if __name__ == "__main__":
    main()
